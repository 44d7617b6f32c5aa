"""What the browser reads, draws, gathers and finds is what was put in."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely import LineString, MultiPolygon, Point, Polygon, box

from outfall.maps import Layer
from outfall.maps.bundle import pack_layers
from tests.maps.bare import write_bare
from tests.maps.browser import is_quiet, opened
from tests.maps.unpacking import layers_of

pytestmark = pytest.mark.browser

KINDS = ["a", "b", "c"]
READ = """() => Object.fromEntries(engine.data.layers.map((layer) => [layer.name, {
  table: Object.fromEntries(layer.columns.map((column) => [column.name, Array.from({ length: layer.n }, (_, row) => { const value = column.at(row); return value instanceof Date ? value.getTime() / 1000 : value; })])),
  lon: [...layer.shape.lon], lat: [...layer.shape.lat], row: [...layer.shape.row] }]))"""


def _every_kind(n):
    draw = np.random.default_rng(4)
    return {
        "code": [f"FD-{k // 7:05d}-{k % 7}" for k in range(n)],
        "own": [f"{'ab'[k % 2]}{'水' * (k % 3)}x{chr(0x4E00 + k)}<b>" for k in range(n)],
        "kind": [KINDS[k % 3] if k % 5 else None for k in range(n)],
        "printed": np.where(draw.random(n) < 0.2, np.nan, np.round(draw.normal(0, 1e3, n), 3)),
        "huge": draw.normal(0, 1e14, n),
        "fine": draw.normal(0, 1, n),
        "whole": draw.integers(-(2**48), 2**48, n),
        "steps": np.cumsum(draw.integers(0, 2**22, n)),
        "long": [2**60 + k for k in range(n)],
        "at": pd.to_datetime(draw.integers(-(10**9), 4 * 10**9, n), unit="s", utc=True),
        "none": pd.Series([None] * n, dtype="float64"),
    }


@pytest.fixture(scope="module")
def layers():
    n = 700
    draw = np.random.default_rng(1)
    spots = gpd.GeoDataFrame(
        _every_kind(n), geometry=[Point(*row) for row in draw.normal([120, 30], 0.2, (n, 2))], crs=4326
    )
    spots.loc[spots.index[5], spots.geometry.name] = None
    lines = gpd.GeoDataFrame(
        {"kind": KINDS},
        geometry=[LineString([(119.5, 29.5 + 0.1 * k), (120.5, 29.6 + 0.1 * k)]) for k in range(3)],
        crs=4326,
    )
    ring = Polygon(box(119.0, 29.0, 119.2, 29.2).exterior, [box(119.05, 29.05, 119.15, 29.15).exterior])
    areas = gpd.GeoDataFrame(
        {"kind": ["a", "b"]},
        geometry=[ring, MultiPolygon([box(121, 31, 121.1, 31.1), box(121.2, 31, 121.3, 31.1)])],
        crs=4326,
    )
    single = gpd.GeoDataFrame({"v": [-1.5]}, geometry=[Point(118.5, 30.5)], crs=4326)
    empty = gpd.GeoDataFrame({"v": pd.Series([], dtype="str")}, geometry=[], crs=4326)
    return (
        Layer("areas", "polygons", areas, style="kind"),
        Layer("lines", "lines", lines, style="kind"),
        Layer("spots", "points", spots, style="kind"),
        Layer("single", "points", single),
        Layer("empty", "points", empty),
    )


@pytest.fixture(scope="module")
def bare(browser, layers, tmp_path_factory):
    with opened(browser, write_bare(layers, tmp_path_factory.mktemp("bare") / "bare.html")) as heard:
        yield heard
        assert is_quiet(heard)


@pytest.fixture
def page(bare):
    bare.page.evaluate(
        "() => { engine.map.setView([30, 120], 9, { animate: false }); for (const sheet of Object.values(engine.sheets)) {"
        " sheet.hidden.clear(); sheet.filters.clear(); sheet.only = null; sheet.mode = 'points'; sheet._paint(); } }"
    )
    return bare.page


def test_the_page_reads_what_was_packed(page, layers):
    """Every column of every kind, and every position, is read in the browser as the other reader reads it."""
    seen = page.evaluate(READ)
    told = layers_of(pack_layers(layers))
    for name, layer in told.items():
        for column, values in layer.table.items():
            expected = [value.timestamp() if isinstance(value, pd.Timestamp) else value for value in values]
            assert seen[name]["table"][column] == expected, column
        for part in ("lon", "lat", "row"):
            assert seen[name][part] == layer.shape[part].tolist()


def test_the_page_reads_what_the_table_held(page, layers):
    """Printed numbers, whole numbers and text are in the browser what they were in the table."""
    table = layers[2].table
    seen = page.evaluate(READ)["spots"]["table"]
    for column in ("code", "own", "whole", "steps"):
        assert seen[column] == table[column].tolist()
    assert seen["long"] == [str(value) for value in table["long"]]
    assert seen["kind"] == [KINDS[k % 3] if k % 5 else None for k in range(len(table))]
    assert seen["printed"] == [None if np.isnan(value) else value for value in table["printed"]]
    assert seen["huge"] == table["huge"].tolist()
    assert seen["at"] == [moment.timestamp() for moment in table["at"]]


def test_an_old_browser_reads_the_same(page):
    """Without DecompressionStream the page unpacks the same bytes with its own code."""
    assert page.evaluate("""async () => {
      const text = document.getElementById('data').textContent, kept = window.DecompressionStream;
      const read = async () => JSON.stringify((await engine.unpack(text)).layers, (key, value) => (ArrayBuffer.isView(value) ? [...value] : value));
      const here = await read();
      window.DecompressionStream = undefined;
      const there = await read();
      window.DecompressionStream = kept;
      return here === there && here.length > 10000;
    }""")


def test_damaged_data_is_refused(page):
    """A text that lost letters is refused and not half read."""
    assert page.evaluate(
        "async () => { const text = document.getElementById('data').textContent; try { await engine.unpack(text.slice(0, -7)); return false; } catch (error) { return true; } }"
    )


def test_a_click_finds_every_point(page):
    """A click at a point's position finds that point, or one that lies on the very spot."""
    wrong = page.evaluate("""() => {
      const { sheets, map } = engine, { shape } = sheets.spots.layer, wrong = [];
      shape.row.forEach((row, part) => {
        const at = L.latLng(shape.lat[part] / 1e6, shape.lon[part] / 1e6);
        const hit = sheets.spots.hit(at, 6);
        const other = sheets.spots.layer.partOf[hit];
        if (hit !== row && !(other >= 0 && shape.lon[other] === shape.lon[part] && shape.lat[other] === shape.lat[part])) wrong.push(row);
      });
      return wrong;
    }""")
    assert wrong == []


