"""What was read from which file: every row entered, or is kept apart with the reason; the same file twice changes nothing."""

from __future__ import annotations

import importlib.metadata
import json
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

from outfall.store.backend import read_transaction, write_transaction
from outfall.store.body import encode, is_same_row, to_frame
from outfall.store.fields import fields_of
from outfall.store.filed import find_encoding, hash_content, name_reader
from outfall.store.intake import Refused, Sorted, content_of, crs_of, in_crs, sort_rows
from outfall.store.join import Draft, add_drafts, add_joins, history, require_actor
from outfall.store.log import require_table
from outfall.store.replay import rows_at
from outfall.store.seal import digest
from outfall.store.settle import settle
from outfall.tables import contract, read_frame

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from outfall.store.backend import Session, Store

__all__ = ["Imported", "import_file", "list_imports"]

_KEPT = (
    "import_id", "table", "path", "sha256", "format", "encoding", "parser", "version", "crs_declared", "crs_stored",
    "n_read", "n_accepted", "n_quarantined", "n_events",
)  # fmt: skip


class Imported(NamedTuple):
    """What came of a file.

    Parameters
    ----------
    import_id : str
        Name of this import; ``undo`` takes it.
    read_count, accepted_count, quarantined_count : int
        Rows of the file; the first is the sum of the other two.
    event_count : int
        Rows that changed something in the store; 0 for a file that was imported before.
    is_known : bool
        Whether this file was imported before, with the same outcome.
    """

    import_id: str
    read_count: int
    accepted_count: int
    quarantined_count: int
    event_count: int
    is_known: bool


class _Entry(NamedTuple):
    """A row that enters: its key, its body, and where it was read."""

    key: str
    body: str
    source_ref: str


class _File(NamedTuple):
    sha256: str
    format: str
    encoding: str
    parser: str


def import_file(
    store: Store,
    path: Path | str,
    table: str,
    rows: pd.DataFrame | Callable[[Path], pd.DataFrame] = read_frame,
    *,
    actor: str,
    rename: Mapping[str, str] | None = None,
    tz: str | None = None,
) -> Imported:
    r"""Take the rows of a file into the store, once, and account for every one of them.

    Rows that do not meet the contract, and rows that only repeat another one under a new id, go to the quarantine; the
    others enter. A row that an earlier version of the file brought is updated; where a person or another file wrote it
    meanwhile, both are joined field by field, and what contradicts becomes a conflict.

    Parameters
    ----------
    store : path, URL or open store
        The store.
    path : path
        The file, or the folder, the rows come from. It is registered by its content.
    table : str
        Name of the contract.
    rows : DataFrame, or callable, default ``read_frame``
        The rows as read, not yet checked; or what reads them from the path.
    actor : str
        Who imports.
    rename : mapping of str to str, optional
        The file's heading to our column.
    tz : str, optional
        Zone of times that do not say theirs.

    Returns
    -------
    Imported
        Counts and the id of the import.

    Raises
    ------
    StoreError
        No store, no such table, or no actor.
    ReadError
        There is no such file, or it cannot be read.
    TableError
        The whole file is at fault: a required column is missing, or its geometry has no CRS.

    Examples
    --------
    >>> import tempfile
    >>> from outfall.store import create_store
    >>> folder = Path(tempfile.mkdtemp())
    >>> store = create_store(folder / "county.outfalldb")
    >>> _ = (folder / "lab.csv").write_text("sample_id,taken_at\nW1,2026-04-12T08:00Z\nW2,yesterday\n")
    >>> done = import_file(store, folder / "lab.csv", "samples", actor="Li")
    >>> done.read_count, done.accepted_count, done.quarantined_count
    (2, 1, 1)
    >>> import_file(store, folder / "lab.csv", "samples", actor="Li").is_known
    True
    """
    require_table(table)
    require_actor(actor)
    file = Path(path)
    frame = rows if isinstance(rows, pd.DataFrame) else rows(file)
    about = _File(
        hash_content(file), file.suffix.casefold().lstrip(".") or "folder", find_encoding(file), name_reader(rows)
    )
    found = sort_rows(frame, table, name=file.name, rename=rename, tz=tz)
    import_id = _import_id(about.sha256, table, found)
    with write_transaction(store) as session:
        known = _record(session, import_id)
        if known is not None:
            return Imported(import_id, known["n_read"], known["n_accepted"], known["n_quarantined"], 0, is_known=True)
        crs = next((row.crs for row in rows_at(session, table) if row.crs is not None), None)
        stored = [in_crs(part, crs) for part in found.rounds]
        entries, twins = _apart(session, table, stored)
        refused = [*found.refused, *twins]
        drafts = _changes(session, table, entries, file.name)
        counts = (len(frame), len(entries), len(refused), len(drafts))
        cells = (import_id, table, str(path), *about, importlib.metadata.version("outfall"))
        record = dict(zip(_KEPT, (*cells, crs_of(frame), crs_of(*stored), *counts), strict=True))
        own = [*_quarantined(import_id, table, refused), Draft("imports", import_id, "", _body(record), file.name)]
        add_drafts(session, [*drafts, *_on_heads(session, own)], actor=actor, reason=f"import {file.name}")
        add_joins(session, {(table, draft.row_key) for draft in drafts})
    return Imported(import_id, *counts, is_known=False)


