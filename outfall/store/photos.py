"""Where photos lie: beside the store, each named by the hash of its content, whatever its name was.

A row may cite a photo that has not arrived (its attributes never wait for it); the photo is then pending.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from outfall.errors import StoreError
from outfall.store.backend import find_backend
from outfall.store.live import LiveFile
from outfall.store.rows import list_tables, read_rows
from outfall.tables import contract, split_ids

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from outfall.store.backend import Store

__all__ = ["add_photos", "find_photo", "list_pending_photos", "verify_photos"]

_STARTS = {b"\xff\xd8\xff": ".jpg", b"\x89PNG\r\n\x1a\n": ".png", b"II*\x00": ".tif", b"MM\x00*": ".tif"}
_HEIF = (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftypheim", b"ftypheis")
_CHUNK_BYTES = 1 << 20
_MAX_BYTES = 500_000_000
_REASONS = {
    "added": ("", ""),
    "there": ("the same photo is there already", "同一张照片已在库中"),
    "no photo": ("the content is not JPEG, PNG, TIFF or HEIF", "内容不是 JPEG、PNG、TIFF 或 HEIF 图像"),
    "too large": ("the file has more than 500 MB", "文件超过 500 MB"),
    "unreadable": ("the file cannot be read, or is no plain file", "文件无法读取，或不是普通文件"),
    "damaged": ("the content is not the one its name says", "内容与文件名所示的校验值不符"),
    "astray": ("the name is none that add_photos gives", "文件名不是入库照片的命名"),
}


def add_photos(
    path: Store, photos: Path | str | Iterable[Path | str], *, folder: Path | str | None = None
) -> pd.DataFrame:
    """Copy photos beside the store, each under the hash of its content, whole or not at all.

    Parameters
    ----------
    path : path, URL or open store
        The live store.
    photos : path or iterable of paths
        A folder (all files in it and below, links not followed), one file, or files.
    folder : path, optional
        Where photos lie; ``photos`` beside the live file by default. A store on a server needs it.

    Returns
    -------
    DataFrame, one row per file
        ``file`` as given, ``photo_id`` (SHA-256, missing where it is no photo), ``stored`` (path below the folder),
        ``status`` (added, there, no photo, too large, unreadable), ``reason``, ``reason_zh``.

    Raises
    ------
    StoreError
        No store, no such folder, or the disk is full.

    Examples
    --------
    >>> import tempfile
    >>> from outfall.store import create_store
    >>> place = Path(tempfile.mkdtemp())
    >>> store = create_store(place / "county.outfalldb")
    >>> _ = (place / "IMG_1.JPG").write_bytes(bytes.fromhex("ffd8ffe0"))
    >>> add_photos(store, place / "IMG_1.JPG")[["status", "stored"]].values.tolist()
    [['added', 'ba/ba4f25bf16ba4be6bc7d3276fafeb67f9eb3c5df042bc3a405e1af15b921eed7.jpg']]
    """
    target = _folder(path, folder)
    rows = []
    for file in _files(photos):
        try:
            status, photo_id, stored = _take(file, target)
        except OSError as error:
            if not _is_readable(file):
                status, photo_id, stored = "unreadable", None, None
            else:
                msg = f"{target}: photos cannot be written ({error.strerror}); make room or choose another folder, then add them again"
                raise StoreError(msg) from error
        rows.append((str(file), photo_id, stored, status, *_REASONS[status]))
    return pd.DataFrame(rows, columns=["file", "photo_id", "stored", "status", "reason", "reason_zh"]).astype("str")


def find_photo(path: Store, photo_id: str, *, folder: Path | str | None = None) -> Path | None:
    """Return where a photo lies, None while it has not arrived.

    Parameters
    ----------
    path : path, URL or open store
        The live store.
    photo_id : str
        SHA-256 of the photo.
    folder : path, optional
        As in ``add_photos``.

    Returns
    -------
    Path or None
        The file.

    Examples
    --------
    >>> import tempfile
    >>> from outfall.store import create_store
    >>> find_photo(create_store(Path(tempfile.mkdtemp()) / "county.outfalldb"), "../../etc/passwd") is None
    True
    """
    if len(photo_id) != 64 or not set(photo_id) <= set("0123456789abcdef"):
        return None
    shelf = _folder(path, folder) / photo_id[:2]
    return next((file for file in sorted(shelf.glob(f"{photo_id}.*")) if file.is_file()), None)


def list_pending_photos(path: Store, *, folder: Path | str | None = None) -> pd.DataFrame:
    """Return the photos that rows cite and that have not arrived.

    Parameters
    ----------
    path : path, URL or open store
        The live store.
    folder : path, optional
        As in ``add_photos``.

    Returns
    -------
    DataFrame, one row per photo and row that cites it
        ``photo_id``, ``table``, ``row_key``.

    Examples
    --------
    >>> import tempfile
    >>> from outfall.store import create_store
    >>> len(list_pending_photos(create_store(Path(tempfile.mkdtemp()) / "county.outfalldb")))
    0
    """
    there = {file.stem for file in _stored(_folder(path, folder))}
    rows = []
    for table in list_tables(path):
        columns = [name for name in ("photo_id", "photo_ids") if name in contract(table).columns]
        frame = read_rows(path, table) if columns else pd.DataFrame()
        for name in columns:
            for key, text in zip(frame[contract(table).key], frame[name], strict=True):
                cited = [] if pd.isna(text) else split_ids(text)
                rows += [(photo_id, table, key) for photo_id in cited if photo_id not in there]
    return pd.DataFrame(rows, columns=["photo_id", "table", "row_key"], dtype="str")


def verify_photos(path: Store, *, folder: Path | str | None = None) -> pd.DataFrame:
    """Read every stored photo and return those that are not what their name says.

    Parameters
    ----------
    path : path, URL or open store
        The live store.
    folder : path, optional
        As in ``add_photos``.

    Returns
    -------
    DataFrame, one row per wrong file
        ``stored``, ``status`` (damaged, astray), ``reason``, ``reason_zh``; empty where all is well.

    Examples
    --------
    >>> import tempfile
    >>> from outfall.store import create_store
    >>> len(verify_photos(create_store(Path(tempfile.mkdtemp()) / "county.outfalldb")))
    0
    """
    target = _folder(path, folder)
    rows = []
    for file in sorted(item for item in target.rglob("*") if not item.is_dir()):
        name = file.relative_to(target).as_posix()
        if file.is_symlink() or name != f"{file.stem[:2]}/{file.stem}{file.suffix}" or len(file.stem) != 64:
            rows.append((name, "astray", *_REASONS["astray"]))
        elif hashlib.sha256(b"".join(_chunks(file))).hexdigest() != file.stem:
            rows.append((name, "damaged", *_REASONS["damaged"]))
    return pd.DataFrame(rows, columns=["stored", "status", "reason", "reason_zh"], dtype="str")


def _folder(path: Store, folder: Path | str | None) -> Path:
    if folder is not None:
        return Path(folder)
    store = find_backend(path)
    if not isinstance(store, LiveFile):
        msg = f"{store.name}: a store on a server has no folder beside it; say where photos lie with folder=..."
        raise StoreError(msg)
    if not store.file.is_file():
        msg = f"{store.file}: there is no store; make one with create_store, or look for the folder that has it"
        raise StoreError(msg)
    return store.file.parent / "photos"


def _files(photos: Path | str | Iterable[Path | str]) -> list[Path]:
    if not isinstance(photos, (str, Path)):
        return [Path(photo) for photo in photos]
    place = Path(photos)
    if place.is_dir():
        return sorted(item for item in place.rglob("*") if not item.is_dir() or item.is_symlink())
    if not place.exists():
        msg = f"{place}: there is no such folder or file; give the folder the photos are in"
        raise StoreError(msg)
    return [place]


def _take(file: Path, target: Path) -> tuple[str, str | None, str | None]:
    """Copy one file under its hash; return its status, its hash and where it lies."""
    if file.is_symlink() or not file.is_file():
        return "unreadable", None, None
    if file.stat().st_size > _MAX_BYTES:
        return "too large", None, None
    with file.open("rb") as stream:
        ending = _ending(stream.read(16))
    if ending is None:
        return "no photo", None, None
    target.mkdir(parents=True, exist_ok=True)
    aside = target / f".{secrets.token_hex(8)}.part"
    content = hashlib.sha256()
    try:
        with aside.open("xb") as out:
            for chunk in _chunks(file):
                content.update(chunk)
                out.write(chunk)
            out.flush()
            os.fsync(out.fileno())
        photo_id = content.hexdigest()
        final = target / photo_id[:2] / f"{photo_id}{ending}"
        is_there = final.is_file() and final.stat().st_size == aside.stat().st_size
        if not is_there:
            final.parent.mkdir(exist_ok=True)
            aside.replace(final)
            _flush(final.parent)
    finally:
        aside.unlink(missing_ok=True)
    return ("there" if is_there else "added"), photo_id, final.relative_to(target).as_posix()


def _ending(start: bytes) -> str | None:
    if start[4:12] in _HEIF:
        return ".heic"
    return next((ending for magic, ending in _STARTS.items() if start.startswith(magic)), None)


def _chunks(file: Path) -> Iterator[bytes]:
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            yield chunk


def _stored(target: Path) -> list[Path]:
    return [file for file in target.glob("??/*") if file.is_file() and file.stem[:2] == file.parent.name]


def _is_readable(file: Path) -> bool:
    try:
        with file.open("rb") as stream:
            stream.read(1)
    except OSError:
        return False
    return True


def _flush(folder: Path) -> None:
    if os.name == "nt":  # Windows has no handle of a folder to flush
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
