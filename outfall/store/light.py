"""The shortest way to a few rows of a live file: one statement, one pass, nothing put into words that nobody asks for."""

from __future__ import annotations

import json
from functools import cache
from operator import itemgetter
from struct import Struct
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import apsw
import shapely

from outfall.store.found import Found
from outfall.store.geopackage import has_geometry, tables_now, time_in, unpack
from outfall.tables import contract

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from outfall.store.backend import Box, Cell
    from outfall.store.found import Reader

__all__ = ["find_light", "touches"]

_POINT = b"\x01\x01\x00\x00\x00"  # two numbers follow
_POINT_BYTES = 29  # of a GeoPackage point; no other geometry is as long
_POINT_AT = Struct("<dd").unpack_from
_FID = itemgetter(0)
_today: WeakKeyDictionary[apsw.Connection, tuple[int, list[str]]] = WeakKeyDictionary()


def find_light(
    connection: apsw.Connection, table: str, *, keys: Sequence[str] | None = None, box: Box | None = None
) -> list[Found] | None:
    """Return the rows of some keys, or those that touch a box, by fid; None where the table has no projection of today.

    Asked first and checked afterwards: whether the projection is of today is known as long as nobody wrote.
    """
    if box is not None and not has_geometry(table):
        return []
    sql, given = _light(table, has_keys=keys is not None, has_box=box is not None), list[float | str](box or ())
    if keys is not None:
        given.append(json.dumps(list(keys)))
    try:
        lines: list[tuple[Any, ...]] = connection.execute(sql, given).fetchall()
    except apsw.SQLError:
        if table in tables_now(connection):
            raise
        return None
    version = connection.data_version()
    if _today.get(connection, (None,))[0] != version:
        _today[connection] = (version, tables_now(connection))
    if table not in _today[connection][1]:
        return None
    lines.sort(key=_FID)
    readers = _readers(table)
    if box is None:
        return [Found(line, readers) for line in lines]
    return _inside(lines, readers, box)


def touches(geometry: bytes | None, box: Box) -> bool:
    """Return whether a geometry touches a box; exactly, where the tree only knows a box around it in float32."""
    if geometry is None:
        return False
    west, south, east, north = box
    if geometry[:5] == _POINT:
        lon, lat = _POINT_AT(geometry, 5)
        return bool(west <= lon <= east and south <= lat <= north)
    shape = shapely.from_wkb(geometry)
    return bool(shapely.intersects(shape, shapely.box(*box)))


def _inside(lines: Sequence[tuple[Any, ...]], readers: Mapping[str, Reader], box: Box) -> list[Found]:
    west, south, east, north = box
    found = []
    for line in lines:
        blob: bytes = line[1]
        if len(blob) == _POINT_BYTES:
            lon, lat = _POINT_AT(blob, _POINT_BYTES - 16)
            if west <= lon <= east and south <= lat <= north:
                found.append(Found(line, readers))
        elif touches(unpack(blob)[1], box):
            found.append(Found(line, readers))
    return found


@cache
def _light(table: str, *, has_keys: bool, has_box: bool) -> str:
    names = ", ".join(f't."{name}"' for name in contract(table).columns)
    shape = "t.geom" if has_geometry(table) else "NULL"
    found, asked = f'"{table}" AS t', []
    if has_box:
        found = f'"rtree_{table}_geom" AS r CROSS JOIN {found} ON t.fid = r.id'
        asked = ["r.minx <= ?3", "r.maxx >= ?1", "r.miny <= ?4", "r.maxy >= ?2"]
    if has_keys:
        asked.append(f't."{contract(table).key}" IN (SELECT value FROM json_each(?{5 if has_box else 1}))')  # noqa: S608
    where = f" WHERE {' AND '.join(asked)}" if asked else ""
    return f"SELECT t.fid, {shape}, {names} FROM {found}{where}"  # noqa: S608


@cache
def _readers(table: str) -> dict[str, Reader]:
    """Return where in a line of ``_light`` every cell stands, and what makes it a value."""
    turns: dict[str, Callable[[object], Cell | bytes]] = {"flag": bool, "time": time_in}  # type: ignore[dict-item]
    columns = enumerate(contract(table).columns.items(), start=2)
    return {
        **{name: (at, turns.get(column.dtype)) for at, (name, column) in columns},
        "geometry": (1, _shape),
    }


def _shape(blob: object) -> bytes | None:
    return unpack(blob)[1]  # type: ignore[arg-type]
