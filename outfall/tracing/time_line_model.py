"""How much likelier one series is with another behind it, delayed and smeared, than with its own daily cycle and noise.

The model is y = constant + trend + daily harmonics + beta (exponential kernel * x)(t - lag) + AR(1) noise, beta above 0.
The noise, its memory, the strength, the lag and the kernel are summed over; gaps are left out exactly. The precision
of AR(1) noise is a polynomial in its memory, so that three correlations per column, by FFT, serve every memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft
from scipy.special import log_ndtr

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Answer", "Prior", "find_answer", "make_prior"]

Reals: TypeAlias = "NDArray[np.float64]"

_MEMORIES = np.array([0.0, 0.4, 0.7, 0.83, 0.91, 0.955, 0.98, 0.992])
_STRENGTHS = np.array([0.01, 0.1, 1.0])  # prior variance of the effect, in variances of the noise per value
_SMEARS = np.array([0.0, 0.5, 1.0, 2.0, 4.0, 8.0])  # time constants of the kernel, over the usual one
_HARMONICS = 3
_MOST_LAGS = 96


@dataclass(frozen=True, slots=True)
class Prior:
    """Which lags and time constants are possible, in steps of the grid, and how probable each pair is.

    Parameters
    ----------
    lags : ndarray of int, l values
        Pure delay.
    smears : ndarray of float, k values
        Time constants of the exponential kernel.
    log_share : ndarray of float, k x l
        Natural log of the probability; sums to 1.
    """

    lags: NDArray[np.int64]
    smears: Reals
    log_share: Reals


@dataclass(frozen=True, slots=True)
class Answer:
    """What one suspect explains.

    Parameters
    ----------
    log_lr : float
        Natural log of the likelihood with the suspect over that without.
    delays, share : ndarray of float
        Mean delays (lag and time constant), in steps, and their probability if it is the source.
    """

    log_lr: float
    delays: Reals
    share: Reals


def make_prior(delay: float, *, log_sd: float, most: float, clock: float = 1.0) -> Prior:
    """Return the prior of lag and kernel around a delay by hydraulics, or over everything up to the most.

    Parameters
    ----------
    delay : float, steps
        Mean delay; NaN where nothing is known.
    log_sd : float
        Its standard deviation, natural log.
    most : float, steps
        Longest delay thought of where nothing is known.
    clock : float, steps
        Error of the clocks.

    Returns
    -------
    Prior

    Examples
    --------
    >>> prior = make_prior(12.0, log_sd=0.3, most=100.0)
    >>> round(float(np.exp(prior.log_share).sum()), 6)
    1.0
    """
    known = bool(np.isfinite(delay) and delay >= 0.0)
    width = np.hypot(log_sd * delay, clock) if known else 0.0
    highest = delay * np.exp(2.5 * log_sd) + 3.0 * clock if known else most
    lowest = max(0.0, delay * np.exp(-2.5 * log_sd) - 3.0 * clock) * 0.3 if known else 0.0
    lags = np.unique(np.round(np.linspace(lowest, highest, _MOST_LAGS)).astype(np.int64))
    usual = max(delay / 4.0 if known else most / 16.0, 0.5)
    smears = _SMEARS * usual
    mean = lags[None, :] + smears[:, None]
    if known:
        centre, spread = np.log(max(delay, clock)), width / max(delay, clock)
        log_share = -0.5 * ((np.log(np.maximum(mean, 0.25 * clock)) - centre) / spread) ** 2
    else:
        log_share = np.where(mean <= 1.5 * most, 0.0, -np.inf)
    with np.errstate(divide="ignore"):
        log_share = log_share - _log_sum(log_share, axis=1)[:, None]
    return Prior(lags, smears, log_share - np.log(len(smears)))


def find_answer(signal: Reals, suspect: Reals, prior: Prior, *, steps_per_day: float) -> Answer:
    """Return how much likelier the signal is with the suspect behind it.

    Parameters
    ----------
    signal : ndarray of float, n values
        On a regular grid; NaN where missing.
    suspect : ndarray of float, n values
        What the suspect did, on the same grid; NaN where missing: what it would explain there is left out.
    prior : Prior
        Lags and kernels.
    steps_per_day : float
        Values per day.

    Returns
    -------
    Answer
        A ratio of 1 where fewer than 24 values can be compared or one of the two does not change.
    """
    before = int(prior.lags.max() + 3.0 * prior.smears.max()) + 1
    signal, suspect = (np.concatenate([np.full(before, np.nan), row]) for row in (signal, suspect))
    known = np.isfinite(suspect)
    usual = int(np.average(prior.lags, weights=np.exp(_log_sum(prior.log_share, axis=0))))
    shifted = np.concatenate([np.ones(usual, dtype=bool), known])[: len(known)]
    valid = np.isfinite(signal) & shifted
    mean = prior.lags[None, :] + prior.smears[:, None]
    blank = Answer(0.0, mean.ravel(), np.exp(prior.log_share).ravel())
    centred = _fill(suspect, known, steps_per_day)
    if valid.sum() < 24 or not np.ptp(centred) > 0.0 or not np.ptp(signal[valid]) > 0.0:
        return blank
    columns = _columns(signal, valid, steps_per_day)
    parts = _correlate(columns, valid, centred / np.abs(centred).max(), prior)
    table = _ratios(columns, valid, parts)
    if table is None:
        return blank
    joint = table + prior.log_share
    total = float(_log_sum(joint.ravel(), axis=0))
    return Answer(total, mean.ravel(), np.exp(joint - total).ravel())


def _fill(suspect: Reals, known: NDArray[np.bool_], steps_per_day: float) -> Reals:
    """Return a series about its mean, what is missing filled by what is usual at that time of day."""
    mean = suspect[known].mean() if known.any() else 0.0
    bins = max(1, min(round(steps_per_day), 96))
    at = np.floor((np.arange(len(suspect)) % steps_per_day) / steps_per_day * bins).astype(np.int64)
    count = np.bincount(at[known], minlength=bins)
    usual = np.bincount(at[known], suspect[known] - mean, minlength=bins) / np.maximum(count, 1)
    return np.asarray(np.where(known, suspect - mean, usual[at]))


def _columns(signal: Reals, valid: NDArray[np.bool_], steps_per_day: float) -> Reals:
    """Return the signal and its own ways beside it: constant, trend, daily harmonics; 0 where nothing is known."""
    n = len(signal)
    time = np.arange(n)
    days = valid.sum() / steps_per_day
    count = _HARMONICS if days >= 2.0 else 1 if days >= 1.0 else 0
    columns = [(signal - signal[valid].mean()) / np.ptp(signal[valid]), np.ones(n), time / n - 0.5]
    for order in range(1, count + 1):
        angle = 2.0 * np.pi * order * time / steps_per_day
        columns += [np.cos(angle), np.sin(angle)]
    return np.where(valid, np.stack(columns), 0.0)


def _parts_of(rows: Reals, valid: NDArray[np.bool_]) -> Reals:
    """Return what the three terms of the precision (1, memory, memory squared) make of some rows: 3 x rows x n."""
    pair = np.zeros(len(valid) + 1)
    pair[1:-1] = valid[1:] & valid[:-1]
    left, right = pair[:-1], pair[1:]
    near = np.zeros_like(rows)
    near[:, 1:] -= left[1:] * rows[:, :-1]
    near[:, :-1] -= right[:-1] * rows[:, 1:]
    return np.stack([valid * rows, near, valid * (left + right - 1.0) * rows])


def _correlate(columns: Reals, valid: NDArray[np.bool_], suspect: Reals, prior: Prior) -> tuple[Reals, Reals]:
    """Return, by term of the precision, column, kernel and lag, the delayed suspect times column and times itself."""
    n = len(suspect)
    size = next_fast_len(n + int(6.0 * prior.smears.max()) + 1, real=True)
    decay = np.where(prior.smears > 0.0, np.exp(-1.0 / np.maximum(prior.smears, 1e-9)), 0.0)
    kernel = (1.0 - decay)[:, None] / (1.0 - decay[:, None] * np.exp(-2j * np.pi * np.arange(size // 2 + 1) / size))
    smeared = irfft(rfft(suspect, size) * kernel, size)[:, :n]
    parts = _parts_of(columns, valid)
    cross = _at_lags(parts.reshape(-1, n), smeared, prior.lags).reshape(*parts.shape[:2], len(smeared), -1)
    pair = np.zeros(n + 1)
    pair[1:-1] = valid[1:] & valid[:-1]
    product = np.zeros_like(smeared)
    product[:, 1:] = smeared[:, 1:] * smeared[:, :-1]
    ends = np.stack([valid * 1.0, valid * (pair[:-1] + pair[1:] - 1.0)])
    square = _at_lags(ends, smeared**2, prior.lags)
    beside = _at_lags(-2.0 * pair[None, :-1], product, prior.lags)
    return cross, np.stack([square[0], beside[0], square[1]])


def _at_lags(rows: Reals, delayed: Reals, lags: NDArray[np.int64]) -> Reals:
    """Return the sums of rows times later rows, by row, delayed row and lag: block by block, so that FFTs stay short."""
    n, most = rows.shape[1], int(lags.max())
    block = max(2 * most, 128)
    size = next_fast_len(block + most, real=True)
    count = -(-n // block)
    left = np.zeros((len(rows), count * block))
    left[:, :n] = rows
    right = np.zeros((len(delayed), most + count * block))
    right[:, most : most + n] = delayed
    windows = np.lib.stride_tricks.sliding_window_view(right, block + most, axis=1)[:, ::block]
    first = rfft(left.reshape(len(rows), count, block), size).transpose(2, 0, 1)
    second = np.conj(rfft(windows, size)).transpose(2, 1, 0)
    total = irfft((first @ second).transpose(1, 2, 0), size)
    return np.asarray(total[..., (lags - most) % size])


def _ratios(columns: Reals, valid: NDArray[np.bool_], parts: tuple[Reals, Reals]) -> Reals | None:
    """Return the log likelihood ratio by kernel and lag, summed over strength and memory of the noise."""
    cross, own = parts
    inner = _parts_of(columns, valid) @ columns.T
    starts = int(valid[0]) + int((valid[1:] & ~valid[:-1]).sum())
    freedom = int(valid.sum()) - (len(columns) - 1)
    alone, ratio = [], []
    for memory in _MEMORIES:
        powers = np.array([1.0, memory, memory**2])
        gram = np.tensordot(powers, inner, 1)
        try:
            root = np.linalg.inv(np.linalg.cholesky(gram[1:, 1:]))
        except np.linalg.LinAlgError:
            return None
        lean = root @ gram[1:, 0]
        rest = max(float(gram[0, 0] - lean @ lean), 1e-12 * float(gram[0, 0]))
        beside = np.tensordot(powers, cross, 1)
        shape = beside.shape[1:]
        against = root @ beside[1:].reshape(len(root), -1)
        both = beside[0] - (lean @ against).reshape(shape)
        size = np.tensordot(powers, own, 1) - (against**2).sum(axis=0).reshape(shape)
        signed = both / np.sqrt(np.maximum(size, 1e-9 * np.abs(size).max() + 1e-300) * rest)
        ratio.append(np.clip(signed, -0.999999, 0.999999))
        determinant = starts * np.log1p(-(memory**2)) + 2.0 * np.log(np.diag(root)).sum()
        alone.append(0.5 * determinant - 0.5 * freedom * np.log(rest))
    without = np.array(alone)
    weight = without - _log_sum(without, axis=0)
    gain = _gain(np.stack(ratio), freedom, int(valid.sum()))
    return _log_sum(gain + weight[:, None, None], axis=0)


def _gain(signed: Reals, freedom: int, count: int) -> Reals:
    """Return the log Bayes factor of a positive effect whose partial correlation is given, over prior strengths."""
    left = 1.0 - signed**2
    parts = []
    for strength in _STRENGTHS * count:
        inner = 1.0 + strength * left
        fit = 0.5 * (freedom - 1) * np.log1p(strength) - 0.5 * freedom * np.log(inner)
        parts.append(fit + np.log(2.0) + log_ndtr(signed * np.sqrt(strength * freedom / inner)))
    return _log_sum(np.stack(parts), axis=0) - np.log(len(_STRENGTHS))


def _log_sum(values: Reals, *, axis: int) -> Reals:
    """Return the log of the sum of exponentials along an axis."""
    highest = np.max(values, axis=axis, keepdims=True)
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(np.exp(values - highest).sum(axis=axis)) + np.squeeze(highest, axis=axis))
