"""How far from its place a raster is in the page, by screenshots of markers, and what a whole satellite band costs.

Rasters with white discs on black are made in six ways a raster can lie, one per zoom with cells about as large as a pixel of the
screen there. The page is opened in headless Chromium from the disk without a network, set to each zoom, photographed, and the middle
of every disc compared with where pyproj puts it. The same rasters are laid unwarped between their corners, as ``folium.raster_layers.ImageOverlay``
does unless the user warps them first. The band has 10,980 x 10,980 cells of uint16, as Sentinel-2 delivers it, without overviews.
"""

from __future__ import annotations

import base64
import io
import json
import math
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
from affine import Affine
from PIL import Image
from pyproj import Transformer

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--force-color-profile=srgb"]  # fmt: skip
EARTH_M = 2 * 20037508.342789244
SHAPE = (300, 400)
RADIUS = 6
HOOK = """(() => { let kept; Object.defineProperty(window, 'L', { configurable: true, get: () => kept,
  set: (made) => { kept = made; if (made && made.Map) made.Map.addInitHook(function () { window.theMap = this; }); } }); })()"""
VIEW = "() => { const b = theMap.getPixelBounds(); return [b.min.x, b.min.y]; }"
# Where nearest cells are measured too: they keep their numbers, and lie up to half a cell off, as in rasterio's own nearest warp.
_BOTH = ("utm", "gauss_krueger", "turned")
# Name, CRS, longitude of the middle, how the raster lies.
PLACES = [
    ("utm", 32648, 107.2, "plain"),
    ("gauss_krueger", 4549, 120.9, "plain"),
    ("geographic", 4490, 113.0, "plain"),
    ("turned", 32646, 94.1, "turned"),
    ("south_up", 32644, 82.0, "south-up"),
    ("gcps", 32642, 70.1, "gcps"),
]


def measure(*, quick: bool) -> dict[str, float | int | bool | str | None]:
    """Return the placement error of rasters in pixels, and time, memory and size of a whole band."""
    out: dict[str, float | int | bool | str | None] = {}
    out |= _measure_band()
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    try:
        import playwright  # noqa: F401
    except ImportError:
        chromium = None
    if chromium is None:
        return {**out, "raster_error_px": None, "raster_error_px_why": "no Chromium, or playwright is not installed"}
    return {**out, **_measure_places(chromium, (8, 13, 18) if quick else tuple(range(8, 19)))}


def _measure_places(chromium: str, zooms: tuple[int, ...]) -> dict[str, float | int]:
    from outfall.maps import Map

    made = [
        (_make(place, zoom, 14.0 + 4.4 * at, how), zoom)
        for place in PLACES
        for at, zoom in enumerate(zooms)
        for how in (("photo", "classes") if place[0] in _BOTH else ("photo",))
    ]
    out: dict[str, float | int] = {}
    ours: dict[str, list[float]] = {}
    theirs: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        file = Map(tuple(raster["layer"] for raster, _ in made)).save(Path(folder) / "places.html")
        with _opened(chromium, file) as page:
            for raster, zoom in made:
                page.evaluate(
                    "([at]) => document.querySelectorAll('.sheet-raster').forEach((node, k) => { node.style.visibility = k === at ? '' : 'hidden'; })",
                    [made.index((raster, zoom))],
                )
                ours.setdefault(raster["place"], []).append(_error_px(page, raster, zoom))
            page.evaluate(
                "() => document.querySelectorAll('.sheet-raster').forEach((node) => { node.style.visibility = 'hidden'; })"
            )
            for raster, zoom in made:
                if raster["place"] in ("utm_photo", "geographic_photo"):
                    page.evaluate(
                        "([url, box]) => { window.laid = L.imageOverlay(url, box).addTo(theMap); return laid._image.decode(); }",
                        [raster["url"], raster["box"]],
                    )
                    theirs.setdefault(raster["place"], []).append(_error_px(page, raster, zoom))
                    page.evaluate("() => laid.remove()")
    out["raster_error_px"] = max(max(found) for place, found in ours.items() if place.endswith("photo"))
    out["raster_error_px_classes"] = max(max(found) for place, found in ours.items() if place.endswith("classes"))
    out |= {f"raster_error_px_{place}": max(found) for place, found in ours.items()}
    out |= {f"raster_error_px_folium_unwarped_{place}": max(found) for place, found in theirs.items()}
    out["raster_places"] = len(made)
    return {key: round(value, 3) for key, value in out.items()}


