"""Where a line must be cut because another ends on its middle, and the pieces it becomes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from outfall.network.join import Ends

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from outfall.network.record import Record

__all__ = ["cut_lines", "find_midline_joins"]

_TOUCH_M = 1e-3


def find_midline_joins(
    lines: gpd.GeoDataFrame, ends: Ends, record: Record, *, about: str, tolerance_m: float
) -> pd.DataFrame:
    """Return where lines are met in their middle by the end of another.

    A node that has an id in the file is left alone: the file says what it joins. A join nearer to an end of the line
    than the tolerance is not one, unless the end touches the line.

    Parameters
    ----------
    lines : GeoDataFrame, n rows, metric CRS
        Clean lines.
    ends : Ends
        Their nodes.
    record : Record
        Decisions are added to it.
    about : str
        ``"rivers"`` or ``"pipes"``.
    tolerance_m : float, metres
        Largest gap between an end and the line it meets.

    Returns
    -------
    DataFrame
        ``line`` (row), ``at_m`` (planar metres from its beginning), ``node``.
    """
    shapes = lines.geometry.to_numpy()
    free = np.flatnonzero(ends.key == None)  # noqa: E711
    if not len(lines) or not len(free):
        return _cuts([], [], [])
    points = shapely.points(ends.place[free])
    near, line = shapely.STRtree(shapes).query(points, predicate="dwithin", distance=max(tolerance_m, _TOUCH_M))
    node = free[near]
    other = (ends.from_node[line] != node) & (ends.to_node[line] != node)
    node, line, points = node[other], line[other], points[near[other]]
    at, length = shapely.line_locate_point(shapes[line], points), shapely.length(shapes[line])
    gap = shapely.distance(shapes[line], points)
    margin = np.where(gap <= _TOUCH_M, _TOUCH_M, np.maximum(tolerance_m, _TOUCH_M))
    inside = (at > margin) & (at < length - margin)
    cuts = _cuts(line[inside], at[inside], node[inside])
    _record_cuts(cuts, gap[inside], lines, ends, record, about)
    return cuts


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
    inner = np.setdiff1d(np.arange(len(rows)), last)
    head[inner] = tail[inner + 1] = order["node"].to_numpy()
    shapes = lines.geometry.to_numpy()[rows]
    for line, at in order.groupby("line")["at_m"]:
        shapes[first[line] : last[line] + 1] = _cut(lines.geometry.iloc[line], at.to_numpy())
    pieces = lines.iloc[rows].reset_index(drop=True)
    pieces = pieces.set_geometry(gpd.GeoSeries(shapes, crs=lines.crs))
    inside = np.arange(len(rows)) - first[rows]
    pieces["part"] = _count_parts(pieces["line_id"], pieces["part"].to_numpy(), inside)
    return pieces, Ends(tail, head, ends.place, ends.key)


def _cuts(line: object, at_m: object, node: object) -> pd.DataFrame:
    types = {"line": np.int64, "at_m": np.float64, "node": np.int64}
    return pd.DataFrame({"line": line, "at_m": at_m, "node": node}).astype(types)


def _merge_close(ends: Ends, order: pd.DataFrame) -> tuple[Ends, pd.DataFrame]:
    """Make one node of two that would cut a line at the same place."""
    same = (order["line"].diff() == 0) & (order["at_m"].diff() < _TOUCH_M)
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
    return frame.groupby("line").cumcount().sort_index().to_numpy()


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


def _record_cuts(
    cuts: pd.DataFrame, gap: NDArray[np.float64], lines: gpd.GeoDataFrame, ends: Ends, record: Record, about: str
) -> None:
    ids = lines["line_id"].to_numpy(dtype=object)
    nodes = np.concatenate([ends.from_node, ends.to_node])
    order = np.argsort(nodes, kind="stable")
    start = np.searchsorted(nodes[order], np.arange(len(ends.place) + 1))
    for (line, at, node), far in zip(cuts.itertuples(index=False, name=None), gap.tolist(), strict=True):
        meets = sorted({str(ids[row % len(lines)]) for row in order[start[node] : start[node + 1]]})
        record.add(
            "split_line",
            [ids[line], *meets],
            (
                f"{', '.join(meets)} ends on the middle of {ids[line]}, {at:,.1f} m from its beginning and {far:.3f} m off",
                f"{', '.join(meets)} 的端点落在 {ids[line]} 中部({at:,.1f} m 处)",
            ),
            about=about,
            decision=f"{ids[line]} is cut there",
            at=(float(ends.place[node, 0]), float(ends.place[node, 1])),
            distance_m=float(far),
        )
