"""Hostile text on our pages: how many injections were tried, in how many places, and how many ran.

Every text stands in every place of three pages (values, ids, reasons and notes; names, labels, groups, columns, headings
and words; units, legends and photos), which are opened from the disk without a network, pressed and searched. Then the
probes under which stock folium runs code or goes blank stand in our folium layer. ``injections_run`` must be 0.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

# Every text stands in this many places of a page: values 8 columns of outfalls and 4 of sources; layers name, two labels,
# heading, word, note and group; pictures two labels, note, unit, class, group, photo id, file and path beside.
_PLACES = {"values_map": 12, "layers_map": 7, "pictures_map": 9}
# The probes under which stock folium 0.20 runs code or leaves the whole map blank.
_PROBES = [
    "${document.title='ran'}", "${window.ran=1}", "${7*7}", "D:\\照片\\2019\\1.jpg", "<img src=x onerror=window.ran=1>",
    "<img src=x onerror=\"document.title='ran'\">", "</script><script>window.ran=1</script>", "`${window.ran=1}`",
]  # fmt: skip
_RAN = "Number(window.ran === 1) + Number(document.title === 'ran' || document.title === '49')"
_MARKUP = "document.querySelectorAll('#card img, #panel iframe, #card iframe, #card script, #panel script').length"
_COUNT = """[...document.querySelectorAll('#legend details[data-layer] > summary .count')]
    .reduce((sum, node) => sum + Number(node.textContent.replace(/\\D/g, '') || 0), 0)"""

_KEYS = ("injections_run", "injections_tried", "injections_blank", "injections_requests", "injections_errors")


def measure(*, quick: bool) -> dict[str, float | int | bool | str | None]:
    """Return the figures."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    try:
        from outfall.maps.offline import inline
        from tests.maps import hostile
        from tests.maps.browser import browse, opened
    except ImportError:
        chromium = None
    out: dict[str, float | int | bool | str | None] = dict.fromkeys(_KEYS)
    if chromium is None:
        return {**out, "injections_run_why": "no Chromium, or playwright is not installed"}
    out = dict.fromkeys(_KEYS, 0)
    begun = time.process_time()
    texts = hostile.TEXTS[::8] if quick else hostile.TEXTS
    with tempfile.TemporaryDirectory() as folder, browse(chromium) as context:
        for make in (hostile.values_map, hostile.layers_map, hostile.pictures_map):
            drawn, count = make(texts)
            out["injections_tried"] += _PLACES[make.__name__] * len(texts)
            with opened(context, drawn.save(Path(folder) / "page.html")) as heard:
                seen = heard.page.evaluate(_COUNT)
                _use(heard.page, texts)
                _note(out, heard, is_blank=heard.page.locator("#trouble").is_visible() or seen < count)
        drawn, _ = hostile.layers_map(_PROBES)
        out["injections_tried"] += _PLACES["layers_map"] * len(_PROBES)
        (Path(folder) / "folium.html").write_text(inline(drawn.to_folium()).html, "utf-8")
        drawn_there = ".leaflet-control-layers-overlays label"
        with opened(context, Path(folder) / "folium.html", until=drawn_there) as heard:
            heard.page.wait_for_timeout(400)
            _note(out, heard, is_blank=heard.page.locator(drawn_there).count() < len(_PROBES))
    out["injections_texts"] = len(texts)
    out["injections_cpu_s"] = round(time.process_time() - begun, 2)
    return out


def _note(out, heard, *, is_blank):
    """Add what one page did."""
    out["injections_run"] += heard.page.evaluate(_RAN) + heard.page.evaluate(_MARKUP) + len(heard.dialogs)
    out["injections_blank"] += int(is_blank)
    out["injections_requests"] += len(heard.requests)
    out["injections_errors"] += len(heard.errors)


def _use(page, texts):
    """Do what a reader does: unfold, filter, switch the language, search, open."""
    page.evaluate("document.querySelectorAll('#fold details').forEach((node) => { node.open = true; })")
    page.evaluate("[...document.querySelectorAll('#legend .row')].slice(0, 6).forEach((row) => row.click())")
    page.evaluate("document.getElementById('lang').click()")
    for text in texts[:: max(1, len(texts) // 6)]:
        page.fill("#query", "".join(c for c in text if c != "\x00" and not "\ud800" <= c <= "\udfff")[:60] or "x")
        page.keyboard.press("Enter")
        page.wait_for_timeout(20)


if __name__ == "__main__":
    print(json.dumps(measure(quick="--quick" in sys.argv), indent=1))
