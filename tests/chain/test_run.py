"""The whole chain: what it writes, what it says, and that it never leaves half of anything."""

import json

import geopandas as gpd
import pyogrio
import pytest

from outfall.chain import STEPS, State, choose_out, run, take_steps
from outfall.chain.measure import peak_memory_mb
from outfall.chain.outputs import replace_together
from outfall.errors import OutfallError, ProjectError
from outfall.project import Project
from outfall.reports import read_inventory
from tests.chain.conftest import fingerprint, write_county

OUTPUTS = ["briefs", "inventory.xlsx", "map.html", "summary.json", "trace.gpkg"]


def test_all_outputs_are_written(county_run):
    """Map, inventory, sheets, tables and summary lie in the output folder, and nothing else beside it."""
    folder, out, _ = county_run
    assert sorted(path.name for path in out.iterdir()) == OUTPUTS
    assert sorted(path.name for path in folder.parent.iterdir()) == sorted([folder.name, out.name])


def test_nothing_is_written_into_the_project(county_run, tmp_path):
    """The project folder holds what it held."""
    folder, _, _ = county_run
    assert fingerprint(folder).keys() == fingerprint(write_county(tmp_path / "same")).keys()


def test_summary_is_what_run_returns(county_run):
    """summary.json holds the dictionary that run gives back, without NaN."""
    _, out, summary = county_run
    text = (out / "summary.json").read_text("utf-8")
    assert json.loads(text) == {name: value for name, value in summary.items() if name != "out"}
    assert "NaN" not in text


def test_summary_counts_every_table(county_run):
    """Counts in the summary are the rows of the layers in trace.gpkg."""
    _, out, summary = county_run
    layers = {
        name: pyogrio.read_info(out / "trace.gpkg", layer=name)["features"]
        for name, _ in pyogrio.list_layers(out / "trace.gpkg")
    }
    assert layers == summary["counts"]
    assert layers["sightings"] == 11
    assert layers["sources"] == 5
    assert layers["results"] == 4


def test_inventory_has_a_row_per_outfall(county_run):
    """Inventory, sheets, summary and tables speak of the same outfalls."""
    _, out, summary = county_run
    ids = gpd.read_file(out / "trace.gpkg", layer="outfalls")["outfall_id"].tolist()
    assert read_inventory(out / "inventory.xlsx")["排污口内部编号"].tolist() == ids
    assert [row["outfall_id"] for row in summary["outfalls"]] == ids
    assert len(list((out / "briefs").glob("*.html"))) == len(ids) + 1


def test_probabilities_sum_to_one(county_run):
    """The ranked sources of an outfall, the unregistered one among them, share a probability of 1."""
    _, out, summary = county_run
    rows = gpd.read_file(out / "trace.gpkg", layer="candidates")
    assert rows.groupby("outfall_id")["posterior_share"].sum().round(6).eq(1).all()
    traced = [row for row in summary["outfalls"] if row["sources"]]
    assert traced
    for row in traced:
        assert "unregistered" in {source["source_id"] for source in row["sources"]}


def test_steps_are_timed(county_run):
    """Every step but that of scenes, of which there is none, says its seconds and the peak of the memory, which never falls."""
    _, _, summary = county_run
    assert [row["step"] for row in summary["steps"]] == [step.name for step in STEPS if step.name != "scenes"]
    peaks = [row["peak_memory_mb"] for row in summary["steps"]]
    assert peaks == sorted(peaks)
    assert sum(row["seconds"] for row in summary["steps"]) <= summary["seconds"] + 0.1


def test_two_runs_say_the_same(county_run, tmp_path):
    """A second run gives the same inventory, sheets and ranked sources."""
    folder, out, summary = county_run
    again = run(folder, out=tmp_path / "again", lang="zh")
    assert again["outfalls"] == summary["outfalls"]
    assert fingerprint(tmp_path / "again" / "briefs") == fingerprint(out / "briefs")


def test_english_run_beside_what_is_there(county, tmp_path):
    """An English run writes English, tells every step, replaces the outputs and leaves what else lies there."""
    told, out = [], tmp_path / "out"
    (out / "briefs").mkdir(parents=True)
    for name in ("my notes.txt", "map.html", "briefs/old.html"):
        (out / name).write_text("before")
    run(county, out=out, lang="en", progress=lambda text, done, total: told.append((text, done, total)))
    assert [text for text, *_ in told] == [*(step.en for step in STEPS), ""]
    assert told[-1][1] == told[-1][2]
    assert "Outfall id" in read_inventory(out / "inventory.xlsx")
    assert "Who discharges" in next((out / "briefs").glob("[!i]*.html")).read_text("utf-8")
    assert sorted(path.name for path in out.iterdir()) == sorted([*OUTPUTS, "my notes.txt"])
    assert (out / "my notes.txt").read_text() == "before"
    assert (out / "map.html").read_text("utf-8") != "before"
    assert not (out / "briefs" / "old.html").exists()


