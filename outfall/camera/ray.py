"""Where on the water or the ground does a camera look, and how sure is that.

The photo's position is not the object's: at 100 m and a pitch of -60 degrees they lie 50 m apart.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely

from outfall.camera.ellipse import Aim, Doubt, find_ellipse
from outfall.camera.lens import Lens, find_slopes, parse_lens
from outfall.camera.surface import meet_surface
from outfall.errors import TableError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["SIGMAS", "look_at"]

# Our defaults (no standard): what a gimbal, its compass, the compass of the drone, a click on a picture, a surface
# model, an unknown take-off point and a barometer over one flight are good for.
SIGMAS: Mapping[str, float] = {
    "yaw_deg": 2.0,
    "flight_yaw_deg": 10.0,
    "pitch_deg": 0.5,
    "pixel_px": 2.0,
    "surface_m": 1.0,
    "take_off_m": 8.0,
    "barometer_m": 1.0,
}
_LEAST_DEPRESSION_DEG = 10.0
_ANY_YAW_DEG = 360 / np.sqrt(12)
_GEOD = pyproj.Geod(ellps="WGS84")
_REASONS = {
    "the photo has no position": "照片没有定位",
    "the photo does not say where the camera points": "照片没有相机指向",
    "the photo does not say its focal length": "照片没有焦距",
    "the pixel is outside the picture": "像素在照片之外",
    "the camera looks along or above the horizon": "相机朝向接近或高于地平线",
    "the camera is not above the water": "相机不在水面之上",
    "the height above the water is not known": "相机距水面高度未知",
    "the surface has no height there; placed at the level of take-off": "地表模型该处无高程，按起飞点高度定位",
}


class _Height(NamedTuple):
    """How high each camera is above what its ray meets, how sure, the slope there, and what it met."""

    above_m: NDArray[np.float64]
    sigma_m: NDArray[np.float64]
    slope: NDArray[np.float64]
    met: NDArray[np.object_]


def look_at(
    photos: gpd.GeoDataFrame,
    *,
    surface: Path | str | float | None = None,
    pixels: pd.DataFrame | None = None,
    water_m: float | None = None,
    take_off_m: float | None = None,
    sigmas: Mapping[str, float] | None = None,
) -> gpd.GeoDataFrame:
    """Return the point each photo looks at: the ray from the camera to a surface model, the water, or take-off level.

    Parameters
    ----------
    photos : GeoDataFrame, n rows, Point, any CRS
        The contract ``photos``; ``lens`` straightens pixels. Not changed.
    surface : path or float, optional
        Raster of heights (DSM), or one water level in metres; both in the vertical datum of ``altitude_m``. Without
        it the water is taken to lie at the height of take-off, which is often metres wrong and is priced so.
    pixels : DataFrame, n rows, index of photos, optional
        Columns ``col_px`` and ``row_px`` from the upper left corner; a missing value means the middle of the picture.
        ``sigma_px`` where the object fills many pixels.
    water_m : float, metres, optional
        Level of the water that fills the holes of the surface model, and lies wherever the model ends.
    take_off_m : float, metres, optional
        Height of the take-off point in the same datum; then the relative altitude is used where the absolute one is
        less sure, which it is without RTK.
    sigmas : mapping of str to float, optional
        Standard deviations to use instead of ours: ``yaw_deg`` 2, ``flight_yaw_deg`` 10, ``pitch_deg`` 0.5,
        ``pixel_px`` 2, ``surface_m`` 1, ``take_off_m`` 8, ``barometer_m`` 1.

    Returns
    -------
    GeoDataFrame, n rows, Point, EPSG:4326, index of photos
        ``photo_id``, ``distance_m`` (horizontal), ``height_m`` (camera above the place), ``sigma_m`` (each
        direction), the error ellipse ``sigma_major_m``, ``sigma_minor_m``, ``major_azimuth_deg``, ``placed_by``
        (surface, water, take_off or missing), ``reason`` and ``reason_zh``: why there is no point, or what was
        assumed. Rays closer than 10 degrees to the horizon give no point.

    Raises
    ------
    TableError
        The photos carry no CRS, or a name in sigmas is not known.
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
    good = _sigmas(sigmas)
    place = photos.geometry.to_crs(4326)
    camera = (place.x.to_numpy(dtype=float), place.y.to_numpy(dtype=float))
    aim, pixel_sigma, reason = _aim(photos, pixels, good)
    level = float(surface) if isinstance(surface, int | float) else water_m
    model = Path(surface) if isinstance(surface, Path | str) else None
    height = _height(photos, camera, aim.ray(), (model, level, take_off_m), good)
    is_seen, reason = _judge(camera, aim, height, reason)
    doubt = Doubt(_column(photos, "sigma_m"), height.sigma_m, _yaw_sigma(photos, good), good["pitch_deg"], pixel_sigma)
    ray = aim.ray()
    with np.errstate(divide="ignore", invalid="ignore"):
        moved = np.where(is_seen, ray[:2] * (height.above_m / -ray[2]), np.nan)
    return _answer(photos, camera, moved, find_ellipse(aim, height.above_m, height.slope, doubt), (height, reason))


