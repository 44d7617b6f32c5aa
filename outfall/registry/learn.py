"""What the sightings themselves say about their surveys: offsets, true sigmas, misses, wrong words, crowding."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from outfall.registry.attributes import learn_right
from outfall.registry.facts import across_river

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from outfall.registry.attributes import Attribute
    from outfall.registry.facts import Model

__all__ = ["Near", "Surveys", "crowding", "learn", "neighbours", "start"]

_NEAR_M = 100.0  # how far around crowding is counted
_GAPS_M = np.array([0.0, 1.0, 2.0, 3.0, 4.5, 6.0, 8.0, 11.0, 15.0, 22.0, 35.0, 60.0, 100.0])
_CLOSE_M = 15.0  # neighbours nearer than this may be the thing itself
_LEAST_PAIRS = 8  # fewer sure pairs than this say nothing about the offset of a survey
_FOUND_SHARE, _FALSE_SHARE = 0.5, 0.05
_FEW = 20.0  # pairs our defaults count for
_MOST_STRETCH = 2.0  # of a sigma in one round


class Surveys(NamedTuple):
    """Who saw what, as numbers.

    Parameters
    ----------
    at_m : ndarray, n by 2
        East and north as measured, from the middle of the data.
    sigma_m : ndarray, n
        As stated.
    survey, platform : ndarray of int, n
        Their numbers.
    names : list of str
        Of the surveys.
    bias_m, twice_share : ndarray, surveys
        Our defaults for the platform of each.
    """

    at_m: NDArray[np.float64]
    sigma_m: NDArray[np.float64]
    survey: NDArray[np.int64]
    platform: NDArray[np.int64]
    names: list[str]
    bias_m: NDArray[np.float64]
    twice_share: NDArray[np.float64]


class Near(NamedTuple):
    """Pairs of sightings within 100 m, and who passed where: a survey passed where it saw something within 100 m.

    ``others`` counts sightings 15 to 100 m away.
    """

    left: NDArray[np.int64]
    right: NDArray[np.int64]
    gap_m: NDArray[np.float64]
    across_m: NDArray[np.float64]
    row: NDArray[np.int64]
    passed: NDArray[np.int64]
    others: NDArray[np.int64]


def neighbours(surveys: Surveys, heading: NDArray[np.float64]) -> Near:
    """Return pairs of sightings within 100 m, and for each sighting the surveys around it with their counts."""
    if not len(surveys.at_m):
        none, nothing = np.zeros(0, dtype=np.int64), np.zeros(0)
        return Near(none, none, nothing, nothing, none, none, none)
    pairs = cKDTree(surveys.at_m).query_pairs(_NEAR_M, output_type="ndarray").astype(np.int64)
    pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
    left, right = pairs[:, 0], pairs[:, 1]
    gap = np.hypot(*(surveys.at_m[left] - surveys.at_m[right]).T)
    size, far = len(surveys.names), gap > _CLOSE_M
    own = np.arange(len(surveys.at_m)) * size + surveys.survey
    there = np.concatenate([left * size + surveys.survey[right], right * size + surveys.survey[left]])
    keys, at = np.unique(np.concatenate([own, there]), return_inverse=True)
    count = np.bincount(at[len(own) :][np.concatenate([far, far])], minlength=len(keys))
    across = np.sqrt(across_river(surveys.at_m[left] - surveys.at_m[right], heading[left] + heading[right]))
    return Near(left, right, gap, across, keys // size, keys % size, count)


def crowding(
    near: Near, surveys: Surveys, model: Model
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return how crowded a metre of river is around each sighting, and how likely a thing there is seen by nobody else.

    Returns
    -------
    tuple of ndarray, n
        Things per metre; log odds that all surveys miss a thing; the same or that the sighting is no thing at all.
    """
    found, size = model.found_share[near.passed], len(surveys.at_m)
    others = np.bincount(near.row, near.others, size).astype(float)
    whole = np.bincount(near.row, found, size)
    per_m = (others + 0.5) / (whole * 2.0 * (_NEAR_M - _CLOSE_M))
    missed = np.bincount(near.row, np.log(1.0 - found), size).astype(float)
    false = model.false_share[surveys.platform]
    clutter = np.log((1.0 - model.found_share[surveys.survey]) * false / (1.0 - false))
    return per_m, missed, np.logaddexp(missed, clutter)


def start(surveys: Surveys, attributes: list[Attribute], platforms: int) -> Model:
    """Return our defaults, before anything is learned."""
    from outfall.registry.facts import Model

    size = len(surveys.names)
    return Model(
        attributes=attributes,
        right=[np.full(platforms, attribute.right) for attribute in attributes],
        alike=np.full(len(attributes), 0.1),
        shift_m=np.zeros((size, 2)),
        rest_m=surveys.bias_m.copy(),
        pairs=np.zeros(size, dtype=np.int64),
        stretch=np.ones(platforms),
        found_share=np.full(size, _FOUND_SHARE),
        false_share=np.full(platforms, _FALSE_SHARE),
        gap_m=_GAPS_M,
        extra_per_m=np.zeros(len(_GAPS_M)),
    )


