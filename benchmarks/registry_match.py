"""Sightings put together: pair F1 on invented rivers, beside a tuned radius and Splink; with misstated sigmas; on UKY; speed.

    python benchmarks/registry_match.py [--quick]

The generator (registry_made.py) was committed before the matcher. Figures are means over seeds 1 to 20 (quick: seed 1, 600 UKY structures, 400 outfalls with misstated sigmas, 12,000 sightings whose time is scaled).
The radius is chosen with the truth of the same data in hand. Splink runs in its own environment
(``OUTFALL_SPLINK_PYTHON`` names its interpreter; else None), learns by EM and is given the best threshold of five.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import resource
import subprocess
import tempfile
import time
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from benchmarks import registry_made as made
from outfall.network import build_network
from outfall.registry import register
from outfall.tables import split_ids

DATA = Path(os.environ.get("OUTFALL_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
SPLINK = Path(__file__).with_name("registry_splink.py")
SEEDS = tuple(range(1, 21))
PER_OUTFALL = 4200 / 1600


def groups(outfalls: gpd.GeoDataFrame) -> list[list[str]]:
    """Return the sightings of each outfall."""
    return [split_ids(text) for text in outfalls["sighting_ids"]]


def rivers(
    seeds: tuple[int, ...], *, stated_times: float = 1.0, count: int = 1600
) -> tuple[list[float], list[float], np.ndarray]:
    """Return pair F1 and that of the best radius by seed, and of every outfall its match_share and whether it is one."""
    network = build_network(made.make_rivers(count))
    ours, radius, shares = [], [], []
    for seed in seeds:
        tables, answer = made.see(made.plant(count, seed), seed, stated_times=stated_times)
        found = register(tables, network)
        ours.append(made.pair_scores(groups(found), answer)[2])
        radius.append(made.best_radius(tables, answer)[1] if stated_times == 1.0 else np.nan)
        shares += [
            (share, len({answer[one] for one in group}) == 1)
            for share, group in zip(found["match_share"], groups(found), strict=True)
            if len(group) > 1
        ]
    return ours, radius, np.array(shares, dtype=float)


def reliability(shares: np.ndarray) -> tuple[float, list[tuple[float, float, int]]]:
    """Return the mean gap between stated and true over bins of stated share, and the bins."""
    edges = [0.0, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 1.01]
    bins = []
    for low, high in itertools.pairwise(edges):
        mine = shares[(shares[:, 0] >= low) & (shares[:, 0] < high)]
        if len(mine):
            bins.append((round(float(mine[:, 0].mean()), 3), round(float(mine[:, 1].mean()), 3), len(mine)))
    return round(sum(abs(said - true) * size for said, true, size in bins) / len(shares), 4), bins


def uky(sigma_m: float, seed: int, *, most: int = 10_000) -> tuple[float | None, float | None]:
    """Return pair F1 of real structures (3,189; the westernmost ``most``), each seen by two surveys, and of the best radius.

    Each survey is off as a whole by a normal of half its error; words are wrong one time in ten.
    """
    file = DATA / "network" / "uky_storm" / "STM_Structure_pt.geojson"
    if not file.exists():
        return None, None
    real = gpd.read_file(file)
    real = real[real.geometry.notna()].to_crs(32616).reset_index(drop=True)
    real = real.iloc[np.argsort(real.geometry.x.to_numpy(), kind="stable")[:most]].reset_index(drop=True)
    rng = np.random.default_rng([seed, 3])
    at = np.column_stack([real.geometry.x, real.geometry.y])
    kinds = real["StructureType"].fillna("").to_numpy(dtype=object)
    tables, answer = [], {}
    for platform in ("drone", "document"):
        moved = at + rng.normal(0.0, sigma_m, at.shape) + rng.normal(0.0, sigma_m / 2, 2)
        names = [f"{platform}-{number:04d}" for number in rng.permutation(len(at))]
        told = np.where(rng.random(len(at)) < 0.1, rng.choice(kinds, len(at)), kinds)
        table = pd.DataFrame({"sighting_id": names, "survey_id": platform, "platform": platform, "colour": told})
        table["sigma_m"], table["source_ref"] = sigma_m, "x"
        tables.append(gpd.GeoDataFrame(table, geometry=shapely.points(moved), crs=32616))
        answer.update(zip(names, range(len(at)), strict=True))
    lines = gpd.GeoDataFrame({"reach_id": ["none"]}, geometry=[shapely.LineString([(0, 0), (1, 0)])], crs=32616)
    ours = made.pair_scores(groups(register(tables, build_network(lines))), answer)[2]
    return round(ours, 4), round(made.best_radius(tables, answer)[1], 4)


def speed(sightings: int) -> dict[str, float | int]:
    """Return how long it takes to register this many sightings, from tables to outfalls with reasons and places."""
    count = int(sightings / PER_OUTFALL)
    tables, answer = made.see(made.plant(count, seed=1), 1)
    network = build_network(made.make_rivers(count))
    start, cpu = time.perf_counter(), time.process_time()
    register(tables, network)
    took, used = time.perf_counter() - start, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"match_100k_n": len(answer), "match_100k_wall_s": round(took, 2), "match_100k_cpu_s": round(used, 2), "match_100k_peak_mb": round(peak)}  # fmt: skip


def splink(seeds: tuple[int, ...]) -> float | None:
    """Return the mean pair F1 of Splink's clusters, None where it is not installed."""
    python = os.environ.get("OUTFALL_SPLINK_PYTHON", "")
    if not python or not Path(python).exists():
        return None
    scores = []
    for seed in seeds:
        tables, answer = made.see(made.plant(seed=seed), seed)
        every = pd.concat(tables, ignore_index=True).to_crs(4490)
        plain = pd.DataFrame(every.drop(columns="geometry")).assign(lon=every.geometry.x, lat=every.geometry.y)
        with tempfile.TemporaryDirectory() as folder:
            plain.to_csv(Path(folder) / "in.csv", index=False)
            subprocess.run([python, str(SPLINK), folder], check=True, capture_output=True)
            found = pd.read_csv(Path(folder) / "out.csv")
        parts = [[list(group) for _, group in part.groupby("cluster_id")["sighting_id"]] for _, part in found.groupby("threshold")]  # fmt: skip
        scores.append(max(made.pair_scores(part, answer)[2] for part in parts))
    return round(float(np.mean(scores)), 4)


