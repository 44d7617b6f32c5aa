"""How probable a release time and mass are from peaks downstream, and how far upstream the water was then.

Travel times are lognormal about hydraulics: one factor for the whole river, which stations in a row teach, and local ones.
Peaks fall as Jobson's unit peak does, with an offset and an exponent of the river, losses on the way (a random walk) and
error. Leading edge and passage lengthen as peaks fall, with factors of the river too: how much they grow from station to
station binds the release time. How well each station tells them is learned. All spreads are our defaults.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from scipy.special import logsumexp

from outfall.network.travel_river import predict_pulse

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Passages", "first_way", "judge_times", "mass_shares"]

Reals: TypeAlias = "NDArray[np.float64]"

_LOCAL = np.array([0.1, 0.2, 0.35])  # sd of ln velocity from stretch to stretch
# pulses spread as age to Jobson's exponent (0.76) less this, give or take that: Fick has 0.5; and the age where it pivots
_MILDER, _POWER, _PIVOT_H = 0.14, 0.12, 10.0
_LEADING, _LEADING_SHARED = np.log(0.11), 0.3  # ln((peak - leading) / peak) at that age, Jobson 1996 in the middle
_OFFSET, _LOSS, _PEAK_OWN = 0.25, 0.25, 0.15  # ln unit peak: river, losses, one station
_PASSAGE_SHARED, _OUTLIER, _WIDE = 0.25, 0.05, 1.5
_OWN, _STEP = np.array([0.08, 0.16, 0.32]), 0.08  # sd of ln edge and passage at one station: the stations say which
_SPREADING = 0.76  # exponent of Jobson's unit peak: pulses lengthen as they lose height
_PASSAGE_S = 2e6
_WAYS = 150


@dataclass(frozen=True, slots=True)
class Passages:
    """What n stations in the order of the flow saw, hours from the first peak.

    Parameters
    ----------
    peak_h, first_h, last_h : ndarray of n float
        Peak, leading edge and return to a tenth of the peak; NaN where not seen.
    load_gs : ndarray of n float, g/s
        Peak concentration times flow; NaN where one is unknown.
    flow_ratio : float
        Flow over mean annual flow.
    clock_h : float
        Error of the times.
    """

    peak_h: Reals
    first_h: Reals
    last_h: Reals
    load_gs: Reals
    flow_ratio: float
    clock_h: float


def judge_times(seen: Passages, ages_h: Reals) -> tuple[Reals, Reals, Reals, Reals]:
    """Return how likely edges, passages and peaks are, by age of the water at the first peak, and the mass that fits.

    Parameters
    ----------
    seen : Passages
        What was seen.
    ages_h : ndarray of t float, hours
        Time between release and the first peak, above 0.

    Returns
    -------
    tuple of ndarray
        Log likelihood (t), mean of ln mass in g (t x rivers: offset and spreading), its sd (t), share of each (t x rivers).
    """
    age = np.asarray(ages_h)[:, None] + seen.peak_h[None, :]
    unit = _unit_peak(age, seen.flow_ratio)
    offsets, log_offset = _normal_grid(_OFFSET, 13)
    powers, log_power = _normal_grid(_POWER, 7)
    powers = powers - _MILDER
    older = np.log(age / _PIVOT_H)
    shapes, means = [], []
    for power, share in zip(powers, log_power, strict=True):
        by_offset = log_offset + _passages(seen, age, np.log(unit) - power * older, offsets)
        by_offset = by_offset + _edges(seen, age, power, offsets)
        peaks, mean, sd = _peaks(seen, age, np.log(unit) - power * older)
        shapes.append(by_offset + (peaks + share)[:, None])
        means.append(mean[:, None] - offsets[None, :])
    whole = np.concatenate(shapes, axis=1)
    total = logsumexp(whole, axis=1)
    return total, np.concatenate(means, axis=1), sd, np.exp(whole - total[:, None])


def first_way(seen: Passages, between_h: Reals, ages_h: Reals, ways_h: Reals, *, velocity_sd: float) -> Reals:
    """Return the log likelihood of the age at the first peak, for water that has some way behind it.

    Parameters
    ----------
    seen : Passages
        What was seen.
    between_h : ndarray of n - 1 float, hours
        Travel times between the stations by hydraulics.
    ages_h : ndarray of t float, hours
        Age of the water at the first peak.
    ways_h : ndarray of p float, hours
        Travel time from each place to the first station by hydraulics.
    velocity_sd : float
        Error of hydraulics on the whole river, natural log.

    Returns
    -------
    ndarray of float, p x t
    """
    stretch = float(np.mean(between_h)) if len(between_h) else float(np.median(ways_h)) if len(ways_h) else 1.0
    factors = np.linspace(-3.0, 3.0, 25) * velocity_sd
    log_share = np.tile(-0.5 * (factors / velocity_sd) ** 2, (len(_LOCAL), 1))
    for gap, way in zip(np.diff(seen.peak_h), between_h, strict=True):
        took = max(float(gap), 0.5 * seen.clock_h)
        spread = np.sqrt(_LOCAL[:, None] ** 2 * _averaged(way / stretch) + (1.4 * seen.clock_h / took) ** 2)
        log_share = log_share + _robust((np.log(took / way) - factors[None, :]) / spread, 1.0) - np.log(spread)
    log_share = (log_share - logsumexp(log_share)).ravel()
    kept = np.flatnonzero(log_share > log_share.max() - 6.0)
    local, factor = np.repeat(_LOCAL, len(factors))[kept], np.tile(factors, len(_LOCAL))[kept]
    if len(ways_h) > _WAYS:  # the answer is smooth in the way: look it up
        grid = np.geomspace(ways_h.min() * 0.999, ways_h.max() * 1.001, _WAYS)
        table = _ways(grid / stretch, grid, ages_h, (log_share[kept], local, factor), seen.clock_h)
        at = np.interp(np.log(ways_h), np.log(grid), np.arange(_WAYS))
        low = np.minimum(at.astype(np.int64), _WAYS - 2)
        return table[low] + (at - low)[:, None] * (table[low + 1] - table[low])
    return _ways(ways_h / stretch, ways_h, ages_h, (log_share[kept], local, factor), seen.clock_h)


def _ways(
    memories: Reals, ways_h: Reals, ages_h: Reals, velocities: tuple[Reals, Reals, Reals], clock_h: float
) -> Reals:
    """Return the log likelihood of every age for every way, summed over what the velocities may be."""
    out = np.full((len(ways_h), len(ages_h)), -np.inf)
    averaged = np.sqrt(_averaged(memories))
    for share, sd, shift in zip(*velocities, strict=True):
        spread = np.hypot(sd * averaged[:, None], 1.4 * clock_h / ages_h[None, :])
        miss = (np.log(ages_h)[None, :] - np.log(ways_h)[:, None] - shift) / spread
        np.logaddexp(out, share - 0.5 * miss**2 - np.log(spread * ages_h[None, :]), out=out)
    return out


def mass_shares(mean: Reals, sd: Reals, weight: Reals, quantiles: list[float]) -> Reals:
    """Return quantiles of the mass in grams: a mixture of lognormals.

    Parameters
    ----------
    mean, weight : ndarray of m float
        Mean of the natural log, and share of each part.
    sd : ndarray of m float
        Standard deviation of the natural log.
    quantiles : list of float
        Shares below.

    Returns
    -------
    ndarray of float, grams

    Examples
    --------
    >>> mass_shares(np.array([0.0]), np.array([1.0]), np.array([1.0]), [0.5]).round(2).tolist()
    [1.0]
    """
    from scipy.special import ndtr

    grid = np.linspace((mean - 4.0 * sd).min(), (mean + 4.0 * sd).max(), 301)
    kept = weight > weight.max() * 1e-4
    below = (ndtr((grid[:, None] - mean[kept]) / sd[kept]) * (weight[kept] / weight[kept].sum())).sum(axis=1)
    return np.exp(np.interp(quantiles, below, grid))


def _unit_peak(age: Reals, flow_ratio: float) -> Reals:
    """Return Jobson's unit peak, 1/s."""
    flat = predict_pulse(age.ravel(), flow_ratio=flow_ratio)["unit_peak_per_s"].to_numpy()
    return np.asarray(flat.reshape(age.shape))


