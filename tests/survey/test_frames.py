"""Boxes and frames: a flight gives one sighting per thing, wherever and however often it was marked."""

from __future__ import annotations

import json

import geopandas as gpd
import numpy as np
import pytest

from outfall.camera import look_at, read_photos
from outfall.errors import ReadError, TableError
from outfall.survey import merge_frames, read_drone, read_thermal_flight
from outfall.survey.boxes import read_boxes
from outfall.tables import check, list_issues
from tests.camera.test_thermal import _frame, _tiff
from tests.laws import unchanged

_DJI = {"RelativeAltitude": "+100", "GimbalYawDegree": "90", "GimbalPitchDegree": "-60", "RtkFlag": "50"}


@pytest.fixture
def flight(take, tmp_path):
    """Return a folder of three photos that look down to the east."""
    for number in range(3):
        take(tmp_path / "f" / f"DJI_{number}.JPG", lon=114.3 + number / 1e5, seed=number, fields=_DJI)
    return tmp_path / "f"


def _points(seen):
    return [round(value, 8) for point in seen.geometry for value in (point.x, point.y)]


def _coco(file, boxes):
    told = {
        "images": [{"id": number, "file_name": f"DJI_{number}.JPG"} for number in range(3)],
        "categories": [{"id": 1, "name": "kite"}],
        "annotations": [{"image_id": at, "bbox": box, "score": 0.5, "category_id": 1} for at, box in boxes],
    }
    file.write_text(json.dumps(told), encoding="utf-8")
    return file


def test_coco_yolo_and_a_table_of_boxes_say_the_same(flight):
    """One box in three formats is one place, with the same sigma and confidence."""
    coco = _coco(flight / "boxes.json", [(1, [10, 20, 8, 4])])
    (flight / "labels").mkdir()
    (flight / "labels" / "DJI_1.txt").write_text(f"0 {14 / 72} {22 / 48} {8 / 72} {4 / 48} 0.5", encoding="utf-8")
    (flight / "boxes.csv").write_text(
        "photo,col_px,row_px,box_width_px,box_height_px,score\nDJI_1.JPG,10,20,8,4,0.5\n", encoding="utf-8"
    )
    all_three = [read_drone(flight, tz="UTC", finds=file) for file in (coco, flight / "labels", flight / "boxes.csv")]
    assert _points(all_three[0]) == pytest.approx(_points(all_three[1]), abs=1e-7)
    assert _points(all_three[0]) == pytest.approx(_points(all_three[2]), abs=1e-7)
    assert len({round(seen["sigma_m"].iloc[0], 3) for seen in all_three}) == 1
    assert {seen["confidence_share"].iloc[0] for seen in all_three} == {0.5}
    assert all_three[0]["note"].iloc[0] == "category kite"


def test_a_kml_of_finds_is_read(flight):
    """A placemark drawn in a map program is a find at its own place."""
    (flight / "finds.kml").write_text(
        '<kml xmlns="http://www.opengis.net/kml/2.2"><Document><Placemark><name>a</name>'
        "<Point><coordinates>114.31,30.61</coordinates></Point></Placemark></Document></kml>",
        encoding="utf-8",
    )
    seen = read_drone(flight, tz="UTC")
    assert _points(seen) == [114.31, 30.61]
    assert seen["placed_by"].tolist() == ["own"]


@pytest.mark.parametrize(
    ("name", "text", "word"),
    [
        ("a.json", "{}", "COCO"),
        ("a.json", '{"images": [], "annotations": [{"image_id": 9, "bbox": [1, 2, 3, 4]}]}', "COCO"),
        (
            "a.json",
            '{"images": [{"id": 1, "file_name": "a"}], "annotations": [{"image_id": 1, "bbox": [1, 2, -3, 4]}]}',
            "width",
        ),
        ("a.txt", "0 0.5 0.5 0.1", "4 values"),
        ("a.txt", "0 5 0.5 0.1 0.1", "no share"),
        ("a.txt", "0 a b c d", "YOLO"),
        ("a.txt", "0 nan 0.5 0.1 0.1", "finite"),
    ],
)
def test_what_is_no_box_is_refused(tmp_path, name, text, word):
    """Each kind of wrong file of boxes is named with its reason."""
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(ReadError, match=word):
        read_boxes(tmp_path / name)


