"""Which pixels may be the river at all: a corridor around the known reaches, wide enough for its water and its banks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from outfall.network import Network
    from outfall.scenes.scene import Grid

__all__ = ["WATER_KINDS", "burn", "river_corridor"]

WATER_KINDS = ("river", "ditch", "tidal", "lake", "coast")
# Our defaults (no standard): lines lie at most this far from the water they stand for; a reach of unknown width may be this wide.
_LINE_ERROR_M = 30.0
_UNKNOWN_WIDTH_M = 60.0
_OPEN_WATER_M = 500.0


def river_corridor(network: Network, grid: Grid, *, margin_m: float | None = None) -> NDArray[np.bool_]:
    """Return the pixels near enough to a river, ditch, lake or coast to be its water or its bank.

    Parameters
    ----------
    network : Network
        Reaches; pipes and culverts are not seen from above.
    grid : Grid
        Of a scene, any CRS.
    margin_m : float, optional
        Land left on each side of the water; by default the error of lines (30 m) and two pixels.

    Returns
    -------
    bool array, rows x columns
        Half the width of each reach (60 m where nobody knows it, 500 m at lakes and coasts) and the margin on both sides.
    """
    reaches = network.reaches[network.reaches["kind"].isin(WATER_KINDS)]
    pixel_m = grid.pixel_m
    margin_m = _LINE_ERROR_M + 2 * pixel_m if margin_m is None else margin_m
    width = reaches["width_m"].astype("float64") if "width_m" in reaches else reaches["length_m"] * np.nan
    width_m = width.fillna(_UNKNOWN_WIDTH_M).to_numpy()
    width_m = np.where(reaches["kind"].isin(("lake", "coast")), np.maximum(width_m, 2 * _OPEN_WATER_M), width_m)
    bands = shapely.buffer(np.asarray(reaches.geometry), width_m / 2 + margin_m, quad_segs=4)
    return burn(bands, reaches.crs, grid)


def burn(shapes: NDArray[np.object_], crs: object, grid: Grid) -> NDArray[np.bool_]:
    """Return the pixels whose centre lies in any of some polygons.

    Parameters
    ----------
    shapes : array of polygons
        Empty ones and None burn nothing.
    crs : CRS
        Of the polygons.
    grid : Grid
        Of a scene.

    Returns
    -------
    bool array, rows x columns
        True inside.
    """
    import geopandas as gpd
    from rasterio.features import rasterize

    here = np.asarray(gpd.GeoSeries(shapes, crs=crs).to_crs(grid.crs))
    kept = [shape for shape in here if shape is not None and not shape.is_empty]
    if not kept:
        return np.zeros((grid.height, grid.width), dtype=bool)
    return np.asarray(
        rasterize(kept, out_shape=(grid.height, grid.width), transform=grid.transform, dtype=np.uint8) > 0
    )
