"""What do zones hold when pixels at the edge count by the share that lies inside: for areas, where centres are too coarse."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd

from outfall.errors import SceneError
from outfall.scenes.zones import require_zones

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from outfall.scenes.scene import Grid

__all__ = ["zonal_exact"]

_NAMES = {"count": "count", "mean": "mean", "sd": "stdev", "median": "median", "min": "min", "max": "max"}


def zonal_exact(
    zones: gpd.GeoDataFrame | gpd.GeoSeries,
    grid: Grid,
    layers: Mapping[str, NDArray[np.float32]] | NDArray[np.float32],
    *,
    where: NDArray[np.bool_] | None = None,
    stats: Sequence[str] = ("count", "mean"),
) -> pd.DataFrame:
    """Return statistics in which each pixel counts by the share of it that lies in the zone.

    For pure pixels the centre is the right rule (:func:`zonal`); this one is for areas and totals of narrow zones. It needs
    the extra ``exact``.

    Parameters
    ----------
    zones : GeoDataFrame or GeoSeries, n rows, Polygon or MultiPolygon, any CRS
        Zones; they may overlap. A missing or empty one has no pixels.
    grid : Grid
        Of the layers; north up.
    layers : mapping of str to array, or array; rows x columns
        Numbers; NaN counts as nothing.
    where : bool array, rows x columns, optional
        Pixels that count.
    stats : sequence of str
        Any of ``count`` (a sum of shares), ``mean``, ``sd`` (of a population, weighted), ``median``, ``min``, ``max``.

    Returns
    -------
    DataFrame, one row per zone
        Columns ``<layer>_<stat>`` (``value_<stat>`` for one array).

    Raises
    ------
    SceneError
        The extra is not installed, the grid is turned, or a statistic is not known.

    Examples
    --------
    >>> import pyproj, shapely
    >>> from affine import Affine
    >>> from outfall.scenes import Grid
    >>> grid = Grid(2, 2, Affine(10, 0, 0, 0, -10, 20), pyproj.CRS(32651))
    >>> half = gpd.GeoSeries([shapely.box(0, 0, 15, 20)], crs=32651)
    >>> zonal_exact(half, grid, np.ones((2, 2)), stats=("count",))["value_count"].tolist()
    [3.0]
    """
    try:
        from exactextract import exact_extract
        from exactextract.raster import NumPyRasterSource
    except ImportError as error:
        msg = "exact shares need exactextract; install it with: python -m pip install 'outfall[exact]'"
        raise SceneError(msg) from error
    unknown = [name for name in stats if name not in _NAMES]
    step = grid.transform
    if unknown or step.b or step.d:
        msg = (
            f"stats: {', '.join(unknown)} not known; there are {', '.join(_NAMES)}"
            if unknown
            else "grid: turned rasters have no exact shares here; warp the scene north up"
        )
        raise SceneError(msg)
    shapes = require_zones(zones, grid)
    known = np.array([shape is not None and not shape.is_empty for shape in shapes], dtype=bool)
    frame = gpd.GeoDataFrame(geometry=gpd.GeoSeries(shapes[known], crs=grid.crs))
    named = layers if hasattr(layers, "items") else {"value": layers}
    west, north = step.c, step.f
    edges = {"xmin": west, "ymin": north + step.e * grid.height, "xmax": west + step.a * grid.width, "ymax": north}
    out = {}
    for name, layer in named.items():
        values = np.asarray(layer, dtype=np.float64) if where is None else np.where(where, layer, np.nan)
        source = NumPyRasterSource(values, **edges, srs_wkt=grid.crs.to_wkt(), nodata=np.nan)
        found = exact_extract(source, frame, [_NAMES[stat] for stat in stats], output="pandas") if known.any() else None
        for stat in stats:
            column = np.full(len(shapes), 0.0 if stat == "count" else np.nan)
            if found is not None:
                column[known] = found[_NAMES[stat]].to_numpy(dtype=float)
            out[f"{name}_{stat}"] = column
    return pd.DataFrame(out, index=pd.RangeIndex(len(shapes)))
