"""What did people on foot bring home: one sighting per row of a form, submission, package or list of marks."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import pandas as pd

from outfall.camera import read_photos
from outfall.coordinates import has_coordinates, to_points
from outfall.errors import CoordinateError, TableError
from outfall.survey.brought import resolve_photos
from outfall.survey.ground_files import read_brought
from outfall.survey.headings import find_answer
from outfall.survey.walked import read_track_lines
from outfall.tables import attach_issues, check, empty, find_problems, issue, name_columns, rename_problems
from outfall.vocabulary import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from outfall.errors import Problem
    from outfall.survey.brought import Brought

__all__ = ["read_ground", "read_ground_photos", "read_tracks"]

# Our default (no standard): a telephone in the open.
_SIGMA_M = 8.0


def read_ground(
    path: Path | str,
    *,
    crs: object = None,
    tz: str | None = None,
    rename: Mapping[str, str] | None = None,
    constants: Mapping[str, object] | None = None,
    layer: str | None = None,
) -> gpd.GeoDataFrame:
    r"""Return what people on foot wrote down as sightings, one per row.

    Reads forms (workbook, CSV), ODK Central and KoboToolbox exports (CSV, JSON, zip with repeats and media), QField
    and Mergin GeoPackages, GPX way-points, KML and KMZ placemarks and OVITAL text. Chinese and English headings, merged headings, GBK files and answers such as ``有水`` or ``闸断`` are understood.
    The code on site is kept as written. Ids get the survey in front, so that two teams may both have a number 1.

    Parameters
    ----------
    path : path
        The file as it came; it is never changed, and nothing in it is opened by a name it gives.
    crs : anything pyproj understands, or "gcj02" or "bd09"
        What lon and lat columns are; a file with a geometry says it itself.
    tz : str, optional
        Zone of times that do not say theirs.
    rename : mapping of str to str, optional
        The file's heading to our column.
    constants : mapping of str to object, optional
        Values for columns the file lacks, such as ``seen_at`` or ``observer``.
    layer : str, optional
        Layer or sheet.

    Returns
    -------
    GeoDataFrame, n rows, Point, EPSG:4490
        The contract ``sightings``, in the order of the file. ``platform`` is ``foot`` and ``sigma_m`` 8 metres (our
        default) where neither the file nor ``constants`` says another; ``survey_id`` is the name of the file. A uuid
        (``instanceID``, ``uuid``) is the ``sighting_id`` as it is; one uuid with different content is kept apart.
        ``photo_ids`` are the SHA-256 of photos that came with the file, and the names of those that did not. Rows
        without a position, photos not arrived, duplicates, conflict copies and a guessed encoding are named in
        ``tables.list_issues``.

    Raises
    ------
    ReadError
        The file cannot be read.
    UnsafeInputError
        The file would unpack to too much, open other files or never end.
    CoordinateError
        The coordinates are missing or cannot be what is said.
    TableError
        The table does not meet its contract; all problems are listed.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "walk.csv"
    >>> _ = file.write_text("编号,经度,纬度,是否排水,现场编码\n1,114.30,30.60,有水,MX-0042\n", encoding="gb18030")
    >>> seen = read_ground(file, crs=4490)
    >>> seen[["sighting_id", "code", "is_discharging", "platform"]].values.tolist()
    [['walk-1', 'MX-0042', True, 'foot']]
    """
    where = Path(path).name
    brought = read_brought(Path(path), layer)
    frame, pending = resolve_photos(_photo_column(brought, rename), where)
    named = name_columns(frame, "sightings", rename=rename)
    for column, value in {"platform": "foot", "survey_id": Path(path).stem, **(constants or {})}.items():
        if column not in named.columns:
            named[column] = value
    named = _answered(named, has_ids=brought.has_ids)
    given = crs if crs is not None else brought.crs
    sightings = _contracted(named, where, given, tz, rename_problems(frame, "sightings", rename))
    doubts = [*brought.issues, *pending]
    is_lost = sightings.geometry.isna() & sightings["reach_id"].isna()
    if is_lost.any():
        refs = sightings["source_ref"][is_lost]
        lost = issue(
            "no_geometry", where, "rows have no position", reason_zh="记录没有坐标", rows=refs, decision="kept"
        )
        doubts.append(lost)
    return gpd.GeoDataFrame(attach_issues(sightings, doubts)) if doubts else sightings


def read_ground_photos(path: Path | str, *, into: Path | str, tz: str | None = None) -> gpd.GeoDataFrame:
    r"""Return the photos a ground file brought, after putting them into a folder by their content.

    Parameters
    ----------
    path : path
        The file given to ``read_ground``.
    into : path
        Folder; each photo is written to ``ab/<sha256>.jpg`` in it and never under the name the file gives. One that
        is there already is left as it is.
    tz : str, optional
        Zone of camera clocks that do not write theirs.

    Returns
    -------
    GeoDataFrame, n rows, Point, EPSG:4326
        The contract ``photos``; ``photo_id`` is what ``photo_ids`` of the sightings name, ``file`` is relative to
        ``into``. Empty where no photo came.

    Raises
    ------
    ReadError
        The file cannot be read.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> _ = (folder / "walk.csv").write_text("编号,经度,纬度\\n1,114.30,30.60\\n", encoding="utf-8")
    >>> len(read_ground_photos(folder / "walk.csv", into=folder / "photos"))
    0
    """
    brought, root = read_brought(Path(path), None), Path(into)
    written: set[Path] = set()
    for name, take in sorted(brought.media.items()):
        raw = take()
        digest = hashlib.sha256(raw).hexdigest()
        target = root / digest[:2] / f"{digest}{Path(name).suffix.casefold()}"
        written.add(target)
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(raw)
    if not written:
        return gpd.GeoDataFrame(empty("photos", crs=4326))
    photos = read_photos(root, tz=tz)
    mine = {file.relative_to(root).as_posix() for file in written}
    return gpd.GeoDataFrame(photos[photos["file"].isin(mine)].reset_index(drop=True))


def read_tracks(path: Path | str, *, tz: str | None = None) -> gpd.GeoDataFrame:
    """Return where people walked: the tracks of a GPX file, or the lines of a KML, KMZ or vector file.

    Parameters
    ----------
    path : path
        The file.
    tz : str, optional
        Zone of times that do not say theirs.

    Returns
    -------
    GeoDataFrame, n rows, LineString or MultiLineString, EPSG:4490
        ``track_id``, ``name``, ``survey_id`` (the name of the file), ``platform`` (``foot``), ``started_at`` and
        ``ended_at`` (UTC, missing where not said) and ``source_ref``; for coverage. A piece of track of fewer than
        two points is left out and named in ``tables.list_issues``.

    Raises
    ------
    ReadError
        The file cannot be read, or holds no lines.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "walk.gpx"
    >>> _ = file.write_text('<gpx><trk><trkseg><trkpt lat="30.6" lon="114.3"/><trkpt lat="30.61" lon="114.3"/>'
    ...                     '</trkseg></trk></gpx>', encoding="utf-8")
    >>> read_tracks(file)[["track_id", "platform"]].values.tolist()
    [['walk-1', 'foot']]
    """
    return read_track_lines(Path(path), tz=tz)


def _photo_column(brought: Brought, rename: Mapping[str, str] | None) -> Brought:
    """Return what was brought with its photo names in ``photo_ids``, whatever the form calls them."""
    frame = brought.frame
    names = name_columns(frame, "sightings", rename=rename)
    if "photo_ids" not in names.columns or "photo_ids" in frame.columns or not brought.media:
        return brought
    heading = frame.columns[list(names.columns).index("photo_ids")]
    return replace(brought, frame=frame.rename(columns={heading: "photo_ids"}))


def _answered(named: pd.DataFrame, *, has_ids: bool = False) -> pd.DataFrame:
    rows = named["source_ref"].map(lambda ref: str(ref).rpartition("#")[2]).astype("str")
    ids = named["sighting_id"] if "sighting_id" in named.columns else rows
    missing = ids.isna() | ids.astype(str).str.strip().eq("")
    survey = named["survey_id"].astype(str)
    new = {
        "sighting_id": ids.astype(str).where(
            has_ids & ~missing, survey + "-" + ids.astype(str).str.strip().where(~missing, "row" + rows)
        )
    }
    if "is_discharging" in named.columns:
        new["is_discharging"] = named["is_discharging"].map(_discharging)
    if "diameter_mm" in named.columns:
        new["diameter_mm"] = named["diameter_mm"].map(_diameter, na_action="ignore")
    if "photo_ids" in named.columns:
        new["photo_ids"] = named["photo_ids"].map(_listed, na_action="ignore")
    sigma = named["sigma_m"] if "sigma_m" in named.columns else pd.Series(None, index=named.index, dtype="str")
    new["sigma_m"] = sigma.where(sigma.notna() & sigma.astype(str).str.strip().ne(""), str(_SIGMA_M))
    return named.assign(**new)


def _contracted(
    named: pd.DataFrame, where: str, crs: object, tz: str | None, problems: list[Problem]
) -> gpd.GeoDataFrame:
    if has_coordinates(named) or "reach_id" not in named.columns:
        try:
            named = to_points(named, crs=crs, where=where)
        except CoordinateError as error:
            others = [problem for problem in find_problems(named, "sightings", tz=tz) if problem.where != "geometry"]
            raise CoordinateError(error.message, [*error.problems, *problems, *others], fix=error.fix) from None
        named = named.set_geometry(named.geometry.force_2d()).to_crs(4490)
    else:
        named = gpd.GeoDataFrame(named, geometry=gpd.GeoSeries([None] * len(named), index=named.index, crs=4490))
    if problems:
        problems = [*problems, *find_problems(named, "sightings", tz=tz)]
        msg = f"{where}: {len(problems)} problems"
        raise TableError(msg, problems, fix=f"The columns are {', '.join(map(str, named.columns))}.")
    return gpd.GeoDataFrame(check(named, "sightings", tz=tz, where=where))


def _discharging(value: object) -> object:
    answer = find_answer("discharging", value)
    return {"yes": "是", "no": "否", "unknown": ""}[answer] if answer is not None else value


def _diameter(value: object) -> str:
    """Return ``DN600``, ``φ600`` and ``600mm`` as ``600``; anything else stays for the contract to judge."""
    text = plain(value).removeprefix("dn").lstrip("φøΦ").removesuffix("mm")
    return text if text.replace(".", "", 1).isdigit() else str(value)


def _listed(value: object) -> str:
    text = str(value)
    for mark in "；、，,":
        text = text.replace(mark, ";")
    return ";".join(part.strip() for part in text.split(";") if part.strip())
