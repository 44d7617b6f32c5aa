"""Base maps in the browser: in their place, quiet, picked from the disk, and online only as far as asked."""

from __future__ import annotations

import io
import json
import re

import geopandas as gpd
import numpy as np
import pytest
from PIL import Image
from shapely import Point

from outfall.coordinates import bd09_to_wgs84, gcj02_to_wgs84, wgs84_to_bd09, wgs84_to_gcj02
from outfall.maps import Layer, Map, online, open_basemap, tianditu
from outfall.maps.bundle import text_of
from tests.maps.browser import PHONE, is_quiet, opened
from tests.maps.tiles_made import picture, place, town_tiles, write_mbtiles, write_pmtiles

pytestmark = pytest.mark.browser

CITIES = {"Beijing": (116.397, 39.909), "Shanghai": (121.474, 31.23), "Guangzhou": (113.264, 23.129), "Chengdu": (104.066, 30.573), "Urumqi": (87.617, 43.793)}  # fmt: skip
GROUND, RED = (206, 214, 222), (230, 0, 0)
LAKE = (200, 219, 230)
KEY = "f00dfeedf00dfeed"
LISTEN = "const kept = CanvasRenderingContext2D.prototype.fillText; window.written = []; CanvasRenderingContext2D.prototype.fillText = function (text, ...at) { window.written.push(text); return kept.call(this, text, ...at); };"


@pytest.fixture(scope="module")
def gcj(browser):
    """Return a function that runs an expression with the page's own code of datums."""
    page = browser.new_page()
    yield lambda expression: page.evaluate(f"(() => {{ {text_of('gcj.js')}\nreturn {expression}; }})()")
    page.close()


@pytest.fixture(scope="module")
def archives(tmp_path_factory):
    """Return a folder of one invented town as PMTiles and MBTiles, in the names readers would give them."""
    folder = tmp_path_factory.mktemp("底 图")
    tiles = town_tiles((119.99, 30.19, 120.06, 30.26), range(9, 15))
    write_pmtiles(folder / "小镇.pmtiles", tiles, leaf_size=9)
    for plan in ("plain", "once", "planetiler"):
        write_mbtiles(folder / f"{plan}.mbtiles", tiles, kind="pbf", plan=plan)
    return folder


def one_point(lon, lat):
    table = gpd.GeoDataFrame({"code": ["A1"]}, geometry=[Point(lon, lat)], crs=4326)
    return Map((Layer("wells", "points", table, zh="井", en="Wells"),), title="底图")


def lake_middle():
    """Return a position in the middle of a lake of the invented town, at zoom 14."""
    x, y, _, _ = place(120.02, 30.22, 14)
    east, south = (x + 3050 / 4096) / 2**14, (y + 3050 / 4096) / 2**14
    return (east - 0.5) * 360, float(np.degrees(np.arctan(np.sinh(np.pi * (1 - 2 * south)))))


def shot(page):
    page.wait_for_timeout(250)
    return np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("RGB")).astype(int)


def is_colour(pixels, colour, within=6):
    return np.abs(pixels - np.array(colour)).max(axis=-1) <= within


def middle_of(mask):
    """Return the middle of the largest patch of a mask, x and y, in pixels."""
    from scipy import ndimage

    patches, _ = ndimage.label(mask)
    largest = np.argmax(np.bincount(patches.ravel())[1:]) + 1
    rows, columns = np.nonzero(patches == largest)
    return np.array([(columns.min() + columns.max() + 1) / 2, (rows.min() + rows.max() + 1) / 2])


def test_the_page_shifts_as_python_does(gcj):
    """To and from GCJ-02 and BD-09 the page's code agrees with the package to 1e-9 degree, in and outside China."""
    rng = np.random.default_rng(0)
    lon, lat = rng.uniform(60, 150, 400), rng.uniform(-10, 60, 400)
    rows = json.dumps(np.column_stack([lon, lat]).tolist())
    pairs = {"gcj02": (wgs84_to_gcj02, gcj02_to_wgs84), "bd09": (wgs84_to_bd09, bd09_to_wgs84)}
    for datum, (there, back) in pairs.items():
        ahead = np.array(gcj(f"{rows}.map(([lon, lat]) => toDatum('{datum}', lon, lat))"))
        home = np.array(gcj(f"{rows}.map(([lon, lat]) => fromDatum('{datum}', lon, lat))"))
        inside = (lon > 73) & (lon < 137) & (lat > 1.5) & (lat < 55)
        assert np.abs(ahead - np.column_stack(there(lon, lat))).max() < 1e-9
        assert np.abs((home - np.column_stack(back(lon, lat)))[inside]).max() < 1e-9
        assert np.abs(ahead - np.column_stack([lon, lat]))[~inside & ((lon < 71) | (lon > 138) | (lat < 0))].max() == 0


