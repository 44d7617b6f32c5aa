"""How far off is what drone pictures say, how well are boxes merged, and what does an index of many photos take."""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import re
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
from scipy.spatial.transform import Rotation

from outfall.camera import index_photos, look_at, read_lens, read_photos
from outfall.camera.lens import find_slopes
from outfall.camera.surface import meet_surface
from outfall.survey import calibrate_scores, compare_boxes, merge_frames, place_boxes, sight_boxes

GEOD = pyproj.Geod(ellps="WGS84")
ROOT = Path(__file__).resolve().parents[1]
COVER_SIGMAS = 2.4477
REPORTED = range(1, 51)


def measure(*, quick: bool) -> dict[str, float | int | bool | str | None]:
    """Return offsets on real frames, merging on made flights, calibration in made basins, speed and memory of the index."""
    data = Path(os.environ.get("OUTFALL_DATA", ROOT.parent / "shared" / "data")) / "remote"
    return {
        **measure_frames(data / "drone_rtk"),
        **measure_merging(REPORTED[: 3 if quick else 50]),
        **measure_scores(REPORTED[: 3 if quick else 50]),
        **measure_index(data / "drone_beach", (100, 300) if quick else (5_000, 20_000)),
    }


def measure_frames(folder: Path) -> dict[str, float | int | str | None]:
    """Return where the middle of each picture lies, and how far corners of boxes are from the solution of ODM."""
    keys = ("center_offset_m", "center_least_m", "center_most_m", "corner_median_m", "corner_p90_m", "corner_max_m",
            "corner_covered_share")  # fmt: skip
    if not folder.is_dir():
        why = {"drone_why": f"no real frames: {folder.name} is missing beside the repository"}
        return {**{f"drone_{key}": None for key in keys}, **why}
    photos, dsm = read_photos(folder / "images", tz="Asia/Taipei"), folder / "odm_dem" / "dsm.tif"
    middle = look_at(photos, surface=dsm)
    off, inside = [], []
    for row in range(len(photos)):
        photo = photos.iloc[[row]]
        width, height = float(photo["width_px"].iloc[0]), float(photo["height_px"].iloc[0])
        centres = [(width * a, height * b) for a in (0.2, 0.5, 0.8) for b in (0.3, 0.5, 0.8)]
        corners = [(col + dx, line + dy) for col, line in centres for dx in (-20, 20) for dy in (-15, 15)]
        pixels = pd.DataFrame(corners, columns=["col_px", "row_px"])
        many = gpd.GeoDataFrame(photos.iloc[[row] * len(pixels)].reset_index(drop=True), crs=photos.crs)
        seen = look_at(many, surface=dsm, pixels=pixels)
        lon, lat = solve_pixels(folder, str(photo["file"].iloc[0]), pixels, (width, height))
        azimuth, _, apart = GEOD.inv(seen.geometry.x.to_numpy(), seen.geometry.y.to_numpy(), lon, lat)
        turn = np.radians(azimuth - seen["major_azimuth_deg"].to_numpy())
        sigmas = np.hypot(apart * np.cos(turn) / seen["sigma_major_m"], apart * np.sin(turn) / seen["sigma_minor_m"])
        good = np.isfinite(apart)
        off += list(apart[good])
        inside += list(sigmas[good] <= COVER_SIGMAS)
    away = middle["distance_m"]
    spread = (np.median(off), np.quantile(off, 0.9), np.max(off), np.mean(inside))
    values = (away.median(), away.min(), away.max(), *spread)
    named = {f"drone_{key}": round(float(value), 3) for key, value in zip(keys, values, strict=True)}
    return {**named, "drone_corners": len(off), "drone_why": "measured on four real frames"}


