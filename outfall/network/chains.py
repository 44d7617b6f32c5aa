"""Where a chain of reaches leads when each has one reach below it, for all reaches at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["follow_chains", "level_chains", "name_chains", "pick_heirs"]


def follow_chains(
    below: NDArray[np.int64], values: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the last reach of the chain of every reach, and the sum of the values after the reach itself.

    Parameters
    ----------
    below : ndarray of int, n values
        Row of the reach that follows; -1 at the end.
    values : ndarray of float, n values
        What is summed.

    Returns
    -------
    last : ndarray of int
        -1 where the chain runs in a circle.
    total : ndarray of float
        Zero for the last reach itself.
    """
    count = len(below)
    jump = np.where(below >= 0, below, np.arange(count))
    total = np.where(below >= 0, values[jump], 0.0) if count else values
    for _ in range(count.bit_length()):  # each round doubles the number of steps looked ahead
        total = total + total[jump]
        jump = jump[jump]
    return np.where(below[jump] < 0, jump, -1), total


def name_chains(below: NDArray[np.int64], number: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return for every reach the row of the last reach of its chain; of a circle, that with the smallest number.

    Parameters
    ----------
    below : ndarray of int, n values
        Row of the reach that follows; no two reaches are followed by one; -1 at the end.
    number : ndarray of int, n values
        Order of the ids.

    Returns
    -------
    ndarray of int, n values
        Rows.
    """
    count = len(below)
    tail = np.flatnonzero(below >= 0)
    graph = csr_matrix((np.ones(len(tail), dtype=np.int8), (tail, below[tail])), shape=(count, count))
    group = connected_components(graph, directed=False)[1] if count else np.zeros(0, dtype=np.int64)
    order = np.lexsort((number, below >= 0, group))
    first = np.append(True, group[order][1:] != group[order][:-1])[:count]
    last = np.empty(int(group.max(initial=-1)) + 1, dtype=np.int64)
    last[group[order][first]] = order[first]
    found: NDArray[np.int64] = last[group]
    return found


def level_chains(path: NDArray[np.int64], below: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the level of the path of every reach: 1 ends at a mouth, 2 joins one of level 1, and so on.

    Parameters
    ----------
    path : ndarray of int, n values
        Row of the last reach of the path of each reach.
    below : ndarray of int, n values
        Row of the reach that follows each reach; -1 at a mouth.

    Returns
    -------
    ndarray of int, n values
        0 where a path comes to no mouth.
    """
    level = np.zeros(len(path), dtype=np.int64)
    ends = np.unique(path)
    joins = below[ends]
    level[ends[joins < 0]] = 1
    open_ends, open_joins = ends[joins >= 0], joins[joins >= 0]
    while len(open_ends):
        found = level[path[open_joins]]
        done = found > 0
        if not done.any():
            break
        level[open_ends[done]] = found[done] + 1
        open_ends, open_joins = open_ends[~done], open_joins[~done]
    return level[path]


def pick_heirs(
    below: NDArray[np.int64],
    weight: NDArray[np.float64],
    names: NDArray[np.object_],
    number: NDArray[np.int64],
    override_factor: float,
) -> NDArray[np.bool_]:
    """Return which of the reaches that join one reach carries its river on upstream; one per reach does.

    Parameters
    ----------
    below : ndarray of int, n values
        Row of the reach they join; -1 for none.
    weight : ndarray of float, n values
        Size of what is above each.
    names : ndarray of object, n values
        Name of the river, or None.
    number : ndarray of int, n values
        Order of the ids; decides ties.
    override_factor : float
        A tributary without the name that is more than this many times heavier wins over one with it.

    Returns
    -------
    ndarray of bool, n values
        False where nothing is below.
    """
    rows = np.flatnonzero(below >= 0)
    code = pd.factorize(pd.Series(names, dtype="object").where(pd.Series(names, dtype="object").map(_is_name)))[0]
    to = below[rows]
    same = (code[rows] >= 0) & (code[rows] == code[to])
    heaviest = np.full(len(below), -np.inf)
    named = np.full(len(below), -np.inf)
    np.maximum.at(heaviest, to, weight[rows])
    np.maximum.at(named, to[same], weight[rows][same])
    kept = same & (heaviest[to] <= np.where(np.isfinite(named[to]), override_factor * named[to], -np.inf))
    order = np.lexsort((number[rows], -weight[rows], ~kept, to))
    first = np.append(True, to[order][1:] != to[order][:-1])[: len(rows)]
    found = np.zeros(len(below), dtype=bool)
    found[rows[order[first]]] = True
    return found


def _is_name(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())
