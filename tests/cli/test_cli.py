"""The command line: exit codes, one clear message, any console, any folder name."""

import os
import subprocess
import sys
import time

import pytest

from outfall.cli import cli, main
from outfall.cli.screen import show_summary
from tests.chain.conftest import sightings, write_county

VERBS = ["add", "check", "demo", "init", "inventory", "map", "pack", "register", "run", "scene", "trace"]


@pytest.fixture
def county(tmp_path, monkeypatch):
    """Return a county beside which commands are run."""
    monkeypatch.chdir(tmp_path)
    return write_county(tmp_path / "某 县")


def started(*arguments, encoding="utf-8", cwd=None):
    """Run the command line in a process of its own with a console of some code page."""
    environment = {
        **os.environ,
        "PYTHONIOENCODING": encoding,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "COLUMNS": "100",
    }
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "outfall.cli", *map(str, arguments)],
        capture_output=True, cwd=cwd, env=environment, check=False, timeout=120,
    )  # fmt: skip


def test_every_verb_has_a_command():
    """The commands are the verbs of the design."""
    assert sorted(cli.commands) == VERBS


@pytest.mark.parametrize("verb", VERBS)
def test_help_is_there(verb, capsys):
    """Each command explains itself and exits with 0."""
    assert main([verb, "--help"]) == 0
    assert "Usage: outfall" in capsys.readouterr().out


def test_help_is_quick():
    """Help does not import what only commands need."""
    code = "import sys, outfall.cli; outfall.cli.main(['--help']); print(sorted({'pandas','geopandas','numpy','rich','folium'} & set(sys.modules)))"
    best = 9.0
    for _ in range(3):
        begun = time.perf_counter()
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        best = min(best, time.perf_counter() - begun)
    assert done.stdout.strip().endswith("[]")
    assert best < 1.0


def test_bad_data_is_one_message_and_1(county, capsys):
    """Bad data end with 1 and no traceback."""
    (county / "walk.csv").write_text("", encoding="utf-8")
    assert main(["run", str(county)]) == 1
    said = capsys.readouterr().err
    assert "Error: county: 1 input has problems" in said
    assert "Traceback" not in said


