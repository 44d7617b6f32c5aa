"""How what was done is undone: new events that restore what was before; nothing is ever taken out of the log."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

from outfall.errors import Problem, StoreError
from outfall.store.backend import write_transaction
from outfall.store.fields import body_of, fields_of
from outfall.store.join import JOINED, Draft, add_drafts, history, require_actor
from outfall.store.received import LOCAL, find_wrong_body
from outfall.store.settle import EXISTS, RESOLVE, WHOLE_ROW, History, settle

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from outfall.store.backend import Session, Store
    from outfall.store.settle import Change, Settled

__all__ = ["undo"]

_BY_SEQ = "SELECT event_id, table_name, row_key FROM event WHERE seq BETWEEN ? AND ? AND device < ?"
_BY_ID = (
    "SELECT e.event_id, e.table_name, e.row_key FROM {keys} JOIN event AS e ON e.event_id = k.value WHERE e.device < ?"
)
_BY_IMPORT = """
SELECT e.event_id, e.table_name, e.row_key FROM event AS record
JOIN event AS e ON e.device = record.device AND e.hlc = record.hlc
WHERE record.table_name = 'imports' AND record.row_key = ? AND record.kind = 'put'
"""
_SHOWN = 20


class _Plan(NamedTuple):
    """What undoing does to one row."""

    drafts: list[Draft]
    problems: list[Problem]


def undo(
    store: Store,
    what: pd.DataFrame | Sequence[str] | tuple[int, int] | str,
    *,
    actor: str,
    reason: str,
    keep_later: bool = False,
) -> int:
    """Restore what was before some events: an edit, a merge, a split, a deletion, an import.

    What others wrote into the same rows without knowing of these events stays. An undo is undone like anything else.

    Parameters
    ----------
    store : path, URL or open store
        The store.
    what : DataFrame, list of str, pair of int, or str
        Events as ``read_events`` returned them, their event ids, the first and last seq of a stretch of the log, or
        the id of an import as ``list_imports`` says it.
    actor : str
        Who undoes.
    reason : str
        Why.
    keep_later : bool, default False
        Whether rows that were edited after these events are undone too; the later edits then stay, and only fields
        nobody has written since become what they were.

    Returns
    -------
    int
        Events written; 0 where everything is already as it was before.

    Raises
    ------
    StoreError
        An event is not in the store, actor or reason are empty, or rows were edited later: all of them are listed, and
        nothing is undone.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from outfall.store import append_rows, create_store, read_events, read_rows
    >>> store = create_store(pathlib.Path(tempfile.mkdtemp()) / "county.outfalldb")
    >>> lab = pd.DataFrame({"sample_id": ["W1"], "taken_at": ["2026-04-12T08:00Z"], "source_ref": ["lab.csv#2"]})
    >>> _ = append_rows(store, "samples", lab, actor="Li")
    >>> undo(store, read_events(store), actor="Li", reason="wrong file"), len(read_rows(store, "samples"))
    (1, 0)
    >>> undo(store, (2, 2), actor="Li", reason="it was the right one"), len(read_rows(store, "samples"))
    (1, 1)
    """
    require_actor(actor)
    if not reason.strip():
        msg = "the reason is empty; say why this is undone"
        raise StoreError(msg)
    with write_transaction(store) as session:
        rows = _targets(session, what)
        plans = [
            _plan(table, key, changes, rows[table][key], keep_later=keep_later)
            for table in sorted(rows)
            for key, changes in sorted(history(session, table, sorted(rows[table])).items())
        ]
        problems = [problem for plan in plans for problem in plan.problems]
        if problems:
            msg = f"{len(problems)} rows cannot simply become what they were; nothing was undone"
            fix = "Undo the later edits first, or undo with keep_later=True: later edits then stay."
            raise StoreError(msg, problems[:_SHOWN], fix="" if keep_later else fix)
        return len(add_drafts(session, [one for plan in plans for one in plan.drafts], actor=actor, reason=reason))


def _targets(
    session: Session, what: pd.DataFrame | Sequence[str] | tuple[int, int] | str
) -> dict[str, dict[str, set[str]]]:
    """Return the events to undo, by table and row."""
    if isinstance(what, str):
        found, wanted = session.execute(_BY_IMPORT, (what,)), {what}
        missing = set() if found else wanted
    elif isinstance(what, tuple) and len(what) == 2 and all(type(one) is int for one in what):
        found, missing = session.execute(_BY_SEQ, (*what, JOINED)), set()
    else:
        wanted = {str(one) for one in (what["event_id"] if isinstance(what, pd.DataFrame) else what)}
        found = session.execute(_BY_ID.format(keys=session.dialect.keys), (json.dumps(sorted(wanted)), JOINED))
        missing = wanted - {str(row[0]) for row in found} - _joins(session, wanted)
    if missing:
        shown = ", ".join(sorted(missing)[:3])
        msg = f"{shown}: no such event or import in this store; read_events and list_imports show what there is"
        raise StoreError(msg)
    rows: dict[str, dict[str, set[str]]] = {}
    for event_id, table, key in found:
        if table in LOCAL:
            continue  # that another store has what it was sent stays true
        rows.setdefault(str(table), {}).setdefault(str(key), set()).add(str(event_id))
    return rows


def _joins(session: Session, wanted: Collection[str]) -> set[str]:
    query = f"SELECT e.event_id FROM {session.dialect.keys} JOIN event AS e ON e.event_id = k.value WHERE e.device >= ?"  # noqa: S608
    return {str(row[0]) for row in session.execute(query, (json.dumps(sorted(wanted)), JOINED))}


def _plan(table: str, key: str, changes: list[Change], undone: set[str], *, keep_later: bool) -> _Plan:
    graph = History(sorted(changes))
    after = graph.after(undone) - undone
    later = [one for one in changes if one.event_id in after and not one.device.startswith(JOINED)]
    now = settle(changes)
    before = settle(one for one in changes if one.event_id not in undone | after)
    if later and not keep_later:
        names = sorted({f"{one.actor} at {one.hlc[:19]}Z" for one in later})
        what = f"was edited later: {', '.join(names[:3])}{' …' if len(names) > 3 else ''}"
        return _Plan([], [Problem(table, what, rows=(key,))])
    body = _without(graph, now, before, undone) if later else before.body
    wrong = find_wrong_body(table, key, body) if later else ""
    if wrong:
        return _Plan([], [Problem(table, f"would no longer meet its contract: {wrong}", rows=(key,))])
    decided = _decided(now, before, body)
    if _is_same(body, now.body) and not decided:
        return _Plan([], [])
    ref = f"{RESOLVE}{json.dumps(decided, ensure_ascii=False)})" if decided else f"undo({';'.join(sorted(undone))})"
    held = max((one for one in changes if one.event_id in before.heads), default=None)
    valid = (held.valid_from, held.valid_to) if held is not None else (None, None)
    return _Plan([Draft(table, key, ";".join(sorted(now.heads)), body, ref, *valid)], [])


def _without(graph: History, now: Settled, before: Settled, undone: set[str]) -> str | None:
    """Return the row as it is, with the fields that only the undone events wrote as they were before them."""
    if now.body is None or before.body is None:
        return now.body
    fields, was = fields_of(now.body), fields_of(before.body)
    for field, writers in graph.last_writers().items():
        if writers <= undone and field != EXISTS:
            fields[field] = was.get(field, "")
    return body_of(fields)


def _decided(now: Settled, before: Settled, body: str | None) -> list[str]:
    """Return the columns whose contradiction the undone events had part in."""
    still = {clash.column for clash in before.clashes}
    return [clash.column for clash in now.clashes if clash.column not in still and (body or clash.column == WHOLE_ROW)]


def _is_same(one: str | None, other: str | None) -> bool:
    return one == other or (one is not None and other is not None and fields_of(one) == fields_of(other))
