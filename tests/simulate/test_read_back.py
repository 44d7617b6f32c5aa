"""Do the readers of this package take every written file, and does the town tell them nothing it should not."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import outfall.simulate
from outfall.camera import read_photos
from outfall.network import read_network
from outfall.sources import read_sources
from outfall.survey import read_boat, read_crawler, read_drone, read_ground
from outfall.water import read_readings, read_results, read_samples

_TZ = "Asia/Shanghai"


@pytest.fixture(scope="module")
def network(folder):
    """Return the network of the sample town."""
    return read_network(folder / "rivers.gpkg", pipes=folder / "sewers.gpkg")


def test_network(town, network):
    """Every line becomes reaches of one metric network, and most outlets find the river."""
    lines = set(network.reaches["line_id"])
    assert set(town.rivers["reach_id"]) | set(town.pipes["reach_id"]) <= lines
    assert network.crs.to_epsg() == 4546
    recorded = town.outfalls_true["mouth_id"].str.match("T-[ABCZ]").sum()
    assert (network.reaches["kind"] == "interface").sum() > 0.7 * recorded


def test_flight(town, folder):
    """All finds become sightings where they were seen, and all photos have a place and a time."""
    seen = read_drone(folder / "flight_0412", tz=_TZ)
    assert len(seen) == len(town.drone)
    assert seen.geometry.x.tolist() == pytest.approx(town.drone["lon"].tolist(), abs=1e-6)
    photos = read_photos(folder / "flight_0412", tz=_TZ)
    assert len(photos) == 25
    assert photos["taken_at"].notna().all()
    assert photos.geometry.x.tolist() == pytest.approx(town.photos["lon"].tolist(), abs=1e-7)


def test_tow_and_crawler(town, folder):
    """A tow becomes a handful of steps, a pipe log its connections."""
    assert 3 <= len(read_boat(folder / "tow_0413.csv", tz=_TZ, crs=4490)) <= 40
    found = read_crawler(folder / "cctv.csv", tz=_TZ)
    assert len(found) >= town.crawler["code"].str.startswith("BDE").sum()
    assert set(found["reach_id"]) <= set(town.pipes["reach_id"])


def test_walk(town, folder):
    """The form keeps codes, places and whether water ran."""
    seen = read_ground(folder / "walk.xlsx", crs=4490, tz=_TZ)
    assert seen["code"].fillna("").tolist() == town.walk["code"].tolist()
    assert seen["is_discharging"].tolist() == town.walk["is_discharging"].tolist()


def test_sources(town, folder):
    """The permit list becomes sources with kinds, codes and drainage we know."""
    sources = read_sources(folder / "permits.xlsx", crs=4490)
    assert sources["source_id"].tolist() == town.permits["source_id"].tolist()
    true = town.sources.set_index("source_id")["kind"]
    assert sources["kind"].tolist() == true.loc[sources["source_id"]].tolist()
    assert sources["system"].tolist() == town.permits["system"].tolist()


def test_laboratory(town, folder):
    """Values come back in canonical units, lead too; non-detects keep the limit of the sheet."""
    results = read_results(folder / "lab.xlsx", tz=_TZ).set_index("result_id")
    town_results = town.results.set_index("result_id")
    both = results.join(town_results.add_suffix("_true"), how="inner")
    assert len(both) == len(town_results)
    measured = both[both["qualifier_true"] == "="]
    assert measured["value"].tolist() == pytest.approx(measured["value_true"].tolist(), rel=1e-6)
    below = both[both["qualifier_true"] == "<"]
    assert (below["qualifier"] == "<").all()
    assert below["detection_limit"].tolist() == pytest.approx(below["detection_limit_true"].tolist(), rel=1e-6)


def test_samples_and_meters(town, folder):
    """The sampling record and the meters come back whole."""
    samples = read_samples(folder / "lab.xlsx", layer="采样记录", crs=4490, tz=_TZ)
    assert set(samples["sample_id"]) == set(town.samples["sample_id"])
    assert (samples["kind"] == "field_blank").sum() == 1
    assert len(read_readings(folder / "meters.csv", tz=_TZ)) == len(town.readings)


def test_own_transport():
    """The simulator imports neither the tracing nor the travel times it is used to judge."""
    for file in Path(outfall.simulate.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            assert not any(name.startswith(("outfall.tracing", "outfall.network")) for name in names), file.name
