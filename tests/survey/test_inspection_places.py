"""Where along which pipe something was seen: either side, part by part, with wrong ids and swapped manholes."""

from __future__ import annotations

import math
import os
import stat

import geopandas as gpd
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from outfall.errors import ReadError
from outfall.network import read_network
from outfall.survey import read_crawler, read_crawler_links
from outfall.survey.inspection import Inspections, list_findings, list_inspected, match_pipes, read_inspections
from outfall.survey.inspection.exchange import read_exchange
from outfall.survey.inspection.model import build
from outfall.tables import list_issues
from tests.laws import shuffled, unchanged


def _made(runs, seen):
    rows = [{"source_ref": f"a.xml#{at}", **row} for at, row in enumerate(seen, start=1)]
    drives = [{"source_ref": f"a.xml#{row['run_id']}", "manholes_say": "flow", **row} for row in runs]
    return Inspections(*build(drives, rows, where="a.xml"), ())


def _drive(run_id, direction, found, *, end=None, mark="BCE", **about):
    run = {"run_id": run_id, "pipe_id": "Y1", "direction": direction, **about}
    seen = [{"run_id": run_id, "distance_m": distance, "code": code} for distance, code in found]
    return run, seen + ([{"run_id": run_id, "distance_m": end, "code": mark}] if end is not None else [])


@settings(max_examples=40, deadline=None)
@given(
    length=st.integers(300, 20_000).map(lambda number: number / 100),
    shares=st.lists(st.floats(0, 1), min_size=1, max_size=5),
)
def test_a_place_is_the_same_from_either_side(length, shares):
    """Going up or down the pipe, a thing lies where it lies."""
    places = [round(share * length, 2) for share in shares]
    down, seen_down = _drive("1", "with_flow", [(place, "BCA") for place in places], end=length)
    up, seen_up = _drive("2", "against_flow", [(round(length - place, 2), "BCA") for place in places], end=length)
    inspections = _made([down, up], seen_down + seen_up)
    with unchanged(inspections.runs, inspections.observations):
        found = list_findings(inspections)
    found = found[found["kind"] == "connection"]
    one, two = (found["along_m"][found["run_id"] == run].to_numpy() for run in ("1", "2"))
    assert one.tolist() == pytest.approx(two.tolist(), abs=0.011)
    assert one.tolist() == pytest.approx(places, abs=0.011)


def test_two_halves_make_a_whole():
    """An abandoned drive and one from the other side complete a pipe; what neither saw is named."""
    runs, seen = zip(
        _drive("1", "with_flow", [(5, "BCA")], end=23.0, mark="BDC", length_m=40),
        _drive("2", "against_flow", [(5, "BCA")], end=17.0, mark="BDC", length_m=40),
        strict=True,
    )
    whole = _made(runs, [row for rows in seen for row in rows])
    assert list_findings(whole).query("kind == 'connection'")["along_m"].tolist() == [5.0, 35.0]
    row = list_inspected(whole).iloc[0]
    assert (row["seen_share"], row["is_abandoned"], row["is_completed"], row["gaps"]) == (1.0, True, True, "")
    part = list_inspected(_made(runs[:1], list(seen[0]))).iloc[0]
    assert (part["seen_share"], part["is_completed"], part["gaps"]) == (0.575, False, "23-40")


def test_a_finished_drive_lends_its_length_to_one_from_the_other_side():
    """Without any stated length, the drive that reached the end says how long the pipe is."""
    (one, seen_one), (two, seen_two) = _drive("1", "with_flow", [], end=40), _drive("2", "against_flow", [(4, "AJ")])
    found = list_findings(_made([one, two], seen_one + seen_two))
    assert found[found["known_as"] == "AJ"]["along_m"].tolist() == [36.0]


