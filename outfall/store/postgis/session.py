"""One transaction on a PostGIS store: the log's SQL run there, the projections as tables with real geometry."""

from __future__ import annotations

import re
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING

from outfall.store.backend import Dialect, RowNow
from outfall.tables import contract, contracts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import psycopg

    from outfall.store.backend import Box, Line
    from outfall.store.found import Found

__all__ = ["PostgisSession"]

_DIALECT = Dialect("postgis", "json_array_elements_text(CAST(? AS json)) AS k(value)")
_TYPES = {"real": "DOUBLE PRECISION", "integer": "BIGINT", "flag": "BOOLEAN", "time": "TIMESTAMPTZ"}
_TIME = """to_char("{}" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US') || '+00:00'"""
_BATCH = 20_000
_FEW = 20  # a staging table costs more than this many single statements
_LARGEST_SRID = 998_999
_TABLES = """
SELECT c.relname::text, array_agg(a.attname::text) FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
WHERE c.relnamespace = to_regnamespace(current_schema()::text) AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
GROUP BY c.relname
"""
_STAGE = "rows_on_their_way"


class PostgisSession:
    """One transaction on one database."""

    dialect = _DIALECT

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection
        self._cursors = 0

    def execute(self, sql: str, values: Sequence[object] = ()) -> list[Line]:
        """Run one statement and return all its rows."""
        cursor = self._connection.execute(_translated(sql), tuple(values))
        return list(cursor.fetchall()) if cursor.description is not None else []

    def stream(self, sql: str, values: Sequence[object] = ()) -> Iterator[Line]:
        """Run one statement and yield its rows, without holding them all."""
        self._cursors += 1
        with self._connection.cursor(name=f"stream_{self._cursors}") as cursor:
            cursor.itersize = 5_000
            yield from cursor.execute(_translated(sql), tuple(values))

    def executemany(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        """Run one statement for every row of values."""
        with self._connection.cursor() as cursor:
            cursor.executemany(_translated(sql), rows)

    def copy(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Insert many rows the fastest way there is."""
        names = ", ".join(f'"{name}"' for name in columns)
        waiting = iter(rows)
        while batch := list(islice(waiting, _BATCH)):  # rows may come from this same connection: never while it copies
            with self._connection.cursor() as cursor, cursor.copy(f'COPY "{table}" ({names}) FROM STDIN') as copy:
                for row in batch:
                    copy.write_row(row)

    def put_rows(self, table: str, rows: Iterable[RowNow]) -> None:
        """Insert or overwrite rows of a projection, by key; make the projection where it is not there yet."""
        waiting, columns, key = iter(rows), _columns(table), contract(table).key
        target, names = f'"{table}"', ", ".join(f'"{name}"' for name in columns)
        new = ", ".join(f'"{name}" = excluded."{name}"' for name in columns if name != key)
        ending = f' ON CONFLICT ("{key}") DO UPDATE SET {new}'
        while batch := {row.key: _written(row, columns) for row in islice(waiting, _BATCH)}:
            if table not in self.projections():
                self.clear_rows(table)
            if len(batch) <= _FEW:
                marks = ", ".join(f"CAST(? AS {kind.partition(' COLLATE')[0]})" for kind in columns.values())
                self.executemany(f"INSERT INTO {target} ({names}) VALUES ({marks}){ending}", batch.values())  # noqa: S608
                continue
            self.execute(f'CREATE TEMP TABLE "{_STAGE}" ON COMMIT DROP AS SELECT {names} FROM {target} WHERE false')  # noqa: S608
            self.copy(_STAGE, list(columns), batch.values())
            self.execute(f'INSERT INTO {target} ({names}) SELECT {names} FROM "{_STAGE}"{ending}')  # noqa: S608
            self.execute(f'DROP TABLE "{_STAGE}"')

    def drop_rows(self, table: str, keys: Iterable[str]) -> None:
        """Remove rows of a projection; keys it does not have are passed over."""
        gone = list(keys)
        if gone and table in self.projections():
            self.execute(f'DELETE FROM "{table}" WHERE "{contract(table).key}" = ANY(?)', (gone,))  # noqa: S608

    def clear_rows(self, table: str) -> None:
        """Make a projection empty and of today's columns."""
        if table in self.projections():
            self.execute(f'DELETE FROM "{table}"')  # noqa: S608  (not TRUNCATE: whoever reads meanwhile keeps the old rows)
            return
        self.execute(f'DROP TABLE IF EXISTS "{table}"')
        parts = [f'"{name}" {kind}' for name, kind in _columns(table).items()]
        self.execute(f'CREATE TABLE "{table}" ({", ".join(parts)}, PRIMARY KEY ("{contract(table).key}"))')
        if "geom" in _columns(table):
            self.execute(f'CREATE INDEX "{table}_geom" ON "{table}" USING gist (geom)')

    def rows_now(self, table: str, *, keys: Sequence[str] | None = None, box: Box | None = None) -> Iterator[RowNow]:
        """Yield the rows of a projection by fid; a box yields at least the rows that touch it."""
        declared, has_shapes = contract(table), "geom" in _columns(table)
        if table not in self.projections():
            return
        shown = [_TIME.format(name) if one.dtype == "time" else f'"{name}"' for name, one in declared.columns.items()]
        geometry = "ST_AsBinary(geom, 'NDR')" if has_shapes else "NULL"
        asked: list[tuple[str, Sequence[object]]] = []
        if keys is not None:
            asked.append((f'"{declared.key}" = ANY(?)', [list(keys)]))
        if box is not None and not has_shapes:
            return
        if box is not None:
            corners = "ST_MakeBox2D(ST_Point(CAST(? AS float8), CAST(? AS float8)), ST_Point(CAST(? AS float8), CAST(? AS float8)))"
            asked.append((f"geom && {corners}", box))
        where = " WHERE " + " AND ".join(text for text, _ in asked) if asked else ""
        sql = f'SELECT "{declared.key}", fid, event_seq, crs, {geometry}, extra, {", ".join(shown)} FROM "{table}"{where} ORDER BY fid'  # noqa: S608
        for key, fid, seq, crs, shape, extra, *cells in self.stream(
            sql, [one for _, values in asked for one in values]
        ):
            yield RowNow(str(key), int(str(fid)), int(str(seq)), tuple(cells), crs, shape, extra)  # type: ignore[arg-type]

    def rows_light(
        self,
        table: str,  # noqa: ARG002
        *,
        keys: Sequence[str] | None = None,  # noqa: ARG002
        box: Box | None = None,  # noqa: ARG002
    ) -> list[Found] | None:
        """Return None: a server has no shorter way than ``rows_now``."""
        return None

    def projections(self) -> list[str]:
        """Return the tables that have a projection of today's columns, in the order of the contracts."""
        there = {str(name): set(columns) for name, columns in self.execute(_TABLES)}  # type: ignore[call-overload]
        return [name for name in contracts() if there.get(name) == set(_columns(name))]


@cache
def _translated(sql: str) -> bytes:
    """Return SQL with the driver's placeholders; question marks in quoted text stay."""
    parts = re.split(r"('[^']*'|\"[^\"]*\")", sql.replace("%", "%%"))
    return "".join(part if at % 2 else part.replace("?", "%s") for at, part in enumerate(parts)).encode()


@cache
def _columns(table: str) -> dict[str, str]:
    """Return the columns of a projection and their types, in order."""
    declared = contract(table)
    columns = {"fid": "BIGINT", "event_seq": "BIGINT", "crs": 'TEXT COLLATE "C"', "extra": 'TEXT COLLATE "C"'}
    if declared.geometry != "none":
        columns["geom"] = "geometry"
    return columns | {name: _TYPES.get(column.dtype, 'TEXT COLLATE "C"') for name, column in declared.columns.items()}


def _written(row: RowNow, columns: Iterable[str]) -> tuple[object, ...]:
    shape = None if row.geometry is None else f"SRID={_srid(row.crs)};{row.geometry.hex()}"
    return (row.fid, row.event_seq, row.crs, row.extra, *([shape] if "geom" in columns else []), *row.cells)


def _srid(crs: str | None) -> int:
    found = re.fullmatch(r"EPSG:(\d{1,6})", crs or "")
    return int(found[1]) if found and int(found[1]) <= _LARGEST_SRID else 0
