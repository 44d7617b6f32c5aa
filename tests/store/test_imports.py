"""Every row of a file enters or is kept apart with a reason; the same file twice changes nothing."""

from __future__ import annotations

import json

import geopandas as gpd
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from outfall.errors import ReadError, StoreError, TableError
from outfall.store import append_rows, create_store, read_events, read_rows
from outfall.store.conflicts import list_conflicts
from outfall.store.imports import import_file, list_imports
from outfall.store.quarantine import list_quarantine, release_quarantine
from outfall.store.replay import digest_tables
from outfall.store.sync import merge_events
from tests.laws import shuffled, unchanged

HEAD = "sample_id,taken_at,team,note"


@pytest.fixture
def store(tmp_path):
    return create_store(tmp_path / "town.outfalldb")


@pytest.fixture
def lab(tmp_path):
    def write(*lines, name="lab.csv", encoding="utf-8"):
        file = tmp_path / name
        file.write_bytes("\n".join([HEAD, *lines]).encode(encoding))
        return file

    return write


W1, W2, W3 = (f"W{number},2026-04-12T0{number}:00Z,甲,dry" for number in (1, 2, 3))


def read(store, file, **options):
    return import_file(store, file, "samples", actor="Li", **options)


def test_the_same_file_twice_writes_nothing(store, lab):
    """A file imported again, under the same name or another, adds no event and says so."""
    first = read(store, lab(W1, W2))
    before = len(read_events(store))
    again = read(store, lab(W1, W2))
    assert (first.event_count, again.event_count, again.is_known) == (2, 0, True)
    assert (again.read_count, again.accepted_count) == (2, 2)
    read(store, lab(W1, W2, name="copy.csv"))
    assert len(read_events(store)) == before


def test_a_wrong_row_does_not_keep_the_others_out(store, lab):
    """Rows that meet no contract wait with their reasons, all they said and where they stood; the others enter."""
    done = read(store, lab(W1, "W2,昨天,甲,dry", ",2026-04-12T03:00Z,甲,dry", W3))
    assert (done.read_count, done.accepted_count, done.quarantined_count) == (4, 2, 2)
    held = list_quarantine(store, import_id=done.import_id)
    assert held["row"].tolist() == ["lab.csv#3", "lab.csv#4"]
    assert "昨天" in held["reason"].iloc[0]
    assert held["reason_zh"].str.startswith("不符合表约定").all()
    assert json.loads(held["raw"].iloc[0])["taken_at"] == "昨天"
    assert read_rows(store, "samples")["sample_id"].tolist() == ["W1", "W3"]


def test_a_corrected_row_leaves_the_quarantine(store, lab):
    """What was corrected enters; what nobody wants is released without entering; both stay in the log."""
    done = read(store, lab(W1, "W2,昨天,甲,dry", "W3,明天,甲,dry"))
    two, three = list_quarantine(store)["quarantine_id"]
    row = pd.DataFrame({"sample_id": ["W2"], "taken_at": ["2026-04-11T08:00Z"], "source_ref": ["lab.csv#3"]})
    with unchanged(row):
        assert release_quarantine(store, [two], row, actor="Li", reason="asked the team") == 1
    assert release_quarantine(store, [three], actor="Li", reason="never taken") == 0
    assert len(list_quarantine(store)) == 0
    assert list_quarantine(store, with_released=True)["state"].tolist() == ["released"] * 2
    assert (list_imports(store)["n_quarantined"].tolist(), done.quarantined_count) == ([2], 2)
    with pytest.raises(StoreError, match="cannot be released"):
        release_quarantine(store, [two], row, actor="Li", reason="again")


def test_a_row_that_is_still_wrong_stays(store, lab):
    """A correction that meets no contract releases nothing."""
    read(store, lab("W2,昨天,甲,dry"))
    row = pd.DataFrame({"sample_id": ["W2"], "taken_at": ["前天"], "source_ref": ["lab.csv#2"]})
    with pytest.raises(TableError, match="前天"):
        release_quarantine(store, list_quarantine(store)["quarantine_id"].tolist(), row, actor="Li", reason="no")
    assert len(list_quarantine(store)) == 1


def test_a_submission_sent_twice_is_recognised(store, lab):
    """The same content under another id, in one file or in a later one, is kept apart and named."""
    twin = W1.replace("W1", "uuid-7")
    done = read(store, lab(W1, twin, W1))
    assert (done.accepted_count, done.quarantined_count) == (1, 2)
    assert list_quarantine(store)["reason"].str.contains(r"repeats 'W1' \(lab.csv#2\)").all()
    later = read(store, lab(twin.replace("7", "8"), W2, name="later.csv"))
    assert (later.accepted_count, later.quarantined_count) == (1, 1)
    assert read_rows(store, "samples")["sample_id"].tolist() == ["W1", "W2"]


def test_rows_without_time_and_place_may_say_the_same(store, tmp_path):
    """Two results of equal value are two results: only a row with a time or a place can be told to be a repetition."""
    file = tmp_path / "results.csv"
    file.write_text("x")
    rows = pd.DataFrame({"result_id": ["R1", "R2"], "sample_id": ["W1", "W1"], "parameter": ["cod", "cod"]})
    rows = rows.assign(qualifier="=", value=[12.0, 12.0], value_text="12", unit="mg/L")
    assert import_file(store, file, "results", rows, actor="Li").accepted_count == 2


def test_one_id_with_two_contents_keeps_both(store, lab):
    """A form server that sends one id with two contents: both stay, and a person is asked."""
    done = read(store, lab(W1, W1.replace("dry", "wet")))
    assert (done.accepted_count, done.quarantined_count) == (2, 0)
    asked = list_conflicts(store)
    assert (asked["column"].tolist(), sorted(asked["value"])) == (["note", "note"], ["dry", "wet"])
    assert read(store, lab(W1, W1.replace("dry", "wet"))).is_known


