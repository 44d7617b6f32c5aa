"""The tiles that the page cuts from its columns, read by GDAL: nothing is lost, doubled, moved or filled in."""

from __future__ import annotations

import geopandas as gpd
import pyogrio
import pytest
import shapely

from outfall.maps import Layer, Map
from tests.maps.browser import opened
from tests.maps.gl import at_of, hooked, is_quiet_gl, need_gl


@pytest.fixture(scope="module")
def gl_browser(browser):
    need_gl(browser)
    return browser


@pytest.mark.browser
def test_every_point_lies_in_one_tile(gl_browser, drawn, town, tmp_path):
    """GDAL reads our tiles: at a fine zoom each outfall is in exactly one of them, and at its place within half a metre."""
    lonlat = town.outfalls.to_crs(3857)
    half = 20037508.342789244
    zoom = 14
    tiles = {
        (int((p.x + half) / (2 * half) * 2**zoom), int((half - p.y) / (2 * half) * 2**zoom)) for p in lonlat.geometry
    }
    found = []
    with opened(hooked(gl_browser), drawn.to_maplibre().save(tmp_path / "t.html"), until=".drawn", most_s=60) as heard:
        for x, y in sorted(tiles):
            content = bytes(heard.page.evaluate(f"cut('outfall://{at_of(drawn, 'outfalls')}/{zoom}/{x}/{y}')"))
            side = 2 * half / 2**zoom
            points = _read_tile(content, tmp_path / f"{x}-{y}.pbf").geometry
            found += [shapely.Point(x * side - half + p.x / 8192 * side, half - y * side - p.y / 8192 * side) for p in points]  # fmt: skip
    assert len(found) == len(lonlat)
    near = shapely.STRtree(found).query_nearest(lonlat.geometry.to_numpy(), return_distance=True, all_matches=False)[1]
    assert near.max() < 0.5


def _read_tile(content, path):
    path.write_bytes(content)
    table = pyogrio.read_dataframe(path, layer="rows")
    return table.set_geometry(shapely.transform(table.geometry.to_numpy(), lambda xy: xy * (1, -1) + (0, 8192)))


@pytest.mark.browser
def test_areas_keep_their_holes(gl_browser, tmp_path):
    """An area with a hole, cut into the four tiles it lies in, has in sum the size it has as a whole; so has a long line."""
    area = shapely.box(119.99, 29.99, 120.01, 30.01).difference(shapely.box(119.995, 29.996, 120.004, 30.003))
    corner = shapely.Point(120.0, 30.0)
    table = gpd.GeoDataFrame({"a": ["x"]}, geometry=[area], crs=4326)
    line = gpd.GeoDataFrame({"a": ["x"]}, geometry=[shapely.LineString([(119.9, 29.95), (120.1, 30.04)])], crs=4326)
    drawn = Map((Layer("areas", "polygons", table), Layer("lines", "lines", line)))
    zoom, half = 13, 20037508.342789244
    side = 2 * half / 2**zoom
    whole = {0: table.to_crs(3857).geometry.iloc[0].area, 1: line.to_crs(3857).geometry.iloc[0].length}
    west, south, east, north = line.to_crs(3857).total_bounds
    sums = {0: 0.0, 1: 0.0}
    with opened(hooked(gl_browser), drawn.to_maplibre().save(tmp_path / "a.html"), until=".drawn", most_s=60) as heard:
        for x in range(int((west + half) / side), int((east + half) / side) + 1):
            for y in range(int((half - north) / side), int((half - south) / side) + 1):
                for at in (0, 1):
                    content = bytes(heard.page.evaluate(f"cut('outfall://{at}/{zoom}/{x}/{y}')"))
                    for shape in _read_tile(content, tmp_path / f"{at}-{x}-{y}.pbf").geometry if content else ():
                        inside = shape.intersection(shapely.box(0, 0, 8192, 8192))
                        sums[at] += inside.area * (side / 8192) ** 2 if at == 0 else inside.length * side / 8192
        assert is_quiet_gl(heard)
    assert corner.within(area.convex_hull)
    for at in (0, 1):
        assert sums[at] == pytest.approx(whole[at], rel=2e-3)
