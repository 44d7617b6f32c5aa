"""How any raster is opened alike: a file, an xarray object, or an array that knows its place."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from outfall.errors import MapError, Problem, ReadError
from outfall.maps.raster_xarray import ArrayPlace, describe_array
from outfall.tables.safe import raster_driver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pyproj
    import xarray as xr
    from affine import Affine
    from numpy.typing import NDArray

__all__ = ["RasterGrid", "open_raster", "refuse"]

_STRIP_CELLS = 4_000_000
_MEMORY_BYTES = 200_000_000
_GDAL = {"GDAL_CACHEMAX": 64, "GDAL_DISABLE_READDIR_ON_OPEN": "TRUE"}


@dataclass(frozen=True, slots=True, eq=False)
class RasterGrid:
    """An array of numbers that knows where it lies.

    Parameters
    ----------
    values : array, rows x columns or bands x rows x columns
        Numbers or flags; NaN is no data.
    transform : Affine
        From column and row (of the corner of the first cell) to east and north, as rasterio writes it.
    crs : CRS
        Anything pyproj understands.
    nodata : float, optional
        A number that stands for no data.

    Raises
    ------
    MapError
        The array has the wrong shape or holds no numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from affine import Affine
    >>> RasterGrid(np.zeros((2, 3)), Affine(10, 0, 500_000, 0, -10, 3_400_000), 32651)
    <RasterGrid 1 band, 2 x 3 cells>
    """

    values: NDArray[Any]
    transform: Affine
    crs: pyproj.CRS | str | int
    nodata: float | None = None

    def __post_init__(self) -> None:
        """Refuse what is no raster."""
        values = np.asarray(self.values)
        if values.ndim not in (2, 3) or values.dtype.kind not in "biuf" or not values.size:
            msg = (
                f"RasterGrid: an array of shape {values.shape} and type {values.dtype} is no raster; "
                "expected numbers, rows x columns or bands x rows x columns"
            )
            raise MapError(msg)

    def __repr__(self) -> str:
        """Return bands and size."""
        shape = np.shape(self.values)
        count = 1 if len(shape) == 2 else shape[0]
        return f"<RasterGrid {count} band{'s' if count > 1 else ''}, {shape[-2]} x {shape[-1]} cells>"


@contextmanager
def open_raster(what: Path | str | RasterGrid | xr.DataArray | xr.Dataset, name: str) -> Iterator[Any]:
    """Yield an open rasterio dataset of whatever was given; arrays are written aside in strips.

    Parameters
    ----------
    what : path, RasterGrid, DataArray or Dataset
        The raster.
    name : str
        How messages call it.

    Yields
    ------
    DatasetReader
        With a CRS, or with ground control points that have one.

    Raises
    ------
    MapError
        It is missing, is no raster, or does not say where it lies.
    """
    import rasterio
    from rasterio.errors import RasterioError

    with rasterio.Env(**_GDAL):
        if isinstance(what, (str, Path)):
            file = Path(what)
            if not file.exists():
                refuse(f"{name}: '{file}' does not exist; expected a raster such as a GeoTIFF")
            try:
                with rasterio.open(file, driver=raster_driver(file)) as opened:
                    _check_place(opened, f"{name}: '{file.name}'")
                    yield opened
            except (RasterioError, ReadError) as error:
                msg = f"{name}: '{file.name}' cannot be read as a raster ({error})"
                raise MapError(msg) from error
            return
        with _open_array(what, name) as opened:
            _check_place(opened, name)
            yield opened


@contextmanager
def _open_array(what: object, name: str) -> Iterator[Any]:
    """Yield arrays as a GeoTIFF: in memory where they are small, in a temporary file where they are not."""
    import rasterio
    from rasterio.io import MemoryFile

    profile, read, descriptions = _profile(what, name)
    cells = int(profile["width"]) * int(profile["height"]) * int(profile["count"])
    options = {**profile, "driver": "GTiff", "BIGTIFF": "IF_SAFER"}
    if cells * np.dtype(str(profile["dtype"])).itemsize <= _MEMORY_BYTES:
        with MemoryFile() as memory:
            with memory.open(**options) as out:
                _write(out, read, descriptions)
            with memory.open() as opened:
                yield opened
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "array.tif"
        with rasterio.open(file, "w", **options) as out:
            _write(out, read, descriptions)
        with rasterio.open(file, driver="GTiff") as opened:
            yield opened


def _profile(what: object, name: str) -> tuple[dict[str, Any], Callable[[int, int], NDArray[Any]], list[str]]:
    """Return how an array is written: its profile, a reader of rows, and the names of its bands."""
    import pyproj

    if isinstance(what, RasterGrid):
        values = np.asarray(what.values)
        values = values[None] if values.ndim == 2 else values
        told = ArrayPlace(
            what.transform,
            what.crs,
            what.nodata,
            [""] * len(values),
            values.shape,
            values.dtype,
            lambda first, last: values[:, first:last],
        )
    else:
        told = describe_array(what, name)
    shape, kind, nodata = told.shape, told.dtype, told.nodata
    try:
        wkt = pyproj.CRS(told.crs).to_wkt()
    except pyproj.exceptions.CRSError as error:
        msg = f"{name}: CRS {told.crs!r} is not known; give an EPSG number or anything pyproj takes"
        raise MapError(msg) from error
    dtype = {"b": "uint8", "f": "float64" if kind.itemsize > 4 else "float32"}.get(kind.kind, kind.name)
    profile: dict[str, Any] = {"count": shape[0], "height": shape[1], "width": shape[2], "dtype": dtype}
    profile |= {"transform": told.transform, "crs": wkt}
    if nodata is not None and (kind.kind == "f" or np.isfinite(nodata)):
        profile["nodata"] = nodata
    return profile, told.read, told.bands


def _write(out: Any, read: Callable[[int, int], NDArray[Any]], descriptions: list[str]) -> None:
    from rasterio.windows import Window

    step = max(1, _STRIP_CELLS // (out.width * out.count))
    for first in range(0, out.height, step):
        last = min(out.height, first + step)
        out.write(read(first, last).astype(out.dtypes[0]), window=Window(0, first, out.width, last - first))
    if any(descriptions):
        out.descriptions = tuple(descriptions)


def _check_place(opened: Any, name: str) -> None:
    gcps, gcps_crs = opened.gcps
    if opened.crs is None and (not gcps or gcps_crs is None):
        fix = "write it into the file with gdal_edit or rasterio"
        refuse(f"{name} cannot be placed", Problem("CRS", "missing", fix))
    if opened.transform.is_identity and not gcps:
        fix = "give it a world file or write its transform with rasterio"
        refuse(f"{name} cannot be placed", Problem("transform", "missing: cells have no position", fix))
    if not gcps and abs(opened.transform.determinant) == 0:
        refuse(f"{name} cannot be placed", Problem("transform", "cells without extent"))


def refuse(message: str, *problems: Problem) -> None:
    """Raise what a raster is refused with."""
    raise MapError(message, list(problems)) if problems else MapError(message)
