"""How likely two sightings are one thing: position, attributes and how crowded the bank is."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely

from outfall.registry.attributes import WORDS, attribute_log_lr
from outfall.registry.seen import platforms, positions

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

__all__ = ["Matches", "match_pairs"]

_GATE = 8.0  # pairs farther apart than this many standard deviations are never one thing
_STRAY_SHARE, _STRAY_TIMES = 0.1, 3.0  # one position in ten is three times worse than its sigma says
_NEAR_M = 150.0  # how far along the bank crowding is counted
_BANK_M = 8.0  # how far outfalls stray from the line of the bank
_FOUND_SHARE = 0.6  # how often a survey that passes an outfall sees it
# As sightings of two surveys pair off one to one, the other hypothesis is that each survey missed what the other saw.
_MISSED = float(np.log(_FOUND_SHARE / (1.0 - _FOUND_SHARE) ** 2))
_SURE = 3.0
_LEAST_PAIRS = 8  # fewer sure pairs than this say nothing about the bias of a survey
_ROUNDS = 3
_MOST_STRETCH = 1.5  # of a sigma in one round


class Matches(NamedTuple):
    """Pairs of sightings that may be one thing.

    Parameters
    ----------
    left, right : ndarray of int, m
        Rows of the sightings; left is before right.
    log_odds : ndarray, m
        That they are one thing.
    reasons : mapping of str to ndarray, m
        Log likelihood ratios of position and of each attribute.
    points_m : ndarray, n by 2
        East and north without the bias of each survey.
    sigma_m : ndarray, n
        With what remains unknown of that bias.
    bias : list of (survey, east_m, north_m, pairs)
        What was estimated.
    """

    left: NDArray[np.int64]
    right: NDArray[np.int64]
    log_odds: NDArray[np.float64]
    reasons: dict[str, NDArray[np.float64]]
    points_m: NDArray[np.float64]
    sigma_m: NDArray[np.float64]
    bias: list[tuple[str, float, float, int]]


def match_pairs(seen: gpd.GeoDataFrame) -> Matches:
    """Return every pair that may be one thing, with its log odds.

    The log odds are a prior from how crowded the bank is (a second outfall close by is likelier where outfalls stand
    close), the likelihood ratio of the two positions as two-dimensional Gaussians with the sigma of each sighting, and
    one for each attribute. The offset that all positions of one survey share is estimated from sure pairs, where there
    are at least eight, as their median; all constants are our defaults.

    Parameters
    ----------
    seen : GeoDataFrame, n rows
        Ordered by id, all with a point; from seen.gather.

    Returns
    -------
    Matches
        Pairs ordered by row.
    """
    at, own = positions(seen), seen["sigma_m"].to_numpy(dtype=float)
    if not len(seen):
        return _nothing()
    names = sorted(set(seen["survey_id"].astype(str)))
    survey = np.searchsorted(names, seen["survey_id"].astype(str).to_numpy())
    default = seen["platform"].map({name: platform.bias_m for name, platform in platforms().items()}).to_numpy(float)
    unknown = np.array([default[survey == code].max() for code in range(len(names))])
    left, right = _near(at, np.hypot(own, unknown[survey]), survey)
    attributes = attribute_log_lr(seen, left, right)
    said = np.sum(list(attributes.values()), axis=0) if len(left) else np.zeros(0)
    crowd = _crowding(at, survey, left, right)
    shift, count, rest = np.zeros((len(names), 2)), np.zeros(len(names), dtype=int), unknown.copy()
    for _ in range(_ROUNDS):
        position = _position(at - shift[survey], np.hypot(own, rest[survey]), crowd, left, right)
        shift, count, rest = _bias(at, own, survey, unknown, left, right, position + said)
        own = own * _stretch(at - shift[survey], np.hypot(own, rest[survey]), survey, left, right, position + said)
    sigma = np.hypot(own, rest[survey])
    position = _position(at - shift[survey], sigma, crowd, left, right)
    bias = [(name, *map(float, shift[code]), int(count[code])) for code, name in enumerate(names) if count[code]]
    return Matches(left, right, position + said, {"position": position, **attributes}, at - shift[survey], sigma, bias)


def _nothing() -> Matches:
    rows, values = np.zeros(0, dtype=np.int64), np.zeros(0)
    reasons = {"position": values, **dict.fromkeys(WORDS, values)}
    return Matches(rows, rows, values, reasons, np.zeros((0, 2)), values, [])


def _near(
    at: NDArray[np.float64], sigma: NDArray[np.float64], survey: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return pairs of different surveys within the gate; a pair is found from the one that is less sure."""
    points = shapely.points(at)
    tree = shapely.STRtree(points)
    one, two = tree.query(points, predicate="dwithin", distance=_GATE * np.sqrt(2.0) * sigma)
    left, right = np.minimum(one, two), np.maximum(one, two)
    keep = survey[left] != survey[right]
    pairs = np.unique(np.column_stack([left[keep], right[keep]]), axis=0)
    gap = np.hypot(*(at[pairs[:, 0]] - at[pairs[:, 1]]).T)
    inside = gap <= _GATE * np.hypot(sigma[pairs[:, 0]], sigma[pairs[:, 1]])
    return pairs[inside, 0].astype(np.int64), pairs[inside, 1].astype(np.int64)


