"""How columns that the contract does not know stand in a snapshot: each a column of its own, with a name of its own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from outfall.store.geopackage import time_out

if TYPE_CHECKING:
    from collections.abc import Sequence

    import apsw

    from outfall.store.backend import Cell

__all__ = ["add_columns"]

_TYPES = {
    "int": "INTEGER",
    "uint": "INTEGER",
    "Int": "INTEGER",
    "UInt": "INTEGER",
    "float": "DOUBLE",
    "Float": "DOUBLE",
    "bool": "BOOLEAN",
}


def add_columns(connection: apsw.Connection, table: str, extras: Sequence[tuple[int, str]]) -> None:
    """Write the other columns of some rows, given by fid as JSON.

    GeoPackage has its own fid and geom and ignores case: a name that is taken gets an underscore behind it.
    """
    loaded = [(fid, json.loads(text)) for fid, text in extras]
    dtypes: dict[str, set[str]] = {}
    for _, one in loaded:
        for name in one["extra"]:
            dtypes.setdefault(name, set()).add(str(one.get("dtypes", {}).get(name, "object")))
    about = connection.execute(f'PRAGMA table_info("{table}")').fetchall()
    taken = {str(row[1]).casefold() for row in about}
    for name, kinds in dtypes.items():
        kind = _type(kinds)
        column = name
        while column.casefold() in taken:
            column += "_"
        taken.add(column.casefold())
        connection.execute(f'ALTER TABLE "{table}" ADD COLUMN {_quoted(column)} {kind}').fetchall()
        values = [(_cell(one["extra"][name], kind), fid) for fid, one in loaded if name in one["extra"]]
        connection.executemany(f'UPDATE "{table}" SET {_quoted(column)} = ? WHERE fid = ?', values).fetchall()  # noqa: S608


def _type(kinds: set[str]) -> str:
    if len(kinds) > 1:
        return "TEXT"
    kind = next(iter(kinds))
    if kind.startswith("datetime64") and "," in kind:
        return "DATETIME"
    return next((sql for start, sql in _TYPES.items() if kind.startswith(start)), "TEXT")


def _cell(value: Cell, kind: str) -> Cell:
    if value is None:
        return None
    if kind == "DATETIME":
        return time_out(f"{str(value).removesuffix('+00:00')[:26]}+00:00")
    return value if kind != "TEXT" else str(value)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
