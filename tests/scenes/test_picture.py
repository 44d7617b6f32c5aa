"""A figure of one outfall shows its water, what was compared, and the verdict or the reason."""

import io

import numpy as np
import pytest

from outfall.errors import SceneError
from outfall.scenes.contrasts import find_contrasts
from outfall.scenes.picture import plot_scene
from tests.laws import unchanged
from tests.scenes.river import network_of, outfalls_on, scene_of

pytest.importorskip("matplotlib")


@pytest.fixture(scope="module")
def made():
    """Return a network, a scene, outfalls and their contrasts."""
    network = network_of(120)
    scene = scene_of(120)[0]
    outfalls = outfalls_on(network, width_m=120)
    return network, scene, outfalls, find_contrasts(outfalls, scene, network, layers="red")


def test_the_figure_is_a_picture(made):
    """It can be saved, and is not blank."""
    figure = plot_scene(made[1], made[2], made[0], outfall_id="P1", layer="red", contrasts=made[3])
    stream = io.BytesIO()
    figure.savefig(stream, format="png")
    assert len(stream.getvalue()) > 20_000


def test_the_map_is_about_the_outfall(made):
    """The outfall stands in the middle of the map, on its bank."""
    figure = plot_scene(made[1], made[2], made[0], outfall_id="P2", layer="red")
    axes, point = figure.axes[0], made[2].geometry.iloc[2]
    assert np.mean(axes.get_xlim()) == pytest.approx(point.x)
    assert np.mean(axes.get_ylim()) == pytest.approx(point.y)


def test_the_profile_has_both_banks_and_both_zones(made):
    """Two lines of medians and the stretches above and below are named."""
    figure = plot_scene(made[1], made[2], made[0], outfall_id="P1", layer="red")
    names = [text.get_text() for text in figure.axes[1].get_legend().get_texts()]
    assert names == ["bank of the outfall", "other bank", "above (U)", "below (D)"]


def test_the_verdict_is_written_above(made):
    """The reason of the table, with its figures, stands over the profile."""
    figure = plot_scene(made[1], made[2], made[0], outfall_id="P1", layer="red", contrasts=made[3])
    said = made[3].set_index("outfall_id").loc["P1", "reason"]
    assert figure.axes[1].get_title() == said


def test_an_outfall_that_cannot_be_seen_is_drawn_with_its_reason():
    """On a narrow river there is no line of medians, but a figure and a reason."""
    narrow = network_of(30)
    outfalls, scene = outfalls_on(narrow, width_m=30), scene_of(30)[0]
    contrasts = find_contrasts(outfalls, scene, narrow, layers="red")
    figure = plot_scene(scene, outfalls, narrow, outfall_id="P0", layer="red", contrasts=contrasts)
    assert "narrow" in figure.axes[1].get_title().lower()


def test_nothing_given_is_changed(made):
    """Outfalls and contrasts stay as they were."""
    with unchanged(made[2], made[3]):
        plot_scene(made[1], made[2], made[0], outfall_id="P1", layer="red", contrasts=made[3])


def test_an_unknown_outfall_is_refused(made):
    """The message names it."""
    with pytest.raises(SceneError, match="'nobody' is none of the 3 outfalls"):
        plot_scene(made[1], made[2], made[0], outfall_id="nobody")
