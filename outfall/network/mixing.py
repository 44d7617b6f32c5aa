"""Where a discharge has mixed across its river, and what a sample at a bank sees before that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import pandas as pd

from outfall.errors import NetworkError, Problem
from outfall.network.travel import Regime, estimate_velocities
from outfall.network.travel_rules import OPEN_KINDS, numbers_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from outfall.network.graph import Network

__all__ = ["find_unmixed", "mixing_lengths", "plume_concentrations"]

Release: TypeAlias = Literal["bank", "centre"]
Channel: TypeAlias = Literal["natural", "straight"]

_GRAVITY_MS2 = 9.80665
_REACH = {"bank": 0.4, "centre": 0.1}
_SPREAD = {"natural": 0.6, "straight": 0.15}  # natural: our default, between 0.3 and 0.9 in the literature
_IMAGES = np.arange(-40, 41)


def mixing_lengths(
    network: Network, *, release: Release = "bank", channel: Channel = "natural", regime: Regime = "mean"
) -> pd.DataFrame:
    """Return how far below a discharge its water has mixed over the whole section of each river.

    L = k U W2 / e, with k 0.4 from a bank and 0.1 from the centre, and e = c H u* across the river; c is 0.15 in
    straight uniform channels and 0.6 in natural rivers. The last is our default and no rule of a standard: between 0.3
    and 0.9 in the literature, so the length is right within a factor two.

    Parameters
    ----------
    network : Network
        Columns ``width_m``, ``depth_m``, ``slope_share``; the velocity is that of `estimate_velocities`.
    release : {"bank", "centre"}, default "bank"
        Where the discharge enters.
    channel : {"natural", "straight"}, default "natural"
        What the river is like.
    regime : {"low", "mean", "high"}, default "mean"
        State of the water; changes the velocity alone, not width and depth.

    Returns
    -------
    DataFrame, indexed by reach_id
        ``velocity_ms``, ``spread_m2s`` (transverse mixing), ``mixing_m`` (NaN where width, depth or fall is missing or
        the reach is no river), ``is_verified`` (False for natural channels).

    Raises
    ------
    NetworkError
        There is no such release, channel or regime.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from outfall.network import build_network
    >>> lines = gpd.GeoDataFrame({"reach_id": ["A"], "width_m": [30.0], "depth_m": [1.0], "slope_share": [0.001],
    ...     "velocity_ms": [0.5]}, crs=32650, geometry=gpd.GeoSeries.from_wkt(
    ...     ["LINESTRING (500000 3400000, 500000 3401440)"]))
    >>> mixing_lengths(build_network(lines))["mixing_m"].round().tolist()
    [3029.0]
    """
    _check_choice("release", release, _REACH)
    _check_choice("channel", channel, _SPREAD)
    reaches = network.reaches
    width, depth, slope = (numbers_of(reaches, name) for name in ("width_m", "depth_m", "slope_share"))
    speed = estimate_velocities(network, regime=regime)["velocity_ms"].to_numpy(float)
    good = (width > 0) & (depth > 0) & (slope > 0) & reaches["kind"].isin(OPEN_KINDS).to_numpy(dtype=bool)
    width, depth, slope = (np.where(good, item, np.nan) for item in (width, depth, slope))
    spread = _SPREAD[channel] * depth * np.sqrt(_GRAVITY_MS2 * depth * slope)
    index = pd.Index(reaches["reach_id"].astype("object"), name="reach_id")
    return pd.DataFrame(
        {
            "velocity_ms": speed,
            "spread_m2s": spread,
            "mixing_m": _REACH[release] * speed * width**2 / spread,
            "is_verified": channel == "straight",
        },
        index=index,
    )


def find_unmixed(
    network: Network, outfalls: pd.DataFrame, samples: pd.DataFrame, *, mixing_m: pd.Series | None = None
) -> pd.DataFrame:
    """Return the samples taken so near below an outfall that its water has not mixed across the river.

    What such a sample says depends on the bank it was taken at; compare it with the outfall on its own bank alone, or
    sample further down.

    Parameters
    ----------
    network : Network
        Rivers.
    outfalls, samples : DataFrame
        Places: ``point_id``, ``reach_id``, ``along_m`` and, where known, ``side`` and ``rank`` (only rank 1 is looked
        at), as `locate` returns them.
    mixing_m : Series, metres, indexed by reach_id, optional
        Of `mixing_lengths`, from the bank by default; that of the outfall's reach counts.

    Returns
    -------
    DataFrame
        ``outfall_id``, ``sample_id``, ``below_m``, ``mixing_m``, ``is_same_side`` (missing where a side is), nearest
        first. Empty where every sample is far enough or no length is known.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from outfall.network import build_network
    >>> lines = gpd.GeoDataFrame({"reach_id": ["A"]}, crs=32650, geometry=gpd.GeoSeries.from_wkt(
    ...     ["LINESTRING (500000 3400000, 500000 3401440)"]))
    >>> at = lambda name, along: pd.DataFrame({"point_id": [name], "reach_id": ["A"], "along_m": [along]})
    >>> near = find_unmixed(build_network(lines), at("P", 100.0), at("S", 400.0), mixing_m=pd.Series({"A": 900.0}))
    >>> near[["outfall_id", "sample_id", "below_m"]].to_dict("records")
    [{'outfall_id': 'P', 'sample_id': 'S', 'below_m': 300.0}]
    """
    lengths = mixing_lengths(network)["mixing_m"] if mixing_m is None else mixing_m
    first, second = _first_places(network, outfalls), _first_places(network, samples)
    rows = []
    for place in first.itertuples(index=False):
        limit = float(lengths.get(place.reach_id, np.nan))
        if not limit > 0:
            continue
        below = _distances_below(network, int(place.row), float(place.along_m), limit)
        here = second[second["row"].isin(list(below))]
        far = here["row"].map(below).astype("float64") + here["along_m"]
        for name, side, gap in zip(here["point_id"], here["side"], far, strict=True):
            if 0 <= gap < limit:
                same = bool(side == place.side) if isinstance(side, str) and isinstance(place.side, str) else pd.NA
                rows.append((place.point_id, name, gap, limit, same))
    columns = ["outfall_id", "sample_id", "below_m", "mixing_m", "is_same_side"]
    found = pd.DataFrame(rows, columns=columns).astype({"is_same_side": "boolean"})
    return found.sort_values(["below_m", "outfall_id", "sample_id"], kind="stable", ignore_index=True)


def plume_concentrations(
    below_m: ArrayLike,
    *,
    off_m: ArrayLike,
    load_gs: float,
    width_m: float,
    depth_m: float,
    velocity_ms: float,
    spread_m2s: float,
    release_off_m: float = 0.0,
) -> NDArray[np.float64]:
    """Return the concentration a steady discharge adds below and across its river, with both banks reflecting.

    Parameters
    ----------
    below_m : array of float, n values, metres
        Distance below the discharge, above 0.
    off_m : array of float, n values, metres
        Distance from the bank the discharge is counted from.
    load_gs : float, g/s
        Of the discharge.
    width_m, depth_m, velocity_ms : float
        Of the river.
    spread_m2s : float, m2/s
        Transverse mixing, of `mixing_lengths`.
    release_off_m : float, metres, default 0
        Distance of the discharge from that bank.

    Returns
    -------
    ndarray of float, mg/L
        Averaged over the depth; tends to load / flow. NaN at and above the discharge.

    Examples
    --------
    >>> river = {"width_m": 30.0, "depth_m": 1.0, "velocity_ms": 0.5, "spread_m2s": 0.06}
    >>> plume_concentrations([100.0, 100.0, 30000.0], off_m=[0.0, 30.0, 30.0], load_gs=15.0, **river).round(2).tolist()
    [4.89, 0.0, 1.0]
    """
    down, off = np.broadcast_arrays(np.asarray(below_m, dtype=float), np.asarray(off_m, dtype=float))
    down = np.where(down > 0, down, np.nan)
    four = 4.0 * spread_m2s * down / velocity_ms
    terms = [
        np.exp(-((off - side * release_off_m + 2.0 * image * width_m) ** 2) / four)
        for image in _IMAGES
        for side in (-1.0, 1.0)
    ]
    scale = load_gs / (depth_m * velocity_ms * np.sqrt(np.pi * four))
    near = scale * np.sum(terms, axis=0)
    mixed = load_gs / (depth_m * velocity_ms * width_m)
    return np.asarray(np.where(four > (10.0 * width_m) ** 2, mixed, near))


def _distances_below(network: Network, row: int, along_m: float, limit_m: float) -> dict[int, float]:
    """Return, for each reach within the limit below a place, the way from the place to its upstream end."""
    arrays = network.arrays
    start, reach = arrays.down
    found, queue = {row: -along_m}, [row]
    while queue:
        here = queue.pop(0)
        end = found[here] + float(arrays.length_m[here])
        for other in reach[start[here] : start[here + 1]].tolist():
            if end < limit_m and end < found.get(other, np.inf) and other != row:
                found[other] = end
                queue.append(other)
    return found


def _first_places(network: Network, places: pd.DataFrame) -> pd.DataFrame:
    best = places[places["rank"] == 1] if "rank" in places.columns else places
    row, along = network.find_places(best["reach_id"], best["along_m"].to_numpy(float))
    side = best["side"].to_numpy(dtype=object) if "side" in best.columns else np.full(len(best), None, dtype=object)
    names = network.reaches["reach_id"].to_numpy(dtype=object)[row]
    columns = {"point_id": best["point_id"].to_numpy(dtype=object), "reach_id": names, "row": row, "along_m": along}
    return pd.DataFrame({**columns, "side": side})


def _check_choice(name: str, value: str, known: dict[str, float]) -> None:
    if value not in known:
        msg = "mixing_lengths"
        raise NetworkError(msg, [Problem(name, f"{value!r} is not known", f"choose from {', '.join(known)}")])
