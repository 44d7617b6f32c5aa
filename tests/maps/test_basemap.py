"""What lies under a survey: templates, datums, keys, and the tiles of a file that fit."""

from __future__ import annotations

import gzip
import re

import geopandas as gpd
import numpy as np
import pytest
from shapely import Point

from outfall.errors import MapError, ReadError, UnsafeInputError
from outfall.maps import (
    BaseMap,
    Layer,
    Map,
    amap,
    cut_basemap,
    draw,
    online,
    open_basemap,
    openstreetmap,
    tencent,
    tianditu,
)
from outfall.maps.basemap_pack import where_layers_lie
from outfall.maps.coding import decode
from outfall.tables.safe import describe_tiles, read_tiles
from outfall.tables.safe.pmtiles import tile_number
from tests.maps.tiles_made import picture, town_tiles, vector_tile, write_mbtiles, write_pmtiles

SECRET = "0123456789abcdefSECRET"
TOWN = (120.0, 30.2, 120.1, 30.3)
EVERYWHERE = [tianditu(kind) for kind in ("vec", "img", "ter")] + [
    amap("vec"),
    amap("img"),
    tencent("vec"),
    tencent("img"),
    openstreetmap(),
]


@pytest.fixture(scope="module")
def tiles():
    return town_tiles((119.95, 30.15, 120.15, 30.35), range(8, 14))


def one_point(lon=120.05, lat=30.25):
    return Map((Layer("wells", "points", gpd.GeoDataFrame({"code": ["A1"]}, geometry=[Point(lon, lat)], crs=4326)),))


def content_of(page):
    """Return all a page holds, unpacked: a key that hides in packed data is found."""
    packed = re.search(r'id="data"[^>]*>([^<]*)<', page)[1]
    return page + gzip.decompress(decode(packed)).decode("utf-8", errors="replace")


@pytest.mark.parametrize("base", EVERYWHERE, ids=lambda base: base.name)
def test_every_known_maker_says_what_it_asks(base):
    """Whoever makes a base map is named in both languages, with a note, its datum and hosts without marks."""
    assert base.attribution
    assert base.attribution_en
    assert base.note
    assert base.note_en
    assert base.hosts
    assert not [host for host in base.hosts if not re.fullmatch(r"https://[a-z0-9.]+", host)]


def test_tianditu_is_web_mercator_and_unshifted():
    """Tianditu's sets are the _w ones, in CGCS2000, with names on top unless they are not wanted."""
    base = tianditu("img")
    assert base.datum == "cgcs2000"
    assert ["img_w" in base.urls[0], "cia_w" in base.urls[1]] == [True, True]
    assert len(tianditu("img", labels=False).urls) == 1
    assert {amap().datum, tencent().datum} == {"gcj02"}


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("https://t0.tianditu.gov.cn/vec_c/wmts?TILEMATRIXSET=c&TILEMATRIX={z}&TILEROW={y}&TILECOL={x}", "in degrees"),
        ("https://a.example.org/{z}/{x}.png", "expected z, x, y"),
        ("ftp://a.example.org/{z}/{x}/{y}.png", "expected https"),
        ("https://a.example.org; script-src *//{z}/{x}/{y}.png", "expected https"),
        ("https://user:word@a.example.org/{z}/{x}/{y}.png", "expected https"),
        ("https://{z}.example.org/{x}/{y}.png", "expected https"),
        ("javascript:alert(1)//{z}/{x}/{y}", "expected https"),
        ("https://a.example.org/{z}/{x}/{y}/{quadkey}", "expected z, x, y"),
    ],
)
def test_a_template_that_cannot_be_drawn_is_refused(url, says):
    """Degrees, missing marks and addresses that are more than an address are named."""
    with pytest.raises(MapError, match=says):
        online(url)


def test_all_faults_come_at_once():
    """Datum, zooms and address are named together."""
    with pytest.raises(MapError, match=r"(?s)url.*datum.*min_zoom"):
        BaseMap("x", urls=("https://a/{z}",), datum="utm", min_zoom=9, max_zoom=3)


