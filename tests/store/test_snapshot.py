"""What is handed out is a copy: no second SQLite ever opens the live file."""

from __future__ import annotations

import ast
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyogrio
import pytest
import shapely

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


def edits(store, frame):
    """Save changes of every sort: a changed row, a moved one, a deleted one, a new one, one of another table."""
    frame = frame.iloc[1:].copy()
    frame.loc[2, "name"] = "another"
    frame.loc[3, "geometry"] = shapely.Point(113.9, 22.9)
    new = draw_rows("outfalls", count=1, seed=7)
    append_rows(store, "outfalls", pd.concat([frame, new]), actor="test", replace=True)
    append_rows(store, "samples", draw_rows("samples", seed=4), actor="test")


def contents(path):
    return {
        str(layer): pyogrio.read_dataframe(path, layer=layer, fid_as_index=True)
        for layer, _ in pyogrio.list_layers(path)
    }


def test_a_snapshot_brought_up_to_date_is_the_one_written_anew(store, tmp_path):
    """Whatever changed since, the copy with the changed rows holds what a new file holds."""
    frame = draw_rows("outfalls")
    append_rows(store, "outfalls", frame, actor="test")
    append_rows(store, "samples", draw_rows("samples"), actor="test")
    target = take_snapshot(store, tmp_path / "town.gpkg")
    edits(store, frame)
    with unwritten(tmp_path / "town.gpkg"):
        take_snapshot(store, target)
    found, anew = contents(target), contents(take_snapshot(store, tmp_path / "anew.gpkg"))
    for name in ("outfalls", "samples"):
        pd.testing.assert_frame_equal(pd.DataFrame(found[name]), pd.DataFrame(anew[name]))
    box = pyogrio.read_dataframe(target, layer="outfalls", bbox=(113.85, 22.85, 113.95, 22.95))
    assert "another" in found["outfalls"]["name"].tolist()
    assert frame["outfall_id"].iloc[3] in box["outfall_id"].tolist()
    assert verify_chain(store, head=found["snapshot"]["hash"].item())


@contextmanager
def unwritten(target):
    """Fail if a table is written as a whole."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("outfall.store.snapshot._make_file", lambda connection: pytest.fail("was written anew"))
        yield


def test_an_edited_snapshot_is_written_anew(store, tmp_path):
    """What people changed in a snapshot is not carried into the next one."""
    append_rows(store, "outfalls", draw_rows("outfalls"), actor="test")
    target = take_snapshot(store, tmp_path / "town.gpkg")
    frame = pyogrio.read_dataframe(target, layer="outfalls").iloc[:1].assign(outfall_id="slipped in")
    pyogrio.write_dataframe(frame, target, layer="outfalls", append=True)
    assert "slipped in" in contents(target)["outfalls"]["outfall_id"].tolist()
    append_rows(store, "samples", draw_rows("samples"), actor="test")
    assert "slipped in" not in contents(take_snapshot(store, target))["outfalls"]["outfall_id"].tolist()


def test_a_snapshot_of_another_store_is_written_anew(store, tmp_path):
    """A snapshot in the same place is brought up to date only where it is of the same log."""
    other = create_store(tmp_path / "other.outfalldb")
    append_rows(other, "outfalls", draw_rows("outfalls", seed=5), actor="test")
    append_rows(store, "outfalls", draw_rows("outfalls", seed=6), actor="test")
    target = take_snapshot(other, tmp_path / "town.gpkg")
    back = contents(take_snapshot(store, target))["outfalls"]
    assert back["outfall_id"].tolist() == read_rows(store, "outfalls")["outfall_id"].tolist()


def test_snapshot_does_not_drop_the_lock_of_a_writer(filled, tmp_path):
    """While rows are being written, a snapshot in the same process leaves other processes locked out."""
    code = "import apsw, sys; c = apsw.Connection(sys.argv[1]); c.execute('BEGIN IMMEDIATE')"
    with write_transaction(filled):
        take_snapshot(filled, tmp_path / "town.gpkg")
        done = subprocess.run([sys.executable, "-c", code, str(filled)], capture_output=True, text=True, check=False)
    assert "BusyError" in done.stderr
    assert len(pyogrio.read_dataframe(tmp_path / "town.gpkg", layer="samples")) == 8
