"""A hand-made town of two storm pipes, a foul sewer and seven units, whose truth is known by construction."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
from shapely.geometry import LineString, Point

from outfall.network import read_network
from outfall.tables import check

CRS = "EPSG:4547"
EAST, NORTH = 500_000.0, 3_400_000.0


def _line(*points):
    return LineString([(EAST + x, NORTH + y) for x, y in points])


def _point(x, y):
    return Point(EAST + x, NORTH + y)


def make_network():
    """Return a river from west to east with two storm pipes from the north and a foul sewer along the bank."""
    rivers = gpd.GeoDataFrame(
        {"reach_id": ["R1"], "kind": ["river"], "name": ["River"], "source_ref": ["rivers#1"]},
        geometry=[_line((0, 0), (1000, 0), (2000, 0))],
        crs=CRS,
    )
    pipes = gpd.GeoDataFrame(
        {
            "reach_id": ["A1", "A2", "A3", "B1", "F1", "F2"],
            "kind": ["gravity_sewer"] * 6,
            "system": ["storm", "storm", "storm", "storm", "foul", "foul"],
            "diameter_mm": [400.0, 600.0, 400.0, 800.0, 500.0, 500.0],
            "source_ref": [f"pipes#{i}" for i in range(1, 7)],
        },
        geometry=[
            _line((500, 500), (500, 250)),
            _line((500, 250), (500, 12)),
            _line((800, 250), (500, 250)),
            _line((1500, 400), (1500, 12)),
            _line((300, 60), (1000, 60)),
            _line((1000, 60), (1900, 60)),
        ],
        crs=CRS,
    )
    return read_network(rivers, pipes=pipes)


def make_outfalls():
    """Return two outfalls at pipe ends, one private one, and one that nothing can reach."""
    frame = gpd.GeoDataFrame(
        {
            "outfall_id": ["OA", "OB", "OP", "OX"],
            "name": ["排口甲", "排口乙", "排口丙", "排口丁"],
            "status": ["confirmed"] * 4,
            "sigma_m": [3.0, 3.0, 3.0, 3.0],
            "source_ref": [f"walk.csv#{i}" for i in range(2, 6)],
        },
        geometry=[_point(501, 9), _point(1499, 8), _point(1150, -8), _point(1995, -9)],
        crs=CRS,
    )
    return check(frame, "outfalls")


def make_sources():
    """Return units: plating and food on pipe A, laundry on pipe B, a farm south of the river, others far off."""
    rows = [
        ("S1", "electroplating", 500, 510, 200.0, None, "copper;nickel;chromium"),
        ("S2", "food", 790, 265, 300.0, None, "cod;ammonia"),
        ("S3", "laundry", 1510, 405, 100.0, "storm", "surfactants"),
        ("S4", "livestock", 1150, -60, 50.0, "river", "ammonia"),
        ("S5", "dyeing", 1520, 200, 400.0, "foul", "cod"),
        ("S6", "restaurant", 330, 70, 20.0, "foul", None),
        ("S7", "chemical", 100, 1800, 900.0, None, "volatile_phenol"),
    ]
    frame = gpd.GeoDataFrame(
        {
            "source_id": [row[0] for row in rows],
            "name": [f"单位{row[0]}" for row in rows],
            "kind": [row[1] for row in rows],
            "discharge_m3d": [row[4] for row in rows],
            "system": [row[5] for row in rows],
            "parameters": [row[6] for row in rows],
            "source_ref": [f"permits.xlsx#{i}" for i in range(2, 2 + len(rows))],
        },
        geometry=[_point(row[2], row[3]) for row in rows],
        crs=CRS,
    )
    return check(frame, "sources")


_WATER = {
    "OA": {
        "copper": 2.5,
        "nickel": 2.0,
        "chromium": 1.5,
        "zinc": 3.0,
        "cod": 60.0,
        "conductivity": 1500.0,
        "ammonia": 5.0,
    },
    "OB": {"surfactants": 12.0, "cod": 220.0, "copper": None, "nickel": None, "ammonia": 3.0, "total_phosphorus": 4.0},
    "OP": {
        "ammonia": 180.0,
        "cod": 1400.0,
        "potassium": 170.0,
        "total_phosphorus": 30.0,
        "copper": 0.4,
        "nickel": None,
    },
    "S3": {"surfactants": 35.0, "cod": 600.0, "ammonia": 6.0, "total_phosphorus": 9.0, "copper": None},
}
_LIMIT = 0.02


def make_samples():
    """Return one sample per watered place."""
    names = list(_WATER)
    frame = pd.DataFrame(
        {
            "sample_id": [f"W-{name}" for name in names],
            "outfall_id": [name if name.startswith("O") else None for name in names],
            "source_id": [name if name.startswith("S") else None for name in names],
            "taken_at": pd.to_datetime(["2026-04-13T02:00:00Z"] * len(names)),
            "flow_m3s": [0.002, 0.0012, 0.0006, np.nan],
            "source_ref": [f"samples.csv#{i}" for i in range(2, 2 + len(names))],
        }
    )
    return check(frame, "samples")


def make_results():
    """Return what the laboratory found; None is a non-detect."""
    rows = []
    for name, water in _WATER.items():
        for parameter, value in water.items():
            rows.append(
                {
                    "result_id": f"{name}-{parameter}",
                    "sample_id": f"W-{name}",
                    "parameter": parameter,
                    "qualifier": "<" if value is None else "=",
                    "value": value,
                    "unit": "uS/cm" if parameter == "conductivity" else "mg/L",
                    "detection_limit": _LIMIT,
                    "value_text": f"<{_LIMIT}" if value is None else str(value),
                    "source_ref": f"lab.xlsx#{len(rows) + 3}",
                }
            )
    return check(pd.DataFrame(rows), "results")


def make_links():
    """Return a tracer test that joins the farm to its outfall."""
    frame = pd.DataFrame(
        {
            "link_id": ["T1"],
            "kind": ["tracer"],
            "from_table": ["sources"],
            "from_id": ["S4"],
            "to_table": ["outfalls"],
            "to_id": ["OP"],
            "exists_share": [0.97],
            "source_ref": ["tracer.csv#2"],
        }
    )
    return check(frame, "links")


def make_readings():
    """Return a day of flow at the laundry (running at two in the morning) and at the dyeing works (standing still).

    The farm has an electricity meter for five days, and a monitor at its outfall follows it two hours later.
    """
    hours = pd.date_range("2026-04-12T12:00:00Z", periods=24, freq="h")
    rows = [
        {"meter_id": f"M-{source}", "source_id": source, "read_at": time, "value": value, "unit": "m3/s"}
        for source, stops in (("S3", False), ("S5", True))
        for at, time in enumerate(hours)
        for value in (0.0 if stops and 12 <= at <= 18 else 0.002,)
    ]
    days = pd.date_range("2026-04-08T12:00:00Z", periods=120, freq="h")
    rng = np.random.default_rng(4)
    farm = np.repeat(rng.integers(0, 2, 40), 3) * 5.0 + 1.0
    seen = np.concatenate([[1.0, 1.0], farm[:-2]]) * 8.0 + rng.normal(0.0, 2.0, 120) + 60.0
    series = [("M-S4", "S4", None, "energy", "kWh", farm), ("M-OP", None, "OP", "ammonia", "mg/L", seen)]
    rows += [
        {"meter_id": meter, "source_id": source, "outfall_id": outfall, "parameter": parameter, "unit": unit}
        | {"read_at": time, "value": value}
        for meter, source, outfall, parameter, unit, values in series
        for time, value in zip(days, values, strict=True)
    ]
    frame = pd.DataFrame(rows).assign(parameter=lambda table: table["parameter"].fillna("flow"))
    number = frame.groupby("meter_id").cumcount()
    return check(
        frame.assign(
            reading_id=frame["meter_id"] + "-" + number.astype("str"),
            source_ref="meters.csv#" + (pd.RangeIndex(len(frame)) + 2).astype("str"),
        ),
        "readings",
    )


_PEAKS = {
    "S1": (1.0, 0.5, 4.0, 3.0),
    "S2": (3.0, 6.0, 1.0, 0.6),
    "S3": (0.4, 1.0, 1.0, 5.0),
    "S4": (5.0, 9.0, 6.0, 2.0),
    "S5": (0.6, 0.3, 0.5, 0.9),
}
_PEAK_NAMES = ("fluorescence_b", "fluorescence_t", "fluorescence_a", "fluorescence_c")


def make_spectra():
    """Return fluorescence of five units on three days and of three outfalls, diluted; and potassium of the laundry's outfall."""
    rng = np.random.default_rng(5)
    looks = [("source_id", name, day, 1.0) for name in _PEAKS for day in (1, 2, 3)]
    looks += [("outfall_id", name, 13, 0.2) for name in ("OA", "OB", "OP")]
    whose = {"OA": "S1", "OB": "S3", "OP": "S4"}
    rows = []
    for column, name, day, share in looks:
        for parameter, peak in zip(_PEAK_NAMES, _PEAKS[whose.get(name, name)], strict=True):
            value = round(share * peak * float(np.exp(0.1 * rng.standard_normal())), 4)
            rows.append((f"{name}-{day}-{parameter}", column, name, day, parameter, value, "RU"))
    rows.append(("OB-13-potassium", "outfall_id", "OB", 13, "potassium", 8.0, "mg/L"))
    frame = pd.DataFrame(
        {
            "result_id": [row[0] for row in rows],
            "sample_id": [f"F-{row[2]}-{row[3]}" for row in rows],
            "outfall_id": [row[2] if row[1] == "outfall_id" else None for row in rows],
            "source_id": [row[2] if row[1] == "source_id" else None for row in rows],
            "taken_at": pd.to_datetime([f"2026-04-{row[3]:02d}T02:00:00Z" for row in rows]),
            "parameter": [row[4] for row in rows],
            "qualifier": "=",
            "value": [row[5] for row in rows],
            "unit": [row[6] for row in rows],
            "value_text": [str(row[5]) for row in rows],
            "source_ref": [f"eem.csv#{at}" for at in range(2, 2 + len(rows))],
        }
    )
    return check(frame, "results")


