"""An invented province to time a trace on: rivers in rows, towns on them, a small sewer tree behind every outfall.

Half of the reaches are river and half are pipes. Nothing about it is realistic but its counts, its spacing (outfalls
200 m apart, in towns of twenty) and that half of the outfalls were sampled for twelve parameters.
"""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from outfall.network import Network
from outfall.tables import check, empty

CRS = 4546
RIVER_M, PIPE_M, ROW_M, GAP_M, TOWN = 50.0, 30.0, 4000.0, 200.0, 20
TREE = 49  # pipes behind an outfall; with the interface 50 reaches
PARAMETERS = ("cod", "ammonia", "total_phosphorus", "total_nitrogen", "suspended_solids", "conductivity", "chloride",
              "fluoride", "copper", "zinc", "nickel", "ph")  # fmt: skip
UNITS = {"conductivity": "µS/cm", "ph": "1"}
KINDS = ("domestic", "restaurant", "food", "electroplating", "dyeing", "machinery", "laundry", "hospital")
WATER = (300, 30, 4, 45, 200, 1200, 150, 0.8, 0.05, 0.3, 0.05, 7.5)


@dataclass(frozen=True)
class Province:
    """What `trace` takes."""

    outfalls: gpd.GeoDataFrame
    network: Network
    sources: gpd.GeoDataFrame
    samples: gpd.GeoDataFrame
    results: pd.DataFrame


