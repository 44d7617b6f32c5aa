"""What a group of sightings knows together, and how likely two groups are one thing: sums that add and subtract."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from outfall.registry.attributes import attribute_gains

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from outfall.registry.attributes import Attribute

__all__ = ["LEAST_SAID", "STRAY_TIMES", "Facts", "Model", "across_river", "position_gain", "said_gains"]

# Our defaults: one position in twenty is three times worse than its sigma says; mouths stray 2 m from the line of their
# bank; the other bank is some 20 m away.
_STRAY_SHARE, STRAY_TIMES = 0.05, 3.0
_BANK_M, _ACROSS_M = 2.0, 20.0
_LEAST_CROWD = 0.1
LEAST_SAID = 1e-250  # hundreds of members together may say what no number holds
# Things counted 15 to 100 m away, per metre of a line, as things per square metre where there is no line.
FLAT_PER_M = 2.0 * (100.0 - 15.0) / (np.pi * (100.0**2 - 15.0**2))
_LOG_STRAY, _LOG_FAIR = float(np.log(_STRAY_SHARE)), float(np.log(1.0 - 2.0 * _STRAY_SHARE))


class Facts(NamedTuple):
    """Sums over the members of groups, one row per group.

    Parameters
    ----------
    size : ndarray, g
        Members.
    weight : ndarray, g
        Sum of 1 / sigma squared.
    moment : ndarray, g by 2
        Sum of east and north divided by sigma squared, from the middle of the data.
    missed : ndarray, g
        Sum over members of the log odds that every survey that passed there misses a thing.
    lone : ndarray, g
        The same for a sighting alone, which may also be no thing at all; means nothing for larger groups.
    crowd_per_m : ndarray, g
        Sum over members of how many other things a metre of river holds there.
    heading : ndarray, g by 2
        Sum of unit vectors down the river.
    said : ndarray, g by values
        Product over members of how likely what they say is under each true value, attribute after attribute.
    """

    size: NDArray[np.float64]
    weight: NDArray[np.float64]
    moment: NDArray[np.float64]
    missed: NDArray[np.float64]
    lone: NDArray[np.float64]
    crowd_per_m: NDArray[np.float64]
    heading: NDArray[np.float64]
    said: NDArray[np.float64]

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> Facts:
        """Return some of the groups."""
        return Facts._make(values[rows] for values in self)

    def plus(self, other: Facts) -> Facts:
        """Return each group with the other's members added."""
        sums = (one + two for one, two in zip(self[:-1], other[:-1], strict=True))
        return Facts._make([*sums, np.maximum(self.said * other.said, LEAST_SAID)])

    def minus(self, other: Facts) -> Facts:
        """Return each group with the other's members taken away."""
        sums = (one - two for one, two in zip(self[:-1], other[:-1], strict=True))
        return Facts._make([*sums, self.said / other.said])

    def copy(self) -> Facts:
        """Return facts that can be written."""
        return Facts._make(values.copy() for values in self)


class Model(NamedTuple):
    """What was learned about the surveys; starts as our defaults.

    Parameters
    ----------
    attributes : list of Attribute
        What sightings say.
    right : list of ndarray
        By attribute and platform, how often the true value is said.
    alike : ndarray
        By attribute, how often neighbours share a value beyond chance.
    shift_m, rest_m : ndarray, surveys by 2 and surveys
        The offset of each survey, and what remains unknown of it.
    pairs : ndarray, surveys
        From how many sure pairs that is.
    stretch : ndarray, platforms
        By what the stated sigmas have to be multiplied.
    found_share : ndarray, surveys
        How often a survey that passes an outfall sees it.
    false_share : ndarray, platforms
        How many of its sightings are no thing another survey could see.
    gap_m, extra_per_m : ndarray
        How many more things than elsewhere a metre of river holds this far from a thing.
    """

    attributes: list[Attribute]
    right: list[NDArray[np.float64]]
    alike: NDArray[np.float64]
    shift_m: NDArray[np.float64]
    rest_m: NDArray[np.float64]
    pairs: NDArray[np.int64]
    stretch: NDArray[np.float64]
    found_share: NDArray[np.float64]
    false_share: NDArray[np.float64]
    gap_m: NDArray[np.float64]
    extra_per_m: NDArray[np.float64]


