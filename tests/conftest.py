"""Fixtures of all tests, and the switch that turns a skip into a failure."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[1]


def _missing(what: str, reason: str) -> None:
    if what in os.environ.get("OUTFALL_REQUIRE", "").split(","):
        pytest.fail(f"{what} is required here: {reason}")
    pytest.skip(reason)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what takes minutes, unless OUTFALL_PATIENT=1 asks for it."""
    if os.environ.get("OUTFALL_PATIENT") == "1":
        return
    for item in items:
        if item.get_closest_marker("patient"):
            item.add_marker(pytest.mark.skip(reason="takes minutes; OUTFALL_PATIENT=1 runs it"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real data beside the repository."""
    folder = Path(os.environ.get("OUTFALL_DATA", _ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        _missing("realdata", f"no real data in {folder}")
    return folder


@pytest.fixture(scope="session")
def chromium() -> str:
    """Return the path of a Chromium that can open pages without a screen."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        _missing("browser", "no Chromium is installed")
    return str(found)


@pytest.fixture(scope="session")
def rivertown() -> Path:
    """Return the folder of the invented sample town."""
    return _ROOT / "sample_data" / "rivertown"
