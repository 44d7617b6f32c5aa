"""What did people send from ODK and Kobo forms: submissions with their repeats, places and media."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pandas as pd

from outfall.errors import ReadError
from outfall.survey.brought import Brought, keep_apart, zip_media
from outfall.tables import issue
from outfall.tables.safe import open_archive, read_json, read_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

__all__ = ["is_submission", "read_submission_csv", "read_submission_json", "read_submission_zip"]

_UUIDS = ("metainstanceid", "instanceid", "metarootuuid", "_uuid", "__id", "key")
_SURE = {"metainstanceid", "instanceid", "_uuid", "__id"}
_SPLIT = re.compile(r"[/:.]")
_GEOPOINT = re.compile(r"^-?\d+(\.\d+)?( -?\d+(\.\d+)?){1,3}$")
_PARTS = {"latitude": "lat", "longitude": "lon", "accuracy": "sigma_m", "precision": "sigma_m"}
_SKIPPED = {"_attachments", "_geolocation"}
_NUMBERS = {"sighting_id", "编号", "id"}
_PICTURE = re.compile(r"\.(jpe?g|png|webp|heic|tiff?|bmp)$", re.IGNORECASE)


def is_submission(columns: Sequence[object]) -> bool:
    """Return whether headings are those of submissions: they have the uuid of an instance.

    Examples
    --------
    >>> is_submission(["SubmissionDate", "meta-instanceID"]), is_submission(["编号", "经度"])
    (True, False)
    """
    return any(_plain(name) in _SURE for name in columns)


def read_submission_csv(path: Path, raw: bytes | None = None, *, name: str = "") -> Brought:
    """Return the submissions of one CSV, without media.

    Parameters
    ----------
    path : path
        The file, or the archive the bytes come from.
    raw : bytes, optional
        The content of a member.
    name : str
        Name of the member, for ``source_ref``.

    Returns
    -------
    Brought
        A row per submission.
    """
    rows, _ = read_text(path, raw)
    if not rows:
        msg = f"{path}: holds no submission; export it again"
        raise ReadError(msg)
    heads = [cell.strip() for cell in rows[0][1]]
    where = name or path.name
    records = [
        {**dict(zip(heads, cells, strict=False)), "source_ref": f"{where}#{line}"}
        for line, cells in rows[1:]
        if any(cells)
    ]
    return _brought(records, where)


def read_submission_json(path: Path) -> Brought | None:
    """Return the submissions of a JSON export (Kobo API, ODK Central OData), or None where it is something else."""
    found = read_json(path)
    if isinstance(found, dict):
        found = found.get("results", found.get("value"))
    if not isinstance(found, list) or not found or not all(isinstance(item, dict) for item in found):
        return None
    records = []
    for number, item in enumerate(found, start=1):
        record, photos = dict(_flat(item, "")), sorted(set(_pictures(item)))
        records.append(
            {**record, **({"photo_ids": ";".join(photos)} if photos else {}), "source_ref": f"{path.name}#{number}"}
        )
    if not is_submission([key for record in records for key in record]):
        return None
    return _brought(records, path.name)


def read_submission_zip(path: Path) -> Brought:
    """Return the submissions of an export with repeats and media; photos of repeats belong to their submission."""
    with open_archive(path) as archive:
        tables = {name: archive.read(name) for name in archive.names if name.casefold().endswith(".csv")}
        unsafe = list(archive.unsafe)
    read = {name: read_submission_csv(path, raw, name=f"{path.name}/{name}") for name, raw in tables.items() if raw}
    frames = {name: brought.frame for name, brought in read.items()}
    roots = {
        name: frame
        for name, frame in frames.items()
        if "PARENT_KEY" not in frame.columns and "_parent_index" not in frame.columns
    }
    if not roots:
        msg = f"{path}: holds no table of submissions; export it again with its CSV"
        raise ReadError(msg)
    root = pd.concat(list(roots.values()), ignore_index=True)
    repeats = [frame for name, frame in frames.items() if name not in roots]
    root = _with_repeats(root, repeats)
    doubts = [doubt for name in roots for doubt in read[name].issues]
    if unsafe:
        doubts.append(
            issue(
                "skipped_file",
                path.name,
                f"{len(unsafe)} members have names that lead out of the archive",
                reason_zh=f"{len(unsafe)} 个文件名指向压缩包之外",
                rows=unsafe,
                decision="never unpacked",
            )
        )
    return Brought(root, zip_media(path), doubts, has_ids=True, crs=4326)


def _with_repeats(root: pd.DataFrame, repeats: Sequence[pd.DataFrame]) -> pd.DataFrame:
    found: dict[str, list[str]] = {}
    for repeat in repeats:
        if "photo_ids" not in repeat.columns or "PARENT_KEY" not in repeat.columns:
            continue
        for parent, photos in zip(repeat["PARENT_KEY"], repeat["photo_ids"].fillna(""), strict=True):
            found.setdefault(_bare(str(parent).partition("/")[0]), []).extend(photos.split(";"))
    if not found:
        return root
    own = root["photo_ids"].fillna("") if "photo_ids" in root.columns else pd.Series("", index=root.index)
    joined = [
        ";".join(name for name in [*str(photos).split(";"), *found.get(str(key).partition("~")[0], [])] if name)
        for photos, key in zip(own, root["sighting_id"], strict=True)
    ]
    return root.assign(photo_ids=pd.Series(joined, index=root.index, dtype="str"))


def _brought(records: Sequence[Mapping[str, object]], where: str) -> Brought:
    rows = [_row(record) for record in records]
    columns = list(dict.fromkeys(key for row in rows for key in row))
    frame = pd.DataFrame(
        rows, columns=columns or ["sighting_id", "source_ref"], index=pd.RangeIndex(len(rows)), dtype="str"
    )
    if "PARENT_KEY" in frame.columns:
        return Brought(frame, has_ids=True, crs=4326)
    if "sighting_id" not in frame.columns:
        frame["sighting_id"] = ""
    frame["sighting_id"] = frame["sighting_id"].fillna("")
    apart, doubts = keep_apart(frame, where)
    return Brought(apart, issues=doubts, has_ids=True, crs=4326)


def _row(record: Mapping[str, object]) -> dict[str, str]:
    """Return one submission by the last names of its questions, with its place, uuid and photos."""
    row: dict[str, str] = {}
    uuids = {_plain(key): str(value) for key, value in record.items() if _plain(key) in _UUIDS and value}
    photos: list[str] = []
    for key, value in record.items():
        text = "" if value is None else str(value).strip()
        if _plain(key) not in _UUIDS and key not in _SKIPPED:
            _answer(row, photos, key, text)
    if photos and not row.get("photo_ids"):
        row["photo_ids"] = ";".join(photos)
    uuid = next((uuids[name] for name in _UUIDS if name in uuids), "")
    row = {("form_number" if key in _NUMBERS else key): value for key, value in row.items()}
    return {**row, "sighting_id": _bare(uuid)} if uuid else row


def _answer(row: dict[str, str], photos: list[str], key: str, text: str) -> None:
    """Put one answer where it belongs: place, accuracy, photo or a question by its last name."""
    name = _last(key)
    part = _PARTS.get(name.rpartition("-")[2].rpartition("_")[2].casefold())
    if part is not None:
        if text:
            row.setdefault(part, text)
    elif _GEOPOINT.match(text):
        row.update({place: given for place, given in _place(text).items() if not row.get(place)})
    elif key not in ("photo_ids", "source_ref", "PARENT_KEY") and _PICTURE.search(text) and "://" not in text:
        photos.append(text)
    elif name and name not in row:
        row[name] = text


def _place(text: str) -> dict[str, str]:
    lat, lon, *rest = text.split()
    return {"lat": lat, "lon": lon, **({"sigma_m": rest[1]} if len(rest) > 1 and float(rest[1]) > 0 else {})}


def _flat(item: object, prefix: str) -> Iterator[tuple[str, object]]:
    if not isinstance(item, dict):
        return
    for key, value in item.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict) and value.get("type") == "Point" and isinstance(value.get("coordinates"), list):
            lon, lat = [*list(value["coordinates"]), None, None][:2]
            held = value.get("properties")
            accuracy = held.get("accuracy") if isinstance(held, dict) else None
            yield from ((f"{name}-Longitude", lon), (f"{name}-Latitude", lat), (f"{name}-Accuracy", accuracy))
        elif isinstance(value, dict) and not key.startswith("__"):
            yield from _flat(value, f"{name}/")
        elif not isinstance(value, (dict, list)):
            yield name, value


def _pictures(item: object, depth: int = 0) -> Iterator[str]:
    """Yield the pictures a submission and its repeats name; links of the server are not names."""
    if depth > 20:
        return
    if isinstance(item, dict):
        for key, value in item.items():
            if key != "_attachments":
                yield from _pictures(value, depth + 1)
    elif isinstance(item, list):
        for value in item:
            yield from _pictures(value, depth + 1)
    elif isinstance(item, str) and _PICTURE.search(item) and "://" not in item and len(item) < 300:
        yield item


def _last(key: str) -> str:
    name = _SPLIT.split(key)[-1]
    head, _, tail = name.partition("-")
    return tail if tail and head.isascii() and head.islower() and tail.casefold() not in _PARTS else name


def _plain(key: object) -> str:
    return str(key).casefold().replace("-", "").replace("/", "").replace(".", "")


def _bare(uuid: str) -> str:
    return uuid.strip().removeprefix("uuid:")
