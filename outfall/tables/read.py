"""How a file becomes a frame: any encoding, any heading row, any sheet, every row traceable.

Files are read as text so that nothing is guessed away: ``<0.05``, ``未检出`` and ``007`` reach the contract as written.
"""

from __future__ import annotations

import codecs
import csv
import difflib
import io
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import pandas as pd

from outfall.errors import ReadError
from outfall.tables.contract import contract
from outfall.vocabulary import find_parameter, plain

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["read_frame"]

# GDAL recognises formats by content and some of them open other files (VRT, WMS …): only these are ever allowed.
_DRIVERS = {
    ".gpkg": "GPKG",
    ".shp": "ESRI Shapefile",
    ".geojson": "GeoJSON",
    ".json": "GeoJSON",
    ".fgb": "FlatGeobuf",
    ".kml": "KML",
    ".gpx": "GPX",
    ".gml": "GML",
    ".dxf": "DXF",
}
_SHEETS = {".xlsx", ".xls", ".xlsm", ".ods"}
_TEXTS = {".csv", ".txt", ".tsv"}
_HEADING_ROWS = 12
_MAX_UNPACKED_BYTES = 400_000_000
_MAX_RATIO = 200


def read_frame(path: Path | str, *, table: str | None = None, layer: str | None = None) -> pd.DataFrame:
    r"""Return one file as a frame of text, with where each row came from.

    Reads CSV (UTF-8, UTF-16, GBK/GB 18030; comma, tab or semicolon), Excel and ODS (titles above the headings and
    merged headings are understood: a cell under a merged one is called ``upper|lower``), GeoPackage, Shapefile,
    GeoJSON, FlatGeobuf, KML, GPX, GML and DXF.

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
        The file is missing, empty, damaged, of a format we do not read, or unsafe to open.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "走航.csv"
    >>> _ = file.write_bytes("时间,电导率\n08:00,<5\n".encode("gb18030"))
    >>> read_frame(file).to_dict("records")
    [{'时间': '08:00', '电导率': '<5', 'source_ref': '走航.csv#2'}]
    """
    file = Path(path)
    suffix = file.suffix.casefold()
    if not file.exists():
        msg = f"{file}: no such file; the folder holds {_neighbours(file)}"
        raise ReadError(msg)
    if file.is_file() and file.stat().st_size == 0:
        msg = f"{file}: the file is empty (0 bytes); export it again"
        raise ReadError(msg)
    if suffix in _DRIVERS:
        return _read_features(file, _DRIVERS[suffix], layer)
    if suffix in _TEXTS:
        cells = _read_text(file)
    elif suffix in _SHEETS:
        cells = _read_sheet(file, layer)
    else:
        msg = f"{file}: {suffix or 'a file without an ending'} is not read; save it as one of {', '.join(sorted({*_DRIVERS, *_TEXTS, *_SHEETS}))}"
        raise ReadError(msg)
    return _frame(cells, file, table)


def _neighbours(file: Path) -> str:
    if not file.parent.is_dir():
        return f"nothing: {file.parent} is no folder"
    names = sorted(item.name for item in file.parent.iterdir())
    near = difflib.get_close_matches(file.name, names, n=3, cutoff=0.5)
    return ", ".join(near or names[:6]) or "nothing"


def _read_features(file: Path, driver: str, layer: str | None) -> gpd.GeoDataFrame:
    import pyogrio

    head = file.read_bytes()[:4096] if file.is_file() else b""
    if b"<OGRVRTDataSource" in head or b"<VRTDataset" in head or b"<GDAL_WMS" in head:
        msg = f"{file}: the content is a virtual data source that opens other files; it is refused. Export the data itself"
        raise ReadError(msg)
    options = {} if driver in ("GPX", "GML") else {"encoding": _dbf_encoding(file)}
    try:
        frame = pyogrio.read_dataframe(file, layer=layer, fid_as_index=False, **options)
    except Exception as error:  # pyogrio raises several unrelated classes for one situation: GDAL cannot read it
        msg = f"{file}: cannot be read as {driver} ({error}); open it in QGIS and export it again"
        raise ReadError(msg) from error
    if not isinstance(frame, gpd.GeoDataFrame):
        frame = pd.DataFrame(frame)
    frame["source_ref"] = [f"{file.name}#{row}" for row in range(1, len(frame) + 1)]
    return frame


def _dbf_encoding(file: Path) -> str | None:
    """Return GB 18030 for a shapefile without a .cpg whose texts are not UTF-8; Chinese offices write many."""
    dbf = file.with_suffix(".dbf")
    if file.suffix.casefold() != ".shp" or file.with_suffix(".cpg").exists() or not dbf.exists():
        return None
    try:
        dbf.read_bytes()[32:].decode("utf-8")
    except UnicodeDecodeError:
        return "gb18030"
    return None


def _read_text(file: Path) -> list[tuple[int, list[str]]]:
    text = _decode(file)
    first = next((line for line in text.splitlines() if line.strip()), "")
    counts = {mark: first.count(mark) for mark in (",", "\t", ";", "，")}
    mark = max(counts, key=lambda key: counts[key])
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark)
    rows: list[tuple[int, list[str]]] = []
    start = 1
    try:
        for row in reader:
            rows.append((start, row))
            start = reader.line_num + 1
    except csv.Error as error:
        msg = f"{file}: line {reader.line_num} cannot be read ({error}); save the table again as CSV (UTF-8)"
        raise ReadError(msg) from error
    return rows


def _decode(file: Path) -> str:
    raw = file.read_bytes()
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if raw.startswith(mark):
            return raw.decode(name)
    for name in ("utf-8", "gb18030"):
        try:
            text = raw.decode(name)
        except UnicodeDecodeError:
            continue
        if "\x00" not in text:
            return text
    msg = f"{file}: the text is neither UTF-8, UTF-16 nor GB 18030; save it as CSV (UTF-8)"
    raise ReadError(msg)


def _read_sheet(file: Path, layer: str | None) -> list[tuple[int, list[str]]]:
    from python_calamine import CalamineError, CalamineWorkbook

    _refuse_bomb(file)
    try:
        with CalamineWorkbook.from_path(str(file)) as book:
            names = book.sheet_names
            if layer is not None and layer not in names:
                msg = f"{file}: no sheet {layer!r}; the sheets are {', '.join(names)}"
                raise ReadError(msg)
            sheet = book.get_sheet_by_name(layer or names[0])
            merged = sheet.merged_cell_ranges or []
            cells = [[_cell(value) for value in row] for row in sheet.to_python(skip_empty_area=False)]
    except CalamineError as error:
        msg = f"{file}: cannot be read as a workbook ({error}); save it again as .xlsx"
        raise ReadError(msg) from error
    for (top, left), (bottom, right) in merged:
        if top < _HEADING_ROWS and top < len(cells):
            _spread(cells, int(top), int(left), int(bottom), int(right))
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


def _refuse_bomb(file: Path) -> None:
    if not zipfile.is_zipfile(file):
        return
    with zipfile.ZipFile(file) as archive:
        unpacked = sum(item.file_size for item in archive.infolist())
    if unpacked > _MAX_UNPACKED_BYTES or unpacked > _MAX_RATIO * max(file.stat().st_size, 100_000):
        msg = f"{file}: unpacks to {unpacked / 1e6:,.0f} MB from {file.stat().st_size / 1e6:,.1f} MB; refused as unsafe. Save the sheet as CSV"
        raise ReadError(msg)


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
    *("sys_sample_code", "chemical_name", "result_value", "result_unit", "cas_rn", "lab_anl_method_name", "detect_flag"),
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
