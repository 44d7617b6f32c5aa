"""Sentinel-2: the offset comes from the metadata, and once."""

import numpy as np
import pytest

from outfall.errors import ReadError, SceneError
from outfall.scenes import compute, describe_scenes, find_formula, flags, open_scene
from outfall.scenes.products.sentinel2_metadata import offset_of_baseline, read_metadata
from outfall.tables.safe import parse_xml
from tests.scenes import made_products as made

REAL = {
    "esa_S2B_MSIL2A_20210122T133229_N0214_R081_T22HBD_20210122T155500.SAFE_MTD_MSIL2A.xml": ("02.14", 0.0),
    "S2B_MSIL2A_20200914T231559_N0500_R087_T01VCG_20230315T224658_metadata.xml": ("05.00", -1000.0),
    "S2A_MSIL2A_20230821T221941_N0509_R029_T01KAB_20230822T021825.SAFE_MTD_MSIL2A.xml": ("05.09", -1000.0),
}


@pytest.mark.realdata
@pytest.mark.parametrize("name", REAL)
def test_real_metadata_say_their_offset(shared_data, name):
    """Three real documents: 0, -1000 and -1000, by baseline 02.14, 05.00 (of a scene of 2020) and 05.09."""
    file = shared_data / "remote" / "sentinel2_metadata" / name
    said = read_metadata(parse_xml(file), where=name)
    assert (said.baseline, set(said.offsets.values())) == (REAL[name][0], {REAL[name][1]})
    assert said.platform == ("S2A" if name.startswith("S2A") else "S2B")


@pytest.mark.realdata
def test_real_metadata_of_a_reprocessed_scene_open_a_product(shared_data, tmp_path):
    """Band files of 2020 beside the real tile document of baseline 05.00 lose 0.1, though their date knows no offset."""
    real = shared_data / "remote" / "sentinel2_metadata"
    (tmp_path / "MTD_TL.xml").write_bytes(
        (real / "S2B_MSIL2A_20200914T231559_N0500_R087_T01VCG_20230315T224658_metadata.xml").read_bytes()
    )
    made.band_file(tmp_path / "T01VCG_20200914T231559_B04_10m.tif", np.full((24, 24), 1300, np.uint16), 10)
    scene = open_scene(tmp_path)
    assert scene.attrs["taken_at"].startswith("2020-09-14T23:19:31")
    assert scene.attrs["baseline"] == "05.00"
    np.testing.assert_allclose(scene["red"], 0.03, rtol=1e-6)


@pytest.mark.parametrize(
    ("baseline", "date"), [("02.14", "20230821"), ("03.01", "20200914"), ("04.00", "20200914"), ("05.09", "20230821")]
)
@pytest.mark.parametrize("level", ["2A", "1C"])
def test_the_offset_follows_the_baseline_and_never_the_date(tmp_path, baseline, date, level):
    """Old baselines of young scenes have no offset; young baselines of old scenes have one."""
    home, held = made.safe(tmp_path, baseline=baseline, date=date, level=level)
    scene = open_scene(home)
    offset = -1000 if float(baseline) >= 4 else 0
    expected = ((held["B04"].astype(float) + offset) / 10_000).astype(np.float32)
    np.testing.assert_allclose(scene["red"], expected, rtol=0, atol=1e-8)
    assert scene.attrs["quantity"] == ("rho_s" if level == "2A" else "rho_toa")
    assert (scene.attrs["baseline"], scene.attrs["offset_applied"]) == (baseline, offset)


@pytest.mark.parametrize(
    ("red", "nir", "right", "forgotten", "twice"),
    [(0.03, 0.01, 8.4, 706.8, -11.2), (0.01, 0.003, 2.4, 619, -13.3), (0.09, 0.06, 258, 2032, -2.1)],
)
def test_a_forgotten_or_doubled_offset_would_be_seen(tmp_path, red, nir, right, forgotten, twice):
    """Opened, dark water has its turbidity; with the offset left in or taken twice it would have another by far."""
    pixels = {"B04": np.full((24, 24), round(red * 1e4) + 1000, np.uint16), "B08": np.full((24, 24), round(nir * 1e4) + 1000, np.uint16),
              "B8A": np.full((12, 12), round(nir * 1e4) + 1000, np.uint16)}  # fmt: skip
    scene = open_scene(made.safe(tmp_path, bands=pixels)[0])

    def turbidity(shift):
        low, high = (float(scene[role][0, 0]) + shift for role in ("red", "nir_narrow"))
        from_red, from_nir = 228.1 * low / (1 - low / 0.1641), 3078.9 * high / (1 - high / 0.2112)
        weight = np.clip((low - 0.05) / 0.02, 0, 1)
        return from_red * (1 - weight) + from_nir * weight

    assert turbidity(0) == pytest.approx(right, rel=0.02)
    assert turbidity(0.1) == pytest.approx(forgotten, rel=0.02)
    assert turbidity(-0.1) == pytest.approx(twice, rel=0.05)


def test_small_numbers_do_not_wrap(tmp_path):
    """A number below 1000 becomes slightly negative, not 64,536 / 10000."""
    scene = open_scene(made.safe(tmp_path, bands={"B04": np.full((24, 24), 990, np.uint16)})[0])
    np.testing.assert_allclose(scene["red"], -0.001, atol=1e-7)


