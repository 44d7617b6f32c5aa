"""What does a mosaic of drone photos hold, and where has it nothing: OpenDroneMap leaves holes over water.

Matching needs marks that stay where they are; water has none. A hole is said with its reason, never filled.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import geopandas as gpd
import numpy as np
import pyproj
import shapely
from affine import Affine

from outfall.errors import Problem, ReadError, SceneError
from outfall.scenes.flag_field import flags, set_flag
from outfall.scenes.scene import QUANTITIES, Band, Grid, grid_of, make_scene

if TYPE_CHECKING:
    import pandas as pd
    import rasterio
    import xarray as xr
    from numpy.typing import NDArray

__all__ = ["list_holes", "open_orthomosaic"]

_MOST_CELLS, _STRIP = 400_000_000, 64
# Names that ODM and cameras write into the bands of a mosaic, and the role each means.
_NAMES = {
    "red": "red", "green": "green", "blue": "blue", "nir": "nir", "nearinfrared": "nir", "rededge": "red_edge_1",
    "redededge": "red_edge_1", "lwir": "thermal", "thermal": "thermal", "panchro": "pan", "pan": "pan", "r": "red",
    "g": "green", "b": "blue", "n": "nir", "re": "red_edge_1",
}  # fmt: skip
_MOSAICS = ("odm_orthophoto/odm_orthophoto.tif", "odm_orthophoto.tif")
_SURFACES = ("odm_dem/dsm.tif", "dsm.tif", "../odm_dem/dsm.tif")
_WATER = (
    "the mosaic has no pixels here: over water photos show nothing to match",
    "正射影像在水面缺少匹配点，形成空洞",
)
_LAND = (
    "the mosaic has no pixels here: no photo, or too few of them, show it",
    "正射影像此处无像元：照片缺失或重叠不足",
)


class _Read(NamedTuple):
    """What is read of a raster: rows and columns from its corner, and how many come out."""

    window: rasterio.windows.Window
    shape: tuple[int, int]
    transform: Affine


def open_orthomosaic(
    path: str | Path,
    *,
    window: tuple[float, float, float, float] | None = None,
    gsd_m: float | None = None,
    quantity: str = "dn",
    taken_at: pd.Timestamp | None = None,
) -> xr.Dataset:
    """Return a mosaic of drone photos as a scene; holes are flagged ``fill`` and listed by ``list_holes``.

    Parameters
    ----------
    path : path
        GeoTIFF, or the folder of an OpenDroneMap project. Bands are known by their names or their colours.
    window : tuple of float, optional
        West, south, east, north in the CRS of the mosaic.
    gsd_m : float, metres, optional
        Coarser pixels to read, each the mean of those in it; one that holds a hole is a hole.
    quantity : str, default "dn"
        What the numbers are; a mosaic does not say it. ``rho_s`` for reflectance that ODM calibrated.
    taken_at : Timestamp with a zone, optional
        When it was flown.

    Returns
    -------
    xarray.Dataset
        A scene with ``gsd_m`` of each band as it was flown; attributes ``file_transform`` and ``file_size`` (of the
        whole file, for boxes drawn on it), ``hole_share`` and ``surface`` (the surface model beside it, or empty).

    Raises
    ------
    ReadError
        No such file, or no GeoTIFF.
    SceneError
        No CRS, bands nobody knows, a window beside the mosaic, or more pixels than fit.

    Examples
    --------
    >>> open_orthomosaic("none.tif")
    Traceback (most recent call last):
    ...
    outfall.errors.ReadError: none.tif: no such mosaic
    """
    import rasterio
    from rasterio.errors import RasterioError

    file = _find(Path(path))
    try:
        with warnings.catch_warnings(action="ignore"), rasterio.open(file, driver="GTiff") as raster:
            roles = _roles(file, raster, quantity)
            whole = Grid(raster.height, raster.width, raster.transform, pyproj.CRS.from_wkt(raster.crs.to_wkt()))
            plan = _plan(file, whole, window, gsd_m)
            values, is_hole = _pixels(raster, list(roles.values()), plan)
    except (RasterioError, ValueError, TypeError, pyproj.exceptions.CRSError) as error:
        if isinstance(error, SceneError):
            raise
        msg = f"{file}: cannot be read as a mosaic ({error})"
        raise ReadError(msg) from error
    grid = Grid(*plan.shape, plan.transform, whole.crs)
    bands = {
        role: Band(np.where(is_hole, np.nan, band), gsd_m=whole.pixel_m, name=str(at))
        for (role, at), band in zip(roles.items(), values, strict=True)
    }
    notes: dict[str, str | int | float] = {"hole_share": float(is_hole.mean()), "surface": _surface(file)}
    field = set_flag(np.zeros(plan.shape, np.uint16), "fill", is_hole)
    scene = make_scene(
        bands, grid, quantity=quantity, taken_at=taken_at, sensor="drone mosaic", flag_field=field,
        source_ref=file.name, notes=notes,
    )  # fmt: skip
    scene.attrs["file_transform"] = [float(number) for number in whole.transform[:6]]
    scene.attrs["file_size"] = [whole.width, whole.height]
    return scene


def list_holes(scene: xr.Dataset, water: gpd.GeoDataFrame | None = None, *, least_m2: float = 1.0) -> gpd.GeoDataFrame:
    """Return where a mosaic has nothing to say, and why.

    Parameters
    ----------
    scene : Dataset
        From ``open_orthomosaic``; any scene with the flag ``fill``.
    water : GeoDataFrame, polygons, any CRS, optional
        Water as somebody knows it: a hole that lies on it for half or more is one of matching.
    least_m2 : float, square metres, default 1
        Smaller holes are left out (our default).

    Returns
    -------
    GeoDataFrame, n rows, Polygon, CRS of the scene
        ``hole_id``, ``code`` (``no_data``), ``reason``, ``reason_zh``, ``area_m2``, ``water_share`` (missing without
        water), ``is_margin`` (it reaches the edge of what was read), ``source_ref``; the largest first.

    Raises
    ------
    SceneError
        The scene does not say where it lies in metres.

    Examples
    --------
    >>> field = np.zeros((4, 4), np.uint16)
    >>> field[1:3, 1:3] = flags()["fill"].mask
    >>> grid = Grid(4, 4, Affine(1, 0, 500000, 0, -1, 3300000), pyproj.CRS(32651))
    >>> scene = make_scene({"red": Band(np.ones((4, 4)))}, grid, quantity="dn", flag_field=field)
    >>> list_holes(scene)[["code", "area_m2", "is_margin"]].to_dict("records")
    [{'code': 'no_data', 'area_m2': 4.0, 'is_margin': False}]
    """
    from rasterio.features import shapes

    grid = grid_of(scene)
    if not np.isfinite(grid.pixel_m):
        msg = "scene: its CRS is not in metres, so that holes have no area; reproject it to a metric CRS"
        raise SceneError(msg)
    is_hole = (scene["flags"].to_numpy() & flags()["fill"].mask) > 0
    drawn = [
        shapely.geometry.shape(one)
        for one, _ in shapes(is_hole.astype(np.uint8), mask=is_hole, transform=grid.transform)
    ]
    kept = sorted((one for one in drawn if one.area >= least_m2), key=lambda one: (-one.area, one.wkb))
    holes = gpd.GeoSeries(kept, crs=grid.crs)
    west, south, east, north = _bounds(grid)
    edge = shapely.box(west, south, east, north).exterior
    share = np.full(len(kept), np.nan)
    if water is not None and kept:
        known = water.geometry.to_crs(grid.crs).union_all()
        share = (holes.intersection(known).area / holes.area).to_numpy()
    why = [_WATER if part >= 0.5 else _LAND for part in share]
    ref = scene.attrs.get("source_ref", "")
    return gpd.GeoDataFrame(
        {
            "hole_id": [f"{ref}-hole-{number}" for number in range(1, len(kept) + 1)],
            "code": ["no_data"] * len(kept),
            "reason": [part[0] for part in why],
            "reason_zh": [part[1] for part in why],
            "area_m2": holes.area.to_numpy(),
            "water_share": share,
            "is_margin": [bool(one.distance(edge) < grid.pixel_m / 2) for one in kept],
            "source_ref": [f"list_holes({ref})"] * len(kept),
        },
        geometry=holes,
        crs=grid.crs,
    )


def _find(path: Path) -> Path:
    held = [path / name for name in _MOSAICS if (path / name).is_file()] if path.is_dir() else [path]
    if not held or not held[0].is_file():
        what = "holds no odm_orthophoto.tif; give the file" if path.is_dir() else "no such mosaic"
        msg = f"{path}: {what}"
        raise ReadError(msg)
    return held[0]


def _surface(file: Path) -> str:
    return next((str(file.parent / name) for name in _SURFACES if (file.parent / name).is_file()), "")


def _roles(file: Path, raster: rasterio.DatasetReader, quantity: str) -> dict[str, int]:
    """Return the band of each role, by name or colour; refuse a mosaic that says neither."""
    problems = []
    if raster.crs is None:
        problems.append(Problem("CRS", "missing", "export the mosaic with its CRS"))
    if quantity not in QUANTITIES:
        problems.append(Problem("quantity", f"{quantity!r} is not one of {', '.join(QUANTITIES)}"))
    roles: dict[str, int] = {}
    for at, (name, colour) in enumerate(zip(raster.descriptions, raster.colorinterp, strict=True), start=1):
        plain = "".join(letter for letter in (name or "").casefold() if letter.isalpha())
        role = _NAMES.get(plain) or _NAMES.get(colour.name)
        if role is not None:
            roles.setdefault(role, at)
    if not roles:
        what = f"{raster.count} bands without names or colours"
        problems.append(Problem("bands", what, "name the bands (red, green, blue, nir, rededge, lwir)"))
    if problems:
        msg = f"{file}: {len(problems)} problems"
        raise SceneError(msg, problems)
    return roles


def _plan(file: Path, whole: Grid, window: tuple[float, float, float, float] | None, gsd_m: float | None) -> _Read:
    from rasterio.windows import Window

    first, last = np.zeros(2), np.array([whole.width, whole.height], dtype=float)
    if window is not None:
        corners = [_at(~whole.transform, *place) for place in ((window[0], window[3]), (window[2], window[1]))]
        first = np.clip(np.floor(np.min(corners, axis=0) + 1e-6), 0, last)
        last = np.clip(np.ceil(np.max(corners, axis=0) - 1e-6), 0, last)
        if (last <= first).any():
            msg = f"{file}: the window {window} lies beside the mosaic {_bounds(whole)}"
            raise SceneError(msg)
    width, height = (last - first).astype(int).tolist()
    step = 1.0 if gsd_m is None else gsd_m / whole.pixel_m
    if not step >= 1 - 1e-9:
        msg = f"{file}: gsd_m {gsd_m} is no size coarser than the {whole.pixel_m:.3f} m of the mosaic"
        raise SceneError(msg)
    shape = (max(1, round(height / step)), max(1, round(width / step)))
    if shape[0] * shape[1] > _MOST_CELLS:
        msg = f"{file}: {shape[0] * shape[1] / 1e6:,.0f} million pixels; give a window, or a coarser gsd_m"
        raise SceneError(msg)
    moved = whole.transform @ Affine.translation(*first) @ Affine.scale(width / shape[1], height / shape[0])
    return _Read(Window(*first.astype(int).tolist(), width, height), shape, moved)


def _pixels(
    raster: rasterio.DatasetReader, bands: list[int], plan: _Read
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return the bands, and where there is nothing: outside the mask, not a number."""
    from rasterio.enums import Resampling

    is_same = plan.shape == (plan.window.height, plan.window.width)
    how = Resampling.nearest if is_same else Resampling.average
    values = raster.read(bands, window=plan.window, out_shape=(len(bands), *plan.shape), resampling=how).astype(
        np.float32
    )
    return values, ~_mask(raster, bands, plan) | ~np.isfinite(values).all(axis=0)


