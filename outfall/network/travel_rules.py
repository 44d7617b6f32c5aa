"""What each rule of travel says of the reaches of a network: Jobson of rivers, Manning of sewers, continuity of mains."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pandas as pd

from outfall.network.accumulate import pick_values
from outfall.network.travel_pipe import default_roughness, find_fill, pipe_velocities
from outfall.network.travel_river import predict_velocities
from outfall.vocabulary import plain

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from outfall.network.graph import Network

__all__ = ["OPEN_KINDS", "main_velocities", "numbers_of", "river_velocities", "sewer_velocities", "values_of"]

Reals: TypeAlias = "NDArray[np.float64]"

OPEN_KINDS = ("river", "ditch")
_PIPES = ("gravity_sewer", "culvert")
_FULL = ("pressure_main",)


def river_velocities(
    network: Network, kinds: NDArray[np.object_], mean: Reals, day: Reals, upstream_km2: str | pd.Series | None
) -> tuple[Reals, Reals]:
    """Return Jobson's velocity and envelope of rivers and ditches; NaN elsewhere."""
    reaches, wanted = network.reaches, np.isin(kinds, OPEN_KINDS)
    none = np.full(len(kinds), np.nan)
    if upstream_km2 is not None:
        area = values_of(reaches, upstream_km2)
    elif (wanted & (mean > 0)).any() and (numbers_of(reaches, "area_km2") > 0).any():
        area = network.accumulate("area_km2").to_numpy(float)
    else:
        return none, none
    slope = numbers_of(reaches, "slope_share")
    found = predict_velocities(day, mean_flow_m3s=mean, upstream_km2=area, slope_share=slope)
    return tuple(np.where(wanted, found[name].to_numpy(), np.nan) for name in ("velocity_ms", "fastest_ms"))  # type: ignore[return-value]


def sewer_velocities(
    reaches: pd.DataFrame, kinds: NDArray[np.object_], length: Reals, *, flow: Reals, fill: float, by_flow: bool
) -> Reals:
    """Return Manning's velocity of sewers and culverts; how full they are follows from their flow where it is known."""
    fall = numbers_of(reaches, "invert_from_m") - numbers_of(reaches, "invert_to_m")
    levels = fall / np.where(length > 0, length, np.nan)
    slope = np.where(np.isnan(levels), numbers_of(reaches, "slope_share"), levels)
    bore, rough = numbers_of(reaches, "diameter_mm"), _roughness(reaches, kinds)
    full = np.full(len(kinds), fill)
    if by_flow:
        own = find_fill(flow, diameter_mm=bore, slope_share=slope, roughness=rough)
        full = np.where(own > 0, own, full)
    speed = pipe_velocities(bore, slope_share=slope, roughness=rough, fill_share=full)
    return np.where(np.isin(kinds, _PIPES), speed, np.nan)


def main_velocities(reaches: pd.DataFrame, kinds: NDArray[np.object_], flow: Reals) -> Reals:
    """Return flow over section of pressure mains."""
    bore = numbers_of(reaches, "diameter_mm") / 1000.0
    good = np.isin(kinds, _FULL) & (bore > 0) & (flow > 0)
    return np.where(good, flow / (np.pi / 4 * np.where(good, bore, 1.0) ** 2), np.nan)


def _roughness(reaches: pd.DataFrame, kinds: NDArray[np.object_]) -> Reals:
    """Return Manning's n: the reach's own, that of its material, or that of its kind."""
    known = default_roughness()
    rough = np.array([known.get(str(kind), np.nan) for kind in kinds], dtype=float)
    if "material" in reaches.columns:
        material = reaches["material"].astype("str").map(plain, na_action="ignore").map(known).to_numpy(float)
        rough = np.where(np.isnan(material), rough, material)
    own = numbers_of(reaches, "roughness")
    return np.where(own > 0, own, rough)


def numbers_of(reaches: pd.DataFrame, name: str) -> Reals:
    """Return a column as numbers; NaN throughout where the reaches do not have it."""
    if name not in reaches.columns:
        return np.full(len(reaches), np.nan)
    return pd.to_numeric(reaches[name], errors="coerce").to_numpy(dtype=float, na_value=np.nan)


def values_of(reaches: pd.DataFrame, values: str | pd.Series) -> Reals:
    """Return a column as it is, or a series in the order of the reaches."""
    if isinstance(values, str) and values in reaches.columns:
        return numbers_of(reaches, values)
    return pick_values(reaches, values).to_numpy(float)
