"""How noisy is a sensor, from its own readings: white noise, and a level that wanders along the river."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import nnls

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Noise", "measure_noise"]

_MAD = 1.4826
_LAGS = (1, 2, 3, 4, 6, 8, 11, 16)
_REACH_M = 130.0
# The least a river is taken to wander: over this length as much as one reading is uncertain.
_LEVEL_M = 1500.0


@dataclass(frozen=True, slots=True)
class Noise:
    """Noise of one sensor.

    Parameters
    ----------
    white : float
        Standard deviation of one reading about the level.
    wander : float
        Standard deviation of the change of the level over one metre; it grows with the root of the distance.
    """

    white: float
    wander: float


def measure_noise(values: NDArray[np.float64], counts: NDArray[np.float64], width_m: float) -> Noise | None:
    """Return the noise of one sensor, from the medians of its differences, so that plumes hardly count.

    Parameters
    ----------
    values, counts : array of float, n
        Bins of one run: mean, and readings in it.
    width_m : float
        Width of a bin.

    Returns
    -------
    Noise or None
        None where the readings do not vary or are too few. At least a third of the resolution of the readings.

    Examples
    --------
    >>> import numpy as np
    >>> noise = measure_noise(np.random.default_rng(0).normal(0, 2, 4000), np.ones(4000), 8.0)
    >>> round(noise.white, 1), noise.wander < 0.1, measure_noise(np.ones(50), np.ones(50), 8.0)
    (2.0, True, None)
    """
    is_read = np.isfinite(values) & (counts > 0)
    if is_read.sum() < 12:
        return None
    moved = np.abs(np.diff(np.sort(values[is_read])))
    moved = moved[moved > 1e-9 * max(1.0, float(np.max(np.abs(values[is_read]))))]
    if not len(moved):
        return None
    per = float(np.median(counts[is_read]))
    rows, seen, weights = [], [], []
    for lag in _LAGS:
        both = is_read[lag:] & is_read[:-lag]
        if lag * width_m > max(_REACH_M, 4.5 * width_m) or both.sum() < 10:
            continue
        change = (values[lag:] - values[:-lag])[both]
        spread = _MAD * float(np.median(np.abs(change - np.median(change))))
        rows.append([2.0 / per, lag * width_m])
        seen.append(spread**2)
        weights.append(1.0 / max(spread**2, 1e-30))
    if not rows:
        return None
    weight = np.array(weights)[:, None]
    scale = np.array([1.0, 1.0 / width_m])
    solved, _ = nnls(np.array(rows) * weight * scale, np.array(seen) * weight[:, 0])
    white2, wander2 = solved * scale
    least = float(np.min(moved)) / 3 if per <= 1.5 else float(np.min(moved)) / 10
    white2 = max(white2, least**2, 0.05 * per * wander2 * width_m)
    wander2 = max(wander2, white2 / per / _LEVEL_M)
    return Noise(float(np.sqrt(white2)), float(np.sqrt(wander2)))
