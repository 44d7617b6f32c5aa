"""Points upstream of places are those a search from every place finds, at the same distance."""

from __future__ import annotations

import itertools

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from outfall.errors import NetworkError
from outfall.network import minor
from outfall.network.above import find_points_upstream
from tests.laws import unchanged
from tests.network.made import bare_network, network_of

EDGES = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=20)


def drawn(network, count, seed, key):
    """Return places drawn evenly over the reaches."""
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, len(network.reaches), count)
    along = rng.random(count) * network.arrays.length_m[rows]
    ids = [f"{key[0]}{number}" for number in range(count)]
    return pd.DataFrame({key: ids, "reach_id": network.reaches["reach_id"].to_numpy()[rows], "along_m": along})


def searched(places, points, network):
    """Return the distance of every pair by Dijkstra on a graph in which every place and point is a node."""
    graph = nx.DiGraph()
    both = network.arrays.two_way
    table = network.reaches.reset_index(drop=True)
    stops = pd.concat([places.assign(name=places["outfall_id"]), points.assign(name=points["source_id"])])
    for row, (reach, tail, head) in enumerate(
        zip(table["reach_id"], table["from_node"], table["to_node"], strict=True)
    ):
        here = stops[stops["reach_id"] == reach].sort_values("along_m")
        chain = [
            (tail, 0.0),
            *zip(here["name"], here["along_m"], strict=True),
            (head, float(network.arrays.length_m[row])),
        ]
        for (one, low), (other, high) in itertools.pairwise(chain):
            for a, b in ((one, other), (other, one)) if both[row] else ((one, other),):
                if high - low < graph.get_edge_data(a, b, {"weight": np.inf})["weight"]:
                    graph.add_edge(a, b, weight=high - low)
    found = {}
    for place in places["outfall_id"]:
        reached = nx.single_source_dijkstra_path_length(graph.reverse(copy=False), place, weight="weight")
        found |= {(place, point): reached[point] for point in points["source_id"] if point in reached}
    return found


@pytest.mark.parametrize("cap", [None, 0])
@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(edges=EDGES, both=st.lists(st.integers(0, 19), max_size=2, unique=True), seed=st.integers(0, 999))
def test_every_way_is_found_and_is_the_shortest(monkeypatch, cap, edges, both, seed):
    """On any network pairs and distances are those of a search from every place, by intervals and by bits."""
    if cap is not None:
        monkeypatch.setattr(minor, "_CAP_ALWAYS", cap)
        monkeypatch.setattr(minor, "_CAP_PER_REACH", cap)
    network = bare_network(edges, [at for at in both if at < len(edges)])
    places, points = drawn(network, 4, seed, "outfall_id"), drawn(network, 6, seed + 1, "source_id")
    found = find_points_upstream(places, points, network)
    want = searched(places, points, network)
    pairs = dict(zip(zip(found["at_id"], found["point_id"], strict=True), found["distance_m"], strict=True))
    assert len(pairs) == len(found)
    assert pairs.keys() == want.keys()
    assert all(pairs[pair] == pytest.approx(want[pair], abs=1e-4) for pair in want)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(EDGES, st.integers(0, 999), st.floats(0.01, 3))
def test_a_cutoff_is_a_filter(edges, seed, within):
    """A cutoff in km or hours leaves out exactly what is farther."""
    network = bare_network(edges)
    places, points = drawn(network, 4, seed, "outfall_id"), drawn(network, 6, seed + 1, "source_id")
    hours = pd.Series(np.random.default_rng(seed).uniform(0.1, 2, len(edges)), index=network.reaches["reach_id"])
    with unchanged(places), unchanged(points):
        whole = find_points_upstream(places, points, network, hours=hours)
        near = find_points_upstream(places, points, network, within_km=within, hours=hours)
        soon = find_points_upstream(places, points, network, within_h=within, hours=hours)
    pd.testing.assert_frame_equal(near, whole[whole["distance_m"] <= within * 1000].reset_index(drop=True))
    pd.testing.assert_frame_equal(soon, whole[whole["hours"] <= within].reset_index(drop=True))
    assert (whole.groupby("at_id")["distance_m"].diff().dropna() >= 0).all()


def test_order_of_points_does_not_matter():
    """Points in another order give the same rows."""
    network = network_of([(0, 2), (1, 2), (2, 3), (2, 4), (4, 3), (3, 5)])
    places, points = drawn(network, 5, 1, "outfall_id"), drawn(network, 20, 2, "source_id")
    one = find_points_upstream(places, points, network)
    other = find_points_upstream(places, points.iloc[::-1], network)
    pd.testing.assert_frame_equal(one, other)
    assert one["hours"].isna().all()
    assert find_points_upstream(places, points, network, within_h=1e6)["hours"].notna().all()


def test_nothing_gives_nothing():
    """No places or no points give a table without rows and with its columns."""
    network = network_of([(0, 1), (1, 2)])
    some = drawn(network, 2, 0, "outfall_id")
    for places, points in ((some.iloc[:0], some), (some, some.iloc[:0])):
        found = find_points_upstream(places, points, network, within_h=2)
        assert len(found) == 0
        assert found.columns.tolist() == ["at_id", "point_id", "reach_id", "along_m", "distance_m", "hours"]


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"within_km": 0}, "within_km: 0 is not above 0"),
        ({"within_h": -1.0}, "within_h: -1.0 is not above 0"),
        ({"hours": pd.Series([1.0], index=["r0"])}, "has no hours"),
    ],
)
def test_refusals(options, match):
    """Impossible cutoffs and missing hours are refused."""
    network = network_of([(0, 1), (1, 2)])
    some = drawn(network, 2, 0, "outfall_id")
    with pytest.raises(NetworkError, match=match):
        find_points_upstream(some, some, network, **options)
    with pytest.raises(NetworkError, match="is not a column of the points"):
        find_points_upstream(some, some.drop(columns="along_m"), network)
