"""How tables stand in the live file and in snapshots: as GeoPackage, one column per contract column, with an R-tree.

GeoPackage 1.3: ``gpkg_contents``, ``gpkg_geometry_columns``, ``gpkg_spatial_ref_sys``; geometries as its header (with
an envelope unless a point) before ISO WKB; times in UTC with a Z. The R-tree is written here, row by row or packed, in
the transaction that writes the rows, so that no trigger of the file is ever run.
"""

from __future__ import annotations

import json
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import shapely

from outfall.store.backend import RowNow
from outfall.store.reference import crs_of, srs_of
from outfall.store.rtree import pack_rtree
from outfall.tables import contract, contracts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import apsw
    from numpy.typing import NDArray

    from outfall.store.backend import Box, Cell

__all__ = [
    "clear_rows",
    "drop_rows",
    "filled_columns",
    "find_rows",
    "has_geometry",
    "make_table",
    "put_rows",
    "tables_now",
    "time_in",
    "time_out",
    "unpack",
]

_TYPES = {"integer": "INTEGER", "real": "DOUBLE", "flag": "BOOLEAN", "time": "DATETIME"}
_SHAPES = {"point": "POINT", "line": "LINESTRING"}
_BATCH = 20_000
_MANY = 1_000  # rows from which a shorter statement is worth being compiled
_PACKED_FROM = 2_000  # rows from which a new tree is packed sooner than the old one grown
_POINT_FLAGS = 1  # little-endian, no envelope
_ENVELOPE_BYTES = (0, 32, 48, 48, 64)


def make_table(connection: apsw.Connection, table: str, *, is_live: bool = True) -> None:
    """Make an empty projection of a table; in a snapshot without the columns that lead back to the log."""
    for statement in _statements(table, is_live=is_live).values():
        connection.execute(statement).fetchall()
    declared = contract(table)
    kind = "features" if has_geometry(table) else "attributes"
    about = "INSERT INTO gpkg_contents (table_name, data_type, identifier, description, srs_id) VALUES (?, ?, ?, ?, ?)"
    connection.execute(about, (table, kind, table, declared.meaning, 0 if has_geometry(table) else None)).fetchall()
    if has_geometry(table):
        shape = _SHAPES.get(declared.geometry.rstrip("?"), "GEOMETRY")
        where = "INSERT INTO gpkg_geometry_columns VALUES (?, 'geom', ?, 0, 2, 0)"
        connection.execute(where, (table, shape)).fetchall()


def tables_now(connection: apsw.Connection) -> list[str]:
    """Return the tables that have a projection with today's columns, in the order of the contracts."""
    lines = connection.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'table'").fetchall()
    found = {str(name): sql for name, sql in lines}
    return [name for name in contracts() if found.get(name) == _statements(name, is_live=True)[name]]


def clear_rows(connection: apsw.Connection, table: str) -> None:
    """Make a projection empty and of today's columns."""
    connection.execute(f'DROP TABLE IF EXISTS "rtree_{table}_geom"').fetchall()
    connection.execute("DELETE FROM gpkg_geometry_columns WHERE table_name = ?", (table,)).fetchall()
    connection.execute("DELETE FROM gpkg_contents WHERE table_name = ?", (table,)).fetchall()
    connection.execute(f'DROP TABLE IF EXISTS "{table}"').fetchall()
    make_table(connection, table)
    connection.execute("INSERT OR REPLACE INTO setting VALUES (?, '[]')", (_filled_name(table),)).fetchall()


def put_rows(connection: apsw.Connection, table: str, rows: Iterable[RowNow], *, is_live: bool = True) -> None:
    """Insert or overwrite rows of a projection by their fid."""
    waiting, boxes, filled = iter(rows), [], set[str]()
    while batch := list(islice(waiting, _BATCH)):
        shapes = None
        if has_geometry(table):
            shapes, found = _blobs(connection, table, batch)
            boxes.append(found)
        columns = _by_column(table, batch, shapes, filled, is_live=is_live)
        names, marks = ", ".join(f'"{name}"' for name in columns), ", ".join("?" * len(columns))
        sql = f'INSERT OR REPLACE INTO "{table}" ({names}) VALUES ({marks})'  # noqa: S608
        connection.executemany(sql, zip(*columns.values(), strict=True)).fetchall()
    if is_live and filled:
        _note_filled(connection, table, filled)
    if boxes:
        _index(connection, table, *(np.concatenate(parts) for parts in zip(*boxes, strict=True)))


