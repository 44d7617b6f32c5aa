"""Where along a run does something enter the water, and how much: the clearest plume first, then the rest."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import maximum_filter1d, minimum_filter1d

from outfall.survey.shapes import LENGTH_M, SHAPES_M, Filter, Run, Score, peaks, rise, score, spread, together, tune

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from outfall.survey.noise import Noise

    Reals = NDArray[np.float64]

__all__ = ["Plume", "find_plumes"]

# How well a shape describes a real plume: what lies inside one must exceed this share of its change within 60 m.
_MODEL_SHARE = 0.1
_APART_M = 60.0
_TOGETHER_M = 1500.0
_PLACE_M = 150.0
_MOST = 400
_STRONG = 30.0
_SHARP_M = (0.0, 0.5, 1.0, 2.0, 4.0)
_BEYOND_DOUBT = 25.0


@dataclass(frozen=True, slots=True)
class Plume:
    """One place where something enters the water, seen on one run.

    Parameters
    ----------
    at_m : float
        Distance of the entry from the start of the run.
    sigma_m : float
        Standard deviation of that, from the readings alone.
    scale_m : float
        The shape; see ``shapes.rise``.
    is_with : bool
        Whether the water flows as the boat went.
    size, error : array of float, sensors
        Highest excess and its standard error.
    score : float
        Logarithm of how much likelier the readings are with the plume than without.
    """

    at_m: float
    sigma_m: float
    scale_m: float
    is_with: bool
    size: Reals
    error: Reals
    score: float


def find_plumes(run: Run, noise: Sequence[Noise], *, least_score: float, is_with: bool) -> tuple[list[Plume], float]:
    """Return the plumes of one run, and how much likelier the readings are with them.

    The clearest is taken out first, then what is clearest in the rest, until nothing exceeds the least score; then
    each is fitted again without the others, and those that no longer exceed it are dropped.

    Parameters
    ----------
    run : Run
        Not changed.
    noise : sequence of Noise
        One per sensor.
    least_score : float
        From ``alarms.least_score``.
    is_with : bool
        Whether the water flows as the boat went.

    Returns
    -------
    tuple of list of Plume and float
        Plumes in the order of the run; the logarithm, less the least score for each plume: of the two directions,
        the one with the higher number explains the run better.

    Examples
    --------
    >>> import numpy as np
    >>> from outfall.survey.noise import Noise
    >>> water = 400 + np.random.default_rng(0).normal(0, 1, 200)
    >>> water[100:] += 12
    >>> run = Run(water[:, None], np.ones((200, 1)), 5.0)
    >>> plumes, _ = find_plumes(run, [Noise(1.0, 0.02)], least_score=6.0, is_with=True)
    >>> [(round(one.at_m), round(float(one.size[0]))) for one in plumes]
    [(500, 12)]
    """
    flow = run if is_with else run.reversed()
    filtered = tune(flow, noise)
    found: list[Plume] = []
    table = score(filtered, flow.values, flow.width_m)
    # What is beyond doubt goes first: how far the noise is from our picture of it shows only in what is left.
    wider, least = np.ones(table.size.shape[1:]), max(_BEYOND_DOUBT, least_score)
    while len(found) < _MOST:
        rest = flow.values - _sum(flow, found)
        chosen = _clearest(table, wider, flow, found, least)
        if not chosen and least == least_score:
            break
        if not chosen:
            wider, least = spread(table), least_score
            continue
        fresh = [_finer(filtered, rest, flow.width_m, one, wider) for one in chosen]
        found += fresh
        _rescore(table, filtered, flow, found, fresh)
    found = _again(filtered, flow, found, wider, least_score)
    rest = flow.values - _sum(flow, found)
    gain = 0.5 * float((filtered.whiten(flow.values) ** 2).sum() - (filtered.whiten(rest) ** 2).sum())
    length = len(run.values) * run.width_m
    turned = found if is_with else [replace(one, at_m=length - one.at_m, is_with=False) for one in found]
    return sorted(turned, key=lambda one: one.at_m), gain - least_score * len(found)


def _clearest(table: Score, wider: Reals, flow: Run, found: list[Plume], least: float) -> list[Plume]:
    """Return the highest plumes that are too far apart to touch one another."""
    error = _unsure(table.error * wider, flow, found, slice(0, len(table.size)))
    total = together(table.size / error)
    best = total.max(axis=1)
    chosen: list[Plume] = []
    for at in peaks(best, flow.width_m):
        if best[at] < least:
            break
        if all(abs(at * flow.width_m - one.at_m) > _TOGETHER_M for one in chosen):
            chosen.append(_plume(table.size, error, total, int(at), 0, flow.width_m))
    return chosen


def _unsure(error: Reals, flow: Run, inside: list[Plume], part: slice) -> Reals:
    """Return errors that know that plumes already taken out are not exactly of our shape."""
    if not inside:
        return error
    span = 2 * max(2, round(_APART_M / flow.width_m)) + 1
    whole = _sum(flow, inside, is_absolute=True)
    change = maximum_filter1d(whole, span, axis=0) - minimum_filter1d(whole, span, axis=0)
    found: Reals = np.hypot(error, _MODEL_SHARE * change[part][:, None, :])
    return found


def _rescore(table: Score, filtered: Filter, flow: Run, found: list[Plume], fresh: list[Plume]) -> None:
    """Score again the places that a plume taken out has changed."""
    rest = flow.values - _sum(flow, found)
    for one in fresh:
        first = max(0, round((one.at_m - LENGTH_M) / flow.width_m))
        part = slice(first, min(len(rest), round((one.at_m + LENGTH_M) / flow.width_m) + 1))
        anew = score(filtered, rest, flow.width_m, part=part)
        table.size[part], table.error[part] = anew.size, anew.error


def _plume(size: Reals, error: Reals, total: Reals, at: int, first: int, width_m: float) -> Plume:
    """Return the plume at a bin edge; its place is the mean over the places that explain the readings as well."""
    shape = int(np.argmax(total[at]))
    span = max(2, round(_PLACE_M / width_m))
    rows = np.arange(max(0, at - span), min(len(total), at + span + 1))
    weight = np.exp(np.minimum(total[rows] - total[at, shape], 0.0)).sum(axis=1)
    weight /= weight.sum()
    mean = float((weight * rows).sum())
    sigma = float(np.sqrt((weight * (rows - mean) ** 2).sum() + 1 / 12)) * width_m
    place = (mean + first) * width_m
    found, doubt = size[at, shape].copy(), error[at, shape].copy()
    return Plume(place, sigma, SHAPES_M[shape], is_with=True, size=found, error=doubt, score=float(total[at, shape]))


def _sum(flow: Run, plumes: list[Plume], *, is_absolute: bool = False) -> Reals:
    """Return what plumes add to each bin; below the shapes' length they go on thinning."""
    total = np.zeros(flow.values.shape)
    middle = (np.arange(len(total)) + 0.5) * flow.width_m
    steps = (np.linspace(0, 1, 4, endpoint=False) - 0.375) * flow.width_m
    for one in plumes:
        form = rise(one.scale_m, (middle - one.at_m)[:, None] + steps[None, :]).mean(axis=1)
        size = np.abs(one.size) if is_absolute else one.size
        total += form[:, None] * size[None, :]
    return total


