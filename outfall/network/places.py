"""Where on the network a point may be: every candidate reach with a probability, bank side and chainage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from outfall.coordinates import to_crs
from outfall.errors import PlaceError, Problem
from outfall.network.nearby import cut_segments, find_near
from outfall.tables import empty
from outfall.vocabulary import words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from outfall.network.graph import Network

__all__ = ["locate"]

_SIGMA_M = 10.0  # our default: a consumer receiver under trees
_REACH_SIGMAS = 3.0
_NOWHERE = float(np.exp(-0.5 * _REACH_SIGMAS**2))
_BANKED = ("river", "ditch", "culvert", "tidal")
_NOT_A_PLACE = ("interface",)
_KEYS = ("sighting_id", "outfall_id", "source_id", "sample_id", "photo_id", "node_id", "clue_id")
_FEW = 8  # so many times more reaches than points are looked through by their boxes first


def locate(
    points: gpd.GeoDataFrame,
    network: Network,
    *,
    sigma_m: float | None = None,
    k: int = 5,
    kinds: Sequence[str] | None = None,
) -> gpd.GeoDataFrame:
    """Return every place each point may have on the network, with its probability.

    Every reach within three sigma of the point is a candidate, as likely as exp(-(distance / sigma)^2 / 2). The place
    "on none of them" competes with the weight of one more reach at the edge of the search (0.011), so that shares sum
    to less than 1, and to 0.5 where the only reach is that far away. A row without a point that says ``reach_id`` and
    ``along_m`` (a crawler) is placed there. A point with no candidate has no row: the caller reports it.

    Parameters
    ----------
    points : GeoDataFrame, n rows, Point, any CRS
        Named by its key column (``sighting_id``, ``outfall_id``, ``source_id`` …), else by its index.
    network : Network
        Where they are placed.
    sigma_m : float, metres, optional
        Standard deviation of the positions in each direction; the column ``sigma_m`` by default, then 10 m.
    k : int, default 5
        Most places kept for one point, the nearest; the shares of the others are left out, not handed on.
    kinds : sequence of str, optional
        Kinds of reaches that are candidates; by default all but ``interface``.

    Returns
    -------
    GeoDataFrame, CRS of the network
        Contract ``places``, point by point in the order given, ``rank`` 1 first. ``side`` looks downstream and is empty
        for pipes and lakes; the geometry is the foot of the point on the reach.

    Raises
    ------
    PlaceError
        Sigma, ``k`` or a kind is impossible, an id stands twice, or a geometry is not a point.
    NetworkError
        A row says it is on a reach that is not in the network, or beyond its end.
    CoordinateError
        The points have no CRS.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from outfall.network import build_network
    >>> lines = gpd.GeoDataFrame({"reach_id": ["A"]}, crs=32650, geometry=gpd.GeoSeries.from_wkt(
    ...     ["LINESTRING (500000 3400000, 501000 3400000)"]))
    >>> seen = gpd.GeoDataFrame({"sighting_id": ["E1"], "sigma_m": [5.0]}, crs=32650,
    ...                         geometry=gpd.points_from_xy([500200], [3400004]))
    >>> places = locate(seen, build_network(lines))
    >>> places[["point_id", "reach_id", "off_m", "side"]].to_dict("records")
    [{'point_id': 'E1', 'reach_id': 'A', 'off_m': 4.0, 'side': 'left'}]
    >>> len(locate(seen.iloc[:0], build_network(lines)))
    0
    """
    ids = _point_ids(points)
    _check_options(points, ids, sigma_m=sigma_m, k=k, kinds=kinds)
    found = [_near(points, network, sigma_m=sigma_m, k=k, kinds=kinds), _said(points, network, kinds)]
    frame = pd.concat([part for part in found if len(part)], ignore_index=True) if any(map(len, found)) else None
    if frame is None:
        blank = empty("places", crs=network.crs)
        assert isinstance(blank, gpd.GeoDataFrame)
        return blank
    return _table(frame.sort_values(["point", "rank"], kind="stable", ignore_index=True), ids, network)


def _near(
    points: gpd.GeoDataFrame,
    network: Network,
    *,
    sigma_m: float | None,
    k: int,
    kinds: Sequence[str] | None,
) -> pd.DataFrame:
    """Return the k nearest reaches of each point within three sigma, with their share."""
    shapes = to_crs(points, network.crs, where="points").geometry.to_numpy() if len(points) else np.empty(0, object)
    at = np.flatnonzero(~(shapely.is_missing(shapes) | shapely.is_empty(shapes)))
    row = np.flatnonzero(_wanted(network, kinds))
    lines = network.reaches.geometry.to_numpy()
    if not len(at) or not len(row):
        return pd.DataFrame({"point": [], "reach": [], "rank": []})
    sigma = _sigma(points, sigma_m)[at]
    lines = network.reaches.geometry.to_numpy()
    row = _reachable(lines, row, shapes[at], _REACH_SIGMAS * sigma)
    near = find_near(
        shapely.get_coordinates(shapes[at]), _REACH_SIGMAS * sigma, cut_segments(lines[row], row), _id_order(network)
    )
    weight = np.exp(-0.5 * (near.off / sigma[near.point]) ** 2)
    whole = np.bincount(near.point, weights=weight, minlength=len(at)) + _NOWHERE
    rank = np.arange(len(near.point)) - np.searchsorted(near.point, near.point, side="left") + 1
    keep = np.flatnonzero(rank <= k)
    point, reach = near.point[keep], near.line[keep]
    frame = pd.DataFrame({"point": at[point], "reach": reach, "rank": rank[keep], "off_m": near.off[keep]})
    frame["sigma_m"] = sigma[point]
    frame["place_share"] = weight[keep] / whole[point]
    frame["of"] = np.bincount(near.point, minlength=len(at))[point]
    used, which = np.unique(reach, return_inverse=True)
    plan, length = shapely.length(lines[used])[which], network.arrays.length_m[reach]
    frame["along_m"] = np.where(plan > 0, near.along[keep] / np.where(plan > 0, plan, 1.0), 0.0) * length
    banked = np.isin(network.reaches["kind"].to_numpy(dtype=object), _BANKED)[reach]
    side = np.where(near.turn[keep] > 0, "left", "right").astype(object)
    side[(np.abs(near.turn[keep]) < 1e-9) | ~banked] = None
    return frame.assign(side=side, foot=shapely.points(near.foot[keep]))


def _reachable(
    lines: NDArray[np.object_], row: NDArray[np.int64], points: NDArray[np.object_], radius: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Return the rows of lines worth cutting into segments: for few points on many lines, those whose box is near."""
    if len(points) * _FEW > len(row):
        return row
    place = shapely.get_coordinates(points)
    boxes = shapely.box(*(place - radius[:, None]).T, *(place + radius[:, None]).T)
    return row[np.unique(shapely.STRtree(lines[row]).query(boxes)[1])]


