"""Who may touch a live file: only our one SQLite; whatever else in this process opens it makes us lose our locks.

POSIX locks belong to the process: when any code closes a descriptor of a file, all locks of the process on that file
are gone, and another process may write at the same time. While a store is open here, ``open``, ``sqlite3``, ``shutil``
and the like are refused on it and on its ``-wal`` and ``-shm`` by an audit hook. Libraries in C (GDAL) pass no hook;
what they did is found before a commit, by looking whether our lock still stands in ``/proc/locks``.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from outfall.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["holds_lock", "refuse_if_lost", "watched"]

_EVENTS = {"open": 1, "sqlite3.connect": 1, "os.rename": 2, "os.remove": 1, "os.truncate": 1, "os.link": 2}
_BESIDE = ("-wal", "-shm", "-journal")
_LOCKS = Path("/proc/locks")
_WAL_WRITE_BYTE, _RESERVED_BYTE = 120, 0x40000001
_Inode = tuple[int, int]
_opened: Counter[_Inode] = Counter()
_hooks: list[object] = []


@contextmanager
def watched(file: Path) -> Iterator[None]:
    """Refuse everybody else in this process a file while it is open here."""
    inode = _inode(str(file))
    if not _hooks:
        _hooks.append(_refuse)
        sys.addaudithook(_refuse)
    if inode is not None:
        _opened[inode] += 1
    try:
        yield
    finally:
        if inode is not None:
            _opened[inode] -= 1
            if not _opened[inode]:
                del _opened[inode]


def holds_lock(file: Path, *, is_wal: bool) -> bool:
    """Return whether the system shows a write lock of this process on a live file; False where it shows no locks."""
    locked, byte = (Path(f"{file}-shm"), _WAL_WRITE_BYTE) if is_wal else (file, _RESERVED_BYTE)
    inode = _inode(str(locked))
    if inode is None or not _LOCKS.exists():
        return False
    mine = (str(os.getpid()), f"{os.major(inode[0]):02x}:{os.minor(inode[0]):02x}:{inode[1]}")
    lines = (line.split() for line in _LOCKS.read_text(encoding="ascii").splitlines())
    return any(
        (part[4], part[5]) == mine
        and part[3] == "WRITE"
        and int(part[6]) <= byte
        and (part[7] == "EOF" or byte <= int(part[7]))
        for part in lines
        if len(part) == 8
    )


def refuse_if_lost(file: Path, *, is_wal: bool) -> None:
    """Refuse to commit where a lock that was held at the begin is gone."""
    if not holds_lock(file, is_wal=is_wal):
        msg = (
            f"{file}: another library in this process opened the live file and so dropped its lock; nothing was written. "
            "Never give a live store to GDAL, pyogrio or geopandas: read a snapshot (take_snapshot) instead, then save again"
        )
        raise StoreError(msg)


def _refuse(event: str, values: tuple[object, ...]) -> None:
    if not _opened or event not in _EVENTS:
        return
    for value in values[: _EVENTS[event]]:
        name = _name(value)
        if name is not None and _is_open(name):
            msg = (
                f"{name}: this is a live store that is open here; {event} on it would drop its locks and lose rows. "
                "Read it with read_rows, copy it with back_up, hand it out with take_snapshot"
            )
            raise StoreError(msg)


def _name(value: object) -> str | None:
    if isinstance(value, bytes):
        value = os.fsdecode(value)
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if not isinstance(value, str) or "\x00" in value:
        return None
    return value.removeprefix("file:").partition("?")[0] if value.startswith("file:") else value


def _is_open(name: str) -> bool:
    names = [name, *(name.removesuffix(end) for end in _BESIDE if name.endswith(end))]
    return any(_inode(one) in _opened for one in names)


def _inode(name: str) -> _Inode | None:
    try:
        found = os.stat(name)  # noqa: PTH116 (a name may be no path)
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino
