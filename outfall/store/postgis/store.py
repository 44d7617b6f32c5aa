"""The store in a schema of a PostGIS database: how it is made, guarded, locked and left."""

from __future__ import annotations

import secrets
import zlib
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Self

from outfall.errors import StoreError
from outfall.store.connection import SCHEMA_VERSION
from outfall.store.postgis.address import read_address
from outfall.store.postgis.refusals import spoken
from outfall.store.postgis.session import PostgisSession

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

    from outfall.store.backend import Session

__all__ = ["PostgisStore"]

_LOCK = 0x4F555446  # "OUTF"
_SETTINGS = {
    "application_name": "outfall",
    "lock_timeout": "30s",
    "statement_timeout": "15min",
    "idle_in_transaction_session_timeout": "60min",
    "client_encoding": "UTF8",
    "TimeZone": "UTC",
    "synchronous_commit": "on",
}
_GUARDS = """
SELECT t.tgname::text, t.tgenabled::text, t.tgtype::int, p.proname::text, p.prosrc
FROM pg_trigger AS t JOIN pg_proc AS p ON p.oid = t.tgfoid
WHERE t.tgrelid = to_regclass('event') AND NOT t.tgisinternal
"""
_COLUMNS = """
SELECT attname::text, format_type(atttypid, atttypmod) || CASE WHEN attnotnull THEN ' NOT NULL' ELSE '' END
FROM pg_attribute WHERE attrelid = to_regclass('event') AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""
_RULES = "SELECT rulename::text FROM pg_rewrite WHERE ev_class = to_regclass('event')"
_EXPECTED = {
    "event_is_never_changed": (27, "refuse_change"),  # before, row, update, delete
    "event_is_never_emptied": (34, "refuse_change"),  # before, statement, truncate
    "event_follows_the_last": (4, "refuse_gap"),  # after, statement, insert
}


class PostgisStore:
    """A store in one schema of a PostGIS database.

    Parameters
    ----------
    url : str
        ``postgresql://user:password@host:5432/database?schema=outfall``.
    """

    def __init__(self, url: str) -> None:
        self._address = read_address(url)
        self.name = self._address.name
        self._url = url
        self._kept: psycopg.Connection | None = None

    def __repr__(self) -> str:
        """Return the address without its password."""
        return f"PostgisStore({self.name!r})"

    __str__ = __repr__

    def create(self) -> None:
        """Make the store where there is none; keep one that is there."""
        with spoken(self._address), self._connected() as connection, connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s, %s)", self._lock)
            if self._version(connection):
                return
            schema = self._address.schema
            if connection.execute("SELECT 1 FROM pg_extension WHERE extname = 'postgis'").fetchone() is None:
                connection.execute("CREATE EXTENSION postgis")
            connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"'.encode())
            self._settle(connection)
            for statement in _statements():
                connection.execute(statement.encode())
            connection.execute("INSERT INTO setting VALUES ('device', %s)", (secrets.token_hex(8),))
            connection.execute(f"COMMENT ON TABLE event IS 'outfall store, version {SCHEMA_VERSION}'".encode())

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Hold one consistent moment of the store."""
        with spoken(self._address), self._connected() as connection:
            self._require(connection)
            connection.execute("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            try:
                yield PostgisSession(connection)
            finally:
                _end(connection)

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Write all or nothing, one writer at a time in the order they came; wait up to 30 s for another."""
        with spoken(self._address) as progress, self._connected() as connection:
            self._require(connection)
            connection.execute("BEGIN TRANSACTION ISOLATION LEVEL READ COMMITTED")
            try:
                connection.execute("SELECT pg_advisory_xact_lock(%s, %s)", self._lock)
                session = PostgisSession(connection)
                self._require_guards(session)
                yield session
            except BaseException:
                _end(connection)
                raise
            progress.is_committing = True
            connection.execute("COMMIT")
            progress.is_committing = False

    def problems(self, session: Session) -> list[str]:
        """Say what in the schema is not as we made it: a guard that was removed or switched off, a trigger added."""
        sources = {name: body for name, body in (_function(one) for one in _statements()) if name}
        found = {str(row[0]): row[1:] for row in session.execute(_GUARDS)}
        expected = {name: ("A", kind, function, sources[function]) for name, (kind, function) in _EXPECTED.items()}
        problems = [f"{name!r} was removed" for name in expected if name not in found]
        problems += [f"{name!r} was changed" for name in expected if found.get(name, expected[name]) != expected[name]]
        problems += [f"{name!r} was added" for name in found if name not in expected]
        problems += [f"{row[0]!r} was added" for row in session.execute(_RULES)]
        columns = [(str(name), str(kind)) for name, kind in session.execute(_COLUMNS)]
        return problems + ([] if columns == _event_columns() else ["the columns of 'event' were changed"])

    @contextmanager
    def keep_open(self) -> Iterator[Self]:
        """Hold one connection for all transactions until the end."""
        kept = type(self)(self._url)
        with spoken(self._address), self._connected() as connection:
            self._require(connection)
            kept._kept = connection  # noqa: SLF001  (of our own class)
            yield kept

    def _require_guards(self, session: Session) -> None:
        problems = self.problems(session)
        if problems:
            msg = f"{self.name}: {'; '.join(problems)}; nothing is written to a store whose guards were changed. Copy its rows to a new store"
            raise StoreError(msg)

    @property
    def _lock(self) -> tuple[int, int]:
        return _LOCK, zlib.crc32(self._address.schema.encode()) - 2**31

    @contextmanager
    def _connected(self) -> Iterator[psycopg.Connection]:
        if self._kept is not None:
            yield self._kept
            return
        import psycopg

        options = {"connect_timeout": "10", "keepalives_idle": "30", **self._address.options}
        connection = psycopg.connect(autocommit=True, **options)  # type: ignore[arg-type]
        try:
            for name, value in _SETTINGS.items():
                connection.execute("SELECT set_config(%s, %s, false)", (name, value))
            self._settle(connection)
            yield connection
        finally:
            connection.close()

    def _settle(self, connection: psycopg.Connection) -> None:
        """Find names in our schema first, then where PostGIS is; never in one that somebody else can fill."""
        row = connection.execute(
            "SELECT n.nspname FROM pg_extension AS e JOIN pg_namespace AS n ON n.oid = e.extnamespace WHERE extname = 'postgis'"
        ).fetchone()
        where = f', "{row[0]}"' if row else ""
        connection.execute(
            "SELECT set_config('search_path', %s, false)", (f'"{self._address.schema}"{where}, pg_temp',)
        )

    def _require(self, connection: psycopg.Connection) -> None:
        if not self._version(connection):
            msg = f"{self.name}: there is no store; make one with create_store, or name the schema that has it (?schema=...)"
            raise StoreError(msg)

    def _version(self, connection: psycopg.Connection) -> int:
        """Return the schema version of the store, 0 where there is none; refuse what is not ours."""
        regclass = f'"{self._address.schema}".event'
        row = connection.execute(
            "SELECT to_regclass(%s) IS NOT NULL, obj_description(to_regclass(%s), 'pg_class')", (regclass, regclass)
        ).fetchone()
        if row is None or not row[0]:
            return 0
        head, _, version = str(row[1]).rpartition(" ")
        if head != "outfall store, version" or not version.isdigit():
            msg = f"{self.name}: the schema has a table 'event' of another program; choose another schema (?schema=...)"
            raise StoreError(msg)
        if int(version) != SCHEMA_VERSION:
            msg = f"{self.name}: the store has version {version}, this program reads version {SCHEMA_VERSION}; run: python -m pip install -U outfall"
            raise StoreError(msg)
        return int(version)


def _end(connection: psycopg.Connection) -> None:
    if not connection.closed and not connection.broken:
        connection.execute("ROLLBACK")


@cache
def _statements() -> tuple[str, ...]:
    text = files(__package__).joinpath("schema.sql").read_text(encoding="utf-8")
    return tuple(part.strip().removesuffix(";") for part in text.split(";\n\n") if part.strip())


def _function(statement: str) -> tuple[str, str]:
    """Return the name and the body of a function that a statement makes; empty names where it makes none."""
    head, _, rest = statement.partition("$$")
    return (head.split()[2].removesuffix("()"), rest.rpartition("$$")[0]) if rest else ("", "")


def _event_columns() -> list[tuple[str, str]]:
    inside = _statements()[0].partition("(\n")[2]
    columns = [
        line.strip().rstrip(",") for line in inside.splitlines() if line.startswith("    ") and "CHECK" not in line
    ]
    must = ("NOT NULL", "PRIMARY KEY")
    return [
        (line.split()[0], line.split()[1].lower() + (" NOT NULL" if any(word in line for word in must) else ""))
        for line in columns
    ]
