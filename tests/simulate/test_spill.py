"""Does a spill lose nothing but what decays, arrive later further down, and say what it was."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from pandas.testing import assert_frame_equal

from outfall.errors import TableError
from outfall.simulate.spill import make_spill
from outfall.tables import find_problems


@pytest.fixture(scope="module", params=[0, 5, 8])
def spill(request):
    """Return spills in other rivers."""
    return make_spill(request.param)


def _mass_g(spill, station):
    value = spill.curves.loc[spill.curves["meter_id"] == station, "value"].to_numpy() - 0.004
    flow = spill.stations.set_index("station_id").loc[station, "flow_m3s"]
    return value.sum() * 15 * 60 * flow


def test_later_further_down(spill):
    """The middle of the cloud passes each station after the one above it, and after the spill."""
    centres = [
        group["read_at"].iloc[int(np.searchsorted(np.cumsum(group["value"]), 0.5 * group["value"].sum()))]
        for _, group in spill.curves[spill.curves["value"] > 0.05].groupby("meter_id")
    ]
    assert spill.truth["spilled_at"] < centres[0]
    assert all(one < other for one, other in pairwise(centres))


def test_mass(spill):
    """The mass that passes the first station is that spilled, within the error of flow and laboratory."""
    assert _mass_g(spill, "ST1") == pytest.approx(spill.truth["mass_g"], rel=0.35)


def test_twice_the_mass():
    """Twice the mass gives twice the concentration, within the noise of reading."""
    one, two = make_spill(4, mass_g=50_000.0), make_spill(4, mass_g=100_000.0)
    high = one.curves["value"] > 0.5
    ratio = two.curves["value"][high] / one.curves["value"][high]
    assert ratio.median() == pytest.approx(2.0, rel=0.02)


def test_contract(spill):
    """The curves are readings."""
    assert find_problems(spill.curves.assign(source_ref="simulate"), "readings") == []


def test_again():
    """The same seed gives the same spill."""
    assert_frame_equal(make_spill(2).curves, make_spill(2).curves)


@pytest.mark.parametrize("options", [{"stations": 0}, {"stations": 6}, {"step_min": 7}, {"mass_g": 0.0}])
def test_refuses(options):
    """An option out of range is refused with what was expected."""
    with pytest.raises(TableError, match="1 to 5 stations"):
        make_spill(0, **options)
