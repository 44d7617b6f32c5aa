"""Measure how well sub-basins are recovered from nested samples: a real survey, planted hot spots, very many sites.

Cairngorms: 63 nested stream sediments against an independent survey of magnesium on the same grid. The network is built
from the published flow directions; nothing is chosen by the truth. Hot spots: one sub-basin of that network is given more
than the surveyed magnesium (5 to 20 times, even in the logarithm) and every site a lognormal error; stated is the
probability of the best one, given that there is one; the power it is raised to was
learned on seeds from 1000. funmixer is not on PyPI and cannot be installed here.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from affine import Affine
from scipy.sparse import csr_array

from outfall.network import build_from_terrain, make_terrain
from outfall.tracing.unmix import estimate, unmix
from outfall.tracing.unmix_hot import hot_shares
from outfall.tracing.unmix_model import Data
from outfall.tracing.unmix_nesting import Nesting, find_nesting, solve_down
from outfall.tracing.unmix_sparse import solve_exact

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("OUTFALL_DATA", ROOT.parent / "shared" / "data")) / "source" / "cairngorms"
FIRST_SEED, DRAWS = 1, 300
FROM_KM2 = 2.0
TIMES = (5.0, 20.0)
KEYS = (
    "cairngorms_rmse_log10",
    "cairngorms_cover90",
    "cairngorms_raw_rmse_log10",
    "cairngorms_s",
    "hot_top1_noise10",
    "hot_top1_noise30",
    "hot_stated_noise10",
    "hot_stated_noise30",
)
CELL_M, WEST_M, SOUTH_M = 200.0, 100_000.0, 200_000.0


class Cairngorms:
    """The network, the samples on it, and the surveyed magnesium of every sub-basin."""

    def __init__(self) -> None:
        codes = np.loadtxt(DATA / "d8.asc", skiprows=5).astype(np.uint8)
        self.rows, self.columns = codes.shape
        north = SOUTH_M + self.rows * CELL_M
        terrain = make_terrain(
            codes, transform=Affine(CELL_M, 0, WEST_M, 0, -CELL_M, north), crs=27700, kind="directions"
        )
        table = pd.read_csv(DATA / "sample_data.csv")
        column = ((table["x_coordinate"] - WEST_M) // CELL_M).to_numpy(dtype=int)
        row = ((north - table["y_coordinate"]) // CELL_M).to_numpy(dtype=int)
        self.cell = row * self.columns + column
        following = np.asarray(terrain.flow.idxs_ds).ravel().astype(np.int64)
        self.label = self._labels(following)
        self.network = build_from_terrain(terrain, from_km2=FROM_KM2, crs=27700)
        middle = gpd.GeoSeries(
            gpd.points_from_xy(WEST_M + (column + 0.5) * CELL_M, north - (row + 0.5) * CELL_M), crs=27700
        )
        reaches = self.network.reaches
        drained = np.asarray(terrain.upstream_km2).ravel()[self.cell]
        found = self._reach_of(middle.to_numpy(), drained)
        lines = reaches.geometry.to_numpy()[found]
        share = shapely.line_locate_point(lines, middle.to_numpy(), normalized=True)
        self.samples = pd.DataFrame(
            {
                "sample_id": table["sample_name"].astype(str),
                "reach_id": reaches["reach_id"].to_numpy()[found],
                "along_m": share * reaches["length_m"].to_numpy()[found],
            }
        )
        self.table = table
        self.survey = self._survey()

    def _reach_of(self, points, drained):
        """Return the reach of each site: of those in its cell, the one that drains what the cell drains."""
        reaches = self.network.reaches
        point, reach = reaches.sindex.query(points, predicate="dwithin", distance=CELL_M)
        lines = reaches.geometry.to_numpy()[reach]
        share = shapely.line_locate_point(lines, points[point], normalized=True)
        whole = self.network.accumulate("area_km2").to_numpy()[reach]
        there = whole - (1 - share) * reaches["area_km2"].to_numpy()[reach]
        cost = shapely.distance(lines, points[point]) / CELL_M + 20 * np.abs(np.log(there / drained[point]))
        order = np.lexsort((cost, point))
        return reach[order][np.unique(point[order], return_index=True)[1]]

    def _labels(self, following):
        """Return the number of the site each cell drains to first, -1 where none."""
        towards = np.where(following < 0, np.arange(len(following)), following)
        towards[self.cell] = self.cell
        for _ in range(20):
            towards = towards[towards]
        label = np.full(len(following), -1)
        label[self.cell] = np.arange(len(self.cell))
        return label[towards]

    def _survey(self):
        """Return the mean of the surveyed magnesium of every sub-basin; its rows run from south to north."""
        from scipy.io import netcdf_file

        try:
            with netcdf_file(DATA / "CG_log_Mg.nc", mmap=False) as file:
                grid = np.array(file.variables["z"][:])
        except TypeError:  # netCDF 4
            import netCDF4

            with netCDF4.Dataset(DATA / "CG_log_Mg.nc") as file:
                grid = np.asarray(file["z"][:])
        level = 10.0 ** grid[::-1].ravel()
        return np.array([np.nanmean(level[self.label == at]) for at in range(len(self.cell))])

    def results(self, element="Mg"):
        """Return the laboratory's table as results."""
        return pd.DataFrame(
            {
                "sample_id": self.samples["sample_id"],
                "parameter": element,
                "qualifier": "=",
                "value": self.table[element].to_numpy(dtype=float),
                "unit": "mg/kg",
                "sigma_share": 0.0,
            }
        )


