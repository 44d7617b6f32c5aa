"""What was written, by whom, when and why: the append-only log."""

from __future__ import annotations

import difflib
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

from outfall.errors import StoreError
from outfall.store.backend import TRUTH, read_transaction, write_transaction
from outfall.store.body import encode, is_same_row
from outfall.store.seal import COLUMNS, GENESIS, SELECT, name_event, seal
from outfall.tables import check, contract, contracts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from outfall.store.backend import Session, Store

__all__ = ["NewEvent", "Tick", "add_events", "append_rows", "read_events", "require_table", "tick"]

_LAST_OF_KEYS = (
    "SELECT k.value, e.kind, e.event_id, e.body, e.valid_from, e.valid_to FROM {keys} JOIN event AS e ON e.seq = ("
    "SELECT seq FROM event WHERE table_name = ? AND row_key = k.value AND kind IN ('put', 'delete') "
    "ORDER BY {truth} LIMIT 1)"
)
_NOW = f"""
SELECT row_key, event_id, seq FROM (
    SELECT row_key, event_id, seq, kind, ROW_NUMBER() OVER (PARTITION BY row_key ORDER BY {TRUTH}) AS age
    FROM event WHERE table_name = ? AND kind IN ('put', 'delete')
) AS moment WHERE age = 1 AND kind = 'put' ORDER BY seq
"""  # noqa: S608
_BODY = "SELECT body FROM event WHERE seq = ?"
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


class _Draft(NamedTuple):
    kind: str
    row_key: str
    base: str
    body: str | None
    source_ref: str


class Tick(NamedTuple):
    """The moment at which a device writes: later than everything its store knows."""

    hlc: str
    device: str
    device_seq: int


