"""Which marks on overlapping frames agree, one to one, once the error that a whole frame shares is taken off.

All marks of one frame share the error of its camera: where two frames show the same neighbours, the pattern tells them
apart although the ellipses of neighbours overlap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array, eye_array
from scipy.sparse.linalg import spsolve
from scipy.spatial import cKDTree

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["Fact", "group_marks"]

_ROUNDS = 5
# Our defaults (no standard): how much smaller than its whole ellipse the error of a mark within its frame is at first,
# how many agreeing pairs per unknown shift it takes to learn that from the flight, and how small it can get.
_OWN_SHARE, _LEAST_PAIRS, _LEAST_SCALE, _SLACK = 0.25, 2.0, 0.1, 4.0
_MEDIAN = 1.1774  # of the length of a standard normal vector in two dimensions


class Fact(NamedTuple):
    """What keeps two marks apart: another flight, the same photo, another class, warm against cold."""

    survey: str
    photos: frozenset[str]
    kind: str | None
    sign: float

    def may_be(self, other: Fact) -> bool:
        """Tell whether two marks may be one thing."""
        is_same_kind = self.kind is None or other.kind is None or self.kind == other.kind
        has_photos = bool(self.photos) and bool(other.photos) and not self.photos & other.photos
        return self.survey == other.survey and has_photos and is_same_kind and self.sign == other.sign


class _Pairs(NamedTuple):
    """Pairs of marks that may be one thing (first below second), and the covariance of their distance."""

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    joint: NDArray[np.float64]


def group_marks(
    places: NDArray[np.float64],
    covariance: NDArray[np.float64],
    facts: Sequence[Fact],
    names: Sequence[str],
    *,
    most_sigmas: float,
) -> list[list[int]]:
    """Return the rows of each thing; at most one mark per photo in each.

    Parameters
    ----------
    places : array of float, n x 2
        East and north in metres.
    covariance : array of float, n x 2 x 2
        Of each place.
    facts : sequence of Fact, n
        What keeps marks apart.
    names : sequence of str, n
        Settle ties, so that the order of rows does not matter.
    most_sigmas : float
        Largest distance of two marks of one thing, in standard deviations of their distance.

    Returns
    -------
    list of lists of int
        Every row once.

    Examples
    --------
    >>> places = np.array([[0.0, 0.0], [3.0, 0.0], [2.0, 0.0], [5.0, 0.0]])
    >>> facts = [Fact("f", frozenset({photo}), None, 0.0) for photo in ("a", "a", "b", "b")]
    >>> group_marks(places, np.tile(4 * np.eye(2), (4, 1, 1)), facts, list("pqrs"), most_sigmas=3.0)
    [[0, 2], [1, 3]]
    """
    pairs = _candidates(places, covariance, facts, most_sigmas)
    if not len(pairs.first):
        return [[row] for row in range(len(places))]
    frames, frame_of = _frames(facts)
    shift, scale = np.zeros((len(frames), 2)), 1.0
    away = _distance(places, pairs)
    chosen = _match(pairs, away, frame_of, most_sigmas)
    for _ in range(_ROUNDS):
        shift = _shifts(places, covariance, pairs, chosen, frame_of, len(frames))
        away = _distance(places - shift[frame_of], pairs)
        scale = _scale(away[chosen], pairs, chosen, frame_of)
        chosen = _match(pairs, away, frame_of, most_sigmas * np.sqrt(scale))
    gate = most_sigmas * float(np.sqrt(scale))
    return _join(pairs, away, chosen, gate, names)


def _candidates(
    places: NDArray[np.float64], covariance: NDArray[np.float64], facts: Sequence[Fact], most_sigmas: float
) -> _Pairs:
    widest = float(np.sqrt(2 * np.nanmax(np.trace(covariance, axis1=1, axis2=2))))
    near = cKDTree(places).query_pairs(most_sigmas * widest, output_type="ndarray")
    near = near[np.lexsort(near.T[::-1])] if len(near) else near.reshape(0, 2)
    pairs = _Pairs(near[:, 0], near[:, 1], covariance[near[:, 0]] + covariance[near[:, 1]])
    good = _distance(places, pairs) <= most_sigmas
    good[good] = [facts[a].may_be(facts[b]) for a, b in near[good]]
    return _Pairs(pairs.first[good], pairs.second[good], pairs.joint[good])


def _frames(facts: Sequence[Fact]) -> tuple[list[tuple[str, ...]], NDArray[np.int64]]:
    keys = [(fact.survey, *sorted(fact.photos)) for fact in facts]
    frames = sorted(set(keys))
    at = {key: number for number, key in enumerate(frames)}
    return frames, np.array([at[key] for key in keys], dtype=np.int64)


def _distance(places: NDArray[np.float64], pairs: _Pairs) -> NDArray[np.float64]:
    apart = places[pairs.first] - places[pairs.second]
    return np.sqrt(np.einsum("ni,ni->n", apart, np.linalg.solve(pairs.joint, apart[..., None])[..., 0]))


def _match(pairs: _Pairs, away: NDArray[np.float64], frame_of: NDArray[np.int64], gate: float) -> NDArray[np.bool_]:
    """Return which pairs are chosen where every two frames are matched one to one; nothing beyond the gate is."""
    ends = np.sort(np.column_stack([frame_of[pairs.first], frame_of[pairs.second]]), axis=1)
    key = ends[:, 0] * (int(frame_of.max()) + 1) + ends[:, 1]
    is_good = away <= gate
    order = np.lexsort((np.arange(len(key)), key))
    chosen = np.zeros(len(key), dtype=bool)
    for part in np.split(order, np.flatnonzero(np.diff(key[order])) + 1):
        part = part[is_good[part]]  # noqa: PLW2901
        if len(part) <= 1:
            chosen[part] = True
            continue
        swap = frame_of[pairs.first[part]] > frame_of[pairs.second[part]]
        one = np.where(swap, pairs.second[part], pairs.first[part])
        other = np.where(swap, pairs.first[part], pairs.second[part])
        rows, row = np.unique(one, return_inverse=True)
        cols, col = np.unique(other, return_inverse=True)
        cost = np.zeros((len(rows), len(cols)))
        cost[row, col] = away[part] ** 2 - gate**2 - 1e-9
        lot = dict(zip(zip(row.tolist(), col.tolist(), strict=True), part.tolist(), strict=True))
        for best in zip(*(side.tolist() for side in linear_sum_assignment(cost)), strict=True):
            if best in lot:
                chosen[lot[best]] = True
    return chosen


def _shifts(
    places: NDArray[np.float64],
    covariance: NDArray[np.float64],
    pairs: _Pairs,
    chosen: NDArray[np.bool_],
    frame_of: NDArray[np.int64],
    count: int,
) -> NDArray[np.float64]:
    """Return the shift of each frame that makes chosen pairs agree, drawn to zero by what the ellipses allow."""
    one, other = frame_of[pairs.first[chosen]], frame_of[pairs.second[chosen]]
    apart = places[pairs.first[chosen]] - places[pairs.second[chosen]]
    weight = 2 / np.maximum(np.trace(pairs.joint[chosen], axis1=1, axis2=2) * _OWN_SHARE, 1e-6)
    variance = np.trace(covariance, axis1=1, axis2=2) / 2
    hold = np.bincount(frame_of, minlength=count) / np.maximum(np.bincount(frame_of, variance, minlength=count), 1e-9)
    both = (np.concatenate([one, other, one, other]), np.concatenate([one, other, other, one]))
    normal = coo_array((np.concatenate([weight, weight, -weight, -weight]), both), shape=(count, count))
    matrix = (normal + eye_array(count).multiply(hold[:, None])).tocsc()
    right = np.zeros((count, 2))
    np.add.at(right, one, weight[:, None] * apart)
    np.add.at(right, other, -weight[:, None] * apart)
    return np.column_stack([spsolve(matrix, right[:, axis]) for axis in (0, 1)])


def _scale(away: NDArray[np.float64], pairs: _Pairs, chosen: NDArray[np.bool_], frame_of: NDArray[np.int64]) -> float:
    """Return how much smaller than told the variances of matched pairs are, shifts taken off; 1 where too few tell."""
    ends = np.concatenate([frame_of[pairs.first[chosen]], frame_of[pairs.second[chosen]]])
    unknown = len(np.unique(ends)) - 1
    free = len(away) - unknown
    if unknown < 1 or free < _LEAST_PAIRS * unknown or free < 10:
        return 1.0
    spread = (float(np.median(away)) / _MEDIAN) ** 2 * len(away) / free
    return float(np.clip(_SLACK * spread, _LEAST_SCALE, 1.0))


def _join(
    pairs: _Pairs, away: NDArray[np.float64], chosen: NDArray[np.bool_], gate: float, names: Sequence[str]
) -> list[list[int]]:
    """Return groups: matched pairs first, the closest before the others; all members of a group agree with each other."""
    good = {
        (int(a), int(b)): (not is_chosen, round(float(value), 9))
        for a, b, value, is_chosen in zip(pairs.first, pairs.second, away, chosen, strict=True)
        if value <= gate
    }
    home = {row: [row] for row in range(len(names))}
    for a, b in sorted(good, key=lambda pair: (*good[pair], *sorted((names[pair[0]], names[pair[1]])))):
        one, other = home[a], home[b]
        if one is not other and all((min(i, j), max(i, j)) in good for i in one for j in other):
            one.extend(other)
            for row in other:
                home[row] = one
    return [sorted(members) for members in {id(held): held for held in home.values()}.values()]
