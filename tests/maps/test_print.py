"""The map on paper: size, scale, text, one page, and a picture with everything where it belongs."""

from __future__ import annotations

import io
import os
import re
import subprocess

import numpy as np
import pyproj
import pytest
from PIL import Image

from outfall.maps.bundle import text_of
from tests.maps.browser import PHONE, is_quiet, opened

pytestmark = pytest.mark.browser
MM = 72 / 25.4
SIZES = {
    ("A4", "landscape"): (297, 210),
    ("A4", "portrait"): (210, 297),
    ("A3", "landscape"): (420, 297),
    ("A3", "portrait"): (297, 420),
}


def _open(page):
    if not page.locator("#tool-print").count():
        page.click("#more")
    page.click("#tool-print")
    page.wait_for_selector(".preview canvas")


def _data(page):
    page.wait_for_timeout(320)
    data = page.eval_on_selector(".preview", "node => ({ ...node.dataset })")
    return {name: [float(part) for part in data[name].split()] for name in ("paper", "frame", "scale", "centre")}


def _picture(page):
    with page.expect_download() as saving:
        page.click("#print-png")
    image = Image.open(io.BytesIO(saving.value.path().read_bytes())).convert("RGB")
    return saving.value.suggested_filename, image


@pytest.mark.parametrize(("paper", "turn"), SIZES)
def test_a_pdf_is_one_page_of_its_size_with_its_text(browser, saved, tmp_path, paper, turn):
    """Each paper gives one page of exactly that size whose title, unit, approval number and scale are text."""
    with opened(browser, saved) as heard:
        page = heard.page
        page.evaluate("window.print = () => {}")
        _open(page)
        page.select_option("#print-paper", paper)
        page.select_option("#print-turn", turn)
        page.fill("#print-title", "清溪河 Printed title 7")
        page.fill("#print-unit", "Bureau of tests")
        page.fill("#print-approval", "GS(2026)0001")
        scale = _data(page)["scale"][0]
        page.click("#print-go")
        made = page.pdf(prefer_css_page_size=True, print_background=True)
        boxes = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", made)
        assert len(boxes) == 1
        assert np.allclose([float(part) / MM for part in boxes[0]], SIZES[paper, turn], atol=0.6)
        file = tmp_path / "p.pdf"
        file.write_bytes(made)
        text = _text(file)
        if text is not None:
            for words in ("Printedtitle7", "Bureauoftests", "GS(2026)0001", f"1:{scale:.0f}", "清溪河"):
                assert words in text
        assert is_quiet(heard)


def _text(file):
    """Return the text of a PDF without spaces, or None where no reader is installed and none is required."""
    try:
        made = subprocess.run(["pdftotext", str(file), "-"], capture_output=True, check=True).stdout.decode()
    except FileNotFoundError:
        if "browser" in os.environ.get("OUTFALL_REQUIRE", "").split(","):
            raise
        return None
    return re.sub(r"\s", "", made)


def test_the_browser_s_own_print_gives_a_sheet(browser, saved):
    """Printing without the window gives one A4 page as well, and leaves the page as it was."""
    with opened(browser, saved) as heard:
        made = heard.page.pdf(prefer_css_page_size=True, print_background=True)
        assert len(re.findall(rb"/MediaBox \[0 0 841\.\d+ 59\d[.\d]*\]", made)) == 1
        heard.page.wait_for_timeout(100)
        assert heard.page.locator("#paper").count() == 0
        assert is_quiet(heard)