def _sigmas(given: Mapping[str, float] | None) -> dict[str, float]:
    unknown = sorted(set(given or {}) - set(SIGMAS))
    if unknown:
        msg = f"sigmas: {', '.join(map(repr, unknown))} is not known; use {', '.join(SIGMAS)}"
        raise TableError(msg)
    return {**SIGMAS, **(given or {})}


def _aim(
    photos: gpd.GeoDataFrame, pixels: pd.DataFrame | None, good: Mapping[str, float]
) -> tuple[Aim, NDArray[np.float64], NDArray[np.object_]]:
    """Return where each ray goes, the sigma of its pixel as a slope, and why a pixel has none."""
    pitch, yaw = _column(photos, "pitch_deg"), _column(photos, "yaw_deg")
    roll = np.nan_to_num(_column(photos, "roll_deg"), nan=0.0)
    focal, width, height = (_column(photos, name) for name in ("focal_px", "width_px", "height_px"))
    lens = _lenses(photos, focal, np.fmax(width, height))
    empty = np.full(len(photos), np.nan)
    asked = pixels.reindex(photos.index) if pixels is not None else None
    col, row = (empty, empty) if asked is None else (_column(asked, "col_px"), _column(asked, "row_px"))
    is_asked = np.isfinite(col) & np.isfinite(row)
    across, upward = find_slopes(
        lens, np.where(is_asked, col, width / 2), np.where(is_asked, row, height / 2), (width, height)
    )
    is_outside = is_asked & ((col < 0) | (row < 0) | (col > width) | (row > height))
    reason = np.full(len(photos), "", dtype=object)
    reason[is_asked & ~np.isfinite(across)] = "the photo does not say its focal length"
    reason[is_outside] = "the pixel is outside the picture"
    is_middle = ~is_asked & ~np.isfinite(across)
    across, upward = (np.where(is_outside, np.nan, np.where(is_middle, 0.0, part)) for part in (across, upward))
    with np.errstate(divide="ignore", invalid="ignore"):
        own = empty if asked is None else _column(asked, "sigma_px")
        click = np.hypot(good["pixel_px"], np.nan_to_num(own, nan=0.0)) / (lens[:, 0] * np.fmax(width, height))
        pixel = np.where(is_asked, np.nan_to_num(click), 0.0)
    is_free = ~np.isfinite(yaw) & (np.abs(pitch + 90) <= 10)
    return Aim(pitch, np.where(is_free, 0.0, yaw), roll, across, upward), pixel, reason


