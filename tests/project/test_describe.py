"""A folder of files is described: what each is, why, and what was assumed; what is not understood is said."""

from __future__ import annotations

import json
import struct
import tomllib

import geopandas as gpd
import pandas as pd
import pytest
import shapely
import xlsxwriter

from outfall.errors import ProjectError
from outfall.project import Project, describe_folder

RIVERS = {"名称": ["清河", "支流"]}
PIPES = {"管径(mm)": [300, 400], "起点井号": ["a", "b"], "终点井号": ["b", "c"]}
TABLES = {
    "drift/走航 0413.csv": "时间,经度,纬度,水温(℃),电导率(µS/cm)\n2026-04-13 08:00,114.3,30.6,18,400\n",
    "管道/cctv.csv": "管段编号,距离(m),缺陷代码\nW1,12.5,AJ\n",
    "meters.csv": "电表编号,时间,数值\nD1,2026-04-13 08:00,5\n",
    "permits.csv": "企业名称,统一社会信用代码,经度,纬度\n甲厂,,114.3,30.6\n",
    "lab.csv": "样品编号,采样时间,氨氮(mg/L),COD\nS1,2026-04-13 08:00,<0.05,12\n",
    "lab_long.csv": "样品编号,检测项目,检测结果,单位\nS1,氨氮,未检出,mg/L\n",
    "采样.csv": "样品编号,采样时间,采样点位,流量(m3/s)\nS1,2026-04-13 08:00,1号口,0.1\n",
    "登记表.csv": "编号,经度,纬度,口门形态,岸别\n1,114.3,30.6,管道,左\n",
    "links.csv": "起点编号,终点编号\na,b\n",
}
ROLES = ["boat", "crawler", "readings", "sources", "results", "results", "samples", "ground", "links"]


def put(folder, name, text):
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")


def lines(columns, crs="EPSG:4490"):
    return gpd.GeoDataFrame(columns, geometry=[shapely.LineString([(114, 30), (114.1, 30)])] * 2, crs=crs)


def tiff(bands):
    """Return the shortest TIFF whose header says a number of bands."""
    entries = [(256, 3, 1, 1), (257, 3, 1, 1), (277, 3, 1, bands)]
    return (
        b"II*\0"
        + struct.pack("<IH", 8, len(entries))
        + b"".join(struct.pack("<HHII", *entry) for entry in entries)
        + b"\0\0\0\0"
    )


def inputs(folder, **options):
    text, says = describe_folder(folder, **options)
    return tomllib.loads(text).get("input", []), says


@pytest.mark.parametrize(("name", "role"), list(zip(TABLES, ROLES, strict=True)))
def test_tables_are_recognised(tmp_path, name, role):
    """Each kind of table is known by the columns its reader knows."""
    put(tmp_path, name, TABLES[name])
    found, says = inputs(tmp_path)
    assert found == [{"role": role, "path": name}]
    assert says[0].startswith(f"{name} is read as ")


def test_lines_are_rivers_or_pipes(tmp_path):
    """Lines are pipes by their columns, their kinds or their names, and rivers otherwise."""
    lines(RIVERS).to_file(tmp_path / "a.gpkg")
    lines(PIPES).to_file(tmp_path / "b.geojson")
    lines(RIVERS).to_file(tmp_path / "sewers.gpkg")
    lines({"类型": ["排水管", "雨水管"]}).to_file(tmp_path / "c.gpkg")
    lines({"类型": ["河流", "沟渠"]}).to_file(tmp_path / "管网外.gpkg")
    found, says = inputs(tmp_path)
    assert [(item["role"], item["path"]) for item in found] == [
        ("rivers", "a.gpkg"),
        ("rivers", "管网外.gpkg"),
        ("pipes", "b.geojson"),
        ("pipes", "c.gpkg"),
        ("pipes", "sewers.gpkg"),
    ]
    assert "a.gpkg is in EPSG:4490." in says


def test_layers_and_sheets_are_inputs_of_their_own(tmp_path):
    """A GeoPackage of several layers and a workbook of several sheets give one input each."""
    lines(RIVERS).to_file(tmp_path / "all.gpkg", layer="水系")
    lines(PIPES).to_file(tmp_path / "all.gpkg", layer="管线")
    with xlsxwriter.Workbook(tmp_path / "lab.xlsx") as book:
        for sheet, name in (("采样", "采样.csv"), ("结果", "lab_long.csv")):
            page = book.add_worksheet(sheet)
            for row, line in enumerate(TABLES[name].splitlines()):
                page.write_row(row, 0, line.split(","))
        book.add_worksheet("空")
    found, _ = inputs(tmp_path)
    assert [(item["role"], item["layer"]) for item in found] == [
        ("rivers", "水系"),
        ("pipes", "管线"),
        ("samples", "采样"),
        ("results", "结果"),
    ]


