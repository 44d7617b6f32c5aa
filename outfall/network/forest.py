"""The preorder of a forest: after which whatever lies above a vertex stands together, without a loop over vertices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import depth_first_order

from outfall.network.ragged import group_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from outfall.network.arrays import Ints

__all__ = ["order_forest"]


def order_forest(parent: Ints, root_key: Ints) -> tuple[Ints, Ints, Ints] | None:
    """Return the preorder of a forest and how far what hangs on each vertex reaches in it.

    A tree is walked in C as the binary tree of first child and next sibling, which has the same preorder, so that
    neither depth nor many children cost more than their number.

    Parameters
    ----------
    parent : ndarray of int32, n values
        Vertex each one hangs on; -1 for a root.
    root_key : ndarray of int32, n values
        Roots with the same key stand together.

    Returns
    -------
    sequence : ndarray of int32, n values
        Vertices in preorder.
    first, end : ndarray of int32, one per vertex
        A vertex and all that hangs on it are ``sequence[first:end]``. None in place of all three where the vertices
        hang on each other in a circle.
    """
    count = len(parent)
    start, kids = group_rows(np.where(parent < 0, count, parent), np.arange(count, dtype=np.int32), count + 1)
    roots = kids[start[count] :]
    kids[start[count] :] = roots[np.argsort(root_key[roots], kind="stable")]
    sequence = depth_first_order(_as_binary(start, kids), count, return_predecessors=False)[1:]
    if len(sequence) < count:
        return None
    first = np.empty(count, dtype=np.int32)
    first[sequence] = np.arange(count, dtype=np.int32)
    end = np.empty(count, dtype=np.int32)
    end[sequence] = _find_ends(np.diff(start)[sequence])
    return sequence, first, end


def _as_binary(start: Ints, kids: Ints) -> csr_matrix:
    """Return the graph from each vertex to its first child and its next sibling; the last vertex bears the roots."""
    count = len(kids)
    number = np.diff(start)
    pair = np.full((count + 1, 2), -1, dtype=np.int32)
    pair[number > 0, 0] = kids[start[:-1][number > 0]]
    follows = np.ones(count, dtype=bool)
    follows[start[:-1][number > 0]] = False  # the first of each group has no elder sibling
    younger = np.flatnonzero(follows)
    pair[kids[younger - 1], 1] = kids[younger]
    there = pair >= 0
    pointer = np.zeros(count + 2, dtype=np.int32)
    np.cumsum(there.sum(axis=1), out=pointer[1:])
    return csr_matrix((np.ones(pointer[-1]), pair[there], pointer), shape=(count + 1, count + 1))


def _find_ends(number: Ints) -> NDArray[np.int64]:
    """Return where the part of each vertex ends, from the number of children in preorder.

    The walk that goes up by (children - 1) at each vertex first falls below where a vertex stands at the end of its
    part; it falls by one at a time, so that end is the next place with exactly that height: one sort finds them all.
    """
    count = len(number)
    height = np.zeros(count + 1, dtype=np.int64)
    np.cumsum(number - 1, out=height[1:])
    inner = np.flatnonzero(number > 0)
    base, width = height.min(initial=0), count + 1
    places = np.sort((height - base) * width + np.arange(width))
    wanted = np.sort((height[inner] - base - 1) * width + inner)
    found = places[np.searchsorted(places, wanted)] % width
    ends = np.arange(1, count + 1)
    ends[wanted % width] = found
    return ends
