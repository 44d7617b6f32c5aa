"""Measure how well the sources of a water are told apart, invented and real, beside three receptor models.

Invented: libraries of seven sources and six tracers from a seed. Logarithms of the means have the averages, spreads and
correlations of a published table of seven waters; two tracers lie near zero in 2 and 3 of 7 sources, as there, strong
waters being strong in most. Relative standard deviations are even in the logarithm from 0.1 to 1.6: 0.1 is the least
printed, and least squares, CMB and CMBM have about their published errors with that range. A water is a mixture of
one to three sources, shares even over all divisions, each source a day's sample of its own, measured with an error of 5 %.
Every method is told the true means and deviations. Real: soils of three kinds (fingerPro), all three mixed, each brought
by the mean of three samples that were taken out of the library first; beside it (``_single``) the harder case of one to
three soils, each a single sample. Peers: non-negative least squares; effective variance as in
EPA CMB 8.2, non-negative; Monte Carlo over lognormal sources (CMBM). Seeds 1 to 999 report; 1000 and above tuned.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import nnls
from scipy.stats import norm

from outfall.tracing.mixture import apportion

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("OUTFALL_DATA", ROOT.parent / "shared" / "data"))
FILE = DATA / "source" / "soils_fingerprint" / "example_geo_3s_raw.csv"
CENTRE = np.array([3.9, 1.8, 1.7, 5.7, -0.4, 3.8])  # of the logarithms, where a tracer is there
SPREAD = np.array([0.2, 2.0, 0.9, 0.8, 0.75, 2.5])
ABSENT = np.array([0, 2 / 7, 0, 0, 0, 3 / 7])  # share of sources in which a tracer is near zero, and what is left there
LITTLE = np.array([0, 0.06, 0, 0, 0, 0.05])
TOGETHER = np.array(
    [
        [1.0, 0.3, 0.1, 0.1, 0.8, 0.35],
        [0.3, 1.0, 0.9, 0.85, 0.45, 0.5],
        [0.1, 0.9, 1.0, 0.8, 0.15, 0.4],
        [0.1, 0.85, 0.8, 1.0, 0.35, 0.65],
        [0.8, 0.45, 0.15, 0.35, 1.0, 0.5],
        [0.35, 0.5, 0.4, 0.65, 0.5, 1.0],
    ]
)
SOURCES, LEAST_CV, MOST_CV, ERROR, MOST_MIXED, PER_LIBRARY = 7, 0.1, 1.6, 0.05, 3, 10
HELD_OUT = 3
KEYS_REAL = (
    "mixture_real_mae", "mixture_real_cover90", "mixture_real_dominant", "mixture_real_cmb_mae", "mixture_real_nnls_mae",
)  # fmt: skip


def draw_shares(rng, sources):
    """Return shares of one to three sources, even over all their divisions."""
    number = rng.integers(1, min(MOST_MIXED, sources) + 1)
    share = np.zeros(sources)
    share[rng.choice(sources, number, replace=False)] = rng.dirichlet(np.ones(number))
    return share


def invent_library(rng):
    """Return means and relative standard deviations of seven sources."""
    z = rng.multivariate_normal(np.zeros(len(CENTRE)), TOGETHER, SOURCES)
    least = norm.ppf(ABSENT)  # the lowest are near zero; the others keep average and spread
    off = norm.pdf(least) / (1 - ABSENT)
    spread = np.sqrt(1 - off * (off - np.where(ABSENT > 0, least, 0)))
    mean = np.where(z < least, LITTLE, np.exp(CENTRE + SPREAD * (z - off) / spread))
    return mean, np.exp(rng.uniform(np.log(LEAST_CV), np.log(MOST_CV), mean.shape))


def invented(seed, count):
    """Yield library rows, means, deviations and waters with their truth."""
    rng = np.random.default_rng([seed, 5])
    mean, cv = invent_library(rng)
    sd = np.sqrt(np.log1p(cv**2))
    shares = np.array([draw_shares(rng, SOURCES) for _ in range(count)])
    days = np.exp(rng.normal(np.log(mean) - sd**2 / 2, sd, (count, *mean.shape)))
    waters = np.einsum("ik,ikj->ij", shares, days) * np.exp(rng.normal(0, ERROR, (count, mean.shape[1])))
    library = long(mean, "source_id").assign(cv_share=cv.ravel())
    return library, mean, cv, waters, shares


def long(values, key):
    """Return one row per value; sources s0, s1 and so on, tracers t0, t1."""
    rows, columns = values.shape
    prefix = "s" if key == "source_id" else "w"
    return pd.DataFrame(
        {
            key: np.repeat([f"{prefix}{k}" for k in range(rows)], columns),
            "parameter": np.tile([f"t{j}" for j in range(columns)], rows), "value": values.ravel(), "unit": "mg/L",
        }
    )  # fmt: skip


def real(seed, *, is_single=False):
    """Return a library without the samples of the mixture, the mixture, and its truth."""
    rng = np.random.default_rng([seed, 6])
    table = pd.read_csv(FILE)
    table = table[table["samples"].str.startswith("Source")].reset_index(drop=True)
    kinds = sorted(table["samples"].unique())
    of_kind = [np.flatnonzero(table["samples"] == kind) for kind in kinds]
    taken = np.array([rng.choice(rows, 1 if is_single else HELD_OUT, replace=False) for rows in of_kind])
    share = draw_shares(rng, len(kinds)) if is_single else rng.dirichlet(np.ones(len(kinds)))
    tracers = [name for name in table.columns if name not in {"ID", "samples"}]
    water = share @ table[tracers].to_numpy(dtype=float)[taken].mean(axis=1)
    rest = table.drop(index=taken.ravel())
    rows = rest.melt(id_vars=["ID", "samples"], value_vars=tracers, var_name="parameter", value_name="value")
    rows = rows.rename(columns={"samples": "source_id"}).assign(unit="mg/kg", sample_id=rows["ID"].astype(str))
    group = rest.groupby("samples")[tracers]
    return rows, group.mean().to_numpy(), (group.std() / group.mean()).to_numpy(), water, share, tracers


def solve(mean, water):
    """Return amounts by non-negative least squares; sources are brought to one size first, so that it converges."""
    size = np.sqrt((mean**2).sum(axis=1))
    return nnls((mean / size[:, None]).T, water, maxiter=1000)[0] / size


def solve_nnls(water, mean):
    """Return shares by least squares of relative errors."""
    share = solve(mean / water, np.ones(len(water)))
    return share / max(share.sum(), 1e-12)


def solve_cmb(water, mean, cv, error=ERROR):
    """Return shares by effective variance (EPA CMB 8.2), iterated, not below 0."""
    share = np.full(len(mean), 1 / len(mean))
    for _ in range(40):
        spread = np.sqrt((error * water) ** 2 + (share**2) @ (cv * mean) ** 2)
        new = solve(mean / spread, water / spread)
        if np.abs(new - share).max() < 1e-5:
            break
        share = new
    return new / max(new.sum(), 1e-12)


def solve_cmbm(water, mean, cv, rng, draws):
    """Return shares as the median over lognormal sources drawn at random, each solved as they are."""
    sd = np.sqrt(np.log1p(cv**2))
    days = np.exp(rng.normal(np.log(mean) - sd**2 / 2, sd, (draws, *mean.shape)))
    found = np.median([solve_nnls(water, day) for day in days], axis=0)
    return found / max(found.sum(), 1e-12)


def table_of(found, names):
    """Return chosen, low and high shares and the chance to bring most, of the sources in the order of the truth."""
    rows = found.shares[found.shares["source_id"].isin(names)]
    return [
        rows[column].to_numpy().reshape(-1, len(names))
        for column in ("share", "low_share", "high_share", "dominant_share")
    ]


def judge(chosen, low, high, most, truth):
    """Return error, right dominant source, and truth inside the interval, per mixture and source."""
    inside = (low - 1e-9 <= truth) & (truth <= high + 1e-9)
    return np.abs(chosen - truth).mean(axis=1), most.argmax(axis=1) == truth.argmax(axis=1), inside


def measure_invented(seeds, *, per=PER_LIBRARY, draws=100, settings=None):
    """Return the figures of the invented libraries of some seeds."""
    errors, right, inside, present, peers, seconds = [], [], [], [], [], 0.0
    for seed in seeds:
        library, mean, cv, waters, truth = invented(seed, per)
        table = long(waters, "sample_id").assign(sigma_share=ERROR)
        begun = time.process_time()
        found = apportion(table, library=library, settings=settings)
        seconds += time.process_time() - begun
        one = judge(*table_of(found, [f"s{k}" for k in range(SOURCES)]), truth)
        errors, right = [*errors, *one[0]], [*right, *one[1]]
        inside, present = [*inside, *one[2].ravel()], [*present, *one[2][truth > 0]]
        rng = np.random.default_rng([seed, 7])
        for water, share in zip(waters, truth, strict=True):
            answers = (
                solve_nnls(water, mean), solve_cmb(water, mean, cv),
                solve_cmbm(water, mean, cv, rng, draws) if draws else np.full(SOURCES, np.nan),
            )  # fmt: skip
            peers.append([(np.abs(one - share).mean(), one.argmax() == share.argmax()) for one in answers])
    beside = np.array(peers, dtype=float).mean(axis=0)
    return {
        "mixture_sim_mixtures": len(errors),
        "mixture_sim_mae": float(np.mean(errors)),
        "mixture_sim_cover90": float(np.mean(inside)),
        "mixture_sim_cover90_present": float(np.mean(present)),
        "mixture_sim_dominant": float(np.mean(right)),
        "mixture_sim_nnls_mae": float(beside[0, 0]),
        "mixture_sim_nnls_dominant": float(beside[0, 1]),
        "mixture_sim_cmb_mae": float(beside[1, 0]),
        "mixture_sim_cmb_dominant": float(beside[1, 1]),
        "mixture_sim_cmbm_mae": float(beside[2, 0]),
        "mixture_sim_cmbm_dominant": float(beside[2, 1]),
        "mixture_ms": 1000 * seconds / len(errors),
    }


def measure_real(seeds, *, is_single=False):
    """Return the figures of mixtures of real samples."""
    if not FILE.exists():
        return dict.fromkeys(KEYS_REAL) | {"mixture_real_why": "no real data"}
    errors, right, inside, peers, seconds = [], [], [], [], 0.0
    for seed in seeds:
        library, mean, cv, water, truth, tracers = real(seed, is_single=is_single)
        table = pd.DataFrame(
            {"sample_id": "w", "parameter": tracers, "value": water, "unit": "mg/kg", "sigma_share": 0.02}
        )
        begun = time.process_time()
        found = apportion(table, library=library)
        seconds += time.process_time() - begun
        one = judge(*table_of(found, sorted(set(library["source_id"]))), truth[None])
        errors, right, inside = [*errors, *one[0]], [*right, *one[1]], [*inside, *one[2].ravel()]
        answers = solve_nnls(water, mean), solve_cmb(water, mean, cv, error=0.02)
        peers.append([(np.abs(one - truth).mean(), one.argmax() == truth.argmax()) for one in answers])
    beside = np.array(peers, dtype=float).mean(axis=0)
    return {
        "mixture_real_mixtures": len(errors),
        "mixture_real_mae": float(np.mean(errors)),
        "mixture_real_cover90": float(np.mean(inside)),
        "mixture_real_dominant": float(np.mean(right)),
        "mixture_real_nnls_mae": float(beside[0, 0]),
        "mixture_real_cmb_mae": float(beside[1, 0]),
        "mixture_real_cmb_dominant": float(beside[1, 1]),
        "mixture_real_ms": 1000 * seconds / len(errors),
    }


def measure(*, quick: bool) -> dict[str, float | int | bool | None]:
    """Return the figures of this part."""
    libraries, per, draws, soils = (20, 3, 30, 60) if quick else (40, PER_LIBRARY, 400, 200)
    out = measure_invented(range(1, libraries + 1), per=per, draws=draws)
    out |= measure_real(range(1, soils + 1))
    if not quick and FILE.exists():
        hard = measure_real(range(1, soils + 1), is_single=True)
        out |= {key.replace("real_", "real_single_"): value for key, value in hard.items()}
    return out


if __name__ == "__main__":
    for key, value in measure(quick="--quick" in sys.argv).items():
        print(f"{key:32} {value}")
