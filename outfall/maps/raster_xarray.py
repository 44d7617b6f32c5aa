"""Where an xarray object lies, which bands it has, and how its rows are read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from outfall.errors import MapError, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    import xarray as xr
    from affine import Affine
    from numpy.typing import NDArray

__all__ = ["ArrayPlace", "describe_array"]

_ACROSS = ("x", "lon", "longitude", "easting", "east")
_DOWN = ("y", "lat", "latitude", "northing", "north")
_CRS_KEYS = ("crs_wkt", "spatial_ref", "epsg_code", "proj4text", "proj4", "epsg")
_NODATA_KEYS = ("_FillValue", "missing_value", "nodata", "nodatavals")
_UNEVEN_SHARE = 0.01


@dataclass(frozen=True, slots=True, eq=False)
class ArrayPlace:
    """What an xarray object says of itself.

    Parameters
    ----------
    transform : Affine
        From column and row to position.
    crs : object
        As written in the object.
    nodata : float, optional
        What stands for no data.
    bands : list of str
        Names of the bands.
    shape : tuple of int
        Bands, rows, columns.
    dtype : dtype
        Of the numbers.
    read : callable
        First and last row to an array of bands, rows, columns.
    """

    transform: Affine
    crs: Any
    nodata: float | None
    bands: list[str]
    shape: tuple[int, int, int]
    dtype: np.dtype[Any]
    read: Callable[[int, int], NDArray[Any]]


def describe_array(what: object, name: str) -> ArrayPlace:
    """Return place, bands and reader of a DataArray or Dataset.

    Parameters
    ----------
    what : DataArray or Dataset
        With coordinates of cell centres, ascending or descending, and a CRS as ``crs`` attribute or ``spatial_ref`` coordinate.
    name : str
        How messages call it.

    Returns
    -------
    ArrayPlace
        Rows are read on demand, so that a chunked or lazily opened array never stands in memory whole.

    Raises
    ------
    MapError
        It is no raster, its coordinates are uneven, or it has no CRS.
    """
    import xarray as xr

    if isinstance(what, xr.Dataset):
        return _describe_dataset(what, name)
    if not isinstance(what, xr.DataArray):
        msg = f"{name}: {type(what).__name__} is no raster; expected a path, a RasterGrid, a DataArray or a Dataset"
        raise MapError(msg)
    down, across, others = _sides(what, name)
    if len(others) > 1:
        problem = Problem(str(others[0]), f"one of {len(others)} further dimensions", "choose one with .isel(...)")
        msg = f"{name}: {', '.join(map(str, what.dims))} are more than bands, rows and columns"
        raise MapError(msg, [problem])
    array = what.transpose(*others, down, across)
    names = (
        [str(value) for value in np.atleast_1d(array[others[0]].values)] if others and others[0] in array.coords else []
    )
    bands = names or [str(what.name or "")] * (array.sizes[others[0]] if others else 1)

    def read(first: int, last: int) -> NDArray[Any]:
        values = np.asarray(array.isel({down: slice(first, last)}).values)
        return values if others else values[None]

    place = _transform(what, across, down, name)
    shape = (len(bands), array.sizes[down], array.sizes[across])
    return ArrayPlace(place, _crs(what, across, name), _nodata(what), bands, shape, array.dtype, read)


def _describe_dataset(what: xr.Dataset, name: str) -> ArrayPlace:
    kept = [key for key in what.data_vars if {*map(str, what[key].dims)} & {*_ACROSS} and what[key].ndim >= 2]
    if not kept:
        msg = f"{name}: the dataset has no variable with rows and columns"
        raise MapError(msg)
    first = what[kept[0]]
    if any(what[key].dims != first.dims for key in kept) or (first.ndim > 2 and len(kept) > 1):
        msg = f"{name}: the dataset holds {', '.join(map(str, kept))} on different grids; choose one with dataset[...]"
        raise MapError(msg)
    loose = what.attrs if "crs" in what.attrs and "crs" not in first.attrs else {}
    places = [describe_array(what[key].assign_attrs({**loose, **what[key].attrs}), name) for key in kept]
    if len(places) == 1:
        return places[0]
    dtype = np.result_type(*[place.dtype for place in places])
    gaps = {place.nodata for place in places}
    nodata = places[0].nodata if len(gaps) == 1 else float("nan")

    def read(first_row: int, last_row: int) -> NDArray[Any]:
        parts = [place.read(first_row, last_row).astype(dtype) for place in places]
        if len(gaps) > 1:
            parts = [_cleared(part, place.nodata) for part, place in zip(parts, places, strict=True)]
        return np.concatenate(parts)

    shape = (len(places), *places[0].shape[1:])
    if len(gaps) > 1:
        dtype = np.dtype("float64")
    return ArrayPlace(places[0].transform, places[0].crs, nodata, [str(key) for key in kept], shape, dtype, read)


def _cleared(values: NDArray[Any], nodata: float | None) -> NDArray[Any]:
    values = values.astype("float64")
    return values if nodata is None else np.where(values == nodata, np.nan, values)


def _sides(what: xr.DataArray, name: str) -> tuple[Hashable, Hashable, list[Hashable]]:
    by_name = {str(dim).lower(): dim for dim in what.dims}
    across = next((by_name[key] for key in _ACROSS if key in by_name), None)
    down = next((by_name[key] for key in _DOWN if key in by_name), None)
    if across is None or down is None:
        msg = f"{name}: dimensions {', '.join(map(str, what.dims))} name no columns and rows; expected x and y, or lon and lat"
        raise MapError(msg)
    return down, across, [dim for dim in what.dims if dim not in (across, down)]


def _transform(what: xr.DataArray, across: Hashable, down: Hashable, name: str) -> Affine:
    from affine import Affine

    written = _reference(what).get("GeoTransform")
    east = _steps(what, across, name) if what.sizes[across] > 1 or written is None else None
    north = _steps(what, down, name) if what.sizes[down] > 1 or written is None else None
    if east is not None and north is not None:
        return Affine(east[1], 0, east[0] - east[1] / 2, 0, north[1], north[0] - north[1] / 2)
    return Affine.from_gdal(*(float(part) for part in str(written).split()))


def _steps(what: xr.DataArray, dim: Hashable, name: str) -> tuple[float, float]:
    """Return the first cell centre and the even step between centres."""
    if dim not in what.coords:
        problem = Problem(str(dim), "no coordinates", "assign the positions of cell centres with .assign_coords(...)")
        msg = f"{name} cannot be placed"
        raise MapError(msg, [problem])
    centres = np.asarray(what[dim].values, float)
    if len(centres) < 2 or not np.isfinite(centres).all():
        problem = Problem(
            str(dim), f"{len(centres)} centre(s) give no cell size", "give a RasterGrid with its transform"
        )
        msg = f"{name} cannot be placed"
        raise MapError(msg, [problem])
    step = (centres[-1] - centres[0]) / (len(centres) - 1)
    off = np.abs(centres - (centres[0] + step * np.arange(len(centres)))).max()
    if step == 0 or off > _UNEVEN_SHARE * abs(step):
        problem = Problem(
            str(dim), f"centres are uneven by {off:.4g}", "interpolate to an even grid first, with .interp(...)"
        )
        msg = f"{name} cannot be placed"
        raise MapError(msg, [problem])
    return float(centres[0]), float(step)


def _reference(what: xr.DataArray) -> dict[str, Any]:
    mapping = what.encoding.get("grid_mapping", what.attrs.get("grid_mapping"))
    for key in (mapping, "spatial_ref", "crs"):
        if key is not None and key in what.coords:
            return dict(what[key].attrs)
    return {}


def _crs(what: xr.DataArray, across: Hashable, name: str) -> Any:
    if what.attrs.get("crs"):
        return what.attrs["crs"]
    told = _reference(what)
    for key in _CRS_KEYS:
        if told.get(key):
            return told[key]
    if across in what.coords and str(what[across].attrs.get("units", "")).startswith("degree"):
        return "EPSG:4326"
    problem = Problem("CRS", "missing", "write it with .assign_attrs(crs='EPSG:32651')")
    msg = f"{name} cannot be placed"
    raise MapError(msg, [problem])


def _nodata(what: xr.DataArray) -> float | None:
    for told in (what.attrs, what.encoding):
        for key in _NODATA_KEYS:
            if told.get(key) is not None:
                return float(np.atleast_1d(np.asarray(told[key], dtype=float))[0])
    return None
