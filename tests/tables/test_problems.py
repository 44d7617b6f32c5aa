"""A table that does not meet its contract is told everything at once."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from outfall.errors import TableError
from outfall.tables import check, contracts, empty, find_problems, join_ids, label_columns, split_ids
from tests.laws import shuffled, unchanged


def sightings(**columns):
    """Return two good sightings with some columns replaced."""
    good = {
        "sighting_id": ["E1", "E2"],
        "platform": ["drone", "foot"],
        "survey_id": ["a", "b"],
        "source_ref": ["f#2", "f#3"],
    }
    return pd.DataFrame({**good, **columns})


def test_all_problems_come_in_one_error():
    """Three mistakes in two rows are three lines, each with row, value and fix."""
    frame = sightings(confidence_share=["80", "0.5"], platform=["dron", "foot"], seen_at=["2026-04-12 08:00", ""])
    with pytest.raises(TableError) as caught:
        check(frame, "sightings")
    text = str(caught.value)
    assert "sightings: 3 problems in 1 row" in text
    assert "did you mean 'drone'" in text
    assert "divide percentages by 100" in text
    assert "tz='Asia/Shanghai'" in text
    assert "row f#2" in text


def test_a_heading_nearly_right_is_suggested():
    """A misspelt required column is met with the column that was probably meant."""
    frame = sightings().rename(columns={"survey_id": "surveyid_"})
    assert find_problems(frame, "sightings") == []
    frame = sightings().rename(columns={"survey_id": "survay_ident"})
    with pytest.raises(TableError, match="did you mean column 'survay_ident'"):
        check(frame, "sightings")


def test_chinese_headings_in_and_out():
    """What people call a column is accepted on input and produced on output."""
    frame = pd.DataFrame(
        {"编号": ["E1"], "调查方式": ["无人机"], "批次": ["f1"], "是否排水": ["是"], "数据来源": ["a#2"]}
    )
    table = check(frame, "sightings")
    assert table.loc[0, "platform"] == "drone"
    assert bool(table.loc[0, "is_discharging"]) is True
    shown = label_columns(table, "sightings", lang="zh")
    assert shown.loc[0, "调查方式"] == "无人机"
    again = check(shown.dropna(axis=1, how="all"), "sightings")
    assert again["platform"].tolist() == table["platform"].tolist()


def test_every_share_is_between_0_and_1():
    """A share below 0 is refused as one above 1 is."""
    with pytest.raises(TableError, match="is below 0"):
        check(sightings(confidence_share=[-0.1, 0.2]), "sightings")


def test_a_key_stands_once():
    """Two rows with one id are both named."""
    with pytest.raises(TableError, match=r"stands more than once \(row f#2, f#3\)"):
        check(sightings(sighting_id=["E1", "E1"]), "sightings")


def test_a_geometry_without_crs_is_refused():
    """No table with points of unknown meaning passes."""
    frame = gpd.GeoDataFrame(sightings(), geometry=gpd.points_from_xy([1, 2], [3, 4]))
    with pytest.raises(TableError, match=r"no CRS; say which with frame\.set_crs"):
        check(frame, "sightings")


def test_a_line_is_no_point():
    """A required kind of geometry is checked row by row."""
    frame = gpd.GeoDataFrame(
        {"source_id": ["a"], "source_ref": ["x#1"]},
        geometry=gpd.GeoSeries.from_wkt(["LINESTRING (0 0, 1 1)"]),
        crs=4490,
    )
    with pytest.raises(TableError, match="is not a point"):
        check(frame, "sources")


def test_checking_changes_nothing_and_is_idempotent():
    """A table that passed passes again as it is, and the input stays as it was."""
    frame = sightings(
        confidence_share=["0.5", None], seen_at=["2026-04-12 08:00+08:00", "2026年4月13日 09:30:00+08:00"]
    )
    with unchanged(frame):
        once = check(frame, "sightings")
    twice = check(once, "sightings")
    pd.testing.assert_frame_equal(pd.DataFrame(once), pd.DataFrame(twice))
    assert str(once["seen_at"].dt.tz) == "UTC"
    assert once["seen_at"].iloc[1] == pd.Timestamp("2026-04-13 01:30", tz="UTC")


def test_shuffling_rows_shuffles_the_answer():
    """No row's meaning depends on another's place."""
    frame = sightings(diameter_mm=["300", "DN"], note=["a", "b"])
    assert {p.rows for p in find_problems(frame, "sightings")} == {
        p.rows for p in find_problems(shuffled(frame), "sightings")
    }


def test_columns_the_contract_does_not_know_are_kept():
    """Nothing of a user's table is thrown away."""
    assert check(sightings(天气=["晴", "雨"]), "sightings")["天气"].tolist() == ["晴", "雨"]


@pytest.mark.parametrize("table", list(contracts()))
def test_an_empty_table_meets_its_contract(table):
    """No rows is an answer, not a problem."""
    assert find_problems(empty(table, crs=4490), table) == []
    assert len(check(pd.DataFrame(), table)) == 0


@pytest.mark.parametrize("cell", ["", "/", "-", "—", None, np.nan, "N/A"])
def test_every_way_to_say_nothing_is_missing(cell):
    """A slash in a number column is no number and no problem."""
    assert check(sightings(diameter_mm=[cell, "300"]), "sightings")["diameter_mm"].isna().tolist() == [True, False]


def test_ids_go_in_and_come_out():
    """Ids joined in a cell are the ids that were joined."""
    assert split_ids(join_ids(["a b", "河1"])) == ["a b", "河1"]
    assert split_ids(None) == split_ids(float("nan")) == split_ids("") == []


def test_spreadsheet_ids_lose_their_point_zero():
    """An id read as 7.0 by a spreadsheet is the id 7."""
    assert check(sightings(sighting_id=[7.0, 8.0]), "sightings")["sighting_id"].tolist() == ["7", "8"]


def test_an_unknown_rename_names_the_heading_that_was_meant():
    """A rename that names no column is a problem like any other."""
    with pytest.raises(TableError, match="no column '发现日朝' in the table; did you mean '发现日期'"):
        check(sightings(发现日期=["", ""]), "sightings", rename={"发现日朝": "seen_at"})


@pytest.mark.parametrize("text", ["08:30", "03/04/2026", "12.4.26", "April", "1"])
def test_a_time_without_its_year_first_is_no_time(text):
    """A clock alone is not today's, and nobody guesses which number is the month."""
    with pytest.raises(TableError, match="is not a time"):
        check(sightings(seen_at=[text, ""]), "sightings", tz="Asia/Shanghai")


@pytest.mark.parametrize(
    "text", ["2026-04-12 08:30", "2026/4/12 8:30", "20260412083000", "2026年4月12日 08:30", "2026-04-12T08:30"]
)
def test_times_as_offices_write_them(text):
    """One moment in the spellings of forms, spreadsheets and meters."""
    table = check(sightings(seen_at=[text, ""]), "sightings", tz="Asia/Shanghai")
    assert table["seen_at"].iloc[0] == pd.Timestamp("2026-04-12 00:30", tz="UTC")


def test_half_a_character_is_a_problem_like_any_other():
    """A lone surrogate, which no file can hold, is refused with its row and not with a codec error."""
    frame = sightings()
    frame["note"] = pd.Series(["fine", "\ud800"], dtype="object")
    with pytest.raises(TableError, match=r"holds half a character \(row f#3\)"):
        check(frame, "sightings")
