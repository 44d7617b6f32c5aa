"""How much load enters each stretch that nobody declared, how sure that is, and which stretches deserve a look.

Between sites measured on the network, what leaves a stretch should be what entered it, less what decayed on the way,
plus what was declared there. The rest is undeclared. Flows and concentrations are lognormal; a non-detect only says
that the load is below that of its limit.
"""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
from scipy.special import ndtr
from scipy.stats import false_discovery_control

from outfall.errors import Problem, TraceError
from outfall.tracing.unmix_cut import Cut, Flags, Ints, Reals, cut_network, place_samples, site_points
from outfall.tracing.unmix_results import pick_parameters, site_data

if TYPE_CHECKING:
    from outfall.network import Network

__all__ = ["find_undeclared", "undeclared_clues"]

_FLOW_SIGMA_LN = 0.1  # our defaults: relative errors of a flow, and of a result that says none
_VALUE_SIGMA_LN = 0.1
_DECLARED_SIGMA_LN = 0.3
_FALSE_SHARE = 0.1
_DRAWS = 4_000


def find_undeclared(
    results: pd.DataFrame,
    samples: pd.DataFrame,
    network: Network,
    *,
    parameter: str,
    declared: pd.DataFrame | None = None,
    rate_per_day: float = 0.0,
    travel_h: pd.Series | None = None,
    false_share: float = _FALSE_SHARE,
) -> gpd.GeoDataFrame:
    """Return the load that enters between sites and that nobody declared, with its significance.

    Parameters
    ----------
    results : DataFrame
        As in `unmix`; in mg/L.
    samples : DataFrame
        ``sample_id``, ``reach_id``, ``along_m``, ``flow_m3s``.
    network : Network
        Where they are; a river that divides shares its load by ``fraction_share``.
    parameter : str
        One.
    declared : DataFrame, optional
        ``reach_id``, ``load_gs`` (g/s), and where known ``along_m`` and ``sigma_share``; none by default.
    rate_per_day : float, 1/d, default 0
        First-order decay.
    travel_h : Series, hours, by reach id, optional
        As `outfall.travel_times` gives it; needed where there is decay.
    false_share : float, default 0.1
        Share of false alarms allowed among the stretches that stand out (Benjamini-Hochberg).

    Returns
    -------
    GeoDataFrame, one row per site with sites or declared loads above it measured, Point, CRS of the network
        ``site_id``, ``reach_id``, ``along_m``, ``parameter``, ``load_gs`` (through the site), ``from_above_gs``,
        ``declared_gs`` (both as they arrive), ``undeclared_gs`` with ``undeclared_low_gs`` and ``undeclared_high_gs``
        (90 %; below 0 where load is lost), ``p_value`` (of so much more if nothing were undeclared), ``q_value``,
        ``is_significant``, ``is_head`` (no measured site above: everything from its land counts), ``reason``,
        ``reason_zh``, ``refs``, ``source_ref``; in the order of the network. Samples without a flow or a result have
        no row; they do not cut the network either.

    Raises
    ------
    TraceError
        A column is missing, a value is impossible, or as in `unmix`.

    Examples
    --------
    >>> from outfall.network import build_network
    >>> lines = gpd.GeoDataFrame({"reach_id": ["A", "B"]}, crs=32650, geometry=gpd.GeoSeries.from_wkt(
    ...     ["LINESTRING (400000 3400200, 400000 3400100)", "LINESTRING (400000 3400100, 400000 3400000)"]))
    >>> samples = pd.DataFrame({"sample_id": ["S1", "S2"], "reach_id": ["A", "B"], "along_m": 50.0, "flow_m3s": 1.0})
    >>> results = pd.DataFrame({"sample_id": ["S1", "S2"], "parameter": "ammonia", "qualifier": "=",
    ...     "value": [1.0, 9.0], "unit": "mg/L"})
    >>> find_undeclared(results, samples, build_network(lines), parameter="ammonia")["undeclared_gs"].round(1).tolist()
    [1.0, 8.0]
    """
    pick_parameters(results, [parameter])
    _check(samples, declared, false_share)
    measured = _with_both(results, samples, parameter)
    if not len(measured):
        return gpd.GeoDataFrame(_blank(), geometry=gpd.GeoSeries([], crs=network.crs), crs=network.crs)
    site, along, row = place_samples(measured, network)
    cut = cut_network(row, along, network, rate_per_day=rate_per_day, travel_h=travel_h)
    load, refs = _loads(results, measured, site, parameter)
    own = _declared(declared, network, cut)
    ids = pd.Series(measured["sample_id"].astype(str).to_numpy()).groupby(site).min().tolist()
    table = _balance(load, cut, own)
    q_value = _adjust(table["p_value"].to_numpy())
    heads = np.diff(cut.load.indptr) == 0
    reach = network.reaches["reach_id"].astype(str).to_numpy()[row]
    first = pd.DataFrame({"site_id": pd.Series(ids, dtype="str"), "reach_id": reach, "along_m": along})
    table = pd.concat([first.assign(parameter=parameter), table], axis=1)
    table = table.assign(q_value=q_value, is_significant=q_value <= false_share, is_head=heads)
    words = [_reason(one) for one in table.itertuples()]
    table = table.assign(
        reason=pd.Series([one for one, _ in words], dtype="str"),
        reason_zh=pd.Series([two for _, two in words], dtype="str"),
        refs=pd.Series([";".join(sorted(set(refs.get(at, [])))) for at in range(len(table))], dtype="str"),
        source_ref=pd.Series([f"find_undeclared({one})" for one in ids], dtype="str"),
    )
    return gpd.GeoDataFrame(table, geometry=site_points(row, along, network).to_numpy(), crs=network.crs)