def real(case):
    """Return the figures of the real survey."""
    begun = time.perf_counter()
    found = unmix(case.results(), case.samples, case.network)
    spent = time.perf_counter() - begun
    order = pd.Index(case.samples["sample_id"]).get_indexer(found["site_id"])
    truth = case.survey[order]
    off = np.log10(found["value"] / truth)
    raw = np.log10(case.results()["value"].to_numpy()[order] / truth)
    cells = np.bincount(case.label[case.label >= 0], minlength=len(truth))[order] * CELL_M**2 / 1e6
    inside = (found["value_low"] <= truth) & (truth <= found["value_high"])
    return {
        "cairngorms_rmse_log10": float(np.sqrt(np.mean(off**2))),
        "cairngorms_cover90": float(inside.mean()),
        "cairngorms_raw_rmse_log10": float(np.sqrt(np.mean(raw**2))),
        "cairngorms_constant_rmse_log10": float(np.std(np.log10(truth))),
        "cairngorms_funmixer_rmse_log10": None,
        "cairngorms_s": spent,
        "cairngorms_sites": len(found),
        "cairngorms_error_ln": float(found["error_ln"].iloc[0]),
        "cairngorms_area_median_ratio": float(np.median(found["own_weight"] / cells)),
        "cairngorms_area_worst_ratio": float(np.max(np.abs(np.log(found["own_weight"] / cells)))),
    }


def hot(case, noise, count, seconds):
    """Return hit rate and stated probability of the best sub-basin over planted ones; stops when processor time is up."""
    nesting, site = find_nesting(case.samples, case.network)
    level = np.empty(len(site))
    level[site] = case.survey
    mixing, rows, begun = nesting.mixing(), [], time.process_time()
    for seed in range(FIRST_SEED, FIRST_SEED + count):
        rng = np.random.default_rng([seed, round(100 * noise)])
        hidden = int(rng.integers(len(level)))
        planted = level.copy()
        planted[hidden] *= np.exp(rng.uniform(*np.log(TIMES)))
        value = np.log(mixing @ planted) + noise * rng.standard_normal(len(level))
        found = hot_shares(nesting, as_data(value), is_pairs=False)
        best = int(np.argmax(found.alone))
        raw = int(np.argmax(value))
        rows.append((best == hidden, found.alone[best], raw == hidden))
        if time.process_time() - begun > seconds:
            break
    right, stated, raw = np.array(rows, dtype=float).mean(axis=0)
    name = f"noise{round(100 * noise)}"
    keys = (f"hot_top1_{name}", f"hot_stated_{name}", f"hot_raw_top1_{name}", f"hot_draws_{name}")
    return dict(zip(keys, (float(right), float(stated), float(raw), len(rows)), strict=True))


def as_data(value_ln):
    """Return measured values, one per site, without a laboratory error."""
    count = len(value_ln)
    return Data(np.arange(count), value_ln, np.zeros(count, dtype=np.int64), np.zeros(count))


def made(count, seed):
    """Return a random tree of sites and the concentration of each sub-basin, alike along the water."""
    rng = np.random.default_rng(seed)
    down = np.array([-1] + [int(rng.integers(max(0, at - 200), at)) for at in range(1, count)])
    inner = np.flatnonzero(down >= 0)
    links = csr_array((np.ones(len(inner)), (down[inner], inner)), shape=(count, count))
    own = rng.lognormal(0, 0.5, count)
    where = np.cumsum(rng.normal(0, 1e3, (count, 2)) * 0.1, axis=0)
    one = np.ones(count)
    ids = [f"s{at}" for at in range(count)]
    total = solve_down(links, own)
    nesting = Nesting(ids, np.arange(count), one, own, total, one, links, links, where[:, 0], where[:, 1])
    level = np.zeros(count)
    for at in range(1, count):
        level[at] = 0.8 * level[down[at]] + 0.36 * rng.standard_normal()
    return nesting, level


def many(count):
    """Return time and error for very many sites: exact where noise-free, and with noise, intervals included."""
    nesting, level = made(count, FIRST_SEED)
    value = solve_down(nesting.load, nesting.own * np.exp(level)) / nesting.total
    begun = time.perf_counter()
    exact = solve_exact(nesting, value)
    exact_s = time.perf_counter() - begun
    noisy = np.log(value) + 0.1 * np.random.default_rng(FIRST_SEED).standard_normal(count)
    begun, begun_cpu = time.perf_counter(), time.process_time()
    mean, sigma, error = estimate(nesting, as_data(noisy))
    spent = time.perf_counter() - begun
    return {
        "unmix_1e5_sites": count,
        "unmix_1e5_s": spent,
        "unmix_1e5_cpu_s": time.process_time() - begun_cpu,
        "unmix_1e5_exact_s": exact_s,
        "unmix_1e5_exact_max_diff": float(np.max(np.abs(exact / np.exp(level) - 1))),
        "unmix_1e5_noisy_rmse_ln": float(np.sqrt(np.mean((mean - level) ** 2))),
        "unmix_1e5_level_sd_ln": float(level.std()),
        "unmix_1e5_noisy_cover90": float(np.mean(np.abs(mean - level) <= 1.645 * sigma)),
        "unmix_1e5_error_ln": error,
    }


def measure(*, quick: bool) -> dict[str, float | int | bool | None]:
    """Return the figures of this part."""
    out = many(100_000)
    if not DATA.exists():
        return out | dict.fromkeys(KEYS) | {"unmix_why": "no real data"}
    case = Cairngorms()
    out |= real(case)
    for noise in (0.1, 0.3):
        out |= hot(case, noise, DRAWS, 1.0 if quick else np.inf)
    return out


if __name__ == "__main__":
    for key, figure in measure(quick="--quick" in sys.argv).items():
        print(f"{key:36} {figure}")
