"""Which groups of line ends may become one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Joins", "merge_groups"]


def merge_groups(group: NDArray[np.int64], one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return groups of ends after the groups of pairs of ends have become one.

    Parameters
    ----------
    group : ndarray of int, one per end
        Group of each end.
    one, other : ndarray of int
        Ends whose groups are one.

    Returns
    -------
    ndarray of int, one per end
        Groups numbered from 0 in the order of their smallest old number.
    """
    if not len(one):
        return group
    count = int(group.max()) + 1
    pairs = (np.ones(len(one), dtype=np.int8), (group[one], group[other]))
    _, part = connected_components(csr_matrix(pairs, shape=(count, count)), directed=False)
    first = np.full(int(part.max()) + 1, count, dtype=np.int64)
    np.minimum.at(first, part, np.arange(count))
    return np.asarray(np.unique(first[part[group]], return_inverse=True)[1], dtype=np.int64)


class Joins:
    """Groups of ends that are joined one pair at a time, with the rules that forbid it.

    Parameters
    ----------
    group : ndarray of int, one per end
        Group of each end; the second half are the other ends of the lines of the first.
    keyed : ndarray of bool, one per group
        Whether the file gives the group an id.
    mark : ndarray of int, one per group
        Number of the structure the group lies at; -1 for none.
    place : ndarray of float, one row per end
        Where each end is.
    tolerance_m : float, metres
        Half the widest a group without an id may become.
    """

    def __init__(
        self,
        group: NDArray[np.int64],
        keyed: NDArray[np.bool_],
        mark: NDArray[np.int64],
        place: NDArray[np.float64],
        tolerance_m: float,
    ) -> None:
        self.parent = list(range(len(keyed)))
        self.group, self.count, self.tolerance_m = group, len(group) // 2, tolerance_m
        self.keyed, self.mark, self.place = keyed.tolist(), mark.tolist(), place
        self.box: dict[int, tuple[float, float, float, float]] = {}
        self.ends: dict[int, list[int]] = {}
        self.by_group = np.argsort(group, kind="stable")
        self.start = np.searchsorted(group[self.by_group], np.arange(len(keyed) + 1))

    def find(self, item: int) -> int:
        """Return the group that a group is now part of."""
        while self.parent[item] != item:
            self.parent[item] = self.parent[self.parent[item]]
            item = self.parent[item]
        return item

    def join(self, one: int, other: int, *, free: bool = False) -> str:
        """Join the groups of two ends; return why not, or an empty text, or ``"same"`` where they are one already.

        What a user asks for (``free``) is only refused where a line would become a point.
        """
        a, b = self.find(int(self.group[one])), self.find(int(self.group[other]))
        if a == b:
            return "same"
        if self.keyed[a] and self.keyed[b] and not free:
            return "ids"
        if self.mark[a] >= 0 and self.mark[b] >= 0 and self.mark[a] != self.mark[b] and not free:
            return "structures"
        (west, south, east, north), (w, s, e, n) = self._box(a), self._box(b)
        box = min(west, w), min(south, s), max(east, e), max(north, n)
        wide = np.hypot(box[2] - box[0], box[3] - box[1]) > 2 * self.tolerance_m
        if wide and not (self.keyed[a] or self.keyed[b] or free):
            return "wide"
        small, large = sorted((a, b), key=lambda item: (len(self._ends(item)), item))
        for end in self._ends(small):
            if self.find(int(self.group[(end + self.count) % (2 * self.count)])) == large:
                return "short"
        kept, gone = min(a, b), max(a, b)
        ends = self._ends(large) + self._ends(small)
        self.parent[gone] = kept
        self.box[kept], self.ends[kept] = box, ends
        self.keyed[kept] = self.keyed[a] or self.keyed[b]
        self.mark[kept] = max(self.mark[a], self.mark[b])
        return ""

    def _ends(self, item: int) -> list[int]:
        if item not in self.ends:
            self.ends[item] = self.by_group[self.start[item] : self.start[item + 1]].tolist()
        return self.ends[item]

    def _box(self, item: int) -> tuple[float, float, float, float]:
        if item not in self.box:
            at = self.place[self._ends(item)]
            (west, south), (east, north) = at.min(axis=0).tolist(), at.max(axis=0).tolist()
            self.box[item] = (west, south, east, north)
        return self.box[item]
