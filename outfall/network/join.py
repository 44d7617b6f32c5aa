"""Which ends of lines are one node by what the file says: node ids, the next line, identical coordinates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from outfall.network.unite import merge_groups

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from outfall.network.record import Record

__all__ = ["Atoms", "Ends", "find_atoms", "make_ends"]

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


@dataclass(frozen=True, eq=False)
class Atoms:
    """Ends of lines in groups that no tolerance was needed for.

    Parameters
    ----------
    group : ndarray of int, two per line
        Group of each end: first all beginnings, then all far ends.
    place : ndarray of float, two rows per line
        Where each end is.
    spot, number : ndarray of int
        The distinct coordinates each end has, and how many ends each of those has.
    key : ndarray of object, two per line
        The user's id of the node at each end; None where the file gives none.
    """

    group: NDArray[np.int64]
    place: NDArray[np.float64]
    spot: NDArray[np.int64]
    number: NDArray[np.int64]
    key: NDArray[np.object_]


def find_atoms(lines: gpd.GeoDataFrame, record: Record, *, about: str, tolerance_m: float) -> Atoms:
    """Return the ends of lines in groups that are one node whatever the tolerance.

    Node ids of the file decide where the ends that share one lie together; else identical coordinates do, and what the
    file says comes next.

    Parameters
    ----------
    lines : GeoDataFrame, n rows, metric CRS
        Clean lines.
    record : Record
        Decisions are added to it.
    about : str
        ``"rivers"`` or ``"pipes"``.
    tolerance_m : float, metres
        Node ids that stand farther apart than four times this, and 5 m, are not believed.

    Returns
    -------
    Atoms
        Two ends per line.
    """
    shapes, count = lines.geometry.to_numpy(), len(lines)
    points = [shapely.get_point(shapes, 0), shapely.get_point(shapes, -1)] if count else [np.empty(0, object)]
    place = shapely.get_coordinates(np.concatenate(points))
    limit_m = max(_SAME_NODE_M, 4 * tolerance_m)
    key = _trusted(_keys(lines), place, lines, record, about=about, limit_m=limit_m)
    group, spot, number = _identical(key, place)
    group = _follow(group, lines, place, record, about=about, limit_m=limit_m)
    return Atoms(np.unique(group, return_inverse=True)[1], place, spot, number, key)


def make_ends(atoms: Atoms, seams: pd.DataFrame) -> Ends:
    """Return the nodes: each lies where most of its ends do.

    Parameters
    ----------
    atoms : Atoms
        Groups of ends.
    seams : DataFrame
        Pairs of ends (``one``, ``other``) whose groups are one node.

    Returns
    -------
    Ends
        One node per group of ends.
    """
    group, place, key = atoms.group, atoms.place, atoms.key
    group = merge_groups(group, seams["one"].to_numpy(), seams["other"].to_numpy())
    order = (
        np.lexsort((place[:, 1], place[:, 0], -atoms.number[atoms.spot], group))
        if len(group)
        else np.empty(0, dtype=np.int64)
    )
    first = np.ones(len(order), dtype=bool)
    first[1:] = group[order][1:] != group[order][:-1]
    names = np.full(int(first.sum()), None, dtype=object)
    has = np.flatnonzero(key != None)  # noqa: E711
    smallest = pd.Series(key[has].astype(str), dtype="object").groupby(group[has]).min()
    names[smallest.index.to_numpy(dtype=np.int64)] = smallest.to_numpy(dtype=object)
    count = len(group) // 2
    return Ends(group[:count], group[count:], place[order[first]], names)


def _keys(lines: gpd.GeoDataFrame) -> NDArray[np.object_]:
    """Return the node id at each end; those between the parts of one line have none."""
    if not len(lines):
        return np.empty(0, dtype=object)
    last = lines["part"].to_numpy() == lines.groupby("line_id")["part"].transform("max").to_numpy()
    tail, head = lines["from_node"].where(lines["part"] == 0), lines["to_node"].where(last)
    key = np.concatenate([tail.astype("object"), head.astype("object")])
    key[pd.isna(key)] = None
    return key


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
    return merge_groups(group, len(lines) + at[near], then[near])
