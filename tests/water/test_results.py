"""Sheets of every shape give the same results; nothing becomes 0."""

import numpy as np
import pandas as pd
import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from outfall.errors import ReadError, TableError, UnitError
from outfall.tables import find_problems, list_issues
from outfall.water import read_results, read_samples
from tests.laws import shuffled

PARAMETERS = [("氨氮", "mg/L"), ("总铅", "mg/L"), ("COD", "mg/L"), ("总磷", "mg/L")]
COLUMNS = ["sample_id", "parameter", "qualifier", "value", "unit", "detection_limit"]


def write(folder, text, name="lab.csv"):
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def table(file, **options):
    found = read_results(file, **options)
    assert find_problems(found, "results") == []
    return found[COLUMNS].sort_values(["sample_id", "parameter"]).reset_index(drop=True)


def draw(seed, count=12):
    """Return cells of an invented wide sheet in mg/L: values, non-detects with limits, cells not analysed."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(count):
        cells = []
        for _ in PARAMETERS:
            value = float(f"{rng.lognormal(0, 1):.3g}")
            cells.append({0: "/", 1: f"<{value}", 2: f"{value}L"}.get(int(rng.integers(0, 6)), f"{value}"))
        rows.append([f"W{number:02d}", *cells])
    return pd.DataFrame(rows, columns=["样品编号", *(f"{name}({unit})" for name, unit in PARAMETERS)])


def to_long(wide):
    long = wide.melt("样品编号", var_name="检测项目", value_name="检测结果")
    split = long["检测项目"].str.extract(r"^(.*)\((.*)\)$")
    return long.assign(检测项目=split[0], 单位=split[1])


@pytest.mark.parametrize("seed", range(5))
def test_long_and_wide_say_the_same(tmp_path, seed):
    """The shape of a sheet is not a property of the water."""
    wide = draw(seed)
    wide.to_csv(tmp_path / "wide.csv", index=False)
    to_long(wide).to_csv(tmp_path / "long.csv", index=False)
    pd.testing.assert_frame_equal(table(tmp_path / "wide.csv"), table(tmp_path / "long.csv"))


def test_a_transposed_sheet_says_the_same(tmp_path):
    """A row per parameter and a column per sample is the same sheet lying down."""
    wide = draw(3)
    wide.to_csv(tmp_path / "wide.csv", index=False)
    lying = wide.set_index("样品编号").T.reset_index(names="检测项目")
    lying.insert(1, "单位", "mg/L")
    lying["检测项目"] = lying["检测项目"].str.replace(r"\(.*", "", regex=True)
    lying.to_csv(tmp_path / "lying.csv", index=False)
    pd.testing.assert_frame_equal(table(tmp_path / "wide.csv"), table(tmp_path / "lying.csv"))


@pytest.mark.parametrize("unit", ["μg/L", "ug/L", "微克/升", "ng/L", "g/L"])
def test_the_unit_a_sheet_is_written_in_changes_nothing(tmp_path, unit):
    """mg/L and µg/L files of the same water give the same table."""
    factor = {"ng/L": 1e6, "g/L": 1e-3}.get(unit, 1e3)
    wide = draw(4)

    def scale(cell):
        number = cell.strip("<L")
        return cell if cell == "/" else cell.replace(number, f"{float(number) * factor!r}")

    other = wide.copy()
    other[other.columns[1:]] = other[other.columns[1:]].map(scale)
    other.columns = [name.replace("mg/L", unit) for name in other.columns]
    wide.to_csv(tmp_path / "a.csv", index=False)
    other.to_csv(tmp_path / "b.csv", index=False)
    pd.testing.assert_frame_equal(table(tmp_path / "a.csv"), table(tmp_path / "b.csv"), rtol=1e-12)


def test_shuffling_the_rows_changes_nothing(tmp_path):
    """The order of a sheet is not a property of the water."""
    wide = draw(5)
    wide.to_csv(tmp_path / "a.csv", index=False)
    shuffled(wide).to_csv(tmp_path / "b.csv", index=False)
    pd.testing.assert_frame_equal(table(tmp_path / "a.csv"), table(tmp_path / "b.csv"))


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.sampled_from(["0", "0.0", "未检出", "ND", "<0.05", "0.05L", "<0", "3.1", "/"]), min_size=1, max_size=8)
)
def test_a_non_detect_is_never_zero(tmp_path_factory, cells):
    """Whatever a laboratory or an app writes, no concentration of 0 comes out."""
    rows = "".join(f"W{at},{cell}\n" for at, cell in enumerate(cells))
    found = read_results(write(tmp_path_factory.mktemp("lab"), f"样品编号,氨氮(mg/L)\n{rows}"))
    assert not (found["value"] == 0).any()
    assert found.loc[found["qualifier"] == "<", "value"].isna().all()
    assert not (found["detection_limit"] <= 0).any()
    assert len(found) == sum(cell != "/" for cell in cells)
    assert found.attrs["not_analysed"] == cells.count("/")


@pytest.fixture
def sheet(tmp_path):
    """Return a laboratory sheet as they come: title, merged headings, two units, a limit row, a note below."""
    file = tmp_path / "化验 单.xlsx"
    with xlsxwriter.Workbook(file) as book:
        page = book.add_worksheet()
        page.merge_range(0, 0, 0, 7, "某县排污口检测报告")
        for column, text in enumerate(["样品编号", "采样点位", "采样时间"]):
            page.merge_range(1, column, 2, column, text)
        page.merge_range(1, 3, 1, 5, "检测结果(mg/L)")
        page.merge_range(1, 6, 1, 7, "重金属(μg/L)")
        page.write_row(2, 3, ["pH", "氨氮", "COD", "总铅", "六价铬"])
        page.write_row(3, 0, ["W1", "E1口", "2026-04-12 08:30", 7.2, "0.025L", "1,234", 12, "未检出"])
        page.write_row(4, 0, ["W2", "E2口", "2026-04-12 09:30", "7.0", "１２.5", "＜4", "/", "ND"])
        page.write_row(5, 0, ["检出限", "", "", "", 0.025, 4, 1, 4])
        page.write_row(6, 0, ["备注: 未检出以检出限加L表示"])
    return file


def test_a_sheet_with_merged_headings_and_a_limit_row_is_read(sheet):
    """Units come from the merged headings, limits from the row below; pH takes no part in mg/L."""
    found = read_results(sheet, tz="Asia/Shanghai").set_index(["sample_id", "parameter"])
    assert found.loc[("W1", "lead"), ["value", "unit", "detection_limit"]].tolist() == [0.012, "mg/L", 0.001]
    assert found.loc[("W2", "chromium_vi"), ["qualifier", "detection_limit"]].tolist() == ["<", 0.004]
    assert found.loc[("W1", "ph"), "value"] == 7.2
    assert found.loc[("W1", "cod"), "value"] == 1234.0
    assert ("W2", "lead") not in found.index
    assert set(found["source_ref"]) == {"化验 单.xlsx#4", "化验 单.xlsx#5"}


def test_the_same_sheet_gives_its_samples(sheet):
    """One row per sample, with place and time."""
    samples = read_samples(sheet, tz="Asia/Shanghai")
    assert samples[["sample_id", "point_name"]].values.tolist() == [["W1", "E1口"], ["W2", "E2口"]]
    assert str(samples["taken_at"].iloc[0]) == "2026-04-12 00:30:00+00:00"
    assert find_problems(samples, "samples") == []


def test_a_long_sheet_gives_each_sample_once(tmp_path):
    """Six rows of two samples are two samples; rows that differ are listed."""
    rows = "".join(f"S{n},2026-04-12T0{n}:00+08:00,甲,{p},1\n" for n in (1, 2) for p in ("氨氮", "COD", "总磷"))
    file = write(tmp_path, f"样品编号,采样时间,点位,检测项目,检测结果(mg/L)\n{rows}S1,2026-04-12T01:00+08:00,乙,铜,1\n")
    samples = read_samples(file)
    assert samples[["sample_id", "point_name"]].values.tolist() == [["S1", "甲"], ["S2", "甲"]]
    assert "differ in point_name" in list_issues(samples)["reason"].iloc[0]


def test_a_row_of_units_under_the_headings_is_no_sample(tmp_path):
    """Flow in m3/d becomes m3/s for samples and results alike."""
    file = write(tmp_path, "样品号,采样时间,流量,氨氮,铜\n,,m3/d,mg/L,ug/L\nS1,2026-04-12 08:00,864,3.1,55\n")
    found = read_results(file, tz="UTC").set_index("parameter")["value"]
    assert found.to_dict() == pytest.approx({"flow": 0.01, "ammonia": 3.1, "copper": 0.055})
    assert read_samples(file, tz="UTC")["sample_id"].tolist() == ["S1"]


def test_flow_in_another_unit_becomes_the_flow_of_the_sample(tmp_path):
    """The inventory's m3/d and the field sheet's m3/s are a known trap."""
    file = write(tmp_path, "样品号,采样时间,流量(m3/d),氨氮(mg/L)\nS1,2026-04-12 08:00,864,3.1\n")
    assert read_samples(file, tz="UTC")["flow_m3s"].iloc[0] == pytest.approx(0.01)


def test_what_had_to_be_assumed_is_listed(tmp_path):
    """A missing unit, a bare non-detect, a zero, an unknown pollutant and a range each leave an issue."""
    file = write(tmp_path, "样品编号,检测项目,检测结果\nW1,氨氮,未检出\nW1,COD,0\nW1,某酸,3\nW1,总磷,1~2\n")
    found = read_results(file)
    assert len(found) == 2
    issues = list_issues(found)
    assert sorted(set(issues["kind"])) == ["assumption", "doubtful_value", "unknown_word", "unread_value"]
    assert issues["reason"].str.contains("no unit is given; taken as mg/L").sum() == 2
    assert issues["reason"].str.contains("no detection limit is given").sum() == 2


def test_metals_in_the_wrong_unit_are_doubted_and_kept(tmp_path):
    """Lead of 35 mg/L in half of the samples is more likely 35 ug/L; the values stay as written."""
    rows = "".join(f"W{n},{value}\n" for n, value in enumerate([28, 35, 41, 12]))
    found = read_results(write(tmp_path, f"样品编号,总铅(mg/L)\n{rows}"))
    assert found["value"].tolist() == [28.0, 35.0, 41.0, 12.0]
    assert list_issues(found)["reason"].str.contains("is the unit ug/L").tolist() == [True]


def test_a_part_above_its_whole_is_doubted(tmp_path):
    """Ammonia nitrogen cannot exceed total nitrogen."""
    found = read_results(write(tmp_path, "样品编号,氨氮(mg/L),总氮(mg/L)\nW1,12,5\nW2,3,5\n"))
    assert list_issues(found)["row_ids"].tolist() == ["W1"]


def test_every_unit_that_cannot_be_is_listed_in_one_error(tmp_path):
    """Unknown units and units of something else are refused together, with what was expected."""
    file = write(tmp_path, "样品编号,检测项目,结果,单位\nW1,氨氮,3,furlong\nW2,总铅,3,NTU\n")
    with pytest.raises(UnitError, match="2 units cannot be used") as caught:
        read_results(file)
    assert [problem.rows for problem in caught.value.problems] == [("lab.csv#2",), ("lab.csv#3",)]


def test_a_shared_unit_does_not_reach_what_it_cannot_mean(tmp_path):
    """mg/L above all columns leaves pH, temperature and conductivity alone."""
    rows = "样品编号,检测结果(mg/L),,,\n样品编号,pH,电导率,氨氮,水温\nW1,7,800,3,18\n"
    file = tmp_path / "lab.xlsx"
    with xlsxwriter.Workbook(file) as book:
        page = book.add_worksheet()
        page.merge_range(0, 1, 0, 4, "检测结果(mg/L)")
        page.merge_range(0, 0, 1, 0, "样品编号")
        for row, line in enumerate(rows.splitlines()[1:], start=1):
            page.write_row(row, 1, line.split(",")[1:])
        page.write(2, 0, "W1")
    found = read_results(file)
    assert found.set_index("parameter")["value"].to_dict() == {
        "ph": 7,
        "conductivity": 800,
        "ammonia": 3,
        "temperature": 18,
    }
    assert list_issues(found)["decision"].tolist() == ["taken as uS/cm"]


def test_constants_and_renames_fill_what_the_file_lacks(tmp_path):
    """A unit for the whole file, a method, and a heading nobody could know."""
    file = write(tmp_path, "No,what,res\nW1,氨氮,250\n")
    names = {"No": "sample_id", "what": "parameter", "res": "value"}
    found = read_results(file, rename=names, constants={"unit": "ug/L", "method": "field"})
    assert found[["value", "method"]].values.tolist() == [[0.25, "field"]]
    with pytest.raises(TableError, match="no column 'wot'"):
        read_results(file, rename={"wot": "parameter"})


def test_times_without_a_zone_are_refused(tmp_path):
    """Nobody guesses the clock."""
    with pytest.raises(TableError, match="has no time zone"):
        read_results(write(tmp_path, "样品编号,采样时间,氨氮(mg/L)\nW1,2026-04-12 08:00,1\n"))


def test_a_file_without_parameters_or_rows_gets_a_clear_answer(tmp_path):
    """No parameter: say how to name one. No rows: an empty table. No bytes: a refusal."""
    with pytest.raises(TableError, match="neither a long nor a wide table"):
        read_results(write(tmp_path, "天气,风向\n晴,东\n"))
    assert len(read_results(write(tmp_path, "样品编号,氨氮(mg/L)\n"))) == 0
    with pytest.raises(ReadError, match="empty"):
        read_results(write(tmp_path, ""))


def test_samples_with_coordinates_become_points(tmp_path):
    """AMap coordinates are converted; a row without coordinates has no point."""
    file = write(
        tmp_path, "样品编号,采样时间,经度,纬度,氨氮(mg/L)\nW1,2026-04-12 08:00,114.3,30.6,1\nW2,2026-04-12 09:00,,,2\n"
    )
    samples = read_samples(file, crs="gcj02", tz="Asia/Shanghai")
    assert samples.crs.to_epsg() == 4490
    assert samples.geometry.isna().tolist() == [False, True]
    assert 0.001 < abs(samples.geometry.x.iloc[0] - 114.3) < 0.01
