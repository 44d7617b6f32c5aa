"""How a file becomes a frame: any encoding, any heading row, any sheet, every row traceable.

Files are read as text so that nothing is guessed away: ``<0.05``, ``未检出`` and ``007`` reach the contract as written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from outfall.errors import ReadError
from outfall.tables.contract import contract
from outfall.tables.marks import read_gpx, read_kml
from outfall.tables.safe import (
    read_features,
    read_geojson,
    read_geopackage,
    read_sheet,
    read_text,
    refuse_virtual,
    require_file,
)
from outfall.vocabulary import find_parameter, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

__all__ = ["read_frame"]

_FEATURES: Mapping[str, Callable[[Path, str | None], pd.DataFrame]] = {
    ".gpkg": read_geopackage,
    ".geojson": lambda file, _: read_geojson(file),
    ".json": lambda file, _: read_geojson(file),
    ".kml": read_kml,
    ".kmz": read_kml,
    ".gpx": read_gpx,
    ".shp": read_features,
    ".fgb": read_features,
    ".gml": read_features,
    ".dxf": read_features,
}
_SHEETS = {".xlsx", ".xls", ".xlsm", ".ods"}
_TEXTS = {".csv", ".txt", ".tsv"}
_HEADING_ROWS = 12


def read_frame(path: Path | str, *, table: str | None = None, layer: str | None = None) -> pd.DataFrame:
    r"""Return one file as a frame of text, with where each row came from.

    Reads CSV (UTF-8, UTF-16, GBK/GB 18030; comma, tab or semicolon), Excel and ODS (titles above the headings and
    merged headings are understood: a cell under a merged one is called ``upper|lower``), GeoPackage, Shapefile,
    GeoJSON, FlatGeobuf, KML, KMZ, GPX, GML and DXF. A text file's encoding is in ``attrs["encoding"]``.

    Parameters
    ----------
    path : path
        The file.
    table : str, optional
        Contract the file should meet; its headings in either language tell which row is the heading row.
    layer : str, optional
        Layer of a GeoPackage or sheet of a workbook; the first by default.

    Returns
    -------
    DataFrame or GeoDataFrame, n rows
        Columns as the file calls them; ``source_ref`` is ``<file name>#<row as the user counts it>``.

    Raises
    ------
    ReadError
        The file is missing, empty, damaged or of a format we do not read.
    UnsafeInputError
        The file would unpack to too much, open other files or never end.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "走航.csv"
    >>> _ = file.write_bytes("时间,电导率\n08:00,<5\n".encode("gb18030"))
    >>> read_frame(file).to_dict("records")
    [{'时间': '08:00', '电导率': '<5', 'source_ref': '走航.csv#2'}]
    """
    file = require_file(path)
    suffix = file.suffix.casefold()
    if suffix in _FEATURES:
        refuse_virtual(file)
        frame = _FEATURES[suffix](file, layer)
        frame["source_ref"] = pd.Series([f"{file.name}#{row}" for row in range(1, len(frame) + 1)], dtype="str")
        return frame
    if suffix in _TEXTS:
        refuse_virtual(file)
        cells, encoding = read_text(file)
    elif suffix in _SHEETS:
        cells, encoding = _read_sheet(file, layer), ""
    else:
        msg = f"{file}: {suffix or 'a file without an ending'} is not read; save it as one of {', '.join(sorted({*_FEATURES, *_TEXTS, *_SHEETS}))}"
        raise ReadError(msg)
    frame = _frame(cells, file, table)
    if encoding:
        frame.attrs["encoding"] = encoding
    return frame


def _read_sheet(file: Path, layer: str | None) -> list[tuple[int, list[str]]]:
    values, merged = read_sheet(file, layer)
    cells = [[_cell(value) for value in row] for row in values]
    for top, left, bottom, right in merged:
        if top < _HEADING_ROWS and top < len(cells):
            _spread(cells, top, left, bottom, right)
    return list(enumerate(cells, start=1))


def _spread(cells: list[list[str]], top: int, left: int, bottom: int, right: int) -> None:
    value = cells[top][left] if left < len(cells[top]) else ""
    for row in cells[top : bottom + 1]:
        for column in range(left, min(right + 1, len(row))):
            row[column] = row[column] or value


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def _frame(cells: list[tuple[int, list[str]]], file: Path, table: str | None) -> pd.DataFrame:
    filled = [(number, [cell.strip() for cell in row]) for number, row in cells if any(cell.strip() for cell in row)]
    if not filled:
        msg = f"{file}: no row holds anything; export it again"
        raise ReadError(msg)
    at = _heading_row([row for _, row in filled[:_HEADING_ROWS]], table)
    headings = _headings([row for _, row in filled[: at + 1]])
    width = len(headings)
    rows = [(number, (row + [""] * width)[:width]) for number, row in filled[at + 1 :]]
    frame = pd.DataFrame([row for _, row in rows], columns=headings, dtype="str")
    if "source_ref" not in headings:
        frame["source_ref"] = pd.Series([f"{file.name}#{number}" for number, _ in rows], dtype="str")
    return frame


def _heading_row(rows: Sequence[Sequence[str]], table: str | None) -> int:
    """Return which row names the columns: the one with most headings we know, the first full one otherwise."""
    known = [sum(_is_known(cell, table) for cell in row) for row in rows]
    if max(known) >= 2:
        return known.index(max(known))
    filled = [sum(bool(cell) for cell in row) for row in rows]
    return filled.index(max(filled))


def _is_known(cell: str, table: str | None) -> bool:
    if plain(cell) in _COORDINATES or find_parameter(_bare(cell)) is not None:
        return True
    return table is not None and contract(table).find_column(cell) is not None


def _bare(heading: str) -> str:
    """Return a heading without the unit in brackets behind it."""
    return heading.replace("（", "(").partition("(")[0]


_COORDINATES = {"lon", "lat", "经度", "纬度", "longitude", "latitude", "east", "north", "x", "y"}
# Headings of exchange formats (WQX, EQuIS): what stands below them looks like headings too (a qualifier "B").
_EXCHANGE = (
    *("CharacteristicName", "ActivityIdentifier", "ResultMeasureValue", "ResultIdentifier", "ActivityStartDate"),
    *("Result_Characteristic", "Activity_ActivityIdentifier", "Result_Measure", "Result_MeasureUnit"),
    *(
        "sys_sample_code",
        "chemical_name",
        "result_value",
        "result_unit",
        "cas_rn",
        "lab_anl_method_name",
        "detect_flag",
    ),
    *("sys_loc_code", "sample_type_code", "Location_Identifier", "Activity_StartDate", "Result_SampleFraction"),
)
_COORDINATES |= {plain(name) for name in _EXCHANGE}


def _headings(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the headings, a merged cell above several becoming ``upper|lower``; a title row is dropped."""
    last = list(rows[-1])
    above = list(rows[-2]) if len(rows) > 1 else []
    names: list[str] = []
    groups = {cell for cell in above if cell}
    for at, cell in enumerate(last):
        upper = above[at] if at < len(above) and len(groups) > 1 else ""
        name = f"{upper}|{cell}" if upper and cell and upper != cell else cell or upper or f"column_{at + 1}"
        names.append(name if name not in names else f"{name}_{at + 1}")
    return names
