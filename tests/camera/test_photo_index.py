"""An index of photos: the same rows as reading them, nothing read twice, and no more memory for more photos."""

from __future__ import annotations

import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from outfall.camera import index_photos, look_at, read_photo_index, read_photos
from outfall.errors import ReadError, TableError
from outfall.tables import check, list_issues

_DJI = {"RelativeAltitude": "+100", "GimbalYawDegree": "90", "GimbalPitchDegree": "-60", "RtkFlag": "50"}
_SAME = [
    "file",
    "taken_at",
    "sigma_m",
    "relative_altitude_m",
    "yaw_deg",
    "pitch_deg",
    "rtk_flag",
    "width_px",
    "focal_px",
]


@pytest.fixture
def folder(take, tmp_path):
    """Return two flights of three photos, a broken one and a file that is no picture."""
    for number in range(6):
        file = tmp_path / "in" / f"1{number // 3:02d}MEDIA" / f"DJI_{number:04d}.JPG"
        take(file, lon=114.3 + number / 100, seed=number, fields=_DJI)
    whole = (tmp_path / "in" / "100MEDIA" / "DJI_0000.JPG").read_bytes()
    (tmp_path / "in" / "100MEDIA" / "DJI_0099.JPG").write_bytes(whole[:-40])
    (tmp_path / "in" / "notes.txt").write_text("a")
    return tmp_path / "in"


def test_the_index_says_what_reading_says(folder, tmp_path):
    """Every column of the photos is the same whether they are read or indexed; broken ones are named in both."""
    told = index_photos(folder, to=tmp_path / "i.csv", tz="Asia/Shanghai")
    assert told[1:] == (6, 1, 0, 7, 0)
    table, photos = read_photo_index(tmp_path / "i.csv"), read_photos(folder, tz="Asia/Shanghai")
    check(table, "photos")
    assert table[_SAME].equals(photos[_SAME])
    assert table.geometry.tolist() == photos.geometry.tolist()
    assert look_at(table).geometry.tolist() == look_at(photos).geometry.tolist()
    assert list_issues(table)["reason"].tolist() == list_issues(photos)["reason"].tolist()


def test_unchanged_files_are_not_opened_again(folder, tmp_path, monkeypatch):
    """The second time no photo is opened; a touched one is opened and known by its head; a new one is read."""
    target = tmp_path / "i.csv"
    index_photos(folder, to=target)
    first = target.read_bytes()
    opened = []
    own = Path.open
    monkeypatch.setattr(Path, "open", lambda self, *a, **k: (opened.append(self.name), own(self, *a, **k))[1])
    assert index_photos(folder, to=target)[1:] == (6, 1, 7, 0, 0)
    assert not [name for name in opened if name.endswith(".JPG")]
    assert target.read_bytes() == first
    os.utime(folder / "100MEDIA" / "DJI_0001.JPG", ns=(1, 1))
    (folder / "101MEDIA" / "DJI_0003.JPG").unlink()
    (folder / "101MEDIA" / "DJI_0004.JPG").write_bytes((folder / "101MEDIA" / "DJI_0005.JPG").read_bytes() + b"more")
    opened.clear()
    told = index_photos(folder, to=target)
    assert told[1:] == (5, 1, 4, 2, 1)
    assert sorted(name for name in opened if name.endswith(".JPG")) == ["DJI_0001.JPG", "DJI_0004.JPG"]


def test_another_zone_reads_all_again(folder, tmp_path):
    """Times depend on the zone: an index of another zone is no shortcut."""
    index_photos(folder, to=tmp_path / "i.csv", tz="UTC")
    assert index_photos(folder, to=tmp_path / "i.csv", tz="Asia/Shanghai").unchanged == 0
    with pytest.raises(TableError, match="time zone"):
        index_photos(folder, to=tmp_path / "i.csv", tz="Mars")


def test_a_stopped_index_goes_on(folder, tmp_path):
    """What was done before the stop is not read again, and the result is that of an undisturbed run."""
    whole = tmp_path / "whole.csv"
    index_photos(folder, to=whole)

    def stop(_, done, total):
        assert total == 7
        if done == 4:
            raise KeyboardInterrupt

    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            index_photos(folder, to=tmp_path / "i.csv", progress=stop)
    assert not (tmp_path / "i.csv").exists()
    told = index_photos(folder, to=tmp_path / "i.csv")
    assert told.unchanged == 4
    assert (tmp_path / "i.csv").read_bytes() == whole.read_bytes()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["i.csv", "in", "whole.csv"]


def test_names_are_data(take, tmp_path):
    """Commas, quotes, line breaks and signs of formulas in names come back as they were, and start no formula."""
    names = ["=cmd.jpg", "a,b.jpg", 'q"q.jpg', "n\nn.jpg", "排口.jpg"]
    for number, name in enumerate(names):
        take(tmp_path / "in" / name, seed=number)
    index_photos(tmp_path / "in", to=tmp_path / "i.csv", tz="UTC")
    assert sorted(read_photo_index(tmp_path / "i.csv")["file"]) == sorted(names)
    assert not any(line.startswith("=") for line in (tmp_path / "i.csv").read_text().splitlines())
    assert index_photos(tmp_path / "in", to=tmp_path / "i.csv", tz="UTC").unchanged == 5


