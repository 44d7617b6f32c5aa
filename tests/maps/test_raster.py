"""Rasters lie where they are, cell by cell, and say their numbers; whatever they come as."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
import xarray as xr
from affine import Affine
from rasterio.control import GroundControlPoint
from rasterio.enums import ColorInterp, Resampling
from rasterio.warp import reproject

from outfall.errors import MapError
from outfall.maps import raster, raster_read
from outfall.maps.palettes import list_palettes, ramp, ramp_rgb
from outfall.maps.raster import RasterGrid, raster_layer, under_layers
from tests.maps.rasters import PLACES, at_centres, picture, write


def _field(shape=(60, 80), seed=0):
    return np.random.default_rng(seed).normal(0.1, 0.3, shape)


def _grid(values, place="utm", **options):
    return RasterGrid(values, *PLACES[place], **options)


@pytest.mark.parametrize("place", PLACES)
def test_every_cell_reads_its_own_number(place):
    """At the centre of every cell, in every way a raster can lie, the page reads that cell's number to half a step."""
    values = _field()
    layer = raster_layer(_grid(values, place))
    assert np.abs(at_centres(layer, values.shape, place) - values).max() <= layer.plane.step / 2 + 1e-9
    assert layer.plane.step <= (values.max() - values.min()) / 250


@pytest.mark.parametrize("place", PLACES)
def test_whole_numbers_are_read_exactly(place):
    """Whole numbers, however large beside their spread, come back as they were."""
    values = np.random.default_rng(1).integers(20_000, 60_000, (40, 50)).astype("uint16")
    assert np.array_equal(at_centres(raster_layer(_grid(values, place)), values.shape, place), values)


@pytest.mark.parametrize("place", ["utm", "geographic", "turned by 27 degrees"])
def test_the_picture_is_what_rasterio_warps(place):
    """Colours stand where rasterio's own warp to the same cells puts the numbers, in all but a few cells on a border."""
    values = _field()
    layer = raster_layer(_grid(values, place))
    transform, crs = PLACES[place]
    rows, columns = layer.plane.codes.shape
    edge = rasterio.warp.transform_bounds("EPSG:4326", "EPSG:3857", *layer.bounds_deg)
    own = np.full((rows, columns), np.nan)
    target = Affine((edge[2] - edge[0]) / columns, 0, edge[0], 0, (edge[1] - edge[3]) / rows, edge[3])
    reproject(
        values, own, src_transform=transform, src_crs=crs, src_nodata=np.nan, dst_nodata=np.nan,
        dst_transform=target, dst_crs=3857, resampling=Resampling.nearest, tolerance=0,
    )  # fmt: skip
    codes = layer.plane.codes
    mine = np.where(codes > 0, layer.plane.first + (codes - 1) * layer.plane.step, np.nan)
    is_same = np.isclose(mine, own, rtol=0, atol=layer.plane.step) | (np.isnan(mine) & np.isnan(own))
    assert is_same.mean() > 0.995


@pytest.mark.parametrize("place", ["mercator", "geographic", "utm"])
def test_a_shift_by_one_cell_moves_the_picture_by_one_cell(place):
    """A raster that begins one cell further east and south has the same numbers one cell further."""
    values = _field((50, 50))
    transform, crs = PLACES[place]
    moved = Affine(transform.a, 0, transform.c + transform.a, 0, transform.e, transform.f + transform.e)
    first, second = (raster_layer(RasterGrid(values, where, crs)) for where in (transform, moved))
    assert np.allclose(at_centres(second, (49, 49), place)[1:, 1:], at_centres(first, (48, 48), place), atol=1e-9)
    if place == "mercator":
        assert np.array_equal(first.plane.codes, second.plane.codes)
        assert first.image == second.image
        cell_deg = transform.a / 20037508.342789244 * 180
        assert second.bounds_deg[0] - first.bounds_deg[0] == pytest.approx(cell_deg, rel=1e-9)


def _holes(shape):
    hole = np.zeros(shape, bool)
    hole[5:20, 10:30] = hole[33, 41] = True
    return hole


def _masked(path, how):
    values, hole = _field(), _holes((60, 80))
    if how == "nan":
        return write(path, np.where(hole, np.nan, values))
    if how in ("-9999", "largest"):
        gap = -9999.0 if how == "-9999" else -3.4028234663852886e38
        return write(path, np.where(hole, gap, values).astype("float32"), nodata=gap)
    if how == "mask":
        return write(path, values, mask=~hole)
    whole = np.clip(values * 1000 + 2000, 0, 4000).astype("uint16")
    write(path, np.stack([whole, np.where(hole, 0, 65535).astype("uint16")]))
    with rasterio.open(path, "r+") as file:
        file.colorinterp = (ColorInterp.gray, ColorInterp.alpha)
    return path


