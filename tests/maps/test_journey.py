"""Every feature of the map in one journey, by clicking: an invented town and a real storm sewer, desk and phone, both languages."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from outfall.chain.state import State
from outfall.chain.whole import take_steps
from outfall.maps import draw
from outfall.network import read_network
from outfall.project import Project
from outfall.registry import register
from outfall.tracing import trace
from tests.maps.browser import DESKTOP, PHONE, is_quiet, opened
from tests.maps.journey import Facts, Journey
from tests.maps.shared import once

pytestmark = pytest.mark.browser
PLACES = pytest.mark.parametrize(
    ("size", "lang"),
    [(DESKTOP, "zh"), (DESKTOP, "en"), (PHONE, "zh"), (PHONE, "en")],
    ids=["desk-zh", "desk-en", "phone-zh", "phone-en"],
)


def _facts(page, found, folder):
    """Write a page and choose an outfall whose likeliest source has a way to it."""
    rows = found.candidates
    first = rows[(rows["rank"] == 1) & (rows["path_ids"] != "") & (rows["source_id"] != "unregistered")]
    outfalls = found.outfalls.to_crs(4326).set_index("outfall_id")
    has_photo = outfalls["photo_ids"].fillna("").ne("") if "photo_ids" in outfalls else outfalls.index == ""
    named = first["outfall_id"].map(dict(zip(outfalls.index, has_photo, strict=True)))
    best = first.assign(photo=named).sort_values(["photo", "posterior_share"], ascending=False, kind="stable").iloc[0]
    spot = outfalls.geometry[best["outfall_id"]]
    names = found.sources.set_index("source_id")["name"]
    return Facts(
        page.save(folder / "map.html"),
        best["outfall_id"],
        round(float(spot.x), 6),
        round(float(spot.y), 6),
        best["source_id"],
        str(names[best["source_id"]]),
        len(outfalls),
        bool(best["photo"]),
        frozenset(layer.kind if layer.kind == "raster" else layer.name for layer in page.layers),
    )


@pytest.fixture(scope="module")
def town_page(rivertown, tmp_path_factory):
    """Return the sample town as its project draws it."""
    return once(tmp_path_factory, "河 town", lambda folder: _town(rivertown, folder))


def _town(rivertown, into):
    state, _ = take_steps(State(project=Project.open(rivertown), lang="zh", problems=[]), until="map")
    return _facts(state["page"], state["found"], into)


@pytest.fixture(scope="module")
def storm_page(shared_data, tmp_path_factory):
    """Return the storm sewer of a campus with its real outfalls and inlets, each inlet a source."""
    return once(tmp_path_factory, "storm", lambda folder: _storm(shared_data, folder))


def _storm(shared_data, into):
    folder = shared_data / "network" / "uky_storm"
    network = read_network(None, pipes=folder / "STM_Line_ln.geojson")
    spots = gpd.read_file(folder / "STM_Structure_pt.geojson").to_crs(network.crs)
    spots = spots[spots.geometry.notna()]
    ends = spots[spots["StructureType"].isin(["Outfall", "Headwall"])].reset_index(drop=True)
    inlets = spots[spots["StructureType"].isin(["Catchbasin", "Inlet"])].iloc[::12].reset_index(drop=True)
    seen = _seen(ends)
    names = [f"Inlet {k:04d}" for k in range(len(inlets))]
    ids = [name.replace("Inlet ", "I") for name in names]
    sources = gpd.GeoDataFrame(
        {"source_id": ids, "name": names, "kind": "drain", "source_ref": names},
        geometry=list(inlets.geometry),
        crs=network.crs,
    )
    found = trace(register(seen, network), network, sources)
    page = draw(network, found.outfalls, found, sightings=seen, title="Storm sewer of a campus")
    return _facts(page, found, into)


def _seen(ends):
    """Return one sighting per structure, over twenty days."""
    ids = np.arange(len(ends))
    return gpd.GeoDataFrame(
        {
            "sighting_id": [f"S{k:04d}" for k in ids],
            "platform": "foot",
            "survey_id": "walk",
            "seen_at": pd.Timestamp("2026-04-01", tz="UTC") + pd.to_timedelta(ids % 20, unit="D"),
            "sigma_m": 3.0,
            "source_ref": [f"STM_Structure_pt.geojson#{k}" for k in ids],
        },
        geometry=list(ends.geometry),
        crs=ends.crs,
    )


def _walk(browser, facts, size, lang, name):
    browser.clear_permissions()
    browser.grant_permissions(["clipboard-read", "clipboard-write"])
    try:
        with opened(browser, facts.file, size=size) as heard:
            one = Journey(heard.page, facts, size, lang, f"{name}_{'phone' if size == PHONE else 'desk'}_{lang}")
            one.picture("opened")
            for step in (one.speak, one.tree, one.search, one.open_outfall, one.light_up, one.time):
                step()
            if "banks" in facts.layers:
                one.banks()
            for step in (one.frame, one.measure, one.locate, one.paper, one.others, one.keys):
                step()
            assert is_quiet(heard)
    finally:
        browser.clear_permissions()


@PLACES
def test_the_sample_town_can_be_walked_through(browser, town_page, size, lang):
    """On the sample town every feature answers, nothing is asked for and nothing complains."""
    _walk(browser, town_page, size, lang, "town")


@pytest.mark.realdata
@PLACES
def test_a_real_storm_sewer_can_be_walked_through(browser, storm_page, size, lang):
    """On five thousand real drains every feature answers, nothing is asked for and nothing complains."""
    _walk(browser, storm_page, size, lang, "storm")
