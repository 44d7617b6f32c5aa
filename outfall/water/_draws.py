"""How places are drawn with given probabilities: pivotal, hierarchical or without order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["draw_grts", "draw_pivotal", "draw_simple", "inclusion_shares"]

_SURE = 1e-9


def inclusion_shares(weight: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Return probabilities that sum to the count, in proportion to the weights, none above 1."""
    share, free, left = np.zeros(len(weight)), weight > 0, float(min(count, int((weight > 0).sum())))
    while left > _SURE and free.any():
        share[free] = left * weight[free] / weight[free].sum()
        full = free & (share >= 1.0)
        if not full.any():
            break
        share[full] = 1.0
        free &= ~full
        left -= float(full.sum())
    return share


def draw_pivotal(
    points: NDArray[np.float64], share: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Local pivotal method: a place and its nearest neighbour fight until one is in or out."""
    p = share.copy()
    open_ = np.flatnonzero((p > _SURE) & (p < 1 - _SURE))
    while len(open_) > 1:
        tree, left = cKDTree(points[open_]), np.ones(len(open_), dtype=bool)
        for at in rng.permutation(len(open_)):
            if not left[at]:
                continue
            other = _free_neighbour(tree, points[open_[at]], left, at)
            if other < 0:
                break
            one, two = int(open_[at]), int(open_[other])
            p[one], p[two] = _fight(p[one], p[two], rng)
            left[at] = _SURE < p[one] < 1 - _SURE
            left[other] = _SURE < p[two] < 1 - _SURE
            if left.sum() < len(left) / 2:
                break  # a smaller tree finds neighbours sooner
        open_ = open_[left]
    if len(open_):
        p[open_] = rng.random() < p[open_]
    return np.flatnonzero(p > 0.5)


def _free_neighbour(tree: cKDTree, point: NDArray[np.float64], left: NDArray[np.bool_], at: int) -> int:
    wanted = 8
    while True:
        _, near = tree.query(point, k=min(wanted, len(left)))
        free = [int(n) for n in np.atleast_1d(near) if left[n] and n != at]
        if free:
            return free[0]
        if wanted >= len(left):
            return -1
        wanted *= 4


def _fight(one: float, two: float, rng: np.random.Generator) -> tuple[float, float]:
    total = one + two
    if total < 1.0:
        return (total, 0.0) if rng.random() < one / total else (0.0, total)
    return (1.0, total - 1.0) if rng.random() < (1.0 - two) / (2.0 - total) else (total - 1.0, 1.0)


def draw_grts(points: NDArray[np.float64], share: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Systematic draw along a random hierarchical order, given back in reverse hierarchical order."""
    low = points.min(axis=0)
    size = max(float(np.ptp(points, axis=0).max()), 1.0)
    cell = np.minimum(((points - low) / size * 2**12).astype(np.int64), 2**12 - 1)
    address = np.zeros(len(points), dtype=np.int64)
    shuffles: dict[tuple[int, int], NDArray[np.int64]] = {}
    for level in range(11, -1, -1):
        quadrant = ((cell[:, 0] >> level) & 1) * 2 + ((cell[:, 1] >> level) & 1)
        digits = np.empty(len(points), dtype=np.int64)
        for parent in np.unique(address):
            mine = address == parent
            digits[mine] = shuffles.setdefault((level, int(parent)), rng.permutation(4))[quadrant[mine]]
        address = address * 4 + digits
        if len(np.unique(address)) == len(points):
            address <<= 2 * level
            break
    order = np.lexsort((rng.random(len(points)), address))
    drawn = order[_systematic(share[order], rng)]
    return np.asarray(drawn[np.argsort([_reversed(k) for k in range(len(drawn))], kind="stable")], dtype=np.int64)


def _reversed(number: int) -> float:
    """Return a number with its base-4 digits mirrored at the point, so that any first part of a list is spread."""
    found, scale = 0.0, 0.25
    while number:
        number, digit = divmod(number, 4)
        found, scale = found + digit * scale, scale / 4
    return found


def draw_simple(points: NDArray[np.float64], share: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Systematic draw in random order: no balance, for comparison."""
    order = rng.permutation(len(points))
    return np.asarray(np.sort(order[_systematic(share[order], rng)]), dtype=np.int64)


def _systematic(share: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.int64]:
    ends = np.cumsum(share)
    marks = rng.random() + np.arange(int(np.ceil(ends[-1])) + 1)
    hit = np.searchsorted(ends, marks[marks < ends[-1] - _SURE], side="right")
    return np.unique(np.minimum(hit, len(share) - 1))
