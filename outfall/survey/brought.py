"""What a ground file brought home: its rows as text, the photos that came with it, and what was doubtful."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pandas as pd

from outfall.tables import issue, join_ids
from outfall.tables.safe import open_archive, safe_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

__all__ = ["Brought", "folder_media", "keep_apart", "media_digests", "resolve_photos", "zip_media"]

_ID_BYTES = 8
_PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".heic", ".tif", ".tiff", ".bmp")


@dataclass(frozen=True, slots=True)
class Brought:
    """One ground file as read.

    Parameters
    ----------
    frame : DataFrame
        Its rows, with ``source_ref``; ``photo_ids`` as the file names them.
    media : mapping of str to callable
        Photos that came with it, by safe name: each gives its bytes when asked.
    issues : list of dict
        What was doubtful.
    has_ids : bool
        Whether ``sighting_id`` is a uuid that stays as it is.
    crs : object
        What its coordinates are, where the format says so.
    """

    frame: pd.DataFrame
    media: Mapping[str, Callable[[], bytes]] = field(default_factory=dict)
    issues: list[dict[str, object]] = field(default_factory=list)
    has_ids: bool = False
    crs: object = None


def zip_media(path: Path) -> dict[str, Callable[[], bytes]]:
    """Return the pictures of an archive by safe name; each is unpacked only when asked for."""

    def take(name: str) -> bytes:
        with open_archive(path) as archive:
            return archive.read(name)

    with open_archive(path) as archive:
        names = [name for name in archive.names if name.casefold().endswith(_PICTURES)]
    return {name: (lambda name=name: take(name)) for name in names}  # type: ignore[misc]


def folder_media(root: Path, names: Iterable[str]) -> dict[str, Callable[[], bytes]]:
    """Return the pictures that relative names mean inside a folder; a name that leaves it finds nothing."""
    found: dict[str, Callable[[], bytes]] = {}
    base = root.resolve()
    for given in names:
        name = safe_name(given)
        if name is None or not name.casefold().endswith(_PICTURES):
            continue
        file = (base / name).resolve()
        if file.is_relative_to(base) and file.is_file():
            found[name] = file.read_bytes
    return found


def media_digests(media: Mapping[str, Callable[[], bytes]], names: Iterable[str]) -> dict[str, str]:
    """Return the SHA-256 of each named picture that came, by the name the file gives it.

    Examples
    --------
    >>> list(media_digests({"media/a.jpg": lambda: b"a"}, ["a.jpg", "../b.jpg", "c.jpg"]))
    ['a.jpg']
    """
    short: dict[str, str] = {}
    for full in media:
        short.setdefault(full.rpartition("/")[2].casefold(), full)
    found: dict[str, str] = {}
    for given in dict.fromkeys(names):
        name = safe_name(given)
        if name is None:
            continue
        path = name if name in media else short.get(name.rpartition("/")[2].casefold())
        if path is not None:
            found[given] = hashlib.sha256(media[path]()).hexdigest()
    return found


def resolve_photos(brought: Brought, where: str) -> tuple[pd.DataFrame, list[dict[str, object]]]:
    """Return the rows with photos named by their content, and which photos have not arrived.

    A name is never used as a path: a photo that came is known by its SHA-256, one that did not keeps its name.
    """
    frame = brought.frame
    if "photo_ids" not in frame.columns:
        return frame, []
    named = [[part for part in str(text or "").split(";") if part.strip()] for text in frame["photo_ids"].fillna("")]
    digests = media_digests(brought.media, (name for names in named for name in names))
    ids = [join_ids(digests.get(name, name) for name in names) for names in named]
    refs = frame["source_ref"]
    unsafe = [ref for ref, names in zip(refs, named, strict=True) if any(safe_name(name) is None for name in names)]
    pending = [
        ref
        for ref, names in zip(refs, named, strict=True)
        if any(name not in digests and safe_name(name) is not None for name in names)
    ]
    missing = sum(name not in digests for names in named for name in names)
    doubts = [*_pending(where, pending, missing)]
    if unsafe:
        doubts.append(
            issue(
                "pending_photo",
                where,
                "photo names that lead out of their folder; no file is opened by them",
                reason_zh="照片名指向文件夹之外，未打开",
                rows=unsafe,
                decision="kept as text",
            )
        )
    return frame.assign(photo_ids=pd.Series(ids, index=frame.index, dtype="str")), doubts


def _pending(where: str, rows: list[str], count: int) -> Iterator[dict[str, object]]:
    if rows:
        yield issue(
            "pending_photo",
            where,
            f"{count} photos are named and have not arrived",
            reason_zh=f"{count} 张照片尚未收到",
            rows=rows,
            level="note",
            decision="kept by name",
        )


def keep_apart(frame: pd.DataFrame, where: str) -> tuple[pd.DataFrame, list[dict[str, object]]]:
    """Return rows of one uuid once where they say the same, and apart where they do not.

    Parameters
    ----------
    frame : DataFrame, n rows
        With ``sighting_id`` and ``source_ref``.
    where : str
        The file, for messages.

    Returns
    -------
    tuple of DataFrame and list of dict
        Rows whose uuid was used for something else carry a piece of the hash of their content behind it.

    Examples
    --------
    >>> rows = pd.DataFrame({"sighting_id": ["u", "u", "u"], "note": ["a", "a", "b"], "source_ref": ["f#2", "f#3", "f#4"]})
    >>> keep_apart(rows, "f")[0]["sighting_id"].tolist()
    ['u~ca978112', 'u']
    """
    content = frame.drop(columns=["source_ref", "sighting_id"])
    content = content.drop(columns=[name for name in content.columns if str(name).startswith("_submission")])
    cells = pd.DataFrame(content).astype("str").fillna("")
    marks = [
        hashlib.sha256("\x1f".join(str(value) for value in row).encode()).hexdigest()
        for row in cells.itertuples(index=False)
    ]
    mark = pd.Series(marks, index=frame.index)
    ids = frame["sighting_id"].astype(str)
    is_same = pd.DataFrame({"id": ids, "mark": mark}).duplicated() & ids.ne("")
    variants = pd.DataFrame({"id": ids, "mark": mark})[~is_same]
    is_other = variants["id"].ne("") & variants["mark"].ne(variants.groupby("id")["mark"].transform("min"))
    # The variant that keeps the plain uuid must not depend on the order of rows.
    kept = frame[~is_same].copy()
    kept["sighting_id"] = ids[~is_same].where(~is_other, ids[~is_same] + "~" + mark[~is_same].str[:_ID_BYTES])
    doubts = []
    if is_same.any():
        doubts.append(
            _doubt(
                where, "the same submission stands more than once", "同一提交重复出现", frame[is_same], "left out once"
            )
        )
    if is_other.any():
        doubts.append(
            _doubt(where, "one uuid stands for different content", "同一 uuid 内容不同", kept[is_other], "kept apart")
        )
    return kept, doubts


def _doubt(where: str, reason: str, reason_zh: str, rows: pd.DataFrame, decision: str) -> dict[str, object]:
    return issue("duplicate", where, reason, reason_zh=reason_zh, rows=rows["source_ref"], decision=decision)
