"""Did the tracer arrive, when, and how sure is that: one curve of readings after one injection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import norm

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Arrival", "judge_curve"]

# Our defaults (no standard): before the test either is as likely; a tracer that is there is seen in nine of ten tests
# watched for a day; one signal in a hundred has another cause (rain, another discharge).
_PRIOR_SHARE, _SEEN_SHARE, _OTHER_SHARE, _WATCH_H = 0.5, 0.9, 0.01, 24.0
_RUN = 3
_LEAST_BACKGROUND = 5
_CHANCE = 0.01
_ARRIVED_SIGMAS = 3.0


@dataclass(frozen=True, slots=True)
class Arrival:
    """What one curve says; times in hours after the injection, NaN where nothing arrived."""

    is_detected: bool
    connection_share: float
    signal_to_noise: float
    background: float
    noise: float
    first_h: float
    peak_h: float
    centroid_h: float
    first_sigma_h: float
    peak_sigma_h: float
    centroid_sigma_h: float
    has_background: bool


def judge_curve(hours: NDArray[np.float64], values: NDArray[np.float64]) -> Arrival:
    """Return what a curve says of a connection.

    The background and its noise are the median and the spread of the readings before the injection, or of the lowest
    half where there are fewer than five. The signal is the largest mean of three readings in a row above it; it must
    be one that noise alone would show in fewer than one of a hundred such curves.

    Parameters
    ----------
    hours : array, n
        Hours after the injection, rising; negative ones are before it.
    values : array, n
        Readings in any unit.

    Returns
    -------
    Arrival
        Share and times. The unit of the readings does not matter.

    Examples
    --------
    >>> import numpy as np
    >>> hours = np.arange(-2, 6, 0.25)
    >>> found = judge_curve(hours, 10 + 0.1 * (np.arange(len(hours)) % 2) + 5 * np.exp(-(hours - 2) ** 2 / 0.5))
    >>> found.is_detected, round(found.peak_h, 2), found.connection_share > 0.95
    (True, 2.0, True)
    """
    before, after = hours < 0, hours >= 0
    has_background = int(before.sum()) >= _LEAST_BACKGROUND
    calm = values[before] if has_background else np.sort(values)[: max(2, (len(values) + 1) // 2)]
    background = float(np.median(calm)) if len(calm) else 0.0
    noise = _noise(calm, values, background) * (1.0 if has_background else 1.5)
    excess, times = values[after] - background, hours[after]
    if not len(excess) or noise <= 0:
        return _nothing(background, noise, 0.0, times, has_background=has_background)
    run = min(_RUN, len(excess))
    means = np.convolve(excess, np.full(run, 1.0 / run), mode="valid")
    error = noise * np.sqrt(1.0 / run + 1.0 / len(calm))
    ratio = float(means.max() / error)
    # Noise of a small background is itself uncertain: the threshold widens with it.
    chance = float(norm.sf(ratio / (1.0 + 2.0 / len(calm)))) * len(means)
    if chance > _CHANCE:
        return _nothing(background, noise, ratio, times, has_background=has_background)
    alone = min(1.0, max(_OTHER_SHARE, chance))
    is_seen = True
    share = _PRIOR_SHARE * _SEEN_SHARE / (_PRIOR_SHARE * _SEEN_SHARE + (1 - _PRIOR_SHARE) * alone)
    return Arrival(
        is_seen,
        share,
        ratio,
        background,
        noise,
        *_times(times, excess, noise, int(means.argmax()), run),
        has_background,
    )


def _noise(calm: NDArray[np.float64], values: NDArray[np.float64], background: float) -> float:
    """Return the spread of the calm readings, never below what the meter can tell apart."""
    spread = 1.4826 * float(np.median(np.abs(calm - background))) if len(calm) else 0.0
    steps = np.diff(np.unique(values))
    step = float(steps[steps > 0].min()) / np.sqrt(12.0) if (steps > 0).any() else 0.0
    deviation = float(np.std(calm, ddof=1)) if len(calm) > 1 else 0.0
    return max(spread, deviation, step)


def _times(
    times: NDArray[np.float64], excess: NDArray[np.float64], noise: float, best: int, run: int
) -> tuple[float, float, float, float, float, float]:
    window = slice(best, best + run)
    peak = best + int(excess[window].argmax())
    is_above = excess > _ARRIVED_SIGMAS * noise
    first = last = peak
    while first > 0 and (is_above[first - 1] or (first > 1 and is_above[first - 2])):
        first -= 1
    while last < len(excess) - 1 and (is_above[last + 1] or (last < len(excess) - 2 and is_above[last + 2])):
        last += 1
    gap = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    part, weight = times[first : last + 1], np.clip(excess[first : last + 1], 0.0, None)
    width = np.gradient(part) if len(part) > 1 else np.ones(len(part))
    mass = float((weight * width).sum())
    centroid = float((part * weight * width).sum() / mass) if mass > 0 else float(times[peak])
    drift = float(np.sqrt((((part - centroid) * width) ** 2).sum())) * noise / mass if mass > 0 else 0.0
    half = excess >= excess[peak] - 2 * noise
    flat = float(np.ptp(times[half])) / np.sqrt(12.0) if half.any() else 0.0
    step = gap / np.sqrt(12.0)
    return (
        float(times[first]),
        float(times[peak]),
        centroid,
        step,
        max(step, min(flat, float(np.ptp(part)))),
        float(np.hypot(step, drift)),
    )


def _nothing(
    background: float, noise: float, ratio: float, times: NDArray[np.float64], *, has_background: bool
) -> Arrival:
    watched = float(times.max()) if len(times) else 0.0
    seen = _SEEN_SHARE * min(1.0, watched / _WATCH_H)
    share = _PRIOR_SHARE * (1 - seen) / (_PRIOR_SHARE * (1 - seen) + (1 - _PRIOR_SHARE) * (1 - _OTHER_SHARE))
    nan, is_seen = float("nan"), False
    return Arrival(is_seen, share, ratio, background, noise, nan, nan, nan, nan, nan, nan, has_background)
