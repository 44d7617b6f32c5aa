"""Statistics of overlapping zones equal those counted pixel by pixel, however the layers come."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest
import rasterio.features
import shapely
import xarray as xr
from affine import Affine

from outfall.errors import SceneError
from outfall.scenes import Grid, index_zones, zonal, zonal_exact
from outfall.scenes.zonal import STATS

GRID = Grid(120, 150, Affine(10, 0, 500_000, 0, -10, 3_300_000), pyproj.CRS(32651))
ALL = ("count", *STATS)
BRUTE = {
    "count": len, "mean": np.mean, "sd": lambda values: np.std(values, ddof=1) if len(values) > 1 else np.nan, "median": np.median,
    "min": np.min, "max": np.max, "p25": lambda values: np.percentile(values, 25), "p75": lambda values: np.percentile(values, 75),
}  # fmt: skip


def zones_of(seed, count=60):
    """Overlapping circles, rings with holes, several parts, slivers, zones across the edge and beyond it, missing and empty ones."""
    rng = np.random.default_rng(seed)
    points = shapely.points(
        np.column_stack([rng.uniform(499_700, 501_800, count), rng.uniform(3_298_500, 3_300_300, count)])
    )
    shapes = list(shapely.buffer(points, rng.uniform(3, 300, count)))
    shapes[0] = shapely.buffer(points[0], 300).difference(shapely.buffer(points[0], 120))
    shapes[1] = shapely.MultiPolygon(
        [shapely.box(500_100, 3_299_500, 500_200, 3_299_700), shapely.box(500_900, 3_299_100, 501_300, 3_299_300)]
    )
    shapes[2] = None
    shapes[3] = shapely.Polygon()
    shapes[4] = shapely.box(400_000, 3_000_000, 400_100, 3_000_100)
    shapes[5] = shapely.box(500_011, 3_299_911, 500_012, 3_299_912)
    shapes[6] = shapely.box(400_000, 3_000_000, 600_000, 3_500_000)
    return gpd.GeoSeries(shapes, crs=32651)


def layers_of(seed):
    rng = np.random.default_rng(seed)
    one = rng.normal(0.1, 0.05, (120, 150)).astype("float32")
    one[rng.random(one.shape) < 0.1] = np.nan
    two = np.round(rng.normal(0, 3, (120, 150))).astype("float32")
    return {"one": one, "two": two}, rng.random((120, 150)) < 0.3


@pytest.mark.parametrize("seed", range(6))
def test_pixels_are_those_of_gdal(seed):
    """A zone has the pixels that GDAL's rasteriser gives it."""
    zones = zones_of(seed)
    index = index_zones(zones, GRID)
    for number, shape in enumerate(zones):
        ours = index.mask(number)
        if shape is None or shape.is_empty:
            assert not ours.any()
            continue
        theirs = rasterio.features.geometry_mask([shape], (120, 150), GRID.transform, invert=True)
        np.testing.assert_array_equal(ours, theirs)
    assert index.counts().tolist() == [int(index.mask(number).sum()) for number in range(len(zones))]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("is_masked", [True, False])
def test_statistics_equal_those_counted_one_by_one(seed, is_masked):
    """Every statistic of every zone equals numpy on the pixels inside."""
    zones, (layers, water) = zones_of(seed), layers_of(seed)
    index = index_zones(zones, GRID)
    found = zonal(index, layers, where=water if is_masked else None, stats=ALL)
    for number in range(len(zones)):
        inside = index.mask(number) & (water if is_masked else True)
        for name, layer in layers.items():
            values = layer[inside].astype(float)
            values = values[np.isfinite(values)]
            for stat, count in BRUTE.items():
                expected = count(values) if len(values) or stat == "count" else np.nan
                assert found.loc[number, f"{name}_{stat}"] == pytest.approx(expected, rel=1e-9, abs=1e-9, nan_ok=True)


