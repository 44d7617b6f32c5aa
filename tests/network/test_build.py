"""Lines become a network by rules that are written down line by line, and nothing is lost on the way."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from outfall.errors import CoordinateError, NetworkError, ReadError
from outfall.network import Network, build_network, read_network
from outfall.tables import find_problems
from tests.laws import shuffled, unchanged
from tests.network.made import CRS, ORIGIN, lines


def kinds(network):
    """Return how many issues of each kind there are."""
    return network.issues["kind"].value_counts().to_dict()


def issue(network, kind):
    """Return the one issue of a kind."""
    found = network.issues[network.issues["kind"] == kind]
    assert len(found) == 1, found[["kind", "row_ids", "reason"]]
    return found.iloc[0]


TOUCH_M = 1e-3  # build_network: an end this near the middle of a line touches it, even at tolerance 0

TOWN = lines(
    "LINESTRING (0 0, 500 0)",
    "LINESTRING (500 0, 900 0)",
    "LINESTRING (500.3 0.2, 500 400)",
    "LINESTRING (200 300, 250 0)",
    name=["Qing", "Qing", "Side", None],
)
SEWERS = lines(
    "LINESTRING (700 300, 700 100)",
    "LINESTRING (700 100, 700 12)",
    "LINESTRING (100 900, 140 900)",
    ids=["P1", "P2", "P3"],
)


SWAPPED = gpd.GeoDataFrame(geometry=[shapely.LineString([(31, 120), (31.1, 120.1)])], crs=4490)


def town():
    """Return a small network with all that the builder does."""
    return build_network(TOWN, pipes=SEWERS)


def test_tables_meet_their_contracts():
    """The three tables of a network meet their contracts."""
    network = town()
    for table, frame in (("reaches", network.reaches), ("nodes", network.nodes), ("issues", network.issues)):
        assert find_problems(frame, table) == []


def test_inputs_are_not_changed():
    """The lines given are not changed."""
    with unchanged(TOWN, SEWERS):
        town()


def test_order_of_lines_does_not_matter():
    """Shuffled lines give the same reaches, nodes and issues."""
    one = town()
    other = build_network(shuffled(TOWN.assign(source_ref=[f"a#{n}" for n in range(4)])), pipes=shuffled(SEWERS))
    key = ["reach_id", "from_node", "to_node", "is_main", "length_m"]
    first, second = (n.reaches[key].sort_values("reach_id").to_numpy().tolist() for n in (one, other))
    assert first == second
    assert one.issues[["kind", "row_ids", "decision"]].to_numpy().tolist() == (
        other.issues[["kind", "row_ids", "decision"]].to_numpy().tolist()
    )


def test_length_is_conserved():
    """Cutting lines changes neither their whole length nor where they run."""
    network = town()
    river = network.reaches[network.reaches["kind"] == "river"]
    assert river.length.sum() == pytest.approx(TOWN.length.sum())
    by_line = river.groupby("line_id")["length_m"].sum()
    whole = build_network(TOWN, split_midline=False).reaches.set_index("reach_id")["length_m"]
    np.testing.assert_allclose(by_line[whole.index], whole)


def test_ends_within_tolerance_are_joined_and_recorded():
    """Ends 0.36 m apart are one node, and the row says which and how far."""
    row = issue(build_network(TOWN), "unsnapped")
    assert row["row_ids"] == "L1;L2;L3"
    assert row["distance_m"] == pytest.approx(0.3606, abs=1e-3)
    assert row["decision"] == "joined to one node, by tolerance"
    assert kinds(build_network(TOWN, tolerance_m=0.1)).get("unsnapped") is None


def test_midline_join_cuts_the_line():
    """A line that is met in its middle is cut there, with the place on the user's line."""
    network = town()
    row = issue(network, "split_line")
    assert row["row_ids"] == "L1;L4"
    pieces = network.reaches[network.reaches["line_id"] == "L1"]
    assert pieces["reach_id"].tolist() == ["L1.1", "L1.2"]
    np.testing.assert_allclose(pieces["start_m"], [0, 250], atol=0.3)
    assert "L4" in network.upstream("L1.2")
    assert "L4" not in build_network(TOWN, split_midline=False).upstream("L1")