def test_a_window_and_a_folder_are_cut_out(folder, tmp_path):
    """Bounds and a folder give the photos in them; copies are named once."""
    (folder / "101MEDIA" / "copy.jpg").write_bytes((folder / "100MEDIA" / "DJI_0000.JPG").read_bytes())
    index_photos(folder, to=tmp_path / "i.csv")
    some = read_photo_index(tmp_path / "i.csv", bounds=(114.305, 30, 114.325, 31))
    assert some["file"].tolist() == ["100MEDIA/DJI_0001.JPG", "100MEDIA/DJI_0002.JPG"]
    assert read_photo_index(tmp_path / "i.csv", under="101MEDIA/")["file"].str.startswith("101MEDIA/").all()
    every = read_photo_index(tmp_path / "i.csv")
    assert len(every) == 6
    assert "copy.jpg" in " ".join(list_issues(every).query("kind == 'duplicate'")["reason"])


def test_what_is_no_index_is_left_alone(folder, tmp_path):
    """Another file of that name is not overwritten; a damaged index is refused when read and made anew when written."""
    (tmp_path / "mine.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ReadError, match="no index of photos"):
        index_photos(folder, to=tmp_path / "mine.csv")
    with pytest.raises(ReadError, match="no such folder"):
        index_photos(folder / "none", to=tmp_path / "i.csv")
    index_photos(folder, to=tmp_path / "i.csv")
    good = (tmp_path / "i.csv").read_bytes()
    (tmp_path / "i.csv").write_bytes(good[: len(good) * 2 // 3])
    with pytest.raises(ReadError, match="row"):
        read_photo_index(tmp_path / "i.csv")
    assert index_photos(folder, to=tmp_path / "i.csv").unchanged > 0
    assert (tmp_path / "i.csv").read_bytes() == good


def test_a_thermal_plane_before_the_picture_is_no_end(take, tmp_path):
    """A JPEG whose header is longer than 256 KiB is read as far as its picture."""
    raw = take(tmp_path / "in" / "a.jpg", fields=_DJI).read_bytes()
    plane = b"".join(b"\xff\xe3\xff\xff" + bytes(65533) for _ in range(10))
    (tmp_path / "in" / "a.jpg").write_bytes(raw[:2] + plane + raw[2:])
    told = index_photos(tmp_path / "in", to=tmp_path / "i.csv")
    assert (told.photos, told.broken) == (1, 0)
    assert read_photo_index(tmp_path / "i.csv")["pitch_deg"].tolist() == [-60.0]


def test_memory_is_flat(take, tmp_path):
    """Six times the photos, a hundred in a folder, take less than 500 bytes each of further memory: no row is kept (pitfall 25)."""
    raw = take(tmp_path / "first.jpg", fields=_DJI).read_bytes()
    peaks = []
    for count in (100, 600):
        folder = tmp_path / f"n{count}"
        folder.mkdir()
        for number in range(count):
            (folder / f"{number // 100}").mkdir(exist_ok=True)
            os.link(tmp_path / "first.jpg", folder / f"{number // 100}" / f"{number:05d}.jpg")
        if count == 100:
            index_photos(folder, to=tmp_path / "warm.csv")
        tracemalloc.start()
        index_photos(folder, to=tmp_path / f"{count}.csv")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert raw
    assert (peaks[1] - peaks[0]) / 500 < 500


def test_the_quick_way_says_what_the_general_one_says(take, tmp_path):
    """Photos of both hemispheres, with and without tags and packets, read the same both ways."""
    from outfall.camera.exif import read_shot, read_shot_quickly

    for lon, lat, fields, taken in (
        (114.3, 30.6, _DJI, "2026:04:12 08:30:00"),
        (-70.1, -33.4, None, None),
        (None, 0, _DJI, None),
    ):
        raw = take(tmp_path / "a.jpg", lon=lon, lat=lat, fields=fields, taken=taken, offset="+08:00").read_bytes()
        assert read_shot_quickly(raw) == read_shot(raw)
        at = raw.index(b"Exif")
        assert _said(read_shot_quickly, raw[:at] + b"Exit" + raw[at + 4 :]) == _said(
            read_shot, raw[:at] + b"Exit" + raw[at + 4 :]
        )


def _said(read, raw):
    from outfall.camera.exif import NotAPhotoError

    try:
        return read(raw)
    except NotAPhotoError as error:
        return str(error)


@pytest.mark.realdata
def test_real_photos_are_indexed_as_they_are_read(shared_data, tmp_path):
    """Beach, RTK and thermal frames give the same positions, angles and lenses as reading them whole."""
    for name, tz in (("drone_beach", "America/Chicago"), ("drone_rtk", "Asia/Taipei"), ("drone_thermal", "UTC")):
        index_photos(shared_data / "remote" / name, to=tmp_path / f"{name}.csv", tz=tz)
        table = read_photo_index(tmp_path / f"{name}.csv")
        photos = read_photos(shared_data / "remote" / name, tz=tz)
        assert table["file"].tolist() == photos["file"].tolist()
        assert table["lens"].fillna("").tolist() == photos["lens"].fillna("").tolist()
        for column in ("pitch_deg", "altitude_m", "sigma_m"):
            assert np.array_equal(table[column].to_numpy(float), photos[column].to_numpy(float), equal_nan=True)
        assert table["taken_at"].tolist() == photos["taken_at"].tolist() or table["taken_at"].isna().all()
