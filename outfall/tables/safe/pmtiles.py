"""Where in a PMTiles archive (version 3) do tiles lie: its header, its directories and the order of its numbers."""

from __future__ import annotations

import json
import struct
import zlib
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from outfall.errors import ReadError, UnsafeInputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Entry", "PmtilesArchive", "open_archive", "tile_number", "unpack"]

_HEADER = struct.Struct("<7sB11Q6B4iB2i")
_GZIP, _NONE = 2, 1
_MVT, _AVIF = 1, 5
_DEEPEST = 4
_MAX_DIRECTORY_BYTES = 64_000_000
Entry = tuple[int, int, int, int]
"""Number of the first tile, how many in a row are this one (0: a directory), offset, length."""


@dataclass(frozen=True)
class PmtilesArchive:
    """One archive: what its header says, and its tiles.

    Parameters
    ----------
    path : path
        The file.
    fields : tuple
        The header, in its own order.
    """

    path: Path
    fields: tuple[int, ...]

    @property
    def kind(self) -> Literal["mvt", "picture"]:
        """Shapes or pictures."""
        return "mvt" if self.fields[15] == _MVT else "picture"

    @property
    def min_zoom(self) -> int:
        """The first zoom."""
        return self.fields[16]

    @property
    def max_zoom(self) -> int:
        """The last zoom."""
        return self.fields[17]

    @property
    def bounds_deg(self) -> tuple[float, float, float, float]:
        """West, south, east, north."""
        west, south, east, north = (edge / 1e7 for edge in self.fields[18:22])
        return west, south, east, north

    @cached_property
    def told(self) -> dict[str, str]:
        """Its own words, as far as they are text."""
        try:
            found = json.loads(self._open(self.fields[3], self.fields[4]))
        except (ValueError, RecursionError):
            return {}
        return (
            {str(key): value for key, value in found.items() if isinstance(value, str)}
            if isinstance(found, dict)
            else {}
        )

    def tiles(self, zoom: int, box: tuple[int, int, int, int]) -> Iterator[tuple[int, int, bytes]]:
        """Yield column, row and content of the tiles in a box, both ends included."""
        left, top, right, bottom = box
        with self.path.open("rb") as stream:
            for column in range(left, right + 1):
                for row in range(top, bottom + 1):
                    found = self._find(tile_number(zoom, column, row))
                    if found is not None:
                        stream.seek(self.fields[7] + found[0])
                        yield column, row, stream.read(found[1])

    @cached_property
    def _leaves(self) -> dict[int, list[Entry]]:
        return {}

    @cached_property
    def _root(self) -> list[Entry]:
        return _entries(self.path, self._open(self.fields[1], self.fields[2]))

    def _find(self, number: int) -> tuple[int, int] | None:
        rows = self._root
        for _ in range(_DEEPEST):
            at = bisect_right(rows, (number, float("inf"), 0, 0)) - 1
            if at < 0:
                return None
            first, run, offset, length = rows[at]
            if run:
                return (offset, length) if number < first + run else None
            if offset not in self._leaves:
                self._leaves[offset] = _entries(self.path, self._open(self.fields[5] + offset, length))
            rows = self._leaves[offset]
        return None

    def _open(self, at: int, length: int) -> bytes:
        if length > _MAX_DIRECTORY_BYTES:
            msg = f"{self.path}: a directory of {length / 1e6:,.0f} MB; refused as unsafe"
            raise UnsafeInputError(msg)
        with self.path.open("rb") as stream:
            stream.seek(at)
            content = stream.read(length)
        if self.fields[13] == _GZIP:
            return unpack(self.path, content, most_bytes=_MAX_DIRECTORY_BYTES)
        return content


def open_archive(path: Path) -> PmtilesArchive:
    """Return an archive by its header.

    Raises
    ------
    ReadError
        Not PMTiles version 3, or packed in a way that is not gzip.
    """
    with path.open("rb") as stream:
        head = stream.read(_HEADER.size)
    if len(head) < _HEADER.size or head[:7] != b"PMTiles" or head[7] != 3:
        msg = f"{path}: is not PMTiles version 3; write it again with a tool of today (pmtiles convert)"
        raise ReadError(msg)
    fields = tuple(int(value) for value in _HEADER.unpack(head)[1:])
    if fields[13] not in (_NONE, _GZIP) or fields[14] not in (0, _NONE, _GZIP) or not _MVT <= fields[15] <= _AVIF:
        msg = f"{path}: is packed with brotli or zstd, or holds unknown tiles; expected gzip or none, with MVT or pictures"
        raise ReadError(msg)
    return PmtilesArchive(path, fields)


def unpack(path: Path, content: bytes, *, most_bytes: int) -> bytes:
    """Return what gzip bytes hold, unless that is more than it may be.

    Raises
    ------
    ReadError
        Not gzip.
    UnsafeInputError
        More than ``most_bytes``.
    """
    worker = zlib.decompressobj(wbits=31)
    try:
        raw = worker.decompress(content, most_bytes + 1)
    except zlib.error as error:
        msg = f"{path}: a part cannot be unpacked ({error}); copy the file again"
        raise ReadError(msg) from error
    if len(raw) > most_bytes:
        msg = f"{path}: a part unpacks to more than {most_bytes / 1e6:,.0f} MB; refused as unsafe"
        raise UnsafeInputError(msg)
    return raw


def tile_number(zoom: int, column: int, row: int) -> int:
    """Return the number of a tile along Hilbert's curve, after all tiles of the zooms above.

    Examples
    --------
    >>> [tile_number(1, 0, 0), tile_number(1, 0, 1), tile_number(1, 1, 1), tile_number(1, 1, 0), tile_number(2, 0, 0)]
    [1, 2, 3, 4, 5]
    """
    number = (4**zoom - 1) // 3
    for power in range(zoom - 1, -1, -1):
        side = 1 << power
        is_right, is_low = int(bool(column & side)), int(bool(row & side))
        number += side * side * ((3 * is_right) ^ is_low)
        if not is_low:
            if is_right:
                column, row = side - 1 - (column & (side - 1)), side - 1 - (row & (side - 1))
            column, row = row, column
    return number


def _entries(path: Path, content: bytes) -> list[Entry]:
    numbers = _varints(path, content)
    count = next(numbers, 0)
    if count > len(content):
        msg = f"{path}: a directory is damaged; copy the file again"
        raise ReadError(msg)
    try:
        columns = [[next(numbers) for _ in range(count)] for _ in range(4)]
    except StopIteration as error:
        msg = f"{path}: a directory is cut off; copy the file again"
        raise ReadError(msg) from error
    rows: list[Entry] = []
    first, offset = 0, 0
    for step, run, length, stated in zip(*columns, strict=True):
        first += step
        offset = offset + rows[-1][3] if stated == 0 and rows else stated - 1
        rows.append((first, run, offset, length))
    return rows


def _varints(path: Path, content: bytes) -> Iterator[int]:
    value = shift = 0
    for byte in content:
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            yield value
            value = shift = 0
        elif shift > 63:
            msg = f"{path}: a directory is damaged; copy the file again"
            raise ReadError(msg)
