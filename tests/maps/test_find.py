"""The layer tree, the legend of numbers, the time axis and the search, by clicking, on a desk and on a phone."""

from __future__ import annotations

import re

import numpy as np
import pytest

from outfall.maps.classes import breaks_of, classify
from tests.maps.browser import PHONE, is_quiet, opened
from tests.maps.timed import TOWED, make_samples, numbers_in, texts_of

pytestmark = pytest.mark.browser


def test_a_group_switches_its_layers(page):
    """A group is on, partly on or off; its switch turns all its layers, and folding hides them."""
    group = "#legend [data-group='survey/boat']"
    switch = page.locator(f"{group} > summary .switch")
    assert switch.get_attribute("aria-checked") == "true"
    page.locator(f"{TOWED} > summary .switch").click()
    assert switch.get_attribute("aria-checked") == "mixed"
    switch.click()
    assert switch.get_attribute("aria-checked") == "true"
    switch.click()
    assert switch.get_attribute("aria-checked") == "false"
    states = [
        page.locator(f"#legend [data-layer={name}] > summary .switch").get_attribute("aria-checked")
        for name in ("towed", "tracks", "plumes")
    ]
    assert states == ["false"] * 3
    page.locator(f"{group} > summary > .name").click()
    assert not page.locator(TOWED).is_visible()


def test_groups_stand_in_the_order_of_drawing(page):
    """What is drawn on top stands first, in its group."""
    names = page.evaluate("[...document.querySelectorAll('#legend [data-layer]')].map(node => node.dataset.layer)")
    assert names == ["towed", "tracks", "plumes", "outfalls", "sources", "reaches"]


def test_a_layer_is_zoomed_to_and_seen_alone(page):
    """The menu of a layer brings it into view, and shows it alone and all again."""
    page.locator(f"{TOWED} .more-button").click()
    read = "Math.round(document.querySelector('#scale i').getBoundingClientRect().width) + document.getElementById('scale').textContent"
    page.evaluate("location.hash = '#outfalls/MX-0002'")
    page.wait_for_timeout(300)
    page.keyboard.press("Escape")
    near = page.evaluate(read)
    page.locator(f"{TOWED} [data-focus='zoom:towed']").evaluate("node => { node.click(); }")
    page.wait_for_timeout(300)
    assert page.evaluate(read) != near
    if page.viewport_size["width"] == PHONE[0] and not page.locator(TOWED).is_visible():
        page.click("#unfold")
    alone = page.locator(f"{TOWED} [data-focus='alone:towed']")
    alone.click()
    on = "#legend [data-layer] > summary .switch[aria-checked=true]"
    assert page.locator(on).count() == 1
    assert page.evaluate("document.activeElement.dataset.focus") == "alone:towed"
    alone.click()
    assert page.locator(on).count() == 6


def test_numbers_have_classes_that_count(page, town):
    """The legend of a column of numbers counts its classes as the package does; they sum to the rows."""
    column = make_samples(town)["cod_mgl"]
    expected = np.bincount(classify(column, breaks_of(column))).tolist()
    rows = [numbers_in(text)[0] for text in texts_of(page, f"{TOWED} .row .count")]
    assert rows == expected
    assert sum(rows) == len(column)
    assert "mg/L" in page.locator(f"{TOWED} .unit").first.inner_text()


def test_a_range_of_numbers_filters(page, town):
    """Moving the lower handle by keys leaves only the rows above it, and the counts say so; Home brings all back."""
    column = make_samples(town)["cod_mgl"]
    border = breaks_of(column)[2]
    handle = page.locator(f"{TOWED} .grab.from")
    handle.focus()
    for _ in range(16):
        handle.press("ArrowRight")
    page.wait_for_timeout(80)
    shown, whole = numbers_in(page.locator(f"{TOWED} > summary .count").inner_text())
    assert (shown, whole) == ((column >= border).sum(), len(column))
    assert handle.get_attribute("aria-valuetext").split()[0] == f"{border:g}"
    handle.press("Home")
    page.wait_for_timeout(80)
    assert numbers_in(page.locator(f"{TOWED} > summary .count").inner_text()) == [len(column)]


SPOTS = [
    ("120.15, 30.27", 120.15, 30.27),
    ("30.27N 120.15E", 120.15, 30.27),
    ("120°9′0″E 30°16′12″N", 120.15, 30.27),
    ("N30°16'12\" E120°9'", 120.15, 30.27),
    ("东经120°9′ 北纬30°16′12″", 120.15, 30.27),
    ("北纬30度16分12秒，东经120度9分", 120.15, 30.27),
    ("１２０．１５，３０．２７", 120.15, 30.27),
    ("lat 30.27 lon 120.15", 120.15, 30.27),
    ("30.27, 120.15", 120.15, 30.27),
    ("120 9 0 30 16 12", 120.15, 30.27),
    ("120.15 30.27", 120.15, 30.27),
    ("84.5W 38.02N", -84.5, 38.02),
]


@pytest.fixture(scope="module")
def desk(browser, timed):
    with opened(browser, timed) as heard:
        yield heard.page
        assert is_quiet(heard)


def _found(page, query):
    page.fill("#query", query)
    page.wait_for_timeout(30)
    return page.locator("#hits li").all_inner_texts()


def _spot(text):
    return [float(part) for part in text.split("\n")[0].split(",")]


