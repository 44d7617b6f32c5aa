"""Folium users get the same layers, which stand wherever a folium layer stands, and no text of theirs runs."""

from __future__ import annotations

import re

import folium
import geopandas as gpd
import pytest
from folium import plugins
from shapely import Point

from outfall.maps import Layer, Map, PackedLayer, amap, draw, inline, online, tianditu
from tests.maps.browser import is_quiet, opened
from tests.maps.hostile import HOSTILE, hostile_town

_OPENED = "outfallMaps.unpacked === {}"


def _points(name="wells", *, is_shown=True, east=120.1):
    table = gpd.GeoDataFrame(
        {"code": ["A1", "A2"], "kind": ["a", "b"]}, geometry=[Point(east, 30.2), Point(east + 0.1, 30.3)], crs=4490
    )
    return Layer(name, "points", table, zh=f"井 {name}", en=name, style="kind", label="code", is_shown=is_shown)


def _map(**options):
    return folium.Map((30.25, 120.15), zoom_start=11, tiles=None, **options)


def _show(browser, page, tmp_path, **options):
    made = inline(page)
    assert made.missing.empty
    return opened(browser, made.save(tmp_path / "folium.html"), until=".leaflet-map-pane", **options)


def _click(tab, lat, lon):
    """Click the map at a position."""
    name = next(key for key in tab.evaluate("Object.keys(window)") if key.startswith("map_"))
    at = tab.evaluate(f"([lat, lon]) => {name}.latLngToContainerPoint([lat, lon])", [lat, lon])
    box = tab.locator(".leaflet-container").first.bounding_box()
    tab.mouse.click(box["x"] + at["x"], box["y"] + at["y"])


def test_a_folium_map_has_the_same_layers(drawn):
    """Every layer of the map is a layer of the folium map, under its label, with the same ones shown."""
    page = drawn.to_folium()
    assert isinstance(page, folium.Map)
    layers = [child for child in page._children.values() if isinstance(child, PackedLayer)]
    assert [layer.layer_name for layer in layers] == ["河流与管网", "疑似点", "污染源", "排污口"]
    assert [layer.show for layer in layers] == [layer.is_shown for layer in drawn.layers]


def test_no_field_text_stands_in_a_folium_page():
    """Whatever fields hold, the page that folium writes holds none of it as text."""
    town = hostile_town()
    drawn = draw(town.network, town.outfalls, town.found, sources=town.sources, title=HOSTILE[0])
    page = drawn.to_folium().get_root().render()
    for text in HOSTILE[1:7]:
        assert text not in page
    assert "document.title='ran'" not in page


def test_an_empty_map_becomes_a_folium_map():
    """A map without layers becomes a folium map without layers."""
    assert "L.map(" in Map(()).to_folium().get_root().render()


def test_base_maps_follow_where_folium_can_place_them():
    """An online base map in WGS 84 becomes tiles with its maker's name; one in GCJ-02 or without a key is named and left out."""
    maker = online(
        "https://{s}.example.org/{z}/{x}/{y}.png", name="t", servers=("a1", "b2"), attribution="<b>Maker</b>"
    )
    with pytest.warns(UserWarning, match=r"amap\.vec \(gcj02.*tianditu\.vec \(no key\)"):
        page = Map((), bases=(maker, amap("vec"), tianditu("vec"))).to_folium()
    text = page.get_root().render()
    assert "https://{s}.example.org/{z}/{x}/{y}.png" in text
    assert "<b>Maker" not in text
    assert "Maker" in text
    assert "autonavi" not in text
    assert "tianditu" not in text


def test_rendering_twice_gives_the_same_page(drawn):
    """A page is the same however often it is rendered."""
    root = drawn.to_folium().get_root()
    assert root.render() == root.render()


def test_data_and_code_stand_once_on_a_page():
    """Two layers of the same data, as on a page with two maps, carry it and the drawing code once."""
    page = folium.plugins.DualMap((30.2, 120.1), tiles=None)
    layer = PackedLayer(_points())
    page.add_child(layer)
    text = page.get_root().render()
    assert text.count(layer.data) == 1
    assert text.count("outfallMaps = {") == 1
    assert text.count("= outfallMaps.layer(") == 2


