"""The same map for very many sites: exact where nothing is noisy, and by sparse elimination down the water."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize
from scipy.sparse import coo_array, csr_array, diags_array, eye_array
from scipy.sparse.linalg import SuperLU, splu

from outfall.tracing.unmix_model import HYPER_PRIOR, Data, Reals, weigh
from outfall.tracing.unmix_nesting import solve_down

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from outfall.tracing.unmix_nesting import Nesting

__all__ = ["SparseFit", "fit_sparse", "learn_sparse", "pick_part", "solve_exact", "spread_sparse"]

_ROUNDS, _CLOSE = 40, 1e-3  # rounds converge by squares; closer than this is below what rounding leaves
_CLOSE_FEW = 1e-6
_LONGEST_STEP = 1.5
_LEARN_SITES, _ENOUGH_SITES = 400, 300  # at most, and enough, to learn from


@dataclass(frozen=True, eq=False)
class SparseFit:
    """The map of many sites: natural log of each sub-basin, the factor it came from, log evidence."""

    mode: Reals
    site_ln: Reals
    log_evidence: float
    factor: SuperLU
    share_own: Reals
    share_down: csr_array
    prior_root: csr_array
    curvature: Reals


def solve_exact(nesting: Nesting, value: Reals) -> Reals:
    """Return the concentration of each sub-basin that gives exactly these values at the sites; may be below 0.

    Parameters
    ----------
    nesting : Nesting
        n sites.
    value : ndarray, n values
        Concentration at each site, without noise.

    Returns
    -------
    ndarray
        In the unit of the values; NaN where the site or one directly upstream has no value.
    """
    passing = nesting.total * value
    return np.asarray((passing - nesting.load @ passing) / (nesting.own * nesting.kept_share))


def fit_sparse(nesting: Nesting, data: Data, theta: Reals, *, start: Reals | None = None) -> SparseFit:
    """Return the most likely map where neighbours along the water are alike (a Markov chain from site to site).

    Parameters
    ----------
    nesting : Nesting
        n sites.
    data : Data
        Results.
    theta : ndarray
        (ln error, ln scale, ln range in typical distances).
    start : ndarray, optional
        Where to begin.

    Returns
    -------
    SparseFit
        By Gauss-Newton; each step is one sparse factorisation whose unknowns are the concentrations at the sites.
    """
    count = len(nesting.own)
    root = _prior_root(nesting, theta)
    precision = (root.T @ root).tocsr()
    error = float(np.exp(theta[0]))
    level = float(data.value_ln.mean())
    mode = np.full(count, level) if start is None else start
    ones = precision @ np.ones(count)
    for _ in range(_ROUNDS):
        site_ln, own, down = _state(nesting, mode)
        value, slope, curvature = _by_site(data, site_ln, error, count)
        back = (diags_array(1.0 / own) @ (eye_array(count) - down)).tocsr()  # from sites to sub-basins
        factor = _factorise(back.T @ precision @ back + diags_array(curvature))
        gradient = slope - back.T @ (precision @ (mode - level))
        step = back @ factor.solve(gradient)
        longest = float(np.abs(step).max())
        mode = mode + step * min(1.0, _LONGEST_STEP / max(longest, 1e-300))
        level += float(ones @ (mode - level)) / float(ones.sum())
        if longest < (_CLOSE if count > _LEARN_SITES else _CLOSE_FEW):
            break
    off = root @ (mode - level)
    logdet = np.log(np.abs(factor.U.diagonal())).sum() + 2 * np.log(own).sum()
    evidence = value - 0.5 * off @ off + np.log(root.diagonal()).sum() - 0.5 * logdet
    return SparseFit(mode, site_ln, float(evidence), factor, own, down, root, curvature)


def learn_sparse(nesting: Nesting, data: Data) -> Reals:
    """Return the hyper-parameters of most evidence."""
    last: list[Reals | None] = [None]

    def cost(theta: Reals) -> float:
        fit = fit_sparse(nesting, data, theta, start=last[0])
        last[0] = fit.mode if np.isfinite(fit.mode).all() else None
        off = (theta - HYPER_PRIOR[:3, 0]) / HYPER_PRIOR[:3, 1]
        return -fit.log_evidence + 0.5 * float(off @ off)

    bounds = [(m - 4 * s, m + 4 * s) for m, s in HYPER_PRIOR[:3]]
    options = {"maxiter": 15, "ftol": 1e-5, "eps": 1e-3}
    found = minimize(cost, HYPER_PRIOR[:3, 0], method="L-BFGS-B", bounds=bounds, options=options)
    return np.asarray(found.x)


def spread_sparse(fit: SparseFit, *, draws: int = 48, seed: int = 0) -> Reals:
    """Return the standard deviation of each sub-basin, from draws of the posterior."""
    rng = np.random.default_rng(seed)
    count = len(fit.mode)
    back = (diags_array(1.0 / fit.share_own) @ (eye_array(count) - fit.share_down)).tocsr()
    noise = back.T @ (fit.prior_root.T @ rng.standard_normal((count, draws)))
    noise += np.sqrt(fit.curvature)[:, None] * rng.standard_normal((count, draws))
    return np.asarray(np.sqrt(np.mean((back @ fit.factor.solve(noise)) ** 2, axis=1)))


def pick_part(nesting: Nesting, data: Data) -> tuple[Nesting, Data]:
    """Return a part to learn from: whole sub-networks, the largest first, up to a number of sites."""
    above = solve_down((nesting.water > 0).astype(float).tocsr(), np.ones(len(nesting.own)))
    kept: set[int] = set()
    for start in np.lexsort((nesting.total, -above)).tolist():
        if above[start] > _LEARN_SITES - len(kept) + 0.5 or start in kept:
            continue
        kept |= _above(nesting, start)
        if len(kept) > _ENOUGH_SITES:
            break
    chosen = np.array(sorted(kept), dtype=np.int64)
    number = np.full(len(nesting.own), -1, dtype=np.int64)
    number[chosen] = np.arange(len(chosen))
    inside = number[data.site] >= 0
    if not inside.any():
        return nesting, data
    part = Data(number[data.site[inside]], data.value_ln[inside], data.censored[inside], data.sigma_ln[inside])
    return nesting.subset(chosen), part


def _above(nesting: Nesting, start: int) -> set[int]:
    """Return a site and all above it."""
    found, stack = {start}, [start]
    while stack:
        at = stack.pop()
        new = nesting.water.indices[nesting.water.indptr[at] : nesting.water.indptr[at + 1]].tolist()
        stack += [other for other in new if other not in found]
        found.update(new)
    return found


def _state(nesting: Nesting, mode: Reals) -> tuple[Reals, Reals, csr_array]:
    """Return ln at the sites, and what share of it the sub-basin and each site upstream give."""
    top = float(mode.max())
    inside = nesting.own * nesting.kept_share * np.exp(mode - top)
    passing = solve_down(nesting.load, inside)
    down = nesting.load.multiply(passing[None, :]).multiply(1.0 / passing[:, None]).tocsr()
    return np.log(passing / nesting.total) + top, inside / passing, down


def _by_site(data: Data, site_ln: Reals, error: float, count: int) -> tuple[float, Reals, Reals]:
    value, slope, curvature = weigh(data, site_ln[data.site], error)
    summed = (np.bincount(data.site, what, count).astype(float) for what in (slope, curvature))
    return float(value.sum()), next(summed), next(summed)


def _factorise(matrix: csr_array) -> SuperLU:
    options = {"SymmetricMode": True}
    return splu(matrix.tocsc(), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options=options)


def _prior_root(nesting: Nesting, theta: Reals) -> csr_array:
    """Return W of the prior precision W'W: each sub-basin given the one downstream of it."""
    count = len(nesting.own)
    down = _main_down(nesting.water)
    has = down >= 0
    at = np.where(has, down, 0)
    far = np.hypot(nesting.east_m - nesting.east_m[at], nesting.north_m - nesting.north_m[at])
    typical = max(float(np.median(far[has])) if has.any() else 1.0, 1e-9)
    alike = np.where(has, np.exp(-far / (np.exp(theta[2]) * typical)), 0.0)
    alike = np.minimum(alike, 1 - 1e-9)
    sharp = np.exp(-theta[1]) / np.sqrt(1 - alike**2)
    own = coo_array((sharp, (np.arange(count), np.arange(count))), shape=(count, count))
    rows = np.flatnonzero(has)
    other = coo_array((-(sharp * alike)[rows], (rows, down[rows])), shape=(count, count))
    return (own + other).tocsr()


def _main_down(water: csr_array) -> NDArray[np.int64]:
    """Return the site most of the water of each site comes to next; -1 where it meets none."""
    links = water.tocoo()
    order = np.lexsort((links.row, -links.data, links.col))
    found = np.full(water.shape[0], -1, dtype=np.int64)
    column, row = links.col[order], links.row[order]
    first = np.ones(len(order), dtype=bool)
    first[1:] = column[1:] != column[:-1]
    found[column[first]] = row[first]
    return found
