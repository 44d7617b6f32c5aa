"""How folium users get the same layers: packed, drawn on canvas, and safe against whatever text they hold."""

from __future__ import annotations

import hashlib
import html
import json
from typing import TYPE_CHECKING, Any

import folium
from branca.element import Element, Figure
from jinja2 import Template

from outfall.maps.bundle import DRAWING, code, pack_layers
from outfall.maps.header import name_layer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from outfall.maps.layers import Layer
    from outfall.maps.page import Map
    from outfall.maps.photos import Thumbnail
    from outfall.vocabulary import Lang

__all__ = ["PackedLayer", "to_folium"]

_CODE = ("state.js", "folium_legend.js", "folium.js")
_DIGITS = 20


class PackedLayer(folium.map.Layer):
    """A layer of ours on any folium map.

    It is a ``folium.map.Layer``: it stands in a FeatureGroup, in every layer control, on both halves of a ``DualMap`` and
    under ``SideBySideLayers``; ``get_bounds`` knows where it lies. Layers lie on each other in the order in which they were added.
    Field text travels as compressed data and is shown as text; no field, heading or name can become markup, code or a template.

    Parameters
    ----------
    layer : Layer
        Points, lines, polygons or a raster.
    lang : {"zh", "en"}, default "zh"
        Language of labels, popups and legend.
    photos : mapping of str to Thumbnail, optional
        Small pictures by photo id, shown in popups.
    has_legend : bool, default True
        Whether its classes stand in the legend; a click on one hides it.

    Examples
    --------
    >>> import folium, geopandas as gpd
    >>> from shapely import Point
    >>> from outfall.maps import Layer
    >>> table = gpd.GeoDataFrame({"code": ["${7*7}"]}, geometry=[Point(120.1, 30.2)], crs=4490)
    >>> wells = PackedLayer(Layer("wells", "points", table, label="code"))
    >>> page = folium.Map().add_child(folium.FeatureGroup("field").add_child(wells))
    >>> "${7*7}" in page.get_root().render()
    False
    >>> wells.get_bounds()
    [[30.2, 120.1], [30.2, 120.1]]
    """

    _template = Template(
        "{% macro script(this, kwargs) %}"
        'var {{ this.get_name() }} = outfallMaps.layer("{{ this.digest }}", {{ this.options }});'
        "{% endmacro %}"
    )

    def __init__(
        self,
        layer: Layer,
        *,
        lang: Lang = "zh",
        photos: Mapping[str, Thumbnail] | None = None,
        has_legend: bool = True,
    ) -> None:
        super().__init__(name=html.escape(name_layer(layer, lang)), overlay=True, control=True, show=layer.is_shown)
        self._name = "PackedLayer"
        self.data = pack_layers((layer,), lang=lang, photos=_photos_of(layer, photos or {}))
        self.digest = hashlib.sha256(self.data.encode("ascii")).hexdigest()[:_DIGITS]
        self._bounds = _bounds(layer)
        options = {
            "opacity": layer.opacity if layer.kind == "raster" else 1,
            "legend": has_legend,
            "bounds": self._bounds or [],
        }
        self.options = json.dumps(options)

    def _get_self_bounds(self) -> list[list[float | None]]:
        return self._bounds or [[None, None], [None, None]]

    def render(self, **kwargs: Any) -> str:
        """Write the layer; the code that draws and the data stand before, each once on a page."""
        figure = self.get_root()
        assert isinstance(figure, Figure), "a layer renders only inside a map"
        figure.script.add_child(_Text(code(*DRAWING, *_CODE)), name="outfall_maps_code")
        put = f'outfallMaps.put("{self.digest}", "{self.data}");'
        figure.script.add_child(_Text(put), name=f"outfall_maps_{self.digest}")
        # folium adds one more addTo() at each rendering; once is enough.
        is_added = f"{self.get_name()}_add" in self._children
        render = super(folium.map.Layer, self).render if is_added else super().render
        return str(render(**kwargs))  # type: ignore[no-untyped-call]


class _Text(Element):
    """A script outside of any template language."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text

    def render(self, **_kwargs: Any) -> str:
        return self.text


def to_folium(drawn: Map, *, lang: Lang = "zh") -> folium.Map:
    """Return a folium map with the layers of a map of ours, a layer control and those base maps that folium can place."""
    from outfall.maps.folium_base import base_groups

    # maxZoom stands on the map itself: without a base map, clusters need it.
    page = folium.Map(location=(33, 108), zoom_start=4, tiles=None, prefer_canvas=True, maxZoom=20, control_scale=True)
    root = page.get_root()
    assert isinstance(root, Figure)
    root.title = html.escape(drawn.title)
    for group in base_groups(drawn.bases, lang):
        group.add_to(page)
    for layer in drawn.layers:
        PackedLayer(layer, lang=lang, photos=drawn.photos).add_to(page)
    bounds = page.get_bounds()
    if bounds[0][0] is not None:
        page.fit_bounds(bounds, max_zoom=17)  # type: ignore[arg-type]
    folium.LayerControl(collapsed=False).add_to(page)
    return page


def _photos_of(layer: Layer, photos: Mapping[str, Thumbnail]) -> dict[str, Thumbnail]:
    """Return the pictures that rows of the layer name."""
    if layer.table is None or not photos or "photo_ids" not in layer.table:
        return {}
    cells = layer.table["photo_ids"].dropna()
    named = {part.strip() for cell in cells for part in str(cell).split(";")}
    return {photo: picture for photo, picture in photos.items() if photo in named}


def _bounds(layer: Layer) -> list[list[float | None]] | None:
    """Return south-west and north-east in degrees, as folium writes them."""
    from outfall.coordinates import to_lonlat

    if layer.bounds_deg is not None:
        west, south, east, north = layer.bounds_deg
    else:
        assert layer.table is not None
        drawn = layer.table[layer.table.geometry.notna() & ~layer.table.geometry.is_empty]
        if not len(drawn):
            return None
        west, south, east, north = (
            round(float(edge), 7) for edge in to_lonlat(drawn[[drawn.geometry.name]]).total_bounds
        )
    return [[south, west], [north, east]]
