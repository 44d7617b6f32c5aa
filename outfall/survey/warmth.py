"""Which warm and cold places did a thermal flight see near a bank: suspicions, with a confidence."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
from scipy.special import ndtr

from outfall.camera import find_anomalies, read_photos, read_thermal
from outfall.coordinates import choose_crs
from outfall.errors import OutfallError, TableError
from outfall.survey.drone import aim_photos
from outfall.tables import attach_issues, check, empty, issue

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["read_thermal_flight"]

# Our defaults (no standard): a place as strong as the threshold is worth nothing, and no contrast alone makes an
# outfall: warm roofs, manholes and springs look the same.
_MOST_SHARE = 0.5


def read_thermal_flight(
    folder: Path | str,
    *,
    photos: gpd.GeoDataFrame | None = None,
    banks: gpd.GeoDataFrame | None = None,
    near_m: float = 15.0,
    least_z: float = 6.0,
    survey_id: str | None = None,
    look: Mapping[str, object] | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> gpd.GeoDataFrame:
    """Return warm and cold places of thermal frames as sightings, at the place and not at the drone.

    A place is warmer or colder than its surroundings in its own frame; both signs count, sewage being warm in winter
    and drains being cold in summer. Degrees are given only where the frames carry temperature. The confidence grows
    with the contrast, is at most 0.5 (our default), and falls with the distance to the bank, as far as the position
    is sure.

    Parameters
    ----------
    folder : path
        Folder of R-JPEG or radiometric TIFF frames.
    photos : GeoDataFrame, optional
        The table of ``read_photos`` for this folder, where its options (zone, clock, lens) are needed.
    banks : GeoDataFrame, lines or polygons, any CRS, optional
        Banks or water; places that lie farther from them than near_m and twice their sigma are left out.
    near_m : float, metres, default 15
        How far from the bank an outfall is looked for (our default).
    least_z : float, default 6
        Robust standard deviations from the surroundings (our default).
    survey_id : str, optional
        Name of the flight; the name of the folder by default.
    look : mapping, optional
        Options of ``look_at``: ``surface``, ``water_m``, ``take_off_m``, ``sigmas``.
    progress : callable, optional
        Called with what is done, how many are done and how many there are.

    Returns
    -------
    GeoDataFrame, n rows, Point, EPSG:4490
        The contract ``sightings`` with ``thermal_z`` (above 0 is warm) and, where degrees are real, ``thermal_k``.
        Frames that cannot be read, and those without a position, are in ``tables.list_issues``.

    Raises
    ------
    ReadError
        The folder cannot be read.
    TableError
        The banks carry no CRS.

    Examples
    --------
    >>> import tempfile
    >>> len(read_thermal_flight(tempfile.mkdtemp()))
    0
    """
    if banks is not None and banks.crs is None:
        msg = "banks: no CRS; say which with banks.set_crs(...)"
        raise TableError(msg)
    table = read_photos(folder) if photos is None else photos
    home, flight = Path(folder), survey_id or Path(folder).resolve().name
    home = home if home.is_dir() else home.parent
    issues = list(table.attrs.get("issues", []))
    parts = []
    for done, at in enumerate(table.index, start=1):
        found = _look_into(home, table.loc[[at]], least_z, look or {}, issues)
        if found is not None and len(found):
            parts.append(found)
        if progress is not None:
            progress("thermal frames", done, len(table))
    _say_unplaced(table, flight, issues)
    if not parts:
        return _with_issues(empty("sightings", crs=4490), issues)
    seen = gpd.GeoDataFrame(pd.concat(parts, ignore_index=True), crs=4490)
    seen = _near(seen, banks, near_m, least_z)
    seen["platform"], seen["survey_id"] = "drone", flight
    seen["sighting_id"] = flight + "-" + seen["source_ref"]
    return _with_issues(check(seen, "sightings", where=flight) if len(seen) else empty("sightings", crs=4490), issues)


def _look_into(
    home: Path,
    photo: gpd.GeoDataFrame,
    least_z: float,
    look: Mapping[str, object],
    issues: list[dict[str, object]],
) -> gpd.GeoDataFrame | None:
    """Return the places of one frame, each with its point; None where the frame has none to give."""
    name = str(photo["file"].iloc[0])
    if photo.geometry.isna().all():
        return None
    try:
        frame = read_thermal(home / name)
    except OutfallError as error:
        why = str(error).removeprefix(f"{home / name}: ")
        reason, reason_zh = f"{name}: {why}", f"{name}: 不是可用的热红外影像"
        issues.append(issue("skipped_file", name, reason, reason_zh=reason_zh, rows=[name], decision="left out"))
        return None
    found = find_anomalies(frame, least_z=least_z)
    if found.empty:
        return None
    repeated = photo.iloc[np.zeros(len(found), dtype=int)].set_axis(found.index)
    rays = aim_photos(repeated, found[["col_px", "row_px", "sigma_px"]], look)
    is_placed = rays.geometry.notna() & rays["placed_by"].ne("camera")
    kind = np.where(found["is_warm"], "warm", "cold")
    kind_zh = np.where(found["is_warm"], "偏暖", "偏冷")
    rows = {
        "thermal_z": found["thermal_z"],
        "thermal_k": found["difference_k"],
        "note": [f"thermal anomaly, {one} (热异常, {other})" for one, other in zip(kind, kind_zh, strict=True)],
        "seen_at": repeated["taken_at"],
        "photo_ids": repeated["photo_id"],
        "source_ref": [f"{name}#{number}" for number in range(1, len(found) + 1)],
    }
    return gpd.GeoDataFrame(rays.drop(columns=["why", "why_zh", "note"]).assign(**rows)[is_placed])


def _near(seen: gpd.GeoDataFrame, banks: gpd.GeoDataFrame | None, near_m: float, least_z: float) -> gpd.GeoDataFrame:
    """Return the places that can be near a bank, with their confidence."""
    share = _MOST_SHARE * (1 - (least_z / seen["thermal_z"].abs()) ** 2)
    if banks is None or banks.empty:
        return seen.assign(confidence_share=share.clip(0, _MOST_SHARE))
    crs = choose_crs(banks, seen)
    away_m = seen.to_crs(crs).distance(banks.geometry.to_crs(crs).union_all())
    sigma = seen["sigma_m"]
    near = ndtr((near_m - away_m) / sigma) - ndtr((-near_m - away_m) / sigma)
    kept = seen.assign(confidence_share=(share * near).clip(0, _MOST_SHARE))
    return gpd.GeoDataFrame(kept[away_m <= near_m + 2 * sigma].reset_index(drop=True))


def _say_unplaced(photos: gpd.GeoDataFrame, flight: str, issues: list[dict[str, object]]) -> None:
    lost = photos["file"][photos.geometry.isna()]
    if len(lost):
        reason = f"{len(lost)} thermal frames carry no position; nothing in them can be placed"
        reason_zh = f"{len(lost)} 幅热红外影像没有定位，无法定位其中的异常"
        issues.append(issue("no_geometry", flight, reason, reason_zh=reason_zh, rows=lost, decision="left out"))


def _with_issues(table: gpd.GeoDataFrame, issues: list[dict[str, object]]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(attach_issues(table, issues) if issues else table)
