"""Pumps, gates and weirs that a file has as points: each becomes a short reach of its own on the line it stands on."""

from __future__ import annotations

import csv
import itertools
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely.ops import substring

from outfall.coordinates import length_m, to_crs
from outfall.errors import NetworkError, Problem
from outfall.network.graph import Network
from outfall.network.record import Record
from outfall.vocabulary import find_word, plain

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["insert_structures", "name_structures"]

_LONG_M = 1.0
_KINDS = ("pump", "gate", "weir")
_BOTH = ("both", "双向", "往复")
_COPIED = ("state", "start_level_m", "stop_level_m", "start_delivery_m", "stop_delivery_m", "flow_m3s")


def insert_structures(network: Network, structures: gpd.GeoDataFrame, *, max_off_m: float = 10.0) -> Network:
    """Return the network with structures as reaches: the line each stands on is cut there.

    Parameters
    ----------
    network : Network
        Rivers and pipes.
    structures : GeoDataFrame, n rows, Point, any CRS
        ``structure_id``, ``kind`` (pump, gate, weir), and as far as known ``reach_id`` (reach or line it stands on,
        else the nearest), ``state``, ``direction``, the levels a pump starts and stops at. Headings of delft3dfm
        (``STRUC_ID``, ``BRANCH_ID`` …) and of 排水设施 tables are known.
    max_off_m : float, metres, default 10
        Farthest a structure may be drawn from its line.

    Returns
    -------
    Network
        A cut reach becomes ``<id>.1``, ``<id>.2`` … with its ``line_id`` kept; the structure is a reach of about a
        metre between them, called by its own id. One row of ``issues`` per structure.

    Raises
    ------
    NetworkError
        A column is missing, a kind is unknown, an id stands twice, or a line is not there or too far away.

    Examples
    --------
    >>> from outfall.network import build_network
    >>> ditch = gpd.GeoDataFrame({"reach_id": ["D"]}, crs=32650, geometry=gpd.GeoSeries.from_wkt(
    ...     ["LINESTRING (400000 3400200, 400000 3400000)"]))
    >>> gate = gpd.GeoDataFrame({"STRUC_ID": ["G"], "STRUC_TYPE": ["gate"], "BRANCH_ID": ["D"]}, crs=32650,
    ...     geometry=gpd.GeoSeries.from_wkt(["POINT (400001 3400050)"]))
    >>> insert_structures(build_network(ditch), gate).upstream("D.2")
    ['D.2', 'G', 'D.1']
    """
    points = to_crs(name_structures(structures), network.crs, where="structures")
    points = _on_lines(network, _check(points, network), max_off_m)
    if not len(points):
        return network
    record = Record()
    rows, nodes = [], []
    reaches = network.reaches.to_dict("index")
    cut = {row: mine.sort_values(["at_m", "structure_id"]) for row, mine in points.groupby("row")}
    for row, (index, reach) in enumerate(reaches.items()):
        del index
        if row not in cut:
            rows.append(reach)
            continue
        pieces, new = _cut(reach, cut[row], network, record)
        rows += pieces
        nodes += new
    frame = gpd.GeoDataFrame(rows, geometry=str(network.reaches.geometry.name), crs=network.crs)
    frame["length_m"] = length_m(frame.geometry)
    types = {name: kind for name, kind in network.reaches.dtypes.items() if name != network.reaches.geometry.name}
    more = gpd.GeoDataFrame(nodes, geometry="geometry", crs=network.crs)
    both = pd.concat([network.nodes, more], ignore_index=True).astype(
        dict(network.nodes.drop(columns="geometry").dtypes)
    )
    issues = record.table(network.crs)
    issues["issue_id"] = [f"structures-{number}" for number in range(1, len(issues) + 1)]
    known = network.issues
    merged = pd.concat([known, issues], ignore_index=True) if known is not None and len(known) else issues
    return Network(frame.astype(types), both, merged)


