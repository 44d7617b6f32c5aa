"""Plain rasters: names, scales and clocks as the file has them, and nothing guessed."""

import numpy as np
import pytest
import rasterio
import xarray as xr
from affine import Affine

from outfall.errors import ReadError, SceneError
from outfall.scenes import compute, flag_reasons, flags, grid_of, open_scene, taken_at
from tests.scenes import made_products as made

STEP = Affine(10, 0, made.WEST, 0, -10, made.NORTH)
FOUR = {"blue": 1, "green": 2, "red": 3, "nir": 4}


def water_share(scene):
    """Return the share of valid pixels whose NDWI is above 0."""
    green, nir = scene["green"].to_numpy(), scene["nir"].to_numpy()
    index = (green - nir) / (green + nir)
    return float((index > 0).sum() / np.isfinite(index).sum())


@pytest.mark.realdata
def test_the_harbour_of_fishbourne(shared_data):
    """NDWI is above 0 on 21.3 % of the valid pixels: black collars are no pixels."""
    scene = open_scene(
        shared_data / "remote/fishbourne_s2/s2a_l2a_fishbourne.tif", roles=FOUR, quantity="rho_s", scales=(1e-4, 0)
    )
    assert water_share(scene) == pytest.approx(0.213, abs=0.0005)
    assert "0 in every band" in scene.attrs["assumed_from"]


@pytest.mark.realdata
def test_the_coast_of_the_dollard(shared_data):
    """In degrees and float64: on a metric grid, NDWI is above 0 on 41 %."""
    scene = open_scene(shared_data / "remote/dollard_s2/cog.tif", roles=FOUR, quantity="rho_s", scales=(1e-4, 0))
    assert water_share(scene) == pytest.approx(0.41, abs=0.005)
    assert grid_of(scene).crs.to_epsg() == 32632
    assert scene.attrs["reprojected_from"] == "EPSG:4326"
    assert scene["red"].attrs["gsd_m"] == pytest.approx(10, abs=0.1)


@pytest.mark.realdata
def test_a_lake_whose_nodata_is_a_huge_number(shared_data):
    """-3.4e38 leaves neither numbers nor overflow behind."""
    scene = open_scene(
        shared_data / "remote/harsha_lake_s2/S2_Harsha.tif", roles=FOUR, quantity="rho_s", scales=(1e-4, 0)
    )
    values = scene["red"].to_numpy()
    assert 0 < np.nanmin(values) < np.nanmax(values) < 1
    assert flag_reasons(scene["flags"].to_numpy())["no data"] == pytest.approx(0.854, abs=0.001)


@pytest.mark.realdata
@pytest.mark.parametrize("year", [1985, 2000, 2020])
def test_composites_of_a_moving_river(shared_data, year):
    """Bytes in degrees without names open with a role map, as numbers as stored."""
    scene = open_scene(shared_data / f"remote/pucallpa_landsat/{year}.tif", roles={"red": 1, "green": 2, "blue": 3})
    assert (scene.attrs["quantity"], grid_of(scene).crs.to_epsg()) == ("dn", 32718)
    assert float(scene["red"].max()) <= 255


def test_the_scene_of_the_sample_town(rivertown):
    """Names, scale and clock of the file count; the clock has no zone until the user names it."""
    scene = open_scene(rivertown / "S2_20260412.tif")
    assert {"blue", "green", "red", "nir", "swir_1"} < set(scene.data_vars)
    assert (scene.attrs["quantity"], scene.attrs["sensor"]) == ("rho_s", "S2 MSI")
    assert "scale of 0.0001" in scene.attrs["assumed_from"]
    assert (str(taken_at(scene)), scene.attrs["clock_of_file"]) == ("NaT", "2026:04:12 11:08:00")
    assert scene["swir_1"].attrs["gsd_m"] == 20
    zoned = open_scene(rivertown / "S2_20260412.tif", taken_at="Asia/Shanghai")
    assert zoned.attrs["taken_at"] == "2026-04-12T03:08:00+00:00"
    said = open_scene(rivertown / "S2_20260412.tif", taken_at="2026-04-12T10:00+08:00")
    assert said.attrs["taken_at"] == "2026-04-12T02:00:00+00:00"


@pytest.mark.parametrize("said", ["Nowhere/Land", "2026-04-12 11:00"])
def test_a_moment_without_a_zone_is_refused(rivertown, said):
    """Neither a zone nobody knows nor a naive time."""
    with pytest.raises(SceneError, match="taken_at: "):
        open_scene(rivertown / "S2_20260412.tif", taken_at=said)


