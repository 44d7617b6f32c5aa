"""A pipe inspection becomes connections at a distance along their pipe."""

from __future__ import annotations

import pandas as pd
import pytest

from outfall.errors import ReadError, TableError
from outfall.survey import read_crawler, read_crawler_links
from outfall.survey.codes import read_code
from outfall.tables import check, list_issues

_ROWS = [
    ("Y12", 0.0, "BCD", "顺流", 40.0),
    ("Y12", 3.0, "PL", "顺流", 40.0),
    ("Y12", 12.5, "支管暗接", "顺流", 40.0),
    ("Y12", 20.0, "BCA.A.A", "顺流", 40.0),
    ("Y12", 20.1, "BDE.C.A", "顺流", 40.0),
    ("Y13", 8.0, "AJ", "逆流", 30.0),
]


def _write(rows, file, **options):
    frame = pd.DataFrame(rows, columns=["管段编号", "距离(m)", "缺陷代码", "检测方向", "管段长度(m)"])
    frame.assign(**options).to_csv(file, index=False, encoding="gb18030")
    return file


def test_connections_become_sightings_and_defects_are_counted(tmp_path):
    """Only connections are sightings; a fitting and its water are one; a crack is a number."""
    seen = read_crawler(_write(_ROWS, tmp_path / "cctv.csv"))
    check(seen, "sightings")
    assert seen[["reach_id", "along_m", "connection_kind"]].values.tolist() == [
        ["Y12", 12.5, "connection"],
        ["Y12", 20.1, "wrong_foul"],
        ["Y13", 22.0, "connection"],
    ]
    assert seen.attrs["defects"] == {"PL": 1}
    assert seen["platform"].eq("crawler").all()
    assert seen.geometry.isna().all()
    assert seen["is_discharging"].tolist() == [pd.NA, True, pd.NA]


def test_a_survey_against_the_flow_is_the_same_pipe(tmp_path):
    """Driving the pipe from the other end gives the same distances from upstream."""
    with_flow = [("Y12", along, "AJ", "顺流", 40.0) for along in (1.25, 12.5, 39.0)]
    against = [("Y12", 40.0 - along, "AJ", "逆流", 40.0) for along in (1.25, 12.5, 39.0)]
    one, two = (read_crawler(_write(rows, tmp_path / "cctv.csv")) for rows in (with_flow, against))
    assert one["along_m"].tolist() == two["along_m"].tolist()
    assert one["sighting_id"].tolist() == two["sighting_id"].tolist()


def test_against_the_flow_without_a_length_is_listed(tmp_path):
    """Without the pipe's length the distance from upstream is not known, and nothing is guessed."""
    seen = read_crawler(
        _write([("Y12", 3.0, "AJ", "逆流", None), ("Y12", 5.0, "AJ", "顺流", None)], tmp_path / "cctv.csv")
    )
    assert seen["along_m"].tolist() == [5.0]
    issues = list_issues(seen)
    assert issues["kind"].tolist() == ["skipped_row"]
    assert issues["row_ids"].tolist() == ["cctv.csv#2"]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("AJ", "connection"),
        ("aj", "connection"),
        ("支管暗接", "connection"),
        ("污水接入雨水", "wrong_foul"),
        ("雨水接入污水", "wrong_storm"),
        ("BCAAA", "connection"),
        ("BCA B B", "connection"),
        ("BDEAA", "wrong_foul"),
        ("BDE.Y.A", "wrong_foul"),
        ("BDE-C-B", "wrong_storm"),
        ("BDEAC", "flow"),
        ("BDE", "flow"),
        ("BAB C", "defect"),
        ("BCD", "inventory"),
        ("BDDA", "inventory"),
        ("TBI", "connection"),
        ("AJ3", "connection"),
        ("PL2", "defect"),
        ("渗漏", "defect"),
    ],
)
def test_a_code_says_what_was_seen(text, kind):
    """CJJ 181 style, EN 13508-2 and PACP taps, with names, grades and separators."""
    assert read_code(text).kind == kind


