"""At which nodes water may not end or begin, and where it is known to leave."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from outfall.errors import NetworkError, Problem
from outfall.network.arrays import find_pieces
from outfall.network.continuity import Meetings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from outfall.network.graph import Network

__all__ = ["PIPES", "WATER", "find_meetings", "find_mouths"]

PIPES = ("culvert", "gravity_sewer")
WATER = ("river", "tidal", "lake", "coast")
_TAKES_WATER = ("boundary", "tank", "outfall")


def find_mouths(network: Network, mouths: Iterable[str] | None) -> NDArray[np.bool_]:
    """Return the nodes at which water is known to leave: those named, outfalls, and where pipes enter a river."""
    names = pd.Index(network.nodes["node_id"])
    given = [str(name) for name in (mouths if mouths is not None else ())]
    rows = names.get_indexer(given)
    lost = tuple(name for name, row in zip(given, rows, strict=True) if row < 0)
    if lost:
        problem = Problem("mouths", "not a node of the network", f"its nodes are {names[:3].tolist()} …", lost)
        raise NetworkError("weigh_direction", [problem])
    arrays, kind = network.arrays, network.reaches["kind"]
    joint = kind.eq("interface").to_numpy()
    known = network.nodes["kind"].eq("outfall").to_numpy(dtype=bool).copy()
    known[arrays.from_node[joint]] = known[arrays.to_node[joint]] = False
    known[arrays.from_node[joint & ~_begins_at_water(network)]] = True
    known[rows] = True
    return known


def _begins_at_water(network: Network) -> NDArray[np.bool_]:
    """Return which reaches begin at open water: an interface that does is a pipe that takes water from the river."""
    wet = _touches(network, WATER)
    return np.asarray(wet[network.arrays.from_node] & ~wet[network.arrays.to_node])


def _touches(network: Network, kinds: Sequence[str]) -> NDArray[np.bool_]:
    """Return whether each node is the end of a reach of some kinds."""
    rows = network.reaches["kind"].isin(list(kinds)).to_numpy()
    found = np.zeros(network.arrays.node_count, dtype=bool)
    found[network.arrays.from_node[rows]] = found[network.arrays.to_node[rows]] = True
    return found


def find_meetings(
    network: Network, free: NDArray[np.bool_], known: NDArray[np.bool_], settings: Mapping[str, float]
) -> Meetings:
    """Return where reaches meet: every node that touches a free reach, and pairs of one name at busy nodes."""
    arrays, reaches = network.arrays, network.reaches
    rings = arrays.from_node == arrays.to_node
    rows = np.flatnonzero(~rings)
    node = np.concatenate([arrays.from_node[rows], arrays.to_node[rows]]).astype(np.int64)
    reach, arrives = np.tile(rows, 2), np.repeat([False, True], len(rows))
    count = arrays.node_count
    degree = np.bincount(node, minlength=count)
    is_river = np.bincount(node, weights=~reaches["kind"].isin(PIPES).to_numpy()[reach], minlength=count) > 0
    near = _near_water(network, settings["water_m"])
    wet = _touches(network, WATER)  # where pipes drain to says nothing of where their river does
    drains = np.where(wet, _drained(network, known & wet), _drained(network, known | (near & (degree == 1))))
    sink = np.where(degree > 1, settings["dead_end_lr"], np.where(drains, settings["dead_tip_lr"], 1.0))
    takes = known | near
    takes |= network.nodes["kind"].isin(_TAKES_WATER).to_numpy()
    spring = np.where(is_river, settings["river_spring_lr"], settings["split_spring_lr"])
    nodes = Meetings(node, reach, arrives, np.where(takes, 1.0, sink), np.where(degree > 1, spring, 1.0))
    return _keep_touched(_with_names(nodes, reaches, degree, settings["name_lr"]), free)


def _with_names(nodes: Meetings, reaches: pd.DataFrame, degree: NDArray[np.int64], lr: float) -> Meetings:
    """Return the meetings and those of two reaches of one name at a node where more reaches meet."""
    name = reaches["name"].to_numpy(dtype=object)[nodes.reach] if "name" in reaches else np.full(len(nodes.reach), None)
    busy = np.flatnonzero(pd.notna(name) & (degree[nodes.place] > 2))
    pairs = pd.DataFrame({"at": busy, "node": nodes.place[busy], "name": name[busy].astype(str)})
    pairs = pairs[pairs.groupby(["node", "name"])["at"].transform("size") == 2]
    number = pairs.groupby(["node", "name"]).ngroup().to_numpy(dtype=np.int64) + len(degree)
    at, more = pairs["at"].to_numpy(), np.full(pairs.groupby(["node", "name"]).ngroups, lr)
    return Meetings(
        np.concatenate([nodes.place, number]),
        np.concatenate([nodes.reach, nodes.reach[at]]),
        np.concatenate([nodes.arrives, nodes.arrives[at]]),
        np.concatenate([nodes.sink_lr, more]),
        np.concatenate([nodes.spring_lr, more]),
    )


def _keep_touched(meetings: Meetings, free: NDArray[np.bool_]) -> Meetings:
    """Return the meetings that touch a reach whose direction is open and that say anything."""
    touched = np.zeros(len(meetings.sink_lr), dtype=bool)
    touched[meetings.place[free[meetings.reach]]] = True
    touched &= (meetings.sink_lr > 1.0) | (meetings.spring_lr > 1.0)
    kept = touched[meetings.place]
    new = np.cumsum(touched) - 1
    return Meetings(
        new[meetings.place[kept]],
        meetings.reach[kept],
        meetings.arrives[kept],
        meetings.sink_lr[touched],
        meetings.spring_lr[touched],
    )


def _drained(network: Network, known: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return whether the piece of each node has a mouth, or an end that may be one."""
    arrays, piece = network.arrays, find_pieces(network.arrays)
    has = np.zeros(int(piece.max(initial=-1)) + 1, dtype=bool)
    for end in (arrays.from_node, arrays.to_node):
        has[piece[known[end]]] = True
    drained = np.zeros(arrays.node_count, dtype=bool)
    drained[arrays.from_node] = drained[arrays.to_node] = has[piece]
    return drained


def _near_water(network: Network, water_m: float) -> NDArray[np.bool_]:
    """Return whether open water that a node does not belong to is beside it."""
    water = network.reaches["kind"].isin(WATER).to_numpy()
    near = np.zeros(len(network.nodes), dtype=bool)
    if water.any() and not water.all():
        rows = np.flatnonzero(~_touches(network, WATER))
        tree = shapely.STRtree(network.reaches.geometry.to_numpy()[water])
        points = network.nodes.geometry.to_numpy()[rows]
        near[rows[np.unique(tree.query(points, predicate="dwithin", distance=water_m)[0])]] = True
    return near
