"""Which of our outfalls does a file of the field speak of: rows of a field pack that come home, whatever carried them."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pandas as pd

from outfall.survey.brought import folder_media
from outfall.tables import name_columns, split_ids
from outfall.tables.safe import safe_name

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from outfall.survey.brought import Brought

__all__ = ["PACK_HEADINGS", "guard", "is_packed", "join_photos", "shown_digest", "unpack"]

PACK_HEADINGS = {
    "uuid": ("唯一标识", "UUID"),
    "pack_id": ("数据包编号", "Pack id"),
    "pack_day": ("外业日期", "Day in the field"),
    "pack_team": ("外业班组", "Team"),
    "pack_register": ("台账版本", "Version of the register"),
    "pack_photos": ("照片原名", "Photos as registered"),
    "register_ref": ("台账数据来源", "Source in the register"),
    "field_note": ("外业备注", "Note from the field"),
    "field_name": ("外业名称", "Name in the field"),
}
# Ours read "pack_name" where the format shows a name of its own; what people type over that name wins.
_SHOWN = ("description", "desc", "cmt", "folder", "sym", "type", "time")
_PHOTO = re.compile(r"^(?:photo|照片)_?\d*$")
_TAG = re.compile(r"^\[\[(?P<pack>[^/\]]*)/(?P<id>[^/\]]*)/(?P<shown>[^\]]*)\]\]\s*")
_LIVE = re.compile(r"^[\s']*[=+\-@\t\r＝＋－＠﹢﹣−]")
_GUARDED = re.compile(r"^'[\s']*[=+\-@\t\r＝＋－＠﹢﹣−]")
_PLACES = ("经度(°)", "纬度(°)")
_DIGEST_CHARS = 16


def is_packed(columns: Sequence[object]) -> bool:
    """Return whether headings are those of a field pack: they say which pack a row was taken with.

    Examples
    --------
    >>> is_packed(["outfall_id", "pack_id"]), is_packed(["数据包编号"]), is_packed(["编号", "经度"])
    (True, True, False)
    """
    return any(str(name).strip() in ("pack_id", *PACK_HEADINGS["pack_id"]) for name in columns)


def shown_digest(text: str) -> str:
    r"""Return what a text people see is known by, whatever a program did to its blanks and breaks.

    Examples
    --------
    >>> shown_digest("a  b\n") == shown_digest("a b")
    True
    """
    flat = " ".join(unicodedata.normalize("NFC", text).split())
    flat = "".join(mark for mark in flat if mark >= " " and mark not in "\ufffe\uffff")
    return hashlib.sha256(flat.encode("utf-8", "replace")).hexdigest()[:_DIGEST_CHARS]


def guard(text: str) -> str:
    """Return a text for a CSV cell that no spreadsheet runs: one apostrophe in front of what would be a formula.

    Examples
    --------
    >>> guard("=1+1"), guard("3号口")
    ("'=1+1", '3号口')
    """
    return f"'{text}" if _LIVE.match(text) else text


def join_photos(frame: pd.DataFrame) -> pd.Series:
    """Return the photos of each row as one list: those registered, those linked and those just taken.

    Examples
    --------
    >>> join_photos(pd.DataFrame({"photo_ids": ["a.jpg"], "photo_1": ["DCIM/b.jpg"], "pictures": ["a.jpg"]})).tolist()
    ['a.jpg;DCIM/b.jpg']
    """
    names = [name for name in frame.columns if name in ("photo_ids", "pictures") or _PHOTO.match(str(name))]
    cells = [[split_ids(cell) for cell in frame[name]] for name in names]
    rows = [list(dict.fromkeys(part for parts in row for part in parts)) for row in zip(*cells, strict=True)]
    return pd.Series([";".join(row) or None for row in rows], index=frame.index, dtype="str")


def unpack(brought: Brought, file: Path) -> Brought:
    """Return what a pack brought home under the columns of the register, with the uuid as the id of each row.

    A submission keeps the id of its instance: it is a visit, and one outfall may have many.

    Parameters
    ----------
    brought : Brought
        As the format was read, with its own columns still there.
    file : path
        The file; photos lie beside it, or inside a KMZ.

    Returns
    -------
    Brought
        ``uuid`` and ``outfall_id`` as packed, or missing where a row was added on site; ``field_note`` what people
        typed over the text that the pack shows. Other files are given back as they are.
    """
    frame = brought.frame
    if file.suffix.casefold() == ".txt":
        frame = _tagged(frame)
        return brought if frame is None else replace(brought, frame=frame)
    if not is_packed(list(frame.columns)):
        return brought
    if file.suffix.casefold() == ".csv" and not brought.has_ids:  # ours, not a submission
        texts = [name for name in frame.columns if name != "source_ref"]
        frame = frame.assign(**{name: frame[name].map(_unguarded, na_action="ignore") for name in texts})
    frame = _named(frame)
    frame = _told(frame)
    has_photos = any(name in ("photo_ids", "pictures") or _PHOTO.match(str(name)) for name in frame.columns)
    if has_photos:
        frame = frame.assign(photo_ids=join_photos(frame))
        frame = frame.drop(columns=[name for name in frame.columns if name == "pictures" or _PHOTO.match(str(name))])
    ids = [name for cell in frame["photo_ids"] for name in split_ids(cell)] if has_photos else []
    wanted = {_short(safe_name(one) or "") for one in ids}
    media = {name: take for name, take in brought.media.items() if _short(name) in wanted}
    return replace(
        brought,
        frame=_identified(frame),
        media=media or folder_media(file.parent, ids),
        has_ids=True,
        crs=brought.crs if brought.crs is not None else 4490,
    )


def _named(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame under the names of the register, whichever language its headings are in."""
    ours = {text: name for name, texts in PACK_HEADINGS.items() for text in texts}
    places = dict(zip(_PLACES, ("lon", "lat"), strict=True))
    frame = frame.rename(columns={name: {**ours, **places}.get(str(name).strip(), name) for name in frame.columns})
    return frame if "sighting_id" in frame.columns else name_columns(frame, "outfalls")