def test_a_key_is_never_in_the_page(monkeypatch):
    """Neither the environment's key nor one that stands in a template is in the page or any words about it."""
    monkeypatch.setenv("OUTFALL_TIANDITU_KEY", SECRET)
    bases = (tianditu("vec"), online(f"https://tiles.example.org/{{z}}/{{x}}/{{y}}?tk={SECRET}"))
    page = one_point().with_base(*bases)
    assert SECRET not in content_of(page.html())
    assert SECRET not in repr(bases) + repr(page)


def test_a_key_is_in_the_page_when_asked_for(monkeypatch):
    """with_key writes it, and warns what that means; the representation still hides it."""
    monkeypatch.setenv("OUTFALL_TIANDITU_KEY", SECRET)
    with pytest.warns(UserWarning, match="everybody who has the page can read and spend it"):
        base = tianditu("vec", with_key=True)
    assert SECRET in content_of(one_point().with_base(base).html())
    assert SECRET not in repr(base)


def test_a_key_that_is_not_there_is_said(monkeypatch):
    """Without the environment variable with_key says which one it wants."""
    monkeypatch.delenv("OUTFALL_TIANDITU_KEY", raising=False)
    with pytest.raises(MapError, match="OUTFALL_TIANDITU_KEY"):
        tianditu("vec", with_key=True)


@pytest.mark.parametrize("bases", [(), (tianditu("img"),), (amap(), openstreetmap())], ids=len)
def test_the_policy_names_exactly_the_hosts_chosen(bases):
    """Pictures may come from the hosts of the base maps and nowhere else; connections are never allowed."""
    page = one_point().with_base(*bases).html()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1]
    allowed = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert allowed["img-src"].split() == ["data:", "blob:", *(host for base in bases for host in base.hosts)]
    assert "connect-src" not in allowed


@pytest.mark.parametrize("form", ["pmtiles", "leaves", "plain", "once", "planetiler"])
def test_every_archive_gives_the_same_tiles(form, tiles, tmp_path):
    """PMTiles with and without leaves and MBTiles of three plans give back exactly the tiles that went in."""
    if form in ("pmtiles", "leaves"):
        file = write_pmtiles(tmp_path / "a.pmtiles", tiles, leaf_size=7 if form == "leaves" else 0)
    else:
        file = write_mbtiles(tmp_path / "a.mbtiles", tiles, kind="pbf", plan=form)
    held = describe_tiles(file)
    assert (held.kind, held.min_zoom, held.max_zoom) == ("mvt", 8, 13)
    found = {(zoom, x, y): content for zoom in range(8, 14) for x, y, content in read_tiles(held, zoom, (0, 0, 2**13, 2**13) if form in ("plain", "once", "planetiler") else _box_of(tiles, zoom))}  # fmt: skip
    assert found == tiles


def _box_of(tiles, zoom):
    columns = [x for z, x, _ in tiles if z == zoom]
    rows = [y for z, _, y in tiles if z == zoom]
    return min(columns) - 1, min(rows) - 1, max(columns) + 1, max(rows) + 1


def test_reading_leaves_the_file_as_it_is(tiles, tmp_path):
    """An MBTiles is read in place: no byte of it changes and nothing appears beside it."""
    file = write_mbtiles(tmp_path / "a.mbtiles", tiles, kind="pbf")
    before = file.read_bytes()
    cut_basemap(open_basemap(file), TOWN)
    assert file.read_bytes() == before
    assert [item.name for item in tmp_path.iterdir()] == ["a.mbtiles"]


