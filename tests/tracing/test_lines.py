"""Every line of evidence keeps the same laws: blind is neutral, units and order do not matter, truth gains."""

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from outfall.tables import empty
from outfall.tracing import LINES, trace
from tests.laws import shuffled
from tests.tracing.town import (
    make_clues,
    make_links,
    make_network,
    make_outfalls,
    make_readings,
    make_results,
    make_samples,
    make_sources,
    make_spectra,
)

CHECKED = {"flow_chart": {"is_on": 1.0}}
TRUTH = {"OA": "S1", "OB": "S3", "OP": "S4"}
NEEDS = {
    "chemical_signature": ("results",),
    "permit": ("results",),
    "operation": ("readings",),
    "time": ("readings",),
    "links": ("links",),
    "clues": ("links",),
    "plume": ("links",),
    "fingerprint": ("results",),
    "flow_chart": ("results",),
}


def tables(*, leave_out=()):
    """Return the optional tables of the town, some left out."""
    every = {"samples": make_samples, "results": all_results, "readings": make_readings, "links": all_told}
    return {name: make() for name, make in every.items() if name not in leave_out}


def all_results():
    """Return the laboratory sheet and the fluorescence as one table."""
    return pd.concat([make_results(), make_spectra()], ignore_index=True)


def all_told():
    """Return links and clues."""
    return [make_links(), make_clues()]


def verdicts(found, line):
    """Return what one line said, by outfall and source."""
    rows = found.evidence[found.evidence["line"] == line]
    return rows.set_index(["outfall_id", "source_id"])["log_lr"].sort_index()


@pytest.fixture(scope="module")
def network():
    """Return the network of the hand-made town."""
    return make_network()


@pytest.fixture(scope="module")
def found(network):
    """Return the trace with everything known."""
    return trace(make_outfalls(), network, make_sources(), settings=CHECKED, **tables())


@pytest.mark.parametrize("name", LINES)
def test_a_line_is_named_and_explained_in_both_languages(name):
    """What people read about a line is data, and there in Chinese and English."""
    line = LINES[name]
    assert line.name == name
    assert line.label("zh") != line.label("en")
    assert line.meaning
    assert line.meaning_zh


@pytest.mark.parametrize("name", LINES)
def test_a_line_says_something_with_reason_and_rows(found, name):
    """Every verdict has a reason in both languages and the rows it rests on."""
    rows = found.evidence[found.evidence["line"] == name]
    assert len(rows)
    assert rows[["reason", "reason_zh", "refs", "source_ref"]].notna().all(axis=None)
    assert (rows["refs"].str.len() > 0).all()
    assert rows["log_lr"].abs().max() <= np.log(1000) + 1e-9


@pytest.mark.parametrize("name", NEEDS)
def test_a_blind_line_says_nothing(network, name):
    """Missing data is no evidence: no row, so it counts neither for nor against."""
    blind = trace(make_outfalls(), network, make_sources(), settings=CHECKED, **tables(leave_out=NEEDS[name]))
    assert verdicts(blind, name).empty


@pytest.mark.parametrize("name", ["reachability", "distance", "load"])
def test_a_line_about_sources_is_blind_without_them(network, name):
    """Where there is no candidate, there is nothing to judge."""
    blind = trace(make_outfalls(), network, empty("sources", crs=network.crs), **tables())
    assert verdicts(blind, name).empty


def test_the_load_line_is_blind_without_discharge(network):
    """A permit without a discharge is not a discharge of nothing."""
    sources = make_sources().assign(discharge_m3d=np.nan)
    assert verdicts(trace(make_outfalls(), network, sources, **tables()), "load").empty


@pytest.fixture(scope="module")
def in_micrograms(network):
    """Return the trace with a laboratory that writes µg/L."""
    results = all_results()
    mass = results["unit"] == "mg/L"
    for column in ("value", "detection_limit"):
        results.loc[mass, column] = results.loc[mass, column] * 1000.0
    results.loc[mass, "unit"] = "ug/L"
    return trace(make_outfalls(), network, make_sources(), settings=CHECKED, **{**tables(), "results": results})


@pytest.fixture(scope="module")
def in_another_order(network):
    """Return the trace with the rows of every table shuffled."""
    mixed = {key: shuffled(table) for key, table in tables(leave_out=("links",)).items()}
    mixed["links"] = [shuffled(table) for table in reversed(all_told())]
    return trace(shuffled(make_outfalls()), network, shuffled(make_sources()), settings=CHECKED, **mixed)


@pytest.mark.parametrize("name", LINES)
def test_units_do_not_matter(found, in_micrograms, name):
    """A laboratory that writes µg/L says the same as one that writes mg/L."""
    pd.testing.assert_series_equal(verdicts(in_micrograms, name), verdicts(found, name))


@pytest.mark.parametrize("name", LINES)
def test_the_order_of_rows_does_not_matter(found, in_another_order, name):
    """The verdicts are the same in any order of every table."""
    left, right = (
        run.evidence[run.evidence["line"] == name].sort_values("evidence_id", ignore_index=True)
        for run in (found, in_another_order)
    )
    assert_frame_equal(left, right)