@pytest.mark.parametrize("text", ["", "QQ", "<script>", None, "=cmd()"])
def test_an_unknown_code_is_no_code(text):
    """What is not in the table is not guessed."""
    assert read_code(text) is None


def test_unknown_codes_are_listed(tmp_path):
    """A code nobody knows is named with its row."""
    seen = read_crawler(_write([*_ROWS, ("Y13", 1.0, "QQ", "顺流", 30.0)], tmp_path / "cctv.csv"))
    issues = list_issues(seen)
    assert issues["kind"].tolist() == ["unknown_word"]
    assert "QQ" in issues["reason"].iloc[0]


def test_letters_in_columns_of_their_own(tmp_path):
    """Characterisations may stand beside the code."""
    file = tmp_path / "en.csv"
    file.write_text("pipe,distance,code,ch1,ch2\nP1,4.2,BDE,C,A\n", encoding="utf-8")
    assert read_crawler(file)["connection_kind"].tolist() == ["wrong_foul"]


def test_two_manholes_name_a_pipe(tmp_path):
    """Without a pipe id the two manholes are its name."""
    file = tmp_path / "mh.csv"
    file.write_text("起点井号,终点井号,距离,代码\nW1,W2,4.2,AJ\n", encoding="utf-8")
    assert read_crawler(file)["reach_id"].tolist() == ["W1-W2"]


def test_two_connections_at_one_distance_keep_two_ids(tmp_path):
    """Left and right of one place, told apart by the clock, are two sightings."""
    file = tmp_path / "cctv.csv"
    file.write_text("pipe,distance,code,clock\nP1,4.2,BCA,3\nP1,4.2,BCA,9\n", encoding="utf-8")
    assert read_crawler(file)["sighting_id"].tolist() == ["cctv-P1@4.2", "cctv-P1@4.2/2"]


def test_wrong_connections_are_links(tmp_path):
    """A wrong connection is a proof that the sighting runs into the pipe."""
    links = read_crawler_links(_write(_ROWS, tmp_path / "cctv.csv"))
    check(links, "links")
    assert links[["kind", "from_id", "to_id"]].values.tolist() == [["crawler", "cctv-Y12@20.1", "Y12"]]


def test_no_wrong_connection_is_no_link(tmp_path):
    """A clean inspection gives an empty table that meets the contract."""
    assert len(check(read_crawler_links(_write(_ROWS[:3], tmp_path / "cctv.csv")), "links")) == 0


def test_a_folder_is_one_survey(tmp_path):
    """All tables in a folder are read, in the order of their names."""
    folder = tmp_path / "管道检测 4月"
    folder.mkdir()
    _write([("B", 1.0, "AJ", "顺流", 9.0)], folder / "2.csv")
    _write([("A", 1.0, "AJ", "顺流", 9.0)], folder / "1.csv")
    seen = read_crawler(folder)
    assert seen["reach_id"].tolist() == ["A", "B"]
    assert seen["survey_id"].unique().tolist() == ["管道检测 4月"]


def test_an_empty_folder_is_refused(tmp_path):
    """A folder without a table is an error."""
    with pytest.raises(ReadError, match="no table of observations"):
        read_crawler(tmp_path)


def test_missing_columns_are_all_named(tmp_path):
    """Every missing column is in one message with the headings that are there."""
    file = tmp_path / "x.csv"
    file.write_text("管段编号,天气\nY1,晴\n", encoding="utf-8")
    with pytest.raises(TableError, match=r"(?s)distance_m.*code"):
        read_crawler(file)


def test_a_distance_that_is_none_is_refused(tmp_path):
    """Text and negative distances are named with their row."""
    with pytest.raises(TableError, match="'abc' is not a distance"):
        read_crawler(_write([("Y12", "abc", "AJ", "顺流", 40.0)], tmp_path / "cctv.csv"))
