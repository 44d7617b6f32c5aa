"""A walkover form becomes sightings, one per row, as written."""

from __future__ import annotations

import pandas as pd
import pytest
import xlsxwriter

from outfall.coordinates import wgs84_to_gcj02
from outfall.errors import CoordinateError, TableError
from outfall.survey import read_ground
from outfall.tables import check, list_issues

_HEADINGS = [
    "编号",
    "排口名称",
    "排口编码",
    "经度",
    "纬度",
    "类型",
    "口门形态",
    "是否排水",
    "管径(mm)",
    "调查时间",
    "备注",
]
_ROWS = [
    ["1", "柳帆东排口", "MX-0042", "114.300100", "30.600100", "工业", "管道", "有水", "DN600", "2026-04-13 09:10", ""],
    [
        "2",
        "",
        "",
        "114.301100",
        "30.600900",
        "生活污水",
        "明渠",
        "无水",
        "",
        "2026年4月13日 10:00",
        "<script>alert(1)</script>",
    ],
    ["3", "=cmd()", "", "114.302100", "30.601900", "", "箱涵", "不确定", "", "2026/4/13 11:00", "${x}"],
]


def _csv(file, rows=_ROWS, encoding="gb18030"):
    pd.DataFrame(rows, columns=_HEADINGS).to_csv(file, index=False, encoding=encoding)
    return file


def test_a_chinese_form_is_read_as_written(tmp_path):
    """Words become values, the code on site is kept, field text stays text."""
    seen = read_ground(_csv(tmp_path / "徒步 表.csv"), tz="Asia/Shanghai", crs=4490)
    check(seen, "sightings")
    assert seen["sighting_id"].tolist() == ["徒步 表-1", "徒步 表-2", "徒步 表-3"]
    assert seen["platform"].eq("foot").all()
    assert seen["code"].iloc[0] == "MX-0042"
    assert seen["outfall_class"].tolist()[:2] == ["ind.enterprise", "oth.urban_domestic"]
    assert seen["outfall_shape"].tolist() == ["pipe", "open_channel", "box_culvert"]
    assert seen["is_discharging"].tolist() == [True, False, pd.NA]
    assert seen["diameter_mm"].iloc[0] == 600
    assert [str(time) for time in seen["seen_at"]][:2] == ["2026-04-13 01:10:00+00:00", "2026-04-13 02:00:00+00:00"]
    assert seen["note"].iloc[1] == "<script>alert(1)</script>"
    assert seen["name"].iloc[2] == "=cmd()"
    assert seen["source_ref"].iloc[0] == "徒步 表.csv#2"
    assert seen.crs == 4490


def test_merged_headings_are_understood(tmp_path):
    """A workbook with a title and merged headings reads as the flat form does."""
    file = tmp_path / "walk.xlsx"
    with xlsxwriter.Workbook(file) as book:
        sheet = book.add_worksheet("排查")
        sheet.merge_range(0, 0, 0, 5, "某县入河排污口排查表")
        for at, text in ((0, "编号"), (1, "排口编码"), (4, "是否排水"), (5, "备注")):
            sheet.merge_range(1, at, 2, at, text)
        sheet.merge_range(1, 2, 1, 3, "位置")
        sheet.write_row(2, 2, ["经度", "纬度"])
        sheet.write_row(3, 0, ["7", "QH-0017", 114.3, 30.6, "是", "旁有井盖"])
    seen = read_ground(file, crs=4490)
    assert seen[["sighting_id", "code", "is_discharging", "note"]].values.tolist() == [
        ["walk-7", "QH-0017", True, "旁有井盖"]
    ]
    assert (seen.geometry.x.iloc[0], seen.geometry.y.iloc[0]) == (114.3, 30.6)


def test_rows_without_an_id_get_their_row(tmp_path):
    """Ids come from the file row, so that reading twice gives the same."""
    rows = [["", *row[1:]] for row in _ROWS]
    one, two = (read_ground(_csv(tmp_path / "w.csv", rows), tz="UTC", crs=4490) for _ in range(2))
    assert one["sighting_id"].tolist() == two["sighting_id"].tolist() == ["w-row2", "w-row3", "w-row4"]


def test_shifted_positions_are_moved_back(tmp_path):
    """A form filled on a shifted map lies where it was filled."""
    rows = [list(row) for row in _ROWS]
    for row in rows:
        lon, lat = wgs84_to_gcj02(float(row[3]), float(row[4]))
        row[3], row[4] = f"{float(lon):.8f}", f"{float(lat):.8f}"
    seen = read_ground(_csv(tmp_path / "w.csv", rows), tz="UTC", crs="gcj02")
    assert seen.geometry.x.tolist() == pytest.approx([float(row[3]) for row in _ROWS], abs=1e-6)


def test_constants_fill_what_the_file_lacks(tmp_path):
    """A constant never overwrites a column of the file."""
    seen = read_ground(
        _csv(tmp_path / "w.csv"), tz="UTC", crs=4490, constants={"observer": "甲组", "code": "X", "survey_id": "r2"}
    )
    assert seen["observer"].eq("甲组").all()
    assert seen["code"].iloc[0] == "MX-0042"
    assert seen["sighting_id"].iloc[0] == "r2-1"


def test_all_problems_come_at_once(tmp_path):
    """Swapped coordinates, an unknown word and a repeated id are in one message."""
    rows = [list(row) for row in _ROWS]
    rows[0][3], rows[0][4] = rows[0][4], rows[0][3]
    rows[1][5], rows[2][0] = "火星", "1"
    with pytest.raises(CoordinateError, match=r"(?s)swapped.*火星.*more than once"):
        read_ground(_csv(tmp_path / "w.csv", rows), tz="UTC", crs=4490)


def test_a_percentage_is_refused_with_the_way_out(tmp_path):
    """A confidence of 80 says what to divide by."""
    file = tmp_path / "w.csv"
    file.write_text("编号,经度,纬度,可信度\n1,114.3,30.6,80\n", encoding="utf-8")
    with pytest.raises(TableError, match="divide percentages by 100"):
        read_ground(file, crs=4490)


def test_coordinates_must_say_what_they_are(tmp_path):
    """Numbers without a coordinate system are refused."""
    with pytest.raises(CoordinateError, match="crs="):
        read_ground(_csv(tmp_path / "w.csv"), tz="UTC")


def test_rows_without_a_position_are_kept_and_said(tmp_path):
    """An empty position is no error, and no silence."""
    rows = [list(row) for row in _ROWS]
    rows[1][3] = rows[1][4] = ""
    seen = read_ground(_csv(tmp_path / "w.csv", rows), tz="UTC", crs=4490)
    assert seen.geometry.isna().tolist() == [False, True, False]
    issues = list_issues(seen)
    assert issues[issues["kind"] == "no_geometry"]["row_ids"].tolist() == ["w.csv#3"]
