"""The whole loop: a pack is taken from a store, two teams write into it, and what they wrote comes home without a loss."""

from __future__ import annotations

import json
import shutil

import geopandas as gpd
import pandas as pd
import pyogrio
import pytest
from PIL import Image
from shapely import Point

from outfall.errors import StoreError, TableError
from outfall.registry import compare_returned, enter_returned
from outfall.reports import FieldPack, write_field_pack
from outfall.store import append_rows, create_store, list_conflicts, read_events, read_rows, resolve_conflict
from outfall.survey import read_ground, read_ground_photos, read_returned
from outfall.tables import check
from tests.reports.packs import add_photos, make_outfalls


@pytest.fixture
def taken(tmp_path):
    """Return a store with ten outfalls and the packs of two teams taken from it."""
    store = create_store(tmp_path / "county.outfalldb")
    outfalls = add_photos(make_outfalls(10, crs=32650, has_lost=False), tmp_path / "photos")
    append_rows(store, "outfalls", outfalls, actor="office")
    last = read_events(store).iloc[-1]
    packs = {}
    for team in ("一组", "二组"):
        settings = FieldPack(
            team=team,
            day="2026-04-12",
            register=f"{last['seq']}:{last['hash'][:12]}",
            photos_folder=tmp_path / "photos",
            formats=("qfield", "geojson", "kmz"),
        )
        packs[team] = write_field_pack(read_rows(store, "outfalls"), tmp_path / team, settings=settings)
    return store, packs


def edit_package(path, change):
    """Rewrite the outfalls of a package as a telephone would: same columns, some cells changed."""
    frame = pyogrio.read_dataframe(path, layer="outfalls")
    frame = change(frame)
    path.unlink()
    pyogrio.write_dataframe(frame, path, layer="outfalls", driver="GPKG", geometry_type="Point")


def first_team(folder):
    """Confirm one outfall, move another, take a photo, delete a row and draw a new thing."""
    Image.new("RGB", (64, 48), (9, 9, 9)).save(folder / "qfield" / "DCIM" / "新 1.jpg")

    def change(frame):
        at = frame["outfall_id"].tolist()
        frame.loc[at.index("P-0002"), "status"] = "confirmed"
        frame.loc[at.index("P-0003"), "geometry"] = Point(114.3035, 30.6025)
        frame.loc[at.index("P-0004"), "photo_1"] = "DCIM/新 1.jpg"
        frame.loc[at.index("P-0005"), "receiving_water"] = "东门河"
        return frame[frame["outfall_id"] != "P-0009"]

    edit_package(folder / "qfield" / "outfalls.gpkg", change)
    new = pyogrio.read_dataframe(folder / "qfield" / "sightings.gpkg", layer="sightings")
    row = {
        "uuid": "0199-new",
        "platform": "foot",
        "survey_id": "一组-2026-04-12",
        "name": "桥下新口",
        "photo_1": "DCIM/新 1.jpg",
    }
    row |= {"seen_at": pd.Timestamp("2026-04-12T09:00Z"), "pack_id": "k"}
    added = gpd.GeoDataFrame([row], geometry=[Point(114.31, 30.61)], crs=4490)
    both = gpd.GeoDataFrame(pd.concat([new.astype("object"), added]), geometry="geometry", crs=4490)[list(new.columns)]
    (folder / "qfield" / "sightings.gpkg").unlink()
    pyogrio.write_dataframe(both, folder / "qfield" / "sightings.gpkg", layer="sightings", geometry_type="Point")


def second_team(folder):
    """Write another water into the same cell, in the GeoJSON, and a note nobody else touched."""
    file = folder / "outfalls.geojson"
    whole = json.loads(file.read_text(encoding="utf-8"))
    for feature in whole["features"]:
        if feature["properties"]["outfall_id"] == "P-0005":
            feature["properties"] |= {"receiving_water": "西门河", "note": "井盖被压"}
    file.write_text(json.dumps(whole, ensure_ascii=False), encoding="utf-8")


def test_what_two_teams_wrote_comes_home_and_a_person_decides(taken, tmp_path):
    """Changes enter, what contradicts is kept until somebody chooses, and what nobody touched stays."""
    store, packs = taken
    before = read_rows(store, "outfalls").set_index("outfall_id")
    first_team(packs["一组"])
    second_team(packs["二组"])

    one = read_returned(packs["一组"] / "qfield" / "outfalls.gpkg")
    found = enter_returned(store, one, actor="一组", reason="外业 2026-04-12")
    changed = found[found["change"] == "changed"]
    assert set(zip(changed["outfall_id"], changed["column"], strict=True)) == {
        ("P-0002", "status"),
        ("P-0003", "geometry"),
        ("P-0004", "photo_ids"),
        ("P-0005", "receiving_water"),
    }
    assert found.loc[found["change"] == "missing", "outfall_id"].tolist() == ["P-0009"]
    assert not len(list_conflicts(store))

    two = read_returned(packs["二组"] / "outfalls.geojson")
    enter_returned(store, two, actor="二组")
    clash = list_conflicts(store)
    assert set(clash["value"]) == {"东门河", "西门河"}
    assert set(zip(clash["key"], clash["column"], strict=True)) == {("P-0005", "receiving_water")}

    chosen = clash[clash["value"] == "东门河"].iloc[0]
    resolve_conflict(
        store, "outfalls", "P-0005", "receiving_water", event_id=chosen["event_id"], actor="Li", reason="现场复核"
    )
    assert not len(list_conflicts(store))
    after = read_rows(store, "outfalls").set_index("outfall_id")
    assert after.loc["P-0005", ["receiving_water", "note"]].tolist() == ["东门河", "井盖被压"]
    assert after.loc["P-0002", "status"] == "confirmed"
    assert "P-0009" in after.index
    assert after.loc["P-0003", "geometry"].distance(before.loc["P-0003", "geometry"]) > 10
    calm = [f"P-{k:04d}" for k in (0, 1, 6, 7, 8, 9)]
    pd.testing.assert_frame_equal(pd.DataFrame(after.loc[calm]), pd.DataFrame(before.loc[calm]))


