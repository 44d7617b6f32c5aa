"""What the page in three dimensions costs beside the normal one: 100,000 outfalls with twelve fields and 100,000 reaches.

python benchmarks/maps_gl.py [--quick]

CPU seconds of all browser processes from opening the page to idleness, in a browser whose WebGL is drawn by the processor (SwiftShader):
with a graphics card the engine's share falls. Quick takes a tenth of the features.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

import maps_browser
from maps_made import make_map

from outfall.maps import Map

N = 100_000


def measure(*, quick: bool = False) -> dict[str, float | int | bool | str | None]:
    """Return every figure."""
    n = N // 10 if quick else N
    drawn = make_map(n, n)
    out: dict[str, float | int | bool | str | None] = {"gl_features": 2 * n}
    with tempfile.TemporaryDirectory() as folder:
        flat, solid, empty = (Path(folder) / f"{name}.html" for name in ("flat", "solid", "empty"))
        Map(()).to_maplibre().save(empty)
        drawn.save(flat)
        begun = time.process_time()
        drawn.to_maplibre().save(solid)
        out["gl_write_cpu_s"] = round(time.process_time() - begun, 2)
        out |= {"gl_mb": _mb(solid), "gl_mb_empty": _mb(empty), "flat_mb": _mb(flat)}
        if maps_browser.find_browser() is None:
            return out | {"gl_why": "no Chromium or no playwright (extra bench)"}
        for name, page, ready in (
            ("gl_empty", empty, "body.drawn"),
            ("flat", flat, "body.ready"),
            ("gl", solid, "body.drawn"),
        ):
            with maps_browser.opened(page, ready=ready) as found:
                out |= {
                    f"{name}_draw_cpu_s": round(found.drawn_cpu_s, 2),
                    f"{name}_draw_wall_s": round(found.drawn_wall_s, 2),
                }
                out |= {
                    f"{name}_drawn": found.is_drawn,
                    f"{name}_requests": len(found.requests),
                    f"{name}_errors": len(found.errors),
                }
    return out


def _mb(path: Path) -> float:
    return round(path.stat().st_size / 1e6, 3)


if __name__ == "__main__":
    print(json.dumps(measure(quick="--quick" in sys.argv), indent=2))