def test_pipe_enters_the_river_by_an_interface():
    """A pipe that ends 12 m from a river discharges into it there."""
    network = town()
    row = network.reaches.set_index("reach_id").loc["P2>river"]
    assert row["kind"] == "interface"
    assert row["length_m"] == pytest.approx(12, abs=0.02)
    assert network.downstream("P1") == ["P1", "P2", "P2>river", "L2.2"]
    assert set(network.upstream("L2.2")) >= {"P1", "P2", "L1.1", "L4"}
    assert "P1" not in network.upstream("L2.1")
    assert network.nodes.set_index("node_id")["kind"][row["from_node"]] == "outfall"


def test_pipe_far_from_any_river_is_a_mouth_of_its_own():
    """A pipe end beyond the joining distance is reported with the distance."""
    row = issue(build_network(TOWN, pipes=SEWERS, tolerance_m=0.1), "unsnapped")
    assert row["row_ids"] == "P3"
    assert row["distance_m"] == pytest.approx(626, abs=25)
    assert len(town().mouths()) == 3


def test_pipe_that_begins_at_the_river_is_reported():
    """A pipe digitised away from the river is joined as drawn, and a row says that it may be reversed."""
    pipes = lines("LINESTRING (700 0.1, 700 100)", ids=["P1"])
    network = build_network(TOWN, pipes=pipes)
    assert issue(network, "reversed")["row_ids"] == "P1"
    assert network.upstream("P1")[1] == "P1>river"


def test_two_pipes_at_one_place_share_a_node():
    """Two pipes that discharge from both banks at one place cut the river once."""
    pipes = lines("LINESTRING (700 90, 700 5)", "LINESTRING (700 -90, 700 -5)", ids=["P1", "P2"])
    network = build_network(TOWN.iloc[[1]], pipes=pipes)
    assert network.reaches["reach_id"].tolist() == ["L2.1", "L2.2", "P1", "P2", "P1>river", "P2>river"]


def test_pipe_near_a_river_node_does_not_cut():
    """A pipe that ends within the tolerance of a river's end is joined to that node."""
    network = build_network(TOWN.iloc[[1]], pipes=lines("LINESTRING (900.2 90, 900.2 5)", ids=["P1"]))
    assert network.reaches["reach_id"].tolist() == ["L2", "P1", "P1>river"]


def test_river_and_pipe_with_one_id():
    """A river that has the id of a pipe gets another, because crawler logs speak of pipes."""
    network = build_network(TOWN.assign(reach_id=["P1", "b", "c", "d"]), pipes=SEWERS)
    assert issue(network, "duplicate")["decision"] == "the rivers are called river-<id>"
    assert {"river-P1.1", "P1"} <= set(network.reaches["reach_id"])


def test_river_and_pipe_nodes_with_one_id():
    """Node ids that rivers and pipes share are told apart."""
    rivers = TOWN.iloc[[0, 1]].assign(from_node=["1", "2"], to_node=["2", "3"])
    network = build_network(rivers, pipes=SEWERS.iloc[:2].assign(from_node=["1", "2"], to_node=["2", "9"]))
    assert {"1", "1~2", "2", "2~2", "3", "9"} <= set(network.nodes["node_id"])
    assert network.upstream("P2") == ["P2", "P1"]
    assert issue(network, "duplicate")["row_ids"] == "1;2"