def test_there_and_back_is_exact(gcj):
    """A position shifted and shifted back comes home within a centimetre, also by way of BD-09."""
    rng = np.random.default_rng(1)
    rows = np.column_stack([rng.uniform(74, 135, 500), rng.uniform(4, 53, 500)])
    for datum in ("gcj02", "bd09"):
        home = np.array(gcj(f"{json.dumps(rows.tolist())}.map(([lon, lat]) => fromDatum('{datum}', ...toDatum('{datum}', lon, lat)))"))  # fmt: skip
        assert np.abs(home - rows).max() * 111_320 < 0.01


@pytest.mark.parametrize("city", CITIES)
def test_shifted_tiles_lie_within_six_tenths_of_a_pixel(gcj, city):
    """At zooms 10 to 18 every point of every tile round a city lies where the package says, and neighbours meet."""
    lon, lat = CITIES[city]
    for zoom in range(10, 19):
        x, y, _, _ = place(lon, lat, zoom)
        wide = [[x + dx, y + dy] for dx in (-3, 0, 3) for dy in (-2, 0, 2)]
        affine = np.array(gcj(f"{json.dumps(wide)}.map(([x, y]) => placeTile({zoom}, x, y, 'gcj02'))"))
        u, v = (axis.ravel() for axis in np.meshgrid(np.linspace(0, 1, 7), np.linspace(0, 1, 7)))
        a, b, c, d, e, f = (affine[:, k : k + 1] for k in range(6))
        east, south = (np.array(wide)[:, 0:1] + u) / 2**zoom, (np.array(wide)[:, 1:2] + v) / 2**zoom
        true = gcj02_to_wgs84((east - 0.5) * 360, np.degrees(np.arctan(np.sinh(np.pi * (1 - 2 * south)))))
        sine = np.sin(np.radians(true[1]))
        right, down = true[0] / 360 + 0.5, 0.5 - np.log((1 + sine) / (1 - sine)) / (4 * np.pi)
        error = np.hypot(a * u + c * v + e - right, b * u + d * v + f - down) * 256 * 2**zoom
        assert error.max() <= 0.6
        assert np.abs(affine[:, 4] * 2**zoom - np.array(wide)[:, 0]).max() * 256 > 1.5


def test_outside_china_nothing_moves(gcj):
    """A GCJ-02 tile of Paris lies where any other does, and one that China's border crosses is not torn."""
    for zoom, x, y in ((14, 8299, 5636), (10, 200, 400)):
        assert np.array_equal(
            gcj(f"placeTile({zoom}, {x}, {y}, 'gcj02')"), gcj(f"placeTile({zoom}, {x}, {y}, 'wgs84')")
        )
    x, y, _, _ = place(72.004, 40.0, 12)
    a, b, c, d, _, _ = gcj(f"placeTile(12, {x}, {y}, 'gcj02')")
    assert (a, b, c, d) == (2**-12, 0, 0, 2**-12)


def _server(lon, lat, *, datum, asked):
    """Return a route that answers each tile with a picture whose red square lies where the place does in that datum."""
    plain = picture(GROUND)
    moved = wgs84_to_gcj02(lon, lat) if datum == "gcj02" else (lon, lat)

    def answer(route):
        url = route.request.url
        if not url.startswith("https://tiles.example.test/"):
            route.continue_()
            return
        zoom, x, y = map(int, re.search(r"/(\d+)/(\d+)/(\d+)\.png", url).groups())
        column, row, u, v = place(*moved, zoom)
        mark = (round(u + 256 * (column - x)), round(v + 256 * (row - y)))
        asked[zoom] = (round(u) - u, round(v) - v)
        is_marked = min(mark) > -9 and max(mark) < 265
        route.fulfill(body=picture(GROUND, mark=mark) if is_marked else plain, content_type="image/png")

    return answer


