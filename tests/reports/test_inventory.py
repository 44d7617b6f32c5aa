"""The official table: its headings, its words, its numbers."""

import geopandas as gpd
import pandas as pd
import pytest

from outfall.errors import TableError
from outfall.reports import inventory
from outfall.reports.inventory import headings
from outfall.tables import check
from outfall.vocabulary import words
from tests.laws import shuffled, unchanged


def test_inputs_unchanged(outfalls, found, sources):
    """The tables given stay what they are."""
    with unchanged(outfalls, found.candidates, found.evidence, sources):
        inventory(outfalls, found, sources=sources)


def test_headings_in_order(outfalls):
    """Every language gives one column per declared heading, in the declared order."""
    assert list(inventory(outfalls)) == [heading.zh for heading in headings()]
    assert list(inventory(outfalls, lang="en")) == [heading.en for heading in headings()]


def test_headings_are_unique_in_both_languages():
    """No two columns share a heading."""
    for lang in ("zh", "en"):
        names = [getattr(heading, lang) for heading in headings()]
        assert len(set(names)) == len(names)


@pytest.mark.parametrize("name", [*words("outfall_class")])
def test_every_class_has_a_level(outfalls, name):
    """Every class of the vocabulary has a first level in both languages, and its own name on its deepest level."""
    one = outfalls.iloc[:1].assign(outfall_class=name)
    for lang, levels in (
        ("zh", "类型(一级) 类型(二级) 类型(三级)"),
        ("en", "Type (level 1);Type (level 2);Type (level 3)"),
    ):
        row = inventory(one, lang=lang).iloc[0]
        shown = [row[level] for level in levels.split(" " if lang == "zh" else ";")]
        assert shown[0]
        assert [text for text in shown if text][-1] == getattr(words("outfall_class")[name], lang)


def test_position_in_cgcs2000(outfalls):
    """Longitude and latitude are CGCS2000 to six decimals whatever the CRS of the table."""
    table = inventory(outfalls)
    there = gpd.GeoSeries(gpd.points_from_xy(table["经度(CGCS2000)"], table["纬度(CGCS2000)"]), crs=4490)
    assert (there.to_crs(outfalls.crs).distance(outfalls.geometry.reset_index(drop=True)) < 0.1).all()


def test_suspects_name_unregistered_and_never_say_zero(outfalls, found):
    """The three likeliest stand with their probability, the unregistered source among them by its words."""
    table = inventory(outfalls, found)
    assert table["疑似责任主体(概率)"].tolist() == ["甲电镀厂 62%；未登记污染源 28%；乙印染厂 10%", "", ""]
    assert inventory(outfalls, found, lang="en").iloc[0, 21] == "reaches it and smells of nickel"


def test_unregistered_is_shown_wherever_it_ranks(outfalls, found):
    """A source nobody registered that ranks fourth is still named."""
    found.candidates.loc[found.candidates["source_id"] == "unregistered", "rank"] = 9
    assert "未登记污染源 28%" in inventory(outfalls, found)["疑似责任主体(概率)"].iloc[0]


def test_responsible_party_is_never_filled_by_a_trace(outfalls, found):
    """The decided party stays empty however sure the trace is."""
    assert inventory(outfalls, found)["责任主体"].tolist() == ["", "", ""]


def test_chainage_rounds_over_the_kilometre(outfalls):
    """999.6 m is K1+000, not K0+1000."""
    assert inventory(outfalls)["桩号(距河口)"].tolist() == ["K12+300", "K1+000", "K0+000"]


def test_times_say_their_offset(outfalls):
    """A time reads back as the same instant."""
    cell = inventory(outfalls)["首次发现时间"].iloc[0]
    assert cell == "2026-04-12 09:30 +08:00"
    assert pd.Timestamp(cell) == outfalls["first_seen_at"].iloc[0]


def test_rows_follow_the_order_given(outfalls, found):
    """Shuffled rows give the same rows, shuffled."""
    one = inventory(outfalls, found).drop(columns="序号").set_index("排污口内部编号")
    two = inventory(shuffled(outfalls), found).drop(columns="序号").set_index("排污口内部编号")
    pd.testing.assert_frame_equal(one, two.loc[one.index])


def test_missing_is_empty_text(outfalls):
    """No cell says nan, None or <NA>."""
    texts = inventory(outfalls).select_dtypes("str")
    assert not texts.isin(["nan", "None", "<NA>", "NaT"]).any(axis=None)
    assert texts.notna().all(axis=None)


def test_empty_gives_empty(outfalls):
    """No outfalls give the headings and no row."""
    table = inventory(outfalls.iloc[:0])
    assert len(table) == 0
    assert list(table) == [heading.zh for heading in headings()]


def test_photos_show_file_names(outfalls):
    """A photo table turns ids into file names; a digest without one is shortened."""
    photos = pd.DataFrame({"photo_id": ["a" * 64], "file": ["flight/DJI_0001.JPG"]})
    table = outfalls.assign(photo_ids=[f"{'a' * 64};{'b' * 64}", None, None])
    assert inventory(table, photos=photos)["照片"].iloc[0] == "flight/DJI_0001.JPG; bbbbbbbbbbbb"


def test_unknown_options_are_listed_together(outfalls):
    """A zone and a language nobody knows come in one error."""
    with pytest.raises(TableError, match=r"(?s)'Mars/North' is not a time zone.*'xx' is not a language"):
        inventory(outfalls, tz="Mars/North", lang="xx")


def test_bad_table_is_refused(outfalls):
    """A table that breaks its contract is refused with the row."""
    with pytest.raises(TableError, match="'maybe' is not one of"):
        inventory(outfalls.assign(status="maybe"))


def test_no_position_is_empty(outfalls):
    """English headings hold the same numbers as Chinese ones."""
    zh, en = inventory(outfalls), inventory(outfalls, lang="en")
    assert zh["口径 (mm)"].equals(en["Diameter (mm)"].rename("口径 (mm)"))
    assert len(check(outfalls, "outfalls")) == len(zh)