def _told(frame: pd.DataFrame) -> pd.DataFrame:
    """Return true names and notes: those packed, or what people typed over what the pack shows."""
    frame = frame.copy()
    if {"pack_name", "pack_id", "name", "outfall_id"} <= set(frame.columns):
        is_packed_row = frame["pack_id"].fillna("").astype(str).ne("")
        shown = frame["name"].fillna("").astype(str).str.strip()
        true = frame["pack_name"].fillna("").astype(str)
        label = (frame["outfall_id"].fillna("").astype(str) + " " + true).str.strip()
        is_same = is_packed_row & shown.map(shown_digest).eq(label.map(shown_digest))
        frame["name"] = true.where(is_same, shown).replace("", None)
    texts = [name for name in ("description", "desc", "cmt") if name in frame.columns]
    if texts and "pack_text" in frame.columns:
        typed = [_typed(row, texts) for _, row in frame.iterrows()]
        frame["field_note"] = pd.Series(typed, index=frame.index, dtype="str")
    gone = [name for name in (*_SHOWN, "pack_name", "pack_text") if name in frame.columns]
    return frame.drop(columns=gone)


def _typed(row: pd.Series, texts: Sequence[str]) -> str | None:
    """Return what people wrote where the pack had shown its own text."""
    packed = str(row["pack_text"]) if pd.notna(row["pack_text"]) else ""
    found = [str(row[name]).strip() for name in texts if pd.notna(row[name])]
    return " ".join(text for text in found if text and shown_digest(text) != packed) or None


def _identified(frame: pd.DataFrame) -> pd.DataFrame:
    if "uuid" not in frame.columns:
        return frame.assign(uuid=frame["sighting_id"] if "sighting_id" in frame.columns else None)
    uuid = frame["uuid"].astype("str").str.strip().str.strip("{}")
    frame = frame.assign(uuid=uuid.mask(uuid.eq("")))
    return frame if "sighting_id" in frame.columns else frame.assign(sighting_id=frame["uuid"])


def _short(name: str) -> str:
    return name.rpartition("/")[2].casefold()


def _unguarded(text: object) -> object:
    return text[1:] if isinstance(text, str) and _GUARDED.match(text) else text


def _tagged(frame: pd.DataFrame) -> pd.DataFrame | None:
    """Return the points of an OVITAL list with the ids our notes begin with, or None where none has one."""
    found = [_TAG.match(str(note)) for note in frame["note"]] if "note" in frame.columns else []
    if not any(found):
        return None
    texts = [str(note)[match.end() :] if match else str(note) for note, match in zip(frame["note"], found, strict=True)]
    is_typed = [
        match is None or shown_digest(f"{name} {text}")[: len(match["shown"])] != match["shown"]
        for name, text, match in zip(frame["name"], texts, found, strict=True)
    ]
    columns = {
        "outfall_id": [unquote(match["id"]) if match else None for match in found],
        "pack_id": [match["pack"] if match else None for match in found],
        "note": texts,
        "field_name": [name if typed else None for name, typed in zip(frame["name"], is_typed, strict=True)],
        "field_note": [text if typed else None for text, typed in zip(texts, is_typed, strict=True)],
    }
    return frame.assign(**{name: pd.Series(values, index=frame.index, dtype="str") for name, values in columns.items()})