def test_a_layer_knows_its_bounds():
    """A map and a group fit to our layer as to any of folium's; an empty layer has none."""
    group = folium.FeatureGroup("field").add_child(PackedLayer(_points()))
    assert group.get_bounds() == [[30.2, 120.1], [30.3, 120.2]]
    empty = Layer("none", "points", gpd.GeoDataFrame({"code": []}, geometry=[], crs=4490))
    assert PackedLayer(empty).get_bounds() == [[None, None], [None, None]]


@pytest.mark.browser
def test_hostile_names_are_only_text_in_controls(browser, tmp_path):
    """The name of a layer and of its classes is text in controls and legend, whatever it holds."""
    page = _map()
    for at, text in enumerate(HOSTILE[:8]):
        table = gpd.GeoDataFrame({text: [text, "b"]}, geometry=[Point(120.1, 30.2), Point(120.2, 30.3)], crs=4490)
        PackedLayer(Layer(f"{at}{text}", "points", table, zh=text, style=text)).add_to(page)
    folium.LayerControl(collapsed=False).add_to(page)
    with _show(browser, page, tmp_path) as heard:
        heard.page.wait_for_function(_OPENED.format(8))
        names = heard.page.locator(".leaflet-control-layers-overlays label").all_inner_texts()
        assert [name.strip() for name in names] == HOSTILE[:8]
        assert heard.page.title() != "ran"
        assert is_quiet(heard)


@pytest.mark.browser
def test_hostile_text_is_only_text_in_folium(browser, tmp_path):
    """On a folium page a click shows hostile fields as text, and nothing runs or breaks."""
    town = hostile_town()
    page = draw(town.network, town.outfalls, town.found, sources=town.sources, title=HOSTILE[7]).to_folium()
    folium.Marker((30.2, 120.0)).add_to(page)
    with _show(browser, page, tmp_path) as heard:
        tab = heard.page
        tab.wait_for_function(_OPENED.format(3))
        assert "排污口" in tab.locator(".leaflet-control-layers-overlays").inner_text()
        assert "排污口" in tab.locator(".outfall-legend").inner_text()
        place = town.outfalls.to_crs(4326).geometry.iloc[2]
        _click(tab, place.y, place.x)
        tab.wait_for_selector(".leaflet-popup")
        shown = tab.locator(".leaflet-popup").inner_text()
        assert any(text in shown for text in HOSTILE[:8])
        assert tab.locator(".leaflet-popup script, .outfall-legend img").count() == 0
        assert tab.title() != "ran"
        assert is_quiet(heard)


def _in_group(page):
    group = folium.FeatureGroup("组").add_to(page)
    PackedLayer(_points()).add_to(group)
    folium.LayerControl(collapsed=False).add_to(page)


def _grouped(page):
    layers = [PackedLayer(_points(name, east=120.1 + at / 100)).add_to(page) for at, name in enumerate("ab")]
    plugins.GroupedLayerControl({"<b>": layers}, exclusive_groups=False, collapsed=False).add_to(page)


def _tree(page):
    layer = PackedLayer(_points()).add_to(page)
    children = [{"label": layer.layer_name, "layer": layer}]
    plugins.TreeLayerControl(overlay_tree={"label": "All", "children": children}, collapsed=False).add_to(page)


def _swipe(page):
    one, other = (PackedLayer(_points(name)).add_to(page) for name in "ab")
    plugins.SideBySideLayers(one, other).add_to(page)


def _tools(page):
    PackedLayer(_points()).add_to(page)
    for tool in (plugins.Fullscreen(), plugins.MeasureControl(), plugins.Draw(), plugins.MousePosition()):
        tool.add_to(page)
    shapes = gpd.GeoDataFrame({"name": ["x"]}, geometry=[Point(120.15, 30.22)], crs=4326)
    found = folium.GeoJson(shapes, name="json").add_to(page)
    plugins.Search(found, search_label="name").add_to(page)
    folium.FitOverlays().add_to(page)