def _crowding(
    at: NDArray[np.float64], survey: NDArray[np.int64], left: NDArray[np.int64], right: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return for each pair how many other outfalls a metre of bank holds there, as the fuller survey saw them."""
    seen_by: dict[tuple[int, int], int] = {}
    points = shapely.points(at)
    for code in np.unique(survey):
        rows = np.flatnonzero(survey == code)
        tree = shapely.STRtree(points[rows])
        who, _ = tree.query(points, predicate="dwithin", distance=_NEAR_M)
        counts = np.bincount(who, minlength=len(at))
        seen_by.update({(int(code), row): int(count) for row, count in enumerate(counts) if count})
    there = [seen_by.get((int(survey[two]), int(one)), 0) for one, two in zip(left, right, strict=True)]
    here = [seen_by.get((int(survey[one]), int(two)), 0) for one, two in zip(left, right, strict=True)]
    others = np.maximum(np.maximum(there, here) - 0.5, 0.25) if len(left) else np.zeros(0)
    return others / (2.0 * _NEAR_M)


def _position(
    at: NDArray[np.float64],
    sigma: NDArray[np.float64],
    crowd: NDArray[np.float64],
    left: NDArray[np.int64],
    right: NDArray[np.int64],
) -> NDArray[np.float64]:
    gap2 = ((at[left] - at[right]) ** 2).sum(axis=1)
    variance = sigma[left] ** 2 + sigma[right] ** 2
    good = -gap2 / (2 * variance) - np.log(2 * np.pi * variance) + np.log(1 - _STRAY_SHARE)
    wide = variance * _STRAY_TIMES**2
    stray = -gap2 / (2 * wide) - np.log(2 * np.pi * wide) + np.log(_STRAY_SHARE)
    same = np.logaddexp(good, stray)
    other = np.log(crowd) - 0.5 * np.log(2 * np.pi * (variance + _BANK_M**2))
    return same - other + _MISSED


def _bias(
    at: NDArray[np.float64],
    own: NDArray[np.float64],
    survey: NDArray[np.int64],
    unknown: NDArray[np.float64],
    left: NDArray[np.int64],
    right: NDArray[np.int64],
    log_odds: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
    """Return the offset of each survey, from how many pairs, and what remains unknown of it."""
    size = len(unknown)
    matrix, aim = np.diag(1.0 / unknown**2), np.zeros((size, 2))
    count = np.zeros(size, dtype=int)
    sure = np.flatnonzero((log_odds > _SURE) & _is_mutual(survey, left, right, log_odds))
    # Rows are ordered by id, so either survey of a pair may be on the left: turn all of them one way.
    turned = survey[left[sure]] > survey[right[sure]]
    one_row, two_row = np.where(turned, right[sure], left[sure]), np.where(turned, left[sure], right[sure])
    keys = survey[one_row] * size + survey[two_row]
    for key in np.unique(keys):
        rows = np.flatnonzero(keys == key)
        if len(rows) < _LEAST_PAIRS:
            continue
        one, two = divmod(int(key), size)
        offset = np.median(at[one_row[rows]] - at[two_row[rows]], axis=0)
        spread = np.median(own[one_row[rows]] ** 2 + own[two_row[rows]] ** 2)
        weight = len(rows) / (np.pi / 2 * spread)
        matrix[[one, two], [one, two]] += weight
        matrix[one, two] -= weight
        matrix[two, one] -= weight
        aim[one] += weight * offset
        aim[two] -= weight * offset
        count[[one, two]] += len(rows)
    inverse = np.linalg.inv(matrix)
    # A bias all surveys share moves every outfall and no pair: what counts here is what differs between surveys.
    shared = 1.0 / (1.0 / unknown**2).sum()
    rest = np.sqrt(np.maximum(np.diag(inverse) - shared, 0.0))
    return inverse @ aim, count, np.where(count > 0, rest, unknown)


def _stretch(
    at: NDArray[np.float64],
    sigma: NDArray[np.float64],
    survey: NDArray[np.int64],
    left: NDArray[np.int64],
    right: NDArray[np.int64],
    log_odds: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return for each sighting how much too small the sigmas of its survey are, from the gaps of likely pairs."""
    likely = (log_odds > 0.0) & _is_mutual(survey, left, right, log_odds)
    gap2 = ((at[left[likely]] - at[right[likely]]) ** 2).sum(axis=1)
    times = gap2 / (sigma[left[likely]] ** 2 + sigma[right[likely]] ** 2) / (2.0 * np.log(2.0))
    found = np.ones(int(survey.max(initial=0)) + 1)
    for code in range(len(found)):
        mine = times[(survey[left[likely]] == code) | (survey[right[likely]] == code)]
        if len(mine) >= _LEAST_PAIRS:
            found[code] = float(np.sqrt(np.clip(np.median(mine), 1.0, _MOST_STRETCH**2)))
    return found[survey]


def _is_mutual(
    survey: NDArray[np.int64], left: NDArray[np.int64], right: NDArray[np.int64], log_odds: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Return which pairs are the best either side has in the other's survey."""
    size = int(survey.max(initial=0)) + 1
    best: dict[int, float] = {}
    mine, theirs = left * size + survey[right], right * size + survey[left]
    for key, value in zip(np.concatenate([mine, theirs]), np.concatenate([log_odds, log_odds]), strict=True):
        best[int(key)] = max(best.get(int(key), -np.inf), float(value))
    return np.array(
        [
            value >= best[int(one)] and value >= best[int(two)]
            for one, two, value in zip(mine, theirs, log_odds, strict=True)
        ],
        dtype=bool,
    )
