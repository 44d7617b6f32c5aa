"""How the live file is opened: by one SQLite build, in one way, so that no committed row is ever lost.

The rules and the failures behind them: a second SQLite build in the same process (GDAL, the standard library) drops the
locks of the first; SQLite before 3.51.3 can lose commits in WAL mode; a pragma whose cursor is not read to its end may
not run; without ``recursive_triggers`` a REPLACE passes the triggers that keep the log append-only.
"""

from __future__ import annotations

import os
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import apsw

from outfall.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "APPLICATION_ID",
    "ENDING",
    "SCHEMA_VERSION",
    "choose_journal",
    "close",
    "commit",
    "connect",
    "find_version",
    "is_remote",
    "named",
    "run",
    "spoken",
]

ENDING = ".outfalldb"
APPLICATION_ID = 0x4F555446  # "OUTF"
SCHEMA_VERSION = 2
_OLDEST_SQLITE = (3, 51, 3)
_BUSY_MS = 30_000
_CACHE_KIB = 65_536
_REMOTE = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "9p", "davfs"} | {
    "fuse.sshfs",
    "fuse.rclone",
    "fuse.davfs2",
    "vboxsf",
}


def named(path: Path | str) -> Path:
    """Return the path of a live store; refuse another ending."""
    file = Path(path)
    if file.suffix.casefold() != ENDING:
        msg = f"{file}: a live store ends in {ENDING}, so that no other program opens it; choose {file.stem}{ENDING}"
        raise StoreError(msg)
    return file


def connect(file: Path, flags: int) -> apsw.Connection:
    """Open a file under the connection contract."""
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
        f"cache_size = -{_CACHE_KIB}",
    ):
        run(connection, f"PRAGMA {pragma}")
    return connection


def find_version(connection: apsw.Connection, file: Path) -> int:
    """Return the schema version of a store, 0 where the file holds nothing yet; refuse one that is not ours."""
    application_id = connection.pragma("application_id")
    version = int(str(connection.pragma("user_version")))
    if application_id == 0 and version == 0 and connection.pragma("schema_version") == 0:
        return 0
    if application_id != APPLICATION_ID or version < 1:
        msg = f"{file}: this is an SQLite file of another program (application id {application_id}); choose another name for the store"
        raise StoreError(msg)
    if version > SCHEMA_VERSION:
        msg = f"{file}: the store has version {version}, this program reads version {SCHEMA_VERSION}; run: python -m pip install -U outfall"
        raise StoreError(msg)
    return version


def choose_journal(connection: apsw.Connection, file: Path) -> None:
    """Choose WAL on a local disk and DELETE on a network drive."""
    mode = "DELETE" if is_remote(file) else "WAL"
    until = time.monotonic() + _BUSY_MS / 1000
    while True:  # the change of mode does not wait for another process that changes it too
        try:
            run(connection, f"PRAGMA journal_mode = {mode}")
        except apsw.BusyError:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)
        else:
            return


def is_remote(file: Path) -> bool:
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
def spoken(file: Path) -> Iterator[None]:
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
    except UnicodeDecodeError as error:
        msg = f"{file}: the file is damaged, a text in it is none ({error}); restore it from a backup or rebuild it from the inputs"
        raise StoreError(msg) from error
    except apsw.Error as error:
        msg = f"{file}: SQLite refuses ({error}); nothing was written"
        raise StoreError(msg) from error


def commit(connection: apsw.Connection, file: Path) -> None:
    """Commit; where the disk fails at that very moment, say that what was written may still come to count."""
    try:
        run(connection, "COMMIT")
    except apsw.Error as error:
        if connection.in_transaction:
            with suppress(apsw.Error):
                run(connection, "ROLLBACK")
        if isinstance(error, apsw.BusyError):
            raise
        msg = (
            f"{file}: the disk failed while the rows were being saved ({error or type(error).__name__}), and nobody knows "
            "yet whether they were; when the disk is sound again save them again: what was saved is not written twice"
        )
        raise StoreError(msg) from error


def close(connection: apsw.Connection) -> None:
    """Close a file; where the disk fails now the rows are in the write-ahead log, which the next to open it reads."""
    with suppress(apsw.Error):
        connection.close()


def run(connection: apsw.Connection, statement: str) -> None:
    """Run a statement to its end; a pragma whose cursor is not read to its end may not run."""
    connection.execute(statement).fetchall()
