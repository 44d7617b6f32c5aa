"""The static twin shows what the page shows: every class with its count, at its place, in both languages, on one sheet."""

from __future__ import annotations

import io

import geopandas as gpd
import numpy as np
import pytest
from PIL import Image
from shapely import Point, box

from outfall.errors import MapError
from outfall.maps import Layer, Map, figure_frame
from outfall.maps.figure import plot_map
from outfall.maps.figure_layers import mercator
from tests.maps.hostile import HOSTILE

pytest.importorskip("matplotlib")


def texts(figure):
    return [text.get_text() for text in figure.axes[0].get_legend().get_texts()]


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_legend_counts_every_row(drawn, lang):
    """The counts of a layer's classes add up to its rows, and every word is in the language asked for."""
    said = texts(plot_map(drawn, layers=["outfalls"], lang=lang))
    counts = [int(text.rsplit("  ", 1)[1].replace(",", "")) for text in said if "  " in text]
    outfalls = next(layer for layer in drawn.layers if layer.name == "outfalls")
    assert sum(counts) == len(outfalls.table)
    assert any("一" <= sign <= "鿿" for sign in "".join(said)) == (lang == "zh")


def test_a_point_is_drawn_where_it_lies():
    """A red dot stands at the pixel its coordinates give."""
    west, south, east, north = 120.0, 30.0, 120.2, 30.1
    spot = gpd.GeoDataFrame({"code": ["A"]}, geometry=[Point(120.05, 30.075)], crs=4490)
    figure = plot_map(Map((Layer("wells", "points", spot),)), bounds_deg=(west, south, east, north), lang="en")
    ax = figure.axes[0]
    ax.get_legend().remove()
    picture = pixels(figure)
    blue = np.argwhere(abs(picture - [0, 0x72, 0xB2]).sum(axis=2) < 20)
    east_m, north_m = mercator(np.array([120.05]), np.array([30.075]))
    across, up = ax.transData.transform((east_m[0], north_m[0]))
    assert np.abs(blue.mean(axis=0) - [picture.shape[0] - up, across]).max() < 1.5


def pixels(figure):
    stream = io.BytesIO()
    figure.savefig(stream, dpi=figure.dpi)
    return np.asarray(Image.open(stream).convert("RGB")).astype(int)


def test_a_hole_stays_open():
    """An area with a hole covers its rim, and the paper is seen through its middle."""
    ring = box(120.0, 30.0, 120.2, 30.2).difference(box(120.05, 30.05, 120.15, 30.15))
    area = gpd.GeoDataFrame({"code": ["A"]}, geometry=[ring], crs=4490)
    figure = plot_map(Map((Layer("parks", "polygons", area),)), lang="en")
    picture = pixels(figure)
    east, north = mercator(np.array([120.025, 120.087]), np.array([30.107, 30.107]))
    spots = figure.axes[0].transData.transform(np.column_stack([east, north])).round().astype(int)
    rim, middle = (picture[picture.shape[0] - up, across] for across, up in spots)
    assert abs(middle - [0xFB, 0xFA, 0xF5]).sum() < 30
    assert abs(rim - [0xFB, 0xFA, 0xF5]).sum() > 150


@pytest.mark.parametrize("paper", ["a4", "a3", "page", "column"])
def test_every_paper_has_its_size(paper):
    """A figure is as large as the sheet it is for."""
    sizes = {"a4": (297, 210), "a3": (420, 297), "page": (174, 120), "column": (84, 84)}
    figure = plot_map(Map(()), paper=paper, lang="en")
    assert np.round(figure.get_size_inches() * 25.4).tolist() == list(sizes[paper])


@pytest.mark.filterwarnings("ignore:Glyph")
def test_text_is_text():
    """Nothing a field holds is read as mathematics, markup or a file."""
    table = gpd.GeoDataFrame(
        {"name": HOSTILE}, geometry=[Point(120 + k / 100, 30) for k in range(len(HOSTILE))], crs=4490
    )
    figure = plot_map(Map((Layer("wells", "points", table, label="name"),), title="$\\frac{1}{0}$"), lang="en")
    figure.savefig(io.BytesIO())
    assert figure.axes[0].get_title(loc="left") == "$\\frac{1}{0}$"


def test_without_a_chinese_font_a_warning_says_how_to_get_one(monkeypatch):
    """Where no font has the characters the map is still drawn, and the way out is named."""
    monkeypatch.setattr(figure_frame, "_installed", lambda: frozenset({"DejaVu Sans"}))
    with pytest.warns(UserWarning, match="fonts-noto-cjk"):
        plot_map(Map(()), lang="en")
    with pytest.raises(MapError, match="'SimHei' is not installed"):
        plot_map(Map(()), font="SimHei")


def test_what_is_not_there_is_named(drawn):
    """A layer or a paper nobody knows is refused with what there is."""
    with pytest.raises(MapError, match="'wells' not in this map; it has reaches"):
        plot_map(drawn, layers=["wells"])
    with pytest.raises(MapError, match="'a5' is not one of a4"):
        plot_map(drawn, paper="a5")


def test_an_axes_of_ones_own_gets_the_layers_alone(drawn):
    """A figure of several maps is made on axes of one's own: no legend, no title, the same figure back."""
    from matplotlib.figure import Figure

    figure = Figure()
    ax = figure.add_subplot()
    assert plot_map(drawn, ax=ax) is figure
    assert ax.get_legend() is None
    assert ax.get_title(loc="left") == ""
    assert ax.collections


def test_an_empty_map_is_an_empty_sheet():
    """A map without layers is drawn without an error."""
    assert plot_map(Map((), title="Empty"), lang="en").axes[0].get_title(loc="left") == "Empty"
    assert plot_map(draw_nothing(), lang="zh").axes


def draw_nothing():
    empty = gpd.GeoDataFrame({"code": np.array([], dtype=str)}, geometry=gpd.GeoSeries([], crs=4490))
    return Map((Layer("wells", "points", empty),))
