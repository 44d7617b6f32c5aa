"""One small page for every family of folium's own examples, and what must stand on it once it is open."""

from __future__ import annotations

import json

import folium
import numpy as np
import pandas as pd
from branca.element import Figure
from folium import plugins

HERE = (30.2, 120.1)
SQUARE = {"type": "Polygon", "coordinates": [[[120.0, 30.1], [120.2, 30.1], [120.2, 30.3], [120.0, 30.1]]]}
LINE = [(30.15, 120.0), (30.2, 120.1), (30.25, 120.2)]
PATH = "path.leaflet-interactive"
ICON = ".leaflet-marker-icon"


def squares(**properties):
    features = [
        {
            "type": "Feature",
            "id": str(k),
            "properties": {"name": f"区 {k}", "value": k, **properties},
            "geometry": SQUARE,
        }
        for k in range(2)
    ]
    return {"type": "FeatureCollection", "features": features}


def moments():
    times = ["2026-04-12T00:00:00", "2026-04-13T00:00:00"]
    features = [
        {
            "type": "Feature",
            "properties": {"times": times, "style": {"color": "red"}, "popup": "x", "icon": "circle"},
            "geometry": {"type": "LineString", "coordinates": [[120.0, 30.1], [120.1, 30.2]]},
        }
    ]
    return {"type": "FeatureCollection", "features": features}


def _map(**options):
    return folium.Map(HERE, zoom_start=10, **{"tiles": None, "maxZoom": 18, **options})


def _with(*things):
    page = _map()
    for thing in things:
        thing.add_to(page)
    return page


def _vega(**extra):
    chart = {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "data": {"values": [{"a": 1, "b": 2}, {"a": 2, "b": 5}]},
        "mark": "line",
        "encoding": {"x": {"field": "a", "type": "quantitative"}, "y": {"field": "b", "type": "quantitative"}},
    }
    popup = folium.Popup(max_width=400, show=True).add_child(folium.VegaLite(json.dumps(chart), width=200, height=120))
    return _with(folium.Marker(HERE, popup=popup))


def _frame():
    inner = Figure(width=200, height=100)
    _map().add_to(inner)
    return _with(
        folium.Marker(HERE, popup=folium.Popup(folium.IFrame(inner.render(), width=200, height=100), show=True))
    )


def _choropleth():
    data = pd.DataFrame({"id": ["0", "1"], "value": [1.0, 5.0]})
    return _with(
        folium.Choropleth(squares(), data=data, columns=["id", "value"], key_on="feature.id", legend_name="值")
    )


def _tooltips():
    fields = folium.GeoJsonTooltip(["name", "value"]), folium.GeoJsonPopup(["name"])
    return _with(
        folium.GeoJson(squares(), tooltip=fields[0], popup=fields[1], highlight_function=lambda _: {"weight": 5})
    )


def _json_markers():
    points = {"type": "Feature", "properties": {"n": 1}, "geometry": {"type": "Point", "coordinates": [120.1, 30.2]}}
    icon = folium.Marker(icon=folium.Icon(icon="star"))
    return _with(folium.GeoJson({"type": "FeatureCollection", "features": [points]}, marker=icon))


def _topo():
    arcs = [[[0, 0], [9999, 0], [0, 9999], [-9999, -9999]]]
    data = {
        "type": "Topology",
        "transform": {"scale": [2e-5, 2e-5], "translate": [120.0, 30.1]},
        "objects": {"a": {"type": "GeometryCollection", "geometries": [{"type": "Polygon", "arcs": [[0]]}]}},
        "arcs": arcs,
    }
    return _with(folium.TopoJson(data, "objects.a"))


def _sub_groups():
    page = _map()
    parent = plugins.MarkerCluster().add_to(page)
    group = plugins.FeatureGroupSubGroup(parent, "g").add_to(page)
    folium.Marker(HERE).add_to(group)
    folium.LayerControl(collapsed=False).add_to(page)
    return page


