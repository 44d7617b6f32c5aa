"""What does an NMEA 0183 log say: where and when the boat was, how deep, how warm and heading where."""

from __future__ import annotations

import csv
import datetime as dt
import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from outfall.errors import Problem, ReadError, TableError
from outfall.tables import issue

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

__all__ = ["is_nmea", "parse_nmea"]

_SENTENCE = re.compile(r"\$([^$*\r\n]*)(?:\*([0-9A-Fa-f]{2})?)?")
_HEAD = re.compile(r"[$!](?:G[A-Z]|B[DN]|II|SD|HE|YX|VW|IN|QZ)[A-Z]{3},")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)")
_TIME = re.compile(r"(\d\d)(\d\d)(\d\d(?:\.\d*)?)")
_USED = {"GGA", "RMC", "ZDA", "DBT", "DPT", "HDT", "VTG", "MTW"}
_DAY_S = 86400.0
_EPOCH_DAYS = 7 * 1024
_KNOT_MS = 0.514444
_UNIX_DAY = dt.date(1970, 1, 1).toordinal()


class _Epoch(NamedTuple):
    """One moment of the receiver: seconds of the day, day or None, and what came with it."""

    line: int
    second: float
    values: dict[str, float]


def is_nmea(text: str) -> bool:
    """Whether a text begins like an NMEA 0183 log.

    Examples
    --------
    >>> is_nmea("$GPGGA,083100.00,3036.0,N,11418.0,E,1,8,1.0,20,M,,M,,*5A"), is_nmea("time,lon,lat")
    (True, False)
    """
    return len(_HEAD.findall(text[:8192])) > 0 and text[:8192].count("$") >= 0.3 * text[:8192].count("\n")


def parse_nmea(text: str, name: str, *, date: object = None) -> tuple[pd.DataFrame, list[dict[str, object]]]:
    r"""Return the fixes of a log, and every line that was not understood.

    Parameters
    ----------
    text : str
        The log. Lines may carry something before the ``$``; several sentences may stand on one line.
    name : str
        Of the file, for ``source_ref``.
    date : str or date, optional
        The day, for a log that has no RMC or ZDA; also puts right a receiver whose week count has rolled over.

    Returns
    -------
    DataFrame
        ``seen_at`` (ISO, UTC), ``lon``, ``lat`` (WGS 84), ``sigma_m`` (by quality and HDOP, our default), ``depth_m``,
        ``heading_deg``, ``temperature (degC)`` where the log has them, ``source_ref`` of the line.
    list of issue rows
        Checksum failures and cut or wrong sentences, by line; fixes that are none; sentences of other kinds.

    Raises
    ------
    ReadError
        No sentence has a position.
    TableError
        No sentence has a date, and none is given.

    Examples
    --------
    >>> line = "GPRMC,083100.00,A,3036.000,N,11418.000,E,3.1,90.0,130426,,,A"
    >>> total = 0
    >>> for sign in line:
    ...     total ^= ord(sign)
    >>> fixes, doubts = parse_nmea(f"${line}*{total:02X}\n$GPRMC,0831*00\n", "a.log")
    >>> fixes[["seen_at", "lon", "lat"]].values.tolist(), [one["row_ids"] for one in doubts]
    ([['2026-04-13T08:31:00.000000Z', 114.3, 30.6]], ['a.log#2'])
    """
    lines = text.splitlines()
    is_summed = any(found[2] for line in lines for found in _SENTENCE.finditer(line))
    epochs: list[_Epoch] = []
    wrong: dict[str, list[int]] = {}
    others: dict[str, int] = {}
    pending: dict[str, float] = {}
    for number, line in enumerate(lines, start=1):
        sentences = list(_SENTENCE.finditer(line))
        if not sentences and line.strip() and not line.lstrip().startswith("!"):
            wrong.setdefault("no sentence", []).append(number)
        for found in sentences:
            what = _take(found[1], found[2], number, epochs, pending, others, is_summed=is_summed)
            if what:
                wrong.setdefault(what, []).append(number)
    doubts = _doubts(wrong, others, name, len(lines))
    placed = [one for one in epochs if "lat" in one.values]
    if not placed:
        msg = (
            f"{name}: no sentence has a position ({sum(map(len, wrong.values()))} of {len(lines)} lines cannot be read)"
        )
        raise ReadError(msg)
    moments, notes = _moments(epochs, name, date)
    rows = [
        {"seen_at": moment, **one.values, "source_ref": f"{name}#{one.line}"}
        for one, moment in zip(epochs, moments, strict=True)
        if "lat" in one.values and moment is not None
    ]
    frame = pd.DataFrame(rows).drop(columns=["day", "speed_ms", "is_best"], errors="ignore")
    return frame, doubts + notes


