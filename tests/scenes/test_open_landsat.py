"""Landsat Collection 2 Level 2: scales, fills and quality, on the real scene."""

import shutil

import numpy as np
import pytest

from outfall.errors import ReadError, SceneError
from outfall.scenes import describe_scenes, flags, is_usable, open_scene, quantity_of

NAME = "LC08_L2SP_008059_20191201_20200825_02_T1"
pytestmark = pytest.mark.realdata


@pytest.fixture(scope="module")
def folder(shared_data):
    return shared_data / "remote" / "landsat8_008059"


@pytest.fixture(scope="module")
def scene(folder):
    return open_scene(folder)


@pytest.fixture
def copy(folder, tmp_path):
    """Return a copy with little in it: one band, quality and metadata."""
    for part in ("MTL.txt", "SR_B3.TIF", "QA_PIXEL.TIF"):
        shutil.copyfile(folder / f"{NAME}_{part}", tmp_path / f"{NAME}_{part}")
    return tmp_path


def test_clear_water_and_its_uncertainty(scene):
    """85 water pixels by bit 7, all clear; half of them have a temperature known no better than 4.18 K."""
    water = (scene["flags"].to_numpy() & flags()["water"].mask) != 0
    assert (water.sum(), (water & is_usable(scene["flags"].to_numpy())).sum()) == (85, 85)
    assert float(np.median(scene["thermal_sigma_k"].to_numpy()[water])) == pytest.approx(4.18, abs=0.005)


def test_reflectance_and_temperature_have_their_own_scale(scene, folder):
    """DN x 2.75e-5 - 0.2 and DN x 0.00341802 + 149, and nothing where the number is the fill."""
    import rasterio

    for role, part, scale, offset in (("red", "SR_B4", 2.75e-5, -0.2), ("thermal", "ST_B10", 0.00341802, 149.0)):
        with rasterio.open(folder / f"{NAME}_{part}.TIF", driver="GTiff") as source:
            stored = source.read(1).astype(float)
        expected = np.where(stored == 0, np.nan, stored * scale + offset).astype(np.float32)
        np.testing.assert_allclose(scene[role], expected, rtol=1e-6)
    assert (quantity_of(scene, "red"), quantity_of(scene, "thermal")) == ("rho_s", "temperature")
    assert scene["thermal"].attrs["gsd_m"] >= 100


def test_what_looks_like_data_is_none(scene):
    """QA fill 1, reflectance fill 0 and uncertainty fill -9999 leave nothing behind."""
    fill = (scene["flags"].to_numpy() & flags()["fill"].mask) != 0
    assert fill.any()
    assert not is_usable(scene["flags"].to_numpy())[fill].any()
    assert float(scene["red"].min()) > -0.19
    assert float(scene["thermal_sigma_k"].min()) >= 0
    assert float(scene["cloud_distance_km"].min()) >= 0


def test_saturation_has_its_flag(scene):
    """QA_RADSAT is read."""
    assert ((scene["flags"].to_numpy() & flags()["saturated"].mask) != 0).any()


def test_metadata_as_xml_gives_the_same(folder, scene, tmp_path):
    """MTL.txt or MTL.xml, the numbers do not change."""
    for file in folder.iterdir():
        if not file.name.endswith("MTL.txt"):
            (tmp_path / file.name).symlink_to(file)
    other = open_scene(tmp_path)
    for name in scene.data_vars:
        np.testing.assert_array_equal(scene[name], other[name])
    assert scene.attrs["taken_at"] == other.attrs["taken_at"] == "2019-12-01T15:13:51.861099+00:00"


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('PROCESSING_LEVEL = "L2SP"', 'PROCESSING_LEVEL = "L1TP"', "order the Level 2"),
        ("COLLECTION_NUMBER = 02", "COLLECTION_NUMBER = 01", "Collection 2"),
        ("REFLECTANCE_ADD_BAND_3 = -0.2", "REFLECTANCE_ADD_BAND_3 = -0.1", "belongs to another level"),
        ("REFLECTANCE_ADD_BAND_3 = -0.2", "REFLECTANCE_ADD_BAND_3 = abc", "are no numbers"),
        ('SPACECRAFT_ID = "LANDSAT_8"', 'SPACECRAFT_ID = "LANDSAT_3"', "'LANDSAT_3' is not known"),
    ],
)
def test_metadata_of_something_else_is_refused(copy, old, new, reason):
    """Level 1, Collection 1, other scales, other satellites."""
    file = copy / f"{NAME}_MTL.txt"
    file.write_text(file.read_text().replace(old, new))
    with pytest.raises(SceneError, match=reason):
        open_scene(copy)


def test_every_problem_comes_at_once(copy):
    """A scene without quality, scaled twice, with a role map: three problems, one error."""
    (copy / f"{NAME}_QA_PIXEL.TIF").unlink()
    with pytest.raises(SceneError, match=r"(?s)scales.*roles.*QA_PIXEL"):
        open_scene(copy, scales=(1, 0), roles={"green": 3})


def test_without_metadata_it_is_refused(copy):
    """Scales are not guessed."""
    (copy / f"{NAME}_MTL.txt").unlink()
    with pytest.raises(ReadError, match=r"no _MTL\.txt"):
        open_scene(copy)
    assert "no _MTL.txt" in describe_scenes(copy).iloc[0]["note"]
