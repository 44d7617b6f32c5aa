"""Is a drawn town what it promises: its parts, its truth, its errors, the same again from the same seed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from outfall.errors import TableError
from outfall.simulate import make_town
from outfall.tables import check, find_problems


def test_parts(any_town):
    """Every town has 30 sources, 60 outfalls, 25 samples and a discharger nobody registered."""
    assert len(any_town.permits) >= 30
    assert len(any_town.outfalls_true) >= 60
    assert any_town.truth["is_sampled"].sum() >= 25
    assert 1 <= (~any_town.sources["is_registered"]).sum() <= 3


def test_waters(any_town):
    """Every town has a braid, a backwater mouth, a culvert, ditches, a weir, a pump and a pressure main."""
    assert {"river", "tidal", "culvert", "ditch"} <= set(any_town.rivers["kind"])
    assert {"gravity_sewer", "weir", "pump", "pressure_main"} <= set(any_town.pipes["kind"])
    assert {"storm", "foul", "combined"} <= set(any_town.pipes["system"])
    assert any_town.rivers["name"].str.contains("左汊").any()


def test_truth_is_whole(any_town):
    """Every flowing outfall names its source, every dry one none, and shares add up to one."""
    truth = any_town.truth
    assert (truth["is_flowing"] == (truth["source_id"] != "")).all()
    totals = truth.loc[truth["is_flowing"], "shares"].map(lambda text: sum(map(float, text.split(";"))))
    assert totals.between(0.97, 1.001).all()


def test_dominant(any_town):
    """In most flowing outfalls one source has at least six tenths of the foul flow."""
    flowing = any_town.truth[any_town.truth["is_flowing"]]
    assert (flowing["share"] >= 0.6).mean() > 0.8


def test_unregistered_is_hidden(any_town):
    """A source that the truth calls unregistered stands in no permit, and its outfall is sampled."""
    hidden = any_town.sources.loc[~any_town.sources["is_registered"], "source_id"]
    assert not set(hidden) & set(any_town.permits["source_id"])
    assert not set(any_town.sources.loc[~any_town.sources["is_registered"], "name"]) & set(any_town.permits["name"])
    assert any_town.truth.loc[any_town.truth["source_id"] == "unregistered", "is_sampled"].all()


def test_wrong_connections_are_not_admitted(any_town):
    """A permit of a wrongly connected source says foul, not storm."""
    wrong = any_town.sources.loc[
        any_town.sources["is_wrong_connection"] & any_town.sources["is_registered"], "source_id"
    ]
    stated = any_town.permits.set_index("source_id").loc[wrong, "system"]
    assert len(wrong) >= 10
    assert not (stated == "storm").any()


def test_credit_codes(any_town):
    """Every invented credit code passes the check digit of GB 32100."""
    signs = "0123456789ABCDEFGHJKLMNPQRTUWXY"
    for code in any_town.permits.loc[any_town.permits["credit_code"] != "", "credit_code"]:
        total = sum(signs.index(sign) * pow(3, place, 31) for place, sign in enumerate(code[:17]))
        assert signs[(31 - total % 31) % 31] == code[17]


def test_names_differ(any_town):
    """No two sources share a name."""
    assert any_town.sources["name"].is_unique


def test_sampled_rows_exist(any_town):
    """Every sample the truth names is in the samples and in the results."""
    ids = {part for text in any_town.truth["sample_ids"] for part in text.split(";") if part}
    assert ids <= set(any_town.samples["sample_id"])
    assert ids <= set(any_town.results["sample_id"])


def test_results_contract(town):
    """The results meet their contract; a non-detect has a limit and no value."""
    checked = check(town.results.assign(source_ref="simulate"), "results")
    below = checked["qualifier"] == "<"
    assert checked.loc[below, "value"].isna().all()
    assert checked.loc[below, "detection_limit"].gt(0).all()
    assert below.mean() > 0.05


def test_chemistry_makes_sense(any_town):
    """Ammonia does not pass total nitrogen beyond the noise of the laboratory."""
    wide = any_town.results.pivot_table(index="sample_id", columns="parameter", values="value")
    both = wide[["ammonia", "total_nitrogen"]].dropna()
    assert (both["ammonia"] <= both["total_nitrogen"] * 1.02).all()


def test_samples_and_readings_contract(town):
    """Samples and readings meet their contracts."""
    assert find_problems(town.samples.assign(source_ref="simulate"), "samples") == []
    keyed = town.readings.assign(source_ref="simulate", reading_id=[str(i) for i in range(len(town.readings))])
    assert find_problems(keyed, "readings") == []


def test_flight_errors(any_town):
    """A flight misses outfalls, and about a fifth of its finds are none."""
    assert 0.12 < (any_town.drone["mouth_id"] == "").mean() < 0.28
    found = any_town.drone["mouth_id"].nunique() - 1
    assert 0.5 < found / len(any_town.outfalls_true) < 0.9


def test_pipes_end_before_the_river(any_town):
    """Outlets end some metres from the axis of the water, so that the interface must be found."""
    ends = any_town.outfalls_true[any_town.outfalls_true["outfall_class"] == "oth.urban_storm"].geometry
    gap = ends.distance(any_town.rivers.geometry.union_all())
    assert gap.between(3, 30).all()


def test_some_pipes_are_reversed(any_town):
    """About one pipe in twenty is drawn the wrong way, and levels betray most of them."""
    pipes = any_town.pipes
    assert 0.02 < pipes["is_reversed"].mean() < 0.08
    known = pipes[pipes["invert_from_m"].notna() & (pipes.geometry.length > 20)]
    assert ((known["invert_to_m"] > known["invert_from_m"]) == known["is_reversed"]).mean() > 0.99


def test_same_seed_same_town():
    """The same seed gives the same town, another seed another one."""
    a, b = make_town(5), make_town(5)
    for name in ("truth", "results", "boat", "walk", "permits"):
        assert_frame_equal(getattr(a, name), getattr(b, name))
    assert np.array_equal(a.scene.values, b.scene.values)
    assert not a.truth["lon"].head(20).equals(make_town(6).truth["lon"].head(20))


def test_tow_sees_some_steps(town):
    """The towed sensor sees conductivity rise below a wet outfall beyond its noise."""
    change = town.boat["conductivity"].rolling(5).median().diff(5)
    assert (change.abs() > 6 * town.settings["boat_conductivity_sigma"]).sum() > 5


def test_repr(town):
    """A town says in one line what it holds."""
    assert "1 unregistered" in repr(town)


@pytest.mark.parametrize(("seed", "size"), [(-1, "small"), (0, "huge"), (0, 0), (0, True)])
def test_refuses(seed, size):
    """A negative seed or an unknown size is refused with what was expected."""
    with pytest.raises(TableError, match="expected a seed of 0 or more and size 'small'"):
        make_town(seed, size=size)


def test_times_have_zones(town):
    """Every time in memory carries a zone."""
    for frame in (town.drone, town.boat, town.walk, town.crawler, town.samples, town.readings, town.photos):
        for name in frame.columns[frame.columns.str.endswith("_at")]:
            assert isinstance(frame[name].dtype, pd.DatetimeTZDtype)
