"""Whose water is this: what every trace must keep, on a town whose truth is known."""

import re

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from outfall.errors import TraceError
from outfall.network import declare_inflows
from outfall.tables import empty, find_problems
from outfall.tracing import LINES, trace
from tests.laws import shuffled, unchanged
from tests.tracing.town import (
    make_links,
    make_network,
    make_outfalls,
    make_readings,
    make_results,
    make_samples,
    make_sources,
)

TABLES = {"samples": make_samples, "results": make_results, "readings": make_readings, "links": make_links}


@pytest.fixture(scope="module")
def network():
    """Return the network of the hand-made town."""
    return make_network()


@pytest.fixture(scope="module")
def found(network):
    """Return the trace with everything known."""
    return trace(make_outfalls(), network, make_sources(), **{name: make() for name, make in TABLES.items()})


def test_probabilities_sum_to_one_per_outfall(found):
    """Somebody, registered or not, is responsible for the water of every outfall."""
    total = found.candidates.groupby("outfall_id")["posterior_share"].sum()
    assert np.allclose(total, 1.0)
    assert set(total.index) == set(make_outfalls()["outfall_id"])


def test_the_unregistered_source_is_always_in_the_list(found):
    """Exactly once per outfall."""
    nobody = found.candidates[found.candidates["source_id"] == "unregistered"]
    assert sorted(nobody["outfall_id"]) == sorted(make_outfalls()["outfall_id"])


def test_the_tables_meet_their_contracts(found):
    """What comes out can be read back in."""
    assert find_problems(found.candidates, "candidates") == []
    assert find_problems(found.evidence, "evidence") == []


def test_the_planted_sources_are_found(found):
    """Plating water on pipe A, laundry water on pipe B, a farm beside the third, nobody at the last."""
    best = found.best().set_index("outfall_id")["source_id"]
    assert best.to_dict() == {"OA": "S1", "OB": "S3", "OP": "S4", "OX": "unregistered"}


def test_the_inputs_are_unchanged(network):
    """A trace changes no table it was given."""
    outfalls, sources, tables = make_outfalls(), make_sources(), {name: make() for name, make in TABLES.items()}
    with unchanged(outfalls, sources, *tables.values()):
        trace(outfalls, network, sources, **tables)


def test_the_order_of_rows_does_not_matter(network, found):
    """Shuffled tables give the same probabilities and the same reasons."""
    tables = {name: shuffled(make()) for name, make in TABLES.items()}
    again = trace(shuffled(make_outfalls()), network, shuffled(make_sources()), **tables)
    for name in ("candidates", "evidence"):
        key = ["outfall_id", "source_id"] + (["line"] if name == "evidence" else [])
        left, right = (
            pd.DataFrame(getattr(run, name)).drop(columns="geometry", errors="ignore") for run in (found, again)
        )
        assert_frame_equal(left.sort_values(key, ignore_index=True), right.sort_values(key, ignore_index=True))


def test_outfalls_keep_the_order_they_were_given(network):
    """Candidates come outfall by outfall in the order of the table."""
    outfalls = make_outfalls().iloc[::-1]
    answer = trace(outfalls, network, make_sources())
    assert list(dict.fromkeys(answer.candidates["outfall_id"])) == outfalls["outfall_id"].tolist()


def test_nothing_to_trace_gives_nothing(network):
    """No outfalls, no sources, no results: an answer, not an error."""
    none = trace(empty("outfalls", crs=network.crs), network, make_sources())
    assert len(none.candidates) == 0
    alone = trace(make_outfalls(), network, empty("sources", crs=network.crs))
    assert alone.candidates["source_id"].tolist() == ["unregistered"] * 4
    assert (alone.candidates["posterior_share"] == 1.0).all()


def test_a_place_nothing_reaches_says_so(found):
    """The answer to 'who' may be 'nobody on the list', with the reason."""
    assert "nothing registered can reach it" in found.explain("OX")


@pytest.mark.parametrize("outfall_id", ["OA", "OB", "OP", "OX"])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_number_of_an_explanation_is_in_the_tables(found, outfall_id, lang):
    """No figure is made up on the way to the reader."""
    text = found.explain(outfall_id, lang=lang)
    rows = found.candidates[found.candidates["outfall_id"] == outfall_id]
    said = found.evidence[found.evidence["outfall_id"] == outfall_id]
    known = " ".join([*rows["reason"], *rows["reason_zh"], *said["reason"], *said["reason_zh"], *rows["outfall_id"]])
    shares = {f"{share:.2f}" for share in rows["posterior_share"]}
    shares |= {f"{share:.2f}" for line in LINES for share in found.without(line).candidates["posterior_share"]}
    weights, temperature = found.settings["weights"], found.settings["combine"]["temperature"]
    decibans = {
        f"{10 / np.log(10) * lr * weights[line] / temperature:.1f}".lstrip("-")
        for lr, line in zip(said["log_lr"], said["line"], strict=True)
    }
    numbers = set(re.findall(r"\d+(?:\.\d+)?", text)) - set(
        re.findall(r"\d+(?:\.\d+)?", known + " ".join(found.sources["source_id"]))
    )
    assert numbers <= shares | decibans


