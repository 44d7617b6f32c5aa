"""One town, one page and one browser for all map tests."""

from __future__ import annotations

import os

import pytest
from PIL import Image

from outfall.maps import draw
from tests.maps.browser import browse
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
