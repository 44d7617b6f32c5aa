"""Scenes of simulated towns: the same seed, honest storage, plumes below mouths, and no change to the town itself."""

import numpy as np
import pytest

from outfall.errors import TableError
from outfall.scenes import grid_of, is_usable
from outfall.simulate import make_scenes, make_town, write_scenes
from outfall.simulate._draw import build_scenery
from outfall.simulate._scene_water import find_releases, list_channels, rise_of

WIDE_M = 150.0


@pytest.fixture(scope="module")
def seen():
    """Return two days of Sentinel-2 over a town on a wide river."""
    return make_scenes(1003, days=2, river_width_m=WIDE_M)


def test_the_same_seed_gives_the_same_scene(seen):
    """Drawn again, every band is the same bit by bit."""
    again = make_scenes(1003, days=2, river_width_m=WIDE_M)
    for one, other in zip(seen, again, strict=True):
        for role in one.stored:
            assert (one.stored[role] == other.stored[role]).all()


def test_the_offset_is_stored_and_taken_off_once(seen):
    """Numbers are stored 1000 too high, as baseline 05.10 does, and opened without."""
    scene, opened = seen[0], seen[0].open()
    expected = (scene.stored["red"].astype(float) - 1000) / 10_000
    np.testing.assert_allclose(opened["red"], expected, atol=1e-6)
    assert opened.attrs["offset_applied"] == -1000
    assert opened.attrs["quantity"] == "rho_s"


def test_some_days_have_clouds_with_flags():
    """Of eight days some are clear and some have pixels that are left out."""
    shares = [float(is_usable(scene.open()["flags"].to_numpy()).mean()) for scene in make_scenes(1004, days=8)]
    assert max(shares) == 1.0
    assert min(shares) < 0.95


def test_a_plume_lies_below_its_mouth_on_its_own_bank():
    """The water differs only downstream of a mouth, and most beside the bank it stands on."""
    scenery = build_scenery(1003, river_width_m=WIDE_M)
    channels = [one for one in list_channels(scenery) if np.isfinite(one.begin_m)]
    release = max(find_releases(scenery, 100), key=lambda one: one.flow_m3s * one.concentration[3])
    channel = next(one for one in channels if one.line.line_id == release.line_id)
    at = channel.begin_m + release.along_m
    own = (1.0 if release.side == "left" else -1.0) * (channel.line.width_m / 2 - 5.0)
    places = np.array([at - 50.0, at + 50.0, at + 50.0]), np.array([own, own, -own])
    rise = rise_of(scenery, channel, [release], along_m=places[0], left_m=places[1])[3]
    assert rise[0] == 0
    assert abs(rise[1]) > 10 * abs(rise[2])


def test_a_wide_river_keeps_the_dilution():
    """Works discharge more by as much as the river carries more; buildings stay as they are."""
    sceneries = [build_scenery(1003, river_width_m=width) for width in (60.0, 120.0)]
    ratios = []
    for scenery in sceneries:
        works = [source.mean_m3d for source in scenery.sources if source.place == "plant"]
        ratios.append(sum(works) / scenery.sketch.lines["HC-01"].flow_m3s)
    assert ratios[0] == pytest.approx(ratios[1], rel=0.25)


def test_scenes_change_nothing_of_the_town():
    """A town drawn with its scenes made in between is the same town."""
    before = make_town(1003, scene=False, photos=False)
    make_scenes(1003, days=1)
    after = make_town(1003, scene=False, photos=False)
    assert before.results.equals(after.results)
    assert before.truth.equals(after.truth)


def test_gaofen_sees_four_metres():
    """The other sensor has four bands of 4 m, no classes and no offset."""
    scene = make_scenes(1003, sensor="GF-2 PMS1", days=1)[0]
    assert list(scene.stored) == ["blue", "green", "red", "nir"]
    assert grid_of(scene.open()).pixel_m == 4.0
    assert scene.classes is None
    assert scene.shift == 0


def test_files_open_as_they_were_made(seen, tmp_path):
    """The reader of scenes gets the same reflectance from the file."""
    from outfall.scenes import open_scene

    path = write_scenes(seen[:1], tmp_path)[0]
    opened = open_scene(path)
    np.testing.assert_allclose(opened["red"], seen[0].open()["red"], atol=1e-5)


@pytest.mark.parametrize("width_m", [10.0, 500.0, float("nan")])
def test_a_width_no_town_has_is_refused(width_m):
    """The message says the range."""
    with pytest.raises(TableError, match="expected 40 to 150 m"):
        make_scenes(1003, river_width_m=width_m)
    with pytest.raises(TableError, match="expected 40 to 150 m"):
        make_town(1003, river_width_m=width_m)


def test_an_unknown_sensor_is_refused():
    """The message says which there are."""
    with pytest.raises(TableError, match="S2A MSI or GF-2 PMS1"):
        make_scenes(1, sensor="camera")
