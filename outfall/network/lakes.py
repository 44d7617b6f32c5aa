"""Shores of lakes and seas as reaches: where an outfall that is on no river has its place."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Literal, TypeAlias

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely.ops import substring

from outfall.coordinates import choose_crs, to_crs
from outfall.errors import NetworkError, Problem
from outfall.network.columns import name_lines
from outfall.network.places import locate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from outfall.network.graph import Network

__all__ = ["Shore", "locate_on_shores", "shore_lines"]

Shore: TypeAlias = Literal["lake", "coast"]

_KINDS = ("lake", "coast")
_KEYS = ("sighting_id", "outfall_id", "source_id", "sample_id", "photo_id", "node_id", "clue_id")  # as of `locate`
_SAME_PLACE_M = 0.001
_LOOK_M = 0.5
_WHY = "a shore: no flow of its own, either way"


def shore_lines(
    shores: gpd.GeoDataFrame,
    *,
    kind: Shore,
    rivers: gpd.GeoDataFrame | Sequence[gpd.GeoDataFrame] | None = None,
    crs: object = None,
) -> gpd.GeoDataFrame:
    """Return the shores of lakes or of the sea as lines for `build_network`, beside the rivers.

    A shore is a reach without flow, passable either way: what enters a lake can leave it by any of its outlets and come
    to any place of its shore. Water lies on the right of the line, as OSM draws coastlines; polygons are water. Where a
    river given here crosses the shore, the shore is cut, and the builder joins both.

    Parameters
    ----------
    shores : GeoDataFrame, n rows, Polygon or LineString (or multi), any CRS
        Lakes, or a coast.
    kind : {"lake", "coast"}
        What they are.
    rivers : GeoDataFrame or a list of them, LineString, any CRS, optional
        The lines the shores will be built with.
    crs : anything pyproj understands, optional
        Metric CRS of the result; chosen from the data by default. Give the same to the builder.

    Returns
    -------
    GeoDataFrame, one row per ring or line, or piece of one
        ``reach_id`` (that of the file, or ``<kind>-<row>``; ``/1``, ``/2`` … are added where there are several),
        ``name`` where there is one, ``kind``, ``forward_share`` 0.5 and its reason, ``source_ref``.

    Raises
    ------
    NetworkError
        The kind is unknown, or a shape is neither area nor line.
    CoordinateError
        A CRS is missing.

    Examples
    --------
    >>> import geopandas as gpd
    >>> lake = gpd.GeoDataFrame({"name": ["Mirror"]}, crs=32650, geometry=gpd.GeoSeries.from_wkt(
    ...     ["POLYGON ((400000 3400000, 401000 3400000, 401000 3401000, 400000 3401000, 400000 3400000))"]))
    >>> shore_lines(lake, kind="lake")[["reach_id", "name", "kind", "forward_share"]].to_dict("records")
    [{'reach_id': 'lake-1', 'name': 'Mirror', 'kind': 'lake', 'forward_share': 0.5}]
    >>> len(shore_lines(lake.iloc[:0], kind="lake"))
    0
    """
    if kind not in _KINDS:
        msg = "shore_lines"
        raise NetworkError(msg, [Problem("kind", f"{kind!r} is no kind of shore", f"choose from {', '.join(_KINDS)}")])
    others = [] if rivers is None else [rivers] if isinstance(rivers, gpd.GeoDataFrame) else list(rivers)
    metric = crs if crs is not None else choose_crs(shores, *others) if len(shores) else shores.crs
    frame = name_lines(to_crs(shores, metric, where="shores"))
    rows, lines = _rings(frame)
    near = [to_crs(item, metric, where="rivers").geometry.to_numpy() for item in others]
    cut_rows, pieces = _cut(rows, lines, np.concatenate(near) if near else np.empty(0, dtype=object))
    own = frame["reach_id"].astype("str") if "reach_id" in frame.columns else pd.Series(index=frame.index, dtype="str")
    names = own.fillna(pd.Series([f"{kind}-{row}" for row in range(1, len(frame) + 1)], index=frame.index, dtype="str"))
    ids = pd.Series(names.to_numpy(dtype=object)[cut_rows], dtype="str")
    several = ids.duplicated(keep=False)
    numbered = ids.where(~several, ids + "/" + (ids.groupby(ids).cumcount() + 1).astype("str"))
    out = pd.DataFrame({"reach_id": numbered.astype("str")})
    out["kind"] = pd.Series(kind, index=out.index, dtype="str")
    for name in ("name", "source_ref"):
        if name in frame.columns:
            out[name] = frame[name].to_numpy(dtype=object)[cut_rows]
    if "source_ref" not in out:
        out["source_ref"] = pd.Series([f"shores#{row + 1}" for row in cut_rows], index=out.index, dtype="str")
    out["forward_share"], out["forward_reason"] = 0.5, _WHY
    return gpd.GeoDataFrame(out, geometry=gpd.GeoSeries(pieces, index=out.index, crs=frame.crs))


def locate_on_shores(
    points: gpd.GeoDataFrame, network: Network, *, sigma_m: float | None = None, k: int = 5
) -> gpd.GeoDataFrame:
    """Return the places of points on the shores of a network, and whether they lie in the water.

    Parameters
    ----------
    points : GeoDataFrame, n rows, Point, any CRS
        Outfalls to a lake or the sea.
    network : Network
        With reaches of kind ``lake`` or ``coast``, made from `shore_lines`.
    sigma_m : float, metres, optional
        As of `locate`; a pipe that ends far out needs a third of its length.
    k : int, default 5
        Most places kept for one point.

    Returns
    -------
    GeoDataFrame
        As of `locate`, with ``is_in_water``: the point lies to the right of the shore.

    Raises
    ------
    PlaceError
        As of `locate`.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from outfall.network import build_network
    >>> coast = gpd.GeoDataFrame({"reach_id": ["C"]}, crs=32650, geometry=gpd.GeoSeries.from_wkt(
    ...     ["LINESTRING (400000 3400000, 401000 3400000)"]))
    >>> network = build_network(shore_lines(coast, kind="coast"))
    >>> pipe = gpd.GeoDataFrame({"outfall_id": ["P"]}, geometry=gpd.points_from_xy([400300], [3399990]), crs=32650)
    >>> locate_on_shores(pipe, network)[["reach_id", "off_m", "is_in_water"]].to_dict("records")
    [{'reach_id': 'C', 'off_m': 10.0, 'is_in_water': True}]
    """
    places = locate(points, network, sigma_m=sigma_m, k=k, kinds=_KINDS)
    key = next((name for name in _KEYS if name in points.columns), None)
    ids = (points[key] if key else pd.Series(points.index, index=points.index)).astype("str").to_numpy(dtype=object)
    row = pd.Series(np.arange(len(ids)), index=ids)[places["point_id"].to_numpy(dtype=object)].to_numpy()
    given = to_crs(points, network.crs, where="points").geometry.to_numpy()[row] if len(places) else np.empty(0, object)
    lines = network.reaches.geometry.to_numpy()[network.position(places["reach_id"])]
    at = shapely.line_locate_point(lines, given)
    before = shapely.get_coordinates(shapely.line_interpolate_point(lines, np.maximum(at - _LOOK_M, 0.0)))
    after = shapely.get_coordinates(
        shapely.line_interpolate_point(lines, np.minimum(at + _LOOK_M, shapely.length(lines)))
    )
    foot = shapely.get_coordinates(shapely.line_interpolate_point(lines, at))
    off = shapely.get_coordinates(given) - foot if len(places) else foot
    turn = (after - before)[:, 0] * off[:, 1] - (after - before)[:, 1] * off[:, 0]
    return places.assign(is_in_water=pd.array(turn < 0, dtype="boolean"))


def _rings(frame: gpd.GeoDataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return the lines of the shapes with the row each comes from; water lies on their right."""
    shapes, row = shapely.get_parts(frame.geometry.to_numpy(), return_index=True)
    kinds = shapely.get_type_id(shapes)
    odd = np.flatnonzero(~np.isin(kinds, [1, 2, 3]))
    if len(odd):
        names = tuple(str(frame.index[at]) for at in row[odd])
        msg = "shore_lines"
        raise NetworkError(msg, [Problem("geometry", "is neither area nor line", "give polygons or lines", names)])
    is_area = kinds == 3
    areas = shapely.orient_polygons(shapes[is_area], exterior_cw=True)
    rings, which = shapely.get_rings(areas, return_index=True)
    open_rings = [shapely.LineString(ring) for ring in rings]
    lines = np.array([*shapes[~is_area], *open_rings], dtype=object)
    rows = np.concatenate([row[~is_area], row[is_area][which]])
    order = np.argsort(rows, kind="stable")
    return rows[order], lines[order]


