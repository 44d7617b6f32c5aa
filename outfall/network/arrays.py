"""What is joined to what, as integer arrays: the form in which walks, sums and traces read a network.

Reaches and nodes are numbered by their row. A reach whose direction is uncertain (``two_way``) may be walked either way.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import breadth_first_order, connected_components, dijkstra

from outfall.network.ragged import gather, group_rows

__all__ = ["CERTAIN_SHARE", "Arrays", "Ints", "Reals", "find_path", "find_pieces", "group_rows", "walk_down", "walk_up"]

Ints = NDArray[np.int32]
Reals = NDArray[np.float64]
Csr = tuple[Ints, Ints]

CERTAIN_SHARE = 0.95  # our default: from this probability on a direction counts as known in sets and sums
_SHORTEST_M = 1e-6  # a weight of zero means "no edge" to scipy


@dataclass(frozen=True, eq=False)
class Arrays:
    """The integer arrays of a network; every array has one entry per reach unless it says otherwise.

    Parameters
    ----------
    node_count : int
        Number of nodes.
    from_node, to_node : ndarray of int32
        Row of the node at either end.
    length_m : ndarray of float
        Geodesic length.
    forward_share : ndarray of float
        Probability that water runs from ``from_node`` to ``to_node``.
    rank : ndarray of int32
        Order of preference among the reaches that leave one node; 0 is the main path.
    """

    node_count: int
    from_node: Ints
    to_node: Ints
    length_m: Reals
    forward_share: Reals
    rank: Ints

    @cached_property
    def two_way(self) -> NDArray[np.bool_]:
        """Whether a reach may be walked either way: its direction is not sure enough, or the tide turns it.

        A reach that surely runs against its line is turned by `build_network` and `weigh_direction`; left as drawn it
        is walked both ways too.
        """
        return np.asarray(self.forward_share < CERTAIN_SHARE, dtype=bool)

    @cached_property
    def ends_at(self) -> Csr:
        """Reaches that can end at each node, as (start, reach): those of node v are ``reach[start[v]:start[v + 1]]``."""
        return self._at(self.to_node, self.from_node)

    @cached_property
    def leaves(self) -> Csr:
        """Reaches that can leave each node, as (start, reach)."""
        return self._at(self.from_node, self.to_node)

    @cached_property
    def up(self) -> Csr:
        """Reaches directly upstream of each reach, as (start, reach)."""
        return self._beside(self.from_node, self.to_node, self.ends_at)

    @cached_property
    def down(self) -> Csr:
        """Reaches directly downstream of each reach, as (start, reach)."""
        return self._beside(self.to_node, self.from_node, self.leaves)

    @cached_property
    def main_out(self) -> Ints:
        """The reach by which the main path leaves each node; -1 at a mouth."""
        chosen = np.full(self.node_count, -1, dtype=np.int32)
        order = np.argsort(-self.rank.astype(np.int64), kind="stable")
        chosen[self.from_node[order]] = order
        return chosen

    @cached_property
    def main_down(self) -> Ints:
        """The reach that follows each reach on the main path; -1 at a mouth."""
        return self.main_out[self.to_node]

    @cached_property
    def is_mouth(self) -> NDArray[np.bool_]:
        """Whether each node has something above it and nothing below it."""
        ends = np.bincount(self.to_node, minlength=self.node_count) > 0
        return np.asarray(ends & (self.main_out < 0), dtype=bool)

    @cached_property
    def mouth_m(self) -> Reals:
        """Distance from the downstream end of each reach to the mouth, along the main path; NaN where there is none."""
        step = self.sum_down(self.length_m)
        lost = np.isnan(step)  # the main path runs in a circle
        if lost.any():
            step[lost] = np.inf
            mouths = np.flatnonzero(self.is_mouth)
            if len(mouths):
                step[lost] = dijkstra(self.node_up, indices=mouths, min_only=True)[lost]
            step[~np.isfinite(step)] = np.nan
        return step[self.to_node]

    def sum_down(self, weights: Reals) -> Reals:
        """Return the sum of weights from each node down its main path to the mouth; NaN where that runs in a circle.

        Parameters
        ----------
        weights : ndarray of float, one per reach
            Metres, hours or anything that adds up along a way.

        Returns
        -------
        ndarray of float, one per node
            In the unit of the weights.
        """
        out = self.main_out
        if not len(self.from_node):
            return np.zeros(self.node_count)
        step = np.where(out >= 0, weights[out], 0.0)
        following = np.where(out >= 0, self.to_node[out], np.arange(self.node_count))
        for _ in range(int(self.node_count).bit_length()):  # each round doubles the distance looked ahead
            ahead = following[following]
            step = step + step[following]
            if np.array_equal(ahead, following):
                break
            following = ahead
        step[out[following] >= 0] = np.nan
        return step

    def make_graph(self, weights: Reals) -> csr_matrix:
        """Return the graph from each node to the nodes directly upstream of it.

        Parameters
        ----------
        weights : ndarray of float, one per reach
            What a reach costs; of two between the same nodes the cheaper counts.

        Returns
        -------
        csr_matrix
            A weight of zero is raised to a millionth, which scipy needs to see an edge.
        """
        return self._node_graph(self.to_node, self.from_node, weights)

    @cached_property
    def node_up(self) -> csr_matrix:
        """Graph from each node to the nodes directly upstream of it, weighted by metres."""
        return self._node_graph(self.to_node, self.from_node, self.length_m)

    @cached_property
    def node_down(self) -> csr_matrix:
        """Graph from each node to the nodes directly downstream of it, weighted by metres."""
        return self._node_graph(self.from_node, self.to_node, self.length_m)

    def _at(self, node: Ints, other: Ints) -> Csr:
        both = np.flatnonzero(self.two_way).astype(np.int32)
        rows = np.concatenate([np.arange(len(node), dtype=np.int32), both])
        return group_rows(np.concatenate([node, other[both]]), rows, self.node_count)

    def _beside(self, near: Ints, far: Ints, at: Csr) -> Csr:
        start, reach = at
        own = np.concatenate([np.arange(len(near)), np.flatnonzero(self.two_way)])
        node = np.concatenate([near, far[self.two_way]])
        rows, picked = gather(start, node)
        one, other = own[rows], reach[picked].astype(np.int64)
        if self.two_way.any():  # which can be beside another in two ways
            one, other = np.divmod(np.unique(one * np.int64(len(near)) + other), len(near))
        keep = one != other
        return group_rows(one[keep], other[keep].astype(np.int32), len(near))

    def _node_graph(self, tail: Ints, head: Ints, cost: Reals) -> csr_matrix:
        both = self.two_way
        tails, heads = np.concatenate([tail, head[both]]), np.concatenate([head, tail[both]])
        weights = np.maximum(np.concatenate([cost, cost[both]]), _SHORTEST_M)
        order = np.lexsort((weights, heads, tails))
        tails, heads, weights = tails[order], heads[order], weights[order]
        first = np.ones(len(tails), dtype=bool)
        first[1:] = (tails[1:] != tails[:-1]) | (heads[1:] != heads[:-1])
        shape = (self.node_count, self.node_count)
        return csr_matrix((weights[first], (tails[first], heads[first])), shape=shape)


def walk_up(arrays: Arrays, reach: int) -> Ints:
    """Return a reach and every reach whose water can come to it, nearest first.

    Parameters
    ----------
    arrays : Arrays
        The network.
    reach : int
        Row of the reach.

    Returns
    -------
    ndarray of int32
        Rows; the reach itself is first.
    """
    nodes = breadth_first_order(arrays.node_up, int(arrays.from_node[reach]), return_predecessors=False)
    return _reaches_at(arrays.ends_at, nodes, reach)


def walk_down(arrays: Arrays, reach: int) -> Ints:
    """Return a reach and every reach its water can come to, nearest first.

    Parameters
    ----------
    arrays : Arrays
        The network.
    reach : int
        Row of the reach.

    Returns
    -------
    ndarray of int32
        Rows; the reach itself is first.
    """
    nodes = breadth_first_order(arrays.node_down, int(arrays.to_node[reach]), return_predecessors=False)
    return _reaches_at(arrays.leaves, nodes, reach)


def find_path(arrays: Arrays, start: int, goal: int) -> list[int]:
    """Return the rows of the shortest way water can take from one reach to another, both included.

    Parameters
    ----------
    arrays : Arrays
        The network.
    start, goal : int
        Rows of the two reaches.

    Returns
    -------
    list of int
        In flow order; empty where there is no way.
    """
    if start == goal:
        return [start]
    begins = {int(arrays.to_node[start])} | ({int(arrays.from_node[start])} if arrays.two_way[start] else set())
    ends = {int(arrays.from_node[goal])} | ({int(arrays.to_node[goal])} if arrays.two_way[goal] else set())
    far, before, _ = dijkstra(arrays.node_down, indices=sorted(begins), min_only=True, return_predecessors=True)
    node = min(ends, key=lambda end: (far[end], end))
    if not np.isfinite(far[node]):
        return []
    walked: list[int] = []
    while before[node] >= 0:
        walked.append(_shortest_between(arrays, int(before[node]), node))
        node = int(before[node])
    return [start, *reversed(walked), goal]


def find_pieces(arrays: Arrays) -> Ints:
    """Return for each reach the number of the connected piece it lies in, in no particular order."""
    count, number = connected_components(arrays.node_down, directed=False)
    del count
    return np.asarray(number[arrays.from_node], dtype=np.int32)


def _reaches_at(at: Csr, nodes: NDArray[np.int32], first: int) -> Ints:
    start, reach = at
    found = reach[gather(start, nodes)[1]]
    _, at_first = np.unique(found, return_index=True)
    walked = found[np.sort(at_first)]
    return np.concatenate([np.array([first], dtype=np.int32), walked[walked != first]])


def _shortest_between(arrays: Arrays, tail: int, head: int) -> int:
    start, reach = arrays.leaves
    here = reach[start[tail] : start[tail + 1]]
    other = np.where(arrays.from_node[here] == tail, arrays.to_node[here], arrays.from_node[here])
    joining = here[other == head]
    return int(joining[np.argmin(arrays.length_m[joining])])
