"""Which ends of lines are one node: by node ids, by identical coordinates, else within a tolerance, in that order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely
from scipy.spatial import cKDTree

from outfall.network.unite import Joins, Union

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from outfall.network.record import Record

__all__ = ["Ends", "join_ends"]

_SAME_NODE_M = 5.0  # ends that carry one node id lie on one structure: a manhole or a chamber
_MANY = 20


@dataclass(frozen=True, eq=False)
class Ends:
    """Where lines begin and end.

    Parameters
    ----------
    from_node, to_node : ndarray of int, one per line
        Number of the node at either end.
    place : ndarray of float, m rows of (east, north)
        Where each node is.
    key : ndarray of object, m values
        The user's id of each node; None where the file gives none.
    """

    from_node: NDArray[np.int64]
    to_node: NDArray[np.int64]
    place: NDArray[np.float64]
    key: NDArray[np.object_]


def join_ends(lines: gpd.GeoDataFrame, record: Record, *, about: str, tolerance_m: float) -> Ends:
    """Return the nodes of lines.

    Node ids of the file decide where the ends that share one lie together. Ends without an id are one node where their
    coordinates are identical or, nearest pairs first, within the tolerance; two ends with different ids never are.
    Ends are not joined where that would make one point of a line.

    Parameters
    ----------
    lines : GeoDataFrame, n rows, metric CRS
        Clean lines.
    record : Record
        Decisions are added to it.
    about : str
        ``"rivers"`` or ``"pipes"``.
    tolerance_m : float, metres
        Largest gap between ends that are one node.

    Returns
    -------
    Ends
        One node per group of ends.
    """
    shapes, count = lines.geometry.to_numpy(), len(lines)
    points = (
        np.concatenate([shapely.get_point(shapes, 0), shapely.get_point(shapes, -1)]) if count else np.empty(0, object)
    )
    place = shapely.get_coordinates(points)
    last = lines["part"].to_numpy() == lines.groupby("line_id")["part"].transform("max").to_numpy() if count else []
    tail = lines["from_node"].where(lines["part"] == 0)
    head = lines["to_node"].where(last)
    key = np.concatenate([tail.astype("object"), head.astype("object")])
    key[pd.isna(key)] = None
    key = _trusted(key, place, lines, record, about=about, limit_m=max(_SAME_NODE_M, 4 * tolerance_m))
    group, spot, number = _identical(key, place)
    group = _follow(group, lines, place, record, about=about, limit_m=max(_SAME_NODE_M, 4 * tolerance_m))
    keyed = np.zeros(group.max(initial=-1) + 1, dtype=bool)
    keyed[group[key != None]] = True  # noqa: E711
    if tolerance_m > 0:
        group = _within(group, keyed, place, lines, record, about=about, tolerance_m=tolerance_m)
    _, group = np.unique(group, return_inverse=True)
    return _ends(group, place, spot, number, key, count)


def _trusted(
    key: NDArray[np.object_],
    place: NDArray[np.float64],
    lines: gpd.GeoDataFrame,
    record: Record,
    *,
    about: str,
    limit_m: float,
) -> NDArray[np.object_]:
    """Return the node ids without those that stand for places far apart."""
    has = np.flatnonzero(key != None)  # noqa: E711
    if not len(has):
        return key
    codes, names = pd.factorize(key[has])
    frame = pd.DataFrame({"code": codes, "east": place[has, 0], "north": place[has, 1]}).groupby("code")
    spread = frame.max() - frame.min()
    far = np.hypot(spread["east"], spread["north"]).to_numpy()
    wrong = far > limit_m
    ids = np.tile(lines["line_id"].to_numpy(dtype=object), 2)
    for code in np.flatnonzero(wrong)[:_MANY]:
        record.add(
            "unsnapped",
            ids[has[codes == code]],
            (
                f"node id {names[code]} stands at places {far[code]:,.1f} m apart",
                f"节点编号 {names[code]} 的位置相距 {far[code]:,.1f} m",
            ),
            level="warning",
            about=about,
            decision="this id is not used; its ends are joined by position",
            distance_m=float(far[code]),
        )
    if wrong.sum() > _MANY:
        text = f"{int(wrong.sum()):,} of {len(names):,} node ids stand at places more than {limit_m:g} m apart"
        text_zh = f"{int(wrong.sum()):,} 个节点编号位置不一致"
        record.add(
            "unsnapped", ["from_node", "to_node"], (text, text_zh), level="warning", about=about, decision="not used"
        )
    if not wrong.all():
        _record_ids(far[~wrong], record, about)
    out = key.copy()
    out[has[wrong[codes]]] = None
    return out


def _record_ids(far: NDArray[np.float64], record: Record, about: str) -> None:
    """Write down that node ids were used, and how far the ends of one node lie apart."""
    worst, count = float(far.max()), len(far)
    record.add(
        "assumption",
        ["from_node", "to_node"],
        (
            f"ends are joined by their node ids at {count:,} nodes; the ends of one node lie up to {worst:.2f} m apart",
            f"按节点编号连接 {count:,} 个节点,同一节点的端点最远相距 {worst:.2f} m",
        ),
        about=about,
        decision="node ids win over positions",
        distance_m=worst,
    )


def _identical(
    key: NDArray[np.object_], place: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the group of each end (same id, or same coordinates), its spot, and how many ends each spot has."""
    _, spot, number = np.unique(place[:, 0] + 1j * place[:, 1], return_inverse=True, return_counts=True)
    group = spot.astype(np.int64).copy()
    has = np.flatnonzero(key != None)  # noqa: E711
    if len(has):
        codes, _ = pd.factorize(key[has], sort=True)
        smallest = np.full(spot.max() + 1, np.iinfo(np.int64).max)
        np.minimum.at(smallest, spot[has], codes)
        known = smallest[spot] < np.iinfo(np.int64).max
        group = np.where(known, len(number) + smallest[spot], group)
        group[has] = len(number) + codes
    return np.unique(group, return_inverse=True)[1], spot, number


