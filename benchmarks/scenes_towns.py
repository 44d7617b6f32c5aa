"""Towns whose truth is known, seen by satellites: what the clue of a plume does to the trace, and where it is silent.

    python benchmarks/scenes_towns.py [--quick] [--seeds FIRST LAST] [--width METRES]

Each town is written to files and read back, as a survey would be. Its main river is 150 m wide, works and plants discharge
more in proportion (their dilution is that of the small town), weirs hold low water of a tenth of the mean flow, and plumes
follow the simulator's own law. Small towns as they are, on rivers of 30 to 36 m, are looked at as well: no satellite sees
their outfalls, and nothing may change.

What to expect: plumes of these towns hug the bank, and 17 m off it, where water is pure, little of them is left; and outfalls
that were sampled are nearly sure without a satellite. On seeds 1000 and above, at mean flow and at low water, with long and
short windows, with and without chemistry, no setting of the line gained; the one chosen loses least.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import towns
from reliability import expected_gap
from tracing_towns import found_ids, read_folder

SEEDS, QUICK_SEEDS = tuple(range(1, 51)), (1,)
NARROW_SEEDS = tuple(range(1, 11))
WIDTH_M = 150.0
FLOW_SHARE = 0.1
DAYS = {"S2A MSI": 3, "GF-2 PMS1": 1}
_PIXEL = {"S2A MSI": "10m", "GF-2 PMS1": "4m"}
_LAYERS = ("turbidity_red",)
_FLOOR = 1e-6
_JOIN_M = 30.0


def read_town(seed: int, width_m: float | None) -> tuple[dict[str, object], pd.DataFrame]:
    """Return the tables of a town as a survey brings them home, and the answer sheet."""
    from outfall.simulate import make_town, write_town

    with tempfile.TemporaryDirectory() as work:
        folder = Path(work) / "town"
        write_town(make_town(seed, scene=False, photos=False, river_width_m=width_m), folder)
        if width_m is not None:  # pipes end at the bank, half a river from its line
            file = folder / "outfall.toml"
            text = file.read_text(encoding="utf-8")
            line = 'path = "rivers.gpkg"'
            text = text.replace(line, f"{line}\noptions = {{join_m = {_JOIN_M + (width_m - 33) / 2:g}}}")
            file.write_text(text, encoding="utf-8")
        truth = pd.read_csv(folder / "truth.csv", dtype=str)
        return read_folder(folder), truth


def look(
    state: dict[str, object],
    seed: int,
    width_m: float | None,
    sensor: str,
    *,
    days: int,
    flow_share: float = FLOW_SHARE,
) -> pd.DataFrame:
    """Return the contrasts of some days of one sensor."""
    from outfall.scenes.contrasts import find_contrasts
    from outfall.scenes.windows import Window
    from outfall.simulate import make_scenes

    scenes = [
        scene.open()
        for scene in make_scenes(seed, sensor=sensor, days=days, river_width_m=width_m, flow_share=flow_share)
    ]
    short = Window(
        width_count=1.0, least_m=60.0, most_m=100.0, gap_px=1.0, least_controls=3
    )  # outfalls of a town stand close
    return find_contrasts(state["outfalls"], scenes, state["network"], layers=_LAYERS, window=short)


def score_town(seed: int, *, width_m: float | None = WIDTH_M, days: dict[str, int] | None = None) -> pd.DataFrame:
    """Return one row per sampled, flowing outfall: what the trace stated of its true source with and without the clue."""
    from outfall.scenes.contrast_clues import contrast_clues
    from outfall.tracing import trace

    state, truth = read_town(seed, width_m)
    tables = {name: state.get(name) for name in ("samples", "results", "readings")}
    told = [state["links"]] if state.get("links") is not None else []
    blind = trace(state["outfalls"], state["network"], state["sources"], links=told, **tables)
    parts = []
    for sensor, count in (days or DAYS).items():
        contrasts = look(state, seed, width_m, sensor, days=count)
        clues = contrast_clues(contrasts)
        without, seeing = with_clues(blind, clues.iloc[:0]), with_clues(blind, clues)
        parts.append(_compare(without, seeing, clues, contrasts, truth).assign(sensor=sensor))
    return pd.concat(parts, ignore_index=True).assign(seed=seed)


def with_clues(blind, clues: pd.DataFrame):
    """Return the same trace with some clues more: only the line that reads them judges again."""
    from outfall.tracing import LINES, Trace
    from outfall.tracing.combine import combine
    from outfall.tracing.lines import judge_all

    context = dataclasses.replace(blind.context, clues=pd.concat([blind.context.clues, clues], ignore_index=True))
    said = judge_all(context, {"plume": LINES["plume"]})
    evidence = pd.concat([blind.evidence, said], ignore_index=True) if len(said) else blind.evidence
    found = combine(blind.candidates, evidence, settings=blind.settings)
    return Trace(blind.outfalls, blind.sources, found, evidence, blind.settings, context)


def _compare(blind, seeing, clues: pd.DataFrame, contrasts: pd.DataFrame, truth: pd.DataFrame) -> pd.DataFrame:
    """Return the scores before and after, whether the outfall was seen, and whether nothing changed where it was not."""
    pairs = zip(truth["code"], found_ids(blind, truth), strict=True)
    of_code = {code: name for code, name in pairs if isinstance(code, str)}
    before, after = (towns.score(found.candidates, truth) for found in (blind, seeing))
    ids = before["code"].map(of_code)
    seen = contrasts.groupby("outfall_id")["is_observable"].any()
    told = set(clues["outfall_id"]) if len(clues) else set()
    same = _same(blind.candidates, seeing.candidates, told)
    return pd.DataFrame(
        {
            "code": before["code"],
            "true": before["true"],
            "before": np.log(np.maximum(before["true_stated"].to_numpy(float), _FLOOR)),
            "after": np.log(np.maximum(after["true_stated"].to_numpy(float), _FLOOR)),
            "stated_before": before["first_stated"],
            "stated_after": after["first_stated"],
            "hit_before": before["first"].eq(before["true"]).astype(float),
            "hit_after": after["first"].eq(after["true"]).astype(float),
            "is_seen": ids.isin(set(seen.index[seen])),
            "is_told": ids.isin(told),
            "silent_exact": same,
            "observable_share": float(seen.mean()) if len(seen) else 0.0,
        }
    )


def _same(before: pd.DataFrame, after: pd.DataFrame, told: set[str]) -> bool:
    """Return whether every outfall without a clue has the very same numbers, bit by bit."""
    keys = ["outfall_id", "source_id"]
    columns = ["posterior_share", "inclusion_share", "rank"]
    one, other = (
        table[~table["outfall_id"].isin(told)].set_index(keys)[columns].sort_index() for table in (before, after)
    )
    return bool(one.equals(other))


def figures(scored: pd.DataFrame) -> dict[str, float | int | bool]:
    """Return the figures of all towns of all sensors."""
    gain = scored["after"] - scored["before"]
    by_town = gain.groupby(scored["seed"]).mean()
    told, silent = gain[scored["is_told"]], gain[~scored["is_told"]]
    out: dict[str, float | int | bool] = {
        "towns_scenes_towns": int(scored["seed"].nunique()),
        "town_log_score_gain": round(float(by_town.mean()), 6),
        "town_log_score_gain_se": round(float(by_town.std(ddof=1) / np.sqrt(len(by_town))), 6)
        if len(by_town) > 1
        else None,
        "town_log_score_gain_told": round(float(told.mean()), 6) if len(told) else None,
        "town_told_outfalls": len(told),
        "town_silent_outfalls": len(silent),
        "town_silent_exact": bool(scored["silent_exact"].all() and (silent == 0).all()),
        "town_top1_before": round(float(scored["hit_before"].mean()), 4),
        "town_top1_after": round(float(scored["hit_after"].mean()), 4),
        "town_ece_before": round(
            expected_gap(*(scored[n].to_numpy(float) for n in ("stated_before", "hit_before"))), 4
        ),
        "town_ece_after": round(expected_gap(*(scored[n].to_numpy(float) for n in ("stated_after", "hit_after"))), 4),
    }
    for sensor, part in scored.groupby("sensor"):
        name = _PIXEL[str(sensor)]
        towns_gain = (part["after"] - part["before"]).groupby(part["seed"]).mean()
        out[f"towns_observable_share_{name}"] = round(float(part.groupby("seed")["observable_share"].first().mean()), 4)
        out[f"town_log_score_gain_{name}"] = round(float(towns_gain.mean()), 6)
    return out


def measure(*, quick: bool, seeds: tuple[int, ...] | None = None) -> dict[str, float | int | bool | str | None]:
    """Return the figures of towns on a wide river, and of small towns as they are."""
    days = dict.fromkeys(DAYS, 1) if quick else DAYS
    chosen = seeds or (QUICK_SEEDS if quick else SEEDS)
    wide = pd.concat([score_town(seed, days=days) for seed in chosen], ignore_index=True)
    out: dict[str, float | int | bool | str | None] = {**figures(wide), "towns_river_width_m": WIDTH_M}
    if quick:
        return out
    one_day = dict.fromkeys(DAYS, 1)
    narrow = pd.concat(
        [score_town(seed, width_m=None, days=one_day) for seed in seeds or NARROW_SEEDS], ignore_index=True
    )
    small = figures(narrow)
    out["town_silent_exact"] = bool(out["town_silent_exact"] and small["town_silent_exact"])
    out |= {f"{name}_narrow": small[name] for name in small if name.startswith("towns_observable_share")}
    out["town_log_score_gain_narrow"] = small["town_log_score_gain"]
    return out


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one town")
    parser.add_argument("--seeds", nargs=2, type=int, metavar=("FIRST", "LAST"), help="these seeds instead")
    options = parser.parse_args()
    seeds = tuple(range(options.seeds[0], options.seeds[1] + 1)) if options.seeds else None
    print(json.dumps(measure(quick=options.quick, seeds=seeds), indent=2))


if __name__ == "__main__":
    main()
