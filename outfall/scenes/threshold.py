"""Where does water begin: a threshold between two modes if there are two, else the published one, and which of both it was."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Threshold", "find_threshold", "otsu", "separation"]

# Our defaults (no standard): two modes are two from Ashman's D of 2 on, if the smaller holds a twentieth and water lies above the published threshold.
_LEAST_D = 2.0
_LEAST_SHARE = 0.05
_LEAST_PIXELS = 200
_EDGE_SHARE = 0.9
_NEAR_PX = 2


class Threshold(NamedTuple):
    """A threshold and how it came about."""

    value: float
    come_from: str
    reason: str
    reason_zh: str


def find_threshold(
    values: NDArray[np.float32], candidates: NDArray[np.bool_], *, published: float, is_free: bool
) -> Threshold:
    """Return the threshold between water and land for one index.

    A histogram of the whole scene fails where water is rare: the two largest classes are then two kinds of land. So only
    pixels about sharp edges inside the river's corridor are looked at, where water and bank are in balance.

    Parameters
    ----------
    values : float array, rows x columns
        The index; NaN where it has no value.
    candidates : bool array
        Usable pixels of the corridor.
    published : float
        Threshold of the literature.
    is_free : bool
        Whether the scene may be asked at all (a corridor is known); else the published one is taken.

    Returns
    -------
    Threshold
        From ``modes`` or from ``literature``, with the reason.
    """
    if not is_free:
        return _fallen(published, "no river network given", "未提供河网")
    sample = _edge_sample(values, candidates)
    if len(sample) < _LEAST_PIXELS:
        return _fallen(published, f"only {len(sample)} pixels at edges", f"边缘像元仅{len(sample)}个")
    found = otsu(sample)
    low, high = sample[sample <= found], sample[sample > found]
    share = min(len(low), len(high)) / len(sample)
    apart = separation(low, high)
    if share < _LEAST_SHARE or not apart >= _LEAST_D:
        return _fallen(
            published,
            f"the modes do not separate (D {apart:.1f}, smaller one {share:.0%})",
            f"双峰不可分（D={apart:.1f}，小峰{share:.0%}）",
        )
    if not low.mean() < published < high.mean():
        return _fallen(published, f"both modes lie on one side of {published:g}", f"两峰均在{published:g}同侧")
    return Threshold(found, "modes", f"between two modes (D {apart:.1f})", f"双峰之间（D={apart:.1f}）")


def otsu(values: NDArray[np.floating]) -> float:
    """Return the value that divides a sample into the two classes with the largest variance between them.

    Parameters
    ----------
    values : float array
        A sample without NaN.

    Returns
    -------
    float
        Midway between the last value of the lower and the first of the upper class; NaN of an empty sample.

    Examples
    --------
    >>> otsu(np.array([0.0, 0.1, 0.1, 0.9, 1.0, 1.0]))
    0.5
    """
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    if len(ordered) < 2:
        return float(ordered[0]) if len(ordered) else float("nan")
    below = np.arange(1, len(ordered))
    sums = np.cumsum(ordered)
    gap = sums[:-1] / below - (sums[-1] - sums[:-1]) / (len(ordered) - below)
    between = below * (len(ordered) - below) * gap**2
    best = int(np.argmax(np.where(np.diff(ordered) > 0, between, -1.0)))
    return float((ordered[best] + ordered[best + 1]) / 2)


def separation(low: NDArray[np.floating], high: NDArray[np.floating]) -> float:
    """Return Ashman's D of two classes: the distance of their means in units of their joint spread.

    Parameters
    ----------
    low, high : float arrays
        The classes.

    Returns
    -------
    float
        Above 2 for classes that are apart; NaN where one is empty.

    Examples
    --------
    >>> separation(np.array([0.0, 0.2]), np.array([1.0, 1.2])) > 2
    True
    """
    if not len(low) or not len(high):
        return float("nan")
    spread = np.sqrt((np.var(low) + np.var(high)) / 2)
    return float(abs(np.mean(high) - np.mean(low)) / max(spread, 1e-12))


def _fallen(published: float, en: str, zh: str) -> Threshold:
    return Threshold(published, "literature", f"published threshold: {en}", f"采用文献阈值：{zh}")


def _edge_sample(values: NDArray[np.float32], candidates: NDArray[np.bool_]) -> NDArray[np.float32]:
    from scipy.ndimage import binary_dilation, gaussian_gradient_magnitude

    known = candidates & np.isfinite(values)
    if not known.any():
        return np.empty(0, np.float32)
    filled = np.where(np.isfinite(values), values, np.float32(np.median(values[known])))
    steep = gaussian_gradient_magnitude(filled, 0.8)
    edge = known & (steep >= np.quantile(steep[known], _EDGE_SHARE))
    return np.asarray(values[binary_dilation(edge, iterations=_NEAR_PX) & known])