def test_areas_are_hit_inside_and_not_in_their_holes(page):
    """A click inside an area or either of its parts finds it; a click in a hole or beside it finds nothing."""
    hits = page.evaluate(
        "places => places.map(([lon, lat]) => engine.sheets.areas.hit([lat, lon], 2))",
        [[119.02, 29.02], [119.1, 29.1], [119.17, 29.1], [121.05, 31.05], [121.15, 31.05], [121.25, 31.05], [118, 29]],
    )
    assert hits == [0, -1, 0, 1, -1, 1, -1]


def test_what_is_hidden_is_not_hit(page):
    """A row of a hidden class, or one a filter holds back, is neither drawn nor hit."""
    counts = page.evaluate("""() => {
      const { spots } = engine.sheets, { shape, n } = spots.layer;
      const hits = () => { let count = 0; shape.row.forEach((row, part) => { const hit = spots.hit(L.latLng(shape.lat[part] / 1e6, shape.lon[part] / 1e6), 0.01); if (hit === row) count++; else if (hit >= 0 && !spots.isDrawn(hit)) count = NaN; }); return count; };
      const all = hits();
      spots.hidden.add(1);
      const shown = hits();
      spots.filters.set('even', (row) => row % 2 === 0);
      const even = hits();
      spots.filters.set('none', () => false);
      return [all, shown, even, hits(), spots.counts[1], spots.inView({ left: 0, top: 0, right: 1, bottom: 1, scale: 1 }).length];
    }""")
    assert counts[0] == 699
    assert counts[1] == 699 - counts[4]
    assert 0 < counts[2] < counts[1]
    assert counts[3] == counts[5] == 0


