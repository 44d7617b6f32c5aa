"""Limits are those of the standards, and exceeding them is said only where it can be said."""

import math

import pandas as pd
import pytest

from outfall.errors import TableError
from outfall.tables import find_problems
from outfall.water import find_exceedances, read_limits
from tests.laws import unchanged

GB3838 = {"standard": "GB 3838-2002"}


def results(*rows):
    """Return results from (parameter, qualifier, value or limit)."""
    table = pd.DataFrame(rows, columns=["parameter", "qualifier", "number"])
    table["value"] = table["number"].where(table["qualifier"] != "<")
    table["detection_limit"] = table["number"].where(table["qualifier"] == "<")
    return table.assign(sample_id="W1")


def judged(*rows, **options):
    table, limits = results(*rows), read_limits()
    with unchanged(table, limits):
        found = find_exceedances(table, limits, **options)
    assert found["parameter"].tolist() == table["parameter"].tolist()
    return [None if pd.isna(flag) else bool(flag) for flag in found["is_exceeded"]], found["multiple_share"].tolist()


def test_limits_meet_their_contract_and_are_verified():
    """What was read in the standard says so; second-hand values never do."""
    limits = read_limits()
    assert find_problems(limits, "limits") == []
    read = limits["standard"].str.contains("GB 3838|GB 8978|GB 18918")
    assert limits.loc[read, "is_verified"].all()
    assert not limits.loc[~read, "is_verified"].any()
    assert limits["limit_id"].is_unique


@pytest.mark.parametrize(
    ("standard", "grade", "parameter", "value"),
    [
        ("GB 3838-2002", "III", "ammonia", 1.0), ("GB 3838-2002", "I", "mercury", 0.00005), ("GB 3838-2002", "V", "faecal_coliform", 40000),
        ("GB 3838-2002", "III", "total_phosphorus", 0.2), ("GB 3838-2002", "III lake", "total_phosphorus", 0.05), ("GB 3838-2002", "III lake", "total_nitrogen", 1.0),
        ("GB 8978-1996", "1", "cod", 100), ("GB 8978-1996", "3", "cod", 500), ("GB 8978-1996", "2", "nickel", 1.0), ("GB 18918-2002", "1A", "cod", 50),
        ("GB 18918-2002", "1B", "total_nitrogen", 20), ("GB 18918-2002", "2", "cadmium", 0.01),
    ],
)  # fmt: skip
def test_values_are_those_of_the_standard(standard, grade, parameter, value):
    """Spot checks against the text."""
    limits = read_limits()
    found = limits[(limits["standard"] == standard) & (limits["grade"] == grade) & (limits["parameter"] == parameter)]
    assert found["value"].tolist() == [value]


def test_total_nitrogen_is_limited_in_lakes_only_and_grade_three_has_no_ammonia():
    """What the standard does not limit, we do not."""
    assert judged(("total_nitrogen", "=", 9.0), **GB3838, grade="III") == (
        [None],
        [pytest.approx(math.nan, nan_ok=True)],
    )
    assert judged(("ammonia", "=", 900.0), standard="GB 8978-1996", grade="3")[0] == [None]


def test_classes_grow_laxer_from_one_to_five():
    """No limit of a lower class is stricter, DO included."""
    limits = read_limits()
    rivers = limits[(limits["standard"] == "GB 3838-2002") & ~limits["grade"].str.contains("lake")]
    for (_, qualifier), rows in rivers.groupby(["parameter", "qualifier"]):
        values = rows.set_index("grade")["value"].reindex(["I", "II", "III", "IV", "V"])
        assert values.is_monotonic_increasing if qualifier == "<" else values.is_monotonic_decreasing


def test_measured_values_say_how_many_times():
    """Value over limit; equal to the limit is not above it."""
    flags, times = judged(("ammonia", "=", 3.0), ("ammonia", "=", 1.0), ("cod", "=", 10.0), **GB3838, grade="III")
    assert flags == [True, False, False]
    assert times == [3.0, 1.0, 0.5]


def test_a_non_detect_is_judged_only_where_its_limit_allows():
    """Below 0.5 meets 1.0; below 5 says nothing about 1.0; without a limit nothing at all."""
    flags, times = judged(
        ("ammonia", "<", 0.5), ("ammonia", "<", 5.0), ("ammonia", "<", math.nan), **GB3838, grade="III"
    )
    assert flags == [False, None, None]
    assert all(math.isnan(value) for value in times)


