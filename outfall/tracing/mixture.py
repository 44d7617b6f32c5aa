"""What a water is made of: the share of each source of a library, with intervals, and whether the library explains it.

A water is a mixture of at most four sources. Amounts add; each source's water is lognormal with heavy tails, with the
covariance its samples show. Shares are integrated over all small sets of sources, so that a source can be exactly
absent and every share has an interval.
"""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from outfall.errors import TraceError
from outfall.tracing.candidate_rows import UNREGISTERED
from outfall.tracing.mixture_answer import SAMPLES, SHARES, answer_one, attenuate
from outfall.tracing.mixture_library import learn_library
from outfall.tracing.mixture_tables import read_both, refuse_names
from outfall.tracing.settings import merge_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["Apportionment", "apportion"]


@dataclass(frozen=True, slots=True)
class Apportionment:
    """What each water is made of.

    Parameters
    ----------
    shares : DataFrame
        One row per sample and source, the unregistered one last: ``share`` (sums to 1 per sample, exact zeros),
        ``low_share`` and ``high_share`` (90 %), ``mean_share``, ``inclusion_share`` (probability that the source takes
        part), ``dominant_share`` (that it brings most), ``reason``, ``reason_zh``, ``source_ref``.
    samples : DataFrame
        One row per sample: ``tracers`` used, ``left_out`` (parameters not used), ``fit_share`` (how often a water the
        library explains fits worse; missing without tracers), ``unregistered_share``, reasons, ``source_ref``.
    draws : array, samples x draws x sources
        Equally likely shares; columns are ``source_ids``.
    source_ids : tuple of str
        Sources of the library and, last, ``unregistered``.
    """

    shares: pd.DataFrame
    samples: pd.DataFrame
    draws: NDArray[np.float64]
    source_ids: tuple[str, ...]

    def draws_of(self, sample_id: str) -> pd.DataFrame:
        """Return equally likely shares of one sample: one column per source, rows sum to 1; as add_shares takes them."""
        at = np.flatnonzero((self.samples["sample_id"] == sample_id).to_numpy())
        if not len(at):
            msg = f"apportionment: no sample {sample_id!r}; it has {', '.join(self.samples['sample_id'].head(3))} …"
            raise TraceError(msg, fix=".samples lists all.")
        return pd.DataFrame(self.draws[at[0]], columns=list(self.source_ids))

    def __repr__(self) -> str:
        lines = [f"Apportionment: {len(self.samples)} samples, {len(self.source_ids) - 1} sources"]
        for sample_id, part in self._parts():
            text = ", ".join(f"{row.source_id} {row.share:.2f}" for row in part.itertuples())
            lines.append(f"  {sample_id}: {text}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{html.escape(str(sample_id))}</td><td>{html.escape(str(row.source_id))}</td>"
            f"<td>{row.share:.2f}</td><td>{row.low_share:.2f}–{row.high_share:.2f}</td>"
            f'<td style="text-align:left">{html.escape(str(row.reason))}</td></tr>'
            for sample_id, part in self._parts()
            for row in part.itertuples()
        )
        head = "".join(f"<th>{text}</th>" for text in ("sample", "source", "share", "90 %", "reason"))
        return f"<table><caption>{len(self.samples)} samples</caption><tr>{head}</tr>{rows}</table>"

    def _parts(self) -> list[tuple[str, pd.DataFrame]]:
        shown = self.shares[self.shares["share"] > 0].sort_values("share", ascending=False, kind="stable")
        groups = dict(tuple(shown.groupby("sample_id", sort=False)))
        return [(name, groups[name]) for name in self.samples["sample_id"].head(8) if name in groups]


def apportion(
    results: pd.DataFrame,
    *,
    library: pd.DataFrame,
    travel_h: Mapping[str, float] | None = None,
    decay_per_h: Mapping[str, float] | None = None,
    settings: Mapping[str, float] | None = None,
    seed: int = 0,
) -> Apportionment:
    """Return what each water is made of: shares of sources with intervals, exact zeros, and whether the library fits.

    Parameters
    ----------
    results : DataFrame
        Contract ``results``: rows of one sample are one water. ``sigma_share`` is the error of a value.
    library : DataFrame
        What sources, or kinds of sources, discharge: ``source_id``, ``parameter``, ``value``, ``unit``. Samples have
        ``sample_id`` (values of one sample belong together) and ``qualifier``, ``detection_limit`` as in results. A
        mean has ``cv_share``, its relative standard deviation, and may have ``count``, the samples behind it.
    travel_h : mapping of source id to float, hours, optional
        How long the water of a source was on the way.
    decay_per_h : mapping of parameter to float, per hour, optional
        How fast a tracer is lost on the way; others are kept.
    settings : mapping of str to float, optional
        Overrides of section ``mixture`` of `default_settings`.
    seed : int, default 0
        Of the draws; the shares do not depend on it.

    Returns
    -------
    Apportionment
        Samples in the order they first come in results. Without a common tracer the answer is what was assumed before.

    Raises
    ------
    TraceError
        Columns, amounts, units, settings, hours or rates cannot be used; all problems are listed.

    Examples
    --------
    >>> import pandas as pd
    >>> library = pd.DataFrame(
    ...     [("sewage", "ammonia", 30.0), ("sewage", "fluoride", 0.4), ("tap", "ammonia", 0.03), ("tap", "fluoride", 0.8)],
    ...     columns=["source_id", "parameter", "value"],
    ... ).assign(unit="mg/L", cv_share=0.2)
    >>> water = pd.DataFrame({"sample_id": "W1", "parameter": ["ammonia", "fluoride"], "value": [9.0, 0.68], "unit": "mg/L"})
    >>> found = apportion(water, library=library)
    >>> found.shares[["source_id", "share"]].round(1).values.tolist()
    [['sewage', 0.3], ['tap', 0.7], ['unregistered', 0.0]]
    """
    part = merge_settings({"mixture": settings or {}})["mixture"]
    waters, rows = read_both(results, library)
    refuse_names(library["source_id"], travel_h, decay_per_h)
    learned = learn_library(rows, sources=library["source_id"], settings=part)
    learned = attenuate(learned, travel_h or {}, decay_per_h or {}, part["rate_sd"])
    named = rows.dropna(subset="source_ref").sort_values("source_ref", kind="stable").groupby("source_id")["source_ref"]
    refs = {str(name): ";".join(dict.fromkeys(part.astype(str))) for name, part in named}
    of_sample = dict(tuple(waters.groupby("sample_id", sort=False)))
    answers = [
        answer_one(name, of_sample[name], learned, part, refs, seed) for name in dict.fromkeys(results["sample_id"])
    ]
    sources = (*learned.source_ids, UNREGISTERED)
    return Apportionment(
        pd.DataFrame([row for answer in answers for row in answer.shares], columns=SHARES),
        pd.DataFrame([answer.sample for answer in answers], columns=SAMPLES),
        np.stack([answer.draws for answer in answers]) if answers else np.zeros((0, 0, len(sources))),
        sources,
    )
