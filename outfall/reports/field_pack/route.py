"""In which order does a team visit its points: the nearest next, then uncrossed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

if TYPE_CHECKING:
    import geopandas as gpd

__all__ = ["visit_order"]

_FEW = 250  # points a route of which is uncrossed; more are only chained
_ROUNDS = 12


def visit_order(points: gpd.GeoSeries) -> list[int]:
    """Return positions of the points in an order to visit them, those without a place left out.

    Parameters
    ----------
    points : GeoSeries, n rows, Point or none, degrees
        What is to be visited.

    Returns
    -------
    list of int
        Starts at the westernmost; the same for the same set of points, whatever their order of rows.

    Examples
    --------
    >>> import geopandas as gpd
    >>> visit_order(gpd.GeoSeries(gpd.points_from_xy([114.3, 114.1, 114.2], [30, 30, 30]), crs=4490))
    [1, 2, 0]
    """
    shapes = np.asarray(points)
    known = np.array([at for at, shape in enumerate(shapes) if shape is not None and not shape.is_empty], dtype=int)
    if not len(known):
        return []
    lon, lat = shapely.get_x(shapes[known]), shapely.get_y(shapes[known])
    rank = np.lexsort((lat, lon))
    known = known[rank]
    places = np.column_stack([lon[rank] * np.cos(np.radians(np.mean(lat))), lat[rank]])
    order = _chain(places)
    if len(order) <= _FEW:
        order = _uncross(order, places)
    return [int(known[at]) for at in order]


def _chain(places: np.ndarray) -> list[int]:
    left = np.ones(len(places), dtype=bool)
    order = [0]
    left[0] = False
    while left.any():
        gap = np.hypot(*(places - places[order[-1]]).T)
        gap[~left] = np.inf
        order.append(int(np.argmin(gap)))
        left[order[-1]] = False
    return order


def _uncross(order: list[int], places: np.ndarray) -> list[int]:
    """Return the order with crossings turned round, the start kept."""
    gaps = np.hypot(*(places[:, None] - places[None]).transpose(2, 0, 1))
    for _ in range(_ROUNDS):
        is_better = False
        for first in range(1, len(order) - 1):
            for last in range(first + 1, len(order)):
                before, start, end = order[first - 1], order[first], order[last]
                after = order[last + 1] if last + 1 < len(order) else None
                now = gaps[before, start] + (gaps[end, after] if after is not None else 0.0)
                then = gaps[before, end] + (gaps[start, after] if after is not None else 0.0)
                if then < now - 1e-12:
                    order = [*order[:first], *reversed(order[first : last + 1]), *order[last + 1 :]]
                    is_better = True
        if not is_better:
            break
    return order
