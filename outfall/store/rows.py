"""What a table held at any moment: the log replayed, the last event of every row."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from outfall.errors import StoreError
from outfall.store.backend import TRUTH, read_transaction
from outfall.store.body import decode
from outfall.store.log import require_table
from outfall.tables import contracts

if TYPE_CHECKING:
    import pandas as pd

    from outfall.store.backend import Session, Store

__all__ = ["last_seq", "list_tables", "read_rows"]

_ROWS = f"""
SELECT e.body FROM (
    SELECT seq, MIN(seq) OVER (PARTITION BY row_key) AS fid,
        ROW_NUMBER() OVER (PARTITION BY row_key ORDER BY {TRUTH}) AS age
    FROM event WHERE table_name = ? AND seq <= ? AND kind IN ('put', 'delete')
) AS moment JOIN event AS e ON e.seq = moment.seq WHERE moment.age = 1 AND e.kind = 'put' ORDER BY moment.fid
"""  # noqa: S608
_COUNTS = f"""
SELECT table_name, COUNT(*) FROM (
    SELECT table_name, kind, ROW_NUMBER() OVER (PARTITION BY table_name, row_key ORDER BY {TRUTH}) AS age
    FROM event WHERE seq <= ? AND kind IN ('put', 'delete')
) AS moment WHERE age = 1 AND kind = 'put' GROUP BY table_name
"""  # noqa: S608


def read_rows(path: Store, table: str, *, as_of: datetime | int | None = None) -> pd.DataFrame:
    """Return a table as it is, or as it was at a moment.

    Parameters
    ----------
    path : path, URL or open store
        The live store.
    table : str
        Name of the contract.
    as_of : datetime with zone, or int, optional
        A time, or the seq of an event; what was written later is not seen. Now by default.

    Returns
    -------
    DataFrame or GeoDataFrame, n rows
        Meets the contract, in the CRS it was saved in; rows in the order they were first saved. A table nobody saved
        is empty.

    Raises
    ------
    StoreError
        No store, no such table, a damaged file, or a moment without a zone.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from outfall.store import create_store
    >>> len(read_rows(create_store(pathlib.Path(tempfile.mkdtemp()) / "county.outfalldb"), "outfalls"))
    0
    """
    require_table(table)
    with read_transaction(path) as session:
        bodies = [str(row[0]) for row in session.execute(_ROWS, (table, last_seq(session, as_of)))]
    return decode(bodies, table)


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
    if as_of.tzinfo is None:
        msg = f"as_of is {as_of.isoformat()}, which has no time zone; write +08:00 behind it or give it a tzinfo"
        raise StoreError(msg)
    at = as_of.astimezone(UTC).isoformat(timespec="microseconds")
    query = "SELECT seq FROM event WHERE recorded_at <= ? ORDER BY seq DESC LIMIT 1"
    found = session.execute(query, (at,))
    return int(str(found[0][0])) if found else 0
