"""The short ways through a live file give what the long ways give."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from outfall.errors import StoreError
from outfall.store import append_rows, create_store, find_rows, open_store, read_rows, rebuild, take_snapshot
from outfall.store.backend import write_transaction
from outfall.store.rows import _rows
from outfall.tables import contract


@pytest.fixture
def store(tmp_path):
    """Return a store with points, a polygon, flags, times, a foreign column and rows without geometry."""
    times = pd.to_datetime(["2026-04-12T08:00:00.123456Z", None, None, "2026-04-12T08:00:00.5Z"])
    both = {"source_ref": [f"a.csv#{at}" for at in range(2, 6)], "own": [1, 2, 3, 4]}
    clues = {"clue_id": ["C1", "C2", "C3", "C4"], "kind": "plume", "reason": ["a", "b", "c", "d"], "reason_zh": "甲"}
    sightings = {"sighting_id": ["G1", "G2", "G3", "G4"], "platform": "drone", "survey_id": "f1", "seen_at": times}
    flags = {"is_discharging": pd.array([True, False, None, True], dtype="boolean")}
    shapes = [shapely.Point(1, 1), shapely.Point(2, 2), shapely.box(3, 3, 4, 4), None]
    points = [shapely.Point(1, 1), None, shapely.Point(2, 2), shapely.Point(3.99, 3.99)]
    live = create_store(tmp_path / "county.outfalldb")
    for table, columns, geometry in (
        ("clues", {**clues, "from_at": times}, shapes),
        ("sightings", {**sightings, **flags}, points),
    ):
        append_rows(
            live, table, gpd.GeoDataFrame({**columns, **both}, geometry=geometry, crs="EPSG:4547"), actor="demo"
        )
    return live


@pytest.mark.parametrize("table", ["clues", "sightings"])
@pytest.mark.parametrize("box", [None, (0, 0, 1, 1), (1.5, 1.5, 3.5, 3.5), (3.99, 3.99, 9, 9), (7, 7, 8, 8)])
def test_light_rows_say_what_whole_rows_say(store, table, box):
    """A light row equals the cells of the long way, whatever the box."""
    names = (*contract(table).columns, "geometry")
    with open_store(store) as kept:
        light = find_rows(kept, table, box=box)
        with kept.reading() as session:
            whole = [
                dict(zip(names, (*row.cells, row.geometry), strict=True)) for row in _rows(session, table, box=box)
            ]
    assert light == whole
    assert [list(row) for row in light] == [list(row) for row in whole]


def test_light_rows_follow_what_others_write(store):
    """A reader that stays open sees what another connection saves, also after the projection is made anew."""
    with open_store(store) as kept:
        assert find_rows(kept, "clues", keys=["C1"])[0]["reason"] == "a"
        assert find_rows(kept, "outfalls") == []
        row = read_rows(store, "clues", keys=["C1"]).assign(reason="z")
        append_rows(store, "clues", row, actor="demo")
        rebuild(store)
        assert find_rows(kept, "clues", keys=["C1"])[0]["reason"] == "z"


def test_guards_stand_while_rows_are_saved(store):
    """The log refuses a change in the very transaction that has just added to it."""
    with write_transaction(store) as session:
        session.copy("setting", ("name", "value"), [("a", "b")])
        with pytest.raises(Exception, match="events are never changed"):
            session.execute("UPDATE event SET actor = 'x'")


def test_an_event_is_never_added_twice(store):
    """The way without triggers refuses an event that is there, by the keys of the table."""
    with write_transaction(store) as session:
        line = session.execute("SELECT * FROM event WHERE seq = 1")[0]
        columns = [str(row[1]) for row in session.execute("PRAGMA table_info(event)")]
    with pytest.raises(StoreError, match="nothing was written"), write_transaction(store) as session:
        session.copy("event", columns, [(99, *line[1:])])


def test_a_snapshot_by_sql_is_the_one_by_python(store, tmp_path, monkeypatch):
    """Layers copied from table to table read like layers written row by row, tree and foreign columns included."""
    quick = gpd.read_file(take_snapshot(store, tmp_path / "quick.gpkg"), layer="clues")
    found = gpd.read_file(tmp_path / "quick.gpkg", layer="clues", bbox=(1.5, 1.5, 3.5, 3.5))
    monkeypatch.setattr("outfall.store.snapshot.is_at", lambda *_: False)
    slow = gpd.read_file(take_snapshot(store, tmp_path / "slow.gpkg"), layer="clues")
    pd.testing.assert_frame_equal(pd.DataFrame(quick), pd.DataFrame(slow))
    assert quick.crs == slow.crs
    assert found["clue_id"].tolist() == ["C2", "C3"]