def solve_pixels(folder: Path, file: str, pixels: pd.DataFrame, size: tuple[float, float]):
    """Return lon and lat of pixels by the reconstruction of ODM: its pose, its lens, its surface."""
    held = json.loads((folder / "opensfm" / "reconstruction.json").read_text(encoding="utf-8"))[0]
    to_grid = pyproj.Transformer.from_crs(4326, 32651, always_xy=True)
    origin = np.array(to_grid.transform(held["reference_lla"]["longitude"], held["reference_lla"]["latitude"]))
    count = len(pixels)
    lens = np.repeat([read_lens(folder / "opensfm" / "reconstruction.json")], count, axis=0)
    sizes = tuple(np.full(count, side) for side in size)
    right, up = find_slopes(lens, pixels["col_px"].to_numpy(float), pixels["row_px"].to_numpy(float), sizes)
    shot = held["shots"][Path(file).stem]
    turn = Rotation.from_rotvec(shot["rotation"]).as_matrix()
    place = -turn.T @ np.array(shot["translation"])
    lon, lat = to_grid.transform(*(origin + place[:2]), direction="INVERSE")
    ray = turn.T @ np.array([right, -up, np.ones(count)])
    north = pyproj.Proj(32651).get_factors(lon, lat).meridian_convergence
    azimuth, flat = np.degrees(np.arctan2(ray[0], ray[1])) + north, np.hypot(ray[0], ray[1])
    true = np.array([flat * np.sin(np.radians(azimuth)), flat * np.cos(np.radians(azimuth)), ray[2]])
    camera = tuple(np.full(count, value) for value in (lon, lat, place[2]))
    height = meet_surface(folder / "odm_dem" / "dsm.tif", camera, true).height_m
    return GEOD.fwd(*camera[:2], azimuth, height * flat / -ray[2])[:2]


def measure_merging(seeds) -> dict[str, float | int]:
    """Return precision and recall of the pairs of boxes that are joined, and of the things found, on made flights."""
    flights = _load("tests/survey/flights.py")
    found: dict[str, float | int] = {"drone_flights": len(seeds)}
    for name, options in (("", {}), ("_gnss", {"sigma_m": 3.0})):
        shares, aps = [], []
        for seed in seeds:
            photos, boxes, truth, thing = flights.make_flight(seed, **options)
            seen = sight_boxes(place_boxes(boxes, photos, surface={"surface": 0.0, "sigmas": {"surface_m": 0.0}}))
            merged = merge_frames(seen)
            groups = [
                sorted(int(part) - 1 for part in re.findall(r"boxes\.json#(\d+)", ref)) for ref in merged["source_ref"]
            ]
            true = flights.links([np.flatnonzero(thing == one).tolist() for one in sorted(set(thing) - {-1})])
            got = flights.links(groups)
            shares.append((len(got & true) / len(got), len(got & true) / len(true), len(merged) / len(truth)))
            told = compare_boxes(merged, truth, within_m=5.0).iloc[-1]
            aps.append((told["recall_share"], told["ap_share"]))
        mean, things = np.mean(shares, axis=0), np.mean(aps, axis=0)
        found |= {
            f"drone_merge{name}_precision": round(float(mean[0]), 4),
            f"drone_merge{name}_recall": round(float(mean[1]), 4),
            f"drone_things{name}_recall_5m": round(float(things[0]), 4),
            f"drone_things{name}_ap_5m": round(float(things[1]), 4),
        }
    return found


def measure_scores(seeds) -> dict[str, float]:
    """Return how far probabilities are from what came true: raw scores, our own basin, and a basin nobody checked."""
    raw, own, other = [], [], []
    for seed in seeds:
        rng = np.random.default_rng(seed)
        power = rng.uniform(0.4, 4.0, 2)
        tables = [_basin(rng, 300, power[0], "a"), _basin(rng, 300, power[1], "b"), _basin(rng, 4000, power[0], "a")]
        known = calibrate_scores(pd.concat(tables[:2], ignore_index=True))
        new = tables[2]
        for said, held in (
            (new["score"], raw),
            (known.apply(new["score"], basins="a")["share"], own),
            (known.apply(new["score"], basins="b")["share"], other),
        ):
            held.append(_off(said, new["is_real"]))
    names = ("drone_score_raw_off", "drone_score_calibrated_off", "drone_score_wrong_basin_off")
    return {name: round(float(np.mean(part)), 4) for name, part in zip(names, (raw, own, other), strict=True)}


