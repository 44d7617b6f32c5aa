"""What waits for a person is a problem of the project: rows in quarantine, and what two teams wrote differently."""

from __future__ import annotations

import pandas as pd
import pytest

from outfall.errors import ProjectError
from outfall.project import Project
from outfall.store import append_rows, create_store, import_file, merge_events, release_quarantine
from outfall.store.quarantine import list_quarantine


@pytest.fixture
def project(tmp_path):
    return Project.create(tmp_path / "county")


def sample(**cells):
    return pd.DataFrame({"sample_id": ["W1"], "taken_at": ["2026-04-12T08:00Z"], "source_ref": ["lab.csv#2"], **cells})


def test_rows_in_quarantine_are_problems(project, tmp_path):
    """A row that was read and did not enter is listed with its reason until somebody lets it go."""
    file = tmp_path / "lab.csv"
    file.write_text("sample_id,taken_at\nW1,2026-04-12T08:00Z\nW2,昨天\n", encoding="utf-8")
    create_store(project.store)
    import_file(project.store, file, "samples", actor="Li")
    (problem,) = project.problems()
    assert (problem.where, problem.rows) == ("samples: quarantine", ("lab.csv#3",))
    assert "昨天" in problem.what
    release_quarantine(project.store, list_quarantine(project.store)["quarantine_id"].tolist(), actor="Li", reason="x")
    assert project.problems() == []


def test_conflicts_are_problems(project, tmp_path):
    """Two values of one cell are listed with those who wrote them."""
    project.save("samples", sample())
    other = create_store(tmp_path / "other.outfalldb")
    merge_events(other, project.store, actor="Wang")
    project.save("samples", sample(note=["dry"]), actor="Li")
    append_rows(other, "samples", sample(note=["wet"]), actor="Wang")
    merge_events(project.store, other, actor="Li")
    (problem,) = project.problems()
    assert (problem.where, problem.rows) == ("samples.note", ("W1",))
    assert problem.what == "written differently: 'dry' (Li), 'wet' (Wang)"


def test_an_address_must_be_one(project):
    """A store at a server is named by its address, and by nothing else."""
    with pytest.raises(ProjectError, match="is not the address of a store"):
        Project.open(project.folder, address="county")
