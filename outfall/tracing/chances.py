"""Where the water of an outfall may have entered, source by source: what a trace says to the next sample."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from outfall.tables import split_ids
from outfall.tracing.candidate_rows import UNREGISTERED

if TYPE_CHECKING:
    from outfall.network import Network
    from outfall.tracing.answer import Trace

__all__ = ["list_chances"]


def list_chances(found: Trace, outfall_id: str, network: Network) -> pd.DataFrame:
    """Return the candidates of one outfall as hypotheses that a sample can tell apart.

    A registered source enters where its path begins; one with a pipe of its own enters at the outfall, where no manhole
    shows it. A source nobody registered may enter anywhere above: its probability is spread over the reaches by length.

    Parameters
    ----------
    found : Trace
        Not changed.
    outfall_id : str
        One of its outfalls.
    network : Network
        As traced.

    Returns
    -------
    DataFrame, n hypotheses
        ``chance_id`` (the source), ``reach_id``, ``along_m``, ``share``; sums to 1. Empty where the outfall has no
        place on the network.

    Raises
    ------
    TraceError
        The outfall is not in this trace.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from outfall.network import build_network
    >>> from outfall.tables import check, empty
    >>> from outfall.tracing import trace
    >>> pipe = gpd.GeoDataFrame({"reach_id": ["A", "B"]}, crs=32650, geometry=gpd.GeoSeries.from_wkt([
    ...     "LINESTRING (400000 3400200, 400000 3400100)", "LINESTRING (400000 3400100, 400000 3400000)"]))
    >>> network = build_network(None, pipes=pipe)
    >>> mouth = gpd.GeoDataFrame({"outfall_id": ["P1"], "status": ["confirmed"], "reach_id": ["B"], "along_m": [100.0],
    ...     "source_ref": ["x"]}, geometry=gpd.points_from_xy([400000], [3400000]), crs=32650)
    >>> found = trace(check(mouth, "outfalls"), network, empty("sources", crs=32650))
    >>> chances = list_chances(found, "P1", network)
    >>> sorted(chances["reach_id"]), chances["share"].round(2).tolist()
    (['A', 'B'], [0.5, 0.5])
    """
    found.of(outfall_id)  # refuses an outfall that is not there
    rows = found.candidates[found.candidates["outfall_id"] == outfall_id]
    at = found.outfalls.loc[found.outfalls["outfall_id"] == outfall_id].iloc[0]
    if pd.isna(at["reach_id"]):
        return pd.DataFrame({"chance_id": [], "reach_id": [], "along_m": [], "share": []})
    above = network.upstream(str(at["reach_id"]))
    length = network.reaches.set_index("reach_id").loc[above, "length_m"].to_numpy(dtype=float, copy=True)
    along = 0.0 if pd.isna(at["along_m"]) else float(at["along_m"])
    length[above.index(str(at["reach_id"]))] = along
    spread = length / length.sum() if length.sum() > 0 else np.full(len(above), 1 / len(above))
    parts = []
    for row in rows.itertuples():
        path = split_ids(row.path_ids) if isinstance(row.path_ids, str) else []
        if row.source_id == UNREGISTERED:
            parts += [
                (UNREGISTERED, reach, 0.0, row.posterior_share * part)
                for reach, part in zip(above, spread, strict=True)
            ]
        elif path and path[0] in above:
            parts.append((row.source_id, path[0], 0.0, row.posterior_share))
        else:
            parts.append((row.source_id, at["reach_id"], along, row.posterior_share))
    return pd.DataFrame(parts, columns=["chance_id", "reach_id", "along_m", "share"])
