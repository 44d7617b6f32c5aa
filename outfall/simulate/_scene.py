"""What does a satellite see: reflectance of water, plumes, banks, fields and streets, in five bands of 10 m."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely

from outfall.simulate._boat import plume
from outfall.simulate._data import tracers
from outfall.simulate._draw import CRS

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from outfall.simulate._draw import Scenery

__all__ = ["Scene", "see_from_space", "write_scene"]

BANDS = ("B02", "B03", "B04", "B08", "B11")
_PIXEL_M = 10.0
_WATER = np.array([520.0, 640.0, 480.0, 210.0, 90.0])
_MURK = np.array([160.0, 330.0, 420.0, 190.0, 60.0])
_GRASS = np.array([420.0, 720.0, 560.0, 2900.0, 1700.0])
_FIELD = np.array([700.0, 980.0, 1180.0, 2100.0, 2350.0])
_STREET = np.array([1150.0, 1280.0, 1420.0, 1850.0, 2050.0])


@dataclass(frozen=True, slots=True)
class Scene:
    """Five bands of reflectance times 10,000, north up."""

    values: NDArray[np.uint16]
    west_m: float
    north_m: float


def see_from_space(scenery: Scenery) -> Scene:
    """Return the scene of 12 April over the whole town."""
    rng = scenery.rng(14)
    corners = scenery.sheet.place(
        np.vstack([line.points for line in scenery.sketch.lines.values() if line.line_id[:2] in ("HC", "YS", "WS")])
    )
    west, south = np.floor(corners.min(axis=0) / _PIXEL_M) * _PIXEL_M - 120
    east, north = np.ceil(corners.max(axis=0) / _PIXEL_M) * _PIXEL_M + 120
    easts, norths = np.arange(west + 5, east, _PIXEL_M), np.arange(north - 5, south, -_PIXEL_M)
    spots = shapely.points(*(axis.ravel() for axis in np.meshgrid(easts, norths)))
    shape = (len(norths), len(easts))
    land = _land(scenery, rng, spots, shape)
    water, murk = _water(scenery, spots, shape)
    picture = land * (1 - water[..., None]) + (_WATER + murk[..., None] * _MURK) * water[..., None]
    picture *= 1 + rng.normal(0, 0.012, (*shape, 1))
    values = np.clip(np.round(picture / 4) * 4, 1, 10000).astype(np.uint16)
    return Scene(np.ascontiguousarray(np.moveaxis(values, -1, 0)), float(west), float(north))


def _land(
    scenery: Scenery, rng: np.random.Generator, spots: NDArray[np.object_], shape: tuple[int, int]
) -> NDArray[np.float64]:
    """Return fields in parcels of their own colour, and blocks of houses between the streets."""
    from scipy.ndimage import gaussian_filter
    from scipy.spatial import cKDTree

    points = shapely.get_coordinates(spots)
    low, high = points.min(axis=0), points.max(axis=0)
    stretch = np.array([1.0, 1.9])
    centres = rng.uniform(low, high, (int((high - low).prod() / 26000), 2))
    parcel = cKDTree(centres * stretch).query(points * stretch)[1].reshape(shape)
    ripe = rng.beta(0.8, 0.8, len(centres))[parcel][..., None]
    land = (ripe * _FIELD + (1 - ripe) * _GRASS) * (1 + 0.12 * rng.normal(0, 1, len(centres))[parcel][..., None])
    pipes = [
        shapely.LineString(scenery.sheet.place(line.points))
        for line in scenery.sketch.lines.values()
        if line.line_id[:3] in ("YS-", "HL-") or line.line_id.startswith("WS-A")
    ]
    gap = shapely.STRtree(pipes).query_nearest(spots, return_distance=True, all_matches=False)[1].reshape(shape)
    houses = np.clip((125 - gap) / 30, 0, 1) * np.clip(
        0.62 + 0.25 * gaussian_filter(rng.normal(0, 2.2, shape), 0.8), 0, 1
    )
    built = np.maximum(houses, np.exp(-((gap / 9) ** 2)))[..., None]
    roofs = _STREET * (0.9 + 0.25 * gaussian_filter(rng.normal(0, 1, shape), 0.7))[..., None]
    return np.asarray(land * (1 - built) + roofs * built, dtype=float)


def _water(
    scenery: Scenery, spots: NDArray[np.object_], shape: tuple[int, int]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the share of water in each pixel, and how murky it is below wet outfalls."""
    water, murk, tree = np.zeros(len(spots)), np.zeros(len(spots)), shapely.STRtree(spots)
    for line in scenery.sketch.rivers():
        if line.kind == "culvert":
            continue
        axis = shapely.LineString(scenery.sheet.place(line.points))
        near = tree.query(axis, predicate="dwithin", distance=line.width_m / 2 + _PIXEL_M)
        gap = shapely.distance(spots[near], axis)
        share = np.clip((line.width_m / 2 - gap) / _PIXEL_M + 0.5, 0, 1) * min(line.width_m / _PIXEL_M, 1)
        water[near] = np.maximum(water[near], share)
        if line.line_id.startswith("HC"):
            murk[near] = np.maximum(murk[near], _murk(scenery, line.line_id, axis, spots[near]))
    return water.reshape(shape), murk.reshape(shape)


