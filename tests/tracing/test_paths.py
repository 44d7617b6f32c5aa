"""By which ways water comes: regimes, what is left, gates of the moment, and monitors no way goes round."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely.geometry import LineString, Point

from outfall.errors import TraceError
from outfall.network import as_of, read_network
from outfall.tables import check, split_ids
from outfall.tracing import trace
from outfall.tracing.paths import follow_paths
from tests.laws import unchanged
from tests.tracing.town import make_network, make_outfalls, make_sources

CRS = "EPSG:4547"


def at(*points):
    """Return a line around the middle of the map."""
    return LineString([(500_000 + east, 3_400_000 + north) for east, north in points])


@pytest.fixture(scope="module")
def ring():
    """Return a river and a sewer with two ways round to its outfall, one of them through a gate."""
    river = gpd.GeoDataFrame(
        {"reach_id": ["R"], "kind": ["river"], "source_ref": ["r#1"]}, geometry=[at((0, 0), (1000, 0))], crs=CRS
    )
    lines = {
        "top": at((500, 400), (500, 300)),
        "short": at((500, 300), (500, 200)),
        "long": at((500, 300), (650, 250), (501, 200)),
        "G": at((501, 200), (500, 200)),
        "out": at((500, 200), (500, 10)),
    }
    kinds = ["gate" if name == "G" else "gravity_sewer" for name in lines]
    pipes = gpd.GeoDataFrame(
        {"reach_id": list(lines), "kind": kinds, "system": "storm", "source_ref": [f"p#{name}" for name in lines]},
        geometry=list(lines.values()),
        crs=CRS,
    )
    return read_network(river, pipes=pipes, tolerance_m=0.1)


@pytest.fixture(scope="module")
def found(ring):
    """Return the trace of one works at the top of it."""
    mouth = gpd.GeoDataFrame(
        {"outfall_id": ["P"], "status": ["confirmed"], "sigma_m": [2.0], "source_ref": ["o#1"]},
        geometry=[Point(500_000, 3_400_008)],
        crs=CRS,
    ).set_geometry([Point(500_500, 3_400_008)], crs=CRS)
    works = gpd.GeoDataFrame(
        {"source_id": ["S"], "name": ["单位"], "kind": ["food"], "system": ["storm"], "source_ref": ["s#1"]},
        geometry=[Point(500_503, 3_400_390)],
        crs=CRS,
    )
    return trace(check(mouth, "outfalls"), ring, check(works, "sources"))


def test_both_ways_are_found_and_only_what_both_share_must_be_passed(found, ring):
    """A monitor on one branch can be gone round; one at the end cannot."""
    monitors = pd.DataFrame({"meter_id": ["on_short", "at_end"], "reach_id": ["short", "out"]})
    with unchanged(found.candidates, monitors):
        ways = follow_paths(found, ring, monitors=monitors)
    assert len(ways) == 2
    own, other = ways.to_dict("records")
    assert "short" in split_ids(own["path_ids"])
    assert {"long", "G"} <= set(split_ids(other["path_ids"]))
    assert own["must_pass_ids"] == other["must_pass_ids"] == "at_end"
    assert split_ids(own["monitor_ids"]) == ["on_short", "at_end"]
    assert other["control_ids"] == "G"
    assert own["distance_m"] < other["distance_m"]


def test_a_gate_that_was_shut_when_the_sample_was_taken_closes_its_way(found, ring):
    """The network as of a moment is the one to follow."""
    shut = as_of(ring, pd.DataFrame({"reach_id": ["G"], "state": ["shut"]}))
    assert len(follow_paths(found, shut)) == 1
    maybe = as_of(ring, pd.DataFrame({"reach_id": ["G"], "state": ["open"], "share": [0.3]}))
    told = follow_paths(found, maybe).set_index("path_number")["open_share"]
    assert told[2] == pytest.approx(0.3)


def test_water_is_slower_when_it_is_dry_and_less_of_it_is_left():
    """Dry, mean and wet are in order, and decay goes by time."""
    network = make_network()
    found = trace(make_outfalls(), network, make_sources())
    ways = follow_paths(found, network, rate_per_day=2.0)
    piped = ways[ways["path_ids"].notna()]
    assert len(piped)
    assert (piped["travel_dry_h"] >= piped["travel_mean_h"]).all()
    assert (piped["travel_mean_h"] >= piped["travel_wet_h"]).all()
    assert np.allclose(piped["left_mean_share"], np.exp(-2.0 * piped["travel_mean_h"] / 24.0))
    first = piped[piped["path_number"] == 1].set_index(["outfall_id", "source_id"])
    own = found.candidates.set_index(["outfall_id", "source_id"]).loc[first.index]
    assert np.allclose(first["travel_mean_h"], own["travel_h"])
    assert np.allclose(first["distance_m"], own["distance_m"])


def test_monitors_and_outfalls_that_are_not_there_are_refused(found, ring):
    """What cannot be found is named."""
    with pytest.raises(TraceError, match="X9 is not in the network"):
        follow_paths(found, ring, monitors=pd.DataFrame({"meter_id": ["m"], "reach_id": ["X9"]}))
    with pytest.raises(TraceError, match="reach_id"):
        follow_paths(found, ring, monitors=pd.DataFrame({"meter_id": ["m"]}))
    with pytest.raises(TraceError, match="no outfall 'ZZ'"):
        follow_paths(found, ring, outfall_ids=["ZZ"])
