"""Files as offices write them: every encoding, merged headings, unsafe content."""

import codecs
import zipfile

import geopandas as gpd
import pytest
import xlsxwriter

from outfall.errors import ReadError
from outfall.tables import read_frame

CSV = "时间,电导率,备注\n08:00,<5,=cmd()\n08:01,未检出,007\n"


@pytest.mark.parametrize(
    "raw",
    [CSV.encode("utf-8"), CSV.encode("utf-8-sig"), CSV.encode("gb18030"), CSV.encode("utf-16"), CSV.replace(",", "\t").encode(),
     CSV.replace(",", ";").encode("gb18030"), codecs.BOM_UTF16_BE + CSV.encode("utf-16-be"), CSV.replace("\n", "\r\n").encode()],
    ids=["utf8", "bom", "gbk", "utf16", "tab", "semicolon", "utf16be", "crlf"],
)  # fmt: skip
def test_any_encoding_and_separator_gives_the_same_table(tmp_path, raw):
    """What the file says does not depend on the office that saved it."""
    file = tmp_path / "走航 记录.csv"
    file.write_bytes(raw)
    frame = read_frame(file)
    assert frame.drop(columns="source_ref").to_numpy().tolist() == [
        ["08:00", "<5", "=cmd()"],
        ["08:01", "未检出", "007"],
    ]
    assert frame["source_ref"].tolist() == ["走航 记录.csv#2", "走航 记录.csv#3"]


def workbook(path):
    """Write a sheet as laboratories do: a title, merged headings, a blank row."""
    book = xlsxwriter.Workbook(str(path))
    sheet = book.add_worksheet("结果")
    sheet.merge_range("A1:E1", "检测报告")
    sheet.merge_range("A3:A4", "样品编号")
    sheet.merge_range("B3:B4", "采样时间")
    sheet.merge_range("C3:E3", "检测结果(mg/L)")
    sheet.write_row("C4", ["化学需氧量", "氨氮", "总磷"])
    sheet.write_row("A6", ["S1", "2026-04-12 08:30", "<5", 1.25, "未检出"])
    book.close()


def test_merged_headings_keep_both_texts(tmp_path):
    """A cell under a merged one is called upper|lower, and rows are counted as in Excel."""
    workbook(tmp_path / "lab.xlsx")
    frame = read_frame(tmp_path / "lab.xlsx", table="samples")
    assert list(frame.columns) == [
        "样品编号",
        "采样时间",
        "检测结果(mg/L)|化学需氧量",
        "检测结果(mg/L)|氨氮",
        "检测结果(mg/L)|总磷",
        "source_ref",
    ]
    assert frame.iloc[0].tolist() == ["S1", "2026-04-12 08:30", "<5", "1.25", "未检出", "lab.xlsx#6"]


def test_an_unknown_sheet_is_met_with_the_sheets_there_are(tmp_path):
    """The way out stands in the message."""
    workbook(tmp_path / "lab.xlsx")
    with pytest.raises(ReadError, match="no sheet 'x'; the sheets are 结果"):
        read_frame(tmp_path / "lab.xlsx", layer="x")


def test_an_empty_file_says_so(tmp_path):
    """Nothing is not a table."""
    (tmp_path / "a.csv").write_bytes(b"")
    with pytest.raises(ReadError, match="0 bytes"):
        read_frame(tmp_path / "a.csv")
    (tmp_path / "b.csv").write_bytes(b"\n\n,,\n")
    with pytest.raises(ReadError, match="no row holds anything"):
        read_frame(tmp_path / "b.csv")


def test_a_missing_file_is_met_with_its_neighbour(tmp_path):
    """A slip in a name is shown the name that is there."""
    (tmp_path / "rivers.gpkg").write_bytes(b"x")
    with pytest.raises(ReadError, match=r"no such file; the folder holds rivers\.gpkg"):
        read_frame(tmp_path / "river.gpkg")


@pytest.mark.parametrize("name", ["up.kml", "up.geojson", "up.gpkg", "up.gml"])
def test_a_virtual_source_never_opens_another_file(tmp_path, name):
    """A field upload whose content points at other files is refused before GDAL sees it."""
    (tmp_path / name).write_text(
        "<OGRVRTDataSource><OGRVRTLayer name='s'><SrcDataSource>secret.csv</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>"
    )
    with pytest.raises(ReadError, match="virtual data source"):
        read_frame(tmp_path / name)


def test_a_workbook_that_unpacks_to_a_flood_is_refused(tmp_path):
    """A small file that becomes hundreds of megabytes is not opened."""
    file = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * 50_000_000)
    with pytest.raises(ReadError, match="refused as unsafe"):
        read_frame(file)


def test_a_damaged_layer_says_what_to_do(tmp_path):
    """GDAL's own message is kept, and the way out added."""
    (tmp_path / "r.gpkg").write_bytes(b"not a database at all")
    with pytest.raises(ReadError, match="open it in QGIS and export it again"):
        read_frame(tmp_path / "r.gpkg")


@pytest.mark.parametrize("ending", ["gpkg", "geojson", "fgb", "shp"])
def test_features_come_back_with_their_texts(tmp_path, ending):
    """Chinese attributes survive every vector format."""
    frame = gpd.GeoDataFrame({"名称": ["青河", "白渠"]}, geometry=gpd.points_from_xy([114, 115], [30, 31]), crs=4490)
    frame.to_file(tmp_path / f"河.{ending}", encoding="utf-8")
    back = read_frame(tmp_path / f"河.{ending}")
    assert sorted(back["名称"]) == sorted(frame["名称"])
    assert back.crs is not None


def test_a_shapefile_in_gbk_without_cpg_is_read_as_gbk(tmp_path):
    """Old shapefiles of Chinese offices do not say their encoding."""
    frame = gpd.GeoDataFrame(
        {"name": ["青禾排口", "石桥"]}, geometry=gpd.points_from_xy([114, 115], [30, 31]), crs=4490
    )
    frame.to_file(tmp_path / "p.shp", encoding="GBK")
    (tmp_path / "p.cpg").unlink()
    assert read_frame(tmp_path / "p.shp")["name"].tolist() == ["青禾排口", "石桥"]


def test_measures_of_a_geopackage_are_left_out(tmp_path):
    """A point with M comes without it; its place and height stay."""
    import sqlite3

    import shapely

    file = tmp_path / "a.gpkg"
    gpd.GeoDataFrame({"a": [1]}, geometry=[shapely.Point(1, 2, 3)], crs=4326).to_file(file)
    wkb = shapely.to_wkb(shapely.from_wkt("POINT ZM (1 2 3 4)"), output_dimension=4, flavor="iso")
    with sqlite3.connect(file) as connection:
        for name in [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type='trigger'")]:
            connection.execute(f'DROP TRIGGER "{name}"')
        connection.execute("UPDATE a SET geom = ?", (b"GP\x00\x01" + (4326).to_bytes(4, "little") + wkb,))
    connection.close()
    assert read_frame(file).geometry.to_wkt().tolist() == ["POINT Z (1 2 3)"]
