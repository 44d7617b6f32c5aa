"""Banks, tracks, links, samples, clues and plumes as layers: nothing is lost, nothing is claimed, nothing is changed."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely import LineString, Point, box

from outfall.errors import MapError
from outfall.maps import Map, bank_layer, clue_layer, link_layer, plume_layer, sample_layer, track_layer
from outfall.maps.header import describe_layer
from outfall.maps.pack import Blob
from outfall.survey import bank_segments, find_coverage
from outfall.tables import empty
from tests.laws import unchanged

CRS = "EPSG:4549"


@pytest.fixture(scope="module")
def banks():
    lines = [LineString([(500_000 + 100 * k, 3_345_000), (500_100 + 100 * k, 3_345_000)]) for k in range(6)]
    return gpd.GeoDataFrame({"segment_id": [f"B{k}" for k in range(6)], "reach_id": "r"}, geometry=lines, crs=CRS)


@pytest.fixture(scope="module")
def coverage(banks):
    walk = gpd.GeoDataFrame(
        {"platform": ["foot", "drone"], "survey_id": ["w1", "f1"], "seen_at": pd.to_datetime(["2026-04-12T02:00Z", "2026-04-14T02:00Z"])},
        geometry=[LineString([(500_000, 3_345_005), (500_250, 3_345_005)]), LineString([(500_000, 3_345_005), (500_090, 3_345_005)])],
        crs=CRS,
    )  # fmt: skip
    return find_coverage(banks, walk)


def test_banks_keep_their_length(banks, coverage):
    """The kilometres of all classes are the kilometres of the banks."""
    with unchanged(banks, coverage):
        table = bank_layer(banks, coverage).table
    assert np.isclose(table["length_m"].sum(), banks.length.sum(), rtol=2e-3)
    assert len(table) == len(banks)
    assert table["seen"].tolist() == ["seen", "seen", "part", "unseen", "unseen", "unseen"]


def test_a_bank_nobody_saw_claims_nothing(banks, coverage):
    """An unseen bank has no platform and no time; a seen one names all who saw it."""
    table = bank_layer(banks, coverage).table.set_index("segment_id")
    assert pd.isna(table.loc["B5", "seen_by"])
    assert pd.isna(table.loc["B5", "first_seen_at"])
    assert table.loc["B0", "seen_by"] == "drone;foot"
    assert table.loc["B0", "last_seen_at"] == pd.Timestamp("2026-04-14T02:00Z")


@pytest.mark.parametrize("seen", [None, "empty"])
def test_without_coverage_every_bank_is_unseen(banks, coverage, seen):
    """No coverage and an empty one say the same: nobody looked."""
    layer = bank_layer(banks, coverage.head(0) if seen else None)
    assert set(layer.table["seen"]) == {"unseen"}
    assert Map((layer,)).html()


def test_unseen_banks_are_louder_than_seen_ones(banks, coverage):
    """The legend has the unseen first and draws them wider than the seen."""
    looks = describe_layer(bank_layer(banks, coverage), Blob())["styles"]["seen"]
    assert [look["value"] for look in looks] == ["unseen", "part", "seen"]
    assert looks[0]["width"] > looks[1]["width"] > looks[2]["width"]


def test_banks_of_a_network_make_a_layer(town):
    """Segments of bank_segments are drawn as they come."""
    from outfall.network import build_network

    rivers = town.network.reaches[town.network.reaches["kind"] == "river"][["reach_id", "geometry"]]
    segments = bank_segments(build_network(rivers))
    assert len(bank_layer(segments).table) == len(segments)


def test_pieces_of_a_track_join_without_a_gap():
    """The pieces of a track are as long together as the way between its fixes, and two tracks are not joined."""
    when = pd.date_range("2026-04-13", periods=200, freq="s", tz="UTC")
    spots = gpd.points_from_xy(500_000 + np.arange(200) * 3.0, np.full(200, 3_345_000.0))
    one = gpd.GeoDataFrame(
        {"seen_at": when, "survey_id": "a", "conductivity": np.arange(200.0)}, geometry=spots, crs=CRS
    )
    two = one.assign(survey_id="b").set_geometry(one.translate(0, 5000))
    track = pd.concat([one, two], ignore_index=True)
    layer = track_layer(track.sample(frac=1, random_state=1))
    assert np.isclose(layer.table["length_m"].sum(), 2 * 199 * 3.0)
    assert layer.table.length.max() < 60
    assert layer.table["conductivity"].is_monotonic_increasing or set(layer.table["survey_id"]) == {"a", "b"}
    assert layer.style == "conductivity"


def test_a_non_detect_is_never_a_number():
    """A non-detect has no value to be coloured by; its limit stands in the text."""
    samples = gpd.GeoDataFrame({"sample_id": ["W1", "W2"]}, geometry=[Point(1, 1), Point(2, 2)], crs=4326)
    results = pd.DataFrame(
        {"sample_id": ["W1", "W2"], "parameter": "ammonia", "qualifier": ["<", "="], "value": [np.nan, 2.0], "detection_limit": 0.025, "unit": "mg/L"}
    )  # fmt: skip
    with unchanged(samples, results):
        table = sample_layer(samples, results).table
    assert np.isnan(table["ammonia"][0])
    assert "<0.025 mg/L" in table["measured"][0]


@pytest.mark.parametrize(
    ("multiple", "verdict", "grade"),
    [([0.4, 0.9], ["met", "met"], "met"), ([0.4, 1.7], ["met", "exceeded"], "over1"), ([9.0, 3.0], ["exceeded"] * 2, "over5"),
     ([0.4, np.nan], ["met", "undecided"], "undecided"), ([3.0, np.nan], ["exceeded", "undecided"], "over2"), ([np.nan] * 2, ["undecided"] * 2, "undecided")],
)  # fmt: skip
def test_the_grade_is_that_of_the_worst(multiple, verdict, grade):
    """The worst parameter decides; what nobody can decide never counts as met."""
    samples = gpd.GeoDataFrame({"sample_id": ["W1"]}, geometry=[Point(1, 1)], crs=4326)
    results = pd.DataFrame(
        {"sample_id": "W1", "parameter": ["cod", "ammonia"], "qualifier": "=", "value": 1.0, "unit": "mg/L", "multiple_share": multiple, "verdict": verdict}
    )  # fmt: skip
    assert sample_layer(samples, results).table["grade"].tolist() == [grade]


def test_samples_are_placed_where_they_were_taken(town):
    """A sample without a point is placed along its reach, at its outfall or at its source."""
    first = town.outfalls.iloc[0]
    samples = pd.DataFrame(
        {"sample_id": ["a", "b", "c"], "reach_id": ["river-0", None, None], "along_m": [10.0, np.nan, np.nan],
         "outfall_id": [None, first["outfall_id"], None], "source_id": [None, None, "nobody"]}
    )  # fmt: skip
    table = sample_layer(samples, network=town.network, outfalls=town.outfalls, sources=town.sources).table
    assert table.geometry.notna().tolist() == [True, True, False]
    assert table.geometry[1].distance(first.geometry) < 1e-6


def test_links_run_between_what_they_name(town):
    """A link without a line is drawn straight from what it leaves to what it reaches; others stay off the map."""
    links = pd.DataFrame(
        {"link_id": ["L1", "L2"], "kind": "tracer", "from_id": ["E001", "E001"], "to_id": [town.outfalls["outfall_id"][3], "nowhere"], "exists_share": 0.9}
    )  # fmt: skip
    table = link_layer(links, outfalls=town.outfalls, sources=town.sources).table
    assert table.geometry.notna().tolist() == [True, False]
    assert Point(table.geometry[0].coords[0]).distance(town.sources.geometry[0]) < 1e-6


def test_clues_keep_their_shape_where_all_have_one():
    """Clues that are all areas are drawn as areas, mixed ones as points, one for each."""
    areas = gpd.GeoDataFrame({"clue_id": ["a", "b"]}, geometry=[box(0, 0, 1, 1), box(2, 2, 3, 3)], crs=32650)
    mixed = areas.set_geometry([box(0, 0, 1, 1), Point(5, 5)], crs=32650)
    assert clue_layer(areas).kind == "polygons"
    assert (clue_layer(mixed).kind, len(clue_layer(mixed).table)) == ("points", 2)


@pytest.mark.parametrize("make", [lambda: bank_layer(gpd.GeoDataFrame({"segment_id": []}, geometry=[], crs=CRS)), lambda: sample_layer(empty("samples")),
    lambda: clue_layer(empty("clues")), lambda: link_layer(empty("links")), lambda: plume_layer(gpd.GeoDataFrame({"a": []}, geometry=[], crs=CRS)),
    lambda: track_layer(gpd.GeoDataFrame({"seen_at": pd.to_datetime([], utc=True)}, geometry=[], crs=CRS))])  # fmt: skip
def test_empty_tables_make_empty_layers(make):
    """An empty table makes a layer of nothing that can be saved."""
    layer = make()
    assert len(layer.table) == 0
    assert Map((layer,)).html()


@pytest.mark.parametrize(
    ("make", "column"),
    [(bank_layer, "segment_id"), (sample_layer, "sample_id"), (clue_layer, "clue_id"),
     (link_layer, "link_id"), (track_layer, "seen_at")],
)  # fmt: skip
def test_a_missing_column_is_named(make, column):
    """A table without the column a layer stands on is refused by its name."""
    with pytest.raises(MapError, match=column):
        make(gpd.GeoDataFrame({"other": [1]}, geometry=[Point(1, 1)], crs=4326))
