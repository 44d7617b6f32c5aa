"""Which outfalls are traced together, and what each part needs beside them so that nothing at its edge is cut off.

A part is asked about its own outfalls. It is given more: every source that could reach one of them, every outfall such
a source could reach instead (they share its water out), and every drain either could be at. What is left out cannot
change an answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd
import shapely
from scipy import sparse

from outfall.tables import split_ids
from outfall.tracing.drains import DRAIN_KINDS, WATER_KINDS

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from outfall.network import Network
    from outfall.tracing.settings import Settings

    Ints: TypeAlias = NDArray[np.int64]
    Bools: TypeAlias = NDArray[np.bool_]
    Pairs: TypeAlias = Any  # scipy.sparse.csr_matrix has no types

__all__ = ["Part", "split_parts"]

_MOUTH_SIGMAS = 4.0  # how far tie_outfalls looks
_PLACE_SIGMAS = 3.0  # how far locate looks
_MORE = 1.001  # a little further, against rounding
_SIGMA_M = 10.0


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of the tables one part needs: ``asked`` are its own outfalls, among ``outfalls``."""

    asked: Ints
    outfalls: Ints
    sources: Ints
    reaches: Ints


def split_parts(
    outfalls: gpd.GeoDataFrame,
    network: Network,
    sources: gpd.GeoDataFrame,
    *,
    links: pd.DataFrame,
    settings: Settings,
    parts: int,
) -> list[Part]:
    """Return the outfalls basin by basin, in so many parts, with all that could change the answer of each.

    Parameters
    ----------
    outfalls, sources : GeoDataFrame
        In the CRS of the network; sources as `place_sources` returns them.
    network : Network
        Rivers and pipes as one. A basin is a piece of it that nothing joins to another.
    links : DataFrame
        Contract ``links``.
    settings : dict
        Section ``route``.
    parts : int
        How many; never more than there are outfalls.

    Returns
    -------
    list of Part
        Every outfall is asked in exactly one.
    """
    near = _Near.find(outfalls, network, sources, links, settings)
    order = _by_basin(outfalls, network)
    count = min(parts, len(outfalls))
    return [near.part(np.sort(chosen)) for chosen in np.array_split(order, count)] if count else []


@dataclass(frozen=True, slots=True)
class _Near:
    """What is near what: outfalls (o), sources (s), groups of joined drains (g), open water (w), as sparse matrices."""

    o_g: Pairs
    s_g: Pairs
    s_o: Pairs
    s_w: Pairs
    family: Ints
    group_of: Ints
    drains: Ints
    water: Ints

    @classmethod
    def find(
        cls,
        outfalls: gpd.GeoDataFrame,
        network: Network,
        sources: gpd.GeoDataFrame,
        links: pd.DataFrame,
        settings: Settings,
    ) -> _Near:
        """Return the neighbourhoods of all outfalls and sources."""
        route, kind = settings["route"], network.reaches["kind"]
        drains = np.flatnonzero(kind.isin([*DRAIN_KINDS, "interface"]).to_numpy())
        water = np.flatnonzero(kind.isin(WATER_KINDS).to_numpy())
        group_of, groups = _join_drains(network, drains)
        lines = np.asarray(network.reaches.geometry.array)
        mouths, places = np.asarray(outfalls.geometry.array), np.asarray(sources.geometry.array)
        reach = _MORE * route["search_m"]
        sigma = outfalls["sigma_m"].fillna(_SIGMA_M).to_numpy(dtype=float)
        tied = _MOUTH_SIGMAS * _MORE * np.hypot(sigma, route["mouth_sigma_m"])
        entered = _PLACE_SIGMAS * _MORE * np.hypot(sources["sigma_m"].to_numpy(float), route["lateral_sigma_m"])
        tree = shapely.STRtree(lines[drains])
        at, drain = _within(mouths, tree, tied)
        inside, own = _seen_inside(outfalls, network, drains)
        o_g = _matrix(np.append(at, inside), group_of[np.append(drain, own)], (len(mouths), groups))
        who, drain = _within(places, tree, entered)
        named, node_group = _named_nodes(sources, network, drains, group_of)
        s_g = _matrix(np.append(who, named), np.append(group_of[drain], node_group), (len(places), groups))
        who, at = _within(places, shapely.STRtree(mouths), np.full(len(places), reach))
        linked = _linked(links, outfalls, sources)
        s_o = _matrix(np.append(who, linked[0]), np.append(at, linked[1]), (len(places), len(mouths)))
        s_w = _matrix(
            *_within(places, shapely.STRtree(lines[water]), np.full(len(places), reach)), (len(places), len(water))
        )
        return cls(o_g, s_g, s_o, s_w, _families(o_g), group_of, drains, water)

    def part(self, asked: Ints) -> Part:
        """Return all that could change the answer of some outfalls."""
        groups = _touched(self.o_g, asked)
        sources = np.flatnonzero(_any(self.s_g, groups) | _any(self.s_o, _mark(asked, self.s_o.shape[1])))
        others = _touched(self.s_o, sources) | _mark(asked, self.s_o.shape[1])
        outfalls = np.flatnonzero(np.isin(self.family, self.family[others]))
        groups = _touched(self.o_g, outfalls) | _touched(self.s_g, sources)
        water = self.water[_touched(self.s_w, sources)]
        return Part(asked, outfalls, sources, np.sort(np.append(self.drains[groups[self.group_of]], water)))


