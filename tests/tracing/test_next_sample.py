"""Laws of the next sample: it finds what was planted, teaches what it promised, and depends on nothing but chances."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from outfall.errors import NetworkError, TraceError
from outfall.network import build_network
from outfall.tracing import find_spots, learn_samples, rank_samples
from outfall.tracing._information import information_gain
from tests.laws import unchanged

CRS = 32650


def tree(depth=5, forward=1.0):
    """Return a binary tree of pipes that ends in T, and the hypotheses: a source at the head of every pipe."""
    rows = []
    for level in range(depth):
        for at in range(2**level):
            here = (400000 + (at + 0.5) * 6400 / 2**level, 3400000 + 100 * level)
            above = 2 ** (level + 1)
            rows.append((f"N{level + 1}_{at}", f"N{level}_{at // 2}" if level else "T", here, above))
    lines = [
        shapely.linestrings(
            [
                (here[0], here[1] + 100),
                (400000 + (int(name.split("_")[1]) // 2 + 0.5) * 6400 / 2 ** max(int(name[1]) - 2, 0), here[1]),
            ]
        )
        for name, _, here, _ in rows
    ]
    pipes = gpd.GeoDataFrame(
        {
            "reach_id": [f"P{row[0]}" for row in rows], "from_node": [row[0] for row in rows],
            "to_node": [f"N{int(row[0][1]) - 1}_{int(row[0].split('_')[1]) // 2}" if row[0][1] != "1" else "T" for row in rows],
            "forward_share": forward,
        },
        geometry=lines, crs=CRS,
    )  # fmt: skip
    network = build_network(None, pipes=pipes)
    spots = find_spots(network, "PN1_0")
    chances = pd.DataFrame(
        {"chance_id": spots["spot_id"].iloc[:-1], "reach_id": spots["reach_id"].iloc[:-1], "along_m": 0.0, "share": 1.0}
    )
    return network, spots, chances


def test_every_manhole_above_is_a_spot():
    """A tree has one spot per node and one at its lower end."""
    network, spots, _ = tree()
    assert sorted(spots["spot_id"]) == sorted(network.nodes["node_id"])
    assert spots["spot_id"].is_unique


def test_a_planted_source_is_found_in_few_tests():
    """Without errors, doubt halves with every test: 31 manholes take at most 7, and the answer is the planted one."""
    network, spots, chances = tree()
    for hidden in range(0, len(chances), 4):
        now, tests = chances, 0
        while now["share"].max() / now["share"].sum() < 1 - 1e-9 and tests < 12:
            spot = rank_samples(now, spots, network, miss_share=0.0, false_share=0.0, stop_share=1.0).iloc[[0]]
            at = network.downstream(chances["reach_id"].iloc[hidden])
            is_found = spot["reach_id"].iloc[0] in at
            now = learn_samples(now, spot.assign(is_found=is_found), network, miss_share=0.0, false_share=0.0)
            tests += 1
        assert now["share"].idxmax() == chances.index[hidden]
        assert tests <= 7


def test_the_gain_is_the_doubt_that_goes():
    """Expected loss of entropy, counted by hand over both outcomes, equals the gain."""
    rng = np.random.default_rng(1)
    weight, positive = rng.dirichlet(np.ones(9)), rng.random((4, 9))
    source = np.array([0, 0, 1, 2, 2, 2, 3, 4, 5])

    def doubt(w):
        each = np.bincount(source, weights=w / w.sum())
        each = each[each > 0]
        return -(each * np.log2(each)).sum()

    for row, gain in zip(positive, information_gain(weight, positive, source), strict=True):
        left = sum((weight * p).sum() * doubt(weight * p) for p in (row, 1 - row))
        assert gain == pytest.approx(doubt(weight) - left, abs=1e-12)


def test_what_is_promised_is_kept_on_average():
    """Over many hidden sources, the doubt lost by the first sample is on average what was promised."""
    network, spots, chances = tree()
    best = rank_samples(chances, spots, network).iloc[[0]]
    after = [
        learn_samples(chances, best.assign(is_found=found), network)["share"].to_numpy() for found in (True, False)
    ]
    share = float(best["positive_share"].iloc[0])
    entropy = [-(w[w > 0] * np.log2(w[w > 0])).sum() for w in after]
    lost = np.log2(len(chances)) - (share * entropy[0] + (1 - share) * entropy[1])
    assert lost == pytest.approx(float(best["gain_bits"].iloc[0]), abs=1e-9)


def test_a_batch_never_learns_the_same_twice():
    """The spots of a batch differ, and each promises no more given the ones before it."""
    network, spots, chances = tree()
    batch = rank_samples(chances, spots, network, crews=4).iloc[:4]
    assert batch["batch"].tolist() == [1, 2, 3, 4]
    assert batch["spot_id"].is_unique
    alone = rank_samples(chances, spots, network).set_index("spot_id")["gain_bits"]
    assert (batch["gain_bits"].to_numpy() <= alone[batch["spot_id"]].to_numpy() + 1e-9).all()


def test_dear_spots_are_avoided_and_scaling_costs_changes_nothing():
    """Cost divides; the unit of cost does not matter."""
    network, spots, chances = tree()
    best = rank_samples(chances, spots, network)["spot_id"].iloc[0]
    assert rank_samples(chances, spots, network, costs={best: 9.0})["spot_id"].iloc[0] != best
    one = rank_samples(chances, spots, network, costs=dict.fromkeys(spots["spot_id"], 1.0))
    ten = rank_samples(chances, spots, network, costs=dict.fromkeys(spots["spot_id"], 10.0))
    assert one["spot_id"].tolist() == ten["spot_id"].tolist()


def test_enough_is_enough():
    """Where one source has 0.95 already, there is no batch."""
    network, spots, chances = tree()
    sure = chances.assign(share=np.where(np.arange(len(chances)) == 3, 99.0, 0.01))
    assert rank_samples(sure, spots, network)["batch"].isna().all()


def test_rows_in_any_order_give_the_same_answer():
    """Shuffled chances and spots change nothing, nor does the scale of the weights; inputs stay as they were."""
    network, spots, chances = tree()
    with unchanged(chances, spots):
        one = rank_samples(chances, spots, network, crews=3)
    mixed = rank_samples(
        chances.sample(frac=1, random_state=1).assign(share=7.0), spots.sample(frac=1, random_state=2), network, crews=3
    )
    pd.testing.assert_frame_equal(
        pd.DataFrame(one.drop(columns="geometry")), pd.DataFrame(mixed.drop(columns="geometry"))
    )


def test_uncertain_directions_teach_less():
    """A spot whose pipes may run either way says less."""
    sure, doubtful = (
        rank_samples(chances, spots, network)["gain_bits"].iloc[0]
        for network, spots, chances in (tree(), tree(forward=0.7))
    )
    assert doubtful < sure


def test_an_unknown_answer_says_nothing():
    """A sample that was lost leaves the chances as they were."""
    network, spots, chances = tree()
    lost = spots.iloc[[2]].assign(is_found=pd.array([None], dtype="boolean"))
    after = learn_samples(chances, lost, network)["share"]
    assert np.allclose(after, 1 / len(chances))


def test_all_problems_are_listed_at_once():
    """Wrong shares, no crew and a missing column come in one list."""
    network, spots, chances = tree()
    with pytest.raises(TraceError, match="4 problems"):
        rank_samples(chances.assign(share=-1.0), spots.drop(columns="along_m"), network, crews=0, miss_share=0.7)


def test_a_reach_that_is_not_there_is_refused():
    """A hypothesis outside the network is refused by the network."""
    network, spots, chances = tree()
    with pytest.raises(NetworkError, match="nowhere"):
        rank_samples(chances.assign(reach_id="nowhere"), spots, network)
