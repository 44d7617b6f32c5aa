"""Many questions at once: all upstream sets, any upstream total, is this above that, by intervals instead of walks."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from outfall.errors import NetworkError, Problem
from outfall.network.accumulate import pick_values
from outfall.network.index import add_up, sum_rows
from outfall.network.ragged import gather

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from outfall.network.arrays import Ints, Reals
    from outfall.network.graph import Network
    from outfall.network.index import Index

__all__ = ["UpstreamSets", "compare_rows", "find_upstream", "is_upstream", "sum_upstream", "take_sets"]

_SUMS: weakref.WeakKeyDictionary[Network, dict[str, Reals]] = weakref.WeakKeyDictionary()


@dataclass(frozen=True, eq=False)
class UpstreamSets:
    """Reaches upstream of each of many reaches, as intervals of one sequence; made by `find_upstream`.

    Parameters
    ----------
    sequence : ndarray of int32
        Rows of ``reaches``.
    start : ndarray of int64, n + 1 values
        Intervals of set i are ``first[start[i]:start[i + 1]]`` and ``end`` likewise.
    first, end : ndarray of int64
        Each interval is ``sequence[first:end]``.
    """

    sequence: Ints
    start: NDArray[np.int64]
    first: NDArray[np.int64]
    end: NDArray[np.int64]

    def __len__(self) -> int:
        """Return how many sets there are."""
        return len(self.start) - 1

    def __getitem__(self, number: int) -> Ints:
        """Return the rows of one set; a view that costs nothing where it is one interval."""
        at = range(int(self.start[number]), int(self.start[number + 1]))
        parts = [self.sequence[self.first[one] : self.end[one]] for one in at]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def count(self) -> NDArray[np.int64]:
        """Return how many reaches each set has."""
        sums = np.concatenate([[0], np.cumsum(self.end - self.first)])
        return np.asarray(sums[self.start[1:]] - sums[self.start[:-1]], dtype=np.int64)

    def flatten(self) -> tuple[NDArray[np.int64], Ints]:
        """Return all sets one after another.

        Returns
        -------
        indptr : ndarray of int64, n + 1 values
            Set i is ``rows[indptr[i]:indptr[i + 1]]``.
        rows : ndarray of int32
            Rows of ``reaches``.
        """
        indptr = np.concatenate([[0], np.cumsum(self.count())])
        size = self.end - self.first
        shift = self.first - (np.cumsum(size) - size)
        return indptr, self.sequence[np.arange(indptr[-1]) + np.repeat(shift, size)]


def find_upstream(network: Network, reach_ids: Iterable[str]) -> UpstreamSets:
    """Return the sets of all reaches whose water can come to each of many reaches, itself included.

    Parameters
    ----------
    network : Network
        Its loops and two-way reaches count as what they are.
    reach_ids : iterable of str
        Reaches, or lines that were cut.

    Returns
    -------
    UpstreamSets
        In the order asked for; ``sets[i]`` are rows of ``network.reaches``, in no order of distance.

    Raises
    ------
    NetworkError
        An id is not in the network.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from outfall.network import build_network
    >>> lines = gpd.GeoDataFrame({"reach_id": ["upper", "lower"]}, crs=32650, geometry=gpd.GeoSeries.from_wkt(
    ...     ["LINESTRING (400000 3400200, 400000 3400100)", "LINESTRING (400000 3400100, 400000 3400000)"]))
    >>> network = build_network(lines)
    >>> sets = find_upstream(network, ["lower", "upper"])
    >>> [network.reaches["reach_id"].iloc[rows].tolist() for rows in sets]
    [['lower', 'upper'], ['upper']]
    """
    return take_sets(_index_of(network), network.position(reach_ids))


def sum_upstream(
    network: Network, columns: str | Sequence[str], *, reach_ids: Iterable[str] | None = None
) -> pd.DataFrame:
    """Return the sum of columns over everything upstream of many reaches, each upstream reach counted once.

    The first call for a column adds it up along the network; every further one costs a few look-ups per reach.

    Parameters
    ----------
    network : Network
        Where they lie.
    columns : str or sequence of str
        Columns of ``reaches`` with numbers; a missing number adds nothing.
    reach_ids : iterable of str, optional
        Reaches asked for; all by default.

    Returns
    -------
    DataFrame
        One row per reach asked for, indexed by ``reach_id``, in the units of the columns.

    Raises
    ------
    NetworkError
        An id or a column is not in the network.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from outfall.network import build_network
    >>> lines = gpd.GeoDataFrame({"reach_id": ["upper", "lower"], "permits": [2, 1]}, crs=32650,
    ...     geometry=gpd.GeoSeries.from_wkt(["LINESTRING (400000 3400200, 400000 3400100)",
    ...                                      "LINESTRING (400000 3400100, 400000 3400000)"]))
    >>> sum_upstream(build_network(lines), "permits")["permits"].to_dict()
    {'upper': 2.0, 'lower': 3.0}
    """
    names = [columns] if isinstance(columns, str) else list(columns)
    index = _index_of(network)
    if reach_ids is None:
        rows, ids = np.arange(len(network.reaches)), network.reaches["reach_id"].to_numpy(dtype=object)
    else:
        ids = np.asarray([str(one) for one in reach_ids], dtype=object)
        rows = network.position(ids)
    held = _SUMS.setdefault(network, {})
    for name in names:
        if name not in held:
            held[name] = add_up(index, pick_values(network.reaches, name).fillna(0.0).to_numpy(float))
    found = {name: sum_rows(index, held[name], rows) for name in names}
    return pd.DataFrame(found, index=pd.Index(ids, name="reach_id"))


def is_upstream(network: Network, reach_ids: Iterable[str], of_reach_ids: Iterable[str]) -> NDArray[np.bool_]:
    """Return, pair by pair, whether water of one reach can come to another; of a reach to itself it does.

    Parameters
    ----------
    network : Network
        Where they lie.
    reach_ids : iterable of str, n values
        Reaches that may be upstream.
    of_reach_ids : iterable of str, n values
        Reaches that may be downstream.

    Returns
    -------
    ndarray of bool, n values
        A million pairs take well under a second.

    Raises
    ------
    NetworkError
        An id is not in the network, or there are not as many of one as of the other.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from outfall.network import build_network
    >>> lines = gpd.GeoDataFrame({"reach_id": ["upper", "lower"]}, crs=32650, geometry=gpd.GeoSeries.from_wkt(
    ...     ["LINESTRING (400000 3400200, 400000 3400100)", "LINESTRING (400000 3400100, 400000 3400000)"]))
    >>> is_upstream(build_network(lines), ["upper", "lower"], ["lower", "upper"]).tolist()
    [True, False]
    """
    above, below = network.position(reach_ids), network.position(of_reach_ids)
    if len(above) != len(below):
        what = f"{len(above):,} reaches cannot be paired with {len(below):,}"
        raise NetworkError("is_upstream", [Problem("of_reach_ids", what, "give one for each")])
    return compare_rows(_index_of(network), above, below)


def compare_rows(index: Index, above: NDArray[np.integer], below: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Return, pair by pair, whether a reach is upstream of another or the same.

    Parameters
    ----------
    index : Index
        Of the network.
    above, below : ndarray of int, n values
        Rows of the reaches.

    Returns
    -------
    ndarray of bool, n values
        One per pair.
    """
    at = index.position[above]
    found = (at >= index.first[below]) & (at < index.end[below])
    if len(index.extra_start):
        row, one = gather(index.extra_start, below)
        found[row[(at[row] >= index.extra_first[one]) & (at[row] < index.extra_end[one])]] = True
    if len(index.exploded):
        some = np.flatnonzero(index.exploded[below])
        if len(some):
            found[some] = index.sweep.compare(above[some], below[some])
    return np.asarray(found | (above == below), dtype=bool)


