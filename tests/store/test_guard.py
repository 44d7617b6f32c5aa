"""Nothing else in this process touches a live file: it is refused, or found before it can cost a row."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pyogrio
import pytest

import outfall
from outfall.errors import ReadError, StoreError
from outfall.store import append_rows, back_up, create_store, digest_tables, open_store, read_rows, verify_chain
from outfall.store.backend import write_transaction
from outfall.store.guard import holds_lock
from outfall.tables import read_frame
from tests.store.rows import draw_rows

_PACKAGE = Path(outfall.__file__).parent
_OTHER = """
import sys
from outfall.store import append_rows
from tests.store.rows import draw_rows
append_rows(sys.argv[1], "sources", draw_rows("sources"), actor="other")
"""


@pytest.fixture
def store(tmp_path):
    path = create_store(tmp_path / "town.outfalldb")
    append_rows(path, "samples", draw_rows("samples"), actor="test")
    return path


def links(store):
    link, hard = store.with_name("link.gpkg"), store.with_name("hard.gpkg")
    link.symlink_to(store)
    hard.hardlink_to(store)
    return [store, link, hard, Path(f"{store}-wal"), Path(f"{store}-shm")]


def test_python_cannot_open_an_open_store(store, tmp_path):
    """By its name, by a link, and beside it; for reading, writing, copying, moving and another SQLite."""
    names = links(store)
    with open_store(store) as kept:
        append_rows(kept, "sources", draw_rows("sources"), actor="test")
        for name in names:
            for attempt in (
                name.read_bytes,
                lambda name=name: name.write_bytes(b""),
                lambda name=name: shutil.copy(name, tmp_path / "copy"),
                lambda name=name: name.rename(tmp_path / "moved"),
                lambda name=name: os.close(os.open(name, os.O_RDONLY)),
            ):
                with pytest.raises(StoreError, match="live store that is open here"):
                    attempt()
        for database in (str(store), f"file:{store}?mode=ro"):
            with pytest.raises(StoreError, match="live store that is open here"):
                sqlite3.connect(database, uri=database.startswith("file:"))
        assert len(read_rows(kept, "sources")) == 9
    verify_chain(store)


def test_other_files_open_as_ever(store, tmp_path):
    """The guard is about the open store alone: neighbours, and the store itself once closed, are free."""
    (tmp_path / "note.txt").write_text("排口", encoding="utf-8")
    with open_store(store):
        assert (tmp_path / "note.txt").read_text(encoding="utf-8") == "排口"
        sqlite3.connect(":memory:").close()
        assert not (tmp_path / "none.outfalldb").exists()
        with pytest.raises(FileNotFoundError):
            (tmp_path / "none.outfalldb").read_bytes()
    assert store.read_bytes()[:6] == b"SQLite"


@pytest.mark.skipif(not Path("/proc/locks").exists(), reason="the system does not show locks")
@pytest.mark.parametrize("journal", ["wal", "delete"])
def test_a_second_sqlite_that_dropped_the_lock_is_found(tmp_path, monkeypatch, journal):
    """GDAL opens the live file during a save: the lock is gone, another process writes, and our save is refused."""
    if journal == "delete":
        for module in ("live", "connection"):
            monkeypatch.setattr(f"outfall.store.{module}.is_remote", lambda file: True)
    store = create_store(tmp_path / "town.outfalldb")
    append_rows(store, "samples", draw_rows("samples"), actor="test")

    def save():
        with write_transaction(store) as session:
            assert holds_lock(store, is_wal=journal == "wal")
            session.execute("INSERT INTO setting VALUES ('mine', 'half')")
            pyogrio.list_layers(store)
            assert not holds_lock(store, is_wal=journal == "wal")
            run = [sys.executable, "-c", _OTHER, str(store)]
            subprocess.run(run, cwd=_PACKAGE.parent, check=journal == "wal", capture_output=True)

    with pytest.raises(StoreError, match=r"another library in this process.*nothing was written.*take_snapshot"):
        save()
    assert len(read_rows(store, "samples")) == 9
    if journal == "wal":
        assert len(read_rows(store, "sources")) == 9
    verify_chain(store)


def test_a_lock_that_is_held_lets_commits_pass(store):
    """The lock is seen while a save is open and not after it."""
    with write_transaction(store):
        seen = holds_lock(store, is_wal=True)
    assert seen == Path("/proc/locks").exists()
    assert not holds_lock(store, is_wal=True)


def test_a_backup_is_a_store(store, tmp_path):
    """A backup taken while another connection writes holds one whole moment, and is never written over anything."""
    with write_transaction(store) as session:
        session.execute("INSERT INTO setting VALUES ('mine', 'half')")
        copy = back_up(store, tmp_path / "backups" / "monday.outfalldb")
    assert verify_chain(copy) == verify_chain(store)
    assert digest_tables(copy) == digest_tables(store)
    append_rows(copy, "sources", draw_rows("sources"), actor="test")
    assert len(read_rows(store, "sources")) == 0
    with pytest.raises(StoreError, match="is there already"):
        back_up(store, copy)
    with pytest.raises(StoreError, match=r"ends in \.outfalldb"):
        back_up(store, tmp_path / "monday.gpkg")
    assert [item.name for item in copy.parent.iterdir()] == ["monday.outfalldb"]


def test_readers_refuse_a_store_under_any_name(store):
    """A link or a renamed copy of a store is not handed to GDAL: its header gives it away."""
    for name in links(store)[:3]:
        with pytest.raises(ReadError, match=r"live store|\.outfalldb is not read"):
            read_frame(name)