def _murk(scenery: Scenery, line_id: str, axis: shapely.LineString, spots: NDArray[np.object_]) -> NDArray[np.float64]:
    line = scenery.sketch.lines[line_id]
    along, gap = shapely.line_locate_point(axis, spots), shapely.distance(spots, axis)
    ahead = shapely.line_interpolate_point(axis, np.minimum(along + 4, axis.length))
    foot = shapely.line_interpolate_point(axis, np.minimum(along, axis.length - 4))
    flow = shapely.get_coordinates(ahead) - shapely.get_coordinates(foot)
    out = shapely.get_coordinates(spots) - shapely.get_coordinates(foot)
    is_left = flow[:, 0] * out[:, 1] - flow[:, 1] * out[:, 0] > 0
    names = [t["parameter"] for t in tracers()]
    total = np.zeros(len(spots))
    for mouth in scenery.sketch.mouths:
        flow_m3s = scenery.water.flow_m3s.get(mouth.node)
        if mouth.river_id != line_id or flow_m3s is None or flow_m3s.mean() < 1e-4:
            continue
        solids = float(np.nanmean(scenery.water.concentration(mouth.node)[names.index("suspended_solids")]))
        is_mouth_left = scenery.sheet.side(mouth.side) == "left"
        off = np.clip(line.width_m / 2 - np.where(is_left == is_mouth_left, gap, -gap), 1.0, line.width_m)
        rate = float(flow_m3s.mean()) * solids
        total += plume(
            rate, along - mouth.along_m, off, speed_ms=line.velocity_ms, depth_m=line.depth_m, width_m=line.width_m
        )
    return np.asarray(np.tanh(total / 4.0) * 2.0, dtype=float)


def write_scene(scene: Scene, path: Path) -> None:
    """Write the scene as a GeoTIFF that names its bands and its scale."""
    import rasterio
    from affine import Affine

    count, height, width = scene.values.shape
    profile = {
        "driver": "GTiff", "count": count, "height": height, "width": width, "dtype": "uint16", "nodata": 0,
        "crs": CRS,
        "transform": Affine(_PIXEL_M, 0.0, scene.west_m, 0.0, -_PIXEL_M, scene.north_m), "compress": "deflate",
        "predictor": 2, "tiled": True,
        "blockxsize": 256, "blockysize": 256, "zlevel": 9,
    }  # fmt: skip
    with rasterio.open(path, "w", **profile) as target:
        target.write(scene.values)
        target.descriptions = BANDS
        target.scales = (0.0001,) * count
        target.update_tags(TIFFTAG_DATETIME="2026:04:12 11:08:00", invented="yes")
