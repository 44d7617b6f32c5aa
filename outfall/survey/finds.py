"""What was marked on the photos of a flight: tables of finds, boxes of detectors, and which photo each belongs to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import pandas as pd

from outfall.coordinates import has_coordinates, to_points
from outfall.errors import CoordinateError, OutfallError, Problem, ReadError, TableError
from outfall.survey.boxes import is_boxes, read_boxes
from outfall.survey.headings import name_headings
from outfall.tables import issue, name_columns, read_frame

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["match_photos", "read_finds"]

_FINDS = (".geojson", ".csv", ".kml")
_AMBIGUOUS = -2


def read_finds(
    folder: Path | None,
    finds: Path | str | Sequence[Path | str] | None,
    crs: object,
    issues: list[dict[str, object]],
) -> gpd.GeoDataFrame | None:
    """Return the finds of a flight, or None where there is no file of finds.

    Parameters
    ----------
    folder : path or None
        Folder of the flight; every table in it that could be finds is tried where none are named.
    finds : path or list of paths, optional
        GeoJSON, CSV or KML tables, COCO files, YOLO labels or folders of them.
    crs : object
        What lon and lat columns are.
    issues : list
        Gets the files that are no finds.

    Returns
    -------
    GeoDataFrame, EPSG:4490, or None

    Raises
    ------
    ReadError
        A file that was named cannot be read.
    TableError
        A file that was named has neither coordinates nor photos.
    CoordinateError
        Coordinates do not say what they are.

    Examples
    --------
    >>> read_finds(None, None, None, []) is None
    True
    """
    if finds is not None:
        given = [Path(finds)] if isinstance(finds, Path | str) else [Path(file) for file in finds]
        files = [folder / file if folder and not file.exists() and (folder / file).exists() else file for file in given]
    elif folder is not None and folder.is_dir():
        files = sorted(file for file in folder.rglob("*") if file.suffix.casefold() in _FINDS and file.is_file())
    else:
        files = []
    parts = []
    for file in files:
        try:
            parts.append(_read_find(file, crs))
        except OutfallError as error:
            if finds is not None or isinstance(error, CoordinateError):
                raise
            why = error.message if not isinstance(error, ReadError) else str(error)
            reason = f"{file.name}: not read as finds: {why}"
            issues.append(
                issue(
                    "skipped_file", file.name, reason, reason_zh=f"{file.name}: 未作为发现点读取", decision="left out"
                )
            )
    return gpd.GeoDataFrame(pd.concat(parts, ignore_index=True), crs=4490) if parts else None


def match_photos(
    seen: pd.DataFrame, photos: gpd.GeoDataFrame, issues: list[dict[str, object]]
) -> tuple[list[int], list[str | None]]:
    """Return, per find, the row of its first photo (-1 for none) and the ids of all its photos.

    Parameters
    ----------
    seen : DataFrame, n rows
        Finds with ``photo``: file names, paths, stems or ids, several with a semicolon between.
    photos : GeoDataFrame
        The contract ``photos``.
    issues : list
        Gets the names that mean no photo, or several.

    Returns
    -------
    list of int, list of str or None

    Examples
    --------
    >>> photos = gpd.GeoDataFrame({"file": ["m/A.JPG"], "photo_id": ["9f"]})
    >>> match_photos(pd.DataFrame({"photo": ["a", "b"], "source_ref": ["f#2", "f#3"]}), photos, [])
    ([0, -1], ['9f', None])
    """
    index: dict[str, int] = {}
    for row, (file, photo_id) in enumerate(zip(photos["file"], photos["photo_id"], strict=True)):
        for name in (file, Path(file).name, Path(file).stem, photo_id):
            key = str(name).casefold()
            index[key] = row if index.get(key, row) == row else _AMBIGUOUS
    at: list[int] = []
    ids: list[str | None] = []
    unknown: list[str] = []
    ambiguous: list[str] = []
    for names, ref in zip(seen["photo"], seen["source_ref"], strict=True):
        wanted = (
            [] if pd.isna(names) else [part.strip() for part in str(names).replace(",", ";").split(";") if part.strip()]
        )
        rows = [index.get(name.casefold(), index.get(Path(name).name.casefold(), -1)) for name in wanted]
        unknown += [str(ref) for row in rows if row == -1]
        ambiguous += [str(ref) for row in rows if row == _AMBIGUOUS]
        found = [row for row in rows if row >= 0]
        at.append(found[0] if found else -1)
        ids.append(";".join(str(photos["photo_id"].iloc[row]) for row in found) or None)
    if unknown:
        reason = f"{len(unknown)} photos named by finds are not among the photos read"
        issues.append(issue("skipped_file", "finds", reason, reason_zh="发现点所指照片不存在", rows=unknown))
    if ambiguous:
        reason = f"{len(ambiguous)} names of photos mean several photos; write them with their folder"
        issues.append(issue("unknown_word", "finds", reason, reason_zh="照片名不唯一，请写明文件夹", rows=ambiguous))
    return at, ids


def _read_find(file: Path, crs: object) -> gpd.GeoDataFrame:
    frame = read_boxes(file) if is_boxes(file) else read_frame(file, table="sightings")
    named = name_columns(name_headings(frame, "drone"), "sightings")
    if not has_coordinates(named) and "photo" not in named.columns:
        headings = ", ".join(map(str, frame.columns[:8]))
        what = f"neither coordinates nor a column of photos; the headings are {headings}"
        fix = "name the columns lon and lat (经度, 纬度), or photo (照片)"
        msg = f"{file.name}: 1 problem"
        raise TableError(msg, [Problem("headings", what, fix)])
    if has_coordinates(named):
        points = to_points(named, crs=crs, where=file.name)
        flat = points.geometry.force_2d()
        middle = gpd.GeoSeries(flat.where(flat.geom_type.eq("Point"), flat.representative_point()), crs=points.crs)
        named = points.set_geometry(middle).to_crs(4490)
    else:
        named = gpd.GeoDataFrame(named, geometry=gpd.GeoSeries([None] * len(named), index=named.index, crs=4490))
    missing = [name for name in ("photo", "sighting_id", "sigma_m", "seen_at", "note") if name not in named.columns]
    named = named.assign(**{name: pd.Series(None, index=named.index, dtype="object") for name in missing})
    if named.geometry.name != "geometry":
        named = named.rename_geometry("geometry")
    return gpd.GeoDataFrame(named.drop(columns=[name for name in ("platform", "survey_id") if name in named]))