def _dual():
    page = plugins.DualMap(HERE, zoom_start=10, tiles=None)
    folium.Marker(HERE).add_to(page.m1)
    folium.Circle(HERE, radius=3000).add_to(page.m2)
    return page


def _side_by_side():
    page = _map()
    both = [
        folium.TileLayer("data:image/gif;base64,R0lGODlhAQABAAAAACw=", attr="-", name=name).add_to(page)
        for name in "ab"
    ]
    plugins.SideBySideLayers(*both).add_to(page)
    return page


def _slider():
    styles = {
        str(k): {str(1_700_000_000 + 86_400 * t): {"color": "#f00", "opacity": 0.5} for t in range(2)} for k in range(2)
    }
    return _with(plugins.TimeSliderChoropleth(squares(), styledict=styles))


def _timeline():
    data = squares(start="2026-04-12", end="2026-04-20")
    line = plugins.Timeline(
        data,
        get_interval=folium.JsCode(
            "(q) => ({start: Date.parse(q.properties.start), end: Date.parse(q.properties.end)})"
        ),
    )
    return _with(line, plugins.TimelineSlider(auto_play=False).add_timelines(line))


def _search():
    layer = folium.GeoJson(squares())
    return _with(layer, plugins.Search(layer, search_label="name"))


def _spiderfied():
    return _with(folium.Marker(HERE), folium.Marker(HERE), plugins.OverlappingMarkerSpiderfier())


def _patterned():
    page = _map()
    stripes = plugins.pattern.StripePattern(angle=-45).add_to(page)
    folium.GeoJson(squares(), style_function=lambda _: {"fillPattern": stripes}).add_to(page)
    return page


def _grouped():
    page = _map()
    one = folium.FeatureGroup("a").add_to(page)
    folium.Marker(HERE).add_to(one)
    plugins.GroupedLayerControl({"g": [one]}, exclusive_groups=False, collapsed=False).add_to(page)
    return page


def _tree():
    page = _map()
    mark = folium.Marker(HERE).add_to(page)
    plugins.TreeLayerControl(
        overlay_tree={"label": "t", "children": [{"label": "m", "layer": mark}]}, collapsed=False
    ).add_to(page)
    return page


def _text_path():
    line = folium.PolyLine(LINE)
    return _with(line, plugins.PolyLineTextPath(line, "→", repeat=True))


def _float():
    return _with(plugins.FloatImage("data:image/gif;base64,R0lGODlhAQABAAAAACw=", bottom=5, left=5))


PICTURE = np.dstack([np.linspace(0, 1, 16).reshape(4, 4)] * 4)
ICON_URL = "data:image/gif;base64,R0lGODlhAQABAAAAACw="
CORNERS = [[30.1, 120.0], [30.3, 120.2]]
SPOTS = [[30.1 + k / 50, 120.0 + k / 50] for k in range(8)]

