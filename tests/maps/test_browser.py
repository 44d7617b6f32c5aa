"""The page in a real browser: from the disk, without a network, by clicking."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely import LineString, Point

from outfall.maps import Layer, Map, draw
from tests.maps.browser import PHONE, opened
from tests.maps.town import CRS, HOSTILE, make_town

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def shared(browser, saved):
    with opened(browser, saved) as heard:
        yield heard


@pytest.fixture
def page(shared):
    """Return the page as it opens; whatever a test does, it must stay quiet."""
    shared.page.evaluate("location.hash = ''")
    shared.page.fill("#query", "")
    shared.page.locator("#query").blur()
    shared.page.keyboard.press("Escape")
    yield shared.page
    assert _quiet(shared)


def _choose(page, layer, key):
    page.evaluate("mark => { location.hash = mark; }", f"#{layer}/{key}")
    page.wait_for_selector("#panel.open")
    page.wait_for_timeout(60)


def _quiet(heard):
    return heard.requests == [] and heard.errors == [] and heard.dialogs == []


def _pixels(page, selector):
    """Return how many pixels of the canvases that match are painted."""
    return page.evaluate(
        "s => [...document.querySelectorAll(s)].map(c => { const k = new OffscreenCanvas(c.width, c.height).getContext('2d',"
        " { willReadFrequently: true }); k.drawImage(c, 0, 0); const d = k.getImageData(0, 0, c.width, c.height).data;"
        " let n = 0; for (let i = 3; i < d.length; i += 4) n += d[i] > 0; return n; }).reduce((a, b) => a + b, 0)",
        selector,
    )


def _leading(town):
    """Return the id of an outfall whose first candidate is a source with a path, and that source."""
    rows = town.found.candidates
    first = rows[(rows["rank"] == 1) & (rows["path_ids"] != "") & (rows["posterior_share"] > 0.3)].iloc[0]
    return first["outfall_id"], first["source_id"]


@pytest.mark.parametrize("size", [(1400, 900), PHONE])
def test_the_page_asks_for_nothing_and_complains_of_nothing(browser, saved, size):
    """A page opened from the disk draws its layers without a request, a console message or a dialog."""
    with opened(browser, saved, size=size) as heard:
        assert _quiet(heard)
        assert _pixels(heard.page, ".sheet-lines") > 2000
        assert _pixels(heard.page, ".sheet-points") > 2000
        assert heard.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_a_click_on_an_outfall_shows_who_and_why(page, town):
    """Opening an outfall shows ranked candidates with the unregistered one, their reasons, and lights up paths."""
    outfall, source = _leading(town)
    rows = town.found.candidates[town.found.candidates["outfall_id"] == outfall]
    _choose(page, "outfalls", outfall)
    names = page.locator(".candidate .name").all_inner_texts()
    assert names[0] == town.sources.set_index("source_id").loc[source, "name"]
    assert "未登记的污染源" in names
    shares = [text.strip("%<") for text in page.locator(".candidate .share").all_inner_texts()]
    assert abs(float(shares[0]) / 100 - rows["posterior_share"].max()) < 0.01
    assert _pixels(page, ".leaflet-paths-pane canvas") > 1000
    page.locator(".candidate").first.click()
    evidence = town.found.evidence
    mine = evidence[(evidence["outfall_id"] == outfall) & (evidence["source_id"] == source)]
    shown = page.locator(".why").first.inner_text()
    assert all(reason in shown for reason in mine["reason_zh"])
    decibans = [f"{abs(value) * 10 / np.log(10):.1f}" for value in mine["log_lr"]]
    assert all(value in shown for value in decibans)


def test_a_click_on_the_canvas_opens_what_lies_there(page, town):
    """Clicking where an outfall is drawn opens it; Escape closes it."""
    page.locator("#tools [aria-label='全图']").click()
    page.wait_for_timeout(100)
    read = lambda: [float(part) for part in page.locator("#position output").inner_text().split(",")]  # noqa: E731
    corners = [(500, 200), (1200, 700)]
    seen = []
    for corner in corners:
        page.mouse.move(*corner)
        page.wait_for_timeout(40)
        seen.append(read())
    outfall = town.outfalls.to_crs(4326).set_index("outfall_id").geometry["MX-0041"]
    share = [(value - seen[0][k]) / (seen[1][k] - seen[0][k]) for k, value in enumerate((outfall.x, outfall.y))]
    page.mouse.click(*(corners[0][k] + share[k] * (corners[1][k] - corners[0][k]) for k in (0, 1)))
    page.wait_for_selector("#panel.open")
    assert "MX-0041" in page.locator("#panel header").inner_text()
    page.keyboard.press("Escape")
    assert page.locator("#panel.open").count() == 0


def test_a_click_on_a_source_lists_what_it_may_explain(page, town):
    """Opening a source lists its outfalls, the likeliest first, and lights up what lies downstream."""
    _, source = _leading(town)
    rows = town.found.candidates[town.found.candidates["source_id"] == source].sort_values(
        "posterior_share", ascending=False
    )
    _choose(page, "sources", source)
    first = page.locator(".candidate .share").first.inner_text()
    assert abs(float(first.strip("%<")) / 100 - rows["posterior_share"].iloc[0]) < 0.01
    assert page.locator(".candidate").count() == min(40, (rows["posterior_share"] >= 0.005).sum())
    assert _pixels(page, ".leaflet-paths-pane canvas") > 1000
    page.locator(".candidate").first.click()
    assert page.locator("#panel [aria-label='返回']").count() == 1


def test_a_reach_shows_its_attributes(page):
    """Opening a reach shows the headings and words of the contract."""
    _choose(page, "reaches", "pipe-0.2")
    text = page.locator(".fields").inner_text()
    assert "排水体制" in text
    assert "雨水" in text
    assert "管径 (mm)" in text


def test_legend_rows_filter(page, town):
    """A legend row shows its count and a click takes its class off the map and back."""
    row = page.locator("[data-layer=outfalls] .row[data-value=named]")
    before = _pixels(page, ".sheet-points")
    assert int(row.locator(".count").inner_text()) > 0
    row.click()
    page.wait_for_timeout(150)
    assert row.get_attribute("aria-pressed") == "false"
    less = _pixels(page, ".sheet-points")
    assert less < before
    row.click()
    page.wait_for_timeout(150)
    assert _pixels(page, ".sheet-points") == before
    counts = page.locator("[data-layer=outfalls] .row:not([data-value=ring]) .count").all_inner_texts()
    assert sum(map(int, counts)) == len(town.outfalls)


def test_layers_are_switched(page):
    """The switch of a layer puts it on the map and takes it off."""
    switch = page.locator("[data-layer=sightings] .switch")
    assert switch.get_attribute("aria-checked") == "false"
    before = page.locator(".sheet-points").count()
    switch.click()
    assert page.locator(".sheet-points").count() == before + 1
    assert page.locator("[data-layer=sightings] .switch").get_attribute("aria-checked") == "true"


@pytest.mark.parametrize(
    ("query", "says"),
    [("mx0002", "MX-0002"), ("电镀", "电镀厂"), ("120.02, 30.24", "120.02, 30.24"), ("zzz", "没有找到")],
)
def test_search_finds(page, query, says):
    """Codes, names and coordinates are found; nothing else is claimed."""
    page.keyboard.press("/")
    page.fill("#query", query)
    assert says in page.locator("#hits").inner_text()


def test_the_page_speaks_both_languages(page):
    """The switch turns every label of the page into English and back."""
    _choose(page, "sources", "E001")
    zh = page.locator("body").inner_text()
    page.click("#lang")
    text = page.locator("#card, #panel").all_inner_texts()
    assert "Outfalls it may explain" in text[1]
    assert "Electroplating" in text[1]
    assert "Rivers and pipes" in text[0]
    page.click("#lang")
    assert page.locator("body").inner_text() == zh


def test_photos_are_shown_and_enlarged(page, town):
    """An outfall's photos are in the page, and a click enlarges one."""
    _choose(page, "outfalls", town.outfalls["outfall_id"].iloc[3])
    page.wait_for_selector(".photo img")
    assert page.evaluate("document.querySelector('.photo img').naturalWidth") == 320
    page.locator(".photo").click()
    assert page.locator(".lightbox figcaption").inner_text() == "DJI_0003.JPG"
    page.keyboard.press("Escape")
    assert page.locator(".lightbox").count() == 0