def drop_rows(connection: apsw.Connection, table: str, keys: Iterable[str]) -> None:
    """Remove rows of a projection; keys it does not have are passed over."""
    where = f'WHERE "{contract(table).key}" IN (SELECT value FROM json_each(?))'  # noqa: S608
    given = (json.dumps(list(keys)),)
    if has_geometry(table):
        fids = f'SELECT fid FROM "{table}" {where}'  # noqa: S608
        connection.execute(f'DELETE FROM "rtree_{table}_geom" WHERE id IN ({fids})', given).fetchall()  # noqa: S608
    connection.execute(f'DELETE FROM "{table}" {where}', given).fetchall()  # noqa: S608


def find_rows(
    connection: apsw.Connection, table: str, *, keys: Sequence[str] | None = None, box: Box | None = None
) -> Iterator[RowNow]:
    """Yield the rows of a projection by fid; a box yields at least the rows that touch it."""
    sql, given = _select(table), list[float | str]()
    if box is not None:
        if not has_geometry(table):
            return
        west, south, east, north = box
        sql += f' JOIN "rtree_{table}_geom" AS r ON r.id = t.fid AND r.minx <= ? AND r.maxx >= ? AND r.miny <= ? AND r.maxy >= ?'
        given += [east, west, north, south]
    if keys is not None:
        sql += f' WHERE t."{contract(table).key}" IN (SELECT value FROM json_each(?))'  # noqa: S608
        given.append(json.dumps(list(keys)))
    key_at = list(contract(table).columns).index(contract(table).key)
    dtypes = [column.dtype for column in contract(table).columns.values()]
    flags = [at for at, dtype in enumerate(dtypes) if dtype == "flag"]
    times = [at for at, dtype in enumerate(dtypes) if dtype == "time"]
    systems = _Systems(connection, table)
    for fid, seq, extra, blob, *cells in connection.execute(sql + " ORDER BY t.fid", tuple(given)):
        for at in flags:
            cells[at] = None if cells[at] is None else bool(cells[at])
        for at in times:
            cells[at] = time_in(cells[at])
        srs_id, shape = unpack(blob)
        yield RowNow(cells[key_at], fid, seq, tuple(cells), systems.name(srs_id), shape, extra)


def has_geometry(table: str) -> bool:
    """Return whether the rows of a table may have a geometry."""
    return contract(table).geometry != "none"


def unpack(blob: bytes | None) -> tuple[int | None, bytes | None]:
    """Return the reference system and the WKB of a GeoPackage geometry."""
    if blob is None:
        return None, None
    envelope = _ENVELOPE_BYTES[blob[3] >> 1 & 7]
    return int.from_bytes(blob[4:8], "little", signed=True), blob[8 + envelope :]


class _Systems:
    """The reference systems of one table, each looked up once."""

    def __init__(self, connection: apsw.Connection, table: str) -> None:
        self._connection, self._table = connection, table
        self._names: dict[int | None, str | None] = {}

    def name(self, srs_id: int | None) -> str | None:
        """Return a system as a body writes it; the one of the table for a row without a geometry."""
        if srs_id not in self._names:
            self._names[srs_id] = crs_of(self._connection, self._table, srs_id)
        return self._names[srs_id]


_Boxes = tuple["NDArray[np.int64]", "NDArray[np.float64]"]


def _blobs(connection: apsw.Connection, table: str, rows: Sequence[RowNow]) -> tuple[list[bytes | None], _Boxes]:
    """Return the geometries of rows as GeoPackage writes them, with their fids and boxes."""
    shapes = shapely.from_wkb(np.array([row.geometry for row in rows], dtype=object))
    boxes = shapely.bounds(shapes)
    systems = {
        crs: srs_of(connection, table, crs).to_bytes(4, "little", signed=True) for crs in {row.crs for row in rows}
    }
    codes = np.where(np.isnan(boxes[:, 0]), 0b10001, np.where(shapely.get_type_id(shapes) == 0, 1, 3)).tolist()
    envelopes = np.ascontiguousarray(boxes[:, [0, 2, 1, 3]], dtype="<f8")
    if len(systems) == 1 and set(codes) == {_POINT_FLAGS}:
        head = b"GP\x00" + bytes((_POINT_FLAGS,)) + next(iter(systems.values()))
        return [head + row.geometry for row in rows if row.geometry], (np.array([row.fid for row in rows]), boxes)
    blobs: list[bytes | None] = []
    for at, (row, code) in enumerate(zip(rows, codes, strict=True)):
        if row.geometry is None:
            blobs.append(None)
            continue
        envelope = envelopes[at].tobytes() if code == 3 else b""
        blobs.append(b"GP\x00" + bytes((code,)) + systems[row.crs] + envelope + row.geometry)
    return blobs, (np.array([row.fid for row in rows], dtype=np.int64), boxes)


