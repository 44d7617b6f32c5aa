"""Permit lists become sources; what is not understood is listed and never an error."""

import geopandas as gpd
import pytest
import shapely

from outfall.errors import CoordinateError, TableError
from outfall.sources import is_credit_code, read_sources
from outfall.tables import find_problems, list_issues, split_ids

CODE = "91429900MA000000AN"  # invented; its check character is right
HEAD = "编号,企业名称,行业,统一社会信用代码,排污许可证编号,主要污染物,排水去向,废水排放量(万吨/年),经度,纬度\n"


def read(folder, rows, head=HEAD, **options):
    file = folder / "许可 证.csv"
    file.write_bytes((head + rows).encode("gb18030"))
    return read_sources(file, crs=4490, **options)


def test_a_permit_list_becomes_sources(tmp_path):
    """Trade, pollutants, destination and yearly discharge in the words of the list."""
    rows = f"W1,青禾,棉印染精加工,{CODE},{CODE}001P,化学需氧量、氨氮(NH3-N);总铬,进入城市污水处理厂,3.65,114.3,30.6\n"
    found = read(tmp_path, rows)
    assert find_problems(found, "sources") == []
    row = found.iloc[0]
    assert (row["kind"], row["parameters"], row["system"]) == ("dyeing", "cod;ammonia;chromium", "foul")
    assert row["discharge_m3d"] == pytest.approx(100.0)
    assert row["kind_text"] == "棉印染精加工"
    assert set(list_issues(found)["level"]) == {"note"}


def test_a_trade_or_pollutant_nobody_knows_is_an_issue_and_no_error(tmp_path):
    """The source is kept as other; the file's words are kept too."""
    found = read(tmp_path, "W1,甲,星际航行,,,某酸、COD,,,114.3,30.6\n")
    assert found[["kind", "parameters", "kind_text", "parameters_text"]].values.tolist() == [
        ["other", "cod", "星际航行", "某酸、COD"]
    ]
    assert list_issues(found)["kind"].tolist().count("unknown_word") == 2


def test_a_source_without_coordinates_is_listed_and_left_out(tmp_path):
    """A row that has no place is not lost in silence."""
    found = read(tmp_path, "W1,甲,印染,,,,,,114.3,30.6\nW2,乙,印染,,,,,,,\n")
    assert found["source_id"].tolist() == ["W1"]
    issues = list_issues(found).set_index("kind")
    assert issues.loc["skipped_row", "row_ids"] == "W2"
    assert "乙" in issues.loc["skipped_row", "reason"]


@pytest.mark.parametrize("position", range(18))
def test_the_check_character_sees_every_single_slip(position):
    """GB 32100: changing any one character is noticed."""
    letter = "7" if CODE[position] != "7" else "8"
    assert is_credit_code(CODE)
    assert is_credit_code(f" {CODE.lower()} ")
    assert not is_credit_code(CODE[:position] + letter + CODE[position + 1 :])


@pytest.mark.parametrize("text", ["", None, "91429900MA000000A", "914299OOMA000000AN", float("nan")])
def test_what_is_no_code_is_no_code(text):
    """Too short, letters O and I, nothing."""
    assert not is_credit_code(text)


def test_wrong_codes_are_listed_and_kept_as_written(tmp_path):
    """A failing check character, a permit that is no 22 characters, a permit of somebody else."""
    other = CODE[:17] + "7"
    rows = f"W1,甲,印染,{other},,,,,114.3,30.6\nW2,乙,印染,{CODE},{CODE}1P,,,,114.3,30.6\nW3,丙,印染,{CODE},{other}001P,,,,114.3,30.6\n"
    found = read(tmp_path, rows)
    bad = list_issues(found).query("kind == 'bad_code'")
    assert sorted(bad["row_ids"]) == ["W1", "W2", "W3"]
    assert found["credit_code"].iloc[0] == other


def test_a_list_without_ids_gets_them_from_permits_codes_or_rows(tmp_path):
    """Ids are made, are unique, and an issue says so."""
    head = "企业名称,排污许可证编号,统一社会信用代码,经度,纬度\n"
    rows = f"甲,{CODE}001P,{CODE},114.3,30.6\n乙,,{CODE},114.3,30.6\n丙,,,114.3,30.6\n丁,,,114.3,30.6\n"
    found = read(tmp_path, rows, head)
    assert found["source_id"].tolist()[0] == f"{CODE}001P"
    assert found["source_id"].is_unique
    made = list_issues(found).query("kind == 'assumption'")
    assert made["reason"].tolist() == ["4 rows have no source id: permit number, credit code or file row is used"]
    assert len(split_ids(made["row_ids"].iloc[0])) == 4


def test_areas_become_a_point_inside_each(tmp_path):
    """A works drawn as a polygon is a source too."""
    area = gpd.GeoDataFrame({"id": ["W1"], "name": ["甲"]}, geometry=[shapely.box(0, 0, 10, 10)], crs=4547)
    area.to_file(tmp_path / "works.gpkg")
    found = read_sources(tmp_path / "works.gpkg")
    assert found.geometry.iloc[0].within(area.geometry.iloc[0])
    assert found.crs.to_epsg() == 4547


def test_coordinates_must_say_what_they_are_and_ids_stand_once(tmp_path):
    """No CRS, swapped columns and repeated ids are refused with the way out."""
    file = tmp_path / "a.csv"
    file.write_text("编号,经度,纬度\nW1,114.3,30.6\nW1,114.4,30.6\n", encoding="utf-8")
    with pytest.raises(CoordinateError, match="give crs="):
        read_sources(file)
    with pytest.raises(TableError, match="stands more than once"):
        read_sources(file, crs=4490)
    with pytest.raises(TableError, match="no column '名'"):
        read_sources(file, crs=4490, rename={"名": "name"})


def test_a_list_without_rows_is_an_empty_table(tmp_path):
    """Nothing in, nothing out, with every column."""
    found = read(tmp_path, "")
    assert len(found) == 0
    assert find_problems(found, "sources") == []
