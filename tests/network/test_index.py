"""The index answers as networkx does on any directed network, and what it costs stays within its bounds."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from outfall.errors import NetworkError
from outfall.network import minor
from outfall.network.arrays import Arrays, walk_up
from outfall.network.index import add_up, make_index, sum_main, sum_rows, sum_split, sum_total
from outfall.network.query import compare_rows, find_upstream, is_upstream, sum_upstream, take_sets
from tests.network.made import network_of, reach_graph

EDGES = st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), min_size=1, max_size=30)
LOOPED = st.builds(
    lambda edges, both, seed: made(edges, [at for at in both if at < len(edges)], seed),
    EDGES,
    st.lists(st.integers(0, 29), max_size=3, unique=True),
    st.integers(0, 99),
)
ACYCLIC = st.builds(
    lambda edges, seed: made([(max(pair), min(pair)) for pair in edges if pair[0] != pair[1]] or [(1, 0)], [], seed),
    EDGES,
    st.integers(0, 99),
)
MANY = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def made(edges, two_way=(), seed=0):
    """Return the arrays of numbered nodes joined by reaches, with a random order of exits."""
    tail, head = np.array(edges, dtype=np.int32).reshape(-1, 2).T.copy()
    share = np.ones(len(tail))
    share[list(two_way)] = 0.5
    rng = np.random.default_rng(seed)
    order = np.lexsort((rng.random(len(tail)), tail))
    rank = np.empty(len(tail), dtype=np.int32)
    rank[order] = np.arange(len(tail)) - np.searchsorted(tail[order], tail[order])
    rank[rng.random(len(tail)) < 0.05] += 1  # some nodes have minor exits only
    return Arrays(int(max(tail.max(), head.max())) + 1, tail, head, rng.uniform(1, 9, len(tail)), share, rank)


def index_of(arrays):
    """Return the index with no fraction given."""
    return make_index(arrays, np.full(len(arrays.length_m), np.nan))


def ancestors(arrays):
    """Return the set upstream of each reach by networkx, itself included."""
    graph = nx.DiGraph()
    graph.add_nodes_from(range(len(arrays.length_m)))
    start, below = arrays.down
    graph.add_edges_from(
        zip(np.repeat(np.arange(len(start) - 1), np.diff(start)).tolist(), below.tolist(), strict=True)
    )
    return [nx.ancestors(graph, reach) | {reach} for reach in graph]


def grid(side):
    """Return a grid where every node divides, with its first corner upstream of everything."""
    at = np.arange(side * side).reshape(side, side)
    tail = np.concatenate([at[:-1].ravel(), at[:, :-1].ravel()]).astype(np.int32)
    head = np.concatenate([at[1:].ravel(), at[:, 1:].ravel()]).astype(np.int32)
    rank = (np.arange(len(tail)) >= at[:-1].size).astype(np.int32)
    rank[(tail % side == side - 1) | (tail // side == side - 1)] = 0
    return Arrays(side * side, tail, head, np.ones(len(tail)), np.ones(len(tail)), rank)


def agree(arrays, index, truth):
    """Compare every way of asking an index with sets that are known."""
    count = len(truth)
    rows = np.arange(count)
    values = np.random.default_rng(1).integers(0, 100, count).astype(float)
    want = np.array([values[list(one)].sum() for one in truth])
    sets = take_sets(index, rows)
    indptr, flat = sets.flatten()
    for row in rows:
        assert set(sets[row].tolist()) == truth[row]
        assert len(sets[row]) == len(truth[row])
        assert set(flat[indptr[row] : indptr[row + 1]].tolist()) == truth[row]
    np.testing.assert_array_equal(sum_total(index, values), want)
    np.testing.assert_array_equal(sum_rows(index, add_up(index, values), rows[::-1]), want[::-1])
    above, below = np.repeat(rows, count), np.tile(rows, count)
    known = np.array([a in truth[b] for a, b in zip(above.tolist(), below.tolist(), strict=True)])
    np.testing.assert_array_equal(compare_rows(index, above, below), known)
    assert (np.sort(index.sequence) == rows).all()
    assert arrays.node_count > 0


@MANY
@given(ACYCLIC)
def test_any_acyclic_network_is_exact(arrays):
    """On a network without loops sets, totals and comparisons are those of networkx."""
    agree(arrays, index_of(arrays), ancestors(arrays))


@MANY
@given(LOOPED)
def test_any_network_is_exact(arrays):
    """Loops, rings, parallel and two-way reaches change nothing about that."""
    agree(arrays, index_of(arrays), ancestors(arrays))


@settings(max_examples=60, deadline=None)
@given(LOOPED)
def test_bits_are_as_exact_as_intervals(arrays):
    """Where intervals are given up at once, swept bits give the same sets, totals and comparisons."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(minor, "_CAP_ALWAYS", 0)
        patch.setattr(minor, "_CAP_PER_REACH", 0)
        index = index_of(arrays)
    agree(arrays, index, ancestors(arrays))


