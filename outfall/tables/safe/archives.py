"""What lies in a zip, KMZ or workbook, read by safe names and never more than was said."""

from __future__ import annotations

import zipfile
import zlib
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from outfall.errors import ReadError, UnsafeInputError
from outfall.tables.safe.start import require_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Archive", "open_archive", "safe_name", "unpack_member"]

# Our defaults: a year of photos fits, a bomb does not.
_MAX_UNPACKED_BYTES = 4_000_000_000
_MAX_MEMBER_BYTES = 300_000_000
_MAX_RATIO = 200
_FREE_BYTES = 20_000_000
_MAX_MEMBERS = 100_000
_CHUNK = 1 << 20
_LOCAL_HEADER = 30
_UTF8_FLAG = 0x800
_FAULTS = (zipfile.BadZipFile, OSError, EOFError, RuntimeError, NotImplementedError, ValueError, zlib.error, KeyError)


def safe_name(name: str) -> str | None:
    r"""Return the name of a member as a relative path with forward slashes, or None where it would leave its folder.

    Examples
    --------
    >>> safe_name("media\\1.jpg"), safe_name("../../etc/passwd"), safe_name("..\\..\\win.txt"), safe_name("C:/a"), safe_name("/a")
    ('media/1.jpg', None, None, None, None)
    """
    text = name.replace("\\", "/")
    if not text or text.startswith("/") or ":" in text or any(ord(mark) < 32 for mark in text):
        return None
    parts = PurePosixPath(text).parts
    return None if not parts or ".." in parts else "/".join(parts)


class Archive:
    """The members of one archive by safe name; those with unsafe names are listed and never read.

    Parameters
    ----------
    path : path
        The archive, for messages.
    archive : ZipFile
        Open.
    """

    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        self.path = path
        self._zip = archive
        self._members: dict[str, zipfile.ZipInfo] = {}
        self.unsafe: list[str] = []
        for item in archive.infolist():
            name = safe_name(_chinese(item))
            if name is None:
                self.unsafe.append(item.filename)
            elif not item.is_dir():
                self._members.setdefault(name, item)

    @property
    def names(self) -> list[str]:
        """Return the safe names, in the order of the archive."""
        return list(self._members)

    def read(self, name: str) -> bytes:
        """Return what one member holds.

        Raises
        ------
        ReadError
            The member is damaged or locked by a password.
        """
        return self._take(name, self._members[name].file_size)

    def head(self, name: str, length: int) -> bytes:
        """Return the first bytes of one member, however large it is.

        Raises
        ------
        ReadError
            The member is damaged or locked by a password.
        """
        return self._take(name, length)

    def _take(self, name: str, length: int) -> bytes:
        item = self._members[name]
        if length > _MAX_MEMBER_BYTES:
            msg = f"{self.path}: {name} unpacks to {item.file_size / 1e6:,.0f} MB; refused as unsafe. Take it out of the archive by hand"
            raise UnsafeInputError(msg)
        try:
            with self._zip.open(item) as stream:
                return stream.read(length)
        except _FAULTS as error:
            msg = f"{self.path}: {name} cannot be unpacked ({error}); export the archive again, without a password"
            raise ReadError(msg) from error


@contextmanager
def open_archive(
    path: Path | str, *, max_bytes: int = _MAX_UNPACKED_BYTES, max_ratio: float = _MAX_RATIO
) -> Iterator[Archive]:
    """Open an archive that unpacks to a sane size.

    Parameters
    ----------
    path : path
        Zip, KMZ, XLSX or ODS.
    max_bytes : int, default 4e9
        Most that all members together may hold.
    max_ratio : float, default 200
        Most that a byte may unpack to, beyond the first 20 MB.

    Yields
    ------
    Archive
        Its members by safe name.

    Raises
    ------
    ReadError
        Not an archive.
    UnsafeInputError
        It would unpack to too much, or holds too many members.
    """
    file = require_file(path)
    try:
        archive = zipfile.ZipFile(file)
    except _FAULTS as error:
        msg = f"{file}: is not an archive that can be opened ({error}); export it again"
        raise ReadError(msg) from error
    with archive:
        _refuse_bomb(file, archive.infolist(), max_bytes, max_ratio)
        yield Archive(file, archive)


def unpack_member(path: Path, archive: zipfile.ZipFile, item: zipfile.ZipInfo) -> Iterator[bytes]:
    """Yield a member piece by piece as a library in another language would see it, checking its stated size.

    Raises
    ------
    UnsafeInputError
        It holds more than the archive says.
    """
    stream = archive.fp
    if stream is None or item.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        msg = f"{path}: {item.filename} is packed in a way that is not read; save the file again"
        raise ReadError(msg)
    stream.seek(item.header_offset)
    head = stream.read(_LOCAL_HEADER)
    stream.seek(int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little"), 1)
    left, seen = item.compress_size, 0
    unpacker = zlib.decompressobj(-15) if item.compress_type == zipfile.ZIP_DEFLATED else None
    while left > 0:
        raw = stream.read(min(_CHUNK, left))
        if not raw:
            break
        left -= len(raw)
        while raw:
            piece = unpacker.decompress(raw, 4 * _CHUNK) if unpacker else raw
            raw = unpacker.unconsumed_tail if unpacker else b""
            seen += len(piece)
            if seen > item.file_size:
                msg = f"{path}: {item.filename} unpacks to more than the {item.file_size:,} bytes it states; refused as unsafe"
                raise UnsafeInputError(msg)
            yield piece


def _refuse_bomb(file: Path, items: list[zipfile.ZipInfo], max_bytes: int, max_ratio: float) -> None:
    packed = file.stat().st_size
    unpacked = sum(item.file_size for item in items)
    if len(items) > _MAX_MEMBERS:
        msg = (
            f"{file}: holds {len(items):,} members; more than {_MAX_MEMBERS:,} are refused as unsafe. Split the archive"
        )
        raise UnsafeInputError(msg)
    if unpacked > max_bytes or unpacked > max(_FREE_BYTES, max_ratio * packed):
        msg = f"{file}: unpacks to {unpacked / 1e6:,.0f} MB from {packed / 1e6:,.1f} MB; refused as unsafe. Save the sheet as CSV, or split the archive"
        raise UnsafeInputError(msg)
    if sum(item.compress_size for item in items) > packed:
        msg = f"{file}: its members lie over one another; refused as unsafe. Pack it again"
        raise UnsafeInputError(msg)


def _chinese(item: zipfile.ZipInfo) -> str:
    """Return the name of a member; old Chinese packers write GBK without saying so."""
    if item.flag_bits & _UTF8_FLAG or item.filename.isascii():
        return item.filename
    try:
        return item.filename.encode("cp437").decode("gb18030")
    except UnicodeError:
        return item.filename
