"""What does an index of photos hold, all of it or one window: as the table the other verbs take."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pandas as pd

from outfall.camera.photo_index import COLUMNS, read_rows
from outfall.errors import ReadError
from outfall.tables import attach_issues, check, empty, issue

__all__ = ["read_photo_index"]

_TEXT = {"file", "head_sha256", "status", "reason", "reason_zh", "clock_by", "yaw_by", "lens", "camera"}
_NUMBERS = [name for name in COLUMNS if name not in _TEXT | {"made_by", "mtime_ns", "taken_at"}]
_CHUNK = 5000


def read_photo_index(
    path: Path | str, *, bounds: tuple[float, float, float, float] | None = None, under: str = ""
) -> gpd.GeoDataFrame:
    """Return the photos of an index, all or those of one window or folder; only these are held in memory.

    Parameters
    ----------
    path : path
        Written by ``index_photos``.
    bounds : tuple of float, optional
        West, south, east, north in degrees; photos without a position are then left out.
    under : str, optional
        Only photos in this folder below the one that was indexed.

    Returns
    -------
    GeoDataFrame, n rows, Point, EPSG:4326
        The contract ``photos``, in the order of the index. ``photo_id`` is ``head-`` and the hash of size and first
        256 KiB, not of the whole file. Broken files and further copies of a photo are in ``tables.list_issues``.

    Raises
    ------
    ReadError
        The file is missing, damaged, or no index of photos.
    TableError
        A value in it is impossible.

    Examples
    --------
    >>> read_photo_index("none.csv")
    Traceback (most recent call last):
    ...
    outfall.errors.ReadError: none.csv: cannot be read as an index of photos ([Errno 2] No such file or directory: 'none.csv')
    """
    file, folder = Path(path), under.strip("/")
    chunks: list[pd.DataFrame] = []
    rows: list[dict[str, str]] = []
    issues: list[dict[str, object]] = []
    known: dict[str, str] = {}
    for row in read_rows(file):
        if folder and not row["file"].startswith(f"{folder}/"):
            continue
        if row["status"] != "ok":
            issues.append(_broken(row))
        elif bounds is None or _is_inside(file, row, bounds):
            first = known.setdefault(row["head_sha256"], row["file"])
            if first == row["file"]:
                rows.append(row)
            else:
                issues.append(_copy(row["file"], first))
        if len(rows) == _CHUNK:
            chunks.append(_frame(file, rows))
            rows = []
    chunks += [_frame(file, rows)] if rows else []
    table = _table(pd.concat(chunks, ignore_index=True)) if chunks else empty("photos", crs=4326)
    return gpd.GeoDataFrame(attach_issues(table, issues) if issues else table)


def _is_inside(file: Path, row: dict[str, str], bounds: tuple[float, float, float, float]) -> bool:
    if not row["lon"] or not row["lat"]:
        return False
    try:
        lon, lat = float(row["lon"]), float(row["lat"])
    except ValueError as error:
        msg = f"{file}: {row['file']}: its position is no number ({error}); make the index again"
        raise ReadError(msg) from error
    return bounds[0] <= lon <= bounds[2] and bounds[1] <= lat <= bounds[3]


def _frame(file: Path, rows: list[dict[str, str]]) -> pd.DataFrame:
    text = pd.DataFrame(rows, columns=list(COLUMNS))
    text = text.mask(text.eq(""))
    try:
        numbers = {name: pd.to_numeric(text[name]) for name in _NUMBERS}
        taken = pd.to_datetime(text["taken_at"], utc=True, format="ISO8601")
    except (ValueError, TypeError, OverflowError) as error:
        msg = f"{file}: a value is neither number nor time ({error}); make the index again"
        raise ReadError(msg) from error
    return text.drop(columns=["made_by", "mtime_ns", "status", "size_bytes"]).assign(
        **{name: values for name, values in numbers.items() if name != "size_bytes"},
        taken_at=taken,
        photo_id="head-" + text["head_sha256"].astype(str),
        source_ref=text["file"],
    )


def _table(frame: pd.DataFrame) -> gpd.GeoDataFrame:
    points = gpd.GeoSeries.from_xy(frame["lon"], frame["lat"], crs=4326).where(frame["lon"].notna(), None)
    kept = frame.drop(columns=["lon", "lat", "head_sha256", "reason", "reason_zh"])
    return check(gpd.GeoDataFrame(kept, geometry=points), "photos")


def _broken(row: dict[str, str]) -> dict[str, object]:
    name = row["file"]
    reason, reason_zh = f"{name}: {row['reason']}", f"{name}: {row['reason_zh']}"
    return issue("skipped_file", name, reason, reason_zh=reason_zh, rows=[name], level="warning", decision="left out")


def _copy(name: str, first: str) -> dict[str, object]:
    reason, reason_zh = f"{name}: it begins like {first} and has its size", f"{name}: 与 {first} 文件头和大小相同"
    return issue("duplicate", name, reason, reason_zh=reason_zh, rows=[name], level="note", decision="left out")
