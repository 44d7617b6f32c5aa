"""Every photo of a folder becomes a row or a named issue."""

from __future__ import annotations

import hashlib
import tracemalloc

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from outfall.camera import look_at, read_photos
from outfall.camera.exif import NotAPhotoError, read_shot
from outfall.camera.packet import read_packet
from outfall.errors import ReadError, TableError
from outfall.tables import check, list_issues

_DJI = {
    "AbsoluteAltitude": "+186.57",
    "RelativeAltitude": "+99.96",
    "GimbalYawDegree": "+92.90",
    "GimbalPitchDegree": "-60.00",
    "RtkFlag": "50",
    "RtkStdLon": "0.0300",
    "RtkStdLat": "0.0400",
}

_PIECES = [
    b"\xff\xff\xff\xff", b"\x00\x00\x00\x00", b"\xff\xd9", b"\xff\xe1\xff\xff", b"nan", b"-1e999", b'"/>', b"&a;",
    b"II*\x00", b"\x7f\xff\xff\xff", b"<x:xmpmeta", b"</rdf:RDF>",
]  # fmt: skip


def _reasons(photos):
    return {issue["row_ids"]: issue["reason"] for issue in photos.attrs.get("issues", [])}


@pytest.mark.parametrize("form", ["attributes", "elements"])
def test_both_forms_of_xmp_say_the_same(take, tmp_path, form):
    """The attribute and the element form of a packet give the same row."""
    take(tmp_path / "a.jpg", fields=_DJI, form=form)
    row = read_photos(tmp_path, tz="Asia/Shanghai").iloc[0]
    assert (row["relative_altitude_m"], row["altitude_m"], row["yaw_deg"], row["pitch_deg"]) == (
        99.96,
        186.57,
        92.9,
        -60,
    )
    assert row["rtk_flag"] == 50
    assert row["sigma_m"] == pytest.approx(np.hypot(0.03, 0.04) / np.sqrt(2))


def test_a_photo_is_named_by_its_content(take, tmp_path):
    """The id of a photo is the SHA-256 of its file, wherever the file lies."""
    file = take(tmp_path / "中文 目录" / "照片.JPG")
    photos = read_photos(tmp_path, tz="Asia/Shanghai")
    assert photos["photo_id"].tolist() == [hashlib.sha256(file.read_bytes()).hexdigest()]
    assert photos["file"].tolist() == ["中文 目录/照片.JPG"]
    check(photos, "photos")


@pytest.mark.parametrize(("lon", "lat"), [(114.3, 30.6), (-91.99, 46.84), (120.95, -24.68)])
def test_position_survives_the_round_trip(take, tmp_path, lon, lat):
    """A position written as degrees, minutes and seconds is read back to a millimetre, in every hemisphere."""
    take(tmp_path / "a.jpg", lon=lon, lat=lat)
    point = read_photos(tmp_path, tz="UTC").geometry.iloc[0]
    assert (point.x, point.y) == pytest.approx((lon, lat), abs=1e-8)


@pytest.mark.parametrize(
    ("tz", "offset", "expected"),
    [
        ("Asia/Shanghai", None, "2026-04-12 00:30:00+00:00"),
        (None, "+09:00", "2026-04-11 23:30:00+00:00"),
        ("UTC", "-05:00", "2026-04-12 13:30:00+00:00"),
    ],
)
def test_time_is_utc_by_the_zone_that_is_known(take, tmp_path, tz, offset, expected):
    """The zone in the photo wins over the one the caller gives."""
    take(tmp_path / "a.jpg", offset=offset)
    assert str(read_photos(tmp_path, tz=tz)["taken_at"].iloc[0]) == expected


def test_a_clock_without_zone_is_not_guessed(take, tmp_path):
    """Without any zone the photo is kept, its time is missing and the issue says how to mend it."""
    take(tmp_path / "a.jpg")
    photos = read_photos(tmp_path)
    assert photos["taken_at"].isna().all()
    assert "tz='Asia/Shanghai'" in _reasons(photos)["a.jpg"]


