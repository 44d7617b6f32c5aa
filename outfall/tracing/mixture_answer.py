"""How one water is apportioned and put into words: rows of shares, a row about the sample, and draws."""

from __future__ import annotations

import dataclasses
import zlib
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import special

from outfall.tracing.candidate_rows import UNREGISTERED
from outfall.tracing.mixture_fit import Weighed, weigh_shares
from outfall.tracing.mixture_likelihood import Mixed, Tracers, log_likelihood, misfit
from outfall.tracing.mixture_summary import choose_shares, pick_draws, shortest_interval
from outfall.tracing.texts import say
from outfall.vocabulary import label, parameters

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from outfall.tracing.mixture_library import Library
    from outfall.vocabulary import Lang

__all__ = ["SAMPLES", "SHARES", "Answer", "answer_one", "attenuate"]

_DRAWS = 500
_BROAD_SD = 1.0
_NAMED = 2
_LANGS: tuple[Lang, Lang] = ("en", "zh")
SHARES = [
    "sample_id", "source_id", "share", "low_share", "high_share", "mean_share", "inclusion_share", "dominant_share",
    "reason", "reason_zh", "source_ref",
]  # fmt: skip
SAMPLES = ["sample_id", "tracers", "left_out", "fit_share", "unregistered_share", "reason", "reason_zh", "source_ref"]


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """One water: ``shares`` and ``sample`` as rows of the tables of the same names, ``draws`` x sources."""

    shares: Sequence[tuple[object, ...]]
    sample: tuple[object, ...]
    draws: NDArray[np.float64]


def attenuate(
    library: Library, travel_h: Mapping[str, float], decay_per_h: Mapping[str, float], rate_sd: float
) -> Library:
    """Return the library as it arrives: first-order loss on the way, less certain the more is lost.

    Parameters
    ----------
    library : Library
        Water where it leaves its source.
    travel_h : mapping of source id to float
        Hours on the way; 0 where not given.
    decay_per_h : mapping of parameter to float
        Rates; 0 where not given.
    rate_sd : float
        Standard deviation of what is lost, as a share of it (in the log).

    Returns
    -------
    Library
        Lower means, wider spreads.
    """
    hours = np.array([travel_h.get(name, 0.0) for name in library.source_ids])
    rate = np.array([decay_per_h.get(name, 0.0) for name in library.parameters])
    lost = hours[:, None] * rate
    cov = library.cov.copy()
    at = np.arange(len(rate))
    cov[:, at, at] += (rate_sd * lost) ** 2
    return dataclasses.replace(library, mean=library.mean - lost, cov=cov)


def answer_one(
    sample_id: str,
    rows: pd.DataFrame,
    library: Library,
    settings: Mapping[str, float],
    refs: Mapping[str, str],
    seed: int,
) -> Answer:
    """Return what one water is made of.

    Parameters
    ----------
    sample_id : str
        The sample.
    rows : DataFrame
        Its results as `read_both` returns them, what cannot be compared included.
    library : Library
        As it arrives here.
    settings : mapping of str to float
        Section ``mixture``.
    refs : mapping of str to str
        Rows each source's profile rests on.
    seed : int
        Of the draws.

    Returns
    -------
    Answer
        Rows and draws.
    """
    column = pd.Index(library.parameters).get_indexer(rows["parameter"])
    used, column = rows[column >= 0], column[column >= 0]
    sigma = used["sigma_share"].fillna(settings["laboratory_sd"]).to_numpy(dtype=float)
    water = Tracers(
        used["value_ln"].to_numpy(dtype=float), used["censored"].to_numpy(dtype=np.int64), np.maximum(sigma, 0.02)
    )
    mixed = _mixed(library, column)
    weighed = weigh_shares(water, mixed, settings)
    nobody = _log_anything(water, library, column, settings)
    prior = settings["unregistered_share"]
    odds = np.log(prior) - np.log1p(-prior) + nobody - weighed.log_evidence
    unregistered = float(special.expit(odds)) if len(column) else prior
    share, weight = _with_nobody(weighed, unregistered)
    fit = _fit_share(water, mixed, weighed)
    own = ";".join(dict.fromkeys(used["source_ref"].dropna().astype(str)))
    chosen = choose_shares(share, weight)
    brings = _brings(chosen[:-1], mixed)
    names = [*library.source_ids, UNREGISTERED]
    lines = []
    for k, name in enumerate(names):
        low, high, _ = shortest_interval(share[:, k], weight)
        figures = {"share": chosen[k], "low": low, "high": high, "inclusion": float(weight @ (share[:, k] > 0))}
        reasons = _reasons(figures, brings[k] if k < len(brings) else None, library, column)
        said = ";".join(filter(None, (own, refs.get(name, ""))))
        lines.append((
            sample_id, name, float(chosen[k]), low, high, float(weight @ share[:, k]), figures["inclusion"],
            float(weight @ (share.argmax(axis=1) == k)), *reasons, f"apportion({said or sample_id})",
        ))  # fmt: skip
    left_out = ";".join(sorted(set(rows["parameter"]) - set(used["parameter"])))
    texts = _sample_texts(len(column), fit, unregistered, left_out, settings)
    sample = (sample_id, len(column), left_out, fit, unregistered, *texts, f"apportion({own or sample_id})")
    draws = pick_draws(share, weight, count=_DRAWS, seed=seed + zlib.crc32(str(sample_id).encode()))
    return Answer(lines, sample, draws)


