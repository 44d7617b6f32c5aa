"""A map in a notebook: live where it is small, a picture with a hint where it is not, and never a large notebook."""

from __future__ import annotations

import base64
import html
import io
import re

import geopandas as gpd
import numpy as np
import pytest
from PIL import Image

from outfall.maps import Layer, Map
from outfall.maps.sketch import sketch
from tests.maps.hostile import HOSTILE


@pytest.fixture(scope="module")
def large():
    """40,000 points whose fields do not compress."""
    random = np.random.default_rng(0)
    count = 40_000
    points = gpd.points_from_xy(random.uniform(120, 121, count), random.uniform(30, 31, count), crs=4490)
    table = gpd.GeoDataFrame({f"f{k}": random.normal(size=count) for k in range(9)}, geometry=points)
    return Map((Layer("wells", "points", table),), title="<b>Wells</b>")


def test_a_small_map_is_live(drawn):
    """The frame holds the whole page, character by character, and may not reach out of itself."""
    shown = drawn._repr_html_()
    inside = re.search(r'srcdoc="([^"]*)"', shown)[1]
    assert html.unescape(inside) == drawn.html()
    assert "allow-same-origin" not in shown


def test_a_large_map_is_a_picture_and_a_hint(large):
    """Above 2 MB the notebook gets a card under 0.15 MB that says how large the map is and how to write it."""
    shown = large._repr_html_()
    assert large.size_mb() > 2
    assert len(shown) < 150_000
    assert f"{large.size_mb():.1f} MB" in shown
    assert ".save('map.html')" in shown
    assert "&lt;b&gt;Wells" in shown
    assert "<b>Wells" not in shown
    assert "<script" not in shown


def test_printed_notebooks_get_a_picture(drawn, large):
    """The bundle has HTML, text and a small PNG that is not blank; options of a frontend are taken."""
    bundle = drawn._repr_mimebundle_(include=None, exclude=None)
    assert bundle["text/plain"] == repr(drawn)
    for picture in (base64.b64decode(bundle["image/png"]), sketch(large.layers)):
        image = Image.open(io.BytesIO(picture)).convert("RGB")
        assert image.size == (640, 400)
        assert len(image.getcolors(100_000)) > 8
        assert len(picture) < 80_000


def test_a_sketch_shows_colours_in_their_place():
    """A point in the west is drawn west of one in the east, in the colour of its class."""
    table = gpd.GeoDataFrame({"kind": ["a", "b"]}, geometry=gpd.points_from_xy([120, 121], [30, 30]), crs=4490)
    image = Image.open(io.BytesIO(sketch([Layer("two", "points", table, style="kind")]))).convert("RGB")
    pixels = np.asarray(image).astype(int)
    found = [
        np.argwhere(np.abs(pixels - colour).sum(axis=2) < 60)[:, 1].mean() for colour in ([0, 114, 178], [230, 159, 0])
    ]
    assert found[0] < 100
    assert found[1] > 540


@pytest.mark.parametrize("text", HOSTILE)
def test_a_card_shows_text_as_text(monkeypatch, text):
    """A hostile title or layer name stays text in the card."""
    monkeypatch.setattr("outfall.maps.notebook._MOST_BYTES", 0)
    table = gpd.GeoDataFrame(geometry=gpd.points_from_xy([120], [30], crs=4490))
    shown = Map((Layer(text, "points", table),), title=text)._repr_html_()
    assert "too much for a notebook" in shown
    assert not re.search(r"<(script|img src=x|/iframe)|onerror=\"", shown)
    shown.encode("utf-8")


def test_a_notebook_of_maps_stays_small(tmp_path):
    """Run for real: a notebook that shows a small and a large map is under 1 MB, and holds both."""
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    made = (
        "import geopandas as gpd, numpy as np\nfrom outfall.maps import Layer, Map\n"
        "def wells(n):\n    r = np.random.default_rng(0)\n"
        "    p = gpd.points_from_xy(r.uniform(120, 121, n), r.uniform(30, 31, n), crs=4490)\n"
        "    return Map((Layer('wells', 'points', gpd.GeoDataFrame({f'f{k}': r.normal(size=n) for k in range(9)}, geometry=p)),))\n"
    )
    cells = [nbformat.v4.new_code_cell(text) for text in (made, "wells(50)", "wells(40_000)")]
    notebook = nbformat.v4.new_notebook(cells=cells)
    nbclient.NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": "."}}
    ).execute()
    nbformat.write(notebook, tmp_path / "maps.ipynb")
    assert (tmp_path / "maps.ipynb").stat().st_size < 1_000_000
    shown = [cell.outputs[0]["data"]["text/html"] for cell in notebook.cells[1:]]
    assert "<iframe" in shown[0]
    assert "too much for a notebook" in shown[1]
