"""A disk that fails when it is told to: an SQLite VFS that ends the process, or refuses, at the N-th write or sync."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

import apsw

EXIT_CODE = 77
EXITS = ("exit", "exit_half", "exit_after")
ERRORS = ("full", "short", "io", "fsync")
_NAME = "failing"


@dataclass
class Plan:
    """What happens at which write, sync, truncate or delete, counted from one; ``at`` 0 only counts.

    ``exit`` ends the process before the operation, ``exit_half`` after half of a write, ``exit_after`` behind it.
    ``full``, ``io`` and ``fsync`` refuse with that error, ``short`` writes a half and is then full. A disk that ``stays``
    broken refuses from then on. ``is_power_cut`` also takes back what was written and not yet synced.
    """

    at: int = 0
    kind: str = "exit"
    stays: bool = False
    is_power_cut: bool = False
    done: int = 0
    seen: list[str] = field(default_factory=list)
    undo: dict[str, list[tuple[int, bytes, int]]] = field(default_factory=dict)

    def reset(self, at: int, kind: str, *, stays: bool = False, is_power_cut: bool = False) -> None:
        """Start to count anew."""
        self.at, self.kind, self.stays, self.is_power_cut, self.done = at, kind, stays, is_power_cut, 0
        self.seen.clear()
        self.undo.clear()

    def is_now(self, operation: str, name: str) -> bool:
        """Count an operation and return whether it is the one that fails."""
        self.done += 1
        self.seen.append(f"{operation} {Path(name).suffix}")
        return self.done == self.at or (self.stays and 0 < self.at <= self.done)

    def leave(self) -> None:
        """End the process as kill -9 does; in a power cut what no sync has confirmed is gone too."""
        for name, writes in self.undo.items():
            if Path(name).exists():
                _take_back(name, writes)
        os._exit(EXIT_CODE)


def _take_back(name: str, writes: list[tuple[int, bytes, int]]) -> None:
    with Path(name).open("r+b") as file:
        for offset, before, size in reversed(writes):
            file.seek(offset)
            file.write(before)
            file.truncate(size)


class Disk(apsw.VFS):
    """The failing disk; once made, every connection of the process uses it."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        super().__init__(_NAME, "unix", makedefault=True)

    def xOpen(self, name, flags):  # noqa: N802
        return _File(self.plan, name, flags)

    def xDelete(self, name, sync):  # noqa: N802
        if self.plan.is_now("delete", name):
            if self.plan.kind in ("exit", "exit_half"):
                self.plan.leave()
            if self.plan.kind in ERRORS:
                raise apsw.exception_for(apsw.SQLITE_IOERR_DELETE)
            super().xDelete(name, sync)
            self.plan.leave()
        self.plan.undo.pop(name, None)
        super().xDelete(name, sync)


class _File(apsw.VFSFile):
    def __init__(self, plan: Plan, name, flags) -> None:
        self.plan = plan
        self.name = name.filename() if isinstance(name, apsw.URIFilename) else str(name)
        super().__init__("unix", name, flags)

    def _note(self, offset: int, length: int) -> None:
        """Keep what a write covers, read through this same handle, since a second one would drop SQLite's locks."""
        if self.plan.is_power_cut:
            size = self.xFileSize()
            before = super().xRead(max(0, min(length, size - offset)), offset) if offset < size else b""
            self.plan.undo.setdefault(self.name, []).append((offset, before, size))

    def xWrite(self, data, offset):  # noqa: N802
        self._note(offset, len(data))
        if self.plan.is_now("write", self.name):
            if self.plan.kind in ("exit_half", "short"):
                super().xWrite(bytes(data)[: len(data) // 2], offset)
            elif self.plan.kind == "exit_after":
                super().xWrite(data, offset)
            self._fail(apsw.SQLITE_IOERR_WRITE)
        super().xWrite(data, offset)

    def xSync(self, flags):  # noqa: N802
        if self.plan.is_now("sync", self.name):
            if self.plan.kind == "exit_after":
                super().xSync(flags)
                self.plan.undo.pop(self.name, None)
            self._fail(apsw.SQLITE_IOERR_FSYNC)
        super().xSync(flags)
        self.plan.undo.pop(self.name, None)

    def xTruncate(self, size):  # noqa: N802
        self._note(size, self.xFileSize() - size)
        if self.plan.is_now("truncate", self.name):
            if self.plan.kind == "exit_after":
                super().xTruncate(size)
            self._fail(apsw.SQLITE_IOERR_TRUNCATE)
        super().xTruncate(size)

    def _fail(self, code: int) -> None:
        if self.plan.kind in EXITS:
            self.plan.leave()
        raise apsw.exception_for(apsw.SQLITE_FULL if self.plan.kind in ("full", "short") else code)
