"""Every join is a decision by evidence that has a lasting id, can be undone, and touches nothing else."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from outfall.errors import NetworkError
from outfall.network import build_network, list_overrides, read_network
from tests.laws import shuffled, unchanged
from tests.network.made import CRS, ORIGIN, lines, points

MESS = lines(
    "LINESTRING (0 0, 500 0)",
    "LINESTRING (500.3 0.2, 900 0)",
    "LINESTRING (200 300, 250 0.1)",
    "LINESTRING (600 200, 600 -200)",
    "LINESTRING (700 300, 700 8)",
    "LINESTRING (0 0, 500 0)",
    "LINESTRING (100 900, 140 900)",
    ids=list("ABCDEFG"),
)
UNDOABLE = ("unsnapped", "split_line", "crossing", "dangling", "duplicate")


def messy(seed, count=30, size_m=14.0):
    """Return short lines thrown on a small field, where all kinds of decisions must be made."""
    rng = np.random.default_rng(seed)
    start = rng.uniform(0, size_m, (count, 2))
    stop = start + rng.normal(0, 2.5, (count, 2))
    snap = rng.random(count) < 0.4
    stop[snap] = start[rng.permutation(count)[: snap.sum()]] + rng.normal(0, 0.1, (snap.sum(), 2))
    shapes = shapely.linestrings(np.stack([start, stop], axis=1))
    frame = gpd.GeoDataFrame({"reach_id": [f"r{n}" for n in range(count)]}, geometry=shapes, crs=CRS)
    frame["source_ref"] = [f"made#{n}" for n in range(count)]
    return frame.set_geometry(frame.geometry.translate(*ORIGIN))


def table(network, columns):
    """Return the rows of reaches by id."""
    return network.reaches.sort_values("reach_id")[columns].to_numpy().tolist()


def test_inputs_stay_as_they_are():
    """Neither lines, structures nor overrides are changed."""
    rows = list_overrides(build_network(MESS).issues, [])
    structures = points((500, 0), node_id=["S1"])
    with unchanged(MESS, rows, structures):
        build_network(None, pipes=MESS, structures=structures, undo=rows)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.0, 0.3, 1.0, 2.0]))
def test_order_of_lines_changes_nothing(seed, tolerance_m):
    """Reaches, nodes and the ids of all issues are the same for shuffled lines."""
    frame = messy(seed)
    one = build_network(frame, tolerance_m=tolerance_m)
    other = build_network(shuffled(frame, seed), tolerance_m=tolerance_m)
    columns = ["reach_id", "from_node", "to_node", "length_m"]
    assert table(one, columns) == table(other, columns)
    assert one.issues["issue_id"].tolist() == other.issues["issue_id"].tolist()
    assert one.issues["decision"].tolist() == other.issues["decision"].tolist()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.3, 1.0, 2.0]))
def test_no_tolerance_makes_a_loop(seed, tolerance_m):
    """A line that lies on a circle at some tolerance lies on one at tolerance 0."""
    frame = messy(seed)
    on_loop = []
    for tolerance in (0.0, tolerance_m):
        network = build_network(frame, tolerance_m=tolerance)
        lines_of = network.reaches.set_index("reach_id")["line_id"]
        on_loop.append(set(lines_of[network.loops()["reach_id"]]))
    assert on_loop[1] <= on_loop[0]


def test_a_short_side_branch_makes_no_loop():
    """A pipe that leaves a node and begins 1.5 m from the pipe below it is not tied to that pipe in a circle."""
    frame = lines("LINESTRING (0 0, 50 0)", "LINESTRING (50 0, 90 0)", "LINESTRING (53 1.2, 50 0)")
    network = build_network(frame, tolerance_m=2.0)
    assert len(network.loops()) == 0
    row = network.issues[network.issues["decision"].fillna("").str.contains("no tolerance makes a loop")]
    assert row["row_ids"].tolist() == ["L2;L3"]
    forced = build_network(frame, tolerance_m=2.0, undo=row["issue_id"])
    assert len(forced.loops()) > 0


def test_issue_ids_are_unique_and_last():
    """Each issue has an id of its own, the same in a second run and at another tolerance where the decision is the same."""
    one, other = build_network(MESS).issues, build_network(MESS, tolerance_m=0.4).issues
    assert one["issue_id"].is_unique
    assert one["issue_id"].tolist() == other["issue_id"].tolist() == build_network(MESS).issues["issue_id"].tolist()


@pytest.mark.parametrize("kind", UNDOABLE)
def test_a_decision_is_undone(kind):
    """Undoing an issue makes the builder decide the other way, and nothing that it does not name changes."""
    before = build_network(MESS)
    row = before.issues[before.issues["kind"] == kind].iloc[0]
    after = build_network(MESS, undo=[row["issue_id"]])
    assert (after.issues["kind"] == "overridden").sum() == 1
    touched = set(row["row_ids"].split(";"))
    one, other = (n.reaches[~n.reaches["line_id"].isin(touched)] for n in (before, after))
    columns = ["line_id", "length_m"]
    assert one[columns].to_numpy().tolist() == other[columns].to_numpy().tolist()
    kept = set(
        before.issues["issue_id"][~before.issues["row_ids"].str.split(";").map(lambda ids: bool(touched & set(ids)))]
    )
    assert kept <= set(after.issues["issue_id"])


def test_undo_changes_what_is_upstream():
    """A join that is undone separates, a crossing that is joined connects, a copy that is kept is there twice."""
    issues = build_network(MESS).issues.set_index("kind")["issue_id"]
    assert build_network(MESS, undo=[issues["unsnapped"]]).upstream("B") == ["B"]
    assert "D.1" in build_network(MESS, undo=[issues["crossing"]]).upstream("B.2")
    assert "E" in build_network(MESS, undo=[issues["dangling"]]).upstream("B.2")
    assert {"F", "A"} <= set(build_network(MESS, undo=[issues["duplicate"]]).reaches["line_id"])
    assert build_network(MESS, undo=[issues["split_line"]]).upstream("A") == ["A"]


def test_several_decisions_at_once():
    """All decisions that can be reversed are reversed together, one after another as they come to light."""
    issues = build_network(MESS).issues
    ids = issues["issue_id"][issues["kind"].isin(UNDOABLE)].tolist()
    network = build_network(MESS, undo=ids)
    assert not set(ids) & set(network.issues["issue_id"])
    assert (network.issues["kind"] == "overridden").sum() >= 4


def test_own_rows_turn_and_drop():
    """A row of the user's own turns a line or leaves it out, and both are recorded."""
    rows = pd.DataFrame({"action": ["turn", "drop"], "row_ids": ["C", "G"]})
    network = build_network(MESS, undo=rows)
    assert "G" not in set(network.reaches["line_id"])
    assert network.reaches.set_index("reach_id")["forward_reason"]["C"] == "turned by an override"
    assert network.upstream("C")[1:] == ["A.1"]
    assert (network.issues["kind"] == "overridden").sum() == 2