def _mixed(library: Library, column: NDArray[np.int64]) -> Mixed:
    cov = library.cov[:, column][:, :, column]
    return Mixed.build(library.mean[:, column], cov if library.is_joint else np.diagonal(cov, axis1=1, axis2=2))


def _log_anything(water: Tracers, library: Library, column: NDArray[np.int64], settings: Mapping[str, float]) -> float:
    """Return the log likelihood of a water about which only the whole library says something, and that vaguely."""
    within = np.diagonal(library.cov, axis1=1, axis2=2).mean(axis=0)
    variance = library.between**2 + within + _BROAD_SD**2
    broad = Mixed.build(library.centre[None, column], variance[None, column])
    one = np.zeros((1, 1), dtype=np.int64)
    return float(log_likelihood(water, broad, one, np.ones((1, 1)), settings["tail_df"])[0])


def _with_nobody(weighed: Weighed, unregistered: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the points with a column for the unregistered source, and one point that is nothing but it."""
    size = weighed.share.shape[1] + 1
    share = np.zeros((len(weighed.weight) + 1, size))
    share[:-1, :-1], share[-1, -1] = weighed.share, 1.0
    return share, np.append(weighed.weight * (1.0 - unregistered), unregistered)


def _fit_share(water: Tracers, mixed: Mixed, weighed: Weighed) -> float:
    """Return how often a water that the library explains would lie further from it; missing without a tracer."""
    order = np.argsort(-weighed.weight, kind="stable")[:200]
    share, weight = weighed.share[order], weighed.weight[order]
    everybody = np.broadcast_to(np.arange(share.shape[1]), share.shape)
    squared, tracers = misfit(water, mixed, everybody, share)
    if not tracers:
        return float("nan")
    degrees = np.maximum(tracers - ((share > 0).sum(axis=1) - 1), 1)
    return float(weight @ special.chdtrc(degrees, squared) / weight.sum())


def _brings(chosen: NDArray[np.float64], mixed: Mixed) -> NDArray[np.float64]:
    """Return which part of each tracer each source brings, at the shares chosen."""
    amount = chosen[:, None] * mixed.amount
    return np.asarray(amount / np.maximum(amount.sum(axis=0), 1e-300))


def _reasons(
    figures: dict[str, float], brings: NDArray[np.float64] | None, library: Library, column: NDArray[np.int64]
) -> tuple[str, str]:
    if brings is None:
        return say("mixture", "unregistered", figures)
    if figures["share"] == 0.0:
        return say("mixture", "absent", figures)
    if not len(column):
        return say("mixture", "blind", figures)
    best = np.argsort(-brings, kind="stable")[:_NAMED]
    pair = []
    for place, lang in enumerate(_LANGS):
        parts = [f"{_name(library.parameters[column[j]], lang)} {brings[j]:.0%}" for j in best]
        pair.append(say("mixture", "share", {**figures, "brings": (", " if lang == "en" else "、").join(parts)})[place])
    return pair[0], pair[1]


def _sample_texts(
    tracers: int, fit: float, unregistered: float, left_out: str, settings: Mapping[str, float]
) -> tuple[str, str]:
    if not tracers:
        return say("mixture", "sample_blind", {})
    case = "sample_poor" if fit < settings["poor_fit_share"] else "sample_good"
    figures = {"tracers": tracers, "fit": fit, "unregistered": unregistered}
    english, chinese = say("mixture", case, figures)
    if not left_out:
        return english, chinese
    names = left_out.split(";")
    shown = [mark.join(_name(name, lang) for name in names) for lang, mark in zip(_LANGS, (", ", "、"), strict=True)]
    more = [say("mixture", "left_out", {"names": text})[place] for place, text in enumerate(shown)]
    return english + more[0], chinese + more[1]


def _name(parameter: str, lang: Lang) -> str:
    return label("parameter", parameter, lang=lang) if parameter in parameters() else parameter