def measure(*, quick: bool) -> dict[str, float | int | bool | None]:
    """Return the figures; ``match_100k_is_scaled`` says whether the time is one of fewer sightings times their number."""
    seeds = SEEDS[:1] if quick else SEEDS
    ours, radius, shares = rivers(seeds)
    half, twice = (rivers(seeds[:5], stated_times=times, count=400 if quick else 1600)[0] for times in (0.5, 2.0))
    fast = speed(12_000 if quick else 100_000)
    most = 600 if quick else 10_000
    surveyed = {sigma: uky(sigma, 1, most=most) for sigma in (3.0, 15.0)}
    return {
        "match_seeds": len(seeds),
        "match_f1": _mean(ours),
        "match_f1_worst": round(min(ours), 4),
        "match_f1_sigma2x": min(_mean(half), _mean(twice)),
        "match_sigma_seeds": len(half),
        "match_radius_f1": _mean(radius),
        "match_splink_f1": None if quick else splink(seeds[:3]),
        "match_100k_s": round(fast["match_100k_wall_s"] * 100_000 / fast["match_100k_n"], 2),
        "match_100k_is_scaled": quick,
        **fast,
        "match_uky_f1_3m": surveyed[3.0][0],
        "match_uky_radius_f1_3m": surveyed[3.0][1],
        "match_uky_f1_15m": surveyed[15.0][0],
        "match_uky_radius_f1_15m": surveyed[15.0][1],
        "match_uky_structures": most if quick else 3189,
        "match_share_error": reliability(shares)[0],
    }


def _mean(values: list[float]) -> float:
    return round(float(np.mean(values)), 4)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    print(json.dumps(measure(quick=parser.parse_args().quick), indent=1))