@pytest.mark.parametrize(("flag", "sigma_m"), [(None, 5.0), ("0", 5.0), ("16", 3.0), ("34", 0.5), ("50", 0.05)])
def test_sigma_follows_the_rtk_state(take, tmp_path, flag, sigma_m):
    """Only a fixed solution earns centimetres."""
    take(tmp_path / "a.jpg", fields={} if flag is None else {"RtkFlag": flag})
    assert read_photos(tmp_path, tz="UTC")["sigma_m"].iloc[0] == sigma_m


@pytest.mark.parametrize(("lon", "lat"), [(0.0, 0.0), (None, None), (200.0, 30.0)])
def test_an_impossible_position_is_no_position(take, tmp_path, lon, lat):
    """Null island, no GPS and out of range give a row without geometry and an issue."""
    take(tmp_path / "a.jpg", lon=lon, lat=lat)
    photos = read_photos(tmp_path, tz="UTC")
    assert photos.geometry.isna().all()
    assert photos["sigma_m"].isna().all()
    assert "position" in _reasons(photos)["a.jpg"]


def test_bad_files_are_named_and_stop_nothing(take, tmp_path):
    """Empty, cut, huge, foreign and lying files are issues; the good photo is still read."""
    good = take(tmp_path / "good.jpg").read_bytes()
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "text.jpg").write_text("=cmd()|' /C calc'!A0", encoding="utf-8")
    (tmp_path / "cut.jpg").write_bytes(good[: len(good) - 60])
    (tmp_path / "phone.heic").write_bytes(b"ftypheic")
    Image.new("1", (20_000, 20_000)).save(tmp_path / "huge.tif", compression="group4")
    bomb = good.replace(b"\x00\x30\x00\x48\x03", b"\xff\xff\xff\xff\x03")
    assert bomb != good
    (tmp_path / "bomb.jpg").write_bytes(bomb)
    photos = read_photos(tmp_path, tz="UTC")
    assert photos["file"].tolist() == ["good.jpg"]
    reasons = _reasons(photos)
    assert set(reasons) == {"empty.jpg", "text.jpg", "cut.jpg", "phone.heic", "huge.tif", "bomb.jpg"}
    assert "million" in reasons["huge.tif"]
    assert "million" in reasons["bomb.jpg"]
    assert len(list_issues(photos)) == 6


def test_the_same_photo_twice_is_one_photo(take, tmp_path):
    """A copy under another name is one row, and said."""
    (tmp_path / "b.jpg").write_bytes(take(tmp_path / "a.jpg").read_bytes())
    photos = read_photos(tmp_path, tz="UTC")
    assert photos["file"].tolist() == ["a.jpg"]
    assert "same file as a.jpg" in _reasons(photos)["b.jpg"]


def test_photos_with_issues_can_be_joined(take, tmp_path):
    """Two folders with issues join into one table as any two tables do."""
    for name in ("one", "two"):
        take(tmp_path / name / "a.jpg", seed=ord(name[0]))
        (tmp_path / name / f"{name}.jpg").write_bytes(b"")
    both = pd.concat([read_photos(tmp_path / name, tz="UTC") for name in ("one", "two")])
    assert isinstance(both, gpd.GeoDataFrame)
    assert len(both) == 2


def test_a_missing_folder_is_refused(tmp_path):
    """A folder that is not there is an error, not an empty table."""
    with pytest.raises(ReadError, match="no such folder"):
        read_photos(tmp_path / "none")


def test_an_unknown_zone_is_refused(tmp_path):
    """A zone nobody knows is refused before any photo is read."""
    with pytest.raises(TableError, match="Asia/Shanghai"):
        read_photos(tmp_path, tz="Peking/Mars")


def test_an_entity_in_xmp_is_refused():
    """A packet that declares entities is not expanded."""
    inside = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><!DOCTYPE a [<!ENTITY b "c">]>&b;</x:xmpmeta>'
    with pytest.raises(ValueError, match=r"damaged|Entit"):
        read_packet(inside)


