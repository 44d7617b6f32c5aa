"""Deliveries of laboratories: codes mean what they mean, limits keep their unit, files are joined by their keys."""

import pandas as pd
import pytest

from outfall.errors import ReadError, TableError
from outfall.tables import find_problems, list_issues
from outfall.water import check_quality, read_edd, read_results
from tests.laws import shuffled

FLAT = """Client Sample ID,Date Collected,Sample Type,Parent Sample ID,Analyte,Result,Units,Lab Qualifiers,MDL,RL,MDL Units,Total or Dissolved
W1,04/13/2026 08:30,N,,Lead,12,ug/L,,0.0005,0.002,mg/L,T
W1,04/13/2026 08:30,N,,Lead,2,ug/L,U,0.5,2,ug/L,D
W1,04/13/2026 08:30,N,,Nitrate,10,mg/L as NO3,J,,,,T
W2,04/13/2026 08:40,FD,W1,Lead,11,ug/L,,0.5,2,ug/L,T
W3,04/13/2026 08:50,TB,,Lead,,ug/L,ND,0.5,2,ug/L,T
"""
SAMPLES = "#sys_sample_code,sample_type_code,sample_date,sample_time,sys_loc_code\nW1,N,2026-04-12,08:30,P1\nW2,FB,2026-04-12,09:00,P1\n"
TESTS = "sys_sample_code,lab_anl_method_name,analysis_date,analysis_time,total_or_dissolved\nW1,M1,2026-04-13,10:00,T\nW2,M1,2026-04-13,11:00,T\n"
BATCHES = "sys_sample_code,lab_anl_method_name,test_batch_id\nW1,M1,B7\nW2,M1,B7\n"
RESULTS = "sys_sample_code,lab_anl_method_name,total_or_dissolved,cas_rn,chemical_name,result_value,result_unit,detect_flag,reporting_detection_limit,method_detection_limit,detection_limit_unit,reportable_result\nW1,M1,T,1,Zinc,30,ug/L,Y,5,1,ug/L,Yes\nW2,M1,T,1,Zinc,,ug/L,N,5,1,ug/L,Yes\nW1,M1,T,1,Zinc,44,ug/L,Y,5,1,ug/L,No\n"
OPTIONS = {"tz": "Asia/Shanghai"}


def write(folder, **files):
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return folder


def test_a_flat_table_with_codes_and_limits_of_their_own_unit(tmp_path):
    """U and ND are below the reporting limit, J is measured, MDL in mg/L beside a result in ug/L, as NO3 becomes N."""
    found = read_edd(write(tmp_path, edd=FLAT) / "edd.csv", **OPTIONS)
    assert find_problems(found.results, "results") == find_problems(found.samples, "samples") == []
    rows = found.results
    assert rows["qualifier"].tolist() == ["=", "<", "=", "=", "<"]
    assert rows["detection_limit"].tolist()[:2] == [pytest.approx(0.0005), pytest.approx(0.002)]
    assert rows["fraction"].tolist() == ["total", "dissolved", "total", "total", "total"]
    assert rows["value"].tolist()[2] == pytest.approx(10 * 14.0067 / 62.0049, rel=1e-5)
    assert found.samples["kind"].tolist() == ["routine", "duplicate", "trip_blank"]
    assert found.samples["taken_at"].iloc[0] == pd.Timestamp("2026-04-13T08:30+08:00")
    assert check_quality(rows, found.samples).query("kind == 'duplicate'")["is_passed"].all()


def test_four_files_are_one_delivery(tmp_path):
    """Samples, tests, batches and results are joined; what the laboratory does not stand by is left out and named."""
    write(tmp_path, sample=SAMPLES, tests=TESTS, batch=BATCHES, results=RESULTS)
    found = read_edd(tmp_path, **OPTIONS)
    assert found.samples.set_index("sample_id")["batch_id"].to_dict() == {"W1": "B7", "W2": "B7"}
    assert found.results["qualifier"].tolist() == ["=", "<"]
    assert found.results["detection_limit"].tolist() == [pytest.approx(0.001), pytest.approx(0.005)]
    assert found.results["analysed_at"].iloc[0] == pd.Timestamp("2026-04-13T10:00+08:00")
    assert "not reportable" in " ".join(list_issues(found.results)["reason"])


def test_the_order_of_rows_and_files_says_nothing(tmp_path):
    """Shuffled lines give the same results."""
    write(tmp_path, sample=SAMPLES, tests=TESTS, batch=BATCHES, results=RESULTS)
    one = read_edd([tmp_path / f"{name}.csv" for name in ("results", "sample", "tests", "batch")], **OPTIONS).results
    frame = shuffled(pd.read_csv(tmp_path / "results.csv", dtype=str))
    frame.to_csv(tmp_path / "results.csv", index=False)
    other = read_edd([tmp_path / f"{name}.csv" for name in ("batch", "tests", "results", "sample")], **OPTIONS).results
    pair = [table.drop(columns="source_ref").set_index("result_id").sort_index() for table in (one, other)]
    pd.testing.assert_frame_equal(*pair)


def test_what_is_no_delivery_is_refused(tmp_path):
    """An empty folder, and a table without analytes."""
    with pytest.raises(ReadError, match="holds no table"):
        read_edd(tmp_path)
    write(tmp_path, a="x,y\n1,2\n")
    with pytest.raises(TableError, match="no results in the delivery"):
        read_edd(tmp_path)


@pytest.mark.parametrize(
    "cell", ["ND", "<0.05", "<0.05L", "0.05L", "未检出", "N.D.", "＜0.05", "未检出(0.05)", "低于检出限", "0.05 L"]
)
def test_chinese_laboratories_write_non_detects_in_many_ways(tmp_path, cell):
    """Each is below something and none is a number."""
    (tmp_path / "lab.csv").write_text(f"样品编号,氨氮(mg/L)\nW1,{cell}\nW2,/\nW3,—\nW4,1.5\n", encoding="utf-8")
    found = read_results(tmp_path / "lab.csv")
    assert found["qualifier"].tolist() == ["<", "="]
    assert found["value"].isna().tolist() == [True, False]


def test_fractions_limits_of_quantitation_and_the_way_of_counting_come_from_headings(tmp_path):
    """溶解性总磷 beside 总磷, 定量限 as a row, nitrate as NO3 under a merged unit."""
    text = "样品编号,总磷(mg/L),溶解性总磷(μg/L),硝酸盐(以NO3计)(mg/L)\n定量限,0.04,40,0.2\nW1,0.5,ND,10\n"
    (tmp_path / "lab.csv").write_text(text, encoding="utf-8")
    found = read_results(tmp_path / "lab.csv")
    assert found["fraction"].fillna("").tolist() == ["", "dissolved", ""]
    assert found["quantitation_limit"].tolist() == pytest.approx([0.04, 0.04, 0.2 * 0.2258967])
    assert found["detection_limit"].tolist()[1] == pytest.approx(0.04)
    assert found["value"].tolist()[2] == pytest.approx(2.258967)
