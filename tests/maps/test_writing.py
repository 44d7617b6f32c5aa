"""Pages that are more than one file: whole or refused, checked piece by piece, and safe beside other things."""

from __future__ import annotations

import json
import re
import shutil
import zipfile

import pytest
from PIL import Image

from outfall.errors import MapError
from outfall.maps import Map, draw
from outfall.maps.beside import name_photos, shards_of
from outfall.maps.photos import Thumbnail
from outfall.maps.policy import policy
from tests.maps.browser import is_quiet, opened, wait_until


@pytest.fixture(scope="module")
def bundle(drawn, tmp_path_factory):
    """One page with its data and full-size photos beside it, in a folder whose name needs escaping."""
    folder = tmp_path_factory.mktemp("带 100% #1")
    return drawn.save(folder / "地图 1.html", most_mb=0, photos="beside")


def test_a_large_map_is_a_page_and_a_folder(bundle, drawn):
    """Above the size asked for the data lies beside the page, which then is small."""
    beside = bundle.with_name("地图 1_files")
    assert bundle.stat().st_size < 300_000 < len(drawn.html()) + 300_000
    assert [p.name for p in beside.glob("*.js")] == [p.name for p in beside.glob("data-000-*.js")]
    assert {p.name for p in (beside / "photos").iterdir()} == {small.file for small in drawn.photos.values()}
    assert '<script type="application/octet-stream" id="data"' not in bundle.read_text("utf-8")


def test_pieces_make_the_whole(monkeypatch):
    """Shards hold the text in order, none longer than the limit, each with its own checksum."""
    monkeypatch.setattr("outfall.maps.beside._SHARD_CHARACTERS", 10)
    text = "".join(chr(40 + k) for k in range(37) if chr(40 + k) not in '<>&"\\')
    files, rows = shards_of(text, folder="a b_files")
    assert "".join(re.search(r', "(.*)"\);', part)[1] for part in files.values()) == text
    assert [row["characters"] for row in rows] == [10, 10, 10, len(text) - 30]
    assert all(row["file"] == f"a%20b_files/{row['name']}.js" for row in rows)


def test_a_smaller_map_clears_what_the_larger_left(drawn, tmp_path):
    """Writing one file over a page with a folder leaves one file; writing the larger again leaves no old shard."""
    drawn.save(tmp_path / "map.html", most_mb=0, photos="beside")
    Map((), title="other").save(tmp_path / "map.html", most_mb=0)
    assert len(list((tmp_path / "map_files").glob("*.js"))) == 1
    assert not (tmp_path / "map_files" / "photos").exists()
    Map(()).save(tmp_path / "map.html")
    assert [p.name for p in tmp_path.iterdir()] == ["map.html"]


@pytest.mark.parametrize("name", ["mine.txt", "photos/mine.jpg", "data-000-aaaaaaaaaaaa.js"])
def test_a_folder_with_other_things_is_refused(drawn, tmp_path, name):
    """What is not ours stays, is named, and nothing is written."""
    mine = tmp_path / "map_files" / name
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    with pytest.raises(MapError, match=re.escape(repr(name))):
        drawn.save(tmp_path / "map.html", most_mb=0)
    assert mine.read_text() == "mine"
    assert [p.name for p in tmp_path.iterdir()] == ["map_files"]


def test_an_index_that_names_files_elsewhere_is_not_believed(tmp_path):
    """A list of files that points out of the folder removes nothing there."""
    kept = tmp_path / "kept.txt"
    kept.write_text("mine")
    (tmp_path / "map_files").mkdir()
    told = {"files": ["../kept.txt", str(kept), "..\\kept.txt"]}
    (tmp_path / "map_files" / "files.json").write_text(json.dumps(told))
    Map(()).save(tmp_path / "map.html")
    assert kept.read_text() == "mine"


@pytest.mark.parametrize("fails_at", [0, 1, 2, 3])
def test_an_earlier_page_survives_a_failure(drawn, tmp_path, monkeypatch, fails_at):
    """Wherever writing stops, the earlier page and all that it loads are there as before."""
    target = drawn.save(tmp_path / "map.html", most_mb=0)
    before = {p: p.read_bytes() for p in tmp_path.rglob("*.*") if p.is_file() and p.name != "files.json"}
    calls = []

    def fail(path, content, *, real=None):
        calls.append(path)
        if len(calls) > fails_at:
            raise OSError(28, "No space left on device")
        real(path, content)

    from outfall.maps import writing

    real = writing._replace
    monkeypatch.setattr(writing, "_replace", lambda path, content: fail(path, content, real=real))
    with pytest.raises(MapError, match="No space left"):
        Map(drawn.layers[:1], title="new", photos=drawn.photos).save(target, most_mb=0, photos="beside")
    monkeypatch.undo()
    after = {p: p.read_bytes() for p in tmp_path.rglob("*.*") if p.is_file() and p.name != "files.json"}
    assert after == before
    drawn.save(target, most_mb=0)


