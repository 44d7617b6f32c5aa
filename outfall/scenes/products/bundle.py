"""Which files does a scene consist of, whether they lie in a folder, a zip, a tar or a list."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from outfall.errors import ReadError, UnsafeInputError
from outfall.tables.safe import file_bytes, open_archive, parse_xml, raster_driver, read_tarball, require_file

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from xml.etree.ElementTree import Element

__all__ = ["Bundle", "Member", "open_bundle"]

_TEXTS = (".xml", ".txt", ".rpb", ".json")
_TARS = (".tar", ".tar.gz", ".tgz")
_MAX_FILES = 20_000
_MAX_TEXT_BYTES = 50_000_000
_ZIP_HEAD_BYTES = 64


class Member(NamedTuple):
    """A raster as GDAL is told of it: its path, and the one driver that may open it."""

    path: str
    driver: str


class Bundle:
    """The files one scene may be made of, by name relative to where they lie.

    Parameters
    ----------
    path : path
        Folder, archive or file, for messages and ``source_ref``.
    files : mapping of str to path
        Files on disk by name.
    texts, heads : mapping of str to bytes
        Of members of an archive: the whole of small texts, the first bytes of the rest.
    prefix : str
        How GDAL reaches a member of the archive.
    is_list : bool
        Whether the user named the files: they belong together.
    """

    def __init__(
        self,
        path: Path,
        files: Mapping[str, Path],
        *,
        texts: Mapping[str, bytes] | None = None,
        heads: Mapping[str, bytes] | None = None,
        prefix: str = "",
        is_list: bool = False,
    ) -> None:
        self.path, self._files, self._prefix, self.is_list = path, dict(files), prefix, is_list
        self._texts, self._heads = dict(texts or {}), dict(heads or {})

    @property
    def names(self) -> list[str]:
        """Return every name, sorted."""
        return sorted({*self._files, *self._heads, *self._texts})

    def read(self, name: str) -> bytes:
        """Return what a small text file holds."""
        return self._texts[name] if name in self._texts else file_bytes(self._files[name], max_bytes=_MAX_TEXT_BYTES)

    def xml(self, name: str) -> Element:
        """Return the root of an XML file."""
        return parse_xml(Path(self.where(name)), self.read(name))

    def raster(self, name: str) -> Member:
        """Return how GDAL may open a raster: one driver, chosen by its first bytes."""
        if name in self._files:
            return Member(str(self._files[name]), raster_driver(self._files[name]))
        return Member(f"{self._prefix}/{name}", raster_driver(name, head=self._heads.get(name, b"")))

    def file(self, name: str) -> Path | None:
        """Return the path of a file on disk; None inside an archive."""
        return self._files.get(name)

    def where(self, name: str) -> str:
        """Return a name for messages."""
        return str(self._files[name]) if name in self._files else f"{self.path}/{name}"

    def only(self, names: Sequence[str]) -> Bundle:
        """Return the same with some of the files."""
        keep = set(names)
        return Bundle(
            self.path,
            {name: file for name, file in self._files.items() if name in keep},
            texts={name: raw for name, raw in self._texts.items() if name in keep},
            heads={name: raw for name, raw in self._heads.items() if name in keep},
            prefix=self._prefix,
            is_list=self.is_list,
        )


def open_bundle(path: str | Path | Sequence[str | Path]) -> Bundle:
    """Return the files of a path: a folder with what lies in it, an archive, one file, or a list of files.

    Raises
    ------
    ReadError
        Nothing there, a damaged archive, or a folder with more files than a scene has.
    """
    if not isinstance(path, (str, Path)):
        return _of_list([require_file(one) for one in path])
    file = require_file(path)
    if file.is_dir():
        return Bundle(file, _walk(file))
    if file.suffix.casefold() in {".xml", ".rpb"} or file.name.casefold().endswith("_mtl.txt"):
        return Bundle(file.parent, _walk(file.parent))
    if file.name.casefold().endswith(".zip"):
        return _of_zip(file)
    if file.name.casefold().endswith(_TARS):
        return _of_tar(file)
    return Bundle(file, {file.name: file})


def _of_list(files: list[Path]) -> Bundle:
    if not files:
        msg = "path: an empty list; give the files of one scene"
        raise ReadError(msg)
    return Bundle(files[0].parent, {file.name: file for file in files}, is_list=True)


def _walk(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for item in sorted(folder.rglob("*")):
        if not item.is_file() or any(part.startswith(".") for part in item.relative_to(folder).parts):
            continue
        found[item.relative_to(folder).as_posix()] = item
        if len(found) > _MAX_FILES:
            msg = f"{folder}: holds more than {_MAX_FILES:,} files; give the folder of one scene"
            raise ReadError(msg)
    return found


def _of_zip(file: Path) -> Bundle:
    texts, heads = {}, {}
    with open_archive(file, max_bytes=40_000_000_000) as archive:
        for name in archive.names:
            if name.casefold().endswith(_TEXTS):
                texts[name] = archive.read(name)
            else:
                heads[name] = archive.head(name, _ZIP_HEAD_BYTES)
    return Bundle(file, {}, texts=texts, heads=heads, prefix=f"/vsizip/{{{_plain(file)}}}")


def _of_tar(file: Path) -> Bundle:
    tar = read_tarball(file, endings=_TEXTS)
    heads = {name: raw for name, raw in tar.heads.items() if name not in tar.texts}
    return Bundle(file, {}, texts=tar.texts, heads=heads, prefix=f"/vsitar/{{{_plain(file)}}}")


def _plain(file: Path) -> str:
    """Return the path of an archive; braces would end it early for GDAL."""
    full = str(file.resolve())
    if "{" in full or "}" in full:
        msg = f"{file}: braces in the path of an archive are refused; rename it"
        raise UnsafeInputError(msg)
    return full
