"""Which candidates the water of an outfall is mixed of: draws of shares for `add_shares`, from what a trace knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from outfall.errors import TraceError
from outfall.tracing.candidate_rows import UNREGISTERED
from outfall.tracing.mixture_answer import answer_one
from outfall.tracing.mixture_library import Library
from outfall.tracing.mixture_tables import adds_up
from outfall.tracing.profiles import learn_profiles

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from outfall.tracing.answer import Trace
    from outfall.tracing.profiles import Profiles

__all__ = ["mix_candidates"]

_CLEAN_SD = 0.6


def mix_candidates(
    found: Trace, *, outfall_ids: Iterable[str] | None = None, most: int = 8, seed: int = 0
) -> dict[str, pd.DataFrame]:
    """Return, per outfall with results, equally likely shares of its foul water by candidate.

    The water is apportioned over its most probable candidates and clean water, each as its own samples or its kind say;
    then clean water is taken out. What the library of candidates does not explain is ``unregistered``.

    Parameters
    ----------
    found : Trace
        A trace as `trace` returns it. Not changed.
    outfall_ids : iterable of str, optional
        Outfalls to do; all by default.
    most : int, default 8
        Candidates looked at per outfall.
    seed : int, default 0
        Of the draws.

    Returns
    -------
    dict of outfall id to DataFrame
        One row per draw, one column per candidate and ``unregistered``, rows sum to 1; as ``chemistry`` of `add_shares`.
        Outfalls without a result, or of nothing but clean water, are not in it.

    Raises
    ------
    TraceError
        The trace has no context: it was read from a store.

    Examples
    --------
    >>> from outfall.tables import empty
    >>> from outfall.tracing import trace
    >>> mix_candidates(trace(empty("outfalls", crs=4547), None, empty("sources", crs=4547)))
    {}
    """
    if found.context is None and not len(found.candidates):
        return {}
    if found.context is None:
        msg = "mix_candidates: the trace no longer has the results it was made from; call trace(...) again"
        raise TraceError(msg)
    seen = found.context.observations
    rows = found.candidates[found.candidates["source_id"] != UNREGISTERED]
    if not len(seen) or rows.empty:
        return {}
    chemistry, settings = found.settings["chemistry"], found.settings["mixture"]
    profiles = learn_profiles(found.sources, seen, default_sd=chemistry["default_sd"])
    waters = dict(tuple(_waters(seen).groupby("about_id")))
    done = found.outfalls["outfall_id"] if outfall_ids is None else list(outfall_ids)
    out = {}
    for outfall_id in done:
        mine = rows[rows["outfall_id"] == outfall_id].sort_values(
            ["posterior_share", "source_id"], ascending=[False, True]
        )
        if outfall_id not in waters or mine.empty:
            continue
        library = _library(sorted(mine["source_id"].head(most)), profiles)
        draws = answer_one(outfall_id, waters[outfall_id], library, settings, {}, seed).draws
        foul = _foul(draws, library)
        if len(foul):
            out[str(outfall_id)] = foul
    return out


def _waters(seen: pd.DataFrame) -> pd.DataFrame:
    """Return one row per outfall and parameter: the visits' mean in the log, else the lowest limit."""
    rows = seen[(seen["about"] == "outfall") & (seen["censored"] <= 0) & seen["parameter"].map(adds_up)]
    keys = ["about_id", "parameter"]
    is_measured = rows["censored"] == 0
    kept = rows[is_measured | ~is_measured.groupby([rows[key] for key in keys]).transform("any")]
    total = kept.groupby(keys, as_index=False, sort=True).agg(
        mean=("value_ln", "mean"),
        low=("value_ln", "min"),
        censored=("censored", "first"),
        sigma_share=("sigma", "mean"),
        source_ref=("refs", lambda part: ";".join(sorted(set(part)))),
    )
    return total.assign(value_ln=np.where(total["censored"] == 0, total["mean"], total["low"]))


def _library(source_ids: list[str], profiles: Profiles) -> Library:
    """Return the candidates and, last, clean water as they may be on one day."""
    at = profiles.source_ids.get_indexer(source_ids)
    mean = np.vstack([profiles.mean[at], profiles.background])
    spread = np.vstack([profiles.sd[at] ** 2, np.full(len(profiles.background), _CLEAN_SD**2)]) + profiles.within_sd**2
    between = np.maximum(profiles.kind_mean.std(axis=0), 0.3)
    cov = np.eye(mean.shape[1]) * spread[:, None, :]
    names = (*source_ids, "")
    return Library(
        names,
        tuple(profiles.parameters),
        mean,
        cov,
        is_joint=False,
        centre=profiles.kind_mean.mean(axis=0),
        between=between,
    )


def _foul(draws: NDArray[np.float64], library: Library) -> pd.DataFrame:
    """Return the draws without clean water, as shares of the rest; those of nothing else are left out."""
    names = [*library.source_ids[:-1], UNREGISTERED]
    foul = np.delete(draws, len(library.source_ids) - 1, axis=1)
    total = foul.sum(axis=1)
    return pd.DataFrame(foul[total > 0] / total[total > 0, None], columns=names)