def _cut(rows: np.ndarray, lines: np.ndarray, rivers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the pieces of lines between the places where rivers cross them."""
    if not len(rivers) or not len(lines):
        return rows, lines
    line, river = shapely.STRtree(rivers).query(lines, predicate="intersects")
    parts, which = shapely.get_parts(shapely.intersection(lines[line], rivers[river]), return_index=True)
    at = shapely.get_coordinates(parts, return_index=True)
    where = pd.DataFrame({"line": line[which][at[1]]})
    where["at_m"] = shapely.line_locate_point(lines[where["line"]], shapely.points(at[0])) if len(where) else []
    found_rows, pieces = [], []
    places = {name: group.to_numpy() for name, group in where.groupby("line")["at_m"]}
    for number, (row, shape) in enumerate(zip(rows, lines, strict=True)):
        ends = np.unique(np.round(places.get(number, np.empty(0)), 6))
        inner = ends[(ends > _SAME_PLACE_M) & (ends < shape.length - _SAME_PLACE_M)]
        stops = [0.0, *inner[np.diff(inner, prepend=-1.0) > _SAME_PLACE_M].tolist(), shape.length]
        for start, stop in itertools.pairwise(stops):
            pieces.append(substring(shape, start, stop) if len(stops) > 2 else shape)
            found_rows.append(row)
    return np.asarray(found_rows, dtype=np.int64), np.asarray(pieces, dtype=object)
