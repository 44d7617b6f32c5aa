"""Whether every way from a source to the river passes its monitor, and which ways do not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import networkx as nx
import numpy as np
import pandas as pd

from outfall.errors import NetworkError, Problem
from outfall.network.states import open_shares
from outfall.tables import join_ids

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from outfall.network.graph import Network

__all__ = ["find_bypasses"]

_WATER = ("river", "tidal", "lake", "coast")
_NEEDS = ("source_id", "reach_id", "along_m")
_END = -1


def find_bypasses(
    network: Network, sources: pd.DataFrame, monitors: pd.DataFrame, *, water: Sequence[str] = _WATER
) -> pd.DataFrame:
    """Return the ways by which water of each source can come to open water without passing its monitor.

    A way counts if water may take it at some time: two-way reaches both ways, overflows too; what is shut carries none.
    Where the network has no open water, its mouths are what must not be reached unseen.

    Parameters
    ----------
    network : Network
        Rivers and pipes as one; ``as_of`` makes it that of a moment.
    sources : DataFrame, n rows
        ``source_id``, ``reach_id``, ``along_m``: where the water of each source enters; several rows are several exits.
    monitors : DataFrame
        ``source_id``, ``reach_id``, ``along_m``: where it is watched; several rows are several monitors, any will do.
    water : sequence of str, default river, tidal, lake, coast
        Kinds of reaches that are open water.

    Returns
    -------
    DataFrame
        One row per source and place where its water comes out unseen, the nearest first: ``source_id``,
        ``is_monitored`` (False), ``into`` (the water reach, or the last reach at a mouth), ``path_ids`` (the shortest
        such way, in flow order), ``distance_m``, ``through_ids`` (reaches every unseen way to any water passes: one
        monitor there sees them all). A source without such a way has one row with ``is_monitored`` True; one whose
        water comes to no open water at all has it missing.

    Raises
    ------
    NetworkError
        A column is missing, or a place is not on the network.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from outfall.network import build_network
    >>> river = gpd.GeoDataFrame({"reach_id": ["R"]}, crs=32650, geometry=gpd.GeoSeries.from_wkt(
    ...     ["LINESTRING (400000 3400000, 401000 3400000)"]))
    >>> pipes = gpd.GeoDataFrame({"reach_id": ["A", "B", "overflow"]}, crs=32650, geometry=gpd.GeoSeries.from_wkt(
    ...     ["LINESTRING (400500 3400200, 400500 3400100)", "LINESTRING (400500 3400100, 400500 3400010)",
    ...      "LINESTRING (400500 3400100, 400300 3400010)"]))
    >>> place = lambda reach: pd.DataFrame({"source_id": ["mill"], "reach_id": [reach], "along_m": [50.0]})
    >>> found = find_bypasses(build_network(river, pipes=pipes), place("A"), place("B"))
    >>> found[["is_monitored", "into", "path_ids", "through_ids"]].values.tolist()
    [[False, 'R.2', 'A;overflow;overflow>river', 'A;overflow;overflow>river']]
    """
    for table, name in ((sources, "sources"), (monitors, "monitors")):
        problems = [Problem(column, "missing", "give a column") for column in _NEEDS if column not in table.columns]
        if problems:
            msg = f"find_bypasses: {name}"
            raise NetworkError(msg, problems)
    ends = _Ends(network, water)
    watched = _place(network, monitors)
    entries = _place(network, sources)
    rows: list[dict[str, object]] = []
    for source, mine in entries.groupby("source_id", sort=False):
        seen = watched[watched["source_id"] == source]
        rows += _judge(str(source), mine, seen, ends)
    columns = {"source_id": "str", "is_monitored": "boolean", "into": "str", "path_ids": "str"}
    types = {**columns, "distance_m": "float64", "through_ids": "str"}
    return pd.DataFrame(rows, columns=list(types)).astype(types)


class _Ends:
    """Where each reach leads on to, and which are open water."""

    def __init__(self, network: Network, water: Sequence[str]) -> None:
        arrays = network.arrays
        self.names = network.reaches["reach_id"].to_numpy(dtype=object)
        self.length_m = arrays.length_m
        self.two_way = arrays.two_way
        self.down = arrays.down
        self.is_shut = open_shares(network) <= 0.0
        kinds = network.reaches["kind"].isin(list(water)).to_numpy()
        self.has_water = bool(kinds.any())
        self.is_end = kinds if self.has_water else arrays.is_mouth[arrays.to_node]

    def after(self, reach: int) -> NDArray[np.int32]:
        """Return the reaches water can run to next."""
        start, row = self.down
        following = row[start[reach] : start[reach + 1]]
        return following[~self.is_shut[following]]


def _judge(source: str, mine: pd.DataFrame, seen: pd.DataFrame, ends: _Ends) -> list[dict[str, object]]:
    """Return the rows of one source."""
    entered = mine[["row", "at_m"]].drop_duplicates()
    graph = _walk(entered, ends, pd.DataFrame(columns=["row", "at_m"]))
    if not any(ends.is_end[row] for row in graph if row != _END):
        return [{"source_id": source, "is_monitored": None, "distance_m": np.nan}]
    unseen = _walk(entered, ends, seen)
    out = sorted(row for row in unseen if row != _END and ends.is_end[row])
    if not out:
        return [{"source_id": source, "is_monitored": True, "distance_m": np.nan}]
    far, ways = nx.single_source_dijkstra(unseen, _END)
    through = join_ids([str(ends.names[row]) for row in _must_pass(unseen, out, ends)])
    rows = [
        {
            "source_id": source,
            "is_monitored": False,
            "into": str(ends.names[row]),
            "path_ids": join_ids(
                [str(ends.names[step]) for step in ways[row][1:] if not (ends.has_water and step == row)]
            ),
            "distance_m": float(far[row]),
            "through_ids": through,
        }
        for row in out
    ]
    return sorted(rows, key=lambda row: (row["distance_m"], row["into"]))


def _walk(entered: pd.DataFrame, ends: _Ends, seen: pd.DataFrame) -> nx.DiGraph:
    """Return every reach water can come to before it is seen or in open water, as a graph from an entry (-1) on."""
    graph = nx.DiGraph()
    graph.add_node(_END)
    waiting = []
    watched = seen.groupby("row")["at_m"].max().to_dict() if len(seen) else {}
    for row, at in entered.itertuples(index=False, name=None):
        if _is_seen_below(row, at, watched, ends):
            continue
        rest = max(float(ends.length_m[row]) - at, 0.0)
        graph.add_edge(_END, row, weight=rest if not ends.is_end[row] else 0.0)
        waiting.append(row)
    done = set(waiting)
    while waiting:
        row = waiting.pop()
        if ends.is_end[row]:
            continue
        for following in ends.after(row).tolist():
            if following in watched:
                continue
            graph.add_edge(
                row,
                following,
                weight=0.0 if ends.is_end[following] and ends.has_water else float(ends.length_m[following]),
            )
            if following not in done:
                done.add(following)
                waiting.append(following)
    return graph


def _is_seen_below(row: int, at_m: float, watched: dict[int, float], ends: _Ends) -> bool:
    """Return whether the monitor on the reach a source enters lies downstream of it; on a two-way reach none surely does."""
    return row in watched and not bool(ends.two_way[row]) and watched[row] >= at_m


def _must_pass(unseen: nx.DiGraph, out: list[int], ends: _Ends) -> list[int]:
    """Return the reaches on every unseen way, in flow order: the dominators of all places where it comes out."""
    goal = -2
    graph = unseen.copy()
    graph.add_edges_from((row, goal) for row in out)
    before = nx.immediate_dominators(graph, _END)
    chain, at = [], goal
    while before.get(at, at) != at:
        at = before[at]
        chain.append(at)
    return [row for row in reversed(chain) if row >= 0 and not (ends.has_water and ends.is_end[row])]


def _place(network: Network, table: pd.DataFrame) -> pd.DataFrame:
    rows, along = network.find_places(table["reach_id"].astype("str"), table["along_m"].astype("float64"))
    return pd.DataFrame({"source_id": table["source_id"].astype("str").to_numpy(), "row": rows, "at_m": along})
