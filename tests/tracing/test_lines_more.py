"""Clues, fluorescence and the checklist: counted once, learned from samples, off unless asked for."""

import numpy as np
import pandas as pd
import pytest

from outfall.errors import TraceError
from outfall.tables import check
from outfall.tracing import LINES, default_settings, trace
from outfall.tracing.lines.flow_chart import is_verified
from outfall.tracing.lines.registry import once_per_window
from tests.laws import unchanged
from tests.tracing.town import (
    make_clues,
    make_links,
    make_network,
    make_outfalls,
    make_results,
    make_samples,
    make_sources,
    make_spectra,
)


@pytest.fixture(scope="module")
def network():
    """Return the network of the hand-made town."""
    return make_network()


def said(network, line, *, settings=None, **tables):
    """Return what one line said, by pair."""
    tables = {"samples": make_samples(), **tables}
    found = trace(make_outfalls(), network, make_sources(), settings=settings, **tables)
    return found.evidence[found.evidence["line"] == line].set_index(["outfall_id", "source_id"])["log_lr"]


def test_two_clues_of_one_kind_and_night_count_as_the_stronger(network):
    """Treatment idle twice in one night is one night of idle treatment."""
    clues = make_clues()
    both = said(network, "clues", results=make_results(), links=clues)
    one = said(network, "clues", results=make_results(), links=clues[clues["clue_id"] != "C2"])
    assert both["OA", "S1"] == pytest.approx(one["OA", "S1"]) == pytest.approx(1.5)


def test_a_clue_of_another_week_says_less(network):
    """What happened long before the sample was taken hardly speaks of its water."""
    late = make_clues()
    for column in ("from_at", "to_at"):
        late[column] = late[column] - pd.Timedelta(days=60)
    near = said(network, "clues", results=make_results(), links=make_clues())
    far = said(network, "clues", results=make_results(), links=late)
    assert 0.0 < far["OA", "S1"] < 0.5 * near["OA", "S1"]


def test_a_clue_about_a_reach_speaks_for_those_whose_water_runs_through_it_only(network):
    """A hot spot on a pipe names nobody, but only some drain into it."""
    spot = make_clues().query("clue_id == 'C3'")
    told = said(network, "clues", results=make_results(), links=spot)
    assert set(told.index.get_level_values(0)) == {"OB"}
    assert (told > 0).all()


def test_clues_leave_everything_as_it_was_and_join_the_links(network):
    """Tables are told apart by their keys, in any order, and none is changed."""
    links, clues = make_links(), make_clues()
    with unchanged(links, clues):
        found = trace(make_outfalls(), network, make_sources(), links=[clues, links])
    assert {"clues", "links"} <= set(found.evidence["line"])
    with pytest.raises(TraceError, match="neither link_id nor clue_id"):
        trace(make_outfalls(), network, make_sources(), links=make_sources())


def test_strong_clues_never_weigh_more_than_their_cap(network):
    """A clue says that something is wrong, not whose water this is."""
    loud = make_clues().assign(log_lr=50.0)
    assert said(network, "clues", links=loud).max() == pytest.approx(np.log(default_settings()["clues"]["cap_lr"]))


def test_too_few_samples_of_sources_say_nothing_about_likeness(network):
    """One day per source shows how sources differ, but not how one source differs from itself."""
    spectra = make_spectra()
    days = spectra["sample_id"].str.endswith(("-1", "-13"))
    assert said(network, "fingerprint", results=spectra[days]).empty
    assert len(said(network, "fingerprint", results=spectra))


def test_likeness_does_not_depend_on_dilution_or_the_lamp(network):
    """Peaks count against each other, so a stronger lamp or more clean water changes nothing."""
    spectra = make_spectra()
    bright = spectra.copy()
    lit = bright["parameter"].str.startswith("fluorescence") & bright["outfall_id"].notna()
    bright.loc[lit, "value"] *= 0.37
    pd.testing.assert_series_equal(
        said(network, "fingerprint", results=bright), said(network, "fingerprint", results=spectra)
    )


def test_alike_sources_make_likeness_worth_little(network):
    """Where all sources look the same, looking the same is no identification."""
    spectra = make_spectra()
    first = spectra[spectra["source_id"] == "S1"].groupby("parameter")["value"].mean()
    alike = spectra.copy()
    rng = np.random.default_rng(3)
    peaks = alike["parameter"].str.startswith("fluorescence")
    noise = np.exp(0.1 * rng.standard_normal(len(alike)))
    alike.loc[peaks, "value"] = (alike["parameter"].map(first) * noise)[peaks]
    assert said(network, "fingerprint", results=alike).abs().max() < 1.0
    assert said(network, "fingerprint", results=spectra)["OA", "S1"] > 1.0


def test_the_checklist_is_off_and_not_verified(network):
    """Thresholds nobody checked decide nothing unless somebody asks for them."""
    results = pd.concat([make_results(), make_spectra()], ignore_index=True)
    assert not is_verified
    assert said(network, "flow_chart", results=results).empty
    told = said(network, "flow_chart", results=results, settings={"flow_chart": {"is_on": 1}})
    assert told["OB", "S3"] > 0 > told["OB", "S5"]


def test_a_second_kind_of_link_adds_and_a_second_look_of_one_kind_does_not(network):
    """A tracer and a document say more than the tracer; two runs of the tracer in a week do not."""
    links = make_links()
    twice = pd.concat([links, links.assign(link_id="T2", source_ref="tracer.csv#3", exists_share=0.9)])
    also = pd.concat([links, links.assign(link_id="D1", kind="document", source_ref="plan.csv#2", exists_share=0.5)])
    one, two, more = (said(network, "links", links=check(table, "links"))["OP", "S4"] for table in (links, twice, also))
    assert two == pytest.approx(one)
    assert more > one


def test_windows_open_again_after_their_time():
    """Three days in a row are two windows of 36 hours; a row without a time is of one window."""
    rows = pd.DataFrame(
        {
            "at": 0,
            "kind": "x",
            "seen_at": pd.to_datetime(["2026-04-01", "2026-04-02", "2026-04-03"], utc=True),
            "said": [1.0, 2.0, 0.5],
            "source_ref": ["a", "b", "c"],
        }
    )
    kept = once_per_window(rows, ["at", "kind"], time="seen_at", window_h=36.0)
    assert kept["said"].tolist() == [2.0, 0.5]
    blind = rows.assign(seen_at=pd.Series(pd.NaT, index=rows.index).dt.tz_localize("UTC"))
    assert once_per_window(blind, ["at", "kind"], time="seen_at", window_h=36.0)["said"].tolist() == [2.0]


def test_every_line_has_a_weight():
    """No line counts by accident."""
    assert set(LINES) == set(default_settings()["weights"])