def test_the_position_is_said_in_three_datums(page):
    """The position turns from WGS 84 into GCJ-02 as the package computes it."""
    from outfall.coordinates import wgs84_to_gcj02

    read = lambda: [float(part) for part in page.locator("#position output").inner_text().split(",")]  # noqa: E731
    lon, lat = read()
    page.click("#position .datum")
    assert read() == [lon, lat]
    page.click("#position .datum")
    assert page.locator("#position .datum").inner_text() == "GCJ-02"
    expected = wgs84_to_gcj02(np.array([lon]), np.array([lat]))
    assert np.allclose(read(), [expected[0][0], expected[1][0]], atol=2e-6)


def test_a_phone_gets_a_sheet_from_below(browser, saved, town):
    """On a phone the panel lies at the bottom, across the whole width, and leaves the map in view."""
    with opened(browser, saved, size=PHONE, mark=f"#outfalls/{_leading(town)[0]}") as heard:
        heard.page.wait_for_timeout(300)
        box = heard.page.evaluate("document.querySelector('#panel').getBoundingClientRect().toJSON()")
        assert box["width"] == PHONE[0]
        assert box["bottom"] == PHONE[1]
        assert box["top"] > 300
        assert _quiet(heard)


def test_it_prints_on_one_sheet(page, town):
    """Printing gives one A4 sheet."""
    _choose(page, "outfalls", _leading(town)[0])
    made = page.pdf(prefer_css_page_size=True, print_background=True)
    assert made.count(b"/Type /Page\n") == 1


