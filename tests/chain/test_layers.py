"""What a project's map shows beside outfalls: banks somebody saw and samples, each where it belongs."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from outfall.chain.layers import add_layers, list_looks
from outfall.chain.state import State
from outfall.chain.whole import take_steps
from outfall.project import Project


@pytest.fixture
def known(county):
    """All that is known of the county before its map."""
    state, _ = take_steps(State(project=Project.open(county), lang="en", problems=[]), until="register")
    return state


def test_a_bank_counts_as_seen_only_where_people_stood(known):
    """Every foot sighting is a look, the banks keep their length, and most of them nobody saw."""
    from outfall.maps import draw

    page = add_layers(draw(known["network"], known["outfalls"], sightings=known["sightings"]), known)
    names = [layer.name for layer in page.layers]
    assert names.index("reaches") < names.index("banks") < names.index("sightings")
    banks = page.layers[names.index("banks")].table
    looks = list_looks(known)
    on_foot = known["sightings"][known["sightings"]["platform"] == "foot"]
    assert len(looks) == on_foot.geometry.notna().sum() > 0
    seen_m = (banks["seen_share"] * banks["length_m"]).sum()
    assert 0 < seen_m <= 2 * 30.0 * len(looks) + 20.0 * len(banks)
    assert set(banks["seen"]) >= {"unseen"}


def test_samples_stand_below_what_they_were_taken_at(known):
    """Samples are drawn below the outfalls, one point per row, and without any the map stays as it is."""
    from outfall.maps import draw

    spots = known["outfalls"].head(2).geometry
    samples = gpd.GeoDataFrame(
        {"sample_id": ["W1", "W2"], "source_ref": ["a#1", "a#2"]}, geometry=spots.tolist(), crs=spots.crs
    )
    page = draw(known["network"], known["outfalls"])
    names = [layer.name for layer in add_layers(page, State(**{**known, "samples": samples})).layers]
    assert names.index("samples") < names.index("outfalls")
    bare = State(network=known["network"], project=known["project"])
    assert [layer.name for layer in add_layers(page, bare).layers] == [layer.name for layer in page.layers]


def test_a_tow_is_a_look_along_its_way(known, tmp_path):
    """A boat's log becomes lines that are as long as the way it sailed."""
    hours = pd.date_range("2026-04-13T08:30+08:00", periods=40, freq="10s")
    lon = 114.3 + np.arange(40) * 2e-4
    pd.DataFrame({"time": hours, "lon": lon, "lat": 30.6, "conductivity (uS/cm)": 400.0}).to_csv(
        tmp_path / "tow.csv", index=False
    )
    (tmp_path / "outfall.toml").write_text('[[input]]\nrole = "boat"\npath = "tow.csv"\n', encoding="utf-8")
    looks = list_looks(State(project=Project.open(tmp_path)))
    assert looks["platform"].tolist() == ["boat"]
    assert looks.to_crs(4549).length.sum() == pytest.approx(39 * 2e-4 * 111_320 * np.cos(np.radians(30.6)), rel=0.01)
