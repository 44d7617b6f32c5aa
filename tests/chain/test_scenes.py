"""Scenes in a project: seen or not and why, silent where nothing can be seen, and never a reason to stop a run."""

import numpy as np
import pandas as pd
import pytest

from outfall.chain import State, take_steps
from outfall.chain.scenes import count_unseen
from outfall.cli import main
from outfall.project import Project
from outfall.simulate import make_scenes, make_town, write_scenes, write_town


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    """Return the folder of a small town with one Sentinel-2 scene over it."""
    folder = tmp_path_factory.mktemp("scenes") / "town"
    write_town(make_town(1003, scene=False, photos=False), folder)
    path = write_scenes(make_scenes(1003, days=1), folder)[0]
    with (folder / "outfall.toml").open("a", encoding="utf-8") as file:
        file.write(f'\n[[input]]\nrole = "scene"\npath = "{path.name}"\n')
    return folder


@pytest.fixture(scope="module")
def seen(town):
    """Return what the chain knows after the trace."""
    return take_steps(State(project=Project.open(town), lang="en", problems=[]), until="trace")[0]


def test_every_outfall_has_a_row_with_its_reason(seen):
    """On a river of 33 m no pixel of 10 m is pure: each outfall says width, or that the scene does not reach it."""
    contrasts = seen["contrasts"]
    assert set(contrasts["outfall_id"]) == set(seen["outfalls"]["outfall_id"])
    assert set(contrasts["code"]) <= {"width", "off_scene", "no_water"}
    assert (contrasts["code"] == "width").mean() > 0.5
    assert contrasts[["reason", "reason_zh"]].notna().all(axis=None)


def test_where_nothing_is_seen_the_trace_is_the_same(seen):
    """With and without the scene, every probability is the same bit by bit."""
    without = State(
        **{name: value for name, value in seen.items() if name not in ("clues", "contrasts", "found", "scenes")}
    )
    blind = take_steps(without, until="trace")[0]
    pd.testing.assert_frame_equal(
        pd.DataFrame(blind["found"].candidates), pd.DataFrame(seen["found"].candidates), check_exact=True
    )


def test_the_rows_say_which_file(seen):
    """The source of a row is the name of the file, never the folder of this computer."""
    assert seen["contrasts"]["source_ref"].str.startswith("find_contrasts(S2_20260407.tif;").all()


def test_counts_are_of_outfalls(seen):
    """Every outfall is counted once per scene."""
    counts = count_unseen(seen["contrasts"])
    assert list(counts) == ["S2_20260407.tif"]
    assert sum(counts["S2_20260407.tif"].values()) == len(seen["outfalls"])


def test_a_picture_that_is_no_scene_is_a_remark(town, tmp_path):
    """A photograph without bands we know is drawn under the map and listed; the run goes on."""
    import rasterio
    from affine import Affine

    project = Project.open(town)
    place = {"driver": "GTiff", "height": 4, "width": 4, "count": 1, "dtype": "uint8", "crs": "EPSG:4546"}
    with rasterio.open(tmp_path / "plan.tif", "w", transform=Affine(10, 0, 400000, 0, -10, 3300000), **place) as out:
        out.write(np.ones((1, 4, 4), np.uint8))
    item = next(item for item in project.inputs if item.role == "scene")
    import dataclasses

    from outfall.chain.scenes import open_scenes

    state = take_steps(State(project=project, lang="en", problems=[]), until="register")[0]
    wrong = dataclasses.replace(item, path=tmp_path / "plan.tif")
    scenes, doubts = open_scenes([wrong], state["outfalls"], state["network"])
    assert scenes == {}
    assert [doubt["kind"] for doubt in doubts] == ["skipped_file"]


def test_the_command_says_what_was_seen(town, capsys):
    """The verb prints counts by reason and saves the contrasts; where nothing was seen there is no clue to save."""
    assert main(["scene", str(town), "--lang", "en"]) == 0
    assert "Too narrow for the sensor" in capsys.readouterr().out
    assert "contrasts" in Project.open(town).tables()


def test_a_project_without_scenes_is_told_how_to_add_one(town, tmp_path, capsys):
    """The message names the command."""
    write_town(make_town(1003, scene=False, photos=False), tmp_path / "plain")
    assert main(["scene", str(tmp_path / "plain")]) == 1
    assert "outfall add scene FILE" in capsys.readouterr().err
