"""What is handed out is a copy: no second SQLite ever opens the live file."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyogrio
import pytest

import outfall
from outfall.errors import ReadError, StoreError
from outfall.store import append_rows, create_store, read_events, read_rows, take_snapshot, verify_chain
from outfall.store.backend import write_transaction
from outfall.tables import contracts, read_frame
from tests.store.rows import draw_rows

_PACKAGE = Path(outfall.__file__).parent


@pytest.fixture
def store(tmp_path):
    return create_store(tmp_path / "town.outfalldb")


@pytest.fixture
def filled(store):
    append_rows(store, "samples", draw_rows("samples", count=8), actor="test")
    return store


def test_snapshot_holds_every_table(store, tmp_path):
    """A snapshot has one layer per table with all its rows and the hash that proves the log."""
    for table in contracts():
        append_rows(store, table, draw_rows(table), actor="test")
    target = take_snapshot(store, tmp_path / "快照 1.gpkg")
    layers = {str(name) for name, _ in pyogrio.list_layers(target)}
    assert layers == {*contracts(), "snapshot"}
    for table in contracts():
        back = pyogrio.read_dataframe(target, layer=table)
        stored = read_rows(store, table)
        assert back[stored.columns[0]].tolist() == stored.iloc[:, 0].tolist()
        assert back.shape[0] == 9
    assert verify_chain(store, head=pyogrio.read_dataframe(target, layer="snapshot")["hash"].item())
    assert [item.name for item in tmp_path.iterdir() if item.name.startswith(".")] == []


def test_snapshot_of_awkward_columns(store, tmp_path):
    """Columns that differ in case, that are called fid or hold mixed values, and rows without any geometry are written."""
    frame = draw_rows("photos", count=2).assign(
        FID=[1, 2], Camera=["a", "b"], geom="x", mixed=pd.Series(["a", 1], dtype="object")
    )
    append_rows(store, "photos", frame.set_geometry(gpd.GeoSeries([None, None])), actor="test")
    back = pyogrio.read_dataframe(take_snapshot(store, tmp_path / "a.gpkg"), layer="photos")
    assert back[["FID_", "Camera_", "geom_", "mixed"]].values.tolist() == [[1, "a", "x", "a"], [2, "b", "x", "1"]]


def test_snapshot_of_a_moment(filled, tmp_path):
    """A snapshot as of a moment has the rows of that moment."""
    at = read_events(filled)["recorded_at"].max()
    append_rows(filled, "samples", draw_rows("samples", seed=1), actor="test")
    take_snapshot(filled, tmp_path / "then.gpkg", as_of=at.to_pydatetime())
    assert len(pyogrio.read_dataframe(tmp_path / "then.gpkg", layer="samples")) == 8
    take_snapshot(filled, tmp_path / "then.gpkg", as_of=3)
    assert len(pyogrio.read_dataframe(tmp_path / "then.gpkg", layer="samples")) == 3


def test_snapshot_never_touches_a_live_file(filled, tmp_path):
    """The live file, a link to it and another store are refused as a target, and so is another ending."""
    link = tmp_path / "link.gpkg"
    link.symlink_to(filled)
    hard = tmp_path / "hard.gpkg"
    hard.hardlink_to(filled)
    for target in (filled, link, hard, tmp_path / "other.outfalldb", tmp_path / "town.outfalldb-wal"):
        with pytest.raises(StoreError, match="this is a live store"):
            take_snapshot(filled, target)
    with pytest.raises(StoreError, match=r"end its name in \.gpkg"):
        take_snapshot(filled, tmp_path / "town.shp")
    assert len(read_rows(filled, "samples")) == 8


def test_readers_refuse_the_live_file(filled):
    """The reader of files does not hand a live store to GDAL."""
    with pytest.raises(ReadError, match=r"\.outfalldb is not read"):
        read_frame(filled)


def imports(file):
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield str(node.module).split(".")[0]


@pytest.mark.parametrize("file", sorted(_PACKAGE.rglob("*.py")), ids=lambda file: file.relative_to(_PACKAGE).as_posix())
def test_one_sqlite_build(file):
    """Only the store and the reader of foreign files import apsw, and nothing the SQLite of the standard library."""
    found = set(imports(file))
    assert "sqlite3" not in found
    assert "apsw" not in found or file.parent.name in ("store", "safe")
    if file.parent.name == "store":
        assert "pyogrio" not in found or file.name == "snapshot.py"


def test_snapshot_is_written_elsewhere(filled, tmp_path, monkeypatch):
    """GDAL is given a temporary file beside the target and never the live file."""
    given = []
    real = pyogrio.write_dataframe
    monkeypatch.setattr(
        pyogrio,
        "write_dataframe",
        lambda frame, path, **options: (given.append(Path(path)), real(frame, path, **options)),
    )
    take_snapshot(filled, tmp_path / "town.gpkg")
    assert {path.suffix for path in given} == {".gpkg"}
    assert tmp_path / "town.gpkg" not in given


def test_snapshot_does_not_drop_the_lock_of_a_writer(filled, tmp_path):
    """While rows are being written, a snapshot in the same process leaves other processes locked out."""
    code = "import apsw, sys; c = apsw.Connection(sys.argv[1]); c.execute('BEGIN IMMEDIATE')"
    with write_transaction(filled):
        take_snapshot(filled, tmp_path / "town.gpkg")
        done = subprocess.run([sys.executable, "-c", code, str(filled)], capture_output=True, text=True, check=False)
    assert "BusyError" in done.stderr
    assert len(pyogrio.read_dataframe(tmp_path / "town.gpkg", layer="samples")) == 8
