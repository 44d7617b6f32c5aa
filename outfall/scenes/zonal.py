"""What do the pixels of each zone say: counts, means, spreads and medians, of water alone where asked."""

from __future__ import annotations

from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from outfall.errors import SceneError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from outfall.scenes.zones import ZoneIndex

__all__ = ["STATS", "zonal"]

_BATCH = 65_536


class _Zones:
    """The values of some zones, one zone after another, and what several statistics share."""

    def __init__(self, values: NDArray[np.float32], first: NDArray[np.int64]) -> None:
        self.values, self.first, self.counts = values, first, np.diff(first)

    @cached_property
    def mean(self) -> NDArray[np.float64]:
        return self.total(self.values.astype(np.float64)) / np.where(self.counts > 0, self.counts, np.nan)

    @cached_property
    def spread(self) -> NDArray[np.float64]:
        off = self.values.astype(np.float64) - np.repeat(self.mean, self.counts)
        off *= off
        return np.sqrt(self.total(off) / np.where(self.counts > 1, self.counts - 1, np.nan))

    @cached_property
    def ordered(self) -> NDArray[np.float32]:
        return _sorted(self.values, self.first)

    def total(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        out = np.zeros(len(self.counts))
        some = self.counts > 0
        if some.any():
            out[some] = np.add.reduceat(values, self.first[:-1][some])
        return out

    def quantile(self, share: float) -> NDArray[np.float64]:
        """Return the value at a share of the way through each sorted zone, between neighbours where it falls between."""
        last = np.maximum(self.counts - 1, 0)
        place = last * share
        low = np.floor(place).astype(np.int64)
        under, over = self._at(low), self._at(np.minimum(low + 1, last))
        return under + (place - low) * (over - under)

    def _at(self, place: NDArray[np.int64]) -> NDArray[np.float64]:
        out = np.full(len(self.counts), np.nan)
        some = self.counts > 0
        out[some] = self.ordered[self.first[:-1][some] + place[some]]
        return out


STATS: dict[str, Callable[[_Zones], NDArray[np.float64]]] = {
    "mean": lambda zones: zones.mean,
    "sd": lambda zones: zones.spread,
    "median": lambda zones: zones.quantile(0.5),
    "min": lambda zones: zones.quantile(0.0),
    "max": lambda zones: zones.quantile(1.0),
    "p25": lambda zones: zones.quantile(0.25),
    "p75": lambda zones: zones.quantile(0.75),
}


def zonal(
    index: ZoneIndex,
    layers: xr.Dataset | Mapping[str, NDArray[np.float32]] | NDArray[np.float32],
    *,
    where: object = None,
    stats: Sequence[str] = ("count", "mean", "sd", "median"),
) -> pd.DataFrame:
    """Return statistics of layers in each zone.

    Parameters
    ----------
    index : ZoneIndex
        Zones on the grid of the layers, from :func:`index_zones`.
    layers : Dataset, mapping of str to array, or array; rows x columns
        Numbers; NaN counts as nothing. A chunked dataset is read block by block.
    where : bool array or DataArray, rows x columns, optional
        Pixels that count, such as pure water.
    stats : sequence of str
        ``count`` and any of ``mean``, ``sd`` (of a sample, n - 1), ``median``, ``min``, ``max``, ``p25``, ``p75``.

    Returns
    -------
    DataFrame, one row per zone
        Columns ``<layer>_<stat>`` (``value_<stat>`` for one array). A zone without a value has count 0 and NaN.

    Raises
    ------
    SceneError
        A layer has another size than the grid, or a statistic is not known.

    Examples
    --------
    >>> import geopandas as gpd, pyproj, shapely
    >>> from affine import Affine
    >>> from outfall.scenes import Grid, index_zones
    >>> grid = Grid(2, 2, Affine(10, 0, 0, 0, -10, 20), pyproj.CRS(32651))
    >>> index = index_zones(gpd.GeoSeries([shapely.box(0, 0, 20, 20)], crs=32651), grid)
    >>> zonal(index, np.array([[1.0, 2.0], [3.0, np.nan]]), stats=("count", "median")).iloc[0].tolist()
    [3.0, 2.0]
    """
    unknown = [name for name in stats if name != "count" and name not in STATS]
    if unknown:
        msg = f"stats: {', '.join(map(repr, unknown))} not known; there are count, {', '.join(STATS)}"
        raise SceneError(msg)
    named = _named(layers)
    shape = (index.grid.height, index.grid.width)
    for name, layer in [*named.items(), ("where", where)]:
        if layer is not None and tuple(np.shape(layer)) != shape:
            msg = f"{name}: {np.shape(layer)} rows and columns; the zones were laid on {shape}"
            raise SceneError(msg)
    mask = None if where is None else np.asarray(getattr(where, "values", where), dtype=bool)
    counting, members, first = _members(index, mask)
    out: dict[str, NDArray[Any]] = {}
    for name, layer in named.items():
        values, ends = _known(_gather(layer, counting)[members], first)
        out |= {f"{name}_{stat}": column for stat, column in _in_batches(stats, values, ends).items()}
    return pd.DataFrame(out, index=pd.RangeIndex(len(index)))


def _in_batches(stats: Sequence[str], values: NDArray[np.float32], first: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    """Return the statistics of every zone, over so many zones at once as fit the cache."""
    steps = np.searchsorted(first, np.arange(0, first[-1], _BATCH))
    edges = np.unique(np.concatenate([[0], steps, [len(first) - 1]]))
    parts: dict[str, list[NDArray[Any]]] = {stat: [] for stat in stats}
    for low, high in pairwise(edges):
        zones = _Zones(values[first[low] : first[high]], first[low : high + 1] - first[low])
        for stat in stats:
            parts[stat].append(zones.counts if stat == "count" else STATS[stat](zones))
    return {stat: np.concatenate(found) if found else np.empty(0) for stat, found in parts.items()}


def _named(layers: Any) -> dict[str, Any]:
    if isinstance(layers, xr.Dataset):
        return {str(name): layers[name].data for name in layers.data_vars if layers[name].dtype.kind == "f"}
    if hasattr(layers, "items"):
        return {
            name: getattr(layer, "data", layer) if isinstance(layer, xr.DataArray) else layer
            for name, layer in layers.items()
        }
    return {"value": layers.data if isinstance(layers, xr.DataArray) else layers}


def _members(
    index: ZoneIndex, where: NDArray[np.bool_] | None
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the flat numbers of the pixels that are ever asked for, which of them each zone has, and where each zone's begin.

    A pixel in many zones is read once: a run of a zone is a slice of the sorted list of pixels that count.
    """
    begin = index.row.astype(np.int64) * index.grid.width + index.start
    length = (index.stop - index.start).astype(np.int64)
    if where is None:
        where = np.zeros((index.grid.height, index.grid.width), dtype=bool)
        where.reshape(-1)[_spread(begin, length)] = True
    counting = np.flatnonzero(where)
    order = np.argsort(begin)
    low, high = np.empty_like(begin), np.empty_like(begin)
    low[order] = np.searchsorted(counting, begin[order])
    high[order] = np.searchsorted(counting, (begin + length)[order])
    ends = np.concatenate([[0], np.cumsum(high - low)])
    return counting, _spread(low.astype(np.int32), (high - low).astype(np.int32)), ends[index.first]


def _spread(begin: NDArray[Any], length: NDArray[Any]) -> NDArray[Any]:
    """Return begin, begin + 1 … for each run, one after another."""
    ends = np.cumsum(length, dtype=begin.dtype)
    total = int(ends[-1]) if len(ends) else 0
    out = np.repeat(begin - (ends - length), length)
    out += np.arange(total, dtype=begin.dtype)
    return out


def _gather(layer: Any, pixels: NDArray[np.int64]) -> NDArray[np.float32]:
    if isinstance(layer, np.ndarray):
        return np.asarray(layer.reshape(-1)[pixels], dtype=np.float32)
    out = np.empty(len(pixels), np.float32)
    height, width = layer.shape
    rows = layer.chunks[0] if getattr(layer, "chunks", None) else (height,)
    order = np.argsort(pixels, kind="stable")
    edges = np.searchsorted(pixels[order], np.concatenate([[0], np.cumsum(rows)]) * width)
    for number, begin in enumerate(np.cumsum([0, *rows])[:-1]):
        here = order[edges[number] : edges[number + 1]]
        if len(here):
            block = np.asarray(layer[begin : begin + rows[number]])
            out[here] = block.reshape(-1)[pixels[here] - begin * width]
    return out


def _known(values: NDArray[np.float32], first: NDArray[np.int64]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return the values that are numbers, and where each zone's begin among them."""
    known = np.isfinite(values)
    if known.all():
        return values, first
    before = np.concatenate([[0], np.cumsum(known)])
    return values[known], before[first]


def _sorted(values: NDArray[np.float32], first: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return the values of each zone in order: zones of like size are rows of one table whose rows are sorted."""
    counts = np.diff(first)
    out = np.empty_like(values)
    order = np.argsort(counts, kind="stable")
    order = order[np.searchsorted(counts[order], 1) :]
    while len(order):
        most = int(counts[order[-1]])
        alike = order[np.searchsorted(counts[order], most * 3 // 4, side="right") :]
        order = order[: len(order) - len(alike)]
        place = first[alike][:, None] + np.arange(most)
        is_there = np.arange(most) < counts[alike][:, None]
        table = np.where(is_there, values[np.minimum(place, len(values) - 1)], np.float32(np.inf))
        table.sort(axis=1)
        out[place[is_there]] = table[is_there]
    return out
