"""Each pixel of water lies where linear referencing puts it, on the river it belongs to."""

import itertools

import geopandas as gpd
import numpy as np
import pytest
import shapely
from shapely import LineString

from benchmarks.scenes_made import make_case
from outfall.network import build_network
from outfall.scenes import find_water, grid_of
from outfall.scenes.along import place_pixels
from outfall.scenes.strands import find_strands
from tests.scenes.river import CRS, NORTH, WEST, network_of, scene_of


@pytest.fixture(scope="module")
def case():
    return make_case(1500)


def centres(water, pixel):
    grid = grid_of(water)
    row, column = np.divmod(pixel, grid.width)
    return WEST + 10 * (column + 0.5), NORTH - 10 * (row + 0.5)


def test_places_are_those_of_linear_referencing(case):
    """Along and off agree with projecting each pixel onto its reach one by one."""
    water = find_water(case.scene, case.network)
    placed = place_pixels(water, case.network).sample(400, random_state=1)
    lines = case.network.reaches.set_index("reach_id").geometry
    points = shapely.points(*centres(water, placed["pixel"].to_numpy()))
    own = lines.loc[placed["reach_id"].astype(str)].to_numpy()
    assert np.allclose(np.abs(placed["off_m"]), shapely.distance(own, points), atol=0.5)
    assert np.median(np.abs(placed["along_m"] - shapely.line_locate_point(own, points))) < 0.5


def test_a_brook_takes_no_pixel_of_the_river_it_enters():
    """A brook drawn to the middle of a river of 200 m owns none of the river's water."""
    lines = [LineString([(WEST + 50, NORTH - 1000), (WEST + 4050, NORTH - 1000)]),
             LineString([(WEST + 2000, NORTH - 100), (WEST + 2000, NORTH - 1000)])]  # fmt: skip
    frame = gpd.GeoDataFrame({"id": ["R", "B"], "kind": "river", "width_m": [200.0, 20.0]}, geometry=lines, crs=CRS)
    placed = place_pixels(find_water(scene_of(200)[0]), build_network(frame))
    assert not placed["reach_id"].astype(str).str.startswith("B").any()
    assert len(placed) > 5000


def test_culverts_and_pipes_take_no_pixel():
    """What is not seen from above has no water."""
    network = network_of(200, kind="culvert")
    assert place_pixels(find_water(scene_of(200)[0]), network).empty
    assert find_strands(network).number.tolist() == [-1]


def test_left_is_left_looking_downstream():
    """The river flows east, so that its left bank is north."""
    water = find_water(scene_of(120)[0], network_of(120))
    placed = place_pixels(water, network_of(120))
    north = centres(water, placed["pixel"].to_numpy())[1] > NORTH - 1000
    assert (north == (placed["side"] == "left").to_numpy()).all()


def test_a_river_cut_in_pieces_is_one_strand():
    """Cutting a river where a pipe enters moves no pixel along its strand."""
    whole = network_of(120)
    at = np.linspace(WEST + 50, WEST + 4050, 5)
    parts = [LineString([(a, NORTH - 1000), (b, NORTH - 1000)]) for a, b in itertools.pairwise(at)]
    frame = gpd.GeoDataFrame({"id": list("abcd"), "kind": "river", "width_m": 120.0}, geometry=parts, crs=CRS)
    water = find_water(scene_of(120)[0], whole)
    one, many = place_pixels(water, whole), place_pixels(water, build_network(frame))
    assert np.array_equal(one["pixel"], many["pixel"])
    assert np.allclose(one["strand_m"], many["strand_m"], atol=0.5)
    assert many["reach_id"].nunique() == 4


def test_a_meeting_ends_a_strand(case):
    """Below a confluence the water is another one."""
    strands = find_strands(case.network)
    ids = case.network.reaches["reach_id"].tolist()
    assert strands.number[ids.index("main.1")] != strands.number[ids.index("main.2")]
    assert strands.is_meeting.any()
