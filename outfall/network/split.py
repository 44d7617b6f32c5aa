"""How much arrives at every reach when every divergence splits its flow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.linalg import spsolve_triangular

if TYPE_CHECKING:
    from outfall.network.arrays import Arrays, Ints, Reals
    from outfall.network.index import Index

__all__ = ["share_exits", "sum_split"]


def sum_split(index: Index, values: Reals) -> Reals:
    """Return the sum of values that arrives at each reach when every divergence splits its flow.

    What enters a loop or a two-way stretch leaves it by its exits in the proportion of their shares.
    """
    part = index.node_part
    tail, head = part[index.arrays.from_node], part[index.arrays.to_node]
    count = 1 + int(part.max(initial=-1))
    share = share_exits(index.arrays, index.fraction, tail, head)
    moving = tail != head
    last = count - 1  # parts count from downstream, so turned round they come after what is above them
    step = csr_matrix((-share[moving], (last - head[moving], last - tail[moving])), shape=(count, count))
    step.setdiag(1.0)
    own = np.bincount(last - head, weights=values, minlength=count)
    held = spsolve_triangular(step, own, lower=True, unit_diagonal=True)[::-1] if count else own
    return np.where(moving, values + share * held[tail], held[tail])


def share_exits(arrays: Arrays, fraction: Reals, tail: Ints, head: Ints) -> Reals:
    """Return the share of what its upper part holds that enters each reach; the exits of a part sum to 1.

    Parameters
    ----------
    arrays : Arrays
        The network.
    fraction : ndarray of float, one per reach
        Share of the flow of its ``from_node``; those not given take equal parts of the rest.
    tail, head : ndarray of int32, one per reach
        Part (a loop, or one node) at the upper and lower end.

    Returns
    -------
    ndarray of float, one per reach
        0 inside a loop.
    """
    known, is_open = np.nan_to_num(fraction, nan=0.0), np.isnan(fraction)
    node, count = arrays.from_node, arrays.node_count
    given = np.bincount(node, weights=known, minlength=count)
    rest = np.maximum(1.0 - given, 0.0) / np.maximum(np.bincount(node, weights=is_open, minlength=count), 1.0)
    share = np.where(is_open, rest[node], known)
    moving = tail != head
    parts = 1 + int(tail.max(initial=-1))
    whole = np.bincount(tail[moving], weights=share[moving], minlength=parts)[tail]
    number = np.bincount(tail[moving], minlength=parts)[tail]
    even = 1.0 / np.maximum(number, 1)
    return np.where(moving, np.where(whole > 0, share / np.where(whole > 0, whole, 1.0), even), 0.0)
