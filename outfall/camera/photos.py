"""Which photos are in a folder, where and when was each taken, and which files could not be used."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import geopandas as gpd
import numpy as np
import pandas as pd

from outfall.camera.exif import MAX_PIXELS, NotAPhotoError, read_shot
from outfall.camera.lens import read_lens
from outfall.camera.trust import Doubts, check_flight, trust_shot
from outfall.errors import ReadError, TableError
from outfall.tables import attach_issues, check, empty

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["find_zone", "is_picture", "photo_size", "read_photos"]

_PHOTOS = {".jpg": "JPEG", ".jpeg": "JPEG", ".tif": "TIFF", ".tiff": "TIFF"}
_OTHER_PICTURES = {".png", ".heic", ".heif", ".dng", ".webp", ".bmp", ".mp4", ".mov"}
_MAX_BYTES = 300_000_000
_CHUNK = 2000


def read_photos(
    folder: Path | str,
    *,
    tz: str | None = None,
    clock_offset_s: float = 0.0,
    lens: Path | str | None = None,
    max_pixels: int = MAX_PIXELS,
    progress: Callable[[str, int, int], None] | None = None,
) -> gpd.GeoDataFrame:
    """Return the photos of a folder as a table, with the position and time the camera wrote.

    Reads JPEG and TIFF files in the folder and below, their EXIF and XMP (DJI, Autel, Parrot, Skydio, senseFly and
    phones: gimbal, heights, RTK accuracy, lens), and only the header of each picture. A photo without position or
    time is kept without it. A file that cannot be used is left out and named in ``tables.list_issues``; no file
    stops the others. One file is held at a time, however many there are.

    Parameters
    ----------
    folder : path
        Folder of one flight or round; or one photo.
    tz : str, optional
        Zone of camera clocks that do not write theirs, such as ``"Asia/Shanghai"``. Without it such photos take the
        satellite time where there is one, and no time otherwise.
    clock_offset_s : float, seconds, default 0
        How far the camera's clock was ahead of the true time; taken off all times that are from that clock. Where
        photos carry both, the issues say how far camera and satellites are apart.
    lens : path, optional
        ``cameras.json`` of OpenDroneMap for all photos, instead of what they write about their lens.
    max_pixels : int, pixels, default 100 million
        Pictures that claim more are left out.
    progress : callable, optional
        Called with what is done, how many are done and how many there are.

    Returns
    -------
    GeoDataFrame, n rows, Point, EPSG:4326
        The contract ``photos``, in the order of the file names. ``sigma_m`` is the camera's own accuracy where it
        writes one that can be believed; else our default: RTK fixed 0.05, float 0.5, single 3, no RTK 5 metres;
        ``altitude_sigma_m`` in the same way 0.1, 1, 10 and 10 metres. What was doubtful travels with the table;
        ``tables.list_issues`` shows it.

    Raises
    ------
    ReadError
        There is no such folder, or the lens file cannot be read.
    TableError
        The zone is not known.

    Examples
    --------
    >>> import tempfile
    >>> len(read_photos(tempfile.mkdtemp()))
    0
    """
    place, zone = Path(folder), find_zone(tz)
    if not place.exists():
        msg = f"{place}: no such folder; give the folder that holds the photos"
        raise ReadError(msg)
    given = None if lens is None else str(read_lens(lens))
    root, names = _list(place)
    doubts, chunks = Doubts(), []
    rows: list[dict[str, object]] = []
    for row in _rows(root, names, (zone, max_pixels), doubts, progress):
        rows.append(row)
        if len(rows) == _CHUNK:
            chunks.append(_frame(rows))
            rows = []
    chunks += [_frame(rows)] if rows else []
    if not chunks:
        return _with_issues(empty("photos", crs=4326), doubts)
    frame = check_flight(pd.concat(chunks, ignore_index=True), doubts, clock_offset_s=clock_offset_s)
    return _with_issues(_table(frame if given is None else frame.assign(lens=given)), doubts)


def _list(place: Path) -> tuple[str, list[str]]:
    """Return the folder and the pictures in it, by their paths below it, in order."""
    if not place.is_dir():
        return str(place.parent), [place.name]
    root = str(place)
    names = [
        Path(folder, file).relative_to(root).as_posix()
        for folder, _, files in os.walk(root)
        for file in files
        if is_picture(file)
    ]
    return root, sorted(names)


def _rows(
    root: str,
    names: list[str],
    how: tuple[ZoneInfo | None, int],
    doubts: Doubts,
    progress: Callable[[str, int, int], None] | None,
) -> Iterator[dict[str, object]]:
    """Return one row after the other; nothing of a file stays in memory but its row."""
    for done, name in enumerate(names, start=1):
        row = _read(Path(root, name), name, how, doubts)
        if row is not None:
            yield row
        if progress is not None:
            progress("photos", done, len(names))


def _read(file: Path, name: str, how: tuple[ZoneInfo | None, int], doubts: Doubts) -> dict[str, object] | None:
    zone, max_pixels = how
    try:
        photo_size(file)
        raw = file.read_bytes()
        shot = read_shot(raw, zone=zone, max_pixels=max_pixels)
    except Exception as error:  # noqa: BLE001 - Pillow raises a dozen unrelated classes for one situation: a damaged file
        why = str(error) if isinstance(error, NotAPhotoError | OSError) else f"its header is damaged ({error})"
        doubts.add(name, "skipped_file", (why, f"照片无法使用: {why}"), "left out")
        return None
    expected = _PHOTOS.get(file.suffix.casefold())
    if expected is not None and shot["format"] != expected:
        why = f"its ending says {expected}, its content is {shot['format']}"
        doubts.add(name, "assumption", (why, f"扩展名与内容不符({shot['format']})"), "read as its content")
    return {
        "photo_id": hashlib.sha256(raw).hexdigest(),
        "file": name,
        "source_ref": name,
        **trust_shot(shot, name, doubts),
    }


def photo_size(file: Path) -> int:
    """Return the bytes of a file that may be a photo; refuse what is none by its ending or size."""
    if not file.is_file():
        msg = "it is not a file"
        raise NotAPhotoError(msg)
    size = file.stat().st_size
    if file.suffix.casefold() in _OTHER_PICTURES:
        msg = f"{file.suffix} is not read; export it as JPEG with its metadata"
    elif size == 0:
        msg = "the file is empty (0 bytes)"
    elif size > _MAX_BYTES:
        msg = f"the file has {size / 1e6:,.0f} MB"
    else:
        return size
    raise NotAPhotoError(msg)


def is_picture(name: str) -> bool:
    """Tell whether a file name ends like a picture, of a kind that is read or not."""
    return os.path.splitext(name)[1].casefold() in _ENDINGS  # noqa: PTH122 - a Path per name costs more than the rest


_ENDINGS = _OTHER_PICTURES.union(_PHOTOS)


def _frame(rows: list[dict[str, object]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows)
    for column in ("lon", "lat"):
        frame[column] = pd.to_numeric(frame[column]) if column in frame.columns else np.nan
    taken = frame["taken_at"] if "taken_at" in frame.columns else pd.Series(pd.NaT, index=frame.index)
    return frame.assign(taken_at=pd.to_datetime(taken, utc=True))


def _table(frame: pd.DataFrame) -> gpd.GeoDataFrame:
    points = gpd.GeoSeries.from_xy(frame["lon"], frame["lat"], crs=4326).where(frame["lon"].notna(), None)
    return check(gpd.GeoDataFrame(frame.drop(columns=["lon", "lat"]), geometry=points), "photos")


def _with_issues(table: gpd.GeoDataFrame, doubts: Doubts) -> gpd.GeoDataFrame:
    issues = doubts.issues()
    return gpd.GeoDataFrame(attach_issues(table, issues) if issues else table)


def find_zone(tz: str | None) -> ZoneInfo | None:
    """Return a zone by its name; a name nobody knows is refused."""
    if tz is None:
        return None
    try:
        return ZoneInfo(tz)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        msg = f"tz: {tz!r} is not a time zone; write a name such as 'Asia/Shanghai' or 'UTC'"
        raise TableError(msg) from error
