"""Which points (sources, samplers, permits) lie upstream of which places, and how far in km and hours, all at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.sparse.csgraph import dijkstra

from outfall.errors import NetworkError, Problem
from outfall.network.ragged import spread

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from outfall.network.arrays import Arrays, Reals
    from outfall.network.graph import Network
    from outfall.network.index import Index

__all__ = ["find_points_upstream"]

_KEYS = ("point_id", "outfall_id", "source_id", "sighting_id", "sample_id", "node_id", "clue_id")
_PAIRS = 2_000_000
_CELLS = 8_000_000  # numbers one search over all nodes may hold
_NOTHING = 1e-9

_Spots = tuple["NDArray[np.int64]", "Reals"]  # row of the reach, share of it from its upper end


def find_points_upstream(
    places: pd.DataFrame,
    points: pd.DataFrame,
    network: Network,
    *,
    within_km: float | None = None,
    within_h: float | None = None,
    hours: pd.Series | None = None,
) -> pd.DataFrame:
    """Return every point whose water can come to each place, with the shortest way and the shortest time.

    Points are looked up by intervals of the index; where the main path is the only way its distances are differences of
    two numbers, elsewhere the shortest way is searched.

    Parameters
    ----------
    places : DataFrame, n rows
        ``reach_id`` and ``along_m`` (metres from the upstream end), and a key column (``point_id``, ``outfall_id`` …).
    points : DataFrame, m rows
        The same columns, of what may lie upstream.
    network : Network
        Where they lie.
    within_km : float, kilometres, optional
        Leaves out what is farther along the network.
    within_h : float, hours, optional
        Leaves out what takes longer.
    hours : Series, indexed by reach_id, optional
        Hours through each reach; `travel_times` by default where ``within_h`` is given.

    Returns
    -------
    DataFrame
        ``at_id``, ``point_id``, ``reach_id``, ``along_m`` of the point, ``distance_m`` and ``hours`` (NaN where neither
        ``within_h`` nor ``hours`` is given), in the order of the places, nearest first.

    Raises
    ------
    NetworkError
        A reach is not in the network, a place is beyond its end, a column is missing or a cutoff is below 0.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from outfall.network import build_network
    >>> lines = gpd.GeoDataFrame({"reach_id": ["upper", "lower"]}, crs=32650, geometry=gpd.GeoSeries.from_wkt(
    ...     ["LINESTRING (500000 3400200, 500000 3400100)", "LINESTRING (500000 3400100, 500000 3400000)"]))
    >>> outfalls = pd.DataFrame({"outfall_id": ["P-1"], "reach_id": ["lower"], "along_m": [50.0]})
    >>> sources = pd.DataFrame({"source_id": ["S1", "S2"], "reach_id": ["upper", "lower"], "along_m": [90.0, 60.0]})
    >>> found = find_points_upstream(outfalls, sources, build_network(lines), within_km=1)
    >>> found[["at_id", "point_id"]].to_dict("records"), round(float(found["distance_m"].iloc[0]))
    ([{'at_id': 'P-1', 'point_id': 'S1'}], 60)
    """
    _check(places, points, {"within_km": within_km, "within_h": within_h})
    at, spots = _spots(places, network), _spots(points, network)
    far = (np.inf if within_km is None else within_km * 1000.0, np.inf if within_h is None else within_h)
    costs = [network.arrays.length_m]
    if hours is not None or within_h is not None:
        costs.append(_hours(network, hours))
    index = network._index  # noqa: SLF001 - one package
    odd = np.any([_could_shorten(network.arrays, index, cost) for cost in costs], axis=0)
    parts = [*_by_differences(index, at, spots, costs, odd)]
    parts += _by_search(network.arrays, index, at, spots, costs, odd, far)
    one, other, way = (np.concatenate([part[number] for part in parts]) for number in range(3))
    keep = np.flatnonzero((way <= np.array(far[: len(costs)]) + _NOTHING).all(axis=1) & np.isfinite(way).all(axis=1))
    name = pd.factorize(_ids(points), sort=True)[0]
    keep = keep[np.lexsort((name[other[keep]], way[keep, 0], one[keep]))]
    one, other, way = one[keep], other[keep], way[keep]
    return pd.DataFrame(
        {
            "at_id": _ids(places)[one],
            "point_id": _ids(points)[other],
            "reach_id": network.reaches["reach_id"].to_numpy(dtype=object)[spots[0][other]],
            "along_m": spots[1][other] * network.arrays.length_m[spots[0][other]],
            "distance_m": way[:, 0],
            "hours": way[:, 1] if len(costs) > 1 else np.full(len(one), np.nan),
        }
    ).astype({"at_id": "str", "point_id": "str", "reach_id": "str"})


def _by_differences(
    index: Index, at: _Spots, spots: _Spots, costs: list[Reals], odd: NDArray[np.bool_]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], Reals]]:
    """Return pairs and ways of places above which the main path is the only way."""
    yield np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), np.zeros((0, len(costs)))
    some = np.flatnonzero(~_needs_search(index, at[0], odd))
    down = [_add_down(index, cost) for cost in costs] if len(some) else []
    for one, other in _pairs(index, at[0], spots[0], some):
        (reach, share), (above, part) = (at[0][one], at[1][one]), (spots[0][other], spots[1][other])
        way = np.empty((len(one), len(costs)))
        for number, cost in enumerate(costs):
            between = down[number][above] - down[number][reach] - cost[above] * part + cost[reach] * share
            way[:, number] = np.where(above == reach, cost[reach] * (share - part), np.maximum(between, 0.0))
        keep = (above != reach) | (part <= share)
        yield one[keep], other[keep], way[keep]


def _by_search(
    arrays: Arrays,
    index: Index,
    at: _Spots,
    spots: _Spots,
    costs: list[Reals],
    odd: NDArray[np.bool_],
    far: tuple[float, float],
) -> list[tuple[NDArray[np.int64], NDArray[np.int64], Reals]]:
    """Return pairs and ways of places above which there may be several ways, by Dijkstra from each."""
    some = np.flatnonzero(_needs_search(index, at[0], odd))
    graphs = [arrays.make_graph(cost) for cost in costs] if len(some) else []
    size = max(1, _CELLS // max(arrays.node_count, 1))
    found = []
    for begin in range(0, len(some), size):
        group = some[begin : begin + size]
        for one, other in _pairs(index, at[0], spots[0], group):
            row = np.searchsorted(group, one)
            way = [
                _shortest(
                    arrays, graph, cost, (at[0][group], at[1][group]), row, (spots[0][other], spots[1][other]), most
                )
                for graph, cost, most in zip(graphs, costs, far, strict=False)
            ]
            found.append((one, other, np.stack(way, axis=1)))
    return found


def _shortest(
    arrays: Arrays, graph: object, cost: Reals, at: _Spots, row: NDArray[np.int64], spots: _Spots, most: float
) -> Reals:
    """Return the cheapest way from each spot to the place of its row; a two-way reach can be entered at both ends."""
    reach, share = at
    above, part = spots
    same, gap = above == reach[row], share[row] - part
    two_way = arrays.two_way
    direct = np.where(two_way[above], np.abs(gap), np.where(gap >= 0, gap, np.inf))
    best = np.where(same, direct * cost[above], np.inf)
    ends = [(arrays.from_node[reach], cost[reach] * share)]
    if two_way[reach].any():
        ends.append((arrays.to_node[reach], np.where(two_way[reach], cost[reach] * (1 - share), np.inf)))
    for node, rest in ends:
        steps = dijkstra(graph, indices=node, limit=most)
        forward = steps[row, arrays.to_node[above]] + cost[above] * (1 - part)
        back = np.where(two_way[above], steps[row, arrays.from_node[above]] + cost[above] * part, np.inf)
        best = np.minimum(best, np.minimum(forward, back) + rest[row])
    return best


def _pairs(
    index: Index, reach: NDArray[np.int64], above: NDArray[np.int64], some: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Return pairs (place, point) where the reach of the point is upstream, as many at a time as fit."""
    from outfall.network.query import take_sets

    order = np.argsort(index.position[above], kind="stable")
    standing = index.position[above][order]
    swept = index.exploded[reach[some]] if len(index.exploded) else np.zeros(len(some), dtype=bool)
    for begin in range(0, int(swept.sum()), 64):
        few = some[swept][begin : begin + 64]
        one, other = np.repeat(few, len(above)), np.tile(np.arange(len(above)), len(few))
        keep = index.sweep.compare(above[other], reach[one]) | (above[other] == reach[one])
        yield one[keep], other[keep]
    some = some[~swept]
    sets = take_sets(index, reach[some])
    owner = np.repeat(some, np.diff(sets.start))
    low, high = np.searchsorted(standing, sets.first), np.searchsorted(standing, sets.end)
    ends, begin = np.cumsum(high - low), 0
    while begin < len(owner):
        stop = max(begin + 1, int(np.searchsorted(ends, (ends[begin - 1] if begin else 0) + _PAIRS, side="right")))
        row, at = spread(low[begin:stop], (high - low)[begin:stop])
        yield owner[begin:stop][row], order[at]
        begin = stop


