"""What comes back from the field in other people's formats becomes the same sightings."""

import hashlib
import io
import json
import random
import zipfile

import geopandas as gpd
import pandas as pd
import pytest
from PIL import Image
from shapely.geometry import Point

from outfall.coordinates import wgs84_to_gcj02
from outfall.errors import ReadError
from outfall.survey import read_ground, read_ground_photos, read_tracks
from outfall.tables import check, list_issues, split_ids

HEAD = "SubmissionDate,site-name,site-place-Latitude,site-place-Longitude,site-place-Altitude,site-place-Accuracy,照片,KEY,meta-instanceID"
ROWS = [
    "2026-04-12T08:00:00Z,东排口,30.60,114.30,20,4.5,a.jpg,uuid:u1,uuid:u1",
    "2026-04-12T09:00:00Z,=cmd(),30.61,114.31,20,,late.jpg,uuid:u2,uuid:u2",
]


def sha(raw):
    """Return the SHA-256 of bytes."""
    return hashlib.sha256(raw).hexdigest()


def central(folder, rows=ROWS, *, extra=()):
    """Return an ODK Central export: submissions, a repeat of photos, media."""
    file = folder / "visit.zip"
    stream = io.BytesIO()
    Image.new("RGB", (16, 12), "#357").save(stream, "JPEG")
    raw = stream.getvalue()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("visit.csv", "\n".join([HEAD, *rows]))
        archive.writestr("visit-more.csv", "more_photo,PARENT_KEY,KEY\nb.jpg,uuid:u1,uuid:u1/more[1]\n")
        archive.writestr("media/a.jpg", raw)
        archive.writestr("media/b.jpg", raw + b"b")
        for name, content in extra:
            archive.writestr(name, content)
    return file, raw


def test_a_central_export_keeps_uuid_place_and_photos(tmp_path):
    """The instance id is the sighting id, accuracy its sigma, photos of repeats are its photos."""
    file, raw = central(tmp_path)
    seen = read_ground(file)
    check(seen, "sightings")
    assert seen["sighting_id"].tolist() == ["u1", "u2"]
    assert seen["name"].tolist() == ["东排口", "=cmd()"]
    assert seen["sigma_m"].tolist() == [4.5, 8.0]
    assert [(point.x, point.y) for point in seen.geometry] == [(114.30, 30.60), (114.31, 30.61)]
    assert split_ids(seen["photo_ids"].iloc[0]) == [sha(raw), sha(raw + b"b")]
    assert seen["source_ref"].iloc[0] == "visit.zip/visit.csv#2"


def test_a_photo_that_has_not_arrived_is_pending(tmp_path):
    """The row does not wait for its photo; the photo is listed."""
    seen = read_ground(central(tmp_path)[0])
    assert seen["photo_ids"].iloc[1] == "late.jpg"
    issues = list_issues(seen)
    assert issues[issues["kind"] == "pending_photo"]["row_ids"].tolist() == ["visit.zip/visit.csv#3"]


def test_photos_are_put_away_by_content_only(tmp_path):
    """Names of the archive never become paths; the digest in the sighting names the photo."""
    file, raw = central(tmp_path, extra=[("../../evil.jpg", b"evil"), ("..\\..\\win.jpg", b"win")])
    photos = read_ground_photos(file, into=tmp_path / "store" / "photos")
    assert sorted(item.name for item in (tmp_path / "store").rglob("*.jpg")) == sorted(
        f"{sha(content)}.jpg" for content in (raw, raw + b"b")
    )
    assert set(photos["photo_id"]) <= {sha(raw), sha(raw + b"b")}
    assert sha(raw) in set(photos["photo_id"])
    assert not list(tmp_path.rglob("*evil*"))
    issues = list_issues(read_ground(file))
    assert issues[issues["kind"] == "skipped_file"]["reason"].str.contains("2 members").all()


def test_one_uuid_with_two_contents_is_kept_apart(tmp_path):
    """Same content twice is one row and says so; other content under one uuid is two rows, in any order."""
    changed = ROWS[0].replace("东排口", "西排口")
    rows = [*ROWS, ROWS[0], changed]
    seen = read_ground(central(tmp_path, rows)[0])
    assert len(seen) == 3
    ids = dict(zip(seen["name"], seen["sighting_id"], strict=True))
    assert len(set(ids.values())) == 3
    assert {ids["东排口"].partition("~")[0], ids["西排口"].partition("~")[0]} == {"u1"}
    assert list_issues(seen)["kind"].tolist().count("duplicate") == 2
    random.Random(5).shuffle(rows)
    again = read_ground(central(tmp_path, rows)[0])
    assert dict(zip(again["name"], again["sighting_id"], strict=True)) == ids


