"""From where the water of a station can have come: hours on the way and the share of a mass that arrives, by place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from scipy.sparse import coo_array, csr_array, identity
from scipy.sparse.csgraph import dijkstra
from scipy.sparse.linalg import splu

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from outfall.network import Network

__all__ = ["Cells", "Reached", "cut_cells", "look_up"]

Reals: TypeAlias = "NDArray[np.float64]"
Rows: TypeAlias = "NDArray[np.int64]"

_LEAST_H = 1e-7


@dataclass(frozen=True, slots=True)
class Cells:
    """Pieces of reaches a spill may have entered, by row of the reach; points have from_m equal to to_m.

    Parameters
    ----------
    reach : ndarray of int
        Row of the reach.
    from_m, to_m : ndarray of float
        Along the reach, in its own length.
    """

    reach: Rows
    from_m: Reals
    to_m: Reals


@dataclass(frozen=True, slots=True)
class Reached:
    """How a station is reached from every node.

    Parameters
    ----------
    reach, along_share : int, float
        Where the station is.
    node_h : ndarray of float
        Hours from each node by the fastest path; inf where there is none.
    node_share : ndarray of float
        Share of a mass at each node that passes the station, over all paths.
    hours : ndarray of float
        Hours through each reach.
    """

    reach: int
    along_share: float
    node_h: Reals
    node_share: Reals
    hours: Reals

    def judge(self, network: Network, cells: Cells) -> tuple[Reals, Reals]:
        """Return hours and share of the mass from the middle of each cell; inf and 0 where there is no way."""
        arrays = network.arrays
        length = np.maximum(arrays.length_m[cells.reach], 1e-9)
        along = np.clip(0.5 * (cells.from_m + cells.to_m) / length, 0.0, 1.0)
        goal = arrays.to_node[cells.reach]
        hours = self.hours[cells.reach] * (1.0 - along) + self.node_h[goal]
        share = self.node_share[goal]
        here = (cells.reach == self.reach) & (along <= self.along_share)
        hours = np.where(here, self.hours[cells.reach] * (self.along_share - along), hours)
        share = np.where(here, 1.0, share)
        return np.where(share > 0, hours, np.inf), np.where(np.isfinite(hours), share, 0.0)


def look_up(network: Network, reach: int, along_share: float, *, hours: Reals, flow_m3s: Reals) -> Reached:
    """Return how a station is reached: hours by the fastest path, share of the mass path by path where a river divides.

    Parameters
    ----------
    network : Network
        Reaches are followed the way they most probably run.
    reach : int
        Row of the reach of the station.
    along_share : float
        Where on it, 0 at its upstream end.
    hours : ndarray of float
        Hours through each reach.
    flow_m3s : ndarray of float
        Flow of each reach: divides the mass; NaN where unknown, then all branches get the same.

    Returns
    -------
    Reached
    """
    arrays = network.arrays
    tail, head, n = arrays.from_node, arrays.to_node, arrays.node_count
    order = np.lexsort((hours, tail, head))
    pair = np.stack([head[order], tail[order]])
    first = np.ones(len(order), dtype=bool)
    first[1:] = (pair[:, 1:] != pair[:, :-1]).any(axis=0)
    weights = np.maximum(hours[order][first], _LEAST_H)
    graph = csr_array((weights, (pair[0][first], pair[1][first])), shape=(n, n))
    node_h = dijkstra(graph, indices=int(tail[reach])) + hours[reach] * along_share
    divided = _divide(tail, flow_m3s, n)
    up = np.isfinite(node_h)
    inside = np.flatnonzero(up[tail] & up[head] & (np.arange(len(tail)) != reach))
    known = np.flatnonzero(up)
    at = np.full(n, -1)
    at[known] = np.arange(len(known))
    moves = coo_array((divided[inside], (at[tail[inside]], at[head[inside]])), shape=(len(known), len(known)))
    gained = np.zeros(len(known))
    gained[at[tail[reach]]] = divided[reach]
    share = np.zeros(n)
    share[known] = np.clip(splu((identity(len(known)) * (1.0 + 1e-12) - moves).tocsc()).solve(gained), 0.0, 1.0)
    return Reached(reach, along_share, node_h, share, hours)


def cut_cells(network: Network, reached: list[Reached], *, most_h: float, count: int) -> Cells:
    """Return the pieces from which every station is reached in time, about as many as asked for, at least one a reach.

    Parameters
    ----------
    network : Network
        Rivers and pipes.
    reached : list of Reached
        Stations that saw the spill, at least one.
    most_h : float, hours
        Longest way thought of.
    count : int
        How many pieces, about.

    Returns
    -------
    Cells
    """
    arrays = network.arrays
    every = np.ones(len(arrays.length_m), dtype=bool)
    for station in reached:
        head = arrays.to_node
        way = (station.node_share[head] > 0) & (station.node_h[head] <= most_h)
        way[station.reach] = True
        every &= way
    rows = np.flatnonzero(every)
    length = arrays.length_m[rows]
    end = length.copy()
    for station in reached:
        own = rows == station.reach
        # water that runs in a circle could come round again; a station sees what enters above it
        end[own] = np.minimum(end[own], station.along_share * length[own])
    step = max(float(end.sum()) / max(count, 1), 1e-6)
    pieces = np.where(end > 0, np.maximum(np.ceil(end / step), 1), 0).astype(np.int64)
    at = np.repeat(np.arange(len(rows)), pieces)
    number = np.arange(len(at)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    width = end[at] / pieces[at]
    return Cells(rows[at].astype(np.int64), number * width, (number + 1) * width)


def _divide(tail: NDArray[np.int32], flow_m3s: Reals, node_count: int) -> Reals:
    """Return the share of the water of its node each reach takes: by flow where all branches have one, else equally."""
    known = np.isfinite(flow_m3s) & (flow_m3s > 0)
    branches = np.bincount(tail, minlength=node_count)
    is_known = np.bincount(tail, known, minlength=node_count) == branches
    total = np.bincount(tail, np.where(known, flow_m3s, 0.0), minlength=node_count)
    by_flow = np.where(known, flow_m3s, 0.0) / np.where(total[tail] > 0, total[tail], 1.0)
    return np.asarray(np.where(is_known[tail], by_flow, 1.0 / branches[tail]))
