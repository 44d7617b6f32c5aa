"""Tracing at the size of a province: seconds and memory, in one go and basin by basin, and whether the tables agree.

    python benchmarks/tracing_scale.py [--quick]

The full case is 10,000 outfalls against 5,000 sources on 1,000,000 reaches, half of the outfalls sampled for twelve
parameters. The quick one is a tenth of it and has keys of its own: nothing is extrapolated. Drawing the province is
not counted.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

FULL, QUICK = (10_000, 5_000), (1_000, 500)


def _measure_one(outfalls: int, sources: int, how: str) -> dict[str, float | int]:
    """Trace one province in this process, and return what it took."""
    from tracing_made import make_province

    from outfall.tracing import trace
    from outfall.tracing.basins import trace_basins

    province = make_province(outfalls, sources)
    before, cpu, start = _peak_mb(), time.process_time(), time.perf_counter()
    whole = (province.outfalls, province.network, province.sources)
    water = {"samples": province.samples, "results": province.results}
    if how == "trace":
        found = trace(*whole, **water)
    else:
        workers = int(how.rpartition(" ")[2])
        found = trace_basins(*whole, tables=water, workers=workers)
    seconds, cpu_s, peak = time.perf_counter() - start, time.process_time() - cpu, _peak_mb()
    shares = found.candidates.set_index("candidate_id")["posterior_share"]
    return {
        "s": round(seconds, 2), "cpu_s": round(cpu_s, 2), "peak_mb": round(peak), "before_mb": round(before),
        "worker_peak_mb": round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024),
        "reaches": len(province.network.reaches), "candidates": len(found.candidates), "verdicts": len(found.evidence),
        "checksum": round(float((shares.sort_index() * (1 + (shares.sort_index().index.map(len) % 7))).sum()), 6),
    }  # fmt: skip


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _apart(outfalls: int, sources: int, how: str) -> dict[str, float | int]:
    """Measure in a process of its own, so that its memory is its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_measure_one, outfalls, sources, how).result()


def measure(*, quick: bool) -> dict[str, float | int | bool | str | None]:
    """Return seconds and peak memory of the trace, and whether basins give the same answer."""
    size, name = (QUICK, "scale_1k_outfalls") if quick else (FULL, "scale_10k_outfalls")
    single = _apart(*size, "trace")
    out: dict[str, float | int | bool | str | None] = {
        f"{name}_s": single["s"], f"{name}_cpu_s": single["cpu_s"], f"{name}_reaches": single["reaches"],
        f"{name}_candidates": single["candidates"], f"{name}_verdicts": single["verdicts"],
    }  # fmt: skip
    if quick:
        out |= {"scale_10k_outfalls_s": None, "scale_peak_mb": None, "scale_1k_peak_mb": single["peak_mb"],
                "scale_why": "the quick run times a tenth of it; run without --quick"}  # fmt: skip
        return out
    out["scale_peak_mb"] = single["peak_mb"]
    for how in ("basins 1", "basins 2"):
        found = _apart(*size, how)
        key = f"scale_{how.replace(' ', '')}"
        out |= {f"{key}_s": found["s"], f"{key}_peak_mb": found["peak_mb"],
                f"{key}_worker_peak_mb": found["worker_peak_mb"],
                f"{key}_same": found["checksum"] == single["checksum"]}  # fmt: skip
    return out


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the size")
    print(json.dumps(measure(quick=parser.parse_args().quick), indent=1))


if __name__ == "__main__":
    main()