def test_above_the_range_exceeds_where_the_range_ends_above_the_limit():
    """More than 2000 exceeds 20; more than 10 may or may not."""
    assert judged(("cod", ">", 2000.0), ("cod", ">", 10.0), **GB3838, grade="III")[0] == [True, None]


def test_oxygen_is_a_least_and_ph_a_range():
    """DO of 2 where 5 is wanted, pH of 10 or 5 where 6 to 9 is wanted."""
    rows = [("dissolved_oxygen", "=", 2.0), ("dissolved_oxygen", "=", 8.0), ("dissolved_oxygen", "<", 0.5)]
    rows += [("ph", "=", 10.0), ("ph", "=", 5.0), ("ph", "=", 7.0), ("ph", "=", 8.0)]
    flags, times = judged(*rows, **GB3838, grade="III")
    assert flags == [True, False, True, True, True, False, False]
    assert times[:2] + times[3:] == [2.5, 0.625, 1.5, 2.0, 0.0, 0.5]


def test_a_limit_that_depends_on_temperature_follows_the_sample():
    """Ammonia of 6 at a treatment works: above 5 in warm water, within 8 in cold, unsaid without a thermometer."""
    works = {"standard": "GB 18918-2002", "grade": "1A"}
    assert judged(("ammonia", "=", 6.0), ("temperature", "=", 20.0), **works)[0][0] is True
    assert judged(("ammonia", "=", 6.0), ("temperature", "=", 9.0), **works)[0][0] is False
    assert judged(("ammonia", "=", 6.0), **works)[0] == [None]
    assert judged(("ammonia", "=", 9.0), **works)[0] == [True]
    assert judged(("ammonia", "=", 4.0), **works)[0] == [False]


def test_an_edition_that_does_not_exist_is_refused():
    """Inventories cite GB3838-2011; there is no such edition."""
    with pytest.raises(TableError, match="write one of GB 3838-2002"):
        judged(("cod", "=", 1.0), standard="GB3838-2011", grade="III")
    with pytest.raises(TableError, match="write one of I, II"):
        judged(("cod", "=", 1.0), **GB3838, grade="VI")


def test_what_cannot_be_decided_is_said_in_a_word():
    """A limit below the laboratory's, a filtered metal below its limit: undecided; a filtered one above: exceeded."""
    table = results(
        ("lead", "<", 1.0), ("lead", "<", 0.01), ("lead", "=", 0.01), ("lead", "=", 9.0), ("chloride", "=", 1.0)
    )
    table["fraction"] = ["total", "total", "dissolved", "dissolved", "total"]
    found = find_exceedances(table, read_limits(), standard="GB 3838-2002", grade="III")
    assert found["verdict"].fillna("none").tolist() == ["undecided", "met", "undecided", "exceeded", "none"]
    assert found["is_verified"].fillna(value=False).tolist() == [True, True, True, True, False]


def test_black_odorous_water_is_found_by_any_of_its_signs():
    """Oxygen, transparency and redox potential at least, ammonia at most; a multiple of a negative bound means nothing."""
    rows = [("dissolved_oxygen", "=", 0.1), ("transparency", "=", 30.0), ("orp", "=", -250.0), ("ammonia", "=", 9.0)]
    heavy, times = judged(*rows, standard="black-odorous 2015", grade="heavy")
    assert heavy == [True, False, True, False]
    assert math.isnan(times[2])
    assert judged(*rows, standard="black-odorous 2015", grade="light")[0] == [True, False, True, True]


def test_a_permit_is_a_table_of_limits(tmp_path):
    """Own limits count as not verified, in their own unit."""
    (tmp_path / "permit.csv").write_text(
        "标准,类别·级别,项目,限值,单位\n许可证1,日均,总铅,50,μg/L\n许可证1,日均,COD,80,mg/L\n", encoding="utf-8"
    )
    limits = read_limits(tmp_path / "permit.csv")
    assert not limits["is_verified"].any()
    table = results(("lead", "=", 0.1), ("cod", "=", 40.0))
    found = find_exceedances(table, limits, standard="许可证1", grade="日均")
    assert found["multiple_share"].tolist() == [pytest.approx(2.0), 0.5]
