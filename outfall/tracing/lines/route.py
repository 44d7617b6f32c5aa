"""Lines that judge by the way of the water: whether it can get there, how far it is, how much of it there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from outfall.tracing.lines.registry import Context, as_rows
from outfall.tracing.texts import say

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["judge_distance", "judge_load", "judge_reachability"]


def judge_reachability(context: Context) -> pd.DataFrame:
    """Judge by how probably a source's water comes out here, over uncertain places, directions and private pipes."""
    rows = context.candidates
    if rows.empty:
        return _nothing()
    exits = rows["exit_share"].to_numpy(dtype=float)
    total, count = _per_outfall(rows, exits), _per_outfall(rows, np.ones(len(rows)))
    strength = np.minimum(total / context.settings["route"]["typical_share"], 1.0)
    log_lr = np.log(exits * count / total * strength)
    texts = [
        say("reachability", "sewer", {"exit": share, "count": int(number), "mean": whole / number})
        for share, number, whole in zip(exits, count, total, strict=True)
    ]
    return as_rows(rows, log_lr, texts, _refs(context, rows))


def judge_distance(context: Context) -> pd.DataFrame:
    """Judge by how far the water runs in pipes: what is far is weaker, later, and has more ways to get lost."""
    rows = context.candidates[context.candidates["distance_m"].notna()]
    if rows.empty:
        return _nothing()
    decay_m = context.settings["route"]["network_decay_m"]
    distance = rows["distance_m"].to_numpy(dtype=float)
    weight = np.exp(-distance / decay_m)
    exits = rows["exit_share"].to_numpy(dtype=float)
    total = _per_outfall(rows, exits)
    mean = _per_outfall(rows, weight * exits) / total
    mean_m = _per_outfall(rows, distance * exits) / total
    figures = zip(distance, rows["off_m"].fillna(0.0), rows["travel_h"].fillna(0.0), mean_m, strict=True)
    texts = [
        say("distance", "sewer", {"distance_m": far, "off_m": off, "travel_h": hours, "mean_m": other})
        for far, off, hours, other in figures
    ]
    return as_rows(rows, np.log(weight / mean), texts, _refs(context, rows))


def judge_load(context: Context) -> pd.DataFrame:
    """Judge by permitted discharge: who may discharge more is seen more often, but not where a trickle was measured."""
    discharge = context.sources.set_index("source_id")["discharge_m3d"]
    rows = context.candidates
    may = discharge.reindex(rows["source_id"]).to_numpy(dtype=float)
    rows, may = rows[may > 0], may[may > 0]
    if rows.empty:
        return _nothing()
    load = context.settings["load"]
    weight = rows["exit_share"].to_numpy(dtype=float)
    log_may = np.log(may)
    mean = _per_outfall(rows, log_may * weight) / _per_outfall(rows, weight)
    seen_at = context.flows.set_index("outfall_id")
    flow = seen_at["flow_m3s"].reindex(rows["outfall_id"]).to_numpy(dtype=float) * 86400.0
    log_flow = np.log(np.where(flow > 0, flow, 1.0))
    with_flow = _relative(rows, -0.5 * np.log1p(((log_flow - log_may) / load["ratio_sd"]) ** 2 / 3.0) * 4.0, weight)
    by_size = _relative(rows, load["discharge_power"] * (log_may - mean), weight)
    log_lr = by_size + np.where(flow > 0, with_flow, 0.0)
    texts = [
        say("load", "flow" if seen > 0 else "no_flow", {"discharge_m3d": own, "mean_m3d": typical, "flow_m3d": seen})
        for own, typical, seen in zip(may, np.exp(mean), flow, strict=True)
    ]
    measured = seen_at["refs"].astype("object").reindex(rows["outfall_id"]).to_numpy()
    refs = [
        f"{own};{more}" if isinstance(more, str) else own
        for own, more in zip(_refs(context, rows), measured, strict=True)
    ]
    return as_rows(rows, log_lr, texts, refs)


def _relative(rows: pd.DataFrame, log_weight: NDArray[np.float64], share: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return log weights against their mean over the candidates of the same outfall."""
    mean = _per_outfall(rows, np.exp(log_weight) * share) / _per_outfall(rows, share)
    return np.asarray(log_weight - np.log(mean))


def _per_outfall(rows: pd.DataFrame, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sum of the values over the candidates of each row's outfall."""
    code, _ = pd.factorize(rows["outfall_id"])
    return np.asarray(np.bincount(code, values)[code])


def _refs(context: Context, rows: pd.DataFrame) -> NDArray[np.object_]:
    """Return the rows of the outfall and of the source a verdict rests on."""
    outfall = context.outfalls.set_index("outfall_id")["source_ref"].astype("object").reindex(rows["outfall_id"])
    source = context.sources.set_index("source_id")["source_ref"].astype("object").reindex(rows["source_id"])
    return np.asarray(outfall.to_numpy() + ";" + source.to_numpy(), dtype=object)


def _nothing() -> pd.DataFrame:
    return pd.DataFrame(columns=["outfall_id", "source_id", "log_lr", "reason", "reason_zh", "refs"])
