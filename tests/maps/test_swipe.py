"""Two sides of one map in a real browser: the line is dragged, and every layer is seen on its side only."""

from __future__ import annotations

import io

import geopandas as gpd
import numpy as np
import pytest
from affine import Affine
from PIL import Image
from shapely import Point, box

from outfall.maps import Layer, Map
from outfall.maps.raster import RasterGrid, raster_layer
from tests.maps.browser import DESKTOP, PHONE, is_quiet, opened
from tests.maps.hostile import HOSTILE

pytestmark = pytest.mark.browser
_RED, _BLUE, _GREEN = (200, 30, 30), (30, 60, 200), (0, 130, 40)
_PLACE = (Affine(20, 0, 300_000, 0, -20, 3_400_000), 32651)


def _plain(name, colour):
    table = {1: (f"{name}类", f"{name} class", "#{:02x}{:02x}{:02x}".format(*colour))}
    return raster_layer(
        RasterGrid(np.ones((150, 120), "uint8"), *_PLACE), palette=table, name=name, zh=f"{name}图", en=f"{name} map"
    )


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Return a page of two plain pictures above each other."""
    from dataclasses import replace

    layers = tuple(replace(_plain(name, colour), opacity=1.0) for name, colour in (("red", _RED), ("blue", _BLUE)))
    values = np.linspace(0, 10, 150 * 120).reshape(150, 120)
    values[:, :20] = np.nan
    numbers = raster_layer(RasterGrid(values, *_PLACE), name="ndti", zh="浊度", en="Turbidity", unit="FNU")
    return Map((replace(numbers, opacity=0.0), *layers), title="swipe").save(tmp_path_factory.mktemp("s") / "s.html")


def _pixel(page, x, y):
    shot = page.screenshot(clip={"x": x, "y": y, "width": 1, "height": 1})
    return Image.open(io.BytesIO(shot)).convert("RGB").getpixel((0, 0))


def _start(page):
    """Begin the swipe; where there are many tools it stands in the menu behind them."""
    if not page.locator("#tool-swipe").count():
        page.click("#more")
    page.click("#tool-swipe")


def _line(page):
    found = page.locator("#swipe .cut").bounding_box()
    return found["x"] + found["width"] / 2


def _sides(page, y, off=12):
    """Return the colours left and right of the line."""
    page.wait_for_timeout(60)
    x = _line(page)
    return _pixel(page, x - off, y), _pixel(page, x + off, y)


@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_dragging_the_line_shows_each_side(browser, saved, size):
    """With the line dragged anywhere, by mouse or keys, the left picture is on its left and the right one on its right, through a zoom and a change of language."""
    with opened(browser, saved, size=size) as heard:
        page = heard.page
        _start(page)
        y = size[1] * 0.4
        assert _sides(page, y) == (_RED, _BLUE)
        handle = page.locator("#swipe-handle")
        where = handle.bounding_box()
        start = _line(page)
        page.mouse.move(where["x"] + 22, where["y"] + 22)
        page.mouse.down()
        page.mouse.move(where["x"] + 62, where["y"] + 30, steps=3)
        page.mouse.up()
        assert abs(_line(page) - start - 40) <= 1.5
        assert _sides(page, y) == (_RED, _BLUE)
        handle.focus()
        before = int(handle.get_attribute("aria-valuenow"))
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("ArrowLeft")
        assert int(handle.get_attribute("aria-valuenow")) == before - 4
        assert _sides(page, y) == (_RED, _BLUE)
        page.click("#lang")
        assert "%" in page.locator("#swipe-handle").get_attribute("aria-valuetext")
        assert _sides(page, y) == (_RED, _BLUE)
        page.set_viewport_size({"width": size[0] - 20, "height": size[1]})
        page.wait_for_timeout(200)
        assert _sides(page, y) == (_RED, _BLUE)
        page.click("#swipe-close")
        assert page.locator("#swipe").count() == 0
        assert is_quiet(heard)


def test_the_reader_chooses_the_sides(browser, saved):
    """In the layer tree each layer goes left, right or on both sides; a flicker shows one side over all."""
    with opened(browser, saved) as heard:
        page = heard.page
        _start(page)
        page.click('[data-layer="red"] [data-side="right"]')
        page.click('[data-layer="blue"] [data-side="left"]')
        assert _sides(page, 360) == (_BLUE, _RED)
        page.click('[data-layer="blue"] [data-side="both"]')
        assert _sides(page, 360) == (_BLUE, _BLUE)
        page.click('[data-layer="blue"] [data-side="left"]')
        page.keyboard.press("f")
        page.wait_for_timeout(60)
        assert {_pixel(page, x, 360) for x in (620, 800)} == {_BLUE}
        page.keyboard.press("f")
        page.wait_for_timeout(60)
        assert {_pixel(page, x, 360) for x in (620, 800)} == {_RED}
        assert is_quiet(heard)


def test_drawings_are_clipped_too(browser, tmp_path):
    """Points and areas on one side are neither seen nor opened on the other."""
    areas = gpd.GeoDataFrame({"a": ["x"]}, geometry=[box(300_000, 3_397_000, 302_400, 3_400_000)], crs=32651)
    points = gpd.GeoDataFrame({"a": ["p"]}, geometry=[Point(302_300, 3_398_500)], crs=32651)
    layers = (_plain("red", _RED), Layer("areas", "polygons", areas, en="A"), Layer("points", "points", points, en="P"))
    with opened(browser, Map(layers).save(tmp_path / "d.html")) as heard:
        page = heard.page
        _start(page)
        page.click('[data-layer="red"] [data-side="both"]')
        both = _sides(page, 360)
        assert both[0] == both[1]
        page.click('[data-layer="areas"] [data-side="left"]')
        left, right = _sides(page, 360)
        assert left == both[0] != right
        x = _line(page)
        page.mouse.click(x + 60, 360)
        assert page.locator("#panel.open").count() == 0
        page.mouse.click(x - 60, 360)
        page.wait_for_selector("#panel.open")
        assert is_quiet(heard)


@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_the_pointer_reads_the_number(browser, saved, size):
    """The number and class under the pointer or the last tap are said in both languages with their unit; nothing where there is none."""
    with opened(browser, saved, size=size) as heard:
        page = heard.page
        x, y = (760, 420) if size == DESKTOP else (210, 420)
        (page.mouse.click if size == PHONE else page.mouse.move)(x, y)
        page.wait_for_selector("#reading:not([hidden])")
        said = page.locator("#reading").inner_text()
        assert "浊度" in said
        assert "FNU" in said
        assert "red类" in said
        page.click("#lang")
        (page.mouse.click if size == PHONE else page.mouse.move)(x, y + 1)
        assert "Turbidity" in page.locator("#reading").inner_text()
        assert "blue class" in page.locator("#reading").inner_text()
        assert is_quiet(heard)


def test_hostile_words_are_only_words(browser, tmp_path):
    """Names, units and classes of rasters are shown as they are; nothing in them runs."""
    layers = [
        raster_layer(
            RasterGrid(np.ones((20, 20)), *_PLACE), name=f"h{at}", zh=text, en=text, unit=text,
            palette="" if at % 2 else {1: (text, text, "#123456")},
        )
        for at, text in enumerate(HOSTILE)
    ]  # fmt: skip
    with opened(browser, Map(tuple(layers), title=HOSTILE[1]).save(tmp_path / "h.html")) as heard:
        page = heard.page
        _start(page)
        page.mouse.move(760, 420)
        page.click("#lang")
        page.mouse.move(761, 421)
        assert page.title() == HOSTILE[1]
        assert page.locator("#legend img, #swipe img, #reading img, #legend script").count() == 0
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        assert is_quiet(heard)


def test_paper_shows_both_sides(browser, saved):
    """The printed sheet has the left picture left of a line and the right one right of it."""
    with opened(browser, saved) as heard:
        page = heard.page
        _start(page)
        page.emulate_media(media="print")
        page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
        page.wait_for_timeout(600)
        seen = np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("RGB"), int)
        is_red = (seen[..., 0] > 180) & (seen[..., 2] < 60)
        is_blue = (seen[..., 2] > 180) & (seen[..., 0] < 60)
        red, blue = is_red.sum(), is_blue.sum()
        east_of_red, east_of_blue = np.nonzero(is_red)[1].max(), np.nonzero(is_blue)[1].min()
        assert min(red, blue) > 5_000
        assert east_of_red < east_of_blue <= east_of_red + 12
        assert is_quiet(heard)
