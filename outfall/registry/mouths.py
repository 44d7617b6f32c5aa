"""Where sightings and outfalls lie on the network: crawler finds along pipes, mouths of pipes, banks of rivers."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from outfall.network import Network, locate
from outfall.tables import issue

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["WATERS", "Piped", "place_outfalls", "place_piped"]

WATERS = ("river", "tidal", "lake", "coast", "ditch", "culvert")
_OPEN = ("river", "tidal", "lake", "coast")
# Our defaults: how far a mapped pipe end is from the real mouth, how many outfalls have no mapped pipe, and how wide
# the strip is in which they lie; how far a bank may be from the line of its river.
_MOUTH_SIGMA_M = 5.0
_UNMAPPED_M2 = 1.0 / (200.0 * 50.0)
_BANK_SIGMA_M = (20.0, 100.0)
_AT_MOUTH_M = 10.0
_BEYOND_M = 5.0


class Piped(NamedTuple):
    """Sightings with a point, those that are no outfalls with the reason, and the doubts."""

    kept: gpd.GeoDataFrame
    unused: list[dict[str, str]]
    notes: list[dict[str, object]]


def place_piped(every: gpd.GeoDataFrame, network: Network) -> Piped:
    """Give sightings known along a reach their point, and set those inside pipes apart.

    Parameters
    ----------
    every : GeoDataFrame, n rows
        From seen.gather. Not changed.
    network : Network
        Its ``line_id`` (the user's own pipe id) or ``reach_id`` is what a crawler names.

    Returns
    -------
    Piped
        A find inside a pipe is no river outfall: only one within ten metres (or three sigma) of the pipe's mouth is.
    """
    is_piped = (every.geometry.isna() | (every["platform"] == "crawler")).to_numpy() & every[
        "reach_id"
    ].notna().to_numpy()
    is_lost = every.geometry.isna().to_numpy() & ~is_piped
    pieces = _pieces(network) if is_piped.any() else {}
    mouths = _mouth_nodes(network) if is_piped.any() else set()
    geometry = every.geometry.to_numpy().copy()
    unused: list[dict[str, str]] = []
    notes: list[dict[str, object]] = []
    drop = is_lost.copy()
    for at in np.flatnonzero(is_lost).tolist():
        _leave_out(unused, notes, every, at, "has neither a point nor a reach_id", "既无坐标也无管段编号")
    for at in np.flatnonzero(is_piped).tolist():
        name, along_m = str(every["reach_id"].iloc[at]), float(np.nan_to_num(every["along_m"].iloc[at]))
        if name not in pieces:
            drop[at] = geometry[at] is None
            if drop[at]:
                what = f"names pipe {name!r}, which is not in the network"
                _leave_out(unused, notes, every, at, what, f"管段 {name!r} 不在管网中")
            continue
        row, on_m, left_m = _on_piece(network, pieces[name], along_m)
        if left_m < -max(_BEYOND_M, 0.02 * along_m):
            sighting = str(every["sighting_id"].iloc[at])
            reason = f"{sighting}: {along_m:g} m is {-left_m:.1f} m beyond the end of {name}; placed at its end"
            reason_zh = f"{sighting}: 桩号 {along_m:g} m 超出 {name} 末端 {-left_m:.1f} m, 按末端计"
            notes.append(
                issue("assumption", "sightings", reason, reason_zh=reason_zh, rows=[sighting], distance_m=-left_m)
            )
        geometry[at] = shapely.line_interpolate_point(network.reaches.geometry.iloc[row], on_m)
        near_m = max(_AT_MOUTH_M, 3.0 * float(every["sigma_m"].iloc[at]))
        is_mouth = str(network.reaches["to_node"].iloc[pieces[name][-1][1]]) in mouths and left_m <= near_m
        if network.reaches["kind"].iloc[row] not in WATERS and not is_mouth:
            drop[at] = True
            what, what_zh = f"lies inside pipe {name}, {left_m:.0f} m from its end", f"位于管道 {name} 内"
            _leave_out(unused, notes, every, at, what, what_zh, level="note")
    kept = every.set_geometry(gpd.GeoSeries(geometry, index=every.index, crs=every.crs))
    return Piped(kept[~drop].reset_index(drop=True), unused, notes)


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
    mouths = _mouth_nodes(network)
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


def _mouth_nodes(network: Network) -> set[str]:
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


def _pieces(network: Network) -> Mapping[str, list[tuple[float, int]]]:
    """Return by the user's id of a line, or by reach_id, its pieces from the upstream end: start and row."""
    reaches = network.reaches
    start = pd.to_numeric(reaches.get("start_m", pd.Series(0.0, index=reaches.index))).fillna(0.0).to_numpy(dtype=float)
    found: dict[str, list[tuple[float, int]]] = {}
    lines = reaches["line_id"] if "line_id" in reaches.columns else reaches["reach_id"]
    for row, (line, begin) in enumerate(zip(lines.fillna(reaches["reach_id"]), start, strict=True)):
        found.setdefault(str(line), []).append((float(begin), row))
    for row, name in enumerate(reaches["reach_id"]):
        found.setdefault(str(name), [(0.0, row)])
    return {name: sorted(pieces) for name, pieces in found.items()}


def _on_piece(network: Network, pieces: list[tuple[float, int]], along_m: float) -> tuple[int, float, float]:
    """Return the row of the piece, the distance on its drawn line, and how far the end of the user's line is."""
    at = max(0, int(np.searchsorted([begin for begin, _ in pieces], along_m, side="right")) - 1)
    begin, row = pieces[at]
    length = float(network.reaches["length_m"].iloc[row])
    drawn = network.reaches.geometry.iloc[row].length
    last_begin, last_row = pieces[-1]
    end_m = last_begin + float(network.reaches["length_m"].iloc[last_row])
    share = min(max((along_m - begin) / length, 0.0), 1.0) if length > 0 else 0.0
    return row, share * drawn, end_m - along_m


def _leave_out(
    unused: list[dict[str, str]],
    notes: list[dict[str, object]],
    every: gpd.GeoDataFrame,
    at: int,
    what: str,
    what_zh: str,
    *,
    level: str = "error",
) -> None:
    sighting = str(every["sighting_id"].iloc[at])
    unused.append({"sighting_id": sighting, "reason": what, "reason_zh": what_zh})
    reason, reason_zh = f"{sighting} {what}", f"{sighting}: {what_zh}"
    decision = "not made an outfall; it may still serve as a link"
    notes.append(
        issue("no_place", "sightings", reason, reason_zh=reason_zh, rows=[sighting], level=level, decision=decision)
    )
