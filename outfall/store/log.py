"""What was written, by whom, when and why: the append-only log."""

from __future__ import annotations

import difflib
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pandas as pd

from outfall.errors import StoreError
from outfall.store.body import encode, is_same_row
from outfall.store.live import read_transaction, write_transaction
from outfall.store.seal import COLUMNS, GENESIS, SELECT, digest
from outfall.tables import check, contract, contracts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import apsw

__all__ = ["append_rows", "read_events", "require_table"]

_INSERT = "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_LAST_OF_KEYS = """
SELECT k.value, e.kind, e.event_id, e.body FROM json_each(?2) AS k
JOIN event AS e ON e.seq = (SELECT seq FROM event WHERE table_name = ?1 AND row_key = k.value ORDER BY seq DESC LIMIT 1)
"""
_NOW = """
SELECT e.row_key, e.event_id, e.seq FROM event AS e
WHERE e.seq IN (SELECT MAX(seq) FROM event WHERE table_name = ?1 GROUP BY row_key) AND e.kind = 'put' ORDER BY e.seq
"""
_ANY_CRS = """
SELECT body ->> '$.crs' AS crs FROM event AS e INDEXED BY event_by_row
WHERE table_name = ?1 AND kind = 'put' AND crs NOT NULL
AND seq = (SELECT MAX(seq) FROM event WHERE table_name = ?1 AND row_key = e.row_key) LIMIT 1
"""
_FILTER = " WHERE seq > ?1 AND (?2 IS NULL OR table_name = ?2) AND (?3 IS NULL OR row_key = ?3) ORDER BY seq"
_Draft = tuple[str, str, str, str | None, str]  # event_id, kind, row_key, body, source_ref


def append_rows(
    path: Path | str, table: str, frame: pd.DataFrame, *, actor: str, reason: str = "", replace: bool = False
) -> int:
    """Save rows: one event per row that is new or changed, all of them or none.

    A row is saved whole: columns the frame lacks become missing. Saving the same rows again writes nothing. Rows that
    are in the store and not in the frame stay, unless ``replace`` says that the frame is the whole table.

    Parameters
    ----------
    path : path
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
        with write_transaction(path) as connection:
            drafts = _deleted(connection, table, keys) if replace else []
            drafts += _changed(connection, table, rows)
            if not replace and drafts:
                _refuse_other_crs(connection, table, keys, bodies)
            connection.executemany(_INSERT, _sealed(connection, drafts, table, actor, reason))
    except UnicodeEncodeError as error:
        raise StoreError(_half_character(table, rows)) from error
    return len(drafts)


def read_events(path: Path | str, *, table: str | None = None, key: str | None = None, since: int = 0) -> pd.DataFrame:
    """Return the log: who saved what, when and why, oldest first.

    Parameters
    ----------
    path : path
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
    with read_transaction(path) as connection:
        rows = connection.execute(SELECT + _FILTER, (since, table, key)).fetchall()
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    frame["recorded_at"] = pd.to_datetime(frame["recorded_at"], utc=True, format="ISO8601").dt.as_unit("us")
    texts = [name for name in COLUMNS if name not in ("seq", "recorded_at")]
    return frame.astype({"seq": "int64", **dict.fromkeys(texts, "str")})


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


def _changed(connection: apsw.Connection, table: str, rows: Sequence[tuple[str, str, str]]) -> list[_Draft]:
    """Return a put for every row that the store does not have or has with another content."""
    before: dict[str, str] = {}
    new = {key: body for key, body, _ in rows}
    for key, kind, event_id, body in connection.execute(_LAST_OF_KEYS, (table, json.dumps([*new]))):
        before[key] = event_id
        if kind == "put" and is_same_row(body, new[key]):
            del new[key]
    return [
        (_event_id(table, key, "put", body, before.get(key, "")), "put", key, body, ref)
        for key, body, ref in rows
        if key in new
    ]


def _deleted(connection: apsw.Connection, table: str, keys: Sequence[str]) -> list[_Draft]:
    """Return a delete for every row of the store that is not among the keys."""
    kept = set(keys)
    return [
        (_event_id(table, key, "delete", None, event_id), "delete", key, None, f"replace(event {seq})")
        for key, event_id, seq in connection.execute(_NOW, (table,))
        if key not in kept
    ]


def _refuse_other_crs(connection: apsw.Connection, table: str, keys: Sequence[str], bodies: Sequence[str]) -> None:
    """Refuse rows in another CRS than the rows that stay; one table has one CRS at every moment."""
    if contract(table).geometry == "none":
        return
    new = json.loads(bodies[0])["crs"]
    found = connection.execute(_ANY_CRS, (table,)).fetchall()
    if new is None or not found or found[0][0] == new:
        return
    staying = {row[0] for row in connection.execute(_NOW, (table,))} - set(keys)
    if staying:
        msg = (
            f"{table}: {len(staying)} rows are stored in {found[0][0]}, the new ones are in {new}; "
            "convert the new ones with to_crs, or save the whole table with replace=True"
        )
        raise StoreError(msg)


def _sealed(
    connection: apsw.Connection, drafts: Sequence[_Draft], table: str, actor: str, reason: str
) -> Iterator[tuple[object, ...]]:
    """Yield the events with their number, time and hash; time never runs backwards, whatever the clock says."""
    found = connection.execute("SELECT seq, recorded_at, hash FROM event ORDER BY seq DESC LIMIT 1").fetchall()
    seq, clock, last = (int(str(found[0][0])), str(found[0][1]), str(found[0][2])) if found else (0, "", GENESIS)
    now = datetime.now(UTC)
    if clock and now <= datetime.fromisoformat(clock):
        now = datetime.fromisoformat(clock) + timedelta(microseconds=1)
    at = now.isoformat(timespec="microseconds")
    for number, (event_id, kind, key, body, ref) in enumerate(drafts, start=seq + 1):
        event = (number, event_id, at, actor, kind, table, key, body, reason, ref, last)
        last = digest(event)
        yield (*event, last)


def _event_id(table: str, key: str, kind: str, body: str | None, before: str) -> str:
    """Return what names this change of this version of this row, wherever it is made."""
    return digest((table, key, kind, body, before))
