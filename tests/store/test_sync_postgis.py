"""A team's file and the county's database take from each other as two files do."""

from __future__ import annotations

import pandas as pd
import pytest

from outfall.project import Project
from outfall.store import append_rows, create_store, read_events, read_rows
from outfall.store.conflicts import list_conflicts, resolve_conflict
from outfall.store.imports import import_file, list_imports
from outfall.store.quarantine import list_quarantine
from outfall.store.replay import digest_tables, rebuild
from outfall.store.sync import export_events, merge_events
from outfall.store.undo import undo
from tests.store.rows import draw_rows

pytestmark = pytest.mark.postgis


def sample(**cells):
    return pd.DataFrame({"sample_id": ["W1"], "taken_at": ["2026-04-12T08:00Z"], "source_ref": ["lab.csv#2"], **cells})


def both(boat, url):
    for _ in range(2):
        merge_events(url, boat, actor="county")
        merge_events(boat, url, actor="boat")


def test_file_and_database_agree(tmp_path, url):
    """Rows, edits, conflicts, decisions and undos give equal tables on both sides."""
    boat = create_store(tmp_path / "boat.outfalldb")
    append_rows(boat, "outfalls", draw_rows("outfalls"), actor="Li")
    append_rows(boat, "samples", sample(), actor="Li")
    merge_events(url, export_events(boat, tmp_path / "a.delta"), actor="county")
    assert digest_tables(url) == digest_tables(boat)
    append_rows(boat, "samples", sample(note=["dry"]), actor="Li")
    append_rows(url, "samples", sample(note=["wet"], team=["甲"]), actor="Wang")
    both(boat, url)
    asked = [list_conflicts(store) for store in (boat, url)]
    pd.testing.assert_frame_equal(*asked)
    dry = asked[0].loc[asked[0]["value"] == "dry", "event_id"].iloc[0]
    resolve_conflict(url, "samples", "W1", "note", event_id=dry, actor="Zhao", reason="photo")
    both(boat, url)
    assert read_rows(boat, "samples")["note"].tolist() == ["dry"]
    last = len(read_events(url))
    undo(url, (last, last), actor="Zhao", reason="no")
    both(boat, url)
    assert digest_tables(url) == digest_tables(boat) == rebuild(url) == rebuild(boat)


def test_an_import_into_a_database(tmp_path, url):
    """A file is taken once, its wrong row waits, and all of it can be undone."""
    file = tmp_path / "lab.csv"
    file.write_text("sample_id,taken_at\nW1,2026-04-12T08:00Z\nW2,昨天\n", encoding="utf-8")
    done = import_file(url, file, "samples", actor="Li")
    assert import_file(url, file, "samples", actor="Li").is_known
    assert (len(list_imports(url)), len(list_quarantine(url))) == (1, 1)
    undo(url, done.import_id, actor="Li", reason="wrong")
    assert (len(read_rows(url, "samples")), len(list_quarantine(url))) == (0, 0)


def test_a_project_can_keep_its_tables_at_a_server(tmp_path, postgis_url):
    """Tables saved at an address come back from it, and nothing is written into the folder."""
    project = Project.create(tmp_path / "county")
    shared = Project.open(project.folder, address=postgis_url)
    assert shared.save("samples", sample()) == 1
    assert shared.load("samples")["sample_id"].tolist() == ["W1"]
    assert (shared.tables(), shared.problems()) == ({"samples": 1}, [])
    assert (list(project.folder.glob("*.outfalldb")), project.tables()) == ([], {})
