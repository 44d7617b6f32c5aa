"""What lies in a tar or tar.gz, by safe names: ordinary files only, never a link or a device."""

from __future__ import annotations

import tarfile
import zlib
from typing import TYPE_CHECKING, NamedTuple

from outfall.errors import ReadError, UnsafeInputError
from outfall.tables.safe.archives import safe_name
from outfall.tables.safe.start import require_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["Tarball", "read_tarball"]

# Our defaults: a scene of five tiles fits, a bomb does not.
_MAX_UNPACKED_BYTES = 40_000_000_000
_MAX_MEMBERS = 10_000
_MAX_TEXT_BYTES = 20_000_000
_HEAD_BYTES = 64
_FAULTS = (tarfile.TarError, OSError, EOFError, ValueError, zlib.error)


class Tarball(NamedTuple):
    """The members of a tar: sizes and first bytes by safe name, and the whole of the small texts asked for."""

    sizes: Mapping[str, int]
    heads: Mapping[str, bytes]
    texts: Mapping[str, bytes]
    unsafe: tuple[str, ...] = ()


def read_tarball(path: Path | str, *, endings: tuple[str, ...] = (".xml", ".rpb", ".txt")) -> Tarball:
    """Return what a tar holds, in one pass.

    Parameters
    ----------
    path : path
        Tar or tar.gz.
    endings : tuple of str
        Members with these endings are read whole.

    Returns
    -------
    Tarball
        Links, devices and names that would leave the folder are listed as unsafe and never read.

    Raises
    ------
    ReadError
        Not a tar, or a damaged one.
    UnsafeInputError
        It would unpack to too much, or holds too many members.
    """
    file = require_file(path)
    sizes: dict[str, int] = {}
    heads: dict[str, bytes] = {}
    texts: dict[str, bytes] = {}
    unsafe: list[str] = []
    try:
        with tarfile.open(file, "r|*") as archive:
            for member in archive:
                name = safe_name(member.name.removeprefix("./")) if member.isfile() else None
                if name is None:
                    unsafe.extend([] if member.isdir() else [member.name])
                    continue
                sizes[name] = member.size
                _refuse_bomb(file, sizes)
                stream = archive.extractfile(member)
                is_text = name.casefold().endswith(endings) and member.size <= _MAX_TEXT_BYTES
                raw = stream.read(member.size if is_text else _HEAD_BYTES) if stream is not None else b""
                heads[name] = raw[:_HEAD_BYTES]
                if is_text:
                    texts[name] = raw
    except ReadError:
        raise
    except _FAULTS as error:
        msg = f"{file}: is not a tar archive that can be opened ({error}); unpack it by hand, or fetch it again"
        raise ReadError(msg) from error
    return Tarball(sizes, heads, texts, tuple(unsafe))


def _refuse_bomb(file: Path, sizes: Mapping[str, int]) -> None:
    if len(sizes) > _MAX_MEMBERS or sum(sizes.values()) > _MAX_UNPACKED_BYTES:
        msg = f"{file}: holds {len(sizes):,} files of {sum(sizes.values()) / 1e9:,.0f} GB; refused as unsafe. Unpack the scene by hand"
        raise UnsafeInputError(msg)
