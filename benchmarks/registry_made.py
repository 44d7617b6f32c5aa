"""Invented outfalls on several rivers, and what five platforms would see of them: the data the matcher is measured on.

    python benchmarks/registry_made.py [--seed N]

prints every assumption and what it makes of one seed. Nothing here is read by the matcher. Written before it, and set so
that the best single radius (chosen with the truth in hand) reaches a pair F1 of about 0.74 (0.73 on average over seeds 1000 to 1002). Seeds from 1000 are for
tuning; seeds 1 to 20 are for reports.

What makes it hard: towns where outfalls stand close at random, companions 3 to 8 m away (half of them of the same class),
mouths facing each other across brooks of 8 m, flights and tows that lie metres off as a whole, stated sigmas that are
only roughly right, one position in thirty three times worse than it says, wrong words, walks that write a thing down
twice, and clutter that is no outfall.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict, dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

CRS = 4547
EAST, NORTH = 500_000.0, 3_400_000.0


@dataclass(frozen=True)
class Look:
    """What one platform does in one round.

    ``precise_share`` of its positions have ``precise_m`` as their true sigma, the others ``coarse_m``; ``bias_m`` is the
    sigma of the offset each survey (platform, round, river) has as a whole; ``found_share`` is how often it sees an
    outfall that is there; ``clutter_share`` is how many of its sightings are no outfall; ``twice_share`` is how often it
    writes one thing down twice; ``wrong_share`` of its words are wrong; ``says`` is how often it says each attribute.
    """

    platform: str
    rounds: int
    rivers: str
    found_share: float
    precise_share: float
    precise_m: float
    coarse_m: float
    bias_m: float
    clutter_share: float
    twice_share: float
    wrong_share: float
    says: dict[str, float]


LOOKS = (
    Look("drone", 2, "all", 0.48, 0.6, 0.8, 1.8, 1.6, 0.06, 0.0, 0.10, {"side": 0.95, "outfall_shape": 0.85, "outfall_class": 0.3, "is_discharging": 0.8, "diameter_mm": 0.5, "colour": 0.5}),
    Look("boat", 1, "wide", 0.40, 0.3, 3.0, 4.5, 2.2, 0.08, 0.0, 0.12, {"side": 0.98, "outfall_shape": 0.7, "outfall_class": 0.3, "is_discharging": 0.8, "diameter_mm": 0.2, "colour": 0.5}),
    Look("crawler", 1, "narrow", 0.35, 1.0, 1.0, 1.0, 0.8, 0.02, 0.0, 0.04, {"side": 0.6, "outfall_shape": 0.9, "outfall_class": 0.3, "is_discharging": 0.7, "diameter_mm": 0.95, "colour": 0.2}),
    Look("foot", 2, "all", 0.50, 0.3, 1.5, 3.2, 1.0, 0.03, 0.03, 0.05, {"side": 0.95, "outfall_shape": 0.95, "outfall_class": 0.9, "is_discharging": 0.95, "diameter_mm": 0.7, "colour": 0.7, "code": 0.8}),
    Look("radar", 1, "narrow", 0.25, 1.0, 1.2, 1.2, 1.2, 0.10, 0.0, 0.10, {"side": 0.8, "diameter_mm": 0.8}),
)  # fmt: skip
# length of the river in metres per outfall, its width, its winding (amplitude, wave length), which looks reach it
RIVERS = (
    ("A", 70.0, 60.0, (300.0, 9000.0), "wide"),
    ("B", 65.0, 25.0, (200.0, 5000.0), "wide"),
    ("C", 50.0, 12.0, (120.0, 2500.0), "narrow"),
    ("D", 40.0, 8.0, (60.0, 1500.0), "narrow"),
    ("E", 90.0, 8.0, (40.0, 900.0), "narrow"),
)
TOWN_SHARE, TOWN_GAP_M = 0.5, 40.0  # half of all stretches are towns, where outfalls stand 40 m apart on average
COMPANION_SHARE, COMPANION_M, ALIKE_SHARE = 0.12, (3.0, 8.0), 0.5
FACING_SHARE = 0.08  # a mouth right across the water
BANK_M = 1.0  # how far mouths stray from the line of the bank
STRAY_SHARE, STRAY_TIMES = 0.03, 3.0
STATED_LOG_SIGMA = 0.25  # a stated sigma is the true one times exp of this normal
DIAMETER_LOG_SIGMA = 0.12
CHANGED_SHARE = 0.2  # of outfalls discharge, or look, different from one round to the next
SIGN_SHARE, MISREAD_SHARE = 0.08, 0.04
WORDS = {
    "side": (["left", "right"], [0.5, 0.5]),
    "outfall_shape": (["pipe", "open_channel", "box_culvert", "submerged", "sluice"], [0.55, 0.18, 0.15, 0.07, 0.05]),
    "outfall_class": (
        ["oth.urban_storm", "oth.urban_domestic", "ind.enterprise", "oth.rural_domestic", "wwtp.urban"],
        [0.4, 0.25, 0.15, 0.15, 0.05],
    ),
    "is_discharging": ([True, False], [0.55, 0.45]),
    "diameter_mm": ([200, 300, 400, 500, 600, 800, 1000, 1200, 1500], [0.1, 0.2, 0.15, 0.1, 0.15, 0.1, 0.1, 0.05, 0.05]),
    "colour": (["clear", "grey", "black", "brown", "green"], [0.4, 0.25, 0.1, 0.15, 0.1]),
}  # fmt: skip


def make_rivers(count: int = 1600) -> gpd.GeoDataFrame:
    """Return the lines of the rivers, long enough for ``count`` outfalls; they run side by side, 3 km apart."""
    lines = []
    for number, (_, gap_m, _, (high, wave), _) in enumerate(RIVERS):
        along = np.arange(-300.0, count / len(RIVERS) * gap_m * 3.0 + 2000.0, 20.0)
        lines.append(
            shapely.LineString(
                np.column_stack([EAST + along, NORTH + 3000.0 * number + high * np.sin(2 * np.pi * along / wave)])
            )
        )
    names = [name for name, *_ in RIVERS]
    return gpd.GeoDataFrame({"reach_id": names, "name": [f"River {name}" for name in names]}, geometry=lines, crs=CRS)


def plant(count: int = 1600, seed: int = 1000) -> pd.DataFrame:
    """Return ``count`` true outfalls (1,600 of which about 1,500 are ever seen): river, east, north, side and what each is like."""
    rng = np.random.default_rng([seed, 1])
    parts = []
    for number, (name, gap_m, width_m, (high, wave), _) in enumerate(RIVERS):
        size = count // len(RIVERS) + (number < count % len(RIVERS))
        along, side, companion = _stand(size, gap_m, rng)
        across = np.where(side == "left", 0.5, -0.5) * width_m + rng.normal(0.0, BANK_M, size)
        slope = np.arctan(high * 2 * np.pi / wave * np.cos(2 * np.pi * along / wave))
        middle = high * np.sin(2 * np.pi * along / wave)
        part = pd.DataFrame({"river": name, "side": side})
        part["east"] = EAST + along - np.sin(slope) * across
        part["north"] = NORTH + 3000.0 * number + middle + np.cos(slope) * across
        for word in ("outfall_shape", "outfall_class", "is_discharging", "diameter_mm", "colour"):
            values = rng.choice(np.array(WORDS[word][0], dtype=object), size, p=WORDS[word][1])
            copied = companion & (rng.random(size) < ALIKE_SHARE) & (word in {"outfall_shape", "outfall_class"})
            part[word] = np.where(copied, np.roll(values, 1), values)
        parts.append(part)
    every = pd.concat(parts, ignore_index=True)
    signs = [f"{name}{number:04d}#" for number, name in enumerate(every["river"])]
    every["code"] = np.where(rng.random(len(every)) < SIGN_SHARE, signs, None)
    return every


def _stand(size: int, gap_m: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return along, side and whether it is the companion of the one before it, for the outfalls of one river."""
    along, side, companion = [], [], []
    at, town = 0.0, False
    while len(along) < size:
        if rng.random() < 0.05:
            town = rng.random() < TOWN_SHARE
        at += rng.exponential(TOWN_GAP_M if town else gap_m * 2.0)
        bank = "left" if rng.random() < 0.5 else "right"
        along.append(at)
        side.append(bank)
        companion.append(False)
        draw = rng.random()
        if draw < COMPANION_SHARE:
            at += rng.uniform(*COMPANION_M)
            along.append(at)
            side.append(bank)
            companion.append(True)
        elif draw < COMPANION_SHARE + FACING_SHARE:
            along.append(at + rng.normal(0.0, 2.0))
            side.append("right" if bank == "left" else "left")
            companion.append(False)
    return np.array(along[:size]), np.array(side[:size]), np.array(companion[:size])