def _lenses(
    photos: gpd.GeoDataFrame, focal_px: NDArray[np.float64], side_px: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the lens of each photo: the one it carries, else a straight one of its focal length."""
    texts = photos["lens"] if "lens" in photos.columns else pd.Series(None, index=photos.index, dtype=object)
    known = {text: parse_lens(text) for text in texts.dropna().unique()}
    plain = zip(focal_px / side_px, texts, strict=True)
    rows = [known.get(text) or Lens(focal, focal) for focal, text in plain]
    return np.array(rows, dtype=float).reshape(-1, len(Lens._fields))


def _yaw_sigma(photos: gpd.GeoDataFrame, good: Mapping[str, float]) -> NDArray[np.float64]:
    """Return the sigma of each yaw; straight down any yaw will do, and one that is not written is any."""
    names = photos["yaw_by"] if "yaw_by" in photos.columns else pd.Series("", index=photos.index)
    by_flight = np.array([name == "flight" for name in names], dtype=bool)
    sigma = np.where(by_flight, good["flight_yaw_deg"], good["yaw_deg"])
    return np.where(np.isfinite(_column(photos, "yaw_deg")), sigma, _ANY_YAW_DEG)


def _height(
    photos: gpd.GeoDataFrame,
    camera: tuple[NDArray[np.float64], NDArray[np.float64]],
    ray: NDArray[np.float64],
    given: tuple[Path | None, float | None, float | None],
    good: Mapping[str, float],
) -> _Height:
    """Return the height above the surface model, else above the water, else above take-off."""
    model, water_m, take_off_m = given
    altitude, sigma = _altitude(photos, take_off_m, good)
    relative, count = _column(photos, "relative_altitude_m"), len(photos)
    above = relative.copy()
    unsure = np.full(count, good["take_off_m"])
    slope, met = np.zeros((2, count)), np.full(count, "take_off", dtype=object)
    ground_sigma = np.hypot(good["surface_m"], sigma)
    if water_m is not None:
        above, unsure, met = altitude - water_m, ground_sigma, np.full(count, "water", dtype=object)
    if model is None:
        return _Height(above, unsure, slope, met)
    found = meet_surface(model, (*camera, altitude), ray, water_m=water_m)
    is_hit = np.isfinite(found.height_m)
    slope = np.where(is_hit, np.nan_to_num(np.array([found.east_slope, found.north_slope])), 0.0)
    return _Height(
        np.where(is_hit, found.height_m, above),
        np.where(is_hit, ground_sigma, unsure),
        slope,
        np.where(is_hit, "surface", np.where(met == "take_off", "hole", met)),
    )


def _altitude(
    photos: gpd.GeoDataFrame, take_off_m: float | None, good: Mapping[str, float]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the altitude to trust and its sigma: the absolute one, or the relative one over a known take-off."""
    altitude, sigma = _column(photos, "altitude_m"), _column(photos, "altitude_sigma_m")
    # A satellite height is about twice as uncertain as the position (our default).
    sigma = np.where(np.isfinite(sigma), sigma, 2 * np.nan_to_num(_column(photos, "sigma_m"), nan=5.0))
    if take_off_m is None:
        return altitude, sigma
    over = take_off_m + _column(photos, "relative_altitude_m")
    is_better = np.isfinite(over) & ((sigma > good["barometer_m"]) | ~np.isfinite(altitude))
    return np.where(is_better, over, altitude), np.where(is_better, good["barometer_m"], sigma)


def _judge(
    camera: tuple[NDArray[np.float64], NDArray[np.float64]], aim: Aim, height: _Height, reason: NDArray[np.object_]
) -> tuple[NDArray[np.bool_], NDArray[np.object_]]:
    """Return which rays end somewhere, and why the others do not."""
    ray = aim.ray()
    with np.errstate(invalid="ignore"):
        depression = np.degrees(np.arcsin(np.clip(-ray[2] / np.linalg.norm(ray, axis=0), -1, 1)))
        is_seen = np.isfinite(camera[0]) & np.isfinite(aim.yaw_deg) & np.isfinite(aim.across)
        is_seen &= (height.above_m > 0) & (depression >= _LEAST_DEPRESSION_DEG)
    for gone, why in (
        (~np.isfinite(camera[0]), "the photo has no position"),
        (~np.isfinite(aim.pitch_deg) | ~np.isfinite(aim.yaw_deg), "the photo does not say where the camera points"),
        (depression < _LEAST_DEPRESSION_DEG, "the camera looks along or above the horizon"),
        (~np.isfinite(height.above_m), "the height above the water is not known"),
        (height.above_m <= 0, "the camera is not above the water"),
    ):
        reason = np.where(~is_seen & gone & (reason == ""), why, reason)
    fallen = is_seen & (height.met == "hole") & (reason == "")
    return is_seen, np.where(fallen, "the surface has no height there; placed at the level of take-off", reason)


def _answer(
    photos: gpd.GeoDataFrame,
    camera: tuple[NDArray[np.float64], NDArray[np.float64]],
    moved: NDArray[np.float64],
    ellipse: NDArray[np.float64],
    told: tuple[_Height, NDArray[np.object_]],
) -> gpd.GeoDataFrame:
    height, reason = told
    is_seen = np.isfinite(moved[0])
    distance = np.hypot(moved[0], moved[1])
    points = np.full(len(photos), None, dtype=object)
    if is_seen.any():
        azimuth = np.degrees(np.arctan2(moved[0], moved[1]))
        lon, lat, _ = _GEOD.fwd(camera[0][is_seen], camera[1][is_seen], azimuth[is_seen], distance[is_seen])
        points[is_seen] = shapely.points(lon, lat)
    shape = np.where(is_seen, ellipse, np.nan)
    met = np.where(height.met == "hole", "take_off", height.met)
    columns = {
        "photo_id": photos["photo_id"],
        "distance_m": distance,
        "height_m": np.where(is_seen, height.above_m, np.nan),
        "sigma_m": np.sqrt((shape[0] ** 2 + shape[1] ** 2) / 2),
        "sigma_major_m": shape[0],
        "sigma_minor_m": shape[1],
        "major_azimuth_deg": shape[2],
        "placed_by": pd.array([name if seen else None for name, seen in zip(met, is_seen, strict=True)], dtype="str"),
        "reason": pd.array(reason, dtype="str"),
        "reason_zh": pd.array([_REASONS.get(str(why), "") for why in reason], dtype="str"),
    }
    return gpd.GeoDataFrame(columns, index=photos.index, geometry=gpd.GeoSeries(points, index=photos.index, crs=4326))


def _column(frame: pd.DataFrame, name: str) -> NDArray[np.float64]:
    if name not in frame.columns:
        return np.full(len(frame), np.nan)
    return pd.to_numeric(frame[name]).to_numpy(dtype=float, na_value=np.nan)
