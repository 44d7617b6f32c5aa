"""Where a raster lies in Web Mercator, on which cells, and what stands in each of them.

The cells of the picture are the raster's own, or a little finer, so that the centre of every cell of the raster falls into a cell of
the picture that shows it; never coarser, except where a raster is larger than the budget.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from outfall.errors import Problem
from outfall.maps.raster_read import refuse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from affine import Affine
    from numpy.typing import NDArray

__all__ = ["Warped", "warp"]

_EDGE_DEG = 85.0511287798066
_EDGE_M = 20037508.342789244
_SAMPLES = 33
_TOLERANCE_PX = 0.02
_FEW_GCPS = 4


@dataclass(frozen=True, slots=True, eq=False)
class Warped:
    """Bands in Web Mercator.

    Parameters
    ----------
    bands : array, bands x rows x columns
        Numbers; NaN where there is no data.
    bounds_deg : tuple of float
        West, south, east, north in degrees.
    is_decimated : bool
        Whether the raster was larger than the budget.
    """

    bands: NDArray[Any]
    bounds_deg: tuple[float, float, float, float]
    is_decimated: bool


def warp(opened: Any, bands: Sequence[int], name: str, *, most_px: int, how: str) -> Warped:
    """Return bands of an open raster on cells of Web Mercator.

    Parameters
    ----------
    opened : DatasetReader
        With a transform and a CRS, or with ground control points.
    bands : sequence of int
        Counted from 1.
    name : str
        How messages call it.
    most_px : int, cells
        Budget of the picture.
    how : {"photo", "values", "classes"}
        Photographs are blended, values and classes keep the number of the nearest cell.

    Returns
    -------
    Warped
        Cells without data are NaN.

    Raises
    ------
    MapError
        It crosses the antimeridian or lies outside of Web Mercator.
    """
    from rasterio import Affine
    from rasterio.enums import Resampling
    from rasterio.warp import reproject

    place = _Place(opened)
    west, south, east, north = place.bounds_m(name)
    across_m, down_m = place.cell_m()
    width, height = max(1.0, (east - west) / across_m), max(1.0, (north - south) / down_m)
    factor = max(1.0, math.sqrt(width * height / most_px))
    shape = (max(1, math.ceil(height / factor - 1e-6)), max(1, math.ceil(width / factor - 1e-6)))
    read = (max(1, round(opened.height / factor)), max(1, round(opened.width / factor)))
    values, mask = _read(opened, bands, read if factor > 1 else None, how)
    scale = (opened.width / mask.shape[1], opened.height / mask.shape[0])
    target = {
        "dst_transform": Affine((east - west) / shape[1], 0, west, 0, -(north - south) / shape[0], north),
        "dst_crs": "EPSG:3857",
        "tolerance": _TOLERANCE_PX,
        **place.source(scale),
    }
    blended = Resampling.bilinear if how == "photo" else Resampling.nearest
    out = np.full((len(bands), *shape), np.nan, values.dtype)
    reproject(values, out, src_nodata=np.nan, dst_nodata=np.nan, resampling=blended, **target)
    if how == "photo":
        seen = np.zeros(shape, np.uint8)
        reproject(mask.astype(np.uint8), seen, resampling=Resampling.nearest, **target)
        out[:, seen == 0] = np.nan
    return Warped(out, _degrees(west, south, east, north), factor > 1)


def _read(
    opened: Any, bands: Sequence[int], shape: tuple[int, int] | None, how: str
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return numbers with NaN where there is no data, and where there is data; a large file is read through its overviews."""
    from rasterio.enums import Resampling

    wanted = list(bands)
    kind = "float32" if how == "photo" else "float64"
    blended = Resampling.nearest if how == "classes" else Resampling.average
    options = {} if shape is None else {"out_shape": (len(wanted), *shape)}
    values = opened.read(wanted, resampling=blended if shape else Resampling.nearest, **options).astype(kind)
    masks = opened.read_masks(wanted, **options) > 127
    for at, band in enumerate(wanted):
        scale, offset = opened.scales[band - 1], opened.offsets[band - 1]
        if how != "classes" and (scale, offset) != (1.0, 0.0):
            values[at] = values[at] * scale + offset
    mask = (masks.any(axis=0) if how == "photo" else masks.all(axis=0)) & np.isfinite(values).all(axis=0)
    values[:, ~mask] = np.nan
    return values, mask


