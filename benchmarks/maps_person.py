"""What a person waits for: walking 100,000 reaches in the page, the open table of 100,000 rows, a sheet of paper."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


def measure(*, quick: bool) -> dict[str, float | int | bool | str | None]:
    """Return milliseconds of script in headless Chromium; null without a Chromium."""
    keys = ("lit_ms", "lit_first_ms", "table_open_ms", "table_sort_ms", "print_preview_ms", "png_ms")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    count = 20_000 if quick else 100_000
    if chromium is None:
        return {**dict.fromkeys(keys), "person_why": "no Chromium is installed"}
    from outfall.maps import Map
    from tests.maps.browser import browse, opened

    with tempfile.TemporaryDirectory() as folder, browse(chromium) as context:
        file = Map(_layers(count), title="person").save(Path(folder) / "map.html")
        with opened(context, file, mark="#reaches/r5") as heard:
            page = heard.page
            first = _time(page, "document.querySelector('.segments [data-mode=down]').click()")
            again = _time(page, "document.querySelector('.segments [data-mode=down]').click()")
            page.keyboard.press("Escape")
            table = _time(page, "document.getElementById('tool-table').click()")
            sort = _time(page, "document.querySelector('th [data-column=code]').click()")
            page.keyboard.press("Escape")
            preview = _time(page, "document.getElementById('tool-print').click()")
            picture = _time(page, "document.getElementById('print-png').click()")
    return {"person_features": 2 * count, **dict(zip(keys, (again, first, table, sort, preview, picture), strict=True))}


def _layers(count):
    from outfall.maps import Layer

    rng = np.random.default_rng(0)
    after = np.append(np.arange(1, count) + rng.integers(0, 3, count - 1), count)
    nodes = np.column_stack([120 + 0.9 * rng.uniform(size=count + 3), 30 + 0.7 * rng.uniform(size=count + 3)])
    nodes = nodes[np.argsort(nodes[:, 0] + 0.02 * nodes[:, 1])]
    import shapely

    to_node = np.minimum(after, count)
    lines = shapely.linestrings(np.stack([nodes[:count], nodes[to_node]], axis=1))
    reaches = gpd.GeoDataFrame(
        {
            "reach_id": [f"r{k}" for k in range(count)],
            "kind": "river",
            "from_node": [f"n{k}" for k in range(count)],
            "to_node": [f"n{k}" for k in to_node],
            "length_m": rng.uniform(20, 400, count).round(1),
            "travel_h": rng.uniform(0.01, 0.4, count).round(3),
        },
        geometry=lines,
        crs=4490,
    )
    wells = gpd.GeoDataFrame(
        pd.DataFrame({"code": rng.permutation(count).astype(str), "value": rng.normal(size=count).round(2)}),
        geometry=gpd.points_from_xy(*nodes[:count].T),
        crs=4490,
    )
    return (Layer("reaches", "lines", reaches, contract="reaches"), Layer("wells", "points", wells, label="code"))


def _time(page, script):
    return round(page.evaluate(f"() => {{ const t = performance.now(); {script}; return performance.now() - t; }}"), 1)


if __name__ == "__main__":
    print(json.dumps(measure(quick="--quick" in sys.argv), indent=1))
