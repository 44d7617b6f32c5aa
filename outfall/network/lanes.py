"""In which of many worlds, drawn at once, water at each node comes to one reach; certain parts are contracted first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from outfall.network.worlds import WORLDS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from outfall.network.arrays import Arrays

    Lanes = NDArray[np.uint64]

__all__ = ["Worlds", "draw_worlds", "find_lanes"]

_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)


@dataclass(frozen=True, eq=False)
class Worlds:
    """Worlds of a network, 64 to a column; one more column holds what is there in every world.

    Parameters
    ----------
    forward, backward : ndarray of uint64, one row per reach, sweeps + 1 columns
        Worlds in which water passes each reach as drawn, and against it.
    """

    forward: Lanes
    backward: Lanes


def draw_worlds(
    arrays: Arrays,
    names: NDArray[np.object_],
    is_both: NDArray[np.bool_],
    open_share: NDArray[np.float64],
    *,
    sweeps: int,
    seed: int,
) -> Worlds:
    """Return worlds in which every uncertain direction and state is drawn.

    The reaches of an unbranched stretch run the same way in a world, as far as their shares allow: they share one draw.

    Parameters
    ----------
    arrays : Arrays
        The network, with ``forward_share``.
    names : ndarray of object, one per reach
        Reach ids: draws belong to them, whatever the order of the rows.
    is_both : ndarray of bool, one per reach
        Reaches that run both ways, one after the other, in every world.
    open_share : ndarray of float, one per reach
        Probability that water passes at all.
    sweeps : int
        Columns of 64 worlds.
    seed : int
        Seed of the draws.

    Returns
    -------
    Worlds
        The same for the same names and seed.
    """
    share = np.where(is_both, 1.0, arrays.forward_share)
    rng = np.random.default_rng(seed)
    rank = np.argsort(np.argsort(names.astype(str), kind="stable"), kind="stable")
    chain, along = _find_chains(arrays, (share > 0.0) & (share < 1.0), rank)
    forward = _draw(share, chain, along, sweeps, rng)
    backward = ~forward
    backward[is_both] = _ALL
    is_open = _draw(open_share, rank, np.ones(len(rank), dtype=bool), sweeps, rng)
    forward, backward = forward & is_open, backward & is_open
    sure = [np.where((share >= 1.0) & (open_share >= 1.0), _ALL, np.uint64(0))]
    sure += [np.where(((share <= 0.0) | is_both) & (open_share >= 1.0), _ALL, np.uint64(0))]
    return Worlds(np.column_stack([forward, sure[0]]), np.column_stack([backward, sure[1]]))


def find_lanes(arrays: Arrays, worlds: Worlds, targets: NDArray[np.int64]) -> list[tuple[NDArray[np.int64], Lanes]]:
    """Return, for each target reach, the reaches whose water may come to it, and in which worlds it does.

    Parameters
    ----------
    arrays : Arrays
        The network.
    worlds : Worlds
        Drawn by `draw_worlds`.
    targets : ndarray of int
        Rows of reaches.

    Returns
    -------
    list of (rows, lanes)
        The target itself is first, in all worlds; the others in order of their rows.
    """
    reach, tail, head, lanes = _arcs(arrays, worlds)
    node = _contract(arrays.node_count, tail, head, lanes, arrays, targets)
    kept = np.flatnonzero(node[tail] == tail)
    kept = kept[np.argsort(node[head[kept]], kind="stable")]
    start = np.zeros(arrays.node_count + 1, dtype=np.int64)
    np.cumsum(np.bincount(node[head[kept]], minlength=arrays.node_count), out=start[1:])
    arcs = _Arcs(start, reach[kept], tail[kept], node[head[kept]], lanes[kept])
    return [_spread(arrays, worlds, arcs, node, int(target)) for target in targets]


@dataclass(frozen=True, eq=False)
class _Arcs:
    """Arcs of what is left, sorted by head: those of node v are from start[v] to start[v + 1]."""

    start: NDArray[np.int64]
    reach: NDArray[np.int64]
    tail: NDArray[np.int64]
    head: NDArray[np.int64]
    lanes: Lanes


def _draw(
    share: NDArray[np.float64], key: NDArray[np.int64], along: NDArray[np.bool_], sweeps: int, rng: np.random.Generator
) -> Lanes:
    """Return bits that are set with a probability; rows of one key use one draw, some of them from its other end."""
    lanes = np.where(share >= 1.0, _ALL, np.uint64(0))[:, None].repeat(sweeps, axis=1)
    open_rows = np.flatnonzero((share > 0.0) & (share < 1.0))
    keys, number = np.unique(key[open_rows], return_inverse=True)
    draws = rng.random((len(keys), sweeps * WORLDS), dtype=np.float32).astype(float)
    for row, at in zip(open_rows.tolist(), number.tolist(), strict=True):
        bits = draws[at] < share[row] if along[row] else draws[at] >= 1.0 - share[row]
        lanes[row] = np.packbits(bits, bitorder="little").view(np.uint64)
    return lanes


def _find_chains(
    arrays: Arrays, is_open: NDArray[np.bool_], rank: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the unbranched stretch of open reaches each lies in, and whether it is drawn as the first of it is."""
    count = len(rank)
    node = np.concatenate([arrays.from_node, arrays.to_node])
    row, arrives = np.tile(np.arange(count), 2), np.repeat([False, True], count)
    plain = (np.bincount(node, minlength=arrays.node_count) == 2) & (
        np.bincount(node, weights=is_open[row], minlength=arrays.node_count) == 2
    )
    order = np.argsort(node, kind="stable")
    order = order[plain[node[order]]].reshape(-1, 2)
    one, other = row[order[:, 0]], row[order[:, 1]]
    same = arrives[order[:, 0]] != arrives[order[:, 1]]
    ends = np.where(same, other, other + count), np.where(same, other + count, other)
    graph = csr_matrix(
        (np.ones(2 * len(one)), (np.concatenate([one, one + count]), np.concatenate(ends))), shape=(2 * count,) * 2
    )
    _, part = connected_components(graph, directed=False)
    least = np.full(int(part.max(initial=-1)) + 1, np.iinfo(np.int64).max)
    np.minimum.at(least, part, np.tile(rank, 2))
    by_rank = np.empty(count, dtype=np.int64)
    by_rank[rank] = np.arange(count)
    first = least[part[:count]]
    return first, np.asarray(part[:count] == part[by_rank[first]], dtype=bool)


