"""Which map tiles does a stranger's archive hold: PMTiles, MBTiles or a folder of {z}/{x}/{y} pictures.

Nothing but the asked tiles is read, each within a size; what is packed is unpacked within a size too.
"""

from __future__ import annotations

import contextlib
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from outfall.errors import ReadError, UnsafeInputError
from outfall.tables.safe import pmtiles
from outfall.tables.safe.geopackage import _disarm
from outfall.tables.safe.start import require_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import apsw

__all__ = ["TileFile", "describe_tiles", "read_tiles"]

Box = tuple[int, int, int, int]

_MAX_TILE_BYTES = 5_000_000
_DEADLINE_S = 60.0
_PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"RIFF")
_ENDINGS = {".png", ".jpg", ".jpeg", ".webp"}
# The plain tables a tile lies in: one, or two joined by a key (MBTiles with each picture once, and Planetiler's).
_PLANS = (("tiles", "", ""), ("map", "images", "tile_id"), ("tiles_shallow", "tiles_data", "tile_data_id"))


@dataclass(frozen=True, slots=True)
class TileFile:
    """What an archive of tiles says of itself.

    Parameters
    ----------
    path : path
        The file or folder.
    form : {"pmtiles", "mbtiles", "folder"}
        How it is kept.
    kind : {"mvt", "picture"}
        Shapes or pictures.
    min_zoom, max_zoom : int
        Zooms it holds.
    bounds_deg : tuple of float, optional
        West, south, east, north as it states them.
    told : mapping of str to str
        Its own name, attribution and description.
    """

    path: Path
    form: Literal["pmtiles", "mbtiles", "folder"]
    kind: Literal["mvt", "picture"]
    min_zoom: int
    max_zoom: int
    bounds_deg: tuple[float, float, float, float] | None = None
    told: Mapping[str, str] = field(default_factory=dict)


def describe_tiles(path: Path | str) -> TileFile:
    r"""Return what an archive of tiles holds, by its content and not by its ending.

    Parameters
    ----------
    path : path
        A PMTiles (version 3) or MBTiles file, or a folder ``{z}/{x}/{y}.png`` (jpg, webp).

    Returns
    -------
    TileFile
        Zooms, kind and bounds.

    Raises
    ------
    ReadError
        Missing, damaged, or not an archive of tiles.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> tile = Path(tempfile.mkdtemp()) / "14" / "13672"
    >>> tile.mkdir(parents=True)
    >>> _ = (tile / "6735.png").write_bytes(b"\x89PNG")
    >>> describe_tiles(tile.parent.parent).max_zoom
    14
    """
    file = require_file(path)
    if file.is_dir():
        return _describe_folder(file)
    with file.open("rb") as stream:
        head = stream.read(16)
    if head.startswith(b"PMTiles"):
        packed = pmtiles.open_archive(file)
        return TileFile(file, "pmtiles", packed.kind, packed.min_zoom, packed.max_zoom, packed.bounds_deg, packed.told)
    if head.startswith(b"SQLite format 3"):
        return _describe_mbtiles(file)
    msg = f"{file}: is neither PMTiles nor MBTiles; expected one of them, or a folder {{z}}/{{x}}/{{y}}.png"
    raise ReadError(msg)


def read_tiles(held: TileFile, zoom: int, box: Box) -> Iterator[tuple[int, int, bytes]]:
    """Yield the tiles of one zoom that lie in a box of tile numbers.

    Parameters
    ----------
    held : TileFile
        From ``describe_tiles``.
    zoom : int
        One zoom.
    box : tuple of int
        First and last column and row, both included: left, top, right, bottom; rows count from the north.

    Yields
    ------
    tuple of int, int and bytes
        Column, row and content; a vector tile is unpacked.

    Raises
    ------
    ReadError
        Damaged.
    UnsafeInputError
        A tile is larger than a tile can be.
    """
    reader = {"pmtiles": _from_pmtiles, "mbtiles": _from_mbtiles, "folder": _from_folder}[held.form]
    for column, row, content in reader(held, zoom, box):
        yield column, row, _unpacked(held, content)


def _unpacked(held: TileFile, content: bytes) -> bytes:
    if len(content) > _MAX_TILE_BYTES:
        msg = f"{held.path}: a tile of {len(content) / 1e6:.0f} MB; no tile is that large, so it is refused"
        raise UnsafeInputError(msg)
    if held.kind == "picture":
        if not content.startswith(_PICTURES):
            msg = f"{held.path}: a tile is neither PNG, JPEG nor WebP; export the tiles again"
            raise ReadError(msg)
        return content
    return pmtiles.unpack(held.path, content, most_bytes=4 * _MAX_TILE_BYTES) if content[:2] == b"\x1f\x8b" else content


def _from_pmtiles(held: TileFile, zoom: int, box: Box) -> Iterator[tuple[int, int, bytes]]:
    yield from pmtiles.open_archive(held.path).tiles(zoom, box)


def _describe_folder(folder: Path) -> TileFile:
    zooms = sorted(int(item.name) for item in folder.iterdir() if item.is_dir() and re.fullmatch(r"\d{1,2}", item.name))
    if not zooms:
        msg = f"{folder}: holds no tiles; expected folders {{z}}/{{x}}/{{y}}.png"
        raise ReadError(msg)
    return TileFile(folder, "folder", "picture", zooms[0], zooms[-1])


