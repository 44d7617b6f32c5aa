"""Towns whose truth is known, from files to probabilities: how often the true source is first, and how honest the odds are.

    python benchmarks/tracing_towns.py [--quick] [--seeds FIRST LAST] [--figure FILE]

A town is written to files and read back by the readers, as a survey team would. The truth is read only after the trace
is made. Tuning uses seeds 1000 and above; reported are seeds 1 to 200 (1 to 20 were looked at twice while the first
version was written). Beside the trace stand four rules of thumb that see the same files: nearest upstream source,
topology only, non-negative least squares on the chemistry, largest permit.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import towns
from reliability import bin_stated, draw_reliability, expected_gap
from scipy.optimize import nnls

SEEDS, QUICK_SEEDS = tuple(range(1, 201)), tuple(range(1, 6))
FIGURE = Path(__file__).resolve().parents[1] / "docs" / "reliability.png"
BASELINES = ("nearest", "topology", "nnls", "permit")
_NEVER = ("temperature", "ph", "dissolved_oxygen")  # these do not mix as loads do


def score_town(seed: int) -> pd.DataFrame:
    """Draw one town, write it, trace it from its files, and score it and the rules of thumb."""
    from outfall.simulate import make_town, write_town

    with tempfile.TemporaryDirectory() as work:
        folder = Path(work) / "town"
        town = make_town(seed, scene=False, photos=False)
        write_town(town, folder)
        truth = pd.read_csv(folder / "truth.csv", dtype=str)
        state = read_folder(folder)
    found = trace_state(state)
    scored = towns.score(found.candidates, truth)
    of_code = dict(zip(truth["code"], found_ids(found, truth), strict=True))
    guesses = guess(found, state)
    for name in BASELINES:
        scored[name] = scored["code"].map(of_code).map(guesses[name])
    scored["stated"] = [_stated(found.candidates, of_code[code]) for code in scored["code"]]
    scored.attrs["settings"] = dict(town.settings)
    return scored.assign(seed=seed)


def read_folder(folder: Path) -> dict[str, object]:
    """Return the tables of a project folder, read and registered by the steps of ``outfall run``."""
    from outfall.chain import State
    from outfall.chain.inputs import without_doubts
    from outfall.chain.steps import check_inputs, join_lines, refuse_problems
    from outfall.project import Project
    from outfall.registry import register

    state = State(project=Project.open(folder), lang="en", problems=[])
    for step in (join_lines, check_inputs, refuse_problems):
        state = State(**{**state, **step(state)})
    return {**state, "outfalls": without_doubts(register(state["sightings"], state["network"]))}


def trace_state(state: dict[str, object]):
    """Return the trace of what was read."""
    from outfall.tracing import trace

    tables = {name: state.get(name) for name in ("samples", "results", "readings", "links")}
    return trace(state["outfalls"], state["network"], state["sources"], **tables)


def found_ids(found, truth: pd.DataFrame) -> list[str]:
    """Return the id the trace knows each code on site by."""
    known = set(found.outfalls["outfall_id"])
    return [code if code in known else "" for code in truth["code"].fillna("")]


def _stated(candidates: pd.DataFrame, outfall_id: str) -> dict[str, float]:
    mine = candidates[candidates["outfall_id"] == outfall_id]
    return dict(zip(mine["source_id"], mine["posterior_share"].astype(float), strict=True))


def guess(found, state: dict[str, object]) -> dict[str, dict[str, str]]:
    """Return what each rule of thumb calls the source of every outfall.

    ``nearest``: the nearest source whose water can come here. ``topology``: the likeliest by reach alone, which is
    the trace without any water. ``nnls``: the largest load when the water of the outfall is fitted by the sampled
    sources (means of their own samples) that can reach it. ``permit``: the largest permitted discharge among them.
    """
    rows = found.candidates[found.candidates["source_id"] != "unregistered"]
    sources = found.sources.set_index("source_id")
    off = rows["distance_m"].fillna(0.0) + rows["off_m"].fillna(0.0)
    may = sources["discharge_m3d"].reindex(rows["source_id"]).fillna(0.0).to_numpy()
    return {
        "nearest": _best(rows, -off.to_numpy()),
        "topology": _best(rows, rows["exit_share"].to_numpy()),
        "nnls": _least_squares(rows, state),
        "permit": _best(rows, may),
    }


def _best(rows: pd.DataFrame, value: np.ndarray) -> dict[str, str]:
    ordered = rows.assign(value=value).sort_values(["outfall_id", "value", "source_id"], ascending=[True, False, True])
    return dict(ordered.drop_duplicates("outfall_id")[["outfall_id", "source_id"]].itertuples(index=False, name=None))


def _least_squares(rows: pd.DataFrame, state: dict[str, object]) -> dict[str, str]:
    """Return the source with the largest part of each outfall's water by NNLS, scaled by what was measured."""
    results, samples = state["results"], state["samples"].set_index("sample_id")
    wide = results[~results["parameter"].isin(_NEVER)]
    level = wide["value"].where(wide["qualifier"] == "=", wide["detection_limit"] / 2)  # the naive practice
    wide = wide.assign(level=level).pivot_table(index="sample_id", columns="parameter", values="level")
    at_source = wide.join(samples["source_id"]).dropna(subset=["source_id"]).groupby("source_id").mean()
    at_outfall = wide.join(samples["outfall_id"]).dropna(subset=["outfall_id"]).groupby("outfall_id").mean()
    guesses = {}
    for outfall_id, group in rows.groupby("outfall_id"):
        who = [name for name in group["source_id"] if name in at_source.index]
        if outfall_id not in at_outfall.index or not who:
            continue
        here = at_outfall.loc[outfall_id].to_numpy(dtype=float)
        known = np.isfinite(here) & (here > 0)
        library = np.nan_to_num(at_source.loc[who].to_numpy(dtype=float)[:, known])
        part, _ = nnls((library / here[known]).T, np.ones(int(known.sum())))
        guesses[outfall_id] = who[int(part.argmax())] if part.max() > 0 else ""
    return guesses


