"""What edits did before: a log done again, and places carried through it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from outfall.errors import NetworkError, Problem
from outfall.network.edit_kinds import KINDS
from outfall.network.edits_log import no_edits

if TYPE_CHECKING:
    from outfall.network.graph import Network

__all__ = ["follow_places", "replay_edits"]


def replay_edits(network: Network, edits: pd.DataFrame, *, as_of: pd.Timestamp | str | None = None) -> Network:
    """Return the network with a log of edits done again.

    Parameters
    ----------
    network : Network
        As it was before the first of the edits; edits its own log has already are left out.
    edits : DataFrame
        ``network.edits`` of the edited network, in its order. Leave rows out to take edits back.
    as_of : Timestamp or str with a time zone, optional
        Only edits up to this moment.

    Returns
    -------
    Network
        The same tables, row by row, as the edits gave the first time.

    Raises
    ------
    NetworkError
        An edit does not fit the network, or is of an unknown kind.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from outfall.network import build_network
    >>> from outfall.network.edits import split_reach
    >>> lines = gpd.GeoDataFrame({"reach_id": ["R"]}, crs=32650, geometry=gpd.GeoSeries.from_wkt(
    ...     ["LINESTRING (400000 3400200, 400000 3400100)"]))
    >>> before = build_network(lines)
    >>> after = split_reach(before, "R", along_m=30.0)
    >>> replay_edits(before, after.edits).reaches.equals(after.reaches)
    True
    """
    own = no_edits() if network.edits is None else network.edits
    known = list(zip(own["edit_id"], own["parameters"], strict=True))
    log = edits
    if as_of is not None:
        moment = pd.Timestamp(as_of)
        if moment.tz is None:
            raise NetworkError("replay_edits", [Problem("as_of", f"{as_of!r} has no time zone", "give one")])
        log = log[log["at"] <= moment]
    out = network
    for row in log.to_dict("records"):
        kind = str(row["kind"])
        if (row["edit_id"], row["parameters"]) in known:
            continue
        if kind not in KINDS:
            fix = f"the kinds are {', '.join(KINDS)}"
            raise NetworkError("replay_edits", [Problem("kind", f"{kind!r} is no edit", fix, (str(row["edit_id"]),))])
        reaches, nodes, _, _ = KINDS[kind](out, json.loads(str(row["parameters"])))
        before = no_edits() if out.edits is None else out.edits
        one = pd.DataFrame([row]).astype(before.dtypes.to_dict())[list(before.columns)]
        done = pd.concat([before, one], ignore_index=True) if len(before) else one
        out = type(network)(reaches, nodes, out.issues, done)
    return out


def follow_places(places: pd.DataFrame, edits: pd.DataFrame) -> pd.DataFrame:
    """Return places on reaches as they are after edits: on the piece, from the other end, or nowhere any more.

    Parameters
    ----------
    places : DataFrame, n rows
        ``reach_id`` and ``along_m`` as they were before the edits, and any other column.
    edits : DataFrame
        Log of the edits since.

    Returns
    -------
    DataFrame, n rows, in the order given
        Both columns are missing where the reach was removed.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from outfall.network import build_network
    >>> from outfall.network.edits import split_reach
    >>> lines = gpd.GeoDataFrame({"reach_id": ["R"]}, crs=32650, geometry=gpd.GeoSeries.from_wkt(
    ...     ["LINESTRING (400000 3400200, 400000 3400100)"]))
    >>> after = split_reach(build_network(lines), "R", along_m=30.0)
    >>> follow_places(pd.DataFrame({"reach_id": ["R", "R"], "along_m": [10.0, 70.0]}), after.edits).values.tolist()
    [['R.1', 10.0], ['R.2', 40.0]]
    """
    reach = places["reach_id"].to_numpy(dtype=object).copy()
    along = places["along_m"].to_numpy(float).copy()
    for kind, text in zip(edits["kind"], edits["parameters"], strict=True):
        said = json.loads(str(text))
        here = reach == said["reach_id"]
        if kind == "split":
            second = here & (along > said["along_m"])
            reach[here], reach[second] = said["new_ids"][0], said["new_ids"][1]
            along[second] -= said["along_m"]
        elif kind == "reverse":
            along[here] = said["length_m"] - along[here]
        elif kind == "remove":
            reach[here], along[here] = None, np.nan
    new = pd.Series(reach, index=places.index).astype(places["reach_id"].dtype)
    return places.assign(reach_id=new, along_m=along)