def _take(
    body: str,
    said: str | None,
    line: int,
    epochs: list[_Epoch],
    pending: dict[str, float],
    others: dict[str, int],
    *,
    is_summed: bool,
) -> str:
    """Read one sentence into the epochs; return what is wrong with it, or nothing."""
    total = 0
    for sign in body:
        total ^= ord(sign)
    if said is not None and total != int(said, 16):
        return "checksum"
    if said is None and is_summed:
        return "cut, no checksum"
    fields = body.split(",")
    kind = fields[0][-3:]
    if kind not in _USED or len(fields[0]) != 5:
        others[fields[0][:12]] = others.get(fields[0][:12], 0) + 1
        return ""
    try:
        second, values = _PARSE[kind](fields)
    except (ValueError, IndexError):
        return "not as its kind is written"
    is_none = values.pop("no_fix", 0.0) > 0
    if second is None:
        (epochs[-1].values if epochs else pending).update(values)
    elif epochs and epochs[-1].second == second:
        known = epochs[-1].values
        # A position of GGA comes with its quality; that of RMC does not replace it.
        keep = {"lat", "lon"} if known.get("is_best") else set()
        known.update({key: value for key, value in values.items() if key not in keep})
    else:
        epochs.append(_Epoch(line, second, {**pending, **values}))
        pending.clear()
    return "no fix" if is_none else ""


def _real(text: str) -> float:
    if not _NUMBER.fullmatch(text.strip()):
        raise ValueError(text)
    return float(text)


def _second(text: str) -> float:
    found = _TIME.fullmatch(text.strip())
    if not found or int(found[1]) > 23 or int(found[2]) > 59 or float(found[3]) >= 61:
        raise ValueError(text)
    return int(found[1]) * 3600.0 + int(found[2]) * 60.0 + float(found[3])


def _degrees(text: str, sign: str, letters: str) -> float:
    value = _real(text)
    degrees, minutes = divmod(value, 100.0)
    found = degrees + minutes / 60
    if sign not in tuple(letters) or minutes >= 60 or value < 0 or found > (90 if letters == "NS" else 180):
        raise ValueError(text)
    return -found if sign == letters[1] else found


def _gga(fields: list[str]) -> tuple[float | None, dict[str, float]]:
    quality = int(_real(fields[6]))
    if quality not in _sigmas():
        return _second(fields[1]), {"no_fix": 1.0}
    hdop = _real(fields[8]) if fields[8] else 1.0
    sigma = _sigmas()[quality] * (max(hdop, 0.8) if quality in (1, 2, 3) else 1.0)
    place = {"lat": _degrees(fields[2], fields[3], "NS"), "lon": _degrees(fields[4], fields[5], "EW")}
    return _second(fields[1]), {**place, "sigma_m": sigma, "is_best": 1.0}


def _rmc(fields: list[str]) -> tuple[float | None, dict[str, float]]:
    second, text = _second(fields[1]), fields[9]
    if not re.fullmatch(r"\d{6}", text):
        raise ValueError(text)
    year = int(text[4:]) + (2000 if int(text[4:]) < 80 else 1900)
    day = float(dt.date(year, int(text[2:4]), int(text[:2])).toordinal() - _UNIX_DAY)
    if fields[2] != "A":
        return second, {"day": day, "no_fix": 1.0}
    place = {"lat": _degrees(fields[3], fields[4], "NS"), "lon": _degrees(fields[5], fields[6], "EW")}
    return second, {"day": day, **place}


def _zda(fields: list[str]) -> tuple[float | None, dict[str, float]]:
    if not all(re.fullmatch(r"\d{1,4}", text) for text in fields[2:5]):
        raise ValueError(fields)
    day = dt.date(int(fields[4]), int(fields[3]), int(fields[2])).toordinal() - _UNIX_DAY
    return _second(fields[1]), {"day": float(day)}


