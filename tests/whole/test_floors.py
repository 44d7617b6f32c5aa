"""Nothing imports upward; folium, apsw and rasterio stay where they belong."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import outfall

PACKAGE = Path(outfall.__file__).parent
ROOT = PACKAGE.parent
ONLY = {
    "folium": {"maps"},
    "branca": {"maps"},
    "apsw": {"store", "tables"},  # tables/safe opens strangers' GeoPackages with the same build
    "rasterio": {"camera", "scenes", "simulate", "maps", "network"},
    "sqlite3": set(),
    "psycopg": {"store"},
}


def imports(path):
    """Return the top-level packages a file imports, wherever the import stands."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize("library", ONLY)
def test_a_library_is_imported_only_where_it_belongs(library):
    """Two builds of SQLite in one process lose rows; a map library elsewhere is a floor broken."""
    for path in PACKAGE.rglob("*.py"):
        part = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if part not in ONLY[library]:
            assert library not in {name.split(".")[0] for name in imports(path)}, path


def test_simulate_knows_nothing_of_the_tracer():
    """A town whose truth the tracer must find is not made with the tracer's own equations."""
    for path in (PACKAGE / "simulate").rglob("*.py"):
        for name in imports(path):
            assert not name.startswith(("outfall.tracing", "outfall.network.travel")), (path, name)


def test_the_contracts_of_import_linter_hold():
    """The floors of the design, exhaustive: a stray module breaks the build."""
    tool = shutil.which("lint-imports", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    if not (ROOT / "pyproject.toml").exists():
        pytest.skip("not a source tree")
    assert tool, "import-linter is part of the extra 'test'"
    done = subprocess.run(
        [tool], cwd=ROOT, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    assert done.returncode == 0, done.stdout + done.stderr
