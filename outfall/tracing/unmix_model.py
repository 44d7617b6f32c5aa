"""How likely nested concentrations are under a smooth map of sub-basins, and what the map looks like then.

Natural logs of the sub-basins are a Gaussian process over their middles, with a part of its own for each sub-basin (less
of it the larger the sub-basin); samples are mixtures, with a lognormal error, or known only to lie below a limit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_ndtr
from scipy.stats import norm, qmc

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "HYPER_PRIOR",
    "LEVEL_SD",
    "Data",
    "Fit",
    "Reals",
    "fit_mode",
    "learn_hypers",
    "mix_fits",
    "smooth_kernel",
    "weigh",
]

Reals = NDArray[np.float64]

# our defaults: middle and width of the weak priors of ln error, ln scale, ln range (in typical distances), logit nugget
HYPER_PRIOR = np.array([[np.log(0.15), 0.7], [np.log(0.6), 0.7], [0.0, 1.0], [0.0, 1.5]])
LEVEL_SD = 5.0  # how little is known of the level of the map, ln
_MOST_NUGGET = 8.0
_LEAST_WEIGHT = 1e-9
_ROUNDS, _CLOSE = 60, 1e-7
_LONGEST_STEP = 1.5
_HALF_LOG_2PI = 0.5 * np.log(2 * np.pi)


@dataclass(frozen=True, eq=False)
class Data:
    """What was measured: one entry per result, of sites by number.

    Parameters
    ----------
    site : ndarray of int
        Site of each result.
    value_ln : ndarray of float
        Natural log of the value, or of the limit where it is censored.
    censored : ndarray of int
        -1 below, 0 measured, 1 above.
    sigma_ln : ndarray of float
        Known error of the laboratory or field kit.
    """

    site: NDArray[np.int64]
    value_ln: Reals
    censored: NDArray[np.int64]
    sigma_ln: Reals


@dataclass(frozen=True, eq=False)
class Fit:
    """The map at one set of hyper-parameters: mode, covariance, log evidence, standardised left-out errors."""

    mode: Reals
    covariance: Reals
    log_evidence: float
    left_out: Reals


def smooth_kernel(distance_m: Reals, own: Reals) -> Callable[[Reals], Reals]:
    """Return the function from hyper-parameters to the prior covariance of the sub-basins.

    Parameters
    ----------
    distance_m : ndarray, n x n
        Between the middles of the sub-basins.
    own : ndarray, n values
        Weight of each sub-basin: its own part varies as one over it.

    Returns
    -------
    callable
        Of (ln error, ln scale, ln range, logit nugget).
    """
    inside = distance_m[np.triu_indices(len(own), 1)]
    typical = max(float(np.median(inside)) if len(inside) else 1.0, 1e-9)
    nugget = np.minimum(np.median(own) / own, _MOST_NUGGET) if len(own) else own

    def kernel(theta: Reals) -> Reals:
        near = np.sqrt(3.0) * distance_m / (np.exp(theta[2]) * typical)
        share = 1.0 / (1.0 + np.exp(-theta[3]))
        smooth = (1.0 + near) * np.exp(-near)
        return np.asarray(np.exp(2 * theta[1]) * ((1 - share) * smooth + share * np.diag(nugget)))

    return kernel


def weigh(data: Data, predicted: Reals, error: float) -> tuple[Reals, Reals, Reals]:
    """Return log likelihood, its slope and its (negative) curvature in the predicted natural log of each result.

    Predictions may be one row of results, or many rows of the same results.
    """
    spread = np.sqrt(error**2 + data.sigma_ln**2)
    miss = (data.value_ln - predicted) / spread
    value = -0.5 * miss**2 - np.log(spread) - _HALF_LOG_2PI
    slope, curvature = miss / spread, np.broadcast_to(1.0 / spread**2, miss.shape).copy()
    cut = data.censored != 0
    if cut.any():
        sign = np.where(data.censored[cut] < 0, 1.0, -1.0)
        below = sign * miss[..., cut]
        value[..., cut] = log_ndtr(below)
        hazard = np.exp(-0.5 * below**2 - _HALF_LOG_2PI - log_ndtr(below))
        slope[..., cut] = -sign * hazard / spread[cut]
        curvature[..., cut] = np.maximum(hazard * (hazard + below), _LEAST_WEIGHT) / spread[cut] ** 2
    return value, slope, curvature


def fit_mode(
    mixing: Reals, data: Data, prior: Reals, error: float, *, start: Reals | None = None, is_full: bool = True
) -> Fit:
    """Return the most likely map, its covariance and the evidence of its hyper-parameters (Laplace).

    Parameters
    ----------
    mixing : ndarray, n x n
        Share of the concentration at each site (row) that each sub-basin (column) gives.
    data : Data
        Results.
    prior : ndarray, n x n
        Prior covariance without the level.
    error : float
        Standard deviation of the model error, ln.
    start : ndarray, optional
        Where to begin.
    is_full : bool, default True
        Whether covariance and left-out errors are wanted; empty otherwise.

    Returns
    -------
    Fit
        Gauss-Newton in the space of the results.
    """
    rows = mixing[data.site]
    level = float(data.value_ln.mean())
    wide = prior + LEVEL_SD**2
    mode = np.full(mixing.shape[1], level) if start is None else start
    for _ in range(_ROUNDS):
        value, slant, slope, curvature = _state(rows, data, mode, error)
        across = slant @ wide
        middle = across @ slant.T
        noisy = middle + np.diag(1.0 / curvature)
        pull = np.linalg.solve(noisy, slope / curvature + slant @ (mode - level))
        step = level + across.T @ pull - mode
        longest = float(np.abs(step).max())
        mode = mode + step * min(1.0, _LONGEST_STEP / max(longest, 1e-300))
        if longest < _CLOSE:
            break
    value, slant, slope, curvature = _state(rows, data, mode, error)
    root = np.sqrt(curvature)
    scaled = np.eye(len(root)) + root[:, None] * middle * root
    evidence = float(value.sum() - 0.5 * pull @ middle @ pull - 0.5 * np.linalg.slogdet(scaled)[1])
    if not is_full:
        return Fit(mode, np.zeros((0, 0)), evidence, np.zeros(0))
    inverse = np.linalg.inv(noisy)
    left_out = (inverse @ (slope / curvature + slant @ (mode - level))) / np.sqrt(np.diag(inverse))
    return Fit(mode, wide - across.T @ inverse @ across, evidence, left_out[data.censored == 0])


def learn_hypers(
    mixing: Reals, data: Data, kernel: Callable[[Reals], Reals], *, is_rough: bool = False
) -> tuple[Reals, Callable[[Reals], float]]:
    """Return the hyper-parameters of most evidence, and the function they make least."""
    last: list[Reals | None] = [None]

    def cost(theta: Reals) -> float:
        fit = fit_mode(mixing, data, kernel(theta), float(np.exp(theta[0])), start=last[0], is_full=False)
        last[0] = fit.mode if np.isfinite(fit.mode).all() else None
        off = (theta - HYPER_PRIOR[:, 0]) / HYPER_PRIOR[:, 1]
        return -fit.log_evidence + 0.5 * float(off @ off)

    found = minimize(
        cost,
        HYPER_PRIOR[:, 0],
        method="L-BFGS-B",
        bounds=[(m - 4 * s, m + 4 * s) for m, s in HYPER_PRIOR],
        options={"maxiter": 8, "ftol": 1e-3} if is_rough else {"maxiter": 40, "ftol": 1e-6},
    )
    return np.asarray(found.x), cost


def mix_fits(
    mixing: Reals,
    data: Data,
    kernel: Callable[[Reals], Reals],
    theta: Reals,
    cost: Callable[[Reals], float],
    *,
    count: int = 24,
) -> tuple[Reals, Reals]:
    """Return mean and variance of the map, averaged over what the data leave open of its hyper-parameters."""
    centre = fit_mode(mixing, data, kernel(theta), float(np.exp(theta[0])))
    values, vectors = np.linalg.eigh(_curvature(cost, theta))
    turn = vectors / np.sqrt(np.maximum(values, 1.0 / HYPER_PRIOR[:, 1].max() ** 2))
    draws = np.asarray(norm.ppf(qmc.Halton(4, scramble=False).random(count + 1)[1:]))
    fits, logs = [], []
    for draw in draws:
        at = theta + turn @ draw
        fit = fit_mode(mixing, data, kernel(at), float(np.exp(at[0])), start=centre.mode)
        off = (at - HYPER_PRIOR[:, 0]) / HYPER_PRIOR[:, 1]
        fits.append(fit)
        logs.append(fit.log_evidence - 0.5 * off @ off + 0.5 * draw @ draw)
    share = np.exp(np.array(logs) - np.max(logs))
    share /= share.sum()
    modes = np.array([fit.mode for fit in fits])
    mean = share @ modes
    variance = share @ np.array([np.diag(fit.covariance) for fit in fits]) + share @ (modes - mean) ** 2
    return mean, variance


def _state(rows: Reals, data: Data, mode: Reals, error: float) -> tuple[Reals, Reals, Reals, Reals]:
    """Return likelihood, slopes of the mixtures in the sub-basins, and slope and curvature of the likelihood."""
    top = float(mode.max())
    parts = rows * np.exp(mode - top)
    whole = parts.sum(axis=1)
    value, slope, curvature = weigh(data, np.log(whole) + top, error)
    return value, parts / whole[:, None], slope, curvature


def _curvature(cost: Callable[[Reals], float], theta: Reals, step: float = 0.1) -> Reals:
    """Return the second derivatives of the cost at its least value."""
    count = len(theta)
    unit = np.eye(count) * step
    found = np.zeros((count, count))
    for one in range(count):
        for two in range(one, count):
            corners = [
                cost(theta + a * unit[one] + b * unit[two]) * a * b for a, b in ((1, 1), (1, -1), (-1, 1), (-1, -1))
            ]
            found[one, two] = found[two, one] = sum(corners) / (4 * step * step)
    return found
