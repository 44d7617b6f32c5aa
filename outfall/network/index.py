"""Everything upstream of a reach without walking: preorder intervals on the main tree, extra ones for minor reaches.

The main tree hangs each reach on the main reach that leaves its lower end; in its preorder, what lies above a reach
stands together. A loop counts as one node. What comes by minor reaches is a short list of further intervals
(`outfall.network.minor`); where those lists would explode, bits are swept instead (`outfall.network.sweep`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from outfall.network.arrays import walk_up
from outfall.network.forest import order_forest
from outfall.network.knots import find_node_knots
from outfall.network.minor import Tree, find_extras
from outfall.network.ragged import gather
from outfall.network.split import sum_split
from outfall.network.sweep import Sweep, make_sweep

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from outfall.network.arrays import Arrays, Ints, Reals
    from outfall.network.minor import Extras

__all__ = ["Index", "add_up", "list_upstream", "make_index", "sum_main", "sum_rows", "sum_split", "sum_total"]


@dataclass(frozen=True, eq=False)
class Index:
    """Preorder of a network; made by `make_index`.

    Parameters
    ----------
    sequence : ndarray of int32, one per reach
        Reaches in preorder.
    first, end : ndarray of int32, one per reach
        ``sequence[first:end]`` are a reach and what is above it on the main tree; for a reach in a loop, the loop.
    position : ndarray of int32, one per reach
        Where each reach stands in the sequence; the same array as ``first`` where there is no loop.
    extra_start : ndarray of int32, one per reach and one more; empty where no reach has any
        Further intervals of reach r are ``extra_first[extra_start[r]:extra_start[r + 1]]`` and ``extra_end`` likewise.
    extra_first, extra_end : ndarray of int32
        The intervals, sorted; none overlaps another or the reach's own.
    exploded : ndarray of bool, one per reach; empty where none is
        The intervals were given up: ask `sweep`.
    arrays : Arrays
        The network.
    fraction : ndarray of float, one per reach
        Share of the flow of its ``from_node`` that enters each reach; NaN takes an equal part of what is left.
    """

    sequence: Ints
    first: Ints
    end: Ints
    position: Ints
    extra_start: Ints
    extra_first: Ints
    extra_end: Ints
    exploded: NDArray[np.bool_]
    arrays: Arrays
    fraction: Reals

    @property
    def nbytes(self) -> int:
        """Bytes of the index itself, each array once."""
        held = {id(part): part.nbytes for part in (self.sequence, self.first, self.end, self.position)}
        more = (self.extra_start, self.extra_first, self.extra_end, self.exploded)
        return sum(held.values()) + sum(part.nbytes for part in more)

    @cached_property
    def node_part(self) -> Ints:
        """Part (a loop, or one node) of each node; water runs from a part to parts of a lower number only."""
        return find_node_knots(self.arrays)

    @cached_property
    def sweep(self) -> Sweep:
        """The order in which bits are swept where intervals were given up."""
        return make_sweep(self.arrays, self.node_part)

    def count_extras(self, rows: NDArray[np.integer]) -> NDArray[np.int64]:
        """Return how many further intervals each of some reaches has."""
        if not len(self.extra_start):
            return np.zeros(len(rows), dtype=np.int64)
        return np.asarray(self.extra_start[rows + 1] - self.extra_start[rows], dtype=np.int64)


def make_index(arrays: Arrays, fraction: Reals) -> Index:
    """Return the index of a network.

    Parameters
    ----------
    arrays : Arrays
        The network.
    fraction : ndarray of float, one per reach
        Share of the flow of its ``from_node`` that enters each reach; NaN takes an equal part of what is left.

    Returns
    -------
    Index
        Exact on any network, with loops and two-way reaches.
    """
    nothing = np.zeros(0, dtype=np.int32)
    if not len(arrays.from_node):
        none = np.zeros(0, dtype=bool)
        return Index(nothing, nothing, nothing, nothing, nothing, nothing, nothing, none, arrays, fraction)
    single = np.bincount(arrays.from_node, minlength=1).max() <= 1 and not arrays.two_way.any()
    tail, head = arrays.from_node, arrays.to_node
    ordered = None
    if single:  # without divergences the tree itself tells whether there is a loop
        main = _choose_exits(arrays, tail, head)
        ordered = order_forest(main[head], head)
    if ordered is None:
        part = find_node_knots(arrays)
        tail, head = part[tail], part[head]
        main = _choose_exits(arrays, tail, head)
        ordered = order_forest(main[head], head)
    assert ordered is not None
    sequence, position, end = ordered
    minor = np.flatnonzero(main[tail] != np.arange(len(tail)))
    tree = (sequence, position, end, position, nothing, nothing, nothing, np.zeros(0, dtype=bool))
    index = Index(*tree, arrays, fraction)
    return _add_minor(index, main, tail, head, minor) if len(minor) else index


def sum_main(index: Index, values: Reals) -> Reals:
    """Return the sum of values over each reach and what is above it on the main tree alone."""
    return _between(add_up(index, values), index.first, index.end)


def sum_total(index: Index, values: Reals) -> Reals:
    """Return the sum of values over each reach and everything upstream of it, each reach counted once."""
    sums = add_up(index, values)
    total = _between(sums, index.first, index.end)
    if len(index.extra_start):
        has = np.flatnonzero(index.extra_start[1:] > index.extra_start[:-1])
        parts = _between(sums, index.extra_first, index.extra_end)
        total[has] += np.add.reduceat(parts, index.extra_start[has]) if len(has) else 0.0
    if len(index.exploded):
        rows = np.flatnonzero(index.exploded)
        total[rows] = index.sweep.sum_all(values)[rows]
    return total


def sum_rows(index: Index, sums: Reals, rows: NDArray[np.integer]) -> Reals:
    """Return the sum over everything upstream of some reaches from prefix sums: no walk, no loop.

    Parameters
    ----------
    index : Index
        Of the network.
    sums : ndarray of float, one per reach and one more
        Made by `add_up`.
    rows : ndarray of int
        Reaches asked for.

    Returns
    -------
    ndarray of float
        One per reach asked for.
    """
    total = _between(sums, index.first[rows], index.end[rows])
    if len(index.extra_start):
        row, at = gather(index.extra_start, rows)
        total += np.bincount(
            row, weights=_between(sums, index.extra_first[at], index.extra_end[at]), minlength=len(rows)
        )
    if len(index.exploded) and index.exploded[rows].any():
        some = np.flatnonzero(index.exploded[rows])
        total[some] = index.sweep.sum_some(np.diff(sums)[index.position], rows[some])
    return total


def list_upstream(index: Index, reach: int) -> Ints:
    """Return a reach and every reach whose water can come to it, nearest first.

    Parameters
    ----------
    index : Index
        Of the network.
    reach : int
        Row of the reach.

    Returns
    -------
    ndarray of int32
        Rows; the reach itself is first. Sorted by the number of reaches between along the main tree where the set is
        one interval of it, else walked.
    """
    one = np.array([reach])
    if index.position is not index.first or len(index.exploded) or index.count_extras(one)[0]:
        return walk_up(index.arrays, reach)
    first, end = int(index.first[reach]), int(index.end[reach])
    rows = index.sequence[first:end]
    depth = np.cumsum(1 - np.bincount(index.end[rows] - first, minlength=len(rows) + 1)[: len(rows)])
    return rows[np.argsort(depth, kind="stable")]


def add_up(index: Index, values: Reals) -> Reals:
    """Return the prefix sums of values in preorder: those of an interval are the difference of two of them."""
    sums = np.zeros(len(values) + 1)
    np.cumsum(values.take(index.sequence, mode="clip"), out=sums[1:])
    return sums


def _between(sums: Reals, first: NDArray[np.integer], end: NDArray[np.integer]) -> Reals:
    found = sums.take(end, mode="clip")  # in place and unchecked: this is where the time of a sum goes
    found -= sums.take(first, mode="clip")
    return found


def _choose_exits(arrays: Arrays, tail: Ints, head: Ints) -> Ints:
    """Return the reach by which the main path leaves each node or loop; -1 where none does.

    A reach marked minor never is one, but a loop drains by its best exit whatever that is.
    """
    count = 1 + int(max(tail.max(initial=-1), head.max(initial=-1)))
    inside = tail == head
    looped = np.zeros(count, dtype=bool)
    looped[tail[inside]] = True
    able = np.flatnonzero(~inside & ((arrays.rank == 0) | looped[tail]))
    main = np.full(count, -1, dtype=np.int32)
    main[tail[able]] = able
    rivals = able[(np.bincount(tail[able], minlength=count) > 1)[tail[able]]]
    if len(rivals):
        order = rivals[np.lexsort((rivals, -arrays.length_m[rivals], arrays.rank[rivals], tail[rivals]))]
        best = order[np.concatenate([[True], tail[order][1:] != tail[order][:-1]])]
        main[tail[best]] = best
    return main


def _add_minor(index: Index, main: Ints, tail: Ints, head: Ints, minor: NDArray[np.int64]) -> Index:
    """Return the index with what comes by minor reaches, and with the reaches of a loop sharing one interval."""
    tree = _tree_of_nodes(index, main, head)
    inside = tail[minor] == head[minor]
    leaving, looped = minor[~inside], minor[inside]
    extras = find_extras(tree, tail[leaving].astype(np.int64), head[leaving].astype(np.int64))
    first, end = index.first, index.end
    if len(looped):
        first, end = first.copy(), end.copy()
        first[looped], end[looped] = tree.first[tail[looped]], tree.end[tail[looped]]
    start, begin, stop = _by_reach(extras, tree, tail, leaving)
    exploded = extras.exploded[tail] if extras.exploded.any() else np.zeros(0, dtype=bool)
    return Index(index.sequence, first, end, index.position, start, begin, stop, exploded, index.arrays, index.fraction)


def _tree_of_nodes(index: Index, main: Ints, head: Ints) -> Tree:
    count = len(main)
    below = np.where(main >= 0, head[main], -1).astype(np.int64)
    first = np.where(main >= 0, index.first[main] + 1, 0).astype(np.int64)
    end = np.where(main >= 0, index.end[main], 0).astype(np.int64)
    roots = index.sequence[np.flatnonzero(main[head[index.sequence]] < 0)]  # in preorder, those of one node together
    first[head[roots[::-1]]] = index.first[roots[::-1]]
    end[head[roots]] = index.end[roots]
    root_at = np.repeat(head[roots], index.end[roots] - index.first[roots])
    root = np.where(main >= 0, root_at[index.first[main]] if len(root_at) else 0, np.arange(count))
    return Tree(below, first, end, root.astype(np.int64), len(head))


def _by_reach(extras: Extras, tree: Tree, tail: Ints, minor: NDArray[np.int64]) -> tuple[Ints, Ints, Ints]:
    """Return the further intervals reach by reach: those of its upper end, for a minor reach also what is above that."""
    number = np.diff(extras.start)
    having = np.flatnonzero(number[tail] > 0)
    row, at = gather(extras.start, tail[having])
    more = minor[(tree.end[tail[minor]] > tree.first[tail[minor]])]
    more = more[~extras.exploded[tail[more]]]
    owner = np.concatenate([having[row], more])
    if not len(owner):
        blank = np.zeros(0, dtype=np.int32)
        return blank, blank, blank
    first = np.concatenate([extras.first[at], tree.first[tail[more]]])
    end = np.concatenate([extras.end[at], tree.end[tail[more]]])
    order = np.argsort(owner * np.int64(len(tail) + 1) + first)
    start = np.zeros(len(tail) + 1, dtype=np.int32)
    np.cumsum(np.bincount(owner, minlength=len(tail)), out=start[1:])
    return start, first[order].astype(np.int32), end[order].astype(np.int32)