@pytest.mark.parametrize("zoom", [3, 6.5, 9, 11.25, 14, 18])
@pytest.mark.parametrize("is_narrowed", [False, True])
def test_counts_of_circles_sum_to_the_rows_drawn(page, zoom, is_narrowed):
    """At every zoom the counts of all circles, and their classes, are the rows drawn in the cells in view, each row in one circle."""
    told = page.evaluate(
        """([zoom, isNarrowed]) => {
      const { spots } = engine.sheets;
      if (isNarrowed) { spots.hidden.add(0); spots.filters.set('part', (row) => row % 3 > 0); }
      engine.map.setView([30, 120], zoom, { animate: false });
      const view = spots.view(), groups = engine.gatherPoints(spots, view);
      spots.groups = groups;
      const rows = groups.flatMap((group) => engine.membersOf(spots, group).rows);
      const seen = [...spots.inView(view, 0)].map((part) => spots.layer.shape.row[part]);
      return { counts: groups.reduce((sum, group) => sum + group.n, 0), classes: groups.reduce((sum, group) => sum + group.byClass.reduce((a, b) => a + b, 0), 0),
        rows: rows.length, distinct: new Set(rows).size, isEverySeen: seen.every((row) => new Set(rows).has(row)), areDrawn: rows.every((row) => spots.isDrawn(row)), seen: seen.length, all: groups.parts.length };
    }""",
        [zoom, is_narrowed],
    )
    assert told["counts"] == told["classes"] == told["rows"] == told["distinct"] == told["all"]
    assert told["isEverySeen"]
    assert told["areDrawn"]
    assert told["seen"] > 0 or zoom > 14


def test_circles_do_not_lie_on_one_another(page):
    """After merging, no two circles touch."""
    assert page.evaluate("""() => {
      const { spots } = engine.sheets;
      engine.map.setView([30, 120], 7, { animate: false });
      const view = spots.view(), groups = engine.gatherPoints(spots, view), radius = (n) => (n === 1 ? 8 : Math.min(30, 11 + 3.6 * Math.log10(n) * Math.sqrt(Math.log10(n))));
      return groups.length > 2 && groups.every((one, at) => groups.slice(at + 1).every((other) => Math.hypot(one.x - other.x, one.y - other.y) * view.scale >= radius(one.n) + radius(other.n) - 1e-6));
    }""")


def test_points_inside_circles_are_not_hit(page):
    """Where circles are drawn a click finds the circle, and a row only where it is drawn by itself."""
    told = page.evaluate("""() => {
      const { spots } = engine.sheets;
      spots.mode = 'clusters';
      engine.map.setView([30, 120], 7, { animate: false });
      spots._paint();
      const { shape } = spots.layer;
      const lone = new Set(spots.groups.filter((group) => group.n === 1).map((group) => shape.row[group.part]));
      let isRight = true;
      shape.row.forEach((row, part) => { const hit = spots.hit(L.latLng(shape.lat[part] / 1e6, shape.lon[part] / 1e6), 1); if (hit >= 0 && !lone.has(hit)) isRight = false; });
      const [big] = [...spots.groups].sort((one, other) => other.n - one.n);
      const at = L.CRS.EPSG3857.pointToLatLng(L.point(big.x * 256, big.y * 256), 0);
      return [isRight, engine.groupAt(spots, at) === big, big.n > 1];
    }""")
    assert told == [True, True, True]


@pytest.mark.parametrize("mode", ["points", "clusters", "density"])
def test_every_mode_draws(page, mode):
    """Points, circles and density put something on the canvas, and nothing once every class is hidden."""
    painted = page.evaluate(
        """(mode) => {
      const { spots } = engine.sheets;
      const count = () => { spots._paint(); const own = spots._container, copy = new OffscreenCanvas(own.width, own.height).getContext('2d', { willReadFrequently: true }); copy.drawImage(own, 0, 0); const { data } = copy.getImageData(0, 0, own.width, own.height); let n = 0; for (let i = 3; i < data.length; i += 4) n += data[i] > 0; return n; };
      spots.mode = mode;
      const shown = count();
      spots.looks.forEach((_, at) => spots.hidden.add(at));
      return [shown, count()];
    }""",
        mode,
    )
    assert painted[0] > 500
    assert painted[1] == 0


