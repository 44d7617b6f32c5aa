"""What a table held at any moment: the log replayed, the last event of every row."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from outfall.errors import StoreError
from outfall.store.backend import TRUTH, find_backend, read_transaction
from outfall.store.body import to_frame
from outfall.store.found import Found
from outfall.store.light import touches
from outfall.store.log import require_table
from outfall.store.replay import last_seq, moment_text, rows_at
from outfall.tables import contract, contracts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    import pandas as pd

    from outfall.store.backend import Box, RowNow, Session, Store
    from outfall.store.found import Reader

__all__ = ["find_rows", "list_tables", "read_rows"]

_COUNTS = f"""
SELECT table_name, COUNT(*) FROM (
    SELECT table_name, kind, ROW_NUMBER() OVER (PARTITION BY table_name, row_key ORDER BY {TRUTH}) AS age
    FROM event WHERE seq <= ? AND kind IN ('put', 'delete')
) AS moment WHERE age = 1 AND kind = 'put' GROUP BY table_name
"""  # noqa: S608


def read_rows(
    path: Store,
    table: str,
    *,
    as_of: datetime | int | None = None,
    valid_at: datetime | None = None,
    keys: Iterable[str] | None = None,
    box: Box | None = None,
) -> pd.DataFrame:
    """Return a table as it is, or as it was at a moment; whole, or the rows of some keys or inside a box.

    Parameters
    ----------
    path : path, URL or open store
        The live store. Many reads are soonest from an open one (``with open_store(path) as store``).
    table : str
        Name of the contract.
    as_of : datetime with zone, or int, optional
        A time, or the seq of an event; what this store learned later is not seen. Now by default.
    valid_at : datetime with zone, optional
        A time in the world: of each row the last version that held then (see ``valid_from`` of ``append_rows``).
    keys : iterable of str, optional
        Only rows with these keys; keys nobody saved are passed over.
    box : tuple of float, optional
        West, south, east, north in the CRS of the table, edges included: only rows whose geometry touches it.

    Returns
    -------
    DataFrame or GeoDataFrame, n rows
        Meets the contract, in the CRS it was saved in; rows in the order they were first saved. A table nobody saved
        is empty.

    Raises
    ------
    StoreError
        No store, no such table, a damaged file, a moment without a zone, or a box that is none.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from outfall.store import create_store
    >>> len(read_rows(create_store(pathlib.Path(tempfile.mkdtemp()) / "county.outfalldb"), "outfalls"))
    0
    """
    require_table(table)
    wanted = None if keys is None else [str(key) for key in keys]
    if box is not None:
        _require_box(box)
    with read_transaction(path) as session:
        return to_frame(_rows(session, table, as_of=as_of, valid_at=valid_at, keys=wanted, box=box), table)


def find_rows(path: Store, table: str, *, keys: Iterable[str] | None = None, box: Box | None = None) -> list[Found]:
    """Return the rows of some keys or inside a box as they are now, without making a frame: for many small questions.

    Parameters
    ----------
    path : path, URL or open store
        The live store; open (``with open_store(path) as store``) a question takes well under a millisecond.
    table : str
        Name of the contract.
    keys : iterable of str, optional
        Only rows with these keys.
    box : tuple of float, optional
        West, south, east, north in the CRS of the table, edges included: only rows whose geometry touches it.

    Returns
    -------
    list of Found
        Read like dicts (``dict(row)`` makes one): cells by column; times as ISO text in UTC, ``geometry`` as WKB, what
        is missing as None.

    Raises
    ------
    StoreError
        No store, no such table, a damaged file, or a box that is none.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from outfall.store import create_store
    >>> find_rows(create_store(pathlib.Path(tempfile.mkdtemp()) / "county.outfalldb"), "outfalls", keys=["P-1"])
    []
    """
    require_table(table)
    wanted = None if keys is None else [str(key) for key in keys]
    if box is not None:
        _require_box(box)
    with find_backend(path).reading() as session:
        light = session.rows_light(table, keys=wanted, box=box)
        if light is not None:
            return light
        rows = _rows(session, table, keys=wanted, box=box)
    readers: dict[str, Reader] = {name: (at, None) for at, name in enumerate((*contract(table).columns, "geometry"))}
    return [Found((*row.cells, row.geometry), readers) for row in rows]


def list_tables(path: Store, *, as_of: datetime | int | None = None) -> dict[str, int]:
    """Return the tables that hold rows, with how many.

    Parameters
    ----------
    path : path, URL or open store
        The live store.
    as_of : datetime with zone, or int, optional
        A time, or the seq of an event. Now by default.

    Returns
    -------
    dict of str to int
        Rows by table, in the order of the contracts.

    Raises
    ------
    StoreError
        No store, a damaged file, or a moment without a zone.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from outfall.store import create_store
    >>> list_tables(create_store(pathlib.Path(tempfile.mkdtemp()) / "county.outfalldb"))
    {}
    """
    with read_transaction(path) as session:
        found = session.execute(_COUNTS, (last_seq(session, as_of),))
        counts = {str(name): int(str(count)) for name, count in found}
    return {name: counts[name] for name in contracts() if name in counts}


def _rows(
    session: Session,
    table: str,
    *,
    as_of: datetime | int | None = None,
    valid_at: datetime | None = None,
    keys: Sequence[str] | None = None,
    box: Box | None = None,
) -> list[RowNow]:
    if as_of is None and valid_at is None and table in session.projections():
        rows = session.rows_now(table, keys=keys, box=box)
    else:
        last = None if as_of is None else last_seq(session, as_of)
        at = None if valid_at is None else moment_text(valid_at, "valid_at")
        kept = None if keys is None else set(keys)
        rows = (row for row in rows_at(session, table, last=last, at=at) if kept is None or row.key in kept)
    return list(rows) if box is None else [row for row in rows if touches(row.geometry, box)]


def _require_box(box: Box) -> None:
    is_one = len(box) == 4 and all(math.isfinite(side) for side in box)
    if not is_one or box[0] > box[2] or box[1] > box[3]:
        msg = f"the box {box} is none; give west, south, east, north as numbers of the table's CRS, west <= east, south <= north"
        raise StoreError(msg)
