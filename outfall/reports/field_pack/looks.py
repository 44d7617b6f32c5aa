"""How a status looks in a pack: the colours, shapes and letters of the map."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import geopandas as gpd

from outfall.maps.layers import Layer
from outfall.maps.styles import list_looks

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["looks_by_status"]


@cache
def looks_by_status() -> Mapping[str, Mapping[str, object]]:
    """Return the look of every status.

    Examples
    --------
    >>> looks_by_status()["confirmed"]["shape"]
    'circle'
    """
    points = gpd.points_from_xy([0], [0])
    table = gpd.GeoDataFrame({"status": ["suspected"]}, geometry=points, crs=4490)
    layer = Layer("outfalls", "points", table, contract="outfalls", style="status")
    return {str(look["value"]): look for look in list_looks(layer) if look["value"] != ""}
