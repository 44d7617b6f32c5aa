"""How sure each group is, why its members are in it, and which decisions were nearly even."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from outfall.registry.attributes import WORDS
from outfall.registry.cluster import near_groups, options
from outfall.registry.facts import attribute_gains
from outfall.registry.proofs import PROOFS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from outfall.registry.match import Matches

__all__ = ["Doubt", "Reasons", "explain_groups", "find_close_calls"]

# What odds mean, learned on invented surveys (seeds 1000 and above): our default.
_CALIBRATE = (0.1, 0.9)


class Reasons(NamedTuple):
    """Why sightings are in their groups, one entry per sighting or per group name.

    Parameters
    ----------
    gap_m : ndarray, n
        Between a sighting and the mean of the others in its group.
    share : ndarray, n
        How likely it belongs there.
    said : mapping of str to ndarray, n
        By attribute, the log likelihood ratio of what it and the others say.
    group_share : ndarray, n
        At the name of a group, how likely all its members are one thing.
    """

    gap_m: NDArray[np.float64]
    share: NDArray[np.float64]
    said: dict[str, NDArray[np.float64]]
    group_share: NDArray[np.float64]


class Doubt(NamedTuple):
    """Two sightings, how likely they are one thing, and whether they were put together."""

    one: int
    two: int
    share: float
    is_together: bool


def explain_groups(matches: Matches) -> Reasons:
    """Return why every sighting is where it is, and how sure every group is."""
    state = matches.state
    size = len(state.label)
    rows = np.arange(size)
    several = np.flatnonzero(state.groups.size[state.label] > 1) if size else rows
    rest = state.groups.take(state.label[several]).plus(state.rows.take(several), -1.0)
    alone = state.alone(several)
    said = {name: np.zeros(size) for name in WORDS}
    gains = attribute_gains(rest, alone, state.model)
    for attribute, gain in zip(state.model.attributes, gains, strict=True):
        said[attribute.name][several] = gain
    together = state.label[state.links.left] == state.label[state.links.right]
    ends = np.concatenate([state.links.left[together], state.links.right[together]])
    for column, name in enumerate(PROOFS):
        speaks = np.tile(state.links.speaks[together, column], 2)
        value = np.tile(state.links.said[together, column], 2)
        count = np.bincount(ends[speaks], minlength=size)
        said[name] = np.bincount(ends[speaks], value[speaks], size) / np.maximum(count, 1)
    gap = np.zeros(size)
    gap[several] = np.hypot(*(rest.moment / rest.weight[:, None] - alone.moment / alone.weight[:, None]).T)
    odds = state.stays(rows) + sum(said[name] for name in PROOFS)
    return Reasons(gap, 1.0 / (1.0 + np.exp(-np.clip(odds, -30, 30))), said, _group_share(matches))


def find_close_calls(matches: Matches, doubt_share: float) -> list[Doubt]:
    """Return the decisions at nearly even odds, each as its closest pair.

    Parameters
    ----------
    matches : Matches
        Groups as they are.
    doubt_share : float
        A merge below 1 - doubt_share and a refusal above doubt_share are doubtful.

    Returns
    -------
    list of Doubt
        Ordered by pair; nothing people decided.
    """
    state = matches.state
    if doubt_share >= 0.5 or not len(state.label):
        return []
    least = float(np.log(max(doubt_share, 1e-12) / (1.0 - doubt_share)))
    found: dict[tuple[int, int], Doubt] = {}
    every = options(state, np.flatnonzero(~matches.fixed))
    some = (every.out < 0) & (every.gain > least)
    leaves = every.row == every.group
    for row, group, gain, leave in zip(*(values[some].tolist() for values in (*every[:3], leaves)), strict=True):
        mates = np.flatnonzero(state.label == (state.label[row] if leave else group))
        share = 1.0 / (1.0 + np.exp(gain if leave else -gain))
        _note(found, matches, row, mates[mates != row], float(share), is_together=leave)
    one, two, extra = near_groups(state)
    if len(one):
        gain = state.gain(state.groups.take(one), state.groups.take(two))[0] + extra + state.clash(one, two)
        for a, b, value in zip(*(values[gain > least].tolist() for values in (one, two, gain)), strict=True):
            for row in np.flatnonzero(state.label == a)[:1].tolist():
                share = float(1.0 / (1.0 + np.exp(-value)))
                _note(found, matches, row, np.flatnonzero(state.label == b), share, is_together=False)
    return [found[pair] for pair in sorted(found)]


def _note(
    found: dict[tuple[int, int], Doubt],
    matches: Matches,
    row: int,
    mates: NDArray[np.int64],
    share: float,
    *,
    is_together: bool,
) -> None:
    barred = matches.state.barred
    known = {int(b) for a, b in [*barred, *barred[:, ::-1]] if a == row}
    mates = np.array([mate for mate in mates.tolist() if mate not in known], dtype=np.int64)
    if not len(mates):
        return
    gap = np.hypot(*(matches.points_m[mates] - matches.points_m[row]).T)
    mate = int(mates[np.lexsort((mates, gap))[0]])
    pair = (min(row, mate), max(row, mate))
    before = found.get(pair)
    if before is None or abs(share - 0.5) < abs(before.share - 0.5):
        found[pair] = Doubt(*pair, share, is_together)


def _group_share(matches: Matches) -> NDArray[np.float64]:
    """Return how likely all members of each group are one thing: against everything that could be done with one."""
    state = matches.state
    size = len(state.label)
    every = options(state, np.arange(size))
    against = np.bincount(state.label[every.row], np.exp(np.clip(every.gain, -30.0, 30.0)), size)
    alone = np.bincount(state.label, minlength=size) <= 1
    fixed, slope = _CALIBRATE
    share = 1.0 / (1.0 + np.exp(fixed + slope * np.log(np.maximum(against, 1e-12))))
    share[alone] = 1.0
    return share