@pytest.mark.browser
@pytest.mark.parametrize("build", [_in_group, _grouped, _tree, _swipe, _tools], ids=lambda build: build.__name__[1:])
def test_our_layer_stands_where_a_folium_layer_stands(browser, tmp_path, build):
    """In groups, controls and beside plugins our layer draws, its click opens its fields, and nothing complains."""
    page = _map()
    build(page)
    with _show(browser, page, tmp_path) as heard:
        tab = heard.page
        tab.wait_for_function("outfallMaps.unpacked > 0")
        tab.wait_for_selector("canvas.sheet", state="attached")
        _click(tab, 30.2, 120.1)
        tab.wait_for_selector(".outfall-popup")
        assert "A1" in tab.locator(".outfall-popup").inner_text()
        # The swipe plugin uses an old name of Leaflet's, which says so.
        heard.errors = [text for text in heard.errors if "L.Mixin.Events" not in text]
        assert is_quiet(heard)


@pytest.mark.browser
def test_a_swipe_clips_our_layers(browser, tmp_path):
    """Under SideBySideLayers each of two layers of ours is drawn on its side only."""
    page = _map()
    _swipe(page)
    with _show(browser, page, tmp_path) as heard:
        heard.page.wait_for_function(_OPENED.format(2))
        clips = heard.page.evaluate(
            "[...document.querySelectorAll('.leaflet-outfall1-pane, .leaflet-outfall2-pane')].map((one) => one.style.clip)"
        )
        edges = [[float(part) for part in re.findall(r"[-\d.]+", clip)] for clip in clips]
        assert edges[0][1] == edges[1][3]
        assert edges[0][3] < edges[0][1] < edges[1][1]


@pytest.mark.browser
def test_layers_go_on_and_off(browser, tmp_path):
    """A layer that is off opens when it is ticked, stands in the legend while it is on, and lies over those added before."""
    page = _map()
    for layer in (_points("under"), _points("over", is_shown=False)):
        PackedLayer(layer).add_to(page)
    folium.LayerControl(collapsed=False).add_to(page)
    with _show(browser, page, tmp_path) as heard:
        tab = heard.page
        tab.wait_for_function(_OPENED.format(1))
        assert "over" not in tab.locator(".outfall-legend").inner_text()
        tab.locator(".leaflet-control-layers-overlays label").nth(1).click()
        tab.wait_for_function(_OPENED.format(2))
        assert "over" in tab.locator(".outfall-legend").inner_text()
        depth = "[...document.querySelectorAll('[class*=leaflet-outfall]')].filter((one) => one.matches('.leaflet-pane')).map((one) => Number(one.style.zIndex))"
        one, other = tab.evaluate(depth)
        assert one < other
        tab.locator(".leaflet-control-layers-overlays label").nth(1).click()
        assert "over" not in tab.locator(".outfall-legend").inner_text()
        button = tab.locator(".outfall-legend button").first
        button.click()
        assert button.get_attribute("aria-pressed") == "false"
        assert is_quiet(heard)


@pytest.mark.browser
def test_two_maps_on_one_page(browser, tmp_path):
    """On both halves of a page the layer draws, and each half opens its own popups."""
    page = plugins.DualMap((30.25, 120.15), zoom_start=11, tiles=None)
    PackedLayer(_points()).add_to(page)
    with _show(browser, page, tmp_path) as heard:
        tab = heard.page
        tab.wait_for_function(_OPENED.format(2))
        assert tab.locator("canvas.sheet").count() == 2
        _click(tab, 30.2, 120.1)
        tab.wait_for_selector(".outfall-popup")
        assert tab.locator(".outfall-popup").count() == 1
        assert is_quiet(heard)


@pytest.mark.browser
def test_a_raster_keeps_its_opacity(browser, tmp_path):
    """A raster is as clear on a folium map as it is on ours, and lies where it lies."""
    import io

    from PIL import Image

    stream = io.BytesIO()
    Image.new("RGB", (20, 20), (200, 30, 30)).save(stream, "WEBP")
    raster = Layer(
        "scene",
        "raster",
        image=stream.getvalue(),
        bounds_deg=(120.1, 30.2, 120.2, 30.3),
        opacity=0.35,
        unit="mg/L",
        classes=(("1–2", "#440154"),),
    )
    with _show(browser, Map((raster, _points())).to_folium(), tmp_path) as heard:
        tab = heard.page
        tab.wait_for_function(_OPENED.format(2))
        assert tab.evaluate("document.querySelector('.leaflet-image-layer').parentElement.style.opacity") == "0.35"
        assert "mg/L" in tab.locator(".outfall-legend").inner_text()
        assert is_quiet(heard)
