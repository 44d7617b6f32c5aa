"""How probable a release time and mass are from peaks downstream, and how far upstream the water was then.

Travel times are lognormal about hydraulics: one factor for the whole river, which stations in a row teach, and local ones.
Peaks fall as Jobson's unit peak does, with an offset for the river, losses on the way (a random walk) and error. Leading
edge and passage bind the release time, because both grow with the time since then. All spreads are our defaults.
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
_LEADING, _LEADING_SHARED, _LEADING_OWN = (
    np.log(0.11),
    0.5,
    0.3,
)  # ln((peak - leading) / peak), Jobson 1996 in the middle
_OFFSET, _LOSS, _POWER, _PEAK_OWN = 0.4, 0.3, 0.08, 0.15  # ln unit peak: river, losses, exponent, one station
_PASSAGE_SHARED, _PASSAGE_OWN, _OUTLIER, _WIDE = 0.4, 0.3, 0.05, 1.5
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
        Log likelihood (t), mean of ln mass in g (t x offsets), its sd (t), share of each offset (t x offsets).
    """
    age = np.asarray(ages_h)[:, None] + seen.peak_h[None, :]
    unit = _unit_peak(age, seen.flow_ratio)
    offsets = np.linspace(-3.0, 3.0, 25) * _OFFSET
    log_offset = -0.5 * (offsets / _OFFSET) ** 2
    log_offset = log_offset - logsumexp(log_offset)
    start = np.where(np.isfinite(seen.first_h), seen.first_h, 0.89 * age + (seen.peak_h - age))
    passage = seen.last_h - start
    known = np.isfinite(passage) & (passage > 0)
    expected = np.log(_PASSAGE_S / 3600.0) - np.log(unit * 1e6)
    with np.errstate(invalid="ignore", divide="ignore"):
        miss = np.where(known, np.log(np.where(known, passage, 1.0)) - expected, np.nan)
    by_offset = log_offset + _passages(miss, offsets)
    by_offset = by_offset + _edges(seen, age, offsets)
    shapes = logsumexp(by_offset, axis=1)
    peaks, mean, sd = _peaks(seen, age, unit)
    return shapes + peaks, mean[:, None] - offsets[None, :], sd, np.exp(by_offset - shapes[:, None])


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

    grid = np.linspace((mean - 4.0 * sd).min(), (mean + 4.0 * sd).max(), 801)
    kept = weight > weight.max() * 1e-7
    below = (ndtr((grid[:, None] - mean[kept]) / sd[kept]) * (weight[kept] / weight[kept].sum())).sum(axis=1)
    return np.exp(np.interp(quantiles, below, grid))


def _unit_peak(age: Reals, flow_ratio: float) -> Reals:
    """Return Jobson's unit peak, 1/s."""
    flat = predict_pulse(age.ravel(), flow_ratio=flow_ratio)["unit_peak_per_s"].to_numpy()
    return np.asarray(flat.reshape(age.shape))


def _passages(miss: Reals, offsets: Reals) -> Reals:
    """Return the log likelihood of the passages by age and offset; where they were said to end is common to a survey."""
    own = np.linspace(-3.0, 3.0, 13) * _PASSAGE_SHARED
    log_own = -0.5 * (own / _PASSAGE_SHARED) ** 2
    shift = (own[None, :] + offsets[:, None])[None, :, :, None]
    each = _robust(miss[:, None, None, :] + shift, _PASSAGE_OWN).sum(axis=3)
    return np.asarray(logsumexp(each + log_own - logsumexp(log_own), axis=2))


def _edges(seen: Passages, age: Reals, offsets: Reals) -> Reals:
    """Return the log likelihood of the leading edges by age and offset: a river of low peaks has early edges too."""
    lead = (seen.peak_h - seen.first_h)[None, :] / age
    known = np.isfinite(lead) & (lead > 0)
    value = np.where(known, np.log(np.where(known, lead, 1.0)) - _LEADING, np.nan)
    own = np.linspace(-3.0, 3.0, 13) * _LEADING_SHARED
    log_own = -0.5 * (own / _LEADING_SHARED) ** 2
    shift = (own[None, :] - offsets[:, None])[None, :, :, None]
    each = _robust(value[:, None, None, :] - shift, _LEADING_OWN)
    each = np.where((lead > 1.0)[:, None, None, :], np.log(_OUTLIER / _WIDE), each).sum(axis=3)
    return np.asarray(logsumexp(each + log_own - logsumexp(log_own), axis=2))


def _peaks(seen: Passages, age: Reals, unit: Reals) -> tuple[Reals, Reals, Reals]:
    """Return the log likelihood of the peaks for an unknown mass, and mean and sd of ln mass without the offset."""
    known = np.isfinite(seen.load_gs) & (seen.load_gs > 0)
    if not known.any():
        return np.zeros(len(age)), np.full(len(age), np.nan), np.full(len(age), np.nan)
    age, unit = age[:, known], unit[:, known]
    value = np.log(seen.load_gs[known])[None, :] - np.log(unit)
    centred = np.log(age) - np.log(age).mean(axis=1, keepdims=True)
    walk = np.minimum(age[:, :, None], age[:, None, :]) / age.max(axis=1)[:, None, None]
    covariance = _LOSS**2 * walk + _POWER**2 * centred[:, :, None] * centred[:, None, :]
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


def _robust(miss: Reals, sd: float) -> Reals:
    """Return the log density of an error that is sometimes a slip of the pen; 0 where nothing was seen."""
    known = np.isfinite(miss)
    value = np.where(known, miss, 0.0)
    usual = np.log(1.0 - _OUTLIER) - 0.5 * (value / sd) ** 2 - np.log(sd)
    wide = _WIDE * max(1.0, sd)
    slip = np.log(_OUTLIER) - 0.5 * (value / wide) ** 2 - np.log(wide)
    return np.asarray(np.where(known, np.logaddexp(usual, slip), 0.0))
