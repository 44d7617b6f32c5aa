"""The form asks in our words, knows what the register knows, and what is sent with it comes home."""

from __future__ import annotations

import csv
import io
import json
import zipfile

import openpyxl
import pytest
from PIL import Image

from outfall.registry import compare_returned
from outfall.reports import FieldPack, write_field_pack
from outfall.reports.field_pack import FORMATS
from outfall.survey import read_ground, read_ground_photos, read_returned
from outfall.tables import check, contract
from outfall.vocabulary import words
from tests.reports.packs import make_outfalls

GROUPS = {"begin group": 1, "end group": -1, "begin repeat": 1, "end repeat": -1}
ANSWERED = ("text", "decimal", "select_one", "calculate")


@pytest.fixture(scope="module")
def outfalls():
    return make_outfalls(12, has_lost=False).assign(status="suspected")


@pytest.fixture(scope="module")
def pack(outfalls, tmp_path_factory):
    settings = FieldPack(team="一组'\"", day="2026-04-12", register="3:ab", formats=("odk",))
    return write_field_pack(outfalls, tmp_path_factory.mktemp("odk") / "p", settings=settings) / "odk"


def sheet(pack, name):
    """Return the rows of a sheet by its headings."""
    rows = list(openpyxl.load_workbook(pack / "form.xlsx")[name].iter_rows(values_only=True))
    return [dict(zip(rows[0], (cell or "" for cell in row), strict=True)) for row in rows[1:]]


def questions(pack):
    """Yield every question with its path, as a server writes it over a column."""
    path = []
    for row in sheet(pack, "survey"):
        step = GROUPS.get(row["type"], 0)
        if step > 0:
            path.append(row["name"])
        elif step < 0:
            path.pop()
        else:
            yield "-".join([*path, row["name"]]), row


def send(pack, target, *, change=None):
    """Write what a server gives out when every outfall was visited and the form left as it came up."""
    known = [
        one["properties"] for one in json.loads((pack / "outfalls.geojson").read_text(encoding="utf-8"))["features"]
    ]
    asked = [(path, row) for path, row in questions(pack) if row["type"].split()[0] in ANSWERED]
    visits, photos = [], []
    for at, told in enumerate(known):
        visit = {
            "SubmissionDate": "2026-04-12T10:00:00Z",
            "place-location-Latitude": "30.6",
            "place-location-Longitude": "114.3",
        }
        for path, row in asked:
            if row["calculation"].startswith("instance("):
                visit[path] = told[row["name"]] if told[row["name"]] is not None else ""
            elif row["type"] == "calculate":
                visit[path] = row["calculation"].strip("'") if row["calculation"].startswith("'") else ""
        visit |= {
            "is_new": "no",
            "outfall_id": told["outfall_id"],
            "uuid": told["uuid"],
            "seen_at": "2026-04-12T17:00:00+08:00",
        }
        visit |= {"meta-instanceID": f"uuid:{at}", "KEY": f"uuid:{at}", **(change or {}).get(told["outfall_id"], {})}
        visits.append(visit)
        photos.append({"photo": f"{at}.jpg", "PARENT_KEY": f"uuid:{at}", "KEY": f"uuid:{at}/photos[1]"})
    with zipfile.ZipFile(target, "w") as archive:
        for name, rows in (("form.csv", visits), ("form-photos.csv", photos)):
            text = io.StringIO()
            writer = csv.DictWriter(text, dict.fromkeys(key for row in rows for key in row))
            writer.writeheader()
            writer.writerows(rows)
            archive.writestr(name, text.getvalue())
        for at in range(len(known)):
            raw = io.BytesIO()
            Image.new("RGB", (32, 24), (20 * at, 90, 0)).save(raw, "JPEG")
            archive.writestr(f"media/{at}.jpg", raw.getvalue())
    return target


def test_every_word_of_a_list_is_offered_in_both_languages(pack):
    """The choices are the vocabulary; only what the register alone decides is withheld."""
    offered = {}
    for row in sheet(pack, "choices"):
        assert row["label::中文 (zh)"]
        assert row["label::English (en)"]
        offered.setdefault(row["list_name"], []).append(row["name"])
    for row in sheet(pack, "survey"):
        kind, _, name = row["type"].partition(" ")
        if kind == "select_one" and name != "yes_no":
            assert set(words(name)) - set(offered[name]) <= {"merged"}


def test_every_question_is_asked_in_both_languages(pack):
    """Nobody reads a question that is empty in his language."""
    for row in sheet(pack, "survey"):
        if row["type"].split()[0] in (
            "text",
            "select_one",
            "select_one_from_file",
            "decimal",
            "image",
            "geopoint",
            "dateTime",
        ):
            assert row["label::中文 (zh)"], row["name"]
            assert row["label::English (en)"], row["name"]


def test_groups_are_closed_and_names_stand_once(pack):
    """The form is one that a converter takes."""
    rows = sheet(pack, "survey")
    assert sum(GROUPS.get(row["type"], 0) for row in rows) == 0
    names = [row["name"] for row in rows if row["name"]]
    assert len(names) == len(set(names))
    for row in rows:
        for cell in ("relevant", "constraint", "calculation", "trigger"):
            for name in (part.partition("}")[0] for part in row[cell].split("${")[1:]):
                assert name in names, (row["name"], cell)


def test_a_form_nobody_changed_changes_nothing(pack, outfalls, tmp_path):
    """What the form knows of an outfall comes home equal, for every field it asks."""
    back = read_returned(send(pack, tmp_path / "sent.zip"))
    held = [name for name in FORMATS["odk"].held if name in contract("outfalls").columns]
    assert set(held) <= set(back.columns)
    found = compare_returned(check(outfalls, "outfalls"), back, columns=held)
    assert set(found["change"]) == {"unchanged"}, found[found["change"] != "unchanged"].to_string()
    assert set(back["pack_register"]) == {"3:ab"}


def test_what_people_answer_comes_home_as_change_and_as_sighting(pack, outfalls, tmp_path):
    """A status ticked on site is a change of the register, and the visit a sighting with its photo."""
    sent = send(pack, tmp_path / "sent.zip", change={"P-0003": {"state-status": "confirmed", "state-flow_m3s": "0.2"}})
    found = compare_returned(check(outfalls, "outfalls"), read_returned(sent), columns=["status"])
    changed = found[found["change"] == "changed"]
    assert changed[["outfall_id", "after"]].values.tolist() == [["P-0003", "confirmed"]]
    seen = read_ground(sent)
    assert seen["sighting_id"].tolist() == [str(at) for at in range(12)]
    assert seen.loc[seen["outfall_id"] == "P-0003", "flow_m3s"].tolist() == [0.2]
    photos = read_ground_photos(sent, into=tmp_path / "in")
    assert set(photos["photo_id"]) == set(seen["photo_ids"])
    assert len(photos) == 12


@pytest.mark.parametrize("file", ["outfalls.csv", "outfalls.geojson"])
def test_what_the_form_offers_is_the_register(pack, outfalls, file):
    """The list to choose from reads back as the outfalls it was made of, hostile names and all."""
    found = compare_returned(check(outfalls, "outfalls"), read_returned(pack / file))
    assert set(found["change"]) == {"unchanged"}


def test_a_cell_of_the_list_is_never_a_formula(pack):
    """Whoever opens the CSV in a spreadsheet runs nothing."""
    with (pack / "outfalls.csv").open(encoding="utf-8", newline="") as stream:
        for row in csv.reader(stream):
            assert not [cell for cell in row if cell.lstrip()[:1] in ("=", "+", "-", "@")]
