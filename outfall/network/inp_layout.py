"""Where the nodes of a SWMM file are: as it says, and drawn as a scheme where it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import networkx as nx
import numpy as np
import shapely

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["draw_links", "place_nodes"]

_STEP_M = 50.0
_BULGE_M = 1.0
_NOTHING_M = 1e-6

Place = tuple[float, float]


def place_nodes(
    known: Mapping[str, Place], links: Sequence[tuple[str, str]], ends: Sequence[str]
) -> tuple[dict[str, Place], set[str]]:
    """Return a place for every node, and the names of those that are only a scheme.

    A node without coordinates is put beside its neighbours; where none of them has any, by how many links it lies above
    an outfall.

    Parameters
    ----------
    known : mapping of str to (east, north), metres
        What the file says.
    links : sequence of (from, to)
        Names of nodes.
    ends : sequence of str
        Outfalls.

    Returns
    -------
    places : dict of str to (east, north)
        Of every node of the links.
    schematic : set of str
        Those without coordinates of their own.

    Examples
    --------
    >>> place_nodes({}, [("a", "b"), ("b", "out")], ["out"])[0]
    {'out': (0.0, 0.0), 'b': (-50.0, 0.0), 'a': (-100.0, 0.0)}
    """
    names = sorted({name for link in links for name in link})
    places = {name: known[name] for name in names if name in known}
    lost = {name for name in names if name not in known}
    if not lost:
        return places, lost
    graph = nx.Graph()
    graph.add_nodes_from(names)
    graph.add_edges_from(links)
    north = min((place[1] for place in places.values()), default=_STEP_M) - _STEP_M
    for piece in sorted(nx.connected_components(graph), key=min):
        if not piece & set(places):
            drawn = _draw_scheme(graph.subgraph(piece), [name for name in ends if name in piece], north)
            places.update(drawn)
            north = min(place[1] for place in drawn.values()) - _STEP_M
    while lost - set(places):
        ready = [(name, sorted(set(graph[name]) & set(places))) for name in sorted(lost - set(places))]
        for at, (name, near) in enumerate([item for item in ready if item[1]]):
            middle = np.mean([places[other] for other in near], axis=0)
            turn = 2.4 * at  # radians: no two on one spot
            places[name] = (
                float(middle[0] + _STEP_M / 5 * np.cos(turn)),
                float(middle[1] + _STEP_M / 5 * np.sin(turn)),
            )
    return places, lost


def draw_links(
    places: Mapping[str, Place], links: Sequence[tuple[str, str]], bends: Sequence[Sequence[Place]]
) -> list[shapely.LineString]:
    """Return the line of each link, none of no length and no two the same.

    Parameters
    ----------
    places : mapping of str to (east, north), metres
        Where the nodes are.
    links : sequence of (from, to), n values
        Names of nodes.
    bends : sequence of sequences of (east, north), n values
        Vertices between them.

    Returns
    -------
    list of LineString
        Links that would lie on each other, or have no length, swing out by a metre or more.
    """
    times: dict[tuple[object, ...], int] = {}
    shapes = []
    for (tail, head), inner in zip(links, bends, strict=True):
        line = [places[tail], *inner, places[head]]
        key = min(tuple(line), tuple(reversed(line)))
        again = times.get(key, 0)
        times[key] = again + 1
        length = shapely.length(shapely.LineString(line))
        if again or length < _NOTHING_M:
            line = [line[0], *_swing(line, (again + 1) * _BULGE_M), line[-1]]
        shapes.append(shapely.LineString(line))
    return shapes


def _swing(line: Sequence[Place], by_m: float) -> list[Place]:
    (east, north), (far_east, far_north) = line[0], line[-1]
    run, rise = far_east - east, far_north - north
    size = float(np.hypot(run, rise))
    side = (0.0, 1.0) if size < _NOTHING_M else (-rise / size, run / size)
    if len(line) > 2:  # a bent line swings with all its bends
        return [(a + side[0] * by_m, b + side[1] * by_m) for a, b in line[1:-1]]
    return [((east + far_east) / 2 + side[0] * by_m, (north + far_north) / 2 + side[1] * by_m)]


def _draw_scheme(graph: nx.Graph, ends: Sequence[str], north: float) -> dict[str, Place]:
    """Return places of a piece without any: east by links above its outfall, south by order of name."""
    roots = sorted(ends) or [min(graph)]
    depth = nx.multi_source_dijkstra_path_length(graph, set(roots), weight=None)
    used: dict[int, int] = {}
    places = {}
    for name in sorted(depth, key=lambda item: (depth[item], item)):
        column = int(depth[name])
        row = used.get(column, 0)
        used[column] = row + 1
        places[name] = (_STEP_M * -column, north - _STEP_M * row)
    return places
