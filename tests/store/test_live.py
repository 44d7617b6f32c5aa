"""The live file loses nothing: tampering, crashes, two writers, a second SQLite."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import apsw
import pandas as pd
import pytest

import outfall
from outfall.errors import StoreError
from outfall.store import append_rows, create_store, list_tables, read_events, read_rows, verify_chain
from outfall.store.live import open_live
from outfall.tables import check
from tests.store.rows import draw_rows

_PACKAGE = Path(outfall.__file__).parent
_WRITER = """
import sys
import pandas as pd
from outfall.store import append_rows, create_store
path, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
if sys.argv[4] == "True":
    create_store(path)
step = int(sys.argv[5])
for first in range(0, count, step):
    ids = [f"{name}{row}" for row in range(first, first + step)]
    append_rows(path, "samples", pd.DataFrame({"sample_id": ids, "taken_at": "2026-04-12T08:00Z", "source_ref": ids}), actor=name)
    print(*ids, sep="\\n", flush=True)
"""


@pytest.fixture
def store(tmp_path):
    return create_store(tmp_path / "town.outfalldb")


@pytest.fixture
def filled(store):
    append_rows(store, "samples", draw_rows("samples", count=8), actor="test")
    return store


def start_writer(store, name, count, *, make=False, step=1):
    return subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(store), name, str(count), str(make), str(step)],
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        cwd=_PACKAGE.parent,
    )


def test_connection_contract(store):
    """Every pragma of the contract is in force, not only asked for."""
    with open_live(store) as connection:
        pragmas = (
            "journal_mode",
            "synchronous",
            "foreign_keys",
            "trusted_schema",
            "cell_size_check",
            "recursive_triggers",
            "busy_timeout",
        )
        assert [connection.pragma(name) for name in pragmas] == ["wal", 2, 1, 0, 1, 1, 30_000]


def test_network_drives_are_not_in_wal_mode(filled, tmp_path, monkeypatch):
    """On a network drive, where WAL loses rows, the store is in DELETE mode; also one that was copied there."""
    monkeypatch.setattr("outfall.store.live.is_remote", lambda file: True)
    monkeypatch.setattr("outfall.store.connection.is_remote", lambda file: True)
    append_rows(filled, "samples", draw_rows("samples", seed=1), actor="test")
    for store in (filled, create_store(tmp_path / "remote.outfalldb")):
        with open_live(store) as connection:
            assert connection.pragma("journal_mode") == "delete"
    assert len(read_rows(filled, "samples")) == 17


def test_many_create_at_once(tmp_path):
    """Processes that make the same store at the same moment all find it made."""
    path = tmp_path / "town.outfalldb"
    writers = [start_writer(path, name, 3, make=True) for name in "abc"]
    assert [len(writer.communicate(timeout=120)[0].split()) for writer in writers] == [3, 3, 3]
    assert len(read_rows(path, "samples")) == 9


def test_old_sqlite_is_refused(store, monkeypatch):
    """SQLite before 3.51.3, which can lose commits, never opens the file."""
    monkeypatch.setattr(apsw, "sqlite_lib_version", lambda: "3.51.2")
    with pytest.raises(StoreError, match=r"3\.51\.2 can lose committed rows"):
        read_rows(store, "samples")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE event SET actor = 'x' WHERE seq = 3",
        "DELETE FROM event WHERE seq = 3",
        "INSERT OR REPLACE INTO event SELECT seq, event_id, recorded_at, valid_from, valid_to, hlc, device, device_seq, 'x', kind, table_name, row_key, base, body, reason, source_ref, prev_hash, hash FROM event WHERE seq = 3",
        "INSERT OR REPLACE INTO event SELECT 99, event_id, recorded_at, valid_from, valid_to, hlc, device, device_seq, 'x', kind, table_name, row_key, base, body, reason, source_ref, prev_hash, hash FROM event WHERE seq = 3",
    ],
)
@pytest.mark.parametrize("recursive", [0, 1])
def test_append_only(filled, statement, recursive):
    """No statement changes or removes an event, not even REPLACE on a connection of somebody else."""
    connection = apsw.Connection(str(filled))
    connection.pragma("recursive_triggers", recursive)
    with pytest.raises(apsw.ConstraintError, match="events are never"):
        connection.execute(statement)
    connection.close()
    verify_chain(filled)


@pytest.mark.parametrize(
    ("tamper", "seq"),
    [
        ("UPDATE event SET body = replace(body, '排口', '排囗') WHERE seq = 1", 1),
        ("UPDATE event SET actor = 'somebody' WHERE seq = 5", 5),
        ("UPDATE event SET body = NULL, kind = 'delete' WHERE seq = 4", 4),
        ("UPDATE event SET recorded_at = '2001' || substr(recorded_at, 5) WHERE seq = 6", 6),
        ("DELETE FROM event WHERE seq = 3", 3),
        ("UPDATE event SET seq = 100 WHERE seq = 8", 8),
        ("UPDATE event SET hash = prev_hash WHERE seq = 7", 7),
    ],
)
def test_tampering_is_found(filled, tamper, seq):
    """Any later change of an event is found, and the first broken one is named."""
    connection = apsw.Connection(str(filled))
    for name in ("changed", "removed", "replaced"):
        connection.execute(f"DROP TRIGGER event_is_never_{name}")
    connection.execute(tamper)
    connection.close()
    with pytest.raises(StoreError, match=f"event {seq} "):
        verify_chain(filled)


def test_removed_guard_is_found(filled):
    """A store whose triggers are gone still reads, is reported, and takes no more rows."""
    connection = apsw.Connection(str(filled))
    connection.execute("DROP TRIGGER event_is_never_changed")
    connection.execute("CREATE TRIGGER sly AFTER INSERT ON event BEGIN SELECT 1; END")
    connection.close()
    assert len(read_rows(filled, "samples")) == 8
    with pytest.raises(StoreError, match="'event_is_never_changed' was removed; 'sly' was added"):
        verify_chain(filled)
    with pytest.raises(StoreError, match="guards were changed"):
        append_rows(filled, "samples", draw_rows("samples", seed=1), actor="test")


def test_cut_end_is_found_with_an_earlier_head(filled):
    """A log whose end was cut off is a good chain; the hash of an earlier check gives it away."""
    head = verify_chain(filled)
    assert verify_chain(filled, head=head) == head
    connection = apsw.Connection(str(filled))
    connection.execute("DROP TRIGGER event_is_never_removed")
    connection.execute("DELETE FROM event WHERE seq = 8")
    connection.close()
    with pytest.raises(StoreError, match="cut off or written anew"):
        verify_chain(filled, head=head)


def test_two_writers_lose_nothing(store):
    """Two processes that write 200 rows each at the same time both get all of them in."""
    writers = [start_writer(store, name, 200, step=4) for name in "ab"]
    assert [len(writer.communicate(timeout=120)[0].split()) for writer in writers] == [200, 200]
    assert set(read_rows(store, "samples")["sample_id"]) == {f"{name}{row}" for name in "ab" for row in range(200)}
    assert len(read_events(store)) == 400
    verify_chain(store)


def test_killed_writer_loses_no_acknowledged_row(store):
    """A writer killed without warning loses no row that it had reported as saved, and leaves no half one."""
    acknowledged: list[str] = []
    for round_ in range(2):
        writer = start_writer(store, f"r{round_}.", 10_000)
        for line in writer.stdout:
            acknowledged.append(line.strip())
            if len(acknowledged) >= 25 * (round_ + 1) + 7 * round_:
                writer.kill()
                break
        acknowledged += writer.communicate()[0].split()
    stored = read_rows(store, "samples")["sample_id"].tolist()
    assert set(acknowledged) <= set(stored)
    assert len(stored) <= len(acknowledged) + 3
    verify_chain(store)


def test_create_again_keeps_the_rows(filled):
    """Making a store where one is opens it."""
    assert len(read_rows(create_store(filled), "samples")) == 8


def test_other_files_are_refused(tmp_path):
    """Other endings, other programs' files, damaged and missing ones each get one sentence."""
    with pytest.raises(StoreError, match=r"choose town\.outfalldb"):
        create_store(tmp_path / "town.gpkg")
    with pytest.raises(StoreError, match="there is no store"):
        read_rows(tmp_path / "none.outfalldb", "samples")
    (tmp_path / "text.outfalldb").write_text("排口" * 999, encoding="utf-8")
    with pytest.raises(StoreError, match="damaged or is not a store"):
        list_tables(tmp_path / "text.outfalldb")
    (tmp_path / "cut.outfalldb").touch()
    with pytest.raises(StoreError, match="run create_store again"):
        list_tables(tmp_path / "cut.outfalldb")
    foreign = tmp_path / "foreign.outfalldb"
    connection = apsw.Connection(str(foreign))
    connection.execute("CREATE TABLE a (b)")
    connection.close()
    with pytest.raises(StoreError, match="another program"):
        create_store(foreign)


