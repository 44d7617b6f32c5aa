"""Which stretch of river above and below an outfall may be compared, and what spoils it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from outfall.scenes.strands import Strands

__all__ = ["Window", "cut_windows", "zone_bins"]


class Window(NamedTuple):
    """How far a comparison looks: our defaults, no standard.

    Parameters
    ----------
    width_count : float
        Length above and below the outfall, in widths of the river.
    least_m, most_m : float
        Shortest and longest length.
    gap_px : float
        Pixels on either side of the outfall that count for neither.
    strip_px : float
        Width of the strip along a bank, in pixels beyond what the bank has touched.
    fade_m : float
        Distance after which a plume is expected to have faded to a third.
    control_ratio : float
        A control place lies on a river at most so many times wider or narrower.
    least_controls : int
        Fewest independent control places; with fewer there is an estimate and no probability.
    """

    width_count: float = 2.0
    least_m: float = 100.0
    most_m: float = 300.0
    gap_px: float = 2.0
    strip_px: float = 2.0
    fade_m: float = 400.0
    control_ratio: float = 2.0
    least_controls: int = 4


def cut_windows(
    strand: NDArray[np.int64],
    strand_m: NDArray[np.float64],
    width_m: NDArray[np.float64],
    strands: Strands,
    window: Window,
) -> tuple[NDArray[np.float64], list[str]]:
    """Return how far each outfall's comparison may look, and what cut it short.

    Parameters
    ----------
    strand, strand_m : arrays, one per outfall
        Place on the strands; strand -1 for none.
    width_m : float array
        Of the river there.
    strands : Strands
        Of the network.
    window : Window
        How far it would look.

    Returns
    -------
    length_m, codes
        Metres above and below (NaN without a place); ``neighbour``, ``confluence``, ``edge`` or empty.
    """
    wanted = np.clip(window.width_count * width_m, window.least_m, window.most_m)
    length, codes = np.where(strand >= 0, wanted, np.nan), [""] * len(strand)
    for one, (line, place) in enumerate(zip(strand.tolist(), strand_m.tolist(), strict=True)):
        if line < 0:
            continue
        others = np.abs(strand_m[(strand == line) & (np.arange(len(strand)) != one)] - place)
        ends = np.array([place, strands.length_m[line] - place])
        for code, far in (
            ("neighbour", others.min(initial=np.inf)),
            ("confluence", ends[strands.is_meeting[line]].min(initial=np.inf)),
            ("edge", ends[~strands.is_meeting[line]].min(initial=np.inf)),
        ):
            if far < length[one]:
                length[one], codes[one] = max(far, 0.0), code
    return length, codes


def zone_bins(length: int, gap: int, *, is_two_way: bool) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the steps of both zones, counted from the outfall: first the background, then where a plume would be.

    Parameters
    ----------
    length, gap : int
        In steps.
    is_two_way : bool
        Where water runs either way a plume lies on both sides, and the background is farther off on both.

    Returns
    -------
    background, plume : int arrays
        In ascending order.

    Examples
    --------
    >>> [zone.tolist() for zone in zone_bins(4, 1, is_two_way=False)]
    [[-4, -3, -2], [2, 3, 4]]
    >>> [zone.tolist() for zone in zone_bins(6, 1, is_two_way=True)]
    [[-6, -5, -4, 4, 5, 6], [-2, -1, 0, 1, 2]]
    """
    far = np.arange(gap + 1, length + 1)
    if not is_two_way:
        return -far[::-1], far
    inner = max(round(0.4 * length), 1)
    far = np.arange(inner + gap + 1, length + 1)
    return np.r_[-far[::-1], far], np.arange(-inner, inner + 1)
