"""A picture stands where pyproj puts it, by a screenshot."""

from __future__ import annotations

import io

import numpy as np
import pytest
from affine import Affine
from PIL import Image
from pyproj import Transformer
from scipy import ndimage

from outfall.maps import Map
from outfall.maps.raster import RasterGrid, raster_layer
from tests.maps.browser import is_quiet, opened

pytestmark = pytest.mark.browser
_HOOK = """(() => { let kept; Object.defineProperty(window, 'L', { configurable: true, get: () => kept,
  set: (made) => { kept = made; if (made && made.Map) made.Map.addInitHook(function () { window.theMap = this; }); } }); })()"""
_MIDDLES = np.array([(column, row) for row in (50, 150, 250) for column in (60, 200, 340)], float)


def _discs(cell_m, east, north):
    row, column = np.mgrid[:300, :400] + 0.5
    values = np.zeros((300, 400), "uint8")
    for x, y in _MIDDLES:
        values[(column - x) ** 2 + (row - y) ** 2 <= 36] = 250
    transform = Affine(cell_m, 0, east, 0, -cell_m, north)
    lonlat = Transformer.from_crs(32651, 4326, always_xy=True).transform(
        east + cell_m * _MIDDLES[:, 0], north - cell_m * _MIDDLES[:, 1]
    )
    return raster_layer(
        RasterGrid(values, transform, 32651), band=(1, 1, 1), limits=(0, 250), name=f"d{cell_m}"
    ), lonlat


def test_a_picture_stands_where_it_belongs(browser, tmp_path):
    """At a small and a large scale every marker of a UTM raster lies within half a pixel of its place on the screen."""
    cases = [(9, 262.0, 250_000), (12, 33.0, 700_000), (17, 1.03, 760_000)]
    made = [(_discs(cell_m, east, 3_400_000), zoom) for zoom, cell_m, east in cases]
    browser.add_init_script(_HOOK)
    with opened(browser, Map(tuple(layer for (layer, _), _ in made)).save(tmp_path / "p.html")) as heard:
        for (layer, (lon, lat)), zoom in made:
            heard.page.evaluate(
                "([name, lat, lon, zoom]) => theMap.setView([lat, lon], zoom, { animate: false })",
                [layer.name, float(lat.mean()), float(lon.mean()), zoom],
            )
            heard.page.wait_for_timeout(80)
            left, top = heard.page.evaluate("() => { const b = theMap.getPixelBounds(); return [b.min.x, b.min.y]; }")
            shot = heard.page.screenshot(clip={"x": 430, "y": 200, "width": 540, "height": 500})
            light = np.asarray(Image.open(io.BytesIO(shot)).convert("L"), float)
            labels, count = ndimage.label(light > 100)
            sizes = ndimage.sum_labels(np.ones_like(light), labels, np.arange(1, count + 1))
            kept = [at + 1 for at in range(count) if 60 < sizes[at] < 260]
            found = np.array(ndimage.center_of_mass(light, labels, kept))[:, ::-1] + (430.5, 200.5)
            scale = 256 * 2**zoom
            x = (lon / 360 + 0.5) * scale - left
            y = (0.5 - np.log(np.tan(np.pi / 4 + np.radians(lat) / 2)) / (2 * np.pi)) * scale - top
            away = np.hypot(x[:, None] - found[:, 0], y[:, None] - found[:, 1]).min(axis=1)
            assert away.max() <= 0.5
        assert is_quiet(heard)
