"""Where upstream leaves the data: planted inflows are found, counted once by every rule, and told."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outfall.errors import NetworkError
from outfall.network import boundaries_above, boundary_inflows, declare_inflows, describe_capabilities, read_network
from tests.laws import unchanged
from tests.network.made import bare_network, network_of

TREE = st.lists(st.integers(0, 10**6), min_size=3, max_size=14).map(
    lambda picks: [(at + 1, pick % (at + 1)) for at, pick in enumerate(picks)]
)


def tree(pairs):
    """Return a tree whose reaches say what they add and what is upstream in all."""
    network = bare_network(pairs)
    area = 1.0 + np.arange(len(pairs)) % 5
    network = type(network)(network.reaches.assign(area_km2=area), network.nodes)
    total = network.accumulate("area_km2").to_numpy()
    return type(network)(network.reaches.assign(TotDASqKM=total), network.nodes)


@settings(max_examples=20, deadline=None)
@given(TREE, st.data())
def test_what_is_cut_off_is_found_and_counted(pairs, data):
    """Whatever part of a tree is kept, its inflows bring every total back, and nothing is found in the whole."""
    whole = tree(pairs)
    assert not len(boundary_inflows(whole))
    keep = data.draw(st.sets(st.sampled_from(whole.reaches["reach_id"].tolist()), min_size=1))
    part = whole.subset(keep)
    with unchanged(part.reaches, part.nodes):
        inflows = boundary_inflows(part)
    found = part.accumulate("area_km2", inflows=inflows)
    assert found.to_numpy() == pytest.approx(part.reaches["TotDASqKM"].to_numpy())
    told = boundaries_above(part, part.reaches["reach_id"])
    assert (told["own"] + told["inflow"]).to_numpy() == pytest.approx(part.reaches["TotDASqKM"].to_numpy())
    cut = set(part.issues.loc[part.issues["kind"] == "boundary_inflow", "row_ids"])
    assert set(inflows["reach_ids"]) == cut


def test_an_inflow_at_a_divergence_is_counted_once():
    """Water that enters at a node with two exits comes to both, and once to where they meet."""
    network = network_of(
        [(0, 1), (0, 2), (1, 3), (2, 3), (3, 4)], area_km2=1.0, is_main=[True, False, True, True, True]
    )
    inflows = pd.DataFrame({"node_id": ["n0"], "inflow": [100.0]})
    assert network.accumulate("area_km2", inflows=inflows).tolist() == [101, 101, 102, 102, 105]
    assert network.accumulate("area_km2", rule="main", inflows=inflows).tolist() == [101, 1, 102, 2, 105]
    split = network.accumulate("area_km2", rule="apportioned", inflows=inflows)
    assert split.tolist() == pytest.approx([51, 51, 52, 52, 105])
    one = pd.DataFrame({"reach_id": ["r1"], "inflow": [100.0]})
    assert network.accumulate("area_km2", inflows=one).tolist() == [1, 101, 2, 102, 105]
    published = network.reaches.assign(TotDASqKM=[101.0, 101.0, 102.0, 102.0, 105.0])
    found = boundary_inflows(type(network)(published, network.nodes))
    assert found[["node_id", "reach_ids", "inflow"]].to_numpy().tolist() == [["n0", "r0;r1", 100.0]]


def test_flags_tell_of_a_boundary_without_an_amount():
    """A reach that is no headwater, or names a reach beyond the file, is a boundary of unknown size."""
    network = network_of(
        [(0, 2), (1, 2), (2, 3)], StartFlag=[0, 1, 0], UpHydroseq=[9.0, 0.0, 3.0], Hydroseq=[3.0, 2.0, 1.0]
    )
    found = boundary_inflows(network)
    assert found["reach_ids"].tolist() == ["r0"]
    assert found["evidence"].tolist() == ["start_flag"]
    assert found["inflow"].isna().all()
    told = boundaries_above(network, ["r2", "r1"])
    assert told["is_complete"].tolist() == [False, True]
    assert told["unknown_count"].tolist() == [1, 0]
    assert "nobody says how much" in told["text"][0]


def test_declared_inflows_stay_with_the_network():
    """What was declared is an issue with its amount, and is read back by whoever asks next."""
    before = network_of([(0, 1), (1, 2)], area_km2=2.0)
    after = declare_inflows(before, pd.DataFrame({"reach_id": ["r0"], "inflow": [6.0], "reason": ["canal"]}))
    rows = after.issues[after.issues["kind"] == "boundary_inflow"]
    assert rows["row_ids"].tolist() == ["r0"]
    assert rows["reason"].str.contains("6 .*canal").all()
    assert boundary_inflows(after)["inflow"].tolist() == [6.0]
    assert after.accumulate("area_km2", inflows=boundary_inflows(after)).tolist() == [8.0, 10.0]
    told = boundaries_above(after, ["r1"])
    assert told["text"].item() == "upstream leaves the data at 1 place: 6 of 10 (area_km2, 60 %) come from beyond"
    assert not len(boundary_inflows(before))


@pytest.mark.parametrize(
    ("table", "match"),
    [
        ({"inflow": [1.0]}, "add node_id or reach_id"),
        ({"node_id": ["nowhere"], "inflow": [1.0]}, "no reach leaves this node"),
        ({"reach_id": ["r9"], "inflow": [1.0]}, "not in the network"),
        ({"reach_id": ["r0"], "inflow": [-1.0]}, "is below 0"),
    ],
)
def test_refusals(table, match):
    """An inflow that cannot be is refused."""
    with pytest.raises(NetworkError, match=match):
        network_of([(0, 1)], area_km2=1.0).accumulate("area_km2", inflows=pd.DataFrame(table))


def test_capabilities_are_said_plainly():
    """What the file does not say is said to be our choice, in both languages."""
    network = network_of([(0, 1), (1, 2), (1, 3)], two_way=(2,), area_km2=[1.0, None, 1.0])
    said = describe_capabilities(network).set_index("capability")
    assert not said["is_supported"][["dendritic", "main_paths", "fractions", "directions", "areas", "boundary"]].any()
    assert said["is_supported"]["connected"]
    assert said.loc["areas", ["count", "of"]].tolist() == [1, 3]
    assert said["text_zh"].str.contains(r"[\u4e00-\u9fff]").all()
    full = network_of([(0, 1), (1, 2), (1, 3)], fraction_share=[None, 0.7, 0.3], is_main=[True, True, False])
    better = describe_capabilities(full).set_index("capability")["is_supported"]
    assert better[["main_paths", "fractions", "directions", "loops"]].all()
    over = network_of([(0, 1), (1, 2), (1, 3)], fraction_share=[None, 0.7, 0.6])
    assert not describe_capabilities(over).set_index("capability")["is_supported"]["fractions"]


@pytest.mark.realdata
def test_a_cut_through_new_hope_is_told(shared_data):
    """Without one tributary, all totals of New Hope are reproduced with the inflow that takes its place."""
    whole = read_network(shared_data / "network" / "new_hope" / "new_hope.gpkg")
    reaches = whole.reaches
    middle = reaches["reach_id"][(reaches["TotDASqKM"] > 30) & (reaches["TotDASqKM"] < 60)].iloc[0]
    gone = set(whole.upstream(middle))
    part = whole.subset([name for name in reaches["reach_id"] if name not in gone])
    inflows = boundary_inflows(part)
    gap = part.accumulate("area_km2", inflows=inflows).to_numpy() - part.reaches["TotDASqKM"].to_numpy()
    assert len(inflows) >= 1
    assert np.abs(gap).max() < 1e-9
