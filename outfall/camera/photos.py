"""Which photos are in a folder, where and when was each taken, and which files could not be used."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import geopandas as gpd
import numpy as np
import pandas as pd

from outfall.camera.exif import NotAPhotoError, read_shot
from outfall.errors import ReadError, TableError
from outfall.tables import attach_issues, check, contract, empty, issue

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["read_photos"]

_PHOTOS = {".jpg", ".jpeg", ".tif", ".tiff"}
_OTHER_PICTURES = {".png", ".heic", ".heif", ".dng", ".webp", ".bmp", ".mp4", ".mov"}
_MAX_BYTES = 300_000_000
# Our defaults (no standard): horizontal sigma in metres by RTK flag where the camera writes none, and without RTK.
_RTK_SIGMA_M = {50: 0.05, 34: 0.5, 16: 3.0}
_GNSS_SIGMA_M = 5.0
_LEAST_SIGMA_M = 0.02
_FAR_M = 200.0


def read_photos(
    folder: Path | str, *, tz: str | None = None, progress: Callable[[str, int, int], None] | None = None
) -> gpd.GeoDataFrame:
    """Return the photos of a folder as a table, with the position and time the camera wrote.

    Reads JPEG and TIFF files in the folder and below, their EXIF and XMP (DJI: gimbal, heights, RTK accuracy), and
    only the header of each picture. A photo without position or time is kept without it. A file that cannot be used
    is left out and named in ``tables.list_issues``; no file stops the others.

    Parameters
    ----------
    folder : path
        Folder of one flight or round; or one photo.
    tz : str, optional
        Zone of camera clocks that do not write theirs, such as ``"Asia/Shanghai"``. Without it such photos take the
        satellite time where there is one, and no time otherwise.
    progress : callable, optional
        Called with what is done, how many are done and how many there are.

    Returns
    -------
    GeoDataFrame, n rows, Point, EPSG:4326
        The contract ``photos``, in the order of the file names. ``sigma_m`` is the camera's own accuracy where it
        writes one; else our default: RTK fixed 0.05, float 0.5, single 3, no RTK 5 metres. What was doubtful
        travels with the table; ``tables.list_issues`` shows it.

    Raises
    ------
    ReadError
        There is no such folder.
    TableError
        The zone is not known.

    Examples
    --------
    >>> import tempfile
    >>> len(read_photos(tempfile.mkdtemp()))
    0
    """
    place, zone = Path(folder), _zone(tz)
    if not place.exists():
        msg = f"{place}: no such folder; give the folder that holds the photos"
        raise ReadError(msg)
    root = place if place.is_dir() else place.parent
    found = sorted(place.rglob("*"), key=lambda file: file.as_posix()) if place.is_dir() else [place]
    names = [file for file in found if file.suffix.casefold() in _PHOTOS | _OTHER_PICTURES and file.is_file()]
    rows: list[dict[str, object]] = []
    issues: list[dict[str, object]] = []
    for done, file in enumerate(names, start=1):
        row = _read(file, file.relative_to(root).as_posix(), zone, issues)
        if row is not None:
            rows.append(row)
        if progress is not None:
            progress("photos", done, len(names))
    return _table(_unique(rows, issues), issues)


def _read(file: Path, name: str, zone: ZoneInfo | None, issues: list[dict[str, object]]) -> dict[str, object] | None:
    try:
        raw = _raw(file)
        shot = read_shot(raw, zone=zone)
    except Exception as error:  # noqa: BLE001 - Pillow raises a dozen unrelated classes for one situation: a damaged file
        why = str(error) if isinstance(error, NotAPhotoError | OSError) else f"its header is damaged ({error})"
        _note(issues, name, "skipped_file", why, f"照片无法使用: {why}", "left out")
        return None
    return {"photo_id": hashlib.sha256(raw).hexdigest(), "file": name, "source_ref": name, **_trust(shot, name, issues)}


def _raw(file: Path) -> bytes:
    size = file.stat().st_size
    if file.suffix.casefold() in _OTHER_PICTURES:
        msg = f"{file.suffix} is not read; export it as JPEG with its metadata"
    elif size == 0:
        msg = "the file is empty (0 bytes)"
    elif size > _MAX_BYTES:
        msg = f"the file has {size / 1e6:,.0f} MB"
    else:
        return file.read_bytes()
    raise NotAPhotoError(msg)


def _trust(shot: dict[str, object], name: str, issues: list[dict[str, object]]) -> dict[str, object]:
    row = dict(shot)
    if row.pop("has_naive_time", False):
        why = "its clock has no time zone; pass tz='Asia/Shanghai'"
        _note(issues, name, "assumption", why, "拍摄时间没有时区", "kept without a time")
    if {"lon", "lat"} <= row.keys():
        lon, lat = _real(row["lon"]), _real(row["lat"])
        if abs(lon) > 180 or abs(lat) > 90 or (abs(lon) < 1e-6 and abs(lat) < 1e-6):
            why = f"its position {lon:g}, {lat:g} is no place on the earth"
            _note(issues, name, "no_geometry", why, "照片定位无效", "kept without a position")
            del row["lon"], row["lat"]
    else:
        row.pop("lon", None)
        row.pop("lat", None)
        _note(issues, name, "no_geometry", "it carries no position", "照片没有定位信息", "kept without a position")
    rtk, accuracy, flag = (row.pop(key, None) for key in ("rtk_sigma_m", "accuracy_m", "rtk_flag"))
    if "lon" in row:
        row["sigma_m"] = _sigma_m(rtk, accuracy, flag)
    row["rtk_flag"] = flag
    for column in ("yaw_deg", "pitch_deg"):
        declared = contract("photos").columns[column]
        if column in row and not (declared.minimum or 0) <= _real(row[column]) <= (declared.maximum or 0):
            _note(issues, name, "assumption", f"its {column} {row[column]} is impossible", "照片姿态角无效", "ignored")
            del row[column]
    return row


def _sigma_m(rtk: object, accuracy: object, flag: object) -> float:
    default = _RTK_SIGMA_M.get(int(_real(flag)), _GNSS_SIGMA_M) if flag is not None else _GNSS_SIGMA_M
    if rtk is not None and flag is not None and int(_real(flag)) in (34, 50):
        return max(_real(rtk), _LEAST_SIGMA_M)
    if accuracy is not None and _real(accuracy) > 0:
        return max(_real(accuracy), _LEAST_SIGMA_M)
    return default


def _unique(rows: list[dict[str, object]], issues: list[dict[str, object]]) -> list[dict[str, object]]:
    kept: dict[object, dict[str, object]] = {}
    for row in rows:
        first = kept.setdefault(row["photo_id"], row)
        if first is not row:
            why = f"it is the same file as {first['file']}"
            _note(issues, str(row["file"]), "duplicate", why, f"与 {first['file']} 相同", "left out")
    return list(kept.values())


def _table(rows: list[dict[str, object]], issues: list[dict[str, object]]) -> gpd.GeoDataFrame:
    if rows:
        frame = pd.DataFrame(rows)
        for column in ("lon", "lat"):
            frame[column] = pd.to_numeric(frame[column]) if column in frame.columns else np.nan
        frame["taken_at"] = pd.to_datetime(frame.get("taken_at", pd.NaT), utc=True)
        points = gpd.GeoSeries.from_xy(frame["lon"], frame["lat"], crs=4326)
        points = points.where(frame["lon"].notna(), None)
        table = check(gpd.GeoDataFrame(frame.drop(columns=["lon", "lat"]), geometry=points), "photos")
    else:
        table = empty("photos", crs=4326)
    return gpd.GeoDataFrame(attach_issues(table, issues) if issues else table)


def _note(issues: list[dict[str, object]], name: str, kind: str, why: str, why_zh: str, decision: str) -> None:
    level = "note" if kind == "duplicate" else "warning"
    reason, reason_zh = f"{name}: {why}", f"{name}: {why_zh}"
    issues.append(issue(kind, name, reason, reason_zh=reason_zh, rows=[name], level=level, decision=decision))


def _zone(tz: str | None) -> ZoneInfo | None:
    if tz is None:
        return None
    try:
        return ZoneInfo(tz)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        msg = f"tz: {tz!r} is not a time zone; write a name such as 'Asia/Shanghai' or 'UTC'"
        raise TableError(msg) from error


def _real(value: object) -> float:
    return float(value)  # type: ignore[arg-type]