@pytest.mark.parametrize("how", ["nan", "-9999", "largest", "mask", "alpha"])
def test_masks_stay_masked(tmp_path, how):
    """Where a raster has no data, however it says so, there is no number and no colour; everywhere else there is."""
    layer = raster_layer(_masked(tmp_path / "m.tif", how))
    hole = _holes((60, 80))
    assert np.array_equal(np.isnan(at_centres(layer, hole.shape)), hole)
    assert np.array_equal(picture(layer)[..., 3] > 0, layer.plane.codes > 0)


def _array(values, crs_as="attribute", *, is_up=False):
    transform, crs = PLACES["utm"]
    east = transform.c + transform.a * (np.arange(values.shape[1]) + 0.5)
    north = transform.f + transform.e * (np.arange(values.shape[0]) + 0.5)
    array = xr.DataArray(values, dims=("y", "x"), coords={"y": north, "x": east}, name="ndti")
    if crs_as == "attribute":
        array = array.assign_attrs(crs=f"EPSG:{crs}")
    else:
        array = array.assign_coords(
            spatial_ref=xr.DataArray(0, attrs={"crs_wkt": rasterio.CRS.from_epsg(crs).to_wkt()})
        )
    return array.isel(y=slice(None, None, -1)) if is_up else array


@pytest.mark.parametrize("crs_as", ["attribute", "coordinate"])
@pytest.mark.parametrize("is_up", [False, True])
def test_xarray_and_file_make_the_same_layer(tmp_path, crs_as, is_up):
    """A DataArray, ascending or descending, a Dataset, a RasterGrid and a GeoTIFF of the same numbers make the same picture and plane."""
    values = np.where(_holes((60, 80)), np.nan, _field())
    array = _array(values, crs_as, is_up=is_up)
    made = [
        raster_layer(what) for what in (write(tmp_path / "a.tif", values), array, array.to_dataset(), _grid(values))
    ]
    for other in made[1:]:
        assert np.array_equal(other.plane.codes, made[0].plane.codes)
        assert other.image == made[0].image
        assert other.bounds_deg == pytest.approx(made[0].bounds_deg, abs=1e-10)
    assert made[1].en == "ndti"


def test_read_in_strips_is_read_at_once(tmp_path, monkeypatch):
    """An array opened lazily from a file and passed on in strips through a temporary file makes the same layer as one in memory."""
    values = np.where(_holes((60, 80)), np.nan, _field())
    at_once = raster_layer(_array(values))
    _array(values).to_netcdf(tmp_path / "a.nc", engine="scipy")
    monkeypatch.setattr(raster_read, "_MEMORY_BYTES", 0)
    monkeypatch.setattr(raster_read, "_STRIP_CELLS", 7 * 80)
    with xr.open_dataset(tmp_path / "a.nc", engine="scipy") as lazy:
        in_strips = raster_layer(lazy["ndti"])
    assert np.array_equal(in_strips.plane.codes, at_once.plane.codes)
    assert in_strips.image == at_once.image


def test_bands_of_an_array_are_found_by_name():
    """A band is chosen by its number, by its label, or by the name of a variable."""
    cube = xr.concat([_array(_field(seed=k)) for k in range(3)], dim=xr.Variable("band", ["B2", "B3", "B8"]))
    cube = cube.assign_attrs(crs="EPSG:32651")
    chosen = raster_layer(cube, band="B8")
    assert chosen.image == raster_layer(_array(_field(seed=2))).image == raster_layer(cube, band=3).image
    several = xr.Dataset({name: cube.sel(band=name, drop=True) for name in ("B2", "B8")})
    assert raster_layer(several, band="B8").image == chosen.image
    with pytest.raises(MapError, match=r"'B9' is not there; the raster has 1 'B2', 2 'B3', 3 'B8'"):
        raster_layer(cube, band="B9")


def test_ground_control_points_place_a_raster(tmp_path):
    """A raster placed by ground control points lies where the same raster with a transform lies."""
    values = _field()
    transform, crs = PLACES["utm"]
    points = [
        GroundControlPoint(row, column, *(transform @ (column, row))) for row in (0, 30, 60) for column in (0, 40, 80)
    ]
    profile = {"driver": "GTiff", "count": 1, "height": 60, "width": 80, "dtype": "float64"}
    with rasterio.open(tmp_path / "g.tif", "w", **profile, gcps=points, crs=f"EPSG:{crs}") as file:
        file.write(values, 1)
    layer = raster_layer(tmp_path / "g.tif")
    assert np.abs(at_centres(layer, values.shape) - values).max() <= layer.plane.step / 2 + 1e-9


