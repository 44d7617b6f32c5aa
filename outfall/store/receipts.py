"""Which events another store has confirmed to have: until then they are kept, and sent again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pandas as pd

from outfall.errors import StoreError
from outfall.store.backend import read_transaction, write_transaction
from outfall.store.delta import head_of
from outfall.store.join import JOINED, Draft, add_drafts, require_actor
from outfall.store.log import NewEvent
from outfall.store.received import LOCAL

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from outfall.store.backend import Session, Store

__all__ = ["acknowledge", "device_of", "first_open", "last_of", "list_unacknowledged", "receipts_of", "travelling"]

_SENT = f"SELECT {', '.join(NewEvent._fields)} FROM event WHERE seq > ? AND seq <= ? ORDER BY seq"  # noqa: S608
_LAST = "SELECT COALESCE(MAX(seq), 0) FROM event"


def acknowledge(store: Store, receipt: Mapping[str, str | int], *, actor: str) -> int:
    """Note that another store has what it was sent, and return how many events that are.

    Parameters
    ----------
    store : path, URL or open store
        The store that sent.
    receipt : mapping
        As ``merge_events`` returned it to the one who took.
    actor : str
        Who brings the receipt.

    Returns
    -------
    int
        Events the other side has; they are no longer in ``list_unacknowledged``.

    Raises
    ------
    StoreError
        The receipt is of another store, or does not fit the events it is said to be about.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from outfall.store import create_store
    >>> store = create_store(pathlib.Path(tempfile.mkdtemp()) / "boat.outfalldb")
    >>> try:
    ...     acknowledge(store, {"device": "another"}, actor="Li")
    ... except StoreError as error:
    ...     print(str(error)[:30])
    this receipt is of the store '
    """
    require_actor(actor)
    since, until = int(receipt.get("since", 0)), int(receipt.get("until", 0))
    with write_transaction(store) as session:
        device = device_of(session)
        if receipt.get("device") != device:
            msg = f"this receipt is of the store {receipt.get('device')!r}, not of this one ({device!r}); give it to the store that sent the delta"
            raise StoreError(msg)
        events = list(travelling(session, since, until))
        if until > last_of(session) or head_of(events) != receipt.get("ids_sha256"):
            msg = f"the receipt does not fit the events {since + 1} to {until} of this store; send them again with export_events(since={since})"
            raise StoreError(msg)
        key = f"{receipt.get('by')} {since} {until}"
        known = session.execute("SELECT 1 FROM event WHERE table_name = 'receipts' AND row_key = ?", (key,))
        if not known:
            body = json.dumps({"columns": dict(sorted(receipt.items()))}, ensure_ascii=False, separators=(",", ":"))
            add_drafts(session, [Draft("receipts", key, "", body, "receipt")], actor=actor, reason="")
    return len(events)


def list_unacknowledged(store: Store, *, by: str | None = None) -> pd.DataFrame:
    """Return the events of which nobody has confirmed yet to have them: do not delete this store before it is empty.

    Parameters
    ----------
    store : path, URL or open store
        The store that sends.
    by : str, optional
        Only what this device (``receipt["by"]``) has confirmed counts; any device by default.

    Returns
    -------
    DataFrame, n events
        ``seq``, ``event_id``, ``device``, ``actor``, ``kind``, ``table_name``, ``row_key``, oldest first.

    Raises
    ------
    StoreError
        No store, or a damaged file.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from outfall.store import create_store
    >>> len(list_unacknowledged(create_store(pathlib.Path(tempfile.mkdtemp()) / "boat.outfalldb")))
    0
    """
    names = ["seq", "event_id", "device", "actor", "kind", "table_name", "row_key"]
    query = f"SELECT {', '.join(names)} FROM event WHERE table_name <> 'receipts' AND device < ? ORDER BY seq"  # noqa: S608
    with read_transaction(store) as session:
        rows = session.execute(query, (JOINED,))
        spans = receipts_of(session, by)
    frame = pd.DataFrame(rows, columns=names).astype({"seq": "int64", **dict.fromkeys(names[1:], "str")})
    is_open = pd.Series(data=True, index=frame.index)
    for since, until in spans:
        is_open &= (frame["seq"] <= since) | (frame["seq"] > until)
    return frame[is_open].reset_index(drop=True)


def receipts_of(session: Session, by: str | None = None) -> list[tuple[int, int]]:
    """Return the stretches of the log that were confirmed: after the first seq, up to the second."""
    bodies = session.execute("SELECT body FROM event WHERE table_name = 'receipts' ORDER BY seq")
    found = [json.loads(str(body[0]))["columns"] for body in bodies]
    return [(item["since"], item["until"]) for item in found if by in (None, item["by"])]


def first_open(session: Session) -> int:
    """Return the seq up to which everything was confirmed."""
    done = 0
    for since, until in sorted(receipts_of(session)):
        if since <= done:
            done = max(done, until)
    return done


def travelling(session: Session, since: int, until: int) -> Iterator[NewEvent]:
    """Yield the events of a stretch of the log that another store may have."""
    for row in session.stream(_SENT, (since, until)):
        event = NewEvent._make(row)
        if event.table_name not in LOCAL:
            yield event


def device_of(session: Session) -> str:
    """Return the name of the device whose store this is."""
    return str(session.execute("SELECT value FROM setting WHERE name = 'device'")[0][0])


def last_of(session: Session) -> int:
    """Return the seq of the last event."""
    return int(str(session.execute(_LAST)[0][0]))