def test_newer_store_is_refused(filled):
    """A store of a later version says that the program must be upgraded."""
    connection = apsw.Connection(str(filled))
    connection.pragma("user_version", 9)
    connection.close()
    with pytest.raises(StoreError, match="version 9, this program reads version 2"):
        read_rows(filled, "samples")


def test_damaged_page_is_found(filled):
    """Bytes that change on the disk are found before they are believed."""
    filled.write_bytes(filled.read_bytes().replace("调查 表.csv#4".encode(), "调査 表.csv#4".encode()))
    with pytest.raises(StoreError, match="event 3 was changed"):
        verify_chain(filled)


def test_contract_is_kept_between_processes(store):
    """A frame saved in one process is the same in another."""
    frame = draw_rows("outfalls", count=3)
    append_rows(store, "outfalls", frame, actor="test")
    code = "import sys; from outfall.store import read_rows; print(len(read_rows(sys.argv[1], 'outfalls')))"
    done = subprocess.run(
        [sys.executable, "-c", code, str(store)], capture_output=True, text=True, cwd=_PACKAGE.parent, check=True
    )
    assert done.stdout.strip() == "3"
    pd.testing.assert_frame_equal(pd.DataFrame(read_rows(store, "outfalls")), pd.DataFrame(check(frame, "outfalls")))