@pytest.mark.parametrize(
    ("length", "end", "at", "along", "sigma"),
    [
        (41.0, 40.0, 10.0, 10.5, 0.583),
        (100.0, 104.0, 52.0, 50.0, 1.3),
        (40.0, 40.0, 7.0, 7.0, 0.5),
        (60.0, 40.0, 10.0, 10.0, 20.006),
    ],
)
def test_counter_and_map_are_brought_together(length, end, at, along, sigma):
    """Manholes shift, a small drift scales, a large one is listed; sigma says how sure the place is."""
    run, seen = _drive("1", "with_flow", [(at, "BCA")], end=end, length_m=length)
    found = list_findings(_made([run], seen))
    assert found["along_m"].iloc[0] == pytest.approx(along)
    assert found["sigma_m"].iloc[0] == pytest.approx(sigma, abs=0.001)
    assert ("doubtful_value" in set(list_issues(found)["kind"])) == (length == 60.0)


def test_a_continuous_defect_has_two_ends():
    """A1 and B1 are one defect; one that never ends is listed and taken as one place."""
    run = {"run_id": "1", "pipe_id": "Y1", "direction": "against_flow", "length_m": 40}
    marks = [(3, "A1"), (5, "A2"), (9, "B1"), (11, "A3"), (12, "B7")]
    seen = [{"run_id": "1", "distance_m": at, "code": "BAB", "continuous": mark} for at, mark in marks]
    found = list_findings(_made([run], seen))
    assert found[["along_m", "to_m"]].values.tolist() == [[37, 31], [35, 35], [31, 31], [29, 29], [28, 28]]
    assert list_issues(found)["row_ids"].tolist() == ["a.xml#2;a.xml#4;a.xml#5"]


def test_a_code_nobody_knows_is_kept():
    """A manufacturer's code stays with its text, is listed, and is no sighting."""
    run, _ = _drive("1", "with_flow", [])
    seen = [{"run_id": "1", "distance_m": 2, "code": "ZZ9", "note": "Sonderfall"}]
    found = list_findings(_made([run], seen))
    assert found[["code", "kind", "note"]].values.tolist() == [["ZZ9", "unknown", "Sonderfall"]]
    assert "ZZ9" in list_issues(found)["reason"].iloc[0]


def _town(rows):
    frame = pd.DataFrame(rows, columns=["id", "from_node", "to_node", "length", "diameter"])
    lines = [
        shapely.LineString([(500_000, 3_000_000 + 50 * at), (500_000 + length, 3_000_000 + 50 * at)])
        for at, length in enumerate(frame["length"])
    ]
    frame = frame.drop(columns="length").assign(kind="pipe")
    return gpd.GeoDataFrame(frame, geometry=lines, crs=32650)


_PIPES = [
    ("Y1", "W1", "W2", 40, 300),
    ("Y2", "W3", "W4", 55, 300),
    ("Y3", "W5", "W6", 31, 600),
    ("Y4", "W7", "W8", 40, 300),
]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"pipe_id": "Y1", "upper_manhole": "W1", "lower_manhole": "W2", "length_m": 40}, "Y1"),
        ({"pipe_id": "y-01", "length_m": 40}, "Y1"),
        ({"pipe_id": "typo", "upper_manhole": "W3", "lower_manhole": "W4", "length_m": 55}, "Y2"),
        ({"pipe_id": "Y2", "upper_manhole": "W6", "lower_manhole": "W5", "length_m": 31}, "Y3"),
        ({"pipe_id": None, "upper_manhole": "W6", "lower_manhole": "W5"}, "Y3"),
        ({"pipe_id": "Y1", "upper_manhole": "W7", "lower_manhole": "W8", "length_m": 40}, None),
        ({"pipe_id": "elsewhere", "length_m": 40}, None),
        ({"pipe_id": "Y3", "length_m": 400}, None),
    ],
)
def test_a_pipe_is_found_by_what_speaks_for_it(said, expected):
    """Id, manholes and length speak together; where they quarrel, or nothing speaks, people decide."""
    network = read_network(None, pipes=_town(_PIPES))
    inspections = _made([{"run_id": "1", "direction": "with_flow", **said}], [])
    with unchanged(inspections.runs, network.reaches):
        found = match_pipes(inspections, network)
    assert [None if pd.isna(line) else line for line in found["line_id"]] == [expected]
    assert ("no_place" in set(list_issues(found)["kind"])) == (expected is None)
    assert 0.0 <= found["match_share"].iloc[0] + found["second_share"].iloc[0] <= 1.0 + 1e-9


