"""A named field checklist as a line: surfactants, then ammonia to potassium. Not verified, and off by default."""

from __future__ import annotations

import numpy as np
import pandas as pd

from outfall.tracing.lines.registry import Context, as_rows, no_rows
from outfall.tracing.texts import say
from outfall.vocabulary import label

__all__ = ["is_verified", "judge_flow_chart"]

is_verified = False  # the manual was not read: thresholds and order of the steps are as commonly quoted
_NAMES = ("surfactants", "ammonia", "potassium")
_KINDS = {
    "sewage": ("domestic", "restaurant", "hospital", "livestock"),
    "wash": ("laundry", "car_wash"),
}


def judge_flow_chart(context: Context) -> pd.DataFrame:
    """Judge by the checklist where it is switched on: ``{"flow_chart": {"is_on": 1}}`` in the settings."""
    part, rows = context.settings["flow_chart"], context.candidates.reset_index(drop=True)
    seen = context.observations
    seen = seen[(seen["about"] == "outfall") & seen["parameter"].isin(_NAMES)]
    if not part["is_on"] or seen.empty or rows.empty:
        return no_rows()
    water = _classify(seen, part["surfactants_mgl"], part["ammonia_to_potassium"])
    kinds = context.sources.set_index("source_id")["kind"].astype("object").reindex(rows["source_id"]).to_numpy()
    at = np.flatnonzero(rows["outfall_id"].isin(water.index).to_numpy() & pd.notna(kinds))
    if not len(at):
        return no_rows()
    mine = water.loc[rows["outfall_id"].iloc[at]]
    agrees = np.array([kind in _KINDS[what] for kind, what in zip(kinds[at], mine["water"], strict=True)])
    texts = [
        (_text(row, kind, agree, 0, part["surfactants_mgl"]), _text(row, kind, agree, 1, part["surfactants_mgl"]))
        for row, kind, agree in zip(mine.to_dict("records"), kinds[at], agrees, strict=True)
    ]
    log_lr = np.where(agrees, 1.0, -1.0) * np.log(part["agree_lr"])
    return as_rows(rows.iloc[at], log_lr, texts, mine["refs"].to_numpy())


def _classify(seen: pd.DataFrame, surfactants_mgl: float, least_ratio: float) -> pd.DataFrame:
    """Return by outfall what the checklist calls the water; outfalls it cannot decide, or calls clean, have no row."""
    measured = seen[seen["censored"] == 0]
    wide = measured.pivot_table(index="about_id", columns="parameter", values="value_ln", aggfunc="mean", sort=True)
    wide = np.exp(wide.reindex(columns=list(_NAMES)))
    refs = measured.groupby("about_id", sort=True)["refs"].agg(";".join)
    wide = wide.assign(ratio=wide["ammonia"] / wide["potassium"], refs=refs)
    wide = wide[(wide["surfactants"] > surfactants_mgl) & wide["ratio"].notna()]
    return wide.assign(water=np.where(wide["ratio"] >= least_ratio, "sewage", "wash"))


def _text(row: dict[str, object], kind: str, agrees: bool, place: int, limit: float) -> str:  # noqa: FBT001
    figures = {"surfactants": row["surfactants"], "limit": limit, "ratio": row["ratio"]}
    named = {
        "steps": say("flow_chart", "steps", figures)[place],
        "water": say("flow_chart", str(row["water"]), {})[place],
        "kind": label("source_kind", kind, lang="en" if place == 0 else "zh"),
    }
    return say("flow_chart", "agrees" if agrees else "differs", named)[place]
