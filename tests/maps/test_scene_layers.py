"""Products of scenes as layers: right place, unit, mask and colours; outfalls that cannot be seen are grey and say why."""

import numpy as np
import pandas as pd
import pytest

from outfall.errors import MapError
from outfall.maps.scene_layers import contrast_layer, scene_layer, water_layer
from outfall.scenes import compute, find_water
from outfall.scenes.contrasts import find_contrasts
from tests.laws import unchanged
from tests.scenes.river import network_of, outfalls_on, scene_of


@pytest.fixture(scope="module")
def made():
    """Return a network, a scene over it, its water and the contrasts at three outfalls."""
    network = network_of(120)
    scene = scene_of(120)[0]
    outfalls = outfalls_on(network, width_m=120)
    water = find_water(scene, network)
    return network, scene, outfalls, water, find_contrasts(outfalls, scene, network, water=water, layers="red")


def test_a_formula_is_drawn_with_its_name_and_place(made):
    """The layer of NDWI has the labels of the formula and covers the scene."""
    layer = scene_layer(compute(made[1], "ndwi"))
    assert layer.kind == "raster"
    assert layer.name == "ndwi"
    assert layer.zh != layer.en
    points = made[2].to_crs(4326).geometry
    west, south, east, north = layer.bounds_deg
    assert points.x.between(west, east).all()
    assert points.y.between(south, north).all()


def test_the_unit_stands_in_the_legend(made):
    """Turbidity is drawn in FNU."""
    rho_w = made[1].assign_attrs(quantity="rho_w")
    assert scene_layer(compute(rho_w, "turbidity_red")).unit == "FNU"


def test_what_is_no_water_is_clear(made):
    """With a mask, as large a share of the picture is clear as of the scene is land."""
    whole, masked = (scene_layer(made[1], "red", water=water) for water in (None, made[3]))
    shares = [float((layer.plane.codes > 0).mean()) for layer in (whole, masked)]
    share = float(made[3]["water"].mean())
    assert shares[1] / shares[0] == pytest.approx(share, rel=0.1)


def test_water_has_two_classes(made):
    """Pure water and water beside the bank are told apart, with labels in both languages."""
    layer = water_layer(made[3])
    assert len(layer.classes) == 2
    assert all(len(row) == 3 for row in layer.classes)


def test_a_mask_of_another_grid_is_refused(made):
    """The message says both sizes."""
    with pytest.raises(MapError, match="rows and columns"):
        scene_layer(made[1], "red", water=made[3].isel(y=slice(0, 10)))


@pytest.mark.parametrize("name", ["", "no such"])
def test_a_name_that_is_not_there_is_refused(made, name):
    """The message lists what there is."""
    with pytest.raises(MapError, match="say which to draw"):
        scene_layer(made[1], name)


def test_every_outfall_is_a_point_where_it_stands(made):
    """One row per outfall, at its own place, whatever the order of the contrasts."""
    mixed = made[4].sample(frac=1, random_state=1)
    layer = contrast_layer(mixed, made[2])
    assert sorted(layer.table["outfall_id"]) == sorted(made[2]["outfall_id"])
    own = made[2].set_index("outfall_id").geometry.reindex(layer.table["outfall_id"])
    assert (np.asarray(layer.table.geometry) == np.asarray(own)).all()


def test_an_outfall_that_cannot_be_seen_keeps_its_reason(made):
    """On a narrow river every point has no estimate, and says width."""
    narrow = network_of(30)
    outfalls = outfalls_on(narrow, width_m=30)
    layer = contrast_layer(find_contrasts(outfalls, scene_of(30)[0], narrow, layers="red"), outfalls)
    assert layer.table["estimate"].isna().all()
    assert (layer.table["code"] == "width").all()
    assert layer.table["reason_zh"].str.len().gt(0).all()


def test_of_several_days_the_surest_is_drawn(made):
    """The day with the least q stands for an outfall; a day that saw nothing does not."""
    first = made[4].assign(q=0.5, estimate=1.0)
    second = made[4].assign(q=0.01, estimate=2.0)
    blind = made[4].assign(q=np.nan, estimate=np.nan)
    layer = contrast_layer(pd.concat([first, blind, second]), made[2])
    assert (layer.table["estimate"] == 2.0).all()
    assert (layer.table["scenes_seen"] == 2).all()


def test_tables_are_not_changed(made):
    """Contrasts and outfalls stay as they were."""
    with unchanged(made[4], made[2]):
        contrast_layer(made[4], made[2])


def test_other_tables_are_refused(made):
    """A table without the columns says which one is missing."""
    with pytest.raises(MapError, match="no column 'layer'"):
        contrast_layer(made[4].drop(columns="layer"), made[2])
