"""How well the water of an outfall fits each source, however much clean water dilutes it.

The likelihood is a lognormal with heavy tails (Student t of the logarithm). A non-detect contributes the probability
of lying below its limit. The common dilution nobody measured is integrated out. What a source is compared with is any
water: a mixture of all kinds of sources and of what outfalls carry in general.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special, stats

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from outfall.tracing.profiles import Profiles

__all__ = ["Fit", "Water", "any_water", "fit_sources"]

_BACKGROUND_SD = 0.6
_ANY_SD = 1.6
_ANY_COUNT = 6.0


@dataclass(frozen=True, slots=True)
class Water:
    """One outfall's water: an entry per visit and parameter.

    ``visit`` numbers the visits from 0; ``column`` is the position of the parameter in the profiles.
    """

    visit: NDArray[np.int64]
    column: NDArray[np.int64]
    value: NDArray[np.float64]
    censored: NDArray[np.int64]
    sigma: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Fit:
    """How well sources fit: ``log_lr`` and best ``dilution_share`` per source, ``gain`` per source and entry."""

    log_lr: NDArray[np.float64]
    dilution_share: NDArray[np.float64]
    gain: NDArray[np.float64]


def any_water(observations: pd.DataFrame, profiles: Profiles) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and spread of every parameter over all outfalls, drawn towards a broad default.

    Parameters
    ----------
    observations : DataFrame
        Answer of `match_results`; only those of outfalls are used. A non-detect counts where its limit lies.
    profiles : Profiles
        Gives the default: a little above clean water, broad.

    Returns
    -------
    tuple of array
        Mean and standard deviation per parameter, natural log (linear for pH).
    """
    seen = observations[observations["about"] == "outfall"]
    column = profiles.parameters.get_indexer(seen["parameter"])
    value = seen["value_ln"].to_numpy(dtype=float)
    size = len(profiles.parameters)
    count = np.bincount(column, minlength=size) + _ANY_COUNT
    start = profiles.background + 1.0 * (profiles.parameters != "ph")
    mean = (np.bincount(column, value, size) + _ANY_COUNT * start) / count
    off = np.bincount(column, (value - mean[column]) ** 2, size) + _ANY_COUNT * ((start - mean) ** 2 + _ANY_SD**2)
    return mean, np.sqrt(off / count)


def fit_sources(
    water: Water,
    rows: NDArray[np.int64],
    profiles: Profiles,
    general: tuple[NDArray[np.float64], NDArray[np.float64]],
    chemistry: dict[str, float],
) -> Fit:
    """Return how much likelier one outfall's water is if each source is responsible than if any water is there.

    Parameters
    ----------
    water : Water
        The outfall's water.
    rows : array of int
        Positions of the candidates in the profiles.
    profiles : Profiles
        Expected water of the sources and kinds.
    general : tuple of array
        Answer of `any_water`.
    chemistry : dict
        Section ``chemistry`` of the settings.

    Returns
    -------
    Fit
        One entry per candidate.
    """
    column = water.column
    mean = np.concatenate([profiles.mean[rows], profiles.kind_mean])[:, column]
    sd = np.concatenate([profiles.sd[rows], profiles.kind_sd])[:, column]
    shares, weights = _dilutions(chemistry)
    terms = _terms(water, mean, sd, profiles, shares, chemistry["tail_df"])
    visits = int(water.visit.max()) + 1
    by_visit = np.zeros((visits, len(mean), len(shares)))
    np.add.at(by_visit, water.visit, np.moveaxis(terms, 1, 0))
    by_visit += weights
    counted = (1.0 + chemistry["repeat_share"] * (visits - 1)) / visits
    total = special.logsumexp(by_visit, axis=2).sum(axis=0) * counted
    broad = _log_density(water, general[0][column], np.hypot(general[1][column], water.sigma), chemistry["tail_df"])
    share = chemistry["any_water_share"]
    prior = np.log(np.concatenate([(1.0 - share) * profiles.kind_share, [share]]))
    anything = special.logsumexp(np.concatenate([total[len(rows) :], [broad.sum() * counted]]) + prior)
    best = by_visit.sum(axis=0).argmax(axis=1)
    at_best = np.take_along_axis(terms, best[:, None, None], axis=2)[:, :, 0]
    reference = special.logsumexp(np.concatenate([at_best[len(rows) :], broad[None, :]]) + prior[:, None], axis=0)
    return Fit(
        total[: len(rows)] - anything, np.minimum(shares[best], 1.0)[: len(rows)], at_best[: len(rows)] - reference
    )


