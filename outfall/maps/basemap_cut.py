"""Which tiles of a file travel in a page: where the survey lies, from the farthest zoom on, as long as they fit."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from outfall.coordinates import wgs84_to_bd09, wgs84_to_gcj02
from outfall.errors import MapError, ReadError
from outfall.tables.safe import TileFile, describe_tiles, raster_driver, read_tiles

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from outfall.maps.basemap import BaseMap

__all__ = ["Cut", "cut_basemap", "describe_file", "tile_box"]

Bounds = tuple[float, float, float, float]

_SIDE_PX = 256
_HALF_M = 20037508.342789244
_QUALITY = 82
_RIM_SHARE = 0.15
_FAR_ZOOMS = 2
_MAX_TILES = 60_000
_CHINA: Bounds = (73.0, 3.0, 136.0, 54.0)


@dataclass(frozen=True, slots=True)
class Cut:
    """What of a base map fits.

    Parameters
    ----------
    tiles : mapping of (zoom, column, row) to bytes
        Rows count from the north.
    kind : {"mvt", "picture"}
        Shapes or pictures.
    bounds_deg : tuple of float
        West, south, east, north that was asked for, WGS 84.
    zooms : tuple of int
        First and last zoom that are there; equal to (-1, -1) where none is.
    left_out : tuple of int
        Zooms of the file that did not fit.
    """

    tiles: Mapping[tuple[int, int, int], bytes]
    kind: Literal["mvt", "picture"]
    bounds_deg: Bounds
    zooms: tuple[int, int]
    left_out: tuple[int, ...] = field(default=())

    def __repr__(self) -> str:
        """Return how many tiles there are, their zooms, their size, and what was left out."""
        size = sum(len(content) for content in self.tiles.values()) / 1e6
        kept = f"zooms {self.zooms[0]}-{self.zooms[1]}" if self.tiles else "no zoom"
        left = f"; left out: zooms {self.left_out[0]}-{self.left_out[-1]}" if self.left_out else ""
        return f"<Cut {len(self.tiles):,} tiles, {kept}, {size:.1f} MB{left}>"


def describe_file(path: Path) -> TileFile:
    """Return what a file holds that can be a base map; a GeoTIFF gets the zooms of its pixels.

    Raises
    ------
    ReadError
        Missing, damaged, or no base map.
    """
    if path.is_file() and path.suffix.lower() in (".tif", ".tiff"):
        return _describe_geotiff(path)
    return describe_tiles(path)


def cut_basemap(base: BaseMap, bounds_deg: Bounds | None = None) -> Cut:
    """Return the tiles of a file that go into a page, and say what is left out.

    Zooms are taken whole, the farthest first, so that the survey is never seen half on a base map.

    Parameters
    ----------
    base : BaseMap
        From ``open_basemap``.
    bounds_deg : tuple of float, optional
        West, south, east, north of the survey, WGS 84; the base map's own bounds go first.

    Returns
    -------
    Cut
        The tiles and the zooms that did not fit.

    Raises
    ------
    MapError
        The base map is online, or its file cannot be read.
    """
    if base.path is None:
        msg = f"base map {base.name!r} is online; tiles are never taken from a server: use a file you may use"
        raise MapError(msg)
    try:
        return _cut(base, describe_file(base.path), base.bounds_deg or bounds_deg)
    except ReadError as error:
        msg = f"base map: {error}"
        raise MapError(msg) from error


def tile_box(bounds_deg: Bounds, zoom: int) -> tuple[int, int, int, int]:
    """Return the first and last column and row of the tiles that cover a box.

    Examples
    --------
    >>> tile_box((120.0, 30.0, 120.1, 30.1), 10)
    (853, 422, 853, 422)
    """
    west, south, east, north = bounds_deg
    count = 2**zoom
    columns = [math.floor((lon / 360 + 0.5) * count) for lon in (west, east)]
    rows = [math.floor(_share(lat) * count) for lat in (north, south)]
    left, right, top, bottom = (max(0, min(count - 1, edge)) for edge in (*columns, *rows))
    return left, top, right, bottom


def _share(lat: float) -> float:
    sine = math.sin(math.radians(max(-85.0, min(85.0, lat))))
    return 0.5 - math.log((1 + sine) / (1 - sine)) / (4 * math.pi)


def _cut(base: BaseMap, held: TileFile, bounds_deg: Bounds | None) -> Cut:
    box_deg = _with_rim(bounds_deg or held.bounds_deg or _CHINA)
    there_deg = _in_datum(box_deg, base.datum)
    most = base.most_mb * 1e6 * 0.8  # as text, four bytes are five letters
    tiles: dict[tuple[int, int, int], bytes] = {}
    zooms = [zoom for zoom in range(base.min_zoom, base.max_zoom + 1) if zoom >= _first_zoom(there_deg, base)]
    size = 0
    done: list[int] = []
    for zoom in zooms:
        found: dict[tuple[int, int, int], bytes] = {}
        for column, row, content in _tiles(base, held, zoom, there_deg):
            size += len(content) if held.kind == "picture" else len(content) // 2  # shapes pack to about half
            if size > most or len(tiles) + len(found) > _MAX_TILES:
                left_out = tuple(other for other in zooms if other >= zoom)
                return Cut(tiles, held.kind, box_deg, (done[0], done[-1]) if done else (-1, -1), left_out)
            found[zoom, column, row] = content
        tiles |= found
        done.append(zoom)
    with_tiles = sorted({zoom for zoom, _, _ in tiles})
    return Cut(tiles, held.kind, box_deg, (with_tiles[0], with_tiles[-1]) if with_tiles else (-1, -1))


def _tiles(base: BaseMap, held: TileFile, zoom: int, box_deg: Bounds) -> Iterator[tuple[int, int, bytes]]:
    left, top, right, bottom = tile_box(box_deg, zoom)
    if (right - left + 1) * (bottom - top + 1) > 4 * _MAX_TILES:
        return
    if held.path.suffix.lower() in (".tif", ".tiff"):
        yield from _tiles_of_geotiff(held.path, zoom, (left, top, right, bottom))
    elif base.is_tms and held.form == "folder":
        last = 2**zoom - 1
        for column, row, content in read_tiles(held, zoom, (left, last - bottom, right, last - top)):
            yield column, last - row, content
    else:
        yield from read_tiles(held, zoom, (left, top, right, bottom))


def _first_zoom(box_deg: Bounds, base: BaseMap) -> int:
    """Return the zoom from which tiles are worth their bytes: two before the one where the box fills a tile."""
    side = max((box_deg[2] - box_deg[0]) / 360, abs(_share(box_deg[1]) - _share(box_deg[3])), 1e-9)
    return max(base.min_zoom, min(base.max_zoom, math.floor(-math.log2(side)) - _FAR_ZOOMS))


def _with_rim(box: Bounds) -> Bounds:
    rim = max(box[2] - box[0], box[3] - box[1], 0.01) * _RIM_SHARE
    return box[0] - rim, box[1] - rim, box[2] + rim, box[3] + rim


def _in_datum(box: Bounds, datum: str) -> Bounds:
    if datum not in ("gcj02", "bd09"):
        return box
    move = wgs84_to_gcj02 if datum == "gcj02" else wgs84_to_bd09
    lon, lat = move([box[0], box[2], box[0], box[2]], [box[1], box[1], box[3], box[3]])
    return float(lon.min()), float(lat.min()), float(lon.max()), float(lat.max())


def _describe_geotiff(path: Path) -> TileFile:
    import rasterio
    from rasterio.errors import RasterioError
    from rasterio.vrt import WarpedVRT
    from rasterio.warp import transform_bounds

    try:
        with rasterio.open(path, driver=raster_driver(path)) as opened:
            if opened.crs is None or set(opened.dtypes) != {"uint8"} or opened.count not in (1, 3, 4):
                msg = (
                    f"{path}: {opened.count} bands of {opened.dtypes[0]}, {'no' if opened.crs is None else 'with a'} CRS; expected a"
                    " picture with a CRS and 1, 3 or 4 bands of uint8. Draw measurements as a raster: draw(..., under=path)"
                )
                raise ReadError(msg)
            with WarpedVRT(opened, crs="EPSG:3857") as warped:
                pixel_m = warped.transform.a
            bounds = transform_bounds(opened.crs, "EPSG:4326", *opened.bounds)
    except RasterioError as error:
        msg = f"{path}: cannot be read as a raster ({error}); export it again"
        raise ReadError(msg) from error
    nearest = math.ceil(math.log2(2 * _HALF_M / _SIDE_PX / pixel_m) - 0.3)
    return TileFile(path, "folder", "picture", 0, max(0, min(22, nearest)), bounds)


def _tiles_of_geotiff(path: Path, zoom: int, box: tuple[int, int, int, int]) -> Iterator[tuple[int, int, bytes]]:
    import rasterio
    from rasterio.enums import ColorInterp, Resampling
    from rasterio.vrt import WarpedVRT
    from rasterio.windows import Window

    left, top, right, bottom = box
    size_m = 2 * _HALF_M / 2**zoom
    columns, rows = right - left + 1, bottom - top + 1
    grid = rasterio.Affine(size_m / _SIDE_PX, 0, left * size_m - _HALF_M, 0, -size_m / _SIDE_PX, _HALF_M - top * size_m)
    with rasterio.open(path, driver=raster_driver(path)) as opened:
        colours = opened.colormap(1) if opened.colorinterp[0] == ColorInterp.palette else None
        has_alpha = ColorInterp.alpha in opened.colorinterp
        options = {"resampling": Resampling.nearest if colours else Resampling.bilinear, "add_alpha": not has_alpha}
        shape = {"transform": grid, "width": columns * _SIDE_PX, "height": rows * _SIDE_PX}
        with WarpedVRT(opened, crs="EPSG:3857", **shape, **options) as warped:
            for column in range(columns):
                for row in range(rows):
                    bands = warped.read(window=Window(column * _SIDE_PX, row * _SIDE_PX, _SIDE_PX, _SIDE_PX))
                    if bands[-1].any():
                        yield left + column, top + row, _encode(bands, colours)


def _encode(bands: NDArray[np.uint8], colours: Mapping[int, tuple[int, ...]] | None) -> bytes:
    from PIL import Image

    *seen, alpha = bands
    if colours:
        table = np.zeros((256, 3), np.uint8)
        for value, colour in colours.items():
            table[value] = colour[:3]
        seen = list(np.moveaxis(table[seen[0]], -1, 0))
    picture = np.dstack([*(seen if len(seen) == 3 else [seen[0]] * 3), alpha])
    stream = io.BytesIO()
    Image.fromarray(picture, "RGBA").save(stream, "WEBP", quality=_QUALITY, method=2)
    return stream.getvalue()
