"""What comes to a place by minor reaches only: further intervals of the preorder, and where there would be too many.

A minor reach whose upper end lies above its lower end on the main tree (a braid that rejoins) adds nothing. Any other
adds the interval above its upper end to every node from its lower end down to where the main tree holds both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from outfall.network.ragged import gather, group_rows, spread

if TYPE_CHECKING:
    from numpy.typing import NDArray


__all__ = ["Extras", "Tree", "find_extras"]

_CAP_ALWAYS = 200_000
_CAP_PER_REACH = 4
_CHUNK = 2_000_000


@dataclass(frozen=True, eq=False)
class Tree:
    """The main tree seen from its nodes (loops are one node).

    Parameters
    ----------
    below : ndarray of int, one per node
        Node at the lower end of the main exit; -1 where there is none.
    first, end : ndarray of int, one per node
        What lies above the node stands there in the preorder.
    root : ndarray of int, one per node
        Node at which the main path ends.
    reach_count : int
        Number of reaches.
    """

    below: NDArray[np.int64]
    first: NDArray[np.int64]
    end: NDArray[np.int64]
    root: NDArray[np.int64]
    reach_count: int


@dataclass(frozen=True, eq=False)
class Extras:
    """Further intervals of nodes, sorted by where they begin.

    Parameters
    ----------
    start : ndarray of int64, one per node and one more
        Those of node v are ``first[start[v]:start[v + 1]]`` and ``end`` likewise.
    first, end : ndarray of int64
        The intervals; no two overlap.
    exploded : ndarray of bool, one per node
        The intervals were given up because there would be too many.
    """

    start: NDArray[np.int64]
    first: NDArray[np.int64]
    end: NDArray[np.int64]
    exploded: NDArray[np.bool_]


def find_extras(tree: Tree, tail: NDArray[np.int64], head: NDArray[np.int64]) -> Extras:
    """Return the further intervals of every node.

    Parameters
    ----------
    tree : Tree
        The main tree.
    tail, head : ndarray of int
        Nodes at the upper and lower end of each minor reach.

    Returns
    -------
    Extras
        Exact for every node that is not exploded.
    """
    count = len(tree.below)
    filled = tree.end[tail] > tree.first[tail]
    tail, head = tail[filled], head[filled]
    piece = _join_pieces(tree, tail, head)
    reaches = np.bincount(piece, weights=_reaches_at_roots(tree), minlength=1)
    allowed = np.maximum(_CAP_ALWAYS, _CAP_PER_REACH * reaches)
    lost = np.zeros(len(reaches), dtype=bool)
    node, above = _spread_down(tree, tail, head, piece, allowed, lost)
    store = _Store(count, len(lost))
    for pairs in _rounds(node, above, count):
        for some in _chunks(node, pairs, 1 + store.size[above[pairs]]):
            _close(tree, store, node[some], above[some], piece, allowed, lost)
    return store.freeze(lost[piece] & _has_entry_above(tree, head))


def _has_entry_above(tree: Tree, head: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return whether any minor reach ends at or above each node: the others need no intervals."""
    length = int(tree.end.max(initial=0))
    sums = np.concatenate([[0], np.cumsum(np.bincount(tree.first[head], minlength=length))])
    return np.asarray(sums[tree.end] > sums[np.minimum(tree.first, tree.end)], dtype=bool)


