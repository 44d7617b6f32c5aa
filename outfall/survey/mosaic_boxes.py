"""Which ground does a box cover that was drawn on a mosaic: no ray is needed, the mosaic lies on the ground already."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from outfall.coordinates import choose_crs
from outfall.errors import CoordinateError, Problem, TableError
from outfall.survey.ellipses import ellipse_of
from outfall.survey.ground_boxes import PLACED
from outfall.tables import attach_issues, issue

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

__all__ = ["place_on_mosaic"]

_SIGMA_M = 1.0  # our default (no standard): how far a mosaic without control points lies off
_OUTSIDE = ("the box is outside the mosaic", "检测框在正射影像之外")


def place_on_mosaic(
    boxes: pd.DataFrame, mosaic: xr.Dataset | None = None, *, sigma_m: float = _SIGMA_M, survey_id: str = "mosaic"
) -> gpd.GeoDataFrame:
    """Return the ground of boxes drawn on a mosaic, as ``place_boxes`` does for photos.

    Parameters
    ----------
    boxes : DataFrame or GeoDataFrame, n rows
        Pixels of the whole file as ``read_boxes`` returns them; or polygons with a CRS (GeoJSON of a detector), which
        need no mosaic. Not changed.
    mosaic : Dataset, optional
        From ``open_orthomosaic``; its moment becomes that of the boxes.
    sigma_m : float, metres, default 1
        How far the mosaic may lie off (our default); the size of the box is added.
    survey_id : str, default "mosaic"
        Name of the flight.

    Returns
    -------
    GeoDataFrame, n rows, Polygon, EPSG:4490, index and order of boxes
        The columns of ``place_boxes``; without a photo there is no position of one. ``placed_by`` is ``own``.

    Raises
    ------
    TableError
        Boxes in pixels without a mosaic, or without pixels.
    CoordinateError
        Polygons without a CRS.

    Examples
    --------
    >>> box = gpd.GeoDataFrame({"score": [0.7]}, geometry=[shapely.box(500000, 3387000, 500002, 3387001)], crs=32650)
    >>> seen = place_on_mosaic(box)
    >>> round(float(seen["area_m2"].iloc[0]), 3), seen["score"].tolist()
    (2.0, [0.7])
    """
    shapes, crs, lost = _drawn(boxes) if isinstance(boxes, gpd.GeoDataFrame) else _of_pixels(boxes, mosaic)
    refs = boxes["source_ref"].astype(str) if "source_ref" in boxes else pd.Series(_rows(len(boxes)), index=boxes.index)
    local = gpd.GeoSeries(shapes, index=boxes.index, crs=crs)
    metric = local.to_crs(choose_crs(gpd.GeoDataFrame(geometry=local[local.notna()]))) if local.notna().any() else local
    middle = metric.centroid
    extent = metric.bounds.to_numpy(dtype=float).reshape(-1, 4)
    half = (extent[:, 2:] - extent[:, :2]) / 8
    covariance = np.zeros((len(boxes), 2, 2))
    covariance[:, [0, 1], [0, 1]] = sigma_m**2 + np.nan_to_num(half) ** 2
    place = middle.to_crs(4326)
    score = boxes.get("score", boxes.get("confidence_share", pd.Series(np.nan, index=boxes.index)))
    when = mosaic.attrs.get("taken_at") if mosaic is not None else None
    shape = ellipse_of(covariance).set_axis(boxes.index)
    shape[metric.isna().to_numpy()] = np.nan
    nothing = pd.Series(None, index=boxes.index, dtype=object)
    values: dict[str, object] = dict.fromkeys(PLACED, np.nan)
    values |= {
        "box_id": survey_id + "-" + refs, "photo_id": nothing, "survey_id": survey_id,
        "seen_at": pd.Timestamp(when) if when else pd.NaT, "score": pd.to_numeric(score, errors="coerce"),
        "outfall_class": boxes.get("outfall_class", nothing), "note": boxes.get("note", nothing),
        "object_lon": place.x, "object_lat": place.y, **{name: shape[name] for name in shape.columns},
        "area_m2": metric.area.where(metric.notna()), "is_cut": False,
        "placed_by": nothing.where(metric.isna(), "own"), "reason": np.where(lost, _OUTSIDE[0], ""),
        "reason_zh": np.where(lost, _OUTSIDE[1], ""), "source_ref": "place_on_mosaic(" + refs + ")",
    }  # fmt: skip
    placed = gpd.GeoDataFrame(pd.DataFrame(values, index=boxes.index), geometry=local.to_crs(4490), crs=4490)
    if not lost.any():
        return placed
    reason = (f"{int(lost.sum())} boxes not placed: {_OUTSIDE[0]}", f"{int(lost.sum())} 个检测框未定位：{_OUTSIDE[1]}")
    said = issue(
        "no_geometry", survey_id, reason[0], reason_zh=reason[1], rows=refs[lost], decision="kept without a place"
    )
    return gpd.GeoDataFrame(attach_issues(placed, [said]))


def _rows(count: int) -> list[str]:
    return [f"boxes#{number}" for number in range(1, count + 1)]


def _drawn(boxes: gpd.GeoDataFrame) -> tuple[NDArray[np.object_], object, NDArray[np.bool_]]:
    if boxes.crs is None:
        msg = "boxes: no CRS; say which with boxes.set_crs(...)"
        raise CoordinateError(msg)
    shapes = boxes.geometry.to_numpy()
    return shapes, boxes.crs, np.asarray(pd.isna(shapes), dtype=bool)


def _of_pixels(boxes: pd.DataFrame, mosaic: xr.Dataset | None) -> tuple[NDArray[np.object_], object, NDArray[np.bool_]]:
    """Return the polygons of boxes in pixels, cut where the file ends; None for those beside it."""
    names = {"crs", "file_transform", "file_size"}
    if mosaic is None or not names <= set(mosaic.attrs):
        problem = Problem(
            "mosaic", "boxes in pixels need the mosaic they were drawn on", "open it with open_orthomosaic"
        )
        msg = "boxes: 1 problem"
        raise TableError(msg, [problem])
    size = np.array(mosaic.attrs["file_size"], dtype=float)
    middle, half = (_numbers(boxes, pair, size) for pair in (("col", "row"), ("half_width", "half_height")))
    low, high = np.clip(middle - half, 0, size), np.clip(middle + half, 0, size)
    lost = np.asarray(~((low < high).all(axis=1)), dtype=bool)
    a, b, c, d, e, f = mosaic.attrs["file_transform"]
    col = np.stack([low[:, 0], high[:, 0], high[:, 0], low[:, 0]], axis=1)
    row = np.stack([low[:, 1], low[:, 1], high[:, 1], high[:, 1]], axis=1)
    ground = np.stack([c + a * col + b * row, f + d * col + e * row], axis=-1)
    shapes = np.full(len(boxes), None, dtype=object)
    if (~lost).any():
        shapes[~lost] = shapely.polygons(ground[~lost])
    return shapes, mosaic.attrs["crs"], lost


def _numbers(boxes: pd.DataFrame, names: tuple[str, str], size: NDArray[np.float64]) -> NDArray[np.float64]:
    told = []
    for name, side in zip(names, size, strict=True):
        held = [(f"{name}_px", 1.0), (f"{name}_share", side)]
        found = [
            pd.to_numeric(boxes[key], errors="coerce").to_numpy(dtype=float) * by for key, by in held if key in boxes
        ]
        if not found and len(boxes):
            msg = f"boxes: no column {name}_px or {name}_share; use the table that read_boxes returned"
            raise TableError(msg)
        told.append(np.fmax(found[0], found[-1]) if found else np.empty(0))
    return np.column_stack(told)
