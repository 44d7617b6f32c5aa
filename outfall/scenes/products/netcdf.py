"""What does a NetCDF or HDF5 file hold: variables on a grid, by a role map where their names do not say it."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pyproj
from affine import Affine

from outfall.errors import Problem, ReadError, SceneError
from outfall.scenes.open_pixels import ArrayPixels
from outfall.scenes.products.plain import local_moment, pick_bands, scale_of
from outfall.scenes.products.plan import BandPlan, Found, Product, ScenePlan, Stack
from outfall.scenes.scene import QUANTITIES

if TYPE_CHECKING:
    from pathlib import Path

    import xarray as xr

    from outfall.scenes.products.bundle import Bundle
    from outfall.scenes.products.plan import Options

__all__ = ["NETCDF"]

_ENDINGS = (".nc", ".nc4", ".cdf", ".h5", ".hdf5", ".he5")
_ENGINES = ((b"CDF\x01", "scipy"), (b"CDF\x02", "scipy"), (b"\x89HDF\r\n\x1a\n", "netcdf4"))
_ACROSS = ("x", "lon", "longitude", "easting", "east", "xc")
_DOWN = ("y", "lat", "latitude", "northing", "north", "yc")


def _split(bundle: Bundle) -> list[list[str]]:
    return [[name] for name in bundle.names if name.casefold().endswith(_ENDINGS)]


def _describe(bundle: Bundle) -> Found:
    return Found(bundle.names[0].rpartition("/")[2], note="its variables are told when it is opened")


def _open(file: Path) -> xr.Dataset:
    """Return the file with values as stored, opened by the one library for its first bytes."""
    import xarray as xr

    with file.open("rb") as stream:
        head = stream.read(8)
    engine = next((name for mark, name in _ENGINES if head.startswith(mark)), None)
    if engine is None:
        msg = f"{file}: is neither NetCDF nor HDF5; export it again"
        raise ReadError(msg)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return xr.open_dataset(file, engine=engine, mask_and_scale=False, decode_times=False, decode_coords=False)
    except ImportError as error:
        msg = f"{file}: HDF5 is read through netCDF4; install it, or save the file as NetCDF 3"
        raise ReadError(msg) from error
    except Exception as error:  # three libraries, each with its own classes
        msg = f"{file}: cannot be read as NetCDF ({type(error).__name__}: {error}); write its attributes as UTF-8, or save it as NetCDF 3"
        raise ReadError(msg) from error


def _plan(bundle: Bundle, options: Options) -> ScenePlan:
    name = bundle.names[0]
    file = bundle.file(name)
    if file is None:
        msg = f"{bundle.where(name)}: NetCDF inside an archive is not read; unpack it"
        raise ReadError(msg)
    data = _open(file)
    try:
        return _plan_of(data, file, options)
    except (SceneError, ReadError):
        raise
    except Exception as error:  # attributes of any type stand where numbers are expected
        msg = f"{file}: its variables make no scene ({type(error).__name__}: {error})"
        raise SceneError(msg) from error


def _plan_of(data: xr.Dataset, file: Path, options: Options) -> ScenePlan:
    across, down = _axis(data, _ACROSS), _axis(data, _DOWN)
    names = tuple(str(one) for one in data.data_vars if _is_layer(data[one], across, down))
    problems = []
    if not names:
        what = "no variable has rows and columns along coordinates x and y (or lon and lat)"
        problems.append(
            Problem("variables", what, "take one moment out of the series, and save it with its coordinates")
        )
    roles, more = pick_bands(names, (), options, is_sentinel=False)
    quantity = options.quantity or str(data.attrs.get("quantity", ""))
    if quantity not in QUANTITIES:
        way = f"give quantity= one of {', '.join(QUANTITIES)}"
        more.append(Problem("quantity", f"{quantity or 'nobody said'!r}", way))
    crs = _crs(data)
    if crs is None:
        more.append(Problem("crs", "the file says none (no grid mapping, no attribute crs)", "save it with its CRS"))
    transform = _transform(data, across, down, more) if names else Affine.identity()
    states = [name for name in names if {"scale_factor", "add_offset"} & set(data[name].attrs)]
    if options.scales is not None and states:
        what = f"{', '.join(states)} state scale_factor or add_offset; numbers would be scaled twice"
        more.append(Problem("scales", what, "leave scales out"))
    if problems or more or crs is None:
        msg = f"{file}: the file makes no scene"
        raise SceneError(msg, [*problems, *more])
    stacks, bands = [], []
    for number, (role, at) in enumerate(roles.items()):
        layer = data[names[at]].transpose(down, across)
        band = _band(layer, role, number, options, transform.a if not crs.is_geographic else np.nan)
        nodata = (band.fills or (None,))[:1]
        stacks.append(Stack((ArrayPixels((layer.variable,), transform, crs, nodata=nodata, where=str(file)),)))
        bands.append(band)
    said = str(data.attrs.get("taken_at", "") or data.attrs.get("time_coverage_start", ""))
    moment, clock = local_moment(said, options)
    notes: dict[str, str | int | float] = {
        "product": "netcdf",
        "offset_applied": bands[0].offset,
        "taken_at_from": clock,
    }
    sensor = str(data.attrs.get("sensor", ""))
    return ScenePlan(
        tuple(stacks), tuple(bands), quantity, taken_at=moment, sensor=sensor, source_ref=str(file), notes=notes
    )


def _is_layer(layer: xr.DataArray, across: str, down: str) -> bool:
    return {across, down} == set(map(str, layer.dims)) and layer.ndim == 2 and layer.dtype.kind in "uif"


def _band(layer: xr.DataArray, role: str, stack: int, options: Options, pixel_m: float) -> BandPlan:
    said = layer.attrs
    stated = float(said.get("scale_factor", 1.0)), float(said.get("add_offset", 0.0))
    fills = tuple(float(said[key]) for key in ("_FillValue", "missing_value") if key in said)
    scale, offset = scale_of(options, role, str(layer.name), stated)
    centre = float(said.get("centre_nm", said.get("wavelength", np.nan)))
    gsd_m = float(said.get("gsd_m", abs(pixel_m)))
    return BandPlan(role, str(layer.name), stack, 0, scale, offset, fills, (), centre, np.nan, gsd_m)


def _axis(data: xr.Dataset, names: tuple[str, ...]) -> str:
    return next((str(one) for one in data.coords if str(one).casefold() in names and data[one].ndim == 1), "")


def _transform(data: xr.Dataset, across: str, down: str, problems: list[Problem]) -> Affine:
    steps = []
    for name in (across, down):
        centres = np.asarray(data[name].to_numpy(), dtype=float) if name else np.array([0.0, 1.0])
        gaps = np.diff(centres)
        if len(centres) < 2 or not np.allclose(gaps, gaps[0], rtol=1e-3) or gaps[0] == 0:
            problems.append(Problem(name, "its steps are not even: no grid", "resample the file to a regular grid"))
            return Affine.identity()
        steps.append((float(gaps.mean()), float(centres[0] - gaps.mean() / 2)))
    (step_x, left), (step_y, top) = steps
    return Affine(step_x, 0.0, left, 0.0, step_y, top)


def _crs(data: xr.Dataset) -> pyproj.CRS | None:
    said: list[Any] = [data.attrs.get("crs")]
    for name in data.variables:
        said += [data[name].attrs.get(key) for key in ("crs_wkt", "spatial_ref")]
    for one in said:
        if one is not None:
            try:
                return pyproj.CRS(str(one))
            except pyproj.exceptions.CRSError:
                continue
    return pyproj.CRS(4326) if {"lon", "lat"} <= set(map(str, data.coords)) else None


NETCDF = Product(
    "netcdf", "NetCDF 或 HDF5（roles 指定波段）", "NetCDF or HDF5 on a regular grid, with a role map",
    _split, _describe, _plan,
)  # fmt: skip
