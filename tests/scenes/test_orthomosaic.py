"""A mosaic of drone photos is a scene whose holes are said, and boxes on it lie where they were drawn."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from rasterio.enums import ColorInterp

from outfall.errors import CoordinateError, ReadError, SceneError, TableError
from outfall.scenes.flag_field import flags, is_usable
from outfall.scenes.orthomosaic import list_holes, open_orthomosaic
from outfall.scenes.scene import grid_of
from outfall.survey import sight_boxes
from outfall.survey.mosaic_boxes import place_on_mosaic
from outfall.tables import check, list_issues
from tests.laws import unchanged

EAST, NORTH, STEP = 500_000.0, 3_387_000.0, 0.05


def write(file, bands, *, alpha=None, names=(), crs=32650, **more):
    """Write a mosaic as ODM does: colours, and alpha 0 where it has nothing."""
    file.parent.mkdir(parents=True, exist_ok=True)
    every = [*bands, *([alpha] if alpha is not None else [])]
    profile = {"driver": "GTiff", "height": bands[0].shape[0], "width": bands[0].shape[1], "count": len(every),
               "dtype": bands[0].dtype, "crs": crs, "transform": rasterio.Affine(STEP, 0, EAST, 0, -STEP, NORTH)}  # fmt: skip
    with rasterio.open(file, "w", **profile, **more) as raster:
        colours = [ColorInterp.red, ColorInterp.green, ColorInterp.blue][: len(bands)] if not names else []
        if colours and alpha is not None:
            raster.colorinterp = [*colours, ColorInterp.alpha]
        for at, band in enumerate(every, start=1):
            raster.write(band, at)
        for at, name in enumerate(names, start=1):
            raster.set_band_description(at, name)
    return file


@pytest.fixture
def odm(tmp_path):
    """Return the folder of an ODM project: 120 x 200 pixels, a hole of 40 x 60 over water, and its surface model."""
    rng = np.random.default_rng(1001)
    bands = [rng.integers(1, 255, (120, 200), dtype=np.uint8) for _ in range(3)]
    alpha = np.full((120, 200), 255, np.uint8)
    alpha[40:80, 100:160] = 0
    write(tmp_path / "odm_orthophoto" / "odm_orthophoto.tif", bands, alpha=alpha)
    write(tmp_path / "odm_dem" / "dsm.tif", [np.zeros((12, 20), np.float32)], names=("height",))
    return tmp_path, bands, alpha


def test_a_mosaic_is_numbers_and_nothing_more(odm):
    """Colours are digital numbers as they were written; what lies in the hole is not a number and not usable."""
    folder, bands, alpha = odm
    scene = open_orthomosaic(folder)
    assert scene.attrs["quantity"] == "dn"
    is_there = alpha > 0
    for role, band in zip(("red", "green", "blue"), bands, strict=True):
        assert np.array_equal(scene[role].to_numpy()[is_there], band[is_there].astype(np.float32))
        assert np.isnan(scene[role].to_numpy())[~is_there].all()
    assert np.array_equal(np.asarray(is_usable(scene["flags"].to_numpy())), is_there)
    assert scene["red"].attrs["gsd_m"] == pytest.approx(STEP)
    assert scene.attrs["hole_share"] == pytest.approx(0.1)
    assert scene.attrs["surface"].endswith("dsm.tif")


def test_a_hole_over_water_says_why(odm):
    """The hole has its area, its reason in both languages, and is no margin; elsewhere it is a hole of photos."""
    scene = open_orthomosaic(odm[0])
    river = gpd.GeoDataFrame(geometry=[shapely.box(EAST + 4, NORTH - 6, EAST + 20, NORTH)], crs=32650).to_crs(4490)
    with unchanged(river):
        wet = list_holes(scene, river)
    assert wet[["code", "is_margin"]].values.tolist() == [["no_data", False]]
    assert wet["area_m2"].iloc[0] == pytest.approx(40 * 60 * STEP**2)
    assert wet["water_share"].iloc[0] == pytest.approx(1.0, abs=1e-3)
    assert "water" in wet["reason"].iloc[0]
    assert "水面" in wet["reason_zh"].iloc[0]
    dry = list_holes(scene, river.to_crs(32650).translate(500, 0).to_frame("geometry"))
    assert "too few" in dry["reason"].iloc[0]
    assert len(list_holes(scene, least_m2=100.0)) == 0


def test_a_window_is_the_same_pixels(odm):
    """A window reads the pixels the whole has there, with its own transform and the whole file's beside it."""
    whole = open_orthomosaic(odm[0])
    part = open_orthomosaic(odm[0], window=(EAST + 1, NORTH - 3, EAST + 5, NORTH - 1))
    assert (part.sizes["y"], part.sizes["x"]) == (40, 80)
    assert np.array_equal(part["red"].to_numpy(), whole["red"].to_numpy()[20:60, 20:100], equal_nan=True)
    assert grid_of(part).transform.c == pytest.approx(EAST + 1)
    assert part.attrs["file_transform"] == whole.attrs["file_transform"]
    with pytest.raises(SceneError, match="beside the mosaic"):
        open_orthomosaic(odm[0], window=(0, 0, 1, 1))