def test_photos_and_scenes(tmp_path):
    """A folder of photos is a flight with all that lies in it; a raster of three bands or more is a scene."""
    put(tmp_path, "飞行 1/DJI_1.JPG", "x")
    put(tmp_path, "飞行 1/finds.csv", TABLES["登记表.csv"])
    (tmp_path / "s2.tif").write_bytes(tiff(5))
    (tmp_path / "dem.tif").write_bytes(tiff(1))
    (tmp_path / "bad.tif").write_bytes(b"x")
    found, says = inputs(tmp_path)
    assert found == [{"role": "drone", "path": "飞行 1"}, {"role": "scene", "path": "s2.tif"}]
    assert "rasters of fewer than three bands are not used: dem.tif." in says
    assert any(text.startswith("bad.tif is not used: not a TIFF") for text in says)


def test_what_is_not_understood_is_said(tmp_path):
    """Unknown tables, answers, outputs, areas, empty files and loose photos are named as not used, never guessed."""
    put(tmp_path, "什么.csv", "a,b\n1,2\n")
    put(tmp_path, "truth.csv", TABLES["登记表.csv"])
    put(tmp_path, "inventory.csv", TABLES["登记表.csv"])
    put(tmp_path, "empty.csv", "")
    put(tmp_path, "IMG.jpg", "x")
    put(tmp_path, "说明.docx", "x")
    put(tmp_path, ".hidden.csv", TABLES["登记表.csv"])
    put(tmp_path, "town_out/town.outfalldb", "x")
    put(tmp_path, "town_out/登记表.csv", TABLES["登记表.csv"])
    gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 1, 1)], crs=4490).to_file(tmp_path / "县界.gpkg")
    found, says = inputs(tmp_path)
    assert found == []
    whole = "\n".join(says)
    for part in (
        "什么.csv is not used: nothing says what it is (its columns are a, b)",
        "truth.csv is not used: by its name it is an answer",
        "inventory.csv is not used: by its name it is an output",
        "empty.csv is not used: the file is empty (0 bytes)",
        "photos in the project folder itself (1) are not used",
        "not looked at: 说明.docx",
        "县界.gpkg holds areas and is not used",
        "nothing was recognised",
    ):
        assert part in whole
    assert "hidden" not in whole
    assert "town_out" not in whole


def test_virtual_sources_are_refused(tmp_path):
    """A file whose content opens other files is not looked into."""
    (tmp_path / "secret.csv").write_text("sentinel\n1\n", encoding="utf-8")
    put(
        tmp_path,
        "rivers.gpkg",
        '<OGRVRTDataSource><OGRVRTLayer name="secret"><SrcDataSource>secret.csv</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>',
    )
    _, says = inputs(tmp_path)
    assert any("rivers.gpkg is not used: the content is a virtual data source" in text for text in says)


def test_headings_that_look_alike_are_mapped(tmp_path):
    """A heading that no reader knows but that looks like a column is proposed, with a sentence; another unit never is."""
    put(
        tmp_path,
        "登记.csv",
        "序,GPS经度值,GPS纬度值,排口名,口门形态情况,口径(cm),调查人员\n1,114.3,30.6,a,管道,30,甲\n",
    )
    found, says = inputs(tmp_path)
    assert found[0]["rename"] == {
        "排口名": "name",
        "口门形态情况": "outfall_shape",
        "GPS经度值": "lon",
        "GPS纬度值": "lat",
    }
    assert "in 登记.csv the column 排口名 is taken as name." in says
    assert '登记.csv has no time; add constants = { seen_at = "…" } if the day is known.' in says


def test_values_must_fit(tmp_path):
    """A heading like that of a column of fixed words is not taken where the cells are other words."""
    lines({"ROUGH_TYPE": ["manning", "chezy"]}).to_file(tmp_path / "a.gpkg")
    lines({"FTYPE": ["StreamRiver", "StreamRiver"]}).to_file(tmp_path / "b.gpkg")
    found, _ = inputs(tmp_path)
    assert [item.get("rename") for item in found] == [None, {"FTYPE": "kind"}]


def test_parts_of_a_shapefile_are_one(tmp_path):
    """The files beside a shapefile belong to it."""
    lines(RIVERS).to_file(tmp_path / "a.shp", encoding="utf-8")
    found, says = inputs(tmp_path)
    assert found == [{"role": "rivers", "path": "a.shp"}]
    assert not any("not looked at" in text for text in says)


