"""Outfalls that are hard to carry into the field and back: hostile text, own columns, no place, photos with odd names."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
from PIL import Image
from shapely import Point

from outfall.tables import contract
from outfall.vocabulary import words
from tests.reports.conftest import HOSTILE

MORE = [
    "${new Image().src='http://example.invalid'}",
    "$[name]",
    "]]>",
    "</description></Placemark>",
    r"D:\照片\2019\1.jpg",
    "\u202eevil\u202c رقم",
    "排口🚰👨‍👩‍👧",
    "长" * 10_000,
    "a;b,c\td；e，f",
    "&lt;b&gt;",
    "'; DROP TABLE outfalls; --",
    "<0.05",
    "1,234",
    "00012",
    "2026-04-12",
    "true",
]
HARD = [*HOSTILE, *MORE]


def make_outfalls(count=0, *, crs=4490, has_lost=True):
    """Return outfalls of which every column is filled somewhere and missing elsewhere."""
    rng = np.random.default_rng(3)
    count = count or len(HARD)
    at = np.arange(count)
    frame = pd.DataFrame(
        {"outfall_id": [f"P-{k:04d}" for k in at], "status": np.resize([*words("outfall_status")], count)}
    )
    for name, column in contract("outfalls").columns.items():
        if name not in frame.columns and name != "photo_ids":
            frame[name] = _cells(column, at, rng)
    frame["name"] = [HARD[k % len(HARD)] for k in at]
    frame["note"] = [HARD[(k + 5) % len(HARD)] if k % 3 else None for k in at]
    frame["source_ref"] = [f"register(E{k})" for k in at]
    frame["氨氮(mg/L)"] = np.resize(["<0.05", "1.20", "未检出", None], count)
    frame["own_text"] = [HARD[(k + 9) % len(HARD)].strip() for k in at]
    frame["photo_ids"] = None
    places = [Point(114.3 + 0.001 * k, 30.6 + 0.0007 * (k % 7)) for k in at]
    if has_lost:
        places[min(4, count - 1)] = None
    return gpd.GeoDataFrame(frame, geometry=gpd.GeoSeries(places, crs=4490)).to_crs(crs)


def _cells(column, at, rng):
    blank = at % 4 == 1
    if column.allowed:
        values = np.resize([*words(column.allowed)], len(at)).astype(object)
    elif column.dtype == "real":
        top = 1.0 if column.maximum == 1 else 900.0
        values = (rng.random(len(at)) * top).astype(object)
    elif column.dtype == "integer":
        values = rng.integers(0, 9, len(at)).astype(object)
    elif column.dtype == "flag":
        values = (at % 2 == 0).astype(object)
    elif column.dtype == "time":
        values = np.array(
            [pd.Timestamp("2026-04-12T08:30:00.125Z") + pd.Timedelta(hours=int(k)) for k in at], dtype=object
        )
    elif column.dtype == "ids":
        values = np.array([f"E{k};E{k + 1}" for k in at], dtype=object)
    else:
        values = np.array([f"{column.name} {k}" for k in at], dtype=object)
    values[blank] = None
    return values


def add_photos(outfalls, folder):
    """Return the outfalls with photos in a folder: Chinese names, one shared, one not there."""
    folder.mkdir()
    names = ["照片 1.jpg", "DJI_0001.JPG", "东门（近）.jpeg"]
    for k, name in enumerate(names):
        Image.new("RGB", (64, 48), (40 * k, 120, 160)).save(folder / name)
    cells = [None] * len(outfalls)
    cells[0], cells[1], cells[2], cells[3] = ";".join(names), names[0], "gone.jpg", f"{names[2]};gone.jpg"
    return outfalls.assign(photo_ids=cells)
