"""How likely nested concentrations are where some sub-basins hold a source beside the smooth map, for many sets at once.

A cheap look at every sub-basin (one factorisation, exact in the size of its source, linear in the map) says which ones are
worth solving; hyper-parameters are learned with the source of the best one left free, on the map linearised at its mode.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import minimize

from outfall.tracing.unmix_model import HYPER_PRIOR, LEVEL_SD, Data, Reals, fit_mode, weigh

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["Sources", "learn_beside", "look_at_all", "solve_sets"]

_ROUNDS, _CLOSE, _LONGEST_STEP = 12, 1e-2, 1.5
_RELINEARISED, _LEARNED_STEPS = 2, 8
_SIZES = np.linspace(-1.5, 1.5, 5)


class Sources:
    """How much a source raises its sub-basin: middle and width of the natural log."""

    def __init__(self, times: float, sd_ln: float) -> None:
        self.middle = float(np.log(times))
        self.sd = sd_ln

    @property
    def free(self) -> float:
        """Return the variance of a source whose size is left wide open."""
        return self.sd**2 + self.middle**2


def learn_beside(
    mixing: Reals, data: Data, kernel: Callable[[Reals], Reals], hot: NDArray[np.bool_], size: Sources, start: Reals
) -> Reals:
    """Return the hyper-parameters of most evidence where these sub-basins hold sources of any size.

    Parameters
    ----------
    mixing, data, kernel
        As in `fit_mode` and `learn_hypers`.
    hot : ndarray of bool, n values
        Sub-basins left free.
    size : Sources
        How large sources are.
    start : ndarray
        Hyper-parameters to begin with.

    Returns
    -------
    ndarray
        Found on the map linearised at its mode, which is then solved again.
    """
    rows, spike = mixing[data.site], np.diag(np.where(hot, size.free, 0.0))
    level = float(data.value_ln.mean())
    theta, mode = start, None
    for _ in range(_RELINEARISED):
        mode = fit_mode(mixing, data, kernel(theta) + spike, float(np.exp(theta[0])), start=mode, is_full=False).mode
        predicted, slant = _mix(rows, mode[None, :])
        ahead = slant[0] @ (mode - level)

        def cost(at: Reals, predicted: Reals = predicted[0], slant: Reals = slant[0], ahead: Reals = ahead) -> float:
            value, slope, curvature = weigh(data, predicted, float(np.exp(at[0])))
            noisy = slant @ (kernel(at) + spike + LEVEL_SD**2) @ slant.T + np.diag(1.0 / curvature)
            factor = cho_factor(noisy, lower=True, check_finite=False)
            aim = slope / curvature + ahead
            off = (at - HYPER_PRIOR[:, 0]) / HYPER_PRIOR[:, 1]
            fit = value.sum() + 0.5 * (slope**2 / curvature).sum() - 0.5 * aim @ cho_solve(factor, aim)
            spread = np.log(np.diag(factor[0])).sum() + 0.5 * np.log(curvature).sum()
            return float(spread - fit + 0.5 * off @ off)

        bounds = [(m - 4 * s, m + 4 * s) for m, s in HYPER_PRIOR]
        options = {"maxiter": _LEARNED_STEPS, "ftol": 1e-3}
        theta = np.asarray(minimize(cost, theta, method="L-BFGS-B", bounds=bounds, options=options).x)
    return theta


def look_at_all(mixing: Reals, data: Data, prior: Reals, error: float, size: Sources) -> Reals:
    """Return about how much more likely a source in each sub-basin makes the results, natural log.

    Parameters
    ----------
    mixing, data, prior, error
        As in `fit_mode`.
    size : Sources
        How large sources are.

    Returns
    -------
    ndarray of n float
        One factorisation for all: the map is linear about the one without a source, the source is not.
    """
    rows, level = mixing[data.site], float(data.value_ln.mean())
    mode = fit_mode(mixing, data, prior, error, is_full=False).mode
    predicted, slant = _mix(rows, mode[None, :])
    _, slope, curvature = weigh(data, predicted[0], error)
    noisy = slant[0] @ (prior + LEVEL_SD**2) @ slant[0].T + np.diag(1.0 / curvature)
    factor = cho_factor(noisy, lower=True)
    pull = cho_solve(factor, slope / curvature + slant[0] @ (mode - level))
    found = np.full((len(_SIZES), mixing.shape[1]), -np.inf)
    for at, off in enumerate(_SIZES):
        rise = np.log1p(slant[0] * np.expm1(size.middle + off * size.sd))
        found[at] = pull @ rise - 0.5 * np.einsum("ij,ij->j", rise, cho_solve(factor, rise)) - 0.5 * off**2
    top = found.max(axis=0)
    return np.asarray(top + np.log(np.exp(found - top).mean(axis=0)))


def solve_sets(
    mixing: Reals,
    data: Data,
    prior: Reals,
    error: float,
    sets: NDArray[np.bool_],
    size: Sources,
    *,
    start: Reals | None = None,
) -> tuple[Reals, Reals]:
    """Return the log evidence and the map of each set of sub-basins that hold sources, all solved at once.

    Parameters
    ----------
    mixing, data, prior, error
        As in `fit_mode`.
    sets : ndarray of bool, h x n
        Sub-basins that hold a source.
    size : Sources
        How large sources are.
    start : ndarray, h x n, optional
        Maps to begin with.

    Returns
    -------
    ndarray, ndarray
        h values and h x n.
    """
    rows, hot = mixing[data.site], sets.astype(float)
    wide = prior + LEVEL_SD**2
    expected = float(data.value_ln.mean()) + hot * size.middle
    if start is None:
        start = fit_mode(mixing, data, prior, error, is_full=False).mode + hot * size.middle / 2
    mode, unit = start, np.arange(rows.shape[0])
    for _ in range(_ROUNDS):
        predicted, slant = _mix(rows, mode)
        value, slope, curvature = weigh(data, predicted, error)
        across = (slant.reshape(-1, slant.shape[2]) @ wide).reshape(slant.shape)
        across += slant * (hot * size.sd**2)[:, None, :]
        noisy = across @ slant.transpose(0, 2, 1)
        noisy[:, unit, unit] += 1.0 / curvature
        aim = slope / curvature + np.einsum("hij,hj->hi", slant, mode - expected)
        pull = np.linalg.solve(noisy, aim[:, :, None])[:, :, 0]
        step = expected + np.einsum("hij,hi->hj", across, pull) - mode
        longest = np.abs(step).max(axis=1)
        mode = mode + step * np.minimum(1.0, _LONGEST_STEP / np.maximum(longest, 1e-300))[:, None]
        if longest.max() < _CLOSE:
            break
    bent = np.einsum("hi,hi->h", pull, aim) - (pull**2 / curvature).sum(axis=1)
    fit = value.sum(axis=1) - 0.5 * bent
    return np.asarray(fit - 0.5 * (np.linalg.slogdet(noisy)[1] + np.log(curvature).sum(axis=1))), mode


def _mix(rows: Reals, mode: Reals) -> tuple[Reals, Reals]:
    """Return the natural log of each result for each map, and its slopes in the sub-basins."""
    top = mode.max(axis=1)
    parts = rows[None, :, :] * np.exp(mode - top[:, None])[:, None, :]
    whole = parts.sum(axis=2)
    return np.log(whole) + top[:, None], parts / whole[:, :, None]
