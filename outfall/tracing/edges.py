"""Does what is behind an outfall leave the data: said beside the source nobody registered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from outfall.network import boundaries_above
from outfall.tracing.candidate_rows import UNREGISTERED
from outfall.tracing.drains import DRAIN_KINDS

if TYPE_CHECKING:
    import geopandas as gpd

    from outfall.network import Network

__all__ = ["say_boundaries"]


def say_boundaries(candidates: gpd.GeoDataFrame, outfalls: gpd.GeoDataFrame, network: Network) -> gpd.GeoDataFrame:
    """Return the candidates with a sentence where the drain behind an outfall goes on beyond the data.

    Parameters
    ----------
    candidates : GeoDataFrame
        Contract ``candidates``. Not changed.
    outfalls : GeoDataFrame
        Contract ``outfalls``, registered: ``reach_id`` says which drain they end. One on open water says nothing here.
    network : Network
        Rivers and pipes as one.

    Returns
    -------
    GeoDataFrame
        The same rows; the reasons of the unregistered source say where upstream leaves the data and how much enters.
    """
    reaches = network.reaches
    drains = reaches.loc[reaches["kind"].isin(DRAIN_KINDS), "reach_id"]
    behind = outfalls.loc[outfalls["reach_id"].isin(drains), ["outfall_id", "reach_id"]]
    if not len(behind):
        return candidates
    edges = boundaries_above(network, behind["reach_id"].drop_duplicates())
    edges = edges[~edges["is_complete"].astype(bool)].set_index("reach_id")
    reach = candidates["outfall_id"].map(behind.set_index("outfall_id")["reach_id"])
    said = reach.isin(edges.index) & (candidates["source_id"] == UNREGISTERED)
    if not said.any():
        return candidates
    reason = candidates["reason"].where(~said, candidates["reason"] + "; " + reach.map(edges["text"]))
    reason_zh = candidates["reason_zh"].where(~said, candidates["reason_zh"] + "；" + reach.map(edges["text_zh"]))
    return candidates.assign(reason=reason, reason_zh=reason_zh)
