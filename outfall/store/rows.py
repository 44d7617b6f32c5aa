"""What a table held at any moment: the log replayed, the last event of every row."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from outfall.errors import StoreError
from outfall.store.body import decode
from outfall.store.live import read_transaction
from outfall.store.log import require_table
from outfall.tables import contracts

if TYPE_CHECKING:
    from pathlib import Path

    import apsw
    import pandas as pd

__all__ = ["last_seq", "list_tables", "read_rows"]

_ROWS = """
WITH moment AS (
    SELECT MAX(seq) AS last, MIN(seq) AS first FROM event WHERE table_name = ?1 AND seq <= ?2 GROUP BY row_key
)
SELECT e.body FROM moment JOIN event AS e ON e.seq = moment.last WHERE e.kind = 'put' ORDER BY moment.first
"""
_COUNTS = """
WITH moment AS (SELECT table_name, MAX(seq) AS last FROM event WHERE seq <= ?1 GROUP BY table_name, row_key)
SELECT moment.table_name, COUNT(*) FROM moment JOIN event AS e ON e.seq = moment.last WHERE e.kind = 'put'
GROUP BY moment.table_name
"""


def read_rows(path: Path | str, table: str, *, as_of: datetime | int | None = None) -> pd.DataFrame:
    """Return a table as it is, or as it was at a moment.

    Parameters
    ----------
    path : path
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
    with read_transaction(path) as connection:
        bodies = [row[0] for row in connection.execute(_ROWS, (table, last_seq(connection, as_of)))]
    return decode(bodies, table)


def list_tables(path: Path | str, *, as_of: datetime | int | None = None) -> dict[str, int]:
    """Return the tables that hold rows, with how many.

    Parameters
    ----------
    path : path
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
    with read_transaction(path) as connection:
        found = connection.execute(_COUNTS, (last_seq(connection, as_of),)).fetchall()
        counts = {str(name): int(str(count)) for name, count in found}
    return {name: counts[name] for name in contracts() if name in counts}


def last_seq(connection: apsw.Connection, as_of: datetime | int | None) -> int:
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
        return int(str(connection.execute("SELECT COALESCE(MAX(seq), 0) FROM event").fetchall()[0][0]))
    if as_of.tzinfo is None:
        msg = f"as_of is {as_of.isoformat()}, which has no time zone; write +08:00 behind it or give it a tzinfo"
        raise StoreError(msg)
    at = as_of.astimezone(UTC).isoformat(timespec="microseconds")
    query = "SELECT seq FROM event WHERE recorded_at <= ? ORDER BY seq DESC LIMIT 1"
    found = connection.execute(query, (at,)).fetchall()
    return int(str(found[0][0])) if found else 0
