"""Gaofen, Huanjing and Ziyuan: gains of that year or none, polynomials or none, China time."""

import numpy as np
import pyproj
import pytest
from affine import Affine

from outfall.errors import ReadError, SceneError
from outfall.scenes import check_formula, describe_scenes, grid_of, open_scene
from tests.scenes import made_products as made

DEM = 0.0


def test_an_unknown_year_is_refused_by_name(tmp_path):
    """GF-1 WFV1 of 2018 has no sourced gain: sensor, year, bands and the way out are named."""
    home, _ = made.cresda(tmp_path, "GF1", "WFV1")
    with pytest.raises(
        SceneError, match=r"no sourced gain of GF-1 WFV1 in 2018 for B1, B2, B3, B4.*bulletin.*quantity='dn'"
    ):
        open_scene(home, dem=DEM)


def test_gains_of_another_year_are_never_used(tmp_path):
    """ZY-3-01 of 2013 is radiance; the same satellite in 2014 is refused, and so is the sister of 2013."""
    home, held = made.cresda(tmp_path, "ZY3", "MUX", date="20130601")
    scene = open_scene(home, dem=DEM)
    assert scene.attrs["quantity"] == "radiance"
    assert float(np.nanmax(scene["blue"])) == pytest.approx(held[""][0].max() * 0.2551, rel=1e-5)
    for satellite, date in (("ZY3", "20140601"), ("ZY3-2", "20130601"), ("ZY3-2", "20170601")):
        home, _ = made.cresda(tmp_path / satellite / date, satellite, "MUX", date=date)
        with pytest.raises(SceneError, match="no sourced gain"):
            open_scene(home, dem=DEM)


def test_a_year_known_for_one_band_is_not_enough(tmp_path):
    """The one sourced gain of 2017 does not stand for the other bands."""
    home, _ = made.cresda(tmp_path, "GF1", "WFV1", date="20170826")
    with pytest.raises(SceneError, match="in 2017 for B2, B3, B4 "):
        open_scene(home, dem=DEM)


def test_the_user_may_give_the_bulletin(tmp_path):
    """Gain and bias by band or role become radiance, and the scene says who gave them."""
    home, held = made.cresda(tmp_path, "GF1", "WFV1")
    scales = {"B1": (0.2, 1.0), "green": (0.1, 0.0), "B3": (0.1, 0.0), "B4": (0.1, 0.0)}
    scene = open_scene(home, dem=DEM, scales=scales)
    assert float(np.nanmax(scene["blue"])) == pytest.approx(held[""][0].max() * 0.2 + 1.0, rel=1e-6)
    assert scene.attrs["gain_source"] == "user"
    with pytest.raises(SceneError, match="no gain for B4"):
        open_scene(home, dem=DEM, scales={name: scales[name] for name in ("B1", "green", "B3")})


def test_level_1a_without_polynomials_or_height_is_refused(tmp_path):
    """No .rpb: an error; no height: an error. Never a picture in the wrong place."""
    home, _ = made.cresda(tmp_path, "GF1", "WFV1", with_rpb=False)
    with pytest.raises(SceneError, match=r"is not orthorectified \(L1A\) and has no \.rpb"):
        open_scene(home, quantity="dn", dem=DEM)
    home, _ = made.cresda(tmp_path / "b", "GF1", "WFV1")
    with pytest.raises(SceneError, match=r"not orthorectified.*give dem="):
        open_scene(home, quantity="dn")


def test_china_standard_time_becomes_utc(tmp_path):
    """11:27:01 on the clock of the ground station is 03:27:01 UTC, and the scene says that this is our default."""
    home, _ = made.cresda(tmp_path, "HJ2A", "CCD1", count=5)
    scene = open_scene(home, quantity="dn", dem=DEM)
    assert scene.attrs["taken_at"] == "2018-08-26T03:27:01+00:00"
    assert "China Standard Time (our default)" in scene.attrs["taken_at_from"]
    assert open_scene(home, quantity="dn", dem=DEM, taken_at="UTC").attrs["taken_at"] == "2018-08-26T11:27:01+00:00"


def test_hj2_has_no_band_for_ndci_and_gf6_has(tmp_path):
    """HJ-2 B5 lies at 720.5 nm, GF-6 B5 at 700.5: only the second is red edge 1, with a note."""
    hj2 = open_scene(made.cresda(tmp_path, "HJ2A", "CCD1", count=5)[0], quantity="dn", dem=DEM)
    assert (hj2["red_edge_2"].attrs["centre_nm"], "red_edge_1" in hj2) == (720.5, False)
    assert "no NDCI" in hj2.attrs["band_note"]
    with pytest.raises(SceneError, match="no band at 70"):
        check_formula(hj2, "ndci")
    gf6 = open_scene(made.cresda(tmp_path, "GF6", "WFV", count=8)[0], quantity="dn", dem=DEM)
    assert gf6["red_edge_1"].attrs["centre_nm"] == 700.5
    assert "700.5" in gf6.attrs["band_note"]
    gf6.attrs["quantity"] = "rho_s"
    assert check_formula(gf6, "ndci")


def test_wavelengths_nobody_told_are_not_invented(tmp_path):
    """GF-2 has roles only: retrievals by wavelength refuse, and the scene says why."""
    scene = open_scene(made.cresda(tmp_path, "GF2", "PMS1", parts=("MSS1",))[0], quantity="dn", dem=DEM)
    assert "centre_nm" not in scene["red"].attrs
    assert "by role only" in scene.attrs["assumed_from"]