@pytest.mark.parametrize("size", [(1400, 900), PHONE])
def test_the_picture_has_every_outfall_in_its_place(browser, saved, town, size):
    """The PNG is twice 96 dots per inch, its name has title and date, and symbols lie where the scale says they must."""
    with opened(browser, saved, size=size) as heard:
        page = heard.page
        _open(page)
        data = _data(page)
        name, image = _picture(page)
        assert re.fullmatch(r"清溪河排污口溯源_\d{4}-\d\d-\d\d\.png", name)
        assert image.size == tuple(round(side * 192 / 25.4) for side in data["paper"])
        left, top, width, height = data["frame"]
        lon, lat = data["centre"]
        pixels = np.asarray(image).astype(int)
        local = pyproj.CRS.from_proj4(f"+proj=aeqd +lat_0={lat} +lon_0={lon} +ellps=WGS84")
        east, north = (
            np.asarray(part)
            for part in pyproj.Transformer.from_crs(4326, local, always_xy=True).transform(
                *np.array([(p.x, p.y) for p in town.outfalls.to_crs(4326).geometry]).T
            )
        )
        across = left + width / 2 + east * 1000 / data["scale"][0]
        down = top + height / 2 - north * 1000 / data["scale"][0]
        colours = np.array([[0, 158, 115], [230, 159, 0], [213, 94, 0], [123, 135, 148]])
        seen = 0
        for x, y in zip(across, down, strict=True):
            assert left < x < left + width
            assert top < y < top + height
            row, column = round(y * 192 / 25.4), round(x * 192 / 25.4)
            patch = pixels[row - 13 : row + 14, column - 13 : column + 14].reshape(-1, 1, 3)
            seen += bool((np.abs(patch - colours).sum(axis=2).min(axis=0) < 40).any())
        assert seen >= len(town.outfalls) * 0.95
        assert is_quiet(heard)


def test_a_chosen_scale_is_true(browser, saved):
    """At 1:10 000 the frame is as wide on the ground as the number says, and the number stands on the sheet."""
    with opened(browser, saved) as heard:
        page = heard.page
        _open(page)
        page.select_option("#print-scale", "10000")
        data = _data(page)
        assert data["scale"] == [10000]
        assert "1:10" in page.locator("#print-note").inner_text()
        page.select_option("#print-scale", "fit")
        assert _data(page)["scale"][0] != 10000
        page.select_option("#print-scale", "snap")
        snapped = _data(page)["scale"][0]
        assert f"{snapped:.0f}".rstrip("0") in ("1", "2", "25", "5")
        assert is_quiet(heard)


def test_grey_has_no_colour_and_classes_stay_apart(browser, saved):
    """A grey sheet holds no colour at all, and no two classes of pipes or points look the same."""
    with opened(browser, saved) as heard:
        page = heard.page
        _open(page)
        page.check("#print-grey")
        _data(page)
        _, image = _picture(page)
        pixels = np.asarray(image).astype(int)
        height = pixels.shape[0]
        inside = pixels[int(0.15 * height) : int(0.8 * height), 150 : int(pixels.shape[1] * 0.72)]
        assert (inside.max(axis=2) - inside.min(axis=2)).max() <= 3
        assert inside.std() > 5
        assert is_quiet(heard)


def test_grey_looks_differ(browser):
    """Eight kinds of pipe get eight dashes; points get steps of grey with their shape and letter kept."""
    page = browser.new_page()
    page.add_script_tag(content=text_of("compose.js") + "; window.greyLooks = greyLooks;")
    pipes = page.evaluate(
        "greyLooks(Array.from({ length: 8 }, (_, k) => ({ value: String(k), edge: '#ffffff', colour: '#123456', shape: 'line' })), 'lines')"
    )
    assert len({str(look["dash"]) for look in pipes}) == 8
    points = page.evaluate(
        "greyLooks(Array.from({ length: 5 }, (_, k) => ({ value: String(k), colour: '#ff0000', shape: 'circle', letter: String(k) })), 'points')"
    )
    assert len({look["colour"] for look in points}) == 5
    assert all(look["colour"][1:3] == look["colour"][3:5] == look["colour"][5:7] for look in points)
    page.close()


def test_the_legend_says_only_what_is_shown(browser, saved, tmp_path):
    """A class that is hidden on the map is not in the legend on paper."""
    with opened(browser, saved) as heard:
        page = heard.page
        page.evaluate("window.print = () => {}")
        words = lambda: page.eval_on_selector_all("#paper text", "nodes => nodes.map(node => node.textContent)")  # noqa: E731
        _open(page)
        page.click("#print-go")
        assert "已指向污染源" in words()
        page.keyboard.press("Escape")
        page.locator("[data-layer=outfalls] .row[data-value=named]").click()
        page.wait_for_timeout(60)
        _open(page)
        page.click("#print-go")
        assert "已指向污染源" not in words()
        assert "多源存疑" in words()
        assert is_quiet(heard)