def test_short_line_is_never_collapsed():
    """A line shorter than the tolerance keeps its two nodes."""
    network = build_network(lines("LINESTRING (0 0, 50 0)", "LINESTRING (50 0, 50.3 0)", "LINESTRING (50.3 0, 99 0)"))
    assert network.upstream("L3") == ["L3", "L2", "L1"]
    assert (network.reaches["from_node"] != network.reaches["to_node"]).all()


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.0, 0.2, 1.0, 2.0]))
def test_no_tolerance_makes_a_line_a_point(seed, tolerance_m):
    """Whatever the tolerance, every line is kept, no open line begins and ends at one node, and joined ends are near."""
    rng = np.random.default_rng(seed)
    start = rng.uniform(0, 12, (25, 2))
    shapes = shapely.linestrings(np.stack([start, start + rng.normal(0, 1.5, (25, 2))], axis=1))
    frame = gpd.GeoDataFrame({"reach_id": [f"r{n}" for n in range(25)]}, geometry=shapes, crs=CRS)
    network = build_network(frame.set_geometry(frame.geometry.translate(*ORIGIN)), tolerance_m=tolerance_m)
    assert set(network.reaches["line_id"]) == set(frame["reach_id"])
    places = network.nodes.geometry.to_numpy()[network.arrays.from_node]
    gap = shapely.distance(places, shapely.get_point(network.reaches.geometry.to_numpy(), 0))
    assert gap.max() <= max(2 * tolerance_m, TOUCH_M) + 1e-6
    once = network.reaches[~network.reaches["line_id"].duplicated(keep=False)]
    assert (once["from_node"] != once["to_node"]).all()


@pytest.mark.parametrize(("gap_m", "is_cut"), [(0.0008, True), (0.002, False)])
def test_an_end_within_a_millimetre_touches(gap_m, is_cut):
    """At tolerance 0 a line is cut by an end within 1 mm of its middle, and by none farther away."""
    frame = lines("LINESTRING (0 0, 100 0)", f"LINESTRING (50 40, 50 {gap_m})")
    assert ("L2" in build_network(frame, tolerance_m=0.0).upstream("L1")) == is_cut


def test_nothing_is_silently_dropped():
    """Lines that cannot be reaches are each listed with the reason."""
    frame = lines(
        "LINESTRING (0 0, 100 0)",
        "LINESTRING (0 0, 100 0)",
        "LINESTRING (5 5, 5 5)",
        "LINESTRING EMPTY",
        "POINT (3 3)",
        "MULTILINESTRING ((100 0, 150 0), (150 0, 200 0))",
        "MULTILINESTRING ((0 50, 10 50), (20 50, 30 50))",
    )
    frame = gpd.GeoDataFrame(frame[["reach_id"]], geometry=[*frame.geometry.iloc[:6], frame.geometry.iloc[6]], crs=CRS)
    frame.loc[7, "reach_id"] = "L8"
    network = build_network(frame)
    assert network.reaches["reach_id"].tolist() == ["L1", "L6", "L7.1", "L7.2"]
    named = {name for ids in network.issues["row_ids"] for name in ids.split(";")}
    assert {"L2", "L3", "L4", "L5", "L6", "L7", "L8"} <= named
    assert kinds(network)["no_geometry"] == 3
    assert issue(network, "duplicate")["decision"].startswith("kept L1")


def test_repeated_and_missing_ids_are_made_unique():
    """Lines that share an id or have none are kept under ids of their own."""
    frame = lines("LINESTRING (0 0, 10 0)", "LINESTRING (10 0, 20 0)", "LINESTRING (20 0, 30 0)", ids=["A", "A", None])
    network = build_network(frame)
    assert sorted(network.reaches["reach_id"]) == ["A", "A~2", "river-row-3"]
    assert issue(network, "duplicate")["row_ids"] == "A;A~2"


def test_node_ids_win_over_positions():
    """Two lines that cross at one place under different node ids are not joined."""
    frame = lines(
        "LINESTRING (0 0, 50 0)", "LINESTRING (50 0, 99 0)", "LINESTRING (50 50, 50 0)", "LINESTRING (50 0, 50 -50)",
        from_node=["a", "b", "x", "y"], to_node=["b", "c", "y", "z"],
    )  # fmt: skip
    network = build_network(frame)
    assert set(network.nodes["node_id"]) == set("abcxyz")
    assert network.upstream("L2") == ["L2", "L1"]


