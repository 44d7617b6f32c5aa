"""How high is a camera above the ground its ray hits, given a raster of heights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyproj

from outfall.errors import ReadError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["heights_above"]

_GEOD = pyproj.Geod(ellps="WGS84")
_MAX_CELLS = 100_000_000
_MAX_STEPS = 20_000


def heights_above(
    surface: Path,
    lon: NDArray[np.float64],
    lat: NDArray[np.float64],
    altitude_m: NDArray[np.float64],
    ray: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return how high each camera is above the first cell its ray meets; NaN where it meets none.

    Parameters
    ----------
    surface : path
        Raster of heights, one band, any CRS, metres in the datum of altitude_m.
    lon, lat : array of float, n
        Cameras, WGS 84.
    altitude_m : array of float, n
        Heights of the cameras.
    ray : array of float, 3 x n
        East, north, up of each ray; need not have length 1.

    Returns
    -------
    array of float, n
        Metres.

    Raises
    ------
    ReadError
        The raster cannot be read, is too large, or does not say its CRS.

    Examples
    --------
    >>> import pathlib
    >>> heights_above(pathlib.Path("none.tif"), np.array([1.0]), np.array([2.0]), np.array([3.0]), np.ones((3, 1)))
    Traceback (most recent call last):
    ...
    outfall.errors.ReadError: none.tif: no such surface raster
    """
    if not surface.exists():
        msg = f"{surface}: no such surface raster"
        raise ReadError(msg)
    import rasterio
    from rasterio.errors import RasterioError

    try:
        with rasterio.open(surface, driver="GTiff") as raster:
            if raster.crs is None or raster.width * raster.height > _MAX_CELLS:
                what = (
                    "does not say its CRS"
                    if raster.crs is None
                    else f"has more than {_MAX_CELLS / 1e6:.0f} million cells"
                )
                msg = f"{surface}: the surface raster {what}; export the part around the flight again as GeoTIFF"
                raise ReadError(msg)
            grid = raster.read(1, masked=True).astype(float).filled(np.nan)
            crs, inverse, cell = pyproj.CRS.from_wkt(raster.crs.to_wkt()), ~raster.transform, abs(raster.transform.a)
    except RasterioError as error:
        msg = f"{surface}: cannot be read as a GeoTIFF of heights ({error})"
        raise ReadError(msg) from error
    to_grid = pyproj.Transformer.from_crs(4326, crs, always_xy=True)
    step_m = max(cell * (111_000.0 if crs.is_geographic else 1.0), 0.05)
    highest, lowest = float(np.nanmax(grid)), float(np.nanmin(grid))
    heights = np.full(len(lon), np.nan)
    for at in range(len(lon)):
        east, north, up = ray[:, at]
        if not np.isfinite([lon[at], lat[at], altitude_m[at], east, north, up]).all() or up >= 0:
            continue
        drops = _drops(altitude_m[at] - highest, altitude_m[at] - lowest, np.hypot(east, north) / -up, step_m)
        away = drops * np.hypot(east, north) / -up
        azimuth = np.full(len(away), np.degrees(np.arctan2(east, north)))
        there = _GEOD.fwd(np.full(len(away), lon[at]), np.full(len(away), lat[at]), azimuth, away)
        first, second = to_grid.transform(there[0], there[1])
        cols = inverse.a * first + inverse.b * second + inverse.c
        rows = inverse.d * first + inverse.e * second + inverse.f
        ground = _sample(grid, rows, cols)
        heights[at] = _first_hit(drops, altitude_m[at] - ground)
    return heights


def _drops(least_m: float, most_m: float, slope: float, step_m: float) -> NDArray[np.float64]:
    """Return the heights below the camera at which the ray is looked at, less than a cell apart on the ground."""
    first = max(least_m, 0.0)
    count = int(np.clip((most_m - first) * max(slope, 0.2) / step_m, 64, _MAX_STEPS))
    return np.linspace(first, max(most_m, first) + 0.01, count)


def _first_hit(drops: NDArray[np.float64], below: NDArray[np.float64]) -> float:
    with np.errstate(invalid="ignore"):
        hits = np.flatnonzero(drops >= below)
    if not len(hits):
        return float("nan")
    return float(below[hits[0]])


def _sample(grid: NDArray[np.float64], rows: NDArray[np.float64], cols: NDArray[np.float64]) -> NDArray[np.float64]:
    at_row, at_col = np.floor(rows).astype(int), np.floor(cols).astype(int)
    is_inside = (at_row >= 0) & (at_row < grid.shape[0]) & (at_col >= 0) & (at_col < grid.shape[1])
    found = np.full(len(rows), np.nan)
    found[is_inside] = grid[at_row[is_inside], at_col[is_inside]]
    return found
