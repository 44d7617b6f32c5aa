"""Traces over uncertain directions, states and places are probabilities whose error is known."""

from __future__ import annotations

import itertools

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from outfall.errors import NetworkError
from outfall.network import upstream_probability
from outfall.network.lanes import _find_chains
from tests.laws import unchanged
from tests.network.made import bare_network
from tests.network.test_walks import EDGES, QUICK


def network_with(edges, share, open_share=None):
    """Return a network whose reaches have given shares."""
    from outfall.network import Network

    plain = bare_network(edges)
    reaches = plain.reaches.assign(forward_share=share, state=None)
    return Network(reaches if open_share is None else reaches.assign(open_share=open_share), plain.nodes)


def exact(network, target):
    """Return the exact probabilities by enumerating every draw: one per stretch, one per state."""
    reaches, arrays = network.reaches, network.arrays
    share = arrays.forward_share
    is_open = reaches["open_share"].to_numpy() if "open_share" in reaches else np.ones(len(reaches))
    rank = np.argsort(np.argsort(reaches["reach_id"].to_numpy(dtype=object).astype(str)))
    chain, along = _find_chains(arrays, (share > 0) & (share < 1), rank)
    chains = sorted({int(chain[row]) for row in np.flatnonzero((share > 0) & (share < 1))})
    gates = np.flatnonzero((is_open > 0) & (is_open < 1)).tolist()
    total = np.zeros(len(reaches))
    cuts = {
        one: sorted({0.0, 1.0, *(share[r] if along[r] else 1 - share[r] for r in np.flatnonzero(chain == one))})
        for one in chains
    }
    for spans in itertools.product(*(list(itertools.pairwise(cuts[one])) for one in chains)):
        draw = {one: sum(span) / 2 for one, span in zip(chains, spans, strict=True)}
        chance = float(np.prod([high - low for low, high in spans]))
        runs = [
            s >= 1 or (0 < s < 1 and ((draw[int(c)] < s) if a else (draw[int(c)] >= 1 - s)))
            for s, c, a in zip(share, chain, along, strict=True)
        ]
        for passes in itertools.product([True, False], repeat=len(gates)):
            state = is_open >= 1
            state[gates] = passes
            weight = chance * np.prod([is_open[g] if p else 1 - is_open[g] for g, p in zip(gates, passes, strict=True)])
            total += weight * comes(network, target, runs, state)
    return total


def comes(network, target, runs, state):
    """Return whether water of each reach comes to the target in one world, by networkx."""
    arrays, graph = network.arrays, nx.DiGraph()
    ends = [
        (int(a), int(b)) if fwd else (int(b), int(a))
        for a, b, fwd in zip(arrays.from_node, arrays.to_node, runs, strict=True)
    ]
    for row, (tail, head) in enumerate(ends):
        if state[row] and row != target:
            graph.add_edge(tail, head)
    if not state[target]:
        return np.arange(len(runs)) == target
    start = ends[target][0]
    reach = (nx.ancestors(graph, start) | {start}) if start in graph else {start}
    found = [bool(state[row] and ends[row][1] in reach) or row == target for row in range(len(runs))]
    return np.array(found, dtype=float)


def one_place(reach, share=1.0):
    """Return one point on one reach."""
    return pd.DataFrame({"point_id": ["P"], "reach_id": [reach], "place_share": [share]})


@QUICK
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=8), st.integers(0, 10**6))
def test_planted_shares_are_recovered(edges, seed):
    """Estimates lie within five stated standard errors of exact enumeration, and certain ones are exact."""
    rng = np.random.default_rng(seed)
    share = rng.choice([1.0, 1.0, 0.9, 0.6, 0.3, 0.0], len(edges))
    is_open = rng.choice([1.0, 1.0, 1.0, 0.5, 0.0], len(edges))
    network = network_with(edges, share, is_open)
    target = int(rng.integers(len(edges)))
    found = upstream_probability(network, one_place(f"r{target}"), seed=seed).set_index("reach_id")
    truth = pd.Series(exact(network, target), index=network.reaches["reach_id"])
    estimate = found["upstream_share"].reindex(truth.index).fillna(0.0)
    sigma = found["sigma_share"].reindex(truth.index).fillna(1 / 1024)
    assert ((estimate - truth).abs() <= 5 * sigma + 1e-9).all()


