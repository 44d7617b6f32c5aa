"""How the official table becomes a file that shows every text as text, and how it is read back.

Field text is data. In a workbook every text is a string cell, never a formula or a link. A CSV file cannot say so:
there a text that a spreadsheet would run (it starts with ``= + - @``, a tab or their full-width forms, blanks and
apostrophes before them included) gets one apostrophe in front, and ``read_inventory`` takes exactly that one away.
"""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from outfall.errors import ReadError, TableError
from outfall.reports.inventory import headings
from outfall.store import write_aside
from outfall.tables.safe import read_geopackage, read_sheet, read_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


__all__ = ["read_inventory", "write_inventory"]

_LIVE = re.compile(r"^[\s']*[=+\-@\t\r＝＋－＠﹢﹣−]")
_GUARDED = re.compile(r"^'[\s']*[=+\-@\t\r＝＋－＠﹢﹣−]")
_CELL_CHARS = 32_767
_CUT = " …(cut)"
_CGCS2000 = 4490
_LAYER = "inventory"
_FROZEN_COLUMNS = 4
_A3 = 8


def write_inventory(table: pd.DataFrame, path: Path | str) -> Path:
    """Write the official table as a file, aside first and then in its place.

    Parameters
    ----------
    table : DataFrame, n rows
        As ``inventory`` gives it; columns added to it are written too. The index is not.
    path : path
        The ending says the format: ``.xlsx`` (A3 landscape, frozen heading row; a text longer than a cell may hold
        is cut and says so), ``.csv`` (UTF-8 with BOM) or ``.gpkg`` (points in EPSG:4490). Replaced if it exists.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    TableError
        The ending is none of the three, a heading stands twice, or a ``.gpkg`` is asked for and there is no position.

    Examples
    --------
    >>> import pandas as pd, pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "台账.csv"
    >>> _ = write_inventory(pd.DataFrame({"排污口名称": ["=1+1", "东门"]}), file)
    >>> file.read_text("utf-8-sig").splitlines()
    ['排污口名称', "'=1+1", '东门']
    >>> read_inventory(file)["排污口名称"].tolist()
    ['=1+1', '东门']
    """
    target = Path(path)
    write = _WRITE.get(target.suffix.casefold())
    if write is None:
        msg = (
            f"{target}: {target.suffix or 'no ending'} is not a format of the inventory; end it in {', '.join(_WRITE)}"
        )
        raise TableError(msg)
    twice = table.columns[table.columns.duplicated()].tolist()
    if twice:
        msg = f"inventory: heading {twice[0]!r} stands twice; rename one of the two columns"
        raise TableError(msg)
    return write_aside(target, lambda aside: write(table, aside))


def read_inventory(path: Path | str) -> pd.DataFrame:
    """Return a table that ``write_inventory`` wrote, as it was.

    Parameters
    ----------
    path : path
        A ``.xlsx``, ``.csv`` or ``.gpkg``.

    Returns
    -------
    DataFrame, n rows
        Numbers in the columns that hold numbers, text in all others.

    Raises
    ------
    ReadError
        The file is missing, empty or not an inventory.
    """
    source = Path(path)
    read = _READ.get(source.suffix.casefold())
    if read is None or not source.is_file() or not source.stat().st_size:
        msg = f"{source}: not an inventory file; give an existing {', '.join(_READ)} that write_inventory wrote"
        raise ReadError(msg)
    return _typed(read(source))


def _write_xlsx(table: pd.DataFrame, path: Path) -> None:
    import xlsxwriter

    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(str(path), options) as book:
        heading = book.add_format(
            {
                "bold": True,
                "text_wrap": True,
                "align": "center",
                "valign": "vcenter",
                "bg_color": "#DCE9F2",
                "border": 1,
            }
        )
        plain = {"valign": "top", "border": 1, "border_color": "#C8D2DA"}
        text = book.add_format({**plain, "text_wrap": True, "num_format": "@"})
        degree = book.add_format({**plain, "num_format": "0.000000"})
        number = book.add_format(plain)
        sheet = book.add_worksheet("台账")
        widths, kinds = _by_heading("width"), _by_heading("kind")
        for at, name in enumerate(map(str, table.columns)):
            sheet.set_column(at, at, widths.get(name, 16))
            sheet.write_string(0, at, name, heading)
            values = table.iloc[:, at]
            if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
                style = degree if kinds.get(name) == "degree" else number
                _write_numbers(sheet, at, values, style)
            else:
                for row, value in enumerate(values, start=1):
                    sheet.write_string(row, at, _fit("" if pd.isna(value) else str(value)), text)
        _set_page(sheet, len(table), len(table.columns))


def _write_numbers(sheet: object, at: int, values: pd.Series, style: object) -> None:
    for row, value in enumerate(values, start=1):
        if pd.isna(value) or abs(float(value)) == float("inf"):
            sheet.write_blank(row, at, None, style)  # type: ignore[attr-defined]
        else:
            sheet.write_number(row, at, value, style)  # type: ignore[attr-defined]