def list_imports(store: Store) -> pd.DataFrame:
    """Return every import: what file, read by what, and what became of its rows.

    Parameters
    ----------
    store : path, URL or open store
        The store.

    Returns
    -------
    DataFrame, n imports
        ``import_id``, ``table``, ``path``, ``sha256``, ``format``, ``encoding``, ``parser``, ``version``,
        ``crs_declared``, ``crs_stored``, ``n_read`` = ``n_accepted`` + ``n_quarantined``, ``n_events``. Imports that
        were undone are not listed.

    Raises
    ------
    StoreError
        No store, or a damaged file.

    Examples
    --------
    >>> import tempfile
    >>> from outfall.store import create_store
    >>> len(list_imports(create_store(Path(tempfile.mkdtemp()) / "county.outfalldb")))
    0
    """
    with read_transaction(store) as session:
        found = internal_rows(session, "imports")
    counts = [name for name in _KEPT if name.startswith("n_")]
    frame = pd.DataFrame([[row.get(name) for name in _KEPT] for row in found], columns=list(_KEPT))
    return frame.astype({**dict.fromkeys(_KEPT, "str"), **dict.fromkeys(counts, "int64")})


def internal_rows(session: Session, table: str) -> list[dict[str, str | int | None]]:
    """Return the rows of a table of the store itself, in the order they were first written."""
    keys = session.execute(
        "SELECT row_key, MIN(seq) FROM event WHERE table_name = ? GROUP BY row_key ORDER BY 2", (table,)
    )
    found = history(session, table, [str(key) for key, _ in keys])
    bodies = [settle(found[str(key)]).body for key, _ in keys]
    return [json.loads(body)["columns"] for body in bodies if body is not None]


def _apart(session: Session, table: str, rounds: Sequence[pd.DataFrame]) -> tuple[list[_Entry], list[Refused]]:
    """Return the rows that enter, and those that only repeat a row of the store or of this file."""
    key, seen = contract(table).key, dict[str, tuple[str, str]]()
    if rounds:
        there = to_frame(list(rows_at(session, table)), table)
        for said, own, ref in zip(content_of(there, table), there[key], there["source_ref"], strict=True):
            if said[1]:
                seen.setdefault(said[0], (str(own), str(ref)))
    entering, twins, here = list[_Entry](), list[Refused](), dict[tuple[str, str], str]()
    for part in rounds:
        lines = zip(part[key], part["source_ref"], encode(part, table), content_of(part, table), strict=True)
        for own, ref, body, (what, is_telling) in lines:
            known = seen.setdefault(what, (own, ref)) if is_telling else (own, ref)
            if known[0] != own or (own, what) in here:
                other, where = known if known[0] != own else (own, here[own, what])
                reason = f"repeats {other!r} ({where}): the same row sent again"
                twins.append(Refused(ref, reason, f"与 {other!r}（{where}）内容相同，重复提交", body))
                continue
            here[own, what] = ref
            entering.append(_Entry(own, body, ref))
    return entering, twins


def _changes(session: Session, table: str, entries: Sequence[_Entry], name: str) -> list[Draft]:
    """Return what a file says that it did not say before."""
    there = history(session, table, sorted({entry.key for entry in entries}))
    drafts = []
    for key, body, ref in entries:
        changes = there.get(key, [])
        now = settle(changes)
        if now.body is not None and _says_same(now.body, body):
            continue
        is_undone = any(one.source_ref.startswith("undo(") for one in changes if one.event_id in now.heads)
        mine = [one for one in changes if one.source_ref.startswith(f"import({name}#") and one.body and not is_undone]
        last = [one for one in mine if one.hlc == max(each.hlc for each in mine)]
        if any(_says_same(str(one.body), body) for one in last):
            continue  # the file says what it said before; others have written since
        heads = now.heads if now.body is None or is_undone else ()
        base = ";".join(sorted(one.event_id for one in last) or sorted(heads))
        drafts.append(Draft(table, key, base, body, f"import({ref})"))
    return drafts


def _says_same(one: str, other: str) -> bool:
    """Return whether two bodies say the same, wherever they were read."""
    bare = [fields_of(body) for body in (one, other)]
    for fields in bare:
        fields.pop(("columns", "source_ref"), None)
    return is_same_row(one, other) or bare[0] == bare[1]


def _quarantined(import_id: str, table: str, refused: Sequence[Refused]) -> list[Draft]:
    drafts = []
    for at, (row, reason, reason_zh, raw) in enumerate(refused):
        own = f"{import_id}.{at}"
        cells = {"quarantine_id": own, "import_id": import_id, "table": table, "row": row, "reason": reason}
        cells |= {"reason_zh": reason_zh, "raw": raw, "state": "open"}
        drafts.append(Draft("quarantine", own, "", _body(cells), row))
    return drafts


def _record(session: Session, import_id: str) -> dict[str, int] | None:
    body = settle(history(session, "imports", [import_id]).get(import_id, [])).body
    return None if body is None else json.loads(body)["columns"]


def _on_heads(session: Session, drafts: Sequence[Draft]) -> list[Draft]:
    """Return the rows of the store's own tables, standing on what was written of them before: an import may be undone."""
    found = []
    for table in sorted({draft.table for draft in drafts}):
        there = history(session, table, [draft.row_key for draft in drafts if draft.table == table])
        bases = {key: ";".join(sorted(settle(changes).heads)) for key, changes in there.items()}
        found += [draft._replace(base=bases.get(draft.row_key, "")) for draft in drafts if draft.table == table]
    return found


def _body(cells: Mapping[str, object]) -> str:
    return json.dumps({"columns": dict(cells)}, ensure_ascii=False, separators=(",", ":"))


def _import_id(sha256: str, table: str, found: Sorted) -> str:
    """Return what names an import: the content of the file and what was read from it, whatever the file is called."""
    bodies = [body for part in found.rounds for body in encode(part.assign(source_ref=""), table)]
    raws = [json.dumps({**json.loads(one.raw), "source_ref": ""}, ensure_ascii=False) for one in found.refused]
    return digest((sha256, table, *bodies, *raws))[:24]
