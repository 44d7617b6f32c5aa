"""Whether a concentration rises or falls over the years, non-detects included (censored Kendall's tau, Akritas-Theil-Sen)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from outfall.errors import Problem, TableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["find_trends"]

_YEAR_S = 365.2425 * 86400.0
_LEAST = 4
_COLUMNS = ("n", "n_below", "tau", "p_value", "slope_per_year", "reason", "reason_zh")


def find_trends(results: pd.DataFrame, *, by: Sequence[str] = ("parameter",)) -> pd.DataFrame:
    """Return Kendall's tau of results against time and the Akritas-Theil-Sen slope.

    A pair counts only where it is known which of the two is greater; a non-detect is never given a number. The slope
    is the one whose residuals no longer follow time.

    Parameters
    ----------
    results : DataFrame, n rows
        Contract ``results`` with taken_at. Not changed.
    by : sequence of str
        Columns that make a group.

    Returns
    -------
    DataFrame, one row per group
        The group, ``n``, ``n_below``, ``tau``, ``p_value`` (two-sided, normal, ties in the variance),
        ``slope_per_year`` in the unit of the parameter, ``reason`` and ``reason_zh``. Fewer than four usable results
        give no numbers.

    Raises
    ------
    TableError
        A column is missing.

    Examples
    --------
    >>> import pandas as pd
    >>> years = pd.to_datetime([f"{year}-06-01" for year in range(2018, 2026)], utc=True)
    >>> rising = pd.DataFrame({"parameter": "lead", "taken_at": years, "qualifier": "=", "value": range(1, 9),
    ...                        "detection_limit": float("nan")})
    >>> float(find_trends(rising)["tau"].iloc[0]), round(float(find_trends(rising)["slope_per_year"].iloc[0]), 2)
    (1.0, 1.0)
    """
    missing = [name for name in (*by, "taken_at") if name not in results.columns]
    if missing:
        problems = [Problem(name, "is not a column of the results", "join the samples first") for name in missing]
        msg = f"results: no column {', '.join(missing)}"
        raise TableError(msg, problems)
    keys = list(dict.fromkeys(by))
    rows = [
        {**dict(zip(keys, group, strict=True)), **_trend(found)} for group, found in results.groupby(keys, sort=True)
    ]
    return pd.DataFrame(rows, columns=[*keys, *_COLUMNS])


def _trend(results: pd.DataFrame) -> dict[str, object]:
    years = pd.to_datetime(results["taken_at"], utc=True)
    qualifier = results["qualifier"].to_numpy(dtype=object)
    value, limit = (pd.to_numeric(results[name]).to_numpy(dtype=float) for name in ("value", "detection_limit"))
    low = np.where(qualifier == "<", 0.0, value)
    high = np.where(qualifier == "<", limit, np.where(qualifier == ">", np.inf, value))
    known = years.notna().to_numpy() & ~np.isnan(low) & ~np.isnan(high)
    time = (years.array.as_unit("us").asi8 / 1e6 / _YEAR_S)[known]
    low, high = low[known], high[known]
    counts: dict[str, object] = {"n": int(known.sum()), "n_below": int((qualifier[known] == "<").sum())}
    empty = {"tau": np.nan, "p_value": np.nan, "slope_per_year": np.nan}
    if known.sum() < _LEAST or len(np.unique(time)) < 2:
        return {**counts, **empty, "reason": "fewer than four usable results", "reason_zh": "可用结果少于四个"}
    order = np.lexsort((high, low, time))
    time, low, high = time[order] - time.min(), low[order], high[order]
    score = _score(time, low, high)
    count = len(time)
    spread = np.sqrt(_variance(time, low, high))
    z = (abs(score) - 1) / spread if spread > 0 and score != 0 else 0.0
    tau = score / (count * (count - 1) / 2)
    p_value = _two_sided(max(z, 0.0))
    slope = _slope(time, low, high)
    reason = f"tau {tau:.2f}, p {p_value:.3g} from {count} results, {counts['n_below']} below limits"
    reason_zh = f"tau {tau:.2f}, p {p_value:.3g}; {count} 个结果, {counts['n_below']} 个未检出"
    figures = {"tau": tau, "p_value": p_value, "slope_per_year": slope, "reason": reason, "reason_zh": reason_zh}
    return {**counts, **figures}


def _signs(low: Floats, high: Floats) -> Floats:
    """Return +1 where the later is surely greater, -1 where surely smaller, else 0; a bound is open, a value is not."""
    point = low == high
    greater = (low[None, :] >= high[:, None]) & ~(point[None, :] & point[:, None] & (low[None, :] == high[:, None]))
    return greater.astype(float) - greater.T.astype(float)


def _score(time: Floats, low: Floats, high: Floats) -> float:
    return float(np.triu(_signs(low, high) * np.sign(time[None, :] - time[:, None]), 1).sum())


def _variance(time: Floats, low: Floats, high: Floats) -> float:
    """Return the variance of the score when time is shuffled, over the pairs that can be compared (exact)."""
    count = len(time)
    one, other = _signs(low, high), np.sign(time[None, :] - time[:, None])
    sums = [((matrix.sum(axis=1) ** 2).sum(), (matrix**2).sum()) for matrix in (one, other)]
    (a_row, a_square), (b_row, b_square) = sums
    pairs = count * (count - 1)
    triples = pairs * (count - 2)
    first = (a_row - a_square) * (b_row - b_square) / triples
    return float((first * 4 + a_square * b_square * 2 / pairs) / 4)


def _two_sided(z: float) -> float:
    from scipy.special import ndtr

    return float(2 * ndtr(-z))


def _slope(time: Floats, low: Floats, high: Floats) -> float:
    """Return the slope at which residuals no longer follow time, by halving."""
    spread = np.nanmax(np.where(np.isfinite(high), high, low)) - np.min(low)
    gaps = np.diff(np.unique(time))
    reach = (spread + 1e-12) / max(float(gaps.min()), 1e-6)
    ends = [-reach, reach]

    def score(slope: float) -> float:
        return _score(time, low - slope * time, high - slope * time)

    if score(ends[0]) <= 0 or score(ends[1]) >= 0:
        return float("nan")
    low_end, high_end = list(ends), list(ends)
    for _ in range(60):
        middle = sum(low_end) / 2
        low_end = [middle, low_end[1]] if score(middle) > 0 else [low_end[0], middle]
        middle = sum(high_end) / 2
        high_end = [high_end[0], middle] if score(middle) < 0 else [middle, high_end[1]]
    return (sum(low_end) + sum(high_end)) / 4
