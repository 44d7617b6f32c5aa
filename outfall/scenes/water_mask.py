"""Where is water in a scene, how far from its bank, and which of it is pure: nothing of the land mixed in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from outfall.errors import SceneError
from outfall.scenes.corridor import river_corridor
from outfall.scenes.flag_field import is_usable
from outfall.scenes.formula_list import find_formula
from outfall.scenes.formula_values import compute
from outfall.scenes.scene import ROLES, grid_of
from outfall.scenes.threshold import Threshold, find_threshold

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from outfall.network import Network
    from outfall.scenes.scene import Grid

__all__ = ["BANK_REACH_M", "find_water", "least_width_m", "pure_water"]

# How far a bank spoils the pixels of water beside it (WorldView-2 and Pleiades study, remote.md 4).
BANK_REACH_M = 17.3
_BEST, _WORST = 1.00, 2.13


def find_water(
    scene: xr.Dataset,
    network: Network | None = None,
    *,
    formula: str | None = None,
    threshold: float | None = None,
    corridor_m: float | None = None,
) -> xr.Dataset:
    """Return the water of a scene, in a corridor around the known rivers.

    Parameters
    ----------
    scene : Dataset
        A scene of reflectances in a metric CRS.
    network : Network, optional
        Rivers, lakes and coasts. Without it the whole scene is looked at, and only the published threshold is used.
    formula : str, optional
        A water mask of :func:`formulas`; by default NDWI, which has the finest pixels, else the first that the bands allow.
    threshold : float, optional
        Your own; by default from the two modes at the river's edges, and the published one where they do not separate.
    corridor_m : float, optional
        Land left on each side of the water.

    Returns
    -------
    Dataset
        ``water`` (bool), ``bank_m`` (metres from the centre of a water pixel to the nearest bank, 0 on land; clouds and the
        scene's edge count as banks, since what is behind them is not known), ``corridor`` (bool), ``index`` (float32).
        Attributes say formula, threshold, where it came from and why.

    Raises
    ------
    SceneError
        The scene is in degrees, or no water mask can be computed from its bands.

    Examples
    --------
    >>> import geopandas as gpd, numpy as np, pyproj, shapely
    >>> from affine import Affine
    >>> from outfall.network import build_network
    >>> from outfall.scenes import Band, Grid, make_scene
    >>> line = shapely.LineString([(500000, 3300000), (501000, 3300000)])
    >>> river = gpd.GeoDataFrame({"id": ["R"], "kind": ["river"], "width_m": [200.0]}, geometry=[line], crs=4549)
    >>> network = build_network(river)
    >>> wet = np.abs(np.arange(60) - 29.5)[:, None] * np.ones(100) < 10
    >>> bands = {"green": Band(np.where(wet, 0.06, 0.09)), "nir": Band(np.where(wet, 0.02, 0.28))}
    >>> grid = Grid(60, 100, Affine(10, 0, 500000, 0, -10, 3300300), pyproj.CRS(4549))
    >>> scene = make_scene(bands, grid, quantity="rho_s")
    >>> water = find_water(scene, network)
    >>> bool((water["water"].to_numpy() == wet).all()), water.attrs["formula"]
    (True, 'ndwi')
    """
    grid = grid_of(scene)
    if not np.isfinite(grid.pixel_m):
        msg = "scene: its CRS is in degrees; distances from the bank need metres: reproject it (open_scene does)"
        raise SceneError(msg)
    name = _choose(scene) if formula is None else formula
    known = find_formula(name)
    if known.group != "water_mask":
        msg = f"formula: {name!r} tells {known.group}, not water from land; give one of the group water_mask"
        raise SceneError(msg)
    values = compute(scene, name)[name]
    index = np.asarray(values.to_numpy(), np.float32)
    usable = is_usable(np.asarray(scene["flags"].to_numpy())) & np.isfinite(index)
    corridor = np.ones(index.shape, bool) if network is None else river_corridor(network, grid, margin_m=corridor_m)
    sign = np.float32(1 if known.water_is_above else -1)
    cut = _cut(
        sign * index, usable & corridor, known.threshold, threshold, sign=float(sign), is_free=network is not None
    )
    water = usable & corridor & (sign * index > sign * cut.value)
    said = {
        "formula": name,
        "threshold": cut.value,
        "threshold_from": cut.come_from,
        "reason": cut.reason,
        "reason_zh": cut.reason_zh,
    }
    return xr.Dataset(
        {
            "water": (("y", "x"), water),
            "bank_m": (("y", "x"), _from_bank_m(water, grid)),
            "corridor": (("y", "x"), corridor),
            "index": (("y", "x"), index),
        },
        coords={key: scene.coords[key] for key in ("y", "x")},
        attrs={
            **{key: scene.attrs[key] for key in ("crs", "transform")},
            **said,
            "gsd_m": max(float(values.attrs.get("gsd_m", 0.0)), grid.pixel_m),
        },
    )


def pure_water(water: xr.Dataset, *, gsd_m: float | None = None, from_bank_m: float | None = None) -> NDArray[np.bool_]:
    """Return the water pixels that no bank has touched.

    Parameters
    ----------
    water : Dataset
        Of :func:`find_water`.
    gsd_m : float, optional
        Pixel size of the coarsest band used, as it was sensed; by default that of the mask.
    from_bank_m : float, optional
        Least distance of a pixel's centre from the bank; by default 17.3 m, or half a pixel's diagonal where that is more.

    Returns
    -------
    bool array, rows x columns
        True where water is pure.
    """
    gsd_m = float(water.attrs["gsd_m"]) if gsd_m is None else gsd_m
    least_m = max(BANK_REACH_M, 0.5 * gsd_m * np.sqrt(2)) if from_bank_m is None else from_bank_m
    return np.asarray(water["water"].to_numpy() & (water["bank_m"].to_numpy() >= least_m))


def least_width_m(gsd_m: float) -> tuple[float, float]:
    """Return how wide a river must be to have one pure water pixel across: at best and at worst.

    Parameters
    ----------
    gsd_m : float
        Pixel size as it was sensed.

    Returns
    -------
    (float, float)
        By the orientation of the river to the rows. Published for 30 m (64.6 to 98.5 m); other sizes are derived, taking the
        reach of the bank (17.3 m) as independent of the pixel.

    Examples
    --------
    >>> [round(width, 1) for width in least_width_m(10)]
    [44.6, 55.9]
    """
    return 2 * BANK_REACH_M + _BEST * gsd_m, 2 * BANK_REACH_M + _WORST * gsd_m


def _choose(scene: xr.Dataset) -> str:
    for name, needed in {"ndwi": {"green", "nir"}, "mndwi": {"green", "swir_1"}}.items():
        if needed <= set(map(str, scene.data_vars)):
            return name
    bands = ", ".join(str(role) for role in scene.data_vars if str(role) in ROLES)
    msg = f"scene: water needs green with near infrared or SWIR; it has {bands}; give formula= for another mask"
    raise SceneError(msg)


def _cut(
    values: NDArray[np.float32],
    candidates: NDArray[np.bool_],
    published: float | None,
    own: float | None,
    *,
    sign: float,
    is_free: bool,
) -> Threshold:
    if own is not None:
        return Threshold(own, "user", "given by the user", "用户给定")
    if published is None:
        msg = "formula: it has no published threshold; give threshold="
        raise SceneError(msg)
    found = find_threshold(values, candidates, published=sign * published, is_free=is_free)
    return found._replace(value=sign * found.value)


def _from_bank_m(water: NDArray[np.bool_], grid: Grid) -> NDArray[np.float32]:
    """Return metres from each water pixel's centre to the edge of the nearest pixel that is not known to be water."""
    from scipy.ndimage import distance_transform_edt

    step = grid.transform
    sampling = (np.hypot(step.b, step.e), np.hypot(step.a, step.d))
    far = distance_transform_edt(np.pad(water, 1), sampling=sampling)[1:-1, 1:-1]
    return np.where(water, np.maximum(far - grid.pixel_m / 2, 0), 0).astype(np.float32)
