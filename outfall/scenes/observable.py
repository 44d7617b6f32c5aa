"""Can this sensor see the water at this outfall at all, and if not, why: an answer in words, never a number it cannot have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from outfall.scenes.flag_field import flags, is_usable
from outfall.scenes.scene import grid_of, taken_at
from outfall.scenes.water_mask import least_width_m, pure_water
from outfall.vocabulary import label

if TYPE_CHECKING:
    import geopandas as gpd
    import xarray as xr
    from numpy.typing import NDArray

    from outfall.network import Network

__all__ = ["LEAST_PIXELS", "check_outfalls"]

LEAST_PIXELS = 9
# Our defaults (no standard).
_WITHIN_M = 200.0
_LEAST_CLEAR_SHARE = 0.5
_SPOILERS = {
    "cloud": ("cloud", "cloud_shadow", "cirrus"),
    "snow": ("snow",),
    "glint": ("glint",),
    "no_data": ("fill", "saturated", "out_of_range"),
}


class _Seen(NamedTuple):
    """What lies about one outfall."""

    pixels: int
    corridor: int
    clear: int
    water: int
    pure: int
    spoiled: dict[str, int]


def check_outfalls(
    outfalls: gpd.GeoDataFrame,
    scene: xr.Dataset,
    water: xr.Dataset,
    network: Network,
    *,
    gsd_m: float | None = None,
    within_m: float = _WITHIN_M,
    least_pixels: int = LEAST_PIXELS,
) -> pd.DataFrame:
    """Return whether a scene can show the water at each outfall, and why not.

    Parameters
    ----------
    outfalls : GeoDataFrame, n rows, Point, any CRS
        Contract ``outfalls``.
    scene : Dataset
        A scene.
    water : Dataset
        Of :func:`find_water`, on the grid of the scene.
    network : Network
        For the width of the reach each outfall lies on.
    gsd_m : float, optional
        Pixel size of the coarsest band that will be used, as it was sensed; by default that of the mask.
    within_m : float, default 200
        Water counts to this distance from the outfall.
    least_pixels : int, default 9
        Fewest pure water pixels.

    Returns
    -------
    DataFrame, n rows
        ``outfall_id``, ``is_observable``, ``code`` (vocabulary ``unseen_reason``; missing where observable), ``reason``,
        ``reason_zh``, ``width_m``, ``needed_width_m``, ``pure_pixels``, ``clear_share``, ``taken_at``, ``source_ref``.

    Raises
    ------
    SceneError
        The scene does not say its CRS or its transform.

    Examples
    --------
    >>> import geopandas as gpd, numpy as np, pyproj, shapely
    >>> from affine import Affine
    >>> from outfall.network import build_network
    >>> from outfall.scenes import Band, Grid, find_water, make_scene
    >>> line = shapely.LineString([(500000, 3300000), (501000, 3300000)])
    >>> river = gpd.GeoDataFrame({"id": ["R"], "kind": ["river"], "width_m": [200.0]}, geometry=[line], crs=4549)
    >>> network = build_network(river)
    >>> wet = np.abs(np.arange(60) - 29.5)[:, None] * np.ones(100) < 10
    >>> bands = {"green": Band(np.where(wet, 0.06, 0.09)), "nir": Band(np.where(wet, 0.02, 0.28))}
    >>> grid = Grid(60, 100, Affine(10, 0, 500000, 0, -10, 3300300), pyproj.CRS(4549))
    >>> scene = make_scene(bands, grid, quantity="rho_s")
    >>> water = find_water(scene, network)
    >>> outfalls = gpd.GeoDataFrame({"outfall_id": ["A"], "reach_id": ["R"]}, geometry=[shapely.Point(500500, 3300100)], crs=4549)
    >>> check_outfalls(outfalls, scene, water, network)["reason"].tolist()
    ['observable']
    """
    gsd_m = float(water.attrs["gsd_m"]) if gsd_m is None else gsd_m
    pure = pure_water(water, gsd_m=gsd_m)
    columns, rows = _cells(outfalls, scene)
    widths_m = _widths_m(outfalls, network)
    needed_m = least_width_m(gsd_m)[0]
    field, corridor = scene["flags"].to_numpy(), water["corridor"].to_numpy()
    reach_px = within_m / grid_of(scene).pixel_m
    answers = []
    for number, outfall_id in enumerate(outfalls["outfall_id"]):
        seen = _look(columns[number], rows[number], reach_px, (field, corridor, water["water"].to_numpy(), pure))
        code, words = _judge(seen, float(widths_m[number]), needed_m, least_pixels)
        clear = seen.clear / seen.corridor if seen.corridor else 0.0
        answers.append(
            (str(outfall_id), code is None, code, *words, float(widths_m[number]), needed_m, seen.pure, clear)
        )
    names = [
        "outfall_id",
        "is_observable",
        "code",
        "reason",
        "reason_zh",
        "width_m",
        "needed_width_m",
        "pure_pixels",
        "clear_share",
    ]
    frame = pd.DataFrame(answers, columns=names).astype({"is_observable": bool, "pure_pixels": "int64"})
    frame = frame.astype(dict.fromkeys(("outfall_id", "code", "reason", "reason_zh"), "str"))
    ref = str(scene.attrs.get("source_ref", "")) or "scene"
    return frame.assign(
        taken_at=taken_at(scene), source_ref=[f"check_outfalls({ref};{name})" for name in frame["outfall_id"]]
    )


def _cells(outfalls: gpd.GeoDataFrame, scene: xr.Dataset) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return columns and rows of the outfalls, in pixels; NaN without a point."""
    grid = grid_of(scene)
    points = outfalls.geometry.to_crs(grid.crs)
    there = points.notna() & ~points.is_empty
    east, north = points.where(there).x.to_numpy(), points.where(there).y.to_numpy()
    back = ~grid.transform
    return back.a * east + back.b * north + back.c, back.d * east + back.e * north + back.f


