"""Travel times by measured, given, Manning's, Jobson's and default velocities; the shape of a slug; the real tests."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from outfall.errors import NetworkError
from outfall.network import build_network, travel_times
from outfall.network.travel import estimate_velocities, flow_ratios
from outfall.network.travel_pipe import default_roughness, find_fill, pipe_flows, pipe_velocities
from outfall.network.travel_river import predict_pulse, predict_velocities, scale_velocities
from outfall.vocabulary import words
from tests.laws import shuffled, unchanged
from tests.network.made import lines

STREAMS = lines(
    "LINESTRING (0 0, 1000 0)",
    "LINESTRING (1000 0, 3000 0)",
    "LINESTRING (1000 500, 1000 0)",
    "LINESTRING (900 900, 1000 500)",
    ids=["A", "B", "P", "Q"],
    kind=["river", "river", "gravity_sewer", "gravity_sewer"],
    flow_m3s=[2.0, 3.0, None, None],
    area_km2=[50.0, 20.0, None, None],
    slope_share=[0.002, None, 0.004, None],
    diameter_mm=[None, None, 500.0, 500.0],
    invert_from_m=[None, None, None, 3.0],
    invert_to_m=[None, None, None, 5.0],
    material=[None, None, "PVC", "PVC"],
)
NETWORK = build_network(STREAMS)
positive = st.floats(0.01, 1000.0)


def test_each_reach_takes_the_best_rule_its_columns_allow():
    """A sewer with a fall goes by Manning, a river with flow and area by Jobson, an adverse sewer by the default."""
    table = estimate_velocities(NETWORK)
    assert table["method"].to_dict() == {"A": "jobson", "B": "jobson", "P": "manning", "Q": "default"}
    assert not table["is_verified"].any()
    assert table.loc[["A", "B"], "fastest_ms"].ge(table.loc[["A", "B"], "velocity_ms"]).all()
    assert table.loc[["P", "Q"], "fastest_ms"].isna().all()


def test_jobson_sees_the_whole_area_upstream_of_a_reach():
    """The area of a reach is its own and all above it; a total given wins, as where the data are cut off."""
    own = predict_velocities([3.0], mean_flow_m3s=[3.0], upstream_km2=[70.0])["velocity_ms"].iloc[0]
    assert estimate_velocities(NETWORK).loc["B", "velocity_ms"] == pytest.approx(own)
    more = predict_velocities([3.0], mean_flow_m3s=[3.0], upstream_km2=[900.0])["velocity_ms"].iloc[0]
    given_km2 = pd.Series({"A": 800.0, "B": 900.0})
    assert estimate_velocities(NETWORK, upstream_km2=given_km2).loc["B", "velocity_ms"] == pytest.approx(more)


def test_water_is_slower_at_low_flow_and_faster_at_high_flow():
    """Every river, and every sewer whose fall is known, keeps the order of the three regimes."""
    hours = [travel_times(NETWORK, regime=name) for name in ("low", "mean", "high")]
    known = ["A", "B", "P"]  # Q runs at the default, which is that of any fill
    assert (hours[0][known] > hours[1][known]).all()
    assert (hours[1] >= hours[2]).all()


def test_a_flow_of_the_day_wins_over_the_regime():
    """At its mean flow a river runs as in the mean regime, whatever the regime said."""
    mean, low = travel_times(NETWORK), travel_times(NETWORK, regime="low", flow_m3s=pd.Series({"A": 2.0}))
    assert low["A"] == pytest.approx(mean["A"])
    assert low["B"] > mean["B"]
    assert flow_ratios(NETWORK, regime="low", flow_m3s=pd.Series({"A": 4.0})).tolist() == [2.0, 0.2, 1.0, 1.0]


def test_a_known_velocity_is_that_of_mean_flow():
    """A velocity column is verified at mean flow and scaled, no longer verified, at another."""
    network = build_network(STREAMS.assign(velocity_ms=[0.5, 0.5, 0.5, 0.5]))
    assert estimate_velocities(network)["is_verified"].all()
    low = estimate_velocities(network, regime="low")
    assert low["is_verified"].tolist() == [False, False, True, True]
    assert low["velocity_ms"].tolist() == pytest.approx([0.2668] * 2 + [0.5] * 2, abs=1e-3)


def test_travel_times_do_not_depend_on_row_order():
    """Shuffled lines give the same hours, and no table is changed."""
    with unchanged(STREAMS):
        other = travel_times(build_network(shuffled(STREAMS)), regime="high")
    pd.testing.assert_series_equal(travel_times(NETWORK, regime="high").sort_index(), other.sort_index())


def test_the_units_of_a_pressure_main_cancel():
    """Half the bore is four times the velocity."""
    main = lines("LINESTRING (0 0, 100 0)", kind="pressure_main", flow_m3s=0.05)
    wide, thin = (build_network(main.assign(diameter_mm=bore)) for bore in (400.0, 200.0))
    assert travel_times(wide)["L1"] == pytest.approx(4 * travel_times(thin)["L1"])


@given(positive, st.floats(1e-5, 0.4), st.floats(0.005, 0.05))
def test_half_full_is_as_fast_as_full(bore, slope, rough):
    """A round pipe has the same hydraulic radius half full and full, and carries half."""
    pipe = {"slope_share": slope, "roughness": rough}
    assert pipe_velocities(bore, fill_share=0.5, **pipe) == pytest.approx(pipe_velocities(bore, **pipe))
    assert pipe_flows(bore, fill_share=0.5, **pipe) == pytest.approx(pipe_flows(bore, **pipe) / 2)


@given(st.floats(0.05, 0.93))
def test_the_fill_of_a_flow_carries_that_flow(fill):
    """Filling and carrying are inverse below the depth that carries most."""
    pipe = {"diameter_mm": 600.0, "slope_share": 0.003}
    flow = pipe_flows(600.0, slope_share=0.003, fill_share=fill)
    assert find_fill(flow, **pipe) == pytest.approx(fill, abs=2e-3)
    assert find_fill(10 * flow + 10, **pipe) == 1.0


def test_a_rougher_pipe_is_slower():
    """Velocity goes with one over the roughness; PVC beats concrete beats brick."""
    speed = [
        pipe_velocities(300.0, slope_share=0.01, roughness=default_roughness()[name]) for name in ("pvc", "砼", "砖砌")
    ]
    assert speed[0] > speed[1] > speed[2]
    assert set(default_roughness()) >= {"gravity_sewer", "culvert"}


def test_manning_by_hand():
    """A full pipe of 1 m at 1 in 1,000 and n 0.013 runs at 0.25^(2/3) x 0.001^(1/2) / 0.013."""
    assert float(pipe_velocities(1000.0, slope_share=0.001)) == pytest.approx(0.9653, abs=1e-4)


def test_jobson_by_hand():
    """The regression with and without slope is what its terms give one by one."""
    area, flow, mean, slope = 5e8, 6.0, 10.0, 0.001
    size, relative = area**1.25 * 9.80665**0.5 / mean, flow / mean
    term = size**0.919 * relative**-0.469 * slope**0.159 * flow / area
    other = size**0.821 * relative**-0.465 * flow / area
    with_slope = predict_velocities([flow], mean_flow_m3s=[mean], upstream_km2=[500.0], slope_share=[slope]).iloc[0]
    without = predict_velocities([flow], mean_flow_m3s=[mean], upstream_km2=[500.0], slope_share=[0.0]).iloc[0]
    assert with_slope.tolist() == pytest.approx([0.094 + 0.0143 * term, 0.25 + 0.02 * term, True])
    assert without.tolist() == pytest.approx([0.020 + 0.051 * other, 0.2 + 0.093 * other, False])


@given(st.floats(0.1, 10.0), st.floats(0.01, 5.0))
def test_scaling_by_flow_can_be_undone(ratio, velocity):
    """A velocity scaled to another flow and back is the same, above the still part."""
    there = scale_velocities(0.1 + velocity, flow_ratio=ratio)
    assert scale_velocities(there, flow_ratio=1 / ratio) == pytest.approx(0.1 + velocity)


@given(st.floats(0.1, 500.0), st.floats(0.2, 5.0))
def test_a_slug_rises_before_it_falls_and_thins_on_its_way(hours, ratio):
    """Leading edge, peak and trailing edge come in order; a later peak is lower."""
    found = predict_pulse([hours, 2 * hours], flow_ratio=ratio)
    assert (found["leading_h"] < found["peak_h"]).all()
    assert found["unit_peak_per_s"].is_monotonic_decreasing
    assert (found["trailing_h"] > found["leading_h"]).all()


def test_missing_values_have_no_velocity():
    """A flow, area or diameter that is missing or 0 is never turned into a number."""
    assert predict_velocities([np.nan, 0.0], mean_flow_m3s=1.0, upstream_km2=10.0)["velocity_ms"].isna().all()
    assert np.isnan(pipe_velocities([np.nan, 0.0, 300.0], slope_share=[0.01, 0.01, 0.9])).all()
    assert predict_pulse([0.0, np.nan])["unit_peak_per_s"].isna().all()


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"regime": "flood"}, "'flood' is not a regime"),
        ({"fill_share": 1.5}, "1.5 is not above 0"),
        ({"flow_m3s": "no_such"}, "no column 'no_such'"),
        ({"upstream_km2": pd.Series({"Z": 1.0})}, "names reaches that are not in the network"),
    ],
)
def test_refusals(options, match):
    """What cannot be used is refused with the value."""
    with pytest.raises(NetworkError, match=match):
        travel_times(NETWORK, **options)


def test_no_kind_of_reach_is_without_a_time():
    """Every kind has hours above 0 in every regime."""
    kinds = list(words("reach_kind"))
    many = lines(*[f"LINESTRING (0 {n * 99}, 100 {n * 99})" for n in range(len(kinds))], kind=kinds)
    for regime in ("low", "mean", "high"):
        assert (travel_times(build_network(many), regime=regime) > 0).all()


@pytest.mark.realdata
def test_severn_slug(shared_data):
    """Jobson's peaks give 1,000 g within 2 %; his velocities are slow by a third to a half, mostly inside his envelope."""
    from benchmarks.oracles_travel import severn

    found = severn(shared_data)
    assert found["severn_mass_median_g"] == pytest.approx(1000.0, rel=0.02)
    assert found["severn_mass_ln_sd"] < 0.2
    for area in (100, 200, 400):  # the file says no drainage area
        assert 1.2 < found[f"severn_{area}km2_hours"] / found["severn_peak_h"] < 1.6
        assert found[f"severn_{area}km2_within_envelope"] >= 5
    late = [share for number, share in enumerate(found["severn_leading_over_peak"], 1) if number not in {1, 4}]
    assert all(0.75 < share < 0.85 for share in late)  # Jobson's mean is 0.89


@pytest.mark.realdata
def test_clark_fork_dye(shared_data):
    """The lag of the peak is 104 min, no dye is lost, and the cloud passes as fast as Jobson says within a fifth."""
    from benchmarks.oracles_travel import clark_fork

    found = clark_fork(shared_data)
    assert found["clark_fork_peak_lag_min"] == 104.0
    assert found["clark_fork_area_ratio"] == pytest.approx(1.0, abs=0.02)
    np.testing.assert_allclose(found["clark_fork_passage_min"], found["clark_fork_passage_predicted_min"], rtol=0.2)


@pytest.mark.realdata
def test_brahmaputra_braids(shared_data):
    """All 2,339 links of the braid belt are reaches between the 1,932 published nodes, and upstream sets are exact."""
    from benchmarks.oracles_travel import brahmaputra

    found = brahmaputra(shared_data, every=10)
    assert (found["brahmaputra_reaches"], found["brahmaputra_nodes"]) == (2339, 1932)
    assert found["brahmaputra_nodes"] == found["brahmaputra_nodes_published"]
    assert found["brahmaputra_sets_wrong"] == 0
    assert found["brahmaputra_total_max_diff_m"] < 1e-6
