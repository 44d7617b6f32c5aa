"""What a pack looks like inside: safe KML, a workbook people can use, a project that finds its layers."""

from __future__ import annotations

import io
import re
import zipfile
from xml.etree import ElementTree as ET

import openpyxl
import pyogrio
import pytest
from PIL import Image

from outfall.maps.styles import list_looks, maplibre_style, qml, sld
from outfall.reports import FieldPack, write_field_pack
from outfall.reports.field_pack.looks import looks_by_status
from outfall.reports.field_pack.packages import outfall_layer
from outfall.reports.field_pack.packed import pack_rows
from outfall.reports.field_pack.route import visit_order
from outfall.survey import read_returned
from outfall.vocabulary import words
from tests.maps.town import make_town
from tests.reports.packs import HARD, add_photos, make_outfalls

KML = "{http://www.opengis.net/kml/2.2}"


@pytest.fixture(scope="module")
def pack(tmp_path_factory):
    folder, town = tmp_path_factory.mktemp("look"), make_town()
    outfalls = add_photos(make_outfalls(), folder / "photos")
    base_map = folder / "底图.mbtiles"
    base_map.write_bytes(b"SQLite format 3\x00")
    settings = FieldPack(
        team="一组", day="2026-04-12", register="7:cd", photos_folder=folder / "photos", base_map=base_map
    )
    return write_field_pack(
        outfalls,
        folder / "pack",
        network=town.network,
        sources=town.sources,
        sightings=town.sightings,
        settings=settings,
    )


@pytest.fixture(scope="module")
def kml(pack):
    with zipfile.ZipFile(pack / "outfalls.kmz") as archive:
        return ET.fromstring(archive.read("doc.kml")), archive.namelist(), archive.read("doc.kml").decode()


def test_placemarks_stand_in_a_folder_per_status(kml):
    """Whoever opens the file finds what is still to be visited, in both languages."""
    found = {
        folder.findtext(f"{KML}name"): len(folder.findall(f"{KML}Placemark")) for folder in kml[0].iter(f"{KML}Folder")
    }
    assert set(found) == {f"{word.zh} · {word.en}" for word in words("outfall_status").values()}
    assert sum(found.values()) == len(HARD)


def test_no_text_of_the_field_becomes_markup(kml):
    """Every description is our table and pictures; what people wrote is its text."""
    assert "<![CDATA[" not in kml[2]
    for mark in kml[0].iter(f"{KML}Placemark"):
        html = mark.findtext(f"{KML}description")
        assert set(re.findall(r"<\s*/?\s*([A-Za-z]+)", html)) <= {"table", "tr", "th", "td", "p", "img"}
        assert "$[" not in html
        for picture in re.findall(r"<img[^>]*>", html):
            assert re.fullmatch(r'<img src="files/[0-9a-f]{16}\.jpe?g" width="400"/>', picture)


def test_every_file_a_kmz_names_is_inside(kml):
    """Icons and photos do not depend on a network or a folder."""
    named = {mark.text for mark in kml[0].iter(f"{KML}href")} | set(re.findall(r"files/[0-9a-f]{16}\.\w+", kml[2]))
    assert named <= set(kml[1])
    assert kml[1][0] == "doc.kml"


def test_every_field_is_declared_with_its_type(kml):
    """Google Earth and OVITAL show numbers as numbers, under headings people know."""
    types = {field.get("name"): field.get("type") for field in kml[0].iter(f"{KML}SimpleField")}
    assert (types["diameter_mm"], types["is_discharging"], types["sighting_count"]) == ("double", "bool", "int")
    used = {data.get("name") for data in kml[0].iter(f"{KML}SimpleData")}
    assert used <= set(types)


def test_icons_differ_by_shape_colour_and_letter(pack):
    """Each status has a picture of its own, with a clear ground and its own colour in it."""
    with zipfile.ZipFile(pack / "outfalls.kmz") as archive:
        for status, look in looks_by_status().items():
            icon = Image.open(io.BytesIO(archive.read(f"icons/{status}.png"))).convert("RGBA")
            assert icon.getpixel((0, 0))[3] == 0
            colours = {f"#{r:02x}{g:02x}{b:02x}" for _, (r, g, b, a) in icon.getcolors(9999) if a == 255}
            assert str(look["colour"]).casefold() in colours
            assert "#ffffff" in colours


def test_a_workbook_has_no_formula_and_its_links_lead_to_photos(pack):
    """Text is text, headings stay in sight, words are offered, and every link names a file beside it."""
    book = openpyxl.load_workbook(pack / "outfalls.xlsx")
    first, second = book.worksheets
    assert all(cell.data_type != "f" for row in first.iter_rows() for cell in row)
    assert first.freeze_panes == "D2"
    assert first["A1"].value == "排污口内部编号"
    assert [row[0].value for row in first.iter_rows(min_row=2)] == [f"P-{k:04d}" for k in range(len(HARD))]
    offered = [rule.formula1 for rule in first.data_validations.dataValidation]
    assert '"疑似,已核实,非排口,已合并"' in offered
    links = [cell.hyperlink.target.replace("\\", "/") for row in second.iter_rows() for cell in row if cell.hyperlink]
    assert links
    assert all((pack / link).is_file() for link in links)