def test_a_new_thing_and_a_new_photo_come_home_as_a_sighting(taken, tmp_path):
    """What nobody had seen is a sighting with its uuid, and its photo is known by its bytes."""
    _, packs = taken
    first_team(packs["一组"])
    seen = read_ground(packs["一组"] / "qfield" / "sightings.gpkg")
    assert seen[["sighting_id", "name", "survey_id"]].values.tolist() == [["0199-new", "桥下新口", "一组-2026-04-12"]]
    photos = read_ground_photos(packs["一组"] / "qfield" / "sightings.gpkg", into=tmp_path / "in")
    assert photos["photo_id"].tolist() == seen["photo_ids"].tolist()


def test_the_same_pack_twice_writes_nothing_the_second_time(taken):
    """A person may give in a folder again without harm."""
    store, packs = taken
    first_team(packs["一组"])
    one = read_returned(packs["一组"] / "qfield" / "outfalls.gpkg")
    enter_returned(store, one, actor="一组")
    count = len(read_events(store))
    enter_returned(store, one, actor="一组")
    assert len(read_events(store)) == count


def test_a_row_deleted_by_one_and_changed_by_another_is_a_conflict(taken):
    """Deleting is a decision of its own: the row is there until somebody chooses."""
    store, packs = taken
    second_team(packs["二组"])
    enter_returned(store, read_returned(packs["二组"] / "outfalls.geojson"), actor="二组")
    one = read_returned(packs["一组"] / "qfield" / "outfalls.gpkg")
    enter_returned(store, one, actor="一组", deleted=["P-0005"])
    clash = list_conflicts(store)
    assert set(clash["value"]) == {"(deleted)", "(kept)"}
    assert "P-0005" in set(read_rows(store, "outfalls")["outfall_id"])


def test_a_name_typed_over_a_placemark_and_a_note_in_its_balloon_are_kept(taken, tmp_path):
    """What people write in OVITAL or Google Earth replaces the name and joins the note."""
    import zipfile

    store, packs = taken
    source, edited = packs["一组"] / "outfalls.kmz", tmp_path / "edited.kmz"
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(edited, "w") as new:
        for name in old.namelist():
            raw = old.read(name)
            if name == "doc.kml":
                text = raw.decode()
                start = text.index("<name>P-0006")
                end = text.index("</description>", start) + len("</description>")
                text = f"{text[:start]}<name>南门口</name><description>水黑</description>{text[end:]}"
                raw = text.encode()
            new.writestr(name, raw)
    back = read_returned(edited)
    row = back[back["outfall_id"] == "P-0006"].iloc[0]
    assert row[["name", "field_note"]].tolist() == ["南门口", "水黑"]
    found = enter_returned(store, back, actor="一组")
    changed = found[found["change"] == "changed"]
    assert set(changed["column"]) == {"name", "note"}
    assert set(changed["outfall_id"]) == {"P-0006"}


def test_rows_that_do_not_say_their_version_are_refused(taken):
    """Nothing is compared with a version somebody guessed."""
    store, packs = taken
    back = read_returned(packs["一组"] / "outfalls.geojson")
    with pytest.raises(TableError, match="do not say which version"):
        enter_returned(store, back.assign(pack_register=None), actor="一组")
    with pytest.raises(StoreError, match="of another store"):
        enter_returned(store, back.assign(pack_register="9999:ab"), actor="一组")


def test_a_folder_moved_to_another_place_still_finds_its_photos(taken, tmp_path):
    """Nothing in a pack is an absolute path."""
    _, packs = taken
    moved = shutil.move(packs["一组"], tmp_path / "别处")
    back = read_returned(moved / "qfield" / "outfalls.gpkg")
    assert "照片 1.jpg;DJI_0001.JPG;东门（近）.jpeg" in set(back["photo_ids"])
    text = (moved / "qfield" / "project.qgs").read_text(encoding="utf-8")
    assert str(tmp_path) not in text


def test_a_person_who_changes_nothing_writes_nothing(taken):
    """Every format of an untouched pack enters as no edit at all."""
    store, packs = taken
    for file in ("qfield/outfalls.gpkg", "outfalls.geojson", "outfalls.kmz"):
        back = read_returned(packs["一组"] / file)
        assert set(compare_returned(check(read_rows(store, "outfalls"), "outfalls"), back)["change"]) == {"unchanged"}
        enter_returned(store, back, actor="一组")
    assert len(read_events(store)) == 10
