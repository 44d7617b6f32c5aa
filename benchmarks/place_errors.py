"""What an error of position does to an upstream trace: the nearest line only, all candidates, and candidates with a rough size.

Points are drawn evenly along the New Hope lines and displaced by a normal error in each direction. "Off" means that the upstream
length of the first place is wrong by more than a factor of two. The size hint is the true upstream length times a lognormal error
of 0.7, about a factor of two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from outfall.network import locate, read_network, weigh_places

if TYPE_CHECKING:
    from pathlib import Path

SIGMAS_M = (3.0, 10.0, 30.0)
HINT_SD = 0.7


def measure(data: Path, *, count: int = 4000, seed: int = 0) -> dict[str, object]:
    """Return, per sigma, how often a place is wrong and how often what is upstream of it is off."""
    network = read_network(data / "new_hope" / "new_hope.gpkg")
    total_km = network.accumulate("length_m") / 1000.0
    rng, figures = np.random.default_rng(seed), {}
    for sigma_m in SIGMAS_M:
        points, truth = _draw(network, total_km, count, sigma_m, rng)
        places = locate(points, network)
        hinted = weigh_places(places, points, network)
        near = points.sjoin_nearest(network.reaches[["reach_id", "geometry"]]).drop_duplicates("outfall_id")
        nearest = near.set_index("outfall_id")["reach_id"].reindex(points["outfall_id"]).to_numpy()
        key = f"places_{sigma_m:.0f}m"
        first = places[places["rank"] == 1].set_index("point_id")["reach_id"].reindex(points["outfall_id"]).to_numpy()
        best = hinted[hinted["rank"] == 1].set_index("point_id")["reach_id"].reindex(points["outfall_id"]).to_numpy()
        mine = (
            places["reach_id"].to_numpy() == pd.Series(truth, index=points["outfall_id"])[places["point_id"]].to_numpy()
        )
        figures |= {
            f"{key}_nearest_wrong": _share(nearest != truth),
            f"{key}_nearest_off2": _off(nearest, truth, total_km),
            f"{key}_first_off2": _off(first, truth, total_km),
            f"{key}_truth_kept": _share(np.isin(points["outfall_id"], places["point_id"].to_numpy()[mine])),
            f"{key}_hinted_wrong": _share(best != truth),
            f"{key}_hinted_off2": _off(best, truth, total_km),
        }
    return figures


def _draw(network, total_km, count, sigma_m, rng):
    reaches = network.reaches
    length = reaches.geometry.length.to_numpy()
    rows = rng.choice(len(reaches), count, p=length / length.sum())
    along = rng.uniform(0.0, 1.0, count)
    foot = shapely.line_interpolate_point(reaches.geometry.to_numpy()[rows], along, normalized=True)
    place = shapely.get_coordinates(foot) + rng.normal(0.0, sigma_m, (count, 2))
    truth = reaches["reach_id"].to_numpy()[rows]
    hint = total_km[truth].to_numpy() * np.exp(rng.normal(0.0, HINT_SD, count))
    ids = [f"p{row}" for row in range(count)]
    table = {"outfall_id": ids, "sigma_m": sigma_m, "upstream_km": hint}
    return gpd.GeoDataFrame(table, geometry=gpd.points_from_xy(*place.T), crs=network.crs), truth


def _off(found, truth, total_km) -> float:
    known = pd.notna(found)
    ratio = np.full(len(truth), np.inf)
    ratio[known] = total_km[found[known]].to_numpy() / total_km[truth[known]].to_numpy()
    return _share((ratio > 2.0) | (ratio < 0.5))


def _share(flags) -> float:
    return round(float(np.mean(flags)), 4)
