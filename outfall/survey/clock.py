"""By how much does a sonde's clock differ from the track's, and where was it when it read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd

from outfall.errors import Problem, TableError
from outfall.tables import issue

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Reals = NDArray[np.float64]
    Pair = tuple[str, Reals, Reals]

__all__ = ["place_on_track"]

# Our defaults.
_GAP_S = 30.0
_COARSE_S, _FINE_S = 5.0, 0.5
_LEAST_SHARE = 0.6
_LEAST_ALIKE = 0.7
_LEAST_READINGS = 40
_EARTH_M = 111_320.0


def place_on_track(
    log: pd.DataFrame, track: gpd.GeoDataFrame, where: str, *, clock_s: float | None
) -> tuple[gpd.GeoDataFrame, list[dict[str, object]]]:
    """Return a log with the positions the track had when it was read.

    Parameters
    ----------
    log : DataFrame, n rows
        ``seen_at`` (UTC), sensors, ``source_ref``; own ``lon`` and ``lat`` help to find the clock. Not changed.
    track : GeoDataFrame
        ``seen_at`` (UTC), points, ``sigma_m``; sensors the two share help to find the clock. Sorted by time.
    where : str
        The file of the log.
    clock_s : float or None
        Seconds to add to the log's clock; None to find them.

    Returns
    -------
    tuple of GeoDataFrame and list of issue rows
        Rows the track has no fix within 30 s for are left out and named.

    Raises
    ------
    TableError
        The two never overlap in time.
    """
    there = track["seen_at"].astype("datetime64[us, UTC]").astype("int64").to_numpy() / 1e6
    here = log["seen_at"].astype("datetime64[us, UTC]").astype("int64").to_numpy() / 1e6
    notes: list[dict[str, object]] = []
    if clock_s is None:
        clock_s, sigma_s, words = _found(log, here, track, there)
        zh = f"仪器时钟加 {clock_s:+.1f} 秒与航迹对齐"
        notes.append(issue("assumption", where, words, reason_zh=zh, level="note"))
    else:
        sigma_s = 0.0
    moment = here + clock_s
    after = np.clip(np.searchsorted(there, moment), 1, len(there) - 1)
    gap = np.minimum(np.abs(moment - there[after - 1]), np.abs(moment - there[after]))
    is_there = (gap <= _GAP_S) & (moment >= there[0] - 1) & (moment <= there[-1] + 1)
    if not is_there.any():
        ends = [str(pd.Timestamp(one, unit="s", tz="UTC"))[:19] for one in (*here[[0, -1]], *there[[0, -1]])]
        off = round((there.mean() - here.mean()) / 1800) * 1800
        what = f"the log runs from {ends[0]} to {ends[1]}, the track from {ends[2]} to {ends[3]} (UTC)"
        problem = Problem("seen_at (时间)", what, f"check tz=, or give rig={{'clock_s': {off}}}")
        msg = f"{where}: the log and the track never overlap in time"
        raise TableError(msg, [problem])
    lon, lat = (np.interp(moment, there, one.to_numpy(dtype=float)) for one in (track.geometry.x, track.geometry.y))
    speed = _speed(there, track)
    sigma = np.hypot(np.interp(moment, there, track["sigma_m"].fillna(3.0).to_numpy(dtype=float)), speed * sigma_s)
    placed = log.drop(columns=["lon", "lat", "geometry", "sigma_m"], errors="ignore").assign(
        sigma_m=sigma, seen_at=pd.to_datetime(np.round(moment * 1e6).astype("int64"), unit="us", utc=True)
    )
    for name in ("depth_m", "heading_deg"):
        if name in track.columns and name not in placed.columns:
            placed[name] = np.interp(
                moment, there, track[name].interpolate(limit_direction="both").to_numpy(dtype=float)
            )
    found = gpd.GeoDataFrame(placed, geometry=gpd.points_from_xy(lon, lat, crs=4490), crs=4490)
    if not is_there.all():
        lost = log["source_ref"][~is_there]
        reason = f"{len(lost)} of {len(log)} readings have no fix of the track within {_GAP_S:g} s"
        zh = f"{len(lost)} 个读数 {_GAP_S:g} 秒内无航迹定位"
        notes.append(issue("skipped_row", where, reason, reason_zh=zh, rows=lost, decision="left out"))
    return found[is_there].reset_index(drop=True), notes


def _speed(there: Reals, track: gpd.GeoDataFrame) -> float:
    east, north = _metres(track.geometry.x.to_numpy(), track.geometry.y.to_numpy())
    step = np.hypot(np.diff(east), np.diff(north)) / np.maximum(np.diff(there), 1e-3)
    return float(np.median(step)) if len(step) else 0.0


def _metres(lon: Reals, lat: Reals) -> tuple[Reals, Reals]:
    return lon * _EARTH_M * np.cos(np.radians(np.nanmean(lat))), lat * _EARTH_M


def _found(log: pd.DataFrame, here: Reals, track: gpd.GeoDataFrame, there: Reals) -> tuple[float, float, str]:
    """Return the offset, its sigma and how it was found: by own positions, by what both measured, or not at all."""
    pairs: list[Pair] = []
    if {"lon", "lat"} <= set(log.columns):
        mine = _metres(log["lon"].to_numpy(dtype=float), log["lat"].to_numpy(dtype=float))
        other = _metres(track.geometry.x.to_numpy(), track.geometry.y.to_numpy())
        pairs += [("position", one, two) for one, two in zip(mine, other, strict=True)]
    if not pairs and "temperature" in log.columns and "temperature" in track.columns:
        one, two = (table["temperature"].to_numpy(dtype=float) for table in (log, track))
        pairs.append(("temperature", one, two))
    lags = np.arange(there[0] - here[-1], there[-1] - here[0], _COARSE_S)
    length = min(here[-1] - here[0], there[-1] - there[0])
    overlap = np.minimum(here[-1] + lags, there[-1]) - np.maximum(here[0] + lags, there[0])
    lags = lags[overlap >= _LEAST_SHARE * length][:20_000]
    usable = [row for row in pairs if np.isfinite(row[1]).sum() >= _LEAST_READINGS <= np.isfinite(row[2]).sum()]
    if not usable or not len(lags):
        return 0.0, 0.0, "nothing both logs measure tells their clocks apart; they are taken as one"
    coarse = np.array([_alike(lag, here, there, usable) for lag in lags])
    best = lags[int(np.argmax(coarse))]
    fine = best + np.arange(-2 * _COARSE_S, 2 * _COARSE_S + _FINE_S, _FINE_S)
    close = np.array([_alike(lag, here, there, usable) for lag in fine])
    at = int(np.argmax(close))
    if close[at] < _LEAST_ALIKE:
        return 0.0, 0.0, f"the clocks could not be told apart (best likeness {close[at]:.2f}); they are taken as one"
    near = close >= 1 - (1 - close[at]) * 1.2 - 1e-9
    sigma = max(float(np.ptp(fine[near])) / 4, _FINE_S)
    by = " and ".join(sorted({row[0] for row in usable}))
    return (
        float(fine[at]),
        sigma,
        f"the sonde's clock is {fine[at]:+.1f} s ± {sigma:.1f} s off the track's, by {by}; added",
    )


def _alike(lag: float, here: Reals, there: Reals, pairs: list[Pair]) -> float:
    """Return how alike both logs are with the log's moments moved by a lag; 1 is the same.

    Positions must be the same; what sensors say need only rise and fall together.
    """
    found = []
    for name, mine, other in pairs:
        is_read = np.isfinite(other)
        theirs = np.interp(here + lag, there[is_read], other[is_read], left=np.nan, right=np.nan)
        both = np.isfinite(theirs) & np.isfinite(mine)
        if both.sum() < _LEAST_READINGS:
            return -1.0
        one, two = mine[both] - mine[both].mean(), theirs[both] - theirs[both].mean()
        apart = mine[both] - theirs[both]
        same = float(one @ one) - float(apart @ apart) if name == "position" else float(one @ two)
        found.append((float(one @ one), float(one @ one) if name == "position" else float(two @ two), same))
    whole = np.sum(found, axis=0)
    return float(whole[2] / max(np.sqrt(whole[0] * whole[1]), 1e-12))
