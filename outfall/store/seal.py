"""How events are chained, so that no later change of the log passes unseen."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from outfall.errors import StoreError
from outfall.store.live import read_transaction, schema_problems

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import apsw

__all__ = ["COLUMNS", "GENESIS", "SELECT", "digest", "verify_chain"]

COLUMNS = (
    "seq",
    "event_id",
    "recorded_at",
    "actor",
    "kind",
    "table_name",
    "row_key",
    "body",
    "reason",
    "source_ref",
    "prev_hash",
    "hash",
)
SELECT = "SELECT seq, event_id, recorded_at, actor, kind, table_name, row_key, body, reason, source_ref, prev_hash, hash FROM event"
GENESIS = "0" * 64


def verify_chain(path: Path | str, *, head: str | None = None) -> str:
    """Check that no event was changed, removed or put in between, and return the hash of the last one.

    A log whose end was cut off still is a good chain; give the hash of an earlier check as ``head`` to rule that out.

    Parameters
    ----------
    path : path
        The live store.
    head : str, optional
        Hash that must still be in the log, as an earlier call or a snapshot gave it.

    Returns
    -------
    str
        SHA-256 of the last event, 64 zeros where there is none.

    Raises
    ------
    StoreError
        Names the first event that is not what was written, or the guard that was removed.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from outfall.store import create_store
    >>> verify_chain(create_store(pathlib.Path(tempfile.mkdtemp()) / "county.outfalldb"))[:8]
    '00000000'
    """
    with read_transaction(path) as connection:
        last, clock, is_found = GENESIS, "", head in (None, GENESIS)
        for count, event in enumerate(connection.execute(f"{SELECT} ORDER BY seq"), start=1):
            problem = _broken(event, count, last, clock)
            if problem:
                msg = f"{path}: event {count} {problem}; what follows it cannot be trusted. Restore the store from a backup"
                raise StoreError(msg)
            last, clock = str(event[11]), str(event[2])
            is_found = is_found or last == head
        problems = schema_problems(connection) or _file_problems(connection)
    if not is_found:
        msg = f"{path}: no event has the hash {head}; the end of the log was cut off or written anew. Restore the store from a backup"
        raise StoreError(msg)
    if problems:
        msg = f"{path}: every event is whole, but {'; '.join(problems)}; copy the rows to a new store"
        raise StoreError(msg)
    return last


def digest(parts: Sequence[object]) -> str:
    """Return SHA-256 over the parts, each behind its length so that no two events read alike."""
    whole = "".join("-" if part is None else f"{len(str(part))}:{part}" for part in parts)
    return hashlib.sha256(whole.encode("utf-8")).hexdigest()


def _broken(event: Sequence[object], seq: int, last: str, clock: str) -> str:
    if event[0] != seq:
        return f"is missing (the next one is {event[0]})"
    if event[10] != last:
        return "does not follow the one before it"
    if event[11] != digest(event[:11]):
        return f"was changed after it was written (row {event[6]!r} of {event[5]})"
    return "is older than the one before it" if str(event[2]) < clock else ""


def _file_problems(connection: apsw.Connection) -> list[str]:
    found = connection.execute("PRAGMA integrity_check(5)").fetchall()
    return [str(row[0]) for row in found if row[0] != "ok"]
