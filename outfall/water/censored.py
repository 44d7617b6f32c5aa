"""What numbers say when some are only known to be below or above a limit: no limit is ever replaced by a number."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["Fit", "Sample", "fit_lognormal", "kaplan_meier", "order_statistics", "possible_means"]


class Sample(NamedTuple):
    """Numbers, each measured, below a limit or above one.

    Parameters
    ----------
    number : ndarray of float, n
        The value where measured, else the limit.
    side : ndarray of int, n
        0 measured, -1 below the number, 1 above it.
    """

    number: Floats
    side: NDArray[np.int8]


class Fit(NamedTuple):
    """A lognormal distribution: mean and standard deviation of the natural logarithm, and their standard errors."""

    mu: float
    sigma: float
    mu_error: float
    sigma_error: float
    covariance: float


def possible_means(sample: Sample) -> tuple[float, float]:
    """Return the least and the greatest mean the numbers allow, whatever hides behind the limits.

    Parameters
    ----------
    sample : Sample
        Not negative.

    Returns
    -------
    tuple of float
        Non-detects at nothing and at their limits; the greatest is infinite where a value is only known to be above.

    Examples
    --------
    >>> possible_means(Sample(np.array([1.0, 4.0]), np.array([-1, 0], dtype=np.int8)))
    (2.0, 2.5)
    """
    least = np.where(sample.side == -1, np.minimum(sample.number, 0.0), sample.number)
    most = np.where(sample.side == 1, np.inf, sample.number)
    return float(least.mean()), float(most.mean())


def kaplan_meier(sample: Sample) -> tuple[Floats, Floats, float]:
    """Return where the distribution has its mass, by redistributing each non-detect over what is below its limit.

    Mass that finds nothing measured below stays at the lowest limit: the share of it is returned, and the mean is an
    upper bound of this estimate then. The same as Kaplan-Meier on reversed numbers.

    Parameters
    ----------
    sample : Sample
        Measured and below-limit numbers; no ``side`` of 1.

    Returns
    -------
    places, masses : ndarray, n
        Rising; masses sum to 1.
    share_left : float
        Mass that stays at the lowest limit.

    Examples
    --------
    >>> kaplan_meier(Sample(np.array([2.0, 1.0, 4.0]), np.array([-1, 0, 0], dtype=np.int8)))[1].round(3).tolist()
    [0.667, 0.0, 0.333]
    """
    # At a tie the measured number is above: a non-detect below 2 is not 2.
    order = np.lexsort((np.where(sample.side == 0, 1, 0), sample.number))
    places, side = sample.number[order], sample.side[order]
    mass = np.full(len(places), 1.0 / len(places))
    for at in range(len(places) - 1, 0, -1):
        if side[at] == -1:
            # Everything below, measured or not, takes a share in proportion; the not measured hand theirs on in turn.
            mass[:at] *= 1.0 + mass[at] / mass[:at].sum()
            mass[at] = 0.0
    left = mass[0] if side[0] == -1 else 0.0
    return places, mass, float(left)


def fit_lognormal(sample: Sample) -> Fit | None:
    """Return the lognormal distribution of greatest likelihood: densities where measured, areas below or above limits.

    Parameters
    ----------
    sample : Sample
        Positive numbers.

    Returns
    -------
    Fit or None
        None where fewer than two different numbers were measured.

    Examples
    --------
    >>> fit = fit_lognormal(Sample(np.array([1.0, 2.0, 4.0, 1.0]), np.array([0, 0, 0, -1], dtype=np.int8)))
    >>> bool(fit.mu < np.log([1.0, 2.0, 4.0]).mean())
    True
    """
    from scipy.optimize import minimize

    measured = np.log(sample.number[sample.side == 0])
    if len(np.unique(measured)) < 2:
        return None
    logs = np.log(sample.number)
    start = np.array([logs.mean(), np.log(max(float(logs.std()), 1e-3))])
    done = minimize(_minus_log_likelihood, start, args=(logs, sample.side), method="BFGS", options={"gtol": 1e-8})
    mu, log_sigma = (float(number) for number in done.x)
    sigma = float(np.exp(log_sigma))
    covariance = np.linalg.pinv(_curvature(done.x, logs, sample.side))
    errors = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    return Fit(mu, sigma, float(errors[0]), float(errors[1]) * sigma, float(covariance[0, 1]) * sigma)


def order_statistics(sample: Sample) -> Floats | None:
    """Return numbers with each non-detect where a line through the measured ones puts it (robust ROS).

    Plotting positions of Helsel and Hirsch allow for several limits. The numbers of non-detects serve statistics of
    the whole only; none of them is the value of a sample.

    Parameters
    ----------
    sample : Sample
        Positive, measured or below limits.

    Returns
    -------
    ndarray of float, n, or None
        Rising within the measured and within the not measured; None where fewer than two different numbers were
        measured.

    Examples
    --------
    >>> made = order_statistics(Sample(np.array([1.0, 2.0, 4.0, 1.0]), np.array([0, 0, 0, -1], dtype=np.int8)))
    >>> bool(made[3] < 1.0), made[:3].tolist()
    (True, [1.0, 2.0, 4.0])
    """
    from scipy.special import ndtri

    detected = sample.side == 0
    if len(np.unique(sample.number[detected])) < 2:
        return None
    position = _positions(sample)
    scores = ndtri(position)
    slope, intercept = np.polyfit(scores[detected], np.log(sample.number[detected]), 1)
    out = sample.number.copy()
    out[~detected] = np.minimum(np.exp(intercept + slope * scores[~detected]), sample.number[~detected])
    return out


def _positions(sample: Sample) -> Floats:
    """Return the probability below each number."""
    detected = sample.side == 0
    limits = np.unique(sample.number[~detected])
    edges = np.concatenate([[0.0], limits, [np.inf]])
    exceed = np.zeros(len(edges))
    for at in range(len(edges) - 2, -1, -1):
        low, high = edges[at], edges[at + 1]
        inside = int((detected & (sample.number >= low) & (sample.number < high)).sum())
        under = int((detected & (sample.number < low)).sum() + (~detected & (sample.number <= low)).sum())
        share = inside / (inside + under) if inside + under else 0.0
        exceed[at] = exceed[at + 1] + share * (1.0 - exceed[at + 1])
    exceed[0] = 1.0
    out = np.empty(len(sample.number))
    for at in range(len(edges) - 1):
        low, high = edges[at], edges[at + 1]
        here = np.flatnonzero(detected & (sample.number >= low) & (sample.number < high))
        rank = np.argsort(np.argsort(sample.number[here], kind="stable")) + 1
        out[here] = (1.0 - exceed[at]) + (exceed[at] - exceed[at + 1]) * rank / (len(here) + 1)
        gone = np.flatnonzero(~detected & (sample.number == low))
        out[gone] = (1.0 - exceed[at]) * (np.arange(len(gone)) + 1) / (len(gone) + 1)
    return np.clip(out, 1e-9, 1 - 1e-9)


def _minus_log_likelihood(parameters: Floats, logs: Floats, side: NDArray[np.int8]) -> float:
    from scipy.special import log_ndtr

    mu, log_sigma = parameters
    z = (logs - mu) / np.exp(log_sigma)
    terms = np.where(side == 0, -0.5 * z**2 - log_sigma, log_ndtr(np.where(side == 1, -z, z)))
    return -float(terms.sum())


def _curvature(at: Floats, logs: Floats, side: NDArray[np.int8]) -> Floats:
    step, eye = 1e-4, np.eye(2)
    out = np.empty((2, 2))
    for left in range(2):
        for right in range(2):
            corners = [
                one * other * _minus_log_likelihood(at + step * (one * eye[left] + other * eye[right]), logs, side)
                for one in (1, -1)
                for other in (1, -1)
            ]
            out[left, right] = sum(corners) / (4 * step**2)
    return out
