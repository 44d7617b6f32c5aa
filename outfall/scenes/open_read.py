"""How a plan becomes a scene: numbers scaled once, flags set, strip by strip in memory or chunk by chunk later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from affine import Affine

from outfall.errors import SceneError
from outfall.scenes.flag_field import flags
from outfall.scenes.open_place import Block, PlacedStack
from outfall.scenes.products.plan import VALID
from outfall.scenes.scene import Band, Grid, make_scene

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import xarray as xr
    from numpy.typing import NDArray

    from outfall.scenes.orthorectify import Heights
    from outfall.scenes.products.plan import BandPlan, ScenePlan

    Sizes = int | tuple[int, int]
    Layer = tuple[NDArray[np.float32], NDArray[np.uint16]]

__all__ = ["read_plan"]

_STRIP_ROWS = 1024
_NO_NUMBER = 1e30  # nobody measures this; -3.4e38 is a missing value whoever says so
_FILL = np.uint16(1)  # the bit of "no data"


def read_plan(
    plan: ScenePlan, grid: Grid, window: Block, *, heights: Heights | None = None, chunks: Sizes | None = None
) -> xr.Dataset:
    """Return the scene of a plan in a window of its grid.

    Parameters
    ----------
    plan : ScenePlan
        What is read.
    grid : Grid
        Of the whole scene.
    window : Block
        Rows and columns asked for.
    heights : Heights, optional
        For rasters that are not orthorectified.
    chunks : int or tuple of int, optional
        Rows and columns of a chunk; read at once by default.

    Returns
    -------
    Dataset
        A scene.
    """
    work = _Work(plan, tuple(PlacedStack(stack, grid, heights) for stack in plan.stacks))
    arrays = _in_memory(work, window) if chunks is None else _in_chunks(work, window, chunks)
    part = Grid(*window.shape, grid.transform @ Affine.translation(window.left, window.top), grid.crs)
    bands = {
        band.role: Band(array, band.centre_nm, band.width_nm, band.gsd_m, band.name, band.quantity)
        for band, array in zip(plan.bands, arrays, strict=False)
    }
    scene = make_scene(
        bands,
        part,
        quantity=plan.quantity,
        taken_at=plan.taken_at,
        sensor=plan.sensor,
        flag_field=arrays[-1],
        source_ref=plan.source_ref,
        notes=plan.notes,
    )
    for extra, array in zip(plan.extras, arrays[len(plan.bands) : -1], strict=True):
        scene[extra.name] = (("y", "x"), array, dict(extra.attrs))
    return scene


class _Work(NamedTuple):
    """A plan with its rasters laid on the grid."""

    plan: ScenePlan
    stacks: tuple[PlacedStack, ...]

    @property
    def layers(self) -> tuple[BandPlan, ...]:
        """Bands, then further layers."""
        return (*self.plan.bands, *(extra.band for extra in self.plan.extras))

    def layer(self, number: int, raw: NDArray[np.generic]) -> Layer:
        """Return values and flags of one layer from the raw numbers of its stack."""
        band = self.layers[number]
        values, bits = _scaled(raw[band.at], band, band.quantity or self.plan.quantity)
        if self.stacks[band.stack].stack.zero_is_fill:
            collar = (raw == 0).all(axis=0)
            values, bits = np.where(collar, np.float32(np.nan), values), np.where(collar, _FILL, bits)
        return values, bits

    def field(self, bits: Sequence[NDArray[np.uint16]], raw: Sequence[NDArray[np.generic]]) -> NDArray[np.uint16]:
        """Return the flags of a block from those of its bands and from its classes; no data means none in any band."""
        field, empty = bits[0] & ~_FILL, bits[0] & _FILL
        for one in bits[1:]:
            field, empty = field | (one & ~_FILL), empty & one
        for classes, read in zip(self.plan.flag_bands, raw, strict=True):
            gaps = ~np.isfinite(read[0]) if read.dtype.kind == "f" else np.zeros(field.shape, dtype=bool)
            field = field | classes.decode(np.where(gaps, classes.fill, read[0]).astype(np.int64))
        return np.asarray(field | empty, dtype=np.uint16)

    def make(self, raw: Sequence[NDArray[np.generic]]) -> list[NDArray[np.generic]]:
        """Return every layer and the flags from the raw numbers of the same block."""
        made = [self.layer(number, raw[band.stack]) for number, band in enumerate(self.layers)]
        bits = [one[1] for one in made[: len(self.plan.bands)]]
        return [*(one[0] for one in made), self.field(bits, [raw[one.stack] for one in self.plan.flag_bands])]


def _scaled(raw: NDArray[np.generic], band: BandPlan, quantity: str) -> tuple[NDArray[np.float32], NDArray[np.uint16]]:
    """Return numbers and flags of stored numbers; small integers through a table of every number there is."""
    most = {"uint8": 255, "uint16": 65_535}.get(raw.dtype.name)
    if most is not None and raw.size > most:
        values, bits = _scale(np.arange(most + 1).astype(raw.dtype), band, quantity)
        return values[raw], bits[raw]
    return _scale(raw, band, quantity)


def _scale(raw: NDArray[np.generic], band: BandPlan, quantity: str) -> tuple[NDArray[np.float32], NDArray[np.uint16]]:
    stored = raw.astype(np.float64)
    empty = ~np.isfinite(stored) | (np.abs(stored) > _NO_NUMBER)
    for fill in band.fills:
        empty |= raw == np.asarray(fill).astype(raw.dtype) if np.isfinite(fill) else False
    with np.errstate(invalid="ignore", over="ignore"):
        values = np.where(empty, np.nan, stored * band.scale + band.offset)
        low, high = VALID[quantity]
        outside = (values < low) | (values > high)
    bits = np.where(outside, flags()["out_of_range"].mask, 0).astype(np.uint16) | np.where(empty, _FILL, np.uint16(0))
    for number in band.saturated:
        bits[raw == number] |= np.uint16(flags()["saturated"].mask)
    return values.astype(np.float32), bits


def _in_memory(work: _Work, window: Block) -> list[NDArray[np.generic]]:
    """Return every layer of a window, read in strips so that nothing but the answer is held."""
    types = [np.dtype(np.float32)] * len(work.layers) + [np.dtype(np.uint16)]
    out: list[NDArray[np.generic]] = [np.empty(window.shape, dtype) for dtype in types]
    step = _strip_rows(work)
    for top in range(window.top - window.top % step, window.bottom, step):
        block = Block(max(top, window.top), min(top + step, window.bottom), window.left, window.right)
        rows = slice(block.top - window.top, block.bottom - window.top)
        for target, made in zip(out, work.make([stack.read(block) for stack in work.stacks]), strict=True):
            target[rows] = made
    return out


def _strip_rows(work: _Work) -> int:
    tallest = max(tile.block[0] for stack in work.stacks for tile in stack.stack.tiles)
    return _STRIP_ROWS if tallest >= _STRIP_ROWS else _STRIP_ROWS - _STRIP_ROWS % tallest


def _in_chunks(work: _Work, window: Block, chunks: Sizes) -> list[object]:
    """Return the same as dask arrays: a chunk of a file is read once for all of its bands and for the flags."""
    try:
        import dask.array as dask_array
        from dask.delayed import delayed
    except ImportError as error:
        msg = "chunks: needs dask; install outfall[dask], or give window= and read at once"
        raise SceneError(msg) from error
    tall, wide = (chunks, chunks) if isinstance(chunks, int) else chunks
    if min(tall, wide) < 1:
        msg = f"chunks: {chunks} is no size; expected rows and columns of at least 1"
        raise SceneError(msg)
    da: Any = dask_array
    number = len(work.layers) + 1
    rows: list[list[list[object]]] = [[] for _ in range(number)]
    for top in range(window.top, window.bottom, tall):
        for target in rows:
            target.append([])
        for left in range(window.left, window.right, wide):
            block = Block(top, min(top + tall, window.bottom), left, min(left + wide, window.right))
            for target, one in zip(rows, _lazy_block(work, block, delayed), strict=True):
                dtype = np.uint16 if target is rows[-1] else np.float32
                target[-1].append(da.from_delayed(one, block.shape, dtype))
    return [da.block(target) for target in rows]


def _lazy_block(work: _Work, block: Block, delayed: Callable[..., Any]) -> list[object]:
    """Return the tasks of one chunk: every layer, then the flags."""
    raw = [delayed(stack.read, pure=False)(block) for stack in work.stacks]
    made = [delayed(work.layer, nout=2, pure=False)(number, raw[band.stack]) for number, band in enumerate(work.layers)]
    bits = [one[1] for one in made[: len(work.plan.bands)]]
    field = delayed(work.field, pure=False)(bits, [raw[one.stack] for one in work.plan.flag_bands])
    return [*(one[0] for one in made), field]
