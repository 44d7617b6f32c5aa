"""Which land lies between sampling sites, and how much of each site's water comes from it.

A site sees its own sub-basin (what drains to it without passing another site first) mixed with the water that left
the sites upstream. Where a river divides, each way takes its share, so sites form a directed graph, not only a tree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely
from scipy.sparse import csr_array, identity
from scipy.sparse.linalg import splu

from outfall.errors import Problem, TraceError
from outfall.network.accumulate import pick_values
from outfall.tracing.unmix_cut import Ints, Pieces, Reals, cut_network, place_samples

if TYPE_CHECKING:
    from outfall.network import Network

__all__ = ["Nesting", "Reals", "find_nesting", "solve_down"]

_LEAST_SHARE = 1e-9  # a sub-basin without any weight counts as this share of the water at its site


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
    if (weights < 0).any():
        msg = "unmix"
        raise TraceError(msg, [Problem("weight", "is below 0", "give weights of 0 or more")])
    cut = cut_network(row, along, network, rate_per_day=rate_per_day, travel_h=travel_h)
    piece_weight = weights[cut.pieces.reach] * cut.pieces.share
    own = cut.reaching_water @ piece_weight
    own_load = cut.reaching_load @ (piece_weight / np.sqrt(cut.left))
    total = solve_down(cut.water, own)
    smallest = pd.Series(samples["sample_id"].astype(str).to_numpy()).groupby(site).min()
    ids = smallest.reindex(range(len(row))).astype(str).tolist()
    if (total <= 0).any():
        rows = tuple(np.array(ids)[total <= 0])
        msg = "unmix"
        raise TraceError(msg, [Problem("weight", "no weight drains to a site", "give every reach its weight", rows)])
    floor = _LEAST_SHARE * total
    kept = np.where(own > 0, own_load / np.where(own > 0, own, 1.0), 1.0)
    east, north = _middles(cut.pieces, network, cut.reaching_water, piece_weight)
    nesting = Nesting(ids, row, along, np.maximum(own, floor), total, kept, cut.water, cut.load, east, north)
    return nesting, site


def solve_down(links: csr_array, own: Reals) -> Reals:
    """Return what passes each site: its own and what came down, own + links x what passes."""
    count = links.shape[0]
    if not count or not links.nnz:
        return np.asarray(own, dtype=float)
    order = splu((identity(count, format="csc") - links).tocsc(), diag_pivot_thresh=0.0)
    return np.asarray(order.solve(np.asarray(own, dtype=float)))


def _middles(pieces: Pieces, network: Network, reaching: csr_array, weight: Reals) -> tuple[Reals, Reals]:
    lines = np.asarray(network.reaches.geometry.array)[pieces.reach]
    middle = shapely.get_coordinates(
        shapely.line_interpolate_point(lines, pieces.start + pieces.share / 2, normalized=True)
    )
    weights = weight + 1e-12 * max(float(weight.max(initial=0.0)), 1e-300)
    base = reaching @ weights
    middles = [(reaching @ (weights * middle[:, axis])) / np.where(base > 0, base, 1.0) for axis in (0, 1)]
    own = middle[pieces.ends_at_piece]
    return np.where(base > 0, middles[0], own[:, 0]), np.where(base > 0, middles[1], own[:, 1])
