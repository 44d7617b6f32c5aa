"""Meters, long and wide, with the flags and units of HJ 212."""

import pandas as pd
import pytest

from outfall.errors import TableError
from outfall.tables import find_problems, list_issues
from outfall.water import average_readings, read_readings
from tests.laws import shuffled, unchanged


def write(folder, text):
    file = folder / "meters.csv"
    file.write_text(text, encoding="utf-8")
    return file


def test_codes_of_hj_212_bring_their_unit_and_flag(tmp_path):
    """w20120 is in ug/L there; a fault without a value is a reading, an empty cell without a flag is none."""
    file = write(
        tmp_path,
        "MN,DataTime,w01018-Rtd,w01018-Flag,w20120-Rtd,w20120-Flag\n"
        "M1,2026-04-12 08:00,35.2,N,12,N\nM1,2026-04-12 08:10,,B,,\n",
    )
    found = read_readings(file, tz="Asia/Shanghai")
    assert find_problems(found, "readings") == []
    assert found[["parameter", "flag"]].values.tolist() == [["cod", "N"], ["lead", "N"], ["cod", "B"]]
    assert found["value"].tolist()[:2] == [35.2, 0.012]
    assert found["value"].isna().tolist() == [False, False, True]


def test_long_and_wide_meters_say_the_same(tmp_path):
    """Power in kWh, one value per row or one column."""
    wide = read_readings(write(tmp_path, "电表编号,时间,用电量(kWh)\nP1,2026-04-12 01:00,3.5\n"), tz="UTC")
    long = read_readings(
        write(tmp_path, "meter,time,parameter,value,unit\nP1,2026-04-12 01:00,用电量,3500,MWh\n"), tz="UTC"
    )
    assert wide["value"].iloc[0] * 1e6 == long["value"].iloc[0]
    assert wide[["reading_id", "parameter", "unit"]].equals(long[["reading_id", "parameter", "unit"]])


def test_a_flag_or_value_nobody_knows_is_listed(tmp_path):
    """The reading stays, without what could not be read."""
    file = write(tmp_path, "meter,time,COD(mg/L),flag\nM1,2026-04-12 01:00,3,Q\nM1,2026-04-12 02:00,坏,D\n")
    found = read_readings(file, tz="UTC")
    assert found["value"].isna().tolist() == [False, True]
    assert sorted(list_issues(found)["kind"]) == ["unknown_word", "unread_value"]


def test_two_readings_at_one_time_keep_two_ids(tmp_path):
    """A repeated line is not lost; its id says it is the second."""
    file = write(tmp_path, "meter,time,COD(mg/L)\nM1,2026-04-12 01:00,3\nM1,2026-04-12 01:00,4\n")
    assert read_readings(file, tz="UTC")["reading_id"].is_unique


def test_a_meter_without_a_name_is_refused(tmp_path):
    """Say whose readings these are with constants."""
    file = write(tmp_path, "time,COD(mg/L)\n2026-04-12 01:00,3\n")
    with pytest.raises(TableError, match=r"meter_id .* missing"):
        read_readings(file, tz="UTC")
    assert read_readings(file, tz="UTC", constants={"meter_id": "M1"})["meter_id"].tolist() == ["M1"]


def minute_readings(flags):
    """Return one hour of readings, one per minute, with a flag each."""
    start = pd.Timestamp("2026-04-12T01:00Z")
    return pd.DataFrame({
        "meter_id": "M1", "parameter": "cod", "unit": "mg/L", "value": [float(at) for at in range(len(flags))], "flag": flags,
        "read_at": [start + pd.Timedelta(minutes=at) for at in range(len(flags))], "source_ref": [f"a#{at}" for at in range(len(flags))],
    })  # fmt: skip


@pytest.mark.parametrize("flag", list("FMDCTB"))
def test_one_abnormal_reading_makes_an_interval_of_water_abnormal(flag):
    """Any of six flags spoils the hour; the row stays without a value and says why; three quarters suffice for gas."""
    table = minute_readings(["N"] * 59 + [flag])
    with unchanged(table):
        found = average_readings(table).iloc[0]
    assert not found["is_valid"]
    assert pd.isna(found["value"])
    assert flag in found["reason"]
    gas = average_readings(table, least_valid_share=0.75).iloc[0]
    assert gas["value"] == pytest.approx(sum(range(59)) / 59)


def test_values_set_by_hand_and_normal_ones_count_in_any_order():
    """N, S and no flag are valid."""
    table = minute_readings(["N", "S", None] * 20)
    found = average_readings(table)
    assert found["value"].tolist() == [pytest.approx(29.5)]
    pd.testing.assert_frame_equal(found, average_readings(shuffled(table)))
