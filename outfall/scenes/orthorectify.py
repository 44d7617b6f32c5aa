"""Which pixel of an image that is not orthorectified shows a place on the ground: rational polynomials and a height."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pyproj
from affine import Affine

from outfall.errors import ReadError, SceneError
from outfall.scenes.scene import Grid

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from rasterio.rpc import RPC

    from outfall.scenes.open_pixels import Pixels

__all__ = ["Heights", "ground_grid", "move", "read_rpc", "rows_and_columns"]

_NAMES = {
    "line_off": ("lineOffset", "LINE_OFF"), "samp_off": ("sampOffset", "SAMP_OFF"),
    "lat_off": ("latOffset", "LAT_OFF"), "long_off": ("longOffset", "LONG_OFF"),
    "height_off": ("heightOffset", "HEIGHT_OFF"), "line_scale": ("lineScale", "LINE_SCALE"),
    "samp_scale": ("sampScale", "SAMP_SCALE"), "lat_scale": ("latScale", "LAT_SCALE"),
    "long_scale": ("longScale", "LONG_SCALE"), "height_scale": ("heightScale", "HEIGHT_SCALE"),
}  # fmt: skip
_SETS = {
    "line_num_coeff": ("lineNumCoef", "LINE_NUM_COEFF"), "line_den_coeff": ("lineDenCoef", "LINE_DEN_COEFF"),
    "samp_num_coeff": ("sampNumCoef", "SAMP_NUM_COEFF"), "samp_den_coeff": ("sampDenCoef", "SAMP_DEN_COEFF"),
}  # fmt: skip
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eEdD][-+]?\d+)?"
_COEFFICIENTS = 20
_MOST_DEG = 10.0
_WGS84 = 4326


@cache
def move(crs: pyproj.CRS, target: pyproj.CRS | int) -> pyproj.Transformer:
    """Return the one transformer between two systems, with coordinates as east and north; threads may share it."""
    try:
        return pyproj.Transformer.from_crs(crs, target, always_xy=True)
    except pyproj.exceptions.ProjError as error:
        msg = f"{crs.name}: has no known relation to {pyproj.CRS(target).name}; assign the right CRS to the raster"
        raise SceneError(msg) from error


class Heights:
    """Heights of the ground in metres: one number, or those of a raster.

    Parameters
    ----------
    constant_m : float, optional
        The same everywhere.
    raster : Pixels, optional
        A digital elevation model of one band; the nearest cell counts.
    where : str
        Name for messages.
    """

    def __init__(self, constant_m: float | None = None, raster: Pixels | None = None, where: str = "dem") -> None:
        self.constant_m, self.raster, self.where = constant_m, raster, where
        if raster is not None and raster.crs is None:
            msg = f"{where}: says no CRS; export the elevations with their CRS"
            raise SceneError(msg)

    def at(self, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the height at each place; NaN where the raster has none."""
        if self.raster is None or self.raster.crs is None:
            return np.full(len(lon), np.nan if self.constant_m is None else float(self.constant_m))
        tile = self.raster
        east, north = move(pyproj.CRS(_WGS84), self.raster.crs).transform(lon, lat)
        back = ~tile.transform
        columns, rows = back.a * east + back.b * north + back.c, back.d * east + back.e * north + back.f
        there = (rows >= 0) & (rows < tile.height) & (columns >= 0) & (columns < tile.width)
        out = np.full(len(lon), np.nan)
        if there.any():
            row, column = rows[there].astype(np.int64), columns[there].astype(np.int64)
            taken = tile.read(slice(row.min(), row.max() + 1), slice(column.min(), column.max() + 1))[0]
            values = taken[row - row.min(), column - column.min()].astype(np.float64)
            is_empty = np.abs(values) > 1e5 if tile.nodata[0] is None else values == tile.nodata[0]
            out[there] = np.where(is_empty, np.nan, values)
        return out

    def middle_m(self, lon: float, lat: float) -> float:
        """Return the height at one place, for the outline of a scene."""
        found = float(self.at(np.array([lon]), np.array([lat]))[0])
        return found if np.isfinite(found) else 0.0


