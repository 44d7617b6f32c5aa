"""Prior and evidence into one probability per source, with the source nobody registered always in the list."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from outfall.tracing.lines import LINES
from outfall.tracing.subsets import include_sources

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from outfall.tracing.settings import Settings

__all__ = ["combine", "log_weights", "weigh_evidence"]


def combine(
    candidates: gpd.GeoDataFrame, evidence: pd.DataFrame, *, settings: Settings, leave_out: frozenset[str] = frozenset()
) -> gpd.GeoDataFrame:
    """Return the candidates with their probability after the evidence, most probable first.

    Log odds are the prior and the weighted sum of the lines (see `weigh_evidence`). The unregistered source is what
    every line compares with, so its own ratio is 1: where a signature matches no candidate, it gains what they lose.

    Parameters
    ----------
    candidates : GeoDataFrame
        Contract ``candidates``. Not changed.
    evidence : DataFrame
        Contract ``evidence``.
    settings : dict
        Sections ``weights``, ``combine`` and ``subsets``.
    leave_out : frozenset of str
        Lines that do not count this time.

    Returns
    -------
    GeoDataFrame
        Contract ``candidates``; ``posterior_share`` (it is the main source) sums to 1 per outfall, ``inclusion_share``
        (it takes part, see `include_sources`) may sum to more; outfalls in the order given.
    """
    if not len(candidates):
        return candidates.copy()
    log_weight = log_weights(candidates, evidence, settings=settings, leave_out=leave_out)
    code, _ = pd.factorize(candidates["outfall_id"])
    highest = np.full(code.max() + 1, -np.inf)
    np.maximum.at(highest, code, log_weight)
    share = np.exp(log_weight - highest[code])
    share = share / np.bincount(code, share)[code]
    out = candidates.assign(posterior_share=share, order=code)
    out = out.assign(inclusion_share=include_sources(out, settings=settings))
    out = out.sort_values(["order", "posterior_share", "source_id"], ascending=[True, False, True], ignore_index=True)
    return out.assign(rank=(out.groupby("order").cumcount() + 1).astype("Int64")).drop(columns="order")


def log_weights(
    candidates: pd.DataFrame, evidence: pd.DataFrame, *, settings: Settings, leave_out: frozenset[str] = frozenset()
) -> NDArray[np.float64]:
    """Return the natural log of prior times evidence, one per candidate, not yet brought to sum 1.

    Parameters
    ----------
    candidates, evidence : DataFrame
        Contracts.
    settings : dict
        Sections ``weights`` and ``combine``.
    leave_out : frozenset of str
        Lines that do not count this time.

    Returns
    -------
    ndarray of float, one per candidate
        -inf where the prior is 0.
    """
    nat = weigh_evidence(evidence, settings=settings, leave_out=leave_out)
    pair = ["outfall_id", "source_id"]
    keys = pd.MultiIndex.from_frame(candidates[pair].astype("object"))
    at = keys.get_indexer(pd.MultiIndex.from_frame(evidence[pair].astype("object")))
    # one after the other: what is said about another pair must not move the last bit of this one
    total = np.bincount(at[at >= 0], nat[at >= 0], minlength=len(candidates))
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(candidates["prior_share"].to_numpy(dtype=float)) + total)


def weigh_evidence(
    evidence: pd.DataFrame, *, settings: Settings, leave_out: frozenset[str] = frozenset()
) -> NDArray[np.float64]:
    """Return what each verdict adds to the log odds: capped, weighed, and shared with verdicts that rest on the same.

    A line has a weight of the settings. Lines of one family about one pair share: those that read the same rows count
    once together (their weights sum to 1 at most), and m kinds of rows count as the root of m, not as m.

    Parameters
    ----------
    evidence : DataFrame, n rows
        Contract ``evidence``.
    settings : dict
        Sections ``weights`` and ``combine``.
    leave_out : frozenset of str
        Lines that do not count this time.

    Returns
    -------
    ndarray of n float
        Natural logarithm. Divided by ln 10 and times 10 it is decibans.

    Examples
    --------
    >>> from outfall.tracing.settings import default_settings
    >>> said = pd.DataFrame({"outfall_id": "P1", "source_id": "S1", "line": ["reachability", "load"], "log_lr": [2.0, 1.0]})
    >>> settings = default_settings()
    >>> (weigh_evidence(said, settings=settings) * settings["combine"]["temperature"]).round(9).tolist()
    [2.0, 0.5]
    """
    if not len(evidence):
        return np.zeros(0)
    cap, line = settings["combine"]["cap"], evidence["line"].astype("object")
    table = settings["weights"]
    weight = line.map({**table, **dict.fromkeys(leave_out, 0.0)}).fillna(1.0).to_numpy(dtype=float)
    scale = _share_families(evidence, line, weight)
    nat = np.clip(evidence["log_lr"].to_numpy(dtype=float), -cap, cap) * weight * scale
    return np.asarray(nat / settings["combine"]["temperature"])


def _share_families(evidence: pd.DataFrame, line: pd.Series, weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return by how much each verdict is shrunk for others of its family about the same pair."""
    family = line.map({name: known.family for name, known in LINES.items()}).fillna("").to_numpy(dtype=object)
    at = np.flatnonzero((family != "") & (weight > 0.0))
    scale = np.ones(len(evidence))
    if not len(at):
        return scale
    rows = evidence.iloc[at][["outfall_id", "source_id"]].assign(family=family[at])
    group = rows.groupby(["outfall_id", "source_id", "family"], sort=False).ngroup().to_numpy()
    reads = line.iloc[at].map({name: known.reads or name for name, known in LINES.items()})
    kinds = pd.DataFrame({"group": group, "reads": reads.to_numpy()}).drop_duplicates()
    count = np.bincount(kinds["group"], minlength=group.max() + 1)
    total = np.bincount(group, weight[at])
    scale[at] = np.minimum(1.0, np.sqrt(count) / total)[group]
    return scale
