"""Streams, catchments and a network from a terrain: a raster of flow directions or of elevations.

Needs the package pyflwdir (extra ``terrain``); nothing else in the package does.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from outfall.errors import NetworkError, Problem, ReadError
from outfall.network.build import build_network
from outfall.network.terrain_cells import basins_of, cells_of, check_raster, load_pyflwdir, quiet, stream_lines
from outfall.tables.safe import raster_driver

if TYPE_CHECKING:
    import pyproj
    from affine import Affine
    from numpy.typing import NDArray

    from outfall.network.graph import Network

__all__ = ["Terrain", "build_from_terrain", "find_catchments", "make_terrain", "read_terrain"]

_D8 = np.array([0, 1, 2, 4, 8, 16, 32, 64, 128, 247, 255], dtype=np.uint8)


@dataclass(frozen=True, eq=False)
class Terrain:
    """Where the water of every cell of a raster flows.

    Made by `read_terrain` or `make_terrain`.

    Parameters
    ----------
    directions : ndarray of uint8, rows x columns
        ESRI D8 codes: 1 east, 2 south-east … 128 north-east, 0 a pit, 247 no data.
    transform : Affine
        Of the raster: cell to ``crs``.
    crs : CRS
        Projected in metres, or longitude and latitude.
    """

    directions: NDArray[np.uint8]
    transform: Affine
    crs: pyproj.CRS

    @cached_property
    def flow(self) -> Any:
        """The pyflwdir object of the directions."""
        made = load_pyflwdir().from_array
        return quiet(made, self.directions, ftype="d8", transform=self.transform, latlon=self.crs.is_geographic)

    @cached_property
    def upstream_km2(self) -> NDArray[np.float64]:
        """Area that drains through each cell, its own included; NaN where there is no data."""
        if self.crs.is_geographic:
            area = np.asarray(quiet(self.flow.upstream_area, "km2"), dtype=float)
        else:  # pyflwdir sums metres in single precision
            to = self.transform
            cells = np.asarray(self.flow.upstream_area("cell"), dtype=float)
            area = cells * abs(to.a * to.e - to.b * to.d) / 1e6
        return np.where(area >= 0, area, np.nan)

    @property
    def cell_count(self) -> int:
        """Number of cells with data."""
        return int((np.asarray(self.flow.idxs_ds) >= 0).sum())

    def __repr__(self) -> str:
        """Return size and CRS on one line."""
        rows, columns = self.directions.shape
        return f"Terrain: {rows} x {columns} cells, {self.cell_count:,} with data, {self.crs.to_string()}"


def read_terrain(path: Path | str, *, kind: Literal["auto", "directions", "elevations"] = "auto") -> Terrain:
    """Return the terrain of a raster file.

    Parameters
    ----------
    path : path
        GeoTIFF or another raster GDAL reads; one band.
    kind : {"auto", "directions", "elevations"}, default "auto"
        What the cells hold. ``auto``: D8 codes where the file holds bytes that are all such codes.

    Returns
    -------
    Terrain
        In the CRS of the file.

    Raises
    ------
    ReadError
        The file is not there or cannot be read.
    CoordinateError
        The file has no CRS.
    NetworkError
        Directions are none, or the package pyflwdir is not installed.

    Examples
    --------
    >>> read_terrain("nowhere.tif")
    Traceback (most recent call last):
    outfall.errors.ReadError: nowhere.tif: cannot be read as a raster; give a GeoTIFF of directions or elevations
    """
    import rasterio

    try:
        driver = raster_driver(path)
    except ReadError as error:
        msg = f"{Path(path).name}: cannot be read as a raster; give a GeoTIFF of directions or elevations"
        raise ReadError(msg) from error
    try:
        with warnings.catch_warnings():
            # a raster that lies nowhere is judged below, by its CRS
            warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
            file = rasterio.open(path, driver=driver)
        with file:
            values, transform, crs, nodata = file.read(1), file.transform, file.crs, file.nodata
    except rasterio.errors.RasterioError as error:
        msg = f"{Path(path).name}: cannot be read as a raster; give a GeoTIFF of directions or elevations"
        raise ReadError(msg) from error
    return make_terrain(values, transform=transform, crs=crs, kind=kind, nodata=nodata)


def make_terrain(
    values: NDArray[np.generic],
    *,
    transform: Affine,
    crs: object,
    kind: Literal["auto", "directions", "elevations"] = "auto",
    nodata: float | None = None,
) -> Terrain:
    """Return the terrain of an array of D8 codes or elevations.

    Elevations are filled up to their lowest way out, at the edge of the raster or beside cells without data, and each
    cell drains to its steepest neighbour.

    Parameters
    ----------
    values : ndarray, rows x columns
        D8 codes (ESRI), or metres.
    transform : Affine
        Cell to CRS.
    crs : anything pyproj understands
        Projected in metres, or longitude and latitude.
    kind : {"auto", "directions", "elevations"}, default "auto"
        What the values are. ``auto``: directions where they are bytes and all D8 codes.
    nodata : float, optional
        Elevation that means none; NaN always does.

    Returns
    -------
    Terrain
        With the directions.

    Raises
    ------
    CoordinateError
        There is no CRS, or its unit is neither metre nor degree.
    NetworkError
        The array is not a raster, the directions are no D8 codes, or the package pyflwdir is not installed.

    Examples
    --------
    >>> from affine import Affine
    >>> slope = np.add.outer(np.zeros(3), [3.0, 2.0, 1.0])  # falls to the east
    >>> make_terrain(slope, transform=Affine(30, 0, 500000, 0, -30, 3400000), crs=32650)
    Terrain: 3 x 3 cells, 9 with data, EPSG:32650
    """
    known = check_raster(values, crs)
    is_codes = values.dtype == np.uint8 and bool(np.isin(values, _D8).all())
    if kind == "directions" or (kind == "auto" and is_codes):
        if not np.isin(values, _D8).all():
            odd = ", ".join(map(str, np.setdiff1d(np.unique(values), _D8)[:5]))
            problem = Problem(
                "directions", f"{odd} are no D8 codes", "give 1, 2, 4 … 128, 0 for pits and 247 for no data"
            )
            msg = "make_terrain"
            raise NetworkError(msg, [problem])
        return Terrain(values.astype(np.uint8), transform, known)
    heights = values.astype(np.float32)
    blank = -9999.0 if nodata is None or np.isnan(nodata) else float(nodata)
    heights = np.where(np.isfinite(heights), heights, np.float32(blank))
    made = load_pyflwdir().from_dem
    found = quiet(made, heights, nodata=blank, transform=transform, latlon=known.is_geographic)
    return Terrain(np.asarray(found.to_array("d8"), dtype=np.uint8), transform, known)


def build_from_terrain(terrain: Terrain, *, from_km2: float, crs: object = None) -> Network:
    """Return the streams of a terrain as a network.

    Parameters
    ----------
    terrain : Terrain
        Where water flows.
    from_km2 : float, km2
        Drainage area at which a stream begins.
    crs : anything pyproj understands, optional
        Metric CRS of the network; chosen from the data by default.

    Returns
    -------
    Network
        One reach from confluence to confluence. ``area_km2`` is the reach's own catchment, so that
        ``network.accumulate("area_km2")`` is the drainage area at its last cell, which ``upstream_km2`` repeats as
        pyflwdir counts it.

    Raises
    ------
    NetworkError
        The threshold is not above 0, no stream is as large, or the package pyflwdir is not installed.

    Examples
    --------
    >>> from affine import Affine
    >>> valley = np.add.outer([2.0, 1.0, 0.0, 1.0, 2.0], [6.0, 5.0, 4.0, 3.0, 2.0])
    >>> terrain = make_terrain(valley, transform=Affine(100, 0, 500000, 0, -100, 3400000), crs=32650)
    >>> network = build_from_terrain(terrain, from_km2=0.05)
    >>> round(float(network.reaches["upstream_km2"].max()), 2)
    0.25
    """
    lines = stream_lines(terrain, from_km2)
    return build_network(lines, crs=crs, tolerance_m=0.0, split_midline=False)


def find_catchments(
    points: gpd.GeoDataFrame, terrain: Terrain, *, snap_km2: float | None = None, snap_cells: int = 10
) -> gpd.GeoDataFrame:
    """Return the land that drains to each point.

    Parameters
    ----------
    points : GeoDataFrame, n rows, Point, any CRS
        Outfalls or other places, in any order.
    terrain : Terrain
        Where water flows.
    snap_km2 : float, km2, optional
        A point goes down the flow to the first cell that drains this much; by default it stays in its cell. A point a
        cell beside its stream has a catchment of a cell or two.
    snap_cells : int, default 10
        Longest way down, in cells; a point that finds no such cell stays where it is.

    Returns
    -------
    GeoDataFrame, n rows, CRS of the terrain
        The columns of the points, ``catchment_km2``, ``is_snapped`` (the point was moved) and the polygon; empty and
        NaN where a point lies outside the data.

    Raises
    ------
    CoordinateError
        The points have no CRS.
    NetworkError
        The package pyflwdir is not installed.

    Examples
    --------
    >>> from affine import Affine
    >>> slope = np.add.outer(np.zeros(3), [3.0, 2.0, 1.0])  # falls to the east
    >>> terrain = make_terrain(slope, transform=Affine(100, 0, 500000, 0, -100, 3400000), crs=32650)
    >>> at = gpd.GeoDataFrame({"outfall_id": ["P"]}, geometry=gpd.points_from_xy([500250], [3399850]), crs=32650)
    >>> find_catchments(at, terrain)["catchment_km2"].round(4).tolist()
    [0.03]
    """
    cells, inside = cells_of(points, terrain)
    start = cells.copy()
    if snap_km2 is not None and inside.any():
        enough = np.nan_to_num(terrain.upstream_km2, nan=0.0) >= snap_km2
        cells[inside] = _walk_down(cells[inside], enough.ravel(), np.asarray(terrain.flow.idxs_ds), snap_cells)
    shapes = np.full(len(points), shapely.Polygon(), dtype=object)
    if inside.any():
        outlets, which = np.unique(cells[inside], return_inverse=True)
        shapes[inside] = basins_of(outlets, terrain)[which]
    area = np.where(inside, terrain.upstream_km2.ravel()[np.where(inside, cells, 0)], np.nan)
    out = pd.DataFrame(points.drop(columns=points.geometry.name)).assign(
        catchment_km2=area, is_snapped=inside & (cells != start)
    )
    return gpd.GeoDataFrame(out, geometry=gpd.GeoSeries(shapes, index=points.index, crs=terrain.crs))


def _walk_down(
    cells: NDArray[np.int64], enough: NDArray[np.bool_], following: NDArray[np.integer], count: int
) -> NDArray[np.int64]:
    """Return the first cell downstream that drains enough; the cell itself where none does within the count."""
    moved = cells.copy()
    for _ in range(count):
        moved = np.where(enough[moved], moved, following[moved])
    return np.where(enough[moved], moved, cells)
