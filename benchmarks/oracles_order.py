"""Stream order, level path, path length, areas and travel time against what NHDPlus publishes for the same reaches.

``new_hope()`` and ``divergence()`` return flat dicts of figures; ``python -m benchmarks.oracles_order [FOLDER]`` prints
them. FOLDER holds ``new_hope/new_hope.gpkg``, ``new_hope/sample_natseamless.gpkg``, ``divergence/*.geojson``.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from outfall.network import (
    Network,
    boundary_inflows,
    flow_order,
    level_paths,
    path_lengths,
    read_network,
    stream_orders,
    travel_times,
)

EXTRACTS = {"newhope": "new_hope/new_hope.gpkg", "natseamless": "new_hope/sample_natseamless.gpkg"}
H_PER_D = 24.0


def new_hope(data: Path | str | None = None) -> dict[str, float]:
    """Return the figures of both NHDPlus extracts: reaches compared, reaches that differ, largest differences."""
    found: dict[str, float] = {}
    for name, file in EXTRACTS.items():
        network = read_network(_folder(data) / file)
        for key, value in compare(network).items():
            found[f"{name}_{key}"] = value
    return found


def compare(network: Network) -> dict[str, float]:
    """Return what our figures are beside the published columns of one NHDPlus extract."""
    reaches = network.reaches.set_index("reach_id")
    inflows = boundary_inflows(network)
    total = network.accumulate("area_km2", inflows=inflows)
    main = network.accumulate("area_km2", rule="main")
    orders, levels = stream_orders(network), level_paths(network, weight="LENGTHKM")
    by_geodesic = level_paths(network)
    gap = reaches["Pathlength"] - path_lengths(network, column="LENGTHKM")["distance"]
    ours, theirs = flow_order(network), reaches["Hydroseq"]
    return {
        "reaches": len(reaches),
        "boundary_inflows": len(inflows),
        "edges": len(network.arrays.down[1]),
        "hydroseq_violations": _violations(network, theirs),
        "flow_order_violations": _violations(network, ours),
        "streamorde_differ": int((orders["stream_order"] != reaches["StreamOrde"]).sum()),
        "streamcalc_differ": int((orders["stream_calculator"] != reaches["StreamCalc"]).sum()),
        "levelpath_regrouped": _regrouped(levels["level_path"], reaches["LevelPathI"]),
        "levelpath_regrouped_geodesic": _regrouped(by_geodesic["level_path"], reaches["LevelPathI"]),
        "streamleve_differ": _off_constant(reaches["StreamLeve"] - levels["stream_level"].astype(float)),
        "total_max_diff_km2": float((total - reaches["TotDASqKM"]).abs().max()),
        "divergence_max_diff_km2": float((main - reaches["DivDASqKM"]).abs().max()),
        "arbolate_max_diff_km": float((network.accumulate("LENGTHKM") - reaches["ArbolateSu"]).abs().max()),
        "pathlength_reaches": int(gap.notna().sum()),
        "pathlength_max_diff_km": float((gap - gap.median()).abs().max()),
        "pathlength_below_extract_km": float(gap.median()),
        **_travel(network, reaches),
    }


def divergence(data: Path | str | None = None) -> dict[str, float]:
    """Return the figures of the divergence cases; totals are those published, or sums over the walked sets."""
    folder = _folder(data) / "divergence"
    network = read_network(folder / "diversions.geojson")
    inflows = boundary_inflows(network)
    published = network.reaches.set_index("reach_id")["totdasqkm"]
    simple = read_network(folder / "simple_diversions.geojson")
    area = simple.reaches.set_index("reach_id")["area_km2"]
    total = simple.accumulate("area_km2")
    walked = pd.Series({name: area[simple.upstream(name)].sum() for name in total.index})
    return {
        "diversions_reaches": len(published),
        "diversions_inflows": len(inflows),
        "diversions_inflow_km2": float(inflows["inflow"].sum()),
        "diversions_total_max_diff_km2": float(
            (network.accumulate("area_km2", inflows=inflows) - published).abs().max()
        ),
        "diversions_total_max_diff_without_inflow_km2": float((network.accumulate("area_km2") - published).abs().max()),
        "simple_reaches": len(total),
        "simple_total_max_diff_km2": float((total - walked).abs().max()),
        "simple_outlet_diff_km2": float(abs(total.max() - area.sum())),
    }


def _folder(data: Path | str | None) -> Path:
    """Return the folder of the networks; beside the repository by default."""
    if data is not None:
        return Path(data)
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    return Path(os.environ.get("OUTFALL_DATA", beside)) / "network"


def _travel(network: Network, reaches: pd.DataFrame) -> dict[str, float]:
    """Return how far length / velocity is from TOTMA (days), by the published and by the geodesic length."""
    known = reaches["velocity_ms"].notna() & (reaches["TOTMA"] > 0)
    of_file = reaches["LENGTHKM"] * 1000 / reaches["velocity_ms"] / 3600 / (reaches["TOTMA"] * H_PER_D)
    of_line = travel_times(network).reindex(reaches.index) / (reaches["TOTMA"] * H_PER_D)
    scale = of_line * reaches["LENGTHKM"] * 1000 / reaches["length_m"]
    return {
        "totma_reaches": int(known.sum()),
        "totma_max_diff_share": float((of_file[known] - 1).abs().max()),
        "totma_travel_times_max_diff_share": float((scale[known] - 1).abs().max()),
        "totma_geodesic_max_diff_share": float((of_line[known] - 1).abs().max()),
    }


def _violations(network: Network, order: pd.Series) -> int:
    """Return the number of edges on which the number does not fall downstream."""
    start, down = network.arrays.down
    value = order.to_numpy(float)
    return int((np.repeat(value, np.diff(start)) <= value[down]).sum())


def _regrouped(ours: pd.Series, theirs: pd.Series) -> int:
    """Return the number of reaches whose group is not the same set of reaches in both."""
    pairs = pd.DataFrame({"ours": ours, "theirs": theirs.reindex(ours.index)})
    one = pairs.groupby("ours")["theirs"].transform("nunique") == 1
    other = pairs.groupby("theirs")["ours"].transform("nunique") == 1
    return int((~(one & other)).sum())


def _off_constant(gap: pd.Series) -> int:
    return int((gap != gap.mode().iloc[0]).sum())


if __name__ == "__main__":
    given = sys.argv[1] if len(sys.argv) > 1 else None
    print(json.dumps({**new_hope(given), **divergence(given)}, indent=1))
