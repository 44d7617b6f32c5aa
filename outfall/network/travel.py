"""How long water takes through each reach: from a velocity column, else by kind of reach."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from outfall.errors import NetworkError, Problem
from outfall.vocabulary import words

if TYPE_CHECKING:
    from outfall.network.graph import Network

__all__ = ["default_velocities", "travel_times"]

_SECONDS_PER_HOUR = 3600.0


def travel_times(network: Network, *, velocity_ms: float | Mapping[str, float] | None = None) -> pd.Series:
    """Return the hours water takes through each reach.

    A velocity in the reaches wins; then the velocity given here; then our default for the kind of reach, which is an
    order of magnitude and not a rule of any standard.

    Parameters
    ----------
    network : Network
        Its column ``velocity_ms`` is used where it is above 0.
    velocity_ms : float or mapping of kind to float, metres per second, optional
        Velocity of reaches without their own: one for all, or one by kind.

    Returns
    -------
    Series of float, hours, indexed by reach_id
        ``attrs["is_verified"]`` is True where no default of ours was used, ``attrs["default_count"]`` says for how many
        reaches it was.

    Raises
    ------
    NetworkError
        A velocity is not above 0, or a kind is unknown.

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
    reaches = network.reaches
    kinds = reaches["kind"].to_numpy(dtype=object)
    fallback = default_velocities()
    given = _given(velocity_ms)
    known = (
        pd.to_numeric(reaches["velocity_ms"]).to_numpy(float)
        if "velocity_ms" in reaches
        else np.full(len(kinds), np.nan)
    )
    velocity = np.where(known > 0, known, np.array([given.get(kind, np.nan) for kind in kinds], dtype=float))
    missing = ~np.isfinite(velocity)
    velocity[missing] = [fallback[kind] for kind in kinds[missing]]
    hours = network.arrays.length_m / velocity / _SECONDS_PER_HOUR
    found = pd.Series(hours, index=pd.Index(reaches["reach_id"].astype("object"), name="reach_id"), name="travel_h")
    found.attrs.update(is_verified=not bool(missing.any()), default_count=int(missing.sum()))
    return found


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