def test_the_stated_error_is_the_error():
    """Over many seeds the estimates scatter as much as the standard error says."""
    edges = [(0, 1), (1, 2), (0, 2), (2, 3), (4, 1), (5, 2)]
    network = network_with(edges, [0.7, 0.6, 0.4, 0.9, 0.8, 1.0])
    truth = exact(network, 3)[4]
    runs = [
        upstream_probability(network, one_place("r3"), seed=seed, sweeps=2).set_index("reach_id").loc["r4"]
        for seed in range(200)
    ]
    z = np.array([(run["upstream_share"] - truth) / run["sigma_share"] for run in runs])
    assert abs(z.mean()) < 0.3
    assert 0.8 < z.std() < 1.25


@QUICK
@given(EDGES)
def test_certain_networks_are_traced_exactly(edges):
    """Where nothing is uncertain, what is probable is what is upstream, without error."""
    network = network_with(edges, [1.0] * len(edges))
    for reach in network.reaches["reach_id"].iloc[:4]:
        found = upstream_probability(network, one_place(reach, 0.8), sweeps=1)
        assert set(found["reach_id"]) == set(network.upstream(reach))
        assert (found["upstream_share"] - 0.8).abs().max() < 1e-12
        assert (found["sigma_share"] == 0).all()


def test_candidate_places_are_weighed():
    """A point that may be on either of two reaches gives each branch its share, and what both share the sum."""
    network = network_with([(0, 1), (1, 2), (1, 3)], [1.0, 1.0, 1.0])
    places = pd.DataFrame({"point_id": ["P", "P"], "reach_id": ["r1", "r2"], "place_share": [0.6, 0.3]})
    with unchanged(places):
        found = upstream_probability(network, places).set_index("reach_id")["upstream_share"]
    assert found.round(9).to_dict() == {"r0": 0.9, "r1": 0.6, "r2": 0.3}


def test_an_unbranched_stretch_runs_one_way():
    """Five pieces of an unknown stretch are half probable, not one in thirty-two; a tidal one is certain."""
    edges = [(at, at + 1) for at in range(6)]
    network = network_with(edges, [0.5] * 5 + [1.0])
    found = upstream_probability(network, one_place("r5"), sweeps=32).set_index("reach_id")["upstream_share"]
    assert found["r0"] == pytest.approx(0.5, abs=0.05)
    from outfall.network import Network

    tidal = Network(network.reaches.assign(kind=["tidal"] * 5 + ["river"]), network.nodes)
    found = upstream_probability(tidal, one_place("r5")).set_index("reach_id")
    assert found.loc["r0"].tolist() == ["P", 1.0, 0.0]


def test_draws_belong_to_reaches():
    """The order of reaches changes nothing."""
    edges = [(0, 1), (1, 2), (0, 2), (2, 3), (3, 1)]
    network = network_with(edges, [0.7, 0.6, 0.4, 0.9, 0.2])
    from outfall.network import Network

    turned = Network(network.reaches.iloc[::-1].reset_index(drop=True), network.nodes)
    places = one_place("r3")
    pd.testing.assert_frame_equal(upstream_probability(network, places), upstream_probability(turned, places))


def test_nothing_in_nothing_out():
    """No places give an empty table with its columns."""
    network = network_with([(0, 1)], [1.0])
    found = upstream_probability(network, one_place("r0").iloc[:0])
    assert list(found.columns) == ["point_id", "reach_id", "upstream_share", "sigma_share"]
    assert len(found) == 0


@pytest.mark.parametrize(
    ("places", "sweeps", "match"),
    [
        (one_place("r9"), 1, "reach_id: not in the network"),
        (one_place("r0", 1.5), 1, "place_share: is not a share"),
        (one_place("r0").drop(columns="place_share"), 1, "place_share: missing"),
        (one_place("r0"), 0, "draws no world"),
    ],
)
def test_refusals(places, sweeps, match):
    """What cannot be traced is said."""
    with pytest.raises(NetworkError, match=match):
        upstream_probability(network_with([(0, 1)], [1.0]), places, sweeps=sweeps)


def test_a_certain_tree_is_contracted():
    """Twenty thousand certain reaches with ten doubtful ones are drawn without walking them one by one."""
    import time

    rng = np.random.default_rng(0)
    count = 20_000
    edges = [(at, int(rng.integers(max(0, at - 50), at))) for at in range(1, count)]
    share = np.ones(len(edges))
    share[rng.integers(0, 200, 10)] = 0.8
    network = network_with(edges, share)
    begin = time.process_time()
    found = upstream_probability(network, one_place("r0"), sweeps=2)
    assert len(found) > 1000
    assert time.process_time() - begin < 5.0
