"""A fit to one's own samples finds the law that made them, says how wrong it is, and refuses where it knows nothing."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely import Point

from outfall.errors import SceneError
from outfall.scenes import Band, chlorophyll, compute, fit_ratio, grid_of, make_scene, match_pixels
from tests.scenes.river import CRS, NORTH, WEST, scene_of
from tests.scenes.test_formulas import scene_for


def samples_of(seed, count, *, power=1.4, factor=3.0, noise=0.1):
    rng = np.random.default_rng(seed)
    bands = pd.DataFrame({"green": rng.uniform(0.02, 0.09, count), "red": rng.uniform(0.02, 0.05, count)})
    value = factor * (bands["green"] / bands["red"]) ** power * np.exp(rng.normal(0, noise, count))
    return bands, value.rename("cdom")


@pytest.mark.parametrize("seed", range(5))
def test_a_planted_law_is_recovered_with_an_honest_error(seed):
    """The power comes back, and the stated error is that on samples nobody fitted on."""
    bands, value = samples_of(seed, 60)
    fit = fit_ratio(bands, value, top="green", below="red", quantity="rho_w")
    assert fit.power == pytest.approx(1.4, abs=0.12)
    fresh, truth = samples_of(seed + 100, 4000)
    told = fit.factor * (fresh["green"] / fresh["red"]) ** fit.power
    assert fit.error == pytest.approx(float(np.sqrt(((told - truth) ** 2).mean())), rel=0.5)
    assert fit.skill_share > 0.8


def test_units_of_the_samples_scale_the_factor_alone():
    """Samples in other units give the same power and a factor in those units."""
    bands, value = samples_of(3, 30)
    one = fit_ratio(bands, value, top="green", below="red", quantity="rho_w")
    thousand = fit_ratio(bands, value * 1000, top="green", below="red", quantity="rho_w")
    assert thousand.factor == pytest.approx(1000 * one.factor)
    assert thousand.power == pytest.approx(one.power)
    assert thousand.skill_share == pytest.approx(one.skill_share)


def test_what_says_nothing_has_no_skill_and_is_not_applied():
    """A property without any tie to the ratio is refused unless one insists."""
    rng = np.random.default_rng(8)
    bands, value = samples_of(1, 40)
    fit = fit_ratio(bands, pd.Series(rng.permutation(value), name="cod"), top="green", below="red", quantity="rho_s")
    scene, _ = scene_of(150)
    assert fit.skill_share <= 0
    with pytest.raises(SceneError, match="no better out of sample than the mean"):
        fit.apply(scene)
    assert np.isfinite(fit.apply(scene, anyway=True).to_numpy()).any()


def test_beyond_the_samples_there_is_no_value():
    """A ratio no sample had gives no value, and another quantity is refused."""
    bands, value = samples_of(1, 40)
    fit = fit_ratio(
        bands.query("green > red"), value[bands["green"] > bands["red"]], top="green", below="red", quantity="rho_s"
    )
    scene, _ = scene_of(150)
    applied = fit.apply(scene).to_numpy()
    ratio = (scene["green"] / scene["red"]).to_numpy()
    outside = (ratio < fit.ratio_range[0]) | (ratio > fit.ratio_range[1])
    assert np.isnan(applied[outside]).all()
    assert np.isfinite(applied[~outside]).all()
    with pytest.raises(SceneError, match="fitted on 'rho_s'"):
        fit.apply(scene.assign_attrs(quantity="rho_w"))


def test_few_or_mostly_unseen_samples_are_refused():
    """Fewer than eight samples, and samples most of which are below detection."""
    bands, value = samples_of(1, 30)
    with pytest.raises(SceneError, match="7 usable samples"):
        fit_ratio(bands[:7], value[:7], top="green", below="red", quantity="rho_w")
    hidden = value.where(value > value.median(), np.nan)
    with pytest.raises(SceneError, match="below detection"):
        fit_ratio(bands, hidden, top="green", below="red", quantity="rho_w")


def test_samples_meet_the_pixels_about_them_in_place_and_time():
    """A sample in the river gets the water's reflectance; one on land outside the mask, or of another week, gets a reason."""
    scene, share = scene_of(200, noise=0.0)
    when = pd.to_datetime(["2026-04-12 05:00", "2026-04-12 05:00", "2026-04-20 05:00"], utc=True)
    places = [Point(WEST + 2000, NORTH - 1000), Point(WEST + 2000, NORTH - 300), Point(WEST + 2000, NORTH - 1000)]
    samples = gpd.GeoDataFrame({"taken_at": when}, geometry=places, crs=CRS)
    matched = match_pixels(samples, scene, water=share == 1)
    assert matched["green"].iloc[0] == pytest.approx(0.06, abs=1e-6)
    assert matched["pixels"].tolist() == [9, 0, 0]
    assert matched["reason"].tolist() == ["", "no usable water pixel", "194 h from the scene"]


def test_each_kind_of_water_gets_its_formula():
    """Clear, turbid and green water are told apart and get the value of their own formula."""
    waters = {
        "r443": [0.02, 0.02, 0.02],
        "r492": [0.02, 0.03, 0.02],
        "r560": [0.012, 0.06, 0.05],
        "r665": [0.004, 0.05, 0.03],
        "r705": [0.003, 0.045, 0.05],
        "r780": [0.001, 0.02, 0.02],
    }
    roles = {
        "coastal": "r443",
        "blue": "r492",
        "green": "r560",
        "red": "r665",
        "red_edge_1": "r705",
        "red_edge_3": "r780",
    }
    grid = grid_of(scene_for("turbidity_red", {"red": [0.03, 0.03, 0.03]}))
    bands = {role: Band(np.array([waters[own]]), float(own[1:])) for role, own in roles.items()}
    scene = make_scene(bands, grid, quantity="rho_w", sensor="S2A MSI")
    found = chlorophyll(scene)
    assert found["kind"].to_numpy().tolist() == [[1, 2, 3]]
    for column, name in enumerate(("chl_oc3_msi", "chl_gons", "chl_mishra")):
        assert found["chl"].to_numpy()[0, column] == compute(scene, name)[name].to_numpy()[0, column]