def _passages(seen: Passages, age: Reals, log_unit: Reals, offsets: Reals) -> Reals:
    """Return the log likelihood of the passages by age and offset; where they were said to end is common to a survey."""
    start = np.where(np.isfinite(seen.first_h), seen.first_h, 0.89 * age + (seen.peak_h - age))
    expected = np.log(_PASSAGE_S / 3600.0) - log_unit - np.log(1e6)
    return _shared(seen.last_h - start, expected, _PASSAGE_SHARED, offsets, seen.clock_h)


def _edges(seen: Passages, age: Reals, power: float, offsets: Reals) -> Reals:
    """Return the log likelihood of the leading edges by age and offset: a river of low peaks has early edges too."""
    lead = np.broadcast_to(seen.peak_h - seen.first_h, age.shape)
    expected = _LEADING + np.log(_PIVOT_H) + (_SPREADING + power) * np.log(age / _PIVOT_H)
    found = _shared(np.where(lead < age, lead, np.nan), expected, _LEADING_SHARED, offsets, seen.clock_h)
    return found + np.log(_OUTLIER / _WIDE) * (lead >= age).sum(axis=1)[:, None]


def _shared(took_h: Reals, expected: Reals, shared: float, offsets: Reals, clock_h: float) -> Reals:
    """Return the log likelihood of durations by age and offset: one factor for all stations, and errors they tell."""
    known = np.isfinite(took_h) & (took_h > 0)
    took = np.where(known, took_h, 1.0)
    miss = np.where(known, np.log(took) - expected, np.nan)
    factors = np.arange(-3.0 * (shared + _OFFSET), 3.0 * (shared + _OFFSET), _STEP)
    each = []
    for own in _OWN:
        spread = np.hypot(own, 1.4 * clock_h / took)
        each.append(_robust(miss[:, None, :] - factors[:, None], spread[:, None, :]).sum(axis=2))
    by_factor = logsumexp(each, axis=0)
    before = -0.5 * ((factors[:, None] + offsets[None, :]) / shared) ** 2
    before = np.exp(before - logsumexp(before, axis=0))
    top = by_factor.max(axis=1, keepdims=True)
    return np.asarray(top + np.log(np.exp(by_factor - top) @ before + 1e-300))


