"""The whole chain, measured: the sample town, start-up, a real sewer, a real river, invented towns, the page in a browser.

    python benchmarks/run.py [--quick] [--json FILE]

One flat JSON object. A figure that could not be taken here is null with a ``*_why`` beside it. ``--quick`` scores fewer
towns (``towns20_towns`` says how many).
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import page
import pandas as pd
import towns
import uky

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("OUTFALL_DATA", ROOT.parent / "shared" / "data"))
TOWN = ROOT / "sample_data" / "rivertown"
QUICK_TOWNS = 3


def demo(out: Path) -> dict[str, object]:
    """Run the README's main job as a user does, in a process of its own."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "outfall.cli", "run", str(TOWN), "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - start
    if done.returncode != 0:
        return {"demo_s": None, "demo_why": (done.stderr or done.stdout)[-300:]}
    peak_kb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return {"demo_s": round(seconds, 2), "demo_peak_mb": round(peak_kb / 1024)}


def start_up() -> dict[str, object]:
    """Return what ``import outfall`` costs beyond bare Python: the median of several pairs."""

    def seconds(code: str) -> float:
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        return time.perf_counter() - start

    extra = [seconds("import outfall") - seconds("pass") for _ in range(9)]
    return {"import_extra_s": round(statistics.median(extra), 4)}


def new_hope() -> dict[str, object]:
    """Reproduce the areas NHDPlus publishes for New Hope Creek, by both of its rules."""
    import outfall as of

    file = DATA / "network" / "new_hope" / "new_hope.gpkg"
    if not file.exists():
        return {
            "newhope_total_ok": None,
            "newhope_total_n": None,
            "newhope_divergence_ok": None,
            "newhope_why": "no real data",
        }
    network = of.read_network(file)
    gaps = {
        rule: np.abs(network.accumulate("area_km2", rule=rule).to_numpy() - network.reaches[column].to_numpy(float))
        for rule, column in (("total", "TotDASqKM"), ("main", "DivDASqKM"))
    }
    return {
        "newhope_total_ok": int((gaps["total"] < 1e-3).sum()),
        "newhope_total_n": len(network.reaches),
        "newhope_total_max_diff_km2": float(gaps["total"].max()),
        "newhope_divergence_ok": int((gaps["main"] < 1e-3).sum()),
        "newhope_divergence_max_diff_km2": float(gaps["main"].max()),
    }


def sample(out: Path) -> dict[str, object]:
    """Score the outputs of the demo run against the town's answer sheet."""
    import geopandas as gpd

    candidates = gpd.read_file(out / "trace.gpkg", layer="candidates")
    truth = pd.read_csv(TOWN / "truth.csv", dtype=str)
    found = towns.figures(towns.score(candidates, truth))
    return {
        "sample_top1": found["top1"],
        "sample_top3": found["top3"],
        "sample_sampled_outfalls": found["sampled_outfalls"],
        "sample_unregistered_first": found["unregistered_recall"] == 1.0,
        "sample_mean_stated": found["mean_stated"],
    }


def sewer(work: Path) -> dict[str, object]:
    """Run a real storm sewer through the chain and open its map."""
    folder = DATA / "network" / "uky_storm"
    if not folder.is_dir():
        return {"uky_lines_kept": None, "uky_upstream_exact": None, "uky_why": "no real data"}
    found = uky.measure(folder, work)
    opened = page.open_page(Path(str(found.pop("uky_map"))))
    return {**found, **{f"uky_{key}": value for key, value in opened.items()}}


def main() -> None:
    """Take every figure and print the object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer towns, under 50 s on two free cores")
    parser.add_argument("--json", type=Path, help="write the object to this file too")
    options = parser.parse_args()
    figures: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as folder:
        work, out = Path(folder), Path(folder) / "rivertown_out"
        seeds = towns.UNSEEN_SEEDS[:QUICK_TOWNS] if options.quick else towns.UNSEEN_SEEDS
        for name, take in (
            ("demo", lambda: demo(out)),
            ("start-up", start_up),
            ("sample town", lambda: sample(out)),
            ("its map in a browser", lambda: page.open_page(out / "map.html")),
            ("New Hope Creek", new_hope),
            ("UKY storm sewer", lambda: sewer(work)),
            (f"{len(seeds)} towns", lambda: towns.measure(seeds)),
        ):
            start = time.perf_counter()
            figures |= take()
            print(f"{name}: {time.perf_counter() - start:.1f} s", file=sys.stderr)
    text = json.dumps(figures, indent=1, ensure_ascii=False)
    print(text)
    if options.json:
        options.json.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
