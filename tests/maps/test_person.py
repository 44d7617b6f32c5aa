"""What a person does with the page: panel, measuring, coordinates, position, by clicking, on a desk and on a phone."""

from __future__ import annotations

import re

import numpy as np
import pyproj
import pytest

from outfall.coordinates import wgs84_to_gcj02
from outfall.maps import draw
from outfall.maps.bundle import text_of
from outfall.network import read_network
from tests.maps.browser import PHONE, is_quiet, opened, use_tool

pytestmark = pytest.mark.browser
DESK = (1400, 900)
GEOD = pyproj.Geod(ellps="WGS84")
SIZES = pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])


def _position(page, x, y):
    page.mouse.move(x, y)
    page.wait_for_timeout(50)
    return [float(part) for part in page.locator("#position output").inner_text().split(",")]


@pytest.fixture
def copied(browser):
    """Return what was last copied."""
    browser.grant_permissions(["clipboard-read", "clipboard-write"])
    yield lambda page: page.evaluate("navigator.clipboard.readText()")
    browser.clear_permissions()


def test_the_card_is_copied_as_text(browser, saved, town, copied):
    """One button copies title, fields with headings, candidates with probabilities and their reasons."""
    outfall = town.found.candidates["outfall_id"].iloc[0]
    with opened(browser, saved, mark=f"#outfalls/{outfall}") as heard:
        heard.page.get_by_role("button", name="复制全文").click()
        text = copied(heard.page)
        assert outfall in text
        assert "受纳水体: 清溪河" in text
        assert "未登记的污染源" in text
        mine = town.found.evidence[town.found.evidence["outfall_id"] == outfall]
        assert all(reason in text for reason in mine["reason_zh"])
        assert is_quiet(heard)


def test_a_link_opens_the_same_outfall(browser, saved, town, copied):
    """The copied link opens the page at the same outfall."""
    outfall = town.outfalls["outfall_id"].iloc[5]
    with opened(browser, saved, mark=f"#outfalls/{outfall}") as heard:
        heard.page.get_by_role("button", name="复制链接").click()
        link = copied(heard.page)
    with opened(browser, saved, mark="#" + link.split("#", 1)[1]) as heard:
        assert outfall in heard.page.locator("#panel header").inner_text()
        assert is_quiet(heard)


def test_the_most_decisive_evidence_comes_first(browser, saved, town):
    """Reasons are ordered by weight, with bars to the right for and to the left against."""
    rows = town.found.candidates
    first = rows[(rows["rank"] == 1) & (rows["source_id"] != "unregistered")].iloc[0]
    with opened(browser, saved, mark=f"#outfalls/{first['outfall_id']}") as heard:
        heard.page.locator(".candidate").first.click()
        said = [
            float(re.sub(r"[^\d.]", "", text)) for text in heard.page.locator(".evidence .line b").all_inner_texts()
        ]
        assert len(said) > 1
        assert said == sorted(said, reverse=True)
        for kind, side in (("for", "left"), ("against", "right")):
            for bar in heard.page.locator(f".evidence .{kind} .scale b").all():
                assert bar.evaluate(f"node => node.style.{side}") == "50%"
        assert is_quiet(heard)


def test_photos_turn_by_keyboard_and_keep_the_focus(browser, town, photos_folder, tmp_path):
    """Large photos go on and back by arrows, wrap round, hold the focus, and give it back."""
    outfalls = town.outfalls.copy()
    outfalls["photo_ids"] = outfalls["photo_ids"].astype("object")
    outfalls.loc[outfalls.index[3], "photo_ids"] = "DJI_0001.JPG;DJI_0002.JPG;DJI_0003.JPG"
    file = draw(town.network, outfalls, photos_folder=photos_folder).save(tmp_path / "p.html")
    with opened(browser, file, mark=f"#outfalls/{outfalls['outfall_id'].iloc[3]}") as heard:
        page = heard.page
        page.locator(".photo").first.click()
        name = page.locator(".lightbox .file")
        assert name.inner_text() == "DJI_0001.JPG"
        page.keyboard.press("ArrowRight")
        assert name.inner_text() == "DJI_0002.JPG"
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("ArrowLeft")
        assert name.inner_text() == "DJI_0003.JPG"
        page.locator(".lightbox .next").click()
        assert page.locator(".lightbox .turn").inner_text() == "1 / 3"
        for _ in range(5):
            page.keyboard.press("Tab")
            assert page.evaluate("document.activeElement.closest('.lightbox') !== null")
        page.keyboard.press("Escape")
        assert page.locator(".lightbox").count() == 0
        assert page.evaluate("document.activeElement.className") == "photo"
        assert is_quiet(heard)


