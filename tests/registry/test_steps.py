"""What a tow finds is explained by known outfalls; what nobody explains is a suspected outfall near the true one."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from outfall.network import read_network
from outfall.registry import register
from outfall.survey import read_boat

_LAT, _LON = 30.6, 114.3
_METRE = 1 / (111_320 * np.cos(np.radians(_LAT)))


def _network():
    line = shapely.LineString([(_LON, _LAT), (_LON + 4000 * _METRE, _LAT)])
    rivers = gpd.GeoDataFrame({"reach_id": ["R1"], "kind": ["river"]}, geometry=[line], crs=4490)
    return read_network(rivers)


def _tow(file, outfalls_m, *, seed=0):
    """Write a tow up and back along an eastward river, fixes every 4 m with 3 m of error, plumes below each outfall."""
    rng = np.random.default_rng(seed)
    there = np.arange(3900.0, 100.0, -4.0)
    s = np.append(there, there[::-1])
    salt = 400 + rng.normal(0, 1.5, len(s)) + np.cumsum(rng.normal(0, 0.1, len(s)))
    nitrogen = 0.4 + rng.normal(0, 0.03, len(s))
    for at in outfalls_m:
        gone = np.maximum(s - at, 1e-6)
        rise = np.where(s > at, np.sqrt(30 / gone) * np.exp(0.5 - 15 / gone), 0.0)
        salt, nitrogen = salt + 18 * rise, nitrogen + 0.4 * rise
    times = pd.Timestamp("2026-04-13 08:00") + pd.to_timedelta(np.arange(len(s)) * 3, unit="s")
    lon = _LON + (s + rng.normal(0, 1.0, len(s))) * _METRE
    lat = _LAT + (8 + rng.normal(0, 1.0, len(s))) / 110_860
    frame = pd.DataFrame(
        {"时间": times.astype(str), "经度": lon, "纬度": lat, "电导率(μS/cm)": salt, "氨氮(mg/L)": nitrogen}
    )
    frame.to_csv(file, index=False, encoding="utf-8-sig")
    return file


def _walked(outfalls_m):
    points = [shapely.Point(_LON + at * _METRE, _LAT + 15 / 110_860) for at in outfalls_m]
    ids = [f"F{number}" for number in range(1, len(points) + 1)]
    frame = {"sighting_id": ids, "platform": "foot", "survey_id": "walk", "sigma_m": 4.0, "source_ref": ids}
    return gpd.GeoDataFrame(frame, geometry=points, crs=4490)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_an_outfall_nobody_saw_becomes_a_suspected_one(tmp_path, seed):
    """Of two outfalls one is known: its plume is explained by it, the other becomes a suspected outfall within 40 m."""
    seen = read_boat(_tow(tmp_path / "tow.csv", [1000.0, 2600.0], seed=seed), tz="Asia/Shanghai", crs=4490)
    outfalls = register([_walked([1000.0]), seen], _network())
    lon = outfalls.to_crs(4490).geometry.x.to_numpy()
    along = (lon - _LON) / _METRE
    only_boat = outfalls["platforms"].eq("boat").to_numpy()
    assert along[only_boat] == pytest.approx([2600.0], abs=40)
    assert outfalls["status"][only_boat].tolist() == ["suspected"]
    known = outfalls[~only_boat]
    assert known["platforms"].tolist() == ["foot;boat"]


def test_with_every_outfall_known_nothing_is_suspected(tmp_path):
    """Where each plume has its outfall, the tow adds no outfall."""
    seen = read_boat(_tow(tmp_path / "tow.csv", [1000.0, 2600.0]), tz="Asia/Shanghai", crs=4490)
    outfalls = register([_walked([1000.0, 2600.0]), seen], _network())
    assert len(outfalls) == 2
    assert outfalls["platforms"].tolist() == ["foot;boat"] * 2
