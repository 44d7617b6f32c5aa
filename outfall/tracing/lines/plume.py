"""The line that judges by what a satellite or a drone saw below the outfall: cloudy water, or none where it would show."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from outfall.tracing.lines.registry import Context, as_rows, no_rows, once_per_window
from outfall.tracing.profiles import Profiles, learn_profiles
from outfall.tracing.texts import say

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["PLUME", "judge_plume"]

PLUME = "plume"
_SHOWS = "suspended_solids"
_DAY_S = 86400.0


def judge_plume(context: Context) -> pd.DataFrame:
    """Judge by whether a plume was seen below the outfall, and how much cloudy water each source may discharge.

    A clue of kind ``plume`` names an outfall and no source; its ``log_lr`` compares a plume with none. A source that may
    discharge much cloudy (or much clear) water would show one, a small one would not: ``(1 - p + p R) / (1 - p0 + p0 R)``
    with R of the clue, p the chance that the source's water shows and p0 that of a source nobody registered. A clue that
    cannot tell has R = 1 and says nothing about anybody; an outfall that cannot be seen has no clue, and no row.
    """
    rows = context.candidates.reset_index(drop=True)
    told = context.clues
    told = told[
        (told["kind"] == PLUME) & told["outfall_id"].notna() & told["source_id"].isna() & told["log_lr"].notna()
    ]
    discharge = context.sources.set_index("source_id")["discharge_m3d"].astype("float64")
    may = discharge.reindex(rows["source_id"]).to_numpy(dtype=float)
    if told.empty or rows.empty:
        return no_rows()
    part = context.settings[PLUME]
    seen = _per_outfall(told, part)
    profiles = learn_profiles(
        context.sources, context.observations, default_sd=context.settings["chemistry"]["default_sd"]
    )
    column = profiles.parameters.get_loc(_SHOWS)
    at = profiles.source_ids.get_indexer(pd.Index(rows["source_id"].astype("object")))
    load_gs = may / _DAY_S * _off_river_mgl(profiles.mean[at, column], profiles)
    said = seen.reindex(rows["outfall_id"])
    is_judged = np.isfinite(load_gs) & said["log_lr"].notna().to_numpy() & (said["log_lr"].to_numpy() != 0.0)
    if not is_judged.any():
        return no_rows()
    ratio = np.exp(said["log_lr"].to_numpy(dtype=float)[is_judged])
    shows, nobody = shows_share(load_gs[is_judged], part), _nobody_share(profiles, part)
    log_lr = np.log(1.0 + shows * (ratio - 1.0)) - np.log(1.0 + nobody * (ratio - 1.0))
    texts = [
        say(
            PLUME, "seen" if here > 1.0 else "not_seen", {"load": load, "share": share, "factor": max(here, 1.0 / here)}
        )
        for here, load, share in zip(ratio, load_gs[is_judged], shows, strict=True)
    ]
    refs = said["refs"].to_numpy(dtype=object)[is_judged]
    return as_rows(rows[is_judged], log_lr, texts, refs)


def shows_share(load_gs: NDArray[np.float64], part: dict[str, float]) -> NDArray[np.float64]:
    """Return how probably a load of cloudy water shows from above, between the least and the most of the settings."""
    with np.errstate(divide="ignore"):
        odds = part["steepness"] * (np.log(load_gs) - np.log(part["half_load_gs"]))
    share = 1.0 / (1.0 + np.exp(-np.clip(odds, -30.0, 30.0)))
    return np.asarray(part["least_share"] + (part["most_share"] - part["least_share"]) * share)


def _per_outfall(told: pd.DataFrame, part: dict[str, float]) -> pd.DataFrame:
    """Return what the clues say of each outfall: one a day, and m days as the root of m, since a plume keeps its ways."""
    cap = np.log(part["cap_lr"])
    told = told.assign(said=told["log_lr"].astype(float).clip(-cap, cap))
    once = once_per_window(told, ["outfall_id"], time="from_at", window_h=part["window_h"])
    groups = once.groupby("outfall_id", sort=True)
    total = groups["said"].sum() / np.sqrt(groups.size())
    refs = groups["source_ref"].agg(lambda cells: ";".join(sorted(set(cells))))
    return pd.DataFrame({"log_lr": total.clip(-cap, cap), "refs": refs})


def _off_river_mgl(solids_ln: NDArray[np.float64], profiles: Profiles) -> NDArray[np.float64]:
    """Return how far the solids of some water are from those of clean water, either way."""
    clean = np.exp(profiles.background[profiles.parameters.get_loc(_SHOWS)])
    return np.asarray(np.abs(np.exp(solids_ln) - clean))


def _nobody_share(profiles: Profiles, part: dict[str, float]) -> float:
    """Return how probably a source nobody registered shows: of the usual size of such sources, of any kind."""
    column = profiles.parameters.get_loc(_SHOWS)
    load_gs = part["unregistered_m3d"] / _DAY_S * _off_river_mgl(profiles.kind_mean[:, column], profiles)
    return float((shows_share(load_gs, part) * profiles.kind_share).sum())
