"""An output is the old one or the new one, never a half."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from outfall.errors import ProjectError, StoreError
from outfall.store import aside, write_aside


def text(content):
    return lambda path: path.write_text(content, encoding="utf-8")


def pages(*names):
    def write(aside):
        aside.mkdir()
        for name in names:
            (aside / name).write_text(name, encoding="utf-8")

    return write


def names(folder):
    return sorted(item.name for item in folder.iterdir())


def test_file_replaces_file(tmp_path):
    """A new file takes the place of the old one, and nothing else is left."""
    target = tmp_path / "输出 1" / "台账.csv"
    write_aside(target, text("old"))
    assert write_aside(target, text("new")) == target
    assert target.read_text(encoding="utf-8") == "new"
    assert names(target.parent) == ["台账.csv"]


def test_folder_replaces_folder(tmp_path):
    """A new folder takes the place of the old one whole: no page of the old one stays."""
    write_aside(tmp_path / "briefs", pages("a.html", "b.html"))
    write_aside(tmp_path / "briefs", pages("b.html", "c.html"))
    assert names(tmp_path / "briefs") == ["b.html", "c.html"]
    assert names(tmp_path) == ["briefs"]


def test_long_names(tmp_path):
    """A name as long as a disk takes it is written too."""
    name = "口" * 83 + ".html"
    write_aside(tmp_path / name, text("new"))
    write_aside(tmp_path / name[:-5], pages("a"))
    write_aside(tmp_path / name[:-5], pages("b"))
    assert names(tmp_path) == sorted([name, name[:-5]])


def test_full_disk_is_one_clear_error(tmp_path):
    """A disk that is full, or fails, leaves the old output and says so."""

    def fill(path):
        path.touch()
        raise OSError(errno.ENOSPC, "No space left on device")

    write_aside(tmp_path / "a.csv", text("old"))
    with pytest.raises(ProjectError, match="disk is full; make room"):
        write_aside(tmp_path / "a.csv", fill)
    with pytest.raises(ProjectError, match="it cannot be written"):
        write_aside(tmp_path / "a.csv", lambda path: (path / "b").write_text("x"))
    assert names(tmp_path) == ["a.csv"]


def test_the_ending_is_kept(tmp_path):
    """The writer sees the ending of the target, by which writers choose their format."""
    seen = []
    write_aside(tmp_path / "a.gpkg", lambda aside: (seen.append(aside), aside.touch()))
    assert seen[0].suffix == ".gpkg"
    assert seen[0].parent == tmp_path


@pytest.mark.parametrize("make", [text, pages])
def test_failing_writer_leaves_the_old_one(tmp_path, make):
    """A writer that fails half way leaves the old output and no leftovers; its error is not hidden."""

    def fail(aside):
        make("half")(aside)
        msg = "half way"
        raise ValueError(msg)

    write_aside(tmp_path / "out", make("old"))
    with pytest.raises(ValueError, match="half way"):
        write_aside(tmp_path / "out", fail)
    assert names(tmp_path) == ["out"]


@pytest.mark.parametrize("make", [text, pages])
def test_open_output_is_one_clear_error(tmp_path, monkeypatch, make):
    """Where Windows refuses because the output is open elsewhere, the old one stays and the message says what to do."""
    target = tmp_path / "out"
    write_aside(target, make("old"))
    real = Path.replace

    def refuse(self, other):
        if (Path(other) == target and self.suffix != ".old") or Path(other).suffix == ".old":
            raise PermissionError(13, "The process cannot access the file", str(other))
        return real(self, other)

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(ProjectError, match=r"open in another program.*close it there.*The old one is unchanged"):
        write_aside(target, make("new"))
    monkeypatch.undo()
    assert names(tmp_path) == ["out"]
    assert (target.read_text(encoding="utf-8") if target.is_file() else names(target)) in ("old", ["old"])


def test_second_move_of_a_folder_fails(tmp_path, monkeypatch):
    """A folder whose new version cannot be moved in comes back."""
    target = tmp_path / "briefs"
    write_aside(target, pages("old"))
    real = Path.replace

    def refuse(self, other):
        if ".part" in self.name:
            raise PermissionError(13, "denied", str(other))
        return real(self, other)

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(ProjectError, match="open in another program"):
        write_aside(target, pages("new"))
    assert names(target) == ["old"]


def test_interrupted_swap_is_mended(tmp_path):
    """A folder that an interrupted run had moved away is put back by the next one, even if that one fails."""
    write_aside(tmp_path / "briefs", pages("a.html"))
    (tmp_path / "briefs").rename(tmp_path / (aside._old_start(tmp_path / "briefs") + "0a1b2c3d.old"))
    with pytest.raises(ProjectError, match="nothing was written"):
        write_aside(tmp_path / "briefs", lambda aside: None)
    assert names(tmp_path / "briefs") == ["a.html"]


def test_file_and_folder_do_not_replace_each_other(tmp_path):
    """A folder never takes the place of a file, nor a file the place of a folder."""
    write_aside(tmp_path / "a", text("old"))
    write_aside(tmp_path / "b", pages("old"))
    with pytest.raises(ProjectError, match="a file stands where a folder is needed"):
        write_aside(tmp_path / "a", pages("new"))
    with pytest.raises(ProjectError, match="a file stands where a folder is needed"):
        write_aside(tmp_path / "b", text("new"))
    with pytest.raises(ProjectError, match="a file stands where a folder is needed"):
        write_aside(tmp_path / "a" / "c", text("new"))
    assert names(tmp_path) == ["a", "b"]


@pytest.mark.parametrize("name", ["town.outfalldb", "town.OUTFALLDB", "town.outfalldb-wal", "town.outfalldb-shm"])
def test_a_live_store_is_never_replaced(tmp_path, name):
    """The live file and its companions are not outputs."""
    with pytest.raises(StoreError, match="never replaced"):
        write_aside(tmp_path / name, text("new"))