def _make(place: tuple[str, int, float, str], zoom: int, lat: float, kind: str) -> dict[str, object]:
    """Return a layer of discs, where their middles are, and the same picture unwarped with its corners."""
    from outfall.maps.raster import RasterGrid, raster_layer

    name, crs, lon, how = place
    to_deg = Transformer.from_crs(crs, 4326, always_xy=True)
    east, north = Transformer.from_crs(4326, crs, always_xy=True).transform(lon, lat)
    cell_m = EARTH_M / 256 / 2**zoom * math.cos(math.radians(lat))
    cell = cell_m / 111_320 if name == "geographic" else cell_m
    rows, columns = SHAPE
    angle = math.radians(24 if how == "turned" else 0)
    sign = 1 if how == "south-up" else -1
    a, b, d, e = cell * math.cos(angle), cell * math.sin(angle), cell * math.sin(angle), sign * cell * math.cos(angle)
    transform = Affine(a, b, east - (a * columns + b * rows) / 2, d, e, north - (d * columns + e * rows) / 2)
    middles = np.array(
        [(column, row) for row in range(40, rows - 20, 55) for column in range(40, columns - 20, 64)], float
    )
    row, column = np.mgrid[:rows, :columns] + 0.5
    is_disc = np.zeros(SHAPE, bool)
    for x, y in middles:
        is_disc |= (column - x) ** 2 + (row - y) ** 2 <= RADIUS**2
    x, y = (
        transform.a * middles[:, 0] + transform.b * middles[:, 1] + transform.c,
        transform.d * middles[:, 0] + transform.e * middles[:, 1] + transform.f,
    )
    classes = {2: ("disc", "#ffffff"), 1: ("ground", "#000000")}
    values = np.where(is_disc, 2, 1).astype("uint8")
    what = _with_gcps(values, transform, crs) if how == "gcps" else RasterGrid(values, transform, crs)
    options = {"palette": classes} if kind == "classes" else {"band": (1, 1, 1), "limits": (1, 2)}
    layer = raster_layer(what, name=f"{name}-{kind}-{zoom}", **options)
    if how == "gcps":
        Path(str(what)).unlink()
    box_x = transform.c + np.array([0, columns * transform.a]) if how == "plain" else np.zeros(2)
    box_y = transform.f + np.array([rows * transform.e, 0]) if how == "plain" else np.zeros(2)
    west, south, east_deg, north_deg = (
        to_deg.transform_bounds(*box_x[:1], *box_y[:1], *box_x[1:], *box_y[1:]) if how == "plain" else (0, 0, 1, 1)
    )
    stream = io.BytesIO()
    Image.fromarray(np.where(is_disc, 255, 0).astype("uint8")).save(stream, "PNG")
    return {
        "place": f"{name}_{kind}", "layer": replace(layer, opacity=1.0), "lonlat": np.column_stack(to_deg.transform(x, y)), "centre": (lon, lat),
        "url": "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode(), "box": [[south, west], [north_deg, east_deg]],
    }  # fmt: skip


def _with_gcps(values: np.ndarray, transform: Affine, crs: int) -> Path:
    import rasterio
    from rasterio.control import GroundControlPoint

    rows, columns = values.shape
    spots = [(row, column) for row in (0, rows / 2, rows) for column in (0, columns / 2, columns)]
    points = [
        GroundControlPoint(
            row,
            column,
            transform.a * column + transform.b * row + transform.c,
            transform.d * column + transform.e * row + transform.f,
        )
        for row, column in spots
    ]
    path = Path(tempfile.mkstemp(suffix=".tif")[1])
    with rasterio.open(
        path, "w", driver="GTiff", count=1, height=rows, width=columns, dtype="uint8", gcps=points, crs=crs
    ) as file:
        file.write(values, 1)
    return path


