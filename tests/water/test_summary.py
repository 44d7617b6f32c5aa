"""Statistics of censored results: laws that substitution breaks, and estimates that find what was planted."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outfall.errors import TableError
from outfall.water import find_trends, summarise_results
from outfall.water.censored import Sample, fit_lognormal, kaplan_meier, order_statistics
from tests.laws import shuffled, unchanged

NUMBERS = st.lists(st.tuples(st.floats(0.01, 100), st.booleans()), min_size=2, max_size=12)


def table(numbers, below, **more):
    below = np.asarray(below, dtype=bool)
    number = np.asarray(numbers, dtype=float)
    return pd.DataFrame({
        "parameter": "lead", "unit": "mg/L", "qualifier": np.where(below, "<", "="), "value": np.where(below, np.nan, number),
        "detection_limit": np.where(below, number, np.nan), "source_ref": [f"a#{at}" for at in range(len(number))], **more,
    })  # fmt: skip


def draw(seed, count=40, limits=(0.4, 0.8, 1.2)):
    rng = np.random.default_rng(seed)
    value, limit = rng.lognormal(0, 1, count), rng.choice(limits, count)
    return np.where(value < limit, limit, value), value < limit, value


def sample(numbers, below):
    order = np.lexsort((-np.asarray(below, dtype=int), numbers))
    return Sample(np.asarray(numbers, float)[order], -np.asarray(below)[order].astype(np.int8))


@settings(max_examples=60, deadline=None)
@given(NUMBERS, st.data())
def test_raising_a_detection_limit_never_lowers_the_mean(rows, data):
    """Kaplan-Meier and the greatest possible mean rise or stay; the least possible stays."""
    numbers, below = [row[0] for row in rows], [row[1] for row in rows]
    if not any(below):
        below[0] = True
    at = data.draw(st.sampled_from([at for at, flag in enumerate(below) if flag]))
    higher = [number * (data.draw(st.floats(1, 20)) if at == place else 1) for place, number in enumerate(numbers)]
    one, other = (
        summarise_results(table(values, below), method="kaplan_meier").iloc[0] for values in (numbers, higher)
    )
    slack = 1e-9 * one["mean_max"]
    assert other["mean"] >= one["mean"] - slack
    assert other["mean_max"] >= one["mean_max"] - slack
    assert other["mean_min"] == pytest.approx(one["mean_min"])


@settings(max_examples=60, deadline=None)
@given(NUMBERS)
def test_the_mean_is_possible(rows):
    """Between everything hidden being nothing and being at its limit; masses sum to one."""
    found = summarise_results(table(*zip(*rows, strict=True)), method="kaplan_meier").iloc[0]
    assert found["mean_min"] - 1e-9 <= found["mean"] <= found["mean_max"] + 1e-9 * found["mean_max"]
    assert kaplan_meier(sample(*zip(*rows, strict=True)))[1].sum() == pytest.approx(1.0)


@pytest.mark.parametrize("seed", range(1000, 1004))
def test_kaplan_meier_is_the_self_consistent_distribution(seed):
    """The masses are where an EM iteration for the same data ends."""
    numbers, below, _ = draw(seed, 15)
    numbers[0], below[0] = 0.1, False
    places, masses, left = kaplan_meier(sample(numbers, below))
    support = np.unique(numbers[~below])
    fits = np.where(below[:, None], support[None] < numbers[:, None], support[None] == numbers[:, None]).astype(float)
    share = np.full(len(support), 1 / len(support))
    for _ in range(3000):
        weight = fits * share
        share = (weight / weight.sum(axis=1, keepdims=True)).mean(axis=0)
    assert left == 0.0
    assert (places * masses).sum() == pytest.approx((support * share).sum(), rel=1e-6)


def test_without_non_detects_every_estimate_is_the_plain_one():
    """Nothing censored, nothing special."""
    numbers, _, _ = draw(1010)
    found = summarise_results(table(numbers, np.zeros(len(numbers)))).iloc[0]
    assert found["mean"] == pytest.approx(numbers.mean())
    assert found["sd"] == pytest.approx(numbers.std(ddof=1))
    fit = fit_lognormal(sample(numbers, np.zeros(len(numbers), int)))
    assert (fit.mu, fit.sigma) == (
        pytest.approx(np.log(numbers).mean(), abs=1e-4),
        pytest.approx(np.log(numbers).std(), abs=1e-4),
    )


def test_planted_means_are_found_where_half_the_limit_is_not():
    """Over 60 draws the estimates are within 4 % of the truth's mean; the interval holds the true mean in nine of ten."""
    truth = np.exp(0.5)
    ros, mle, inside = [], [], []
    for seed in range(1000, 1060):
        numbers, below, value = draw(seed, 60)
        one = sample(numbers, below)
        ros.append(order_statistics(one).mean() / value.mean())
        found = summarise_results(table(numbers, below), method="lognormal").iloc[0]
        mle.append(found["mean"] / truth)
        inside.append(found["mean_low"] <= truth <= found["mean_high"])
    assert np.mean(ros) == pytest.approx(1, abs=0.02)
    assert np.median(mle) == pytest.approx(1, abs=0.04)
    assert 0.85 <= np.mean(inside) <= 1.0