@settings(max_examples=60, deadline=None)
@given(LOOPED)
def test_split_flow_is_conserved(arrays):
    """What enters anywhere leaves by the mouths or stays in a loop without a way out, and less than the total arrives."""
    index = index_of(arrays)
    arrived = sum_split(index, np.ones(len(arrays.length_m)))
    part = index.node_part
    tail, head = part[arrays.from_node], part[arrays.to_node]
    moving = tail != head
    closed = ~np.isin(head, tail[moving])
    entering = arrived[closed & moving].sum()
    assert entering + (closed & ~moving).sum() == pytest.approx(len(arrived))
    assert (arrived <= sum_total(index, np.ones(len(arrived))) + 1e-9).all()
    assert (sum_main(index, np.ones(len(arrived))) <= sum_total(index, np.ones(len(arrived)))).all()


@settings(max_examples=30, deadline=None)
@given(LOOPED, st.integers(0, 2**31))
def test_order_of_reaches_does_not_matter(arrays, seed):
    """Reaches in another order have the same totals."""
    order = np.random.default_rng(seed).permutation(len(arrays.length_m))
    other = Arrays(
        arrays.node_count, arrays.from_node[order], arrays.to_node[order], arrays.length_m[order],
        arrays.forward_share[order], arrays.rank[order],
    )  # fmt: skip
    for rule in (sum_total, sum_split):
        one = rule(index_of(arrays), arrays.length_m)
        np.testing.assert_allclose(rule(index_of(other), other.length_m), one[order])


def test_a_tree_costs_at_most_sixteen_bytes_per_reach():
    """On a tree the index holds three int32 per reach and no further interval."""
    rng = np.random.default_rng(3)
    count = 5000
    head = (rng.random(count) * np.arange(1, count + 1)).astype(np.int32)
    arrays = Arrays(
        count + 1, np.arange(1, count + 1, dtype=np.int32), head, np.ones(count), np.ones(count),
        np.zeros(count, dtype=np.int32),
    )  # fmt: skip
    index = index_of(arrays)
    assert index.nbytes / count <= 16
    assert not len(index.extra_start)
    sets = take_sets(index, np.arange(count))
    assert all(np.shares_memory(sets[row], index.sequence) for row in range(0, count, 500))


def test_braids_that_rejoin_cost_nothing():
    """A reach that leaves the river and rejoins it gives no other reach a further interval."""
    edges = [(at, at + 1) for at in range(200)] + [(at, at + 3) for at in range(2, 190, 5)]
    tail, head = np.array(edges, dtype=np.int32).T.copy()
    one, rank = np.ones(len(edges)), (np.arange(len(edges)) >= 200).astype(np.int32)
    arrays = Arrays(201, tail, head, one, one, rank)
    index = index_of(arrays)
    assert (index.count_extras(np.arange(200)) == 0).all()
    assert (index.count_extras(np.arange(200, len(edges))) == 1).all()


def test_deep_and_wide_and_divided():
    """A chain and a star of 100,000 reaches are indexed without recursion."""
    count = 100_000
    at = np.arange(count, dtype=np.int32)
    one, none = np.ones(count), np.zeros(count, dtype=np.int32)
    chain = index_of(Arrays(count + 1, at, at + 1, one, one, none))
    np.testing.assert_array_equal(sum_total(chain, one), at + 1)
    star = index_of(Arrays(count + 1, at + 1, none, one, one, none))
    np.testing.assert_array_equal(sum_total(star, one), one)


def test_a_grid_of_diversions_is_swept():
    """A grid of diversions explodes, is swept instead, and its totals count every rectangle."""
    side = 40
    arrays = grid(side)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(minor, "_CAP_ALWAYS", 1000)
        index = index_of(arrays)
    assert index.exploded.any()
    east, north = arrays.from_node // side, arrays.from_node % side
    want = east * (north + 1) + (east + 1) * north + 1
    np.testing.assert_array_equal(sum_total(index, np.ones(len(want))), want)
    np.testing.assert_array_equal(sum_total(index_of(arrays), np.ones(len(want))), want)


def test_named_questions_agree_with_walks():
    """By reach ids, sets and totals are those of the walk, in the order asked for."""
    network = network_of([(0, 2), (1, 2), (2, 3), (2, 4), (4, 3), (3, 5)], people=[1.0, 2.0, 4.0, None, 16.0, 32.0])
    ids = network.reaches["reach_id"].tolist()[::-1]
    graph = reach_graph(network)
    sets = find_upstream(network, ids)
    assert len(sets) == 6
    assert sets.count().tolist() == [len(network.upstream(one)) for one in ids]
    for one, rows in zip(ids, sets, strict=True):
        assert set(network.reaches["reach_id"].iloc[rows]) == nx.ancestors(graph, one) | {one}
    total = network.accumulate("people")
    found = sum_upstream(network, ["people", "length_m"], reach_ids=ids)
    pd.testing.assert_series_equal(found["people"], total[ids], check_names=False, check_index_type=False)
    assert sum_upstream(network, "people").index.tolist() == ids[::-1]
    assert is_upstream(network, ids, ids).all()
    assert len(sum_upstream(network, "people", reach_ids=[])) == 0
    assert len(find_upstream(network, [])) == 0
    assert walk_up(network.arrays, 0).tolist() == [0]


def test_pairs_must_match():
    """Pairs of unequal number and unknown reaches are refused."""
    network = network_of([(0, 1), (1, 2)])
    with pytest.raises(NetworkError, match="2 reaches cannot be paired with 1"):
        is_upstream(network, ["r0", "r1"], ["r0"])
    with pytest.raises(NetworkError, match="not in the network"):
        find_upstream(network, ["r7"])
