"""What people open in QGIS or Excel: a copy of every table at one moment, never the live file.

A snapshot that nobody edited is not written anew: its copy gets the rows that changed since, and takes its place.
"""

from __future__ import annotations

import shutil
from functools import cache
from importlib.resources import files
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import apsw

from outfall.errors import StoreError
from outfall.store.aside import write_aside
from outfall.store.attached import attach, copy_table, is_at
from outfall.store.backend import find_backend
from outfall.store.connection import ENDING, connect, run
from outfall.store.geopackage import drop_rows, has_geometry, make_table, put_rows, time_out
from outfall.store.live import LiveFile, make_tables
from outfall.store.loose import add_columns
from outfall.store.replay import last_seq, rows_at
from outfall.store.seal import GENESIS
from outfall.tables import contract, contracts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from outfall.store.backend import Backend, RowNow, Session, Store

__all__ = ["take_snapshot"]


_ABOUT = "snapshot"
_GEOPACKAGE = 0x47504B47  # "GPKG"
_RTREE = "http://www.geopackage.org/spec120/#extension_rtree"
_FEW = 1_000  # events that are always sooner added to an old snapshot than all rows written


class _Change(NamedTuple):
    """Keys that changed in a table, and the rows of those that are still there."""

    keys: list[str]
    rows: list[RowNow]


class _Old(NamedTuple):
    """The older snapshot, what changed since (None where all must be written), and the live file that has it all."""

    file: Path
    changes: dict[str, _Change] | None
    live: Path | None


def take_snapshot(path: Store, target: Path | str, *, as_of: datetime | int | None = None) -> Path:
    """Write every table that holds rows as one layer of a GeoPackage, aside and then moved into place.

    The layer ``snapshot`` says which event was the last one and its hash; ``verify_chain(path, head=...)`` takes it.

    Parameters
    ----------
    path : path, URL or open store
        The live store; a file is read through its own SQLite build only.
    target : path
        Ends in ``.gpkg``. An older snapshot is replaced.
    as_of : datetime with zone, or int, optional
        A time, or the seq of an event. Now by default.

    Returns
    -------
    Path
        The target.

    Raises
    ------
    StoreError
        The target is the live file or another live store, does not end in ``.gpkg``, or is being edited.
    ProjectError
        The older snapshot is open in another program, or the folder cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from outfall.store import create_store
    >>> folder = Path(tempfile.mkdtemp())
    >>> take_snapshot(create_store(folder / "county.outfalldb"), folder / "county.gpkg").name
    'county.gpkg'
    """
    file, store = Path(target), find_backend(path)
    _refuse_live(store, file)
    with store.reading() as session:
        last = last_seq(session, as_of)
        found = session.execute(
            "SELECT seq, recorded_at, hash FROM event WHERE seq <= ? ORDER BY seq DESC LIMIT 1", (last,)
        )
        about = found[0] if found else (0, None, GENESIS)
        changes = _changes(session, file) if as_of is None else None
        live = store.file if isinstance(store, LiveFile) and last == last_seq(session, None) else None
        return write_aside(file, lambda aside: _write(session, aside, about, _Old(file, changes, live)))


def _write(session: Session, aside: Path, about: Sequence[object], old: _Old) -> None:
    """Write a new file, or a copy of the old one with the rows changed since."""
    last = int(str(about[0]))
    if old.changes is not None:
        shutil.copyfile(old.file, aside)
    connection = connect(aside, apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE)
    try:
        for pragma in (
            "journal_mode = OFF",
            "synchronous = OFF",
        ):  # nobody sees the file before it is whole and flushed
            run(connection, f"PRAGMA {pragma}")
        is_attached = old.changes is None and old.live is not None
        if old.changes is None and old.live is not None:
            attach(connection, old.live)
        run(connection, "BEGIN")  # nothing is locked yet, least of all the live file
        for table, change in (old.changes or {}).items():
            _change_table(connection, table, change)
        if old.changes is None:
            _make_file(connection)
            ready = session.projections() if is_attached and is_at(connection, last) else []
            for table in contracts():
                if table in ready:
                    _finish_table(connection, table, copy_table(connection, table))
                else:
                    _write_table(connection, table, _rows(session, table, last))
        run(connection, f'DELETE FROM "{_ABOUT}"')  # noqa: S608
        row = (last, None if about[1] is None else time_out(str(about[1])), str(about[2]), 0)
        sql = f'INSERT INTO "{_ABOUT}" (seq, recorded_at, hash, file_change) VALUES (?, ?, ?, ?)'  # noqa: S608
        connection.execute(sql, row).fetchall()
        run(connection, "COMMIT")
        run(connection, f'UPDATE "{_ABOUT}" SET file_change = {_change_count(aside) + 1}')  # noqa: S608
    finally:
        connection.close()


def _rows(session: Session, table: str, last: int) -> Iterator[RowNow]:
    if last == last_seq(session, None) and table in session.projections():
        return session.rows_now(table)
    return rows_at(session, table, last=last)


def _write_table(connection: apsw.Connection, table: str, rows: Iterator[RowNow]) -> None:
    """Write a table as a layer; a table without rows is none."""
    first = next(rows, None)
    if first is None:
        return
    make_table(connection, table, is_live=False)
    extras: list[tuple[int, str]] = []
    put_rows(connection, table, _noting(chain([first], rows), extras), is_live=False)
    _finish_table(connection, table, extras)


