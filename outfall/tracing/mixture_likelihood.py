"""How likely one water is when the shares of its sources are given.

Amounts add, so the mean of a mixture is the sum of the means and its covariance that of the covariances; the mixture
is then taken as lognormal with these moments and heavy tails. A non-detect counts as the probability of lying below
its limit, given what was measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from outfall.tracing.mixture_sum import log_sum_density

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Mixed", "Tracers", "log_likelihood", "misfit"]

_AT_ONCE = 4096
_ROUGH = 0.1
_SMALL = 1e-300


@dataclass(frozen=True, slots=True)
class Tracers:
    """What was measured in one water: natural logs, -1 below the value, 0 measured, 1 above; relative error."""

    value_ln: NDArray[np.float64]
    censored: NDArray[np.int64]
    sigma: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Mixed:
    """What each source brings: mean ``amount`` (sources x tracers), relative covariance (… x tracers x tracers).

    ``cov`` has two dimensions (variances only) where tracers are taken as independent.
    """

    amount: NDArray[np.float64]
    cov: NDArray[np.float64]

    @classmethod
    def build(cls, mean_ln: NDArray[np.float64], cov_ln: NDArray[np.float64]) -> Mixed:
        """Return the moments of the amounts from those of their logarithms."""
        variance = cov_ln if cov_ln.ndim == 2 else np.diagonal(cov_ln, axis1=1, axis2=2)
        return cls(np.exp(mean_ln + variance / 2), np.expm1(cov_ln))


def log_likelihood(
    water: Tracers,
    mixed: Mixed,
    members: NDArray[np.int64],
    shares: NDArray[np.float64],
    tail_df: float,
    *,
    is_fine: bool = False,
) -> NDArray[np.float64]:
    """Return the log likelihood of each row of shares.

    Parameters
    ----------
    water : Tracers
        What was measured; no tracer gives 0.
    mixed : Mixed
        What each source brings.
    members : array of int, rows x size
        Sources of each row.
    shares : array, rows x size
        Their shares.
    tail_df : float
        Degrees of freedom of the Student t.
    is_fine : bool, default False
        Whether the sum of independent lognormals is integrated instead of matched by its moments; slower.

    Returns
    -------
    array, rows
        Natural logarithm.
    """
    if not len(water.value_ln):
        return np.zeros(len(shares))
    parts = []
    for at in range(0, len(shares), _AT_ONCE):
        part = slice(at, at + _AT_ONCE)
        if mixed.cov.ndim == 2:
            parts.append(_independent(water, mixed, members[part], shares[part], tail_df, is_fine=is_fine))
        else:
            parts.append(_joint(water, mixed, members[part], shares[part], tail_df))
    return np.concatenate(parts)


def misfit(
    water: Tracers, mixed: Mixed, members: NDArray[np.int64], shares: NDArray[np.float64]
) -> tuple[NDArray[np.float64], int]:
    """Return how far the measured tracers are from each row of shares (squared, in standard deviations); how many.

    Parameters
    ----------
    water : Tracers
        What was measured; a non-detect that could be any value below its limit says nothing here.
    mixed : Mixed
        What each source brings.
    members : array of int, rows x size
        Sources of each row.
    shares : array, rows x size
        Their shares.

    Returns
    -------
    tuple of array and int
        Squared distance per row; measured tracers.
    """
    seen = np.flatnonzero(water.censored == 0)
    if not len(seen):
        return np.zeros(len(shares)), 0
    centre, spread = _moments(water, mixed, members, shares)
    off = (water.value_ln - centre)[:, seen]
    if spread.ndim == 2:
        return (off**2 / spread[:, seen]).sum(axis=1), len(seen)
    part = spread[:, seen][:, :, seen]
    return np.einsum("ri,ri->r", off, np.linalg.solve(part, off[:, :, None])[:, :, 0]), len(seen)


def _moments(
    water: Tracers, mixed: Mixed, members: NDArray[np.int64], shares: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and (co)variance of the log of each mixture, with the error of the measurement."""
    parts = shares[:, :, None] * mixed.amount[members]
    total = parts.sum(axis=1)
    parts = parts / total[:, None, :]
    if mixed.cov.ndim == 2:
        variance = np.log1p((parts**2 * mixed.cov[members]).sum(axis=1))
        return np.log(total) - variance / 2, variance + water.sigma**2
    size = parts.shape[2]
    cov = np.zeros((len(shares), size, size))
    for place in range(shares.shape[1]):
        part = parts[:, place]
        cov += part[:, :, None] * part[:, None, :] * mixed.cov[members[:, place]]
    relative = np.einsum("rii->ri", cov)
    variance = np.log1p(relative)
    scale = np.sqrt(variance / np.maximum(relative, 1e-12))
    cov *= scale[:, :, None] * scale[:, None, :]
    cov[:, np.arange(size), np.arange(size)] += water.sigma**2 + 1e-6
    return np.log(total) - variance / 2, cov