def _widths_m(outfalls: gpd.GeoDataFrame, network: Network) -> NDArray[np.float64]:
    """Return the width of each outfall's reach; NaN where nobody knows it."""
    if "reach_id" not in outfalls or "width_m" not in network.reaches:
        return np.full(len(outfalls), np.nan)
    widths = network.reaches.set_index("reach_id")["width_m"].astype("float64")
    return outfalls["reach_id"].map(widths).to_numpy(dtype=float)


def _look(column: float, row: float, reach_px: float, layers: tuple[NDArray[Any], ...]) -> _Seen:
    height, width = layers[0].shape
    if not (np.isfinite(column) and -reach_px < column < width + reach_px and -reach_px < row < height + reach_px):
        return _Seen(0, 0, 0, 0, 0, {})
    top, left = max(0, int(row - reach_px)), max(0, int(column - reach_px))
    part = (slice(top, int(row + reach_px) + 2), slice(left, int(column + reach_px) + 2))
    field, corridor, water, pure = (layer[part] for layer in layers)
    down, across = np.ogrid[: field.shape[0], : field.shape[1]]
    near = np.hypot(down + top + 0.5 - row, across + left + 0.5 - column) <= reach_px
    inside = near & corridor.astype(bool)
    spoiled = {
        code: int((inside & ((field & sum(flags()[name].mask for name in names)) != 0)).sum())
        for code, names in _SPOILERS.items()
    }
    masks = (near, inside, inside & is_usable(field), near & water, near & pure)
    pixels, known, clear, wet, clean = (int(mask.sum()) for mask in masks)
    return _Seen(pixels, known, clear, wet, clean, spoiled)


def _judge(seen: _Seen, width_m: float, needed_m: float, least_pixels: int) -> tuple[str | None, tuple[str, str]]:
    """Return the first reason, from what no scene can change to what another day may."""
    clear = seen.clear / seen.corridor if seen.corridor else 1.0
    worst = max(seen.spoiled, key=lambda name: seen.spoiled[name], default="no_data")
    reasons = (
        (not seen.pixels, "off_scene", ""),
        (width_m < needed_m, "width", f"{width_m:.0f} m < {needed_m:.1f} m"),
        (not seen.corridor, "no_place", ""),
        (clear < _LEAST_CLEAR_SHARE, worst, f"{1 - clear:.0%}"),
        (not seen.water, "no_water", ""),
        (seen.pure < least_pixels, "few_pixels", f"{seen.pure} < {least_pixels}"),
    )
    first = next(((code, figures) for holds, code, figures in reasons if holds), None)
    return (None, ("observable", "可观测")) if first is None else _say(*first)


def _say(code: str, figures: str = "") -> tuple[str, tuple[str, str]]:
    en, zh = label("unseen_reason", code), label("unseen_reason", code, lang="zh")
    return code, (f"{en}: {figures}", f"{zh}：{figures}") if figures else (en, zh)