def test_a_kobo_json_export_is_read(tmp_path):
    """Groups, geopoint text, repeats and attachments of the Kobo API."""
    file = tmp_path / "kobo.json"
    item = {
        "_id": 7,
        "_uuid": "u9",
        "meta/instanceID": "uuid:u9",
        "site/name": "三号口",
        "site/place": "30.6 114.3 21.0 3.5",
        "site/是否排水": "有水",
        "shots": [{"shots/photo": "x.jpg"}],
        "_attachments": [{"filename": "user/attachments/x.jpg"}],
        "_geolocation": [30.6, 114.3],
        "_submission_time": "2026-04-12T08:00:00",
    }
    file.write_text(json.dumps({"count": 1, "results": [item]}), encoding="utf-8")
    seen = read_ground(file)
    assert seen[["sighting_id", "name", "sigma_m", "is_discharging", "photo_ids"]].values.tolist() == [
        ["u9", "三号口", 3.5, True, "x.jpg"]
    ]
    assert (seen.geometry.x.iloc[0], seen.geometry.y.iloc[0]) == (114.3, 30.6)


def test_a_central_odata_export_is_read(tmp_path):
    """The same place as GeoJSON with its accuracy."""
    place = {"type": "Point", "coordinates": [114.3, 30.6, 20], "properties": {"accuracy": 2.5}}
    file = tmp_path / "odata.json"
    file.write_text(
        json.dumps({"value": [{"__id": "uuid:u4", "site": {"name": "a", "place": place}}]}), encoding="utf-8"
    )
    seen = read_ground(file)
    assert seen[["sighting_id", "name", "sigma_m"]].values.tolist() == [["u4", "a", 2.5]]
    assert (seen.geometry.x.iloc[0], seen.geometry.y.iloc[0]) == (114.3, 30.6)


def package(folder, name="walk.gpkg"):
    """Return a QField package with one photo beside it, one missing and one that leads out."""
    (folder / "DCIM").mkdir(exist_ok=True)
    (folder / "DCIM" / "p1.jpg").write_bytes(b"one")
    frame = gpd.GeoDataFrame(
        {
            "uuid": ["{a1}", "{a2}", "{a3}"],
            "name": ["甲", "乙", "丙"],
            "photo": ["DCIM/p1.jpg", "DCIM/p2.jpg", "../../etc/passwd"],
        },
        geometry=[Point(114.3, 30.6), Point(114.31, 30.6), None],
        crs=4326,
    )
    frame.to_file(folder / name, layer="points")
    return folder / name


def test_a_field_package_keeps_its_uuids_and_finds_its_photos(tmp_path):
    """Photos are found as relative paths inside the folder only; the rest is pending by name."""
    folder = tmp_path / "project"
    folder.mkdir()
    file = package(folder)
    before = file.read_bytes()
    seen = read_ground(file)
    assert seen["sighting_id"].tolist() == ["a1", "a2", "a3"]
    assert seen["photo_ids"].tolist() == [sha(b"one"), "DCIM/p2.jpg", "../../etc/passwd"]
    issues = list_issues(seen)
    assert issues[issues["kind"] == "pending_photo"]["row_ids"].tolist() == ["walk.gpkg#2", "walk.gpkg#3"]
    assert issues[issues["kind"] == "no_geometry"]["row_ids"].tolist() == ["walk.gpkg#3"]
    assert file.read_bytes() == before
    assert sorted(item.name for item in folder.iterdir()) == ["DCIM", "walk.gpkg"]


def test_a_conflict_copy_is_noticed(tmp_path):
    """The second version of a package is never silently ignored."""
    file = package(tmp_path)
    package(tmp_path, "walk (conflicted copy, li v12).gpkg")
    issues = list_issues(read_ground(file))
    assert issues[issues["kind"] == "conflict_copy"]["row_ids"].tolist() == ["walk (conflicted copy, li v12).gpkg"]


GPX = """<?xml version="1.0"?><gpx xmlns="http://www.topografix.com/GPX/1/1" version="1.1">
<wpt lat="30.6" lon="114.3"><ele>20</ele><time>2026-04-12T08:00:00Z</time><name>口1</name><desc>有水 &lt;b&gt;</desc>
<type>user</type><extensions><a:depth xmlns:a="x">1.2</a:depth></extensions></wpt>
<trk><name>t</name><trkseg><trkpt lat="30.6" lon="114.3"><time>2026-04-12T08:00:00Z</time></trkpt>
<trkpt lat="30.61" lon="114.3"><time>2026-04-12T08:10:00Z</time></trkpt></trkseg>
<trkseg><trkpt lat="30.7" lon="114.3"/></trkseg></trk></gpx>"""


