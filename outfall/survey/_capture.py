"""How likely each platform is to see an outfall, and how many none of them saw: capture and recapture with doubts.

Each platform j sees an outfall with logit probability ``a_j + spread * z``, where z differs between outfalls (standard
normal): some are easy for everybody, some are hard for everybody. Two platforms cannot tell the spread, so it keeps its
prior and widens the interval. Outfalls lie along each kind of bank with a density of its own around a common one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, logsumexp
from scipy.stats import norm

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Draws", "History", "draw_capture", "draw_unfound", "seen_share"]

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(9)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()
_SPREADS = 6
_SPREAD_SCALE = 0.7  # our default: most surveys lie between none and a logit of 1.6
_LOGIT_MEAN, _LOGIT_SIGMA = 0.5, 1.75  # flat in probability, nearly
_DENSITY_SHAPE = 4.0  # our default: densities of different banks differ by half


class History(NamedTuple):
    """How many outfalls on a kind of bank (``cover``: who looked) were seen by whom (``seen``), as rows of flags."""

    cover: NDArray[np.bool_]
    seen: NDArray[np.bool_]
    number: NDArray[np.float64]


class Draws(NamedTuple):
    """Draws of the posterior: logits (d by j), spread (d)."""

    logit: NDArray[np.float64]
    spread: NDArray[np.float64]


def draw_capture(history: History, draws: int, rng: np.random.Generator, *, spread_scale: float | None = None) -> Draws:
    """Return draws of how well each platform sees, given that every counted outfall was seen at least once."""
    scale = _SPREAD_SCALE if spread_scale is None else spread_scale
    spreads = scale * norm.ppf((1 + (np.arange(_SPREADS) + 0.5) / _SPREADS) / 2)
    logits, logs = [], []
    for spread in spreads:
        found, log_weight = _one_spread(history, float(spread), max(draws // 8, 100), rng)
        logits.append(found)
        logs.append(log_weight)
    log = np.concatenate(logs)
    share = np.exp(log - logsumexp(log))
    chosen = rng.choice(len(log), size=draws, p=share / share.sum())
    return Draws(np.concatenate(logits)[chosen], np.repeat(spreads, [len(part) for part in logs])[chosen])


def seen_share(draws: Draws, cover: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return by draw and kind of bank the probability that at least one platform sees an outfall: d by c."""
    return 1.0 - np.exp(_log_history(draws, cover, np.zeros_like(cover)))


def draw_unfound(
    draws: Draws,
    cover: NDArray[np.bool_],
    found: NDArray[np.float64],
    length: NDArray[np.float64] | None,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Return draws of the number nobody saw on each kind of bank, d by c; lengths in any unit."""
    share = seen_share(draws, cover)
    if length is None:  # density is free: the prior is flat in the logarithm of the number
        rate = rng.gamma(np.maximum(found, 1e-9), 1.0, size=share.shape) / np.maximum(share, 1e-12)
        return rng.poisson(np.minimum(rate * (1 - share), 1e7))
    looked = np.maximum(share @ length, 1e-12)
    mean = rng.gamma(max(found.sum(), 0.5), 1.0, size=len(share)) / looked
    shape = _DENSITY_SHAPE + found
    density = rng.gamma(shape, 1.0, size=share.shape) / (_DENSITY_SHAPE / mean[:, None] + length * share)
    return rng.poisson(np.minimum(density * length * (1 - share), 1e7))


def _one_spread(
    history: History, spread: float, draws: int, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return draws of the logits at one spread with their log weights: a t proposal at the mode, reweighted."""
    size = history.cover.shape[1]

    def cost(logit: NDArray[np.float64]) -> float:
        return -float(_log_posterior(history, Draws(logit[None, :], np.array([spread])))[0])

    found = minimize(cost, np.full(size, _LOGIT_MEAN), method="BFGS", options={"gtol": 1e-4})
    covariance = (found.hess_inv + found.hess_inv.T) / 2 * 1.2
    factor = np.linalg.cholesky(covariance + 1e-9 * np.eye(size))
    freedom = 6.0
    normal = rng.standard_normal((draws, size))
    stretch = np.sqrt(freedom / rng.chisquare(freedom, draws))
    logit = found.x + (normal * stretch[:, None]) @ factor.T
    square = (normal**2).sum(axis=1) * stretch**2
    log_proposal = -0.5 * (freedom + size) * np.log1p(square / freedom) - np.log(np.diag(factor)).sum()
    return logit, _log_posterior(history, Draws(logit, np.full(draws, spread))) - log_proposal


def _log_posterior(history: History, draws: Draws) -> NDArray[np.float64]:
    seen = _log_history(draws, history.cover, history.seen)
    never = _log_history(draws, history.cover, np.zeros_like(history.seen))
    least = np.log(-np.expm1(np.minimum(never, -1e-12)))
    prior = -0.5 * (((draws.logit - _LOGIT_MEAN) / _LOGIT_SIGMA) ** 2).sum(axis=1)
    return prior + (seen - least) @ history.number


def _log_history(draws: Draws, cover: NDArray[np.bool_], seen: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return by draw and row the log probability of being seen by just these of those who looked: d by h."""
    logit = draws.logit[:, None, :] + draws.spread[:, None, None] * _NODES[None, :, None]
    yes = -np.logaddexp(0.0, -logit)
    no = -np.logaddexp(0.0, logit)
    log = yes @ (cover & seen).T.astype(float) + no @ (cover & ~seen).T.astype(float)
    return np.log(np.einsum("q,dqh->dh", _WEIGHTS, np.exp(log)))  # a handful of platforms: nothing underflows


def mean_share(draws: Draws) -> NDArray[np.float64]:
    """Return by draw the share of all outfalls each platform sees where it looks: d by j."""
    return np.einsum(
        "q,dqj->dj", _WEIGHTS, expit(draws.logit[:, None, :] + draws.spread[:, None, None] * _NODES[None, :, None])
    )


def gain_share(draws: Draws, cover: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return by draw, kind of bank and platform the share of all outfalls that one more look would find first."""
    p = expit(draws.logit[:, None, :] + draws.spread[:, None, None] * _NODES[None, :, None])
    no = -np.logaddexp(0.0, draws.logit[:, None, :] + draws.spread[:, None, None] * _NODES[None, :, None])
    missed = np.exp(no @ cover.T.astype(float))
    return np.einsum("q,dqc,dqj->dcj", _WEIGHTS, missed, p)