def test_pixels_lie_where_strokes_would(page):
    """A line written into pixels covers what an anti-aliased stroke of its width covers, whichever way it runs, and not its surroundings."""
    off = page.evaluate("""() => {
      const made = (draw) => { const canvas = document.createElement('canvas'); canvas.width = canvas.height = 100; draw(canvas.getContext('2d')); return canvas.getContext('2d').getImageData(0, 0, 100, 100).data; };
      return [[10, 20, 90, 40], [90, 70, 10, 60], [30, 90, 45, 10], [50, 5, 50, 95], [5, 50, 95, 50], [12.3, 88.7, 77.1, 14.2], [-40, 20, 140, 60]].map(([x0, y0, x1, y1]) => {
        const one = made((ctx) => { const pixels = new engine.Pixels(ctx); pixels.ink('#000000'); pixels.line(x0, y0, x1, y1, 0.5); pixels.show(); });
        const other = made((ctx) => { ctx.lineWidth = 5; ctx.beginPath(); ctx.moveTo(x0 + 0.5, y0 + 0.5); ctx.lineTo(x1 + 0.5, y1 + 0.5); ctx.stroke(); });
        let inside = 0, outside = 0;
        for (let i = 3; i < one.length; i += 4) { if (one[i] > 8) { if (other[i] > 0) inside++; else outside++; } }
        return [inside > 0.9 * Math.min(100, Math.max(Math.abs(x1 - x0), Math.abs(y1 - y0))), outside];
      });
    }""")
    assert [row[0] for row in off] == [True] * 7
    assert max(row[1] for row in off) <= 3


def test_a_grid_finds_what_a_scan_finds(page):
    """The parts the grid finds in a window are those a scan over all finds, in drawing order."""
    assert page.evaluate("""() => {
      const { spots, lines } = engine.sheets;
      let isEqual = true, count = 0;
      for (let k = 0; k < 60; k++) {
        for (const sheet of [spots, lines]) {
          const { grid } = sheet, [w, t, e, b] = grid.all, share = (k % 10) / 12, size = (0.02 + (k % 7) * 0.2);
          const window = [w + (e - w) * share, t + (b - t) * (1 - share), w + (e - w) * (share + size), t + (b - t) * (1 - share + size)];
          const found = [...grid.find(...window)];
          const scanned = [];
          for (let i = 0; i < grid.n; i++) if (grid.left(i) <= window[2] && grid.right(i) >= window[0] && grid.top(i) <= window[3] && grid.bottom(i) >= window[1]) scanned.push(i);
          if (String(found) !== String(scanned)) isEqual = false;
          count += found.length;
        }
      }
      return isEqual && count > 500;
    }""")


@pytest.mark.parametrize("shift", [(60, 40), (-70, 25), (0, -90), (33, 0), (-5000, 0)])
def test_a_moved_picture_is_the_picture_drawn_anew(page, shift):
    """After a move, what was shifted and what came into view make the picture a full drawing makes."""
    told = page.evaluate(
        """([dx, dy]) => {
      const { lines } = engine.sheets, { map } = engine;
      const hairs = () => lines.hairs(lines._context, lines.view(), lines.inView(lines.view(), 8));
      const drawn = () => { const own = lines._container, copy = new OffscreenCanvas(own.width, own.height).getContext('2d', { willReadFrequently: true }); copy.drawImage(own, 0, 0); return copy.getImageData(0, 0, own.width, own.height).data; };
      lines.kept = null;
      hairs();
      const kept = lines.kept;
      map.panBy([dx, dy], { animate: false });
      lines.kept = kept;
      lines.isMoved = true;
      hairs();
      lines.isMoved = false;
      const isKept = lines.kept.pixels === kept.pixels;
      const moved = drawn();
      lines.kept = null;
      hairs();
      const anew = drawn();
      let off = 0, painted = 0;
      for (let i = 0; i < anew.length; i += 4) { if (moved[i + 3] !== anew[i + 3] || (anew[i + 3] && moved[i] !== anew[i])) off++; if (anew[i + 3]) painted++; }
      return [isKept, off, painted];
    }""",
        list(shift),
    )
    assert told[0]
    assert told[1] <= told[2] / 500
    assert told[2] > 300 or abs(shift[0]) > 1000