def _independent(
    water: Tracers,
    mixed: Mixed,
    members: NDArray[np.int64],
    shares: NDArray[np.float64],
    tail_df: float,
    *,
    is_fine: bool,
) -> NDArray[np.float64]:
    centre, variance = _moments(water, mixed, members, shares)
    spread = np.sqrt(variance)
    z = (water.value_ln - centre) / spread
    constant = special.gammaln((tail_df + 1) / 2) - special.gammaln(tail_df / 2) - 0.5 * np.log(tail_df * np.pi)
    out = constant - np.log(spread) - 0.5 * (tail_df + 1) * np.log1p(z**2 / tail_df)
    cut = np.flatnonzero(water.censored)
    if len(cut):
        out[:, cut] = np.log(np.maximum(special.stdtr(tail_df, -water.censored[cut] * z[:, cut]), _SMALL))
    if is_fine:
        seen = np.flatnonzero(water.censored == 0)
        fine = log_sum_density(
            water.value_ln[seen],
            shares[:, :, None] * mixed.amount[members][:, :, seen],
            mixed.cov[members][:, :, seen],
            water.sigma[seen],
        )
        out[:, seen] = np.logaddexp(np.log1p(-_ROUGH) + fine, np.log(_ROUGH) + out[:, seen])
    return np.asarray(out.sum(axis=1))


def _joint(
    water: Tracers, mixed: Mixed, members: NDArray[np.int64], shares: NDArray[np.float64], tail_df: float
) -> NDArray[np.float64]:
    """Return the likelihood with covariance; non-detects follow one by one, each given all that was measured."""
    order = np.argsort(water.censored != 0, kind="stable")
    seen = int((water.censored == 0).sum())
    centre, cov = _moments(water, mixed, members, shares)
    off = (water.value_ln - centre)[:, order]
    root = np.linalg.cholesky(cov[:, order][:, :, order])
    z = np.linalg.solve(root[:, :seen, :seen], off[:, :seen, None])[:, :, 0]
    squared = (z**2).sum(axis=1)
    constant = special.gammaln((tail_df + seen) / 2) - special.gammaln(tail_df / 2) - seen / 2 * np.log(tail_df * np.pi)
    out = constant - np.log(np.einsum("rii->ri", root[:, :seen, :seen])).sum(axis=1)
    out = out - (tail_df + seen) / 2 * np.log1p(squared / tail_df)
    if seen < len(order):
        given = np.einsum("rcj,rj->rc", root[:, seen:, :seen], z)
        wide = np.sqrt((root[:, seen:, seen:] ** 2).sum(axis=2) * ((tail_df + squared) / (tail_df + seen))[:, None])
        sign = -water.censored[order][seen:]
        below = special.stdtr(tail_df + seen, sign * (off[:, seen:] - given) / wide)
        out = out + np.log(np.maximum(below, _SMALL)).sum(axis=1)
    return np.asarray(out)
