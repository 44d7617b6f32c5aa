"""How sure is a position in each direction: error ellipses as covariances, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ellipse_of", "read_covariance", "sigma_of"]

_LEAST_M = 0.02
_UNKNOWN_M = 10.0


def sigma_of(table: pd.DataFrame) -> NDArray[np.float64]:
    """Return the sigma of each position in metres; 10 (our default) where nobody said.

    Parameters
    ----------
    table : DataFrame, n rows
        With ``sigma_m``.

    Returns
    -------
    array of float, n
    """
    return pd.to_numeric(table["sigma_m"]).fillna(_UNKNOWN_M).clip(lower=_LEAST_M).to_numpy(dtype=float)


def read_covariance(table: pd.DataFrame) -> NDArray[np.float64]:
    """Return the covariance of each position (east, north) in square metres: its ellipse, else a circle.

    Parameters
    ----------
    table : DataFrame, n rows
        ``sigma_m`` and, where known, ``sigma_major_m``, ``sigma_minor_m``, ``major_azimuth_deg``.

    Returns
    -------
    array of float, n x 2 x 2

    Examples
    --------
    >>> told = {"sigma_m": [3.0], "sigma_major_m": [4.0], "sigma_minor_m": [1.0], "major_azimuth_deg": [90.0]}
    >>> read_covariance(pd.DataFrame(told)).round(9).tolist()
    [[[16.0, 0.0], [0.0, 1.0]]]
    """
    missing = pd.Series(np.nan, index=table.index)
    sigma = sigma_of(table)
    names = ("sigma_major_m", "sigma_minor_m", "major_azimuth_deg")
    major, minor, azimuth = (pd.to_numeric(table.get(name, missing)).to_numpy(dtype=float) for name in names)
    is_round = ~np.isfinite(major) | ~np.isfinite(minor) | ~np.isfinite(azimuth)
    major, minor = (np.where(is_round, sigma, np.maximum(part, _LEAST_M)) for part in (major, minor))
    turn = np.radians(np.where(is_round, 0.0, azimuth))
    along = np.column_stack([np.sin(turn), np.cos(turn)])
    across = np.column_stack([np.cos(turn), -np.sin(turn)])
    return (
        along[:, :, None] * along[:, None, :] * (major**2)[:, None, None]
        + across[:, :, None] * across[:, None, :] * (minor**2)[:, None, None]
    )


def ellipse_of(covariance: NDArray[np.float64]) -> pd.DataFrame:
    """Return the ellipses of covariances, one row each.

    Parameters
    ----------
    covariance : array of float, n x 2 x 2
        East and north, square metres.

    Returns
    -------
    DataFrame, n rows
        ``sigma_m`` (each direction), ``sigma_major_m``, ``sigma_minor_m``, ``major_azimuth_deg``.

    Examples
    --------
    >>> ellipse_of(np.array([[[16.0, 0.0], [0.0, 1.0]]])).round(3).to_dict("records")
    [{'sigma_m': 2.915, 'sigma_major_m': 4.0, 'sigma_minor_m': 1.0, 'major_azimuth_deg': 90.0}]
    """
    east, north, both = covariance[:, 0, 0], covariance[:, 1, 1], covariance[:, 0, 1]
    middle, spread = (east + north) / 2, np.hypot((east - north) / 2, both)
    return pd.DataFrame(
        {
            "sigma_m": np.sqrt(middle),
            "sigma_major_m": np.sqrt(middle + spread),
            "sigma_minor_m": np.sqrt(np.maximum(middle - spread, 0)),
            "major_azimuth_deg": np.degrees(np.arctan2(2 * both, north - east)) / 2 % 180,
        }
    )
