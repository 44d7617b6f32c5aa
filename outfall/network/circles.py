"""Which joins over a gap would make water run in a circle that the lines themselves do not make: they are not made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from outfall.network.join import make_ends
from outfall.network.seams import TOUCH_M

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from outfall.network.join import Atoms

__all__ = ["without_circles"]


@dataclass(frozen=True, eq=False)
class _Pieces:
    """Where the pieces of cut lines begin and end, and what evidence each of those ends has for its node."""

    tail: NDArray[np.int64]
    head: NDArray[np.int64]
    tail_label: NDArray[np.int64]
    head_label: NDArray[np.int64]


def without_circles(atoms: Atoms, seams: pd.DataFrame, cuts: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the joins that can stay, those over the widest gaps going first until no circle needs a tolerance.

    What touches, what shares a structure and what the user joins stays: a circle of such joins is in the data, and is
    reported as a loop.

    Parameters
    ----------
    atoms : Atoms
        Groups of ends that need no tolerance.
    seams : DataFrame
        ``one``, ``other``, ``gap_m``, ``why``.
    cuts : DataFrame
        ``line``, ``at_m``, ``end``, ``gap_m``.

    Returns
    -------
    seams, cuts : DataFrame
        The same rows with ``is_kept``.
    """
    seams = seams.assign(is_kept=True)
    cuts = cuts.sort_values(["line", "at_m"], kind="stable").assign(is_kept=True)
    weak = (seams["why"] == "tolerance").to_numpy()
    loose = (cuts["gap_m"] > TOUCH_M).to_numpy()
    if not weak.any() and not loose.any():
        return seams, cuts.sort_index()
    strong = make_ends(atoms, seams[~weak])
    label = np.concatenate([strong.from_node, strong.to_node])
    while True:
        seam_row, cut_row = _widest(atoms, label, seams, cuts, weak, loose)
        if not len(seam_row) and not len(cut_row):
            return seams, cuts.sort_index()
        kept = seams["is_kept"].to_numpy().copy()
        kept[seam_row] = False
        seams = seams.assign(is_kept=kept)
        kept = cuts["is_kept"].to_numpy().copy()
        kept[cut_row] = False
        cuts = cuts.assign(is_kept=kept)


def _widest(
    atoms: Atoms,
    label: NDArray[np.int64],
    seams: pd.DataFrame,
    cuts: pd.DataFrame,
    weak: NDArray[np.bool_],
    loose: NDArray[np.bool_],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return, for each circle that needs a tolerance, the row of the seam or of the cut with the widest gap."""
    ends = make_ends(atoms, seams[seams["is_kept"]])
    node = np.concatenate([ends.from_node, ends.to_node])
    pieces = _pieces(ends.from_node, ends.to_node, node, label, cuts, loose)
    size = len(ends.place)
    graph = csr_matrix((np.ones(len(pieces.tail), dtype=np.int8), (pieces.tail, pieces.head)), shape=(size, size))
    _, part = connected_components(graph, directed=True, connection="strong")
    inside = part[pieces.tail] == part[pieces.head]
    at = np.concatenate([pieces.tail[inside], pieces.head[inside]])
    evidence = np.unique(
        np.column_stack([at, np.concatenate([pieces.tail_label[inside], pieces.head_label[inside]])]), axis=0
    )
    several = np.bincount(evidence[:, 0], minlength=size) > 1
    row = np.flatnonzero(weak & seams["is_kept"].to_numpy())
    row = row[several[node[seams["one"].to_numpy()[row]]]]
    cut = np.flatnonzero(loose & cuts["is_kept"].to_numpy())
    cut_node = node[cuts["end"].to_numpy()[cut]]
    cut = cut[several[cut_node] & np.isin(-1 - cut, evidence[:, 1])]
    place = np.concatenate([atoms.place[seams["one"].to_numpy()[row]], atoms.place[cuts["end"].to_numpy()[cut]]])
    frame = pd.DataFrame(
        {
            "circle": part[node[np.concatenate([seams["one"].to_numpy()[row], cuts["end"].to_numpy()[cut]])]],
            "gap_m": np.concatenate([seams["gap_m"].to_numpy()[row], cuts["gap_m"].to_numpy()[cut]]),
            "east": place[:, 0],
            "north": place[:, 1],
            "row": np.concatenate([row, cut]),
            "is_cut": np.repeat([False, True], [len(row), len(cut)]),
        }
    )
    frame = frame.sort_values(["gap_m", "east", "north"], ascending=False, kind="stable").drop_duplicates("circle")
    return frame["row"][~frame["is_cut"]].to_numpy(), frame["row"][frame["is_cut"]].to_numpy()


def _pieces(
    from_node: NDArray[np.int64],
    to_node: NDArray[np.int64],
    node: NDArray[np.int64],
    label: NDArray[np.int64],
    cuts: pd.DataFrame,
    loose: NDArray[np.bool_],
) -> _Pieces:
    """Return the pieces that the kept cuts make of the lines; a loose cut has a label of its own below zero."""
    count, kept = len(from_node), cuts["is_kept"].to_numpy()
    line = cuts["line"].to_numpy()[kept]
    end = cuts["end"].to_numpy()[kept]
    own = np.where(loose[kept], -1 - np.flatnonzero(kept), label[end])
    number = np.bincount(line, minlength=count) + 1
    last = np.cumsum(number) - 1
    first = last - number + 1
    is_last = np.zeros(int(number.sum()), dtype=bool)
    is_last[last] = True
    inner = np.flatnonzero(~is_last)
    tail, head = np.empty(int(number.sum()), dtype=np.int64), np.empty(int(number.sum()), dtype=np.int64)
    tail_label, head_label = tail.copy(), head.copy()
    tail[first], head[last] = from_node, to_node
    tail_label[first], head_label[last] = label[:count], label[count:]
    head[inner] = tail[inner + 1] = node[end]
    head_label[inner] = tail_label[inner + 1] = own
    return _Pieces(tail, head, tail_label, head_label)
