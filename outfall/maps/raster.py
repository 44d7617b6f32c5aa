"""How a GeoTIFF becomes a picture that lies right on the map: warped, stretched, small."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from outfall.errors import MapError, Problem, ReadError
from outfall.maps.layers import Layer
from outfall.tables.safe import raster_driver

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["read_picture"]

_SIDE_PX = 2048
_LOW, _HIGH = 2.0, 98.0
_QUALITY = 80
_RED_NAMES = (("b4", "b04", "red"), ("b3", "b03", "green"), ("b2", "b02", "blue"))


def read_picture(path: Path | str, *, name: str = "under", zh: str = "影像底图", en: str = "Image") -> Layer:
    """Return a raster as a layer, warped to Web Mercator and stretched to what the eye can see.

    Red, green and blue are found by colour interpretation, then by band description (``B4``, ``B3``, ``B2``), else the first three
    bands are taken; one band is drawn in grey. Each band is stretched from its 2nd to its 98th percentile.

    Parameters
    ----------
    path : path
        Anything rasterio opens, with a CRS.
    name : str, default "under"
        Name of the layer.
    zh, en : str
        Labels of the layer.

    Returns
    -------
    Layer
        Of kind ``raster``; its picture is WebP with at most 2,048 pixels on the longer side.

    Raises
    ------
    MapError
        The file is missing, is not a raster, or does not say its CRS.

    Examples
    --------
    >>> read_picture("no such.tif")
    Traceback (most recent call last):
    outfall.errors.MapError: under: 'no such.tif' does not exist; expected a raster such as a GeoTIFF
    """
    import rasterio
    from rasterio.errors import RasterioError

    file = Path(path)
    if not file.exists():
        msg = f"{name}: '{file}' does not exist; expected a raster such as a GeoTIFF"
        raise MapError(msg)
    try:
        with rasterio.open(file, driver=raster_driver(file)) as opened:
            if opened.crs is None:
                msg = f"{name}: '{file.name}' cannot be placed"
                raise MapError(msg, [Problem("CRS", "missing", "write it into the file with gdal_edit or rasterio")])
            bands, mask, bounds_deg = _warp(opened)
    except (RasterioError, ReadError) as error:
        msg = f"{name}: '{file.name}' cannot be read as a raster ({error})"
        raise MapError(msg) from error
    picture, ranges = _stretch(bands, mask)
    return Layer(
        name, "raster", zh=zh, en=en, image=_encode(picture), bounds_deg=bounds_deg, note=f"{file.name} · {ranges}"
    )


def _warp(opened: object) -> tuple[NDArray[np.float64], NDArray[np.bool_], tuple[float, float, float, float]]:
    from rasterio.enums import Resampling
    from rasterio.vrt import WarpedVRT
    from rasterio.warp import transform_bounds

    bands = _pick_bands(opened)
    with WarpedVRT(opened, crs="EPSG:3857", resampling=Resampling.bilinear, add_alpha=_needs_alpha(opened)) as warped:
        factor = min(1.0, _SIDE_PX / max(warped.width, warped.height))
        shape = (max(1, round(warped.height * factor)), max(1, round(warped.width * factor)))
        values = warped.read(bands, out_shape=(len(bands), *shape), resampling=Resampling.bilinear).astype(float)
        mask = _mask(warped, shape)
        bounds_deg = transform_bounds("EPSG:3857", "EPSG:4326", *warped.bounds)
    return values, mask & np.isfinite(values).all(axis=0), bounds_deg


def _mask(warped: object, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return where the raster has data; the alpha band that a warp adds is not in its own mask."""
    from rasterio.enums import ColorInterp

    kinds = list(warped.colorinterp)  # type: ignore[attr-defined]
    if ColorInterp.alpha not in kinds:
        return np.asarray(warped.dataset_mask(out_shape=shape) > 0)  # type: ignore[attr-defined]
    alpha = warped.read(kinds.index(ColorInterp.alpha) + 1, out_shape=shape)  # type: ignore[attr-defined]
    return np.asarray(alpha > alpha.max(initial=0) / 2)


def _needs_alpha(opened: object) -> bool:
    from rasterio.enums import ColorInterp

    return opened.nodata is None and ColorInterp.alpha not in opened.colorinterp  # type: ignore[attr-defined]


def _pick_bands(opened: object) -> list[int]:
    from rasterio.enums import ColorInterp

    kinds = list(opened.colorinterp)  # type: ignore[attr-defined]
    colours = [ColorInterp.red, ColorInterp.green, ColorInterp.blue]
    if all(colour in kinds for colour in colours):
        return [kinds.index(colour) + 1 for colour in colours]
    texts = [str(text or "").strip().lower().split(" ")[0] for text in opened.descriptions]  # type: ignore[attr-defined]
    named = [next((at + 1 for at, text in enumerate(texts) if text in names), 0) for names in _RED_NAMES]
    if all(named):
        return named
    return [1, 2, 3] if len(kinds) >= 3 else [1]


def _stretch(bands: NDArray[np.float64], mask: NDArray[np.bool_]) -> tuple[NDArray[np.uint8], str]:
    picture = np.zeros((*mask.shape, 4), np.uint8)
    ranges = []
    for channel in range(3):
        band = bands[min(channel, len(bands) - 1)]
        seen = band[mask]
        low, high = (float(edge) for edge in np.percentile(seen, (_LOW, _HIGH))) if seen.size else (0.0, 1.0)
        share = np.clip((np.where(mask, band, low) - low) / max(high - low, 1e-12), 0, 1)
        picture[..., channel] = np.rint(share * 255)
        ranges.append(f"{low:.4g}–{high:.4g}")
    picture[..., 3] = np.where(mask, 255, 0)
    return picture, ", ".join(ranges[: len(bands)])


def _encode(picture: NDArray[np.uint8]) -> bytes:
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(picture, "RGBA").save(stream, "WEBP", quality=_QUALITY, method=4)
    return stream.getvalue()
