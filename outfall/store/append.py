"""How a table is saved: one event per row that is new or changed, and the rows they make, all of them or none."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from outfall.errors import StoreError
from outfall.store.backend import TRUTH, RowNow, write_transaction
from outfall.store.body import Encoded, encode_rows, is_same_row
from outfall.store.log import NewEvent, Tick, insert_events, require_table, tick
from outfall.store.replay import find_versions, moment_text, project_table
from outfall.store.seal import measured
from outfall.tables import check, contract

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from datetime import datetime

    import pandas as pd

    from outfall.store.backend import Session, Store
    from outfall.store.replay import Version

__all__ = ["append_rows"]

_NOW = f"""
SELECT row_key, event_id, seq FROM (
    SELECT row_key, event_id, seq, kind, ROW_NUMBER() OVER (PARTITION BY row_key ORDER BY {TRUTH}) AS age
    FROM event WHERE table_name = ? AND kind IN ('put', 'delete')
) AS moment WHERE age = 1 AND kind = 'put' ORDER BY seq
"""  # noqa: S608


_MANY = 5_000  # rows


class _Draft(NamedTuple):
    kind: str
    row_key: str
    base: str
    body: str | None
    source_ref: str


class _Signature(NamedTuple):
    actor: str
    reason: str
    valid_from: str | None
    valid_to: str | None


_Rows = dict[str, tuple[Encoded, str]]


def append_rows(
    path: Store,
    table: str,
    frame: pd.DataFrame,
    *,
    actor: str,
    reason: str = "",
    replace: bool = False,
    valid_from: datetime | None = None,
    valid_to: datetime | None = None,
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
    valid_from, valid_to : datetime with zone, optional
        Since when and until when the rows hold in the world (``valid_to`` itself excluded); without them, always. The
        same row with other times is another version.

    Returns
    -------
    int
        Number of events written.

    Raises
    ------
    StoreError
        No store, no such table, no actor, a damaged file, another writer for more than 30 s, a time without a zone, or
        a CRS that differs from the one the table is stored in.
    TableError
        The rows do not meet the contract; nothing is written.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import pandas as pd
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
    valid = _period(valid_from, valid_to)
    with _few_collections(len(frame)):
        return _append(path, table, frame, _Signature(actor, reason, *valid), replace=replace)


def _append(path: Store, table: str, frame: pd.DataFrame, signature: _Signature, *, replace: bool) -> int:
    checked = check(frame, table)
    keys = checked[contract(table).key].tolist() if len(checked) else []
    refs = checked["source_ref"].tolist() if keys else []
    rows = dict(zip(keys, zip(encode_rows(checked, table) if keys else [], refs, strict=True), strict=True))
    try:
        with write_transaction(path) as session:
            if table not in session.projections():
                project_table(session, table)
            found = find_versions(session, table, keys)
            drafts = _deleted(session, table, rows) if replace else []
            drafts += _changed(rows, found, signature[2:])
            if not replace and drafts:
                _refuse_other_crs(session, table, rows)
            if drafts:
                _write(session, table, drafts, rows, found, signature)
    except UnicodeEncodeError as error:
        raise StoreError(_half_character(table, rows)) from error
    return len(drafts)


@contextmanager
def _few_collections(count: int) -> Iterator[None]:
    """Put off the garbage collector for many rows: millions of cells that are all alive cost it a fifth of the time."""
    is_put_off = count >= _MANY and gc.isenabled()
    if is_put_off:
        gc.disable()
    try:
        yield
    finally:
        if is_put_off:
            gc.enable()


def _half_character(table: str, rows: _Rows) -> str:
    broken = [key for key, (row, _) in rows.items() if row.body != row.body.encode("utf-8", "replace").decode("utf-8")]
    shown = ", ".join(ascii(key) for key in broken[:3]) or "actor or reason"
    return (
        f"{table}: a text holds half a character (a lone surrogate) in {shown}; "
        "type it again, or read the file with its right encoding"
    )


def _period(since: datetime | None, until: datetime | None) -> tuple[str | None, str | None]:
    start = None if since is None else moment_text(since, "valid_from")
    end = None if until is None else moment_text(until, "valid_to")
    if start is not None and end is not None and end <= start:
        msg = f"valid_to {end} is not after valid_from {start}; a fact holds for some time"
        raise StoreError(msg)
    return start, end


def _changed(rows: _Rows, found: Mapping[str, Version], valid: tuple[str | None, str | None]) -> list[_Draft]:
    """Return a put for every row that the store does not have, or has with another content or period."""
    drafts = []
    for key, (row, ref) in rows.items():
        old = found.get(key)
        is_same = old is not None and old.body is not None and is_same_row(old.body, row.body)
        if is_same and old is not None and valid in ((None, None), (old.valid_from, old.valid_to)):
            continue
        drafts.append(_Draft("put", key, "" if old is None else old.event_id, row.body, ref))
    return drafts


def _deleted(session: Session, table: str, kept: Collection[str]) -> list[_Draft]:
    """Return a delete for every row of the store that is not among the keys."""
    return [
        _Draft("delete", str(key), str(event_id), None, f"replace(event {seq})")
        for key, event_id, seq in session.execute(_NOW, (table,))
        if key not in kept
    ]


def _refuse_other_crs(session: Session, table: str, rows: _Rows) -> None:
    """Refuse rows in another CRS than the rows that stay; one table has one CRS at every moment."""
    new = next((row.crs for row, _ in rows.values()), None)
    if contract(table).geometry == "none" or new is None:
        return
    others, old = 0, ""
    for row in session.rows_now(table):
        if row.key not in rows and row.crs is not None:
            if row.crs == new:
                return
            others, old = others + 1, row.crs
    if others:
        msg = (
            f"{table}: {others} rows are stored in {old}, the new ones are in {new}; "
            "convert the new ones with to_crs, or save the whole table with replace=True"
        )
        raise StoreError(msg)


def _write(
    session: Session,
    table: str,
    drafts: Sequence[_Draft],
    rows: _Rows,
    found: Mapping[str, Version],
    signature: _Signature,
) -> None:
    """Write the drafts as events of this store's own device, all at one moment of its clock, and the rows they make."""
    first = insert_events(session, _signed(tick(session), table, drafts, signature))
    session.drop_rows(table, [draft.row_key for draft in drafts if draft.body is None])
    session.put_rows(table, _made(drafts, rows, found, first))


