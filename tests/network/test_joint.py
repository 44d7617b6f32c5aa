"""Rivers, pipes, manholes, pumps and gates of one real model as one network, with pumps by their state."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from outfall.network import as_of, build_network, insert_structures, name_structures, pump_states, weigh_direction

pytestmark = pytest.mark.realdata


@pytest.fixture(scope="module")
def folder(shared_data):
    """Return the folder of the joint model."""
    return shared_data / "network" / "delft_joint"


@pytest.fixture(scope="module")
def network(folder):
    """Return rivers, pipes, pumps and gates as one network."""
    lines = gpd.read_file(folder / "1D_rivers.geojson")
    lines["diameter_mm"] = lines.pop("DIAMETER") * 1000
    is_pipe = lines["PIPE_TYPE"].notna()
    kinds = lines["BR_TYPE"].mask(is_pipe, "gravity_sewer")
    lines = lines.assign(BR_TYPE=kinds.replace("channel", "river"))
    built = build_network(lines[~is_pipe], pipes=lines[is_pipe], tolerance_m=1.0)
    points = pd.concat(
        [gpd.read_file(folder / "pumps.geojson"), gpd.read_file(folder / "gates.geojson")], ignore_index=True
    )
    return insert_structures(built, points)


def ids_of(network, line):
    """Return the pieces of a line."""
    reaches = network.reaches
    chosen = reaches["line_id"].fillna(reaches["reach_id"]) == line
    return reaches["reach_id"][chosen].tolist()


def test_every_part_is_there(network, folder):
    """All 29 lines, 8 pumps and 2 gates are reaches; the 8 outfalls of the file enter the river at 6 places."""
    lines = set(network.reaches["line_id"].fillna(network.reaches["reach_id"]))
    said = set(gpd.read_file(folder / "1D_rivers.geojson")["BRANCH_ID"])
    assert len(said) == 29
    assert said <= lines
    assert network.reaches["kind"].value_counts().reindex(["pump", "gate", "interface"]).tolist() == [8, 2, 6]


def test_outfalls_are_where_the_file_says(network, folder):
    """Each pipe of the outfall table enters the river between the two channels the table names."""
    outfalls = name_structures(gpd.read_file(folder / "outfalls.geojson"))
    reaches = network.reaches.set_index("reach_id")
    checked = 0
    for row in outfalls.itertuples():
        end = reaches.loc[ids_of(network, row.pipe_id)[-1], "to_node"]
        joint = reaches[(reaches["from_node"] == end) & (reaches["kind"] == "interface")].iloc[0]
        above = reaches["to_node"] == joint["to_node"]
        below = reaches["from_node"] == joint["to_node"]
        lines = [set(reaches["line_id"][part & reaches["kind"].eq("river")].dropna()) for part in (above, below)]
        assert pd.isna(row.channel_up_id) or row.channel_up_id in lines[0]
        assert row.channel_down_id in lines[1]
        checked += 1
    assert checked == 8


def test_a_trace_from_the_river_crosses_the_outfall_and_the_pump(network):
    """From the reach below outfall_1 the trace enters pipe_4, passes its pump, and comes to the last manhole."""
    above = set(network.upstream("branch_7", along_m=1.0))
    assert {"pipe_4>river", "pipe_4.2", "PMP_4", "pipe_4.1", "pipe_5", "pipe_6", "pipe_9"} <= above


def test_a_pump_that_stands_stops_the_trace(network):
    """Below its stop level the pump lets nothing through; above its start level it does; in between it may."""
    state = {
        level: pump_states(network, pd.DataFrame({"reach_id": ["PMP_4"], "level_m": [level]}))
        for level in (2.4, 3.0, 3.4)
    }
    stands = set(as_of(network, state[2.4]).upstream("branch_7", along_m=1.0))
    assert {"pipe_4>river", "pipe_4.2", "PMP_4"} <= stands
    assert not stands & {"pipe_4.1", "pipe_5", "pipe_6", "pipe_9"}
    for level in (3.0, 3.4):
        assert "pipe_9" in as_of(network, state[level]).upstream("branch_7", along_m=1.0)
    whole = set(network.upstream("branch_7", along_m=1.0))
    assert whole - stands == {"pipe_4.1", "pipe_5", "pipe_6", "pipe_7", "pipe_8", "pipe_9"}


def test_levels_of_every_pump_are_read(network):
    """Seven pumps are controlled from their suction side and two from their delivery side, one of them from both."""
    pumps = network.reaches[network.reaches["kind"] == "pump"].set_index("reach_id")
    assert pumps["start_level_m"].notna().sum() == 7
    assert sorted(pumps.index[pumps["start_delivery_m"].notna()]) == ["PMP_7", "PMP_8"]
    assert pumps.loc["PMP_4", ["start_level_m", "stop_level_m"]].tolist() == [3.3, 2.5]


def test_a_gate_that_works_both_ways_is_two_way(network):
    """The file calls one gate both and the other positive and open."""
    gates = network.reaches[network.reaches["kind"] == "gate"].set_index("reach_id")
    assert gates["forward_share"].to_dict() == {"Sluice": 1.0, "GATE_vertical": 0.5}
    assert gates.loc["Sluice", "state"] == "open"


def test_weighing_directions_keeps_a_sound_model(network):
    """Levels, mouths and continuity agree with the model: no reach is turned, and few are in doubt."""
    weighed = weigh_direction(network)
    assert not weighed.issues["issue_id"].str.startswith("direction").any()
    assert np.mean(weighed.reaches["forward_share"] >= 0.95) > 0.9
