"""Everything upstream of a reach without walking: preorder intervals on the main tree, extra ones for minor reaches.

Loops are first condensed to parts. Each part drains to one main part, which makes a forest; the reaches above a part
stand together in its preorder. What comes by minor reaches is a short list of further intervals. Where those lists
would explode, the parts concerned are summed by bit sets instead.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from outfall.network.arrays import Arrays, Ints, Reals, group_rows
from outfall.network.knots import find_knots

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Index", "make_index", "sum_main", "sum_split", "sum_total"]

_LANES = 4096  # parts whose bits one sweep carries
_ROWS = 4096
_CAP_PER_PART = 4
_CAP_ALWAYS = 200_000

Intervals = list[tuple[int, int]]


@dataclass(frozen=True, eq=False)
class Index:
    """Preorder of a network.

    Parameters
    ----------
    part : ndarray of int32, one per reach
        Strongly connected part each reach belongs to; parts are numbered from downstream to upstream.
    sequence : ndarray of int32, one per reach
        Reaches in preorder.
    first, size : ndarray of int64, one per part
        The reaches above a part on the main tree are ``sequence[first:first + size]``.
    extra : dict of int to list of (first, end)
        Further intervals of the parts that have any.
    exits : tuple of ndarray
        Tail part, head part and share of the flow of every connection between parts.
    exploded : frozenset of int
        Parts whose intervals were given up because there would be too many.
    """

    part: Ints
    sequence: Ints
    first: NDArray[np.int64]
    size: NDArray[np.int64]
    extra: dict[int, Intervals]
    exits: tuple[Ints, Ints, Reals]
    exploded: frozenset[int]


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
    part, node_part = find_knots(arrays)
    count = 1 + int(max(part.max(initial=-1), node_part.max(initial=-1)))
    tail, head, share, is_main = _exits(arrays, part, node_part, fraction)
    parent = np.full(count, -1, dtype=np.int64)
    parent[tail[is_main]] = head[is_main]
    weight = np.bincount(part, minlength=count)
    first, size = _preorder(parent, weight)
    extra, exploded = _extras(parent, first, size, tail[~is_main], head[~is_main])
    position = first[part] + _rank_inside(part)
    sequence = np.empty(len(part), dtype=np.int32)
    sequence[position] = np.arange(len(part), dtype=np.int32)
    return Index(part, sequence, first, size, extra, (tail, head, share), exploded)


def sum_main(index: Index, values: Reals) -> Reals:
    """Return the sum of values over each reach and what is above it on the main tree alone."""
    return _tree_sums(index, values)[index.part]


def sum_total(index: Index, values: Reals) -> Reals:
    """Return the sum of values over each reach and everything upstream of it, each reach counted once."""
    total = _tree_sums(index, values)
    sums = np.concatenate([[0.0], np.cumsum(values[index.sequence])])
    for at, intervals in index.extra.items():
        total[at] += sum(sums[end] - sums[first] for first, end in intervals)
    if index.exploded:
        _sum_by_bits(index, values, total)
    return total[index.part]


def sum_split(index: Index, values: Reals) -> Reals:
    """Return the sum of values that arrives at each reach when every divergence splits its flow.

    What enters a loop or a two-way stretch leaves it by its exits in the proportion of their shares.
    """
    count = len(index.first)
    total = np.bincount(index.part, weights=values, minlength=count).tolist()
    tail, head, share = index.exits
    for at in np.argsort(-tail.astype(np.int64), kind="stable").tolist():
        total[head[at]] += total[tail[at]] * share[at]
    return np.asarray(total, dtype=float)[index.part]


def _exits(arrays: Arrays, part: Ints, node_part: Ints, fraction: Reals) -> tuple[Ints, Ints, Reals, NDArray[np.bool_]]:
    """Return the connections between parts: tail, head, share of the flow of the tail, whether it is the main one."""
    split = _node_shares(arrays, fraction)
    tail = np.concatenate([node_part[arrays.from_node], part])
    head = np.concatenate([part, node_part[arrays.to_node]])
    share = np.concatenate([split, np.ones(len(part))])
    rank = np.concatenate([arrays.rank, np.zeros(len(part), dtype=np.int32)])
    length = np.concatenate([arrays.length_m, np.zeros(len(part))])
    leaving = np.flatnonzero(tail != head)
    order = leaving[np.lexsort((head[leaving], -length[leaving], rank[leaving], tail[leaving]))]
    tail, head, share = tail[order], head[order], share[order]
    is_main = np.ones(len(tail), dtype=bool)
    is_main[1:] = tail[1:] != tail[:-1]
    vertices = np.bincount(np.concatenate([part, node_part]))
    is_main &= (rank[order] == 0) | (vertices[tail] > 1)  # a knot drains by its best exit, a minor reach never as main
    given = np.bincount(tail, weights=share) if len(tail) else np.zeros(0)
    number = np.bincount(tail) if len(tail) else np.zeros(0)
    share = np.where(given[tail] > 0, share / np.where(given[tail] > 0, given[tail], 1.0), 1.0 / number[tail])
    return tail, head, share, is_main


def _node_shares(arrays: Arrays, fraction: Reals) -> Reals:
    """Return the share of its node's flow that enters each reach; those not given take equal parts of the rest."""
    known = np.nan_to_num(fraction, nan=0.0)
    node, count = arrays.from_node, arrays.node_count
    given = np.bincount(node, weights=known, minlength=count)
    open_count = np.bincount(node, weights=np.isnan(fraction).astype(float), minlength=count)
    rest = np.maximum(1.0 - given, 0.0) / np.maximum(open_count, 1.0)
    return np.where(np.isnan(fraction), rest[node], known)