def position_gain(one: Facts, two: Facts, model: Model) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the log odds of two groups by their positions and how crowded the bank is there.

    One thing: the gap of the two weighted means is a two-dimensional Gaussian. Two things: they stand somewhere along
    one of the two banks, as densely as surveys show, and every survey that missed one of them did so by chance.

    Parameters
    ----------
    one, two : Facts, m rows
        Groups.
    model : Model
        How crowded near pairs are.

    Returns
    -------
    tuple of ndarray and ndarray, m
        Log odds; and which single sighting is rather a stray position (1 of the first, 2 of the second, 0 none).
    """
    own, their = 1.0 / one.weight, 1.0 / two.weight
    gap = two.moment * their[:, None] - one.moment * own[:, None]
    heading = one.heading + two.heading
    gap2 = (gap**2).sum(axis=1)
    across2 = across_river(gap, heading)
    size = one.size + two.size
    half = 0.5 * (one.crowd_per_m + two.crowd_per_m) / size
    extra = np.interp(np.sqrt(np.maximum(gap2 - across2, 0.0)), model.gap_m, model.extra_per_m)
    beside = np.maximum(half + extra, _LEAST_CROWD * half)
    wide = STRAY_TIMES**2
    flat = (heading**2).sum(axis=1) < 1e-12
    crowd = (across2, beside, half, np.where(flat, 2.0 * half * FLAT_PER_M, np.nan))
    fair = _gauss(gap2, own + their, crowd) + _LOG_FAIR
    first = np.where(one.size == 1, _gauss(gap2, own * wide + their, crowd) + _LOG_STRAY, -np.inf)
    second = np.where(two.size == 1, _gauss(gap2, own + their * wide, crowd) + _LOG_STRAY, -np.inf)
    kinds = np.stack([fair, first, second])
    top = kinds.max(axis=0)
    same = top + np.log(np.exp(kinds - top).sum(axis=0))
    missed = (one.missed + two.missed) / size
    apart = np.where(one.size == 1, one.lone, missed) + np.where(two.size == 1, two.lone, missed) - missed
    return same - apart, kinds.argmax(axis=0)


def across_river(gap: NDArray[np.float64], heading: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the square of gaps across the river; where no river says which way, half of the gap squared."""
    length2 = (heading**2).sum(axis=1)
    across2 = (gap[:, 0] * -heading[:, 1] + gap[:, 1] * heading[:, 0]) ** 2 / np.maximum(length2, 1e-12)
    return np.where(length2 > 1e-12, across2, (gap**2).sum(axis=1) / 2.0)


def said_gains(one: Facts, two: Facts, model: Model) -> NDArray[np.float64]:
    """Return by attribute the log likelihood ratio that two groups are one thing, m by attributes."""
    return attribute_gains(model.attributes, one.said, two.said, model.alike)


def _gauss(
    gap2: NDArray[np.float64], variance: NDArray[np.float64], crowd: tuple[NDArray[np.float64], ...]
) -> NDArray[np.float64]:
    """Return the log of the density of a gap if it is error, over that of another thing there: on this bank or the other."""
    across2, beside, beyond, flat = crowd
    same = -np.log(2.0 * np.pi * variance) - gap2 / (2.0 * variance)
    near, far = variance + _BANK_M**2, variance + _ACROSS_M**2
    this = beside * np.exp(-across2 / (2.0 * near)) / np.sqrt(near)
    other = beyond * np.exp(-across2 / (2.0 * far)) / np.sqrt(far)
    banks = np.maximum(this + other, 1e-300) / np.sqrt(2.0 * np.pi)
    return same - np.log(np.where(np.isnan(flat), banks, flat))
