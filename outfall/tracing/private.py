"""Which sources could discharge to which outfalls through a pipe of their own that is on no map."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from outfall.tracing.drains import WATER_KINDS

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from outfall.network import Network
    from outfall.tracing.settings import Settings

__all__ = ["find_private"]

_DEFAULT_SIGMA_M = 10.0


def find_private(
    outfalls: gpd.GeoDataFrame,
    network: Network,
    sources: gpd.GeoDataFrame,
    untied_share: NDArray[np.float64],
    private_share: NDArray[np.float64],
    *,
    settings: Settings,
) -> pd.DataFrame:
    """Return the pairs a private pipe could join, and the probability that it does.

    A pipe twice as long is rarer, one under the river rarer still; a source has one such pipe, so outfalls near it
    share it out, and some is kept for outlets nobody found.

    Parameters
    ----------
    outfalls, sources : GeoDataFrame
        In the CRS of the network; sources without a point have no row.
    network : Network
        Its rivers are what a private pipe would have to cross.
    untied_share : array of float
        Per outfall: probability that no mapped pipe is behind it.
    private_share : array of float
        Per source: probability that it has a pipe of its own.
    settings : dict
        Section ``route``.

    Returns
    -------
    DataFrame
        ``source``, ``outfall`` (positions), ``off_m``, ``is_crossing``, ``private_share`` (the pipe may exist at all),
        ``exit_share`` (the source's water comes out there).
    """
    route = settings["route"]
    mouths, places = np.asarray(outfalls.geometry.array), np.asarray(sources.geometry.array)
    able = np.flatnonzero((private_share > 0) & ~shapely.is_missing(places))
    source, outfall = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    if len(able) and len(mouths):
        found, outfall = shapely.STRtree(mouths).query(places[able], predicate="dwithin", distance=route["search_m"])
        order = np.lexsort((outfall, found))  # sums must not depend on how the tree was built
        source, outfall = able[found[order]], outfall[order]
    off_m = shapely.distance(places[source], mouths[outfall])
    crossing = _crosses(places[source], mouths[outfall], outfalls, outfall, network)
    decay = np.exp(-off_m / route["private_decay_m"]) * np.where(crossing, route["crossing_share"], 1.0)
    weight = decay * untied_share[outfall]
    total = np.bincount(source, weight, len(sources)) + route["elsewhere_share"]
    exit_share = private_share[source] * weight / total[source]
    pairs = pd.DataFrame({"source": source, "outfall": outfall, "off_m": off_m, "is_crossing": crossing})
    pairs = pairs.assign(private_share=weight, exit_share=exit_share)
    return pairs.sort_values(["outfall", "source"], ignore_index=True)


def _crosses(
    places: NDArray[np.object_],
    mouths: NDArray[np.object_],
    outfalls: gpd.GeoDataFrame,
    outfall: NDArray[np.int64],
    network: Network,
) -> NDArray[np.bool_]:
    """Return whether the straight way from source to outfall crosses a river, leaving out the error at the bank."""
    rivers = network.reaches.geometry[network.reaches["kind"].isin(WATER_KINDS).to_numpy()]
    crossing = np.zeros(len(outfall), dtype=bool)
    if not len(rivers) or not len(outfall):
        return crossing
    sigma = outfalls["sigma_m"].fillna(_DEFAULT_SIGMA_M).to_numpy(dtype=float)[outfall]
    start, end = shapely.get_coordinates(places), shapely.get_coordinates(mouths)
    length = np.maximum(np.hypot(*(end - start).T), 1e-9)
    kept = np.clip(1.0 - 2.0 * sigma / length, 0.0, 1.0)
    short = start + (end - start) * kept[:, None]
    lines = shapely.linestrings(np.stack([start, short], axis=1))
    crossing[np.unique(shapely.STRtree(np.asarray(rivers.array)).query(lines, predicate="intersects")[0])] = True
    return crossing
