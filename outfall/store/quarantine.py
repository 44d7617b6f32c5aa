"""What was read and did not enter: every such row with its reason, and how it enters after all once it is corrected."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pandas as pd

from outfall.errors import Problem, StoreError
from outfall.store.backend import open_store, read_transaction, write_transaction
from outfall.store.imports import internal_rows
from outfall.store.join import Draft, add_drafts, history, require_actor
from outfall.store.settle import settle

if TYPE_CHECKING:
    from collections.abc import Sequence

    from outfall.store.backend import Session, Store

__all__ = ["list_quarantine", "release_quarantine"]

_COLUMNS = ("quarantine_id", "import_id", "table", "row", "reason", "reason_zh", "raw", "state")


def list_quarantine(store: Store, *, import_id: str | None = None, with_released: bool = False) -> pd.DataFrame:
    """Return the rows that were read and did not enter, with the reason.

    Parameters
    ----------
    store : path, URL or open store
        The store.
    import_id : str, optional
        Only rows of this import.
    with_released : bool, default False
        Whether rows that entered later are listed too.

    Returns
    -------
    DataFrame, n rows
        ``quarantine_id``, ``import_id``, ``table``, ``row`` (where it stood), ``reason``, ``reason_zh``, ``raw`` (the
        whole row as JSON) and ``state``: open, or released.

    Raises
    ------
    StoreError
        No store, or a damaged file.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from outfall.store import create_store
    >>> len(list_quarantine(create_store(pathlib.Path(tempfile.mkdtemp()) / "county.outfalldb")))
    0
    """
    with read_transaction(store) as session:
        found = internal_rows(session, "quarantine")
    frame = pd.DataFrame([[row.get(name) for name in _COLUMNS] for row in found], columns=list(_COLUMNS)).astype("str")
    if import_id is not None:
        frame = frame[frame["import_id"] == import_id]
    if not with_released:
        frame = frame[frame["state"] == "open"]
    return frame.reset_index(drop=True)


def release_quarantine(
    store: Store,
    quarantine_ids: Sequence[str],
    rows: pd.DataFrame | None = None,
    *,
    actor: str,
    reason: str,
) -> int:
    r"""Let rows out of the quarantine: corrected, or for good.

    Parameters
    ----------
    store : path, URL or open store
        The store.
    quarantine_ids : sequence of str
        As ``list_quarantine`` says them; all of one table.
    rows : DataFrame or GeoDataFrame, optional
        The corrected rows, which must meet the contract. Without them nothing enters: somebody decided that these rows
        are not wanted.
    actor : str
        Who decides.
    reason : str
        Why; what was corrected.

    Returns
    -------
    int
        Number of rows that entered or changed the table.

    Raises
    ------
    StoreError
        One of the rows is not in the quarantine, or they are of several tables, or actor or reason are empty.
    TableError
        The corrected rows still do not meet the contract; nothing is released.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from outfall.store import create_store, read_rows
    >>> from outfall.store.imports import import_file
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> store, file = create_store(folder / "county.outfalldb"), folder / "lab.csv"
    >>> _ = file.write_text("sample_id,taken_at\nW2,yesterday\n")
    >>> done = import_file(store, file, "samples", actor="Li")
    >>> held = list_quarantine(store)
    >>> good = pd.DataFrame({"sample_id": ["W2"], "taken_at": ["2026-04-11T08:00Z"], "source_ref": held["row"]})
    >>> release_quarantine(store, held["quarantine_id"].tolist(), good, actor="Li", reason="asked the team")
    1
    >>> len(list_quarantine(store)), len(read_rows(store, "samples"))
    (0, 1)
    """
    from outfall.store import append_rows

    require_actor(actor)
    if not reason.strip():
        msg = "the reason is empty; say what was corrected, or why the rows are not wanted"
        raise StoreError(msg)
    with open_store(store) as kept:
        with read_transaction(kept) as session:
            table = _table_of(session, quarantine_ids)
        entered = 0 if rows is None or not len(rows) else append_rows(kept, table, rows, actor=actor, reason=reason)
        with write_transaction(kept) as session:
            add_drafts(session, _released(session, quarantine_ids), actor=actor, reason=reason)
    return entered


def _table_of(session: Session, quarantine_ids: Sequence[str]) -> str:
    open_rows = {
        str(row["quarantine_id"]): str(row["table"])
        for row in internal_rows(session, "quarantine")
        if row["state"] == "open"
    }
    problems = [
        Problem("quarantine", "no such row is waiting", rows=(own,)) for own in quarantine_ids if own not in open_rows
    ]
    tables = {open_rows[own] for own in quarantine_ids if own in open_rows}
    if problems or len(tables) != 1:
        several = (
            [Problem("quarantine", f"the rows are of {len(tables)} tables", "release them table by table")]
            if len(tables) > 1
            else []
        )
        msg = f"{len(quarantine_ids)} rows cannot be released; list_quarantine shows what is waiting"
        raise StoreError(msg, [*problems, *several])
    return tables.pop()


def _released(session: Session, quarantine_ids: Sequence[str]) -> list[Draft]:
    drafts = []
    for key, changes in history(session, "quarantine", list(quarantine_ids)).items():
        now = settle(changes)
        whole = json.loads(str(now.body))
        whole["columns"]["state"] = "released"
        body = json.dumps(whole, ensure_ascii=False, separators=(",", ":"))
        drafts.append(Draft("quarantine", key, ";".join(sorted(now.heads)), body, "release"))
    return drafts
