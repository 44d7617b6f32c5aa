"""Invented towns whose truth is known: how often the true source of a sampled outfall ranks first, and how honest the odds are.

A town is written to files and read back by the readers, so that what is scored is what a survey team would get. The truth
is read only after the trace is made. Tuning used seeds 1000 and above; the seeds here were never looked at.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

UNSEEN_SEEDS = tuple(range(1, 21))


def trace_folder(folder: Path) -> pd.DataFrame:
    """Return the candidates of a project folder, by the same steps as ``outfall run`` up to the trace."""
    from outfall.chain import State, take_steps
    from outfall.project import Project

    state, _ = take_steps(State(project=Project.open(folder), lang="en", problems=[]), until="trace")
    return state["found"].candidates


def score(candidates: pd.DataFrame, truth: pd.DataFrame) -> pd.DataFrame:
    """Return one row per sampled, flowing outfall: its true source, the first candidate, and what was stated.

    Parameters
    ----------
    candidates : DataFrame
        Contract ``candidates``.
    truth : DataFrame
        ``truth.csv`` of the town; ``source_id`` is the main source, ``unregistered`` where no permit lists it.
    """
    chosen = truth["is_sampled"].eq("yes") & truth["is_flowing"].eq("yes") & truth["source_id"].notna()
    rows = []
    for row in truth.loc[chosen].itertuples():
        mine = candidates.loc[candidates["outfall_id"].eq(row.code)].sort_values("rank")
        hit = mine.loc[mine["source_id"].eq(row.source_id), "posterior_share"]
        rows.append(
            {
                "code": row.code,
                "true": row.source_id,
                "first": mine["source_id"].iloc[0] if len(mine) else None,
                "first_stated": float(mine["posterior_share"].iloc[0]) if len(mine) else 0.0,
                "true_stated": float(hit.iloc[0]) if len(hit) else 0.0,
                "true_rank": float(mine.loc[hit.index[0], "rank"]) if len(hit) else np.nan,
            }
        )
    return pd.DataFrame(rows, columns=["code", "true", "first", "first_stated", "true_stated", "true_rank"])


def figures(scored: pd.DataFrame) -> dict[str, object]:
    """Return the shares a user would ask for."""
    hit = scored["first"].eq(scored["true"])
    hidden = scored["true"].eq("unregistered")
    says_hidden = scored["first"].eq("unregistered")
    return {
        "sampled_outfalls": len(scored),
        "top1": _share(hit),
        "top3": _share(scored["true_rank"].le(3)),
        "unregistered_outfalls": int(hidden.sum()),
        "unregistered_recall": _share(says_hidden[hidden]),
        "unregistered_false": _share(says_hidden[~hidden]),
        "mean_stated": round(float(scored["first_stated"].mean()), 4),
        "brier": round(float(((scored["first_stated"] - hit) ** 2).mean()), 4),
        "calibration_error": _calibration_error(scored["first_stated"].to_numpy(), hit.to_numpy(dtype=float)),
    }


def score_town(seed: int) -> pd.DataFrame:
    """Draw one town, write it, trace it from its files, and score it."""
    from outfall.simulate import make_town, write_town

    with tempfile.TemporaryDirectory() as work:
        folder = Path(work) / "town"
        write_town(make_town(seed), folder)
        truth = pd.read_csv(folder / "truth.csv", dtype=str)
        return score(trace_folder(folder), truth).assign(seed=seed)


def measure(seeds: tuple[int, ...]) -> dict[str, object]:
    """Return the figures of several towns together."""
    scored = pd.concat([score_town(seed) for seed in seeds], ignore_index=True)
    found = figures(scored)
    return {
        "towns20_towns": len(seeds),
        "towns20_sampled_outfalls": found["sampled_outfalls"],
        "towns20_top1": found["top1"],
        "towns20_top3": found["top3"],
        "towns20_unregistered_outfalls": found["unregistered_outfalls"],
        "towns20_unregistered_recall": found["unregistered_recall"],
        "towns20_unregistered_false": found["unregistered_false"],
        "towns20_mean_stated": found["mean_stated"],
        "towns20_brier": found["brier"],
        "towns20_calibration_error": found["calibration_error"],
    }


def _share(flags: pd.Series) -> float | None:
    return round(float(flags.mean()), 4) if len(flags) else None


def _calibration_error(stated: np.ndarray, hit: np.ndarray, bins: int = 5) -> float | None:
    """Return the mean gap between what was stated and what came true, over bins of equal count."""
    if len(stated) < bins:
        return None
    groups = np.array_split(np.argsort(stated, kind="stable"), bins)
    gaps = [abs(stated[group].mean() - hit[group].mean()) * len(group) for group in groups]
    return round(float(sum(gaps) / len(stated)), 4)
