"""Damaged products: nothing but our errors comes out, whatever was cut, flipped or swapped."""

import contextlib
import tarfile
import warnings
import zipfile

import numpy as np
import pytest

from outfall.errors import OutfallError, ReadError, UnsafeInputError
from outfall.scenes import describe_scenes, open_scene
from outfall.tables.safe import read_tarball
from tests.scenes import made_products as made
from tests.scenes.test_open_plain import netcdf
from tests.scenes.test_open_stac import item


def damaged(rng, raw):
    """Yield what may become of a file."""
    at = int(rng.integers(0, len(raw)))
    flipped = bytearray(raw)
    for place in rng.integers(0, len(raw), 8):
        flipped[place] ^= 1 << int(rng.integers(0, 8))
    yield bytes(flipped)
    yield raw[:at]
    yield raw[:at] + bytes(30) + raw[at + 30 :]
    yield raw[:at] + rng.choice([b"nan", b"-1", b"9" * 40, b"<", b"\xff"]) + raw[at + 4 :]
    yield b"garbage"


def attack(path, file, rounds, **options):
    """Open a product again and again, with one of its files damaged."""
    rng, raw, refused = np.random.default_rng(1000), file.read_bytes(), 0
    open_scene(path, **options)
    for _ in range(rounds):
        for made_of in damaged(rng, raw):
            file.write_bytes(made_of)
            with contextlib.suppress(OutfallError), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                refused += 1
                describe_scenes(path if not str(path).endswith(".json") else file.parent)
                open_scene(path, **options)
                refused -= 1
    file.write_bytes(raw)
    assert refused


@pytest.mark.parametrize("pattern", ["MTD_MSIL2A.xml", "*B04_10m.tif", "*SCL_20m.tif"])
def test_sentinel2(tmp_path, pattern):
    """Document, band and classes."""
    home, _ = made.safe(tmp_path)
    attack(home, next(home.rglob(pattern)), 4)


@pytest.mark.parametrize("pattern", ["*.xml", "*.rpb", "*.tiff"])
def test_cresda(tmp_path, pattern):
    """Document, polynomials and image."""
    home, _ = made.cresda(tmp_path, "GF1", "WFV1", size=12)
    attack(home, next(home.glob(pattern)), 4, quantity="dn", dem=0.0, window=None)


@pytest.mark.parametrize("kind", ["zip", "tar", "nc", "json"])
def test_packed_and_other(tmp_path, kind):
    """Archives, NetCDF and items."""
    if kind == "zip":
        file = made.zipped(made.safe(tmp_path)[0], tmp_path / "scene.zip")
        attack(file, file, 3)
    elif kind == "tar":
        home = made.cresda(tmp_path, "GF1", "WFV1", size=12)[0]
        file = made.tarred(home, tmp_path / f"{home.name}.tar.gz")
        attack(file, file, 3, quantity="dn", dem=0.0)
    elif kind == "nc":
        file = netcdf(tmp_path / "a.nc", crs="EPSG:32650")
        attack(file, file, 5, roles={"red": "Rrs_665"}, quantity="Rrs")
    else:
        import json

        file = tmp_path / "item.json"
        file.write_text(json.dumps(item(made.safe(tmp_path)[0])))
        attack(file, file, 5)


def test_links_and_ways_out_of_a_tar_are_not_followed(tmp_path):
    """A link to another file, a name above its folder: listed as unsafe, never read."""
    secret = tmp_path / "secret.xml"
    secret.write_text("<a/>")
    home = made.cresda(tmp_path, "GF1", "WFV1")[0]
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for file in home.iterdir():
            archive.add(file, file.name)
        link = tarfile.TarInfo("link.xml")
        link.type, link.linkname = tarfile.SYMTYPE, str(secret)
        archive.addfile(link)
        archive.add(secret, "../secret.xml")
    tar = read_tarball(tmp_path / "a.tar")
    assert set(tar.unsafe) == {"link.xml", "../secret.xml"}
    assert not {"link.xml", "../secret.xml"} & {*tar.sizes, *tar.texts}
    assert open_scene(tmp_path / "a.tar", quantity="dn", dem=0.0).attrs["product"] == "cresda"


def test_a_virtual_raster_in_an_archive_is_refused(tmp_path):
    """Inside a zip as outside: first bytes choose the driver, and no driver follows other files."""
    home, _ = made.safe(tmp_path)
    next(home.rglob("*B04_10m.tif")).write_text("<VRTDataset rasterXSize='1' rasterYSize='1'/>")
    with pytest.raises(ReadError, match=r"B04_10m\.tif: cannot be read as a raster"):
        open_scene(made.zipped(home, tmp_path / "a.zip"))


def test_a_bomb_is_refused(tmp_path):
    """A zip that unpacks to two hundred times its size is not opened."""
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("B04.tif", bytes(100_000_000))
    with pytest.raises(UnsafeInputError, match="refused as unsafe"):
        open_scene(tmp_path / "a.zip")
