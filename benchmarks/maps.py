"""The map, measured: size, writing, drawing, clicking, safety and places, in headless Chromium from the disk without a network.

    python benchmarks/maps.py [--quick] [--json FILE]

One flat JSON object. CPU seconds of the browser are those of all its processes. Peers (folium, FastMarkerCluster and, in the
full run, geopandas.explore, pydeck and MapLibre) draw the same features in the same run; one that is not installed is null,
and one that does not draw in 150 s is reported so. The full run adds finding, lighting up, tables and print.
"""

from __future__ import annotations

import sys

from parts import run

GROUPS = [["maps_engine", "maps_tiles"], ["maps_safety", "maps_raster", "maps_peers"]]
if "--quick" not in sys.argv:
    GROUPS = [["maps_engine", "maps_tiles", "maps_find", "maps_person"], ["maps_safety", "maps_raster", "maps_peers"]]
KEYS = (
    "mb_100k_points", "mb_100k_100k", "write_cpu_s_100k", "draw_cpu_s_100k_100k", "pan_ms", "click_ms", "mb_empty", "requests",
    "console_errors", "injections_run", "gcj_tile_error_px", "raster_error_px",
)  # fmt: skip

if __name__ == "__main__":
    run(GROUPS, KEYS, __file__, __doc__)
