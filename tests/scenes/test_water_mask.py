"""Water is found where it is, pure water has no land in it, and an outfall that cannot be seen gets a reason."""

import numpy as np
import pytest
from shapely.affinity import translate

from outfall.errors import SceneError
from outfall.scenes import check_outfalls, find_water, flags, least_width_m, pure_water
from outfall.scenes.threshold import find_threshold, otsu
from outfall.vocabulary import words
from tests.scenes.river import network_of, outfalls_on, scene_of


@pytest.mark.parametrize("width_m", [80, 150, 400])
def test_water_is_where_it_is(width_m):
    """A pixel is called water if more than about half of it is, and the two modes were found."""
    scene, share = scene_of(width_m)
    water = find_water(scene, network_of(width_m))
    assert water.attrs["threshold_from"] == "modes"
    inside = water["corridor"].to_numpy()
    assert water["water"].to_numpy()[inside & (share > 0.8)].mean() > 0.99
    assert water["water"].to_numpy()[share < 0.05].mean() < 0.001


@pytest.mark.parametrize("width_m", [30, 46, 57, 80, 150])
@pytest.mark.parametrize("pixel_m", [10.0, 20.0])
@pytest.mark.parametrize("turn", [0.0, 0.3])
def test_pure_water_has_no_land_in_it(width_m, pixel_m, turn):
    """No pure pixel holds any land; none is left in a river narrower than the sensor can see."""
    scene, share = scene_of(width_m, pixel_m=pixel_m, turn=turn, size=(200, 300) if pixel_m == 10 else (100, 150))
    water = find_water(scene, network_of(width_m), corridor_m=1500)
    pure = pure_water(water)
    assert share[pure].min(initial=1.0) == 1.0
    if width_m < least_width_m(pixel_m)[0] - pixel_m:
        assert not pure.any()


def test_the_limits_of_the_published_study_come_out():
    """At 30 m the least width is 64.6 to 98.5 m as published."""
    assert np.round(least_width_m(30), 1).tolist() == [64.6, 98.5]


def test_rare_water_does_not_turn_a_town_into_a_lake():
    """Where water is a three-hundredth of the scene a threshold of the whole histogram floods it; ours does not."""
    scene, share = scene_of(12, size=(400, 420), noise=0.01)
    rng = np.random.default_rng(4)
    roofs = rng.random(share.shape) < 0.4
    scene["nir"] = scene["nir"].where(~roofs | (share > 0.01), 0.13)
    index = ((scene["green"] - scene["nir"]) / (scene["green"] + scene["nir"])).to_numpy()
    assert (index > otsu(index.ravel())).mean() > 0.15
    for network in (None, network_of(12)):
        water = find_water(scene, network)
        assert water["water"].to_numpy().mean() < 0.01
        assert water.attrs["threshold_from"] == "literature"
        assert water.attrs["reason_zh"].startswith("采用文献阈值")


def test_one_mode_falls_back_and_says_so():
    """A histogram of one mode has no threshold of its own."""
    values = np.random.default_rng(0).normal(-0.3, 0.05, (80, 80)).astype("float32")
    found = find_threshold(values, np.ones(values.shape, bool), published=0.0, is_free=True)
    assert (found.value, found.come_from) == (0.0, "literature")


def test_an_index_where_water_lies_below_gives_the_same_water():
    """Turning the sign of an index and of its threshold changes no pixel."""
    scene, _ = scene_of(120)
    above = find_water(scene, formula="mndwi", threshold=0.0)["water"]
    scene.attrs["quantity"] = "rho_toa"
    below = find_water(scene, formula="non_water_swir")["water"]
    assert (above == below).mean() > 0.99


def test_an_index_of_something_else_finds_no_water():
    """A black-odorous index has a threshold too, but it does not tell water from land."""
    scene, _ = scene_of(120)
    with pytest.raises(SceneError, match="'ndbwi' tells black_odorous, not water"):
        find_water(scene, formula="ndbwi")


def test_a_scene_in_degrees_is_refused():
    """Distances from the bank need metres."""
    scene, _ = scene_of(120)
    scene.attrs["crs"] = "EPSG:4326"
    with pytest.raises(SceneError, match="need metres"):
        find_water(scene)


def checked(width_m, *, river_m=None, flag_field=None, pixel_m=10.0, gsd_m=None, **options):
    network = network_of(width_m)
    size = (200, 420) if pixel_m == 10 else (100, 210)
    scene, _ = scene_of(river_m or width_m, flag_field=flag_field, pixel_m=pixel_m, size=size)
    water = find_water(scene, network)
    return check_outfalls(outfalls_on(network, width_m=width_m, **options), scene, water, network, gsd_m=gsd_m)


@pytest.mark.parametrize("width_m", [8, 22, 44])
def test_every_outfall_on_a_narrow_river_is_not_observable(width_m):
    """Below 44.6 m a pixel of 10 m has no pure water, and the reason says both figures."""
    answers = checked(width_m)
    assert (answers["code"] == "width").all()
    assert f"{width_m} m < 44.6 m" in answers["reason"].iloc[0]
    assert not answers["is_observable"].any()


def test_the_coarsest_band_decides():
    """A river of 60 m is seen with bands of 10 m and not with a band that was sensed at 30 m."""
    assert checked(60)["is_observable"].all()
    assert (checked(60, gsd_m=30.0)["code"] == "width").all()


@pytest.mark.parametrize(
    ("flag", "code"),
    [("cloud", "cloud"), ("cloud_shadow", "cloud"), ("snow", "snow"), ("glint", "glint"), ("fill", "no_data")],
)
def test_what_hides_the_water_is_named(flag, code):
    """Water under a flag is not seen, and the reason is the flag."""
    field = np.full((200, 420), flags()[flag].mask, np.uint16)
    field[:, :150] = 0
    answers = checked(100, flag_field=field)
    assert answers["is_observable"].tolist() == [True, False, False]
    assert answers["code"].iloc[1] == code


def test_a_dry_bed_and_a_place_outside_are_named():
    """A river drawn where no water is, and an outfall beyond the edge of the scene."""
    dry = checked(100, river_m=0.001)
    assert (dry["code"] == "no_water").all()
    network, (scene, _) = network_of(100), scene_of(100)
    outfalls = outfalls_on(network, width_m=100)
    outfalls.geometry = [
        translate(point, far_m) for point, far_m in zip(outfalls.geometry, (-5000, 0, 9000), strict=True)
    ]
    away = check_outfalls(outfalls, scene, find_water(scene, network), network)
    assert away["code"].fillna("").tolist() == ["off_scene", "", "off_scene"]


def test_every_code_is_a_word_with_two_languages():
    """Reasons are controlled words."""
    for word in words("unseen_reason").values():
        assert word.zh
        assert word.en


def test_shuffled_outfalls_get_the_same_answers():
    """The order of rows changes nothing."""
    network = network_of(100)
    scene, _ = scene_of(100)
    water = find_water(scene, network)
    outfalls = outfalls_on(network, width_m=100)
    straight = check_outfalls(outfalls, scene, water, network).set_index("outfall_id")
    turned = check_outfalls(outfalls.iloc[::-1], scene, water, network).set_index("outfall_id")
    assert straight.equals(turned.loc[straight.index])
