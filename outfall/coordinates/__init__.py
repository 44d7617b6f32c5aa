"""Which numbers mean which place: CGCS2000, WGS 84, GCJ-02, BD-09, and the metric CRS of a project."""

from outfall.coordinates.china import (
    CHINA_BOX,
    bd09_to_gcj02,
    bd09_to_wgs84,
    gcj02_to_bd09,
    gcj02_to_wgs84,
    is_in_china_box,
    wgs84_to_bd09,
    wgs84_to_gcj02,
)
from outfall.coordinates.crs import choose_crs, common_crs, length_m, to_crs, to_lonlat
from outfall.coordinates.files import read_table
from outfall.coordinates.points import has_coordinates, to_points
from outfall.coordinates.shift import Shift, find_shift

__all__ = [
    "CHINA_BOX",
    "Shift",
    "bd09_to_gcj02",
    "bd09_to_wgs84",
    "choose_crs",
    "common_crs",
    "find_shift",
    "gcj02_to_bd09",
    "gcj02_to_wgs84",
    "has_coordinates",
    "is_in_china_box",
    "length_m",
    "read_table",
    "to_crs",
    "to_lonlat",
    "to_points",
    "wgs84_to_bd09",
    "wgs84_to_gcj02",
]
