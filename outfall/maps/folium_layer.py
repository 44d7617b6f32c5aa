"""How folium users get the same layers: packed, drawn on canvas, and safe against whatever text they hold."""

from __future__ import annotations

import base64
import html
from typing import TYPE_CHECKING, Any

import folium
from branca.element import Element, Figure, MacroElement
from jinja2 import Template

from outfall.maps.bundle import DRAWING, code, pack_layers
from outfall.maps.header import name_layer

if TYPE_CHECKING:
    from outfall.maps.layers import Layer
    from outfall.maps.page import Map
    from outfall.vocabulary import Lang

__all__ = ["PackedLayer", "to_folium"]

_CODE_NAME = "outfall_maps_code"


class PackedLayer(folium.map.Layer):
    """A layer of ours on any folium map.

    Field text travels as compressed data and is shown as text; no field can become markup, code or a template.

    Parameters
    ----------
    layer : Layer
        Points or lines.
    lang : {"zh", "en"}, default "zh"
        Language of labels in popups.

    Examples
    --------
    >>> import folium, geopandas as gpd
    >>> from shapely import Point
    >>> from outfall.maps import Layer
    >>> table = gpd.GeoDataFrame({"code": ["${7*7}"]}, geometry=[Point(120.1, 30.2)], crs=4490)
    >>> page = folium.Map()
    >>> _ = PackedLayer(Layer("wells", "points", table, label="code")).add_to(page)
    >>> "${7*7}" in page.get_root().render()
    False
    """

    _template = Template(
        "{% macro script(this, kwargs) %}"
        "var {{ this.get_name() }} = outfallMaps.layer('{{ this.data }}');"
        "{% endmacro %}"
    )

    def __init__(self, layer: Layer, *, lang: Lang = "zh") -> None:
        super().__init__(name=html.escape(name_layer(layer, lang)), overlay=True, control=True, show=layer.is_shown)
        self._name = "PackedLayer"
        self.data = pack_layers((layer,), lang=lang)

    def render(self, **kwargs: Any) -> str:
        """Write the layer, and before the first one the code that draws it."""
        figure = self.get_root()
        assert isinstance(figure, Figure), "a layer renders only inside a map"
        figure.script.add_child(_Code(), name=_CODE_NAME)
        return str(super().render(**kwargs))  # type: ignore[no-untyped-call]


class _Code(Element):
    """The drawing code, outside of any template language."""

    def render(self, **_kwargs: Any) -> str:
        return code(*DRAWING, "state.js", "folium.js")


def to_folium(drawn: Map, *, lang: Lang = "zh") -> folium.Map:
    """Return a folium map with the layers of a map of ours, a layer control and no base map."""
    page = folium.Map(location=(33, 108), zoom_start=4, tiles=None, prefer_canvas=True, max_zoom=20, control_scale=True)
    root = page.get_root()
    assert isinstance(root, Figure)
    root.title = html.escape(drawn.title)
    edges = []
    for layer in drawn.layers:
        _folium_layer(layer, lang).add_to(page)
        edges += _corners(layer)
    if edges:
        page.fit_bounds(
            [[min(p[0] for p in edges), min(p[1] for p in edges)], [max(p[0] for p in edges), max(p[1] for p in edges)]]
        )
    folium.LayerControl(collapsed=False).add_to(page)
    return page


def _folium_layer(layer: Layer, lang: Lang) -> MacroElement:
    if layer.kind != "raster" or layer.bounds_deg is None:
        return PackedLayer(layer, lang=lang)
    west, south, east, north = layer.bounds_deg
    picture = f"data:image/webp;base64,{base64.b64encode(layer.image).decode('ascii')}"
    name = html.escape(name_layer(layer, lang))
    return folium.raster_layers.ImageOverlay(picture, [[south, west], [north, east]], name=name, opacity=0.6)


def _corners(layer: Layer) -> list[tuple[float, float]]:
    from outfall.coordinates import to_lonlat

    if layer.bounds_deg is not None:
        west, south, east, north = layer.bounds_deg
    else:
        assert layer.table is not None
        drawn = layer.table[layer.table.geometry.notna() & ~layer.table.geometry.is_empty]
        if not len(drawn):
            return []
        west, south, east, north = (float(edge) for edge in to_lonlat(drawn[[drawn.geometry.name]]).total_bounds)
    return [(south, west), (north, east)]
