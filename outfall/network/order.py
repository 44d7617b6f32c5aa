"""Which river is the main one: stream order, level path, distance to the mouth and an order that runs downstream."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from outfall.errors import NetworkError, Problem
from outfall.network.accumulate import pick_values
from outfall.network.chains import follow_chains, level_chains, name_chains, pick_heirs
from outfall.network.knots import find_knots

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from outfall.network.graph import Network

__all__ = ["flow_order", "level_paths", "path_lengths", "stream_orders"]


def stream_orders(network: Network) -> pd.DataFrame:
    """Return the Strahler order of every reach, by the NHDPlus rule for minor paths, and its magnitude.

    Two reaches of the same order make one of the next order. What leaves a divergence by a minor path has the order of
    the main path, and adds to the order of nothing below it: its ``stream_calculator`` is 0. All reaches of a loop, or
    of a two-way stretch, have one order.

    Parameters
    ----------
    network : Network
        Any network; without divergences this is Strahler's order.

    Returns
    -------
    DataFrame, one row per reach, indexed by reach_id
        ``stream_order`` (1 at a headwater), ``stream_calculator`` (the order, or 0 on minor paths), ``magnitude``
        (Shreve: reaches that begin at a headwater, itself or upstream, each once; 0 where all above is two-way).

    Examples
    --------
    >>> import geopandas as gpd
    >>> from outfall.network import build_network
    >>> lines = gpd.GeoDataFrame({"reach_id": ["left", "right", "below"]}, crs=32650, geometry=gpd.GeoSeries.from_wkt(
    ...     ["LINESTRING (400000 3400200, 400100 3400100)", "LINESTRING (400200 3400200, 400100 3400100)",
    ...      "LINESTRING (400100 3400100, 400100 3400000)"]))
    >>> stream_orders(build_network(lines))["stream_order"].to_dict()
    {'left': 1, 'right': 1, 'below': 2}
    """
    arrays, ids = network.arrays, _ids(network)
    part, node_part = find_knots(arrays)
    order, calculator = _sweep_orders(part, node_part[arrays.from_node], node_part[arrays.to_node], _is_minor(network))
    heads = np.diff(arrays.ends_at[0]) == 0
    springs = pd.Series(heads[arrays.from_node].astype(float), index=ids)
    magnitude = np.round(network.accumulate(springs).to_numpy(float)).astype(np.int64) if len(ids) else order
    return pd.DataFrame({"stream_order": order, "stream_calculator": calculator, "magnitude": magnitude}, index=ids)


def level_paths(
    network: Network,
    *,
    weight: str | pd.Series = "length_m",
    name: str | None = "name",
    override_factor: float = 5.0,
) -> pd.DataFrame:
    """Return the river each reach belongs to: its level path, and the level of that path.

    At a confluence the path goes on up the tributary with the larger weight above it on the main tree, unless a smaller
    one has the name of the reach below and the larger is not more than ``override_factor`` times as heavy. A minor path
    that leaves a divergence is a path of its own.

    Parameters
    ----------
    network : Network
        Any network.
    weight : str or Series, default "length_m"
        Column of ``reaches``, or numbers by reach id, summed upstream by the rule ``main``.
    name : str or None, default "name"
        Column of ``reaches`` that says which river a reach is; None leaves it to the weight.
    override_factor : float, default 5
        The default of NHDPlus tools; ``inf`` lets the name decide always.

    Returns
    -------
    DataFrame, one row per reach, indexed by reach_id
        ``level_path`` (reach id of its lowest reach), ``stream_level`` (1 ends at a mouth, 2 joins a path of level 1 …;
        missing where a path never comes to a mouth), ``next_reach_id`` (what the reach drains to on the main tree).

    Raises
    ------
    NetworkError
        There is no such column.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from outfall.network import build_network
    >>> lines = gpd.GeoDataFrame({"reach_id": ["long", "short", "below"]}, crs=32650, geometry=gpd.GeoSeries.from_wkt(
    ...     ["LINESTRING (400000 3400900, 400100 3400100)", "LINESTRING (400200 3400200, 400100 3400100)",
    ...      "LINESTRING (400100 3400100, 400100 3400000)"]))
    >>> level_paths(build_network(lines))["level_path"].to_dict()
    {'long': 'below', 'short': 'short', 'below': 'below'}
    """
    arrays, ids = network.arrays, _ids(network)
    if name is not None and name not in network.reaches.columns:
        raise NetworkError("level_paths", [Problem("name", f"the reaches have no column {name!r}", "give name=None")])
    below = np.where(arrays.main_down >= 0, arrays.main_down, -1)
    number = pd.factorize(ids, sort=True)[0]
    heavy = network.accumulate(weight, rule="main").to_numpy(float)
    names = network.reaches[name].to_numpy(dtype=object) if name is not None else np.full(len(ids), None)
    may_go_on = (below >= 0) & (arrays.rank[below] == 0) if len(ids) else np.zeros(0, dtype=bool)
    heir = pick_heirs(np.where(may_go_on, below, -1), heavy, names, number, override_factor)
    path = name_chains(np.where(heir, below, -1), number)
    level = pd.array(level_chains(path, below), dtype="Int64")
    level[np.asarray(level == 0)] = pd.NA
    ends = ids.to_numpy(dtype=object)
    following = [ends[row] if row >= 0 else None for row in below.tolist()]
    columns = {"level_path": pd.Series(ends[path], dtype="str").array, "stream_level": level}
    return pd.DataFrame({**columns, "next_reach_id": pd.Series(following, dtype="str").array}, index=ids)


def path_lengths(
    network: Network, *, column: str | pd.Series = "length_m", mouths: Iterable[str] | None = None
) -> pd.DataFrame:
    """Return how far it is from the lower end of every reach to its mouth along the main path.

    Parameters
    ----------
    network : Network
        Any network.
    column : str or Series, default "length_m"
        What is summed below each reach; hours per reach give hours to the mouth.
    mouths : iterable of str, optional
        Node ids where paths end, in the middle of the network or not; only these count then. By default every node
        with nothing below it.

    Returns
    -------
    DataFrame, one row per reach, indexed by reach_id
        ``distance`` in the unit of the column (0 for the lowest reach), ``mouth_id`` (the node where the path ends).
        Both are missing where the main path comes to no mouth.

    Raises
    ------
    NetworkError
        A mouth is not a node of the network, or there is no such column.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from outfall.network import build_network
    >>> lines = gpd.GeoDataFrame({"reach_id": ["upper", "lower"], "hours": [1.0, 2.0]}, crs=32650,
    ...     geometry=gpd.GeoSeries.from_wkt(["LINESTRING (400000 3400200, 400000 3400100)",
    ...                                      "LINESTRING (400000 3400100, 400000 3400000)"]))
    >>> path_lengths(build_network(lines), column="hours")["distance"].to_dict()
    {'upper': 2.0, 'lower': 0.0}
    """
    arrays, ids = network.arrays, _ids(network)
    if not len(ids):
        return pd.DataFrame({"distance": pd.Series(dtype=float), "mouth_id": pd.Series(dtype="str")}, index=ids)
    values = np.nan_to_num(pick_values(network.reaches, column).to_numpy(float), nan=0.0)
    ends = arrays.is_mouth if mouths is None else _explicit(network, mouths)
    below = np.where(ends[arrays.to_node], -1, arrays.main_down).astype(np.int64)
    last, distance = follow_chains(below, values)
    node = arrays.to_node[np.maximum(last, 0)]
    good = (last >= 0) & ends[node]
    named = pd.Series(network.nodes["node_id"].to_numpy(dtype=object)[node], index=ids).where(good)
    return pd.DataFrame({"distance": np.where(good, distance, np.nan), "mouth_id": named.astype("str")}, index=ids)


def flow_order(network: Network) -> pd.Series:
    """Return a number for every reach that is larger than that of every reach below it, as ``Hydroseq`` is.

    Parameters
    ----------
    network : Network
        Any network.

    Returns
    -------
    Series of int, indexed by reach_id
        1 to n, each once; the reaches of one loop follow one another. It does not depend on the order of the rows.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from outfall.network import build_network
    >>> lines = gpd.GeoDataFrame({"reach_id": ["upper", "lower"]}, crs=32650, geometry=gpd.GeoSeries.from_wkt(
    ...     ["LINESTRING (400000 3400200, 400000 3400100)", "LINESTRING (400000 3400100, 400000 3400000)"]))
    >>> flow_order(build_network(lines)).to_dict()
    {'upper': 2, 'lower': 1}
    """
    arrays, ids = network.arrays, _ids(network)
    part, node_part = find_knots(arrays)
    steps = (
        _depths(part, node_part, arrays.from_node, arrays.to_node)[part] if len(ids) else np.zeros(0, dtype=np.int64)
    )
    number = pd.factorize(ids, sort=True)[0]
    first = pd.Series(number).groupby(part).transform("min").to_numpy() if len(ids) else number
    order = np.lexsort((number, first, steps))
    place = np.empty(len(ids), dtype=np.int64)
    place[order] = np.arange(1, len(ids) + 1)
    return pd.Series(place, index=ids, name="flow_order")


def _ids(network: Network) -> pd.Index:
    return pd.Index(network.reaches["reach_id"].astype("object"), name="reach_id")


def _is_minor(network: Network) -> NDArray[np.bool_]:
    """Return whether a reach leaves by a minor path; a loop has one main exit in all."""
    arrays = network.arrays
    node_part = find_knots(arrays)[1]
    home = node_part[arrays.from_node]
    several = np.bincount(node_part, minlength=1)[home] > 1 if len(home) else np.zeros(0, dtype=bool)
    leaves = node_part[arrays.to_node] != home
    number = pd.factorize(_ids(network), sort=True)[0]
    order = np.lexsort((number, -arrays.length_m, arrays.rank, ~leaves, home))
    first = np.zeros(len(home), dtype=bool)
    first[order] = np.append(True, home[order][1:] != home[order][:-1])[: len(home)]
    return np.where(several, ~first, arrays.rank > 0)


def _sweep_orders(
    part: NDArray[np.int32], tail: NDArray[np.int32], head: NDArray[np.int32], minor: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return order and calculator of every reach; ``tail`` and ``head`` are the parts of its nodes."""
    count = 1 + int(max(part.max(initial=-1), tail.max(initial=-1), head.max(initial=-1)))
    best, times, minor_best = [0] * count, [0] * count, [0] * count
    order, calculator = [0] * len(part), [0] * len(part)
    inside = (part == tail) | (part == head)  # reaches of a loop take what the loop has
    sequence = np.argsort(-part.astype(np.int64), kind="stable")
    tails, heads, is_minor = tail.tolist(), head.tolist(), minor.tolist()
    for row in sequence[~inside[sequence]].tolist():
        at, to = tails[row], heads[row]
        value = best[at] + (times[at] > 1) or minor_best[at] or 1
        adds = (best[at] > 0 or not minor_best[at]) and not is_minor[row]
        order[row], calculator[row] = value, value if adds else 0
        if not adds:
            minor_best[to] = max(minor_best[to], value)
        elif value > best[to]:
            best[to], times[to] = value, 1
        else:
            times[to] += value == best[to]
    for row in np.flatnonzero(inside).tolist():
        at = int(part[row])
        order[row] = best[at] + (times[at] > 1) or minor_best[at] or 1
        calculator[row] = order[row] if best[at] or not minor_best[at] else 0
    return np.asarray(order, dtype=np.int64), np.asarray(calculator, dtype=np.int64)