@pytest.mark.parametrize(
    ("undo", "message"),
    [
        (["network-1"], "no issue 'network-1'"),
        (pd.DataFrame({"action": ["weld"], "row_ids": ["A"]}), "'weld' is none of ours"),
        (pd.DataFrame({"action": ["turn"], "row_ids": ["Z"]}), "no line Z to turn"),
        (pd.DataFrame({"row_ids": ["Z"]}), "no such column"),
    ],
)
def test_wrong_overrides_are_refused(undo, message):
    """An override that speaks of nothing here is refused with what it says."""
    with pytest.raises(NetworkError, match=message):
        build_network(MESS, undo=undo)


def test_a_file_is_read_with_overrides(tmp_path):
    """Overrides saved beside a file of lines are taken when it is read again."""
    MESS.to_file(tmp_path / "lines.gpkg")
    first = read_network(tmp_path / "lines.gpkg", crs=CRS)
    rows = list_overrides(first.issues, first.issues["issue_id"][first.issues["kind"] == "split_line"])
    rows.to_file(tmp_path / "overrides.gpkg")
    again = read_network(tmp_path / "lines.gpkg", crs=CRS, undo=gpd.read_file(tmp_path / "overrides.gpkg"))
    assert again.upstream("A") == ["A"]


def test_an_observation_cannot_be_undone():
    """A row that only says what the lines are is no decision."""
    issues = build_network(MESS).issues
    isolated = issues.loc[issues["kind"] == "isolated", "issue_id"]
    with pytest.raises(NetworkError, match="no decision that can be reversed"):
        build_network(MESS, undo=isolated)


