"""Which pixels lie in which zone: runs of pixels per row, found once and used for any number of layers and dates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import shapely

from outfall.errors import Problem, SceneError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from outfall.scenes.scene import Grid

__all__ = ["ZoneIndex", "index_zones", "require_zones"]


@dataclass(frozen=True, slots=True, eq=False)
class ZoneIndex:
    """Runs of pixels of some zones on one grid.

    Parameters
    ----------
    grid : Grid
        The grid.
    first : int64 array, n + 1
        The runs of zone ``i`` are those from ``first[i]`` to ``first[i + 1]``.
    row, start, stop : int32 arrays
        Of each run: its row, its first column, and the column after its last; ordered by zone, row and column.

    Examples
    --------
    >>> import pyproj
    >>> from affine import Affine
    >>> from outfall.scenes import Grid
    >>> grid = Grid(10, 10, Affine(10, 0, 0, 0, -10, 100), pyproj.CRS(32651))
    >>> zones = gpd.GeoSeries([shapely.box(0, 80, 30, 100), shapely.box(500, 500, 600, 600)], crs=32651)
    >>> index_zones(zones, grid)
    <ZoneIndex: 2 zones, 6 pixels>
    """

    grid: Grid
    first: NDArray[np.int64]
    row: NDArray[np.int32]
    start: NDArray[np.int32]
    stop: NDArray[np.int32]

    def __len__(self) -> int:
        """Return how many zones there are."""
        return len(self.first) - 1

    def __repr__(self) -> str:
        """Return how many zones and pixels there are."""
        return f"<ZoneIndex: {len(self):,} zones, {int((self.stop - self.start).sum()):,} pixels>"

    def counts(self) -> NDArray[np.int64]:
        """Return how many pixels each zone has on the grid.

        Returns
        -------
        int64 array, n
            0 for a zone beyond the edge, or so small that it holds no centre of a pixel.
        """
        ends = np.concatenate([[0], np.cumsum(self.stop - self.start, dtype=np.int64)])
        return np.diff(ends[self.first])

    def mask(self, zone: int) -> NDArray[np.bool_]:
        """Return the pixels of one zone as a picture.

        Parameters
        ----------
        zone : int
            Number of the zone, from 0.

        Returns
        -------
        bool array, rows x columns
            True inside.
        """
        out = np.zeros((self.grid.height, self.grid.width), dtype=bool)
        for run in range(self.first[zone], self.first[zone + 1]):
            out[self.row[run], self.start[run] : self.stop[run]] = True
        return out


def index_zones(zones: gpd.GeoDataFrame | gpd.GeoSeries, grid: Grid) -> ZoneIndex:
    """Return the pixels whose centre lies in each zone; zones may overlap.

    Parameters
    ----------
    zones : GeoDataFrame or GeoSeries, n rows, Polygon or MultiPolygon, any CRS
        Holes are outside. A missing or empty geometry has no pixels.
    grid : Grid
        Of a scene. One whose CRS is in degrees is refused for zones in metres: reproject the scene.

    Returns
    -------
    ZoneIndex
        In the order of the zones.

    Raises
    ------
    SceneError
        A zone is no polygon or has no CRS, or the grid is in degrees.

    Notes
    -----
    The centres decide, as in GDAL's rasteriser; a centre on the left edge is outside and one on the right edge inside.

    Examples
    --------
    >>> import pyproj
    >>> from affine import Affine
    >>> from outfall.scenes import Grid
    >>> grid = Grid(10, 10, Affine(10, 0, 0, 0, -10, 100), pyproj.CRS(32651))
    >>> index_zones(gpd.GeoSeries([shapely.box(0, 80, 30, 100)], crs=32651), grid).counts().tolist()
    [6]
    """
    shapes = require_zones(zones, grid)
    height, width = grid.height, grid.width
    rings, zone_of_ring = _rings(shapes)
    points, ring_of = shapely.get_coordinates(rings, return_index=True)
    back = ~grid.transform
    column = back.a * points[:, 0] + back.b * points[:, 1] + back.c
    row = back.d * points[:, 0] + back.e * points[:, 1] + back.f
    is_edge = ring_of[1:] == ring_of[:-1]
    zone = zone_of_ring[ring_of[:-1][is_edge]]
    edges = (column[:-1][is_edge], row[:-1][is_edge], column[1:][is_edge], row[1:][is_edge])
    runs = _runs(zone, edges, height, width)
    first = np.searchsorted(runs[0], np.arange(len(shapes) + 1))
    return ZoneIndex(grid, first, *(part.astype(np.int32) for part in runs[1:]))


def require_zones(zones: gpd.GeoDataFrame | gpd.GeoSeries, grid: Grid) -> NDArray[np.object_]:
    """Return zones as polygons in the CRS of a grid, refusing what cannot be laid over it."""
    series = gpd.GeoSeries(zones.geometry)
    if len(series) and series.crs is None:
        msg = "zones: no CRS; say which with .set_crs(...)"
        raise SceneError(msg)
    if not np.isfinite(grid.pixel_m) and len(series) and series.crs.is_projected:
        msg = "scene: its CRS is in degrees and the zones are in metres; reproject the scene (open_scene does)"
        raise SceneError(msg)
    there = np.asarray(series.to_crs(grid.crs) if len(series) else series)
    kinds = shapely.get_type_id(there)
    wrong = ~np.isin(kinds, (-1, 3, 6)) & ~shapely.is_empty(there)
    if wrong.any():
        rows = tuple(str(label) for label in series.index[wrong])
        msg = "zones cannot be laid over the scene"
        raise SceneError(
            msg, [Problem("geometry", f"{there[wrong][0].geom_type}; expected polygons", "buffer them", rows)]
        )
    return there


def _rings(shapes: NDArray[np.object_]) -> tuple[NDArray[np.object_], NDArray[np.int64]]:
    parts, zone = shapely.get_parts(shapes, return_index=True)
    rings, part = shapely.get_rings(parts, return_index=True)
    return rings, zone[part]


def _runs(
    zone: NDArray[np.int64], edges: tuple[NDArray[np.float64], ...], height: int, width: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return zone, row, start and stop of every run: crossings of edges with the middle lines of rows, in pairs."""
    c0, r0, c1, r1 = edges
    low, high = np.minimum(r0, r1), np.maximum(r0, r1)
    first = np.clip(np.ceil(low - 0.5), 0, height).astype(np.int64)
    count = np.clip(np.ceil(high - 0.5), 0, height).astype(np.int64) - first
    edge = np.repeat(np.arange(len(count)), count)
    row = np.arange(len(edge)) - np.repeat(np.cumsum(count) - count - first, count)
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = (c1 - c0) / (r1 - r0)
    crossing = c0[edge] + (row + 0.5 - r0[edge]) * slope[edge]
    line = zone[edge] * height + row
    line, column = _in_pairs(line, crossing)
    edge_column = np.clip(np.floor(column + 0.5), 0, width).astype(np.int64)
    start, stop, line = edge_column[::2], edge_column[1::2], line[::2]
    kept = stop > start
    return line[kept] // height, line[kept] % height, start[kept], stop[kept]


def _in_pairs(line: NDArray[np.int64], crossing: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return crossings by line and then from left to right; where every line is met twice a short way does."""
    order = np.argsort(line, kind="stable")
    sorted_line = line[order]
    twos = sorted_line.reshape(-1, 2)
    if len(twos) and (twos[:, 0] == twos[:, 1]).all() and (twos[1:, 0] != twos[:-1, 0]).all():
        return sorted_line, np.sort(crossing[order].reshape(-1, 2), axis=1).ravel()
    order = np.lexsort((crossing, line))
    return line[order], crossing[order]
