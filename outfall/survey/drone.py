"""What did a flight see: one sighting per find, at the object and not at the drone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd

from outfall.camera import look_at, read_photos
from outfall.errors import TableError
from outfall.survey.finds import match_photos, read_finds
from outfall.tables import attach_issues, check, empty, issue

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["aim_photos", "look_options", "read_drone"]

# Our defaults (no standard): a find with coordinates of its own, and a photo that does not say where it looks.
_FIND_SIGMA_M = 5.0
_BLIND_SIGMA_M = 30.0
_AIMED = ["sigma_major_m", "sigma_minor_m", "major_azimuth_deg", "placed_by"]
_LOOK = ("surface", "water_m", "take_off_m", "sigmas")
# A camera that does not say where it points is taken for the place; one that looks at the horizon is not, the object
# being far away. A pixel beside the picture is a mistake, not a place.
_BLIND = ("the photo does not say where the camera points", "the photo does not say its focal length",
          "the height above the water is not known", "the camera is not above the water")  # fmt: skip


def read_drone(
    folder: Path | str | gpd.GeoDataFrame,
    *,
    finds: Path | str | Sequence[Path | str] | None = None,
    tz: str | None = None,
    crs: object = None,
    sigma_m: float | None = None,
    survey_id: str | None = None,
    constants: Mapping[str, object] | None = None,
    surface: Path | str | float | Mapping[str, object] | None = None,
) -> gpd.GeoDataFrame:
    """Return what a flight saw as sightings, each at the object.

    A find has coordinates of its own, or names its photo and perhaps a pixel (``col_px``, ``row_px`` from the upper
    left) or a box: then it lies where the ray of that photo meets the surface or the water. Without any find every
    photo is one sighting at the point it looks at. The photos keep their own position in ``read_photos``;
    ``photo_ids`` joins the two. What is seen near or above the horizon is not placed, and named.

    Parameters
    ----------
    folder : path or GeoDataFrame
        Folder of photos; or the table of ``read_photos``, where its options (clock, lens, progress) are needed.
    finds : path or list of paths, optional
        What was seen on the photos: GeoJSON, CSV or KML, a COCO ``.json``, or a folder of YOLO labels. By default
        every GeoJSON, CSV and KML in the folder.
    tz : str, optional
        Zone of camera clocks and of times in the finds that do not say theirs.
    crs : anything pyproj understands, or "gcj02" or "bd09"
        What lon and lat columns of the finds are.
    sigma_m : float, optional
        Standard deviation of every position, where you know better than the file and the camera.
    survey_id : str, optional
        Name of the flight; the name of the folder by default, "flight" for a table.
    constants : mapping of str to object, optional
        Values for columns of ``sightings`` that the finds lack.
    surface : path, float or mapping, optional
        Raster of heights (DSM) or water level in metres that the rays meet, in the vertical datum of the photos; or
        several options of ``look_at`` by name: ``surface``, ``water_m``, ``take_off_m``, ``sigmas``.

    Returns
    -------
    GeoDataFrame, n rows, Point, EPSG:4490
        The contract ``sightings``, finds in the order of their files, with ``photo_ids``. Positions from a ray have
        ``sigma_m`` from the ray and its error ellipse (``sigma_major_m``, ``sigma_minor_m``, ``major_azimuth_deg``);
        finds with coordinates 5 metres (our default) where they do not say theirs. ``placed_by`` says what each
        rests on. Photos left out and finds without a place are in ``tables.list_issues``.

    Raises
    ------
    ReadError
        The folder or a file of finds cannot be read.
    CoordinateError
        Coordinates of finds are impossible, or do not say what they are.
    TableError
        The finds do not meet the contract, or surface names an option that look_at has not.

    Examples
    --------
    >>> import tempfile
    >>> len(read_drone(tempfile.mkdtemp()))
    0
    """
    look = look_options(surface)
    photos = folder if isinstance(folder, gpd.GeoDataFrame) else read_photos(folder, tz=tz)
    home = None if isinstance(folder, gpd.GeoDataFrame) else Path(folder)
    flight = survey_id or (home.resolve().name if home else "flight")
    issues = list(photos.attrs.get("issues", []))
    seen = read_finds(home, finds, crs, issues)
    rows = _looks(photos, flight, look, issues) if seen is None else _placed(seen, photos, (flight, look), issues)
    for column, value in {"platform": "drone", "survey_id": flight, **(constants or {})}.items():
        if column not in rows.columns:
            rows[column] = value
    if sigma_m is not None:
        rows["sigma_m"] = sigma_m
        rows[_AIMED[:3]] = np.nan
    kept = rows[rows.geometry.notna()].reset_index(drop=True)
    sightings = check(kept, "sightings", tz=tz, where=flight) if len(kept) else empty("sightings", crs=4490)
    return gpd.GeoDataFrame(attach_issues(sightings, issues) if issues else sightings)


def aim_photos(photos: gpd.GeoDataFrame, pixels: pd.DataFrame | None, look: Mapping[str, object]) -> gpd.GeoDataFrame:
    """Return the object point of each photo; the photo's own position, and 30 m, where it does not say where it looks.

    Parameters
    ----------
    photos : GeoDataFrame, n rows
        The contract ``photos``.
    pixels : DataFrame, n rows, optional
        As for ``look_at``.
    look : mapping
        Further options of ``look_at``.

    Returns
    -------
    GeoDataFrame, n rows, EPSG:4490
        ``sigma_m``, the error ellipse, ``placed_by``, ``note``, and ``why``, ``why_zh`` where there is no point.

    Examples
    --------
    >>> photos = gpd.GeoDataFrame({"photo_id": ["a"], "sigma_m": [40.0]}, geometry=gpd.points_from_xy([114], [30]),
    ...                           crs=4326)
    >>> aim_photos(photos, None, {})[["sigma_m", "placed_by"]].to_dict("records")
    [{'sigma_m': 50.0, 'placed_by': 'camera'}]
    """
    seen = look_at(photos, pixels=pixels, **look)  # type: ignore[arg-type]
    own = photos.geometry.to_crs(4326)
    is_blind = seen.geometry.isna() & own.notna() & seen["reason"].isin(_BLIND)
    points = gpd.GeoSeries(seen.geometry.where(~is_blind, own), crs=4326).to_crs(4490)
    is_lost = points.isna()
    told = seen["reason"].mask(seen["reason"].eq(""))
    columns = {
        "sigma_m": seen["sigma_m"].mask(is_blind, np.hypot(photos["sigma_m"], _BLIND_SIGMA_M)),
        "note": (told + "; position of the camera").where(is_blind, told.where(~is_lost)),
        **{name: seen[name] for name in _AIMED},
        "placed_by": seen["placed_by"].astype(object).mask(is_blind, "camera"),
        "why": told.where(is_lost),
        "why_zh": seen["reason_zh"].where(is_lost),
    }
    return gpd.GeoDataFrame(columns, geometry=points)


def look_options(surface: Path | str | float | Mapping[str, object] | None) -> dict[str, object]:
    """Return the options of look_at that one argument of a reader means; unknown names are refused."""
    look: dict[str, object] = dict(surface) if isinstance(surface, Mapping) else {"surface": surface}
    unknown = sorted(set(look) - set(_LOOK))
    if unknown:
        msg = f"surface: {', '.join(map(repr, unknown))} is no option of look_at; use {', '.join(_LOOK)}"
        raise TableError(msg)
    return look


def _looks(
    photos: gpd.GeoDataFrame, flight: str, look: Mapping[str, object], issues: list[dict[str, object]]
) -> gpd.GeoDataFrame:
    seen = aim_photos(photos, None, look)
    rows = pd.DataFrame(
        {
            "sighting_id": flight + "-" + photos["file"],
            "seen_at": photos["taken_at"],
            "photo_ids": photos["photo_id"],
            "source_ref": photos["source_ref"],
        }
    )
    _say_lost(seen[photos.geometry.notna()], photos["source_ref"], flight, issues)
    return seen.drop(columns=["why", "why_zh"]).join(rows)


def _say_lost(seen: gpd.GeoDataFrame, refs: pd.Series, flight: str, issues: list[dict[str, object]]) -> None:
    """Name what has a photo but no place, by the reason."""
    lost = seen[seen.geometry.isna() & seen["why"].notna()]
    for (why, why_zh), group in lost.groupby(["why", "why_zh"], sort=True):
        rows = refs.loc[group.index]
        reason, reason_zh = f"{len(group)} not placed: {why}", f"{len(group)} 个未定位：{why_zh}"
        issues.append(issue("no_geometry", flight, reason, reason_zh=reason_zh, rows=rows, decision="left out"))


def _placed(
    seen: gpd.GeoDataFrame,
    photos: gpd.GeoDataFrame,
    flight: tuple[str, Mapping[str, object]],
    issues: list[dict[str, object]],
) -> gpd.GeoDataFrame:
    """Return the finds with a point each: their own, else the one their photo looks at."""
    at, photo_ids = match_photos(seen, photos, issues)
    table = gpd.GeoDataFrame(seen.assign(photo_ids=photo_ids, placed_by="own"))
    has_photo = np.array(at, dtype=int) >= 0
    told = pd.Series(data=False, index=seen.index)
    if has_photo.any():
        aimed = photos.iloc[[row for row in at if row >= 0]].set_axis(seen.index[has_photo])
        rays = aim_photos(aimed, _pixels(seen[has_photo], aimed), flight[1])
        table = _filled(table, rays, aimed["taken_at"])
        is_lost = table.geometry.isna().loc[rays.index] & rays["why"].notna()
        _say_lost(rays[is_lost], seen["source_ref"], flight[0], issues)
        told.loc[is_lost.index[is_lost]] = True
    is_lost = table.geometry.isna() & ~told
    if is_lost.any():
        reason = "finds have neither coordinates nor a photo that says where it looks"
        issues.append(
            issue(
                "no_geometry",
                flight[0],
                reason,
                reason_zh="发现点没有位置",
                rows=table["source_ref"][is_lost],
                decision="left out",
            )
        )
    table["sigma_m"] = pd.to_numeric(table["sigma_m"]).fillna(_FIND_SIGMA_M)
    table["sighting_id"] = flight[0] + "-" + _ids(table)
    return table


def _pixels(seen: pd.DataFrame, photos: gpd.GeoDataFrame) -> pd.DataFrame:
    """Return the pixel of each find: as it is written, or the middle of its box, or a share of its picture."""
    names = ["col_px", "row_px", "sigma_px", "box_width_px", "box_height_px", "col_share", "row_share", "sigma_share"]
    told = seen.reindex(columns=names).apply(pd.to_numeric, errors="coerce")
    width, height = (pd.to_numeric(photos[name]).astype(float) for name in ("width_px", "height_px"))
    box = told[["box_width_px", "box_height_px"]]
    return pd.DataFrame(
        {
            "col_px": (told["col_px"] + box["box_width_px"].fillna(0) / 2).fillna(told["col_share"] * width),
            "row_px": (told["row_px"] + box["box_height_px"].fillna(0) / 2).fillna(told["row_share"] * height),
            "sigma_px": told["sigma_px"]
            .fillna(told["sigma_share"] * np.fmax(width, height))
            .fillna(box.max(axis="columns") / 8),
        }
    )


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
    for name in _AIMED[:3]:
        table[name] = aimed[name].where(is_open & sigma.isna())
    table["placed_by"] = table["placed_by"].astype(object).where(~is_open, aimed["placed_by"].astype(object))
    table["note"] = table["note"].where(table["note"].notna() | ~is_open, aimed["note"])
    is_timeless = table["seen_at"].isna() | table["seen_at"].astype(str).str.strip().eq("")
    table["seen_at"] = table["seen_at"].astype(object).where(~is_timeless, taken_at.map(_iso, na_action="ignore"))
    return table


def _iso(stamp: pd.Timestamp) -> str:
    return stamp.isoformat()
