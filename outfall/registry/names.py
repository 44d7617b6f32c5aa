"""What an outfall is called where the rule is followed: area, landmark, direction, distance, number, kind of outfall."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from outfall.coordinates import to_crs
from outfall.vocabulary import label

if TYPE_CHECKING:
    from collections.abc import Mapping

    import geopandas as gpd
    import pandas as pd

__all__ = ["suggest_names"]

_WINDS = ("东", "东北", "北", "西北", "西", "西南", "南", "东南")
_BESIDE_M = 10.0  # our default: nearer than this no direction is given
_KINDS = {"open_channel": "沟渠排口"}


def suggest_names(
    outfalls: gpd.GeoDataFrame, *, areas: Mapping[str, str] | None = None, landmarks: gpd.GeoDataFrame | None = None
) -> pd.Series:
    """Return a Chinese name for every outfall by the rule seen in inventories; nothing is written to the table.

    The rule: city, county, township and village, then a landmark with direction and distance to the outfall, a number
    where several would be called the same, and the kind of outfall. It is read from live names; its text was not found,
    so this is our default.

    Parameters
    ----------
    outfalls : GeoDataFrame
        Contract ``outfalls``. Not changed.
    areas : mapping of str to str, optional
        Name by county_code, as long as it should be written (甲市乙县).
    landmarks : GeoDataFrame, optional
        Points with ``name``: villages, works, bridges. Default is the receiving water.

    Returns
    -------
    Series of str
        Index of the table; numbers follow outfall_id.

    Raises
    ------
    CoordinateError
        A table does not say its CRS.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from outfall.tables import check
    >>> table = check(gpd.GeoDataFrame({"outfall_id": ["P-1", "P-2"], "status": "confirmed", "county_code": "429900",
    ...     "outfall_class": "oth.urban_storm", "source_ref": "x"}, geometry=gpd.points_from_xy([-30, -30], [-40, -40]),
    ...     crs=32650), "outfalls")
    >>> village = gpd.GeoDataFrame({"name": ["戊家河"]}, geometry=gpd.points_from_xy([0], [0]), crs=32650)
    >>> suggest_names(table, areas={"429900": "甲市乙县"}, landmarks=village).tolist()
    ['甲市乙县戊家河西南50米1#城镇雨洪排口', '甲市乙县戊家河西南50米2#城镇雨洪排口']
    """
    area = [(areas or {}).get(str(code), "") for code in outfalls["county_code"]]
    where = _landmarks(outfalls, landmarks)
    kinds = []
    for word, shape in zip(
        outfalls["outfall_class"].astype("object"), outfalls["outfall_shape"].astype("object"), strict=True
    ):
        vague = not isinstance(word, str) or word in {"undetermined", "oth.other"}
        plain = _KINDS.get(str(shape), "排口")
        kinds.append(plain if vague else label("outfall_class", str(word), lang="zh"))
    stems = [(one + two, kind) for one, two, kind in zip(area, where, kinds, strict=True)]
    order = np.argsort(outfalls["outfall_id"].astype(str).to_numpy(), kind="stable").tolist()
    total = {stem: stems.count(stem) for stem in set(stems)}
    count: dict[tuple[str, str], int] = {}
    names = [""] * len(stems)
    for at in order:
        count[stems[at]] = count.get(stems[at], 0) + 1
        number = f"{count[stems[at]]}#" if total[stems[at]] > 1 else ""
        names[at] = stems[at][0] + number + stems[at][1]
    return (
        outfalls["outfall_id"]
        .astype("object")
        .set_axis(outfalls.index)
        .map(dict(zip(outfalls["outfall_id"], names, strict=True)))
        .astype("str")
        .rename("name")
    )


def _landmarks(outfalls: gpd.GeoDataFrame, landmarks: gpd.GeoDataFrame | None) -> list[str]:
    if landmarks is None or not len(landmarks) or not len(outfalls):
        return outfalls["receiving_water"].astype("object").fillna("").astype(str).tolist()
    marks = to_crs(landmarks, outfalls.crs, where="landmarks").sort_values("name", kind="stable")
    points = marks.geometry.to_numpy()
    near = shapely.STRtree(points).nearest(outfalls.geometry.to_numpy())
    gap_x = outfalls.geometry.x.to_numpy() - shapely.get_x(points[near])
    gap_y = outfalls.geometry.y.to_numpy() - shapely.get_y(points[near])
    far, turn = np.hypot(gap_x, gap_y), np.round(np.degrees(np.arctan2(gap_y, gap_x)) / 45.0).astype(int) % 8
    names = marks["name"].astype(str).to_numpy()[near]
    return [
        name if m < _BESIDE_M else f"{name}{_WINDS[wind]}{m:.0f}米"
        for name, m, wind in zip(names, far, turn.tolist(), strict=True)
    ]
