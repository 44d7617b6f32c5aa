"""Shares of the water, doors to knock on, and provenance for others to read."""

import json
from datetime import UTC, datetime
from urllib.parse import unquote

import numpy as np
import pandas as pd
import pytest

from outfall.errors import TraceError
from outfall.tables import split_ids
from outfall.tracing import trace
from outfall.tracing.doors import list_doors
from outfall.tracing.provenance import read_provenance, write_provenance
from outfall.tracing.shares import add_shares, draw_shares
from tests.laws import shuffled, unchanged
from tests.tracing.town import make_links, make_network, make_outfalls, make_results, make_samples, make_sources

SHARES = ["contribution_share", "contribution_low_share", "contribution_high_share"]


@pytest.fixture(scope="module")
def found():
    """Return the trace of the hand-made town."""
    tables = {"samples": make_samples(), "results": make_results(), "links": make_links()}
    return trace(make_outfalls(), make_network(), make_sources(), **tables)


def of(found, outfall_id):
    """Return the candidates of one outfall by source."""
    return found.candidates[found.candidates["outfall_id"] == outfall_id].set_index("source_id")


def test_contributions_sum_to_one_and_lie_in_their_intervals(found):
    """Shares of the foul water of an outfall; nothing given is changed."""
    with unchanged(found.candidates, found.evidence):
        done = add_shares(found, draw_count=500)
    rows = done.candidates
    assert rows.groupby("outfall_id")["contribution_share"].sum().to_numpy() == pytest.approx(1.0)
    assert (rows["contribution_low_share"] <= rows["contribution_high_share"]).all()
    assert rows[SHARES].ge(0).all(axis=None)
    assert rows[SHARES].le(1).all(axis=None)


def test_contributions_do_not_depend_on_which_outfalls_are_done_nor_on_row_order(found):
    """Each outfall has draws of its own."""
    alone = add_shares(found, outfall_ids=["OB"], draw_count=300)
    together = add_shares(found, draw_count=300)
    pd.testing.assert_frame_equal(of(alone, "OB")[SHARES], of(together, "OB")[SHARES])
    assert alone.candidates.query("outfall_id != 'OB'")[SHARES].isna().all(axis=None)
    mixed = trace(
        shuffled(make_outfalls()),
        make_network(),
        shuffled(make_sources()),
        samples=make_samples(),
        results=make_results(),
        links=make_links(),
    )
    again = add_shares(mixed, outfall_ids=["OB"], draw_count=300)
    pd.testing.assert_frame_equal(of(again, "OB")[SHARES], of(alone, "OB")[SHARES])


def test_chemistry_moves_the_shares_to_what_it_saw(found):
    """Draws of a mixture model that see two sources leave two sources in the water."""
    rng = np.random.default_rng(1)
    share = rng.beta(60, 40, 400)
    draws = pd.DataFrame({"S1": share, "S2": 1.0 - share})
    done = of(add_shares(found, chemistry={"OA": draws}, outfall_ids=["OA"]), "OA")
    assert done.loc["S1", "contribution_share"] == pytest.approx(0.6, abs=0.1)
    assert done.loc["S1", "contribution_high_share"] < 0.9
    assert done.loc["S2", "contribution_low_share"] > 0.1


def test_what_chemistry_gives_to_others_is_nobodys_and_nonsense_is_refused(found):
    """A source that cannot come here counts as unregistered; draws must be shares."""
    other = pd.DataFrame({"S1": [0.2] * 50, "S7": [0.8] * 50})
    shares, weight = draw_shares(found, "OA", chemistry=other)
    assert weight @ shares["unregistered"].to_numpy() > 0.4
    with pytest.raises(TraceError, match="2 of 2 draws do not sum to 1"):
        draw_shares(found, "OA", chemistry=pd.DataFrame({"S1": [0.5, 0.4]}))
    with pytest.raises(TraceError, match="none of them a candidate"):
        draw_shares(found, "OA", chemistry=pd.DataFrame({"works": [1.0]}))


