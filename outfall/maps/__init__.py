"""Draw a survey and its answers: one page that opens anywhere, with no network and no server."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from outfall.maps.basemap import BaseMap, online, open_basemap
from outfall.maps.basemap_cut import Cut, cut_basemap
from outfall.maps.basemap_makers import amap, openstreetmap, tencent, tianditu
from outfall.maps.drawing import draw
from outfall.maps.layers import Layer
from outfall.maps.page import Map
from outfall.maps.palettes import list_palettes
from outfall.maps.survey_layers import bank_layer, link_layer
from outfall.maps.track_layers import track_layer
from outfall.maps.water_layers import clue_layer, plume_layer, sample_layer

if TYPE_CHECKING:
    from outfall.maps.figure import plot_map
    from outfall.maps.folium_layer import PackedLayer
    from outfall.maps.gl_page import GlMap
    from outfall.maps.offline import Inlined, inline
    from outfall.maps.raster import raster_layer
    from outfall.maps.raster_read import RasterGrid
    from outfall.maps.scene_layers import contrast_layer, scene_layer, water_layer

__all__ = [
    "BaseMap",
    "Cut",
    "GlMap",
    "Inlined",
    "Layer",
    "Map",
    "PackedLayer",
    "RasterGrid",
    "amap",
    "bank_layer",
    "clue_layer",
    "contrast_layer",
    "cut_basemap",
    "draw",
    "inline",
    "link_layer",
    "list_palettes",
    "online",
    "open_basemap",
    "openstreetmap",
    "plot_map",
    "plume_layer",
    "raster_layer",
    "sample_layer",
    "scene_layer",
    "tencent",
    "tianditu",
    "track_layer",
    "water_layer",
]

_HOMES = {
    "GlMap": "gl_page",
    "Inlined": "offline",
    "PackedLayer": "folium_layer",
    "RasterGrid": "raster_read",
    "inline": "offline",
    "plot_map": "figure",
    "contrast_layer": "scene_layers",
    "raster_layer": "raster",
    "scene_layer": "scene_layers",
    "water_layer": "scene_layers",
}


def __getattr__(name: str) -> object:
    """Import what needs folium, matplotlib or rasterio only when it is asked for."""
    if name not in _HOMES:
        msg = f"module 'outfall.maps' has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(import_module(f"outfall.maps.{_HOMES[name]}"), name)
