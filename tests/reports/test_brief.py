"""Sheets: safe names, text that stays text, pictures that stay small, and nothing loaded from anywhere."""

import html
import re

import pytest
from PIL import Image

from outfall.reports import write_briefs
from outfall.reports.brief import _file_names
from outfall.reports.photos import index_photos
from tests.laws import unchanged
from tests.reports.conftest import HOSTILE


@pytest.fixture
def photos(tmp_path):
    """Return a folder with one photo and one absurd picture."""
    folder = tmp_path / "照 片"
    folder.mkdir()
    Image.new("RGB", (1600, 1200), "#3a7").save(folder / "near.jpg")
    wide = (12_000).to_bytes(4, "big")
    head = Image.new("L", (1, 1))
    head.save(folder / "huge.png")
    raw = bytearray((folder / "huge.png").read_bytes())
    raw[16:20] = raw[20:24] = wide
    import zlib

    raw[29:33] = zlib.crc32(raw[12:29]).to_bytes(4, "big")
    (folder / "huge.png").write_bytes(raw)
    return folder


def test_one_sheet_per_outfall_and_an_index(outfalls, found, network, results, photos, tmp_path):
    """Every outfall has its sheet, in order, and the index links them all; the inputs stay as they are."""
    with unchanged(outfalls, found.candidates, found.evidence, network.reaches, results):
        paths = write_briefs(outfalls, found, tmp_path / "b", network=network, photos_folder=photos, results=results)
    assert len(paths) == 4
    assert all(path.is_file() for path in paths)
    assert paths[0].name == "MX-0042.html"
    links = re.findall(r'href="([^"]+)"', paths[-1].read_text("utf-8"))
    assert links == [path.name for path in paths[:-1]]


def test_sheet_answers_the_four_questions(outfalls, found, network, results, photos, tmp_path):
    """The sheet shows place, ranked sources with reasons, results above the reference and the waters downstream."""
    page = write_briefs(outfalls, found, tmp_path / "b", network=network, photos_folder=photos, results=results)[0]
    text = page.read_text("utf-8")
    for expected in (
        "口在哪", "谁在排", "排什么", "排向哪", "K12+300", "左岸", "甲电镀厂", "62%", "未登记污染源", "28%", "&lt;1%",
        "镍 1.2 mg/L，与电镀废水一致", "+2.5", "氨氮", "8.4 mg/L", "4.2 倍", "未检出 (&lt;0.00004 mg/L)", "北河 → 南江",
        "<polyline", "data:image/jpeg;base64,", "register(E1;E2)",
    ):  # fmt: skip
        assert expected in text, expected


def test_english_sheet_has_no_chinese_of_ours(outfalls, found, network, results, tmp_path):
    """An English sheet of English data holds no Chinese word."""
    import copy

    english = outfalls.assign(name="East gate", receiving_water="North river", address=None, reason_zh=None)
    trace = copy.copy(found)
    trace.sources = found.sources.assign(name=["Plating works", "Dyeing works"])
    quiet = copy.copy(network)
    quiet.reaches = network.reaches.assign(name="North river")
    page = write_briefs(english, trace, tmp_path / "b", network=quiet, results=results, lang="en")[0]
    body = page.read_text("utf-8").split("</style>")[1]
    assert not re.findall(r"[\u4e00-\u9fff]+", body)
    assert "a source nobody registered" in body


def test_a_sheet_loads_nothing(outfalls, found, network, photos, tmp_path):
    """No sheet names an address, holds a script or may load anything."""
    for path in write_briefs(outfalls, found, tmp_path / "b", network=network, photos_folder=photos):
        text = path.read_text("utf-8")
        assert "http://" not in text
        assert "https://" not in text
        assert "<script" not in text
        assert "default-src 'none'" in text


@pytest.mark.parametrize("text", [text for text in HOSTILE if text.strip("' -")])
def test_field_text_stays_text(outfalls, found, network, tmp_path, text):
    """Whatever a name, a reason or a note says, it opens no tag and runs no template."""
    hostile = outfalls.assign(name=text, note=text, receiving_water=text, reason_zh=text, address=text)
    found.sources["name"] = text
    found.evidence["reason_zh"] = text
    network.reaches["name"] = text
    paths = write_briefs(hostile, found, tmp_path / "b", network=network)
    for path in paths:
        page = path.read_text("utf-8").split("</style>")[1]
        assert "<script" not in page
        assert "<img src=x" not in page
        assert text.strip() in html.unescape(page)


def test_absurd_photo_is_not_opened(photos):
    """A picture of too many pixels is refused by its header, with its size."""
    shown = index_photos(photos).thumbnail("huge.png")
    assert shown.data_uri == ""
    assert (shown.problem, shown.detail) == ("photo_pixels", "12000 × 12000")


def test_photo_ids_are_never_paths(photos, tmp_path):
    """An id that climbs out of the folder finds nothing, even where such a file exists."""
    Image.new("RGB", (8, 8)).save(tmp_path / "secret.jpg")
    index = index_photos(photos)
    assert index.find("../secret.jpg") is None
    assert index.find(str(tmp_path / "secret.jpg")) is None


def test_photo_is_found_by_digest_path_or_name(photos):
    """The three ways a photo is called lead to one file."""
    import hashlib

    digest = hashlib.sha256((photos / "near.jpg").read_bytes()).hexdigest()
    index = index_photos(photos.parent)
    assert {index.find(name) for name in (digest, "near.jpg", "照 片/near.jpg", "照 片\\NEAR.JPG")} == {
        photos / "near.jpg"
    }


def test_damaged_photo_says_so(photos):
    """A file that is no picture is named as such."""
    (photos / "bad.jpg").write_bytes(b"no picture")
    assert index_photos(photos).thumbnail("bad.jpg").problem == "photo_damaged"


def test_file_names_are_safe_and_never_collide():
    """Ids with separators, reserved words, case twins and long texts all get names of their own."""
    ids = ["a/b", "a\\b", "a:b", "..", ".", "con", "A", "a", "index", "排 口?", "长" * 300, "x.html", "", "-x"]
    names = _file_names(ids)
    assert len({name.casefold() for name in names.values()}) == len(ids)
    for name in names.values():
        assert re.fullmatch(r"[\w\-.]+\.html", name)
        assert len(name.encode()) < 255
        assert not name.startswith(".")
    assert names["-x"] == "-x.html"


def test_a_failing_run_leaves_the_earlier_sheets(outfalls, tmp_path):
    """Sheets written before survive a run that fails half way."""
    folder = tmp_path / "b"
    write_briefs(outfalls, None, folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    broken = outfalls.assign(side="left")

    class Broken:
        crs = outfalls.crs

        @property
        def reaches(self):
            raise RuntimeError("disk gone")

    with pytest.raises(RuntimeError, match="disk gone"):
        write_briefs(broken, None, folder, network=Broken())
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["b"]


def test_no_trace_says_so(outfalls, tmp_path):
    """Without a trace the sheet says it, and an empty table gives an index alone."""
    assert "尚未溯源" in write_briefs(outfalls, None, tmp_path / "b")[0].read_text("utf-8")
    assert [path.name for path in write_briefs(outfalls.iloc[:0], None, tmp_path / "b")] == ["index.html"]


def test_same_tables_give_the_same_bytes(outfalls, found, network, results, tmp_path):
    """Two runs give the same sheets."""
    one = write_briefs(outfalls, found, tmp_path / "a", network=network, results=results)
    two = write_briefs(outfalls, found, tmp_path / "b", network=network, results=results)
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]
