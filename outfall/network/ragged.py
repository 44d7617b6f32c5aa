"""Lists of unequal length as flat arrays: grouping by key, gathering groups, writing out runs of numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_matrix

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["gather", "group_rows", "spread"]


def group_rows(
    keys: NDArray[np.integer], values: NDArray[np.int32], count: int
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return values grouped by key as (start, value), keeping their order inside each group.

    Parameters
    ----------
    keys : ndarray of int, n values
        Group of each value, from 0 to ``count`` - 1.
    values : ndarray of int32, n values
        What is grouped.
    count : int
        Number of groups.

    Returns
    -------
    start : ndarray of int32, count + 1 values
        Where each group begins.
    value : ndarray of int32, n values
        The values, group by group.
    """
    one = np.arange(len(values) + 1, dtype=np.int32)  # to scipy this is a transposition: a counting sort in C
    turned = csr_matrix((values, np.asarray(keys, dtype=np.int32), one), shape=(len(values), count)).tocsc()
    return turned.indptr, turned.data


def gather(start: NDArray[np.integer], groups: NDArray[np.integer]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return, for the values of several groups, which of the groups asked for each belongs to and where it stands.

    Parameters
    ----------
    start : ndarray of int
        Where each group begins.
    groups : ndarray of int
        Groups asked for; one may be asked for more than once.

    Returns
    -------
    row : ndarray of int
        Which of the groups asked for.
    at : ndarray of int
        Where the value stands.
    """
    sizes = (start[groups + 1] - start[groups]).astype(np.int64)
    return spread(start[groups], sizes)


def spread(begin: NDArray[np.integer], sizes: NDArray[np.integer]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the numbers of several runs one after another: which run each belongs to, and the number.

    Parameters
    ----------
    begin, sizes : ndarray of int
        First number of each run, and how many it has.

    Returns
    -------
    row : ndarray of int
        Which run.
    at : ndarray of int
        The number.
    """
    rows = np.repeat(np.arange(len(sizes)), sizes)
    if not len(rows):
        return rows, rows
    shift = np.asarray(begin, dtype=np.int64) - (np.cumsum(sizes) - sizes)
    return rows, np.arange(len(rows)) + shift[rows]
