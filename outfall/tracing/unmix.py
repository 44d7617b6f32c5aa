"""What each sub-basin between nested samples gives: concentration with an interval, and how far errors are amplified."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
from scipy.stats import norm

from outfall.errors import Problem, TraceError
from outfall.tracing.unmix_cut import site_points
from outfall.tracing.unmix_model import Data, fit_mode, learn_hypers, mix_fits, smooth_kernel
from outfall.tracing.unmix_nesting import find_nesting
from outfall.tracing.unmix_results import pick_parameters, site_data
from outfall.tracing.unmix_sparse import fit_sparse, learn_sparse, pick_part, solve_exact, spread_sparse

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from outfall.network import Network
    from outfall.tracing.unmix_nesting import Nesting, Reals

__all__ = ["describe_sites", "estimate", "find_subbasins", "smoothness", "unmix", "unmix_exactly"]

_DENSE_SITES = 1_000
_MIXED_SITES = (
    30  # up to here the map is averaged over its hyper-parameters; beyond, left-out results say how wide it is
)
_ALL_SITES = 200  # up to here hyper-parameters are learned from all sites
_LEAST_WIDE, _MOST_WIDE = 0.7, 1.5
_SIGMA_LN = 0.1  # our default: relative error of a result that says none


def find_subbasins(
    samples: pd.DataFrame,
    network: Network,
    *,
    weight: str | pd.Series = "area_km2",
    rate_per_day: float = 0.0,
    travel_h: pd.Series | None = None,
) -> gpd.GeoDataFrame:
    """Return the sub-basins that samples would tell apart, and how far each amplifies an error: ask before sampling.

    Parameters
    ----------
    samples : DataFrame, n rows
        ``sample_id``, ``reach_id``, ``along_m`` from the upstream end: taken, or only planned.
    network : Network
        Its reaches bring the weights; where a river divides, ``fraction_share`` says how.
    weight : str or Series, default "area_km2"
        Column of the reaches, or numbers by reach id: what each reach adds to the flow by itself.
    rate_per_day : float, 1/d, default 0
        First-order decay on the way.
    travel_h : Series, hours, by reach id, optional
        As `outfall.travel_times` gives it; needed where there is decay.

    Returns
    -------
    GeoDataFrame, one row per site, Point, CRS of the network
        ``site_id`` (the smallest sample id there), ``reach_id``, ``along_m``, ``below_id`` (the site most of its water
        comes to next), ``own_weight``, ``total_weight``, ``leverage`` (total over own: a relative error of the sample is
        this many times larger in the sub-basin alone), ``source_ref``.

    Raises
    ------
    TraceError
        A sample has no place, or no weight drains to a site.
    NetworkError
        A place is not in the network.

    Examples
    --------
    >>> from outfall.network import build_network
    >>> lines = gpd.GeoDataFrame({"reach_id": ["A", "B"], "area_km2": [9.0, 1.0]}, crs=32650,
    ...     geometry=gpd.GeoSeries.from_wkt(["LINESTRING (400000 3400200, 400000 3400100)",
    ...                                      "LINESTRING (400000 3400100, 400000 3400000)"]))
    >>> sites = pd.DataFrame({"sample_id": ["S1", "S2"], "reach_id": ["A", "B"], "along_m": [100.0, 100.0]})
    >>> find_subbasins(sites, build_network(lines))["leverage"].round(1).tolist()
    [1.0, 10.0]
    """
    nesting, _ = find_nesting(samples, network, weight=weight, rate_per_day=rate_per_day, travel_h=travel_h)
    return describe_sites(nesting, network)


def unmix_exactly(
    results: pd.DataFrame,
    samples: pd.DataFrame,
    network: Network,
    *,
    parameter: str,
    weight: str | pd.Series = "area_km2",
    rate_per_day: float = 0.0,
    travel_h: pd.Series | None = None,
) -> gpd.GeoDataFrame:
    """Return the sub-basins that give exactly the values measured: right only where samples have no error.

    Sites without a measured value are left out, so that their land belongs to the next sub-basin downstream.

    Parameters
    ----------
    results : DataFrame
        As in `unmix`.
    samples : DataFrame
        As in `unmix`.
    network : Network
        Where they are.
    parameter : str
        One.
    weight : str or Series, default "area_km2"
        As in `find_subbasins`.
    rate_per_day : float, default 0
        As in `find_subbasins`.
    travel_h : Series, optional
        As in `find_subbasins`.

    Returns
    -------
    GeoDataFrame, one row per site with a value
        As `find_subbasins`, with ``value`` (below 0 where the samples contradict each other) and ``unit``.

    Raises
    ------
    TraceError
        As in `unmix`.

    Examples
    --------
    >>> from outfall.network import build_network
    >>> lines = gpd.GeoDataFrame({"reach_id": ["A", "B"], "area_km2": [1.0, 1.0]}, crs=32650,
    ...     geometry=gpd.GeoSeries.from_wkt(["LINESTRING (400000 3400200, 400000 3400100)",
    ...                                      "LINESTRING (400000 3400100, 400000 3400000)"]))
    >>> samples = pd.DataFrame({"sample_id": ["S1", "S2"], "reach_id": ["A", "B"], "along_m": [100.0, 100.0]})
    >>> results = pd.DataFrame({"sample_id": ["S1", "S2"], "parameter": "ammonia", "qualifier": "=",
    ...     "value": [1.0, 2.0], "unit": "mg/L"})
    >>> unmix_exactly(results, samples, build_network(lines), parameter="ammonia")["value"].round(2).tolist()
    [1.0, 3.0]
    """
    pick_parameters(results, [parameter])
    measured = results[(results["parameter"] == parameter) & (results["qualifier"] == "=")]
    kept = samples[samples["sample_id"].isin(measured["sample_id"]).to_numpy()]
    nesting, site = find_nesting(kept, network, weight=weight, rate_per_day=rate_per_day, travel_h=travel_h)
    data, unit, _ = site_data(measured, kept, site, parameter, sigma_ln=_SIGMA_LN)
    count = np.bincount(data.site, minlength=len(nesting.own))
    level = np.bincount(data.site, data.value_ln, len(nesting.own)) / np.maximum(count, 1)
    return describe_sites(nesting, network).assign(
        parameter=parameter, value=solve_exact(nesting, np.exp(level)), unit=unit
    )


def unmix(
    results: pd.DataFrame,
    samples: pd.DataFrame,
    network: Network,
    *,
    parameters: Sequence[str] | None = None,
    weight: str | pd.Series = "area_km2",
    rate_per_day: float = 0.0,
    travel_h: pd.Series | None = None,
    interval_share: float = 0.9,
) -> gpd.GeoDataFrame:
    """Return the concentration each sub-basin gives, with an interval.

    Each sample is the mixture of the sub-basins above it. Neighbouring sub-basins are alike; how much, over what range,
    and how large errors are is learned from the results by their evidence. A non-detect says "below its limit"; a site
    without a result is predicted. Up to 30 sites the map is averaged over what the results leave open of error, scale,
    range and nugget; up to 1,000 it is solved at their best values and its intervals are stretched so that they hold
    their share of the results left out one by one; beyond, neighbours are the sites along the water.

    Parameters
    ----------
    results : DataFrame
        ``sample_id``, ``parameter``, ``qualifier``, ``value``, ``unit``, ``detection_limit``, ``sigma_share``.
    samples : DataFrame
        ``sample_id``, ``reach_id``, ``along_m``; samples at one place are one site.
    network : Network
        Where they are.
    parameters : sequence of str, optional
        All that were measured by default, one after the other.
    weight : str or Series, default "area_km2"
        As in `find_subbasins`.
    rate_per_day : float, default 0
        As in `find_subbasins`.
    travel_h : Series, optional
        As in `find_subbasins`.
    interval_share : float, default 0.9
        Probability that the interval holds the truth.

    Returns
    -------
    GeoDataFrame, one row per parameter and site, Point, CRS of the network
        As `find_subbasins`, with ``parameter``, ``value`` (median), ``value_low``, ``value_high``, ``sigma_ln``,
        ``unit``, ``error_ln`` (learned), ``result_count``, ``refs``.

    Raises
    ------
    TraceError
        A sample has no place, a value is not above 0, or an option is impossible.
    NetworkError
        A place is not in the network.

    Examples
    --------
    >>> from outfall.network import build_network
    >>> lines = gpd.GeoDataFrame({"reach_id": ["A", "B"], "area_km2": [1.0, 1.0]}, crs=32650,
    ...     geometry=gpd.GeoSeries.from_wkt(["LINESTRING (400000 3400200, 400000 3400100)",
    ...                                      "LINESTRING (400000 3400100, 400000 3400000)"]))
    >>> samples = pd.DataFrame({"sample_id": ["S1", "S2"], "reach_id": ["A", "B"], "along_m": [100.0, 100.0]})
    >>> results = pd.DataFrame({"sample_id": ["S1", "S2"], "parameter": "ammonia", "qualifier": "=",
    ...     "value": [1.0, 10.0], "unit": "mg/L", "sigma_share": 0.05})
    >>> found = unmix(results, samples, build_network(lines))
    >>> bool(found["value"].iloc[1] > found["value"].iloc[0])
    True
    """
    if not 0 < interval_share < 1:
        msg = "unmix"
        raise TraceError(msg, [Problem("interval_share", f"{interval_share!r} is not between 0 and 1", "give 0.9")])
    names = pick_parameters(results, parameters)
    nesting, site = find_nesting(samples, network, weight=weight, rate_per_day=rate_per_day, travel_h=travel_h)
    base = describe_sites(nesting, network)
    parts = []
    wide = float(norm.ppf(0.5 + interval_share / 2))
    for name in names:
        data, unit, refs = site_data(results, samples, site, name, sigma_ln=_SIGMA_LN)
        if not len(data.site):
            continue
        mean, sigma, error = estimate(nesting, data, interval_share=interval_share)
        count = np.bincount(data.site, minlength=len(base))
        said = [";".join(sorted(set(refs.get(at, [])))) for at in range(len(base))]
        columns: dict[str, object] = {
            "parameter": name,
            "value": np.exp(mean),
            "value_low": np.exp(mean - wide * sigma),
        }
        columns |= {"value_high": np.exp(mean + wide * sigma), "sigma_ln": sigma, "unit": unit, "error_ln": error}
        parts.append(base.assign(**columns, result_count=count, refs=pd.Series(said, dtype="str")))
    if not parts:
        return base.iloc[:0]
    return gpd.GeoDataFrame(pd.concat(parts, ignore_index=True), geometry="geometry", crs=network.crs)


def estimate(nesting: Nesting, data: Data, *, interval_share: float = 0.9) -> tuple[Reals, Reals, float]:
    """Return the natural log of each sub-basin, its standard deviation, and the learned error."""
    count = len(nesting.own)
    if count > _DENSE_SITES:
        theta = learn_sparse(*pick_part(nesting, data))
        fit = fit_sparse(nesting, data, theta)
        return fit.mode, spread_sparse(fit), float(np.exp(theta[0]))
    learn_on, learn_data = (nesting, data) if count <= _ALL_SITES else pick_part(nesting, data)
    theta, cost = learn_hypers(learn_on.mixing(), learn_data, smoothness(learn_on))
    error = float(np.exp(theta[0]))
    mixing, kernel = nesting.mixing(), smoothness(nesting)
    if count <= _MIXED_SITES:
        mean, variance = mix_fits(mixing, data, kernel, theta, cost)
        return mean, np.sqrt(np.maximum(variance, 0.0)), error
    whole = fit_mode(mixing, data, kernel(theta), error)
    sigma = np.sqrt(np.maximum(np.diag(whole.covariance), 0.0))
    return whole.mode, sigma * _width(whole.left_out, interval_share), error


def _width(left_out: Reals, interval_share: float) -> float:
    """Return by how much intervals must be stretched so that they hold their share of the results left out."""
    if len(left_out) < _MIXED_SITES:
        return 1.0
    seen = float(np.quantile(np.abs(left_out), interval_share)) / float(norm.ppf(0.5 + interval_share / 2))
    return min(max(seen, _LEAST_WIDE), _MOST_WIDE)


def smoothness(nesting: Nesting) -> Callable[[Reals], Reals]:
    """Return the prior of the sub-basins as a function of its hyper-parameters."""
    east, north = nesting.east_m, nesting.north_m
    return smooth_kernel(np.hypot(east[:, None] - east, north[:, None] - north), nesting.own)


def describe_sites(nesting: Nesting, network: Network) -> gpd.GeoDataFrame:
    """Return the row of each site that every table of sub-basins begins with."""
    links = nesting.water.tocoo()
    order = np.lexsort((links.row, -links.data, links.col))
    below = pd.Series(links.row[order], index=links.col[order])
    below = below[~below.index.duplicated()].reindex(range(len(nesting.own)))
    ids = np.array(nesting.site_ids, dtype=object)
    below_id = [None if np.isnan(at) else ids[int(at)] for at in below.to_numpy(dtype=float)]
    reach = network.reaches["reach_id"].astype(str).to_numpy()[nesting.reach_row]
    frame = pd.DataFrame(
        {
            "site_id": pd.Series(ids, dtype="str"),
            "reach_id": pd.Series(reach, dtype="str"),
            "along_m": nesting.along_m,
            "below_id": pd.Series(below_id, dtype="str"),
            "own_weight": nesting.own,
            "total_weight": nesting.total,
            "leverage": nesting.leverage,
            "source_ref": pd.Series([f"unmix({one})" for one in ids], dtype="str"),
        }
    )
    return gpd.GeoDataFrame(
        frame, geometry=site_points(nesting.reach_row, nesting.along_m, network).to_numpy(), crs=network.crs
    )
