"""Measure statistics of water pixels in overlapping zones, and index arithmetic, beside named peers on the same arrays.

A tile of 10,980 x 10,980 pixels of 10 m, 28 rivers 15 to 400 m wide, 10,000 outfalls on their banks with zones of 200 m that
overlap; count, mean, spread and median of the water pixels. Quick runs take the same tile and fewer zones for the slow peers.
"""

from __future__ import annotations

import gc
import json
import multiprocessing
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pyproj
import shapely
from affine import Affine

from outfall.scenes import Grid, find_formula, index_zones, zonal
from outfall.scenes.program import compile_formulas

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

SIDE = 10_980
GRID = Grid(SIDE, SIDE, Affine(10, 0, 500_000, 0, -10, 3_400_000), pyproj.CRS(32651))
STATS = ("count", "mean", "sd", "median")
INDICES = ("ndwi", "mndwi", "awei_nsh", "awei_sh")
BANDS = ("blue", "green", "nir", "swir_1", "swir_2")


def made_tile(seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.bool_], gpd.GeoSeries]:
    """Return values, water and the zones of 10,000 outfalls on the banks."""
    rng = np.random.default_rng(seed)
    rows, water, mouths = np.arange(SIDE), np.zeros((SIDE, SIDE), bool), []
    for width_m in np.linspace(15, 400, 28):
        middle = rng.integers(0, SIDE) + rng.uniform(100, 600) * np.sin(rows / 900 + rng.uniform(0, 6))
        half = width_m / 20
        for step in np.arange(-half, half + 1e-9, 0.5):
            water[rows, np.clip(middle + step, 0, SIDE - 1).astype(int)] = True
        at = rng.integers(20, SIDE - 20, 360)
        mouths.append(
            np.column_stack([500_000 + 10 * np.clip(middle[at] + half, 0, SIDE - 1), 3_400_000 - 10 * (at + 0.5)])
        )
    points = rng.permutation(np.vstack(mouths))[:10_000]
    values = rng.normal(0.1, 0.03, (SIDE, SIDE)).astype(np.float32)
    return values, water, gpd.GeoSeries(shapely.buffer(shapely.points(points), 200), crs=GRID.crs)


def _cpu(act: Callable[[], object], times: int = 1) -> tuple[float, object]:
    best, out = np.inf, None
    for _ in range(times):
        gc.collect()
        begun = time.process_time()
        out = act()
        best = min(best, time.process_time() - begun)
    return best, out


