"""The line that judges by clues of meters, grids and monitors: something was wrong there, at that time."""

from __future__ import annotations

import numpy as np
import pandas as pd

from outfall.tables import split_ids
from outfall.tracing.lines.plume import PLUME
from outfall.tracing.lines.registry import Context, as_rows, no_rows, once_per_window
from outfall.tracing.texts import say
from outfall.vocabulary import label

__all__ = ["judge_clues"]


def judge_clues(context: Context) -> pd.DataFrame:
    """Judge by clues about the source, and about a reach on its way; those of one kind and time count once."""
    clues, rows = context.clues, context.candidates.reset_index(drop=True)
    if clues.empty or rows.empty:
        return no_rows()
    pairs = pd.concat([_about_sources(clues, rows), _on_the_way(clues, rows)], ignore_index=True)
    if pairs.empty:
        return no_rows()
    part = context.settings["clues"]
    strength = pairs["log_lr"].astype(float).fillna(np.log(part["default_lr"]))
    strength = strength.clip(-np.log(part["cap_lr"]), np.log(part["cap_lr"]))
    pairs = pairs.assign(said=strength * np.where(pairs["case"] == "source", 1.0, part["place_share"]))
    pairs["said"] *= np.where(_is_near(context, pairs), 1.0, part["far_share"])
    pairs = once_per_window(pairs, ["at", "kind"], time="from_at", window_h=part["window_h"])
    order = pairs.assign(size=-pairs["said"].abs()).sort_values(["at", "size", "clue_id"])
    texts, refs, log_lr, chosen = [], [], [], []
    for at, group in order.groupby("at", sort=True):
        kinds = list(dict.fromkeys(group["kind"]))
        texts.append(
            (
                _text(group, [label("clue_kind", kind) for kind in kinds], 0),
                _text(group, [label("clue_kind", kind, lang="zh") for kind in kinds], 1),
            )
        )
        refs.append(";".join(sorted(set(group["source_ref"]))))
        log_lr.append(float(group["said"].sum()) / np.sqrt(len(group)))
        chosen.append(int(str(at)))
    return as_rows(rows.iloc[chosen], log_lr, texts, refs)


def _text(group: pd.DataFrame, kinds: list[str], place: int) -> str:
    case = "source" if (group["case"] == "source").any() else "way"
    figures = {"count": len(group), "kinds": (", ", "、")[place].join(kinds), "clue": group["clue_id"].iloc[0]}
    return say("clues", case, figures)[place]


def _about_sources(clues: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Return candidates a clue names; one that names an outfall too is about that outfall alone."""
    told = clues[clues["source_id"].notna()].rename(columns={"outfall_id": "about_outfall"})
    pairs = rows[["outfall_id", "source_id", "travel_h"]].assign(at=rows.index).merge(told, on="source_id")
    here = pairs["about_outfall"].isna() | (pairs["about_outfall"] == pairs["outfall_id"])
    return pairs[here].assign(case="source")


def _on_the_way(clues: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Return candidates whose water runs through a reach that a clue without a source is about."""
    of_outfall = (clues["kind"] == PLUME) & clues["outfall_id"].notna()  # the line `plume` reads these
    told = clues[clues["source_id"].isna() & clues["reach_id"].notna() & ~of_outfall]
    told = told.drop(columns=["source_id", "outfall_id"])
    steps = [
        (at, reach) for at, path in enumerate(rows["path_ids"]) if isinstance(path, str) for reach in split_ids(path)
    ]
    ways = pd.DataFrame(steps, columns=["at", "reach_id"]).astype({"reach_id": "str", "at": "int64"})
    pairs = ways.merge(told, on="reach_id")
    pairs = pairs.drop_duplicates(["at", "clue_id"])
    pairs = pairs.assign(outfall_id=rows["outfall_id"].to_numpy()[pairs["at"]], case="way")
    return pairs.assign(travel_h=rows["travel_h"].to_numpy(dtype=float)[pairs["at"]])


def _is_near(context: Context, pairs: pd.DataFrame) -> np.ndarray:
    """Return whether each clue is of the time when water sampled at the outfall left; unknown times count as near."""
    near_h = context.settings["clues"]["near_h"]
    seen = context.observations
    seen = seen[(seen["about"] == "outfall") & seen["taken_at"].notna()]
    times = seen.groupby("about_id")["taken_at"].unique()
    out = np.ones(len(pairs), dtype=bool)
    columns = pairs[["outfall_id", "travel_h", "from_at", "to_at"]].itertuples(index=False)
    for row, (outfall_id, travel_h, start, end) in enumerate(columns):
        if outfall_id not in times.index or (pd.isna(start) and pd.isna(end)):
            continue
        left = pd.DatetimeIndex(times[outfall_id]) - pd.Timedelta(hours=0.0 if pd.isna(travel_h) else float(travel_h))
        first = (start if pd.notna(start) else end) - pd.Timedelta(hours=near_h)
        last = (end if pd.notna(end) else start) + pd.Timedelta(hours=near_h)
        out[row] = bool(((left >= first) & (left <= last)).any())
    return out
