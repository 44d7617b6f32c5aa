"""Prior and evidence into one probability per source, with the source nobody registered always in the list."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    import geopandas as gpd

    from outfall.tracing.settings import Settings

__all__ = ["combine"]


def combine(
    candidates: gpd.GeoDataFrame, evidence: pd.DataFrame, *, settings: Settings, leave_out: frozenset[str] = frozenset()
) -> gpd.GeoDataFrame:
    """Return the candidates with their probability after the evidence, most probable first.

    Log odds are the prior and the weighted sum of the lines; weights below 1 stand for lines that rest on the same
    rows. The unregistered source is what every line compares with, so its own ratio is 1: where a signature matches
    no candidate, it gains what they lose.

    Parameters
    ----------
    candidates : GeoDataFrame
        Contract ``candidates``. Not changed.
    evidence : DataFrame
        Contract ``evidence``.
    settings : dict
        Sections ``weights`` and ``combine``.
    leave_out : frozenset of str
        Lines that do not count this time.

    Returns
    -------
    GeoDataFrame
        Contract ``candidates``; ``posterior_share`` sums to 1 per outfall; outfalls in the order given.
    """
    if not len(candidates):
        return candidates.copy()
    weights = {line: 0.0 if line in leave_out else weight for line, weight in settings["weights"].items()}
    cap = settings["combine"]["cap"]
    weight = evidence["line"].map(weights).fillna(1.0).astype(float)
    said = (evidence["log_lr"].clip(-cap, cap) * weight).groupby([evidence["outfall_id"], evidence["source_id"]]).sum()
    keys = pd.MultiIndex.from_frame(candidates[["outfall_id", "source_id"]])
    total = said.reindex(keys).fillna(0.0).to_numpy(dtype=float) / settings["combine"]["temperature"]
    with np.errstate(divide="ignore"):
        log_weight = np.log(candidates["prior_share"].to_numpy(dtype=float)) + total
    code, _ = pd.factorize(candidates["outfall_id"])
    highest = np.full(code.max() + 1, -np.inf)
    np.maximum.at(highest, code, log_weight)
    share = np.exp(log_weight - highest[code])
    share = share / np.bincount(code, share)[code]
    out = candidates.assign(posterior_share=share, order=code)
    out = out.sort_values(["order", "posterior_share", "source_id"], ascending=[True, False, True], ignore_index=True)
    return out.assign(rank=(out.groupby("order").cumcount() + 1).astype("Int64")).drop(columns="order")