def learn(
    model: Model,
    surveys: Surveys,
    near: Near,
    label: NDArray[np.int64],
    sure: tuple[NDArray[np.int64], NDArray[np.int64]],
) -> Model:
    """Return what groups found so far say about the surveys.

    Parameters
    ----------
    model : Model
        The last estimate.
    surveys : Surveys
        Who saw what.
    near : Near
        Pairs within 100 m.
    label : ndarray of int, n
        The group of each sighting.
    sure : two ndarrays of int
        Pairs of sightings of different surveys that are one thing.

    Returns
    -------
    Model
        Every estimate shrinks to our default where pairs are few.
    """
    shift, rest, pairs = _offsets(model, surveys, sure)
    model = model._replace(shift_m=shift, rest_m=rest, pairs=pairs)
    model = model._replace(stretch=_stretch(model, surveys, sure), found_share=_found(surveys, near, label))
    model = model._replace(false_share=_false(model, surveys, near, label))
    words = zip(model.attributes, model.right, strict=True)
    right = [learn_right(attribute, surveys.platform, sure, before) for attribute, before in words]
    model = model._replace(right=right)
    return model._replace(extra_per_m=_extra(model, surveys, near), alike=_alike(model, surveys, near))


def _offsets(
    model: Model, surveys: Surveys, sure: tuple[NDArray[np.int64], NDArray[np.int64]]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Return the offset of each survey, what remains unknown of it, and from how many pairs: medians, then one system."""
    size, unknown = len(surveys.names), surveys.bias_m
    matrix, aim, count = np.diag(1.0 / unknown**2), np.zeros((size, 2)), np.zeros(size, dtype=np.int64)
    turned = surveys.survey[sure[0]] > surveys.survey[sure[1]]
    one, two = np.where(turned, sure[1], sure[0]), np.where(turned, sure[0], sure[1])
    keys = surveys.survey[one] * size + surveys.survey[two]
    order = np.argsort(keys, kind="stable")
    names, first = np.unique(keys[order], return_index=True)
    variance = (surveys.sigma_m * model.stretch[surveys.platform]) ** 2
    for key, rows in zip(names.tolist(), np.split(order, first[1:])[: len(names)], strict=True):
        if len(rows) < _LEAST_PAIRS:
            continue
        a, b = divmod(key, size)
        spread = variance[one[rows]] + variance[two[rows]]
        offset = _weighted_median(surveys.at_m[one[rows]] - surveys.at_m[two[rows]], spread**-0.5)
        weight = (1.0 / spread).sum() / (np.pi / 2)
        matrix[[a, b], [a, b]] += weight
        matrix[a, b] -= weight
        matrix[b, a] -= weight
        aim[a] += weight * offset
        aim[b] -= weight * offset
        count[[a, b]] += len(rows)
    inverse = np.linalg.inv(matrix)
    # An offset all linked surveys share moves every outfall and no pair: what counts is what differs between them.
    _, part = connected_components(csr_matrix(matrix != 0.0), directed=False)
    shared = 1.0 / np.bincount(part, 1.0 / unknown**2)[part]
    rest = np.sqrt(np.maximum(np.diag(inverse) - shared, 0.0))
    return inverse @ aim, np.where(count > 0, rest, unknown), count


def _weighted_median(values: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    found = np.zeros(values.shape[1])
    for column in range(values.shape[1]):
        order = np.argsort(values[:, column], kind="stable")
        share = np.cumsum(weight[order]) - 0.5 * weight[order]
        found[column] = np.interp(0.5 * weight.sum(), share, values[order, column])
    return found


def _stretch(model: Model, surveys: Surveys, sure: tuple[NDArray[np.int64], NDArray[np.int64]]) -> NDArray[np.float64]:
    """Return by what the sigmas each platform states have to be multiplied, from the gaps of sure pairs."""
    left, right = sure
    found = model.stretch.copy()
    moved = surveys.at_m - model.shift_m[surveys.survey]
    gap2 = ((moved[left] - moved[right]) ** 2).sum(axis=1)
    rest2 = model.rest_m[surveys.survey[left]] ** 2 + model.rest_m[surveys.survey[right]] ** 2
    one, two = surveys.platform[left], surveys.platform[right]
    for _ in range(3):
        own = (surveys.sigma_m[left] * found[one]) ** 2, (surveys.sigma_m[right] * found[two]) ** 2
        times = gap2 / (own[0] + own[1] + rest2) / (2.0 * np.log(2.0))
        before = found.copy()
        for code in range(len(found)):
            mine = np.concatenate([times[one == code], times[two == code]])
            share = np.concatenate(
                [(own[0] / (own[0] + own[1]))[one == code], (own[1] / (own[0] + own[1]))[two == code]]
            )
            if len(mine) < _LEAST_PAIRS:
                continue
            # Pairs in which this platform's own error matters most say most about it.
            ratio = float(_weighted_median(mine[:, None], share)[0])
            trust = share.sum() / (share.sum() + _FEW / 4)
            found[code] = before[code] * float(np.clip(ratio, _MOST_STRETCH**-2, _MOST_STRETCH**2)) ** (0.5 * trust)
    return np.clip(found, 0.2, 6.0)


def _found(surveys: Surveys, near: Near, label: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return how often each survey sees what it passes: of things two others saw where it passed (one, if few)."""
    size = len(surveys.names)
    seen = np.unique(label * size + surveys.survey)
    passed = np.unique(label[near.row] * size + near.passed)
    by = np.bincount(seen // size, minlength=len(label))
    hit = np.isin(passed, seen, assume_unique=True)
    survey, others = passed % size, by[passed // size] - hit
    tried, hits = np.zeros((2, size)), np.zeros((2, size))
    for row, least in enumerate((1, 2)):
        tried[row] = np.bincount(survey[others >= least], minlength=size)
        hits[row] = np.bincount(survey[hit & (others >= least)], minlength=size)
    some = (tried[1] >= _FEW).astype(int)
    at = np.arange(size)
    return np.clip((hits[some, at] + 5.0 * _FOUND_SHARE) / (tried[some, at] + 5.0), 0.05, 0.95)


def _false(model: Model, surveys: Surveys, near: Near, label: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return how many sightings of each platform are no thing: what is seen once oftener than misses explain."""
    size = len(label)
    missed = crowding(near, surveys, model)[1] - np.log(1.0 - model.found_share[surveys.survey])
    again = 1.0 - np.exp(missed)
    asked = again > 0.3
    several = np.bincount(label, minlength=size)[label] > 1
    count, platforms_ = np.bincount(surveys.platform[asked], minlength=len(model.stretch)), len(model.stretch)
    real = np.bincount(surveys.platform[asked & several], 1.0 / again[asked & several], platforms_)
    return np.clip((np.maximum(count - real, 0.0) + _FALSE_SHARE * _FEW) / (count + _FEW), 0.005, 0.5)


def _within(surveys: Surveys, near: Near) -> NDArray[np.bool_]:
    """Return near pairs of one survey that sees no thing twice: they are two things."""
    survey = surveys.survey[near.left]
    return (survey == surveys.survey[near.right]) & (surveys.twice_share[survey] == 0.0)


def _extra(model: Model, surveys: Surveys, near: Near) -> NDArray[np.float64]:
    """Return how many more things than elsewhere stand beside a thing on its bank, per metre, as single surveys see them."""
    inside = _within(surveys, near)
    spread = np.hypot(surveys.sigma_m[near.left], surveys.sigma_m[near.right])
    inside &= near.across_m < 5.0 + 2.0 * spread
    along = np.sqrt(np.maximum(near.gap_m**2 - near.across_m**2, 0.0))[inside]
    edges = np.concatenate([[0.0], (_GAPS_M[1:] + _GAPS_M[:-1]) / 2, [_NEAR_M]])
    asked = surveys.twice_share[surveys.survey] == 0.0
    found = model.found_share[surveys.survey][asked]
    width = np.diff(edges)
    expected = 0.5 * float((crowding(near, surveys, model)[0][asked] * found).sum()) * width
    return (np.histogram(along, edges)[0] - expected) / (float(found.sum()) * width + _FEW)


def _alike(model: Model, surveys: Surveys, near: Near) -> NDArray[np.float64]:
    """Return by attribute how often neighbours share a value beyond chance."""
    inside = _within(surveys, near) & (near.gap_m < _CLOSE_M)
    left, right = near.left[inside], near.right[inside]
    found = []
    for attribute, share in zip(model.attributes, model.right, strict=True):
        both = (attribute.code[left] >= 0) & (attribute.code[right] >= 0)
        one, two = attribute.code[left[both]], attribute.code[right[both]]
        said = attribute.often @ attribute.heard
        chance, same = float((said**2).sum()), float(attribute.often @ (attribute.heard**2).sum(axis=1))
        both_right = share[surveys.platform[left[both]]] * share[surveys.platform[right[both]]]
        expected = float((both_right * (same - chance)).sum())
        beyond = float((one == two).sum()) - chance * len(one)
        found.append(float(np.clip((beyond + 0.1 * _FEW) / (expected + _FEW), 0.02, 0.8)))
    return np.array(found)
