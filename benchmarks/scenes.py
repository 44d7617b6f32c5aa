"""Scenes, measured: zones, indices, plumes, drone frames and what a satellite adds to a trace.

    python benchmarks/scenes.py [--quick] [--json FILE]

One flat JSON object. Zones and indices run beside exactextract, rasterstats, numpy and spyndex on the same arrays; plumes are
found on made scenes whose truth is known, from seeds the method was not tuned on; the drone frames are real and null without
the data folder.
"""

from __future__ import annotations

from parts import run

GROUPS = [["scenes_zonal"], ["scenes_plume", "scenes_towns", "scenes_drone"]]
KEYS = (
    "zonal_exact", "zonal_vs_exactextract", "zonal_vs_rasterstats", "index_vs_numpy", "index_vs_spyndex", "plume_recall",
    "plume_false_alarm", "not_observable_recall", "drone_center_offset_m",
)  # fmt: skip

if __name__ == "__main__":
    run(GROUPS, KEYS, __file__, __doc__)
