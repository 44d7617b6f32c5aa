"""Loads keep their mass but for what decays, and a plume becomes even where mixing says it is."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outfall.errors import NetworkError
from outfall.network import build_network, travel_times
from outfall.network.dilution import decay_rate, mix_streams, spread_loads
from outfall.network.mixing import find_unmixed, mixing_lengths, plume_concentrations
from tests.laws import shuffled, unchanged
from tests.network.made import lines, network_of

DIAMOND = [(0, 1), (1, 2), (1, 3), (2, 4), (3, 4), (4, 5)]
FRACTIONS = [None, 0.7, None, None, None, None]
NETWORK = network_of(DIAMOND, fraction_share=FRACTIONS, flow_m3s=[10.0, 7.0, 3.0, 7.0, 3.0, 10.0])
LOADS = pd.DataFrame({"reach_id": ["r0", "r2"], "load_gs": [5.0, 2.0]})
RIVER = build_network(
    lines(
        "LINESTRING (0 0, 1000 0)", "LINESTRING (1000 0, 3000 0)", ids=["A", "B"], width_m=30.0, depth_m=1.0,
        slope_share=0.001, velocity_ms=0.5,
    )
)  # fmt: skip


def test_nothing_is_lost_without_decay():
    """What leaves at the mouth is the sum of the loads; a divergence splits them by its fractions."""
    found = spread_loads(NETWORK, LOADS)
    assert found["load_gs"].to_dict() == pytest.approx({"r0": 5, "r1": 3.5, "r2": 3.5, "r3": 3.5, "r4": 3.5, "r5": 7})
    assert found["added_mgl"]["r5"] == pytest.approx(0.7)


def test_decay_on_a_path_is_the_product_of_its_reaches():
    """One load on a chain is left with exp(-k t) of all the hours it has travelled, half a reach where it starts there."""
    chain = network_of([(0, 1), (1, 2), (2, 3)], flow_m3s=[1.0, 1.0, 1.0])
    hours = travel_times(chain)
    middle = chain.arrays.length_m[0] / 2
    loads = pd.DataFrame({"reach_id": ["r0"], "along_m": [middle], "load_gs": [8.0]})
    found = spread_loads(chain, loads, rate_per_day=2.0, temperature_c=10.0)
    way = hours["r0"] / 2 + hours["r1"] + hours["r2"]
    left = 8.0 * np.exp(-decay_rate(2.0, temperature_c=10.0) * way / 24.0)
    assert found.loc["r2", "load_gs"] == pytest.approx(left)


@settings(max_examples=20)
@given(st.floats(0.1, 100.0))
def test_loads_are_linear(factor):
    """Loads add up, and twice the load is twice the concentration."""
    one, two = (spread_loads(NETWORK, LOADS.iloc[[at]], rate_per_day=5.0)["load_gs"] for at in (0, 1))
    both = spread_loads(NETWORK, LOADS.assign(load_gs=LOADS["load_gs"] * factor), rate_per_day=5.0)["load_gs"]
    np.testing.assert_allclose(both, factor * (one + two), rtol=1e-9)


def test_loads_may_stand_in_any_order_and_are_not_changed():
    """Shuffled loads give the same answer; none gives none."""
    with unchanged(LOADS):
        pd.testing.assert_frame_equal(spread_loads(NETWORK, LOADS), spread_loads(NETWORK, shuffled(LOADS)))
        assert (spread_loads(NETWORK, LOADS.iloc[:0])["load_gs"] == 0).all()


def test_a_loop_without_outlet_is_refused_and_one_with_decay_is_not():
    """Mass that only circulates has no steady state; with decay it has."""
    ring = network_of([(0, 1), (1, 2), (2, 0)], flow_m3s=[1.0, 1.0, 1.0])
    loads = pd.DataFrame({"reach_id": ["r0"], "load_gs": [1.0]})
    with pytest.raises(NetworkError, match="loop without outlet"):
        spread_loads(ring, loads)
    assert np.isfinite(spread_loads(ring, loads, rate_per_day=1.0)["load_gs"]).all()


@pytest.mark.parametrize(
    ("loads", "options", "match"),
    [
        (LOADS.drop(columns="load_gs"), {}, "is not a column of the loads"),
        (LOADS.assign(load_gs=[1.0, -1.0]), {}, "-1 is not 0 or more"),
        (LOADS.assign(load_gs=[1.0, None]), {}, "is not 0 or more"),
        (LOADS, {"rate_per_day": -1.0}, "-1.0 is not 0 or more"),
        (LOADS.assign(reach_id="Z"), {}, "not in the network"),
    ],
)
def test_refusals(loads, options, match):
    """A load that is missing is never 0."""
    with pytest.raises(NetworkError, match=match):
        spread_loads(NETWORK, loads, **options)


def test_mixing_two_waters_conserves_mass():
    """C = (Qu Cu + q c) / (Qu + q); what does not flow does not count."""
    assert mix_streams([9.0, 1.0, 0.0], [0.2, 10.2, np.nan]) == pytest.approx(1.2)
    with pytest.raises(NetworkError, match="one flow, 0 or more"):
        mix_streams([1.0, -1.0], [1.0, 1.0])


def test_a_bank_takes_four_times_as_far_as_the_centre():
    """Mixing from a bank is as mixing from the centre of a river twice as wide."""
    bank, centre = (mixing_lengths(RIVER, release=name)["mixing_m"] for name in ("bank", "centre"))
    np.testing.assert_allclose(bank, 4 * centre)
    assert not mixing_lengths(RIVER)["is_verified"].any()
    assert (mixing_lengths(RIVER, channel="straight")["mixing_m"] > bank).all()
    with pytest.raises(NetworkError, match="'left' is not known"):
        mixing_lengths(RIVER, release="left")


@pytest.mark.parametrize("release_off_m", [0.0, 7.0, 15.0])
def test_a_plume_keeps_its_load_in_every_section(release_off_m):
    """Concentration times flow over the section is the load, near and far; at the mixing length it is nearly even."""
    off = np.linspace(0.0, 30.0, 20_001)
    river = {"width_m": 30.0, "depth_m": 1.0, "velocity_ms": 0.5, "spread_m2s": 0.06}
    for below_m in (50.0, 500.0, 5000.0, 80_000.0):
        level = plume_concentrations(below_m, off_m=off, load_gs=15.0, release_off_m=release_off_m, **river)
        assert np.trapezoid(level, off) * 1.0 * 0.5 == pytest.approx(15.0, rel=1e-4)
    even = plume_concentrations(
        0.4 * 0.5 * 30.0**2 / 0.06, off_m=off, load_gs=15.0, release_off_m=release_off_m, **river
    )
    assert np.ptp(even) / even.mean() < 0.1


def place(name, reach, along, side=None):
    """Return one place."""
    return pd.DataFrame({"point_id": [name], "reach_id": [reach], "along_m": [along], "side": [side]})


def test_a_sample_inside_the_mixing_length_is_named():
    """Samples below an outfall and nearer than L_mix are listed with the way; those above or further are not."""
    samples = pd.concat(
        [place("above", "A", 100.0), place("near", "A", 900.0, "left"), place("far", "B", 1900.0, "right"), place("next", "B", 50.0, "right")],
        ignore_index=True,
    )  # fmt: skip
    found = find_unmixed(RIVER, place("P", "A", 600.0, "left"), samples, mixing_m=pd.Series({"A": 1000.0}))
    assert found["sample_id"].tolist() == ["near", "next"]
    assert found["below_m"].tolist() == pytest.approx([300.0, 450.0], rel=1e-3)
    assert found["is_same_side"].tolist() == [True, False]
    assert len(find_unmixed(RIVER, place("P", "A", 600.0), samples, mixing_m=pd.Series({"A": np.nan}))) == 0
