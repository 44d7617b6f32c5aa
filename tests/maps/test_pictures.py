"""Photos become thumbnails and rasters become pictures in the right place."""

from __future__ import annotations

import hashlib
import io

import numpy as np
import pytest
import rasterio
from PIL import Image
from pyproj import Transformer
from rasterio import Affine

from outfall.errors import MapError
from outfall.maps.photos import find_photos, make_thumbnails
from outfall.maps.raster import read_picture


def test_photos_are_found_by_name_path_or_hash(tmp_path):
    """A photo is found by its name, its stem, a Windows path below the folder, or the hash of its file."""
    file = tmp_path / "sub" / "A 1.JPG"
    file.parent.mkdir()
    Image.new("RGB", (8, 8)).save(file)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    asked = ["A 1.JPG", "a 1", "SUB\\A 1.jpg", digest, digest[:12], "B.jpg", "", "../A 1.JPG"]
    assert list(find_photos(asked, tmp_path)) == asked[:5]
    assert find_photos(asked, [tmp_path / "none"]) == {}


def test_thumbnails_are_small_and_upright(tmp_path):
    """A photo taken sideways becomes an upright WebP of at most 320 pixels."""
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (1600, 800)).save(tmp_path / "a.jpg", exif=exif)
    small = make_thumbnails({"a": tmp_path / "a.jpg"})["a"]
    assert (small.width_px, small.height_px) == (160, 320)
    assert Image.open(io.BytesIO(small.image)).format == "WEBP"


@pytest.mark.parametrize("content", [b"", b"not a picture", b"\xff\xd8\xff\xe0 broken"])
def test_a_damaged_photo_is_left_out(tmp_path, content):
    """A file that is no picture gives no thumbnail and no error."""
    (tmp_path / "a.jpg").write_bytes(content)
    assert make_thumbnails({"a": tmp_path / "a.jpg"}) == {}


def test_an_absurdly_large_photo_is_left_out(tmp_path, monkeypatch):
    """A picture that would fill the memory gives no thumbnail."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    Image.new("RGB", (64, 64)).save(tmp_path / "a.png")
    assert make_thumbnails({"a": tmp_path / "a.png"}) == {}


def _raster(path, bands, **options):
    profile = {
        "driver": "GTiff",
        "dtype": "uint16",
        "count": len(bands),
        "height": bands.shape[1],
        "width": bands.shape[2],
    }
    with rasterio.open(path, "w", **profile, **options) as file:
        file.write(bands)


def test_a_raster_lies_where_it_is(tmp_path):
    """A picture's corners agree with the raster's to a thousandth of a degree, and outside it is clear."""
    rng = np.random.default_rng(0)
    bands = rng.integers(100, 3000, (4, 300, 400)).astype("uint16")
    _raster(tmp_path / "s.tif", bands, crs="EPSG:32651", transform=Affine(10, 0, 300_000, 0, -10, 3_400_000))
    layer = read_picture(tmp_path / "s.tif")
    turn = Transformer.from_crs(32651, 4326, always_xy=True)
    east, north = turn.transform([300_000, 304_000, 300_000, 304_000], [3_400_000, 3_400_000, 3_397_000, 3_397_000])
    assert np.allclose(layer.bounds_deg, [min(east), min(north), max(east), max(north)], atol=2e-4)
    picture = np.asarray(Image.open(io.BytesIO(layer.image)))
    assert picture[..., 3].min() == 0
    assert picture[picture.shape[0] // 2, picture.shape[1] // 2, 3] == 255


def test_nodata_is_clear(tmp_path):
    """Where a raster has no data its picture is clear, and the stretch does not count it."""
    bands = np.full((3, 40, 40), 900, "uint16")
    bands[:, :, 20:] = np.linspace(1000, 2000, 20)
    bands[:, :20, :20] = 0
    _raster(
        tmp_path / "s.tif", bands, crs="EPSG:3857", transform=Affine(10, 0, 13_300_000, 0, -10, 3_500_000), nodata=0
    )
    layer = read_picture(tmp_path / "s.tif")
    picture = np.asarray(Image.open(io.BytesIO(layer.image)))
    assert picture[:18, :18, 3].max() == 0
    assert picture[22:, :, 3].min() == 255
    assert "900" in layer.note


def test_one_bright_pixel_does_not_darken_the_rest(tmp_path):
    """A stretch from the 2nd to the 98th percentile is not spoilt by one glint."""
    bands = np.tile(np.linspace(1000, 2000, 10_000).reshape(1, 100, 100), (3, 1, 1)).astype("uint16")
    bands[:, 50, 50] = 65_000
    _raster(tmp_path / "s.tif", bands, crs="EPSG:3857", transform=Affine(10, 0, 13_300_000, 0, -10, 3_500_000))
    picture = np.asarray(Image.open(io.BytesIO(read_picture(tmp_path / "s.tif").image)))
    assert picture[..., :3].std() > 60


def test_bands_are_found_by_name(tmp_path):
    """Red, green and blue are found by their description, wherever they stand."""
    ramp = np.linspace(0, 1000, 2500).reshape(50, 50)
    bands = np.stack([np.full((50, 50), 5), ramp[::-1], ramp.T, ramp]).astype("uint16")
    path = tmp_path / "s.tif"
    _raster(path, bands, crs="EPSG:3857", transform=Affine(10, 0, 13_300_000, 0, -10, 3_500_000))
    with rasterio.open(path, "r+") as file:
        file.descriptions = ("B8", "B2", "B3", "B4")
    picture = np.asarray(Image.open(io.BytesIO(read_picture(path).image))).astype(int)
    assert picture[-5, 5, 0] > 200
    assert picture[5, 5, 0] < 55
    assert picture[5, 5, 2] > 200
    assert picture[-5, 5, 2] < 55


def test_a_raster_without_a_crs_is_refused(tmp_path):
    """A raster that does not say where it lies is not drawn."""
    with pytest.warns(rasterio.errors.NotGeoreferencedWarning):
        _raster(tmp_path / "s.tif", np.zeros((1, 4, 4), "uint16"))
    with pytest.warns(rasterio.errors.NotGeoreferencedWarning), pytest.raises(MapError, match="CRS: missing"):
        read_picture(tmp_path / "s.tif")


def test_a_file_that_is_no_raster_is_refused(tmp_path):
    """A text file is refused by name."""
    (tmp_path / "s.tif").write_text("no")
    with pytest.raises(MapError, match=r"'s\.tif' cannot be read as a raster"):
        read_picture(tmp_path / "s.tif")
