"""What enters a page leaves it: every kind of column and shape, to the precision that is stated."""

from __future__ import annotations

import string

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import LineString, MultiLineString, MultiPolygon, Point, Polygon

from outfall.maps import Layer
from outfall.maps.bundle import pack_layers
from outfall.maps.coding import ALPHABET, decode, encode, pack_integers, split_numbers, unpack_integers
from outfall.maps.pack import Blob
from tests.laws import unchanged
from tests.maps.unpacking import column_of, corners_by_row, layers_of, open_text

TEXTS = st.one_of(st.none(), st.text(min_size=1, max_size=8), st.from_regex(r"[A-F]{2}-0?[0-9]{1,9}", fullmatch=True))


def _returned(kind, values):
    blob = Blob()
    head = getattr(blob, kind)(values)
    return column_of(head, open_text(blob.to_text({}))[1])


def _missing_as_none(values):
    return [None if value is None or pd.isna(value) else value for value in values]


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_text_carries_any_bytes(content):
    """Bytes written as text come back, whatever they are."""
    assert decode(encode(content)) == content


def test_text_means_nothing_to_a_page():
    """No letter of the text opens an element, an entity, a string's end, an escape or a template."""
    assert len(set(ALPHABET)) == 85
    assert not set(ALPHABET) & set("<>&\"'`\\${ \n\r\t")
    assert set(ALPHABET) < set(string.printable)


@settings(deadline=None)
@given(st.lists(st.integers(-(2**50), 2**50), max_size=40))
def test_integers_return(values):
    """Whole numbers come back exactly, in whichever way they are kept."""
    assert unpack_integers(*pack_integers(values)).tolist() == values


@pytest.mark.parametrize("order", [0, 1, 2])
def test_integers_find_their_order(order):
    """Numbers that run on are kept as differences, and those that curve as differences of differences."""
    values = np.random.default_rng(0).integers(0, 200, 5000)
    for _ in range(order):
        values = np.cumsum(values)
    how, planes = pack_integers(values)
    assert how["d"] == order
    assert (unpack_integers(how, planes) == values).all()


@settings(deadline=None)
@given(
    st.lists(
        st.one_of(
            st.none(), st.floats(-1e12, 1e12), st.integers(-999, 999), st.decimals(-9999, 9999, places=4).map(float)
        )
    )
)
def test_numbers_return(values):
    """A number comes back exactly or to seven digits, never less than thousandths, and a missing one stays missing."""
    series = pd.Series(values, dtype="float64")
    returned = pd.Series(_returned("numbers", series), dtype="float64")
    assert (returned.isna() == series.isna()).all()
    known = series.notna()
    assert np.allclose(returned[known], series[known], rtol=5.01e-7, atol=1e-15)
    assert (returned[known] - series[known]).abs().max() < 5.01e-4 if known.any() else True


@settings(deadline=None)
@given(st.lists(st.decimals(-99999, 99999, places=4).map(float), min_size=1, max_size=300))
def test_printed_numbers_return_exactly(values):
    """What a laboratory printed with four decimals comes back bit for bit."""
    assert _returned("numbers", values) == values


@pytest.mark.parametrize("values", [[2**60, 2**60 + 1], [-(2**62), 5], pd.array([2**60, None], dtype="Int64")])
def test_numbers_too_long_for_a_browser_stay_exact(values):
    """A code of nineteen digits keeps its last digit."""
    assert _returned("numbers", values) == [None if pd.isna(value) else str(value) for value in values]


def test_infinite_is_missing():
    """A number that is not finite is shown as missing, its neighbours as they are."""
    assert _returned("numbers", [1.5, np.inf, -np.inf, np.nan, -2.25]) == [1.5, None, None, None, -2.25]


@settings(deadline=None)
@given(st.lists(TEXTS, max_size=90))
def test_words_return(values):
    """Text comes back character by character, and a missing one stays missing."""
    assert _returned("words", values) == values


@settings(max_examples=25, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=12), st.integers(70, 90))
def test_words_of_their_own_return(values, count):
    """Text that is another in each row comes back too."""
    values = [f"{values[k % len(values)] or ''}{k}" for k in range(count)]
    assert _returned("words", values) == values


@pytest.mark.parametrize(
    "make",
    [
        lambda k: f"FD-{k // 50:06d}-{k % 50 + 1:04d}",
        lambda k: f"石桥{k}号",
        lambda k: f"{k:03d}",
        lambda k: f"A{'0' * (k % 5)}",
        lambda k: f"٣{k}",
    ],
)
def test_codes_return_and_cost_little(make):
    """Codes that run on come back with their zeros, in a small part of their length."""
    values = [make(k) for k in range(2000)]
    blob = Blob()
    head = blob.words(values)
    text = blob.to_text({"head": head})
    assert column_of(head, open_text(text)[1]) == values
    assert len(text) < sum(map(len, values)) / 2


@pytest.mark.parametrize("texts", [["1\x012"], ["a\nb"], ["1234567890"], ["1-2-3-4-5-6-7"]])
def test_text_that_does_not_split_is_left_alone(texts):
    """Text with a control character, a long number or many numbers is not taken apart."""
    assert split_numbers(texts) is None


def test_times_return():
    """A moment comes back to the second, one without a zone is read as UTC, and a missing one stays missing."""
    texts = ["2026-04-12T02:30:01.9", None, "1899-01-01T00:00:00", "2199-12-31T23:59:59"]
    expected = [None if text is None else pd.Timestamp(text, tz="UTC").floor("s") for text in texts]
    times = pd.Series(pd.to_datetime(texts, format="ISO8601"))
    with unchanged(times.to_frame()):
        assert _returned("times", times) == expected
    assert _returned("times", times.dt.tz_localize("UTC").dt.tz_convert("Asia/Shanghai")) == expected