def test_a_colour_table_makes_classes(tmp_path):
    """A GeoTIFF with a colour table is drawn in exactly its colours, with those that occur as its legend."""
    values = np.random.default_rng(0).integers(0, 4, (60, 80)).astype("uint8")
    write(tmp_path / "p.tif", values, nodata=0)
    table = {0: (0, 0, 0, 0), 1: (10, 90, 200, 255), 2: (60, 160, 60, 255), 3: (200, 150, 90, 255), 9: (1, 2, 3, 255)}
    with rasterio.open(tmp_path / "p.tif", "r+") as file:
        file.write_colormap(1, table)
        file.colorinterp = (ColorInterp.palette,)
    layer = raster_layer(tmp_path / "p.tif")
    assert layer.classes == (("1", "#0a5ac8"), ("2", "#3ca03c"), ("3", "#c8965a"))
    seen = {tuple(int(part) for part in colour) for colour in np.unique(picture(layer).reshape(-1, 4), axis=0)}
    assert {colour for colour in seen if colour[3]} == {table[k] for k in (1, 2, 3)}
    assert np.array_equal(np.nan_to_num(at_centres(layer, values.shape), nan=-1) + 1, values)


def test_classes_keep_the_order_and_the_words_they_are_given():
    """Classes named by the caller stand in that order; numbers they do not name are clear."""
    values = np.array([[5, 5, 7], [2, 7, 9]])
    layer = raster_layer(_grid(values), palette={7: ("水", "Water", "#0072B2"), 5: ("沙", "Sand", "#E69F00")})
    assert layer.classes == (("水", "Water", "#0072B2"), ("沙", "Sand", "#E69F00"))
    assert np.isnan(at_centres(layer, (2, 3))).tolist() == [[False, False, False], [True, False, True]]


def test_a_large_raster_is_thinned_to_the_budget(tmp_path, monkeypatch):
    """A raster above the budget is read decimated: values as means, classes as classes, and lies where it lay."""
    monkeypatch.setattr(raster, "_VALUES_PX", 5_000)
    ramped = np.tile(np.arange(400.0), (300, 1))
    layer = raster_layer(write(tmp_path / "l.tif", ramped, tiled=True, blockxsize=128, blockysize=128))
    assert layer.plane.codes.size <= 1.1 * 5_000
    own = raster_layer(_grid(ramped))
    assert layer.bounds_deg == own.bounds_deg
    found = at_centres(layer, ramped.shape)
    assert np.isnan(found).mean() < 0.03
    assert np.nanmax(np.abs(found - ramped)) < 6
    assert abs(np.nanmean(found - ramped)) < 0.1
    halves = np.where(ramped < 200, 3, 8).astype("uint8")
    classes = raster_layer(_grid(halves), palette={3: ("a", "#000000"), 8: ("b", "#ffffff")})
    assert classes.plane.codes.max() == 2


def test_an_overview_is_used(tmp_path, monkeypatch):
    """A large file with overviews is read through them, not cell by cell."""
    monkeypatch.setattr(raster, "_VALUES_PX", 2_500)
    path = write(tmp_path / "o.tif", np.zeros((512, 512), "float32"), tiled=True, blockxsize=128, blockysize=128)
    with rasterio.open(path, "r+") as file:
        file.build_overviews([8], Resampling.average)
    with rasterio.open(path, "r+", overview_level=0) as file:
        file.write(np.full((64, 64), 7, "float32"), 1)
    codes = raster_layer(path).plane.codes
    assert np.unique(codes[codes > 0]).size == 1
    assert np.nanmax(at_centres(raster_layer(path), (512, 512))) == 7.0


def test_scale_and_offset_are_applied(tmp_path):
    """Numbers of a file that declares scale and offset are read in its unit."""
    path = write(tmp_path / "s.tif", np.array([[1000, 2000], [3000, 4000]], "uint16"))
    with rasterio.open(path, "r+") as file:
        file.scales, file.offsets = (0.0001,), (-0.1,)
    found = at_centres(raster_layer(path), (2, 2))
    assert np.allclose(found, [[0, 0.1], [0.2, 0.3]], atol=1e-3)


