"""What does a sonde's log file hold: its rows as text, under headings that say parameter and unit."""

from __future__ import annotations

import codecs
import csv
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from outfall.errors import ReadError
from outfall.survey.headings import find_heading
from outfall.survey.nmea import is_nmea, parse_nmea
from outfall.survey.sensors import find_sensor
from outfall.tables import issue, read_frame
from outfall.units import find_unit

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["read_log"]

_TEXTS = {".csv", ".txt", ".tsv", ".log", ".dat", ".asc", ".nmea", ".gps", ".ubx"}
_TOP = 80
_MOST_BYTES = 500_000_000
# Signs of units as damaged by a wrong encoding on the way, and the many forms of mu and degree.
_MENDS = (
    ("礢", "uS"), ("Âµ", "u"), ("μ", "u"), ("µ", "u"), ("\ufffdS/", "uS/"), ("\ufffdg/", "ug/"), ("?S/cm", "uS/cm"),
    ("癈", "degC"), ("Â°", "°"), ("ºC", "degC"), ("øC", "degC"), ("°C", "degC"), ("℃", "degC"), ("\ufffdC", "degC"),
)  # fmt: skip
_SERIAL = re.compile(r"\s*\((?:SN[: ]*)?\d{4,}\)\s*$")
_FRACTION = re.compile(r"\s*time\s*\(fract", re.IGNORECASE)
_FORM = re.compile(r"^[\sMDYHSymdhs年月日时分秒:/.\-]{4,}$")
_COMMA = re.compile(r"^\s*[+-]?\d+,\d+\s*$")
_PLAIN = re.compile(r"^\s*[<>]?\s*[+-]?\d")


def read_log(path: Path | str, *, date: object = None) -> tuple[pd.DataFrame, list[dict[str, object]], bool]:
    r"""Return a log as text, what was doubtful about its lines, and whether it is NMEA 0183.

    Text files may be UTF-8, UTF-16 (KorEXO), GB 18030 or Windows-1252; have any preamble above the headings, units in
    the headings or in a row below them, commas, tabs or semicolons between cells, and decimal commas with the latter
    two. Workbooks and layers are read as everywhere.

    Parameters
    ----------
    path : path
        The file.
    date : str or date, optional
        For NMEA logs without one.

    Returns
    -------
    tuple of DataFrame, list of issue rows and bool

    Raises
    ------
    ReadError
        The file cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "exo.csv"
    >>> _ = file.write_bytes("SN,15H\r\n\r\nDate (MM/DD/YYYY),Time (HH:mm:ss),SpCond µS/cm\r\n"
    ...                      "04/13/2026,08:00:00,412.1\r\n".encode("utf-16"))
    >>> frame, doubts, _ = read_log(file)
    >>> list(frame.columns), frame["source_ref"].tolist()
    (['Date (MM/DD/YYYY)', 'Time (HH:mm:ss)', 'SpCond uS/cm', 'source_ref'], ['exo.csv#4'])
    """
    file = Path(path)
    if file.suffix.casefold() not in _TEXTS or not file.is_file() or file.stat().st_size == 0:
        return _table(file), [], False
    if file.stat().st_size > _MOST_BYTES:
        msg = f"{file}: {file.stat().st_size / 1e6:,.0f} MB is no log of a sonde; cut it into days"
        raise ReadError(msg)
    texts = _decoded(file.read_bytes())
    if is_nmea(texts[0]):
        frame, doubts = parse_nmea(texts[0], file.name, date=date)
        return frame, doubts, True
    ranked = [(_headings_at(text.splitlines()), text) for text in texts]
    (known, at, mark), text = max(ranked, key=lambda pair: pair[0][0])
    if known < 2:
        return _table(file), [], False
    lines = text.splitlines()
    if at and mark == "," and _is_merged(lines, at):
        return _table(file), [], False
    return *_framed(lines, at, mark, file.name), False


def _table(file: Path) -> pd.DataFrame:
    """Return a file that is no text log as every other table is read."""
    try:
        return read_frame(file)
    except (ValueError, csv.Error) as error:
        msg = f"{file}: cannot be read ({error}); export it again as CSV (UTF-8)"
        raise ReadError(msg) from error


def _decoded(raw: bytes) -> list[str]:
    """Return the texts a file may be; of those with no clear sign, the one with headings we know is taken."""
    for sign, name in ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")):
        if raw.startswith(sign):
            return [raw.decode(name, errors="replace").lstrip("\ufeff")]
    head = raw[:2000]
    if len(head) > 20 and head[1::2].count(0) > 0.4 * len(head[1::2]):
        return [raw.decode("utf-16-le", errors="replace")]
    if len(head) > 20 and head[::2].count(0) > 0.4 * len(head[::2]):
        return [raw.decode("utf-16-be", errors="replace")]
    try:
        return [raw.decode("utf-8")]
    except UnicodeDecodeError:
        return [raw.decode("gb18030", errors="replace"), raw.decode("cp1252", errors="replace")]


