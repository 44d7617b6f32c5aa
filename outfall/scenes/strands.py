"""Which reaches run on into each other: strands of water along which a plume may drift, from one meeting to the next.

A river is cut into reaches wherever a pipe enters it; what a satellite sees does not end there. A strand goes on through
every node where one reach of water comes in and one goes out, and ends at meetings, partings, culverts and ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from outfall.scenes.corridor import WATER_KINDS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from outfall.network import Network

__all__ = ["UNKNOWN_WIDTH_M", "Strands", "find_strands"]

UNKNOWN_WIDTH_M = 60.0  # our default, as in the corridor


class Strands(NamedTuple):
    """Strands of a network; arrays by row of its reaches.

    Parameters
    ----------
    number : int array
        Strand of each reach; -1 for pipes, culverts and other reaches that are not seen from above.
    begin_m : float array
        From the upstream end of the strand to the upstream end of the reach.
    length_m : float array, one per strand
        Whole length.
    is_meeting : bool array, strands x 2
        Whether other water meets or parts at its upstream and at its downstream end.
    is_two_way : bool array, one per strand
        Whether any of its reaches is tidal or may run either way.
    width_m : float array
        Of each reach; 60 m where nobody knows it.
    """

    number: NDArray[np.int64]
    begin_m: NDArray[np.float64]
    length_m: NDArray[np.float64]
    is_meeting: NDArray[np.bool_]
    is_two_way: NDArray[np.bool_]
    width_m: NDArray[np.float64]


def find_strands(network: Network) -> Strands:
    """Return the strands of water of a network.

    Parameters
    ----------
    network : Network
        Rivers and pipes; only rivers, ditches, tidal reaches, lakes and coasts make strands.

    Returns
    -------
    Strands
        Numbered in the order of their first reach.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from outfall.network import build_network
    >>> lines = gpd.GeoDataFrame({"reach_id": ["A", "B"]}, crs=32650, geometry=gpd.GeoSeries.from_wkt(
    ...     ["LINESTRING (500000 3400000, 501000 3400000)", "LINESTRING (501000 3400000, 503000 3400000)"]))
    >>> found = find_strands(build_network(lines))
    >>> found.number.tolist(), found.length_m.round(-2).tolist()
    ([0, 0], [3000.0])
    """
    arrays, kind = network.arrays, network.reaches["kind"]
    seen = np.flatnonzero(kind.isin(WATER_KINDS).to_numpy(dtype=bool))
    comes = np.bincount(arrays.to_node[seen], minlength=arrays.node_count)
    goes = np.bincount(arrays.from_node[seen], minlength=arrays.node_count)
    runs_on = (comes == 1) & (goes == 1)
    after = np.full(len(kind), -1)
    leaves = np.full(arrays.node_count, -1)
    leaves[arrays.from_node[seen]] = seen
    joined = seen[runs_on[arrays.to_node[seen]]]
    after[joined] = leaves[arrays.to_node[joined]]
    number, begin_m = np.full(len(kind), -1), np.zeros(len(kind))
    heads = [int(row) for row in seen if not runs_on[arrays.from_node[row]]]
    chains = _chains(heads, after, number)
    circles = _chains([int(row) for row in seen], after, number, first=len(chains))  # what is left runs in circles
    chains += circles
    for chain in chains:
        begin_m[chain] = np.r_[0.0, np.cumsum(arrays.length_m[chain])[:-1]]
    tidal = arrays.two_way | (kind == "tidal").to_numpy(dtype=bool)
    ends = [(chain[0], chain[-1]) for chain in chains]
    meets = [(comes[arrays.from_node[up]] + goes[arrays.from_node[up]] > 1,
              comes[arrays.to_node[low]] + goes[arrays.to_node[low]] > 1) for up, low in ends]  # fmt: skip
    return Strands(
        number,
        begin_m,
        np.array([arrays.length_m[chain].sum() for chain in chains], dtype=float),
        np.array(meets, dtype=bool).reshape(-1, 2),
        np.array([bool(tidal[chain].any()) for chain in chains], dtype=bool),
        _widths_m(network),
    )


def _chains(
    starts: list[int], after: NDArray[np.int64], number: NDArray[np.int64], *, first: int = 0
) -> list[list[int]]:
    """Return the reaches that follow each other from each start; writes the number of each chain."""
    chains: list[list[int]] = []
    for start in starts:
        chain, here = [], start
        while here >= 0 and number[here] < 0:
            number[here] = first + len(chains)
            chain.append(here)
            here = int(after[here])
        if chain:
            chains.append(chain)
    return chains


def _widths_m(network: Network) -> NDArray[np.float64]:
    if "width_m" not in network.reaches:
        return np.full(len(network.reaches), UNKNOWN_WIDTH_M)
    widths = network.reaches["width_m"].astype("float64").to_numpy()
    return np.where(widths > 0, widths, UNKNOWN_WIDTH_M)
