"""Real networks: NHDPlus totals are reproduced, and no line of a messy storm sewer is lost."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pyogrio
import pytest

from outfall.network import read_network
from tests.network.made import reach_graph

pytestmark = pytest.mark.realdata


@pytest.fixture(scope="module")
def new_hope(shared_data):
    """Return the New Hope network, read without a column map."""
    return read_network(shared_data / "network" / "new_hope" / "new_hope.gpkg")


@pytest.fixture(scope="module")
def uky(shared_data):
    """Return the storm sewer of the University of Kentucky."""
    return read_network(None, pipes=shared_data / "network" / "uky_storm" / "STM_Line_ln.geojson")


@pytest.mark.parametrize(("rule", "column"), [("total", "TotDASqKM"), ("main", "DivDASqKM")])
def test_new_hope_areas(new_hope, rule, column):
    """Upstream areas of all 746 reaches are those NHDPlus publishes, by both of its rules."""
    found = new_hope.accumulate("area_km2", rule=rule).to_numpy()
    assert len(found) == 746
    assert np.abs(found - new_hope.reaches[column].to_numpy(float)).max() < 1e-9


def test_new_hope_order(new_hope):
    """No reach lies downstream of one with a smaller Hydroseq, and distances to the mouth are those published."""
    start, reach = new_hope.arrays.down
    order = new_hope.reaches["Hydroseq"].to_numpy(float)
    assert (np.repeat(order, np.diff(start)) > order[reach]).all()
    published = new_hope.reaches["Pathlength"].to_numpy(float)
    gap = new_hope.arrays.mouth_m / 1000 - (published - published.min())
    assert np.abs(gap).max() < 0.05 * np.ptp(published)


def test_uky_keeps_every_line(uky, shared_data):
    """Each of the 5,192 lines is a reach or is listed with the reason."""
    info = pyogrio.read_info(shared_data / "network" / "uky_storm" / "STM_Line_ln.geojson")
    lost = uky.issues[uky.issues["decision"].fillna("").str.contains("left out")]
    kept = set(uky.reaches["source_ref"])
    rows = {f"STM_Line_ln.geojson#{number}" for number in range(1, int(info["features"]) + 1)}
    assert len(rows) == 5192
    reasons = " ".join(lost["reason"]).replace(")", " ").replace(",", " ").replace("(", " ").split()
    assert rows - kept <= set(reasons)
    assert len(rows - kept) == 7  # six copies and one line of no length


def test_uky_upstream_is_ancestors(uky):
    """What is upstream of every mouth is what networkx finds, loops and two-way pipes included."""
    graph = reach_graph(uky)
    mouths = set(uky.mouths()["node_id"])
    ends = uky.reaches[uky.reaches["to_node"].isin(mouths)]["reach_id"]
    assert len(ends) > 300
    for reach in ends:
        assert set(uky.upstream(reach)) == nx.ancestors(graph, reach) | {reach}


def test_uky_totals_are_sums_of_sets(uky):
    """Totals of all pipes by the index are the sums over the sets the walk finds."""
    total = uky.accumulate("length_m")
    length = uky.reaches.set_index("reach_id")["length_m"]
    for reach in uky.reaches["reach_id"].iloc[::40]:
        assert total[reach] == pytest.approx(length[uky.upstream(reach)].sum())


@pytest.mark.parametrize("tolerance_m", [0.0, 0.2, 2.0])
def test_uky_collapses_no_pipe(shared_data, tolerance_m):
    """Whatever the tolerance, no pipe that is not a ring becomes a point."""
    file = shared_data / "network" / "uky_storm" / "STM_Line_ln.geojson"
    network = read_network(None, pipes=file, tolerance_m=tolerance_m)
    ring = network.reaches[network.reaches["from_node"] == network.reaches["to_node"]]
    assert ring.geometry.is_ring.all()
    assert network.reaches["line_id"].nunique() == 5192 - 7
