"""Measure how many manholes must be opened to find a hidden source in a real sewer, and how often it is the right one.

The sewer is the largest dry-weather tree of Tuindorp (every manhole drains by the path whose highest pipe is lowest). A hidden source
sits at a manhole drawn from a seed; each test says whether its water passes, with misses and false positives. Stated
beside it: the walk upstream from the outlet, branch by branch, as practised. With noise we stop at a probability of 0.94:
the last test carries it beyond, so that what is stated at the end is 0.96 to 0.97 on average.
"""

from __future__ import annotations

import heapq
import os
import sys
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
import pandas as pd
import shapely

from outfall.network import build_network
from outfall.network.inp import read_inp_network
from outfall.tracing._information import choose_batch, learn
from outfall.tracing.next_sample import _positive as positive_shares
from outfall.tracing.next_sample import find_spots, rank_samples

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("OUTFALL_DATA", ROOT.parent / "shared" / "data"))
FILE = DATA / "network" / "swmm" / "Tuindorp_Right_Part.inp"
MISS, FALSE, STOP, MOST = 0.1, 0.02, 0.94, 60
FIRST_SEED, CASES = 1, 300
KEYS = ("manhole_top1_noise", "manhole_tests_noise")


def tree():
    """Return the network of the tree and the reach at its outlet: every manhole drains by the path whose top is lowest."""
    whole = read_inp_network(FILE, crs=28992)
    reaches = whole.reaches.set_index("reach_id")
    beside = defaultdict(list)
    for row in reaches.itertuples():
        level = max(row.invert_from_m, row.invert_to_m)
        beside[row.from_node].append((row.to_node, level, row.Index))
        beside[row.to_node].append((row.from_node, level, row.Index))
    outlets = sorted(whole.nodes.loc[whole.nodes["kind"] == "outfall", "node_id"])
    heap = [(-np.inf, node, "", node) for node in outlets]
    home, pipe = {}, {}
    while heap:
        level, node, reach, outlet = heapq.heappop(heap)
        if node in home:
            continue
        home[node], pipe[node] = outlet, reach
        for other, top, name in beside[node]:
            if other not in home:
                heapq.heappush(heap, (max(level, top), other, name, outlet))
    largest = max(outlets, key=lambda outlet: sum(value == outlet for value in home.values()))
    kept = {node: name for node, name in pipe.items() if home[node] == largest and name}
    lines = reaches.loc[list(kept.values())].reset_index()
    is_down = lines["from_node"].to_numpy() == np.array(list(kept))
    lines["geometry"] = np.where(is_down, lines.geometry, shapely.reverse(lines.geometry.to_numpy()))
    ends = lines[["from_node", "to_node"]].to_numpy()
    lines[["from_node", "to_node"]] = np.where(is_down[:, None], ends, ends[:, ::-1])
    plain = lines[["reach_id", "from_node", "to_node", "geometry"]].assign(forward_share=1.0, kind="gravity_sewer")
    network = build_network(None, pipes=plain, tolerance_m=0.0)
    last = network.reaches.loc[network.reaches["to_node"] == largest, "reach_id"]
    return network, str(max(last, key=lambda reach: len(network.upstream(reach))))


class Case:
    """The sewer as arrays: hypotheses are its manholes, spots too."""

    def __init__(self) -> None:
        self.network, self.outlet = tree()
        self.spots = find_spots(self.network, self.outlet).iloc[:-1].reset_index(drop=True)
        self.chances = pd.DataFrame(
            {"chance_id": self.spots["spot_id"], "reach_id": self.spots["reach_id"], "along_m": 0.0, "share": 1.0}
        )
        self.truth = positive_shares(self.chances, self.spots, self.network, 0.0, 0.0)
        self.size = len(self.spots)

    def informative(self, rng):
        """Return a prior worth having: the land use around each manhole, one in ten suspicious and mostly right."""
        weight = np.ones(self.size)
        weight[rng.choice(self.size, self.size // 10, replace=False)] = 10.0
        return weight / weight.sum()


def ours(case, prior, hidden, rng, *, miss, false):
    """Return tests and answer of the expected information."""
    positive = case.truth * (1 - miss) + (1 - case.truth) * false
    source, cost, tie = np.arange(case.size), np.ones(case.size), np.arange(case.size)
    weight, tests = prior, 0
    while weight.max() < (STOP if miss or false else 1 - 1e-9) and tests < MOST:
        spot = choose_batch(weight, positive, source, cost, tie, 1)[0]
        is_found = rng.random(1) < positive[spot, hidden]
        weight = learn(weight, positive[spot], is_found)
        tests += 1
    return tests, int(np.argmax(weight)), float(weight.max())


def walk(case, hidden, rng, *, miss, false):
    """Return tests and answer of the walk from the outlet: open the manholes above, follow the first that shows it."""
    reaches = case.network.reaches
    above = {}
    for one, other in zip(reaches["from_node"], reaches["to_node"], strict=True):
        above.setdefault(other, []).append(one)
    names = case.spots["spot_id"].tolist()
    at = reaches.loc[reaches["reach_id"] == case.outlet, "from_node"].iloc[0]
    tests = 0
    while True:
        branches = [node for node in above.get(at, []) if node in names]
        for node in branches:
            tests += 1
            p = (1 - miss) if case.truth[names.index(node), hidden] else false
            if rng.random() < p:
                at = node
                break
        else:
            return tests, names.index(at)


def measure(*, quick: bool) -> dict[str, float | int | bool | None]:
    """Return the figures of this part."""
    if not FILE.exists():
        return dict.fromkeys(KEYS) | {"manhole_why": "no real data"}
    case = Case()
    count = 150 if quick else CASES
    out = {"manholes": case.size}
    for name, miss, false in (("clean", 0.0, 0.0), ("noise", MISS, FALSE)):
        for prior_name in ("", "_informative"):
            rows = []
            for seed in range(FIRST_SEED, FIRST_SEED + count):
                rng = np.random.default_rng([seed, 11])
                prior = case.informative(rng) if prior_name else np.full(case.size, 1 / case.size)
                hidden = int(rng.choice(case.size, p=prior))
                tests, answer, stated = ours(case, prior, hidden, rng, miss=miss, false=false)
                rows.append((tests, answer == hidden, stated))
            tests, right, stated = np.array(rows, dtype=float).T
            out[f"manhole_tests_{name}{prior_name}"] = float(tests.mean())
            out[f"manhole_tests_p95_{name}{prior_name}"] = float(np.quantile(tests, 0.95))
            out[f"manhole_top1_{name}{prior_name}"] = float(right.mean())
            out[f"manhole_stated_{name}{prior_name}"] = float(stated.mean())
        rows = []
        for seed in range(FIRST_SEED, FIRST_SEED + count):
            rng = np.random.default_rng([seed, 12])
            hidden = int(rng.integers(case.size))
            tests, answer = walk(case, hidden, rng, miss=miss, false=false)
            rows.append((tests, answer == hidden))
        tests, right = np.array(rows, dtype=float).T
        out |= {f"walk_tests_{name}": float(tests.mean()), f"walk_top1_{name}": float(right.mean())}
    begun = time.process_time()
    rank_samples(case.chances, case.spots, case.network, crews=4)
    return out | {"manhole_rank_4_crews_s": time.process_time() - begun}


if __name__ == "__main__":
    for key, value in measure(quick="--quick" in sys.argv).items():
        print(f"{key:36} {value}")
