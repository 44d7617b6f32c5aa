"""The table of bad inputs: each row at its pass criterion."""

import csv
import io
import random
import time
import zipfile
import zlib

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from outfall.camera import read_photos
from outfall.coordinates import find_shift, wgs84_to_gcj02
from outfall.errors import CoordinateError, OutfallError, ReadError, UnsafeInputError
from outfall.network import read_network
from outfall.reports import read_inventory, write_inventory
from outfall.sources import read_sources
from outfall.store import append_rows, create_store, read_rows
from outfall.survey import read_ground
from outfall.tables import list_issues, read_frame
from outfall.tables.safe import read_geopackage, safe_name
from outfall.water import read_results
from tests import hostile

READERS = {
    "frame": read_frame,
    "ground": lambda file: read_ground(file, crs=4490),
    "sources": lambda file: read_sources(file, crs=4490),
    "network": lambda file: read_network(file, crs=4490),
}
ENDINGS = [
    ".kml",
    ".kmz",
    ".geojson",
    ".json",
    ".gpkg",
    ".csv",
    ".txt",
    ".shp",
    ".fgb",
    ".gml",
    ".dxf",
    ".gpx",
    ".xlsx",
    ".vrt",
]


@pytest.mark.parametrize(
    "wrap", [lambda text: text, lambda text: f"\ufeff<!-- a -->\n{text}"], ids=["plain", "behind_a_comment"]
)
@pytest.mark.parametrize("ending", ENDINGS)
def test_a_virtual_source_is_refused_under_any_name(tmp_path, ending, wrap):
    """The sentinel of the other file never appears, in no answer and in no message."""
    file = tmp_path / f"up{ending}"
    file.write_text(wrap(hostile.vrt(tmp_path)), encoding="utf-8")
    for read in READERS.values():
        with pytest.raises(ReadError) as caught:
            read(file)
        assert hostile.SENTINEL not in str(caught.value)


@pytest.mark.parametrize("start", ["0\nSECTION\n", "999\n", "<gml:FeatureCollection/>"])
def test_a_virtual_source_behind_the_right_start_is_refused(tmp_path, start):
    """The first bytes of a format do not carry a virtual source past the door."""
    for ending in (".dxf", ".gml"):
        file = tmp_path / f"up{ending}"
        file.write_text(start + hostile.vrt(tmp_path), encoding="utf-8")
        with pytest.raises(ReadError):
            read_frame(file)


@pytest.mark.parametrize("ending", [".kml", ".gpx", ".gml"])
@pytest.mark.parametrize("kind", ["outside", "laughs"])
def test_entities_are_refused_in_every_markup(tmp_path, ending, kind):
    """No other file is opened and nothing grows."""
    head = hostile.ENTITIES if kind == "laughs" else hostile.OUTSIDE.format(path=hostile.secret(tmp_path))
    name = "l" if kind == "laughs" else "m"
    body = (
        f"<kml><Placemark><name>&{name};</name></Placemark></kml>"
        if ending != ".gml"
        else f"<FeatureCollection>&{name};</FeatureCollection>"
    )
    file = tmp_path / f"a{ending}"
    file.write_text(head + body, encoding="utf-8")
    with pytest.raises(UnsafeInputError, match="declares a DTD or entities"):
        read_frame(file)


def test_bombs_are_refused_quickly_and_in_little_memory(tmp_path):
    """Workbooks, marks, submissions and entities: typed, under a second or two, under 200 and 300 MB."""
    big = hostile.zeros(619 * hostile.MB)
    laughs = tmp_path / "laughs.kml"
    laughs.write_text(hostile.ENTITIES + "<kml>&l;</kml>", encoding="utf-8")
    outside = tmp_path / "outside.gpx"
    outside.write_text(hostile.OUTSIDE.format(path=hostile.secret(tmp_path)) + "<gpx>&m;</gpx>", encoding="utf-8")
    deep = tmp_path / "deep.kml"
    deep.write_text("<kml>" + "<Folder>" * 200_000, encoding="utf-8")
    files = {
        "honest": hostile.workbook(tmp_path / "honest.xlsx", (big, 619 * hostile.MB)),
        "lying": hostile.workbook(tmp_path / "lying.xlsx", (big, 1000)),
        "wide": hostile.workbook(tmp_path / "wide.xlsx", hostile.sheet(("A1", "编号"), ("XFD1048576", "x"))),
        "kmz": hostile.pack(tmp_path / "a.kmz", [("doc.kml", big, 619 * hostile.MB)]),
        "zip": hostile.pack(tmp_path / "a.zip", [("form.csv", big, 619 * hostile.MB)]),
        "laughs": laughs,
        "outside": outside,
        "deep": deep,
    }
    for name, (said, seconds, grown, peak) in zip(files, hostile.measure(*files.values()), strict=True):
        assert said == "UnsafeInputError", name
        assert seconds < (1.0 if name in ("laughs", "outside", "deep") else 2.0), name
        assert grown < 60, name
        assert peak < 300, name