@pytest.mark.parametrize(("query", "lon", "lat"), SPOTS)
def test_positions_are_read_as_people_write_them(desk, query, lon, lat):
    """Decimal, degrees and minutes, full width, either order and Chinese all mean the same place."""
    assert np.allclose(_spot(_found(desk, query)[0]), [lon, lat], atol=1e-6)


@pytest.mark.parametrize(("prefix", "name"), [("GCJ-02", "gcj02"), ("火星坐标", "gcj02"), ("BD09", "bd09")])
def test_shifted_positions_are_brought_back(desk, prefix, name):
    """A position in a shifted datum is found where the package puts it."""
    from outfall.coordinates import bd09_to_wgs84, gcj02_to_wgs84

    back = {"gcj02": gcj02_to_wgs84, "bd09": bd09_to_wgs84}[name]
    expected = [part[0] for part in back(np.array([120.15]), np.array([30.27]))]
    assert np.allclose(_spot(_found(desk, f"{prefix} 120.15, 30.27")[0]), expected, atol=2e-6)


@pytest.mark.parametrize(("epsg", "zone"), [(4528, 40), (4513, 25), (4499, 21)])
def test_grid_positions_with_a_zone_are_right(desk, epsg, zone):
    """An easting with its zone number gives the place pyproj gives, in either order; without a zone it is refused."""
    import pyproj

    central = 3 * zone if zone >= 25 else 6 * zone - 3
    lon, lat = central + 1.2345, 31.234567
    east, north = pyproj.Transformer.from_crs(4490, epsg, always_xy=True).transform(lon, lat)
    assert east > zone * 1e6
    for text in (f"{north:.3f} {east:.3f}", f"{east:.3f}, {north:.3f}"):
        assert np.allclose(_spot(_found(desk, text)[0]), [lon, lat], atol=1.1e-6)
    assert "带号" in _found(desk, f"{north:.3f} {east - zone * 1e6:.3f}")[0]


@pytest.mark.parametrize("query", ["mx-0002", "MX0002", "ＭＸ－０００２", " m x 0002 "])
def test_codes_are_found_however_they_are_typed(desk, query):
    """Case, width, spaces and hyphens make no difference, and the exact code stands first."""
    assert "MX-0002" in _found(desk, query)[0]


def test_a_search_says_what_it_searched(desk):
    """Nothing found names the layers and columns that were searched; half a position asks for the other half."""
    said = _found(desk, "zzz")[0]
    assert "zzz" in said
    assert "污染源" in said
    assert "排污口" in said
    assert "只有一个坐标" in _found(desk, "东经120°9′")[0]


def test_hits_are_few_ranked_and_walked_by_keys(desk):
    """At most 20 hits; arrows walk them and Enter opens the one that is marked."""
    texts = _found(desk, "mx")
    assert len(texts) == 20
    desk.keyboard.press("ArrowDown")
    desk.keyboard.press("ArrowDown")
    marked = desk.locator("#hits [aria-selected=true]")
    assert marked.get_attribute("id") == desk.locator("#query").get_attribute("aria-activedescendant") == "hit1"
    code = re.search(r"MX-\d+", marked.inner_text())[0]
    desk.keyboard.press("Enter")
    desk.wait_for_selector("#panel.open")
    assert code in desk.locator("#panel").inner_text()
    desk.keyboard.press("Escape")


def test_a_position_drops_a_pin_that_can_be_taken_away(page):
    """A position becomes a labelled pin, seen on the map, until its button removes it."""
    if page.viewport_size["width"] == PHONE[0]:
        page.click("#unfold")
    page.fill("#query", "120.02, 30.24")
    page.keyboard.press("Enter")
    page.wait_for_timeout(100)
    assert "120.020000, 30.240000" in page.locator(".pin").inner_text()
    box = page.locator(".pin-label").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= page.viewport_size["width"]
    page.locator(".pin-label .mini").last.click()
    assert page.locator(".pin").count() == 0


def test_no_two_scripts_of_the_page_share_a_name():
    """Every name at the top of a script is its own: all scripts of the page stand in one scope."""
    from collections import Counter

    from outfall.maps.bundle import DRAWING, PAGE, text_of

    own = [name for name in (*DRAWING, *PAGE) if "tiny-inflate" not in name]
    names = Counter(
        name
        for file in own
        for name in re.findall(r"^(?:async )?(?:function|const|let|class) (\w+)", text_of(file), re.MULTILINE)
    )
    assert {name: count for name, count in names.items() if count > 1} == {}


@pytest.mark.realdata
def test_a_real_storm_sewer_is_coloured_by_its_size(browser, shared_data, tmp_path):
    """Five thousand real drains are coloured by their size, counted whole, and narrowed by the range."""
    import geopandas as gpd

    from outfall.maps import Layer, Map

    drains = gpd.read_file(shared_data / "network/uky_storm/STM_Line_ln.geojson")
    layer = Layer("drains", "lines", drains, en="Storm drains", style="LineSize", styles=("Owner",))
    with opened(browser, Map((layer,)).save(tmp_path / "uky.html", lang="en")) as heard:
        rows = [numbers_in(text)[0] for text in texts_of(heard.page, "[data-layer=drains] .row .count")]
        assert sum(rows) == len(drains)
        heard.page.locator("[data-layer=drains] .grab.to").press("PageDown")
        heard.page.wait_for_timeout(200)
        shown, whole = numbers_in(heard.page.locator("[data-layer=drains] > summary .count").inner_text())
        assert shown < whole == len(drains)
        assert is_quiet(heard)