def test_a_match_does_not_depend_on_the_order_of_pipes():
    """Shuffling the network's lines changes nothing."""
    runs = [
        {"run_id": str(at), "pipe_id": pipe, "upper_manhole": f"W{at}"}
        for at, pipe in enumerate(["Y1", "Y02", "x", "Y4"])
    ]
    one, two = (
        match_pipes(_made(runs, []), read_network(None, pipes=town))
        for town in (_town(_PIPES), shuffled(_town(_PIPES)))
    )
    pd.testing.assert_frame_equal(one, two)


def test_swapped_manholes_turn_the_drive_round():
    """A file that takes the lower manhole for the upper one drove the other way."""
    network = read_network(None, pipes=_town(_PIPES))
    run, seen = _drive(
        "1", "with_flow", [(10, "BCA")], pipe_id="Y1", upper_manhole="W2", lower_manhole="W1", length_m=40
    )
    inspections = _made([run], seen)
    matches = match_pipes(inspections, network)
    assert matches["is_reversed"].tolist() == [True]
    assert list_findings(inspections, matches=matches)["along_m"].tolist() == pytest.approx([30.0], abs=0.05)


def test_distances_count_from_the_manhole_the_robot_entered(tmp_path):
    """Where the network calls the other end upstream, the place in the ground stays the same."""
    network = read_network(None, pipes=_town(_PIPES))
    file = tmp_path / "a.csv"
    file.write_text("管段编号,起始井号,终止井号,检测方向,距离,代码,管长\nY1,W2,W1,顺流,10,AJ,40\n", encoding="utf-8")
    assert read_crawler(file, network=network)["along_m"].tolist() == pytest.approx([30.0], abs=0.05)


def test_a_word_for_the_direction_beats_the_first_manhole(tmp_path):
    """Tables that give start and end are used both ways: the direction is kept, the quarrel listed."""
    network = read_network(None, pipes=_town(_PIPES))
    file = tmp_path / "a.csv"
    file.write_text("管段编号,起始井号,终止井号,检测方向,距离,代码,管长\nY1,W1,W2,逆流,10,AJ,40\n", encoding="utf-8")
    seen = read_crawler(file, network=network)
    assert seen["along_m"].tolist() == pytest.approx([30.0], abs=0.05)
    assert "direction and the first manhole disagree" in " ".join(list_issues(seen)["reason"])


def test_a_pipe_not_decided_gives_no_sighting(tmp_path):
    """What may be in one of two pipes is listed, not placed."""
    network = read_network(None, pipes=_town(_PIPES))
    file = tmp_path / "a.csv"
    file.write_text("管段编号,上游井号,下游井号,检测方向,距离,代码,管长\nY1,W7,W8,顺流,10,AJ,40\n", encoding="utf-8")
    seen = read_crawler(file, network=network)
    assert len(seen) == 0
    assert {"no_place", "skipped_row"} <= set(list_issues(seen)["kind"])


@pytest.mark.parametrize(
    ("code", "share"), [("BDEAA", 0.95), ("BDE.C.B", 0.95), ("AJ", 0.4), ("BDEA", 0.3), ("BAHA", 0.2), ("BCAAA", 0.1)]
)
def test_evidence_is_worth_what_the_table_says(code, share, tmp_path):
    """Wrong water proves; a fitting alone hardly says anything; the default keeps the proofs."""
    file = tmp_path / "a.csv"
    file.write_text(f"pipe,distance,code\nY1,10,{code}\n", encoding="utf-8")
    every = read_crawler_links(file, least_share=0.0)
    assert every["exists_share"].tolist() == [share]
    assert every["reason_zh"].notna().all()
    assert len(read_crawler_links(file)) == (share >= 0.5)