def test_a_kmz_that_lies_about_its_size_gives_no_more_than_it_states(tmp_path):
    """A member that holds more than it says is cut off and refused, never unpacked."""
    file = hostile.pack(tmp_path / "a.kmz", [("doc.kml", hostile.zeros(64 * hostile.MB), 2000)])
    with pytest.raises(ReadError):
        read_ground(file)


@pytest.mark.parametrize("side", [12_000, 60_000])
@pytest.mark.parametrize("ending", [".png", ".jpg", ".tif"])
def test_a_picture_of_absurd_size_is_named_and_skipped(tmp_path, side, ending):
    """Only headers are read: the good photo is there, the bomb is an issue, all within two seconds."""
    Image.new("RGB", (8, 8)).save(tmp_path / "good.jpg")
    raw = bytearray(_header(side, ending))
    (tmp_path / f"bomb{ending}").write_bytes(raw)
    start = time.process_time()
    photos = read_photos(tmp_path)
    assert time.process_time() - start < 2.0
    assert photos["file"].tolist() == ["good.jpg"]
    assert list_issues(photos)["row_ids"].str.contains(f"bomb{ending}", regex=False).any()


def _header(side, ending):
    """Return a picture of one pixel that claims to be side by side."""
    stream = io.BytesIO()
    kind = {".png": "PNG", ".jpg": "JPEG", ".tif": "TIFF"}[ending]
    Image.new("L", (1, 1)).save(stream, kind)
    raw = bytearray(stream.getvalue())
    if kind == "PNG":
        raw[16:20] = raw[20:24] = side.to_bytes(4, "big")
        raw[29:33] = zlib.crc32(raw[12:29]).to_bytes(4, "big")
    elif kind == "JPEG":
        at = raw.index(b"\xff\xc0")
        raw[at + 5 : at + 7] = raw[at + 7 : at + 9] = side.to_bytes(2, "big")
    else:
        first = int.from_bytes(raw[4:8], "little")
        for entry in range(first + 2, first + 2 + 12 * int.from_bytes(raw[first : first + 2], "little"), 12):
            if int.from_bytes(raw[entry : entry + 2], "little") in (256, 257):
                raw[entry + 2 : entry + 12] = (
                    (4).to_bytes(2, "little") + (1).to_bytes(4, "little") + side.to_bytes(4, "little")
                )
    return raw


@given(name=st.text(alphabet=st.sampled_from(list("ab./\\:C~\x00\n")), max_size=20))
@settings(max_examples=300, deadline=None)
def test_a_safe_name_never_leaves_its_folder(tmp_path_factory, name):
    """Whatever an archive calls a member, what is used stays below the folder, on every system."""
    safe = safe_name(name)
    if safe is not None:
        root = tmp_path_factory.getbasetemp()
        assert (root / safe).resolve().is_relative_to(root.resolve())
        assert not {"\\", "\x00"} & set(safe)
        assert ":" not in safe


HOSTILE_TEXT = st.text(max_size=30).map(lambda text: text.replace("\x00", ""))
STARTS = st.sampled_from(["=", "+", "-", "@", "\t=", "\r=", " =", "＝", "'=", "=cmd|'/C calc'!A0", "-2+3", "@SUM(1)"])


@given(texts=st.lists(st.tuples(STARTS, HOSTILE_TEXT).map("".join), min_size=1, max_size=5))
@settings(max_examples=40, deadline=None)
@pytest.mark.parametrize("ending", [".xlsx", ".csv"])
def test_no_exported_cell_is_a_formula(tmp_path_factory, ending, texts):
    """Every text of every column is text in the file and comes back as it was."""
    file = tmp_path_factory.mktemp("out") / f"a{ending}"
    texts = ["".join(mark for mark in text if mark.isprintable()) for text in texts]
    table = pd.DataFrame({"排污口名称": texts, "备注": texts}, dtype="str")
    write_inventory(table, file)
    if ending == ".xlsx":
        with zipfile.ZipFile(file) as archive:
            sheets = [archive.read(name) for name in archive.namelist() if "worksheets" in name]
        assert not any(b"<f>" in raw or b"<f " in raw or b"<hyperlink" in raw for raw in sheets)
    else:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            cells = [cell for row in csv.reader(stream) for cell in row]
        assert not [cell for cell in cells if cell.strip()[:1] in ("=", "+", "-", "@", "＝", "＋", "－", "＠")]
    assert read_inventory(file)["排污口名称"].tolist() == texts