def see(
    truth: pd.DataFrame, seed: int = 1000, *, stated_times: float = 1.0
) -> tuple[list[gpd.GeoDataFrame], dict[str, int]]:
    """Return the sightings of every survey, and the true outfall of each by sighting id; clutter has a number of its own."""
    rng = np.random.default_rng([seed, 2])
    kinds = {name: kind for name, _, _, _, kind in RIVERS}
    changed = {round_: rng.random(len(truth)) < CHANGED_SHARE for round_ in (1, 2)}
    tables, answer, clutter = [], {}, len(truth)
    for look in LOOKS:
        for round_ in range(1, look.rounds + 1):
            for river, width in kinds.items():
                if look.rivers not in {"all", width}:
                    continue
                there = np.flatnonzero((truth["river"] == river).to_numpy())
                rows = there[rng.random(len(there)) < look.found_share]
                rows = np.concatenate([rows, rows[rng.random(len(rows)) < look.twice_share]])
                false = rng.choice(there, round(len(rows) * look.clutter_share))
                table = _look(truth, look, rows, false, changed[round_], rng)
                survey = f"{look.platform}-{river}{round_}"
                ids = [f"{survey}-{number:04d}" for number in rng.permutation(len(table))]
                table["sighting_id"], table["survey_id"], table["platform"] = ids, survey, look.platform
                table["sigma_m"] *= stated_times
                table["source_ref"] = [f"{survey}.csv#{row}" for row in range(2, len(table) + 2)]
                things = [*rows.tolist(), *range(clutter, clutter + len(false))]
                clutter += len(false)
                answer.update(zip(ids, things, strict=True))
                tables.append(table)
    return tables, answer