@pytest.mark.parametrize(
    ("beside", "href"),
    [
        ("photos/a b#1.jpg", "photos/a%20b%231.jpg"),
        ("photos\\a.jpg", "photos/a.jpg"),
        ("javascript:alert(1)", None),
        ("https://example.org/a.jpg", None),
        ("//example.org/a.jpg", None),
        ("/etc/a.jpg", None),
        ("../../a.jpg", None),
        ("", None),
    ],
)
def test_only_files_beside_the_page_are_linked(browser, beside, href):
    """A full-size photo is linked by its relative path; an address elsewhere or a script never is."""
    page = browser.new_page()
    page.add_script_tag(content=text_of("photos.js") + "; window.besideOf = besideOf;")
    assert page.evaluate("path => besideOf({ beside: path })", beside) == href
    page.close()


@SIZES
def test_lengths_are_measured_by_clicking(browser, saved, size, copied):
    """Clicked points give the geodesic length; undo takes one back, clear all, Escape ends."""
    spots = [(110, 300), (250, 350), (180, 420)] if size == PHONE else [(600, 300), (900, 250), (800, 500)]
    with opened(browser, saved, size=size) as heard:
        page = heard.page
        lonlat = [_position(page, *spot) for spot in spots] if size == DESK else None
        use_tool(page, "tool-measure")
        for spot in spots:
            page.mouse.click(*spot)
            page.wait_for_timeout(30)
        text = page.locator("#measured b").inner_text()
        value = float(text.split()[0].replace(",", "")) * (1000 if "km" in text else 1)
        if lonlat:
            assert value == pytest.approx(GEOD.line_length(*np.array(lonlat).T), rel=1e-3)
        page.click("#measure-undo")
        assert page.locator("#measured b").inner_text() != text
        page.mouse.click(*spots[-1])
        page.wait_for_timeout(30)
        assert page.locator("#measured b").inner_text() == text
        page.click("#measure-area")
        for spot in spots:
            page.mouse.click(*spot)
            page.wait_for_timeout(30)
        said = page.locator("#measured b").inner_text()
        area = float(said.split()[0].replace(",", "")) * {"m²": 1, "ha": 1e4, "km²": 1e6}[said.split()[1]]
        if lonlat:
            assert area == pytest.approx(abs(GEOD.polygon_area_perimeter(*np.array(lonlat).T)[0]), rel=2e-3)
        page.click("#measure-copy")
        assert said in copied(page)
        page.click("#measure-clear")
        assert page.locator("#measured b").inner_text() == "—"
        page.locator("#measure-area").press("Escape")
        assert page.locator(".dock").count() == 0
        page.keyboard.press("Escape")
        assert is_quiet(heard)


@pytest.fixture(scope="module")
def river(rivertown, tmp_path_factory):
    """Return the network of the sample town and a page of it."""
    network = read_network(rivertown / "rivers.gpkg", pipes=rivertown / "sewers.gpkg")
    return network, draw(network, title="Rivertown").save(tmp_path_factory.mktemp("river") / "map.html")


def test_distance_along_the_river(browser, river):
    """Two clicks beside a river give the way along it: longer than the straight line, and the time with the water."""
    network, file = river
    reach = network.reaches[network.reaches["kind"] == "river"].sort_values("length_m").iloc[-1]
    with opened(browser, file, mark=f"#reaches/{reach['reach_id']}") as heard:
        page = heard.page
        line = network.reaches.set_index("reach_id").to_crs(4326).geometry[reach["reach_id"]]
        page.keyboard.press("Escape")
        corners = [(500, 200), (900, 600)]
        seen = [_position(page, *corner) for corner in corners]
        ends = []
        for share in (0.3, 0.7):
            spot = line.interpolate(share, normalized=True)
            part = [(value - seen[0][k]) / (seen[1][k] - seen[0][k]) for k, value in enumerate((spot.x, spot.y))]
            ends.append([corners[0][k] + part[k] * (corners[1][k] - corners[0][k]) for k in (0, 1)])
        page.keyboard.press("m")
        page.click("#measure-river")
        for end in ends:
            page.mouse.click(*end)
            page.wait_for_timeout(40)
        text = page.locator("#measured").inner_text()
        value = float(text.split()[0].replace(",", "")) * (1000 if "km" in text.split("\n")[0] else 1)
        assert value == pytest.approx(0.4 * reach["length_m"], rel=0.03)
        assert "顺流" in text
        assert "传播" in text
        assert is_quiet(heard)


