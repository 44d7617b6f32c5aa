"""Lengths, areas, projections and ways of writing a position, against pyproj, in the language of the page."""

from __future__ import annotations

import json
import re

import numpy as np
import pyproj
import pytest

from outfall.maps.bundle import text_of

pytestmark = pytest.mark.browser
GEOD = pyproj.Geod(ellps="WGS84")


@pytest.fixture(scope="module")
def run(browser):
    page = browser.new_page()
    page.evaluate(
        f"() => {{ const s = document.createElement('script'); s.textContent = {json.dumps(text_of('geodesy.js'))}; document.head.append(s); }}"
    )
    yield page.evaluate
    page.close()


def _spots(count, seed=0):
    rng = np.random.default_rng(seed)
    return np.column_stack([rng.uniform(75, 133, count), rng.uniform(4, 53, count)])


@pytest.mark.parametrize("spread_deg", [0.0005, 0.05, 5.0, 40.0])
def test_lengths_and_bearings_are_geodesic(run, spread_deg):
    """Distance and bearing agree with pyproj from metres to thousands of kilometres."""
    rng = np.random.default_rng(1)
    one = _spots(60)
    other = one + rng.uniform(-spread_deg, spread_deg, one.shape) * [1, 0.5]
    found = run(
        "pairs => pairs.map(p => { const r = inverse(...p); return [r.metres, r.bearing]; })",
        np.hstack([one, other]).tolist(),
    )
    azimuth, _, metres = GEOD.inv(*one.T, *other.T)
    assert np.allclose([row[0] for row in found], metres, rtol=1e-9, atol=1e-5)
    assert np.allclose((np.array([row[1] for row in found]) - azimuth + 180) % 360, 180, atol=1e-4)


def test_the_direct_problem_undoes_the_inverse(run):
    """Going the distance in the direction arrives."""
    spots = _spots(40, 3).tolist()
    there = run(
        "spots => spots.map((s, k) => { const o = spots[(k + 1) % spots.length]; const r = inverse(...s, ...o); return direct(...s, r.bearing, r.metres); })",
        spots,
    )
    assert np.allclose(there, np.roll(spots, -1, axis=0), atol=1e-8)


@pytest.mark.parametrize("radius_deg", [0.0003, 0.01, 0.5, 3.0])
@pytest.mark.parametrize("lat", [4.0, 30.0, 52.0])
def test_areas_are_geodesic(run, radius_deg, lat):
    """The area of a ragged ring agrees with pyproj, whichever way it is walked."""
    rng = np.random.default_rng(5)
    angle = np.sort(rng.uniform(0, 2 * np.pi, 9))
    ring = np.column_stack([120 + radius_deg * np.cos(angle) * 1.3, lat + radius_deg * np.sin(angle)])
    expected = abs(GEOD.polygon_area_perimeter(*ring.T)[0])
    for walked in (ring, ring[::-1]):
        assert run("ring => areaOf(ring)", walked.tolist()) == pytest.approx(expected, rel=1e-5)


def test_gauss_krueger_is_right_to_a_centimetre(run):
    """East and north of the zone are those of EPSG:4534-4554 over all of China."""
    spots = _spots(200, 7)
    found = run("spots => spots.map(s => projected(...s))", spots.tolist())
    for (lon, lat), said in zip(spots, found, strict=True):
        crs = 4534 + (said["meridian"] - 75) // 3
        east, north = pyproj.Transformer.from_crs(4490, crs, always_xy=True).transform(lon, lat)
        assert abs(said["meridian"] - lon) <= 1.5
        assert np.hypot(said["east"] - east, said["north"] - north) < 1e-4


def test_utm_is_used_elsewhere(run):
    """Outside the zones of CGCS2000 a position is given in UTM."""
    for lon, lat in [(-84.5, 38.03), (18.4, -33.9), (179.99, 10.0)]:
        said = run("s => projected(...s)", [lon, lat])
        crs = (32600 if lat >= 0 else 32700) + said["zone"]
        east, north = pyproj.Transformer.from_crs(4326, crs, always_xy=True).transform(lon, lat)
        assert np.hypot(said["east"] - east, said["north"] - north) < 1e-4


@pytest.mark.parametrize("style", ["d", "dm", "dms"])
def test_what_is_written_is_read_back(run, style):
    """A position survives being written and typed again, south and west included, to a third of a metre."""
    spots = [
        *_spots(30, 11).tolist(),
        [-84.5, 38.03],
        [18.4, -33.9],
        [120.0, 30.0],
        [119.99999999, 29.99999999],
        [-0.5, -0.25],
    ]
    back = run("([spots, style]) => spots.map(s => readPosition(written(...s, style)))", [spots, style])
    assert np.allclose([[spot["lon"], spot["lat"]] for spot in back], spots, atol=3e-6)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30.24, 120.02", (120.02, 30.24)),
        ("120.02，30.24", (120.02, 30.24)),
        ("北纬30°14′24″ 东经120°1′12″", (120.02, 30.24)),
        ("N30°14.4' E120°1.2'", (120.02, 30.24)),
        ("120°1'12\"E, 30°14'24\"N", (120.02, 30.24)),
        ("-84.5 38", (-84.5, 38)),
    ],
)
def test_positions_are_read_as_people_type_them(run, text, expected):
    """Either order, Chinese or Latin letters, full-width commas."""
    found = run("text => readPosition(text)", text)
    assert (found["lon"], found["lat"]) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("text", ["", "MX-0041", "120.02", "1 2 3", "120, 200", "5号口 3"])
def test_other_text_is_no_position(run, text):
    """A code or a name is not taken for a position."""
    assert run("text => readPosition(text)", text) is None


def test_degrees_carry(run):
    """Rounding never writes sixty minutes or sixty seconds."""
    for style in ("dm", "dms"):
        text = run("s => written(119.9999999999, 29.9999999999, s)", style)
        assert not re.search(r"60\.0+[′″]|60′", text)
        assert text.startswith("120°00")