def _follow(
    group: NDArray[np.int64],
    lines: gpd.GeoDataFrame,
    place: NDArray[np.float64],
    record: Record,
    *,
    about: str,
    limit_m: float,
) -> NDArray[np.int64]:
    """Join the end of a line to the beginning of the line its file says comes next."""
    target = lines["to_reach"]
    if not target.notna().any():
        return group
    row = pd.Series(np.arange(len(lines)), index=lines["reach_id"])
    row = row[row.index.notna() & ~row.index.duplicated(keep=False)]
    following = target.map(row).to_numpy(dtype=float)
    at = np.flatnonzero(np.isfinite(following))
    then = following[at].astype(np.int64)
    gap = np.hypot(*(place[len(lines) + at] - place[then]).T)
    near = gap <= limit_m
    for one, other, far in list(zip(at[~near], then[~near], gap[~near], strict=True))[:_MANY]:
        first, second = lines["line_id"].iloc[int(one)], lines["line_id"].iloc[int(other)]
        record.add(
            "unsnapped",
            [first, second],
            (
                f"{first} says it runs to {second}, which begins {far:,.1f} m away",
                f"{first} 的下游为 {second},但两者相距 {far:,.1f} m",
            ),
            level="warning",
            about=about,
            decision="joined by position alone",
            distance_m=float(far),
        )
    root = Union(int(group.max(initial=-1)) + 1)
    for one, other in zip(group[len(lines) + at[near]].tolist(), group[then[near]].tolist(), strict=True):
        root.join(one, other)
    return np.asarray([root.find(item) for item in group.tolist()], dtype=np.int64)


def _within(
    group: NDArray[np.int64],
    keyed: NDArray[np.bool_],
    place: NDArray[np.float64],
    lines: gpd.GeoDataFrame,
    record: Record,
    *,
    about: str,
    tolerance_m: float,
) -> NDArray[np.int64]:
    """Join groups within the tolerance, nearest first, unless both have ids, a line would collapse or a chain forms."""
    spots, first = np.unique(place[:, 0] + 1j * place[:, 1], return_index=True)
    tree = cKDTree(np.column_stack([spots.real, spots.imag]))
    pairs = tree.query_pairs(tolerance_m, output_type="ndarray")
    if not len(pairs):
        return group
    gap = np.abs(spots[pairs[:, 0]] - spots[pairs[:, 1]])
    order = np.lexsort(
        (pairs[:, 1], pairs[:, 0], gap)
    )  # spots are sorted by place, so this does not depend on row order
    ends = first[pairs[order]]
    joins = Joins(group, keyed, place, len(lines), tolerance_m)
    ids = np.tile(lines["line_id"].to_numpy(dtype=object), 2)
    for one, other in ends.tolist():
        joins.join(one, other)
    for refused in sorted({tuple(sorted({str(ids[a]), str(ids[b])})) for a, b in joins.refused}):
        record.add(
            "unsnapped",
            refused,
            (
                f"ends within {tolerance_m:g} m of each other belong to a line that is shorter than that",
                f"{tolerance_m:g} m 内的端点属于更短的管线",
            ),
            about=about,
            decision="kept apart, so that no line becomes a point",
        )
    out = np.asarray([joins.root.find(item) for item in group.tolist()], dtype=np.int64)
    _record_joined(out, group, place, ids, record, about)
    return out


def _record_joined(
    out: NDArray[np.int64],
    group: NDArray[np.int64],
    place: NDArray[np.float64],
    ids: NDArray[np.object_],
    record: Record,
    about: str,
) -> None:
    frame = pd.DataFrame({"node": out, "group": group, "id": ids, "east": place[:, 0], "north": place[:, 1]})
    frame = frame[frame.groupby("node")["group"].transform("nunique") > 1]
    for _, same in frame.groupby("node", sort=False):
        gap = float(np.hypot(np.ptp(same["east"]), np.ptp(same["north"])))
        record.add(
            "joined_ends",
            same["id"],
            (
                f"ends of {', '.join(sorted(set(same['id'])))} lie {gap:.3f} m apart",
                f"{', '.join(sorted(set(same['id'])))} 的端点相距 {gap:.3f} m",
            ),
            about=about,
            decision="joined to one node",
            at=(float(same["east"].mean()), float(same["north"].mean())),
            distance_m=gap,
        )


def _ends(
    group: NDArray[np.int64],
    place: NDArray[np.float64],
    spot: NDArray[np.int64],
    number: NDArray[np.int64],
    key: NDArray[np.object_],
    count: int,
) -> Ends:
    """Return the nodes: each lies where most of its ends do."""
    order = np.lexsort((place[:, 1], place[:, 0], -number[spot], group)) if len(group) else np.empty(0, dtype=np.int64)
    first = np.ones(len(order), dtype=bool)
    first[1:] = group[order][1:] != group[order][:-1]
    names = np.full(int(first.sum()), None, dtype=object)
    has = np.flatnonzero(key != None)  # noqa: E711
    for at in has[np.argsort(key[has].astype(str), kind="stable")][::-1]:
        names[group[at]] = str(key[at])
    return Ends(group[:count], group[count:], place[order[first]], names)
