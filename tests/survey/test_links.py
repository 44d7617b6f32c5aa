"""Documents, smoke, radar and tracers become links with a probability."""

import hashlib

import numpy as np
import pandas as pd
import pytest

from outfall.errors import TableError
from outfall.survey import read_links, read_radar_links, read_tracer_links
from outfall.survey.tracer_curve import judge_curve
from outfall.tables import check, list_issues

HOURS = np.arange(-3.0, 12.0, 1 / 6)


def arrival(travel_h, *, mass=40.0, spread_h=0.5, noise=1.0, seed=1000):
    """Return a curve of a tracer that travels a known time, over a noisy background."""
    rng = np.random.default_rng(seed)
    shape = np.exp(-((HOURS - travel_h) ** 2) / (2 * spread_h**2)) / (spread_h * np.sqrt(2 * np.pi))
    return 20.0 + mass * np.where(HOURS > 0, shape, 0.0) + rng.normal(0, noise, len(HOURS))


@pytest.mark.parametrize("travel_h", [1.5, 3.0, 6.0])
def test_a_planted_travel_time_is_recovered(travel_h):
    """Peak and centroid lie within three of their own sigmas of the planted time; the first arrival lies before it."""
    for seed in range(1000, 1010):
        found = judge_curve(HOURS, arrival(travel_h, seed=seed))
        assert found.is_detected
        assert abs(found.centroid_h - travel_h) < 3 * found.centroid_sigma_h + 0.1
        assert abs(found.peak_h - travel_h) < 3 * found.peak_sigma_h + 0.1
        assert found.first_h < travel_h


def test_noise_alone_is_seldom_a_tracer():
    """At most five of two hundred curves without tracer are taken for one."""
    found = [judge_curve(HOURS, arrival(3.0, mass=0.0, seed=seed)) for seed in range(1000, 1200)]
    assert sum(one.is_detected for one in found) <= 5
    assert all(one.connection_share < 0.5 for one in found if not one.is_detected)


def test_units_of_the_meter_do_not_matter():
    """A thousand times the readings is the same answer."""
    one, other = judge_curve(HOURS, arrival(3.0)), judge_curve(HOURS, 1000 * arrival(3.0))
    assert other.connection_share == pytest.approx(one.connection_share)
    assert other.signal_to_noise == pytest.approx(one.signal_to_noise)
    assert other.centroid_h == pytest.approx(one.centroid_h)


def test_a_longer_watch_without_tracer_says_more():
    """Nothing in half an hour is hardly an answer; nothing in a day is one."""
    flat = arrival(3.0, mass=0.0)
    short = judge_curve(HOURS[HOURS < 0.5], flat[HOURS < 0.5])
    long = judge_curve(HOURS * 2, flat)
    assert 0.45 < short.connection_share < 0.5
    assert long.connection_share < 0.2


def tables(folder, values):
    """Return an injection file and a curve file."""
    start = pd.Timestamp("2026-04-12 08:00")
    pd.DataFrame({"试验编号": ["T1"], "投放点": ["W1"], "投放时间": [str(start)]}).to_csv(
        folder / "in.csv", index=False
    )
    times = [str((start + pd.Timedelta(hours=hour)).round("s")) for hour in HOURS]
    curve = pd.DataFrame({"试验编号": "T1", "监测点": "MX-0042", "监测时间": times, "荧光": np.round(values, 4)})
    curve.to_csv(folder / "out.csv", index=False)
    return curve