def _said(points: gpd.GeoDataFrame, network: Network, kinds: Sequence[str] | None) -> pd.DataFrame:
    """Return the places of rows that have no point and say where along which reach they are."""
    if "reach_id" not in points.columns or "along_m" not in points.columns or not len(points):
        return pd.DataFrame({"point": [], "reach": [], "rank": []})
    shapes = points.geometry.to_numpy()
    bare = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    at = np.flatnonzero(bare & points["reach_id"].notna().to_numpy() & points["along_m"].notna().to_numpy())
    if not len(at):
        return pd.DataFrame({"point": [], "reach": [], "rank": []})
    reach, along = network.find_places(points["reach_id"].iloc[at], points["along_m"].iloc[at].to_numpy(float))
    wanted = _wanted(network, kinds)[reach]
    at, reach, along = at[wanted], reach[wanted], along[wanted]
    lines = network.reaches.geometry.to_numpy()[reach]
    length = network.arrays.length_m[reach]
    share = np.where(length > 0, along / np.where(length > 0, length, 1.0), 0.0)
    frame = pd.DataFrame(
        {"point": at, "reach": reach, "rank": 1, "off_m": 0.0, "place_share": 1.0, "along_m": along, "of": 0}
    )
    foot = shapely.line_interpolate_point(lines, share, normalized=True)
    return frame.assign(side=pd.Series([None] * len(frame), dtype="object"), foot=foot, sigma_m=np.nan)