def test_a_project_finds_its_layers_beside_it(pack):
    """The project parses, every source exists in a package with that layer, and only two layers can be edited."""
    folder = pack / "qfield"
    root = ET.parse(folder / "project.qgs").getroot()
    editable = []
    for layer in root.iter("maplayer"):
        source = layer.findtext("datasource")
        file, _, name = source.partition("|layername=")
        assert file.startswith("./")
        assert (folder / file).is_file()
        if name:
            assert name in dict(pyogrio.list_layers(folder / file))
        if layer.get("readOnly") == "0":
            editable.append(name)
    assert editable == ["sightings", "outfalls"]
    tree = {node.get("id") for node in root.iter("layer-tree-layer")}
    assert tree == {layer.findtext("id") for layer in root.iter("maplayer")}
    assert (folder / "base_map.mbtiles").is_file()
    for file in ("outfalls.gpkg", "sightings.gpkg"):
        names = [name for name, kind in pyogrio.list_layers(folder / file) if kind]
        assert len(names) == 1


def test_a_photo_widget_keeps_a_relative_path_and_words_come_from_the_vocabulary(pack):
    """A telephone stores DCIM/…, and a list offers exactly the words of the contract."""
    root = ET.parse(pack / "qfield" / "project.qgs").getroot()
    layer = next(one for one in root.iter("maplayer") if one.findtext("layername") == "排污口")
    fields = {field.get("name"): field for field in layer.find("fieldConfiguration")}
    photo = {option.get("name"): option.get("value") for option in fields["photo_1"].iter("Option")}
    assert (photo["RelativeStorage"], photo["DocumentViewer"]) == ("1", "1")
    offered = {option.get("value") for option in fields["status"].iter("Option") if option.get("value")}
    assert set(words("outfall_status")) <= offered
    locked = {field.get("name") for field in layer.find("editable") if field.get("editable") == "0"}
    assert {"uuid", "outfall_id", "pack_register"} <= locked
    assert "status" not in locked


def test_a_package_carries_the_style_qgis_looks_for(pack):
    """layer_styles names the layer and its geometry, is the default, and its QML and SLD parse."""
    for file in ("outfalls.gpkg", "qfield/outfalls.gpkg", "qfield/sightings.gpkg", "qfield/context.gpkg"):
        styles = pyogrio.read_dataframe(pack / file, layer="layer_styles")
        layers = {name for name, kind in pyogrio.list_layers(pack / file) if kind}
        assert set(styles["f_table_name"]) == layers
        assert styles["useAsDefault"].all()
        assert set(styles["f_geometry_column"]) == {"geom"}
        for text in styles["styleQML"]:
            ET.fromstring(text.partition("\n")[2])
        for text in styles["styleSLD"]:
            ET.fromstring(text.encode())


def test_three_styles_say_the_same_colours():
    """QML, SLD and MapLibre are made of the looks of the map."""
    layer = outfall_layer(pack_rows(make_outfalls(8), FieldPack()))
    colours = {str(look["colour"]) for look in list_looks(layer) if look["value"]}
    rgb = {",".join(str(int(colour[at : at + 2], 16)) for at in (1, 3, 5)) for colour in colours}
    assert all(f'value="{text},255"' in qml(layer) for text in rgb)
    assert all(f">{colour}<" in sld(layer) for colour in colours)
    matched = maplibre_style(layer)[0]["paint"]["circle-color"]
    assert colours <= {part for part in matched if isinstance(part, str)}


def test_a_route_visits_every_point_once_whatever_the_order_of_rows():
    """The way does not depend on the sheet, and is shorter than the order of the sheet."""
    points = make_outfalls(40, has_lost=True).geometry.sample(frac=1, random_state=1)
    order = visit_order(points)
    assert sorted(order) == [at for at, point in enumerate(points) if point is not None]
    again = points.sample(frac=1, random_state=2)
    assert [points.iloc[at] for at in order] == [again.iloc[at] for at in visit_order(again)]


def test_a_thousand_rows_with_one_name_come_home(tmp_path):
    """Duplicate names are told apart by their id, in the zip of a pack too."""
    outfalls = make_outfalls(1_000, has_lost=False).assign(name="排口", own_text=None)
    target = write_field_pack(outfalls, tmp_path / "p.zip", settings=FieldPack(formats=("kmz", "gpx", "geojson")))
    with zipfile.ZipFile(target) as archive:
        archive.extractall(tmp_path / "out")
    for name in ("kmz", "gpx", "geojson"):
        back = read_returned(tmp_path / "out" / f"outfalls.{name}")
        assert sorted(back["outfall_id"]) == outfalls["outfall_id"].tolist()
        assert set(back["name"]) == {"排口"}


def test_the_same_pack_twice_is_the_same_bytes(tmp_path):
    """Nothing in a KMZ depends on the clock."""
    settings = FieldPack(formats=("kmz",))
    one, two = (write_field_pack(make_outfalls(9), tmp_path / name, settings=settings) for name in "ab")
    assert (one / "outfalls.kmz").read_bytes() == (two / "outfalls.kmz").read_bytes()
