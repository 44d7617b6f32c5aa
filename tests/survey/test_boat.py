"""A boat's log becomes a track, and its steps become sightings."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from outfall.errors import CoordinateError, OutfallError, TableError
from outfall.survey import read_boat, read_track
from outfall.survey.sensors import find_sensor
from outfall.tables import check, list_issues

_START = pd.Timestamp("2026-04-13 08:00:00")


def _log(count=400, *, steps=((200, 30.0, 1.2),), seed=1, every_s=1):
    rng = np.random.default_rng(seed)
    at = np.arange(count)
    conductivity = 400 + rng.normal(0, 1, count)
    ammonia = 0.5 + rng.normal(0, 0.02, count)
    for start, salt, nitrogen in steps:
        conductivity[start:] += salt
        ammonia[start:] += nitrogen
    times = [str(_START + pd.Timedelta(seconds=int(n) * every_s)) for n in at]
    lon = 114.3 + at * 1.5 / 95_800
    return pd.DataFrame(
        {
            "时间": times,
            "经度": lon.round(7),
            "纬度": 30.6,
            "电导率(μS/cm)": conductivity.round(1),
            "氨氮(mg/L)": ammonia.round(3),
        }
    )


def _write(frame, file, encoding="utf-8-sig"):
    frame.to_csv(file, index=False, encoding=encoding)
    return file


def test_a_planted_outfall_is_one_sighting(tmp_path):
    """Two sensors that step at one place are one sighting, named after the clearest, the other in its note."""
    seen = read_boat(_write(_log(), tmp_path / "tow.csv"), tz="Asia/Shanghai", crs=4490)
    assert len(check(seen, "sightings")) == 1
    row = seen.iloc[0]
    assert (row["platform"], row["survey_id"], row["step_parameter"]) == ("boat", "tow", "ammonia")
    assert row["step_value"] == pytest.approx(1.2, rel=0.1)
    assert "电导率" in row["note"]
    assert row.geometry.x == pytest.approx(114.3 + 200 * 1.5 / 95_800, abs=5 / 95_800)
    assert seen.crs == 4490


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_any_encoding_reads_the_same(tmp_path, encoding):
    """The same log in another encoding gives the same sightings."""
    frame = _log().rename(columns={"电导率(μS/cm)": "电导率(us/cm)"})
    seen = read_boat(_write(frame, tmp_path / "tow.csv", encoding), tz="Asia/Shanghai", crs=4490)
    assert seen["sighting_id"].tolist() == ["tow-step1"]


@pytest.mark.parametrize(
    ("heading", "expected"),
    [
        ("电导率(μS/cm)", ("conductivity", "uS/cm")),
        ("spcond [uS/cm]", ("conductivity", "uS/cm")),
        ("SpCond µS/cm", ("conductivity", "uS/cm")),
        ("NH3-N mg/L", ("ammonia", "mg/L")),
        ("NH4+-N (mg/L)", ("ammonia", "mg/L")),
        ("水温(℃)", ("temperature", "degC")),
        ("Temp °C", ("temperature", "degC")),
        ("ODO mg/L", ("dissolved_oxygen", "mg/L")),
        ("ODO % sat", None),
        ("Turbidity FNU", ("turbidity", "NTU")),
        ("conductivity_uscm", ("conductivity", "uS/cm")),
        ("ammonia_mgl", ("ammonia", "mg/L")),
        ("水质|电导率(mS/cm)", ("conductivity", "mS/cm")),
        ("Battery V", None),
        ("COD(Mn)", ("cod_mn", None)),
        ("pH", ("ph", None)),
    ],
)
def test_a_heading_says_parameter_and_unit(heading, expected):
    """Headings of the usual makers are understood; saturation and voltage are no sensor of ours."""
    assert find_sensor(heading) == expected


def test_other_units_give_the_same_sightings(tmp_path):
    """A log in mS/cm and µg/L tells the same as one in µS/cm and mg/L."""
    frame = _log()
    other = frame.assign(**{"Cond (mS/cm)": frame["电导率(μS/cm)"] / 1000, "NH4-N (ug/L)": frame["氨氮(mg/L)"] * 1000})
    other = other.drop(columns=["电导率(μS/cm)", "氨氮(mg/L)"])
    one = read_boat(_write(frame, tmp_path / "tow.csv"), tz="UTC", crs=4490)
    two = read_boat(_write(other, tmp_path / "tow.csv"), tz="UTC", crs=4490)
    assert two["step_value"].iloc[0] == pytest.approx(one["step_value"].iloc[0])
    assert two.geometry.iloc[0].equals(one.geometry.iloc[0])


def test_rows_in_any_order_are_one_track(tmp_path):
    """A shuffled log gives the same sightings."""
    frame = _log()
    one = read_boat(_write(frame, tmp_path / "tow.csv"), tz="UTC", crs=4490)
    two = read_boat(_write(frame.sample(frac=1, random_state=2), tmp_path / "tow.csv"), tz="UTC", crs=4490)
    columns = ["sighting_id", "seen_at", "step_parameter", "step_value", "sigma_m"]
    pd.testing.assert_frame_equal(one[columns], two[columns], check_like=False)
    assert "clock goes back" in " ".join(list_issues(two)["reason"])


def test_a_second_pass_over_a_place_is_the_same_sighting(tmp_path):
    """Driving back over the same step does not make a second one."""
    there = _log()
    back = there.iloc[::-1].reset_index(drop=True)
    back["时间"] = [str(_START + pd.Timedelta(seconds=401 + n)) for n in range(len(back))]
    seen = read_boat(_write(pd.concat([there, back]), tmp_path / "tow.csv"), tz="UTC", crs=4490)
    assert len(seen) == 1
    assert seen["note"].iloc[0].count("氨氮") == 2


def test_clean_water_has_no_sighting(tmp_path):
    """A log without a step gives an empty table that meets the contract."""
    seen = read_boat(_write(_log(steps=()), tmp_path / "tow.csv"), tz="UTC", crs=4490)
    assert len(check(seen, "sightings")) == 0
    assert isinstance(seen, gpd.GeoDataFrame)


def test_jumps_gaps_and_lost_fixes_are_left_out_and_said(tmp_path):
    """A fix a kilometre away, null island and a row without time do not become steps."""
    frame = _log(steps=())
    frame.loc[100, "经度"] += 0.01
    frame.loc[150, ["经度", "纬度"]] = 0.0
    frame.loc[160, "时间"] = ""
    frame["氨氮(mg/L)"] = frame["氨氮(mg/L)"].astype(object)
    frame.loc[170, "氨氮(mg/L)"] = "<0.02"
    track = read_track(_write(frame, tmp_path / "tow.csv"), tz="UTC", crs=4490)
    assert len(track) == 397
    assert np.isnan(track.loc[track["source_ref"] == "tow.csv#172", "ammonia"]).all()
    assert set(list_issues(track)["kind"]) == {"doubtful_value", "skipped_row", "unread_value"}
    assert track["leg"].eq(1).all()


def test_a_long_pause_ends_a_leg(tmp_path):
    """Readings before and after an hour's pause are not compared."""
    frame = _log(steps=((200, 50.0, 1.0),))
    frame["时间"] = [str(_START + pd.Timedelta(seconds=n + (3600 if n >= 200 else 0))) for n in range(len(frame))]
    file = _write(frame, tmp_path / "tow.csv")
    assert read_track(file, tz="UTC", crs=4490)["leg"].max() == 2
    assert len(read_boat(file, tz="UTC", crs=4490)) == 0


