"""How much doubt a yes or no takes away, in bits; and what is left after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["choose_batch", "information_gain", "learn"]


def information_gain(
    weight: NDArray[np.float64], positive: NDArray[np.float64], source: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return by spot the bits a sample is expected to teach about which source it is.

    Parameters
    ----------
    weight : ndarray, n
        Probability of each hypothesis.
    positive : ndarray, m by n
        Probability that a sample of a spot is positive under each hypothesis.
    source : ndarray of int, n
        Whose hypothesis it is: places of one source are one answer.

    Returns
    -------
    ndarray, m
        Mutual information of the outcome and the source.
    """
    if not len(weight):
        return np.zeros(len(positive))
    return _gain(weight[None, :], positive, source)


def choose_batch(
    weight: NDArray[np.float64],
    positive: NDArray[np.float64],
    source: NDArray[np.int64],
    cost: NDArray[np.float64],
    tie: NDArray[np.int64],
    count: int,
) -> tuple[list[int], list[float]]:
    """Return spots chosen one by one for bits per cost, each given all outcomes of those before it, and their bits."""
    joint = weight[None, :]  # one row per combination of outcomes so far
    chosen: list[int] = []
    bits: list[float] = []
    for _ in range(min(count, len(positive))):
        gain = _gain(joint, positive, source)
        gain[chosen] = -np.inf
        best = int(np.lexsort((tie, -np.round(gain / cost, 12)))[0])
        chosen.append(best)
        bits.append(float(gain[best]))
        joint = np.concatenate([joint * positive[best], joint * (1.0 - positive[best])])
        if len(joint) > 1024:  # ten crews: what is left to learn hardly depends on the rarest outcomes
            joint = joint[np.argsort(-joint.sum(axis=1), kind="stable")[:1024]]
    return chosen, bits


def learn(
    weight: NDArray[np.float64], positive: NDArray[np.float64], is_found: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return the probability of each hypothesis after the outcomes."""
    chance = np.where(is_found[:, None], positive, 1.0 - positive)
    with np.errstate(divide="ignore"):
        log = np.log(weight) + np.log(chance).sum(axis=0)
    if not np.isfinite(log).any():  # outcomes no hypothesis allows: they say nothing
        return weight
    new = np.exp(log - log.max())
    return np.asarray(new / new.sum())


def _gain(joint: NDArray[np.float64], positive: NDArray[np.float64], source: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the information of the next outcome about the source, given the outcomes so far (rows of joint)."""
    if len(np.unique(source)) == len(source):
        inside, outside = joint @ _entropy(positive).T, joint @ positive.T
        mass = joint.sum(axis=1, keepdims=True)
        with np.errstate(divide="ignore", invalid="ignore"):
            doubt = np.where(mass > 0, mass * _entropy(np.where(mass > 0, outside / mass, 0.0)), 0.0)
        return np.asarray(np.maximum((doubt - inside).sum(axis=0), 0.0))
    first = np.unique(source, return_index=True)[1]
    order = np.argsort(source, kind="stable")
    start = np.searchsorted(source[order], source[first])
    total = np.zeros(len(positive))
    for row in joint:
        mass = row.sum()
        if mass <= 0:
            continue
        held = row[order]
        each = np.add.reduceat(held, start)
        hits = np.add.reduceat(positive[:, order] * held, start, axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            inside = np.where(each > 0, each * _entropy(np.where(each > 0, hits / each, 0.0)), 0.0).sum(axis=1)
        total += mass * _entropy(hits.sum(axis=1) / mass) - inside
    return np.maximum(total, 0.0)


def _entropy(share: NDArray[np.float64]) -> NDArray[np.float64]:
    p = np.clip(share, 1e-300, 1.0)
    q = np.clip(1.0 - share, 1e-300, 1.0)
    return np.asarray(-(p * np.log2(p) + q * np.log2(q)))
