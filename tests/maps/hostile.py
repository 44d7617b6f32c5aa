"""Text that tries to be more than text, and a town whose every field holds it."""

from __future__ import annotations

import io
from importlib.util import find_spec

import geopandas as gpd
import numpy as np
import pandas as pd
from PIL import Image
from shapely import LineString, Point, Polygon

from outfall.maps import Layer, Map, draw
from outfall.maps.photos import Thumbnail
from tests.maps.town import make_town

# Half a character reaches a table only where pandas keeps text without Arrow, which cannot hold one.
HALF = "" if find_spec("pyarrow") else "\ud800"
HOSTILE = [
    "<script>document.title='ran'</script>",
    "<img src=x onerror=\"document.title='ran'\">",
    "${document.title='ran'}",
    "${7*7}",
    "`${alert(1)}`",
    "=cmd|' /C calc'!A0",
    "D:\\照片\\2019\\1.jpg",
    "</script><script>document.title='ran'</script>",
    "</iframe><b>'\"&amp;",
    "\u202eגירסה \u2028\u2029 🐟",
    "{{ 7*7 }} {% raw %}",
    f"\x00\x07 zero{HALF} lone",
    "长" * 10_000,
]
# What scripts look up by: a dictionary made carelessly answers to these without anyone having put them in.
KEYS = [
    "__proto__",
    "constructor",
    "toString",
    "hasOwnProperty",
    "valueOf",
    "prototype",
    "null",
    "undefined",
    "NaN",
    "0",
]
MORE = [
    *KEYS,
    "<svg/onload=window.ran=1>",
    "<!--<script>window.ran=1",
    "--><script>window.ran=1</script>",
    "]]><img src=x onerror=window.ran=1>",
    "</style><script>window.ran=1</script>",
    "</title></textarea><img src=x onerror=window.ran=1>",
    "javascript:window.ran=1",
    "data:text/html,<script>window.ran=1</script>",
    "https://evil.example/a.js",
    "//evil.example/a.png",
    "red;background:url(https://evil.example/a.png)",
    "url(javascript:window.ran=1)}*{background:url(//evil.example)}",
    "';window.ran=1;//",
    '" onmouseover="window.ran=1" x="',
    "\\');window.ran=1;//",
    "\\u003cscript\\u003ewindow.ran=1\\u003c/script\\u003e",
    "&lt;img src=x onerror=window.ran=1&gt;",
    "{{ this.parent }}{% raw %}{{",
    "${window.ran=1}",
    "`;window.ran=1;`",
    "#/../../x?y&z=%",
    "../../../a.jpg",
    "👨\u200d👩\u200d👧 家庭",
    "\u2066\u202e\u2069gpj.exe",
    f"{HALF and chr(0xDC00)}half",
    "i" * 500,
]
TEXTS = [*HOSTILE, *MORE]


def values_map(texts=TEXTS):
    """Return a town whose ids, names, notes, reasons and columns are all hostile, and its number of features."""
    town = hostile_town(texts)
    drawn = draw(town.network, town.outfalls, town.found, sources=town.sources, title=TEXTS[7])
    return drawn, 2 * len(texts) + len(town.network.reaches)


def layers_map(texts=TEXTS):
    """Return a map with one layer per text, which is its name, labels, note, group, column, heading and words."""
    layers = [_layer(at, text) for at, text in enumerate(texts)]
    return Map(tuple(layers), title=texts[1]), 2 * len(layers)


def pictures_map(texts=TEXTS):
    """Return a map with rasters whose note, unit and classes are hostile, and photos with hostile ids and file names."""
    stream = io.BytesIO()
    Image.new("RGB", (8, 8), (40, 120, 160)).save(stream, "PNG")
    rasters = [
        Layer(f"raster {at}", "raster", zh=text, en=text, image=stream.getvalue(), bounds_deg=(120, 30, 120.1, 30.1), note=text, unit=text, classes=((text, "#0072B2"),), group=text)
        for at, text in enumerate(texts)
    ]  # fmt: skip
    ids = [text.replace(";", ",") for text in texts]
    table = gpd.GeoDataFrame(
        {"photo_ids": ids}, geometry=[Point(120 + k / 1000, 30) for k in range(len(ids))], crs=4490
    )
    photos = {photo: Thumbnail(stream.getvalue(), 8, 8, photo, beside=photo) for photo in ids if photo not in KEYS}
    return Map((*rasters, Layer("shots", "points", table, label="photo_ids", search=("photo_ids",))), title=texts[2], photos=photos), len(ids)  # fmt: skip


def _layer(at, text):
    kind = ("points", "lines", "polygons")[at % 3]
    west = 120 + at / 100
    corners = [(west, 30), (west + 0.005, 30), (west + 0.005, 30.005)]
    shape = Point(west, 30) if kind == "points" else LineString(corners) if kind == "lines" else Polygon(corners)
    column = text if text != "geometry" else "x"
    table = gpd.GeoDataFrame({column: [text, None], "n": [1.5, np.nan]}, geometry=[shape, shape], crs=4490)
    return Layer(text, kind, table, zh=text, en=text, style=column, styles=(column,), popup=(column, "n"), label=column, search=(column,), note=text, group=text)  # fmt: skip


def hostile_town(given=tuple(HOSTILE)):
    town = make_town(outfall_count=len(given), source_count=len(given))
    texts = pd.Series(given, dtype="object")
    town.outfalls = town.outfalls.assign(
        **dict.fromkeys(
            ("name", "outfall_id", "note", "address", "receiving_water", "outfall_class", "sighting_ids"), texts
        ),
        怪列=texts,
    )
    town.sources = town.sources.assign(name=texts, source_id=texts, kind=texts, note=texts)
    names = [given[k % len(given)] for k in range(len(town.network.reaches))]
    town.network.reaches["name"] = pd.Series(names, index=town.network.reaches.index, dtype="object")
    rows = [(outfall, source) for outfall in given for source in [*HOSTILE[:4], "unregistered"]]
    town.found.candidates = pd.DataFrame(rows, columns=["outfall_id", "source_id"], dtype="object").assign(
        posterior_share=0.2, path_ids="river-1;river-2", reason=HOSTILE[0], reason_zh=HOSTILE[2], prior_share=0.2
    )
    town.found.evidence = town.found.candidates[["outfall_id", "source_id"]].assign(
        line=HOSTILE[1], log_lr=1.0, reason=HOSTILE[2], reason_zh=HOSTILE[7], refs=HOSTILE[6]
    )
    return town
