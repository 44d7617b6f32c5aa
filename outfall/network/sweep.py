"""Everything upstream without intervals: bits swept over a network level by level, 64 starts in one number.

The answer where extra intervals would be too many, such as a grid in which every node divides.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from outfall.network.ragged import gather, group_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from outfall.network.arrays import Arrays, Ints, Reals

__all__ = ["Sweep", "make_sweep"]

_WIDTH = 64  # numbers of 64 bits that one sweep over all carries
_ROWS = 4096
_Step = tuple["NDArray[np.int64]", "NDArray[np.int64]", "NDArray[np.int64]"]


@dataclass(frozen=True, eq=False)
class Sweep:
    """Levels of a network; made by `make_sweep`.

    Parameters
    ----------
    tail, head : ndarray of int32, one per reach
        Part (a node, or a loop) at the upper and lower end.
    level : ndarray of int64, one per part
        Longest way, in reaches, from where nothing is above.
    """

    tail: Ints
    head: Ints
    level: NDArray[np.int64]

    @cached_property
    def downward(self) -> list[_Step]:
        """Steps from above: lower parts, where the reaches of each begin, and the upper parts of these reaches."""
        return _steps(self.head, self.tail, self.level[self.head], self.tail != self.head)

    @cached_property
    def upward(self) -> list[_Step]:
        """Steps from below: upper parts, where the reaches of each begin, and the lower parts of these reaches."""
        return _steps(self.tail, self.head, self.level[self.tail], self.tail != self.head)[::-1]

    def find_sets(self, rows: NDArray[np.integer]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return all that is upstream of some reaches.

        Parameters
        ----------
        rows : ndarray of int
            Reaches asked for.

        Returns
        -------
        which : ndarray of int
            Which of the reaches asked for, ascending.
        reach : ndarray of int
            A reach upstream of it, or itself.
        """
        found: list[NDArray[np.int64]] = [np.zeros(0, dtype=np.int64)]
        number: list[NDArray[np.int64]] = [np.zeros(0, dtype=np.int64)]
        for begin in range(0, len(rows), 64):
            some = rows[begin : begin + 64]
            bits = self._rise(some)[self.head]
            for lane in range(len(some)):
                has = (bits >> np.uint64(lane)) & np.uint64(1) > 0
                has[some[lane]] = True
                found.append(np.flatnonzero(has))
                number.append(np.full(len(found[-1]), begin + lane, dtype=np.int64))
        return np.concatenate(number), np.concatenate(found)

    def compare(self, above: NDArray[np.integer], below: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Return, pair by pair, whether a reach is upstream of another; 64 of the lower ones in one sweep."""
        starts, number = np.unique(below, return_inverse=True)
        found = np.zeros(len(above), dtype=bool)
        for begin in range(0, len(starts), 64):
            pairs = np.flatnonzero((number >= begin) & (number < begin + 64))
            bits = self._rise(starts[begin : begin + 64])[self.head[above[pairs]]]
            found[pairs] = (bits >> (number[pairs] - begin).astype(np.uint64)) & np.uint64(1) > 0
        return found

    def sum_some(self, values: Reals, rows: NDArray[np.integer]) -> Reals:
        """Return the sum of values over everything upstream of some reaches, 64 of them in one sweep."""
        own = np.bincount(self.head, weights=values, minlength=len(self.level)).astype(float)
        total = np.empty(len(rows))
        for begin in range(0, len(rows), 64):
            some = rows[begin : begin + 64]
            bits = np.unpackbits(self._rise(some)[:, None].view(np.uint8), axis=1, bitorder="little", count=len(some))
            total[begin : begin + 64] = own @ bits
        return total + np.where(self.tail[rows] == self.head[rows], 0.0, values[rows])

    def sum_all(self, values: Reals) -> Reals:
        """Return the sum of values over everything upstream of every reach, some thousand parts in one sweep.

        Only parts with several exits need a bit: what has one exit is counted wherever its next part is.
        """
        count = len(self.level)
        own = np.bincount(self.head, weights=values, minlength=count).astype(float)
        moving = self.tail != self.head
        exits = np.bincount(self.tail[moving], minlength=count)
        held = _fold(self, own, exits)
        sources = np.flatnonzero((exits > 1) & (held != 0))
        total = np.where(exits > 1, 0.0, held)
        for begin in range(0, len(sources), 64 * _WIDTH):
            self._fall(sources[begin : begin + 64 * _WIDTH], held, total)
        return total[self.tail] + np.where(moving, values, 0.0)

    def _rise(self, rows: NDArray[np.integer]) -> NDArray[np.uint64]:
        bits = np.zeros(len(self.level), dtype=np.uint64)
        np.bitwise_or.at(bits, self.tail[rows], np.uint64(1) << np.arange(len(rows), dtype=np.uint64))
        for part, start, other in self.upward:
            bits[part] |= np.bitwise_or.reduceat(bits[other], start)
        return bits

    def _fall(self, sources: NDArray[np.int64], held: Reals, total: Reals) -> None:
        """Add to every total what some parts bring, each to itself and every part downstream of it."""
        width = -(-len(sources) // 64)
        bits = np.zeros((len(total), width * 8), dtype=np.uint8)
        lane = np.arange(len(sources))
        bits[sources, lane // 8] = 1 << (lane % 8)
        wide = bits.view(np.uint64)
        for part, start, other in self.downward:
            wide[part] |= np.bitwise_or.reduceat(wide[other], start, axis=0)
        padded = np.zeros(width * 64)
        padded[: len(sources)] = held[sources]
        table = padded.reshape(-1, 8) @ ((np.arange(256)[:, None] >> np.arange(8)) & 1).T
        column = np.arange(width * 8)
        rows = np.flatnonzero(wide.any(axis=1))
        for begin in range(0, len(rows), _ROWS):
            some = rows[begin : begin + _ROWS]
            total[some] += table[column, bits[some]].sum(axis=1)


def make_sweep(arrays: Arrays, part: Ints) -> Sweep:
    """Return the levels of a network.

    Parameters
    ----------
    arrays : Arrays
        The network.
    part : ndarray of int32, one per node
        Loop or single node each one belongs to.

    Returns
    -------
    Sweep
        Ready to sweep.
    """
    tail, head = part[arrays.from_node], part[arrays.to_node]
    moving = np.flatnonzero(tail != head)
    count = 1 + int(part.max(initial=-1))
    start, below = group_rows(tail[moving], head[moving], count)
    need = np.bincount(head[moving], minlength=count)
    level = np.zeros(count, dtype=np.int64)
    ready, number = np.flatnonzero(need == 0), 0
    while len(ready):
        level[ready] = number
        freed, times = np.unique(below[gather(start, ready)[1]], return_counts=True)
        need[freed] -= times
        ready, number = freed[need[freed] == 0], number + 1
    return Sweep(tail, head, level)


def _steps(to: Ints, by: Ints, level: NDArray[np.int64], moving: NDArray[np.bool_]) -> list[_Step]:
    """Return, level by level, parts, where the connections of each begin, and where these come from."""
    rows = np.flatnonzero(moving)
    rows = rows[np.lexsort((to[rows], level[rows]))]
    steps = []
    for some in np.split(rows, np.flatnonzero(np.diff(level[rows])) + 1) if len(rows) else []:
        begin = np.flatnonzero(np.concatenate([[True], to[some][1:] != to[some][:-1]]))
        steps.append((to[some[begin]].astype(np.int64), begin, by[some].astype(np.int64)))
    return steps


def _fold(sweep: Sweep, own: Reals, exits: NDArray[np.integer]) -> Reals:
    """Return what each part holds when parts with one exit hand everything on."""
    held = own.copy()
    hands = np.append(exits == 1, False)
    for part, start, other in sweep.downward:
        held[part] += np.add.reduceat(np.where(hands[other], held[other], 0.0), start)
    return held
