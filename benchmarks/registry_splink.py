"""Splink 5 on sightings written as CSV: clusters at several thresholds. Runs in an environment of its own."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
import splink.comparison_library as cl
from splink import DuckDBAPI, Linker, SettingsCreator, block_on

folder = Path(sys.argv[1])
rows = pd.read_csv(folder / "in.csv")
rows["cell_lon"], rows["cell_lat"] = (
    (rows["lon"] / 0.0008).round().astype(int),
    (rows["lat"] / 0.0008).round().astype(int),
)
words = ["side", "outfall_shape", "outfall_class", "is_discharging", "colour"]
for word in words:
    rows[word] = rows[word].astype("object").where(rows[word].notna(), None)
settings = SettingsCreator(
    link_type="dedupe_only",
    unique_id_column_name="sighting_id",
    comparisons=[
        cl.DistanceInKMAtThresholds("lat", "lon", [0.002, 0.004, 0.008, 0.015, 0.03]),
        *(cl.ExactMatch(word) for word in words),
        cl.ExactMatch("diameter_mm"),
    ],
    blocking_rules_to_generate_predictions=[
        "abs(l.lon - r.lon) < 0.0004 and abs(l.lat - r.lat) < 0.0004 and l.survey_id <> r.survey_id and l.cell_lat between r.cell_lat - 1 and r.cell_lat + 1"
    ],
)
linker = Linker(DuckDBAPI().register(rows), settings)
linker.training.estimate_u_using_random_sampling(max_pairs=1e6, seed=1)
linker.training.estimate_parameters_using_expectation_maximisation(block_on("cell_lon", "cell_lat"))
pairs = linker.inference.predict(threshold_match_probability=0.05)
parts = []
for threshold in (0.1, 0.3, 0.5, 0.7, 0.9, 0.97):
    found = linker.clustering.cluster_pairwise_predictions_at_threshold(pairs, threshold_match_probability=threshold)
    parts.append(found.as_pandas_dataframe()[["cluster_id", "sighting_id"]].assign(threshold=threshold))
pd.concat(parts).to_csv(folder / "out.csv", index=False)
