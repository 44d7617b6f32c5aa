"""What the rows are that the log speaks of: now, at any moment, of any key; and projections made from nothing else."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from outfall.errors import StoreError
from outfall.store.backend import TRUTH, RowNow, read_transaction, write_transaction
from outfall.store.body import canonical, decode_body
from outfall.tables import contracts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from outfall.store.backend import Session, Store

__all__ = [
    "Version",
    "digest_tables",
    "find_versions",
    "last_seq",
    "moment_text",
    "project",
    "project_table",
    "rebuild",
    "rows_at",
]

_WORLD = " AND (valid_from IS NULL OR valid_from <= ?) AND (valid_to IS NULL OR valid_to > ?)"
_LAST = """
SELECT m.row_key, m.fid, m.seq, e.body FROM (
    SELECT row_key, seq,
        (SELECT MIN(o.seq) FROM event AS o WHERE o.table_name = event.table_name AND o.row_key = event.row_key) AS fid,
        ROW_NUMBER() OVER (PARTITION BY row_key ORDER BY {truth}) AS age
    FROM event WHERE table_name = ? AND seq <= ? AND kind IN ('put', 'delete'){world}
) AS m JOIN event AS e ON e.seq = m.seq WHERE m.age = 1 AND e.kind = 'put' ORDER BY m.fid
"""
_VERSIONS = """
SELECT k.value, e.event_id, e.body, e.valid_from, e.valid_to, e.seq,
    (SELECT MIN(o.seq) FROM event AS o WHERE o.table_name = e.table_name AND o.row_key = e.row_key)
FROM {keys} JOIN event AS e ON e.seq = (
    SELECT seq FROM event WHERE table_name = ? AND row_key = k.value AND kind IN ('put', 'delete') ORDER BY {truth} LIMIT 1
)
"""
_END = 2**62


class Version(NamedTuple):
    """What the store knows a row to be, before a new event says something else; no body where it is deleted."""

    event_id: str
    body: str | None
    valid_from: str | None
    valid_to: str | None
    seq: int
    fid: int


def find_versions(session: Session, table: str, keys: Sequence[str]) -> dict[str, Version]:
    """Return the last version of every key the store knows."""
    if not keys or not session.execute("SELECT 1 FROM event WHERE table_name = ? LIMIT 1", (table,)):
        return {}
    sql = _VERSIONS.format(keys=session.dialect.keys, truth=TRUTH)
    lines = session.stream(sql, (json.dumps(list(keys)), table))
    return {str(key): Version(*version) for key, *version in lines}  # type: ignore[arg-type]


def rows_at(session: Session, table: str, *, last: int | None = None, at: str | None = None) -> Iterator[RowNow]:
    """Yield the rows of a table as the events up to a seq say them, by fid; of those that held in the world at a time."""
    sql = _LAST.format(truth=TRUTH, world=_WORLD if at is not None else "")
    given = (table, _END if last is None else last, *([at, at] if at is not None else []))
    for key, fid, seq, body in session.stream(sql, given):
        yield _row(str(key), int(str(fid)), int(str(seq)), str(body), table)


def project(session: Session, touched: Iterable[tuple[str, str]]) -> None:
    """Bring projections to what the log says of some rows, each given by table and key."""
    for table, pairs in groupby(sorted(set(touched)), key=itemgetter(0)):
        if table not in contracts():
            continue
        if table not in session.projections():
            project_table(session, table)
            continue
        versions = find_versions(session, table, [key for _, key in pairs])
        session.drop_rows(table, [key for key, one in versions.items() if one.body is None])
        session.put_rows(
            table,
            (_row(key, one.fid, one.seq, one.body, table) for key, one in versions.items() if one.body is not None),
        )


def project_table(session: Session, table: str) -> None:
    """Make the projection of a table anew from the log."""
    session.clear_rows(table)
    session.put_rows(table, rows_at(session, table))


def rebuild(path: Store) -> str:
    """Make every projection anew from the log alone, and return the digest of what came out.

    Parameters
    ----------
    path : path, URL or open store
        The live store.

    Returns
    -------
    str
        The same as ``digest_tables``.

    Raises
    ------
    StoreError
        No store, a damaged file, or another writer for more than 30 s.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from outfall.store import create_store
    >>> store = create_store(pathlib.Path(tempfile.mkdtemp()) / "county.outfalldb")
    >>> rebuild(store) == digest_tables(store)
    True
    """
    with write_transaction(path) as session:
        known = {str(row[0]) for row in session.execute("SELECT DISTINCT table_name FROM event")}
        for table in contracts():
            if table in known or table in session.projections():
                project_table(session, table)
        return _digest(session, None)


def digest_tables(path: Store, *, as_of: datetime | int | None = None) -> str:
    """Return SHA-256 of all tables; equal rows give an equal digest, whatever their order, history and database.

    Parameters
    ----------
    path : path, URL or open store
        The live store.
    as_of : datetime with zone, or int, optional
        A time, or the seq of an event: the log is replayed up to it. By default the projections of now are read.

    Returns
    -------
    str
        64 hex digits.

    Raises
    ------
    StoreError
        No store, a damaged file, or a moment without a zone.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from outfall.store import create_store
    >>> store = create_store(pathlib.Path(tempfile.mkdtemp()) / "county.outfalldb")
    >>> digest_tables(store) == digest_tables(store, as_of=0)
    True
    """
    with read_transaction(path) as session:
        return _digest(session, None if as_of is None else last_seq(session, as_of))


def last_seq(session: Session, as_of: datetime | int | None) -> int:
    """Return the seq of the last event at a moment, 0 where nothing was written yet."""
    if isinstance(as_of, bool) or not isinstance(as_of, (datetime, int, type(None))):
        msg = f"as_of is {as_of!r}; give a time with zone, such as datetime.now(UTC), or the seq of an event"
        raise StoreError(msg)
    if isinstance(as_of, int):
        if as_of < 0:
            msg = f"as_of is {as_of}; the first event has seq 1, and 0 is the empty store before it"
            raise StoreError(msg)
        return as_of
    if as_of is None:
        return int(str(session.execute("SELECT COALESCE(MAX(seq), 0) FROM event")[0][0]))
    query = "SELECT seq FROM event WHERE recorded_at <= ? ORDER BY seq DESC LIMIT 1"
    found = session.execute(query, (moment_text(as_of, "as_of"),))
    return int(str(found[0][0])) if found else 0


def moment_text(moment: datetime, name: str) -> str:
    """Return a time as the log writes it; refuse one without a zone."""
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        shown = moment.isoformat() if isinstance(moment, datetime) else repr(moment)
        msg = f"{name} is {shown}, which has no time zone; write +08:00 behind it or give it a tzinfo"
        raise StoreError(msg)
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _digest(session: Session, last: int | None) -> str:
    whole = hashlib.sha256()
    known = {str(row[0]) for row in session.execute("SELECT DISTINCT table_name FROM event")}
    projected = session.projections() if last is None else []
    for table in contracts():
        if table not in known and table not in projected:
            continue
        rows = session.rows_now(table) if table in projected else rows_at(session, table, last=last)
        for key, text in sorted((row.key, hashlib.sha256(canonical(row, table).encode()).hexdigest()) for row in rows):
            whole.update(f"{table}:{len(key)}:{key}:{text}\n".encode())
    return whole.hexdigest()


def _row(key: str, fid: int, seq: int, body: str, table: str) -> RowNow:
    found = decode_body(body, table)
    return RowNow(key, fid, seq, found.cells, found.crs, found.geometry, found.extra)
