"""Without a mouse, without sight, with a thumb: keys, table, names, contrast and room for fingers."""

from __future__ import annotations

import csv
import io
import re

import numpy as np
import pytest

from outfall.maps import Layer, Map
from outfall.maps.bundle import text_of
from tests.maps.browser import PHONE, is_quiet, opened, use_tool
from tests.maps.hostile import HOSTILE

pytestmark = pytest.mark.browser
SIZES = pytest.mark.parametrize("size", [(1400, 900), PHONE], ids=["desk", "phone"])


def test_the_keyboard_walks_from_feature_to_feature(browser, saved):
    """Key n steps through the features in view and announces each; arrows move to the one beside; Enter opens; Escape closes."""
    with opened(browser, saved) as heard:
        page = heard.page
        page.focus("#map")
        page.keyboard.press("n")
        one = page.locator("#live").inner_text()
        page.keyboard.press("n")
        two = page.locator("#live").inner_text()
        assert one
        assert two != one
        page.keyboard.press("p")
        assert page.locator("#live").inner_text() == one
        moved = set()
        for key in ("ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp"):
            page.keyboard.press(key)
            moved.add(page.locator("#live").inner_text())
        assert len(moved) > 1
        chosen = page.locator("#live").inner_text().split(",")[0]
        page.keyboard.press("Enter")
        assert chosen in page.locator("#panel header").inner_text()
        assert page.evaluate("document.activeElement.id") == "panel"
        page.keyboard.press("Escape")
        assert page.locator("#panel.open").count() == 0
        page.keyboard.press("?")
        assert page.locator(".dialog kbd").count() > 8
        page.keyboard.press("Escape")
        assert page.locator(".dialog").count() == 0
        assert is_quiet(heard)


@SIZES
def test_the_table_sorts_filters_and_opens(browser, saved, town, size):
    """The table shows every row of a layer, sorts by a heading, filters by text and opens a row on the map."""
    with opened(browser, saved, size=size) as heard:
        page = heard.page
        use_tool(page, "tool-table")
        assert page.locator("#table-count").inner_text().startswith(f"{len(town.outfalls)} ")
        heading = page.locator("th button[data-column=sigma_m]")
        for direction, order in (("ascending", np.sort), ("descending", lambda values: np.sort(values)[::-1])):
            heading.click()
            at = page.locator("th").evaluate_all(
                "nodes => nodes.findIndex(node => node.querySelector('[data-column=sigma_m]'))"
            )
            assert page.locator("th").nth(at).get_attribute("aria-sort") == direction
            said = [
                float(text) for text in page.locator(f"tbody td:nth-child({at + 1}):not([colspan])").all_inner_texts()
            ]
            assert np.allclose(said, order(town.outfalls["sigma_m"].to_numpy())[: len(said)], atol=5e-4)
        page.fill("#table-query", "MX-0041")
        assert page.locator("#table-count").inner_text().startswith("1 ")
        page.locator("td .link").first.click()
        assert "MX-0041" in page.locator("#panel header").inner_text()
        assert is_quiet(heard)


def test_the_table_leaves_as_a_safe_csv(browser, tmp_path):
    """What the table saves is every row, a spreadsheet runs none of it, and numbers stay numbers."""
    import geopandas as gpd
    from shapely import Point

    names = ["=1+1", "+cmd|' /C calc'!A0", "@SUM(A1)", "-2+3", "plain, with comma", 'a "quote"', "\t=1", *HOSTILE[:4]]
    table = gpd.GeoDataFrame(
        {"code": names, "value": np.linspace(-3, 3, len(names))},
        geometry=[Point(120 + k / 100, 30) for k in range(len(names))],
        crs=4490,
    )
    file = Map((Layer("wells", "points", table, label="code", zh="井"),)).save(tmp_path / "w.html")
    with opened(browser, file) as heard:
        page = heard.page
        use_tool(page, "tool-table")
        with page.expect_download() as saving:
            page.click("#table-save")
        assert re.fullmatch(r"井_\d{4}-\d\d-\d\d\.csv", saving.value.suggested_filename)
        text = saving.value.path().read_bytes().decode("utf-8-sig")
        rows = list(csv.reader(io.StringIO(text, newline="")))
        assert len(rows) == len(names) + 1
        for name, row in zip(names, rows[1:], strict=True):
            assert not re.match(r"\s*[=+\-@|%\t]", row[0])
            assert row[0].lstrip("'") == name or row[0] == name
            assert float(row[1]) == pytest.approx(table["value"].iloc[names.index(name)], abs=1e-4)
        assert is_quiet(heard)


def test_a_hundred_thousand_rows_stay_a_few_elements(browser, tmp_path):
    """A table of 100,000 rows keeps only what is in sight in the page, and its end is reached by scrolling."""
    import geopandas as gpd

    count = 100_000
    rng = np.random.default_rng(0)
    points = gpd.points_from_xy(rng.uniform(120, 121, count), rng.uniform(30, 31, count))
    table = gpd.GeoDataFrame({"code": [f"W{k:06d}" for k in range(count)]}, geometry=points, crs=4490)
    file = Map((Layer("wells", "points", table, label="code"),)).save(tmp_path / "w.html")
    with opened(browser, file) as heard:
        page = heard.page
        use_tool(page, "tool-table")
        assert page.locator("#table-grid tbody tr").count() < 80
        page.evaluate("() => { const g = document.getElementById('table-grid'); g.scrollTop = g.scrollHeight; }")
        page.wait_for_timeout(100)
        assert "W099999" in page.locator("#table-grid tbody").inner_text()
        assert page.locator("#table-grid tbody tr").count() < 80
        assert is_quiet(heard)


def _luminance(colour):
    parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("token", ["ink", "soft", "faint", "deep", "good", "bad"])
@pytest.mark.parametrize("ground", ["paper", "sheet"])
def test_text_is_readable(token, ground):
    """Every colour of text has a contrast of at least 4.5 on both grounds."""
    tokens = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", text_of("page.css")))
    one, other = sorted((_luminance(tokens[token]), _luminance(tokens[ground])), reverse=True)
    assert (one + 0.05) / (other + 0.05) >= 4.5


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_fingers_and_screen_readers_find_every_control(browser, drawn, tmp_path, lang):
    """On a phone the tools are at least 44 pixels, and every control of the open page has a name in its language."""
    file = drawn.save(tmp_path / "a.html", lang=lang)
    with opened(browser, file, size=PHONE) as heard:
        page = heard.page
        for box in page.eval_on_selector_all(
            "#tools button", "nodes => nodes.map(node => node.getBoundingClientRect().toJSON())"
        ):
            assert box["width"] >= 44
            assert box["height"] >= 44
        page.click("#more")
        assert page.locator(".more-menu button").count() >= 4
        for box in page.eval_on_selector_all(
            ".more-menu button", "nodes => nodes.map(node => node.getBoundingClientRect().toJSON())"
        ):
            assert box["height"] >= 44
        page.keyboard.press("Escape")
        nameless = page.eval_on_selector_all(
            "button, input, select, a[href]",
            "nodes => nodes.filter(node => !node.matches('[aria-hidden=true]') && !(node.getAttribute('aria-label') || node.textContent.trim() || (node.labels && node.labels.length))).map(node => node.outerHTML.slice(0, 120))",
        )
        assert nameless == []
        names = page.eval_on_selector_all(
            "#tools button:not(#lang)", "nodes => nodes.map(node => node.getAttribute('aria-label'))"
        )
        assert all(bool(re.search(r"[一-鿿]", name)) == (lang == "zh") for name in names)
        assert is_quiet(heard)
