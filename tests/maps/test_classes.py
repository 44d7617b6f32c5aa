"""Numbers in few classes: nothing is lost, colours run one way, and a grey print keeps them apart."""

from __future__ import annotations

import itertools

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import Point

from outfall.maps import Layer, Map
from outfall.maps.classes import breaks_of, classify, number_looks, unit_of, viridis
from outfall.maps.header import describe_layer
from outfall.maps.pack import Blob

_MISSING = {"value": "", "colour": "#8b949e"}
_numbers = st.lists(
    st.one_of(st.none(), st.integers(-50, 10**6), st.floats(-1e6, 1e9, allow_nan=False, width=32)), max_size=60
)


@settings(max_examples=120, deadline=None)
@given(_numbers)
def test_every_row_has_one_class(values):
    """Counts by class sum to the rows, whatever the numbers; the missing are the last class."""
    column = pd.Series(values, dtype="float64")
    breaks = breaks_of(column)
    looks = number_looks(column, kind="points", missing=_MISSING)
    counts = np.bincount(classify(column, breaks), minlength=len(looks))
    assert counts.sum() == len(column)
    assert len(counts) == len(looks)
    assert column.isna().sum() == (counts[-1] if "from" not in looks[-1] else 0)


@settings(max_examples=120, deadline=None)
@given(_numbers)
def test_borders_rise_and_hold_everything(values):
    """Borders rise strictly, and no number lies outside them."""
    known = pd.Series(values, dtype="float64").dropna()
    breaks = breaks_of(known)
    assert list(breaks) == sorted(set(breaks))
    assert len(breaks) <= 9
    if len(known):
        assert breaks[0] <= known.min()
        assert breaks[-1] >= known.max()


@pytest.mark.parametrize("scale", [1e-3, 1.0, 3.5, 1e5])
@pytest.mark.parametrize("shape", ["even", "skewed", "close"])
def test_usual_columns_have_five_to_seven_classes(scale, shape):
    """Even, skewed and close numbers of any size come apart into 4 to 8 classes, none of which holds most rows."""
    rng = np.random.default_rng(4)
    values = {"even": rng.uniform(0, 1, 400), "skewed": rng.lognormal(0, 1.6, 400), "close": rng.normal(18, 0.3, 400)}
    column = pd.Series(values[shape] * scale)
    breaks = breaks_of(column)
    counts = np.bincount(classify(column, breaks))
    assert 4 <= len(breaks) - 1 <= 8
    assert counts.max() <= 0.56 * len(column)


def test_colours_run_from_light_to_dark_and_stay_apart_in_grey():
    """Lightness falls from class to class by at least 6 of 100, so a grey print keeps every class apart."""
    for count in range(2, 9):
        light = [_lightness(colour) for colour in viridis(count)]
        assert all(one - other >= 6 for one, other in itertools.pairwise(light))


@pytest.mark.parametrize(
    ("name", "declared", "unit"),
    [("cod_mgl", "", "mg/L"), ("flow_m3s", "m3/s", "m³/s"), ("temperature", "degC", "°C"), ("place_share", "share", "%"), ("note", "", "")],
)  # fmt: skip
def test_the_unit_comes_from_contract_or_name(name, declared, unit):
    """A unit is what the contract says, else what the column's name ends with."""
    assert unit_of(name, declared) == unit


def test_a_layer_takes_numbers_and_words():
    """A column of numbers gets classes with borders, and words keep their looks."""
    table = gpd.GeoDataFrame(
        {"cod_mgl": [1.0, 50.0, None], "kind": ["a", "b", "a"]}, geometry=[Point(k, k) for k in range(3)], crs=4326
    )
    layer = Layer("s", "points", table, style="cod_mgl", styles=("kind",))
    styles = describe_layer(layer, Blob())["styles"]
    assert all("from" in look for look in styles["cod_mgl"][:-1])
    assert [look["value"] for look in styles["kind"]] == ["a", "b"]
    assert "mg/L" in str(describe_layer(layer, Blob())["columns"])
    assert Map((layer,)).html()


def test_dates_are_told_from_moments():
    """A column of dates is marked as days; moments with a zone are not."""
    days = pd.Series(pd.to_datetime(["2026-04-12", "2026-04-13"]))
    for column, is_day in ((days, True), (days.dt.tz_localize("UTC"), False), (days.dt.date, True)):
        table = gpd.GeoDataFrame({"on": column}, geometry=[Point(1, 1), Point(2, 2)], crs=4326)
        told = describe_layer(Layer("s", "points", table, time="on"), Blob())
        assert told["columns"][0]["day"] is is_day


def _lightness(colour):
    linear = [(int(colour[k : k + 2], 16) / 255) for k in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in linear]
    grey = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return 116 * grey ** (1 / 3) - 16
