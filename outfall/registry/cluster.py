"""Which sightings are one thing: average-link groups with at most one sighting per survey, the likeliest pair first."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

__all__ = ["Groups", "Merge", "group_sightings"]

_FAR = -12.0  # log odds of a pair outside the gate
_MOST = 12.0


class Merge(NamedTuple):
    """Two groups that became one, or could have: their rows at that moment and the mean log odds between them."""

    left: tuple[int, ...]
    right: tuple[int, ...]
    log_odds: float


class Groups(NamedTuple):
    """Groups of rows, the merges that made them, and the closest calls among those not made."""

    members: list[list[int]]
    merges: list[Merge]
    refused: list[Merge]


def group_sightings(
    survey: NDArray[np.int64],
    left: NDArray[np.int64],
    right: NDArray[np.int64],
    log_odds: NDArray[np.float64],
    *,
    least: float,
    same: Iterable[tuple[int, int]] = (),
    different: Iterable[tuple[int, int]] = (),
) -> Groups:
    """Return which rows belong together.

    Parameters
    ----------
    survey : ndarray of int, n
        Rows of one survey are never put together, except by decision.
    left, right, log_odds : ndarray, m
        Pairs that may be one thing.
    least : float
        Mean log odds below which groups stay apart.
    same, different : iterable of pairs of rows
        What people decided; wins over everything.

    Returns
    -------
    Groups
        Members ordered by their smallest row; the same for any order of the pairs.
    """
    forest = _Forest(survey, different)
    for one, two in sorted(same):
        forest.join(forest.find(one), forest.find(two))
    forest.link(left, right, np.clip(log_odds, _FAR, _MOST))
    heap = [(-forest.mean(one, two), one, two) for one in forest.beside for two in forest.beside[one] if one < two]
    heapq.heapify(heap)
    merges, refused = [], []
    while heap:
        negative, one, two = heapq.heappop(heap)
        if not forest.is_current(one, two, -negative):
            continue
        merge = Merge(tuple(sorted(forest.rows[one])), tuple(sorted(forest.rows[two])), -negative)
        if forest.is_barred(one, two):
            continue
        if -negative < least:
            refused.append(merge)
            continue
        merges.append(merge)
        kept = forest.join(one, two)
        for other in forest.beside.get(kept, {}):
            pair = (min(kept, other), max(kept, other))
            heapq.heappush(heap, (-forest.mean(*pair), *pair))
    return Groups(sorted(sorted(rows) for rows in forest.rows.values()), merges, refused)


class _Forest:
    """Groups while they grow: rows, surveys, and the sum of log odds to each group beside."""

    def __init__(self, survey: NDArray[np.int64], different: Iterable[tuple[int, int]]) -> None:
        self.rows = {row: [row] for row in range(len(survey))}
        self.surveys = {row: {int(code)} for row, code in enumerate(survey)}
        self.root = list(range(len(survey)))
        self.beside: dict[int, dict[int, tuple[float, int]]] = {}
        self.barred: dict[int, set[int]] = {}
        for one, two in different:
            self.barred.setdefault(one, set()).add(two)
            self.barred.setdefault(two, set()).add(one)

    def find(self, row: int) -> int:
        while self.root[row] != row:
            row = self.root[row]
        return row

    def link(self, left: NDArray[np.int64], right: NDArray[np.int64], log_odds: NDArray[np.float64]) -> None:
        order = np.lexsort((right, left))
        for one, two, value in zip(left[order].tolist(), right[order].tolist(), log_odds[order].tolist(), strict=True):
            a, b = self.find(one), self.find(two)
            if a != b:
                self._add(a, b, value, 1)

    def mean(self, one: int, two: int) -> float:
        total, count = self.beside[one][two]
        size = len(self.rows[one]) * len(self.rows[two])
        return (total + _FAR * (size - count)) / size

    def is_current(self, one: int, two: int, value: float) -> bool:
        return two in self.beside.get(one, {}) and self.mean(one, two) == value

    def is_barred(self, one: int, two: int) -> bool:
        if self.surveys[one] & self.surveys[two]:
            return True
        theirs = set(self.rows[two])
        return any(self.barred.get(row, set()) & theirs for row in self.rows[one])

    def join(self, one: int, two: int) -> int:
        """Put two groups together under the smaller name."""
        kept, gone = min(one, two), max(one, two)
        if kept == gone:
            return kept
        self.rows[kept] = self.rows[kept] + self.rows.pop(gone)
        self.surveys[kept] = self.surveys[kept] | self.surveys.pop(gone)
        self.root[gone] = kept
        for other, (total, count) in self.beside.pop(gone, {}).items():
            self.beside[other].pop(gone)
            if other != kept:
                self._add(kept, other, total, count)
        return kept

    def _add(self, one: int, two: int, total: float, count: int) -> None:
        before, number = self.beside.setdefault(one, {}).get(two, (0.0, 0))
        self.beside[one][two] = self.beside.setdefault(two, {})[one] = (before + total, number + count)