def test_a_table_of_photos_takes_the_place_of_the_folder(flight):
    """Photos read with options of their own give the same sightings."""
    photos = read_photos(flight, tz="UTC")
    with unchanged(photos):
        seen = read_drone(photos, survey_id="f")
    assert _points(seen) == _points(read_drone(flight, tz="UTC"))


def test_photo_and_object_are_both_kept(flight):
    """Sightings lie at the object, photos at the camera, and photo_ids joins them over the distance of the ray."""
    photos = read_photos(flight, tz="UTC").set_index("photo_id")
    seen = read_drone(flight, tz="UTC")
    camera = photos.loc[seen["photo_ids"]].to_crs(32650).geometry
    apart = seen.to_crs(32650).geometry.distance(camera, align=False)
    assert apart.tolist() == pytest.approx([100 / np.tan(np.radians(60))] * 3, rel=2e-3)


def test_the_horizon_is_not_a_place(take, tmp_path):
    """A find above the horizon is left out with its reason, not put at the drone."""
    take(tmp_path / "a.jpg", fields={**_DJI, "GimbalPitchDegree": "-5"})
    (tmp_path / "finds.csv").write_text("photo,col_px,row_px\na.jpg,36,24\n", encoding="utf-8")
    seen = read_drone(tmp_path, tz="UTC")
    assert len(seen) == 0
    issues = list_issues(seen)
    assert "horizon" in issues["reason"].iloc[0]
    assert "地平线" in issues["reason_zh"].iloc[0]
    assert issues["row_ids"].tolist() == ["finds.csv#2"]


def test_a_name_that_means_two_photos_means_none(take, tmp_path):
    """The same file name in two folders is not guessed; with its folder it is found."""
    for number, folder in enumerate(("100MEDIA", "101MEDIA")):
        take(tmp_path / folder / "DJI_0001.JPG", seed=number, lon=114.3 + number, fields=_DJI)
    (tmp_path / "finds.csv").write_text("photo\nDJI_0001.JPG\n101MEDIA/DJI_0001.JPG\n", encoding="utf-8")
    seen = read_drone(tmp_path, tz="UTC")
    assert len(seen) == 1
    assert seen.geometry.x.iloc[0] > 115
    assert "several photos" in " ".join(list_issues(seen)["reason"])


def test_options_of_the_ray_are_passed_on(flight):
    """A mapping of options reaches look_at; a wrong name is refused."""
    seen = read_drone(flight, tz="UTC", surface={"sigmas": {"take_off_m": 1.0}})
    assert seen["sigma_m"].max() < read_drone(flight, tz="UTC")["sigma_m"].min()
    with pytest.raises(TableError, match="'dsm'"):
        read_drone(flight, surface={"dsm": 1.0})


