"""Water and tracing, measured: unmixing, mixtures, next samples, time, spills, whole towns, and a province.

    python benchmarks/tracing.py [--quick] [--json FILE]

One flat JSON object. Real data with somebody else's truth: the Cairngorms (sub-basin sources), soils (mixtures), the
Severn and the Clark Fork (spills), the sewer of Tuindorp (hidden sources). Everything else is drawn from seeds the code
was not tuned on. Peers and baselines run in the same run; one that is not installed is null, and so is what has no data.
"""

from __future__ import annotations

from parts import run

GROUPS = [
    ["tracing_towns"],
    ["tracing_unmix", "tracing_scale", "tracing_mixture", "tracing_next", "tracing_time", "tracing_spill"],
]
KEYS = (
    "cairngorms_rmse_log10", "cairngorms_cover90", "hot_top1_noise10", "hot_top1_noise30", "unmix_1e5_s", "mixture_sim_mae",
    "mixture_sim_cover90", "mixture_real_mae", "mixture_real_cover90", "manhole_top1_noise", "manhole_tests_noise",
    "meter_top1", "severn_mass_ratio", "towns", "towns_top1", "towns_top3", "towns_ece", "towns_brier",
    "towns_unregistered_recall", "towns_unregistered_false", "baseline_nearest_top1", "baseline_nnls_top1",
    "scale_10k_outfalls_s",
)  # fmt: skip

if __name__ == "__main__":
    run(GROUPS, KEYS, __file__, __doc__)
