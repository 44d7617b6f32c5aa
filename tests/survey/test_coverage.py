"""Laws of coverage: what was seen is never more than the bank, and depends on nothing but where one looked."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from outfall.errors import CoordinateError, NetworkError, TableError
from outfall.network import build_network
from outfall.survey import bank_segments, find_coverage, photo_footprints, sum_coverage
from tests.laws import unchanged

CRS = 32650


@pytest.fixture(scope="module")
def network():
    """Return a river of two kilometres with a bend, a lake shore and a culvert."""
    rivers = gpd.GeoDataFrame(
        {"reach_id": ["A", "L", "C"], "kind": ["river", "lake", "culvert"], "width_m": [30.0, np.nan, 2.0]},
        geometry=gpd.GeoSeries.from_wkt(
            [
                "LINESTRING (500000 3400000, 501000 3400000, 501000 3401000)",
                "LINESTRING (510000 3400000, 510900 3400000)",
                "LINESTRING (520000 3400000, 520900 3400000)",
            ]
        ),
        crs=CRS,
    )
    return build_network(rivers)


def looks(rng, count):
    """Return areas, tracks and points thrown over the river."""
    east, north = rng.uniform(499900, 501100, count), rng.uniform(3399900, 3401100, count)
    shapes = [
        shapely.box(e, n, e + 150, n + 100)
        if at % 3
        else shapely.linestrings(np.cumsum(rng.normal(0, 20, (90, 2)), axis=0) + np.array([e, n]))
        for at, (e, n) in enumerate(zip(east, north, strict=True))
    ]
    return gpd.GeoDataFrame(
        {
            "platform": rng.choice(["drone", "foot", "boat"], count),
            "survey_id": rng.choice(["s1", "s2"], count),
            "condition": rng.choice(["dry", "wet"], count),
            "seen_at": pd.Timestamp("2026-04-12T08:00Z") + pd.to_timedelta(rng.integers(0, 9999, count), unit="s"),
        },
        geometry=shapes,
        crs=CRS,
    )


def test_both_banks_are_as_long_as_the_river(network):
    """The segments of one side add up to the length of their reach, whatever the length aimed at."""
    for length_m in (37.0, 250.0, 5000.0):
        banks = bank_segments(network, length_m=length_m)
        whole = banks.groupby(["reach_id", "side"], dropna=False)["length_m"].sum()
        lengths = network.reaches.set_index("reach_id")["length_m"]
        for (reach, _), value in whole.items():
            assert value == pytest.approx(lengths[reach], rel=1e-12)


def test_rivers_have_two_banks_lakes_one_and_culverts_none(network):
    """Which banks there are follows from the kind of the water."""
    banks = bank_segments(network)
    sides = banks.assign(side=banks["side"].fillna("")).groupby("reach_id")["side"].agg(lambda s: sorted(set(s)))
    assert sides.to_dict() == {"A": ["left", "right"], "L": [""]}


def test_the_left_bank_lies_to_the_left(network):
    """A bank lies half a width from the line, left looking downstream."""
    banks = bank_segments(network, length_m=100.0)
    first = banks[(banks["reach_id"] == "A") & (banks["from_m"] < 800)]
    north = first.geometry.centroid.y - 3400000
    assert np.allclose(north[first["side"] == "left"], 15.0)
    assert np.allclose(north[first["side"] == "right"], -15.0)


def test_an_impossible_length_is_refused(network):
    """A segment without length is refused in words."""
    with pytest.raises(NetworkError, match="length_m is 0"):
        bank_segments(network, length_m=0)


@pytest.mark.parametrize("seed", range(4))
def test_coverage_agrees_with_the_definition(network, seed):
    """Two methods agree: the fast answer, and every cell tested against every look."""
    banks, seen = bank_segments(network, length_m=90.0), looks(np.random.default_rng(seed), 40)
    found = find_coverage(banks, seen, cell_m=7.0)
    reach = {"foot": 15.0, "boat": 60.0, "drone": 60.0}
    expected = {}
    for row in banks.itertuples():
        count = int(np.ceil(row.geometry.length / 7.0))
        size = row.geometry.length / count
        for cell in range(count):
            at = shapely.line_interpolate_point(row.geometry, (cell + 0.5) * size)
            keys = {
                (row.segment_id, look.platform, look.condition)
                for look in seen.itertuples()
                if (look.geometry.geom_type == "Polygon" and look.geometry.intersects(at))
                or (look.geometry.geom_type != "Polygon" and look.geometry.distance(at) <= reach[look.platform])
            }
            for key in keys:
                expected[key] = expected.get(key, 0.0) + size
    got = {(r.segment_id, r.platform, r.condition): r.seen_m for r in found.itertuples()}
    assert got.keys() == expected.keys()
    assert all(got[key] == pytest.approx(expected[key]) for key in got)


def test_the_order_of_the_looks_changes_nothing(network):
    """Shuffled looks give the same table, and no input is changed."""
    banks, seen = bank_segments(network), looks(np.random.default_rng(9), 60)
    with unchanged(banks, seen):
        one = find_coverage(banks, seen)
    other = find_coverage(banks, seen.sample(frac=1, random_state=2))
    pd.testing.assert_frame_equal(one, other)


def test_more_looks_never_see_less(network):
    """Coverage grows with every look, and never beyond the bank."""
    banks, seen = bank_segments(network), looks(np.random.default_rng(3), 60)
    before = 0.0
    for count in (5, 20, 60):
        table = sum_coverage(banks, find_coverage(banks, seen.iloc[:count])).set_index("platform")
        now = float(table.loc["(any)", "seen_km"])
        assert before <= now <= float(table["bank_km"].iloc[0]) + 1e-9
        before = now


def test_seen_and_unseen_make_the_whole(network):
    """What somebody saw and what nobody saw add up to the bank."""
    banks = bank_segments(network)
    table = sum_coverage(banks, find_coverage(banks, looks(np.random.default_rng(5), 30))).set_index("platform")
    assert table.loc[["(any)", "(none)"], "seen_km"].sum() == pytest.approx(float(banks.length.sum()) / 1000)


def test_another_crs_changes_nothing(network):
    """Looks in longitude and latitude see the same bank."""
    banks, seen = bank_segments(network), looks(np.random.default_rng(6), 30)
    one, other = find_coverage(banks, seen), find_coverage(banks, seen.to_crs(4326))
    assert np.allclose(one["seen_m"], other["seen_m"], atol=10.0)


def test_no_looks_see_nothing(network):
    """An empty survey has an answer: an empty table."""
    banks = bank_segments(network)
    assert len(find_coverage(banks, looks(np.random.default_rng(0), 3).iloc[:0])) == 0


def test_all_problems_are_listed_at_once(network):
    """A missing column and an empty geometry are refused together."""
    banks, seen = bank_segments(network), looks(np.random.default_rng(0), 4).drop(columns="survey_id")
    seen.loc[1, "geometry"] = None
    with pytest.raises(TableError, match="2 problems"):
        find_coverage(banks, seen)


def test_a_table_without_crs_is_refused(network):
    """Where the looks lie must be said."""
    seen = looks(np.random.default_rng(0), 4)
    with pytest.raises(CoordinateError, match="looks: no CRS"):
        find_coverage(
            bank_segments(network), gpd.GeoDataFrame(seen.drop(columns="geometry"), geometry=seen.geometry.to_numpy())
        )


def photo(pitch, yaw=0.0, height=100.0):
    """Return one photo."""
    return gpd.GeoDataFrame(
        {
            "photo_id": ["a"], "file": ["f/a.jpg"], "relative_altitude_m": [height], "yaw_deg": [yaw],
            "pitch_deg": [pitch], "width_px": [4000], "height_px": [3000], "focal_px": [4000.0], "source_ref": ["a"],
        },
        geometry=gpd.points_from_xy([114.3], [30.6]), crs=4326,
    )  # fmt: skip


@pytest.mark.parametrize("pitch", [-90.0, -75.0, -60.0, -50.0])
def test_a_footprint_holds_where_the_camera_looks(pitch):
    """The middle of the picture, found by the other way of the camera, lies inside the outline."""
    from outfall.camera import look_at

    photos = photo(pitch, yaw=40.0)
    outline = photo_footprints(photos)
    middle = look_at(photos).to_crs(outline.crs).geometry.iloc[0]
    assert outline.geometry.iloc[0].contains(middle)


def test_a_footprint_turns_with_the_camera_and_keeps_its_size():
    """Yaw turns the outline; twice the height shows four times the ground."""
    areas = [photo_footprints(photo(-90.0, yaw=yaw)).area.iloc[0] for yaw in (0, 33, 180)]
    assert np.allclose(areas, areas[0])
    assert photo_footprints(photo(-90.0, height=50.0)).area.iloc[0] == pytest.approx(areas[0] / 4)


def test_nothing_is_claimed_beyond_the_horizon():
    """A picture of the sky is cut at the farthest distance claimed."""
    outline = photo_footprints(photo(-5.0), farthest_m=120.0)
    camera = photo(-5.0).to_crs(outline.crs).geometry.iloc[0]
    away = shapely.hausdorff_distance(outline.geometry.iloc[0], camera)
    assert away <= 120.0 + 1e-6


def test_a_photo_without_direction_shows_nothing():
    """What is not known is not claimed."""
    assert len(photo_footprints(photo(np.nan))) == 0
