"""Which rows of a table of states apply at a moment and a tide."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pandas as pd

from outfall.errors import NetworkError, Problem
from outfall.vocabulary import plain

if TYPE_CHECKING:
    from datetime import datetime

    from numpy.typing import NDArray

__all__ = ["find_applying"]

_Time: TypeAlias = pd.Timestamp | tuple[int, int] | None

_MONTH_DAY = re.compile(r"^(\d{1,2})-(\d{1,2})$")


def find_applying(
    rows: pd.DataFrame, *, moment: datetime | pd.Timestamp | None = None, tide: str | None = None
) -> pd.DataFrame:
    """Return the rows that apply to each reach: not contradicted, and with most conditions known to be met.

    Parameters
    ----------
    rows : DataFrame
        ``row`` (reach) and optionally ``from``, ``to`` (moments with zone or month-days), ``tide``.
    moment : datetime with its zone, optional
        Season rows are judged by the month and day of its zone.
    tide : str, optional
        Word of the column ``tide``.

    Returns
    -------
    DataFrame
        Those rows.

    Raises
    ------
    NetworkError
        A time cannot be read or has no zone.

    Examples
    --------
    >>> rows = pd.DataFrame({"row": [0, 0], "from": ["06-01", None], "to": ["09-30", None], "state": ["open", "shut"]})
    >>> find_applying(rows, moment=pd.Timestamp("2026-07-01", tz="Asia/Shanghai"))["state"].tolist()
    ['open']
    >>> find_applying(rows, moment=pd.Timestamp("2026-12-01", tz="Asia/Shanghai"))["state"].tolist()
    ['shut']
    """
    now = _moment(moment)
    blank = pd.Series([None] * len(rows), index=rows.index, dtype="object")
    begins, ends = (rows[name].astype("object") if name in rows.columns else blank for name in ("from", "to"))
    timed, in_time = _judge_times(begins, ends, now)
    words = rows["tide"].map(plain, na_action="ignore") if "tide" in rows.columns else blank
    tidal = words.notna().to_numpy() & (tide is not None)
    in_tide = ~tidal | (words == plain(tide or "")).to_numpy()
    kept = rows.assign(_met=timed.astype(int) + tidal.astype(int))[in_time & in_tide]
    most = kept.groupby("row")["_met"].transform("max")
    return kept[kept["_met"] == most].drop(columns="_met")


def _judge_times(
    begins: pd.Series, ends: pd.Series, now: pd.Timestamp | None
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which rows have a time that can be judged, and which of all rows are not out of their time."""
    timed, inside = np.zeros(len(begins), dtype=bool), np.ones(len(begins), dtype=bool)
    problems = []
    for at, (begin, end) in enumerate(zip(begins, ends, strict=True)):
        try:
            low, high = _read(begin), _read(end)
        except ValueError as wrong:
            fix = "give a moment with its zone, 2026-06-01T00:00+08:00, or a month-day, 06-01"
            problems.append(Problem("from, to", str(wrong), fix, (str(begins.index[at]),)))
            continue
        if (low is None and high is None) or now is None:
            continue
        timed[at], inside[at] = True, _is_inside(low, high, now)
    if problems:
        raise NetworkError("as_of", problems)
    return timed, inside


def _is_inside(low: _Time, high: _Time, now: pd.Timestamp) -> bool:
    day = (now.month, now.day)
    if isinstance(low, tuple) and isinstance(high, tuple):
        return low <= day <= high if low <= high else day >= low or day <= high
    after = low is None or (day >= low if isinstance(low, tuple) else now >= low)
    before = high is None or (day <= high if isinstance(high, tuple) else now <= high)
    return bool(after and before)


def _read(value: object) -> _Time:
    if value is None or value is pd.NaT or (isinstance(value, float) and np.isnan(value)) or not str(value).strip():
        return None
    found = _MONTH_DAY.match(str(value).strip())
    if found:
        month, day = int(found[1]), int(found[2])
        pd.Timestamp(year=2024, month=month, day=day)  # a leap year; refuses 13-01
        return month, day
    time = pd.Timestamp(str(value)) if not isinstance(value, pd.Timestamp) else value
    if time.tzinfo is None:
        msg = f"{value} has no zone"
        raise ValueError(msg)
    return time


def _moment(moment: datetime | pd.Timestamp | None) -> pd.Timestamp | None:
    if moment is None:
        return None
    now = pd.Timestamp(moment)
    if now.tzinfo is None:
        problem = Problem("moment", f"{now} has no zone", "say it with its zone, e.g. tz='Asia/Shanghai'")
        raise NetworkError("as_of", [problem])
    return now
