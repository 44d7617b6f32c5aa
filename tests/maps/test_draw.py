"""What a map holds, refuses and leaves alone."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely import LineString, Point

from outfall.errors import MapError
from outfall.maps import Layer, Map, draw
from outfall.maps.answers import judge
from outfall.maps.header import reach_looks
from outfall.tables import empty
from tests.laws import unchanged
from tests.maps.town import CRS


def test_draw_leaves_its_inputs_alone(town, photos_folder):
    """No table given to draw is changed."""
    tables = (
        town.network.reaches,
        town.outfalls,
        town.sources,
        town.sightings,
        town.found.candidates,
        town.found.evidence,
    )
    with unchanged(*tables):
        draw(
            town.network,
            town.outfalls,
            town.found,
            sources=town.sources,
            sightings=town.sightings,
            photos_folder=photos_folder,
        ).html()


def test_layers_are_ordered_from_the_ground_up(drawn):
    """Reaches lie below sightings, sources and outfalls, and sightings are off at first."""
    assert [layer.name for layer in drawn.layers] == ["reaches", "sightings", "sources", "outfalls"]
    assert [layer.is_shown for layer in drawn.layers] == [True, False, True, True]


def test_a_trace_brings_its_own_tables(town):
    """Outfalls and sources of the trace are drawn where none are given."""
    found = SimpleNamespace(**vars(town.found), outfalls=town.outfalls, sources=town.sources)
    assert [layer.name for layer in draw(town.network, None, found).layers] == ["reaches", "sources", "outfalls"]


def test_a_network_alone_is_a_map(town):
    """A network without anything else makes a page."""
    assert "<main" in draw(town.network).html()


def test_empty_tables_make_a_page(town):
    """Tables without rows draw nothing and break nothing."""
    network = SimpleNamespace(reaches=town.network.reaches.iloc[:0], crs=town.network.crs)
    found = SimpleNamespace(candidates=empty("candidates", crs=CRS), evidence=empty("evidence"))
    page = draw(
        network,
        empty("outfalls", crs=CRS),
        found,
        sources=empty("sources", crs=CRS),
        sightings=empty("sightings", crs=CRS),
    )
    assert len(page.html()) > 100_000


def test_answers_follow_the_likeliest_candidate():
    """An answer is named from a half, contested below, unregistered where that leads, untraced without candidates."""
    outfalls = pd.DataFrame({"outfall_id": ["A", "B", "C", "D"]}, index=[7, 3, 5, 1])
    rows = pd.DataFrame(
        [
            ("A", "E1", 0.5),
            ("A", "E2", 0.5),
            ("B", "E1", 0.4),
            ("B", "E2", 0.3),
            ("C", "unregistered", 0.3),
            ("C", "E1", 0.2),
        ],
        columns=["outfall_id", "source_id", "posterior_share"],
    )
    assert judge(outfalls, rows)["answer"].tolist() == ["named", "contested", "unregistered", "untraced"]
    shuffled = judge(outfalls, rows.sample(frac=1, random_state=4))
    pd.testing.assert_frame_equal(judge(outfalls, rows), shuffled)


def test_judge_names_the_missing_column():
    """Candidates without a probability are refused by the name of the column."""
    with pytest.raises(MapError, match="posterior_share"):
        judge(pd.DataFrame({"outfall_id": ["A"]}), pd.DataFrame({"outfall_id": ["A"], "source_id": ["E"]}))


def test_sewers_are_drawn_by_what_they_carry(town):
    """A gravity sewer is drawn by its drain system and everything else by its kind."""
    looks = reach_looks(town.network.reaches)
    reaches = town.network.reaches
    assert set(looks[reaches["kind"] == "gravity_sewer"]) == {"pipe", "pipe.storm", "pipe.foul", "pipe.combined"}
    assert (looks[reaches["kind"] == "river"] == "river").all()


def test_a_sighting_in_a_pipe_lies_on_it(town):
    """A sighting that is only a distance along a reach is placed on that reach."""
    reach = town.network.reaches.set_index("reach_id").loc["pipe-0.2"]
    row = {"sighting_id": ["K1"], "platform": ["crawler"], "reach_id": ["pipe-0.2"], "along_m": [reach["length_m"] / 4]}
    sightings = gpd.GeoDataFrame(row, geometry=gpd.GeoSeries([None], crs=4490))
    layer = next(layer for layer in draw(town.network, sightings=sightings).layers if layer.name == "sightings")
    point = layer.table.geometry.to_crs(CRS).iloc[0]
    assert point.distance(reach.geometry.interpolate(0.25, normalized=True)) < 1e-3


def test_any_crs_draws_the_same_page(town):
    """Outfalls in degrees and in metres give the same map."""
    here = draw(town.network, town.outfalls)
    there = draw(town.network, town.outfalls.to_crs(4490))
    shapes = [
        layer.table.geometry.to_crs(4326).get_coordinates().to_numpy() for layer in (here.layers[-1], there.layers[-1])
    ]
    assert np.abs(shapes[0] - shapes[1]).max() < 1e-8


@pytest.mark.parametrize(
    ("kind", "table", "options", "says"),
    [
        ("points", gpd.GeoDataFrame(geometry=[Point(1, 2)]), {}, "no CRS"),
        ("points", gpd.GeoDataFrame(geometry=[LineString([(0, 0), (1, 1)])], crs=4326), {}, "expected Point"),
        ("points", gpd.GeoDataFrame(geometry=[Point(1, float("nan"))], crs=4326), {}, "not a finite number"),
        (
            "points",
            gpd.GeoDataFrame({"a": [pd.Timestamp(0)]}, geometry=[Point(1, 2)], crs=4326),
            {"style": "a"},
            "picks no colour",
        ),
        ("points", gpd.GeoDataFrame({"a": ["x"]}, geometry=[Point(1, 2)], crs=4326), {"time": "a"}, "says no time"),
        ("points", gpd.GeoDataFrame(geometry=[Point(1, 2)], crs=4326), {"label": "code"}, "no such column"),
        ("points", gpd.GeoDataFrame(geometry=[Point(1, 2)], crs=4326), {"contract": "fish"}, "is not one of"),
        (
            "circles",
            gpd.GeoDataFrame(geometry=[Point(1, 2)], crs=4326),
            {},
            "not one of points, lines, polygons, raster",
        ),
        ("points", pd.DataFrame({"a": [1]}), {}, "without a geometry"),
        ("raster", None, {}, "needs its picture"),
    ],
)
def test_a_layer_that_cannot_be_drawn_says_why(kind, table, options, says):
    """Every reason a layer cannot be drawn is said."""
    with pytest.raises(MapError, match=says):
        Layer("x", kind, table, **options)


def test_two_layers_of_one_name_are_refused():
    """Names are unique."""
    layer = Layer("x", "points", gpd.GeoDataFrame(geometry=[], crs=4326))
    with pytest.raises(MapError, match="'x' more than once"):
        Map((layer, layer))


def test_an_unknown_language_is_refused(town):
    """A language we do not speak is refused."""
    with pytest.raises(MapError, match="'fr' is not one of zh, en"):
        draw(town.network).html(lang="fr")


def test_outfalls_without_an_id_are_refused(town):
    """A table without its key cannot be drawn."""
    with pytest.raises(MapError, match="outfall_id: missing"):
        draw(town.network, town.outfalls.drop(columns="outfall_id"))


def test_an_infinite_verdict_is_refused(town):
    """Evidence without a finite log likelihood ratio is refused with its row."""
    found = SimpleNamespace(candidates=town.found.candidates, evidence=town.found.evidence.assign(log_lr=np.inf))
    with pytest.raises(MapError, match="log_lr: not a finite number"):
        draw(town.network, town.outfalls, found).html()


def test_maps_and_layers_are_frozen(drawn):
    """Nobody changes a map behind another's back."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        drawn.title = "x"
    with pytest.raises(dataclasses.FrozenInstanceError):
        drawn.layers[0].name = "x"


def test_reprs_count(drawn):
    """A map and a layer say what they hold in one line."""
    assert repr(drawn.layers[-1]) == "<Layer outfalls: 60 points>"
    assert (
        repr(drawn)
        == "<Map '清溪河排污口溯源': reaches: 42 lines, sightings: 120 points, sources: 30 points, outfalls: 60 points>"
    )
