"""Which readings of a sonde are not of the water: spikes, a stuck sensor, drift."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import median_filter

from outfall.tables import issue
from outfall.vocabulary import parameters

if TYPE_CHECKING:
    from collections.abc import Mapping

    import geopandas as gpd
    from numpy.typing import NDArray

    Reals = NDArray[np.float64]

__all__ = ["flag_readings"]

# Our defaults: a Hampel filter over seven readings, and what may happen by chance once in a million logs.
_WINDOW = 7
_SPIKE_SIGMAS = 7.0
_MAD = 1.4826
_CHANCE = 1e-6
_LEAST_STUCK = 12
_DRIFT_SHARE = 0.02
_AGAIN_M, _AGAIN_S = 30.0, 600.0
_EARTH_M = 111_320.0


def flag_readings(
    track: gpd.GeoDataFrame, names: list[str], where: str, calibration: Mapping[str, tuple[float, float, float]]
) -> tuple[gpd.GeoDataFrame, list[dict[str, object]]]:
    """Return a track without readings that are not of the water, put right for drift, and what was done.

    Parameters
    ----------
    track : GeoDataFrame, n rows
        Sorted by time. Not changed.
    names : list of str
        Its sensors.
    where : str
        The file.
    calibration : mapping of str to tuple of float
        Standard, read before, read after, by parameter; see ``rig.Rig``.

    Returns
    -------
    tuple of GeoDataFrame and list of issue rows
        Single wild readings and stuck ones are missing; a calibrated sensor is scaled; drift that shows where the
        boat came twice is only named.
    """
    out, found = track, []
    refs = track["source_ref"].astype(str).to_numpy()
    for name in names:
        values = track[name].to_numpy(dtype=float)
        stuck, spikes = _stuck(values), np.zeros(len(values), dtype=bool)
        spikes[~stuck] = _spikes(values[~stuck])
        for is_wrong, words, zh in (
            (spikes, "stand alone far off their neighbours", "孤立异常值"),
            (stuck, "repeat one value: the sensor was stuck", "数值不变, 传感器卡滞"),
        ):
            if is_wrong.any():
                reason = f"{parameters()[name].en}: {int(is_wrong.sum())} readings {words}"
                zh_reason = f"{parameters()[name].zh}: {int(is_wrong.sum())} 个读数{zh}"
                found.append(
                    issue(
                        "doubtful_value", where, reason, reason_zh=zh_reason, rows=refs[is_wrong], decision="left out"
                    )
                )
        if (spikes | stuck).any():
            out = out.assign(**{name: np.where(spikes | stuck, np.nan, values)})
        if name in calibration:
            out, note = _calibrated(out, name, where, calibration[name])
            found.append(note)
        else:
            found += _drifts(out, name, where)
    return out, found


def _spikes(values: Reals) -> NDArray[np.bool_]:
    """Return which readings, at most two in a row, stand far off the median around them."""
    is_read = np.flatnonzero(np.isfinite(values))
    y = values[is_read]
    flags = np.zeros(len(values), dtype=bool)
    if len(y) < 2 * _WINDOW:
        return flags
    apart = np.abs(y - median_filter(y, size=_WINDOW, mode="nearest"))
    moves = np.abs(np.diff(y))
    least = moves[moves > 1e-9 * max(1.0, float(np.abs(y).max()))]
    sigma = max(_MAD * float(np.median(apart)), float(least.min()) / 2 if len(least) else 0.0)
    near = _MAD * median_filter(apart, size=2 * _WINDOW + 1, mode="nearest")
    wild = apart > _SPIKE_SIGMAS * np.maximum(sigma, near)
    crowd = np.convolve(wild, np.ones(3), mode="same") >= 3
    wild &= ~np.convolve(crowd, np.ones(3), mode="same").astype(bool)
    flags[is_read[wild & (sigma > 0)]] = True
    return flags


def _stuck(values: Reals) -> NDArray[np.bool_]:
    """Return which readings repeat one value for longer than rounding and chance make likely."""
    is_read = np.flatnonzero(np.isfinite(values))
    y = values[is_read]
    flags = np.zeros(len(values), dtype=bool)
    if len(y) < 2 * _LEAST_STUCK:
        return flags
    starts = np.append(0, np.flatnonzero(np.diff(y) != 0) + 1)
    lengths = np.diff(np.append(starts, len(y)))
    for start, length in zip(starts, lengths, strict=True):
        if length < _LEAST_STUCK or length == len(y):
            continue
        others = len(y) - length
        again = (others - (len(starts) - 1) + 1) / (others + 2)
        if length * np.log(max(min(again, 0.999), 1e-3)) + np.log(len(y)) < np.log(_CHANCE):
            flags[is_read[start + 1 : start + length]] = True
    return flags


def _calibrated(
    track: gpd.GeoDataFrame, name: str, where: str, said: tuple[float, float, float]
) -> tuple[gpd.GeoDataFrame, dict[str, object]]:
    standard, before, after = said
    second = (track["seen_at"] - track["seen_at"].iloc[0]).dt.total_seconds().to_numpy()
    share = second / max(float(second[-1]), 1.0)
    factor = standard / (before + (after - before) * share)
    drift = (after - before) / standard
    reason = f"{parameters()[name].en}: the sensor drifted by {drift:+.1%} between its calibrations"
    zh = f"{parameters()[name].zh}: 前后校准间漂移 {drift:+.1%}"
    level = "warning" if abs(drift) > _DRIFT_SHARE else "note"
    note = issue("doubtful_value", where, reason, reason_zh=zh, level=level, decision="put right in proportion to time")
    return track.assign(**{name: track[name].to_numpy(dtype=float) * factor}), note


def _drifts(track: gpd.GeoDataFrame, name: str, where: str) -> list[dict[str, object]]:
    """Return a note where the sensor says something else each time the boat comes back to a place."""
    values = track[name].to_numpy(dtype=float)
    rows = np.flatnonzero(np.isfinite(values))
    rows = rows[:: max(1, len(rows) // 800)]
    if len(rows) < 60:
        return []
    second = (track["seen_at"] - track["seen_at"].iloc[0]).dt.total_seconds().to_numpy()[rows]
    lat = track.geometry.y.to_numpy()[rows]
    east = track.geometry.x.to_numpy()[rows] * _EARTH_M * np.cos(np.radians(lat[0]))
    close = np.hypot(east[:, None] - east, (lat[:, None] - lat) * _EARTH_M) < _AGAIN_M
    later = second - second[:, None]
    one, two = np.nonzero(close & (later > max(_AGAIN_S, 0.05 * float(second[-1]))))
    if len(np.unique(one)) < 30:
        return []
    hours = later[one, two] / 3600
    rate = np.median((values[rows[two]] - values[rows[one]]) / hours)
    rest = values[rows[two]] - values[rows[one]] - rate * hours
    error = _MAD * np.median(np.abs(rest)) / np.median(hours) / np.sqrt(len(np.unique(one)) / 8)
    whole = abs(rate) * second[-1] / 3600
    if abs(rate) < 4 * error or whole < 2 * _MAD * np.median(np.abs(rest)):
        return []
    found = parameters()[name]
    unit = "" if found.unit == "1" else f" {found.unit}"
    reason = f"{found.en}: at the same places {rate:+.3g}{unit} per hour; drift, or the river itself changed"
    zh = f"{found.zh}: 同一位置每小时变化 {rate:+.3g}{unit}, 疑似漂移"
    return [issue("doubtful_value", where, reason, reason_zh=zh, decision="kept; the search follows slow changes")]
