"""A county small enough to run in seconds: one river with a braid, three sewers, eleven sightings, five sources."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from outfall.chain import run

EAST, NORTH = 500_000.0, 3_450_000.0
TOML = """\
[project]
name = "county"

[[input]]
role = "rivers"
path = "rivers.gpkg"

[[input]]
role = "pipes"
path = "sewers.gpkg"

[[input]]
role = "ground"
path = "walk.csv"

[[input]]
role = "sources"
path = "permits.csv"

[[input]]
role = "results"
path = "lab.csv"
"""


def metric_line(*corners):
    """Return a line from metres east and north of the origin."""
    return shapely.LineString([(EAST + east, NORTH + north) for east, north in corners])


def lonlat(east, north):
    """Return longitude and latitude of metres east and north of the origin."""
    there = gpd.GeoSeries(gpd.points_from_xy(EAST + np.asarray(east), NORTH + np.asarray(north)), crs=4549).to_crs(4490)
    return there.x.round(7).to_numpy(), there.y.round(7).to_numpy()


def rivers():
    """Return a river that runs east and splits round an island."""
    return gpd.GeoDataFrame(
        {"reach_id": ["R1", "R2", "R3", "R4"], "kind": "river", "name": "北河"},
        geometry=[
            metric_line((0, 0), (2000, 0)),
            metric_line((2000, 0), (2500, 200), (3000, 0)),
            metric_line((2000, 0), (2500, -200), (3000, 0)),
            metric_line((3000, 0), (5000, 0)),
        ],
        crs=4549,
    )


def pipes():
    """Return three sewers that end on the north bank."""
    ends = [600, 1400, 3600]
    return gpd.GeoDataFrame(
        {"reach_id": [f"P{at}" for at in ends], "kind": "gravity_sewer", "system": ["foul", "storm", "combined"]},
        geometry=[metric_line((at - 100, 600), (at, 300), (at, 5)) for at in ends],
        crs=4549,
    )


def sightings():
    """Return what a walk wrote down: outfalls along both banks."""
    east = np.array([600, 603, 1000, 1400, 1800, 2300, 3300, 3600, 4000, 4400, 4800])
    north = np.array([6, 4, -5, 6, -5, 115, 5, 6, -6, 5, -4])
    lon, lat = lonlat(east, north)
    return pd.DataFrame(
        {
            "编号": [f"E{at}" for at in range(1, 12)],
            "批次": ["walk-1", "walk-2", *["walk-1"] * 9],
            "名称": ["1号排口", None, *[f"{at}号排口" for at in range(3, 12)]],
            "调查时间": "2026-04-12 09:30",
            "经度": lon,
            "纬度": lat,
            "是否有水": "有",
        }
    )


def permits():
    """Return five invented works."""
    lon, lat = lonlat([500, 1300, 3500, 900, 2600], [610, 605, 602, 90, 80])
    return pd.DataFrame(
        {
            "企业编号": [f"S{at}" for at in range(1, 6)],
            "企业名称": ["甲电镀厂", "乙印染厂", "丙食品厂", "丁小区", "戊养殖场"],
            "行业类别": ["电镀", "印染", "食品", "小区", "养殖"],
            "经度": lon,
            "纬度": lat,
            "排水量(m3/d)": [800, 1200, 600, 300, 200],
        }
    )


def laboratory():
    """Return results of two outfalls, a non-detect among them."""
    return pd.DataFrame(
        {
            "样品编号": ["W1", "W1", "W2", "W2"],
            "排口编号": ["1号排口", "1号排口", "8号排口", "8号排口"],
            "采样时间": "2026-04-14 10:00",
            "项目": ["总镍", "氨氮", "氨氮", "总镍"],
            "结果": ["1.2", "8.4", "21", "<0.05"],
            "单位": "mg/L",
        }
    )


def write_county(folder, *, encoding="utf-8-sig"):
    """Write the county's files and return the folder."""
    folder.mkdir(parents=True)
    rivers().to_file(folder / "rivers.gpkg", layer="rivers")
    pipes().to_file(folder / "sewers.gpkg", layer="pipes")
    sightings().to_csv(folder / "walk.csv", index=False, encoding=encoding)
    permits().to_csv(folder / "permits.csv", index=False, encoding=encoding)
    laboratory().to_csv(folder / "lab.csv", index=False, encoding=encoding)
    (folder / "outfall.toml").write_text(TOML, encoding="utf-8")
    return folder


@pytest.fixture
def county(tmp_path):
    """Return a fresh county in a folder with a blank and Chinese letters in its name."""
    return write_county(tmp_path / "某 县")


@pytest.fixture(scope="session")
def county_run(tmp_path_factory):
    """Return a county that was run once: its folder, its outputs and its summary."""
    folder = write_county(tmp_path_factory.mktemp("chain") / "某 县")
    out = folder.parent / "结 果"
    return folder, out, run(folder, out=out, lang="zh")


def fingerprint(folder):
    """Return every file of a folder with its bytes."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }
