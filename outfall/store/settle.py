"""What one row is, given every event of it that is known: a function of the set of events, whatever the order of delivery.

An event names the versions it was edited from (``base``: their event ids joined by ``;``, empty for a new row). Two
events that did not know of each other are joined field by field. Where both wrote one field with different values, both
stay a conflict until an event that knew both writes the field again; meanwhile the later one by clock is shown.
"""

from __future__ import annotations

import itertools
import json
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from outfall.store.fields import ABSENT, body_of, fields_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

__all__ = [
    "EXISTS",
    "RESOLVE",
    "WHOLE_ROW",
    "Change",
    "Clash",
    "History",
    "Settled",
    "Side",
    "bases",
    "settle",
]

WHOLE_ROW = ""  # the column of a clash about whether the row is there at all
RESOLVE = "resolve("  # how the source_ref of a decision begins; the columns follow as JSON
_Field = tuple[str, str]
EXISTS: _Field = ("", WHOLE_ROW)
_QUIET: frozenset[_Field] = frozenset({("columns", "source_ref")})  # the last one is shown; provenance is in the log


class Change(NamedTuple):
    """One event of one row, as far as it decides what the row is."""

    hlc: str
    device: str
    device_seq: int
    event_id: str
    kind: str
    base: str
    body: str | None
    actor: str = ""
    source_ref: str = ""
    valid_from: str | None = None
    valid_to: str | None = None


class Side(NamedTuple):
    """One of the values that contradict each other, as JSON, and who wrote it when."""

    value: str
    event_id: str
    actor: str
    device: str
    hlc: str


class Clash(NamedTuple):
    """One field in which events that did not know of each other contradict; the last side is the one shown."""

    column: str
    sides: tuple[Side, ...]
    group: str = "columns"


class Settled(NamedTuple):
    """What a row is: its body (None where it is deleted), the versions it stands on, and what people must decide."""

    body: str | None
    heads: tuple[str, ...]
    clashes: tuple[Clash, ...]


def bases(base: str) -> tuple[str, ...]:
    """Return the event ids a version was edited from.

    Parameters
    ----------
    base : str
        Event ids joined by ``;``.

    Returns
    -------
    tuple of str
        Empty for a new row.

    Examples
    --------
    >>> bases("a;b"), bases("")
    (('a', 'b'), ())
    """
    return tuple(base.split(";")) if base else ()


def settle(changes: Iterable[Change]) -> Settled:
    """Return what a row is, given all its events that are known, in any order and any number of times.

    Parameters
    ----------
    changes : iterable of Change
        Events of one row. A base that is not among them is one that has not arrived yet: the event then counts as one
        that wrote the whole row.

    Returns
    -------
    Settled
        The same for the same set of events.

    Examples
    --------
    >>> old = Change("1", "a", 1, "e1", "put", "", '{"columns":{"name":"A","side":"left"}}')
    >>> mine = Change("2", "a", 2, "e2", "put", "e1", '{"columns":{"name":"B","side":"left"}}')
    >>> yours = Change("2", "b", 1, "e3", "put", "e1", '{"columns":{"name":"A","side":"right"}}')
    >>> settle([yours, old, mine])
    Settled(body='{"columns":{"name":"B","side":"right"}}', heads=('e2', 'e3'), clashes=())
    >>> settle([])
    Settled(body=None, heads=(), clashes=())
    """
    known = sorted({change.event_id: change for change in changes}.values())
    if _is_chain(known):
        return Settled(known[-1].body, (known[-1].event_id,), ()) if known else Settled(None, (), ())
    history = History(known)
    body, clashes = history.state(history.everything)
    return Settled(body, history.heads, clashes)


def _is_chain(changes: Sequence[Change]) -> bool:
    """Return whether every event was edited from the one before it, as it is for nearly every row."""
    if changes and changes[0].base:
        return False
    return all(later.base == before.event_id for before, later in itertools.pairwise(changes))


