"""Who takes part, how much, how many doors: how honest the answers are on invented towns the settings never saw.

The settings of `[subsets]` were fitted on seeds 1000-1019; the seeds here are others. Truth is read after the trace.
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

SEEDS = tuple(range(301, 321))
_PART_SHARE = 0.05  # of the foul water: less is not taking part


def measure(*, quick: bool) -> dict[str, float | int | bool | None]:
    """Return calibration of taking part, cover of the shares, and the doors to knock on."""
    from outfall.tracing import add_shares, list_doors, sensitivity

    rows, doors, spent = [], [], []
    for seed in SEEDS[:1] if quick else SEEDS:
        found, truth, parts = _trace_town(seed)
        sampled = truth[truth["is_sampled"].eq("yes") & truth["is_flowing"].eq("yes") & truth["source_id"].notna()]
        known = sampled[sampled["code"].isin(found.outfalls["outfall_id"])]
        done = add_shares(found, outfall_ids=known["code"], draw_count=1000)
        mine = pd.DataFrame(done.candidates.drop(columns="geometry")).merge(
            known[["code", "mouth_id", "source_id"]].rename(columns={"code": "outfall_id", "source_id": "main"}),
            on="outfall_id",
        )
        share = pd.Series(parts).reindex(pd.MultiIndex.from_frame(mine[["mouth_id", "source_id"]])).fillna(0.0)
        rows.append(mine.assign(true_share=share.to_numpy()))
        held = list_doors(found).merge(rows[-1][["outfall_id", "main"]].drop_duplicates(), on="outfall_id")
        named = [
            main in ids.split(";") or (main == "unregistered" and search)
            for main, ids, search in zip(held["main"], held["source_ids"], held["is_search"], strict=True)
        ]
        doors.append(held.assign(is_held=named))
        start = time.perf_counter()
        for outfall_id in known["code"].head(5):
            sensitivity(found, outfall_id, by="sample")
        spent.append((time.perf_counter() - start) / max(min(len(known), 5), 1))
    return _figures(pd.concat(rows), pd.concat(doors), float(np.mean(spent)))


def _figures(rows: pd.DataFrame, doors: pd.DataFrame, sensitivity_s: float) -> dict[str, float | int | bool | None]:
    registered = rows[rows["source_id"] != "unregistered"]
    part = registered["true_share"].ge(_PART_SHARE).to_numpy(dtype=float)
    stated = registered["inclusion_share"].to_numpy(dtype=float)
    bins = np.array_split(np.argsort(stated, kind="stable"), 10)
    error = sum(abs(stated[one].mean() - part[one].mean()) * len(one) for one in bins) / len(stated)
    low, high = rows["contribution_low_share"] - 0.02, rows["contribution_high_share"] + 0.02
    inside = rows["true_share"].between(low, high)
    takes_part = rows["true_share"].ge(_PART_SHARE)
    return {
        "combine_outfalls": len(doors),
        "combine_inclusion_ece": round(float(error), 4),
        "combine_inclusion_brier": round(float(((stated - part) ** 2).mean()), 4),
        "combine_share_cover90": round(float(inside.mean()), 4),
        "combine_share_cover90_of_parts": round(float(inside[takes_part].mean()), 4),
        "combine_doors90_mean": round(float(doors["door_count"].mean()), 3),
        "combine_doors90_holds": round(float(doors["is_held"].mean()), 4),
        "combine_sensitivity_s": round(sensitivity_s, 3),
    }


def _trace_town(seed: int) -> tuple[object, pd.DataFrame, dict[tuple[str, str], float]]:
    """Return the trace of one town from its files, its answer sheet, and the true shares by mouth and source."""
    from outfall.chain import State, take_steps
    from outfall.project import Project
    from outfall.simulate import make_town, write_town

    town = make_town(seed)
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work) / "town"
        write_town(town, folder)
        state, _ = take_steps(State(project=Project.open(folder), lang="en", problems=[]), until="trace")
        truth = pd.read_csv(folder / "truth.csv", dtype=str)
    found = state["found"]
    listed = set(found.sources["source_id"])
    flows = town.discharges
    who = flows["source_id"].where(flows["source_id"].isin(listed), "unregistered")
    return found, truth, flows.assign(who=who).groupby(["mouth_id", "who"])["share"].sum().to_dict()


if __name__ == "__main__":
    import sys

    print(json.dumps(measure(quick="--quick" in sys.argv), indent=1))
