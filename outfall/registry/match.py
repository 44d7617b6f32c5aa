"""Which sightings are one thing: odds from position and words, learned from the surveys themselves, and the groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.spatial import cKDTree

from outfall.registry.attributes import likelihoods, read_attributes
from outfall.registry.cluster import grow, settle
from outfall.registry.facts import Facts, Model
from outfall.registry.learn import Near, Surveys, crowding, learn, neighbours, start
from outfall.registry.murky import find_murk, hold
from outfall.registry.proofs import read_proofs
from outfall.registry.seen import platforms, positions
from outfall.registry.state import Links, State
from outfall.registry.steps import directions

if TYPE_CHECKING:
    from collections.abc import Iterable

    import geopandas as gpd
    from numpy.typing import NDArray

    from outfall.network import Network

__all__ = ["Matches", "match_things"]

_GATE = 8.0  # pairs farther apart than this many standard deviations are never one thing
_NEAREST = 40  # sightings a sighting is compared with
_ROUNDS = 4
_SURE = 1.0


class Matches(NamedTuple):
    """Groups of sightings that are one thing, and all that was learned on the way.

    Parameters
    ----------
    state : State
        The groups; ask it what joining or parting would gain.
    surveys : Surveys
        Who saw what.
    fixed : ndarray of bool, n
        Sightings people put together.
    points_m : ndarray, n by 2
        East and north without the offset of each survey.
    sigma_m : ndarray, n
        With the learned scale and what remains unknown of that offset.
    """

    state: State
    surveys: Surveys
    fixed: NDArray[np.bool_]
    points_m: NDArray[np.float64]
    sigma_m: NDArray[np.float64]


def match_things(
    seen: gpd.GeoDataFrame,
    network: Network,
    *,
    least: float,
    same: Iterable[tuple[int, int]] = (),
    different: Iterable[tuple[int, int]] = (),
) -> Matches:
    """Return which sightings are one thing.

    In turns: groups are grown from the surest pairs, and from the groups are learned the offset of each survey (medians
    of sure pairs, one linear system), the true scale of each platform's sigmas, how often each survey misses, how often
    each platform says a wrong word, and how crowded the banks are (from pairs within one survey, which are two things).
    At last single sightings move, swap and part while that makes the whole likelier.

    Parameters
    ----------
    seen : GeoDataFrame, n rows
        Ordered by id, all with a point; from seen.gather.
    network : Network
        Its rivers say what along and across are.
    least : float
        Log odds below which groups stay apart.
    same, different : iterable of pairs of rows
        What people decided; wins over everything.

    Returns
    -------
    Matches
        The same for any order of the sightings.
    """
    surveys, middle = _surveys(seen)
    attributes = read_attributes(seen)
    murk, of_survey = find_murk(surveys), np.zeros(len(surveys.names), dtype=np.int64)
    of_survey[surveys.survey] = surveys.platform
    model = hold(start(surveys, attributes, len(platforms())), murk, of_survey)
    links = _links(seen, surveys)
    heading = directions(seen, network) if len(seen) else np.zeros((0, 2))
    near = neighbours(surveys, heading)
    twice = np.log(np.maximum(surveys.twice_share, 1e-300))
    twice[surveys.twice_share == 0.0] = -np.inf
    barred = np.array(sorted(different), dtype=np.int64).reshape(-1, 2)
    decided = np.array(sorted(same), dtype=np.int64).reshape(-1, 2)
    for turn in range(_ROUNDS + 1 if len(links.left) else 1):
        facts = _facts(surveys, model, near, heading)
        state = State(facts, model, links, surveys.survey, twice, barred)
        _decide(state, decided)
        grow(state, least)
        if turn < _ROUNDS and len(links.left):
            if turn == _ROUNDS - 1:
                settle(state, np.isin(np.arange(len(seen)), decided))
            learned = learn(model, surveys, near, state.label, _sure_pairs(state, surveys))
            model = hold(learned, murk, of_survey)
    fixed = np.isin(np.arange(len(seen)), decided)
    settle(state, fixed)
    grow(state, least)
    settle(state, fixed)
    moved = surveys.at_m - model.shift_m[surveys.survey]
    return Matches(state, surveys, fixed, moved + middle, _sigma(surveys, model))


def _surveys(seen: gpd.GeoDataFrame) -> tuple[Surveys, NDArray[np.float64]]:
    names, survey = np.unique(seen["survey_id"].astype(str).to_numpy(), return_inverse=True)
    known = platforms()
    number = {name: at for at, name in enumerate(known)}
    platform = seen["platform"].map(number).to_numpy(dtype=np.int64)
    bias, twice = (np.array([getattr(one, name) for one in known.values()]) for name in ("bias_m", "twice_share"))
    largest, most = np.zeros(len(names)), np.zeros(len(names))
    np.maximum.at(largest, survey, bias[platform])
    np.maximum.at(most, survey, twice[platform])
    at = positions(seen) if len(seen) else np.zeros((0, 2))
    middle = (at.min(axis=0) + at.max(axis=0)) / 2 if len(at) else np.zeros(2)
    sigma = seen["sigma_m"].to_numpy(dtype=float)
    return Surveys(at - middle, sigma, survey, platform, names.tolist(), largest, most), middle


def _sigma(surveys: Surveys, model: Model) -> NDArray[np.float64]:
    return np.hypot(surveys.sigma_m * model.stretch[surveys.platform], model.rest_m[surveys.survey])


def _facts(surveys: Surveys, model: Model, near: Near, heading: NDArray[np.float64]) -> Facts:
    weight = _sigma(surveys, model) ** -2.0
    moved = surveys.at_m - model.shift_m[surveys.survey]
    words = zip(model.attributes, model.right, strict=True)
    said = [np.ones((len(weight), 0)), *(likelihoods(attribute, right, surveys.platform) for attribute, right in words)]
    crowd, missed, lone = crowding(near, surveys, model)
    return Facts(
        np.ones(len(weight)),
        weight,
        moved * weight[:, None],
        missed,
        lone,
        crowd,
        heading,
        np.concatenate(said, axis=1),
    )


def _links(seen: gpd.GeoDataFrame, surveys: Surveys) -> Links:
    """Return pairs that could be one thing, found from the one that is less sure."""
    wide = np.hypot(surveys.sigma_m, surveys.bias_m[surveys.survey]) * _GATE
    if not len(seen):
        none = np.zeros(0, dtype=np.int64)
        return Links(none, none, np.zeros((0, 3)), np.zeros((0, 3), dtype=bool))
    near = min(_NEAREST + 1, len(seen))
    gap, found = cKDTree(surveys.at_m).query(surveys.at_m, k=np.arange(1, near + 1))
    row, at = np.nonzero(gap <= np.sqrt(2.0) * wide[:, None])
    one, two = row.astype(np.int64), found[row, at].astype(np.int64)
    keys = np.unique(np.minimum(one, two) * len(seen) + np.maximum(one, two))
    left, right = keys // len(seen), keys % len(seen)
    gap = np.hypot(*(surveys.at_m[left] - surveys.at_m[right]).T)
    other = (surveys.survey[left] != surveys.survey[right]) | (surveys.twice_share[surveys.survey[left]] > 0.0)
    keep = (left != right) & other & (gap <= np.hypot(wide[left], wide[right]))
    said, speaks = read_proofs(seen, left[keep], right[keep])
    return Links(left[keep], right[keep], said, speaks)


def _decide(state: State, decided: NDArray[np.int64]) -> None:
    for one, two in decided.tolist():
        low, high = sorted((int(state.label[one]), int(state.label[two])))
        rows = np.flatnonzero(state.label == high)
        state.relabel(rows, np.full(len(rows), low))


def _sure_pairs(state: State, surveys: Surveys) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return pairs of different surveys in one group whose members belong to it beyond doubt."""
    links, label = state.links, state.label
    rows = np.arange(len(label))
    sure = state.stays(rows) > _SURE
    together = (label[links.left] == label[links.right]) & sure[links.left] & sure[links.right]
    together &= surveys.survey[links.left] != surveys.survey[links.right]
    return links.left[together], links.right[together]