def _from_folder(held: TileFile, zoom: int, box: Box) -> Iterator[tuple[int, int, bytes]]:
    left, top, right, bottom = box
    top_folder = held.path / str(zoom)
    columns = sorted((item for item in top_folder.glob("*") if item.name.isdecimal()), key=lambda item: int(item.name))
    for column in columns:
        if not left <= int(column.name) <= right:
            continue
        for tile in sorted(column.iterdir()):
            if tile.stem.isdecimal() and tile.suffix.lower() in _ENDINGS and top <= int(tile.stem) <= bottom:
                if tile.stat().st_size > _MAX_TILE_BYTES:
                    msg = f"{tile}: {tile.stat().st_size / 1e6:.0f} MB; no tile is that large, so it is refused"
                    raise UnsafeInputError(msg)
                yield int(column.name), int(tile.stem), tile.read_bytes()


@contextlib.contextmanager
def _opened(file: Path) -> Iterator[apsw.Connection]:
    """Open as it lies, without locks and without following anything: a base map is too large to be copied."""
    import apsw

    uri = file.resolve().as_uri() + "?immutable=1&mode=ro"
    try:
        connection = apsw.Connection(uri, flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)
    except apsw.Error as error:
        msg = f"{file}: cannot be opened as MBTiles ({error})"
        raise ReadError(msg) from error
    try:
        _disarm(connection, _DEADLINE_S)
        yield connection
    except apsw.InterruptError as error:
        msg = (
            f"{file}: reading it takes longer than {_DEADLINE_S:g} s; refused as unsafe. Export it again, with an index"
        )
        raise UnsafeInputError(msg) from error
    except (apsw.Error, UnicodeDecodeError, MemoryError, OverflowError) as error:
        msg = f"{file}: cannot be read as MBTiles ({error}); export it again"
        raise ReadError(msg) from error
    finally:
        connection.close(True)  # noqa: FBT003 (positional in the library)


def _plan(file: Path, connection: apsw.Connection) -> tuple[str, str, str]:
    listed = connection.execute("SELECT name FROM sqlite_master WHERE type='table' AND rootpage > 0")
    present = {str(name) for (name,) in listed}
    for plan in _PLANS:
        if {name for name in plan[:2] if name} <= present:
            return plan
    msg = f"{file}: holds no table of tiles (views are not followed); expected MBTiles"
    raise ReadError(msg)


def _describe_mbtiles(file: Path) -> TileFile:
    with _opened(file) as connection:
        table = _plan(file, connection)[0]
        told = dict(_told(connection))
        zooms = [told.get("minzoom", ""), told.get("maxzoom", "")]
        if not all(re.fullmatch(r"\d{1,2}", zoom) for zoom in zooms):
            found = list(connection.execute(f"SELECT min(zoom_level), max(zoom_level) FROM {table}"))[0]  # noqa: RUF015, S608
            zooms = [str(zoom) for zoom in found]
            if None in found:
                msg = f"{file}: holds no tile"
                raise ReadError(msg)
    edges = [float(part) for part in re.findall(r"-?\d+(?:\.\d+)?", told.get("bounds", ""))]
    bounds = (edges[0], edges[1], edges[2], edges[3]) if len(edges) == 4 else None
    kind: Literal["mvt", "picture"] = "mvt" if told.get("format") in ("pbf", "mvt") else "picture"
    return TileFile(file, "mbtiles", kind, int(zooms[0]), int(zooms[1]), bounds, told)


def _told(connection: apsw.Connection) -> Iterator[tuple[str, str]]:
    import apsw

    try:
        rows = list(connection.execute("SELECT name, value FROM metadata LIMIT 200"))
    except apsw.SQLError:  # a file need not say anything of itself
        return
    yield from ((str(name), str(value)) for name, value in rows)


def _from_mbtiles(held: TileFile, zoom: int, box: Box) -> Iterator[tuple[int, int, bytes]]:
    left, top, right, bottom = box
    last = 2**zoom - 1
    end = time.monotonic() + _DEADLINE_S
    with _opened(held.path) as connection:
        table, other, key = _plan(held.path, connection)
        source = f"{table} t JOIN {other} d ON d.{key} = t.{key}" if other else f"{table} d"
        place = "t" if other else "d"
        query = (
            f"SELECT {place}.tile_column, {place}.tile_row, d.tile_data FROM {source}"  # noqa: S608 (names of ours)
            f" WHERE {place}.zoom_level = ? AND {place}.tile_column BETWEEN ? AND ? AND {place}.tile_row BETWEEN ? AND ?"
            f" ORDER BY 1, 2 DESC"
        )
        for column, row, content in connection.execute(query, (zoom, left, right, last - bottom, last - top)):
            if time.monotonic() > end:
                msg = f"{held.path}: reading it takes longer than {_DEADLINE_S:g} s; ask for a smaller box"
                raise UnsafeInputError(msg)
            if isinstance(content, bytes):
                yield int(column), last - int(row), content
