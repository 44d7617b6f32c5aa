"""Which sightings are one thing: surest pairs first, then single sightings move while that makes the whole likelier."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from outfall.registry.state import State

__all__ = ["Options", "grow", "near_groups", "options", "settle"]

_MOST_ROUNDS = 60
_MOST_MOVES = (
    5  # of one sighting in one go: what is a stray depends on the way there, so that moves can go round in circles
)
_LEAST_GAIN = 1e-6
_HOPELESS = -30.0  # log odds


class Options(NamedTuple):
    """What could be done with one sighting: go to another group, with whom there in its way.

    Parameters
    ----------
    row, group : ndarray of int, m
        The sighting and the group it could go to; its own row number where it could stand alone.
    gain : ndarray, m
        Log odds of that against how things are.
    out, back : ndarray of int, m
        A sighting of the same survey that must leave that group for it (-1 none), and the group that one goes to.
    """

    row: NDArray[np.int64]
    group: NDArray[np.int64]
    gain: NDArray[np.float64]
    out: NDArray[np.int64]
    back: NDArray[np.int64]


def grow(state: State, least: float) -> None:
    """Put groups together, all pairs that are each other's best at once, until no pair gains more than ``least``."""
    known_key, known = np.zeros(0, dtype=np.int64), np.zeros((2, 0))
    changed = np.zeros(len(state.label), dtype=bool)
    for _ in range(_MOST_ROUNDS):
        one, two, extra = near_groups(state)
        if not len(one):
            return
        key = one * len(state.label) + two
        at = np.minimum(np.searchsorted(known_key, key), max(len(known_key) - 1, 0))
        old = (
            (known_key[at] == key) & ~changed[one] & ~changed[two] if len(known_key) else np.zeros(len(key), dtype=bool)
        )
        found = np.zeros((2, len(key)))
        found[:, old] = known[:, at[old]]
        ask = np.flatnonzero(~old)
        more = extra[ask] + state.clash(one[ask], two[ask])
        gain, stray = state.gain_of_groups(one[ask], two[ask], more - least)
        found[0, ask] = gain + more
        found[1, ask] = stray
        known_key, known = key, found
        pick = _mutual(one, two, found[0], least, len(state.label))
        if not len(pick):
            return
        first, second = found[1, pick] == 1, found[1, pick] == 2
        rows = np.concatenate([one[pick[first]], two[pick[second]]])
        state.set_stray(rows, np.ones(len(rows), dtype=bool))
        at, rows = state.members(two[pick])
        state.relabel(rows, one[pick][at])
        changed[:] = False
        changed[one[pick]] = changed[two[pick]] = True


def settle(state: State, fixed: NDArray[np.bool_]) -> None:
    """Move, swap and set apart single sightings while that makes the whole likelier.

    Parameters
    ----------
    state : State
        Changed in place.
    fixed : ndarray of bool, n
        Sightings people put together; they stay.
    """
    rows = np.arange(len(state.label))
    moves = np.zeros(len(rows), dtype=np.int64)
    for _ in range(_MOST_ROUNDS):
        every = options(state, rows[~fixed[rows]])
        good = (every.gain > _LEAST_GAIN) & ~((every.out >= 0) & fixed[every.out])
        good &= moves[every.row] < _MOST_MOVES
        if not good.any():
            return
        mine = state.label[every.row]
        back = np.where(every.back >= 0, every.back, mine)
        touched = np.stack([mine, every.group, back])[:, good]
        best = np.full(len(state.label), -np.inf)
        for groups in touched:
            np.maximum.at(best, groups, every.gain[good])
        take = np.flatnonzero(good)[(best[touched] == every.gain[good]).all(axis=0)]
        take = _apart(np.stack([mine, every.group, back])[:, take], take)
        before = np.unique(np.stack([mine, every.group, back])[:, take])
        moves[every.row[take]] += 1
        _apply(state, every, take)
        after = np.unique(np.concatenate([before, state.label[every.row[take]]]))
        near = np.isin(state.label[state.links.left], after) | np.isin(state.label[state.links.right], after)
        rows = np.unique(np.concatenate([state.links.left[near], state.links.right[near]]))


