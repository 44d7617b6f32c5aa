"""Plumes that are planted are found where they enter; water that only drifts, wanders or bubbles has none."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter

from outfall.survey.alarms import least_score
from outfall.survey.noise import Noise, measure_noise
from outfall.survey.plumes import find_plumes
from outfall.survey.shapes import Run, rise


def _run(water, width_m=4.0):
    water = np.asarray(water, dtype=float)
    water = water[:, None] if water.ndim == 1 else water
    return Run(water, np.isfinite(water).astype(float), width_m)


def _find(run, *, is_with=True, rate=1.0):
    noise = [measure_noise(run.values[:, at], run.counts[:, at], run.width_m) for at in range(run.values.shape[1])]
    least = least_score(noise, run.width_m, false_per_10km=rate)
    return find_plumes(run, noise, least_score=least, is_with=is_with)[0]


@pytest.mark.parametrize("scale_m", [0.0, 3.0, 20.0, 60.0])
def test_planted_plumes_are_recovered(scale_m):
    """Of plumes of eight sigma on a slow wave, 19 of 20 are found within four sigma of their place or 12 m."""
    rng = np.random.default_rng(5)
    middle = (np.arange(1000) + 0.5) * 4.0
    hits = total = 0
    for _ in range(5):
        planted = np.arange(1, 5) * 800.0 + rng.uniform(-150, 150, 4)
        water = 400 + rng.normal(0, 1, 1000) + 3 * np.sin(middle / 400)
        water += sum(8.0 * rise(scale_m, middle - at) for at in planted)
        found = _find(_run(water))
        hits += sum(any(abs(one.at_m - at) <= max(12.0, 4 * one.sigma_m) for one in found) for at in planted)
        total += len(planted)
    assert hits / total >= 0.95


@pytest.mark.parametrize("rate", [1.0, 10.0])
@pytest.mark.parametrize(
    ("patchiness", "walk"), [(0.0, 0.0), (0.5, 0.0), (0.0, 0.3)], ids=["white", "patchy", "wandering"]
)
def test_noise_alone_alarms_no_more_often_than_said(rate, patchiness, walk):
    """On 48 km without any outfall the false plumes stay within twice the stated rate, or chance."""
    rng = np.random.default_rng(6)
    false = 0
    for _ in range(8):
        noise = lfilter([1], [1, -patchiness], rng.normal(0, 1, (750, 3)), axis=0)
        water = noise + np.cumsum(rng.normal(0, walk, (750, 3)), axis=0)
        false += len(_find(_run(water, 8.0), rate=rate))
    expected = rate * 4.8
    assert false <= 2 * expected + 3


def test_a_thinning_plume_is_one_plume():
    """A plume of a hundred sigma that thins over kilometres is one, with its size and its place."""
    rng = np.random.default_rng(7)
    middle = (np.arange(800) + 0.5) * 4.0
    found = _find(_run(400 + rng.normal(0, 1, 800) + 100 * rise(20.0, middle - 800.0)))
    assert len(found) == 1
    assert found[0].at_m == pytest.approx(800.0, abs=5)
    assert found[0].size[0] == pytest.approx(100, rel=0.05)


def test_a_run_driven_back_is_the_same_plume():
    """The same water read in the other direction has the same plumes, and says that the water flows against it."""
    rng = np.random.default_rng(9)
    middle = (np.arange(500) + 0.5) * 4.0
    run = _run(400 + rng.normal(0, 1, 500) + 25 * rise(10.0, middle - 900.0))
    there, back = _find(run), _find(run.reversed(), is_with=False)
    assert [one.at_m for one in there] == pytest.approx([2000.0 - one.at_m for one in back])
    assert not back[0].is_with


def test_the_right_direction_of_flow_explains_more():
    """A plume has a sharp side: upstream. The other direction explains the readings less well."""
    rng = np.random.default_rng(10)
    middle = (np.arange(500) + 0.5) * 4.0
    run = _run(400 + rng.normal(0, 1, 500) + 25 * rise(10.0, middle - 900.0))
    noise = [Noise(1.0, 0.05)]
    gains = [find_plumes(run, noise, least_score=5.0, is_with=way)[1] for way in (True, False)]
    assert gains[0] > gains[1] + 10


def test_sensors_together_hear_what_none_hears_alone():
    """A plume of two sigma in each of four sensors is found; in one sensor of four it is not."""
    rng = np.random.default_rng(11)
    middle = (np.arange(400) + 0.5) * 8.0
    shape = 2.0 * rise(12.0, middle - 1600.0)
    known = [Noise(1.0, 0.02)] * 4
    least = least_score(known, 8.0, false_per_10km=1.0)
    alone = together = 0
    for _ in range(6):
        noise = rng.normal(0, 1, (400, 4))
        one, every = (
            find_plumes(_run(noise + shape[:, None] * np.array(who), 8.0), known, least_score=least, is_with=True)[0]
            for who in ([1, 0, 0, 0], [1, 1, 1, 1])
        )
        alone += any(abs(row.at_m - 1600.0) < 60 for row in one)
        together += any(abs(row.at_m - 1600.0) < 60 for row in every)
    assert together >= 5 > alone


@pytest.mark.parametrize("factor", [1e-3, 7.0, 1e4])
def test_units_change_nothing_but_the_size(factor):
    """In other units the plumes are where they were."""
    rng = np.random.default_rng(10)
    middle = (np.arange(300) + 0.5) * 4.0
    water = 400 + rng.normal(0, 1, 300) + 25 * rise(5.0, middle - 640.0)
    one, two = _find(_run(water)), _find(_run(water * factor))
    assert [row.at_m for row in one] == pytest.approx([row.at_m for row in two])
    assert two[0].size[0] == pytest.approx(one[0].size[0] * factor)


def test_missing_readings_are_no_plume():
    """Gaps in a sensor neither make a plume nor hide the one beside them."""
    rng = np.random.default_rng(12)
    middle = (np.arange(500) + 0.5) * 4.0
    water = 400 + rng.normal(0, 1, 500) + 25 * rise(10.0, middle - 1000.0)
    water[rng.choice(500, 150, replace=False)] = np.nan
    found = _find(_run(water))
    assert [round(one.at_m, -1) for one in found] == [1000.0]


def test_a_lower_rate_asks_for_more():
    """The threshold rises as fewer false alarms are accepted, beyond what was drawn too."""
    noise = [Noise(1.0, 0.02), Noise(3.0, 0.02)]
    asked = [least_score(noise, 8.0, false_per_10km=rate) for rate in (100.0, 10.0, 1.0, 0.1, 0.001)]
    assert asked == sorted(asked)
    assert len(set(asked)) == 5


def test_rounded_readings_have_noise():
    """A sensor that repeats itself is not infinitely sure: part of its resolution is its noise."""
    values = np.array([7.1] * 10 + [7.2] * 10)
    assert measure_noise(values, np.ones(20), 4.0).white > 0.03


@pytest.mark.parametrize("water", [[], [1.0], [1.0] * 50, [np.nan] * 50])
def test_nothing_to_see_has_no_noise(water):
    """Empty, constant and missing readings say nothing about noise."""
    values = np.array(water, dtype=float)
    assert measure_noise(values, np.ones(len(values)), 4.0) is None
