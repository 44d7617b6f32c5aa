"""From which nodes water can get to which places, in 64 worlds drawn at once, and by which shortest way.

Where a direction, a gate or an overflow is uncertain, each of the 64 bits of an integer is one draw of all of them.
The sweep keeps only (node, target) pairs that water can connect, so a province of small sewers stays sparse.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["WORLDS", "Ways", "draw_lanes", "list_paths", "share_of", "sweep"]

WORLDS = 64
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
_TARGETS_AT_ONCE = 256

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Lanes = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Ways:
    """Ways of the water through the drains: one arc per reach and direction it may run in.

    ``tail``, ``head`` and ``reach`` are positions; ``lanes`` says in which worlds the arc carries water.
    """

    tail: Ints
    head: Ints
    reach: Ints
    lanes: Lanes
    length_m: Floats
    travel_h: Floats


def draw_lanes(share: Floats, names: list[str], *, seed: int) -> Lanes:
    """Return 64 draws of each share as bits; the same for the same name and seed, whatever other rows there are.

    Parameters
    ----------
    share : array of float
        Probability that a bit is set.
    names : list of str
        What the draw belongs to.
    seed : int
        Seed of the draws.

    Returns
    -------
    array of uint64
        All bits where share is 1 and none where it is 0.

    Examples
    --------
    >>> [int(x) for x in draw_lanes(np.array([0.0, 1.0]), ["a", "b"], seed=0)] == [0, 2**64 - 1]
    True
    """
    lanes = np.where(share >= 1.0, _ALL, np.uint64(0))
    uncertain = np.flatnonzero((share > 0.0) & (share < 1.0))
    if len(uncertain):
        key = pd.util.hash_array(np.array(names, dtype=object)[uncertain], categorize=False)
        draws = _draw(key, seed) < share[uncertain, None]
        lanes[uncertain] = np.packbits(draws, axis=1, bitorder="little").view(np.uint64).ravel()
    return lanes


def _draw(key: NDArray[np.uint64], seed: int) -> Floats:
    """Return 64 numbers between 0 and 1 per key (SplitMix64), whatever other keys there are."""
    with np.errstate(over="ignore"):
        start = key * np.uint64(0xD6E8FEB86659FD93) + np.uint64(seed % 2**64) * np.uint64(0xCA5A826395121157)
        state = start[:, None] + np.arange(1, WORLDS + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        state ^= state >> np.uint64(31)
    return np.asarray((state >> np.uint64(11)).astype(float) * 2.0**-53)


def share_of(lanes: Lanes) -> Floats:
    """Return the share of the 64 worlds in which a bit is set.

    Examples
    --------
    >>> float(share_of(np.array([0xFFFFFFFF], dtype=np.uint64))[0])
    0.5
    """
    return np.bitwise_count(lanes).astype(float) / WORLDS


def sweep(ways: Ways, starts: pd.DataFrame, *, nodes: int) -> pd.DataFrame:
    """Return every (target, node) pair that water can connect, against the flow from the starts.

    Parameters
    ----------
    ways : Ways
        The arcs.
    starts : DataFrame
        ``target`` and ``node`` positions, ``lanes``, ``distance_m``, ``travel_h``.
    nodes : int
        Number of nodes.

    Returns
    -------
    DataFrame
        ``target``, ``node``, ``lanes`` (worlds in which water at the node reaches the target), ``distance_m`` and
        ``travel_h`` of the shortest way, ``arc`` its first arc (-1 at a start).
    """
    order = np.argsort(ways.head, kind="stable")
    pointer = np.concatenate([[0], np.cumsum(np.bincount(ways.head, minlength=nodes))])
    starts = starts.sort_values(["target", "node", "distance_m"], kind="stable")
    parts = []
    targets = starts["target"].unique()
    for first in range(0, len(targets), _TARGETS_AT_ONCE):
        chosen = starts[starts["target"].isin(targets[first : first + _TARGETS_AT_ONCE])]
        parts.append(_sweep_some(ways, chosen, order, pointer, nodes))
    if not parts:
        columns = {
            "target": "int64",
            "node": "int64",
            "lanes": "uint64",
            "distance_m": "float64",
            "travel_h": "float64",
        }
        return pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in {**columns, "arc": "int64"}.items()})
    return pd.concat(parts, ignore_index=True)


def _sweep_some(ways: Ways, starts: pd.DataFrame, order: Ints, pointer: Ints, nodes: int) -> pd.DataFrame:
    key = (starts["target"] * nodes + starts["node"]).to_numpy(dtype=np.int64)
    lanes, distance = starts["lanes"].to_numpy(dtype=np.uint64), starts["distance_m"].to_numpy(dtype=float)
    fresh = _merge(key, lanes, distance, starts["travel_h"].to_numpy(dtype=float), np.full(len(key), -1))
    known = fresh
    while len(fresh[0]):
        key, lanes, distance, hours, _ = fresh
        node = key % nodes
        count = pointer[node + 1] - pointer[node]
        at = np.repeat(np.arange(len(key)), count)
        arc = order[np.repeat(pointer[node] - np.concatenate([[0], np.cumsum(count)[:-1]]), count) + np.arange(len(at))]
        carried = lanes[at] & ways.lanes[arc]
        alive = carried != 0
        at, arc = at[alive], arc[alive]
        new = _merge(
            key[at] - node[at] + ways.tail[arc],
            carried[alive],
            distance[at] + ways.length_m[arc],
            hours[at] + ways.travel_h[arc],
            arc,
        )
        known, fresh = _learn(known, new)
    key, lanes, distance, hours, arc = known
    return pd.DataFrame(
        {
            "target": key // nodes,
            "node": key % nodes,
            "lanes": lanes,
            "distance_m": distance,
            "travel_h": hours,
            "arc": arc,
        }
    )


_Pairs = tuple[Ints, Lanes, Floats, Floats, Ints]


def _merge(key: Ints, lanes: Lanes, distance: Floats, hours: Floats, arc: Ints) -> _Pairs:
    """Return one row per key, sorted: the union of the worlds and the shortest way."""
    if not len(key):
        return key, lanes, distance, hours, arc
    order = np.lexsort((arc, distance, key))
    key = key[order]
    first = np.flatnonzero(np.concatenate([[True], key[1:] != key[:-1]]))
    best = order[first]
    return key[first], np.bitwise_or.reduceat(lanes[order], first), distance[best], hours[best], arc[best]


def _learn(known: _Pairs, new: _Pairs) -> tuple[_Pairs, _Pairs]:
    """Return what is known now, and the part of it that is news and has to be carried further."""
    key, lanes, distance, hours, arc = known
    at = np.searchsorted(key, new[0])
    inside = np.minimum(at, len(key) - 1)
    old = key[inside] == new[0]
    grown = old & ((new[1] & ~lanes[inside]) != 0)
    closer = old & (new[2] < distance[inside] - 1e-9)
    lanes, distance, hours, arc = lanes.copy(), distance.copy(), hours.copy(), arc.copy()
    lanes[inside[grown]] |= new[1][grown]
    for mine, theirs in ((distance, new[2]), (hours, new[3]), (arc, new[4])):
        mine[inside[closer]] = theirs[closer]
    changed = inside[grown | closer]
    add = ~old
    news = tuple(
        np.concatenate([mine[changed], theirs[add]])
        for mine, theirs in zip((key, lanes, distance, hours, arc), new, strict=True)
    )
    merged = tuple(
        np.insert(mine, at[add], theirs[add])
        for mine, theirs in zip((key, lanes, distance, hours, arc), new, strict=True)
    )
    return merged, news  # type: ignore[return-value]


def list_paths(ways: Ways, reached: pd.DataFrame, target: Ints, node: Ints, *, nodes: int) -> list[Ints]:
    """Return the reaches of the shortest way from each node to each target, in flow order.

    Parameters
    ----------
    ways : Ways
        The arcs.
    reached : DataFrame
        Answer of `sweep`.
    target, node : array of int
        Pairs that are in ``reached``.
    nodes : int
        Number of nodes.

    Returns
    -------
    list of array of int
        Positions of reaches; empty where the node is a start.
    """
    key = (reached["target"] * nodes + reached["node"]).to_numpy(dtype=np.int64)
    order = np.argsort(key, kind="stable")
    key, arcs = key[order], reached["arc"].to_numpy(dtype=np.int64)[order]
    now, who = target * nodes + node, np.arange(len(target))
    whose, steps = [], []
    while len(now):
        arc = arcs[np.searchsorted(key, now)]
        on = arc >= 0
        now, who, arc = now[on], who[on], arc[on]
        whose.append(who)
        steps.append(ways.reach[arc])
        now = now - now % nodes + ways.head[arc]
    if not whose:
        return []
    owner, step = np.concatenate(whose), np.concatenate(steps)
    by_owner = np.argsort(owner, kind="stable")
    return np.split(step[by_owner], np.searchsorted(owner[by_owner], np.arange(1, len(target))))