def test_a_bit_is_a_bit_in_memory_in_chunks_and_shuffled():
    """Arrays, datasets, chunks of any size, and zones in another order give the same bits."""
    pytest.importorskip("dask.array")
    zones, (layers, water) = zones_of(9), layers_of(9)
    index = index_zones(zones, GRID)
    straight = zonal(index, layers, where=water, stats=ALL)
    scene = xr.Dataset({name: (("y", "x"), layer) for name, layer in layers.items()})
    for chunks in ({"y": 7, "x": -1}, {"y": 50, "x": 33}, {"y": 120, "x": 1}):
        pd.testing.assert_frame_equal(
            zonal(index, scene.chunk(chunks), where=water, stats=ALL), straight, check_exact=True
        )
    order = np.random.default_rng(0).permutation(len(zones))
    turned = zonal(index_zones(zones.iloc[order], GRID), layers, where=water, stats=ALL)
    pd.testing.assert_frame_equal(turned, straight.iloc[order].reset_index(drop=True), check_exact=True)


def test_no_zone_loses_its_water_to_a_neighbour():
    """Two hundred zones on one place all see the same pixels: a raster of labels would leave all but one empty."""
    zones = gpd.GeoSeries([shapely.Point(500_700, 3_299_400).buffer(100)] * 200, crs=32651)
    counts = zonal(index_zones(zones, GRID), np.ones((120, 150), "float32"), stats=("count",))["value_count"]
    assert len(set(counts)) == 1
    assert counts.iloc[0] > 300


def test_land_in_the_zone_does_not_count():
    """Water alone has one value; with the land beside it the mean is another."""
    water = np.zeros((120, 150), bool)
    water[50:60] = True
    values = np.where(water, 0.2, -0.4).astype("float32")
    zone = gpd.GeoSeries([shapely.box(500_000, 3_299_000, 501_500, 3_300_000)], crs=32651)
    index = index_zones(zone, GRID)
    assert zonal(index, values, where=water)["value_mean"].iloc[0] == pytest.approx(0.2)
    assert zonal(index, values)["value_mean"].iloc[0] < -0.2


def test_a_degree_raster_refuses_metre_zones():
    """A buffer in metres cannot be laid on pixels of degrees without reprojecting the scene."""
    degrees = Grid(10, 10, Affine(0.001, 0, 120, 0, -0.001, 30), pyproj.CRS(4326))
    with pytest.raises(SceneError, match="reproject the scene"):
        index_zones(zones_of(1), degrees)
    lonlat = index_zones(zones_of(1).iloc[7:9].to_crs(4326), degrees)
    assert lonlat.counts().tolist() == [0, 0]


def test_what_cannot_be_counted_is_named():
    """Lines, a missing CRS, layers of another size and unknown statistics."""
    with pytest.raises(SceneError, match=r"(?s)Point; expected polygons.*buffer"):
        index_zones(gpd.GeoSeries([shapely.Point(0, 0)], crs=32651), GRID)
    with pytest.raises(SceneError, match="no CRS"):
        index_zones(gpd.GeoSeries([shapely.box(0, 0, 1, 1)]), GRID)
    index = index_zones(zones_of(1), GRID)
    with pytest.raises(SceneError, match=r"\(3, 3\) rows and columns"):
        zonal(index, np.zeros((3, 3), "float32"))
    with pytest.raises(SceneError, match="'mode' not known"):
        zonal(index, np.zeros((120, 150), "float32"), stats=("mode",))


def test_nothing_has_an_answer():
    """No zones give an empty table; a zone without pixels gives count 0 and no mean."""
    assert zonal(index_zones(gpd.GeoSeries([], crs=32651), GRID), np.zeros((120, 150), "float32")).empty
    found = zonal(index_zones(zones_of(1).iloc[2:5], GRID), np.zeros((120, 150), "float32"))
    assert found["value_count"].tolist() == [0, 0, 0]
    assert found["value_mean"].isna().all()


def test_exact_shares_add_up_to_the_area():
    """The shares of pixels in a zone add up to its area, and shares of centres differ from them only at the edge."""
    pytest.importorskip("exactextract")
    zones = zones_of(3).iloc[7:40]
    inside = zones.clip(shapely.box(500_000, 3_298_800, 501_500, 3_300_000)).reindex(zones.index)
    exact = zonal_exact(zones, GRID, np.ones((120, 150)), stats=("count", "mean"))
    assert exact["value_count"].to_numpy() == pytest.approx(np.nan_to_num(inside.area.to_numpy() / 100), rel=1e-6)
    centres = index_zones(zones, GRID).counts()
    assert np.abs(centres - exact["value_count"]).max() <= 0.5 * zones.length.max() / 10
