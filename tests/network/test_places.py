"""A point keeps every place it may have, with probabilities that say how near each is."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outfall.errors import CoordinateError, NetworkError, PlaceError
from outfall.network import build_network, locate, travel_times
from outfall.network.travel import default_velocities
from outfall.tables import find_problems
from outfall.vocabulary import words
from tests.laws import shuffled, unchanged
from tests.network.made import lines, points

RIVERS = lines(
    "LINESTRING (0 0, 1000 0)",
    "LINESTRING (0 30, 1000 30)",
    "LINESTRING (1000 0, 2000 0)",
    kind=["river", "ditch", "river"],
)
NETWORK = build_network(RIVERS, pipes=lines("LINESTRING (500 300, 500 20)", ids=["P"]))


def near(*places, **columns):
    """Return sightings at places in metres."""
    ids = [f"E{number}" for number in range(1, len(places) + 1)]
    return points(*places, sighting_id=ids, **columns)


def test_every_candidate_is_kept_with_its_share():
    """Shares fall with the square of the distance in sigmas, and leave a little for nowhere."""
    found = locate(near((200, 10)), NETWORK, sigma_m=10)
    assert found["reach_id"].tolist() == ["L1", "L2.1"]
    assert found["rank"].tolist() == [1, 2]
    weights = np.exp([-0.5, -2.0])
    np.testing.assert_allclose(found["place_share"], weights / (weights.sum() + np.exp(-4.5)), rtol=1e-6)
    assert find_problems(found, "places") == []


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.floats(1, 60), st.integers(1, 4))
def test_shares_are_probabilities(seed, sigma_m, k):
    """Shares of a point sum to less than one, ranks count from 1, and no place is farther than three sigma."""
    rng = np.random.default_rng(seed)
    seen = near(*rng.uniform([-100, -100], [2100, 400], (12, 2)))
    found = locate(seen, NETWORK, sigma_m=sigma_m, k=k)
    assert (found.groupby("point_id")["place_share"].sum() < 1).all()
    assert (found["off_m"] <= 3 * sigma_m + 1e-9).all()
    assert (found.groupby("point_id")["rank"].max() <= k).all()
    reach = NETWORK.reaches.set_index("reach_id")["length_m"]
    assert (found["along_m"].to_numpy() <= reach[found["reach_id"]].to_numpy() + 1e-6).all()
    foot = found.geometry.to_numpy()
    by_id = seen.set_index("sighting_id").geometry
    np.testing.assert_allclose(
        by_id[found["point_id"]].distance(gpd.GeoSeries(foot, crs=32650), align=False), found["off_m"], atol=1e-6
    )


def test_side_looks_downstream():
    """A point north of a river that runs east is on its left bank, and turning the river swaps the banks."""
    found = locate(near((200, 4), (200, -4), (200, 0)), NETWORK, sigma_m=2)
    assert found["side"].tolist()[:2] == ["left", "right"]
    assert pd.isna(found["side"].iloc[2])
    turned = build_network(RIVERS.set_geometry(RIVERS.geometry.reverse()))
    assert locate(near((200, 4), (200, -4)), turned, sigma_m=2)["side"].tolist() == ["right", "left"]


def test_pipes_have_no_banks():
    """A place on a pipe has no bank."""
    found = locate(near((504, 200)), NETWORK, sigma_m=3, kinds=["gravity_sewer"])
    assert found["reach_id"].tolist() == ["P"]
    assert found["side"].isna().all()


def test_along_and_chainage():
    """Along counts from the upstream end, chainage down to the mouth."""
    found = locate(near((200, 1)), NETWORK, sigma_m=2).iloc[0]
    assert found["along_m"] == pytest.approx(200, rel=1e-3)
    whole = NETWORK.reaches.set_index("reach_id")["length_m"]
    assert found["chainage_m"] == pytest.approx(whole["L1"] - found["along_m"] + whole["L3"])


def test_a_point_far_from_everything_has_no_row():
    """Points without a candidate and points without a geometry have no rows; others keep their order."""
    seen = near((200, 900), (1500, 2), (0, 0), (100, 2))
    seen = seen.set_geometry(seen.geometry.where(seen["sighting_id"] != "E3"))
    assert locate(seen, NETWORK, sigma_m=2)["point_id"].tolist() == ["E2", "E4"]


def test_empty_gives_empty():
    """No points give a table without rows in the CRS of the network."""
    found = locate(near().set_crs(32650), NETWORK)
    assert len(found) == 0
    assert found.crs == NETWORK.crs
    assert "place_share" in found


def test_sigma_comes_from_the_table():
    """The column sigma_m of the table is used where it is filled, 10 m elsewhere."""
    seen = near((200, -25), (200, -25), sigma_m=[5.0, None])
    assert locate(seen, NETWORK, kinds=["river"])["point_id"].tolist() == ["E2"]


def test_a_crawler_is_placed_where_it_says():
    """A row with reach_id and along_m but no point is on that pipe, at that place of a line that was cut."""
    seen = near((0, 0), (0, 0), reach_id=["P", "L2"], along_m=[30.0, 700.0])
    seen = seen.set_geometry(gpd.GeoSeries([None, None], crs=32650))
    found = locate(seen, NETWORK)
    assert found["reach_id"].tolist() == ["P", "L2.2"]
    np.testing.assert_allclose(found["along_m"], [30.0, 200.0], atol=0.3)
    assert found["place_share"].tolist() == [1.0, 1.0]


def test_order_of_points_and_reaches_does_not_matter():
    """Shuffled points and shuffled lines give the same places."""
    seen = near((200, 10), (900, 14), (1000, 1), (1000, 15))
    one = locate(seen, NETWORK)
    other = locate(
        shuffled(seen), build_network(shuffled(RIVERS), pipes=lines("LINESTRING (500 300, 500 20)", ids=["P"]))
    )
    columns = ["place_id", "reach_id", "along_m", "off_m", "side", "place_share"]
    order = [frame[columns].sort_values("place_id").reset_index(drop=True) for frame in (one, other)]
    pd.testing.assert_frame_equal(*order)


def test_points_in_degrees_are_converted():
    """Points in another CRS are placed at the same place, and the table given is not changed."""
    seen = near((200, 10), (900, 14))
    degrees = seen.to_crs(4490)
    with unchanged(degrees):
        other = locate(degrees, NETWORK)
    one = locate(seen, NETWORK)
    assert one["reach_id"].tolist() == other["reach_id"].tolist()
    np.testing.assert_allclose(one["off_m"], other["off_m"], atol=1e-3)


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: locate(near((0, 0)), NETWORK, sigma_m=0), PlaceError, "sigma_m: 0 is not above 0"),
        (lambda: locate(near((0, 0)), NETWORK, k=0), PlaceError, "0 places cannot be kept"),
        (lambda: locate(near((0, 0)), NETWORK, kinds=["brook"]), PlaceError, "are not kinds"),
        (lambda: locate(near((0, 0), (1, 1)).assign(sighting_id="E"), NETWORK), PlaceError, "stands more than once"),
        (lambda: locate(RIVERS, NETWORK), PlaceError, "is not a point"),
        (lambda: locate(near((0, 0)).set_crs(None, allow_override=True), NETWORK), CoordinateError, "CRS"),
        (lambda: travel_times(NETWORK, velocity_ms=0), NetworkError, "above 0"),
        (lambda: travel_times(NETWORK, velocity_ms={"brook": 1.0}), NetworkError, "'brook'"),
    ],
)
def test_refusals(call, error, match):
    """What cannot be placed or timed is refused with the value."""
    with pytest.raises(error, match=match):
        call()


def test_travel_time_prefers_what_is_known():
    """A velocity in the table wins over the one given, which wins over our default."""
    network = build_network(RIVERS.assign(velocity_ms=[2.0, None, None]))
    hours = travel_times(network, velocity_ms={"river": 1.0})
    length = network.reaches.set_index("reach_id")["length_m"]
    assert hours["L1"] == pytest.approx(length["L1"] / 2.0 / 3600)
    assert hours["L3"] == pytest.approx(length["L3"] / 1.0 / 3600)
    assert hours["L2"] == pytest.approx(length["L2"] / default_velocities()["ditch"] / 3600)
    assert hours.attrs == {"is_verified": False, "default_count": 1}


def test_every_kind_has_a_default_velocity():
    """No kind of reach is without a default."""
    assert set(default_velocities()) == set(words("reach_kind"))
