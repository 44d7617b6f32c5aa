"""What was written, by whom, when and why: the append-only log."""

from __future__ import annotations

import difflib
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

from outfall.errors import StoreError
from outfall.store.backend import read_transaction
from outfall.store.clock import advance
from outfall.store.replay import project
from outfall.store.seal import COLUMNS, GENESIS, SELECT, measured
from outfall.tables import contracts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from outfall.store.backend import Session, Store

__all__ = ["NewEvent", "Tick", "add_events", "insert_events", "read_events", "require_table", "tick"]

_CLOCK = """
WITH RECURSIVE known(device) AS (
    SELECT MIN(device) FROM event
    UNION ALL
    SELECT (SELECT MIN(e.device) FROM event AS e WHERE e.device > known.device) FROM known WHERE known.device IS NOT NULL
)
SELECT device, (SELECT MAX(e.device_seq) FROM event AS e WHERE e.device = known.device),
    (SELECT e.hlc FROM event AS e WHERE e.device = known.device ORDER BY e.device_seq DESC LIMIT 1)
FROM known WHERE device IS NOT NULL
"""


_ROW_KINDS = ("put", "delete")


class NewEvent(NamedTuple):
    """What an event says before this store gives it its number, time and hash."""

    event_id: str
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


class Tick(NamedTuple):
    """The moment at which a device writes: later than everything its store knows."""

    hlc: str
    device: str
    device_seq: int


def read_events(path: Store, *, table: str | None = None, key: str | None = None, since: int = 0) -> pd.DataFrame:
    """Return the log: who saved what, when and why, oldest first.

    Parameters
    ----------
    path : path, URL or open store
        The live store.
    table : str, optional
        Only events of this table.
    key : str, optional
        Only events of the row with this key.
    since : int, default 0
        Only events with a greater seq.

    Returns
    -------
    DataFrame, n events
        Columns of the log; ``recorded_at`` in UTC, ``body`` as JSON text, missing for a delete.

    Raises
    ------
    StoreError
        No store, no such table, or a damaged file.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from outfall.store import create_store
    >>> len(read_events(create_store(pathlib.Path(tempfile.mkdtemp()) / "county.outfalldb")))
    0
    """
    if table is not None:
        require_table(table)
    wanted = {"table_name": table, "row_key": key}
    where = "".join(f" AND {name} = ?" for name, value in wanted.items() if value is not None)
    values = [value for value in wanted.values() if value is not None]
    with read_transaction(path) as session:
        rows = session.execute(f"{SELECT} WHERE seq > ?{where} ORDER BY seq", (since, *values))
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    for name in ("recorded_at", "valid_from", "valid_to"):
        frame[name] = pd.to_datetime(frame[name], utc=True, format="ISO8601").dt.as_unit("us")
    texts = [name for name in COLUMNS if name not in ("seq", "device_seq", "recorded_at", "valid_from", "valid_to")]
    return frame.astype({"seq": "int64", "device_seq": "int64", **dict.fromkeys(texts, "str")})


def add_events(session: Session, events: Iterable[NewEvent]) -> None:
    """Write events at the end of the log, each with its number, the time it got here and its hash.

    They may come from another device: nothing in them is changed. The projections follow. Time never runs backwards,
    whatever the clock says.
    """
    kept = list(events)
    insert_events(session, kept)
    project(session, ((event.table_name, event.row_key) for event in kept if event.kind in _ROW_KINDS))


def insert_events(session: Session, events: Iterable[NewEvent]) -> int:
    """Write events without their projections, and return the seq of the first one."""
    found = session.execute("SELECT seq, recorded_at, hash FROM event ORDER BY seq DESC LIMIT 1")
    seq, clock, last = (int(str(found[0][0])), str(found[0][1]), str(found[0][2])) if found else (0, "", GENESIS)
    now = datetime.now(UTC)
    if clock and now <= datetime.fromisoformat(clock):
        now = datetime.fromisoformat(clock) + timedelta(microseconds=1)
    session.copy("event", COLUMNS, _sealed(events, seq, now.isoformat(timespec="microseconds"), last))
    return seq + 1


def tick(session: Session) -> Tick:
    """Return the next moment of this store's own device: a hybrid logical clock, of fixed width so that text order is order."""
    device = str(session.execute("SELECT value FROM setting WHERE name = 'device'")[0][0])
    known = session.execute(_CLOCK)
    last = max((str(row[2]) for row in known), default="")
    count = max((int(str(row[1])) for row in known if row[0] == device), default=0)
    return Tick(advance(last, datetime.now(UTC)), device, count + 1)


def require_table(table: str) -> None:
    """Refuse a name that is not one of the tables, with the nearest one that is."""
    if table not in contracts():
        near = difflib.get_close_matches(table, list(contracts()), n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"the tables are {', '.join(contracts())}"
        msg = f"{table!r} is not a table; {hint}"
        raise StoreError(msg)


def _sealed(events: Iterable[NewEvent], seq: int, at: str, last: str) -> Iterator[tuple[object, ...]]:
    """Yield whole events; the hash is the one of ``seal``, its parts written as they are."""
    clock = measured(at)
    for number, event in enumerate(events, start=seq + 1):
        name = event[0]
        chained = f"{measured(str(number))}{len(name)}:{name}{clock}{len(last)}:{last}"
        before, last = last, sha256(chained.encode()).hexdigest()
        yield (number, event[0], at, *event[1:], before, last)
