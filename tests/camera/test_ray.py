"""Rays meet the water where geometry says."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest

from outfall.camera import look_at
from outfall.errors import ReadError, TableError
from tests.laws import unchanged

_GEOD = pyproj.Geod(ellps="WGS84")


def _photos(**columns):
    count = max(len(np.atleast_1d(value)) for value in columns.values())
    base = {
        "photo_id": [f"p{n}" for n in range(count)],
        "relative_altitude_m": 100.0,
        "altitude_m": 150.0,
        "yaw_deg": 30.0,
        "pitch_deg": -60.0,
        "sigma_m": 0.05,
        "focal_px": 4000.0,
        "width_px": 6000,
        "height_px": 4000,
    }
    return gpd.GeoDataFrame({**base, **columns}, geometry=gpd.points_from_xy([114.3] * count, [30.6] * count), crs=4326)


def _moves(photos, seen):
    azimuth, _, distance = _GEOD.inv(
        photos.geometry.x.to_numpy(),
        photos.geometry.y.to_numpy(),
        seen.geometry.x.to_numpy(),
        seen.geometry.y.to_numpy(),
    )
    return azimuth, distance


@pytest.mark.parametrize("yaw", [-179.0, -90.0, 0.0, 45.0, 180.0])
@pytest.mark.parametrize("pitch", [-89.0, -60.0, -30.0])
def test_the_ray_ends_where_trigonometry_says(yaw, pitch):
    """Distance is height over the tangent of the depression, direction is the yaw."""
    photos = _photos(yaw_deg=[yaw], pitch_deg=[pitch])
    with unchanged(photos):
        azimuth, distance = _moves(photos, look_at(photos))
    assert distance == pytest.approx(100 / np.tan(np.radians(-pitch)), rel=1e-6)
    assert np.cos(np.radians(azimuth - yaw)) == pytest.approx(1, abs=1e-9)


def test_a_pixel_agrees_with_a_turned_camera():
    """A pixel straight above the middle is the middle of a camera pitched up by the angle between them."""
    lens = np.degrees(np.arctan(1000 / 4000))
    photos = _photos(pitch_deg=[-60.0, -60.0 + lens])
    pixels = pd.DataFrame({"col_px": [3000.0, np.nan], "row_px": [1000.0, np.nan]}, index=photos.index)
    seen = look_at(photos, pixels=pixels)
    assert seen["distance_m"].iloc[0] == pytest.approx(seen["distance_m"].iloc[1], rel=1e-9)


def test_straight_down_the_picture_is_a_map():
    """At nadir the top of the picture points along the yaw and the right side 90 degrees further."""
    photos = _photos(pitch_deg=[-90.0] * 2, yaw_deg=[30.0] * 2)
    pixels = pd.DataFrame({"col_px": [3000.0, 4000.0], "row_px": [1000.0, 2000.0]})
    azimuth, distance = _moves(photos, look_at(photos, pixels=pixels))
    assert azimuth == pytest.approx([30, 120], abs=1e-3)
    assert distance == pytest.approx([25, 25], rel=1e-6)


def test_a_water_level_replaces_the_take_off_height():
    """With the level of the water given, the height is the altitude above it."""
    photos = _photos(altitude_m=[150.0])
    assert look_at(photos, surface=70.0)["height_m"].iloc[0] == pytest.approx(80)


def test_the_ellipse_is_what_a_simulation_finds():
    """Sigmas from first-order propagation agree with 20,000 shaken cameras within a tenth."""
    rng = np.random.default_rng(3)
    seen = look_at(_photos(pitch_deg=[-50.0], yaw_deg=[20.0], sigma_m=[1.5])).iloc[0]
    count = 20_000
    shaken = _photos(
        pitch_deg=rng.normal(-50, 0.5, count),
        yaw_deg=rng.normal(20, 2, count),
        relative_altitude_m=rng.normal(100, 8, count),
    )
    azimuth, distance = _moves(shaken, look_at(shaken))
    east = distance * np.sin(np.radians(azimuth)) + rng.normal(0, 1.5, count)
    north = distance * np.cos(np.radians(azimuth)) + rng.normal(0, 1.5, count)
    values, vectors = np.linalg.eigh(np.cov(east, north))
    assert [seen["sigma_minor_m"], seen["sigma_major_m"]] == pytest.approx(np.sqrt(values), rel=0.1)
    axis = np.degrees(np.arctan2(vectors[0, 1], vectors[1, 1])) % 180
    assert seen["major_azimuth_deg"] == pytest.approx(axis, abs=3)


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("pitch_deg", -3.0, "horizon"),
        ("pitch_deg", 20.0, "horizon"),
        ("pitch_deg", np.nan, "where the camera points"),
        ("relative_altitude_m", np.nan, "height"),
        ("relative_altitude_m", -2.0, "above the water"),
    ],
)
def test_no_ray_gives_a_reason(column, value, reason):
    """A camera that sees no water gives a row without a point, and says why."""
    seen = look_at(_photos(**{column: [value]}))
    assert seen.geometry.isna().all()
    assert reason in seen["reason"].iloc[0]


def test_order_does_not_matter():
    """The answer for a photo does not depend on its neighbours."""
    photos = _photos(pitch_deg=[-90.0, -60.0, -5.0, np.nan], yaw_deg=[1.0, 2.0, 3.0, 4.0])
    back = look_at(photos.iloc[::-1]).iloc[::-1]
    assert back.drop(columns="geometry").equals(look_at(photos).drop(columns="geometry"))


def test_a_sloping_surface_is_met_where_it_is(tmp_path):
    """On a raster of a plain slope the ray ends where line and plane meet."""
    rasterio = pytest.importorskip("rasterio")
    grid = np.tile(np.arange(400, dtype="float32") * 0.1 + 40, (400, 1))
    to_metric = pyproj.Transformer.from_crs(4326, 32650, always_xy=True)
    east, north = to_metric.transform(114.3, 30.6)
    profile = {"driver": "GTiff", "width": 400, "height": 400, "count": 1, "dtype": "float32", "crs": "EPSG:32650"}
    file = tmp_path / "坡.tif"
    with rasterio.open(file, "w", transform=rasterio.Affine(1, 0, east - 200, 0, -1, north + 200), **profile) as out:
        out.write(grid, 1)
    seen = look_at(_photos(yaw_deg=[90.0], pitch_deg=[-45.0], altitude_m=[150.0]), surface=file)
    assert seen["height_m"].iloc[0] == pytest.approx((150 - 60) / 1.1, abs=0.5)


def test_a_surface_that_is_not_there_is_refused(tmp_path):
    """A missing raster is an error that names it."""
    with pytest.raises(ReadError, match=r"none\.tif: no such surface"):
        look_at(_photos(pitch_deg=[-60.0]), surface=tmp_path / "none.tif")


def test_photos_without_crs_are_refused():
    """Numbers without a coordinate system are not taken for degrees."""
    photos = _photos(pitch_deg=[-60.0]).set_crs(None, allow_override=True)
    with pytest.raises(TableError, match="no CRS"):
        look_at(photos)
