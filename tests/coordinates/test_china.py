"""GCJ-02 and BD-09, both ways."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from outfall.coordinates import bd09_to_wgs84, gcj02_to_wgs84, wgs84_to_bd09, wgs84_to_gcj02

LON, LAT = st.floats(73.0, 135.0), st.floats(3.0, 53.5)


@given(LON, LAT)
def test_gcj02_inverts(lon, lat):
    """There and back is the same place, far below a millionth of a degree."""
    back = gcj02_to_wgs84(*wgs84_to_gcj02(lon, lat))
    assert np.allclose(back, (lon, lat), atol=1e-9, rtol=0)


@given(LON, LAT)
def test_bd09_inverts(lon, lat):
    """The two shifts together invert as one does."""
    back = bd09_to_wgs84(*wgs84_to_bd09(lon, lat))
    assert np.allclose(back, (lon, lat), atol=1e-9, rtol=0)


@given(st.floats(-180.0, 70.0), st.floats(-89.0, 89.0))
def test_nothing_moves_outside_china(lon, lat):
    """Outside the box all four are the same thing."""
    for move in (wgs84_to_gcj02, gcj02_to_wgs84, wgs84_to_bd09, bd09_to_wgs84):
        assert [float(value) for value in move(lon, lat)] == [lon, lat]


def test_the_published_example_is_reproduced():
    """The value every public implementation gives for Beijing."""
    lon, lat = wgs84_to_bd09(116.403988, 39.914266)
    assert (float(lon), float(lat)) == pytest.approx((116.41661560068297, 39.92196580126834), abs=1e-9)


def test_the_shift_is_hundreds_of_metres():
    """The median over China is the half kilometre that misplaces an outfall to another street."""
    rng = np.random.default_rng(5)
    lon, lat = rng.uniform(100, 122, 4000), rng.uniform(21, 42, 4000)
    moved_lon, moved_lat = wgs84_to_gcj02(lon, lat)
    metres = np.hypot((moved_lon - lon) * 111_320 * np.cos(np.radians(lat)), (moved_lat - lat) * 110_900)
    assert np.median(metres) == pytest.approx(516, abs=15)


def test_empty_gives_empty():
    """No points is an answer."""
    lon, lat = gcj02_to_wgs84([], [])
    assert lon.shape == lat.shape == (0,)
