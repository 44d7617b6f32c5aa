"""A project opens, saves, lists and checks; it says everything that is wrong at once, and writes only where it may."""

from __future__ import annotations

import inspect
from pathlib import Path

import pandas as pd
import pytest

from outfall.errors import ProjectError, StoreError, TableError
from outfall.project import Project
from outfall.store import append_rows, read_events
from outfall.tables import check, contracts
from tests.laws import unchanged
from tests.store.rows import draw_rows

GOOD = """\
# 河口镇 2026
[project]
name = "河口 镇"          # also the name of the files
crs = "EPSG:4547"

[[input]]
role = "rivers"
path = "水系 1/rivers.gpkg"

[[input]]
role = "ground"
path = '登记\\form.csv'
crs = "gcj02"
rename = { "点位" = "name", "X" = "lon", "Y" = "lat" }
constants = { seen_at = 2026-04-12T08:00:00+08:00, observer = "甲" }

[[input]]
role = "boat"
path = "tow.csv"
tz = "UTC"
options = { false_per_10km = 2 }
"""


@pytest.fixture
def folder(tmp_path):
    home = tmp_path / "项目 一"
    for name in ("水系 1/rivers.gpkg", "登记/form.csv", "tow.csv", "flight/a.jpg", "lab.xlsx"):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text("x", encoding="utf-8")
    return home


def write(folder, text, encoding="utf-8"):
    (folder / "outfall.toml").write_text(text, encoding=encoding, newline="\r\n")
    return folder


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_open(folder, encoding):
    """A good file in any encoding gives settings and inputs with the defaults filled in."""
    project = Project.open(write(folder, GOOD, encoding))
    assert dict(project.settings) == {
        "name": "河口 镇",
        "crs": "EPSG:4547",
        "points_crs": "EPSG:4490",
        "tz": "Asia/Shanghai",
    }
    rivers, ground, boat = project.inputs
    assert (rivers.path, rivers.crs, rivers.tz) == ((folder / "水系 1" / "rivers.gpkg").resolve(), None, None)
    assert (ground.path.name, ground.crs, ground.tz) == ("form.csv", "gcj02", "Asia/Shanghai")
    assert dict(ground.rename) == {"点位": "name", "X": "lon", "Y": "lat"}
    assert dict(ground.constants) == {"seen_at": "2026-04-12T08:00:00+08:00", "observer": "甲"}
    assert (boat.tz, boat.crs, dict(boat.options)) == ("UTC", "EPSG:4490", {"false_per_10km": 2})
    assert Project.open(folder / "outfall.toml").inputs == project.inputs


def test_few_public_methods():
    """The project stays dumb: at most twelve public names beside its fields."""
    fields = {"folder", "out", "settings", "inputs"}
    names = {name for name, _ in inspect.getmembers(Project) if not name.startswith("_")} - fields
    assert len(names) <= 12
    assert not {"trace", "register", "draw", "run"} & names


def test_no_project(tmp_path):
    """A folder without outfall.toml says how to get one."""
    with pytest.raises(ProjectError, match=r"no outfall\.toml in this folder; write one with: outfall init"):
        Project.open(tmp_path)


def test_create_and_add(folder):
    """A new project takes inputs one by one, and comments a person wrote stay."""
    project = Project.create(folder, points_crs="bd09")
    file = folder / "outfall.toml"
    file.write_text(file.read_text(encoding="utf-8") + "# ours\n", encoding="utf-8")
    project = project.add(
        "boat", folder / "tow.csv", tz="UTC", rename={"t": "seen_at"}, options={"false_per_10km": 3.5}
    )
    project = project.add("ground", Path("登记/form.csv"), constants={"observer": '甲 "乙"\n'})
    assert Project.open(folder).inputs == project.inputs
    assert [item.crs for item in project.inputs] == ["bd09", "bd09"]
    assert project.inputs[1].constants["observer"] == '甲 "乙"\n'
    assert "# ours" in file.read_text(encoding="utf-8")
    with pytest.raises(ProjectError, match="did you mean 'boat'"):
        project.add("boot", "lab.xlsx")
    with pytest.raises(ProjectError, match="a project already"):
        Project.create(folder)
    assert Project.open(folder).inputs == project.inputs


def test_add_from_elsewhere(folder, tmp_path):
    """An added file outside the folder is noted with its whole path."""
    (tmp_path / "big.tif").touch()
    project = Project.create(folder).add("scene", tmp_path / "big.tif")
    assert "is_outside = true" in (folder / "outfall.toml").read_text(encoding="utf-8")
    assert project.inputs[0].path == (tmp_path / "big.tif").resolve()


def test_create_writes_nothing_impossible(tmp_path):
    """A project that would not open is not written."""
    with pytest.raises(ProjectError, match="not a coordinate system"):
        Project.create(tmp_path / "a", crs="nowhere")
    assert not (tmp_path / "a").exists()


