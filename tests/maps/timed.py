"""A town whose samples, tracks and plumes have times and numbers, for the tests of the tree, the time axis and the search."""

from __future__ import annotations

import re

import geopandas as gpd
import numpy as np
import pandas as pd
from shapely import LineString

from outfall.maps import Layer, draw

TOWED = "#legend [data-layer=towed]"
DAYS = [0, 1, 2, 5, 6, 20, 21, 40]


def make_samples(town, seed=2):
    """Return towed samples with a time (one in ten without) and a number (one in five without)."""
    rng = np.random.default_rng(seed)
    table = town.sightings[["sighting_id", "platform", "geometry"]]
    count = len(table)
    hours = rng.choice(DAYS, count) * 24 + rng.uniform(0, 8, count)
    when = pd.Series(pd.Timestamp("2026-04-12T02:30Z") + pd.to_timedelta(hours, unit="h"), index=table.index)
    cod = np.where(rng.random(count) > 0.2, rng.lognormal(3, 1, count), np.nan)
    return table.assign(seen_at=when.where(rng.random(count) > 0.1), cod_mgl=cod)


def make_tracks(samples):
    """Return one line a day, with a date and no time of day."""
    start = samples.geometry.iloc[0]
    lines = [LineString([(start.x, start.y + 50 * k), (start.x + 900, start.y + 50 * k)]) for k in range(3)]
    dates = pd.to_datetime(["2026-04-12", "2026-04-14", "2026-05-22"])
    return gpd.GeoDataFrame({"tow": ["a", "b", "c"], "on": dates}, geometry=lines, crs=samples.crs)


def draw_timed(town):
    """Return the town with towed samples, tracks and plumes in the group survey/boat."""
    samples = make_samples(town)
    tracks = make_tracks(samples)
    plumes = tracks.set_geometry(tracks.buffer(60))
    return draw(town.network, town.outfalls, town.found, sources=town.sources, title="清溪河").add(
        Layer("plumes", "polygons", plumes, zh="羽流", en="Plumes", style="tow", time="on", group="survey/boat", opacity=0.4),
        Layer("tracks", "lines", tracks, zh="轨迹", en="Tows", style="tow", time="on", group="survey/boat"),
        Layer("towed", "points", samples, zh="走航样点", en="Towed samples", style="cod_mgl", styles=("platform",),
              time="seen_at", group="survey/boat", search=("sighting_id",)),
    )  # fmt: skip


def press(page, selector):
    """Click an element wherever it lies."""
    page.evaluate("s => document.querySelector(s).click()", selector)


def numbers_in(text):
    """Return the whole numbers in a text."""
    return [int(part.replace(",", "")) for part in re.findall(r"\d[\d,]*", text)]


def texts_of(page, selector):
    """Return the texts of all elements that match."""
    return page.locator(selector).all_text_contents()