def test_default_place_is_never_in_the_project(county, monkeypatch):
    """From within the project the outputs go beside it."""
    project = Project.open(county)
    monkeypatch.chdir(county)
    assert choose_out(project, None) == county.parent / "county_out"
    monkeypatch.chdir(county.parent)
    assert choose_out(project, None) == county.parent / "county_out"


@pytest.mark.parametrize("place", [".", "inside/out", ".."])
def test_a_place_in_or_over_the_project_is_refused(county, place):
    """The project folder, a folder in it and a folder above it are refused as output."""
    with pytest.raises(ProjectError, match="never go into or over the project folder"):
        choose_out(Project.open(county), county / place)


def test_a_step_can_be_taken_alone(county):
    """Steps up to register give outfalls and no trace; what is known is not made again."""
    state, steps = take_steps(State(project=Project.open(county), lang="zh", problems=[]), until="register")
    assert "found" not in state
    assert [row["step"] for row in steps] == ["network", "read", "check", "register"]
    again, steps = take_steps(State(**state), until="register")
    assert again["outfalls"] is state["outfalls"]
    assert [row["step"] for row in steps] == ["check"]


def test_no_sightings_is_one_clear_answer(county, tmp_path):
    """A project without a survey says which file to add."""
    text = (county / "outfall.toml").read_text("utf-8")
    (county / "outfall.toml").write_text(text.split('[[input]]\nrole = "ground"')[0], encoding="utf-8")
    with pytest.raises(ProjectError, match="no sightings; add what a survey brought home"):
        run(county, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_no_sources_leaves_the_trace_out(county, tmp_path):
    """Without a list of sources there are outfalls, a map and sheets, and no trace."""
    text = (county / "outfall.toml").read_text("utf-8")
    (county / "outfall.toml").write_text(text.split('[[input]]\nrole = "sources"')[0], encoding="utf-8")
    summary = run(county, out=tmp_path / "out")
    assert all(row["sources"] == [] for row in summary["outfalls"])
    assert "尚未溯源" in next((tmp_path / "out" / "briefs").glob("[!i]*.html")).read_text("utf-8")


def test_every_bad_file_is_in_one_error(county, tmp_path):
    """Three bad files are named in one error, each with what is wrong."""
    (county / "walk.csv").write_text("编号,经度,纬度\nE1,abc,30\n", encoding="utf-8")
    (county / "permits.csv").write_text("", encoding="utf-8")
    (county / "sewers.gpkg").write_bytes(b"not a GeoPackage")
    with pytest.raises(OutfallError) as caught:
        run(county, out=tmp_path / "out")
    text = str(caught.value)
    for expected in ("3 inputs have problems", "walk.csv", "'abc' is not a number", "permits.csv", "sewers.gpkg"):
        assert expected in text
    assert [path.name for path in tmp_path.iterdir()] == [county.name]


def test_an_open_output_leaves_everything_as_it_was(tmp_path, monkeypatch):
    """Where one output cannot be replaced, all earlier outputs stay, and the message names it."""
    from pathlib import Path

    out = tmp_path / "out"
    with replace_together(out) as aside:
        for name in ("a.txt", "b.txt", "c.txt"):
            (aside / name).write_text("old")
    before = fingerprint(out)
    really = Path.replace

    def held(self, target):
        if self.name == "b.txt" and self.parent == out:
            raise PermissionError(13, "in use", str(self))
        return really(self, target)

    monkeypatch.setattr(Path, "replace", held)
    expected = pytest.raises(ProjectError, match=r"b\.txt: cannot be replaced, probably because it is open.*unchanged")
    with expected, replace_together(out) as aside:
        [(aside / name).write_text("new") for name in ("a.txt", "b.txt", "d.txt")]
    assert fingerprint(out) == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path):
    """A file where the output folder should be stays and is named."""
    (tmp_path / "out").write_text("mine")
    with (
        pytest.raises(ProjectError, match="a file stands where the output folder should be"),
        replace_together(tmp_path / "out"),
    ):
        pass
    assert (tmp_path / "out").read_text() == "mine"


def test_peak_memory_is_in_megabytes():
    """The peak is a plausible number of MB."""
    assert 10 < peak_memory_mb() < 100_000
