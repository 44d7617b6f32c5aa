"""Which bank was seen, by which platform, under which condition; never more than what a platform really passed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from outfall.errors import CoordinateError, Problem, TableError

if TYPE_CHECKING:
    from collections.abc import Callable

    import geopandas as gpd
    from numpy.typing import NDArray

__all__ = ["find_coverage", "sum_coverage"]

# How far from its track a platform sees a bank; our defaults, no standard says it. A column range_m wins.
_RANGE_M = {"foot": 15.0, "boat": 60.0, "radar": 5.0, "drone": 60.0, "crawler": 2.0, "tracer": 15.0}
_CELL_M = 10.0
_CHUNK = 20_000
_VERTICES = 16
_NEVER, _ALWAYS = np.iinfo(np.int64).max, np.iinfo(np.int64).min


def find_coverage(
    segments: gpd.GeoDataFrame,
    looks: gpd.GeoDataFrame,
    *,
    cell_m: float = _CELL_M,
    progress: Callable[[str, int, int], None] | None = None,
) -> pd.DataFrame:
    """Return how much of each bank segment each platform saw, by condition.

    A segment counts as seen cell by cell: a cell is seen where the middle of it lies inside a look that is an area
    (the ground a photo shows), or within the range of a look that is a line or a point (a track walked or towed).

    Parameters
    ----------
    segments : GeoDataFrame, n segments, LineString, metric CRS
        ``segment_id``, from bank_segments or your own. Not changed.
    looks : GeoDataFrame, m looks, any CRS
        ``platform`` and ``survey_id``; optional ``condition`` (free text such as "dry weather, leaf-off"),
        ``seen_at``, ``gsd_m`` (ground size of a pixel), ``range_m``. From photo_footprints or a track. Not changed.
    cell_m : float, default 10
        Length of a cell: the resolution of the answer.
    progress : callable, optional
        Called with a word, looks done and looks in all.

    Returns
    -------
    DataFrame, one row per segment, platform and condition that saw something
        ``segment_id``, ``platform``, ``condition``, ``seen_m``, ``seen_share``, ``look_count``, ``survey_ids``,
        ``best_gsd_m``, ``first_seen_at``, ``last_seen_at``, ``source_ref``. The same for any order of the looks.

    Raises
    ------
    TableError
        A column is missing, a geometry is empty, or a range is not positive.
    CoordinateError
        A table does not say its CRS.

    Examples
    --------
    >>> import geopandas as gpd
    >>> bank = gpd.GeoDataFrame({"segment_id": ["A/left/0"]}, crs=32650,
    ...     geometry=gpd.GeoSeries.from_wkt(["LINESTRING (500000 3400010, 500100 3400010)"]))
    >>> walk = gpd.GeoDataFrame({"platform": ["foot"], "survey_id": ["walk_1"]}, crs=32650,
    ...     geometry=gpd.GeoSeries.from_wkt(["LINESTRING (500000 3400015, 500040 3400015)"]))
    >>> find_coverage(bank, walk)[["platform", "seen_m", "seen_share"]].values.tolist()
    [['foot', 50.0, 0.5]]
    """
    _refuse(segments, looks)
    looks = looks.to_crs(segments.crs)
    cell, cells, weight_m = _cells(segments, cell_m)
    condition = looks["condition"].fillna("") if "condition" in looks else pd.Series("", index=looks.index)
    groups = pd.MultiIndex.from_arrays([looks["platform"].astype("str"), condition.astype("str")])
    group, names = pd.factorize(groups, sort=True)
    survey, surveys = pd.factorize(looks["survey_id"].astype("str"), sort=True)
    tally = _Tally(len(segments), len(names), len(surveys), len(cells))
    tree = shapely.STRtree(cells)
    for start in range(0, len(looks), _CHUNK):
        part = looks.iloc[start : start + _CHUNK]
        look, hit = _hits(tree, part)
        tally.add(part, look, hit, cell, group[start:], survey[start:])
        if progress is not None:
            progress("coverage", min(start + _CHUNK, len(looks)), len(looks))
    return tally.table(segments, cell, weight_m, names, surveys)


def sum_coverage(segments: gpd.GeoDataFrame, coverage: pd.DataFrame) -> pd.DataFrame:
    """Return the length of bank seen by each platform under each condition, by all together, and by nobody.

    Parameters
    ----------
    segments : GeoDataFrame, n segments
        As given to find_coverage.
    coverage : DataFrame
        What find_coverage returned.

    Returns
    -------
    DataFrame
        ``platform``, ``condition``, ``seen_km``, ``bank_km``, ``seen_share``. The row ``(any)`` takes the larger of
        what the platforms saw of a segment, so it never claims more than was seen; ``(none)`` is the rest.

    Examples
    --------
    >>> import geopandas as gpd
    >>> bank = gpd.GeoDataFrame({"segment_id": ["A"]}, crs=32650,
    ...     geometry=gpd.GeoSeries.from_wkt(["LINESTRING (0 0, 1000 0)"]))
    >>> seen = pd.DataFrame({"segment_id": ["A"], "platform": ["foot"], "condition": [""], "seen_m": [250.0]})
    >>> sum_coverage(bank, seen)[["platform", "seen_km"]].values.tolist()
    [['foot', 0.25], ['(any)', 0.25], ['(none)', 0.75]]
    """
    bank_km = float(segments.geometry.length.sum()) / 1000
    by = coverage.groupby(["platform", "condition"], sort=True)["seen_m"].sum().reset_index()
    any_m = float(coverage.groupby("segment_id")["seen_m"].max().sum()) if len(coverage) else 0.0
    rows = pd.DataFrame(
        {
            "platform": pd.Series([*by["platform"], "(any)", "(none)"], dtype="str"),
            "condition": pd.Series([*by["condition"], "", ""], dtype="str"),
            "seen_km": [*(by["seen_m"] / 1000), any_m / 1000, bank_km - any_m / 1000],
            "bank_km": bank_km,
        }
    )
    return rows.assign(seen_share=rows["seen_km"] / bank_km if bank_km else np.nan)


class _Tally:
    """What was seen so far: cells by group, and by segment and group the looks, surveys, sharpest pixel and times."""

    def __init__(self, segments: int, groups: int, surveys: int, cells: int) -> None:
        self.seen = np.zeros((groups, cells), dtype=bool)
        self.count = np.zeros((segments, groups), dtype=np.int64)
        self.gsd = np.full((segments, groups), np.inf)
        self.first = np.full((segments, groups), _NEVER)
        self.last = np.full((segments, groups), _ALWAYS)
        self.by = surveys
        self.surveys: set[int] = set()

    def add(
        self,
        part: gpd.GeoDataFrame,
        look: NDArray[np.int64],
        hit: NDArray[np.int64],
        cell: NDArray[np.int64],
        group: NDArray[np.int64],
        survey: NDArray[np.int64],
    ) -> None:
        self.seen[group[look], hit] = True
        pair = np.unique(np.column_stack([look, cell[hit]]), axis=0)
        row, at = pair[:, 0], (pair[:, 1], group[pair[:, 0]])
        np.add.at(self.count, at, 1)
        if "gsd_m" in part:
            gsd = part["gsd_m"].to_numpy(dtype=float, na_value=np.inf)
            np.minimum.at(self.gsd, at, np.where(np.isnan(gsd), np.inf, gsd)[row])
        if "seen_at" in part:
            times = pd.to_datetime(part["seen_at"], utc=True)
            known = times.notna().to_numpy()[row]
            stamp = times.dt.as_unit("us").astype("int64").to_numpy()[row][known]
            where = (at[0][known], at[1][known])
            np.minimum.at(self.first, where, stamp)
            np.maximum.at(self.last, where, stamp)
        groups = self.count.shape[1]
        self.surveys.update(np.unique((at[0] * groups + at[1]) * self.by + survey[row]).tolist())

    def table(
        self,
        segments: gpd.GeoDataFrame,
        cell: NDArray[np.int64],
        weight_m: NDArray[np.float64],
        names: pd.MultiIndex,
        surveys: pd.Index,
    ) -> pd.DataFrame:
        groups = self.count.shape[1]
        rows = [np.bincount(cell, weights=weight_m * self.seen[g], minlength=len(segments)) for g in range(groups)]
        seen_m = np.array(rows).reshape(groups, len(segments)).T
        segment, group = np.nonzero(seen_m > 0)
        by_pair: dict[int, list[str]] = {}
        for code in sorted(self.surveys):
            pair, survey = divmod(code, self.by)
            by_pair.setdefault(pair, []).append(str(surveys[survey]))
        ids = [";".join(by_pair[at]) for at in (segment * groups + group).tolist()]
        length = segments.geometry.length.to_numpy()
        gsd = self.gsd[segment, group]
        return pd.DataFrame(
            {
                "segment_id": segments["segment_id"].astype("str").to_numpy()[segment],
                "platform": pd.Series([names[g][0] for g in group], dtype="str"),
                "condition": pd.Series([names[g][1] for g in group], dtype="str"),
                "seen_m": seen_m[segment, group],
                "seen_share": np.minimum(seen_m[segment, group] / length[segment], 1.0),
                "look_count": self.count[segment, group],
                "survey_ids": pd.Series(ids, dtype="str"),
                "best_gsd_m": np.where(np.isfinite(gsd), gsd, np.nan),
                "first_seen_at": _times(self.first[segment, group], _NEVER),
                "last_seen_at": _times(self.last[segment, group], _ALWAYS),
                "source_ref": pd.Series([f"find_coverage({names})" for names in ids], dtype="str"),
            }
        )


def _times(stamps: NDArray[np.int64], unknown: int) -> pd.Series:
    known = stamps != unknown
    times = np.where(known, stamps, 0).astype("datetime64[us]")
    return pd.Series(times).dt.tz_localize("UTC").where(known)


def _cells(
    segments: gpd.GeoDataFrame, cell_m: float
) -> tuple[NDArray[np.int64], NDArray[np.object_], NDArray[np.float64]]:
    """Return the segment, the middle and the length of every cell."""
    lines = segments.geometry.to_numpy()
    length = shapely.length(lines)
    count = np.maximum(1, np.ceil(length / cell_m)).astype(int)
    segment = np.repeat(np.arange(len(lines)), count)
    number = np.arange(len(segment)) - np.repeat(np.cumsum(count) - count, count)
    size = (length / count)[segment]
    return segment, shapely.line_interpolate_point(lines[segment], (number + 0.5) * size), size


def _hits(tree: shapely.STRtree, part: gpd.GeoDataFrame) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    shapes = part.geometry.to_numpy()
    is_area = np.isin(shapely.get_type_id(shapes), (3, 6))
    default = part["platform"].map(_RANGE_M).fillna(15.0).to_numpy(dtype=float)
    given = part["range_m"].to_numpy(dtype=float, na_value=np.nan) if "range_m" in part else np.full(len(part), np.nan)
    reach = np.where(np.isnan(given), default, given)
    areas, others = np.flatnonzero(is_area), np.flatnonzero(~is_area)
    inside = tree.query(shapes[areas], predicate="intersects")
    pieces, of = _pieces(shapes[others])
    near = tree.query(pieces, predicate="dwithin", distance=reach[others][of])
    return np.concatenate([areas[inside[0]], others[of[near[0]]]]), np.concatenate([inside[1], near[1]])


def _pieces(shapes: NDArray[np.object_]) -> tuple[NDArray[np.object_], NDArray[np.int64]]:
    """Return lines cut after every few vertices, since the box of a long track holds a whole town; and whose they are."""
    parts, of = shapely.get_parts(shapes, return_index=True)
    point = shapely.get_type_id(parts) == 0
    coordinates, line = shapely.get_coordinates(parts[~point], return_index=True)
    if not len(line):
        return parts, of
    first = np.searchsorted(line, line)
    number = np.arange(len(line)) - first
    last = np.searchsorted(line, line, side="right") - first - 1
    block = number // _VERTICES
    shared = (number % _VERTICES == 0) & (number > 0)  # ends one piece and begins the next
    row = np.concatenate([np.arange(len(line)), np.flatnonzero(shared)])
    key = np.concatenate([block - (shared & (number == last)), block[shared] - 1])
    order = np.lexsort((row, key, line[row]))
    row, key = row[order], key[order]
    fresh = np.ones(len(row), dtype=bool)
    fresh[1:] = (line[row][1:] != line[row][:-1]) | (key[1:] != key[:-1])
    piece = np.cumsum(fresh) - 1
    keep = np.ones(len(row), dtype=bool)
    keep[1:] = (row[1:] != row[:-1]) | fresh[1:]
    lines = shapely.linestrings(coordinates[row[keep]], indices=piece[keep])
    owner = of[~point][line[row[fresh]]]
    return np.concatenate([parts[point], lines]), np.concatenate([of[point], owner])


def _refuse(segments: gpd.GeoDataFrame, looks: gpd.GeoDataFrame) -> None:
    problems = [
        Problem(f"{where}.{name}", "is missing", f"add the column {name}")
        for where, frame, names in (("segments", segments, ["segment_id"]), ("looks", looks, ["platform", "survey_id"]))
        for name in names
        if name not in frame.columns
    ]
    if len(looks):
        gone = (looks.geometry.isna() | looks.geometry.is_empty).to_numpy()
        if gone.any():
            rows = tuple(str(row) for row in looks.index[gone])
            problems.append(
                Problem("looks.geometry", f"{len(rows)} are empty", "leave looks without a place out", rows)
            )
    if "range_m" in looks and (looks["range_m"] <= 0).any():
        problems.append(Problem("looks.range_m", "is 0 or less", "give the distance a platform sees, above 0"))
    if problems:
        msg = f"coverage: {len(problems)} problems"
        raise TableError(msg, problems)
    for where, frame in (("segments", segments), ("looks", looks)):
        if frame.crs is None:
            msg = f"{where}: no CRS; say which with {where}.set_crs(...)"
            raise CoordinateError(msg)