def test_an_explanation_names_source_line_and_rest(found):
    """Who, why, and who else."""
    text = found.explain("OB")
    assert "S3" in text
    assert "chemical signature" in text
    assert "A source nobody registered: " in text
    assert "水质指纹" in found.explain("OB", lang="zh")


def test_text_from_the_field_is_shown_as_text(network):
    """A name that looks like markup or a pattern stays what it is."""
    sources = make_sources()
    sources.loc[sources["source_id"] == "S1", "name"] = "<script>{outfall}</script>"
    answer = trace(make_outfalls(), network, sources, results=make_results(), samples=make_samples())
    assert "<script>{outfall}</script>" in answer.explain("OA")
    assert "<script>" not in answer.of("OA")._repr_html_()
    assert "<script>" not in answer._repr_html_()


def test_without_a_line_is_as_if_it_had_said_nothing(network, found):
    """Leaving the chemistry out is the same as never having had it."""
    tables = {name: make() for name, make in TABLES.items() if name != "results"}
    blind = trace(make_outfalls(), network, make_sources(), **tables)
    less = found.without(["chemical_signature", "permit", "operation"])
    left, right = (run.candidates.set_index(["outfall_id", "source_id"])["posterior_share"] for run in (blind, less))
    assert np.allclose(left.sort_index(), right.sort_index())


def test_a_ranking_is_small_and_draws_itself(found):
    """One outfall's sources as a table with bars."""
    ranking = found.of("OA")
    assert ranking["posterior_share"].is_monotonic_decreasing
    assert len(ranking) == (found.candidates["outfall_id"] == "OA").sum()
    assert "S1" in repr(ranking)
    assert "<table>" in ranking._repr_html_()


def test_what_a_trace_does_not_have_is_said():
    """An unknown outfall, an unknown line, an impossible share."""
    answer = trace(make_outfalls(), make_network(), make_sources())
    with pytest.raises(TraceError, match="no outfall 'ZZ'; it has 4 outfalls, such as OA, OB, OP"):
        answer.of("ZZ")
    with pytest.raises(TraceError, match="the lines are reachability, "):
        answer.without("horoscope")
    with pytest.raises(TraceError, match=r"unregistered_share: 1\.5 was given; a share between 0 and 1"):
        trace(make_outfalls(), make_network(), make_sources(), settings={"run": {"unregistered_share": 1.5}})


def test_a_setting_nobody_knows_is_met_with_the_one_meant():
    """A slip in a setting is an error, never ignored."""
    with pytest.raises(
        TraceError, match=r"\[run\] unregistred_share: is no setting; did you mean \[run\] unregistered_share"
    ):
        trace(make_outfalls(), make_network(), make_sources(), settings={"run": {"unregistred_share": 0.2}})


def test_more_doubt_about_the_register_moves_probability_to_nobody(network, found):
    """The prior of an unregistered source is a choice the user can make."""
    doubtful = trace(
        make_outfalls(),
        network,
        make_sources(),
        settings={"run": {"unregistered_share": 0.4}},
        **{n: m() for n, m in TABLES.items()},
    )
    nobody = [
        run.candidates.query("source_id == 'unregistered' and outfall_id == 'OA'")["posterior_share"].item()
        for run in (found, doubtful)
    ]
    assert nobody[1] > nobody[0]


def test_a_drain_that_goes_on_beyond_the_data_is_said():
    """Where upstream leaves the data, the unregistered source says where and how much; other outfalls say nothing."""
    network = declare_inflows(make_network(), pd.DataFrame({"reach_id": ["A3"], "inflow": [12.5]}))
    outfalls = make_outfalls().assign(reach_id=["A2", "B1", None, None])
    with unchanged(outfalls):
        found = trace(outfalls, network, make_sources())
    nobody = found.candidates[found.candidates["source_id"] == "unregistered"].set_index("outfall_id")
    assert "upstream leaves the data at 1 place" in nobody.loc["OA", "reason"]
    assert "12.5" in nobody.loc["OA", "reason"]
    assert "上游在 1 处超出数据范围" in nobody.loc["OA", "reason_zh"]
    assert "leaves the data" not in nobody.loc["OB", "reason"]
