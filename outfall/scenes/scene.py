"""What is a scene: bands of one moment on one grid, each of a stated quantity, with flags that say where not to trust it.

A scene is an ``xarray.Dataset`` with dimensions ``y`` and ``x`` (rows from north, as every raster library has them), one
``float32`` variable per band role (``blue``, ``red_edge_1`` …) and ``flags`` (``uint16``, see :mod:`outfall.scenes.flag_field`).
Its attributes say the rest, so that it survives being written to NetCDF and read again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
import pyproj
import xarray as xr
from affine import Affine

from outfall.errors import Problem, SceneError
from outfall.scenes.flag_field import flags

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["QUANTITIES", "ROLES", "Band", "Grid", "grid_of", "make_scene", "quantity_of", "taken_at"]

QUANTITIES = {
    "dn": "digital number",
    "rho_toa": "reflectance at the top of the atmosphere",
    "rho_s": "surface reflectance",
    "rho_w": "water-leaving reflectance (pi times Rrs)",
    "Rrs": "remote-sensing reflectance, 1/sr",
    "radiance": "radiance at the sensor, W m-2 sr-1 um-1",
    "temperature": "surface temperature, K",
}

# Roles of bands with the wavelengths people mean by them (nm): a band is given a role by its reader, never by its position.
ROLES = {
    "coastal": (430, 455), "blue": (450, 515), "green": (515, 600), "orange": (600, 625), "red": (625, 690),
    "red_edge_1": (695, 715), "red_edge_2": (715, 755), "red_edge_3": (770, 800), "nir": (760, 900),
    "nir_narrow": (850, 880), "cirrus": (1360, 1390), "swir_1": (1550, 1700), "swir_2": (2080, 2350),
    "pan": (450, 900), "thermal": (10000, 12500),
}  # fmt: skip


class Band(NamedTuple):
    """One band of a scene: its values and what they are.

    Parameters
    ----------
    values : array, rows x columns
        Numbers of the scene's quantity; NaN where there is none. May be a dask array.
    centre_nm, width_nm : float
        Centre and full width at half maximum; NaN where nobody said.
    gsd_m : float
        Size of a pixel as it was sensed: resampling adds no detail.
    name : str
        Of the band in the product (``B04``).
    quantity : str
        Where it differs from the scene's (temperature beside reflectance); empty otherwise.
    """

    values: object
    centre_nm: float = np.nan
    width_nm: float = np.nan
    gsd_m: float = np.nan
    name: str = ""
    quantity: str = ""


class Grid(NamedTuple):
    """Where the pixels of a scene lie: rows, columns, transform of pixel corners to the CRS, and the CRS."""

    height: int
    width: int
    transform: Affine
    crs: pyproj.CRS

    @property
    def pixel_m(self) -> float:
        """Side of a pixel in metres (the square root of its area); NaN where the CRS is not in metres."""
        unit = self.crs.axis_info[0].unit_name if self.crs.axis_info else ""
        return float(np.sqrt(abs(self.transform.determinant))) if unit == "metre" else float("nan")


def make_scene(
    bands: Mapping[str, Band],
    grid: Grid,
    *,
    quantity: str,
    taken_at: pd.Timestamp | None = None,
    sensor: str = "",
    flag_field: object = None,
    source_ref: str = "",
    notes: Mapping[str, str | int | float] | None = None,
) -> xr.Dataset:
    """Return a scene from bands on one grid.

    Parameters
    ----------
    bands : mapping of str to Band
        By role.
    grid : Grid
        Where they lie; all bands have its rows and columns.
    quantity : str
        What the numbers are: dn, rho_toa, rho_s, rho_w, Rrs, radiance or temperature.
    taken_at : Timestamp with a zone, optional
        Moment of sensing; kept in UTC.
    sensor : str
        Platform and instrument, such as ``S2A MSI``.
    flag_field : uint16 array, rows x columns, optional
        Flags; none by default.
    source_ref : str
        File it came from.
    notes : mapping, optional
        Further attributes (``baseline``, ``offset_applied``, ``flow`` …).

    Returns
    -------
    xarray.Dataset
        Bands as ``float32`` by role, ``flags`` as ``uint16``; attributes ``quantity``, ``taken_at``, ``sensor``, ``crs``
        (WKT), ``transform`` (six numbers, row by row), ``source_ref`` and the notes.

    Raises
    ------
    SceneError
        No band, an unknown role or quantity, another shape, or a moment without a zone.

    Examples
    --------
    >>> grid = Grid(1, 2, Affine(10, 0, 500000, 0, -10, 3300000), pyproj.CRS(32651))
    >>> scene = make_scene({"red": Band(np.array([[0.03, 0.05]]), 665)}, grid, quantity="rho_s")
    >>> scene["red"].dtype.name, scene.attrs["quantity"], grid_of(scene).pixel_m
    ('float32', 'rho_s', 10.0)
    """
    shape = (grid.height, grid.width)
    problems = _band_problems(bands, shape, quantity)
    if taken_at is not None and pd.Timestamp(taken_at).tzinfo is None:
        problems.append(Problem("taken_at", f"{taken_at} has no time zone", "say it with .tz_localize(...)"))
    if problems:
        msg = "the bands make no scene"
        raise SceneError(msg, problems)
    data: dict[str, tuple[tuple[str, str], object, object]] = {
        role: (("y", "x"), _float(band.values), _band_attrs(band)) for role, band in bands.items()
    }
    field = np.zeros(shape, np.uint16) if flag_field is None else flag_field
    data["flags"] = (("y", "x"), field, _flag_attrs())
    attrs = {
        "quantity": quantity,
        "taken_at": "" if taken_at is None else pd.Timestamp(taken_at).tz_convert("UTC").isoformat(),
        "sensor": sensor,
        "crs": grid.crs.to_wkt(),
        "transform": [float(number) for number in grid.transform[:6]],
        "source_ref": source_ref,
        **(notes or {}),
    }
    return xr.Dataset(data, coords=_centres(grid), attrs=attrs)


def grid_of(scene: xr.Dataset | xr.DataArray) -> Grid:
    """Return where the pixels of a scene lie.

    Parameters
    ----------
    scene : Dataset
        Made by this package: its attributes ``crs`` and ``transform`` count, also after a cut along rows or columns.

    Returns
    -------
    Grid
        Of the rows and columns the scene has now.

    Raises
    ------
    SceneError
        It does not say its CRS or its transform.
    """
    missing = [name for name in ("crs", "transform") if name not in scene.attrs]
    if missing or not {"y", "x"} <= set(scene.coords):
        msg = f"scene: no {', '.join(missing) or 'coordinates y and x'}; open it with open_scene, or make it with make_scene"
        raise SceneError(msg)
    whole = Affine(*scene.attrs["transform"])
    if whole.b == 0 and whole.d == 0 and scene.sizes["x"] and scene.sizes["y"]:
        across, down = _step(scene["x"].to_numpy(), whole.a), _step(scene["y"].to_numpy(), whole.e)
        whole = Affine(across, 0.0, float(scene["x"][0]) - across / 2, 0.0, down, float(scene["y"][0]) - down / 2)
    return Grid(scene.sizes["y"], scene.sizes["x"], whole, pyproj.CRS(scene.attrs["crs"]))


def quantity_of(scene: xr.Dataset, role: str = "") -> str:
    """Return what the numbers of a scene, or of one of its bands, are.

    Parameters
    ----------
    scene : Dataset
        A scene.
    role : str, optional
        Of a band; a band may differ from its scene.

    Returns
    -------
    str
        One of the known quantities; empty where nobody said.
    """
    own = scene[role].attrs.get("quantity", "") if role in scene else ""
    return str(own or scene.attrs.get("quantity", ""))


def taken_at(scene: xr.Dataset) -> pd.Timestamp:
    """Return when a scene was sensed, in UTC; NaT where nobody said.

    Parameters
    ----------
    scene : Dataset
        A scene.

    Returns
    -------
    Timestamp
        With the zone UTC.
    """
    said = scene.attrs.get("taken_at", "")
    return pd.Timestamp(said).tz_convert("UTC") if said else pd.NaT


def _band_problems(bands: Mapping[str, Band], shape: tuple[int, int], quantity: str) -> list[Problem]:
    problems = []
    if not bands:
        problems.append(Problem("bands", "none", "give at least one band with its role"))
    for role, band in bands.items():
        if role not in ROLES:
            problems.append(Problem(role, "is no role of a band", f"use one of {', '.join(ROLES)}"))
        own = getattr(band.values, "shape", None) or np.asarray(band.values).shape
        if own != shape:
            problems.append(Problem(role, f"{own}; expected {shape} rows and columns"))
        if band.quantity and band.quantity not in QUANTITIES:
            problems.append(Problem(role, f"{band.quantity!r} is no quantity", f"use one of {', '.join(QUANTITIES)}"))
    if quantity not in QUANTITIES:
        problems.append(Problem("quantity", f"{quantity!r} is not one of {', '.join(QUANTITIES)}"))
    return problems


def _step(centres: NDArray[np.float64], said: float) -> float:
    """Return the step between pixels: the one said, unless rows or columns were skipped."""
    if len(centres) < 2:
        return said
    seen = float(centres[1] - centres[0])
    return said if np.isclose(seen, said, rtol=1e-6) else seen


def _float(values: object) -> object:
    return values.astype(np.float32, copy=False) if hasattr(values, "astype") else np.asarray(values, np.float32)


def _band_attrs(band: Band) -> dict[str, str | float]:
    said: dict[str, str | float] = {"band": band.name, "quantity": band.quantity}
    numbers = {"centre_nm": band.centre_nm, "width_nm": band.width_nm, "gsd_m": band.gsd_m}
    return {**{key: text for key, text in said.items() if text}, **{k: v for k, v in numbers.items() if np.isfinite(v)}}


def _flag_attrs() -> dict[str, object]:
    known = list(flags().values())
    masks = np.array([flag.mask for flag in known], np.uint16)
    return {"flag_masks": masks, "flag_meanings": " ".join(flag.name for flag in known)}


def _centres(grid: Grid) -> dict[str, tuple[str, np.ndarray]]:
    step = grid.transform
    return {
        "y": ("y", step.f + step.e * (np.arange(grid.height) + 0.5)),
        "x": ("x", step.c + step.a * (np.arange(grid.width) + 0.5)),
    }
