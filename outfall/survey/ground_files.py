"""Which kind of ground file is this, and what did it bring: forms, submissions, packages, marks and lists of points."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from outfall.errors import ReadError
from outfall.survey.brought import Brought, folder_media, keep_apart, zip_media
from outfall.survey.ovital import read_ovital
from outfall.survey.packed import is_packed, unpack
from outfall.survey.submissions import is_submission, read_submission_csv, read_submission_json, read_submission_zip
from outfall.tables import issue, read_frame
from outfall.tables.safe import list_geopackage, open_archive, require_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pandas as pd

__all__ = ["read_brought"]

# Names that Mergin, QField Cloud and file shares give to the second of two edits (from their issue threads; unverified).
_CONFLICT = re.compile(r"conflict|冲突|副本", re.IGNORECASE)
_GPX = {"desc": "note", "cmt": "note", "time": "seen_at", "pictures": "photo_ids"}
_GPX_ALSO = ("name", "hdop", "source_ref", "geometry")
_KML = {"description": "note", "time": "seen_at", "pictures": "photo_ids"}
_PHOTO_HEADINGS = {
    "photo",
    "photos",
    "picture",
    "pictures",
    "image",
    "照片",
    "照片编号",
    "现场照片",
    "photo_ids",
    "photo_path",
}
_UUID_HEADINGS = {"uuid", "globalid", "_uuid", "feature_uuid", "uid", "唯一标识"}


def read_brought(path: Path, layer: str | None) -> Brought:
    """Return what one ground file brought, whatever kind it is.

    Parameters
    ----------
    path : path
        CSV, workbook, GeoPackage, GeoJSON, GPX, KML, KMZ, OVITAL text, or an ODK or Kobo export (CSV, JSON, zip).
    layer : str, optional
        Layer, sheet or folder.

    Returns
    -------
    Brought
        Rows, photos and doubts.

    Raises
    ------
    ReadError
        The file cannot be read.
    """
    file = require_file(path)
    return unpack(_read(file, layer), file)


def _read(file: Path, layer: str | None) -> Brought:
    suffix = file.suffix.casefold()
    if suffix == ".gpkg":
        return _package(file, layer)
    found = _archive(file) if suffix == ".zip" else _submissions_or_points(file, suffix)
    if found is not None:
        return found
    frame = read_frame(file, table="sightings", layer=layer)
    if suffix in (".csv", ".tsv", ".txt") and is_submission(list(frame.columns)):
        return read_submission_csv(file)
    if suffix in (".gpx", ".kml", ".kmz"):
        return _marks(file, frame)
    return Brought(frame, issues=[*_encoding(file, frame), *_doubts(frame)])


def _submissions_or_points(file: Path, suffix: str) -> Brought | None:
    if suffix == ".json":
        return read_submission_json(file)
    points = read_ovital(file) if suffix == ".txt" else None
    return None if points is None else Brought(points, crs=4490, issues=[_unverified(file)])


def _archive(file: Path) -> Brought:
    with open_archive(file) as archive:
        names = [name.casefold() for name in archive.names]
    if any(name.endswith(".csv") for name in names):
        return read_submission_zip(file)
    msg = f"{file}: holds no table of submissions; unpack it and give the file inside"
    raise ReadError(msg)


def _package(file: Path, layer: str | None) -> Brought:
    if layer is None:
        layers = list_geopackage(file)
        points = [name for name, kind in layers if "POINT" in kind.upper()]
        layer = points[0] if points else None
    frame = read_frame(file, table="sightings", layer=layer)
    doubts = [*_conflicts(file), *_doubts(frame)]
    photos = [name for name in frame.columns if str(name).casefold() in _PHOTO_HEADINGS]
    if photos and "photo_ids" not in frame.columns:
        frame = frame.rename(columns={photos[0]: "photo_ids"})
    uuids = [name for name in frame.columns if str(name).casefold() in _UUID_HEADINGS]
    names = _names(frame)
    has_ids = bool(uuids) and frame[uuids[0]].notna().all()
    if has_ids:
        others = {
            name: "form_number" for name in frame.columns if str(name).casefold() in ("sighting_id", "id", "编号")
        }
        frame = frame.rename(columns=others).rename(columns={uuids[0]: "sighting_id"})
        frame["sighting_id"] = frame["sighting_id"].astype(str).str.strip("{}")
        frame, more = keep_apart(frame, file.name)
        doubts += more
    return Brought(frame, folder_media(file.parent, names), doubts, has_ids=has_ids)


def _marks(file: Path, frame: pd.DataFrame) -> Brought:
    is_kmz = file.suffix.casefold() == ".kmz"
    if is_packed(list(frame.columns)):
        return Brought(frame, zip_media(file) if is_kmz else {})
    if file.suffix.casefold() == ".gpx":
        kept = [name for name in frame.columns if name in _GPX or name in _GPX_ALSO]
        frame = _renamed(frame[kept], _GPX)
    else:
        frame = _renamed(frame, _KML)
    return Brought(frame, zip_media(file) if is_kmz else folder_media(file.parent, _names(frame)))


def _renamed(frame: pd.DataFrame, names: Mapping[str, str]) -> pd.DataFrame:
    """Return the columns of a format under ours; what the file itself calls by our name wins."""
    frame = frame.copy()
    for old, new in names.items():
        if old not in frame.columns:
            continue
        if new in frame.columns:
            both = frame[new].fillna("").astype(str) + " " + frame[old].fillna("").astype(str)
            frame[new] = both.str.strip() if new == "note" else frame[new]
            frame = frame.drop(columns=old)
        else:
            frame = frame.rename(columns={old: new})
    return frame


def _names(frame: pd.DataFrame) -> list[str]:
    if "photo_ids" not in frame.columns:
        return []
    return [name for text in frame["photo_ids"].dropna().astype(str) for name in text.split(";") if name]


def _doubts(frame: pd.DataFrame) -> list[dict[str, object]]:
    return [dict(row) for row in frame.attrs.get("issues", ())]


def _conflicts(file: Path) -> list[dict[str, object]]:
    beside = sorted(
        item.name for item in file.parent.iterdir() if _CONFLICT.search(item.name) and item.name != file.name
    )
    mine = [name for name in beside if file.stem.casefold() in name.casefold()]
    if not mine and not _CONFLICT.search(file.name):
        return []
    reason = "a second version of this file lies beside it" if mine else "this file is the second version of another"
    return [
        issue(
            "conflict_copy",
            file.name,
            f"{reason}; read both, the same uuid is compared",
            reason_zh="存在冲突副本，请一并读取后比对",
            rows=mine or [file.name],
            decision="read as it is",
        )
    ]


def _encoding(file: Path, frame: pd.DataFrame) -> list[dict[str, object]]:
    encoding = str(frame.attrs.get("encoding", ""))
    if encoding in ("", "utf-8", "utf-8-sig"):
        return []
    return [
        issue(
            "assumption",
            file.name,
            f"text read as {encoding}",
            reason_zh=f"文本按 {encoding} 读取",
            level="note",
            decision="read so",
        )
    ]


def _unverified(file: Path) -> dict[str, object]:
    return issue(
        "assumption",
        file.name,
        "read as an OVITAL list of points: longitude first; the layout is not confirmed by the vendor",
        reason_zh="按奥维文本读取（经度在前），格式未经厂商确认",
        level="note",
        decision="read so",
    )