def test_coarser_pixels_are_means_and_never_fill_a_hole(odm):
    """Ten by ten pixels make one; each is the mean of its own, and holes stay at least as large."""
    folder, bands, alpha = odm
    coarse = open_orthomosaic(folder, gsd_m=0.5)
    assert (coarse.sizes["y"], coarse.sizes["x"]) == (12, 20)
    mean = bands[0].reshape(12, 10, 20, 10).mean(axis=(1, 3))
    there = alpha.reshape(12, 10, 20, 10).min(axis=(1, 3)) > 0
    assert coarse["red"].to_numpy()[there] == pytest.approx(mean[there], abs=0.51)
    assert np.array_equal(np.isnan(coarse["red"].to_numpy()), ~there)
    assert coarse["red"].attrs["gsd_m"] == pytest.approx(STEP)
    with pytest.raises(SceneError, match="coarser"):
        open_orthomosaic(folder, gsd_m=0.01)


def test_reflectance_is_what_the_user_says(tmp_path):
    """A multispectral mosaic knows its bands by name; its quantity is told, and a nodata value is a hole."""
    bands = [np.full((4, 5), value, np.float32) for value in (0.02, 0.03, 0.3)]
    bands[2][0, 0] = -10000
    file = write(tmp_path / "a.tif", bands, names=("Red", "Rededge", "NIR"), nodata=-10000)
    scene = open_orthomosaic(file, quantity="rho_s", taken_at=pd.Timestamp("2026-04-12", tz="Asia/Shanghai"))
    assert list(scene.data_vars) == ["red", "red_edge_1", "nir", "flags"]
    assert scene.attrs["taken_at"].startswith("2026-04-11T16:00")
    assert int((scene["flags"].to_numpy() & flags()["fill"].mask > 0).sum()) == 1
    assert np.isnan(scene["red"].to_numpy()).sum() == 1


def test_what_is_no_mosaic_is_refused(tmp_path):
    """Missing files, text, bands nobody knows, no CRS: each in our words."""
    with pytest.raises(ReadError, match="odm_orthophoto"):
        open_orthomosaic(tmp_path)
    (tmp_path / "a.tif").write_text("hello")
    with pytest.raises(ReadError, match="cannot be read"):
        open_orthomosaic(tmp_path / "a.tif")
    file = write(tmp_path / "b.tif", [np.ones((3, 3), np.float32)] * 2, names=("u", "v"))
    with pytest.raises(SceneError, match="name the bands"):
        open_orthomosaic(file)
    with pytest.raises(SceneError, match="quantity"):
        open_orthomosaic(file, quantity="colour")


def test_boxes_on_a_mosaic_lie_where_they_were_drawn(odm):
    """Pixels of the whole file give metres on the ground, also when a window was opened; those beside it are said."""
    boxes = pd.DataFrame({"photo": "m", "col_px": [100.0, 900.0], "row_px": [40.0, 40.0], "half_width_px": 10.0,
                          "half_height_px": 4.0, "confidence_share": [0.8, 0.7], "source_ref": ["a#1", "a#2"]})  # fmt: skip
    for window in (None, (EAST + 1, NORTH - 3, EAST + 5, NORTH - 1)):
        mosaic = open_orthomosaic(odm[0], window=window, taken_at=pd.Timestamp("2026-04-12", tz="UTC"))
        with unchanged(boxes):
            placed = place_on_mosaic(boxes, mosaic)
        drawn = placed.to_crs(32650).geometry.iloc[0]
        assert drawn.bounds == pytest.approx((EAST + 4.5, NORTH - 2.2, EAST + 5.5, NORTH - 1.8), abs=1e-4)
        assert placed["area_m2"].iloc[0] == pytest.approx(0.4, rel=1e-3)
        assert placed["object_lon"].notna().tolist() == [True, False]
        assert "outside the mosaic" in list_issues(placed)["reason"].iloc[0]
        seen = check(sight_boxes(placed), "sightings")
        assert len(seen) == 1
        assert seen["sigma_m"].iloc[0] > 1.0
        assert seen["confidence_share"].isna().all()


def test_polygons_of_a_detector_need_no_mosaic(odm):
    """GeoJSON boxes keep their outline; without a CRS they are refused, and pixels without a mosaic too."""
    shape = gpd.GeoSeries([shapely.box(EAST, NORTH, EAST + 2, NORTH + 1)], crs=32650)
    polygons = gpd.GeoDataFrame({"score": [0.5]}, geometry=shape)
    placed = place_on_mosaic(polygons, sigma_m=0.2)
    assert placed.to_crs(32650).geometry.iloc[0].equals_exact(shape.iloc[0].normalize(), 1e-4) or placed[
        "area_m2"
    ].iloc[0] == pytest.approx(2.0)
    assert len(sight_boxes(placed)) == 1
    with pytest.raises(CoordinateError, match="no CRS"):
        place_on_mosaic(polygons.set_crs(None, allow_override=True))
    with pytest.raises(TableError, match="open_orthomosaic"):
        place_on_mosaic(pd.DataFrame({"photo": ["a"], "col_px": [1.0], "row_px": [1.0]}))
