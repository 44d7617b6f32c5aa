"""The same outfalls as pages of other libraries: what a page costs to write, how large it is, and whether and how fast it draws offline.

python benchmarks/maps_peers.py [--quick] [--json FILE]

Every page shows the same points with the same twelve fields in the popup (a hover box for pydeck, which has no popup), coloured by status,
without a base map, and is put in one file by ``outfall.maps.inline`` where its library fetches code. 1,000, 10,000 and 100,000 outfalls;
quick: 1,000, and three libraries. CPU seconds of the browser count all its processes from navigation to a picture that stays; a page that
has none after 150 s is reported so. pydeck, mapclassify (for geopandas.explore) and maplibre-gl may be missing: null, with the reason in
``…_why``. maplibre-gl is looked for in the folder OUTFALL_BENCH_MAPLIBRE, else fetched with npm where that is installed.
"""

from __future__ import annotations

import argparse
import gc
import io
import json
import os
import shutil
import subprocess
import tempfile
import time
import warnings
from pathlib import Path

import maps_browser
import numpy as np
from maps_made import make_outfalls

from outfall.maps import Layer, Map, inline

LIMIT_S = 150
_CENTRE = (30.5, 114.0)
_COLOURS = {
    "suspected": "#E69F00",
    "confirmed": "#0072B2",
    "traced": "#009E73",
    "treated": "#56B4E9",
    "closed": "#8b949e",
}
_CALLBACK = """function (row) {
  const mark = L.circleMarker([row[0], row[1]], {radius: 4, color: row[2], fillOpacity: 0.8, weight: 1});
  mark.bindPopup(() => {
    const box = document.createElement('div');
    for (let k = 0; k < %(names)s.length; k++) {
      const line = document.createElement('div');
      line.textContent = `${%(names)s[k]}: ${row[k + 3]}`;
      box.append(line);
    }
    return box;
  });
  return mark;
}"""
_GL = """<!doctype html><html><head><meta charset="utf-8"><link rel="stylesheet" href="https://unpkg.com/maplibre-gl@5.24.1/dist/maplibre-gl.css">
<script src="https://unpkg.com/maplibre-gl@5.24.1/dist/maplibre-gl.js"></script>
<style>html, body, #map {height: 100%%; margin: 0}</style></head><body><div id="map"></div><script>
const map = new maplibregl.Map({container: 'map', center: [114, 30.5], zoom: 6, style: {version: 8, sources: {}, layers: []}});
map.on('load', () => {
  map.addSource('outfalls', {type: 'geojson', data: %s});
  map.addLayer({id: 'outfalls', type: 'circle', source: 'outfalls', paint: {'circle-radius': 4, 'circle-color': ['get', 'colour']}});
  map.once('idle', () => document.body.classList.add('ready'));
  map.on('click', 'outfalls', (event) => {
    const box = document.createElement('div');
    for (const [name, value] of Object.entries(event.features[0].properties)) {
      const line = document.createElement('div');
      line.textContent = `${name}: ${value}`;
      box.append(line);
    }
    new maplibregl.Popup().setLngLat(event.lngLat).setDOMContent(box).addTo(map);
  });
});
</script></body></html>"""


def ours(table) -> str:
    """Return our page, as ``Map.save`` writes it."""
    return Map((Layer("outfalls", "points", table, style="status", label="code"),), title="排污口").html()


def folium_geojson(table) -> str:
    """Return GeoJson of folium on its canvas."""
    import folium

    page = folium.Map(_CENTRE, zoom_start=7, tiles=None, prefer_canvas=True, maxZoom=20)
    folium.GeoJson(
        _plain(table),
        marker=folium.CircleMarker(radius=4, weight=1, fill=True),
        style_function=lambda feature: {"color": _COLOURS[feature["properties"]["status"]]},
        popup=folium.GeoJsonPopup(_fields(table)),
    ).add_to(page)
    return inline(page).html


def fast_cluster(table) -> str:
    """Return FastMarkerCluster of folium, whose callback makes the popups."""
    import folium
    from folium.plugins import FastMarkerCluster

    page = folium.Map(_CENTRE, zoom_start=7, tiles=None, prefer_canvas=True, maxZoom=20)
    names, plain = _fields(table), _plain(table)
    cells = [plain[name].astype(object).where(plain[name].notna(), None).tolist() for name in names]
    rows = zip(table.geometry.y, table.geometry.x, table["status"].map(_COLOURS), *cells, strict=True)
    callback = _CALLBACK % {"names": json.dumps(names)}
    FastMarkerCluster([list(row) for row in rows], callback=callback).add_to(page)
    return inline(page).html


def geopandas_explore(table) -> str:
    """Return the page of geopandas.explore."""
    page = _plain(table).explore(
        column="status", categorical=True, cmap=[_COLOURS[name] for name in sorted(_COLOURS)], popup=True, tooltip=False, tiles=None,
        prefer_canvas=True, map_kwds={"maxZoom": 20},
    )  # fmt: skip
    return inline(page).html


