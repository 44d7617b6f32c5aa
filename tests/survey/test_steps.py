"""Steps that are planted are found; water that only drifts, decays or is patchy has none."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter

from outfall.survey.steps import find_steps, noise_sigma


def _plume(along, at, height, decay_m):
    gone = along - at
    return np.where(gone >= 0, height * np.exp(-np.maximum(gone, 0) / decay_m), 0.0)


@pytest.mark.parametrize("decay_m", [60.0, 300.0, 1e9])
def test_planted_steps_are_recovered(decay_m):
    """At eight sigma, 95 of 100 plumes are found within 10 m of their rise."""
    rng = np.random.default_rng(5)
    along = np.arange(1000) * 1.5
    hits = total = 0
    for _ in range(25):
        planted = rng.choice(np.arange(1, 9), 4, replace=False) * 150.0 + rng.uniform(0, 30, 4)
        water = 400 + rng.normal(0, 1, 1000) + 3 * np.sin(along / 400)
        water += sum(_plume(along, at, 8.0, decay_m) for at in planted)
        found = along[[step.at for step in find_steps(along, water)]]
        hits += sum(np.abs(found - at).min(initial=np.inf) <= 10 for at in planted)
        total += len(planted)
    assert hits / total >= 0.95


@pytest.mark.parametrize(
    ("patchiness", "per_10_km"), [(0.0, 1.0), (0.5, 1.0), (0.9, 1.0)], ids=["white", "little", "patchy"]
)
def test_noise_alone_has_hardly_a_step(patchiness, per_10_km):
    """On 90 km without any outfall, false steps stay under the stated rate."""
    rng = np.random.default_rng(6)
    false = sum(
        len(find_steps(np.arange(1500) * 1.5, 400 + lfilter([1], [1, -patchiness], rng.normal(0, 1, 1500))))
        for _ in range(40)
    )
    assert false / 9 <= per_10_km


def test_a_decay_is_not_a_second_step():
    """A plume that rises once and decays over a kilometre is one step."""
    rng = np.random.default_rng(7)
    along = np.arange(800) * 2.0
    found = find_steps(along, 400 + rng.normal(0, 1, 800) + _plume(along, 300.0, 60.0, 400.0))
    assert [round(along[step.at]) for step in found] == [300]
    assert found[0].size == pytest.approx(60, rel=0.1)


def test_a_single_wild_reading_is_no_step():
    """Bubbles are replaced before anything is fitted."""
    rng = np.random.default_rng(8)
    water = 400 + rng.normal(0, 1, 400)
    water[[50, 200, 201, 350]] += 300
    assert find_steps(np.arange(400) * 2.0, water) == []


def test_a_step_upwards_is_a_step_downwards_when_driven_back():
    """The same track driven the other way has the same place and the opposite sign."""
    rng = np.random.default_rng(9)
    along = np.arange(300) * 2.0
    water = 400 + rng.normal(0, 1, 300) + np.where(along >= 320, 25.0, 0.0)
    there, back = find_steps(along, water), find_steps(along, water[::-1])
    assert len(there) == len(back) == 1
    assert along[there[0].at] == pytest.approx(along[-1] - along[back[0].at - 1], abs=4)
    assert there[0].size == pytest.approx(-back[0].size, rel=0.1)


@pytest.mark.parametrize("factor", [1e-3, 7.0, 1e4])
def test_units_change_nothing_but_the_size(factor):
    """In other units the steps are where they were."""
    rng = np.random.default_rng(10)
    along = np.arange(300) * 2.0
    water = 400 + rng.normal(0, 1, 300) + np.where(along >= 320, 25.0, 0.0)
    one, two = find_steps(along, water), find_steps(along, water * factor)
    assert [step.at for step in one] == [step.at for step in two]
    assert two[0].size == pytest.approx(one[0].size * factor)


def test_rounded_readings_have_noise():
    """A sensor that repeats itself is not infinitely sure: half its resolution is its noise."""
    assert noise_sigma(np.array([7.1, 7.1, 7.1, 7.1, 7.2, 7.2, 7.2])) == pytest.approx(0.05)


@pytest.mark.parametrize("water", [[], [1.0], [1.0] * 50, [np.nan] * 50])
def test_nothing_to_see_is_no_step(water):
    """Empty, constant and missing readings have no step."""
    assert find_steps(np.arange(len(water)) * 1.0, np.array(water)) == []
