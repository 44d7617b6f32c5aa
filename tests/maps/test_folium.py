"""Folium users get the same layers, and no text of theirs runs."""

from __future__ import annotations

from importlib.resources import files

import folium
import pytest

from outfall.maps import Map, draw
from outfall.maps.folium_layer import PackedLayer
from tests.maps.browser import opened
from tests.maps.hostile import HOSTILE, hostile_town


def _serve(route):
    """Answer for the servers stock folium asks: Leaflet from our copy, everything else empty."""
    url = route.request.url
    if url.startswith(("file:", "data:", "blob:")):
        route.continue_()
    elif url.endswith("leaflet.js"):
        route.fulfill(
            body=files("outfall.maps").joinpath("assets", "vendor", "leaflet.js").read_text("utf-8"),
            content_type="text/javascript",
        )
    elif url.endswith("leaflet.css"):
        route.fulfill(
            body=files("outfall.maps").joinpath("assets", "vendor", "leaflet.css").read_text("utf-8"), content_type="text/css"
        )
    else:
        route.fulfill(body="", content_type="text/css" if url.endswith(".css") else "text/javascript")


def test_a_folium_map_has_the_same_layers(drawn):
    """Every layer of the map is a layer of the folium map, under its label, with the same ones shown."""
    page = drawn.to_folium()
    assert isinstance(page, folium.Map)
    layers = [child for child in page._children.values() if isinstance(child, PackedLayer)]
    assert [layer.layer_name for layer in layers] == ["河流与管网", "疑似点", "污染源", "排污口"]
    assert [layer.show for layer in layers] == [True, False, True, True]


def test_no_field_text_stands_in_a_folium_page():
    """Whatever fields hold, the page that folium writes holds none of it as text."""
    town = hostile_town()
    page = (
        draw(town.network, town.outfalls, town.found, sources=town.sources, title=HOSTILE[0])
        .to_folium()
        .get_root()
        .render()
    )
    for text in HOSTILE[1:7]:
        assert text not in page
    assert "document.title='ran'" not in page


def test_an_empty_map_becomes_a_folium_map():
    """A map without layers becomes a folium map without layers."""
    assert "L.map(" in Map(()).to_folium().get_root().render()


@pytest.mark.browser
def test_hostile_text_is_only_text_in_folium(browser, tmp_path):
    """On a folium page a click shows hostile fields as text, and nothing runs or breaks."""
    town = hostile_town()
    page = draw(town.network, town.outfalls, town.found, sources=town.sources, title=HOSTILE[7]).to_folium()
    folium.Marker((30.2, 120.0)).add_to(page)
    page.save(tmp_path / "folium.html")
    with opened(
        browser, tmp_path / "folium.html", answer=_serve, until=".leaflet-control-layers-overlays label"
    ) as heard:
        tab = heard.page
        tab.wait_for_function("outfallMaps.unpacked === 3")
        tab.wait_for_selector("canvas.sheet", state="attached")
        names = tab.locator(".leaflet-control-layers-overlays").inner_text()
        assert "排污口" in names
        place = town.outfalls.to_crs(4326).geometry.iloc[2]
        name = next(key for key in tab.evaluate("Object.keys(window)") if key.startswith("map_"))
        tab.evaluate(f"([lat, lon]) => {name}.setView([lat, lon], 17, {{animate: false}})", [place.y, place.x])
        box = tab.locator(".leaflet-container").bounding_box()
        tab.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        tab.wait_for_selector(".leaflet-popup")
        shown = tab.locator(".leaflet-popup").inner_text()
        assert any(text in shown for text in HOSTILE[:8])
        assert tab.locator(".leaflet-popup img, .leaflet-popup script").count() == 0
        assert tab.title() != "ran"
        assert heard.errors == []
        assert heard.dialogs == []
