"""Whatever the engine draws stands where the normal page puts it, by screenshots of both; and stays there when the map is tilted."""

from __future__ import annotations

import io

import geopandas as gpd
import numpy as np
import pytest
import shapely
from affine import Affine
from PIL import Image

from outfall.maps import Layer, Map
from outfall.maps.raster import RasterGrid, raster_layer
from tests.maps.browser import is_quiet, opened
from tests.maps.gl import HOOK, is_quiet_gl, need_gl, settle

pytestmark = pytest.mark.browser
_FLAT_HOOK = """(() => { let kept; Object.defineProperty(window, 'L', { configurable: true, get: () => kept,
  set: (made) => { kept = made; if (made && made.Map) made.Map.addInitHook(function () { window.theMap = this; }); } }); })()"""
_LON, _LAT = 120.0, 30.0
_SPOTS = [(-150, -120), (60, -160), (230, 90), (-40, 210)]  # pixels from the middle
_MOST_PX = 1.5


def _lonlat(zoom):
    """Return the places that lie at the spots of a view of the normal page, and one pixel in degrees of longitude."""
    scale = 256 * 2**zoom
    middle = _share(_LAT) * scale
    lon = [_LON + 360 * x / scale for x, _ in _SPOTS]
    lat = [np.degrees(2 * np.arctan(np.exp((0.5 - (middle + y) / scale) * 2 * np.pi)) - np.pi / 2) for _, y in _SPOTS]
    return np.column_stack([lon, lat]), 360 / scale


def _share(lat):
    return 0.5 - np.log(np.tan(np.pi / 4 + np.radians(lat) / 2)) / (2 * np.pi)


def _layer(kind, zoom):
    places, pixel = _lonlat(zoom)
    if kind == "raster":
        size, half = 700, 350 * pixel
        row, column = np.mgrid[:size, :size] + 0.5
        top, bottom = (_share(lat) for lat in (_LAT + half, _LAT - half))
        values = np.zeros((size, size), "uint8")
        for lon, lat in places:
            x, y = (lon - _LON + half) / pixel, (_LAT + half - lat) / pixel
            values[(column - x) ** 2 + ((row - y) * (bottom - top) / (2 * half / 360)) ** 2 <= 81] = 250
        transform = Affine(pixel, 0, _LON - half, 0, -pixel, _LAT + half)
        return raster_layer(RasterGrid(values, transform, 4326), band=(1, 1, 1), limits=(0, 250), name="discs")
    arm = 8 * pixel
    shapes = {
        "points": [shapely.Point(place) for place in places],
        "lines": [shapely.MultiLineString([[(x - arm, y), (x + arm, y)], [(x, y - arm * 0.866), (x, y + arm * 0.866)]]) for x, y in places],
        "polygons": [shapely.box(x - arm, y - arm * 0.866, x + arm, y + arm * 0.866) for x, y in places],
    }  # fmt: skip
    return Layer("things", kind, gpd.GeoDataFrame({"a": ["x"] * len(places)}, geometry=shapes[kind], crs=4326))


def _middles(page, spots, *, is_light=False):
    """Return where the ink round each spot has its middle, in pixels of the page; ink differs from what lies around it."""
    shot = np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("RGB"), float)
    found = []
    for x, y in spots:
        left, top = round(x) - 22, round(y) - 22
        box = shot[top : top + 45, left : left + 45]
        away = np.abs(box - np.median(box[[0, -1]], axis=(0, 1))).sum(axis=2)
        ink = np.where(away > (240 if is_light else 90), 1.0, 0.0)
        assert ink.sum() > 12, "nothing is drawn here"
        rows, columns = np.mgrid[:45, :45] + 0.5
        found.append((left + (columns * ink).sum() / ink.sum(), top + (rows * ink).sum() / ink.sum()))
    return np.array(found)


@pytest.mark.parametrize("kind", ["points", "lines", "polygons", "raster"])
def test_both_pages_agree_on_places(browser, tmp_path, kind):
    """At a small and a large scale each kind lies within 1.5 pixels of its place, and of where the normal page draws it."""
    need_gl(browser)
    browser.add_init_script(HOOK)
    browser.add_init_script(_FLAT_HOOK)
    for zoom in (9, 17):
        drawn = Map((_layer(kind, zoom),))
        expected = np.array(_SPOTS) + np.array([700, 450])
        with opened(browser, drawn.to_maplibre().save(tmp_path / "gl.html"), until=".drawn", most_s=60) as heard:
            heard.page.evaluate(f"theGl.jumpTo({{ center: [{_LON}, {_LAT}], zoom: {zoom - 1} }})")
            settle(heard.page)
            solid = _middles(heard.page, expected, is_light=kind == "raster")
            if kind == "points":
                heard.page.evaluate("theGl.jumpTo({ pitch: 50, bearing: 30 })")
                settle(heard.page)
                places = _lonlat(zoom)[0].tolist()
                told = heard.page.evaluate("(places) => places.map((place) => { const { x, y } = theGl.project(place); return [x, y]; })", places)  # fmt: skip
                assert np.hypot(*(_middles(heard.page, told) - told).T).max() <= _MOST_PX
            assert is_quiet_gl(heard)
        with opened(browser, drawn.save(tmp_path / "flat.html")) as heard:
            heard.page.evaluate(f"theMap.setView([{_LAT}, {_LON}], {zoom}, {{ animate: false }})")
            heard.page.wait_for_timeout(150)
            flat = _middles(heard.page, expected, is_light=kind == "raster")
            assert is_quiet(heard)
        assert np.hypot(*(solid - expected).T).max() <= _MOST_PX
        assert np.hypot(*(solid - flat).T).max() <= _MOST_PX
