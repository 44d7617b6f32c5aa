"""How high must a score be, so that noise alone alarms no more often than said."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from outfall.survey.noise import Noise
from outfall.survey.shapes import Run, peaks, score, spread, together, tune

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["least_score"]

_CHAINS, _BINS = 20, 400
_TAIL = 25


def least_score(
    noise: Sequence[Noise], width_m: float, *, false_per_10km: float, per: float = 1.0, both_ways: bool = False
) -> float:
    """Return the score that noise of the measured size exceeds as often as said.

    Noise alone, of the same white and wandering parts, is drawn (always the same) and searched like a run; the rate
    beyond what was drawn follows from the tail of its scores.

    Parameters
    ----------
    noise : sequence of Noise
        One per sensor.
    width_m : float
        Width of a bin.
    false_per_10km : float
        Alarms to accept per 10 km of track.
    per : float, default 1
        Readings in a bin.
    both_ways : bool, default False
        Whether the direction of flow is not known, and both are tried.

    Returns
    -------
    float

    Examples
    --------
    >>> one = [Noise(1.0, 0.02)]
    >>> least_score(one, 8.0, false_per_10km=0.1) > least_score(one, 8.0, false_per_10km=10.0)
    True
    """
    ratios = tuple(sorted(float(round(np.log2(one.wander**2 * width_m * per / one.white**2))) for one in noise))
    tops, km = _tops(ratios, max(1.0, round(width_m)))
    wanted = false_per_10km * km / 10 / (2 if both_ways else 1)
    if wanted >= len(tops):
        return float(tops[-1])
    if wanted >= _TAIL:
        return float(tops[int(wanted)])
    base = tops[_TAIL]
    excess = float(np.mean(np.array(tops[:_TAIL]) - base))
    return float(base + excess * np.log(_TAIL / max(wanted, 1e-9)))


@lru_cache(maxsize=64)
def _tops(ratios: tuple[float, ...], width_m: float) -> tuple[tuple[float, ...], float]:
    """Return the scores of all separate alarms of pure noise, highest first, and the length searched in km."""
    rng = np.random.default_rng(20260413)
    noise = [Noise(1.0, float(np.sqrt(2.0**ratio / width_m))) for ratio in ratios]
    found: list[float] = []
    for _ in range(_CHAINS):
        level = np.cumsum(rng.normal(0, 1, (_BINS, len(noise))), axis=0) * np.sqrt(2.0 ** np.array(ratios))
        run = Run(level + rng.normal(0, 1, level.shape), np.ones(level.shape), width_m)
        table = score(tune(run, noise), run.values, width_m)
        best = together(table.size / (table.error * spread(table))).max(axis=1)
        found += best[peaks(best, width_m)].tolist()
    return tuple(sorted(found, reverse=True)), _CHAINS * _BINS * width_m / 1000