def test_way_points_become_sightings_and_tracks_lines(tmp_path):
    """A way-point is a sighting with its time and words; a track is where people walked."""
    file = tmp_path / "walk.gpx"
    file.write_text(GPX, encoding="utf-8")
    seen = read_ground(file)
    assert seen[["name", "note", "platform"]].values.tolist() == [["口1", "有水 <b>", "foot"]]
    assert str(seen["seen_at"].iloc[0]) == "2026-04-12 08:00:00+00:00"
    tracks = read_tracks(file)
    assert tracks.geometry.to_wkt().tolist() == ["LINESTRING (114.3 30.6, 114.3 30.61)"]
    assert str(tracks["ended_at"].iloc[0]) == "2026-04-12 08:10:00+00:00"
    assert list_issues(tracks)["row_ids"].tolist() == ["walk.gpx#2"]


KML = """<kml xmlns="http://www.opengis.net/kml/2.2"><Document><Folder><name>北岸</name><Placemark><name>口3</name>
<description><![CDATA[<img src="files/p.jpg"/>水黑 ${x}]]></description><TimeStamp><when>2026-04-12T08:00:00Z</when></TimeStamp>
<ExtendedData><Data name="是否排水"><value>有水</value></Data></ExtendedData>
<Point><coordinates>114.3,30.6,0</coordinates></Point></Placemark></Folder>
<Placemark><name>nowhere</name></Placemark></Document></kml>"""


def test_placemarks_of_a_kmz_bring_folder_words_and_photo(tmp_path):
    """Extended data answers questions, pictures inside are known by content, markup becomes words."""
    file = tmp_path / "marks.kmz"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("doc.kml", KML)
        archive.writestr("files/p.jpg", b"picture")
        archive.writestr("../p.jpg", b"other")
    seen = read_ground(file)
    assert seen["name"].tolist() == ["口3", "nowhere"]
    assert seen["note"].iloc[0] == "水黑 ${x}"
    assert seen["is_discharging"].iloc[0]
    assert seen["photo_ids"].iloc[0] == sha(b"picture")
    assert seen.geometry.isna().tolist() == [False, True]


def test_ovital_text_is_read_in_its_three_flavours(tmp_path):
    """Plain, GCJ-02 and degrees with minutes and seconds of one place are one place; the layout is said to be unverified."""
    lon, lat = wgs84_to_gcj02(114.3, 30.6)
    file = tmp_path / "奥维.txt"
    file.write_text(
        f"114.3,30.6,甲,有水\ng\t{float(lon):.9f}\t{float(lat):.9f}\t乙\n114°18′00″;30°36′;丙\n", encoding="gb18030"
    )
    seen = read_ground(file)
    assert seen["name"].tolist() == ["甲", "乙", "丙"]
    assert seen.geometry.x.tolist() == pytest.approx([114.3] * 3, abs=1e-6)
    assert seen.geometry.y.tolist() == pytest.approx([30.6] * 3, abs=1e-6)
    assert list_issues(seen)["reason"].str.contains("not confirmed").any()


def test_a_text_with_headings_is_no_list_of_points(tmp_path):
    """A tab-separated form keeps its headings."""
    file = tmp_path / "form.txt"
    file.write_text("编号\t经度\t纬度\n1\t114.3\t30.6\n", encoding="utf-8")
    assert read_ground(file, crs=4490)["sighting_id"].tolist() == ["form-1"]


def test_an_archive_without_submissions_says_what_to_give(tmp_path):
    """A zip of something else is refused with the way out."""
    file = tmp_path / "a.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("readme.md", "hello")
    with pytest.raises(ReadError, match="give the file inside"):
        read_ground(file)


def test_a_guessed_encoding_is_recorded(tmp_path):
    """GBK is read as meant, and it is written down that it was GBK."""
    file = tmp_path / "w.csv"
    pd.DataFrame({"编号": ["1"], "经度": ["114.3"], "纬度": ["30.6"], "备注": ["黑臭"]}).to_csv(
        file, index=False, encoding="gbk"
    )
    seen = read_ground(file, crs=4490)
    assert seen["note"].tolist() == ["黑臭"]
    assert list_issues(seen)["reason"].tolist() == ["text read as gb18030"]
