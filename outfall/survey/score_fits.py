"""Which curve leads from a score to how often it came true, and how far do several boxes of one thing repeat each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.optimize import isotonic_regression, minimize
from scipy.special import expit, logit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["FITS", "Fit", "combine_shares", "fit_dependence", "log_loss"]

_LEAST = 1e-4
_SLOPE_SIGMA = 5.0  # our default: a curve of few boxes is no wall
_LEAST_THINGS = 10


class Fit(NamedTuple):
    """A curve from scores to shares: knots with straight lines between, and the range of scores it was made of."""

    method: str
    scores: NDArray[np.float64]
    shares: NDArray[np.float64]
    least: float
    most: float
    checked: int

    def share(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the share at each score; flat beyond the ends."""
        return np.interp(scores, self.scores, self.shares)


def _isotonic(scores: NDArray[np.float64], real: NDArray[np.bool_]) -> Fit:
    """Return monotone steps, each drawn towards a half by half a box of either kind (Jeffreys)."""
    values, at = np.unique(scores, return_inverse=True)
    weight = np.bincount(at).astype(float)
    true = np.bincount(at, real.astype(float))
    steps = isotonic_regression(true / weight, weights=weight)
    ends = steps.blocks
    sizes, sums = np.add.reduceat(weight, ends[:-1]), np.add.reduceat(true, ends[:-1])
    soft = isotonic_regression((sums + 0.5) / (sizes + 1), weights=sizes).x
    middle = np.add.reduceat(values * weight, ends[:-1]) / sizes
    return Fit("isotonic", middle, np.asarray(soft), float(values[0]), float(values[-1]), len(scores))


def _logistic(scores: NDArray[np.float64], real: NDArray[np.bool_]) -> Fit:
    """Return a logistic curve of the score with a weak prior, kept from falling with the score."""
    middle, spread = float(scores.mean()), float(scores.std()) or 1.0
    z = (scores - middle) / spread
    true, false = float(real.sum()), float((~real).sum())
    target = np.where(real, (true + 1) / (true + 2), 1 / (false + 2))  # Platt (1999)

    def cost(ab: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        slope, line = np.exp(ab[1]), ab[0] + np.exp(ab[1]) * z
        off = expit(line) - target
        value = float(np.sum(np.logaddexp(0, line) - target * line)) + slope**2 / (2 * _SLOPE_SIGMA**2)
        grad = np.array([off.sum(), slope * (off @ z) + slope**2 / _SLOPE_SIGMA**2])
        return value, grad

    start = np.array([float(logit((true + 1) / (true + false + 2))), 0.0])
    found = minimize(cost, start, jac=True, method="L-BFGS-B", bounds=[(-30, 30), (-12, 6)]).x
    knots = np.linspace(scores.min(), scores.max(), 201) if scores.min() < scores.max() else scores[:1]
    shares = expit(found[0] + np.exp(found[1]) * (knots - middle) / spread)
    return Fit("logistic", knots, shares, float(scores.min()), float(scores.max()), len(scores))


FITS: Mapping[str, Callable[[NDArray[np.float64], NDArray[np.bool_]], Fit]] = {
    "isotonic": _isotonic,
    "logistic": _logistic,
}


def log_loss(said: NDArray[np.float64], real: NDArray[np.bool_]) -> float:
    """Return the mean of minus the logarithm of the probability given to what happened."""
    kept = np.clip(said, _LEAST, 1 - _LEAST)
    return float(-np.mean(np.where(real, np.log(kept), np.log1p(-kept))))


def combine_shares(shares: NDArray[np.float64], *, base_share: float, dependence_share: float) -> float:
    """Return the probability that a thing is real, from the probabilities of its boxes on several frames.

    Each box moves the log odds away from the base share; n boxes count as ``n / (1 + (n - 1) dependence)`` of them.

    Parameters
    ----------
    shares : array of float, n
        One per frame.
    base_share : float
        How many of all boxes are real.
    dependence_share : float
        0: frames are independent evidence; 1: all frames together say what their mean says.

    Returns
    -------
    float

    Examples
    --------
    >>> [round(combine_shares(np.array([0.8, 0.8]), base_share=0.5, dependence_share=rho), 3) for rho in (0, 0.5, 1)]
    [0.941, 0.864, 0.8]
    """
    base = float(logit(np.clip(base_share, _LEAST, 1 - _LEAST)))
    moved = logit(np.clip(shares, _LEAST, 1 - _LEAST)) - base
    count = len(shares)
    return float(expit(base + moved.mean() * count / (1 + (count - 1) * dependence_share)))


def fit_dependence(things: pd.DataFrame) -> float:
    """Return the dependence that makes combined probabilities come true best among things with several boxes.

    Parameters
    ----------
    things : DataFrame
        ``thing_id``, ``basin``, ``is_real``, ``said`` (probabilities given without the box itself).

    Returns
    -------
    float
        Between 0 and 1; 1 (nothing new from further frames) where fewer than ten things have several boxes.
    """
    groups = []
    for (basin, _), part in things[things["thing_id"].notna()].groupby(["basin", "thing_id"], sort=True):
        if len(part) > 1 and part["is_real"].eq(part["is_real"].iloc[0]).all():
            base = float(things.loc[things["basin"].eq(basin), "is_real"].mean())
            groups.append((part["said"].to_numpy(dtype=float), base, bool(part["is_real"].iloc[0])))
    if len(groups) < _LEAST_THINGS:
        return 1.0
    real = np.array([group[2] for group in groups])
    grid = np.linspace(0, 1, 21)
    loss = [
        log_loss(np.array([combine_shares(p, base_share=b, dependence_share=rho) for p, b, _ in groups]), real)
        for rho in grid
    ]
    return float(round(grid[int(np.argmin(loss))], 3))
