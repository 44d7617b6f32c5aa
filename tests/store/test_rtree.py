"""The R-tree finds what a walk over all rows finds, however it was made."""

from __future__ import annotations

import apsw
import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from outfall.errors import StoreError
from outfall.store import append_rows, create_store, digest_tables, find_rows, open_store, read_rows, rebuild
from outfall.store.live import open_live
from outfall.store.rtree import pack_rtree
from tests.store.rows import draw_rows


def points(count, seed=0, first=0):
    rng = np.random.default_rng(seed)
    ids = [f"S{row}" for row in range(first, first + count)]
    frame = pd.DataFrame({"source_id": ids, "name": "厂", "source_kind": "factory", "source_ref": "a.csv#1"})
    return gpd.GeoDataFrame(
        frame, geometry=gpd.points_from_xy(*rng.uniform((113, 22), (114, 23), (count, 2)).T), crs="EPSG:4490"
    )


def checked(path):
    with open_live(path) as connection:
        return connection.execute("SELECT rtreecheck('rtree_sources_geom')").fetchall()[0][0]


@pytest.fixture
def store(tmp_path):
    return create_store(tmp_path / "town.outfalldb")


@pytest.mark.parametrize("count", [0, 1, 51, 52, 95, 2_300, 5_000])
def test_a_packed_tree_is_sound(count):
    """SQLite finds no fault in a packed tree of any depth, before and after rows are added, moved and removed one by one."""
    rng = np.random.default_rng(count)
    low = rng.uniform(0, 1e6, (count, 2))
    boxes = np.hstack([low, low + rng.uniform(0, 50, (count, 2))])
    connection = apsw.Connection(":memory:")
    connection.execute("CREATE VIRTUAL TABLE r USING rtree(id, minx, maxx, miny, maxy)").fetchall()
    is_there = rng.random(count) < 0.9
    pack_rtree(connection, "r", np.arange(1, count + 1), boxes, is_there)
    assert connection.execute("SELECT rtreecheck('r')").fetchall() == [("ok",)]
    assert connection.execute("SELECT COUNT(*) FROM r").fetchall() == [(int(is_there.sum()),)]
    for one in range(1, count + 200, 3):
        connection.execute("INSERT OR REPLACE INTO r VALUES (?, ?, ?, ?, ?)", (one, one, one + 1, -one, 0)).fetchall()
    connection.execute("DELETE FROM r WHERE id % 5 = 0").fetchall()
    assert connection.execute("SELECT rtreecheck('r')").fetchall() == [("ok",)]


def test_boxes_find_what_a_walk_finds(store):
    """Packed, then grown, moved and thinned: every box gives exactly the rows a walk over all of them gives."""
    append_rows(store, "sources", points(3_000), actor="test")
    append_rows(store, "sources", points(2_500, seed=1, first=1_500), actor="test")
    append_rows(store, "sources", points(40, seed=2, first=20), actor="test")
    append_rows(store, "sources", read_rows(store, "sources").iloc[50:], actor="test", replace=True)
    assert checked(store) == "ok"
    whole, rng = read_rows(store, "sources"), np.random.default_rng(3)
    assert len(whole) == 3_950
    with open_store(store) as kept:
        for west, south, size in rng.uniform((113, 22, 0), (114, 23, 0.2), (60, 3)):
            box = (west, south, west + size, south + size)
            expected = whole.loc[whole.intersects(shapely.box(*box)), "source_id"].tolist()
            assert read_rows(kept, "sources", box=box)["source_id"].tolist() == expected
            assert [row["source_id"] for row in find_rows(kept, "sources", box=box)] == expected


def test_edges_of_a_box_are_exact(store):
    """A point on the edge is inside, one a millionth of a metre outside is not: float32 alone would say otherwise."""
    frame = points(3).set_crs("EPSG:4547", allow_override=True)
    frame = frame.set_geometry(
        gpd.points_from_xy([500_000.1, 500_000.1 + 1e-6, 500_000.1 - 1e-6], [2_500_000.3] * 3), crs="EPSG:4547"
    )
    append_rows(store, "sources", frame, actor="test")
    box = (500_000.1, 2_500_000.3, 500_001, 2_500_001)
    assert read_rows(store, "sources", box=box)["source_id"].tolist() == ["S0", "S1"]