def test_browsers_without_decompression_read_the_page(browser, saved):
    """Where DecompressionStream is missing our own way gives the same page."""
    browser.add_init_script("if (location.hash === '#old') delete window.DecompressionStream;")
    with opened(browser, saved, mark="#old") as heard:
        assert heard.page.evaluate("typeof DecompressionStream") == "undefined"
        assert "60" in heard.page.locator("#title p").inner_text()
        assert _quiet(heard)


def test_a_damaged_page_says_so(browser, saved, tmp_path):
    """A page whose data is cut off says that it cannot be read."""
    text = saved.read_text("utf-8")
    at = text.index('id="data">') + 20_000
    broken = tmp_path / "broken.html"
    broken.write_text(text[:at] + text[text.index("</script>", at) :], "utf-8")
    with opened(browser, broken) as heard:
        assert "地图数据无法读取" in heard.page.locator("#trouble").inner_text()


def _hostile_town():
    town = make_town(outfall_count=len(HOSTILE), source_count=len(HOSTILE))
    texts = np.array(HOSTILE, dtype=object)
    town.outfalls = town.outfalls.assign(
        **dict.fromkeys(
            ("name", "outfall_id", "note", "address", "receiving_water", "outfall_class", "sighting_ids"), texts
        ),
        怪列=texts,
    )
    town.sources = town.sources.assign(name=texts, source_id=texts, kind=texts, note=texts)
    town.network.reaches["name"] = [HOSTILE[k % len(HOSTILE)] for k in range(len(town.network.reaches))]
    rows = [(outfall, source) for outfall in HOSTILE for source in [*HOSTILE[:4], "unregistered"]]
    town.found.candidates = pd.DataFrame(rows, columns=["outfall_id", "source_id"]).assign(
        posterior_share=0.2, path_ids="river-1;river-2", reason=HOSTILE[0], reason_zh=HOSTILE[2], prior_share=0.2
    )
    town.found.evidence = town.found.candidates[["outfall_id", "source_id"]].assign(
        line=HOSTILE[1], log_lr=1.0, reason=HOSTILE[2], reason_zh=HOSTILE[7], refs=HOSTILE[6]
    )
    return town


def test_hostile_text_is_only_text(browser, tmp_path):
    """Markup, templates, formulas, Windows paths and broken characters in every field are shown as they are; nothing runs."""
    town = _hostile_town()
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
        assert _quiet(heard)


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
        assert _quiet(heard)


def test_empty_maps_open(browser, tmp_path):
    """A map without layers opens and says that there is nothing to draw."""
    with opened(browser, Map(()).save(tmp_path / "e.html")) as heard:
        assert "图上没有要素" in heard.page.locator("#legend").inner_text()
        assert _quiet(heard)


def test_a_frame_in_a_notebook_works(browser, drawn, tmp_path):
    """The frame a notebook shows draws the map."""
    file = tmp_path / "notebook.html"
    file.write_text(f"<!doctype html><body class='ready'>{drawn._repr_html_()}", "utf-8")
    with opened(browser, file) as heard:
        frame = heard.page.frame_locator("iframe")
        frame.locator("body.ready").wait_for(state="attached")
        assert "60" in frame.locator("#title").inner_text()
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
        page.wait_for_function("document.querySelector('.leaflet-under-pane img').naturalWidth > 50")
        page.locator("[data-layer=under] input").fill("0.3")
        assert page.evaluate("document.querySelector('.leaflet-under-pane img').style.opacity") == "0.3"
        assert _quiet(heard)
