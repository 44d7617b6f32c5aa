"""How long it takes to place 100,000 points with all their candidates, beside one nearest line for each by geopandas."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import shapely

from outfall.network import locate, read_network

if TYPE_CHECKING:
    from pathlib import Path

SIGMA_M = 10.0


def measure(data: Path, count: int = 100_000, *, sewer: bool = True) -> dict[str, object]:
    """Return CPU seconds on New Hope and, beside it, on the dense sewer; ``vs`` is ours divided by theirs."""
    rivers = data / "new_hope" / "new_hope.gpkg"
    if not rivers.exists():
        return {"locate_1e5_vs_sjoin": None, "locate_why": "no real data"}
    out = _compare(read_network(rivers), count)
    if sewer:
        more = _compare(read_network(None, pipes=data / "uky_storm" / "STM_Line_ln.geojson"), count)
        out |= {f"uky_{key}": value for key, value in more.items()}
    return out


def _compare(network, count: int) -> dict[str, object]:
    points = _points(network, count)
    network.arrays.mouth_m  # noqa: B018 - part of the network, not of placing
    lines = network.reaches[["reach_id", "geometry"]]
    ours, found = _best(lambda: locate(points, network, sigma_m=SIGMA_M))
    theirs, nearest = _best(lambda: gpd.sjoin_nearest(points, lines, distance_col="off_m"))
    one = nearest.drop_duplicates("sighting_id").set_index("sighting_id")["off_m"]
    first = found[found["rank"] == 1].set_index("point_id")["off_m"]
    gap = (first - one.reindex(first.index)).abs().max()
    return {
        "locate_1e5_vs_sjoin": round(ours / theirs, 3),
        "locate_1e5_s": ours,
        "sjoin_nearest_1e5_s": theirs,
        "locate_candidates": len(found),
        "locate_exact": bool(gap < 1e-6 and len(first) == int((one <= 3 * SIGMA_M).sum())),
    }


def _points(network, count: int) -> gpd.GeoDataFrame:
    """Return points drawn evenly along the network, displaced by 10 m in each direction."""
    rng = np.random.default_rng(0)
    lines = network.reaches.geometry.to_numpy()
    length = shapely.length(lines)
    at = rng.choice(len(lines), count, p=length / length.sum())
    foot = shapely.line_interpolate_point(lines[at], rng.random(count) * length[at])
    place = shapely.get_coordinates(foot) + rng.normal(0, SIGMA_M, (count, 2))
    ids = np.arange(count).astype(str)
    return gpd.GeoDataFrame({"sighting_id": ids}, geometry=shapely.points(place), crs=network.crs)


def _best(call, repeats: int = 3):
    seconds, found = float("inf"), None
    for _ in range(repeats):
        begun = time.process_time()
        found = call()
        seconds = min(seconds, time.process_time() - begun)
    return seconds, found
