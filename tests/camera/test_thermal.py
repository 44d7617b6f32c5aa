"""Thermal frames give contrasts, both signs, and degrees only where a file says so."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from outfall.camera import find_anomalies, make_thumbnail, read_thermal
from outfall.camera.thermal import Thermal
from outfall.errors import OutfallError, ReadError


def _frame(seed=1001, size=(100, 80), spread=5.0):
    return np.random.default_rng(seed).normal(3000, spread, size[::-1]).astype("float32")


def _write(file, plane, size=(200, 160)):
    """Write a R-JPEG: a picture of any size with the plane in blocks of at most 64 KiB."""
    held = io.BytesIO()
    Image.new("L", size, 90).save(held, format="JPEG")
    picture, raw = held.getvalue(), np.asarray(plane, dtype="<u2").tobytes()
    parts = [raw[at : at + 65_000] for at in range(0, len(raw), 65_000)]
    blocks = b"".join(b"\xff\xe3" + struct.pack(">H", len(part) + 2) + part for part in parts)
    file.write_bytes(picture[:2] + blocks + picture[2:])
    return file


def _tiff(file, values, *, unit=None, words=None):
    profile = {"driver": "GTiff", "width": values.shape[1], "height": values.shape[0], "count": 1, "crs": "EPSG:4326"}
    transform = rasterio.Affine(1e-5, 0, 114, 0, -1e-5, 30)
    with rasterio.open(file, "w", dtype=values.dtype, transform=transform, **profile) as out:
        out.write(values, 1)
        if unit:
            out.set_band_unit(1, unit)
        if words:
            out.update_tags(TIFFTAG_IMAGEDESCRIPTION=words)
    return file


def test_the_raw_plane_is_read_whole(tmp_path):
    """Every count comes back, over several blocks, whatever the size of the picture."""
    plane = np.random.default_rng(1).integers(0, 65_535, (512, 640))
    frame = read_thermal(_write(tmp_path / "a_R.JPG", plane, (1280, 1024)))
    assert (frame.values == plane).all()
    assert (frame.unit, frame.size_px) == ("count", (1280, 1024))


@pytest.mark.parametrize("sign", [1, -1])
def test_a_planted_place_is_found_with_its_sign(sign):
    """A warm and a cold place are found where they were planted, once, and nothing else in the noise."""
    frame = _frame()
    frame[30:36, 60:66] += sign * 60
    found = find_anomalies(Thermal(frame, "count", (200, 160)))
    assert found["is_warm"].tolist() == [sign > 0]
    assert (found["col_px"].iloc[0], found["row_px"].iloc[0]) == pytest.approx((126, 66), abs=2)
    assert np.sign(found["thermal_z"].iloc[0]) == sign
    assert found["difference_k"].isna().all()


@pytest.mark.parametrize(("gain", "offset"), [(1.0, 0.0), (4.0, -9000.0)])
def test_the_contrast_does_not_depend_on_the_counts_of_a_model(gain, offset):
    """Another scale of counts gives the same z."""
    frame = _frame()
    frame[30:36, 60:66] += 60
    one = find_anomalies(Thermal(frame, "count", (100, 80)))["thermal_z"]
    other = find_anomalies(Thermal(np.float32(frame * gain + offset), "count", (100, 80)))["thermal_z"]
    assert other.tolist() == pytest.approx(one.tolist(), rel=0.01)


def test_noise_and_a_slope_are_no_anomaly():
    """Thirty frames of noise, smooth warming and a warm half give no place."""
    slope = np.linspace(0, 300, 100, dtype="float32")
    frames = [_frame(1000 + number) + slope * (number % 2) for number in range(30)]
    assert sum(len(find_anomalies(Thermal(frame, "count", (100, 80)))) for frame in frames) == 0
    half = _frame() + np.where(np.arange(100) < 50, 0, 400).astype("float32")
    assert len(find_anomalies(Thermal(half, "count", (100, 80)))) == 0


@pytest.mark.parametrize(
    ("unit", "words", "shift", "expected"),
    [
        ("K", None, 273.15, "degC"),
        ("°C", None, 0.0, "degC"),
        (None, "Temperature in degrees Celsius", 0.0, "degC"),
        (None, None, 0.0, "count"),
        (None, "DN, 14 bit", 0.0, "count"),
        ("K", None, 9000.0, "count"),
    ],
)
def test_degrees_only_where_a_file_says_so(tmp_path, unit, words, shift, expected):
    """A unit makes degrees; without one, or where the degrees would be absurd, the same numbers are counts."""
    values = (np.random.default_rng(2).normal(18, 0.2, (60, 80)) + shift).astype("float32")
    values[20:25, 30:35] += 5
    frame = read_thermal(_tiff(tmp_path / "t.tif", values, unit=unit, words=words))
    assert frame.unit == expected
    found = find_anomalies(frame)
    assert len(found) == 1
    difference = found["difference_k"].iloc[0]
    assert difference == pytest.approx(5, abs=0.3) if expected == "degC" else np.isnan(difference)


def test_what_is_no_frame_is_refused(tmp_path):
    """A palette picture, an erased and a cut plane, a colour TIFF and text are named with their reason."""
    Image.new("RGB", (64, 48)).save(tmp_path / "palette.jpg")
    Image.new("RGB", (64, 48)).save(tmp_path / "colour.tif")
    _write(tmp_path / "erased.jpg", np.zeros((48, 60)))
    _write(tmp_path / "odd.jpg", np.arange(48 * 61))
    (tmp_path / "text.jpg").write_text("12.5", encoding="utf-8")
    for name, word in (
        ("palette.jpg", "palette"),
        ("colour.tif", "is a picture"),
        ("erased.jpg", "erased"),
        ("odd.jpg", "does not fit"),
        ("text.jpg", "neither"),
        ("none.jpg", "no such"),
    ):
        with pytest.raises(ReadError, match=word):
            read_thermal(tmp_path / name)


@settings(max_examples=120, deadline=None)
@given(
    changes=st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 255)), min_size=1, max_size=10),
    cut=st.integers(0, 3),
)
def test_no_damage_raises_anything_else(tmp_path_factory, changes, cut):
    """Whatever bytes of a frame are changed or lost, it is read or refused by us."""
    folder = tmp_path_factory.mktemp("thermal")
    raw = bytearray(_write(folder / "a.jpg", _frame(size=(60, 48)), (60, 48)).read_bytes())
    for at, value in changes:
        raw[at % min(len(raw), 400 if at % 2 else len(raw))] = value
    (folder / "a.jpg").write_bytes(raw[: len(raw) // (cut or 1)])
    try:
        find_anomalies(read_thermal(folder / "a.jpg"))
    except OutfallError as error:
        assert "a.jpg" in str(error)  # noqa: PT017 - both outcomes are right


def test_a_thumbnail_is_small_and_carries_no_metadata(take, tmp_path):
    """A photo becomes a JPEG of the asked size without its position."""
    small = make_thumbnail(take(tmp_path / "a.jpg"), tmp_path / "small.jpg", edge_px=36)
    with Image.open(small) as image:
        assert max(image.size) == 36
        assert not dict(image.getexif())
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.jpg", "small.jpg"]


def _png(file, width, height):
    import zlib

    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(b"\x00" * 10_000_000, 9)
    file.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b""))
    return file


@pytest.mark.parametrize(("size", "word"), [(60_000, "million"), (12_000, "million"), (9_900, "no thumbnail")])
def test_a_bomb_is_refused_by_its_header_or_by_the_child(tmp_path, size, word):
    """Claims above the cap are never decoded; below it the child's memory ends what it would take."""
    bomb = _png(tmp_path / "bomb.png", size, size)
    with pytest.raises(ReadError, match=word):
        make_thumbnail(bomb, tmp_path / "small.jpg", memory_mb=256)
    assert not (tmp_path / "small.jpg").exists()
