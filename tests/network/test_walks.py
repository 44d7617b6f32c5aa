"""Walks and sums agree with networkx on any directed network, with loops, braids and two-way reaches."""

from __future__ import annotations

import itertools

import geopandas as gpd
import networkx as nx
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from outfall.errors import NetworkError
from outfall.network import Network, build_network
from tests.network.made import bare_network, lines, network_of, reach_graph

EDGES = st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), min_size=1, max_size=26)
NETWORKS = st.builds(
    lambda edges, both: (edges, [number for number in both if number < len(edges)]),
    EDGES,
    st.lists(st.integers(0, 25), max_size=3, unique=True),
)
QUICK = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@QUICK
@given(NETWORKS)
def test_upstream_is_ancestors(made):
    """What is upstream of a reach is its ancestors in the reach graph and itself."""
    network = bare_network(*made)
    graph = reach_graph(network)
    for reach in network.reaches["reach_id"]:
        assert set(network.upstream(reach)) == nx.ancestors(graph, reach) | {reach}
        assert set(network.downstream(reach)) == nx.descendants(graph, reach) | {reach}


@QUICK
@given(NETWORKS, st.integers(0, 2**31))
def test_total_counts_each_reach_once(made, seed):
    """The total of a column is its sum over the set upstream, whatever loops and braids there are."""
    network = bare_network(*made)
    values = pd.Series(
        np.random.default_rng(seed).uniform(0, 9, len(network.reaches)), index=network.reaches["reach_id"]
    )
    total = network.accumulate(values)
    for reach in network.reaches["reach_id"]:
        assert total[reach] == pytest.approx(values[network.upstream(reach)].sum())


@QUICK
@given(NETWORKS)
def test_path_is_a_walk(made):
    """A path runs from reach to reach in flow order, and there is one exactly where there is a way."""
    network = bare_network(*made)
    graph = reach_graph(network)
    ids = network.reaches["reach_id"].tolist()
    for one in ids[:4]:
        for other in ids[-4:]:
            path = network.path(one, other)
            assert bool(path) == (other in network.downstream(one))
            if path:
                assert (path[0], path[-1]) == (one, other)
                assert all(graph.has_edge(a, b) for a, b in itertools.pairwise(path))


def test_chain_needs_no_recursion():
    """A chain of 100,000 reaches is walked, summed and measured to its mouth."""
    count = 100_000
    place = np.stack([400_000 + np.arange(count + 1) * 5.0, np.full(count + 1, 3_400_000.0)], axis=1)
    shapes = shapely.linestrings(np.stack([place[:-1], place[1:]], axis=1))
    network = build_network(gpd.GeoDataFrame({"reach_id": np.arange(count).astype(str)}, geometry=shapes, crs=32650))
    assert len(network.upstream(str(count - 1))) == count
    assert network.accumulate("length_m").max() == pytest.approx(network.arrays.length_m.sum())
    assert network.arrays.mouth_m[0] == pytest.approx(network.arrays.length_m[1:].sum())


def test_grid_of_diversions_is_exact():
    """A grid where every node divides is summed exactly although its intervals multiply."""
    side = 14
    at = lambda east, north: east * side + north  # noqa: E731
    edges = [(at(a, b), at(a + 1, b)) for a in range(side - 1) for b in range(side)]
    edges += [(at(a, b), at(a, b + 1)) for a in range(side) for b in range(side - 1)]
    network = network_of(edges)
    total = network.accumulate(pd.Series(1.0, index=network.reaches["reach_id"]))
    counts = [len(network.upstream(reach)) for reach in total.index]
    np.testing.assert_array_equal(total.to_numpy(), counts)


def test_main_and_total_at_a_braid():
    """A braid is counted once in total, and gives nothing to its minor path by the rule main."""
    network = network_of([(0, 1), (1, 2), (1, 2), (2, 3)], is_main=[None, True, False, None])
    values = pd.Series([1.0, 2.0, 4.0, 8.0], index=["r0", "r1", "r2", "r3"])
    assert network.accumulate(values).tolist() == [1.0, 3.0, 5.0, 15.0]
    assert network.accumulate(values, rule="main").tolist() == [1.0, 3.0, 4.0, 15.0]
    assert network.accumulate(values, rule="apportioned").tolist() == [1.0, 2.5, 4.5, 15.0]


def test_fractions_split_the_flow():
    """A divergence with fractions gives each reach its share."""
    network = network_of([(0, 1), (1, 2), (1, 3)], fraction_share=[None, 0.75, 0.25])
    values = pd.Series([8.0, 0.0, 0.0], index=["r0", "r1", "r2"])
    assert network.accumulate(values, rule="apportioned").tolist() == [8.0, 6.0, 2.0]
    assert network.reaches["is_main"].tolist() == [True, True, False]


def test_missing_numbers_are_counted():
    """A reach without a number adds nothing and is counted as missing."""
    network = network_of([(0, 1), (1, 2)], area_km2=[3.0, None])
    found = network.accumulate("area_km2")
    assert found.tolist() == [3.0, 3.0]
    assert found.attrs["missing"] == 1


