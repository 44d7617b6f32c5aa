"""Rasters of made numbers in every way a raster can lie, and where their cells are by pyproj."""

from __future__ import annotations

import io

import numpy as np
import rasterio
from affine import Affine
from PIL import Image
from pyproj import Transformer

EDGE_M = 20037508.342789244


def turned(east, north, cell, degrees):
    """Return a transform whose rows are turned against the north."""
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return Affine(cell * cos, cell * sin, east, cell * sin, -cell * cos, north)


PLACES = {
    "utm": (Affine(10, 0, 300_000, 0, -10, 3_400_000), 32651),
    "gauss-krueger": (Affine(8, 0, 520_000, 0, -8, 3_350_000), 4549),
    "gauss-krueger with zone": (Affine(12, 0, 40_410_000, 0, -12, 3_350_000), 4528),
    "geographic": (Affine(1e-4, 0, 120.1, 0, -1e-4, 30.3), 4490),
    "geographic far north": (Affine(2e-4, 0, 24.1, 0, -1e-4, 65.3), 4326),
    "south-up": (Affine(10, 0, 300_000, 0, 10, 3_400_000), 32651),
    "east to west": (Affine(-10, 0, 300_000, 0, -10, 3_400_000), 32651),
    "turned by 27 degrees": (turned(300_000, 3_400_000, 10, 27), 32651),
    "southern": (Affine(30, 0, 600_000, 0, -30, 7_000_000), 32723),
    "mercator": (Affine(10, 0, 13_300_000, 0, -10, 3_500_000), 3857),
    "from 0 to 360": (Affine(1e-3, 0, 285.2, 0, -1e-3, -8.2), 4326),
}


def write(path, bands, place="utm", **options):
    """Write bands as a GeoTIFF and return its path."""
    bands = np.atleast_3d(bands) if bands.ndim == 3 else bands[None]
    transform, crs = PLACES[place]
    mask = options.pop("mask", None)
    options = {"transform": transform, "crs": f"EPSG:{crs}", **options}
    profile = {
        "driver": "GTiff",
        "count": len(bands),
        "height": bands.shape[1],
        "width": bands.shape[2],
        "dtype": bands.dtype,
    }
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK="YES"), rasterio.open(path, "w", **profile, **options) as file:
        file.write(bands)
        if mask is not None:
            file.write_mask(mask)
    return path


def at_centres(layer, shape, place="utm"):
    """Return what a layer's plane says at the centre of every cell: numbers, NaN for nothing."""
    transform, crs = PLACES[place]
    row, column = np.mgrid[: shape[0], : shape[1]] + 0.5
    x, y = (
        transform.a * column + transform.b * row + transform.c,
        transform.d * column + transform.e * row + transform.f,
    )
    lon, lat = Transformer.from_crs(crs, 4326, always_xy=True).transform(x, y)
    return read(layer, np.where(lon > 180, lon - 360, lon), lat)


def read(layer, lon, lat):
    """Return what a layer's plane says at positions, as the page reads it."""
    plane = layer.plane
    west, south, east, north = layer.bounds_deg
    across = (np.asarray(lon) - west) / (east - west) * plane.codes.shape[1]
    down = (_mercator(north) - _mercator(lat)) / (_mercator(north) - _mercator(south)) * plane.codes.shape[0]
    codes = plane.codes[np.floor(down).astype(int), np.floor(across).astype(int)]
    found = plane.first + (codes - 1) * plane.step if plane.step else codes - 1.0
    return np.where(codes > 0, found, np.nan)


def picture(layer):
    """Return a layer's picture as red, green, blue and alpha."""
    return np.asarray(Image.open(io.BytesIO(layer.image)).convert("RGBA"))


def _mercator(lat):
    return np.log(np.tan(np.pi / 4 + np.radians(lat) / 2))