def test_nobody_beside_the_main_source_brings_more_than_it(found):
    """In every world drawn the main source is the largest, so the likeliest main has the largest mean."""
    done = of(add_shares(found, draw_count=500), "OB")
    assert done["contribution_share"].idxmax() == done["posterior_share"].idxmax()


def test_doors_hold_the_probability_asked_for_and_no_door_too_many(found):
    """Without the last of them the level is not reached."""
    for level in (0.5, 0.9, 0.999):
        doors = list_doors(found, level_share=level)
        assert doors["outfall_id"].tolist() == found.outfalls["outfall_id"].tolist()
        assert (doors["held_share"] >= level - 1e-9).all()
        for row in doors.itertuples():
            ranked = of(found, row.outfall_id)["posterior_share"]
            assert ranked.iloc[: row.door_count + row.is_search - 1].sum() < level
            assert set(split_ids(row.source_ids)) <= set(ranked.index) - {"unregistered"}
    assert list_doors(found)["is_search"].tolist()[-1]
    with pytest.raises(TraceError, match="level_share 1"):
        list_doors(found, level_share=1.0)


@pytest.fixture
def written(found, tmp_path):
    """Return the provenance of the trace as a file."""
    return write_provenance(found, tmp_path / "trace.jsonld", written_at=datetime(2026, 4, 20, tzinfo=UTC))


def test_provenance_comes_back_as_the_same_tables(found, written):
    """Numbers, reasons and settings survive the round trip."""
    back = read_provenance(written)
    names = [name for name in found.candidates.columns if name in back["candidates"] and name != "geometry"]
    assert {"posterior_share", "path_ids", "reason_zh", "source_ref"} <= set(names)
    pd.testing.assert_frame_equal(back["candidates"][names], pd.DataFrame(found.candidates)[names], check_dtype=False)
    pd.testing.assert_frame_equal(back["evidence"][list(found.evidence)], found.evidence, check_dtype=False)
    assert back["settings"] == found.settings


def test_every_link_of_the_provenance_leads_to_something_in_it(written):
    """No dangling reference, no id twice, and every verdict leads to rows of files."""
    graph = json.loads(written.read_text(encoding="utf-8"))["@graph"]
    ids = [node["@id"] for node in graph]
    assert len(ids) == len(set(ids))
    links = ("used", "wasGeneratedBy", "wasDerivedFrom", "wasAssociatedWith")
    assert {target for node in graph for link in links for target in node.get(link, [])} <= set(ids)
    verdicts = [node for node in graph if "of:Evidence" in node["@type"]]
    assert verdicts
    assert all(node["wasDerivedFrom"] for node in verdicts)
    assert any(unquote(name).endswith("lab.xlsx") for name in ids)


def test_provenance_is_strict_json_whose_terms_are_all_in_its_context(written):
    """Readable with no network: every key is a keyword, a term or has a prefix that the context declares."""
    document = json.loads(written.read_text(encoding="utf-8"), parse_constant=pytest.fail)
    terms = set(document["@context"])
    for node in document["@graph"]:
        for key in node:
            assert key.startswith("@") or key in terms or key.split(":")[0] in terms


def test_what_is_no_provenance_is_refused(tmp_path, found):
    """Another file, a missing file, a time without a zone."""
    (tmp_path / "other.json").write_text("[1, 2]", encoding="utf-8")
    for name in ("other.json", "missing.json"):
        with pytest.raises(TraceError, match="is not JSON-LD with a @graph"):
            read_provenance(tmp_path / name)
    with pytest.raises(TraceError, match="has no zone"):
        write_provenance(found, tmp_path / "x.jsonld", written_at=datetime(2026, 4, 20))  # noqa: DTZ001


def test_an_explanation_says_strength_in_our_own_words(found):
    """The scale is labelled as ours in both languages."""
    assert "our own scale" in found.explain("OA")
    assert "本软件自定" in found.explain("OA", lang="zh")
