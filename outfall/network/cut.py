"""Where a line must be cut because another ends on its middle, and the pieces it becomes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from outfall.network.join import Ends
from outfall.network.seams import TOUCH_M, reach_m

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from outfall.network.record import Record

__all__ = ["cut_lines", "cut_rows", "ending_at", "find_midline_joins", "record_cuts"]


def find_midline_joins(
    lines: gpd.GeoDataFrame, ends: Ends, record: Record, *, about: str, tolerance_m: float
) -> pd.DataFrame:
    """Return where lines are met in their middle by the end of another.

    A node that has an id in the file is left alone: the file says what it joins. A join nearer to an end of the line
    than the tolerance is not one, unless the end touches the line; nor is one over a gap of more than half the length
    of the line that ends. Of two lines that end on each other's middle only one is cut.

    Parameters
    ----------
    lines : GeoDataFrame, n rows, metric CRS
        Clean lines.
    ends : Ends
        Their nodes.
    record : Record
        Lines that run over each other are added to it.
    about : str
        ``"rivers"`` or ``"pipes"``.
    tolerance_m : float, metres
        Largest gap between an end and the line it meets.

    Returns
    -------
    DataFrame
        ``line`` (row), ``at_m`` (planar metres from its beginning), ``node``, ``gap_m``.
    """
    shapes = lines.geometry.to_numpy()
    free = np.flatnonzero(ends.key == None)  # noqa: E711
    if not len(lines) or not len(free):
        return _cuts([], [], [], [])
    points = shapely.points(ends.place[free])
    near, line = shapely.STRtree(shapes).query(points, predicate="dwithin", distance=max(tolerance_m, TOUCH_M))
    node = free[near]
    other = (ends.from_node[line] != node) & (ends.to_node[line] != node)
    node, line, points = node[other], line[other], points[near[other]]
    at, length = shapely.line_locate_point(shapes[line], points), shapely.length(shapes[line])
    gap = shapely.distance(shapes[line], points)
    limit = np.full(len(ends.place), np.inf)
    np.minimum.at(limit, np.concatenate([ends.from_node, ends.to_node]), reach_m(lines, tolerance_m))
    margin = np.where(gap <= TOUCH_M, TOUCH_M, np.maximum(tolerance_m, TOUCH_M))
    inside = (at > margin) & (at < length - margin) & (gap <= np.maximum(limit[node], TOUCH_M))
    return _once(_cuts(line[inside], at[inside], node[inside], gap[inside]), lines, ends, record, about)


def cut_lines(lines: gpd.GeoDataFrame, ends: Ends, cuts: pd.DataFrame) -> tuple[gpd.GeoDataFrame, Ends]:
    """Return the pieces of lines that are cut at nodes.

    Parameters
    ----------
    lines : GeoDataFrame, n rows, metric CRS
        Clean lines.
    ends : Ends
        Their nodes, with those of the cuts.
    cuts : DataFrame
        ``line`` (row), ``at_m`` (planar metres from its beginning), ``node``.

    Returns
    -------
    lines : GeoDataFrame
        Pieces in the place of the lines they were; ``part`` counts them.
    ends : Ends
        Nodes of the pieces.
    """
    if not len(cuts):
        return lines, ends
    order = cuts.sort_values(["line", "at_m", "node"], kind="stable")
    ends, order = _merge_close(ends, order)
    count = np.bincount(order["line"], minlength=len(lines)) + 1
    rows = np.repeat(np.arange(len(lines)), count)
    last = np.cumsum(count) - 1
    first = last - count + 1
    tail, head = np.empty(len(rows), dtype=np.int64), np.empty(len(rows), dtype=np.int64)
    tail[first], head[last] = ends.from_node, ends.to_node
    is_last = np.zeros(len(rows), dtype=bool)
    is_last[last] = True
    inner = np.flatnonzero(~is_last)
    head[inner] = tail[inner + 1] = order["node"].to_numpy()
    shapes = lines.geometry.to_numpy()[rows]
    for line, at in order.groupby("line")["at_m"]:
        shapes[first[line] : last[line] + 1] = _cut(lines.geometry.iloc[line], at.to_numpy())
    pieces = lines.iloc[rows].reset_index(drop=True)
    pieces = pieces.set_geometry(gpd.GeoSeries(shapes, crs=lines.crs))
    inside = np.arange(len(rows)) - first[rows]
    pieces["part"] = _count_parts(pieces["line_id"], pieces["part"].to_numpy(), inside)
    return pieces, Ends(tail, head, ends.place, ends.key)


def cut_rows(lines: gpd.GeoDataFrame, row: int, at_m: float) -> gpd.GeoDataFrame:
    """Return lines with one of them cut in two, whatever ends there.

    Parameters
    ----------
    lines : GeoDataFrame, n rows
        Clean lines.
    row : int
        Which line.
    at_m : float, planar metres
        Where, from its beginning.

    Returns
    -------
    GeoDataFrame, n + 1 rows
        The pieces in the place of the line.
    """
    none = np.zeros(len(lines), dtype=np.int64)
    ends = Ends(none, none, np.zeros((1, 2)), np.full(1, None, dtype=object))
    return cut_lines(lines, ends, _cuts([row], [at_m], [0], [0.0]))[0]


def _cuts(line: object, at_m: object, node: object, gap_m: object) -> pd.DataFrame:
    types = {"line": np.int64, "at_m": np.float64, "node": np.int64, "gap_m": np.float64}
    return pd.DataFrame({"line": line, "at_m": at_m, "node": node, "gap_m": gap_m}).astype(types)


def _once(cuts: pd.DataFrame, lines: gpd.GeoDataFrame, ends: Ends, record: Record, about: str) -> pd.DataFrame:
    """Drop the second of two cuts where each of two lines ends on the middle of the other: they overlap."""
    enders = pd.DataFrame({"node": np.concatenate([ends.to_node, ends.from_node]), "meets": np.tile(np.arange(len(lines)), 2),
                           "is_begin": np.repeat([False, True], len(lines))})  # fmt: skip
    enders = enders[enders["node"].isin(cuts["node"])]
    pairs = cuts.assign(cut=np.arange(len(cuts))).merge(enders, on="node")
    back = pairs.merge(pairs, left_on=["line", "meets"], right_on=["meets", "line"], suffixes=("", "_back"))
    if not len(back):
        return cuts
    ids = lines["line_id"].to_numpy(dtype=object)
    back = back.assign(name=ids[back["line"]], name_back=ids[back["line_back"]])
    later = back["is_begin"] > back["is_begin_back"]
    later |= (back["is_begin"] == back["is_begin_back"]) & (back["name"] > back["name_back"])
    gone = back[later | (back["name"] == back["name_back"]) & (back["line"] > back["line_back"])]
    gone = gone.sort_values(["cut", "name_back", "is_begin_back"], kind="stable").drop_duplicates("cut")
    for row in gone.to_dict("records"):
        both, at = sorted({row["name"], row["name_back"]}), ends.place[row["node"]]
        over = float(np.hypot(*(at - ends.place[row["node_back"]])))
        record.add("overlap", both, (f"{' and '.join(both)} run over each other for {over:.3f} m", f"{'、'.join(both)} 重叠 {over:.3f} m"),
                   level="warning", about=about, decision=f"{row['name']} is not cut there", at=(at[0], at[1]), distance_m=over)  # fmt: skip
    return cuts[~np.isin(np.arange(len(cuts)), gone["cut"])].reset_index(drop=True)


def _merge_close(ends: Ends, order: pd.DataFrame) -> tuple[Ends, pd.DataFrame]:
    """Make one node of two that would cut a line at the same place."""
    same = (order["line"].diff() == 0) & (order["at_m"].diff() < TOUCH_M)
    if not same.any():
        return ends, order
    new = np.arange(len(ends.place))
    nodes = order["node"].to_numpy()
    for row in np.flatnonzero(same.to_numpy()):
        one, other = sorted((int(new[nodes[row - 1]]), int(new[nodes[row]])))
        new[new == other] = one
    merged = Ends(new[ends.from_node], new[ends.to_node], ends.place, ends.key)
    return merged, order[~same].assign(node=new[order[~same]["node"]])


def _count_parts(line_id: pd.Series, part: NDArray[np.int64], inside: NDArray[np.int64]) -> NDArray[np.int64]:
    frame = pd.DataFrame({"line": line_id, "part": part, "inside": inside}).sort_values(["line", "part", "inside"])
    return np.asarray(frame.groupby("line").cumcount().sort_index(), dtype=np.int64)


def _cut(line: shapely.LineString, at_m: NDArray[np.float64]) -> list[shapely.LineString]:
    """Return the pieces of one line between places along it."""
    place = shapely.get_coordinates(line)
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(place, axis=0).T))])
    new = np.column_stack([np.interp(at_m, along, place[:, 0]), np.interp(at_m, along, place[:, 1])])
    begins = [place[:1], *[row[None] for row in new]]
    stops = [*[row[None] for row in new], place[-1:]]
    edges = np.concatenate([[0.0], at_m, [along[-1]]])
    pieces = []
    for begin, stop, low, high in zip(begins, stops, edges[:-1], edges[1:], strict=True):
        between = place[(along > low + 1e-9) & (along < high - 1e-9)]
        pieces.append(shapely.linestrings(np.concatenate([begin, between, stop])))
    return pieces


def record_cuts(cuts: pd.DataFrame, lines: gpd.GeoDataFrame, ends: Ends, record: Record, *, about: str) -> None:
    """Write down which lines are cut where another ends on them.

    Parameters
    ----------
    cuts : DataFrame
        ``line``, ``at_m``, ``node``, ``gap_m`` and ``why``: empty where the line is cut.
    lines : GeoDataFrame, n rows
        Lines before they are cut.
    ends : Ends
        Their nodes.
    record : Record
        Decisions are added to it.
    about : str
        ``"rivers"`` or ``"pipes"``.
    """
    ids = lines["line_id"].to_numpy(dtype=object)
    columns = (cuts[name].tolist() for name in ("line", "at_m", "node", "gap_m", "why"))
    for (line, at, node, far, why), meets in zip(
        zip(*columns, strict=True), ending_at(cuts["node"], ids, ends), strict=True
    ):
        where = f"{at:,.1f} m from its beginning and {far:.3f} m off"
        reasons = (f"{', '.join(meets)} ends on the middle of {ids[line]}, {where}",
                   f"{', '.join(meets)} 的端点落在 {ids[line]} 中部({at:,.1f} m 处)")  # fmt: skip
        if why == "loop":
            reasons = reasons[0] + "; joined, water would run in a circle", reasons[1] + ",若相连则水流成环"
        decision = {"": f"{ids[line]} is cut there", "loop": "kept apart, so that no tolerance makes a loop",
                    "apart": "kept apart, as an override says"}[why]  # fmt: skip
        record.add("unsnapped" if why else "split_line", [ids[line], *meets], reasons, about=about, decision=decision,
                   at=(float(ends.place[node, 0]), float(ends.place[node, 1])), distance_m=float(far),
                   level="warning" if why == "loop" else "note")  # fmt: skip


def ending_at(nodes: pd.Series, ids: NDArray[np.object_], ends: Ends) -> list[list[str]]:
    """Return the sorted ids of the lines that end at each of some nodes.

    Parameters
    ----------
    nodes : Series of int
        Nodes.
    ids : ndarray of str, one per line
        Ids of the lines.
    ends : Ends
        Their nodes.

    Returns
    -------
    list of list of str
        One per node given.
    """
    node = np.concatenate([ends.from_node, ends.to_node])
    order = np.argsort(node, kind="stable")
    start = np.searchsorted(node[order], np.arange(len(ends.place) + 1))
    return [sorted({str(ids[end % len(ids)]) for end in order[start[at] : start[at + 1]]}) for at in nodes.tolist()]
