"""How long do a step of the time axis and a search take on a page of many rows, and how long the index."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd

from outfall.maps import Layer, Map

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
KEYS = ("time_step_ms", "time_count_ms", "search_ms", "search_index_ms", "search_longest_slice_ms", "find_rows")


def measure(*, quick: bool) -> dict[str, float | int | bool | str | None]:
    """Return milliseconds of script for 100,000 rows (20,000 in a quick run); None without a browser."""
    rows = 20_000 if quick else 100_000
    empty: dict[str, float | int | bool | str | None] = dict.fromkeys(KEYS)
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return empty
    if not Path(CHROMIUM).exists():
        return empty
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as engine:
        path = Map((make_layer(rows),)).save(Path(folder) / "map.html")
        browser = engine.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.goto(path.as_uri())
        page.wait_for_selector(".ready", timeout=60_000)
        told = {**_times(page), **_searches(page)}
        browser.close()
    return {**empty, **told, "find_rows": rows}


def make_layer(rows: int, seed: int = 0) -> Layer:
    """Return a layer of points with a code, a name, a number and a time."""
    rng = np.random.default_rng(seed)
    table = gpd.GeoDataFrame(
        {
            "code": [f"QH-{k:06d}" for k in rng.permutation(rows)],
            "name": [f"示例河第{k % 977}号口{k}" for k in range(rows)],
            "cod_mgl": rng.lognormal(3, 1, rows),
            "seen_at": pd.Timestamp("2024-01-01T00:00Z") + pd.to_timedelta(rng.uniform(0, 700, rows), unit="D"),
        },
        geometry=gpd.points_from_xy(rng.uniform(119, 121, rows), rng.uniform(29, 31, rows)),
        crs=4490,
    )
    return Layer("finds", "points", table, style="cod_mgl", label="code", search=("code", "name"), time="seen_at")


def _times(page) -> dict[str, float]:
    """Move the end of the window by keys; a step is the handler and the picture after it."""
    steps = page.evaluate(
        """async () => {
          const handle = document.querySelector('#time .grab.to'), spent = [], counted = [];
          const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 0)));
          const press = () => handle.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowLeft', bubbles: true }));
          for (let k = 0; k < 12; k++) {
            const start = performance.now();
            press();
            counted.push(performance.now() - start);
            await frame();
            spent.push(performance.now() - start);
          }
          return [spent, counted];
        }"""
    )
    return {"time_step_ms": float(np.median(steps[0])), "time_count_ms": float(np.median(steps[1]))}


def _searches(page) -> dict[str, float]:
    """Type while the index is made, and again when it stands."""
    told = page.evaluate(
        """async () => {
          const input = document.getElementById('query'), spent = [];
          let longest = 0, last = performance.now(), isWatching = true;
          const watch = () => { const now = performance.now(); longest = Math.max(longest, now - last); last = now; if (isWatching) setTimeout(watch, 0); };
          input.focus();
          input.value = 'qh012345';
          const start = performance.now();
          input.dispatchEvent(new Event('input'));
          last = performance.now();
          watch();
          while (!document.querySelector('#hits [role=option]')) await new Promise((done) => setTimeout(done, 2));
          const index = performance.now() - start;
          isWatching = false;
          for (const text of ['qh01', '第12号口', '号口5', 'qh-012345', 'zzzz', '9']) {
            const begin = performance.now();
            input.value = text;
            input.dispatchEvent(new Event('input'));
            spent.push(performance.now() - begin);
          }
          return { index, longest, spent };
        }"""
    )
    return {
        "search_ms": float(np.max(told["spent"])),
        "search_index_ms": float(told["index"]),
        "search_longest_slice_ms": float(told["longest"]),
    }


if __name__ == "__main__":
    import sys

    print(json.dumps(measure(quick="--quick" in sys.argv), indent=2))
