"""How many doors must be knocked on: the fewest sources that hold the responsible one with a given probability."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from outfall.errors import TraceError
from outfall.tables import join_ids
from outfall.tracing.candidate_rows import UNREGISTERED

if TYPE_CHECKING:
    from outfall.tracing.answer import Trace

__all__ = ["list_doors"]


def list_doors(found: Trace, *, level_share: float = 0.9) -> pd.DataFrame:
    """Return for every outfall the sources to visit so that the main one is among them with a given probability.

    Parameters
    ----------
    found : Trace
        Not changed.
    level_share : float, default 0.9
        Probability that the main source is in the set.

    Returns
    -------
    DataFrame, one row per outfall in the order of the trace
        ``outfall_id``, ``door_count`` (registered sources in the set), ``source_ids`` (most probable first),
        ``held_share`` (probability of the set), ``is_search`` (the set needs the source nobody registered: knocking on
        doors alone does not reach the level, somebody must look along the pipes).

    Raises
    ------
    TraceError
        The level is not a share between 0 and 1.

    Examples
    --------
    >>> from outfall.tables import empty
    >>> from outfall.tracing import trace
    >>> len(list_doors(trace(empty("outfalls", crs=4547), None, empty("sources", crs=4547))))
    0
    """
    if not 0.0 < level_share < 1.0:
        msg = f"list_doors: level_share {level_share:g}; a share between 0 and 1 was expected"
        raise TraceError(msg)
    rows = found.candidates[["outfall_id", "source_id", "posterior_share", "rank"]].sort_values("rank", kind="stable")
    before = rows.groupby("outfall_id", sort=False)["posterior_share"].cumsum() - rows["posterior_share"]
    kept = rows[before < level_share - 1e-12]
    nobody = kept["source_id"] == UNREGISTERED
    groups = kept[~nobody].groupby("outfall_id", sort=False)["source_id"]
    ids = groups.agg(lambda column: join_ids(column.tolist()))
    held = kept.groupby("outfall_id", sort=False)["posterior_share"].sum()
    search = set(kept.loc[nobody, "outfall_id"])
    outfalls = found.outfalls["outfall_id"]
    out = pd.DataFrame(
        {
            "outfall_id": outfalls.to_numpy(),
            "door_count": groups.count().reindex(outfalls).fillna(0).to_numpy(dtype=np.int64),
            "source_ids": ids.reindex(outfalls).fillna("").to_numpy(),
            "held_share": held.reindex(outfalls).to_numpy(dtype=float),
            "is_search": outfalls.isin(search).to_numpy(),
        }
    )
    return out.astype({"outfall_id": "str", "source_ids": "str"})