def take_sets(index: Index, rows: NDArray[np.integer]) -> UpstreamSets:
    """Return the upstream sets of reaches by their rows.

    Parameters
    ----------
    index : Index
        Of the network.
    rows : ndarray of int, n values
        Reaches asked for.

    Returns
    -------
    UpstreamSets
        In the order asked for.
    """
    size = index.count_extras(rows) + 1
    start = np.concatenate([[0], np.cumsum(size)])
    first, end = np.empty(start[-1], dtype=np.int64), np.empty(start[-1], dtype=np.int64)
    first[start[:-1]], end[start[:-1]] = index.first[rows], index.end[rows]
    if len(index.extra_start):
        row, at = gather(index.extra_start, rows)
        to = np.arange(len(row)) + row + 1
        first[to], end[to] = index.extra_first[at], index.extra_end[at]
    sequence = index.sequence
    some = np.flatnonzero(index.exploded[rows]) if len(index.exploded) else np.zeros(0, dtype=np.int64)
    if len(some):  # their sets are written out behind the sequence
        which, reach = index.sweep.find_sets(rows[some])
        bounds = len(sequence) + np.searchsorted(which, np.arange(len(some) + 1))
        first[start[some]], end[start[some]] = bounds[:-1], bounds[1:]
        sequence = np.concatenate([sequence, reach.astype(np.int32)])
    return UpstreamSets(sequence, start, first, end)


def _index_of(network: Network) -> Index:
    return network._index  # noqa: SLF001 - floor-mates in one package
