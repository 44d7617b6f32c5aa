"""In which order sites are visited, and by which crew on which day."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["order_stops", "split_days"]

_WINDOW = 120  # how far along the tour an exchange is looked for
_PASSES = 12
_ON_THE_WAY = 1e-9


def order_stops(points: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the stops in an order that makes a short round: nearest neighbour, then crossings taken out.

    Parameters
    ----------
    points : ndarray, n by 2
        East and north, metres.

    Returns
    -------
    ndarray of int, n
        Every stop once; the same whatever the order of the points.
    """
    if len(points) < 3:
        return np.lexsort((points[:, 1], points[:, 0])).astype(np.int64) if len(points) else np.zeros(0, dtype=np.int64)
    by_place = np.lexsort((points[:, 1], points[:, 0]))
    return np.asarray(by_place[_uncross(points[by_place], _nearest(points[by_place]))], dtype=np.int64)


def split_days(
    tour: NDArray[np.int64],
    points: NDArray[np.float64],
    stay_min: NDArray[np.float64],
    *,
    base: NDArray[np.float64] | None,
    metres_per_min: float,
    most_min: float,
) -> list[tuple[list[int], list[float]]]:
    """Return the tour cut into days, with the minute of each arrival; a day that one stop overfills stands alone.

    Parameters
    ----------
    tour : ndarray of int, n
        Order of the stops.
    points : ndarray, n by 2
        East and north, metres.
    stay_min : ndarray, n
        Minutes at each stop.
    base : ndarray of 2, or None
        Where every day begins and ends; none: at its first and last stop.
    metres_per_min : float
        Speed along the straight line.
    most_min : float
        Minutes of a day.

    Returns
    -------
    list of (stops, arrivals in minutes)
        Every stop in exactly one day.
    """
    days: list[tuple[list[int], list[float]]] = []
    for stop in tour.tolist():
        if days:
            stops, arrivals = days[-1]
            here = arrivals[-1] + stay_min[stops[-1]] + _minutes(points[stops[-1]], points[stop], metres_per_min)
            home = 0.0 if base is None else _minutes(points[stop], base, metres_per_min)
            if here + stay_min[stop] + home <= most_min:
                stops.append(stop)
                arrivals.append(here)
                continue
        days.append(([stop], [0.0 if base is None else _minutes(base, points[stop], metres_per_min)]))
    return days


def _minutes(one: NDArray[np.float64], other: NDArray[np.float64], metres_per_min: float) -> float:
    return float(np.hypot(*(one - other))) / metres_per_min


def _nearest(points: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return a tour that always goes to the nearest stop not yet visited."""
    count = len(points)
    tree, left = cKDTree(points), np.ones(count, dtype=bool)
    tour = np.zeros(count, dtype=np.int64)
    left[0] = False
    for step in range(1, count):
        wanted = 8
        while True:
            _, near = tree.query(points[tour[step - 1]], k=min(wanted, count))
            free = near[left[near]]
            if len(free):
                break
            wanted *= 4
        tour[step] = free[0]
        left[free[0]] = False
    return tour


def _uncross(points: NDArray[np.float64], tour: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the tour with pairs of legs exchanged while that makes it shorter."""
    for _ in range(_PASSES):
        is_better = False
        for first in range(len(tour) - 2):
            last = np.arange(first + 2, min(first + _WINDOW, len(tour)))
            a, b = points[tour[first]], points[tour[first + 1]]
            c = points[tour[last]]
            is_end = last + 1 >= len(tour)
            d = points[tour[np.where(is_end, last, last + 1)]]
            old = np.hypot(*(a - b)) + np.where(is_end, 0.0, np.hypot(*(c - d).T))
            new = np.hypot(*(a - c).T) + np.where(is_end, 0.0, np.hypot(*(b - d).T))
            best = int(np.argmin(new - old))
            if new[best] - old[best] < -_ON_THE_WAY:
                tour[first + 1 : last[best] + 1] = tour[first + 1 : last[best] + 1][::-1]
                is_better = True
        if not is_better:
            break
    return tour