def _normal_grid(sd: float, count: int) -> tuple[Reals, Reals]:
    """Return places of a normal variable and the log of their shares."""
    at = np.linspace(-3.0, 3.0, count)
    return at * sd, -0.5 * at**2 - logsumexp(-0.5 * at**2)


def _peaks(seen: Passages, age: Reals, log_unit: Reals) -> tuple[Reals, Reals, Reals]:
    """Return the log likelihood of the peaks for an unknown mass, and mean and sd of ln mass without the offset."""
    known = np.isfinite(seen.load_gs) & (seen.load_gs > 0)
    if not known.any():
        return np.zeros(len(age)), np.full(len(age), np.nan), np.full(len(age), np.nan)
    age = age[:, known]
    value = np.log(seen.load_gs[known])[None, :] - log_unit[:, known]
    covariance = _LOSS**2 * np.minimum(age[:, :, None], age[:, None, :]) / age.max(axis=1)[:, None, None]
    covariance = covariance + _PEAK_OWN**2 * np.eye(known.sum())
    inverse = np.linalg.inv(covariance)
    column = inverse.sum(axis=2)
    information = column.sum(axis=1)
    mean = (column * value).sum(axis=1) / information
    rest = value - mean[:, None]
    fit = np.einsum("ti,tij,tj->t", rest, inverse, rest)
    log_det = np.linalg.slogdet(covariance)[1]
    return -0.5 * (fit + log_det + np.log(information)), mean, 1.0 / np.sqrt(information)


def _averaged(ratio: Reals | float) -> Reals:
    """Return the variance of a local factor averaged over a way, by the way in units of its memory."""
    ratio = np.maximum(np.asarray(ratio, dtype=float), 1e-6)
    return np.asarray(np.where(ratio < 1e-3, 1.0, 2.0 * (ratio - 1.0 + np.exp(-ratio)) / ratio**2))


def _robust(miss: Reals, sd: Reals | float) -> Reals:
    """Return the log density of an error that is sometimes a slip of the pen; 0 where nothing was seen."""
    known = np.isfinite(miss)
    value = np.where(known, miss, 0.0)
    usual = np.log(1.0 - _OUTLIER) - 0.5 * (value / sd) ** 2 - np.log(sd)
    wide = _WIDE * np.maximum(1.0, sd)
    slip = np.log(_OUTLIER) - 0.5 * (value / wide) ** 2 - np.log(wide)
    return np.asarray(np.where(known, np.logaddexp(usual, slip), 0.0))
