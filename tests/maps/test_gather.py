"""Crowded points on the page: the reader chooses, a circle opens, a spot with many is listed."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
from shapely import Point

from outfall.maps import Layer, Map
from tests.maps.browser import DESKTOP, PHONE, is_quiet, opened

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def crowded(tmp_path_factory):
    """Six thousand points, four hundred of them on one spot in the middle."""
    draw = np.random.default_rng(0)
    at = np.vstack([draw.normal([120, 30], 0.5, (5600, 2)), np.tile([120.0, 30.0], (400, 1))])
    table = gpd.GeoDataFrame(
        {"code": [f"A{k}" for k in range(6000)], "kind": draw.choice(["雨水", "污水", "农田"], 6000)},
        geometry=[Point(*row) for row in at],
        crs=4326,
    )
    return Map((Layer("spots", "points", table, style="kind", label="code"),), title="密").save(
        tmp_path_factory.mktemp("密") / "map.html"
    )


def _choose(page, mode):
    if not page.locator("#gather").count():
        page.click("#more")
    page.click("#gather")
    page.click(f"#modes [data-mode={mode}]")
    page.wait_for_timeout(80)


def _picture(page):
    # Two frames later what was asked for is drawn.
    return page.locator(".sheet-points").evaluate(
        "canvas => new Promise((told) => requestAnimationFrame(() => requestAnimationFrame(() => told(canvas.toDataURL()))))"
    )


@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_the_reader_chooses(browser, crowded, size):
    """Points, circles and density are three pictures; automatic shows circles for as many; the keyboard chooses too, in both languages."""
    with opened(browser, crowded, size=size) as heard:
        page = heard.page
        automatic = _picture(page)
        found = {}
        for mode in ("points", "clusters", "density"):
            _choose(page, mode)
            assert page.locator(f"#modes [data-mode={mode}]").get_attribute("aria-checked") == "true"
            found[mode] = _picture(page)
            page.keyboard.press("Escape")
            assert page.locator("#modes").is_hidden()
        assert len(set(found.values())) == 3
        assert found["clusters"] == automatic
        _choose(page, "points")
        page.keyboard.press("ArrowDown")
        assert page.locator("#modes [data-mode=clusters]").get_attribute("aria-checked") == "true"
        assert _picture(page) == found["clusters"]
        assert "聚合" in page.locator("#modes").inner_text()
        page.keyboard.press("Escape")
        page.click("#lang")
        _choose(page, "density")
        assert "Circles with counts" in page.locator("#modes").inner_text()
        assert is_quiet(heard)


def test_a_circle_lists_what_lies_on_one_spot(browser, tmp_path):
    """A click on the circle of four hundred points on one spot lists the first two hundred, and each of them opens."""
    table = gpd.GeoDataFrame(
        {"code": [f"A{k}" for k in range(700)]}, geometry=[Point(120, 30)] * 400 + [Point(121, 30)] * 300, crs=4326
    )
    path = Map((Layer("spots", "points", table, label="code"),), title="密").save(tmp_path / "map.html")
    with opened(browser, path) as heard:
        page = heard.page
        _choose(page, "clusters")
        page.keyboard.press("Escape")
        page.mouse.click(*_westmost(page))
        page.wait_for_timeout(200)
        assert page.locator(".gathered li").count() == 200
        assert "400" in page.locator(".gathered-popup").inner_text()
        page.locator(".gathered button").first.click()
        assert page.locator("#panel").is_visible()
        assert "A0" in page.locator("#panel").inner_text()
        assert is_quiet(heard)


def _westmost(page):
    """Return a place inside the westernmost thing that is painted."""
    return page.evaluate("""() => {
      const canvas = document.querySelector('.sheet-points'), box = canvas.getBoundingClientRect(), copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d', { willReadFrequently: true });
      copy.drawImage(canvas, 0, 0);
      const { data } = copy.getImageData(0, 0, canvas.width, canvas.height), ratio = canvas.width / box.width;
      for (let x = 0; x < canvas.width; x++) for (let y = 0; y < canvas.height; y++) if (data[4 * (y * canvas.width + x) + 3] > 200) return [box.left + x / ratio + 9, box.top + y / ratio];
      return [0, 0];
    }""")
