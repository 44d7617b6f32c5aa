"""Which land lies between sampling sites, and how much of each site's water comes from it.

A site sees its own sub-basin (what drains to it without passing another site first) mixed with the water that left
the sites upstream. Where a river divides, each way takes its share, so sites form a directed graph, not only a tree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array, identity
from scipy.sparse.linalg import splu

from outfall.errors import Problem, TraceError
from outfall.network.accumulate import pick_values
from outfall.network.dilution import flow_shares

if TYPE_CHECKING:
    from outfall.network import Network

__all__ = ["Nesting", "Reals", "find_nesting", "place_samples", "site_points", "solve_down"]

Reals = NDArray[np.float64]
Ints = NDArray[np.int64]

_SAME_M = 0.5  # two samples closer than this along one reach are one site
_LEAST_SHARE = 1e-9  # a sub-basin without any weight counts as this share of the water at its site
_MOST_DOUBLINGS = 40
_HOURS_PER_DAY = 24.0


@dataclass(frozen=True, eq=False)
class Nesting:
    """Sites, the sub-basin of each, and what flows from site to site.

    Parameters
    ----------
    site_ids : list of str, n values
        Smallest sample id of each site.
    reach_row, along_m : ndarray
        Where the site is.
    own : ndarray of float
        Weight (km2, m3/s) of the sub-basin.
    total : ndarray of float
        Weight of everything that reaches the site.
    kept_share : ndarray of float
        Share of the load of the own sub-basin that is left at the site.
    water, load : csr_array, n x n
        Share of the water, and of the load, that leaves one site (column) and comes to another (row) next.
    east_m, north_m : ndarray of float
        Middle of the sub-basin.
    """

    site_ids: list[str]
    reach_row: Ints
    along_m: Reals
    own: Reals
    total: Reals
    kept_share: Reals
    water: csr_array
    load: csr_array
    east_m: Reals
    north_m: Reals

    @property
    def leverage(self) -> Reals:
        """By how much an error at the site is amplified in its sub-basin: all its water over that of its own."""
        return self.total / self.own

    def mixing(self) -> Reals:
        """Return the share of the concentration at each site (row) that each sub-basin (column) gives."""
        inside = np.diag(self.own * self.kept_share)
        return np.asarray(solve_down(self.load, inside) / self.total[:, None])

    def subset(self, kept: Ints) -> Nesting:
        """Return the sites asked for; all that lies above them must be among them."""
        water, load = self.water[kept][:, kept], self.load[kept][:, kept]
        ids = [self.site_ids[at] for at in kept]
        row, along, own, total = self.reach_row[kept], self.along_m[kept], self.own[kept], self.total[kept]
        east, north = self.east_m[kept], self.north_m[kept]
        return Nesting(ids, row, along, own, total, self.kept_share[kept], water, load, east, north)


def place_samples(samples: pd.DataFrame, network: Network) -> tuple[Ints, Reals, Ints]:
    """Return the site of each sample, in a numbering that does not depend on the order of the rows.

    Parameters
    ----------
    samples : DataFrame, n rows
        ``sample_id``, ``reach_id``, ``along_m``.
    network : Network
        Where they are.

    Returns
    -------
    site : ndarray of int, n values
        Number of the site of each sample.
    along_m, reach_row : ndarray
        One value per site.

    Raises
    ------
    TraceError
        A column is missing, or a sample has no place on the network.
    """
    lacking = [name for name in ("sample_id", "reach_id", "along_m") if name not in samples.columns]
    problems = [Problem(name, "is not a column of the samples", "locate the samples first") for name in lacking]
    if not lacking:
        lost = samples["reach_id"].isna() | samples["along_m"].isna()
        twice = samples["sample_id"].duplicated()
        fixes = "locate them on the network, or leave them out"
        if lost.any():
            rows = tuple(samples.loc[lost, "sample_id"].astype(str))
            problems.append(Problem("reach_id, along_m", "a sample has no place on the network", fixes, rows))
        if twice.any():
            rows = tuple(samples.loc[twice, "sample_id"].astype(str))
            problems.append(Problem("sample_id", "stands twice", "give each sample its own id", rows))
    if problems:
        msg = "unmix: samples"
        raise TraceError(msg, problems)
    row, along = network.find_places(samples["reach_id"], samples["along_m"])
    order = np.lexsort((along, row))
    new = np.ones(len(order), dtype=bool)
    new[1:] = (row[order][1:] != row[order][:-1]) | (np.diff(along[order]) > _SAME_M)
    site = np.empty(len(order), dtype=np.int64)
    site[order] = np.cumsum(new) - 1
    return site, along[order][new], row[order][new]


def find_nesting(
    samples: pd.DataFrame,
    network: Network,
    *,
    weight: str | pd.Series = "area_km2",
    rate_per_day: float = 0.0,
    travel_h: pd.Series | None = None,
) -> tuple[Nesting, Ints]:
    """Return the sub-basins between the sites of some samples, and the site of each sample.

    Parameters
    ----------
    samples : DataFrame, n rows
        ``sample_id``, ``reach_id``, ``along_m`` from the upstream end of the reach.
    network : Network
        Its reaches bring the weights.
    weight : str or Series, default "area_km2"
        Column of the reaches, or numbers by reach id: what each reach adds to the flow by itself (its own catchment,
        or the inflow along it). It is spread evenly over the length of the reach.
    rate_per_day : float, 1/d, default 0
        First-order decay on the way.
    travel_h : Series, hours, by reach id, optional
        Travel time through each reach; needed where there is decay.

    Returns
    -------
    Nesting, ndarray of int
        Sites in the order of the network.

    Raises
    ------
    TraceError
        Samples have no place, decay has no travel time, or no weight at all reaches a site.
    """
    site, along, row = place_samples(samples, network)
    weights = np.nan_to_num(pick_values(network.reaches, weight).to_numpy(dtype=float), nan=0.0)
    _check_options(weights, rate_per_day, travel_h)
    pieces = _cut(row, along, network)
    left = np.ones(len(pieces.reach))
    if rate_per_day > 0 and travel_h is not None:
        hours = travel_h.reindex(network.reaches["reach_id"]).fillna(0.0).to_numpy(dtype=float)
        left = np.exp(-rate_per_day / _HOURS_PER_DAY * hours[pieces.reach] * pieces.share)
    following, ends = _join(pieces, network)
    reach_water = _first_site(following, ends, np.ones(len(left)))
    reach_load = reach_water if rate_per_day <= 0 else _first_site(following, ends, left)
    piece_weight = weights[pieces.reach] * pieces.share
    own = reach_water @ piece_weight
    own_load = reach_load @ (piece_weight / np.sqrt(left))
    after = pieces.ends_at_piece + 1
    water, load = reach_water[:, after].tocsr(), reach_load[:, after].tocsr()
    total = solve_down(water, own)
    smallest = pd.Series(samples["sample_id"].astype(str).to_numpy()).groupby(site).min()
    ids = smallest.reindex(range(len(row))).astype(str).tolist()
    if (total <= 0).any():
        rows = tuple(np.array(ids)[total <= 0])
        msg = "unmix"
        raise TraceError(msg, [Problem("weight", "no weight drains to a site", "give every reach its weight", rows)])
    floor = _LEAST_SHARE * total
    kept = np.where(own > 0, own_load / np.where(own > 0, own, 1.0), 1.0)
    east, north = _middles(pieces, network, reach_water, piece_weight)
    nesting = Nesting(ids, row, along, np.maximum(own, floor), total, kept, water, load, east, north)
    return nesting, site


def solve_down(links: csr_array, own: Reals) -> Reals:
    """Return what passes each site: its own and what came down, own + links x what passes."""
    count = links.shape[0]
    if not count or not links.nnz:
        return np.asarray(own, dtype=float)
    order = splu((identity(count, format="csc") - links).tocsc(), diag_pivot_thresh=0.0)
    return np.asarray(order.solve(np.asarray(own, dtype=float)))


@dataclass(frozen=True, eq=False)
class _Pieces:
    """Reaches cut at the sites: reach, first and last share of it, and which piece ends at each site."""

    reach: Ints
    start: Reals
    share: Reals
    ends_at_piece: Ints
    first: Ints
    last: Ints


def _cut(row: Ints, along: Reals, network: Network) -> _Pieces:
    length = network.arrays.length_m
    count = np.bincount(row, minlength=len(length)) + 1
    first = np.cumsum(count) - count
    reach = np.repeat(np.arange(len(length)), count)
    stop = np.ones(len(reach))
    rank = np.arange(len(row)) - (np.searchsorted(row, row, side="left"))
    ends = first[row] + rank
    stop[ends] = np.clip(along / np.where(length[row] > 0, length[row], 1.0), 0.0, 1.0)
    start = np.zeros(len(reach))
    start[ends + 1] = stop[ends]
    return _Pieces(reach, start, np.maximum(stop - start, 0.0), ends, first, first + count - 1)


def _join(pieces: _Pieces, network: Network) -> tuple[csr_array, csr_array]:
    """Return the share of each piece (column) that enters another (row), and which site (row) it ends at."""
    shares = flow_shares(network).tocoo()
    count, sites = len(pieces.reach), len(pieces.ends_at_piece)
    where = (pieces.first[shares.row], pieces.last[shares.col])
    following = coo_array((shares.data, where), shape=(count, count)).tocsr()
    ends = coo_array((np.ones(sites), (np.arange(sites), pieces.ends_at_piece)), shape=(sites, count)).tocsr()
    return following, ends


def _first_site(following: csr_array, ends: csr_array, left: Reals) -> csr_array:
    """Return the share of what enters each piece (column) that comes to each site (row) before any other.

    Each round doubles the number of pieces looked ahead; water that circles without a site never arrives.
    """
    step = following.multiply(left[None, :]).tocsr()
    found = ends.multiply(left[None, :]).tocsr()
    for _ in range(_MOST_DOUBLINGS):
        ahead = found @ step
        if not ahead.nnz:
            break
        found = (found + ahead).tocsr()
        step = (step @ step).tocsr()
    return found


def _middles(pieces: _Pieces, network: Network, reaching: csr_array, weight: Reals) -> tuple[Reals, Reals]:
    lines = np.asarray(network.reaches.geometry.array)[pieces.reach]
    middle = shapely.get_coordinates(
        shapely.line_interpolate_point(lines, pieces.start + pieces.share / 2, normalized=True)
    )
    weights = weight + 1e-12 * max(float(weight.max(initial=0.0)), 1e-300)
    base = reaching @ weights
    middles = [(reaching @ (weights * middle[:, axis])) / np.where(base > 0, base, 1.0) for axis in (0, 1)]
    own = middle[pieces.ends_at_piece]
    return np.where(base > 0, middles[0], own[:, 0]), np.where(base > 0, middles[1], own[:, 1])


def _check_options(weights: Reals, rate_per_day: float, travel_h: pd.Series | None) -> None:
    problems = []
    if (weights < 0).any():
        problems.append(Problem("weight", "is below 0", "give weights of 0 or more"))
    if not 0 <= rate_per_day < np.inf:
        problems.append(Problem("rate_per_day", f"{rate_per_day!r} is not 0 or more", "give the rate per day"))
    if rate_per_day > 0 and travel_h is None:
        problems.append(Problem("travel_h", "is missing but there is decay", "give outfall.travel_times(network)"))
    if problems:
        msg = "unmix"
        raise TraceError(msg, problems)


def site_points(nesting: Nesting, network: Network) -> gpd.GeoSeries:
    """Return the point of each site."""
    lines = np.asarray(network.reaches.geometry.array)[nesting.reach_row]
    length = np.maximum(network.arrays.length_m[nesting.reach_row], 1e-9)
    points = shapely.line_interpolate_point(lines, np.clip(nesting.along_m / length, 0, 1), normalized=True)
    return gpd.GeoSeries(points, crs=network.crs)