_EXCHANGE = {
    "PACP_Inspections": 'InspectionID,Pipe_Segment_Reference,Upstream_MH,Downstream_MH,Direction,Total_Length,Height,IsImperial,Date,Time\n7,P-1,M1,M2,Upstream,100,12,1,2026-04-12,"1899-12-30 08:30:00"\n',
    "PACP_Conditions": "ConditionID,InspectionID,Distance,PACP_Code,Continuous,Clock_At_From,Joint,Remarks\n1,7,10,TBA,,3,,tap\n2,7,20,IR,S02,,J,\n3,9,1,TB,,,,\n",
}


def test_feet_become_metres(tmp_path):
    """An imperial exchange is read in metres; conditions without an inspection are listed."""
    for name, text in _EXCHANGE.items():
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
    found = read_inspections(tmp_path)
    assert found.runs[["length_m", "diameter_mm", "direction", "seen_at"]].values.tolist() == [
        [30.48, 304.8, "against_flow", "2026-04-12T08:30:00"]
    ]
    assert found.observations[["distance_m", "continuous"]].fillna("").values.tolist() == [[3.048, ""], [6.096, "A2"]]
    assert [row["kind"] for row in found.issues] == ["skipped_row"]
    assert read_crawler(tmp_path, tz="America/New_York")["along_m"].tolist() == [27.432]


def test_conditions_alone_are_refused(tmp_path):
    """Without the table of inspections nobody knows the pipe."""
    (tmp_path / "PACP_Conditions.csv").write_text(_EXCHANGE["PACP_Conditions"], encoding="utf-8")
    with pytest.raises(ReadError, match=r"PACP_Inspections\.csv is missing"):
        read_inspections(tmp_path)
    with pytest.raises(ReadError, match=r"PACP_Inspections\.csv is missing"):
        read_exchange({"pacp_conditions": tmp_path / "PACP_Conditions.csv"}, issues=[])


@pytest.fixture
def tool(tmp_path, monkeypatch):
    """Put a program called mdb-export on the path that answers like mdbtools."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "mdb-export"
    lines = ["#!/bin/sh", "for last; do :; done", 'case "$last" in']
    for name, text in _EXCHANGE.items():
        (folder / name).write_text(text, encoding="utf-8")
        lines.append(f'{name}) /bin/cat "{folder / name}";;')
    program.write_text("\n".join([*lines, "*) exit 1;;", "esac", ""]), encoding="utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


@pytest.mark.skipif(os.name != "posix", reason="the stand-in for mdb-export is a shell script")
def test_a_database_is_read_through_mdbtools(tool, tmp_path):
    """The tables an Access file gives are those the CSV files give."""
    (tmp_path / "a.mdb").write_bytes(b"\x00\x01\x00\x00Standard Jet DB\x00")
    assert tool.exists()
    found = read_inspections(tmp_path / "a.mdb")
    assert found.observations["distance_m"].tolist() == [3.048, 6.096]
    assert found.observations["source_ref"].tolist() == ["a.mdb:PACP_Conditions#1", "a.mdb:PACP_Conditions#2"]


def test_without_mdbtools_the_way_out_is_said(tmp_path, monkeypatch):
    """A missing program is named, with what to do instead."""
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "a.mdb").write_bytes(b"x")
    with pytest.raises(ReadError, match="install mdbtools or export the PACP tables as CSV"):
        read_inspections(tmp_path / "a.mdb")


def test_a_folder_of_several_formats_is_one_hand_over(tmp_path):
    """Runs keep ids of their own, and every file is read."""
    (tmp_path / "a.xml").write_text(
        "<DATA><HG><HG001>A</HG001><HI><HZ><HZ001>1</HZ001><HZ002>BCA</HZ002></HZ></HI></HG></DATA>"
    )
    (tmp_path / "b.csv").write_text("pipe,distance,code\nB,2,AJ\n")
    found = read_inspections(tmp_path)
    assert found.runs["run_id"].tolist() == ["1.1", "2.1"]
    assert read_crawler(tmp_path)["reach_id"].tolist() == ["A", "B"]


def test_a_length_that_is_not_known_is_not_invented():
    """Against the flow in a pipe of unknown length there is no distance from upstream."""
    run, seen = _drive("1", "against_flow", [(4, "BCA")])
    assert math.isnan(list_findings(_made([run], seen))["along_m"].iloc[0])
