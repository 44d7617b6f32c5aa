"""How much of a load is left, and in how much water: mixing, first-order decay, loads down the network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.sparse import coo_array, csr_array, identity
from scipy.sparse.linalg import splu

from outfall.errors import NetworkError, Problem
from outfall.network.travel import travel_times
from outfall.network.travel_rules import numbers_of, values_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from outfall.network.graph import Network

__all__ = ["decay_rate", "flow_shares", "mix_streams", "spread_loads"]

_HOURS_PER_DAY = 24.0
_THETA = 1.047  # our default: warming by one degree speeds decay by 4.7 %


def mix_streams(flows_m3s: ArrayLike, concentrations_mgl: ArrayLike) -> float:
    """Return the concentration of several waters mixed completely.

    Parameters
    ----------
    flows_m3s : array of float, n values, m3/s
        Flow of each.
    concentrations_mgl : array of float, n values, mg/L
        Concentration of each; one that is missing where there is flow makes the mixture unknown.

    Returns
    -------
    float, mg/L
        NaN where no water flows.

    Raises
    ------
    NetworkError
        The two have different lengths, or a flow is negative.

    Examples
    --------
    >>> mix_streams([9.0, 1.0], [0.2, 10.2])
    1.2
    >>> mix_streams([], [])
    nan
    """
    flow, level = np.asarray(flows_m3s, dtype=float), np.asarray(concentrations_mgl, dtype=float)
    if flow.shape != level.shape or (flow < 0).any():
        problem = Problem("flows_m3s", f"{flow.tolist()} for {level.tolist()}", "give one flow, 0 or more, per water")
        msg = "mix_streams"
        raise NetworkError(msg, [problem])
    wet = flow > 0
    return float((flow[wet] * level[wet]).sum() / flow[wet].sum()) if wet.any() else float("nan")


def decay_rate(rate_per_day: float, *, temperature_c: float, theta: float = _THETA) -> float:
    """Return a first-order decay rate at another temperature than 20 degrees.

    Parameters
    ----------
    rate_per_day : float, 1/d
        At 20 degrees.
    temperature_c : float, degrees Celsius
        Of the water.
    theta : float, default 1.047
        Factor per degree; our default, usual for oxygen demand.

    Returns
    -------
    float, 1/d
        rate x theta^(temperature - 20).

    Examples
    --------
    >>> decay_rate(0.3, temperature_c=20.0), round(decay_rate(0.3, temperature_c=10.0), 3)
    (0.3, 0.19)
    """
    return float(rate_per_day * theta ** (temperature_c - 20.0))


def spread_loads(
    network: Network,
    loads: pd.DataFrame,
    *,
    flow_m3s: str | pd.Series = "flow_m3s",
    travel_h: pd.Series | None = None,
    rate_per_day: float = 0.0,
    temperature_c: float = 20.0,
) -> pd.DataFrame:
    """Return the load that leaves each reach and the concentration it adds there.

    A steady balance of mass: what enters a reach decays on its way through it, and divides where the water does, by
    ``fraction_share`` or evenly. Reaches of uncertain direction carry it the way they are drawn.

    Parameters
    ----------
    network : Network
        Where the loads go.
    loads : DataFrame, n rows
        ``reach_id``, ``load_gs`` (g/s) and, where known, ``along_m`` from the upstream end; else the upstream end.
    flow_m3s : str or Series, m3/s, default "flow_m3s"
        Flow of each reach, a column or numbers by reach id.
    travel_h : Series, hours, indexed by reach_id, optional
        Of `travel_times`, by default at mean flow.
    rate_per_day : float, 1/d, default 0
        First-order decay at 20 degrees.
    temperature_c : float, degrees Celsius, default 20
        Of the water; see `decay_rate`.

    Returns
    -------
    DataFrame, indexed by reach_id
        ``load_gs`` at the downstream end, ``flow_m3s``, ``added_mgl`` (NaN where the flow is missing or 0): what the
        loads add once they are mixed over the whole section, see `mixing_lengths`.

    Raises
    ------
    NetworkError
        A column is missing, a load or rate is negative or missing, or a loop without outlet would fill for ever.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from outfall.network import build_network
    >>> lines = gpd.GeoDataFrame({"reach_id": ["A", "B"], "flow_m3s": [1.0, 2.0]}, crs=32650,
    ...     geometry=gpd.GeoSeries.from_wkt(["LINESTRING (400000 3400200, 400000 3400100)",
    ...                                      "LINESTRING (400000 3400100, 400000 3400000)"]))
    >>> spread_loads(build_network(lines), pd.DataFrame({"reach_id": ["A"], "load_gs": [4.0]}))["added_mgl"].tolist()
    [4.0, 2.0]
    """
    row, along, load = _check_loads(network, loads, rate_per_day)
    hours = travel_times(network) if travel_h is None else travel_h
    known = values_of(network.reaches, hours)
    per_hour = decay_rate(rate_per_day, temperature_c=temperature_c) / _HOURS_PER_DAY
    left = np.exp(-per_hour * known) if per_hour else np.ones(len(known))
    length = network.arrays.length_m
    rest = np.clip(1.0 - along / np.where(length[row] > 0, length[row], 1.0), 0.0, 1.0)
    own = np.zeros(len(length))
    np.add.at(own, row, load * left[row] ** rest)
    flux = _solve(flow_shares(network), left, own)
    flow = values_of(network.reaches, flow_m3s)
    index = pd.Index(network.reaches["reach_id"].astype("object"), name="reach_id")
    added = np.where(flow > 0, flux / np.where(flow > 0, flow, 1.0), np.nan)
    return pd.DataFrame({"load_gs": flux, "flow_m3s": flow, "added_mgl": added}, index=index)


def flow_shares(network: Network) -> csr_array:
    """Return the share of what leaves one reach (column) that enters another (row).

    By ``fraction_share`` where it is known, else evenly; reaches of uncertain direction the way they are drawn.
    """
    arrays, count = network.arrays, len(network.reaches)
    weight = numbers_of(network.reaches, "fraction_share")
    leaving = pd.Series(arrays.from_node)
    known = pd.Series(weight).groupby(leaving).transform("sum").to_numpy(float)
    open_ways = pd.Series(np.isnan(weight)).groupby(leaving).transform("sum").to_numpy(float)
    left = np.clip(1.0 - known, 0.0, 1.0) / np.where(open_ways > 0, open_ways, 1.0)
    share = np.where(np.isnan(weight), left, weight)
    whole = pd.Series(share).groupby(leaving).transform("sum").to_numpy(float)
    ways = leaving.groupby(leaving).transform("size").to_numpy(float)
    share = np.where(whole > 0, share / np.where(whole > 0, whole, 1.0), 1.0 / ways)
    order = np.argsort(arrays.from_node, kind="stable")
    start = np.searchsorted(arrays.from_node[order], np.arange(arrays.node_count + 1))
    sizes = (start[1:] - start[:-1])[arrays.to_node]
    source = np.repeat(np.arange(count), sizes)
    inside = np.arange(len(source)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    target = order[start[arrays.to_node][source] + inside]
    return coo_array((share[target], (target, source)), shape=(count, count)).tocsr()


def _solve(shares: csr_array, left: NDArray[np.float64], own: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the flux at the end of each reach: flux = own + left x (what enters)."""
    matrix = (identity(len(left), format="csr") - shares.multiply(left[:, None])).tocsc()
    try:
        flux = splu(matrix).solve(own) if len(left) else own
    except RuntimeError:
        flux = np.full(len(left), np.inf)
    if not np.isfinite(flux).all() or (np.abs(flux) > 1e9 * max(own.sum(), 1e-300)).any():
        msg = "spread_loads: a loop without outlet would fill for ever"
        raise NetworkError(msg, fix="Look at network.loops(), or give a rate_per_day above 0.")
    return np.asarray(np.maximum(flux, 0.0))


def _check_loads(
    network: Network, loads: pd.DataFrame, rate_per_day: float
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the row of the reach, the place along it, and the load."""
    missing = [name for name in ("reach_id", "load_gs") if name not in loads.columns]
    problems = [Problem(name, "is not a column of the loads", "add it") for name in missing]
    if not 0 <= rate_per_day < np.inf:
        problems.append(Problem("rate_per_day", f"{rate_per_day!r} is not 0 or more", "give the rate per day"))
    load = np.zeros(0) if missing else numbers_of(loads, "load_gs")
    bad = np.flatnonzero(~((load >= 0) & np.isfinite(load)))
    if len(bad):
        rows = tuple(str(loads.index[at]) for at in bad)
        problems.append(Problem("load_gs", f"{load[bad[0]]:g} is not 0 or more", "give grams per second", rows))
    if problems:
        msg = "spread_loads"
        raise NetworkError(msg, problems)
    row = network.position(loads["reach_id"])
    along = numbers_of(loads, "along_m").copy()
    placed = np.isfinite(along)
    if placed.any():
        row[placed], along[placed] = network.find_places(loads["reach_id"][placed], along[placed])
    return row, np.where(placed, along, 0.0), load
