"""What a field crew corrects: split, add, reverse and remove reaches; each edit gives a new network and a row of its log."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import shapely

from outfall.coordinates import to_crs
from outfall.network.attach import END_M, When, attach_reach, cut_reach, last_node, perform_edit, plain_value, unused_id
from outfall.network.edit_kinds import refuse
from outfall.network.edits_log import used_ids
from outfall.tables import empty

if TYPE_CHECKING:
    import geopandas as gpd

    from outfall.network.graph import Network

__all__ = ["add_interface", "add_reaches", "remove_reach", "reverse_reach", "split_reach"]


def split_reach(
    network: Network, reach_id: str, *, along_m: float, actor: str = "", reason: str = "", at: When = None
) -> Network:
    """Return the network with one reach cut in two at a place.

    The pieces are called ``R.1`` and ``R.2``; each has its share by length of what the reach had. The id ``R`` is not
    used again; asked for a place on ``R``, the network answers with the piece.

    Parameters
    ----------
    network : Network
        Not changed.
    reach_id : str
        A reach, or a line that was cut.
    along_m : float, metres
        From its upstream end.
    actor, reason : str, optional
        Who, and why.
    at : Timestamp or str with a time zone, optional
        When; now by default.

    Returns
    -------
    Network
        Every other reach and node as it was; ``edits`` has one more row.

    Raises
    ------
    NetworkError
        The reach is not there, or the place is not inside it.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from outfall.network import build_network
    >>> lines = gpd.GeoDataFrame({"reach_id": ["R"]}, crs=32650, geometry=gpd.GeoSeries.from_wkt(
    ...     ["LINESTRING (400000 3400200, 400000 3400100)"]))
    >>> network = split_reach(build_network(lines), "R", along_m=30.0)
    >>> network.upstream("R", along_m=50.0)
    ['R.2', 'R.1']
    """
    rows, along = network.find_places([reach_id], [along_m])
    name, here = str(network.reaches["reach_id"].iloc[rows[0]]), float(along[0])
    return cut_reach(network, name, here, (actor, reason, at))


def add_reaches(
    network: Network,
    lines: gpd.GeoDataFrame,
    *,
    tolerance_m: float = 0.5,
    actor: str = "",
    reason: str = "",
    at: When = None,
) -> Network:
    """Return the network with more reaches, which run as their lines are drawn.

    An end is at the node its ``from_node`` or ``to_node`` names; else at the nearest node within the tolerance; else,
    where it lies on the middle of a reach, that reach is split; else it gets a node of its own.

    Parameters
    ----------
    network : Network
        Not changed.
    lines : GeoDataFrame, n rows, LineString, any CRS
        Columns of the contract ``reaches``; ``kind`` is ``river`` and ids are ``added-<n>`` where they are missing.
    tolerance_m : float, metres, default 0.5
        As for `build_network`.
    actor, reason, at
        As for `split_reach`.

    Returns
    -------
    Network
        New reaches last, in the order given; one row of ``edits`` per reach, and per reach that was split.

    Raises
    ------
    NetworkError
        An id was used before, or a row is not one line of some length.
    TableError
        A value does not meet the contract.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from outfall.network import build_network
    >>> lines = gpd.GeoDataFrame({"reach_id": ["R", "P"]}, crs=32650, geometry=gpd.GeoSeries.from_wkt(
    ...     ["LINESTRING (400000 3400200, 400000 3400100)", "LINESTRING (400090 3400150, 400000 3400150)"]))
    >>> network = add_reaches(build_network(lines[:1]), lines[1:].assign(kind="gravity_sewer"))
    >>> network.reaches["reach_id"].tolist(), network.edits["kind"].tolist()
    (['R.1', 'R.2', 'P'], ['split', 'add'])
    """
    given = to_crs(lines, network.crs, where="add_reaches")
    names = [name for name in empty("reaches").columns if name in given.columns and name != "geometry"]
    out = network
    for row, shape in zip(given[names].to_dict("records"), given.geometry, strict=True):
        values = {name: plain_value(value) for name, value in row.items() if not pd.isna(value)}
        out = attach_reach(out, values, shape, tolerance_m, (actor, reason, at))
    return out


def add_interface(
    network: Network,
    node_id: str,
    reach_id: str,
    *,
    along_m: float,
    actor: str = "",
    reason: str = "",
    at: When = None,
) -> Network:
    """Return the network with a discharge interface: the pipe that ends at a node discharges at a place on a reach.

    Parameters
    ----------
    network : Network
        Not changed.
    node_id : str
        Node where the pipe ends.
    reach_id : str
        Reach of a river, or a line that was cut.
    along_m : float, metres
        From its upstream end; the reach is split there unless it is an end.
    actor, reason, at
        As for `split_reach`.

    Returns
    -------
    Network
        The new reach is called ``<pipe>>river``, or ``<node>>river`` where no pipe or several end at the node.

    Raises
    ------
    NetworkError
        The node or the place is not in the network, or they are the same.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from outfall.network import build_network
    >>> lines = gpd.GeoDataFrame({"reach_id": ["R", "P"]}, crs=32650, geometry=gpd.GeoSeries.from_wkt(
    ...     ["LINESTRING (400000 3400200, 400000 3400100)", "LINESTRING (400090 3400150, 400040 3400150)"]))
    >>> network = build_network(lines)
    >>> end = network.reaches.set_index("reach_id").loc["P", "to_node"]
    >>> add_interface(network, end, "R", along_m=50.0).upstream("R.2")
    ['R.2', 'R.1', 'P>river', 'P']
    """
    by = (actor, reason, at)
    rows, along = network.find_places([reach_id], [along_m])
    target = network.reaches.iloc[rows[0]]
    begin = network.nodes.geometry[(network.nodes["node_id"] == node_id).to_numpy()]
    if not len(begin):
        refuse("node_id", "not a node of the network", "name the node where the pipe ends", node_id)
    here, whole, out = float(along[0]), float(target["length_m"]), network
    if here <= END_M or here >= whole - END_M:
        to_node = str(target["from_node"] if here <= END_M else target["to_node"])
    else:
        out = split_reach(network, reach_id, along_m=along_m, actor=actor, reason=reason, at=at)
        to_node = last_node(out)
    stop = out.nodes.geometry[(out.nodes["node_id"] == to_node).to_numpy()]
    pipes = network.reaches.loc[network.reaches["to_node"] == node_id, "reach_id"]
    name = unused_id(f"{pipes.iloc[0] if len(pipes) == 1 else node_id}>river", used_ids(network))
    line = shapely.LineString([begin.iloc[0], stop.iloc[0]])
    values = {"reach_id": name, "kind": "interface", "from_node": node_id, "to_node": to_node}
    return attach_reach(out, values, line, 0.0, by)


def reverse_reach(network: Network, reach_id: str, *, actor: str = "", reason: str = "", at: When = None) -> Network:
    """Return the network with one reach turned: its line, its nodes and its inverts.

    Parameters
    ----------
    network : Network
        Not changed.
    reach_id : str
        A reach; places on it are counted from its new upstream end.
    actor, reason, at
        As for `split_reach`.

    Returns
    -------
    Network
        Its id stays; a share of the flow of its old upper node is dropped. The main path at both nodes is settled anew.

    Raises
    ------
    NetworkError
        The reach is not there, or is an interface, which never runs the other way.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from outfall.network import build_network
    >>> lines = gpd.GeoDataFrame({"reach_id": ["A", "B"]}, crs=32650, geometry=gpd.GeoSeries.from_wkt(
    ...     ["LINESTRING (400000 3400200, 400000 3400100)", "LINESTRING (400000 3400000, 400000 3400100)"]))
    >>> reverse_reach(build_network(lines), "B").upstream("B")
    ['B', 'A']
    """
    row = network.reaches.iloc[network.position([reach_id])[0]]
    if row["kind"] == "interface":
        refuse("reach_id", "an interface runs from the pipe to the river", "remove it and add another", reach_id)
    said = {"reach_id": str(row["reach_id"]), "length_m": float(row["length_m"])}
    return perform_edit(network, "reverse", said, (actor, reason, at))


def remove_reach(network: Network, reach_id: str, *, actor: str = "", reason: str = "", at: When = None) -> Network:
    """Return the network without one reach; nodes nothing is left at go with it.

    Parameters
    ----------
    network : Network
        Not changed.
    reach_id : str
        A reach. Its id is not used again.
    actor, reason, at
        As for `split_reach`.

    Returns
    -------
    Network
        Every other reach as it was, but for the main path at its upper node.

    Raises
    ------
    NetworkError
        The reach is not there.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from outfall.network import build_network
    >>> lines = gpd.GeoDataFrame({"reach_id": ["A", "B"]}, crs=32650, geometry=gpd.GeoSeries.from_wkt(
    ...     ["LINESTRING (400000 3400200, 400000 3400100)", "LINESTRING (400000 3400100, 400000 3400000)"]))
    >>> remove_reach(build_network(lines), "B").reaches["reach_id"].tolist()
    ['A']
    """
    if not (network.reaches["reach_id"] == reach_id).any():
        refuse("reach_id", "not a reach of the network", "name one reach; of a line that was cut, each piece", reach_id)
    return perform_edit(network, "remove", {"reach_id": str(reach_id)}, (actor, reason, at))
