"""Joined lines into the tables of a Network: ids, lengths, node kinds, main paths, and what looks wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd

from outfall.coordinates import length_m
from outfall.network.doubts import record_doubts
from outfall.network.graph import Network
from outfall.network.primary import choose_main
from outfall.tables import empty

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from outfall.network.join import Ends
    from outfall.network.record import Record

__all__ = ["finish_network"]

_PIPES = {"gravity_sewer", "pressure_main", "pump", "weir", "gate"}
_BUILDER_ONLY = ["to_reach", "divergence", "direction", "is_tidal", "part"]


def finish_network(lines: gpd.GeoDataFrame, ends: Ends, record: Record) -> Network:
    """Return the network of joined lines.

    Parameters
    ----------
    lines : GeoDataFrame, n rows, metric CRS
        Rivers, pipes and interfaces, cut at their nodes.
    ends : Ends
        Their nodes.
    record : Record
        Decisions so far; divergences, loops and pieces are added.

    Returns
    -------
    Network
        With every table of its contract.
    """
    used, number = np.unique(np.concatenate([ends.from_node, ends.to_node]), return_inverse=True)
    from_node, to_node = number[: len(lines)], number[len(lines) :]
    place, names = ends.place[used], _node_names(ends.place[used], ends.key[used], record)
    if lines["length_m"].notna().any():
        lines = lines.assign(given_length_m=lines["length_m"])  # what the file says of the whole line
    reaches = _share_out(lines.assign(reach_id=_reach_ids(lines), length_m=length_m(lines.geometry)))
    reaches["forward_share"] = reaches["forward_share"].fillna(1.0)
    reaches["forward_reason"] = reaches["forward_reason"].fillna("digitised order")
    reaches["is_main"] = choose_main(reaches, from_node, to_node, place, record)
    reaches["from_node"], reaches["to_node"] = names[from_node], names[to_node]
    nodes = _nodes(reaches, from_node, to_node, place, names)
    network = Network(_conform(reaches, "reaches"), nodes)
    record_doubts(network, record)
    object.__setattr__(network, "issues", record.table(lines.crs))  # nobody has seen it yet; its arrays stay made
    return network


def _reach_ids(lines: gpd.GeoDataFrame) -> pd.Series:
    """Return the ids: that of the line, or ``<line>.<number>`` for the pieces of a line."""
    frame = pd.DataFrame({"line": lines["line_id"], "part": lines["part"]})
    many = frame.groupby("line")["part"].transform("size") > 1
    number = frame.sort_values(["line", "part"], kind="stable").groupby("line").cumcount() + 1
    ids = frame["line"].mask(many, frame["line"] + "." + number.sort_index().astype("str"))
    clash = ids.duplicated(keep=False) & many
    while clash.any():
        ids = ids.mask(clash, ids + "'")
        clash = ids.duplicated(keep=False) & many
    return ids.astype("str")


def _share_out(reaches: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Give each piece of a line its own share of what the line has: catchment by length, inverts in between."""
    out = reaches.copy()
    order = out.sort_values(["line_id", "part"], kind="stable")
    line = order.groupby("line_id")["length_m"]
    end = line.cumsum()
    start, whole = end - order["length_m"], line.transform("sum")
    out["start_m"] = start.sort_index().clip(lower=0.0)
    out.loc[out["kind"] == "interface", "start_m"] = np.nan
    cut = (order.groupby("line_id")["part"].transform("size") > 1).sort_index()
    if not cut.any():
        return out
    low, high = (start / whole).sort_index(), (end / whole).sort_index()
    out["area_km2"] = out["area_km2"] * (high - low)
    fall = out["invert_to_m"] - out["invert_from_m"]
    first, last = out["invert_from_m"] + low * fall, out["invert_from_m"] + high * fall
    out["invert_from_m"] = out["invert_from_m"].where(~cut, first)
    out["invert_to_m"] = out["invert_to_m"].where(~cut, last)
    inner = cut & (out["part"] > 0)  # what a line takes from its node is said of its first piece alone
    out["fraction_share"] = out["fraction_share"].mask(inner)
    out["is_main"] = out["is_main"].mask(inner)
    out["divergence"] = out["divergence"].mask(inner)
    return out


