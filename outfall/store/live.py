"""The store as one file: SQLite behind the border of ``outfall.store.backend``."""

from __future__ import annotations

import re
import secrets
from contextlib import contextmanager, nullcontext
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Self

import apsw

from outfall.errors import StoreError
from outfall.store import geopackage
from outfall.store.backend import Dialect
from outfall.store.connection import (
    APPLICATION_ID,
    SCHEMA_VERSION,
    choose_journal,
    close,
    commit,
    connect,
    find_version,
    is_remote,
    named,
    run,
    spoken,
)
from outfall.store.guard import holds_lock, refuse_if_lost, watched
from outfall.store.light import find_light
from outfall.store.migrate import migrate
from outfall.store.reference import UNDEFINED
from outfall.store.replay import project_table
from outfall.tables import contracts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from outfall.store.backend import Box, Line, RowNow, Session
    from outfall.store.found import Found

__all__ = ["LiveFile", "LiveSession", "open_live"]

_RTREE = ("", "_node", "_parent", "_rowid")
_PAGE_BYTES = 16_384  # an event takes about one kilobyte: four times fewer pages to log, split and copy
_DIALECT = Dialect("sqlite", "json_each(?) AS k")


class LiveSession:
    """One transaction on a live file."""

    dialect = _DIALECT

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def execute(self, sql: str, values: Sequence[object] = ()) -> list[Line]:
        """Run one statement and return all its rows."""
        return self._connection.execute(sql, tuple(values)).fetchall()

    def stream(self, sql: str, values: Sequence[object] = ()) -> Iterator[Line]:
        """Run one statement and yield its rows, without holding them all."""
        yield from self._connection.execute(sql, tuple(values))

    def executemany(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        """Run one statement for every row of values."""
        self._connection.executemany(sql, rows).fetchall()

    def copy(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Insert many rows the fastest way there is."""
        names, marks = ", ".join(f'"{name}"' for name in columns), ", ".join("?" * len(columns))
        self._connection.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 0)  # a plain INSERT never replaces: keys refuse it
        try:
            self.executemany(f'INSERT INTO "{table}" ({names}) VALUES ({marks})', rows)  # noqa: S608
        finally:
            self._connection.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 1)

    def put_rows(self, table: str, rows: Iterable[RowNow]) -> None:
        """Insert or overwrite rows of a projection, by key; make the projection where it is not there yet."""
        if table not in self.projections():
            geopackage.clear_rows(self._connection, table)
        geopackage.put_rows(self._connection, table, rows)

    def drop_rows(self, table: str, keys: Iterable[str]) -> None:
        """Remove rows of a projection; keys it does not have are passed over."""
        gone = list(keys)
        if gone and table in self.projections():
            geopackage.drop_rows(self._connection, table, gone)

    def clear_rows(self, table: str) -> None:
        """Make a projection empty and of today's columns."""
        geopackage.clear_rows(self._connection, table)

    def rows_now(self, table: str, *, keys: Sequence[str] | None = None, box: Box | None = None) -> Iterator[RowNow]:
        """Yield the rows of a projection by fid; a box yields at least the rows that touch it."""
        return geopackage.find_rows(self._connection, table, keys=keys, box=box)

    def rows_light(
        self, table: str, *, keys: Sequence[str] | None = None, box: Box | None = None
    ) -> list[Found] | None:
        """Return rows as they are now by fid, those that touch a box exactly; None where there is no short way."""
        return find_light(self._connection, table, keys=keys, box=box)

    def projections(self) -> list[str]:
        """Return the tables that have a projection of today's columns, in the order of the contracts."""
        return geopackage.tables_now(self._connection)


class LiveFile:
    """A store in one ``.outfalldb`` file.

    Parameters
    ----------
    path : path
        The file.
    reader, writer : connection, optional
        Connections that stay open between transactions.
    """

    def __init__(
        self, path: Path | str, *, reader: apsw.Connection | None = None, writer: apsw.Connection | None = None
    ) -> None:
        self.file = named(path)
        self.name = str(self.file)
        self._reader = reader
        self._writer = writer

    def create(self) -> None:
        """Make the store where there is none; keep one that is there."""
        with spoken(self.file):
            self.file.parent.mkdir(parents=True, exist_ok=True)
            connection = connect(self.file, apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE)
            try:
                if find_version(connection, self.file):
                    return
                run(connection, f"PRAGMA page_size = {_PAGE_BYTES}")
                choose_journal(connection, self.file)
                run(connection, "BEGIN IMMEDIATE")
                if not find_version(connection, self.file):
                    make_schema(connection)
                run(connection, "COMMIT")
            finally:
                connection.close()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Hold one consistent moment of the file."""
        with spoken(self.file), self._connected("_reader") as connection:
            run(connection, "BEGIN")
            try:
                yield LiveSession(connection)
            finally:
                run(connection, "ROLLBACK")

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Write all or nothing; wait up to 30 s for another writer."""
        with spoken(self.file), self._connected("_writer") as connection:
            session = LiveSession(connection)
            problems = schema_problems(connection)
            if problems:
                msg = f"{self.file}: {'; '.join(problems)}; nothing is written to a store whose guards were changed. Copy its rows to a new store"
                raise StoreError(msg)
            run(connection, "BEGIN IMMEDIATE")
            is_wal = connection.pragma("journal_mode") == "wal"
            is_seen = holds_lock(self.file, is_wal=is_wal)
            try:
                yield session
                if is_seen:
                    refuse_if_lost(self.file, is_wal=is_wal)
            except BaseException:
                if connection.in_transaction:
                    run(connection, "ROLLBACK")
                raise
            commit(connection, self.file)

    def problems(self, session: Session) -> list[str]:
        """Say what in the schema or the file is not as we made it."""
        found = [str(row[0]) for row in session.execute("PRAGMA integrity_check(5)")]
        return _schema_problems(session) or [text for text in found if text != "ok"]

    @contextmanager
    def keep_open(self) -> Iterator[Self]:
        """Hold one connection for reads and one for writes until the end."""
        with open_live(self.file) as reader, open_live(self.file) as writer:
            run(reader, "PRAGMA query_only = ON")
            yield type(self)(self.file, reader=reader, writer=writer)

    def _connected(self, role: str) -> AbstractContextManager[apsw.Connection]:
        kept: apsw.Connection | None = getattr(self, role)
        return self._opened(role) if kept is None else nullcontext(kept)

    @contextmanager
    def _opened(self, role: str) -> Iterator[apsw.Connection]:
        with open_live(self.file) as connection:
            if role == "_reader":
                run(connection, "PRAGMA query_only = ON")
            yield connection


@contextmanager
def open_live(path: Path | str) -> Iterator[apsw.Connection]:
    """Open an existing live file under the connection contract, and close it again."""
    file = named(path)
    if not file.is_file():
        msg = f"{file}: there is no store; make one with create_store, or look for the folder that has it"
        raise StoreError(msg)
    with spoken(file), watched(file):
        connection = connect(file, apsw.SQLITE_OPEN_READWRITE)
        try:
            if not find_version(connection, file):
                msg = f"{file}: the store is empty because its creation was interrupted; run create_store again"
                raise StoreError(msg)
            if find_version(connection, file) < SCHEMA_VERSION:
                _migrate(connection, file)
            if connection.pragma("journal_mode") == "wal" and is_remote(file):
                choose_journal(connection, file)  # it was copied to a network drive
            yield connection
        finally:
            close(connection)


def make_tables(connection: apsw.Connection) -> None:
    """Make the tables every GeoPackage has, inside the transaction that is open."""
    for name, statement in _statements().items():
        if name.startswith("gpkg_"):
            run(connection, statement)
    systems = [(name, number, "NONE", number, "undefined", None) for number, name in UNDEFINED.items()]
    connection.executemany("INSERT INTO gpkg_spatial_ref_sys VALUES (?, ?, ?, ?, ?, ?)", systems).fetchall()


def make_schema(connection: apsw.Connection) -> None:
    """Make the log in an empty file, inside the transaction that is open."""
    for name, statement in _statements().items():
        if not name.startswith("gpkg_"):
            run(connection, statement)
    make_tables(connection)
    connection.execute("INSERT INTO setting VALUES ('device', ?)", (secrets.token_hex(8),)).fetchall()
    run(connection, f"PRAGMA application_id = {APPLICATION_ID}")
    run(connection, f"PRAGMA user_version = {SCHEMA_VERSION}")


def _migrate(connection: apsw.Connection, file: Path) -> None:
    """Bring a store of an earlier version to today's, all or nothing; another program may have done it meanwhile."""
    run(connection, "BEGIN IMMEDIATE")
    try:
        if find_version(connection, file) < SCHEMA_VERSION:
            migrate(connection, file, make_schema)
            session = LiveSession(connection)
            for (table,) in session.execute("SELECT DISTINCT table_name FROM event"):
                if table in contracts():
                    project_table(session, str(table))
    except BaseException:
        if connection.in_transaction:
            run(connection, "ROLLBACK")
        raise
    run(connection, "COMMIT")


def schema_problems(connection: apsw.Connection) -> list[str]:
    """Say what in the schema is not ours: a guard that was removed, a trigger that somebody added."""
    return _schema_problems(LiveSession(connection))


def _schema_problems(session: Session) -> list[str]:
    rows = session.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE sql IS NOT NULL")
    found = {str(name): _plain_sql(str(sql)) for _, name, _, sql in rows}
    expected = {name: _plain_sql(sql) for name, sql in _statements().items()}
    problems = [f"{name!r} was removed" for name in expected if name not in found]
    problems += [f"{name!r} was changed" for name, sql in expected.items() if found.get(name, sql) != sql]
    ours = {name for table in contracts() for name in (table, *(f"rtree_{table}_geom{part}" for part in _RTREE))}
    added = [
        name for kind, name, of, _ in rows if name not in expected and not (kind in ("table", "index") and of in ours)
    ]
    return problems + [f"{name!r} was added" for name in added]


def _plain_sql(text: str) -> str:
    return " ".join(text.split())


@cache
def _statements() -> dict[str, str]:
    text = files(__package__).joinpath("schema.sql").read_text(encoding="utf-8")
    whole = [part.strip().removesuffix(";") for part in re.split(r"\n\n", text) if part.strip()]
    return {re.sub("UNIQUE ", "", part, count=1).split()[2]: part for part in whole}
