"""What the water of each source of a library is like: means, spread and covariance, non-detects as what they are.

Samples give means and covariance, drawn towards what all sources share; a mean with its relative spread does too. A
non-detect is a value somewhere below its limit, never a number.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import special

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["Library", "learn_library"]

_ROUNDS = 30
_LEAST_SD = 0.02
_LEAST_BETWEEN = 0.3
_WIDEST = 1.5
_LEAST_DEGREES = 6
_FOLDS = 5
_ROOT_2PI = np.sqrt(2.0 * np.pi)


@dataclass(frozen=True, slots=True)
class Library:
    """Expected water of sources, natural log.

    Parameters
    ----------
    source_ids : tuple of str
        Rows.
    parameters : tuple of str
        Columns.
    mean : array, sources x parameters
        Of the log.
    cov : array, sources x parameters x parameters
        Of the log of one sample taken some day, how unsure the mean is included.
    is_joint : bool
        Whether samples taught covariances; otherwise only the diagonal counts.
    centre, between : array, parameters
        Mean and spread over sources: what any water may be.
    """

    source_ids: tuple[str, ...]
    parameters: tuple[str, ...]
    mean: NDArray[np.float64]
    cov: NDArray[np.float64]
    is_joint: bool
    centre: NDArray[np.float64]
    between: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Cells:
    """Single values: which source and parameter, log value or limit, -1 below, 0 measured, 1 above."""

    source: NDArray[np.int64]
    column: NDArray[np.int64]
    value: NDArray[np.float64]
    censored: NDArray[np.int64]
    shape: tuple[int, int]

    def total(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the sums per source and parameter."""
        out = np.zeros(self.shape)
        np.add.at(out, (self.source, self.column), values)
        return out


def learn_library(rows: pd.DataFrame, *, sources: pd.Series, settings: Mapping[str, float]) -> Library:
    """Return what each source's water is expected to be.

    Parameters
    ----------
    rows : DataFrame
        ``source_id``, ``parameter``, ``sample_id`` (missing for a mean), ``value_ln``, ``censored``, ``cv_share``
        (of a mean), ``count`` (samples behind a mean); canonical units.
    sources : Series
        Every source of the library, also those of which no row says anything.
    settings : mapping of str to float
        ``within_sd``, ``shrink_count``, ``own_count``.

    Returns
    -------
    Library
        Sources and parameters in alphabetical order. Where samples teach covariances, these are widened by as much as
        samples left out of the library lie further from it than they should.
    """
    learned = _learn(rows, sources, settings)
    if not learned.is_joint:
        return learned
    return dataclasses.replace(learned, cov=learned.cov * _widen(rows, learned, sources, settings)[:, None, None])


def _learn(rows: pd.DataFrame, sources: pd.Series, settings: Mapping[str, float]) -> Library:
    ids = pd.Index(sorted(sources.unique()), dtype=object)
    names = pd.Index(sorted(rows["parameter"].unique()), dtype=object)
    is_mean = (rows["cv_share"].notna() & (rows["censored"] == 0)).to_numpy()
    # by content, so that the order of the rows changes no last digit
    samples = rows[~is_mean].sort_values(["source_id", "parameter", "sample_id", "value_ln"], na_position="last")
    cells = _Cells(
        ids.get_indexer(samples["source_id"]).astype(np.int64),
        names.get_indexer(samples["parameter"]).astype(np.int64),
        samples["value_ln"].to_numpy(dtype=float),
        samples["censored"].to_numpy(dtype=np.int64),
        (len(ids), len(names)),
    )
    given = _given(rows[is_mean], ids, names, settings["within_sd"])
    centre, between = _between(cells, given[0])
    mean, variance, doubt, guess = _fit(cells, centre, between, settings)
    known = cells.total(np.ones(len(cells.value))) > 0
    pool = np.where(known, variance, np.nan)
    pool = np.exp(np.nanmean(np.log(pool), axis=0)) if known.any(axis=0).all() else np.full(len(names), np.nan)
    pool = np.where(np.isfinite(pool), pool, settings["within_sd"] ** 2)
    mean = np.where(known, mean, np.where(np.isnan(given[0]), centre, given[0]))
    missing = pool + np.minimum(between, _WIDEST) ** 2
    variance = np.where(known, variance + doubt, np.where(np.isnan(given[0]), missing, given[1]))
    correlation, is_joint = _correlate(samples, cells, guess, mean, np.sqrt(variance), settings["own_count"])
    root = np.sqrt(variance)
    cov = correlation * root[:, :, None] * root[:, None, :]
    return Library(tuple(ids), tuple(names), mean, cov, is_joint, centre, between)