def _table(frame: pd.DataFrame, ids: NDArray[np.object_], network: Network) -> gpd.GeoDataFrame:
    arrays, reach = network.arrays, frame["reach"].to_numpy(np.int64)
    names = network.reaches["reach_id"].to_numpy(dtype=object)[reach]
    point = ids[frame["point"].to_numpy(np.int64)]
    along = np.minimum(frame["along_m"].to_numpy(float), arrays.length_m[reach])
    columns = {
        "place_id": [f"{one}/{rank}" for one, rank in zip(point, frame["rank"].astype(int), strict=True)],
        "point_id": point,
        "rank": frame["rank"].to_numpy(np.int64),
        "reach_id": names,
        "along_m": along,
        "off_m": frame["off_m"].to_numpy(float),
        "side": frame["side"].to_numpy(dtype=object),
        "chainage_m": np.maximum(arrays.mouth_m[reach] + arrays.length_m[reach] - along, 0.0),
        "place_share": frame["place_share"].to_numpy(float),
        "reason": _reasons(frame),
        "source_ref": [f"locate({one})" for one in point],
    }
    blank = empty("places", crs=network.crs)
    typed = {name: pd.Series(columns[name]).astype(blank[name].dtype) for name in blank.columns if name != "geometry"}
    return gpd.GeoDataFrame(pd.DataFrame(typed), geometry=gpd.GeoSeries(frame["foot"].to_numpy(), crs=network.crs))


def _reasons(frame: pd.DataFrame) -> NDArray[np.object_]:
    """Return why each row is a candidate; many rows say the same, so each text is written once."""
    off, sigma = frame["off_m"].to_numpy(float), frame["sigma_m"].fillna(1.0).to_numpy(float)
    said = np.stack([np.round(off * 10), np.round(off / sigma * 10), frame["of"].to_numpy(float)], axis=1).astype(int)
    width = said.max(axis=0, initial=0) + 1
    _, first, same = np.unique(np.ravel_multi_index(tuple(said.T), width), return_index=True, return_inverse=True)
    text = [
        f"{off / 10:.1f} m off, {sigmas / 10:.1f} sigma; {of} within {_REACH_SIGMAS:g} sigma"
        if of
        else "said to be on this reach"
        for off, sigmas, of in said[first].tolist()
    ]
    return np.asarray(text, dtype=object)[same]


def _wanted(network: Network, kinds: Sequence[str] | None) -> NDArray[np.bool_]:
    kind = network.reaches["kind"]
    return (~kind.isin(_NOT_A_PLACE) if kinds is None else kind.isin(list(kinds))).to_numpy(dtype=bool)


def _id_order(network: Network) -> NDArray[np.int64]:
    return pd.factorize(network.reaches["reach_id"], sort=True)[0]


def _sigma(points: gpd.GeoDataFrame, sigma_m: float | None) -> NDArray[np.float64]:
    if sigma_m is not None:
        return np.full(len(points), float(sigma_m))
    if "sigma_m" not in points.columns:
        return np.full(len(points), _SIGMA_M)
    given = pd.to_numeric(points["sigma_m"]).to_numpy(float)
    return np.where(given > 0, given, _SIGMA_M)


def _point_ids(points: gpd.GeoDataFrame) -> NDArray[np.object_]:
    key = next((name for name in _KEYS if name in points.columns), None)
    ids = points[key] if key else pd.Series(points.index, index=points.index)
    return ids.astype("str").to_numpy(dtype=object)


def _check_options(
    points: gpd.GeoDataFrame,
    ids: NDArray[np.object_],
    *,
    sigma_m: float | None,
    k: int,
    kinds: Sequence[str] | None,
) -> None:
    problems = []
    if sigma_m is not None and not (sigma_m > 0 and np.isfinite(sigma_m)):
        problems.append(Problem("sigma_m", f"{sigma_m!r} is not above 0", "give the standard deviation in metres"))
    if k < 1:
        problems.append(Problem("k", f"{k!r} places cannot be kept", "give 1 or more"))
    unknown = [kind for kind in kinds or () if kind not in words("reach_kind")]
    if unknown:
        problems.append(Problem("kinds", f"{unknown} are not kinds", f"choose from {', '.join(words('reach_kind'))}"))
    twice = pd.Index(ids)[pd.Index(ids).duplicated()]
    if len(twice):
        problems.append(
            Problem("point_id", "stands more than once", "give every row its own id", tuple(map(str, twice)))
        )
    shapes = points.geometry.to_numpy()
    other = ids[~(shapely.is_missing(shapes) | shapely.is_empty(shapes)) & (shapely.get_type_id(shapes) != 0)]
    if len(other):
        problems.append(Problem("geometry", "is not a point", "give one point per row", tuple(map(str, other))))
    if problems:
        raise PlaceError("locate", problems)
