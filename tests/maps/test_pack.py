"""Columns come back from the blob as they went in."""

from __future__ import annotations

import base64
import gzip
import json

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely import LineString, MultiLineString, Point

from outfall.maps import Layer
from outfall.maps.bundle import pack_layers
from outfall.maps.pack import Blob


def _open(text):
    raw = gzip.decompress(base64.b64decode(text))
    length = int.from_bytes(raw[:4], "little")
    return json.loads(raw[4 : 4 + length]), raw[4 + length :]


def _read(ref, body):
    if ref["t"] in ("u1", "u2", "u4"):
        return np.frombuffer(body, f"<{ref['t']}", ref["n"], ref["o"]).astype(int)
    planes = np.frombuffer(body, np.uint8, 4 * ref["n"], ref["o"]).reshape(4, -1)
    whole = np.ascontiguousarray(planes.T).view("<u4").ravel()
    if ref["t"] == "f4":
        return whole.view("<f4")
    folded = whole.astype(np.int64)
    values = (folded >> 1) ^ -(folded & 1)
    return np.cumsum(values) if ref["t"] == "delta" else values


def _numbers(head, body):
    data = _read(head["data"], body).astype(float)
    if head["data"]["t"] == "f4":
        return data
    return np.where(data == 0, np.nan, np.where(data > 0, data - 1, data)) / 10 ** head["digits"]


@given(st.lists(st.integers(-(2**30), 2**30)), st.booleans())
def test_integers_return(values, is_delta):
    """Whole numbers come back exactly, as they are or as differences."""
    blob = Blob()
    ref = blob.integers(np.array(values, dtype=np.int64), is_delta=is_delta)
    _, body = _open(blob.to_text({}))
    assert _read(ref, body).tolist() == values


@given(st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6, width=32), st.integers(-999, 999))))
def test_numbers_return(values):
    """Numbers come back to six significant digits, and a missing one stays missing."""
    blob = Blob()
    series = pd.Series(values, dtype="float64")
    head = blob.numbers(series)
    _, body = _open(blob.to_text({}))
    assert np.allclose(_numbers(head, body), series, rtol=1e-6, atol=2e-6, equal_nan=True)


@given(st.lists(st.one_of(st.none(), st.text(min_size=1, max_size=8))))
def test_words_return(values):
    """Text comes back character by character, and a missing one stays missing."""
    blob = Blob()
    head = blob.words(values)
    codes = blob.to_text({}) and _read(head["codes"], _open(blob.to_text({}))[1])
    assert [head["values"][code - 1] if code else None for code in codes] == values


def test_times_return():
    """A moment comes back to the second, and a missing one stays missing."""
    blob = Blob()
    times = pd.Series(pd.to_datetime(["2026-04-12T02:30:01Z", None, "1999-01-01T00:00:00Z"], utc=True))
    head = blob.times(times)
    data = _read(head["data"], _open(blob.to_text({}))[1])
    seconds = [None if not value else head["first"] + value - 1 for value in data.tolist()]
    assert seconds == [1775961001, None, 915148800]


def test_positions_return_to_a_decimetre():
    """A position comes back within half a millionth of a degree, and one that is missing keeps its row free."""
    table = gpd.GeoDataFrame(geometry=[Point(120.1234567, 30.7654321), None, Point(-170.5, -80.25)], crs=4326)
    head, body = _open(pack_layers((Layer("spots", "points", table),)))
    shape = head["layers"][0]["shape"]
    lon, lat, row = (_read(shape[name], body) for name in ("lon", "lat", "row"))
    assert row.tolist() == [0, 2]
    assert np.allclose(np.column_stack([lon, lat]) / 1e6, [[120.1234567, 30.7654321], [-170.5, -80.25]], atol=5.1e-7)


def test_parts_keep_their_row():
    """A line of two parts gives two parts of the same row."""
    two = MultiLineString([[(0, 0), (1, 1)], [(2, 2), (3, 3), (4, 4)]])
    table = gpd.GeoDataFrame(geometry=[LineString([(5, 5), (6, 6)]), two], crs=4326)
    head, body = _open(pack_layers((Layer("lines", "lines", table),)))
    shape = head["layers"][0]["shape"]
    assert _read(shape["row"], body).tolist() == [0, 1, 1]
    assert _read(shape["count"], body).tolist() == [2, 2, 3]


def test_packing_repeats(drawn):
    """The same map gives the same bytes."""
    assert drawn.html() == drawn.html()


@pytest.mark.parametrize("kind", ["points", "lines"])
def test_no_rows(kind):
    """A layer without rows is packed."""
    table = gpd.GeoDataFrame(geometry=[], crs=4326)
    head, _ = _open(pack_layers((Layer("none", kind, table),)))
    assert head["layers"][0]["n"] == 0
