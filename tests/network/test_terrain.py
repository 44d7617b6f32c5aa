"""A terrain made by hand drains where it must, and the Rhine as pyflwdir says."""

import importlib.util

import geopandas as gpd
import numpy as np
import pytest
import shapely

from outfall.errors import CoordinateError, NetworkError, ReadError
from outfall.network import terrain_cells
from outfall.network.terrain import build_from_terrain, find_catchments, make_terrain, read_terrain
from tests.laws import unchanged

needs_pyflwdir = pytest.mark.skipif(importlib.util.find_spec("pyflwdir") is None, reason="extra 'terrain'")
CRS = 32650


def grid(cell_m=100.0):
    """Return the transform of a raster whose corner is at a round place."""
    from affine import Affine

    return Affine(cell_m, 0.0, 500_000.0, 0.0, -cell_m, 3_400_000.0)


def valleys(rows=21, columns=30):
    """Return two valleys that fall to the east and join in one, as elevations."""
    row, column = np.mgrid[0:rows, 0:columns]
    north, south = np.abs(row - rows // 4), np.abs(row - 3 * rows // 4)
    apart = np.minimum(north, south)
    joined = np.abs(row - rows // 2)
    return np.where(column < columns // 2, 5.0 * apart, 5.0 * joined) + 200.0 - 4.0 * column


@pytest.fixture(scope="module")
def terrain():
    """Return the two valleys."""
    return make_terrain(valleys(), transform=grid(), crs=CRS)


@needs_pyflwdir
def test_a_network_from_terrain_sums_to_the_areas_of_its_cells(terrain):
    """The own catchments of the reaches add up to the drainage area of the last cell of each."""
    network = build_from_terrain(terrain, from_km2=0.1)
    np.testing.assert_allclose(network.accumulate("area_km2"), network.reaches["upstream_km2"], atol=1e-9)
    assert network.reaches["upstream_km2"].max() <= terrain.cell_count * 0.01 + 1e-9
    assert len(network.loops()) == 0


@needs_pyflwdir
def test_a_larger_threshold_gives_fewer_streams(terrain):
    """Streams that begin later are fewer and shorter, and the largest drains the same."""
    small, large = (build_from_terrain(terrain, from_km2=area) for area in (0.05, 0.5))
    assert small.arrays.length_m.sum() > large.arrays.length_m.sum()
    assert small.reaches["upstream_km2"].max() == large.reaches["upstream_km2"].max()


@needs_pyflwdir
def test_catchments_nest(terrain):
    """A catchment lies within that of any point below it, and its area is that of its cells."""
    end = int(np.nanargmax(terrain.upstream_km2))
    row, column = divmod(end, terrain.directions.shape[1])
    east, north = 500_050.0 + 100.0 * np.array([column, column - 8]), 3_399_950.0 - 100.0 * np.array([row, row])
    points = gpd.GeoDataFrame({"outfall_id": ["low", "high"]}, geometry=gpd.points_from_xy(east, north), crs=CRS)
    with unchanged(points):
        found = find_catchments(points, terrain)
    np.testing.assert_allclose(found.area / 1e6, found["catchment_km2"], rtol=1e-9)
    low, high = found.geometry
    assert low.buffer(0.01).covers(high)
    assert low.area > high.area > 0
    assert shapely.is_valid(found.geometry.to_numpy()).all()


@needs_pyflwdir
def test_a_point_beside_its_stream_goes_down_to_it(terrain):
    """Without the threshold the point keeps its cell, with it the point drains the valley."""
    end = int(np.nanargmax(terrain.upstream_km2))
    row, column = divmod(end, terrain.directions.shape[1])
    beside = gpd.GeoDataFrame(
        {"outfall_id": ["P"]}, geometry=gpd.points_from_xy([500_050.0 + 100 * (column - 3)], [3_399_950.0 - 100 * (row + 1)]), crs=CRS
    )  # fmt: skip
    alone, moved = find_catchments(beside, terrain), find_catchments(beside, terrain, snap_km2=1.0)
    assert moved["is_snapped"].tolist() == [True]
    assert moved["catchment_km2"].iloc[0] > 5 * alone["catchment_km2"].iloc[0]


@needs_pyflwdir
def test_a_point_outside_has_no_catchment(terrain):
    """A point off the raster or without a place keeps its row, empty."""
    points = gpd.GeoDataFrame({"outfall_id": ["off", "none"]}, geometry=[shapely.Point(0, 0), None], crs=CRS)
    found = find_catchments(points, terrain, snap_km2=1.0)
    assert found["catchment_km2"].isna().all()
    assert found.geometry.is_empty.all()
    assert len(find_catchments(points.iloc[:0], terrain)) == 0


@needs_pyflwdir
def test_directions_read_back_are_the_same_terrain(terrain):
    """Directions made from elevations, given as codes, drain the same."""
    again = make_terrain(terrain.directions, transform=grid(), crs=CRS)
    np.testing.assert_array_equal(again.upstream_km2, terrain.upstream_km2)


@needs_pyflwdir
@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: make_terrain(np.zeros((3, 3)), transform=grid(), crs=None), CoordinateError, "crs: is missing"),
        (lambda: make_terrain(np.zeros((3, 3)), transform=grid(), crs=2263), CoordinateError, "is not in metres"),
        (lambda: make_terrain(np.zeros(3), transform=grid(), crs=CRS), NetworkError, "one band"),
        (lambda: make_terrain(np.full((3, 3), 9), transform=grid(), crs=CRS, kind="directions"), NetworkError, "9 are no D8"),
        (lambda: read_terrain("nowhere.tif"), ReadError, "cannot be read as a raster"),
        (lambda: build_from_terrain(make_terrain(valleys(), transform=grid(), crs=CRS), from_km2=0), NetworkError, "0 is not above 0"),
        (lambda: build_from_terrain(make_terrain(valleys(), transform=grid(), crs=CRS), from_km2=1e6), NetworkError, "no stream drains"),
    ],
)  # fmt: skip
def test_refusals(call, error, match):
    """What is no terrain is refused with the way out."""
    with pytest.raises(error, match=match):
        call()


def test_without_the_extra_the_error_names_it(monkeypatch):
    """A user without pyflwdir is told what to install."""

    def missing(name):
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(terrain_cells.importlib, "import_module", missing)
    with pytest.raises(NetworkError, match=r"pip install 'outfall\[terrain\]'"):
        make_terrain(valleys(), transform=grid(), crs=CRS)


@needs_pyflwdir
@pytest.mark.realdata
def test_the_rhine_is_as_pyflwdir_says(shared_data):
    """Upstream areas of all reaches are pyflwdir's own, and catchment polygons have the area of their cells."""
    from benchmarks.oracles_travel import rhine

    found = rhine(shared_data, from_km2=200.0)
    assert found["rhine_cells"] == 349_847
    assert found["rhine_upstream_max_diff_km2"] < 1e-6
    assert found["rhine_catchment_worst_share"] < 0.005