class _Place:
    """Positions of a raster's cells, by its transform or by its ground control points."""

    def __init__(self, opened: Any) -> None:
        import pyproj

        gcps, gcps_crs = opened.gcps
        self.gcps = list(gcps) if opened.transform.is_identity or opened.crs is None else []
        self.crs = gcps_crs if self.gcps else opened.crs
        self.transform: Affine = opened.transform
        self.width, self.height = opened.width, opened.height
        self.to_deg = pyproj.Transformer.from_crs(self.crs.to_wkt(), "EPSG:4326", always_xy=True)
        if not self.gcps and self.crs.is_geographic:
            self.transform = _unwound(self.transform, self.width, self.height)

    def source(self, scale: tuple[float, float]) -> dict[str, Any]:
        from rasterio.control import GroundControlPoint

        across, down = scale
        if not self.gcps:
            t = self.transform
            coarse = type(t)(t.a * across, t.b * down, t.c, t.d * across, t.e * down, t.f)
            return {"src_crs": self.crs, "src_transform": coarse}
        moved = [GroundControlPoint(g.row / down, g.col / across, g.x, g.y, g.z or 0.0) for g in self.gcps]
        return {"src_crs": self.crs, "gcps": moved}

    def mercator(self, column: NDArray[np.float64], row: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
        """Return metres in Web Mercator of positions counted in cells, and degrees of longitude."""
        if self.gcps:
            from rasterio.transform import GCPTransformer

            with GCPTransformer(self.gcps) as turn:
                x, y = (np.asarray(part) for part in turn.xy(row.tolist(), column.tolist(), offset="ul"))
        else:
            t = self.transform
            x, y = t.a * column + t.b * row + t.c, t.d * column + t.e * row + t.f
        lon, lat = self.to_deg.transform(x, y)
        lat = np.clip(lat, -_EDGE_DEG, _EDGE_DEG)
        north = np.log(np.tan(np.pi / 4 + np.radians(lat) / 2)) * _EDGE_M / np.pi
        return np.asarray(lon) * _EDGE_M / 180, north, np.asarray(lon)

    def bounds_m(self, name: str) -> tuple[float, float, float, float]:
        """Return the box round the raster's outline in metres."""
        share = np.linspace(0, 1, _SAMPLES)
        zero, one = np.zeros(_SAMPLES), np.ones(_SAMPLES)
        column = np.concatenate([share, one, share[::-1], zero]) * self.width
        row = np.concatenate([zero, share, one, share[::-1]]) * self.height
        east, north, lon = self.mercator(column, row)
        if not (np.isfinite(east).all() and np.isfinite(north).all()):
            fix = "check its CRS and its transform"
            refuse(f"{name} cannot be placed", Problem("extent", "its outline has no position on the earth", fix))
        if np.abs(np.diff(lon)).max() > 180 or lon.max() > 180.0001 or lon.min() < -180.0001:
            fix = "cut it there into two rasters and draw both"
            refuse(
                f"{name} cannot be drawn as one picture", Problem("extent", "it crosses the antimeridian (180°)", fix)
            )
        if north.max() - north.min() < 1e-9:
            refuse(f"{name} cannot be drawn", Problem("extent", "it lies beyond 85° of latitude"))
        return float(east.min()), float(north.min()), float(east.max()), float(north.max())

    def cell_m(self) -> tuple[float, float]:
        """Return the width and height of a picture cell in which no cell of the raster is lost."""
        share = np.linspace(0, 1, 7)
        column, row = (part.ravel() for part in np.meshgrid(share * self.width, share * self.height))
        step = np.array([min(0.5, self.width / 4), min(0.5, self.height / 4)])
        at = [self.mercator(column + side * step[0], row)[:2] for side in (-1, 1)]
        along = [self.mercator(column, row + side * step[1])[:2] for side in (-1, 1)]
        a, c = ((at[1][k] - at[0][k]) / (2 * step[0]) for k in (0, 1))
        b, d = ((along[1][k] - along[0][k]) / (2 * step[1]) for k in (0, 1))
        across, down = np.maximum(abs(a), abs(b)), np.maximum(abs(c), abs(d))
        area = abs(a * d - b * c)
        is_drawn = area > area.max() * 1e-9
        spread = np.maximum(abs(d) * across + abs(b) * down, abs(c) * across + abs(a) * down)[is_drawn] / area[is_drawn]
        return float((across[is_drawn] / spread).min()), float((down[is_drawn] / spread).min())


def _unwound(transform: Affine, width: int, height: int) -> Affine:
    """Return a transform of 0 to 360 degrees as one of -180 to 180, where the whole raster lies in the west."""
    corners = [(transform.a * column + transform.b * row + transform.c) for column in (0, width) for row in (0, height)]
    if min(corners) < 180:
        return transform
    return type(transform)(transform.a, transform.b, transform.c - 360, transform.d, transform.e, transform.f)


def _degrees(west: float, south: float, east: float, north: float) -> tuple[float, float, float, float]:
    lats = [math.degrees(2 * math.atan(math.exp(y * math.pi / _EDGE_M)) - math.pi / 2) for y in (south, north)]
    return west * 180 / _EDGE_M, lats[0], east * 180 / _EDGE_M, lats[1]
