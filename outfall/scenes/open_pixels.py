"""Which numbers does one raster of one band or more hold in a window, read from the file and nothing else."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pyproj

from outfall.errors import ReadError, SceneError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from affine import Affine
    from numpy.typing import NDArray
    from rasterio.rpc import RPC

    from outfall.scenes.products.bundle import Member

__all__ = ["ArrayPixels", "Pixels", "RasterPixels"]

# Nothing beside the file is looked at: no overviews, world files or auxiliary XML of strangers.
_ENV = {"GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR", "GDAL_PAM_ENABLED": "NO", "GDAL_NUM_THREADS": "1"}

_ONE_BY_ONE = Lock()  # filters of warnings belong to the whole process


class Pixels(Protocol):
    """A raster that gives its numbers as they are stored, window by window."""

    height: int
    width: int
    count: int
    dtype: np.dtype[Any]
    transform: Affine
    crs: pyproj.CRS | None
    rpc: RPC | None
    nodata: tuple[float | None, ...]
    block: tuple[int, int]

    def read(self, rows: slice, columns: slice) -> NDArray[np.generic]:
        """Return bands x rows x columns."""
        ...


class RasterPixels:
    """Bands of one raster file, opened anew for each window, so that threads never share a handle.

    Parameters
    ----------
    member : Member
        Path and driver.
    bands : tuple of int, optional
        From 1; all by default.
    where : str
        Name for messages.
    """

    def __init__(self, member: Member, *, bands: tuple[int, ...] | None = None, where: str = "") -> None:
        self.member, self.where = member, where or member.path
        with _Opened(member, self.where) as source:
            self.bands = bands or tuple(range(1, source.count + 1))
            self.height, self.width, self.count = source.height, source.width, len(self.bands)
            self.dtype: np.dtype[Any] = np.dtype(source.dtypes[self.bands[0] - 1])
            self.transform = source.transform
            self.crs = None if source.crs is None else pyproj.CRS.from_wkt(source.crs.to_wkt())
            self.rpc: RPC | None = source.rpcs
            self.nodata: tuple[float | None, ...] = tuple(source.nodatavals[band - 1] for band in self.bands)
            self.block: tuple[int, int] = source.block_shapes[self.bands[0] - 1]
            self.names = tuple(source.descriptions[band - 1] or "" for band in self.bands)
            self.colours = tuple(source.colorinterp[band - 1].name for band in self.bands)
            self.scales = tuple(source.scales[band - 1] for band in self.bands)
            self.offsets = tuple(source.offsets[band - 1] for band in self.bands)
            self.tags: Mapping[str, str] = dict(source.tags())
        if self.dtype.kind not in "uif":
            msg = f"{self.where}: numbers of type {self.dtype} are no image; export it as real numbers"
            raise SceneError(msg)

    def read(self, rows: slice, columns: slice) -> NDArray[np.generic]:
        """Return bands x rows x columns as they are stored."""
        from rasterio.windows import Window

        window = Window(columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start)
        with _Opened(self.member, self.where) as source:
            return np.asarray(source.read(list(self.bands), window=window))


class ArrayPixels:
    """Numbers that another library holds, possibly without having read them yet.

    Parameters
    ----------
    layers : tuple of array-like, rows x columns
        One per band; sliced only where they are read.
    transform, crs : Affine, CRS
        Where they lie.
    nodata : tuple of float, optional
        One per band.
    where : str
        Name for messages.
    """

    def __init__(
        self,
        layers: tuple[object, ...],
        transform: Affine,
        crs: pyproj.CRS | None,
        *,
        nodata: tuple[float | None, ...] | None = None,
        where: str = "",
    ) -> None:
        self.layers, self.transform, self.crs, self.where = layers, transform, crs, where
        shape: tuple[int, int] = layers[0].shape  # type: ignore[attr-defined]
        self.height, self.width, self.count = shape[0], shape[1], len(layers)
        self.rpc: RPC | None = None
        self.dtype: np.dtype[Any] = np.result_type(*(layer.dtype for layer in layers))  # type: ignore[attr-defined]
        self.nodata: tuple[float | None, ...] = nodata or (None,) * len(layers)
        self.block = (256, 256)

    def read(self, rows: slice, columns: slice) -> NDArray[np.generic]:
        """Return bands x rows x columns."""
        try:
            taken = [np.asarray(layer[rows, columns]) for layer in self.layers]  # type: ignore[index]
        except Exception as error:  # an array may be read lazily, by any library, from anywhere
            msg = f"{self.where}: pixels cannot be read ({error}); fetch the file again"
            raise ReadError(msg) from error
        return np.stack([one.astype(self.dtype, copy=False) for one in taken])


class _Opened:
    """A raster open for as long as it is read, with foreign errors in our words."""

    def __init__(self, member: Member, where: str) -> None:
        self.member, self.where = member, where

    def __enter__(self) -> Any:
        import warnings

        import rasterio
        from rasterio.errors import NotGeoreferencedWarning

        self._env = rasterio.Env(**_ENV)
        self._env.__enter__()
        try:
            with _ONE_BY_ONE, warnings.catch_warnings():
                warnings.simplefilter("ignore", NotGeoreferencedWarning)
                self._source = rasterio.open(self.member.path, driver=self.member.driver)
        except Exception as error:  # a damaged raster raises classes of rasterio, of its CRS parser and of numpy
            self._env.__exit__(None, None, None)
            msg = f"{self.where}: cannot be opened as {self.member.driver} ({error}); fetch the file again"
            raise ReadError(msg) from error
        return self._source

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        self._source.close()
        self._env.__exit__(None, None, None)
        if error is not None and type(error).__module__.startswith("rasterio"):
            msg = f"{self.where}: pixels cannot be read ({error}); the file is damaged, fetch it again"
            raise ReadError(msg) from error
