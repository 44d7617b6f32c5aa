"""What an answer leans on: what its probability would be without a line, sample, row, file or candidate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from outfall.errors import TraceError
from outfall.tables import join_ids, split_ids
from outfall.tracing.candidate_rows import UNREGISTERED
from outfall.tracing.combine import combine
from outfall.tracing.context import cut_context
from outfall.tracing.lines import LINES, judge_all
from outfall.tracing.ranking import require_outfall
from outfall.tracing.texts import say

if TYPE_CHECKING:
    import geopandas as gpd

    from outfall.tracing.answer import Trace
    from outfall.tracing.lines import Context, Line

__all__ = ["sensitivity"]

By = Literal["line", "sample", "row", "file", "candidate", "prior"]
_ALL: tuple[By, ...] = ("line", "sample", "row", "file", "candidate", "prior")
_PRIORS = (0.05, 0.15, 0.3, 0.5)
_COLUMNS = {
    "outfall_id": "str", "source_id": "str", "by": "str", "what": "str", "posterior_share": "float64",
    "without_share": "float64", "change_share": "float64", "first_source_id": "str", "refs": "str", "reason": "str",
    "reason_zh": "str",
}  # fmt: skip


def sensitivity(found: Trace, outfall_id: str, *, by: By = "sample", source_id: str | None = None) -> pd.DataFrame:
    """Return what the probability of one source would be without each thing the answer rests on.

    Lines are judged again without the rows, so that a second visit still counts when the first is taken away. Only
    the lines that rest on what is taken away are judged, and only at this outfall.

    Parameters
    ----------
    found : Trace
        Not changed.
    outfall_id : str
        One of its outfalls.
    by : {"line", "sample", "row", "file", "candidate", "prior"}, default "sample"
        What is taken away: a line of evidence; the results of one place and day; one row of a table; a file; another
        candidate of the list. ``prior`` gives other priors to the source nobody registered instead.
    source_id : str, optional
        Whose probability; that of the most probable source by default.

    Returns
    -------
    DataFrame
        ``outfall_id``, ``source_id``, ``by``, ``what``, ``posterior_share``, ``without_share``, ``change_share``,
        ``first_source_id`` (who would be most probable then), ``refs``, ``reason``, ``reason_zh``; the largest change
        first.

    Raises
    ------
    TraceError
        The outfall or source is not there, ``by`` is unknown, or the trace was read from a store and cannot judge
        samples again.

    Examples
    --------
    >>> from outfall.tables import empty
    >>> from outfall.tracing import trace
    >>> sensitivity(trace(empty("outfalls", crs=4547), None, empty("sources", crs=4547)), "P1", by="weather")
    Traceback (most recent call last):
    outfall.errors.TraceError: sensitivity: by='weather' is unknown; one of line, sample, row, file, candidate, prior was expected
    """
    if by not in _ALL:
        msg = f"sensitivity: by={by!r} is unknown; one of {', '.join(_ALL)} was expected"
        raise TraceError(msg)
    require_outfall(found.outfalls, outfall_id)
    rows = found.candidates[found.candidates["outfall_id"] == outfall_id].reset_index(drop=True)
    said = found.evidence[found.evidence["outfall_id"] == outfall_id].reset_index(drop=True)
    who = str(rows["source_id"].iloc[0]) if source_id is None else source_id
    if not (rows["source_id"] == who).any():
        msg = f"sensitivity: {who!r} is no candidate of {outfall_id}"
        raise TraceError(msg)
    if by == "candidate":
        runs = _other_lists(found, rows, said, who)
    elif by == "prior":
        runs = [(f"{share:g}", "", _with_prior(rows, said, share, found)) for share in _PRIORS]
    elif by == "line":
        runs = [
            (line, "", combine(rows, said, settings=found.settings, leave_out=frozenset({line})))
            for line in dict.fromkeys(said["line"])
        ]
    else:
        runs = [
            (what, join_ids(sorted(gone)), _again(found, rows, said, outfall_id, gone))
            for what, gone in _groups(found, said, by)
        ]
    return _table(found, rows, runs, by, who)


def _table(
    found: Trace, rows: gpd.GeoDataFrame, runs: list[tuple[str, str, gpd.GeoDataFrame]], by: By, who: str
) -> pd.DataFrame:
    share = float(rows.loc[rows["source_id"] == who, "posterior_share"].iloc[0])
    names = dict(zip(found.sources["source_id"], found.sources["name"], strict=True))
    out = []
    for what, refs, then in runs:
        less = float(then.loc[then["source_id"] == who, "posterior_share"].sum())
        texts = []
        for place in (0, 1):
            shown = what
            if by == "line" and what in LINES:
                shown = LINES[what].label("en" if place == 0 else "zh")
            named = names.get(who)
            source = f"{named} ({who})" if isinstance(named, str) else who
            texts.append(say("sensitivity", by, {"what": shown, "source": source, "share": share, "less": less})[place])
        first = then["source_id"].iloc[0]
        outfall = rows["outfall_id"].iloc[0]
        out.append((outfall, who, by, what, share, less, less - share, first, refs, *texts))
    table = pd.DataFrame(out, columns=list(_COLUMNS)).astype(_COLUMNS)
    order = np.lexsort((table["what"].to_numpy(dtype=object), -table["change_share"].abs().round(12).to_numpy()))
    return table.iloc[order].reset_index(drop=True)


def _groups(found: Trace, said: pd.DataFrame, by: By) -> list[tuple[str, frozenset[str]]]:
    """Return what can be taken away, with the rows it takes along."""
    masters = frozenset(found.outfalls["source_ref"]) | frozenset(found.sources["source_ref"])
    cited = {ref for cell in said["refs"].dropna() for ref in split_ids(cell)} - masters
    if by == "row":
        return [(ref, frozenset({ref})) for ref in sorted(cited)]
    if by == "file":
        files: dict[str, set[str]] = {}
        for ref in cited:
            files.setdefault(ref.split("#", maxsplit=1)[0], set()).add(ref)
        return [(name, frozenset(files[name])) for name in sorted(files)]
    if found.context is None:
        msg = (
            "sensitivity: this trace was read from a store and does not know its samples; trace again, or take by='row'"
        )
        raise TraceError(msg)
    groups: dict[str, set[str]] = {}
    seen = pd.concat([found.context.observations, found.context.spectra])[["about_id", "visit", "refs"]]
    for about, visit, cell in seen.itertuples(index=False):
        refs = set(split_ids(cell))
        if refs & cited:
            groups.setdefault(f"{about} {visit}".strip(), set()).update(refs)
    return [(name, frozenset(groups[name])) for name in sorted(groups)]


def _again(
    found: Trace, rows: gpd.GeoDataFrame, said: pd.DataFrame, outfall_id: str, gone: frozenset[str]
) -> gpd.GeoDataFrame:
    """Return the candidates without some rows: the lines that rest on them are judged again, or fall silent."""
    touched = [not gone.isdisjoint(split_ids(cell)) if isinstance(cell, str) else False for cell in said["refs"]]
    hit = np.array(touched, dtype=bool)
    if found.context is None:
        return combine(rows, said[~hit], settings=found.settings)
    names = dict.fromkeys(said.loc[hit, "line"])
    less = cut_context(found.context, outfall_id, gone=gone)
    return _judged(found, rows, said, less, {name: LINES[name] for name in names if name in LINES})


def _judged(
    found: Trace, rows: gpd.GeoDataFrame, said: pd.DataFrame, less: Context, lines: dict[str, Line]
) -> gpd.GeoDataFrame:
    new = judge_all(less, lines)
    kept = said[~said["line"].isin(list(lines)).to_numpy(dtype=bool)]
    both = pd.concat([part for part in (kept, new) if len(part)], ignore_index=True) if len(kept) + len(new) else kept
    return combine(rows, both, settings=found.settings)


def _other_lists(
    found: Trace, rows: gpd.GeoDataFrame, said: pd.DataFrame, who: str
) -> list[tuple[str, str, gpd.GeoDataFrame]]:
    """Return the candidates with each other one off the list; what lines compare with changes too."""
    runs = []
    for other in rows.loc[~rows["source_id"].isin([who, UNREGISTERED]), "source_id"]:
        left = rows[rows["source_id"] != other]
        registered = left["source_id"] != UNREGISTERED
        prior = left["prior_share"].where(~registered, left["prior_share"] * (1.0 + 1.0 / max(registered.sum(), 1)))
        left = left.assign(prior_share=prior)
        kept = said[said["source_id"] != other]
        if found.context is None:
            runs.append((other, "", combine(left, kept, settings=found.settings)))
        else:
            less = cut_context(found.context, str(rows["outfall_id"].iloc[0]), source_id=other)
            lines = {name: LINES[name] for name in dict.fromkeys(said["line"]) if name in LINES}
            runs.append((other, "", _judged(found, left, kept, less, lines)))
    return runs


def _with_prior(rows: gpd.GeoDataFrame, said: pd.DataFrame, share: float, found: Trace) -> gpd.GeoDataFrame:
    nobody = (rows["source_id"] == UNREGISTERED).to_numpy()
    count = max(int((~nobody).sum()), 1)
    prior = np.where(nobody, share if nobody.sum() < len(rows) else 1.0, (1.0 - share) / count)
    return combine(rows.assign(prior_share=prior), said, settings=found.settings)
