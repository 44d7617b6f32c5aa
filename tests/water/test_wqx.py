"""What leaves as WQX comes back the same; what the portal says is understood without guessing numbers."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely import Point

from outfall.errors import TableError, UnitError
from outfall.tables import check, list_issues
from outfall.water.wqx import read_wqx
from outfall.water.wqx_names import ACTIVITY_TYPES, column_names
from outfall.water.wqx_write import write_wqx
from tests.laws import shuffled, unchanged

PARAMETERS = {"ammonia": "mg/L", "lead": "mg/L", "faecal_coliform": "1/L", "temperature": "degC", "ph": "1", "nitrate": "mg/L", "sulphate": "mg/L", "conductivity": "uS/cm", "oxygen_saturation": "%"}  # fmt: skip
SAMPLE_COLUMNS = ["sample_id", "kind", "method", "outfall_id", "source_id", "point_name", "taken_at", "flow_m3s", "note", "parent_sample_id", "batch_id"]  # fmt: skip
RESULT_COLUMNS = ["result_id", "sample_id", "parameter", "qualifier", "value", "unit", "detection_limit", "quantitation_limit", "fraction", "method", "sigma_share", "spike_added", "analysed_at", "value_text", "unit_text"]  # fmt: skip


def tables(seed, count=9):
    """Return invented samples of every kind and their results, non-detects among them."""
    rng = np.random.default_rng(seed)
    kinds = [*ACTIVITY_TYPES][:count]
    taken = pd.Timestamp("2026-04-12T00:00:00.250Z") + pd.to_timedelta(rng.integers(0, 10**6, len(kinds)), unit="s")
    samples = gpd.GeoDataFrame(
        {
            "sample_id": [f"W{at}" for at in range(len(kinds))], "kind": kinds, "method": "laboratory", "taken_at": taken,
            "outfall_id": ["P-1", None, "P-2"] * 3, "source_id": [None, "S1", None] * 3, "point_name": ["桥下", "=1+1", "-3"] * 3,
            "flow_m3s": rng.lognormal(size=len(kinds)), "note": ["'quoted", None, "@home"] * 3, "parent_sample_id": None, "batch_id": "B1", "source_ref": "x",
        },
        geometry=[Point(114 + rng.random(), 30 + rng.random()) for _ in kinds], crs=4326,
    )  # fmt: skip
    rows = []
    for sample in samples["sample_id"][:-1]:
        for parameter, unit in PARAMETERS.items():
            qualifier = str(rng.choice(["=", "<", ">"], p=[0.6, 0.3, 0.1]))
            value = float(rng.lognormal())
            limit = float(rng.lognormal(-2))
            rows.append({
                "result_id": f"{sample}/{parameter}", "sample_id": sample, "parameter": parameter, "unit": unit, "qualifier": qualifier,
                "value": np.nan if qualifier == "<" else value, "detection_limit": limit if qualifier == "<" or rng.random() < 0.5 else np.nan,
                "quantitation_limit": 3 * limit if rng.random() < 0.5 else np.nan, "fraction": rng.choice(["total", "dissolved"]), "method": "field",
                "sigma_share": 0.1, "spike_added": 1.5, "analysed_at": pd.Timestamp("2026-04-13T01:00Z"), "value_text": f"{value:.2f}*", "unit_text": "as written", "source_ref": "x",
            })  # fmt: skip
    return check(samples, "samples"), check(pd.DataFrame(rows), "results")


@pytest.mark.parametrize("seed", range(3))
def test_what_is_written_is_read(tmp_path, seed):
    """Every column of both contracts comes back, to the last digit; only where rows came from is new."""
    samples, results = tables(seed)
    with unchanged(samples, results):
        file = write_wqx(samples, results, tmp_path / "out.csv")
    back = read_wqx(file)
    one, other = (table.set_index("sample_id").sort_index() for table in (samples, back.samples))
    pd.testing.assert_frame_equal(one[SAMPLE_COLUMNS[1:]], other[SAMPLE_COLUMNS[1:]], check_dtype=False)
    assert one.geometry.geom_equals_exact(other.geometry, 0).all()
    left, right = (table.set_index("result_id").sort_index() for table in (results, back.results))
    pd.testing.assert_frame_equal(
        left[RESULT_COLUMNS[1:]], right[RESULT_COLUMNS[1:]], check_dtype=False, rtol=0, atol=0
    )


def test_others_read_the_same_from_the_standard_columns_alone(tmp_path):
    """Without our own columns the numbers, limits, fractions and times are still there."""
    samples, results = tables(5)
    frame = pd.read_csv(write_wqx(samples, results, tmp_path / "out.csv"), dtype=str)
    ours = [name for name in frame.columns if name.startswith("outfall_")]
    assert set(frame.columns) - set(ours) <= {names[0] for names in column_names().values()}
    frame.drop(columns=ours).to_csv(tmp_path / "bare.csv", index=False)
    back = read_wqx(tmp_path / "bare.csv")
    kept = ["sample_id", "parameter", "qualifier", "value", "unit", "detection_limit", "quantitation_limit", "fraction"]
    left, right = (table.set_index("result_id").sort_index()[kept] for table in (results, back.results))
    pd.testing.assert_frame_equal(left, right, check_dtype=False, rtol=1e-14)
    taken = [table.set_index("sample_id")["taken_at"].sort_index() for table in (samples, back.samples)]
    pd.testing.assert_series_equal(*taken, check_dtype=False)


def test_text_that_a_spreadsheet_would_run_is_guarded(tmp_path):
    """No cell of text begins with an equals sign."""
    samples, results = tables(1)
    frame = pd.read_csv(write_wqx(samples, results, tmp_path / "out.csv"), dtype=str)
    assert frame["Location_Name"].dropna().isin(["桥下", "'=1+1", "-3"]).all()


def portal(tmp_path, *rows, head=""):
    names = "OrganizationIdentifier,ActivityIdentifier,ActivityTypeCode,ActivityStartDate,ActivityStartTime/Time,ActivityStartTime/TimeZoneCode,MonitoringLocationIdentifier,CharacteristicName,MethodSpecificationName,ResultSampleFractionText,ResultDetectionConditionText,ResultMeasureValue,ResultMeasure/MeasureUnitCode,MeasureQualifierCode,DetectionQuantitationLimitTypeName,DetectionQuantitationLimitMeasure/MeasureValue,DetectionQuantitationLimitMeasure/MeasureUnitCode"
    file = tmp_path / "wqp.csv"
    lines = [f"X,A{at},Sample-Routine,2026-04-12,08:00:00,EST,L1,{row}" for at, row in enumerate(rows)]
    file.write_text("\n".join([names, *lines]), encoding="utf-8")
    return read_wqx(file)


def test_speciation_conditions_and_limit_units_of_the_portal(tmp_path):
    """As NO3 becomes N, a limit in ng/l beside a unit of ug/l stays what it is, the zone counts, a qualifier B is no boron."""
    found = portal(
        tmp_path,
        "Nitrate,as NO3,Dissolved,,10,mg/l,B,,,",
        "Lead,,Total,Not Detected,,ug/l,U,Method Detection Level,500,ng/l",
        'Lead,,"Filtered, field",Detected Not Quantified,,ug/l,B,Lower Quantitation Limit,2,ug/l',
        '"Temperature, water",,,,50,deg F,,,,',
        "Zinc,,Total,Present Above Quantification Limit,900,ug/l,,,,",
    ).results.set_index("sample_id")  # fmt: skip
    assert found.loc["A0", "value"] == pytest.approx(10 * 14.0067 / 62.0049, rel=1e-5)
    assert found.loc["A1", ["qualifier", "detection_limit"]].tolist() == ["<", pytest.approx(0.0005)]
    assert found.loc["A2", ["qualifier", "detection_limit", "fraction"]].tolist() == [
        "<",
        pytest.approx(0.002),
        "dissolved",
    ]
    assert found.loc["A3", "value"] == pytest.approx(10.0)
    assert found.loc["A4", "qualifier"] == ">"
    assert found.loc["A0", "taken_at"] == pd.Timestamp("2026-04-12T13:00Z")


def test_what_nobody_said_or_knows_is_listed(tmp_path):
    """Ammonia without "as N" is an assumption; an unknown characteristic is left out and named."""
    found = portal(tmp_path, "Ammonia,,Total,,3,mg/l,,,,", "Unobtainium,,,,3,mg/l,,,,").results
    reasons = " ".join(list_issues(found)["reason"])
    assert found["parameter"].tolist() == ["ammonia"]
    assert "do not say how they are counted" in reasons
    assert "Unobtainium" in reasons


def test_a_basis_that_cannot_be_is_refused(tmp_path):
    """Nitrate as P is nobody's nitrate."""
    with pytest.raises(UnitError, match="counted as 'P'"):
        portal(tmp_path, "Nitrate,as P,Total,,3,mg/l,,,,")


def test_a_table_of_something_else_is_refused(tmp_path):
    """No WQX headings, no reading."""
    (tmp_path / "a.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(TableError, match="no WQX table"):
        read_wqx(tmp_path / "a.csv")


def test_results_of_unknown_samples_are_refused(tmp_path):
    """A result without a time and place is no WQX result."""
    samples, results = tables(1)
    with pytest.raises(TableError, match="1 samples are missing"):
        write_wqx(samples[samples["sample_id"] != "W0"], results, tmp_path / "out.csv")


def test_the_order_of_rows_says_nothing(tmp_path):
    """Shuffled results give the same table."""
    samples, results = tables(2)
    one = read_wqx(write_wqx(samples, results, tmp_path / "a.csv")).results.set_index("result_id").sort_index()
    other = (
        read_wqx(write_wqx(samples, shuffled(results), tmp_path / "a.csv")).results.set_index("result_id").sort_index()
    )
    pd.testing.assert_frame_equal(one.drop(columns="source_ref"), other.drop(columns="source_ref"))