def _arcs(arrays: Arrays, worlds: Worlds) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], Lanes]:
    """Return one arc per reach and way in which it carries water in any world."""
    with_it, against = (np.flatnonzero(lanes.any(axis=1)) for lanes in (worlds.forward, worlds.backward))
    reach = np.concatenate([with_it, against])
    tail = np.concatenate([arrays.from_node[with_it], arrays.to_node[against]]).astype(np.int64)
    head = np.concatenate([arrays.to_node[with_it], arrays.from_node[against]]).astype(np.int64)
    return reach, tail, head, np.concatenate([worlds.forward[with_it], worlds.backward[against]])


def _contract(
    count: int,
    tail: NDArray[np.int64],
    head: NDArray[np.int64],
    lanes: Lanes,
    arrays: Arrays,
    targets: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Return for each node the one that stands for it: water at both comes to the same places in every world."""
    follow = np.arange(count)
    single = np.bincount(tail, minlength=count) == 1
    single[arrays.from_node[targets]] = single[arrays.to_node[targets]] = False
    sure = single[tail] & (lanes == _ALL).all(axis=1)
    follow[tail[sure]] = head[sure]
    for _ in range(max(1, int(count).bit_length())):
        follow = follow[follow]
    return follow


def _spread(
    arrays: Arrays, worlds: Worlds, arcs: _Arcs, node: NDArray[np.int64], target: int
) -> tuple[NDArray[np.int64], Lanes]:
    """Return what comes to one target: from its ends up, each node again only when more worlds came to it."""
    known = np.zeros((arrays.node_count, worlds.forward.shape[1]), dtype=np.uint64)
    known[arrays.from_node[target]] |= worlds.forward[target]
    known[arrays.to_node[target]] |= worlds.backward[target]
    fresh = np.unique([arrays.from_node[target], arrays.to_node[target]]).astype(np.int64)
    while len(fresh):
        count = arcs.start[fresh + 1] - arcs.start[fresh]
        at = np.repeat(arcs.start[fresh] - np.cumsum(count) + count, count) + np.arange(int(count.sum()))
        at = at[arcs.reach[at] != target]
        at = at[np.argsort(arcs.tail[at], kind="stable")]
        tail = arcs.tail[at]
        first = np.flatnonzero(np.concatenate([[True], tail[1:] != tail[:-1]])) if len(tail) else np.empty(0, dtype=int)
        if not len(first):
            break
        come = np.bitwise_or.reduceat(known[arcs.head[at]] & arcs.lanes[at], first, axis=0)
        more = (come & ~known[tail[first]]).any(axis=1)
        fresh = tail[first][more]
        known[fresh] |= come[more]
    at_from, at_to = known[node[arrays.from_node]], known[node[arrays.to_node]]
    found = (at_to & worlds.forward) | (at_from & worlds.backward)
    found[target] = 0
    rows = np.flatnonzero(found.any(axis=1))
    return np.concatenate([[target], rows]), np.concatenate([np.full((1, found.shape[1]), _ALL), found[rows]])
