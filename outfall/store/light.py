"""The shortest way to a few rows of a live file: one statement, one pass, nothing put into words that nobody asks for."""

from __future__ import annotations

import json
from contextlib import suppress
from functools import cache
from operator import itemgetter
from struct import Struct
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

import apsw
import shapely

from outfall.store.found import Found
from outfall.store.geopackage import filled_columns, has_geometry, tables_now, time_in, unpack
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
_NOTHING_AT = 2  # where None stands in a line, for the columns in which nothing stands
_today: WeakKeyDictionary[apsw.Connection, _State] = WeakKeyDictionary()


class _State(NamedTuple):
    """What one connection knows of a file as long as nobody writes: of each projection of today the columns filled."""

    version: int
    filled: dict[str, tuple[str, ...]]


def find_light(
    connection: apsw.Connection, table: str, *, keys: Sequence[str] | None = None, box: Box | None = None
) -> list[Found] | None:
    """Return the rows of some keys, or those that touch a box, by fid; None where the table has no projection of today.

    For connections that only read. Asked first and checked afterwards: whether somebody wrote meanwhile is seen only
    after a read.
    """
    if box is not None and not has_geometry(table):
        return []
    given: list[float | str] = [*(box or ()), *([] if keys is None else [json.dumps(list(keys))])]
    state = _today.get(connection)
    lines = None
    if state is not None and table in state.filled:
        with suppress(apsw.SQLError):  # the table was taken away meanwhile
            lines = connection.execute(
                _light(table, state.filled[table], keys is not None, box is not None), given
            ).fetchall()
    if state is None or lines is None or connection.data_version() != state.version:
        state = _look(connection)
        if table not in state.filled:
            return None
        lines = connection.execute(
            _light(table, state.filled[table], keys is not None, box is not None), given
        ).fetchall()
    lines.sort(key=_FID)
    readers = _readers(table, state.filled[table])
    if box is None:
        return [Found(line, readers) for line in lines]
    return _inside(lines, readers, box)


def _look(connection: apsw.Connection) -> _State:
    filled = {table: filled_columns(connection, table) for table in tables_now(connection)}
    _today[connection] = _State(connection.data_version(), filled)
    return _today[connection]


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
def _light(table: str, filled: tuple[str, ...], has_keys: bool, has_box: bool) -> str:  # noqa: FBT001
    names = "".join(f', t."{name}"' for name in filled)
    shape = "t.geom" if has_geometry(table) else "NULL"
    found, asked = f'"{table}" AS t', []
    if has_box:
        found = f'"rtree_{table}_geom" AS r CROSS JOIN {found} ON t.fid = r.id'
        asked = ["r.minx <= ?3", "r.maxx >= ?1", "r.miny <= ?4", "r.maxy >= ?2"]
    if has_keys:
        asked.append(f't."{contract(table).key}" IN (SELECT value FROM json_each(?{5 if has_box else 1}))')  # noqa: S608
    where = f" WHERE {' AND '.join(asked)}" if asked else ""
    return f"SELECT t.fid, {shape}, NULL{names} FROM {found}{where}"  # noqa: S608


@cache
def _readers(table: str, filled: tuple[str, ...]) -> dict[str, Reader]:
    """Return where in a line of ``_light`` every cell stands, and what makes it a value."""
    turns: dict[str, Callable[[object], Cell | bytes]] = {"flag": bool, "time": time_in}  # type: ignore[dict-item]
    places = {name: at for at, name in enumerate(filled, start=_NOTHING_AT + 1)}
    columns = contract(table).columns.items()
    readers = {name: (places.get(name, _NOTHING_AT), turns.get(column.dtype)) for name, column in columns}
    return {**readers, "geometry": (1, _shape)}


def _shape(blob: object) -> bytes | None:
    return unpack(blob)[1]  # type: ignore[arg-type]
