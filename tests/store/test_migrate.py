"""A store of any earlier version opens, with every event, every row and every old proof."""

from __future__ import annotations

import json

import apsw
import pandas as pd
import pytest

from outfall.errors import StoreError
from outfall.store import append_rows, digest_tables, read_events, read_rows, rebuild, verify_chain
from outfall.store.body import encode
from outfall.store.live import open_live
from outfall.tables import check, contract, contracts
from tests.store.old_stores import make_v1
from tests.store.rows import draw_rows


def old_bodies(table, frame):
    """Return keys and bodies as version 1 wrote them: with a null for every missing cell."""
    blank = dict.fromkeys(contract(table).columns)
    bodies = [json.loads(body) for body in encode(check(frame, table), table)]
    for body in bodies:
        body["columns"] = {**blank, **body["columns"]}
    return frame[contract(table).key].tolist(), [json.dumps(body, ensure_ascii=False) for body in bodies]


@pytest.fixture
def old(tmp_path):
    """Make a version 1 store in which rows were written, changed and deleted, with the hashes of its events."""
    changes = []
    for table in ("outfalls", "samples", "photos"):
        keys, bodies = old_bodies(table, draw_rows(table, count=5))
        changes += [(table, key, body) for key, body in zip(keys, bodies, strict=True)]
        changes += [(table, keys[1], None), (table, keys[2], bodies[2].replace("csv#4", "csv#44"))]
    path = tmp_path / "town.outfalldb"
    return path, make_v1(path, changes)


def test_rows_and_events_of_version_1_are_kept(old):
    """What version 1 held is read as it was: rows, order, history, times and reasons."""
    path, hashes = old
    frame = check(draw_rows("outfalls", count=5), "outfalls").drop(index=1)
    frame.loc[2, "source_ref"] = frame.loc[2, "source_ref"].replace("csv#4", "csv#44")
    found = read_rows(path, "outfalls")
    pd.testing.assert_frame_equal(pd.DataFrame(found), pd.DataFrame(frame.reset_index(drop=True)))
    assert len(read_rows(path, "outfalls", as_of=5)) == 5
    events = read_events(path)
    assert len(events) == len(hashes) == 21
    assert events["recorded_at"].iloc[3] == pd.Timestamp("2026-04-12T08:00:01Z")
    assert set(events["reason"]) == {"walk"}


def test_saving_the_old_rows_again_writes_nothing(old):
    """A body of version 1, which writes nulls, says the same as one of today."""
    path, _ = old
    assert append_rows(path, "samples", read_rows(path, "samples"), actor="test") == 0


def test_old_proofs_still_hold(old):
    """Every hash that version 1 gave out is found in the migrated log, and one it never gave is not."""
    path, hashes = old
    head = verify_chain(path)
    assert head not in hashes
    for old_head in (hashes[0], hashes[7], hashes[-1]):
        assert verify_chain(path, head=old_head) == head
    with pytest.raises(StoreError, match="cut off or written anew"):
        verify_chain(path, head="f" * 64)
    append_rows(path, "sources", draw_rows("sources"), actor="test")
    verify_chain(path, head=hashes[-1])


def test_events_changed_after_the_migration_do_not_end_in_the_old_head(old):
    """Who rewrites the whole chain of today still cannot end in the hash version 1 gave out."""
    path, _ = old
    verify_chain(path)
    connection = apsw.Connection(str(path))
    connection.execute("UPDATE setting SET value = ? WHERE name = 'v1_head'", ("a" * 64,))
    connection.close()
    with pytest.raises(StoreError, match="event 21 does not end the log that was migrated"):
        verify_chain(path)


def test_a_broken_old_log_is_not_migrated(old):
    """A version 1 log that was tampered with stays as it is and is named."""
    path, _ = old
    connection = apsw.Connection(str(path))
    connection.execute("DROP TRIGGER event_is_never_changed")
    connection.execute("UPDATE event SET actor = 'x' WHERE seq = 4")
    connection.close()
    with pytest.raises(StoreError, match=r"event 4 of the version 1 log was changed.*Nothing was migrated"):
        read_rows(path, "samples")
    connection = apsw.Connection(str(path))
    assert connection.pragma("user_version") == 1
    connection.close()


def test_a_migrated_store_is_like_a_new_one(old):
    """Its schema has nothing but today's, its projections are what a replay gives."""
    path, _ = old
    before = digest_tables(path)
    assert before == digest_tables(path, as_of=21) == rebuild(path)
    with open_live(path) as connection:
        names = {row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    assert not any(name.startswith("event_v") for name in names)
    assert {"outfalls", "samples", "photos"} <= names & set(contracts())


def test_an_empty_store_of_version_1(tmp_path):
    """A store in which nothing was saved opens too."""
    make_v1(tmp_path / "town.outfalldb", [])
    assert append_rows(tmp_path / "town.outfalldb", "samples", draw_rows("samples"), actor="test") == 9