def test_bands_nobody_named_are_not_guessed(tmp_path):
    """Four bands without names: the positions mean nothing."""
    file = made.raster(tmp_path / "a.tif", np.ones((4, 5, 5), np.uint16), STEP, made.UTM, nodata=0)
    with pytest.raises(SceneError, match=r"nobody knows which is which; give roles="):
        open_scene(file)
    with pytest.raises(SceneError, match=r"(?s)no band 5.*1 to 4.*'purple'.*is no role"):
        open_scene(file, roles={"red": 5, "purple": 1})


def test_colours_and_words_name_bands(tmp_path):
    """Colour interpretation and plain names are enough."""
    file = made.raster(tmp_path / "a.tif", np.ones((3, 5, 5), np.uint8), STEP, made.UTM, photometric="RGB")
    assert {"red", "green", "blue"} < set(open_scene(file).data_vars)
    file = made.raster(tmp_path / "b.tif", np.ones((2, 5, 5), np.uint16), STEP, made.UTM, nodata=0)
    with rasterio.open(file, "r+", driver="GTiff") as target:
        target.descriptions = ("绿", "NIR")
    assert {"green", "nir"} < set(open_scene(file).data_vars)


@pytest.mark.parametrize("name", ["B08", "B05"])
def test_band_numbers_mean_something_for_one_sensor_only(tmp_path, name):
    """B05 is red edge on Sentinel-2 and near infrared elsewhere: without the sensor's name it is refused."""
    for file in ("S2_chip.tif", "chip.tif"):
        path = made.raster(tmp_path / file, np.ones((1, 5, 5), np.uint16), STEP, made.UTM, nodata=0)
        with rasterio.open(path, "r+", driver="GTiff") as target:
            target.descriptions = (name,)
    assert ("nir" if name == "B08" else "red_edge_1") in open_scene(tmp_path / "S2_chip.tif")
    with pytest.raises(SceneError, match=f"'{name}': nobody knows"):
        open_scene(tmp_path / "chip.tif")


def test_whole_numbers_are_no_reflectance(tmp_path):
    """A forgotten scale is impossible: integers called reflectance need theirs, with the offset to think of."""
    file = made.raster(tmp_path / "S2_a.tif", np.full((1, 5, 5), 1300, np.uint16), STEP, made.UTM, nodata=0)
    with pytest.raises(SceneError, match=r"no reflectance; give scales= \(0\.0001, -0\.1\) from baseline 04\.00 on"):
        open_scene(file, roles={"red": 1}, quantity="rho_s")
    scene = open_scene(file, roles={"red": 1}, quantity="rho_s", scales=(0.0001, -0.1))
    np.testing.assert_allclose(scene["red"], 0.03, atol=1e-7)


def test_a_file_with_a_scale_is_not_scaled_twice(tmp_path):
    """The file's own scale and the user's exclude each other."""
    file = made.raster(tmp_path / "a.tif", np.full((1, 5, 5), 1300, np.uint16), STEP, made.UTM, nodata=0)
    with rasterio.open(file, "r+", driver="GTiff") as target:
        target.scales, target.offsets = (0.0001,), (-0.1,)
    with pytest.raises(SceneError, match="scaled twice"):
        open_scene(file, roles={"red": 1}, quantity="rho_s", scales=(0.0001, -0.1))
    with pytest.raises(SceneError, match="does not say what its scaled numbers are"):
        open_scene(file, roles={"red": 1})
    scene = open_scene(file, roles={"red": 1}, quantity="rho_s")
    np.testing.assert_allclose(scene["red"], 0.03, atol=1e-7)
    assert scene.attrs["offset_applied"] == -0.1


def test_numbers_no_surface_has_are_flagged(tmp_path):
    """-32 and 9.9 as reflectance are kept, flagged and left out; -3.4e38 is nothing at all."""
    values = np.array([[[0.1, -32.0, 9.9, -3.4e38, np.inf]]], np.float32)
    scene = open_scene(made.raster(tmp_path / "a.tif", values, STEP, made.UTM), roles={"red": 1}, quantity="rho_s")
    out, fill = flags()["out_of_range"].mask, flags()["fill"].mask
    assert scene["flags"].to_numpy().tolist() == [[0, out, out, fill, fill]]
    assert np.isnan(scene["red"].to_numpy()[0]).tolist() == [False, False, False, True, True]


def test_a_code_made_for_another_country_still_opens(tmp_path):
    """A chip of Ohio labelled EPSG:6371 (Mexico) opens where it is, with a note."""
    step = Affine(20, 0, 745_640, 0, -20, 4_326_000)
    scene = open_scene(
        made.raster(tmp_path / "a.tif", np.ones((1, 9, 9), np.uint16), step, 6371, nodata=0), roles={"red": 1}
    )
    assert "Mexico" in scene.attrs["crs_note"]
    assert grid_of(scene).transform == step
    right = open_scene(
        made.raster(tmp_path / "b.tif", np.ones((1, 9, 9), np.uint16), step, 32616, nodata=0), roles={"red": 1}
    )
    assert "crs_note" not in right.attrs


