"""Which banks are there to survey: both sides of every open water, cut into segments of one length."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from outfall.errors import NetworkError

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

    from outfall.network import Network

__all__ = ["bank_segments"]

_TWO_BANKS = ("river", "ditch", "tidal")
_ONE_BANK = ("lake", "coast")
_VERTEX_M = 10.0  # a bank follows its river this closely
_LOOK_M = 1.0


def bank_segments(
    network: Network, *, length_m: float = 500.0, kinds: Collection[str] | None = None
) -> gpd.GeoDataFrame:
    """Return the banks of the open waters of a network, cut into segments.

    Rivers, ditches and tidal reaches have two banks, half their width away from the line where the width is known;
    a lake or coast is a bank itself. Culverts and pipes have none.

    Parameters
    ----------
    network : Network
        Its reaches; not changed.
    length_m : float, default 500
        Length aimed at; every reach is cut into equal segments nearest to it.
    kinds : collection of str, optional
        Only reaches of these kinds.

    Returns
    -------
    GeoDataFrame, n segments, LineString, CRS of the network
        ``segment_id``, ``reach_id``, ``side`` (looking downstream; missing on lakes and coasts), ``from_m`` and
        ``to_m`` (along the reach), ``length_m``, ``source_ref``; in the order of the reaches.

    Raises
    ------
    NetworkError
        The length is not positive.

    Examples
    --------
    >>> from outfall.network import build_network
    >>> river = gpd.GeoDataFrame({"reach_id": ["A"], "width_m": [20.0]}, crs=32650,
    ...     geometry=gpd.GeoSeries.from_wkt(["LINESTRING (500000 3400000, 501000 3400000)"]))
    >>> banks = bank_segments(build_network(river))
    >>> banks[["segment_id", "side"]].values.tolist()[:2], round(banks.geometry[0].bounds[1])
    ([['A/left/0', 'left'], ['A/left/1', 'left']], 3400010)
    """
    if not length_m > 0:
        msg = f"length_m is {length_m}; a segment needs a length above 0"
        raise NetworkError(msg)
    reaches = network.reaches
    wanted = [kind for kind in (*_TWO_BANKS, *_ONE_BANK) if kinds is None or kind in kinds]
    reaches = reaches[reaches["kind"].isin(wanted) & (reaches.geometry.length > 0)]
    lines = reaches.geometry.to_numpy()
    count = np.maximum(1, np.rint(shapely.length(lines) / length_m)).astype(int)
    is_single = reaches["kind"].isin(_ONE_BANK).to_numpy()
    half_m = reaches["width_m"].fillna(0.0).to_numpy(dtype=float) / 2
    parts = []
    for side, sign, rows in (("left", 1.0, ~is_single), ("right", -1.0, ~is_single), (None, 0.0, is_single)):
        at = np.repeat(np.flatnonzero(rows), count[rows])
        number = np.arange(len(at)) - np.repeat(np.cumsum(count[rows]) - count[rows], count[rows])
        share = np.column_stack([number, number + 1]) / count[at, None]
        shapes = _offset_pieces(lines[at], share, sign * half_m[at])
        parts.append(_table(reaches, at, number, share, side, shapes))
    found = pd.concat(parts, ignore_index=True).sort_values(["_row", "side", "from_m"], kind="stable")
    return gpd.GeoDataFrame(found.drop(columns="_row"), geometry="geometry", crs=network.crs).reset_index(drop=True)


def _table(
    reaches: gpd.GeoDataFrame,
    at: NDArray[np.int64],
    number: NDArray[np.int64],
    share: NDArray[np.float64],
    side: str | None,
    shapes: NDArray[np.object_],
) -> pd.DataFrame:
    ids = reaches["reach_id"].to_numpy(dtype=object)[at]
    length = reaches["length_m"].to_numpy(dtype=float)[at]
    word = "bank" if side is None else side
    return pd.DataFrame(
        {
            "segment_id": pd.Series([f"{a}/{word}/{n}" for a, n in zip(ids, number, strict=True)], dtype="str"),
            "reach_id": pd.Series(ids, dtype="str"),
            "side": pd.Series([side] * len(at), dtype="str"),
            "from_m": share[:, 0] * length,
            "to_m": share[:, 1] * length,
            "length_m": (share[:, 1] - share[:, 0]) * length,
            "source_ref": pd.Series([f"bank_segments({a})" for a in ids], dtype="str"),
            "geometry": gpd.GeoSeries(shapes),
            "_row": at,
        }
    )


def _offset_pieces(
    lines: NDArray[np.object_], share: NDArray[np.float64], off_m: NDArray[np.float64]
) -> NDArray[np.object_]:
    """Return each piece of a line as a line beside it; a positive offset lies to the left."""
    if not len(lines):
        return np.empty(0, dtype=object)
    whole = shapely.length(lines)
    begin, end = share[:, 0] * whole, share[:, 1] * whole
    count = np.maximum(1, np.ceil((end - begin) / _VERTEX_M)).astype(int) + 1
    piece = np.repeat(np.arange(len(lines)), count)
    step = np.arange(len(piece)) - np.repeat(np.cumsum(count) - count, count)
    at = begin[piece] + (end - begin)[piece] * step / (count - 1)[piece]
    line = lines[piece]
    here = shapely.get_coordinates(shapely.line_interpolate_point(line, at))
    before = shapely.get_coordinates(shapely.line_interpolate_point(line, np.maximum(at - _LOOK_M, 0.0)))
    after = shapely.get_coordinates(shapely.line_interpolate_point(line, np.minimum(at + _LOOK_M, whole[piece])))
    along = after - before
    norm = np.hypot(along[:, 0], along[:, 1])
    left = np.column_stack([-along[:, 1], along[:, 0]]) / np.where(norm > 0, norm, 1.0)[:, None]
    return np.asarray(shapely.linestrings(here + left * off_m[piece, None], indices=piece))
