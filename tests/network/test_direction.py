"""Direction is evidence: what speaks is weighed, carried along the network, and written down."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from outfall.errors import NetworkError
from outfall.network import build_network, default_weights, read_network, weigh_direction
from outfall.network.continuity import Meetings, carry_odds
from tests.laws import unchanged
from tests.network.made import ORIGIN, lines, lines_of
from tests.network.test_walks import QUICK


def enumerate_odds(own, meetings):
    """Return the exact log odds by trying every combination of directions."""
    weight, forward = np.zeros(2), np.zeros((len(own), 2))
    for combo in itertools.product([True, False], repeat=len(own)):
        runs = np.array(combo)
        chance = np.exp(own[runs].sum())
        for at in range(len(meetings.sink_lr)):
            here = meetings.place == at
            arrives = runs[meetings.reach[here]] == meetings.arrives[here]
            chance /= meetings.sink_lr[at] if arrives.all() else 1.0
            chance /= meetings.spring_lr[at] if not arrives.any() else 1.0
        weight += chance
        forward[:, 0] += np.where(runs, chance, 0.0)
        forward[:, 1] += np.where(runs, 0.0, chance)
    return np.log(forward[:, 0] / forward[:, 1])


def meetings_of(edges, seed):
    """Return the meetings of a graph of numbered nodes with drawn weights."""
    rng = np.random.default_rng(seed)
    count = 1 + max(map(max, edges))
    tail, head = np.array(edges).T
    return Meetings(
        np.concatenate([tail, head]),
        np.tile(np.arange(len(edges)), 2),
        np.repeat([False, True], len(edges)),
        rng.uniform(1.0, 90.0, count),
        rng.uniform(1.0, 20.0, count),
    )


@QUICK
@given(
    st.lists(st.integers(0, 100), min_size=1, max_size=8),
    st.lists(st.booleans(), min_size=8, max_size=8),
    st.integers(0, 99),
)
def test_continuity_is_exact_on_trees(parents, turned, seed):
    """On any tree the messages give the probabilities that enumeration gives."""
    edges = [(at + 1, parent % (at + 1)) for at, parent in enumerate(parents)]
    edges = [pair[::-1] if flip else pair for pair, flip in zip(edges, turned, strict=False)]
    own = np.random.default_rng(seed).normal(0.0, 2.0, len(edges))
    meetings = meetings_of(edges, seed)
    np.testing.assert_allclose(carry_odds(own, meetings), enumerate_odds(own, meetings), atol=1e-4)


def test_continuity_is_near_on_rings():
    """On small rings the messages come within 0.2 of the exact probabilities."""
    edges = [(0, 1), (1, 2), (2, 0), (2, 3), (3, 4), (4, 2)]
    for seed in range(10):
        own = np.random.default_rng(seed).normal(1.0, 2.0, len(edges))
        meetings = meetings_of(edges, seed)
        exact = 1 / (1 + np.exp(-enumerate_odds(own, meetings)))
        found = 1 / (1 + np.exp(-carry_odds(own, meetings)))
        assert np.abs(found - exact).max() < 0.2


def sewer(wrong=(), **columns):
    """Return a sewer of five pipes that enters a river; some are drawn the wrong way round."""
    shapes = [
        "LINESTRING (500 500, 500 400)",
        "LINESTRING (500 400, 500 300)",
        "LINESTRING (700 300, 500 300)",
        "LINESTRING (500 300, 500 200)",
        "LINESTRING (500 200, 500 10)",
    ]
    pipes = lines(*shapes, ids=list("ABCDE"), kind="gravity_sewer", **columns)
    turned = pipes["reach_id"].isin(wrong).to_numpy()
    shape = pipes.geometry.to_numpy().copy()
    shape[turned] = shapely.reverse(shape[turned])
    return build_network(lines("LINESTRING (0 0, 1000 0)", ids=["R"]), pipes=pipes.set_geometry(shape))


def drawn(edges, **columns):
    """Return a network that gives nothing but the way its lines are drawn, and columns."""
    return build_network(lines_of(edges, **columns).drop(columns="forward_share"))


def shares(network, **options):
    """Return the weighed shares by reach."""
    return weigh_direction(network, turn=False, **options).reaches.set_index("reach_id")["forward_share"]


def test_what_is_drawn_right_stays_certain():
    """A sound sewer keeps its directions, and sets upstream do not grow."""
    network = sewer()
    weighed = weigh_direction(network)
    assert (weighed.reaches["forward_share"] >= 0.95).all()
    assert weighed.upstream("E") == network.upstream("E")


def test_where_pipes_drain_does_not_unsettle_their_river():
    """The end of a river is its mouth, though sewers drain to its middle; a ditch network is its own."""
    river = lines(
        "LINESTRING (0 0, 400 0)", "LINESTRING (400 0, 1000 0)", "LINESTRING (400 300, 400 0)", ids=["R", "S", "T"]
    )
    pipes = lines("LINESTRING (500 300, 500 200)", "LINESTRING (500 200, 500 10)", ids=["A", "B"], kind="gravity_sewer")
    assert (shares(build_network(river, pipes=pipes)) >= 0.95).all()


@pytest.mark.parametrize("wrong", ["B", "D"])
def test_a_pipe_into_a_dead_end_is_doubted(wrong):
    """A pipe drawn against its neighbours is doubted, the others much less, and the trace goes through it."""
    network = sewer(wrong=[wrong])
    found = shares(network)
    assert found.idxmin() == wrong
    assert found[wrong] < 0.6
    assert "A" not in network.upstream("E")
    assert "A" in weigh_direction(network).upstream("E")


def test_levels_turn_a_pipe():
    """Levels and a dead end together turn a pipe; the turned network is the sound one."""
    fall = {"invert_from_m": [5.0, 4.0, 4.0, 3.0, 2.0], "invert_to_m": [4.0, 3.0, 3.0, 2.0, 1.0]}
    swapped = {name: [*values] for name, values in fall.items()}
    swapped["invert_from_m"][1], swapped["invert_to_m"][1] = fall["invert_to_m"][1], fall["invert_from_m"][1]
    network = sewer(wrong=["B"], **swapped)
    with unchanged(network.reaches):
        weighed = weigh_direction(network)
    row = weighed.reaches.set_index("reach_id").loc["B"]
    assert row["forward_share"] > 0.95
    assert (row["invert_from_m"], row["invert_to_m"]) == (4.0, 3.0)
    assert row["forward_reason"].startswith("turned: digitised order (+4.2); levels fall -1.00 m (-4.0)")
    assert "管底高程" in row["forward_reason_zh"]
    assert set(weighed.upstream("E")) == set(sewer(**fall).upstream("E"))
    issue = weighed.issues[weighed.issues["issue_id"] == "direction-1"].iloc[0]
    assert (issue["kind"], issue["row_ids"], issue["decision"]) == ("reversed", "B", "turned")


def links_of(*rows):
    """Return links between reaches or nodes."""
    return pd.DataFrame(
        [(f"l{n}", "tracer", a, b, c, d, share, "links#1") for n, (a, b, c, d, share) in enumerate(rows)],
        columns=["link_id", "kind", "from_table", "from_id", "to_table", "to_id", "exists_share", "source_ref"],
    )  # fmt: skip


def test_a_tracer_test_speaks_for_every_reach_it_passed():
    """Dye put in at one end and seen at the other settles the way between; a stronger test says more."""
    network = sewer(wrong=["B"])
    said = shares(network, links=links_of(("reaches", "A", "reaches", "E", 0.99)))
    assert said["B"] < 0.05
    assert said["D"] > 0.99
    weak = shares(network, links=links_of(("reaches", "A", "reaches", "E", 0.3)))
    assert shares(network)["B"] > weak["B"] > said["B"]


def test_links_do_not_depend_on_their_order():
    """Two links say the same in any order, and links to other tables say nothing."""
    network = sewer()
    both = links_of(("reaches", "A", "reaches", "E", 0.9), ("nodes", "N1", "reaches", "D", 0.4))
    other = links_of(("sources", "S1", "outfalls", "O1", 0.9))
    pd.testing.assert_series_equal(shares(network, links=both), shares(network, links=both.iloc[::-1]))
    pd.testing.assert_series_equal(shares(network, links=other), shares(network))


def test_ground_and_growth_speak():
    """A reach that climbs is less sure than one that falls; pipes that shrink are less sure than pipes that grow."""
    river = build_network(lines("LINESTRING (0 0, 100 0)", "LINESTRING (100 0, 200 0)"))
    up = shares(river, ground=lambda east, north: (east - ORIGIN[0]) / 50)
    down = shares(river, ground=lambda east, north: -(east - ORIGIN[0]) / 50)
    assert (up < down).all()
    size = [300.0, 400.0, 300.0, 600.0, 800.0]
    assert (shares(sewer(diameter_mm=size)) >= shares(sewer(diameter_mm=size[::-1]))).all()


def test_a_river_of_one_name_runs_through():
    """At a busy node the name says which two reaches are one river."""
    edges = [(0, 1), (2, 1), (1, 3)]
    both = shares(drawn(edges, name=["Elm", "Oak", "Elm"], direction=["unknown", "with", "unknown"]))
    plain = shares(drawn(edges, name=["Ash", "Oak", "Elm"], direction=["unknown", "with", "unknown"]))
    assert both["r2"] == pytest.approx(both["r0"], abs=0.25)
    assert abs(both["r2"] - both["r0"]) != pytest.approx(abs(plain["r2"] - plain["r0"]), abs=0.01)


def test_what_is_known_is_kept():
    """A direction the file states, a tidal reach, a pump and an interface keep their share and reason."""
    river = lines("LINESTRING (0 0, 1000 0)", "LINESTRING (1000 0, 2000 0)", kind=["river", "tidal"])
    pipes = lines("LINESTRING (500 300, 500 10)", "LINESTRING (500 400, 500 300)", ids=["P", "Q"], kind=["pump", "gravity_sewer"],
                  direction=[None, "both"])  # fmt: skip
    network = build_network(river, pipes=pipes)
    before, after = network.reaches, weigh_direction(network).reaches
    kept = before["kind"].isin(["tidal", "pump", "interface"]) | (before["reach_id"] == "Q")
    pd.testing.assert_frame_equal(
        pd.DataFrame(before[kept])[["forward_share", "forward_reason"]], pd.DataFrame(after[kept])[["forward_share", "forward_reason"]]
    )  # fmt: skip


def test_a_known_mouth_draws_the_way():
    """Naming a mouth makes unknown reaches run towards it."""
    network = drawn([(0, 1), (1, 2), (2, 3)], direction=["unknown"] * 3)
    assert shares(network).between(0.45, 0.55).all()
    assert (shares(network, mouths=["n3"]) > 0.6).all()
    assert (shares(network, mouths=["n0"]) < 0.4).all()


def test_order_of_lines_does_not_count():
    """Shares and reasons belong to reaches, not to rows."""
    frame = lines(
        "LINESTRING (0 0, 100 0)",
        "LINESTRING (200 0, 100 0)",
        "LINESTRING (100 90, 100 0)",
        "LINESTRING (200 0, 300 0)",
    )
    one, other = (shares(build_network(rows)) for rows in (frame, frame.iloc[::-1]))
    pd.testing.assert_series_equal(one, other.reindex(one.index), atol=1e-9)


def test_weighing_twice_changes_nothing():
    """What has been weighed has its reasons and is left alone."""
    once = weigh_direction(sewer(wrong=["B"]))
    pd.testing.assert_frame_equal(pd.DataFrame(weigh_direction(once).reaches), pd.DataFrame(once.reaches))


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"mouths": ["nowhere"]}, "mouths: not a node of the network"),
        ({"weights": {"luck": 1.0}}, "'luck' is not one of them"),
        ({"links": links_of(("reaches", "A", "reaches", "Z", 0.9))}, "names 'Z', which is not in reaches"),
    ],
)
def test_refusals(options, match):
    """What is not in the network is said with its id."""
    with pytest.raises(NetworkError, match=match):
        weigh_direction(sewer(), **options)


def test_weights_are_ours():
    """Every weight is a number, and a copy."""
    weights = default_weights()
    weights["fall_most"] = 0.0
    assert default_weights()["fall_most"] == 4.0


def test_planted_reversals_are_found():
    """Of pipes drawn the wrong way in a sewer tree with levels, most are turned, and nothing else is."""
    rng = np.random.default_rng(5)
    count = 120
    parent = [int(rng.integers(max(0, at - 6), at)) for at in range(1, count)]
    depth = [0.0]
    for at in range(1, count):
        depth.append(depth[parent[at - 1]] + float(rng.uniform(0.1, 0.5)))
    edges = [(at, parent[at - 1]) for at in range(1, count)]
    wrong = set(rng.choice(len(edges), 12, replace=False).tolist())
    noise = rng.normal(0, 0.05, (2, len(edges)))
    pairs = [pair[::-1] if at in wrong else pair for at, pair in enumerate(edges)]
    level = [[depth[pair[end]] + noise[end][at] for at, pair in enumerate(pairs)] for end in (0, 1)]
    network = drawn(pairs, kind="gravity_sewer", invert_from_m=level[0], invert_to_m=level[1])
    found = weigh_direction(network, mouths=["n0"], turn=False).reaches["forward_share"].to_numpy()
    sure = {int(at) for at in np.flatnonzero(found < 0.5)}
    assert sure <= wrong
    assert len(sure) >= 9


@pytest.mark.realdata
def test_reversals_planted_in_real_rivers_are_found(shared_data):
    """Of 16 reaches of New Hope drawn against their flow, at least 12 are turned by continuity and one mouth; none is wrongly."""
    known = read_network(shared_data / "network" / "new_hope" / "new_hope.gpkg")
    frame = known.reaches[["reach_id", "kind", "name", "geometry"]].copy()
    wrong = np.random.default_rng(0).random(len(frame)) < 0.02
    shape = frame.geometry.to_numpy().copy()
    shape[wrong] = shapely.reverse(shape[wrong])
    network = build_network(frame.set_geometry(shape).set_crs(known.crs, allow_override=True))
    mouth = network.nodes["node_id"][network.nodes.distance(known.mouths().geometry.iloc[0]) < 1.0]
    found = shares(network, mouths=mouth).reindex(frame["reach_id"]).to_numpy()
    assert (len(frame), int(wrong.sum())) == (746, 16)
    assert (found[wrong] < 0.5).sum() >= 12
    assert (found[~wrong] > 0.5).all()
    assert (found[~wrong] >= 0.95).mean() > 0.99
