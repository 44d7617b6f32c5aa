"""Where a point lies on Chinese base maps: WGS 84 (or CGCS2000), GCJ-02 and BD-09, both ways.

Inside China, CGCS2000 and WGS 84 coordinates are taken as equal (they differ by less than a survey's error).
Outside, GCJ-02 and WGS 84 are the same thing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    Pair = tuple[NDArray[np.float64], NDArray[np.float64]]

__all__ = [
    "CHINA_BOX",
    "bd09_to_gcj02",
    "bd09_to_wgs84",
    "gcj02_to_bd09",
    "gcj02_to_wgs84",
    "is_in_china_box",
    "wgs84_to_bd09",
    "wgs84_to_gcj02",
]

# Krasovsky 1940, as the public implementations of the shift agree (standards: none published).
_AXIS_M = 6378245.0
_ECCENTRICITY_SQUARED = 0.006693421622965823
CHINA_BOX = (72.004, 0.8293, 137.8347, 55.8271)
"""West, south, east, north of the box inside which the GCJ-02 shift is applied, in degrees."""

_BD_TURN = np.pi * 3000.0 / 180.0
_BD_LON_DEG, _BD_LAT_DEG = 0.0065, 0.006
_MAX_ROUNDS = 30
_TOLERANCE_DEG = 1e-11


def is_in_china_box(lon: ArrayLike, lat: ArrayLike) -> NDArray[np.bool_]:
    """Return whether positions lie inside the box where the GCJ-02 shift is applied.

    Parameters
    ----------
    lon, lat : array_like, degrees
        Positions.

    Returns
    -------
    ndarray of bool
        Of the broadcast shape.

    Examples
    --------
    >>> is_in_china_box([114.3, 2.35], [30.6, 48.86]).tolist()
    [True, False]
    """
    east, north = np.asarray(lon, dtype=float), np.asarray(lat, dtype=float)
    west, south, right, top = CHINA_BOX
    return np.asarray((east > west) & (east < right) & (north > south) & (north < top))


def wgs84_to_gcj02(lon: ArrayLike, lat: ArrayLike) -> Pair:
    """Return GCJ-02 coordinates of WGS 84 (or CGCS2000) positions.

    Parameters
    ----------
    lon, lat : array_like, degrees
        Positions; outside China they are returned as they are.

    Returns
    -------
    tuple of ndarray
        Longitude and latitude in degrees.

    Examples
    --------
    >>> lon, lat = wgs84_to_gcj02(114.3, 30.6)
    >>> round(float(lon), 5), round(float(lat), 5)
    (114.30544, 30.59758)
    """
    east, north = np.broadcast_arrays(np.asarray(lon, dtype=float), np.asarray(lat, dtype=float))
    d_lon, d_lat = _shift_deg(east, north)
    inside = is_in_china_box(east, north)
    return np.where(inside, east + d_lon, east), np.where(inside, north + d_lat, north)


def gcj02_to_wgs84(lon: ArrayLike, lat: ArrayLike) -> Pair:
    """Return WGS 84 coordinates of GCJ-02 positions, exact to better than 1e-9 degree.

    Parameters
    ----------
    lon, lat : array_like, degrees
        Positions as a Chinese base map gives them.

    Returns
    -------
    tuple of ndarray
        Longitude and latitude in degrees.

    Examples
    --------
    >>> lon, lat = gcj02_to_wgs84(*wgs84_to_gcj02(114.3, 30.6))
    >>> round(float(lon), 9), round(float(lat), 9)
    (114.3, 30.6)
    """
    return _invert(wgs84_to_gcj02, lon, lat)


def gcj02_to_bd09(lon: ArrayLike, lat: ArrayLike) -> Pair:
    """Return BD-09 coordinates of GCJ-02 positions.

    Parameters
    ----------
    lon, lat : array_like, degrees
        Positions; outside China they are returned as they are.

    Returns
    -------
    tuple of ndarray
        Longitude and latitude in degrees.

    Examples
    --------
    >>> lon, lat = gcj02_to_bd09(116.404, 39.915)
    >>> round(float(lon), 4), round(float(lat), 4)
    (116.4104, 39.9213)
    """
    east, north = np.broadcast_arrays(np.asarray(lon, dtype=float), np.asarray(lat, dtype=float))
    radius = np.hypot(east, north) + 0.00002 * np.sin(north * _BD_TURN)
    angle = np.arctan2(north, east) + 0.000003 * np.cos(east * _BD_TURN)
    inside = is_in_china_box(east, north)
    moved_lon = radius * np.cos(angle) + _BD_LON_DEG
    moved_lat = radius * np.sin(angle) + _BD_LAT_DEG
    return np.where(inside, moved_lon, east), np.where(inside, moved_lat, north)


def bd09_to_gcj02(lon: ArrayLike, lat: ArrayLike) -> Pair:
    """Return GCJ-02 coordinates of BD-09 positions, exact to better than 1e-9 degree.

    Parameters
    ----------
    lon, lat : array_like, degrees
        Positions.

    Returns
    -------
    tuple of ndarray
        Longitude and latitude in degrees.

    Examples
    --------
    >>> lon, lat = bd09_to_gcj02(*gcj02_to_bd09(116.404, 39.915))
    >>> round(float(lon), 9), round(float(lat), 9)
    (116.404, 39.915)
    """
    return _invert(gcj02_to_bd09, lon, lat)


def wgs84_to_bd09(lon: ArrayLike, lat: ArrayLike) -> Pair:
    """Return BD-09 coordinates of WGS 84 (or CGCS2000) positions.

    Parameters
    ----------
    lon, lat : array_like, degrees
        Positions.

    Returns
    -------
    tuple of ndarray
        Longitude and latitude in degrees.

    Examples
    --------
    >>> lon, lat = wgs84_to_bd09(2.35, 48.86)
    >>> float(lon), float(lat)
    (2.35, 48.86)
    """
    return gcj02_to_bd09(*wgs84_to_gcj02(lon, lat))


def bd09_to_wgs84(lon: ArrayLike, lat: ArrayLike) -> Pair:
    """Return WGS 84 coordinates of BD-09 positions.

    Parameters
    ----------
    lon, lat : array_like, degrees
        Positions.

    Returns
    -------
    tuple of ndarray
        Longitude and latitude in degrees.

    Examples
    --------
    >>> lon, lat = bd09_to_wgs84(*wgs84_to_bd09(114.3, 30.6))
    >>> round(float(lon), 9), round(float(lat), 9)
    (114.3, 30.6)
    """
    return gcj02_to_wgs84(*bd09_to_gcj02(lon, lat))


def _shift_deg(lon: NDArray[np.float64], lat: NDArray[np.float64]) -> Pair:
    """Return how far GCJ-02 lies from WGS 84, in degrees of longitude and latitude."""
    u, v = lon - 105.0, lat - 35.0
    root = np.sqrt(np.abs(u))
    wave = (20.0 * np.sin(6.0 * u * np.pi) + 20.0 * np.sin(2.0 * u * np.pi)) * 2.0 / 3.0
    north_m = -100.0 + 2.0 * u + 3.0 * v + 0.2 * v * v + 0.1 * u * v + 0.2 * root + wave
    north_m += (20.0 * np.sin(v * np.pi) + 40.0 * np.sin(v / 3.0 * np.pi)) * 2.0 / 3.0
    north_m += (160.0 * np.sin(v / 12.0 * np.pi) + 320.0 * np.sin(v * np.pi / 30.0)) * 2.0 / 3.0
    east_m = 300.0 + u + 2.0 * v + 0.1 * u * u + 0.1 * u * v + 0.1 * root + wave
    east_m += (20.0 * np.sin(u * np.pi) + 40.0 * np.sin(u / 3.0 * np.pi)) * 2.0 / 3.0
    east_m += (150.0 * np.sin(u / 12.0 * np.pi) + 300.0 * np.sin(u / 30.0 * np.pi)) * 2.0 / 3.0
    phi = np.radians(lat)
    magic = 1.0 - _ECCENTRICITY_SQUARED * np.sin(phi) ** 2
    root_magic = np.sqrt(magic)
    meridian_m = _AXIS_M * (1.0 - _ECCENTRICITY_SQUARED) / (magic * root_magic)
    parallel_m = _AXIS_M / root_magic * np.cos(phi)
    return np.degrees(east_m / parallel_m), np.degrees(north_m / meridian_m)


def _invert(forward: Callable[[ArrayLike, ArrayLike], Pair], lon: ArrayLike, lat: ArrayLike) -> Pair:
    """Undo a shift by fixed-point iteration; it contracts by about 1e-3 a round."""
    target_lon, target_lat = np.broadcast_arrays(np.asarray(lon, dtype=float), np.asarray(lat, dtype=float))
    found_lon, found_lat = target_lon.astype(float), target_lat.astype(float)
    for _ in range(_MAX_ROUNDS):
        there_lon, there_lat = forward(found_lon, found_lat)
        miss_lon, miss_lat = target_lon - there_lon, target_lat - there_lat
        found_lon, found_lat = found_lon + miss_lon, found_lat + miss_lat
        miss = np.concatenate([np.ravel(np.abs(miss_lon)), np.ravel(np.abs(miss_lat))])
        if not miss.size or np.nanmax(miss, initial=0.0) < _TOLERANCE_DEG:
            break
    return found_lon, found_lat
