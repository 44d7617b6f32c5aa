"""Where water that enters the network anywhere meets a sampling site first, and how much of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array

from outfall.errors import Problem, TraceError
from outfall.network.dilution import flow_shares

if TYPE_CHECKING:
    import pandas as pd

    from outfall.network import Network

__all__ = ["Cut", "Flags", "Ints", "Pieces", "Reals", "cut_network", "place_samples", "site_points"]

Reals = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

_SAME_M = 0.5  # two samples closer than this along one reach are one site
_MOST_DOUBLINGS = 40
_HOURS_PER_DAY = 24.0


@dataclass(frozen=True, eq=False)
class Pieces:
    """Reaches cut at the sites: reach, first and last share of it, and which piece ends at each site."""

    reach: Ints
    start: Reals
    share: Reals
    ends_at_piece: Ints
    first: Ints
    last: Ints


@dataclass(frozen=True, eq=False)
class Cut:
    """A network cut at sites: its pieces, what of the water and load at the head of each (column) comes to each site (row).

    ``left`` is the share of a load that passes a piece, ``water`` and ``load`` what leaves one site (column) and comes
    to another (row) next.
    """

    pieces: Pieces
    left: Reals
    reaching_water: csr_array
    reaching_load: csr_array
    water: csr_array
    load: csr_array


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


def cut_network(
    row: Ints, along: Reals, network: Network, *, rate_per_day: float = 0.0, travel_h: pd.Series | None = None
) -> Cut:
    """Return the network cut at sites, which are sorted by reach and place.

    Parameters
    ----------
    row, along : ndarray, n values
        Row of the reach, and metres from its upstream end.
    network : Network
        Reaches of uncertain direction are taken as drawn.
    rate_per_day : float, 1/d, default 0
        First-order decay.
    travel_h : Series, hours, by reach id, optional
        Needed where there is decay.

    Returns
    -------
    Cut
        In the order of the sites.

    Raises
    ------
    TraceError
        The rate is impossible, or decay has no travel time.
    """
    problems = []
    if not 0 <= rate_per_day < np.inf:
        problems.append(Problem("rate_per_day", f"{rate_per_day!r} is not 0 or more", "give the rate per day"))
    if rate_per_day > 0 and travel_h is None:
        problems.append(Problem("travel_h", "is missing but there is decay", "give outfall.travel_times(network)"))
    if problems:
        msg = "unmix"
        raise TraceError(msg, problems)
    pieces = _cut(row, along, network)
    left = np.ones(len(pieces.reach))
    if rate_per_day > 0 and travel_h is not None:
        hours = travel_h.reindex(network.reaches["reach_id"]).fillna(0.0).to_numpy(dtype=float)
        left = np.exp(-rate_per_day / _HOURS_PER_DAY * hours[pieces.reach] * pieces.share)
    following, ends = _join(pieces, network)
    water = _first_site(following, ends, np.ones(len(left)))
    load = water if rate_per_day <= 0 else _first_site(following, ends, left)
    after = pieces.ends_at_piece + 1
    return Cut(pieces, left, water, load, water[:, after].tocsr(), load[:, after].tocsr())


def site_points(row: Ints, along: Reals, network: Network) -> gpd.GeoSeries:
    """Return the point of each site."""
    lines = np.asarray(network.reaches.geometry.array)[row]
    length = np.maximum(network.arrays.length_m[row], 1e-9)
    points = shapely.line_interpolate_point(lines, np.clip(along / length, 0, 1), normalized=True)
    return gpd.GeoSeries(points, crs=network.crs)


def _cut(row: Ints, along: Reals, network: Network) -> Pieces:
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
    return Pieces(reach, start, np.maximum(stop - start, 0.0), ends, first, first + count - 1)


def _join(pieces: Pieces, network: Network) -> tuple[csr_array, csr_array]:
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
