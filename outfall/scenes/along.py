"""Where along its river does each pixel of water lie: reach, distance along it, bank, and distance from the bank."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
import shapely
from scipy.spatial import cKDTree

from outfall.scenes.scene import grid_of
from outfall.scenes.strands import find_strands
from outfall.scenes.water_mask import pure_water

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    from outfall.network import Network
    from outfall.scenes.scene import Grid
    from outfall.scenes.strands import Strands

__all__ = ["nearest_reaches", "place_pixels"]

# Our defaults (no standard): lines lie at most this far from the water they stand for.
_LINE_ERROR_M = 60.0
_OPEN_WATER_M = 500.0


class _Lines(NamedTuple):
    """Segments of the reaches of water: their row, both ends, and metres along in the plane."""

    reach: NDArray[np.int64]
    start: NDArray[np.float64]
    end: NDArray[np.float64]
    along: NDArray[np.float64]


def place_pixels(
    water: xr.Dataset,
    network: Network,
    *,
    where: NDArray[np.bool_] | None = None,
    strands: Strands | None = None,
) -> pd.DataFrame:
    """Return the place of each pixel of water on the network.

    A pixel belongs to the reach whose own water it lies deepest in: distance from the centre line less half the width, so
    that a brook's line drawn to the middle of a river takes no pixel of the river. Pipes and culverts take none.

    Parameters
    ----------
    water : Dataset
        Of :func:`find_water`.
    network : Network
        Rivers, in any metric CRS.
    where : bool array, rows x columns, optional
        Pixels that are placed; pure water by default.
    strands : Strands, optional
        Of the network, where they are known already.

    Returns
    -------
    DataFrame, one row per pixel that lies on a reach
        ``pixel`` (number in the grid, row by row), ``reach_id`` (categorical), ``along_m`` (from the upstream end of the
        reach), ``chainage_m`` (to the mouth), ``off_m`` (from the centre line, left above 0), ``side``, ``bank_m``,
        ``strand`` and ``strand_m`` (distance along waters that run on into each other).

    Examples
    --------
    >>> import geopandas as gpd, pyproj
    >>> from affine import Affine
    >>> from outfall.network import build_network
    >>> from outfall.scenes import Band, Grid, find_water, make_scene
    >>> lines = gpd.GeoDataFrame({"id": ["R"], "width_m": [120.0]}, crs=4549, geometry=gpd.GeoSeries.from_wkt(
    ...     ["LINESTRING (500000 3349800, 500600 3349800)"]))
    >>> wet = np.repeat(np.abs(np.arange(40) - 19.5) < 6, 60).reshape(40, 60)
    >>> bands = {"green": Band(np.where(wet, 0.06, 0.09)), "nir": Band(np.where(wet, 0.02, 0.28))}
    >>> grid = Grid(40, 60, Affine(10, 0, 500000, 0, -10, 3350000), pyproj.CRS(4549))
    >>> scene, network = make_scene(bands, grid, quantity="rho_s"), build_network(lines)
    >>> placed = place_pixels(find_water(scene, network), network)
    >>> sorted(placed["side"].unique()), bool(placed["bank_m"].min() >= 17.3)
    (['left', 'right'], True)
    """
    grid = grid_of(water)
    chosen = pure_water(water) if where is None else np.asarray(where, dtype=bool)
    strands = find_strands(network) if strands is None else strands
    pixel = np.flatnonzero(chosen.ravel())
    row, column = np.divmod(pixel, grid.width)
    step = grid.transform
    centre = np.c_[
        step.c + step.a * (column + 0.5) + step.b * (row + 0.5), step.f + step.d * (column + 0.5) + step.e * (row + 0.5)
    ]
    reach, along, off = nearest_reaches(centre, network, strands, grid)
    on = np.flatnonzero(reach >= 0)
    reach, pixel = reach[on], pixel[on]
    arrays = network.arrays
    along_m = np.clip(along[on], 0, arrays.length_m[reach])
    names = pd.Categorical.from_codes(reach, categories=network.reaches["reach_id"].astype("str"))
    side = pd.Categorical.from_codes((off[on] < 0).astype(np.int8), categories=["left", "right"])
    return pd.DataFrame(
        {
            "pixel": pixel,
            "reach_id": names,
            "along_m": along_m,
            "chainage_m": np.maximum(arrays.mouth_m[reach] + arrays.length_m[reach] - along_m, 0.0),
            "off_m": off[on],
            "side": side,
            "bank_m": water["bank_m"].to_numpy().ravel()[pixel],
            "strand": strands.number[reach],
            "strand_m": strands.begin_m[reach] + along_m,
        }
    )


def nearest_reaches(
    centre: NDArray[np.float64], network: Network, strands: Strands, grid: Grid
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the reach each place lies deepest in (-1: none), metres along it and off it, left above 0.

    Parameters
    ----------
    centre : float array, n x 2
        Places in the CRS of the grid.
    network : Network
        Rivers.
    strands : Strands
        Of the network.
    grid : Grid
        Of a scene.

    Returns
    -------
    reach, along_m, off_m : arrays
        Rows of the reaches of the network.
    """
    reach, along, off = np.full(len(centre), -1), np.zeros(len(centre)), np.zeros(len(centre))
    rows = np.flatnonzero(strands.number >= 0)
    if not len(centre) or not len(rows):
        return reach, along, off
    lines = network.reaches.geometry.iloc[rows].to_crs(grid.crs).to_numpy()
    west, north = centre.min(axis=0)
    east, south = centre.max(axis=0)
    half_m = np.maximum(strands.width_m[rows] / 2, np.where(_is_open(network)[rows], _OPEN_WATER_M, 0))
    far_m = half_m + _LINE_ERROR_M
    boxes = shapely.bounds(lines)
    near = (boxes[:, 0] - far_m < east) & (boxes[:, 2] + far_m > west)
    near &= (boxes[:, 1] - far_m < south) & (boxes[:, 3] + far_m > north)
    rows, lines, half_m = rows[near], lines[near], half_m[near]
    depth = np.full(len(centre), np.inf)
    classes = np.round(np.log2(np.maximum(half_m, 1.0)) * 2)  # one tree per width, so that the nearest is the deepest
    for one in np.unique(classes):
        mine = classes == one
        half = float(half_m[mine].mean())
        found = _project(centre, _segments(lines[mine], rows[mine]), half + _LINE_ERROR_M, grid.pixel_m)
        better = np.flatnonzero(np.abs(found[2]) - half < depth)
        depth[better] = np.abs(found[2][better]) - half
        for out, new in zip((reach, along, off), found, strict=True):
            out[better] = new[better]
    plan = np.ones(len(strands.number))
    plan[rows] = np.maximum(shapely.length(lines), 1e-9)
    return reach, along / plan[reach] * network.arrays.length_m[reach], off


