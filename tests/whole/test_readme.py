"""The first screen of the README is true: its session runs and prints what it says it prints."""

import contextlib
import io
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_session_prints_what_the_readme_says(tmp_path, monkeypatch):
    """Ten lines, run as they stand, give the printed answer as it stands."""
    session, printed = re.search(r"```python\n(.*?)```\n\n```text\n(.*?)```", TEXT, re.DOTALL).groups()
    (tmp_path / "sample_data").symlink_to(ROOT / "sample_data")
    monkeypatch.chdir(tmp_path)
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(session, "README.md", "exec"), {})
    assert out.getvalue().split() == printed.split()
    assert (tmp_path / "map.html").stat().st_size > 100_000


def test_every_link_of_the_readme_leads_somewhere():
    """No picture, notebook or page is promised that is not there."""
    for target in re.findall(r"\]\(([^)#]+)\)", TEXT):
        assert (ROOT / target).exists(), target


def test_both_commands_stand_in_the_readme():
    """The two commands a newcomer types."""
    assert "python -m pip install . && outfall run sample_data/rivertown" in TEXT
    assert 'python -m pip install ".[test]" && python -m pytest' in TEXT
