"""Where water could come back to where it was: the strongly connected parts of a network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from outfall.network.ragged import group_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from outfall.network.arrays import Arrays, Ints

__all__ = ["find_knots", "find_node_knots"]


def find_knots(arrays: Arrays) -> tuple[Ints, Ints]:
    """Return the strongly connected parts of a network, numbered from downstream to upstream.

    Reaches and nodes are both vertices here, so that a node with many reaches costs no more than they do.

    Parameters
    ----------
    arrays : Arrays
        The network.

    Returns
    -------
    reach_part, node_part : ndarray of int32
        Water runs from a part to parts of a lower number only.
    """
    count, nodes = len(arrays.from_node), arrays.node_count
    rows, both = np.arange(count), np.flatnonzero(arrays.two_way)
    tail = np.concatenate([count + arrays.from_node, rows, count + arrays.to_node[both], both])
    head = np.concatenate([rows, count + arrays.to_node, both, count + arrays.from_node[both]])
    graph = csr_matrix((np.ones(len(tail), dtype=np.int8), (tail, head)), shape=(count + nodes, count + nodes))
    _, part = connected_components(graph, directed=True, connection="strong")
    if np.any(part[tail] < part[head]):  # scipy numbers parts in this order without promising it
        part = _sorted_parts(part, tail, head)
    return np.asarray(part[:count], dtype=np.int32), np.asarray(part[count:], dtype=np.int32)


def find_node_knots(arrays: Arrays) -> Ints:
    """Return the strongly connected part each node lies in, numbered from downstream to upstream.

    A reach belongs to a loop (or a two-way stretch) exactly where both its ends lie in one part.

    Parameters
    ----------
    arrays : Arrays
        The network.

    Returns
    -------
    ndarray of int32, one per node
        Water runs from a part to parts of a lower number only.
    """
    both, nodes = arrays.two_way, arrays.node_count
    tail, head = arrays.from_node, arrays.to_node
    if both.any():
        tail, head = np.concatenate([tail, head[both]]), np.concatenate([head, tail[both]])
    start, heads = group_rows(tail, head.astype(np.int32), nodes)
    graph = csr_matrix((np.ones(len(heads)), heads, start), shape=(nodes, nodes))
    graph.sum_duplicates()  # scipy does not come back from two equal edges
    _, part = connected_components(graph, directed=True, connection="strong")
    if np.any(part[tail] < part[head]):  # scipy numbers parts in this order without promising it
        part = _sorted_parts(part, tail, head)
    return np.asarray(part, dtype=np.int32)


def _sorted_parts(part: NDArray[np.int32], tail: Ints, head: Ints) -> NDArray[np.int32]:
    import networkx as nx

    graph = nx.DiGraph()
    graph.add_nodes_from(np.unique(part).tolist())
    graph.add_edges_from(
        pair for pair in zip(part[tail].tolist(), part[head].tolist(), strict=True) if pair[0] != pair[1]
    )
    number = np.zeros(int(part.max()) + 1, dtype=np.int32)
    for at, name in enumerate(reversed(list(nx.topological_sort(graph)))):
        number[name] = at
    return number[part]