def _finish_table(connection: apsw.Connection, table: str, extras: list[tuple[int, str]] | None) -> None:
    """Give a layer the columns the contract does not know, and what keeps its R-tree true; None where there is none."""
    if extras is None:
        return
    if extras:
        add_columns(connection, table, extras)
    if has_geometry(table):
        for statement in _triggers(table).values():
            run(connection, statement)
        values = (table, "geom", "gpkg_rtree_index", _RTREE, "write-only")
        connection.execute("INSERT INTO gpkg_extensions VALUES (?, ?, ?, ?, ?)", values).fetchall()


def _change_table(connection: apsw.Connection, table: str, change: _Change) -> None:
    """Bring the rows of some keys in a layer to what they are; its own triggers are not run meanwhile."""
    if has_geometry(table):
        for name in _triggers(table):
            run(connection, f'DROP TRIGGER "{name}"')
    drop_rows(connection, table, change.keys)
    put_rows(connection, table, change.rows, is_live=False)
    if has_geometry(table):
        for statement in _triggers(table).values():
            run(connection, statement)


def _noting(rows: Iterable[RowNow], extras: list[tuple[int, str]]) -> Iterator[RowNow]:
    for row in rows:
        if row.extra is not None:
            extras.append((row.fid, row.extra))
        yield row


def _make_file(connection: apsw.Connection) -> None:
    make_tables(connection)
    run(connection, f"PRAGMA application_id = {_GEOPACKAGE}")
    run(connection, "PRAGMA user_version = 10300")
    columns = "fid INTEGER PRIMARY KEY NOT NULL, seq INTEGER, recorded_at DATETIME, hash TEXT, file_change INTEGER"
    run(connection, f'CREATE TABLE "{_ABOUT}" ({columns})')
    about = "INSERT INTO gpkg_contents (table_name, data_type, identifier) VALUES (?, 'attributes', ?)"
    connection.execute(about, (_ABOUT, _ABOUT)).fetchall()


def _changes(session: Session, file: Path) -> dict[str, _Change] | None:
    """Return what changed since an older snapshot of this store; None where all must be written.

    That is where there is none, somebody edited it, too much changed, a layer came or went, or a changed layer has
    columns the contract does not know.
    """
    found = _read_about(file)
    if found is None:
        return None
    seq, head, layers = found
    known = session.execute(
        "SELECT hash, (SELECT COUNT(*) FROM event WHERE seq > ?) FROM event WHERE seq = ?", (seq, seq)
    )
    if not known or known[0][0] != head or int(str(known[0][1])) > max(_FEW, seq // 10):
        return None
    keys: dict[str, list[str]] = {}
    for table, key in session.execute("SELECT DISTINCT table_name, row_key FROM event WHERE seq > ?", (seq,)):
        if table in contracts():
            keys.setdefault(str(table), []).append(str(key))
    changes = {}
    for table, touched in keys.items():
        rows = list(session.rows_now(table, keys=touched))
        is_plain = layers.get(table) == len(contract(table).columns) + 1 + has_geometry(table)
        if not is_plain or any(row.extra for row in rows) or next(session.rows_now(table), None) is None:
            return None
        changes[table] = _Change(touched, rows)
    return changes


def _read_about(file: Path) -> tuple[int, str, dict[str, int]] | None:
    """Return the last seq and hash of an older snapshot and the columns of its layers; None where it was edited since."""
    if not file.is_file():
        return None
    if Path(f"{file}-wal").exists() and Path(f"{file}-wal").stat().st_size:
        msg = f"{file}: another program is writing to it; close it there and take the snapshot again"
        raise StoreError(msg)
    try:
        connection = apsw.Connection(str(file), flags=apsw.SQLITE_OPEN_READONLY)
        try:
            seq, head, count = connection.execute(f'SELECT seq, hash, file_change FROM "{_ABOUT}"').fetchall()[0]  # noqa: S608
            sql = "SELECT c.table_name, (SELECT COUNT(*) FROM pragma_table_info(c.table_name)) FROM gpkg_contents AS c"
            layers = {str(name): int(str(columns)) for name, columns in connection.execute(sql)}
        finally:
            connection.close()
    except (apsw.Error, IndexError, ValueError):
        return None
    is_ours = count == _change_count(file) and isinstance(seq, int) and isinstance(head, str)
    return (int(str(seq)), str(head), layers) if is_ours else None


def _change_count(file: Path) -> int:
    """Return how often an SQLite file was changed; minus one in WAL mode, where the count stands still."""
    with file.open("rb") as stream:
        head = stream.read(28)
    return int.from_bytes(head[24:28], "big") if head[18:20] == b"\x01\x01" else -1


@cache
def _triggers(table: str) -> dict[str, str]:
    """Return what keeps the R-tree true when people edit a snapshot in QGIS, by name."""
    text = files(__package__).joinpath("rtree_triggers.sql").read_text(encoding="utf-8")
    parts = [part.strip().removesuffix(";") for part in text.replace("{t}", table).split("\n\n") if part.strip()]
    return {part.split('"')[1]: part for part in parts}


def _refuse_live(store: Backend, target: Path) -> None:
    live, real = Path(store.name), target.resolve()
    is_same = real == live.resolve() or (target.exists() and live.exists() and target.samefile(live))
    if is_same or ENDING in real.name.casefold():
        msg = f"{target}: this is a live store; a second program that opens it can lose committed rows. Write the snapshot to another file"
        raise StoreError(msg)
    if target.suffix.casefold() != ".gpkg":
        msg = f"{target}: a snapshot is a GeoPackage; end its name in .gpkg"
        raise StoreError(msg)
