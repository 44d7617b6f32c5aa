"""Where pipes enter the river: each mouth of the pipes near a river line joined to it by a reach of its own kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from outfall.network.cut import cut_lines
from outfall.network.join import Ends

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from outfall.network.record import Record

__all__ = ["join_pipes", "stack_ends"]

_SAME_PLACE_M = 0.01


def stack_ends(one: Ends, other: Ends) -> Ends:
    """Return the nodes of two sets of lines as one; the second ones follow the first.

    Parameters
    ----------
    one, other : Ends
        Nodes of rivers and of pipes.

    Returns
    -------
    Ends
        Lines and nodes of both.
    """
    shift = len(one.place)
    return Ends(
        np.concatenate([one.from_node, other.from_node + shift]),
        np.concatenate([one.to_node, other.to_node + shift]),
        np.concatenate([one.place, other.place]),
        np.concatenate([one.key, other.key]),
    )


def join_pipes(
    rivers: gpd.GeoDataFrame,
    river_ends: Ends,
    pipes: gpd.GeoDataFrame,
    pipe_ends: Ends,
    record: Record,
    *,
    tolerance_m: float,
    join_m: float,
    apart: Sequence[frozenset[str]] = (),
) -> tuple[gpd.GeoDataFrame, Ends]:
    """Return rivers and pipes as one set of lines, with a reach of kind ``interface`` at each discharge.

    A mouth of the pipes (nothing below it) within ``join_m`` of a river line discharges at the nearest place on it;
    the river is cut there unless it has a node within the tolerance. A pipe that begins within the tolerance of a
    river takes water from it, or is digitised against its flow: it is joined as drawn and reported.

    Parameters
    ----------
    rivers, pipes : GeoDataFrame, same metric CRS
        Clean lines.
    river_ends, pipe_ends : Ends
        Their nodes.
    record : Record
        Decisions are added to it.
    tolerance_m, join_m : float, metres
        Gap within which a node of the river is taken; distance within which a pipe discharges to a river.
    apart : sequence of frozenset of str
        Ids of lines that are not to be joined.

    Returns
    -------
    lines : GeoDataFrame
        Rivers, pipes, interfaces.
    ends : Ends
        Their nodes.
    """
    touches = _find_touches(rivers, pipes, pipe_ends, tolerance_m=tolerance_m, join_m=join_m)
    names = rivers["line_id"].to_numpy(dtype=object)[touches["line"].to_numpy()]
    held = [any({pipe, name} <= ids for ids in apart) for pipe, name in zip(touches["pipe"], names, strict=True)]
    touches = touches[~np.array(held, dtype=bool)].reset_index(drop=True)
    _record_unreached(rivers, pipes, pipe_ends, touches, record, join_m)
    touches, cuts, place = _place_on_rivers(rivers, river_ends, touches, tolerance_m)
    new = Ends(
        river_ends.from_node,
        river_ends.to_node,
        np.concatenate([river_ends.place, place]),
        np.concatenate([river_ends.key, np.full(len(place), None, dtype=object)]),
    )
    pieces, new = cut_lines(rivers, new, cuts)
    ends = stack_ends(new, pipe_ends)
    lines = pd.concat([pieces, pipes], ignore_index=True)
    assert isinstance(lines, gpd.GeoDataFrame)
    pipe_node = touches["node"].to_numpy() + len(new.place)
    river_node = touches["river_node"].to_numpy()
    leaving = touches["is_start"].to_numpy(dtype=bool)
    tail, head = np.where(leaving, river_node, pipe_node), np.where(leaving, pipe_node, river_node)
    joins = _interfaces(touches, ends.place[tail], ends.place[head], lines)
    _record_touches(touches, rivers, joins, record)
    both = pd.concat([lines, joins], ignore_index=True) if len(joins) else lines
    assert isinstance(both, gpd.GeoDataFrame)
    return both, Ends(
        np.concatenate([ends.from_node, tail]), np.concatenate([ends.to_node, head]), ends.place, ends.key
    )


def _find_touches(
    rivers: gpd.GeoDataFrame, pipes: gpd.GeoDataFrame, ends: Ends, *, tolerance_m: float, join_m: float
) -> pd.DataFrame:
    """Return the pipe nodes that reach a river: node, river line, distance, place along it."""
    count = len(ends.place)
    out = np.bincount(ends.from_node, minlength=count)
    into = np.bincount(ends.to_node, minlength=count)
    is_mouth, is_start = (out == 0) & (into > 0), (into == 0) & (out > 0)
    node = np.flatnonzero(is_mouth | is_start)
    points = shapely.points(ends.place[node])
    shapes = rivers.geometry.to_numpy()
    if not len(shapes) or not len(node):
        return pd.DataFrame({"node": [], "line": [], "gap_m": [], "at_m": [], "is_start": [], "pipe": []}).astype(
            {"node": np.int64, "line": np.int64, "is_start": bool, "pipe": "str"}
        )
    near, line = shapely.STRtree(shapes).query_nearest(points, max_distance=max(join_m, tolerance_m), all_matches=True)
    frame = pd.DataFrame({"node": node[near], "line": line, "gap_m": shapely.distance(points[near], shapes[line])})
    frame["at_m"] = shapely.line_locate_point(shapes[line], points[near])
    frame["is_start"] = is_start[frame["node"]]
    frame["name"] = rivers["line_id"].to_numpy()[line]
    frame["part"] = rivers["part"].to_numpy()[line]
    frame = frame[(frame["gap_m"] <= join_m) & (~frame["is_start"] | (frame["gap_m"] <= tolerance_m))]
    frame = frame.sort_values(["node", "gap_m", "name", "part"], kind="stable").drop_duplicates("node")
    ids = pd.DataFrame({"node": np.concatenate([ends.to_node, ends.from_node]), "pipe": np.tile(pipes["line_id"], 2)})
    first = ids.groupby("node")["pipe"].min()
    row = pd.Series(np.arange(len(pipes)), index=pipes["line_id"].to_numpy()).groupby(level=0).min()
    frame = frame.assign(pipe=frame["node"].map(first)).drop(columns=["name", "part"])
    return frame.sort_values("pipe", key=lambda names: names.map(row), kind="stable").reset_index(drop=True)


def _place_on_rivers(
    rivers: gpd.GeoDataFrame, ends: Ends, touches: pd.DataFrame, tolerance_m: float
) -> tuple[pd.DataFrame, pd.DataFrame, NDArray[np.float64]]:
    """Return the touches with their river node, the cuts that make the new ones, and where those are."""
    shapes = rivers.geometry.to_numpy()[touches["line"]]
    at, length = touches["at_m"].to_numpy(), shapely.length(shapes)
    margin = np.minimum(np.maximum(tolerance_m, _SAME_PLACE_M), length / 2)
    node = np.full(len(touches), -1, dtype=np.int64)
    low = (at <= margin) & (at <= length - at)
    high = ~low & (at >= length - margin)
    node[low] = ends.from_node[touches["line"].to_numpy()[low]]
    node[high] = ends.to_node[touches["line"].to_numpy()[high]]
    free = touches[node < 0].sort_values(["line", "at_m"], kind="stable")
    apart = (free["line"].diff() != 0) | (free["at_m"].diff() > _SAME_PLACE_M)
    number = np.cumsum(apart.to_numpy()) - 1
    node[free.index] = len(ends.place) + number
    cuts = free[apart][["line", "at_m"]].assign(node=len(ends.place) + number[apart.to_numpy()])
    points = shapely.line_interpolate_point(rivers.geometry.to_numpy()[cuts["line"]], cuts["at_m"].to_numpy())
    return touches.assign(river_node=node), cuts.reset_index(drop=True), shapely.get_coordinates(points)


def _interfaces(
    touches: pd.DataFrame, tail: NDArray[np.float64], head: NDArray[np.float64], lines: gpd.GeoDataFrame
) -> gpd.GeoDataFrame:
    """Return the reaches that join pipe and river; named after the pipe."""
    taken, names = set(lines["line_id"]), []
    for pipe in touches["pipe"]:
        name = f"{pipe}>river"
        while name in taken:
            name += "~"
        taken.add(name)
        names.append(name)
    shapes = shapely.linestrings(np.stack([tail, head], axis=1)) if names else np.empty(0, dtype=object)
    frame = pd.DataFrame({"line_id": pd.Series(names, dtype="str")})
    frame["kind"], frame["part"] = "interface", 0
    frame["source_ref"] = [f"build_network({pipe})" for pipe in touches["pipe"]]
    frame["kind"] = frame["kind"].astype("str")
    frame["source_ref"] = frame["source_ref"].astype("str")
    return gpd.GeoDataFrame(frame, geometry=gpd.GeoSeries(shapes, index=frame.index, crs=lines.crs))


def _record_touches(touches: pd.DataFrame, rivers: gpd.GeoDataFrame, joins: gpd.GeoDataFrame, record: Record) -> None:
    river = rivers["line_id"].to_numpy(dtype=object)
    rows = zip(touches.to_dict("records"), joins["line_id"], joins.geometry, strict=True)
    for touch, name, shape in rows:
        pipe, line, gap = touch["pipe"], river[touch["line"]], float(touch["gap_m"])
        record.add(
            "interface",
            [pipe, line],
            (
                f"pipe {pipe} {'begins at' if touch['is_start'] else 'ends'} {gap:.1f} m from {line}",
                f"管道 {pipe} {'起点' if touch['is_start'] else '末端'}距 {line} {gap:.1f} m",
            ),
            about="pipes",
            decision=f"joined by {name}",
            at=shapely.get_point(shape, 0),
            distance_m=gap,
        )
        if touch["is_start"]:
            record.add(
                "reversed",
                [pipe],
                (
                    f"pipe {pipe} begins at the river {line}: it takes water from it, or is digitised against its flow",
                    f"管道 {pipe} 起点位于河流 {line}:取水,或数字化方向相反",
                ),
                level="warning",
                about="pipes",
                decision="kept as drawn",
                at=shapely.get_point(shape, -1),
                distance_m=gap,
            )


def _record_unreached(
    rivers: gpd.GeoDataFrame, pipes: gpd.GeoDataFrame, ends: Ends, touches: pd.DataFrame, record: Record, join_m: float
) -> None:
    """Write down the pipe mouths that reach no river."""
    if not len(rivers) or not len(pipes):
        return
    into = np.bincount(ends.to_node, minlength=len(ends.place))
    out = np.bincount(ends.from_node, minlength=len(ends.place))
    lost = np.setdiff1d(np.flatnonzero((out == 0) & (into > 0)), touches["node"].to_numpy())
    if not len(lost):
        return
    points = shapely.points(ends.place[lost])
    tree = shapely.STRtree(rivers.geometry.to_numpy())
    _, far = tree.query_nearest(points, return_distance=True, all_matches=False)
    names = (
        pd.Series(pipes["line_id"].to_numpy(), index=ends.to_node).groupby(level=0).agg(lambda ids: sorted(set(ids)))
    )
    for node, gap in zip(lost.tolist(), far.tolist(), strict=True):
        record.add(
            "unsnapped",
            names[node],
            (
                f"the pipes end at {', '.join(names[node])}, {gap:,.0f} m from the nearest river; that is more than {join_m:g} m",
                f"管道末端 {', '.join(names[node])} 距最近河流 {gap:,.0f} m,超过 {join_m:g} m",
            ),
            about="pipes",
            decision="a mouth of its own",
            at=(float(ends.place[node, 0]), float(ends.place[node, 1])),
            distance_m=float(gap),
        )
