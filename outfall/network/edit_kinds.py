"""What each kind of edit does to the tables of a network; nothing but the rows at the touched nodes changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely.ops import substring

from outfall.coordinates import length_m
from outfall.errors import NetworkError, Problem
from outfall.network.touched import settle_nodes
from outfall.tables import check, empty

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from outfall.network.graph import Network

__all__ = ["KINDS", "Tables", "refuse"]

Tables = tuple[gpd.GeoDataFrame, gpd.GeoDataFrame, list[str], list[str]]


def refuse(where: str, what: str, fix: str, *rows: str) -> NoReturn:
    """Raise with one problem of an edit.

    Parameters
    ----------
    where, what, fix : str
        As for `Problem`.
    *rows : str
        Ids concerned.

    Raises
    ------
    NetworkError
        Always.
    """
    raise NetworkError("edits", [Problem(where, what, fix, rows)])


def _split(network: Network, said: Mapping[str, object]) -> Tables:
    """Cut one reach in two at a place; each piece has its share of what the reach had."""
    row = _row(network, str(said["reach_id"]))
    old, along = network.reaches.iloc[row], float(str(said["along_m"]))
    one, two = [str(name) for name in _list(said["new_ids"])]
    whole, node = float(old["length_m"]), str(said["node_id"])
    share = along / whole
    line, at = old.geometry, share * old.geometry.length
    pieces = network.reaches.iloc[[row, row]].reset_index(drop=True)
    pieces = pieces.set_geometry(
        gpd.GeoSeries([substring(line, 0.0, at), substring(line, at, line.length)], crs=network.crs)
    )
    text = {"reach_id": [one, two], "from_node": [str(old["from_node"]), node], "to_node": [node, str(old["to_node"])],
            "source_ref": [f"split({old['reach_id']})"] * 2}  # fmt: skip
    start = float(old["start_m"]) if "start_m" in pieces.columns else np.nan
    numbers = {"length_m": [along, whole - along], "start_m": [start, start + along]}
    parts = {"area_km2": [share, 1.0 - share], "fraction_share": [1.0, np.nan]}
    for name, values in {**text, **numbers}.items():
        if name in pieces.columns:
            pieces[name] = pd.Series(values, dtype=pieces[name].dtype)
    for name, factors in parts.items():
        if name in pieces.columns:
            pieces[name] = pieces[name] * pd.Series(factors)
    if {"invert_from_m", "invert_to_m"} <= set(pieces.columns):
        between = float(old["invert_from_m"]) + share * (float(old["invert_to_m"]) - float(old["invert_from_m"]))
        pieces["invert_to_m"] = [between, float(old["invert_to_m"])]
        pieces["invert_from_m"] = [float(old["invert_from_m"]), between]
    if "line_id" in pieces.columns:
        pieces["line_id"] = pieces["line_id"].fillna(str(old["reach_id"]))
    if "is_main" in pieces.columns:
        pieces.loc[1, "is_main"] = True
    reaches = _put(network.reaches, row, pieces)
    nodes = _with_node(network.nodes, node, shapely.get_point(pieces.geometry.iloc[0], -1), f"split({old['reach_id']})")
    reaches, nodes = settle_nodes(reaches, nodes, [node])
    return reaches, nodes, [str(old["reach_id"])], [one, two, node]


def _add(network: Network, said: Mapping[str, object]) -> Tables:
    """Add one reach between two nodes, which are made where they are not there."""
    name, shape = str(said["reach_id"]), shapely.from_wkb(str(said["wkb"]))
    ends = {str(said["from_node"]): shapely.get_point(shape, 0), str(said["to_node"]): shapely.get_point(shape, -1)}
    given = said["columns"] if isinstance(said["columns"], dict) else {}
    lengths = length_m(gpd.GeoSeries([shape], crs=network.crs))
    values = {"kind": "river", "forward_share": 1.0, "forward_reason": "as drawn by hand", "source_ref": f"add({name})", "start_m": 0.0,
              **given, "reach_id": name, "line_id": name, "from_node": str(said["from_node"]), "to_node": str(said["to_node"]),
              "length_m": float(lengths[0])}  # fmt: skip
    wanted = {column: [value] for column, value in values.items() if column in network.reaches.columns}
    blank = network.reaches.iloc[:0]
    types = {column: blank[column].dtype for column in blank.columns if column != blank.geometry.name}
    frame = pd.DataFrame(
        {column: pd.Series(wanted.get(column, [None]), dtype=dtype) for column, dtype in types.items()}
    )
    new = gpd.GeoDataFrame(frame, geometry=gpd.GeoSeries([shape], crs=network.crs))
    new = new.rename_geometry(str(blank.geometry.name)) if blank.geometry.name != "geometry" else new
    known = [column for column in empty("reaches").columns if column in new.columns]
    check(new[known], "reaches")
    nodes, came = network.nodes, [name]
    for node, point in ends.items():
        if not (nodes["node_id"] == node).any():
            nodes = _with_node(nodes, node, point, f"add({name})")
            came.append(node)
    reaches = _put(network.reaches, len(network.reaches), new[list(network.reaches.columns)])
    reaches, nodes = settle_nodes(reaches, nodes, list(ends))
    return reaches, nodes, [node for node in ends if node not in came], came


def _reverse(network: Network, said: Mapping[str, object]) -> Tables:
    """Turn one reach: the line, its nodes and its inverts."""
    row = _row(network, str(said["reach_id"]))
    old = network.reaches.iloc[row]
    ends = [str(old["from_node"]), str(old["to_node"])]
    new = network.reaches.iloc[[row]].reset_index(drop=True)
    new = new.set_geometry(gpd.GeoSeries([shapely.reverse(old.geometry)], crs=network.crs))
    new["from_node"], new["to_node"] = ends[1], ends[0]
    if {"invert_from_m", "invert_to_m"} <= set(new.columns):
        new["invert_from_m"], new["invert_to_m"] = [old["invert_to_m"]], [old["invert_from_m"]]
    share = float(old["forward_share"]) if "forward_share" in new.columns else 1.0
    values = {"forward_share": 1.0 - share if 0 < share < 1 else 1.0, "forward_reason": "turned by hand"}
    several = "line_id" in new.columns and int((network.reaches["line_id"] == old["line_id"]).sum()) > 1
    lost = {"fraction_share": np.nan, "is_main": pd.NA, **({"start_m": np.nan} if several else {})}
    for name, value in {**values, **lost}.items():
        if name in new.columns:
            new[name] = pd.Series([value], dtype=new[name].dtype)
    left = network.reaches.drop(index=network.reaches.index[row])
    reaches, nodes = settle_nodes(_put(left, row, new), network.nodes, ends)
    return reaches, nodes, [str(old["reach_id"])], []


def _remove(network: Network, said: Mapping[str, object]) -> Tables:
    """Take one reach out, and the nodes nothing is left at."""
    row = _row(network, str(said["reach_id"]))
    old = network.reaches.iloc[row]
    ends = [str(old["from_node"]), str(old["to_node"])]
    left = network.reaches.drop(index=network.reaches.index[row]).reset_index(drop=True)
    reaches, nodes = settle_nodes(left, network.nodes, ends)
    here = set(nodes["node_id"])
    return reaches, nodes, [str(old["reach_id"]), *(node for node in ends if node not in here)], []


KINDS = {"split": _split, "add": _add, "reverse": _reverse, "remove": _remove}


def _row(network: Network, reach_id: str) -> int:
    rows = np.flatnonzero((network.reaches["reach_id"] == reach_id).to_numpy(dtype=bool))
    if not len(rows):
        refuse("reach_id", "not a reach of the network, or cut since", "name the reach as it is now", reach_id)
    return int(rows[0])


def _put(reaches: gpd.GeoDataFrame, row: int, new: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return the reaches with others in the place of one, or behind the last; a row that is replaced goes."""
    keep = row if len(new) == 1 else row + 1
    frames = [frame for frame in (reaches.iloc[:row], new, reaches.iloc[keep:]) if len(frame)]
    out = pd.concat(frames, ignore_index=True)
    return gpd.GeoDataFrame(out, geometry=str(reaches.geometry.name), crs=reaches.crs)


def _with_node(nodes: gpd.GeoDataFrame, node: str, point: shapely.Point, source_ref: str) -> gpd.GeoDataFrame:
    types = {name: dtype for name, dtype in nodes.dtypes.items() if name != nodes.geometry.name}
    given = {"node_id": node, "kind": "junction", "source_ref": source_ref}
    frame = pd.DataFrame({name: pd.Series([given.get(str(name))], dtype=dtype) for name, dtype in types.items()})
    new = gpd.GeoDataFrame(frame, geometry=gpd.GeoSeries([point], crs=nodes.crs))
    new = new.rename_geometry(str(nodes.geometry.name)) if nodes.geometry.name != "geometry" else new
    out = pd.concat([nodes, new[list(nodes.columns)]], ignore_index=True) if len(nodes) else new[list(nodes.columns)]
    return gpd.GeoDataFrame(out, geometry=str(nodes.geometry.name), crs=nodes.crs)


def _list(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else [value]
