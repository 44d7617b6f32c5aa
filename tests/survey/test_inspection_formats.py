"""What is written in a format and read back is the same, and nothing but our errors comes out of a damaged file."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from outfall.errors import OutfallError, ReadError, TableError
from outfall.survey import read_crawler, read_crawler_links
from outfall.survey.inspection import (
    Inspections,
    compare_inspections,
    read_inspections,
    write_cjj,
    write_en13508,
    write_isybau,
    write_m150,
    write_pacp,
)
from outfall.survey.inspection.model import build
from outfall.tables import check
from tests.laws import unchanged
from tests.survey.inspections import LACKS, inspections

WRITERS = {
    "isybau": (write_isybau, "a.xml"),
    "m150": (write_m150, "a.xml"),
    "en13508": (write_en13508, "a.txt"),
    "cjj.csv": (write_cjj, "a.csv"),
    "cjj.xlsx": (write_cjj, "a.xlsx"),
    "pacp": (write_pacp, "out"),
}
_FEW = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@pytest.mark.parametrize("form", LACKS)
@_FEW
@given(data=st.data())
def test_what_was_written_is_read_back(form, data):
    """Every cell of what a format has fields for comes back as it was."""
    drawn = data.draw(inspections(form))
    write, name = WRITERS[form]
    with tempfile.TemporaryDirectory() as folder, unchanged(drawn.runs, drawn.observations):
        lost = write(drawn, Path(folder) / name)
        back = read_inspections(Path(folder) / name)
    assert compare_inspections(drawn, back).values.tolist() == []
    assert len(lost) == 0


def test_the_2017_edition_reads_back(tmp_path):
    """The other namespace is understood too."""
    drawn = _one("BCA")
    assert len(write_isybau(drawn, tmp_path / "a.xml", version="2017")) == 0
    assert b"bfr-abwasser" in (tmp_path / "a.xml").read_bytes()


def test_an_unknown_edition_is_refused(tmp_path):
    """A version nobody knows is named with those that are."""
    with pytest.raises(ReadError, match="choose one of 2013, 2017"):
        write_isybau(_one("BCA"), tmp_path / "a.xml", version="1996")


@pytest.mark.parametrize("form", LACKS)
def test_what_a_format_cannot_carry_is_listed(form, tmp_path):
    """A control character and a counter no field takes are named with their row, never lost in silence."""
    drawn = Inspections(
        *build(
            [{"run_id": "1", "pipe_id": "Y1", "inspected_m": 7, "seen_at": "2026-04-12T08:00:00"}],
            [{"run_id": "1", "distance_m": 1, "code": "BCA", "char_1": "A", "clock_to": 3.0, "note": "a\x01\r\nb",
              "grade": "serious", "video_counter": "tape 2", "source_ref": "a#1"}],
            where="a",
        ),
        (),
    )  # fmt: skip
    write, name = WRITERS[form]
    lost = write(drawn, tmp_path / name)
    differ = compare_inspections(drawn, read_inspections(tmp_path / name))
    assert (len(differ) > 0) != form.startswith("cjj")
    assert len(check(lost, "issues")) == len(differ[["table", "column"]].drop_duplicates())


@pytest.mark.parametrize("form", LACKS)
def test_a_wrong_connection_survives_every_format(form, tmp_path):
    """The proof of a wrong connection is the same link whichever format it travelled in."""
    write, name = WRITERS[form]
    write(_one("BDEAA"), tmp_path / name)
    links = read_crawler_links(tmp_path / name, tz="Asia/Shanghai")
    assert links[["to_id", "exists_share", "reason_zh"]].values.tolist() == [["Y1", 0.95, "污水接入雨水"]]


@pytest.mark.parametrize("form", LACKS)
@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_damaged_file_gives_our_errors_only(form, data, good_files):
    """Bytes changed, cut out or put in anywhere: a result, or an error of ours that says what to do."""
    files = good_files[form]
    with tempfile.TemporaryDirectory() as folder:
        hurt = data.draw(st.sampled_from(sorted(files)))
        for name, raw in files.items():
            (Path(folder) / name).write_bytes(_damage(data, raw) if name == hurt else raw)
        path = Path(folder) / next(iter(files)) if len(files) == 1 else Path(folder)
        with contextlib.suppress(OutfallError):
            check(read_crawler(path, tz="Asia/Shanghai"), "sightings")


@pytest.fixture(scope="module")
def good_files(tmp_path_factory):
    """Return small good files of every format."""
    made = _Files()
    for form, (write, name) in WRITERS.items():
        path = tmp_path_factory.mktemp("good") / name
        write(_one("BDEAA"), path)
        parts = sorted(path.iterdir()) if path.is_dir() else [path]
        made[form] = {part.name: part.read_bytes() for part in parts}
    return made


class _Files(dict):
    def __repr__(self):
        return "files"


def _damage(data, raw):
    out = bytearray(raw)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, max(len(out) - 1, 0)))
        how = data.draw(st.sampled_from(["flip", "cut", "put", "end"]))
        if how == "flip" and out:
            out[at] = data.draw(st.integers(0, 255))
        elif how == "cut":
            del out[at : at + data.draw(st.integers(1, 30))]
        elif how == "put":
            out[at:at] = data.draw(
                st.binary(max_size=12) | st.sampled_from([b"1e999", b"-5", b"nan", b"<!--", b"\xff\xfe"])
            )
        else:
            del out[at:]
    return bytes(out)


def _one(code):
    runs = [{"run_id": "1", "pipe_id": "Y1", "upper_manhole": "W1", "lower_manhole": "W2", "direction": "with_flow",
             "length_m": 40, "diameter_mm": 300, "seen_at": "2026-04-12T08:00:00", "note": "all of it"}]  # fmt: skip
    seen = [
        {"run_id": "1", "distance_m": 0.5, "code": "BCD", "video_counter": "00000100"},
        {"run_id": "1", "distance_m": 12.5, "code": code, "clock_from": 3.0, "photo_ids": "1.jpg", "note": "turbid"},
        {"run_id": "1", "distance_m": 20, "code": "BAB", "quantity_1": "3", "continuous": "A1"},
        {"run_id": "1", "distance_m": 25, "code": "BAB", "quantity_1": "3", "continuous": "B1"},
    ]
    return Inspections(*build(runs, seen, where="made"), ())


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ('<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><DATA><HG><HG001>&x;</HG001></HG></DATA>', "unsafe"),
        (
            '<!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;"><!ENTITY c "&b;&b;&b;">]><DATA>&c;</DATA>',
            "unsafe",
        ),
        ("<DATA><HG></DATA>", "damaged as XML"),
        ("<a/>", "neither DWA-M 150"),
        ("<DATA>" + "<a>" * 300 + "</a>" * 300 + "</DATA>", "deep"),
        ("", "empty"),
    ],
)
def test_a_hostile_file_is_refused(text, match, tmp_path):
    """Entities, broken markup, other formats and absurd depth are refused by name."""
    file = tmp_path / "a.xml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ReadError, match=match):
        read_crawler(file)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1", "windows-1252", "gb18030"])
@pytest.mark.parametrize("is_declared", [True, False])
def test_an_encoding_is_found(encoding, is_declared, tmp_path):
    """Declared or not, an umlaut or a Chinese name arrives; a guess is an issue."""
    name = "管" if encoding == "gb18030" else "Straße"
    head = f"<?xml version='1.0' encoding='{encoding}'?>" if is_declared else "<?xml version='1.0'?>"
    file = tmp_path / "a.xml"
    file.write_bytes(f"{head}<DATA><HG><HG001>{name}</HG001><HI/></HG></DATA>".encode(encoding))
    found = read_inspections(file)
    if is_declared or encoding != "gb18030":
        assert found.runs["pipe_id"].tolist() == [name]
    is_guessed = not is_declared and not encoding.startswith("utf")
    assert [row["kind"] for row in found.issues] == ["assumption"] * is_guessed


def test_a_lie_about_the_encoding_is_listed(tmp_path):
    """Latin bytes that claim to be UTF-8 are read, and the guess is said."""
    file = tmp_path / "a.xml"
    file.write_bytes(
        "<?xml version='1.0' encoding='utf-8'?><DATA><HG><HG001>ß</HG001><HI/></HG></DATA>".encode("latin-1")
    )
    found = read_inspections(file)
    assert found.runs["pipe_id"].tolist() == ["ß"]
    assert "cp1252" in str(found.issues[0]["reason"])


def test_a_decimal_comma_is_a_number(tmp_path):
    """German numbers are numbers; text in their place is named with its observation."""
    file = tmp_path / "a.xml"
    text = "<DATA><HG><HG001>Y1</HG001><HI><HZ><HZ001>{}</HZ001><HZ002>BCA</HZ002></HZ></HI></HG></DATA>"
    file.write_text(text.format("1.012,50"), encoding="utf-8")
    assert read_crawler(file)["along_m"].tolist() == [1012.5]
    file.write_text(text.format("ab"), encoding="utf-8")
    with pytest.raises(TableError, match=r"(?s)'ab' is not a distance.*a\.xml#1/1"):
        read_crawler(file)
