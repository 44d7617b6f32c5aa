"""Which characters does a text file hold, and which cells does a CSV have."""

from __future__ import annotations

import codecs
import csv
import io
from typing import TYPE_CHECKING

from outfall.errors import ReadError
from outfall.tables.safe.start import file_bytes

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["decode", "read_text"]

_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_MAX_BYTES = 1_000_000_000


def decode(path: Path, raw: bytes | None = None) -> tuple[str, str]:
    """Return a text and the encoding it was read in: UTF-8, UTF-16 or GB 18030.

    Parameters
    ----------
    path : path
        The file, for messages.
    raw : bytes, optional
        The content where it does not lie in a file of its own.

    Returns
    -------
    tuple of str and str
        The text and ``utf-8``, ``utf-8-sig``, ``utf-16``, ``utf-16-le``, ``utf-16-be`` or ``gb18030``.

    Raises
    ------
    ReadError
        None of them fits.

    Examples
    --------
    >>> import pathlib
    >>> decode(pathlib.Path("a.csv"), "时间".encode("gbk"))
    ('时间', 'gb18030')
    """
    raw = file_bytes(path, max_bytes=_MAX_BYTES) if raw is None else raw
    names = next(((name,) for mark, name in _MARKS if raw.startswith(mark)), ("utf-8", "gb18030", *_wide(raw)))
    for name in names:
        try:
            text = raw.decode(name)
        except UnicodeDecodeError:
            continue
        if "\x00" not in text:
            return text, name
    msg = f"{path}: the text is neither UTF-8, UTF-16 nor GB 18030; save it as CSV (UTF-8)"
    raise ReadError(msg)


def read_text(path: Path, raw: bytes | None = None) -> tuple[list[tuple[int, list[str]]], str]:
    r"""Return the cells of a delimited text with the line each row starts in, and the encoding.

    Parameters
    ----------
    path : path
        The file, for messages.
    raw : bytes, optional
        The content where it does not lie in a file of its own.

    Returns
    -------
    tuple of list and str
        ``(line, cells)`` for every row; commas, tabs, semicolons and Chinese commas are understood.

    Raises
    ------
    ReadError
        The text cannot be decoded or a row cannot be split.

    Examples
    --------
    >>> import pathlib
    >>> read_text(pathlib.Path("a.csv"), b"a;b\n1;2\n")
    ([(1, ['a', 'b']), (2, ['1', '2'])], 'utf-8')
    """
    text, encoding = decode(path, raw)
    first = next((line for line in text.splitlines() if line.strip()), "")
    counts = {mark: first.count(mark) for mark in (",", "\t", ";", "，")}
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(counts, key=lambda key: counts[key]))
    rows: list[tuple[int, list[str]]] = []
    start = 1
    try:
        for row in reader:
            rows.append((start, row))
            start = reader.line_num + 1
    except csv.Error as error:
        msg = f"{path}: line {reader.line_num} cannot be read ({error}); save the table again as CSV (UTF-8)"
        raise ReadError(msg) from error
    return rows, encoding


def _wide(raw: bytes) -> tuple[str, ...]:
    """Return the byte order of UTF-16 without a mark: plain letters leave zeros on one side."""
    after, before = raw[1::2].count(0), raw[::2].count(0)
    if len(raw) % 2 or after == before:
        return ()
    return ("utf-16-le",) if after > before else ("utf-16-be",)
