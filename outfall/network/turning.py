"""Reaches turned round: their lines, ends, levels and shares, so that all of them run downstream."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from outfall.network.graph import Network
from outfall.network.record import Record

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["turn_reaches"]

_PAIRS = (("from_node", "to_node"), ("invert_from_m", "invert_to_m"), ("ground_from_m", "ground_to_m"))
_BY_FLOW = ("mouth", "headwater", "divergence", "confluence", "junction", "manhole")


def turn_reaches(network: Network, rows: NDArray[np.int64]) -> Network:
    """Return the network with some reaches turned round.

    Parameters
    ----------
    network : Network
        With reaches that run against their drawing.
    rows : ndarray of int
        Rows of ``reaches``.

    Returns
    -------
    Network
        Ids are kept; ``along_m`` on a turned reach counts from its other end. ``start_m`` of a line that was cut is
        counted anew where all its pieces turn, and kept where only some do. One row of ``issues`` per reach.
    """
    turned = np.zeros(len(network.reaches), dtype=bool)
    turned[rows] = True
    reaches = network.reaches.copy()
    shapes = reaches.geometry.to_numpy().copy()
    shapes[turned] = shapely.reverse(shapes[turned])
    reaches = reaches.set_geometry(gpd.GeoSeries(shapes, index=reaches.index, crs=reaches.crs))
    for one, other in _PAIRS:
        if one in reaches.columns and other in reaches.columns:
            first, second = reaches[one].where(~turned, reaches[other]), reaches[other].where(~turned, reaches[one])
            reaches[one], reaches[other] = first, second
    share = reaches["forward_share"].fillna(1.0)
    reaches["forward_share"] = share.where(~turned, 1.0 - share)
    if "forward_reason" in reaches.columns:
        reaches["forward_reason"] = reaches["forward_reason"].where(~turned, "turned: " + reaches["forward_reason"])
    if "forward_reason_zh" in reaches.columns:
        reaches["forward_reason_zh"] = reaches["forward_reason_zh"].where(
            ~turned, "已反向:" + reaches["forward_reason_zh"]
        )
    if "start_m" in reaches.columns and "line_id" in reaches.columns:
        reaches["start_m"] = _starts(reaches, turned)
    return Network(reaches, _nodes(network, reaches, turned), _issues(network, turned))


def _starts(reaches: pd.DataFrame, turned: NDArray[np.bool_]) -> pd.Series:
    line = reaches["line_id"].fillna(reaches["reach_id"])
    whole = pd.Series(turned, index=reaches.index).groupby(line).transform("all")
    end = (reaches["start_m"] + reaches["length_m"]).groupby(line).transform("max")
    return reaches["start_m"].where(~whole, (end - reaches["start_m"] - reaches["length_m"]).clip(lower=0.0))


def _nodes(network: Network, reaches: pd.DataFrame, turned: NDArray[np.bool_]) -> gpd.GeoDataFrame:
    """Return the nodes; those at turned reaches are named anew by what arrives and leaves."""
    names = pd.Index(network.nodes["node_id"])
    tail, head = names.get_indexer(reaches["from_node"]), names.get_indexer(reaches["to_node"])
    into, out = np.bincount(head, minlength=len(names)), np.bincount(tail, minlength=len(names))
    piped = ~reaches["kind"].isin(("river", "ditch", "tidal", "lake", "coast")).to_numpy()
    dry = np.bincount(np.concatenate([tail, head]), weights=~np.tile(piped, 2), minlength=len(names)) == 0
    kind = np.select(
        [out == 0, into == 0, dry, out > 1, into > 1],
        ["mouth", "headwater", "manhole", "divergence", "confluence"],
        default="junction",
    )
    touched = np.zeros(len(names), dtype=bool)
    touched[tail[turned]] = touched[head[turned]] = True
    touched &= network.nodes["kind"].isin(_BY_FLOW).to_numpy()
    new = pd.Series(kind, index=network.nodes.index, dtype="str")
    out_nodes = network.nodes.assign(kind=new.where(touched, network.nodes["kind"]))
    assert isinstance(out_nodes, gpd.GeoDataFrame)
    return out_nodes


def _issues(network: Network, turned: NDArray[np.bool_]) -> gpd.GeoDataFrame:
    record = Record()
    for row in network.reaches[turned].to_dict("records"):
        name, share, why = row["reach_id"], 1.0 - float(row["forward_share"]), row.get("forward_reason") or ""
        record.add(
            "reversed",
            [name],
            (
                f"{name} runs against its drawing with probability {share:.2f}: {why}",
                f"{name} 与数字化方向相反的概率为 {share:.2f}:{row.get('forward_reason_zh') or why}",
            ),
            level="warning",
            decision="turned",
            at=shapely.get_point(row[network.reaches.geometry.name], 0),
        )
    new = record.table(network.crs)
    known = network.issues
    assert known is not None
    new["issue_id"] = [f"direction-{number}" for number in range(1, len(new) + 1)]
    new["source_ref"] = "weigh_direction"
    both = pd.concat([known, new], ignore_index=True) if len(known) else new
    assert isinstance(both, gpd.GeoDataFrame)
    return both
