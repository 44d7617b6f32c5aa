"""Merges, splits, what comes back from the field, ids that stay: everything can be taken back and nothing is lost."""

import geopandas as gpd
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from outfall.errors import TableError
from outfall.registry import compare_returned, list_doubtful, merge_outfalls, register, split_outfall, undo_decision
from outfall.tables import find_problems, list_issues, split_ids
from tests.laws import shuffled, unchanged
from tests.registry.test_register import lines, see

SEEN = [
    see("D1", "drone", 500, seen_at=pd.Timestamp("2026-04-12T08:00:00Z"), photo_ids="a.jpg"),
    see("F1", "foot", 503, name="东沟1#", seen_at=pd.Timestamp("2026-04-13T08:00:00Z")),
    see("F2", "foot", 900, survey="w2", code="K7"),
    see("B1", "boat", 1300, diameter_mm=400.0),
]


@pytest.fixture(scope="module")
def network():
    return lines()


@pytest.fixture(scope="module")
def outfalls(network):
    return register(SEEN, network)


def named(outfalls, sighting):
    return next(
        row.outfall_id
        for row in outfalls.itertuples()
        if sighting in split_ids(row.sighting_ids) and pd.isna(row.merged_into)
    )


def same(one, two):
    assert_frame_equal(pd.DataFrame(one), pd.DataFrame(two))
    assert one.crs == two.crs


def test_a_merge_taken_back_is_the_table_of_before(outfalls):
    """undo(merge) == before, cell by cell, types and CRS too."""
    ids = [named(outfalls, "D1"), named(outfalls, "B1")]
    with unchanged(outfalls):
        merged, decision = merge_outfalls(outfalls, ids, reason="one culvert", actor="team 1")
    assert find_problems(merged, "outfalls") == []
    same(undo_decision(merged, decision), outfalls)


def test_a_merged_outfall_keeps_its_row_and_points_to_the_one_that_lives_on(outfalls):
    """No id dies, and every sighting is with the one that lives on."""
    ids = [named(outfalls, "D1"), named(outfalls, "B1")]
    merged, _ = merge_outfalls(outfalls, ids, reason="one culvert", actor="team 1", into=ids[1])
    assert set(merged["outfall_id"]) == set(outfalls["outfall_id"])
    row = merged.set_index("outfall_id")
    assert (row.loc[ids[0], "status"], row.loc[ids[0], "merged_into"]) == ("merged", ids[1])
    assert split_ids(row.loc[ids[1], "sighting_ids"]) == ["B1", "D1", "F1"]
    assert row.loc[ids[1], "name"] == "东沟1#"
    with pytest.raises(TableError, match="undo that merge first"):
        merge_outfalls(merged, [ids[0], named(outfalls, "F2")], reason="x", actor="y")


def test_a_split_taken_back_is_the_table_of_before(outfalls):
    """undo(split) == before, with and without the sightings."""
    name = named(outfalls, "D1")
    for sightings in (None, gpd.GeoDataFrame(pd.concat(SEEN), crs=SEEN[0].crs)):
        with unchanged(outfalls):
            parts, decision = split_outfall(
                outfalls, name, [["F1"], ["D1"]], reason="two", actor="me", sightings=sightings
            )
        assert find_problems(parts, "outfalls") == []
        assert len(parts) == len(outfalls) + 1
        same(undo_decision(parts, decision), outfalls)


def test_parts_of_a_split_stand_where_their_own_sightings_are(outfalls):
    """With the sightings given, each part has its own position, name and photo."""
    every = gpd.GeoDataFrame(pd.concat(SEEN), crs=SEEN[0].crs)
    name = named(outfalls, "D1")
    parts, _ = split_outfall(outfalls, name, [["F1"], ["D1"]], reason="two", actor="me", sightings=every)
    row = parts.set_index("sighting_ids")
    assert row.loc["F1", "outfall_id"] == name
    assert row.loc["D1"].geometry.x == pytest.approx(500_500.0)
    assert (row.loc["F1", "name"], row.loc["D1", "photo_ids"]) == ("东沟1#", "a.jpg")


def test_decisions_are_taken_back_in_turn_only(outfalls):
    """What changed since is not overwritten."""
    ids = [named(outfalls, "D1"), named(outfalls, "B1")]
    merged, first = merge_outfalls(outfalls, ids, reason="one", actor="me")
    parts, second = split_outfall(merged, named(merged, "D1"), [["D1", "F1"], ["B1"]], reason="no, two", actor="you")
    with pytest.raises(TableError, match="take back the later change first"):
        undo_decision(parts, first)
    same(undo_decision(undo_decision(parts, second), first), outfalls)