def test_structures_arbitrate():
    """Ends at one manhole are one node with its id; ends nearer to each other at two manholes are not."""
    pipes = lines(
        "LINESTRING (0 0, 50 0)", "LINESTRING (50.9 0, 99 0)", "LINESTRING (50 30, 50 1)", ids=["P1", "P2", "P3"]
    )
    loose = build_network(None, pipes=pipes, tolerance_m=1.0)
    assert set(loose.upstream("P2")) == {"P1", "P2", "P3"}
    manholes = points((50.4, 0.0), (50.0, 1.3), node_id=["M1", "M2"])
    network = build_network(None, pipes=pipes, structures=manholes, tolerance_m=1.0)
    assert set(network.upstream("P2")) == {"P1", "P2"}
    assert {"M1", "M2"} <= set(network.nodes["node_id"])
    assert "two different structures" in " ".join(network.issues["reason"])


def test_lines_that_end_on_each_other_are_cut_once():
    """Two lines that overrun each other head on make no circle of two pieces."""
    network = build_network(lines("LINESTRING (0 0, 50 0)", "LINESTRING (99 0, 49 0)"), tolerance_m=0.2)
    assert len(network.loops()) == 0
    row = network.issues[network.issues["kind"] == "overlap"].iloc[0]
    assert row["row_ids"] == "L1;L2"
    assert row["distance_m"] == pytest.approx(1.0)


def test_doubts_have_the_classes_of_ssn():
    """Each of the six node errors has its class, its place and the ids of its lines."""
    frame = lines(
        "LINESTRING (0 0, 50 0)", "LINESTRING (50.2 0, 99 0)",  # unsnapped
        "LINESTRING (99 50, 99 0)", "LINESTRING (99 -50, 99 0)", "LINESTRING (99 0, 200 0)",  # complex confluence
        "LINESTRING (200 0, 300 50)", "LINESTRING (200 0, 300 -50)",  # divergence
        "LINESTRING (400 50, 300 50)",  # converging
        "LINESTRING (250 200, 250 -100)",  # crossing
        "LINESTRING (150 90, 150 6)",  # dangling
    )  # fmt: skip
    issues = build_network(frame).issues
    ids = issues.groupby("kind")["row_ids"].agg(list).to_dict()
    assert ids["unsnapped"] == ["L1;L2"]
    assert ids["complex_confluence"] == ["L2;L3;L4"]
    assert ids["divergence"] == ["L6;L7"]
    assert ids["converging"] == ["L6;L8"]
    assert ids["crossing"] == ["L6;L9", "L7;L9"]
    assert ids["dangling"] == ["L10;L5"]
    assert issues[issues["kind"].isin(["crossing", "dangling", "converging", "divergence"])].geometry.notna().all()


@pytest.mark.realdata
def test_twin(shared_data):
    """The 12 node errors of ARiver are found with the right class; the corrected twin is clean."""
    from benchmarks.oracles_build import twin

    found = twin(shared_data / "network")
    assert found["twin_errors_found"] == 12
    assert found["twin_false_alarms_corrected"] == []
    assert [text.split(":")[0] for text in found["twin_false_alarms_river"]] == [
        "converging 23479591;23479593;23484523"
    ]


@pytest.mark.realdata
def test_middle_fork(shared_data):
    """Distances to the outlet are those published, and displaced sites find their line."""
    from benchmarks.oracles_build import middle_fork

    found = middle_fork(shared_data / "network", repeats=2)
    assert found["middlefork_updist_max_diff_m"] < 1e-6
    assert found["middlefork_0m_ratio_error_max"] < 1e-9
    assert found["middlefork_5m_right_share"] > 0.99
    assert found["middlefork_50m_right_share"] > 0.93


@pytest.mark.realdata
def test_uky_loops_do_not_grow_with_the_tolerance(shared_data):
    """At 0 and at 2 m the storm sewer has the same three circles, every piece is explained and no pipe collapses."""
    from benchmarks.oracles_build import uky

    found = uky((0.0, 2.0), shared_data / "network")
    assert found["uky_lines_kept"] == found["uky_lines"] == 5192
    for tolerance in ("0m", "2m"):
        assert found[f"uky_{tolerance}_loops_one_way"] == 3
        assert found[f"uky_{tolerance}_pipes_collapsed"] == 0
        assert found[f"uky_{tolerance}_pieces"] == found[f"uky_{tolerance}_pieces_explained"]
    assert found["uky_0m_loop_ids"] == found["uky_2m_loop_ids"]
