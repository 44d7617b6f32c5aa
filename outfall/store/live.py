"""How the live file is opened: by one SQLite build, in one way, so that no committed row is ever lost.

The rules and the failures behind them: a second SQLite build in the same process (GDAL, the standard library) drops the
locks of the first; SQLite before 3.51.3 can lose commits in WAL mode; a pragma whose cursor is not read to its end may
not run; without ``recursive_triggers`` a REPLACE passes the triggers that keep the log append-only.
"""

from __future__ import annotations

import os
import re
import time
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import apsw

from outfall.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["create_store", "open_live", "read_transaction", "schema_problems", "write_transaction"]

ENDING = ".outfalldb"
APPLICATION_ID = 0x4F555446  # "OUTF"
SCHEMA_VERSION = 1
_OLDEST_SQLITE = (3, 51, 3)
_BUSY_MS = 30_000
_REMOTE = {
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "afs",
    "9p",
    "davfs",
    "fuse.sshfs",
    "fuse.rclone",
    "fuse.davfs2",
    "vboxsf",
}


def create_store(path: Path | str) -> Path:
    """Make an empty store, or return the one that is already there.

    Parameters
    ----------
    path : path
        Ends in ``.outfalldb``; folders above it are made. On a local disk the file is in WAL mode, on a network drive
        in DELETE mode.

    Returns
    -------
    Path
        The path given.

    Raises
    ------
    StoreError
        The name has another ending, or another kind of file is there.

    Examples
    --------
    >>> import tempfile
    >>> create_store(Path(tempfile.mkdtemp()) / "county.outfalldb").name
    'county.outfalldb'
    """
    file = _named(path)
    with _spoken(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        connection = _connect(file, apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE)
        try:
            if not _is_new(connection, file):
                return file
            _choose_journal(connection, file)
            _run(connection, "BEGIN IMMEDIATE")
            if _is_new(connection, file):
                for statement in _statements().values():
                    _run(connection, statement)
                _run(connection, f"PRAGMA application_id = {APPLICATION_ID}")
                _run(connection, f"PRAGMA user_version = {SCHEMA_VERSION}")
            _run(connection, "COMMIT")
        finally:
            connection.close()
    return file


@contextmanager
def read_transaction(path: Path | str) -> Iterator[apsw.Connection]:
    """Open the live file and hold one consistent moment of it."""
    file = _named(path)
    with _spoken(file), open_live(file) as connection:
        _run(connection, "PRAGMA query_only = ON")
        _run(connection, "BEGIN")
        try:
            yield connection
        finally:
            _run(connection, "ROLLBACK")


@contextmanager
def write_transaction(path: Path | str) -> Iterator[apsw.Connection]:
    """Open the live file and write all or nothing; wait up to 30 s for another writer."""
    file = _named(path)
    with _spoken(file), open_live(file) as connection:
        problems = schema_problems(connection)
        if problems:
            msg = f"{file}: {'; '.join(problems)}; nothing is written to a store whose guards were changed. Copy its rows to a new store"
            raise StoreError(msg)
        _run(connection, "BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            if connection.in_transaction:
                _run(connection, "ROLLBACK")
            raise
        _run(connection, "COMMIT")


@contextmanager
def open_live(path: Path | str) -> Iterator[apsw.Connection]:
    """Open an existing live file under the connection contract, and close it again."""
    file = _named(path)
    if not file.is_file():
        msg = f"{file}: there is no store; make one with create_store, or look for the folder that has it"
        raise StoreError(msg)
    connection = _connect(file, apsw.SQLITE_OPEN_READWRITE)
    try:
        if _is_new(connection, file):
            msg = f"{file}: the store is empty because its creation was interrupted; run create_store again"
            raise StoreError(msg)
        if connection.pragma("journal_mode") == "wal" and _is_remote(file):
            _choose_journal(connection, file)  # it was copied to a network drive
        yield connection
    finally:
        connection.close()


def schema_problems(connection: apsw.Connection) -> list[str]:
    """Say what in the schema is not ours: a guard that was removed, a trigger that somebody added."""
    rows = connection.execute("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL").fetchall()
    found = {str(name): _plain_sql(str(sql)) for name, sql in rows}
    expected = {name: _plain_sql(sql) for name, sql in _statements().items()}
    problems = [f"{name!r} was removed" for name in expected if name not in found]
    problems += [f"{name!r} was changed" for name, sql in expected.items() if found.get(name, sql) != sql]
    return problems + [f"{name!r} was added" for name in found if name not in expected]


def _named(path: Path | str) -> Path:
    file = Path(path)
    if file.suffix.casefold() != ENDING:
        msg = f"{file}: a live store ends in {ENDING}, so that no other program opens it; choose {file.stem}{ENDING}"
        raise StoreError(msg)
    return file


def _connect(file: Path, flags: int) -> apsw.Connection:
    version = tuple(int(part) for part in apsw.sqlite_lib_version().split("."))
    if version < _OLDEST_SQLITE:
        msg = f"SQLite {apsw.sqlite_lib_version()} can lose committed rows (fixed in 3.51.3); run: python -m pip install -U apsw"
        raise StoreError(msg)
    connection = apsw.Connection(str(file), flags=flags)
    connection.set_busy_timeout(_BUSY_MS)
    connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)
    for pragma in (
        "synchronous = FULL",
        "foreign_keys = ON",
        "trusted_schema = OFF",
        "cell_size_check = ON",
        "recursive_triggers = ON",
        "temp_store = MEMORY",
    ):
        _run(connection, f"PRAGMA {pragma}")
    return connection


def _is_new(connection: apsw.Connection, file: Path) -> bool:
    """Return whether the file holds nothing yet; refuse one that is not ours."""
    application_id = connection.pragma("application_id")
    version = connection.pragma("user_version")
    if application_id == 0 and version == 0 and connection.pragma("schema_version") == 0:
        return True
    if application_id != APPLICATION_ID:
        msg = f"{file}: this is an SQLite file of another program (application id {application_id}); choose another name for the store"
        raise StoreError(msg)
    if version != SCHEMA_VERSION:
        msg = f"{file}: the store has version {version}, this program reads version {SCHEMA_VERSION}; run: python -m pip install -U outfall"
        raise StoreError(msg)
    return False


def _choose_journal(connection: apsw.Connection, file: Path) -> None:
    mode = "DELETE" if _is_remote(file) else "WAL"
    until = time.monotonic() + _BUSY_MS / 1000
    while True:  # the change of mode does not wait for another process that changes it too
        try:
            _run(connection, f"PRAGMA journal_mode = {mode}")
        except apsw.BusyError:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)
        else:
            return


