"""Where outfalls lie on the network: at the mouth of a pipe or ditch, or on the bank of a water."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from outfall.network import Network, locate

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["WATERS", "mouth_nodes", "place_outfalls"]

WATERS = ("river", "tidal", "lake", "coast", "ditch", "culvert")
_OPEN = ("river", "tidal", "lake", "coast")
# Our defaults: how far a mapped pipe end is from the real mouth, how many outfalls have no mapped pipe, and how wide
# the strip is in which they lie; how far a bank may be from the line of its river.
_MOUTH_SIGMA_M = 5.0
_UNMAPPED_M2 = 1.0 / (200.0 * 50.0)
_BANK_SIGMA_M = (20.0, 100.0)


def place_outfalls(points: gpd.GeoDataFrame, network: Network) -> pd.DataFrame:
    """Return the place of every outfall: the mouth of a pipe or ditch where one is there, else the nearest water.

    Parameters
    ----------
    points : GeoDataFrame, n rows
        outfall_id, sigma_m and a point, in the CRS of the network.
    network : Network
        Rivers and pipes.

    Returns
    -------
    DataFrame, n rows
        reach_id, along_m, off_m, side, chainage_m, place_share and receiving_water; missing where nothing is near.
    """
    columns = ["reach_id", "along_m", "off_m", "side", "chainage_m", "place_share"]
    out = pd.DataFrame(index=points["outfall_id"].to_numpy(), columns=columns, dtype="object")
    bare = gpd.GeoDataFrame({"outfall_id": points["outfall_id"]}, geometry=points.geometry, crs=points.crs)
    waters = tuple(kind for kind in WATERS if kind in set(network.reaches["kind"]))
    for kinds in ((waters,) if waters else ()) + (None,):
        for bank_m in _BANK_SIGMA_M:
            left = out["reach_id"].isna().to_numpy()
            if left.any():
                sigma = np.hypot(points["sigma_m"].to_numpy(dtype=float)[left], bank_m)
                places = locate(bare[left].assign(sigma_m=sigma), network, kinds=kinds)
                best = places[places["rank"] == 1].set_index("point_id")[columns]
                out.loc[best.index, columns] = best.astype("object")
    mouth = _at_mouths(points, network)
    out.loc[mouth.index, ["reach_id", "along_m", "off_m", "chainage_m", "place_share"]] = mouth.astype("object")
    out["receiving_water"] = _receiving(out["reach_id"], network)
    return out


def _at_mouths(points: gpd.GeoDataFrame, network: Network) -> pd.DataFrame:
    """Return the outfalls that are the mouth of a mapped pipe or ditch, with the end of it as their place."""
    reaches = network.reaches
    mouths = mouth_nodes(network)
    ends = np.flatnonzero(
        reaches["to_node"].isin(mouths).to_numpy() & (~reaches["kind"].isin([*_OPEN, "interface"])).to_numpy()
    )
    blank = pd.DataFrame(columns=["reach_id", "along_m", "off_m", "chainage_m", "place_share"])
    if not len(ends) or not len(points):
        return blank
    tips = shapely.line_interpolate_point(reaches.geometry.to_numpy()[ends], 1.0, normalized=True)
    sigma = np.hypot(points["sigma_m"].to_numpy(dtype=float), _MOUTH_SIGMA_M)
    who, tip = shapely.STRtree(tips).query(points.geometry.to_numpy(), predicate="dwithin", distance=4.0 * sigma)
    gap = shapely.distance(points.geometry.to_numpy()[who], tips[tip])
    weight = np.exp(-0.5 * (gap / sigma[who]) ** 2) / (2.0 * np.pi * sigma[who] ** 2)
    whole = np.bincount(who, weights=weight, minlength=len(points)) + _UNMAPPED_M2
    found = pd.DataFrame({"who": who, "row": ends[tip], "off_m": gap, "place_share": weight / whole[who]})
    found["id"] = reaches["reach_id"].to_numpy()[found["row"]]
    found["all"] = found.groupby("who")["place_share"].transform("sum")
    best = found.sort_values(["who", "place_share", "id"], ascending=[True, False, True]).drop_duplicates("who")
    best = best[best["all"] > 0.5]
    if not len(best):
        return blank
    length = reaches["length_m"].to_numpy(dtype=float)[best["row"]]
    said = pd.DataFrame({"outfall_id": points["outfall_id"].to_numpy()[best["who"]], "reach_id": best["id"].to_numpy()})
    said["along_m"] = length
    asked = gpd.GeoDataFrame(said, geometry=gpd.GeoSeries([None] * len(said), crs=network.crs))
    chainage = locate(asked, network).set_index("point_id")["chainage_m"].reindex(said["outfall_id"])
    said["off_m"], said["place_share"] = best["off_m"].to_numpy(), best["place_share"].to_numpy()
    said["chainage_m"] = chainage.to_numpy()
    return said.set_index("outfall_id")[list(blank.columns)]


def mouth_nodes(network: Network) -> set[str]:
    """Return nodes where a pipe or ditch ends: into open water, into a discharge interface, or into nothing mapped."""
    reaches = network.reaches
    leaving = reaches.groupby("from_node")["kind"].agg(set)
    ending = reaches.loc[~reaches["kind"].isin([*_OPEN, "interface"]), "to_node"].dropna().unique()
    water = {*_OPEN, "interface"}
    return {str(node) for node in ending if not (leaving.get(node) or set()) - water}


def _receiving(reach_ids: pd.Series, network: Network) -> NDArray[np.object_]:
    """Return the name of the first open water at or downstream of each reach."""
    kinds = dict(zip(network.reaches["reach_id"], network.reaches["kind"], strict=True))
    names = dict(zip(network.reaches["reach_id"], network.reaches["name"], strict=True))
    known: dict[str, object] = {}
    for reach_id in reach_ids.dropna().unique():
        below = network.downstream(str(reach_id))
        named = (names[found] for found in below if kinds[found] in (*_OPEN, "ditch") and pd.notna(names[found]))
        known[str(reach_id)] = next(named, None)
    return reach_ids.map(known, na_action="ignore").to_numpy(dtype=object)
