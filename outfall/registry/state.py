"""Which sightings are together now, which groups may not be, and what it would gain to join two."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from outfall.registry.attributes import attribute_gains
from outfall.registry.facts import LEAST_SAID, STRAY_TIMES, Facts, Model, position_gain, said_gains

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Links", "State"]

_NEVER = -1e6
_BLOCK = 1 << 12  # pairs compared at once: as many as a cache holds


class Links(NamedTuple):
    """Pairs of sightings near enough to be one thing, and what cannot be summed about them.

    Parameters
    ----------
    left, right : ndarray of int, m
        Rows; left is before right.
    said : ndarray, m by 3
        Log likelihood ratio of name, code and photo.
    speaks : ndarray of bool, m by 3
        Whether both say it.
    """

    left: NDArray[np.int64]
    right: NDArray[np.int64]
    said: NDArray[np.float64]
    speaks: NDArray[np.bool_]


class State:
    """Groups while they change; a group is named by one of its rows.

    Parameters
    ----------
    facts : Facts, n rows
        Of each sighting alone.
    model : Model
        What was learned.
    links : Links
        Near pairs.
    survey : ndarray of int, n
        Number of the survey of each sighting.
    twice : ndarray, surveys
        Log of how often a survey writes one thing down twice; -inf is never.
    barred : ndarray of int, k by 2
        Rows people decided are two things.
    """

    def __init__(
        self,
        facts: Facts,
        model: Model,
        links: Links,
        survey: NDArray[np.int64],
        twice: NDArray[np.float64],
        barred: NDArray[np.int64],
    ) -> None:
        self.rows, self.model, self.links = facts.copy(), model, links
        self.survey, self.barred = survey, barred
        self.twice = np.maximum(twice, _NEVER)
        self.stray = np.zeros(len(survey), dtype=bool)
        self.label = np.arange(len(survey))
        self.groups = facts.copy()
        self._sort()

    def relabel(self, rows: NDArray[np.int64], label: NDArray[np.int64]) -> None:
        """Put rows into groups and sum them up again."""
        touched = np.unique(np.concatenate([self.label[rows], label]))
        self.label[rows] = label
        self._sort()
        filled = touched[self._size(touched) > 0]
        at, mine = self.members(filled)
        for whole, parts in zip(self.groups[:-1], self.rows[:-1], strict=True):
            flat = parts[mine].reshape(len(mine), -1)
            total = np.stack([np.bincount(at, flat[:, one], len(filled)) for one in range(flat.shape[1])], axis=1)
            whole[filled] = total.reshape(len(filled), *parts.shape[1:])
            whole[touched[self._size(touched) == 0]] = 0.0
        first = np.searchsorted(at, np.arange(len(filled)))
        said = np.multiply.reduceat(self.rows.said[mine], first, axis=0) if len(mine) else self.rows.said[mine]
        self.groups.said[filled] = np.maximum(said, LEAST_SAID)

    def set_stray(self, rows: NDArray[np.int64], is_stray: NDArray[np.bool_]) -> None:
        """Call positions of rows strays, or not; the groups must be summed up again after."""
        wide = STRAY_TIMES**2
        times = np.where(is_stray == self.stray[rows], 1.0, np.where(is_stray, 1.0 / wide, wide))
        self.rows.weight[rows] *= times
        self.rows.moment[rows] *= times[:, None]
        self.stray[rows] = is_stray

    def alone(self, rows: NDArray[np.int64], *, words: bool = True) -> Facts:
        """Return sightings by themselves, as their sigma says and not as strays; with what they say or without."""
        facts = (self.rows if words else self.rows._replace(said=self.rows.said[:, :0])).take(rows)
        times = np.where(self.stray[rows], STRAY_TIMES**2, 1.0)
        return facts._replace(weight=facts.weight * times, moment=facts.moment * times[:, None])

    def members(self, group: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return, for groups one after another, at which of them each member is and its row."""
        count = self._stop[group] - self._start[group]
        at = np.repeat(np.arange(len(group)), count)
        inside = np.arange(len(at)) - np.repeat(np.cumsum(count) - count, count)
        return at, self._order[self._start[group][at] + inside]

    def clash(self, one: NDArray[np.int64], two: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the log cost of surveys that would see one thing twice; a million where that cannot be."""
        swap = self._size(one) > self._size(two)
        small, large = np.where(swap, two, one), np.where(swap, one, two)
        at, row = self.members(small)
        cost = np.where(self.present(large[at], self.survey[row]), self.twice[self.survey[row]], 0.0)
        found: NDArray[np.float64] = np.bincount(at, cost, len(one)).astype(float)
        if len(self.barred):
            keys = self._key(self.label[self.barred[:, 0]], self.label[self.barred[:, 1]])
            found[np.isin(self._key(one, two), keys)] = _NEVER
        return found

    def clash_row(self, row: NDArray[np.int64], group: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the same for single sightings that would go to a group."""
        cost = np.where(self.present(group, self.survey[row]), self.twice[self.survey[row]], 0.0)
        if len(self.barred):
            size = len(self.label)
            ends = np.concatenate([self.barred, self.barred[:, ::-1]])
            cost[np.isin(row * size + group, ends[:, 0] * size + self.label[ends[:, 1]])] = 2 * _NEVER
        return cost

    def stays(self, row: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the log odds that sightings belong to the groups they are in; 0 for one alone."""
        found = np.zeros(len(row))
        more = np.flatnonzero(self.groups.size[self.label[row]] > 1)
        mine = row[more]
        rest = self.groups.take(self.label[mine]).minus(self.rows.take(mine))
        key = self.label[mine] * self._surveys + self.survey[mine]
        twice = self._held_count[np.searchsorted(self._held, key)] > 1
        found[more] = self.gain(rest, self.alone(mine))[0] + np.where(twice, self.twice[self.survey[mine]], 0.0)
        return found

    def holder(self, group: NDArray[np.int64], survey: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the one sighting of a survey in each group; -1 where there is none or more than one."""
        key = group * self._surveys + survey
        at = np.minimum(np.searchsorted(self._held, key), max(len(self._held) - 1, 0))
        return np.where((self._held[at] == key) & (self._held_count[at] == 1), self._held_row[at], -1)

    def present(self, group: NDArray[np.int64], survey: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return whether groups hold a sighting of a survey."""
        key = group * self._surveys + survey
        at = np.minimum(np.searchsorted(self._held, key), max(len(self._held) - 1, 0))
        return self._held[at] == key

    def gain(self, one: Facts, two: Facts) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return the log odds that groups are one thing, without what cannot be summed, and which is a stray."""
        total, stray = position_gain(one, two, self.model)
        return total + said_gains(one, two, self.model).sum(axis=1), stray

    def gain_of_groups(
        self, one: NDArray[np.int64], two: NDArray[np.int64], beyond: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return the same for groups by name; -inf where no words could lift it, with what is ``beyond``, above 0."""
        light = self.groups._replace(said=self.groups.said[:, :0])
        total, stray = position_gain(light.take(one), light.take(two), self.model)
        return self._add_said(total, beyond, (self.groups.said, one), (self.groups.said, two)), stray

    def gain_of_rows(
        self, row: NDArray[np.int64], group: NDArray[np.int64], beyond: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the same for single sightings and groups."""
        light = self.groups._replace(said=self.groups.said[:, :0])
        total, _ = position_gain(light.take(group), self.alone(row, words=False), self.model)
        return self._add_said(total, beyond, (self.groups.said, group), (self.rows.said, row))

    def _add_said(
        self,
        total: NDArray[np.float64],
        beyond: NDArray[np.float64],
        one: tuple[NDArray[np.float64], NDArray[np.int64]],
        two: tuple[NDArray[np.float64], NDArray[np.int64]],
    ) -> NDArray[np.float64]:
        most = -float(np.log(self.model.alike).sum())
        hopeful = total + beyond + most > 0.0
        total[~hopeful] = -np.inf
        asked = np.flatnonzero(hopeful)
        for part in np.split(asked, np.arange(_BLOCK, len(asked), _BLOCK)):
            words = attribute_gains(self.model.attributes, one[0][one[1][part]], two[0][two[1][part]], self.model.alike)
            total[part] += words.sum(axis=1)
        return total

    def _sort(self) -> None:
        size = len(self.label)
        self._surveys = int(self.survey.max(initial=0)) + 1
        self._order = np.argsort(self.label, kind="stable")
        ranked = self.label[self._order]
        self._start = np.searchsorted(ranked, np.arange(size), side="left")
        self._stop = np.searchsorted(ranked, np.arange(size), side="right")
        key = self.label * self._surveys + self.survey
        self._held, self._held_row, self._held_count = np.unique(key, return_index=True, return_counts=True)

    def _size(self, group: NDArray[np.int64]) -> NDArray[np.int64]:
        return self._stop[group] - self._start[group]

    def _key(self, one: NDArray[np.int64], two: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.minimum(one, two) * len(self.label) + np.maximum(one, two)