def test_tile_numbers_follow_one_line():
    """Along the numbers of a zoom each tile touches the one before: it is Hilbert's curve, and no number is left out."""
    places = sorted((tile_number(5, x, y), x, y) for x in range(32) for y in range(32))
    assert [number for number, _, _ in places] == list(range((4**5 - 1) // 3, (4**6 - 1) // 3))
    steps = np.abs(np.diff([(x, y) for _, x, y in places], axis=0)).sum(axis=1)
    assert set(steps) == {1}


def test_what_does_not_fit_is_left_out_and_said(tiles, tmp_path):
    """A smaller budget keeps the farther zooms whole and names the nearer ones; a larger one keeps all."""
    file = write_pmtiles(tmp_path / "a.pmtiles", tiles)
    whole = cut_basemap(open_basemap(file), TOWN)
    sizes = {
        zoom: sum(len(content) // 2 for (z, _, _), content in whole.tiles.items() if z == zoom) for zoom in range(8, 14)
    }
    budget_mb = (sum(sizes[zoom] for zoom in sizes if zoom <= 12) + 10) / 0.8 / 1e6
    small = cut_basemap(open_basemap(file, most_mb=budget_mb), TOWN)
    assert whole.left_out == ()
    assert small.left_out == (13,)
    assert dict(small.tiles) == {place: content for place, content in whole.tiles.items() if place[0] < 13}
    assert "left out: zooms 13-13" in repr(small)


def test_the_cut_covers_the_survey(tiles, tmp_path):
    """Every place of the box asked for lies on a tile of the last zoom."""
    from tests.maps.tiles_made import place

    cut = cut_basemap(open_basemap(write_pmtiles(tmp_path / "a.pmtiles", tiles)), TOWN)
    for lon in np.linspace(TOWN[0], TOWN[2], 12):
        for lat in np.linspace(TOWN[1], TOWN[3], 12):
            assert (13, *place(lon, lat, 13)[:2]) in cut.tiles


def test_equal_tiles_travel_once(tmp_path):
    """Four hundred equal tiles add little more than one of them."""
    noise = np.random.default_rng(0).integers(0, 255, 30_000, dtype=np.uint8).tobytes()
    tile = b"\x89PNG" + noise
    tiles = {(14, x, y): tile for x in range(13650, 13670) for y in range(6720, 6740)}
    base = open_basemap(
        write_pmtiles(tmp_path / "a.pmtiles", tiles, kind=2), most_mb=20.0, bounds_deg=(119.95, 30.6, 120.2, 30.8)
    )
    plain, with_base = one_point(), one_point().with_base(base)
    assert len(with_base.html()) - len(plain.html()) < 60_000


def test_a_folder_of_tiles_is_taken_along(tmp_path):
    """A local folder {z}/{x}/{y}.png counts rows from the north, or from the south when told so."""
    for is_tms in (False, True):
        folder = tmp_path / str(is_tms)
        x, y = 13653, 6746
        file = folder / "14" / str(x) / f"{2**14 - 1 - y if is_tms else y}.png"
        file.parent.mkdir(parents=True)
        file.write_bytes(picture((200, 210, 220)))
        cut = cut_basemap(open_basemap(folder, is_tms=is_tms), (119.99, 30.22, 120.02, 30.25))
        assert list(cut.tiles) == [(14, x, y)]


def test_an_online_base_map_is_never_harvested():
    """Tiles are not taken from a server."""
    with pytest.raises(MapError, match="never taken from a server"):
        cut_basemap(openstreetmap())


def _geotiff(path, *, dtype="uint8", count=3, crs="EPSG:32650"):
    import rasterio

    values = np.full((count, 200, 300), 90, dtype=dtype)
    values[0, :, 150:] = 220
    transform = rasterio.Affine(10, 0, 789_000, 0, -10, 3_350_000)
    with rasterio.open(
        path, "w", driver="GTiff", height=200, width=300, count=count, dtype=dtype, crs=crs, transform=transform
    ) as file:
        file.write(values)
    return path


def test_a_geotiff_becomes_tiles_in_place(tmp_path):
    """A picture in UTM is cut into tiles whose edge of colour lies where the ground's does, within a pixel of its own."""
    import io

    import pyproj
    from PIL import Image

    from tests.maps.tiles_made import place

    base = open_basemap(_geotiff(tmp_path / "航片.tif"))
    cut = cut_basemap(base)
    assert base.max_zoom == 14
    lon, lat = pyproj.Transformer.from_crs(32650, 4326, always_xy=True).transform(789_000 + 1500, 3_350_000 - 1000)
    x, y, u, v = place(lon, lat, 14)
    tile = np.asarray(Image.open(io.BytesIO(cut.tiles[14, x, y])).convert("RGB")).astype(int)
    edge = np.flatnonzero(tile[int(v), :, 0] > 150)[0]
    assert abs(edge - u) <= 1.5


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda folder: folder / "none.pmtiles", "no such file"),
        (lambda folder: _written(folder / "a.pmtiles", b"PMTiles\x02" + b"0" * 200), "not PMTiles version 3"),
        (lambda folder: _written(folder / "a.pmtiles", b"hello world, no tiles"), "neither PMTiles nor MBTiles"),
        (lambda folder: _written(folder / "a.mbtiles", b"SQLite format 3\0" + b"1" * 2000), "MBTiles"),
        (lambda folder: folder, "holds no tiles"),
        (lambda folder: _geotiff(folder / "a.tif", dtype="uint16"), "bands of uint16"),
        (lambda folder: _geotiff(folder / "a.tif", crs=None), "no CRS"),
    ],
)
def test_a_file_that_is_no_base_map_is_named(make, says, tmp_path):
    """What cannot be a base map is refused in words when it is opened, not in the page."""
    with pytest.raises(MapError, match=says):
        open_basemap(make(tmp_path))


