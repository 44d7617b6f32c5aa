"""Unmixing: nested samples into sub-basins."""

from __future__ import annotations

import runpy
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from scipy.sparse import csr_array

from outfall.errors import TraceError
from outfall.network import build_network
from outfall.tracing.unmix import find_subbasins, unmix, unmix_exactly
from outfall.tracing.unmix_hot import find_hot_subbasins, hot_shares
from outfall.tracing.unmix_model import Data, fit_mode
from outfall.tracing.unmix_nesting import Nesting, find_nesting, solve_down
from outfall.tracing.unmix_sparse import _prior_root, fit_sparse, solve_exact
from outfall.tracing.unmix_spikes import Sources, solve_sets
from tests.laws import shuffled, unchanged

AREA = [3.0, 1.0, 2.0, 5.0, 1.0, 4.0, 2.0]


@pytest.fixture(scope="module")
def tree():
    """Return a river of seven reaches: two forks that meet, and one more."""
    ends = [(0, 4), (1, 4), (4, 6), (2, 5), (3, 5), (5, 6), (6, 7)]
    at = {0: (0, 4), 1: (1, 4), 2: (2, 4), 3: (3, 4), 4: (0.5, 3), 5: (2.5, 3), 6: (1.5, 2), 7: (1.5, 1)}
    lines = [shapely.LineString([(4e5 + 1e3 * x, 34e5 + 1e3 * y) for x, y in (at[a], at[b])]) for a, b in ends]
    frame = gpd.GeoDataFrame({"reach_id": list("ABCDEFG"), "area_km2": AREA}, geometry=lines, crs=32650)
    return build_network(frame)


def samples_of(network):
    """Return one sample at the end of every reach."""
    reaches = network.reaches
    ids = reaches["reach_id"].astype(str)
    return pd.DataFrame({"sample_id": "S" + ids, "reach_id": ids, "along_m": reaches["length_m"]})


def results_of(samples, values):
    """Return one result for each sample."""
    return pd.DataFrame(
        {"sample_id": samples["sample_id"], "parameter": "ammonia", "qualifier": "=", "value": values, "unit": "mg/L"}
    )


def made(seed=1001, count=40):
    """Return a random tree of sites."""
    rng = np.random.default_rng(seed)
    down = np.array([-1] + [rng.integers(max(0, at - 9), at) for at in range(1, count)])
    inner = np.flatnonzero(down >= 0)
    links = csr_array((np.ones(len(inner)), (down[inner], inner)), shape=(count, count))
    own = rng.lognormal(0, 1, count)
    east, north = rng.uniform(0, 1e4, (2, count))
    ids = [f"s{at}" for at in range(count)]
    one = np.ones(count)
    return Nesting(ids, np.arange(count), one, own, solve_down(links, own), one, links, links, east, north)


def test_exact_recovers_planted(tree):
    """Without noise the closed form gives back what was planted."""
    samples = samples_of(tree)
    planted = np.array([1.0, 9.0, 2.0, 0.5, 30.0, 1.0, 4.0])
    nesting, site = find_nesting(samples, tree)
    values = (nesting.mixing() @ planted)[site]
    found = unmix_exactly(results_of(samples, values), samples, tree, parameter="ammonia")
    assert np.allclose(found["value"], planted, rtol=1e-9)


def test_leverage_is_total_over_own(tree):
    """The last site sees all of the land, its own is a small part of it."""
    found = find_subbasins(samples_of(tree), tree).set_index("reach_id")
    assert found.loc["G", "leverage"] == pytest.approx(sum(AREA) / 2.0)


def test_weights_are_conserved(tree):
    """What the sub-basins own adds up to what passes the last site."""
    found = find_subbasins(samples_of(tree), tree)
    assert found["own_weight"].sum() == pytest.approx(found["total_weight"].max())


def test_missing_site_joins_the_next(tree):
    """Where no sample was taken the land belongs to the next site downstream."""
    samples = samples_of(tree).query("reach_id != 'C'")
    found = find_subbasins(samples, tree).set_index("reach_id")
    assert found.loc["G", "own_weight"] == pytest.approx(4.0)


def test_division_splits_the_water():
    """Where the river divides each way takes its share, and both come together again."""
    wkt = [
        "LINESTRING (400000 3402000, 400000 3401000)",
        "LINESTRING (400000 3401000, 399500 3400500, 400000 3400000)",
        "LINESTRING (400000 3401000, 400500 3400500, 400000 3400000)",
        "LINESTRING (400000 3400000, 400000 3399000)",
    ]
    lines = gpd.GeoDataFrame(
        {"reach_id": list("ABCD"), "area_km2": [10.0, 0.0, 0.0, 1.0], "fraction_share": [np.nan, 0.3, 0.7, np.nan]},
        geometry=gpd.GeoSeries.from_wkt(wkt),
        crs=32650,
    )
    network = build_network(lines)
    samples = pd.DataFrame({"sample_id": ["up", "left", "end"], "reach_id": list("ABD"), "along_m": [900.0, 500, 500]})
    found = find_subbasins(samples, network).set_index("site_id")
    whole = network.reaches.set_index("reach_id")["length_m"]
    assert found.loc["left", "total_weight"] == pytest.approx(3.0)
    assert found.loc["end", "total_weight"] == pytest.approx(10.0 + 500 / whole["D"])


