"""Which bands does a sensor have, and which radiance is one digital number of a satellite, sensor and year."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import numpy as np

__all__ = ["SensorBand", "find_gains", "gain_years", "sensor_bands"]


class SensorBand(NamedTuple):
    """One band of a sensor: its role, and where and how finely it sees."""

    band: str
    role: str
    centre_nm: float
    width_nm: float
    gsd_m: float


def _rows(name: str) -> list[dict[str, str]]:
    text = files("outfall.scenes").joinpath(name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


@cache
def sensor_bands(sensor: str) -> dict[str, SensorBand]:
    """Return the bands of a sensor by name; empty where the sensor is not known.

    Examples
    --------
    >>> sensor_bands("HJ-2A CCD1")["B5"].role, sensor_bands("GF-6 WFV")["B5"].role
    ('red_edge_2', 'red_edge_1')
    """
    return {
        row["band"]: SensorBand(
            row["band"],
            row["role"],
            float(row["centre_nm"] or np.nan),
            float(row["width_nm"] or np.nan),
            float(row["gsd_m"]),
        )
        for row in _rows("sensors.csv")
        if row["sensor"] == sensor
    }


def find_gains(satellite: str, sensor: str, year: int) -> dict[str, tuple[float, float, str]]:
    """Return gain, bias and source by band, of exactly this satellite, sensor and year; empty where nobody published it here.

    Examples
    --------
    >>> find_gains("ZY3-1", "MUX", 2013)["B1"][:2], find_gains("ZY3-1", "MUX", 2014)
    ((0.2551, 0.0), {})
    """
    return {
        row["band"]: (float(row["gain"]), float(row["bias"]), row["source"])
        for row in _rows("gains.csv")
        if (row["satellite"], row["sensor"], int(row["year"])) == (satellite, sensor, year)
    }


def gain_years(satellite: str, sensor: str) -> list[int]:
    """Return the years whose gains are known.

    Examples
    --------
    >>> gain_years("ZY3-1", "MUX")
    [2013]
    """
    return sorted(
        {int(row["year"]) for row in _rows("gains.csv") if (row["satellite"], row["sensor"]) == (satellite, sensor)}
    )
