"""Where would one more sample teach most, and when is enough known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from outfall.errors import Problem, TraceError
from outfall.network import is_upstream, upstream_probability
from outfall.tracing._information import choose_batch, information_gain, learn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from outfall.network import Network

__all__ = ["find_spots", "learn_samples", "rank_samples"]

_MISS_SHARE = 0.1  # our defaults: how often a sample that should show it does not, and one that should not does
_FALSE_SHARE = 0.02
_STOP_SHARE = 0.95
_LEAST_SHARE = 1e-9
_ONE_WAY = ("river", "ditch", "culvert", "gravity_sewer", "pressure_main", "interface")


def find_spots(network: Network, reach_id: str) -> gpd.GeoDataFrame:
    """Return where water on its way to a reach can be sampled: every node above it, and its own lower end.

    Parameters
    ----------
    network : Network
        Reaches and nodes; not changed.
    reach_id : str
        The reach of the outfall.

    Returns
    -------
    GeoDataFrame, n spots, Point, CRS of the network
        ``spot_id`` (the node), ``reach_id`` and ``along_m`` where the sample is taken: at the head of the main reach
        that leaves the node. In the order of the reaches.

    Raises
    ------
    NetworkError
        The reach is not in the network.

    Examples
    --------
    >>> from outfall.network import build_network
    >>> pipes = gpd.GeoDataFrame({"reach_id": ["A", "B"], "from_node": ["M1", "M2"], "to_node": ["M2", "M3"]},
    ...     crs=32650, geometry=gpd.GeoSeries.from_wkt(["LINESTRING (400000 3400200, 400000 3400100)",
    ...     "LINESTRING (400000 3400100, 400000 3400000)"]))
    >>> find_spots(build_network(None, pipes=pipes), "B")["reach_id"].tolist()
    ['A', 'B', 'B']
    """
    wanted = set(network.upstream(reach_id))
    reaches = network.reaches[network.reaches["reach_id"].isin(wanted)]
    first = reaches.assign(_minor=~reaches["is_main"].fillna(value=True).astype(bool))
    first = first.sort_values("_minor", kind="stable").drop_duplicates("from_node").sort_index()
    last = reaches[reaches["reach_id"] == reach_id]
    ends = shapely.get_point(
        np.concatenate([first.geometry.to_numpy(), last.geometry.to_numpy()]), [0] * len(first) + [-1]
    )
    return gpd.GeoDataFrame(
        {
            "spot_id": pd.Series([*first["from_node"], *last["to_node"]], dtype="str"),
            "reach_id": pd.Series([*first["reach_id"], *last["reach_id"]], dtype="str"),
            "along_m": np.append(np.zeros(len(first)), last["length_m"].to_numpy(dtype=float)),
        },
        geometry=gpd.GeoSeries(ends, crs=network.crs),
        crs=network.crs,
    )


def rank_samples(
    chances: pd.DataFrame,
    spots: gpd.GeoDataFrame,
    network: Network,
    *,
    crews: int = 1,
    costs: Mapping[str, float] | None = None,
    miss_share: float = _MISS_SHARE,
    false_share: float = _FALSE_SHARE,
    stop_share: float = _STOP_SHARE,
) -> gpd.GeoDataFrame:
    """Return the spots by what a sample there is expected to teach for its cost, the batch for today first.

    A sample at a spot is positive where the water of the true source passes it, but for misses and false positives.
    What it teaches is the expected loss of doubt in bits. A batch is chosen one by one, each spot given those before
    it, so that two crews never learn the same thing.

    Parameters
    ----------
    chances : DataFrame, n hypotheses
        ``chance_id``, ``share`` (any positive weights) and where the water enters: ``reach_id``, and optional
        ``along_m``. Several rows of one ``chance_id`` are places one source may have; the places of a source nobody
        registered are rows of ``unregistered``. Not changed.
    spots : GeoDataFrame, m spots, Point
        ``spot_id``, ``reach_id``, ``along_m``; from find_spots. Not changed.
    network : Network
        With ``forward_share``: uncertain directions make a spot say less.
    crews : int, default 1
        Spots in today's batch.
    costs : mapping of str to float, optional
        Cost of a sample by ``spot_id``, 1 where it is not named.
    miss_share, false_share : float, defaults 0.1 and 0.02
        Ours.
    stop_share : float, default 0.95
        Where the likeliest source has this, there is no batch: enough is known.

    Returns
    -------
    GeoDataFrame, m rows
        ``spot_id``, ``reach_id``, ``along_m``, ``batch`` (1, 2 … for today, missing for the others), ``gain_bits``
        (given the batch before it), ``cost``, ``bits_per_cost``, ``positive_share``, ``reason``, ``reason_zh``; the
        batch first, then by bits per cost. Ties go to the smaller spot_id.

    Raises
    ------
    TraceError
        A column is missing, a share or cost is impossible, or there is no crew.
    NetworkError
        A reach is not in the network.

    Examples
    --------
    >>> from outfall.network import build_network
    >>> pipes = gpd.GeoDataFrame({"reach_id": ["A", "B", "C"], "from_node": ["M1", "M2", "M3"],
    ...     "to_node": ["M3", "M3", "M4"]}, crs=32650, geometry=gpd.GeoSeries.from_wkt([
    ...     "LINESTRING (400000 3400200, 400000 3400100)", "LINESTRING (400100 3400200, 400000 3400100)",
    ...     "LINESTRING (400000 3400100, 400000 3400000)"]))
    >>> network = build_network(None, pipes=pipes)
    >>> chances = pd.DataFrame({"chance_id": ["works", "farm"], "reach_id": ["A", "B"], "share": [0.5, 0.5]})
    >>> best = rank_samples(chances, find_spots(network, "C"), network).iloc[0]
    >>> best["reach_id"], round(float(best["gain_bits"]), 2)
    ('A', 0.69)
    """
    _refuse(chances, spots, crews, {"miss_share": miss_share, "false_share": false_share})
    weight = _weights(chances)
    positive = _positive(chances, spots, network, miss_share, false_share)
    cost = np.array([float((costs or {}).get(str(name), 1.0)) for name in spots["spot_id"]])
    if (cost <= 0).any():
        msg = "rank_samples: a cost is 0 or less; give what a sample costs, in any one unit"
        raise TraceError(msg)
    names = spots["spot_id"].astype("str").to_numpy(dtype=object)
    source = pd.factorize(chances["chance_id"].astype("str"), sort=True)[0]
    owned = np.bincount(source, weights=weight)
    is_enough = bool(len(owned)) and float(owned.max()) >= stop_share
    gain = np.round(information_gain(weight, positive, source), 10)  # the order of a sum is no reason to prefer a spot
    tie = np.argsort(np.argsort(names, kind="stable"))
    chosen, given = ([], []) if is_enough else choose_batch(weight, positive, source, cost, tie, crews)
    gain[chosen] = np.round(given, 10)
    batch = np.full(len(spots), np.nan)
    batch[chosen] = np.arange(1, len(chosen) + 1)
    order = np.lexsort((tie, -gain / cost, np.where(np.isnan(batch), np.inf, batch)))
    share = positive @ weight if len(weight) else np.zeros(len(spots))
    table = spots.assign(
        batch=pd.array(batch, dtype="Float64").astype("Int64"),
        gain_bits=gain,
        cost=cost,
        bits_per_cost=gain / cost,
        positive_share=share,
        reason=pd.Series([_why(g, s) for g, s in zip(gain, share, strict=True)], index=spots.index, dtype="str"),
        reason_zh=pd.Series([_why_zh(g, s) for g, s in zip(gain, share, strict=True)], index=spots.index, dtype="str"),
    )
    return table.iloc[order].reset_index(drop=True)


def learn_samples(
    chances: pd.DataFrame,
    taken: pd.DataFrame,
    network: Network,
    *,
    miss_share: float = _MISS_SHARE,
    false_share: float = _FALSE_SHARE,
) -> pd.DataFrame:
    """Return the chances after samples were taken.

    Parameters
    ----------
    chances : DataFrame, n hypotheses
        As for rank_samples. Not changed.
    taken : DataFrame, m samples
        ``reach_id``, ``along_m`` and ``is_found``: whether the sample showed what is looked for. A missing value says
        nothing. The same spot may be sampled again.
    network : Network
        As for rank_samples.
    miss_share, false_share : float
        As for rank_samples.

    Returns
    -------
    DataFrame, n rows
        The chances with ``share`` after the samples; sums to 1.

    Raises
    ------
    TraceError
        A column is missing or a share is impossible.

    Examples
    --------
    >>> from outfall.network import build_network
    >>> pipe = gpd.GeoDataFrame({"reach_id": ["A", "B"]}, crs=32650, geometry=gpd.GeoSeries.from_wkt([
    ...     "LINESTRING (400000 3400200, 400000 3400100)", "LINESTRING (400000 3400100, 400000 3400000)"]))
    >>> chances = pd.DataFrame({"chance_id": ["works", "farm"], "reach_id": ["A", "B"], "share": [0.5, 0.5]})
    >>> taken = pd.DataFrame({"reach_id": ["A"], "along_m": [0.0], "is_found": [True]})
    >>> learn_samples(chances, taken, build_network(None, pipes=pipe))["share"].round(3).tolist()
    [0.978, 0.022]
    """
    _refuse(chances, taken, 1, {"miss_share": miss_share, "false_share": false_share}, column="is_found")
    known = taken[taken["is_found"].notna()]
    positive = _positive(chances, known, network, miss_share, false_share)
    share = learn(_weights(chances), positive, known["is_found"].to_numpy(dtype=bool))
    return chances.assign(share=share)


def _weights(chances: pd.DataFrame) -> NDArray[np.float64]:
    share = chances["share"].to_numpy(dtype=float)
    return share / share.sum() if share.sum() > 0 else share


def _positive(
    chances: pd.DataFrame, spots: pd.DataFrame, network: Network, miss_share: float, false_share: float
) -> NDArray[np.float64]:
    """Return by spot and hypothesis the probability that a sample is positive."""
    passes = _passes(chances, spots, network)
    return passes * (1.0 - miss_share) + (1.0 - passes) * false_share


def _passes(chances: pd.DataFrame, spots: pd.DataFrame, network: Network) -> NDArray[np.float64]:
    """Return by spot and hypothesis the probability that the water of the one passes the other."""
    if not len(spots) or not len(chances):
        return np.zeros((len(spots), len(chances)))
    network.position(chances["reach_id"])  # refuses a reach that is not there
    below, of_spot = np.unique(spots["reach_id"].astype("str").to_numpy(dtype=object), return_inverse=True)
    above, of_chance = np.unique(chances["reach_id"].astype("str").to_numpy(dtype=object), return_inverse=True)
    table = _reaches(above, below, network)
    passes = table[of_spot][:, of_chance]
    along = chances["along_m"].fillna(0.0).to_numpy(dtype=float) if "along_m" in chances else np.zeros(len(chances))
    is_same = below[of_spot][:, None] == above[of_chance][None, :]
    is_above = along[None, :] <= spots["along_m"].to_numpy(dtype=float)[:, None]
    return np.where(is_same, is_above, passes)


def _reaches(above: NDArray[np.object_], below: NDArray[np.object_], network: Network) -> NDArray[np.float64]:
    """Return by lower and upper reach the probability that water of the one comes to the other."""
    reaches = network.reaches
    is_certain = reaches["forward_share"].fillna(1.0).eq(1.0).all() and reaches["kind"].isin(_ONE_WAY).all()
    if is_certain:  # the index knows it exactly
        upper, lower = np.tile(above, len(below)), np.repeat(below, len(above))
        return is_upstream(network, upper, lower).reshape(len(below), len(above)).astype(float)
    found = upstream_probability(network, pd.DataFrame({"point_id": below, "reach_id": below, "place_share": 1.0}))
    row, column = pd.Index(below).get_indexer(found["point_id"]), pd.Index(above).get_indexer(found["reach_id"])
    table = np.zeros((len(below), len(above)))
    table[row[column >= 0], column[column >= 0]] = found["upstream_share"].to_numpy()[column >= 0]
    return table


def _why(bits: float, share: float) -> str:
    return f"a sample here is positive with {share:.0%} and is expected to settle {bits:.2f} bits of the doubt"


def _why_zh(bits: float, share: float) -> str:
    return f"此处采样阳性概率 {share:.0%}, 预计消除 {bits:.2f} 比特的不确定性"


def _refuse(
    chances: pd.DataFrame, spots: pd.DataFrame, crews: int, shares: Mapping[str, float], *, column: str = "spot_id"
) -> None:
    problems = [
        Problem(f"{where}.{name}", "is missing", f"add the column {name}")
        for where, frame, names in (
            ("chances", chances, ("chance_id", "reach_id", "share")),
            ("spots", spots, (column, "reach_id", "along_m")),
        )
        for name in names
        if name not in frame.columns
    ]
    if "share" in chances:
        values = chances["share"].to_numpy(dtype=float)
        if len(values) and not (np.isfinite(values).all() and (values >= 0).all() and values.sum() > _LEAST_SHARE):
            problems.append(Problem("chances.share", "is negative, missing or 0 everywhere", "give positive weights"))
    if crews < 1:
        problems.append(Problem("crews", f"is {crews}", "send at least one"))
    problems += [
        Problem(name, f"is {value}", "give a share from 0 to below 0.5")
        for name, value in shares.items()
        if not 0 <= value < 0.5
    ]
    if problems:
        msg = f"next sample: {len(problems)} problems"
        raise TraceError(msg, problems)
