"""Where on the water or the ground does a camera look, and how sure is that.

The photo's position is not the object's: at 100 m and a pitch of -60 degrees they lie 50 m apart.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely

from outfall.camera.surface import heights_above
from outfall.errors import TableError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["look_at"]

# Our defaults (no standard): what a gimbal compass and an unknown take-off point are good for.
_YAW_SIGMA_DEG = 2.0
_PITCH_SIGMA_DEG = 0.5
_TAKE_OFF_SIGMA_M = 8.0
_SURFACE_SIGMA_M = 1.0
_LEAST_DEPRESSION_DEG = 10.0
_GEOD = pyproj.Geod(ellps="WGS84")


def look_at(
    photos: gpd.GeoDataFrame, *, surface: Path | str | float | None = None, pixels: pd.DataFrame | None = None
) -> gpd.GeoDataFrame:
    """Return the point each photo looks at: the ray from the camera to the water level or to a surface model.

    Parameters
    ----------
    photos : GeoDataFrame, n rows, Point, any CRS
        The contract ``photos``. Not changed.
    surface : path or float, optional
        Raster of heights (DSM), or one water level in metres; both in the vertical datum of ``altitude_m``. Without
        it the water is taken to lie at the height of take-off, which is often metres wrong and is priced so.
    pixels : DataFrame, n rows, index of photos, optional
        Columns ``col_px`` and ``row_px`` from the upper left corner; a missing value means the middle of the picture.

    Returns
    -------
    GeoDataFrame, n rows, Point, EPSG:4326, index of photos
        ``photo_id``, ``distance_m`` (horizontal), ``height_m`` (camera above the surface), ``sigma_m`` (each
        direction), the error ellipse ``sigma_major_m``, ``sigma_minor_m``, ``major_azimuth_deg``, and ``reason``: why
        there is no point, or what was assumed. Rays closer than 10 degrees to the horizon give no point. The sigmas of
        yaw (2 degrees), pitch (0.5 degrees), take-off (8 m) and surface (1 m) are our defaults.

    Raises
    ------
    TableError
        The photos carry no CRS.
    ReadError
        The surface cannot be read.

    Examples
    --------
    >>> import geopandas as gpd
    >>> photos = gpd.GeoDataFrame({"photo_id": ["a"], "relative_altitude_m": [100.0], "yaw_deg": [0.0],
    ...     "pitch_deg": [-45.0], "sigma_m": [0.05]}, geometry=gpd.points_from_xy([114.3], [30.6]), crs=4326)
    >>> seen = look_at(photos)
    >>> round(float(seen["distance_m"].iloc[0]), 3), bool(seen.geometry.y.iloc[0] > 30.6)
    (100.0, True)
    >>> len(look_at(photos.iloc[:0]))
    0
    """
    if photos.crs is None:
        msg = "photos: no CRS; say which with photos.set_crs(4326)"
        raise TableError(msg)
    camera = photos.geometry.to_crs(4326)
    lon, lat = camera.x.to_numpy(dtype=float), camera.y.to_numpy(dtype=float)
    pitch, is_pitch_known = _column(photos, "pitch_deg"), np.isfinite(_column(photos, "pitch_deg"))
    yaw, yaw_sigma = _yaw(_column(photos, "yaw_deg"), pitch)
    across, upward, reason = _pixel_slopes(photos, pixels)
    ray = _directions(pitch, yaw, across, upward)
    height, height_sigma = _height(photos, surface, lon, lat, ray)
    with np.errstate(invalid="ignore"):
        depression = np.degrees(np.arcsin(np.clip(-ray[2] / np.linalg.norm(ray, axis=0), -1, 1)))
        is_seen = np.isfinite(lon) & np.isfinite(yaw) & (height > 0) & (depression >= _LEAST_DEPRESSION_DEG)
        is_seen &= np.isfinite(across)
        moved = np.where(is_seen, _offset(pitch, yaw, height, across, upward), np.nan)
    for gone, why in (
        (~np.isfinite(lon), "the photo has no position"),
        (~is_pitch_known | ~np.isfinite(yaw), "the photo does not say where the camera points"),
        (~np.isfinite(height), "the height above the water is not known"),
        (height <= 0, "the camera is not above the water"),
        (depression < _LEAST_DEPRESSION_DEG, "the camera looks along or above the horizon"),
    ):
        reason = np.where(~is_seen & gone & (reason == ""), why, reason)
    ellipse = _ellipse(pitch, yaw, height, (across, upward), (yaw_sigma, height_sigma, _column(photos, "sigma_m")))
    return _answer(photos, (lon, lat), moved, ellipse, height, reason)


def _answer(
    photos: gpd.GeoDataFrame,
    camera: tuple[NDArray[np.float64], NDArray[np.float64]],
    moved: NDArray[np.float64],
    ellipse: NDArray[np.float64],
    height: NDArray[np.float64],
    reason: NDArray[np.object_],
) -> gpd.GeoDataFrame:
    is_seen = np.isfinite(moved[0])
    distance = np.hypot(moved[0], moved[1])
    points = np.full(len(photos), None, dtype=object)
    if is_seen.any():
        azimuth = np.degrees(np.arctan2(moved[0], moved[1]))
        lon, lat, _ = _GEOD.fwd(camera[0][is_seen], camera[1][is_seen], azimuth[is_seen], distance[is_seen])
        points[is_seen] = shapely.points(lon, lat)
    shape = np.where(is_seen, ellipse, np.nan)
    return gpd.GeoDataFrame(
        {
            "photo_id": photos["photo_id"],
            "distance_m": distance,
            "height_m": np.where(is_seen, height, np.nan),
            "sigma_m": np.sqrt((shape[0] ** 2 + shape[1] ** 2) / 2),
            "sigma_major_m": shape[0],
            "sigma_minor_m": shape[1],
            "major_azimuth_deg": shape[2],
            "reason": pd.array(reason, dtype="str"),
        },
        index=photos.index,
        geometry=gpd.GeoSeries(points, index=photos.index, crs=4326),
    )


def _directions(
    pitch: NDArray[np.float64], yaw: NDArray[np.float64], across: NDArray[np.float64], upward: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return east, north, up of each ray: forward, plus the pixel's way to the right and upwards in the picture."""
    tilt, turn = np.radians(pitch), np.radians(yaw)
    forward = np.array([np.sin(turn) * np.cos(tilt), np.cos(turn) * np.cos(tilt), np.sin(tilt)])
    right = np.array([np.cos(turn), -np.sin(turn), np.zeros_like(turn)])
    top = np.array([-np.sin(turn) * np.sin(tilt), -np.cos(turn) * np.sin(tilt), np.cos(tilt)])
    return forward + right * across + top * upward