def _is_remote(file: Path) -> bool:
    """Return whether the file lies on a network drive, where the shared memory of WAL does not work."""
    folder = file.resolve().parent
    if str(folder).startswith(("\\\\", "//")):
        return True
    if os.name == "nt":
        import ctypes

        return bool(ctypes.windll.kernel32.GetDriveTypeW(folder.anchor) == 4)  # type: ignore[attr-defined,unused-ignore]
    mounts = Path("/proc/self/mounts")
    if not mounts.exists():
        return False
    rows = [line.split(" ") for line in mounts.read_text(encoding="utf-8", errors="replace").splitlines()]
    kinds = {row[1].replace("\\040", " "): row[2] for row in rows if len(row) > 2}
    return next((kinds[str(at)] for at in (folder, *folder.parents) if str(at) in kinds), "") in _REMOTE


@contextmanager
def _spoken(file: Path) -> Iterator[None]:
    """Turn what SQLite and the system say into one sentence a person can act on."""
    try:
        yield
    except (apsw.BusyError, apsw.LockedError) as error:
        msg = f"{file}: another program has been writing for {_BUSY_MS // 1000} s; wait until it ends and try again. Nothing was written"
        raise StoreError(msg) from error
    except (apsw.CorruptError, apsw.NotADBError) as error:
        msg = f"{file}: the file is damaged or is not a store ({error}); restore it from a backup or rebuild it from the inputs"
        raise StoreError(msg) from error
    except apsw.FullError as error:
        msg = f"{file}: the disk is full; make room and try again. Nothing was written"
        raise StoreError(msg) from error
    except (apsw.ReadOnlyError, apsw.CantOpenError, apsw.PermissionsError, apsw.AuthError, PermissionError) as error:
        msg = f"{file}: the file or its folder cannot be written ({error}); choose another folder"
        raise StoreError(msg) from error
    except apsw.Error as error:
        msg = f"{file}: SQLite refuses ({error}); nothing was written"
        raise StoreError(msg) from error


def _run(connection: apsw.Connection, statement: str) -> None:
    connection.execute(statement).fetchall()


def _plain_sql(text: str) -> str:
    return " ".join(text.split())


@cache
def _statements() -> dict[str, str]:
    text = files(__package__).joinpath("schema.sql").read_text(encoding="utf-8")
    whole = [part.strip().removesuffix(";") for part in re.split(r"\n\n", text) if part.strip()]
    return {part.split()[2]: part for part in whole}
