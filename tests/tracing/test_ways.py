"""The way of the water: worlds, shortest ways, drain ends, doubtful directions and links."""

import numpy as np
import pandas as pd
import pytest

from outfall.network.worlds import WORLDS, Ways, draw_lanes, list_paths, share_of, sweep
from outfall.tracing import find_candidates, trace
from tests.tracing.town import make_links, make_network, make_outfalls, make_sources

ALL = np.uint64(0xFFFFFFFFFFFFFFFF)


@pytest.fixture(scope="module")
def network():
    """Return the network of the hand-made town."""
    return make_network()


def ways_of(arcs, lanes=None):
    """Return ways from (tail, head, length) tuples."""
    tail, head, length = (np.array(part) for part in zip(*arcs, strict=True))
    lanes = np.full(len(arcs), ALL) if lanes is None else np.array(lanes, dtype=np.uint64)
    reach = np.arange(len(arcs))
    return Ways(tail.astype(np.int64), head.astype(np.int64), reach, lanes, length.astype(float), length / 1000.0)


def start_at(node, target=0):
    """Return one start of a sweep."""
    return pd.DataFrame(
        {"target": [target], "node": [node], "lanes": np.array([ALL]), "distance_m": [0.0], "travel_h": [0.0]}
    )


def test_a_draw_belongs_to_its_reach_not_to_its_row():
    """Sixty-four worlds are the same for the same reach and seed in any order; the share comes near what was asked."""
    names, share = [f"r{i}" for i in range(400)], np.full(400, 0.3)
    lanes = draw_lanes(share, names, seed=4)
    order = np.random.default_rng(0).permutation(400)
    assert (draw_lanes(share, [names[i] for i in order], seed=4) == lanes[order]).all()
    assert abs(share_of(lanes).mean() - 0.3) < 0.02


def test_a_sweep_finds_what_networkx_finds():
    """Nodes that reach the target, and the shortest way, agree with another library on random graphs."""
    import networkx as nx

    rng = np.random.default_rng(7)
    for _ in range(20):
        arcs = [
            (int(a), int(b), float(length))
            for a, b, length in zip(*rng.integers(0, 25, (2, 50)), rng.integers(1, 90, 50), strict=True)
        ]
        ways = ways_of(arcs)
        reached = sweep(ways, start_at(3), nodes=25).set_index("node")
        graph = nx.DiGraph()
        graph.add_nodes_from(range(25))
        for tail, head, length in arcs:
            if not graph.has_edge(tail, head) or graph[tail][head]["weight"] > length:
                graph.add_edge(tail, head, weight=length)
        expected = nx.shortest_path_length(graph, target=3, weight="weight")
        assert reached["distance_m"].to_dict() == pytest.approx(dict(expected))
        nodes = reached.index.to_numpy(dtype=np.int64)
        paths = list_paths(ways, reached.reset_index(), np.zeros(len(nodes), dtype=np.int64), nodes, nodes=25)
        lengths = [sum(arcs[step][2] for step in path) for path in paths]
        assert lengths == pytest.approx(reached["distance_m"].tolist())


def test_worlds_multiply_along_a_way_and_add_over_two():
    """Water arrives in a world where every reach of one way is open, by whichever way."""
    first, second, third = (np.uint64(int(bits, 2)) for bits in ("0011", "0110", "1000"))
    ways = ways_of([(0, 1, 1.0), (1, 2, 1.0), (0, 2, 5.0)], lanes=[first, second, third])
    lanes = sweep(ways, start_at(2), nodes=3).set_index("node")["lanes"]
    assert int(lanes[0]) == 0b1010


def test_a_round_of_pipes_ends():
    """A loop is swept once, not for ever."""
    reached = sweep(ways_of([(0, 1, 2.0), (1, 0, 2.0), (1, 2, 1.0)]), start_at(2), nodes=3)
    assert reached.set_index("node")["distance_m"].to_dict() == {0: 3.0, 1: 1.0, 2: 0.0}


def test_the_river_upstream_is_never_a_way(network):
    """An outfall at the lower pipe does not carry water of the upper one, though the river passes both."""
    found = find_candidates(make_outfalls(), network, make_sources())
    at_b = set(found.loc[found["outfall_id"] == "OB", "source_id"])
    assert not at_b & {"S1", "S2"}


def test_a_path_runs_from_the_source_to_the_outfall(network):
    """Reaches in flow order, with distance and hours."""
    found = find_candidates(make_outfalls(), network, make_sources()).set_index(["outfall_id", "source_id"])
    row = found.loc[("OA", "S2")]
    assert row["path_ids"] == "A3;A2;A2>river"
    assert row["distance_m"] == pytest.approx(540.0, abs=2.0)
    assert row["travel_h"] > 0