def _needs_search(index: Index, reach: NDArray[np.int64], odd: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return whether there may be a way to a reach that is shorter than the main path, or none along it."""
    sums = np.concatenate([[0], np.cumsum(odd[index.sequence])])
    found = (sums[index.end[reach]] > sums[index.first[reach]]) | (index.count_extras(reach) > 0)
    return np.asarray(found | index.exploded[reach] if len(index.exploded) else found, dtype=bool)


def _could_shorten(arrays: Arrays, index: Index, cost: Reals) -> NDArray[np.bool_]:
    """Return whether a reach opens another way than the main path: all but a braid that rejoins and is no shorter."""
    main = arrays.main_out
    odd = main[arrays.from_node] != np.arange(len(cost))
    looped = np.zeros(len(cost), dtype=bool)
    if index.position is not index.first:
        looped = index.node_part[arrays.from_node] == index.node_part[arrays.to_node]
    rows = np.flatnonzero(odd & ~looped)
    if len(rows):
        down = _add_down(index, cost)
        beside, onward = main[arrays.from_node[rows]], main[arrays.to_node[rows]]
        at = index.position[beside]
        rejoins = (onward >= 0) & (at >= index.first[onward]) & (at < index.end[onward])
        longer = cost[rows] >= down[beside] - down[onward] - _NOTHING
        odd[rows] = ~(rejoins & longer)
    return np.asarray(odd | looped, dtype=bool)


def _add_down(index: Index, cost: Reals) -> Reals:
    """Return what each reach and those the main tree hangs it on cost: every one counts from its first to its end."""
    plain = index.first == index.position
    change = np.bincount(index.first[plain], weights=cost[plain], minlength=len(cost) + 1).astype(float)
    change -= np.bincount(index.end[plain], weights=cost[plain], minlength=len(cost) + 1)
    return np.asarray(np.cumsum(change)[index.position], dtype=float)


def _spots(table: pd.DataFrame, network: Network) -> _Spots:
    rows, along = network.find_places(table["reach_id"], table["along_m"].to_numpy(float))
    length = network.arrays.length_m[rows]
    return rows, np.clip(np.where(length > 0, along / np.where(length > 0, length, 1.0), 0.0), 0.0, 1.0)


def _hours(network: Network, hours: pd.Series | None) -> Reals:
    if hours is None:
        from outfall.network.travel import travel_times

        hours = travel_times(network)
    found = hours.reindex(network.reaches["reach_id"]).to_numpy(float)
    lost = network.reaches["reach_id"][~(found >= 0)]
    if len(lost):
        what = "has no hours, or less than 0"
        raise NetworkError("hours", [Problem("hours", what, "give one number per reach", tuple(map(str, lost)))])
    return found


def _ids(table: pd.DataFrame) -> NDArray[np.object_]:
    key = next((name for name in _KEYS if name in table.columns), None)
    return (table[key] if key else table.index.to_series()).astype("str").to_numpy(dtype=object)


def _check(places: pd.DataFrame, points: pd.DataFrame, cutoffs: dict[str, float | None]) -> None:
    problems = [
        Problem(name, f"{value!r} is not above 0", "leave it out for no limit")
        for name, value in cutoffs.items()
        if value is not None and not value > 0
    ]
    for name, table in (("places", places), ("points", points)):
        problems += [
            Problem(column, f"is not a column of the {name}", "place them with locate(...) first")
            for column in ("reach_id", "along_m")
            if column not in table.columns
        ]
    if problems:
        raise NetworkError("find_points_upstream", problems)
