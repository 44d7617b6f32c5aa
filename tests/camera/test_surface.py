"""A ray meets the ground where line and surface meet, and nothing where nothing is known."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest
import rasterio

from outfall.camera import look_at
from outfall.errors import ReadError, TableError

_METRIC = pyproj.Transformer.from_crs(4326, 32650, always_xy=True)


def _photos(**columns):
    count = max([len(np.atleast_1d(value)) for value in columns.values()] or [1])
    base = {
        "photo_id": [f"p{n}" for n in range(count)],
        "relative_altitude_m": 100.0,
        "altitude_m": 150.0,
        "altitude_sigma_m": 0.05,
        "yaw_deg": 90.0,
        "pitch_deg": -45.0,
        "sigma_m": 0.05,
        "focal_px": 4000.0,
        "width_px": 6000,
        "height_px": 4000,
    }
    return gpd.GeoDataFrame({**base, **columns}, geometry=gpd.points_from_xy([114.3] * count, [30.6] * count), crs=4326)


def _surface(tmp_path, height_of, *, cell=1.0, crs="EPSG:32650", nodata=None):
    """Write a raster of 400 m around the camera; height_of(east, north) is relative to it."""
    east, north = _METRIC.transform(114.3, 30.6)
    count = int(400 / cell)
    offsets = (np.arange(count) + 0.5) * cell - 200
    grid = height_of(*np.meshgrid(offsets, -offsets)).astype("float32")
    file = tmp_path / "dsm.tif"
    transform = rasterio.Affine(cell, 0, east - 200, 0, -cell, north + 200)
    profile = {"driver": "GTiff", "width": count, "height": count, "count": 1, "dtype": "float32", "nodata": nodata}
    with rasterio.open(file, "w", transform=transform, crs=crs, **profile) as out:
        out.write(grid, 1)
    return file


def _plane(rise):
    return lambda east, north: 60 + rise * east + 0 * north


@pytest.mark.parametrize("rise", [-0.3, 0.0, 0.2, 0.5])
def test_a_plane_is_met_between_the_centres_of_its_cells(tmp_path, rise):
    """On cells of 5 m the height is right to centimetres, which only values between centres give."""
    seen = look_at(_photos(), surface=_surface(tmp_path, _plane(rise), cell=5.0))
    assert seen["height_m"].iloc[0] == pytest.approx(90 / (1 + rise), abs=0.05)
    assert seen["placed_by"].iloc[0] == "surface"


def test_a_wall_hides_what_is_behind_it(tmp_path):
    """The first thing on the way is what is seen."""
    file = _surface(tmp_path, lambda east, north: np.where((east > 50) & (east < 54), 120.0, 60.0) + 0 * north)
    assert look_at(_photos(), surface=file)["distance_m"].iloc[0] == pytest.approx(50, abs=1)


def test_the_same_surface_in_another_crs_gives_the_same_point(tmp_path):
    """Degrees and metres agree to a few centimetres."""
    metric = _surface(tmp_path, _plane(0.2))
    lonlat, cell, count = tmp_path / "lonlat.tif", 5e-6, 600
    lon, lat = np.meshgrid(114.299 + (np.arange(count) + 0.5) * cell, 30.6015 - (np.arange(count) + 0.5) * cell)
    grid = _plane(0.2)(_METRIC.transform(lon, lat)[0] - _METRIC.transform(114.3, 30.6)[0], lat).astype("float32")
    profile = {"driver": "GTiff", "width": count, "height": count, "count": 1, "dtype": "float32", "crs": "EPSG:4326"}
    with rasterio.open(lonlat, "w", transform=rasterio.Affine(cell, 0, 114.299, 0, -cell, 30.6015), **profile) as out:
        out.write(grid, 1)
    one, other = (look_at(_photos(), surface=file)["height_m"].iloc[0] for file in (metric, lonlat))
    assert one == pytest.approx(other, abs=0.1)


def _river(east, north):
    return np.where((east > 60) & (east < 120), -9999.0, 60.0) + 0 * north


def test_a_ray_into_a_hole_is_not_taken_for_the_far_bank(tmp_path):
    """Over a river without heights the photo falls back to take-off, and says so."""
    file = _surface(tmp_path, _river, nodata=-9999.0)
    seen = look_at(_photos(), surface=file).iloc[0]
    assert seen["placed_by"] == "take_off"
    assert "no height there" in seen["reason"]
    assert seen["reason_zh"]
    assert seen["distance_m"] == pytest.approx(100)


def test_known_water_fills_the_hole(tmp_path):
    """With its level given, the river is met at its level."""
    file = _surface(tmp_path, _river, nodata=-9999.0)
    seen = look_at(_photos(), surface=file, water_m=55.0).iloc[0]
    assert (seen["placed_by"], seen["height_m"]) == ("surface", pytest.approx(95, abs=0.1))


def test_a_ray_over_a_hole_meets_what_is_behind(tmp_path):
    """A hole that the ray passes high above is no obstacle."""
    file = _surface(
        tmp_path, lambda east, north: np.where((east > 20) & (east < 40), -9999.0, 60.0) + 0 * north, nodata=-9999.0
    )
    assert look_at(_photos(), surface=file)["height_m"].iloc[0] == pytest.approx(90, abs=0.05)


def test_beyond_the_edge_is_a_hole(tmp_path):
    """A ray that leaves the raster falls back, too."""
    file = _surface(tmp_path, _plane(0.0))
    assert look_at(_photos(pitch_deg=[-15.0]), surface=file)["placed_by"].iloc[0] == "take_off"


def test_a_picture_of_another_driver_is_not_opened(tmp_path):
    """A virtual raster called tif could read other files; it is refused."""
    file = tmp_path / "dsm.tif"
    file.write_text('<VRTDataset rasterXSize="1" rasterYSize="1"></VRTDataset>', encoding="utf-8")
    with pytest.raises(ReadError, match="cannot be read as a GeoTIFF"):
        look_at(_photos(), surface=file)


@pytest.mark.parametrize("rise", [0.0, 0.25, -0.25])
def test_the_ellipse_on_a_slope_is_what_a_simulation_finds(tmp_path, rise):
    """With everything shaken, 2,000 cameras scatter as the ellipse says within a tenth (pixel, roll and slope too)."""
    file = _surface(tmp_path, _plane(rise), cell=2.0)
    pixel = {"col_px": [4000.0], "row_px": [1500.0]}
    first = _photos(roll_deg=[3.0], yaw_deg=[80.0])
    seen = look_at(first, surface=file, pixels=pd.DataFrame(pixel), sigmas={"pixel_px": 40.0}).iloc[0]
    rng, count = np.random.default_rng(1003), 2000
    east, north = _METRIC.transform(114.3, 30.6)
    lon, lat = _METRIC.transform(
        east + rng.normal(0, 0.05, count), north + rng.normal(0, 0.05, count), direction="INVERSE"
    )
    shaken = _photos(
        pitch_deg=rng.normal(-45, 0.5, count),
        roll_deg=rng.normal(3, 0.5, count),
        yaw_deg=rng.normal(80, 2, count),
        altitude_m=150 + rng.normal(0, np.hypot(1, 0.05), count),
    ).set_geometry(gpd.points_from_xy(lon, lat), crs=4326)
    pixels = pd.DataFrame({"col_px": rng.normal(4000, 40, count), "row_px": rng.normal(1500, 40, count)})
    hits = look_at(shaken, surface=file, pixels=pixels).to_crs(32650)
    values = np.linalg.eigvalsh(np.cov(hits.geometry.x, hits.geometry.y))
    assert [seen["sigma_minor_m"], seen["sigma_major_m"]] == pytest.approx(np.sqrt(values), rel=0.1)


def test_a_rolled_camera_sees_to_its_side():
    """Rolled right side down by the angle of a pixel, the middle of the picture stays and its right goes down."""
    photos = _photos(pitch_deg=[-90.0] * 2, yaw_deg=[0.0] * 2, roll_deg=[0.0, 90.0])
    pixels = pd.DataFrame({"col_px": [3000.0, 4000.0], "row_px": [3000.0, 2000.0]})
    seen = look_at(photos, pixels=pixels)
    assert seen.geometry.x.iloc[0] == pytest.approx(seen.geometry.x.iloc[1], abs=1e-9)
    assert seen.geometry.y.iloc[0] == pytest.approx(seen.geometry.y.iloc[1], abs=1e-9)
    assert seen.geometry.y.iloc[0] < 30.6


def test_a_known_take_off_beats_an_unsure_altitude():
    """Without RTK the relative altitude over a known take-off is used; with RTK the absolute one."""
    photos = _photos(altitude_sigma_m=[10.0, 0.02], relative_altitude_m=[90.0, 90.0])
    seen = look_at(photos, surface=50.0, take_off_m=50.0)
    assert seen["height_m"].tolist() == [90.0, 100.0]
    assert seen["sigma_m"].iloc[0] < look_at(photos, surface=50.0)["sigma_m"].iloc[0]


def test_a_heading_of_the_drone_is_less_sure_than_the_gimbals():
    """Where only the flight's yaw is written, the ellipse is wider across the view."""
    seen = look_at(_photos(yaw_by=["gimbal", "flight"]))
    across = seen["sigma_minor_m"] + seen["sigma_major_m"]
    assert across.iloc[1] > across.iloc[0] + 5


def test_an_unknown_sigma_is_refused():
    """A misspelt name is not silently left out."""
    with pytest.raises(TableError, match="'yaw'"):
        look_at(_photos(), sigmas={"yaw": 1.0})
