"""Travel, terrain and braids against other people's answers: figures for the benchmark, one dict per question."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import geopandas as gpd
import networkx as nx
import numpy as np
import pandas as pd

from outfall.network import build_network
from outfall.network.mixing import mixing_lengths
from outfall.network.terrain import build_from_terrain, find_catchments, read_terrain
from outfall.network.travel_river import predict_pulse, predict_velocities

if TYPE_CHECKING:
    from pathlib import Path

SEVERN_AREAS_KM2 = (100.0, 200.0, 400.0)  # the file has no drainage area: assumed, and shown for all three


def read_severn(data: Path) -> pd.DataFrame:
    """Return the seven stations of the Severn slug test: distance, times, flow, section, peak."""
    file = data / "source" / "severn_slug" / "Dx_2017_Noori_et_al_Paper02_severn.xlsx"
    raw = pd.read_excel(file, sheet_name="Reach Propertise", engine="calamine")
    peak = next(name for name in raw.columns if "Only Observed Concentration" in str(name))
    names = {
        "End Point distance  [meters]": "end_m",
        "Q [m3/sec]": "flow_m3s",
        "Ti": "leading_h",
        "Tp": "peak_h",
        "Tt": "trailing_h",
        "longitudinal slope": "slope_share",
        "depth [meters]": "depth_m",
        "width [meters]": "width_m",
        peak: "peak_mgl",
    }
    return raw.rename(columns=names)[list(names.values())].astype(float)


def severn(data: Path) -> dict[str, object]:
    """Return how far Jobson's velocities, leading edge and peaks are from the Severn slug test (1,000 g)."""
    found = read_severn(data)
    length = np.diff(found["end_m"], prepend=0.0)
    seen_ms = length / np.diff(found["peak_h"], prepend=0.0) / 3600.0
    flow, slope = found["flow_m3s"].to_numpy(), found["slope_share"].to_numpy()
    out: dict[str, object] = {"severn_stations": len(found), "severn_peak_h": float(found["peak_h"].iloc[-1])}
    for area in SEVERN_AREAS_KM2:
        for form, fall in (("", slope), ("_no_slope", np.full(len(slope), np.nan))):
            made = predict_velocities(flow, mean_flow_m3s=flow, upstream_km2=area, slope_share=fall)
            key = f"severn_{area:g}km2{form}"
            hours = length / made["velocity_ms"] / 3600.0
            out[f"{key}_hours"] = float(hours.sum())
            out[f"{key}_worst_reach_ratio"] = float(np.exp(np.abs(np.log(made["velocity_ms"] / seen_ms)).max()))
            out[f"{key}_within_envelope"] = int((seen_ms <= made["fastest_ms"]).sum())
    pulse = predict_pulse(found["peak_h"])
    mass = found["peak_mgl"] * flow / pulse["unit_peak_per_s"]
    early = found["leading_h"] / found["peak_h"]
    passing = (found["trailing_h"] - found["leading_h"]) / (pulse["trailing_h"] - pulse["leading_h"])
    out |= {
        "severn_mass_median_g": float(np.median(mass)),
        "severn_mass_ln_sd": float(np.log(mass).std(ddof=1)),
        "severn_leading_over_peak": [round(float(item), 3) for item in early],
        "severn_passage_over_predicted": [round(float(item), 2) for item in passing],
    }
    return out | _severn_mixing(found, seen_ms)


def _severn_mixing(found: pd.DataFrame, seen_ms: np.ndarray) -> dict[str, object]:
    lines = gpd.GeoDataFrame(
        found[["width_m", "depth_m", "slope_share"]].assign(reach_id=[f"S{n}" for n in range(len(found))]),
        geometry=gpd.GeoSeries.from_wkt(
            [f"LINESTRING (500000 {3400000 + 10 * n}, 500900 {3400000 + 10 * n})" for n in range(len(found))]
        ),
        crs=32650,
    ).assign(velocity_ms=seen_ms)
    network = build_network(lines)
    centre = mixing_lengths(network, release="centre")["mixing_m"]
    bank = mixing_lengths(network, release="bank")["mixing_m"]
    return {
        "severn_mixing_centre_m": [round(float(item)) for item in centre],
        "severn_mixing_bank_m": [round(float(item)) for item in bank],
        "severn_stations_inside_centre_mixing": int((found["end_m"].to_numpy() < centre.to_numpy()).sum()),
    }


