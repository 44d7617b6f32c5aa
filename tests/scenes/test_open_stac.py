"""STAC items: read raw, scaled once, and refused where the catalogue contradicts the baseline."""

import json

import numpy as np
import pytest

from outfall.errors import ReadError, SceneError
from outfall.scenes import open_scene
from outfall.scenes.products import stac
from tests.scenes import made_products as made

KEYS = {"blue": "B02", "green": "B03", "red": "B04", "rededge1": "B05", "nir": "B08", "nir08": "B8A", "scl": "SCL"}


def item(home, baseline="05.09", *, applied=None, offset=None, names="element84"):
    """Return an item of the files of a SAFE folder, as one catalogue or another writes it."""
    files = {band: next(home.rglob(f"*_{band}_*m.tif")) for band in KEYS.values()}
    assets = {}
    for key, band in KEYS.items():
        asset = {"href": str(files[band]), "type": "image/tiff; application=geotiff", "roles": ["data"]}
        gsd_m = int(files[band].stem.rpartition("_")[2][:-1])
        asset["proj:shape"] = [made.SIZES[gsd_m]] * 2
        asset["proj:transform"] = [gsd_m, 0, made.WEST, 0, -gsd_m, made.NORTH]
        if offset is not None and band != "SCL":
            asset["raster:bands"] = [{"scale": 0.0001, "offset": offset}]
        assets[key if names == "element84" else band] = asset
    properties = {
        "datetime": "2023-08-21T02:25:49Z", "platform": "sentinel-2b", "proj:epsg": made.UTM, "s2:processing_baseline": baseline,
    }  # fmt: skip
    if applied is not None:
        properties["earthsearch:boa_offset_applied"] = applied
    return {
        "type": "Feature", "stac_version": "1.0.0", "id": "S2B_50RNU", "collection": "sentinel-2-l2a", "links": [], "stac_extensions": ["https://stac-extensions.github.io/projection/v1.1.0/schema.json"],
        "geometry": {"type": "Point", "coordinates": [117.0, 29.8]}, "bbox": [117.0, 29.8, 117.1, 29.9], "properties": properties, "assets": assets,
    }  # fmt: skip


@pytest.mark.parametrize("baseline", ["02.14", "05.09"])
@pytest.mark.parametrize("names", ["element84", "bands"])
def test_an_item_gives_the_numbers_of_its_product(tmp_path, baseline, names):
    """By item or by SAFE folder: the same reflectance, flags and moment."""
    home, _ = made.safe(tmp_path, baseline=baseline)
    by_item, by_files = open_scene(item(home, baseline, names=names)), open_scene(home)
    for name in by_item.data_vars:
        np.testing.assert_array_equal(by_item[name], by_files[name], strict=True)
    assert by_item.attrs["baseline"] == by_files.attrs["baseline"] == baseline
    assert by_item.attrs["taken_at"][:19] == by_files.attrs["taken_at"][:19]


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize(("baseline", "seed"), [("02.14", 0), ("04.00", 1), ("05.09", 2), ("05.11", 3)])
def test_both_ways_of_loading_agree(tmp_path, monkeypatch, baseline, seed):
    """Loaded through odc-stac (which scales nothing) or read here, numbers agree to the last bit: scaled exactly once."""
    pytest.importorskip("odc.stac")
    pixels = {band: made.numbers(seed * 20 + at, 24, 0, 65_535) for at, band in enumerate(made.FINE)}
    given = item(made.safe(tmp_path, baseline=baseline, bands=pixels)[0], baseline)
    here = open_scene(given)
    monkeypatch.setattr(stac, "_REMOTE", stac.re.compile(""))
    there = open_scene(given)
    for name in here.data_vars:
        np.testing.assert_array_equal(here[name], there[name], strict=True)


def test_an_offset_taken_out_by_the_catalogue_is_not_taken_twice(tmp_path):
    """A catalogue that says it applied the offset leaves nothing to apply."""
    home, held = made.safe(tmp_path)
    scene = open_scene(item(home, applied=True, offset=0.0))
    np.testing.assert_allclose(scene["red"], held["B04"] / 1e4, atol=1e-7)
    assert scene.attrs["offset_applied"] == 0.0


@pytest.mark.parametrize(
    ("baseline", "applied", "offset"),
    [("05.09", True, -0.1), ("05.09", False, 0.0), ("05.09", None, 0.0), ("02.14", None, -0.1), ("02.14", False, -0.1)],
)
def test_a_catalogue_that_contradicts_itself_is_refused(tmp_path, baseline, applied, offset):
    """Baseline, claim and stated offset must agree; else the user decides, by name."""
    home, held = made.safe(tmp_path, baseline=baseline)
    given = item(home, baseline, applied=applied, offset=offset)
    with pytest.raises(SceneError, match=r"asset red: states offset .*by baseline .* it is .*give scales="):
        open_scene(given)
    scene = open_scene(given, scales=(0.0001, -0.1))
    np.testing.assert_allclose(scene["red"], held["B04"] / 1e4 - 0.1, atol=1e-7)
    assert scene.attrs["offset_from"] == "user"


def test_a_product_name_and_a_baseline_that_differ_are_refused(tmp_path):
    """The name of the product states a baseline too."""
    given = item(made.safe(tmp_path)[0], "02.14")
    given["properties"]["s2:product_uri"] = "S2B_MSIL2A_20230821T022549_N0509_R046_T50RNU_20230822T021825.SAFE"
    with pytest.raises(SceneError, match=r"02\.14, but the product is named 05\.09"):
        open_scene(given)


def test_without_a_baseline_nobody_knows(tmp_path):
    """The date of the item is not asked."""
    given = item(made.safe(tmp_path)[0])
    del given["properties"]["s2:processing_baseline"]
    with pytest.raises(SceneError, match="nobody knows the offset"):
        open_scene(given)


def test_an_item_in_a_file_finds_its_neighbours(tmp_path):
    """Addresses relative to the item are those of files beside it."""
    home, _ = made.safe(tmp_path)
    given = item(home)
    for asset in given["assets"].values():
        asset["href"] = asset["href"].removeprefix(f"{home}/")
    (home / "item.json").write_text(json.dumps(given))
    np.testing.assert_array_equal(open_scene(home / "item.json")["red"], open_scene(home)["red"])


@pytest.mark.parametrize(
    "given", [{}, {"assets": {}, "properties": {"platform": "landsat-8"}}, {"assets": [], "properties": {}}]
)
def test_what_is_no_item_is_refused(given):
    """Neither a mapping of anything nor an item of another mission."""
    with pytest.raises(SceneError, match=r"is no STAC item|only items of Sentinel-2"):
        open_scene(given)


def test_an_item_cannot_make_the_reader_open_anything(tmp_path):
    """An address that is a virtual raster or no raster is refused by the door every file goes through."""
    given = item(made.safe(tmp_path)[0])
    (tmp_path / "a.tif").write_text("<VRTDataset rasterXSize='1' rasterYSize='1'/>")
    for href in (str(tmp_path / "a.tif"), "/vsicurl/http://127.0.0.1/a.tif", "GTIFF_DIR:1:a.tif", ""):
        given["assets"]["red"]["href"] = href
        with pytest.raises(ReadError):
            open_scene(given)
