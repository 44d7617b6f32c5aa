"""Laws of the numbers behind mixtures: sums of lognormal amounts, intervals, chosen shares and draws."""

from __future__ import annotations

import numpy as np
import pytest

from outfall.tracing.mixture_sum import log_sum_density
from outfall.tracing.mixture_summary import choose_shares, pick_draws, shortest_interval

ERROR = 0.05


@pytest.mark.parametrize(
    ("amount", "cv", "most"),
    [
        ([2.0], [0.7], 0.01), ([1.0, 1.0], [0.15, 1.6], 0.01), ([0.1, 1.0], [1.6, 1.6], 0.01),
        ([1.0, 0.01], [0.2, 1.6], 0.01), ([1.0, 1.0, 1.0], [0.5, 1.0, 1.6], 0.04),
    ],
)  # fmt: skip
def test_sums_are_as_likely_as_they_are_drawn(amount, cv, most):
    """Sums drawn at random lie below any level as often as the density says, wide and narrow parts alike."""
    rng = np.random.default_rng(4)
    mean, cv = np.array(amount), np.array(cv)
    sd = np.sqrt(np.log1p(cv**2))
    parts = np.exp(rng.normal(np.log(mean) - sd**2 / 2, sd, (100_000, len(mean))))
    logs = np.sort(np.log(parts.sum(axis=1)) + rng.normal(0, ERROR, 100_000))
    grid = np.linspace(logs[0] - 1, logs[-1] + 1, 600)
    shape = (1, len(mean), len(grid))
    amounts, relative = (np.broadcast_to(part[None, :, None], shape) for part in (mean, cv**2))
    density = np.exp(log_sum_density(grid, amounts, relative, np.full(len(grid), ERROR)))[0]
    below = np.cumsum(density) * (grid[1] - grid[0])
    assert below[-1] == pytest.approx(1.0, abs=0.01)
    assert np.abs(below - np.searchsorted(logs, grid + (grid[1] - grid[0]) / 2) / len(logs)).max() < most


def test_the_order_of_parts_does_not_matter():
    """Parts are named, not numbered; far from any sum the density is small and finite."""
    value, amount = np.array([0.0, 0.5, 40.0, -40.0]), np.array([1.0, 0.3, 0.02])[None, :, None] * np.ones((1, 3, 4))
    relative = np.array([0.1, 0.5, 2.0])[None, :, None] * np.ones((1, 3, 4))
    one = log_sum_density(value, amount, relative, np.full(4, ERROR))
    assert one == pytest.approx(log_sum_density(value, amount[:, ::-1], relative[:, ::-1], np.full(4, ERROR)))
    assert np.isfinite(one).all()
    assert one[0, 2:].max() < one[0, :2].min() - 50


def test_intervals_hold_what_they_promise():
    """The shortest interval of many draws has its mass, and no shorter one has."""
    rng = np.random.default_rng(2)
    value, weight = np.where(rng.random(4000) < 0.3, 0.0, rng.beta(4, 2, 4000)), np.full(4000, 1 / 4000)
    low, high, inside = shortest_interval(value, weight)
    assert ((value >= low) & (value <= high)).mean() == pytest.approx(inside, abs=1e-9)
    assert inside >= 0.9
    for start in np.quantile(value, [0.01, 0.03, 0.05, 0.08]):
        assert ((value >= start) & (value < start + high - low - 1e-6)).mean() <= 0.9


def test_chosen_shares_are_off_by_least():
    """No other shares of a grid that sum to 1 are nearer to the draws on average."""
    rng = np.random.default_rng(5)
    draws = rng.dirichlet([0.4, 1.0, 2.0], 800)
    draws[:300, 0], draws[:300, 1:] = 0.0, draws[:300, 1:] / draws[:300, 1:].sum(axis=1, keepdims=True)
    chosen = choose_shares(draws, np.full(800, 1 / 800))
    best = np.abs(draws - chosen).sum(axis=1).mean()
    for a in np.linspace(0, 1, 21):
        for b in np.linspace(0, 1 - a, 11):
            assert np.abs(draws - [a, b, 1 - a - b]).sum(axis=1).mean() >= best - 1e-9


def test_draws_are_as_likely_as_their_weights():
    """Equally likely draws have the mean of the weighed points."""
    share, weight = np.eye(3), np.array([0.2, 0.5, 0.3])
    assert pick_draws(share, weight, count=1000, seed=1).mean(axis=0) == pytest.approx(weight, abs=0.002)
