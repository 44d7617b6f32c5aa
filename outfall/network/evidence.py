"""What levels, ground, diameters, mouths and observed ways say about the direction of each reach, as log odds."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from outfall.network.arrays import Arrays

__all__ = ["Said", "hear_diameters", "hear_ground", "hear_levels", "hear_mouths", "hear_ways"]

_NOTHING_M = 1e-6  # a weight of zero means "no edge" to scipy


@dataclass(frozen=True, eq=False)
class Said:
    """What one kind of evidence says of every reach.

    Parameters
    ----------
    log_odds : ndarray of float, n values
        Above 0 it runs as drawn; 0 says nothing.
    words, words_zh : str
        The reason; ``{}`` in it stands for the value.
    value : ndarray of float, n values
        What was measured.
    """

    log_odds: NDArray[np.float64]
    words: str
    words_zh: str
    value: NDArray[np.float64]


def hear_levels(reaches: pd.DataFrame, nodes: pd.DataFrame, arrays: Arrays, weights: Mapping[str, float]) -> Said:
    """Return what the levels of both ends of a reach say; those of its nodes where it has none of its own."""
    ends = []
    for column, node in (("invert_from_m", arrays.from_node), ("invert_to_m", arrays.to_node)):
        own = _numbers(reaches, column)
        ends.append(np.where(np.isnan(own), _numbers(nodes, "invert_m")[node], own))
    own_fall = _numbers(reaches, "invert_from_m") - _numbers(reaches, "invert_to_m")
    fall = np.where(np.isnan(own_fall), ends[0] - ends[1], own_fall)
    most = weights["fall_most"]
    odds = np.clip(np.nan_to_num(fall) / weights["fall_sigma_m"], -most, most)
    return Said(odds, "levels fall {:+.2f} m", "管底高程下降 {:+.2f} m", fall)


def hear_ground(
    from_m: NDArray[np.float64], to_m: NDArray[np.float64], is_pipe: NDArray[np.bool_], weights: Mapping[str, float]
) -> Said:
    """Return what the ground at both ends of a reach says; of buried pipes it says less."""
    fall, most = from_m - to_m, weights["ground_most"]
    odds = np.clip(np.nan_to_num(fall) / weights["ground_sigma_m"], -most, most)
    odds = np.where(is_pipe, weights["ground_pipe_share"] * odds, odds)
    return Said(odds, "ground falls {:+.2f} m", "地面下降 {:+.2f} m", fall)


def hear_diameters(diameter_mm: NDArray[np.float64], arrays: Arrays, weights: Mapping[str, float]) -> Said:
    """Return what the largest other pipe at both ends of a pipe says: pipes grow downstream."""
    at_from, at_to = (_largest_other(diameter_mm, arrays, end) for end in (arrays.from_node, arrays.to_node))
    with np.errstate(invalid="ignore", divide="ignore"):
        growth = np.log2(at_to / at_from)
    odds = np.log(weights["diameter_lr"]) * np.clip(np.nan_to_num(growth, posinf=0.0, neginf=0.0), -1.0, 1.0)
    return Said(odds, "pipes grow {:.1f} times towards its end", "向末端管径增至 {:.1f} 倍", np.exp2(growth))


def hear_mouths(mouths: NDArray[np.bool_], arrays: Arrays, is_heard: NDArray[np.bool_], lr: float) -> Said:
    """Return what the way to the nearest known mouth says: most reaches run towards it.

    Parameters
    ----------
    mouths : ndarray of bool, one per node
        Known mouths, whatever the drawn directions say.
    arrays : Arrays
        The network.
    is_heard : ndarray of bool, one per reach
        Reaches this may speak of.
    lr : float
        Likelihood ratio of a reach that leads straight towards its mouth.

    Returns
    -------
    Said
        Nothing where no mouth is known.
    """
    nearer = np.zeros(len(arrays.from_node))
    if mouths.any():
        far = dijkstra(_both_ways(arrays), indices=np.flatnonzero(mouths), min_only=True)
        known = np.isfinite(far[arrays.from_node]) & is_heard
        gap = np.where(known, far[arrays.from_node], 0.0) - np.where(known, far[arrays.to_node], 0.0)
        nearer = np.clip(gap / np.maximum(arrays.length_m, _NOTHING_M), -1.0, 1.0)
    metres = nearer * arrays.length_m
    return Said(np.log(lr) * nearer, "leads {:+,.0f} m towards a known mouth", "向已知末端靠近 {:+,.0f} m", metres)


def hear_ways(ways: pd.DataFrame, arrays: Arrays, weights: Mapping[str, float]) -> Said:
    """Return what tracer tests, crawlers and documents say: the reaches between two places run from one to the other.

    Parameters
    ----------
    ways : DataFrame
        ``from_ends`` and ``to_ends`` (tuples of nodes), ``from_reach`` and ``to_reach`` (rows, -1 for a node),
        ``exists_share``.
    arrays : Arrays
        The network.
    weights : mapping of str to float
        Of `default_weights`.

    Returns
    -------
    Said
        Full strength on reaches water has to pass, less where it could have gone round.
    """
    odds = np.zeros(len(arrays.from_node))
    if len(ways):
        graph, only = _both_ways(arrays), _bridges(arrays)
        joins = {}
        for row in np.argsort(-arrays.length_m, kind="stable").tolist():
            tail, head = int(arrays.from_node[row]), int(arrays.to_node[row])
            joins[tail, head] = joins[head, tail] = row
        for way in ways.to_dict("records"):
            share = min(float(way["exists_share"]), 1.0 - 1e-9)
            strength = min(float(np.log((1.0 + share) / (1.0 - share))), weights["through_most"])
            for row, is_forward in _walk(way, graph, joins, arrays):
                part = strength * (1.0 if only[row] else weights["shortest_share"])
                odds[row] += part if is_forward else -part
    return Said(odds, "water was followed through it", "示踪或检测证明水流经过", np.abs(odds))


def _walk(
    way: Mapping[str, Any], graph: csr_matrix, joins: Mapping[tuple[int, int], int], arrays: Arrays
) -> list[tuple[int, bool]]:
    """Return the reaches from one place to another, each with whether it is walked as drawn."""
    first, last = int(way["from_reach"]), int(way["to_reach"])
    if first == last >= 0:
        return []
    far, before, _ = dijkstra(graph, indices=list(way["from_ends"]), min_only=True, return_predecessors=True)
    node = min(way["to_ends"], key=lambda end: (far[end], end))
    if not np.isfinite(far[node]):
        return []
    nodes = [int(node)]
    while before[nodes[-1]] >= 0:
        nodes.append(int(before[nodes[-1]]))
    nodes.reverse()
    rows = [joins[pair] for pair in itertools.pairwise(nodes)]
    steps = [(row, int(arrays.from_node[row]) == tail) for row, tail in zip(rows, nodes[:-1], strict=True)]
    if first >= 0:
        steps.insert(0, (first, int(arrays.to_node[first]) == nodes[0]))
    if last >= 0:
        steps.append((last, int(arrays.from_node[last]) == nodes[-1]))
    return steps


def _largest_other(diameter_mm: NDArray[np.float64], arrays: Arrays, end: NDArray[np.int32]) -> NDArray[np.float64]:
    """Return the largest diameter of the other pipes at one end of each pipe; its own where there is none."""
    count, known = arrays.node_count, np.nan_to_num(diameter_mm)
    node = np.concatenate([arrays.from_node, arrays.to_node])
    size, row = np.tile(known, 2), np.tile(np.arange(len(known)), 2)
    order = np.lexsort((row, -size, node))
    rank = np.arange(len(order)) - np.searchsorted(node[order], node[order])
    best, second, owner = np.zeros(count), np.zeros(count), np.full(count, -1)
    best[node[order[rank == 0]]], owner[node[order[rank == 0]]] = size[order[rank == 0]], row[order[rank == 0]]
    second[node[order[rank == 1]]] = size[order[rank == 1]]
    other = np.where(owner[end] == np.arange(len(known)), second[end], best[end])
    return np.where(other > 0, other, np.where(known > 0, known, np.nan))


def _both_ways(arrays: Arrays) -> csr_matrix:
    tail, head = np.concatenate([arrays.from_node, arrays.to_node]), np.concatenate([arrays.to_node, arrays.from_node])
    length = np.tile(np.maximum(arrays.length_m, _NOTHING_M), 2)
    order = np.lexsort((length, head, tail))
    tail, head, length = tail[order], head[order], length[order]
    first = np.ones(len(tail), dtype=bool)
    first[1:] = (tail[1:] != tail[:-1]) | (head[1:] != head[:-1])
    return csr_matrix((length[first], (tail[first], head[first])), shape=(arrays.node_count,) * 2)


def _bridges(arrays: Arrays) -> NDArray[np.bool_]:
    """Return whether each reach is the only way between what lies on its two sides."""
    import networkx as nx

    pairs = [(min(pair), max(pair)) for pair in zip(arrays.from_node.tolist(), arrays.to_node.tolist(), strict=True)]
    times = pd.Series(pairs, dtype="object").value_counts()
    graph = nx.Graph(pair for pair in pairs if pair[0] != pair[1])
    found = set(nx.bridges(graph))
    return np.asarray([((a, b) in found or (b, a) in found) and times[(a, b)] == 1 for a, b in pairs], dtype=bool)


def _numbers(frame: pd.DataFrame, column: str) -> NDArray[np.float64]:
    if column not in frame.columns:
        return np.full(len(frame), np.nan)
    return np.asarray(pd.to_numeric(frame[column], errors="coerce").astype("float64"), dtype=float)
