"""Candidate pairs as contracted rows: probability by reach alone, path, dilution, and a reason one can read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from outfall.tables import check, join_ids
from outfall.tracing.texts import say

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from outfall.tracing.drains import Drains
    from outfall.tracing.settings import Settings

__all__ = ["UNREGISTERED", "write_candidates"]

UNREGISTERED = "unregistered"
_NUMBERS = ["reach_share", "reach_sigma_share", "distance_m", "off_m", "travel_h", "dilution_share"]


def write_candidates(
    pairs: pd.DataFrame,
    outfalls: gpd.GeoDataFrame,
    sources: gpd.GeoDataFrame,
    drains: Drains,
    *,
    flows: pd.DataFrame | None,
    settings: Settings,
) -> gpd.GeoDataFrame:
    """Return the pairs as contracted rows, with the unregistered source of each outfall.

    Parameters
    ----------
    pairs : DataFrame
        ``source`` and ``outfall`` (positions), shares, distances, ``route`` and ``path`` (positions of drains).
    outfalls, sources : GeoDataFrame
        Sorted by id; ``row`` is where each stood in the table of the user.
    drains : Drains
        Drains of the network.
    flows : DataFrame or None
        ``outfall_id``, ``flow_m3s``.
    settings : dict
        Sections ``run`` (the prior of the unregistered source where registered ones can reach well) and ``route``.

    Returns
    -------
    GeoDataFrame
        Contract ``candidates``.
    """
    unregistered_share = settings["run"]["unregistered_share"]
    total = np.bincount(pairs["outfall"], pairs["exit_share"], len(outfalls))
    count = np.bincount(pairs["outfall"], minlength=len(outfalls))
    strength = np.minimum(total / settings["route"]["typical_share"], 1.0)
    weight = (1.0 - unregistered_share) * strength
    known = np.where(total > 0, weight / (weight + unregistered_share), 0.0)
    at, who = pairs["outfall"].to_numpy(dtype=np.int64), pairs["source"].to_numpy(dtype=np.int64)
    rows = pd.DataFrame(
        {
            "at": at,
            "outfall_id": outfalls["outfall_id"].to_numpy()[at],
            "source_id": sources["source_id"].to_numpy()[who],
        }
    )
    rows["prior_share"] = (1.0 - unregistered_share) / count[at]
    rows["posterior_share"] = known[at] * pairs["exit_share"].to_numpy() / total[at]
    rows["dilution_share"] = _dilution(outfalls, sources, at, who, flows)
    for name in ("reach_share", "reach_sigma_share", "distance_m", "off_m", "travel_h", "exit_share", "route"):
        rows[name] = pairs[name].to_numpy()
    ids = drains.reaches["reach_id"].to_numpy(dtype=object)
    rows["path_ids"] = [join_ids(ids[path]) if isinstance(path, list) else None for path in pairs["path"]]
    rows["geometry"] = _legs(pairs, outfalls, sources, drains)
    rows["source_ref"] = (
        "find_candidates("
        + outfalls["source_ref"].to_numpy(dtype=object)[at]
        + ";"
        + sources["source_ref"].to_numpy(dtype=object)[who]
        + ")"
    )
    texts = [say("candidate", str(values["case"]), values) for values in _figures(pairs, drains)]
    rows["reason"], rows["reason_zh"] = [text[0] for text in texts], [text[1] for text in texts]
    nobody = _nobody(outfalls, count, known, unregistered_share, settings)
    out = pd.concat([rows, nobody], ignore_index=True)
    out["row"] = outfalls["row"].to_numpy()[out["at"]]
    return _ranked(out, outfalls)


def _figures(pairs: pd.DataFrame, drains: Drains) -> list[dict[str, object]]:
    names = drains.reaches["reach_id"].to_numpy(dtype=object)
    columns = pairs[["route", "path", "off_m", "distance_m", "travel_h", "reach_share", "exit_share"]]
    return [
        {
            "case": route,
            "pipe": names[path[0]] if isinstance(path, list) and path else "",
            "off_m": off_m,
            "distance_m": distance_m,
            "travel_h": travel_h,
            "reach": reach_share,
            "exit": exit_share,
        }
        for route, path, off_m, distance_m, travel_h, reach_share, exit_share in columns.itertuples(index=False)
    ]


def _nobody(
    outfalls: gpd.GeoDataFrame, count: NDArray[np.int64], known: NDArray[np.float64], share: float, settings: Settings
) -> pd.DataFrame:
    """Return the row of the source nobody registered for every outfall; alone where nothing else can reach it."""
    reach_m = settings["route"]["search_m"]
    texts = [
        say("unregistered", "some" if number else "none", {"count": int(number), "search_m": reach_m})
        for number in count
    ]
    return pd.DataFrame(
        {
            "at": np.arange(len(outfalls)),
            "outfall_id": outfalls["outfall_id"].to_numpy(),
            "source_id": UNREGISTERED,
            "prior_share": np.where(count > 0, share, 1.0),
            "posterior_share": 1.0 - known,
            "route": "unknown",
            "reason": [text[0] for text in texts],
            "reason_zh": [text[1] for text in texts],
            "source_ref": "find_candidates(" + outfalls["source_ref"].astype("object") + ")",
        }
    )


def _ranked(rows: pd.DataFrame, outfalls: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    rows = rows.sort_values(["row", "posterior_share", "source_id"], ascending=[True, False, True], ignore_index=True)
    rows["rank"] = rows.groupby("row").cumcount() + 1
    rows["candidate_id"] = rows["outfall_id"].astype("object") + "/" + rows["source_id"].astype("object")
    for name in _NUMBERS:
        rows[name] = rows[name].astype(float)
    frame = gpd.GeoDataFrame(rows.drop(columns=["at", "row"]), geometry="geometry", crs=outfalls.crs)
    return gpd.GeoDataFrame(check(frame, "candidates"))


def _dilution(
    outfalls: gpd.GeoDataFrame,
    sources: gpd.GeoDataFrame,
    at: NDArray[np.int64],
    who: NDArray[np.int64],
    flows: pd.DataFrame | None,
) -> NDArray[np.float64]:
    if flows is None or not len(flows):
        return np.full(len(at), np.nan)
    flow = flows.set_index("outfall_id")["flow_m3s"].reindex(outfalls["outfall_id"]).to_numpy(dtype=float)
    discharge = sources["discharge_m3d"].to_numpy(dtype=float) / 86400.0
    return np.minimum(discharge[who] / flow[at], 1.0)


def _legs(
    pairs: pd.DataFrame, outfalls: gpd.GeoDataFrame, sources: gpd.GeoDataFrame, drains: Drains
) -> NDArray[np.object_]:
    """Return the line from each source to the drain it enters, or to the outfall."""
    start = np.asarray(sources.geometry.array)[pairs["source"]]
    end = np.asarray(outfalls.geometry.array)[pairs["outfall"]].copy()
    lines = np.asarray(drains.reaches.geometry.array)
    first = np.array([path[0] if isinstance(path, list) and path else -1 for path in pairs["path"]], dtype=np.int64)
    by_pipe = np.flatnonzero(first >= 0)
    if len(by_pipe):
        pipe = lines[first[by_pipe]]
        end[by_pipe] = shapely.line_interpolate_point(pipe, shapely.line_locate_point(pipe, start[by_pipe]))
    legs = np.full(len(pairs), None, dtype=object)
    both = np.flatnonzero(~shapely.is_missing(start) & ~shapely.is_missing(end))
    if len(both):
        ends = np.stack([shapely.get_coordinates(start[both]), shapely.get_coordinates(end[both])], axis=1)
        legs[both] = shapely.linestrings(ends)
    return legs
