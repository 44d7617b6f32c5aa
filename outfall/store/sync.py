"""How two teams' stores become one: what one knows and the other does not travels as a delta, and nothing is lost on the way."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from outfall.errors import StoreError
from outfall.store.backend import find_backend, read_transaction, write_transaction
from outfall.store.connection import ENDING
from outfall.store.delta import head_of, read_delta, write_delta
from outfall.store.join import Draft, add_drafts, add_joins, require_actor
from outfall.store.log import add_events
from outfall.store.receipts import device_of, first_open, last_of, travelling
from outfall.store.received import find_wrong_rows, require_sound
from outfall.store.settle import bases
from outfall.tables import contract, contracts

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from outfall.store.backend import Session, Store
    from outfall.store.log import NewEvent

__all__ = ["Merged", "export_events", "merge_events"]

_KNOWN = "SELECT e.event_id, e.hlc FROM {keys} JOIN event AS e ON e.event_id = k.value"
_CRS = re.compile(r'"crs":("(?:[^"\\]|\\.)*")')
_BATCH = 5_000


class Merged(NamedTuple):
    """What came of a delta.

    Parameters
    ----------
    read_count : int
        Events in the delta; the three counts after it add up to it.
    new_count, known_count, quarantined_count : int
        Events this store did not have, had already, and keeps apart because their row does not meet its contract.
    joined_count : int
        Rows that both sides had changed and that were joined field by field; ``list_conflicts`` says where they
        contradict.
    receipt : mapping of str to str or int
        Give it back to the store that sent: ``acknowledge(store, receipt, actor=...)``.
    """

    read_count: int
    new_count: int
    known_count: int
    quarantined_count: int
    joined_count: int
    receipt: Mapping[str, str | int]


def export_events(store: Store, target: Path | str, *, since: int | None = None) -> Path:
    """Write a delta: the events of a store, for another store to merge.

    Parameters
    ----------
    store : path, URL or open store
        Nothing is written to it.
    target : path
        Where the delta shall be; an older one is replaced in one step.
    since : int, optional
        Only events with a greater seq. By default all of which no receipt came back: what was sent and lost is sent
        again.

    Returns
    -------
    Path
        The target. The same events give the same file.

    Raises
    ------
    StoreError
        No store, a damaged file, or a target that is a live store.
    ProjectError
        The folder cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from outfall.store import create_store
    >>> folder = Path(tempfile.mkdtemp())
    >>> export_events(create_store(folder / "boat.outfalldb"), folder / "boat.delta").name
    'boat.delta'
    """
    with read_transaction(store) as session:
        start = first_open(session) if since is None else since
        until = last_of(session)
        device = device_of(session)
        return write_delta(target, travelling(session, start, until), device=device, since=start, until=until)


def merge_events(store: Store, delta: Store, *, actor: str) -> Merged:
    """Take the events of a delta, or of another store, that this store does not have.

    All of them or none. The order in which deltas come, and how often, makes no difference: two stores that know the
    same events hold the same rows. What both sides changed is joined field by field. Where the delta itself is damaged
    or was changed, nothing is taken; a row that does not meet its contract goes to the quarantine.

    Parameters
    ----------
    store : path, URL or open store
        The store that takes.
    delta : path, URL or open store
        A file of ``export_events``, or another store (``.outfalldb`` or an address), which is only read.
    actor : str
        Who takes.

    Returns
    -------
    Merged
        Counts, and the receipt for the one who sent.

    Raises
    ------
    StoreError
        The delta is damaged, or holds an event that was changed; the message lists all problems. Or the two stores are
        copies of one file that both were written to.

    Examples
    --------
    >>> import tempfile
    >>> import pandas as pd
    >>> from outfall.store import append_rows, create_store, read_rows
    >>> from outfall.store.receipts import acknowledge, list_unacknowledged
    >>> folder = Path(tempfile.mkdtemp())
    >>> boat, county = create_store(folder / "boat.outfalldb"), create_store(folder / "county.outfalldb")
    >>> row = pd.DataFrame({"sample_id": ["W1"], "taken_at": ["2026-04-12T08:00Z"], "source_ref": ["lab.csv#2"]})
    >>> append_rows(boat, "samples", row, actor="Li")
    1
    >>> done = merge_events(county, export_events(boat, folder / "boat.delta"), actor="Wang")
    >>> done.new_count, len(read_rows(county, "samples")), len(list_unacknowledged(boat))
    (1, 1, 1)
    >>> acknowledge(boat, done.receipt, actor="Li"), len(list_unacknowledged(boat))
    (1, 0)
    """
    require_actor(actor)
    where, about, events = _read(delta)
    with write_transaction(store) as session:
        clocks = _clocks(session, events)
        new = list({event.event_id: event for event in events if event.event_id not in clocks}.values())
        require_sound(new, where=where, stamps=clocks)
        _refuse_twin(session, new, where)
        wrong = find_wrong_rows(new)
        good = [event for event in new if event.event_id not in wrong]
        add_events(session, good)
        joined = add_joins(session, {(event.table_name, event.row_key) for event in good})
        _refuse_mixed_crs(session, good, where)
        _set_apart(session, [event for event in new if event.event_id in wrong], wrong, about, actor)
        receipt = {**about, "ids_sha256": head_of(events), "by": device_of(session)}
    return Merged(len(events), len(good), len(events) - len(new), len(wrong), joined, receipt)


def _read(delta: Store) -> tuple[str, dict[str, str | int], list[NewEvent]]:
    """Return what the delta is called, what it says about itself, and its events."""
    is_file = isinstance(delta, (str, Path)) and "://" not in str(delta)
    if is_file and not str(delta).casefold().endswith(ENDING):
        about, sent = read_delta(Path(str(delta)))
        return str(delta), about, sent
    with read_transaction(delta) as session:
        until = last_of(session)
        events = list(travelling(session, 0, until))
        sha = hashlib.sha256(head_of(events).encode()).hexdigest()
        about = {"device": device_of(session), "since": 0, "until": until, "sha256": sha}
    return find_backend(delta).name, about, events


def _clocks(session: Session, events: Sequence[NewEvent]) -> dict[str, str]:
    """Return the clock of those events, and of those they were edited from, that the store has."""
    wanted = sorted({event.event_id for event in events} | {one for event in events for one in bases(event.base)})
    query, found = _KNOWN.format(keys=session.dialect.keys), {}
    for start in range(0, len(wanted), _BATCH):
        rows = session.execute(query, (json.dumps(wanted[start : start + _BATCH]),))
        found.update({str(event_id): str(hlc) for event_id, hlc in rows})
    return found


def _refuse_twin(session: Session, events: Collection[NewEvent], where: str) -> None:
    """Refuse two events of one device with one number: a store was copied and both copies were written to."""
    numbers = {(event.device, event.device_seq) for event in events}
    twice = len(numbers) < len(events)
    for device in {event.device for event in events}:
        top = max(event.device_seq for event in events if event.device == device)
        low = min(event.device_seq for event in events if event.device == device)
        query = "SELECT device_seq FROM event WHERE device = ? AND device_seq BETWEEN ? AND ?"
        twice = twice or any((device, row[0]) in numbers for row in session.execute(query, (device, low, top)))
    if twice:
        msg = (
            f"{where}: it comes from a copy of a store that both were written to under one device name; nothing was "
            "taken. Read its rows with read_rows and save them with append_rows in a store of its own"
        )
        raise StoreError(msg)


def _refuse_mixed_crs(session: Session, events: Sequence[NewEvent], where: str) -> None:
    """Refuse a delta after which a table would have rows in two CRS; nobody could read it any more."""
    for table in sorted({event.table_name for event in events} & {*contracts()}):
        if contract(table).geometry == "none":
            continue
        found = {
            found[1]
            for event in events
            if event.table_name == table
            for found in [_CRS.search(event.body or "")]
            if found
        }
        first = next(session.rows_now(table), None) if found else None
        if first is None or (len(found) == 1 and json.dumps(first.crs, ensure_ascii=False) in found):
            continue
        systems = sorted({row.crs for row in session.rows_now(table) if row.crs is not None})
        if len(systems) > 1:
            msg = (
                f"{where}: with its rows, {table} would lie in {' and '.join(systems)}; nothing was taken. Save the whole "
                "table in one of them first: append_rows(..., read_rows(...).to_crs(...), replace=True)"
            )
            raise StoreError(msg)


def _set_apart(
    session: Session, events: Sequence[NewEvent], reasons: Mapping[str, str], about: Mapping[str, str | int], actor: str
) -> None:
    """Keep events whose rows do not meet their contract in the quarantine, whole."""
    drafts = []
    for event in events:
        cells = {
            "quarantine_id": event.event_id,
            "import_id": f"delta {about['sha256']}",
            "table": event.table_name,
            "row": f"{event.row_key} of {event.device}#{event.device_seq}",
            "reason": reasons[event.event_id],
            "reason_zh": f"收到的行不符合表约定：{reasons[event.event_id]}",
            "raw": json.dumps(list(event), ensure_ascii=False),
            "state": "open",
        }
        body = json.dumps({"columns": cells}, ensure_ascii=False, separators=(",", ":"))
        known = session.execute(
            "SELECT 1 FROM event WHERE table_name = ? AND row_key = ?", ("quarantine", event.event_id)
        )
        if not known:
            drafts.append(Draft("quarantine", event.event_id, "", body, str(about["device"])))
    add_drafts(session, drafts, actor=actor, reason="received")
