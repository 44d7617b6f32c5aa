"""The file itself: self-contained, locked down, small, written safely."""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
import zipfile
from importlib.resources import files

import pytest

from outfall.errors import MapError
from outfall.maps import Map
from outfall.maps.bundle import DRAWING, PAGE, code, text_of

_VENDOR = files("outfall.maps").joinpath("assets", "vendor")
_OURS = sorted(p.name for p in files("outfall.maps").joinpath("assets").iterdir() if p.name.endswith(".js"))


def test_vendored_files_are_the_ones_listed():
    """Every file of others is in the list of licences with its checksum."""
    listed = dict(
        re.findall(
            r"^\| (\S+) \|.*\| ([0-9a-f]{64}) \|$", _VENDOR.joinpath("LICENSES.md").read_text("utf-8"), re.MULTILINE
        )
    )
    packed = [p for p in _VENDOR.iterdir() if p.name.endswith(".zip")]
    held = {p.name: p.read_bytes() for p in _VENDOR.iterdir() if p not in packed and p.name != "LICENSES.md"}
    for file in packed:
        with zipfile.ZipFile(file) as archive:
            held |= {
                name: archive.read(name)
                for name in archive.namelist()
                if not re.search(r"/[^/]*licen[sc]e", name, re.IGNORECASE)
            }
    assert set(listed) == set(held)
    for name, digest in listed.items():
        assert hashlib.sha256(held[name]).hexdigest() == digest


@pytest.mark.parametrize("name", _OURS)
def test_our_code_makes_no_markup_from_text(name):
    """No file of ours can turn text into markup, code or a request."""
    found = re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|fetch\(|XMLHttpRequest|import\(",
        text_of(name),
    )
    assert found is None


@pytest.mark.parametrize("name", _OURS)
def test_our_files_are_short(name):
    """No script file is above 300 lines, and each begins by saying what it answers."""
    text = text_of(name)
    assert text.count("\n") <= 300
    assert text.startswith("// ")


def test_files_that_share_a_scope_share_no_name():
    """No two script files of the page declare the same thing: the later one would silently take the place of the earlier."""
    names = [
        name
        for file in dict.fromkeys((*DRAWING, *PAGE))
        for name in re.findall(r"^(?:async )?(?:function\*?|const|let|class) (\w+)", text_of(file), re.MULTILINE)
    ]
    assert sorted(name for name in set(names) if names.count(name) > 1) == []


@pytest.mark.parametrize("name", _OURS)
def test_our_code_suits_office_browsers(name):
    """Nothing newer than Chrome 87 reads: no optional chaining, no `??`, no methods that came later."""
    code_only = re.sub(r"^\s*//.*$", "", text_of(name), flags=re.MULTILINE)
    found = re.findall(
        r"\?\.[a-zA-Z_([]|\?\?|\|\|=|&&=|\.at\(-|Object\.hasOwn\b|structuredClone|\.findLast|\.toSorted|\.roundRect|\(\?<[=!]|^\s+#\w+|static \{",
        code_only,
        re.MULTILINE,
    )
    assert found == []


def test_scripts_hold_no_closing_tag():
    """Nothing in our code ends the script element it stands in."""
    assert "</script" not in code(*DRAWING, *_OURS).lower()
    assert "</script" not in text_of("leaflet.js").lower()


def test_the_policy_names_the_scripts_and_nothing_else(drawn):
    """The content-security-policy allows exactly the scripts of the page, packed ones too, by their hash, and no connection."""
    page = drawn.html()
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)[1]
    packed = re.search(r'id="code">([^<]*)</script>', page)[1]
    scripts = [*re.findall(r"<script>(.*?)</script>", page, re.DOTALL), *_unpacked(packed)[1:]]
    hashes = {f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in scripts}
    allowed = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert len(scripts) == 3
    assert set(allowed["script-src"].split()) == hashes
    assert allowed["default-src"] == "'none'"
    assert allowed["img-src"] == "data: blob:"
    assert "connect-src" not in allowed


def _unpacked(packed):
    return gzip.decompress(base64.b64decode(packed)).decode().split("\0")


def test_the_page_refers_to_no_other_file(drawn):
    """No element or style of the page names a file or an address."""
    page = re.sub(r"<script.*?</script>", "", drawn.html(), flags=re.DOTALL)
    assert not re.findall(r"(?:src|href)=\"(?!data:)", page)
    styles = page + _unpacked(re.search(r'id="code">([^<]*)</script>', drawn.html())[1])[0]
    assert not re.findall(r"url\((?![\"']?data:)", styles)
    assert "http" not in page.replace("http-equiv", "")


def test_an_empty_map_is_small():
    """The code and styles of a map without data stay under 0.3 MB."""
    assert len(Map(()).html().encode()) < 300_000


def test_a_title_is_text():
    """A title that looks like markup stays text, and a template sign in it stays as it is."""
    page = Map((), title="</title><script>1</script> {{ data }}").html()
    assert "<title>&lt;/title&gt;&lt;script&gt;1&lt;/script&gt; {{ data }}</title>" in page


def test_saving_replaces_a_page_in_one_move(tmp_path):
    """Saving twice leaves one file, the newer."""
    Map((), title="old").save(tmp_path / "地图 1.html")
    saved = Map((), title="new").save(tmp_path / "地图 1.html")
    assert "<title>new</title>" in saved.read_text("utf-8")
    assert [file.name for file in tmp_path.iterdir()] == ["地图 1.html"]


def test_saving_into_no_folder_says_so(tmp_path):
    """A folder that does not exist is named."""
    with pytest.raises(MapError, match="does not exist; make it first"):
        Map(()).save(tmp_path / "none" / "map.html")


def test_a_file_that_cannot_be_replaced_survives(tmp_path, monkeypatch):
    """A failure while moving into place leaves the earlier page and no scrap."""
    target = Map((), title="old").save(tmp_path / "map.html")

    def refuse(*_args):
        raise PermissionError(13, "in use")

    monkeypatch.setattr("pathlib.Path.replace", refuse)
    with pytest.raises(MapError, match="close the program that has it open"):
        Map((), title="new").save(target)
    assert "<title>old</title>" in target.read_text("utf-8")
    assert len(list(tmp_path.iterdir())) == 1
