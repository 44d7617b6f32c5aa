"""Which pixel of a raster lies under each pixel of a scene: the nearest one, found the same way for every window."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from outfall.errors import SceneError
from outfall.scenes.orthorectify import move, rows_and_columns

if TYPE_CHECKING:
    from affine import Affine
    from numpy.typing import NDArray

    from outfall.scenes.open_pixels import Pixels
    from outfall.scenes.orthorectify import Heights
    from outfall.scenes.products.plan import Stack
    from outfall.scenes.scene import Grid

__all__ = ["Block", "PlacedStack", "dtype_with_gaps"]


class Block(NamedTuple):
    """Rows and columns of the whole scene."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.bottom - self.top, self.right - self.left


def dtype_with_gaps(dtype: np.dtype[np.generic]) -> np.dtype[np.generic]:
    """Return the type that holds the same numbers and also none at all."""
    return np.result_type(dtype, np.float32) if dtype.kind != "f" else dtype


class PlacedStack:
    """A stack of bands as the scene's grid sees it.

    Every pixel of the scene takes the number of the pixel its centre falls on: numbers are never mixed, so classes stay
    classes and land does not bleed into water. Places are computed from the number of the pixel in the whole scene, so
    that windows and chunks agree to the last bit.

    Parameters
    ----------
    stack : Stack
        Tiles with the same bands; where they overlap, the first that has data counts.
    grid : Grid
        Of the whole scene.
    heights : Heights, optional
        For rasters that are not orthorectified.
    """

    def __init__(self, stack: Stack, grid: Grid, heights: Heights | None = None) -> None:
        self.stack, self.grid, self.heights = stack, grid, heights
        first = stack.tiles[0]
        self._is_along = [_same_crs(tile, grid) and tile.transform.b == 0 == tile.transform.d for tile in stack.tiles]
        self.is_covered = len(stack.tiles) == 1 and self._is_along[0] and _covers(first, grid)
        self.dtype = first.dtype if self.is_covered else dtype_with_gaps(first.dtype)
        self.count = first.count

    @property
    def shape(self) -> tuple[int, int, int]:
        """Bands, rows and columns of the whole scene."""
        return self.count, self.grid.height, self.grid.width

    def read(self, block: Block) -> NDArray[np.generic]:
        """Return bands x rows x columns; NaN where no tile lies."""
        if self.is_covered:
            return _take_regular(self.stack.tiles[0], self.grid.transform, block)[0]
        out = np.full((self.count, *block.shape), np.nan, self.dtype)
        for tile, is_along in zip(self.stack.tiles, self._is_along, strict=True):
            values, there = _take_regular(tile, self.grid.transform, block) if is_along else self._take(tile, block)
            if values is None:
                continue
            empty = np.isnan(out).all(axis=0) & there & _holds(values, tile, self.stack)
            out[:, empty] = values[:, empty]
        return out

    def _take(self, tile: Pixels, block: Block) -> tuple[NDArray[np.generic] | None, NDArray[np.bool_]]:
        rows, columns = self._spots(tile, block)
        there = (rows >= 0) & (rows < tile.height) & (columns >= 0) & (columns < tile.width)
        if not there.any():
            return None, there
        top, left = int(rows[there].min()), int(columns[there].min())
        bottom, right = int(rows[there].max()) + 1, int(columns[there].max()) + 1
        taken = tile.read(slice(top, bottom), slice(left, right))
        return taken[:, np.where(there, rows - top, 0), np.where(there, columns - left, 0)], there

    def _spots(self, tile: Pixels, block: Block) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the row and column of a tile under each pixel of a block."""
        step = self.grid.transform
        east = step.c + step.a * (np.arange(block.left, block.right) + 0.5)
        north = step.f + step.e * (np.arange(block.top, block.bottom) + 0.5)
        east, north = (numbers.ravel() for numbers in np.meshgrid(east, north))
        if tile.rpc is not None:
            row, column = rows_and_columns(tile.rpc, east, north, self.grid.crs, self.heights)
        else:
            if tile.crs is None:
                msg = "a raster says no CRS; export it with its CRS"
                raise SceneError(msg)
            east, north = move(self.grid.crs, tile.crs).transform(east, north)
            back = ~tile.transform
            column, row = back.a * east + back.b * north + back.c, back.d * east + back.e * north + back.f
        return _whole(row).reshape(block.shape), _whole(column).reshape(block.shape)


def _whole(numbers: NDArray[np.float64]) -> NDArray[np.int64]:
    known = np.isfinite(numbers) & (np.abs(numbers) < 2**40)
    return np.where(known, np.floor(np.where(known, numbers, -1)), -1).astype(np.int64)


def _same_crs(tile: Pixels, grid: Grid) -> bool:
    return tile.rpc is None and tile.crs is not None and (tile.crs == grid.crs or tile.crs.equals(grid.crs))


def _covers(tile: Pixels, grid: Grid) -> bool:
    rows = _along(
        tile.transform.e, tile.transform.f, grid.transform.e, grid.transform.f, np.array([0, grid.height - 1])
    )
    columns = _along(
        tile.transform.a, tile.transform.c, grid.transform.a, grid.transform.c, np.array([0, grid.width - 1])
    )
    return bool(((rows >= 0) & (rows < tile.height)).all() and ((columns >= 0) & (columns < tile.width)).all())


def _along(step: float, begin: float, grid_step: float, grid_begin: float, at: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.floor(((grid_begin - begin) + grid_step * (at + 0.5)) / step).astype(np.int64)


def _take_regular(tile: Pixels, step: Affine, block: Block) -> tuple[NDArray[np.generic], NDArray[np.bool_]]:
    """Return the numbers under a block of a grid whose rows and columns run along those of the tile."""
    rows = _along(tile.transform.e, tile.transform.f, step.e, step.f, np.arange(block.top, block.bottom))
    columns = _along(tile.transform.a, tile.transform.c, step.a, step.c, np.arange(block.left, block.right))
    in_rows, in_columns = (rows >= 0) & (rows < tile.height), (columns >= 0) & (columns < tile.width)
    there = in_rows[:, None] & in_columns[None, :]
    if not there.any():
        return np.zeros((tile.count, *block.shape), tile.dtype), there
    top, left = int(rows[in_rows].min()), int(columns[in_columns].min())
    bottom, right = int(rows[in_rows].max()) + 1, int(columns[in_columns].max()) + 1
    taken = tile.read(slice(top, bottom), slice(left, right))
    if taken.shape[1:] == block.shape and there.all() and _is_run(rows) and _is_run(columns):
        return taken, there
    rows, columns = np.where(in_rows, rows - top, 0), np.where(in_columns, columns - left, 0)
    return taken[:, rows][:, :, columns], there


def _is_run(numbers: NDArray[np.int64]) -> bool:
    return bool((np.diff(numbers) == 1).all())


def _holds(values: NDArray[np.generic], tile: Pixels, stack: Stack) -> NDArray[np.bool_]:
    """Return where a tile has data in at least one band: where it has none, its neighbour may."""
    empty = np.zeros(values.shape, dtype=bool)
    for at, nodata in enumerate(tile.nodata):
        if nodata is not None:
            empty[at] = values[at] == np.asarray(nodata).astype(values.dtype)
    holds = ~empty.all(axis=0)
    return np.asarray(holds & (values != 0).any(axis=0) if stack.zero_is_fill else holds, dtype=bool)
