"""How much chlorophyll is in this water, by the formula that suits its kind: no single one is right for every river."""

from __future__ import annotations

import numpy as np
import xarray as xr

from outfall.scenes.formula_list import check_formula, find_formula
from outfall.scenes.formula_values import compute

__all__ = ["KINDS", "chlorophyll"]

# Which formula for which kind of water. The kinds follow the switch by optical water type of recent work; their borders are
# our default (no standard), but for the border of clear water, which is that of the quasi-analytical algorithm.
KINDS = {1: ("clear", "清洁", "chl_oc3_msi"), 2: ("turbid", "浑浊", "chl_gons"), 3: ("green", "藻类", "chl_mishra")}
_CLEAR_RED_RRS = 0.0015


def chlorophyll(scene: xr.Dataset) -> xr.Dataset:
    """Return chlorophyll-a by the formula that suits each pixel, and which formula that was.

    Parameters
    ----------
    scene : Dataset
        A scene of water-leaving reflectance (``rho_w``) with bands at 443 to 780 nm.

    Returns
    -------
    Dataset
        ``chl`` (mg/m3, NaN where the formula has no value) and ``kind`` (``uint8``: 1 clear, OC3; 2 turbid, Gons; 3 green, where
        reflectance at 705 nm is above that at 665 nm, NDCI; 0 none). Attributes say that the borders are our default.

    Raises
    ------
    SceneError
        The scene lacks a band all three need, or is of another quantity.
    """
    names = [formula for _, _, formula in KINDS.values()]
    values = compute(scene, [*names, "ndci"])
    red = np.asarray(scene[check_formula(scene, "ndci")["r665"]].to_numpy(), np.float32)
    green = values["ndci"].to_numpy() > 0
    clear = ~green & (red < _CLEAR_RED_RRS * np.pi)
    kind = np.where(green, 3, np.where(clear, 1, 2)).astype(np.uint8)
    chosen = np.select(
        [kind == number for number in KINDS], [values[formula].to_numpy() for _, _, formula in KINDS.values()]
    )
    kind = np.where(np.isfinite(chosen), kind, 0).astype(np.uint8)
    cites = "; ".join(f"{word}: {find_formula(formula).cite}" for word, _, formula in KINDS.values())
    attrs = {"long_name": "Chlorophyll-a", "long_name_zh": "叶绿素a", "units": "mg/m3", "is_verified": 0, "cite": cites}
    return xr.Dataset(
        {"chl": (("y", "x"), chosen.astype(np.float32), attrs), "kind": (("y", "x"), kind)},
        coords={key: scene.coords[key] for key in ("y", "x")},
        attrs=dict(scene.attrs),
    )
