"""Real flights: an RTK drone with a solved reconstruction, a beach with a re-saved file, stripped thermal frames."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pyproj
import pytest

from outfall.camera import find_anomalies, look_at, read_photos, read_thermal

pytestmark = pytest.mark.realdata
_BENCHMARK = Path(__file__).resolve().parents[2] / "benchmarks" / "registry_drone.py"
_GEOD = pyproj.Geod(ellps="WGS84")


def test_rtk_positions_agree_with_the_solution(shared_data):
    """Positions read from the RTK frames lie within a centimetre of the solved ones, yaw and pitch agree."""
    folder = shared_data / "remote" / "drone_rtk"
    photos = read_photos(folder / "images", tz="Asia/Taipei").set_index("file")
    solved = pd.read_csv(folder / "odm_lla_rpy.csv", sep=" ").set_index("filename").loc[photos.index]
    _, _, apart_m = _GEOD.inv(
        photos.geometry.x.to_numpy(),
        photos.geometry.y.to_numpy(),
        solved["longitude"].to_numpy(),
        solved["latitude"].to_numpy(),
    )
    assert np.max(apart_m) < 0.01
    assert photos["rtk_flag"].eq(50).all()
    assert photos["sigma_m"].max() < 0.05
    assert photos["pitch_deg"].eq(-60).all()
    assert photos["yaw_deg"].tolist() == pytest.approx(solved["yaw"].tolist())
    assert photos["focal_px"].tolist() == pytest.approx([0.6666 * 1368] * 4, rel=0.01)


def test_the_image_centre_lies_fifty_metres_away(shared_data):
    """Against the surface model the centre lies 49 to 53 m off; the take-off height misplaces it by 5 to 9 m, as priced."""
    folder = shared_data / "remote" / "drone_rtk"
    photos = read_photos(folder / "images", tz="Asia/Taipei")
    exact, flat = look_at(photos, surface=folder / "odm_dem" / "dsm.tif"), look_at(photos)
    assert exact["distance_m"].between(48.5, 53).all()
    _, _, wrong_m = _GEOD.inv(
        *(np.asarray(part) for seen in (exact, flat) for part in (seen.geometry.x, seen.geometry.y))
    )
    assert ((wrong_m > 5) & (wrong_m < 9)).all()
    assert (wrong_m < 2.5 * flat["sigma_major_m"]).all()


def test_the_ground_points_agree_with_the_solution(shared_data):
    """Poses, lens and surface solved by OpenDroneMap put each picture's middle within 2.5 m of ours, inside the ellipse."""
    folder = shared_data / "remote" / "drone_rtk"
    photos = read_photos(folder / "images", tz="Asia/Taipei")
    seen = look_at(photos, surface=folder / "odm_dem" / "dsm.tif")
    # From reconstruction.json, odm_xyz_opk.csv and the surface (benchmarks/registry_drone.py computes them anew).
    solve = importlib.util.spec_from_file_location("drone", _BENCHMARK)
    module = importlib.util.module_from_spec(solve)
    solve.loader.exec_module(module)
    solved = module.solve(folder, photos["file"].tolist())
    parts = (seen.geometry.x, seen.geometry.y, solved["ground_lon"], solved["ground_lat"])
    azimuth, _, apart_m = _GEOD.inv(*(np.asarray(part) for part in parts))
    turn = np.radians(azimuth - seen["major_azimuth_deg"])
    sigmas = np.hypot(apart_m * np.cos(turn) / seen["sigma_major_m"], apart_m * np.sin(turn) / seen["sigma_minor_m"])
    assert np.max(apart_m) < 2.5
    assert (sigmas < 2.45).all()
    assert (sigmas > 0.2).all()


def test_a_folder_with_maps_in_it_reads_the_photos_only(shared_data):
    """The surface model beside the photos is named as a map sheet."""
    photos = read_photos(shared_data / "remote" / "drone_rtk", tz="Asia/Taipei")
    assert len(photos) == 4
    assert [issue["row_ids"] for issue in photos.attrs["issues"]] == ["odm_dem/dsm.tif"]


def test_beach_photos_look_straight_down(shared_data):
    """All three beach photos, the re-saved one too, look at the water under the drone."""
    photos = read_photos(shared_data / "remote" / "drone_beach", tz="America/Chicago")
    assert photos["relative_altitude_m"].between(39, 41).all()
    assert photos["pitch_deg"].eq(-89.9).all()
    assert (look_at(photos)["distance_m"] < 0.1).all()
    assert str(photos["taken_at"].iloc[0]) == "2016-06-23 21:31:59+00:00"


def test_stripped_thermal_frames_have_no_position(shared_data):
    """Frames without GPS are kept without a position; each is named."""
    photos = read_photos(shared_data / "remote" / "drone_thermal", tz="Asia/Shanghai")
    assert len(photos) == 4
    assert photos.geometry.isna().all()
    assert look_at(photos).geometry.isna().all()
    assert len(photos.attrs["issues"]) == 4


def test_thermal_planes_are_relative(shared_data):
    """All four raw planes are read whole, rank as their pictures do, and none is given degrees."""
    files = sorted((shared_data / "remote" / "drone_thermal").rglob("*_R.JPG"))
    frames = [read_thermal(file) for file in files]
    assert [frame.values.shape for frame in frames] == [(512, 640)] * 4
    assert {frame.unit for frame in frames} == {"count"}
    assert all(find_anomalies(frames[0])["difference_k"].isna())
