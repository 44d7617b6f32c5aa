"""Which lines lie within a radius of each point, how far off and where along: by a grid of short pieces of line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely

from outfall.network.ragged import spread

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from outfall.network.arrays import Reals

__all__ = ["Near", "Segments", "cut_segments", "find_near"]

_PAIRS = 2_000_000  # pairs of point and piece looked at together
_MASK = np.int64(2**31 - 1)


@dataclass(frozen=True, eq=False)
class Segments:
    """Straight parts of lines; one entry per segment, those of a line one after another.

    Parameters
    ----------
    line : ndarray of int
        Number of the line.
    start, step : ndarray of float, two columns
        Where the segment begins, and from there to its end; metres.
    along : ndarray of float, metres
        Plan length of the line before the segment.
    length : ndarray of float, metres
        Plan length of the segment.
    """

    line: NDArray[np.int64]
    start: Reals
    step: Reals
    along: Reals
    length: Reals


@dataclass(frozen=True, eq=False)
class Near:
    """Pairs of a point and a line near it, sorted by point and distance.

    Parameters
    ----------
    point, line : ndarray of int
        Their numbers.
    off, along : ndarray of float, metres
        Distance, and plan length along the line to the foot of the point.
    foot : ndarray of float, two columns
        The foot.
    turn : ndarray of float
        Above 0 where the point is left of the line, looking along it; in square metres per metre.
    """

    point: NDArray[np.int64]
    line: NDArray[np.int64]
    off: Reals
    along: Reals
    foot: Reals
    turn: Reals


def cut_segments(lines: NDArray[np.object_], numbers: NDArray[np.integer]) -> Segments:
    """Return the segments of lines.

    Parameters
    ----------
    lines : ndarray of LineString, metric CRS
        The lines.
    numbers : ndarray of int
        Number each of them is known by.

    Returns
    -------
    Segments
        Those without a length are left out.
    """
    place, owner = shapely.get_coordinates(lines, return_index=True)
    step = np.diff(place, axis=0)
    keep = np.flatnonzero(owner[1:] == owner[:-1]) if len(owner) else owner
    length = np.hypot(step[keep, 0], step[keep, 1])
    keep, length = keep[length > 0], length[length > 0]
    line = owner[keep]
    along = _along(line, length)
    return Segments(np.asarray(numbers, dtype=np.int64)[line], place[keep], step[keep], along, length)


def _along(line: NDArray[np.int64], length: Reals) -> Reals:
    """Return the length of each line before each of its segments; no line's figure depends on the others."""
    along = np.zeros(len(line))
    first = np.concatenate([[True], line[1:] != line[:-1]]) if len(line) else line.astype(bool)
    begins = np.flatnonzero(first)
    count = np.diff(np.append(begins, len(line)))
    longest = np.argsort(-count, kind="stable")
    begins, count = begins[longest], count[longest]
    for step in range(1, int(count.max(initial=0))):
        at = begins[: int(np.searchsorted(-count, -step, side="left"))] + step
        along[at] = along[at - 1] + length[at - 1]
    return along


def find_near(points: Reals, radius: Reals, segments: Segments, order: NDArray[np.integer]) -> Near:
    """Return every line within the radius of each point, at its nearest place.

    Parameters
    ----------
    points : ndarray of float, n rows of (east, north), metres
        The points.
    radius : ndarray of float, metres, n values
        How far to look from each.
    segments : Segments
        Of the lines.
    order : ndarray of int
        Decides, by the number of a line, between lines equally far.

    Returns
    -------
    Near
        Each line at most once for a point.
    """
    found = []
    scale = np.ceil(np.log2(np.maximum(radius, _least(segments, len(points)))))
    for size in np.unique(scale) if len(segments.line) else []:
        some = np.flatnonzero(scale == size)
        found += _search(points, radius, some, segments, float(2.0**size))
    none = np.zeros(0, dtype=np.int64)
    point = np.concatenate([none, *(part[0] for part in found)])
    seg = np.concatenate([none, *(part[1] for part in found)])
    share = np.concatenate([none.astype(float), *(part[2] for part in found)])
    off = np.concatenate([none.astype(float), *(part[3] for part in found)])
    line = segments.line[seg]
    best = np.lexsort((off, point * np.int64(len(order) + 1) + line))
    point, seg, share, off, line = point[best], seg[best], share[best], off[best], line[best]
    first = np.ones(len(point), dtype=bool)
    first[1:] = (point[1:] != point[:-1]) | (line[1:] != line[:-1])
    point, seg, share, off, line = point[first], seg[first], share[first], off[first], line[first]
    rank = np.lexsort((order[line], off, point))
    return _finish(points, segments, point[rank], seg[rank], share[rank], off[rank])


