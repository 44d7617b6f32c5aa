"""Which lines can become reaches: one line per row, none empty, none twice, and why the others cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

    from outfall.network.record import Record

__all__ = ["clean_lines"]

_LINES = (1, 5)  # LineString, MultiLineString in GEOS type ids
_NOTHING_M = 1e-9


def clean_lines(lines: gpd.GeoDataFrame, record: Record, *, about: str, keep: Collection[str] = ()) -> gpd.GeoDataFrame:
    """Return lines that can be joined: single, with a length, each once; every other line is recorded.

    Parameters
    ----------
    lines : GeoDataFrame, n rows, metric CRS
        Tidy lines; ids may be missing or stand twice.
    record : Record
        Decisions are added to it.
    about : str
        ``"rivers"`` or ``"pipes"``.
    keep : collection of str
        Ids of copies that are kept.

    Returns
    -------
    GeoDataFrame
        Adds ``line_id`` (unique for each of the user's lines) and ``part`` (number of the part of a multi-part line).
    """
    named = lines.assign(line_id=_fill_ids(lines, about))
    shaped = _with_geometry(named, record, about)
    single = _without_duplicates(shaped, record, about, keep)
    single = single.assign(line_id=_unique_ids(single, record, about))
    parted = _single_lines(single, record, about)
    length = shapely.length(parted.geometry.to_numpy())
    empty = ~(length > _NOTHING_M)
    gone = parted[empty]
    for number, ref, at in zip(gone["line_id"], gone["source_ref"], gone.geometry, strict=True):
        record.add(
            "zero_length",
            [number],
            (f"line {number} ({ref}) has no length: all its points are one", f"线 {number}({ref})长度为零"),
            level="warning",
            about=about,
            decision="left out",
            at=shapely.get_point(at, 0),
        )
    return parted[~empty].reset_index(drop=True)


def _fill_ids(lines: gpd.GeoDataFrame, about: str) -> pd.Series:
    row = lines["source_ref"].str.rsplit("#", n=1).str[-1]
    given = lines["reach_id"]
    if "line_id" in lines.columns:
        given = given.fillna(lines["line_id"])
    return given.fillna(about.rstrip("s") + "-row-" + row).astype("str")


def _with_geometry(lines: gpd.GeoDataFrame, record: Record, about: str) -> gpd.GeoDataFrame:
    shapes = shapely.force_2d(lines.geometry.to_numpy())
    kind = shapely.get_type_id(shapes)
    gone = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    finite = np.isfinite(shapely.bounds(shapes)).all(axis=1)
    bad = gone | ~np.isin(kind, _LINES) | ~finite
    for at in np.flatnonzero(bad):
        what = "has no geometry" if gone[at] else "has coordinates that are not numbers"
        what = what if gone[at] or np.isin(kind[at], _LINES) else f"is a {shapes[at].geom_type}, not a line"
        record.add(
            "no_geometry",
            [lines["line_id"].iloc[at]],
            (
                f"line {lines['line_id'].iloc[at]} ({lines['source_ref'].iloc[at]}) {what}",
                f"线 {lines['line_id'].iloc[at]}({lines['source_ref'].iloc[at]})没有可用的线几何",
            ),
            level="warning",
            about=about,
            decision="left out",
        )
    return lines.set_geometry(gpd.GeoSeries(shapes, index=lines.index, crs=lines.crs))[~bad]


def _without_duplicates(lines: gpd.GeoDataFrame, record: Record, about: str, keep: Collection[str]) -> gpd.GeoDataFrame:
    """Keep one of the lines that are the same point by point: the one with the smallest id."""
    code = pd.Series(shapely.to_wkb(lines.geometry.to_numpy()), index=lines.index, dtype="object")
    twice = code.duplicated(keep=False)
    if keep and twice.any():
        twice &= ~lines["line_id"].isin(set(keep))
        twice &= code.isin(code[twice][code[twice].duplicated()])
    if not twice.any():
        return lines
    drop: list[object] = []
    for _, same in lines[twice].groupby(code[twice], sort=False):
        order = same.assign(_given=same["reach_id"].isna()).sort_values(["_given", "line_id", "source_ref"])
        kept, others = order.iloc[0], order.iloc[1:]
        record.add(
            "duplicate",
            order["line_id"],
            (
                f"lines {', '.join(order['line_id'])} ({', '.join(order['source_ref'])}) are the same point by point",
                f"线 {', '.join(order['line_id'])} 几何完全相同",
            ),
            level="warning",
            about=about,
            decision=f"kept {kept['line_id']} ({kept['source_ref']}); {len(others)} left out",
            at=shapely.get_point(kept[lines.geometry.name], 0),
        )
        drop += others.index.tolist()
    return lines.drop(index=drop)


def _unique_ids(lines: gpd.GeoDataFrame, record: Record, about: str) -> pd.Series:
    """Return one id per line; those that share one are told apart in the order of their shapes, not of the file."""
    ids = lines["line_id"]
    twice = ids.duplicated(keep=False)
    if not twice.any():
        return ids
    code = pd.Series(shapely.to_wkb(lines.geometry.to_numpy(), hex=True), index=lines.index)
    frame = pd.DataFrame({"id": ids, "code": code, "ref": lines["source_ref"]})[twice].sort_values(["id", "code"])
    number = frame.groupby("id").cumcount() + 1
    taken, new = set(ids), ids.astype("object").copy()
    for at, count in number[number > 1].items():
        name = f"{ids[at]}~{count}"
        while name in taken:
            name += "~"
        taken.add(name)
        new[at] = name
    for name, group in frame.groupby("id"):
        record.add(
            "duplicate",
            new[group.index],
            (
                f"id {name} stands for {len(group)} different lines ({', '.join(group['ref'])})",
                f"编号 {name} 被 {len(group)} 条不同的线使用",
            ),
            level="warning",
            about=about,
            decision=f"called {', '.join(new[group.index])}",
        )
    return new.astype("str")


def _single_lines(lines: gpd.GeoDataFrame, record: Record, about: str) -> gpd.GeoDataFrame:
    """Make one line of a multi-part one where its parts touch; keep them as parts where they do not."""
    shapes = lines.geometry.to_numpy().copy()
    many = np.flatnonzero(shapely.get_type_id(shapes) == 5)
    merged = shapely.line_merge(shapes[many], directed=True)
    nothing = shapely.is_empty(merged)  # parts of no length merge to nothing; they are listed as such, not lost
    merged[nothing] = shapely.get_geometry(shapes[many][nothing], 0)
    parts = shapely.get_num_geometries(shapes[many])
    shapes[many] = merged
    still = _explode_counts(shapes)
    for at, before in zip(many, parts, strict=True):
        if before == 1:
            continue
        number, after = lines["line_id"].iloc[at], int(still[at])
        record.add(
            "split_line" if after > 1 else "joined_ends",
            [number],
            (
                f"line {number} has {before} parts; {after if after > 1 else 'all'} {'remain' if after > 1 else 'touch'}",
                f"线 {number} 为多部件({before} 个)",
            ),
            about=about,
            level="warning" if after > 1 else "note",
            decision=f"kept as {after} reaches" if after > 1 else "merged into one line",
            at=shapely.get_point(shapely.get_geometry(shapes[at], 0), 0),
        )
    rows = np.repeat(np.arange(len(lines)), still)
    flat = shapely.get_parts(shapes)
    part = np.arange(len(rows)) - np.repeat(np.cumsum(still) - still, still)
    out = lines.iloc[rows].assign(part=part)
    return out.set_geometry(gpd.GeoSeries(flat, index=out.index, crs=lines.crs)).reset_index(drop=True)


def _explode_counts(shapes: NDArray[np.object_]) -> NDArray[np.int64]:
    return np.asarray(shapely.get_num_geometries(shapes), dtype=np.int64)
