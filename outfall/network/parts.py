"""What a network is made of: its connected pieces, its loops, and the network of some of its reaches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from outfall.network.arrays import find_pieces
from outfall.network.knots import find_node_knots

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from outfall.network.arrays import Arrays

__all__ = ["number_loops", "number_pieces", "take_reaches"]


def take_reaches(
    reaches: gpd.GeoDataFrame,
    nodes: gpd.GeoDataFrame,
    issues: gpd.GeoDataFrame,
    arrays: Arrays,
    rows: NDArray[np.int64],
) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Return the tables of some reaches; nodes where others were become ``boundary``.

    Parameters
    ----------
    reaches, nodes, issues : GeoDataFrame
        Tables of the network.
    arrays : Arrays
        The network.
    rows : ndarray of int
        Reaches to keep.

    Returns
    -------
    tuple of GeoDataFrame
        Reaches, nodes, and the issues that name a kept line.
    """
    keep = np.zeros(len(reaches), dtype=bool)
    keep[rows] = True
    ends = np.concatenate([arrays.from_node, arrays.to_node])
    before = np.bincount(ends, minlength=len(nodes))
    after = np.bincount(ends[np.concatenate([keep, keep])], minlength=len(nodes))
    cut = nodes.assign(kind=nodes["kind"].mask((after > 0) & (after < before), "boundary"))
    known = set(reaches["reach_id"][keep])
    if "line_id" in reaches.columns:
        known |= set(reaches["line_id"][keep].dropna())
    about = issues["row_ids"].fillna("").map(lambda text: not known.isdisjoint(str(text).split(";")))
    return reaches[keep], cut[after > 0], issues[about.astype(bool)]


def number_pieces(reaches: gpd.GeoDataFrame, arrays: Arrays) -> pd.Series:
    """Return the number of the connected piece of each reach, by reach id; 1 is the longest.

    Parameters
    ----------
    reaches : GeoDataFrame
        Reaches of the network.
    arrays : Arrays
        The network.

    Returns
    -------
    Series of int
        Numbers do not depend on the order of the reaches.
    """
    found = find_pieces(arrays)
    ids = pd.Index(reaches["reach_id"].astype("object"), name="reach_id")
    frame = pd.DataFrame({"length_m": arrays.length_m, "first": pd.factorize(ids, sort=True)[0]})
    order = frame.groupby(found).agg({"length_m": "sum", "first": "min"}).round({"length_m": 6})
    order = order.sort_values(["length_m", "first"], ascending=[False, True])
    number = pd.Series(np.arange(1, len(order) + 1), index=order.index)
    return pd.Series(number.loc[found].to_numpy(), index=ids, name="piece")


def number_loops(reaches: gpd.GeoDataFrame, arrays: Arrays) -> pd.DataFrame:
    """Return the reaches from which water could come back to where it was.

    Parameters
    ----------
    reaches : GeoDataFrame
        Reaches of the network.
    arrays : Arrays
        The network.

    Returns
    -------
    DataFrame
        ``loop``, ``reach_id``, ``is_two_way``, ordered by loop and id.
    """
    node_part = find_node_knots(arrays)
    part = node_part[arrays.from_node]
    inside = part == node_part[arrays.to_node]
    names = reaches["reach_id"].to_numpy(dtype=object)
    frame = pd.DataFrame({"part": part, "reach_id": names, "is_two_way": arrays.two_way})[inside]
    first = frame.groupby("part")["reach_id"].min().sort_values()
    number = pd.Series(np.arange(1, len(first) + 1), index=first.index)
    frame.insert(0, "loop", number.reindex(frame["part"]).to_numpy(dtype=np.int64))
    return frame.drop(columns="part").sort_values(["loop", "reach_id"]).reset_index(drop=True)