def _widen(
    rows: pd.DataFrame, learned: Library, sources: pd.Series, settings: Mapping[str, float]
) -> NDArray[np.float64]:
    """Return per source how much further, squared, samples lie from a library that was learned without them."""
    whole = rows[rows["sample_id"].notna() & (rows["censored"] == 0)]
    wide = whole.pivot_table(index=["source_id", "sample_id"], columns="parameter", values="value_ln", sort=True)
    wide = wide.reindex(columns=list(learned.parameters)).dropna()
    if len(wide) < _FOLDS * 2:
        return np.ones(len(learned.source_ids))
    fold = wide.groupby(level="source_id").cumcount().to_numpy() % _FOLDS
    place = pd.Index(learned.source_ids).get_indexer(wide.index.get_level_values("source_id"))
    keys = pd.MultiIndex.from_frame(rows[["source_id", "sample_id"]])
    off = np.full(len(wide), np.nan)
    for one in range(_FOLDS):
        out = fold == one
        rest = _learn(rows[~keys.isin(wide.index[out])], sources, settings)
        if rest.parameters != learned.parameters or not rest.is_joint:
            return np.ones(len(learned.source_ids))
        gap = wide.to_numpy()[out] - rest.mean[place[out]]
        cov = rest.cov[place[out]] + 1e-6 * np.eye(gap.shape[1])
        off[out] = np.einsum("ij,ij->i", gap, np.linalg.solve(cov, gap[:, :, None])[:, :, 0]) / gap.shape[1]
    logs = np.log(np.maximum(off, 1e-3)) + 1.0 / wide.shape[1]
    count = np.bincount(place, minlength=len(learned.source_ids))
    total = np.bincount(place, logs, len(learned.source_ids))
    return np.maximum(np.exp((total + _FOLDS * logs.mean()) / (count + _FOLDS)), 1.0)