def _basin(rng, count, power, name):
    score = rng.uniform(0.05, 1, count)
    return pd.DataFrame({"score": score, "is_real": rng.uniform(size=count) < score**power, "basin": name})


def _off(said, real) -> float:
    kept = said.notna()
    group = pd.qcut(said[kept].rank(method="first"), 10, labels=False)
    told = pd.DataFrame({"said": said[kept], "true": real[kept].astype(float)}).groupby(group).mean()
    return float((told["said"] - told["true"]).abs().mean())


def measure_index(beach: Path, counts: tuple[int, int], *, is_linked: bool = False) -> dict[str, float | int | str]:
    """Return photos per CPU second, and how many MB the peak of memory grows between two numbers of photos.

    Photos are heads (256 KiB) of real frames where they are at hand, with their end mark; 999 in a folder, as cameras
    do it. Written anew for each, or hard links to a few (``is_linked``).
    """
    heads, kind = _heads(beach)
    heads *= 3  # a file has 65,000 hard links at most
    with tempfile.TemporaryDirectory() as held:
        home = Path(held)
        for number, raw in enumerate(heads):
            (home / f"head{number}.jpg").write_bytes(raw)
        peaks, rates, again = [], [], 0.0
        made = 0
        for count in counts:
            for number in range(made, count):
                folder = home / "in" / f"{100 + number // 999}MEDIA"
                folder.mkdir(parents=True, exist_ok=True)
                file, which = folder / f"DJI_{number % 999:04d}.JPG", number % len(heads)
                if is_linked or count > 2000:
                    file.hardlink_to(home / f"head{which}.jpg") if number % 900 else file.write_bytes(heads[which])
                else:
                    file.write_bytes(heads[which])
            made = count
            begun = time.process_time()
            index_photos(home / "in", to=home / f"{count}.csv", tz="UTC")
            rates.append(count / (time.process_time() - begun))
            some = time.process_time()
            index_photos(home / "in", to=home / f"{count}.csv", tz="UTC")
            again = time.process_time() - some
            peaks.append(_peak(home / "in", home / f"{count}b.csv"))
    return {
        "photos_per_s": round(rates[-1], 1),
        "photo_index_mb_flat": round((peaks[-1] - peaks[0]) / 1e6, 3),
        "photo_index_peak_mb": round(peaks[-1] / 1e6, 3),
        "photo_index_photos": counts[-1],
        "photo_index_of": kind,
        "photo_index_again_s": round(again, 2),
        "photo_200k_min": round(200_000 / rates[-1] / 60, 2),
    }


def _peak(folder: Path, target: Path) -> int:
    """Return the peak of traced memory of an index made anew; tracing slows it, so that it is not timed."""
    tracemalloc.start()
    index_photos(folder, to=target, tz="UTC")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def _heads(beach: Path) -> tuple[list[bytes], str]:
    if beach.is_dir():
        return [
            file.read_bytes()[:262_142] + b"\xff\xd9" for file in sorted(beach.glob("*.JPG"))
        ], "heads of real frames"
    import io

    from PIL import Image

    exif = Image.Exif()
    gps = exif.get_ifd(0x8825)
    gps[1], gps[2], gps[3], gps[4] = "N", (30.0, 36.0, 0.0), "E", (114.0, 18.0, 0.0)
    out = io.BytesIO()
    Image.new("RGB", (64, 48)).save(out, "JPEG", exif=exif)
    return [out.getvalue()], "small made photos; real frames are missing"


def _load(path: str):
    sys.path.insert(0, str(ROOT))
    spec = importlib.util.spec_from_file_location("flights", ROOT / path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--photos", type=int, help="index this many hard links only")
    asked = parser.parse_args()
    if asked.photos:
        beach = Path(os.environ.get("OUTFALL_DATA", ROOT.parent / "shared" / "data")) / "remote" / "drone_beach"
        told = measure_index(beach, (asked.photos // 4, asked.photos), is_linked=True)
    else:
        told = measure(quick=asked.quick)
    for key, value in told.items():
        print(f"{key}: {value}")
