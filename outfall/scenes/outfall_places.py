"""Where on the water does each outfall enter, and from which bank."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from outfall.scenes.along import nearest_reaches

if TYPE_CHECKING:
    import geopandas as gpd

    from outfall.network import Network
    from outfall.scenes.scene import Grid
    from outfall.scenes.strands import Strands

__all__ = ["place_outfalls"]

_ON_THE_LINE_M = 0.5


def place_outfalls(outfalls: gpd.GeoDataFrame, network: Network, strands: Strands, grid: Grid) -> pd.DataFrame:
    """Return the place of each outfall on the water.

    Parameters
    ----------
    outfalls : GeoDataFrame, n rows
        ``outfall_id`` and a point, or ``reach_id`` with ``along_m``; ``side`` where known. An outfall said to lie on a pipe
        is placed by its point on the water it enters.
    network : Network
        Rivers and pipes.
    strands : Strands
        Of the network.
    grid : Grid
        Of a scene.

    Returns
    -------
    DataFrame, n rows in the order given
        ``outfall_id``, ``row`` (of the reach; -1 for none), ``reach_id``, ``along_m``, ``side`` (1 left, -1 right, 0
        unknown), ``strand``, ``strand_m``, ``width_m``.
    """
    points = outfalls.geometry.to_crs(grid.crs).to_numpy()
    there = np.flatnonzero(~(shapely.is_missing(points) | shapely.is_empty(points)))
    row, along, off = np.full(len(outfalls), -1), np.full(len(outfalls), np.nan), np.zeros(len(outfalls))
    if len(there):
        row[there], along[there], off[there] = nearest_reaches(
            shapely.get_coordinates(points[there]), network, strands, grid
        )
    _take_said(outfalls, network, strands, (row, along))
    on = row >= 0
    along = np.where(on, np.clip(along, 0, network.arrays.length_m[row]), np.nan)
    side = np.where(on & (np.abs(off) > _ON_THE_LINE_M), np.sign(off), 0.0)
    if "side" in outfalls:
        said = outfalls["side"].map({"left": 1.0, "right": -1.0}).to_numpy(dtype=float)
        side = np.where(np.isfinite(said), said, side)
    ids = network.reaches["reach_id"].to_numpy(dtype=object)
    return pd.DataFrame(
        {
            "outfall_id": outfalls["outfall_id"].astype("str").to_numpy(),
            "row": row,
            "reach_id": pd.Series(np.where(on, ids[row], None), dtype="str"),
            "along_m": along,
            "side": side,
            "strand": np.where(on, strands.number[row], -1),
            "strand_m": np.where(on, strands.begin_m[row] + np.nan_to_num(along), np.nan),
            "width_m": np.where(on, strands.width_m[row], np.nan),
        }
    )


def _take_said(
    outfalls: gpd.GeoDataFrame, network: Network, strands: Strands, found: tuple[np.ndarray, np.ndarray]
) -> None:
    """Write the places that the table itself says, where they lie on water."""
    if not {"reach_id", "along_m"} <= set(outfalls.columns):
        return
    known = set(network.reaches["reach_id"]) | set(network.reaches.get("line_id", pd.Series(dtype="str")).dropna())
    said = outfalls["reach_id"].isin(known) & outfalls["along_m"].notna()
    at = np.flatnonzero(said.to_numpy(dtype=bool))
    if not len(at):
        return
    rows, along = network.find_places(outfalls["reach_id"].iloc[at], outfalls["along_m"].iloc[at].to_numpy(float))
    wet = strands.number[rows] >= 0
    found[0][at[wet]], found[1][at[wet]] = rows[wet], along[wet]
