"""The part of the network that carries water to an outfall: sewers, culverts and ditches, never the river above it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from outfall.network.worlds import Ways, draw_lanes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from outfall.network import Network
    from outfall.tracing.settings import Settings

__all__ = ["DRAIN_KINDS", "WATER_KINDS", "Drains", "find_drains"]

DRAIN_KINDS = ("gravity_sewer", "culvert", "ditch", "pressure_main", "pump", "weir", "gate")
WATER_KINDS = ("river", "tidal", "lake", "coast")
_LEAST_SHARE = 0.02


@dataclass(frozen=True, slots=True)
class Drains:
    """Reaches that can bring water to an outfall, and the ways through them.

    Parameters
    ----------
    reaches : GeoDataFrame
        Drains and discharge interfaces, sorted by id, with a fresh index; ``system`` filled with "unstated".
    ways : Ways
        Arcs between positions of ``node_ids``; interfaces are not part of them.
    node_ids : Index
        Node ids by position.
    from_node, to_node : array of int
        Position of both nodes of each reach.
    travel_h : array of float
        Hours along each reach.
    """

    reaches: pd.DataFrame
    ways: Ways
    node_ids: pd.Index
    from_node: NDArray[np.int64]
    to_node: NDArray[np.int64]
    travel_h: NDArray[np.float64]

    def position(self, reach_ids: pd.Series) -> NDArray[np.int64]:
        """Return positions of reach ids, -1 where a reach is not a drain."""
        return pd.Index(self.reaches["reach_id"]).get_indexer(pd.Index(reach_ids)).astype(np.int64)


def find_drains(network: Network, settings: Settings) -> Drains:
    """Return the drains of a network with their directions and states drawn in 64 worlds.

    Parameters
    ----------
    network : Network
        Rivers and pipes as one.
    settings : dict
        Sections ``run`` (seed of the draws), ``route`` and ``direction``.

    Returns
    -------
    Drains
        Empty where the network has no pipe and no ditch.
    """
    from outfall.network import travel_times, weigh_direction

    reaches = weigh_direction(network, weights=settings["direction"], turn=False).reaches
    wanted = reaches["kind"].isin([*DRAIN_KINDS, "interface"])
    chosen = reaches[wanted.to_numpy()].sort_values("reach_id").reset_index(drop=True)
    chosen = chosen.assign(system=chosen["system"].fillna("unstated").astype("str"))
    hours = travel_times(network).reindex(chosen["reach_id"]).to_numpy(dtype=float)
    codes, node_ids = pd.factorize(pd.concat([chosen["from_node"], chosen["to_node"]], ignore_index=True), sort=True)
    from_node, to_node = codes[: len(chosen)].astype(np.int64), codes[len(chosen) :].astype(np.int64)
    ways = _find_ways(chosen, from_node, to_node, hours, settings["route"], int(settings["run"]["seed"]))
    return Drains(chosen, ways, pd.Index(node_ids), from_node, to_node, np.nan_to_num(hours))


def _find_ways(
    reaches: pd.DataFrame,
    from_node: NDArray[np.int64],
    to_node: NDArray[np.int64],
    hours: NDArray[np.float64],
    route: dict[str, float],
    seed: int,
) -> Ways:
    names = reaches["reach_id"].astype("str").tolist()
    forward_share = reaches["forward_share"].fillna(1.0).to_numpy(dtype=float)
    forward_share = np.where(
        forward_share < _LEAST_SHARE, 0.0, np.where(forward_share > 1 - _LEAST_SHARE, 1.0, forward_share)
    )
    forward = draw_lanes(forward_share, names, seed=seed)
    open_share = np.where(reaches["kind"] == "weir", route["weir_share"], 1.0)
    open_share = np.where(reaches["state"] == "shut", route["shut_share"], open_share)
    unknown = route["unknown_state_share"]
    if "open_share" in reaches.columns:  # as_of knows how probable it was at the moment
        unknown = reaches["open_share"].fillna(unknown).to_numpy(dtype=float)
    open_share = np.where(reaches["state"] == "unknown", unknown, open_share)
    is_open = draw_lanes(open_share, names, seed=seed + 1)
    drain = np.flatnonzero((reaches["kind"] != "interface").to_numpy())
    with_flow = drain[forward_share[drain] > 0]
    against = drain[
        (forward_share[drain] < 1) & ~reaches["kind"].isin(["pump", "weir", "pressure_main"]).to_numpy()[drain]
    ]
    reach = np.concatenate([with_flow, against]).astype(np.int64)
    length = reaches["length_m"].to_numpy(dtype=float)
    return Ways(
        tail=np.concatenate([from_node[with_flow], to_node[against]]),
        head=np.concatenate([to_node[with_flow], from_node[against]]),
        reach=reach,
        lanes=np.concatenate([forward[with_flow] & is_open[with_flow], ~forward[against] & is_open[against]]),
        length_m=length[reach],
        travel_h=np.nan_to_num(hours[reach]),
    )