def test_a_newer_file_updates_its_own_rows(store, lab):
    """A laboratory that corrects its file changes what it said before, and nothing is asked."""
    read(store, lab(W1, W2))
    done = read(store, lab(W1, W2.replace("dry", "wet")))
    assert (done.event_count, len(list_conflicts(store))) == (1, 0)
    assert read_rows(store, "samples")["note"].tolist() == ["dry", "wet"]


def test_a_newer_file_does_not_undo_people(store, lab):
    """What a person wrote since stays where the file says nothing new; where both are new, a person is asked."""
    read(store, lab(W1, W2))
    rows = read_rows(store, "samples").assign(team=["乙", "甲"], note=["seen", "seen"])
    append_rows(store, "samples", rows, actor="Wang")
    read(store, lab(W1, W2.replace("dry", "wet"), W3))
    now = read_rows(store, "samples")
    assert now["team"].tolist() == ["乙", "甲", "甲"]
    assert now["note"].tolist()[0] == "seen"
    asked = list_conflicts(store)
    assert (asked["key"].unique().tolist(), sorted(asked["value"])) == (["W2"], ["seen", "wet"])


def test_the_order_of_rows_makes_no_difference(store, lab, tmp_path):
    """The same rows in another order make the same tables."""
    file = lab(W1, W2, W3)
    frame = pd.read_csv(file).assign(source_ref=[f"lab.csv#{at}" for at in (2, 3, 4)])
    other = create_store(tmp_path / "other.outfalldb")
    with unchanged(frame):
        read(store, file, rows=frame)
        read(other, file, rows=shuffled(frame))
    assert digest_tables(store) == digest_tables(other)


def test_what_a_file_was_is_registered(store, lab):
    """Name, hash, format, encoding, parser and counts of every import can be listed, here and at the other end of a sync."""
    read(store, lab(W1, "W2,昨天,甲,dry", encoding="gb18030"))
    one = list_imports(store).iloc[0]
    assert (one["format"], one["encoding"], one["parser"]) == ("csv", "gb18030", "outfall.tables.read.read_frame")
    assert (one["n_read"], one["n_accepted"], one["n_quarantined"], one["n_events"]) == (2, 1, 1, 1)
    assert len(one["sha256"]) == 64


def test_two_teams_that_import_one_file_agree(store, lab, tmp_path):
    """The same file in two stores is no contradiction when they meet, and is listed once."""
    other = create_store(tmp_path / "other.outfalldb")
    for one in (store, other):
        read(one, lab(W1, W2, "W3,昨天,甲,dry"))
    merge_events(store, other, actor="Li")
    merge_events(other, store, actor="Wang")
    assert (len(list_imports(store)), len(list_quarantine(store)), len(list_conflicts(store))) == (1, 1, 0)
    assert digest_tables(store) == digest_tables(other)


def test_a_file_in_another_crs_is_converted(store, tmp_path):
    """Rows enter in the CRS the table is stored in; both are registered."""
    file = tmp_path / "walk.gpkg"
    file.write_text("x")
    row = {"sample_id": ["W1"], "taken_at": ["2026-04-12T08:00Z"], "source_ref": ["walk.gpkg#1"]}
    frame = gpd.GeoDataFrame(row, geometry=[shapely.Point(113, 22)], crs=4490)
    append_rows(store, "samples", frame.assign(sample_id="W0", taken_at="2026-04-11T08:00Z"), actor="Li")
    import_file(store, file, "samples", frame.to_crs(4547), actor="Li")
    rows, one = read_rows(store, "samples"), list_imports(store).iloc[0]
    assert rows.geometry.iloc[1].distance(shapely.Point(113, 22)) < 1e-8
    assert (one["crs_declared"], one["crs_stored"]) == ("EPSG:4547", "EPSG:4490")


def test_a_file_that_is_wrong_as_a_whole_is_refused(store, lab, tmp_path):
    """A missing column is the fault of no row: the file is refused and nothing registered."""
    file = lab(W1)
    with pytest.raises(TableError, match="taken_at"):
        import_file(store, file, "samples", pd.DataFrame({"sample_id": ["W1"]}), actor="Li")
    with pytest.raises(ReadError, match="no such file"):
        import_file(store, tmp_path / "none.csv", "samples", pd.DataFrame({"sample_id": ["W1"]}), actor="Li")
    assert len(read_events(store)) == 0


_CELLS = st.sampled_from(["W1", "W2", "", "2026-04-12T08:00Z", "昨天", "=1+1", "甲"])


@given(st.lists(st.tuples(_CELLS, _CELLS, _CELLS), max_size=7))
@settings(max_examples=25, deadline=None)
def test_every_row_is_accounted_for(tmp_path_factory, lines):
    """Whatever the rows are, those read are those that entered and those kept apart, and a second time changes nothing."""
    folder = tmp_path_factory.mktemp("any")
    store, file = create_store(folder / "a.outfalldb"), folder / "lab.csv"
    file.write_text("x")
    frame = pd.DataFrame(lines, columns=["sample_id", "taken_at", "note"], dtype="str")
    done = import_file(store, file, "samples", frame, actor="Li")
    assert done.read_count == len(lines) == done.accepted_count + done.quarantined_count
    assert len(list_quarantine(store)) == done.quarantined_count
    before = len(read_events(store))
    assert import_file(store, file, "samples", frame, actor="Li").event_count == 0
    assert len(read_events(store)) == before