def _brute(
    values: NDArray[np.float32], water: NDArray[np.bool_], zones: gpd.GeoSeries, some: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the statistics of some zones from GDAL's rasteriser, one window at a time."""
    from rasterio.features import geometry_mask
    from rasterio.windows import Window, transform

    out = []
    for number in some:
        west, south, east, north = zones.iloc[number].bounds
        left, top = max(0, int((west - 500_000) / 10) - 1), max(0, int((3_400_000 - north) / 10) - 1)
        right, bottom = min(SIDE, int((east - 500_000) / 10) + 2), min(SIDE, int((3_400_000 - south) / 10) + 2)
        place = transform(Window(left, top, right - left, bottom - top), GRID.transform)
        inside = geometry_mask([zones.iloc[number]], (bottom - top, right - left), place, invert=True)
        here = values[top:bottom, left:right][inside & water[top:bottom, left:right]].astype(np.float64)
        spread = np.std(here, ddof=1) if len(here) > 1 else np.nan
        out.append((len(here), here.mean() if len(here) else np.nan, spread, np.median(here) if len(here) else np.nan))
    return np.array(out)


def _exactextract(values: NDArray[np.float32], water: NDArray[np.bool_], zones: gpd.GeoSeries) -> float | None:
    try:
        from exactextract import exact_extract
        from exactextract.raster import NumPyRasterSource
    except ImportError:
        return None
    edge = SIDE * 10
    masked = np.where(water, values, np.nan)
    source = NumPyRasterSource(
        masked,
        xmin=500_000,
        ymin=3_400_000 - edge,
        xmax=500_000 + edge,
        ymax=3_400_000,
        srs_wkt=GRID.crs.to_wkt(),
        nodata=np.nan,
    )
    frame = gpd.GeoDataFrame(geometry=zones)
    return _cpu(lambda: exact_extract(source, frame, ["count", "mean", "stdev", "median"], output="pandas"))[0]


def _rasterstats(
    values: NDArray[np.float32], water: NDArray[np.bool_], zones: gpd.GeoSeries, count: int
) -> float | None:
    try:
        from rasterstats import zonal_stats
    except ImportError:
        return None
    masked = np.where(water, values, np.float32(-9999))
    some = list(zones.iloc[:count])
    cpu, _ = _cpu(
        lambda: zonal_stats(some, masked, affine=GRID.transform, nodata=-9999, stats=["count", "mean", "std", "median"])
    )
    return cpu * len(zones) / count


def measure_zonal(*, quick: bool) -> dict[str, float | int | bool | str | None]:
    """Return CPU ratios of the peers to ours, and whether ours equals brute force."""
    values, water, zones = made_tile()
    ours_s, found = _cpu(lambda: zonal(index_zones(zones, GRID), values, where=water, stats=STATS), 6)
    some = np.arange(len(zones)) if not quick else np.arange(0, len(zones), 20)
    expected = _brute(values, water, zones, some)
    ours = found.iloc[some].to_numpy(dtype=float)  # type: ignore[attr-defined]
    is_exact = bool(
        (ours[:, 0] == expected[:, 0]).all() and np.allclose(ours, expected, rtol=1e-9, atol=1e-9, equal_nan=True)
    )
    exact_s, raster_s = _exactextract(values, water, zones), _rasterstats(values, water, zones, 300 if quick else 4000)
    return {
        "zonal_exact": is_exact, "zonal_checked": len(some), "zonal_cpu_s": round(ours_s, 3),
        "zonal_vs_exactextract": None if exact_s is None else round(exact_s / ours_s, 1),
        "zonal_vs_rasterstats": None if raster_s is None else round(raster_s / ours_s, 1),
        "zonal_empty_share": float((ours[:, 0] == 0).mean()),
    }  # fmt: skip


def _resident_mb(*, reset: bool = False) -> float:
    """Return the highest resident memory since the last reset, by the kernel's own mark; ru_maxrss cannot be reset."""
    if reset:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    told = Path("/proc/self/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) / 1024 for line in told.splitlines() if line.startswith("VmHWM"))


def _bands(side: int) -> dict[str, NDArray[np.uint16]]:
    rng = np.random.default_rng(1)
    return {band: rng.integers(200, 4000, (side, side), dtype=np.uint16) for band in BANDS}


def _chain(name: str, side: int, pipe: object) -> None:
    """Compute four indices in a process of its own and tell CPU, memory above the inputs and a check."""
    _one_chain(name, _bands(64))  # warms what is loaded at first use
    bands = _bands(side)
    told = [_one_chain(name, bands) for _ in range(3)]
    known = [one for one in told if one is not None]
    # The least CPU of three; memory of the first, before anything is kept.
    pipe.send((min(one[0] for one in known), known[0][1], known[0][2]) if known else None)  # type: ignore[attr-defined]


def _one_chain(name: str, bands: dict[str, NDArray[np.uint16]]) -> tuple[float, float, list[float]] | None:
    side = len(bands["blue"])
    outs: list[NDArray[np.float32]]
    try:
        spyndex, xr = (__import__("spyndex"), __import__("xarray")) if name == "spyndex" else (None, None)
    except ImportError:
        return None
    before = _resident_mb(reset=True)
    begun = time.process_time()
    if name == "ours":
        outs = [np.empty((side, side), np.float32) for _ in INDICES]
        compile_formulas([find_formula(index).expression for index in INDICES]).run(bands, outs)
    else:
        blue, green, nir, swir_1, swir_2 = (bands[band].astype(np.float32) for band in BANDS)
        if name == "numpy":
            outs = [(green - nir) / (green + nir), (green - swir_1) / (green + swir_1), 4 * (green - swir_1) - (0.25 * nir + 2.75 * swir_2),
                    blue + 2.5 * green - 1.5 * (nir + swir_1) - 0.25 * swir_2]  # fmt: skip
        else:
            params = {
                key: xr.DataArray(band, dims=("y", "x"))
                for key, band in zip(("B", "G", "N", "S1", "S2"), (blue, green, nir, swir_1, swir_2), strict=True)
            }
            made = spyndex.computeIndex(["NDWI", "MNDWI", "AWEInsh", "AWEIsh"], params)
            outs = [made.sel(index=key).to_numpy() for key in ("NDWI", "MNDWI", "AWEInsh", "AWEIsh")]
    cpu = time.process_time() - begun
    peak = _resident_mb() - before
    return cpu, peak, [float(np.nanmean(out[::7, ::7], dtype=float)) for out in outs]


def _in_own_process(name: str, side: int) -> tuple[float, float, list[float]] | None:
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_chain, args=(name, side, there))
    process.start()
    there.close()
    try:
        told = here.recv()
    except EOFError:
        told = None
    process.join()
    return told


def measure_index(*, quick: bool) -> dict[str, float | int | bool | str | None]:
    """Return CPU and memory ratios of four named indices over five bands; AWEInsh of spyndex has another sign and differs."""
    side = 4_500 if quick else SIDE
    runs = {name: _in_own_process(name, side) for name in ("ours", "numpy", "spyndex")}
    cpu = {name: found[0] if found else None for name, found in runs.items()}
    memory = {name: found[1] if found else None for name, found in runs.items()}
    out: dict[str, float | int | bool | str | None] = {
        "index_cpu_s": cpu["ours"],
        "index_peak_mb": memory["ours"],
        "index_side_px": side,
    }
    for name in ("numpy", "spyndex"):
        known = cpu[name] is not None and cpu["ours"] is not None
        out[f"index_vs_{name}"] = round(cpu[name] / cpu["ours"], 2) if known else None  # type: ignore[operator]
        out[f"index_memory_vs_{name}"] = round(memory["ours"] / memory[name], 2) if known else None  # type: ignore[operator]
        if not known:
            out[f"index_vs_{name}_why"] = f"{name} is not installed (extra bench)"
    checks = {name: found[2] for name, found in runs.items() if found}
    out["index_equal"] = bool(np.allclose(checks["ours"], checks["numpy"], rtol=1e-4))
    if "spyndex" in checks:
        out["index_equal_spyndex_but_awei_nsh"] = bool(
            np.allclose(np.delete(checks["ours"], 2), np.delete(checks["spyndex"], 2), rtol=1e-4)
        )
        out["awei_nsh_differs_from_spyndex"] = not np.isclose(checks["ours"][2], checks["spyndex"][2], rtol=1e-3)
    return out


def measure(*, quick: bool) -> dict[str, float | int | bool | str | None]:
    """Return every figure of this part."""
    return measure_zonal(quick=quick) | measure_index(quick=quick)


if __name__ == "__main__":
    print(json.dumps(measure(quick="--quick" in sys.argv), indent=1))
