"""How rows that people changed in a copy enter: standing on the version the copy was taken from, so that nothing is overwritten."""

from __future__ import annotations

from typing import TYPE_CHECKING

from outfall.errors import Problem, StoreError
from outfall.store.backend import write_transaction
from outfall.store.body import encode, is_same_row
from outfall.store.intake import in_crs
from outfall.store.join import Draft, add_drafts, add_joins, history, require_actor
from outfall.store.log import require_table
from outfall.store.replay import last_seq, rows_at
from outfall.store.settle import settle
from outfall.tables import check, contract

if TYPE_CHECKING:
    from collections.abc import Collection

    import pandas as pd

    from outfall.store.backend import Session, Store
    from outfall.store.settle import Change

__all__ = ["append_edits"]


def append_edits(
    store: Store,
    table: str,
    frame: pd.DataFrame,
    *,
    since: int,
    actor: str,
    reason: str = "",
    deleted: Collection[str] = (),
) -> int:
    """Save rows that were edited in a copy, as edits of the version the copy was taken from.

    Where somebody else wrote the row meanwhile, both are joined field by field; where both wrote one field, both values
    are kept and ``list_conflicts`` names them until a person decides (``resolve_conflict``). A row that was deleted here
    and edited there is such a conflict too. The same edits a second time write nothing.

    Parameters
    ----------
    store : path, URL or open store
        The live store.
    table : str
        Name of the contract.
    frame : DataFrame or GeoDataFrame, n rows
        Whole rows as they are in the copy; not changed. Rows that say what they said at ``since`` write nothing.
    since : int
        The seq of the last event the copy knew, as its pack says.
    actor : str
        Who changed them.
    reason : str, default ""
        Why.
    deleted : collection of str
        Keys of rows that people deleted in the copy.

    Returns
    -------
    int
        Number of edits written.

    Raises
    ------
    StoreError
        No store, no such table, no actor, or ``since`` is later than anything the store knows.
    TableError
        The rows do not meet the contract; nothing is written.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import pandas as pd
    >>> from outfall.store import append_rows, create_store
    >>> store = create_store(pathlib.Path(tempfile.mkdtemp()) / "county.outfalldb")
    >>> lab = pd.DataFrame({"sample_id": ["W1"], "team": ["1"], "taken_at": ["2026-04-12T08:00Z"], "source_ref": ["a#2"]})
    >>> _ = append_rows(store, "samples", lab, actor="Li")
    >>> append_edits(store, "samples", lab.assign(team="2"), since=1, actor="Wang")
    1
    """
    require_table(table)
    require_actor(actor)
    rows = check(frame, table)
    key = contract(table).key
    with write_transaction(store) as session:
        if since > last_seq(session, None):
            what = Problem(
                "since", f"{since} is later than the last event here", "give the store the copy was taken from"
            )
            msg = f"{table}: the copy is of another store"
            raise StoreError(msg, [what])
        crs = next((row.crs for row in rows_at(session, table) if row.crs is not None), None)
        told = dict(zip(rows[key].astype(str), encode(in_crs(rows, crs), table), strict=True)) if len(rows) else {}
        refs = dict(zip(rows[key].astype(str), rows["source_ref"].astype(str), strict=True))
        wanted = {**told, **dict.fromkeys(map(str, deleted))}
        drafts = _drafts(session, table, wanted, refs, since)
        add_drafts(session, drafts, actor=actor, reason=reason)
        add_joins(session, {(table, draft.row_key) for draft in drafts})
    return len(drafts)


def _drafts(
    session: Session, table: str, wanted: dict[str, str | None], refs: dict[str, str], since: int
) -> list[Draft]:
    """Return what the copy says that its version did not, standing on that version."""
    query = "SELECT event_id FROM event WHERE table_name = ? AND seq <= ?"
    known = {str(event_id) for (event_id,) in session.execute(query, (table, since))}
    there = history(session, table, sorted(wanted))
    drafts = []
    for key, body in wanted.items():
        changes = there.get(key, [])
        then = settle([one for one in changes if one.event_id in known])
        base = ";".join(sorted(then.heads))
        if _is_same(then.body, body) or any(
            one.base == base and _is_same(one.body, body) for one in _new(changes, known)
        ):
            continue
        drafts.append(Draft(table, key, base, body, f"edited({refs.get(key, key)})"))
    return drafts


def _new(changes: list[Change], known: Collection[str]) -> list[Change]:
    return [one for one in changes if one.event_id not in known]


def _is_same(one: str | None, other: str | None) -> bool:
    return one == other if one is None or other is None else is_same_row(one, other)