def _mask(raster: rasterio.DatasetReader, bands: list[int], plan: _Read) -> NDArray[np.bool_]:
    """Return where every band has every pixel of each pixel that comes out, read in strips."""
    from rasterio.windows import Window

    answer = np.zeros(plan.shape, dtype=bool)
    rows, cols = (
        np.floor(np.arange(count) * (whole / count) + 1e-9).astype(int)
        for count, whole in zip(plan.shape, (plan.window.height, plan.window.width), strict=True)
    )
    for first in range(0, len(rows), _STRIP):
        part = rows[first : first + _STRIP]
        last = rows[first + _STRIP] if first + _STRIP < len(rows) else plan.window.height
        strip = Window(plan.window.col_off, plan.window.row_off + part[0], plan.window.width, last - part[0])
        mask = raster.read_masks(bands, window=strip).min(axis=0)
        mask = np.minimum.reduceat(np.minimum.reduceat(mask, part - part[0], axis=0), cols, axis=1)
        answer[first : first + _STRIP] = mask > 0
    return answer


def _bounds(grid: Grid) -> tuple[float, float, float, float]:
    corners = [_at(grid.transform, *place) for place in ((0, 0), (grid.width, grid.height))]
    east, north = zip(*corners, strict=True)
    return min(east), min(north), max(east), max(north)


def _at(to: Affine, first: float, second: float) -> tuple[float, float]:
    return to.a * first + to.b * second + to.c, to.d * first + to.e * second + to.f