def where_is(scene, value, role="blue"):
    """Return longitude and latitude of the centre of the pixels with a value."""
    rows, columns = np.nonzero(scene[role].to_numpy() == value)
    grid = grid_of(scene)
    east, north = grid.transform @ (columns.mean() + 0.5, rows.mean() + 0.5)
    return pyproj.Transformer.from_crs(grid.crs, 4326, always_xy=True).transform(east, north)


@pytest.mark.parametrize("height_m", [0.0, 400.0])
def test_a_pixel_lies_where_the_polynomials_say(tmp_path, height_m):
    """Planted pixels come out at their place, shifted by the height as the polynomials lean."""
    home, _ = made.cresda(tmp_path, "GF1", "WFV1", tilt_per_m=0.01)
    file = next(home.glob("*.tiff"))
    values = np.full((4, 40, 40), 100, np.uint16)
    values[:, 9:12, 29:32] = 999
    file.write_bytes(plain_tiff(values))
    scene = open_scene(home, quantity="dn", dem=height_m)
    lon, lat = where_is(scene, 999)
    assert lon == pytest.approx(114.9 + (30.5 - 0.01 * height_m) * 0.00015, abs=0.00008)
    assert lat == pytest.approx(30.6 - 10.5 * 0.00015, abs=0.00008)


def plain_tiff(values):
    """Return a GeoTIFF without a place, as bytes."""
    import warnings

    import rasterio

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with rasterio.MemoryFile() as memory:
            profile = {
                "driver": "GTiff",
                "count": len(values),
                "height": values.shape[1],
                "width": values.shape[2],
                "dtype": "uint16",
            }
            with memory.open(**profile) as target:
                target.write(values)
            return bytes(memory.read())


def test_a_flat_dem_is_a_height(tmp_path):
    """A raster of 400 m everywhere gives what the number 400 gives; where it ends, nothing is placed."""
    home, _ = made.cresda(tmp_path, "GF1", "WFV1", tilt_per_m=0.01)
    whole = Affine(0.001, 0, 114.88, 0, -0.001, 30.62)
    flat = made.raster(tmp_path / "dem.tif", np.full((50, 50), 400, np.float32), whole, 4326)
    by_number, by_raster = (open_scene(home, quantity="dn", dem=dem) for dem in (400, flat))
    np.testing.assert_array_equal(by_number["red"], by_raster["red"])
    assert grid_of(by_number) == grid_of(by_raster)
    half = made.raster(tmp_path / "half.tif", np.full((50, 23), 400, np.float32), whole, 4326)
    part = open_scene(home, quantity="dn", dem=half)
    assert 0 < np.isfinite(part["red"]).sum() < np.isfinite(by_number["red"]).sum()


def test_tiles_of_one_scene_are_joined(tmp_path):
    """GF-6 WFV comes in several images side by side: one scene, with the numbers of each at its place."""
    home, held = made.cresda(tmp_path, "GF6", "WFV", count=8, parts=("1", "2", "3"))
    scene = open_scene(home, quantity="dn", dem=DEM)
    alone = open_scene(made.cresda(tmp_path / "b", "GF6", "WFV", count=8)[0], quantity="dn", dem=DEM)
    assert scene.sizes["x"] == pytest.approx(3 * alone.sizes["x"], abs=3)
    values = scene["coastal"].to_numpy()
    for part in held.values():
        assert np.isin(values[np.isfinite(values)], part[6]).mean() > 0.3
    assert np.isfinite(values).mean() > 0.9


def test_a_tar_opens_as_its_folder(tmp_path):
    """Packed as it is delivered, or unpacked."""
    home, _ = made.cresda(tmp_path, "GF1", "WFV1")
    one = open_scene(home, quantity="dn", dem=DEM)
    other = open_scene(made.tarred(home, tmp_path / f"{home.name}.tar.gz"), quantity="dn", dem=DEM)
    np.testing.assert_array_equal(one["nir"], other["nir"])


def test_the_panchromatic_image_is_left_out_and_said(tmp_path):
    """Colour and panchromatic images of a scene are two grids; colour counts."""
    home, held = made.cresda(tmp_path, "GF2", "PMS1", parts=("MSS1", "PAN1"))
    scene = open_scene(home, quantity="dn", dem=DEM)
    assert scene.attrs["left_out"].endswith("PAN1.tiff")
    assert float(np.nanmax(scene["red"])) == held["MSS1"][2].max()


def test_it_is_described_with_the_years_known(tmp_path):
    """What a path is, without a raster."""
    row = describe_scenes(made.cresda(tmp_path, "ZY3", "MUX", date="20130601")[0]).iloc[0]
    assert (row["product"], row["sensor"], row["note"]) == ("cresda", "ZY3-1 MUX", "gains known for 2013")


def test_metadata_without_satellite_and_damaged_polynomials_are_refused(tmp_path):
    """Each names the file and what it lacks."""
    home, _ = made.cresda(tmp_path, "GF1", "WFV1")
    file = next(home.glob("*.rpb"))
    file.write_text(file.read_text().replace("latOffset", "latOff"))
    with pytest.raises(ReadError, match=r"\.rpb: rational polynomials lack lat_off"):
        open_scene(home, quantity="dn", dem=DEM)
    next(home.glob("*.xml")).write_text("<a/>")
    with pytest.raises(ReadError, match="names no SatelliteID"):
        open_scene(home, quantity="dn", dem=DEM)
