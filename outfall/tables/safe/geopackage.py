"""Which rows do the plain tables of a stranger's GeoPackage hold.

The file is copied, and the copy opened by one SQLite build with triggers and views switched off: only tables that
``gpkg_contents`` lists are read, column by column as declared, within a deadline.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from outfall.errors import ReadError, UnsafeInputError
from outfall.tables.issues import attach_issues, issue
from outfall.tables.safe.geopackage_values import to_frame
from outfall.tables.safe.start import require_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    import apsw
    import pandas as pd

__all__ = ["list_geopackage", "read_geopackage"]

_MAGIC = b"SQLite format 3\0"
_HOT_JOURNAL = bytes.fromhex("d9d505f920a163d7")
_DEADLINE_S = 60.0
_STEPS = 1_000
_MAX_VALUE_BYTES = 200_000_000


def list_geopackage(path: Path) -> list[tuple[str, str]]:
    """Return the plain tables a GeoPackage lists, with their kind of geometry ("" without one).

    Parameters
    ----------
    path : path
        The file; only a copy is opened.

    Returns
    -------
    list of tuple of str and str
        In the order of ``gpkg_contents``; views and unlisted tables are left out.

    Raises
    ------
    ReadError
        Not a GeoPackage, or damaged.
    """
    with _opened(path, _DEADLINE_S) as connection:
        return [(name, _geometry(connection, name)[1]) for name in _tables(path, connection)]


def read_geopackage(path: Path, layer: str | None = None, *, deadline_s: float = _DEADLINE_S) -> pd.DataFrame:
    """Return one plain table of a GeoPackage.

    Parameters
    ----------
    path : path
        The file; only a copy is opened, so that nobody's lock and nobody's rows are touched.
    layer : str, optional
        The table; the first listed by default.
    deadline_s : float, seconds, default 60
        After this the file is refused.

    Returns
    -------
    DataFrame or GeoDataFrame, n rows
        Columns as declared, without the row number; generated columns are not computed. Values that cannot be read
        are missing and named in ``tables.list_issues``.

    Raises
    ------
    ReadError
        Not a GeoPackage, damaged, or no such table.
    UnsafeInputError
        The layer is a view, or the deadline passed.
    """
    with _opened(path, deadline_s) as connection:
        names = _tables(path, connection)
        if layer is not None and layer not in names:
            _refuse_layer(path, connection, layer, names)
        if not names:
            msg = f"{path}: cannot be read as GPKG (it lists no table of its own; views are not followed); export the layer again"
            raise UnsafeInputError(msg) if _views(connection) else ReadError(msg)
        name = layer or names[0]
        declared = [
            (str(row[1]), str(row[2]))
            for row in connection.execute(f"PRAGMA table_info({_quoted(name)})")
            if not row[5]
        ]
        column, _, crs = _geometry(connection, name)
        values = _rows(connection, name, [heading for heading, _ in declared])
        frame = to_frame(path, declared, values, geometry=column, crs=crs)
        return _reconciled(path, frame, _stated(connection, name))


@contextlib.contextmanager
def _opened(path: Path, deadline_s: float) -> Iterator[apsw.Connection]:
    import apsw

    file = require_file(path)
    _require_sqlite(file)
    with tempfile.TemporaryDirectory(prefix="outfall-") as folder:
        copy = Path(folder) / "copy.gpkg"
        try:
            shutil.copyfile(file, copy)
            wal = file.with_name(file.name + "-wal")
            if wal.is_file():
                shutil.copyfile(wal, copy.with_name("copy.gpkg-wal"))
            connection = apsw.Connection(str(copy))
        except (OSError, apsw.Error) as error:
            msg = f"{file}: cannot be copied ({error}); close it in QGIS and try again"
            raise ReadError(msg) from error
        try:
            _disarm(connection, deadline_s)
            yield connection
        except apsw.InterruptError as error:
            msg = f"{file}: reading it takes longer than {deadline_s:g} s; refused as unsafe. Export the layer again"
            raise UnsafeInputError(msg) from error
        except (apsw.Error, UnicodeDecodeError, MemoryError, OverflowError) as error:
            msg = f"{file}: cannot be read as GPKG ({error}); open it in QGIS and export it again"
            raise ReadError(msg) from error
        finally:
            connection.close(True)  # noqa: FBT003 (positional in the library)


def _require_sqlite(file: Path) -> None:
    head = b""
    if file.is_file():
        with file.open("rb") as stream:
            head = stream.read(72)
    if head[68:] == b"OUTF":
        msg = f"{file}: this is a live store under another name; read it with read_rows, or take a snapshot of it (take_snapshot)"
        raise ReadError(msg)
    if head[: len(_MAGIC)] != _MAGIC:
        msg = f"{file}: cannot be read as GPKG (the content is of another format); open it in QGIS and export it again"
        raise ReadError(msg)
    journal = file.with_name(file.name + "-journal")
    if journal.is_file():
        with journal.open("rb") as stream:
            if stream.read(len(_HOT_JOURNAL)) == _HOT_JOURNAL:
                msg = f"{file}: an edit was interrupted ({journal.name} lies beside it); open it once in QGIS and close it"
                raise ReadError(msg)


def _disarm(connection: apsw.Connection, deadline_s: float) -> None:
    import apsw

    for setting, value in (
        (apsw.SQLITE_DBCONFIG_DEFENSIVE, 1),
        (apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 0),
        (apsw.SQLITE_DBCONFIG_ENABLE_VIEW, 0),
        (apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0),
    ):
        connection.config(setting, value)
    connection.limit(apsw.SQLITE_LIMIT_LENGTH, _MAX_VALUE_BYTES)
    end = time.monotonic() + deadline_s
    connection.set_progress_handler(lambda: time.monotonic() > end, _STEPS)
    for pragma in ("cell_size_check=ON", "query_only=ON", "mmap_size=0"):
        list(connection.execute(f"PRAGMA {pragma}"))


def _tables(path: Path, connection: apsw.Connection) -> list[str]:
    present = {
        str(name)
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type='table' AND rootpage > 0")
    }
    if "gpkg_contents" not in present:
        msg = f"{path}: cannot be read as GPKG (it has no list of contents); open it in QGIS and export it again"
        raise ReadError(msg)
    listed = connection.execute("SELECT table_name, data_type FROM gpkg_contents")
    return [str(name) for name, kind in listed if name in present and kind in ("features", "attributes", "aspatial")]


def _views(connection: apsw.Connection) -> list[str]:
    found = connection.execute(
        "SELECT table_name FROM gpkg_contents WHERE table_name IN (SELECT name FROM sqlite_master WHERE rootpage = 0)"
    )
    return [str(name) for (name,) in found]


def _refuse_layer(path: Path, connection: apsw.Connection, layer: str, names: list[str]) -> None:
    if layer in _views(connection):
        msg = f"{path}: {layer!r} is a view, which may compute anything; it is not followed. Export it as a layer of its own"
        raise UnsafeInputError(msg)
    msg = f"{path}: cannot be read as GPKG (no layer {layer!r}; the layers are {', '.join(names)})"
    raise ReadError(msg)


def _geometry(connection: apsw.Connection, name: str) -> tuple[str | None, str, tuple[str, int, str] | None]:
    """Return the geometry column, its kind and its CRS as authority, code and definition."""
    import apsw

    try:
        found = list(
            connection.execute(
                "SELECT g.column_name, g.geometry_type_name, s.organization, s.organization_coordsys_id, s.definition"
                " FROM gpkg_geometry_columns g LEFT JOIN gpkg_spatial_ref_sys s USING (srs_id)"
                " WHERE g.table_name = ?",
                (name,),
            )
        )
    except apsw.SQLError:  # a file of plain tables needs no list of geometry columns
        return None, "", None
    if not found:
        return None, "", None
    column, kind, authority, code, definition = found[0]
    return str(column), str(kind), (str(authority), code, str(definition))


def _rows(connection: apsw.Connection, name: str, columns: list[str]) -> list[tuple[object, ...]]:
    chosen = ", ".join(_quoted(column) for column in columns) or "NULL"
    table = _quoted(name)
    try:
        return list(connection.execute(f"SELECT {chosen} FROM {table}"))  # noqa: S608 (names of the file, quoted)
    except UnicodeDecodeError:
        raw = ", ".join(
            f"CASE typeof({_quoted(column)}) WHEN 'text' THEN CAST({_quoted(column)} AS BLOB) ELSE {_quoted(column)} END"
            for column in columns
        )
        return list(connection.execute(f"SELECT {raw} FROM {table}"))  # noqa: S608 (names of the file, quoted)


def _stated(connection: apsw.Connection, name: str) -> int | None:
    """Return how many rows the file itself says the table has, where it says so."""
    import apsw

    try:
        found = list(connection.execute("SELECT feature_count FROM gpkg_ogr_contents WHERE table_name = ?", (name,)))
    except apsw.SQLError:
        return None
    return found[0][0] if found and isinstance(found[0][0], int) else None


def _reconciled(path: Path, frame: pd.DataFrame, stated: int | None) -> pd.DataFrame:
    if stated is None or stated == len(frame):
        return frame
    reason = f"{len(frame):,} rows can be read where the file states {stated:,}"
    zh = f"可读 {len(frame):,} 行，文件自述 {stated:,} 行"
    return attach_issues(
        frame, [issue("doubtful_value", path.name, reason, reason_zh=zh, decision="read what is there")]
    )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
