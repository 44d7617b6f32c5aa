"""Planted failures are found, clean batches are not accused, and nothing is deleted."""

import numpy as np
import pandas as pd
import pytest

from outfall.errors import TableError
from outfall.water import check_quality, check_rules, default_uncertainty, flag_results, with_sigma
from tests.laws import shuffled, unchanged
from tests.water.batches import PARAMETERS, batch


def failed(checks, kind=None):
    """Return the checks that failed."""
    found = checks[~checks["is_passed"].fillna(value=True).astype(bool)]
    return found if kind is None else found[found["kind"] == kind]


def test_clean_batches_are_not_accused():
    """Of 25 batches measured as well as assumed, at most one in ten has any failure (0.27 % is each pair's share at 3 sd)."""
    accused = [len(failed(check_quality(*reversed(batch(seed))))) for seed in range(1000, 1025)]
    assert np.mean(np.array(accused) > 0) <= 0.1


@pytest.mark.parametrize("parameter", PARAMETERS)
@pytest.mark.parametrize("kind", ["field_blank", "trip_blank"])
def test_a_dirty_blank_is_found_and_reaches_what_it_may_explain(kind, parameter):
    """A blank at five quantitation limits fails, with the small results of its batch and none of another parameter."""
    from tests.water.batches import LOQ

    samples, results = batch(1001, blank=((kind, parameter), 5 * LOQ[parameter]))
    checks = check_quality(results, samples)
    found = failed(checks, kind)
    assert found["parameter"].tolist() == [parameter]
    marked = flag_results(results, checks)
    doubtful = marked[marked["quality_flags"].fillna("").str.contains(kind)]
    assert set(doubtful["parameter"]) == {parameter}
    assert (doubtful["value"] <= 5 * found["value"].iloc[0] + 1e-9).all()


@pytest.mark.parametrize("recovery", [0.3, 1.8])
def test_a_bad_recovery_is_found(recovery):
    """Spike and control fail in every parameter, the control for the whole batch."""
    samples, results = batch(1002, recovery=recovery)
    checks = check_quality(results, samples)
    assert set(failed(checks, "control")["parameter"]) == set(PARAMETERS)
    assert len(failed(checks, "spike")) >= 2
    ordinary = set(
        results.loc[results["sample_id"].isin(samples.loc[samples["kind"] == "routine", "sample_id"]), "result_id"]
    )
    marked = flag_results(results, checks)
    assert ordinary <= set(marked.loc[marked["is_doubtful"], "result_id"])


def test_a_wrong_duplicate_is_found():
    """A value ten times its twin is no error of analysis."""
    samples, results = batch(1003)
    at = results.index[results["result_id"] == "B1-12/cod"]
    results.loc[at, ["value", "qualifier"]] = [9000.0, "="]
    results.loc[results["result_id"] == "B1-01/cod", ["value", "qualifier"]] = [900.0, "="]
    found = failed(check_quality(results, samples), "duplicate")
    assert found["row_ids"].tolist() == ["B1-01/cod;B1-12/cod"]
    assert "%" in found["reason"].iloc[0]
    assert "相对偏差" in found["reason_zh"].iloc[0]


def test_a_laboratory_worse_than_it_says_is_found():
    """Duplicates over twelve batches scatter four times as much as stated; those of an honest one do not."""
    for spread, is_found in ((0.32, True), (0.08, False)):
        parts = [batch(1100 + at, spread=spread, batch_id=f"B{at}") for at in range(12)]
        samples, results = (pd.concat([part[at] for part in parts], ignore_index=True) for at in (0, 1))
        series = check_quality(results, samples).query("kind == 'duplicate_series'")
        assert len(series) == len(PARAMETERS)
        assert (len(failed(series)) == len(PARAMETERS)) == is_found
        assert is_found or not len(failed(series))


def test_two_non_detects_agree_and_a_limit_is_not_a_value():
    """Below 10 and 3 do not contradict each other; below 1 and 100 do."""
    samples = pd.DataFrame(
        {"sample_id": ["A", "B"], "kind": ["routine", "duplicate"], "parent_sample_id": [None, "A"], "batch_id": "x"}
    )

    def pair(limit, value):
        nan = float("nan")
        results = pd.DataFrame({"result_id": ["a", "b"], "sample_id": ["A", "B"], "parameter": "cod", "qualifier": ["<", "<" if value is None else "="], "value": [nan, nan if value is None else value], "detection_limit": [limit, limit], "quantitation_limit": 1.0})  # fmt: skip
        return check_quality(results, samples)["is_passed"].tolist()

    assert pair(10.0, 3.0) == [True]
    assert pair(10.0, None) == [True]
    assert pair(1.0, 100.0) == [False]


def test_a_batch_without_control_samples_says_so():
    """Twelve samples, no duplicate, no blank."""
    samples, results = batch(1004)
    ordinary = samples[samples["kind"] == "routine"]
    found = check_quality(results[results["sample_id"].isin(ordinary["sample_id"])], ordinary)
    assert set(failed(found)["kind"]) == {"duplicate_share", "blank_count"}


@pytest.mark.parametrize("scale", [1e-3, 1e3])
def test_the_unit_changes_no_verdict(scale):
    """Milligrams or micrograms: the same passes and failures."""
    samples, results = batch(1005, recovery=0.5, blank=(("field_blank", "cod"), 40.0))
    other = results.copy()
    other[["value", "detection_limit", "quantitation_limit", "spike_added"]] *= scale
    one, two = check_quality(results, samples), check_quality(other, samples)
    pd.testing.assert_frame_equal(one[["check_id", "is_passed", "row_ids"]], two[["check_id", "is_passed", "row_ids"]])


def test_the_order_of_rows_and_the_inputs_do_not_matter_or_change():
    """Shuffled tables give the same checks; nothing is deleted."""
    samples, results = batch(1006, blank=(("trip_blank", "lead"), 0.1))
    with unchanged(samples, results):
        one = check_quality(results, samples)
        marked = flag_results(results, one)
    pd.testing.assert_frame_equal(one, check_quality(shuffled(results), shuffled(samples)))
    assert marked["result_id"].tolist() == results["result_id"].tolist()
    pd.testing.assert_series_equal(marked["value"], results["value"])


def test_rules_are_ours_and_can_be_changed():
    """A stricter rule fails what ours passes; an unknown one is refused; none is a standard's."""
    samples, results = batch(1007)
    strict = check_quality(
        results, samples, rules={"duplicate_rpd_share": 0.0, "duplicate_low_times": 0.0, "duplicate_z": 0.0}
    )
    assert len(failed(strict, "duplicate")) > len(failed(check_quality(results, samples), "duplicate"))
    assert not strict["is_verified"].any()
    with pytest.raises(TableError, match="1 unknown"):
        check_rules({"rpd": 0.1})


def test_field_tests_are_less_sure_than_the_laboratory_unless_they_say_otherwise():
    """Our default sigma by method; the own one wins."""
    rows = pd.DataFrame({"parameter": "cod", "method": ["field", "laboratory", "field"], "value": 100.0, "detection_limit": np.nan, "sigma_share": [np.nan, np.nan, 0.01]})  # fmt: skip
    found = with_sigma(rows)
    assert found["sigma_value"].tolist() == [20.0, 8.0, 1.0]
    assert found["is_sigma_assumed"].tolist() == [True, True, False]
    assert not default_uncertainty()["is_verified"].any()