# Name: the page, and an element that is there only if the page's scripts ran to their end.
GALLERY = {
    "marker": (lambda: _with(folium.Marker(HERE, popup="p", tooltip="t")), ICON),
    "icons": (lambda: _with(folium.Marker(HERE, icon=folium.Icon("red", icon="tint", prefix="fa", angle=30))), ".awesome-marker .fa-tint"),
    "glyphicons": (lambda: _with(folium.Marker(HERE, icon=folium.Icon("blue", icon="cloud"))), ".awesome-marker .glyphicon-cloud"),
    "custom_icon": (lambda: _with(folium.Marker(HERE, icon=folium.CustomIcon(ICON_URL, (20, 20)))), ICON),
    "div_icon": (lambda: _with(folium.Marker(HERE, icon=folium.DivIcon(html="<b>x</b>"))), ".leaflet-div-icon, .empty"),
    "popup_iframe": (_frame, ".leaflet-popup iframe"),
    "geojson_tooltip": (_tooltips, PATH),
    "geojson_markers": (_json_markers, ".awesome-marker"),
    "topojson": (_topo, PATH),
    "choropleth": (_choropleth, ".legend rect, #legend rect, svg .key, .legend"),
    "marker_cluster": (lambda: _with(plugins.MarkerCluster(SPOTS)), ".marker-cluster, .leaflet-marker-icon"),
    "fast_cluster": (lambda: _with(plugins.FastMarkerCluster(SPOTS)), ".marker-cluster, .leaflet-marker-icon"),
    "heat_map": (lambda: _with(plugins.HeatMap(SPOTS)), "canvas.leaflet-heatmap-layer"),
    "heat_map_time": (lambda: _with(plugins.HeatMapWithTime([SPOTS, SPOTS[:3]])), ".leaflet-bar-timecontrol"),
    "timestamped": (lambda: _with(plugins.TimestampedGeoJson(moments(), auto_play=False)), ".leaflet-bar-timecontrol"),
    "time_slider": (_slider, "input[type=range]"),
    "timeline": (_timeline, ".leaflet-timeline-control, .time-slider"),
    "draw": (lambda: _with(plugins.Draw(export=True)), ".leaflet-draw-toolbar"),
    "geoman": (lambda: _with(plugins.GeoMan()), ".leaflet-pm-toolbar"),
    "measure": (lambda: _with(plugins.MeasureControl()), ".leaflet-control-measure"),
    "minimap": (lambda: _with(plugins.MiniMap(tile_layer=folium.TileLayer(ICON_URL, attr="-"))), ".leaflet-control-minimap"),
    "fullscreen": (lambda: _with(plugins.Fullscreen()), ".leaflet-control-zoom-fullscreen, .fullscreen-icon"),
    "mouse_position": (lambda: _with(plugins.MousePosition()), ".leaflet-control-mouseposition"),
    "locate": (lambda: _with(plugins.LocateControl()), ".leaflet-control-locate"),
    "geocoder": (lambda: _with(plugins.Geocoder()), ".leaflet-control-geocoder"),
    "text_path": (_text_path, "text textPath, textPath"),
    "ant_path": (lambda: _with(plugins.AntPath(LINE)), "path.leaflet-ant-path"),
    "polyline_offset": (lambda: _with(plugins.PolyLineOffset(LINE, offset=6)), PATH),
    "encoded": (lambda: _with(plugins.PolyLineFromEncoded("_p~iF~cn~U_ulLn{vA_mqNvxq`@")), "path"),
    "semicircle": (lambda: _with(plugins.SemiCircle(HERE, radius=3000, start_angle=10, stop_angle=90)), PATH),
    "boat": (lambda: _with(plugins.BoatMarker(HERE, heading=45, wind_heading=15, wind_speed=4)), ICON),
    "beautify": (lambda: _with(folium.Marker(HERE, icon=plugins.BeautifyIcon("plane"))), ".beautify-marker"),
    "tags": (lambda: _with(folium.Marker(HERE, tags=["a"]), plugins.TagFilterButton(["a", "b"])), ".easy-button-container, .easy-button-button"),
    "terminator": (lambda: _with(plugins.Terminator()), "path"),
    "spiderfier": (_spiderfied, ICON),
    "pattern": (_patterned, "pattern"),
    "search": (_search, ".leaflet-control-search"),
    "vega_lite": (_vega, ".leaflet-popup canvas, .leaflet-popup svg.marks"),
    "image_overlay": (lambda: _with(folium.raster_layers.ImageOverlay(PICTURE, CORNERS)), ".leaflet-image-layer"),
    "float_image": (_float, "img"),
    "sub_groups": (_sub_groups, ".leaflet-control-layers-overlays label"),
    "layer_control": (_sub_groups, ".leaflet-control-layers-overlays label"),
    "grouped_control": (_grouped, ".leaflet-control-layers-group"),
    "tree_control": (_tree, ".leaflet-layerstree-header"),
    "dual_map": (_dual, PATH),
    "side_by_side": (_side_by_side, ".leaflet-sbs-range"),
    "polygon_marker": (lambda: _with(folium.RegularPolygonMarker(HERE, number_of_sides=5, radius=20)), "path"),
}  # fmt: skip