def _join_drains(network: Network, drains: Ints) -> tuple[Ints, int]:
    """Return for each drain the number of the group of drains it is joined to, and how many groups there are."""
    arrays = network.arrays
    tail, head = arrays.from_node[drains], arrays.to_node[drains]
    nodes = len(network.nodes)
    graph = sparse.coo_matrix((np.ones(len(drains), dtype=bool), (tail, head)), shape=(nodes, nodes))
    _, label = sparse.csgraph.connected_components(graph, directed=False)
    group, names = pd.factorize(label[tail])
    return group.astype(np.int64), len(names)


def _by_basin(outfalls: gpd.GeoDataFrame, network: Network) -> Ints:
    """Return the outfalls basin by basin, along the rivers of each from west to east, then by id."""
    pieces = network.pieces().to_numpy()
    points = np.asarray(outfalls.geometry.array)
    place = shapely.get_coordinates(shapely.point_on_surface(points)) if len(points) else np.zeros((0, 2))
    nearest = shapely.STRtree(np.asarray(network.reaches.geometry.array)).nearest(points) if len(pieces) else 0
    basin = pieces[nearest] if len(pieces) else np.zeros(len(points))
    ids, _ = pd.factorize(outfalls["outfall_id"], sort=True)
    return np.asarray(np.lexsort((ids, place[:, 0], place[:, 1] // 5000.0, basin)), dtype=np.int64)


def _within(points: NDArray[np.object_], tree: shapely.STRtree, radius: NDArray[np.float64]) -> tuple[Ints, Ints]:
    able = np.flatnonzero(~(shapely.is_missing(points) | shapely.is_empty(points)))
    if not len(able) or not len(tree.geometries):
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    at, found = tree.query(points[able], predicate="dwithin", distance=radius[able])
    return able[at].astype(np.int64), found.astype(np.int64)


def _seen_inside(outfalls: gpd.GeoDataFrame, network: Network, drains: Ints) -> tuple[Ints, Ints]:
    """Return outfalls a crawler placed on a drain, and which."""
    crawled = outfalls["platforms"].map(lambda text: "crawler" in split_ids(text)).to_numpy(dtype=bool)
    ids = pd.Index(network.reaches["reach_id"].to_numpy(dtype=object)[drains])
    at = ids.get_indexer(pd.Index(outfalls["reach_id"].astype("object"))) if len(ids) else np.full(len(outfalls), -1)
    rows = np.flatnonzero(crawled & (at >= 0))
    return rows, at[rows].astype(np.int64)


def _named_nodes(sources: gpd.GeoDataFrame, network: Network, drains: Ints, group_of: Ints) -> tuple[Ints, Ints]:
    """Return sources whose permit names a node of a drain, and the group of that drain."""
    arrays = network.arrays
    group = np.full(len(network.nodes), -1)
    for end in (arrays.from_node, arrays.to_node):
        group[end[drains]] = group_of
    node = pd.Index(network.nodes["node_id"].astype("object")).get_indexer(
        pd.Index(sources["node_id"].astype("object"))
    )
    found = np.where(node >= 0, group[node], -1)
    rows = np.flatnonzero(found >= 0)
    return rows, found[rows].astype(np.int64)


def _linked(links: pd.DataFrame, outfalls: gpd.GeoDataFrame, sources: gpd.GeoDataFrame) -> tuple[Ints, Ints]:
    """Return sources and outfalls that a link joins."""
    ends = []
    for table, ids in (("sources", sources["source_id"]), ("outfalls", outfalls["outfall_id"])):
        named = links["from_id"].where(links["from_table"] == table, links["to_id"].where(links["to_table"] == table))
        ends.append(pd.Index(ids.astype("object")).get_indexer(pd.Index(named.astype("object"))))
    both = (ends[0] >= 0) & (ends[1] >= 0)
    return ends[0][both].astype(np.int64), ends[1][both].astype(np.int64)


def _families(o_g: Pairs) -> Ints:
    """Return the number of the family of each outfall: those that may be at the same drains share them out."""
    count, groups = o_g.shape
    at, group = o_g.nonzero()
    size = count + groups
    graph = sparse.coo_matrix((np.ones(len(at), dtype=bool), (at, count + group)), shape=(size, size))
    _, label = sparse.csgraph.connected_components(graph, directed=False)
    return np.asarray(label[:count], dtype=np.int64)


def _matrix(row: Ints, column: Ints, shape: tuple[int, int]) -> Pairs:
    return sparse.csr_matrix((np.ones(len(row), dtype=np.int32), (row, column)), shape=shape)


def _mark(at: Ints, size: int) -> Bools:
    marked = np.zeros(size, dtype=bool)
    marked[at] = True
    return marked


def _touched(pairs: Pairs, rows: Ints) -> Bools:
    """Return which columns some rows have anything in."""
    return _mark(pairs[rows].indices, pairs.shape[1])


def _any(pairs: Pairs, columns: Bools) -> Bools:
    """Return which rows have anything in some columns."""
    return np.asarray(pairs @ columns.astype(np.int32) > 0)
