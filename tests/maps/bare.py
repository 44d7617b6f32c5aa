"""A page with nothing but the engine: layers on a plain Leaflet map, and what drew them at hand for a test."""

from __future__ import annotations

from outfall.maps.bundle import DRAWING, pack_layers, text_of

_OPEN = """
window.engine = { unpack, gunzipHere, gatherPoints, membersOf, groupAt, Pixels };
window.begin = async () => {
  const data = await unpack(document.getElementById('data').textContent);
  const map = L.map('map', { zoomControl: false, attributionControl: false, zoomSnap: 0, fadeAnimation: false, zoomAnimation: false, inertia: false });
  map.setView([30, 120], 9);
  const sheets = {};
  for (const layer of data.layers) sheets[layer.name] = new SHEET_OF[layer.kind](layer, { pane: 'overlayPane' }).addTo(map);
  Object.assign(window.engine, { data, map, sheets });
  document.body.classList.add('ready');
};
"""


def write_bare(layers, path):
    """Write the page and return its path."""
    script = "(function () {\n'use strict';\n" + "\n".join([*(text_of(name) for name in DRAWING), _OPEN]) + "\n})();"
    data = pack_layers(tuple(layers))
    path.write_text(
        "<!DOCTYPE html><html><head><meta charset='utf-8'><link rel='icon' href='data:,'>"
        f"<style>{text_of('leaflet.css').replace('url(', 'none(')}html,body,#map{{margin:0;height:100%}}</style></head><body><div id='map'></div>"
        f"<script type='application/octet-stream' id='data'>{data}</script>"
        f"<script>{text_of('leaflet.js')}</script><script>{script}</script><script>window.begin();</script></body></html>",
        encoding="utf-8",
    )
    return path
