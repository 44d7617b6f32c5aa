"""Hostile text in every place a string can appear: it is shown, nothing runs, nothing is asked for, nothing is missing."""

from __future__ import annotations

import pytest

from outfall.maps import draw
from tests.maps.browser import PHONE, is_quiet, opened
from tests.maps.hostile import KEYS, MORE, TEXTS, layers_map, pictures_map, values_map
from tests.maps.town import make_town

pytestmark = pytest.mark.browser

_COUNT = """() => [...document.querySelectorAll('#legend details[data-layer] > summary .count')]
    .map((node) => Number(node.textContent.replace(/\\D/g, '') || 0)).reduce((sum, one) => sum + one, 0)"""
_PRESS = """async () => {
    const wait = () => new Promise((done) => setTimeout(done, 15));
    document.querySelectorAll('#fold details').forEach((node) => { node.open = true; });
    const rows = [...document.querySelectorAll('#legend .row')].filter((_, at) => at % 7 === 0).slice(0, 4);
    for (const row of rows) row.click();
    await wait();
    for (const choice of [...document.querySelectorAll('#legend select')].slice(0, 3)) choice.dispatchEvent(new Event('change'));
    await wait();
}"""


def _ran(page):
    """Return whether any text became code or markup."""
    return page.evaluate("window.ran === 1 || document.title === 'ran'") or page.locator(
        "#card img, #card script, #card iframe, #panel script, #panel iframe, #panel svg[onload], #hits img"
    ).count() > 0  # fmt: skip


def _look_up(page, texts):
    for text in texts:
        page.fill("#query", "".join(c for c in text if c != "\x00" and not "\ud800" <= c <= "\udfff")[:80] or "x")
        page.keyboard.press("Enter")
        page.wait_for_timeout(10)


@pytest.mark.parametrize(("made", "size"), [(values_map, None), (layers_map, PHONE), (layers_map, None), (pictures_map, None)])  # fmt: skip
def test_no_place_lets_text_be_more(browser, tmp_path, made, size):
    """Values, ids, reasons, names, notes, groups, headings, words, units, legends and photos: text stays text."""
    drawn, count = made()
    options = {"size": size} if size else {}
    with opened(browser, drawn.save(tmp_path / "h.html"), **options) as heard:
        page = heard.page
        assert page.locator("#trouble").is_hidden()
        assert page.evaluate(_COUNT) == count
        if size:
            page.click("#unfold")
        page.evaluate(_PRESS)
        page.evaluate("document.getElementById('lang').click()")
        page.evaluate(_PRESS)
        _look_up(page, TEXTS[::2] if made is values_map else TEXTS[::8])
        assert not _ran(page)
        assert is_quiet(heard)


def test_a_text_that_runs_would_be_seen(browser, tmp_path):
    """The check itself: a page that lets its text run is found out."""
    file = tmp_path / "bad.html"
    file.write_text("<body class='ready'><div id='card'><img src='data:,' onerror='window.ran=1'></div>", "utf-8")
    with opened(browser, file) as heard:
        assert _ran(heard.page)


@pytest.mark.parametrize("key", KEYS)
def test_words_of_the_language_are_only_words(browser, tmp_path, key):
    """An outfall called like a part of JavaScript opens by its address, shows its fields, and finds no photo nobody gave."""
    town = make_town(outfall_count=2, source_count=1)
    outfalls = town.outfalls.assign(outfall_id=[key, "B"], status=[key, None], photo_ids=key, name=key)
    with opened(browser, draw(town.network, outfalls).save(tmp_path / "k.html"), mark=f"#outfalls/{key}") as heard:
        page = heard.page
        assert page.locator("#panel h2").inner_text() == key
        assert page.locator("#panel .photo").count() == 0
        assert "native code" not in page.locator("body").inner_text()
        assert page.locator("#trouble").is_hidden()
        assert is_quiet(heard)


def test_ids_that_occur_twice_stay_two_features(browser, tmp_path):
    """Rows of one id are all drawn and counted; the address opens one of them."""
    town = make_town(outfall_count=6, source_count=1)
    outfalls = town.outfalls.assign(outfall_id="same" + "x" * 400)
    page_file = draw(town.network, outfalls).save(tmp_path / "d.html")
    with opened(browser, page_file, mark=f"#outfalls/same{'x' * 400}") as heard:
        assert heard.page.locator("[data-layer=outfalls] summary .count").inner_text() == "6"
        assert heard.page.locator("#panel").get_attribute("class").startswith("open")
        assert is_quiet(heard)


@pytest.mark.parametrize("mark", ["#__proto__/x", "#constructor/toString", "#outfalls/%E0%A4%A", "#%3Cimg%20src=x%3E/1", "#/", "#reaches/__proto__"])  # fmt: skip
def test_an_address_cannot_break_the_page(browser, saved, mark):
    """Whatever stands behind the # of the address, the map opens."""
    with opened(browser, saved, mark=mark) as heard:
        assert heard.page.locator("#trouble").is_hidden()
        assert "60" in heard.page.locator("#title p").inner_text()
        assert is_quiet(heard)


def test_the_list_holds_what_the_issue_names():
    """Markup, templates, closing tags, comments, paths, directions, families, halves and 10,000 letters are all tried."""
    everything = "\n".join(TEXTS)
    for part in ("onerror", "${", "{{", "</script>", "<!--<script>", "]]>", "\u2028", "\u2029", "\x00", "D:\\照片\\2019\\1.jpg", "\u202e", "\u200d", "javascript:", "__proto__"):  # fmt: skip
        assert part in everything
    assert max(map(len, TEXTS)) >= 10_000
    assert len(set(TEXTS)) == len(TEXTS)
    assert not set(MORE) & set(TEXTS[: -len(MORE)])
