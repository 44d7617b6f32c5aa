"""How many discharging outfalls does a tow find, and how often does it suspect one where none is.

A release is *detectable* where its plume, on the line of the boat, exceeds DETECTABLE times the noise of a single
reading in at least one sensor. The plumes are those the simulator adds; the noise is what it adds, as stated in its
settings. A sighting is right where a release lies within max(2 sigma_m, 50 m) of it; each release is given to one
sighting only, so that two releases seen as one step count as one found and one missed. A sighting with no release of
any strength within max(3 sigma_m, 75 m) is a false suspicion. Weak releases are many, so that this lets chance
explain some; the upper bound, every sighting that is not a detectable release's, is printed beside it (unmatched).
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment

from outfall.simulate import _boat as simulated
from outfall.simulate._data import errors, tracers
from outfall.simulate._draw import build_scenery
from outfall.survey import read_boat

DETECTABLE = 5.0
FALSE_PER_10KM = 1.0
_HEADINGS = ["时间", "经度", "纬度", "水温(℃)", "电导率(µS/cm)", "浊度(NTU)", "溶解氧(mg/L)", "氨氮(mg/L)"]
_METRES = 111_320.0


def noise_of_sensors() -> dict[str, float]:
    """Return the standard deviation of one reading of each sensor, as the simulator states or draws it."""
    said = errors()
    return {
        "temperature": 0.03, "conductivity": said["boat_conductivity_sigma"],
        "turbidity": said["boat_turbidity_sigma_ntu"], "dissolved_oxygen": 0.05,
        "ammonia": said["boat_ammonia_sigma_mgl"],
    }  # fmt: skip


def releases(scenery) -> pd.DataFrame:
    """Return every release the tow passes, once for each bank line: place and highest excess over noise."""
    at = {t["parameter"]: i for i, t in enumerate(tracers())}
    noise = noise_of_sensors()
    natural = scenery.natural["M0"]
    rows = []
    for is_left in (True, False):
        track = simulated._track(scenery, is_left=is_left)
        s, begin = track["s"].to_numpy(), track.groupby("line_id")["s"].min().to_dict()
        for number, (river_id, along, side, flow, concentration) in enumerate(simulated._releases(scenery)):
            if river_id not in begin:
                continue
            line = scenery.sketch.lines[river_id]
            off = simulated._OFF_BANK_M if (side == "left") == is_left else line.width_m - simulated._OFF_BANK_M
            shape = simulated.plume(
                flow, s - (begin[river_id] + along), off, speed_ms=line.velocity_ms, depth_m=line.depth_m, width_m=line.width_m
            )  # fmt: skip
            top = float(shape.max()) * (concentration - natural)
            excess = {
                "temperature": top[at["temperature"]], "conductivity": top[at["conductivity"]],
                "turbidity": 0.6 * top[at["suspended_solids"]], "ammonia": top[at["ammonia"]],
                "dissolved_oxygen": -0.35 * top[at["ammonia"]] - 0.01 * top[at["cod"]],
            }  # fmt: skip
            here = begin[river_id] + along
            point = np.array([[np.interp(here, s, track[axis]) for axis in ("u", "v")]])
            lon, lat = scenery.lonlat(point, error_m=np.zeros((1, 2)))[0]
            strength = max(abs(value) / noise[name] for name, value in excess.items())
            rows.append((number, side, (side == "left") == is_left, lon, lat, here, flow, strength))
    return pd.DataFrame(rows, columns=["release", "side", "is_near", "lon", "lat", "s", "flow_m3s", "strength"])


def distances(seen, there) -> np.ndarray:
    """Return metres between sightings and releases."""
    lat = np.radians(there["lat"].iloc[0])
    east = (seen.geometry.x.to_numpy()[:, None] - there["lon"].to_numpy()[None, :]) * _METRES * np.cos(lat)
    north = (seen.geometry.y.to_numpy()[:, None] - there["lat"].to_numpy()[None, :]) * _METRES
    return np.hypot(east, north)


def compare(seen, there) -> dict[str, object]:
    """Return found, missed and false of one town; places on either bank line count for a release."""
    best = there.groupby("release")["strength"].max()
    names = best.index.to_numpy()
    if len(seen) == 0:
        return {"strong": names[best >= DETECTABLE], "found": {}, "false": [], "strength": best, "apart": {}}
    every = distances(seen, there)
    gap = np.column_stack([every[:, (there["release"] == name).to_numpy()].min(axis=1) for name in names])
    sigma = seen["sigma_m"].to_numpy()
    is_ok = gap <= np.maximum(2 * sigma, 50.0)[:, None]
    # The strongest releases are given first; a release too weak to see takes no sighting from one that is not.
    worth = np.where(is_ok, 1.0 + 1.0 * (best.to_numpy() >= DETECTABLE)[None, :] + 0.5 * np.exp(-gap / 50.0), 0.0)
    rows, columns = linear_sum_assignment(-worth)
    found = {names[c]: int(r) for r, c in zip(rows, columns, strict=True) if is_ok[r, c]}
    is_false = gap.min(axis=1) > np.maximum(3 * sigma, 75.0)
    apart = {name: float(gap[row, list(names).index(name)]) for name, row in found.items()}
    return {
        "strong": names[(best >= DETECTABLE).to_numpy()], "found": found, "false": np.flatnonzero(is_false).tolist(),
        "strength": best, "apart": apart,
    }  # fmt: skip


def one_town(seed: int, folder: Path, *, rate: float = FALSE_PER_10KM) -> dict[str, object]:
    """Return what a tow through one town found, read from a file as a team would hand it in."""
    scenery = build_scenery(seed)
    boat = simulated.tow(scenery)
    there = releases(scenery)
    frame = boat.assign(seen_at=boat["seen_at"].map(lambda at: at.isoformat()))
    frame.columns = pd.Index(_HEADINGS)
    file = folder / f"tow_{seed}.csv"
    frame.to_csv(file, index=False, encoding="utf-8-sig")
    start = time.perf_counter()
    seen = read_boat(file, crs=4490, false_per_10km=rate)
    took = time.perf_counter() - start
    east = np.diff(boat["lon"]) * _METRES * np.cos(np.radians(boat["lat"].iloc[0]))
    km = float(np.hypot(east, np.diff(boat["lat"]) * _METRES).sum()) / 1000
    return {"seen": seen, "there": there, "km": km, "took": took, **compare(seen, there)}


def measure(*, quick: bool, seeds: range | None = None) -> dict[str, float | int | bool | None]:
    """Return the keys of the benchmark."""
    seeds = seeds or (range(1, 3) if quick else range(1, 31))
    with tempfile.TemporaryDirectory() as name:
        towns = [one_town(seed, Path(name)) for seed in seeds]
    strong = sum(len(town["strong"]) for town in towns)
    hit = sum(sum(one in town["found"] for one in town["strong"]) for town in towns)
    false, km = sum(len(town["false"]) for town in towns), sum(town["km"] for town in towns)
    z = np.concatenate(
        [[town["apart"][n] / town["seen"]["sigma_m"].iloc[r] for n, r in town["found"].items()] for town in towns]
    )
    apart = np.concatenate([list(town["apart"].values()) for town in towns])
    noise = noise_of_sensors()
    return {
        "boat_recall": hit / max(strong, 1),
        "boat_false_per_10km": false / km * 10,
        "boat_towns": len(towns),
        "boat_km": round(km, 1),
        "boat_detectable": strong,
        "boat_found": hit,
        "boat_missed": strong - hit,
        "boat_false": false,
        "boat_unmatched_per_10km": (sum(len(town["seen"]) for town in towns) - hit) / km * 10,
        "boat_sightings": sum(len(town["seen"]) for town in towns),
        "boat_detectable_sigmas": DETECTABLE,
        "boat_stated_false_per_10km": FALSE_PER_10KM,
        "boat_off_m_median": float(np.median(apart)),
        "boat_within_2_sigma_share": float(np.mean(z <= 2)),
        "boat_read_s": float(np.median([town["took"] for town in towns])),
        **{f"boat_noise_{name}": value for name, value in noise.items()},
    }  # fmt: skip


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true")
    options.add_argument("--json", type=Path)
    given = options.parse_args()
    found = measure(quick=given.quick)
    print(json.dumps(found, indent=1))
    if given.json:
        given.json.write_text(json.dumps(found, indent=1), encoding="utf-8")