def clark_fork(data: Path) -> dict[str, object]:
    """Return what the Clark Fork dye says of lag, loss and the shape of the cloud; the file has no distance or flow."""
    raw = pd.read_csv(data / "source" / "clark_fork_dye" / "Solute_ClarkFork_2020-09-26.csv", encoding="utf-8-sig")
    minute = raw["time_min"].to_numpy(float)
    up = raw["us_sensor_obs"].to_numpy(float)
    down = raw["ds_sensor_obs"].to_numpy(float)
    frozen = minute >= 117  # the upstream logger repeats one value from here on
    up, down = np.where(frozen, 0.0, up - np.median(up[:15])), down - np.median(down[:15])
    first, second = float(minute[np.argmax(up)]), float(minute[np.argmax(down)])
    centroid = [float((minute * np.maximum(item, 0)).sum() / np.maximum(item, 0).sum()) for item in (up, down)]
    ratio = float(down.max() / up.max())
    lag_h = (second - first) / 60.0
    start_h = lag_h / (
        ratio ** (-1 / 0.760) - 1.0
    )  # the travel time to the first sensor that this loss of peak implies
    pulse = predict_pulse([start_h, start_h + lag_h])
    seen = [_passage_min(minute, item) for item in (up, down)]
    made = ((pulse["trailing_h"] - pulse["leading_h"]) * 60.0).tolist()
    rise = [(a - b) * 60.0 for a, b in zip(pulse["peak_h"], pulse["leading_h"], strict=True)]
    return {
        "clark_fork_peak_lag_min": second - first,
        "clark_fork_centroid_lag_min": centroid[1] - centroid[0],
        "clark_fork_peak_ratio": ratio,
        "clark_fork_area_ratio": float(np.trapezoid(np.maximum(down, 0)) / np.trapezoid(np.maximum(up, 0))),
        "clark_fork_implied_h_to_first": start_h,
        "clark_fork_passage_min": [item[1] - item[0] for item in seen],
        "clark_fork_passage_predicted_min": [round(item, 1) for item in made],
        "clark_fork_rise_min": [peak - item[0] for peak, item in zip((first, second), seen, strict=True)],
        "clark_fork_rise_predicted_min": [round(item, 1) for item in rise],
    }


def _passage_min(minute: np.ndarray, curve: np.ndarray) -> tuple[float, float]:
    """Return when a cloud first and last stands at a tenth of its peak."""
    high = np.flatnonzero(curve >= 0.1 * curve.max())
    return float(minute[high[0]]), float(minute[high[-1]])


def rhine(data: Path, *, from_km2: float = 50.0) -> dict[str, object]:
    """Return how the network of the Rhine raster agrees with pyflwdir's own upstream areas and basins."""
    terrain = read_terrain(data / "network" / "rhine" / "rhine_d8.tif")
    began = time.process_time()
    network = build_from_terrain(terrain, from_km2=from_km2)
    spent = time.process_time() - began
    made = network.accumulate("area_km2").to_numpy(float)
    theirs = network.reaches["upstream_km2"].to_numpy(float)
    ends = network.reaches.sort_values("upstream_km2").iloc[:: max(1, len(network.reaches) // 40)]
    at = gpd.GeoDataFrame(
        {"outfall_id": ends["reach_id"].to_numpy()},
        geometry=ends.geometry.interpolate(0.0).to_numpy(),
        crs=network.crs,
    )
    land = find_catchments(at, terrain)
    cells = land.to_crs("ESRI:54034").area / 1e6
    return {
        "rhine_cells": terrain.cell_count,
        "rhine_reaches": len(network.reaches),
        "rhine_upstream_max_diff_km2": float(np.abs(made - theirs).max()),
        "rhine_largest_km2": float(theirs.max()),
        "rhine_catchments": len(land),
        "rhine_catchment_worst_share": float((cells / land["catchment_km2"] - 1.0).abs().max()),
        "rhine_network_cpu_s": spent,
    }


def brahmaputra(data: Path, *, every: int = 1) -> dict[str, object]:
    """Return whether upstream sets on the Brahmaputra's braids are those of networkx, links turned to run south."""
    links = gpd.read_file(data / "network" / "brahmaputra" / "Brahma_links.json")
    nodes = gpd.read_file(data / "network" / "brahmaputra" / "Brahma_nodes.json")
    ends = links.geometry.apply(lambda line: (line.coords[0], line.coords[-1]))
    turned = [a[1] < b[1] or (a[1] == b[1] and a[0] > b[0]) for a, b in ends]
    shapes = [line.reverse() if turn else line for line, turn in zip(links.geometry, turned, strict=True)]
    network = build_network(links[["id"]].set_geometry(gpd.GeoSeries(shapes, crs=links.crs)), tolerance_m=0.0)
    graph = nx.DiGraph()
    rows = network.reaches[["reach_id", "from_node", "to_node"]].itertuples(index=False, name=None)
    leaving: dict[str, list[str]] = {}
    ids = list(rows)
    for reach, tail, _ in ids:
        leaving.setdefault(tail, []).append(reach)
        graph.add_node(reach)
    graph.add_edges_from((reach, other) for reach, _, head in ids for other in leaving.get(head, ()) if other != reach)
    asked = [reach for reach, _, _ in ids][::every]
    wrong = sum(set(network.upstream(reach)) != nx.ancestors(graph, reach) | {reach} for reach in asked)
    length = network.reaches.set_index("reach_id")["length_m"]
    total = network.accumulate("length_m")
    gap = max(abs(total[reach] - length[network.upstream(reach)].sum()) for reach in asked[::10])
    return {
        "brahmaputra_links": len(links),
        "brahmaputra_reaches": len(network.reaches),
        "brahmaputra_nodes": len(network.nodes),
        "brahmaputra_nodes_published": len(nodes),
        "brahmaputra_loops": int(network.loops()["loop"].nunique()),
        "brahmaputra_sets": len(asked),
        "brahmaputra_sets_wrong": int(wrong),
        "brahmaputra_total_max_diff_m": float(gap),
    }


def all_figures(data: Path, *, quick: bool = False) -> dict[str, object]:
    """Return every figure of this file."""
    return {**severn(data), **clark_fork(data), **rhine(data), **brahmaputra(data, every=20 if quick else 1)}