def _given(
    rows: pd.DataFrame, sources: pd.Index, names: pd.Index, within_sd: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return log mean and variance where a mean and its relative spread were given."""
    mean, variance = np.full((2, len(sources), len(names)), np.nan)
    at = (sources.get_indexer(rows["source_id"]), names.get_indexer(rows["parameter"]))
    share = rows["cv_share"].to_numpy(dtype=float)
    spread = np.log1p(np.where(share > 0, share, within_sd) ** 2)
    count = rows["count"].to_numpy(dtype=float)
    variance[at] = spread * (1.0 + np.where(count > 0, 1.0 / np.maximum(count, 1.0), 0.0))
    mean[at] = rows["value_ln"].to_numpy(dtype=float) - spread / 2
    return mean, variance


def _between(cells: _Cells, given: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and spread of each parameter over the sources; a non-detect counts where its limit lies."""
    count = cells.total(np.ones(len(cells.value)))
    mean = np.where(count > 0, cells.total(cells.value) / np.maximum(count, 1.0), given)
    known = ~np.isnan(mean)
    size = np.maximum(known.sum(axis=0), 1)
    centre = np.where(known, mean, 0.0).sum(axis=0) / size
    off = np.where(known, mean - centre, 0.0)
    spread = np.sqrt((off**2).sum(axis=0) / np.maximum(size - 1, 1))
    return centre, np.where(size > 1, np.maximum(spread, _LEAST_BETWEEN), _WIDEST)


def _fit(
    cells: _Cells, centre: NDArray[np.float64], between: NDArray[np.float64], settings: Mapping[str, float]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return mean, variance, variance of the mean, and each cell as expected (expectation-maximisation)."""
    at = (cells.source, cells.column)
    count = cells.total(np.ones(len(cells.value)))
    mean = np.where(count > 0, cells.total(cells.value) / np.maximum(count, 1.0), centre)
    variance = np.full(cells.shape, settings["within_sd"] ** 2)
    degrees = np.maximum(count - 1.0, 0.0)
    guess, sure = cells.value, np.ones(len(cells.value))
    more = settings["shrink_count"]
    for _ in range(_ROUNDS if (cells.censored != 0).any() else 4):
        guess, left, sure = _expect(cells, mean[at], np.sqrt(variance[at]))
        weight = count / variance
        mean = (cells.total(guess) / variance + centre / between**2) / (weight + 1.0 / between**2)
        squares = np.where(count > 1, cells.total((guess - mean[at]) ** 2 + left), 0.0)
        pool = (squares.sum(axis=0) + 2.0 * settings["within_sd"] ** 2) / (degrees.sum(axis=0) + 2.0)
        variance = np.maximum((squares + more * pool) / (degrees + more), _LEAST_SD**2)
    doubt = 1.0 / (cells.total(sure) / variance + 1.0 / between**2)
    return mean, variance, doubt, guess


def _expect(
    cells: _Cells, mean: NDArray[np.float64], sd: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return each cell as expected, the variance left in it, and how much it tells of the mean (1: measured)."""
    sign = np.where(cells.censored > 0, -1.0, 1.0)
    z = np.clip(sign * (cells.value - mean) / sd, -30.0, 30.0)
    hazard = np.exp(-0.5 * z**2 - special.log_ndtr(z)) / _ROOT_2PI
    told = np.clip(hazard * (z + hazard), 0.0, 1.0)
    is_cut = cells.censored != 0
    guess = np.where(is_cut, mean - sign * sd * hazard, cells.value)
    return guess, np.where(is_cut, sd**2 * (1.0 - told), 0.0), np.where(is_cut, told, 1.0)


def _correlate(
    samples: pd.DataFrame,
    cells: _Cells,
    guess: NDArray[np.float64],
    mean: NDArray[np.float64],
    sd: NDArray[np.float64],
    own_count: float,
) -> tuple[NDArray[np.float64], bool]:
    """Return the correlation of each source: its own drawn towards that of all, and that towards none."""
    sources, names = cells.shape
    alone = np.broadcast_to(np.eye(names), (sources, names, names)).copy()
    has_sample = samples["sample_id"].notna().to_numpy()
    if names < 2 or not has_sample.any():
        return alone, False
    keys = samples["source_id"].astype(str) + "\x00" + samples["sample_id"].astype(str)
    codes, _ = pd.factorize(keys[has_sample], sort=True)
    size = codes.max() + 1
    off, there, owner = np.zeros((size, names)), np.zeros((size, names)), np.zeros(size, dtype=np.int64)
    k, j = cells.source[has_sample], cells.column[has_sample]
    off[codes, j] = (guess[has_sample] - mean[k, j]) / sd[k, j]
    there[codes, j] = 1.0
    owner[codes] = k
    number = np.bincount(owner, minlength=sources)
    degrees = int(np.maximum(number - 1, 0).sum())
    if degrees < _LEAST_DEGREES:
        return alone, False
    repeated = number[owner] > 1
    everyone = _shrink(off[repeated], there[repeated])
    for one in np.flatnonzero(number > 1):
        own = _shrink(off[owner == one], there[owner == one])
        weight = (number[one] - 1.0) / (number[one] - 1.0 + own_count)
        alone[one] = weight * own + (1.0 - weight) * everyone
    return alone, True


def _shrink(off: NDArray[np.float64], there: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a correlation drawn towards none by as much as chance explains (Schaefer and Strimmer)."""
    names = off.shape[1]
    squares = off.T @ off
    scale = np.sqrt(np.maximum(np.diag(squares), 1e-12))
    raw = np.clip(squares / scale[:, None] / scale[None, :], -1.0, 1.0)
    pairs = there.T @ there
    aside = ~np.eye(names, dtype=bool)
    chance = ((1.0 - raw**2) ** 2 / np.maximum(pairs - 1.0, 1.0))[aside].sum()
    weight = 1.0 - min(1.0, chance / max(float((raw[aside] ** 2).sum()), 1e-12))
    return np.where(aside, weight * raw, 1.0)
