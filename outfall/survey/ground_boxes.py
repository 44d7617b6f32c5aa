"""Which ground does a box on a photo cover, and how sure is that: its corners and its middle through lens, gimbal and surface.

A box is not a point: its corners show how large the thing is, and that it may stand before what lies behind it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from outfall.camera import look_at
from outfall.coordinates import choose_crs
from outfall.errors import Problem, TableError
from outfall.survey.drone import look_options
from outfall.survey.ellipses import ellipse_of, read_covariance
from outfall.survey.finds import match_photos
from outfall.tables import attach_issues, issue

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["PLACED", "place_boxes"]

PLACED = (
    "box_id", "photo_id", "survey_id", "seen_at", "score", "outfall_class", "note", "object_lon", "object_lat",
    "photo_lon", "photo_lat", "sigma_m", "sigma_major_m", "sigma_minor_m", "major_azimuth_deg", "distance_m", "area_m2",
    "is_cut", "placed_by", "reason", "reason_zh", "source_ref",
)  # fmt: skip
# Our defaults (no standard): the speed of a drone that does not say it, and the longest gap two photos tell it over.
_SPEED_MS, _GAP_S = 8.0, 30.0
# Our default: where the picture cuts a box off, the thing may lie anywhere near the cut: half the longer side.
_CUT_SHARE = 0.5
_CORNERS = ((-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0))
_THERMAL = {"thermal_z": "thermal_z", "difference_k": "thermal_k"}  # of find_anomalies: kept beside the box
_NO_OUTLINE = ("a corner of the box meets no ground; only its middle is placed", "框角未与地面相交，仅定位中心")
_NO_PHOTO = ("its photo is not among the photos read", "所指照片不存在")
_OUTSIDE = ("the box is outside the picture", "检测框在照片之外")


class _Pixels(NamedTuple):
    """The middle and half sizes of boxes, what is unsure of the middle, and which boxes the picture cuts off or has not."""

    middle: NDArray[np.float64]
    half: NDArray[np.float64]
    sigma: NDArray[np.float64]
    is_cut: NDArray[np.bool_]
    is_outside: NDArray[np.bool_]


def place_boxes(
    boxes: pd.DataFrame,
    photos: gpd.GeoDataFrame,
    *,
    surface: Path | str | float | Mapping[str, object] | None = None,
    timing_s: float = 0.05,
    survey_id: str = "flight",
) -> gpd.GeoDataFrame:
    """Return the ground each box covers, with the object and the photo apart and an error ellipse for each.

    Parameters
    ----------
    boxes : DataFrame, n rows
        As ``read_boxes`` returns them. Not changed.
    photos : GeoDataFrame
        The contract ``photos``. Not changed.
    surface : path, float or mapping, optional
        As in ``read_drone``: raster of heights, water level in metres, or options of ``look_at`` by name.
    timing_s : float, seconds, default 0.05
        How far the moment of a position may be from the moment of its picture (our default); times the speed over
        ground it stretches the ellipse along the track.
    survey_id : str, default "flight"
        Name of the flight.

    Returns
    -------
    GeoDataFrame, n rows, Polygon, EPSG:4490, index and order of boxes
        Outline on the ground (none where a corner meets no ground); ``object_lon`` and ``object_lat`` where the ray
        of the middle ends, ``photo_lon`` and ``photo_lat`` where the camera was; the ellipse of the object from pose,
        timing, surface and size of the box; ``distance_m`` (horizontal), ``area_m2``, ``is_cut`` (the picture ends
        inside the box), ``score`` as the detector wrote it, ``placed_by``, and ``reason``, ``reason_zh`` where there
        is no object. Those are in ``tables.list_issues`` too.

    Raises
    ------
    TableError
        The boxes have no pixels, or surface names an option that look_at has not.
    ReadError
        The surface cannot be read.

    Examples
    --------
    >>> photos = gpd.GeoDataFrame({"photo_id": ["a"], "file": ["a.jpg"], "relative_altitude_m": [100.0], "yaw_deg": 0.0,
    ...     "pitch_deg": -90.0, "sigma_m": 0.05, "width_px": 4000, "height_px": 3000, "focal_px": 4000.0},
    ...     geometry=gpd.points_from_xy([114.3], [30.6]), crs=4326)
    >>> boxes = pd.DataFrame({"photo": ["a.jpg"], "col_px": 2000.0, "row_px": 1500.0, "half_width_px": 40.0,
    ...     "half_height_px": 20.0, "source_ref": ["boxes.json#1"]})
    >>> seen = place_boxes(boxes, photos)
    >>> round(float(seen["area_m2"].iloc[0]), 2), bool(seen["distance_m"].iloc[0] < 1e-6)
    (2.0, True)
    """
    _refuse(boxes)
    look, issues = look_options(surface), list(photos.attrs.get("issues", []))
    at, _ = match_photos(boxes, photos, issues)
    rows = np.array(at, dtype=int)
    known = photos.iloc[np.maximum(rows, 0)] if len(photos) else photos.reindex(boxes.index)
    held = gpd.GeoDataFrame(known.set_axis(boxes.index), crs=photos.crs)
    pixels = _find_pixels(boxes, held)
    use = (rows >= 0) & ~pixels.is_outside
    answer = _blank(boxes, held, rows >= 0, survey_id)
    answer["is_cut"] = pixels.is_cut
    for lost, (why, why_zh) in ((rows < 0, _NO_PHOTO), ((rows >= 0) & pixels.is_outside, _OUTSIDE)):
        answer.loc[lost, ["reason", "reason_zh"]] = [why, why_zh]
    if use.any():
        drift = timing_s * _velocity(photos)[rows[use]]
        _place(answer, held, pixels, use, (look, drift))
    _say_lost(answer, survey_id, issues)
    return gpd.GeoDataFrame(attach_issues(answer, issues) if issues else answer)


def _refuse(boxes: pd.DataFrame) -> None:
    missing = [name for name in ("photo", "source_ref") if name not in boxes.columns]
    told = {"col_px", "row_px"} <= set(boxes.columns) or {"col_share", "row_share"} <= set(boxes.columns)
    if missing or not (told or boxes.empty):
        what = ", ".join(missing) or "col_px and row_px, or col_share and row_share"
        msg = "boxes: 1 problem"
        raise TableError(msg, [Problem(what, "missing", "use the table that read_boxes returned")])


def _find_pixels(boxes: pd.DataFrame, photos: gpd.GeoDataFrame) -> _Pixels:
    """Return boxes in pixels of their pictures, cut where the picture ends."""
    size = np.column_stack([pd.to_numeric(photos[name]).astype(float) for name in ("width_px", "height_px")])

    def told(name: str, scale: NDArray[np.float64]) -> NDArray[np.float64]:
        own, share = (
            pd.to_numeric(boxes[column], errors="coerce").to_numpy(dtype=float)
            if column in boxes.columns
            else np.full(len(boxes), np.nan)
            for column in (f"{name}_px", f"{name}_share")
        )
        return np.where(np.isfinite(own), own, share * scale)

    middle = np.column_stack([told("col", size[:, 0]), told("row", size[:, 1])])
    half = np.nan_to_num(np.column_stack([told("half_width", size[:, 0]), told("half_height", size[:, 1])]))
    with np.errstate(invalid="ignore"):
        low, high = np.clip(middle - half, 0, size), np.clip(middle + half, 0, size)
        is_inside = ((middle + half >= 0) & (middle - half <= size)).all(axis=1)
        at_edge = ((middle - half < 0.5) | (middle + half > size - 0.5)).any(axis=1)
    is_cut = np.asarray(is_inside & at_edge & (half > 0).all(axis=1), dtype=bool)
    longer = half.max(axis=1) * 2
    given = told("sigma", size.max(axis=1))
    sigma = np.where(np.isfinite(given), given, longer / 8)
    sigma = np.where(is_cut, np.fmax(sigma, longer * _CUT_SHARE), sigma)
    return _Pixels((low + high) / 2, (high - low) / 2, sigma, is_cut, np.asarray(~is_inside, dtype=bool))


def _blank(
    boxes: pd.DataFrame, held: gpd.GeoDataFrame, is_known: NDArray[np.bool_], survey_id: str
) -> gpd.GeoDataFrame:
    """Return the answer before anything is placed."""
    own = held.geometry.to_crs(4326) if len(held) else held.geometry
    nothing = pd.Series(None, index=boxes.index, dtype=object)
    photo_id = held["photo_id"].where(is_known)
    values: dict[str, object] = dict.fromkeys(PLACED, np.nan)
    values |= {
        "box_id": survey_id + "-" + boxes["source_ref"].astype(str),
        "photo_id": photo_id,
        "survey_id": survey_id,
        "seen_at": held["taken_at"].where(is_known) if "taken_at" in held else pd.NaT,
        "score": pd.to_numeric(boxes.get("confidence_share", nothing), errors="coerce"),
        "outfall_class": boxes.get("outfall_class", nothing),
        "note": boxes.get("note", nothing),
        "photo_lon": own.x.where(is_known),
        "photo_lat": own.y.where(is_known),
        "placed_by": nothing,
        "reason": "",
        "reason_zh": "",
        **{ours: boxes[name] for name, ours in _THERMAL.items() if name in boxes.columns},
        "source_ref": "place_boxes(" + boxes["source_ref"].astype(str) + ")",
    }
    none = gpd.GeoSeries([None] * len(boxes), index=boxes.index, crs=4490)
    return gpd.GeoDataFrame(pd.DataFrame(values, index=boxes.index), geometry=none, crs=4490)


def _place(
    answer: gpd.GeoDataFrame,
    held: gpd.GeoDataFrame,
    pixels: _Pixels,
    use: NDArray[np.bool_],
    how: tuple[Mapping[str, object], NDArray[np.float64]],
) -> None:
    """Fill in the boxes whose photo is known: five rays each, one reading of the surface for all."""
    look, drift = how
    at = np.flatnonzero(use)
    turns = np.array([(0.0, 0.0), *_CORNERS])
    spots = (pixels.middle[at, None, :] + turns[None] * pixels.half[at, None, :]).reshape(-1, 2)
    sigma = np.repeat(pixels.sigma[at], len(turns))
    five = gpd.GeoDataFrame(held.iloc[np.repeat(at, len(turns))].reset_index(drop=True), crs=held.crs)
    asked = pd.DataFrame({"col_px": spots[:, 0], "row_px": spots[:, 1], "sigma_px": sigma})
    seen = look_at(five, pixels=asked, **look)  # type: ignore[arg-type]
    middle = seen.iloc[:: len(turns)].set_axis(answer.index[use])
    is_placed = middle.geometry.notna().to_numpy()
    covariance = read_covariance(middle) + drift
    shape = ellipse_of(covariance).set_axis(middle.index)
    shape[~is_placed] = np.nan
    for name in shape.columns:
        answer.loc[middle.index, name] = shape[name]
    answer.loc[middle.index, "object_lon"], answer.loc[middle.index, "object_lat"] = (
        middle.geometry.x,
        middle.geometry.y,
    )
    for name in ("distance_m", "placed_by", "reason", "reason_zh"):
        answer.loc[middle.index, name] = middle[name]
    outlines = _outlines(seen.geometry, len(turns))
    outlines[~is_placed] = None
    has_none = is_placed & pd.isna(outlines) & (pixels.half[at] > 0).all(axis=1)
    answer.loc[middle.index[has_none], ["reason", "reason_zh"]] = list(_NO_OUTLINE)
    shapes = np.full(len(answer), None, dtype=object)
    shapes[at] = outlines
    answer.geometry = gpd.GeoSeries(shapes, index=answer.index, crs=4326).to_crs(4490)
    is_drawn = answer.geometry.notna()
    if is_drawn.any():
        answer.loc[is_drawn, "area_m2"] = answer[is_drawn].to_crs(choose_crs(answer[is_drawn])).area


def _outlines(points: gpd.GeoSeries, count: int) -> NDArray[np.object_]:
    """Return the polygon of the four corners of each box; None where one of them meets nothing."""
    found = np.full(len(points) // count, None, dtype=object)
    lon, lat = (np.asarray(part, dtype=float).reshape(-1, count)[:, 1:] for part in (points.x, points.y))
    whole = np.isfinite(lon).all(axis=1)
    if whole.any():
        drawn = shapely.polygons(np.stack([lon[whole], lat[whole]], axis=-1))
        found[whole] = np.where(shapely.is_valid(drawn), drawn, shapely.convex_hull(drawn))
        found[[shape is not None and shape.area == 0 for shape in found]] = None
    return found


def _velocity(photos: gpd.GeoDataFrame) -> NDArray[np.float64]:
    """Return the squared velocity of the camera at each photo (east, north; n x 2 x 2), from its neighbours in time."""
    count = len(photos)
    answer = np.broadcast_to(np.eye(2) * _SPEED_MS**2 / 2, (count, 2, 2)).copy()
    when = photos["taken_at"] if "taken_at" in photos else pd.Series(pd.NaT, index=photos.index)
    is_known = when.notna().to_numpy() & photos.geometry.notna().to_numpy()
    if is_known.sum() < 2:
        return answer
    points = photos.geometry[is_known].to_crs(choose_crs(photos[is_known]))
    seconds = pd.to_datetime(when[is_known], utc=True).astype("datetime64[us, UTC]").astype("int64").to_numpy() / 1e6
    order = np.lexsort((photos["photo_id"][is_known].astype(str).to_numpy(), seconds))
    place, time = np.column_stack([points.x, points.y])[order], seconds[order]
    before, after = np.maximum(np.arange(len(order)) - 1, 0), np.minimum(np.arange(len(order)) + 1, len(order) - 1)
    gap = time[after] - time[before]
    good = (gap > 0) & (gap <= 2 * _GAP_S)
    with np.errstate(divide="ignore", invalid="ignore"):
        speed = (place[after] - place[before]) / gap[:, None]
    good &= np.hypot(*speed.T) < 50
    rows = np.flatnonzero(is_known)[order[good]]
    answer[rows] = speed[good][:, :, None] * speed[good][:, None, :]
    return answer


def _say_lost(answer: gpd.GeoDataFrame, flight: str, issues: list[dict[str, object]]) -> None:
    lost = answer[answer["object_lon"].isna()]
    for (why, why_zh), group in lost.groupby(["reason", "reason_zh"], sort=True):
        reason, reason_zh = f"{len(group)} boxes not placed: {why}", f"{len(group)} 个检测框未定位：{why_zh}"
        rows = group["source_ref"]
        issues.append(
            issue("no_geometry", flight, reason, reason_zh=reason_zh, rows=rows, decision="kept without a place")
        )
