"""What is compared: bands and formulas of a scene by name, or numbers of the user's own, at the pixels of water."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from outfall.errors import SceneError
from outfall.scenes.formula_list import find_formula, formulas
from outfall.scenes.formula_values import as_quantity, compute
from outfall.scenes.scene import grid_of, quantity_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import xarray as xr
    from numpy.typing import NDArray

__all__ = ["Layer", "read_layers"]


class Layer(NamedTuple):
    """One layer at the pixels asked for: name, numbers, unit, pixel size as it was sensed, and what was assumed."""

    name: str
    values: NDArray[np.float32]
    unit: str
    gsd_m: float
    assumed_from: str


def read_layers(
    scene: xr.Dataset, layers: str | Sequence[str] | Mapping[str, NDArray[np.floating]], pixels: NDArray[np.int64]
) -> list[Layer]:
    """Return layers at some pixels.

    Parameters
    ----------
    scene : Dataset
        A scene.
    layers : str, sequence of str, or mapping of str to array (rows x columns)
        Bands by role, formulas by name, or numbers by a name of your own. A formula of water-leaving reflectance takes
        surface reflectance for it, and says so: a difference within one scene keeps little of the haze.
    pixels : int array
        Numbers in the grid, row by row.

    Returns
    -------
    list of Layer
        In the order asked for.

    Raises
    ------
    SceneError
        A name is neither band nor formula, or an array has another shape.
    """
    if isinstance(layers, str):
        layers = (layers,)
    if not isinstance(layers, Mapping):
        return [_named(scene, str(name), pixels) for name in layers]
    shape = (scene.sizes["y"], scene.sizes["x"])
    given = {str(name): np.asarray(values) for name, values in layers.items()}
    wrong = {name: values.shape for name, values in given.items() if values.shape != shape}
    if wrong:
        msg = f"layers: {wrong}; expected {shape} rows and columns, as the scene has"
        raise SceneError(msg)
    gsd_m = grid_of(scene).pixel_m
    return [Layer(name, values.ravel()[pixels].astype(np.float32), "", gsd_m, "") for name, values in given.items()]


def _named(scene: xr.Dataset, name: str, pixels: NDArray[np.int64]) -> Layer:
    grid = grid_of(scene)
    if name in scene and name != "flags":
        unit = "K" if quantity_of(scene, name) == "temperature" else ""
        gsd_m = max(float(scene[name].attrs.get("gsd_m", grid.pixel_m)), grid.pixel_m)
        return Layer(name, scene[name].to_numpy().ravel()[pixels].astype(np.float32), unit, gsd_m, "")
    if name not in formulas():
        bands = ", ".join(str(role) for role in scene.data_vars if role != "flags")
        msg = f"layers: {name!r} is neither a band of the scene ({bands}) nor a formula; formulas() lists those"
        raise SceneError(msg)
    own, wanted = quantity_of(scene), find_formula(name).quantities
    assumed = ""
    if own == "rho_s" and own not in wanted and {"rho_w", "Rrs"} & set(wanted):
        scene = as_quantity(scene, "rho_w" if "rho_w" in wanted else "Rrs", is_assumed=True)
        assumed = own
    found = compute(scene, name)[name]
    gsd_m = max(float(found.attrs.get("gsd_m", grid.pixel_m)), grid.pixel_m)
    values = np.asarray(found.to_numpy()).ravel()[pixels]
    return Layer(name, values, str(found.attrs.get("units", "")), gsd_m, assumed)
