"""Where is the middle of a few numbers that lie along a river, how alike are neighbours, and how sure is a difference."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.optimize import nnls

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Spread", "block_bootstrap", "effective_count", "fit_variogram", "hodges_lehmann", "range_bins", "variogram"]

_LEAST_PAIRS = 8
_POWER = 1.5


class Spread(NamedTuple):
    """How places of a series differ: at once (nugget), with distance (sill), and over how many steps (reach)."""

    nugget: float
    sill: float
    reach: float

    def covariance(self, at: NDArray[np.integer]) -> NDArray[np.float64]:
        """Return how places at some steps vary together."""
        apart = np.abs(at[:, None] - at).astype(float)
        return np.asarray(self.nugget * (apart == 0) + self.sill * np.exp(-((apart / self.reach) ** _POWER)))

    @property
    def variance(self) -> float:
        """Of one place."""
        return self.nugget + self.sill


def hodges_lehmann(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the middle of each row: the median of the means of all pairs.

    Parameters
    ----------
    values : float array, rows x n
        NaN counts as nothing.

    Returns
    -------
    float array, one per row
        As steady as a mean (96 % of it for normal noise) and moved by no single outlier; NaN of an empty row.

    Examples
    --------
    >>> hodges_lehmann(np.array([[1.0, 2.0, 3.0, 900.0], [4.0, np.nan, np.nan, np.nan]])).tolist()
    [2.75, 4.0]
    """
    values = np.atleast_2d(np.asarray(values, dtype=np.float64))
    if not values.shape[1]:
        return np.full(len(values), np.nan)
    one, two = np.triu_indices(values.shape[1])
    out = np.empty(len(values))
    at_once = max(1, 400_000 // len(one))
    for begin in range(0, len(values), at_once):
        part = values[begin : begin + at_once]
        out[begin : begin + at_once] = _row_medians((part[:, one] + part[:, two]) / 2)
    return out


def variogram(series: NDArray[np.float64], lags: int) -> NDArray[np.float64]:
    """Return how different places of a series are that lie so many steps apart: half the mean squared difference.

    Parameters
    ----------
    series : float array
        Numbers at even steps; NaN where there is none.
    lags : int
        Largest number of steps.

    Returns
    -------
    float array, lags + 1 values
        The first is 0. From medians, so that shadows and foam do not widen it; lags with too few pairs repeat the one before.

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(0, 2, 20_000)
    >>> variogram(noise, 3).round(0).tolist()
    [0.0, 4.0, 4.0, 4.0]
    """
    out = np.zeros(lags + 1)
    for lag in range(1, lags + 1):
        apart = np.abs(series[lag:] - series[:-lag]) if lag < len(series) else np.empty(0)
        apart = apart[np.isfinite(apart)]
        out[lag] = 0.5 * (np.median(apart) / 0.6745) ** 2 if len(apart) >= _LEAST_PAIRS else out[lag - 1]
    return out


def fit_variogram(gamma: NDArray[np.float64]) -> Spread:
    """Return the smooth law nearest to a variogram: a nugget, and what is forgotten with distance.

    Parameters
    ----------
    gamma : float array
        Half mean squared differences at 0, 1, 2 … steps.

    Returns
    -------
    Spread
        Such that every weighted sum of places has a variance above 0.

    Examples
    --------
    >>> found = fit_variogram(np.r_[0.0, np.full(30, 2.0)])
    >>> round(found.nugget + found.sill, 3)
    2.0
    """
    lags = np.arange(1, len(gamma), dtype=float)
    best = (np.inf, Spread(float(gamma.max(initial=0.0)), 0.0, 1.0))
    weight = 1 / np.sqrt(lags)
    for reach in np.geomspace(1.0, max(len(gamma), 2), 12):
        shape = np.c_[np.ones(len(lags)), 1 - np.exp(-((lags / reach) ** _POWER))]
        parts, off = nnls(shape * weight[:, None], gamma[1:] * weight)
        if off < best[0]:
            best = (off, Spread(float(parts[0]), float(parts[1]), float(reach)))
    return best[1]


def range_bins(gamma: NDArray[np.float64]) -> int:
    """Return after how many steps a series has forgotten itself: where the variogram first reaches 95 % of its sill.

    Parameters
    ----------
    gamma : float array
        The variogram; its sill is the median of its farther half.

    Returns
    -------
    int
        At least 1.
    """
    sill = float(np.median(gamma[len(gamma) // 2 :])) if len(gamma) > 1 else 0.0
    reached = np.flatnonzero(gamma >= 0.95 * sill)
    reached = reached[reached > 0]
    return int(reached[0]) if len(reached) else max(len(gamma) - 1, 1)


def effective_count(count: int, gamma: NDArray[np.float64]) -> float:
    """Return how many independent numbers a run of neighbours is worth.

    Parameters
    ----------
    count : int
        Places in line.
    gamma : float array
        The variogram.

    Returns
    -------
    float
        Between 1 and ``count``.

    Examples
    --------
    >>> effective_count(10, np.array([0.0, 1.0, 1.0])), round(effective_count(10, np.array([0.0, 0.1, 0.2, 1.0])), 1)
    (10.0, 2.6)
    """
    if count < 1:
        return 0.0
    sill = float(np.max(gamma))
    if sill <= 0:
        return float(count)
    lags = np.arange(1, count)
    alike = np.clip(1 - gamma[np.minimum(lags, len(gamma) - 1)] / sill, 0, 1)
    return float(count / (1 + 2 * ((1 - lags / count) * alike).sum()))


def block_bootstrap(
    residuals: NDArray[np.float64], weights: NDArray[np.float64], *, block: int, seed: int, count: int = 400
) -> tuple[float, float]:
    """Return the 95 % interval of what a weighted sum of places is off, by drawing runs of neighbours again.

    Parameters
    ----------
    residuals : float array
        What is left of each place, in the order they lie along the river; NaN counts as nothing.
    weights : float array
        Of the places.
    block : int
        Length of a run: the range of the variogram.
    seed : int
        Of the draws.
    count : int, default 400
        Of draws.

    Returns
    -------
    (float, float)
        About 0; NaN with fewer than four places.
    """
    known = np.flatnonzero(np.isfinite(residuals))
    if len(known) < 4:
        return float("nan"), float("nan")
    rng = np.random.default_rng(seed)
    long = min(block, max(len(known) // 2, 1))
    starts = rng.integers(0, len(known) - long + 1, (count, -(-len(known) // long)))
    rows = (starts[:, :, None] + np.arange(long)).reshape(count, -1)[:, : len(known)]
    low, high = np.quantile(residuals[known][rows] @ weights[known], [0.025, 0.975])
    return float(low), float(high)


def _row_medians(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return medians of rows without NaN's slow paths."""
    missing = np.isnan(values)
    if not missing.any():
        return np.asarray(np.median(values, axis=1))
    ordered = np.sort(values, axis=1)  # NaN last
    known = values.shape[1] - missing.sum(axis=1)
    rows = np.arange(len(values))
    low, high = np.maximum((known - 1) // 2, 0), np.maximum(known // 2, 0)
    high = np.minimum(high, values.shape[1] - 1)
    return np.where(known > 0, (ordered[rows, low] + ordered[rows, high]) / 2, np.nan)
