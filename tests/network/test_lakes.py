"""Outfalls to lakes and the sea have their place, and a lake joins what enters and what leaves it."""

import geopandas as gpd
import numpy as np
import pytest

from outfall.errors import NetworkError
from outfall.network import build_network, locate
from outfall.network.lakes import locate_on_shores, shore_lines
from tests.laws import shuffled, unchanged
from tests.network.made import CRS, ORIGIN, lines, points

SQUARE = "POLYGON ((1000 -500, 2000 -500, 2000 500, 1000 500, 1000 -500))"
RIVERS = lines("LINESTRING (0 0, 1000 0)", "LINESTRING (2000 0, 3000 0)", ids=["in", "out"])


def area(*wkt, **columns):
    """Return polygons in metres from a corner of the zone."""
    shapes = gpd.GeoSeries.from_wkt(list(wkt)).translate(*ORIGIN)
    return gpd.GeoDataFrame(
        columns or {"name": [f"lake {n}" for n in range(len(wkt))]}, geometry=shapes.to_numpy(), crs=CRS
    )


def joined(rivers, **more):
    """Return the network of rivers and one square lake."""
    return build_network([rivers, shore_lines(area(SQUARE), kind="lake", rivers=rivers)], crs=CRS, **more)


def test_a_lake_joins_what_enters_and_what_leaves():
    """Upstream of the outlet are the whole shore and the inlet; the outlet is upstream of none of them."""
    network = joined(RIVERS)
    above = network.upstream("out")
    assert "in" in above
    shore = network.reaches.loc[network.reaches["kind"] == "lake", "reach_id"]
    assert set(shore) <= set(above)
    assert all("out" not in network.upstream(name) for name in shore)


def test_a_river_drawn_through_a_lake_meets_its_shore():
    """Where a centre line crosses the shore both are cut there; the length of neither changes."""
    network = joined(lines("LINESTRING (0 0, 3000 0)", ids=["R"]))
    parts = network.reaches.groupby("kind")["length_m"].agg(["size", "sum"])
    assert parts.loc["river", "size"] == 3
    assert parts.loc["lake", "sum"] == pytest.approx(4000.0, rel=1e-3)
    shore = network.reaches.loc[network.reaches["kind"] == "lake", "reach_id"]
    assert network.pieces().nunique() == 1
    assert all("R.1" in network.upstream(name) for name in shore)


def test_a_sewer_that_ends_at_the_shore_discharges_there():
    """A sea outfall is upstream of its stretch of coast, through an interface."""
    coast = shore_lines(lines("LINESTRING (0 0, 2000 0)", ids=["C"]), kind="coast")
    sewer = lines("LINESTRING (700 300, 700 8)", ids=["P"])
    network = build_network(coast, pipes=sewer)
    stretches = network.reaches.loc[network.reaches["kind"] == "coast", "reach_id"]
    assert all("P" in network.upstream(name) for name in stretches)
    assert network.upstream("P") == ["P"]


def test_points_are_found_on_the_nearest_shore():
    """Along_m counts from the beginning of the shore, and the side says land or water."""
    network = build_network(shore_lines(lines("LINESTRING (0 0, 2000 0)", ids=["C"]), kind="coast"))
    seen = points((300, -6), (900, 9), sighting_id=["sea", "land"])
    with unchanged(seen):
        found = locate_on_shores(seen, network)
    assert found["along_m"].tolist() == pytest.approx([300.0, 900.0], rel=1e-3)
    assert found["is_in_water"].tolist() == [True, False]
    assert locate(seen, network)["reach_id"].tolist() == ["C", "C"]
    assert len(locate_on_shores(seen.iloc[:0], network)) == 0


def test_water_is_inside_a_lake_and_outside_its_islands():
    """However a polygon is drawn, a point in the water is on the water's side of its shore."""
    ring = area("POLYGON ((0 0, 900 0, 900 900, 0 900, 0 0), (400 400, 500 400, 500 500, 400 500, 400 400))")
    seen = points((8, 300), (-8, 300), (393, 450), (407, 450), sighting_id=["a", "b", "c", "d"])
    for shape in (ring, ring.set_geometry(ring.geometry.reverse())):
        found = locate_on_shores(seen, build_network(shore_lines(shape, kind="lake")))
        assert found.set_index("point_id")["is_in_water"].to_dict() == {"a": True, "b": False, "c": True, "d": False}


def test_a_shore_has_no_flow_and_either_way():
    """No reach of a shore has a flow or a direction, and every shore keeps its length."""
    two = area(SQUARE, SQUARE.replace("1000", "5000").replace("2000", "6000"), reach_id=["X", "Y"])
    shores = shore_lines(two, kind="lake")
    assert shores["reach_id"].tolist() == ["X", "Y"]
    network = build_network(shores)
    assert network.arrays.two_way.all()
    assert network.reaches["flow_m3s"].isna().all()
    other = shore_lines(shuffled(two), kind="lake")
    assert dict(zip(other["reach_id"], other.length, strict=True)) == dict(
        zip(shores["reach_id"], shores.length, strict=True)
    )


def test_degrees_and_several_parts_are_taken():
    """Polygons in degrees are converted; parts of one lake are numbered."""
    many = area("MULTIPOLYGON (((0 0, 90 0, 90 90, 0 0)), ((200 0, 290 0, 290 90, 200 0)))").to_crs(4326)
    found = shore_lines(many, kind="lake", crs=CRS)
    assert found["reach_id"].tolist() == ["lake-1/1", "lake-1/2"]
    assert np.isclose(found.length.sum(), 2 * (180 + 90 * 2**0.5), rtol=1e-6)


@pytest.mark.parametrize(
    ("shores", "kind", "match"),
    [
        (area(SQUARE), "pond", "'pond' is no kind of shore"),
        (points((0, 0), name=["P"]), "lake", "neither area nor line"),
    ],
)
def test_refusals(shores, kind, match):
    """What is no shore is refused."""
    with pytest.raises(NetworkError, match=match):
        shore_lines(shores, kind=kind)
