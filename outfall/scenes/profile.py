"""How does a layer change along a river: one number per step, for the strip along each bank and for the whole width."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.ndimage import median_filter

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from outfall.scenes.strands import Strands

__all__ = ["LEFT", "RIGHT", "WHOLE", "Bins", "fill_profile", "make_bins"]

LEFT, RIGHT, WHOLE = 0, 1, 2
_MIDDLE_BINS = 15


class Bins(NamedTuple):
    """Steps along all strands in one line, with empty ones between strands so that no window runs into the next.

    Parameters
    ----------
    step_m : float
        Length of a step: a pixel.
    pad : int
        Empty steps before and after each strand.
    begin : int array, one per strand
        Number of its first step.
    total : int
        Of steps, empty ones included.
    strip : list of three tuples (pixels, steps)
        For the left strip, the right strip and the whole width: rows of the placed pixels, ordered by step, and their steps.
    """

    step_m: float
    pad: int
    begin: NDArray[np.int64]
    total: int
    strip: list[tuple[NDArray[np.int64], NDArray[np.int64]]]

    def at(self, strand: NDArray[np.int64], strand_m: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the step at a distance along a strand."""
        return self.begin[strand] + np.floor(np.asarray(strand_m) / self.step_m).astype(np.int64)


def make_bins(pixels: pd.DataFrame, strands: Strands, *, step_m: float, pad: int, strip_m: float) -> Bins:
    """Return the steps along strands and the pixels of each strip in each step.

    Parameters
    ----------
    pixels : DataFrame
        Of :func:`place_pixels`.
    strands : Strands
        Of the network.
    step_m : float
        Length of a step.
    pad : int
        Empty steps between strands.
    strip_m : float
        Pixels at most so far from a bank make its strip.

    Returns
    -------
    Bins
        Left and right are seen from the middle of the water, wherever the line was drawn.
    """
    counts = np.ceil(strands.length_m / step_m).astype(np.int64) + 1 + pad
    begin = pad + np.cumsum(counts) - counts
    total = int(pad + counts.sum())
    step = begin[pixels["strand"].to_numpy()] + np.floor(pixels["strand_m"].to_numpy() / step_m).astype(np.int64)
    off = pixels["off_m"].to_numpy()
    is_left = off > _middle(step, off, total)[step]
    near = pixels["bank_m"].to_numpy() <= strip_m
    strips = []
    for chosen in (near & is_left, near & ~is_left, np.ones(len(pixels), dtype=bool)):
        rows = np.flatnonzero(chosen)
        rows = rows[np.argsort(step[rows], kind="stable")]
        strips.append((rows, step[rows]))
    return Bins(step_m, pad, begin, total, strips)


def fill_profile(bins: Bins, values: NDArray[np.floating]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the median of a layer in each strip and step, and how many pixels it rests on.

    Parameters
    ----------
    bins : Bins
        Steps and their pixels.
    values : float array, one per placed pixel
        Of a layer; NaN counts as nothing.

    Returns
    -------
    medians, counts : arrays, 3 strips x steps
        NaN and 0 where there is none.
    """
    medians, counts = np.full((3, bins.total), np.nan), np.zeros((3, bins.total), np.int64)
    for strip, (rows, step) in enumerate(bins.strip):
        mine = values[rows].astype(np.float64)
        known = np.isfinite(mine)
        mine, here = mine[known], step[known]
        if not len(mine):
            continue
        order = np.lexsort((mine, here))
        mine, here = mine[order], here[order]
        first = np.flatnonzero(np.r_[True, here[1:] != here[:-1]])
        count = np.diff(np.r_[first, len(here)])
        medians[strip, here[first]] = (mine[first + (count - 1) // 2] + mine[first + count // 2]) / 2
        counts[strip, here[first]] = count
    return medians, counts


def _middle(step: NDArray[np.int64], off: NDArray[np.float64], total: int) -> NDArray[np.float64]:
    """Return the middle of the water in each step, off the line."""
    low, high = np.full(total, np.inf), np.full(total, -np.inf)
    np.minimum.at(low, step, off)
    np.maximum.at(high, step, off)
    some = np.flatnonzero(np.isfinite(low))
    middle = np.zeros(total)
    if len(some):
        middle[some] = median_filter((low[some] + high[some]) / 2, size=_MIDDLE_BINS, mode="nearest")
    return middle
