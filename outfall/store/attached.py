"""How a snapshot takes its rows from a live file without passing them through Python: SQLite copies table to table.

Both files are open in our own SQLite build; the live one is only read. Its R-tree is copied node by node, for the rows
keep their numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import apsw

from outfall.store.connection import run
from outfall.store.geopackage import has_geometry, make_table
from outfall.tables import contract

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["attach", "copy_table", "is_at"]

_LIVE = "live"


def attach(connection: apsw.Connection, file: Path) -> None:
    """Open a live file beside the snapshot that is being written, outside any transaction."""
    connection.execute(f"ATTACH ? AS {_LIVE}", (str(file),)).fetchall()


def is_at(connection: apsw.Connection, seq: int) -> bool:
    """Return whether the live file, as this transaction sees it, ends with this event."""
    found = connection.execute(f"SELECT COALESCE(MAX(seq), 0) FROM {_LIVE}.event").fetchall()  # noqa: S608
    return bool(found[0][0] == seq)


def copy_table(connection: apsw.Connection, table: str) -> list[tuple[int, str]] | None:
    """Copy the rows of a projection into a new layer; return the columns the contract does not know, by fid, as JSON.

    None where the projection has no rows, and nothing is made.
    """
    if not connection.execute(f'SELECT 1 FROM {_LIVE}."{table}" LIMIT 1').fetchall():  # noqa: S608
        return None
    make_table(connection, table, is_live=False)
    columns = contract(table).columns.items()
    names = ["fid", *(["geom"] if has_geometry(table) else []), *[f'"{name}"' for name, _ in columns]]
    times = {f'"{name}"' for name, column in columns if column.dtype == "time"}
    taken = [f"substr({name}, 1, 23) || 'Z'" if name in times else name for name in names]
    sql = (
        f'INSERT INTO main."{table}" ({", ".join(names)}) SELECT {", ".join(taken)} FROM {_LIVE}."{table}" ORDER BY fid'  # noqa: S608
    )
    run(connection, sql)
    if has_geometry(table):
        _copy_systems(connection, table)
        _copy_tree(connection, f"rtree_{table}_geom")
    extras = f'SELECT fid, extra FROM {_LIVE}."{table}" WHERE extra IS NOT NULL ORDER BY fid'  # noqa: S608
    return [(int(str(fid)), str(text)) for fid, text in connection.execute(extras)]


def _copy_systems(connection: apsw.Connection, table: str) -> None:
    run(
        connection,
        f"INSERT OR IGNORE INTO main.gpkg_spatial_ref_sys SELECT * FROM {_LIVE}.gpkg_spatial_ref_sys "  # noqa: S608
        f"WHERE srs_id IN (SELECT srs_id FROM {_LIVE}.gpkg_geometry_columns WHERE table_name = '{table}')",
    )
    for name in ("gpkg_contents", "gpkg_geometry_columns"):
        found = f"(SELECT srs_id FROM {_LIVE}.{name} WHERE table_name = '{table}')"  # noqa: S608
        run(connection, f"UPDATE main.{name} SET srs_id = {found} WHERE table_name = '{table}'")  # noqa: S608


def _copy_tree(connection: apsw.Connection, name: str) -> None:
    """Copy an R-tree as it is: its nodes have one size on pages of every size that we make."""
    connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 0)  # the tables below the tree are closed to all but this
    try:
        for part in ("node", "parent", "rowid"):
            run(connection, f'DELETE FROM main."{name}_{part}"')  # noqa: S608
            run(connection, f'INSERT INTO main."{name}_{part}" SELECT * FROM {_LIVE}."{name}_{part}"')  # noqa: S608
    finally:
        connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)