def _look(truth, look, rows, false, changed, rng) -> gpd.GeoDataFrame:
    """Return what one survey writes down: true outfalls first, then clutter within 40 m of one."""
    every = np.concatenate([rows, false])
    count, real = len(every), np.arange(len(every)) < len(rows)
    seen = truth.iloc[every].reset_index(drop=True)
    away = np.where(real[:, None], 0.0, rng.normal(0.0, 20.0, (count, 2)))
    sigma = np.where(rng.random(count) < look.precise_share, look.precise_m, look.coarse_m)
    times = np.where(rng.random(count) < STRAY_SHARE, STRAY_TIMES, 1.0)
    bias = rng.normal(0.0, look.bias_m, 2)
    at = seen[["east", "north"]].to_numpy() + away + bias + rng.normal(0.0, 1.0, (count, 2)) * (sigma * times)[:, None]
    out = {"sigma_m": (sigma * np.exp(rng.normal(0.0, STATED_LOG_SIGMA, count))).round(2)}
    for word, (values, shares) in WORDS.items():
        drawn = rng.choice(np.array(values, dtype=object), count, p=shares)
        slip = rng.random(count) < look.wrong_share * (0.4 if word == "side" else 1.0)
        if word in {"is_discharging", "colour"}:
            slip |= changed[every]
        slip |= ~real & (word != "side")
        told = np.where(slip, drawn, seen[word].to_numpy(dtype=object))
        out[word] = np.where(rng.random(count) < look.says.get(word, 0.0), told, None)
    measured = pd.to_numeric(pd.Series(out["diameter_mm"], dtype="object"), errors="coerce").to_numpy(dtype=float)
    out["diameter_mm"] = (measured * np.exp(rng.normal(0.0, DIAMETER_LOG_SIGMA, count))).round()
    out["is_discharging"] = pd.array(out["is_discharging"], dtype="boolean")
    misread = rng.random(count) < MISREAD_SHARE
    codes = [code and (code[:-2] + str(rng.integers(10)) + "#" if bad else code) for code, bad in zip(seen["code"].astype("object").where(seen["code"].notna(), None), misread, strict=True)]  # fmt: skip
    out["code"] = np.where((rng.random(count) < look.says.get("code", 0.0)) & real, codes, None)
    return gpd.GeoDataFrame(pd.DataFrame(out), geometry=shapely.points(at), crs=CRS)


