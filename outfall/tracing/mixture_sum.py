"""How likely a sum of lognormal amounts is: the widest of them is integrated over, the others are taken as one lognormal.

Two lognormals are summed exactly, which moments do not do: where either of two wide waters may have brought a tracer,
its logarithm is skewed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["log_sum_density"]

_NODES = 16
_REACH = 4.5
_HALF_LOG_2PI = 0.9189385332046727
_LEAST, _MOST = -60.0, -1e-9


def log_sum_density(
    value_ln: NDArray[np.float64],
    amount: NDArray[np.float64],
    relative: NDArray[np.float64],
    sigma: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the log density of the logarithm of a sum of lognormal amounts, measured with an error.

    Parameters
    ----------
    value_ln : array, tracers
        Logarithm of what was measured.
    amount : array, rows x parts x tracers
        Mean amount of each part; above 0.
    relative : array, rows x parts x tracers
        Squared relative standard deviation of each part.
    sigma : array, tracers
        Relative error of the measurement.

    Returns
    -------
    array, rows x tracers
        Natural logarithm; one part is exact, two are but for the error, which is taken as each part's own.

    Examples
    --------
    >>> import numpy as np
    >>> grid = np.linspace(-2.0, 6.0, 400)
    >>> amount, relative = np.ones((1, 2, 400)), np.full((1, 2, 400), 0.5)
    >>> density = np.exp(log_sum_density(grid, amount, relative, np.full(400, 0.05)))[0]
    >>> float(round(density.sum() * (grid[1] - grid[0]), 3))
    1.0
    """
    widest = (amount**2 * relative).argmax(axis=1)[:, None, :]
    one, one_relative = (np.take_along_axis(part, widest, axis=1)[:, 0] for part in (amount, relative))
    centre, spread = _moments(one, one_relative, sigma)
    if amount.shape[1] == 1:
        return np.asarray(-0.5 * ((value_ln - centre) / spread) ** 2 - np.log(spread) - _HALF_LOG_2PI)
    is_rest = np.arange(amount.shape[1])[None, :, None] != widest
    rest = (amount * is_rest).sum(axis=1)
    rest_relative = (amount**2 * relative * is_rest).sum(axis=1) / rest**2
    other, other_spread = _moments(rest, rest_relative, sigma)
    return _integrate(centre - value_ln, spread, other - value_ln, other_spread)


def _moments(
    amount: NDArray[np.float64], relative: NDArray[np.float64], sigma: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    variance = np.log1p(relative)
    return np.log(amount) - variance / 2, np.sqrt(variance + sigma**2)


def _integrate(
    one: NDArray[np.float64], spread: NDArray[np.float64], other: NDArray[np.float64], other_spread: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the log of the integral over which part of the sum the one brings, in log odds; centres from the value."""
    low = np.maximum(_odds(one - _REACH * spread), -_odds(other + _REACH * other_spread))
    high = np.minimum(_odds(one + _REACH * spread), -_odds(other - _REACH * other_spread))
    middle, half = (low + high) / 2, np.maximum((high - low) / 2, 0.05)
    total = np.zeros_like(one)
    for node in np.linspace(-1.0, 1.0, _NODES):
        odds = middle + half * node
        brings = -np.log1p(np.exp(-odds))
        total += np.exp(-0.5 * (((brings - one) / spread) ** 2 + ((brings - odds - other) / other_spread) ** 2))
    step = 2.0 * half / (_NODES - 1)
    return np.asarray(np.log(np.maximum(total * step, 1e-300)) - np.log(spread * other_spread) - 2.0 * _HALF_LOG_2PI)


def _odds(share_ln: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the log odds of a share given as a logarithm."""
    cut = np.clip(share_ln, _LEAST, _MOST)
    return np.asarray(cut - np.log(-np.expm1(cut)))