def test_a_time_of_day_needs_a_date(tmp_path):
    """A log without dates is refused, and read once the day is given."""
    frame = _log().assign(时间=lambda log: log["时间"].str.slice(11))
    file = _write(frame, tmp_path / "tow.csv")
    with pytest.raises(TableError, match="without a date"):
        read_boat(file, tz="UTC", crs=4490)
    seen = read_boat(file, tz="UTC", crs=4490, constants={"date": "2026-04-13"})
    assert str(seen["seen_at"].iloc[0].date()) == "2026-04-13"


@pytest.mark.parametrize(
    ("drop", "options", "error", "match"),
    [
        ("时间", {"tz": "UTC", "crs": 4490}, TableError, "seen_at"),
        ("经度", {"tz": "UTC", "crs": 4490}, CoordinateError, "no coordinates"),
        (None, {"tz": "UTC"}, CoordinateError, "crs="),
        (None, {"crs": 4490}, TableError, "no time zone"),
    ],
)
def test_what_is_missing_is_said(tmp_path, drop, options, error, match):
    """No time, no position, no CRS and no zone are each refused with the way out."""
    frame = _log() if drop is None else _log().drop(columns=drop)
    with pytest.raises(error, match=match):
        read_boat(_write(frame, tmp_path / "tow.csv"), **options)


def test_a_log_without_sensors_is_refused(tmp_path):
    """A file of positions is no log of water."""
    frame = _log()[["时间", "经度", "纬度"]]
    with pytest.raises(OutfallError, match="no column is a sensor"):
        read_boat(_write(frame, tmp_path / "tow.csv"), tz="UTC", crs=4490)


def test_shifted_coordinates_are_moved_back(tmp_path):
    """A log in GCJ-02 lies where the same log in WGS 84 lies."""
    from outfall.coordinates import wgs84_to_gcj02

    frame = _log()
    lon, lat = wgs84_to_gcj02(frame["经度"].to_numpy(), frame["纬度"].to_numpy())
    one = read_boat(_write(frame, tmp_path / "a.csv"), tz="UTC", crs=4490)
    two = read_boat(_write(frame.assign(经度=lon, 纬度=lat), tmp_path / "b.csv"), tz="UTC", crs="gcj02")
    assert two.geometry.x.iloc[0] == pytest.approx(one.geometry.x.iloc[0], abs=1e-6)
