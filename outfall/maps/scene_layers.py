"""What a scene shows as layers: products of formulas, water, and the contrast at every outfall or why there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np

from outfall.errors import MapError
from outfall.maps.layers import Layer
from outfall.maps.raster import raster_layer

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["contrast_layer", "scene_layer", "water_layer"]

_PALETTES = {"turbidity": "turbid", "water": "water"}
_WATER = {1: ("水体", "Water", "#0072B2"), 2: ("近岸水体（受岸影响）", "Water spoilt by the bank", "#9ecae1")}
_BANK_REACH_M = 17.3
_POPUP = (
    "outfall_id",
    "estimate",
    "low",
    "high",
    "unit",
    "q",
    "code",
    "reason_zh",
    "reason",
    "sensor",
    "taken_at",
    "scenes_seen",
)


def scene_layer(
    values: xr.Dataset | xr.DataArray,
    name: str = "",
    *,
    water: xr.Dataset | None = None,
    palette: str = "",
    limits: tuple[float, float] | None = None,
) -> Layer:
    """Return a product of a scene as a layer: its values under the pointer, its unit in the legend, nothing where masked.

    Parameters
    ----------
    values : Dataset or DataArray
        Of ``compute``, or a scene: its attributes say place, unit and label.
    name : str, optional
        Which of its variables; the only one by default.
    water : Dataset, optional
        Of ``find_water`` on the same grid: what is no water is clear.
    palette : str, optional
        Name of a palette; by what the formula is about by default.
    limits : tuple of float, optional
        Values of the first and the last colour.

    Returns
    -------
    Layer
        Of kind ``raster``.

    Raises
    ------
    MapError
        No such variable, or the mask lies on another grid.
    """
    chosen = _choose(values, name)
    if water is not None:
        if water["water"].shape != chosen.shape:
            msg = f"{chosen.name}: the mask has {water['water'].shape} rows and columns; expected {chosen.shape}"
            raise MapError(msg)
        chosen = chosen.where(water["water"].to_numpy())
    zh, en, unit, group = _said(chosen)
    return raster_layer(
        _placed(chosen, values), palette=palette or _PALETTES.get(group, "viridis"), limits=limits, unit=unit,
        name=str(chosen.name), zh=zh, en=en,
    )  # fmt: skip


def water_layer(water: xr.Dataset, *, name: str = "water") -> Layer:
    """Return where a scene shows water, and where the bank spoils it.

    Parameters
    ----------
    water : Dataset
        Of ``find_water``.
    name : str, default "water"
        Name of the layer.

    Returns
    -------
    Layer
        Of kind ``raster``: pure water and water within 17.3 m of a bank; land is clear.

    Raises
    ------
    MapError
        The dataset is not of ``find_water``.
    """
    if not {"water", "bank_m"} <= set(water.data_vars):
        msg = f"{name}: {', '.join(map(str, water.data_vars))} is no mask of water; give the answer of find_water"
        raise MapError(msg)
    is_water, is_near = water["water"].to_numpy(), water["bank_m"].to_numpy() < _BANK_REACH_M
    classes = water["bank_m"].copy(data=np.where(is_water, np.where(is_near, 2.0, 1.0), np.nan).astype(np.float32))
    return raster_layer(_placed(classes, water), palette=_WATER, name=name, zh="影像水体", en="Water seen")


def contrast_layer(contrasts: pd.DataFrame, outfalls: gpd.GeoDataFrame, *, layer: str = "") -> Layer:
    """Return the contrast at every outfall as points: coloured where it was seen, grey with the reason where not.

    Parameters
    ----------
    contrasts : DataFrame
        Contract ``contrasts``. Of several scenes the surest of each outfall is drawn (least q), and how many saw it is said.
    outfalls : GeoDataFrame, n rows, Point
        Contract ``outfalls``. Not changed.
    layer : str, optional
        Which layer of the contrasts; the first one by default.

    Returns
    -------
    Layer
        ``contrasts``, one point per outfall that some scene was asked about.

    Raises
    ------
    MapError
        A column is missing.

    Examples
    --------
    >>> from outfall.tables import empty
    >>> contrast_layer(empty("contrasts"), empty("outfalls", crs=4490))
    <Layer contrasts: 0 points>
    """
    missing = [name for name in ("outfall_id", "layer", "estimate", "q", "code", "reason") if name not in contrasts]
    if missing or "outfall_id" not in outfalls:
        msg = f"contrasts: no column {missing[0] if missing else 'outfall_id'!r}; give the answer of find_contrasts and the outfalls"
        raise MapError(msg)
    first = layer or next(iter(contrasts["layer"]), "")
    rows = contrasts[contrasts["layer"] == first]
    seen = rows["estimate"].notna().groupby(rows["outfall_id"]).sum()
    order = rows.assign(blind=rows["estimate"].isna()).sort_values(["blind", "q", "taken_at"], kind="stable")
    best = order.drop_duplicates("outfall_id").drop(columns="blind")
    points = outfalls.drop_duplicates("outfall_id").set_index("outfall_id").geometry
    table = gpd.GeoDataFrame(
        best.assign(scenes_seen=best["outfall_id"].map(seen)).reset_index(drop=True),
        geometry=np.asarray(points.reindex(best["outfall_id"])), crs=outfalls.crs,
    )  # fmt: skip
    return Layer(
        "contrasts", "points", table, zh="影像上下游差异", en="Contrast seen from above", contract="contrasts",
        style="estimate", styles=("q", "code"), popup=_POPUP, search=("outfall_id",), group="water", time="taken_at",
    )  # fmt: skip


def _choose(values: xr.Dataset | xr.DataArray, name: str) -> xr.DataArray:
    import xarray as xr

    if isinstance(values, xr.DataArray):
        return values if values.name is not None else values.rename(name or "scene")
    known = [str(key) for key in values.data_vars if key != "flags"]
    chosen = name or (known[0] if len(known) == 1 else "")
    if chosen not in known:
        msg = f"scene layer: {name or 'no name'!r} is none of {', '.join(known) or 'nothing'}; say which to draw"
        raise MapError(msg)
    return values[chosen]


def _said(array: xr.DataArray) -> tuple[str, str, str, str]:
    """Return labels, unit and what a layer is about, of its formula where it has one."""
    from outfall.scenes import find_formula, formulas

    name = str(array.name)
    if name not in formulas():
        return name, name, str(array.attrs.get("unit", "")), ""
    formula = find_formula(name)
    unit = "" if formula.unit in ("", "1") else formula.unit
    return formula.zh, formula.en, unit, formula.group


def _placed(array: xr.DataArray, whole: xr.Dataset | xr.DataArray) -> xr.DataArray:
    """Return an array that says its CRS itself, without attributes that a raster would take for something else."""
    crs = array.attrs.get("crs", whole.attrs.get("crs", ""))
    plain = array.copy(deep=False)
    plain.attrs = {"crs": crs}
    return plain