def _dpt(fields: list[str]) -> tuple[float | None, dict[str, float]]:
    offset = _real(fields[2]) if len(fields) > 2 and fields[2] else 0.0
    return None, {"depth_m": _real(fields[1]) + max(offset, 0.0)} if fields[1] else {}


def _one(name: str, at: int, factor: float = 1.0) -> Callable[[list[str]], tuple[float | None, dict[str, float]]]:
    """Return what reads one number of a sentence without a time; an empty field says nothing."""
    return lambda fields: (None, {name: _real(fields[at]) * factor} if fields[at] else {})


_PARSE = {
    "GGA": _gga, "RMC": _rmc, "ZDA": _zda, "DBT": _one("depth_m", 3), "DPT": _dpt, "HDT": _one("heading_deg", 1),
    "VTG": _one("speed_ms", 5, _KNOT_MS), "MTW": _one("temperature (degC)", 1),
}  # fmt: skip


def _moments(epochs: list[_Epoch], name: str, date: object) -> tuple[list[str], list[dict[str, object]]]:
    """Return the moment of every epoch: the day of the nearest dated sentence, over midnight where that is nearer."""
    second = np.array([one.second for one in epochs])
    day = np.array([one.values.get("day", np.nan) for one in epochs])
    notes: list[dict[str, object]] = []
    given = pd.to_datetime(str(date), errors="coerce") if date is not None else pd.NaT
    if not np.isfinite(day).any():
        if pd.isna(given):
            fix = "give the day (UTC) with constants={'date': '2026-04-13'}"
            problem = Problem("seen_at (时间)", "the log has times of day without a date (no RMC, no ZDA)", fix)
            msg = f"{name}: no date"
            raise TableError(msg, [problem])
        turns = np.cumsum(np.append(0, np.diff(second) < -_DAY_S / 2).astype(int))
        day = float(given.date().toordinal() - _UNIX_DAY) + turns
        moment = day * _DAY_S + second
    else:
        moment = _near_dated(second, day)
        if not pd.isna(given):
            off = given.date().toordinal() - _UNIX_DAY - moment[0] // _DAY_S
            weeks = round(off / _EPOCH_DAYS)
            if weeks and abs(off - weeks * _EPOCH_DAYS) <= 1:
                moment = moment + weeks * _EPOCH_DAYS * _DAY_S
                reason = f"the receiver's dates are {weeks} x 1024 weeks off the day given: its week count rolled over"
                notes.append(
                    issue("assumption", name, reason, reason_zh="接收机周数翻转, 已按给定日期改正", level="note")
                )
    whole = pd.to_datetime(np.round(moment * 1e6).astype("int64"), unit="us", utc=True)
    return list(whole.strftime("%Y-%m-%dT%H:%M:%S.%fZ")), notes


def _near_dated(second: NDArray[np.float64], day: NDArray[np.float64]) -> NDArray[np.float64]:
    dated = np.flatnonzero(np.isfinite(day))
    at = dated[np.maximum(np.searchsorted(dated, np.arange(len(day)), side="right") - 1, 0)]
    base = day[at] * _DAY_S + second[at]
    turn = np.round((base - day[at] * _DAY_S - second) / _DAY_S)
    found: NDArray[np.float64] = day[at] * _DAY_S + second + turn * _DAY_S
    return found


def _doubts(
    wrong: Mapping[str, list[int]], others: Mapping[str, int], name: str, count: int
) -> list[dict[str, object]]:
    found = []
    for what, numbers in sorted(wrong.items()):
        reason = f"{len(numbers)} of {count} lines: {what}"
        rows = [f"{name}#{number}" for number in numbers]
        found.append(
            issue(
                "skipped_row",
                name,
                reason,
                reason_zh=f"{len(numbers)} 行无法使用: {what}",
                rows=rows,
                decision="left out",
            )
        )
    if others:
        listed = ", ".join(f"{kind} {number}" for kind, number in sorted(others.items())[:20])
        reason = f"sentences of kinds that are not used: {listed}"
        found.append(issue("unknown_word", name, reason, reason_zh=f"未使用的语句: {listed}", level="note"))
    return found


@cache
def _sigmas() -> Mapping[int, float]:
    text = files("outfall.survey").joinpath("fixes.csv").read_text(encoding="utf-8")
    return {int(row["quality"]): float(row["sigma_m"]) for row in csv.DictReader(text.splitlines())}
