"""The page in three dimensions: same data, same looks, same places, safe text, no request; and a word where it cannot be drawn."""

from __future__ import annotations

import base64
import gzip
import re
from importlib.resources import files

import pytest

from outfall.maps import Map
from outfall.maps.bundle import text_of
from outfall.maps.gl_page import GL_PAGE
from outfall.maps.header import describe_layer
from outfall.maps.pack import Blob
from outfall.maps.styles import maplibre_style
from tests.maps.browser import DESKTOP, PHONE, opened
from tests.maps.gl import LINE, NO_GL, PICTURE, at_of, hooked, is_quiet_gl, need_gl, settle
from tests.maps.hostile import HOSTILE, TEXTS, layers_map, pictures_map, values_map

_SHOWN = """([at, low]) => {
    const layers = theGl.getStyle().layers.filter((one) => one.source === `s${at}` && Array.isArray((one.layout || {})['icon-image'])).map((one) => one.id);
    return theGl.queryRenderedFeatures({ layers }).filter((one) => one.properties.k < low).length;
}"""


def _code(page):
    return gzip.decompress(base64.b64decode(re.search(r'id="code">([^<]*)</script>', page)[1])).decode()


def test_the_normal_page_never_carries_the_engine(drawn):
    """Only a page that was asked for in three dimensions has the engine and may start workers."""
    flat, solid = drawn.html(), drawn.to_maplibre().html()
    assert "maplibregl" not in _code(flat)
    assert "worker-src" not in flat
    assert "maplibregl" in _code(solid)


def test_the_engine_may_ask_nobody(drawn):
    """The policy of the page lets the engine start workers from its own text, and connect to nothing at all."""
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', drawn.to_maplibre().html())[1]
    assert "worker-src blob:" in policy
    assert "connect-src" not in policy
    assert "default-src 'none'" in policy
    assert "unsafe-eval" not in policy


def test_the_engine_costs_little():
    """The package grows by at most 0.35 MB; an empty page in three dimensions is below 0.6 MB."""
    assert len(files("outfall.maps").joinpath("assets", "vendor", "maplibre.zip").read_bytes()) <= 350_000
    assert len(Map(()).to_maplibre().html()) < 600_000


def test_files_of_the_page_share_no_name():
    """No two of its script files declare the same thing: the later one would silently take the place of the earlier."""
    pattern = r"^(?:async )?(?:function\*?|const|let|class) (\w+)"
    names = [name for file in GL_PAGE for name in re.findall(pattern, text_of(file), re.MULTILINE)]
    assert sorted(name for name in set(names) if names.count(name) > 1) == []


def test_files_of_the_page_need_no_other():
    """Whatever name of our script files they use is declared in one of them, or asked for first."""
    pattern = r"^(?:async )?(?:function\*?|const|let|class) (\w+)"
    ours = [file.name for file in files("outfall.maps").joinpath("assets").iterdir() if file.name.endswith(".js")]
    elsewhere = {
        name: file for file in ours if file not in GL_PAGE for name in re.findall(pattern, text_of(file), re.MULTILINE)
    }
    text = "\n".join(re.sub(r"//.*|'[^'\n]*'", "", text_of(file)) for file in GL_PAGE)
    own = set(re.findall(r"(?:function\*?|const|let|class) (\w+)|(?<=[(\[,{ ])(\w+)(?=[^()]*\) =>)", text))
    known = {name for pair in own for name in pair if name}
    used = {
        name: file
        for name, file in elsewhere.items()
        if name not in known and re.search(rf"(?<![\w.'-]){name}\(", text)
    }
    # A method of the same name, and what is asked only where water is lit.
    assert set(used) == {"varint", "costSaid"}


def test_a_large_page_becomes_a_folder(drawn, tmp_path):
    """Above the stated size the data lie beside the page, which names each file with its checksum."""
    page = drawn.to_maplibre().save(tmp_path / "g.html", most_mb=0)
    assert 'id="shards"' in page.read_text("utf-8")
    assert list((tmp_path / "g_files").glob("data-*.js"))


@pytest.fixture(scope="module")
def solid(drawn, tmp_path_factory):
    return drawn.to_maplibre().save(tmp_path_factory.mktemp("三维 1") / "map.html")


@pytest.fixture(scope="module")
def gl_browser(browser):
    need_gl(browser)
    return browser