def read_rpc(text: str, *, where: str) -> RPC:
    """Return the rational polynomials of a text: the form of ``.rpb`` files, or ``LINE_OFF: …``.

    Parameters
    ----------
    text : str
        The file.
    where : str
        Name for messages.

    Returns
    -------
    RPC
        As rasterio has them.

    Raises
    ------
    ReadError
        Numbers are missing: all of them are named.
    """
    from rasterio.rpc import RPC

    given: dict[str, object] = {}
    for name, spelt in _NAMES.items():
        found = next(
            (hit for one in spelt if (hit := re.search(rf"\b{one}\s*[=:]\s*({_NUMBER})", text, re.IGNORECASE))), None
        )
        if found:
            given[name] = _number(found.group(1))
    for name, (rpb, plain) in _SETS.items():
        found = re.search(rf"\b{rpb}\s*=\s*\(([^)]*)\)", text)
        numbers = re.findall(_NUMBER, found.group(1)) if found else []
        numbers = numbers or re.findall(rf"\b{plain}_\d+\s*[=:]\s*({_NUMBER})", text)
        if len(numbers) == _COEFFICIENTS:
            given[name] = [_number(one) for one in numbers]
    missing = [name for name in (*_NAMES, *_SETS) if name not in given]
    if missing:
        msg = f"{where}: rational polynomials lack {', '.join(missing)}; fetch the .rpb of the scene again"
        raise ReadError(msg)
    return RPC(**given)


def rows_and_columns(
    rpc: RPC,
    east: NDArray[np.float64],
    north: NDArray[np.float64],
    crs: pyproj.CRS,
    heights: Heights | None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the row and column of an image that shows each place; NaN where the height is not known.

    Raises
    ------
    SceneError
        No height was given.
    """
    from rasterio.transform import RPCTransformer

    if heights is None:
        msg = "this image is not orthorectified; give dem= (a raster of elevations, or one height in metres)"
        raise SceneError(msg)
    lon, lat = move(crs, _WGS84).transform(east, north)
    lon, lat = np.asarray(lon, dtype=float), np.asarray(lat, dtype=float)
    height = heights.at(lon, lat)
    row, column = np.full(len(lon), np.nan), np.full(len(lon), np.nan)
    known = np.isfinite(height) & np.isfinite(lon) & np.isfinite(lat)
    if known.any():
        with RPCTransformer(rpc) as to_image:
            found = to_image.rowcol(lon[known], lat[known], zs=height[known], op=np.positive)
        row[known], column[known] = np.asarray(found[0], float), np.asarray(found[1], float)
    return row, column


def ground_grid(tiles: list[Pixels], heights: Heights, gsd_m: float) -> Grid:
    """Return a metric grid that holds every tile of an image that is not orthorectified.

    Parameters
    ----------
    tiles : list of Pixels
        With rational polynomials.
    heights : Heights
        Of the ground.
    gsd_m : float
        Size of its pixels.

    Returns
    -------
    Grid
        In the zone of the middle of the image; corners are whole numbers of pixels.

    Raises
    ------
    SceneError
        The polynomials place the image nowhere on earth.
    """
    import geopandas as gpd

    from outfall.coordinates import choose_crs

    lon, lat = (np.concatenate(part) for part in zip(*(_outline(tile, heights) for tile in tiles), strict=True))
    is_place = np.isfinite(lon) & np.isfinite(lat) & (np.abs(lat) < 85.0) & (np.abs(lon) <= 180.0)
    if not is_place.all() or np.ptp(lat) > _MOST_DEG or np.ptp(lon) > _MOST_DEG:
        msg = "the rational polynomials place the image nowhere on earth, or across more than ten degrees; fetch the .rpb again"
        raise SceneError(msg)
    spots = gpd.GeoDataFrame(geometry=gpd.points_from_xy(lon, lat), crs=_WGS84)
    crs = choose_crs(spots)
    west, south, east, north = spots.to_crs(crs).total_bounds
    left, top = np.floor(west / gsd_m) * gsd_m, np.ceil(north / gsd_m) * gsd_m
    width, height = int(np.ceil((east - left) / gsd_m)), int(np.ceil((top - south) / gsd_m))
    return Grid(height, width, Affine(gsd_m, 0.0, float(left), 0.0, -gsd_m, float(top)), crs)


def _outline(tile: Pixels, heights: Heights) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return where the edge of an image lies on the ground."""
    from rasterio.transform import RPCTransformer

    if tile.rpc is None:
        msg = "an image without rational polynomials cannot be placed; give its .rpb"
        raise SceneError(msg)
    across, down = np.linspace(0, tile.width, 9), np.linspace(0, tile.height, 9)
    columns = np.concatenate([across, across, np.zeros(9), np.full(9, tile.width)])
    rows = np.concatenate([np.zeros(9), np.full(9, tile.height), down, down])
    height = heights.middle_m(tile.rpc.long_off, tile.rpc.lat_off)
    with RPCTransformer(tile.rpc) as to_ground:
        lon, lat = to_ground.xy(rows, columns, zs=np.full(len(rows), height), offset="ul")
    return np.asarray(lon, float), np.asarray(lat, float)


def _number(text: str) -> float:
    return float(text.replace("d", "e").replace("D", "e"))
