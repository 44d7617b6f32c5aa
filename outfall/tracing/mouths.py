"""Which pipe or ditch end is behind an outfall, and how sure that is.

The water of an outfall comes from the pipe or ditch behind it, or from a private pipe on no map; never from the river
it discharges to. So an outfall is tied to the ends of drains, not to the nearest reach.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from outfall.tables import split_ids

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from outfall.tracing.drains import Drains
    from outfall.tracing.settings import Settings

__all__ = ["find_mouths", "tie_outfalls"]

_CLOSED = ("gravity_sewer", "culvert", "pressure_main")
_ROUNDS = 12
_SIGMAS = 4.0
_DEFAULT_SIGMA_M = 10.0


def find_mouths(drains: Drains) -> gpd.GeoDataFrame:
    """Return the ends of the drains where an outfall may be.

    Parameters
    ----------
    drains : Drains
        Drains of the network.

    Returns
    -------
    GeoDataFrame
        ``node`` (position of the node the water comes from), ``reach`` (its interface, -1 where there is none),
        ``distance_m`` from that node to the end, ``diameter_mm``; geometry is the interface line, or the end point.
    """
    reaches, ways = drains.reaches, drains.ways
    interface = np.flatnonzero((reaches["kind"] == "interface").to_numpy())
    leaves = np.zeros(len(drains.node_ids), dtype=bool)
    leaves[ways.tail[np.bitwise_count(ways.lanes) > 32]] = True
    receives = np.zeros_like(leaves)
    receives[ways.head] = True
    has_interface = np.zeros_like(leaves)
    has_interface[drains.from_node[interface]] = True
    ends = np.flatnonzero(receives & ~leaves & ~has_interface)
    node = np.concatenate([drains.from_node[interface], ends]).astype(np.int64)
    lines = gpd.GeoSeries(reaches.geometry) if len(reaches) else gpd.GeoSeries([])
    geometry = [*lines.iloc[interface], *_end_points(drains, ends)]
    return gpd.GeoDataFrame(
        {
            "node": node,
            "reach": np.concatenate([interface, np.full(len(ends), -1)]).astype(np.int64),
            "distance_m": np.concatenate([reaches["length_m"].to_numpy(dtype=float)[interface], np.zeros(len(ends))]),
            "diameter_mm": _widest(drains, node),
        },
        geometry=geometry,
        crs=getattr(reaches, "crs", None),
    )


def tie_outfalls(
    outfalls: gpd.GeoDataFrame, mouths: gpd.GeoDataFrame, drains: Drains, settings: Settings
) -> pd.DataFrame:
    """Return how probably each outfall is each drain end, or a place along a drain.

    A tie competes with a private pipe on no map and with other outfalls at the same end; a drain end is one outfall.

    Parameters
    ----------
    outfalls : GeoDataFrame, n rows
        In the CRS of the network.
    mouths : GeoDataFrame
        Answer of `find_mouths`.
    drains : Drains
        Drains of the network.
    settings : dict
        Section ``route``.

    Returns
    -------
    DataFrame
        ``outfall`` (position), ``mouth`` (position, -1 for a place along a drain), ``reach``, ``along_m``,
        ``tie_share``. What is left to 1 is a private pipe.
    """
    route = settings["route"]
    sigma = outfalls["sigma_m"].fillna(_DEFAULT_SIGMA_M).to_numpy(dtype=float)
    spread = np.sqrt(sigma**2 + route["mouth_sigma_m"] ** 2)
    at_end = _near(outfalls, mouths.geometry, spread)
    at_end = at_end.assign(mouth=at_end["found"], reach=-1, along_m=0.0, weight=1.0)
    at_end["weight"] *= _same_size(outfalls, mouths, at_end)
    along = _near_drains(outfalls, drains, spread, route["mid_pipe_share"])
    crawled = _crawled(outfalls, drains)
    along = along[~along["outfall"].isin(crawled["outfall"])]
    at_end = at_end[~at_end["outfall"].isin(crawled["outfall"])]
    into_ditch = _near_ditches(outfalls, drains, spread)
    into_ditch = into_ditch[~into_ditch["outfall"].isin(crawled["outfall"])]
    ties = pd.concat([at_end, into_ditch, along, crawled], ignore_index=True)
    s = spread[ties["outfall"]]
    density = np.exp(-0.5 * (ties["distance_m"] / s) ** 2) / (2 * np.pi * s**2)
    private = route["private_per_km2"] * 1e-6
    ties = ties.assign(odds=ties["weight"] * density / private)
    return ties.assign(tie_share=_share_out(ties, len(outfalls), len(mouths)))[
        ["outfall", "mouth", "reach", "along_m", "tie_share"]
    ]


def _share_out(ties: pd.DataFrame, outfalls: int, mouths: int) -> NDArray[np.float64]:
    """Return probabilities that sum to at most 1 per outfall and per drain end."""
    outfall, mouth, odds = ties["outfall"].to_numpy(), ties["mouth"].to_numpy(), ties["odds"].to_numpy(dtype=float)
    scale = np.ones(mouths + 1)
    share = np.zeros(len(ties))
    for _ in range(_ROUNDS):
        weight = odds * scale[mouth]
        share = weight / (1.0 + np.bincount(outfall, weight, outfalls))[outfall]
        total = np.bincount(mouth[mouth >= 0], share[mouth >= 0], mouths + 1)[: mouths + 1]
        total[mouths] = 0.0  # places along a drain are not exclusive; -1 is the last position
        scale /= np.maximum(total, 1.0)
    return np.asarray(share)


def _near(outfalls: gpd.GeoDataFrame, things: gpd.GeoSeries, spread: NDArray[np.float64]) -> pd.DataFrame:
    points = np.asarray(outfalls.geometry.array)
    if not len(points) or not len(things):
        return pd.DataFrame({"outfall": [], "found": [], "distance_m": []}).astype(
            {"outfall": "int64", "found": "int64"}
        )
    at, found = shapely.STRtree(np.asarray(things.array)).query(points, predicate="dwithin", distance=_SIGMAS * spread)
    distance = shapely.distance(points[at], np.asarray(things.array)[found])
    return pd.DataFrame({"outfall": at, "found": found, "distance_m": distance}).sort_values(
        ["outfall", "found"], ignore_index=True
    )


def _near_drains(outfalls: gpd.GeoDataFrame, drains: Drains, spread: NDArray[np.float64], share: float) -> pd.DataFrame:
    """Return the nearest drain an outfall could be a hole in; ends are more likely than the middle."""
    pipes = np.flatnonzero((drains.reaches["kind"] != "interface").to_numpy())
    lines = gpd.GeoSeries(drains.reaches.geometry.iloc[pipes]) if len(pipes) else gpd.GeoSeries([])
    near = _near(outfalls, lines, spread).sort_values(["outfall", "distance_m", "found"]).drop_duplicates("outfall")
    reach = pipes[near["found"].to_numpy(dtype=int)]
    points, line = (
        np.asarray(outfalls.geometry.array)[near["outfall"]],
        np.asarray(lines.array)[near["found"].to_numpy(dtype=int)],
    )
    along = shapely.line_locate_point(line, points) if len(near) else np.zeros(0)
    length = drains.reaches["length_m"].to_numpy(dtype=float)[reach]
    scale = length / np.maximum(shapely.length(line), 1e-9) if len(near) else np.zeros(0)
    return near.assign(mouth=-1, reach=reach, along_m=along * scale, weight=share).drop(columns="found")


def _near_ditches(outfalls: gpd.GeoDataFrame, drains: Drains, spread: NDArray[np.float64]) -> pd.DataFrame:
    """Return outfalls at the end of a pipe into a ditch: the pipe's water, not the ditch's."""
    is_ditch = (drains.reaches["kind"] == "ditch").to_numpy()
    is_pipe = drains.reaches["kind"].isin(_CLOSED).to_numpy()
    opens = np.zeros(len(drains.node_ids), dtype=bool)
    opens[drains.from_node[is_ditch]] = True
    opens[drains.from_node[is_pipe]] = False
    reach = np.flatnonzero(is_pipe & opens[drains.to_node])
    ends = gpd.GeoSeries(list(shapely.get_point(np.asarray(drains.reaches.geometry.array)[reach], -1)))
    near = _near(outfalls, ends, spread)
    found = reach[near["found"].to_numpy(dtype=int)]
    length = drains.reaches["length_m"].to_numpy(dtype=float)[found]
    return near.assign(mouth=-1, reach=found, along_m=length, weight=1.0).drop(columns="found")


def _crawled(outfalls: gpd.GeoDataFrame, drains: Drains) -> pd.DataFrame:
    """Return the places of outfalls a crawler saw from inside a drain: those are known, not guessed."""
    seen = outfalls["platforms"].map(lambda text: "crawler" in split_ids(text)).to_numpy(dtype=bool)
    reach = drains.position(outfalls["reach_id"])
    rows = np.flatnonzero(seen & (reach >= 0) & outfalls["along_m"].notna().to_numpy())
    along = outfalls["along_m"].to_numpy(dtype=float)[rows]
    kinds = drains.reaches["kind"].to_numpy()[reach[rows]] if len(rows) else np.zeros(0, dtype=object)
    rows, along = rows[kinds != "interface"], along[kinds != "interface"]
    return pd.DataFrame(
        {"outfall": rows, "distance_m": 0.0, "mouth": -1, "reach": reach[rows], "along_m": along, "weight": 1.0}
    )


def _same_size(outfalls: gpd.GeoDataFrame, mouths: gpd.GeoDataFrame, ties: pd.DataFrame) -> NDArray[np.float64]:
    """Return how much likelier the seen diameter is if the outfall is this pipe than if it is any pipe."""
    seen = outfalls["diameter_mm"].to_numpy(dtype=float)[ties["outfall"]]
    pipe = mouths["diameter_mm"].to_numpy(dtype=float)[ties["mouth"]]
    with np.errstate(invalid="ignore", divide="ignore"):
        off, any_off = np.log(seen / pipe), np.log(seen / 400.0)
    alike = 0.8 * np.exp(-0.5 * (off / 0.25) ** 2) / 0.25
    other = np.exp(-0.5 * (any_off / 0.8) ** 2) / 0.8
    ratio = (alike + 0.2 * other) / np.maximum(other, 1e-3)
    return np.where(np.isfinite(ratio) & (seen > 0) & (pipe > 0), np.clip(ratio, 0.2, 5.0), 1.0)


def _widest(drains: Drains, node: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the widest drain that ends at each node."""
    diameter = drains.reaches["diameter_mm"].to_numpy(dtype=float)[drains.ways.reach]
    widest = np.full(len(drains.node_ids), -np.inf)
    np.maximum.at(widest, drains.ways.head, np.nan_to_num(diameter, nan=-np.inf))
    return np.where(np.isfinite(widest[node]), widest[node], np.nan)


def _end_points(drains: Drains, nodes: NDArray[np.int64]) -> list[object]:
    """Return the point of each node: the end of a drain that touches it."""
    lines = np.asarray(drains.reaches.geometry.array)
    touch = pd.DataFrame(
        {"node": np.concatenate([drains.to_node, drains.from_node]), "row": np.tile(np.arange(len(lines)), 2)}
    )
    touch["end"] = np.repeat([-1, 0], len(lines))
    first = touch.drop_duplicates("node").set_index("node").reindex(nodes)
    return (
        list(shapely.get_point(lines[first["row"].to_numpy(dtype=int)], first["end"].to_numpy(dtype=int)))
        if len(nodes)
        else []
    )
