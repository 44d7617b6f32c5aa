"""How was the sonde carried: from where the antenna was to where the water was, and when."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj

from outfall.errors import Problem, TableError
from outfall.vocabulary import parameters

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Reals = NDArray[np.float64]

__all__ = ["Rig", "move_to_sensor", "read_rig"]

_GEOD = pyproj.Geod(ellps="WGS84")
_COURSE_M = 6.0
_MOST = {"forward_m": 200.0, "starboard_m": 100.0, "cable_m": 1000.0, "delay_s": 3600.0, "response_s": 600.0}


@dataclass(frozen=True, slots=True)
class Rig:
    """How a sonde was carried.

    Parameters
    ----------
    forward_m, starboard_m : float
        Lever arm from the antenna to the sensor, or to where its cable leaves the boat.
    cable_m : float
        Length of the tow cable; the sonde follows the boat's way that far behind, less what its depth takes.
    delay_s : float
        Time the water takes from the inlet to the sensor.
    response_s : float
        Time constant of the sensors; their answers are moved back by it.
    clock_s : float or None
        Seconds to add to the sonde's clock; None to find them against the track.
    calibration : mapping of str to tuple of float
        By parameter: what a standard is, and what the sensor said of it before and after the survey.
    """

    forward_m: float = 0.0
    starboard_m: float = 0.0
    cable_m: float = 0.0
    delay_s: float = 0.0
    response_s: float = 0.0
    clock_s: float | None = None
    calibration: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)


def read_rig(given: Mapping[str, object] | None) -> Rig:
    """Return a rig from what a user writes, or all that is wrong with it.

    Examples
    --------
    >>> read_rig({"cable_m": 10, "calibration": {"conductivity": [1413, 1410, 1380]}}).cable_m
    10.0
    >>> read_rig({"cabel_m": 10})
    Traceback (most recent call last):
        ...
    outfall.errors.TableError: rig: 1 problem
      - rig: 'cabel_m' is not known; use forward_m, starboard_m, cable_m, delay_s, response_s, clock_s, calibration
    """
    known = [one.name for one in fields(Rig)]
    problems: list[Problem] = []
    found: dict[str, float] = {}
    for name, value in (given or {}).items():
        if name not in known:
            problems.append(Problem("rig", f"{name!r} is not known", f"use {', '.join(known)}"))
        elif name != "calibration" and value is not None:
            number = _real(value)
            limit = _MOST.get(name, 1e6)
            least = -limit if name in ("forward_m", "starboard_m", "clock_s") else 0.0
            if number is None or not least <= number <= limit:
                problems.append(Problem(f"rig {name}", f"{value!r}", f"give a number from {least:g} to {limit:g}"))
            else:
                found[name] = number
    standards = _standards((given or {}).get("calibration"), problems)
    if problems:
        msg = f"rig: {len(problems)} problem{'s' if len(problems) > 1 else ''}"
        raise TableError(msg, problems)
    return Rig(**found, calibration=standards)


def _real(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not np.isfinite(value):
        return None
    return float(value)


def _standards(given: object, problems: list[Problem]) -> dict[str, tuple[float, float, float]]:
    found: dict[str, tuple[float, float, float]] = {}
    fix = "give {parameter: [standard, read before, read after]} in canonical units, none of them 0"
    if given is None:
        return found
    if not isinstance(given, dict):
        problems.append(Problem("rig calibration", f"{given!r}", fix))
        return found
    for name, row in given.items():
        numbers = [_real(value) for value in row] if isinstance(row, (list, tuple)) else []
        if name not in parameters() or len(numbers) != 3 or not all(numbers):
            problems.append(Problem("rig calibration", f"{name!r}: {row!r}", fix))
        else:
            found[str(name)] = (float(numbers[0] or 0), float(numbers[1] or 0), float(numbers[2] or 0))
    return found


def move_to_sensor(track: gpd.GeoDataFrame, rig: Rig, sensors: list[str]) -> gpd.GeoDataFrame:
    """Return a track whose positions are those of the water that was read.

    Parameters
    ----------
    track : GeoDataFrame, n rows
        Sorted by time, with ``leg``; EPSG:4490. Not changed.
    rig : Rig
        How the sonde was carried.
    sensors : list of str
        Columns that answer late.

    Returns
    -------
    GeoDataFrame, at most n rows
        Rows whose water was met before the first fix of their leg are left out.
    """
    if rig == Rig(clock_s=rig.clock_s, calibration=rig.calibration) or not len(track):
        return track
    pieces = [_move_leg(piece, rig, sensors) for _, piece in track.groupby("leg", sort=True)]
    return gpd.GeoDataFrame(pd.concat(pieces), geometry="geometry", crs=track.crs)


def _move_leg(leg: gpd.GeoDataFrame, rig: Rig, sensors: list[str]) -> gpd.GeoDataFrame:
    lon, lat = leg.geometry.x.to_numpy(dtype=float), leg.geometry.y.to_numpy(dtype=float)
    second = (leg["seen_at"] - leg["seen_at"].iloc[0]).dt.total_seconds().to_numpy()
    if rig.forward_m or rig.starboard_m:
        ahead = _headings(leg, lon, lat)
        for turn, length in ((0.0, rig.forward_m), (90.0, rig.starboard_m)):
            lon, lat, _ = _GEOD.fwd(lon, lat, ahead + turn, np.full(len(lon), length))
    when = second - rig.delay_s
    step = _GEOD.inv(lon[:-1], lat[:-1], lon[1:], lat[1:])[2] if len(lon) > 1 else np.zeros(0)
    moved = np.append(0.0, np.cumsum(np.maximum(step, 1e-6)))
    depth = leg["depth_m"].to_numpy(dtype=float) if "depth_m" in leg.columns else np.zeros(len(leg))
    behind = np.sqrt(np.maximum(rig.cable_m**2 - np.nan_to_num(depth) ** 2, 0.0))
    where = np.interp(when, second, moved) - behind
    is_known = (when >= 0) & (where >= 0)
    out = leg.assign(
        geometry=gpd.points_from_xy(np.interp(where, moved, lon), np.interp(where, moved, lat), crs=leg.crs)
    )
    if rig.response_s:
        for name in sensors:
            values = leg[name].to_numpy(dtype=float)
            is_read = np.isfinite(values)
            if is_read.sum() > 1:
                late = np.interp(second + rig.response_s, second[is_read], values[is_read], right=np.nan)
                out[name] = np.where(is_read, late, np.nan)
    return out[is_known]


def _headings(leg: gpd.GeoDataFrame, lon: Reals, lat: Reals) -> Reals:
    """Return the heading of the bow in degrees: as logged, else the course over several metres of way."""
    step = _GEOD.inv(lon[:-1], lat[:-1], lon[1:], lat[1:])[2] if len(lon) > 1 else np.zeros(0)
    moved = np.append(0.0, np.cumsum(step))
    sigma = float(leg["sigma_m"].median()) if "sigma_m" in leg.columns else 3.0
    half = max(_COURSE_M, 3.0 * sigma)
    (west, south), (east, north) = (
        tuple(np.interp(moved + way, moved, one) for one in (lon, lat)) for way in (-half, half)
    )
    course: Reals = np.array(_GEOD.inv(west, south, east, north)[0], dtype=np.float64)
    if "heading_deg" not in leg.columns:
        return course
    logged = leg["heading_deg"].to_numpy(dtype=float)
    heading: Reals = np.where(np.isfinite(logged), logged, course)
    return heading
