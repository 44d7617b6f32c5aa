"""Edits by hand: ids survive, totals stay, nothing else changes, and the log replays."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from outfall.errors import NetworkError, TableError
from outfall.network import build_network
from outfall.network.edits import add_interface, add_reaches, remove_reach, reverse_reach, split_reach
from outfall.network.replay import follow_places, replay_edits
from tests.laws import unchanged
from tests.network.made import CRS, lines, network_of

AT = "2026-05-01T10:00:00+08:00"
PAIRS = st.lists(
    st.tuples(st.integers(0, 8), st.integers(0, 8)).filter(lambda pair: pair[0] < pair[1]), min_size=2, max_size=12
)
EDITS = st.lists(
    st.tuples(st.sampled_from(["split", "reverse", "remove", "add"]), st.integers(0, 99), st.floats(0.1, 0.9)),
    max_size=5,
)


def town():
    """Return a river of two lines, a tributary, and a pipe that ends beside it."""
    return build_network(
        lines(
            "LINESTRING (0 0, 100 0)",
            "LINESTRING (100 0, 300 0)",
            "LINESTRING (100 90, 100 0)",
            "LINESTRING (200 200, 200 60)",
            ids=["A", "B", "T", "P"],
            kind=["river", "river", "river", "gravity_sewer"],
            area_km2=[1.0, 4.0, 2.0, None],
            invert_from_m=[9.0, 8.0, 9.5, 12.0],
            invert_to_m=[8.0, 4.0, 8.0, 10.0],
        ),
        join_m=1.0,
    )


def do(network, kind, pick, share):
    """Return the network after one edit of a reach chosen by number; None where the edit does not fit."""
    row = network.reaches.iloc[pick % len(network.reaches)]
    name = row["reach_id"]
    if kind == "split":
        return split_reach(network, name, along_m=share * row["length_m"], actor="crew", at=AT)
    if kind == "reverse":
        return reverse_reach(network, name, reason="seen", at=AT)
    if kind == "remove":
        return remove_reach(network, name, at=AT) if len(network.reaches) > 1 else network
    shift = row.geometry.centroid
    line = lines("LINESTRING (0 0, 1 1)", crs=CRS).drop(columns="reach_id")
    far = line.set_geometry(line.geometry.translate(shift.x + pick * 7 - 400_000, shift.y + 3_000 - 3_400_000))
    return add_reaches(network, far, actor="crew", at=AT)


@settings(max_examples=12, deadline=None)
@given(PAIRS, EDITS)
def test_the_log_replays_and_the_rest_is_unchanged(pairs, edits):
    """Whatever was edited, the log gives the same tables again, ids are used once, and other reaches are as they were."""
    first = network_of(pairs)
    network, seen = first, set(first.reaches["reach_id"])
    for kind, pick, share in edits:
        before = network
        network = do(before, kind, pick, share)
        new = set(network.reaches["reach_id"]) - set(before.reaches["reach_id"])
        assert not new & seen
        seen |= new
        touched = set(network.edits["row_ids"].iloc[-1].split(";")) if len(network.edits) > len(before.edits) else set()
        ends = before.reaches[before.reaches["reach_id"].isin(touched)]
        nodes = set(ends["from_node"]) | set(ends["to_node"])
        was = before.reaches[
            ~before.reaches["from_node"].isin(nodes) & ~before.reaches["to_node"].isin(nodes)
        ].set_index("reach_id")
        now = network.reaches.set_index("reach_id").loc[was.index]
        assert_frame_equal(pd.DataFrame(was), pd.DataFrame(now))
    again = replay_edits(first, network.edits)
    assert_frame_equal(pd.DataFrame(again.reaches), pd.DataFrame(network.reaches))
    assert_frame_equal(pd.DataFrame(again.nodes), pd.DataFrame(network.nodes))
    assert_frame_equal(again.edits, network.edits)


@settings(max_examples=12, deadline=None)
@given(PAIRS, st.integers(0, 99), st.floats(0.1, 0.9), st.sampled_from(["total", "main", "apportioned"]))
def test_a_split_changes_no_total(pairs, pick, share, rule):
    """After a split every other reach has the total it had, by each rule, and the lower piece that of the whole."""
    before = network_of(pairs)
    row = before.reaches.iloc[pick % len(pairs)]
    after = split_reach(before, row["reach_id"], along_m=share * row["length_m"])
    was, now = before.accumulate("length_m", rule=rule), after.accumulate("length_m", rule=rule)
    now = now.rename({f"{row['reach_id']}.2": row["reach_id"]})
    assert now.loc[was.index].to_numpy() == pytest.approx(was.to_numpy())


def test_split_shares_out_what_the_reach_had():
    """Area is split by length, inverts lie between, and a place on the old id is on the right piece."""
    network = split_reach(town(), "B", along_m=50.0)
    reaches = network.reaches.set_index("reach_id")
    share = 50.0 / town().reaches.set_index("reach_id").loc["B", "length_m"]
    assert reaches.loc[["B.1", "B.2"], "area_km2"].tolist() == pytest.approx([4 * share, 4 * (1 - share)])
    assert reaches.loc["B.1", "invert_to_m"] == reaches.loc["B.2", "invert_from_m"] == pytest.approx(8 - 4 * share)
    rows, along = network.find_places(["B", "B"], [20.0, 60.0])
    assert network.reaches["reach_id"].iloc[rows].tolist() == ["B.1", "B.2"]
    assert along.tolist() == pytest.approx([20.0, 10.0])


def test_a_piece_that_is_split_again_keeps_its_name():
    """A place on a piece that is no more is on the piece of the piece."""
    network = split_reach(split_reach(town(), "B", along_m=50.0), "B.2", along_m=40.0)
    rows, along = network.find_places(["B.2", "B", "B.2"], [45.0, 95.0, 10.0])
    assert network.reaches["reach_id"].iloc[rows].tolist() == ["B.2.2", "B.2.2", "B.2.1"]
    assert along.tolist() == pytest.approx([5.0, 5.0, 10.0])


def test_turning_twice_is_no_change():
    """A reach turned twice has its line, nodes and inverts back."""
    once = reverse_reach(town(), "T")
    assert once.upstream("B") == ["B", "A"]
    back = reverse_reach(once, "T").reaches.set_index("reach_id").loc["T"]
    was = town().reaches.set_index("reach_id").loc["T"]
    names = ["from_node", "to_node", "invert_from_m", "invert_to_m", "length_m"]
    assert back[names].tolist() == was[names].tolist()
    assert back.geometry.equals(was.geometry)


def test_adding_and_removing_leaves_the_tables():
    """What is added and removed again leaves reaches and nodes as they were; its id is not given again."""
    before = town()
    line = lines("LINESTRING (300 0, 400 50)", ids=["new"])
    with unchanged(before.reaches, before.nodes, line):
        after = add_reaches(before, line, actor="crew", reason="found on site")
        gone = remove_reach(after, "new")
    assert after.upstream("new")[:2] == ["new", "B"]
    assert_frame_equal(pd.DataFrame(gone.reaches), pd.DataFrame(before.reaches))
    assert_frame_equal(pd.DataFrame(gone.nodes), pd.DataFrame(before.nodes))
    with pytest.raises(NetworkError, match="is or was another"):
        add_reaches(gone, line)


def test_an_interface_joins_a_pipe_to_the_river():
    """A trace from the river goes up the pipe once its discharge is added, at the place where it is."""
    before = town()
    end = before.reaches.set_index("reach_id").loc["P", "to_node"]
    after = add_interface(before, end, "B", along_m=100.0, actor="crew")
    assert after.edits["kind"].tolist() == ["split", "add"]
    assert set(after.upstream("B.2")) == {"B.2", "B.1", "A", "T", "P", "P>river"}
    assert set(after.upstream("B.1")) == {"B.1", "A", "T"}
    assert after.nodes.set_index("node_id").loc[end, "kind"] == "outfall"
    with pytest.raises(NetworkError, match="from the pipe to the river"):
        reverse_reach(after, "P>river")


def test_an_added_line_that_ends_on_the_middle_splits():
    """A reach whose end lies on the middle of another cuts it there, and both edits are in the log."""
    line = lines("LINESTRING (200 -80, 200 0)", ids=["ditch"], kind=["ditch"]).to_crs(4326)
    after = add_reaches(town(), line, actor="crew", at=AT)
    assert after.edits["kind"].tolist() == ["split", "add"]
    assert set(after.upstream("B.2")) == {"B.2", "B.1", "A", "T", "ditch"}
    assert after.edits["at"].dt.tz is not None
    assert after.edits["actor"].tolist() == ["crew", "crew"]


def test_removing_the_main_path_makes_the_other_one_main():
    """What is left of a divergence carries the water on."""
    network = network_of([(0, 1), (1, 2), (1, 3)], is_main=[True, False, True])
    after = remove_reach(network, "r2")
    assert bool(after.reaches.set_index("reach_id").loc["r1", "is_main"])


def test_places_follow_the_edits():
    """A stored place lands where it was on the ground, whatever was done to its reach."""
    before = town()
    places = pd.DataFrame({"reach_id": ["B", "B", "T", "A"], "along_m": [20.0, 150.0, 30.0, 5.0], "k": [1, 2, 3, 4]})
    after = reverse_reach(split_reach(before, "B", along_m=100.0), "B.2")
    after = remove_reach(after, "T")
    with unchanged(places, after.edits):
        moved = follow_places(places, after.edits)
    assert moved["reach_id"].fillna("gone").tolist() == ["B.1", "B.2", "gone", "A"]
    for row in (0, 1, 3):
        old = before.reaches.set_index("reach_id").geometry[places["reach_id"][row]]
        new = after.reaches.set_index("reach_id").geometry[moved["reach_id"][row]]
        scale = old.length / before.reaches.set_index("reach_id")["length_m"][places["reach_id"][row]]
        assert (
            new.interpolate(moved["along_m"][row] * scale).distance(old.interpolate(places["along_m"][row] * scale))
            < 0.01
        )
    assert moved["k"].tolist() == [1, 2, 3, 4]


def test_a_log_can_be_replayed_in_part():
    """Edits are taken back by leaving them out or by asking for an earlier day."""
    before = town()
    after = split_reach(before, "A", along_m=10.0, at="2026-05-01T00:00:00Z")
    after = split_reach(after, "T", along_m=10.0, at="2026-06-01T00:00:00Z")
    early = replay_edits(before, after.edits, as_of="2026-05-15T00:00:00Z")
    assert early.reaches["reach_id"].tolist() == ["A.1", "A.2", "B", "T", "P"]
    assert "A" in set(replay_edits(before, after.edits.iloc[1:]).reaches["reach_id"])
    assert_frame_equal(replay_edits(after, after.edits).edits, after.edits)
    with pytest.raises(NetworkError, match="no time zone"):
        replay_edits(before, after.edits, as_of="2026-05-15")
    with pytest.raises(NetworkError, match="is no edit"):
        replay_edits(before, after.edits.assign(kind="melt"))


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda n: split_reach(n, "A", along_m=0.0), NetworkError, "an end of the reach"),
        (lambda n: split_reach(n, "X", along_m=1.0), NetworkError, "not in the network"),
        (lambda n: remove_reach(n, "X"), NetworkError, "not a reach of the network"),
        (lambda n: reverse_reach(n, "A", at="2026-05-01"), NetworkError, "no time zone"),
        (lambda n: add_interface(n, "X", "A", along_m=5.0), NetworkError, "not a node"),
        (lambda n: add_reaches(n, lines("LINESTRING (0 0, 9 9)", ids=["A"])), NetworkError, "is or was another"),
        (lambda n: add_reaches(n, lines("LINESTRING (0 500, 0 500)")), NetworkError, "not one line"),
        (lambda n: add_reaches(n, lines("LINESTRING (0 500, 9 500)", kind=["moat"])), TableError, "moat"),
    ],
)
def test_refusals(call, error, match):
    """What cannot be done is refused with the reason."""
    with pytest.raises(error, match=match):
        call(town())
