"""Which sources can reach which outfall, by which way, how far and with what probability."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from outfall.coordinates import to_crs
from outfall.tables import check, empty
from outfall.tracing.candidate_rows import write_candidates
from outfall.tracing.drains import find_drains
from outfall.tracing.mouths import find_mouths, tie_outfalls
from outfall.tracing.private import find_private
from outfall.tracing.settings import Settings, merge_settings
from outfall.tracing.sewered import find_entries, find_sewered

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from outfall.network import Network
    from outfall.tracing.drains import Drains

__all__ = ["find_candidates", "place_sources", "reach_candidates"]

_PRIVATE_MS = 0.5
_PAIR = ["source", "outfall"]


def find_candidates(
    outfalls: gpd.GeoDataFrame,
    network: Network,
    sources: gpd.GeoDataFrame,
    *,
    flows: pd.DataFrame | None = None,
    links: pd.DataFrame | None = None,
    settings: Mapping[str, Mapping[str, float]] | None = None,
) -> gpd.GeoDataFrame:
    """Return every source that can reach each outfall, and the source nobody registered.

    Water gets to an outfall through the drains behind it, or through a private pipe from a unit beside it; never from
    the river upstream. Places, flow directions, gates and overflows are uncertain: 64 worlds are drawn and the share
    of those in which the water arrives is the answer, with its standard error.

    Parameters
    ----------
    outfalls : GeoDataFrame, n rows
        Contract ``outfalls``. Not changed.
    network : Network
        Rivers and pipes as one.
    sources : GeoDataFrame, m rows
        Contract ``sources``. A source without a point can only be reached through its node or a link.
    flows : DataFrame, optional
        ``outfall_id``, ``flow_m3s``: for the dilution.
    links : DataFrame, optional
        Contract ``links``; a source that a link joins to an outfall is a candidate wherever it stands.
    settings : mapping of str to mapping, optional
        Numbers that replace our defaults; `default_settings` shows all. The unregistered source has the probability
        ``[run] unregistered_share`` where registered ones can reach well, and more where they cannot.

    Returns
    -------
    GeoDataFrame
        Contract ``candidates``, outfalls in the order given, most probable first, by reach alone. ``exit_share`` is
        the probability that the source's water comes out at this outfall and ``route`` how (sewer, wrong_connection,
        private, link). Geometry is the line from the source to the drain it enters or to the outfall.

    Raises
    ------
    TableError
        A table does not meet its contract.
    CoordinateError
        A table has no CRS.

    Examples
    --------
    >>> import pandas as pd
    >>> find_candidates(empty("outfalls", crs=4547), None, empty("sources", crs=4547)).empty
    True
    """
    chosen = merge_settings(settings)
    outfalls = check(outfalls, "outfalls")
    if not len(outfalls):
        return gpd.GeoDataFrame(empty("candidates", crs=outfalls.crs)).assign(
            exit_share=pd.Series(dtype=float), route=""
        )
    outfalls = to_crs(outfalls, network.crs, where="outfalls")
    placed = place_sources(sources, network, settings=chosen)
    told = check(links, "links") if links is not None else empty("links")
    return reach_candidates(
        outfalls,
        network,
        placed,
        flows=flows,
        links=told,
        settings=chosen,
    )


def reach_candidates(
    outfalls: gpd.GeoDataFrame,
    network: Network,
    sources: gpd.GeoDataFrame,
    *,
    flows: pd.DataFrame | None,
    links: pd.DataFrame,
    settings: Settings,
) -> gpd.GeoDataFrame:
    """Return the candidates of tables that are known to be sound: checked, placed and in the CRS of the network.

    Parameters
    ----------
    outfalls : GeoDataFrame, n rows
        At least one.
    network : Network
        Rivers and pipes as one.
    sources : GeoDataFrame
        Answer of `place_sources`.
    flows : DataFrame or None
        ``outfall_id``, ``flow_m3s``.
    links : DataFrame
        Contract ``links``.
    settings : dict
        See `default_settings`.

    Returns
    -------
    GeoDataFrame
        Contract ``candidates``.
    """
    outfalls, placed = _ordered(outfalls, "outfall_id"), _ordered(sources, "source_id")
    drains = find_drains(network, settings)
    pairs = _find_pairs(outfalls, network, placed, drains, settings)
    pairs = _add_links(pairs, outfalls, placed, links, settings["route"]["link_exit_share"])
    pairs = pairs[(pairs["reach_share"] >= settings["route"]["least_share"]) | (pairs["route"] == "link")]
    return write_candidates(pairs, outfalls, placed, drains, flows=flows, settings=settings)


def place_sources(sources: gpd.GeoDataFrame, network: Network, *, settings: Settings) -> gpd.GeoDataFrame:
    """Return the sources in the CRS of the network, with the error of their position and the stated system filled in.

    Parameters
    ----------
    sources : GeoDataFrame, m rows
        Contract ``sources``.
    network : Network
        Gives the CRS.
    settings : dict
        Section ``source_sigma_m``.

    Returns
    -------
    GeoDataFrame, m rows
        ``sigma_m`` without gaps; ``stated`` is the system the permit names, "drain" for a surface drain, or
        "unstated".
    """
    checked = check(sources, "sources")
    if len(checked) and checked.geometry.notna().any():
        checked = to_crs(checked, network.crs, where="sources")
    else:
        checked = gpd.GeoDataFrame(checked).set_crs(network.crs, allow_override=True)
    default = settings["source_sigma_m"]
    by_kind = checked["kind"].map(lambda kind: default.get(str(kind), default["default"])).fillna(default["default"])
    stated = checked["system"].fillna("unstated").where(checked["kind"].ne("drain").fillna(value=True), "drain")
    return checked.assign(sigma_m=checked["sigma_m"].fillna(by_kind.astype(float)), stated=stated.astype("str"))


def _ordered(frame: gpd.GeoDataFrame, key: str) -> gpd.GeoDataFrame:
    """Return the rows by id, with where each stood: nothing may depend on the order of the rows."""
    return frame.assign(row=np.arange(len(frame))).sort_values(key, ignore_index=True)


def _find_pairs(
    outfalls: gpd.GeoDataFrame, network: Network, sources: gpd.GeoDataFrame, drains: Drains, settings: Settings
) -> pd.DataFrame:
    mouths = find_mouths(drains)
    ties = tie_outfalls(outfalls, mouths, drains, settings)
    tied = np.bincount(ties["outfall"], ties["tie_share"], len(outfalls))
    sewer_share = sources["stated"].map(settings["exit_sewer"]).to_numpy(dtype=float)
    private_share = sources["stated"].map(settings["exit_private"]).to_numpy(dtype=float)
    entries = find_entries(sources, network, drains, settings)
    near = np.bincount(entries["source"], entries["place_share"], len(sources)).clip(0.0, 1.0)
    private_share = np.where(private_share > 0, private_share + sewer_share * (1.0 - near) * 0.5, 0.0)
    sewered = find_sewered(entries, mouths, ties, drains, sewer_share=sewer_share)
    private = find_private(
        outfalls, network, sources, np.clip(1.0 - tied, 0.0, 1.0), private_share, settings=settings
    ).rename(columns={"off_m": "private_m", "exit_share": "private_exit"})
    pairs = sewered.merge(private, on=_PAIR, how="outer").sort_values(_PAIR, ignore_index=True)
    for name in ("reach_share", "exit_share", "private_share", "private_exit", "reach_sigma_share"):
        pairs[name] = pairs[name].fillna(0.0)
    by_pipe = (pairs["exit_share"] >= pairs["private_exit"]) & (pairs["exit_share"] > 0)
    exits = np.minimum(pairs["exit_share"] + pairs["private_exit"], 1.0)
    is_wrong = (sources["stated"].to_numpy(dtype=object)[pairs["source"]] == "foul") & (pairs["system"] == "storm")
    return pairs.assign(
        route=np.where(by_pipe, np.where(is_wrong, "wrong_connection", "sewer"), "private"),
        reach_share=np.maximum(1.0 - (1.0 - pairs["reach_share"]) * (1.0 - pairs["private_share"]), exits),
        exit_share=exits,
        off_m=pairs["off_m"].where(by_pipe, pairs["private_m"]),
        distance_m=pairs["distance_m"].where(by_pipe, 0.0),
        travel_h=pairs["travel_h"].where(by_pipe, pairs["private_m"] / _PRIVATE_MS / 3600.0),
        path=pairs["path"].where(by_pipe, None),
    )


def _add_links(
    pairs: pd.DataFrame, outfalls: gpd.GeoDataFrame, sources: gpd.GeoDataFrame, links: pd.DataFrame, share: float
) -> pd.DataFrame:
    """Return the pairs with those a tracer, crawler or document joins; a link needs no map."""
    if not len(links):
        return pairs
    ends = {"outfalls": pd.Index(outfalls["outfall_id"]), "sources": pd.Index(sources["source_id"])}
    out = pd.DataFrame(
        {
            "source": _link_end(links, "sources", ends["sources"]),
            "outfall": _link_end(links, "outfalls", ends["outfalls"]),
            "exit_share": links["exists_share"].to_numpy(dtype=float),
        }
    )
    out = out[(out["source"] >= 0) & (out["outfall"] >= 0)].groupby(_PAIR, as_index=False)["exit_share"].max()
    out = out.merge(pairs[_PAIR], on=_PAIR, how="left", indicator=True)
    new = out[(out["_merge"] == "left_only") & (out["exit_share"] > 0)].drop(columns="_merge")
    if new.empty:
        return pairs
    places = shapely.distance(
        np.asarray(sources.geometry.array)[new["source"]], np.asarray(outfalls.geometry.array)[new["outfall"]]
    )
    new = new.assign(reach_share=new["exit_share"], exit_share=share, route="link", off_m=places, reach_sigma_share=0.0)
    return pd.concat([pairs, new], ignore_index=True).sort_values(_PAIR, ignore_index=True)


def _link_end(links: pd.DataFrame, table: str, ids: pd.Index) -> NDArray[np.int64]:
    """Return the position of the end of each link that is in a table, -1 where neither is."""
    named = links["from_id"].where(links["from_table"] == table, links["to_id"].where(links["to_table"] == table))
    return np.asarray(ids.get_indexer(pd.Index(named.astype("object"))), dtype=np.int64)
