"""Which piece of a cut line a place on the user's own line is on."""

from __future__ import annotations

import difflib

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from outfall.errors import NetworkError, Problem

__all__ = ["find_rows", "find_stretches", "group_lines"]

Lines = dict[str, tuple[NDArray[np.int64], NDArray[np.float64]]]

_OVERSHOOT_SHARE = 0.02  # a tape or a wheel reads a little more than the map


def group_lines(reaches: pd.DataFrame) -> Lines:
    """Return the rows and the starts of the pieces of every line, from upstream to downstream.

    Parameters
    ----------
    reaches : DataFrame
        Reaches of a network.

    Returns
    -------
    dict of str to (rows, starts)
        Rows, and metres from the beginning of the line. A piece ``R.2`` that was cut again is a line of its pieces
        ``R.2.1`` and ``R.2.2``. Pieces without a ``start_m``, because they were turned, are in no line of several.
    """
    if "line_id" not in reaches.columns:
        return {}
    frame = pd.DataFrame({"line": reaches["line_id"].to_numpy(dtype=object), "row": np.arange(len(reaches))})
    frame["start"] = reaches["start_m"].to_numpy(float) if "start_m" in reaches.columns else 0.0
    frame = frame[frame["line"].notna()]
    frame = frame[frame["start"].notna() | ~frame["line"].duplicated(keep=False)].fillna({"start": 0.0})
    frame = pd.concat([frame, _cut_again(frame, reaches["reach_id"].to_numpy(dtype=object))])
    frame = frame.sort_values(["line", "start", "row"], kind="stable")
    rows, starts = frame["row"].to_numpy(np.int64), frame["start"].to_numpy(float)
    names, first = np.unique(frame["line"].to_numpy(dtype=object).astype(str), return_index=True)
    stop = np.append(first[1:], len(frame))
    return {name: (rows[a:b], starts[a:b]) for name, a, b in zip(names.tolist(), first, stop, strict=True)}


def find_rows(row_of: pd.Index, lines: Lines, ids: list[str]) -> NDArray[np.int64]:
    """Return the row of each reach; of a line that was cut, that of its last piece.

    Parameters
    ----------
    row_of : Index
        Reach ids of the network.
    lines : dict
        From `group_lines`.
    ids : list of str, n values
        Reach ids, or ids of lines that were cut.

    Returns
    -------
    ndarray of int, n values
        Rows of ``reaches``.

    Raises
    ------
    NetworkError
        An id is not in the network.
    """
    rows = np.asarray(row_of.get_indexer(ids), dtype=np.int64)
    for at in np.flatnonzero(rows < 0):
        pieces = lines.get(ids[at])
        rows[at] = pieces[0][-1] if pieces else -1
    lost = [ids[at] for at in np.flatnonzero(rows < 0)]
    if lost:
        near = difflib.get_close_matches(lost[0], [str(name) for name in row_of[:100_000]], n=1)
        known = f"it has {len(row_of):,} reaches, e.g. {row_of[:3].tolist()}"
        fix = f"did you mean {near[0]!r}?" if near else known
        raise NetworkError("network", [Problem("reach_id", "not in the network", fix, tuple(dict.fromkeys(lost)))])
    return rows


def find_stretches(
    row_of: pd.Index, lines: Lines, length_m: NDArray[np.float64], ids: list[str], along_m: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the row of the reach at each place, and the place along that reach.

    Parameters
    ----------
    row_of : Index
        Reach ids of the network.
    lines : dict
        From `group_lines`.
    length_m : ndarray of float
        Length of each reach.
    ids : list of str, n values
        Reach ids, or ids of lines that were cut.
    along_m : ndarray of float, metres, n values
        From the upstream end of the reach or line. Up to 2 % beyond its end counts as its end.

    Returns
    -------
    rows : ndarray of int
        Rows of ``reaches``.
    along : ndarray of float, metres
        Along the reach.

    Raises
    ------
    NetworkError
        An id is not in the network, or a place is not on its reach.
    """
    known = find_rows(row_of, lines, ids)
    rows, along = row_of.get_indexer(ids).astype(np.int64), np.asarray(along_m, dtype=float).copy()
    for at in np.flatnonzero(rows < 0):
        pieces, starts = lines.get(ids[at], (np.empty(0, dtype=np.int64), np.empty(0)))
        if len(pieces):
            piece = max(0, int(np.searchsorted(starts, along[at], side="right")) - 1)
            rows[at], along[at] = pieces[piece], along[at] - starts[piece]
    limit = np.where(rows >= 0, length_m[rows] if len(length_m) else 0.0, 0.0)
    outside = ~(along >= 0) | (along > limit + np.maximum(_OVERSHOOT_SHARE * limit, 1.0))
    if outside.any():
        lost = [int(row) for row in np.flatnonzero(outside)]
        first, given = lost[0], [f"{ids[row]} at {float(along_m[row]):g} m" for row in lost]
        end = float(length_m[known[first]] + (0.0 if ids[first] in row_of else lines[ids[first]][1][-1]))
        fix = f"{ids[first]} is {end:,.1f} m long; count from its upstream end"
        raise NetworkError("network", [Problem("along_m", "is not on the reach", fix, tuple(given))])
    return rows, np.minimum(along, limit)


def _cut_again(frame: pd.DataFrame, ids: NDArray[np.object_]) -> pd.DataFrame:
    """Return the pieces of pieces: rows whose line is the id of a piece that is no more."""
    found, pieces = [], frame[frame["line"].to_numpy(dtype=object) != ids[frame["row"]]]
    for line, row, start in pieces.itertuples(index=False, name=None):
        steps = str(ids[row])[len(str(line)) :].split(".")[1:] if str(ids[row]).startswith(f"{line}.") else []
        found += [(f"{line}." + ".".join(steps[:end]), row, start) for end in range(1, len(steps))]
    again = pd.DataFrame(found, columns=["line", "row", "start"])
    again["start"] -= again.groupby("line")["start"].transform("min")
    return again
