"""What a pack carries out comes home equal, format by format, or is named as lost."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd
import pytest

from outfall.errors import ProjectError, TableError
from outfall.registry.returned import compare_returned
from outfall.reports.field_pack import FORMATS, FieldPack, list_losses, write_field_pack
from outfall.reports.field_pack.packed import pack_rows
from outfall.survey import read_ground, read_ground_photos, read_returned
from outfall.tables import check, contract, split_ids
from tests.laws import unchanged
from tests.reports.packs import add_photos, make_outfalls

COMES_BACK = [name for name in FORMATS if name != "odk"]  # a form comes back as submissions
SETTINGS = {"team": "一组 <b>&'", "day": "2026-04-12", "register": "12:ab34"}


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("in") / "原图"
    return add_photos(make_outfalls(), folder), folder


@pytest.fixture(scope="module")
def pack(photos, tmp_path_factory):
    outfalls, folder = photos
    with unchanged(outfalls):
        return write_field_pack(
            outfalls, tmp_path_factory.mktemp("out") / "外业 一组", settings=FieldPack(**SETTINGS, photos_folder=folder)
        )


def lost(name, column):
    """Return whether a format says that it cannot hold a column."""
    one = FORMATS[name]
    return any(loss[0] == "*" for loss in one.losses) and column not in one.held


def holds(name, what):
    """Return whether a format holds a kind of value."""
    return all(loss[0] != what for loss in FORMATS[name].losses)


def cells(values):
    """Return a column as plain values, missing ones None."""
    return [None if pd.isna(value) else value for value in values]


@pytest.mark.parametrize("name", COMES_BACK)
def test_every_field_comes_home_equal_or_is_named_as_lost(pack, photos, name):
    """No column, no row and no word is lost that the format does not list."""
    back = read_returned(pack / FORMATS[name].file)
    sent = pack_rows(photos[0], FieldPack(**SETTINGS)).rows
    sent["photo_ids"] = photos[0]["photo_ids"].to_numpy()
    if not holds(name, "(no position)"):
        sent = sent[sent.geometry.notna()]
    back = back.set_index("outfall_id").loc[list(sent["outfall_id"])]
    assert len(back) == len(sent)
    for column in sent.columns:
        if column in ("geometry", "outfall_id", "pack_id", "pack_photos") or lost(name, column):
            continue
        if not holds(name, "(column names)") and not column.replace("_", "").isalnum():
            continue
        for key, before, after in zip(sent["outfall_id"], cells(sent[column]), cells(back[column]), strict=True):
            is_real = isinstance(before, float)
            same = np.isclose(before, after, rtol=1e-14, atol=0) if is_real and after is not None else before == after
            assert same or (before == "" and after is None), (column, key, before, after)


@pytest.mark.parametrize("name", COMES_BACK)
def test_nothing_is_changed_in_a_pack_nobody_touched(pack, photos, name):
    """compare_returned of an untouched pack finds every outfall unchanged, to a centimetre."""
    table = photos[0][photos[0].geometry.notna()]
    back = read_returned(pack / FORMATS[name].file)
    back = back[back.geometry.notna()]
    found = compare_returned(check(table, "outfalls"), back)
    assert set(found["change"]) == {"unchanged"}, found[found["change"] != "unchanged"].to_string()


@pytest.mark.parametrize("name", [name for name in COMES_BACK if FORMATS[name].has_photos])
def test_every_photo_comes_home_with_its_bytes(pack, photos, name, tmp_path):
    """What lies in the folder after the way home has the SHA-256 of what was taken along."""
    outfalls, folder = photos
    known = outfalls[outfalls.geometry.notna()] if not holds(name, "(no position)") else outfalls
    sent = {one for cell in known["photo_ids"] for one in split_ids(cell) if (folder / one).is_file()}
    home = read_ground_photos(pack / FORMATS[name].file, into=tmp_path / "in")
    digests = {hashlib.sha256((folder / one).read_bytes()).hexdigest() for one in sent}
    assert set(home["photo_id"]) == digests
    seen = read_ground(pack / FORMATS[name].file)
    assert {one for cell in seen["photo_ids"] for one in split_ids(cell)} == digests | {"gone.jpg"}


@pytest.mark.parametrize("name", COMES_BACK)
def test_rows_come_home_as_sightings_too(pack, photos, name):
    """read_ground knows each row by its uuid, at its place."""
    seen = read_ground(pack / FORMATS[name].file)
    assert seen["sighting_id"].is_unique
    if not lost(name, "uuid"):
        sent = pack_rows(photos[0], FieldPack(**SETTINGS)).rows
        assert set(seen["sighting_id"]) <= set(sent["uuid"])


@pytest.mark.parametrize("shift", ["", "gcj02", "bd09"])
@pytest.mark.parametrize("angle", ["degrees", "minutes", "seconds"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_list_for_ovital_keeps_its_places(tmp_path, shift, angle, encoding):
    """However the list is written, every point comes home within a centimetre."""
    outfalls = make_outfalls(30, has_lost=False)
    settings = FieldPack(formats=("ovital",), shift=shift, angle=angle, encoding=encoding)
    back = read_returned(write_field_pack(outfalls, tmp_path / "p", settings=settings) / "outfalls_ovital.txt")
    moved_m = np.hypot(*(back.to_crs(32650).get_coordinates() - outfalls.to_crs(32650).get_coordinates()).to_numpy().T)
    assert moved_m.max() < 0.01


@pytest.mark.parametrize("name", FORMATS)
def test_an_empty_table_makes_a_pack(tmp_path, name):
    """Nothing to visit is written and read as nothing."""
    settings = FieldPack(formats=(name,))
    pack = write_field_pack(make_outfalls().iloc[:0], tmp_path / "p", settings=settings)
    assert (pack / FORMATS[name].file).is_file()
    if name not in ("odk", "ovital"):
        assert len(read_returned(pack / FORMATS[name].file)) == 0


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_sheet_reads_in_both_languages(tmp_path, lang):
    """Headings and words of either language come home as the same rows."""
    outfalls = make_outfalls(20, has_lost=False)
    pack = write_field_pack(outfalls, tmp_path / "p", settings=FieldPack(formats=("xlsx",), lang=lang))
    found = compare_returned(check(outfalls, "outfalls"), read_returned(pack / "outfalls.xlsx"))
    assert set(found["change"]) == {"unchanged"}


def test_a_pack_is_never_written_over(tmp_path):
    """What people may have written into stays; it goes only where somebody says so."""
    settings = FieldPack(formats=("gpx",))
    pack = write_field_pack(make_outfalls(3), tmp_path / "p", settings=settings)
    (pack / "outfalls.gpx").write_text("edited", encoding="utf-8")
    with pytest.raises(ProjectError, match="is there already"):
        write_field_pack(make_outfalls(3), pack, settings=settings)
    assert (pack / "outfalls.gpx").read_text(encoding="utf-8") == "edited"
    write_field_pack(make_outfalls(3), pack, settings=FieldPack(formats=("gpx",), is_replaced=True))
    assert (pack / "outfalls.gpx").read_text(encoding="utf-8") != "edited"


def test_all_wrong_options_are_named_at_once():
    """A person corrects them in one go."""
    with pytest.raises(TableError, match="3 options cannot be used"):
        FieldPack(day="yesterday", shift="wgs", encoding="latin-1")


def test_an_unknown_format_is_refused_before_anything_is_written(tmp_path):
    """A slip in a name leaves no half a pack."""
    with pytest.raises(TableError, match="'dwg' is not one of kmz"):
        write_field_pack(make_outfalls(3), tmp_path / "p", settings=FieldPack(formats=("dwg",)))
    assert not (tmp_path / "p").exists()


def test_every_loss_names_a_column_or_a_kind():
    """The list of losses speaks of things that exist, in both languages."""
    table = list_losses()
    assert ((table["zh"] != "") & (table["en"] != "")).all()
    assert all(what == "*" or what.startswith("(") or what in contract("outfalls").columns for what in table["what"])
