"""The network at a moment: seasons, tides, pumps and overflows by their state."""

from __future__ import annotations

import pandas as pd
import pytest

from outfall.errors import NetworkError
from outfall.network import Network, as_of, build_network, open_shares, pump_states, upstream_probability
from tests.laws import shuffled, unchanged
from tests.network.made import lines, network_of


def chain(**columns):
    """Return three reaches in a row, the middle one a gate."""
    return network_of([(0, 1), (1, 2), (2, 3)], kind=["ditch", "gate", "ditch"], **columns)


def states(*rows, columns=("reach_id", "state")):
    """Return a table of states."""
    return pd.DataFrame(rows, columns=list(columns))


def test_what_is_shut_stops_a_trace_and_keeps_its_id():
    """A shut gate has nothing upstream, is still there, and what is above it ends at it."""
    network, shut = chain(), states(("r1", "shut"))
    with unchanged(network.reaches, network.nodes, shut):
        now = as_of(network, shut)
    assert now.upstream("r2") == ["r2", "r1"]
    assert now.downstream("r0") == ["r0"]
    assert now.reaches["reach_id"].tolist() == network.reaches["reach_id"].tolist()
    assert now.nodes["kind"].tolist()[-1] == "barrier"
    assert as_of(network, states(("r1", "open"))).upstream("r2") == network.upstream("r2")


def test_the_column_state_counts_without_a_table():
    """What the file calls shut is shut; a row of the table says otherwise."""
    network = chain(state=[None, "shut", None])
    assert as_of(network).upstream("r2") == ["r2", "r1"]
    assert as_of(network, states(("r1", "open"))).upstream("r2") == ["r2", "r1", "r0"]
    assert as_of(chain()).reaches["state"].isna().all()


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        ("2026-07-01", True),
        ("2026-06-01", True),
        ("2026-09-30T23:00", True),
        ("2026-10-01", False),
        ("2026-01-05", False),
    ],
)
def test_a_season_is_between_two_days(moment, is_open):
    """Month-days hold every year, both included, in the zone of the moment; a winter runs over New Year."""
    summer = states(
        ("r1", "open", "06-01", "09-30"), ("r1", "shut", "10-01", "05-31"), columns=("reach_id", "state", "from", "to")
    )
    now = as_of(chain(), summer, moment=pd.Timestamp(moment, tz="Asia/Shanghai"))
    assert ("r0" in now.upstream("r2")) == is_open


def test_a_closure_wins_over_the_season():
    """Among rows that apply, one that meets more conditions wins, in any order."""
    rows = states(
        ("r1", "open", None, None, None), ("r1", "shut", "2026-07-01T00:00+08:00", "2026-07-02T00:00+08:00", None), ("r1", "open", "2026-07-01T00:00+08:00", "2026-07-02T00:00+08:00", "ebb"),
        columns=("reach_id", "state", "from", "to", "tide"),
    )  # fmt: skip
    during, after = (pd.Timestamp(day, tz="Asia/Shanghai") for day in ("2026-07-01 12:00", "2026-07-03"))
    for table in (rows, shuffled(rows)):
        assert as_of(chain(), table, moment=during, tide="flood").upstream("r2") == ["r2", "r1"]
        assert "r0" in as_of(chain(), table, moment=during, tide="ebb").upstream("r2")
        assert "r0" in as_of(chain(), table, moment=after, tide="flood").upstream("r2")


def test_a_tide_turns_a_reach():
    """At flood a reach may run the other way, and nobody knows without the tide."""
    rows = states(
        ("r1", "open", "flood", 0.0), ("r1", "open", "ebb", 1.0), columns=("reach_id", "state", "tide", "forward_share")
    )
    network = chain()
    assert as_of(network, rows, tide="ebb").reaches["forward_share"].tolist() == [1.0, 1.0, 1.0]
    assert as_of(network, rows).reaches["forward_share"].tolist() == [1.0, 0.5, 1.0]
    assert as_of(network, rows).arrays.two_way.tolist() == [False, True, False]


def test_an_unknown_state_is_a_probability():
    """A gate that is open three times in ten lets the water above it come in three worlds in ten."""
    rows = states(("r1", "open", 0.3), columns=("reach_id", "state", "share"))
    now = as_of(chain(), rows)
    assert open_shares(now).tolist() == [1.0, 0.3, 1.0]
    assert now.reaches["state"].tolist()[1] == "unknown"
    place = pd.DataFrame({"point_id": ["P"], "reach_id": ["r2"], "place_share": [1.0]})
    found = upstream_probability(now, place, sweeps=32).set_index("reach_id")
    assert found.loc["r0", "upstream_share"] == pytest.approx(0.3, abs=4 * found.loc["r0", "sigma_share"])
    assert 0 < found.loc["r0", "sigma_share"] < 0.02


def test_a_two_way_gate_is_cut_at_both_ends():
    """Where water could run either way, shut means neither."""
    network = network_of([(0, 1), (1, 2), (2, 3)], two_way=[1], kind=["ditch", "gate", "ditch"])
    now = as_of(network, states(("r1", "shut")))
    assert now.upstream("r2") == ["r2"]
    assert now.upstream("r1") == ["r1"]


def test_a_line_that_was_cut_is_shut_as_a_whole():
    """A state said of the user's line holds for its pieces."""
    network = build_network(lines("LINESTRING (0 0, 100 0)", "LINESTRING (50 40, 50 0)"))
    now = as_of(network, states(("L1", "shut")))
    assert now.upstream("L1.2") == ["L1.2"]


def test_pumps_run_by_their_levels():
    """Suction and delivery levels start and stop a pump; between them nobody knows."""
    plain = network_of([(0, 1), (1, 2)], kind=["gravity_sewer", "pump"])
    network = Network(
        plain.reaches.assign(start_level_m=4.1, stop_level_m=2.9, start_delivery_m=3.1, stop_delivery_m=4.0),
        plain.nodes,
    )
    levels = pd.DataFrame({"reach_id": ["r1"] * 4, "level_m": [4.2, 3.5, 2.0, 4.2], "delivery_m": [3.5, 3.5, 3.5, 4.5]})
    assert pump_states(network, levels)["state"].tolist() == ["open", "unknown", "shut", "shut"]
    running = as_of(network, pump_states(network, levels.iloc[:1]))
    standing = as_of(network, pump_states(network, levels.iloc[2:3]))
    assert (running.upstream("r1"), standing.upstream("r1")) == (["r1", "r0"], ["r1"])


@pytest.mark.parametrize(
    ("rows", "options", "match"),
    [
        (states(("r9", "shut")), {}, "reach_id: not in the network"),
        (states(("r1", "ajar")), {}, "'ajar' is not a state"),
        (states(("r1",), columns=("reach_id",)), {}, "state: missing"),
        (states(("r1", "shut")), {"moment": pd.Timestamp("2026-07-01")}, "has no zone"),
        (states(("r1", "shut", "13-01"), columns=("reach_id", "state", "from")), {}, "from, to: month must be in"),
        (states(("r1", "shut", "2026-07-01"), columns=("reach_id", "state", "from")), {}, "2026-07-01 has no zone"),
    ],
)
def test_refusals(rows, options, match):
    """What cannot be a state is said with its value."""
    with pytest.raises(NetworkError, match=match):
        as_of(chain(), rows, **options)


def test_a_pump_without_levels_is_refused():
    """Levels say nothing of a pump that has none to start at."""
    with pytest.raises(NetworkError, match="none to start or stop at"):
        pump_states(chain(), pd.DataFrame({"reach_id": ["r1"], "level_m": [1.0]}))