def _set_page(sheet: object, rows: int, columns: int) -> None:
    sheet.set_row(0, 32)  # type: ignore[attr-defined]
    sheet.freeze_panes(1, min(_FROZEN_COLUMNS, columns))  # type: ignore[attr-defined]
    if rows and columns:
        sheet.autofilter(0, 0, rows, columns - 1)  # type: ignore[attr-defined]
    sheet.set_landscape()  # type: ignore[attr-defined]
    sheet.set_paper(_A3)  # type: ignore[attr-defined]
    sheet.set_margins(left=0.4, right=0.4, top=0.6, bottom=0.6)  # type: ignore[attr-defined]
    sheet.fit_to_pages(1, 0)  # type: ignore[attr-defined]
    sheet.repeat_rows(0)  # type: ignore[attr-defined]
    sheet.set_header("&C&14排污口台账 Inventory of outfalls")  # type: ignore[attr-defined]
    sheet.set_footer("&L&D&R&P / &N")  # type: ignore[attr-defined]


def _fit(text: str) -> str:
    return text if len(text) <= _CELL_CHARS else text[: _CELL_CHARS - len(_CUT)] + _CUT


def _write_csv(table: pd.DataFrame, path: Path) -> None:
    kinds = _by_heading("kind")
    columns = [_csv_cells(table.iloc[:, at], str(kinds.get(str(name), ""))) for at, name in enumerate(table.columns)]
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow([_guard(str(name)) for name in table.columns])
        writer.writerows(zip(*columns, strict=True))


def _csv_cells(values: pd.Series, kind: str) -> list[str]:
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        spell: Callable[[float], str] = (lambda value: f"{value:.6f}") if kind == "degree" else str
        return ["" if pd.isna(value) else spell(value) for value in values]
    return ["" if pd.isna(value) else _guard(str(value)) for value in values]


def _guard(text: str) -> str:
    return f"'{text}" if _LIVE.match(text) else text


def _write_gpkg(table: pd.DataFrame, path: Path) -> None:
    import geopandas as gpd
    import pyogrio

    lon, lat = _position(table)
    known = (lon.notna() & lat.notna()).to_numpy()
    points = gpd.points_from_xy(lon.where(known), lat.where(known))
    geometry = gpd.GeoSeries(points, index=table.index).where(known)
    frame = gpd.GeoDataFrame(table, geometry=geometry.to_numpy(), crs=_CGCS2000)
    pyogrio.write_dataframe(frame, path, layer=_LAYER, driver="GPKG", geometry_type="Point")


def _position(table: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    found = []
    for column in ("lon", "lat"):
        heading = next(item for item in headings() if item.column == column)
        name = next((text for text in (heading.zh, heading.en) if text in table.columns), None)
        if name is None:
            msg = (
                f"inventory: no column {heading.zh!r} or {heading.en!r}; a .gpkg needs a position, write .xlsx or .csv"
            )
            raise TableError(msg)
        found.append(pd.to_numeric(table[name]))
    return found[0], found[1]


def _read_xlsx(path: Path) -> pd.DataFrame:
    try:
        rows, _ = read_sheet(path)
    except ReadError as error:
        msg = f"{error}; give the file write_inventory wrote"
        raise type(error)(msg) from error
    if not rows:
        msg = f"{path}: the sheet is empty; give the file write_inventory wrote"
        raise ReadError(msg)
    return pd.DataFrame(rows[1:], columns=[str(name) for name in rows[0]])


def _read_csv(path: Path) -> pd.DataFrame:
    found = [[cell[1:] if _GUARDED.match(cell) else cell for cell in row] for _, row in read_text(path)[0]]
    rows = [row for row in found if row]
    if not rows or len({len(row) for row in rows}) > 1:
        msg = f"{path}: the rows are not all as wide as the headings; give the file write_inventory wrote"
        raise ReadError(msg)
    return pd.DataFrame(rows[1:], columns=rows[0])


def _read_gpkg(path: Path) -> pd.DataFrame:
    try:
        frame = read_geopackage(path, _LAYER)
    except ReadError as error:
        msg = f"{error}; give the file write_inventory wrote"
        raise type(error)(msg) from error
    return pd.DataFrame(frame.drop(columns="geometry"))


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    kinds = _by_heading("kind")
    columns = {}
    for name in frame.columns:
        kind = kinds.get(str(name), "text")
        if kind in ("degree", "real"):
            columns[name] = pd.to_numeric(frame[name].replace("", None)).astype("float64")
        elif kind == "integer":
            columns[name] = pd.to_numeric(frame[name]).astype("int64")
        else:
            columns[name] = frame[name].map(_whole, na_action="ignore").astype("str").fillna("")
    return pd.DataFrame(columns, columns=frame.columns)


def _whole(value: object) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _by_heading(field: str) -> dict[str, object]:
    return {text: getattr(item, field) for item in headings() for text in (item.zh, item.en)}


_WRITE: Mapping[str, Callable[[pd.DataFrame, Path], None]] = {
    ".xlsx": _write_xlsx,
    ".csv": _write_csv,
    ".gpkg": _write_gpkg,
}
_READ: Mapping[str, Callable[[Path], pd.DataFrame]] = {".xlsx": _read_xlsx, ".csv": _read_csv, ".gpkg": _read_gpkg}
