"""Who takes part, what an answer leans on, and how it came to its odds."""

import numpy as np
import pandas as pd
import pytest

from outfall.errors import TraceError
from outfall.tables import split_ids
from outfall.tracing import LINES, default_settings, trace
from outfall.tracing.combine import weigh_evidence
from outfall.tracing.sensitivity import sensitivity
from outfall.tracing.strength import DECIBANS, say_strength
from outfall.tracing.subsets import include_sources, list_sets
from tests.laws import unchanged
from tests.tracing.town import (
    make_links,
    make_network,
    make_outfalls,
    make_readings,
    make_results,
    make_samples,
    make_sources,
)


@pytest.fixture(scope="module")
def network():
    """Return the network of the hand-made town."""
    return make_network()


@pytest.fixture(scope="module")
def found(network):
    """Return the trace with everything known."""
    return trace(
        make_outfalls(),
        network,
        make_sources(),
        samples=make_samples(),
        results=make_results(),
        readings=make_readings(),
        links=make_links(),
    )


def share_of(found, outfall_id, source_id):
    """Return the posterior of one pair."""
    rows = found.candidates.set_index(["outfall_id", "source_id"])
    return rows.loc[(outfall_id, source_id), "posterior_share"]


def test_the_sets_of_an_outfall_are_a_distribution_that_keeps_the_inclusion_of_each_source(found):
    """Every set together sums to 1, and what the sets with a source sum to is what its row says."""
    sets = list_sets(found, "OA", max_size=4, level_share=1.0)
    assert sets["set_share"].sum() == pytest.approx(1.0)
    assert sets["set_share"].iloc[-1] == pytest.approx(0.0, abs=1e-9)
    rows = found.candidates[found.candidates["outfall_id"] == "OA"]
    for source_id, inclusion in zip(rows["source_id"], rows["inclusion_share"], strict=True):
        held = [source_id in split_ids(cell) for cell in sets["source_ids"]]
        assert sets["set_share"][held].sum() == pytest.approx(inclusion)


def test_taking_part_is_never_less_probable_than_being_the_main_source(found):
    """Main implies part; the main probabilities still sum to 1."""
    rows = found.candidates
    assert (rows["inclusion_share"] >= rows["posterior_share"] - 1e-12).all()
    assert rows.groupby("outfall_id")["posterior_share"].sum().to_numpy() == pytest.approx(1.0)


def test_a_larger_penalty_makes_larger_sets_rarer(found):
    """The price of one more source is a setting."""
    rows = found.candidates[found.candidates["outfall_id"] == "OA"]
    dear = default_settings()
    dear["subsets"] |= {"size_penalty": 1e-9, "unregistered_penalty": 1e-9}
    assert include_sources(rows, settings=dear) == pytest.approx(rows["posterior_share"].to_numpy(), abs=1e-6)


def verdicts(**log_lr):
    """Return verdicts about one pair."""
    return pd.DataFrame({"outfall_id": "P", "source_id": "S", "line": list(log_lr), "log_lr": list(log_lr.values())})


def test_lines_that_read_the_same_rows_count_once_together():
    """However a user weighs the signature and the permit, the same laboratory rows never count more than once."""
    settings = default_settings()
    settings["weights"] |= {"chemical_signature": 1.0, "permit": 1.0}
    settings["combine"]["temperature"] = 1.0
    both = weigh_evidence(verdicts(chemical_signature=3.0, permit=3.0), settings=settings)
    alone = weigh_evidence(verdicts(chemical_signature=3.0), settings=settings)
    assert both.sum() == pytest.approx(alone.sum()) == pytest.approx(3.0)


def test_no_verdict_says_more_than_the_cap():
    """A model that says a million to one is believed as far as the cap."""
    settings = default_settings()
    most = np.log(1000.0) / settings["combine"]["temperature"]
    assert weigh_evidence(verdicts(links=50.0), settings=settings)[0] == pytest.approx(most)


