"""Invented batches with control samples, clean or with one failure planted."""

from __future__ import annotations

import numpy as np
import pandas as pd

PARAMETERS = ("ammonia", "cod", "lead", "total_phosphorus")
LOQ = {"ammonia": 0.1, "cod": 15.0, "lead": 0.002, "total_phosphorus": 0.04}
SIGMA = 0.08


def batch(seed, *, spread=SIGMA, blank=None, recovery=1.0, batch_id="B1", ordinary=12):
    """Return samples and results: true values lognormal, measured with the relative error the rules assume."""
    rng = np.random.default_rng(seed)
    kinds = [*["routine"] * ordinary, "duplicate", "duplicate", "field_blank", "trip_blank", "spike", "control"]
    names = [f"{batch_id}-{at:02d}" for at in range(len(kinds))]
    parents = [
        names[0] if kind == "spike" else names[at - ordinary + 1] if kind == "duplicate" else None
        for at, kind in enumerate(kinds)
    ]
    samples = pd.DataFrame({"sample_id": names, "kind": kinds, "parent_sample_id": parents, "batch_id": batch_id})
    rows = []
    for parameter in PARAMETERS:
        loq = LOQ[parameter]
        truth = dict(zip(names, loq * rng.lognormal(2.0, 1.0, len(names)), strict=True))
        for name, kind, parent in zip(names, kinds, parents, strict=True):
            added = loq * 40 if kind in ("spike", "control") else np.nan
            true = truth[parent or name] + (added * recovery if kind == "spike" else 0.0)
            true = added * recovery if kind == "control" else true
            if kind.endswith("blank"):
                true = blank[1] if blank and blank[0] == (kind, parameter) else 0.0
            measured = true * (1 + spread * rng.standard_normal())
            is_below = measured < 0.3 * loq
            rows.append(
                {
                    "result_id": f"{name}/{parameter}", "sample_id": name, "parameter": parameter, "qualifier": "<" if is_below else "=", "method": "laboratory",
                    "value": np.nan if is_below else measured, "detection_limit": 0.3 * loq, "quantitation_limit": loq, "spike_added": added, "source_ref": "x",
                }
            )  # fmt: skip
    return samples, pd.DataFrame(rows)
