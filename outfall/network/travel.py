"""How long water takes through each reach: from what is known of it, by the best rule its columns allow."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import pandas as pd

from outfall.errors import NetworkError, Problem
from outfall.network.travel_river import scale_velocities
from outfall.network.travel_rules import (
    OPEN_KINDS,
    main_velocities,
    numbers_of,
    river_velocities,
    sewer_velocities,
    values_of,
)
from outfall.vocabulary import words

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from outfall.network.graph import Network

__all__ = ["Regime", "default_velocities", "estimate_velocities", "flow_ratios", "travel_times"]

Regime: TypeAlias = Literal["low", "mean", "high"]
Reals: TypeAlias = "NDArray[np.float64]"

_SECONDS_PER_HOUR = 3600.0
_RATIOS = {"low": 0.2, "mean": 1.0, "high": 3.0}  # flow over mean flow; our defaults
_FILLS = {"low": 0.2, "mean": 0.5, "high": 1.0}  # depth over diameter of a pipe; our defaults
_COLUMNS = ["velocity_ms", "fastest_ms", "travel_h", "fastest_h", "method", "is_verified"]


def travel_times(
    network: Network,
    *,
    velocity_ms: float | Mapping[str, float] | None = None,
    regime: Regime = "mean",
    flow_m3s: str | pd.Series | None = None,
    upstream_km2: str | pd.Series | None = None,
    fill_share: float | None = None,
) -> pd.Series:
    """Return the hours water takes through each reach; `estimate_velocities` says by which rule.

    Parameters
    ----------
    network : Network
        Its column ``velocity_ms`` is used where it is above 0.
    velocity_ms : float or mapping of kind to float, metres per second, optional
        Velocity of reaches without their own: one for all, or one by kind.
    regime : {"low", "mean", "high"}, default "mean"
        State of the water.
    flow_m3s : str or Series, m3/s, optional
        Flow of the day.
    upstream_km2 : str or Series, km2, optional
        Drainage area of each reach.
    fill_share : float, optional
        Depth of water in sewers over their diameter.

    Returns
    -------
    Series of float, hours, indexed by reach_id
        ``attrs["is_verified"]`` is True where every velocity was given, ``attrs["default_count"]`` says for how many
        reaches our default for the kind was used.

    Raises
    ------
    NetworkError
        A velocity is not above 0, a kind, regime or column is unknown, or a fill is not between 0 and 1.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from outfall.network import build_network
    >>> lines = gpd.GeoDataFrame({"reach_id": ["A"]}, crs=32650, geometry=gpd.GeoSeries.from_wkt(
    ...     ["LINESTRING (500000 3400000, 500000 3401440)"]))
    >>> hours = travel_times(build_network(lines))
    >>> round(float(hours["A"]), 2), hours.attrs["is_verified"]
    (1.0, False)
    """
    table = estimate_velocities(
        network,
        velocity_ms=velocity_ms,
        regime=regime,
        flow_m3s=flow_m3s,
        upstream_km2=upstream_km2,
        fill_share=fill_share,
    )
    found = table["travel_h"].copy()
    found.attrs.update(
        is_verified=bool(table["is_verified"].all()), default_count=int((table["method"] == "default").sum())
    )
    return found


def estimate_velocities(
    network: Network,
    *,
    velocity_ms: float | Mapping[str, float] | None = None,
    regime: Regime = "mean",
    flow_m3s: str | pd.Series | None = None,
    upstream_km2: str | pd.Series | None = None,
    fill_share: float | None = None,
) -> pd.DataFrame:
    """Return the velocity in each reach, the fastest it may have, and the rule it comes from.

    The first that a reach allows: ``column`` (its own velocity, taken to be that of mean flow), ``given`` (by the
    caller, for the state asked for), ``manning`` (sewers and culverts with a diameter and a fall), ``full`` (pressure
    mains with a flow and a diameter), ``jobson`` (rivers with a flow and a drainage area, better with a slope) and
    ``default`` (our velocity for the kind). All but the first two are our defaults, not rules of a standard.

    Parameters
    ----------
    network : Network
        Columns used: ``velocity_ms``, ``flow_m3s`` (mean annual), ``slope_share``, ``area_km2``, ``diameter_mm``,
        ``invert_from_m``, ``invert_to_m``, and ``roughness`` or ``material`` where there are such.
    velocity_ms : float or mapping of kind to float, metres per second, optional
        Velocity of reaches without their own: one for all, or one by kind.
    regime : {"low", "mean", "high"}, default "mean"
        State of the water: 0.2, 1 or 3 times the mean flow in rivers, a depth of 0.2, 0.5 or 1 diameter in sewers
        (our defaults). Lakes, coasts and tidal reaches do not change.
    flow_m3s : str or Series, m3/s, optional
        Flow of the day, a column or numbers by reach id: wins over the regime where it is above 0.
    upstream_km2 : str or Series, km2, optional
        Drainage area of each reach, a column or numbers by reach id; the upstream total of ``area_km2`` by default,
        which lacks what lies outside the data.
    fill_share : float, optional
        Depth of water in sewers over their diameter; wins over the regime.

    Returns
    -------
    DataFrame, indexed by reach_id
        ``velocity_ms``, ``fastest_ms`` (envelope, NaN where there is none), ``travel_h``, ``fastest_h``, ``method``,
        ``is_verified``.

    Raises
    ------
    NetworkError
        A velocity is not above 0, a kind, regime or column is unknown, or a fill is not between 0 and 1.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from outfall.network import build_network
    >>> lines = gpd.GeoDataFrame({"reach_id": ["A"], "flow_m3s": [7.0], "slope_share": [0.002], "area_km2": [190.0]},
    ...     crs=32650, geometry=gpd.GeoSeries.from_wkt(["LINESTRING (500000 3400000, 500000 3401440)"]))
    >>> estimate_velocities(build_network(lines))[["velocity_ms", "fastest_ms", "method"]].round(2).to_dict("list")
    {'velocity_ms': [0.4], 'fastest_ms': [0.67], 'method': ['jobson']}
    """
    given = _given(velocity_ms)
    _check_options(regime=regime, fill_share=fill_share)
    reaches, length = network.reaches, network.arrays.length_m
    kinds = reaches["kind"].to_numpy(dtype=object)
    mean = numbers_of(reaches, "flow_m3s")
    day = mean if flow_m3s is None else values_of(reaches, flow_m3s)
    ratio = flow_ratios(network, regime=regime, flow_m3s=flow_m3s)
    said = np.array([given.get(kind, np.nan) for kind in kinds], dtype=float)
    own = numbers_of(reaches, "velocity_ms")
    fallback = np.array([default_velocities()[kind] for kind in kinds], dtype=float)
    river, fastest = river_velocities(network, kinds, mean, mean * ratio, upstream_km2)
    steps = [
        ("column", np.where(own > 0, scale_velocities(own, flow_ratio=ratio), np.nan)),
        ("given", said),
        (
            "manning",
            sewer_velocities(
                reaches, kinds, length, flow=day, fill=fill_share or _FILLS[regime], by_flow=fill_share is None
            ),
        ),
        ("full", main_velocities(reaches, kinds, day)),
        ("jobson", river),
        ("default", scale_velocities(fallback, flow_ratio=ratio)),
    ]
    velocity, method = np.full(len(kinds), np.nan), np.full(len(kinds), "", dtype=object)
    for name, values in steps:
        take = np.isnan(velocity) & (values > 0)
        velocity[take], method[take] = values[take], name
    fastest = np.where(method == "jobson", np.maximum(fastest, velocity), np.nan)
    columns = [velocity, fastest, length / velocity / _SECONDS_PER_HOUR, length / fastest / _SECONDS_PER_HOUR]
    index = pd.Index(reaches["reach_id"].astype("object"), name="reach_id")
    found = pd.DataFrame(dict(zip(_COLUMNS, columns, strict=False)), index=index)
    found["method"] = pd.Series(method, index=index, dtype="str")
    found["is_verified"] = np.isin(method, ["column", "given"]) & ((ratio == 1.0) | (method == "given"))
    return found


def flow_ratios(network: Network, *, regime: Regime = "mean", flow_m3s: str | pd.Series | None = None) -> Reals:
    """Return the flow of the day over the mean flow in each reach.

    Parameters
    ----------
    network : Network
        Its column ``flow_m3s`` is the mean flow.
    regime : {"low", "mean", "high"}, default "mean"
        State of the water: 0.2, 1 or 3 (our defaults) in rivers and ditches, 1 elsewhere.
    flow_m3s : str or Series, m3/s, optional
        Flow of the day: wins over the regime where both it and the mean flow are above 0.

    Returns
    -------
    ndarray of float, one per reach
        Above 0.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from outfall.network import build_network
    >>> lines = gpd.GeoDataFrame({"reach_id": ["A"]}, crs=32650, geometry=gpd.GeoSeries.from_wkt(
    ...     ["LINESTRING (500000 3400000, 500000 3401440)"]))
    >>> flow_ratios(build_network(lines), regime="low").tolist()
    [0.2]
    """
    reaches = network.reaches
    is_open = reaches["kind"].isin(OPEN_KINDS).to_numpy(dtype=bool)
    ratio = np.where(is_open, _RATIOS[regime], 1.0)
    if flow_m3s is None:
        return ratio
    mean, day = numbers_of(reaches, "flow_m3s"), values_of(reaches, flow_m3s)
    known = is_open & (mean > 0) & (day > 0)
    return np.where(known, day / np.where(known, mean, 1.0), ratio)


@cache
def default_velocities() -> Mapping[str, float]:
    """Return our default velocity of each kind of reach, in metres per second.

    Returns
    -------
    mapping of str to float
        Read-only. None of them is verified against a standard.

    Examples
    --------
    >>> default_velocities()["river"]
    0.4
    """
    stream = files(__package__).joinpath("travel.csv").read_text(encoding="utf-8").splitlines()
    return MappingProxyType({row["kind"]: float(row["velocity_ms"]) for row in csv.DictReader(stream)})


def _check_options(*, regime: str, fill_share: float | None) -> None:
    problems = []
    if regime not in _RATIOS:
        problems.append(Problem("regime", f"{regime!r} is not a regime", f"choose from {', '.join(_RATIOS)}"))
    if fill_share is not None and not 0 < fill_share <= 1:
        problems.append(
            Problem("fill_share", f"{fill_share!r} is not above 0 and at most 1", "give depth over diameter")
        )
    if problems:
        msg = "travel_times"
        raise NetworkError(msg, problems)


def _given(velocity_ms: float | Mapping[str, float] | None) -> dict[str, float]:
    if velocity_ms is None:
        return {}
    kinds = words("reach_kind")
    given = dict(velocity_ms) if isinstance(velocity_ms, Mapping) else dict.fromkeys(kinds, float(velocity_ms))
    problems = [
        Problem(
            "velocity_ms", f"{value!r} for {kind!r}", f"give metres per second above 0 for kinds of {', '.join(kinds)}"
        )
        for kind, value in given.items()
        if kind not in kinds or not (value > 0 and np.isfinite(value))
    ]
    if problems:
        msg = "travel_times"
        raise NetworkError(msg, problems)
    return given
