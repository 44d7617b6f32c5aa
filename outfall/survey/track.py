"""Where was the boat when, and what did its sensors say: one row per fix, in the order of time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import pandas as pd

from outfall.errors import Problem, TableError
from outfall.survey.clock import place_on_track
from outfall.survey.logs import read_log
from outfall.survey.quality import flag_readings
from outfall.survey.rig import move_to_sensor, read_rig
from outfall.survey.sensors import find_sensor, read_sensors
from outfall.survey.way import OURS, drop_jumps, find_fixes, measure_way, name_log, order_fixes, set_moments
from outfall.tables import attach_issues, check, issue

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["NOT_SENSORS", "read_track"]

NOT_SENSORS = {"seen_at", "leg", "track_m", "speed_ms", "sigma_m", "source_ref", "geometry", "depth_m", "heading_deg"}


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
        the headings or below them, under any preamble; or NMEA 0183 with a water temperature.
    track : path or DataFrame, optional
        Where the boat was, if the log does not say or the boat knew better: NMEA 0183, or any table or layer of times
        and places. The sonde's clock is put on the track's by what both measured, or by ``clock_s`` of the rig.
    tz : str, optional
        Zone of times that do not say theirs.
    crs : anything pyproj understands, or "gcj02" or "bd09"
        What the coordinates are.
    rename : mapping of str to str, optional
        The file's heading to ``seen_at``, ``date``, ``clock``, ``lon``, ``lat``, ``sigma_m`` or the name of a
        parameter.
    constants : mapping of str to object, optional
        ``date`` of a log that writes only the time of day; ``sigma_m`` of its positions.
    rig : mapping of str to object, optional
        ``forward_m`` and ``starboard_m`` from the antenna to the sensor; ``cable_m`` of a towed one; ``delay_s`` from
        the inlet; ``response_s`` of the sensors; ``clock_s`` to add to the sonde's clock; ``calibration``, by
        parameter: the standard, and what was read of it before and after.

    Returns
    -------
    GeoDataFrame, n rows, Point, EPSG:4490
        Sorted by time: ``seen_at`` (UTC), ``leg`` (number of the continuous piece), ``track_m`` (distance since the
        first fix), ``speed_ms``, ``sigma_m`` (3 metres, our default, where the log does not say), one column per
        parameter in its canonical unit, ``source_ref``. Lines that cannot be read, rows without time or position,
        repeated times, jumps faster than 12 m/s, spikes and stuck readings are left out and named in
        ``tables.list_issues``, as are drift and every assumption.

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
    carried = read_rig(rig)
    where = Path(path).name
    named, values, issues, is_nmea = _read(path, rename=rename, constants=constants)
    asked = ("EPSG:4326" if is_nmea and crs is None else crs, tz)
    if track is None:
        fixes = find_fixes(named, where, asked, [])
    else:
        way, doubts = _read_way(track, (crs, tz), constants)
        log, more = _without_places(named, values, where, asked)
        fixes, notes = place_on_track(log, way, where, clock_s=carried.clock_s)
        issues += doubts + more + notes
        values = fixes[list(values.columns)].set_axis(fixes.index)
        fixes = gpd.GeoDataFrame(fixes.drop(columns=list(values.columns)))
    if track is None and carried.clock_s:
        fixes = fixes.assign(seen_at=fixes["seen_at"] + pd.Timedelta(seconds=carried.clock_s))
    found = fixes.join(values.dropna(how="all"), how="inner")
    for name in ("depth_m", "heading_deg"):
        if name in named.columns and name not in found.columns:
            found[name] = pd.to_numeric(named[name], errors="coerce").reindex(found.index)
    ordered = order_fixes(found, len(fixes), where, issues)
    names = [str(name) for name in values.columns]
    if len(ordered):
        ordered, flags = flag_readings(ordered, names, where, carried.calibration)
        issues += flags
        ordered = measure_way(move_to_sensor(ordered, carried, names))
    out = gpd.GeoDataFrame(attach_issues(ordered, issues) if issues else ordered)
    out.attrs["response_s"] = carried.response_s
    return out


def _read(
    path: Path | str, *, rename: Mapping[str, str] | None, constants: Mapping[str, object] | None
) -> tuple[pd.DataFrame, pd.DataFrame, list[dict[str, object]], bool]:
    """Return the log under our names, its sensors, what was doubtful, and whether it is NMEA 0183."""
    where, date = Path(path).name, (constants or {}).get("date")
    frame, issues, is_nmea = read_log(path, date=date)
    named = name_log(frame, rename, constants)
    named, problems, notes = set_moments(named, where)
    values, doubts = read_sensors(named.rename(columns={name: str(name) for name in named.columns}))
    if not len(values.columns):
        headings = ", ".join(map(str, frame.columns[:12]))
        what = f"no column is a sensor we know; the headings are {headings}"
        problems.append(Problem("sensors", what, "name them with rename={'heading in the file': 'conductivity'}"))
    if problems:
        msg = f"{where}: {len(problems)} problem{'s' if len(problems) > 1 else ''}"
        raise TableError(msg, problems)
    issues += notes
    issues += [issue(kind, where, reason, rows=rows, level=_level(kind)) for kind, reason, rows in doubts]
    return named, values, issues + _unused(named, values, where), is_nmea


def _read_way(
    track: Path | str | pd.DataFrame, how: tuple[object, str | None], constants: Mapping[str, object] | None
) -> tuple[gpd.GeoDataFrame, list[dict[str, object]]]:
    """Return where the boat was, from a log of its own, sorted by time; a temperature in it helps to find the clock."""
    issues: list[dict[str, object]] = []
    where = "track" if isinstance(track, pd.DataFrame) else Path(track).name
    if isinstance(track, pd.DataFrame):
        frame, is_nmea = track.copy(), False
        if "source_ref" not in frame.columns:
            frame["source_ref"] = [f"track#{row}" for row in range(1, len(frame) + 1)]
    else:
        frame, issues, is_nmea = read_log(track, date=(constants or {}).get("date"))
    crs, tz = how
    named, problems, notes = set_moments(name_log(frame, None, constants), where)
    values, _ = read_sensors(named.rename(columns={name: str(name) for name in named.columns}))
    if is_nmea or (isinstance(frame, gpd.GeoDataFrame) and frame.crs is not None):
        crs = crs if not is_nmea else "EPSG:4326"
    way = find_fixes(named, where, (crs, tz), problems)
    for name in ("depth_m", "heading_deg"):
        if name in named.columns:
            way[name] = pd.to_numeric(named[name], errors="coerce").reindex(way.index)
    if "temperature" in values.columns:
        way["temperature"] = values["temperature"].reindex(way.index)
    way = way[way["seen_at"].notna() & way.geometry.notna()].sort_values(["seen_at", "source_ref"], kind="stable")
    way = drop_jumps(way[~way["seen_at"].duplicated()], where, issues)
    if len(way) < 2:
        msg = f"{where}: {len(way)} fixes have a time and a place; a track needs two"
        raise TableError(msg)
    return gpd.GeoDataFrame(way.reset_index(drop=True)), issues + notes


def _without_places(
    named: pd.DataFrame, values: pd.DataFrame, where: str, how: tuple[object, str | None]
) -> tuple[pd.DataFrame, list[dict[str, object]]]:
    """Return moments and sensors of a log that is to be placed on a track; its own positions only as numbers."""
    columns = [name for name in ("seen_at", "source_ref") if name in named.columns]
    rows = named[columns].assign(
        sighting_id=named["source_ref"], platform="boat", survey_id=where, reach_id="?", along_m=0.0
    )
    table = check(rows, "sightings", tz=how[1], where=where)[["seen_at", "source_ref"]]
    log = table.join(values)
    for name in ("lon", "lat"):
        if name in named.columns:
            log[name] = pd.to_numeric(named[name], errors="coerce")
    is_whole = log["seen_at"].notna()
    issues: list[dict[str, object]] = []
    if not is_whole.all():
        lost = log["source_ref"][~is_whole]
        reason = f"{len(lost)} of {len(log)} rows have no time"
        issues.append(
            issue("skipped_row", where, reason, reason_zh=f"{len(lost)} 行缺时间", rows=lost, decision="left out")
        )
    log = log[is_whole].sort_values(["seen_at", "source_ref"], kind="stable").reset_index(drop=True)
    return log, issues


def _unused(named: pd.DataFrame, values: pd.DataFrame, where: str) -> list[dict[str, object]]:
    unused = [str(name) for name in named.columns if name not in OURS and find_sensor(name) is None]
    if not unused or not len(values.columns):
        return []
    reason = f"columns that are not used: {', '.join(unused)}"
    return [issue("unknown_word", where, reason, reason_zh=f"未使用的列: {', '.join(unused)}", level="note")]


def _level(kind: str) -> str:
    return "note" if kind == "assumption" else "warning"
