"""Whether events from another store may enter the log: named by their content, in order, and rows that meet their contract."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pandas as pd
import shapely

from outfall.errors import OutfallError, Problem, StoreError
from outfall.store.body import decode, encode, is_same_row
from outfall.store.clock import is_stamp
from outfall.store.seal import name_event
from outfall.store.settle import bases
from outfall.tables import contract, contracts, find_problems

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from outfall.store.log import NewEvent

__all__ = ["INTERNAL", "LOCAL", "find_wrong_body", "find_wrong_rows", "require_sound"]

INTERNAL = ("imports", "quarantine", "receipts")  # tables of the store itself, in the same log, without a contract
LOCAL = ("receipts",)  # about this store alone: never sent
_ID = re.compile(r"[0-9a-f]{64}", re.ASCII)
_DEVICE = re.compile(r"[\w.\-]{1,80}|~\d{6}", re.ASCII)
_MAX_KEY = 2_000
_SHOWN = 20
_RAISED = (OutfallError, ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError, IndexError)


def require_sound(events: Sequence[NewEvent], *, where: str, stamps: Mapping[str, str]) -> None:
    """Refuse events of which any is not what a store writes: its name, clock, device, table or base.

    Parameters
    ----------
    events : sequence of NewEvent
        As received.
    where : str
        What the error calls the delta.
    stamps : mapping of str to str
        The clock of every event the store has, by event id, as far as the events were edited from them.

    Raises
    ------
    StoreError
        With every problem; nothing may then be taken from the delta.
    """
    clocks = {**stamps, **{event.event_id: event.hlc for event in events}}
    problems = [problem for event in events for problem in _unsound(event, clocks)]
    if problems:
        msg = f"{where}: {len(problems)} problems in {len(events)} events; nothing was taken from the delta"
        raise StoreError(msg, problems[:_SHOWN], fix="Have it made again with export_events, or ask who changed it.")


def find_wrong_rows(events: Iterable[NewEvent]) -> dict[str, str]:
    """Return the events whose row does not meet its contract, by event id, with the reason.

    Parameters
    ----------
    events : iterable of NewEvent
        Sound events.

    Returns
    -------
    dict of str to str
        Empty where all rows are good.
    """
    by_table: dict[str, list[NewEvent]] = {}
    for event in events:
        if event.body is not None and event.table_name in contracts():
            by_table.setdefault(event.table_name, []).append(event)
    wrong: dict[str, str] = {}
    for table, group in by_table.items():
        rows = [(event.row_key, str(event.body)) for event in group]
        if not _is_good(table, rows):
            found = {event.event_id: find_wrong_body(table, *row) for event, row in zip(group, rows, strict=True)}
            wrong |= {event_id: reason for event_id, reason in found.items() if reason}
    return wrong


def find_wrong_body(table: str, key: str, body: str | None) -> str:
    """Return why a body is no row of a table under this key, empty where it is one."""
    if body is None or _is_good(table, [(key, body)]):
        return ""
    try:
        problems = find_problems(decode([_plain(body)], table), table)
    except (*_RAISED, shapely.errors.GEOSException) as error:
        return f"the row cannot be read: {str(error)[:200]}"
    return "; ".join(map(str, problems)) or "the row does not come back as it was sent"


def _unsound(event: NewEvent, clocks: Mapping[str, str]) -> list[Problem]:
    found = []
    row = (f"{event.table_name} {event.row_key}"[:80],)

    def add(where: str, what: str) -> None:
        found.append(Problem(where, what, rows=row))

    try:
        is_named = event.event_id == name_event(event)
    except UnicodeEncodeError:
        is_named = False
    if not is_named:
        add("event_id", f"{event.event_id[:12]!r} is not the name of what the event says: it was changed")
    if not is_stamp(event.hlc):
        add("hlc", f"{event.hlc[:40]!r} is no moment a device can have")
    if not _DEVICE.fullmatch(event.device) or not 0 < event.device_seq < 2**63:
        add("device", f"{event.device[:40]!r} #{event.device_seq} is no device of ours")
    if event.table_name not in _travelling():
        add("table_name", f"{event.table_name[:40]!r} is not a table that travels")
    if (event.kind, event.body is None) not in (("put", False), ("delete", True)):
        add("kind", f"{event.kind[:40]!r} is neither a put with a body nor a delete without")
    if not event.row_key or len(event.row_key) > _MAX_KEY or not event.actor.strip():
        add("row_key", "the key or the actor is empty, or far too long")
    return found + _unsound_times(event, clocks, row)


def _unsound_times(event: NewEvent, clocks: Mapping[str, str], row: tuple[str, ...]) -> list[Problem]:
    found = []
    for base in bases(event.base):
        if not _ID.fullmatch(base):
            found.append(Problem("base", f"{base[:40]!r} is no event id", rows=row))
        elif clocks.get(base, "") > event.hlc:
            found.append(Problem("hlc", f"{event.hlc} is before the version it was edited from", rows=row))
    for name, text in (("valid_from", event.valid_from), ("valid_to", event.valid_to)):
        if text is not None and pd.isna(pd.to_datetime(text, utc=True, errors="coerce")):
            found.append(Problem(name, f"{text[:40]!r} is no time", rows=row))
    return found


def _travelling() -> set[str]:
    return {*contracts(), *INTERNAL} - {*LOCAL}


def _is_good(table: str, rows: Sequence[tuple[str, str]]) -> bool:
    """Return whether these bodies are rows of the table: they meet the contract and come back as they are."""
    try:
        bodies = [_plain(body) for _, body in rows]
        frame = decode(bodies, table)
        key = contract(table).key
        if frame[key].tolist() != [row_key for row_key, _ in rows]:
            return False
        alone = frame.assign(**{key: [f"{number}" for number in range(len(frame))]})
        if find_problems(alone, table):
            return False
        return all(is_same_row(one, other) for one, other in zip(encode(frame, table), bodies, strict=True))
    except (*_RAISED, shapely.errors.GEOSException):
        return False


def _plain(body: str) -> str:
    """Return a body that is an object with columns; refuse numbers that are none."""
    row = json.loads(body, parse_constant=_refuse)
    if not isinstance(row, dict) or not isinstance(row.get("columns"), dict):
        msg = "it has no columns"
        raise TypeError(msg)
    return body


def _refuse(text: str) -> None:
    msg = f"{text} is no number"
    raise ValueError(msg)
