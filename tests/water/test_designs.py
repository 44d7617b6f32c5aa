"""Laws of designs: probabilities are what they say, sites keep apart, catchments are cut evenly."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely

from outfall.errors import NetworkError
from outfall.network import build_network
from outfall.water import balance_of, draw_sites, equal_area_sites
from outfall.water._draws import inclusion_shares
from outfall.water.designs import _frame

CRS = 32650
METHODS = ("pivotal", "grts", "simple")


@pytest.fixture(scope="module")
def network():
    """Return a river of 20 km with 20 side streams, the upper half weighing more."""
    main = [((500000 + 1000 * k, 3400000), (501000 + 1000 * k, 3400000)) for k in range(20)]
    side = [
        ((500000 + 1000 * k, 3402000 * (k % 2) + 3398000 * (1 - k % 2)), (500000 + 1000 * k, 3400000))
        for k in range(1, 20)
    ]
    lines = gpd.GeoDataFrame(
        {"reach_id": [f"R{k:02d}" for k in range(39)], "area_km2": 2.0, "risk": [2.0] * 10 + [1.0] * 29},
        geometry=[shapely.LineString(pair) for pair in main + side],
        crs=CRS,
    )
    return build_network(lines)


@pytest.mark.parametrize("method", METHODS)
def test_each_place_is_drawn_as_often_as_it_says(network, method):
    """Over many draws, reaches of double weight are drawn twice as often per metre."""
    counts = {}
    for seed in range(120):
        for reach in draw_sites(network, count=12, weights="risk", step_m=250, method=method, seed=seed)["reach_id"]:
            counts[reach] = counts.get(reach, 0) + 1
    places, weight = _frame(network, "risk", ("river",), 250.0)
    share = inclusion_shares(weight, 12)
    heavy = places["reach_id"].isin([f"R{k:02d}" for k in range(10)]).to_numpy()
    got = sum(counts.get(f"R{k:02d}", 0) for k in range(10)) / 120
    assert got == pytest.approx(share[heavy].sum(), abs=0.45)


@pytest.mark.parametrize("method", METHODS)
def test_the_weights_estimate_the_length(network, method):
    """The Horvitz-Thompson estimate of the number of places is right on average, and the sample has its size."""
    places, _ = _frame(network, None, ("river",), 250.0)
    draws = [draw_sites(network, count=15, step_m=250, method=method, seed=seed) for seed in range(60)]
    assert all(len(sites) == 15 for sites in draws)
    assert np.mean([(1 / sites["drawn_share"]).sum() for sites in draws]) == pytest.approx(len(places), rel=1e-6)


@pytest.mark.parametrize("method", ["pivotal", "grts"])
def test_balanced_draws_keep_apart(network, method):
    """Balance is far better than without order."""
    places, weight = _frame(network, None, ("river",), 250.0)
    places["drawn_share"] = inclusion_shares(weight, 15)

    def balance(how):
        return np.mean(
            [balance_of(draw_sites(network, count=15, step_m=250, method=how, seed=seed), places) for seed in range(25)]
        )

    assert balance(method) < 0.75 * balance("simple")


def test_any_first_part_of_a_grts_list_is_spread(network):
    """The first half of a list is balanced too, so that a survey may stop early."""
    places, weight = _frame(network, None, ("river",), 250.0)
    places["drawn_share"] = inclusion_shares(weight, 8)
    half = [
        balance_of(draw_sites(network, count=16, step_m=250, method="grts", seed=s).iloc[:8], places) for s in range(25)
    ]
    alone = [balance_of(draw_sites(network, count=8, step_m=250, method="simple", seed=s), places) for s in range(25)]
    assert np.mean(half) < np.mean(alone)


def test_the_same_seed_draws_the_same_sites(network):
    """Another seed draws others."""
    one, same, other = (draw_sites(network, count=9, seed=seed)["along_m"].tolist() for seed in (1, 1, 2))
    assert one == same
    assert one != other


def test_what_weighs_nothing_is_never_drawn(network):
    """A reach without weight is left out, and one that outweighs all is always in."""
    weight = network.reaches.set_index("reach_id")["risk"] * 0
    weight["R03"], weight["R05"] = 1.0, 1e9
    sites = draw_sites(network, count=3, weights=weight, step_m=1000)
    assert set(sites["reach_id"]) == {"R03", "R05"}
    assert sites.set_index("reach_id").loc["R05", "drawn_share"] == 1.0


def test_nothing_to_draw_is_refused(network):
    """No places, no sites, and no method of that name are refused in words."""
    with pytest.raises(NetworkError, match="0 places"):
        draw_sites(network, count=3, kinds=("lake",))
    with pytest.raises(NetworkError, match="no column"):
        draw_sites(network, count=3, weights="nothing")


@pytest.mark.parametrize("count", [2, 5, 9])
def test_catchments_are_cut_evenly(network, count):
    """Own areas add up to no more than the catchment and differ by less than what one reach adds."""
    sites = equal_area_sites(network, count=count)
    assert abs(len(sites) - count) <= 2
    assert sites["own_km2"].sum() <= 78.0 + 1e-9
    assert sites["own_km2"].max() - sites["own_km2"].min() <= 4.0 + 1e-9


def test_own_areas_are_what_lies_between_sites(network):
    """The area of a site is the total above it less the totals above the sites it meets first."""
    sites = equal_area_sites(network, count=4)
    total = network.accumulate("area_km2")
    assert sites["own_km2"].iloc[-1] <= total[sites["reach_id"].iloc[-1]]
    assert sites["own_km2"].sum() == pytest.approx(total[sites["reach_id"]].max(), abs=6.0)