def test_a_trigger_of_a_stranger_never_fires(tmp_path):
    """Three rows in the file are three rows in the store, and the file is as it was."""
    file = hostile.spoil(
        hostile.package(tmp_path / "walk.gpkg"),
        "CREATE TRIGGER t AFTER INSERT ON points BEGIN DELETE FROM points; END",
        "CREATE TRIGGER u BEFORE UPDATE ON gpkg_contents BEGIN DELETE FROM points; END",
    )
    before = file.read_bytes()
    seen = read_ground(file)
    store = create_store(tmp_path / "a.outfalldb")
    assert append_rows(store, "sightings", seen, actor="t") == 3
    assert read_rows(store, "sightings")["sighting_id"].tolist() == ["u0", "u1", "u2"]
    assert file.read_bytes() == before
    assert not list(tmp_path.glob("walk.gpkg-*"))


ENDLESS = "CREATE VIEW endless AS WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM c) SELECT n AS fid, 'x' AS name FROM c"
LISTED = "INSERT INTO gpkg_contents (table_name, data_type, identifier, srs_id) VALUES ('endless', 'attributes', 'endless', 0)"


def test_a_view_without_end_is_not_followed(tmp_path):
    """Plain tables are read, the view is refused when asked for, and a file of views alone is refused; all at once."""
    start = time.process_time()
    file = hostile.spoil(hostile.package(tmp_path / "a.gpkg"), ENDLESS, LISTED)
    assert len(read_ground(file)) == 3
    with pytest.raises(UnsafeInputError, match="is a view"):
        read_frame(file, layer="endless")
    hostile.spoil(file, "DELETE FROM gpkg_contents WHERE table_name = 'points'")
    for read in READERS.values():
        with pytest.raises(UnsafeInputError, match="views are not followed"):
            read(file)
    assert time.process_time() - start < 3


def test_a_list_of_contents_without_end_meets_the_deadline(tmp_path):
    """What must be read to know the tables may itself be a view; it is none of ours."""
    file = hostile.spoil(
        hostile.package(tmp_path / "a.gpkg"),
        "ALTER TABLE gpkg_contents RENAME TO hidden",
        "CREATE VIEW gpkg_contents AS WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM c) SELECT 'points' AS table_name, 'features' AS data_type FROM c",
    )
    with pytest.raises(ReadError, match="no list of contents"):
        read_frame(file)


def test_a_computed_column_is_not_computed_and_the_deadline_holds(tmp_path):
    """A column that would make a gigabyte per row is left alone; a table that takes too long is refused."""
    file = hostile.spoil(
        hostile.package(tmp_path / "a.gpkg", 2000),
        "ALTER TABLE points ADD COLUMN big AS (hex(zeroblob(100000000)))",
    )
    frame = read_frame(file)
    assert "big" not in frame.columns
    assert len(frame) == 2000
    with pytest.raises(UnsafeInputError, match="takes longer than"):
        read_geopackage(file, deadline_s=-1.0)


def test_flipped_packages_never_crash_and_are_counted(tmp_path):
    """Of 200 packages with eight flips each: refused, or as many rows as are there; fewer than stated is said."""
    raw = hostile.package(tmp_path / "a.gpkg", 300).read_bytes()
    rng = random.Random(1000)
    silent = refused = 0
    for _ in range(200):
        bad = bytearray(raw)
        for _ in range(8):
            bad[rng.randrange(100, len(bad))] ^= 1 << rng.randrange(8)
        file = tmp_path / "b.gpkg"
        file.write_bytes(bad)
        try:
            frame = read_frame(file)
        except OutfallError:
            refused += 1
            continue
        silent += len(frame) != 300 and list_issues(frame).empty
    assert silent == 0
    assert refused < 200


