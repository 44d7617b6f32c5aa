"""However a scene is read, its numbers are the same: in memory, by window, by chunk, by any number of threads."""

import dask
import geopandas as gpd
import numpy as np
import pytest
import shapely
from affine import Affine

from outfall.errors import SceneError
from outfall.scenes import describe_scenes, grid_of, index_zones, open_scene, zonal
from tests.scenes import made_products as made


def degrees(folder):
    """Write a raster in degrees."""
    values = np.random.default_rng(5).integers(1, 9000, (2, 60, 50)).astype(np.uint16)
    step = Affine(0.0001, 0, 114.3, 0, -0.0001, 30.6)
    return made.raster(folder / "chip.tif", values, step, 4326), {"roles": {"green": 1, "nir": 2}, "quantity": "dn"}


def turned(folder):
    """Write a raster whose rows do not run east."""
    values = np.random.default_rng(6).integers(1, 9000, (2, 60, 50)).astype(np.uint16)
    step = Affine.translation(made.WEST, made.NORTH) @ Affine.rotation(20) @ Affine.scale(10, -10)
    return made.raster(folder / "turned.tif", values, step, made.UTM, nodata=0), {"roles": {"green": 1, "nir": 2}}


def netcdf(folder):
    """Write a NetCDF file with rows from south."""
    import xarray as xr

    rng = np.random.default_rng(7)
    data = xr.Dataset(
        {
            name: (("y", "x"), rng.random((40, 50)).astype(np.float32), {"_FillValue": np.float32(-1)})
            for name in ("green", "nir")
        },
        coords={"y": made.NORTH - 400 + 10.0 * np.arange(40), "x": made.WEST + 10.0 * np.arange(50)},
        attrs={"crs": "EPSG:32650", "quantity": "rho_s"},
    )
    data.to_netcdf(folder / "scene.nc", engine="scipy")
    return folder / "scene.nc", {}


PRODUCTS = {
    "safe": lambda folder: (made.safe(folder)[0], {}),
    "gf6": lambda folder: (
        made.cresda(folder, "GF6", "WFV", count=8, parts=("1", "2"), tilt_per_m=0.01)[0],
        {"quantity": "dn", "dem": 200.0},
    ),
    "degrees": degrees,
    "turned": turned,
    "netcdf": netcdf,
}


@pytest.fixture(scope="module", params=PRODUCTS)
def product(request, tmp_path_factory):
    return PRODUCTS[request.param](tmp_path_factory.mktemp(request.param))


def test_chunks_change_nothing(product):
    """Any chunk size, one thread or four: bit-equal to the read in memory, flags included."""
    path, options = product
    whole = open_scene(path, **options)
    for chunks, threads in ((7, 1), ((5, 16), 4), (1000, 2)):
        lazy = open_scene(path, chunks=chunks, **options)
        assert all(lazy[name].chunks for name in lazy.data_vars)
        with dask.config.set(scheduler="threads", num_workers=threads):
            read = lazy.compute()
        for name in whole.data_vars:
            assert read[name].dtype == whole[name].dtype
            np.testing.assert_array_equal(read[name], whole[name], strict=True)
        assert lazy.attrs == whole.attrs


def test_a_window_is_a_cut(product):
    """A window holds the pixels the whole scene has there, in the same place, chunked or not."""
    path, options = product
    whole = open_scene(path, **options)
    grid = grid_of(whole)
    west, north = grid.transform @ (3.2, 2.1)
    east, south = grid.transform @ (14.7, 17.0)
    box = min(west, east), min(south, north), max(west, east), max(south, north)
    cut = open_scene(path, window=box, **options)
    same = whole.isel(y=slice(2, 17), x=slice(3, 15))
    for name in whole.data_vars:
        np.testing.assert_array_equal(cut[name], same[name], strict=True)
    np.testing.assert_allclose(cut["x"], same["x"], rtol=0, atol=1e-6)
    np.testing.assert_allclose(cut["y"], same["y"], rtol=0, atol=1e-6)
    asked = gpd.GeoSeries([shapely.box(west + 1, south + 1, east - 1, north - 1)], crs=grid.crs).to_crs(4326)
    lazy = open_scene(path, window=asked, chunks=6, **options)
    assert lazy.sizes["x"] >= 12
    inside = whole.sel(x=lazy["x"], y=lazy["y"], method="nearest")
    np.testing.assert_array_equal(lazy["green"], inside["green"])


