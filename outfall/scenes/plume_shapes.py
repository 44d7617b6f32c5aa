"""What does a plume look like: the water below an outfall that differs from the background and hangs together with its mouth."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy.ndimage import label as label_parts

from outfall.errors import SceneError
from outfall.scenes.along import place_pixels
from outfall.scenes.contrast_layers import read_layers
from outfall.scenes.outfall_places import place_outfalls
from outfall.scenes.scene import grid_of, taken_at
from outfall.scenes.strands import find_strands
from outfall.scenes.water_mask import find_water

if TYPE_CHECKING:
    from collections.abc import Mapping

    import xarray as xr
    from numpy.typing import NDArray

    from outfall.network import Network
    from outfall.scenes.contrast_layers import Layer
    from outfall.scenes.scene import Grid

__all__ = ["plume_polygons"]

# Our defaults (no standard).
_LONGEST_M = 2000.0
_BACK_M = 300.0
_RARE_SHARE = 0.01
_ATTACHED_PX = 4.0
_COLUMNS = [
    "outfall_id", "layer", "taken_at", "sign", "area_m2", "length_m", "mean_excess", "threshold", "background",
    "attached_m", "decay_per_km", "pixels", "code", "source_ref",
]  # fmt: skip


class _Water(NamedTuple):
    """Pure pixels of one scene and outfalls of one scene, and the layer at the pixels."""

    pixels: pd.DataFrame
    values: NDArray[np.float64]
    places: pd.DataFrame
    grid: Grid


def plume_polygons(
    outfalls: gpd.GeoDataFrame,
    scene: xr.Dataset,
    network: Network,
    *,
    layer: str | Mapping[str, NDArray[np.floating]] = "turbidity_red",
    water: xr.Dataset | None = None,
    rare_share: float = _RARE_SHARE,
    longest_m: float = _LONGEST_M,
) -> gpd.GeoDataFrame:
    """Return the shape of the plume at each outfall.

    The background is the median above the outfall; the threshold is the departure from such a background that only
    ``rare_share`` of the pixels near no outfall exceed. Of the pixels beyond it those count that touch each other back to
    the outfall's mouth. Pixels a bank has touched are never part of it, so that areas are those of clean water.

    Parameters
    ----------
    outfalls : GeoDataFrame, n rows, any CRS
        Contract ``outfalls``; ask for those whose contrast is significant.
    scene : Dataset
        A scene.
    network : Network
        Rivers and pipes.
    layer : str or mapping of one name to an array
        What is looked at.
    water : Dataset, optional
        Of :func:`find_water`.
    rare_share : float, default 0.01
        Share of background pixels beyond the threshold.
    longest_m : float, default 2000
        A plume is followed so far downstream, and to the end of its strand of water.

    Returns
    -------
    GeoDataFrame, n rows in the order given, CRS of the scene
        ``outfall_id``, ``layer``, ``taken_at``, ``sign`` (1 more, -1 less than the background), ``area_m2``, ``length_m``
        (along the river), ``mean_excess``, ``threshold``, ``background``, ``attached_m`` (from the outfall to the nearest
        pixel), ``decay_per_km`` (NaN where fewer than four steps tell), ``pixels``, ``code``, ``source_ref`` and the
        polygon; missing where nothing is attached (``code`` ``no_plume``) or no water is known (``few_pixels``, ``no_place``).

    Raises
    ------
    SceneError
        ``layer`` names no or several layers, or ``rare_share`` is not between 0 and 1.
    """
    if not 0 < rare_share < 1 or (not isinstance(layer, str) and len(layer) != 1):
        msg = f"rare_share: {rare_share:g}; expected between 0 and 1, and one layer"
        raise SceneError(msg)
    mask = find_water(scene, network) if water is None else water
    strands, grid = find_strands(network), grid_of(scene)
    pixels = place_pixels(mask, network, strands=strands)
    read = read_layers(scene, layer, pixels["pixel"].to_numpy())[0]
    places = place_outfalls(outfalls, network, strands, grid)
    known = _Water(pixels, read.values.astype(float), places, grid)
    limit = _threshold(known, rare_share)
    rows = [_one(known, number, limit, longest_m, read) for number in range(len(places))]
    ref = str(scene.attrs.get("source_ref", "")) or "scene"
    frame = gpd.GeoDataFrame(pd.DataFrame(rows, columns=["geometry", *_COLUMNS]), geometry="geometry", crs=grid.crs)
    frame["taken_at"] = pd.Series(taken_at(scene), index=frame.index, dtype="datetime64[us, UTC]")
    frame["source_ref"] = [f"plume_polygons({ref};{one})" for one in places["outfall_id"]]
    return frame.astype(dict.fromkeys(("outfall_id", "layer", "code", "source_ref"), "str"))[[*_COLUMNS, "geometry"]]


def _threshold(known: _Water, rare_share: float) -> float:
    """Return the departure from the background that few pixels exceed where no outfall is near."""
    strand, along = known.pixels["strand"].to_numpy(), known.pixels["strand_m"].to_numpy()
    free = np.isfinite(known.values)
    for place in known.places[known.places["row"] >= 0].itertuples():
        free &= ~((strand == place.strand) & (along > place.strand_m - 50) & (along < place.strand_m + 2 * _BACK_M))
    if free.sum() < 1 / rare_share:
        free = np.isfinite(known.values)
    cell = pd.Series(strand[free]).astype("int64") * 1_000_000 + (along[free] // _BACK_M).astype("int64")
    value = pd.Series(known.values[free])
    # A background is taken upstream, so the departure is from the stretch before.
    middle = value.groupby(cell.to_numpy()).median()
    before = middle.reindex(cell.to_numpy() - 1).to_numpy()
    off = np.abs(value.to_numpy() - before)
    off = off[np.isfinite(off)]
    return float(np.quantile(off, 1 - rare_share)) if len(off) else float("inf")


def _one(known: _Water, number: int, limit: float, longest_m: float, layer: Layer) -> dict[str, object]:
    place, grid = known.places.iloc[number], known.grid
    row: dict[str, object] = {"outfall_id": place["outfall_id"], "layer": layer.name, "threshold": limit, "pixels": 0}
    row |= {"geometry": None, "area_m2": 0.0, "code": "no_place" if place["row"] < 0 else "no_plume", "sign": 0}
    if place["row"] < 0:
        return row
    ahead = known.pixels["strand_m"].to_numpy() - place["strand_m"]
    here = (known.pixels["strand"].to_numpy() == place["strand"]) & np.isfinite(known.values)
    above = here & (ahead < -2 * grid.pixel_m) & (ahead > -_BACK_M)
    below = np.flatnonzero(here & (ahead > -grid.pixel_m) & (ahead < longest_m))
    if above.sum() < 9 or len(below) < 9:
        return row | {"code": "few_pixels"}
    background = float(np.median(known.values[above]))
    row["background"] = background
    side = np.sign(known.pixels["off_m"].to_numpy()[below])
    own_bank = (side == place["side"]) | (place["side"] == 0)
    near = own_bank & (np.abs(ahead[below]) <= _ATTACHED_PX * grid.pixel_m)
    parts = [_attached(known, below, near, sign * (known.values[below] - background) > limit) for sign in (1, -1)]
    sign = 1 if len(parts[0]) >= len(parts[1]) else -1
    chosen = below[parts[0] if sign == 1 else parts[1]]
    if not len(chosen):
        return row
    excess = sign * (known.values[chosen] - background)
    return row | {
        "geometry": _outline(known.pixels["pixel"].to_numpy()[chosen], grid), "sign": sign, "code": None,
        "area_m2": float(len(chosen) * abs(grid.transform.determinant)), "pixels": len(chosen),
        "length_m": float(ahead[chosen].max() - max(float(ahead[chosen].min()), 0.0)), "mean_excess": float(sign * excess.mean()),
        "attached_m": float(np.abs(ahead[chosen]).min()), "decay_per_km": _decay(ahead[chosen], excess, grid.pixel_m),
    }  # fmt: skip


def _attached(
    known: _Water, below: NDArray[np.int64], near: NDArray[np.bool_], beyond: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Return which of some pixels are beyond the threshold and hang together with those near the mouth."""
    rows, columns = np.divmod(known.pixels["pixel"].to_numpy()[below], known.grid.width)
    top, left = rows.min(), columns.min()
    mask = np.zeros((np.ptp(rows) + 1, np.ptp(columns) + 1), bool)
    mask[rows[beyond] - top, columns[beyond] - left] = True
    parts, _ = label_parts(mask, structure=np.ones((3, 3)))
    own = parts[rows - top, columns - left]
    wanted = np.unique(own[near & beyond])
    return np.flatnonzero(np.isin(own, wanted[wanted > 0]))


def _outline(pixel: NDArray[np.int64], grid: Grid) -> shapely.Geometry:
    """Return the union of pixels as a polygon."""
    row, column = np.divmod(pixel, grid.width)
    corners = [(0, 0), (1, 0), (1, 1), (0, 1)]
    step = grid.transform
    rings = np.stack(
        [
            np.c_[
                step.c + step.a * (column + across) + step.b * (row + down),
                step.f + step.d * (column + across) + step.e * (row + down),
            ]
            for across, down in corners
        ],
        axis=1,
    )
    return shapely.union_all(shapely.polygons(rings))


def _decay(ahead: NDArray[np.float64], excess: NDArray[np.float64], pixel_m: float) -> float:
    """Return the rate at which the excess falls along the river, per km."""
    steps = pd.Series(excess).groupby(np.floor(ahead / (2 * pixel_m))).median()
    if len(steps) < 4:
        return float("nan")
    return float(-np.polyfit(steps.index.to_numpy(float) * 2 * pixel_m / 1000, np.log(steps.to_numpy()), 1)[0])
