"""What a person reads from shares that may be: one share per source, its interval, and how sure it is there at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["choose_shares", "pick_draws", "shortest_interval"]

_NOTHING = 1e-9


def choose_shares(share: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the shares that sum to 1 and are off by least on average: the same quantile of every source.

    A source that is probably absent gets exactly 0.

    Parameters
    ----------
    share : array, points x sources
        Shares that may be.
    weight : array, points
        How likely each is; sums to 1.

    Returns
    -------
    array, sources
        Sums to 1.

    Examples
    --------
    >>> import numpy as np
    >>> choose_shares(np.array([[1.0, 0.0], [0.9, 0.1], [0.8, 0.2]]), np.full(3, 1 / 3)).round(3).tolist()
    [0.9, 0.1]
    """
    order = np.argsort(share, axis=0, kind="stable")
    value = np.take_along_axis(share, order, axis=0)
    total = np.cumsum(weight[order], axis=0)
    low, high = 0.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if _quantile(value, total, middle).sum() < 1.0 else (low, middle)
    below, above = _quantile(value, total, low), _quantile(value, total, high)
    gap = above.sum() - below.sum()
    chosen = below + (above - below) * ((1.0 - below.sum()) / gap if gap > _NOTHING else 0.0)
    chosen = np.where(chosen < _NOTHING, 0.0, chosen)
    return np.asarray(chosen / chosen.sum())


def shortest_interval(
    value: NDArray[np.float64], weight: NDArray[np.float64], mass: float = 0.9
) -> tuple[float, float, float]:
    """Return the shortest interval with a mass, and the mass it really has (exact zeros come as a lump).

    Parameters
    ----------
    value, weight : array
        What may be, and how likely; weights sum to 1.
    mass : float
        At least this.

    Returns
    -------
    tuple of float
        Low, high, mass inside.

    Examples
    --------
    >>> import numpy as np
    >>> shortest_interval(np.array([0.0, 0.0, 0.5, 0.6]), np.array([0.5, 0.45, 0.03, 0.02]))
    (0.0, 0.0, 0.95)
    """
    kinds, which = np.unique(value, return_inverse=True)
    total = np.concatenate([[0.0], np.cumsum(np.bincount(which, weights=weight))])
    end = np.searchsorted(total, total[:-1] + mass * total[-1] - 1e-12)
    start = np.flatnonzero(end <= len(kinds))
    width = kinds[end[start] - 1] - kinds[start]
    best = start[np.lexsort((total[start] - total[end[start]], width))[0]]
    inside = round(float(total[end[best]] - total[best]), 12)
    return float(kinds[best]), float(kinds[end[best] - 1]), min(inside, 1.0)


def pick_draws(
    share: NDArray[np.float64], weight: NDArray[np.float64], *, count: int, seed: int
) -> NDArray[np.float64]:
    """Return equally likely draws of the shares.

    Parameters
    ----------
    share : array, points x sources
        Shares that may be.
    weight : array, points
        How likely each is; sums to 1.
    count : int
        Draws.
    seed : int
        The same seed gives the same draws.

    Returns
    -------
    array, draws x sources
        Each row sums to 1; in random order, so that draws of several waters can be paired.
    """
    rng = np.random.default_rng(seed)
    at = np.searchsorted(np.cumsum(weight), (np.arange(count) + rng.random()) / count * (1 - 1e-12))
    return share[rng.permutation(np.minimum(at, len(weight) - 1))]


def _quantile(value: NDArray[np.float64], total: NDArray[np.float64], level: float) -> NDArray[np.float64]:
    at = np.minimum((total < level - 1e-15).sum(axis=0), len(value) - 1)
    return np.asarray(np.take_along_axis(value, at[None, :], axis=0)[0])