def test_boxes_of_lines_and_of_the_past(store):
    """Lines are found by where they run, not by the box around them; a box and a moment go together."""
    lines = draw_rows("reaches", count=2).set_geometry(
        [shapely.LineString([(0, 0), (10, 10)]), shapely.LineString([(0, 9), (1, 10)])], crs="EPSG:4490"
    )
    append_rows(store, "reaches", lines, actor="test")
    key = lines.iloc[0, 0]
    assert read_rows(store, "reaches", box=(4, 0, 6, 2)).empty
    assert read_rows(store, "reaches", box=(4, 4, 6, 6)).iloc[:, 0].tolist() == [key]
    append_rows(store, "reaches", lines.iloc[1:], actor="test", replace=True)
    assert read_rows(store, "reaches", box=(4, 4, 6, 6)).empty
    assert read_rows(store, "reaches", box=(4, 4, 6, 6), as_of=2).iloc[:, 0].tolist() == [key]


@pytest.mark.parametrize("box", [(1, 2, 3), (2, 0, 1, 1), (0, 2, 1, 1), (0, 0, np.nan, 1), (0, 0, np.inf, 1)])
def test_boxes_that_are_none(store, box):
    """A box with sides swapped, missing or infinite is refused."""
    with pytest.raises(StoreError, match="give west, south, east, north"):
        read_rows(store, "sources", box=box)


def test_projections_are_what_the_log_says(store):
    """Whatever was saved, changed and deleted: the tables equal a replay, and rebuilding them changes nothing."""
    for seed in range(4):
        for table in ("outfalls", "photos", "samples", "reaches"):
            frame = draw_rows(table, seed=seed % 3).assign(team="甲") if seed == 2 else draw_rows(table, seed=seed % 3)
            append_rows(store, table, frame, actor="test", replace=seed == 3)
    now = digest_tables(store)
    last = read_seq(store)
    assert now == digest_tables(store, as_of=last) == rebuild(store) == digest_tables(store)
    assert now != digest_tables(store, as_of=last - 1)


def read_seq(path):
    with open_live(path) as connection:
        return connection.execute("SELECT MAX(seq) FROM event").fetchall()[0][0]


def test_a_projection_that_was_changed_is_seen(store):
    """Somebody who edits a table behind the log changes the digest of now, not of the replay; rebuild puts it right."""
    append_rows(store, "samples", draw_rows("samples"), actor="test")
    good = digest_tables(store)
    connection = apsw.Connection(str(store))
    connection.execute("UPDATE samples SET note = 'forged' WHERE fid = 2").fetchall()
    connection.close()
    assert digest_tables(store) != good == digest_tables(store, as_of=9)
    assert rebuild(store) == good == digest_tables(store)


def test_what_held_in_the_world(store):
    """A fact counts from and until the times it was given; what was recorded later about then is seen."""
    row = draw_rows("samples", count=1)
    day = lambda number: pd.Timestamp(2026, 4, number, tz="UTC").to_pydatetime()  # noqa: E731
    append_rows(store, "samples", row.assign(note="old"), actor="test")
    append_rows(store, "samples", row.assign(note="new"), actor="test", valid_from=day(10))
    append_rows(store, "samples", row.assign(note="flood"), actor="test", valid_from=day(3), valid_to=day(5))
    notes = {
        number: read_rows(store, "samples", valid_at=day(number))["note"].item() for number in (1, 3, 4, 5, 9, 10, 20)
    }
    assert notes == {1: "old", 3: "flood", 4: "flood", 5: "old", 9: "old", 10: "new", 20: "new"}
    assert read_rows(store, "samples", valid_at=day(4), as_of=2)["note"].item() == "old"
    with pytest.raises(StoreError, match="is not after valid_from"):
        append_rows(store, "samples", row, actor="test", valid_from=day(5), valid_to=day(5))
    with pytest.raises(StoreError, match="has no time zone"):
        append_rows(store, "samples", row, actor="test", valid_from=pd.Timestamp("2026-04-01"))