def test_decay_is_undone(tree):
    """A load that decayed on the way is seen as it was where it entered the sub-basin."""
    samples = samples_of(tree)
    hours = pd.Series(6.0, index=tree.reaches["reach_id"])
    nesting, site = find_nesting(samples, tree, rate_per_day=1.0, travel_h=hours)
    planted = np.arange(1.0, 8.0)
    values = (nesting.mixing() @ planted)[site]
    options = {"rate_per_day": 1.0, "travel_h": hours}
    found = unmix_exactly(results_of(samples, values), samples, tree, parameter="ammonia", **options)
    assert np.allclose(found["value"], planted)
    assert (nesting.mixing().sum(axis=1) < 1).all()


def test_shuffle_and_inputs(tree):
    """The order of rows does not matter, and nothing given is changed."""
    samples = samples_of(tree)
    results = results_of(samples, [1.0, 2.0, 1.5, 9.0, 1.0, 4.0, 3.0])
    with unchanged(samples, results):
        one = unmix(results, samples, tree)
    two = unmix(shuffled(results), shuffled(samples, 2), tree)
    pd.testing.assert_frame_equal(pd.DataFrame(one), pd.DataFrame(two))


def test_unit_scale(tree):
    """Results in µg/L give the same answer as in mg/L; weights in another unit too."""
    samples = samples_of(tree)
    results = results_of(samples, [1.0, 2.0, 1.5, 9.0, 1.0, 4.0, 3.0])
    one = unmix(results, samples, tree)
    micro = results.assign(value=results["value"] * 1000, unit="µg/L")
    area = tree.reaches.set_index("reach_id")["area_km2"] * 100
    two = unmix(micro, samples, tree, weight=area)
    assert np.allclose(one["value"], two["value"], rtol=1e-3)


def test_non_detect_lies_below(tree):
    """A non-detect lowers its sub-basin, however high the others, and is never taken for its limit."""
    samples = samples_of(tree)
    results = results_of(samples, [1.0] * 7)
    blind = unmix(results[results["sample_id"] != "SA"], samples, tree).set_index("reach_id")
    below = results.assign(detection_limit=np.nan)
    below.loc[0, ["qualifier", "value", "detection_limit"]] = ["<", np.nan, 0.1]
    cut = unmix(below, samples, tree).set_index("reach_id")
    assert cut.loc["A", "value"] < 0.3 < blind.loc["A", "value"]


def test_sparse_equals_dense():
    """The sparse solution is the dense one with the same prior."""
    nesting, theta = made(), np.array([np.log(0.1), np.log(0.6), 0.0])
    root = _prior_root(nesting, theta).toarray()
    rng = np.random.default_rng(1002)
    map_ln = 2 + np.linalg.solve(root, rng.standard_normal(40))
    value_ln = np.log(nesting.mixing() @ np.exp(map_ln)) + 0.1 * rng.standard_normal(40)
    data = Data(np.arange(40), value_ln, np.zeros(40, dtype=int), np.zeros(40))
    dense = fit_mode(nesting.mixing(), data, np.linalg.inv(root.T @ root), 0.1)
    assert np.allclose(fit_sparse(nesting, data, theta).mode, dense.mode, atol=0.01)


def test_exact_of_many():
    """Ten thousand sites are exact in the closed form."""
    nesting = made(1003, 10_000)
    planted = np.random.default_rng(1004).lognormal(0, 1, 10_000)
    value = solve_down(nesting.load, nesting.own * planted) / nesting.total
    assert np.allclose(solve_exact(nesting, value), planted, rtol=1e-6)


def test_hot_sub_basin_is_found(tree):
    """A planted source stands out, and the probabilities of being the one sum to 1."""
    samples = samples_of(tree)
    nesting, site = find_nesting(samples, tree)
    planted = np.where(np.array(nesting.site_ids) == "SE", 40.0, 1.0)
    results = results_of(samples, (nesting.mixing() @ planted)[site]).assign(sigma_share=0.03)
    found = find_hot_subbasins(results, samples, tree, parameter="ammonia")
    assert found["site_id"].iloc[0] == "SE"
    assert found["alone_share"].sum() == pytest.approx(1.0)
    assert found["hot_share"].between(0, 1).all()


