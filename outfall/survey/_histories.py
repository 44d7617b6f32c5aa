"""Who looked where and who saw what: the histories that capture and recapture is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
import shapely

from outfall.errors import Problem, TableError
from outfall.survey._capture import History
from outfall.tables import split_ids

if TYPE_CHECKING:
    from collections.abc import Sequence

    import geopandas as gpd
    from numpy.typing import NDArray

__all__ = ["Survey", "histories", "read_survey", "set_names"]

_LOOKED_SHARE = 0.5  # a segment counts as looked at by a platform that saw half of it
_NEAR_BANK_M = 100.0


class Survey(NamedTuple):
    platforms: list[str]
    cover: NDArray[np.bool_]  # kinds of bank by platform
    length: NDArray[np.float64] | None  # of each kind of bank, km
    kind: NDArray[np.int64]  # of each outfall
    seen: NDArray[np.bool_]  # outfall by platform
    is_open: NDArray[np.bool_]  # suspected, not settled
    segment_kind: NDArray[np.int64]


def read_survey(
    outfalls: pd.DataFrame,
    segments: gpd.GeoDataFrame | None,
    coverage: pd.DataFrame | None,
    platforms: Sequence[str] | None,
) -> Survey:
    """Return the survey of a table of outfalls; refuse what cannot be counted."""
    _refuse(outfalls, segments, coverage)
    counted = outfalls[~outfalls["status"].isin(["rejected", "merged"])]
    said = [split_ids(value) if isinstance(value, str) else [] for value in counted["platforms"]]
    names = sorted({name for row in said for name in row}) if platforms is None else sorted(platforms)
    if len(names) < 2:
        problem = Problem("outfalls.platforms", f"only {names or 'none'} found anything", "survey by a second platform")
        msg = "completeness: two platforms that looked independently are needed"
        raise TableError(msg, [problem])
    seen = np.array([[name in row for name in names] for row in said], dtype=bool).reshape(len(said), len(names))
    counts = seen.any(axis=1)
    counted, seen = counted[counts], seen[counts]
    is_open = (counted["status"] == "suspected").to_numpy(dtype=bool)
    if segments is None or coverage is None:
        whole = np.ones((1, len(names)), dtype=bool)
        return Survey(names, whole, None, np.zeros(len(seen), int), seen, is_open, np.zeros(0, int))
    flags = _looked(segments, coverage, names)
    segment = _segment_of(counted, segments)
    on = segment >= 0
    np.logical_or.at(flags, segment[on], seen[on])  # who found something there did look there
    cover, segment_kind = np.unique(flags, axis=0, return_inverse=True)
    segment_kind = segment_kind.reshape(-1)
    length = np.bincount(segment_kind, weights=segments.geometry.length.to_numpy() / 1000, minlength=len(cover)).astype(
        float
    )
    return Survey(names, cover, length, segment_kind[segment[on]], seen[on], is_open[on], segment_kind)


def _looked(segments: gpd.GeoDataFrame, coverage: pd.DataFrame, names: list[str]) -> NDArray[np.bool_]:
    flags = np.zeros((len(segments), len(names)), dtype=bool)
    best = coverage[coverage["seen_share"] >= _LOOKED_SHARE]
    row = pd.Index(segments["segment_id"].astype("str")).get_indexer(best["segment_id"].astype("str"))
    column = pd.Index(names).get_indexer(best["platform"].astype("str"))
    known = (row >= 0) & (column >= 0)
    flags[row[known], column[known]] = True
    return flags


def _segment_of(outfalls: pd.DataFrame, segments: gpd.GeoDataFrame) -> NDArray[np.int64]:
    points = outfalls.geometry.to_crs(segments.crs).to_numpy()
    found = np.full(len(points), -1)
    (row, near), _ = shapely.STRtree(segments.geometry.to_numpy()).query_nearest(
        points, max_distance=_NEAR_BANK_M, return_distance=True, all_matches=False
    )
    found[row] = near
    return found


def histories(survey: Survey, real_share: float) -> History:
    """Return how often each history was seen, with every open suspicion worth its share."""
    weight = np.where(survey.is_open, real_share, 1.0)
    rows, of = np.unique(np.column_stack([survey.cover[survey.kind], survey.seen]), axis=0, return_inverse=True)
    size = len(survey.platforms)
    count = np.bincount(of.reshape(-1), weights=weight, minlength=len(rows)).astype(float)
    return History(rows[:, :size].astype(bool), rows[:, size:].astype(bool), count)


def set_names(survey: Survey) -> list[str]:
    """Return what the sets of platforms that looked are called."""
    return [";".join(np.array(survey.platforms)[row]) or "(none)" for row in survey.cover]


def _refuse(outfalls: pd.DataFrame, segments: object, coverage: object) -> None:
    problems = [
        Problem(f"outfalls.{name}", "is missing", "use the table that register returned")
        for name in ("platforms", "status")
        if name not in outfalls.columns
    ]
    if (segments is None) != (coverage is None):
        problems.append(Problem("segments, coverage", "only one of them is given", "give both, or none"))
    if problems:
        msg = f"completeness: {len(problems)} problems"
        raise TableError(msg, problems)
