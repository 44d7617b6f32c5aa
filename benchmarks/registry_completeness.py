"""Measure whether the interval of the outfalls still unfound holds the truth, and how fast a province is covered.

Two kinds of truth. Towns of the simulator: a flight and a walk are registered; then people settle every
suspicion that rests on one platform (they go there, and see what is there), as the third level of a survey does.
Planted surveys: 2 to 4 platforms, 60 to 1,200 outfalls whose visibility differs by a logit spread of 0 to 1.2, platforms
that see 35 to 95 % of what lies where they looked, and banks some of them never looked at.
"""

from __future__ import annotations

import time

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from outfall.survey.completeness import estimate_unfound
from outfall.survey.coverage import find_coverage

FIRST_SEED, TOWNS, PLANTED = 1, 200, 200


def measure(*, quick: bool) -> dict[str, float | int | bool | None]:
    """Return the figures of this part."""
    towns = [town_cover(seed) for seed in range(FIRST_SEED, FIRST_SEED + (3 if quick else TOWNS))]
    planted = [planted_cover(seed) for seed in range(FIRST_SEED, FIRST_SEED + (40 if quick else PLANTED))]
    return {
        "completeness_cover_towns": float(np.mean([row["is_inside"] for row in towns])),
        "completeness_towns": len(towns),
        "completeness_width": float(np.mean([row["width"] for row in towns])),
        "completeness_cover": float(np.mean([row["is_inside"] for row in planted])),
        "completeness_planted": len(planted),
        "completeness_planted_width_share": float(np.mean([row["width"] / row["truth"] for row in planted])),
        **coverage_speed(20_000 if quick else 100_000),
    }


def town_cover(seed: int) -> dict[str, float]:
    """Return whether the interval of one town holds its number of outfalls."""
    from outfall.network import build_network
    from outfall.registry import register
    from outfall.simulate import make_town

    town = make_town(seed)
    network = build_network(town.rivers.drop(columns="velocity_ms"), pipes=town.pipes)
    seen = [_sightings(town.drone, "drone"), _sightings(town.walk, "foot")]
    outfalls = register(seen, network)
    thing = {row.sighting_id: row.mouth_id for table in (town.drone, town.walk) for row in table.itertuples()}
    settled = _settle(outfalls, thing)
    answer = estimate_unfound(settled).iloc[0]
    truth = len(town.outfalls_true)
    return {
        "truth": truth,
        "is_inside": float(answer["total_low"] <= truth <= answer["total_high"]),
        "width": float(answer["total_high"] - answer["total_low"]),
        "below": float(truth < answer["total_low"]),
        "found": float(answer["found"]),
    }


def _settle(outfalls: pd.DataFrame, thing: dict[str, str]) -> pd.DataFrame:
    """Return the outfalls after somebody went to each: one row per thing, what is nothing rejected."""
    rows: dict[str, set[str]] = {}
    rejected = 0
    for ids, platforms in outfalls[["sighting_ids", "platforms"]].itertuples(index=False):
        things = {thing[one] for one in ids.split(";") if thing.get(one)}
        rejected += not things
        for one in things:
            rows.setdefault(one, set()).update(platforms.split(";"))
    names = [";".join(sorted(found)) for found in rows.values()]
    statuses = ["confirmed"] * len(names) + ["rejected"] * rejected
    return pd.DataFrame({"platforms": [*names, *(["drone"] * rejected)], "status": statuses})


def _sightings(table: pd.DataFrame, platform: str) -> gpd.GeoDataFrame:
    from outfall.coordinates import to_points
    from outfall.tables import check

    plain = table.drop(columns="mouth_id").assign(platform=platform)
    plain["source_ref"] = [f"{platform}#{row}" for row in range(2, len(plain) + 2)]
    return check(to_points(plain, crs=4490, where=platform), "sightings")


def planted_cover(seed: int) -> dict[str, float]:
    """Return whether the interval of one planted survey holds its truth, banks nobody looked at included."""
    rng = np.random.default_rng([seed, 7])
    names = ["boat", "drone", "foot", "radar"][: int(rng.integers(2, 5))]
    segments = 40
    bank = gpd.GeoDataFrame(
        {"segment_id": [f"S{at}" for at in range(segments)]},
        geometry=shapely.linestrings([[(2000.0 * at, 0.0), (2000.0 * at + 1000.0, 0.0)] for at in range(segments)]),
        crs=32650,
    )
    is_whole = rng.random() < 0.5
    looked = np.ones((segments, len(names)), bool) if is_whole else rng.random((segments, len(names))) < 0.8
    density = rng.gamma(1 / 0.3**2, 0.3**2 * rng.uniform(1.5, 30), size=segments)
    home = np.repeat(np.arange(segments), rng.poisson(density))
    logit = rng.uniform(-0.6, 3.0, len(names)) + rng.uniform(0, 1.2) * rng.standard_normal((len(home), 1))
    seen = (rng.random((len(home), len(names))) < 1 / (1 + np.exp(-logit))) & looked[home]
    kept = seen.any(axis=1)
    points = shapely.points(2000.0 * home[kept] + rng.uniform(0, 1000, kept.sum()), 3.0)
    outfalls = gpd.GeoDataFrame(
        {"platforms": [";".join(np.array(names)[row]) for row in seen[kept]], "status": "confirmed"},
        geometry=points,
        crs=32650,
    )
    row, column = np.nonzero(looked)
    coverage = pd.DataFrame(
        {"segment_id": [f"S{at}" for at in row], "platform": np.array(names)[column], "seen_share": 1.0}
    )
    answer = estimate_unfound(outfalls, segments=bank, coverage=coverage).iloc[0]
    low, high = float(answer["total_low"]), float(answer["total_high"])
    return {
        "truth": len(home),
        "is_inside": float(low <= len(home) <= high),
        "width": high - low,
        "below": float(len(home) < low),
    }


def coverage_speed(segments: int) -> dict[str, float]:
    """Return the seconds for a flight, a walk and a tow along segments of 500 m."""
    rows = segments // 100
    start = np.arange(segments) % 100 * 500.0
    north = np.arange(segments) // 100 * 500.0
    ends = np.stack([np.column_stack([start, north]), np.column_stack([start + 500, north])], axis=1)
    bank = gpd.GeoDataFrame(
        {"segment_id": np.arange(segments).astype(str)}, geometry=shapely.linestrings(ends), crs=32650
    )
    tracks = [np.column_stack([np.arange(0, 50_000, 20.0), np.full(2500, 500.0 * at + 8)]) for at in range(rows)]
    squares = shapely.box(start, north - 40, start + 130, north + 60)
    looks = gpd.GeoDataFrame(
        {
            "platform": ["foot"] * (rows // 2) + ["boat"] * (rows - rows // 2) + ["drone"] * segments,
            "survey_id": ["walk"] * (rows // 2) + ["tow"] * (rows - rows // 2) + ["flight"] * segments,
        },
        geometry=[*shapely.linestrings(np.array(tracks)), *squares],
        crs=32650,
    )
    begin = time.process_time()
    seen = find_coverage(bank, looks, cell_m=25.0)
    seconds = time.process_time() - begin
    drone_km = float(seen.loc[seen["platform"] == "drone", "seen_m"].sum()) / 1000
    return {"coverage_segments": segments, "coverage_s": seconds, "coverage_drone_km": drone_km}


if __name__ == "__main__":
    import sys

    for name, value in measure(quick="--quick" in sys.argv).items():
        print(f"{name:36} {value}")
