"""How large a page is, what it costs to write, and how fast it draws, moves and answers.

python benchmarks/maps_engine.py [--quick] [--json FILE]

100,000 outfalls with twelve fields and 100,000 reaches of twelve corners with four, as ``maps_made`` invents them. Quick keeps the sizes
and moves less often. CPU seconds where it says so; script milliseconds count JavaScript only, task milliseconds all of the page's thread.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

import maps_browser
from maps_made import make_map

from outfall.maps import Map

N = 100_000
_WATCH = """() => {
  const panel = document.getElementById('panel');
  let begun = 0;
  window.opened = [];
  document.addEventListener('click', () => { begun = performance.now(); }, true);
  new MutationObserver(() => { if (begun && panel.classList.contains('open')) { window.opened.push(performance.now() - begun); begun = 0; } })
    .observe(panel, { attributes: true });
}"""


def measure(*, quick: bool = False) -> dict[str, float | int | bool | str | None]:
    """Return every figure."""
    with tempfile.TemporaryDirectory() as folder:
        points, both, empty = (Path(folder) / f"{name}.html" for name in ("points", "both", "empty"))
        Map(()).save(empty)
        drawn = make_map(N)
        out: dict[str, float | int | bool | str | None] = {"write_cpu_s_100k": _write_cpu_s(drawn, points)}
        drawn = make_map(N, N)
        out["write_cpu_s_100k_100k"] = _write_cpu_s(drawn, both)
        out |= {"mb_100k_points": _mb(points), "mb_100k_100k": _mb(both), "mb_empty": _mb(empty)}
        if maps_browser.find_browser() is None:
            names = ("draw_cpu_s_100k_100k", "pan_ms", "click_ms", "requests", "console_errors")
            return out | dict.fromkeys(names) | {"engine_why": "no Chromium or no playwright (extra bench)"}
        with maps_browser.opened(empty) as page:
            out["draw_cpu_s_empty"] = round(page.drawn_cpu_s, 2)
            quiet = [page]
        with maps_browser.opened(both) as page:
            out["draw_cpu_s_100k_100k"] = round(page.drawn_cpu_s, 2)
            out["draw_wall_s_100k_100k"] = round(page.drawn_wall_s, 2)
            out |= _moves(page, 2 if quick else 9)
            quiet.append(page)
        out["requests"] = sum(len(page.requests) for page in quiet)
        out["console_errors"] = sum(len(page.errors) + len(page.dialogs) for page in quiet)
    return out


def _write_cpu_s(drawn: Map, path: Path) -> float:
    begun = time.process_time()
    drawn.save(path)
    return round(time.process_time() - begun, 2)


def _mb(path: Path) -> float:
    return round(path.stat().st_size / 1e6, 3)


def _moves(page: maps_browser.Opened, turns: int) -> dict[str, float | None]:
    """Drag, turn the wheel and click; the first time apart from the median of the others."""
    mouse = page.page.mouse

    def drag(k: int) -> None:
        mouse.move(760, 380)
        mouse.down()
        mouse.move(760 - 90 * (-1) ** k, 380 + 60 * (-1) ** k, steps=4)
        mouse.up()

    def wheel(k: int) -> None:
        mouse.wheel(0, 120 if k % 2 else -120)

    def click(_: int) -> None:
        mouse.down()
        mouse.up()

    out: dict[str, float | None] = {}
    for name, act in (("pan", drag), ("zoom", wheel)):
        page.page.click("#tool-zoom-fit")
        page.settle()
        mouse.move(760, 380)
        spent = [page.spent_ms(lambda k=k, act=act: act(k)) for k in range(turns + 1)]
        out[f"{name}_first_ms"] = round(spent[0]["script_ms"], 1)
        out[f"{name}_ms"] = round(statistics.median(row["script_ms"] for row in spent[1:]), 1)
        out[f"{name}_task_ms"] = round(statistics.median(row["task_ms"] for row in spent[1:]), 1)
    for _ in range(7):
        mouse.wheel(0, -240)
        page.page.wait_for_timeout(60)
    page.settle()
    # Only a click that opened the panel counts: from the click to the open panel, and all script that follows (names, lit paths).
    page.page.evaluate(_WATCH)
    after: list[float] = []
    for k in range(40):
        mouse.move(420 + 61 * k % 640, 140 + 47 * k % 420)
        page.page.wait_for_timeout(60)
        before = page.now()
        click(k)
        page.page.wait_for_timeout(120)
        if page.page.locator("#panel.open").count():
            after.append(1000 * (page.now()["ScriptDuration"] - before["ScriptDuration"]))
            page.page.keyboard.press("Escape")
        if len(after) > turns + 2:
            break
    clicks = page.page.evaluate("() => window.opened")
    out["clicks_that_opened"] = len(clicks)
    out["click_first_ms"] = round(clicks[0], 1) if clicks else None
    out["click_ms"] = round(statistics.median(clicks[1:]), 1) if len(clicks) > 1 else None
    out["click_script_ms"] = round(statistics.median(after[1:]), 1) if len(after) > 1 else None
    return out


if __name__ == "__main__":
    found = measure(quick="--quick" in sys.argv)
    text = json.dumps(found, indent=1, ensure_ascii=False)
    print(text)
    if "--json" in sys.argv:
        Path(sys.argv[sys.argv.index("--json") + 1]).write_text(text, encoding="utf-8")
