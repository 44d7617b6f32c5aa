"""What the direction of each reach tells about its neighbours: water neither ends nor begins in the middle of a network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Meetings", "carry_odds"]

_SURE = 30.0
_CALM = 1e-7


@dataclass(frozen=True, slots=True)
class Meetings:
    """Where reaches meet, and how unlikely it is that water only arrives, or only leaves, there.

    Parameters
    ----------
    place, reach : ndarray of int, one per end of a reach at a meeting
        Number of the meeting and row of the reach.
    arrives : ndarray of bool, one per end
        Whether a reach that runs as drawn arrives there.
    sink_lr, spring_lr : ndarray of float, one per meeting
        How many times less likely it is that everything arrives, and that everything leaves; 1 says nothing.
    """

    place: NDArray[np.int64]
    reach: NDArray[np.int64]
    arrives: NDArray[np.bool_]
    sink_lr: NDArray[np.float64]
    spring_lr: NDArray[np.float64]


def carry_odds(own: NDArray[np.float64], meetings: Meetings, *, rounds: int = 300) -> NDArray[np.float64]:
    """Return the log odds that each reach runs as drawn, when what is known of its neighbours is carried to it.

    Sum-product messages between reaches and meetings: exact where the reaches form a tree, an approximation where they
    form rings, and limited to ``rounds`` reaches either way.

    Parameters
    ----------
    own : ndarray of float, n values
        Log odds from what is known of the reach itself; plus or minus infinity where it is certain.
    meetings : Meetings
        Which reaches meet where.
    rounds : int, default 300
        Most rounds.

    Returns
    -------
    ndarray of float, n values
        Log odds, ``own`` where nothing meets.

    Examples
    --------
    Two reaches are drawn into one node that nothing leaves; the one that is less sure is turned.

    >>> ends = Meetings(np.array([0, 0]), np.array([0, 1]), np.array([True, True]), np.array([100.0]), np.array([1.0]))
    >>> carry_odds(np.array([4.0, 1.0]), ends).round(1).tolist()
    [2.7, -2.6]
    """
    own = np.clip(own, -_SURE, _SURE)
    if not len(meetings.place):
        return own
    count, sign = len(meetings.sink_lr), np.where(meetings.arrives, 1.0, -1.0)
    told = np.zeros(len(meetings.place))
    for at in range(rounds):
        odds = own + np.bincount(meetings.reach, weights=sign * told, minlength=len(own))
        cavity = sign * odds[meetings.reach] - told
        new = _answer(cavity, meetings, count)
        new = new if at < 2 else 0.5 * (new + told)
        moved = float(np.abs(new - told).max())
        told = new
        if moved < _CALM:
            break
    return own + np.bincount(meetings.reach, weights=sign * told, minlength=len(own))


def _answer(cavity: NDArray[np.float64], meetings: Meetings, count: int) -> NDArray[np.float64]:
    """Return the log odds that each end arrives, from what the other ends of its meeting do."""
    arrives, leaves = np.log(expit(cavity)), np.log(expit(-cavity))
    place = meetings.place
    all_arrive = np.exp(np.bincount(place, weights=arrives, minlength=count)[place] - arrives)
    all_leave = np.exp(np.bincount(place, weights=leaves, minlength=count)[place] - leaves)
    sink, spring = 1.0 - 1.0 / meetings.sink_lr[place], 1.0 - 1.0 / meetings.spring_lr[place]
    return np.log1p(-sink * np.minimum(all_arrive, 1.0)) - np.log1p(-spring * np.minimum(all_leave, 1.0))