def make_clues():
    """Return idle treatment at the plating works, twice, a hot spot on the laundry's pipe, and no plume at its outfall."""
    frame = pd.DataFrame(
        {
            "clue_id": ["C1", "C2", "C3", "C4"],
            "kind": ["idle_treatment", "idle_treatment", "hot_spot", "plume"],
            "from_at": pd.to_datetime(
                ["2026-04-12T20:00:00Z", "2026-04-13T01:00:00Z", "2026-04-13T00:00:00Z", "2026-04-12T03:00:00Z"]
            ),
            "to_at": pd.to_datetime(
                ["2026-04-12T23:00:00Z", "2026-04-13T02:00:00Z", "2026-04-13T03:00:00Z", "2026-04-12T03:00:00Z"]
            ),
            "log_lr": [1.5, 1.0, 1.0, -2.0],
            "outfall_id": [None, None, None, "OA"],
            "source_id": ["S1", "S1", None, None],
            "reach_id": [None, None, "B1", None],
            "reason": ["treatment idle", "treatment idle", "hot spot", "no plume"],
            "reason_zh": ["治污停运", "治污停运", "热点", "未见羽流"],
            "source_ref": [f"clues.csv#{at}" for at in (2, 3, 4, 5)],
        }
    )
    return check(frame, "clues")
