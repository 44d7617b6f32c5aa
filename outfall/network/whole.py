"""Whether two tables are a network, and what they are as integer arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from outfall.errors import NetworkError, Problem
from outfall.network.arrays import Arrays
from outfall.tables import contract

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

__all__ = ["make_arrays", "order_exits", "read_column", "refuse_problems"]


def refuse_problems(reaches: gpd.GeoDataFrame, nodes: gpd.GeoDataFrame) -> None:
    """Raise where two tables are not a network.

    Parameters
    ----------
    reaches, nodes : GeoDataFrame
        Tables of their contracts.

    Raises
    ------
    NetworkError
        A CRS is missing or not metric, an id stands twice, or a reach names a node that is not there.
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
    known = pd.Index(nodes["node_id"].to_numpy(dtype=object)).unique()
    for end in ("from_node", "to_node"):
        lost = reaches["reach_id"][known.get_indexer(reaches[end].to_numpy(dtype=object)) < 0]
        if len(lost):
            problems.append(Problem(end, "names a node that is not in nodes", "add the node", tuple(map(str, lost))))
    if problems:
        msg = f"network: {len(problems)} problem{'s' if len(problems) != 1 else ''} in its tables"
        raise NetworkError(msg, problems, fix="Build it with build_network(lines), or correct the tables.")


def make_arrays(reaches: gpd.GeoDataFrame, nodes: gpd.GeoDataFrame) -> Arrays:
    """Return the tables of a network as integer arrays.

    Parameters
    ----------
    reaches, nodes : GeoDataFrame
        Tables of their contracts.

    Returns
    -------
    Arrays
        A reach without ``forward_share`` runs forward.
    """
    node = pd.Index(nodes["node_id"])
    tail = node.get_indexer(reaches["from_node"]).astype(np.int32)
    head = node.get_indexer(reaches["to_node"]).astype(np.int32)
    share = np.nan_to_num(read_column(reaches, "forward_share"), nan=1.0)
    length = reaches["length_m"].to_numpy(float)
    return Arrays(len(node), tail, head, length, share, order_exits(reaches, tail))


def read_column(frame: pd.DataFrame, name: str) -> NDArray[np.float64]:
    """Return the numbers of a column; NaN where it is not there.

    Parameters
    ----------
    frame : DataFrame, n rows
        Any table.
    name : str
        Column of numbers.

    Returns
    -------
    ndarray of float, n values
        One per row.
    """
    return frame[name].to_numpy(float) if name in frame.columns else np.full(len(frame), np.nan)


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
