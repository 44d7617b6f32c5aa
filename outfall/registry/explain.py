"""How sure each group is, why its members are in it, and which decisions were nearly even."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from outfall.registry.attributes import WORDS
from outfall.registry.cluster import near_groups, options
from outfall.registry.facts import said_gains
from outfall.registry.proofs import PROOFS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from outfall.registry.match import Matches

__all__ = ["Doubt", "Reasons", "explain_groups", "find_close_calls"]

# What odds mean, learned on invented surveys (seeds 1000 and above): our default.
_CALIBRATE = (0.1, 0.9)
_DECISIVE = 0.5


class Reasons(NamedTuple):
    """Why sightings are in their groups, one entry per sighting or per group name.

    Parameters
    ----------
    gap_m : ndarray, n
        Between a sighting and the mean of the others in its group.
    share : ndarray, n
        How likely it belongs there.
    word : ndarray of int, n
        Which of words is what it and the others say.
    words : list of pairs of str
        In English and Chinese: the attributes that speak loudest, the loudest first.
    group_share : ndarray, n
        At the name of a group, how likely all its members are one thing.
    """

    gap_m: NDArray[np.float64]
    share: NDArray[np.float64]
    word: NDArray[np.int64]
    words: list[tuple[str, str]]
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
    rest = state.groups.take(state.label[several]).minus(state.rows.take(several))
    alone = state.alone(several)
    said = {name: np.zeros(size) for name in WORDS}
    gains = said_gains(rest, alone, state.model)
    for attribute, gain in zip(state.model.attributes, gains.T, strict=True):
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
    whole = _group_share(matches)
    share = np.minimum(1.0 / (1.0 + np.exp(-np.clip(odds, -30, 30))), whole[state.label])
    return Reasons(gap, share, *_decisive(said), whole)


def _decisive(said: dict[str, NDArray[np.float64]]) -> tuple[NDArray[np.int64], list[tuple[str, str]]]:
    """Return which attributes speak loud for each sighting as text, every text once."""
    names = sorted(said)
    value = np.stack([said[name] for name in names], axis=1)
    order = np.argsort(-np.abs(value), axis=1, kind="stable")
    loud = np.take_along_axis(value, order, axis=1)
    entry = np.where(np.abs(loud) >= _DECISIVE, np.where(loud > 0.0, order + 1, -order - 1), 0)
    key = entry @ (2 * len(names) + 1) ** np.arange(len(names))
    _, first, word = np.unique(key, return_index=True, return_inverse=True)
    texts = []
    for entries in entry[first].tolist():
        known = [(WORDS[names[abs(one) - 1]], one > 0) for one in entries if one]
        english = "".join(f", {'same' if same else 'other'} {word}" for (word, _), same in known)
        texts.append((english, "".join(f", {word}{'一致' if same else '不一致'}" for (_, word), same in known)))
    return word, texts


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
    whole = _group_share(matches)
    for group in np.flatnonzero(whole < 0.5).tolist():
        mates = np.flatnonzero(state.label == group)
        if len(mates) > 1 and not matches.fixed[mates].all():
            _note(found, matches, int(mates[0]), mates[1:], float(whole[group]), is_together=True)
    one, two, extra = near_groups(state)
    if len(one):
        more = extra + state.clash(one, two)
        gain = state.gain_of_groups(one, two, more - least)[0] + more
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
