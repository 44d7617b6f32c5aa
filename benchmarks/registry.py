"""Survey, registry and store, measured: matching, boats, completeness, the store beside its peers, and its faults.

    python benchmarks/registry.py [--quick] [--json FILE]

One flat JSON object. ``commit_vs_pyogrio`` and ``bbox_vs_pyogrio`` say how many times faster we are, ``bulk_vs_pyogrio``
and ``snapshot_read_vs_pyogrio`` are our time divided by theirs. ``completeness_cover`` is the share of planted surveys whose
interval of 95 % holds the truth; ``completeness_cover_towns`` the same for towns of the simulator, whose few unfound
outfalls (0 to 4) make any interval of whole numbers hold more than it says. A peer that is not installed is null.
"""

from __future__ import annotations

from parts import run

GROUPS = [
    ["registry_store", "registry_match", "registry_drone", "registry_crawler"],
    ["registry_faults", "registry_boat", "registry_completeness"],
]
KEYS = (
    "match_f1", "match_f1_sigma2x", "match_100k_s", "commit_vs_pyogrio", "bbox_vs_pyogrio", "bulk_vs_pyogrio",
    "kill_rounds", "kill_lost", "writers_lost", "flips_missed", "boat_recall", "boat_false_per_10km", "completeness_cover",
)  # fmt: skip

if __name__ == "__main__":
    run(GROUPS, KEYS, __file__, __doc__)
