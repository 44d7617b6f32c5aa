"""What do the boxes of a detector say to the register: sightings at the object, with a probability only where one was earned."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd

from outfall.errors import Problem, TableError
from outfall.survey.ground_boxes import PLACED
from outfall.tables import attach_issues, check, empty, issue

if TYPE_CHECKING:
    from outfall.survey.calibration import Calibration

__all__ = ["sight_boxes"]

_RANK = ("the score is a rank, not a probability: {why}", "得分仅为排序，不是概率：{why}")


def sight_boxes(
    placed: gpd.GeoDataFrame, *, calibration: Calibration | None = None, basin: str | None = None
) -> gpd.GeoDataFrame:
    """Return placed boxes as sightings: at the object, with its ellipse, and with the photo's own position beside it.

    Parameters
    ----------
    placed : GeoDataFrame, n rows
        From ``place_boxes`` or ``place_on_mosaic``. Not changed.
    calibration : Calibration, optional
        From ``calibrate_scores``. Without it no ``confidence_share`` is given: a detector's score is a rank.
    basin : str, optional
        Where the boxes were seen; a calibration speaks only for basins whose boxes were checked. A column ``basin`` of
        placed does the same box by box.

    Returns
    -------
    GeoDataFrame, m rows, Point, EPSG:4490
        The contract ``sightings`` in the order given, without boxes that have no place, and further ``score``,
        ``score_is`` (``probability`` or ``rank``), ``photo_lon``, ``photo_lat``, ``area_m2``. ``merge_frames`` joins
        those of one thing.

    Raises
    ------
    TableError
        The boxes are not placed.

    Examples
    --------
    >>> import shapely
    >>> row = dict.fromkeys(PLACED, None) | {"box_id": "f-1", "photo_id": "a", "survey_id": "f", "score": 0.9,
    ...     "object_lon": 114.3, "object_lat": 30.6, "sigma_m": 2.0, "source_ref": "boxes.json#1"}
    >>> seen = sight_boxes(gpd.GeoDataFrame([row], geometry=[shapely.box(114.29, 30.59, 114.31, 30.61)], crs=4490))
    >>> seen[["score", "score_is"]].to_dict("records"), bool(seen["confidence_share"].isna().all())
    ([{'score': 0.9, 'score_is': 'rank'}], True)
    """
    missing = [name for name in PLACED if name not in placed.columns]
    if missing:
        problem = Problem(", ".join(missing), "missing", "use the table that place_boxes returned")
        msg = "boxes: 1 problem"
        raise TableError(msg, [problem])
    issues = list(placed.attrs.get("issues", []))
    kept = placed[placed["object_lon"].notna() & placed["object_lat"].notna()]
    if kept.empty:
        return _with(empty("sightings", crs=4490), issues)
    share, why = _shares(kept, calibration, basin)
    is_rank = share.isna() & kept["score"].notna()
    rank = [_RANK[0].format(why=part[0]) + f" ({_RANK[1].format(why=part[1])})" for part in why]
    notes = [
        "; ".join(str(part) for part in (note, told if is_told else None) if part is not None and pd.notna(part))
        or None
        for note, told, is_told in zip(kept["note"], rank, is_rank, strict=True)
    ]
    columns = {
        "sighting_id": kept["box_id"],
        "platform": "drone",
        "survey_id": kept["survey_id"],
        "seen_at": kept["seen_at"],
        **{name: kept[name] for name in ("sigma_m", "sigma_major_m", "sigma_minor_m", "major_azimuth_deg")},
        "placed_by": kept["placed_by"],
        "confidence_share": share,
        "outfall_class": kept["outfall_class"],
        "photo_ids": kept["photo_id"],
        "note": pd.Series(notes, index=kept.index, dtype=object),
        "source_ref": "sight_boxes(" + kept["source_ref"].astype(str) + ")",
        "score": kept["score"].astype(float),
        "score_is": pd.Series(np.where(share.notna(), "probability", "rank"), index=kept.index, dtype="str"),
        **{name: kept[name] for name in ("photo_lon", "photo_lat", "area_m2")},
        **{name: kept[name] for name in ("thermal_z", "thermal_k") if name in kept.columns},
    }
    _say_ranks(kept, is_rank, why, issues)
    points = gpd.GeoSeries(gpd.points_from_xy(kept["object_lon"], kept["object_lat"]), index=kept.index, crs=4490)
    table = gpd.GeoDataFrame(pd.DataFrame(columns), geometry=points).reset_index(drop=True)
    return _with(check(table, "sightings", where=str(kept["survey_id"].iloc[0])), issues)


def _shares(
    kept: gpd.GeoDataFrame, calibration: Calibration | None, basin: str | None
) -> tuple[pd.Series, list[tuple[str, str]]]:
    """Return the probability of each box, and why it has none."""
    if calibration is None:
        return pd.Series(np.nan, index=kept.index), [("no box was checked", "未经人工核对")] * len(kept)
    where = kept["basin"] if "basin" in kept.columns else pd.Series(basin, index=kept.index, dtype=object)
    told = calibration.apply(kept["score"], basins=where)
    return told["share"], list(zip(told["reason"], told["reason_zh"], strict=True))


def _say_ranks(
    kept: gpd.GeoDataFrame, is_rank: pd.Series, why: list[tuple[str, str]], issues: list[dict[str, object]]
) -> None:
    told = pd.Series(why, index=kept.index)[is_rank]
    for part in sorted(set(told)):
        refs = kept["source_ref"][is_rank][[one == part for one in told]]
        reason = f"{len(refs)} boxes: {_RANK[0].format(why=part[0])}"
        reason_zh = f"{len(refs)} 个检测框：{_RANK[1].format(why=part[1])}"
        issues.append(
            issue("assumption", "boxes", reason, reason_zh=reason_zh, rows=refs, level="note", decision="kept as ranks")
        )


def _with(table: pd.DataFrame, issues: list[dict[str, object]]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(attach_issues(table, issues) if issues else table)
