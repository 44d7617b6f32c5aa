"""Whose water is this: every outfall with its ranked sources, probabilities and reasons."""

from __future__ import annotations

import html
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pandas as pd

from outfall.coordinates import to_crs
from outfall.errors import TraceError
from outfall.tables import check, empty
from outfall.tracing.candidate_rows import UNREGISTERED
from outfall.tracing.candidates import find_candidates, place_sources, reach_candidates
from outfall.tracing.combine import combine
from outfall.tracing.context import make_context, read_told, samples_in
from outfall.tracing.edges import say_boundaries
from outfall.tracing.explain import explain_outfall
from outfall.tracing.lines import LINES, Context, judge_all
from outfall.tracing.observations import find_flows
from outfall.tracing.ranking import Ranking, require_outfall
from outfall.tracing.settings import Settings, merge_settings
from outfall.tracing.waterfall import Waterfall, draw_waterfall

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import geopandas as gpd

    from outfall.network import Network
    from outfall.vocabulary import Lang

__all__ = ["Trace", "trace"]


@dataclass(frozen=True, slots=True)
class Trace:
    """Candidates, evidence and settings of one run.

    Parameters
    ----------
    outfalls, sources : GeoDataFrame
        As traced, in the CRS of the network.
    candidates : GeoDataFrame
        Contract ``candidates``: per outfall the sources by probability, ``unregistered`` among them.
    evidence : DataFrame
        Contract ``evidence``: one row per candidate and line that knew something.
    settings : dict
        What was assumed.
    context : Context, optional
        What the lines judged by, kept so that `sensitivity` can judge again; a trace read from a store has none.

    Examples
    --------
    >>> found = trace(empty("outfalls", crs=4547), None, empty("sources", crs=4547))
    >>> found.settings["run"]["unregistered_share"], len(found.best())
    (0.15, 0)
    """

    outfalls: gpd.GeoDataFrame
    sources: gpd.GeoDataFrame
    candidates: gpd.GeoDataFrame
    evidence: pd.DataFrame
    settings: Settings
    context: Context | None = field(default=None, repr=False, compare=False)

    def of(self, outfall_id: str) -> Ranking:
        """Return the ranked sources of one outfall; draws itself in a notebook.

        Raises
        ------
        TraceError
            The outfall is not in this trace.
        """
        require_outfall(self.outfalls, outfall_id)
        rows = self.candidates[self.candidates["outfall_id"] == outfall_id].reset_index(drop=True)
        said = self.evidence[self.evidence["outfall_id"] == outfall_id]
        return Ranking.build(outfall_id, rows, said, self.sources)

    def best(self) -> pd.DataFrame:
        """Return the most probable source of every outfall, one row each, in the order of the outfalls."""
        rows = self.candidates[self.candidates["rank"] == 1]
        names = self.sources.set_index("source_id")["name"]
        out = pd.DataFrame(
            rows[
                ["outfall_id", "source_id", "posterior_share", "route", "distance_m", "travel_h", "reason", "reason_zh"]
            ]
        )
        out.insert(2, "name", rows["source_id"].map(names))
        nobody = self.candidates[self.candidates["source_id"] == UNREGISTERED].set_index("outfall_id")[
            "posterior_share"
        ]
        return out.assign(unregistered_share=out["outfall_id"].map(nobody)).reset_index(drop=True)

    def explain(self, outfall_id: str, *, lang: Lang = "en") -> str:
        """Return one paragraph that says who, why, and what it rests on.

        Raises
        ------
        TraceError
            The outfall is not in this trace.
        """
        require_outfall(self.outfalls, outfall_id)
        rows = self.candidates[self.candidates["outfall_id"] == outfall_id].reset_index(drop=True)
        said = self.evidence[self.evidence["outfall_id"] == outfall_id]
        return explain_outfall(rows, said, self.sources, self.settings, lang=lang)

    def waterfall(self, outfall_id: str, *, source_id: str | None = None, lang: Lang = "en") -> Waterfall:
        """Return line by line, in decibans, how a source came to its odds; draws itself in a notebook.

        Raises
        ------
        TraceError
            The outfall is not in this trace, or the source is no candidate of it.
        """
        require_outfall(self.outfalls, outfall_id)
        rows = self.candidates[self.candidates["outfall_id"] == outfall_id].reset_index(drop=True)
        said = self.evidence[self.evidence["outfall_id"] == outfall_id]
        return draw_waterfall(rows, said, self.sources, self.settings, source_id=source_id, lang=lang)

    def without(self, lines: str | Iterable[str]) -> Trace:
        """Return the same trace as if some lines had said nothing.

        Raises
        ------
        TraceError
            A name is not a line.
        """
        names = frozenset({lines} if isinstance(lines, str) else lines)
        unknown = sorted(names - set(LINES))
        if unknown:
            msg = f"trace: no line of evidence is called {unknown[0]!r}; the lines are {', '.join(LINES)}"
            raise TraceError(msg)
        kept = self.evidence[~self.evidence["line"].isin(names)].reset_index(drop=True)
        found = combine(self.candidates, kept, settings=self.settings)
        return Trace(self.outfalls, self.sources, found, kept, self.settings, self.context)

    def __repr__(self) -> str:
        registered = int((self.candidates["source_id"] != UNREGISTERED).sum()) if len(self.candidates) else 0
        return (
            f"<Trace {len(self.outfalls)} outfalls x {len(self.sources)} sources: "
            f"{registered} candidates, {len(self.evidence)} verdicts of {self.evidence['line'].nunique()} lines>"
        )

    def _repr_html_(self) -> str:
        best = self.best()[["outfall_id", "source_id", "name", "posterior_share", "unregistered_share"]]
        return f"<p><b>{html.escape(repr(self)[1:-1])}</b></p>{best.head(20).to_html(index=False, escape=True, float_format='%.2f')}"


