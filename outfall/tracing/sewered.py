"""Which sources drain to which outfalls through mapped sewers and ditches, in how many of the worlds, and by which way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from outfall.network.worlds import list_paths, share_of, sweep
from outfall.tracing.drains import DRAIN_KINDS

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from outfall.network import Network
    from outfall.tracing.drains import Drains
    from outfall.tracing.settings import Settings

__all__ = ["find_entries", "find_sewered"]

_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
_PLACES = 8
_PAIR = ["source", "outfall"]


def find_entries(sources: gpd.GeoDataFrame, network: Network, drains: Drains, settings: Settings) -> pd.DataFrame:
    """Return every place where the water of a source may enter a drain, with a probability.

    Parameters
    ----------
    sources : GeoDataFrame, n rows
        In the CRS of the network, with ``sigma_m`` filled in and ``stated`` (system its permit names, or "unstated").
    network : Network
        Rivers and pipes as one.
    drains : Drains
        Drains of the network.
    settings : dict
        Sections ``route`` and ``system``.

    Returns
    -------
    DataFrame
        ``source`` (position), ``reach`` (position, -1 at a stated node), ``node`` (-1 on a reach), ``along_m``,
        ``off_m``, ``place_share``, ``entry_share`` (the same, weighed by the system the permit names), ``system``.
    """
    from outfall.network import locate

    sited = np.flatnonzero(~(sources.geometry.isna() | sources.geometry.is_empty).to_numpy())
    route = settings["route"]
    chosen = sources.iloc[sited]
    spread = np.hypot(chosen["sigma_m"].to_numpy(dtype=float), route["lateral_sigma_m"])
    spread = np.where(chosen["kind"] == "drain", chosen["sigma_m"], spread)
    places = locate(chosen.assign(sigma_m=spread), network, k=_PLACES, kinds=DRAIN_KINDS)
    at = pd.Index(sources["source_id"].astype("str")).get_indexer(places["point_id"].astype("str"))
    entries = pd.DataFrame(
        {
            "source": at,
            "reach": drains.position(places["reach_id"]),
            "node": -1,
            "along_m": places["along_m"].to_numpy(dtype=float),
            "off_m": places["off_m"].to_numpy(dtype=float),
            "place_share": places["place_share"].to_numpy(dtype=float),
        }
    )
    entries = entries[entries["reach"] >= 0]
    entries = _add_stated_nodes(entries, sources, drains, route["stated_node_share"])
    systems = drains.reaches["system"].to_numpy(dtype=object)
    system = np.where(entries["reach"] >= 0, systems[entries["reach"]] if len(systems) else "unstated", "stated")
    stated = sources["stated"].to_numpy(dtype=object)[entries["source"]]
    known = settings["system"]
    factor = np.array([known.get(f"{own} {pipe}", 0.5) for own, pipe in zip(stated, system, strict=True)], dtype=float)
    factor = np.where(system == "stated", 1.0, factor)
    return entries.assign(system=system, entry_share=entries["place_share"] * factor)


def _add_stated_nodes(entries: pd.DataFrame, sources: gpd.GeoDataFrame, drains: Drains, share: float) -> pd.DataFrame:
    """Return the entries with the nodes permits name; the permit is evidence, so other places keep the rest."""
    node = drains.node_ids.get_indexer(pd.Index(sources["node_id"].astype("object")))
    named = np.flatnonzero(node >= 0)
    if not len(named):
        return entries
    rest = np.where(np.isin(entries["source"], named), 1.0 - share, 1.0)
    entries = entries.assign(place_share=entries["place_share"] * rest)
    stated = pd.DataFrame(
        {"source": named, "reach": -1, "node": node[named], "along_m": 0.0, "off_m": 0.0, "place_share": share}
    )
    return pd.concat([entries, stated], ignore_index=True).sort_values(
        ["source", "reach", "along_m"], ignore_index=True
    )


def find_sewered(
    entries: pd.DataFrame, mouths: pd.DataFrame, ties: pd.DataFrame, drains: Drains, *, sewer_share: NDArray[np.float64]
) -> pd.DataFrame:
    """Return every pair of source and outfall that mapped drains connect in at least one world.

    Parameters
    ----------
    entries : DataFrame
        Answer of `find_entries`.
    mouths : DataFrame
        Answer of `find_mouths`.
    ties : DataFrame
        Answer of `tie_outfalls`.
    drains : Drains
        Drains of the network.
    sewer_share : array of float
        Per source: probability that its water leaves by a sewer or ditch.

    Returns
    -------
    DataFrame
        ``source``, ``outfall``, ``reach_share``, ``reach_sigma_share``, ``exit_share``, ``distance_m``, ``travel_h``,
        ``off_m``, ``system`` of the pipe entered, ``path`` (positions of reaches in flow order, of the most probable
        places).
    """
    ties = _number_targets(ties, len(mouths))
    starts = _starts(mouths, ties, drains)
    reached = sweep(drains.ways, starts, nodes=len(drains.node_ids))
    ways = _leave(entries, drains).merge(reached, on="node", suffixes=("", "_on"))
    ways = pd.concat([_onwards(ways), _beside(entries, ties, drains)], ignore_index=True)
    ways = ways.merge(ties[["target", "outfall", "tie_share", "mouth"]], on="target")
    found = share_of(ways["lanes"].to_numpy(dtype=np.uint64))
    place = ways["place_share"] * ways["tie_share"]
    ways = ways.assign(
        reach_share=place * found,
        variance=place**2 * found * (1 - found) / 64.0,
        exit_share=sewer_share[ways["source"]] * ways["entry_share"] * ways["tie_share"] * found,
    )
    order = [*_PAIR, "exit_share", "distance_m", "reach", "node", "target"]
    ways = ways.sort_values(order, ascending=[True, True, False, True, True, True, True], ignore_index=True)
    best = ways.drop_duplicates(_PAIR).reset_index(drop=True)
    sums = ways.groupby(_PAIR, sort=True)[["reach_share", "variance", "exit_share"]].sum().reset_index(drop=True)
    best = best.assign(path=_paths(best, reached, mouths, drains))
    best = best.assign(
        reach_share=np.minimum(sums["reach_share"], 1.0),
        exit_share=np.minimum(sums["exit_share"], 1.0),
        reach_sigma_share=np.sqrt(sums["variance"]),
    )
    columns = ["reach_share", "reach_sigma_share", "exit_share", "distance_m", "travel_h", "off_m", "system", "path"]
    return best[[*_PAIR, *columns]]


def _number_targets(ties: pd.DataFrame, mouths: int) -> pd.DataFrame:
    """Return the ties with a target number: the drain end, or a number of its own for a place along a drain."""
    along = ties["mouth"] < 0
    return ties.assign(target=np.where(along, mouths + np.cumsum(along) - 1, ties["mouth"]).astype(np.int64))


def _starts(mouths: pd.DataFrame, ties: pd.DataFrame, drains: Drains) -> pd.DataFrame:
    """Return where the sweep begins: the node behind each drain end, and the upper end of each reach with a place."""
    used = np.unique(ties["mouth"][ties["mouth"] >= 0].to_numpy(dtype=np.int64))
    interface = mouths["reach"].to_numpy(dtype=np.int64)[used]
    hours = np.where(interface >= 0, drains.travel_h[interface] if len(drains.travel_h) else 0.0, 0.0)
    ends = pd.DataFrame(
        {"target": used, "node": mouths["node"].to_numpy(dtype=np.int64)[used], "lanes": np.full(len(used), _ALL)}
    )
    ends = ends.assign(distance_m=mouths["distance_m"].to_numpy(dtype=float)[used], travel_h=hours)
    arcs = _arcs(drains)
    along = ties[ties["mouth"] < 0][["target", "reach", "along_m"]].merge(arcs, on="reach")
    part = np.where(along["is_forward"], along["along_m"], along["length_m"] - along["along_m"])
    part = np.clip(part, 0.0, along["length_m"])
    spent = along["travel_h"] * part / np.maximum(along["length_m"], 1e-9)
    along = along.assign(node=along["tail"], distance_m=part, travel_h=spent)
    return pd.concat([ends, along[list(ends.columns)]], ignore_index=True)


def _arcs(drains: Drains) -> pd.DataFrame:
    ways = drains.ways
    arcs = {"reach": ways.reach, "tail": ways.tail, "head": ways.head, "lanes": ways.lanes}
    is_forward = ways.head == drains.to_node[ways.reach]
    return pd.DataFrame({**arcs, "length_m": ways.length_m, "travel_h": ways.travel_h, "is_forward": is_forward})


def _leave(entries: pd.DataFrame, drains: Drains) -> pd.DataFrame:
    """Return where the water of each entry first comes to a node, and after how much of its reach."""
    on_reach = entries[entries["reach"] >= 0].drop(columns="node").merge(_arcs(drains), on="reach")
    part = np.where(on_reach["is_forward"], on_reach["length_m"] - on_reach["along_m"], on_reach["along_m"])
    part = np.clip(part, 0.0, on_reach["length_m"])
    spent = on_reach["travel_h"] * part / np.maximum(on_reach["length_m"], 1e-9)
    on_reach = on_reach.assign(node=on_reach["head"], first_m=part, first_h=spent)
    at_node = entries[entries["reach"] < 0].assign(lanes=_ALL, first_m=0.0, first_h=0.0)
    columns = [
        "source",
        "reach",
        "node",
        "along_m",
        "off_m",
        "place_share",
        "entry_share",
        "system",
        "lanes",
        "first_m",
        "first_h",
    ]
    return pd.concat([on_reach[columns], at_node[columns]], ignore_index=True)


def _onwards(ways: pd.DataFrame) -> pd.DataFrame:
    """Return the ways with both parts added up; dead ones are left out."""
    lanes = ways["lanes"].to_numpy(dtype=np.uint64) & ways["lanes_on"].to_numpy(dtype=np.uint64)
    out = ways.assign(
        lanes=lanes, distance_m=ways["distance_m"] + ways["first_m"], travel_h=ways["travel_h"] + ways["first_h"]
    )
    return out[lanes != 0]


def _beside(entries: pd.DataFrame, ties: pd.DataFrame, drains: Drains) -> pd.DataFrame:
    """Return the ways from an entry to a place further down the same reach."""
    along = ties[ties["mouth"] < 0][["target", "reach", "along_m"]].rename(columns={"along_m": "place_m"})
    both = entries[entries["reach"] >= 0].drop(columns="node").merge(along, on="reach").merge(_arcs(drains), on="reach")
    gap = np.where(both["is_forward"], both["place_m"] - both["along_m"], both["along_m"] - both["place_m"])
    spent = both["travel_h"] * gap / np.maximum(both["length_m"], 1e-9)
    return both.assign(distance_m=gap, travel_h=spent, node=-1)[gap >= 0]


def _paths(best: pd.DataFrame, reached: pd.DataFrame, mouths: pd.DataFrame, drains: Drains) -> pd.Series:
    """Return the reaches each way runs through: the one entered, those down to the end, the interface."""
    through = best["node"].to_numpy(dtype=np.int64)
    far = np.flatnonzero(through >= 0)
    target = best["target"].to_numpy(dtype=np.int64)
    middle = list_paths(drains.ways, reached, target[far], through[far], nodes=len(drains.node_ids))
    middles = dict(zip(far.tolist(), middle, strict=True))
    entered = best["reach"].to_numpy(dtype=np.int64)
    mouth = best["mouth"].to_numpy(dtype=np.int64)
    last = np.where(mouth >= 0, mouths["reach"].to_numpy(dtype=np.int64)[mouth] if len(mouths) else -1, -1)
    paths = []
    for row in range(len(best)):
        steps = [int(entered[row]), *middles.get(row, np.zeros(0, dtype=np.int64)).tolist(), int(last[row])]
        paths.append([step for at, step in enumerate(steps) if step >= 0 and (at == 0 or step != steps[at - 1])])
    return pd.Series(paths, index=best.index, dtype=object)