def test_save_and_load(folder):
    """Tables come back as they were saved, now and as of a moment, and the store is made by the first save."""
    project = Project.open(write(folder, GOOD))
    assert project.tables() == {}
    assert len(project.load("outfalls")) == 0
    assert not project.store.exists()
    frame = draw_rows("outfalls")
    with unchanged(frame):
        assert project.save("outfalls", frame) == len(frame)
    assert project.save("outfalls", frame) == 0
    assert project.save("outfalls", frame.iloc[:3], replace=True, reason="again") == len(frame) - 3
    pd.testing.assert_frame_equal(
        pd.DataFrame(project.load("outfalls", as_of=len(frame))), pd.DataFrame(check(frame, "outfalls"))
    )
    assert project.tables() == {"outfalls": 3}
    assert read_events(project.store)["actor"].unique().tolist() == ["outfall"]
    assert project.store == folder / "河口 镇.outfalldb"
    with pytest.raises(StoreError, match="did you mean 'outfalls'"):
        project.load("outfal")
    with pytest.raises(TableError, match="outfalls"):
        project.save("outfalls", frame.drop(columns="status"))


def test_unknown_table_before_the_first_save(folder):
    """A table that does not exist is refused even where no store is."""
    with pytest.raises(StoreError, match="did you mean 'outfalls'"):
        Project.create(folder).load("outfal")


def test_nothing_is_written_into_the_folder(folder, tmp_path):
    """With another place for the outputs the folder of the inputs stays as it was."""
    write(folder, GOOD)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    project = Project.open(folder, out=tmp_path / "out")
    project.save("sources", draw_rows("sources"))
    project.problems()
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    assert project.store == tmp_path / "out" / "河口 镇.outfalldb"
    assert project.store.exists()


def test_problems_of_a_sound_project(folder):
    """A project whose ids all lead somewhere has none."""
    project = Project.open(write(folder, GOOD))
    sources = draw_rows("sources")
    samples = draw_rows("samples").assign(source_id=sources["source_id"], reach_id=None, outfall_id=None)
    project.save("sources", sources)
    project.save("samples", samples)
    assert project.problems() == []


def test_problems_are_one_list(folder):
    """Missing files, ids that lead nowhere and a broken log are all listed."""
    project = Project.open(write(folder, GOOD))
    project.save("sources", draw_rows("sources"))
    project.save("candidates", draw_rows("candidates").assign(source_id=["unregistered", *["nobody"] * 8]))
    (folder / "tow.csv").unlink()
    settings, lost = project.problems()
    assert settings.where == "input 3 (boat) path"
    assert lost.where == "candidates.source_id (污染源编号)"
    assert lost.what == "'nobody' is not among the sources"
    assert lost.rows == ("调查 表.csv#3",)
    project.store.write_bytes(b"nonsense" * 999)
    assert any("damaged" in problem.what for problem in project.problems())


def test_what_other_programs_saved_is_checked(folder, monkeypatch):
    """A row that no longer meets its contract is listed with its table and column."""
    project = Project.open(write(folder, GOOD))
    monkeypatch.setattr("outfall.store.append.check", lambda frame, table: frame)
    frame = check(draw_rows("sources"), "sources")
    append_rows(
        Project.open(folder).store.parent / project.store.name, "sources", frame, actor="a"
    ) if project.store.exists() else project.save("sources", frame.assign(discharge_m3d=-1.0))
    problem = project.problems()[0]
    assert problem.where == "sources.discharge_m3d (许可排水量)"
    assert "below 0" in problem.what


def test_repr(folder):
    """The project says in one line what it is, and in Jupyter what its inputs are, as text."""
    project = Project.open(write(folder, GOOD.replace("河口 镇", "河口")))
    assert repr(project) == f"Project '河口': 3 inputs in {folder}, results in {folder}"
    assert "<td>tow.csv</td>" in project._repr_html_()
    evil = folder / "<img src=x>.csv"
    evil.touch()
    assert "<img" not in project.add("ground", evil)._repr_html_()


def test_roles_take_what_their_readers_take():
    """What outfall.toml may say about an input is a keyword of its reader."""
    import outfall
    from outfall.project.roles import roles

    for name in ("drone", "boat", "crawler", "ground", "sources", "samples", "results", "readings"):
        role, known = roles()[name], inspect.signature(getattr(outfall, f"read_{name}")).parameters
        assert {*role.takes, *role.options} <= set(known)


def test_every_role_fills_a_contract():
    """The roles and the references between tables name tables and columns that exist."""
    from outfall.project.roles import roles

    assert {role.table for role in roles().values() if role.table} <= set(contracts())
    rows = pd.read_csv(Path(inspect.getfile(Project)).parent / "references.csv")
    for row in rows.itertuples():
        assert row.column in contracts()[row.table].columns
        assert row.target in contracts()
