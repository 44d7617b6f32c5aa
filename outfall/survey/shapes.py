"""How well does a plume that enters here explain what a boat read: shapes against real noise.

A steady release at a bank reaches a line some metres off it with the excess ``sqrt(2a/x) exp(1/2 - a/x)`` at the
distance x below it (transverse mixing, constant depth); ``a`` grows with the square of the distance from the bank.
Several ``a`` are tried, and a plain step. The water without plumes is taken as a level that wanders, read with white
noise; a Kalman filter turns readings and shapes into independent numbers, and all sensors speak together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import maximum_filter1d

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from outfall.survey.noise import Noise

    Reals = NDArray[np.float64]

__all__ = ["LENGTH_M", "SHAPES_M", "Filter", "Run", "Score", "peaks", "rise", "score", "spread", "together", "tune"]

# Scales a of the shapes; 0 is a plain step. Our defaults, over the whole range of boats near and far from a bank.
SHAPES_M = (0.0, 1.0, 4.0, 12.0, 30.0, 75.0, 180.0)
LENGTH_M = 600.0
# A sensor tells a plume with this probability, and then by so many standard errors.
_TELLS_SHARE, _TELLS_SIGMAS = 0.4, 6.0
_APART_M = 60.0
_MAD = 1.4826
_LEAST_PLACES = 40


@dataclass(frozen=True, slots=True)
class Run:
    """Readings of one pass in bins of equal width.

    Parameters
    ----------
    values : array of float, bins by sensors
        Means; missing where nothing was read.
    counts : array of float, bins by sensors
        How many readings each mean is of.
    width_m : float
        Width of a bin.
    """

    values: Reals
    counts: Reals
    width_m: float

    def reversed(self) -> Run:
        """Return the run as if driven the other way."""
        return Run(self.values[::-1], self.counts[::-1], self.width_m)


@dataclass(frozen=True, slots=True)
class Filter:
    """What a level follows of each reading, and one over the standard deviation of what it does not foresee."""

    gain: Reals
    scale: Reals

    def whiten(self, values: Reals) -> Reals:
        """Return readings as independent numbers of variance 1; 0 where nothing was read."""
        out = np.zeros_like(values)
        level = np.zeros(values.shape[1])
        known = np.where(np.isfinite(values), values, 0.0)
        for at, gain in enumerate(self.gain):
            out[at] = miss = known[at] - level
            level = level + gain * miss
        found: Reals = out * self.scale
        return found


@dataclass(frozen=True, slots=True)
class Score:
    """Height and its error for every bin edge, shape and sensor: bins by shapes by sensors."""

    size: Reals
    error: Reals


def rise(scale_m: float, gone_m: Reals) -> Reals:
    """Return the excess of a plume of height 1 at distances below its entry.

    Examples
    --------
    >>> import numpy as np
    >>> rise(10.0, np.array([-5.0, 5.0, 20.0, 80.0])).round(2).tolist(), rise(0.0, np.array([-1.0, 1.0])).tolist()
    ([0.0, 0.45, 1.0, 0.73], [0.0, 1.0])
    """
    gone = np.maximum(gone_m, 1e-6)
    shape = np.sqrt(2 * scale_m / gone) * np.exp(0.5 - scale_m / gone) if scale_m > 0 else np.ones_like(gone)
    found: Reals = np.where(gone_m > 0, shape, 0.0)
    return found


def tune(run: Run, noise: Sequence[Noise]) -> Filter:
    """Return the Kalman filter of a wandering level for one run."""
    white = np.array([one.white for one in noise]) ** 2
    wander = np.array([one.wander for one in noise]) ** 2 * run.width_m
    doubt = 1e12 * white
    gain, scale = np.zeros(run.values.shape), np.zeros(run.values.shape)
    is_read = np.isfinite(run.values) & (run.counts > 0)
    noisy = white / np.maximum(run.counts, 1.0)
    for at in range(len(gain)):
        whole = doubt + noisy[at]
        gain[at] = np.where(is_read[at], doubt / whole, 0.0)
        scale[at] = np.where(is_read[at], 1 / np.sqrt(whole), 0.0)
        doubt = doubt * (1 - gain[at]) + wander
    return Filter(gain, scale)


def score(filtered: Filter, values: Reals, width_m: float, *, part: slice | None = None) -> Score:
    """Return how high a plume is that enters at each bin edge, going by what is read below it.

    Parameters
    ----------
    filtered : Filter
        Of a run in the direction of flow.
    values : array of float, bins by sensors
        Readings of that run, less what is explained already.
    width_m : float
        Width of a bin.
    part : slice, optional
        Bins to try; all by default.

    Returns
    -------
    Score
    """
    out, gain, scale = filtered.whiten(values), filtered.gain, filtered.scale
    first, last, _ = (part or slice(None)).indices(len(out))
    columns, length = last - first, max(12, round(LENGTH_M / width_m))
    steps = np.linspace(0, width_m, 4, endpoint=False) + width_m / 8
    gone_m = np.arange(length)[:, None] * width_m + steps[None, :]
    form = np.array([rise(a, gone_m).mean(axis=1) for a in SHAPES_M])
    size = (columns, len(SHAPES_M), out.shape[1])
    met, known, state = np.zeros(size), np.zeros(size), np.zeros(size)
    for gone in range(length):
        there = min(columns, len(out) - first - gone)
        if there <= 0:
            break
        rows = slice(first + gone, first + gone + there)
        miss = form[None, :, gone, None] - state[:there]
        told = miss * scale[rows, None, :]
        met[:there] += told * out[rows, None, :]
        known[:there] += told * told
        state[:there] += gain[rows, None, :] * miss
    variance = 1 / np.maximum(known, 1e-30)
    return Score(met * variance, np.sqrt(variance))


def spread(table: Score) -> Reals:
    """Return by how much heights scatter more than their errors say, shapes by sensors; at least 1.

    Noise that is neither white nor a wandering level shows here: few places have a plume, all have noise.
    """
    if len(table.size) < _LEAST_PLACES:
        return np.ones(table.size.shape[1:])
    found: Reals = np.maximum(1.0, _MAD * np.median(np.abs(table.size / table.error), axis=0))
    return found


def together(sigmas: Reals) -> Reals:
    """Return the log Bayes factor of all sensors (the last axis): each tells the plume or does not.

    Examples
    --------
    >>> import numpy as np
    >>> together(np.array([[5.0, 0.0], [0.0, 0.0]])).round(1).tolist()
    [9.0, -0.8]
    """
    keep = _TELLS_SIGMAS**2 / (1 + _TELLS_SIGMAS**2)
    heard = 0.5 * keep * np.minimum(sigmas**2, 1e6) + np.log(_TELLS_SHARE) - 0.5 * np.log1p(_TELLS_SIGMAS**2)
    total: Reals = np.logaddexp(heard, np.log1p(-_TELLS_SHARE)).sum(axis=-1)
    return total


def peaks(best: Reals, width_m: float) -> NDArray[np.int64]:
    """Return the bins that are the highest within 60 m, highest first."""
    span = 2 * max(1, round(_APART_M / width_m)) + 1
    at = np.flatnonzero(best >= maximum_filter1d(best, span, mode="nearest"))
    return at[np.lexsort((at, -best[at]))]
