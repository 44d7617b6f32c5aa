"""What a plume seen from above says about sources: both ways, within bounds, and nothing where nobody could see."""

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from outfall.tables import check
from outfall.tracing import trace
from outfall.tracing.lines.plume import shows_share
from outfall.tracing.settings import default_settings
from tests.laws import unchanged
from tests.tracing.town import make_network, make_outfalls, make_results, make_samples, make_sources

CAP = np.log(default_settings()["plume"]["cap_lr"])


def clue_of(*log_lr, outfall_id="OA", first="2026-04-12T03:00:00Z"):
    """Return plume clues about one outfall, ten days apart."""
    days = pd.to_datetime(first) + pd.to_timedelta(10 * np.arange(len(log_lr)), unit="D")
    frame = pd.DataFrame(
        {
            "clue_id": [f"P{at}" for at in range(len(log_lr))],
            "kind": "plume",
            "from_at": days,
            "to_at": days,
            "log_lr": np.array(log_lr, dtype=float),
            "outfall_id": outfall_id,
            "reach_id": "R1",
            "along_m": 100.0,
            "reason": "contrast",
            "reason_zh": "差异",
            "source_ref": [f"contrasts#{at}" for at in range(len(log_lr))],
        }
    )
    return check(frame, "clues")


def traced(clues=None, **more):
    """Return the trace of the hand-made town with some clues."""
    tables = {"results": make_results(), "samples": make_samples()} | more
    return trace(make_outfalls(), make_network(), make_sources(), links=clues, **tables)


def said(found, outfall_id="OA"):
    """Return what the line says of the candidates of an outfall."""
    rows = found.evidence[(found.evidence["line"] == "plume") & (found.evidence["outfall_id"] == outfall_id)]
    return rows.set_index("source_id")["log_lr"]


def test_a_plume_speaks_for_the_source_with_most_cloudy_water():
    """The food works (300 m3/d of 320 mg/L) gains on the plating works (200 m3/d of 60 mg/L), and loses where none shows."""
    seen, none = said(traced(clue_of(3.0))), said(traced(clue_of(-3.0)))
    assert seen["S2"] > seen["S1"]
    assert none["S2"] < none["S1"]


@pytest.mark.parametrize("log_lr", [1e6, -1e6])
def test_no_clue_says_more_than_its_cap(log_lr):
    """However sure a satellite is, it says that water looks different, not whose it is."""
    assert said(traced(clue_of(log_lr))).abs().max() <= CAP + 1e-9


@pytest.mark.parametrize("told", [None, clue_of(0.0), clue_of(3.0, outfall_id="nowhere")])
def test_where_nobody_could_see_nothing_changes(told):
    """No clue, one that cannot tell, and one about another outfall leave every probability as it was, bit by bit."""
    with_clue, without = traced(told), traced()
    assert_frame_equal(pd.DataFrame(with_clue.candidates), pd.DataFrame(without.candidates), check_exact=True)


def test_other_outfalls_stay_as_they_were():
    """A plume at one outfall says nothing about sources of others, even where their water passes the same reach."""
    with_clue, without = traced(clue_of(3.0)), traced()
    others = [found.candidates[found.candidates["outfall_id"] != "OA"] for found in (with_clue, without)]
    assert_frame_equal(pd.DataFrame(others[0]), pd.DataFrame(others[1]), check_exact=True)


def test_more_days_say_more_but_not_as_many_times_more():
    """Days of one outfall are not independent: four count as two."""
    one, four = (said(traced(clue_of(*[0.5] * days)))["S2"] for days in (1, 4))
    twice = said(traced(clue_of(1.0)))["S2"]
    assert four == pytest.approx(twice)
    assert abs(four) > abs(one)


def test_a_source_whose_discharge_nobody_knows_is_not_judged():
    """Without a discharge there is no load, and so no verdict."""
    sources = make_sources().assign(discharge_m3d=np.nan)
    found = trace(make_outfalls(), make_network(), sources, links=clue_of(3.0))
    assert said(found).empty


def test_clues_are_not_changed():
    """The table given stays as it was."""
    clues = clue_of(2.0, -1.0)
    with unchanged(clues):
        traced(clues)


def test_a_larger_load_shows_more_often():
    """The chance to be seen rises with the load, and never reaches 0 or 1."""
    share = shows_share(np.array([0.0, 1e-3, 1.0, 100.0, 1e9]), default_settings()["plume"])
    assert (np.diff(share) >= 0).all()
    assert share[0] > 0
    assert share[-1] < 1