def make_province(outfalls: int, sources: int, *, seed: int = 0) -> Province:
    """Return a province with a hundred reaches per outfall."""
    rng = np.random.default_rng(seed)
    per_row = 2 * TOWN
    row, place = np.divmod(np.arange(outfalls), per_row)
    east = 400_000.0 + place * GAP_M + (place // TOWN) * 20_000.0
    north = 3_000_000.0 + row * ROW_M
    network = _network(east, north, row)
    mouths = _outfalls(rng, east, north)
    found = _sources(rng, east, north, sources)
    samples, results = _water(rng, mouths, found)
    return Province(mouths, network, found, samples, results)


def _network(east: np.ndarray, north: np.ndarray, row: np.ndarray) -> Network:
    count = len(east)
    rivers = [
        _river(number, int((row == number).sum()) * 50, float(north[row == number][0])) for number in np.unique(row)
    ]
    trees = _trees(count)
    tail, head = (np.concatenate([side[:, None] + np.arange(count) * (TREE + 1) for side in [t]]) for t in trees[:2])
    off = trees[2]
    lines = _lines(
        off[trees[0]][:, None] + np.stack([east, north], 1)[None],
        off[trees[1]][:, None] + np.stack([east, north], 1)[None],
    )
    pipes = pd.DataFrame({
        "reach_id": [f"P{a}-{b}" for b in range(TREE) for a in range(count)], "kind": "gravity_sewer", "system": "storm",
        "from_node": _names("n", tail), "to_node": _names("n", head), "geometry": lines.ravel(),
    })  # fmt: skip
    column = np.round((east - 400_000.0) / RIVER_M).astype(int) % np.maximum(50 * np.bincount(row)[row], 1)
    root = np.arange(count) * (TREE + 1)
    at = np.stack([east, north + 20], 1)
    ends = np.stack([400_000.0 + column * RIVER_M, north], 1)
    joints = pd.DataFrame({
        "reach_id": [f"I{a}" for a in range(count)], "kind": "interface", "system": None, "from_node": _names("n", root),
        "to_node": [f"r{a}-{b}" for a, b in zip(row, column, strict=True)], "geometry": _lines(at, ends),
    })  # fmt: skip
    reaches = pd.concat([*rivers, pipes, joints], ignore_index=True)
    reaches["length_m"] = shapely.length(reaches["geometry"].to_numpy())
    return _whole(reaches)


def _river(number: int, count: int, north: float) -> pd.DataFrame:
    step = np.arange(count + 1)
    place = np.stack([400_000.0 + step * RIVER_M, np.full(count + 1, north)], 1)
    names = [f"r{number}-{at}" for at in step]
    return pd.DataFrame({
        "reach_id": [f"R{number}-{at}" for at in step[:-1]], "kind": "river", "system": None, "from_node": names[:-1],
        "to_node": names[1:], "geometry": _lines(place[:-1], place[1:]),
    })  # fmt: skip


def _trees(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return upper and lower node of each pipe of a tree, and where its nodes lie from the river: 25 up, then side streets."""
    del count
    up = np.arange(1, TREE + 1)
    down = np.where(up <= 25, up - 1, up - 24)
    across = np.where(up <= 25, 0.0, PIPE_M * np.where(up % 2 == 0, 1.0, -1.0))
    along = np.where(up <= 25, up * PIPE_M, (up - 24) * PIPE_M)
    off = np.concatenate([[[0.0, 20.0]], np.stack([across, 20.0 + along], 1)])
    return up, down, off


def _lines(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    return shapely.linestrings(np.stack([start, end], axis=-2))


def _names(letter: str, numbers: np.ndarray) -> list[str]:
    return [f"{letter}{number}" for number in np.asarray(numbers).ravel().tolist()]


def _whole(reaches: pd.DataFrame) -> Network:
    blank = empty("reaches", crs=CRS)
    frame = reaches.assign(line_id=reaches["reach_id"], start_m=0.0, forward_share=1.0,
                           forward_reason="the file says so", source_ref="made")  # fmt: skip
    columns = {name: frame.get(name, pd.Series(np.nan, index=frame.index)) for name in blank.columns}
    typed = {n: (v.astype(blank[n].dtype) if v.notna().any() else pd.Series(index=frame.index, dtype=blank[n].dtype))
             for n, v in columns.items() if n != "geometry"}  # fmt: skip
    table = gpd.GeoDataFrame(typed, geometry=gpd.GeoSeries(frame["geometry"].to_numpy(), crs=CRS))
    ends = np.concatenate([shapely.get_point(frame["geometry"].to_numpy(), at) for at in (0, -1)])
    node = pd.Series(ends, index=pd.concat([frame["from_node"], frame["to_node"]]).to_numpy())
    node = node[~node.index.duplicated()]
    names = empty("nodes", crs=CRS)
    columns = {n: pd.Series(index=range(len(node)), dtype=names[n].dtype) for n in names.columns if n != "geometry"}
    columns["node_id"], columns["source_ref"] = (
        pd.Series(node.index, dtype="str"),
        pd.Series(["made"] * len(node), dtype="str"),
    )
    return Network(table, gpd.GeoDataFrame(columns, geometry=gpd.GeoSeries(node.to_numpy(), crs=CRS)))


def _outfalls(rng: np.random.Generator, east: np.ndarray, north: np.ndarray) -> gpd.GeoDataFrame:
    count = len(east)
    at = np.stack([east, north + 18], 1) + rng.normal(0, 3, (count, 2))
    frame = gpd.GeoDataFrame({
        "outfall_id": [f"O{number:05d}" for number in range(count)], "status": "confirmed", "sigma_m": 4.0,
        "source_ref": "made",
    }, geometry=gpd.points_from_xy(*at.T), crs=CRS)  # fmt: skip
    return check(frame, "outfalls")


def _sources(rng: np.random.Generator, east: np.ndarray, north: np.ndarray, count: int) -> gpd.GeoDataFrame:
    town = rng.integers(0, len(east), count)
    at = np.stack([east[town] + rng.uniform(-90, 90, count), north[town] + rng.uniform(60, 750, count)], 1)
    frame = gpd.GeoDataFrame({
        "source_id": [f"E{number:05d}" for number in range(count)], "name": [f"unit {number}" for number in range(count)],
        "kind": rng.choice(KINDS, count), "discharge_m3d": np.exp(rng.normal(3.5, 1.0, count)).round(1),
        "system": rng.choice(["foul", "storm", "river"], count, p=[0.7, 0.2, 0.1]), "sigma_m": 20.0, "source_ref": "made",
    }, geometry=gpd.points_from_xy(*at.T), crs=CRS)  # fmt: skip
    return check(frame, "sources")


def _water(
    rng: np.random.Generator, outfalls: gpd.GeoDataFrame, sources: gpd.GeoDataFrame
) -> tuple[gpd.GeoDataFrame, pd.DataFrame]:
    """Return samples of half of the outfalls and two fifths of the sources, and their results."""
    at_outfall, at_source = outfalls["outfall_id"].to_numpy()[::2], sources["source_id"].to_numpy()[::5]
    at_source = np.concatenate([at_source, sources["source_id"].to_numpy()[1::5]])
    count = len(at_outfall) + len(at_source)
    ids = [f"W{number:06d}" for number in range(count)]
    samples = gpd.GeoDataFrame({
        "sample_id": ids, "kind": "routine", "method": "laboratory",
        "outfall_id": [*at_outfall, *[None] * len(at_source)], "source_id": [*[None] * len(at_outfall), *at_source],
        "taken_at": pd.Timestamp("2026-04-15 02:00", tz="UTC"), "flow_m3s": 0.002, "source_ref": "made",
    }, geometry=gpd.GeoSeries([None] * count, crs=CRS))  # fmt: skip
    value = np.array(WATER) * np.exp(rng.normal(-0.5, 0.8, (count, len(PARAMETERS))))
    value[:, -1] = rng.normal(7.5, 0.4, count)
    results = pd.DataFrame({
        "result_id": [f"{one}/{name}" for one in ids for name in PARAMETERS],
        "sample_id": np.repeat(ids, len(PARAMETERS)), "parameter": np.tile(PARAMETERS, count), "qualifier": "=",
        "value": value.ravel(), "value_text": value.ravel().round(4).astype(str), "unit": np.tile([UNITS.get(name, "mg/L") for name in PARAMETERS], count),
        "source_ref": "made",
    })  # fmt: skip
    return check(samples, "samples"), check(results, "results")
