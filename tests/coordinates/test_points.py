"""Columns become points; systematic errors are measured; nothing is guessed silently."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from outfall.coordinates import (
    choose_crs,
    common_crs,
    find_shift,
    length_m,
    read_table,
    to_crs,
    to_points,
    wgs84_to_bd09,
    wgs84_to_gcj02,
)
from outfall.errors import CoordinateError, TableError
from tests.laws import unchanged

# A shift along a straight river cannot be seen; this one turns.
BENDS = shapely.LineString([(114.0, 30.5), (114.3, 30.6), (114.25, 30.8), (114.5, 30.85)])
LON, LAT = (
    shapely.get_coordinates(shapely.line_interpolate_point(BENDS, np.linspace(0.05, 0.95, 24), normalized=True))
).T


def river():
    """Return a line that the points lie on."""
    return gpd.GeoDataFrame(geometry=[BENDS], crs=4490)


def points(lon, lat):
    """Return points in CGCS2000."""
    return gpd.GeoDataFrame(geometry=gpd.points_from_xy(lon, lat), crs=4490)


@pytest.mark.parametrize(("kind", "move"), [("gcj02", wgs84_to_gcj02), ("bd09", wgs84_to_bd09)])
def test_a_systematic_shift_is_recognised_and_measured(kind, move):
    """The offset that is reported is the offset that was planted."""
    shift = find_shift(points(*move(LON, LAT)), river())
    assert shift is not None
    assert shift.kind == kind
    planted = np.median((move(LON, LAT)[0] - LON) * 111_320 * np.cos(np.radians(30.6)))
    assert shift.east_m == pytest.approx(-planted, rel=0.02)


def test_swapped_columns_are_recognised():
    """Latitude in the longitude column is seen even where no box helps."""
    assert find_shift(points(LAT, LON), river()).kind == "swapped"


def test_good_points_are_left_alone():
    """Points on the bank, or with ordinary errors, are no systematic shift."""
    rng = np.random.default_rng(1)
    assert find_shift(points(LON, LAT), river()) is None
    assert find_shift(points(LON + rng.normal(0, 2e-4, 24), LAT + rng.normal(0, 2e-4, 24)), river()) is None
    assert find_shift(points([], []), river()) is None


def test_points_far_from_any_river_are_not_called_shifted():
    """A survey of another town is not explained by a shift."""
    assert find_shift(points(LON + 0.3, LAT + 0.3), river()) is None


def test_every_bad_row_is_listed():
    """Swapped, zero, text and impossible coordinates come in one error with their rows."""
    frame = pd.DataFrame(
        {
            "经度": ["114.3", "30.6", "0", "abc", "514"],
            "纬度": ["30.6", "114.3", "0", "30.6", "30"],
            "source_ref": list("abcde"),
        }
    )
    with pytest.raises(CoordinateError) as caught:
        to_points(frame, crs=4490, where="walk.xlsx")
    text = str(caught.value)
    assert "walk.xlsx: 4 problems" in text
    for part in (
        "look swapped, e.g. 30.6, 114.3 (row b)",
        "0, 0 is no position (row c)",
        "'abc' is not a number (row d)",
        "(row e)",
    ):
        assert part in text


def test_no_crs_is_refused():
    """Numbers alone are no place."""
    with pytest.raises(CoordinateError, match="do not say what they are; give crs="):
        to_points(pd.DataFrame({"lon": [1], "lat": [2]}))
    with pytest.raises(CoordinateError, match="'EPSG:0' is no coordinate system"):
        to_points(pd.DataFrame({"lon": [1], "lat": [2]}), crs="EPSG:0")


def test_gcj02_points_come_back_as_cgcs2000():
    """A base map's coordinates are taken for what they are when the user says so."""
    lon, lat = wgs84_to_gcj02(LON, LAT)
    frame = pd.DataFrame({"lon": lon, "lat": lat})
    with unchanged(frame):
        placed = to_points(frame, crs="gcj02")
    assert placed.crs.to_epsg() == 4490
    assert np.allclose(placed.geometry.x, LON, atol=1e-9)
    again = to_points(points(lon, lat), crs="GCJ-02")
    assert np.allclose(again.geometry.y, LAT, atol=1e-9)