@contextmanager
def _opened(chromium: str, file: Path):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=FLAGS)
        context = browser.new_context(offline=True, viewport={"width": 1400, "height": 900}, reduced_motion="reduce")
        page = context.new_page()
        page.add_init_script(HOOK)
        page.goto(file.resolve().as_uri())
        page.wait_for_selector(".ready", state="attached")
        yield page
        browser.close()


def _error_px(page: object, raster: dict[str, object], zoom: int) -> float:
    """Return the largest distance of a disc's middle from where it belongs, in pixels of the screen."""
    from scipy import ndimage

    lon, lat = raster["centre"]
    page.evaluate(
        "([lat, lon, zoom]) => { theMap.setView([lat, lon], zoom, { animate: false }); return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))); }",
        [lat, lon, zoom],
    )
    left, top = page.evaluate(VIEW)
    shot = page.screenshot(clip={"x": 430, "y": 200, "width": 540, "height": 500})
    light = np.asarray(Image.open(io.BytesIO(shot)).convert("L"), float)
    labels, count = ndimage.label(light > 100)
    sizes = ndimage.sum_labels(np.ones_like(light), labels, np.arange(1, count + 1))
    kept = [at + 1 for at in range(count) if 60 < sizes[at] < 260]
    found = np.array(ndimage.center_of_mass(light, labels, kept)).reshape(-1, 2)[:, ::-1] + 0.5 + (430, 200)
    degrees = raster["lonlat"]
    scale = 256 * 2**zoom
    x = (degrees[:, 0] / 360 + 0.5) * scale - left
    y = (0.5 - np.log(np.tan(np.pi / 4 + np.radians(degrees[:, 1]) / 2)) / (2 * np.pi)) * scale - top
    if len(found) < len(x) * 0.9:
        msg = f"{raster['layer']!r} at zoom {zoom}: {len(found)} of {len(x)} discs seen"
        raise RuntimeError(msg)
    away = np.hypot(x[:, None] - found[:, 0], y[:, None] - found[:, 1])
    return float(away.min(axis=0).max())


def _measure_band() -> dict[str, float | int | str]:
    """Return CPU, memory and size of a whole band, each taken in a process of its own."""
    side = 10_980
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "band.tif"
        _write_band(path, side)
        done = subprocess.run(
            [sys.executable, __file__, "--band", str(path)], capture_output=True, text=True, check=True
        )
    return json.loads(done.stdout)


def _write_band(path: Path, side: int) -> None:
    import rasterio
    from rasterio.windows import Window

    block = np.random.default_rng(0).integers(200, 3000, (512, 512)).astype("uint16")
    row = np.tile(block, (1, side // 512 + 1))[:, :side]
    profile = {"driver": "GTiff", "count": 1, "height": side, "width": side, "dtype": "uint16", "crs": "EPSG:32651"}
    with rasterio.open(
        path,
        "w",
        **profile,
        transform=Affine(10, 0, 300_000, 0, -10, 3_500_040),
        tiled=True,
        blockxsize=512,
        blockysize=512,
    ) as file:
        for first in range(0, side, 512):
            height = min(512, side - first)
            file.write(row[:height], 1, window=Window(0, first, side, height))


def _band(path: str) -> None:
    from outfall.maps.raster import raster_layer

    raster_layer(_small())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begun, wall = time.process_time(), time.perf_counter()
    layer = raster_layer(path, name="band")
    used = time.process_time() - begun
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    cells = layer.plane.codes.size
    print(json.dumps({
        "raster_band_cpu_s": round(used, 2), "raster_band_wall_s": round(time.perf_counter() - wall, 2), "raster_band_mb": round((after - before) / 1024, 1),
        "raster_band_cells": cells, "raster_band_picture_mb": round(len(layer.image) / 1e6, 2),
    }))  # fmt: skip


def _small() -> object:
    from outfall.maps.raster import RasterGrid

    return RasterGrid(np.zeros((8, 8)), Affine(10, 0, 300_000, 0, -10, 3_500_000), 32651)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--band"]:
        _band(sys.argv[2])
    else:
        begun = time.perf_counter()
        print(json.dumps(measure(quick="--quick" in sys.argv), indent=1))
        print(f"{time.perf_counter() - begun:.1f} s", file=sys.stderr)
