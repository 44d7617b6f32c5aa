"""The network, measured: the index beside its peers, what published data say, and the worst cases.

    python benchmarks/network.py [--quick] [--json FILE]

One flat JSON object. Times are CPU seconds, the best of three, all in this run; results of all who answer are compared, and ``exact`` is true only
where every one agrees. A peer is stopped at 60 s per cell (``--quick``: 0.5 s): the time is then extrapolated and ``..._extrapolated`` is true.
A figure that cannot be taken is null with a ``..._why`` beside it. ``totals_..._vs_...`` say how many times faster we are; ``accumulate_vs_loop``
and ``locate_..._vs_sjoin`` are our time divided by theirs. Peers: rustworkx, igraph, numba, pyflwdir, earthkit-hydro, pynhd
(which needs pyarrow) as far as they are installed. The data are looked for in OUTFALL_DATA.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import network_made as made
import network_places
import network_speed

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("OUTFALL_DATA", ROOT.parent / "shared" / "data")) / "network"
SIZES = {"1e5": 100_000, "1e6": 1_000_000, "3e6": 3_000_000}
SHAPES = {
    "tree": {},
    "braids1": {"braid_share": 0.01},
    "braids10": {"braid_share": 0.10},
    "transfers": {"transfers": 100},
}
LIBRARIES = list(network_speed.PEERS)
ORACLE_KEYS = (
    "newhope_hydroseq_violations", "newhope_total_max_diff_km2", "middlefork_updist_max_diff_m", "twin_errors_found",
    "twin_false_alarms", "uky_lines_kept",
)  # fmt: skip


def oracles(*, quick: bool) -> dict[str, object]:
    """Return what published networks say of ours."""
    import oracles_build
    import oracles_order
    import oracles_travel
    import place_errors

    if not DATA.is_dir():
        return dict.fromkeys(ORACLE_KEYS) | {"oracles_why": "no real data"}
    out: dict[str, object] = {}
    takes = [
        lambda: oracles_order.new_hope(DATA),
        lambda: oracles_order.divergence(DATA),
        lambda: oracles_build.twin(DATA),
        lambda: oracles_build.middle_fork(DATA, repeats=2 if quick else 20),
        lambda: oracles_build.uky((0.0,) if quick else (0.0, 0.2, 1.0, 2.0), DATA),
        lambda: place_errors.measure(DATA, count=1000 if quick else 20_000),
        lambda: {} if quick else oracles_travel.all_figures(DATA.parent, quick=quick),
    ]
    for take in takes:
        begun = time.perf_counter()
        out |= take()
        print(f"oracle {list(out)[-1]}: {time.perf_counter() - begun:.1f} s", file=sys.stderr)
    return out


def speed(*, quick: bool) -> dict[str, object]:
    """Return the figures of every network; the quick run has fewer of them."""
    out: dict[str, object] = {}
    cases = (
        [("1e5", "tree"), ("1e5", "transfers"), ("1e6", "tree")]
        if quick
        else [(size, shape) for size in SIZES for shape in SHAPES]
    )
    for size, shape in cases:
        begun = time.perf_counter()
        arrays = made.made(SIZES[size], **SHAPES[shape])
        peers = ["rustworkx"] if quick and size == "1e6" else LIBRARIES
        if size != "1e5":
            peers = [peer for peer in peers if peer != "pynhd"]  # a minute at 1e5 already
        out |= network_speed.measure(f"{shape}_{size}", arrays, peers=peers, limit_s=0.5 if quick else 60.0)
        print(f"{shape} {size}: {time.perf_counter() - begun:.1f} s", file=sys.stderr)
    return out | headline(out)


def headline(out: dict[str, object]) -> dict[str, object]:
    """Return the figures of the tree of a million reaches under their short names."""

    def ratio(above: str, below: str) -> float | None:
        one, other = out.get(f"tree_1e6_{above}_s"), out.get(f"tree_1e6_{below}_s")
        return round(float(one) / float(other), 2) if one is not None and other is not None else None

    return {
        "build_1e6_s": out["tree_1e6_outfall_build_s"],
        "index_bytes_per_reach": out["tree_1e6_bytes_per_reach"],
        "totals_10k_vs_rustworkx": ratio("rustworkx_totals_10k", "outfall_totals_10k"),
        "totals_10k_vs_rustworkx_extrapolated": bool(out.get("tree_1e6_rustworkx_totals_10k_extrapolated", False)),
        "totals_10k_vs_walk": ratio("walk_totals_10k", "outfall_totals_10k"),
        "accumulate_vs_loop": ratio("outfall_accumulate", "loop_accumulate"),
    }


def main() -> None:
    """Take every figure and print the object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="smaller and fewer cases, under 50 s on two free cores")
    parser.add_argument("--json", type=Path, help="write the object to this file too")
    parser.add_argument("--oracles-only", action="store_true", help="only what published networks say")
    options = parser.parse_args()
    if options.oracles_only:
        print(json.dumps(oracles(quick=options.quick), default=float))
        return
    command = [sys.executable, __file__, "--oracles-only", *(["--quick"] if options.quick else [])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as beside:  # the other core
        out = speed(quick=options.quick)
        out |= network_places.measure(DATA, sewer=not options.quick)
        out |= network_speed.worst(quick=options.quick)
        found = network_speed.peak(SIZES["3e6"])
        out |= {"peak_mb_3e6": found["peak_mb"]}
        text, _ = beside.communicate()
    out |= (
        json.loads(text)
        if beside.returncode == 0
        else dict.fromkeys(ORACLE_KEYS) | {"oracles_why": "it failed: see above"}
    )
    out["exact"] = all(bool(value) for key, value in out.items() if key.endswith("_exact"))
    text = json.dumps(out, indent=1, ensure_ascii=False, default=float)
    print(text)
    if options.json:
        options.json.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