def test_a_column_of_a_cut_line_is_shared_by_length():
    """A number of the user's own on a line that was cut is not counted once per piece."""
    river = lines("LINESTRING (0 0, 100 0)", "LINESTRING (50 40, 50 0)", people=[10.0, 1.0], area_km2=[4.0, 1.0])
    network = build_network(river)
    assert network.accumulate("people").max() == pytest.approx(11.0)
    assert network.accumulate("area_km2").max() == pytest.approx(5.0)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda n: n.upstream("r9"), r"reach_id: not in the network \(row r9\); it has 2 reaches"),
        (lambda n: n.upstream("r0", along_m=1e6), "is not on the reach"),
        (lambda n: n.accumulate("rain"), "no column 'rain'"),
        (lambda n: n.accumulate("area_km2"), "holds no number"),
        (lambda n: n.accumulate("length_m", rule="all"), "not one of total, main, apportioned"),
        (lambda n: n.accumulate(pd.Series([1.0], index=["r7"])), "not in the network"),
        (lambda n: n.accumulate(pd.Series([1.0, 2.0], index=["r0", "r0"])), "more than once"),
        (lambda n: Network(n.reaches, n.nodes.iloc[:1]), "names a node that is not in nodes"),
        (lambda n: Network(n.reaches.to_crs(4326), n.nodes), "a metric one was expected"),
        (lambda n: Network(n.reaches, n.nodes.to_crs(32651)), "not that of the reaches"),
        (lambda n: Network(n.reaches.iloc[[0, 0]], n.nodes), "stands more than once"),
    ],
)
def test_refusals(call, match):
    """What a network cannot do is said with the value and the way out."""
    with pytest.raises(NetworkError, match=match):
        call(network_of([(0, 1), (1, 2)]))


def test_mouths_and_chainage():
    """The mouth is the node with nothing below, and chainage counts metres down to it."""
    network = build_network(lines("LINESTRING (0 0, 100 0)", "LINESTRING (100 0, 300 0)"))
    assert network.mouths()["kind"].tolist() == ["mouth"]
    np.testing.assert_allclose(network.arrays.mouth_m, [network.arrays.length_m[1], 0.0])


def test_main_path_that_runs_in_a_circle_still_has_a_chainage():
    """A loop with a way out has a finite distance to the mouth, one without has none."""
    network = network_of([(0, 1), (1, 2), (2, 0), (1, 3)], is_main=[True, True, True, False])
    assert np.isfinite(network.arrays.mouth_m).all()
    ring = network_of([(0, 1), (1, 0)])
    assert np.isnan(ring.arrays.mouth_m).all()
    assert len(ring.mouths()) == 0


def test_subset_says_where_it_was_cut_off():
    """A subset keeps the reaches asked for and marks the nodes where others were."""
    network = network_of([(0, 1), (1, 2), (3, 1)])
    part = network.subset(["r1", "r0"])
    assert part.reaches["reach_id"].tolist() == ["r0", "r1"]
    assert part.nodes.set_index("node_id")["kind"]["n1"] == "boundary"
    assert part.upstream("r1") == ["r1", "r0"]
    assert len(network.subset([]).reaches) == 0


def test_pieces_are_numbered_from_the_longest():
    """Pieces are numbered by their length, whatever the order of the lines."""
    frame = lines("LINESTRING (0 0, 10 0)", "LINESTRING (0 500, 100 500)", "LINESTRING (100 500, 120 500)")
    assert build_network(frame).pieces().to_dict() == {"L1": 2, "L2": 1, "L3": 1}
    assert build_network(frame.iloc[::-1]).pieces().to_dict() == {"L1": 2, "L2": 1, "L3": 1}


def test_loops_are_reported_not_cut():
    """A loop keeps its reaches and is listed with their ids."""
    network = network_of([(0, 1), (1, 2), (2, 0), (2, 3)])
    assert network.loops()["reach_id"].tolist() == ["r0", "r1", "r2"]
    row = network.issues[network.issues["kind"] == "loop"].iloc[0]
    assert row["row_ids"] == "r0;r1;r2"
    assert set(network.upstream("r3")) == {"r0", "r1", "r2", "r3"}


def test_networkx_has_both_ways():
    """A two-way reach is two edges, one of them against the line."""
    graph = network_of([(0, 1), (1, 2)], two_way=[1]).to_networkx()
    assert sorted((a, b, data["is_reverse"]) for a, b, data in graph.edges(data=True)) == [
        ("n0", "n1", False),
        ("n1", "n2", False),
        ("n2", "n1", True),
    ]


def test_repr_and_html():
    """The one-line repr has counts and units, and the drawing needs no network and runs no text of the file."""
    network = build_network(lines("LINESTRING (0 0, 100 0)", ids=["<script>alert(1)</script>"]))
    assert repr(network) == "Network: 1 reach (1 river), 0.1 km, 2 nodes, 1 mouth, 1 piece, 0 loops, EPSG:32650"
    page = network._repr_html_()
    assert "<svg" in page
    assert "http" not in page
    assert "<script" not in page
    assert "<p>" in network.subset([])._repr_html_()


def test_few_public_methods():
    """The class keeps to twelve public methods."""
    names = [name for name in vars(Network) if not name.startswith("_") and callable(getattr(Network, name))]
    assert len(names) <= 12, names


def test_places_along_a_cut_line():
    """A place on the user's own line is on the piece it belongs to."""
    river = lines("LINESTRING (0 0, 100 0)", "LINESTRING (50 40, 50 0)")
    network = build_network(river)
    rows, along = network.find_places(["L1", "L1", "L1.2"], [20.0, 70.0, 5.0])
    assert network.reaches["reach_id"].iloc[rows].tolist() == ["L1.1", "L1.2", "L1.2"]
    np.testing.assert_allclose(along, [20.0, 20.0, 5.0], atol=0.05)
    assert set(network.upstream("L1", along_m=20.0)) == {"L1.1"}
    assert set(network.upstream("L1")) == {"L1.1", "L1.2", "L2"}