@pytest.mark.parametrize("name", LINES)
def test_a_line_moves_towards_the_truth(found, name):
    """On planted cases the true source gains on average against the others of its outfall."""
    said = verdicts(found, name)
    gains = []
    for outfall_id, source_id in TRUTH.items():
        if (outfall_id, source_id) in said.index:
            others = said[outfall_id].drop(source_id)
            gains.append(said[outfall_id, source_id] - (others.mean() if len(others) else 0.0))
        elif outfall_id in said.index.get_level_values(0):
            gains.append(-said[outfall_id].mean())
    assert gains
    tolerance = 0.15 if name in ("distance", "load") else 0.0  # the planted truth is not the nearest nor the largest
    assert np.mean(gains) > -tolerance


def test_a_non_detect_is_not_a_zero_nor_a_number(network):
    """A lower detection limit of a missing metal speaks more strongly against plating water; no limit says nothing."""
    lrs = []
    for limit in (3.0, 0.001):
        results = make_results()
        metals = results["parameter"].isin(["copper", "nickel", "chromium"]) & results["result_id"].str.startswith(
            "OA-"
        )
        results.loc[metals, ["qualifier", "value", "detection_limit"]] = ["<", np.nan, limit]
        lrs.append(
            verdicts(
                trace(make_outfalls(), network, make_sources(), results=results, samples=make_samples()),
                "chemical_signature",
            )["OA", "S1"]
        )
    assert lrs[1] < lrs[0]
    results = make_results()
    nothing = results.assign(qualifier="<", value=np.nan, detection_limit=np.nan)
    blind = trace(make_outfalls(), network, make_sources(), results=nothing, samples=make_samples())
    assert verdicts(blind, "chemical_signature").empty


def test_water_like_no_candidate_moves_to_the_unregistered(network):
    """Landfill leachate at a pipe of plating and food works: somebody nobody registered."""
    results = make_results()
    leachate = {
        "ammonia": 900.0,
        "cod": 3500.0,
        "conductivity": 11000.0,
        "copper": 0.05,
        "nickel": 0.2,
        "chromium": 0.2,
        "zinc": 1.0,
    }
    at_a = results["result_id"].str.startswith("OA-")
    results.loc[at_a, "value"] = results.loc[at_a, "parameter"].map(leachate)
    nobody = []
    for table in (make_results(), results):
        answer = trace(make_outfalls(), network, make_sources(), results=table, samples=make_samples())
        rows = answer.candidates[
            (answer.candidates["outfall_id"] == "OA") & (answer.candidates["source_id"] == "unregistered")
        ]
        nobody.append(rows["posterior_share"].item())
    assert nobody[1] > max(nobody[0], 0.5)


def test_blanks_are_left_out(network, found):
    """A field blank says nothing about the outfall."""
    samples, results = make_samples(), all_results()
    blank = samples.iloc[[0]].assign(sample_id="BLANK", kind="field_blank", source_ref="samples.csv#99")
    water = results.iloc[[0]].assign(result_id="BLANK-1", sample_id="BLANK", value=0.001, source_ref="lab.xlsx#99")
    again = trace(
        make_outfalls(),
        network,
        make_sources(),
        **{**tables(), "samples": pd.concat([samples, blank]), "results": pd.concat([results, water])},
    )
    pd.testing.assert_series_equal(verdicts(again, "chemical_signature"), verdicts(found, "chemical_signature"))


def test_a_sample_is_not_counted_twice(network, found):
    """A duplicate of the same day is averaged with it, so the same numbers again change nothing."""
    samples, results = make_samples(), all_results()
    twin = samples.assign(sample_id=samples["sample_id"] + "-dup", kind="duplicate")
    water = results.assign(sample_id=results["sample_id"] + "-dup", result_id=results["result_id"] + "-dup")
    both = {**tables(), "samples": pd.concat([samples, twin]), "results": pd.concat([results, water])}
    again = trace(make_outfalls(), network, make_sources(), **both)
    pd.testing.assert_series_equal(verdicts(again, "chemical_signature"), verdicts(found, "chemical_signature"))


@pytest.mark.parametrize("column", ["point_name", "name", "position"])
def test_results_find_their_outfall_by_what_the_sheet_has(network, found, column):
    """An id, the name people use, or the place where the bottle was filled."""
    samples, outfalls = make_samples(), make_outfalls()
    at = samples["outfall_id"].notna()
    names = outfalls.set_index("outfall_id")["name"]
    points = outfalls.set_index("outfall_id").geometry
    if column == "point_name":
        samples.loc[at, "point_name"] = samples.loc[at, "outfall_id"].map(lambda text: f" {text.lower()} ")
    elif column == "name":
        samples.loc[at, "point_name"] = samples.loc[at, "outfall_id"].map(names)
    else:
        samples = samples.set_geometry(
            [points.get(outfall_id) for outfall_id in samples["outfall_id"]], crs=outfalls.crs
        )
    samples["outfall_id"] = None
    again = trace(outfalls, network, make_sources(), **{**tables(), "samples": samples})
    pd.testing.assert_series_equal(verdicts(again, "chemical_signature"), verdicts(found, "chemical_signature"))
