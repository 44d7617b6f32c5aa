"""Lines of one role into pieces that share nodes: ends joined, middles cut, no circle made, every decision recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from outfall.network.circles import without_circles
from outfall.network.cut import cut_lines, ending_at, find_midline_joins, record_cuts
from outfall.network.join import Atoms, Ends, find_atoms, make_ends
from outfall.network.seams import Seams, find_seams, record_seams

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from outfall.network.overrides import Overrides
    from outfall.network.record import Record

__all__ = ["knit_lines"]


def knit_lines(
    lines: gpd.GeoDataFrame,
    record: Record,
    overrides: Overrides,
    *,
    about: str,
    tolerance_m: float,
    is_cutting: bool = True,
    structures: gpd.GeoDataFrame | None = None,
) -> tuple[gpd.GeoDataFrame, Ends]:
    """Return the pieces of lines and their nodes.

    Parameters
    ----------
    lines : GeoDataFrame, n rows, metric CRS
        Clean lines.
    record : Record
        Decisions are added to it.
    overrides : Overrides
        What the user decided.
    about : str
        ``"rivers"`` or ``"pipes"``.
    tolerance_m : float, metres
        Largest gap between ends that are one node.
    is_cutting : bool, default True
        Whether a line is cut where another ends on its middle.
    structures : GeoDataFrame, optional
        Points of manholes and chambers.

    Returns
    -------
    lines : GeoDataFrame
        Pieces in the place of the lines they were.
    ends : Ends
        Their nodes.
    """
    lines = overrides.cut(lines, record, about=about, tolerance_m=tolerance_m)
    atoms = find_atoms(lines, record, about=about, tolerance_m=tolerance_m)
    seams = find_seams(lines, atoms, overrides, about=about, tolerance_m=tolerance_m, structures=structures)
    ends = make_ends(atoms, seams.joined)
    found = find_midline_joins(lines, ends, record, about=about, tolerance_m=tolerance_m)
    cuts = found.assign(end=_ends_at(ends, atoms)[found["node"]], why="")
    cuts = _held(cuts if is_cutting else cuts[:0], lines, ends, overrides, about)
    cuts, apart = cuts[cuts["why"] == ""].reset_index(drop=True), cuts[cuts["why"] != ""]
    joined, cuts = without_circles(atoms, seams.joined, cuts)
    lost = joined[~joined["is_kept"]].assign(why="loop").drop(columns="is_kept")
    refused = pd.concat([seams.refused, lost], ignore_index=True)
    seams = Seams(joined[joined["is_kept"]].drop(columns="is_kept"), refused, seams.mark)
    ends = make_ends(atoms, seams.joined)
    node = np.concatenate([ends.from_node, ends.to_node])
    cuts = pd.concat([cuts.assign(why=np.where(cuts["is_kept"], "", "loop")), apart], ignore_index=True)
    cuts = cuts.assign(node=node[cuts["end"].to_numpy(dtype=np.int64)])
    record_seams(lines, atoms, ends, seams, record, about=about)
    record_cuts(cuts, lines, ends, record, about=about)
    ends = _named(ends, node, seams.mark, structures)
    return cut_lines(lines, ends, cuts.loc[cuts["why"] == "", ["line", "at_m", "node"]])


def _ends_at(ends: Ends, atoms: Atoms) -> NDArray[np.int64]:
    """Return one end of each node that lies where the node does."""
    node = np.concatenate([ends.from_node, ends.to_node])
    there = np.flatnonzero((atoms.place == ends.place[node]).all(axis=1))
    out = np.empty(len(ends.place), dtype=np.int64)
    out[node[there]] = there
    return out


def _held(cuts: pd.DataFrame, lines: gpd.GeoDataFrame, ends: Ends, overrides: Overrides, about: str) -> pd.DataFrame:
    """Return cuts, with those marked that the user forbids."""
    if not overrides.of("apart", about) or not len(cuts):
        return cuts
    ids = lines["line_id"].to_numpy(dtype=object)
    meets = ending_at(cuts["node"], ids, ends)
    places = ends.place[cuts["node"].to_numpy()]
    held = [
        overrides.held_cut(set(names), str(ids[line]), place, about=about)
        for names, line, place in zip(meets, cuts["line"].tolist(), places, strict=True)
    ]
    return cuts.assign(why=np.where(held, "apart", ""))


def _named(ends: Ends, node: NDArray[np.int64], mark: NDArray[np.int64], structures: gpd.GeoDataFrame | None) -> Ends:
    """Return ends whose nodes are called like the structures they lie at, where the file gives no id."""
    if structures is None or not (mark >= 0).any():
        return ends
    at = np.full(len(ends.place), -1, dtype=np.int64)
    np.maximum.at(at, node, mark)
    known = np.array([number >= 0 and name is None for number, name in zip(at.tolist(), ends.key, strict=True)])
    ids = structures["node_id"].to_numpy(dtype=object)
    key = ends.key.copy()
    for row in np.flatnonzero(known):
        key[row] = str(ids[at[row]])
    taken = pd.Series(key)
    key[(taken.notna() & taken.duplicated(keep="first")).to_numpy() & known] = None
    return Ends(ends.from_node, ends.to_node, ends.place, key)