def _least(segments: Segments, count: int) -> float:
    """Return the smallest cell worth having: smaller ones would be more than the segments and points they hold."""
    return max(1e-3, float(segments.length.sum()) / (4.0 * (len(segments.length) + count + 1)))


def _search(
    points: Reals, radius: Reals, some: NDArray[np.int64], segments: Segments, reach: float
) -> list[tuple[NDArray[np.int64], NDArray[np.int64], Reals, Reals]]:
    """Return pairs (point, segment, share of it, distance) of points that look no farther than ``reach``."""
    cell = 2.0 * reach
    origin = points[some].min(axis=0) - cell
    key, seg = _fill(segments, reach, cell, origin, points[some].max(axis=0) + cell)
    mine = np.floor((points[some] - origin) / cell).astype(np.int64)
    asked = mine[:, 0] * (_MASK + 1) + mine[:, 1]
    low, high = np.searchsorted(key, asked, side="left"), np.searchsorted(key, asked, side="right")
    ends = np.cumsum(high - low)
    found = []
    begin = 0
    while begin < len(some):
        base = ends[begin - 1] if begin else 0
        stop = max(begin + 1, int(np.searchsorted(ends, base + _PAIRS, side="right")))
        row, at = spread(low[begin:stop], (high - low)[begin:stop])
        found.append(_measure(points, radius, some[begin:stop][row], seg[at], segments))
        begin = stop
    return found


def _fill(
    segments: Segments, reach: float, cell: float, origin: Reals, corner: Reals
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the cells from which a segment could be within reach, sorted, and the segments."""
    low = np.minimum(segments.start, segments.start + segments.step) - reach
    high = np.maximum(segments.start, segments.start + segments.step) + reach
    near = np.flatnonzero((low <= corner).all(axis=1) & (high >= origin).all(axis=1))
    number = np.maximum(np.ceil(segments.length[near] / (2.0 * cell)), 1).astype(np.int64)  # short pieces, small boxes
    row, piece = spread(np.zeros(len(near), dtype=np.int64), number)
    seg = near[row]
    begin = segments.start[seg] + segments.step[seg] * (piece / number[row])[:, None]
    end = segments.start[seg] + segments.step[seg] * ((piece + 1) / number[row])[:, None]
    first = np.floor((np.minimum(begin, end) - reach - origin) / cell).astype(np.int64)
    last = np.floor((np.maximum(begin, end) + reach - origin) / cell).astype(np.int64)
    wide = last - first + 1
    box, at = spread(np.zeros(len(seg), dtype=np.int64), wide[:, 0] * wide[:, 1])
    east, north = first[box, 0] + at // wide[box, 1], first[box, 1] + at % wide[box, 1]
    inside = np.flatnonzero((east >= 0) & (north >= 0))
    key, seg = east[inside] * (_MASK + 1) + north[inside], seg[box[inside]]
    order = np.argsort(key, kind="stable")
    return key[order], seg[order]


def _measure(
    points: Reals, radius: Reals, point: NDArray[np.int64], seg: NDArray[np.int64], segments: Segments
) -> tuple[NDArray[np.int64], NDArray[np.int64], Reals, Reals]:
    east, north = segments.step[seg, 0], segments.step[seg, 1]
    off_east = points[point, 0] - segments.start[seg, 0]
    off_north = points[point, 1] - segments.start[seg, 1]
    share = np.clip((off_east * east + off_north * north) / segments.length[seg] ** 2, 0.0, 1.0)
    off = np.hypot(off_east - share * east, off_north - share * north)
    keep = np.flatnonzero(off <= radius[point])
    return point[keep], seg[keep], share[keep], off[keep]


def _finish(
    points: Reals, segments: Segments, point: NDArray[np.int64], seg: NDArray[np.int64], share: Reals, off: Reals
) -> Near:
    """Add where along, the foot and the side; at a bend the side is that of the bisector."""
    along = segments.along[seg] + share * segments.length[seg]
    foot = segments.start[seg] + segments.step[seg] * share[:, None]
    unit = segments.step[seg] / segments.length[seg][:, None]
    beside = np.where(share <= 0, seg - 1, np.where(share >= 1, seg + 1, seg))
    other = np.clip(beside, 0, max(len(segments.line) - 1, 0))
    joins = (beside != seg) & (beside == other) & (segments.line[other] == segments.line[seg])
    unit = unit + np.where(joins[:, None], segments.step[other] / segments.length[other][:, None], 0.0)
    away = points[point] - foot
    turn = unit[:, 0] * away[:, 1] - unit[:, 1] * away[:, 0]
    return Near(point, segments.line[seg], off, along, foot, turn)