def test_debug_shows_the_traceback(county, capsys):
    """The same with --debug, wherever it stands, shows where the error arose."""
    (county / "walk.csv").write_text("", encoding="utf-8")
    assert main(["run", str(county), "--debug"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_no_project_is_1(tmp_path, capsys):
    """A folder without outfall.toml says how to write one."""
    assert main(["run", str(tmp_path)]) == 1
    assert "outfall init" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [["fly"], ["run", "--speed", "3"], ["run", ".", "--lang", "fr"], ["add", "kite", "."], []]
)
def test_bad_usage_is_2(arguments, capsys, tmp_path, monkeypatch):
    """A command nobody knows, an unknown option, language or role end with 2."""
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    assert "Usage:" in "".join(capsys.readouterr())


def test_a_fault_of_ours_is_said_to_be_ours(monkeypatch, county, capsys):
    """An unforeseen error is no traceback either, and says whose fault it is."""
    import outfall.chain.whole

    def broken(*_args, **_options):
        raise KeyError("x")

    monkeypatch.setattr(outfall.chain.whole, "take_steps", broken)
    assert main(["run", str(county)]) == 1
    assert "a fault of outfall and not of your data" in capsys.readouterr().err


def test_step_by_step(county, capsys):
    """Init, add, register, trace, map and inventory give what a run gives."""
    (county / "outfall.toml").unlink()
    folder = str(county)
    assert main(["init", folder, "--name", "甲县"]) == 0
    text = (county / "outfall.toml").read_text("utf-8")
    assert 'name = "甲县"' in text
    assert 'path = "walk.csv"' in text
    (county / "outfall.toml").write_text('[project]\nname = "county"\n', encoding="utf-8")
    assert (
        main(["add", "network", str(county / "rivers.gpkg"), "--pipes", str(county / "sewers.gpkg"), "-C", folder]) == 0
    )
    for role, name in (("ground", "walk.csv"), ("sources", "permits.csv"), ("results", "lab.csv")):
        assert main(["add", role, str(county / name), "-C", folder]) == 0
    for verb in ("register", "trace"):
        assert main([verb, folder]) == 0
    assert main(["map", folder, "-o", "图 1.html"]) == 0
    assert main(["inventory", folder, "-o", "台账.csv"]) == 0
    assert main(["check", folder]) == 0
    assert "11 个疑似点 -> 10 个排污口" in capsys.readouterr().out
    for name in ("图 1.html", "台账.csv"):
        assert (county.parent / name).stat().st_size > 0


def test_what_people_decided_survives_registering_again(county, capsys):
    """A name and a status that somebody gave stay when the sightings are registered again."""
    from outfall.project import Project

    assert main(["register", str(county)]) == 0
    project = Project.open(county)
    outfalls = project.load("outfalls")
    outfalls.loc[0, ["status", "responsible_party"]] = ["confirmed", "甲电镀厂"]
    project.save("outfalls", outfalls, actor="tester")
    assert main(["register", str(county)]) == 0
    after = Project.open(county).load("outfalls").set_index("outfall_id").loc[outfalls["outfall_id"].iloc[0]]
    assert (after["status"], after["responsible_party"]) == ("confirmed", "甲电镀厂")


def test_check_lists_every_problem(county, capsys):
    """Check names each bad file and ends with 1; a sound project ends with 0."""
    assert main(["check", str(county)]) == 0
    sightings().assign(经度="east").to_csv(county / "walk.csv", index=False)
    (county / "lab.csv").write_text("", encoding="utf-8")
    assert main(["check", str(county)]) == 1
    said = capsys.readouterr().out
    assert "walk.csv" in said
    assert "lab.csv" in said


def test_demo_does_not_overwrite(tmp_path, capsys):
    """A folder that holds something is not filled with a town."""
    (tmp_path / "mine.txt").write_text("mine")
    assert main(["demo", str(tmp_path)]) == 1
    assert "not empty" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(
    ("encoding", "lang", "expected"),
    [("cp936", "zh", "11 个疑似点 -> 10 个排污口"), ("ascii", "en", "11 sightings -> 10 outfalls")],
)
def test_any_console(county, encoding, lang, expected):
    """A console without all our signs shows what it can: the answer, where it is, each step; nothing breaks."""
    done = started("run", county, "--lang", lang, encoding=encoding)
    assert done.returncode == 0, done.stderr
    said = done.stdout.decode(encoding)
    assert expected in said
    assert "county_out" in said
    assert "[10/10]" in done.stderr.decode(encoding)
    assert (county.parent / "county_out" / "map.html").is_file()


def test_hostile_names_are_not_markup(capsys):
    """A name in square brackets is printed as it is."""
    sources = [{"source_id": "S1", "name": "[red]甲[/red]", "posterior_share": 0.5}]
    network = {"reaches": 1, "pieces": [1], "loops": []}
    rows = [{"outfall_id": "[bold]A", "name": "[/]", "sources": sources}]
    summary = {"counts": {}, "network": network, "second_look": 0, "outfalls": rows, "out": "o", "seconds": 1.0}
    show_summary(summary, "en")
    said = capsys.readouterr().out
    assert "[red]甲[/red]" in said
    assert "[bold]A" in said


def test_a_pack_says_which_version_it_was_taken_from(county, tmp_path):
    """What a team takes along names the last event of the project's store, and is never written over."""
    import json

    from outfall.project import Project
    from outfall.store import read_events

    arguments = ["pack", str(county), "--out", str(tmp_path / "一组"), "--team", "一组", "--day", "2026-04-12"]
    assert main([*arguments, "--format", "geojson", "--format", "kmz"]) == 0
    about = json.loads((tmp_path / "一组" / "pack.json").read_text(encoding="utf-8"))
    last = read_events(Project.open(county).store).iloc[-1]
    assert about["register"] == f"{last['seq']}:{last['hash'][:12]}"
    assert (about["team"], about["day"], sorted(about["formats"])) == ("一组", "2026-04-12", ["geojson", "kmz"])
    assert main(arguments) == 1
