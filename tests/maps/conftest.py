"""One town, one page and one browser for all map tests."""

from __future__ import annotations

import os

import pytest
from PIL import Image

from outfall.maps import draw
from tests.maps.browser import DESKTOP, PHONE, browse, is_quiet, opened
from tests.maps.timed import draw_timed, press
from tests.maps.town import make_town


@pytest.fixture(scope="session")
def town():
    return make_town()


@pytest.fixture(scope="session")
def photos_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("照片 1")
    for k in range(12):
        Image.new("RGB", (900, 600), (40 + 15 * k, 120, 160)).save(folder / f"DJI_{k:04d}.JPG")
    return folder


@pytest.fixture(scope="session")
def drawn(town, photos_folder):
    return draw(
        town.network,
        town.outfalls,
        town.found,
        sources=town.sources,
        sightings=town.sightings,
        photos_folder=photos_folder,
        title="清溪河排污口溯源",
    )


@pytest.fixture(scope="session")
def saved(drawn, tmp_path_factory):
    return drawn.save(tmp_path_factory.mktemp("out dir 中文") / "map.html")


@pytest.fixture(scope="session")
def browser(chromium):
    if "browser" not in os.environ.get("OUTFALL_REQUIRE", "").split(","):
        pytest.importorskip("playwright", reason="the browser tests need playwright")
    with browse(chromium) as context:
        yield context


@pytest.fixture(scope="session")
def timed(town, tmp_path_factory):
    return draw_timed(town).save(tmp_path_factory.mktemp("timed") / "map.html")


@pytest.fixture(name="page", params=[(DESKTOP, "zh"), (PHONE, "en")], ids=["desk-zh", "phone-en"])
def sized(request, browser, timed):
    """Return the page on a desk in Chinese and on a phone in English; whatever a test does, it must stay quiet."""
    size, lang = request.param
    with opened(browser, timed, size=size) as heard:
        if lang == "en":
            press(heard.page, "#lang")
        if size == PHONE:
            heard.page.click("#unfold")
        heard.page.wait_for_timeout(60)
        yield heard.page
        assert is_quiet(heard)
