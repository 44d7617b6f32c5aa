"""How fast water runs in a pipe: Manning's formula, full and partly full, with a roughness by material."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from outfall.vocabulary import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

__all__ = ["default_roughness", "find_fill", "pipe_flows", "pipe_velocities"]

_FILL = np.linspace(0.0, 0.938, 400)  # above this a pipe that fills carries less, not more
_STEEPEST = 0.5  # our default: what falls more than this has a level that is wrong


def pipe_velocities(
    diameter_mm: ArrayLike, *, slope_share: ArrayLike, roughness: ArrayLike = 0.013, fill_share: ArrayLike = 1.0
) -> NDArray[np.float64]:
    """Return the velocity in round pipes by Manning's formula.

    Parameters
    ----------
    diameter_mm : array of float, n values, mm
        Inner diameter.
    slope_share : array of float, n values
        Fall per length.
    roughness : array of float, n values, s/m^(1/3), default 0.013
        Manning's n; our default is that of concrete and clay, see `default_roughness`.
    fill_share : array of float, n values, default 1
        Depth of water over diameter, from 0 to 1; half full is as fast as full.

    Returns
    -------
    ndarray of float, m/s
        NaN where a pipe has no diameter, does not fall, or falls by more than half its length.

    Examples
    --------
    >>> pipe_velocities([300.0, 300.0], slope_share=[0.005, 0.0]).round(2).tolist()
    [0.97, nan]
    >>> pipe_velocities([300.0], slope_share=[0.005], fill_share=[0.5]).round(2).tolist()
    [0.97]
    """
    bore, slope, rough, fill = np.broadcast_arrays(
        *(np.asarray(item, dtype=float) for item in (diameter_mm, slope_share, roughness, fill_share))
    )
    good = (bore > 0) & (slope > 0) & (slope <= _STEEPEST) & (rough > 0) & (fill > 0) & (fill <= 1)
    bore, slope, rough, fill = (np.where(good, item, np.nan) for item in (bore / 1000.0, slope, rough, fill))
    area, wetted = _section(fill)
    radius = bore * area / wetted
    return np.asarray(radius ** (2.0 / 3.0) * np.sqrt(slope) / rough)


def pipe_flows(
    diameter_mm: ArrayLike, *, slope_share: ArrayLike, roughness: ArrayLike = 0.013, fill_share: ArrayLike = 1.0
) -> NDArray[np.float64]:
    """Return what round pipes carry by Manning's formula.

    Parameters
    ----------
    diameter_mm, slope_share, roughness, fill_share : array of float, n values
        As of `pipe_velocities`.

    Returns
    -------
    ndarray of float, m3/s
        NaN where the velocity is.

    Examples
    --------
    >>> pipe_flows([300.0], slope_share=[0.005]).round(4).tolist()
    [0.0684]
    """
    area, _ = _section(np.asarray(fill_share, dtype=float))
    speed = pipe_velocities(diameter_mm, slope_share=slope_share, roughness=roughness, fill_share=fill_share)
    return np.asarray(speed * area * (np.asarray(diameter_mm, dtype=float) / 1000.0) ** 2)


def find_fill(
    flow_m3s: ArrayLike, *, diameter_mm: ArrayLike, slope_share: ArrayLike, roughness: ArrayLike = 0.013
) -> NDArray[np.float64]:
    """Return how full a round pipe is that carries a flow.

    Parameters
    ----------
    flow_m3s : array of float, n values, m3/s
        What it carries.
    diameter_mm, slope_share, roughness : array of float, n values
        As of `pipe_velocities`.

    Returns
    -------
    ndarray of float, share of the diameter
        1 where it carries more than it can with a free surface; NaN where something is missing.

    Examples
    --------
    >>> find_fill([0.0342], diameter_mm=[300.0], slope_share=[0.005]).round(2).tolist()
    [0.5]
    """
    whole = pipe_flows(diameter_mm, slope_share=slope_share, roughness=roughness)
    area, wetted = _section(_FILL[1:])
    carried = np.concatenate([[0.0], area * (area / wetted) ** (2.0 / 3.0) / (np.pi / 4 * 0.25 ** (2.0 / 3.0))])
    share = np.asarray(flow_m3s, dtype=float) / whole
    share = np.where(share >= 0, share, np.nan)
    return np.asarray(np.interp(share, carried, _FILL, right=1.0))


@cache
def default_roughness() -> Mapping[str, float]:
    """Return our default of Manning's n for each kind of reach and each material, in s/m^(1/3).

    Returns
    -------
    mapping of str to float
        Read-only; kinds in English, materials in English and Chinese. None is verified against a standard.

    Examples
    --------
    >>> default_roughness()["gravity_sewer"], default_roughness()["混凝土"], default_roughness()["pvc"]
    (0.013, 0.013, 0.01)
    """
    stream = files(__package__).joinpath("travel_roughness.csv").read_text(encoding="utf-8").splitlines()
    rows = csv.DictReader(stream)
    found = {word: float(row["roughness"]) for row in rows for word in row["words"].split(";")}
    return MappingProxyType({**found, **{plain(word): value for word, value in found.items()}})


def _section(fill: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the area and the wetted edge of a pipe of diameter 1."""
    angle = 2.0 * np.arccos(np.clip(1.0 - 2.0 * fill, -1.0, 1.0))
    return (angle - np.sin(angle)) / 8.0, angle / 2.0