@pytest.mark.parametrize(
    ("city", "datum", "steps"),
    [("Beijing", "gcj02", (0, 1, -8)), ("Urumqi", "gcj02", (1,)), ("Shanghai", "wgs84", (1,))],
)
def test_what_a_tile_shows_lies_on_the_survey(browser, tmp_path, city, datum, steps):
    """On the screen the place a shifted tile shows is where the survey's point is, and no paper is seen between tiles."""
    lon, lat = CITIES[city]
    base = online("https://tiles.example.test/{z}/{x}/{y}.png", datum=datum, attribution="假想地图")
    saved = one_point(lon, lat).with_base(base).save(tmp_path / "m.html")
    asked, zooms = {}, []
    with opened(browser, saved, answer=_server(lon, lat, datum=datum, asked=asked)) as heard:
        page = heard.page
        for clicks in steps:
            for _ in range(abs(clicks)):
                page.click("#tool-zoom-in" if clicks > 0 else "#tool-zoom-out")
                page.wait_for_timeout(380)
            with_point = shot(page)
            page.locator("[data-layer=wells] .switch").click()
            pixels = shot(page)
            page.locator("[data-layer=wells] .switch").click()
            bare = pixels[60:840, 340:1290]
            red = is_colour(bare, RED, within=90) & (bare[..., 0] > 180)
            # ends are measured on the point itself: what changed between the two pictures
            point = middle_of(np.abs(with_point - pixels).max(axis=-1)[60:840, 340:1290] > 12)
            zoom = round(_zoom_of(page))
            off = asked[zoom]
            size = 2 ** (_zoom_of(page) - zoom)
            zooms.append(zoom)
            assert np.abs(middle_of(red) - np.array(off) * size - point).max() <= 1.1
            rest = bare[~_grown(red)]
            assert is_colour(rest, GROUND, within=3).all()
        assert zooms == [16 + round(0.75 * sum(steps[: k + 1])) for k in range(len(steps))]
        assert "假想地图" in page.locator("#credit").inner_text()
        assert all(url.startswith("https://tiles.example.test/") for url in heard.requests)
        assert heard.errors == []


def _zoom_of(page):
    """Return the zoom of the view from the steps of the zoom buttons: a quarter each way of whole tiles."""
    matrix = page.evaluate("document.querySelector('#scale span').textContent")
    width = page.evaluate("document.querySelector('#scale i').getBoundingClientRect().width")
    lat = float(page.locator("#position output").inner_text().split(",")[1])
    metres = float(re.search(r"[\d.]+", matrix)[0]) * (1000 if "km" in matrix else 1) / width
    return round(np.log2(2 * np.pi * 6378137 * np.cos(np.radians(lat)) / 256 / metres) * 4) / 4


def _grown(mask):
    from scipy import ndimage

    return ndimage.binary_dilation(mask, iterations=4)


def test_a_town_that_travels_along_is_drawn(browser, archives, tmp_path):
    """A vector base map inside the page lies under the survey, with names in the page's language, and asks nobody."""
    lon, lat = lake_middle()
    page_file = one_point(lon, lat).with_base(open_basemap(archives / "小镇.pmtiles")).save(tmp_path / "m.html")
    browser.add_init_script(f"if (location.hash === '#listen') {{ {LISTEN} }}")
    with opened(browser, page_file, mark="#listen") as heard:
        page = heard.page
        pixels = shot(page)
        x, y = middle_of(_blue(pixels)).round().astype(int)
        ring = [pixels[y + dy, x + dx] for dx in (-24, 24) for dy in (-24, 24)]
        assert is_colour(np.array(ring), LAKE).all()
        assert any("石桥镇" in text for text in page.evaluate("window.written"))
        page.evaluate("window.written.length = 0")
        page.click("#lang")
        page.wait_for_timeout(200)
        assert any("Shiqiao" in text for text in page.evaluate("window.written"))
        assert "测绘 组" in page.locator("#credit").inner_text()
        page.click("#base-button")
        page.locator("#bases input[value='-1']").check()
        assert is_colour(shot(page)[60:840, 340:1000], LAKE).sum() < 50
        assert is_quiet(heard)


def _blue(pixels):
    """Return where the point's own colour is, in the part of the page that is map."""
    mask = is_colour(pixels, (0, 114, 178), within=20)
    mask[:, :330] = False
    mask[:, 1290:] = False
    return mask