def _dilutions(chemistry: dict[str, float]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return shares of source water on a grid, above 1 where the effluent is stronger on the day, and log weights."""
    least, steps = chemistry["least_dilution_share"], int(chemistry["dilution_steps"])
    strong = np.array([0.5, 1.0, 1.5]) * chemistry["strength_sd"]
    weak = np.linspace(np.log(least), 0.0, steps)
    logs = np.concatenate([weak, strong])
    spacing = np.where(logs > 0, 0.5 * chemistry["strength_sd"], weak[1] - weak[0])
    weight = spacing * np.where(
        logs > 0, np.exp(-0.5 * (logs / chemistry["strength_sd"]) ** 2), np.exp(logs / chemistry["prior_decay"])
    )
    return np.exp(logs), np.log(weight / weight.sum())


def _terms(
    water: Water,
    mean: NDArray[np.float64],
    sd: NDArray[np.float64],
    profiles: Profiles,
    shares: NDArray[np.float64],
    tail_df: float,
) -> NDArray[np.float64]:
    """Return the log density of each entry for each source and dilution."""
    clean = profiles.background[water.column]
    is_ph = (profiles.parameters == "ph")[water.column]
    part, rest = shares, np.clip(1.0 - shares, 0.0, None)
    with np.errstate(divide="ignore"):
        mixed = np.logaddexp(mean[:, :, None] + np.log(part), clean[:, None] + np.log(rest))
    slope = np.exp(np.clip(mean[:, :, None] + np.log(part) - mixed, -50.0, 0.0))
    buffer = np.sqrt(np.minimum(part, 1.0))
    linear = clean[:, None] + (mean - clean)[:, :, None] * buffer
    centre = np.where(is_ph[:, None], linear, mixed)
    slope = np.where(is_ph[:, None], buffer, slope)
    within = profiles.within_sd[water.column]
    spread = np.sqrt(
        slope**2 * (sd[:, :, None] ** 2 + within[:, None] ** 2)
        + (1.0 - slope) ** 2 * _BACKGROUND_SD**2
        + (water.sigma**2)[:, None]
        + 0.02
    )
    return _log_density(water, centre, spread, tail_df)


def _log_density(
    water: Water, centre: NDArray[np.float64], spread: NDArray[np.float64], tail_df: float
) -> NDArray[np.float64]:
    """Return the log density of measured entries and the log probability of censored ones, Student t."""
    extra = centre.ndim - 2 if centre.ndim > 2 else 0
    shape = (-1,) + (1,) * extra
    value = water.value.reshape(shape)
    z = (value - centre) / spread
    constant = special.gammaln((tail_df + 1) / 2) - special.gammaln(tail_df / 2) - 0.5 * np.log(tail_df * np.pi)
    out = constant - np.log(spread) - 0.5 * (tail_df + 1) * np.log1p(z**2 / tail_df)
    for sign in (-1, 1):
        entries = np.flatnonzero(water.censored == sign)
        if len(entries):
            axis = 1 if centre.ndim > 1 else 0
            chosen = np.take(z, entries, axis=axis)
            tail = stats.t.logcdf(-sign * chosen, tail_df)
            index: list[object] = [slice(None)] * out.ndim
            index[axis] = entries
            out[tuple(index)] = tail
    return np.asarray(out)