def test_a_zip_holds_the_page_and_its_folder(drawn, tmp_path):
    """A name that ends in .zip takes everything; unpacked it is what a folder would be."""
    drawn.save(tmp_path / "地图.zip", most_mb=0, photos="beside")
    drawn.save(tmp_path / "map.html", most_mb=0, photos="beside")
    with zipfile.ZipFile(tmp_path / "地图.zip") as archive:
        packed = {name: archive.read(name) for name in archive.namelist()}
    loose = {p.relative_to(tmp_path).as_posix(): p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    del loose["地图.zip"], loose["map_files/files.json"]
    assert packed == loose


def test_progress_counts_every_file(drawn, tmp_path):
    """The callback hears each file beside the page once, up to all of them."""
    heard = []
    drawn.save(tmp_path / "map.html", most_mb=0, photos="beside", progress=lambda *told: heard.append(told))
    assert [done for _, done, _ in heard] == list(range(1, len(heard) + 1))
    assert {total for _, _, total in heard} == {len(heard)}
    assert len(heard) == 1 + len({small.file for small in drawn.photos.values()})


def test_the_size_is_known_before_writing(drawn, tmp_path):
    """What size_mb says is what one file takes."""
    assert drawn.size_mb() * 1e6 == drawn.save(tmp_path / "map.html").stat().st_size


@pytest.mark.parametrize(("option", "value"), [("photos", "outside"), ("lang", "fr")])
def test_an_unknown_choice_names_the_known_ones(tmp_path, option, value):
    """A word that is no choice is refused with those that are."""
    with pytest.raises(MapError, match=f"{option}: '{value}' is not one of"):
        Map(()).save(tmp_path / "map.html", **{option: value})


@pytest.mark.parametrize(
    "name", ["a/../../b.jpg", "CON.jpg", "a\x00b.jpg", "x" * 300 + ".jpg", "..jpg", "图 1%.JPG", "\u202egpj.exe"]
)
def test_photo_names_suit_any_disk(tmp_path, name):
    """Whatever a photo is called, its copy has a plain name inside photos/."""
    from pathlib import PurePosixPath

    made = name_photos({"a": PurePosixPath(name)})["a"]
    assert re.fullmatch(r"photos/[^/\\:*?\"<>|%#\x00-\x1f\u202a-\u202e]{1,110}", made)
    assert ".." not in made
    assert not made.casefold().startswith("photos/con.")


@pytest.mark.parametrize(
    "host", ["https://a.b/c", "ftp://a.b", "https://a b", "https://a.b; script-src *", "'self'", "*", "https://"]
)
def test_a_policy_takes_hosts_only(host):
    """Anything but a host over https is refused, so that no name of a layer can widen the policy."""
    with pytest.raises(MapError, match="without a path"):
        policy([], image_hosts=[host])


def _broken(bundle, folder):
    """Return a copy of a page with its folder, to be damaged."""
    shutil.copytree(bundle.parent, folder / "copy")
    return folder / "copy" / bundle.name, next((folder / "copy").rglob("*.js"))


@pytest.mark.browser
def test_a_page_with_its_folder_opens(browser, bundle, drawn):
    """The page reads its data beside it, asks for nothing else, and draws what the single file draws."""
    with opened(browser, bundle, beside=True) as heard:
        assert "60" in heard.page.locator("#title p").inner_text()
        assert heard.page.locator("#trouble").is_hidden()
        assert heard.page.locator("#busy").count() == 0
        assert is_quiet(heard)


@pytest.mark.browser
def test_an_unpacked_zip_opens(browser, drawn, tmp_path):
    """A zip unpacked anywhere opens quietly."""
    drawn.save(tmp_path / "m.zip", most_mb=0)
    shutil.unpack_archive(tmp_path / "m.zip", tmp_path / "解 包")
    with opened(browser, tmp_path / "解 包" / "map.html", beside=True) as heard:
        assert "60" in heard.page.locator("#title p").inner_text()
        assert is_quiet(heard)


@pytest.mark.browser
@pytest.mark.parametrize("damage", ["gone", "cut", "swapped", "flipped", "other"])
def test_a_damaged_shard_says_so(browser, bundle, tmp_path, damage):
    """A data file that is missing, cut off, altered or another map's gives the trouble box, never a wrong map."""
    page, shard = _broken(bundle, tmp_path)
    text = shard.read_text("ascii")
    if damage == "gone":
        shard.unlink()
    elif damage == "cut":
        shard.write_text(text[: len(text) // 2])
    elif damage == "swapped":
        shard.write_text(text.replace("data-000", "data-001", 1))
    elif damage == "flipped":
        shard.write_text(text[:5000] + ("A" if text[5000] != "A" else "B") + text[5001:])
    else:
        Map(()).save(tmp_path / "o.html", most_mb=0)
        other = next((tmp_path / "o_files").glob("*.js")).read_text("ascii")
        shard.write_text(re.sub(r'"data-[^"]*"', f'"{shard.stem}"', other, count=1))
    with opened(browser, page, beside=True) as heard:
        said = heard.page.locator("#trouble").inner_text()
        assert "地图数据无法读取" in said
        assert "cannot be read" in said
        assert ("missing" if damage == "gone" else "damaged") in said
        assert shard.name in said
        assert heard.page.locator("#legend details").count() == 0


@pytest.mark.browser
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9, 0.999])
def test_a_page_cut_off_anywhere_says_so(browser, saved, tmp_path, share):
    """A file cut anywhere shows the trouble box in both languages instead of nothing."""
    text = saved.read_bytes()
    starts = text.index(b'id="trouble"') + 700
    cut = tmp_path / "cut.html"
    cut.write_bytes(text[: max(starts, int(share * len(text)))])
    with opened(browser, cut, until="#trouble") as heard:
        page = heard.page
        page.locator("#trouble").wait_for(state="visible", timeout=8000)
        said = page.locator("#trouble").inner_text()
        assert "不完整" in said
        assert "incomplete" in said
        assert heard.requests == []


@pytest.mark.browser
def test_a_page_of_a_later_format_says_so(browser, drawn, tmp_path, monkeypatch):
    """Data of a later format is not drawn as if it were ours."""
    monkeypatch.setattr("outfall.maps.pack._FORMAT", 99)
    with opened(browser, drawn.save(tmp_path / "later.html")) as heard:
        said = heard.page.locator("#trouble").inner_text()
        assert "更新的版本" in said
        assert "newer version" in said
        assert heard.requests == heard.errors == heard.dialogs == []


@pytest.mark.browser
def test_pages_served_in_the_clear_check_their_data_too(browser, saved):
    """Without the digest of the browser our own gives the same answer, so the page still opens."""
    browser.add_init_script("if (location.hash === '#plain') Object.defineProperty(window, 'crypto', { value: {} });")
    with opened(browser, saved, mark="#plain") as heard:
        assert heard.page.evaluate("window.crypto.subtle") is None
        assert "60" in heard.page.locator("#title p").inner_text()
        assert is_quiet(heard)


@pytest.mark.browser
def test_a_photo_beside_the_page_is_shown_in_full(browser, tmp_path, town):
    """The large picture is the photo beside the page; where it is gone the page says which is missing."""
    folder = tmp_path / "照片"
    folder.mkdir()
    Image.new("RGB", (900, 600), (10, 120, 160)).save(folder / "a#1 %.JPG")
    outfalls = town.outfalls.assign(photo_ids="a#1 %.JPG")
    page_file = draw(town.network, outfalls, photos_folder=folder).save(tmp_path / "m.html", photos="beside")
    key = town.outfalls["outfall_id"].iloc[0]
    photo = next((tmp_path / "m_files" / "photos").iterdir())
    for is_there in (True, False):
        if not is_there:
            photo.unlink()
        with opened(browser, page_file, mark=f"#outfalls/{key}", beside=True) as heard:
            page = heard.page
            page.locator(".photos .photo").first.click()
            if is_there:
                wait_until(page, "document.querySelector('.lightbox img').naturalWidth === 900")
                assert page.locator(".lightbox a").get_attribute("href").startswith("m_files/photos/")
                assert is_quiet(heard)
            else:
                page.wait_for_selector(".lightbox .missing")
                assert photo.name in page.locator(".lightbox .missing").inner_text()
                assert page.locator(".lightbox a").count() == 0


def test_thumbnails_know_their_photo(drawn):
    """Every small picture names the file it was made from."""
    assert all(isinstance(small, Thumbnail) and small.source.name == small.file for small in drawn.photos.values())
