"""What did a flight see: one sighting per find, at the object and not at the drone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd

from outfall.camera import look_at, read_photos
from outfall.coordinates import has_coordinates, to_points
from outfall.errors import CoordinateError, OutfallError, Problem, ReadError, TableError
from outfall.survey.headings import name_headings
from outfall.tables import attach_issues, check, empty, issue, name_columns, read_frame

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["read_drone"]

# Our defaults (no standard): a find with coordinates of its own, and a photo that does not say where it looks.
_FIND_SIGMA_M = 5.0
_BLIND_SIGMA_M = 30.0
_FINDS = (".geojson", ".csv")


def read_drone(
    folder: Path | str,
    *,
    finds: Path | str | Sequence[Path | str] | None = None,
    tz: str | None = None,
    crs: object = None,
    sigma_m: float | None = None,
    survey_id: str | None = None,
    constants: Mapping[str, object] | None = None,
    surface: Path | str | float | None = None,
) -> gpd.GeoDataFrame:
    """Return what a flight saw as sightings, each at the object.

    A find has coordinates of its own, or names its photo and perhaps a pixel (``col_px``, ``row_px`` from the upper
    left): then it lies where the ray of that photo meets the water, taken at the height of take-off. Without any find
    every photo is one sighting at the point it looks at. The photos keep their own position in ``read_photos``.

    Parameters
    ----------
    folder : path
        Folder of photos.
    finds : path or list of paths, optional
        GeoJSON or CSV of what was seen on the photos. By default every such file in the folder.
    tz : str, optional
        Zone of camera clocks and of times in the finds that do not say theirs.
    crs : anything pyproj understands, or "gcj02" or "bd09"
        What lon and lat columns of the finds are.
    sigma_m : float, optional
        Standard deviation of every position, where you know better than the file and the camera.
    survey_id : str, optional
        Name of the flight; the name of the folder by default.
    constants : mapping of str to object, optional
        Values for columns of ``sightings`` that the finds lack.
    surface : path or float, optional
        Raster of heights (DSM) or water level in metres that the rays meet, in the vertical datum of the photos.

    Returns
    -------
    GeoDataFrame, n rows, Point, EPSG:4490
        The contract ``sightings``, finds in the order of their files, with ``photo_ids``. Positions from a ray have
        ``sigma_m`` from the ray and its error ellipse (``sigma_major_m``, ``sigma_minor_m``, ``major_azimuth_deg``);
        finds with coordinates 5 metres (our default) where they do not say theirs. Photos left out and finds without
        a photo are in ``tables.list_issues``.

    Raises
    ------
    ReadError
        The folder or a file of finds cannot be read.
    CoordinateError
        Coordinates of finds are impossible, or do not say what they are.
    TableError
        The finds do not meet the contract.

    Examples
    --------
    >>> import tempfile
    >>> len(read_drone(tempfile.mkdtemp()))
    0
    """
    photos = read_photos(folder, tz=tz)
    flight = survey_id or Path(folder).resolve().name
    issues = list(photos.attrs.get("issues", []))
    seen = _read_finds(Path(folder), finds, crs, issues)
    rows = _looks(photos, flight, surface) if seen is None else _placed(seen, photos, flight, surface, issues)
    for column, value in {"platform": "drone", "survey_id": flight, **(constants or {})}.items():
        if column not in rows.columns:
            rows[column] = value
    if sigma_m is not None:
        rows["sigma_m"] = sigma_m
    kept = rows[rows.geometry.notna()].reset_index(drop=True)
    sightings = check(kept, "sightings", tz=tz, where=flight) if len(kept) else empty("sightings", crs=4490)
    return gpd.GeoDataFrame(attach_issues(sightings, issues) if issues else sightings)


def _looks(photos: gpd.GeoDataFrame, flight: str, surface: Path | str | float | None) -> gpd.GeoDataFrame:
    seen = _aim(photos, None, surface)
    rows = pd.DataFrame(
        {
            "sighting_id": flight + "-" + photos["file"],
            "seen_at": photos["taken_at"],
            "photo_ids": photos["photo_id"],
            "source_ref": photos["source_ref"],
        }
    )
    return seen.join(rows)


def _aim(photos: gpd.GeoDataFrame, pixels: pd.DataFrame | None, surface: Path | str | float | None) -> gpd.GeoDataFrame:
    """Return the object point of each photo; the photo's own position, and 30 m, where it does not say where it looks."""
    seen = look_at(photos, surface=surface, pixels=pixels)
    own = photos.geometry.to_crs(4326)
    is_blind = seen.geometry.isna() & own.notna()
    points = gpd.GeoSeries(seen.geometry.where(~is_blind, own), crs=4326).to_crs(4490)
    sigma = seen["sigma_m"].mask(is_blind, np.hypot(photos["sigma_m"], _BLIND_SIGMA_M))
    note = seen["reason"].mask(seen["reason"].eq("")) + "; position of the camera"
    columns = {name: seen[name] for name in ("sigma_major_m", "sigma_minor_m", "major_azimuth_deg")}
    return gpd.GeoDataFrame({"sigma_m": sigma, "note": note.where(is_blind), **columns}, geometry=points)