@pytest.fixture(scope="module", params=[(DESKTOP, "zh"), (PHONE, "en")], ids=["desk-zh", "phone-en"])
def whole(request, gl_browser, solid):
    """Return the page on a desk in Chinese and on a phone in English: it takes seconds to open, so tests share it."""
    size, lang = request.param
    with opened(hooked(gl_browser), solid, size=size, until=".drawn", most_s=60) as heard:
        if lang == "en":
            heard.page.click("#lang")
        yield heard


@pytest.fixture
def page(whole):
    """Return the shared page with its legend at hand; whatever a test does, it puts back, and stays quiet."""
    is_phone = whole.page.viewport_size["width"] < 760
    if is_phone and not whole.page.locator(".unfolded").count():
        whole.page.click("#unfold")
    settle(whole.page)
    yield whole.page
    assert is_quiet_gl(whole)


def _count(page, layer, below=1000):
    """Return how many symbols the engine draws of a layer, of the classes below a number."""
    settle(page)
    return page.evaluate(_SHOWN, [layer, below])


@pytest.mark.browser
def test_a_row_of_the_legend_hides_its_class(page, drawn):
    """A click on a row takes exactly its rows off the map, the count says so, and a second click brings them back."""
    at = at_of(drawn, "outfalls")
    row = page.locator('[data-layer="outfalls"] .row[data-class="0"]')
    before, of_class = _count(page, at), int(row.locator(".count").inner_text())
    row.click()
    assert row.get_attribute("aria-pressed") == "false"
    assert before - _count(page, at) == of_class
    row.click()
    assert _count(page, at) == before == 60


@pytest.mark.browser
def test_another_column_colours_the_points(page, drawn):
    """Colouring by another column changes the legend, and the engine draws every point in one of its classes."""
    page.select_option('[data-layer="outfalls"] select', "status")
    looks = page.locator('[data-layer="outfalls"] .row[data-class]').count()
    assert looks == drawn.layers[at_of(drawn, "outfalls")].table["status"].nunique()
    assert _count(page, at_of(drawn, "outfalls"), looks) == 60
    page.select_option('[data-layer="outfalls"] select', "answer")


@pytest.mark.browser
def test_a_layer_can_be_switched(page, drawn):
    """The switch of a layer takes all of it away and brings it back."""
    at = at_of(drawn, "sources")
    assert _count(page, at) == 30
    page.click('[data-layer="sources"] .switch')
    assert _count(page, at) == 0
    page.click('[data-layer="sources"] .switch')
    assert _count(page, at) == 30


@pytest.mark.browser
def test_a_click_opens_every_field(page, town):
    """A click on a point opens its panel, with its fields as text and its ranked sources; Escape closes it."""
    row = town.outfalls.to_crs(4326).iloc[3]
    if page.locator(".unfolded").count():
        page.click("#unfold")
    page.evaluate(f"theGl.jumpTo({{ center: [{row.geometry.x}, {row.geometry.y}], zoom: 16 }})")
    settle(page)
    size = page.viewport_size
    page.mouse.move(size["width"] / 2, size["height"] / 2)
    page.wait_for_timeout(120)
    assert page.locator("#tip b").inner_text() == str(row["name"] or row["outfall_id"])
    page.mouse.click(size["width"] / 2, size["height"] / 2)
    assert page.locator("#panel h2").inner_text() == str(row["name"])
    assert row["outfall_id"] in page.locator("#panel .fields").inner_text()
    assert page.locator("#panel .candidate").count() > 0
    page.keyboard.press("Escape")
    assert "open" not in (page.locator("#panel").get_attribute("class") or "").split()
    page.click("#tool-zoom-fit")


@pytest.mark.browser
def test_the_language_switches_everywhere(page):
    """Legend, buttons and the letters of the symbols change together; none is left in the other language."""
    first = page.evaluate("document.documentElement.lang")
    page.click("#lang")
    settle(page)
    now = page.evaluate("document.documentElement.lang")
    assert {first, now} == {"zh-CN", "en"}
    letters = page.evaluate("theGl.getStyle().layers.filter((one) => Array.isArray((one.layout || {})['icon-image'])).map((one) => one.layout['icon-image'][3]).filter((one) => !one.includes('arrow'))")  # fmt: skip
    assert letters
    assert all(f".{now[:2]}." in letter for letter in letters)
    assert page.locator("#tilt").get_attribute("aria-label") == ("倾斜视角" if now == "zh-CN" else "Tilt the map")
    page.click("#lang")


