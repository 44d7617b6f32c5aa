"""What does the comparison give where there is no outfall: control places on like rivers of the same scene.

Water varies by itself, and near places vary together; a test that takes pixels as independent calls every second outfall
a polluter. Here the same statistic is computed at places without an outfall, and an outfall is judged against those.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import stdtr, stdtrit

from outfall.scenes.robust import fit_variogram, variogram
from outfall.scenes.windows import zone_bins

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "Contrasted",
    "Null",
    "Zones",
    "adjust_p",
    "compare",
    "make_null",
    "make_zones",
    "shared_share",
    "two_sided_p",
]

_LEAST_SHARE = 0.5
_LEAST_BINS = 4


class Contrasted(NamedTuple):
    """The statistic at some places: the estimate, the standard deviation the variogram gives it, and the weights of the steps."""

    estimate: NDArray[np.float64]
    sd: NDArray[np.float64]
    weights: NDArray[np.float64]
    values: NDArray[np.float64]


class Null(NamedTuple):
    """What the statistic does without a plume: its middle, how much wider it is than the variogram says, degrees of freedom."""

    centre: float
    scale: float
    freedom: float
    controls: int
    gamma: NDArray[np.float64]
    seen: NDArray[np.float64]

    def chance(self, studentised: float) -> float:
        """Return the probability of a value at least as far off: never less than the share of controls that are."""
        share = float((self.seen >= abs(studentised)).mean()) if len(self.seen) else 0.0
        return max(float(two_sided_p(studentised, self.freedom)), share)

    def studentise(self, estimate: float, sd: float) -> float:
        """Return how many standard deviations of the controls an estimate lies from their middle."""
        return float((estimate - self.centre) / (self.scale * sd))

    def half_width(self, sd: float) -> float:
        """Return half of the 95 % interval."""
        return float(stdtrit(self.freedom, 0.975) * self.scale * sd)


class Zones(NamedTuple):
    """Steps about an outfall that are compared, and the plume expected in them: 1 at the mouth, 0 in the background."""

    at: NDArray[np.int64]
    plume: NDArray[np.float64]


def make_zones(length: int, gap: int, *, fade: float, is_two_way: bool) -> Zones:
    """Return which steps are compared with which.

    Parameters
    ----------
    length, gap : int
        Of the zones, in steps.
    fade : float
        Steps after which a plume has faded to a third.
    is_two_way : bool
        Whether water runs either way.

    Returns
    -------
    Zones
        In ascending order.
    """
    background, below = zone_bins(length, gap, is_two_way=is_two_way)
    at = np.sort(np.r_[background, below])
    return Zones(at, np.where(np.isin(at, below), np.exp(-np.abs(at) / fade), 0.0))


def compare(
    series: NDArray[np.float64], centres: NDArray[np.int64], zones: Zones, gamma: NDArray[np.float64]
) -> Contrasted:
    """Return how much more there is below some places of a series than above, at their mouth.

    The expected plume is fitted with weights that know how alike neighbours are: where water varies slowly the steps next
    to the outfall count most, where it varies fast all count alike. Steps far from the rest of their zone (foam, a ship,
    a shadow no flag tells) are drawn in first.

    Parameters
    ----------
    series : float array
        Steps of all strands.
    centres : int array
        Steps of the places.
    zones : Zones
        What is compared.
    gamma : float array
        Variogram of the series.

    Returns
    -------
    Contrasted
        NaN where less than half of a zone has water.
    """
    values = series[centres[:, None] + zones.at]
    is_plume = zones.plume > 0
    enough = np.ones(len(centres), bool)
    values = values.copy()
    for part in (is_plume, ~is_plume):
        count = np.isfinite(values[:, part]).sum(axis=1)
        enough &= count >= max(_LEAST_BINS, _LEAST_SHARE * part.sum())
        values[:, part] = _drawn_in(values[:, part])
    known = np.isfinite(values)
    spread = fit_variogram(gamma)
    cover = spread.covariance(zones.at) + 1e-6 * max(spread.variance, 1e-12) * np.eye(len(zones.at))
    whole = cover + np.eye(len(zones.at)) * (~known * 1e6 * max(spread.variance, 1e-12))[:, None, :]
    design = np.c_[np.ones(len(zones.at)), zones.plume]
    solved = (
        np.linalg.solve(whole, np.broadcast_to(design, (len(centres), *design.shape)))
        if len(centres)
        else np.empty((0, *design.shape))
    )
    inner = np.linalg.inv(np.einsum("ij,nik->njk", design, solved))
    weights = np.where(known, np.einsum("nj,nij->ni", inner[:, 1, :], solved), 0.0)
    estimate = np.where(enough, (weights * np.nan_to_num(values)).sum(axis=1), np.nan)
    return Contrasted(estimate, np.where(enough, np.sqrt(inner[:, 1, 1]), np.nan), weights, values)


def make_null(
    series: list[NDArray[np.float64]], is_free: NDArray[np.bool_], zones: Zones, *, is_mirrored: bool
) -> Null | None:
    """Return what the statistic does at control places.

    Parameters
    ----------
    series : list of float arrays
        Steps of all strands, as seen from each bank.
    is_free : bool array
        Steps of like rivers where no outfall's water is.
    zones : Zones
        What is compared.
    is_mirrored : bool
        Whether either bank could be the outfall's, so that the middle is 0 by symmetry.

    Returns
    -------
    Null or None
        None where there is no control place.
    """
    length = int(np.abs(zones.at).max())
    gamma = np.mean([variogram(np.where(is_free, one, np.nan), 2 * length) for one in series], axis=0)
    blocked = np.cumsum(np.r_[0, ~is_free])
    inside = np.arange(length, len(is_free) - length)
    inside = inside[blocked[inside + length + 1] == blocked[inside - length]]
    centres = _spaced(inside, max(length // 2, 1))
    found = [compare(one, centres, zones, gamma) for one in series]
    good = [np.isfinite(one.estimate) & (one.sd > 0) for one in found]
    count = int(max(mask.sum() for mask in good)) if good else 0
    if not count:
        return None
    estimates = np.concatenate([one.estimate[mask] for one, mask in zip(found, good, strict=True)])
    sds = np.concatenate([one.sd[mask] for one, mask in zip(found, good, strict=True)])
    centre = 0.0 if is_mirrored else float(np.median(estimates))
    scale = float(np.sqrt(np.mean(((estimates - centre) / sds) ** 2)))
    independent = count / 2
    scale = max(scale, 1e-9)
    seen = np.abs((estimates - centre) / (scale * sds))
    return Null(centre, scale, max(independent - (not is_mirrored), 1.0), int(independent), gamma, seen)


def shared_share(left: NDArray[np.float64], right: NDArray[np.float64], free: NDArray[np.bool_], lag: int) -> float:
    """Return which share of the change along one bank the other bank shares, at control places.

    Parameters
    ----------
    left, right : float arrays
        Steps of all strands along each bank.
    free : bool array
        Steps where no outfall's water is.
    lag : int
        Change over so many steps.

    Returns
    -------
    float
        Between 0 and 1; 1 where too few steps tell.
    """
    change = [(np.where(free, one, np.nan)[lag:] - np.where(free, one, np.nan)[:-lag]) for one in (left, right)]
    known = np.isfinite(change[0]) & np.isfinite(change[1])
    if known.sum() < 2 * lag:
        return 1.0
    one, two = (part[known] for part in change)
    bound = 3 * 1.4826 * np.median(np.abs(np.r_[one, two]))
    one, two = np.clip(one, -bound, bound), np.clip(two, -bound, bound)
    return float(np.clip(2 * (one @ two) / max(float(one @ one + two @ two), 1e-30), 0.0, 1.0))


def two_sided_p(studentised: ArrayLike, freedom: ArrayLike) -> NDArray[np.float64]:
    """Return the probability of a value at least as far from 0, in either direction, under Student's distribution.

    Parameters
    ----------
    studentised, freedom : float arrays
        Values and degrees of freedom.

    Returns
    -------
    float array
        Between 0 and 1; NaN of NaN.

    Examples
    --------
    >>> two_sided_p([0.0, 2.228], 10).round(3).tolist()
    [1.0, 0.05]
    """
    return np.asarray(2 * stdtr(np.asarray(freedom, dtype=float), -np.abs(np.asarray(studentised, dtype=float))))


def adjust_p(p: ArrayLike) -> NDArray[np.float64]:
    """Return, for each test, the share of false alarms among it and all that are at least as sure (Benjamini and Hochberg).

    Parameters
    ----------
    p : float array
        Of all tests made together; NaN was not made.

    Returns
    -------
    float array
        q in the same order; NaN of NaN.

    Examples
    --------
    >>> adjust_p([0.01, 0.04, 0.03, np.nan]).round(3).tolist()
    [0.03, 0.04, 0.04, nan]
    """
    given = np.asarray(p, dtype=float)
    out = np.full(len(given), np.nan)
    known = np.flatnonzero(np.isfinite(given))
    order = known[np.argsort(given[known], kind="stable")]
    raised = given[order] * len(order) / np.arange(1, len(order) + 1)
    out[order] = np.minimum.accumulate(raised[::-1])[::-1]
    return np.minimum(out, 1.0)


def _spaced(places: NDArray[np.int64], stride: int) -> NDArray[np.int64]:
    """Return places at least a stride apart, the same for any order of strands: counted from the start of each run."""
    if not len(places):
        return places
    starts = np.flatnonzero(np.r_[True, np.diff(places) > 1])
    within = np.arange(len(places)) - np.repeat(starts, np.diff(np.r_[starts, len(places)]))
    return places[within % stride == 0]


def _drawn_in(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return rows whose far numbers are set to three robust standard deviations from their middle."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # rows without any water
        middle = np.nanmedian(values, axis=1, keepdims=True)
        wide = 3 * 1.4826 * np.nanmedian(np.abs(values - middle), axis=1, keepdims=True)
        return np.clip(values, middle - wide, middle + wide)