def pydeck(table) -> str:
    """Return a scatterplot of pydeck, written for offline use."""
    import pydeck as deck

    plain, names = _plain(table), _fields(table)
    colours = {name: [int(text[k : k + 2], 16) for k in (1, 3, 5)] for name, text in _COLOURS.items()}
    rows = plain.drop(columns="geometry").assign(
        lon=table.geometry.x, lat=table.geometry.y, colour=table["status"].map(colours)
    )
    points = deck.Layer(
        "ScatterplotLayer", rows.astype(object).where(rows.notna(), None), get_position="[lon, lat]", get_fill_color="colour",
        pickable=True, radius_min_pixels=4, radius_max_pixels=4,
    )  # fmt: skip
    view = deck.ViewState(latitude=_CENTRE[0], longitude=_CENTRE[1], zoom=6)
    text = "\n".join(f"{name}: {{{name}}}" for name in names)
    made = deck.Deck([points], initial_view_state=view, map_provider=None, tooltip={"text": text})
    return inline(made.to_html(as_string=True, offline=True)).html


def maplibre(table) -> str:
    """Return a MapLibre page with a GeoJSON source, by hand, as its documentation shows."""
    folder = _maplibre_folder()
    plain = _plain(table)
    text = plain.assign(colour=table["status"].map(_COLOURS)).to_json(ensure_ascii=False, drop_id=True)
    urls = {
        f"https://unpkg.com/maplibre-gl@5.24.1/dist/maplibre-gl.{end}": folder / f"maplibre-gl.{end}"
        for end in ("js", "css")
    }
    return inline(_GL % text.replace("<", "\\u003c"), extra=urls).html


PEERS = {
    "ours": ours, "folium_geojson": folium_geojson, "fast_cluster": fast_cluster, "geopandas_explore": geopandas_explore,
    "pydeck": pydeck, "maplibre": maplibre,
}  # fmt: skip
_QUICK = ("ours", "folium_geojson", "fast_cluster")


def measure(*, quick: bool = False) -> dict[str, float | int | bool | str | None]:
    """Return every figure."""
    out: dict[str, float | int | bool | str | None] = {}
    with tempfile.TemporaryDirectory() as folder:
        for n in (1_000,) if quick else (1_000, 10_000, 100_000):
            table = make_outfalls(n)
            for name in _QUICK if quick else PEERS:
                key = f"peer_{name}_{n // 1000}k"
                out |= {
                    f"{key}_{figure}": value for figure, value in _one(name, table, Path(folder) / "page.html").items()
                }
    return out


def _one(name: str, table, path: Path) -> dict[str, float | int | bool | str | None]:
    """Write one page and open it."""
    figures = ("python_cpu_s", "mb", "is_drawn", "draw_cpu_s")
    gc.collect()
    begun = time.process_time()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            path.write_text(PEERS[name](table), encoding="utf-8", errors="replace")
    except ImportError as error:
        return dict.fromkeys(figures) | {"why": f"not installed: {error}"}
    out: dict[str, float | int | bool | str | None] = {
        "python_cpu_s": round(time.process_time() - begun, 3),
        "mb": round(path.stat().st_size / 1e6, 2),
    }
    if maps_browser.find_browser() is None:
        return out | {"is_drawn": None, "draw_cpu_s": None, "why": "no Chromium or no playwright (extra bench)"}
    ready = "body.ready" if name in ("ours", "maplibre") else ""
    with maps_browser.opened(path, ready=ready, most_s=LIMIT_S) as page:
        is_done = page.is_drawn and page.drawn_wall_s < LIMIT_S - 1
        out["is_drawn"] = is_done and _has_picture(page, path.with_suffix(".png"))
        out["requests"] = len(page.requests)
        out["draw_cpu_s"] = round(page.drawn_cpu_s, 2) if out["is_drawn"] else f"not drawn in {LIMIT_S} s"
        if is_done and not out["is_drawn"]:
            out["draw_cpu_s"] = "blank"
            out["why"] = "; ".join(page.errors[:2]) or "no point on the picture"
    return out


def _has_picture(page: maps_browser.Opened, path: Path) -> bool:
    """Return whether points stand in the middle of the picture."""
    from PIL import Image

    with Image.open(io.BytesIO(page.page.screenshot(path=str(path), timeout=30_000))) as shot:
        seen = np.asarray(shot.convert("RGB")).astype(int)
    height, width, _ = seen.shape
    middle = seen[height // 5 : -height // 5, width // 3 : -width // 5].reshape(-1, 3)
    colours, counts = np.unique(middle, axis=0, return_counts=True)
    bright = np.ptp(colours, axis=1) > 60
    return int(counts[bright].sum()) > 200


def _fields(table) -> list[str]:
    return [name for name in table.columns if name != "geometry"]


def _plain(table):
    """Return the table as JSON can hold it."""
    return table.assign(seen_at=table["seen_at"].dt.strftime("%Y-%m-%d %H:%M"))


def _maplibre_folder() -> Path:
    given = os.environ.get("OUTFALL_BENCH_MAPLIBRE")
    if given:
        return Path(given)
    folder = Path(tempfile.gettempdir()) / "outfall_maplibre"
    if not (folder / "package").is_dir():
        npm = shutil.which("npm")
        if npm is None:
            msg = "maplibre-gl (no npm, no OUTFALL_BENCH_MAPLIBRE)"
            raise ImportError(msg)
        folder.mkdir(exist_ok=True)
        done = subprocess.run(
            [npm, "pack", "maplibre-gl@5.24.1", "--silent"], cwd=folder, capture_output=True, check=False
        )
        if done.returncode:
            msg = "maplibre-gl (npm could not fetch it)"
            raise ImportError(msg)
        shutil.unpack_archive(next(folder.glob("*.tgz")), folder)
    return folder / "package" / "dist"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found = json.dumps(measure(quick=options.quick), indent=1, ensure_ascii=False)
    print(found)
    if options.json:
        options.json.write_text(found, encoding="utf-8")
