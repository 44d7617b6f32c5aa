"""A store on PostGIS gives the same answers as one in a file, and keeps its log and its password."""

from __future__ import annotations

import multiprocessing
import time

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from outfall.errors import StoreError
from outfall.store import (
    append_rows,
    check_store,
    create_store,
    digest_tables,
    find_rows,
    list_conflicts,
    list_tables,
    open_store,
    read_events,
    read_rows,
    rebuild,
    resolve_conflict,
    verify_chain,
)
from outfall.store.sync import merge_events
from outfall.tables import contracts
from tests.laws import unchanged
from tests.store.faults.script import EVENTS, make_steps, outfalls, samples
from tests.store.rows import draw_rows

pytestmark = pytest.mark.postgis
_WEIRD = [
    "POINT EMPTY", "POINT Z (1 2 3)", "LINESTRING EMPTY", "MULTIPOINT (1 2, 3 4)", "POLYGON Z ((0 0 1, 1 0 1, 1 1 1, 0 0 1))",
    "GEOMETRYCOLLECTION (POINT (1 2), LINESTRING (0 0, 1 1))", "MULTIPOLYGON EMPTY", "POINT (0.1 1e-300)", "POINT (-0.0 1e300)",
]  # fmt: skip


@pytest.fixture
def file(tmp_path):
    return create_store(tmp_path / "town.outfalldb")


def same(one, other):
    pd.testing.assert_frame_equal(pd.DataFrame(one), pd.DataFrame(other))


def test_all_tables_are_equal_in_both(file, url):
    """Rows of every contract, with hostile text and missing cells, are the same from a file and from PostGIS."""
    for table in contracts():
        frame = draw_rows(table)
        with unchanged(frame):
            assert [append_rows(store, table, frame, actor="test") for store in (file, url)] == [9, 9]
        assert append_rows(url, table, frame, actor="test") == 0
        same(read_rows(file, table), read_rows(url, table))
    assert list_tables(file) == list_tables(url)
    assert digest_tables(file) == digest_tables(url) == rebuild(url) == rebuild(file)


def test_script_is_equal_in_both_and_replayed(file, url):
    """The 200 events of the script give one digest in the file, in PostGIS, replayed in each, and merged from one into the other."""
    for store in (file, url):
        with open_store(store) as kept:
            assert sum(step.save(kept) for step in make_steps()) == EVENTS
    digest = digest_tables(file)
    assert digest == digest_tables(url) == rebuild(file) == rebuild(url)
    assert [digest_tables(file, as_of=seq) for seq in (0, 77, 199)] == [
        digest_tables(url, as_of=seq) for seq in (0, 77, 199)
    ]
    other = create_store(f"{url}?schema=other")
    merge_events(other, file, actor="test")
    assert digest_tables(other) == digest
    assert set(read_events(other)["event_id"]) >= set(read_events(file)["event_id"])
    verify_chain(other)


def test_boxes_are_equal_in_both(file, url):
    """A box yields the same rows from the R-tree and from gist, edges included."""
    rng = np.random.default_rng(5)
    rows = outfalls(range(400))
    rows["geometry"] = shapely.points(rng.integers(0, 20, (400, 2)) / 10 + (113, 22))
    boxes = [
        (w / 10 + 113, s / 10 + 22, e / 10 + 113, n / 10 + 22)
        for w, s, e, n in rng.integers(0, 20, (60, 4))
        if w <= e and s <= n
    ]
    counts = []
    for store in (file, url):
        append_rows(store, "outfalls", rows, actor="test")
        with open_store(store) as kept:
            counts.append([sorted(row["outfall_id"] for row in find_rows(kept, "outfalls", box=box)) for box in boxes])
    assert counts[0] == counts[1]
    assert any(counts[0])


@pytest.mark.parametrize("crs", ["EPSG:4490", "EPSG:4547", "+proj=tmerc +lon_0=113.3 +x_0=40000 +ellps=GRS80 +units=m"])
def test_geometry_is_exact(url, run_sql, crs):
    """Empty, three-dimensional and mixed geometries come back bit by bit, and stand in PostGIS as geometry with an index."""
    shapes = shapely.from_wkt(_WEIRD)
    frame = draw_rows("clues", count=len(shapes))
    frame = gpd.GeoDataFrame(frame, geometry=list(shapes), crs=crs)
    append_rows(url, "clues", frame, actor="test")
    back = read_rows(url, "clues")
    assert [shape.wkb for shape in back.geometry] == [shape.wkb for shape in shapes]
    assert back.crs == frame.crs
    run_sql(
        "SELECT 1 / (count(*) FILTER (WHERE indexdef LIKE '%USING gist (geom)'))::int FROM pg_indexes WHERE tablename = 'clues'"
    )
    srid = frame.crs.to_epsg() or 0
    run_sql(f"SELECT 1 / (count(*) FILTER (WHERE ST_SRID(geom) = {srid}) / {len(shapes)}) FROM clues")