@pytest.mark.parametrize("groups", [[["D1", "F1"]], [["D1"], ["F1"], ["F2"]], [["D1"], []]])
def test_groups_that_are_not_its_sightings_are_refused(outfalls, groups):
    """Each sighting in exactly one of two or more groups."""
    with pytest.raises(TableError, match="put every sighting into exactly one"):
        split_outfall(outfalls, named(outfalls, "D1"), groups, reason="two", actor="me")


def test_nobody_decides_without_a_name_and_a_reason(outfalls):
    """It is kept for ever."""
    with pytest.raises(TableError, match="say who decides and why"):
        merge_outfalls(outfalls, outfalls["outfall_id"].tolist(), reason=" ", actor="me")


def test_what_comes_back_is_compared_field_by_field(outfalls):
    """Unchanged, changed, moved, new and missing are told apart, in another CRS too."""
    back = outfalls.iloc[:-1].copy().to_crs(4490)
    back["status"] = ["rejected", *back["status"].iloc[1:]]
    new = back.iloc[[0]].assign(outfall_id="P-new")
    both = gpd.GeoDataFrame(pd.concat([back, new]), crs=back.crs)
    with unchanged(outfalls, both):
        found = compare_returned(outfalls, both)
    ids = outfalls["outfall_id"].tolist()
    assert found[["outfall_id", "change", "column", "after"]].values.tolist() == [
        [ids[0], "changed", "status", "rejected"],
        *[[name, "unchanged", None, None] for name in ids[1:-1]],
        ["P-new", "new", None, None],
        [ids[-1], "missing", None, None],
    ]
    moved = compare_returned(outfalls, outfalls.set_geometry(outfalls.translate(3, 4)))
    assert set(moved["column"]) == {"geometry"}
    assert moved["moved_m"].tolist() == pytest.approx([5.0] * len(outfalls))


def test_a_copy_that_cannot_be_paired_is_refused(outfalls):
    """No id, or one id twice."""
    with pytest.raises(TableError, match="with the outfall_id it was taken with"):
        compare_returned(outfalls, outfalls.drop(columns="outfall_id"))
    with pytest.raises(TableError, match="one row per outfall"):
        compare_returned(outfalls, outfalls.iloc[[0, 0]])


@pytest.mark.parametrize("again", [True, False])
def test_one_more_survey_keeps_the_ids_of_known_outfalls(network, outfalls, again):
    """With all sightings given again, or only the new ones; what people wrote stays."""
    known = outfalls.assign(responsible_party=["己厂", *outfalls["responsible_party"].iloc[1:]])
    more = [see("A0", "drone", 501, survey="f9"), see("N1", "foot", 1700, survey="w9")]
    with unchanged(known):
        later = register([*(SEEN if again else []), *more], network, known=shuffled(known))
    assert set(known["outfall_id"]) < set(later["outfall_id"])
    assert len(later) == len(known) + 1
    assert named(later, "A0") == named(known, "D1")
    assert all(named(later, one) == named(known, one) for one in ("D1", "F1", "F2", "B1"))
    assert "己厂" in set(later["responsible_party"])


def test_known_outfalls_that_turn_out_one_keep_both_ids(network):
    """The smaller points to the larger, and people are told."""
    seen = [see("D1", "drone", 500), see("D2", "drone", 504, survey="f2"), see("F1", "foot", 540, survey="w1")]
    apart = pd.DataFrame({"sighting_a": ["D1", "D2"], "sighting_b": ["F1", "F1"], "same": False})
    known = register(seen, network, review=apart)
    assert len(known) == 2
    together = apart.assign(same=True)
    later = register(seen, network, review=together, known=known)
    gone = later[later["merged_into"].notna()]
    assert gone["status"].tolist() == ["merged"]
    assert gone["merged_into"].iloc[0] == named(later, "D1")
    assert set(later["outfall_id"]) == set(known["outfall_id"])
    assert any("is now part of" in reason for reason in list_issues(later)["reason"])


def test_doubts_come_in_one_order_only(network):
    """Shuffle law for the list people work through."""
    seen = gpd.GeoDataFrame(pd.concat([see(f"D{at}", "drone", 100 * at) for at in range(9)] + [see(f"F{at}", "foot", 100 * at + 12 * (-1) ** at) for at in range(9)]), crs=4547)  # fmt: skip
    one, two = (
        list_doubtful(seen, network, doubt_share=0.001),
        list_doubtful(shuffled(seen), network, doubt_share=0.001),
    )
    assert len(one)
    assert_frame_equal(pd.DataFrame(one), pd.DataFrame(two))
