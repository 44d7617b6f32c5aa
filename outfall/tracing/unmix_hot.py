"""Which sub-basin holds a source that the map around it does not explain, and how sure that is.

Beside the smooth map, each sub-basin may hold a source that raises it a few times. Every hypothesis (none, one, or the
best one with another) is weighed by its evidence, averaged over what the data leave open of error and smoothness.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from outfall.errors import Problem, TraceError
from outfall.tracing.unmix import describe_sites, smoothness
from outfall.tracing.unmix_model import HYPER_PRIOR, LEVEL_SD, Data, Reals, fit_mode, learn_hypers, weigh
from outfall.tracing.unmix_nesting import find_nesting
from outfall.tracing.unmix_results import pick_parameters, site_data

if TYPE_CHECKING:
    from collections.abc import Callable

    import geopandas as gpd
    from numpy.typing import NDArray

    from outfall.network import Network
    from outfall.tracing.unmix_nesting import Nesting

__all__ = ["HotShares", "find_hot_subbasins", "hot_shares"]

# our defaults: how many times a source raises its sub-basin, in the middle, and the width of that in ln
_TIMES, _TIMES_SD = 10.0, 0.7
_HOT_SHARE = 0.5
_GRID = np.array([[-0.8, 0.0], [-0.4, 0.2], [-0.4, -0.2], [0.0, 0.0], [0.4, 0.2], [0.4, -0.2]])
_ROUNDS, _CLOSE, _LONGEST_STEP = 12, 1e-2, 1.5
_MOST_SITES = 300
_SIGMA_LN = 0.1
_KEPT_LOG = 5.0


@dataclass(frozen=True, eq=False)
class HotShares:
    """Probabilities: that each sub-basin holds a source, that it is the only one if there is one, that there is any."""

    hot: Reals
    alone: Reals
    any_share: float


def find_hot_subbasins(
    results: pd.DataFrame,
    samples: pd.DataFrame,
    network: Network,
    *,
    parameter: str,
    weight: str | pd.Series = "area_km2",
    hot_share: float = _HOT_SHARE,
    times: float = _TIMES,
) -> gpd.GeoDataFrame:
    """Return the sub-basins by the probability that each holds a source its surroundings do not explain.

    Parameters
    ----------
    results, samples : DataFrame
        As in `unmix`.
    network : Network
        Where they are; at most 300 sites, one network piece or basin at a time.
    parameter : str
        One.
    weight : str or Series, default "area_km2"
        As in `unmix`.
    hot_share : float, default 0.5
        Probability, before looking, that any sub-basin holds a source; our default.
    times : float, default 10
        How many times such a source raises its sub-basin, give or take a factor of two; our default.

    Returns
    -------
    GeoDataFrame, one row per site, Point, CRS of the network
        As `find_subbasins`, with ``parameter``, ``hot_share`` (it holds a source, alone or with the best other),
        ``alone_share`` (it is the one, if there is exactly one), ``any_share`` (there is any), ``reason``, ``reason_zh``;
        highest first.

    Raises
    ------
    TraceError
        An option is impossible, there are too many sites, or as in `unmix`.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from outfall.network import build_network
    >>> lines = gpd.GeoDataFrame({"reach_id": list("ABCD"), "area_km2": 1.0}, crs=32650, geometry=gpd.GeoSeries.from_wkt(
    ...     [f"LINESTRING (400000 {3400400 - 100 * at}, 400000 {3400300 - 100 * at})" for at in range(4)]))
    >>> samples = pd.DataFrame({"sample_id": list("abcd"), "reach_id": list("ABCD"), "along_m": 50.0})
    >>> results = pd.DataFrame({"sample_id": list("abcd"), "parameter": "ammonia", "qualifier": "=",
    ...     "value": [1.0, 1.0, 9.0, 6.8], "unit": "mg/L", "sigma_share": 0.02})
    >>> find_hot_subbasins(results, samples, build_network(lines), parameter="ammonia")["site_id"].iloc[0]
    'c'
    """
    problems = []
    if not 0 < hot_share < 1:
        problems.append(Problem("hot_share", f"{hot_share!r} is not between 0 and 1", "give 0.5"))
    if not 1 < times < np.inf:
        problems.append(Problem("times", f"{times!r} is not above 1", "give 10"))
    pick_parameters(results, [parameter])
    nesting, site = find_nesting(samples, network, weight=weight)
    if len(nesting.own) > _MOST_SITES:
        problems.append(Problem("samples", f"{len(nesting.own)} sites are more than {_MOST_SITES}", "take one basin"))
    data, _, refs = site_data(results, samples, site, parameter, sigma_ln=_SIGMA_LN)
    if not len(data.site):
        problems.append(Problem("results", "none lies on these samples", "give the samples the results are of"))
    if problems:
        msg = "find_hot_subbasins"
        raise TraceError(msg, problems)
    shares = hot_shares(nesting, data, hot_share=hot_share, times=times)
    said = pd.Series([";".join(sorted(set(refs.get(at, [])))) for at in range(len(nesting.own))], dtype="str")
    table = describe_sites(nesting, network).assign(
        parameter=parameter, hot_share=shares.hot, alone_share=shares.alone, any_share=shares.any_share, refs=said
    )
    reasons = [_reason(row.site_id, row.hot_share, row.leverage) for row in table.itertuples()]
    table = table.assign(
        reason=pd.Series([one for one, _ in reasons], dtype="str", index=table.index),
        reason_zh=pd.Series([two for _, two in reasons], dtype="str", index=table.index),
    )
    return table.sort_values(["hot_share", "site_id"], ascending=[False, True], ignore_index=True)


def hot_shares(
    nesting: Nesting, data: Data, *, hot_share: float = _HOT_SHARE, times: float = _TIMES, is_pairs: bool = True
) -> HotShares:
    """Return the probability of every sub-basin to hold a source.

    Parameters
    ----------
    nesting : Nesting
        n sites.
    data : Data
        Results.
    hot_share, times : float
        As in `find_hot_subbasins`.
    is_pairs : bool, default True
        Whether a second source beside the best one is weighed too.

    Returns
    -------
    HotShares
        n values each.
    """
    count = len(nesting.own)
    kernel, mixing = smoothness(nesting), nesting.mixing()
    none = np.zeros((1, count), dtype=bool)
    singles = np.eye(count, dtype=bool)
    centre = _centre(mixing, data, kernel, none[0], times)
    rough, _ = _evidence(mixing, data, kernel, centre, singles, times)
    best = int(np.argmax(rough))
    centre = _centre(mixing, data, kernel, singles[best], times)
    sets = np.concatenate([none, singles])
    log_share = np.concatenate([[np.log1p(-hot_share)], np.full(count, np.log(hot_share / count))])
    log_single = _average(mixing, data, kernel, centre, sets, times)
    if is_pairs and count > 1:
        best = int(np.argmax(log_single[1:]))
        others = np.flatnonzero(np.arange(count) != best)
        pairs = singles[others] | singles[best]
        log_pair = _average(mixing, data, kernel, centre, pairs, times)
        sets = np.concatenate([sets, pairs])
        log_share = np.concatenate([log_share, np.full(len(others), 2 * np.log(hot_share / count))])
        log_single = np.concatenate([log_single, log_pair])
    total = log_single + log_share
    share = np.exp(total - total.max())
    share /= share.sum()
    alone = np.exp(total[1 : count + 1] - total[1 : count + 1].max())
    return HotShares(share @ sets, alone / alone.sum(), float(1.0 - share[0]))


def _centre(mixing: Reals, data: Data, kernel: Callable[[Reals], Reals], hot: NDArray[np.bool_], times: float) -> Reals:
    """Return the hyper-parameters of most evidence where these sub-basins hold sources of unknown size."""
    spike = np.diag(np.where(hot, _TIMES_SD**2 + np.log(times) ** 2, 0.0))
    return learn_hypers(mixing, data, lambda theta: kernel(theta) + spike, is_rough=True)[0]


def _average(
    mixing: Reals, data: Data, kernel: Callable[[Reals], Reals], centre: Reals, sets: NDArray[np.bool_], times: float
) -> Reals:
    """Return the log evidence of each set, averaged over error and scale around the centre."""
    rows, weights = [], []
    first, modes = _evidence(mixing, data, kernel, centre, sets, times)
    likely = first >= first.max() - _KEPT_LOG
    for off in _GRID:
        theta = centre.copy()
        theta[:2] += off
        away = (theta - HYPER_PRIOR[:, 0]) / HYPER_PRIOR[:, 1]
        row = first.copy()
        if off.any():
            row[likely] = _evidence(mixing, data, kernel, theta, sets[likely], times, start=modes[likely])[0]
        rows.append(row)
        weights.append(-0.5 * float(away @ away))
    table = np.array(rows) + np.array(weights)[:, None]
    top = table.max(axis=0)
    return np.asarray(top + np.log(np.exp(table - top).mean(axis=0)))


def _evidence(
    mixing: Reals,
    data: Data,
    kernel: Callable[[Reals], Reals],
    theta: Reals,
    sets: NDArray[np.bool_],
    times: float,
    *,
    start: Reals | None = None,
) -> tuple[Reals, Reals]:
    """Return the log evidence and the map of each set of sub-basins that hold sources, all solved at once."""
    error = float(np.exp(theta[0]))
    base = kernel(theta)
    wide = base + LEVEL_SD**2
    level = float(data.value_ln.mean())
    rows = mixing[data.site]
    hot = sets.astype(float)
    prior_mean = level + hot * np.log(times)
    if start is None:
        start = fit_mode(mixing, data, base, error, is_full=False).mode + hot * np.log(times) / 2
    mode = start
    unit = np.arange(rows.shape[0])
    for _ in range(_ROUNDS):
        value, slant, slope, curvature = _states(rows, data, mode, error)
        across = slant @ wide + slant * (hot * _TIMES_SD**2)[:, None, :]
        middle = across @ slant.transpose(0, 2, 1)
        noisy = middle.copy()
        noisy[:, unit, unit] += 1.0 / curvature
        aim = slope / curvature + np.einsum("hij,hj->hi", slant, mode - prior_mean)
        pull = np.linalg.solve(noisy, aim[:, :, None])[:, :, 0]
        step = prior_mean + np.einsum("hij,hi->hj", across, pull) - mode
        longest = np.abs(step).max(axis=1)
        mode = mode + step * np.minimum(1.0, _LONGEST_STEP / np.maximum(longest, 1e-300))[:, None]
        if longest.max() < _CLOSE:
            break
    fit = value - 0.5 * np.einsum("hi,hij,hj->h", pull, middle, pull)
    return np.asarray(fit - 0.5 * (np.linalg.slogdet(noisy)[1] + np.log(curvature).sum(axis=1))), mode


def _states(rows: Reals, data: Data, mode: Reals, error: float) -> tuple[Reals, Reals, Reals, Reals]:
    """Return, per set, likelihood, slopes of the mixtures, and slope and curvature of the likelihood."""
    top = mode.max(axis=1)
    parts = rows[None, :, :] * np.exp(mode - top[:, None])[:, None, :]
    whole = parts.sum(axis=2)
    predicted = np.log(whole) + top[:, None]
    found = [weigh(data, row, error) for row in predicted]
    value = np.array([one[0].sum() for one in found])
    return value, parts / whole[:, :, None], np.array([one[1] for one in found]), np.array([one[2] for one in found])


def _reason(site: str, share: float, leverage: float) -> tuple[str, str]:
    english = (
        f"The land between {site} and the sites above it holds a source its surroundings do not explain with "
        f"probability {share:.2f}; errors there are amplified {leverage:.1f} times."
    )
    return (
        english,
        f"{site}与上游各点之间的区间存在周边无法解释的污染源的概率为{share:.2f}；该区间误差放大{leverage:.1f}倍。",
    )