def test_a_row_without_coordinates_has_no_geometry():
    """Missing stays missing."""
    placed = to_points(pd.DataFrame({"lon": ["114.3", ""], "lat": ["30.6", "/"]}), crs=4490)
    assert placed.geometry.isna().tolist() == [False, True]


@pytest.mark.parametrize(
    ("lon", "lat", "epsg"),
    [(114.3, 30.6, 4547), (120.1, 36.0, 4549), (-84.5, 38.0, 32616), (7.0, 46.0, 32632), (151.2, -33.8, 32756)],
)
def test_the_zone_comes_from_the_data(lon, lat, epsg):
    """Gauss-Krueger of the nearest central meridian in China, UTM elsewhere."""
    assert choose_crs(points([lon], [lat])).to_epsg() == epsg


def test_a_shared_metric_crs_is_kept():
    """A project that already has a metric CRS keeps it; Web Mercator is none."""
    assert choose_crs(points([114.3], [30.6]).to_crs(4526)).to_epsg() == 4526
    assert choose_crs(points([114.3], [30.6]).to_crs(3857)).to_epsg() == 4547


def test_mixed_and_missing_crs_are_refused():
    """No answer is computed from tables that do not fit."""
    with pytest.raises(CoordinateError, match="2 coordinate systems are mixed"):
        common_crs(points([1], [2]), points([1], [2]).to_crs(3857))
    with pytest.raises(CoordinateError, match="no CRS; say which"):
        to_crs(gpd.GeoDataFrame(geometry=gpd.points_from_xy([1], [2])), 4490)


def test_length_is_geodesic_in_any_crs():
    """A line is as long in degrees as in Web Mercator, where its coordinates are stretched."""
    line = gpd.GeoSeries(
        [
            shapely.LineString([(114, 30), (114.2, 30.1), (114.3, 30.4)]),
            None,
            shapely.MultiLineString([[(0, 0), (0, 1)], [(5, 0), (5, 1)]]),
        ],
        crs=4490,
    )
    there = length_m(line)
    assert there[1] == 0
    assert there[2] == pytest.approx(2 * 110_574, rel=1e-4)
    assert length_m(line.to_crs(3857)) == pytest.approx(there, rel=1e-6)
    assert len(length_m(gpd.GeoSeries([], crs=4490))) == 0


def test_one_file_reports_coordinates_and_contract_together(tmp_path):
    """A bad coordinate does not hide a bad word in another row."""
    (tmp_path / "walk.csv").write_text(
        "编号,调查方式,批次,经度,纬度\n1,风筝,a,114,30\n2,徒步,a,0,0\n", encoding="utf-8"
    )
    with pytest.raises(CoordinateError) as caught:
        read_table(tmp_path / "walk.csv", "sightings", crs=4490)
    assert "'风筝' is not one of" in str(caught.value)
    assert "0, 0 is no position" in str(caught.value)


def test_constants_fill_only_what_the_file_lacks(tmp_path):
    """A survey date for a file without one never overwrites a date the file has."""
    (tmp_path / "walk.csv").write_text("编号,调查方式,经度,纬度\n1,徒步,114,30\n", encoding="utf-8")
    table = read_table(tmp_path / "walk.csv", "sightings", crs=4490, constants={"survey_id": "r1", "platform": "drone"})
    assert table.loc[0, ["survey_id", "platform"]].tolist() == ["r1", "foot"]


def test_a_rename_that_names_nothing_is_refused(tmp_path):
    """A slip in a rename is shown the headings."""
    (tmp_path / "walk.csv").write_text("编号,调查方式,批次,经度,纬度\n1,徒步,a,114,30\n", encoding="utf-8")
    with pytest.raises(TableError, match="no column '编码' in the table"):
        read_table(tmp_path / "walk.csv", "sightings", crs=4490, rename={"编码": "sighting_id"})