def test_a_tracer_test_is_a_link_with_reasons(tmp_path):
    """The link says where from, where to, how sure and how long; rows in another order say the same."""
    curve = tables(tmp_path, arrival(3.0))
    one = read_tracer_links(tmp_path / "in.csv", tmp_path / "out.csv", tz="Asia/Shanghai", travel="centroid")
    check(one, "links")
    row = one.iloc[0]
    assert (row["kind"], row["from_id"], row["to_id"]) == ("tracer", "W1", "MX-0042")
    assert row["exists_share"] > 0.97
    assert row["travel_h"] == pytest.approx(3.0, abs=0.15)
    assert str(row["seen_at"]) == "2026-04-12 00:00:00+00:00"
    assert "质心" in row["reason_zh"]
    curve.sample(frac=1, random_state=3).to_csv(tmp_path / "out.csv", index=False)
    other = read_tracer_links(tmp_path / "in.csv", tmp_path / "out.csv", tz="Asia/Shanghai", travel="centroid")
    assert other["travel_h"].tolist() == one["travel_h"].tolist()


def test_a_curve_without_background_is_listed(tmp_path):
    """Without readings before the injection the answer stands, and is said to lean on an assumption."""
    curve = tables(tmp_path, arrival(3.0))
    curve[HOURS >= 0].to_csv(tmp_path / "out.csv", index=False)
    links = read_tracer_links(tmp_path / "in.csv", tmp_path / "out.csv", tz="UTC")
    assert links["exists_share"].iloc[0] > 0.9
    assert list_issues(links)["row_ids"].tolist() == ["T1@MX-0042"]


def test_a_curve_of_no_injection_is_refused(tmp_path):
    """All rows that belong to no test are named."""
    curve = tables(tmp_path, arrival(3.0))
    curve.assign(试验编号="T9").to_csv(tmp_path / "out.csv", index=False)
    with pytest.raises(TableError, match=r"'T9' is no test of the injections \(row out.csv#2, out.csv#3"):
        read_tracer_links(tmp_path / "in.csv", tmp_path / "out.csv", tz="UTC")


def test_times_without_a_zone_are_refused(tmp_path):
    """A clock that does not say its zone needs tz=."""
    tables(tmp_path, arrival(3.0))
    with pytest.raises(TableError, match="no zone"):
        read_tracer_links(tmp_path / "in.csv", tmp_path / "out.csv")


def test_radar_picks_support_one_another(tmp_path):
    """Two profiles say more than one, two picks on one profile do not, and a pick at another depth is listed."""
    (tmp_path / "a.dzt").write_bytes(b"radar")
    file = tmp_path / "picks.csv"
    rows = [
        "W1,P1,L1,1.80,0.1,a.dzt",
        "W1,P1,L2,1.85,0.1,../../etc/passwd",
        "W1,P1,L3,4.0,0.1,",
        "W2,P1,L1,1.8,0.1,",
        "W2,P1,L1,1.8,0.1,",
    ]
    file.write_text("\n".join(["from,to,line,depth_m,depth_sigma_m,radargram", *rows]), encoding="utf-8")
    links = read_radar_links(file)
    check(links, "links")
    assert links["exists_share"].tolist() == [0.75, 0.5]
    assert links["depth_m"].iloc[0] == pytest.approx(1.825)
    assert links["radargrams"].iloc[0] == hashlib.sha256(b"radar").hexdigest()
    issues = list_issues(links).set_index("kind")["row_ids"]
    assert issues["doubtful_value"] == "picks.csv#4"
    assert issues["skipped_file"] == "picks.csv#3"


def test_an_answer_is_a_probability_and_silence_is_refused(tmp_path):
    """Words count by default; a row that says nothing is an error, never a guess."""
    file = tmp_path / "links.csv"
    file.write_text("起点,终点,结果,概率\nW1,P1,连通,\nW2,P1,不通,0.2\nW3,P1,,\n", encoding="utf-8")
    with pytest.raises(TableError, match="1 rows do not say"):
        read_links(file)
    file.write_text("起点,终点,结果,概率\nW1,P1,连通,\nW2,P1,不通,0.2\n", encoding="utf-8")
    links = read_links(file, constants={"kind": "smoke"})
    assert links["exists_share"].tolist() == [0.9, 0.2]
    assert links["kind"].tolist() == ["smoke", "smoke"]
