"""What did people on foot write into their form: one sighting per row."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import pandas as pd

from outfall.coordinates import has_coordinates, to_points
from outfall.errors import CoordinateError, TableError
from outfall.survey.headings import find_answer
from outfall.tables import attach_issues, check, find_problems, issue, name_columns, read_frame, rename_problems
from outfall.vocabulary import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from outfall.errors import Problem

__all__ = ["read_ground"]

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
    r"""Return a walkover form as sightings, one per row.

    Chinese and English headings, merged headings, GBK files and answers such as ``有水`` or ``闸断`` are understood.
    The code on site is kept as written. Ids get the survey in front, so that two teams may both have a number 1.

    Parameters
    ----------
    path : path
        CSV, workbook, or any vector file.
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
        default) where neither the file nor ``constants`` says another; ``survey_id`` is the name of the file. Rows
        without a position are kept and named in ``tables.list_issues``.

    Raises
    ------
    ReadError
        The file cannot be read.
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
    frame = read_frame(path, table="sightings", layer=layer)
    where = Path(path).name
    named = name_columns(frame, "sightings", rename=rename)
    for column, value in {"platform": "foot", "survey_id": Path(path).stem, **(constants or {})}.items():
        if column not in named.columns:
            named[column] = value
    named = _answered(named)
    sightings = _contracted(named, where, crs, tz, rename_problems(frame, "sightings", rename))
    is_lost = sightings.geometry.isna() & sightings["reach_id"].isna()
    if not is_lost.any():
        return sightings
    refs = sightings["source_ref"][is_lost]
    lost = issue("no_geometry", where, "rows have no position", reason_zh="记录没有坐标", rows=refs, decision="kept")
    return gpd.GeoDataFrame(attach_issues(sightings, [lost]))


def _answered(named: pd.DataFrame) -> pd.DataFrame:
    rows = named["source_ref"].astype(str).str.rpartition("#")[2]
    ids = named["sighting_id"] if "sighting_id" in named.columns else rows
    missing = ids.isna() | ids.astype(str).str.strip().eq("")
    survey = named["survey_id"].astype(str)
    new = {"sighting_id": survey + "-" + ids.astype(str).str.strip().where(~missing, "row" + rows)}
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
