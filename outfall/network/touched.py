"""What an edit changes besides its own rows: kinds of the touched nodes, and which of their exits is the main path."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Sequence

    import geopandas as gpd

__all__ = ["settle_nodes"]

_PIPES = ("gravity_sewer", "pressure_main", "pump", "weir", "gate")
_OF_THE_FILE = ("tank", "inlet", "boundary")  # kinds that do not follow from what is joined


def settle_nodes(
    reaches: gpd.GeoDataFrame, nodes: gpd.GeoDataFrame, touched: Sequence[str]
) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Return the tables with kinds and main paths settled at some nodes, and without those nothing is left at.

    Parameters
    ----------
    reaches, nodes : GeoDataFrame
        Tables of a network, after an edit.
    touched : sequence of str
        Nodes whose reaches changed.

    Returns
    -------
    reaches, nodes : GeoDataFrame
        Rows at other nodes are as they were. Of the exits of a node the one that was the main path stays it; else the
        one with the larger share, the longer, the first by id is it.
    """
    wanted = set(touched)
    near = reaches[reaches["from_node"].isin(wanted) | reaches["to_node"].isin(wanted)]
    there = set(near["from_node"]) | set(near["to_node"])
    kinds = {node: _kind(near, node) for node in wanted & there}
    if wanted - there:
        nodes = nodes[~nodes["node_id"].isin(wanted - there)].reset_index(drop=True)
    fixed = nodes["kind"].isin(_OF_THE_FILE)
    kind = nodes["node_id"].map(kinds).astype("str")
    nodes = nodes.assign(kind=nodes["kind"].mask(kind.notna() & ~fixed, kind))
    if "is_main" not in reaches.columns:
        return reaches, nodes
    is_main = reaches["is_main"].copy()
    for node in sorted(wanted):
        exits = near[near["from_node"] == node]
        if len(exits):
            best = _best_exit(exits)
            is_main.loc[exits.index] = exits["reach_id"] == best
    return reaches.assign(is_main=is_main), nodes


def _best_exit(exits: pd.DataFrame) -> str:
    flag = exits["is_main"].astype("boolean").map({True: 0, False: 2}).astype("float64").fillna(1.0)
    share = exits["fraction_share"].fillna(-1.0) if "fraction_share" in exits.columns else 0.0
    order = pd.DataFrame({"flag": flag, "share": -1.0 * share, "length": -exits["length_m"], "id": exits["reach_id"]})
    return str(order.sort_values(["flag", "share", "length", "id"])["id"].iloc[0])


def _kind(near: pd.DataFrame, node: str) -> str:
    """Return the kind of a node, by what is joined there; the rules are those of the builder."""
    into, out = near[near["to_node"] == node], near[near["from_node"] == node]
    both = pd.concat([into["kind"], out["kind"]])
    pipes = int(both.isin(_PIPES).sum())
    is_pipe = pipes > 0 and pipes >= len(both) - 1
    choices = [
        (bool((out["kind"] == "pump").any()), "pump_well"),
        (bool((both == "interface").any()) and is_pipe, "outfall"),
        (is_pipe and len(into) > 0 and len(out) > 0, "manhole"),
        (not len(out), "mouth"),
        (not len(into), "headwater"),
        (len(out) > 1, "divergence"),
        (len(into) > 1, "confluence"),
    ]
    return next((word for is_so, word in choices if is_so), "junction")
