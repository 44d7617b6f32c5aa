"""What a page is told of its base maps: addresses, words, and the tiles that travel with it. A key only where it was asked for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from outfall.coordinates import to_lonlat
from outfall.errors import MapError
from outfall.maps.basemap import BaseMap
from outfall.maps.basemap_cut import cut_basemap
from outfall.maps.layers import Layer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from outfall.maps.basemap_cut import Bounds, Cut
    from outfall.maps.pack import Blob

__all__ = ["describe_bases", "split_under", "where_layers_lie"]


def describe_bases(bases: Sequence[BaseMap], layers: Sequence[Layer], blob: Blob) -> list[dict[str, object]]:
    """Return the header of each base map; tiles of files go into the blob.

    Raises
    ------
    MapError
        A file cannot be read, or nothing of it lies where the layers lie.
    """
    bounds_deg = where_layers_lie(layers) if any(base.path is not None for base in bases) else None
    return [_describe(base, bounds_deg, blob) for base in bases]


def where_layers_lie(layers: Sequence[Layer]) -> Bounds | None:
    """Return west, south, east, north of all layers in degrees; None where there is nothing.

    Examples
    --------
    >>> where_layers_lie(()) is None
    True
    """
    boxes = [layer.bounds_deg for layer in layers if layer.bounds_deg is not None]
    tables = [layer.table for layer in layers if layer.table is not None and not layer.table.geometry.isna().all()]
    boxes += [tuple(to_lonlat(table[[table.geometry.name]]).total_bounds) for table in tables]
    known = np.array([box for box in boxes if np.isfinite(box).all()], dtype=float).reshape(-1, 4)
    if not len(known):
        return None
    (west, south), (east, north) = known[:, :2].min(axis=0), known[:, 2:].max(axis=0)
    return float(west), float(south), float(east), float(north)


def split_under(
    under: Path | str | Layer | BaseMap | Sequence[Path | str | Layer | BaseMap] | None,
) -> tuple[tuple[BaseMap, ...], list[Path | str | Layer]]:
    """Return the base maps of what lies under a map, and the rest, each in its order.

    Examples
    --------
    >>> split_under(["flight.tif"])
    ((), ['flight.tif'])
    """
    if under is None:
        return (), []
    things = [under] if isinstance(under, (str, Path, Layer, BaseMap)) else list(under)
    bases = tuple(thing for thing in things if isinstance(thing, BaseMap))
    return bases, [thing for thing in things if not isinstance(thing, BaseMap)]


def _describe(base: BaseMap, bounds_deg: Bounds | None, blob: Blob) -> dict[str, object]:
    head: dict[str, object] = {
        "name": base.name,
        "zh": base.zh or base.name,
        "en": base.en or base.name,
        "datum": base.datum,
        "type": "picture",
        "min": base.min_zoom,
        "max": base.max_zoom,
        "attribution": {"zh": base.attribution, "en": base.attribution_en or base.attribution},
        "note": {"zh": base.note, "en": base.note_en or base.note},
        "approval": base.approval,
    }
    if base.path is None:
        needs_key = any("{key}" in url for url in base.urls)
        asked = {"urls": list(base.urls), "hosts": list(base.servers), "tms": base.is_tms}
        return {**head, **asked, "needsKey": needs_key, **({"key": base.key} if base.key else {})}
    cut = cut_basemap(base, bounds_deg)
    if not cut.tiles:
        why = f"the first tiles are larger than {base.most_mb:g} MB" if cut.left_out else "it has no tile there"
        msg = (
            f"base map {base.name!r}: nothing of it fits the survey ({why}); expected tiles in {_said(cut.bounds_deg)}"
        )
        raise MapError(msg)
    return {**head, **_describe_cut(cut, blob)}


def _describe_cut(cut: Cut, blob: Blob) -> dict[str, object]:
    """Return where tiles lie: columns of their numbers, and their bytes in one row, equal ones once."""
    places = sorted(cut.tiles)
    which: dict[bytes, int] = {}
    numbers = [which.setdefault(cut.tiles[place], len(which)) for place in places]
    columns = np.array(places, dtype=np.int64).reshape(-1, 3)
    rows = [
        *columns.T,
        np.array(numbers, dtype=np.int64),
        np.array([len(content) for content in which], dtype=np.int64),
    ]
    index = {
        "counts": [len(row) for row in rows],
        "numbers": blob.bytes(b"".join(np.diff(row, prepend=0).astype("<i4").tobytes() for row in rows)),
        "body": blob.bytes(b"".join(which)),
    }
    told: dict[str, object] = {"tiles": len(places), "mb": round(sum(map(len, which)) / 1e6, 2)}
    if cut.left_out:
        told["left"] = [cut.left_out[0], cut.left_out[-1]]
    bounds = [round(edge, 6) for edge in cut.bounds_deg]
    return {"type": cut.kind, "min": cut.zooms[0], "max": cut.zooms[1], "bounds": bounds, "index": index, "cut": told}


def _said(bounds_deg: Bounds) -> str:
    west, south, east, north = bounds_deg
    return f"{west:.3f} to {east:.3f} east, {south:.3f} to {north:.3f} north"