def append_rows(
    path: Store, table: str, frame: pd.DataFrame, *, actor: str, reason: str = "", replace: bool = False
) -> int:
    """Save rows: one event per row that is new or changed, all of them or none.

    A row is saved whole: columns the frame lacks become missing. Saving the same rows again writes nothing. Rows that
    are in the store and not in the frame stay, unless ``replace`` says that the frame is the whole table.

    Parameters
    ----------
    path : path, URL or open store
        The live store.
    table : str
        Name of the contract.
    frame : DataFrame or GeoDataFrame, n rows
        Rows that meet the contract; not changed. Empty writes nothing (and with ``replace`` deletes every row).
    actor : str
        Who or what saves: a person or a command.
    reason : str, default ""
        Why.
    replace : bool, default False
        Whether rows that the frame does not have are deleted, each by an event of its own.

    Returns
    -------
    int
        Number of events written.

    Raises
    ------
    StoreError
        No store, no such table, no actor, a damaged file, another writer for more than 30 s, or a CRS that differs
        from the one the table is stored in.
    TableError
        The rows do not meet the contract; nothing is written.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from outfall.store import create_store
    >>> store = create_store(pathlib.Path(tempfile.mkdtemp()) / "county.outfalldb")
    >>> lab = pd.DataFrame({"sample_id": ["W1"], "taken_at": ["2026-04-12T08:00Z"], "source_ref": ["lab.csv#2"]})
    >>> append_rows(store, "samples", lab, actor="demo"), append_rows(store, "samples", lab, actor="demo")
    (1, 0)
    """
    require_table(table)
    if not actor.strip():
        msg = f"{table}: the actor is empty; say who or what saves, such as actor='outfall register'"
        raise StoreError(msg)
    checked = check(frame, table)
    keys = checked[contract(table).key].tolist() if len(checked) else []
    bodies = encode(checked, table) if keys else []
    refs = checked["source_ref"].tolist() if keys else []
    rows = list(zip(keys, bodies, refs, strict=True))
    try:
        with write_transaction(path) as session:
            drafts = _deleted(session, table, keys) if replace else []
            drafts += _changed(session, table, rows)
            if not replace and drafts:
                _refuse_other_crs(session, table, keys, bodies)
            add_events(session, _signed(session, drafts, table, actor, reason))
    except UnicodeEncodeError as error:
        raise StoreError(_half_character(table, rows)) from error
    return len(drafts)


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

    They may come from another device: nothing in them is changed. Time never runs backwards, whatever the clock says.
    """
    found = session.execute("SELECT seq, recorded_at, hash FROM event ORDER BY seq DESC LIMIT 1")
    seq, clock, last = (int(str(found[0][0])), str(found[0][1]), str(found[0][2])) if found else (0, "", GENESIS)
    now = datetime.now(UTC)
    if clock and now <= datetime.fromisoformat(clock):
        now = datetime.fromisoformat(clock) + timedelta(microseconds=1)
    session.copy("event", COLUMNS, _sealed(events, seq, now.isoformat(timespec="microseconds"), last))


def tick(session: Session) -> Tick:
    """Return the next moment of this store's own device: a hybrid logical clock, of fixed width so that text order is order."""
    device = str(session.execute("SELECT value FROM setting WHERE name = 'device'")[0][0])
    known = session.execute(_CLOCK)
    last = max((str(row[2]) for row in known), default="")
    count = max((int(str(row[1])) for row in known if row[0] == device), default=0)
    now = datetime.now(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
    at, _, step = last.partition("|")
    hlc = f"{at}|{int(step) + 1:06}" if at >= now else f"{now}|000000"
    return Tick(hlc, device, count + 1)


def require_table(table: str) -> None:
    """Refuse a name that is not one of the tables, with the nearest one that is."""
    if table not in contracts():
        near = difflib.get_close_matches(table, list(contracts()), n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"the tables are {', '.join(contracts())}"
        msg = f"{table!r} is not a table; {hint}"
        raise StoreError(msg)


def _half_character(table: str, rows: Sequence[tuple[str, str, str]]) -> str:
    broken = [key for key, body, _ in rows if body != body.encode("utf-8", "replace").decode("utf-8")]
    shown = ", ".join(ascii(key) for key in broken[:3]) or "actor or reason"
    return (
        f"{table}: a text holds half a character (a lone surrogate) in {shown}; "
        "type it again, or read the file with its right encoding"
    )


def _changed(session: Session, table: str, rows: Sequence[tuple[str, str, str]]) -> list[_Draft]:
    """Return a put for every row that the store does not have or has with another content."""
    before: dict[str, str] = {}
    new = {key: body for key, body, _ in rows}
    last = _LAST_OF_KEYS.format(keys=session.dialect.keys, truth=TRUTH)
    for key, kind, event_id, body, *_ in session.stream(last, (json.dumps([*new]), table)):
        before[str(key)] = str(event_id)
        if kind == "put" and is_same_row(str(body), new[str(key)]):
            del new[str(key)]
    return [_Draft("put", key, before.get(key, ""), body, ref) for key, body, ref in rows if key in new]


def _deleted(session: Session, table: str, keys: Sequence[str]) -> list[_Draft]:
    """Return a delete for every row of the store that is not among the keys."""
    kept = set(keys)
    return [
        _Draft("delete", str(key), str(event_id), None, f"replace(event {seq})")
        for key, event_id, seq in session.execute(_NOW, (table,))
        if key not in kept
    ]


def _refuse_other_crs(session: Session, table: str, keys: Sequence[str], bodies: Sequence[str]) -> None:
    """Refuse rows in another CRS than the rows that stay; one table has one CRS at every moment."""
    if contract(table).geometry == "none":
        return
    new, kept = json.loads(bodies[0])["crs"], set(keys)
    staying = [seq for key, _, seq in session.execute(_NOW, (table,)) if key not in kept] if new is not None else []
    for seq in staying:
        stored = json.loads(str(session.execute(_BODY, (seq,))[0][0])).get("crs")
        if stored is not None and stored != new:
            msg = (
                f"{table}: {len(staying)} rows are stored in {stored}, the new ones are in {new}; "
                "convert the new ones with to_crs, or save the whole table with replace=True"
            )
            raise StoreError(msg)
        if stored is not None:
            return


def _signed(session: Session, drafts: Sequence[_Draft], table: str, actor: str, reason: str) -> Iterator[NewEvent]:
    """Yield the drafts as events of this store's own device, all at one moment of its clock."""
    hlc, device, first = tick(session)
    for number, (kind, key, base, body, ref) in enumerate(drafts, start=first):
        event = NewEvent("", None, None, hlc, device, number, actor, kind, table, key, base, body, reason, ref)
        yield event._replace(event_id=name_event(event))


def _sealed(events: Iterable[NewEvent], seq: int, at: str, last: str) -> Iterator[tuple[object, ...]]:
    for number, event in enumerate(events, start=seq + 1):
        before = (number, event[0], at, *event[1:], last)
        last = seal(before)
        yield (*before, last)
