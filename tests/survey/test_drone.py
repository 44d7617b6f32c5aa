"""A flight becomes sightings at the objects, not at the drone."""

from __future__ import annotations

import json

import pytest

from outfall.camera import look_at, read_photos
from outfall.errors import CoordinateError, ReadError, TableError
from outfall.survey import read_drone
from outfall.tables import check, list_issues

_DJI = {"RelativeAltitude": "+100", "GimbalYawDegree": "90", "GimbalPitchDegree": "-45", "RtkFlag": "50"}


@pytest.fixture
def flight(take, tmp_path):
    """Return a folder of three photos; the last does not say where it looks."""
    folder = tmp_path / "航次 0412"
    for number in range(3):
        take(folder / f"DJI_{number}.JPG", lon=114.3 + number / 100, seed=number, fields=_DJI if number < 2 else {})
    return folder


def _points(seen):
    return [round(value, 8) for point in seen.geometry if point is not None for value in (point.x, point.y)]


def test_without_finds_every_photo_is_a_sighting(flight):
    """Each photo gives the point it looks at, the blind one its own position with 30 m."""
    photos = read_photos(flight, tz="Asia/Shanghai")
    seen = read_drone(flight, tz="Asia/Shanghai")
    check(seen, "sightings")
    assert seen["sighting_id"].tolist() == [f"航次 0412-DJI_{number}.JPG" for number in range(3)]
    assert seen["photo_ids"].tolist() == photos["photo_id"].tolist()
    assert seen["seen_at"].tolist() == photos["taken_at"].tolist()
    assert _points(seen)[:4] == pytest.approx(_points(look_at(photos)))
    assert _points(seen)[:2] != _points(photos)[:2]
    assert _points(seen)[4:] == pytest.approx(_points(photos)[4:])
    assert seen["sigma_m"].iloc[2] > 30 > seen["sigma_m"].iloc[0]


def test_a_find_by_photo_name_lies_where_its_photo_looks(flight):
    """File name, stem and any case name the photo; the middle pixel is the middle."""
    (flight / "finds.csv").write_text(
        "照片,像素列,像素行,可信度\nDJI_0.JPG,,,0.9\ndji_1,36,24,0.5\n", encoding="gb18030"
    )
    seen = read_drone(flight, tz="Asia/Shanghai")
    photos = read_photos(flight, tz="Asia/Shanghai")
    assert _points(seen) == pytest.approx(_points(look_at(photos)))
    assert seen["photo_ids"].tolist() == photos["photo_id"].tolist()[:2]
    assert seen["confidence_share"].tolist() == [0.9, 0.5]
    assert seen["sighting_id"].is_unique


def test_a_find_with_coordinates_keeps_them(flight):
    """GeoJSON points and the middle of polygons are the objects; the photo is only matched."""
    square = [[114.31, 30.6], [114.312, 30.6], [114.312, 30.602], [114.31, 30.602], [114.31, 30.6]]
    features = [
        {
            "type": "Feature",
            "properties": {"id": 1, "image": "DJI_0.JPG"},
            "geometry": {"type": "Point", "coordinates": [114.305, 30.6]},
        },
        {
            "type": "Feature",
            "properties": {"id": 2, "image": None},
            "geometry": {"type": "Polygon", "coordinates": [square]},
        },
    ]
    (flight / "finds.geojson").write_text(
        json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8"
    )
    seen = read_drone(flight, tz="Asia/Shanghai", survey_id="f1")
    assert seen["sighting_id"].tolist() == ["f1-1", "f1-2"]
    assert _points(seen) == pytest.approx([114.305, 30.6, 114.311, 30.601])
    assert seen["sigma_m"].tolist() == [5.0, 5.0]
    assert seen["photo_ids"].notna().tolist() == [True, False]
    assert seen["seen_at"].notna().tolist() == [True, False]


