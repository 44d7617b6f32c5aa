"""What the water of each source is like: its own samples where it has any, drawn towards what its kind discharges."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import special

from outfall.tracing.observations import analytes

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Profiles", "default_profiles", "learn_profiles"]

_UNKNOWN_OFFSET, _UNKNOWN_SD = 0.7, 1.5
_ROOT_2PI = np.sqrt(2 * np.pi)


@dataclass(frozen=True, slots=True)
class Profiles:
    """Expected water of sources, of kinds, and of clean background water: natural log, linear for pH.

    Parameters
    ----------
    parameters : Index
        Columns of every array.
    source_ids : Index
        Rows of ``mean`` and ``sd``.
    mean, sd : array, sources x parameters
        Long-term mean of the source and how unsure it is.
    own : array of int, sources
        Visits with samples of the source itself.
    kinds : Index
        Rows of ``kind_mean`` and ``kind_sd``.
    kind_mean, kind_sd : array, kinds x parameters
        A source of the kind that nobody sampled.
    kind_share : array, kinds
        How frequent each kind is among the sources, never 0.
    background : array, parameters
        Clean water that dilutes.
    within_sd : array, parameters
        From day to day in one source.
    """

    parameters: pd.Index
    source_ids: pd.Index
    mean: NDArray[np.float64]
    sd: NDArray[np.float64]
    own: NDArray[np.int64]
    kinds: pd.Index
    kind_mean: NDArray[np.float64]
    kind_sd: NDArray[np.float64]
    kind_share: NDArray[np.float64]
    background: NDArray[np.float64]
    within_sd: NDArray[np.float64]


@cache
def default_profiles() -> pd.DataFrame:
    """Return our default water of each kind of source: medians, canonical units, none verified.

    Returns
    -------
    DataFrame
        ``kind``, ``parameter``, ``median``, ``basis``, ``is_verified``.

    Examples
    --------
    >>> bool(default_profiles()["is_verified"].any())
    False
    """
    text = files("outfall.tracing").joinpath("profiles.csv").read_text(encoding="utf-8")
    frame = pd.DataFrame(list(csv.DictReader(text.splitlines())))
    return frame.assign(median=frame["median"].astype(float), is_verified=frame["is_verified"] == "yes")


def learn_profiles(sources: pd.DataFrame, observations: pd.DataFrame, *, default_sd: float) -> Profiles:
    """Return what is expected of every source, from its own samples, those of its kind, and our defaults.

    Parameters
    ----------
    sources : DataFrame
        Contract ``sources``.
    observations : DataFrame
        Answer of `match_results`; only those of sources are used.
    default_sd : float
        How far a default is off, natural log.

    Returns
    -------
    Profiles
        Parameters are all that we know how to use.
    """
    names = pd.Index(list(analytes()))
    between = np.array([analytes()[name].between_sd for name in names])
    within = np.array([analytes()[name].within_sd for name in names])
    kinds, kind_mean, kind_sd, background = _defaults(names, default_sd)
    ids = pd.Index(sources["source_id"].astype("object"))
    kind = kinds.get_indexer(pd.Index(sources["kind"].astype("object").fillna("other")))
    kind = np.where(kind >= 0, kind, kinds.get_loc("other"))
    own = observations[observations["about"] == "source"]
    count, seen, limit, visits = _own_samples(own, ids, names)
    kind_mean, kind_sd = _learn_kinds(kind_mean, kind_sd, kind, count, seen, between, within)
    mean, variance = kind_mean[kind], kind_sd[kind] ** 2 + between**2
    weight = np.where(count > 0, variance / (variance + within**2 / np.maximum(count, 1)), 0.0)
    mean, variance = mean + weight * (np.nan_to_num(seen) - mean), variance * (1.0 - weight)
    mean, variance = _below(mean, variance, limit, within)
    share = np.bincount(kind, minlength=len(kinds)) + 1.0
    return Profiles(
        parameters=names,
        source_ids=ids,
        mean=mean,
        sd=np.sqrt(variance),
        own=visits,
        kinds=kinds,
        kind_mean=kind_mean,
        kind_sd=np.hypot(kind_sd, between),
        kind_share=share / share.sum(),
        background=background,
        within_sd=within,
    )


def _defaults(
    names: pd.Index, default_sd: float
) -> tuple[pd.Index, NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    wide = default_profiles().pivot_table(index="kind", columns="parameter", values="median", sort=True)
    wide = wide.reindex(columns=names)
    linear = np.array([analytes()[name].is_linear for name in names])
    logs = np.where(linear, wide.to_numpy(), np.log(wide.to_numpy()))
    all_kinds = pd.Index(wide.index)
    clean = logs[all_kinds.get_loc("background")]
    kinds = all_kinds.drop("background")
    known = logs[all_kinds.get_indexer(kinds)]
    mean = np.where(np.isnan(known), clean + _UNKNOWN_OFFSET * ~linear, known)
    sd = np.where(np.isnan(known), _UNKNOWN_SD, default_sd)
    return kinds, mean, sd, clean


def _own_samples(
    own: pd.DataFrame, ids: pd.Index, names: pd.Index
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Return per source and parameter: visits with a value, their mean, the lowest limit of the others; and visits."""
    shape = (len(ids), len(names))
    count, total, limit = np.zeros(shape), np.zeros(shape), np.full(shape, np.inf)
    row, column = ids.get_indexer(pd.Index(own["about_id"].astype("object"))), names.get_indexer(own["parameter"])
    value, below = own["value_ln"].to_numpy(dtype=float), (own["censored"] == -1).to_numpy(dtype=bool)
    np.add.at(count, (row[~below], column[~below]), 1.0)
    np.add.at(total, (row[~below], column[~below]), value[~below])
    np.minimum.at(limit, (row[below], column[below]), value[below])
    seen = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    visits = own.groupby("about_id")["visit"].nunique().reindex(ids).fillna(0).to_numpy(dtype=np.int64)
    return count, seen, limit, visits


def _learn_kinds(
    mean: NDArray[np.float64],
    sd: NDArray[np.float64],
    kind: NDArray[np.int64],
    count: NDArray[np.float64],
    seen: NDArray[np.float64],
    between: NDArray[np.float64],
    within: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the kinds drawn towards the sources of the kind that were sampled."""
    precision = np.where(count > 0, 1.0 / (between**2 + within**2 / np.maximum(count, 1)), 0.0)
    total, weighted = np.zeros_like(mean), np.zeros_like(mean)
    np.add.at(total, kind, precision)
    np.add.at(weighted, kind, precision * np.nan_to_num(seen))
    prior = 1.0 / sd**2
    return (prior * mean + weighted) / (prior + total), np.sqrt(1.0 / (prior + total))


def _below(
    mean: NDArray[np.float64], variance: NDArray[np.float64], limit: NDArray[np.float64], within: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the moments once a sample is known to lie below its limit (a normal cut off above)."""
    spread = np.sqrt(variance + within**2)
    z = np.where(np.isfinite(limit), (limit - mean) / spread, np.inf)
    z = np.clip(z, -30.0, 30.0)
    hazard = np.exp(-0.5 * z**2 - special.log_ndtr(z)) / _ROOT_2PI
    is_cut = np.isfinite(limit)
    new_mean = mean - variance / spread * hazard
    new_variance = variance - variance**2 / spread**2 * hazard * (z + hazard)
    return np.where(is_cut, new_mean, mean), np.where(is_cut, np.maximum(new_variance, 1e-3), variance)