def test_another_program_s_table_is_refused(postgis_url):
    """A schema in which somebody else has a table 'event' is left alone."""
    import psycopg

    with psycopg.connect(postgis_url, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA outfall")
        connection.execute("CREATE TABLE outfall.event (a INTEGER)")
    with pytest.raises(StoreError, match="another program"):
        create_store(postgis_url)


def test_schemas_are_apart(url):
    """Two stores in one database know nothing of each other."""
    other = create_store(f"{url}?schema=county")
    append_rows(url, "samples", samples([1]), actor="test")
    assert (list_tables(url), list_tables(other)) == ({"samples": 1}, {})


def test_reader_sees_one_moment(url):
    """What is saved while a reader is in the middle of reading is not seen by it, not even a table rebuilt."""
    append_rows(url, "samples", samples(range(5)), actor="test")
    with open_store(url) as kept, kept.reading() as session:
        before = session.execute("SELECT COUNT(*) FROM event")
        append_rows(url, "samples", samples(range(5, 9)), actor="test")
        rebuild(url)
        assert session.execute("SELECT COUNT(*) FROM event") == before == [(5,)]
        assert len(list(session.rows_now("samples"))) == 5


def test_a_writer_that_never_ends_is_not_waited_for(url, monkeypatch):
    """Who cannot write because another transaction holds the store is told so, and nothing is written."""
    from outfall.store.postgis import store as module

    monkeypatch.setitem(module._SETTINGS, "lock_timeout", "300ms")
    with open_store(url) as kept, kept.writing(), pytest.raises(StoreError, match="has been writing for"):
        append_rows(url, "samples", samples([1]), actor="test")
    assert len(read_events(url)) == 0


def test_slow_statement_is_ended(url, monkeypatch):
    """A statement that takes too long is ended by the server, with our error."""
    from outfall.store.postgis import store as module

    monkeypatch.setitem(module._SETTINGS, "statement_timeout", "200ms")
    with pytest.raises(StoreError, match="took too long"), open_store(url) as kept, kept.reading() as session:
        session.execute("SELECT pg_sleep(30)")


def _write(url, name, count, times):
    from outfall.store import append_rows, open_store

    with open_store(url) as kept:
        for number in range(count):
            begun = time.monotonic()
            rows = samples([number])
            rows["sample_id"] = f"{name}.{number}"
            append_rows(kept, "samples", rows, actor=name)
            times.put(time.monotonic() - begun)


def test_eight_writers_lose_nothing(url):
    """Eight processes that write 25 rows each at the same time get all of them in, one chain, and none waits long."""
    context = multiprocessing.get_context("spawn")
    times = context.Queue()
    writers = [context.Process(target=_write, args=(url, name, 25, times)) for name in "abcdefgh"]
    for writer in writers:
        writer.start()
    waits = [times.get(timeout=60) for _ in range(200)]
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0] * 8
    assert set(read_rows(url, "samples")["sample_id"]) == {
        f"{name}.{number}" for name in "abcdefgh" for number in range(25)
    }
    assert read_events(url)["seq"].tolist() == list(range(1, 201))
    assert max(waits) < 30
    verify_chain(url)
    assert digest_tables(url) == rebuild(url)


def test_contract_that_gained_a_column(url, run_sql):
    """A projection of an older program lacks a column; the next save makes it anew with today's columns."""
    append_rows(url, "samples", samples([1]), actor="test")
    run_sql("ALTER TABLE samples DROP COLUMN note")
    assert append_rows(url, "samples", samples([2]), actor="test") == 1
    assert "note" in read_rows(url, "samples")
    assert len(read_rows(url, "samples")) == 2
    assert digest_tables(url) == rebuild(url)


def test_devices_meet_in_postgis(file, url, tmp_path):
    """Two devices edit one row; merged, decided and undone in PostGIS and in a file, both stand the same and agree."""
    append_rows(file, "samples", samples(range(3)), actor="a")
    merge_events(url, file, actor="server")
    for store, lab in ((file, "left"), (url, "right")):
        rows = samples([1])
        append_rows(store, "samples", rows.assign(note=lab), actor=lab)
    merge_events(url, file, actor="server")
    merge_events(file, url, actor="a")
    clashes = [list_conflicts(store) for store in (file, url)]
    assert len(clashes[0]) == len(clashes[1]) > 0
    assert digest_tables(file) == digest_tables(url)
    clash = clashes[1].iloc[0]
    resolve_conflict(url, "samples", "W1", "note", event_id=clash["event_id"], actor="keeper", reason="seen on site")
    merge_events(file, url, actor="a")
    assert [len(list_conflicts(store)) for store in (file, url)] == [0, 0]
    assert digest_tables(file) == digest_tables(url) == rebuild(file) == rebuild(url)
    for store in (file, url):
        check_store(store)


def test_changed_projection_is_found(url, run_sql):
    """A row that somebody changed past the log is found, with its event; a rebuild mends it."""
    append_rows(url, "outfalls", outfalls(range(4)), actor="test")
    digest = digest_tables(url)
    run_sql("UPDATE outfalls SET geom = ST_Translate(geom, 0.00001, 0) WHERE outfall_id = 'P-0002'")
    with pytest.raises(StoreError, match="row 'P-0002' is not what event 3 says"):
        check_store(url)
    assert rebuild(url) == digest
    check_store(url)
