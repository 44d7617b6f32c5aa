"""A hand-made river with three outfalls, two sources and the trace of them."""

from __future__ import annotations

from types import SimpleNamespace

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from outfall.tables import check

HOSTILE = [
    "=cmd|'/C calc'!A0",
    "=1+1",
    "+86 138",
    "-3号排口",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    " =1+1",
    "'=1",
    "''=1",
    "＝1+1",
    "<script>document.title='x'</script>",
    "${alert(1)}",
    "{{ 7*7 }}",
    '"><img src=x onerror=alert(1)>',
    "http://example.invalid/",
    "007",
    "1e5",
    "_x0041_",
    "a\nb",
    '排囗,"乙"',
    "TRUE",
    "'",
    "-",
]


@pytest.fixture
def outfalls():
    """Return three outfalls on a river that runs east, in a metric CRS."""
    frame = gpd.GeoDataFrame(
        {
            "outfall_id": ["MX-0042", "P-1a2b3c4d", "P/..\\x:*?"],
            "code_national": ["FA-000000-0042-GY-00", None, None],
            "code_local": [None, "L-7", None],
            "name": ["丁村西南546米工业企业排污口", "东门2号排口", None],
            "status": ["confirmed", "suspected", "suspected"],
            "outfall_class": ["ind.enterprise", "oth.urban_storm", None],
            "outfall_shape": ["pipe", None, None],
            "is_discharging": [True, False, None],
            "diameter_mm": [600.0, None, None],
            "receiving_water": ["北河", "北河", "北河"],
            "reach_id": ["R1", "R1", "R2"],
            "chainage_m": [12300.4, 999.6, 0.0],
            "side": ["left", "right", None],
            "place_share": [0.9, 0.8, 0.7],
            "sigma_m": [2.0, 8.0, None],
            "first_seen_at": pd.to_datetime(["2026-04-12T01:30Z", None, None]),
            "last_seen_at": pd.to_datetime(["2026-04-13T02:00Z", None, None]),
            "sighting_ids": ["E1;E2", "E3", "E4"],
            "platforms": ["drone;foot", "boat", "boat"],
            "photo_ids": ["near.jpg;../../etc/passwd", None, "huge.png"],
            "county_code": ["000101", None, None],
            "address": ["丁村", None, None],
            "reason_zh": ["两次疑似点相距 3 m", None, None],
            "source_ref": ["register(E1;E2)", "register(E3)", "register(E4)"],
        },
        geometry=gpd.points_from_xy([500100.0, 500700.0, 501400.0], [3450010.0, 3449990.0, 3450000.0]),
        crs=4549,
    )
    return check(frame, "outfalls")


@pytest.fixture
def sources():
    """Return two works beside the river."""
    frame = gpd.GeoDataFrame(
        {
            "source_id": ["S1", "S2"],
            "name": ["甲电镀厂", "乙印染厂"],
            "kind": ["electroplating", "dyeing"],
            "source_ref": ["permits.xlsx#3", "permits.xlsx#4"],
        },
        geometry=gpd.points_from_xy([499600.0, 499800.0], [3450300.0, 3449700.0]),
        crs=4549,
    )
    return check(frame, "sources")


@pytest.fixture
def found(outfalls, sources):
    """Return a trace of the first outfall."""
    rows = [("S1", 1, 0.62, 0.4), ("unregistered", 2, 0.28, 0.15), ("S2", 3, 0.0999, 0.4), ("S3", 4, 0.0001, 0.05)]
    candidates = pd.DataFrame(
        {
            "candidate_id": [f"c{rank}" for _, rank, *_ in rows],
            "outfall_id": "MX-0042",
            "source_id": [name for name, *_ in rows],
            "rank": [rank for _, rank, *_ in rows],
            "posterior_share": [share for *_, share, _ in rows],
            "prior_share": [prior for *_, prior in rows],
            "distance_m": [640.0, None, 900.0, 100.0],
            "travel_h": [0.5, None, 2.0, 1.0],
            "path_ids": ["P1", None, "P1", "R1"],
            "reason": ["reaches it and smells of nickel", "nothing explains the rest", "reaches it", "reaches it"],
            "reason_zh": ["可达，且含镍", "其余无法解释", "可达", "可达"],
            "source_ref": "trace(MX-0042)",
        }
    )
    evidence = pd.DataFrame(
        {
            "evidence_id": ["e1", "e2"],
            "outfall_id": "MX-0042",
            "source_id": ["S1", "S1"],
            "line": ["reachability", "signature"],
            "log_lr": [0.4, 2.5],
            "reason": ["0.6 km by pipe", "nickel 1.2 mg/L as in electroplating"],
            "reason_zh": ["管道 0.6 km", "镍 1.2 mg/L，与电镀废水一致"],
            "source_ref": "trace(MX-0042)",
        }
    )
    line = shapely.LineString([(499600, 3450300), (500000, 3450300), (500100, 3450010)])
    geometry = gpd.GeoSeries([line, None, None, None], crs=4549)
    candidates = check(gpd.GeoDataFrame(candidates, geometry=geometry), "candidates")
    return SimpleNamespace(
        outfalls=outfalls, sources=sources, candidates=candidates, evidence=check(evidence, "evidence"), settings={}
    )


@pytest.fixture
def network():
    """Return a river of two reaches and a pipe."""
    reaches = gpd.GeoDataFrame(
        {"reach_id": ["R1", "R2", "P1"], "kind": ["river", "river", "gravity_sewer"], "name": ["北河", "南江", None]},
        geometry=[
            shapely.LineString([(498000, 3450000), (500700, 3450000)]),
            shapely.LineString([(500700, 3450000), (503000, 3450200)]),
            shapely.LineString([(499600, 3450300), (500000, 3450300), (500100, 3450010)]),
        ],
        crs=4549,
    )
    return SimpleNamespace(
        reaches=reaches, crs=reaches.crs, downstream=lambda reach_id: ["R1", "R2"] if reach_id == "R1" else [reach_id]
    )


@pytest.fixture
def results():
    """Return one sample of the first outfall, as a laboratory calls it."""
    frame = pd.DataFrame(
        {
            "result_id": ["r1", "r2", "r3"],
            "sample_id": "W1",
            "parameter": ["ammonia", "cod", "mercury"],
            "qualifier": ["=", "=", "<"],
            "value": [8.4, 12.0, None],
            "unit": "mg/L",
            "detection_limit": [None, None, 0.00004],
            "value_text": ["8.4", "12", "<0.00004"],
            "unit_text": "mg/L",
            "outfall_id": "FA-000000-0042-GY-00",
            "taken_at": pd.to_datetime(["2026-04-14T02:00Z"] * 3),
            "source_ref": ["lab.xlsx#3", "lab.xlsx#4", "lab.xlsx#5"],
        }
    )
    return check(frame, "results")
