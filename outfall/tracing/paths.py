"""By which ways a candidate's water comes, how long it takes when it is dry or wet, what is left of it, and who watches."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import networkx as nx
import numpy as np
import pandas as pd

from outfall.errors import Problem, TraceError
from outfall.network import open_shares, travel_times
from outfall.tables import join_ids, split_ids
from outfall.tracing.candidate_rows import UNREGISTERED
from outfall.tracing.ranking import require_outfall

if TYPE_CHECKING:
    from collections.abc import Iterable

    from outfall.network import Network
    from outfall.network.travel import Regime
    from outfall.tracing.answer import Trace

__all__ = ["follow_paths"]

_REGIMES: dict[str, Regime] = {"dry": "low", "mean": "mean", "wet": "high"}
_CONTROLS = ("pump", "gate", "weir")
_TYPES = {
    "outfall_id": "str", "source_id": "str", "path_number": "int64", "path_ids": "str", "distance_m": "float64",
    "travel_dry_h": "float64", "travel_mean_h": "float64", "travel_wet_h": "float64", "left_dry_share": "float64",
    "left_mean_share": "float64", "left_wet_share": "float64", "dilution_share": "float64", "open_share": "float64",
    "control_ids": "str", "monitor_ids": "str", "must_pass_ids": "str", "source_ref": "str",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Map:
    """What is known of each reach, by id, and which water runs on into which."""

    length_m: dict[str, float]
    hours: dict[str, dict[str, float]]
    open_share: dict[str, float]
    controls: frozenset[str]
    ways: nx.DiGraph


def follow_paths(
    found: Trace,
    network: Network,
    *,
    outfall_ids: Iterable[str] | None = None,
    monitors: pd.DataFrame | None = None,
    rate_per_day: float = 0.0,
    most_paths: int = 3,
) -> pd.DataFrame:
    """Return the ways of the candidates' water, path by path.

    Parameters
    ----------
    found : Trace
        Not changed.
    network : Network
        As traced; ``as_of`` makes it that of the moment a sample was taken, with its gates and pumps.
    outfall_ids : iterable of str, optional
        Outfalls to follow; all by default.
    monitors : DataFrame, optional
        ``meter_id``, ``reach_id``: where automatic monitors stand.
    rate_per_day : float, 1/d, default 0
        First-order decay; what is left after the travel time is ``left_..._share``.
    most_paths : int, default 3
        Ways per candidate, the shortest first.

    Returns
    -------
    DataFrame
        One row per outfall, candidate and way: ``path_ids`` in flow order, ``distance_m``, ``travel_dry_h``,
        ``travel_mean_h`` and ``travel_wet_h`` (regimes of `travel_times`), ``left_dry_share`` … , ``dilution_share`` of the
        candidate, ``open_share`` (that pumps, gates and weirs on the way, ``control_ids``, let it through),
        ``monitor_ids`` (monitors on this way) and ``must_pass_ids`` (monitors no way goes round). A candidate with a
        private pipe or a link only has one row without a path. Its first way has the distance and mean time of the
        candidate; of the others the first and last reach count whole.

    Raises
    ------
    TraceError
        An outfall is not in the trace, or the monitors lack a column or stand on no reach.

    Examples
    --------
    >>> from outfall.network import build_network
    >>> import geopandas as gpd
    >>> from outfall.tables import empty
    >>> from outfall.tracing import trace
    >>> pipe = gpd.GeoDataFrame({"reach_id": ["A"]}, crs=32650, geometry=gpd.GeoSeries.from_wkt([
    ...     "LINESTRING (400000 3400200, 400000 3400100)"]))
    >>> network = build_network(None, pipes=pipe)
    >>> found = trace(empty("outfalls", crs=32650), network, empty("sources", crs=32650))
    >>> len(follow_paths(found, network))
    0
    """
    wanted = found.outfalls["outfall_id"].tolist() if outfall_ids is None else list(outfall_ids)
    for outfall_id in wanted:
        require_outfall(found.outfalls, outfall_id)
    watched = _watched(monitors, network)
    rows = found.candidates[
        found.candidates["outfall_id"].isin(wanted) & (found.candidates["source_id"] != UNREGISTERED)
    ]
    known = _read_map(network)
    out: list[dict[str, object]] = []
    for row in rows.to_dict("records"):
        own = split_ids(row["path_ids"]) if isinstance(row["path_ids"], str) else []
        base = {name: row[name] for name in ("outfall_id", "source_id", "dilution_share")}
        base["source_ref"] = f"follow_paths({row['source_ref']})"
        if not own:
            hours = dict.fromkeys((f"travel_{name}_h" for name in _REGIMES), row["travel_h"])
            out.append({**base, "path_number": 1, "distance_m": row["distance_m"], **hours, "open_share": 1.0})
            continue
        must = _must_pass(known.ways, own, watched)
        for number, path in enumerate(_ways(known.ways, own, most_paths), start=1):
            is_own = number == 1
            out.append({**base, "path_number": number, **_figures(path, known, watched, row if is_own else None)})
            out[-1]["must_pass_ids"] = join_ids(must)
    return _finish(out, rate_per_day)


def _finish(rows: list[dict[str, object]], rate_per_day: float) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=list(_TYPES))
    for name in _REGIMES:
        table[f"left_{name}_share"] = np.exp(-rate_per_day * table[f"travel_{name}_h"].astype(float) / 24.0)
    return table.astype(_TYPES)


def _figures(
    path: list[str], known: _Map, watched: dict[str, list[str]], candidate: dict[Any, Any] | None
) -> dict[str, object]:
    """Return what one way is like; the candidate's own way is brought to its distance and mean time."""
    length = sum(known.length_m[reach] for reach in path)
    hours = {name: sum(known.hours[name][reach] for reach in path) for name in _REGIMES}
    scale = 1.0
    if candidate is not None:
        run = candidate["travel_h"]
        scale = float(run) / hours["mean"] if isinstance(run, float) and np.isfinite(run) and hours["mean"] > 0 else 1.0
        length = float(candidate["distance_m"]) if pd.notna(candidate["distance_m"]) else length
    return {
        "path_ids": join_ids(path),
        "distance_m": length,
        **{f"travel_{name}_h": scale * value for name, value in hours.items()},
        "open_share": float(np.prod([known.open_share[reach] for reach in path])),
        "control_ids": join_ids([reach for reach in path if reach in known.controls]),
        "monitor_ids": join_ids([meter for reach in path for meter in watched.get(reach, [])]),
    }


def _ways(graph: nx.DiGraph, own: list[str], most: int) -> list[list[str]]:
    """Return the candidate's own way, then others between the same reaches, the shortest first."""
    found = [own]
    if graph.has_node(own[0]) and graph.has_node(own[-1]) and nx.has_path(graph, own[0], own[-1]):
        others = nx.shortest_simple_paths(graph, own[0], own[-1], weight="length_m")
        found += [path for path in islice(others, most + 1) if path != own]
    return found[:most]


def _must_pass(graph: nx.DiGraph, own: list[str], watched: dict[str, list[str]]) -> list[str]:
    """Return the monitors on the way without which there would be no way."""
    out = []
    for reach in own:
        if reach not in watched:
            continue
        ends = {own[0], own[-1]}
        left = graph.subgraph([node for node in graph if node != reach])
        if reach in ends or not nx.has_path(left, own[0], own[-1]):
            out += watched[reach]
    return out


def _read_map(network: Network) -> _Map:
    reaches, arrays = network.reaches, network.arrays
    ids = reaches["reach_id"].astype("object").to_numpy()
    hours = {
        name: dict(zip(ids, travel_times(network, regime=regime).reindex(ids).to_numpy(dtype=float), strict=True))
        for name, regime in _REGIMES.items()
    }
    length = np.asarray(arrays.length_m, dtype=float)
    tail, head, two_way = arrays.from_node, arrays.to_node, arrays.two_way
    starts: dict[int, list[int]] = {}
    for at in range(len(ids)):
        starts.setdefault(int(tail[at]), []).append(at)
        if two_way[at]:
            starts.setdefault(int(head[at]), []).append(at)
    ways = nx.DiGraph()
    ways.add_nodes_from(ids)
    is_water = reaches["kind"].isin(["river", "tidal", "lake", "coast"]).to_numpy()
    for at in range(len(ids)):
        ends = (int(head[at]), int(tail[at])) if two_way[at] else (int(head[at]),)
        for end in ends:
            ways.add_edges_from(
                (ids[at], ids[on], {"length_m": float(length[on])})
                for on in starts.get(end, [])
                if on != at and not is_water[at]
            )
    controls = frozenset(ids[reaches["kind"].isin(_CONTROLS).to_numpy()])
    shares = dict(zip(ids, open_shares(network).tolist(), strict=True))
    return _Map(dict(zip(ids, length.tolist(), strict=True)), hours, shares, controls, ways)


def _watched(monitors: pd.DataFrame | None, network: Network) -> dict[str, list[str]]:
    if monitors is None:
        return {}
    problems = [
        Problem(name, "missing", "give a column") for name in ("meter_id", "reach_id") if name not in monitors.columns
    ]
    if not problems:
        known = set(network.reaches["reach_id"])
        lost = [str(reach) for reach in monitors["reach_id"] if reach not in known]
        problems = [Problem("reach_id", f"{reach} is not in the network", "give ids of its reaches") for reach in lost]
    if problems:
        msg = "follow_paths: monitors"
        raise TraceError(msg, problems)
    table = monitors.sort_values(["reach_id", "meter_id"])
    return {str(reach): rows.astype("str").tolist() for reach, rows in table.groupby("reach_id")["meter_id"]}
