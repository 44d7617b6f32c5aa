"""How an output replaces an older one without ever being half written."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import time
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from outfall.errors import OutfallError, ProjectError, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["write_aside"]

_LIVE_ENDINGS = (".outfalldb", ".outfalldb-wal", ".outfalldb-shm", ".outfalldb-journal")
_STEM = 20  # names on the way stay short, since the longest a name can be is 255 bytes
_WAITS_S = (0.05, 0.15, 0.4)


def write_aside(path: Path | str, writer: Callable[[Path], object]) -> Path:
    """Write a file or a folder beside its place, then move it into place in one step.

    Readers see the old output or the new one, never a half. Where the writer fails, or where Windows refuses because
    another program holds the old output open, the old output stays as it was and what was written aside is removed.

    Parameters
    ----------
    path : path
        Where the output shall be. Missing folders above it are made.
    writer : callable
        Is given a path that does not exist yet, with the same ending and in the same folder, and makes a file or a
        folder there.

    Returns
    -------
    Path
        The path given.

    Raises
    ------
    ProjectError
        The output is open in another program, the folder cannot be written, or the writer made nothing.
    StoreError
        The path is a live store, which is written by events only.

    Examples
    --------
    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "台账.csv"
    >>> write_aside(target, lambda aside: aside.write_text("a", encoding="utf-8")).read_text(encoding="utf-8")
    'a'
    """
    target = Path(path)
    if target.name.casefold().endswith(_LIVE_ENDINGS):
        msg = f"{target}: a live store is never replaced by a file; rows enter it with append_rows. Choose another name"
        raise StoreError(msg)
    token = secrets.token_hex(4)
    aside = target.with_name(f".{target.stem[:_STEM]}.{token}.part{target.suffix}")
    old = target.with_name(f"{_old_start(target)}{token}.old")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _restore(target)
        writer(aside)
        if not aside.exists():
            msg = f"{target}: nothing was written; the writer must make a file or a folder at the path it is given"
            raise ProjectError(msg)
        _flush(aside)
        _swap(aside, target, old)
    except OutfallError:
        raise
    except PermissionError as error:
        raise ProjectError(_refusal(target, error)) from error
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        msg = f"{target}: a file stands where a folder is needed, or the other way round ({error.strerror}); move it away or choose another name"
        raise ProjectError(msg) from error
    except OSError as error:
        why = (
            "the disk is full; make room"
            if error.errno in (errno.ENOSPC, errno.EDQUOT)
            else f"it cannot be written ({error})"
        )
        msg = f"{target}: {why} and run again. An older one is unchanged"
        raise ProjectError(msg) from error
    finally:
        _remove(aside)
        if target.exists():
            _remove(old)
    return target


def _restore(target: Path) -> None:
    """Put an old folder back whose replacement was interrupted between the two moves of a swap."""
    if target.exists():
        return
    left = [
        item for item in target.parent.iterdir() if item.name.startswith(_old_start(target)) and item.suffix == ".old"
    ]
    if len(left) == 1:
        left[0].replace(target)


def _old_start(target: Path) -> str:
    return f".{target.name[:_STEM]}.{zlib.crc32(target.name.encode('utf-8', 'surrogatepass')):08x}."


def _swap(aside: Path, target: Path, old: Path) -> None:
    if target.exists() and target.is_dir() != aside.is_dir():
        raise FileExistsError(0, "a folder and a file cannot replace each other", str(target))
    if not (aside.is_dir() and target.exists()):
        _patiently(aside, target)
        _flush_folder(target.parent)
        return
    _patiently(target, old)
    try:
        _patiently(aside, target)
    except OSError:
        old.replace(target)
        raise
    _flush_folder(target.parent)


def _patiently(source: Path, target: Path) -> None:
    """Replace, trying again for half a second: virus scanners hold a new file open for a moment on Windows."""
    for wait_s in _WAITS_S:
        try:
            source.replace(target)
        except PermissionError:
            time.sleep(wait_s)
        else:
            return
    source.replace(target)


def _flush(path: Path) -> None:
    files = [path] if path.is_file() else [item for item in path.rglob("*") if item.is_file()]
    for file in files:
        with file.open("rb+") as stream:
            os.fsync(stream.fileno())


def _flush_folder(folder: Path) -> None:
    if os.name == "nt":  # Windows has no handle of a folder to flush
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        try:
            path.unlink(missing_ok=True)
        except OSError:  # held open by a scanner; a hidden leftover harms nobody
            return


def _refusal(target: Path, error: PermissionError) -> str:
    if target.exists():
        return (
            f"{target}: cannot be replaced, probably because it is open in another program such as Excel, QGIS or a "
            f"browser ({error.strerror}); close it there and run again, or choose another name. The old one is unchanged"
        )
    return f"{target}: the folder cannot be written ({error.strerror}); choose another folder with --out"