def _index(connection: apsw.Connection, table: str, fids: NDArray[np.int64], boxes: NDArray[np.float64]) -> None:
    name, is_there = f"rtree_{table}_geom", ~np.isnan(boxes[:, 0])
    if is_there.sum() >= _PACKED_FROM:
        pack_rtree(connection, name, fids, boxes, is_there)
        return
    gone = [(fid,) for fid in fids[~is_there].tolist()]
    if gone:
        connection.executemany(f'DELETE FROM "{name}" WHERE id = ?', gone).fetchall()  # noqa: S608
    entries = zip(fids[is_there].tolist(), *boxes[is_there][:, [0, 2, 1, 3]].T.tolist(), strict=True)
    connection.executemany(f'INSERT OR REPLACE INTO "{name}" VALUES (?, ?, ?, ?, ?)', entries).fetchall()  # noqa: S608


def filled_columns(connection: apsw.Connection, table: str) -> tuple[str, ...]:
    """Return the columns in which something stands or stood, in order; all where nobody noted it."""
    found = connection.execute("SELECT value FROM setting WHERE name = ?", (_filled_name(table),)).fetchall()
    known = set(json.loads(str(found[0][0]))) if found else set(contract(table).columns)
    return tuple(name for name in contract(table).columns if name in known)


def _filled_name(table: str) -> str:
    return f"filled_{table}"


def _note_filled(connection: apsw.Connection, table: str, names: set[str]) -> None:
    """Note that something stands in these columns; a projection that was never noted stays so until it is made anew."""
    known = set(filled_columns(connection, table))
    if names - known:
        given = (json.dumps(sorted(names | known)), _filled_name(table))
        connection.execute("UPDATE setting SET value = ? WHERE name = ?", given).fetchall()


def _by_column(
    table: str, rows: Sequence[RowNow], shapes: Sequence[bytes | None] | None, filled: set[str], *, is_live: bool
) -> dict[str, Sequence[object]]:
    """Return rows column by column, of many rows only those in which something stands; add the names of these."""
    columns: dict[str, Sequence[object]] = {"fid": [row.fid for row in rows]}
    if is_live:
        columns |= {"event_seq": [row.event_seq for row in rows], "extra": [row.extra for row in rows]}
    if shapes is not None:
        columns["geom"] = shapes
    cells = zip(*[row.cells for row in rows], strict=True)
    for (name, declared), values in zip(contract(table).columns.items(), cells, strict=True):
        if set(map(type, values)) != {type(None)}:
            filled.add(name)
        elif len(rows) >= _MANY:
            continue
        is_time = declared.dtype == "time"
        columns[name] = [time_out(value, is_live=is_live) for value in values] if is_time else values
    return columns


def time_out(text: Cell, *, is_live: bool = False) -> Cell:
    """Return a time as GeoPackage writes it, to the millisecond; in the live file to the microsecond where it has more."""
    if not isinstance(text, str):
        return None
    return f"{text[:26]}Z" if is_live and text[23:26] != "000" else f"{text[:23]}Z"


def time_in(text: Cell) -> Cell:
    """Return a time of a GeoPackage as a body writes it."""
    return None if text is None else f"{str(text)[:-1]:0<26}+00:00"


@cache
def _select(table: str) -> str:
    shape = "t.geom" if has_geometry(table) else "NULL"
    names = ", ".join(f't."{name}"' for name in contract(table).columns)
    return f'SELECT t.fid, t.event_seq, t.extra, {shape}, {names} FROM "{table}" AS t'  # noqa: S608


@cache
def _statements(table: str, *, is_live: bool) -> dict[str, str]:
    """Return what makes the projection of a table, by the names it makes."""
    declared = contract(table)
    shape = _SHAPES.get(declared.geometry.rstrip("?"), "GEOMETRY")
    parts = ["fid INTEGER PRIMARY KEY NOT NULL", *([f"geom {shape}"] if has_geometry(table) else [])]
    parts += [f'"{name}" {_TYPES.get(column.dtype, "TEXT")}' for name, column in declared.columns.items()]
    parts += ["event_seq INTEGER NOT NULL", "extra TEXT"] if is_live else []
    made = {
        table: f'CREATE TABLE "{table}" ({", ".join(parts)})',
        f"{table}_by_key": f'CREATE UNIQUE INDEX "{table}_by_key" ON "{table}" ("{declared.key}")',
    }
    if has_geometry(table):
        name = f"rtree_{table}_geom"
        made[name] = f'CREATE VIRTUAL TABLE "{name}" USING rtree(id, minx, maxx, miny, maxy)'
    return made
