"""Logs of sondes and receivers as they really are written: every line is read, or counted and named."""

from __future__ import annotations

import contextlib

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from outfall.errors import OutfallError, ReadError, TableError
from outfall.survey import read_boat, read_track
from outfall.tables import list_issues

_EXO = (
    "KOR Export File,,,,,\r\nFILE CREATED:,4/14/2026 9:00:00,,,,\r\n,,,,,\r\n"
    ",,,MEAN VALUE:,411.0,18.2,7.1,30.6,114.3\r\n,,,STANDARD DEVIATION:,1.0,0.1,0.2,0,0\r\n"
    ",,,SENSOR SERIAL NUMBER:,19A102,19A102,19A106,,\r\n,,,,,\r\n"
    "Date (MM/DD/YYYY),Time (HH:mm:ss),Time (Fract. Sec),Site Name,SpCond µS/cm,Temp °C,ODO mg/L,GPS Latitude °,GPS Longitude °\r\n"
)


def _exo_rows(count=20):
    return "".join(
        f"04/13/2026,08:{n // 60:02d}:{n % 60:02d},0,reach,{410 + n % 3}.1,18.{n % 7},7.1,30.6,{114.3 + n * 2e-5:.6f}\r\n"
        for n in range(count)
    )


def _nmea(body):
    total = 0
    for sign in body:
        total ^= ord(sign)
    return f"${body}*{total:02X}"