def _preorder(parent: NDArray[np.int64], weight: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where the reaches above each part begin and how many they are; a parent has a lower number."""
    count = len(parent)
    up, size = parent.tolist(), weight.tolist()
    for at in range(count - 1, -1, -1):
        if up[at] >= 0:
            size[up[at]] += size[at]
    first, following, free = [0] * count, weight.tolist(), 0
    for at in range(count):
        if up[at] >= 0:
            first[at] = following[up[at]]
            following[up[at]] += size[at]
        else:
            first[at] = free
            free += size[at]
        following[at] += first[at]
    return np.asarray(first, dtype=np.int64), np.asarray(size, dtype=np.int64)


def _extras(
    parent: NDArray[np.int64], first: NDArray[np.int64], size: NDArray[np.int64], tail: Ints, head: Ints
) -> tuple[dict[int, Intervals], frozenset[int]]:
    """Return the intervals that come by minor connections, pushed downstream until a main tree holds them."""
    minor_in: dict[int, list[int]] = {}
    minor_out: dict[int, list[int]] = {}
    for above, below in zip(tail.tolist(), head.tolist(), strict=True):
        minor_in.setdefault(below, []).append(above)
        minor_out.setdefault(above, []).append(below)
    carried: dict[int, set[tuple[int, int]]] = {}
    extra: dict[int, Intervals] = {}
    exploded: set[int] = set()
    waiting = [-at for at in minor_in]
    heapq.heapify(waiting)
    known, cap, total = set(minor_in), max(_CAP_ALWAYS, _CAP_PER_PART * len(parent)), 0
    while waiting:
        at = -heapq.heappop(waiting)
        found = carried.pop(at, set())
        for above in minor_in.get(at, ()):
            found.add((int(first[above]), int(first[above] + size[above])))
        begin, end = int(first[at]), int(first[at] + size[at])
        kept = _outermost(pair for pair in found if pair[0] < pair[1] and not begin <= pair[0] < end)
        if at in exploded or total > cap:
            exploded.add(at)
            kept = []
        below = [*([int(parent[at])] if parent[at] >= 0 else []), *minor_out.get(at, ())]
        if kept:
            extra[at] = kept
            total += len(kept)
        for following in below if kept or at in exploded else ():
            if at in exploded:
                exploded.add(following)
            carried.setdefault(following, set()).update(kept)
            if following not in known:
                known.add(following)
                heapq.heappush(waiting, -following)
    return extra, frozenset(exploded)


def _outermost(pairs: object) -> Intervals:
    """Return the intervals that lie in no other; any two are apart or one holds the other."""
    kept: Intervals = []
    for begin, end in sorted(pairs, key=lambda pair: (pair[0], -pair[1])):  # type: ignore[call-overload]
        if not kept or begin >= kept[-1][1]:
            kept.append((begin, end))
    return kept


def _tree_sums(index: Index, values: Reals) -> Reals:
    sums = np.concatenate([[0.0], np.cumsum(values[index.sequence])])
    return np.asarray(sums[index.first + index.size] - sums[index.first], dtype=float)


def _sum_by_bits(index: Index, values: Reals, total: Reals) -> None:
    """Fill in the totals of exploded parts: each sweep carries the bits of some thousand parts downstream.

    Only parts with several exits need a bit: what has one exit is counted wherever its next part is.
    """
    count = len(index.first)
    tail, head, _ = index.exits
    exits, entries = np.bincount(tail, minlength=count), np.bincount(head, minlength=count)
    own = np.bincount(index.part, weights=values, minlength=count)
    order = np.argsort(-tail.astype(np.int64), kind="stable")
    steps = list(zip(tail[order].tolist(), head[order].tolist(), strict=True))
    folded = own.tolist()
    for above, below in steps:
        if exits[above] == 1:
            folded[below] += folded[above]
    held = np.asarray(folded)
    wanted = np.fromiter(sorted(index.exploded), dtype=np.int64)
    several = wanted[entries[wanted] > 1]
    total[several] = np.where(exits[several] > 1, 0.0, held[several])
    sources = np.flatnonzero((exits > 1) & (held != 0))
    for at in range(0, len(sources), _LANES):
        some = sources[at : at + _LANES]
        _sweep(some, held[some], steps, several, total)
    before = dict(zip(head.tolist(), tail.tolist(), strict=True))
    for part in wanted[entries[wanted] == 1][::-1].tolist():
        total[part] = own[part] + total[before[part]]


def _sweep(
    some: NDArray[np.int64], weights: Reals, steps: list[tuple[int, int]], wanted: NDArray[np.int64], total: Reals
) -> None:
    """Add to the wanted totals what some parts bring, each to every part downstream of it."""
    bits = np.zeros((len(total), _LANES // 8), dtype=np.uint8)
    bits[some, np.arange(len(some)) // 8] = 1 << (np.arange(len(some)) % 8)
    wide = list(bits.view(np.uint64))
    for above, below in steps:
        np.bitwise_or(wide[below], wide[above], out=wide[below])
    padded = np.zeros(_LANES)
    padded[: len(some)] = weights
    known = (np.arange(256)[:, None] >> np.arange(8)) & 1
    table = padded.reshape(-1, 8) @ known.T
    lane = np.arange(_LANES // 8)
    for begin in range(0, len(wanted), _ROWS):
        rows = wanted[begin : begin + _ROWS]
        total[rows] += table[lane, bits[rows]].sum(axis=1)


def _rank_inside(part: Ints) -> NDArray[np.int64]:
    start, rows = group_rows(part, np.arange(len(part), dtype=np.int32), int(part.max(initial=-1)) + 1)
    rank = np.empty(len(part), dtype=np.int64)
    rank[rows] = np.arange(len(part)) - start[part[rows]]
    return rank