def _made(drafts: Sequence[_Draft], rows: _Rows, found: Mapping[str, Version], first: int) -> Iterator[RowNow]:
    for seq, draft in enumerate(drafts, start=first):
        if draft.body is not None:
            old, row = found.get(draft.row_key), rows[draft.row_key][0]
            fid = seq if old is None else old.fid
            yield RowNow(draft.row_key, fid, seq, row.cells, row.crs, row.geometry, row.extra)


def _signed(at: Tick, table: str, drafts: Sequence[_Draft], signature: _Signature) -> Iterator[NewEvent]:
    """Yield the drafts as events; each is named as ``name_event`` does, the parts they share written once."""
    actor, reason, since, until = signature
    head = "".join(map(measured, (since, until, at.hlc, at.device)))
    middle, tail = {kind: "".join(map(measured, (actor, kind, table))) for kind in ("put", "delete")}, measured(reason)
    for number, (kind, key, base, body, ref) in enumerate(drafts, start=at.device_seq):
        row = f"{len(key)}:{key}{len(base)}:{base}{measured(body)}{tail}{len(ref)}:{ref}"
        name = sha256(f"{head}{measured(str(number))}{middle[kind]}{row}".encode()).hexdigest()
        yield NewEvent(name, since, until, at.hlc, at.device, number, actor, kind, table, key, base, body, reason, ref)