def _cells(line: str, mark: str) -> list[str] | None:
    try:
        return [cell.strip() for cell in next(csv.reader([line.replace("\x00", "")], delimiter=mark), [])]
    except csv.Error:
        return None


def _headings_at(lines: Sequence[str]) -> tuple[int, int, str]:
    """Return how many headings we know stand in the best line, which line that is, and what parts its cells."""
    best = (0, 0, ",")
    for at, line in enumerate(lines[:_TOP]):
        for mark in (",", "\t", ";", "，"):
            cells = _cells(line, mark) or []
            if len(cells) < 2 or sum(bool(_PLAIN.match(cell)) for cell in cells) > len(cells) / 3:
                continue
            known = sum(_is_known(_mended(cell)) for cell in cells[:200] if cell)
            if known > best[0]:
                best = (known, at, mark)
    return best


def _is_known(cell: str) -> bool:
    return find_heading(cell, "boat") is not None or find_sensor(cell) is not None


def _is_merged(lines: Sequence[str], at: int) -> bool:
    """Whether the line above the headings groups them: fewer words than cells, none of them alone."""
    above = [cell for cell in (_cells(lines[at - 1], ",") or []) if cell]
    return len(set(above)) > 1 and len(_cells(lines[at - 1], ",") or []) == len(_cells(lines[at], ",") or [])


def _mended(cell: str) -> str:
    if _FRACTION.match(cell):
        return "fraction_s"
    for wrong, right in _MENDS:
        cell = cell.replace(wrong, right)
    return _SERIAL.sub("", cell).strip().removesuffix("°").strip()


def _framed(lines: Sequence[str], at: int, mark: str, name: str) -> tuple[pd.DataFrame, list[dict[str, object]]]:
    """Return the rows below the headings; every line that is none is listed."""
    raw = _cells(lines[at], mark) or []
    headings, first = [_mended(cell) for cell in raw], at + 1
    below = (_cells(lines[first], mark) or []) if first < len(lines) else []
    if _are_units(below):
        units = [_mended(cell) for cell in below] + [""] * len(headings)
        headings = [f"{one} ({unit})" if unit else one for one, unit in zip(headings, units, strict=False)]
        first += 1
    headings = [one or f"column_{place}" for place, one in enumerate(headings, start=1)]
    headings = [one if one not in headings[:place] else f"{one}_{place + 1}" for place, one in enumerate(headings)]
    rows: list[list[str]] = []
    numbers: list[int] = []
    lost: dict[str, list[int]] = {}
    for number, line in enumerate(lines[first:], start=first + 1):
        cells = _cells(line, mark)
        if cells is not None and not any(cells):
            continue
        what = _wrong(cells, raw, len(headings))
        if what:
            lost.setdefault(what, []).append(number)
        elif cells is not None:
            rows.append((cells + [""] * len(headings))[: len(headings)])
            numbers.append(number)
    frame = pd.DataFrame(rows, columns=pd.Index(headings), dtype="str")
    if mark != ",":
        frame = _pointed(frame)
    frame["source_ref"] = pd.Series([f"{name}#{number}" for number in numbers], dtype="str")
    return frame, [_lost(what, where, name) for what, where in sorted(lost.items())]


def _wrong(cells: list[str] | None, raw: list[str], width: int) -> str:
    if cells is None:
        return "cannot be split into cells"
    if cells[: len(raw)] == raw:
        return "repeats the headings"
    if sum(bool(cell) for cell in cells) < 2 and width > 2:
        return "is no row of readings"
    if len(cells) > width and any(cells[width:]):
        return f"has more than {width} cells"
    return ""


def _lost(what: str, numbers: list[int], name: str) -> dict[str, object]:
    rows = [f"{name}#{number}" for number in numbers]
    reason = f"{len(numbers)} line{'s' if len(numbers) > 1 else ''}: {what}"
    return issue(
        "skipped_row", name, reason, reason_zh=f"{len(numbers)} 行无法读取: {what}", rows=rows, decision="left out"
    )


def _are_units(cells: Sequence[str]) -> bool:
    filled = [_mended(cell).strip("()[]") for cell in cells if cell]
    if not filled or any(re.fullmatch(r"[+-]?\d+([.,]\d+)?", cell) for cell in filled):
        return False
    short = {"c", "units", "mg/l", "us/cm", "ms/cm", "ntu", "fnu", "%sat", "sat", "%", "volts", "v", "m", "ft", "mv"}
    known = sum(find_unit(cell) is not None or cell.casefold() in short or bool(_FORM.match(cell)) for cell in filled)
    return known >= 0.5 * len(filled) and len(filled) >= 2


def _pointed(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with decimal points where a column writes decimal commas."""
    changed = {}
    for heading in frame.columns:
        is_comma = frame[heading].str.match(_COMMA).eq(other=True)
        if is_comma.any() and is_comma.sum() >= 0.5 * frame[heading].str.strip().ne("").sum():
            changed[heading] = frame[heading].where(~is_comma, frame[heading].str.replace(",", ".", regex=False))
    return frame.assign(**changed)
