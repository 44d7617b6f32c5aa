"""Where was the boat when, and what did its sensors say: one row per fix, in the order of time."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj

from outfall.coordinates import to_points
from outfall.errors import CoordinateError, Problem, TableError
from outfall.survey.headings import name_headings
from outfall.survey.sensors import find_sensor, read_sensors
from outfall.tables import attach_issues, check, issue, read_frame

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["NOT_SENSORS", "read_track"]

# Our defaults (no standard): faster than any survey boat; a pause or gap that ends a leg; a receiver without RTK.
_MAX_SPEED_MS = 12.0
_GAP_S = 300.0
_GAP_M = 200.0
_SIGMA_M = 3.0
_GEOD = pyproj.Geod(ellps="WGS84")
_CLOCK_ONLY = re.compile(r"^\s*\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?\s*$")
NOT_SENSORS = {"seen_at", "leg", "track_m", "speed_ms", "sigma_m", "source_ref", "geometry", "depth_m", "heading_deg"}
_OURS = {"lon", "lat", "east", "north", "seen_at", "date", "clock", "sigma_m", "depth_m", "source_ref", "geometry"}


def read_track(
    path: Path | str,
    *,
    track: Path | str | pd.DataFrame | None = None,
    tz: str | None = None,
    crs: object = None,
    rename: Mapping[str, str] | None = None,
    constants: Mapping[str, object] | None = None,
    rig: Mapping[str, object] | None = None,
) -> gpd.GeoDataFrame:
    r"""Return the log of a towed or carried sonde as a track.

    Parameters
    ----------
    path : path
        Log with a heading row: time (or date and clock), position and sensors, under any usual name, with units in
        the headings.
    tz : str, optional
        Zone of times that do not say theirs.
    crs : anything pyproj understands, or "gcj02" or "bd09"
        What the coordinates are.
    rename : mapping of str to str, optional
        The file's heading to ``seen_at``, ``date``, ``clock``, ``lon``, ``lat``, ``sigma_m`` or the name of a
        parameter.
    constants : mapping of str to object, optional
        ``date`` of a log that writes only the time of day; ``sigma_m`` of its positions.

    Returns
    -------
    GeoDataFrame, n rows, Point, EPSG:4490
        Sorted by time: ``seen_at`` (UTC), ``leg`` (number of the continuous piece), ``track_m`` (distance since the
        first fix), ``speed_ms``, ``sigma_m`` (3 metres, our default, where the log does not say), one column per
        parameter in its canonical unit, ``source_ref``. Rows without time or position, repeated times and jumps
        faster than 12 m/s are left out and named in ``tables.list_issues``.

    Raises
    ------
    ReadError
        The file cannot be read.
    CoordinateError
        The log has no coordinates, or they cannot be what is said.
    TableError
        The log has no time or no sensor, or times do not say their zone.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "tow.csv"
    >>> _ = file.write_text("时间,经度,纬度,电导率(mS/cm)\n2026-04-13 08:00:05,114.3001,30.6,0.41\n"
    ...                     "2026-04-13 08:00:00,114.3000,30.6,0.40\n", encoding="gb18030")
    >>> track = read_track(file, tz="Asia/Shanghai", crs=4490)
    >>> track["track_m"].round(1).tolist(), track["conductivity"].tolist()
    ([0.0, 9.6], [400.0, 410.0])
    """
    frame = read_frame(path)
    where = Path(path).name
    named = name_headings(frame, "boat", rename=rename)
    for column, value in (constants or {}).items():
        if column not in named.columns:
            named[column] = value
    named, problems = _timed(named)
    values, doubts = read_sensors(named.rename(columns={name: str(name) for name in named.columns}))
    if not len(values.columns):
        headings = ", ".join(map(str, frame.columns[:12]))
        what = f"no column is a sensor we know; the headings are {headings}"
        problems.append(Problem("sensors", what, "name them with rename={'heading in the file': 'conductivity'}"))
    issues = [issue(kind, where, reason, rows=rows, level=_level(kind)) for kind, reason, rows in doubts]
    issues += _unused(named, values, where)
    fixes = _fixes(named, where, (crs, tz), problems)
    found = fixes.join(values.dropna(how="all"), how="inner")
    return _ordered(found, len(frame), where, issues)


def _timed(named: pd.DataFrame) -> tuple[pd.DataFrame, list[Problem]]:
    """Return the log with one column of moments; a time of day alone is no moment."""
    if "seen_at" not in named.columns and "clock" in named.columns:
        named = named.rename(columns={"clock": "seen_at"})
    if "seen_at" not in named.columns:
        headings = ", ".join(map(str, named.columns[:12]))
        fix = f"name it with rename={{'heading': 'seen_at'}}; the headings are {headings}"
        return named, [Problem("seen_at (时间)", "missing", fix)]
    text = named["seen_at"].astype("str").str.strip()
    is_clock = text.str.match(_CLOCK_ONLY).eq(other=True)
    if not is_clock.any():
        return named, []
    if "date" not in named.columns:
        fix = "give the day with constants={'date': '2026-04-13'}"
        rows = tuple(named["source_ref"][is_clock].astype(str))
        return named, [
            Problem("seen_at (时间)", f"{text[is_clock].iloc[0]!r} is a time of day without a date", fix, rows)
        ]
    day = named["date"].astype("str").str.split(" ").str[0]
    return named.assign(seen_at=text.where(~is_clock, day + " " + text)), []


def _fixes(
    named: pd.DataFrame, where: str, how: tuple[object, str | None], problems: list[Problem]
) -> gpd.GeoDataFrame:
    crs, tz = how
    rows = named[[name for name in named.columns if name in _OURS]].copy()
    rows = rows.drop(columns=["date", "clock", "depth_m"], errors="ignore")
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


def _ordered(track: gpd.GeoDataFrame, read: int, where: str, issues: list[dict[str, object]]) -> gpd.GeoDataFrame:
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
    track = _without_jumps(track[~is_again], where, issues).reset_index(drop=True)
    step_m, step_s = _steps(track)
    is_gap = (step_s > _GAP_S) | (step_m > _GAP_M) | (step_m > _MAX_SPEED_MS * np.maximum(step_s, 1.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        speed = np.where(step_s > 0, step_m / step_s, np.nan)
    track.insert(1, "leg", np.cumsum(is_gap) + 1)
    track.insert(2, "track_m", np.cumsum(step_m))
    track.insert(3, "speed_ms", speed)
    track["sigma_m"] = track["sigma_m"].fillna(_SIGMA_M)
    return gpd.GeoDataFrame(attach_issues(track, issues) if issues else track)


def _without_jumps(track: gpd.GeoDataFrame, where: str, issues: list[dict[str, object]]) -> gpd.GeoDataFrame:
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


def _unused(named: pd.DataFrame, values: pd.DataFrame, where: str) -> list[dict[str, object]]:
    unused = [str(name) for name in named.columns if name not in _OURS and find_sensor(name) is None]
    if not unused or not len(values.columns):
        return []
    reason = f"columns that are not used: {', '.join(unused)}"
    return [issue("unknown_word", where, reason, reason_zh=f"未使用的列: {', '.join(unused)}", level="note")]


def _level(kind: str) -> str:
    return "note" if kind == "assumption" else "warning"
