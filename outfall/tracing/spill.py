"""Where, when and how much was spilled: from the peaks that stations downstream saw pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pandas as pd
from scipy.special import ndtr

from outfall.coordinates import to_crs
from outfall.errors import Problem, TraceError
from outfall.network import locate, travel_times
from outfall.network.travel_river import predict_pulse
from outfall.network.travel_rules import numbers_of
from outfall.tables import check
from outfall.tracing.spill_answer import Spill, build_spill
from outfall.tracing.spill_model import Passages, first_way, judge_times
from outfall.tracing.spill_places import Cells, Reached, cut_cells, look_up

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from outfall.network import Network

__all__ = ["Spill", "find_spill"]

Reals: TypeAlias = "NDArray[np.float64]"

_AGES, _CELLS, _UNSEEN_SD, _MISSED = 120, 600, 0.7, 0.05
_TIMES = ("peak_at", "first_at", "last_at")
_OPTIONAL = {"flow_m3s": np.nan, "detection_limit_mgl": np.nan, "clock_h": 1.0 / 30.0, "source_ref": ""}


def find_spill(
    passages: pd.DataFrame,
    network: Network,
    *,
    sources: gpd.GeoDataFrame | None = None,
    travel_h: pd.Series | None = None,
    velocity_sd: float = 0.3,
    unregistered_share: float = 0.15,
    flow_ratio: float = 1.0,
    most_h: float = 48.0,
) -> Spill:
    """Return where, when and how much was spilled, as probabilities over the whole network above the stations.

    A spill enters at one moment at one place: at a registered source, or anywhere (a source nobody registered). Its
    water needs a lognormal time about hydraulics; peaks fall as in Jobson's unit peak, with losses; leading edges and
    passages are used where they were seen. Below a confluence the same mass is in more water; where a river divides, a
    branch takes its share. A station that watched and saw nothing speaks against the places above it.

    Parameters
    ----------
    passages : DataFrame, n rows
        One row per station: ``station_id``, ``reach_id``, ``along_m`` (from the upstream end), ``peak_at`` (tz-aware),
        ``peak_mgl`` (above background; missing where nothing was seen), and where known ``first_at`` (leading edge),
        ``last_at`` (back at a tenth of the peak), ``flow_m3s``, ``detection_limit_mgl``, ``clock_h``, ``source_ref``.
    network : Network
        Rivers and pipes; ``flow_m3s`` of the reaches is used where a station has none and to divide a mass.
    sources : GeoDataFrame, optional
        Contract ``sources``; ``prior_share`` is used where it is a column. None: only places are judged.
    travel_h : Series of float, hours, indexed by reach_id, optional
        Time through each reach; `travel_times` by default.
    velocity_sd : float, default 0.3
        Error of the travel times on the whole way, natural log (our default).
    unregistered_share : float, default 0.15
        Probability before the evidence that it was at no registered source.
    flow_ratio : float, default 1
        Flow over mean annual flow.
    most_h : float, hours, default 48
        Longest time before the first peak thought of.

    Returns
    -------
    Spill
        Places, sources, release time and mass, each with its 90 % region, and reasons.

    Raises
    ------
    TraceError
        A column or value is missing or cannot be used, or no place lies above all stations.
    NetworkError
        A reach is not in the network.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from outfall.network import build_network
    >>> lines = gpd.GeoDataFrame({"reach_id": ["A"], "velocity_ms": [0.5], "flow_m3s": [2.0]}, crs=32650,
    ...     geometry=gpd.GeoSeries.from_wkt(["LINESTRING (500000 3400000, 500000 3420000)"]))
    >>> seen = pd.DataFrame({"station_id": ["M1", "M2"], "reach_id": ["A", "A"], "along_m": [12000.0, 16000.0],
    ...     "peak_at": pd.to_datetime(["2026-04-12T04:00Z", "2026-04-12T06:15Z"]), "peak_mgl": [0.25, 0.18]})
    >>> find_spill(seen, build_network(lines)).release["low_at"] < pd.Timestamp("2026-04-12T04:00Z")
    True
    """
    rows = _checked(passages, numbers=(velocity_sd, flow_ratio, most_h), share=unregistered_share)
    hours = (travel_times(network) if travel_h is None else travel_h).reindex(network.reaches["reach_id"])
    spent = hours.to_numpy(dtype=float)
    flow = numbers_of(network.reaches, "flow_m3s")
    at, along = network.find_places(rows["reach_id"], rows["along_m"])
    shares = along / np.maximum(network.arrays.length_m[at], 1e-9)
    stations = [look_up(network, int(r), float(a), hours=spent, flow_m3s=flow) for r, a in zip(at, shares, strict=True)]
    rows = rows.assign(flow_m3s=rows["flow_m3s"].where(rows["flow_m3s"] > 0, flow[at]))
    saw = np.flatnonzero(rows["is_seen"].to_numpy())
    cells = cut_cells(network, [stations[i] for i in saw], most_h=most_h, count=_CELLS)
    if not len(cells.reach):
        msg = "find_spill: no place on the network lies above all stations that saw the spill"
        raise TraceError(msg, fix="check where the stations are, or leave out those another spill passed")
    points, names, prior = _points(sources, network)
    whole = Cells(*(np.concatenate([getattr(cells, n), getattr(points, n)]) for n in ("reach", "from_m", "to_m")))
    width = cells.to_m - cells.from_m
    free = unregistered_share if len(names) else 1.0
    start = np.concatenate([free * width / width.sum(), (1.0 - free) * prior])
    posterior, ages, mass, arriving = _judge(
        rows, stations, whole, start, network=network, options=(velocity_sd, flow_ratio, most_h)
    )
    return build_spill(
        rows, network, whole, posterior, ages_h=ages, mass=mass, arriving=arriving, source_ids=names, start=start
    )


def _judge(
    rows: pd.DataFrame,
    stations: list[Reached],
    cells: Cells,
    start: Reals,
    *,
    network: Network,
    options: tuple[float, float, float],
) -> tuple[Reals, Reals, tuple[Reals, Reals, Reals], Reals]:
    """Return the posterior by place and age, the ages, ln mass (mean, sd, share by offset), and the share arriving."""
    velocity_sd, flow_ratio, most_h = options
    ways = np.stack([station.judge(network, cells)[0] for station in stations])
    arriving = np.stack([station.judge(network, cells)[1] for station in stations])
    saw = np.flatnonzero(rows["is_seen"].to_numpy())
    possible = np.isfinite(ways[saw]).all(axis=0) & (ways[saw] <= most_h).all(axis=0)
    nearest = int(np.argmin(np.where(possible, ways[saw].sum(axis=0), np.inf)))
    order = saw[np.lexsort((rows["station_id"].to_numpy(dtype=object)[saw], ways[saw, nearest]))]
    between = np.maximum(np.diff(ways[order, nearest]), 1e-4)
    seen = _passages(rows.iloc[order], flow_ratio)
    longest = min(most_h, float(ways[order[0], possible].max()) * np.exp(4.0 * velocity_sd) + seen.clock_h)
    lowest = max(-float(np.nanmin(seen.peak_h)) + seen.clock_h, seen.clock_h)
    ages = np.geomspace(lowest, max(longest, 1.5 * lowest), _AGES)
    fit, mean, sd, offset_share = judge_times(seen, ages)
    said = np.full((len(start), len(ages)), -np.inf)
    said[possible] = first_way(seen, between, ages, np.maximum(ways[order[0], possible], 1e-4), velocity_sd=velocity_sd)
    with np.errstate(divide="ignore"):
        total = said + (fit + np.log(ages))[None, :] + np.log(start)[:, None]
    first_share = np.where(arriving[order[0]] > 0, arriving[order[0]], 1.0)
    for at in np.flatnonzero(~rows["is_seen"].to_numpy()):
        limit = float(rows["detection_limit_mgl"].iloc[at] * rows["flow_m3s"].iloc[at])
        total = total + _unseen(limit, ways[at], arriving[at] / first_share, mean.mean(axis=1))
    posterior = np.exp(total - total.max())
    return posterior / posterior.sum(), ages, (mean, sd, offset_share), first_share


def _passages(rows: pd.DataFrame, flow_ratio: float) -> Passages:
    first = rows["peak_at"].iloc[0]
    hours = {name: ((rows[name] - first) / pd.Timedelta(hours=1)).to_numpy(dtype=float) for name in _TIMES}
    load = (rows["peak_mgl"] * rows["flow_m3s"]).to_numpy(dtype=float)
    return Passages(
        hours["peak_at"], hours["first_at"], hours["last_at"], load, flow_ratio, float(rows["clock_h"].max())
    )


def _unseen(limit_gs: float, ways: Reals, share: Reals, log_mass: Reals) -> Reals:
    """Return the log probability that a station saw nothing, by place and age; 0 where nothing can be said."""
    met = np.isfinite(ways) & (share > 0)
    if not (limit_gs > 0 and np.isfinite(log_mass).all()):
        return np.zeros((len(ways), len(log_mass)))
    unit = predict_pulse(np.where(met, np.maximum(ways, 1e-4), 1.0))["unit_peak_per_s"].to_numpy()
    load = np.log(np.where(met, share * unit, 1.0))[:, None] + log_mass[None, :]
    missed = ndtr((np.log(limit_gs) - load) / _UNSEEN_SD)
    return np.where(met[:, None], np.log(_MISSED + (1.0 - _MISSED) * missed), 0.0)


def _points(sources: gpd.GeoDataFrame | None, network: Network) -> tuple[Cells, list[str], Reals]:
    """Return where registered sources enter, their names and their probability before, which sums to 1."""
    nowhere = Cells(np.zeros(0, dtype=np.int64), np.zeros(0), np.zeros(0))
    if sources is None or not len(sources):
        return nowhere, [], np.zeros(0)
    known = to_crs(check(sources, "sources"), network.crs, where="sources").sort_values("source_id", ignore_index=True)
    places = locate(known, network)
    if places.empty:
        return nowhere, [], np.zeros(0)
    told = known["prior_share"] if "prior_share" in known.columns else pd.Series(1.0, index=known.index)
    prior = pd.Series(told.to_numpy(dtype=float), index=known["source_id"].astype("object"))
    rows, along = network.find_places(places["reach_id"], places["along_m"])
    weight = places["place_share"].to_numpy(dtype=float)
    names = places["point_id"].astype("object")
    weight = weight / names.map(pd.Series(weight).groupby(names.to_numpy()).sum()).to_numpy(dtype=float)
    weight = weight * prior.reindex(names).to_numpy(dtype=float)
    return Cells(rows, along, along), names.tolist(), weight / weight.sum()


def _checked(passages: pd.DataFrame, *, numbers: tuple[float, float, float], share: float) -> pd.DataFrame:
    """Return the passages with every column the method reads, in the order of their names."""
    problems = [
        Problem(name, "the column is missing", "one row per station")
        for name in ("station_id", "reach_id", "along_m", "peak_at", "peak_mgl")
        if name not in passages.columns
    ]
    named = zip(("velocity_sd", "flow_ratio", "most_h"), numbers, strict=True)
    problems += [Problem(n, f"{v!r} is not above 0", "give a number above 0") for n, v in named if not v > 0]
    if not 0 <= share <= 1:
        problems.append(Problem("unregistered_share", f"{share!r} is not a share", "give a number from 0 to 1"))
    for name in _TIMES:
        if name in passages.columns and not isinstance(passages[name].dtype, pd.DatetimeTZDtype):
            problems.append(Problem(name, f"is {passages[name].dtype}, not times with a zone", "use tz_localize"))
    if problems:
        msg = f"find_spill: {len(problems)} problem{'s' if len(problems) > 1 else ''}"
        raise TraceError(msg, problems)
    rows = passages.copy()
    for name, value in _OPTIONAL.items():
        if name not in rows.columns:
            rows[name] = value
    for name in _TIMES[1:]:
        if name not in rows.columns:
            rows[name] = pd.Series(pd.NaT, index=rows.index, dtype="datetime64[us, UTC]")
    rows["clock_h"] = rows["clock_h"].fillna(_OPTIONAL["clock_h"])
    is_seen = rows["peak_at"].notna() & ~(rows["peak_mgl"] <= 0)
    if not is_seen.any():
        msg = "find_spill: no station saw the spill"
        raise TraceError(msg, fix="give at least one row with peak_at")
    return rows.assign(is_seen=is_seen).sort_values("station_id", ignore_index=True)
