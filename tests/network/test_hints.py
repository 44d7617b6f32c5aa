"""Notes on a point move probability between its places, and nothing else."""

import geopandas as gpd
import numpy as np
import pytest

from outfall.errors import PlaceError
from outfall.network import build_network, locate, weigh_places
from outfall.tables import find_problems
from tests.laws import shuffled, unchanged

WKT = ["LINESTRING (500000 3400000, 501000 3400000)", "LINESTRING (500000 3399985, 500990 3399985)"]


@pytest.fixture
def network():
    """Return a river beside a sewer, 15 m apart."""
    river = gpd.GeoDataFrame({"reach_id": ["R"], "name": ["青河"]}, geometry=gpd.GeoSeries.from_wkt(WKT[:1], crs=32650))
    pipe = gpd.GeoDataFrame({"reach_id": ["P"]}, geometry=gpd.GeoSeries.from_wkt(WKT[1:], crs=32650))
    return build_network(river, pipes=pipe, join_m=1.0)


def seen(**notes):
    """Return points half-way between the two, with notes."""
    count = len(next(iter(notes.values()))) if notes else 2
    points = gpd.points_from_xy(500200 + 50 * np.arange(count), np.full(count, 3399992.0))
    ids = [f"E{row}" for row in range(count)]
    return gpd.GeoDataFrame({"sighting_id": ids, "sigma_m": 6.0, **notes}, geometry=points, crs=32650)


@pytest.mark.parametrize(
    ("notes", "first"),
    [
        ({"platform": ["boat", "crawler"]}, ["R", "P"]),
        ({"kind": ["manhole", None]}, ["P", None]),
        ({"receiving_water": ["青 河", "白河"]}, ["R", "P"]),
    ],
    ids=["platform", "kind", "name"],
)
def test_a_note_points_at_the_place_it_fits(network, notes, first):
    """What a boat sees is the river's, a manhole the pipe's; a name fits its river."""
    points = seen(**notes)
    places = locate(points, network)
    with unchanged(places, points):
        weighed = weigh_places(places, points, network)
    for name, reach in zip(points["sighting_id"], first, strict=True):
        mine = weighed[weighed["point_id"] == name]
        if reach is not None:
            assert mine["reach_id"].iloc[0] == reach
            assert mine["place_share"].iloc[0] > 0.5


@pytest.mark.parametrize(
    ("notes", "first"),
    [
        ({"upstream_km": [6.0, 1.0]}, ["big", "small"]),
        ({"side": ["right", "left"]}, ["big", "small"]),
    ],
    ids=["size", "bank"],
)
def test_of_two_rivers_the_one_noted_is_first(notes, first):
    """A rough size tells a river of 6 km from a brook of 1 km, and a bank tells which side of which it was."""
    shapes = gpd.GeoSeries.from_wkt(["LINESTRING (495000 3400000, 501000 3400000)", WKT[1]], crs=32650)
    rivers = build_network(gpd.GeoDataFrame({"reach_id": ["big", "small"]}, geometry=shapes))
    points = seen(**notes)
    weighed = weigh_places(locate(points, rivers), points, rivers)
    assert weighed[weighed["rank"] == 1]["reach_id"].tolist() == first
    assert (weighed[weighed["rank"] == 1]["place_share"] > 0.6).all()


def test_what_is_noted_changes_no_sum(network):
    """A note never makes it surer that a point is on the network at all, and the contract holds."""
    points = seen(platform=["boat", "crawler"], receiving_water=["青河", None])
    places = locate(points, network)
    weighed = weigh_places(places, points, network)
    assert find_problems(weighed, "places") == []
    before, after = (table.groupby("point_id")["place_share"].sum() for table in (places, weighed))
    assert after.to_numpy() == pytest.approx(before.to_numpy())
    assert weighed.groupby("point_id")["rank"].apply(list).tolist() == [[1, 2], [1, 2]]


def test_no_note_changes_nothing(network):
    """A table without notes, and one whose notes are empty, keeps its shares."""
    for points in (seen(), seen(side=[None, None], receiving_water=[None, None])):
        places = locate(points, network)
        weighed = weigh_places(places, points, network)
        assert weighed["place_share"].to_numpy() == pytest.approx(places["place_share"].to_numpy())


def test_the_order_of_the_points_does_not_matter(network):
    """Shuffling the table of points changes no share."""
    points = seen(platform=["boat", "crawler"])
    places = locate(points, network)
    one, two = weigh_places(places, points, network), weigh_places(places, shuffled(points), network)
    assert one["place_share"].tolist() == two["place_share"].tolist()


def test_places_of_other_points_are_refused(network):
    """Notes of another table are not used by accident."""
    places = locate(seen(platform=["boat", "crawler"]), network)
    other = seen(platform=["boat"]).assign(sighting_id=["X9"])
    with pytest.raises(PlaceError, match="point 'E0' is not in the table of points"):
        weigh_places(places, other, network)
