"""What do the offices hold: a permit list with its mistakes, meter series, the plan of the sewers, the river layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import networkx as nx
import numpy as np
import pandas as pd
import shapely

from outfall.simulate._data import errors, kinds
from outfall.simulate._draw import CRS
from outfall.simulate._names import ADMIN, permit_no
from outfall.simulate._survey import START

if TYPE_CHECKING:
    from outfall.simulate._draw import Scenery
    from outfall.simulate._source import Source

__all__ = ["list_meters", "list_permits", "list_pipes", "list_rivers"]

_OFFICE_M = (250.0, 700.0)


def list_permits(scenery: Scenery) -> pd.DataFrame:
    """Return the permit list: who is registered, where it is said to be, what it is said to drain to."""
    size, rng = errors(), scenery.rng(9)
    rows = []
    for source in sorted((s for s in scenery.sources if s.is_registered), key=lambda s: s.source_id):
        shift, origin = _misplaced(rng, source)
        lon, lat = np.round(scenery.lonlat(np.array([source.point]), error_m=shift)[0], 6)
        kind = next(k for k in kinds() if k["kind"] == source.kind and k["place"] == source.place)
        system = "foul" if source.stated_system == "combined" else source.stated_system
        if rng.random() < size["permit_system_wrong_share"]:
            system = "river" if system == "foul" else "foul"
        has_code = source.place != "village" and source.kind not in ("domestic", "construction")
        stated = source.mean_m3d * float(np.exp(rng.normal(0.1, size["permit_discharge_cv"])))
        rows.append(
            {
                "source_id": source.source_id, "name": source.name, "kind": kind["sector_zh"],
                "credit_code": source.credit_code if has_code else "",
                "permit_no": permit_no(source.credit_code) if has_code else "",
                "address": f"{ADMIN}{source.address}{int(rng.integers(1, 260))}号", "lon": lon, "lat": lat,
                "discharge_m3d": round(stated, -1 if stated > 100 else 0), "parameters": kind["permit_parameters"],
                "system": system, "note": origin,
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def _misplaced(rng: np.random.Generator, source: Source) -> tuple[np.ndarray, str]:
    size, draw = errors(), rng.random()
    far, angle = rng.uniform(*_OFFICE_M), rng.uniform(0, 2 * np.pi)
    rough = rng.normal(0, rng.uniform(size["permit_rough_min_m"], size["permit_rough_max_m"]), 2)
    fine = rng.normal(0, size["permit_sigma_m"], 2)
    if draw < size["permit_office_share"] and source.place in ("street", "works"):
        return far * np.array([np.cos(angle), np.sin(angle)]), "注册地址"
    if draw < size["permit_office_share"] + size["permit_rough_share"]:
        return rough, "地图点选"
    return fine, "现场定位"


def list_meters(scenery: Scenery) -> pd.DataFrame:
    """Return hourly flow and electricity of a few works, two weeks."""
    rng = scenery.rng(10)
    chosen = sorted((s for s in scenery.sources if s.is_registered), key=lambda s: (-s.mean_m3d, s.source_id))[:6]
    parts = []
    for source in sorted(chosen, key=lambda s: s.source_id):
        hourly = scenery.made[source.source_id][0].reshape(-1, 2).mean(axis=1)
        noisy = hourly * (1 + rng.normal(0, 0.03, len(hourly)))
        power = hourly * 3600 * rng.uniform(0.8, 2.5) * (1 + rng.normal(0, 0.05, len(hourly))) + rng.uniform(2, 8)
        flag = np.where(rng.random(len(hourly)) < 0.01, "M", "N")
        times = pd.date_range(START, periods=len(hourly), freq="h").tz_convert("UTC")
        for meter, name, values, unit, places in (
            ("LL", "flow", noisy * 1000, "L/s", 3),
            ("DL", "energy", power, "kWh", 1),
        ):
            parts.append(
                pd.DataFrame(
                    {"meter_id": f"{meter}-{source.source_id}", "source_id": source.source_id, "parameter": name,
                     "read_at": times,
                     "value": np.round(np.maximum(values, 0), places), "unit": unit, "flag": flag}
                )
            )  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def list_rivers(scenery: Scenery) -> gpd.GeoDataFrame:
    """Return the river layer: lines, names, widths, and hydraulics that are not quite right."""
    rng, size = scenery.rng(11), errors()
    lines = scenery.sketch.rivers()
    noise = np.exp(rng.normal(0, 1, (len(lines), 2)) * [size["velocity_cv"], 0.2])
    return gpd.GeoDataFrame(
        {
            "reach_id": [line.line_id for line in lines], "name": [line.name for line in lines],
            "kind": [line.kind for line in lines],
            "width_m": [round(line.width_m, 1) for line in lines],
            "depth_m": [round(line.depth_m, 1) for line in lines],
            "velocity_ms": [round(line.velocity_ms * n, 3) for line, n in zip(lines, noise[:, 0], strict=True)],
            "flow_m3s": [round(line.flow_m3s * n, 3) for line, n in zip(lines, noise[:, 1], strict=True)],
        },
        geometry=[shapely.LineString(np.round(scenery.sheet.place(line.points), 2)) for line in lines],
        crs=CRS,
    )  # fmt: skip


def list_pipes(scenery: Scenery) -> gpd.GeoDataFrame:
    """Return the sewer plan: recorded pipes, a few drawn the wrong way round, some without levels."""
    rng, size = scenery.rng(12), errors()
    lines = [line for line in scenery.sketch.lines.values() if line.is_recorded and not line.is_river]
    level = _levels(scenery)
    rows, shapes = [], []
    for line in lines:
        draws = rng.random(4)
        is_reversed = bool(draws[0] < size["reversed_pipe_share"]) and line.kind == "gravity_sewer"
        has_levels = draws[1] > size["missing_invert_share"] and line.kind in ("gravity_sewer", "weir")
        ends, points = (line.from_node, line.to_node), line.points
        if is_reversed:
            ends, points = ends[::-1], points[::-1]
        inverts = [
            round(level[end] + rng.normal(0, 0.02), 2) if has_levels and end in level else np.nan for end in ends
        ]
        rows.append(
            {
                "reach_id": line.line_id, "kind": line.kind, "system": line.system,
                "diameter_mm": line.diameter_mm if line.kind != "pump" else np.nan,
                "from_node": ends[0], "to_node": ends[1], "invert_from_m": inverts[0], "invert_to_m": inverts[1],
                "material": ("混凝土", "HDPE", "球墨铸铁")[int(draws[2] * 3)], "built": int(1986 + draws[3] * 37),
                "is_reversed": is_reversed,
            }
        )  # fmt: skip
        shapes.append(shapely.LineString(np.round(scenery.sheet.place(points), 2)))
    return gpd.GeoDataFrame(rows, geometry=shapes, crs=CRS)


def _levels(scenery: Scenery) -> dict[str, float]:
    """Return the invert of every node: a steady fall to the outlet, 3 mm per m, steeper in private pipes."""
    graph: nx.DiGraph = nx.DiGraph()
    for line in scenery.sketch.lines.values():
        if not line.is_river:
            graph.add_edge(
                line.from_node,
                line.to_node,
                fall=line.shape.length * (0.003 if not line.line_id.startswith("ZY") else 0.008),
                kind=line.kind,
            )
    level: dict[str, float] = {}
    for node in reversed(list(nx.topological_sort(graph))):
        below = [(level[to], data) for _, to, data in graph.out_edges(node, data=True)]
        if not below:
            level[node] = 26.4 if node.startswith(("K", "Z")) else 18.0
        elif below[0][1]["kind"] in ("pump", "pressure_main"):
            level[node] = 19.0
        else:
            level[node] = max(base + data["fall"] for base, data in below)
    return level
