"""``import outfall`` is a promise: nothing heavy is loaded before it is used."""

import json
import subprocess
import sys

HEAVY = [
    "geopandas",
    "pandas",
    "numpy",
    "shapely",
    "folium",
    "rasterio",
    "xarray",
    "networkx",
    "scipy",
    "apsw",
    "rich",
    "click",
]


def test_importing_loads_nothing_heavy():
    """The root knows names, not libraries."""
    code = f"import outfall, sys, json; print(json.dumps([m for m in {HEAVY!r} if m in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []


def test_a_name_is_loaded_when_it_is_used():
    """One use loads one part."""
    code = "import outfall, sys; outfall.label; print('geopandas' in sys.modules, 'outfall.vocabulary' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]
