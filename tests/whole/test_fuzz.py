"""Damaged, cut, spliced and mislabelled files: nothing but our errors comes out of any reader."""

import contextlib
import importlib
import json
import pkgutil
import shutil
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from PIL import Image

import outfall
from outfall.errors import OutfallError
from tests import hostile
from tests.maps.tiles_made import picture, write_mbtiles, write_pmtiles
from tests.scenes.made_products import band_file, numbers

TOWN = Path(outfall.__file__).parents[1] / "sample_data" / "rivertown"
EXAMPLES = 6
WORDS = ["nan", "-1", "1e999", "9" * 30, "\x00", "", '"', "=1", "２", "0000-00-00", "\u202e", "uuid:", "../"]
# Readers that open no file of a stranger.
OWN = {
    "open_store": "live store: tests/store flips its bits",
    "open_shares": "opens no file: the chance that water passes",
    "read_rows": "live store: tests/store flips its bits",
    "read_events": "live store: tests/store flips its bits",
    "read_inputs": "reads a project through the readers below",
    "read_lines": "reads a project through the readers below",
    "read_table": "is inside every reader that gives a contract",
}
GPX = '<gpx><wpt lat="30.6" lon="114.3"><name>a</name></wpt><trk><trkseg><trkpt lat="30.6" lon="114.3"/><trkpt lat="30.7" lon="114.3"/></trkseg></trk></gpx>'
KML = "<kml><Document><Placemark><name>a</name><Point><coordinates>114.3,30.6</coordinates></Point></Placemark></Document></kml>"
FORM = "编号,经度,纬度,是否排水,备注\n1,114.30,30.60,有水,黑臭\n2,114.31,30.61,无水,\n"
LINES = {
    "type": "FeatureCollection",
    "features": [
        {
            "type": "Feature",
            "properties": {"id": "a"},
            "geometry": {"type": "LineString", "coordinates": [[114.3, 30.6], [114.31, 30.6]]},
        }
    ],
}
KOBO = [{"_uuid": "u1", "meta/instanceID": "uuid:u1", "name": "a", "place": "30.6 114.3 1 2", "photo": "a.jpg"}]
INP = "[JUNCTIONS]\nA 1 1\nB 0 1\n[OUTFALLS]\nO 0 FREE\n[CONDUITS]\nC1 A B 100 0.01 0 0\nC2 B O 100 0.01 0 0\n[COORDINATES]\nA 0 0\nB 100 0\nO 200 0\n"
PIPES = "管段编号,距离(m),缺陷代码,方向,时间\nY1,1.5,BDEAA,顺流,2026-04-12 08:00\nY1,3.5,BCA,顺流,2026-04-12 08:00\n"
TEST = "试验编号,投放点,投放时间\nT1,W1,2026-04-12 08:00\n"
CURVE = "试验编号,监测点,监测时间,荧光\n" + "\n".join(f"T1,P1,2026-04-12 08:{at:02d},{at % 7}" for at in range(30))
BOXES = '{"images": [{"id": 1, "file_name": "a.JPG"}], "annotations": [{"image_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5}]}'
LENS = '{"model": "brown", "width_px": 100, "height_px": 80, "fx": 90, "fy": 90}'


