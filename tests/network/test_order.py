"""Stream order, level path, path length and flow order: laws on made networks, and what NHDPlus publishes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.oracles_order import divergence, new_hope
from outfall.errors import NetworkError
from outfall.network import Network, flow_order, level_paths, path_lengths, read_network, stream_orders
from outfall.tables import read_frame
from tests.laws import shuffled, unchanged
from tests.network.made import bare_network, network_of

PAIRS = st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), min_size=1, max_size=14)
#          0   1
#           \ /
#            2 --r3--> 3 --r5--> 5      r4 leaves 2 by the minor path and comes back at 5
BRAID = [(0, 2), (1, 2), (6, 3), (2, 3), (2, 5), (3, 5), (5, 4)]


@settings(max_examples=20, deadline=None)
@given(PAIRS, st.sets(st.integers(0, 13), max_size=3))
def test_nothing_depends_on_the_order_of_rows(pairs, two_way):
    """Orders, paths, levels, distances and flow order are the same for the same reaches in another order."""
    network = bare_network(pairs, two_way & set(range(len(pairs))))
    other = Network(shuffled(network.reaches), shuffled(network.nodes, seed=2))
    with unchanged(network.reaches, network.nodes):
        for verb in (stream_orders, lambda n: level_paths(n, name=None), path_lengths, flow_order):
            ours, theirs = verb(network), verb(other)
            assert ours.equals(theirs.loc[ours.index])


@settings(max_examples=20, deadline=None)
@given(PAIRS.map(lambda pairs: [(a, b) for a, b in pairs if a < b] or [(0, 1)]))
def test_flow_order_falls_and_order_never_does(pairs):
    """On any network without loops the flow order falls downstream; what adds to an order is never above what it adds to."""
    network = bare_network(pairs)
    start, down = network.arrays.down
    up = np.repeat(np.arange(len(pairs)), np.diff(start))
    order, orders = flow_order(network).to_numpy(), stream_orders(network)
    assert (order[up] > order[down]).all()
    assert sorted(order) == list(range(1, len(pairs) + 1))
    calculator = orders["stream_calculator"].to_numpy()
    assert (calculator[up] <= orders["stream_order"].to_numpy()[down]).all()


def test_two_of_an_order_make_the_next_and_a_minor_path_adds_nothing():
    """A braid that comes back does not raise the order below it."""
    orders = stream_orders(network_of(BRAID, is_main=[True, True, True, True, False, True, True]))
    assert orders["stream_order"].to_dict() == {"r0": 1, "r1": 1, "r2": 1, "r3": 2, "r4": 2, "r5": 2, "r6": 2}
    assert orders["stream_calculator"]["r4"] == 0
    assert orders["magnitude"].to_dict() == {"r0": 1, "r1": 1, "r2": 1, "r3": 2, "r4": 2, "r5": 3, "r6": 3}


def test_a_first_order_main_path_wins_over_a_larger_minor_one():
    """Below a minor path of order 2 a river is of order 1 where only its own headwater counts."""
    network = network_of(
        [(0, 2), (1, 2), (2, 3), (2, 4), (5, 4), (4, 6)], is_main=[True, True, True, False, True, True]
    )
    assert stream_orders(network)["stream_order"]["r5"] == 1


def test_the_name_wins_unless_the_other_is_much_larger():
    """A path follows the name, and leaves it where the other tributary is more than five times as heavy."""
    network = network_of([(0, 2), (1, 2), (2, 3)], name=["清河", None, "清河"], size=[1.0, 4.0, 1.0])
    assert level_paths(network, weight="size")["level_path"].to_dict() == {"r0": "r2", "r1": "r1", "r2": "r2"}
    heavy = network_of([(0, 2), (1, 2), (2, 3)], name=["清河", None, "清河"], size=[1.0, 6.0, 1.0])
    assert level_paths(heavy, weight="size")["level_path"].to_dict() == {"r0": "r0", "r1": "r2", "r2": "r2"}
    named = level_paths(heavy, weight="size", override_factor=np.inf)
    assert named["level_path"]["r0"] == "r2"
    assert named["stream_level"].tolist() == [1, 2, 1]
    assert named["next_reach_id"].fillna("-").tolist() == ["r2", "r2", "-"]


def test_explicit_mouths_end_the_path():
    """Distances are counted to the mouths that are given, and are missing where none is passed."""
    network = network_of([(0, 1), (1, 2), (2, 3), (4, 3)])
    length = network.reaches.set_index("reach_id")["length_m"]
    found = path_lengths(network, mouths=["n2"])
    assert found["distance"]["r0"] == pytest.approx(length["r1"])
    assert found["mouth_id"].fillna("-").tolist() == ["n2", "n2", "-", "-"]
    assert found["distance"].isna().tolist() == [False, False, True, True]
    assert path_lengths(network)["distance"]["r0"] == pytest.approx(length["r1"] + length["r2"])
    with pytest.raises(NetworkError, match="not a node"):
        path_lengths(network, mouths=["nowhere"])
    with pytest.raises(NetworkError, match="no column"):
        level_paths(network, name="river")


def test_a_circle_has_no_mouth_and_one_order():
    """Reaches from which water only comes back have an order and a path, and no distance or level."""
    network = bare_network([(0, 1), (1, 2), (2, 0)])
    assert stream_orders(network)["stream_order"].tolist() == [1, 1, 1]
    assert path_lengths(network)["distance"].isna().all()
    paths = level_paths(network, name=None)
    assert len(set(paths["level_path"])) == 1
    assert paths["stream_level"].isna().all()


def test_empty_network_gives_empty_tables():
    """No reaches give no rows."""
    network = bare_network([(0, 1)])
    empty = Network(network.reaches.iloc[:0], network.nodes.iloc[:0])
    for verb in (stream_orders, lambda n: level_paths(n, name=None), path_lengths, flow_order):
        assert len(verb(empty)) == 0


def test_a_long_chain_needs_no_recursion():
    """Fifty thousand reaches in a row have orders, one path and distances that add up."""
    network = bare_network([(number, number + 1) for number in range(50_000)])
    assert (stream_orders(network)["stream_order"] == 1).all()
    assert set(level_paths(network, name=None)["level_path"]) == {"r49999"}
    far = path_lengths(network, column=pd.Series(1.0, index=network.reaches["reach_id"]))["distance"]
    assert far.iloc[0] == 49_999


@pytest.mark.parametrize(
    ("edges", "totals"),
    [
        ([(0, 1), (1, 4), (1, 2), (2, 3), (2, 3), (3, 4), (4, 5)], [1, 2, 2, 3, 3, 5, 7]),
        ([(0, 1), (1, 3), (1, 4), (1, 4), (2, 3), (3, 5), (4, 5), (5, 6)], [1, 2, 2, 2, 1, 4, 4, 8]),
    ],
)
@pytest.mark.parametrize("marked", [None, "first", "last"])
def test_totals_of_nested_divergences(edges, totals, marked):
    """Totals where a divergence closes in parts are those published with the hydroloom cases, whichever path is main."""
    minor = {None: set(), "first": {1, 3}, "last": {2, 4}}[marked]
    flags = [None if marked is None else number not in minor for number in range(len(edges))]
    assert network_of(edges, value=1.0, is_main=flags).accumulate("value").tolist() == totals


@pytest.mark.realdata
@pytest.mark.filterwarnings("ignore:Measured")
def test_nhdplus_is_reproduced(shared_data):
    """Every reach of both extracts has the order, path, level, distances, areas and travel time that NHDPlus publishes."""
    found = new_hope(shared_data / "network")
    for name, count, known in (("newhope", 746, 641), ("natseamless", 267, 203)):
        assert found[f"{name}_reaches"] == found[f"{name}_pathlength_reaches"] == count
        assert found[f"{name}_totma_reaches"] == known
        for key in ("hydroseq_violations", "flow_order_violations", "streamorde_differ", "streamcalc_differ"):
            assert found[f"{name}_{key}"] == 0
        assert found[f"{name}_levelpath_regrouped"] == found[f"{name}_streamleve_differ"] == 0
        assert found[f"{name}_boundary_inflows"] == 0
        for key in ("total_max_diff_km2", "divergence_max_diff_km2", "pathlength_max_diff_km"):
            assert found[f"{name}_{key}"] < 1e-9
        assert found[f"{name}_arbolate_max_diff_km"] < 0.0011
        assert found[f"{name}_totma_max_diff_share"] < 1e-6


@pytest.mark.realdata
def test_divergence_cases(shared_data):
    """The published total of all 59 reaches holds once the one inflow of 184.3632 km2 is counted."""
    found = divergence(shared_data / "network")
    assert (found["diversions_reaches"], found["diversions_inflows"], found["simple_reaches"]) == (59, 1, 32)
    assert found["diversions_inflow_km2"] == pytest.approx(184.3632)
    assert found["diversions_total_max_diff_km2"] < 1e-9
    assert found["simple_total_max_diff_km2"] < 1e-9
    assert found["simple_outlet_diff_km2"] < 1e-9


@pytest.mark.realdata
def test_totals_need_no_divergence_column(shared_data):
    """Without the column that says which path is the main one, totals and orders of New Hope are still those published."""
    lines = read_frame(shared_data / "network" / "new_hope" / "new_hope.gpkg", layer="NHDFlowline_Network")
    network = read_network(lines.drop(columns="Divergence"))
    reaches = network.reaches.set_index("reach_id")
    assert (network.accumulate("area_km2") - reaches["TotDASqKM"]).abs().max() < 1e-9
    assert (stream_orders(network)["stream_order"] == reaches["StreamOrde"]).all()
    shared = network.accumulate("area_km2", rule="apportioned")
    assert shared.max() == pytest.approx(reaches["area_km2"].sum())
