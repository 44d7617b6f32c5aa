"""Which cells of a terrain make a stream, which cell a point lies in, and which cells drain to it."""

from __future__ import annotations

import importlib
import warnings
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely

from outfall.coordinates import to_crs
from outfall.errors import CoordinateError, NetworkError, Problem

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from numpy.typing import NDArray

    from outfall.network.terrain import Terrain

__all__ = ["basins_of", "cells_of", "check_raster", "load_pyflwdir", "quiet", "stream_lines"]


def load_pyflwdir() -> ModuleType:
    """Return the module pyflwdir, or say how to get it."""
    try:
        return importlib.import_module("pyflwdir")
    except ImportError as error:
        msg = "terrain: the package pyflwdir is not installed"
        raise NetworkError(msg, fix="Install it with: pip install 'outfall[terrain]'") from error


def quiet(call: Callable[..., Any], *values: object, **options: object) -> Any:
    """Return what a call of pyflwdir returns, without the deprecations it raises in other packages."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", category=PendingDeprecationWarning)
        warnings.simplefilter("ignore", category=DeprecationWarning)
        return call(*values, **options)


def check_raster(values: NDArray[np.generic], crs: object) -> pyproj.CRS:
    """Return the CRS of a raster; refuse what is no raster, or has no CRS in metres or degrees."""
    if values.ndim != 2 or not values.size:
        problem = Problem("values", f"has the shape {values.shape}", "give one band of rows x columns")
        msg = "make_terrain"
        raise NetworkError(msg, [problem])
    if crs is None:
        msg = "make_terrain"
        raise CoordinateError(msg, [Problem("crs", "is missing", "say which, e.g. crs=4326")])
    known = pyproj.CRS.from_user_input(crs)
    if not known.is_geographic and {axis.unit_name for axis in known.axis_info} != {"metre"}:
        msg = "make_terrain"
        raise CoordinateError(msg, [Problem("crs", f"{known.name} is not in metres", "reproject the raster")])
    return known


def stream_lines(terrain: Terrain, from_km2: float) -> gpd.GeoDataFrame:
    """Return a line for each stream from confluence to confluence, with its own catchment and its nodes."""
    if not (from_km2 > 0 and np.isfinite(from_km2)):
        problem = Problem("from_km2", f"{from_km2!r} is not above 0", "give the drainage area where streams begin")
        msg = "build_from_terrain"
        raise NetworkError(msg, [problem])
    area = terrain.upstream_km2.ravel()
    cells = np.flatnonzero(np.nan_to_num(area, nan=0.0) >= from_km2)
    following = np.asarray(terrain.flow.idxs_ds)
    head, ordered, first = _segments(cells, following)
    last = ordered[np.append(first[1:], len(ordered)) - 1] if len(first) else ordered
    is_pit = following[last] == last
    sizes = np.diff(np.append(first, len(ordered)))
    keep = (sizes > 1) | ~is_pit  # a pit alone is a node, no line
    if not keep.any():
        largest = float(np.nanmax(area)) if np.isfinite(area).any() else 0.0
        problem = Problem("from_km2", f"no stream drains {from_km2:g} km2", f"the largest drains {largest:.3g} km2")
        msg = "build_from_terrain"
        raise NetworkError(msg, [problem])
    end = np.where(is_pit, last, following[last])
    entering = pd.Series(area[last]).groupby(end).sum()
    own = area[last] - pd.Series(head).map(entering).fillna(0.0).to_numpy()
    shapes = [
        _line(ordered[at : at + size], None if pit else int(stop), terrain)
        for at, size, pit, stop in zip(first[keep], sizes[keep], is_pit[keep], end[keep], strict=True)
    ]
    columns = {
        "reach_id": [f"s{cell}" for cell in head[keep]],
        "from_node": [f"c{cell}" for cell in head[keep]],
        "to_node": [f"c{cell}" for cell in end[keep]],
        "area_km2": np.maximum(own[keep], 0.0),
        "upstream_km2": area[last[keep]],
        "source_ref": [f"build_from_terrain(cell {cell})" for cell in head[keep]],
    }
    return gpd.GeoDataFrame(columns, geometry=shapes, crs=terrain.crs)


def cells_of(points: gpd.GeoDataFrame, terrain: Terrain) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the cell of each point, and whether it lies in the data."""
    shapes = to_crs(points, terrain.crs, where="points").geometry.to_numpy() if len(points) else np.empty(0, object)
    known = ~(shapely.is_missing(shapes) | shapely.is_empty(shapes))
    cells = np.zeros(len(points), dtype=np.int64)
    if not known.any():
        return cells, known
    east, north = shapely.get_x(shapes[known]), shapely.get_y(shapes[known])
    back = ~terrain.transform
    column = np.floor(back.a * east + back.b * north + back.c).astype(np.int64)
    row = np.floor(back.d * east + back.e * north + back.f).astype(np.int64)
    rows, columns = terrain.directions.shape
    within = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
    found = np.where(within, row * columns + column, 0)
    known[known] = within & (np.asarray(terrain.flow.idxs_ds)[found] >= 0)
    cells[known] = found[known[~(shapely.is_missing(shapes) | shapely.is_empty(shapes))]]
    return cells, known


def basins_of(outlets: NDArray[np.int64], terrain: Terrain) -> NDArray[np.object_]:
    """Return the polygon of all cells that drain through each outlet; nested ones share their land."""
    from rasterio import features

    labels = np.asarray(terrain.flow.basins(idxs=outlets, ids=np.arange(1, len(outlets) + 1, dtype=np.uint32)))
    parts: list[list[shapely.Geometry]] = [[] for _ in outlets]
    rings = features.shapes(labels.astype(np.int32), mask=labels > 0, transform=terrain.transform)
    for shape, label in rings:
        parts[int(label) - 1].append(shapely.geometry.shape(shape))
    below = np.asarray(terrain.flow.idxs_ds)[outlets]
    parent = np.where(below == outlets, 0, labels.ravel()[below]).astype(np.int64) - 1
    out = np.full(len(outlets), shapely.Polygon(), dtype=object)
    for at in np.argsort(terrain.upstream_km2.ravel()[outlets], kind="stable"):
        out[at] = shapely.union_all(parts[at])
        if parent[at] >= 0:
            parts[parent[at]].append(out[at])
    return out


def _segments(
    cells: NDArray[np.int64], following: NDArray[np.integer]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the head cell of each segment, the cells segment by segment in flow order, and where each begins."""
    number = np.full(len(following), -1, dtype=np.int64)
    number[cells] = np.arange(len(cells))
    below = number[following[cells]]
    moving = below != np.arange(len(cells))
    ups = np.bincount(below[moving], minlength=len(cells))
    above = np.arange(len(cells))
    above[below[moving]] = np.flatnonzero(moving)
    above[ups != 1] = np.flatnonzero(ups != 1)
    step = (above != np.arange(len(cells))).astype(np.int64)
    for _ in range(max(1, len(cells).bit_length())):  # each round doubles the way looked back
        step = step + step[above]
        above = above[above]
    order = np.lexsort((step, cells[above] if len(cells) else above))
    first = np.flatnonzero(step[order] == 0)
    return cells[order][first], cells[order], first


def _line(cells: NDArray[np.int64], stop: int | None, terrain: Terrain) -> shapely.LineString:
    whole = cells if stop is None else np.append(cells, stop)
    row, column = np.divmod(whole, terrain.directions.shape[1])
    to, column, row = terrain.transform, column + 0.5, row + 0.5
    east, north = to.a * column + to.b * row + to.c, to.d * column + to.e * row + to.f
    return shapely.linestrings(np.column_stack([east, north]))