def test_a_raster_without_a_crs_is_refused(tmp_path):
    """Nowhere is no place."""
    file = made.raster(tmp_path / "a.tif", np.ones((1, 5, 5), np.uint16), STEP, None, nodata=0)
    with pytest.raises(SceneError, match="crs: the raster says none"):
        open_scene(file, roles={"red": 1})


def test_degrees_become_metres_in_the_zone_of_the_place(tmp_path):
    """In China the zone is Gauss-Krueger, and every number of the new grid is one of the old."""
    values = np.random.default_rng(1).permutation(2500).reshape(1, 50, 50).astype(np.uint16) + 1
    step = Affine(0.0001, 0, 114.3, 0, -0.0001, 30.6)
    scene = open_scene(made.raster(tmp_path / "a.tif", values, step, 4326, nodata=0), roles={"red": 1})
    assert grid_of(scene).crs.to_epsg() == 4547
    found = scene["red"].to_numpy()
    found = found[np.isfinite(found)]
    assert np.isin(found, values).all()
    assert len(np.unique(found)) > 0.9 * values.size


def netcdf(path, *, units="1", **attrs):
    """Write a NetCDF 3 file."""
    data = xr.Dataset(
        {"Rrs_665": (("y", "x"), np.full((3, 4), 0.01, np.float32), {"units": units})},
        coords={"y": made.NORTH - 10.0 * np.arange(3), "x": made.WEST + 10.0 * np.arange(4)},
        attrs=attrs,
    )
    data.to_netcdf(path, engine="scipy")
    return path


def test_netcdf_with_a_latin_1_unit_reads(tmp_path):
    """A µ as one byte, as old programs write it, does not stop the reader."""
    file = netcdf(tmp_path / "a.nc", units="XXm", crs="EPSG:32650")
    raw = file.read_bytes()
    assert raw.count(b"XXm") == 1
    file.write_bytes(raw.replace(b"XXm", b"\xb5gm"))
    scene = open_scene(file, roles={"red": "Rrs_665"}, quantity="Rrs")
    np.testing.assert_allclose(scene["red"], 0.01)


def test_netcdf_says_all_it_lacks(tmp_path):
    """No roles, no quantity, no CRS: three problems, one error with the file's name."""
    with pytest.raises(SceneError, match=r"(?s)a\.nc.*roles.*quantity.*crs"):
        open_scene(netcdf(tmp_path / "a.nc"))


def test_hdf5_that_cannot_be_read_names_the_file(tmp_path):
    """A file of which only the first bytes are HDF5."""
    file = tmp_path / "b.nc"
    file.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(200))
    with pytest.raises(ReadError, match=r"b\.nc: "):
        open_scene(file)


def test_a_virtual_raster_is_refused(tmp_path):
    """A file that would make the library open others is not opened, whatever its ending."""
    for name in ("a.tif", "a.vrt"):
        file = tmp_path / name
        file.write_text("<VRTDataset rasterXSize='1' rasterYSize='1'/>")
        with pytest.raises(ReadError):
            open_scene(file)


def test_files_named_together_are_one_scene(tmp_path):
    """Bands in files of their own, one of them coarser: named as a list, they are one scene by their names."""
    fine = np.arange(1, 37, dtype=np.uint16).reshape(1, 6, 6)
    red = made.raster(tmp_path / "red.tif", fine, STEP, made.UTM, nodata=0)
    coarse = Affine(20, 0, made.WEST, 0, -20, made.NORTH)
    swir = made.raster(tmp_path / "eleven.tif", fine[:, :3, :3] + 100, coarse, made.UTM, nodata=0)
    scene = open_scene([red, swir], roles={"red": "red", "swir_1": "eleven"})
    np.testing.assert_array_equal(scene["red"], fine[0])
    np.testing.assert_array_equal(scene["swir_1"], np.kron(fine[0, :3, :3] + 100, np.ones((2, 2))))
    assert [scene[role].attrs["gsd_m"] for role in ("red", "swir_1")] == [10, 20]
    with pytest.raises(ReadError, match="holds 2 scenes"):
        open_scene(tmp_path, roles={"red": "red"})


def test_small_integers_are_cast_before_they_are_subtracted(tmp_path):
    """NDWI of the stored numbers 500 and 1500 is -0.5; in uint16 it would wrap to 32.268."""
    values = np.stack([np.full((5, 5), 500), np.full((5, 5), 1500)]).astype(np.uint16)
    file = made.raster(tmp_path / "a.tif", values, STEP, made.UTM, nodata=0)
    scene = open_scene(file, roles={"green": 1, "nir": 2}, quantity="rho_s", scales=(1e-4, 0))
    np.testing.assert_allclose(compute(scene, ["ndwi"])["ndwi"], -0.5, atol=1e-6)
