"""What surveys say about each other where no pair is sure: how far apart they lie, and how much of one the other saw."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.spatial import cKDTree

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from outfall.registry.facts import Model
    from outfall.registry.learn import Surveys

__all__ = ["Murk", "find_murk", "hold"]

# Our defaults: a survey is murky where a sighting has more than this many others of its own survey as near as its double
# could be; fewer sightings than _LEAST_SIGHTINGS say nothing.
_RIVALS = 1.0
_LEAST_SIGHTINGS = 50
_NEAR_SIGMAS = 1.5
_STEPS = 8  # to each side, in looking for the offset
_MOST_GAPS = 200_000
_MOST_FOUND = 0.95


class Murk(NamedTuple):
    """What is known of murky surveys from counts of pairs alone.

    Parameters
    ----------
    is_known : ndarray of bool, surveys
        The others are not murky, or nobody else was there.
    found_share : ndarray, surveys
        How often it sees what another saw.
    shift_m, rest_m : ndarray, surveys by 2 and surveys
        The offset of each survey, and what remains unknown of it.
    """

    is_known: NDArray[np.bool_]
    found_share: NDArray[np.float64]
    shift_m: NDArray[np.float64]
    rest_m: NDArray[np.float64]


def find_murk(surveys: Surveys) -> Murk:
    """Return what counts of pairs say of surveys whose sightings stand closer than their positions are sure.

    Two surveys of the same things have as many pairs of two things near each other as each has within itself; what
    they have beyond that are pairs of one thing. Their number says how complete the surveys are, and the offset at which
    they are most says how far apart the surveys lie, though no single pair is sure.

    Parameters
    ----------
    surveys : Surveys
        Who saw what.

    Returns
    -------
    Murk
        Nothing is known of surveys that are not murky: sure pairs say more about them.
    """
    size = len(surveys.names)
    rows = [np.flatnonzero(surveys.survey == one) for one in range(size)]
    trees = {one: cKDTree(surveys.at_m[mine]) for one, mine in enumerate(rows) if len(mine) >= _LEAST_SIGHTINGS}
    sigma = {one: float(np.median(surveys.sigma_m[rows[one]])) for one in trees}
    murky = [one for one in trees if _own(trees[one], _NEAR_SIGMAS * np.sqrt(2.0) * sigma[one]) > _RIVALS]
    matrix, aim = np.diag(surveys.bias_m**-2.0), np.zeros((size, 2))
    seen, asked = np.zeros(size), np.zeros(size)
    for one, two in itertools.combinations(murky, 2):
        spread = float(np.hypot(sigma[one], sigma[two]))
        reach = 2.0 * float(np.hypot(surveys.bias_m[one], surveys.bias_m[two]))
        offset = _offset(trees[one], trees[two], spread, reach)
        both = _both(trees[one], cKDTree(trees[two].data + offset), _NEAR_SIGMAS * spread)
        if both <= 0.0:
            continue
        weight = both / (4.0 * spread**2)
        matrix[[one, two], [one, two]] += weight
        matrix[[one, two], [two, one]] -= weight
        aim[one] += weight * offset
        aim[two] -= weight * offset
        seen[[one, two]] += both
        asked[[one, two]] += trees[two].n, trees[one].n
    known = asked > 0.0
    share = np.clip(seen / np.maximum(asked, 1.0), 0.05, _MOST_FOUND)
    shift: NDArray[np.float64] = np.linalg.solve(matrix, aim).astype(np.float64)
    return Murk(known, share, shift, np.zeros(size))


def hold(model: Model, murk: Murk, platform: NDArray[np.int64]) -> Model:
    """Return what was learned, with murky surveys as their counts say: their pairs that look sure are only the near ones.

    Parameters
    ----------
    model : Model
        As learned from pairs.
    murk : Murk
        As counted.
    platform : ndarray of int, surveys
        Of each survey.

    Returns
    -------
    Model
        The stated sigmas of the platforms of murky surveys stay as stated.
    """
    known = murk.is_known
    if not known.any():
        return model
    stretch = model.stretch.copy()
    stretch[platform[known]] = 1.0
    return model._replace(
        found_share=np.where(known, murk.found_share, model.found_share),
        shift_m=np.where(known[:, None], murk.shift_m, model.shift_m),
        rest_m=np.where(known, murk.rest_m, model.rest_m),
        stretch=stretch,
        pairs=np.where(known, 0, model.pairs),
    )


def _own(tree: cKDTree, radius_m: float) -> float:
    """Return how many others of its survey a sighting has near."""
    return float(tree.count_neighbors(tree, radius_m)) / tree.n - 1.0


def _both(one: cKDTree, two: cKDTree, radius_m: float) -> float:
    """Return how many things both saw: near pairs beyond those each has within itself."""
    own = np.sqrt(max(_own(one, radius_m), 0.0) * max(_own(two, radius_m), 0.0) * one.n * two.n)
    beyond = float(one.count_neighbors(two, radius_m)) - float(own)
    return beyond / float(1.0 - np.exp(-0.5 * _NEAR_SIGMAS**2))


def _offset(one: cKDTree, two: cKDTree, spread: float, reach: float) -> NDArray[np.float64]:
    """Return by how much ``one`` lies east and north of ``two``: where most pairs fall on each other."""
    near = one.sparse_distance_matrix(two, reach + 3.0 * spread, output_type="coo_matrix")
    order = np.lexsort((near.col, near.row))[: min(near.nnz, _MOST_GAPS)]
    gap = one.data[near.row[order]] - two.data[near.col[order]]
    ticks = np.linspace(-reach, reach, 2 * _STEPS + 1)
    east, north = (np.exp(-0.5 * ((gap[:, axis, None] - ticks) / spread) ** 2) for axis in (0, 1))
    heap = east.T @ north
    at = np.unravel_index(int(np.argmax(heap)), heap.shape)
    return np.array([ticks[at[0]], ticks[at[1]]])
