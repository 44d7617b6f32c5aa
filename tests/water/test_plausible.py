"""Water that cannot exist is doubted; water that can, and a tie, is not."""

import numpy as np
import pandas as pd
import pytest

from outfall.errors import TableError
from outfall.water import bottle_rules, check_holding, check_plausible
from outfall.water.plausible import _pairs
from tests.laws import shuffled, unchanged


def water(**values):
    """Return one sample's results; a text ``<3`` is a non-detect, a name ending in _d is dissolved."""
    rows = []
    for name, value in values.items():
        below = isinstance(value, str)
        number = float(str(value).lstrip("<"))
        fraction = "dissolved" if name.endswith("_d") else "total"
        rows.append({"result_id": name, "sample_id": "W1", "parameter": name.removesuffix("_d"), "fraction": fraction, "qualifier": "<" if below else "=", "value": np.nan if below else number, "detection_limit": number if below else np.nan})  # fmt: skip
    return pd.DataFrame(rows)


def failures(table, **options):
    with unchanged(table):
        found = check_plausible(table, **options)
    return found.loc[~found["is_passed"].astype(bool), "kind"].tolist()


@pytest.mark.parametrize(("part", "whole", "_zh"), _pairs())
def test_a_part_far_above_its_whole_is_doubted_and_a_tie_is_not(part, whole, _zh):
    """Three times is impossible, five per cent is analysis, a whole below its limit proves as much as the limit does."""
    assert failures(water(**{part: 30.0, whole: 10.0})) == ["part_above_whole"]
    assert failures(water(**{part: 10.5, whole: 10.0})) == []
    assert failures(water(**{part: 10.0, whole: 10.0})) == []
    assert failures(water(**{part: 30.0, whole: "<10"})) == ["part_above_whole"]
    assert failures(water(**{part: "<30", whole: 10.0})) == []


def test_ties_raise_no_false_alarm():
    """A thousand samples whose ammonia is all of their nitrogen: hardly one is doubted (0.13 % expected at 3 sd)."""
    rng = np.random.default_rng(1000)
    count = 1000
    table = pd.DataFrame({
        "result_id": [f"{name}{at}" for name in "ab" for at in range(count)], "sample_id": [*map(str, range(count))] * 2,
        "parameter": ["ammonia"] * count + ["total_nitrogen"] * count, "qualifier": "=", "value": 10 * (1 + 0.08 * rng.standard_normal(2 * count)), "detection_limit": np.nan,
    })  # fmt: skip
    assert len(failures(table)) <= 5


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ({"copper_d": 3.0, "copper": 1.0}, "fraction_above_total"), ({"ph": 15.0}, "out_of_range"), ({"temperature": -9.0}, "out_of_range"),
        ({"dissolved_oxygen": 40.0, "temperature": 20.0}, "oxygen_saturation"), ({"conductivity": 300.0, "chloride": 1000.0}, "conductivity_below_ions"),
    ],
)  # fmt: skip
def test_impossible_water_is_doubted(values, kind):
    """Filtered above whole, pH 15, ice that flows, oxygen beyond algae, salt that does not conduct."""
    assert failures(water(**values)) == [kind]


def test_real_water_is_not():
    """A river, sea water and sewage."""
    river = {"ph": 8.1, "temperature": 18.0, "dissolved_oxygen": 9.4, "conductivity": 420.0, "chloride": 30.0, "sulphate": 45.0, "sodium": 25.0, "calcium": 45.0, "alkalinity": 120.0}  # fmt: skip
    sea = {
        "conductivity": 53000.0,
        "chloride": 19350.0,
        "sodium": 10760.0,
        "sulphate": 2710.0,
        "magnesium": 1290.0,
        "calcium": 411.0,
    }
    sewage = {"ammonia": 38.0, "total_nitrogen": 45.0, "cod": 420.0, "bod5": 190.0, "phosphate": 4.0, "total_phosphorus": 6.0, "conductivity": 1100.0, "chloride": 90.0}  # fmt: skip
    assert [failures(water(**one)) for one in (river, sea, sewage)] == [[], [], []]


def test_the_order_of_rows_says_nothing():
    """Shuffled results give the same checks."""
    table = pd.concat(
        [
            water(ammonia=30.0, total_nitrogen=10.0, ph=7.0),
            water(cod=3.0, bod5=9.0).assign(sample_id="W2", result_id=["c", "d"]),
        ]
    )
    pd.testing.assert_frame_equal(check_plausible(table), check_plausible(shuffled(table)))


def waited(hours, **more):
    taken = pd.Timestamp("2026-04-12T00:00Z")
    return water(bod5=5.0, cod=20.0).assign(
        taken_at=taken, analysed_at=taken + pd.Timedelta(hours=hours), method="laboratory", **more
    )


def test_water_that_waited_too_long_is_named():
    """BOD5 keeps 12 hours and COD two days by our default; the bound itself passes; before sampling is impossible."""
    assert check_holding(waited(12))["is_passed"].tolist() == [True, True]
    assert check_holding(waited(13)).set_index("parameter")["is_passed"].to_dict() == {"bod5": False, "cod": True}
    assert check_holding(waited(-1))["is_passed"].tolist() == [False, False]
    assert not check_holding(waited(13))["is_verified"].any()


def test_holding_rules_can_be_changed_and_field_tests_are_not_judged():
    """A laboratory's own rule wins and may be verified; missing times are undecided."""
    rules = bottle_rules().assign(hold_h=1000.0, is_verified=True)
    found = check_holding(waited(13), rules=rules)
    assert found["is_passed"].all()
    assert found["is_verified"].all()
    assert len(check_holding(waited(13).assign(method="field"))) == 0
    assert check_holding(waited(13).drop(columns="analysed_at"))["is_passed"].isna().all()
    with pytest.raises(TableError, match="no column hold_h"):
        check_holding(waited(1), rules=rules.drop(columns="hold_h"))