def _depths(
    part: NDArray[np.int32], node_part: NDArray[np.int32], from_node: NDArray[np.int32], to_node: NDArray[np.int32]
) -> NDArray[np.int64]:
    """Return the largest number of steps from each part down to an end."""
    tail = np.concatenate([node_part[from_node], part])
    head = np.concatenate([part, node_part[to_node]])
    order = np.argsort(tail, kind="stable")
    depth = [0] * (1 + int(max(part.max(initial=-1), node_part.max(initial=-1))))
    for at, to in zip(tail[order].tolist(), head[order].tolist(), strict=True):
        if at != to and depth[to] >= depth[at]:
            depth[at] = depth[to] + 1
    return np.asarray(depth, dtype=np.int64)


def _explicit(network: Network, mouths: Iterable[str]) -> NDArray[np.bool_]:
    wanted = [str(item) for item in mouths]
    rows = pd.Index(network.nodes["node_id"]).get_indexer(wanted)
    lost = tuple(name for name, row in zip(wanted, rows.tolist(), strict=True) if row < 0)
    if lost:
        problem = Problem("mouths", "not a node of the network", "give node ids, e.g. of network.mouths()", lost)
        raise NetworkError("path_lengths", [problem])
    ends = np.zeros(len(network.nodes), dtype=bool)
    ends[rows] = True
    return ends
