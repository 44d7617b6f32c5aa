"""Whether a store is whole: the chain of its log, its file, and its tables against what the log says they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import shapely

from outfall.errors import Problem, StoreError
from outfall.store.backend import find_backend, read_transaction
from outfall.store.body import canonical
from outfall.store.replay import rows_at
from outfall.store.seal import verify_chain
from outfall.tables import contract, contracts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from outfall.store.backend import RowNow, Session, Store

__all__ = ["check_store"]

_FIX = "Run outfall.store.rebuild, which makes every table anew from the log."


def check_store(path: Store, *, head: str | None = None) -> str:
    """Check the log as ``verify_chain`` does, then every row of every table and every index against the log.

    Parameters
    ----------
    path : path, URL or open store
        The live store.
    head : str, optional
        Hash that must still be in the log, as an earlier call or a snapshot gave it.

    Returns
    -------
    str
        SHA-256 of the last event, 64 zeros where there is none.

    Raises
    ------
    StoreError
        Names the first event that is not what was written; or, where the log is whole, every row that is not what the
        log says, with its event.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from outfall.store import create_store
    >>> check_store(create_store(pathlib.Path(tempfile.mkdtemp()) / "county.outfalldb"))[:8]
    '00000000'
    """
    name = find_backend(path).name
    last = verify_chain(path, head=head)
    try:
        with read_transaction(path) as session:
            problems = [problem for table in contracts() for problem in _table_problems(session, table)]
    except (
        ValueError,
        LookupError,
        TypeError,
        shapely.errors.ShapelyError,
    ) as error:  # what a flipped bit makes of a cell
        msg = f"{name}: every event is whole, but a table cannot be read ({error})"
        raise StoreError(msg, fix=_FIX) from error
    if problems:
        msg = f"{name}: every event is whole, but {len(problems)} things in the tables are not what the log says"
        raise StoreError(msg, problems[:20], fix=_FIX)
    return last


def _table_problems(session: Session, table: str) -> Iterator[Problem]:
    if table not in session.projections():
        return
    said = {row.key: row for row in rows_at(session, table)}
    boxes = _boxes(session, table)
    for row in session.rows_now(table):
        meant = said.pop(row.key, None)
        if meant is None:
            yield Problem(table, f"row {row.key!r} is in no event", rows=(row.key,))
            continue
        if (row.fid, row.event_seq) != (meant.fid, meant.event_seq) or canonical(row, table) != canonical(meant, table):
            yield Problem(table, f"row {row.key!r} is not what event {meant.event_seq} says", rows=(row.key,))
        if boxes is not None and not _is_found(boxes.pop(row.fid, None), row):
            yield Problem(table, f"row {row.key!r} of event {meant.event_seq} is not found by its box", rows=(row.key,))
    for key, meant in said.items():
        yield Problem(table, f"row {key!r} of event {meant.event_seq} is missing", rows=(key,))
    for fid in boxes or ():
        yield Problem(table, f"the spatial index has a row {fid} that the table has not")


def _boxes(session: Session, table: str) -> dict[int, tuple[float, ...]] | None:
    """Return the entries of the spatial index by fid, where it is ours to check: PostgreSQL keeps its own."""
    if session.dialect.name != "sqlite" or contract(table).geometry == "none":
        return None
    problem = session.execute("SELECT rtreecheck(?)", (f"rtree_{table}_geom",))[0][0]
    if problem != "ok":
        msg = f"the spatial index of {table} is damaged: {problem}"
        raise ValueError(msg)
    lines = session.execute(f'SELECT id, minx, miny, maxx, maxy FROM "rtree_{table}_geom"')  # noqa: S608
    return {int(str(fid)): tuple(float(str(edge)) for edge in box) for fid, *box in lines}


def _is_found(box: tuple[float, ...] | None, row: RowNow) -> bool:
    shape = shapely.from_wkb(row.geometry)
    if shape is None or shape.is_empty:
        return box is None
    if box is None:
        return False
    west, south, east, north = shape.bounds
    return box[0] <= west and box[1] <= south and box[2] >= east and box[3] >= north
