"""What a cell of a laboratory sheet means."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outfall.water.headings import parse_heading
from outfall.water.values import parse_value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3.1", 3.1), (" １２.５ ", 12.5), ("1,234", 1234.0), ("1，234.5", 1234.5), ("1.2×10^3", 1200.0), ("1.2x10³", 1200.0),
        ("2.4×104", 24000.0), ("1.2E3", 1200.0), ("5×10⁻³", 0.005), ("10^4", 10000.0), ("5.3±0.2", 5.3), ("-12", -12.0), ("−12", -12.0), ("0.12*", 0.12), (7, 7.0),
    ],
)  # fmt: skip
def test_a_measured_value_is_read_however_it_is_written(text, value):
    """Full width, thousands, powers, spreads and footnote stars are all numbers."""
    found = parse_value(text)
    assert (found.state, found.qualifier) == ("read", "=")
    assert found.value == value


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("<0.05", 0.05), ("＜0.05", 0.05), ("〈0.05", 0.05), ("≤0.05", 0.05), ("小于0.05", 0.05), ("0.05L", 0.05), ("0.05 l", 0.05), ("未检出", None), ("ND", None),
        ("n.d.", None), ("<LOD", None), ("低于检出限", None), ("未检出(<0.05)", 0.05), ("ND（0.05）", 0.05), ("0.05ND", 0.05), ("<1×10^-3", 0.001), ("<0", None),
    ],
)  # fmt: skip
def test_a_non_detect_has_a_limit_or_none_and_never_a_value(text, limit):
    """However a laboratory says so, nothing was found; what it was below is kept."""
    found = parse_value(text)
    assert (found.state, found.qualifier) == ("read", "<")
    assert math.isnan(found.value)
    assert math.isnan(found.detection_limit) if limit is None else found.detection_limit == limit


@pytest.mark.parametrize("text", ["", "/", "-", "--", "—", None, "未检测", "N/A", float("nan")])
def test_not_analysed_is_not_a_result(text):
    """A dash says that nobody looked."""
    assert parse_value(text).state == "not analysed"


@pytest.mark.parametrize("text", ["6.5~7.2", "6.5-7.2", "0,05", "约5", "清", "12:30", "2026-04-12", "5 furlong", "无"])
def test_what_is_not_understood_is_not_guessed(text):
    """Ranges, decimal commas and words are left to people."""
    assert parse_value(text).state == "unread"


def test_above_and_units_in_the_cell():
    """More than the instrument can say, and a unit behind the number."""
    assert parse_value("＞2000")[1:3] == (">", 2000.0)
    assert parse_value("12 μg/L")[2] == 12.0
    assert parse_value("12 μg/L").unit == "ug/L"
    assert parse_value("<0.05mg/L").unit == "mg/L"


@given(st.text(max_size=20))
def test_no_text_breaks_it_and_no_non_detect_has_a_value(text):
    """Any text has one of three states; a non-detect never carries a value, least of all 0."""
    found = parse_value(text)
    assert found.state in ("read", "not analysed", "unread")
    if found.qualifier == "<":
        assert math.isnan(found.value)
        assert not found.detection_limit <= 0


@pytest.mark.parametrize(
    ("heading", "parameter", "unit"),
    [
        ("氨氮(mg/L)", "ammonia", "mg/L"), ("氨氮（mg/L）", "ammonia", "mg/L"), ("COD mg/L", "cod", "mg/L"), ("cod_mgl", "cod", "mg/L"), ("氨氮/mg·L-1", "ammonia", "mg/L"),
        ("总磷(以P计,mg/L)", "total_phosphorus", "mg/L"), ("阴离子表面活性剂(LAS)(mg/L)", "surfactants", "mg/L"), ("COD(Mn)(mg/L)", "cod_mn", "mg/L"),
        ("Cr(VI) ug/L", "chromium_vi", "ug/L"), ("pH(无量纲)", "ph", "1"), ("粪大肠菌群(MPN/L)", "faecal_coliform", "1/L"), ("水温(℃)", "temperature", "degC"),
        ("检测结果|氨氮(mg/L)", "ammonia", "mg/L"), ("氨氮|mg/L", "ammonia", "mg/L"), ("w21003-Avg", "ammonia", ""), ("COD", "cod", ""),
    ],
)  # fmt: skip
def test_a_heading_names_its_parameter_and_unit(heading, parameter, unit):
    """Brackets, blanks, underscores, merged headings and codes of HJ 212."""
    found = parse_heading(heading)
    assert (found.parameter, found.unit, found.role) == (parameter, unit, "value")


@pytest.mark.parametrize(
    ("heading", "role"),
    [("氨氮检出限(mg/L)", "limit"), ("氨氮|检出限", "limit"), ("w01018-Flag", "flag"), ("w01018-Min", "other")],
)
def test_a_heading_says_what_its_column_holds(heading, role):
    """Limits and flags beside a parameter are not values."""
    assert parse_heading(heading).role == role


@pytest.mark.parametrize("heading", ["天气", "硝酸盐(以NO7计)(mg/L)", "备注", "铬(三价)", ""])
def test_a_heading_that_could_mean_something_else_is_not_taken(heading):
    """What a bracket says is not dropped; trivalent chromium is not total chromium."""
    assert parse_heading(heading) is None
