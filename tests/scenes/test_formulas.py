"""Every formula gives its golden values, refuses what it was not made for, and gives the same bits however it is computed."""

import numpy as np
import pyproj
import pytest
from affine import Affine

from outfall.errors import SceneError
from outfall.scenes import ROLES, Band, Grid, as_quantity, compute, formulas, list_refusals, make_scene
from outfall.scenes.expression import names_in
from outfall.scenes.program import compile_formulas

ALL = sorted(formulas())


def scene_for(name, values, *, quantity=None, sensor=None, centres=None):
    """Make a scene of one row with the bands a formula asks for, under roles that fit their centres."""
    formula = formulas()[name]
    bands = {}
    width = max(np.size(value) for value in values.values())
    for own, wanted in formula.bands.items():
        centre = (centres or {}).get(own, np.nan) if isinstance(wanted, str) else wanted[0]
        role = (
            wanted
            if isinstance(wanted, str)
            else next(r for r, (low, high) in ROLES.items() if low <= centre <= high and r not in bands)
        )
        bands[role] = Band(np.broadcast_to(np.asarray(values[own], float), (1, width)).copy(), centre_nm=centre)
    grid = Grid(1, width, Affine(10, 0, 500_000, 0, -10, 3_300_000), pyproj.CRS(32651))
    sensor = (formula.sensors or ("S2A",))[0] + " MSI" if sensor is None else sensor
    return make_scene(bands, grid, quantity=quantity or formula.quantities[0], sensor=sensor)


@pytest.mark.parametrize("name", ALL)
def test_golden_values_come_out(name):
    """A formula gives the values computed by hand."""
    formula = formulas()[name]
    assert formula.golden
    for golden in formula.golden:
        inputs = {own: golden[own] for own in formula.bands}
        scene = scene_for(name, inputs, centres=golden.get("centres_nm"))
        assert compute(scene, name)[name].item() == pytest.approx(golden["value"], rel=2e-5, abs=2e-6)


@pytest.mark.parametrize("name", ALL)
def test_a_quantity_it_was_not_made_for_is_refused(name):
    """Digital numbers are no reflectance, whatever formula is asked."""
    golden = formulas()[name].golden[0]
    scene = scene_for(
        name, {own: golden[own] for own in formulas()[name].bands}, quantity="dn", centres=golden.get("centres_nm")
    )
    with pytest.raises(SceneError, match="'dn'; this formula was made for"):
        compute(scene, name)


@pytest.mark.parametrize("name", [name for name in ALL if formulas()[name].sensors])
def test_coefficients_of_one_sensor_stay_with_it(name):
    """A calibration for one sensor refuses the scene of another."""
    golden = formulas()[name].golden[0]
    with pytest.raises(SceneError, match="these coefficients belong to"):
        compute(scene_for(name, {own: golden[own] for own in formulas()[name].bands}, sensor="GF-1 WFV1"), name)


@pytest.mark.parametrize("name", ALL)
def test_no_data_gives_no_value(name):
    """Where any band has no value the result has none, also in branches that do not look at it."""
    formula = formulas()[name]
    for own in formula.bands:
        for golden in formula.golden:
            inputs = {key: golden[key] for key in formula.bands} | {own: np.nan}
            assert np.isnan(compute(scene_for(name, inputs, centres=golden.get("centres_nm")), name)[name]).all(), own


@pytest.mark.parametrize("name", ALL)
def test_every_result_is_in_its_range_or_none(name):
    """Whatever noise the bands hold, no infinite value and none outside the valid range comes out, and none is unexplained."""
    formula = formulas()[name]
    rng = np.random.default_rng(3)
    inputs = {own: np.concatenate([rng.normal(0.04, 0.06, 400), [0.0, -0.01, 1e-9]]) for own in formula.bands}
    scene = scene_for(name, inputs, centres=(formula.golden[0]).get("centres_nm"))
    value = compute(scene, name)[name].to_numpy()
    assert not np.isinf(value).any()
    if formula.valid:
        assert np.nanmin(value) >= formula.valid[0]
        assert np.nanmax(value) <= formula.valid[1]
    reasons = list_refusals(scene, name)
    assert reasons["pixel_share"].sum() >= np.isnan(value).mean() - 1e-9