def _chunks(node: NDArray[np.int64], pairs: NDArray[np.int64], size: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Return the pairs in portions that fit into memory; those of one node stay together."""
    if size.sum() <= _CHUNK:
        return [pairs] if len(pairs) else []
    number = np.cumsum(size) // _CHUNK
    first = np.flatnonzero(np.concatenate([[True], node[pairs][1:] != node[pairs][:-1]]))
    cut = first[1:][np.diff(number[first]) > 0]
    return [part for part in np.split(pairs, cut) if len(part)]


def _join_pieces(tree: Tree, tail: NDArray[np.int64], head: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return for every node the number of the piece its tree belongs to when minor reaches join trees."""
    count = len(tree.below)
    joined = csr_matrix((np.ones(len(tail)), (tree.root[tail], tree.root[head])), shape=(count, count))
    return connected_components(joined, directed=False)[1][tree.root].astype(np.int64)


def _reaches_at_roots(tree: Tree) -> NDArray[np.int64]:
    at = np.arange(len(tree.below))
    return np.where(tree.root == at, tree.end - tree.first, 0)


def _spread_down(
    tree: Tree,
    tail: NDArray[np.int64],
    head: NDArray[np.int64],
    piece: NDArray[np.int64],
    allowed: NDArray[np.float64],
    lost: NDArray[np.bool_],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the pairs (node, upper node of a minor reach) where the main tree of the first lacks the second."""
    at, above, begin = head, tail, tree.first[tail]
    nodes, uppers = [at[:0]], [at[:0]]
    made = np.zeros(len(lost))
    while len(at):
        keep = np.flatnonzero(((begin < tree.first[at]) | (begin >= tree.end[at])) & ~lost[piece[at]])
        at, above, begin = at[keep], above[keep], begin[keep]
        nodes.append(at)
        uppers.append(above)
        if len(at):
            made += np.bincount(piece[at], minlength=len(made))
            lost |= made > allowed
        at = tree.below[at]
        keep = np.flatnonzero(at >= 0)
        at, above, begin = at[keep], above[keep], begin[keep]
    key = np.unique(np.concatenate(nodes) * np.int64(len(tree.below)) + np.concatenate(uppers))
    return key // max(len(tree.below), 1), key % max(len(tree.below), 1)


def _rounds(node: NDArray[np.int64], above: NDArray[np.int64], count: int) -> list[NDArray[np.int64]]:
    """Return the rows of the pairs, round by round, so that the upper node of each has had its own round before."""
    start = np.searchsorted(node, np.arange(count + 1)) if len(node) else np.zeros(count + 1, dtype=np.int64)
    wanted = np.zeros(count, dtype=bool)
    wanted[above] = True
    inside = wanted[node]  # only what others wait for goes round by round; all the rest is one last round
    waits = np.flatnonzero(inside & (start[above + 1] > start[above]))
    need = np.bincount(node[waits], minlength=count)
    out, below = group_rows(above[waits], node[waits].astype(np.int32), count)
    rounds = []
    ready = np.unique(node[inside])
    ready = ready[need[ready] == 0]
    while len(ready):
        rounds.append(gather(start, ready)[1])
        freed, times = np.unique(below[gather(out, ready)[1]], return_counts=True)
        need[freed] -= times
        ready = freed[need[freed] == 0].astype(np.int64)
    rounds.append(np.flatnonzero(~inside))
    return rounds


def _close(
    tree: Tree,
    store: _Store,
    node: NDArray[np.int64],
    above: NDArray[np.int64],
    piece: NDArray[np.int64],
    allowed: NDArray[np.float64],
    lost: NDArray[np.bool_],
) -> None:
    """Store the intervals of nodes all of whose upper nodes are stored: the outermost of theirs, outside their own."""
    store.made += np.bincount(piece[node], weights=1.0 + store.size[above], minlength=len(lost))
    lost |= store.made > 4 * allowed  # before what is said twice is dropped
    keep = ~lost[piece[node]]
    node, above = node[keep], above[keep]
    row, at = spread(store.begin[above], store.size[above])
    owner = np.concatenate([node, node[row]])
    first = np.concatenate([tree.first[above], store.first[at]])
    end = np.concatenate([tree.end[above], store.end[at]])
    beyond = np.flatnonzero((first < tree.first[owner]) | (first >= tree.end[owner]))
    owner, first, end = owner[beyond], first[beyond], end[beyond]
    order = np.lexsort((-end, first, owner))
    owner, first, end = owner[order], first[order], end[order]
    shift = np.zeros(len(owner), dtype=np.int64)  # nodes do not touch each other
    np.cumsum((owner[1:] != owner[:-1]) * np.int64(tree.reach_count + 1), out=shift[1:])
    reached = np.maximum.accumulate(end + shift)
    outer = np.ones(len(owner), dtype=bool)
    outer[1:] = (first + shift)[1:] >= reached[:-1]
    store.add(owner[outer], first[outer], end[outer])


class _Store:
    """Intervals of nodes as they are found; grows by doubling."""

    def __init__(self, count: int, pieces: int) -> None:
        self.begin = np.zeros(count, dtype=np.int64)
        self.size = np.zeros(count, dtype=np.int64)
        self.first = np.zeros(1024, dtype=np.int64)
        self.end = np.zeros(1024, dtype=np.int64)
        self.used = 0
        self.made = np.zeros(pieces)

    def add(self, owner: NDArray[np.int64], first: NDArray[np.int64], end: NDArray[np.int64]) -> None:
        """Append intervals sorted by owner; each owner comes once."""
        stop = self.used + len(owner)
        if stop > len(self.first):
            room = max(stop, 2 * len(self.first)) - len(self.first)
            self.first = np.concatenate([self.first, np.zeros(room, dtype=np.int64)])
            self.end = np.concatenate([self.end, np.zeros(room, dtype=np.int64)])
        self.first[self.used : stop], self.end[self.used : stop] = first, end
        names, begin, size = np.unique(owner, return_index=True, return_counts=True)
        self.begin[names], self.size[names] = self.used + begin, size
        self.used = stop

    def freeze(self, exploded: NDArray[np.bool_]) -> Extras:
        """Return the intervals in the order of the nodes, without those of exploded ones."""
        size = np.where(exploded, 0, self.size)
        start = np.zeros(len(size) + 1, dtype=np.int64)
        np.cumsum(size, out=start[1:])
        at = spread(self.begin, size)[1]
        return Extras(start, self.first[at], self.end[at], exploded)