@pytest.fixture(scope="session")
def good(tmp_path_factory):
    """Return good small files by name, as bytes."""
    folder = tmp_path_factory.mktemp("good")
    import geopandas as gpd

    frame = gpd.GeoDataFrame.from_features(LINES["features"], crs=4326)
    for ending in ("shp", "fgb", "gpkg", "gml", "dxf"):
        (frame[["geometry"]] if ending == "dxf" else frame).to_file(folder / f"lines.{ending}")
    hostile.package(folder / "points.gpkg", 5)
    Image.new("L", (16, 16), 3).save(folder / "cells.tif")
    band_file(folder / "chip.tif", numbers(1, 16), 10)
    Image.new("RGB", (16, 16), "#357").save(folder / "shot.jpg")
    with zipfile.ZipFile(folder / "form.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(
            "form.csv", "name,place-Latitude,place-Longitude,photo,meta-instanceID\na,30.6,114.3,a.jpg,uuid:u1\n"
        )
        archive.writestr("media/a.jpg", b"a")
    with zipfile.ZipFile(folder / "marks.kmz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("doc.kml", KML)
    hostile.workbook(
        folder / "form.xlsx",
        hostile.sheet(("A1", "编号"), ("B1", "经度"), ("C1", "纬度"), ("A2", "1"), ("B2", "114.3"), ("C2", "30.6")),
    )
    add_packs(folder)
    pictures = {(8, 213, 105): picture("#aabbcc"), (8, 214, 105): picture("#ccbbaa")}
    write_pmtiles(folder / "town.pmtiles", pictures, kind=2)
    write_mbtiles(folder / "town.mbtiles", pictures)
    texts = {
        "form.csv": FORM,
        "walk.gpx": GPX,
        "marks.kml": KML,
        "lines.geojson": json.dumps(LINES),
        "kobo.json": json.dumps(KOBO),
        "points.txt": "114.3,30.6,a\n",
        "town.inp": INP,
        "pipes.csv": PIPES,
        "in.csv": TEST,
        "curve.csv": CURVE,
        "lens.json": LENS,
        "boxes.json": BOXES,
        "label.txt": "0 0.5 0.25 0.1 0.2 0.9\n",
        "boxes.csv": "photo,col_px,row_px,box_width_px,box_height_px,score\na.JPG,1,2,3,4,0.5\n",
        "links.csv": "起点,终点,结果\nW1,P1,通\n",
        "picks.csv": "from,to,line,depth_m\nW1,P1,L1,1.8\n",
        "permits.csv": "企业编号,企业名称,经度,纬度\nW1,a,114.3,30.6\n",
        "samples.csv": "样品编号,采样时间,排口编号\nA,2026-04-12 08:00,P1\n",
        "results.csv": "样品编号,项目,数值,单位\nA,COD,<5,mg/L\n",
        "readings.csv": "监测点编号,项目,时间,数值,单位\nM1,COD,2026-04-12 08:00,5,mg/L\n",
        "edd.csv": "sys_sample_code,sample_date,chemical_name,result_value,result_unit,detect_flag,reporting_detection_limit,detection_limit_unit\nW1,2026-04-12,Lead,,ug/L,N,2,ug/L\n",
        "wqx.csv": "Activity_ActivityIdentifier,Activity_TypeCode,Activity_StartDate,Activity_StartTime,Activity_StartTimeZone,Result_Characteristic,Result_MethodSpeciation,Result_Measure,Result_MeasureUnit\nA1,Sample-Routine,2026-04-12,08:00:00,UTC,Nitrate,as NO3,10,mg/l\n",
        "trace.jsonld": '{"@context": {"prov": "http://www.w3.org/ns/prov#"}, "@graph": [{"@id": "a", "@type": "prov:Entity"}]}',
        "limits.csv": "standard,grade,parameter,value,unit\nP,1,COD,80,mg/L\n",
        "inventory.csv": "排污口名称,经度,纬度\na,114.3,30.6\n",
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    for name in ("tow_0413.csv", "cctv.csv"):
        (folder / name).write_bytes(b"".join((TOWN / name).read_bytes().splitlines(keepends=True)[:60]))
    (folder / "dji.jpg").write_bytes((TOWN / "flight_0412" / "DJI_0001.JPG").read_bytes())
    from outfall.camera import index_photos

    index_photos(folder, to=folder / "index.csv")
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


def add_packs(folder):
    """Write a small field pack, its files beside the others."""
    import geopandas as gpd

    from outfall.reports import FieldPack, write_field_pack

    rows = {"outfall_id": ["P-1", "P-2"], "status": "suspected", "name": ["3号口", "=1"], "source_ref": "x"}
    table = gpd.GeoDataFrame(rows, geometry=gpd.points_from_xy([114.3, 114.4], [30.6, 30.6]), crs=4490)
    kinds = ("kmz", "gpx", "ovital", "geojson", "xlsx", "gpkg")
    pack = write_field_pack(table, folder / "packed", settings=FieldPack(formats=kinds))
    for file in pack.glob("outfalls*"):
        file.rename(folder / file.name)
    shutil.rmtree(pack)


def one(module, name, files, **options):
    """Return a case per file: a reader of a path."""
    return [(name, file, module, options) for file in files]


PACKED = ["outfalls.kmz", "outfalls.gpx", "outfalls_ovital.txt", "outfalls.geojson", "outfalls.xlsx", "outfalls.gpkg"]
FRAMES = [
    "form.csv",
    "form.xlsx",
    "points.gpkg",
    "lines.shp",
    "lines.fgb",
    "lines.gml",
    "lines.dxf",
    "lines.geojson",
    "walk.gpx",
    "marks.kml",
    "marks.kmz",
]
CST = {"tz": "Asia/Shanghai"}
CASES = [
    *one("outfall.tables", "read_frame", FRAMES),
    *one(
        "outfall.survey",
        "read_ground",
        ["form.csv", "form.xlsx", "points.gpkg", "kobo.json", "form.zip", "marks.kmz", "points.txt"],
        crs=4490,
        **CST,
    ),
    *one("outfall.survey", "read_returned", PACKED, **CST),
    *one("outfall.maps", "open_basemap", ["town.pmtiles", "town.mbtiles", "shot.jpg"]),
    *one("outfall.survey", "read_ground_photos", ["form.zip"], into=...),
    *one("outfall.survey", "read_tracks", ["walk.gpx", "lines.geojson"], **CST),
    *one("outfall.survey", "read_links", ["links.csv"], **CST),
    *one("outfall.survey", "read_radar_links", ["picks.csv"], **CST),
    *one("outfall.survey", "read_tracer_links", ["curve.csv"], injections=..., **CST),
    *one("outfall.survey", "read_boat", ["tow_0413.csv"], crs=4490, **CST),
    *one("outfall.survey", "read_track", ["tow_0413.csv"], crs=4490, **CST),
    *one("outfall.survey", "read_crawler", ["pipes.csv", "cctv.csv"], **CST),
    *one("outfall.survey", "read_crawler_links", ["pipes.csv"], **CST),
    *one("outfall.survey.inspection", "read_inspections", ["pipes.csv", "cctv.csv"]),
    *one("outfall.survey", "read_drone", ["dji.jpg"], folder=..., **CST),
    *one("outfall.survey", "read_boxes", ["boxes.json", "label.txt", "boxes.csv"]),
    *one("outfall.survey", "read_thermal_flight", ["shot.jpg"], folder=...),
    *one("outfall.camera", "read_photos", ["dji.jpg", "cells.tif"], folder=..., **CST),
    *one("outfall.camera", "read_photo_index", ["index.csv"]),
    *one("outfall.camera", "read_thermal", ["shot.jpg", "cells.tif"]),
    *one("outfall.scenes", "open_orthomosaic", ["cells.tif"]),
    *one("outfall.camera", "read_lens", ["lens.json"]),
    *one("outfall.network", "read_network", ["lines.gpkg", "lines.shp", "town.inp"], crs=4490),
    *one("outfall.network", "read_inp", ["town.inp"], crs=4549),
    *one("outfall.network", "read_inp_nodes", ["town.inp"], crs=4549),
    *one("outfall.network", "read_inp_network", ["town.inp"], crs=4549),
    *one("outfall.network", "read_terrain", ["cells.tif"]),
    *one("outfall.scenes", "open_scene", ["chip.tif"], roles={"red": 1}),
    *one("outfall.sources", "read_sources", ["permits.csv"], crs=4490, **CST),
    *one("outfall.water", "read_samples", ["samples.csv"], crs=4490, **CST),
    *one("outfall.water", "read_results", ["results.csv"], **CST),
    *one("outfall.water", "read_readings", ["readings.csv"], **CST),
    *one("outfall.water", "read_edd", ["edd.csv"], **CST),
    *one("outfall.water", "read_wqx", ["wqx.csv"], **CST),
    *one("outfall.water", "read_limits", ["limits.csv"]),
    *one("outfall.tracing", "read_provenance", ["trace.jsonld"]),
    *one("outfall.reports", "read_inventory", ["inventory.csv", "form.xlsx", "points.gpkg"]),
]


def public_readers():
    """Return the names of every reader that a package says is public."""
    homes = [
        outfall,
        *(importlib.import_module(f"outfall.{item.name}") for item in pkgutil.iter_modules(outfall.__path__)),
    ]
    homes += [importlib.import_module("outfall.survey.inspection")]
    return {name for home in homes for name in getattr(home, "__all__", ()) if name.startswith(("read_", "open_"))}


def test_every_public_reader_is_fuzzed():
    """A new reader needs a good small file here, or a reason why it opens none."""
    missing = public_readers() - {case[0] for case in CASES} - set(OWN)
    assert not missing, f"add a good file for {', '.join(sorted(missing))} to CASES"


def damaged(draw, raw, others):
    """Return bytes that were once a good file."""
    at = draw(st.integers(0, max(0, len(raw) - 1)))
    said = draw(st.sampled_from(WORDS)).encode()
    other = draw(st.sampled_from(others))
    flipped = bytearray(raw)
    for place in draw(st.lists(st.integers(0, len(raw) - 1), min_size=1, max_size=8)):
        flipped[place] ^= 1 << draw(st.integers(0, 7))
    made = {
        "flip": bytes(flipped),
        "cut": raw[:at],
        "splice": raw[:at] + other[:2000] + raw[at + 1 :],
        "repeat": raw[:at] + raw[max(0, at - 50) : at] * 3 + raw[at:],
        "swap": other,
        "zero": raw[:at] + bytes(20) + raw[at + 20 :],
        "text": raw[:at] + said + raw[at + len(said) :],
    }
    return made[draw(st.sampled_from(sorted(made)))]


@pytest.mark.parametrize(("name", "file", "module", "options"), CASES, ids=[f"{case[0]}-{case[1]}" for case in CASES])
def test_nothing_but_our_errors_comes_out(tmp_path_factory, good, name, file, module, options):
    """The good file is read; whatever is made of it is read or refused in our words."""
    read = getattr(importlib.import_module(module), name)
    folder = tmp_path_factory.mktemp("fuzz")
    for other, raw in good.items():
        if other.partition(".")[0] == file.partition(".")[0]:
            (folder / other).write_bytes(raw)
    others = [raw for raw in good.values() if len(raw) < 200_000]
    given_options = dict(options)
    target = folder / file
    argument = folder if "folder" in given_options else target
    given_options.pop("folder", None)
    if "into" in given_options:
        given_options["into"] = tmp_path_factory.mktemp("into")
    first = ()
    if "injections" in given_options:
        del given_options["injections"]
        (folder / "in.csv").write_bytes(good["in.csv"])
        first = (folder / "in.csv",)
    if argument is folder:
        for item in folder.iterdir():
            if item != target:
                item.unlink()

    @given(data=st.data())
    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def attack(data):
        target.write_bytes(damaged(data.draw, good[file], others))
        with contextlib.suppress(OutfallError):
            read(*first, argument, **given_options)

    attack()


@pytest.mark.parametrize(
    "ending",
    [
        ".csv",
        ".xlsx",
        ".gpkg",
        ".shp",
        ".fgb",
        ".gml",
        ".dxf",
        ".geojson",
        ".json",
        ".kml",
        ".kmz",
        ".gpx",
        ".txt",
        ".zip",
        ".xls",
        ".ods",
        ".inp",
        ".tif",
        "",
    ],
)
def test_a_wrong_ending_is_refused_in_our_words(tmp_path, good, ending):
    """Every good file under every ending: read or refused, never a foreign error."""
    from outfall.survey import read_ground

    for raw in good.values():
        file = tmp_path / f"a{ending}"
        file.write_bytes(raw)
        with contextlib.suppress(OutfallError):
            read_ground(file, crs=4490, tz="UTC")