def near_groups(state: State) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Return pairs of groups with near members, the lower name first, and what name, code and photo say on average."""
    links, size = state.links, len(state.label)
    one, two = state.label[links.left], state.label[links.right]
    apart = one != two
    key = np.minimum(one, two)[apart] * size + np.maximum(one, two)[apart]
    keys, at = np.unique(key, return_inverse=True)
    return keys // size, keys % size, _mean_said(links.said[apart], links.speaks[apart], at, len(keys))


def options(state: State, rows: NDArray[np.int64]) -> Options:
    """Return everything that could be done with single sightings.

    Parameters
    ----------
    state : State
        As it is.
    rows : ndarray of int
        Sightings to ask about.

    Returns
    -------
    Options
        Ordered by sighting and group.
    """
    size = len(state.label)
    asked = np.zeros(size, dtype=bool)
    asked[rows] = True
    row, group, extra = _row_groups(state, asked)
    home = state.label[row] == group
    every = np.flatnonzero(asked)
    own = every[state.groups.size[state.label[every]] > 1]
    stay = np.zeros(size)
    stay[own] = state.stays(own)
    stay[row[home]] += extra[home]
    row, group, extra = row[~home], group[~home], extra[~home]
    clash = state.clash_row(row, group)
    free = clash > -1e5
    more = extra[free] + clash[free]
    gain = state.gain_of_rows(row[free], group[free], more - stay[row[free]] - _HOPELESS) + more - stay[row[free]]
    none = np.full(len(own), -1)
    some = gain > _HOPELESS
    moves = Options(row[free][some], group[free][some], gain[some], *np.full((2, int(some.sum())), -1))
    leave = Options(own, own, -stay[own], none, none)
    taken = ~free & (clash > -1.5e6)
    swaps = _swaps(state, row[taken], group[taken], extra[taken], stay)
    found = Options._make(np.concatenate(parts) for parts in zip(moves, leave, swaps, strict=True))
    order = np.lexsort((found.back, found.group, found.row))
    return Options._make(values[order] for values in found)


def _swaps(
    state: State,
    row: NDArray[np.int64],
    group: NDArray[np.int64],
    extra: NDArray[np.float64],
    stay: NDArray[np.float64],
) -> Options:
    """Return what it gains to take the place of a sighting of the same survey, which goes back or stands alone."""
    out = state.holder(group, state.survey[row])
    good = out >= 0
    row, group, extra, out = row[good], group[good], extra[good], out[good]
    lone = state.groups.size[group] == 1
    home = state.label[row]
    without = state.groups.take(group).minus(state.rows.take(out))
    rest = state.groups.take(home).minus(state.rows.take(row))
    come = np.full(len(row), -np.inf)
    some = ~lone
    come[some] = state.gain(without.take(some), state.alone(row[some]))[0] + extra[some]
    into = np.full(len(row), -np.inf)
    more = state.groups.size[home] > 1
    into[more] = state.gain(rest.take(more), state.alone(out[more]))[0]
    # Where the other group was that one sighting only, the two change places for nothing new.
    back = np.where(into > 0.0, home, out)
    gain = come + np.maximum(into, 0.0) - stay[row] - state.stays(out)
    keep = some & (home != group)
    return Options(row[keep], group[keep], gain[keep], out[keep], back[keep])


def _apply(state: State, every: Options, take: NDArray[np.int64]) -> None:
    row, group = every.row[take], every.group[take]
    out, back = every.out[take], every.back[take]
    gone = out >= 0
    groups = np.unique(np.concatenate([state.label[row], group, back[gone]]))
    alone = group == row
    free = np.concatenate([row[alone], out[gone][back[gone] == out[gone]]])
    label = state.label.copy()
    label[row], label[out[gone]] = group, back[gone]
    label[free] = len(label) + free
    mine = np.flatnonzero(np.isin(state.label, groups) | np.isin(label, groups))
    _, first, at = np.unique(label[mine], return_index=True, return_inverse=True)
    state.relabel(mine, mine[first][at])
    rest = state.groups.take(state.label[mine]).minus(state.rows.take(mine))
    several = rest.size > 0
    stray = np.zeros(len(mine), dtype=bool)
    stray[several] = state.gain(rest.take(several), state.alone(mine[several]))[1] == 2
    state.set_stray(mine, stray)
    state.relabel(mine, state.label[mine])


def _row_groups(
    state: State, asked: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Return each sighting asked about with every group near it, its own too."""
    links, size = state.links, len(state.label)
    row = np.concatenate([links.left, links.right])
    group = state.label[np.concatenate([links.right, links.left])]
    keep = asked[row]
    keys, at = np.unique(row[keep] * size + group[keep], return_inverse=True)
    twice = np.concatenate([np.arange(len(links.left))] * 2)[keep]
    return keys // size, keys % size, _mean_said(links.said[twice], links.speaks[twice], at, len(keys))


def _mean_said(
    said: NDArray[np.float64], speaks: NDArray[np.bool_], at: NDArray[np.int64], size: int
) -> NDArray[np.float64]:
    total = np.zeros(size)
    for column in range(said.shape[1]):
        mine = speaks[:, column]
        if mine.any():
            count = np.bincount(at[mine], minlength=size)
            total += np.bincount(at[mine], said[mine, column], size) / np.maximum(count, 1)
    return total


def _mutual(
    one: NDArray[np.int64], two: NDArray[np.int64], gain: NDArray[np.float64], least: float, size: int
) -> NDArray[np.int64]:
    """Return pairs that are the best of both sides, no group in two of them."""
    good = np.flatnonzero(gain > least)
    best = np.full(size, -np.inf)
    np.maximum.at(best, one[good], gain[good])
    np.maximum.at(best, two[good], gain[good])
    pick = good[(gain[good] == best[one[good]]) & (gain[good] == best[two[good]])]
    return _apart(np.stack([one[pick], two[pick]]), pick)


def _apart(groups: NDArray[np.int64], pick: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the first of those that touch one group: equals are rare."""
    used: set[int] = set()
    kept = []
    for at, touched in zip(pick.tolist(), groups.T.tolist(), strict=True):
        if used.isdisjoint(touched):
            kept.append(at)
        used.update(touched)
    return np.array(kept, dtype=np.int64)