def _finer(filtered: Filter, rest: Reals, width_m: float, one: Plume, wider: Reals) -> Plume:
    """Return a strong plume with its place and shape between those of the grid."""
    if one.score < _STRONG:
        return one
    first = max(0, int(one.at_m / width_m) - 2)
    last = min(len(rest), first + max(16, round(LENGTH_M / width_m)))
    out = filtered.whiten(rest)
    shifts = np.linspace(-1.5, 1.5, 13) * width_m
    scales = np.unique(np.append(_SHARP_M, one.scale_m * 1.15 ** np.arange(-6, 7)))
    steps = (np.linspace(0, 1, 4, endpoint=False) + 0.125) * width_m
    gone = (np.arange(first, last) * width_m)[:, None, None] + steps - (one.at_m + shifts)[None, :, None]
    form = np.stack([rise(a, gone).mean(axis=2) for a in scales], axis=1).reshape(last - first, -1)
    met, known, state = (np.zeros((form.shape[1], out.shape[1])) for _ in range(3))
    for row in range(first, last):
        miss = form[row - first][:, None] - state
        told = miss * filtered.scale[row]
        met, known, state = met + told * out[row], known + told**2, state + filtered.gain[row] * miss
    error = wider[SHAPES_M.index(one.scale_m)] / np.sqrt(np.maximum(known, 1e-30))
    size = met / np.maximum(known, 1e-30)
    total = together(size / error)
    best = int(np.argmax(total))
    scale, shift = (float(grid.ravel()[best]) for grid in np.meshgrid(scales, shifts, indexing="ij"))
    return replace(
        one, at_m=one.at_m + shift, scale_m=scale, size=size[best], error=error[best], score=float(total[best])
    )


def _again(filtered: Filter, flow: Run, found: list[Plume], wider: Reals, least: float) -> list[Plume]:
    """Return each plume fitted again on what the others leave, the weakest first."""
    kept = sorted(found, key=lambda one: (one.score, one.at_m))
    span = max(2, round(_APART_M / flow.width_m))
    for one in list(kept):
        at = kept.index(one)
        others = kept[:at] + kept[at + 1 :]
        rest = flow.values - _sum(flow, others)
        middle = round(one.at_m / flow.width_m)
        part = slice(max(0, middle - span), min(len(rest), middle + span + 1))
        table = score(filtered, rest, flow.width_m, part=part)
        error = _unsure(table.error * wider, flow, [other for other in others if other.score > one.score], part)
        total = together(table.size / error)
        best = int(np.argmax(total.max(axis=1)))
        fresh = _plume(table.size, error, total, best, part.start, flow.width_m)
        kept[at : at + 1] = [_finer(filtered, rest, flow.width_m, fresh, wider)] if fresh.score >= least else []
    return kept
