"""Which sub-basin holds a source that the map around it does not explain, and how sure that is.

Beside the smooth map, each sub-basin may hold a source that raises it a few times. Every hypothesis (none, one, or the
best one with another) is weighed by its evidence, averaged over what the data leave open of error and smoothness; only
those a cheap first look leaves any hope are solved.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import logsumexp

from outfall.errors import Problem, TraceError
from outfall.tracing.unmix import describe_sites, smoothness
from outfall.tracing.unmix_model import HYPER_PRIOR, Data, Reals
from outfall.tracing.unmix_nesting import find_nesting
from outfall.tracing.unmix_results import pick_parameters, site_data
from outfall.tracing.unmix_spikes import Sources, learn_beside, look_at_all, solve_sets

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
_GRID = np.array([[0.0, 0.0], [-0.8, 0.0], [-0.4, 0.2], [-0.4, -0.2], [0.4, 0.2], [0.4, -0.2]])
_LEAST_SOLVED, _MOST_SOLVED, _HOPEFUL_LOG = 16, 40, 10.0
_SHARPER = 1.4  # the evidence is raised to this power: learned once on 400 planted sources, at two errors
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
    kernel, mixing, size = smoothness(nesting), nesting.mixing(), Sources(times, _TIMES_SD)
    singles = np.eye(count, dtype=bool)
    theta = learn_beside(mixing, data, kernel, np.zeros(count, dtype=bool), size, HYPER_PRIOR[:, 0])
    guess = look_at_all(mixing, data, kernel(theta), float(np.exp(theta[0])), size)
    theta = learn_beside(mixing, data, kernel, singles[int(np.argmax(guess))], size, theta)
    guess = look_at_all(mixing, data, kernel(theta), float(np.exp(theta[0])), size)
    grid = _weights(theta)
    alone = _average(mixing, data, kernel, grid, singles, guess, size)
    none = _average(mixing, data, kernel, grid, np.zeros((1, count), dtype=bool), np.zeros(1), size)
    alone_share = _sharpen(alone)
    hot, kinds = [alone_share], [logsumexp(alone) + np.log(hot_share / count)]
    if is_pairs and count > 1:
        best = int(np.argmax(alone))
        others = np.flatnonzero(np.arange(count) != best)
        pairs = singles[others] | singles[best]
        both = _average(mixing, data, kernel, grid, pairs, guess[others], size)
        hot.append(_sharpen(both) @ pairs)
        kinds.append(logsumexp(both) + 2 * np.log(hot_share / count))
    total = np.array([none[0] + np.log1p(-hot_share), *kinds])
    share = np.exp(total - logsumexp(total))
    return HotShares(share[1:] @ np.array(hot), alone_share, float(1.0 - share[0]))


def _sharpen(evidence: Reals) -> Reals:
    """Return which of some sets it is, if it is one of them: as sure as planted sources showed it should be."""
    raised = _SHARPER * (evidence - evidence.max())
    return np.asarray(np.exp(raised - logsumexp(raised)))


def _weights(theta: Reals) -> list[tuple[Reals, float]]:
    """Return hyper-parameters around the learned ones, with the log of their probability before."""
    out = []
    for off in _GRID:
        at = theta.copy()
        at[:2] += off
        away = (at - HYPER_PRIOR[:, 0]) / HYPER_PRIOR[:, 1]
        out.append((at, -0.5 * float(away @ away)))
    return out


def _average(
    mixing: Reals,
    data: Data,
    kernel: Callable[[Reals], Reals],
    grid: list[tuple[Reals, float]],
    sets: NDArray[np.bool_],
    guess: Reals,
    size: Sources,
) -> Reals:
    """Return the log evidence of each set, averaged over error and scale; sets of no hope keep the first guess."""
    order = np.lexsort((np.arange(len(sets)), -guess))
    hopeful = order[: max(_LEAST_SOLVED, int((guess > guess.max() - _HOPEFUL_LOG).sum()))][:_MOST_SOLVED]
    first, modes = solve_sets(mixing, data, kernel(grid[0][0]), float(np.exp(grid[0][0][0])), sets[hopeful], size)
    likely = first >= first.max() - _KEPT_LOG
    table = [first + grid[0][1]]
    for theta, weight in grid[1:]:
        row = first.copy()
        row[likely] = solve_sets(
            mixing, data, kernel(theta), float(np.exp(theta[0])), sets[hopeful[likely]], size, start=modes[likely]
        )[0]
        table.append(row + weight)
    found = np.asarray(logsumexp(table, axis=0)) - np.log(len(grid))
    out = np.minimum(guess - guess[hopeful].max() + found.max(), found.min())
    out[hopeful] = found
    return np.asarray(out)


def _reason(site: str, share: float, leverage: float) -> tuple[str, str]:
    english = (
        f"The land between {site} and the sites above it holds a source its surroundings do not explain with "
        f"probability {share:.2f}; errors there are amplified {leverage:.1f} times."
    )
    return (
        english,
        f"{site}与上游各点之间的区间存在周边无法解释的污染源的概率为{share:.2f}；该区间误差放大{leverage:.1f}倍。",
    )