def test_zonal_figures_do_not_know_how_the_scene_was_read(product):
    """Overlapping zones have bit-equal statistics over memory, chunks and windows."""
    path, options = product
    whole = open_scene(path, **options)
    grid = grid_of(whole)
    spots = [grid.transform @ spot for spot in ((8, 8), (10, 9), (12, 12))]
    zones = gpd.GeoSeries([shapely.Point(spot).buffer(4 * grid.pixel_m) for spot in spots], crs=grid.crs)
    figures = zonal(index_zones(zones, grid), whole)
    lazy = open_scene(path, chunks=9, **options)
    assert figures.equals(zonal(index_zones(zones, grid), lazy))
    part = open_scene(path, window=zones, **options)
    assert figures.equals(zonal(index_zones(zones, grid_of(part)), part))


def test_roles_asked_for_are_all_that_is_read(product):
    """Fewer bands, same numbers, same grid."""
    path, options = product
    if "roles" in options:
        pytest.skip("roles say which band is which")
    whole, part = open_scene(path, **options), open_scene(path, **{**options, "roles": ["nir", "green"]})
    assert {"nir", "green", "flags"} >= set(part.data_vars) - {"thermal_sigma_k"}
    np.testing.assert_array_equal(part["nir"], whole["nir"])
    with pytest.raises(SceneError, match="has no thermal"):
        open_scene(path, **{**options, "roles": ["thermal"]})


def test_only_the_blocks_of_a_window_are_read(tmp_path, monkeypatch):
    """A window of a large tiled file asks the file for that window, and not for more."""
    from outfall.scenes.open_pixels import RasterPixels

    values = np.ones((1, 2048, 2048), np.uint16)
    file = made.raster(
        tmp_path / "wide.tif", values, Affine(10, 0, made.WEST, 0, -10, made.NORTH), made.UTM, nodata=0, tiled=True
    )
    asked = []
    read = RasterPixels.read

    def watched(self, rows, columns):
        asked.append((rows.stop - rows.start) * (columns.stop - columns.start))
        return read(self, rows, columns)

    monkeypatch.setattr(RasterPixels, "read", watched)
    open_scene(file, roles={"red": 1}, window=(made.WEST + 100, made.NORTH - 300, made.WEST + 400, made.NORTH - 100))
    assert sum(asked) == 30 * 20


@pytest.mark.parametrize(
    ("window", "reason"),
    [
        ((0, 0, 10, 10), "lies beside the scene"),
        ((made.WEST + 50, made.NORTH - 50, made.WEST + 50, made.NORTH - 10), "is no window"),
        ((np.nan, 0, 10, 10), "is no window; expected numbers"),
        (gpd.GeoSeries([shapely.Point(0, 0).buffer(1)]), "say no CRS"),
    ],
)
def test_a_window_that_shows_nothing_is_refused(tmp_path, window, reason):
    """Beside the scene, empty, or without a CRS."""
    home, _ = made.safe(tmp_path)
    with pytest.raises(SceneError, match=reason):
        open_scene(home, window=window)


def test_a_folder_of_several_scenes_says_what_it_holds(tmp_path):
    """Nothing is picked silently: the scenes are listed, and each can be opened."""
    one, _ = made.safe(tmp_path, date="20230821")
    made.safe(tmp_path, date="20230826")
    with pytest.raises(OSError, match=r"holds 2 scenes \(sentinel2 S2B_MSIL2A_20230821.*sentinel2 S2B_MSIL2A_20230826"):
        open_scene(tmp_path)
    assert len(describe_scenes(tmp_path)) == 2
    assert open_scene(one).attrs["product"] == "sentinel2"


def test_a_folder_of_nothing_says_so(tmp_path):
    """The files are named, and what could be opened."""
    (tmp_path / "notes.csv").write_text("a\n1\n")
    with pytest.raises(OSError, match=r"no scene is known by these files \(notes\.csv\).*Sentinel-2 SAFE"):
        open_scene(tmp_path)