def test_impossible_input_is_refused(tree):
    """A value of 0 and a sample without a place are refused, with their rows."""
    samples = samples_of(tree)
    with pytest.raises(TraceError, match="not above 0"):
        unmix(results_of(samples, [0.0] * 7), samples, tree)
    with pytest.raises(TraceError, match="no place on the network"):
        find_subbasins(samples.assign(along_m=np.nan), tree)
    with pytest.raises(TraceError, match="decay"):
        find_subbasins(samples, tree, rate_per_day=1.0)


def test_several_tracers_are_each_as_alone(tree):
    """Tracers given at once give what each gives by itself, and a tracer without noise follows its own map."""
    samples = samples_of(tree)
    first = results_of(samples, [1.0, 2.0, 1.5, 9.0, 1.0, 4.0, 3.0])
    second = results_of(samples, [5.0, 1.0, 2.5, 1.0, 6.0, 2.0, 3.0]).assign(parameter="copper")
    both = unmix(pd.concat([first, second], ignore_index=True), samples, tree)
    assert both["parameter"].value_counts().to_dict() == {"ammonia": 7, "copper": 7}
    for name, alone in (("ammonia", first), ("copper", second)):
        mine = both[both["parameter"] == name].reset_index(drop=True)
        pd.testing.assert_frame_equal(pd.DataFrame(mine), pd.DataFrame(unmix(alone, samples, tree)))


def test_repeated_samples_at_one_place_are_one_site(tree):
    """Four samples at one place are one site with four results, and say more of it than one."""
    samples = samples_of(tree)
    copies = [samples.query("reach_id == 'D'").assign(sample_id=f"T{at}") for at in range(3)]
    more = pd.concat([samples, *copies], ignore_index=True)
    values = [1.0, 2.0, 1.5, 9.0, 1.0, 4.0, 3.0]
    few = unmix(results_of(samples, values).assign(sigma_share=0.3), samples, tree).set_index("reach_id")
    many = unmix(results_of(more, [*values, 9.0, 9.0, 9.0]).assign(sigma_share=0.3), more, tree).set_index("reach_id")
    assert len(many) == 7
    assert many.loc["D", "result_count"] == 4
    assert many.loc["D", "sigma_ln"] < few.loc["D", "sigma_ln"]


def planted_among(count, seed, hidden):
    """Return a tree of sites and results of a map in which one sub-basin is raised twelve times."""
    nesting, rng = made(seed, count), np.random.default_rng(seed + 1)
    level = np.where(np.arange(count) == hidden, 12.0, 1.0) * rng.lognormal(0, 0.2, count)
    value_ln = np.log(nesting.mixing() @ level) + 0.1 * rng.standard_normal(count)
    return nesting, Data(np.arange(count), value_ln, np.zeros(count, dtype=int), np.zeros(count))


def test_hot_one_of_three_hundred():
    """A source among 300 sites is found where little other water hides it."""
    base = made(1005, 300)
    hidden = int(np.lexsort((-base.own, base.leverage))[0])
    nesting, data = planted_among(300, 1005, hidden)
    found = hot_shares(nesting, data, is_pairs=False)
    assert int(np.argmax(found.alone)) == hidden
    assert found.any_share > 0.9


def test_hot_order_and_unit_do_not_matter():
    """The unit of the values and the order of the results do not change who is suspected."""
    nesting, data = planted_among(25, 1007, 20)
    one = hot_shares(nesting, data)
    turned = np.arange(24, -1, -1)
    mixed = Data(data.site[turned], data.value_ln[turned] + np.log(1000.0), data.censored, data.sigma_ln)
    two = hot_shares(nesting, mixed)
    np.testing.assert_allclose(two.hot, one.hot, atol=2e-3)
    np.testing.assert_allclose(two.alone, one.alone, atol=2e-3)


def test_all_sets_at_once_as_each_alone():
    """The evidence of sets solved together is that of each solved alone."""
    nesting, data = planted_among(25, 1009, 3)
    mixing, prior, size = nesting.mixing(), 0.3 * np.eye(25), Sources(10.0, 0.7)
    sets = np.eye(25, dtype=bool)[[1, 3, 9]]
    together = solve_sets(mixing, data, prior, 0.1, sets, size)[0]
    alone = [solve_sets(mixing, data, prior, 0.1, one[None, :], size)[0][0] for one in sets]
    np.testing.assert_allclose(together, alone, atol=0.03)
    assert together.argmax() == 1


@pytest.mark.realdata
def test_cairngorms_against_an_independent_survey(shared_data, monkeypatch):
    """63 real samples give the sub-basins of an independent survey, with intervals that hold nine in ten."""
    monkeypatch.setenv("OUTFALL_DATA", str(shared_data))
    case = runpy.run_path(str(Path(__file__).parents[2] / "benchmarks" / "tracing_unmix.py"))
    found = case["real"](case["Cairngorms"]())
    assert found["cairngorms_rmse_log10"] <= 0.115
    assert 0.85 <= found["cairngorms_cover90"] <= 0.98
    assert found["cairngorms_rmse_log10"] < 0.9 * found["cairngorms_raw_rmse_log10"]
