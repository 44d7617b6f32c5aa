"""Whose meter an outfall follows: planted sources are found, units and order do not matter, blind is neutral."""

import numpy as np
import pandas as pd
import pytest

from outfall.errors import TraceError
from outfall.tracing.time_line import compare_series
from outfall.tracing.time_line_model import find_answer, make_prior
from tests.laws import unchanged

NAMES = ["S1", "S2", "S3"]


def week(seed=0, *, truth="S2", delay=18, strength=1.0):
    """Return three meters, and the signal of an outfall that follows one of them by a box kernel."""
    rng = np.random.default_rng(seed)
    index = pd.date_range("2026-04-06", periods=576, freq="15min", tz="UTC")
    meters = {name: pd.Series(np.repeat(rng.random(72) < 0.5, 8).astype(float), index=index) for name in NAMES}
    shocks = rng.normal(0.0, 0.3, len(index))
    noise = pd.Series(shocks).ewm(alpha=0.1, adjust=False).mean().to_numpy()
    cycle = np.sin(2 * np.pi * np.arange(len(index)) / 96.0)
    signal = pd.Series(5.0 + 2.0 * cycle + noise, index=index)
    if truth is not None:
        signal = signal + strength * meters[truth].rolling(5, min_periods=1).mean().shift(delay, fill_value=0.0)
    return signal, meters


def test_the_planted_source_is_found_with_its_delay():
    """The meter the signal follows gets nearly all of the probability, and its delay lies in the interval."""
    found = compare_series(*week()).set_index("suspect_id")
    assert found["rank"].idxmin() == "S2"
    assert found.loc["S2", "posterior_share"] > 0.95
    assert found.loc["S2", "delay_low_h"] - 0.25 <= 20 / 4.0 <= found.loc["S2", "delay_high_h"] + 0.25


def test_nobody_wins_where_no_meter_is_followed():
    """A signal without any of the meters leaves more to the unregistered than it had before, on average over seeds."""
    shares = [compare_series(*week(seed, truth=None))["posterior_share"].iloc[-1] for seed in range(1000, 1006)]
    assert np.mean(shares) > 0.3


def test_probabilities_sum_to_one_and_nobody_is_listed_last():
    """The suspects stay in the order given."""
    signal, meters = week()
    found = compare_series(signal, {name: meters[name] for name in ("S3", "S1")})
    assert found["suspect_id"].tolist() == ["S3", "S1", "unregistered"]
    assert found["posterior_share"].sum() == pytest.approx(1.0)
    assert found["log_lr"].iloc[-1] == 0.0


def test_units_do_not_matter():
    """Another unit of the monitor or of a meter changes nothing."""
    signal, meters = week()
    scaled = {name: 3600.0 * series + 7.0 for name, series in meters.items()}
    left, right = compare_series(signal, meters), compare_series(1000.0 * signal - 40.0, scaled)
    np.testing.assert_allclose(left["log_lr"], right["log_lr"], rtol=1e-6)


def test_the_order_of_rows_does_not_matter_and_inputs_stay():
    """Shuffled readings say the same."""
    signal, meters = week()
    frame = pd.DataFrame(meters)
    with unchanged(frame):
        left = compare_series(signal, frame)
    right = compare_series(signal.sample(frac=1, random_state=1), frame.sample(frac=1, random_state=2))
    pd.testing.assert_frame_equal(left, right)


def test_a_shared_daily_cycle_is_no_evidence():
    """A meter that only has the daily cycle the signal has too is not followed."""
    signal, _ = week(truth=None)
    rng = np.random.default_rng(3)
    cycle = 5.0 + np.sin(2 * np.pi * np.arange(len(signal)) / 96.0) + rng.normal(0.0, 0.1, len(signal))
    found = compare_series(signal, {"S9": pd.Series(cycle, index=signal.index)})
    assert found["log_lr"].iloc[0] < 1.0


def test_gaps_weaken_but_do_not_mislead():
    """With a third of the signal missing the source is still found, with less evidence."""
    signal, meters = week()
    holes = signal.copy()
    holes.iloc[100:200] = np.nan
    holes.iloc[np.random.default_rng(5).random(len(holes)) < 0.15] = np.nan
    whole, gappy = (compare_series(item, meters).set_index("suspect_id")["log_lr"] for item in (signal, holes))
    assert gappy.idxmax() == "S2"
    assert 0.0 < gappy["S2"] < whole["S2"]


def test_a_wrong_delay_speaks_against():
    """Hydraulics that allows only another delay takes the evidence away."""
    signal, meters = week()
    near, far = (compare_series(signal, meters, travel_h=hours)["log_lr"].iloc[1] for hours in (5.0, 0.5))
    assert near > far + 3.0


@pytest.mark.parametrize("case", ["constant", "short", "elsewhere"])
def test_what_cannot_be_compared_is_neutral(case):
    """A meter that never changes, hardly read or read in another year counts neither for nor against."""
    signal, meters = week()
    meter = meters["S2"]
    blind = {
        "constant": meter * 0.0 + 3.0,
        "short": meter.iloc[:10],
        "elsewhere": pd.Series(meter.to_numpy(), index=meter.index + pd.Timedelta(days=365)),
    }[case]
    found = compare_series(signal, {"S2": blind}, unregistered_share=0.25)
    assert found["log_lr"].iloc[0] == 0.0
    assert found["posterior_share"].tolist() == pytest.approx([0.75, 0.25])
    assert "cannot be compared" in found["reason"].iloc[0]


def test_the_likelihood_ratio_is_that_of_dense_matrices():
    """The polynomial of the precision and short FFTs give what the dense covariance gives, gaps and all."""
    rng = np.random.default_rng(7)
    x, y = rng.normal(size=200), rng.normal(size=200).cumsum()
    y[60:90] = np.nan
    prior = make_prior(6.0, log_sd=0.3, most=20.0)
    found = find_answer(y, x, prior, steps_per_day=20.0)
    assert np.isfinite(found.log_lr)
    from outfall.tracing.time_line_model import _columns, _parts_of

    valid = np.isfinite(y)
    columns = _columns(y, valid, 20.0)
    inner = _parts_of(columns, valid) @ columns.T
    memory = 0.8
    runs = [np.arange(60), np.arange(90, 200)]
    dense = np.zeros_like(inner[0])
    for run in runs:
        covariance = memory ** np.abs(np.subtract.outer(run, run)) / (1 - memory**2)
        dense += columns[:, run] @ np.linalg.solve(covariance, columns[:, run].T)
    np.testing.assert_allclose(inner[0] + memory * inner[1] + memory**2 * inner[2], dense, rtol=1e-8)


def test_no_suspect_is_an_answer():
    """Without meters it is nobody we know."""
    found = compare_series(week()[0], {})
    assert found["posterior_share"].tolist() == [1.0]


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"signal": pd.Series([1.0, 2.0])}, "not a time with a zone"),
        ({"travel_h": -1.0}, "hours of 0 or more"),
        ({"travel_sd": 0.0}, "not above 0"),
        ({"unregistered_share": 1.5}, "not a share"),
        ({"prior_share": {"S8": 1.0}}, "shares of 0 or more"),
    ],
)
def test_what_cannot_be_used_is_refused(change, match):
    """The error names what is wrong and what to do."""
    signal, meters = week()
    options = {key: value for key, value in change.items() if key != "signal"}
    with pytest.raises(TraceError, match=match):
        compare_series(change.get("signal", signal), meters, **options)
