"""Which of the reaches that leave one node carries the main path, decided in the open."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from outfall.network.arrays import Arrays
from outfall.network.index import make_index, sum_split

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from outfall.network.record import Record

__all__ = ["choose_main"]

_MINOR = 2  # NHDPlus: Divergence = 2 leaves by the minor path


def choose_main(
    reaches: gpd.GeoDataFrame,
    from_node: NDArray[np.int64],
    to_node: NDArray[np.int64],
    place: NDArray[np.float64],
    record: Record,
) -> pd.Series:
    """Return whether each reach is the main path out of its node; one reach per node is.

    What decides, in this order: a column ``is_main``, a divergence attribute, the name of what comes in, the larger
    ``fraction_share``, the larger river at the far end (metres of network above it), the longer reach, the smaller id.

    Parameters
    ----------
    reaches : GeoDataFrame, n rows
        Reaches with ``line_id``, ``name``, ``length_m``, ``is_main``, ``divergence``, ``fraction_share``.
    from_node, to_node : ndarray of int, n values
        Their nodes.
    place : ndarray of float, m rows of (east, north)
        Where the nodes are.
    record : Record
        One row per divergence is added to it.

    Returns
    -------
    Series of bool
        A reach marked minor stays minor even where nothing else leaves its node.
    """
    count = len(reaches)
    given = reaches["is_main"].astype("boolean")
    attribute = reaches["divergence"].map({1.0: 1.0, float(_MINOR): -1.0}).fillna(0.0).to_numpy(float)
    marked = given.map({True: 1.0, False: -1.0}).astype("float64").fillna(0.0).to_numpy(float)
    minor = (marked < 0) | ((marked == 0) & (attribute < 0))
    out = np.bincount(from_node, minlength=len(place))
    keys = {
        "is_main": marked,
        "divergence attribute": attribute,
        "name": _carries_name(reaches, from_node, to_node, out),
        "fraction": reaches["fraction_share"].fillna(-1.0).to_numpy(float),
        "upstream length at the far end": _far_size(reaches, from_node, to_node, len(place), out),
        "length": reaches["length_m"].to_numpy(float),
    }
    ids = pd.factorize(reaches["reach_id"], sort=True)[0]
    order = np.lexsort((ids, *(-key for key in reversed(list(keys.values()))), from_node))
    first = np.ones(count, dtype=bool)
    first[1:] = from_node[order][1:] != from_node[order][:-1]
    is_main = np.zeros(count, dtype=bool)
    is_main[order[first]] = True
    _record_choices(reaches, from_node, place, keys, order, first, record)
    return pd.Series(is_main & ~minor, index=reaches.index, dtype="boolean")


def _carries_name(
    reaches: gpd.GeoDataFrame, from_node: NDArray[np.int64], to_node: NDArray[np.int64], out: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return 1 where a reach has the name of a reach that ends where it begins."""
    at = np.flatnonzero(out[from_node] > 1)
    names = reaches["name"].to_numpy(dtype=object)
    coming = {(node, name) for node, name in zip(to_node.tolist(), names, strict=True) if isinstance(name, str)}
    found = np.zeros(len(reaches))
    found[at] = [float((int(from_node[row]), names[row]) in coming) for row in at]
    return found


def _far_size(
    reaches: gpd.GeoDataFrame,
    from_node: NDArray[np.int64],
    to_node: NDArray[np.int64],
    count: int,
    out: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Return the metres of network above the far end of each reach, where every divergence splits in equal parts."""
    if not len(reaches) or out.max(initial=0) < 2:
        return np.zeros(len(reaches))
    length = reaches["length_m"].to_numpy(float)
    share = np.ones(len(reaches))
    arrays = Arrays(
        count, from_node.astype(np.int32), to_node.astype(np.int32), length, share, np.zeros(len(share), np.int32)
    )
    split = sum_split(make_index(arrays, np.full(len(share), np.nan)), length)
    return np.asarray(np.round(np.bincount(to_node, weights=split, minlength=count)[to_node], 3))


def _record_choices(
    reaches: gpd.GeoDataFrame,
    from_node: NDArray[np.int64],
    place: NDArray[np.float64],
    keys: dict[str, NDArray[np.float64]],
    order: NDArray[np.int64],
    first: NDArray[np.bool_],
    record: Record,
) -> None:
    ids = reaches["reach_id"].to_numpy(dtype=object)
    begin = np.flatnonzero(first)
    stop = np.append(begin[1:], len(order))
    for low, high in zip(begin[stop - begin > 1].tolist(), stop[stop - begin > 1].tolist(), strict=True):
        rows = order[low:high]
        why = next((name for name, key in keys.items() if key[rows[0]] > key[rows[1]]), "id")
        names = [str(ids[row]) for row in rows]
        node = int(from_node[rows[0]])
        record.add(
            "divergence",
            names,
            (
                f"{len(names)} reaches leave one node: {', '.join(names)}",
                f"同一节点有 {len(names)} 条下游:{', '.join(names)}",
            ),
            decision=f"{names[0]} is the main path, by {why}",
            at=(float(place[node, 0]), float(place[node, 1])),
        )
