"""The page in a real browser: from the disk, without a network, by clicking."""

from __future__ import annotations

import numpy as np
import pytest

from tests.maps.browser import PHONE, is_quiet, opened

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
    assert is_quiet(shared)


def _choose(page, layer, key):
    page.evaluate("mark => { location.hash = mark; }", f"#{layer}/{key}")
    page.wait_for_selector("#panel.open")
    page.wait_for_timeout(60)


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
        assert is_quiet(heard)
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
    [("mx0002", "MX-0002"), ("电镀", "电镀厂"), ("120.02, 30.24", "120.020000, 30.240000"), ("zzz", "没有找到")],
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
        assert is_quiet(heard)


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
        assert is_quiet(heard)


def test_a_damaged_page_says_so(browser, saved, tmp_path):
    """A page whose data is cut off says that it cannot be read."""
    text = saved.read_text("utf-8")
    at = text.index('id="data"') + 20_000
    broken = tmp_path / "broken.html"
    broken.write_text(text[:at] + text[text.index("</script>", at) :], "utf-8")
    with opened(browser, broken) as heard:
        assert "地图数据无法读取" in heard.page.locator("#trouble").inner_text()
