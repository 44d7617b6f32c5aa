"""How good was a detector here: what it found against what is there, on the ground and in metres, basin by basin.

Published scores span 65 to 98 % because data sets differ, not because networks do: a figure of another coast says
nothing about this river.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from outfall.coordinates import choose_crs
from outfall.errors import CoordinateError, TableError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["compare_boxes"]

_COLUMNS = [
    "basin", "truth", "found", "matched", "precision_share", "recall_share", "ap_share", "ap50_share", "median_off_m",
    "within_m",
]  # fmt: skip


def compare_boxes(
    found: gpd.GeoDataFrame, truth: gpd.GeoDataFrame, *, within_m: float = 5.0, least_score: float | None = None
) -> pd.DataFrame:
    """Return precision, recall and average precision of what was found, basin by basin.

    A thing is found when something found lies within ``within_m`` of it; each thing and each find counts once, finds
    of the highest score choosing first and taking the nearest free thing. A second find of one thing is a false one:
    merge frames before.

    Parameters
    ----------
    found : GeoDataFrame, n rows, Point or Polygon, any CRS
        ``score`` or ``confidence_share`` ranks them; ``basin`` where there are several. Not changed.
    truth : GeoDataFrame, m rows, Point or Polygon, any CRS
        Everything that is there and could be seen, with ``basin`` where there are several. Not changed.
    within_m : float, metres, default 5
        Distance on the ground, between points or middles of polygons (our default).
    least_score : float, optional
        Precision and recall count finds with at least this score; average precision always counts all.

    Returns
    -------
    DataFrame, one row per basin, then ``(all)``
        ``truth``, ``found``, ``matched``, ``precision_share``, ``recall_share``, ``ap_share`` (area under precision
        over recall by distance; missing without scores), ``ap50_share`` (the same by overlap of outlines of at least
        half their union; missing where either has no outlines), ``median_off_m`` of matched ones, ``within_m``. Shares
        of nothing are missing. ``(all)`` ranks all basins together.

    Raises
    ------
    CoordinateError
        A table carries no CRS.
    TableError
        Only one of the tables names basins, or within_m is not above 0.

    Examples
    --------
    >>> there = gpd.GeoDataFrame(geometry=gpd.points_from_xy([0, 100], [0, 0]), crs=32650)
    >>> seen = gpd.GeoDataFrame({"score": [0.9, 0.8]}, geometry=gpd.points_from_xy([1, 50], [0, 0]), crs=32650)
    >>> compare_boxes(seen, there)[["basin", "precision_share", "recall_share", "ap_share"]].to_dict("records")
    [{'basin': '(all)', 'precision_share': 0.5, 'recall_share': 0.5, 'ap_share': 0.5}]
    """
    for name, table in (("found", found), ("truth", truth)):
        if table.crs is None:
            msg = f"{name}: no CRS; say which with {name}.set_crs(...)"
            raise CoordinateError(msg)
    if not within_m > 0:
        msg = f"within_m: {within_m} is no distance; give metres above 0"
        raise TableError(msg)
    if ("basin" in found.columns) != ("basin" in truth.columns):
        msg = "basin: only one of the tables has it; name the basin of every find and of every thing, or of none"
        raise TableError(msg)
    crs = choose_crs(*[table for table in (found, truth) if len(table)]) if len(found) + len(truth) else found.crs
    seen, there = _tidy(found, crs), _tidy(truth, crs)
    rows = []
    if "basin" in truth.columns:
        for basin in sorted(set(there["basin"]) | set(seen["basin"])):
            part = (seen[seen["basin"].eq(basin)], there[there["basin"].eq(basin)])
            rows.append(_row(basin, *part, within_m, least_score))
    return pd.DataFrame([*rows, _row("(all)", seen, there, within_m, least_score)], columns=_COLUMNS)


def _tidy(table: gpd.GeoDataFrame, crs: object) -> gpd.GeoDataFrame:
    """Return rank and basin of everything that has a place, the best first; ties by place, not by row."""
    nothing = pd.Series(np.nan, index=table.index)
    score = pd.to_numeric(table.get("score", nothing), errors="coerce").astype(float)
    share = pd.to_numeric(table.get("confidence_share", nothing), errors="coerce").astype(float)
    basin = table["basin"].astype(str) if "basin" in table.columns else pd.Series("", index=table.index)
    geometry = table.geometry.to_crs(crs)
    made = gpd.GeoDataFrame(
        {"rank": share if score.isna().all() else score, "basin": basin}, geometry=geometry, crs=crs
    )
    kept = made[~(made.geometry.isna() | made.geometry.is_empty)]
    middle = kept.geometry.centroid
    order = np.lexsort((middle.y, middle.x, -kept["rank"].fillna(-np.inf).to_numpy()))
    return gpd.GeoDataFrame(kept.iloc[order].reset_index(drop=True))


def _row(
    basin: str, seen: gpd.GeoDataFrame, there: gpd.GeoDataFrame, within_m: float, least_score: float | None
) -> list[object]:
    near = _distances(seen, there)
    taken = _claim(near, within_m, seen, there)
    is_counted = np.ones(len(seen), dtype=bool) if least_score is None else seen["rank"].ge(least_score).to_numpy()
    hits = (taken >= 0) & is_counted
    count, total, matched = int(is_counted.sum()), len(there), int(hits.sum())
    off = near[np.flatnonzero(hits), taken[hits]]
    has_rank = len(seen) == 0 or bool(seen["rank"].notna().all())
    ap = _average(taken >= 0, seen["rank"].to_numpy(), total) if has_rank else np.nan
    overlap = _overlaps(seen, there) if has_rank else None
    ap50 = (
        np.nan
        if overlap is None
        else _average(_claim(1 - overlap, 0.5, seen, there) >= 0, seen["rank"].to_numpy(), total)
    )
    return [
        basin, total, count, matched, matched / count if count else np.nan, matched / total if total else np.nan, ap, ap50,
        float(np.median(off)) if matched else np.nan, within_m,
    ]  # fmt: skip


def _distances(seen: gpd.GeoDataFrame, there: gpd.GeoDataFrame) -> NDArray[np.float64]:
    one, other = (np.column_stack([part.geometry.centroid.x, part.geometry.centroid.y]) for part in (seen, there))
    return np.hypot(*(one[:, None, axis] - other[None, :, axis] for axis in (0, 1)))


def _overlaps(seen: gpd.GeoDataFrame, there: gpd.GeoDataFrame) -> NDArray[np.float64] | None:
    """Return intersection over union of every find with every thing; None where one of them has no outline."""
    shapes = [part.geometry.to_numpy() for part in (seen, there)]
    if not all(len(part) and (shapely.get_dimensions(part) == 2).all() for part in shapes):
        return None
    one, other = (shapely.make_valid(part) for part in shapes)
    answer = np.zeros((len(one), len(other)))
    pairs = shapely.STRtree(other).query(one, predicate="intersects")
    both = shapely.area(shapely.intersection(one[pairs[0]], other[pairs[1]]))
    answer[pairs[0], pairs[1]] = both / (shapely.area(one[pairs[0]]) + shapely.area(other[pairs[1]]) - both)
    return answer


def _claim(
    cost: NDArray[np.float64], most: float, seen: gpd.GeoDataFrame, there: gpd.GeoDataFrame
) -> NDArray[np.int64]:
    """Return the thing each find claims, in order of rank, the nearest free one first; -1 for none."""
    taken = np.full(len(seen), -1, dtype=np.int64)
    free = np.ones(len(there), dtype=bool)
    same = seen["basin"].to_numpy()[:, None] == there["basin"].to_numpy()[None, :]
    allowed = (cost <= most) & same
    for row in range(len(seen)):
        open_ = np.flatnonzero(allowed[row] & free)
        if len(open_):
            best = open_[np.argmin(cost[row, open_])]
            taken[row], free[best] = best, False
    return taken


def _average(is_hit: NDArray[np.bool_], rank: NDArray[np.float64], total: int) -> float:
    """Return the area under precision over recall, every point counted; equal ranks make one point."""
    if total == 0:
        return float("nan")
    if not len(is_hit):
        return 0.0
    hits = np.cumsum(is_hit)
    last = np.append(rank[1:] != rank[:-1], True)
    precision, recall = (hits / np.arange(1, len(hits) + 1))[last], (hits / total)[last]
    best = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(recall, prepend=0.0) * best))