def figures(scored: pd.DataFrame) -> dict[str, float | int | None]:
    """Return the figures of scored outfalls together."""
    found = towns.figures(scored)
    hit = scored["first"].eq(scored["true"]).to_numpy(dtype=float)
    stated = scored["first_stated"].to_numpy(dtype=float)
    brier = [
        sum((share - (name == true)) ** 2 for name, share in every.items()) + (0.0 if true in every else 1.0)
        for every, true in zip(scored["stated"], scored["true"], strict=True)
    ]
    truth_log = np.log(np.maximum(scored["true_stated"].to_numpy(dtype=float), 1e-6))
    sets = [_set_size(every) for every in scored["stated"]]
    out = {
        "towns": int(scored["seed"].nunique()),
        "towns_outfalls": len(scored),
        "towns_top1": found["top1"],
        "towns_top3": found["top3"],
        "towns_ece": round(expected_gap(stated, hit), 4),
        "towns_brier": found["brier"],
        "towns_brier_all_candidates": round(float(np.mean(brier)), 4),
        "towns_mean_stated": found["mean_stated"],
        "towns_log_score": round(float(truth_log.mean()), 4),
        "towns_set90_size": round(float(np.mean([size for size, _ in sets])), 2),
        "towns_set90_cover": round(float(np.mean([t in s for (_, s), t in zip(sets, scored["true"], strict=True)])), 4),
        "towns_no_candidate": round(float(scored["true_rank"].isna().mean()), 4),
        "towns_unregistered": found["unregistered_outfalls"],
        "towns_unregistered_recall": found["unregistered_recall"],
        "towns_unregistered_false": found["unregistered_false"],
    }
    out |= _intervals(scored, stated, hit)
    return out | {
        f"baseline_{name}_top1": round(float(scored[name].eq(scored["true"]).mean()), 4) for name in BASELINES
    }


def _set_size(every: dict[str, float]) -> tuple[int, set[str]]:
    """Return how many doors to knock on for 0.9, and which."""
    order = sorted(every, key=lambda name: (-every[name], name))
    count = int(np.searchsorted(np.cumsum([every[name] for name in order]), 0.9 - 1e-9)) + 1
    return min(count, len(order)), set(order[:count])


def _intervals(scored: pd.DataFrame, stated: np.ndarray, hit: np.ndarray) -> dict[str, float]:
    """Return 95 % intervals of the calibration error and of top-1, drawn town by town."""
    rng = np.random.default_rng(0)
    groups = list(scored.groupby("seed").indices.values())
    draws = []
    for _ in range(400):
        at = np.concatenate([groups[i] for i in rng.integers(0, len(groups), len(groups))])
        draws.append((expected_gap(stated[at], hit[at]), hit[at].mean()))
    low, high = np.quantile(draws, [0.025, 0.975], axis=0)
    names = ("towns_ece", "towns_top1")
    return {
        f"{n}_{end}": round(float(v[i]), 4) for i, n in enumerate(names) for end, v in (("low", low), ("high", high))
    }


def measure(*, quick: bool, seeds: tuple[int, ...] | None = None, figure: Path | None = None) -> dict[str, object]:
    """Return the figures of many towns together, with the sizes of the errors they were drawn with."""
    chosen = seeds or (QUICK_SEEDS if quick else SEEDS)
    parts = [score_town(seed) for seed in chosen]
    settings = parts[0].attrs["settings"]
    scored = pd.concat([part.assign() for part in parts], ignore_index=True)
    out = figures(scored)
    if figure is not None or not quick:
        draw_reliability(scored, figure or FIGURE, towns=len(chosen))
    return out | {f"towns_error_{name}": size for name, size in settings.items()}


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="five towns")
    parser.add_argument("--seeds", nargs=2, type=int, metavar=("FIRST", "LAST"), help="these seeds instead")
    parser.add_argument("--figure", type=Path, help="where to draw the reliability curve")
    parser.add_argument("--scored", type=Path, help="write one line per outfall to this CSV file")
    options = parser.parse_args()
    seeds = tuple(range(options.seeds[0], options.seeds[1] + 1)) if options.seeds else None
    if options.scored:
        chosen = seeds or (QUICK_SEEDS if options.quick else SEEDS)
        scored = pd.concat([score_town(seed) for seed in chosen], ignore_index=True)
        scored.drop(columns="stated").to_csv(options.scored, index=False)
        print(json.dumps(figures(scored), indent=1))
        print(bin_stated(scored["first_stated"].to_numpy(), scored["first"].eq(scored["true"]).to_numpy(dtype=float)))
        draw_reliability(scored, options.figure or options.scored.with_suffix(".png"), towns=len(chosen))
        return
    print(json.dumps(measure(quick=options.quick, seeds=seeds, figure=options.figure), indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
