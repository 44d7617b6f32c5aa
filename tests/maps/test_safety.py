"""Pages of other people's text and tables: nothing runs, nothing breaks."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
from shapely import LineString, Point

from outfall.maps import Layer, Map, draw
from tests.maps.browser import is_quiet, opened, wait_until
from tests.maps.hostile import HOSTILE, hostile_town
from tests.maps.town import CRS

pytestmark = pytest.mark.browser


def test_hostile_text_is_only_text(browser, tmp_path):
    """Markup, templates, formulas, Windows paths and broken characters in every field are shown as they are; nothing runs."""
    town = hostile_town()
    page_file = draw(town.network, town.outfalls, town.found, sources=town.sources, title=HOSTILE[7]).save(
        tmp_path / "h.html"
    )
    with opened(browser, page_file) as heard:
        page = heard.page
        for at, text in enumerate(HOSTILE):
            page.fill("#query", text.replace("\x00", "").replace("\ud800", "")[:60] or "x")
            page.keyboard.press("Enter")
            page.wait_for_timeout(30)
            if at in (0, 2, 6, 7):
                assert text in page.locator("#panel h2").inner_text()
            for row in page.locator(".candidate").all()[:1]:
                row.click()
        page.click("#lang")
        page.wait_for_timeout(100)
        assert page.title() == HOSTILE[7]
        assert page.locator("#card img, #panel img, #panel script, #card script").count() == 0
        assert is_quiet(heard)


@pytest.mark.parametrize("kind", ["points", "lines"])
def test_a_table_of_ones_own_is_a_layer(browser, tmp_path, kind):
    """A table that meets no contract is drawn, searched and opened, with hostile headings and names."""
    shapes = (
        [Point(120.1, 30.2), Point(120.2, 30.3)]
        if kind == "points"
        else [LineString([(120.1, 30.2), (120.2, 30.3)])] * 2
    )
    table = gpd.GeoDataFrame({"<b>": HOSTILE[:2], "n": [1.5, None], "is": [True, None]}, geometry=shapes, crs=4490)
    layer = Layer(HOSTILE[0], kind, table, zh=HOSTILE[1], en="x", style="is", label="<b>", search=("<b>",))
    with opened(browser, Map((layer,)).save(tmp_path / "o.html")) as heard:
        heard.page.fill("#query", "script")
        heard.page.keyboard.press("Enter")
        heard.page.wait_for_selector("#panel.open")
        assert HOSTILE[0] in heard.page.locator("#panel").inner_text()
        assert is_quiet(heard)


def test_empty_maps_open(browser, tmp_path):
    """A map without layers opens and says that there is nothing to draw."""
    with opened(browser, Map(()).save(tmp_path / "e.html")) as heard:
        assert "图上没有要素" in heard.page.locator("#legend").inner_text()
        assert is_quiet(heard)


def test_a_frame_in_a_notebook_works(browser, drawn, tmp_path):
    """The frame a notebook shows draws the map."""
    file = tmp_path / "notebook.html"
    file.write_text(f"<!doctype html><body class='ready'>{drawn._repr_html_()}", "utf-8")
    with opened(browser, file) as heard:
        frame = heard.page.frame_locator("iframe")
        frame.locator("body.ready").wait_for(state="attached")
        frame.locator("#title p:has-text('60')").wait_for()
        assert not [text for text in heard.errors if "sandbox" not in text]


def test_a_picture_lies_under_the_map(browser, town, tmp_path):
    """A raster is drawn below everything, and its slider makes it clearer."""
    import rasterio

    bands = np.random.default_rng(0).integers(1, 200, (3, 60, 90)).astype("uint8")
    west, south, east, north = town.network.reaches.total_bounds
    transform = rasterio.Affine((east - west) / 90, 0, west, 0, -(north - south) / 60, north)
    options = {
        "driver": "GTiff",
        "dtype": "uint8",
        "count": 3,
        "height": 60,
        "width": 90,
        "crs": CRS,
        "transform": transform,
    }
    with rasterio.open(tmp_path / "影 像.tif", "w", **options) as file:
        file.write(bands)
    page_file = draw(town.network, town.outfalls, under=tmp_path / "影 像.tif").save(tmp_path / "u.html")
    with opened(browser, page_file) as heard:
        page = heard.page
        # Ink is what the canvas of pictures holds, weighed by its cover; read from a copy.
        ink = """() => {
            const from = document.querySelector('.leaflet-under-pane canvas'), copy = document.createElement('canvas');
            [copy.width, copy.height] = [from.width, from.height];
            const ctx = copy.getContext('2d', { willReadFrequently: true });
            ctx.drawImage(from, 0, 0);
            return ctx.getImageData(0, 0, copy.width, copy.height).data.reduce((sum, value, k) => (k % 4 === 3 ? sum + value : sum), 0);
        }"""
        wait_until(page, f"({ink})() > 0")
        before = page.evaluate(ink)
        slider = page.locator("[data-layer=under] input")
        whole = float(slider.input_value())
        slider.fill("0.3")
        page.wait_for_timeout(60)
        assert page.evaluate(ink) / before == pytest.approx(0.3 / whole, rel=0.05)
        assert is_quiet(heard)
