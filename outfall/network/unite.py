"""Which groups of line ends may become one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Joins", "Union"]


class Union:
    """Groups that are joined two at a time.

    Parameters
    ----------
    count : int
        Number of groups at first.
    """

    def __init__(self, count: int) -> None:
        self.parent = list(range(count))

    def find(self, item: int) -> int:
        """Return the group an item is in."""
        while self.parent[item] != item:
            self.parent[item] = self.parent[self.parent[item]]
            item = self.parent[item]
        return item

    def join(self, one: int, other: int) -> None:
        """Make one group of two; it keeps the smaller number."""
        one, other = self.find(one), self.find(other)
        self.parent[max(one, other)] = min(one, other)


class Joins:
    """Groups of ends that are joined one pair at a time, with the rules that forbid it.

    Parameters
    ----------
    group : ndarray of int, one per end
        Group of each end; the second half are the other ends of the lines of the first.
    keyed : ndarray of bool, one per group
        Whether the file gives the group an id.
    place : ndarray of float, one row per end
        Where each end is.
    count : int
        Number of lines.
    tolerance_m : float, metres
        Half the widest a group without an id may become.
    """

    def __init__(
        self,
        group: NDArray[np.int64],
        keyed: NDArray[np.bool_],
        place: NDArray[np.float64],
        count: int,
        tolerance_m: float,
    ) -> None:
        self.root = Union(len(keyed))
        self.group, self.count, self.tolerance_m = group, count, tolerance_m
        self.keyed, self.place = keyed.copy(), place
        self.box: dict[int, NDArray[np.float64]] = {}
        self.ends: dict[int, list[int]] = {}
        self.refused: list[tuple[int, int]] = []
        self.by_group = np.argsort(group, kind="stable")
        self.start = np.searchsorted(group[self.by_group], np.arange(len(keyed) + 1))

    def join(self, one: int, other: int) -> None:
        """Join the groups of two ends unless both have ids, they grow too wide or a line would become a point."""
        a, b = self.root.find(int(self.group[one])), self.root.find(int(self.group[other]))
        if a == b or (self.keyed[a] and self.keyed[b]):
            return
        box = np.concatenate(
            [np.minimum(self._box(a)[:2], self._box(b)[:2]), np.maximum(self._box(a)[2:], self._box(b)[2:])]
        )
        wide = np.hypot(box[2] - box[0], box[3] - box[1]) > 2 * self.tolerance_m
        if wide and not (self.keyed[a] or self.keyed[b]):
            return
        small, large = sorted((a, b), key=lambda item: (len(self._ends(item)), item))
        for end in self._ends(small):
            if self.root.find(int(self.group[(end + self.count) % (2 * self.count)])) == large:
                self.refused.append((one, other))
                return
        self.root.join(a, b)
        kept = self.root.find(a)
        ends = self._ends(large) + self._ends(small)
        self.box[kept], self.ends[kept] = box, ends
        self.keyed[kept] = self.keyed[a] or self.keyed[b]

    def _ends(self, item: int) -> list[int]:
        if item not in self.ends:
            self.ends[item] = self.by_group[self.start[item] : self.start[item + 1]].tolist()
        return self.ends[item]

    def _box(self, item: int) -> NDArray[np.float64]:
        if item not in self.box:
            at = self.place[self._ends(item)]
            self.box[item] = np.concatenate([at.min(axis=0), at.max(axis=0)])
        return self.box[item]
