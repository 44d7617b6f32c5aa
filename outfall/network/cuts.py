"""The network of some of its reaches, which says where water came in from the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd

from outfall.network.parts import take_reaches
from outfall.tables import empty, join_ids

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from outfall.network.arrays import Arrays
    from outfall.network.graph import Network

__all__ = ["keep_reaches"]


def keep_reaches(
    network: Network, rows: NDArray[np.int64]
) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Return the tables of some reaches, with one issue per node where water entered from a reach that is left out.

    Parameters
    ----------
    network : Network
        The whole.
    rows : ndarray of int
        Reaches to keep.

    Returns
    -------
    reaches, nodes, issues : GeoDataFrame
        In the order of the whole; nodes that lost a reach are of kind ``boundary``.
    """
    whole = network.issues if network.issues is not None else empty("issues", crs=network.crs)
    reaches, nodes, issues = take_reaches(network.reaches, network.nodes, whole, network.arrays, rows)
    cut = network.reaches.iloc[_list_cuts(network.arrays, rows)]
    if not len(cut):
        return reaches, nodes, issues
    place = nodes.set_index("node_id").geometry
    groups = [(str(node), sorted(group["reach_id"])) for node, group in cut.groupby("from_node")]
    said = pd.DataFrame(
        {
            "issue_id": [f"cut-{node}" for node, _ in groups],
            "about": "reaches",
            "row_ids": [join_ids(ids) for _, ids in groups],
            "kind": "boundary_inflow",
            "level": "note",
            "reason": [f"reaches that bring water to {', '.join(ids)} were left out" for _, ids in groups],
            "reason_zh": [f"汇入 {'、'.join(ids)} 的上游河段未被取入" for _, ids in groups],
            "decision": "the node is a boundary",
            "distance_m": np.nan,
            "source_ref": [f"subset({join_ids(ids)})" for _, ids in groups],
        }
    )
    blank = empty("issues", crs=network.crs)
    typed = said.astype({name: blank[name].dtype for name in said.columns})
    points = gpd.GeoDataFrame(typed, geometry=place.loc[[node for node, _ in groups]].to_numpy(), crs=network.crs)
    old = issues[~issues["issue_id"].isin(set(typed["issue_id"]))]
    both = pd.concat([old, points[list(blank.columns)]], ignore_index=True) if len(old) else points[list(blank.columns)]
    return reaches, nodes, gpd.GeoDataFrame(both, crs=network.crs)


def _list_cuts(arrays: Arrays, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return those of the kept reaches that begin at a node which loses a reach above it."""
    keep = np.zeros(len(arrays.from_node), dtype=bool)
    keep[rows] = True
    both = arrays.two_way & ~keep
    lost = np.zeros(arrays.node_count, dtype=bool)
    lost[arrays.to_node[~keep]] = True
    lost[arrays.from_node[both]] = True
    kept = np.flatnonzero(keep)
    return kept[lost[arrays.from_node[kept]]]
