"""Rows of any contract, drawn from a seed: hostile text, missing values, every geometry a contract allows."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from outfall.tables import contract
from outfall.vocabulary import parameters, words

HOSTILE = (
    "排口 \u202e<script>alert(1)</script>",
    "=cmd|' /C calc'!A0",
    '${7*7} "quoted", \\ back\nslash\ttab',
    "'); DROP TABLE event; --",
    "null",
    "🛶 Ω é e\u0301",
    "a;b;c",
    "0",
)


def draw_rows(table: str, *, count: int = 9, seed: int = 0, crs: str = "EPSG:4490") -> pd.DataFrame:
    """Return rows that meet a contract; optional cells are missing in every third row."""
    declared, rng = contract(table), np.random.default_rng(seed)
    frame = pd.DataFrame({name: _cells(column, count, rng) for name, column in declared.columns.items()})
    frame[declared.key] = [f"{HOSTILE[row % len(HOSTILE)]} {seed}.{row}" for row in range(count)]
    for name, column in declared.columns.items():
        if not column.is_required and name != declared.key:
            frame[name] = frame[name].where(np.arange(count) % 3 != 1)
    frame["source_ref"] = [f"调查 表.csv#{row + 2}" for row in range(count)]
    if declared.geometry == "none":
        return frame
    return gpd.GeoDataFrame(frame, geometry=_shapes(declared.geometry, count, rng), crs=crs)


def _cells(column, count, rng):
    low = 0.0 if column.minimum is None else column.minimum
    high = low + 1000 if column.maximum is None else column.maximum
    match column.dtype:
        case "real":
            return rng.uniform(low, high, count)
        case "integer":
            return pd.array(rng.integers(int(low), int(min(high, 10_000)) + 1, count), dtype="Int64")
        case "flag":
            return pd.array(rng.random(count) < 0.5, dtype="boolean")
        case "time":
            return pd.to_datetime(rng.integers(0, 2**51, count), unit="us", utc=True)
    if column.allowed:
        known = list(parameters() if column.allowed == "parameter" else words(column.allowed))
        return rng.choice(known, count)
    return [HOSTILE[(row + int(rng.integers(8))) % len(HOSTILE)] + "." for row in range(count)]


def _shapes(kind: str, count: int, rng) -> list:
    points = [shapely.Point(*rng.uniform((113, 22), (114, 23))) for _ in range(count)]
    points[0] = shapely.Point(113.5, 22.5, 3.25)
    lines = [shapely.LineString(rng.uniform(113, 114, (4, 2))) for _ in range(count)]
    shapes = {"line": lines, "point": points}.get(kind.rstrip("?"), [*lines[: count // 2], *points[count // 2 :]])
    if kind.endswith("?"):
        shapes[1:2] = [None] if count > 1 else []
    return shapes