def _gga(second, lon, *, quality=1, hdop=1.0):
    hour, minute = divmod(second // 60, 60)
    degrees = int(lon)
    clock = f"{hour % 24:02d}{minute:02d}{second % 60:02d}.00"
    return _nmea(
        f"GPGGA,{clock},3036.00000,N,{degrees:03d}{(lon - degrees) * 60:08.5f},E,{quality},9,{hdop},20.0,M,,M,,"
    )


def _rmc(second, day="130426"):
    hour, minute = divmod(second // 60, 60)
    return _nmea(
        f"GPRMC,{hour % 24:02d}{minute:02d}{second % 60:02d}.00,A,3036.00000,N,11418.00000,E,3.1,90.0,{day},,,A"
    )


def _receiver(start, count, *, quality=1):
    lines = []
    for n in range(count):
        second = start + n
        lines += [
            _rmc(second, "130426" if second < 86400 else "140426"),
            _gga(second, 114.3 + n * 2e-5, quality=quality),
        ]
        lines += [_nmea("SDDBT,7.9,f,2.40,M,1.3,F"), _nmea("HEHDT,90.0,T"), _nmea(f"YXMTW,{18 + 0.01 * n:.2f},C")]
    return lines


def _sonde(file, count=400, *, clock_s=0.0, temperature=None, own=False):
    rng = np.random.default_rng(3)
    start = pd.Timestamp("2026-04-13 08:00:00")
    at = np.arange(count)
    frame = pd.DataFrame({"time": [str(start + pd.Timedelta(seconds=float(n) - clock_s)) for n in at]})
    frame["SpCond uS/cm"] = 400 + rng.normal(0, 1, count) + np.where(at >= 200, 30, 0)
    if temperature is not None:
        frame["Temp C"] = temperature
    if own:
        frame["lon"], frame["lat"] = 114.3 + at * 2e-5, 30.6
    frame.to_csv(file, index=False)
    return file


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-8-sig", "utf-8", "cp1252"])
def test_a_korexo_export_is_read(tmp_path, encoding):
    """Preamble, UTF-16 and every way to write a micro sign give the same readings."""
    file = tmp_path / "exo.csv"
    file.write_bytes((_EXO + _exo_rows()).encode(encoding))
    track = read_track(file, tz="Asia/Shanghai", crs=4326)
    assert track["conductivity"].tolist()[:3] == [410.1, 411.1, 412.1]
    assert str(track["seen_at"].iloc[0]) == "2026-04-13 00:00:00+00:00"
    assert track["source_ref"].iloc[0] == "exo.csv#9"
    assert {"temperature", "dissolved_oxygen"} <= set(track.columns)


def test_units_in_a_row_below_the_headings_are_read(tmp_path):
    """A Hydrolab-like log: units below, dates as six digits, remarks between the rows."""
    lines = ["Log File Name : tow", "Setup Date (MMDDYY) : 041326", "", "Date,Time,Temp,SpCond,DO,Lat,Long"]
    lines += ["MMDDYY,HHMMSS,øC,mS/cm,mg/l,°,°"]
    lines += [f"041326,0800{n:02d},18.2,0.41{n % 3},7.1,30.6,{114.3 + n * 2e-5:.6f}" for n in range(30)]
    lines.insert(20, "Power loss")
    lines.append("Recovery finished at 041326 090000")
    file = tmp_path / "ds5.txt"
    file.write_bytes("\r\n".join(lines).encode("cp1252"))
    track = read_track(file, tz="UTC", crs=4326)
    assert track["conductivity"].tolist()[:3] == pytest.approx([410.0, 411.0, 412.0])
    assert str(track["seen_at"].iloc[5]) == "2026-04-13 08:00:05+00:00"
    skipped = list_issues(track).query("kind == 'skipped_row'")
    assert set(";".join(skipped["row_ids"]).split(";")) == {"ds5.txt#21", "ds5.txt#37"}


def test_an_aqua_troll_export_is_read(tmp_path):
    """Serial numbers behind the unit, semicolons, decimal commas and day first."""
    head = "Date Time;Actual Conductivity (µS/cm) (672351);Specific Conductivity (µS/cm) (672351);RDO Concentration (mg/L) (680011);Latitude (°);Longitude (°)"
    rows = [
        f"13.04.2026 08:00:{n:02d};380,5;41{n % 3},25;7,1;30,6;{114.3 + n * 2e-5:.6f}".replace("114.", "114,")
        for n in range(20)
    ]
    file = tmp_path / "troll.csv"
    file.write_text("\n".join([head, *rows]), encoding="utf-8")
    track = read_track(file, tz="UTC", crs=4326)
    assert track["conductivity"].tolist()[:3] == [410.25, 411.25, 412.25]
    assert track["dissolved_oxygen"].iloc[0] == 7.1
    assert str(track["seen_at"].iloc[0].date()) == "2026-04-13"


def test_chinese_headings_with_a_unit_row_are_read(tmp_path):
    """Units in a row below Chinese headings, in GB 18030."""
    rows = [f"2026年4月13日 08:00:{n:02d},{114.3 + n * 2e-5:.6f},30.6,0.41{n % 3},18.2" for n in range(20)]
    file = tmp_path / "走航.csv"
    file.write_bytes("\n".join(["时间,经度,纬度,电导率,水温", ",°,°,mS/cm,℃", *rows]).encode("gb18030"))
    track = read_track(file, tz="Asia/Shanghai", crs=4490)
    assert track["conductivity"].tolist()[:3] == pytest.approx([410.0, 411.0, 412.0])


def test_an_nmea_track_places_a_sonde(tmp_path):
    """A sonde without positions gets those of the receiver, its depth and its sigma by the quality of the fix."""
    file = tmp_path / "gps.nmea"
    file.write_text("\n".join(_receiver(8 * 3600, 400, quality=4)), encoding="ascii")
    track = read_track(_sonde(tmp_path / "sonde.csv"), track=file, tz="UTC", rig={"clock_s": 0})
    assert track["sigma_m"].iloc[0] == pytest.approx(0.03)
    assert track.geometry.x.iloc[100] == pytest.approx(114.3 + 100 * 2e-5, abs=1e-7)
    assert track["depth_m"].iloc[5] == pytest.approx(2.4)
    seen = read_boat(tmp_path / "sonde.csv", track=file, tz="UTC", rig={"clock_s": 0})
    assert [row.geometry.x for row in seen.itertuples()] == pytest.approx([114.3 + 200 * 2e-5], abs=12 / 95_800)


@pytest.mark.parametrize("offset", [0.0, 37.0, -64.0])
def test_the_clock_of_a_sonde_is_found_by_what_both_measured(tmp_path, offset):
    """A planted clock error is recovered within two seconds, from temperature or from the sonde's own fixes."""
    wave = 18 + 0.5 * np.sin(np.arange(400) / 30) + np.random.default_rng(1).normal(0, 0.01, 400)
    lines = _receiver(8 * 3600, 400)
    warm = iter(wave)
    lines = [_nmea(f"YXMTW,{next(warm):.3f},C") if "MTW" in line else line for line in lines]
    file = tmp_path / "gps.log"
    file.write_text("\n".join(lines), encoding="ascii")
    for sonde in (
        _sonde(tmp_path / "a.csv", clock_s=offset, temperature=wave),
        _sonde(tmp_path / "b.csv", clock_s=offset, own=True),
    ):
        track = read_track(sonde, track=file, tz="UTC")
        said = " ".join(list_issues(track)["reason"])
        assert "clock" in said
        at = track["source_ref"].str.endswith("#202").to_numpy().argmax()
        assert track.geometry.x.iloc[at] == pytest.approx(114.3 + 200 * 2e-5, abs=2.5 * 2e-5)


def test_two_logs_of_other_hours_are_refused_with_the_way_out(tmp_path):
    """A log in local time beside a receiver in UTC says by how much they differ."""
    file = tmp_path / "gps.log"
    file.write_text("\n".join(_receiver(0, 400)), encoding="ascii")
    with pytest.raises(TableError, match=r"(?s)never overlap.*-28800"):
        read_track(_sonde(tmp_path / "s.csv"), track=file, tz="UTC", rig={"clock_s": 0})


def test_midnight_and_week_rollover_are_put_right(tmp_path):
    """Fixes go on after midnight; a receiver 1024 weeks behind is moved to the day given."""
    lines = _receiver(86400 - 50, 100)
    file = tmp_path / "gps.log"
    file.write_text("\n".join(lines), encoding="ascii")
    track = read_track(file, rename=None)
    assert track["seen_at"].diff().dt.total_seconds().dropna().eq(1.0).all()
    old = [_nmea(line[1:-3].replace("130426", "280806").replace("140426", "290806")) for line in lines]
    file.write_text("\n".join(old), encoding="ascii")
    track = read_track(file, constants={"date": "2026-04-13"})
    assert str(track["seen_at"].iloc[0].date()) == "2026-04-13"


def test_an_nmea_log_without_a_date_needs_one(tmp_path):
    """Times of day alone are refused, and read once the day is given, over midnight."""
    lines = [line for line in _receiver(86400 - 5, 20) if "RMC" not in line]
    file = tmp_path / "gps.log"
    file.write_text("\n".join(lines), encoding="ascii")
    with pytest.raises(TableError, match="constants="):
        read_track(file)
    track = read_track(file, constants={"date": "2026-04-13"})
    assert str(track["seen_at"].iloc[-1].date()) == "2026-04-14"


def test_every_bad_nmea_line_is_counted_and_named(tmp_path):
    """A wrong checksum, a cut line, rubbish, a fix that is none: each is in the issues, by its line."""
    lines = _receiver(8 * 3600, 60)
    lines[11] = lines[11].replace("3036.0", "3037.0")
    lines[16] = lines[16][:30]
    lines[21] = "\x00rubbish"
    lines.append(_gga(8 * 3600 + 61, 114.3, quality=0))
    file = tmp_path / "gps.log"
    file.write_text("\n".join(lines), encoding="ascii")
    issues = list_issues(read_track(file)).query("kind == 'skipped_row'")
    named = ";".join(issues["row_ids"]).split(";")
    assert {"gps.log#12", "gps.log#17", "gps.log#22", f"gps.log#{len(lines)}"} <= set(named)


@pytest.mark.parametrize(
    ("rig", "east_m", "north_m"),
    [({"forward_m": -5.0}, -5.0, 0.0), ({"starboard_m": 3.0}, 0.0, -3.0), ({"cable_m": 20.0}, -20.0, 0.0), ({"delay_s": 10.0}, -19.1, 0.0)],
)  # fmt: skip
def test_positions_are_those_of_the_water(tmp_path, rig, east_m, north_m):
    """On a boat going east, astern is west, starboard is south, and a cable or a delay is way already made."""
    file = _sonde(tmp_path / "s.csv", own=True)
    plain, moved = (read_track(file, tz="UTC", crs=4326, rig=one) for one in (None, rig))
    both = plain.merge(moved, on="source_ref")
    assert len(both) >= 380
    east = (
        (both["geometry_y"].map(lambda p: p.x) - both["geometry_x"].map(lambda p: p.x))
        * 111_320
        * np.cos(np.radians(30.6))
    )
    north = (both["geometry_y"].map(lambda p: p.y) - both["geometry_x"].map(lambda p: p.y)) * 110_860
    assert east.median() == pytest.approx(east_m, abs=0.3)
    assert north.median() == pytest.approx(north_m, abs=0.3)


def test_a_late_sensor_is_moved_back(tmp_path):
    """A sensor that answers ten seconds late reads what was there ten seconds before."""
    file = _sonde(tmp_path / "s.csv", own=True)
    plain, moved = (read_track(file, tz="UTC", crs=4326, rig=rig) for rig in (None, {"response_s": 10.0}))
    assert moved["conductivity"].iloc[100:200].tolist() == pytest.approx(plain["conductivity"].iloc[110:210].tolist())


def test_what_a_rig_cannot_be_is_said_at_once(tmp_path):
    """All that is wrong with a rig stands in one error."""
    rig = {"cabel_m": 3, "delay_s": "ten", "calibration": {"conductivity": [1413, 1400]}}
    with pytest.raises(TableError, match="3 problems") as caught:
        read_track(_sonde(tmp_path / "s.csv", own=True), tz="UTC", crs=4326, rig=rig)
    assert "cabel_m" in str(caught.value)


def test_spikes_and_stuck_readings_are_left_out_and_named(tmp_path):
    """Bubbles and a frozen sensor are missing in the track, with their rows in the issues; nothing else is."""
    file = _sonde(tmp_path / "s.csv", own=True)
    frame = pd.read_csv(file)
    frame.loc[[50, 120], "SpCond uS/cm"] = 900.0
    frame.loc[300:340, "SpCond uS/cm"] = 431.0
    frame.to_csv(file, index=False)
    track = read_track(file, tz="UTC", crs=4326)
    lost = np.flatnonzero(track["conductivity"].isna()).tolist()
    assert lost == [50, 120, *range(301, 341)]
    issues = list_issues(track)
    assert "s.csv#52" in ";".join(issues["row_ids"])
    assert issues["reason"].str.contains("stuck").any()


def test_a_calibrated_sensor_is_put_right(tmp_path):
    """A sensor that reads 2 % low at the end is scaled back in proportion to time."""
    file = _sonde(tmp_path / "s.csv", own=True)
    rig = {"calibration": {"conductivity": [1000.0, 1000.0, 950.0]}}
    plain, fixed = (read_track(file, tz="UTC", crs=4326, rig=one) for one in (None, rig))
    ratio = (fixed["conductivity"] / plain["conductivity"]).to_numpy()
    assert (ratio[0], ratio[-1]) == pytest.approx((1.0, 1 / 0.95))
    assert "drifted by -5.0%" in " ".join(list_issues(fixed)["reason"])


def test_drift_shows_where_the_boat_comes_twice(tmp_path):
    """Out and back over the same water, a sensor that climbs is named; one that does not is not."""
    rng = np.random.default_rng(4)
    at = np.append(np.arange(600), np.arange(600)[::-1])
    frame = pd.DataFrame(
        {"time": [str(pd.Timestamp("2026-04-13 08:00") + pd.Timedelta(seconds=2 * n)) for n in range(1200)]}
    )
    frame["lon"], frame["lat"] = 114.3 + at * 3e-5, 30.6
    for name, climb in (("SpCond uS/cm", 20.0), ("Turbidity NTU", 0.0)):
        frame[name] = 400 + 5 * np.sin(at / 40) + rng.normal(0, 1, 1200) + climb * np.arange(1200) / 1200
    frame.to_csv(tmp_path / "s.csv", index=False)
    said = list_issues(read_track(tmp_path / "s.csv", tz="UTC", crs=4326))["reason"]
    assert said.str.contains("Conductivity: at the same places").any()
    assert not said.str.contains("Turbidity: at the same places").any()


_GOOD = {
    "exo.csv": (_EXO + _exo_rows(30)).encode("utf-16"),
    "gps.log": "\n".join(_receiver(8 * 3600, 20)).encode(),
    "plain.csv": b"time,lon,lat,spcond [uS/cm]\n"
    + b"".join(b"2026-04-13 08:00:%02d,114.3%03d,30.6,41%d\n" % (n, n, n % 4) for n in range(30)),
}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(sorted(_GOOD)),
    cuts=st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 60), st.binary(max_size=12)), max_size=6),
)
def test_damaged_logs_raise_nothing_but_our_errors(tmp_path, name, cuts):
    """Good files with bytes changed, cut or put in are read, or refused by an error of ours."""
    raw = bytearray(_GOOD[name])
    for at, length, fresh in cuts:
        raw[at % len(raw) : at % len(raw) + length] = fresh
        raw = raw or bytearray(b"x")
    file = tmp_path / name
    file.write_bytes(bytes(raw))
    with contextlib.suppress(OutfallError):
        read_track(file, tz="UTC", crs=4326)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(raw=st.binary(min_size=1, max_size=400), ending=st.sampled_from([".csv", ".log", ".txt"]))
def test_any_bytes_raise_nothing_but_our_errors(tmp_path, raw, ending):
    """Rubbish is refused by an error of ours."""
    file = tmp_path / f"any{ending}"
    file.write_bytes(raw)
    with pytest.raises(OutfallError):
        read_track(file, tz="UTC", crs=4326)


def test_a_log_with_no_position_at_all_is_refused(tmp_path):
    """A receiver that never had a fix gives no track."""
    file = tmp_path / "gps.log"
    file.write_text("\n".join(_gga(8 * 3600 + n, 114.3, quality=0) for n in range(9)), encoding="ascii")
    with pytest.raises(ReadError, match="no sentence has a position"):
        read_track(file)