def _marked(seed, things=40, frames=3):
    """Return sightings of things at least 30 m apart, each on several photos with its own error, and which is which."""
    rng = np.random.default_rng(seed)
    cells = rng.permutation(100)[:things]
    east, north = cells % 10 * 30 + 500_000, cells // 10 * 30 + 3_387_000
    thing = np.repeat(np.arange(things), frames)
    count = len(thing)
    points = gpd.points_from_xy(east[thing] + rng.normal(0, 2, count), north[thing] + rng.normal(0, 2, count))
    table = {
        "sighting_id": [f"s{number}" for number in range(count)],
        "survey_id": "f",
        "photo_ids": [f"p{name}-{number % frames}" for number, name in enumerate(thing // 4)],
        "sigma_m": 2.0,
        "confidence_share": rng.uniform(0.2, 0.9, count),
        "source_ref": [f"f#{number}" for number in range(count)],
    }
    return gpd.GeoDataFrame(table, geometry=points, crs=32650), thing


def test_finds_on_overlapping_frames_become_one():
    """Forty things on three frames each become forty within two, none joined with another."""
    table, thing = _marked(1001)
    with unchanged(table):
        merged = merge_frames(table)
    assert abs(len(merged) - 40) <= 2
    by_ref = dict(zip(table["source_ref"], thing, strict=True))
    for ref in merged["source_ref"]:
        members = ref.removeprefix("merge_frames(").removesuffix(")").split(";")
        assert len({by_ref[name] for name in members}) == 1


def test_no_find_is_lost_and_order_does_not_matter():
    """Every row is in exactly one sighting, whatever the order of the rows."""
    table, _ = _marked(1002)
    merged = merge_frames(table)
    told = [ref.removeprefix("merge_frames(").removesuffix(")") for ref in merged["source_ref"]]
    assert sorted(name for ref in told for name in ref.split(";")) == sorted(table["source_ref"])
    again = merge_frames(table.sample(frac=1, random_state=3))
    assert set(again["source_ref"]) == set(merged["source_ref"])
    assert set(again["sighting_id"]) == set(merged["sighting_id"])


def test_two_on_one_photo_are_two():
    """Neighbours on the same picture are never one thing, nor are two classes, two flights, warm and cold."""
    table, _ = _marked(1001, things=1, frames=2)
    assert len(merge_frames(table)) == 1
    assert len(merge_frames(table.assign(photo_ids="p"))) == 2
    assert len(merge_frames(table.assign(survey_id=["f", "g"]))) == 2
    assert len(merge_frames(table.assign(thermal_z=[9.0, -9.0]))) == 2
    assert len(merge_frames(table.assign(outfall_class=["industrial", "domestic"]))) == 2


def _thermal_flight(folder, take, sign=1):
    """Write two thermal frames of 100 x 80 over the same place, and their table of photos."""
    for number in range(2):
        frame = _frame(1001 + number)
        frame[38:43, 48:53] += sign * 80
        _tiff(folder / f"{number}.tif", frame)
    table = {
        "photo_id": ["a", "b"], "file": ["0.tif", "1.tif"], "source_ref": ["0.tif", "1.tif"], "sigma_m": 0.05,
        "relative_altitude_m": 60.0, "yaw_deg": 0.0, "pitch_deg": -80.0, "focal_px": 110.0, "width_px": 100,
        "height_px": 80, "taken_at": np.datetime64("2026-04-12T00:00:00"),
    }  # fmt: skip
    photos = gpd.GeoDataFrame(table, geometry=gpd.points_from_xy([114.3] * 2, [30.6] * 2), crs=4326)
    return photos.assign(taken_at=photos["taken_at"].dt.tz_localize("UTC"))


@pytest.mark.parametrize("sign", [1, -1])
def test_warm_and_cold_places_near_a_bank_become_sightings(tmp_path, take, sign):
    """Both signs are sightings where the ray ends, with a confidence of at most a half and no degrees."""
    photos = _thermal_flight(tmp_path, take, sign)
    place = look_at(photos).to_crs(32650).geometry.iloc[[0]]
    near = gpd.GeoDataFrame(geometry=place.translate(3, 0).buffer(1), crs=32650)
    seen = check(read_thermal_flight(tmp_path, photos=photos, banks=near, survey_id="t"), "sightings")
    assert len(seen) == 2
    assert (np.sign(seen["thermal_z"]) == sign).all()
    assert seen["confidence_share"].between(0.05, 0.5).all()
    assert seen["thermal_k"].isna().all()
    assert seen.to_crs(32650).distance(place.iloc[0]).max() < 3
    assert len(merge_frames(seen)) == 1
    far = gpd.GeoDataFrame(geometry=place.translate(200, 0), crs=32650)
    assert len(read_thermal_flight(tmp_path, photos=photos, banks=far)) == 0


@pytest.mark.realdata
def test_thermal_frames_without_a_position_are_named(shared_data):
    """The four stripped frames give no sighting and one issue that names them all."""
    seen = read_thermal_flight(shared_data / "remote" / "drone_thermal")
    assert len(seen) == 0
    told = list_issues(seen)
    assert told["reason"].str.contains("nothing in them can be placed").sum() == 1
