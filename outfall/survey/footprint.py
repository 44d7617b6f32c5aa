"""What ground did each photo show: the outline of the picture on level water."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from outfall.coordinates import choose_crs
from outfall.errors import CoordinateError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["photo_footprints"]

_FARTHEST_M = 150.0  # beyond it a pipe of half a metre is no longer recognised in a slanted picture; our default


def photo_footprints(
    photos: gpd.GeoDataFrame,
    *,
    platform: str = "drone",
    survey_id: str | None = None,
    condition: str = "",
    farthest_m: float = _FARTHEST_M,
) -> gpd.GeoDataFrame:
    """Return the ground each photo shows, as looks for find_coverage.

    The water is taken as level at the height of take-off. A picture that reaches above the horizon, or farther than
    ``farthest_m`` from the camera, is cut there. Photos without position, height or direction show nothing we know of
    and are left out.

    Parameters
    ----------
    photos : GeoDataFrame, n rows, Point
        Contract ``photos``. Not changed.
    platform : str, default "drone"
        Who took them.
    survey_id : str, optional
        One name for all of them; the folder of each file by default.
    condition : str, default ""
        What the season, weather and water were like.
    farthest_m : float, default 150
        Horizontal distance beyond which nothing is claimed.

    Returns
    -------
    GeoDataFrame, at most n rows, Polygon, metric CRS
        ``photo_id``, ``platform``, ``survey_id``, ``condition``, ``seen_at``, ``gsd_m`` (at the middle), ``source_ref``.

    Raises
    ------
    CoordinateError
        The photos do not say their CRS.

    Examples
    --------
    >>> photos = gpd.GeoDataFrame({"photo_id": ["a"], "file": ["f/a.jpg"], "relative_altitude_m": [100.0],
    ...     "yaw_deg": [0.0], "pitch_deg": [-90.0], "width_px": [4000], "height_px": [3000], "focal_px": [4000.0],
    ...     "source_ref": ["a.jpg"]}, geometry=gpd.points_from_xy([114.3], [30.6]), crs=4326)
    >>> seen = photo_footprints(photos)
    >>> round(float(seen.area.iloc[0])), float(seen["gsd_m"].iloc[0])
    (7500, 0.025)
    """
    if photos.crs is None:
        msg = "photos: no CRS; say which with photos.set_crs(4326)"
        raise CoordinateError(msg)
    numbers = {name: _number(photos, name) for name in ("relative_altitude_m", "yaw_deg", "pitch_deg", "focal_px")}
    size = np.column_stack([_number(photos, "width_px"), _number(photos, "height_px")])
    whole = np.isfinite(np.column_stack([*numbers.values(), size])).all(axis=1) & (numbers["relative_altitude_m"] > 0)
    whole &= ~(photos.geometry.isna() | photos.geometry.is_empty).to_numpy()
    kept = photos[whole]
    crs = (
        choose_crs(kept) if len(kept) else choose_crs(gpd.GeoDataFrame(geometry=gpd.points_from_xy([0], [0]), crs=4326))
    )
    at = shapely.get_coordinates(kept.geometry.to_crs(crs).to_numpy())
    height, yaw, pitch, focal = (values[whole] for values in numbers.values())
    corners = _corners(height, np.radians(yaw), np.radians(pitch), size[whole] / focal[:, None] / 2, farthest_m)
    shapes = shapely.convex_hull(shapely.polygons(at[:, None, :] + corners)) if len(kept) else []
    slant = height / np.maximum(np.sin(np.radians(np.clip(-pitch, 1.0, 90.0))), 0.02)
    names = [str(file).rpartition("/")[0] for file in kept["file"]] if survey_id is None else [survey_id] * len(kept)
    return gpd.GeoDataFrame(
        {
            "photo_id": kept["photo_id"].to_numpy(),
            "platform": pd.Series([platform] * len(kept), dtype="str"),
            "survey_id": pd.Series(names, dtype="str"),
            "condition": pd.Series([condition] * len(kept), dtype="str"),
            "seen_at": kept["taken_at"].to_numpy() if "taken_at" in kept else pd.NaT,
            "gsd_m": slant / focal,
            "source_ref": pd.Series([f"photo_footprints({ref})" for ref in kept["source_ref"]], dtype="str"),
        },
        geometry=gpd.GeoSeries(shapes, crs=crs),
        crs=crs,
    )


def _number(photos: gpd.GeoDataFrame, name: str) -> NDArray[np.float64]:
    if name not in photos:
        return np.full(len(photos), np.nan)
    return photos[name].to_numpy(dtype=float, na_value=np.nan)


def _corners(
    height: NDArray[np.float64],
    yaw: NDArray[np.float64],
    pitch: NDArray[np.float64],
    half: NDArray[np.float64],
    farthest_m: float,
) -> NDArray[np.float64]:
    """Return east and north of points along the frame of each picture on level ground, n by 12 by 2."""
    edge = np.array([-1.0, -1 / 3, 1 / 3, 1.0])
    around = np.array(
        [
            *((x, 1.0) for x in edge),
            *((1.0, y) for y in edge[2:0:-1]),
            *((x, -1.0) for x in edge[::-1]),
            *((-1.0, y) for y in edge[1:3]),
        ]
    )
    right, up = half[:, :1] * around[:, 0], half[:, 1:] * around[:, 1]
    forward = np.cos(pitch)[:, None] - np.sin(pitch)[:, None] * up
    down = -np.sin(pitch)[:, None] - np.cos(pitch)[:, None] * up
    flat = np.hypot(forward, right)
    with np.errstate(divide="ignore", invalid="ignore"):
        reach = np.where(down > 0, height[:, None] * flat / down, np.inf)
        stretch = np.minimum(reach, farthest_m) / np.where(flat > 0, flat, 1.0)
    ahead, aside = forward * stretch, right * stretch
    sine, cosine = np.sin(yaw)[:, None], np.cos(yaw)[:, None]
    return np.stack([ahead * sine + aside * cosine, ahead * cosine - aside * sine], axis=-1)
