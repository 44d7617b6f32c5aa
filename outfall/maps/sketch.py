"""What does a map look like at a glance: a small picture of its layers, drawn without a browser."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from outfall.coordinates import to_lonlat
from outfall.maps.header import describe_layer
from outfall.maps.pack import Blob

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray
    from PIL import Image, ImageDraw

    from outfall.maps.layers import Layer

__all__ = ["sketch"]

_PAPER = "#f8f5ec"
_MOST_DRAWN = 20_000
_EDGE_SHARE = 0.06


def sketch(layers: Sequence[Layer], *, width_px: int = 640, height_px: int = 400) -> bytes:
    """Return a picture of all layers that are on when the page opens.

    Parameters
    ----------
    layers : sequence of Layer
        The first is drawn lowest. Of more than 20,000 features every n-th is drawn.
    width_px, height_px : int, default 640 x 400
        Of the picture.

    Returns
    -------
    bytes
        PNG; empty where no layer has anything to draw.

    Examples
    --------
    >>> sketch(())
    b''
    """
    from PIL import Image, ImageDraw

    shown = [layer for layer in layers if layer.is_shown]
    boxes = [box for layer in shown if (box := _bounds(layer)) is not None]
    if not boxes:
        return b""
    frame = _Frame(boxes, width_px, height_px)
    picture = Image.new("RGB", (2 * width_px, 2 * height_px), _PAPER)
    pen = ImageDraw.Draw(picture)
    for layer in shown:
        if layer.table is None:
            _paste(picture, layer, frame)
        else:
            _draw_table(pen, layer, frame)
    small = picture.resize((width_px, height_px), Image.Resampling.LANCZOS)
    stream = io.BytesIO()
    small.quantize(64, dither=Image.Dither.NONE).save(stream, "PNG", optimize=True)
    return stream.getvalue()


class _Frame:
    """Where degrees lie on a picture of twice the size asked, in Web Mercator."""

    def __init__(self, boxes: Iterable[tuple[float, float, float, float]], width_px: int, height_px: int) -> None:
        edges = np.array([[*_mercator(west, south), *_mercator(east, north)] for west, south, east, north in boxes])
        west, north = edges[:, 0].min(), edges[:, [1, 3]].min()
        east, south = edges[:, 2].max(), edges[:, [1, 3]].max()
        room = 1 - 2 * _EDGE_SHARE
        self._scale = min(2 * width_px * room / max(east - west, 1e-7), 2 * height_px * room / max(south - north, 1e-7))
        self._middle = ((west + east) / 2, (north + south) / 2)
        self._centre = (width_px, height_px)

    def pixels(self, lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return n x 2 pixels."""
        east, south = _mercator(lonlat[:, 0], lonlat[:, 1])
        across = (east - self._middle[0]) * self._scale + self._centre[0]
        down = (south - self._middle[1]) * self._scale + self._centre[1]
        return np.column_stack([across, down])


def _mercator(lon: NDArray[np.float64] | float, lat: NDArray[np.float64] | float) -> tuple[NDArray[np.float64], ...]:
    sine = np.sin(np.radians(np.clip(lat, -85, 85)))
    return np.asarray(lon) / 360 + 0.5, 0.5 - np.log((1 + sine) / (1 - sine)) / (4 * np.pi)


def _bounds(layer: Layer) -> tuple[float, float, float, float] | None:
    if layer.bounds_deg is not None:
        return layer.bounds_deg
    assert layer.table is not None
    drawn = layer.table[layer.table.geometry.notna() & ~layer.table.geometry.is_empty]
    if not len(drawn):
        return None
    west, south, east, north = (float(edge) for edge in to_lonlat(drawn[[drawn.geometry.name]]).total_bounds)
    return west, south, east, north


def _paste(picture: Image.Image, layer: Layer, frame: _Frame) -> None:
    from PIL import Image

    assert layer.bounds_deg is not None
    west, south, east, north = layer.bounds_deg
    (left, top), (right, bottom) = frame.pixels(np.array([[west, north], [east, south]])).round().astype(int)
    try:
        with Image.open(io.BytesIO(layer.image)) as opened:
            small = opened.convert("RGBA").resize((max(1, right - left), max(1, bottom - top)))
    except (OSError, ValueError):
        return
    small.putalpha(small.getchannel("A").point(lambda alpha: int(alpha * layer.opacity)))
    picture.paste(small, (left, top), small)


def _draw_table(pen: ImageDraw.ImageDraw, layer: Layer, frame: _Frame) -> None:
    assert layer.table is not None
    step = max(1, len(layer.table) // _MOST_DRAWN)
    table = layer.table.iloc[::step]
    table = table[table.geometry.notna() & ~table.geometry.is_empty]
    if not len(table):
        return
    shapes = to_lonlat(table[[table.geometry.name]]).geometry
    colours = _colours(layer, table)
    parts, row = shapely.get_parts(np.asarray(shapes), return_index=True)
    for part, at in zip(parts, row, strict=True):
        rings = shapely.get_exterior_ring(part) if layer.kind == "polygons" else part
        pixels = frame.pixels(shapely.get_coordinates(rings))
        if layer.kind == "points":
            across, down = pixels[0]
            pen.ellipse((across - 6, down - 6, across + 6, down + 6), fill=colours[at], outline="#ffffff", width=2)
        elif layer.kind == "lines":
            pen.line([tuple(pixel) for pixel in pixels.tolist()], fill=colours[at], width=3, joint="curve")
        else:
            pen.polygon([tuple(pixel) for pixel in pixels.tolist()], fill=colours[at], outline="#ffffff")


def _colours(layer: Layer, table: pd.DataFrame) -> list[str]:
    """Return the colour of each row in the style the page opens with."""
    told = describe_layer(layer, Blob()) if layer.style else {}
    looks = told.get("styles", {}).get(layer.style, []) if told else []  # type: ignore[attr-defined]
    known = {str(look.get("value", "")): str(look.get("colour", "")) for look in looks}
    fallback = known.get("", "#0072B2") or "#0072B2"
    if not layer.style:
        return [fallback] * len(table)
    values = table[layer.style]
    if pd.api.types.is_bool_dtype(values.dtype):
        values = values.map({True: "yes", False: "no"}, na_action="ignore")
    return [known.get("" if pd.isna(value) else str(value), fallback) or fallback for value in values]