def test_a_private_pipe_under_the_river_is_rarer(network):
    """The farm on the outfall's bank is likelier than the same farm on the other bank."""
    sources = make_sources()
    farm = sources["source_id"] == "S4"
    mirrored = sources.copy()
    mirrored.loc[farm, "geometry"] = mirrored.loc[farm, "geometry"].translate(0.0, 120.0)
    exits = []
    for table in (sources, mirrored):
        found = find_candidates(make_outfalls(), network, table).set_index(["outfall_id", "source_id"])
        exits.append(found["exit_share"].get(("OP", "S4"), 0.0))
    assert exits[0] > exits[1]


def test_a_surface_drain_has_no_pipe_of_its_own(network):
    """An inlet drains to its sewer or not at all."""
    sources = make_sources()
    sources.loc[sources["source_id"] == "S4", "kind"] = "drain"
    found = find_candidates(make_outfalls(), network, sources)
    assert "S4" not in set(found["source_id"])


def test_a_pipe_drawn_the_wrong_way_is_doubted_not_believed(network):
    """Turning the middle pipe leaves its units candidates, with less reach; the standard error is reported."""
    from outfall.network import read_network

    drawn = network.reaches[network.reaches["kind"] == "gravity_sewer"][
        ["reach_id", "kind", "system", "source_ref", "geometry"]
    ]
    rivers = network.reaches[network.reaches["kind"] == "river"][["reach_id", "kind", "source_ref", "geometry"]]
    wrong = drawn.copy()
    turned = wrong["reach_id"] == "A2"
    wrong.loc[turned, "geometry"] = wrong.loc[turned, "geometry"].reverse()
    found = find_candidates(make_outfalls(), read_network(rivers, pipes=wrong), make_sources())
    row = found[(found["outfall_id"] == "OA") & (found["source_id"] == "S1")].iloc[0]
    assert 0.3 < row["reach_share"] < 0.99
    assert 0.0 < row["reach_sigma_share"] <= 0.5 / np.sqrt(WORLDS)


def test_the_node_a_permit_names_is_evidence(network):
    """A source that stands far off but names its manhole is a candidate there."""
    sources = make_sources()
    node = network.reaches.set_index("reach_id").loc["B1", "from_node"]
    sources.loc[sources["source_id"] == "S7", "node_id"] = node
    found = find_candidates(make_outfalls(), network, sources).set_index(["outfall_id", "source_id"])
    assert found.loc[("OB", "S7"), "reach_share"] > 0.5


def test_a_link_makes_a_candidate_no_map_shows(network):
    """A tracer test joins what geometry keeps apart."""
    links = make_links().assign(from_id="S7", to_id="OX")
    found = trace(make_outfalls(), network, make_sources(), links=links)
    row = found.candidates[(found.candidates["outfall_id"] == "OX") & (found.candidates["source_id"] == "S7")].iloc[0]
    assert row["route"] == "link"
    assert row["rank"] == 1


@pytest.mark.parametrize(("to_id", "towards", "case"), [("A3", 1, "on the way"), ("B1", -1, "not on its way")])
def test_a_find_in_a_pipe_speaks_for_those_on_the_way(network, to_id, towards, case):
    """A tracer found in a pipe helps where the way leads through it, and speaks against elsewhere."""
    links = make_links().assign(from_id="S2", to_table="reaches", to_id=to_id)
    said = trace(make_outfalls(), network, make_sources(), links=links).evidence
    row = said[(said["line"] == "links") & (said["outfall_id"] == "OA") & (said["source_id"] == "S2")].iloc[0]
    assert np.sign(row["log_lr"]) == towards
    assert case in row["reason"]


def test_a_connection_seen_by_a_crawler_points_at_who_enters_that_pipe(network):
    """It names nobody, so it says less than a tracer test."""
    links = make_links().assign(kind="crawler", from_table="sightings", from_id="E9", to_table="reaches", to_id="A3")
    said = trace(make_outfalls(), network, make_sources(), links=links).evidence
    rows = said[said["line"] == "links"]
    assert set(rows["source_id"]) == {"S2"}
    assert 0 < rows["log_lr"].max() < 2.5


def test_an_outfall_a_crawler_saw_is_where_it_was_seen(network):
    """A find inside a pipe is tied to that pipe, however near another end is."""
    outfalls = make_outfalls().iloc[[0]].assign(platforms="crawler", reach_id="A3", along_m=200.0)
    found = find_candidates(outfalls, network, make_sources())
    assert found.loc[found["exit_share"].idxmax(), "source_id"] == "S2"
    assert "S1" not in set(found["source_id"])


def test_flow_gives_a_dilution(network):
    """The discharge a permit allows over the flow that was measured."""
    flows = pd.DataFrame({"outfall_id": ["OA"], "flow_m3s": [200.0 / 86400.0 * 4], "refs": ["s#1"]})
    found = find_candidates(make_outfalls(), network, make_sources(), flows=flows).set_index(
        ["outfall_id", "source_id"]
    )
    assert found.loc[("OA", "S1"), "dilution_share"] == pytest.approx(0.25)
    assert np.isnan(found.loc[("OB", "S3"), "dilution_share"])
