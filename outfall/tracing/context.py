"""What the lines of evidence are given: checked tables in one CRS; and the same with some rows taken away."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from outfall.coordinates import to_crs
from outfall.errors import Problem, TraceError
from outfall.tables import check, empty, split_ids
from outfall.tracing.candidate_rows import UNREGISTERED
from outfall.tracing.lines.fingerprint import FINGERPRINTS
from outfall.tracing.lines.registry import Context
from outfall.tracing.observations import match_results

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import geopandas as gpd
    from numpy.typing import NDArray

    from outfall.network import Network
    from outfall.tracing.settings import Settings

__all__ = ["cut_context", "make_context", "read_told", "samples_in"]


def read_told(told: pd.DataFrame | Sequence[pd.DataFrame] | None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the links and the clues among some tables, checked; a table is known by its key column.

    Parameters
    ----------
    told : DataFrame or sequence of DataFrame, optional
        Contracts ``links`` (has ``link_id``) and ``clues`` (has ``clue_id``).

    Returns
    -------
    tuple of DataFrame
        Contract ``links``, contract ``clues``; empty where nothing was given.

    Raises
    ------
    TraceError
        A table is neither.
    """
    tables = [] if told is None else [told] if isinstance(told, pd.DataFrame) else list(told)
    found: dict[str, list[pd.DataFrame]] = {"links": [], "clues": []}
    for number, table in enumerate(tables, start=1):
        name = "clues" if "clue_id" in table.columns else "links" if "link_id" in table.columns else ""
        if not name:
            some = ", ".join(map(str, table.columns[:4]))
            problem = Problem(f"table {number}", f"has the columns {some}", "give contracts links or clues")
            msg = "trace: a table of links= has neither link_id nor clue_id"
            raise TraceError(msg, [problem])
        found[name].append(pd.DataFrame(check(table, name)))
    links, clues = (
        pd.concat(parts, ignore_index=True) if len(parts) > 1 else parts[0] if parts else pd.DataFrame(empty(name))
        for name, parts in found.items()
    )
    return links, clues


def samples_in(samples: pd.DataFrame | None, network: Network) -> pd.DataFrame | None:
    """Return the samples checked, their points in the CRS of the network.

    Parameters
    ----------
    samples : DataFrame or None
        Contract ``samples``.
    network : Network
        Gives the CRS.

    Returns
    -------
    DataFrame or None
        None where there is no sample.
    """
    if samples is None or not len(samples):
        return None
    checked = check(samples, "samples")
    return to_crs(checked, network.crs, where="samples") if checked.geometry.notna().any() else checked


def make_context(
    outfalls: gpd.GeoDataFrame,
    sources: gpd.GeoDataFrame,
    candidates: gpd.GeoDataFrame,
    *,
    water: tuple[pd.DataFrame | None, pd.DataFrame | None, pd.DataFrame],
    readings: pd.DataFrame | None,
    told: tuple[pd.DataFrame, pd.DataFrame],
    settings: Settings,
) -> Context:
    """Return what the lines may look at, sorted, so that the order of the rows given does not matter.

    Parameters
    ----------
    outfalls, sources, candidates : GeoDataFrame
        Checked, in one metric CRS.
    water : tuple
        Results, samples, and the answer of `find_flows`.
    readings : DataFrame or None
        Contract ``readings``.
    told : tuple
        Answer of `read_told`.
    settings : dict
        See `default_settings`.

    Returns
    -------
    Context
        For `judge_all`.
    """
    results, samples, flows = water
    chemistry = settings["chemistry"]
    given = check(results, "results") if results is not None else None
    observations, spectra = (
        match_results(
            given,
            samples,
            outfalls,
            sources,
            laboratory_sd=chemistry["laboratory_sd"],
            field_sd=chemistry["field_sd"],
            linear=linear,
        )
        for linear in (None, FINGERPRINTS)
    )
    rows = pd.DataFrame(candidates[candidates["source_id"] != UNREGISTERED])
    return Context(
        outfalls=outfalls.sort_values("outfall_id", ignore_index=True),
        sources=sources.sort_values("source_id", ignore_index=True),
        candidates=rows.sort_values(["outfall_id", "source_id"], ignore_index=True),
        observations=observations,
        flows=flows,
        readings=check(readings, "readings") if readings is not None else empty("readings"),
        links=told[0],
        settings=settings,
        clues=told[1],
        spectra=spectra,
    )


def cut_context(context: Context, outfall_id: str, *, gone: Iterable[str] = (), source_id: str = "") -> Context:
    """Return what the lines would see of one outfall if some rows, or a source, had never been given.

    Parameters
    ----------
    context : Context
        Not changed.
    outfall_id : str
        Only its candidates are kept.
    gone : iterable of str
        ``source_ref`` of the rows taken away. An average of several rows goes where all of them do.
    source_id : str, optional
        Candidate taken away.

    Returns
    -------
    Context
        Water of other outfalls and of sources stays in it: lines learn from it what is usual.
    """
    lost = frozenset(gone)
    rows = context.candidates
    rows = rows[(rows["outfall_id"] == outfall_id) & (rows["source_id"] != source_id)].reset_index(drop=True)
    return dataclasses.replace(
        context,
        candidates=rows,
        observations=context.observations[~_all_gone(context.observations["refs"], lost)],
        spectra=context.spectra[~_all_gone(context.spectra["refs"], lost)],
        flows=context.flows[~_all_gone(context.flows["refs"], lost)],
        readings=context.readings[~context.readings["source_ref"].isin(lost).to_numpy(dtype=bool)],
        links=context.links[~context.links["source_ref"].isin(lost).to_numpy(dtype=bool)],
        clues=context.clues[~context.clues["source_ref"].isin(lost).to_numpy(dtype=bool)],
    )


def _all_gone(refs: pd.Series, gone: frozenset[str]) -> NDArray[np.bool_]:
    return np.array([gone.issuperset(split_ids(cell)) for cell in refs], dtype=bool) & bool(gone)