@pytest.mark.browser
def test_the_map_tilts_and_turns(page):
    """The tilt button tilts and levels, the needle shows where north is, and a click on it turns north up."""
    if page.locator(".unfolded").count():
        page.click("#unfold")
    page.click("#tilt")
    settle(page)
    assert page.evaluate("Math.round(theGl.getPitch())") == 55
    assert page.locator("#tilt").get_attribute("aria-pressed") == "true"
    page.evaluate("theGl.setBearing(40)")
    assert "rotate(-40deg)" in page.locator("#north svg").get_attribute("style")
    page.click("#north")
    settle(page)
    assert page.evaluate("theGl.getBearing()") == 0
    page.click("#tilt")
    settle(page)
    assert page.evaluate("theGl.getPitch()") == 0


@pytest.mark.browser
def test_search_flies_to_what_is_found(page):
    """A code is found and opened, and lies in the middle half of the map."""
    page.fill("#query", "MX-0029")
    page.wait_for_timeout(150)
    page.keyboard.press("Enter")
    settle(page)
    assert "MX-0029" in page.locator("#panel").inner_text()
    assert page.evaluate("theGl.getZoom()") >= 14
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    page.click("#tool-zoom-fit")


@pytest.mark.browser
def test_the_looks_are_those_other_programs_get(gl_browser, solid, drawn):
    """Every class of every layer has the colour that ``maplibre_style`` hands to other programs."""
    with opened(hooked(gl_browser), solid, until=".drawn", most_s=60) as heard:
        for at, layer in enumerate(drawn.layers):
            looks = describe_layer(layer, Blob())["styles"][layer.style]
            key = "circle-color" if layer.kind == "points" else "line-color"
            pairs = maplibre_style(layer)[0]["paint"][key][2:-1]
            told = dict(zip(pairs[::2], pairs[1::2], strict=True))
            expected = [told.get(look["value"], "#8b949e") for look in looks]
            given = heard.page.evaluate(PICTURE if layer.kind == "points" else LINE, [at, expected])
            assert given == expected
        assert is_quiet_gl(heard)


@pytest.mark.browser
@pytest.mark.parametrize(
    "made",
    [values_map, lambda: layers_map(HOSTILE), lambda: pictures_map(HOSTILE)],
    ids=["values", "layers", "pictures"],
)
def test_hostile_text_stays_text(gl_browser, tmp_path, made):
    """Values, names, groups, words, notes and pictures full of markup: nothing runs, nothing is asked for, all is drawn."""
    drawn, _ = made()
    with opened(hooked(gl_browser), drawn.to_maplibre().save(tmp_path / "h.html"), until=".drawn", most_s=60) as heard:
        page = heard.page
        page.evaluate("document.querySelectorAll('#fold details').forEach((node) => { node.open = true; })")
        for row in page.locator("#legend .row").all()[:6]:
            row.dispatch_event("click")
        page.click("#lang")
        for text in TEXTS[::9]:
            page.fill("#query", "".join(c for c in text if c != "\x00" and not "\ud800" <= c <= "\udfff")[:80] or "x")
            page.keyboard.press("Enter")
        settle(page)
        assert not page.evaluate("window.ran === 1 || document.title === 'ran'")
        assert page.locator("#trouble").is_hidden()
        assert page.locator("#card img, #card script, #panel script, #panel iframe, #hits img").count() == 0
        assert is_quiet_gl(heard)


@pytest.mark.browser
def test_without_webgl_the_page_says_so(browser, solid):
    """Where the browser has no WebGL the page says in both languages what to do instead, and nothing breaks."""
    page = browser.new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.add_init_script(NO_GL)
    page.goto(solid.resolve().as_uri())
    page.wait_for_selector(".no-gl", state="attached")
    said = page.locator("#trouble").inner_text()
    page.close()
    assert "普通地图" in said
    assert "Use the normal page instead" in said
    assert errors == []


@pytest.mark.browser
def test_a_notebook_shows_it_alive(gl_browser, drawn, tmp_path):
    """In the closed frame of a notebook, without an origin, the engine starts its workers and draws."""
    shown = drawn.to_maplibre()._repr_html_()
    assert shown.startswith("<iframe")
    (tmp_path / "n.html").write_text(
        f"<!DOCTYPE html><link rel='icon' href='data:,'><body class='ready'>{shown}", "utf-8"
    )
    with opened(hooked(gl_browser), tmp_path / "n.html") as heard:
        heard.page.frame_locator("iframe").locator("body.drawn").wait_for(state="attached", timeout=30_000)
        heard.requests[:] = [asked for asked in heard.requests if asked != "about:srcdoc"]
        assert is_quiet_gl(heard)
