"""Are several towns one region: every id its own, every truth whole, one river through all of them."""

from __future__ import annotations

import numpy as np
import pytest
from pandas.testing import assert_frame_equal

from outfall.network import read_network
from outfall.simulate import make_town, write_town


@pytest.fixture(scope="module")
def region():
    """Return two towns on one river."""
    return make_town(11, size=100)


def test_as_many_as_asked(region):
    """A number of outfalls is rounded up to whole towns."""
    assert 100 <= len(region.outfalls_true) < 160


@pytest.mark.parametrize(
    ("table", "key"),
    [("rivers", "reach_id"), ("pipes", "reach_id"), ("sources", "source_id"), ("outfalls_true", "mouth_id"),
     ("drone", "sighting_id"), ("walk", "sighting_id"), ("permits", "source_id"), ("samples", "sample_id"),
     ("results", "result_id"), ("truth", "mouth_id")],
)  # fmt: skip
def test_ids_are_unique(region, table, key):
    """No two towns share an id."""
    assert getattr(region, table)[key].is_unique


def test_truth_speaks_of_the_region(region):
    """Every source, mouth and sample the truth names is in the tables of the region."""
    truth = region.truth
    named = {part for text in truth["true_source_ids"] for part in text.split(";") if part}
    registered = {part for text in truth["source_ids"] for part in text.split(";")} - {"", "unregistered"}
    samples = {part for text in truth["sample_ids"] for part in text.split(";") if part}
    assert named <= set(region.sources["source_id"])
    assert registered <= set(region.permits["source_id"])
    assert samples <= set(region.samples["sample_id"])
    assert set(region.discharges["mouth_id"]) <= set(truth["mouth_id"])


def test_one_river(region, tmp_path):
    """Water of the upper town runs past the lower one: the main river is one piece from spring to mouth."""
    write_town(region, tmp_path)
    network = read_network(tmp_path / "rivers.gpkg", pipes=tmp_path / "sewers.gpkg")
    assert any(reach.startswith("2-HC-07") for reach in network.downstream("1-HC-01"))
    assert not (tmp_path / "S2_20260412.tif").exists()


def test_towns_differ(region):
    """The two towns are not the same town twice."""
    shares = region.truth["flow_m3s"].to_numpy()
    assert not np.array_equal(shares[:20], shares[len(shares) // 2 :][:20])


def test_same_region_again():
    """The same seed and size give the same region."""
    a, b = make_town(5, size=70, scene=False), make_town(5, size=70, scene=False)
    assert_frame_equal(a.truth, b.truth)
    assert_frame_equal(a.results, b.results)


def test_pictures_change_nothing_else(town):
    """A town without scene and photos has the same survey."""
    plain = make_town(0, scene=False, photos=False)
    for name in ("truth", "drone", "walk", "results", "permits", "readings"):
        assert_frame_equal(getattr(plain, name), getattr(town, name))
    assert plain.scene is None
    assert plain.photos.empty