def undeclared_clues(undeclared: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return the stretches that stand out as rows of the contract ``clues``: hot spots of the river.

    Parameters
    ----------
    undeclared : GeoDataFrame
        Of `find_undeclared`; heads, which nothing is measured above, are left out.

    Returns
    -------
    GeoDataFrame
        Contract ``clues``, kind ``hot_spot``; ``log_lr`` is the Bayes factor bound -ln(-e p ln p) of Sellke and others.

    Examples
    --------
    >>> len(undeclared_clues(gpd.GeoDataFrame({"is_significant": [], "is_head": []}, geometry=[], crs=32650)))
    0
    """
    chosen = undeclared["is_significant"].astype(bool) & ~undeclared["is_head"].astype(bool)
    rows = undeclared[chosen.to_numpy()].reset_index(drop=True)
    names = ["parameter", "reach_id", "along_m", "reason", "reason_zh", "source_ref"]
    rows = rows.reindex(columns=[*names, "p_value", "refs", "geometry"])
    p_value = np.clip(rows["p_value"].to_numpy(dtype=float), 1e-12, 1 / math.e)
    marks = [f"{one}|{two}" for one, two in zip(rows["parameter"], rows["refs"], strict=True)]
    table = pd.DataFrame(
        {
            "clue_id": pd.Series(["C-" + hashlib.sha256(one.encode()).hexdigest()[:8] for one in marks], dtype="str"),
            "kind": pd.Series(["hot_spot"] * len(rows), dtype="str"),
            "log_lr": -np.log(-math.e * p_value * np.log(p_value)),
        }
    )
    both = pd.concat([table, rows[["reach_id", "along_m", "reason", "reason_zh", "source_ref"]]], axis=1)
    return gpd.GeoDataFrame(both, geometry=rows["geometry"].to_numpy(), crs=undeclared.crs)


def _loads(
    results: pd.DataFrame, samples: pd.DataFrame, site: Ints, parameter: str
) -> tuple[tuple[Reals, Reals, Flags], dict[int, list[str]]]:
    """Return ln load (g/s) at each site, its error, whether it is only an upper limit, and the rows it came from."""
    data, unit, refs = site_data(results, samples, site, parameter, sigma_ln=_VALUE_SIGMA_LN)
    if unit not in ("mg/L", ""):
        msg = f"find_undeclared: {parameter}"
        raise TraceError(msg, [Problem("unit", f"{unit!r} gives no load", "give a parameter in mg/L")])
    count = int(site.max()) + 1
    flow = pd.to_numeric(samples["flow_m3s"]).to_numpy(dtype=float)
    flow_ln = np.bincount(site, np.log(flow), count) / np.bincount(site, minlength=count)
    is_seen = data.censored == 0
    any_seen = np.bincount(data.site, is_seen, count) > 0
    used = is_seen | ~any_seen[data.site]
    at, number = data.site[used], np.bincount(data.site[used], minlength=count)
    level = np.bincount(at, data.value_ln[used], count) / number
    sigma = np.asarray(np.sqrt(np.bincount(at, data.sigma_ln[used] ** 2, count)) / number, dtype=float)
    return (flow_ln + level, np.asarray(np.hypot(sigma, _FLOW_SIGMA_LN), dtype=np.float64), ~any_seen), refs


def _declared(declared: pd.DataFrame | None, network: Network, cut: Cut) -> tuple[Reals, Reals]:
    """Return the declared load that comes to each site first (g/s), and its variance."""
    count = cut.load.shape[0]
    if declared is None or not len(declared):
        return np.zeros(count), np.zeros(count)
    at_head = declared["along_m"] if "along_m" in declared.columns else pd.Series(np.nan, index=declared.index)
    row, along = network.find_places(declared["reach_id"], at_head.fillna(0.0))
    share = along / np.maximum(network.arrays.length_m[row], 1e-9)
    pieces = cut.pieces
    end = pieces.reach + np.minimum(pieces.start + pieces.share, 1.0) * 0.999999
    piece = np.minimum(np.searchsorted(end, row + share * 0.999999, side="left"), pieces.last[row])
    passed = np.clip((share - pieces.start[piece]) / np.maximum(pieces.share[piece], 1e-12), 0.0, 1.0)
    load = declared["load_gs"].to_numpy(dtype=float) / cut.left[piece] ** passed
    sigma = np.full(len(declared), _DECLARED_SIGMA_LN)
    if "sigma_share" in declared.columns:
        sigma = declared["sigma_share"].fillna(_DECLARED_SIGMA_LN).to_numpy(dtype=float)
    reaching = cut.reaching_load[:, piece]
    return np.asarray(reaching @ load), np.asarray(reaching.multiply(reaching) @ (sigma * load) ** 2)


def _balance(load: tuple[Reals, Reals, Flags], cut: Cut, own: tuple[Reals, Reals]) -> pd.DataFrame:
    """Return what is left of each balance, with 90 % intervals and one-sided p values, from lognormal draws.

    A non-detect downstream is drawn between nothing and its limit, upstream too: neither may invent a source.
    """
    logs, sigma, is_below = load
    rng = np.random.default_rng(0)
    middle = np.where(is_below, np.exp(logs) / 2, np.exp(logs))
    above = cut.load @ middle
    left = middle - above - own[0]
    low, high, p_value = (np.empty(len(logs)) for _ in range(3))
    for at in range(len(logs)):
        ups = slice(cut.load.indptr[at], cut.load.indptr[at + 1])
        who = np.append(cut.load.indices[ups], at)
        noise = np.exp(sigma[who] * rng.standard_normal((_DRAWS, len(who))))
        drawn = np.where(is_below[who], rng.random((_DRAWS, len(who))), 1.0) * noise * np.exp(logs[who])
        spread = np.sqrt(np.log1p(own[1][at] / own[0][at] ** 2)) if own[0][at] > 0 else 0.0
        declared = own[0][at] * np.exp(spread * rng.standard_normal(_DRAWS))
        gone = drawn[:, :-1] @ cut.load.data[ups] + declared
        rest = drawn[:, -1] - gone
        low[at], high[at] = np.quantile(rest, [0.05, 0.95])
        p_value[at] = _tail(drawn[:, -1], gone)
    columns = {"load_gs": middle, "from_above_gs": above, "declared_gs": own[0], "undeclared_gs": left}
    return pd.DataFrame(columns | {"undeclared_low_gs": low, "undeclared_high_gs": high, "p_value": p_value})


def _tail(through: Reals, gone: Reals) -> float:
    """Return the probability that the load through a site is not above what is accounted for, in the logarithm."""
    if not (gone > 0).any():
        return float(ndtr(-np.inf))
    ratio = np.log(through) - np.log(np.maximum(gone, 1e-300))
    return float(ndtr(-ratio.mean() / max(float(ratio.std()), 1e-12)))


def _adjust(p_value: Reals) -> Reals:
    """Return the smallest share of false alarms at which each stretch stands out (Benjamini-Hochberg)."""
    return np.asarray(false_discovery_control(p_value)) if len(p_value) else p_value


def _with_both(results: pd.DataFrame, samples: pd.DataFrame, parameter: str) -> pd.DataFrame:
    """Return the samples with a flow and a result of the parameter."""
    ids = set(results.loc[results["parameter"] == parameter, "sample_id"].astype(str))
    flow = pd.to_numeric(samples["flow_m3s"]).to_numpy(dtype=float)
    return samples[(flow > 0) & samples["sample_id"].astype(str).isin(ids).to_numpy()]


def _blank() -> dict[str, list[float]]:
    names = "site_id reach_id along_m parameter load_gs from_above_gs declared_gs undeclared_gs undeclared_low_gs"
    more = "undeclared_high_gs p_value q_value is_significant is_head reason reason_zh refs source_ref"
    return {name: [] for name in f"{names} {more}".split()}


def _check(samples: pd.DataFrame, declared: pd.DataFrame | None, false_share: float) -> None:
    problems = []
    if not 0 < false_share < 1:
        problems.append(Problem("false_share", f"{false_share!r} is not between 0 and 1", "give 0.1"))
    if "flow_m3s" not in samples.columns:
        problems.append(Problem("flow_m3s", "is not a column of the samples", "a load needs a flow"))
    if declared is not None:
        lacking = [name for name in ("reach_id", "load_gs") if name not in declared.columns]
        problems += [Problem(name, "is not a column of the declared loads", "add it") for name in lacking]
        if not lacking and not (declared["load_gs"] >= 0).all():
            problems.append(Problem("load_gs", "is missing or below 0", "give grams per second"))
    if problems:
        msg = "find_undeclared"
        raise TraceError(msg, problems)


def _reason(row: Any) -> tuple[str, str]:
    low, high = f"{row.undeclared_low_gs:.3g}", f"{row.undeclared_high_gs:.3g}"
    english = (
        f"{row.undeclared_gs:.3g} g/s of {row.parameter} (90 %: {low} to {high}) arrive at {row.site_id} undeclared; "
        f"p = {row.p_value:.2g}."
    )
    chinese = (
        f"{row.site_id}以上区间有{row.undeclared_gs:.3g} g/s（90 %：{low}～{high}）{row.parameter}未申报；"
        f"p={row.p_value:.2g}。"
    )
    return english, chinese