def test_node_ids_that_contradict_the_map_are_not_used():
    """A node id that stands at places far apart is reported, and positions decide."""
    frame = lines("LINESTRING (0 0, 50 0)", "LINESTRING (50 0, 99 0)", from_node=["a", "b"], to_node=["b", "a"])
    network = build_network(frame)
    assert "stands at places 99.0 m apart" in issue(network, "unsnapped")["reason"]
    assert len(network.loops()) == 0
    assert network.upstream("L2") == ["L2", "L1"]


def test_next_line_joins_over_a_gap():
    """A file that names the next line joins them although they lie 2 m apart."""
    frame = lines("LINESTRING (0 0, 50 0)", "LINESTRING (52 0, 99 0)", toid=["L2", "0"])
    assert build_network(frame).upstream("L2") == ["L2", "L1"]
    far = lines("LINESTRING (0 0, 50 0)", "LINESTRING (80 0, 99 0)", toid=["L2", "0"])
    assert "begins 30.0 m away" in issue(build_network(far), "unsnapped")["reason"]


def test_direction_column():
    """BI makes a reach two-way, a word against turns it, and a word nobody knows is reported."""
    frame = lines(
        "LINESTRING (0 0, 50 0)", "LINESTRING (99 0, 50 0)", "LINESTRING (99 0, 150 0)", "LINESTRING (150 0, 200 0)",
        FlowDirection=["UNI", "against", "BI", "sideways"], invert_from_m=[3.0, 1.0, 1.0, 1.0], invert_to_m=[2.0, 2.0, 1.0, 0.0],
    )  # fmt: skip
    network = build_network(frame)
    assert network.reaches["forward_share"].tolist() == [1.0, 1.0, 0.5, 1.0]
    assert network.reaches["invert_from_m"].tolist() == [3.0, 2.0, 1.0, 1.0]
    assert network.upstream("L4") == ["L4", "L3", "L2", "L1"]
    assert issue(network, "reversed")["row_ids"] == "L2"
    assert "sideways" in issue(network, "assumption")["reason"]


def test_tidal_reaches_are_two_way():
    """A tidal reach may be walked either way."""
    frame = lines(
        "LINESTRING (0 0, 50 0)", "LINESTRING (50 0, 99 0)", "LINESTRING (60 60, 50 0)", kind=["感潮", "感潮", None]
    )
    network = build_network(frame)
    assert network.reaches["forward_share"].tolist() == [0.5, 0.5, 1.0]
    assert set(network.upstream("L1")) == {"L1", "L2", "L3"}
    assert network.loops()["is_two_way"].all()


def test_tables_make_the_same_network_again(tmp_path):
    """A network written to a GeoPackage and made again from its tables walks and sums as before."""
    network = town()
    for name in ("reaches", "nodes"):
        getattr(network, name).to_file(tmp_path / "n.gpkg", layer=name, driver="GPKG")
    again = Network(*(gpd.read_file(tmp_path / "n.gpkg", layer=name) for name in ("reaches", "nodes")))
    assert repr(again) == repr(network)
    assert again.upstream("L2.2") == network.upstream("L2.2")
    assert again.accumulate("length_m", rule="main").tolist() == network.accumulate("length_m", rule="main").tolist()


def test_main_path_is_chosen_in_the_open():
    """At a divergence the name decides before the length, and the row says so."""
    frame = lines(
        "LINESTRING (0 0, 50 0)", "LINESTRING (50 0, 60 0)", "LINESTRING (50 0, 50 900)", name=["Qing", "Qing", "Canal"]
    )
    row = issue(build_network(frame), "divergence")
    assert row["decision"] == "L2 is the main path, by name"
    over = build_network(frame.assign(is_main=[None, False, True]))
    assert issue(over, "divergence")["decision"] == "L3 is the main path, by is_main"
    plain = build_network(frame.drop(columns="name"))
    assert issue(plain, "divergence")["decision"] == "L3 is the main path, by upstream length at the far end"


