"""A scene keeps what it was made of."""

import numpy as np
import pandas as pd
import pyproj
import pytest
import xarray as xr
from affine import Affine

from outfall.errors import SceneError
from outfall.scenes import (
    Band,
    Grid,
    decode_scl,
    flags,
    grid_of,
    is_usable,
    make_scene,
    quantity_of,
    set_flag,
    taken_at,
)

GRID = Grid(3, 4, Affine(10, 0, 500_000, 0, -10, 3_300_000), pyproj.CRS(32651))


def made(**options):
    bands = {
        "red": Band(np.arange(12.0).reshape(3, 4), 665, 30, 10, "B04"),
        "thermal": Band(np.full((3, 4), 290.0), quantity="temperature"),
    }
    return make_scene(bands, GRID, quantity="rho_s", **options)


def test_a_scene_survives_netcdf(tmp_path):
    """Bands, flags, grid, quantity and moment come back from a file as they were."""
    scene = made(taken_at=pd.Timestamp("2026-04-12 11:08", tz="Asia/Shanghai"), notes={"baseline": "05.00"})
    scene.to_netcdf(tmp_path / "scene.nc")
    with xr.open_dataset(tmp_path / "scene.nc") as back:
        np.testing.assert_array_equal(back["red"], scene["red"])
        assert grid_of(back) == grid_of(scene) == GRID
        assert taken_at(back) == pd.Timestamp("2026-04-12 03:08", tz="UTC")
        assert quantity_of(back, "thermal") == "temperature"
        assert quantity_of(back, "red") == "rho_s"


@pytest.mark.parametrize(
    ("rows", "columns"), [(slice(1, 3), slice(2, 4)), (slice(None, None, 2), slice(None, None, 2))]
)
def test_a_cut_knows_where_it_lies(rows, columns):
    """The centre of a pixel of a cut scene is where it was in the whole."""
    cut = made().isel(y=rows, x=columns)
    grid = grid_of(cut)
    east, north = grid.transform @ (0.5, 0.5)
    assert (east, north) == (float(cut["x"][0]), float(cut["y"][0]))
    east, north = grid.transform @ (grid.width - 0.5, grid.height - 0.5)
    assert (east, north) == (float(cut["x"][-1]), float(cut["y"][-1]))


def test_every_problem_is_listed_at_once():
    """An unknown role, another shape, an unknown quantity and a moment without zone come in one error."""
    with pytest.raises(SceneError, match=r"(?s)B4.*is no role.*\(2, 2\).*furlongs.*no time zone"):
        make_scene(
            {"B4": Band(np.zeros((3, 4))), "red": Band(np.zeros((2, 2)))},
            GRID,
            quantity="furlongs",
            taken_at=pd.Timestamp("2026-04-12"),
        )


@pytest.mark.parametrize("name", flags())
def test_a_flag_says_whether_it_leaves_a_pixel_out(name):
    """Setting one flag makes a pixel unusable exactly when the flag is bad, and allowing it lets it through."""
    field = set_flag(np.zeros(3, np.uint16), name, [True, False, True])
    assert is_usable(field).tolist() == [not flags()[name].is_bad, True, not flags()[name].is_bad]
    assert is_usable(field, allow=(name,)).all()


def test_interpolated_classes_are_refused():
    """A class between two classes is no class."""
    with pytest.raises(SceneError, match=r"3\.5 is no class"):
        decode_scl([3.0, 3.5])