def test_all_formulas_together_give_the_bits_of_each_alone():
    """One program for many formulas changes no bit, and chunks change none either."""
    pytest.importorskip("dask.array")
    rng = np.random.default_rng(1)
    centres = {
        "coastal": 443,
        "blue": 492,
        "green": 560,
        "red": 665,
        "red_edge_1": 704,
        "red_edge_3": 780,
        "nir": 842,
        "nir_narrow": 865,
        "swir_1": 1610,
        "swir_2": 2190,
    }
    bands = {
        role: Band(rng.uniform(-0.01, 0.2, (57, 83)).astype("float32"), centre) for role, centre in centres.items()
    }
    grid = Grid(57, 83, Affine(10, 0, 500_000, 0, -10, 3_300_000), pyproj.CRS(32651))
    for quantity in ("rho_w", "rho_s", "rho_toa"):
        scene = make_scene(bands, grid, quantity=quantity, sensor="S2A MSI")
        names = [
            name
            for name in ALL
            if quantity in formulas()[name].quantities
            and formulas()[name].sensors in ((), ("S2",), ("S2A",))
            and "645" not in name
        ]
        names = [
            name
            for name in names
            if all(
                isinstance(w, str) or any(abs(c - w[0]) <= w[1] for c in centres.values())
                for w in formulas()[name].bands.values()
            )
        ]
        names = [
            name
            for name in names
            if all(not isinstance(w, str) or w in centres for w in formulas()[name].bands.values())
        ]
        together = compute(scene, names)
        chunked = compute(scene.chunk({"y": 20, "x": 31}), names).compute()
        for name in names:
            alone = compute(scene, name)
            np.testing.assert_array_equal(together[name], alone[name])
            np.testing.assert_array_equal(together[name], chunked[name])


@pytest.mark.parametrize("kind", [np.uint16, np.int16, np.float64])
def test_whole_numbers_do_not_wrap(kind):
    """A band of unsigned numbers gives the difference a person means (-0.5, not 32.268)."""
    out = np.empty((1, 1), np.float32)
    compile_formulas(["nd(green, nir)"]).run({"green": np.array([[500]], kind), "nir": np.array([[1500]], kind)}, [out])
    assert out[0, 0] == -0.5


def test_a_dry_chip_is_dry():
    """On dry soils and roofs AWEInsh calls nothing water, where the formula in circulation with a wrong sign calls most of it so."""
    rng = np.random.default_rng(5)
    soil = {
        "green": rng.normal(0.11, 0.02, 5000),
        "nir": rng.normal(0.28, 0.04, 5000),
        "swir_1": rng.normal(0.24, 0.05, 5000),
        "swir_2": rng.normal(0.24, 0.05, 5000),
    }
    soil = {role: np.clip(values, 0.02, None) for role, values in soil.items()}
    ours = compute(scene_for("awei_nsh", soil), "awei_nsh")["awei_nsh"].to_numpy()
    wrong = 4 * (soil["green"] - soil["swir_1"]) - 0.25 * soil["nir"] + 2.75 * soil["swir_2"]
    assert (ours > 0).mean() == 0
    assert (wrong > 0).mean() > 0.5


def test_remote_sensing_reflectance_is_not_mixed_with_its_cousins():
    """Rrs and water-leaving reflectance become each other by pi; surface reflectance becomes neither unless one says so."""
    scene = scene_for("turbidity_red", {"red": 0.01}, quantity="Rrs")
    with pytest.raises(SceneError, match="multiply by pi"):
        compute(scene, "turbidity_red")
    right = compute(as_quantity(scene, "rho_w"), "turbidity_red")["turbidity_red"]
    assert right.item() == pytest.approx(228.1 * 0.01 * np.pi / (1 - 0.01 * np.pi / 0.1641), rel=1e-5)
    surface = scene_for("turbidity_red", {"red": 0.03}, quantity="rho_s")
    with pytest.raises(SceneError, match="is_assumed"):
        as_quantity(surface, "rho_w")
    assumed = compute(as_quantity(surface, "rho_w", is_assumed=True), "turbidity_red")["turbidity_red"]
    assert assumed.item() == pytest.approx(8.373872, rel=1e-5)
    assert assumed.attrs["assumed_from"] == "rho_s"


def test_a_band_at_720_nm_is_no_band_at_705():
    """NDCI refuses the red edge of HJ-2 (720.5 nm) and takes that of GF-6 (700.5 nm)."""
    grid = Grid(1, 1, Affine(16, 0, 500_000, 0, -16, 3_300_000), pyproj.CRS(32651))
    red = Band(np.full((1, 1), 0.04), 662.0)
    with pytest.raises(SceneError, match=r"no band at 705 nm \(within 10\).*red_edge_2 at 720\.5 nm"):
        compute(
            make_scene({"red": red, "red_edge_2": Band(np.full((1, 1), 0.05), 720.5)}, grid, quantity="rho_s"), "ndci"
        )
    taken = make_scene({"red": red, "red_edge_1": Band(np.full((1, 1), 0.05), 700.5)}, grid, quantity="rho_s")
    assert compute(taken, "ndci")["ndci"].item() == pytest.approx(1 / 9, rel=1e-5)


def test_nothing_but_formulas_runs():
    """An expression is arithmetic on bands: attributes, calls of anything else and texts are refused."""
    for text in (
        "__import__('os')",
        "red.real",
        "'a'",
        "red if nir else 0",
        "lambda: 0",
        "[red]",
        "open(red)",
        "red @ nir",
    ):
        with pytest.raises(SceneError, match="formula"):
            compile_formulas([text])
    assert names_in("where(red > 0, nm(nir) * red, exp(green))") == ("red", "green")
