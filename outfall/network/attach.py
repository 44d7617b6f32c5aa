"""How an edit is joined to what is there: nodes of new ends, ids that were never used, the row of the log."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pandas as pd
import shapely

from outfall.network.edit_kinds import KINDS, refuse
from outfall.network.edits_log import add_edit, used_ids

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shapely.geometry.base import BaseGeometry

    from outfall.network.graph import Network

__all__ = ["END_M", "By", "When", "attach_reach", "cut_reach", "last_node", "perform_edit", "plain_value", "unused_id"]

When: TypeAlias = pd.Timestamp | str | None
By: TypeAlias = tuple[str, str, pd.Timestamp | str | None]

END_M = 1e-3


def cut_reach(network: Network, name: str, along_m: float, by: By) -> Network:
    """Return the network with one reach cut in two.

    Parameters
    ----------
    network : Network
        Not changed.
    name : str
        Id of the reach.
    along_m : float, metres
        From its upstream end.
    by : (actor, reason, at)
        For the log.

    Returns
    -------
    Network
        With one more row in its log.

    Raises
    ------
    NetworkError
        The place is an end of the reach.
    """
    whole = float(network.reaches.loc[network.reaches["reach_id"] == name, "length_m"].iloc[0])
    if not END_M < along_m < whole - END_M:
        refuse("along_m", f"{along_m:g} m is an end of the reach", f"cut {name} inside its {whole:,.1f} m", name)
    used = used_ids(network)
    number = next(n for n in range(1, len(used) + 3) if not {f"{name}.{n}", f"{name}.{n + 1}"} & used)
    new_ids = [f"{name}.{number}", f"{name}.{number + 1}"]
    said = {
        "reach_id": name,
        "along_m": along_m,
        "new_ids": new_ids,
        "node_id": unused_id(f"{name}@{along_m:.6g}", used),
    }
    return perform_edit(network, "split", said, by)


def last_node(network: Network) -> str:
    """Return the node the last edit made, which was a split."""
    log = network.edits
    return "" if log is None else str(json.loads(log["parameters"].iloc[-1])["node_id"])


def attach_reach(
    network: Network, values: Mapping[str, object], shape: BaseGeometry | None, tolerance_m: float, by: By
) -> Network:
    """Return the network with one more reach, its ends joined to what is there.

    Parameters
    ----------
    network : Network
        Not changed.
    values : mapping of str to value
        Columns of the reach.
    shape : LineString
        In the CRS of the network.
    tolerance_m : float, metres
        How far an end may be from its node.
    by : (actor, reason, at)
        For the log.

    Returns
    -------
    Network
        With one more row in its log, and one per reach that was split.

    Raises
    ------
    NetworkError
        The id was used before, or the line is not one.
    """
    used = used_ids(network)
    fresh = next(f"added-{n}" for n in range(1, len(used) + 2) if f"added-{n}" not in used)
    name = str(values.get("reach_id", fresh))
    if name in used:
        refuse("reach_id", "this id is or was another reach, node or line", "give an id that was never used", name)
    if shape is None or shape.geom_type != "LineString" or not shape.length > END_M:
        refuse("geometry", "not one line of some length", "draw a line of two places or more", name)
    ends: dict[str, str] = {}
    out = network
    for column, at in (("from_node", 0), ("to_node", -1)):
        point = shapely.get_point(shape, at)
        out, ends[column] = _end(out, values.get(column), point, tolerance_m, (name, column), by)
    if ends["from_node"] == ends["to_node"] and shape.length <= 2 * tolerance_m:
        refuse("geometry", "both ends are the same node", "draw a longer line or give a smaller tolerance_m", name)
    columns = {key: value for key, value in values.items() if key not in ("reach_id", "from_node", "to_node")}
    said = {"reach_id": name, **ends, "wkb": shapely.to_wkb(shape, hex=True), "columns": columns}
    return perform_edit(out, "add", said, by)


def _end(
    network: Network,
    named: object,
    point: shapely.Point,
    tolerance_m: float,
    who: tuple[str, str],
    by: By,
) -> tuple[Network, str]:
    """Return the node of one end, and the network with a reach split where the end lies on its middle."""
    nodes, (name, column) = network.nodes, who
    if isinstance(named, str):
        if not (nodes["node_id"] == named).any() and named in used_ids(network):
            refuse(column, "this id is or was another reach or node", "give an id that was never used", named)
        return network, named
    far = shapely.distance(nodes.geometry.to_numpy(), point) if len(nodes) else np.array([np.inf])
    if far.min() <= tolerance_m:
        return network, str(nodes["node_id"].iloc[int(far.argmin())])
    lines = network.reaches.geometry.to_numpy()
    near = shapely.distance(lines, point) if len(lines) else np.array([np.inf])
    if near.min() <= tolerance_m:
        row = int(near.argmin())
        share = shapely.line_locate_point(lines[row], point, normalized=True)
        reach = network.reaches.iloc[row]
        cut = cut_reach(network, str(reach["reach_id"]), float(share * reach["length_m"]), by)
        return cut, last_node(cut)
    return network, unused_id(f"{name}@{'start' if column == 'from_node' else 'end'}", used_ids(network))


def perform_edit(network: Network, kind: str, said: Mapping[str, object], by: By) -> Network:
    """Return the network after one edit, with one more row in its log."""
    reaches, nodes, row_ids, new_ids = KINDS[kind](network, said)
    log = add_edit(network.edits, kind, row_ids=row_ids, new_ids=new_ids, parameters=said, by=by)
    return type(network)(reaches, nodes, network.issues, log)


def unused_id(name: str, used: set[str]) -> str:
    """Return a name that is not in use: itself, or with a number behind it."""
    return next(tried for tried in (name, *(f"{name}~{n}" for n in range(2, len(used) + 3))) if tried not in used)


def plain_value(value: object) -> object:
    """Return a value that JSON can hold."""
    return value.item() if isinstance(value, np.generic) else value
