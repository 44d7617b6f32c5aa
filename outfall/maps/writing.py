"""How does a page reach the disk: one file, a page with a folder beside it, or a zip, and never half of any."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from outfall.errors import MapError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = ["Beside", "files_folder", "write_page", "write_zip"]

_INDEX = "files.json"
_LITTER = {".DS_Store", "Thumbs.db", "desktop.ini", _INDEX}


@dataclass(frozen=True, slots=True)
class Beside:
    """Files that lie beside a page.

    Parameters
    ----------
    texts : mapping of str to str
        Name in the folder to content.
    copies : mapping of str to Path
        Name in the folder to the file that is copied there.
    """

    texts: Mapping[str, str] = field(default_factory=dict)
    copies: Mapping[str, Path] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """Every name, as paths with ``/``."""
        return [*self.texts, *self.copies]


def files_folder(page: Path) -> Path:
    """Return the folder that belongs to a page.

    Examples
    --------
    >>> files_folder(Path("out/map.html")).as_posix()
    'out/map_files'
    """
    return page.with_name(f"{page.stem}_files")


def write_page(
    target: Path,
    content: bytes,
    beside: Beside | None = None,
    *,
    progress: Callable[[str, int, int], None] | None = None,
) -> None:
    """Write a page and what lies beside it; an earlier page with its files survives a failure.

    Files beside get names by their content and are there before the page moves into place; those of the earlier page
    go only afterwards.

    Parameters
    ----------
    target : Path
        The page.
    content : bytes
        Its text.
    beside : Beside, optional
        Nothing by default.
    progress : callable, optional
        Called with what is written, how many are done and how many there are.

    Raises
    ------
    MapError
        The folder does not exist, the folder beside holds things of others, or something cannot be written.
    """
    if not target.parent.is_dir():
        msg = f"'{target}' cannot be written: the folder '{target.parent}' does not exist; make it first"
        raise MapError(msg)
    beside = beside or Beside()
    folder = files_folder(target)
    old = _own_files(folder, is_needed=bool(beside.names))
    made: list[Path] = []
    had_folder = folder.exists()
    try:
        _write_beside(folder, beside, old, made, progress)
        _replace(target, content)
    except OSError as error:
        for file in made:
            file.unlink(missing_ok=True)
        if not had_folder:
            shutil.rmtree(folder, ignore_errors=True)
        msg = f"'{target}' cannot be written ({error.strerror or error}); close the program that has it open"
        raise MapError(msg) from error
    _clear(folder, old, beside.names)


def write_zip(
    target: Path, page: bytes, beside: Beside, *, progress: Callable[[str, int, int], None] | None = None
) -> None:
    """Write ``map.html`` and what lies beside it as one zip; an earlier zip survives a failure.

    Parameters
    ----------
    target : Path
        The zip.
    page : bytes
        Text of the page.
    beside : Beside
        Goes into ``map_files/``.
    progress : callable, optional
        Called with what is written, how many are done and how many there are.

    Raises
    ------
    MapError
        The folder does not exist or the zip cannot be written.
    """
    if not target.parent.is_dir():
        msg = f"'{target}' cannot be written: the folder '{target.parent}' does not exist; make it first"
        raise MapError(msg)
    handle, aside = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as stream, zipfile.ZipFile(stream, "w") as archive:
            _add(archive, "map.html", page, zipfile.ZIP_DEFLATED)
            for k, (name, text) in enumerate(beside.texts.items()):
                _tell(progress, name, k, beside)
                _add(archive, f"map_files/{name}", text.encode("ascii"), zipfile.ZIP_DEFLATED)
            for k, (name, path) in enumerate(beside.copies.items()):
                _tell(progress, name, len(beside.texts) + k, beside)
                _add(archive, f"map_files/{name}", path.read_bytes(), zipfile.ZIP_STORED)
        Path(aside).chmod(0o644)
        Path(aside).replace(target)
    except OSError as error:
        Path(aside).unlink(missing_ok=True)
        msg = f"'{target}' cannot be written ({error.strerror or error}); close the program that has it open"
        raise MapError(msg) from error


def _add(archive: zipfile.ZipFile, name: str, content: bytes, how: int) -> None:
    info = zipfile.ZipInfo(name)
    info.external_attr = 0o644 << 16
    archive.writestr(info, content, compress_type=how)


def _write_beside(
    folder: Path, beside: Beside, old: Iterable[str], made: list[Path], progress: Callable[[str, int, int], None] | None
) -> None:
    if not beside.names:
        return
    folder.mkdir(exist_ok=True)
    if beside.copies:
        (folder / "photos").mkdir(exist_ok=True)
    # What both pages need is listed first, so that a crash leaves no file that looks like somebody else's.
    _replace(folder / _INDEX, _index({*old, *beside.names}))
    for k, name in enumerate(beside.names):
        _tell(progress, name, k, beside)
        file = folder / name
        is_new = not file.exists()
        content = beside.texts[name].encode("ascii") if name in beside.texts else beside.copies[name].read_bytes()
        _replace(file, content)
        if is_new:
            made.append(file)


def _tell(progress: Callable[[str, int, int], None] | None, name: str, done: int, beside: Beside) -> None:
    if progress is not None:
        progress(name, done + 1, len(beside.names))


def _index(names: Iterable[str]) -> bytes:
    told = {"made by": "outfall", "files": sorted(names)}
    return json.dumps(told, ensure_ascii=True, indent=1).encode("ascii")


def _own_files(folder: Path, *, is_needed: bool) -> list[str]:
    """Return what an earlier page of ours left in the folder; refuse a folder that holds other things."""
    if not folder.exists():
        return []
    listed: list[str] = []
    try:
        told = json.loads((folder / _INDEX).read_bytes())
        listed = [
            str(name) for name in told["files"] if ".." not in str(name) and not str(name).startswith(("/", "\\"))
        ]
    except (OSError, ValueError, KeyError, TypeError):
        listed = []
    if not is_needed:
        return listed
    there = [] if not folder.is_dir() else [p for p in folder.rglob("*") if not p.is_dir()]
    others = [p for p in there if p.name not in _LITTER and p.relative_to(folder).as_posix() not in listed]
    if others or not folder.is_dir():
        shown = ", ".join(repr(p.relative_to(folder).as_posix()) for p in sorted(others)[:3]) or "it is a file"
        msg = f"'{folder}' holds other things ({shown}); expected no such folder, or one an earlier map wrote: choose another name"
        raise MapError(msg)
    return listed


def _clear(folder: Path, old: Iterable[str], kept: list[str]) -> None:
    """Remove what only the earlier page needed; a file that is open somewhere stays."""
    if not (folder / _INDEX).is_file():
        return
    for name in set(old) - set(kept):
        _quietly((folder / name).unlink)
    if kept:
        _replace(folder / _INDEX, _index(kept))
    else:
        _quietly((folder / _INDEX).unlink)
    for made in (folder / "photos", folder):
        if made.is_dir() and not any(made.iterdir()):
            _quietly(made.rmdir)


def _quietly(act: Callable[[], object]) -> None:
    try:
        act()
    except OSError:
        return


def _replace(target: Path, content: bytes) -> None:
    handle, aside = tempfile.mkstemp(prefix=f".{target.name[:60]}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        Path(aside).chmod(0o644)
        Path(aside).replace(target)
    except OSError:
        Path(aside).unlink(missing_ok=True)
        raise