def test_zero_is_no_data_and_65535_is_saturated(tmp_path):
    """Neither becomes a reflectance that looks real."""
    pixels = made.numbers(1, 24)
    pixels[0, 0], pixels[0, 1] = 0, 65_535
    scene = open_scene(made.safe(tmp_path, bands={"B04": pixels})[0])
    assert np.isnan(scene["red"][0, 0])
    assert not int(scene["flags"][0, 0]) & flags()["fill"].mask
    assert int(scene["flags"][0, 1]) & flags()["saturated"].mask
    everywhere = {band: np.where(np.arange(made.SIZES[size] ** 2).reshape(made.SIZES[size], -1) == 0, 0, 2000).astype(np.uint16)
                  for size, names in ((10, made.FINE), (20, made.MIDDLE), (60, ("B01",))) for band in names}  # fmt: skip
    scene = open_scene(made.safe(tmp_path / "b", bands=everywhere)[0])
    assert int(scene["flags"][0, 0]) & flags()["fill"].mask


def test_classes_come_by_nearest_neighbour_only(tmp_path):
    """Each 20 m class covers its four 10 m pixels exactly; no class arises between two."""
    classes = np.random.default_rng(3).integers(0, 12, (12, 12)).astype(np.uint8)
    scene = open_scene(made.safe(tmp_path, scl=classes)[0])
    fine = np.repeat(np.repeat(classes, 2, 0), 2, 1)
    field = scene["flags"].to_numpy()
    for number, name in ((2, "dark"), (3, "cloud_shadow"), (6, "water"), (11, "snow")):
        np.testing.assert_array_equal((field & flags()[name].mask) != 0, fine == number)


def test_coarse_bands_lie_on_the_fine_grid_and_say_their_size(tmp_path):
    """Replicated, never interpolated: gsd_m keeps what was sensed."""
    home, held = made.safe(tmp_path)
    scene = open_scene(home)
    fine = np.repeat(np.repeat(held["B05"], 2, 0), 2, 1).astype(float)
    np.testing.assert_allclose(scene["red_edge_1"], (fine - 1000) / 1e4, atol=1e-7)
    np.testing.assert_allclose(scene["coastal"], (np.kron(held["B01"], np.ones((6, 6))) - 1000) / 1e4, atol=1e-7)
    assert [scene[role].attrs["gsd_m"] for role in ("red", "red_edge_1", "coastal")] == [10, 20, 60]


def test_a_zip_opens_as_its_folder(tmp_path):
    """Packed or not, the numbers are the same."""
    home, _ = made.safe(tmp_path, ending="jp2")
    one, other = open_scene(home), open_scene(made.zipped(home, tmp_path / "scene.zip"))
    for name in one.data_vars:
        np.testing.assert_array_equal(one[name], other[name])


def test_the_document_alone_finds_its_bands(tmp_path):
    """People point at MTD_MSIL2A.xml."""
    home, _ = made.safe(tmp_path)
    np.testing.assert_array_equal(open_scene(home / "MTD_MSIL2A.xml")["red"], open_scene(home)["red"])


def test_a_formula_takes_the_scene(tmp_path):
    """Quantity, wavelengths and roles are those formulas ask for."""
    scene = open_scene(made.safe(tmp_path)[0])
    assert np.isfinite(compute(scene, ["ndci"])["ndci"]).any()
    assert find_formula("ndci")


def test_bands_without_their_document_are_refused(tmp_path):
    """Without metadata nobody knows the offset; a date would be a guess."""
    home, _ = made.safe(tmp_path)
    (home / "MTD_MSIL2A.xml").unlink()
    with pytest.raises((ReadError, SceneError), match=r"holds \d+ scenes|offset"):
        open_scene(home)


def test_documents_that_contradict_each_other_are_refused(tmp_path):
    """Two baselines beside one set of bands."""
    home, _ = made.safe(tmp_path)
    text = (home / "MTD_MSIL2A.xml").read_text().replace("05.09", "02.14")
    (home / "MTD_OTHER.xml").write_text(text)
    with pytest.raises(SceneError, match=r"(?s)contradict.*baseline 05\.09|contradict.*baseline 02\.14"):
        open_scene(home)


@pytest.mark.parametrize("options", [{"scales": (1e-4, 0)}, {"quantity": "Rrs"}, {"roles": {"red": "B04"}}])
def test_what_the_product_states_is_not_overruled(tmp_path, options):
    """Scaling twice, or calling reflectance something else, is refused."""
    home, _ = made.safe(tmp_path)
    with pytest.raises(SceneError, match="cannot be opened like this"):
        open_scene(home, **options)


def test_dn_gives_numbers_as_stored(tmp_path):
    """Asked for digital numbers, no offset is applied, and the scene says so."""
    home, held = made.safe(tmp_path)
    scene = open_scene(home, quantity="dn")
    np.testing.assert_array_equal(scene["red"], held["B04"].astype(np.float32))
    assert (scene.attrs["quantity"], scene.attrs["offset_applied"]) == ("dn", 0.0)


def test_a_damaged_offset_is_an_error(tmp_path):
    """An offset that is no number is not read as zero."""
    home, _ = made.safe(tmp_path, offsets='<BOA_ADD_OFFSET band_id="3">none</BOA_ADD_OFFSET>')
    with pytest.raises(SceneError, match="BOA_ADD_OFFSET 'none' of band '3'"):
        open_scene(home)


def test_a_baseline_that_is_none_is_refused():
    """Garbage is not an old baseline."""
    with pytest.raises(SceneError, match="'abc' is none"):
        offset_of_baseline("abc")


def test_it_is_described_without_a_raster(tmp_path):
    """Bands, moment, baseline and offset are told although every raster is garbage."""
    home, _ = made.safe(tmp_path)
    for file in home.rglob("*.tif"):
        file.write_bytes(b"garbage")
    row = describe_scenes(home).iloc[0]
    assert (row["product"], row["sensor"], row["quantity"]) == ("sentinel2", "S2B MSI", "rho_s")
    assert "-1000" in row["note"]
    with pytest.raises(ReadError, match=r"B0\d.*\.tif"):
        open_scene(home)
