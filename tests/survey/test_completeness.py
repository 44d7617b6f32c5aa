"""Laws of completeness: planted truths lie in the interval, and nothing but who saw what decides."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from benchmarks.registry_completeness import planted_cover
from outfall.errors import TableError
from outfall.survey import count_funnel, detection_shares, estimate_unfound, rank_banks
from tests.laws import unchanged


def found(both=40, foot=20, drone=10, status="confirmed"):
    """Return outfalls of two platforms."""
    seen = ["drone;foot"] * both + ["foot"] * foot + ["drone"] * drone
    return pd.DataFrame({"outfall_id": [f"P{at}" for at in range(len(seen))], "platforms": seen, "status": status})


def test_planted_truths_lie_in_the_interval():
    """Of 30 planted surveys with hidden banks and uneven visibility, nearly all intervals of 95 % hold the truth."""
    inside = [planted_cover(seed)["is_inside"] for seed in range(2000, 2030)]
    assert np.mean(inside) >= 0.85


def test_equal_visibility_gives_the_textbook_answer():
    """With no spread allowed, the estimate is Chapman's within a few per cent."""
    from outfall.survey._capture import History, draw_capture, draw_unfound

    both, one, two = 400, 200, 100
    flags = np.array([[1, 1], [1, 0], [0, 1]], dtype=bool)
    history = History(np.ones((3, 2), bool), flags, np.array([both, one, two], float))
    rng = np.random.default_rng(0)
    draws = draw_capture(history, 4000, rng, spread_scale=1e-6)
    unfound = draw_unfound(draws, np.ones((1, 2), bool), np.array([700.0]), None, rng)
    chapman = (both + one + 1) * (both + two + 1) / (both + 1) - 1 - 700
    assert np.median(unfound) == pytest.approx(chapman, rel=0.08)


def test_rows_in_any_order_give_the_same_answer():
    """Shuffling the outfalls changes nothing, and the table is left as it was."""
    table = found()
    with unchanged(table):
        one = estimate_unfound(table)
    pd.testing.assert_frame_equal(one, estimate_unfound(table.sample(frac=1, random_state=1)))


def test_fewer_found_by_both_means_more_unfound():
    """The less two platforms agree, the more both missed."""
    unfound = [int(estimate_unfound(found(both=both))["unfound"].iloc[0]) for both in (80, 20, 5)]
    assert unfound == sorted(unfound)
    assert unfound[0] < unfound[-1]


def test_rejected_and_merged_do_not_count():
    """What is no outfall, or another's double, is no capture."""
    table = found()
    more = pd.concat([table, found(0, 30, 0, "rejected"), found(0, 0, 30, "merged")])
    pd.testing.assert_frame_equal(estimate_unfound(table), estimate_unfound(more))


def test_open_suspicions_widen_the_interval():
    """A suspicion nobody settled leaves both answers possible."""
    table = pd.concat([found(), found(0, 0, 25, "suspected")])
    doubtful = estimate_unfound(table).iloc[0]
    none, every = (estimate_unfound(table, real_share=share).iloc[0] for share in (1e-6, 1 - 1e-6))
    assert none["total_low"] <= doubtful["total_low"] <= every["total_low"]
    assert doubtful["total_high"] - doubtful["total_low"] > none["total_high"] - none["total_low"]
    assert none["total"] < doubtful["total"] < every["total"]
    assert doubtful["suspected"] == 25


def test_unseen_bank_is_filled_and_said():
    """A bank nobody looked at is filled at the density of the others, with a wide interval."""
    lines = gpd.GeoSeries.from_wkt(["LINESTRING (0 0, 10000 0)", "LINESTRING (50000 0, 60000 0)"], crs=32650)
    banks = gpd.GeoDataFrame({"segment_id": ["A", "B"]}, geometry=lines)
    looks = pd.DataFrame({"segment_id": ["A", "A"], "platform": ["drone", "foot"], "seen_share": [1.0, 1.0]})
    table = found()
    outfalls = gpd.GeoDataFrame(
        table, geometry=gpd.points_from_xy(np.linspace(0, 9000, len(table)), np.zeros(len(table))), crs=32650
    )
    answer = estimate_unfound(outfalls, segments=banks, coverage=looks).set_index("looked_by")
    hidden = answer.loc["(none)"]
    assert hidden["found"] == 0
    assert hidden["unfound_low"] < 75 < hidden["unfound_high"]
    assert rank_banks(outfalls, banks, looks)["segment_id"].tolist() == ["B", "A"]


def test_one_platform_says_nothing():
    """Nobody can tell from one look what it missed."""
    with pytest.raises(TableError, match="two platforms"):
        estimate_unfound(found(0, 30, 0))


def test_segments_without_coverage_are_refused():
    """Banks alone do not say who looked."""
    with pytest.raises(TableError, match="give both"):
        estimate_unfound(found(), segments=gpd.GeoDataFrame({"segment_id": []}, geometry=[], crs=32650))


def test_who_sees_more_is_said_to_see_more():
    """The shares follow the counts, inside their intervals."""
    table = detection_shares(found()).set_index("platform")
    assert table.loc["foot", "seen_share"] > table.loc["drone", "seen_share"]
    assert (table["seen_share_low"] < table["seen_share"]).all()
    assert (table["seen_share"] < table["seen_share_high"]).all()


def test_the_funnel_counts_every_sighting_once():
    """The outlets of the funnel add up to what went in, platform by platform and in all."""
    rng = np.random.default_rng(4)
    seen = pd.DataFrame(
        {"sighting_id": [f"S{at}" for at in range(200)], "platform": rng.choice(["drone", "foot", "boat"], 200)}
    )
    owner = rng.integers(-10, 60, 200)
    rows = [";".join(seen["sighting_id"][owner == at]) for at in range(60)]
    outfalls = pd.DataFrame(
        {
            "outfall_id": [f"P{at}" for at in range(60)],
            "sighting_ids": rows,
            "status": rng.choice(["confirmed", "rejected", "suspected"], 60),
        }
    )
    table = count_funnel([seen.iloc[:90], seen.iloc[90:]], outfalls)
    parts = table[["confirmed", "suspected", "rejected", "merged", "unused"]].sum(axis=1)
    assert (parts == table["sightings"]).all()
    assert int(table["sightings"].iloc[-1]) == 200
    assert table["only_here"].iloc[:-1].sum() == table["only_here"].iloc[-1]
