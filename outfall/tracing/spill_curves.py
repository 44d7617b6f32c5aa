"""What passed a station: peak, leading edge and end of a curve that rose above its background."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pandas as pd

from outfall.errors import Problem, TraceError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["find_passages"]

Reals: TypeAlias = "NDArray[np.float64]"

_COLUMNS = (
    "station_id",
    "first_at",
    "peak_at",
    "last_at",
    "peak_mgl",
    "background_mgl",
    "detection_limit_mgl",
    "clock_h",
    "source_ref",
)
_LEAST, _CALM_SHARE, _RISE, _EDGE, _END = 8, 0.15, 6.0, 0.03, 0.1


def find_passages(curves: Mapping[str, pd.Series]) -> pd.DataFrame:
    """Return the highest passage of each station's curve, above the background before it.

    The background is the median of the calm before the rise; a passage must rise six times the noise of the calm above
    it (our default), else the station saw nothing, and that level is its detection limit.

    Parameters
    ----------
    curves : mapping of station to Series of float, mg/L, indexed by tz-aware time
        What the stations read; any order, missing values left out.

    Returns
    -------
    DataFrame, one row per station in the order given
        ``station_id``, ``first_at`` (above 3 % of the peak for good), ``peak_at``, ``last_at`` (back at a tenth; missing
        where the curve ends before), ``peak_mgl``, ``background_mgl``, ``detection_limit_mgl``, ``clock_h`` (half a
        step), ``source_ref``. Add ``reach_id``, ``along_m`` and ``flow_m3s`` for `find_spill`.

    Raises
    ------
    TraceError
        A curve has fewer than 8 values, or times without a zone.

    Examples
    --------
    >>> times = pd.date_range("2026-04-12", periods=60, freq="10min", tz="UTC")
    >>> level = 0.2 + np.exp(-(((np.arange(60) - 30) / 5.0) ** 2))
    >>> found = find_passages({"M1": pd.Series(level, index=times)})
    >>> str(found["peak_at"].iloc[0]), round(float(found["peak_mgl"].iloc[0]), 2)
    ('2026-04-12 05:00:00+00:00', 1.0)
    """
    problems = []
    for name, curve in curves.items():
        if not isinstance(curve.index, pd.DatetimeIndex) or curve.index.tz is None:
            problems.append(
                Problem(str(name), f"its index is {curve.index.dtype}, not times with a zone", "tz_localize")
            )
        elif curve.notna().sum() < _LEAST:
            problems.append(
                Problem(str(name), f"{curve.notna().sum()} values, at least {_LEAST} are needed", "leave it out")
            )
    if problems:
        msg = f"find_passages: {len(problems)} problem{'s' if len(problems) > 1 else ''}"
        raise TraceError(msg, problems)
    rows = [_passage(str(name), curve.dropna().sort_index()) for name, curve in curves.items()]
    frame = pd.DataFrame(rows, columns=list(_COLUMNS))
    for name in ("first_at", "peak_at", "last_at"):
        frame[name] = pd.to_datetime(frame[name], utc=True)
    return frame


def _passage(name: str, curve: pd.Series) -> tuple[object, ...]:
    level, times = curve.to_numpy(dtype=float), pd.DatetimeIndex(curve.index)
    top = int(np.argmax(level))
    before = level[: max(top, 1)]
    calm = before[: max(5, int(np.ceil(_CALM_SHARE * len(before))))]
    background = float(np.median(calm))
    noise = 1.4826 * float(np.median(np.abs(calm - background)))
    step_h = float(np.median(np.diff(times.as_unit("ns").asi8)) / 3.6e12)
    limit, peak, ref = _RISE * noise, level[top] - background, f"find_passages({name})"
    if not peak > max(limit, 0.0):
        return (name, pd.NaT, pd.NaT, pd.NaT, np.nan, background, limit or np.nan, 0.5 * step_h, ref)
    rise = level - background
    below = np.flatnonzero(rise[:top] <= max(_EDGE * peak, 2.0 * noise))
    first = times[below[-1] + 1] if len(below) else pd.NaT
    after = np.flatnonzero(rise[top:] <= _END * peak)
    last = times[top + after[0]] if len(after) else pd.NaT
    return (name, first, times[top], last, peak, background, limit or np.nan, 0.5 * step_h, ref)