@SIZES
def test_a_menu_gives_the_coordinates_of_any_place(browser, saved, size, copied):
    """A right click opens WGS 84, GCJ-02 and Gauss-Krueger coordinates of the place, each copied by a click."""
    with opened(browser, saved, size=size) as heard:
        page = heard.page
        where = (200, 330) if size == PHONE else (800, 300)
        page.mouse.click(*where, button="right")
        rows = page.locator(".pop .spot")
        texts = [text.split("\n")[-1] for text in rows.all_inner_texts()]
        lon, lat = (float(part) for part in texts[0].split(","))
        gcj = [float(part) for part in texts[3].split(",")]
        assert np.allclose(np.ravel(wgs84_to_gcj02(np.array([lon]), np.array([lat]))), gcj, atol=2e-6)
        east, north = pyproj.Transformer.from_crs(4490, 4549, always_xy=True).transform(lon, lat)
        said = [float(part) for part in texts[4].split(",")]
        assert np.hypot(said[0] - east, said[1] - north) < 0.2  # six digits of a degree are a decimetre
        assert float(texts[5].split(",")[0]) == pytest.approx(40e6 + said[0])
        rows.nth(3).click()
        assert copied(page) == texts[3]
        box = page.locator(".pop").bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= size[0]
        page.keyboard.press("Escape")
        assert page.locator(".pop").count() == 0
        assert is_quiet(heard)


def test_what_is_here_lists_and_opens(browser, saved, town):
    """What is here lists the features round a place, and one of them opens."""
    with opened(browser, saved, mark=f"#outfalls/{town.outfalls['outfall_id'].iloc[0]}") as heard:
        page = heard.page
        page.keyboard.press("Escape")
        page.keyboard.press("n")
        page.keyboard.press("Shift+F10")
        page.get_by_role("menuitem", name="这里有什么").click()
        page.wait_for_timeout(60)
        if page.locator(".dialog .list .row").count():
            page.locator(".dialog .list .row").first.click()
        page.wait_for_selector("#panel.open")
        assert is_quiet(heard)


@SIZES
def test_my_position_is_shown_with_distance_and_bearing(browser, saved, town, size):
    """With permission the device's position appears with its accuracy; the distance and bearing of the selection are right."""
    outfall = town.outfalls.to_crs(4326).iloc[7]
    here = {"longitude": 120.02, "latitude": 30.24, "accuracy": 35}
    browser.grant_permissions(["geolocation"])
    browser.set_geolocation(here)
    try:
        with opened(browser, saved, size=size) as heard:
            page = heard.page
            use_tool(page, "tool-locate")
            page.wait_for_selector("#located b:has-text('120.020000, 30.240000')")
            assert "35 m" in page.locator("#located").inner_text()
            page.evaluate("mark => { location.hash = mark; }", f"#outfalls/{outfall['outfall_id']}")
            page.wait_for_timeout(100)
            azimuth, _, metres = GEOD.inv(120.02, 30.24, outfall.geometry.x, outfall.geometry.y)
            text = page.locator("#located").inner_text()
            assert f"{azimuth % 360:.0f}°" in text
            said = re.search(r"([\d.,]+) (k?m)，", text)
            assert float(said[1].replace(",", "")) * (1000 if said[2] == "km" else 1) == pytest.approx(metres, rel=1e-3)
            assert is_quiet(heard)
    finally:
        browser.clear_permissions()


@SIZES
def test_a_refused_position_says_why_and_takes_typed_coordinates(browser, saved, size):
    """Without permission the page says why and what to do, and coordinates typed in any form serve instead."""
    browser.clear_permissions()
    with opened(browser, saved, size=size) as heard:
        page = heard.page
        use_tool(page, "tool-locate")
        page.wait_for_selector(".dock .trouble")
        assert "允许" in page.locator(".dock .trouble").inner_text()
        page.fill("#locate-typed", "nonsense")
        page.click("#locate-enter")
        assert page.locator("#locate-typed").get_attribute("aria-invalid") == "true"
        page.fill("#locate-typed", "北纬30°14′24″ 东经120°1′12″")
        page.click("#locate-enter")
        assert "120.020000, 30.240000" in page.locator("#located").inner_text()
        assert is_quiet(heard)