@pytest.mark.parametrize("method", ["kaplan_meier", "ros", "lognormal"])
@pytest.mark.parametrize("scale", [1e-3, 1e3])
def test_the_unit_scales_every_estimate(method, scale):
    """Micrograms give a thousand times milligrams."""
    numbers, below, _ = draw(1020)
    one, other = (
        summarise_results(table(values, below), method=method).iloc[0] for values in (numbers, numbers * scale)
    )
    for name in ("mean", "mean_low", "mean_high", "sd", "median", "p90", "mean_min", "mean_max"):
        assert other[name] == pytest.approx(one[name] * scale, rel=2e-3 if method == "lognormal" else 1e-9)


def test_too_few_measured_give_no_mean_and_a_limit_unknown_is_counted():
    """Nine in ten below: only bounds; a non-detect without a limit is named."""
    numbers = table([1.0] * 10, [True] * 9 + [False])
    numbers.loc[0, "detection_limit"] = np.nan
    found = summarise_results(numbers).iloc[0]
    assert np.isnan(found["mean"])
    assert found["mean_max"] == 1.0
    assert found[["n", "n_below", "n_unknown"]].tolist() == [10, 9, 1]
    assert "1 without a limit" in found["reason"]


def test_values_known_only_to_be_above_raise_the_estimate():
    """> 10 is not 10."""
    rows = table([1, 2, 3, 5, 10], [False] * 5)
    above = rows.assign(qualifier=["=", "=", "=", "=", ">"])
    one, other = summarise_results(rows, method="lognormal").iloc[0], summarise_results(above).iloc[0]
    assert other["method"] == "lognormal"
    assert other["mean"] > one["mean"]
    assert np.isinf(other["mean_max"])


def test_groups_order_and_inputs():
    """Fractions are not mixed, rows may come in any order, inputs stay."""
    numbers, below, _ = draw(1030)
    rows = table(numbers, below, fraction=["total", "dissolved"] * 20)
    with unchanged(rows):
        found = summarise_results(rows)
    assert found["fraction"].tolist() == ["dissolved", "total"]
    pd.testing.assert_frame_equal(found, summarise_results(shuffled(rows)))
    with pytest.raises(TableError, match="column to group by is missing"):
        summarise_results(rows, by=("outfall",))


def dated(seed, slope, count=24):
    rng = np.random.default_rng(seed)
    years = np.arange(count) / 4
    value = rng.lognormal(0, 0.4, count) + slope * years
    below = value < 0.9
    times = pd.Timestamp("2020-01-01T00:00Z") + pd.to_timedelta(years * 365.2425, unit="D")
    return table(np.where(below, 0.9, value), below, taken_at=times)


def test_trends_are_found_with_their_slope_and_not_where_there_are_none():
    """Size near five per cent without a trend; a slope of 0.5 a year is found at 0.5."""
    empty = [find_trends(dated(seed, 0.0))["p_value"].iloc[0] for seed in range(1000, 1100)]
    assert 0.0 <= np.mean(np.array(empty) < 0.05) <= 0.12
    slopes = [find_trends(dated(seed, 0.5))["slope_per_year"].iloc[0] for seed in range(1000, 1020)]
    assert np.median(slopes) == pytest.approx(0.5, abs=0.05)


def test_non_detects_alone_have_no_trend():
    """Limits that fall over the years are the laboratory's, not the water's."""
    rows = dated(1000, 0.0)
    rows[["qualifier", "value"]] = ["<", np.nan]
    rows["detection_limit"] = np.linspace(5, 1, len(rows))
    assert find_trends(rows)["tau"].iloc[0] == 0.0
