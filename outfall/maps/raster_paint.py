"""How numbers become colours, a legend, and what the pointer reads."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from outfall.errors import MapError
from outfall.maps.palettes import has_middle, parse_colour, ramp, ramp_rgb

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["Plane", "encode_photo", "paint_classes", "paint_values", "stretch"]

_LOW, _HIGH = 2.0, 98.0
_QUALITY = 82
_LEVELS = 255
_FINE = 250
_MOST_CODE = 2**28
_MOST_CLASSES = 255
_CLASS_COLOURS = (
    "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#6d5a4a", "#4b4f9e", "#8b949e",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """The numbers behind a raster's picture, so that the pointer can read them.

    Parameters
    ----------
    codes : array, rows x columns
        Whole numbers; 0 is nothing, else the value is ``first + (code - 1) * step``, or the class ``code - 1``.
    first, step : float
        Of values; both 0 for classes.
    limits : tuple of float
        Values of the first and the last colour.
    colours : tuple of str
        Stops of the colour bar, evenly spaced; empty for classes.
    """

    codes: NDArray[np.int64]
    first: float = 0.0
    step: float = 0.0
    limits: tuple[float, float] = (0.0, 1.0)
    colours: tuple[str, ...] = ()


def paint_values(
    values: NDArray[np.float64], *, palette: str, limits: tuple[float, float] | None, is_whole: bool
) -> tuple[bytes, Plane]:
    """Return a lossless picture of numbers and the plane the pointer reads.

    Parameters
    ----------
    values : array, rows x columns
        NaN is clear.
    palette : str
        One of `list_palettes`.
    limits : tuple of float, optional
        Values of the first and last colour; the 2nd and 98th percentile by default, alike on both sides of zero for a
        palette with a middle where both signs occur.
    is_whole : bool
        Whether the numbers are whole; they are kept as they are.

    Returns
    -------
    bytes
        PNG of 255 colours.
    Plane
        Codes in steps of a decimal fraction, about 250 to 2,500 of them between the limits, or in steps of 1.

    Raises
    ------
    MapError
        The palette is not known, or the limits are no range.
    """
    seen = values[np.isfinite(values)]
    low, high = _limits(seen, palette, limits)
    share = np.where(np.isfinite(values), (values - low) / (high - low), 0.0)
    index = np.where(np.isfinite(values), 1 + np.minimum(np.clip(share, 0, 1) * _LEVELS, _LEVELS - 1), 0).astype(
        np.uint8
    )
    step = 10.0 ** math.floor(math.log10((high - low) / _FINE))
    step = 1.0 if is_whole else step
    if seen.size:
        step = max(step, 10.0 ** math.ceil(math.log10(max(float(np.ptp(seen)), step) / _MOST_CODE)))
    first = math.floor(float(seen.min()) / step) * step if seen.size else 0.0
    codes = np.where(np.isfinite(values), np.rint((values - first) / step) + 1, 0).astype(np.int64)
    stops = tuple(ramp(palette, 33))
    return _indexed(index, ramp_rgb(palette, _LEVELS)), Plane(codes, first, step, (low, high), stops)


def paint_classes(
    values: NDArray[np.float64], table: Mapping[int, tuple[str, ...]], name: str
) -> tuple[bytes, Plane, tuple[tuple[str, ...], ...]]:
    """Return a lossless picture of classes, the plane the pointer reads, and the legend.

    Parameters
    ----------
    values : array, rows x columns
        Numbers of classes; NaN is clear.
    table : mapping of int to tuple of str
        ``(label, colour)`` or ``(zh, en, colour)`` by number; an empty colour is clear. Empty: every number that occurs.
    name : str
        How messages call the raster.

    Returns
    -------
    bytes
        PNG, one colour a class.
    Plane
        Codes of classes.
    tuple of tuple of str
        Label or labels and colour, of classes that occur, in the order of the table.

    Raises
    ------
    MapError
        More than 255 classes, or a colour that is none.
    """
    found = {int(value) for value in np.unique(values[np.isfinite(values)])}
    if not table:
        table = {
            value: (str(value), _CLASS_COLOURS[at % len(_CLASS_COLOURS)]) for at, value in enumerate(sorted(found))
        }
    kept = [value for value in table if value in found and table[value][-1]]
    if len(kept) > _MOST_CLASSES:
        msg = f"{name}: {len(kept)} classes are more than {_MOST_CLASSES}; give a palette of values instead, such as 'viridis'"
        raise MapError(msg)
    colours = np.array([parse_colour(table[value][-1], name) for value in kept], np.uint8).reshape(-1, 3)
    codes = np.zeros(values.shape, np.int64)
    for at, value in enumerate(kept):
        codes[values == value] = at + 1
    return _indexed(codes.astype(np.uint8), colours), Plane(codes), tuple(tuple(table[value]) for value in kept)


def stretch(bands: NDArray[Any], limits: tuple[float, float] | None) -> tuple[NDArray[np.uint8], str]:
    """Return three bands as what the eye can see, each from its 2nd to its 98th percentile, and those ranges in words.

    Parameters
    ----------
    bands : array, 1 or 3 x rows x columns
        NaN is clear.
    limits : tuple of float, optional
        One range for all bands instead.

    Returns
    -------
    array, rows x columns x 4
        Red, green, blue and alpha.
    str
        The ranges.
    """
    mask = np.isfinite(bands).all(axis=0)
    picture = np.zeros((*mask.shape, 4), np.uint8)
    ranges = []
    for channel in range(3):
        band = bands[min(channel, len(bands) - 1)]
        seen = band[mask]
        low, high = (float(edge) for edge in np.percentile(seen, (_LOW, _HIGH))) if seen.size else (0.0, 1.0)
        low, high = limits or (low, high)
        share = np.clip((np.where(mask, band, low) - low) / max(high - low, 1e-12), 0, 1)
        picture[..., channel] = np.rint(share * 255)
        ranges.append(f"{low:.4g}–{high:.4g}")
    picture[..., 3] = np.where(mask, 255, 0)
    return picture, ", ".join(ranges[:1] if limits else ranges[: len(bands)])


def encode_photo(picture: NDArray[np.uint8]) -> bytes:
    """Return a photograph as WebP.

    Parameters
    ----------
    picture : array, rows x columns x 4
        Red, green, blue and alpha.

    Returns
    -------
    bytes
        WebP.
    """
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(picture, "RGBA").save(stream, "WEBP", quality=_QUALITY, method=4)
    return stream.getvalue()


def _limits(seen: NDArray[np.float64], palette: str, limits: tuple[float, float] | None) -> tuple[float, float]:
    if limits is not None:
        low, high = (float(edge) for edge in limits)
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            msg = f"limits: {limits!r} is no range; expected a lower and a higher number"
            raise MapError(msg)
        return low, high
    low, high = (float(edge) for edge in np.percentile(seen, (_LOW, _HIGH))) if seen.size else (0.0, 1.0)
    if has_middle(palette) and low < 0 < high:
        low, high = -max(-low, high), max(-low, high)
    if low == high:
        low, high = low - max(abs(low) * 1e-3, 0.5), high + max(abs(high) * 1e-3, 0.5)
    return low, high


def _indexed(index: NDArray[np.uint8], colours: NDArray[np.uint8]) -> bytes:
    """Return a PNG whose colour 0 is clear."""
    from PIL import Image

    picture = Image.fromarray(index, "L")
    picture.putpalette(np.concatenate([np.zeros((1, 3), np.uint8), colours]).tobytes(), "RGB")
    stream = io.BytesIO()
    picture.save(stream, "PNG", transparency=0, compress_level=7)
    return stream.getvalue()