def _written(file, content):
    file.write_bytes(content)
    return file


def test_a_bomb_among_tiles_is_refused(tmp_path):
    """A tile that unpacks to far more than a tile is refused before it fills the memory."""
    tile = vector_tile({"water": [(3, [[(0, 0), (9, 0), (9, 9)]], {"name": "零" * 9_000_000})]})
    file = write_pmtiles(tmp_path / "a.pmtiles", {(14, 13653, 6746): tile})
    with pytest.raises(UnsafeInputError, match="refused as unsafe"):
        list(read_tiles(describe_tiles(file), 14, (13653, 6746, 13653, 6746)))


def test_a_damaged_directory_says_so(tiles, tmp_path):
    """A PMTiles whose directory is overwritten is refused, never read wrong."""
    file = write_pmtiles(tmp_path / "a.pmtiles", tiles)
    content = bytearray(file.read_bytes())
    content[140:160] = bytes(20)
    file.write_bytes(content)
    with pytest.raises(ReadError, match="cannot be unpacked"):
        list(read_tiles(describe_tiles(file), 10, (850, 420, 855, 425)))


def test_a_base_map_elsewhere_is_named(tiles, tmp_path):
    """A file that holds nothing where the survey lies is refused with both places."""
    base = open_basemap(write_pmtiles(tmp_path / "a.pmtiles", tiles))
    with pytest.raises(MapError, match="it has no tile there"):
        one_point(lon=100.0, lat=25.0).with_base(base).html()


def test_draw_takes_base_maps_under(town, tiles, tmp_path):
    """draw(under=...) takes base maps beside pictures, in one list or alone, and with_base adds more."""
    base = open_basemap(write_pmtiles(tmp_path / "a.pmtiles", tiles), name="小镇")
    alone = draw(town.network, under=base)
    both = draw(town.network, under=[amap(), _geotiff(tmp_path / "a.tif"), base])
    assert alone.bases == (base,)
    assert ([found.name for found in both.bases], both.layers[0].kind) == (["amap.vec", "小镇"], "raster")
    with pytest.raises(MapError, match="base maps: '小镇' more than once"):
        alone.with_base(base)


def test_layers_lie_where_they_are():
    """The box of the layers is in degrees; an empty table has none."""
    assert where_layers_lie(one_point().layers) == (120.05, 30.25, 120.05, 30.25)
