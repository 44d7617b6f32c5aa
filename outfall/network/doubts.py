"""What looks wrong in a finished network: loops, pieces, ends that dangle, crossings without a node, odd confluences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from outfall.network.graph import Network
    from outfall.network.record import Record

__all__ = ["DANGLE_M", "record_doubts"]

DANGLE_M = 20.0  # our default: an end this near a line that it does not join is a doubt, farther it is a mouth
_PIPES = ("gravity_sewer", "pressure_main", "pump", "weir", "gate")


@dataclass(frozen=True, eq=False)
class _Near:
    """The nearest line that a node does not belong to: its row, how far it is, and how it lies."""

    row: NDArray[np.int64]
    gap_m: NDArray[np.float64]


def record_doubts(network: Network, record: Record) -> None:
    """Write down what looks wrong in a finished network, each with the ids of the lines concerned.

    Parameters
    ----------
    network : Network
        The network.
    record : Record
        Doubts are added to it.
    """
    if not len(network.reaches):
        return
    lines = network.reaches["line_id"].fillna(network.reaches["reach_id"]).to_numpy(dtype=object)
    _record_loops(network, lines, record)
    _record_pieces(network, lines, record)
    _record_nodes(network, lines, record)
    _record_crossings(network, lines, record)


def _record_loops(network: Network, lines: NDArray[np.object_], record: Record) -> None:
    position = pd.Series(np.arange(len(lines)), index=network.reaches["reach_id"])
    for _, loop in network.loops().groupby("loop"):
        ids, both = lines[position[loop["reach_id"]]], int(loop["is_two_way"].sum())
        record.add(
            "loop",
            ids,
            (
                f"water can come back through {len(loop)} reaches" + (f", {both} of them two-way" if both else ""),
                f"{len(loop)} 条河段·管段构成环路" + (f",其中 {both} 条双向" if both else ""),
            ),
            level="note" if both else "warning",
            decision="kept; everything on it is upstream of all of it",
        )


def _record_pieces(network: Network, lines: NDArray[np.object_], record: Record) -> None:
    """Write down every part of the network but the largest, with the nearest line it does not reach."""
    pieces = network.pieces().to_numpy()
    if pieces.max() == 1:
        return
    length = np.bincount(pieces, weights=network.arrays.length_m)
    order = np.argsort(pieces, kind="stable")
    start = np.searchsorted(pieces[order], np.arange(pieces.max() + 2))
    gap, other = _gaps(network, pieces)
    for number in range(2, int(pieces.max()) + 1):
        rows = order[start[number] : start[number + 1]]
        alone, far = len(rows) == 1, float(gap[number])
        near = f"; the nearest other line, {lines[other[number]]}, is {far:,.1f} m away" if other[number] >= 0 else ""
        near_zh = f",距最近的 {lines[other[number]]} {far:,.1f} m" if other[number] >= 0 else ""
        record.add(
            "isolated" if alone else "piece",
            lines[rows],
            (
                f"{'one reach' if alone else f'{len(rows)} reaches'} of {length[number]:,.0f} m joined to nothing else{near}",
                f"{len(rows)} 条河段·管段(共 {length[number]:,.0f} m)与其余部分不相连{near_zh}",
            ),
            decision="kept",
            distance_m=far,
        )


def _gaps(network: Network, pieces: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return how far each piece but the first is from the nearest line of another, as its nodes see it."""
    count = int(pieces.max()) + 1
    gap, other = np.full(count, np.nan), np.full(count, -1, dtype=np.int64)
    arrays, shapes = network.arrays, network.reaches.geometry.to_numpy()
    rows = np.flatnonzero(pieces > 1)
    node, at = np.unique(np.concatenate([arrays.from_node[rows], arrays.to_node[rows]]), return_index=True)
    piece = np.tile(pieces[rows], 2)[at]
    points = network.nodes.geometry.to_numpy()[node]
    near, line = shapely.STRtree(shapes).query(points, predicate="dwithin", distance=DANGLE_M)
    strange = pieces[line] != piece[near]
    near, line = near[strange], line[strange]
    ids = network.reaches["reach_id"].to_numpy(dtype=object)[line]
    found = pd.DataFrame(
        {"piece": piece[near], "line": line, "id": ids, "gap": shapely.distance(points[near], shapes[line])}
    )
    best = found.sort_values(["piece", "gap", "id"], kind="stable").drop_duplicates("piece")
    gap[best["piece"]], other[best["piece"]] = best["gap"], best["line"]
    return gap, other


