"""What a photo says is the same in whatever form, byte order and packet it was written."""

from __future__ import annotations

import struct

import pytest
from PIL import Image

from outfall.camera import read_photos
from outfall.camera.packet import read_packet
from outfall.camera.trust import Doubts
from tests.photos import degrees, packet

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_DJI = {"RelativeAltitude": "+99.96", "GimbalYawDegree": "+92.90", "GimbalPitchDegree": "-60.00", "RtkFlag": "50"}
_XMP = b"http://ns.adobe.com/xap/1.0/\x00"
_MORE = b"http://ns.adobe.com/xmp/extension/\x00"


def _maker(prefix, space, inside):
    text = (
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{_RDF}"><rdf:Description xmlns:{prefix}="{space}"'
        f"{inside}</rdf:RDF></x:xmpmeta>"
    )
    return text.encode()


def _segment(body):
    return b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body


def _reasons(photos):
    return {issue["row_ids"]: issue["reason"] for issue in photos.attrs.get("issues", [])}


@pytest.mark.parametrize(
    ("maker", "raw", "expected"),
    [
        (
            "Autel",
            _maker("drone", "http://drone/1.0/", ' drone:GimbalPitchDegree="-45" drone:GimbalYawDegree="10"/>'),
            (-45, 10),
        ),
        (
            "old Autel",
            _maker("Camera", "http://pix4d.com/camera/1.0", ' Camera:Pitch="45" Camera:Yaw="10" Camera:Roll="1"/>'),
            (-45, 10),
        ),
        (
            "Parrot",
            _maker(
                "drone-parrot",
                "http://www.parrot.com/drone-parrot/1.0/",
                "><drone-parrot:CameraPitchDegree>-45.0</drone-parrot:CameraPitchDegree>"
                "<drone-parrot:CameraYawDegree>10.0</drone-parrot:CameraYawDegree></rdf:Description>",
            ),
            (-45, 10),
        ),
        (
            "senseFly",
            _maker(
                "Camera",
                "http://ns.sensefly.com/Camera/1.0/",
                "><Camera:Yaw>10/1</Camera:Yaw><Camera:Pitch>4500/100</Camera:Pitch></rdf:Description>",
            ),
            (-45, 10),
        ),
        (
            "Skydio",
            _maker(
                "drone-skydio",
                "https://www.skydio.com/drone-skydio/1.0/",
                '><drone-skydio:CameraOrientationFLU drone-skydio:Yaw="77" drone-skydio:Pitch="7"/>'
                '<drone-skydio:CameraOrientationNED rdf:parseType="Resource"><drone-skydio:Pitch>-45</drone-skydio:Pitch>'
                "<drone-skydio:Yaw>10</drone-skydio:Yaw></drone-skydio:CameraOrientationNED></rdf:Description>",
            ),
            (-45, 10),
        ),
    ],
)
def test_every_maker_says_where_it_looks(take, tmp_path, maker, raw, expected):
    """Each maker's own names and conventions become one pitch and one yaw."""
    file = take(tmp_path / f"{maker}.jpg")
    whole = file.read_bytes()
    file.write_bytes(whole[:2] + _segment(_XMP + raw) + whole[2:])
    row = read_photos(tmp_path, tz="UTC").iloc[0]
    assert (row["pitch_deg"], row["yaw_deg"]) == expected


def test_the_yaw_of_another_vocabulary_is_not_the_cameras():
    """A tag called Pitch of a name space that is no camera's says nothing."""
    assert (
        read_packet(_maker("crs", "http://ns.adobe.com/camera-raw-settings/1.0/", ' crs:Pitch="5" crs:Yaw="6"/>')) == {}
    )


def test_several_and_extended_packets_are_joined(take, tmp_path):
    """A second packet and an extended one in two parts, out of order, add what the first does not say."""
    file = take(tmp_path / "a.jpg", fields={"RtkFlag": "50"})
    whole, guid = file.read_bytes(), b"0" * 32
    extended = packet({"GimbalYawDegree": "15", "RtkFlag": "0"}, form="elements")
    parts = [(0, extended[:100]), (100, extended[100:])]
    extra = b"".join(
        _segment(_MORE + guid + struct.pack(">II", len(extended), at) + part) for at, part in reversed(parts)
    )
    second = _segment(_XMP + packet({"GimbalPitchDegree": "-30"}))
    end = whole.index(b"\xff\xdb")
    file.write_bytes(whole[:end] + second + extra + whole[end:])
    row = read_photos(tmp_path, tz="UTC").iloc[0]
    assert (row["rtk_flag"], row["pitch_deg"], row["yaw_deg"]) == (50, -30, 15)