def test_two_files_of_finds_may_use_the_same_numbers(flight):
    """Ids that two files share get the file in front."""
    for name in ("a.csv", "b.csv"):
        (flight / name).write_text("id,photo\n1,DJI_0.JPG\n", encoding="utf-8")
    seen = read_drone(flight, tz="UTC", survey_id="f1")
    assert seen["sighting_id"].tolist() == ["f1-a.csv-1", "f1-b.csv-1"]


def test_finds_without_a_place_are_listed(flight):
    """A find whose photo was not read is left out and named."""
    (flight / "finds.csv").write_text("photo\nDJI_0.JPG\nlost.JPG\n", encoding="utf-8")
    seen = read_drone(flight, tz="UTC")
    assert len(seen) == 1
    issues = list_issues(seen).set_index("kind")
    assert issues.loc["no_geometry", "row_ids"] == "finds.csv#3"
    assert issues.loc["skipped_file", "row_ids"] == "finds.csv#3"


def test_a_table_that_is_no_list_of_finds_is_named(flight):
    """Another table in the folder does not stop the flight; named as finds it is refused."""
    (flight / "battery.csv").write_text("time,volt\n1,2\n", encoding="utf-8")
    seen = read_drone(flight, tz="UTC")
    assert len(seen) == 3
    assert "battery.csv" in list_issues(seen)["reason"].iloc[0]
    with pytest.raises(TableError, match="neither coordinates nor a column of photos"):
        read_drone(flight, finds=flight / "battery.csv", tz="UTC")


def test_numbers_without_crs_are_refused(flight):
    """Finds in lon and lat must say what they are."""
    (flight / "finds.csv").write_text("lon,lat\n114.3,30.6\n", encoding="utf-8")
    with pytest.raises(CoordinateError, match="crs="):
        read_drone(flight, tz="UTC")
    assert len(read_drone(flight, tz="UTC", crs="gcj02")) == 1


def test_a_percentage_is_refused(flight):
    """A confidence of 90 says what to divide by."""
    (flight / "finds.csv").write_text("photo,confidence\nDJI_0.JPG,90\n", encoding="utf-8")
    with pytest.raises(TableError, match="divide percentages by 100"):
        read_drone(flight, tz="UTC")


def test_sigma_and_constants_are_the_callers(flight):
    """A sigma the caller knows replaces ours, a constant fills a column."""
    seen = read_drone(flight, tz="UTC", sigma_m=1.5, constants={"observer": "乙组"})
    assert seen["sigma_m"].eq(1.5).all()
    assert seen["observer"].eq("乙组").all()


def test_a_folder_without_photos_is_empty(tmp_path):
    """No photo and no find is an empty table that meets the contract."""
    assert len(check(read_drone(tmp_path), "sightings")) == 0


def test_a_missing_folder_is_refused(tmp_path):
    """A folder that is not there is an error."""
    with pytest.raises(ReadError, match="no such folder"):
        read_drone(tmp_path / "none")


@pytest.mark.realdata
def test_a_real_flight_reads_with_everything_in_its_folder(shared_data):
    """Surface model and solution tables beside the photos are named, not read as finds."""
    folder = shared_data / "remote" / "drone_rtk"
    seen = read_drone(folder, tz="Asia/Taipei")
    assert len(seen) == 4
    assert seen["sigma_m"].between(2, 6).all()
    assert {issue["about"] for issue in seen.attrs["issues"]} == {
        "odm_dem/dsm.tif",
        "odm_lla_rpy.csv",
        "odm_xyz_opk.csv",
    }
    exact = read_drone(folder, tz="Asia/Taipei", surface=folder / "odm_dem" / "dsm.tif")
    assert (exact["sigma_m"] < seen["sigma_m"]).all()


@pytest.mark.realdata
def test_stripped_frames_give_no_sighting(shared_data):
    """Thermal frames without GPS are named and give nothing."""
    seen = read_drone(shared_data / "remote" / "drone_thermal", tz="Asia/Shanghai")
    assert len(seen) == 0
    assert len(seen.attrs["issues"]) == 4
