"""Which sites represent a river: spatially balanced draws with known probabilities, and sites of equal catchment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy.spatial import cKDTree

from outfall.errors import NetworkError
from outfall.water._draws import draw_grts, draw_pivotal, draw_simple, inclusion_shares

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

    from outfall.network import Network

__all__ = ["balance_of", "draw_sites", "equal_area_sites"]

Method: TypeAlias = Literal["pivotal", "grts", "simple"]
_SURE = 1e-9


def draw_sites(
    network: Network,
    *,
    count: int,
    weights: str | pd.Series | None = None,
    kinds: Collection[str] = ("river", "ditch", "tidal"),
    step_m: float = 100.0,
    method: Method = "pivotal",
    seed: int = 0,
) -> gpd.GeoDataFrame:
    """Return sites spread over the rivers, each with the probability it was drawn with.

    ``pivotal`` is the local pivotal method (neighbours compete, so that sites keep apart); ``grts`` draws
    systematically along a random hierarchical order of the plane, and its sites, taken in the order given, are
    balanced after any number; ``simple`` is unequal-probability systematic sampling in random order, for comparison.

    Parameters
    ----------
    network : Network
        Not changed.
    count : int
        Sites wanted.
    weights : str or Series by reach_id, optional
        How much a metre of each reach counts: a column of ``reaches`` or values; equal by default. Reaches of weight 0
        or missing are never drawn.
    kinds : collection of str, default rivers, ditches and tidal reaches
        Where sites may lie.
    step_m : float, default 100
        Distance of the places that may be drawn.
    method : {"pivotal", "grts", "simple"}, default "pivotal"
        How.
    seed : int, default 0
        Of the draw.

    Returns
    -------
    GeoDataFrame, Point, CRS of the network
        ``site_id``, ``reach_id``, ``along_m``, ``drawn_share`` (inclusion probability; 1/drawn_share is its weight in an
        estimate), ``source_ref``. ``count`` rows, fewer where there are fewer places.

    Raises
    ------
    NetworkError
        No place can be drawn, or there is no such method or column.

    Examples
    --------
    >>> from outfall.network import build_network
    >>> river = gpd.GeoDataFrame({"reach_id": ["A"]}, crs=32650,
    ...     geometry=gpd.GeoSeries.from_wkt(["LINESTRING (500000 3400000, 510000 3400000)"]))
    >>> sites = draw_sites(build_network(river), count=5, seed=1)
    >>> len(sites), round(float((1 / sites["drawn_share"]).sum()))
    (5, 100)
    """
    places, weight = _frame(network, weights, kinds, step_m)
    if not len(places) or count < 1 or method not in ("pivotal", "grts", "simple"):
        msg = f"draw_sites: {len(places)} places, count {count}, method {method!r}; give waters to draw from, at least one site, and pivotal, grts or simple"
        raise NetworkError(msg)
    share = inclusion_shares(weight, count)
    points = shapely.get_coordinates(places.geometry.to_numpy())
    rng = np.random.default_rng(seed)
    chosen = {"pivotal": draw_pivotal, "grts": draw_grts, "simple": draw_simple}[method](points, share, rng)
    sites = places.iloc[chosen].reset_index(drop=True)
    sites.insert(0, "site_id", [f"S{number:03d}" for number in range(1, len(sites) + 1)])
    return sites.assign(drawn_share=share[chosen], source_ref=[f"draw_sites({r})" for r in sites["reach_id"]])


def equal_area_sites(network: Network, *, count: int) -> gpd.GeoDataFrame:
    """Return sites that cut the catchment into pieces of nearly equal own area.

    Down the network, a site is put wherever the catchment not yet sampled above has grown to the size aimed at.

    Parameters
    ----------
    network : Network
        With ``area_km2`` of each reach. Not changed.
    count : int
        Sites aimed at.

    Returns
    -------
    GeoDataFrame, Point, CRS of the network
        ``site_id``, ``reach_id``, ``along_m`` (its lower end), ``own_km2`` (between it and the sites above), in flow
        order. The number comes as near to ``count`` as reaches allow.

    Raises
    ------
    NetworkError
        No reach has an area, or the count is not positive.

    Examples
    --------
    >>> from outfall.network import build_network
    >>> lines = gpd.GeoDataFrame({"reach_id": list("ABCD"), "area_km2": 1.0}, crs=32650,
    ...     geometry=[shapely.LineString([(400000, 3400400 - 100 * k), (400000, 3400300 - 100 * k)]) for k in range(4)])
    >>> equal_area_sites(build_network(lines), count=2)[["reach_id", "own_km2"]].values.tolist()
    [['B', 2.0], ['D', 2.0]]
    """
    area = network.reaches["area_km2"].fillna(0.0).to_numpy(dtype=float)
    if count < 1 or area.sum() <= 0:
        msg = (
            f"equal_area_sites: count {count}, {area.sum():.3g} km2; give at least one site and a network with area_km2"
        )
        raise NetworkError(msg)
    order = _down(network)
    low, high = 0.0, float(area.sum())
    best = _cut(network, area, order, high)
    for _ in range(50):
        middle = (low + high) / 2
        found = _cut(network, area, order, middle)
        if abs(len(found) - count) < abs(len(best) - count):
            best = found
        low, high = (middle, high) if len(found) > count else (low, middle)
    reaches = network.reaches
    rows = [at for at, _ in best]
    ends = shapely.get_point(reaches.geometry.to_numpy()[rows], -1)
    return gpd.GeoDataFrame(
        {
            "site_id": [f"A{number:03d}" for number in range(1, len(rows) + 1)],
            "reach_id": reaches["reach_id"].to_numpy()[rows],
            "along_m": reaches["length_m"].to_numpy(dtype=float)[rows],
            "own_km2": [own for _, own in best],
            "source_ref": [f"equal_area_sites({reaches['reach_id'].iloc[at]})" for at in rows],
        },
        geometry=gpd.GeoSeries(ends, crs=network.crs),
        crs=network.crs,
    )


def balance_of(sites: gpd.GeoDataFrame, places: gpd.GeoDataFrame) -> float:
    """Return how unevenly sites lie: the variance of the probability that belongs to each (Voronoi); 0 is perfect.

    Parameters
    ----------
    sites : GeoDataFrame, n points
        Drawn sites.
    places : GeoDataFrame, m points
        Every place that could be drawn, with ``drawn_share`` that sums to n. In the CRS of the sites.

    Returns
    -------
    float
        About 1 for sites drawn without any order, well below for balanced ones.

    Examples
    --------
    >>> line = gpd.GeoDataFrame({"drawn_share": [0.5] * 4}, geometry=gpd.points_from_xy([0, 1, 2, 3], [0] * 4), crs=32650)
    >>> balance_of(line.iloc[[0, 3]], line), balance_of(line.iloc[[0, 1]], line)
    (0.0, 0.25)
    """
    tree = cKDTree(shapely.get_coordinates(sites.geometry.to_numpy()))
    _, near = tree.query(shapely.get_coordinates(places.geometry.to_numpy()))
    held = np.bincount(near, weights=places["drawn_share"].to_numpy(dtype=float), minlength=len(sites))
    return float(np.mean((held - 1.0) ** 2))


def _frame(
    network: Network, weights: str | pd.Series | None, kinds: Collection[str], step_m: float
) -> tuple[gpd.GeoDataFrame, NDArray[np.float64]]:
    """Return every place that may be drawn, in the middle of its step, with its weight."""
    reaches = network.reaches[network.reaches["kind"].isin(list(kinds))]
    if isinstance(weights, str) and weights not in reaches:
        msg = f"draw_sites: the reaches have no column {weights!r}"
        raise NetworkError(msg)
    per_m = pd.Series(1.0, index=reaches.index)
    if isinstance(weights, str):
        per_m = reaches[weights].astype(float)
    elif weights is not None:
        per_m = reaches["reach_id"].map(weights).astype(float)
    per_m = per_m.fillna(0.0).clip(lower=0.0)
    length = reaches["length_m"].to_numpy(dtype=float)
    steps = np.maximum(1, np.rint(length / step_m)).astype(int)
    row = np.repeat(np.arange(len(reaches)), steps)
    number = np.arange(len(row)) - np.repeat(np.cumsum(steps) - steps, steps)
    share = (number + 0.5) / steps[row]
    points = shapely.line_interpolate_point(reaches.geometry.to_numpy()[row], share, normalized=True)
    frame = gpd.GeoDataFrame(
        {"reach_id": reaches["reach_id"].to_numpy()[row], "along_m": share * length[row]},
        geometry=gpd.GeoSeries(points, crs=network.crs),
        crs=network.crs,
    )
    return frame, per_m.to_numpy()[row] * (length / steps)[row]


def _down(network: Network) -> NDArray[np.int64]:
    """Return the reaches so that every reach stands after those above it, on the main tree."""
    above = network.accumulate("length_m", rule="main").to_numpy(dtype=float)
    return np.argsort(above, kind="stable")


def _cut(
    network: Network, area: NDArray[np.float64], order: NDArray[np.int64], target_km2: float
) -> list[tuple[int, float]]:
    arrays = network.arrays
    carried = np.zeros(arrays.node_count)
    sites = []
    for at in order.tolist():
        node = int(arrays.from_node[at])
        is_main = int(arrays.rank[at]) == 0
        own = area[at] + (carried[node] if is_main else 0.0)
        if own >= target_km2 * (1 - _SURE) and own > 0:
            sites.append((at, float(own)))
            own = 0.0
        carried[int(arrays.to_node[at])] += own
    return sites
