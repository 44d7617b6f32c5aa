"""How far from its place does a GCJ-02 tile lie: put in place tile by tile, shifted with the view, and not at all.

The code that runs is that of the page, in a browser; the truth is ``outfall.coordinates``. A view of 1920 x 1080 pixels
is laid on five cities at zooms 10 to 18, and the error is taken at 36 points of every tile that covers it. Peers place
tiles as they come (folium, leafmap, geopandas.explore: no correction) or move them all by the shift at the middle of
the view (the common Leaflet plug-ins).
"""

from __future__ import annotations

import json
import shutil

import numpy as np

from outfall.coordinates import gcj02_to_wgs84, wgs84_to_gcj02
from outfall.maps.bundle import text_of

CITIES = {"Beijing": (116.397, 39.909), "Shanghai": (121.474, 31.23), "Guangzhou": (113.264, 23.129), "Chengdu": (104.066, 30.573), "Urumqi": (87.617, 43.793)}  # fmt: skip
ZOOMS = range(10, 19)
_WIDTH, _HEIGHT = 1920, 1080
_ASK = """(() => {{ {code}
return {views}.map(([z, box]) => {{
  const [left, top, right, bottom] = coverTiles(z, box, 'gcj02'), found = [];
  for (let x = left; x <= right; x++) for (let y = top; y <= bottom; y++) found.push([x, y, ...placeTile(z, x, y, 'gcj02')]);
  return found;
}}); }})()"""


def measure(*, quick: bool) -> dict[str, float | int | bool | str | None]:
    """Return the worst error of each way, in pixels of the screen."""
    views = [(name, zoom) for name in CITIES for zoom in (ZOOMS[::2] if quick else ZOOMS)]
    boxes = [(zoom, _box(CITIES[name], zoom)) for name, zoom in views]
    answers = _ask(boxes)
    if answers is None:
        return {"gcj_tile_error_px": None, "gcj_tile_error_px_why": "no Chromium or playwright here"}
    worst = {"ours": 0.0, "centre": 0.0, "none": 0.0}
    gap_px, uncovered = 0.0, 0
    by_zoom: dict[str, float] = {}
    for (name, zoom), (_, box), tiles in zip(views, boxes, answers, strict=True):
        errors, here_uncovered = _errors(CITIES[name], zoom, box, np.array(tiles))
        for way, error in errors.items():
            worst[way] = max(worst[way], error)
            by_zoom[f"{way}_z{zoom}"] = max(by_zoom.get(f"{way}_z{zoom}", 0.0), error)
        uncovered += here_uncovered
        gap_px = max(gap_px, _gap(zoom, np.array(tiles)))
    return {
        "gcj_tile_error_px": round(worst["ours"], 3),
        "gcj_tile_error_px_view_centre_shift": round(worst["centre"], 2),
        "gcj_tile_error_px_no_correction": round(worst["none"], 1),
        "gcj_tile_gap_px": round(gap_px, 3),
        "gcj_places_without_tile": uncovered,
        "gcj_tiles_checked": sum(len(tiles) for tiles in answers),
        **{f"gcj_px_{key}": round(value, 2) for key, value in sorted(by_zoom.items()) if key.endswith(("z10", "z14", "z18"))},
    }  # fmt: skip


def _share(lon, lat):
    sine = np.sin(np.radians(lat))
    return np.asarray(lon) / 360 + 0.5, 0.5 - np.log((1 + sine) / (1 - sine)) / (4 * np.pi)


def _lonlat(east, south):
    return (east - 0.5) * 360, np.degrees(np.arctan(np.sinh(np.pi * (1 - 2 * south))))


def _box(city, zoom):
    east, south = _share(*city)
    side = 256 * 2**zoom
    return [
        float(east - _WIDTH / 2 / side),
        float(south - _HEIGHT / 2 / side),
        float(east + _WIDTH / 2 / side),
        float(south + _HEIGHT / 2 / side),
    ]


def _errors(city, zoom, box, tiles):
    """Return the worst error of each way over the points of the tiles that are in view, and how many places no tile covers."""
    count, side = 2**zoom, 256 * 2**zoom
    u, v = (axis.ravel() for axis in np.meshgrid(np.linspace(0, 1, 6), np.linspace(0, 1, 6)))
    x, y = tiles[:, 0:1], tiles[:, 1:2]
    a, b, c, d, e, f = (tiles[:, k : k + 1] for k in range(2, 8))
    true = _share(*gcj02_to_wgs84(*_lonlat((x + u) / count, (y + v) / count)))
    is_seen = (true[0] >= box[0]) & (true[0] <= box[2]) & (true[1] >= box[1]) & (true[1] <= box[3])
    ours = (a * u + c * v + e, b * u + d * v + f)
    nominal = ((x + u) / count, (y + v) / count)
    here, there = _share(*city), _share(*wgs84_to_gcj02(*city))
    centred = (nominal[0] + here[0] - there[0], nominal[1] + here[1] - there[1])
    ways = {"ours": ours, "centre": centred, "none": nominal}
    errors = {
        way: float((np.hypot(at[0] - true[0], at[1] - true[1]) * side)[is_seen].max()) for way, at in ways.items()
    }
    places = np.meshgrid(np.linspace(box[0], box[2], 60), np.linspace(box[1], box[3], 40))
    gcj = _share(*wgs84_to_gcj02(*_lonlat(places[0].ravel(), places[1].ravel())))
    wanted = np.column_stack([np.floor(gcj[0] * count), np.floor(gcj[1] * count)])
    known = {(column, row) for column, row in tiles[:, :2]}
    return errors, sum((column, row) not in known for column, row in wanted)


def _gap(zoom, tiles):
    """Return how far the corners of neighbours lie apart, in pixels: what the page covers with an overlap of one."""
    place = {(column, row): affine for column, row, *affine in tiles}
    worst = 0.0
    for (column, row), (a, b, c, d, e, f) in place.items():
        for other, ends in (
            ((column + 1, row), ((1, 0, 0, 0), (1, 1, 0, 1))),
            ((column, row + 1), ((0, 1, 0, 0), (1, 1, 1, 0))),
        ):
            if other not in place:
                continue
            a2, b2, c2, d2, e2, f2 = place[other]
            for u, v, u2, v2 in ends:
                apart = np.hypot(a * u + c * v + e - a2 * u2 - c2 * v2 - e2, b * u + d * v + f - b2 * u2 - d2 * v2 - f2)
                worst = max(worst, float(apart) * 256 * 2**zoom)
    return worst


def _ask(boxes):
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return None
    if chromium is None:
        return None
    with sync_playwright() as engine:
        browser = engine.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        try:
            return browser.new_page().evaluate(_ASK.format(code=text_of("gcj.js"), views=json.dumps(boxes)))
        finally:
            browser.close()


if __name__ == "__main__":
    print(json.dumps(measure(quick=False), indent=1))
