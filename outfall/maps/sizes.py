"""What makes a page large: bytes of every layer's shape and columns."""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING

import pandas as pd

from outfall.maps.header import describe_layer
from outfall.maps.pack import Blob

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from outfall.maps.layers import Layer

__all__ = ["list_sizes"]

_LETTERS_PER_BYTE = 1.25


def list_sizes(layers: Sequence[Layer]) -> pd.DataFrame:
    """List what each layer's shape, columns and rest add to a saved page.

    Every part is compressed by itself, so that the sum differs from the page by a few per cent; code and photos are not in it.

    Parameters
    ----------
    layers : sequence of Layer
        Those of a map.

    Returns
    -------
    DataFrame, one row per shape, column and rest of a layer, the largest first
        ``layer``, ``part`` (``shape``, the column's name, or empty for the rest), ``raw_bytes`` before and ``page_bytes`` after packing.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from shapely import Point
    >>> from outfall.maps import Layer
    >>> table = gpd.GeoDataFrame({"code": ["A1"]}, geometry=[Point(120.1, 30.2)], crs=4490)
    >>> list_sizes([Layer("wells", "points", table)])["part"].sort_values().tolist()
    ['', 'code', 'shape']
    >>> list_sizes([]).empty
    True
    """
    rows = []
    for layer in layers:
        blob = Blob()
        head = describe_layer(layer, blob)
        body = blob.content()
        columns = {f" {column['name']}": column for column in head.pop("columns", [])}  # type: ignore[attr-defined]
        shape = head.pop("shape", {})
        for name, told in {"shape": shape, **columns, "": head}.items():
            text = json.dumps(told, ensure_ascii=False, default=str).encode("utf-8", errors="replace")
            parts = [text, *(body[at : at + length] for at, length in _buffers(told))]
            packed = sum(len(zlib.compress(part, 6)) for part in parts)
            rows.append((layer.name, name.strip(), sum(map(len, parts)), round(packed * _LETTERS_PER_BYTE)))
    table = pd.DataFrame(rows, columns=["layer", "part", "raw_bytes", "page_bytes"])
    return table.sort_values(["page_bytes", "layer", "part"], ascending=[False, True, True], ignore_index=True)


def _buffers(told: object) -> Iterator[tuple[int, int]]:
    """Yield where the buffers a header refers to begin, and how many bytes they have."""
    if isinstance(told, dict):
        if "o" in told:
            kind = told["t"]
            width = told["w"] if kind == "int" else 1 if kind == "raw" else int(kind[1])
            yield told["o"], told["n"] * width
            return
        told = list(told.values())
    if isinstance(told, list):
        for part in told:
            yield from _buffers(part)