def _node_names(place: NDArray[np.float64], key: NDArray[np.object_], record: Record) -> NDArray[np.object_]:
    """Return the user's id of each node, or a number in the order of places, which is not that of the lines."""
    names = key.copy()
    free = np.flatnonzero(key == None)  # noqa: E711
    order = free[np.lexsort((place[free, 1], place[free, 0]))]
    taken = {name for name in key if name is not None}
    mark = "N"
    while any(f"{mark}{number}" in taken for number in range(1, len(order) + 1)):
        mark += "N"
    names[order] = [f"{mark}{number}" for number in range(1, len(order) + 1)]
    twice = pd.Series(names)[pd.Series(names).duplicated(keep="first")]
    for at, name in twice.items():  # rivers come first and keep the id
        new, number = f"{name}~2", 2
        while new in taken:
            number += 1
            new = f"{name}~{number}"
        taken.add(new)
        names[at] = new
    if len(twice):
        text = f"{len(twice):,} node ids of the pipes are also those of river nodes elsewhere"
        record.add("duplicate", twice, (text, f"{len(twice):,} 个管网节点编号与河流节点重复"), about="nodes", level="warning",
                   decision="those of the pipes are called <id>~2")  # fmt: skip
    return names


def _nodes(
    reaches: gpd.GeoDataFrame,
    from_node: NDArray[np.int64],
    to_node: NDArray[np.int64],
    place: NDArray[np.float64],
    names: NDArray[np.object_],
) -> gpd.GeoDataFrame:
    count = len(place)
    into, out = np.bincount(to_node, minlength=count), np.bincount(from_node, minlength=count)
    kind = reaches["kind"].to_numpy(dtype=object)
    pipe = np.isin(kind, sorted(_PIPES))
    pipes_into, pipes_out = np.bincount(to_node[pipe], minlength=count), np.bincount(from_node[pipe], minlength=count)
    is_pipe = (pipes_into + pipes_out > 0) & (pipes_into + pipes_out >= into + out - 1)
    pump, joint = kind == "pump", kind == "interface"
    conditions = [
        np.isin(np.arange(count), from_node[pump]),
        np.isin(np.arange(count), np.concatenate([from_node[joint], to_node[joint]])) & is_pipe,
        is_pipe & (into > 0) & (out > 0),
        out == 0,
        into == 0,
        out > 1,
        into > 1,
    ]
    words = ["pump_well", "outfall", "manhole", "mouth", "headwater", "divergence", "confluence"]
    frame = pd.DataFrame({"node_id": pd.Series(names, dtype="str")})
    frame["kind"] = pd.Series(np.select(conditions, words, default="junction"), dtype="str")
    refs, number = np.unique(reaches["source_ref"].to_numpy(dtype=object).astype(str), return_inverse=True)
    first = np.full(count, len(refs))
    np.minimum.at(first, np.concatenate([from_node, to_node]), np.tile(number, 2))
    frame["source_ref"] = pd.Series([f"build_network({refs[at]})" for at in first], dtype="str")
    shapes = gpd.GeoSeries.from_xy(place[:, 0], place[:, 1], crs=reaches.crs)
    return _conform(gpd.GeoDataFrame(frame, geometry=shapes), "nodes")


def _conform(frame: gpd.GeoDataFrame, table: str) -> gpd.GeoDataFrame:
    """Return the frame with every column of the contract, in order, then the others."""
    blank = empty(table, crs=frame.crs)
    columns: dict[str, pd.Series] = {}
    for name in blank.columns:
        if name == "geometry":
            continue
        if name in frame.columns:
            columns[name] = frame[name].astype(blank[name].dtype)
        else:
            columns[name] = pd.Series(index=frame.index, dtype=blank[name].dtype)
    skip = {*columns, *_BUILDER_ONLY, str(frame.geometry.name)}
    others = frame[[name for name in frame.columns if name not in skip]]
    out = pd.concat([pd.DataFrame(columns), pd.DataFrame(others)], axis=1)
    return gpd.GeoDataFrame(out, geometry=gpd.GeoSeries(frame.geometry.array, index=frame.index, crs=frame.crs))