def trace(
    outfalls: gpd.GeoDataFrame,
    network: Network,
    sources: gpd.GeoDataFrame,
    *,
    results: pd.DataFrame | None = None,
    samples: pd.DataFrame | None = None,
    readings: pd.DataFrame | None = None,
    links: pd.DataFrame | Sequence[pd.DataFrame] | None = None,
    settings: Mapping[str, Mapping[str, float]] | None = None,
) -> Trace:
    """Return, for every outfall, who may be responsible for its water, with probabilities and reasons.

    Every registered source that can reach the outfall is a candidate, and so is a source nobody registered. Each line
    of evidence that knows something about a candidate says how much likelier that makes it; what is not known counts
    neither for nor against. A probability says where to look first; it is not guilt.

    Parameters
    ----------
    outfalls : GeoDataFrame, n rows
        Contract ``outfalls``. Not changed, like every other table.
    network : Network
        Rivers and pipes as one.
    sources : GeoDataFrame, m rows
        Contract ``sources``.
    results, samples : DataFrame, optional
        Contracts; of outfalls (evidence) and of sources (what their water is like). Blanks and spikes are left out.
    readings : DataFrame, optional
        Contract ``readings``: meters of the sources.
    links : DataFrame or sequence of DataFrame, optional
        What somebody or some monitor says: contract ``links`` (tracer tests, crawler finds, documents) and contract
        ``clues`` (what meters, grids and monitors show); a table is known by its ``link_id`` or ``clue_id``.
    settings : mapping of str to mapping, optional
        Numbers that replace our defaults, such as ``{"run": {"unregistered_share": 0.3, "seed": 7}}``;
        ``default_settings()`` of this package shows all of them.

    Returns
    -------
    Trace
        Tables and settings of the run, in the CRS of the network.

    Raises
    ------
    TraceError
        A setting is not known or cannot be used.
    TableError
        A table does not meet its contract.
    CoordinateError
        A table has no CRS.

    Examples
    --------
    >>> found = trace(empty("outfalls", crs=4547), None, empty("sources", crs=4547))
    >>> found
    <Trace 0 outfalls x 0 sources: 0 candidates, 0 verdicts of 0 lines>
    """
    chosen = merge_settings(settings)
    if not len(outfalls):
        return Trace(
            check(outfalls, "outfalls"),
            check(sources, "sources"),
            find_candidates(outfalls, network, sources, settings=settings),
            empty("evidence"),
            chosen,
        )
    outfalls = to_crs(check(outfalls, "outfalls"), network.crs, where="outfalls")
    placed = place_sources(sources, network, settings=chosen)
    samples = samples_in(samples, network)
    flows = find_flows(samples, outfalls, placed)
    told = read_told(links)
    candidates = reach_candidates(outfalls, network, placed, flows=flows, links=told[0], settings=chosen)
    candidates = say_boundaries(candidates, outfalls, network)
    context = make_context(
        outfalls,
        placed,
        candidates,
        water=(results, samples, flows),
        readings=readings,
        told=told,
        settings=chosen,
    )
    evidence = judge_all(context, LINES)
    found = combine(candidates, evidence, settings=chosen)
    return Trace(outfalls, placed.drop(columns="stated"), found, evidence, chosen, context)
