"""How events are chained, so that no later change of the log passes unseen."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from outfall.errors import StoreError
from outfall.store.backend import find_backend

if TYPE_CHECKING:
    from collections.abc import Sequence

    from outfall.store.backend import Session, Store

__all__ = ["COLUMNS", "GENESIS", "SELECT", "Event", "digest", "measured", "name_event", "seal", "verify_chain"]

COLUMNS = (
    "seq",
    "event_id",
    "recorded_at",
    "valid_from",
    "valid_to",
    "hlc",
    "device",
    "device_seq",
    "actor",
    "kind",
    "table_name",
    "row_key",
    "base",
    "body",
    "reason",
    "source_ref",
    "prev_hash",
    "hash",
)
SELECT = f"SELECT {', '.join(COLUMNS)} FROM event"  # noqa: S608
GENESIS = "0" * 64


class Event(NamedTuple):
    """One event as it stands in the log."""

    seq: int
    event_id: str
    recorded_at: str
    valid_from: str | None
    valid_to: str | None
    hlc: str
    device: str
    device_seq: int
    actor: str
    kind: str
    table_name: str
    row_key: str
    base: str
    body: str | None
    reason: str
    source_ref: str
    prev_hash: str
    hash: str


def verify_chain(path: Store, *, head: str | None = None) -> str:
    """Check that no event was changed, removed or put in between, and return the hash of the last one.

    A log whose end was cut off still is a good chain; give the hash of an earlier check as ``head`` to rule that out.

    Parameters
    ----------
    path : path, URL or open store
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
    store = find_backend(path)
    with store.reading() as session:
        old = _OldChain(session)
        last, clock, is_found = GENESIS, "", head in (None, GENESIS)
        for count, line in enumerate(session.stream(f"{SELECT} ORDER BY seq"), start=1):
            event = Event._make(line)
            problem = _broken(event, count, last, clock) or old.follow(event)
            if problem:
                msg = f"{store.name}: event {count} {problem}; what follows it cannot be trusted. Restore the store from a backup"
                raise StoreError(msg)
            last, clock = event.hash, event.recorded_at
            is_found = is_found or head in (last, old.last)
        problems = store.problems(session)
    if not is_found:
        msg = f"{store.name}: no event has the hash {head}; the end of the log was cut off or written anew. Restore the store from a backup"
        raise StoreError(msg)
    if problems:
        msg = f"{store.name}: every event is whole, but {'; '.join(problems)}; copy the rows to a new store"
        raise StoreError(msg)
    return last


def digest(parts: Sequence[object]) -> str:
    """Return SHA-256 over the parts, each behind its length so that no two lists of parts read alike."""
    whole = "".join([measured(None if part is None else str(part)) for part in parts])
    return hashlib.sha256(whole.encode("utf-8")).hexdigest()


def measured(part: str | None) -> str:
    """Return a part of a digest behind its length."""
    return "-" if part is None else f"{len(part)}:{part}"


def name_event(event: Sequence[object]) -> str:
    """Return what names an event in every store: the digest of all that travels with it (see ``NewEvent``).

    Two devices that make the same change make two events, for the order of events is part of what they say.
    """
    return digest(event[1:])


def seal(event: Sequence[object]) -> str:
    """Return the hash of an event that chains it: over its number, name, time and the hash before it.

    Its name stands for all else it says (``name_event``).
    """
    return digest((event[0], event[1], event[2], event[16]))


class _OldChain:
    """The chain that the events of a migrated store had in version 1: it follows from what they say."""

    def __init__(self, session: Session) -> None:
        found = {str(name): str(value) for name, value in session.execute("SELECT name, value FROM setting")}
        self._until, self._head = int(found.get("v1_events", "0")), found.get("v1_head", GENESIS)
        self._versions: dict[tuple[str, str], str] = {}
        self.last = GENESIS

    def follow(self, event: Event) -> str:
        """Take one event further, and say what is wrong where the old chain ends."""
        if event.seq > self._until:
            return ""
        row = (event.table_name, event.row_key)
        name = digest((*row, event.kind, event.body, self._versions.get(row, "")))
        self._versions[row] = name
        said = (event.seq, name, event.recorded_at, event.actor, event.kind, *row, event.body, event.reason)
        self.last = digest((*said, event.source_ref, self.last))
        is_wrong = event.seq == self._until and self.last != self._head
        return "does not end the log that was migrated from version 1" if is_wrong else ""


def _broken(event: Event, seq: int, last: str, clock: str) -> str:
    if event.seq != seq:
        return f"is missing (the next one is {event.seq})"
    if event.prev_hash != last:
        return "does not follow the one before it"
    name = name_event((event.event_id, *event[3:16]))
    if event.event_id != name or event.hash != seal(event):
        return f"was changed after it was written (row {event.row_key!r} of {event.table_name})"
    return "is older than the one before it" if event.recorded_at < clock else ""