def test_encodings_and_full_width_digits_equal_the_hand_keyed_truth(tmp_path):
    """One table in six encodings, digits wide or narrow, is one table."""
    text = "编号,经度,纬度,备注,管径(mm)\n1,114.300100,30.600200,黑臭，有水,600\n"
    wide = text.replace("114.300100", "１１４．３００１００").replace("600\n", "６００\n")
    for body in (text, wide):
        for encoding in ("utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16", "utf-16-le"):
            file = tmp_path / "w.csv"
            file.write_bytes(body.encode(encoding))
            seen = read_ground(file, crs=4490)
            assert (seen.geometry.x.iloc[0], seen.geometry.y.iloc[0]) == (114.3001, 30.6002)
            assert seen[["note", "diameter_mm"]].values.tolist() == [["黑臭，有水", 600.0]]
            recorded = list_issues(seen)["reason"].tolist()
            assert recorded == ([] if encoding.startswith("utf-8") else [f"text read as {_recorded(encoding)}"])


def _recorded(encoding):
    return "gb18030" if encoding == "gbk" else encoding


def test_laboratory_values_in_full_width_are_values(tmp_path):
    """Wide digits, thousands, and non-detects mean what the sheet says."""
    rows = '样品编号,项目,数值,单位\nA,COD,０．５,mg/L\nB,COD,"1,234",mg/L\nC,COD,<0.05,mg/L\n'
    (tmp_path / "lab.csv").write_bytes(rows.encode("gbk"))
    results = read_results(tmp_path / "lab.csv")
    assert results["value"].tolist()[:2] == [0.5, 1234.0]
    assert np.isnan(results["value"].iloc[2])
    assert results["detection_limit"].iloc[2] == 0.05


@pytest.mark.parametrize("ending", [".csv", ".gpkg", ".geojson"])
@pytest.mark.parametrize(
    ("lon", "lat", "match"), [(30.6, 114.3, "swapped"), (0.0, 0.0, "0"), (500.0, 95.0, "range|outside|-180")]
)
def test_impossible_places_are_flagged_with_a_reason(tmp_path, ending, lon, lat, match):
    """Swapped, zero and out-of-range positions are refused by row, in a table and in a file with geometry."""
    file = _points(tmp_path / f"a{ending}", [114.3, lon, 114.31], [30.6, lat, 30.61])
    with pytest.raises(CoordinateError, match=match) as caught:
        read_ground(file, crs=4490)
    rows = [row for problem in caught.value.problems for row in problem.rows]
    assert rows
    assert all(row.endswith("#3" if ending == ".csv" else "#2") for row in rows)


@pytest.mark.parametrize("text", ["nan", "NaN", "", "inf"])
def test_a_place_that_is_no_number_is_flagged(tmp_path, text):
    """NaN and infinity are no positions: kept and said, or refused."""
    file = tmp_path / "a.csv"
    file.write_text(f"编号,经度,纬度\n1,114.3,30.6\n2,{text},30.6\n", encoding="utf-8")
    try:
        seen = read_ground(file, crs=4490)
    except CoordinateError as error:
        assert "a.csv#3" in str(error)  # noqa: PT017 (either answer is right)
    else:
        assert seen.geometry.isna().tolist() == [False, True]
        assert list_issues(seen)["row_ids"].tolist() == ["a.csv#3"]


def _points(file, lon, lat):
    table = pd.DataFrame({"name": ["a", "b", "c"], "经度": lon, "纬度": lat})
    if file.suffix == ".csv":
        table.to_csv(file, index=False, encoding="utf-8")
    else:
        gpd.GeoDataFrame(table[["name"]], geometry=gpd.points_from_xy(lon, lat), crs=4326).to_file(file)
    return file


def test_a_web_map_shift_is_recognised(county):
    """Points moved by the web-map shift are told from points that lie where they should."""
    rivers = gpd.read_file(county / "rivers.gpkg")
    along = [rivers.geometry.interpolate(share, normalized=True) for share in (0.1, 0.3, 0.5, 0.7, 0.9)]
    at = gpd.GeoSeries(pd.concat(along, ignore_index=True), crs=rivers.crs).to_crs(4326)
    lon, lat = wgs84_to_gcj02(at.x.to_numpy(), at.y.to_numpy())
    moved = gpd.GeoDataFrame(geometry=gpd.points_from_xy(lon, lat), crs=4326)
    found = find_shift(moved, rivers)
    assert found is not None
    assert found.kind == "gcj02"
    assert find_shift(gpd.GeoDataFrame(geometry=at), rivers) is None
