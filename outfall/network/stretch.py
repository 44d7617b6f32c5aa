"""Which piece of a cut line a place on the user's own line is on, and whether the tables of a network hold together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from outfall.errors import Problem
from outfall.tables import contract

if TYPE_CHECKING:
    import geopandas as gpd

__all__ = ["find_stretches", "group_lines", "list_problems", "order_exits"]

Lines = dict[str, tuple[NDArray[np.int64], NDArray[np.float64]]]

_OVERSHOOT_SHARE = 0.02  # a tape or a wheel reads a little more than the map


def group_lines(reaches: pd.DataFrame) -> Lines:
    """Return the rows and the starts of the pieces of every line, from upstream to downstream.

    Parameters
    ----------
    reaches : DataFrame
        Reaches of a network.

    Returns
    -------
    dict of str to (rows, starts)
        Rows, and metres from the beginning of the line.
    """
    if "line_id" not in reaches.columns:
        return {}
    frame = pd.DataFrame({"line": reaches["line_id"].to_numpy(dtype=object), "row": np.arange(len(reaches))})
    frame["start"] = reaches["start_m"].fillna(0.0).to_numpy(float) if "start_m" in reaches.columns else 0.0
    frame = frame[frame["line"].notna()].sort_values(["line", "start", "row"], kind="stable")
    rows, starts = frame["row"].to_numpy(np.int64), frame["start"].to_numpy(float)
    names, first = np.unique(frame["line"].to_numpy(dtype=object).astype(str), return_index=True)
    stop = np.append(first[1:], len(frame))
    return {name: (rows[a:b], starts[a:b]) for name, a, b in zip(names.tolist(), first, stop, strict=True)}


def find_stretches(
    row_of: pd.Index, lines: Lines, length_m: NDArray[np.float64], ids: list[str], along_m: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the row of the reach at each place, and the place along that reach.

    Parameters
    ----------
    row_of : Index
        Reach ids of the network.
    lines : dict
        From `group_lines`.
    length_m : ndarray of float
        Length of each reach.
    ids : list of str, n values
        Reach ids, or ids of lines that were cut.
    along_m : ndarray of float, metres, n values
        From the upstream end of the reach or line. Up to 2 % beyond its end counts as its end.

    Returns
    -------
    rows : ndarray of int
        -1 where the id is unknown or the place is not on it.
    along : ndarray of float, metres
        Along the reach.
    """
    rows, along = row_of.get_indexer(ids).astype(np.int64), np.asarray(along_m, dtype=float).copy()
    for at in np.flatnonzero(rows < 0):
        pieces, starts = lines.get(ids[at], (np.empty(0, dtype=np.int64), np.empty(0)))
        if len(pieces):
            piece = max(0, int(np.searchsorted(starts, along[at], side="right")) - 1)
            rows[at], along[at] = pieces[piece], along[at] - starts[piece]
    limit = np.where(rows >= 0, length_m[rows] if len(length_m) else 0.0, 0.0)
    outside = ~(along >= 0) | (along > limit + np.maximum(_OVERSHOOT_SHARE * limit, 1.0))
    rows[outside] = -1
    return rows, np.minimum(along, limit)


def list_problems(reaches: gpd.GeoDataFrame, nodes: gpd.GeoDataFrame) -> list[Problem]:
    """Return why two tables are not a network.

    Parameters
    ----------
    reaches, nodes : GeoDataFrame
        Tables of their contracts.

    Returns
    -------
    list of Problem
        Empty for good tables.
    """
    problems = []
    crs = reaches.crs
    if crs is None or not crs.is_projected:
        what = f"CRS is {crs.name if crs else 'missing'}; a metric one was expected"
        problems.append(Problem("reaches", what, "convert with outfall.coordinates.to_crs"))
    elif nodes.crs != crs:
        problems.append(
            Problem("nodes", "the CRS is not that of the reaches", "convert with outfall.coordinates.to_crs")
        )
    for frame, key in ((reaches, contract("reaches").key), (nodes, contract("nodes").key)):
        twice = frame[key][frame[key].duplicated()]
        if len(twice):
            problems.append(Problem(key, "stands more than once", "give every row its own id", tuple(map(str, twice))))
    for end in ("from_node", "to_node"):
        lost = reaches["reach_id"][~reaches[end].isin(nodes["node_id"])]
        if len(lost):
            problems.append(Problem(end, "names a node that is not in nodes", "add the node", tuple(map(str, lost))))
    return problems


def order_exits(reaches: pd.DataFrame, from_node: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the order of preference among the reaches that leave one node: main path, larger share, longer, id.

    Parameters
    ----------
    reaches : DataFrame, n rows
        Reaches of a network.
    from_node : ndarray of int32, n values
        Row of the node they leave.

    Returns
    -------
    ndarray of int32, n values
        0 is the main path; a reach marked minor is never 0, even alone.
    """
    count = len(reaches)
    minor, fraction = np.zeros(count, dtype=bool), np.full(count, -1.0)
    if "is_main" in reaches.columns:
        minor = reaches["is_main"].astype("boolean").eq(False).fillna(value=False).to_numpy(dtype=bool)  # noqa: FBT003
    if "fraction_share" in reaches.columns:
        fraction = reaches["fraction_share"].fillna(-1.0).to_numpy(float)
    ids = pd.factorize(reaches["reach_id"], sort=True)[0]
    order = np.lexsort((ids, -reaches["length_m"].to_numpy(float), -fraction, minor, from_node))
    first = np.searchsorted(from_node[order], from_node[order], side="left")
    rank = np.empty(count, dtype=np.int32)
    rank[order] = np.arange(count) - first + minor[order[first]] if count else 0
    return rank