def test_limits_are_the_colours_at_the_ends():
    """Numbers at and beyond the limits have the first and the last colour; the pointer still reads them."""
    values = np.array([[-5.0, 0.0, 1.0, 9.0]])
    layer = raster_layer(_grid(values, "mercator"), limits=(0, 1), palette="cividis")
    assert [f"#{r:02x}{g:02x}{b:02x}" for r, g, b, _ in picture(layer)[0].tolist()] == [
        *ramp("cividis", 2)[:1] * 2,
        *ramp("cividis", 2)[1:] * 2,
    ]
    assert np.allclose(at_centres(layer, (1, 4), "mercator"), values, atol=1e-6)


def test_a_palette_with_a_middle_has_zero_in_it():
    """Numbers of both signs lie alike on both sides of the middle of a diverging palette."""
    layer = raster_layer(_grid(np.linspace(-0.2, 0.9, 400).reshape(20, 20)), palette="blue_orange")
    assert layer.plane.limits[0] == -layer.plane.limits[1]


@pytest.mark.parametrize("palette", list_palettes())
def test_palettes_read_in_grey(palette):
    """A palette of one direction grows steadily lighter or darker, one with a middle does so on each side, so that grey print keeps order."""
    rgb = ramp_rgb(palette, 64) / 255.0
    light = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722]
    parts = [light[:32], light[32:]] if "_" in palette else [light]
    for part in parts:
        assert (np.diff(part) > 0).all() or (np.diff(part) < 0).all()
    assert ramp(f"{palette}_r", 5) == ramp(palette, 5)[::-1]


def test_a_raster_without_any_data_is_a_clear_layer():
    """A raster of nothing but gaps makes a layer that shows and says nothing."""
    layer = raster_layer(_grid(np.full((4, 5), np.nan)))
    assert layer.plane.codes.max() == 0
    assert picture(layer)[..., 3].max() == 0


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: raster_layer(RasterGrid(_field(), Affine(0.1, 0, 177, 0, -0.1, 10), 4326)), r"antimeridian \(180°\).*cut it there"),
        (lambda: raster_layer(RasterGrid(_field(), Affine(5000, 0, 0, 0, -5000, 9_900_000), 32701)), "antimeridian"),
        (lambda: raster_layer(_array(_field()).drop_attrs()), "CRS: missing.*assign_attrs"),
        (lambda: raster_layer(_array(_field()).drop_vars("x")), "x: no coordinates"),
        (lambda: raster_layer(_array(_field()).assign_coords(x=np.arange(80.0) ** 2)), "uneven by .*interp"),
        (lambda: raster_layer(_array(_field()).rename(x="a")), "dimensions y, a name no columns and rows"),
        (lambda: raster_layer(_grid(_field()), band=2), "band: 2 is not there; the raster has 1"),
        (lambda: raster_layer(_grid(_field()), band=(1, 1)), "neither one band nor three"),
        (lambda: raster_layer(_grid(_field()), palette="jet"), "'jet' is not one of viridis, cividis"),
        (lambda: raster_layer(_grid(_field()), limits=(1, 1)), "is no range"),
        (lambda: raster_layer(_grid(_field().round()), palette={0: ("a", "reddish")}), "'reddish' is no colour"),
        (lambda: raster_layer(RasterGrid(_field(), Affine(10, 0, 0, 0, -10, 0), "EPSG:1")), "'EPSG:1' is not known"),
        (lambda: raster_layer(RasterGrid(_field(), Affine.identity(), 32651)), "transform: missing"),
        (lambda: RasterGrid(np.array(["a"]), Affine.identity(), 4326), "is no raster"),
        (lambda: raster_layer(3), "int is no raster; expected a path, a RasterGrid"),
        (lambda: raster_layer(_grid(np.arange(400.0).reshape(20, 20)), palette={k: (str(k), "#000") for k in range(400)}), "400 classes are more"),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_what_cannot_be_drawn_is_refused_in_words(make, says):
    """A raster that cannot be placed or coloured is refused with what is wrong and what to do."""
    with pytest.raises(MapError, match=f"(?s){says}"):
        make()


def test_arguments_stay_as_they_are():
    """Neither an array nor its attributes are changed by drawing it."""
    array = _array(_field())
    before = array.copy(deep=True)
    raster_layer(array)
    assert array.identical(before)


def test_several_rasters_lie_in_order(tmp_path):
    """Paths and layers under a survey keep their order, and names that do not clash."""
    paths = [write(tmp_path / f"{k}.tif", _field(seed=k)) for k in range(2)]
    own = raster_layer(_grid(_field()), name="own")
    layers = under_layers([paths[0], own, paths[1]])
    assert [layer.name for layer in layers] == ["under", "own", "under-3"]
    assert [layer.en for layer in layers][::2] == ["0", "1"]
    assert {layer.group for layer in layers} == {"imagery"}
