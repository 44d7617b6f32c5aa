"""Is the water below an outfall warmer or colder: differences within one scene, never degrees that a sensor cannot know."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from outfall.errors import SceneError
from outfall.scenes.contrasts import find_contrasts
from outfall.scenes.controls import adjust_p, two_sided_p
from outfall.scenes.scene import grid_of, quantity_of

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd
    import xarray as xr
    from numpy.typing import NDArray

    from outfall.camera.thermal import Thermal
    from outfall.network import Network
    from outfall.scenes.windows import Window

__all__ = ["TIRS_FOOTPRINT_M", "find_frame_contrast", "find_thermal_contrasts"]

# The thermal bands of Landsat are sensed at 100 m and handed out at 30 m (remote.md 2.7): eleven pixels are one number.
TIRS_FOOTPRINT_M = 100.0
_CHANCE = re.compile(r", p [0-9.e+-]+, q [0-9.e+-]+")


def find_thermal_contrasts(
    outfalls: gpd.GeoDataFrame,
    scene: xr.Dataset,
    network: Network,
    *,
    sigma_k: float | NDArray[np.floating] | None = None,
    footprint_m: float = TIRS_FOOTPRINT_M,
    water: xr.Dataset | None = None,
    window: Window | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Return how much warmer or colder the water below each outfall is than that above it.

    Parameters
    ----------
    outfalls : GeoDataFrame, n rows
        Contract ``outfalls``.
    scene : Dataset
        With a band ``thermal`` (surface temperature, K).
    network : Network
        Rivers and pipes.
    sigma_k : float or array (rows x columns), K, optional
        Uncertainty of the temperature, such as ST_QA; by default the variable ``thermal_sigma_k`` of the scene, else none.
        How much of it all pixels share nobody says, so all of it counts against a difference.
    footprint_m : float, default 100
        Size of a pixel as it was sensed; 0 for one that was not resampled.
    water, window, seed
        As for :func:`find_contrasts`.

    Returns
    -------
    DataFrame, contract ``contrasts``
        Layer ``thermal`` in K: above 0 is warmer below the outfall. ``effective_n`` counts footprints.

    Raises
    ------
    SceneError
        The scene has no thermal band, or its band is not a temperature.
    """
    if "thermal" not in scene or quantity_of(scene, "thermal") != "temperature":
        msg = "scene: no band thermal with the quantity temperature; open the surface temperature with open_scene"
        raise SceneError(msg)
    pixel_m = grid_of(scene).pixel_m
    cells = max((footprint_m / pixel_m) ** 2, 1.0)
    found = find_contrasts(outfalls, scene, network, water=water, layers="thermal", window=window, seed=seed)
    sigma = _sigma(scene, sigma_k)
    worth = np.minimum(found["effective_n"].to_numpy(float), found["pixels"].to_numpy(float) / cells)
    worth = np.where(found["estimate"].notna(), np.maximum(worth, 1.0), np.nan)
    own = sigma * 2 / np.sqrt(worth)  # half of the footprints lie above, half below
    sd = np.hypot(found["sd"].to_numpy(float), own)
    studentised = found["studentised"].to_numpy(float) * found["sd"].to_numpy(float) / sd
    p = two_sided_p(studentised, found["freedom"].to_numpy(float))
    wider = sd / found["sd"].to_numpy(float)
    estimate = found["estimate"].to_numpy(float)
    notes = (
        f"; sigma {sigma:.1f} K, {cells:.0f} pixels to one footprint",
        f"；单像元不确定度{sigma:.1f} K，约{cells:.0f}个像元合一",
    )
    q = adjust_p(p)
    texts = {
        name: [_judged(text, note, chance) for text, chance in zip(found[name], zip(p, q, strict=True), strict=True)]
        for name, note in zip(("reason", "reason_zh"), notes, strict=True)
    }
    has = found["p"].notna()
    return found.assign(
        sd=sd,
        studentised=studentised,
        p=p,
        q=q,
        low=np.where(has, estimate - (estimate - found["low"]) * wider, found["low"]),
        high=np.where(has, estimate + (found["high"] - estimate) * wider, found["high"]),
        effective_n=worth,
        **texts,
    ).astype({"reason": "str", "reason_zh": "str"})


def find_frame_contrast(
    frame: Thermal, column: float, row: float, *, radius_px: float = 6.0, ring_px: float = 40.0
) -> dict[str, float | int | str]:
    """Return how much warmer or colder a place of a drone's thermal frame is than the ring around it.

    Parameters
    ----------
    frame : Thermal
        Of :func:`outfall.camera.read_thermal`, which reads raw planes and refuses pictures of a palette.
    column, row : float
        Of the outfall in the frame.
    radius_px : float, default 6
        Of the place.
    ring_px : float, default 40
        Outer radius of its surroundings; they begin at twice the inner one.

    Returns
    -------
    dict
        ``contrast`` (above 0 is warmer; counts have no degrees), ``unit``, ``sds`` (contrast in robust standard deviations of
        the ring), ``pixels``, ``ring_pixels``.

    Raises
    ------
    SceneError
        The place or its ring lies outside the frame.

    Examples
    --------
    >>> from outfall.camera import Thermal
    >>> plane = np.random.default_rng(0).normal(3000, 5, (120, 160)).astype(np.float32)
    >>> plane[55:65, 75:85] -= 60
    >>> found = find_frame_contrast(Thermal(plane, "count", (160, 120)), 80, 60, radius_px=4)
    >>> round(found["contrast"], -1), found["unit"], found["sds"] < -5
    (-60.0, 'count', True)
    """
    down, across = np.ogrid[: frame.values.shape[0], : frame.values.shape[1]]
    away = np.hypot(down - row, across - column)
    known = np.isfinite(frame.values)
    inner, ring = (away <= radius_px) & known, (away > 2 * radius_px) & (away <= ring_px) & known
    if not inner.any() or ring.sum() < inner.sum():
        msg = f"frame: no surroundings of column {column:g}, row {row:g} in {frame.values.shape[1]} x {frame.values.shape[0]} pixels"
        raise SceneError(msg)
    around = frame.values[ring].astype(float)
    middle = float(np.median(around))
    wide = float(1.4826 * np.median(np.abs(around - middle)))
    contrast = float(np.median(frame.values[inner])) - middle
    return {
        "contrast": contrast, "unit": frame.unit, "sds": contrast / wide if wide > 0 else float("nan"),
        "pixels": int(inner.sum()), "ring_pixels": int(ring.sum()),
    }  # fmt: skip


def _sigma(scene: xr.Dataset, sigma_k: float | NDArray[np.floating] | None) -> float:
    """Return the middle uncertainty of a pixel, in K."""
    values = scene["thermal_sigma_k"].to_numpy() if sigma_k is None and "thermal_sigma_k" in scene else sigma_k
    if values is None:
        return 0.0
    known = np.asarray(values, dtype=float)
    known = known[np.isfinite(known) & (known >= 0)]
    return float(np.median(known)) if known.size else 0.0


def _judged(text: str, note: str, chance: tuple[float, float]) -> str:
    """Return a reason whose probabilities are those judged with the uncertainty of the sensor."""
    p, q = chance
    return _CHANCE.sub(f", p {p:.2g}, q {q:.2g}", text) + note if np.isfinite(p) else text