def _placed(
    seen: pd.DataFrame,
    photos: gpd.GeoDataFrame,
    flight: str,
    surface: Path | str | float | None,
    issues: list[dict[str, object]],
) -> gpd.GeoDataFrame:
    """Return the finds with a point each: their own, else the one their photo looks at."""
    at, photo_ids = _matched(seen, photos, issues)
    first = photos.reindex(photos.index.take([max(row, 0) for row in at])) if len(photos) else photos
    has_photo = pd.Series([row >= 0 for row in at], index=seen.index)
    table = seen.assign(photo_ids=photo_ids)
    if has_photo.any():
        aimed = first.set_axis(seen.index)[has_photo]
        pixels = seen.reindex(columns=["col_px", "row_px"])[has_photo].apply(pd.to_numeric, errors="coerce")
        table = _filled(table, _aim(aimed, pixels, surface), aimed["taken_at"])
    is_lost = table.geometry.isna()
    if is_lost.any():
        reason = "finds have neither coordinates nor a photo that says where it looks"
        issues.append(
            issue(
                "no_geometry",
                flight,
                reason,
                reason_zh="发现点没有位置",
                rows=table["source_ref"][is_lost],
                decision="left out",
            )
        )
    table["sigma_m"] = pd.to_numeric(table["sigma_m"]).fillna(_FIND_SIGMA_M)
    table["sighting_id"] = flight + "-" + _ids(table)
    return table


def _ids(table: gpd.GeoDataFrame) -> pd.Series:
    """Return the id of each find, with its file in front where two files of finds use the same."""
    refs = table["source_ref"].astype(str)
    ids = table["sighting_id"].astype(str).where(table["sighting_id"].notna(), refs)
    file = refs.str.rpartition("#")[0]
    is_shared = file.groupby(ids).transform("nunique").gt(1)
    return ids.where(~is_shared, file + "-" + ids)


def _filled(table: gpd.GeoDataFrame, aimed: gpd.GeoDataFrame, taken_at: pd.Series) -> gpd.GeoDataFrame:
    is_open = table.geometry.isna()
    aimed, taken_at = aimed.reindex(table.index), taken_at.reindex(table.index)
    points = gpd.GeoSeries(table.geometry.where(~is_open, aimed.geometry), crs=4490)
    sigma = pd.to_numeric(table["sigma_m"])
    table = table.set_geometry(points)
    table["sigma_m"] = sigma.where(sigma.notna() | ~is_open, aimed["sigma_m"])
    for name in ("sigma_major_m", "sigma_minor_m", "major_azimuth_deg"):
        table[name] = aimed[name].where(is_open)
    table["note"] = table["note"].where(table["note"].notna() | ~is_open, aimed["note"])
    is_timeless = table["seen_at"].isna() | table["seen_at"].astype(str).str.strip().eq("")
    table["seen_at"] = table["seen_at"].astype(object).where(~is_timeless, taken_at.map(_iso, na_action="ignore"))
    return table


def _matched(
    seen: pd.DataFrame, photos: gpd.GeoDataFrame, issues: list[dict[str, object]]
) -> tuple[list[int], list[str | None]]:
    """Return, per find, the row of its first photo (-1 for none) and the ids of all its photos."""
    index: dict[str, int] = {}
    for row, (file, photo_id) in enumerate(zip(photos["file"], photos["photo_id"], strict=True)):
        for name in (file, Path(file).name, Path(file).stem, photo_id):
            index.setdefault(str(name).casefold(), row)
    at: list[int] = []
    ids: list[str | None] = []
    unknown: list[str] = []
    for names, ref in zip(seen["photo"], seen["source_ref"], strict=True):
        wanted = (
            [] if pd.isna(names) else [part.strip() for part in str(names).replace(",", ";").split(";") if part.strip()]
        )
        rows = [index.get(name.casefold(), index.get(Path(name).name.casefold(), -1)) for name in wanted]
        unknown += [str(ref) for row in rows if row < 0]
        found = [row for row in rows if row >= 0]
        at.append(found[0] if found else -1)
        ids.append(";".join(str(photos["photo_id"].iloc[row]) for row in found) or None)
    if unknown:
        reason = f"{len(unknown)} photos named by finds are not among the photos read"
        issues.append(issue("skipped_file", "finds", reason, reason_zh="发现点所指照片不存在", rows=unknown))
    return at, ids


def _read_finds(
    folder: Path, finds: Path | str | Sequence[Path | str] | None, crs: object, issues: list[dict[str, object]]
) -> gpd.GeoDataFrame | None:
    if finds is None:
        files = (
            sorted(file for file in folder.rglob("*") if file.suffix.casefold() in _FINDS) if folder.is_dir() else []
        )
    else:
        given = [Path(finds)] if isinstance(finds, Path | str) else [Path(file) for file in finds]
        files = [folder / file if not file.exists() and (folder / file).exists() else file for file in given]
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


def _read_find(file: Path, crs: object) -> gpd.GeoDataFrame:
    frame = read_frame(file, table="sightings")
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


def _iso(stamp: pd.Timestamp) -> str:
    return stamp.isoformat()
