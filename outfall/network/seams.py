"""Which ends of lines are one node although they do not meet: within the tolerance, at one structure, nearest first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely
from scipy.spatial import cKDTree

from outfall.network.unite import Joins

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from outfall.network.join import Atoms, Ends
    from outfall.network.overrides import Overrides
    from outfall.network.record import Record

__all__ = ["TOUCH_M", "Seams", "find_seams", "reach_m", "record_seams"]

TOUCH_M = 1e-3  # rounding leaves no two coordinates equal; nothing in a survey is this near without touching

_WHY = {
    "short": (
        "are {gap:.3f} m apart; a line there is hardly longer than that",
        "相距 {gap:.3f} m,而该处管线本身并不比这更长",
        "kept apart, so that no line becomes a point",
    ),
    "wide": (
        "are {gap:.3f} m apart, but with their neighbours they would make a node wider than twice the tolerance",
        "相距 {gap:.3f} m,若连同相邻端点合并,节点将超过两倍容差",
        "kept apart, so that no chain of ends becomes one node",
    ),
    "structures": (
        "are {gap:.3f} m apart, at two different structures",
        "相距 {gap:.3f} m,但分属两个构筑物",
        "kept apart, as the structures are",
    ),
    "loop": (
        "are {gap:.3f} m apart; joined, water would run in a circle",
        "相距 {gap:.3f} m,若相连则水流成环",
        "kept apart, so that no tolerance makes a loop",
    ),
    "apart": ("are {gap:.3f} m apart", "相距 {gap:.3f} m", "kept apart, as an override says"),
}


@dataclass(frozen=True, eq=False)
class Seams:
    """Pairs of ends that are one node, and pairs that are not although they lie near each other.

    Parameters
    ----------
    joined, refused : DataFrame
        ``one``, ``other`` (ends), ``gap_m``, ``why``: touch, structure, tolerance, override; short, wide, structures,
        loop, apart.
    mark : ndarray of int, one per end
        Row of the structure an end lies at; -1 for none.
    """

    joined: pd.DataFrame
    refused: pd.DataFrame
    mark: NDArray[np.int64]


def reach_m(lines: gpd.GeoDataFrame, tolerance_m: float) -> NDArray[np.float64]:
    """Return how far each end of the lines may be joined: the tolerance, but never half the length of its line.

    Parameters
    ----------
    lines : GeoDataFrame, n rows, metric CRS
        Clean lines.
    tolerance_m : float, metres
        Largest gap between ends that are one node.

    Returns
    -------
    ndarray of float, two per line
        All beginnings, then all far ends.
    """
    half = np.tile(shapely.length(lines.geometry.to_numpy()) / 2, 2)
    return np.asarray(np.minimum(tolerance_m, half), dtype=np.float64)


def find_seams(
    lines: gpd.GeoDataFrame,
    atoms: Atoms,
    overrides: Overrides,
    *,
    about: str,
    tolerance_m: float,
    structures: gpd.GeoDataFrame | None = None,
) -> Seams:
    """Return which groups of ends are one node: by an override, a structure, or nearness, in that order.

    Two ends with different ids, or at different structures, are never joined; nor is an end farther than half the
    length of its own line, nor the two ends of one line, nor a chain of ends wider than twice the tolerance.

    Parameters
    ----------
    lines : GeoDataFrame, n rows, metric CRS
        Clean lines.
    atoms : Atoms
        Groups of their ends that are one without any tolerance.
    overrides : Overrides
        Which ends the user joins or keeps apart.
    about : str
        ``"rivers"`` or ``"pipes"``.
    tolerance_m : float, metres
        Largest gap between ends that are one node.
    structures : GeoDataFrame, optional
        Points of manholes and chambers.

    Returns
    -------
    Seams
        Pairs of ends, nearest first.
    """
    if not len(lines):
        return Seams(_pairs([], [], [], []), _pairs([], [], [], []), np.empty(0, dtype=np.int64))
    _, first = np.unique(atoms.spot, return_index=True)
    spots = atoms.place[first]
    limit = np.full(len(first), np.inf)
    np.minimum.at(limit, atoms.spot, reach_m(lines, tolerance_m))
    mark, far = _marks(spots, limit, structures)
    near = cKDTree(spots).query_pairs(max(tolerance_m, TOUCH_M), output_type="ndarray")
    gap = np.hypot(*(spots[near[:, 0]] - spots[near[:, 1]]).T)
    allowed = np.maximum(np.minimum(limit[near[:, 0]], limit[near[:, 1]]), TOUCH_M)
    why = np.where(gap <= TOUCH_M, "touch", np.where(gap <= allowed, "tolerance", "short")).astype(object)
    wanted = pd.concat(
        [
            _forced(atoms, overrides.joins(lines, atoms, about=about)),
            _at_structures(mark, far, spots, first),
            _pairs(first[near[:, 0]], first[near[:, 1]], gap, why),
        ],
        ignore_index=True,
    )
    wanted = wanted[atoms.group[wanted["one"]] != atoms.group[wanted["other"]]]
    wanted = wanted[~_on_the_line(wanted, lines, atoms)]
    held = overrides.held(lines, atoms, wanted, about=about) & (wanted["why"] != "override").to_numpy()
    wanted["why"] = wanted["why"].mask(held, "apart")
    return _join_in_order(wanted, atoms, mark, tolerance_m)


def _join_in_order(wanted: pd.DataFrame, atoms: Atoms, mark: NDArray[np.int64], tolerance_m: float) -> Seams:
    rank = wanted["why"].map({"override": 0, "touch": 1, "structure": 2}).fillna(3).to_numpy()
    spot = np.sort(atoms.spot[wanted[["one", "other"]].to_numpy()], axis=1)  # numbered by place, not by row
    wanted = wanted.iloc[np.lexsort((spot[:, 1], spot[:, 0], wanted["gap_m"].to_numpy(), rank))]
    count = int(atoms.group.max()) + 1
    keyed = np.zeros(count, dtype=bool)
    keyed[atoms.group[atoms.key != None]] = True  # noqa: E711
    at = np.full(count, -1, dtype=np.int64)
    np.maximum.at(at, atoms.group, mark[atoms.spot])
    joins = Joins(atoms.group, keyed, at, atoms.place, max(tolerance_m, TOUCH_M))
    good, result = {"override", "touch", "structure", "tolerance"}, []
    for one, other, why in zip(wanted["one"].tolist(), wanted["other"].tolist(), wanted["why"].tolist(), strict=True):
        result.append((joins.join(one, other, free=why == "override") or why) if why in good else why)
    wanted = wanted.assign(why=pd.Series(result, index=wanted.index, dtype="object"))
    is_made = wanted["why"].isin(good)
    refused = wanted[~is_made & ~wanted["why"].isin(["same", "ids"])]
    return Seams(wanted[is_made].reset_index(drop=True), refused.reset_index(drop=True), mark[atoms.spot])


def record_seams(
    lines: gpd.GeoDataFrame, atoms: Atoms, ends: Ends, seams: Seams, record: Record, *, about: str
) -> None:
    """Write down which ends were joined over a gap, and which were not and why.

    Parameters
    ----------
    lines : GeoDataFrame, n rows, metric CRS
        Clean lines.
    atoms, ends : Atoms, Ends
        Groups of ends before and after the seams.
    seams : Seams
        What was joined and what was not.
    record : Record
        Decisions are added to it.
    about : str
        ``"rivers"`` or ``"pipes"``.
    """
    ids = np.tile(lines["line_id"].to_numpy(dtype=object), 2)
    node = np.concatenate([ends.from_node, ends.to_node])
    order = np.argsort(node, kind="stable")
    start = np.searchsorted(node[order], np.arange(len(ends.place) + 1))
    members = [sorted({str(ids[end]) for end in order[start[at] : start[at + 1]]}) for at in _nodes_of(node, seams)]
    named = dict(zip(_nodes_of(node, seams), members, strict=True))
    touch = seams.joined["why"] == "touch"
    if touch.any():
        names = {name for at in set(node[seams.joined["one"][touch]].tolist()) for name in named[at]}
        text = f"ends at {int(touch.sum()):,} places are less than {TOUCH_M:g} m apart"
        record.add("joined_ends", names, (text, f"{int(touch.sum()):,} 处端点相距不足 {TOUCH_M:g} m"), about=about,
                   decision="joined, as rounding leaves them", distance_m=TOUCH_M)  # fmt: skip
    made = seams.joined[~touch].assign(node=node[seams.joined["one"][~touch]])
    for at, group in made.groupby("node"):
        gap, which = float(group["gap_m"].max()), ", ".join(named[at])
        how = min(group["why"])
        reasons = f"ends of {which} lie {gap:.3f} m apart", f"{which} 的端点相距 {gap:.3f} m"
        record.add("unsnapped", named[at], reasons, about=about, at=(ends.place[at, 0], ends.place[at, 1]), distance_m=gap,
                   decision=f"joined to one node, by {how}")  # fmt: skip
    low, high = np.sort(node[seams.refused[["one", "other"]].to_numpy()], axis=1).T
    left = seams.refused.assign(low=low, high=high)[low != high].sort_values("gap_m", kind="stable")
    for row in left.drop_duplicates(["low", "high"]).to_dict("records"):
        text, text_zh, decision = _WHY[row["why"]]
        one, other = ", ".join(named[row["low"]]), ", ".join(named[row["high"]])
        one, other = sorted((one, other))
        reasons = (f"ends of {one} and of {other} " + text.format(gap=row["gap_m"]),
                   f"{one} 与 {other} 的端点" + text_zh.format(gap=row["gap_m"]))  # fmt: skip
        spot = atoms.place[[int(row["one"]), int(row["other"])]].mean(axis=0)
        record.add("unsnapped", {*named[row["low"]], *named[row["high"]]}, reasons, level="warning" if row["why"] == "loop" else "note",
                   about=about, decision=decision, at=(spot[0], spot[1]), distance_m=float(row["gap_m"]))  # fmt: skip


def _on_the_line(wanted: pd.DataFrame, lines: gpd.GeoDataFrame, atoms: Atoms) -> NDArray[np.bool_]:
    """Return which pairs within the tolerance join an end to that of a line whose middle it touches: it is cut there."""
    out = np.zeros(len(wanted), dtype=bool)
    at = np.flatnonzero(wanted["why"].isin(["tolerance", "short"]))
    shapes, count = lines.geometry.to_numpy(), len(lines)
    for one, other in (("one", "other"), ("other", "one")):
        ends, others = wanted[one].to_numpy()[at], wanted[other].to_numpy()[at]
        points = shapely.points(atoms.place[ends])
        near, line = shapely.STRtree(shapes).query(points, predicate="dwithin", distance=TOUCH_M)
        along = shapely.line_locate_point(shapes[line], points[near])
        inside = (along > TOUCH_M) & (along < shapely.length(shapes[line]) - TOUCH_M)
        near, line = near[inside], line[inside]
        spot = atoms.spot[others[near]]
        hit = (atoms.spot[line] == spot) | (atoms.spot[line + count] == spot)
        out[at[near[hit]]] = True
    return out


def _nodes_of(node: NDArray[np.int64], seams: Seams) -> list[int]:
    used = [
        frame[name].to_numpy(dtype=np.int64) for frame in (seams.joined, seams.refused) for name in ("one", "other")
    ]
    return [int(at) for at in np.unique(node[np.concatenate(used)])]


def _pairs(one: object, other: object, gap_m: object, why: object) -> pd.DataFrame:
    types = {"one": np.int64, "other": np.int64, "gap_m": np.float64, "why": "object"}
    return pd.DataFrame({"one": one, "other": other, "gap_m": gap_m, "why": why}).astype(types)


def _forced(atoms: Atoms, pairs: list[tuple[int, int]]) -> pd.DataFrame:
    gap = [float(np.hypot(*(atoms.place[one] - atoms.place[other]))) for one, other in pairs]
    return _pairs([one for one, _ in pairs], [other for _, other in pairs], gap, "override")


def _marks(
    spots: NDArray[np.float64], limit: NDArray[np.float64], structures: gpd.GeoDataFrame | None
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the nearest structure within reach of each spot, and how far it is."""
    if structures is None or not len(structures):
        return np.full(len(spots), -1, dtype=np.int64), np.full(len(spots), np.inf)
    far, at = cKDTree(shapely.get_coordinates(structures.geometry.to_numpy())).query(spots)
    near = far <= np.maximum(limit, TOUCH_M)
    return np.where(near, at, -1), far


def _at_structures(
    mark: NDArray[np.int64], far: NDArray[np.float64], spots: NDArray[np.float64], first: NDArray[np.int64]
) -> pd.DataFrame:
    """Return pairs that join every spot of a structure to the one nearest to it."""
    at = np.flatnonzero(mark >= 0)
    at = at[np.lexsort((at, far[at], mark[at]))]
    is_first = np.ones(len(at), dtype=bool)
    is_first[1:] = mark[at][1:] != mark[at][:-1]
    hub = at[np.maximum.accumulate(np.where(is_first, np.arange(len(at)), 0))] if len(at) else at
    one, other = hub[~is_first], at[~is_first]
    return _pairs(first[one], first[other], np.hypot(*(spots[one] - spots[other]).T), "structure")
