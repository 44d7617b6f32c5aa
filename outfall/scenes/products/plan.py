"""What has to be read for a scene: the answer of every product, before a pixel is touched."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pandas as pd

    from outfall.scenes.open_pixels import Pixels
    from outfall.scenes.products.bundle import Bundle
    from outfall.scenes.scene import Grid

__all__ = ["VALID", "BandPlan", "ExtraPlan", "FlagPlan", "Found", "Options", "Product", "ScenePlan", "Stack"]

# Our defaults, wide enough for clear deep water after atmospheric correction: outside, a number is a fault of the product.
VALID = {
    "dn": (-np.inf, np.inf), "rho_toa": (-0.1, 1.6), "rho_s": (-0.1, 1.6), "rho_w": (-0.1, 1.0), "Rrs": (-0.04, 0.4),
    "radiance": (0.0, 2000.0), "temperature": (200.0, 373.0),
}  # fmt: skip


class Options(NamedTuple):
    """What the user said beyond the path."""

    roles: Mapping[str, str | int] | tuple[str, ...] | None = None
    quantity: str | None = None
    taken_at: str | pd.Timestamp | None = None
    scales: Mapping[str, tuple[float, float]] | tuple[float, float] | None = None


class Found(NamedTuple):
    """What a path is, told without opening a raster."""

    name: str
    sensor: str = ""
    taken_at: str = ""
    quantity: str = ""
    bands: tuple[str, ...] = ()
    note: str = ""


class Stack(NamedTuple):
    """Bands that lie together: one or several tiles of the same bands, on one kind of grid."""

    tiles: tuple[Pixels, ...]
    zero_is_fill: bool = False


class BandPlan(NamedTuple):
    """One band: where it lies, and how its numbers become what they mean."""

    role: str
    name: str
    stack: int
    at: int = 0
    scale: float = 1.0
    offset: float = 0.0
    fills: tuple[float, ...] = ()
    saturated: tuple[float, ...] = ()
    centre_nm: float = np.nan
    width_nm: float = np.nan
    gsd_m: float = np.nan
    quantity: str = ""


class FlagPlan(NamedTuple):
    """One band of classes or bits, and who reads it."""

    stack: int
    decode: Callable[[np.ndarray], np.ndarray]
    fill: int = 0


class ExtraPlan(NamedTuple):
    """One further layer of a product that is no band: an uncertainty, a distance."""

    name: str
    band: BandPlan
    attrs: Mapping[str, str]


@dataclass(frozen=True)
class ScenePlan:
    """All that a product knows about a scene.

    Parameters
    ----------
    stacks : tuple of Stack
        What is read.
    bands, flag_bands, extras : tuple
        What is made of it.
    quantity, sensor, source_ref : str
        Of the scene.
    taken_at : Timestamp, optional
        In UTC.
    notes : mapping
        Further attributes.
    grid : Grid, optional
        Where the scene shall lie when no band says it (several tiles); by default that of the finest band.
    """

    stacks: tuple[Stack, ...]
    bands: tuple[BandPlan, ...]
    quantity: str
    flag_bands: tuple[FlagPlan, ...] = ()
    extras: tuple[ExtraPlan, ...] = ()
    taken_at: pd.Timestamp | None = None
    sensor: str = ""
    source_ref: str = ""
    notes: Mapping[str, str | int | float] = field(default_factory=dict)
    grid: Grid | None = None


class Product(NamedTuple):
    """One kind of scene: how it is known by its files, what it tells of itself, and what must be read.

    ``split`` returns the names of each scene a bundle holds; ``describe`` and ``plan`` get the files of one.
    """

    name: str
    zh: str
    en: str
    split: Callable[[Bundle], list[list[str]]]
    describe: Callable[[Bundle], Found]
    plan: Callable[[Bundle, Options], ScenePlan]
