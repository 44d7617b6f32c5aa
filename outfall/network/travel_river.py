"""How fast a pollutant's peak and leading edge move down a river, from drainage area, slope and flow (Jobson 1996)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from outfall.errors import NetworkError, Problem

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["predict_pulse", "predict_velocities", "scale_velocities"]

_GRAVITY_MS2 = 9.80665
_M2_PER_KM2 = 1e6

# Regressions of Jobson (1996): intercept, factor, exponents of D'a, Q'a and slope; then those of the envelope.
_WITH_SLOPE = (0.094, 0.0143, 0.919, -0.469, 0.159)
_WITH_SLOPE_FASTEST = (0.25, 0.02)
_WITHOUT_SLOPE = (0.020, 0.051, 0.821, -0.465, 0.0)
_WITHOUT_SLOPE_FASTEST = (0.2, 0.093)
_LEADING = 0.890
_PEAK = (857.0, -0.760, -0.079)
_PASSAGE_S = 2e6


def predict_velocities(
    flow_m3s: ArrayLike, *, mean_flow_m3s: ArrayLike, upstream_km2: ArrayLike, slope_share: ArrayLike = np.nan
) -> pd.DataFrame:
    """Return the most probable and the fastest probable velocity of a pollutant's peak, by Jobson's regression.

    A regression over some 980 reaches of 90 rivers of the United States: our default where nothing was measured, not a
    rule of any standard. Where the slope is missing or not above 0 the form without slope is used.

    Parameters
    ----------
    flow_m3s : array of float, n values, m3/s
        Flow of the day.
    mean_flow_m3s : array of float, n values, m3/s
        Mean annual flow at the same places.
    upstream_km2 : array of float, n values, km2
        Drainage area at the same places.
    slope_share : array of float, n values, optional
        Fall per length.

    Returns
    -------
    DataFrame, n rows
        ``velocity_ms`` (most probable), ``fastest_ms`` (exceeded by about 1 % of the reaches), ``has_slope``; NaN where
        a flow or an area is missing or not above 0.

    References
    ----------
    .. [1] Jobson, H. E. (1996), Prediction of traveltime and longitudinal dispersion in rivers and streams, USGS
       Water-Resources Investigations Report 96-4013.

    Examples
    --------
    >>> predict_velocities([7.0], mean_flow_m3s=[7.0], upstream_km2=[190.0], slope_share=[0.002]).round(2).to_dict("list")
    {'velocity_ms': [0.4], 'fastest_ms': [0.67], 'has_slope': [True]}
    >>> len(predict_velocities([], mean_flow_m3s=[], upstream_km2=[]))
    0
    """
    flow, mean, area, slope = (
        np.atleast_1d(item)
        for item in np.broadcast_arrays(*map(_numbers, (flow_m3s, mean_flow_m3s, upstream_km2, slope_share)))
    )
    known = (flow > 0) & (mean > 0) & (area > 0)
    has_slope = known & (slope > 0)
    flow, mean, area = (np.where(known, item, np.nan) for item in (flow, mean, area * _M2_PER_KM2))
    slope = np.where(has_slope, slope, 1.0)
    size = area**1.25 * np.sqrt(_GRAVITY_MS2) / mean
    relative = flow / mean
    out = {}
    for name, intercepts in (("velocity_ms", None), ("fastest_ms", (_WITH_SLOPE_FASTEST, _WITHOUT_SLOPE_FASTEST))):
        forms = []
        for at, (start, factor, power, of_flow, of_slope) in enumerate((_WITH_SLOPE, _WITHOUT_SLOPE)):
            first, second = intercepts[at] if intercepts else (start, factor)
            forms.append(first + second * size**power * relative**of_flow * slope**of_slope * flow / area)
        out[name] = np.where(has_slope, *forms)
    return pd.DataFrame({**out, "has_slope": has_slope})


def scale_velocities(velocity_ms: ArrayLike, *, flow_ratio: ArrayLike) -> NDArray[np.float64]:
    """Return the velocity at another flow than the one it belongs to.

    The part above 0.094 m/s, Jobson's velocity of a river that hardly flows, grows with the flow to the power 0.531,
    as in his regression; slower water keeps its share. Our use of his exponents, not a rule of any standard.

    Parameters
    ----------
    velocity_ms : array of float, n values, m/s
        Velocity at mean flow.
    flow_ratio : array of float, n values
        Flow of the day over mean flow.

    Returns
    -------
    ndarray of float, m/s
        NaN where an input is missing.

    Examples
    --------
    >>> scale_velocities([0.5, 0.05], flow_ratio=1.0).tolist()
    [0.5, 0.05]
    """
    velocity, ratio = np.broadcast_arrays(_numbers(velocity_ms), _numbers(flow_ratio))
    still = np.minimum(velocity, _WITH_SLOPE[0])
    grown = np.where(ratio > 0, ratio, np.nan) ** (1.0 + _WITH_SLOPE[3])
    return np.asarray(np.where(velocity > _WITH_SLOPE[0], still + (velocity - still) * grown, velocity * grown))


def predict_pulse(peak_h: ArrayLike, *, flow_ratio: ArrayLike = 1.0) -> pd.DataFrame:
    """Return when the leading edge of a slug arrives, how high its peak is and how long it takes to pass.

    The unit peak is the peak concentration per mass and flow: mg/L = unit peak x grams / (m3/s). It is Jobson's curve for
    a mass that is not lost. The flow ratio stands in the exponent of the travel time; a public program has it as a
    factor of its own. The two agree at mean flow; at other flows the form is our reading.

    Parameters
    ----------
    peak_h : array of float, n values, hours
        Travel time of the peak since the release, above 0.
    flow_ratio : array of float, n values, default 1
        Flow over mean annual flow, above 0.

    Returns
    -------
    DataFrame, n rows
        ``leading_h``, ``peak_h``, ``trailing_h`` (concentration back at a tenth of the peak), ``unit_peak_per_s``. NaN
        where an input is missing or not above 0.

    References
    ----------
    .. [1] Jobson, H. E. (1996), USGS Water-Resources Investigations Report 96-4013.

    Examples
    --------
    >>> predict_pulse([2.0]).round(5).to_dict("list")
    {'leading_h': [1.78], 'peak_h': [2.0], 'trailing_h': [2.87782], 'unit_peak_per_s': [0.00051]}
    """
    peak, ratio = (np.atleast_1d(item) for item in np.broadcast_arrays(_numbers(peak_h), _numbers(flow_ratio)))
    peak = np.where((peak > 0) & (ratio > 0), peak, np.nan)
    factor, power, of_flow = _PEAK
    unit = factor * peak ** (power * np.where(ratio > 0, ratio, np.nan) ** of_flow)
    leading = _LEADING * peak
    return pd.DataFrame(
        {
            "leading_h": leading,
            "peak_h": peak,
            "trailing_h": leading + _PASSAGE_S / unit / 3600.0,
            "unit_peak_per_s": unit * 1e-6,
        }
    )


def _numbers(values: ArrayLike) -> NDArray[np.float64]:
    try:
        return np.asarray(values, dtype=float)
    except (TypeError, ValueError) as error:
        problem = Problem("values", f"{error}", "give numbers")
        msg = "predict_velocities"
        raise NetworkError(msg, [problem]) from error
