"""Where two people wrote different values into one field without knowing of each other, and what was decided."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pandas as pd

from outfall.errors import StoreError
from outfall.store.backend import read_transaction, write_transaction
from outfall.store.fields import body_of, fields_of
from outfall.store.join import Draft, add_drafts, history, joined_rows, require_actor
from outfall.store.log import require_table
from outfall.store.received import find_wrong_body
from outfall.store.settle import RESOLVE, WHOLE_ROW, settle
from outfall.tables import contracts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from outfall.store.backend import Session, Store
    from outfall.store.settle import Clash, Settled

__all__ = ["list_conflicts", "resolve_conflict"]

_COLUMNS = ("table", "key", "column", "value", "actor", "device", "written_at", "event_id", "is_shown")
_GONE, _KEPT = "(deleted)", "(kept)"
Cell = str | int | float | bool | None


def list_conflicts(store: Store, *, table: str | None = None) -> pd.DataFrame:
    """Return every field with more than one value that a person has to decide on, one row per value.

    Parameters
    ----------
    store : path, URL or open store
        The store.
    table : str, optional
        Only conflicts of this table.

    Returns
    -------
    DataFrame, n values
        ``table``, ``key`` of the row, ``column`` (empty where one deleted the row and another edited it),
        ``value`` (as text; missing where the cell is), ``actor``, ``device``, ``written_at`` (UTC), ``event_id`` of the
        version, and ``is_shown``: whether the tables show this one meanwhile. Empty where nothing is to be decided.

    Raises
    ------
    StoreError
        No store, no such table, or a damaged file.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from outfall.store import create_store
    >>> len(list_conflicts(create_store(pathlib.Path(tempfile.mkdtemp()) / "county.outfalldb")))
    0
    """
    if table is not None:
        require_table(table)
    found = []
    with read_transaction(store) as session:
        for name, key, settled in _settled(session, table):
            for clash in settled.clashes:
                found += _lines(name, key, clash)
    frame = pd.DataFrame(found, columns=list(_COLUMNS))
    frame["written_at"] = pd.to_datetime(frame["written_at"], utc=True, format="ISO8601").dt.as_unit("us")
    texts = [name for name in _COLUMNS if name not in ("written_at", "is_shown")]
    return frame.astype({**dict.fromkeys(texts, "str"), "is_shown": "bool"})


def resolve_conflict(store: Store, table: str, key: str, column: str, *, event_id: str, actor: str, reason: str) -> str:
    """Decide a conflict for one of its values; the decision is an event like any other.

    For a value that nobody wrote, save the row with ``append_rows``: who writes a field anew after seeing both values
    has decided it.

    Parameters
    ----------
    store : path, URL or open store
        The store.
    table, key, column : str
        As ``list_conflicts`` says them.
    event_id : str
        The version whose value holds from now on, as ``list_conflicts`` says it.
    actor : str
        Who decides.
    reason : str
        Why.

    Returns
    -------
    str
        Event id of the decision.

    Raises
    ------
    StoreError
        There is no such conflict, none of its values is of that version, or actor or reason are empty.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from outfall.store import create_store
    >>> store = create_store(pathlib.Path(tempfile.mkdtemp()) / "county.outfalldb")
    >>> try:
    ...     resolve_conflict(store, "samples", "W1", "team", event_id="", actor="Li", reason="asked the team")
    ... except StoreError as error:
    ...     print(error)
    samples 'W1': there is no conflict about 'team'; list_conflicts shows what is to be decided
    """
    require_table(table)
    require_actor(actor)
    if not reason.strip():
        msg = f"{table} {key!r}: the reason is empty; say why this value holds"
        raise StoreError(msg)
    with write_transaction(store) as session:
        settled = settle(history(session, table, [key]).get(key, []))
        clash = next((one for one in settled.clashes if one.column == column), None)
        if clash is None:
            msg = f"{table} {key!r}: there is no conflict about {column!r}; list_conflicts shows what is to be decided"
            raise StoreError(msg)
        side = next((one for one in clash.sides if one.event_id == event_id), None)
        if side is None:
            ids = ", ".join(one.event_id[:12] for one in clash.sides)
            msg = f"{table} {key!r}: no value of {column!r} is of version {event_id[:12]!r}; there are {ids}"
            raise StoreError(msg)
        body = _decided(str(settled.body), clash, side.value)
        wrong = find_wrong_body(table, key, body)
        if wrong:
            msg = f"{table} {key!r}: with this value the row does not meet its contract: {wrong}"
            raise StoreError(msg)
        ref = f"{RESOLVE}{json.dumps([column], ensure_ascii=False)})"
        draft = Draft(table, key, ";".join(sorted(settled.heads)), body, ref)
        return add_drafts(session, [draft], actor=actor, reason=reason)[0].event_id


def _settled(session: Session, table: str | None) -> Iterator[tuple[str, str, Settled]]:
    rows = joined_rows(session)
    for name in contracts() if table is None else [table]:
        keys = sorted(key for one, key in rows if one == name)
        for key, changes in sorted(history(session, name, keys).items()):
            yield name, key, settle(changes)


def _lines(table: str, key: str, clash: Clash) -> list[tuple[Cell, ...]]:
    shown = clash.sides[-1].value if clash.column != WHOLE_ROW else "true"
    first = next(side for side in reversed(clash.sides) if side.value == shown)
    where = (table, key, clash.column)
    return [
        (
            *where,
            _spoken(clash.column, side.value),
            side.actor,
            side.device,
            side.hlc[:27],
            side.event_id,
            side is first,
        )
        for side in clash.sides
    ]


def _spoken(column: str, value: str) -> str | None:
    if column == WHOLE_ROW:
        return _KEPT if value == "true" else _GONE
    if not value or value == "null":
        return None
    cell = json.loads(value)
    return cell if isinstance(cell, str) else value


def _decided(body: str, clash: Clash, value: str) -> str | None:
    """Return the row with the value that was chosen; None where it was the deletion."""
    if clash.column == WHOLE_ROW:
        return body if value == "true" else None
    return body_of({**fields_of(body), (clash.group, clash.column): value})
