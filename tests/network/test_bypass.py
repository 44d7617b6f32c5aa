"""Whether every way from a source to the river passes its monitor."""

from __future__ import annotations

import itertools

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from outfall.errors import NetworkError
from outfall.network import Network, as_of, find_bypasses
from outfall.tables import split_ids
from tests.laws import shuffled, unchanged
from tests.network.made import bare_network, reach_graph
from tests.network.test_walks import QUICK


def places(*rows):
    """Return places of sources or monitors from (source, reach, along)."""
    return pd.DataFrame(rows, columns=["source_id", "reach_id", "along_m"])


def town(edges, river, **columns):
    """Return sewers, some reaches of which are river."""
    plain = bare_network(edges)
    kinds = ["river" if at in river else "gravity_sewer" for at in range(len(edges))]
    return Network(plain.reaches.assign(**{"kind": kinds, **columns}), plain.nodes)


@QUICK
@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), min_size=3, max_size=16), st.integers(0, 10**6))
def test_a_monitor_is_enough_where_taking_it_away_cuts_the_source_off(edges, seed):
    """The verdict is that of reachability without the monitored reaches, and each way named is one."""
    rng = np.random.default_rng(seed)
    river = set(rng.choice(len(edges), 2, replace=False).tolist())
    network = town(edges, river)
    dry = [at for at in range(len(edges)) if at not in river]
    source, *watched = rng.choice(dry, min(len(dry), 3), replace=False).tolist()
    found = find_bypasses(network, places(("S", f"r{source}", 0.0)), places(*(("S", f"r{at}", 0.0) for at in watched)))
    graph = reach_graph(network)
    water = {f"r{at}" for at in river}
    before = graph.subgraph(set(graph) - {f"r{at}" for at in watched if at != source})
    first = {
        end
        for end in water
        if any(nx.has_path(before.subgraph(set(before) - water | {end}), f"r{source}", end) for _ in [0])
    }
    if not nx.descendants(graph, f"r{source}") & water:
        assert found["is_monitored"].isna().all()
    elif not first:
        assert found["is_monitored"].tolist() == [True]
    else:
        assert set(found["into"]) == first
        for row in found.itertuples():
            path = [*split_ids(row.path_ids), row.into]
            assert path[0] == f"r{source}"
            assert all(before.has_edge(a, b) for a, b in itertools.pairwise(path))
            for through in split_ids(row.through_ids):
                rest = before.subgraph(set(before) - {through})
                assert through == path[0] or not any(nx.has_path(rest, path[0], end) for end in water if end in rest)


def test_a_monitor_above_the_entry_sees_nothing():
    """On the same reach only a monitor downstream of the entry counts."""
    network = town([(0, 1), (1, 2)], {1})
    source = places(("S", "r0", 30.0))
    assert find_bypasses(network, source, places(("S", "r0", 40.0)))["is_monitored"].tolist() == [True]
    assert find_bypasses(network, source, places(("S", "r0", 20.0)))["is_monitored"].tolist() == [False]
    assert find_bypasses(network, source, places(("T", "r0", 40.0)))["is_monitored"].tolist() == [False]


def test_an_overflow_is_a_bypass_unless_it_is_shut():
    """A weir beside the monitored pipe counts, and does not at a moment when it is shut."""
    network = town([(0, 1), (1, 2), (1, 3), (2, 4), (3, 4)], {3, 4}, state=None)
    kinds = network.reaches["kind"].mask(network.reaches["reach_id"] == "r2", "weir")
    network = Network(network.reaches.assign(kind=kinds), network.nodes)
    source, monitor = places(("S", "r0", 0.0)), places(("S", "r1", 1.0))
    with unchanged(source, monitor):
        found = find_bypasses(network, source, monitor)
    assert found[["is_monitored", "into", "path_ids", "through_ids"]].values.tolist() == [
        [False, "r4", "r0;r2", "r0;r2"]
    ]
    shut = as_of(network, pd.DataFrame({"reach_id": ["r2"], "state": ["shut"]}))
    assert find_bypasses(shut, source, monitor)["is_monitored"].tolist() == [True]


def test_two_exits_need_two_monitors():
    """A source with two exits is watched only when both are; the reach both share is named for one monitor."""
    network = town([(0, 2), (1, 2), (2, 3), (3, 4)], {3})
    source = places(("S", "r0", 0.0), ("S", "r1", 0.0))
    one = find_bypasses(network, source, places(("S", "r0", 1.0)))
    assert one["path_ids"].tolist() == ["r1;r2"]
    none = find_bypasses(network, source, places())
    assert none["through_ids"].tolist() == ["r2"]
    both = places(("S", "r0", 1.0), ("S", "r1", 1.0))
    assert find_bypasses(network, source, both)["is_monitored"].tolist() == [True]


def test_without_a_river_mouths_count():
    """Pipes alone drain to their mouths."""
    network = town([(0, 1), (1, 2), (1, 3)], set())
    found = find_bypasses(network, places(("S", "r0", 0.0)), places(("S", "r1", 0.0)))
    assert found[["into", "path_ids"]].values.tolist() == [["r2", "r0;r2"]]


def test_order_of_rows_does_not_count():
    """Shuffled tables give the same rows."""
    network = town([(0, 2), (1, 2), (2, 3), (3, 4), (2, 4), (4, 5)], {5})
    source = places(("S", "r0", 0.0), ("S", "r1", 0.0), ("T", "r1", 5.0))
    monitor = places(("S", "r2", 1.0), ("T", "r4", 1.0))
    one = find_bypasses(network, source, monitor)
    other = find_bypasses(network, shuffled(source), shuffled(monitor))
    key = ["source_id", "into"]
    pd.testing.assert_frame_equal(one.sort_values(key, ignore_index=True), other.sort_values(key, ignore_index=True))
    assert find_bypasses(network, source.iloc[:0], monitor).empty


def test_refusals():
    """A table without places, and a place that is not there."""
    network = town([(0, 1), (1, 2)], {1})
    with pytest.raises(NetworkError, match="along_m: missing"):
        find_bypasses(network, places(("S", "r0", 0.0)).drop(columns="along_m"), places())
    with pytest.raises(NetworkError, match="not in the network"):
        find_bypasses(network, places(("S", "r7", 0.0)), places())