def test_a_waterfall_adds_up_to_the_odds(found):
    """Prior and lines, in decibans, are the posterior odds against the source nobody registered."""
    fall = found.waterfall("OA", source_id="S1")
    steps = fall.table.iloc[:-1]
    odds = DECIBANS * np.log(share_of(found, "OA", "S1") / share_of(found, "OA", "unregistered"))
    assert steps["decibans"].sum() == pytest.approx(odds)
    assert fall.table["total_decibans"].iloc[-1] == pytest.approx(odds)


def test_a_waterfall_draws_itself_and_shows_names_as_text(network):
    """The drawing is SVG, the reasons are in it, and a name is never markup."""
    sources = make_sources().assign(name="<script>x</script>")
    found = trace(make_outfalls(), network, sources)
    drawn = found.waterfall("OA", lang="zh")._repr_html_()
    assert drawn.startswith("<svg")
    assert "可达性" in drawn
    assert "<script>" not in drawn


def test_without_the_only_sample_the_answer_is_that_of_a_trace_that_never_had_it(network, found):
    """Judging again gives exactly what a trace without those results gives."""
    results = make_results()
    less = trace(
        make_outfalls(),
        network,
        make_sources(),
        samples=make_samples(),
        results=results[~results["result_id"].str.startswith("OB-")],
        readings=make_readings(),
        links=make_links(),
    )
    told = sensitivity(found, "OB", by="sample", source_id="S3").set_index("what")
    assert told.loc["OB 2026-04-13", "without_share"] == pytest.approx(share_of(less, "OB", "S3"), rel=1e-6)
    assert "without the results of OB 2026-04-13 the probability of" in told.loc["OB 2026-04-13", "reason"]


def test_without_a_link_the_answer_is_that_of_a_trace_without_it(network, found):
    """One row taken away, by its reference."""
    told = sensitivity(found, "OP", by="row", source_id="S4").set_index("what").loc["tracer.csv#2"]
    less = trace(
        make_outfalls(),
        network,
        make_sources(),
        samples=make_samples(),
        results=make_results(),
        readings=make_readings(),
    )
    assert told["without_share"] == pytest.approx(share_of(less, "OP", "S4"), rel=1e-6)


def test_leaving_a_candidate_out_equals_never_having_listed_it(network, found):
    """The list of candidates is an assumption, and what hangs on it can be asked."""
    told = sensitivity(found, "OA", by="candidate").set_index("what")
    assert set(told.index) == set(found.candidates.query("outfall_id == 'OA'")["source_id"]) - {"S1", "unregistered"}
    assert (told["without_share"] > 0.5).all()


@pytest.mark.parametrize("by", ["line", "sample", "row", "file", "candidate", "prior"])
def test_asking_what_an_answer_leans_on_changes_nothing(found, by):
    """The trace is as it was, and every row says its change."""
    with unchanged(found.candidates, found.evidence, found.context.observations, found.context.candidates):
        told = sensitivity(found, "OB", by=by)
    assert (told["change_share"] - (told["without_share"] - told["posterior_share"])).abs().max() < 1e-12
    assert told["change_share"].abs().is_monotonic_decreasing
    assert told["reason_zh"].str.contains("概率").all()


def test_what_cannot_be_asked_is_refused(found):
    """Unknown words, outfalls and sources."""
    with pytest.raises(TraceError, match="by='weather' is unknown"):
        sensitivity(found, "OA", by="weather")
    with pytest.raises(TraceError, match="'S9' is no candidate of OA"):
        sensitivity(found, "OA", source_id="S9")
    with pytest.raises(TraceError, match="'S9' is no candidate of OA; its candidates are S1"):
        found.waterfall("OA", source_id="S9")
    with pytest.raises(TraceError, match="max_size 0"):
        list_sets(found, "OA", max_size=0)


@pytest.mark.parametrize(
    ("decibans", "word"), [(0.0, "no real support"), (10.0, "moderate support"), (-31.0, "against")]
)
def test_the_verbal_scale_is_in_words_both_ways(decibans, word):
    """Our scale: stronger findings have stronger words, and those against say so."""
    assert word in say_strength(decibans)


def test_every_family_is_shared_by_lines_of_the_registry():
    """Lines on laboratory rows are of one family."""
    assert LINES["chemical_signature"].family == LINES["permit"].family != ""
    assert LINES["operation"].family != LINES["permit"].family