def _offset(
    pitch: NDArray[np.float64],
    yaw: NDArray[np.float64],
    height: NDArray[np.float64],
    across: NDArray[np.float64],
    upward: NDArray[np.float64],
) -> NDArray[np.float64]:
    ray = _directions(pitch, yaw, across, upward)
    with np.errstate(divide="ignore", invalid="ignore"):
        moved: NDArray[np.float64] = ray[:2] * (height / -ray[2])
    return moved


def _ellipse(
    pitch: NDArray[np.float64],
    yaw: NDArray[np.float64],
    height: NDArray[np.float64],
    slopes: tuple[NDArray[np.float64], NDArray[np.float64]],
    sigmas: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]],
) -> NDArray[np.float64]:
    """Return major and minor sigma in metres and the azimuth of the major axis, by first-order propagation."""
    yaw_sigma, height_sigma, camera_sigma = sigmas
    at = _offset(pitch, yaw, height, *slopes)
    by_pitch = (_offset(pitch + 0.01, yaw, height, *slopes) - at) / 0.01 * _PITCH_SIGMA_DEG
    by_yaw = (_offset(pitch, yaw + 0.01, height, *slopes) - at) / 0.01 * yaw_sigma
    by_height = (_offset(pitch, yaw, height + 0.1, *slopes) - at) / 0.1 * height_sigma
    east, north, both = np.nan_to_num(camera_sigma, nan=5.0) ** 2, np.nan_to_num(camera_sigma, nan=5.0) ** 2, 0.0
    for part in (by_pitch, by_yaw, by_height):
        east, north, both = east + part[0] ** 2, north + part[1] ** 2, both + part[0] * part[1]
    middle, spread = (east + north) / 2, np.hypot((east - north) / 2, both)
    azimuth = np.degrees(np.arctan2(2 * both, north - east)) / 2 % 180
    return np.array([np.sqrt(middle + spread), np.sqrt(np.maximum(middle - spread, 0)), azimuth])


def _yaw(yaw: NDArray[np.float64], pitch: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return yaw and its sigma; straight down any yaw will do, and one that is not written is any."""
    is_free = ~np.isfinite(yaw) & (np.abs(pitch + 90) <= 10)
    return np.where(is_free, 0.0, yaw), np.where(is_free, 360 / np.sqrt(12), _YAW_SIGMA_DEG)


def _pixel_slopes(
    photos: gpd.GeoDataFrame, pixels: pd.DataFrame | None
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.object_]]:
    nothing = np.zeros(len(photos))
    reason = np.full(len(photos), "", dtype=object)
    if pixels is None:
        return nothing, nothing, reason
    col, row = _column(pixels.reindex(photos.index), "col_px"), _column(pixels.reindex(photos.index), "row_px")
    is_asked = np.isfinite(col) & np.isfinite(row)
    focal, width, height = (_column(photos, name) for name in ("focal_px", "width_px", "height_px"))
    is_outside = is_asked & ((col < 0) | (row < 0) | (col > width) | (row > height))
    across = np.where(is_asked, (col - width / 2) / focal, 0.0)
    upward = np.where(is_asked, -(row - height / 2) / focal, 0.0)
    reason[is_asked & ~np.isfinite(across)] = "the photo does not say its focal length"
    reason[is_outside] = "the pixel is outside the picture"
    return np.where(is_outside, np.nan, across), np.where(is_outside, np.nan, upward), reason


def _height(
    photos: gpd.GeoDataFrame,
    surface: Path | str | float | None,
    lon: NDArray[np.float64],
    lat: NDArray[np.float64],
    ray: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if surface is None:
        return _column(photos, "relative_altitude_m"), np.full(len(photos), _TAKE_OFF_SIGMA_M)
    altitude = _column(photos, "altitude_m")
    # A satellite height is about twice as uncertain as the position (our default).
    sigma = np.hypot(_SURFACE_SIGMA_M, 2 * np.nan_to_num(_column(photos, "sigma_m"), nan=5.0))
    if isinstance(surface, Path | str):
        return heights_above(Path(surface), lon, lat, altitude, ray), sigma
    return altitude - float(surface), sigma


def _column(frame: pd.DataFrame, name: str) -> NDArray[np.float64]:
    if name not in frame.columns:
        return np.full(len(frame), np.nan)
    return pd.to_numeric(frame[name]).to_numpy(dtype=float, na_value=np.nan)
