"""Where does a ray from a camera meet the ground, given a raster of heights."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyproj

from outfall.errors import ReadError

if TYPE_CHECKING:
    from pathlib import Path

    import rasterio
    from numpy.typing import NDArray

__all__ = ["Meeting", "meet_surface"]

_GEOD = pyproj.Geod(ellps="WGS84")
_MAX_CELLS = 100_000_000
_MAX_STEPS = 20_000
_MARGIN_M = 50.0
_LEAST_TAN = 0.17
# Our default (no standard): trees and walls are no slope; steeper than 45 degrees is taken for 45.
_MAX_SLOPE = 1.0
_SLOPE_OVER_M = 2.0


class Meeting(NamedTuple):
    """Where rays meet a surface: height of the camera above it, and its slope to the east and north there."""

    height_m: NDArray[np.float64]
    east_slope: NDArray[np.float64]
    north_slope: NDArray[np.float64]


class _Grid(NamedTuple):
    heights: NDArray[np.float32]
    inverse: rasterio.Affine
    to_grid: pyproj.Transformer
    cell_m: float


def meet_surface(
    surface: Path,
    camera: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]],
    ray: NDArray[np.float64],
    *,
    water_m: float | None = None,
) -> Meeting:
    """Return where each ray first meets the surface between the centres of its cells; NaN where it meets none.

    A ray that goes below the surface inside a hole (no data, or beyond the edge) meets nothing: what lies in the hole
    is not known, unless it is water of a known level.

    Parameters
    ----------
    surface : path
        Raster of heights, first band, any CRS, metres in the vertical datum of the cameras.
    camera : three arrays of float, n
        Longitude and latitude (WGS 84) and altitude in metres.
    ray : array of float, 3 x n
        East, north, up of each ray; need not have length 1.
    water_m : float, optional
        Height of the water that fills the holes of the raster.

    Returns
    -------
    Meeting
        Arrays of n values.

    Raises
    ------
    ReadError
        The raster cannot be read, is too large around the cameras, or does not say its CRS.

    Examples
    --------
    >>> import pathlib
    >>> one = np.array([1.0])
    >>> meet_surface(pathlib.Path("none.tif"), (one, one, one), np.ones((3, 1)))
    Traceback (most recent call last):
    ...
    outfall.errors.ReadError: none.tif: no such surface raster
    """
    nothing = np.full(len(camera[0]), np.nan)
    answer = Meeting(nothing, nothing.copy(), nothing.copy())
    if not surface.exists():
        msg = f"{surface}: no such surface raster"
        raise ReadError(msg)
    usable = np.flatnonzero(np.isfinite(camera).all(axis=0) & np.isfinite(ray).all(axis=0) & (ray[2] < 0))
    grid = _read(surface, [part[usable] for part in camera], water_m)
    if grid is None or not np.isfinite(grid.heights).any():
        return answer
    low, high = float(np.nanmin(grid.heights)), float(np.nanmax(grid.heights))
    for at in usable:
        found = _meet(grid, [float(part[at]) for part in camera], ray[:, at], (low, high))
        answer.height_m[at], answer.east_slope[at], answer.north_slope[at] = found
    return answer


def _read(surface: Path, camera: list[NDArray[np.float64]], water_m: float | None) -> _Grid | None:
    """Return the part of the raster that rays from the cameras can reach."""
    import rasterio
    from rasterio.errors import RasterioError

    try:
        with rasterio.open(surface, driver="GTiff") as raster:
            if raster.crs is None:
                msg = f"{surface}: the surface raster carries no CRS; export it again as GeoTIFF with its CRS"
                raise ReadError(msg)
            crs = pyproj.CRS.from_wkt(raster.crs.to_wkt())
            to_grid = pyproj.Transformer.from_crs(4326, crs, always_xy=True)
            cell = float(np.sqrt(abs(raster.transform.determinant)))
            if not len(camera[0]):
                return None
            scale = max(1, int(np.ceil(max(raster.shape) / 500)))
            coarse = raster.read(
                1, masked=True, out_shape=(-(-raster.height // scale), -(-raster.width // scale))
            ).astype("float32")
            floor = float(np.ma.filled(coarse.min(), np.nan)) - _MARGIN_M if coarse.count() else np.nan
            reach_m = float(np.nan_to_num(np.max(camera[2]) - floor, nan=0.0)) / _LEAST_TAN + _MARGIN_M
            window = _window(raster, to_grid, camera, reach_m)
            if window is None:
                return None
            if window.width * window.height > _MAX_CELLS:
                what = f"has {window.width * window.height / 1e6:.0f} million cells around the photos"
                msg = f"{surface}: the surface raster {what}, above {_MAX_CELLS / 1e6:.0f}; give one of larger cells"
                raise ReadError(msg)
            heights = raster.read(1, window=window, masked=True).astype("float32").filled(np.nan)
            heights[~(np.abs(heights) < 20_000)] = np.nan if water_m is None else water_m
            inverse = ~(raster.transform @ rasterio.Affine.translation(window.col_off, window.row_off))
    except (RasterioError, ValueError, TypeError) as error:
        msg = f"{surface}: cannot be read as a GeoTIFF of heights ({error})"
        raise ReadError(msg) from error
    return _Grid(heights, inverse, to_grid, max(cell * (111_000.0 if crs.is_geographic else 1.0), 0.02))


def _window(
    raster: rasterio.DatasetReader, to_grid: pyproj.Transformer, camera: list[NDArray[np.float64]], reach_m: float
) -> rasterio.windows.Window | None:
    from rasterio.windows import Window

    lon, lat = camera[0], camera[1]
    corners = [
        _GEOD.fwd(lon, lat, np.full(len(lon), azimuth), np.full(len(lon), reach_m * 1.5))[:2]
        for azimuth in (45.0, 135.0, 225.0, 315.0)
    ]
    there = [np.concatenate([corner[axis] for corner in corners]) for axis in (0, 1)]
    first, second = to_grid.transform(there[0], there[1])
    inverse = ~raster.transform
    cols = inverse.a * first + inverse.b * second + inverse.c
    rows = inverse.d * first + inverse.e * second + inverse.f
    if not (np.isfinite(cols).all() and np.isfinite(rows).all()):
        return None
    left, right = (int(np.clip(value, 0, raster.width)) for value in (cols.min() - 2, cols.max() + 2))
    top, bottom = (int(np.clip(value, 0, raster.height)) for value in (rows.min() - 2, rows.max() + 2))
    if left >= right or top >= bottom:
        return None
    return Window(left, top, right - left, bottom - top)


def _meet(
    grid: _Grid, camera: list[float], ray: NDArray[np.float64], bounds: tuple[float, float]
) -> tuple[float, float, float]:
    """Return the height of the camera above the place its ray meets, and the slope there."""
    lon, lat, altitude = camera
    flat = float(np.hypot(ray[0], ray[1]))
    drops = _drops(altitude - bounds[1], altitude - bounds[0], flat / -ray[2], grid.cell_m)
    away_m = drops[-1] * flat / -ray[2]
    azimuth = np.degrees(np.arctan2(ray[0], ray[1]))
    ends = [(lon, lat), _GEOD.fwd(lon, lat, azimuth, away_m)[:2]]
    near, far = (np.array(_cell(grid, *end)) for end in ends)
    share = drops / drops[-1]
    ground = _sample(grid.heights, near[0] + share * (far[0] - near[0]), near[1] + share * (far[1] - near[1]))
    height = _first_hit(drops, altitude - ground)
    if not np.isfinite(height):
        return np.nan, np.nan, np.nan
    hit = _GEOD.fwd(lon, lat, azimuth, height * flat / -ray[2])[:2]
    return height, *_slopes(grid, hit)


def _drops(least_m: float, most_m: float, slope: float, step_m: float) -> NDArray[np.float64]:
    """Return the heights below the camera at which the ray is looked at, less than a cell apart on the ground."""
    first = max(least_m - 0.5, 0.0)
    last = max(most_m, first) + 0.5
    count = int(np.clip((last - first) * max(slope, 0.2) / step_m, 64, _MAX_STEPS))
    return np.linspace(first, last, count)


def _first_hit(drops: NDArray[np.float64], below: NDArray[np.float64]) -> float:
    """Return the drop at which the ray goes from above to below the ground; NaN where that happens in a hole."""
    gap = below - drops
    with np.errstate(invalid="ignore"):
        under = np.flatnonzero(gap <= 0)
    if not len(under):
        return np.nan
    at = int(under[0])
    if at == 0:
        return np.nan
    if not np.isfinite(gap[at - 1]):
        return np.nan
    share = gap[at - 1] / (gap[at - 1] - gap[at])
    return float(drops[at - 1] + share * (drops[at] - drops[at - 1]))


def _slopes(grid: _Grid, hit: tuple[float, float]) -> tuple[float, float]:
    """Return the slope of the ground to the east and north, over a few metres; flat where it is not known."""
    over_m = max(_SLOPE_OVER_M, 2 * grid.cell_m)
    around = [_GEOD.fwd(*hit, azimuth, over_m)[:2] for azimuth in (90.0, 270.0, 0.0, 180.0)]
    cells = np.array([_cell(grid, *place) for place in around])
    east, west, north, south = _sample(grid.heights, cells[:, 0], cells[:, 1])
    slope = np.nan_to_num(np.array([east - west, north - south], dtype=float) / (2 * over_m))
    steep = max(float(np.hypot(*slope)) / _MAX_SLOPE, 1.0)
    return float(slope[0] / steep), float(slope[1] / steep)


def _cell(grid: _Grid, lon: float, lat: float) -> tuple[float, float]:
    first, second = grid.to_grid.transform(lon, lat)
    inverse = grid.inverse
    return (
        inverse.d * first + inverse.e * second + inverse.f,
        inverse.a * first + inverse.b * second + inverse.c,
    )


def _sample(heights: NDArray[np.float32], rows: NDArray[np.float64], cols: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the heights between cell centres; in a hole, and beyond the edge, NaN."""
    with np.errstate(invalid="ignore"):
        is_inside = (rows >= 0) & (cols >= 0) & (rows < heights.shape[0]) & (cols < heights.shape[1])
    found = np.full(len(rows), np.nan)
    row, col = rows[is_inside], cols[is_inside]
    own = heights[row.astype(int), col.astype(int)]
    total, weight = np.zeros(len(row)), np.zeros(len(row))
    top, left = np.floor(row - 0.5).astype(int), np.floor(col - 0.5).astype(int)
    for down, right in ((0, 0), (0, 1), (1, 0), (1, 1)):
        at = (np.clip(top + down, 0, heights.shape[0] - 1), np.clip(left + right, 0, heights.shape[1] - 1))
        share = np.abs(1 - down - (row - 0.5 - top)) * np.abs(1 - right - (col - 0.5 - left))
        value = heights[at].astype(float)
        is_known = np.isfinite(value)
        total += np.where(is_known, value * share, 0.0)
        weight += np.where(is_known, share, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        found[is_inside] = np.where(np.isfinite(own), total / weight, np.nan)
    return found
