"""Where along a track does the water change at once, and by how much.

Levels and straight lines are fitted to the readings before and behind each place. A step is where the levels differ
beyond doubt and the two lines still differ at the place itself: a plume that rises and then decays is one step, and a
slow drift is none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.ndimage import median_filter

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Step", "find_steps", "noise_sigma"]

# Readings left out on each side of the place, and readings each line is fitted to: from near neighbours to weak steps.
_SCALES = ((0, 4), (0, 6), (1, 10), (2, 18), (4, 36), (6, 12))
_SPIKE_SIGMAS = 6.0
_MAD = 1.4826
# How far the two lines must differ at the place itself, in standard errors (our default).
_JUMP_SIGMAS = 2.7


@dataclass(frozen=True, slots=True)
class Step:
    """One sudden change along a track.

    Parameters
    ----------
    at : int
        The first reading behind the change.
    size : float
        After minus before, in the direction of travel.
    sigmas : float
        Size over its standard error.
    """

    at: int
    size: float
    sigmas: float


def find_steps(track_m: NDArray[np.float64], values: NDArray[np.float64], *, step_sigmas: float = 4.0) -> list[Step]:
    """Return the sudden changes of one sensor along one continuous leg of a track.

    Parameters
    ----------
    track_m : array of float, n
        Distance along the track, increasing.
    values : array of float, n
        Readings; missing ones are left out.
    step_sigmas : float, default 4
        Standard errors by which the levels before and behind must differ. At 4, noise without any outfall gives fewer
        than one false step in 10 km, white or patchy (measured: 0.1 to 0.4; 2.5 where single readings are wild).

    Returns
    -------
    list of Step
        In the order of the track. Steps in the first and last four readings cannot be told and are not reported.

    Examples
    --------
    >>> import numpy as np
    >>> water = 400 + np.random.default_rng(0).normal(0, 1, 80)
    >>> water[50:] += 12 * np.exp(-np.arange(30) / 40)
    >>> [(step.at, round(step.size)) for step in find_steps(np.arange(80) * 2.0, water)]
    [(50, 10)]
    >>> find_steps(np.array([]), np.array([]))
    []
    """
    is_read = np.isfinite(values)
    places = np.flatnonzero(is_read)
    along, y = track_m[is_read], values[is_read]
    sigma = noise_sigma(y)
    if len(y) < 2 * _SCALES[0][1] + 1 or sigma <= 0:
        return []
    y = _despiked(y, sigma)
    rows = [row for scale in _SCALES for row in _candidates(along, y, sigma, scale, step_sigmas)]
    found: list[Step] = []
    taken: list[int] = []
    for sigmas, at, size, reach in sorted(rows, key=lambda row: (-row[0], row[1], row[3])):
        if any(at - reach <= other <= at + reach for other in taken):
            continue
        edge = _steepest(y, at, size, reach)
        taken.append(edge)
        found.append(Step(int(places[edge]), _size(y, edge, size), sigmas))
    return sorted(found, key=lambda step: step.at)


def noise_sigma(values: NDArray[np.float64]) -> float:
    """Return the standard deviation of single readings, from their differences so that trends and steps do not count.

    Parameters
    ----------
    values : array of float, n
        Readings in the order of the track.

    Returns
    -------
    float
        At least half the resolution of the readings; 0 for constant or fewer than three readings.

    Examples
    --------
    >>> import numpy as np
    >>> round(noise_sigma(np.random.default_rng(0).normal(0, 2, 5000)), 1), noise_sigma(np.ones(9))
    (2.0, 0.0)
    """
    moves = np.diff(values)
    moved = np.abs(moves[np.abs(moves) > 1e-9 * max(1.0, float(np.max(np.abs(values), initial=0.0)))])
    if len(values) < 3 or not len(moved):
        return 0.0
    spread = _MAD * float(np.median(np.abs(moves - np.median(moves)))) / np.sqrt(2)
    return float(max(spread, moved.min() / 2))


def _candidates(
    along: NDArray[np.float64], y: NDArray[np.float64], sigma: float, scale: tuple[int, int], step_sigmas: float
) -> list[tuple[float, int, float, int]]:
    """Return sigmas, place, size and reach of every place where one scale sees a step.

    The levels before and after must differ beyond doubt, and the two lines must still differ at the place itself:
    on a long slope the first is true everywhere and the second nowhere.
    """
    guard, count = scale
    reach = guard + count
    if len(y) < 2 * reach:
        return []
    windows_x, windows_y = sliding_window_view(along, count), sliding_window_view(y, count)
    at = np.arange(reach, len(y) - reach + 1)
    edge = (along[at - 1] + along[at]) / 2
    before, spread_before = _line_at(windows_x[at - reach], windows_y[at - reach], edge)
    after, spread_after = _line_at(windows_x[at + guard], windows_y[at + guard], edge)
    level = windows_y[at + guard].mean(axis=1) - windows_y[at - reach].mean(axis=1)
    level_sigmas = level / _error(level, np.full(len(level), sigma * np.sqrt(2 / count)))
    jump = after - before
    jump_sigmas = jump / _error(jump, sigma * np.sqrt(spread_before + spread_after))
    is_step = (np.abs(level_sigmas) >= step_sigmas) & (jump_sigmas * np.sign(level) >= _JUMP_SIGMAS)
    return [(float(abs(level_sigmas[i])), int(at[i]), float(level[i]), reach) for i in np.flatnonzero(is_step)]


def _error(contrast: NDArray[np.float64], white: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the standard error of a contrast: where quiet water spreads wider than white noise, that is the noise."""
    if len(contrast) < 20:
        return white
    patchy = _MAD * float(np.median(np.abs(contrast - np.median(contrast))))
    return white * max(1.0, patchy / float(np.median(white)))


def _line_at(
    x: NDArray[np.float64], y: NDArray[np.float64], edge: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the fitted line of each window at its edge, and the variance of that over the variance of one reading."""
    count = x.shape[1]
    middle = x.mean(axis=1)
    apart = x - middle[:, None]
    spread = np.maximum((apart**2).sum(axis=1), 1e-12)
    slope = (apart * y).sum(axis=1) / spread
    away = edge - middle
    return y.mean(axis=1) + slope * away, 1 / count + away**2 / spread


def _steepest(y: NDArray[np.float64], at: int, size: float, reach: int) -> int:
    """Return the reading near a place behind which the change is sharpest, in the direction of the step."""
    span = max(3, reach // 3)
    places = np.arange(max(2, at - span), min(len(y) - 2, at + span) + 1)
    rise = (y[places] + y[places + 1] * 0.5) / 1.5 - (y[places - 1] + y[places - 2] * 0.5) / 1.5
    near = 1 - np.abs(places - at) / (4 * span)
    return int(places[int(np.argmax(np.sign(size) * rise * near))])


def _size(y: NDArray[np.float64], edge: int, size: float) -> float:
    """Return the height of the plume: its highest mean of four readings soon behind the edge, less the four before."""
    before = float(np.mean(y[max(edge - 4, 0) : edge]))
    soon = np.convolve(y[edge : edge + 10], np.full(4, 0.25), mode="valid")
    near = float(np.max((soon - before) * np.sign(size)) * np.sign(size)) if len(soon) else size
    return near if near * size > 0 else size


def _despiked(y: NDArray[np.float64], sigma: float) -> NDArray[np.float64]:
    """Return the readings with bubbles (one or two wild readings in five) replaced by their neighbours."""
    middle = median_filter(y, size=5, mode="nearest")
    return np.where(np.abs(y - middle) > _SPIKE_SIGMAS * sigma, middle, y)
