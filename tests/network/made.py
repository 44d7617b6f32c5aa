"""Networks made for tests, and the reach graph that networkx walks as an oracle."""

from __future__ import annotations

import geopandas as gpd
import networkx as nx
import numpy as np
import shapely

from outfall.network import Network, build_network

CRS = 32650
ORIGIN = (400_000.0, 3_400_000.0)


def lines(*wkt, ids=None, crs=CRS, **columns):
    """Return lines from coordinates in metres from a corner of the zone."""
    shapes = gpd.GeoSeries.from_wkt(list(wkt)).translate(*ORIGIN)
    names = ids if ids is not None else [f"L{number}" for number in range(1, len(wkt) + 1)]
    return gpd.GeoDataFrame({"reach_id": names, **columns}, geometry=shapes.to_numpy(), crs=crs)


def points(*places, crs=CRS, **columns):
    """Return points in metres from a corner of the zone."""
    shapes = gpd.GeoSeries.from_xy([ORIGIN[0] + a for a, _ in places], [ORIGIN[1] + b for _, b in places], crs=crs)
    return gpd.GeoDataFrame(columns, geometry=shapes)


def lines_of(edges, two_way=(), seed=0, **columns):
    """Return lines that join numbered nodes; a line from a node to itself is a small ring."""
    rng = np.random.default_rng(seed)
    count = 1 + max((max(pair) for pair in edges), default=0)
    place = rng.permutation(count * 4)[:count, None] * np.array([37.0, 91.0]) % 5000 + rng.uniform(0, 20, (count, 2))
    shapes = []
    for number, (tail, head) in enumerate(edges):
        start, end = place[tail], place[head]
        bend = (start + end) / 2 + rng.uniform(5, 30, 2) + number * 0.01
        more = [[bend[0] + 9.0, bend[1] + 1.0]] if tail == head else []
        shapes.append(shapely.LineString([start, bend, *more, end]))
    frame = gpd.GeoDataFrame(
        {
            "reach_id": [f"r{number}" for number in range(len(edges))],
            "from_node": [f"n{tail}" for tail, _ in edges],
            "to_node": [f"n{head}" for _, head in edges],
            "forward_share": [0.5 if number in set(two_way) else 1.0 for number in range(len(edges))],
            **columns,
        },
        geometry=shapes,
        crs=CRS,
    )
    return frame.set_geometry(frame.geometry.translate(*ORIGIN))


def network_of(edges, two_way=(), **columns):
    """Return the network of numbered nodes joined by reaches called r0, r1 and so on."""
    return build_network(lines_of(edges, two_way, **columns))


def bare_network(edges, two_way=()):
    """Return the same network from its two tables, without the builder: fast enough to draw many."""
    frame = lines_of(edges, two_way)
    frame["length_m"] = frame.length
    count = 1 + max(max(pair) for pair in edges)
    nodes = gpd.GeoDataFrame(
        {"node_id": [f"n{number}" for number in range(count)], "kind": "junction", "source_ref": "made"},
        geometry=[shapely.Point(*ORIGIN)] * count,
        crs=CRS,
    )
    return Network(frame.assign(kind="river", source_ref="made"), nodes)


def reach_graph(network):
    """Return the graph from reach to reach: one ends where the other begins, either way for two-way reaches."""
    rows = network.reaches[["reach_id", "from_node", "to_node", "forward_share"]].itertuples(index=False, name=None)
    begins, ends = {}, {}
    for reach, tail, head, share in rows:
        both = share < 0.95
        for node in {tail, head} if both else {tail}:
            begins.setdefault(node, []).append(reach)
        for node in {tail, head} if both else {head}:
            ends.setdefault(node, []).append(reach)
    graph = nx.DiGraph()
    graph.add_nodes_from(network.reaches["reach_id"])
    for node, coming in ends.items():
        graph.add_edges_from((one, other) for one in coming for other in begins.get(node, ()) if one != other)
    return graph
