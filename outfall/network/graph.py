"""What lies upstream, downstream and between: rivers and pipes as one directed network."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from outfall.network.arrays import Arrays, find_path, walk_down
from outfall.network.cuts import keep_reaches
from outfall.network.edits_log import no_edits
from outfall.network.index import Index, list_upstream, make_index
from outfall.network.inflows import sum_column
from outfall.network.parts import number_loops, number_pieces
from outfall.network.sketch import describe_network, make_networkx, sketch_network
from outfall.network.stretch import Lines, find_rows, find_stretches, group_lines
from outfall.network.whole import make_arrays, read_column, refuse_problems
from outfall.tables import empty

if TYPE_CHECKING:
    from collections.abc import Iterable

    import geopandas as gpd
    import networkx as nx
    import pyproj
    from numpy.typing import NDArray

    from outfall.network.accumulate import Rule

__all__ = ["Network"]


@dataclass(frozen=True, eq=False, repr=False)
class Network:
    """Rivers and pipes as one: reaches that run from node to node, in one metric CRS.

    Made by `read_network` or `build_network`; made again from its tables by ``Network(reaches, nodes, issues)``.
    A ``reach_id`` may also be the user's own ``line_id`` of a line that was cut: it then means the piece at
    ``along_m``, or the last one where no place is given.

    Parameters
    ----------
    reaches : GeoDataFrame, n rows, LineString, metric CRS
        Contract ``reaches``; lines run downstream.
    nodes : GeoDataFrame, m rows, Point, same CRS
        Contract ``nodes``; every ``from_node`` and ``to_node`` is in it.
    issues : GeoDataFrame, optional
        Contract ``issues``: every decision of the builder, with the user's ids.
    edits : DataFrame, optional
        What was changed by hand since it was built, as `outfall.network.edits` writes it.

    Raises
    ------
    NetworkError
        A CRS is missing or not metric, an id stands twice, or a reach names a node that is not there.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from outfall.network import build_network
    >>> lines = gpd.GeoDataFrame({"reach_id": ["upper", "lower"]}, crs=32650, geometry=gpd.GeoSeries.from_wkt(
    ...     ["LINESTRING (400000 3400200, 400000 3400100)", "LINESTRING (400000 3400100, 400000 3400000)"]))
    >>> network = build_network(lines)
    >>> network
    Network: 2 reaches (2 river), 0.2 km, 3 nodes, 1 mouth, 1 piece, 0 loops, EPSG:32650
    >>> network.upstream("lower"), network.downstream("lower")
    (['lower', 'upper'], ['lower'])
    """

    reaches: gpd.GeoDataFrame
    nodes: gpd.GeoDataFrame
    issues: gpd.GeoDataFrame | None = None
    edits: pd.DataFrame | None = None

    def __post_init__(self) -> None:
        if self.issues is None:
            object.__setattr__(self, "issues", empty("issues", crs=self.reaches.crs))
        if self.edits is None:
            object.__setattr__(self, "edits", no_edits())
        refuse_problems(self.reaches, self.nodes)

    @property
    def crs(self) -> pyproj.CRS:
        """The metric CRS of every table of the network."""
        return self.reaches.crs

    @cached_property
    def arrays(self) -> Arrays:
        """The network as integer arrays; positions are rows of ``reaches`` and ``nodes``."""
        return make_arrays(self.reaches, self.nodes)

    def position(self, reach_ids: Iterable[str]) -> NDArray[np.int64]:
        """Return the row of each reach.

        Parameters
        ----------
        reach_ids : iterable of str
            Reach ids, or line ids of lines that were cut (their last piece).

        Returns
        -------
        ndarray of int
            Rows of ``reaches``.

        Raises
        ------
        NetworkError
            An id is not in the network.
        """
        return find_rows(self._rows, self._lines, [str(item) for item in reach_ids])

    def find_places(
        self, reach_ids: Iterable[str], along_m: Iterable[float]
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the row of the reach at each place along reaches or lines, and the place along that reach.

        Parameters
        ----------
        reach_ids : iterable of str, n values
            Reaches, or lines that were cut.
        along_m : iterable of float, metres, n values
            From the upstream end of the reach or line; up to 2 % beyond its end counts as its end.

        Returns
        -------
        rows, along_m : ndarray
            Rows of ``reaches``, and metres from the upstream end of that reach.

        Raises
        ------
        NetworkError
            An id is not in the network, or a place is not on its reach.
        """
        ids, along = [str(item) for item in reach_ids], np.asarray(list(along_m), dtype=float)
        return find_stretches(self._rows, self._lines, self.arrays.length_m, ids, along)

    def upstream(self, reach_id: str, *, along_m: float | None = None) -> list[str]:
        """Return the ids of a reach and of every reach whose water can come to it, nearest first.

        Parameters
        ----------
        reach_id : str
            A reach, or a line that was cut.
        along_m : float, metres, optional
            Place on it from its upstream end, which tells the piece of a cut line.

        Returns
        -------
        list of str
            The reach itself is first.

        Raises
        ------
        NetworkError
            The id is not in the network, or the place is not on the reach.
        """
        return self._ids(list_upstream(self._index, self._find(reach_id, along_m)))

    def downstream(self, reach_id: str, *, along_m: float | None = None) -> list[str]:
        """Return the ids of a reach and of every reach its water can come to, nearest first.

        Parameters
        ----------
        reach_id, along_m
            As for `upstream`.

        Returns
        -------
        list of str
            The reach itself is first.
        """
        return self._ids(walk_down(self.arrays, self._find(reach_id, along_m)))

    def path(self, from_reach_id: str, to_reach_id: str) -> list[str]:
        """Return the ids along the shortest way water can take between two reaches, in flow order.

        Parameters
        ----------
        from_reach_id, to_reach_id : str
            Upstream and downstream reach; both are part of the path.

        Returns
        -------
        list of str
            Empty where water cannot come from one to the other.
        """
        start, goal = self.position([from_reach_id, to_reach_id]).tolist()
        return self._ids(np.asarray(find_path(self.arrays, start, goal), dtype=np.int64))

    def mouths(self) -> gpd.GeoDataFrame:
        """Return the nodes that have something above them and nothing below.

        Returns
        -------
        GeoDataFrame
            Rows of ``nodes``.
        """
        return self.nodes[self.arrays.is_mouth]

    def accumulate(
        self, column: str | pd.Series, *, rule: Rule = "total", inflows: pd.DataFrame | None = None
    ) -> pd.Series:
        """Return the sum of a column over each reach and what is upstream of it.

        Parameters
        ----------
        column : str or Series
            Column of ``reaches``, or numbers indexed by reach id. A missing number adds nothing.
        rule : {"total", "main", "apportioned"}, default "total"
            ``total``: everything that can come to the reach, each reach once. ``main``: a divergence gives all to its
            main path. ``apportioned``: a divergence splits by ``fraction_share``; reaches without one share the rest.
        inflows : DataFrame, optional
            What enters from beyond the file, as `outfall.network.boundary_inflows` finds it; nothing by default.

        Returns
        -------
        Series of float, indexed by reach_id
            In the unit of the column; ``attrs["missing"]`` counts the reaches without a number.

        Raises
        ------
        NetworkError
            There is no such column or rule, or nothing to sum.
        """
        return sum_column(self, column, rule=rule, inflows=inflows, index=self._index)

    def subset(self, reach_ids: Iterable[str]) -> Network:
        """Return the network of some reaches; where it was cut off, nodes become ``boundary``.

        Parameters
        ----------
        reach_ids : iterable of str
            The reaches to keep.

        Returns
        -------
        Network
            In the order of this one, with the issues that name a kept line, and one where water entered from the rest.
        """
        return Network(*keep_reaches(self, self.position(reach_ids)), self.edits)

    def pieces(self) -> pd.Series:
        """Return the number of the connected piece each reach lies in; 1 is the longest.

        Returns
        -------
        Series of int, indexed by reach_id
            Pieces are joined in no way at all.
        """
        return number_pieces(self.reaches, self.arrays)

    def loops(self) -> pd.DataFrame:
        """Return the reaches from which water could come back to where it was.

        Returns
        -------
        DataFrame
            ``loop`` (number), ``reach_id``, ``is_two_way``; a stretch of two-way reaches is a loop too.
        """
        return number_loops(self.reaches, self.arrays)

    def to_networkx(self) -> nx.MultiDiGraph:
        """Return the network for networkx users: nodes by node_id, edges by reach_id.

        Returns
        -------
        MultiDiGraph
            A two-way reach is there twice; the edge against the line has ``is_reverse=True``.
        """
        return make_networkx(self.reaches, self.nodes, self.arrays.two_way)

    def __repr__(self) -> str:
        """Return counts and units on one line."""
        return describe_network(self)

    def _repr_html_(self) -> str:
        return sketch_network(self)

    @cached_property
    def _rows(self) -> pd.Index:
        return pd.Index(self.reaches["reach_id"].astype("object"), name="reach_id")

    @cached_property
    def _index(self) -> Index:
        return make_index(self.arrays, read_column(self.reaches, "fraction_share"))

    @cached_property
    def _lines(self) -> Lines:
        return group_lines(self.reaches)

    def _ids(self, rows: NDArray[np.integer]) -> list[str]:
        return [str(item) for item in self._rows[rows]]

    def _find(self, reach_id: str, along_m: float | None) -> int:
        if along_m is None:
            return int(self.position([reach_id])[0])
        return int(self.find_places([reach_id], [along_m])[0][0])