def _project(
    centre: NDArray[np.float64], lines: _Lines, far_m: float, pixel_m: float
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the nearest line of each place within reach, by points set along the lines and then their segments."""
    long = np.hypot(*(lines.end - lines.start).T)
    count = np.maximum(np.ceil(long / pixel_m), 1).astype(np.int64)
    segment = np.repeat(np.arange(len(long)), count)
    place = (np.arange(len(segment)) - np.repeat(np.cumsum(count) - count, count) + 0.5) / count[segment]
    points = lines.start[segment] + place[:, None] * (lines.end - lines.start)[segment]
    _, at = cKDTree(points).query(centre, distance_upper_bound=far_m + pixel_m)
    reach, along, off = np.full(len(centre), -1), np.zeros(len(centre)), np.full(len(centre), np.inf)
    known = np.flatnonzero(at < len(points))
    for beside in (0, -1, 1):  # the segment of the nearest point, and those before and after it
        own = np.clip(segment[at[known]] + beside, 0, len(long) - 1)
        same = lines.reach[own] == lines.reach[segment[at[known]]]
        mine, own = known[same], own[same]
        ahead = lines.end[own] - lines.start[own]
        gap = centre[mine] - lines.start[own]
        share = np.clip((gap * ahead).sum(axis=1) / np.maximum(long[own] ** 2, 1e-18), 0, 1)
        away = np.hypot(*(gap - share[:, None] * ahead).T)
        less = away < np.abs(off[mine])
        turn = np.where(ahead[:, 0] * gap[:, 1] - ahead[:, 1] * gap[:, 0] >= 0, 1.0, -1.0)
        reach[mine[less]] = lines.reach[own[less]]
        along[mine[less]] = (lines.along[own] + share * long[own])[less]
        off[mine[less]] = (away * turn)[less]
    return reach, along, off


def _segments(lines: NDArray[np.object_], rows: NDArray[np.int64]) -> _Lines:
    points, line = shapely.get_coordinates(lines, return_index=True)
    inner = np.flatnonzero(line[1:] == line[:-1])
    long = np.hypot(*(points[inner + 1] - points[inner]).T)
    total = np.cumsum(long) - long
    _, first = np.unique(line[inner], return_index=True)
    begin = np.repeat(total[first], np.diff(np.r_[first, len(inner)]))
    return _Lines(rows[line[inner]], points[inner], points[inner + 1], total - begin)


def _is_open(network: Network) -> NDArray[np.bool_]:
    return np.asarray(network.reaches["kind"].isin(("lake", "coast")).to_numpy(dtype=bool))
