"""Outfalls whose truth is known, and what several surveys would see of them: the generator behind the matching tests.

What it assumes is written here and nowhere read by the matcher: spacing, misses, sigmas, biases and how often
attributes are wrong.
"""

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

CRS = 4547
ORIGIN = np.array([500_000.0, 3_400_000.0])
SHAPES = (["pipe", "open_channel", "box_culvert", "submerged", "sluice"], [0.5, 0.2, 0.15, 0.1, 0.05])
CLASSES = (
    ["oth.urban_storm", "oth.urban_domestic", "ind.enterprise", "oth.rural_domestic", "wwtp.urban"],
    [0.4, 0.25, 0.15, 0.15, 0.05],
)
DIAMETERS = ([200, 300, 400, 600, 800, 1000, 1500], [0.1, 0.2, 0.2, 0.2, 0.15, 0.1, 0.05])
# platform, found share, true sigma, sigma the file says, bias of the survey, share of wrong words, share that says it
SURVEYS = [
    ("drone", "flight_1", 0.70, 3.0, 3.0, (2.5, -1.5), 0.10, 0.6),
    ("drone", "flight_2", 0.55, 3.0, 3.0, (-2.0, 2.0), 0.10, 0.6),
    ("foot", "walk", 0.75, 5.0, 5.0, (0.0, 0.0), 0.05, 0.9),
    ("satellite", "scene", 0.15, 10.0, 10.0, (6.0, 5.0), 0.2, 0.1),
    ("boat", "round", 0.30, 8.0, 8.0, (-3.0, -4.0), 0.15, 0.5),
]


def plant_outfalls(count, seed):
    """Return true outfalls on both banks of a winding river: a fifth of them stand within metres of another."""
    rng = np.random.default_rng(seed)
    along, side = [], []
    position = 0.0
    while len(along) < count:
        position += rng.exponential(80.0)
        for _ in range(1 + int(rng.random() < 0.2) + int(rng.random() < 0.05)):
            along.append(position)
            side.append("left" if rng.random() < 0.5 else "right")
            position += rng.uniform(4.0, 15.0)
    along, side = np.array(along[:count]), np.array(side[:count])
    east = along * 0.8
    north = 300.0 * np.sin(along / 1500.0) + np.where(side == "left", 15.0, -15.0)
    return pd.DataFrame(
        {
            "truth": np.arange(count),
            "east": ORIGIN[0] + east,
            "north": ORIGIN[1] + north,
            "side": side,
            "outfall_shape": rng.choice(SHAPES[0], count, p=SHAPES[1]),
            "outfall_class": rng.choice(CLASSES[0], count, p=CLASSES[1]),
            "diameter_mm": rng.choice(DIAMETERS[0], count, p=DIAMETERS[1]).astype(float),
        }
    )


def see_outfalls(truth, seed, *, surveys=SURVEYS, stated_times=1.0):
    """Return the sightings of each survey as a list of tables, and the truth by sighting id."""
    rng = np.random.default_rng(seed + 1)
    tables, answer = [], {}
    for platform, survey_id, found, sigma, stated, bias, wrong, says in surveys:
        seen = truth[rng.random(len(truth)) < found]
        count = len(seen)
        stray = np.where(rng.random(count) < 0.03, 3.0, 1.0)[:, None]
        at = seen[["east", "north"]].to_numpy() + np.array(bias) + rng.normal(0.0, sigma, (count, 2)) * stray
        ids = [f"{survey_id}-{number:04d}" for number in rng.permutation(count)]
        table = {"sighting_id": ids, "platform": platform, "survey_id": survey_id, "sigma_m": stated * stated_times}
        for name, words in (("outfall_shape", SHAPES), ("outfall_class", CLASSES)):
            slip = np.where(rng.random(count) < wrong, rng.choice(words[0], count), seen[name])
            table[name] = np.where(rng.random(count) < says, slip, None)
        other = np.where(seen["side"] == "left", "right", "left")
        table["side"] = np.where(
            rng.random(count) < says, np.where(rng.random(count) < wrong / 2, other, seen["side"]), None
        )
        measured = seen["diameter_mm"] * np.exp(rng.normal(0.0, 0.15, count))
        table["diameter_mm"] = np.where(rng.random(count) < says / 2, measured.round(), np.nan)
        table["source_ref"] = [f"{survey_id}.csv#{row}" for row in range(2, count + 2)]
        points = gpd.GeoSeries(shapely.points(at), crs=CRS)
        tables.append(gpd.GeoDataFrame(pd.DataFrame(table), geometry=points))
        answer.update(zip(ids, seen["truth"].tolist(), strict=True))
    return tables, answer


def pair_scores(groups, answer):
    """Return precision, recall and F1 over pairs of sightings."""
    made = {pair for group in groups for pair in _pairs(group)}
    by_truth = {}
    for sighting, thing in answer.items():
        by_truth.setdefault(thing, []).append(sighting)
    true = {pair for group in by_truth.values() for pair in _pairs(group)}
    hits = len(made & true)
    precision, recall = hits / max(len(made), 1), hits / max(len(true), 1)
    return precision, recall, 2 * precision * recall / max(precision + recall, 1e-9)


def _pairs(group):
    ordered = sorted(group)
    return [(one, two) for at, one in enumerate(ordered) for two in ordered[at + 1 :]]
