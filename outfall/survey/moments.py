"""When was each row of a log read: dates and clocks as loggers write them, as ISO text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Hashable

__all__ = ["tidy_moments"]

_YEAR_FIRST = re.compile(r"^(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?[T\s]*(.*)$")
_YEAR_LAST = re.compile(r"^(\d{1,2})[-/.](\d{1,2})[-/.](\d{2}|\d{4})(?:[T\s]+(.*))?$")
_CLOCK = re.compile(
    r"^(上午|下午)?\s*(\d{1,2})[:：时](\d{1,2})(?:[:：分](\d{1,2})(?:[.,](\d+))?秒?)?\s*([AaPp]\.?[Mm]\.?)?\s*(.*)$"
)
_DIGITS = re.compile(r"^\d{5,8}$")


def tidy_moments(
    frame: pd.DataFrame, headings: dict[str, Hashable]
) -> tuple[pd.DataFrame, list[tuple[str, pd.Series]]]:
    """Return a log with its dates and clocks as ISO text where they can be read, and notes on how.

    Parameters
    ----------
    frame : DataFrame, n rows
        With ``seen_at``, ``date`` or ``clock`` as text. Not changed.
    headings : mapping of str to heading
        What the file calls these columns; ``Date (DD/MM/YYYY)`` says which number is the day.

    Returns
    -------
    tuple of DataFrame and list of reason and rows
        Whether day or month comes first follows from the heading, else from the numbers, else month first is assumed.

    Examples
    --------
    >>> import pandas as pd
    >>> log = pd.DataFrame({"seen_at": ["13/4/2026 1:05:09 PM", "14/4/2026 0:00"]})
    >>> tidy_moments(log, {})[0]["seen_at"].tolist()
    ['2026-04-13 13:05:09', '2026-04-14 00:00:00']
    """
    out, notes = frame, []
    for name in ("seen_at", "date", "clock"):
        if name in frame.columns and not pd.api.types.is_datetime64_any_dtype(frame[name].dtype):
            text = frame[name].astype("str").str.normalize("NFKC").str.strip()
            hint = str(headings.get(name, name)).upper()
            order, note = _order(text, hint)
            tidy = text.map(
                lambda cell, order=order, name=name, hint=hint: _tidy(cell, order, name, hint), na_action="ignore"
            )
            out = out.assign(**{name: tidy})
            if note:
                notes.append((f"{headings.get(name, name)!r}: {note}", tidy))
    return out, notes


def _order(text: pd.Series, hint: str) -> tuple[str, str]:
    """Return "dm" or "md", and what had to be assumed."""
    parts = text.str.extract(_YEAR_LAST).dropna(subset=[0, 1])
    one, two = (pd.to_numeric(parts[at], errors="coerce") for at in (0, 1))
    said = "dm" if re.search(r"D+\W?M+", hint) else "md" if re.search(r"M+\W?D+", hint) else ""
    if not len(parts):
        return said or "md", ""
    if (one > 12).any() and not (two > 12).any():
        return "dm", "" if said in (
            "",
            "dm",
        ) else "the heading says month first, the numbers day first; read as day first"
    if (two > 12).any() and not (one > 12).any():
        return "md", "" if said in (
            "",
            "md",
        ) else "the heading says day first, the numbers month first; read as month first"
    if said:
        return said, ""
    if text.str.contains(".", regex=False).any():
        return "dm", ""
    return "md", "day and month cannot be told apart; month first is assumed"


def _tidy(cell: str, order: str, name: str, hint: str) -> str:
    found = _YEAR_FIRST.match(cell)
    if found:
        return _joined(found[1], found[2], found[3], found[4])
    found = _YEAR_LAST.match(cell)
    if found:
        day, month = (found[1], found[2]) if order == "dm" else (found[2], found[1])
        year = found[3] if len(found[3]) == 4 else f"20{found[3]}"
        return _joined(year, month, day, found[4] or "")
    if _DIGITS.match(cell) and name != "seen_at":
        return _from_digits(cell, order, name, hint)
    return _clocked(cell)


def _from_digits(cell: str, order: str, name: str, hint: str) -> str:
    """Return 041326 or 20260413 as a date, 83000 as a clock."""
    if name == "clock":
        six = cell.zfill(6)
        return f"{six[:2]}:{six[2:4]}:{six[4:6]}" if len(six) == 6 else cell
    if len(cell) == 8:
        return f"{cell[:4]}-{cell[4:6]}-{cell[6:]}"
    six = cell.zfill(6)
    if "YYMMDD" in hint:
        return f"20{six[:2]}-{six[2:4]}-{six[4:]}"
    day, month = (six[:2], six[2:4]) if order == "dm" else (six[2:4], six[:2])
    return f"20{six[4:]}-{month}-{day}"


def _joined(year: str, month: str, day: str, rest: str) -> str:
    clock = _clocked(rest.strip())
    return f"{year}-{int(month):02d}-{int(day):02d}" + (f" {clock}" if clock else "")


def _clocked(text: str) -> str:
    found = _CLOCK.match(text)
    if not found:
        return text
    hour = int(found[2])
    half = (found[6] or "").upper()[:1] or {"上午": "A", "下午": "P"}.get(found[1] or "", "")
    hour = hour % 12 + (12 if half == "P" else 0) if half and hour <= 12 else hour
    part = f".{found[5]}" if found[5] else ""
    return f"{hour:02d}:{int(found[3]):02d}:{int(found[4] or 0):02d}{part}{found[7].strip()}"