def name_structures(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return structures or outfalls with recognised headings replaced by our names.

    Parameters
    ----------
    frame : GeoDataFrame, n rows
        As the file calls its columns.

    Returns
    -------
    GeoDataFrame, n rows
        Same rows; where several headings mean one column, later ones fill what earlier ones leave open.

    Examples
    --------
    >>> name_structures(gpd.GeoDataFrame({"STRUC_ID": ["P"], "启泵水位": [3.1]}, geometry=[None])).columns.tolist()
    ['structure_id', 'start_level_m', 'geometry']
    """
    homes: dict[str, str] = {}
    out = frame
    for heading in frame.columns:
        known = _headings().get(plain(str(heading)))
        if known is None or heading == frame.geometry.name:
            continue
        if known in homes:
            out = out.assign(**{homes[known]: out[homes[known]].fillna(out[heading])}).drop(columns=heading)
        else:
            homes[known] = str(heading)
    named = out.rename(columns={heading: known for known, heading in homes.items()})
    assert isinstance(named, gpd.GeoDataFrame)
    return named


def _check(points: gpd.GeoDataFrame, network: Network) -> gpd.GeoDataFrame:
    problems = [
        Problem(name, "missing", "give a column, or name it with frame.rename")
        for name in ("structure_id", "kind")
        if name not in points.columns
    ]
    if problems:
        raise NetworkError("structures", problems)
    ids = points["structure_id"].astype("str")
    taken = ids.duplicated() | ids.isin(network.reaches["reach_id"])
    if taken.any():
        problems.append(
            Problem("structure_id", "stands twice, or is that of a reach", "give each its own", tuple(ids[taken]))
        )
    kind = points["kind"].astype("str").map(lambda word: find_word("reach_kind", word))
    wrong = ~kind.isin(_KINDS)
    if wrong.any():
        words = tuple(points["kind"].astype("str")[wrong])
        problems.append(
            Problem(
                "kind",
                f"{', '.join(map(repr, words))} is not a structure",
                f"it is one of {', '.join(_KINDS)}",
                tuple(ids[wrong]),
            )
        )
    if problems:
        raise NetworkError("structures", problems)
    out = points.assign(structure_id=ids, kind=kind)
    if "state" in out.columns:
        out["state"] = out["state"].astype("str").map(lambda word: find_word("reach_state", word), na_action="ignore")
    return out.reset_index(drop=True)


def _on_lines(network: Network, points: gpd.GeoDataFrame, max_off_m: float) -> gpd.GeoDataFrame:
    """Return the structures with the row of their reach and the place along it."""
    shapes = network.reaches.geometry.to_numpy()
    frame = network.reaches.reset_index(drop=True)
    line = frame["line_id"].fillna(frame["reach_id"]) if "line_id" in frame.columns else frame["reach_id"]
    named = points["reach_id"] if "reach_id" in points.columns else pd.Series(None, index=points.index, dtype="object")
    rows, problems = [], []
    for name, home, point in zip(points["structure_id"], named, points.geometry, strict=True):
        mine = np.arange(len(frame)) if pd.isna(home) else np.flatnonzero((frame["reach_id"] == home) | (line == home))
        gap = shapely.distance(shapes[mine], point) if point is not None else np.full(len(mine), np.inf)
        if not len(mine) or not gap.min() <= max_off_m:
            what = f"line {home!r} is not in the network" if not len(mine) else f"{gap.min():,.1f} m from its line"
            problems.append(
                Problem("structures", what, f"correct it, or allow more than {max_off_m:g} m", (str(name),))
            )
            rows.append(-1)
            continue
        rows.append(int(mine[np.argmin(gap)]))
    if problems:
        raise NetworkError("insert_structures", problems)
    at = shapely.line_locate_point(shapes[rows], points.geometry.to_numpy()) if rows else []
    return points.assign(row=rows, at_m=at)


def _cut(
    reach: Mapping[str, object], mine: pd.DataFrame, network: Network, record: Record
) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """Return the pieces of one reach with its structures between them, and the new nodes."""
    geometry = str(network.reaches.geometry.name)
    line = reach[geometry]
    assert isinstance(line, shapely.LineString)
    long, count = line.length, len(mine)
    half = min(_LONG_M, long / (3 * count)) / 2
    middle = np.clip(mine["at_m"].to_numpy(), 2 * half, long - 2 * half)
    for at in range(1, count):
        middle[at] = max(middle[at], middle[at - 1] + 2.5 * half)
    middle -= max(0.0, middle[-1] - (long - 2 * half))
    edges = np.concatenate([[0.0], np.column_stack([middle - half, middle + half]).ravel(), [long]])
    items = mine.to_dict("records")
    names = [
        str(reach["from_node"]),
        *(f"{item['structure_id']}:{end}" for item in items for end in ("from", "to")),
        str(reach["to_node"]),
    ]
    rows = []
    for at, (low, high) in enumerate(itertools.pairwise(edges)):
        row = _piece(reach, low / long, high / long, number=at // 2 + 1)
        if at % 2:
            row = _structure(row, items[at // 2])
        rows.append({**row, "from_node": names[at], "to_node": names[at + 1], geometry: substring(line, low, high)})
    nodes = []
    for item, row in zip(items, rows[1::2], strict=True):
        name, shape = item["structure_id"], row[geometry]
        kind = "pump_well" if item["kind"] == "pump" else "junction"
        for end, vertex, word in (("from", 0, kind), ("to", -1, "junction")):
            nodes.append(
                {
                    "node_id": f"{name}:{end}",
                    "kind": word,
                    "source_ref": f"insert_structures({name})",
                    "geometry": shapely.get_point(shape, vertex),
                }
            )
        text = f"{item['kind']} {name} stands on {reach['reach_id']}, {item['at_m']:,.1f} m from its beginning"
        record.add("split_line", [reach["reach_id"], name], (text, f"{name} 位于 {reach['reach_id']},距起点 {item['at_m']:,.1f} m"),
                   about="structures", decision="a reach of its own", at=shapely.get_point(shape, 0))  # fmt: skip
    return rows, nodes


def _piece(reach: Mapping[str, object], low: float, high: float, *, number: int) -> dict[str, object]:
    """Return what a piece of a reach has of it: its id with a number, its part of the catchment, levels in between."""
    row = dict(reach)
    row["reach_id"] = f"{reach['reach_id']}.{number}"
    known = reach.get("line_id")
    row["line_id"] = reach["reach_id"] if pd.isna(known) else known
    begin = reach.get("start_m")
    row["start_m"] = (0.0 if pd.isna(begin) else float(str(begin))) + low * float(str(reach["length_m"]))
    first, last = (_number(reach, name) for name in ("invert_from_m", "invert_to_m"))
    row["invert_from_m"], row["invert_to_m"] = first + low * (last - first), first + high * (last - first)
    row["area_km2"] = _number(reach, "area_km2") * (high - low)
    if low > 0:  # what a reach takes from its node is said of its first piece alone
        row["fraction_share"], row["is_main"] = np.nan, True
    return row


def _structure(row: dict[str, object], item: Mapping[str, object]) -> dict[str, object]:
    """Return the row of a structure between two pieces."""
    out = {
        **row,
        "reach_id": item["structure_id"],
        "kind": item["kind"],
        "line_id": item["structure_id"],
        "start_m": 0.0,
    }
    out["source_ref"] = f"insert_structures({item['structure_id']})"
    for name in _COPIED:
        if name in item:
            out[name] = None if pd.isna(item[name]) else item[name]
    if plain(str(item.get("direction"))) in {plain(word) for word in _BOTH}:
        out["forward_share"], out["forward_reason"] = 0.5, f"the file says {item['direction']}"
    elif item["kind"] == "pump":
        out["forward_share"], out["forward_reason"] = 1.0, "a pump lifts one way"
    return out


def _number(reach: Mapping[str, object], name: str) -> float:
    value = reach.get(name)
    return float("nan") if value is None or pd.isna(value) else float(str(value))


@cache
def _headings() -> Mapping[str, str]:
    stream = files(__package__).joinpath("structures.csv").read_text(encoding="utf-8").splitlines()
    return {plain(row["heading"]): row["column"] for row in csv.DictReader(stream)}
