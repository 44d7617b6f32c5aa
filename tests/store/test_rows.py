"""What is saved comes back: every table, every type, every moment."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from outfall.errors import StoreError, TableError
from outfall.store import append_rows, create_store, list_tables, read_events, read_rows
from outfall.tables import check, contract, contracts
from tests.laws import shuffled, unchanged
from tests.store.rows import draw_rows


@pytest.fixture
def store(tmp_path):
    return create_store(tmp_path / "河 镇" / "town.outfalldb")


def same(one, other):
    assert_frame_equal(pd.DataFrame(one), pd.DataFrame(other))
    assert getattr(one, "crs", None) == getattr(other, "crs", None)


@pytest.mark.parametrize("table", contracts())
def test_round_trip(store, table):
    """Every table comes back as its contract made it: values, dtypes, order, geometry and CRS."""
    frame = draw_rows(table)
    with unchanged(frame):
        append_rows(store, table, frame, actor="test")
    same(read_rows(store, table), check(frame, table))


@pytest.mark.parametrize("table", contracts())
def test_saving_again_writes_nothing(store, table):
    """What was read is saved without an event, in any order of rows."""
    append_rows(store, table, draw_rows(table), actor="test")
    assert append_rows(store, table, shuffled(read_rows(store, table)), actor="test") == 0


def test_columns_in_another_order_are_no_change(store):
    """The order of columns is no content."""
    frame = draw_rows("samples").assign(weather="晴", team="甲")
    append_rows(store, "samples", frame, actor="test")
    assert append_rows(store, "samples", frame[frame.columns[::-1]], actor="test") == 0


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), st.floats(allow_nan=False, allow_infinity=False))
@settings(max_examples=15, deadline=None)
def test_any_text_and_number(text, number):
    """Any text, control characters included, and any finite number come back to the last bit."""
    frame = pd.DataFrame(
        {"sample_id": ["w" + text], "taken_at": "2026-04-12T08:00Z", "along_m": abs(number), "source_ref": "a#1"}
    )
    with tempfile.TemporaryDirectory() as folder:
        store = create_store(Path(folder) / "a.outfalldb")
        append_rows(store, "samples", frame, actor=text + "!")
        assert append_rows(store, "samples", frame, actor="again") == 0
        same(read_rows(store, "samples"), check(frame, "samples"))


def test_other_columns_keep_their_types(store):
    """Columns the contract does not know come back with the dtype they had."""
    frame = draw_rows("samples", count=3).assign(
        count=np.array([1, 2, 3], dtype="int32"),
        is_wet=[True, False, True],
        note_2=pd.array(["a", None, "c"], dtype="str"),
        depth=[1.5, np.nan, -0.0],
        local=pd.to_datetime(["2026-04-12 08:00", None, "1900-01-01 00:00"]),
        zoned=pd.to_datetime(["2026-04-12 08:00"] * 3).tz_localize("Asia/Shanghai"),
        mixed=pd.Series(["a", 1, None], dtype="object"),
    )
    append_rows(store, "samples", frame, actor="test")
    same(read_rows(store, "samples"), check(frame, "samples"))


def test_other_columns_of_some_rows(store):
    """A whole-number column that only some rows have becomes one that can be missing."""
    append_rows(store, "samples", draw_rows("samples", count=2).assign(count=7, is_wet=True), actor="test")
    append_rows(store, "samples", draw_rows("samples", count=2, seed=1), actor="test")
    back = read_rows(store, "samples")
    assert back["count"].tolist() == [7, 7, pd.NA, pd.NA]
    assert back["is_wet"].isna().tolist() == [False, False, True, True]


def test_cells_that_are_no_values_are_refused(store):
    """Lists and infinite numbers are named, all at once."""
    frame = draw_rows("samples", count=2).assign(path=[["a"], ["b"]], depth=[np.inf, 1.0])
    with pytest.raises(StoreError, match=r"(?s)2 columns.*path: \['a'\].*depth: holds an infinite"):
        append_rows(store, "samples", frame, actor="test")


def test_half_characters_are_refused(store):
    """A lone surrogate, which no file can hold, is refused with its row."""
    frame = draw_rows("samples", count=1).astype({"note": "object"})
    frame["note"] = pd.Series(["\ud800"], dtype="object")
    with pytest.raises(TableError, match="half a character"):
        append_rows(store, "samples", frame, actor="test")


def test_rows_that_break_the_contract_write_nothing(store):
    """One bad row among good ones leaves the store as it was."""
    frame = draw_rows("sightings")
    frame.loc[3, "platform"] = "kite"
    with pytest.raises(TableError, match="kite"):
        append_rows(store, "sightings", frame, actor="test")
    assert len(read_events(store)) == 0


def test_changed_rows_alone_become_events(store):
    """A save of many rows with one change writes one event, and the row keeps its position."""
    frame = draw_rows("sources")
    append_rows(store, "sources", frame, actor="test")
    frame.loc[4, "name"] = "另一个名称"
    assert append_rows(store, "sources", frame, actor="test", reason="renamed") == 1
    same(read_rows(store, "sources"), check(frame, "sources"))
    assert read_events(store, since=len(frame))["reason"].tolist() == ["renamed"]


def test_absent_rows_stay(store):
    """Rows that a save does not have are not deleted."""
    frame = draw_rows("sources")
    append_rows(store, "sources", frame, actor="test")
    append_rows(store, "sources", frame.iloc[:2], actor="test")
    same(read_rows(store, "sources"), check(frame, "sources"))


def test_replace_deletes_absent_rows_by_events(store):
    """With replace the frame is the whole table; the deleted rows can be seen as of before."""
    frame = draw_rows("sources")
    append_rows(store, "sources", frame, actor="test")
    assert append_rows(store, "sources", frame.iloc[:2], actor="test", replace=True) == len(frame) - 2
    same(read_rows(store, "sources"), check(frame.iloc[:2], "sources"))
    same(read_rows(store, "sources", as_of=len(frame)), check(frame, "sources"))
    assert read_events(store)["kind"].value_counts().to_dict() == {"put": len(frame), "delete": len(frame) - 2}


def test_back_and_forth_is_history(store):
    """A row that returns to an earlier content, or after its deletion, is an event each time."""
    one, two = draw_rows("samples", count=1), draw_rows("samples", count=1).assign(note="other")
    for frame in (one, two, one, one.iloc[:0], one):
        assert append_rows(store, "samples", frame, actor="test", replace=True) == 1
    assert read_events(store)["event_id"].is_unique
    same(read_rows(store, "samples"), check(one, "samples"))


def test_empty_save(store):
    """A table without rows writes nothing, and a table nobody saved is empty with its columns."""
    assert append_rows(store, "outfalls", draw_rows("outfalls").iloc[:0], actor="test") == 0
    assert list(read_rows(store, "outfalls").columns[:2]) == ["outfall_id", "code_national"]
    assert list_tables(store) == {}


def test_as_of_is_a_prefix(store):
    """What a moment shows never changes with what is written later, by time and by seq alike."""
    moments = []
    for seed in range(4):
        append_rows(store, "sources", draw_rows("sources", count=3, seed=seed % 3).assign(note=str(seed)), actor="test")
        moments.append((read_events(store)["recorded_at"].max(), len(read_events(store)), read_rows(store, "sources")))
    for at, seq, then in moments:
        same(read_rows(store, "sources", as_of=at), then)
        same(read_rows(store, "sources", as_of=at.astimezone(timezone(timedelta(hours=8)))), then)
        same(read_rows(store, "sources", as_of=seq), then)
        assert list_tables(store, as_of=seq) == {"sources": len(then)}
    assert len(read_rows(store, "sources", as_of=moments[0][0] - timedelta(microseconds=1))) == 0
    same(read_rows(store, "sources", as_of=datetime(2999, 1, 1, tzinfo=UTC)), moments[-1][2])


def test_replay_equals_the_log_read_row_by_row(store):
    """The window over the log answers what a plain replay in Python answers, at every seq."""
    rng = np.random.default_rng(3)
    for _ in range(12):
        frame = draw_rows("limits", count=6).iloc[rng.permutation(6)[:4]].assign(clause=str(rng.integers(3)))
        append_rows(store, "limits", frame, actor="test", replace=bool(rng.random() < 0.5))
    events = read_events(store)
    for seq in range(len(events) + 1):
        alive = {}
        for event in events[events["seq"] <= seq].itertuples():
            alive[event.row_key] = event.kind == "put"
        expected = {key for key, is_there in alive.items() if is_there}
        assert set(read_rows(store, "limits", as_of=seq)["limit_id"]) == expected


def test_a_clock_that_runs_backwards(store, monkeypatch):
    """Recorded times grow even when the clock is set back, so that a time always names a prefix."""
    append_rows(store, "samples", draw_rows("samples", seed=1), actor="test")

    class Yesterday(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime(2001, 1, 1, tzinfo=tz)

    monkeypatch.setattr("outfall.store.log.datetime", Yesterday)
    Yesterday.fromisoformat = datetime.fromisoformat
    append_rows(store, "samples", draw_rows("samples", seed=2), actor="test")
    times = read_events(store)["recorded_at"]
    assert times.is_monotonic_increasing
    assert times.nunique() == 2


@pytest.mark.parametrize(
    ("moment", "said"), [(pd.Timestamp("2026-01-01"), "no time zone"), (-1, "seq 1"), (True, "True"), ("now", "'now'")]
)
def test_moments_that_are_none(store, moment, said):
    """A time without a zone and what is no moment are refused."""
    with pytest.raises(StoreError, match=said):
        read_rows(store, "samples", as_of=moment)


def test_one_crs_per_table(store):
    """Rows in another CRS than the ones that stay are refused; the whole table may change."""
    frame = draw_rows("sources")
    append_rows(store, "sources", frame, actor="test")
    moved = frame.to_crs("EPSG:4547")
    with pytest.raises(StoreError, match=r"7 rows are stored in EPSG:4490, the new ones are in EPSG:4547.*to_crs"):
        append_rows(store, "sources", moved.iloc[:2], actor="test")
    append_rows(store, "sources", moved, actor="test")
    assert read_rows(store, "sources").crs == "EPSG:4547"
    with pytest.raises(StoreError, match="middle of a save"):
        read_rows(store, "sources", as_of=len(frame) + 3)


@pytest.mark.parametrize(
    "crs",
    ["EPSG:4547", "EPSG:32650", "OGC:CRS84", "+proj=tmerc +lon_0=113.37 +k=1 +x_0=500000 +ellps=GRS80 +units=m", None],
)
def test_any_crs(store, crs):
    """A CRS with an authority, without one, or none where no row has a geometry comes back."""
    frame = draw_rows("photos", count=3)
    frame = frame.to_crs(crs) if crs else frame.set_geometry(gpd.GeoSeries([None] * 3))
    append_rows(store, "photos", frame, actor="test")
    same(read_rows(store, "photos"), check(frame, "photos"))


def test_unknown_tables_and_actors(store):
    """A table that does not exist gets a near miss; nobody saves anonymously."""
    with pytest.raises(StoreError, match="did you mean 'outfalls'"):
        append_rows(store, "outfal", pd.DataFrame(), actor="test")
    with pytest.raises(StoreError, match="did you mean 'samples'"):
        read_rows(store, "sample")
    with pytest.raises(StoreError, match="the tables are reaches"):
        read_events(store, table="qqq")
    with pytest.raises(StoreError, match="actor is empty"):
        append_rows(store, "samples", draw_rows("samples"), actor=" ")


def test_events_of_one_row(store):
    """The history of a row can be read alone."""
    frame = draw_rows("samples")
    append_rows(store, "samples", frame, actor="甲")
    append_rows(store, "samples", frame.iloc[[2]].assign(note="again"), actor="乙")
    history = read_events(store, table="samples", key=frame[contract("samples").key].iloc[2])
    assert history["actor"].tolist() == ["甲", "乙"]
    assert history["source_ref"].tolist() == [frame["source_ref"].iloc[2]] * 2