def test_the_text_opens(tmp_path):
    """What is written opens as a project, whatever the files are called, in both languages."""
    for name, text in TABLES.items():
        put(tmp_path, name, text)
    put(tmp_path, 'a "b" {role} #1.csv', TABLES["登记表.csv"])
    lines(RIVERS).to_file(tmp_path / "a.gpkg")
    for lang in ("en", "zh"):
        text, says = describe_folder(tmp_path, lang=lang)
        assert all(sentence in text for sentence in says)
        project = Project.create(tmp_path, text=text)
        assert len(project.inputs) == len(TABLES) + 2
        assert project.problems() == []
        (tmp_path / "outfall.toml").unlink()


def test_nothing_is_written(tmp_path):
    """Describing a folder leaves it as it was, and gives the same text every time."""
    lines(RIVERS).to_file(tmp_path / "a.gpkg")
    put(tmp_path, "p.csv", TABLES["permits.csv"])
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert describe_folder(tmp_path) == describe_folder(tmp_path)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_empty_and_missing_folders(tmp_path):
    """An empty folder gives settings alone; a missing one is an error."""
    text, says = describe_folder(tmp_path)
    assert tomllib.loads(text)["project"]["crs"] == "auto"
    assert says[-1] == "nothing was recognised."
    with pytest.raises(ProjectError, match="no such folder"):
        describe_folder(tmp_path / "none")


def test_name(tmp_path):
    """A project is called after its folder unless it is given a name."""
    (tmp_path / "河口镇").mkdir()
    assert tomllib.loads(describe_folder(tmp_path / "河口镇")[0])["project"]["name"] == "河口镇"
    text, says = describe_folder(tmp_path / "河口镇", name="county")
    assert tomllib.loads(text)["project"]["name"] == "county"
    assert not any("after its folder" in sentence for sentence in says)


def test_points_without_crs(tmp_path):
    """A file with shapes and no CRS asks for one."""
    frame = gpd.GeoDataFrame({"企业名称": ["a"], "许可证编号": ["1"]}, geometry=[shapely.Point(114, 30)])
    with pytest.warns(UserWarning, match="'crs' was not provided"):
        frame.to_file(tmp_path / "permits.fgb")
    found, says = inputs(tmp_path)
    assert found[0]["role"] == "sources"
    assert 'permits.fgb does not say its CRS; add crs = "…" to its input.' in says


def test_sample_town(rivertown):
    """The sample town is described as its own outfall.toml does."""
    own = tomllib.loads((rivertown / "outfall.toml").read_text(encoding="utf-8"))["input"]
    found, _ = inputs(rivertown)
    assert {(item["role"], item["path"]) for item in found} == {(item["role"], item["path"]) for item in own}


def test_damaged_files_are_said(tmp_path):
    """A cut GeoPackage and a workbook that is none are named, and do not stop the others."""
    lines(RIVERS).to_file(tmp_path / "whole.gpkg")
    (tmp_path / "cut.gpkg").write_bytes((tmp_path / "whole.gpkg").read_bytes()[:5000])
    (tmp_path / "lab.xlsx").write_bytes(b"no workbook")
    found, says = inputs(tmp_path)
    assert [item["path"] for item in found] == ["whole.gpkg"]
    assert any("cut.gpkg is not used: cannot be read as GPKG" in text for text in says)
    assert any("lab.xlsx is not used: cannot be read as a workbook" in text for text in says)


@pytest.mark.realdata
def test_real_folders(shared_data):
    """Every folder of real data is described without a warning, and its text opens."""
    for folder in sorted(item for item in shared_data.glob("*/*") if item.is_dir()):
        text, says = describe_folder(folder)
        assert says
        tomllib.loads(text)
    found, _ = inputs(shared_data / "network" / "uky_storm")
    assert found == [{"role": "pipes", "path": "STM_Line_ln.geojson"}]
    found, _ = inputs(shared_data / "network" / "delft_joint")
    assert [item["role"] for item in found] == ["rivers", "pipes", "ground"]


def test_geojson_without_features(tmp_path):
    """A layer without rows is not used."""
    put(tmp_path, "a.geojson", json.dumps({"type": "FeatureCollection", "features": []}))
    put(tmp_path, "b.csv", "x\n")
    found, says = inputs(tmp_path)
    assert found == []
    assert len([text for text in says if "is not used" in text]) == 2


def test_sorted_by_flow(tmp_path):
    """Inputs stand in the order of the flow, not of the names."""
    for name, text in TABLES.items():
        put(tmp_path, name, text)
    found, _ = inputs(tmp_path)
    order = ["boat", "crawler", "ground", "sources", "samples", "results", "results", "readings", "links"]
    assert [item["role"] for item in found] == order
    assert pd.Series([item["path"] for item in found]).is_unique
