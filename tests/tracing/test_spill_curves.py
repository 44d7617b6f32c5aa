"""What passed a station is read from its curve: peak, edges, background; noise alone is no passage."""

import numpy as np
import pandas as pd
import pytest

from outfall.errors import TraceError
from outfall.tracing.spill_curves import find_passages

TIMES = pd.date_range("2026-04-12", periods=200, freq="10min", tz="UTC")


def curve(*, peak=4.0, background=0.5, noise=0.0, seed=0):
    """Return a skewed pulse about the hundredth step."""
    at = np.arange(200.0)
    shape = np.where(at < 100, np.exp(-(((at - 100) / 8.0) ** 2)), np.exp(-(at - 100) / 15.0))
    return pd.Series(background + peak * shape + np.random.default_rng(seed).normal(0.0, noise, 200), index=TIMES)


def test_peak_edges_and_background_are_found():
    """The pulse above its background, its foot, and its tenth."""
    row = find_passages({"M1": curve()}).iloc[0]
    assert row["peak_at"] == TIMES[100]
    assert row["peak_mgl"] == pytest.approx(4.0, abs=1e-6)
    assert row["background_mgl"] == pytest.approx(0.5, abs=1e-6)
    assert abs(row["first_at"] - TIMES[85]) <= pd.Timedelta(minutes=10)
    assert abs(row["last_at"] - TIMES[135]) <= pd.Timedelta(minutes=10)


def test_units_and_order_do_not_matter():
    """A thousand times the numbers, in any order, gives the same times."""
    left = find_passages({"M1": curve(noise=0.02)})
    right = find_passages({"M1": (1000.0 * curve(noise=0.02)).sample(frac=1, random_state=3)})
    pd.testing.assert_frame_equal(left[["first_at", "peak_at", "last_at"]], right[["first_at", "peak_at", "last_at"]])
    assert right["peak_mgl"].iloc[0] == pytest.approx(1000.0 * left["peak_mgl"].iloc[0])


def test_noise_alone_is_no_passage():
    """A station that saw nothing says down to what it would have seen something."""
    row = find_passages({"M1": curve(peak=0.0, noise=0.1, seed=1000)}).iloc[0]
    assert pd.isna(row["peak_at"])
    assert 0.2 < row["detection_limit_mgl"] < 2.0


def test_a_curve_that_ends_early_has_no_end():
    """Without the falling limb there is a peak and no time of its end."""
    row = find_passages({"M1": curve().iloc[:110]}).iloc[0]
    assert row["peak_at"] == TIMES[100]
    assert pd.isna(row["last_at"])


@pytest.mark.parametrize(
    ("bad", "match"),
    [(curve().iloc[:5], "at least 8"), (curve().tz_localize(None), "not times with a zone")],
)
def test_what_cannot_be_used_is_refused(bad, match):
    """Too short, or times without a zone."""
    with pytest.raises(TraceError, match=match):
        find_passages({"M1": bad})


@pytest.mark.realdata
def test_clark_fork_takes_as_long_as_published(shared_data):
    """The dye of 2020-09-26 took 104 minutes from sensor to sensor, peak to peak."""
    table = pd.read_csv(
        shared_data / "source" / "clark_fork_dye" / "Solute_ClarkFork_2020-09-26.csv", encoding="utf-8-sig"
    )
    index = pd.DatetimeIndex(pd.to_datetime(table["datetime"])).tz_localize("UTC")
    curves = {name: pd.Series(table[name].to_numpy(), index=index) for name in ("us_sensor_obs", "ds_sensor_obs")}
    peak = find_passages(curves).set_index("station_id")["peak_at"]
    minutes = (peak["ds_sensor_obs"] - peak["us_sensor_obs"]) / pd.Timedelta(minutes=1)
    assert minutes == pytest.approx(104.0, abs=2.0)
