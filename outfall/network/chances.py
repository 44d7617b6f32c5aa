"""How probable it is that water of each reach comes to a place, where directions, states or the place are uncertain."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from outfall.errors import NetworkError, Problem
from outfall.network.lanes import Worlds, draw_worlds, find_lanes
from outfall.network.states import open_shares
from outfall.network.worlds import WORLDS
from outfall.vocabulary import plain

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from outfall.network.graph import Network

__all__ = ["upstream_probability"]

_BOTH_KINDS = ("tidal", "lake", "coast")
_BOTH_WORDS = ("bi", "both", "bidirectional", "双向", "往复")
_ROWS = 4096


def upstream_probability(network: Network, places: pd.DataFrame, *, sweeps: int = 16, seed: int = 0) -> pd.DataFrame:
    """Return every reach whose water may come to each point, with the probability that it does.

    Exact probabilities of this kind cannot be computed for large networks; they are estimated from ``64 * sweeps``
    worlds, in each of which every uncertain direction and state is drawn once, and stated with their standard error.
    The candidate places of a point are weighed, not drawn. Tidal reaches and those a file calls bidirectional run both
    ways in every world; the reaches of an unbranched stretch share one draw, since water runs through it.

    Parameters
    ----------
    network : Network
        With ``forward_share``; `weigh_direction` finds it. States are those of `as_of`, else the column ``state``.
    places : DataFrame, n rows
        Contract ``places``: ``point_id``, ``reach_id``, ``place_share``; several rows per point are its candidates.
        The answer of `locate`.
    sweeps : int, default 16
        1,024 worlds: a standard error of at most 0.016.
    seed : int, default 0
        Seed of the draws.

    Returns
    -------
    DataFrame
        ``point_id``, ``reach_id``, ``upstream_share``, ``sigma_share`` (standard error; 0 where nothing uncertain is
        on the way), in the order of the points, the most probable first. Shares count the place too: a point that is
        on a reach with 0.8 gives no reach more than 0.8 by it.

    Raises
    ------
    NetworkError
        A reach is not in the network, a share is not one, or there is no sweep.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from outfall.network import build_network
    >>> lines = gpd.GeoDataFrame({"reach_id": ["upper", "lower"], "forward_share": [0.7, 1.0]}, crs=32650,
    ...     geometry=gpd.GeoSeries.from_wkt(["LINESTRING (400000 3400200, 400000 3400100)",
    ...     "LINESTRING (400000 3400100, 400000 3400000)"]))
    >>> places = pd.DataFrame({"point_id": ["P"], "reach_id": ["lower"], "place_share": [0.9]})
    >>> upstream_probability(build_network(lines), places, seed=1).round(2)
      point_id reach_id  upstream_share  sigma_share
    0        P    lower            0.90         0.00
    1        P    upper            0.63         0.01
    """
    _check(places, sweeps)
    names = network.reaches["reach_id"].to_numpy(dtype=object)
    worlds = draw_worlds(network.arrays, names, _both(network), open_shares(network), sweeps=sweeps, seed=seed)
    places = places.assign(row=network.position(places["reach_id"]))
    rows = np.unique(places["row"].to_numpy(dtype=np.int64))
    found = dict(zip(rows.tolist(), find_lanes(network.arrays, worlds, rows), strict=True))
    parts = [
        _weigh_places(str(point), mine, found, worlds, names)
        for point, mine in places.groupby("point_id", sort=False)[["row", "place_share"]]
    ]
    if not parts:
        blank = {"point_id": "str", "reach_id": "str", "upstream_share": "float64", "sigma_share": "float64"}
        return pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in blank.items()})
    return pd.concat(parts, ignore_index=True)


def _weigh_places(
    point: str,
    mine: pd.DataFrame,
    found: dict[int, tuple[NDArray[np.int64], NDArray[np.uint64]]],
    worlds: Worlds,
    names: NDArray[np.object_],
) -> pd.DataFrame:
    """Return the reaches upstream of one point over its candidate places."""
    weight = mine.groupby("row")["place_share"].sum()
    some = {row: found[int(row)] for row in weight.index}
    rows = np.unique(np.concatenate([reached for reached, _ in some.values()]))
    share, sigma = np.zeros(len(rows)), np.zeros(len(rows))
    for low in range(0, len(rows), _ROWS):
        chunk = rows[low : low + _ROWS]
        count = (worlds.forward.shape[1] - 1) * WORLDS
        total, doubt = np.zeros((len(chunk), count)), np.zeros(len(chunk))
        for row, (reached, lanes) in some.items():
            at = np.searchsorted(chunk, reached)
            inside = (at < len(chunk)) & (chunk[np.minimum(at, len(chunk) - 1)] == reached)
            bits = np.ascontiguousarray(lanes[inside, :-1]).view(np.uint8)
            total[at[inside]] += weight[row] * np.unpackbits(bits, axis=1, bitorder="little")
            doubt[at[inside]] += weight[row] * (lanes[inside, -1] == 0)
        share[low : low + _ROWS] = total.mean(axis=1)
        least = doubt * np.sqrt(1.0 / (count + 2.0) / count)  # no world against it is not the same as certain
        sigma[low : low + _ROWS] = np.where(doubt > 0, np.maximum(total.std(axis=1) / np.sqrt(count), least), 0.0)
    out = pd.DataFrame(
        {"point_id": point, "reach_id": names[rows].astype(str), "upstream_share": share, "sigma_share": sigma}
    )
    return out.sort_values(["upstream_share", "reach_id"], ascending=[False, True], kind="stable", ignore_index=True)


def _both(network: Network) -> NDArray[np.bool_]:
    """Return which reaches run both ways in turn, rather than one way nobody knows."""
    reaches = network.reaches
    words = {plain(f"the file says {word}") for word in _BOTH_WORDS}
    said = (
        reaches["forward_reason"].fillna("").astype("str").map(plain).isin(words)
        if "forward_reason" in reaches
        else False
    )
    return np.asarray((reaches["kind"].isin(_BOTH_KINDS) | said) & network.arrays.two_way, dtype=bool)


def _check(places: pd.DataFrame, sweeps: int) -> None:
    problems = []
    lost = [name for name in ("point_id", "reach_id", "place_share") if name not in places.columns]
    problems += [Problem(name, "missing", "give the table of locate(points, network)") for name in lost]
    if not lost:
        share = places["place_share"].astype("float64")
        wrong = places["point_id"][~share.between(0.0, 1.0)]
        if len(wrong):
            fix = "give shares from 0 to 1"
            problems.append(Problem("place_share", "is not a share", fix, tuple(wrong.astype(str))))
    if sweeps < 1:
        problems.append(Problem("sweeps", f"{sweeps!r} draws no world", "give 1 or more"))
    if problems:
        msg = "upstream_probability"
        raise NetworkError(msg, problems)