@pytest.mark.parametrize("size", [(1400, 900), PHONE], ids=["desktop", "phone"])
def test_a_file_is_picked_and_drawn(browser, archives, tmp_path, size):
    """A reader opens PMTiles and MBTiles of three plans from the disk: each draws the same town, and nothing is asked for."""
    saved = one_point(*lake_middle()).save(tmp_path / "m.html")
    with opened(browser, saved, size=size) as heard:
        page = heard.page
        before = is_colour(shot(page), LAKE).sum()
        seen = []
        for name in ("小镇.pmtiles", "plain.mbtiles", "once.mbtiles", "planetiler.mbtiles"):
            page.click("#base-button")
            with page.expect_file_chooser() as chooser:
                page.click("#bases .pick")
            chooser.value.set_files(archives / name)
            page.wait_for_selector(f"#bases .choice:has(input:checked):has-text('{name}')")
            page.keyboard.press("Escape")
            seen.append(is_colour(shot(page), LAKE).sum())
        assert before < 50  # a few pixels of symbols and icons happen to be of that colour
        assert seen[0] > 5_000
        assert len(set(seen)) == 1
        assert is_quiet(heard)


def test_a_file_that_is_no_base_map_is_said_in_words(browser, tmp_path):
    """Other files, and archives packed in a way no browser reads, are named in the reader's language; the map stays."""
    saved = one_point(120.0, 30.2).save(tmp_path / "m.html")
    (tmp_path / "照片.pmtiles").write_bytes(b"\xff\xd8\xff" + b"0" * 500)
    (tmp_path / "表.mbtiles").write_bytes(b"SQLite format 3\0" + bytes(90) + b"9" * 3000)
    packed = bytearray(write_pmtiles(tmp_path / "b.pmtiles", {(5, 26, 13): b"x"}).read_bytes())
    packed[98] = 3
    (tmp_path / "b.pmtiles").write_bytes(packed)
    with opened(browser, saved) as heard:
        page = heard.page
        page.click("#base-button")
        for name, says in (("照片.pmtiles", "不是可读的"), ("表.mbtiles", "不是可读的"), ("b.pmtiles", "请改用 gzip")):
            page.set_input_files("#base-file", tmp_path / name)
            page.locator("#bases .trouble", has_text=name).wait_for()
            assert says in page.locator("#bases .trouble").inner_text()
        assert page.locator("#bases .choice").count() == 1
        assert is_quiet(heard)


def test_a_key_is_asked_for_and_kept_in_memory(browser, tmp_path):
    """Tianditu asks nobody until the reader gives a key; then only its hosts, with that key, which is stored nowhere."""
    saved = (
        one_point(*CITIES["Shanghai"]).with_base(tianditu("img", approval="GS(2024)0000号")).save(tmp_path / "m.html")
    )
    answer = lambda route: route.fulfill(body=picture(GROUND), content_type="image/png") if route.request.url.startswith("https") else route.continue_()  # noqa: E731  # fmt: skip
    with opened(browser, saved, answer=answer) as heard:
        page = heard.page
        assert is_quiet(heard)
        assert "审图号：GS(2024)0000号" in page.locator("#credit").inner_text()
        page.locator("#credit button").click()
        page.fill("#base-key", KEY)
        page.keyboard.press("Enter")
        assert is_colour(shot(page)[300:700, 400:1000], GROUND, within=3).mean() > 0.9
        assert {
            re.match(r"https://t[0-7]\.tianditu\.gov\.cn/(img|cia)_w/", url) is not None for url in heard.requests
        } == {True}
        assert all(url.endswith(f"tk={KEY}") for url in heard.requests)
        assert KEY not in page.content()
        assert page.evaluate("document.cookie.length + localStorage.length + sessionStorage.length") == 0
        asked = len(heard.requests)
        page.locator("#bases input[value='-1']").check()
        page.click("#tool-zoom-out")
        page.wait_for_timeout(250)
        assert len(heard.requests) == asked
        assert heard.errors == []


def test_the_choice_works_by_keyboard_and_in_both_languages(browser, archives, tmp_path):
    """Opened with Enter, changed with an arrow, closed with Escape, which gives the focus back."""
    saved = one_point(*lake_middle()).with_base(open_basemap(archives / "小镇.pmtiles")).save(tmp_path / "m.html")
    with opened(browser, saved, size=PHONE) as heard:
        page = heard.page
        page.click("#lang")
        page.focus("#base-button")
        page.keyboard.press("Enter")
        assert "The project's own layers only" in page.locator("#bases").inner_text()
        page.keyboard.press("ArrowUp")
        assert page.locator("#bases input:checked").get_attribute("value") == "-1"
        page.keyboard.press("Escape")
        assert page.evaluate("document.activeElement.id") == "base-button"
        assert page.locator("#bases").is_hidden()
        assert is_quiet(heard)
