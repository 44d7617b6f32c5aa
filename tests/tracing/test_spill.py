"""Where, when and how much was spilled: planted spills are found, units and order do not matter, doubt stays honest."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from outfall.errors import TraceError
from outfall.network import build_network
from outfall.network.travel_river import predict_pulse
from outfall.tracing.spill import find_spill
from tests.laws import shuffled, unchanged

RELEASED = pd.Timestamp("2026-04-12T03:00Z")
SPEED_MS, FLOW = 0.4, {"A": 2.0, "B": 1.0, "C": 3.0}
LINES = {
    "A": "LINESTRING (500000 3430000, 500000 3414400)",
    "B": "LINESTRING (508000 3424000, 500000 3414400)",
    "C": "LINESTRING (500000 3414400, 500000 3400000)",
}


@pytest.fixture(scope="module")
def network():
    """Return two streams A and B that join to C."""
    frame = gpd.GeoDataFrame(
        {"reach_id": list(LINES), "velocity_ms": SPEED_MS, "flow_m3s": list(FLOW.values())},
        geometry=gpd.GeoSeries.from_wkt(list(LINES.values())),
        crs=32650,
    )
    return build_network(frame)


@pytest.fixture(scope="module")
def sources():
    """Return a works high on A, one low on A, and one on B."""
    wkt = ["POINT (500000 3425000)", "POINT (500000 3415500)", "POINT (505000 3420400)"]
    frame = {"source_id": ["high", "low", "beside"], "source_ref": ["s#1", "s#2", "s#3"]}
    return gpd.GeoDataFrame(frame, geometry=gpd.GeoSeries.from_wkt(wkt), crs=32650)


def passages(network, *, mass_g=5000.0, stations=((3000.0), (9000.0), (13000.0)), above_m=10_600.0):
    """Return what stations on C see of a spill some way above the confluence."""
    along = np.array(stations)
    age = (above_m + along) / SPEED_MS / 3600.0
    pulse = predict_pulse(age)
    start = [RELEASED + pd.to_timedelta(pulse[name], unit="h") for name in ("peak_h", "leading_h", "trailing_h")]
    frame = pd.DataFrame({"station_id": [f"M{at}" for at in range(len(along))], "reach_id": "C", "along_m": along})
    peak = pulse["unit_peak_per_s"].to_numpy() * mass_g / FLOW["C"]
    return frame.assign(peak_at=start[0], first_at=start[1], last_at=start[2], peak_mgl=peak, flow_m3s=FLOW["C"])


@pytest.fixture(scope="module")
def found(network, sources):
    """Return the answer about the spill at the works high on A."""
    return find_spill(passages(network), network, sources=sources)


def test_probabilities_sum_to_one(found):
    """Over places, and over sources with the one nobody registered."""
    assert found.places["posterior_share"].sum() == pytest.approx(1.0)
    assert found.sources["posterior_share"].sum() == pytest.approx(1.0)
    assert set(found.sources["source_id"]) == {"high", "low", "beside", "unregistered"}


def test_the_planted_place_time_and_mass_are_inside(found):
    """The truth lies in every 90 % region, and the mass is near its middle."""
    place = found.places[(found.places["reach_id"] == "A") & (found.places["from_m"] <= 5000.0)]
    assert place[place["to_m"] >= 5000.0]["is_inside"].any()
    assert found.release["low_at"] <= RELEASED <= found.release["high_at"]
    assert found.mass["low_g"] <= 5000.0 <= found.mass["high_g"]
    assert found.mass["middle_g"] == pytest.approx(5000.0, rel=0.5)


def test_the_source_at_the_place_wins_against_one_too_near(found):
    """The works low on A would have been seen hours earlier."""
    share = found.sources.set_index("source_id")["posterior_share"]
    assert share["high"] > 3.0 * share["low"]


def test_inputs_stay_and_order_does_not_matter(network, sources, found):
    """Shuffled stations and sources say the same."""
    table = passages(network)
    with unchanged(table):
        again = find_spill(shuffled(table), network, sources=shuffled(sources))
    pd.testing.assert_frame_equal(again.sources, found.sources)
    pd.testing.assert_frame_equal(again.places, found.places)


def test_ten_times_the_peaks_is_ten_times_the_mass(network, sources, found):
    """The mass follows the peaks; place and time do not."""
    table = passages(network)
    more = find_spill(table.assign(peak_mgl=10.0 * table["peak_mgl"]), network, sources=sources)
    assert more.mass["middle_g"] == pytest.approx(10.0 * found.mass["middle_g"], rel=1e-6)
    np.testing.assert_allclose(more.places["posterior_share"], found.places["posterior_share"], atol=1e-12)


def test_dilution_does_not_matter(network, found, sources):
    """Twice the water with half the concentration is the same mass."""
    table = passages(network)
    thin = table.assign(peak_mgl=table["peak_mgl"] / 2.0, flow_m3s=2.0 * table["flow_m3s"])
    again = find_spill(thin, network, sources=sources)
    np.testing.assert_allclose(again.sources["mass_g"], found.sources["mass_g"], rtol=1e-9)


def test_a_later_clock_moves_the_release_alone(network, sources, found):
    """All times a day later: the release a day later, everything else the same."""
    table, day = passages(network), pd.Timedelta(days=1)
    moved = table.assign(**{name: table[name] + day for name in ("peak_at", "first_at", "last_at")})
    again = find_spill(moved, network, sources=sources)
    assert again.release["middle_at"] - found.release["middle_at"] == day
    assert again.mass == pytest.approx(found.mass)


def test_a_station_that_saw_nothing_speaks_against_the_places_above_it(network, sources, found):
    """A monitor on A above the confluence that saw nothing leaves the works on B."""
    silent = pd.DataFrame(
        {
            "station_id": ["M9"],
            "reach_id": ["A"],
            "along_m": [15000.0],
            "peak_at": pd.Series([pd.NaT], dtype="datetime64[us, UTC]"),
            "peak_mgl": [np.nan],
            "flow_m3s": [2.0],
            "detection_limit_mgl": [0.001],
        }
    )
    table = pd.concat([passages(network), silent], ignore_index=True)
    again = find_spill(table, network, sources=sources).sources.set_index("source_id")["posterior_share"]
    before = found.sources.set_index("source_id")["posterior_share"]
    assert again["beside"] > before["beside"]
    assert again["high"] < 0.3 * before["high"]


def test_fewer_stations_leave_more_doubt(network, found, sources):
    """One peak alone leaves a longer time interval than three whole passages."""
    bare = passages(network).iloc[:1].drop(columns=["first_at", "last_at"])
    alone = find_spill(bare, network, sources=sources)
    assert alone.release["high_at"] - alone.release["low_at"] > found.release["high_at"] - found.release["low_at"]


def test_without_peaks_there_is_no_mass_but_a_time(network, sources):
    """Arrival times alone still say when and where."""
    found = find_spill(passages(network).assign(peak_mgl=np.nan), network, sources=sources)
    assert np.isnan(found.mass["middle_g"])
    assert found.release["low_at"] <= RELEASED <= found.release["high_at"]
    assert "no mass" in found.reason


def test_a_divided_river_loses_its_share():
    """Where half of the water leaves by a side arm without flows, a station below sees half of the mass."""
    wkt = {
        "U": "LINESTRING (0 30000, 0 20000)",
        "L": "LINESTRING (0 20000, 0 10000)",
        "S": "LINESTRING (0 20000, 9000 12000)",
    }
    frame = gpd.GeoDataFrame(
        {"reach_id": list(wkt), "velocity_ms": SPEED_MS},
        geometry=gpd.GeoSeries.from_wkt(list(wkt.values())).translate(500_000, 3_400_000),
        crs=32650,
    )
    whole, divided = build_network(frame.iloc[:2]), build_network(frame)
    table = passages(None, stations=(2000.0, 6000.0)).assign(reach_id="L")
    masses = [find_spill(table, net, most_h=24.0).mass["middle_g"] for net in (whole, divided)]
    assert 1.3 < masses[1] / masses[0] <= 2.0 + 1e-6


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"drop": "peak_mgl"}, "peak_mgl: the column is missing"),
        ({"naive": True}, "not times with a zone"),
        ({"velocity_sd": 0.0}, "not above 0"),
        ({"unregistered_share": 2.0}, "not a share"),
        ({"nothing": True}, "no station saw the spill"),
    ],
)
def test_what_cannot_be_used_is_refused(network, change, match):
    """The error names what is wrong and what to do."""
    table = passages(network)
    if "drop" in change:
        table = table.drop(columns=change.pop("drop"))
    if change.pop("naive", False):
        table = table.assign(peak_at=table["peak_at"].dt.tz_localize(None))
    if change.pop("nothing", False):
        table = table.assign(peak_at=pd.Series([pd.NaT] * len(table), dtype="datetime64[us, UTC]"))
    with pytest.raises(TraceError, match=match):
        find_spill(table, network, **change)


def test_stations_teach_the_velocity(network, sources, found):
    """Travel times wrong by one factor everywhere are put right by how long the peak took from station to station."""
    length = network.reaches.set_index("reach_id")["length_m"]
    hours = 0.6 * length / SPEED_MS / 3600.0
    fast = find_spill(passages(network), network, sources=sources, travel_h=hours)
    share = fast.sources.set_index("source_id")["posterior_share"]
    assert share["high"] > share["low"]
    before, after = (one.release["middle_at"] for one in (found, fast))
    assert abs(after - before) < 0.1 * (passages(network)["peak_at"].min() - RELEASED)


def test_growth_from_station_to_station_says_how_old_the_water_is(network):
    """Pulses that are as long at the last station as at the first are older than ones that grow."""
    grown = passages(network)
    steady = grown.assign(
        first_at=grown["peak_at"] - (grown["peak_at"] - grown["first_at"]).iloc[0],
        last_at=grown["peak_at"] + (grown["last_at"] - grown["peak_at"]).iloc[0],
        peak_mgl=grown["peak_mgl"].iloc[0],
    )
    assert find_spill(steady, network).release["middle_at"] < find_spill(grown, network).release["middle_at"]


def test_a_coarse_clock_leaves_more_doubt(network):
    """Edges and peaks read every two hours bind the release less than ones read every two minutes."""
    fine, coarse = (find_spill(passages(network).assign(clock_h=h), network).release for h in (1.0 / 30.0, 2.0))
    assert coarse["high_at"] - coarse["low_at"] > fine["high_at"] - fine["low_at"]