class History:
    """The events of one row as a graph; sets of events are the bits of an integer."""

    def __init__(self, changes: Sequence[Change]) -> None:
        self.changes = _after_bases(changes)
        self.everything = (1 << len(self.changes)) - 1
        at = {change.event_id: number for number, change in enumerate(self.changes)}
        self.before: list[int] = []  # of every event: those it knew
        children = 0
        for change in self.changes:
            known = 0
            for event_id in bases(change.base):
                if event_id in at:
                    known |= self.before[at[event_id]] | 1 << at[event_id]
                    children |= 1 << at[event_id]
            self.before.append(known)
        self.heads = tuple(change.event_id for number, change in enumerate(self.changes) if not children >> number & 1)
        self._known_ids = set(at)
        self._states: dict[int, tuple[str | None, tuple[Clash, ...]]] = {}

    @cached_property
    def fields(self) -> list[dict[_Field, str] | None]:
        """Every event's body, field by field."""
        return [None if change.body is None else fields_of(change.body) for change in self.changes]

    @cached_property
    def written(self) -> list[dict[_Field, str]]:
        """What every event wrote: the fields that differ from what it knew, and those it decided."""
        found: list[dict[_Field, str]] = []
        for number in range(len(self.changes)):
            found.append(self._wrote(number, found))
        return found

    def _wrote(self, number: int, found: list[dict[_Field, str]]) -> dict[_Field, str]:
        change, mine = self.changes[number], self.fields[number]
        if mine is None:
            return {EXISTS: "false"}
        is_whole = any(event_id not in self._known_ids for event_id in bases(change.base))
        body = None if is_whole or not self.before[number] else self._joined(self.before[number], found)[0]
        if body is None:
            older = {field: ABSENT for known in _bits(self.before[number]) for field in self.fields[known] or ()}
            return {**older, **mine, EXISTS: "true"}
        was = fields_of(body)
        decided = _decided(change)
        new = {field: mine.get(field, ABSENT) for field in {*mine, *was} if mine.get(field) != was.get(field)}
        new |= {field: value for field, value in mine.items() if field[1] in decided}
        return {**new, EXISTS: "true"} if new or WHOLE_ROW in decided else {}

    def state(self, within: int) -> tuple[str | None, tuple[Clash, ...]]:
        """Return the body and the clashes of a set of events."""
        return self._joined(within, self.written)

    def last_writers(self) -> dict[_Field, set[str]]:
        """Return the events that wrote the values that stand, by field."""
        writers: dict[_Field, int] = {}
        for number in range(len(self.changes)):
            for field in self.written[number]:
                writers[field] = (writers.get(field, 0) & ~self.before[number]) | 1 << number
        return {field: {self.changes[one].event_id for one in _bits(last)} for field, last in writers.items()}

    def after(self, event_ids: Collection[str]) -> set[str]:
        """Return the events that knew any of these."""
        at = sum(1 << number for number, change in enumerate(self.changes) if change.event_id in event_ids)
        return {change.event_id for number, change in enumerate(self.changes) if self.before[number] & at}

    def _joined(self, within: int, written: list[dict[_Field, str]]) -> tuple[str | None, tuple[Clash, ...]]:
        if within in self._states:
            return self._states[within]
        writers: dict[_Field, int] = {}
        for number in _bits(within):
            for field in written[number]:
                writers[field] = (writers.get(field, 0) & ~self.before[number]) | 1 << number
        shown: dict[_Field, str] = {}
        clashes = []
        for field, last in writers.items():
            order = sorted(_bits(last), key=lambda one: self.changes[one])
            sides = [self._side(number, written[number][field]) for number in order]
            shown[field] = sides[-1].value
            if len({side.value for side in sides}) > 1:
                if field == EXISTS:
                    shown[field] = "true"  # an edit of a row that another deleted is not lost
                if field not in _QUIET and field[0] != "dtypes":
                    clashes.append(Clash(field[1], tuple(sides), field[0]))
        body = None if shown.pop(EXISTS, "false") == "false" else self._join(shown, within)
        answer = (body, tuple(sorted(clashes)) if body is not None else ())
        self._states[within] = answer
        return answer

    def _side(self, number: int, value: str) -> Side:
        change = self.changes[number]
        return Side(value, change.event_id, change.actor, change.device, change.hlc)

    def _join(self, shown: Mapping[_Field, str], within: int) -> str:
        """Return the fields as a body, in the order of the last one that has them."""
        order: dict[_Field, None] = {}
        for number in sorted(_bits(within), key=lambda one: self.changes[one], reverse=True):
            order |= dict.fromkeys(field for field in self.fields[number] or () if field not in order)
        order = dict.fromkeys(sorted(order, key=lambda field: field[1] if field[0] in ("extra", "dtypes") else ""))
        return body_of({field: shown[field] for field in order})


def _bits(within: int) -> list[int]:
    return [number for number in range(within.bit_length()) if within >> number & 1]


def _after_bases(changes: Sequence[Change]) -> list[Change]:
    """Return the events so that every one comes after those it was edited from, else by clock."""
    at = {change.event_id: change for change in changes}
    placed: dict[str, Change] = {}
    for change in changes:
        waiting = [change]
        on_way = {change.event_id}
        while waiting:
            one = waiting[-1]
            missing = [at[base] for base in bases(one.base) if base in at and base not in placed and base not in on_way]
            if missing:
                waiting += missing[:1]
                on_way.add(missing[0].event_id)
            else:
                placed.setdefault(one.event_id, waiting.pop())
    return list(placed.values())


def _decided(change: Change) -> set[str]:
    """Return the columns a person decided, as ``resolve(["name"])`` in the event says."""
    if not (change.source_ref.startswith(RESOLVE) and change.source_ref.endswith(")")):
        return set()
    try:
        names = json.loads(change.source_ref[len(RESOLVE) : -1])
    except ValueError:
        return set()
    return {str(name) for name in names} if isinstance(names, list) else set()
