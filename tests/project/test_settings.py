"""Everything that is wrong with an outfall.toml is said at once, each with the way out."""

from __future__ import annotations

import pytest

from outfall.errors import ProjectError
from outfall.project import Project
from outfall.project.settings import parse_settings, to_relative


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


def said(folder, text):
    with pytest.raises(ProjectError) as caught:
        Project.open(write(folder, text))
    return str(caught.value)


def test_all_problems_at_once(folder):
    """Ten mistakes in one file are one error with ten lines, each with what was probably meant."""
    text = said(
        folder,
        """
[project]
nam = "a"
crs = "EPSG:4490"
tz = "Asia/Shangha"
[[inputs]]
[[input]]
role = "river"
path = "tow.csv"
[[input]]
role = "boat"
path = "towe.csv"
pathh = 1
[[input]]
role = "drone"
path = "flight/a.jpg"
layer = "a"
[[input]]
role = "ground"
path = "登记/form.csv"
crs = "EPSG:99999999"
rename = { a = "nam" }
constants = { seen = "2026-04-12", note = [1] }
options = { sigma_m = 1 }
""",
    )
    for part in (
        "14 problems",
        "unknown key 'inputs'; did you mean 'input'?",
        "[project]: unknown key 'nam'; did you mean 'name'?",
        "[project] crs: 'EPSG:4490' is in degrees; the network needs metres",
        "[project] tz: 'Asia/Shangha' is not a time zone; did you mean 'Asia/Shanghai'?",
        "input 1 role: 'river' is not a role; did you mean 'rivers'?",
        "input 2 (boat): unknown key 'pathh'; did you mean 'path'?",
        "input 2 (boat) path: no file or folder 'towe.csv'; did you mean 'tow.csv'?",
        "input 3 (drone) path: 'flight/a.jpg' is a file; drone needs a folder",
        "input 3 (drone) layer: drone does not take it; it takes crs, tz, constants",
        "input 4 (ground) crs: 'EPSG:99999999' is not a coordinate system",
        "input 4 (ground) rename: 'a' = 'nam' is not a column; did you mean 'name'?",
        "input 4 (ground) constants: 'seen' is not a column; did you mean 'seen_at'?",
        "input 4 (ground) constants: note = [1] is not one value",
        "input 4 (ground) options: 'sigma_m' is not an option; the options of ground are none",
    ):
        assert part in text


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("[project]\nname = 'a/b'", "'a/b' holds a sign that file names must not have"),
        ("[project]\nname = 'CON'", "'CON' is no file name on every computer"),
        ("[project]\nname = ''", "[project] name: is empty"),
        ("[project]\nname = 7", "7 is not a text"),
        ("project = 1", "1 is not a table"),
        ("[input]\nrole = 'boat'", "write [[input]] with two brackets"),
        ("[[input]]\npath = 'tow.csv'", "input 1 role: no role; the roles are rivers, pipes, drone"),
        ("[[input]]\nrole = 'boat'", "input 1 (boat) path: missing"),
        ("[[input]]\nrole = 'boat'\npath = 'tow.csv'\nrename = 1", "rename: 1 is not a table"),
        ("[[input]]\nrole = 'boat'\npath = 'nothing here'", "the folder holds flight, lab.xlsx, tow.csv"),
        ("[[input]]\nrole = 'boat'\npath = '/etc/hostname'", "'/etc/hostname' lies outside the project folder"),
        ("[[input]]\nrole = 'boat'\npath = '../x.csv'", "'../x.csv' lies outside the project folder"),
        (
            "[[input]]\nrole = 'boat'\npath = 'C:\\data\\x.csv'",
            "lies outside the project folder; move it into the folder",
        ),
        ("[[input]]\nrole = 'boat'\npath = '\\\\host\\share\\x.csv'", "lies outside the project folder"),
        (
            "[[input]]\nrole = 'boat'\npath = 'tow.csv'\n[[input]]\nrole = 'boat'\npath = './tow.csv'",
            "the same file as input 1",
        ),
        (
            "[[input]]\nrole = 'drone'\npath = 'flight'\noptions = { finds = 'a.json' }",
            "finds path: no file or folder 'a.json'",
        ),
        ('[[input]]\npath = "flight\\0412"', "write Windows paths with / or between single quotes"),
        ("[project", "not readable as TOML"),
    ],
)
def test_each_problem(folder, text, part):
    """Each mistake is said with its place, its value and the way out."""
    assert part in said(folder, text)


def test_outside_on_purpose(folder, tmp_path):
    """A file elsewhere is taken where the input says that this is meant."""
    (tmp_path / "big.tif").touch()
    text = f"[[input]]\nrole = 'scene'\npath = '{(tmp_path / 'big.tif').as_posix()}'\nis_outside = true"
    assert Project.open(write(folder, text)).inputs[0].path == (tmp_path / "big.tif").resolve()


def test_names_written_with_apart_accents(folder):
    """A name that the disk spells in another Unicode form is found."""
    (folder / "flu\u0308sse.gpkg").touch()
    project = Project.open(write(folder, "[[input]]\nrole = 'rivers'\npath = 'fl\u00fcsse.gpkg'"))
    assert project.inputs[0].path.exists()


def test_relative_paths(tmp_path):
    """Paths are written with / and relative where they lie inside."""
    assert to_relative(tmp_path / "a b" / "c.csv", tmp_path) == "a b/c.csv"
    assert to_relative(tmp_path.parent / "c.csv", tmp_path) == (tmp_path.parent / "c.csv").as_posix()


def test_problem_order_is_the_order_of_the_file(folder):
    """The same mistakes give the same list every time."""
    text = "[project]\ntz = 'a'\ncrs = 'b'\npoints_crs = 'c'"
    lists = []
    for _ in range(3):
        with pytest.raises(ProjectError) as caught:
            parse_settings(text, folder)
        lists.append([problem.where for problem in caught.value.problems])
    assert lists == [["[project] crs", "[project] points_crs", "[project] tz"]] * 3
