"""What is true: every discharger, every outfall, and whose water leaves it in which share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd

from outfall.simulate._draw import CRS, FLOWING_M3S
from outfall.simulate._laboratory import sampled_mouths

if TYPE_CHECKING:
    from outfall.simulate._draw import Scenery

__all__ = ["list_discharges", "list_outfalls", "list_sources", "list_truth"]

_NATURAL = ("river", "groundwater")


def list_sources(scenery: Scenery) -> gpd.GeoDataFrame:
    """Return every true discharger at its true place."""
    rows = [
        {
            "source_id": s.source_id, "name": s.name, "kind": s.kind, "is_registered": s.is_registered,
            "is_wrong_connection": s.is_wrong,
            "true_system": s.true_system, "enters_node": s.node, "discharge_m3d": s.mean_m3d, "pattern": s.pattern,
        }
        for s in sorted(scenery.sources, key=lambda s: s.source_id)
    ]  # fmt: skip
    points = scenery.sheet.place(np.array([s.point for s in sorted(scenery.sources, key=lambda s: s.source_id)]))
    return gpd.GeoDataFrame(rows, geometry=gpd.points_from_xy(points[:, 0], points[:, 1]), crs=CRS)


def list_outfalls(scenery: Scenery) -> gpd.GeoDataFrame:
    """Return every true outfall at its true place."""
    mouths = scenery.sketch.mouths
    points = scenery.sheet.place(np.array([m.point for m in mouths]))
    frame = {
        "mouth_id": [m.mouth_id for m in mouths],
        "river_line_id": [m.river_id for m in mouths],
        "along_m": [round(m.along_m, 1) for m in mouths],
        "side": [scenery.sheet.side(m.side) for m in mouths],
        "outfall_class": [m.outfall_class for m in mouths],
        "outfall_shape": [m.shape for m in mouths],
        "diameter_mm": [m.diameter_mm for m in mouths],
        "node": [m.node for m in mouths],
    }
    return gpd.GeoDataFrame(frame, geometry=gpd.points_from_xy(points[:, 0], points[:, 1]), crs=CRS)


def list_discharges(scenery: Scenery, samples: pd.DataFrame) -> pd.DataFrame:
    """Return one row per outfall and source: its share of the foul flow on average over the two weeks."""
    del samples
    rows = []
    for mouth in scenery.sketch.mouths:
        parts = {owner: flow for owner, flow in scenery.parts(mouth.node).items() if owner not in _NATURAL}
        total = sum(parts.values())
        for owner, flow in sorted(parts.items(), key=lambda item: (-item[1], item[0])):
            if total > FLOWING_M3S and flow > 0.01 * total:
                rows.append(
                    {"mouth_id": mouth.mouth_id, "source_id": owner, "share": round(flow / total, 4), "flow_m3s": flow}
                )
    return pd.DataFrame(rows)


def list_truth(scenery: Scenery, discharges: pd.DataFrame, walked: pd.DataFrame, samples: pd.DataFrame) -> pd.DataFrame:
    """Return the answer sheet: one row per true outfall."""
    registered = {s.source_id for s in scenery.sources if s.is_registered}
    code = dict(zip(walked["mouth_id"], walked["code"], strict=True))
    sampled, by_mouth = sampled_mouths(samples), dict(list(discharges.groupby("mouth_id")))
    rows = []
    for mouth in scenery.sketch.mouths:
        found = by_mouth.get(mouth.mouth_id, discharges.iloc[:0])
        ids = [owner if owner in registered else "unregistered" for owner in found["source_id"]]
        lon, lat = np.round(scenery.lonlat(np.array([mouth.point]))[0], 7)
        parts = scenery.parts(mouth.node)
        total = sum(parts.values())
        natural = sum(parts.get(name, 0.0) for name in _NATURAL)
        rows.append(
            {
                "mouth_id": mouth.mouth_id, "lon": lon, "lat": lat, "code": code.get(mouth.mouth_id, ""),
                "outfall_class": mouth.outfall_class,
                "source_id": ids[0] if ids else "", "share": found["share"].iloc[0] if ids else np.nan,
                "source_ids": ";".join(ids), "shares": ";".join(f"{share:g}" for share in found["share"]),
                "true_source_ids": ";".join(found["source_id"]), "is_flowing": bool(ids),
                "natural_share": round(natural / total, 3) if total > FLOWING_M3S else np.nan,
                "flow_m3s": round(total, 6), "is_sampled": mouth.mouth_id in sampled,
                "sample_ids": ";".join(sampled.get(mouth.mouth_id, [])),
            }
        )  # fmt: skip
    return pd.DataFrame(rows)