@pytest.mark.parametrize("order", ["II", "MM"])
def test_both_byte_orders_say_the_same(tmp_path, order):
    """A TIFF of either byte order gives the position to a millimetre."""
    exif = Image.Exif()
    gps = exif.get_ifd(0x8825)
    gps[1], gps[2], gps[3], gps[4] = "N", degrees(30.6), "E", degrees(114.3)
    exif.endian = "<" if order == "II" else ">"
    Image.new("RGB", (40, 30)).save(tmp_path / "a.jpg", exif=exif.tobytes())
    raw = (tmp_path / "a.jpg").read_bytes()
    assert b"Exif\x00\x00" + order.encode() in raw
    point = read_photos(tmp_path, tz="UTC").geometry.iloc[0]
    assert (point.x, point.y) == pytest.approx((114.3, 30.6), abs=1e-8)


def test_a_stripped_photo_keeps_what_is_left(take, tmp_path):
    """Without XMP there is a position and a time, and no direction."""
    take(tmp_path / "a.jpg")
    row = read_photos(tmp_path, tz="UTC").iloc[0]
    assert row.geometry is not None
    assert row[["pitch_deg", "yaw_deg", "relative_altitude_m"]].isna().all()


def test_a_damaged_packet_costs_only_the_packet(take, tmp_path):
    """A photo whose XMP is cut keeps its EXIF, and the damage is said."""
    file = take(tmp_path / "a.jpg", fields=_DJI)
    file.write_bytes(file.read_bytes().replace(b"</rdf:RDF>", b"</rdf:RDX>"))
    photos = read_photos(tmp_path, tz="UTC")
    assert photos.geometry.notna().all()
    assert "damaged" in _reasons(photos)["a.jpg"]


@pytest.mark.parametrize(
    "trap",
    [
        b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/hostname">]>',
        b'<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>',
    ],
)
def test_a_packet_with_entities_says_nothing(take, tmp_path, trap):
    """External and growing entities are neither read nor grown: the photo keeps its EXIF, and is named."""
    file = take(tmp_path / "a.jpg")
    whole = file.read_bytes()
    raw = trap + packet({**_DJI, "Camera": "&b;"}, form="elements")
    file.write_bytes(whole[:2] + _segment(_XMP + raw) + whole[2:])
    photos = read_photos(tmp_path, tz="UTC")
    assert photos["pitch_deg"].isna().all()
    assert photos.geometry.notna().all()
    assert "damaged" in _reasons(photos)["a.jpg"]


def test_a_packet_of_ten_megabytes_is_not_parsed(take, tmp_path):
    """A packet grown over many blocks is refused by its size."""
    file = take(tmp_path / "a.jpg")
    whole, block = file.read_bytes(), _segment(_XMP + b"<!--" + b"a" * 60_000 + b"-->")
    file.write_bytes(whole[:2] + _segment(_XMP + packet(_DJI)) + block * 170 + whole[2:])
    photos = read_photos(tmp_path, tz="UTC")
    assert photos["pitch_deg"].isna().all()
    assert "10 MB" in _reasons(photos)["a.jpg"]


@pytest.mark.parametrize(
    ("column", "value", "word"),
    [
        ("AbsoluteAltitude", "+99999", "altitude_m"),
        ("RelativeAltitude", "-40000", "relative_altitude_m"),
        ("GimbalPitchDegree", "500", "pitch_deg"),
    ],
)
def test_an_absurd_number_is_left_out_and_said(take, tmp_path, column, value, word):
    """A height in space and an impossible angle are missing in the table and named in the issues."""
    take(tmp_path / "a.jpg", fields={**_DJI, column: value})
    photos = read_photos(tmp_path, tz="UTC")
    assert photos[word].isna().all()
    assert word in _reasons(photos)["a.jpg"]


@pytest.mark.parametrize("year", ["1970", "1980", "2038"])
def test_a_clock_that_was_never_set_gives_no_time(take, tmp_path, year):
    """The ends of clock counters are not times."""
    take(tmp_path / "a.jpg", taken=f"{year}:01:01 00:00:00")
    photos = read_photos(tmp_path, tz="UTC")
    assert photos["taken_at"].isna().all()
    assert "not set" in _reasons(photos)["a.jpg"]