@pytest.mark.parametrize("ending", ["jpg", "tif"])
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changes=st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 255)), max_size=12),
    pieces=st.lists(st.tuples(st.integers(0, 10**9), st.sampled_from(_PIECES)), max_size=3),
    keep=st.floats(0.02, 1.0),
)
def test_no_damage_raises_anything_else(take, tmp_path, ending, changes, pieces, keep):
    """Whatever bytes of a photo are changed, put over or lost, it is a row, an issue or both; never another error."""
    folder = tmp_path / ending
    raw = bytearray(take(folder / f"a.{ending}", fields=_DJI).read_bytes())
    for at, value in changes:
        raw[at % len(raw)] = value
    for at, piece in pieces:
        start = at % len(raw)
        raw[start : start + len(piece)] = piece
    (folder / f"a.{ending}").write_bytes(bytes(raw[: max(1, int(len(raw) * keep))]))
    photos = read_photos(folder, tz="UTC")
    check(photos, "photos")
    assert len(photos) + len(photos.attrs.get("issues", [])) >= 1
    look_at(photos)


_WORDS = ["nan", "inf", "-1e308", "1e999", "", "Undefined", "0x41", "１２", "9" * 400, "1/0", "%s"]


@pytest.mark.parametrize("name", ["RelativeAltitude", "AbsoluteAltitude", "GimbalYawDegree", "RtkFlag", "RtkStdLon", "RtkStdHgt",
                                  "GpsLatitude", "CalibratedFocalLength", "DewarpData", "UTCAtExposure"])  # fmt: skip
def test_no_word_in_a_packet_raises_anything_else(take, tmp_path, name):
    """Any text where a number is expected leaves a photo with a position and a sigma that are numbers."""
    for number, word in enumerate(_WORDS):
        fields = {**_DJI, "CalibratedOpticalCenterX": "36", name: word}
        take(tmp_path / f"{number}.jpg", fields=fields, seed=number)
    photos = read_photos(tmp_path, tz="UTC")
    check(photos, "photos")
    assert len(photos) == len(_WORDS)
    assert np.isfinite([photos.geometry.x, photos.geometry.y, photos["sigma_m"]]).all()


@pytest.mark.parametrize("bad", [IFDRational(0, 0), IFDRational(1, 0)])
def test_a_rational_that_is_no_number_is_no_position(take, tmp_path, bad):
    """A latitude of 0/0 is neither zero nor an error."""
    file = take(tmp_path / "a.jpg")
    with Image.open(file) as image:
        exif = image.getexif()
        exif.get_ifd(0x8825)[2] = (bad, IFDRational(1), IFDRational(1))
        exif.get_ifd(0x8825)[6] = bad
        image.save(file, exif=exif)
    photos = read_photos(tmp_path, tz="UTC")
    assert photos.geometry.isna().all()
    assert len(photos.attrs["issues"]) == 1


def test_memory_does_not_grow_with_what_is_in_the_files(take, tmp_path):
    """Forty files of a megabyte each are read in the memory of a few."""
    raw = take(tmp_path / "a.jpg").read_bytes()
    for number in range(40):
        (tmp_path / f"{number}.jpg").write_bytes(raw + bytes([number]) * 1_000_000)
    steps = []
    tracemalloc.start()
    try:
        assert len(read_photos(tmp_path, tz="UTC", progress=lambda *step: steps.append(step))) == 41
        assert tracemalloc.get_traced_memory()[1] < 8_000_000
    finally:
        tracemalloc.stop()
    assert steps[-1] == ("photos", 41, 41)
    assert [done for _, done, _ in steps] == list(range(1, 42))


def test_text_is_no_photo():
    """The reason is a sentence for the person who has the file."""
    with pytest.raises(NotAPhotoError, match="not a JPEG or TIFF"):
        read_shot(b"hello")