def test_no_times_return():
    """A column of moments without one is packed."""
    assert _returned("times", pd.Series([pd.NaT, pd.NaT])) == [None, None]


def test_every_dtype_returns():
    """A table of every dtype pandas knows comes back row by row in its order."""
    table = gpd.GeoDataFrame(
        {
            "word": pd.Series(["b", None, "a"], dtype="str"),
            "kind": pd.Categorical(["x", None, "y"]),
            "object": [("t", 1), None, 3.5],
            "whole": pd.array([1, None, -3], dtype="Int64"),
            "small": np.array([1, 2, 255], dtype="uint8"),
            "single": np.array([0.1, -1e30, np.nan], dtype="float32"),
            "double": [1 / 3, None, 1e300],
            "flag": pd.array([True, None, False], dtype="boolean"),
            "day": pd.to_datetime(["2026-01-01", None, "2026-01-03"]),
            "span": pd.to_timedelta([1, None, 3], unit="h"),
        },
        geometry=[Point(1, 2), None, Point(3, 4)],
        crs=4326,
    )
    with unchanged(table):
        found = layers_of(pack_layers((Layer("all", "points", table),)))["all"].table
    assert found["word"] == ["b", None, "a"]
    assert found["kind"] == ["x", None, "y"]
    assert found["object"] == ["('t', 1)", None, "3.5"]
    assert found["whole"] == [1, None, -3]
    assert found["small"] == [1, 2, 255]
    assert found["single"][:2] == pytest.approx([0.1, -1e30], rel=1e-7)
    assert found["single"][2] is None
    assert found["double"] == [1 / 3, None, 1e300]
    assert found["flag"] == ["yes", None, "no"]
    assert found["day"] == [pd.Timestamp("2026-01-01", tz="UTC"), None, pd.Timestamp("2026-01-03", tz="UTC")]
    assert found["span"] == ["0 days 01:00:00", None, "0 days 03:00:00"]


LONLAT = st.tuples(st.floats(-180, 180), st.floats(-85, 85))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.one_of(st.none(), LONLAT), max_size=30))
def test_positions_return_to_a_decimetre(places):
    """A position comes back within half a millionth of a degree; a row without one keeps its number free."""
    geometry = [None if place is None else Point(place) for place in places]
    layer = layers_of(pack_layers((Layer("spots", "points", gpd.GeoDataFrame(geometry=geometry, crs=4326)),)))["spots"]
    for place, corners in zip(places, corners_by_row(layer), strict=True):
        assert (len(corners) == 1 and np.allclose(corners[0], place, atol=5.1e-7)) if place else corners == []


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.lists(LONLAT, min_size=2, max_size=6), min_size=1, max_size=3), max_size=8))
def test_lines_return(lines):
    """Every part of every line comes back corner by corner, with its row."""
    table = gpd.GeoDataFrame(geometry=[MultiLineString(parts) for parts in lines], crs=4326)
    rows = corners_by_row(layers_of(pack_layers((Layer("l", "lines", table),)))["l"])
    assert [[len(part) for part in parts] for parts in rows] == [[len(part) for part in parts] for parts in lines]
    for there, back in zip(lines, rows, strict=True):
        assert all(np.allclose(one, other, atol=5.1e-7) for one, other in zip(there, back, strict=True))


def test_holes_return():
    """An area of two parts comes back with its hole, no corner twice."""
    hole = [(1, 1), (2, 1), (2, 2)]
    two = MultiPolygon([Polygon([(0, 0), (4, 0), (4, 4), (0, 4)], [hole]), Polygon([(5, 5), (6, 5), (6, 6)])])
    table = gpd.GeoDataFrame(geometry=[Polygon(), two, None], crs=4326)
    layer = layers_of(pack_layers((Layer("areas", "polygons", table),)))["areas"]
    rows = corners_by_row(layer)
    assert [len(ring) for ring in rows[1]] == [4, 3, 3]
    assert rows[1][1].tolist() == [list(corner) for corner in hole]
    assert rows[0] == rows[2] == []
    assert layer.shape["rings"].tolist() == [2, 1]


def test_parts_keep_their_row():
    """A line of two parts gives two parts of the same row."""
    two = MultiLineString([[(0, 0), (1, 1)], [(2, 2), (3, 3), (4, 4)]])
    table = gpd.GeoDataFrame(geometry=[LineString([(5, 5), (6, 6)]), two, LineString()], crs=4326)
    shape = layers_of(pack_layers((Layer("lines", "lines", table),)))["lines"].shape
    assert shape["row"].tolist() == [0, 1, 1]
    assert shape["count"].tolist() == [2, 2, 3]


def test_packing_repeats(drawn):
    """The same map gives the same bytes."""
    assert drawn.html() == drawn.html()


@pytest.mark.parametrize("kind", ["points", "lines", "polygons"])
def test_no_rows(kind):
    """A layer without rows is packed."""
    table = gpd.GeoDataFrame(
        {"code": pd.Series([], dtype="str"), "value": pd.Series([], dtype="float64")}, geometry=[], crs=4326
    )
    layer = layers_of(pack_layers((Layer("none", kind, table),)))["none"]
    assert layer.table == {"code": [], "value": []}
    assert corners_by_row(layer) == []