def _rewrite(file, change):
    with Image.open(file) as image:
        exif = image.getexif()
        change(exif.get_ifd(0x8825))
        image.save(file, exif=exif)


def test_a_latitude_without_its_hemisphere_is_no_place(take, tmp_path):
    """Without N, S, E and W the position is not guessed."""
    file = take(tmp_path / "a.jpg")
    _rewrite(file, lambda gps: [gps.pop(tag) for tag in (1, 3)])
    photos = read_photos(tmp_path, tz="UTC")
    assert photos.geometry.isna().all()
    assert "hemisphere" in _reasons(photos)["a.jpg"]


def test_a_stray_among_the_others_is_no_place(take, tmp_path):
    """One photo with lon and lat exchanged, possible on the earth, is told from the rest of the flight."""
    for number in range(4):
        take(tmp_path / f"{number}.jpg", lon=35.1 + number / 1000, lat=31.9, seed=number)
    take(tmp_path / "turned.jpg", lon=31.9, lat=35.1, seed=9)
    photos = read_photos(tmp_path, tz="UTC").set_index("file")
    assert photos.geometry.isna().to_dict() == {
        "0.jpg": False,
        "1.jpg": False,
        "2.jpg": False,
        "3.jpg": False,
        "turned.jpg": True,
    }
    assert "swapped" in _reasons(photos)["turned.jpg"]


def test_exif_and_xmp_that_disagree_are_as_unsure_as_that(take, tmp_path):
    """A position moved in one of the two places is kept with the distance as its sigma."""
    take(tmp_path / "a.jpg", lon=114.3, lat=30.6, fields={**_DJI, "GpsLatitude": "30.61", "GpsLongtitude": "114.3"})
    photos = read_photos(tmp_path, tz="UTC")
    assert photos["sigma_m"].iloc[0] == pytest.approx(1108, abs=3)


def test_the_cameras_clock_is_compared_with_the_satellites(take, tmp_path):
    """Ninety seconds ahead are said, and gone when they are given back."""
    for number in range(3):
        file = take(tmp_path / f"{number}.jpg", taken="2026:04:12 08:31:30", seed=number)
        _rewrite(file, lambda gps: gps.update({7: (8.0, 30.0, 0.0), 29: "2026:04:12"}))
    photos = read_photos(tmp_path, tz="UTC")
    assert str(photos["taken_at"].iloc[0]) == "2026-04-12 08:31:30+00:00"
    assert "clock_offset_s=90.0" in _reasons(photos)["clock"]
    mended = read_photos(tmp_path, tz="UTC", clock_offset_s=90.0)
    assert str(mended["taken_at"].iloc[0]) == "2026-04-12 08:30:00+00:00"
    assert "issues" not in mended.attrs


def test_a_lying_name_is_said(take, tmp_path):
    """A JPEG called TIFF is read as what it is; a PNG called JPEG is left out as what it is."""
    file = take(tmp_path / "a.jpg")
    file.rename(tmp_path / "a.tif")
    Image.new("RGB", (9, 9)).save(tmp_path / "b.jpg", format="PNG")
    photos = read_photos(tmp_path, tz="UTC")
    assert photos["file"].tolist() == ["a.tif"]
    assert "content is JPEG" in _reasons(photos)["a.tif"]
    assert "PNG" in _reasons(photos)["b.jpg"]


def test_only_a_fixed_solution_earns_centimetres(take, tmp_path):
    """A float solution that claims a centimetre gets our default instead."""
    for flag in ("34", "50"):
        take(tmp_path / f"{flag}.jpg", fields={**_DJI, "RtkFlag": flag, "RtkStdLon": "0.03", "RtkStdLat": "0.03"})
    assert read_photos(tmp_path, tz="UTC")["sigma_m"].tolist() == [0.5, pytest.approx(0.03)]


def test_the_same_doubt_about_many_photos_is_one_issue():
    """Twenty-one photos without a position are one line that names them all."""
    doubts = Doubts()
    for number in range(21):
        doubts.add(f"{number}.jpg", "no_geometry", ("it carries no position", "没有定位"), "kept")
    issues = doubts.issues()
    assert len(issues) == 1
    assert str(issues[0]["row_ids"]).count(".jpg") == 21
