"""Which cells does a workbook hold, when it is no bomb."""

from __future__ import annotations

import re
import zipfile
import zlib
from typing import TYPE_CHECKING, TypeVar

from outfall.errors import ReadError, UnsafeInputError
from outfall.tables.safe.archives import open_archive, unpack_member
from outfall.tables.safe.start import require_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from python_calamine import CalamineSheet, CalamineWorkbook

__all__ = ["list_sheets", "read_sheet"]

_T = TypeVar("_T")
_MAX_UNPACKED_BYTES = 400_000_000
_MAX_CELLS = 20_000_000
_MAX_XLS_BYTES = 100_000_000
_OVERLAP = 200
_CELL = re.compile(rb'<c [^>]*?\br="([A-Z]{1,4})\d')
_ROW = re.compile(rb'<row [^>]*?\br="(\d+)"')
_REPEATED_ROWS = re.compile(rb'number-rows-repeated="(\d+)"')
_REPEATED_COLUMNS = re.compile(rb'number-columns-repeated="(\d+)"[^>]*[^/]>')
_MERGED = re.compile(rb'<mergeCell [^>]*?ref="([A-Z]+)(\d+):([A-Z]+)(\d+)"')


def read_sheet(path: Path, layer: str | None = None) -> tuple[list[list[object]], list[tuple[int, int, int, int]]]:
    """Return the values of one sheet and its merged ranges.

    Parameters
    ----------
    path : path
        XLSX, XLSM, XLS or ODS.
    layer : str, optional
        The sheet; the first by default.

    Returns
    -------
    tuple of list and list
        Rows of values as the workbook keeps them, from its first row on; ranges as (top, left, bottom, right).

    Raises
    ------
    ReadError
        Not a workbook, or no such sheet.
    UnsafeInputError
        It would fill the memory.
    """

    def take(sheet: CalamineSheet) -> tuple[list[list[object]], list[tuple[int, int, int, int]]]:
        ranges = [(int(a), int(b), int(c), int(d)) for (a, b), (c, d) in sheet.merged_cell_ranges or []]
        return [list(row) for row in sheet.to_python(skip_empty_area=False)], ranges

    return _with_book(path, lambda book: take(book.get_sheet_by_name(_named(path, book, layer))))


def list_sheets(path: Path) -> list[str]:
    """Return the names of the sheets that hold more than one row.

    Raises
    ------
    ReadError
        Not a workbook.
    UnsafeInputError
        It would fill the memory.
    """
    return _with_book(path, lambda book: [name for name in book.sheet_names if book.get_sheet_by_name(name).height > 1])


def _named(path: Path, book: CalamineWorkbook, layer: str | None) -> str:
    names = list(book.sheet_names)
    if layer is not None and layer not in names:
        msg = f"{path}: no sheet {layer!r}; the sheets are {', '.join(names)}"
        raise ReadError(msg)
    if not names:
        msg = f"{path}: the workbook has no sheet; save it again as .xlsx"
        raise ReadError(msg)
    return str(layer or names[0])


def _with_book(path: Path, take: Callable[[CalamineWorkbook], _T]) -> _T:
    from python_calamine import CalamineWorkbook

    _refuse_bomb(require_file(path))
    try:
        with CalamineWorkbook.from_path(str(path)) as book:
            return take(book)
    except ReadError:
        raise
    except BaseException as error:
        # The library is written in Rust: what it did not foresee arrives as a PanicException, which is no Exception.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        msg = f"{path}: cannot be read as a workbook ({error}); save it again as .xlsx"
        raise ReadError(msg) from error


def _refuse_bomb(file: Path) -> None:
    if not zipfile.is_zipfile(file):
        if file.stat().st_size > _MAX_XLS_BYTES:
            msg = f"{file}: {file.stat().st_size / 1e6:,.0f} MB are too many for a workbook; save the sheet as CSV"
            raise UnsafeInputError(msg)
        return
    with open_archive(file, max_bytes=_MAX_UNPACKED_BYTES), zipfile.ZipFile(file) as archive:
        try:
            for item in archive.infolist():
                _refuse_wide(file, archive, item)
        except (zipfile.BadZipFile, OSError, zlib.error) as error:
            if isinstance(error, ReadError):
                raise
            msg = f"{file}: cannot be unpacked ({error}); save it again as .xlsx"
            raise ReadError(msg) from error


def _refuse_wide(file: Path, archive: zipfile.ZipFile, item: zipfile.ZipInfo) -> None:
    """Refuse a sheet whose few cells lie so far apart that the table between them fills the memory."""
    letters: set[bytes] = set()
    last, rows, across = 1, 0, 1
    tail = b""
    is_sheet = "sheet" in item.filename.casefold() or item.filename == "content.xml"
    for piece in unpack_member(file, archive, item):
        if not is_sheet:
            continue
        text = tail + piece
        letters.update(_CELL.findall(text))
        last = max(last, max(map(int, _ROW.findall(text)), default=0))
        rows += sum(min(int(count), 1 << 21) for count in _REPEATED_ROWS.findall(piece))
        across = max(across, max((min(int(count), 1 << 15) for count in _REPEATED_COLUMNS.findall(text)), default=0))
        for left, top, right, bottom in _MERGED.findall(text):
            letters.update((left, right))
            last = max(last, int(top), int(bottom))
        tail = text[-_OVERLAP:]
    width = max(max(map(_column, letters), default=1), across if rows else 1)
    if width * max(last, rows if across > 1 else 1) > _MAX_CELLS:
        msg = f"{file}: {item.filename} spans {width:,} columns and {max(last, rows):,} rows, mostly empty; refused as unsafe. Delete the stray cells, or save the sheet as CSV"
        raise UnsafeInputError(msg)


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number
