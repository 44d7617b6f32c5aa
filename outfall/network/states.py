"""What the network is at a moment: pumps, gates, overflows and tides by their state."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from outfall.errors import NetworkError, Problem
from outfall.network.arrays import CERTAIN_SHARE
from outfall.network.graph import Network
from outfall.network.moments import find_applying
from outfall.vocabulary import words

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from numpy.typing import NDArray

__all__ = ["as_of", "open_shares", "pump_states"]

_COLUMNS = ("reach_id", "state")
_LEVELS = ("start_level_m", "stop_level_m", "start_delivery_m", "stop_delivery_m")


def as_of(
    network: Network,
    states: pd.DataFrame | None = None,
    *,
    moment: datetime | pd.Timestamp | None = None,
    tide: str | None = None,
) -> Network:
    """Return the network as it is at a moment: what is shut lets nothing in, what nobody knows may.

    A row of ``states`` applies unless what is known contradicts it. Of the rows that apply to a reach those with most
    conditions met win; several of them are averaged, weighed by nothing. A reach that is shut keeps its id, line and
    place, but begins at a node of its own, so that traces stop there; a two-way one ends at its own node too.

    Parameters
    ----------
    network : Network
        Reaches without a row in ``states`` keep their column ``state``.
    states : DataFrame, optional
        ``reach_id`` (or the id of a line that was cut), ``state`` (open, shut, unknown); and as far as they matter
        ``from`` and ``to`` (moments with their zone, or month-days like ``06-01`` for a season, both included),
        ``tide`` (any word), ``share`` (probability of the state, 1 by default) and ``forward_share`` (which way water
        runs then).
    moment : datetime with its zone, optional
        Without it rows with times may apply.
    tide : str, optional
        Word of the column ``tide``; without it rows with a tide may apply.

    Returns
    -------
    Network
        Reaches in the same order, with ``state`` and ``open_share`` (probability that water passes).

    Raises
    ------
    NetworkError
        A column or reach is missing, a state is not a word, a time is not one or has no zone.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from outfall.network import build_network
    >>> lines = gpd.GeoDataFrame({"reach_id": ["ditch", "G"], "kind": ["ditch", "gate"]}, crs=32650,
    ...     geometry=gpd.GeoSeries.from_wkt(["LINESTRING (400000 3400200, 400000 3400100)",
    ...     "LINESTRING (400000 3400100, 400000 3400099)"]))
    >>> network = build_network(lines)
    >>> gate = pd.DataFrame({"reach_id": ["G", "G"], "state": ["shut", "open"], "tide": ["flood", "ebb"]})
    >>> as_of(network, gate, tide="flood").upstream("G"), as_of(network, gate, tide="ebb").upstream("G")
    (['G'], ['G', 'ditch'])
    """
    reaches = network.reaches
    shares = open_shares(network)
    forward = network.arrays.forward_share.copy()
    if states is not None and len(states):
        rows = _place_states(network, states)
        applying = find_applying(rows, moment=moment, tide=tide)
        found = applying.groupby("row")[["open_share", "forward_share"]].mean()
        shares[found.index] = found["open_share"]
        turned = found["forward_share"].dropna()
        forward[turned.index] = turned
    word = np.select([shares >= CERTAIN_SHARE, shares <= 1.0 - CERTAIN_SHARE], ["open", "shut"], "unknown")
    keep = (shares == 1.0) & (reaches["state"].isna().to_numpy() if "state" in reaches.columns else True)
    state = pd.Series(word, index=reaches.index, dtype="str").mask(keep)
    new = reaches.assign(state=state, open_share=shares, forward_share=forward)
    assert isinstance(new, gpd.GeoDataFrame)
    return _detach(Network(new, network.nodes, network.issues), shares <= 1.0 - CERTAIN_SHARE)


def pump_states(network: Network, levels: pd.DataFrame) -> pd.DataFrame:
    """Return the states of pumps at measured levels, as a table for `as_of`.

    A pump runs from its start level on and stops at its stop level; between them it does what it did before, which the
    levels alone do not tell. On its delivery side it is the other way round: it runs below and stops above.

    Parameters
    ----------
    network : Network
        Pumps have ``start_level_m`` and ``stop_level_m``, or ``start_delivery_m`` and ``stop_delivery_m``.
    levels : DataFrame
        ``reach_id``, ``level_m`` (suction side) and, where the delivery side controls it, ``delivery_m``.

    Returns
    -------
    DataFrame
        ``reach_id``, ``state``, one row per row of ``levels``.

    Raises
    ------
    NetworkError
        A reach is not in the network, or has no levels to start and stop at.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from outfall.network import build_network
    >>> pump = gpd.GeoDataFrame({"reach_id": ["P"], "kind": "pump", "start_level_m": 3.3, "stop_level_m": 2.5},
    ...     crs=32650, geometry=gpd.GeoSeries.from_wkt(["LINESTRING (400000 3400200, 400000 3400100)"]))
    >>> network = build_network(None, pipes=pump)
    >>> [pump_states(network, pd.DataFrame({"reach_id": ["P"], "level_m": [m]}))["state"][0] for m in (3.4, 3.0, 2.4)]
    ['open', 'unknown', 'shut']
    """
    at = network.position(levels["reach_id"])
    blank = np.full(len(at), np.nan)
    known = {
        name: network.reaches[name].to_numpy(dtype=float)[at] if name in network.reaches.columns else blank
        for name in _LEVELS
    }
    lost = np.isnan(np.column_stack(list(known.values()))).all(axis=1)
    if lost.any():
        ids = tuple(levels["reach_id"].astype("str")[lost])
        problem = Problem(
            "levels", "the pump has none to start or stop at", f"give it {' and '.join(_LEVELS[:2])}", ids
        )
        raise NetworkError("pump_states", [problem])
    level, over = (
        pd.to_numeric(levels[name]).to_numpy(dtype=float) if name in levels.columns else blank
        for name in ("level_m", "delivery_m")
    )
    runs = (level >= known["start_level_m"]) | (over <= known["start_delivery_m"])
    stands = (level <= known["stop_level_m"]) | (over >= known["stop_delivery_m"])
    state = np.select([stands, runs], ["shut", "open"], "unknown")
    return pd.DataFrame({"reach_id": levels["reach_id"].to_numpy(), "state": pd.Series(state, dtype="str")})


def open_shares(network: Network) -> NDArray[np.float64]:
    """Return the probability that water passes each reach: as `as_of` found it, else by its state and kind.

    Parameters
    ----------
    network : Network
        Its reaches may have ``open_share``; then ``state`` and ``kind`` count.

    Returns
    -------
    ndarray of float, one per reach
        1 where nothing is said.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from outfall.network import build_network
    >>> weir = gpd.GeoDataFrame({"reach_id": ["W"], "kind": "weir"}, crs=32650,
    ...     geometry=gpd.GeoSeries.from_wkt(["LINESTRING (400000 3400200, 400000 3400100)"]))
    >>> open_shares(build_network(None, pipes=weir)).tolist()
    [0.35]
    """
    reaches, defaults = network.reaches, _defaults()
    state = reaches["state"].fillna("").astype("str") if "state" in reaches.columns else pd.Series("", reaches.index)
    by_state = state.map({word: share for (kind, word), share in defaults.items() if not kind})
    by_kind = reaches["kind"].map({kind: share for (kind, word), share in defaults.items() if kind and not word})
    share = by_state.astype("float64").fillna(by_kind.astype("float64")).fillna(1.0)
    if "open_share" in reaches.columns:
        share = reaches["open_share"].astype("float64").fillna(share)
    return share.to_numpy(dtype=float).copy()


@cache
def _defaults() -> Mapping[tuple[str, str], float]:
    stream = files(__package__).joinpath("states.csv").read_text(encoding="utf-8").splitlines()
    return {(row["kind"], row["state"]): float(row["open_share"]) for row in csv.DictReader(stream)}


def _place_states(network: Network, states: pd.DataFrame) -> pd.DataFrame:
    """Return one row per state and reach it is said of, with the probability that the reach is open."""
    problems = [Problem(name, "missing", "give a column") for name in _COLUMNS if name not in states.columns]
    if problems:
        raise NetworkError("as_of", problems)
    known = words("reach_state")
    wrong = sorted(set(states["state"].astype("str")) - set(known))
    if wrong:
        problem = Problem("state", f"{', '.join(map(repr, wrong))} is not a state", f"it is one of {', '.join(known)}")
        raise NetworkError("as_of", [problem])
    ids = states["reach_id"].astype("str")
    reaches = network.reaches.reset_index(drop=True)
    exact = pd.Series(reaches.index, index=reaches["reach_id"].astype("str"))
    line = reaches["line_id"] if "line_id" in reaches.columns else pd.Series(index=reaches.index, dtype="str")
    pieces = reaches.index[line.notna() & (line != reaches["reach_id"])]
    by_line = pd.Series(pieces, index=line[pieces].astype("str"))
    both = pd.concat([exact, by_line[~by_line.index.isin(exact.index)]])
    lost = tuple(dict.fromkeys(ids[~ids.isin(both.index)]))
    if lost:
        raise NetworkError("as_of", [Problem("reach_id", "not in the network", "give ids of its reaches", lost)])
    rows = states.assign(reach_id=ids).merge(both.rename("row"), left_on="reach_id", right_index=True)
    share = rows["share"].astype("float64").fillna(1.0) if "share" in rows.columns else pd.Series(1.0, index=rows.index)
    defaults = _defaults()
    states_open = rows["state"].map({word: defaults["", word] for word in known}).astype("float64")
    forward = rows["forward_share"].astype("float64") if "forward_share" in rows.columns else np.nan
    return rows.assign(open_share=share * states_open + (1.0 - share) * (1.0 - states_open), forward_share=forward)


def _detach(network: Network, shut: NDArray[np.bool_]) -> Network:
    """Return the network with a node of its own at the beginning of each shut reach."""
    if not shut.any():
        return network
    reaches, nodes = network.reaches.copy(), network.nodes
    taken, new = set(nodes["node_id"]), []
    for end, rows in (("from_node", shut), ("to_node", shut & network.arrays.two_way)):
        names = reaches[end].to_numpy(dtype=object).copy()
        for row in np.flatnonzero(rows).tolist():
            name = f"{names[row]}|{reaches['reach_id'].iloc[row]}"
            while name in taken:
                name += "~"
            taken.add(name)
            names[row] = name
            point = shapely.get_point(reaches.geometry.iloc[row], 0 if end == "from_node" else -1)
            new.append({"node_id": name, "kind": "barrier", "source_ref": "as_of", "geometry": point})
        reaches[end] = pd.Series(names, index=reaches.index, dtype=reaches[end].dtype)
    more = gpd.GeoDataFrame(new, crs=nodes.crs)
    both = pd.concat([nodes, more.astype({name: nodes[name].dtype for name in ("node_id", "kind", "source_ref")})])
    return Network(reaches, both.reset_index(drop=True), network.issues)
