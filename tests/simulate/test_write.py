"""Are the written files complete, the same again, readable, and silent about the truth."""

from __future__ import annotations

import hashlib
import tomllib

import geopandas as gpd
import pandas as pd
import pytest
import rasterio
from pandas.testing import assert_frame_equal
from PIL import Image

from outfall.simulate import make_town, write_town
from outfall.tables import read_frame
from outfall.vocabulary import find_parameter

_FILES = {
    "README.md", "S2_20260412.tif", "cctv.csv", "lab.xlsx", "meters.csv", "outfall.toml", "permits.xlsx", "rivers.gpkg",
    "sewers.gpkg", "tow_0413.csv", "truth.csv", "walk.xlsx",
}  # fmt: skip


def _hashes(folder):
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def test_complete(folder):
    """Every promised file is there, and 25 photos with their finds."""
    assert {file.name for file in folder.iterdir() if file.is_file()} == _FILES
    assert len(list((folder / "flight_0412").glob("*.JPG"))) == 25
    assert (folder / "flight_0412" / "finds.geojson").exists()


def test_returns_what_it_wrote(town, tmp_path):
    """The answer lists every file."""
    written = write_town(town, tmp_path)
    assert {file.resolve() for file in written} == {file.resolve() for file in tmp_path.rglob("*") if file.is_file()}


def test_small(folder):
    """All files together stay below 5 MB."""
    assert sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) < 5e6


def test_same_bytes(folder, tmp_path):
    """The same town gives the same bytes."""
    write_town(make_town(0), tmp_path)
    assert _hashes(tmp_path) == _hashes(folder)


@pytest.mark.parametrize("name", ["truth.csv", "cctv.csv", "tow_0413.csv", "meters.csv"])
def test_sample_data_is_this_town(folder, rivertown, name):
    """The committed sample has the tables this code draws, to the last digit a machine may round otherwise."""
    committed, drawn = pd.read_csv(rivertown / name), pd.read_csv(folder / name)
    assert_frame_equal(committed, drawn, rtol=1e-3, atol=2e-3)


def test_sample_data_is_small(rivertown):
    """The committed sample is below 5 MB and has the same settings."""
    assert sum(file.stat().st_size for file in rivertown.rglob("*") if file.is_file()) < 5e6
    assert tomllib.loads((rivertown / "outfall.toml").read_text(encoding="utf-8"))["project"]["name"] == "rivertown"


def test_settings_name_existing_files(folder):
    """Every input of outfall.toml exists, and none is the truth."""
    text = (folder / "outfall.toml").read_text(encoding="utf-8")
    inputs = tomllib.loads(text)["input"]
    assert {item["role"] for item in inputs} >= {
        "rivers",
        "pipes",
        "drone",
        "boat",
        "crawler",
        "ground",
        "sources",
        "samples",
        "results",
        "readings",
        "scene",
    }
    assert all((folder / item["path"]).exists() for item in inputs)
    assert "truth" not in text


@pytest.mark.parametrize("name", ["tow_0413.csv", "cctv.csv", "walk.xlsx", "permits.xlsx", "meters.csv"])
def test_no_truth_in_observations(town, folder, name):
    """No observed file holds the id of a true outfall or the name of an unregistered source."""
    frame = read_frame(folder / name)
    text = "\n".join(frame.astype(str).to_numpy().ravel().tolist())
    assert "mouth" not in " ".join(frame.columns)
    assert not any(str(mouth) in text for mouth in town.outfalls_true["mouth_id"])
    assert not any(name_ in text for name_ in town.sources.loc[~town.sources["is_registered"], "name"])


def test_lab_headings(folder):
    """The wide sheet has 14 parameters or more, merged headings, a µg/L trap and all kinds of non-detects."""
    frame = read_frame(folder / "lab.xlsx", table="results", layer="检测结果")
    found = {find_parameter(str(name).rpartition("|")[2].partition("(")[0]) for name in frame.columns} - {None}
    assert len(found) >= 14
    assert any("|" in str(name) and "µg/L" in str(name) for name in frame.columns)
    cells = pd.Series(frame.astype(str).to_numpy().ravel())
    assert {"未检出", "ND"} <= set(cells)
    assert cells.str.startswith("<").any()
    assert (cells == "/").sum() == 1


def test_layers(folder):
    """Rivers and pipes carry a CRS and Chinese headings."""
    rivers, pipes = gpd.read_file(folder / "rivers.gpkg"), gpd.read_file(folder / "sewers.gpkg", layer="pipes")
    assert rivers.crs == "EPSG:4490"
    assert pipes.crs == "EPSG:4546"
    assert {"管线编号", "类型", "排水体制", "管径(mm)", "起点管底高程", "终点管底高程"} <= set(pipes.columns)
    assert "is_reversed" not in pipes.columns
    assert rivers.geometry.is_valid.all()


def test_photos(folder):
    """Every photo is a JPEG with a position, a time and the attitude of a drone."""
    for file in (folder / "flight_0412").glob("*.JPG"):
        with Image.open(file) as image:
            assert image.size == (640, 480)
            assert image.getexif().get_ifd(0x8825)[1] == "N"
            packet = image.info["xmp"].decode()
        assert all(word in packet for word in ("RelativeAltitude", "GimbalPitchDegree", "RtkFlag"))


def test_scene(folder):
    """The scene has five named bands of reflectance that cover the town."""
    with rasterio.open(folder / "S2_20260412.tif") as scene:
        assert scene.descriptions == ("B02", "B03", "B04", "B08", "B11")
        assert scene.crs == "EPSG:4546"
        assert scene.res == (10.0, 10.0)
        assert scene.read(1).max() <= 10000
