"""Pumps, gates and weirs given as points become reaches on the lines they stand on."""

from __future__ import annotations

import pandas as pd
import pytest

from outfall.errors import NetworkError
from outfall.network import build_network, insert_structures
from tests.laws import shuffled, unchanged
from tests.network.made import lines, points


def ditch(**columns):
    """Return two ditches in a row, the first cut where a third meets it."""
    return build_network(
        lines("LINESTRING (0 0, 100 0)", "LINESTRING (100 0, 200 0)", "LINESTRING (60 40, 60 0)", **columns)
    )


def gate(*places, **columns):
    """Return gates at places."""
    return points(*places, **{"structure_id": [f"G{n}" for n in range(1, len(places) + 1)], "kind": "gate", **columns})


def test_a_structure_is_a_reach_between_two_pieces():
    """The line is cut, its pieces keep the line and their places on it, and nothing gets longer."""
    network, points_there = ditch(), gate((150, 1))
    with unchanged(network.reaches, points_there):
        found = insert_structures(network, points_there)
    assert found.upstream("L2") == ["L2.2", "G1", "L2.1", "L1.2", "L1.1", "L3"]
    assert found.reaches["length_m"].sum() == pytest.approx(network.reaches["length_m"].sum())
    rows, along = found.find_places(["L2", "L2"], [20.0, 80.0])
    assert found.reaches["reach_id"].iloc[rows].tolist() == ["L2.1", "L2.2"]
    assert along == pytest.approx([20.0, 29.5], abs=0.1)
    issue = found.issues[found.issues["issue_id"] == "structures-1"].iloc[0]
    assert issue["row_ids"] == "G1;L2"


def test_several_on_one_line_keep_their_order():
    """Two gates close together on a piece of a cut line stand one after the other, in any order of the table."""
    table = gate((30.0, 0), (30.2, 0), reach_id=["L1", "L1"])
    one, other = insert_structures(ditch(), table), insert_structures(ditch(), shuffled(table))
    pd.testing.assert_frame_equal(pd.DataFrame(one.reaches), pd.DataFrame(other.reaches))
    assert one.upstream("L1.1.3") == ["L1.1.3", "G2", "L1.1.2", "G1", "L1.1.1"]


def test_levels_and_catchments_are_shared_out():
    """Pieces have levels in between and their part of the catchment."""
    found = insert_structures(
        ditch(invert_from_m=[5.0, 4.0, 6.0], invert_to_m=[4.0, 2.0, 5.0], area_km2=1.0), gate((150, 0))
    )
    reaches = found.reaches.set_index("reach_id")
    assert reaches.loc["L2.1", "invert_to_m"] == pytest.approx(3.0, abs=0.02)
    assert reaches.loc["G1", "invert_from_m"] == pytest.approx(3.0, abs=0.02)
    assert reaches["area_km2"].sum() == pytest.approx(3.0)
    assert found.accumulate("area_km2")["L2.2"] == pytest.approx(3.0)


def test_chinese_headings_and_words():
    """A table of 排水设施 needs no mapping."""
    table = points((150, 0), 泵站编号=["泵1"], 设施类型=["泵站"], 所在管段=["L2"], 启闭状态=["停止"], 启泵水位=[3.0])
    pump = insert_structures(ditch(), table).reaches.set_index("reach_id").loc["泵1"]
    assert pump[["kind", "state", "start_level_m", "forward_reason"]].tolist() == [
        "pump",
        "shut",
        3.0,
        "a pump lifts one way",
    ]


def test_no_structures_no_change():
    """An empty table gives the network back."""
    network = ditch()
    assert insert_structures(network, gate((0, 0)).iloc[:0]) is network


@pytest.mark.parametrize(
    ("table", "match"),
    [
        (gate((150, 90)), "m from its line"),
        (gate((150, 0), reach_id=["L9"]), "line 'L9' is not in the network"),
        (gate((150, 0), structure_id=["L2"]), "is that of a reach"),
        (gate((150, 0), kind=["river"]), "'river' is not a structure"),
        (gate((150, 0)).drop(columns="kind"), "kind: missing"),
    ],
)
def test_refusals(table, match):
    """What stands nowhere, or is no structure, is said with its id."""
    with pytest.raises(NetworkError, match=match):
        insert_structures(ditch(), table)
