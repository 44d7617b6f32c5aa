"""What was done is undone by new events: the rows are what they were, and the log only grows."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from outfall.errors import StoreError
from outfall.store import append_rows, create_store, read_events, read_rows, verify_chain
from outfall.store.conflicts import list_conflicts
from outfall.store.imports import import_file, list_imports
from outfall.store.receipts import acknowledge, list_unacknowledged
from outfall.store.replay import digest_tables, rebuild
from outfall.store.sync import export_events, merge_events
from outfall.store.undo import undo
from tests.store.rows import draw_rows


@pytest.fixture
def store(tmp_path):
    return create_store(tmp_path / "town.outfalldb")


def outfalls(**cells):
    rows = {
        "outfall_id": ["P-1", "P-2"],
        "status": ["suspected"] * 2,
        "name": ["甲", "乙"],
        "source_ref": ["a#2", "a#3"],
    }
    return gpd.GeoDataFrame({**rows, **cells}, geometry=[shapely.Point(113, 22), shapely.Point(113.1, 22)], crs=4490)


def save(store, *, actor="Li", **cells):
    return append_rows(store, "outfalls", outfalls(**cells), actor=actor)


def merge(store):
    """One outfall takes up another, whose id stays."""
    save(store, status=["confirmed", "merged"], merged_into=[None, "P-1"])


def test_undoing_a_merge_gives_back_what_was_before(store):
    """Both outfalls are what they were, and the time of the merge can still be asked about."""
    save(store)
    before, seq = digest_tables(store), len(read_events(store))
    merge(store)
    during, then = digest_tables(store), len(read_events(store))
    assert undo(store, read_events(store, since=seq), actor="Wang", reason="two pipes after all") == 2
    assert digest_tables(store) == before == rebuild(store)
    assert digest_tables(store, as_of=then) == during != before
    assert read_rows(store, "outfalls", as_of=then)["merged_into"].tolist()[1] == "P-1"
    verify_chain(store)


def test_undoing_the_undo_does_it_again(store):
    """An undo is an event like any other, and can itself be undone."""
    save(store)
    merge(store)
    merged = digest_tables(store)
    for _ in range(2):
        last = len(read_events(store))
        undo(store, (last - 1, last), actor="Wang", reason="no")
    assert digest_tables(store) == merged


@pytest.mark.parametrize("table", ["outfalls", "samples", "results", "reaches"])
def test_undoing_everything_leaves_nothing(store, table):
    """Any rows, hostile ones too, are taken back whole and put back whole."""
    append_rows(store, table, draw_rows(table), actor="Li")
    full, last = digest_tables(store), len(read_events(store))
    undo(store, (1, last), actor="Li", reason="wrong folder")
    assert len(read_rows(store, table)) == 0
    undo(store, (last + 1, 2 * last), actor="Li", reason="it was the right one")
    assert digest_tables(store) == full


def test_a_later_edit_stands_in_the_way(store):
    """Rows edited since are listed and nothing is undone, unless the later edits shall stay."""
    save(store)
    save(store, name=["丙", "丁"])
    save(store, name=["丙", "丁"], note=["wet", None], actor="Wang")
    with pytest.raises(StoreError, match=r"nothing was undone[\s\S]*was edited later: Wang.*row P-1") as error:
        undo(store, (3, 4), actor="Li", reason="misread")
    assert [problem.rows for problem in error.value.problems] == [("P-1",)]
    assert len(read_events(store)) == 5
    assert undo(store, (3, 4), actor="Li", reason="misread", keep_later=True) == 2
    rows = read_rows(store, "outfalls")
    assert rows["name"].tolist() == ["甲", "乙"]
    assert rows["note"].tolist()[0] == "wet"


def test_what_others_wrote_meanwhile_stays(store, tmp_path):
    """Undoing an edit takes back that edit, not what another team wrote into the same row without knowing of it."""
    other = create_store(tmp_path / "other.outfalldb")
    save(store)
    merge_events(other, store, actor="Wang")
    save(store, name=["丙", "乙"])
    mine = read_events(store)["event_id"].tolist()[-1:]
    save(other, note=["wet", None], actor="Wang")
    merge_events(store, other, actor="Li")
    undo(store, mine, actor="Li", reason="misread")
    row = read_rows(store, "outfalls").iloc[0]
    assert (row["name"], row["note"]) == ("甲", "wet")


def test_undoing_one_side_ends_the_question(store, tmp_path):
    """Where one of two contradicting edits is taken back, nothing is left to decide, in either store."""
    other = create_store(tmp_path / "other.outfalldb")
    save(store)
    merge_events(other, store, actor="Wang")
    save(store, name=["丙", "乙"])
    mine = read_events(store)["event_id"].tolist()[-1:]
    save(other, name=["丁", "乙"], actor="Wang")
    merge_events(store, other, actor="Li")
    assert len(list_conflicts(store)) == 2
    undo(store, mine, actor="Li", reason="misread")
    merge_events(other, store, actor="Wang")
    for one in (store, other):
        assert len(list_conflicts(one)) == 0
        assert read_rows(one, "outfalls")["name"].tolist() == ["丁", "乙"]


def test_undoing_an_import(store, tmp_path):
    """The rows of a file leave as they came, the import is no longer listed, and can be made again."""
    file = tmp_path / "lab.csv"
    file.write_text("sample_id,taken_at\nW1,2026-04-12T08:00Z\nW2,昨天\n", encoding="utf-8")
    done = import_file(store, file, "samples", actor="Li")
    assert undo(store, done.import_id, actor="Li", reason="another county") == 3
    assert (len(read_rows(store, "samples")), len(list_imports(store))) == (0, 0)
    again = import_file(store, file, "samples", actor="Li")
    assert (again.is_known, again.event_count, again.quarantined_count) == (False, 1, 1)
    assert read_rows(store, "samples")["sample_id"].tolist() == ["W1"]


def test_undo_says_what_is_missing(store):
    """An event the store does not have, no reason, nobody: refused."""
    save(store)
    with pytest.raises(StoreError, match="no such event or import"):
        undo(store, ["0" * 64], actor="Li", reason="no")
    with pytest.raises(StoreError, match="no such event or import"):
        undo(store, "lab", actor="Li", reason="no")
    with pytest.raises(StoreError, match="the reason is empty"):
        undo(store, (1, 1), actor="Li", reason="")
    with pytest.raises(StoreError, match="the actor is empty"):
        undo(store, (1, 1), actor="", reason="no")
    assert undo(store, pd.DataFrame({"event_id": []}), actor="Li", reason="none") == 0


def test_what_was_confirmed_stays_confirmed(store, tmp_path):
    """Undoing a stretch of the log does not undo that another store has what it was sent."""
    other = create_store(tmp_path / "other.outfalldb")
    save(store)
    done = merge_events(other, export_events(store, tmp_path / "a.delta"), actor="Wang")
    acknowledge(store, done.receipt, actor="Li")
    assert undo(store, (1, 3), actor="Li", reason="wrong") == 2
    assert list_unacknowledged(store)["kind"].tolist() == ["delete", "delete"]