def _record_nodes(network: Network, lines: NDArray[np.object_], record: Record) -> None:
    """Write down nodes where water has no way out or no way in, where ends dangle and where many lines meet."""
    arrays, count = network.arrays, len(network.nodes)
    into, out = np.bincount(arrays.to_node, minlength=count), np.bincount(arrays.from_node, minlength=count)
    kind = network.reaches["kind"].to_numpy(dtype=object)
    open_water = ~np.isin(kind, [*_PIPES, "interface"])
    rivers_in = np.bincount(arrays.to_node[open_water], minlength=count)
    ending, leaving = _members(arrays.to_node, count), _members(arrays.from_node, count)
    mouths = np.flatnonzero((out == 0) & (into > 0))
    near = _nearest_line(network, mouths)
    for node, row, gap in zip(mouths.tolist(), near.row.tolist(), near.gap_m.tolist(), strict=True):
        ids = sorted(set(lines[ending(node)]))
        where = {"level": "warning", "at": network.nodes.geometry.iloc[node], "distance_m": gap if row >= 0 else np.nan}
        close = f"; {lines[row]} is {gap:,.2f} m away and not joined" if row >= 0 else ""
        close_zh = f";距 {lines[row]} {gap:,.2f} m 而未相接" if row >= 0 else ""
        more = [lines[row]] if row >= 0 else []
        if into[node] > 1:
            reasons = (f"{into[node]} reaches end at one node and none leaves it: {', '.join(ids)}{close}",
                       f"{into[node]} 条汇入同一节点而无出口:{', '.join(ids)}{close_zh}")  # fmt: skip
            record.add("converging", [*ids, *more], reasons, decision="kept as drawn", **where)
        elif row >= 0:
            reasons = (f"{ids[0]} ends {gap:,.2f} m from {lines[row]} and does not join it",
                       f"{ids[0]} 末端距 {lines[row]} {gap:,.2f} m 而未相接")  # fmt: skip
            record.add("dangling", [*ids, *more], reasons, decision="kept as a mouth", **where)
    for node in np.flatnonzero((into == 0) & (out > 1)).tolist():
        ids = sorted(set(lines[leaving(node)]))
        reasons = (f"{out[node]} reaches leave one node and none enters it: {', '.join(ids)}",
                   f"{out[node]} 条自同一节点流出而无来水:{', '.join(ids)}")  # fmt: skip
        record.add(
            "reversed", ids, reasons, level="warning", decision="kept as drawn", at=network.nodes.geometry.iloc[node]
        )
    for node in np.flatnonzero((rivers_in > 2) & (out == 1)).tolist():
        ids = sorted(set(lines[ending(node)]))
        reasons = (
            f"{rivers_in[node]} reaches enter one node: {', '.join(ids)}",
            f"{rivers_in[node]} 条河段汇入同一节点:{', '.join(ids)}",
        )
        record.add("complex_confluence", ids, reasons, decision="kept", at=network.nodes.geometry.iloc[node])


def _nearest_line(network: Network, nodes: NDArray[np.int64]) -> _Near:
    """Return the nearest line within the dangling distance that is not joined to a node by a short way."""
    arrays, shapes = network.arrays, network.reaches.geometry.to_numpy()
    points = network.nodes.geometry.to_numpy()[nodes]
    near, row = shapely.STRtree(shapes).query(points, predicate="dwithin", distance=DANGLE_M)
    ends = _neighbours(arrays.from_node, arrays.to_node, len(network.nodes), nodes)
    joined = np.isin(arrays.from_node[row] + 1j * near, ends) | np.isin(arrays.to_node[row] + 1j * near, ends)
    near, row = near[~joined], row[~joined]
    ids = network.reaches["reach_id"].to_numpy(dtype=object)[row]
    found = pd.DataFrame({"near": near, "row": row, "id": ids, "gap": shapely.distance(points[near], shapes[row])})
    best = found.sort_values(["near", "gap", "id"], kind="stable").drop_duplicates("near")
    out, gap = np.full(len(nodes), -1, dtype=np.int64), np.full(len(nodes), np.nan)
    out[best["near"]], gap[best["near"]] = best["row"], best["gap"]
    return _Near(out, gap)


def _neighbours(
    tail: NDArray[np.int32], head: NDArray[np.int32], count: int, nodes: NDArray[np.int64]
) -> NDArray[np.complex128]:
    """Return, for each of some nodes, the nodes at the other ends of its lines, as node + 1j * position."""
    number = np.full(count, -1, dtype=np.int64)
    number[nodes] = np.arange(len(nodes))
    a, b = np.flatnonzero(number[tail] >= 0), np.flatnonzero(number[head] >= 0)
    return np.unique(
        np.concatenate(
            [nodes + 1j * np.arange(len(nodes)), head[a] + 1j * number[tail[a]], tail[b] + 1j * number[head[b]]]
        )
    )


def _members(node: NDArray[np.int32], count: int) -> Callable[[int], NDArray[np.int64]]:
    order = np.argsort(node, kind="stable")
    start = np.searchsorted(node[order], np.arange(count + 1))
    return lambda at: order[start[at] : start[at + 1]]


def _record_crossings(network: Network, lines: NDArray[np.object_], record: Record) -> None:
    """Write down where two rivers or two pipes cross without a node: a bridge, a siphon, or a join that is missing."""
    shapes = network.reaches.geometry.to_numpy()
    kind = network.reaches["kind"].to_numpy(dtype=object)
    for is_pipe, decision in (
        (False, "kept apart: they cross without a node"),
        (True, "kept apart: they may lie at two depths"),
    ):
        rows = np.flatnonzero((np.isin(kind, _PIPES) == is_pipe) & (kind != "interface"))
        first, second = _crossing(shapes, rows)
        places = shapely.get_parts(shapely.intersection(shapes[first], shapes[second]), return_index=True)
        for at, pair in zip(*places, strict=True):
            names = sorted({str(lines[first[pair]]), str(lines[second[pair]])})
            reasons = f"{' and '.join(names)} cross without a node", f"{'、'.join(names)} 交叉而无节点"
            record.add("crossing", names, reasons, level="note" if is_pipe else "warning", decision=decision,
                       at=shapely.get_point(at, 0) if at.geom_type == "LineString" else at)  # fmt: skip


def _crossing(shapes: NDArray[np.object_], rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return pairs of lines that cross, each pair once."""
    one, other = shapely.STRtree(shapes[rows]).query(shapes[rows])
    pairs = one < other
    first, second = rows[one[pairs]], rows[other[pairs]]
    own = shapes[rows]
    shapely.prepare(own)
    hit = shapely.crosses(shapes[first], shapes[second])
    return first[hit], second[hit]
