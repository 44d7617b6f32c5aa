"""Which rows of a log have a moment and a place a boat can have been at: fixes in order, their legs and their way."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj

from outfall.coordinates import to_points
from outfall.errors import CoordinateError, Problem, TableError
from outfall.survey.headings import name_headings
from outfall.survey.moments import tidy_moments
from outfall.tables import check, issue

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["OURS", "drop_jumps", "find_fixes", "measure_way", "name_log", "order_fixes", "set_moments"]

# Our defaults (no standard): faster than any survey boat; a pause or gap that ends a leg; a receiver without RTK.
_MAX_SPEED_MS = 12.0
_GAP_S = 300.0
_GAP_M = 200.0
_SIGMA_M = 3.0
_GEOD = pyproj.Geod(ellps="WGS84")
_ZONE = r"\s*(?:Z|UTC|GMT|[+-]\d{2}:?\d{2})$"
_YEARS = (1980, 2100)
_CLOCK_ONLY = re.compile(r"^\s*\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?\s*$")
OURS = {
    "lon",
    "lat",
    "east",
    "north",
    "seen_at",
    "date",
    "clock",
    "sigma_m",
    "depth_m",
    "heading_deg",
    "source_ref",
    "geometry",
}


def name_log(
    frame: pd.DataFrame, rename: Mapping[str, str] | None, constants: Mapping[str, object] | None
) -> pd.DataFrame:
    """Return a log under our names, its dates and clocks as ISO text."""
    named = name_headings(frame, "boat", rename=rename)
    old = dict(zip(named.columns, frame.columns, strict=True))
    for column, value in (constants or {}).items():
        if column not in named.columns:
            named[column] = value
    tidy, notes = tidy_moments(named, {str(name): heading for name, heading in old.items()})
    if {"clock", "fraction_s"} <= set(tidy.columns):
        part = pd.to_numeric(tidy["fraction_s"], errors="coerce")
        is_part = part.between(0.0, 1.0, inclusive="neither") & ~tidy["clock"].astype("str").str.contains(
            ".", regex=False
        )
        digits = (part * 1e6).round().fillna(0).astype("int64").astype("str").str.zfill(6)
        tidy = tidy.assign(clock=tidy["clock"].where(~is_part, tidy["clock"] + "." + digits))
    tidy.attrs["notes"] = [note for note, _ in notes]
    return tidy


def set_moments(named: pd.DataFrame, where: str) -> tuple[pd.DataFrame, list[Problem], list[dict[str, object]]]:
    """Return the log with one column of moments; a time of day alone is no moment, and what is no time is listed."""
    notes = [issue("assumption", where, note, level="note") for note in named.attrs.pop("notes", [])]
    if "seen_at" not in named.columns and "clock" in named.columns:
        named = named.rename(columns={"clock": "seen_at"})
    if "seen_at" not in named.columns:
        headings = ", ".join(map(str, named.columns[:12]))
        fix = f"name it with rename={{'heading': 'seen_at'}}; the headings are {headings}"
        return named, [Problem("seen_at (时间)", "missing", fix)], notes
    if pd.api.types.is_datetime64_any_dtype(named["seen_at"].dtype):
        return named, [], notes
    text = named["seen_at"].astype("str").str.strip()
    is_clock = text.str.match(_CLOCK_ONLY).eq(other=True)
    if is_clock.any() and "date" not in named.columns:
        fix = "give the day with constants={'date': '2026-04-13'}"
        rows = tuple(named["source_ref"][is_clock].astype(str))
        what = f"{text[is_clock].iloc[0]!r} is a time of day without a date"
        return named, [Problem("seen_at (时间)", what, fix, rows)], notes
    if is_clock.any():
        day = named["date"].astype("str").str.split(" ").str[0]
        text = text.where(~is_clock, day + " " + text)
    moment = pd.to_datetime(text.str.replace(_ZONE, "", regex=True), format="ISO8601", errors="coerce")
    year = moment.dt.year
    is_wrong = (moment.isna() | (year < _YEARS[0]) | (year > _YEARS[1])) & text.fillna("").ne("")
    if is_wrong.any() and not is_wrong.all():
        example = str(text[is_wrong].iloc[0])[:40]
        reason = f"{int(is_wrong.sum())} rows have no time we can read, e.g. {example!r}"
        zh = f"{int(is_wrong.sum())} 行时间无法识别"
        rows = tuple(named["source_ref"][is_wrong].astype(str))
        notes.append(issue("skipped_row", where, reason, reason_zh=zh, rows=rows, decision="left out"))
        text = text.mask(is_wrong)
    elif is_wrong.any():
        what = f"none of {len(text)} times can be read, e.g. {str(text.iloc[0])[:40]!r}"
        return named, [Problem("seen_at (时间)", what, "write times as 2026-04-13 08:31:00")], notes
    return named.assign(seen_at=text), [], notes


def find_fixes(
    named: pd.DataFrame, where: str, how: tuple[object, str | None], problems: list[Problem]
) -> gpd.GeoDataFrame:
    """Return the rows of a log as points with moments; all that is wrong with it is said at once."""
    crs, tz = how
    rows = named[[name for name in named.columns if name in OURS]].copy()
    rows = rows.drop(columns=["date", "clock", "depth_m", "heading_deg", "fraction_s"], errors="ignore")
    rows = rows.assign(sighting_id=rows["source_ref"], platform="boat", survey_id=where)
    if {"lon", "lat"} <= set(rows.columns):
        # A receiver writes 0, 0 until it knows better.
        both = [pd.to_numeric(rows[name], errors="coerce").abs() < 1e-6 for name in ("lon", "lat")]
        rows.loc[both[0] & both[1], ["lon", "lat"]] = None
    try:
        points = to_points(rows, crs=crs, where=where)
    except CoordinateError as error:
        raise CoordinateError(error.message, [*error.problems, *problems], fix=error.fix) from None
    if problems:
        msg = f"{where}: {len(problems)} problem{'s' if len(problems) > 1 else ''}"
        raise TableError(msg, problems)
    points = points.set_geometry(points.geometry.force_2d()).to_crs(4490)
    table = check(points, "sightings", tz=tz, where=where)
    return gpd.GeoDataFrame(table[["seen_at", "sigma_m", "source_ref", "geometry"]])


def order_fixes(track: gpd.GeoDataFrame, read: int, where: str, issues: list[dict[str, object]]) -> gpd.GeoDataFrame:
    """Return fixes by time, without those that lack something, repeat a time or lie where no boat can have been."""
    is_whole = track["seen_at"].notna() & track.geometry.notna()
    refs = track["source_ref"]
    if len(track) < read or not is_whole.all():
        count = read - int(is_whole.sum())
        reason = f"{count} of {read} rows have no time, no position or no reading"
        why = {"reason_zh": f"{count} 行缺时间、位置或读数", "rows": refs[~is_whole], "decision": "left out"}
        issues.append(issue("skipped_row", where, reason, **why))
    back = refs[track["seen_at"].diff() < pd.Timedelta(0)]
    if len(back):
        reason = f"the clock goes back {len(back)} times in the file"
        issues.append(
            issue("doubtful_value", where, reason, reason_zh="时钟回退", rows=back, decision="sorted by time")
        )
    track = track[is_whole].sort_values(["seen_at", "source_ref"], kind="stable")
    is_again = track["seen_at"].duplicated()
    if is_again.any():
        reason = f"{int(is_again.sum())} rows repeat a time"
        again = track["source_ref"][is_again]
        issues.append(issue("duplicate", where, reason, reason_zh="时间重复", rows=again, decision="left out"))
    return measure_way(drop_jumps(track[~is_again], where, issues))


def measure_way(track: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return the track with its legs, the way along it and the speed."""
    track = track.drop(columns=["leg", "track_m", "speed_ms"], errors="ignore").reset_index(drop=True)
    step_m, step_s = _steps(track)
    is_gap = (step_s > _GAP_S) | (step_m > _GAP_M) | (step_m > _MAX_SPEED_MS * np.maximum(step_s, 1.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        speed = np.where(step_s > 0, step_m / step_s, np.nan)
    track.insert(1, "leg", np.cumsum(is_gap) + 1)
    track.insert(2, "track_m", np.cumsum(step_m))
    track.insert(3, "speed_ms", speed)
    track["sigma_m"] = track["sigma_m"].fillna(_SIGMA_M)
    return gpd.GeoDataFrame(track)


def drop_jumps(track: gpd.GeoDataFrame, where: str, issues: list[dict[str, object]]) -> gpd.GeoDataFrame:
    """Return the track without fixes the boat could neither reach nor leave in the time between."""
    lost: list[str] = []
    for _ in range(3):
        step_m, step_s = _steps(track)
        is_fast = step_m > _MAX_SPEED_MS * np.maximum(step_s, 1.0)
        is_jump = is_fast & np.append(is_fast[1:], values=[False])
        if not is_jump.any():
            break
        lost += track["source_ref"][is_jump].tolist()
        track = track[~is_jump]
    if lost:
        reason = f"{len(lost)} positions lie farther away than a boat can go ({_MAX_SPEED_MS:g} m/s)"
        issues.append(issue("doubtful_value", where, reason, reason_zh="定位跳点", rows=lost, decision="left out"))
    return track


def _steps(track: gpd.GeoDataFrame) -> tuple[np.ndarray, np.ndarray]:
    if len(track) < 2:
        return np.zeros(len(track)), np.zeros(len(track))
    lon, lat = track.geometry.x.to_numpy(), track.geometry.y.to_numpy()
    _, _, step_m = _GEOD.inv(lon[:-1], lat[:-1], lon[1:], lat[1:])
    step_s = track["seen_at"].diff().dt.total_seconds().to_numpy()
    return np.append(0.0, step_m), np.append(0.0, step_s[1:])
