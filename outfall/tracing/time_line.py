"""Which meter does the outfall follow: readings of sources against the signal of a monitor, delayed and smeared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pandas as pd
from scipy.special import softmax

from outfall.errors import Problem, TraceError
from outfall.tracing.candidate_rows import UNREGISTERED
from outfall.tracing.texts import say
from outfall.tracing.time_line_model import Answer, find_answer, make_prior

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["compare_series"]

Reals: TypeAlias = "NDArray[np.float64]"
Points: TypeAlias = "tuple[Reals, Reals]"

_LEAST = 24
_MOST_CELLS = 20_000
_COLUMNS = ["suspect_id", "log_lr", "posterior_share", "rank", "delay_h", "delay_low_h", "delay_high_h"]


def compare_series(
    signal: pd.Series,
    suspects: Mapping[str, pd.Series] | pd.DataFrame,
    *,
    travel_h: float | Mapping[str, float] | None = None,
    travel_sd: float = 0.35,
    most_h: float = 12.0,
    prior_share: Mapping[str, float] | None = None,
    unregistered_share: float = 0.15,
) -> pd.DataFrame:
    """Return which of several meters the signal of an outfall follows, with probabilities and reasons.

    The signal is its own daily cycle and trend, noise with a memory, and perhaps a suspect's meter, delayed by the
    water's way and smeared by mixing. How much, how late and how smeared is not known and summed over; every value
    that is missing is left out. What is compared is the signal without each suspect, so that two things with the same
    daily cycle are not evidence. A source nobody registered is always among the suspects: nobody's meter is followed.

    Parameters
    ----------
    signal : Series of float, indexed by tz-aware time
        What a monitor at the outfall read; any unit.
    suspects : mapping of str to Series, or DataFrame with one column per suspect
        What meters of the suspects read (flow, energy, ...), indexed by tz-aware time; any unit.
    travel_h : float or mapping of suspect to float, hours, optional
        Delay by hydraulics; a suspect without one has any delay up to ``most_h``.
    travel_sd : float, default 0.35
        Error of ``travel_h``, natural log (our default).
    most_h : float, hours, default 12
        Longest delay thought of where hydraulics says nothing.
    prior_share : mapping of suspect to float, optional
        Probability before the comparison; equal by default.
    unregistered_share : float, default 0.15
        Probability before the comparison that it is none of them (our default).

    Returns
    -------
    DataFrame, one row per suspect in the order given, then ``unregistered``
        ``suspect_id``, ``log_lr`` (against nobody's meter), ``posterior_share`` (sums to 1), ``rank``, ``delay_h`` with
        ``delay_low_h`` and ``delay_high_h`` (90 %), ``reason``, ``reason_zh``, ``source_ref``. A suspect whose series
        cannot be compared has a ratio of 1 and no delay.

    Raises
    ------
    TraceError
        Times are naive or not times, values are not numbers, or a share, delay or error cannot be used.

    Examples
    --------
    >>> times = pd.date_range("2026-04-12", periods=288, freq="10min", tz="UTC")
    >>> on = pd.Series(np.arange(288) // 7 % 3 == 1, index=times).astype(float)
    >>> other = pd.Series(np.arange(288) // 11 % 2, index=times).astype(float)
    >>> seen = 3.0 + on.shift(4, fill_value=0.0) + 0.2 * np.sin(np.arange(288) * 1.7)
    >>> compare_series(seen, {"S1": on, "S2": other})[["suspect_id", "rank"]].to_dict("list")
    {'suspect_id': ['S1', 'S2', 'unregistered'], 'rank': [1, 2, 3]}
    """
    names = [str(name) for name in suspects]
    given = {str(name): suspects[name] for name in suspects}
    delays = _by_name(travel_h, names)
    _check(signal, given, delays, (travel_sd, most_h, unregistered_share), prior_share)
    seen = _points(signal)
    parts = [
        _compare(seen, _points(given[name]), delay_h=delays[name], travel_sd=travel_sd, most_h=most_h) for name in names
    ]
    prior = np.array([1.0 if prior_share is None else float(prior_share.get(name, 0.0)) for name in names])
    scale = prior.sum()
    prior = np.append(prior / scale * (1.0 - unregistered_share) if scale > 0 else prior, unregistered_share)
    log_lr = np.array([part[0] for part in parts] + [0.0])
    with np.errstate(divide="ignore"):
        share = softmax(np.log(prior) + log_lr) if prior.sum() > 0 else np.append(prior[:-1], 1.0)
    frame = pd.DataFrame([*parts, (0.0, np.nan, np.nan, np.nan)], columns=[_COLUMNS[1], *_COLUMNS[4:]])
    order = np.lexsort((np.array([*names, UNREGISTERED], dtype=object), -share))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(1, len(order) + 1)
    frame = frame.assign(suspect_id=[*names, UNREGISTERED], posterior_share=share, rank=rank)[_COLUMNS]
    texts = [_text(row) for row in frame.itertuples(index=False)]
    return frame.assign(
        reason=[text[0] for text in texts],
        reason_zh=[text[1] for text in texts],
        source_ref=[f"compare_series({signal.name or 'signal'};{name})" for name in frame["suspect_id"]],
    )


def _compare(
    signal: Points, suspect: Points, *, delay_h: float, travel_sd: float, most_h: float
) -> tuple[float, float, float, float]:
    """Return the log ratio, the delay and its 90 % interval, in hours; NaN where nothing can be compared."""
    nothing = (0.0, np.nan, np.nan, np.nan)
    step_h = _step_h(signal[0])
    if not np.isfinite(step_h):
        return nothing
    reach_h = delay_h * np.exp(2.5 * travel_sd) if np.isfinite(delay_h) else most_h
    grids = _on_grid(signal, suspect, step_h, reach_h)
    if grids is None:
        return nothing
    prior = make_prior(delay_h / step_h, log_sd=travel_sd, most=most_h / step_h)
    found = find_answer(*grids, prior, steps_per_day=24.0 / step_h)
    if found.log_lr == 0.0:
        return nothing
    low, middle, high = _quantiles(found, [0.05, 0.5, 0.95]) * step_h
    return found.log_lr, middle, low, high


def _points(series: pd.Series) -> Points:
    """Return times in hours and values, in the order of time, without what is missing."""
    values = series.to_numpy(dtype=float, na_value=np.nan)
    hours = pd.DatetimeIndex(series.index).as_unit("ns").asi8 / 3.6e12
    kept = np.isfinite(values) & ~np.asarray(series.index.isna())
    order = np.lexsort((values[kept], hours[kept]))
    return hours[kept][order], values[kept][order]


def _step_h(hours: Reals) -> float:
    """Return the usual step of a series in hours, made coarser where it is longer than the method needs."""
    gaps = np.diff(hours)
    gaps = gaps[gaps > 0]
    if len(hours) < _LEAST or not len(gaps):
        return float("nan")
    return max(round(float(np.median(gaps)), 9), float(hours[-1] - hours[0]) / _MOST_CELLS)


def _on_grid(signal: Points, suspect: Points, step_h: float, reach_h: float) -> tuple[Reals, Reals] | None:
    """Return both series on one regular grid: means of a step; what a slow meter read holds until it reads again."""
    own_h = _step_h(suspect[0])
    if not np.isfinite(own_h):
        return None
    start = max(signal[0][0] - reach_h, suspect[0][0])
    stop = min(signal[0][-1], suspect[0][-1] + reach_h)
    count = int((stop - start) / step_h + 1e-6) + 1 if stop > start else 0
    if count < _LEAST:
        return None
    cells = [_average(points, start, step_h, count) for points in (signal, suspect)]
    held = pd.Series(cells[1]).ffill(limit=max(1, int(np.ceil(1.5 * own_h / step_h))))
    return cells[0], held.to_numpy(dtype=float)


def _average(points: Points, start: float, step_h: float, count: int) -> Reals:
    cell = np.floor((points[0] - start) / step_h + 1e-4)
    inside = (cell >= 0) & (cell < count)
    at = cell[inside].astype(np.int64)
    total = np.bincount(at, points[1][inside], minlength=count)
    number = np.bincount(at, minlength=count)
    return np.asarray(np.where(number > 0, total / np.maximum(number, 1), np.nan))


def _quantiles(found: Answer, shares: list[float]) -> Reals:
    order = np.argsort(found.delays, kind="stable")
    total = np.cumsum(found.share[order])
    return np.asarray(found.delays[order][np.minimum(np.searchsorted(total, shares), len(order) - 1)])


def _text(row: object) -> tuple[str, str]:
    figures = {
        "delay": getattr(row, "delay_h", 0.0),
        "low": getattr(row, "delay_low_h", 0.0),
        "high": getattr(row, "delay_high_h", 0.0),
        "factor": float(np.exp(min(abs(getattr(row, "log_lr", 0.0)), 6.9))),
    }
    if getattr(row, "suspect_id", "") == UNREGISTERED:
        return say("time", "nobody", figures)
    if not np.isfinite(figures["delay"]):
        return say("time", "blind", figures)
    return say("time", "follows" if getattr(row, "log_lr", 0.0) > 0.0 else "not", figures)


def _by_name(values: float | Mapping[str, float] | None, names: list[str]) -> dict[str, float]:
    if isinstance(values, Mapping):
        told = {str(name): value for name, value in values.items()}
        return {name: float(told.get(name, np.nan)) for name in names}
    return dict.fromkeys(names, float("nan") if values is None else float(values))


def _check(
    signal: pd.Series,
    suspects: dict[str, pd.Series],
    delays: dict[str, float],
    numbers: tuple[float, float, float],
    prior_share: Mapping[str, float] | None,
) -> None:
    problems = [found for name, series in {"signal": signal, **suspects}.items() for found in _doubts(name, series)]
    travel_sd, most_h, share = numbers
    problems += [
        Problem("travel_h", f"{delay!r} for {name!r}", "give hours of 0 or more")
        for name, delay in delays.items()
        if delay < 0 or np.isinf(delay)
    ]
    for name, number in (("travel_sd", travel_sd), ("most_h", most_h)):
        if not (number > 0 and np.isfinite(number)):
            problems.append(Problem(name, f"{number!r} is not above 0", "give a number above 0"))
    if not 0 <= share <= 1:
        problems.append(Problem("unregistered_share", f"{share!r} is not a share", "give a number from 0 to 1"))
    for name, value in (prior_share or {}).items():
        if name not in suspects or not (value >= 0 and np.isfinite(value)):
            problems.append(Problem("prior_share", f"{value!r} for {name!r}", "give shares of 0 or more by suspect"))
    if problems:
        msg = f"compare_series: {len(problems)} problem{'s' if len(problems) > 1 else ''}"
        raise TraceError(msg, problems)


def _doubts(name: str, series: pd.Series) -> list[Problem]:
    """Return what makes a series no series of numbers in time."""
    problems, index = [], series.index
    if not isinstance(index, pd.DatetimeIndex) or index.tz is None:
        problems.append(Problem(name, f"its index is {index.dtype}, not a time with a zone", "use tz_localize"))
    if not (pd.api.types.is_numeric_dtype(series) and not pd.api.types.is_complex_dtype(series)):
        problems.append(Problem(name, f"its values are {series.dtype}, not numbers", "convert them first"))
    elif np.isinf(series.to_numpy(dtype=float, na_value=np.nan)).any():
        problems.append(Problem(name, "a value is infinite", "leave it missing"))
    return problems
