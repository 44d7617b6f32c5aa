"""Which outfall explains a step a towed sensor saw; a step nobody explains is a suspected outfall."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from outfall.registry.mouths import WATERS
from outfall.registry.seen import positions

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from outfall.network import Network

__all__ = ["Explained", "directions", "explain_steps", "is_step"]

# Our defaults. A boat keeps off the bank: across the river a step says little, along it it says where.
_ACROSS_M = 60.0
_UNKNOWN_PER_M = 1.0 / 500.0
_DRY_LOG_LR, _WET_LOG_LR, _BANK_LOG_LR = -1.5, 0.5, -2.0
_NEAR_RIVER_M = 300.0


class Explained(NamedTuple):
    """Which outfall each step goes to (-1 nobody, -2 one of several), how sure, and groups of those nobody explains."""

    outfall: NDArray[np.int64]
    share: NDArray[np.float64]
    groups: list[list[int]]


def is_step(seen: gpd.GeoDataFrame) -> NDArray[np.bool_]:
    """Return which sightings are steps of a towed sensor: they have a place along the river and no thing."""
    return ((seen["platform"] == "boat") & seen["step_parameter"].notna()).to_numpy(dtype=bool)


def explain_steps(
    steps: gpd.GeoDataFrame, outfalls: gpd.GeoDataFrame, network: Network, *, same_share: float
) -> Explained:
    """Return which outfall explains each step.

    The step is likely under an outfall by their distance along the river (both sigmas) and, weakly, across it; against
    it stands an outfall nobody has found, one per 500 m of river. A dry outfall or the other bank speaks against.

    Parameters
    ----------
    steps : GeoDataFrame, n rows
        Sightings of a towed sensor.
    outfalls : GeoDataFrame, m rows
        Point, sigma_m, is_discharging, side.
    network : Network
        Its rivers say what along and across are.
    same_share : float
        Least probability for a step to be explained by one outfall.

    Returns
    -------
    Explained
        Steps nobody explains form one group where they are within two sigma along the river, whatever their parameter.
    """
    count = len(steps)
    outfall, share = np.full(count, -1), np.zeros(count)
    if not count:
        return Explained(outfall, share, [])
    along = directions(steps, network, otherwise=(1.0, 0.0))
    at, sigma = positions(steps), steps["sigma_m"].to_numpy(dtype=float)
    if len(outfalls):
        there = positions(outfalls)
        tree = shapely.STRtree(outfalls.geometry.to_numpy())
        reach = 4.0 * np.hypot(np.hypot(sigma, outfalls["sigma_m"].max()), _ACROSS_M)
        step, candidate = tree.query(steps.geometry.to_numpy(), predicate="dwithin", distance=reach)
        gap = there[candidate] - at[step]
        on = (gap * along[step]).sum(axis=1)
        across = gap[:, 0] * -along[step, 1] + gap[:, 1] * along[step, 0]
        spread = np.hypot(sigma[step], outfalls["sigma_m"].to_numpy(dtype=float)[candidate])
        log = -0.5 * (on / spread) ** 2 - np.log(np.sqrt(2 * np.pi) * spread) - 0.5 * (across / _ACROSS_M) ** 2
        weight = np.exp(log + _said(steps, outfalls, step, candidate))
        whole = np.bincount(step, weights=weight, minlength=count) + _UNKNOWN_PER_M
        order = np.lexsort((candidate, -weight, step))
        best = order[np.unique(step[order], return_index=True)[1]]
        share[step[best]] = weight[best] / whole[step[best]]
        outfall[step[best]] = np.where(share[step[best]] >= same_share, candidate[best], -1)
        several = (outfall == -1) & (1.0 - _UNKNOWN_PER_M / whole >= same_share)
        outfall[several] = -2
    return Explained(outfall, share, _grouped(at, sigma, along, np.flatnonzero(outfall == -1)))


def directions(
    seen: gpd.GeoDataFrame, network: Network, *, otherwise: tuple[float, float] = (0.0, 0.0)
) -> NDArray[np.float64]:
    """Return the direction of the river at each sighting as a unit vector.

    Parameters
    ----------
    seen : GeoDataFrame, n rows
        Points, in the CRS of the network.
    network : Network
        Its waters.
    otherwise : tuple of float, default (0, 0)
        East and north where no water is within 300 m.

    Returns
    -------
    ndarray, n by 2
        East and north.
    """
    lines = network.reaches.geometry.to_numpy()[network.reaches["kind"].isin(WATERS).to_numpy()]
    along = np.tile(np.array(otherwise), (len(seen), 1))
    if not len(lines):
        return along
    corners, line = shapely.get_coordinates(lines, return_index=True)
    inner = np.flatnonzero((line[1:] == line[:-1]) & (corners[1:] != corners[:-1]).any(axis=1))
    pieces = shapely.linestrings(np.stack([corners[inner], corners[inner + 1]], axis=1))
    (row, near), _ = shapely.STRtree(pieces).query_nearest(
        seen.geometry.to_numpy(), max_distance=_NEAR_RIVER_M, return_distance=True, all_matches=False
    )
    vector = corners[inner[near] + 1] - corners[inner[near]]
    along[row] = vector / np.hypot(*vector.T)[:, None]
    return along


def _said(
    steps: gpd.GeoDataFrame, outfalls: gpd.GeoDataFrame, step: NDArray[np.int64], candidate: NDArray[np.int64]
) -> NDArray[np.float64]:
    wet = outfalls["is_discharging"].astype("object").to_numpy()[candidate]
    found = np.where(wet == True, _WET_LOG_LR, np.where(wet == False, _DRY_LOG_LR, 0.0))  # noqa: E712 (missing is neither)
    one = steps["side"].astype("object").fillna("").to_numpy()[step]
    two = outfalls["side"].astype("object").fillna("").to_numpy()[candidate]
    return np.where((one != "") & (two != "") & (one != two), found + _BANK_LOG_LR, found)


def _grouped(
    at: NDArray[np.float64], sigma: NDArray[np.float64], along: NDArray[np.float64], rows: NDArray[np.int64]
) -> list[list[int]]:
    if not len(rows):
        return []
    points = shapely.points(at[rows])
    one, two = shapely.STRtree(points).query(points, predicate="dwithin", distance=2.0 * np.sqrt(2.0) * sigma[rows])
    gap = at[rows[two]] - at[rows[one]]
    close = np.abs((gap * along[rows[one]]).sum(axis=1)) <= 2.0 * np.hypot(sigma[rows[one]], sigma[rows[two]])
    links = coo_matrix((np.ones(int(close.sum())), (one[close], two[close])), shape=(len(rows), len(rows)))
    _, part = connected_components(links, directed=False)
    return [rows[part == number].tolist() for number in range(int(part.max()) + 1)]