def pair_scores(groups: list[list[str]], answer: dict[str, int]) -> tuple[float, float, float]:
    """Return precision, recall and F1 over pairs of sightings."""
    group = {sighting: at for at, ids in enumerate(groups) for sighting in ids}
    frame = pd.DataFrame({"group": [group.get(sighting, -1 - at) for at, sighting in enumerate(answer)], "truth": list(answer.values())})  # fmt: skip
    pairs = lambda counts: int((counts * (counts - 1) // 2).sum())  # noqa: E731
    both = pairs(frame.groupby(["group", "truth"]).size())
    made, true = pairs(frame.groupby("group").size()), pairs(frame.groupby("truth").size())
    precision, recall = both / max(made, 1), both / max(true, 1)
    return precision, recall, 2 * precision * recall / max(precision + recall, 1e-9)


def radius_groups(tables: list[gpd.GeoDataFrame], radius_m: float) -> list[list[str]]:
    """Return what a fixed radius makes one thing: sightings joined by gaps up to it."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    points = np.concatenate([table.geometry.to_numpy() for table in tables])
    ids = np.concatenate([table["sighting_id"].to_numpy(dtype=object) for table in tables])
    one, two = shapely.STRtree(points).query(points, predicate="dwithin", distance=radius_m)
    _, part = connected_components(coo_matrix((np.ones(len(one)), (one, two)), shape=(len(ids),) * 2), directed=False)
    return [list(group) for _, group in pd.Series(ids).groupby(part)]


RADII_M = (1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 12.0, 15.0, 20.0)


def best_radius(tables: list[gpd.GeoDataFrame], answer: dict[str, int]) -> tuple[float, float]:
    """Return the best radius, with the truth in hand, and its pair F1."""
    found = [(pair_scores(radius_groups(tables, radius), answer)[2], radius) for radius in RADII_M]
    return max(found)[1], max(found)[0]


def assumptions() -> dict[str, object]:
    """Return everything the generator assumes."""
    names = ("TOWN_SHARE", "TOWN_GAP_M", "COMPANION_SHARE", "COMPANION_M", "ALIKE_SHARE", "FACING_SHARE", "BANK_M", "STRAY_SHARE", "STRAY_TIMES", "STATED_LOG_SIGMA", "DIAMETER_LOG_SIGMA", "CHANGED_SHARE", "SIGN_SHARE", "MISREAD_SHARE", "RIVERS")  # fmt: skip
    return {"looks": [asdict(look) for look in LOOKS]} | {name.lower(): globals()[name] for name in names}


def main() -> None:
    """Print the assumptions and what one seed looks like."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1000)
    seed = parser.parse_args().seed
    for name, value in assumptions().items():
        for line in value if name == "looks" else [value]:
            print(f"{name}: {line}")
    tables, answer = see(plant(seed=seed), seed)
    things = pd.Series(answer)
    print(
        f"seed {seed}: {len(things)} sightings, {things[things < 1600].nunique()} outfalls seen, {int((things >= 1600).sum())} clutter, {len(tables)} surveys"
    )
    print("best radius and its pair F1:", best_radius(tables, answer))


if __name__ == "__main__":
    main()
