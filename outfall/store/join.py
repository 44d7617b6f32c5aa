"""How a row that several devices changed becomes one row again: an event that every store writes alike.

Where a row has more than one last version, its settled state (``outfall.store.settle``) is written as one more event
that stands on all of them. It is made of nothing but the events it stands on, so two stores that know the same events
write the same event, name, time and all; it decides nothing, and what was contradicted stays a question.
"""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, NamedTuple

from outfall.errors import StoreError
from outfall.store.log import NewEvent, add_events, tick
from outfall.store.seal import digest, name_event
from outfall.store.settle import Change, bases, settle

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from outfall.store.backend import Session

__all__ = ["JOINED", "Draft", "add_drafts", "add_joins", "history", "joined_rows", "require_actor"]

JOINED = (
    "~"  # devices of joins begin with it: it sorts behind the name of every device, so that a join is the last word
)
_BATCH = 2_000
_COLUMNS = (
    "e.hlc, e.device, e.device_seq, e.event_id, e.kind, e.base, e.body, e.actor, e.source_ref, e.valid_from, e.valid_to"
)
_Row = tuple[str, str]


class Draft(NamedTuple):
    """A change before its device signs it; without a body it deletes the row."""

    table: str
    row_key: str
    base: str
    body: str | None
    source_ref: str
    valid_from: str | None = None
    valid_to: str | None = None


def require_actor(actor: str) -> None:
    """Refuse a change that nobody makes."""
    if not actor.strip():
        msg = "the actor is empty; say who or what does this, such as actor='Li Wei'"
        raise StoreError(msg)


def add_drafts(session: Session, drafts: Iterable[Draft], *, actor: str, reason: str) -> list[NewEvent]:
    """Write changes as events of this store's own device, all at one moment of its clock."""
    hlc, device, first = tick(session)
    events = []
    for number, (table, key, base, body, ref, valid_from, valid_to) in enumerate(drafts, start=first):
        what = (actor, _kind(body), table, key, base, body, reason, ref)
        events.append(_named(NewEvent("", valid_from, valid_to, hlc, device, number, *what)))
    if events:
        add_events(session, events)
    return events


def add_joins(session: Session, rows: Collection[_Row]) -> int:
    """Write a join for every one of these rows that has more than one last version, and return how many."""
    found = []
    for table, keys in _by_table(rows):
        for key, changes in history(session, table, keys).items():
            event = _join(table, key, changes)
            if event is not None:
                found.append(event)
    if found:
        add_events(session, found)
    return len(found)


def history(session: Session, table: str, keys: Sequence[str]) -> dict[str, list[Change]]:
    """Return all events of some rows of a table."""
    found: dict[str, list[Change]] = {}
    query = (
        f"SELECT k.value, {_COLUMNS} FROM {session.dialect.keys} "  # noqa: S608
        "JOIN event AS e ON e.table_name = ? AND e.row_key = k.value"
    )
    for start in range(0, len(keys), _BATCH):
        for key, *cells in session.execute(query, (json.dumps(keys[start : start + _BATCH]), table)):
            found.setdefault(str(key), []).append(Change._make(cells))
    return found


def joined_rows(session: Session) -> set[_Row]:
    """Return the rows that were joined at least once: only these can hold a contradiction."""
    found = session.execute("SELECT DISTINCT table_name, row_key FROM event WHERE device >= ?", (JOINED,))
    return {(str(table), str(key)) for table, key in found}


def _join(table: str, key: str, changes: list[Change]) -> NewEvent | None:
    settled = settle(changes)
    if len(settled.heads) < 2:
        return None
    by_id = {change.event_id: change for change in changes}
    if any(base not in by_id for change in changes for base in bases(change.base)):
        return None  # a version between is still on its way
    base = ";".join(sorted(settled.heads))
    hlc = max(change.hlc for change in changes)
    depth = 1 + max((int(one.device[1:]) for one in changes if one.hlc == hlc and one.device[:1] == JOINED), default=0)
    number = int(digest((table, key, base))[:15], 16)
    last = max(change for change in changes if change.event_id in settled.heads)
    event = NewEvent(
        *(
            "",
            last.valid_from,
            last.valid_to,
            hlc,
            f"{JOINED}{depth:06d}",
            number,
            "join",
            _kind(settled.body),
            table,
            key,
            base,
        ),
        *(settled.body, "", f"join({base})"),
    )
    return _named(event)


def _named(event: NewEvent) -> NewEvent:
    return event._replace(event_id=name_event(event))


def _kind(body: str | None) -> str:
    return "delete" if body is None else "put"


def _by_table(rows: Collection[_Row]) -> Iterator[tuple[str, list[str]]]:
    for table, group in itertools.groupby(sorted(rows), key=lambda row: row[0]):
        yield table, [key for _, key in group]