def test_chinese_headings():
    """A pipe layer with Chinese headings is read without a column map."""
    frame = (
        lines("LINESTRING (0 0, 50 0)", "LINESTRING (50 0, 99 0)")
        .drop(columns="reach_id")
        .assign(
            管段编号=["W1", "W2"],
            起点点号=["a", "b"],
            终点点号=["b", "c"],
            管径=["400", "300*500"],
            排水性质=["污水", "雨水"],
        )
    )
    network = build_network(None, pipes=frame)
    assert network.reaches["reach_id"].tolist() == ["W1", "W2"]
    assert network.reaches["system"].tolist() == ["foul", "storm"]
    assert network.reaches["diameter_mm"].tolist()[0] == 400
    assert network.issues["reason"].str.contains("'300*500' (1) is not a number", regex=False).any()
    assert set(network.nodes["node_id"]) == {"a", "b", "c"}


def test_files_in_and_out(tmp_path):
    """A GeoPackage with several layers is read by the one that has lines, or by the one named."""
    file = tmp_path / "水系 network.gpkg"
    town().nodes.to_file(file, layer="points", driver="GPKG")
    TOWN.to_file(file, layer="lines", driver="GPKG")
    SEWERS.to_file(file, layer="sewers", driver="GPKG")
    network = read_network(file, pipes=f"{file}|layername=sewers")
    assert network.reaches["reach_id"].tolist() == town().reaches["reach_id"].tolist()
    assert network.reaches["source_ref"].iloc[0] == "水系 network.gpkg#1"


def test_geographic_lines_get_a_metric_crs():
    """Lines in degrees become metres in a zone of their own, with the same geodesic lengths."""
    one = build_network(TOWN)
    other = build_network(TOWN.to_crs(4490))
    assert other.crs.is_projected
    np.testing.assert_allclose(one.reaches["length_m"], other.reaches["length_m"], rtol=1e-6)


def test_empty_lines_make_an_empty_network():
    """No lines in a table make a network without reaches."""
    network = build_network(TOWN.iloc[:0])
    assert repr(network).startswith("Network: 0 reaches, 0.0 km, 0 nodes")
    assert len(network.mouths()) == len(network.loops()) == len(network.pieces()) == 0


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: build_network(None), NetworkError, "neither rivers nor pipes"),
        (lambda: build_network(TOWN, tolerance_m=-1), NetworkError, "tolerance_m: -1 is not a distance"),
        (lambda: build_network(TOWN.set_crs(None, allow_override=True)), CoordinateError, "CRS"),
        (lambda: build_network(TOWN.set_geometry(TOWN.buffer(1))), NetworkError, "is a Polygon, not a line"),
        (lambda: build_network(SWAPPED), (NetworkError, CoordinateError), "not one of 1 lines|latitude|swapped"),
        (lambda: read_network("nowhere.gpkg"), ReadError, "no such file"),
        (lambda: read_network(TOWN, rename={"河": "name"}), NetworkError, "no column '河'"),
    ],
)
def test_refusals(call, error, match):
    """What cannot be built is refused with the reason."""
    with pytest.raises(error, match=match):
        call()


def test_a_multi_part_line_of_no_length_is_listed():
    """A line whose parts merge to nothing is named, never lost in silence."""
    shapes = gpd.GeoSeries.from_wkt(["MULTILINESTRING ((5 5, 5 5))", "MULTILINESTRING ((0 0, 100 0))"], crs=32650)
    network = build_network(gpd.GeoDataFrame({"line_id": ["dot", "line"]}, geometry=shapes))
    assert network.reaches["line_id"].tolist() == ["line"]
    zero = network.issues[network.issues["kind"] == "zero_length"]
    assert zero["row_ids"].tolist() == ["dot"]
