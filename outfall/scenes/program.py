"""How are formulas computed fast: one program for many of them, tile by tile, nothing computed twice.

The steps work on a few buffers that fit the cache, so that whole temporaries are never made: index arithmetic is bound by
memory, not by arithmetic.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from outfall.scenes.expression import bands_of, parse_formula, parts_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from outfall.scenes.expression import Node

__all__ = ["Program", "compile_formulas"]

_TRUTHS = {"less", "less_equal", "greater", "greater_equal", "not_equal", "logical_and", "logical_or"}
_TILE = 65_536


class Step(NamedTuple):
    """One operation: its name, where the result goes, and what it works on."""

    operation: str
    target: tuple[str, int]
    operands: tuple[tuple[str, object], ...]


class Program(NamedTuple):
    """Steps that turn bands into the values of some formulas.

    Parameters
    ----------
    steps : tuple of Step
        In order.
    numbers, truths : int
        How many buffers of numbers and of truths the steps need.
    bands : tuple of str
        Names it reads.
    outputs : int
        How many results it writes.
    """

    steps: tuple[Step, ...]
    numbers: int
    truths: int
    bands: tuple[str, ...]
    outputs: int

    def run(self, bands: Mapping[str, NDArray[np.generic]], outs: Sequence[NDArray[np.float32]]) -> None:
        """Write the results for whole arrays, tile by tile.

        Parameters
        ----------
        bands : mapping of str to array, rows x columns
            Numbers of any type, by name; they become ``float32`` inside a tile.
        outs : sequence of float32 arrays, rows x columns
            Written in place, one per formula.
        """
        height, width = outs[0].shape if outs else (0, 0)
        rows = max(1, _TILE // max(width, 1))
        numbers = [np.empty((rows, width), np.float32) for _ in range(self.numbers)]
        truths = [np.empty((rows, width), bool) for _ in range(self.truths)]
        casts = {name: np.empty((rows, width), np.float32) for name in self.bands if bands[name].dtype != np.float32}
        with np.errstate(all="ignore"):
            for start in range(0, height, rows):
                stop = min(start + rows, height)
                view = {name: _tile(bands[name], casts.get(name), start, stop) for name in self.bands}
                places = {
                    "n": [buffer[: stop - start] for buffer in numbers],
                    "t": [buffer[: stop - start] for buffer in truths],
                    "o": [out[start:stop] for out in outs],
                }
                for step in self.steps:
                    _do(step, places, view)


def compile_formulas(
    texts: Sequence[str],
    *,
    refused: Sequence[Sequence[str]] = (),
    centres_nm: Mapping[str, float] | None = None,
    let: Mapping[str, str] | None = None,
) -> Program:
    """Return the program that computes some formulas together.

    Parameters
    ----------
    texts : sequence of str
        Formulas over names of bands: ``+ - * / **``, comparisons, ``&``, ``|``, and the functions ``nd`` (normalised
        difference), ``ratio`` (no value where the denominator is not positive), ``where``, ``clip``, ``ln``, ``log10``,
        ``exp``, ``sqrt``, ``minimum``, ``maximum``, ``atan2`` and ``nm`` (the centre of a band).
    refused : sequence of sequences of str
        For each formula the conditions under which it has no value.
    centres_nm : mapping of str to float, optional
        Centres of bands, for ``nm``.
    let : mapping of str to str, optional
        Names of parts, each a formula over bands and the names before it.

    Returns
    -------
    Program
        With as many outputs as formulas.

    Raises
    ------
    SceneError
        A text is no formula.

    Examples
    --------
    >>> program = compile_formulas(["nd(green, nir)", "where(nir > green, 0, 1)"])
    >>> outs = [np.empty((1, 2), np.float32) for _ in range(2)]
    >>> program.run({"green": np.array([[500, 900]], np.uint16), "nir": np.array([[1500, 100]], np.uint16)}, outs)
    >>> outs[0].tolist(), outs[1].tolist()
    ([[-0.5, 0.800000011920929]], [[0.0, 1.0]])
    """
    centres = dict(centres_nm or {})
    roots = [parse_formula(text, centres, let=let) for text in texts]
    conditions = [[parse_formula(text, centres, let=let) for text in group] for group in refused]
    flat = [condition for group in conditions for condition in group]
    bands = tuple(dict.fromkeys(name for root in [*roots, *flat] for name in bands_of(root)))
    return _schedule(roots, conditions, bands)


def _schedule(roots: Sequence[Node], conditions: Sequence[Sequence[Node]], bands: tuple[str, ...]) -> Program:
    order: dict[Node, None] = {}
    for node in [*roots, *(condition for group in conditions for condition in group)]:
        _visit(node, order)
    uses: dict[Node, int] = dict.fromkeys(order, 0)
    for node in order:
        for part in parts_of(node):
            uses[part] += 1
    for node in [*roots, *(condition for group in conditions for condition in group)]:
        uses[node] += 1
    first = {root: number for number, root in reversed(list(enumerate(roots))) if root[0] not in ("band", "const")}
    desk = _Desk(uses, first)
    for node in order:
        desk.take(node)
    # A result is written where it belongs at once; only a band itself, or a formula asked for twice, is copied.
    for number, root in enumerate(roots):
        if first.get(root) != number:
            desk.steps.append(Step("copy", ("o", number), (desk.where(root),)))
    for number, group in enumerate(conditions):
        for condition in group:
            desk.steps.append(Step("refuse", ("o", number), (desk.where(condition),)))
            desk.release(condition)
    return Program(tuple(desk.steps), desk.most["n"], desk.most["t"], bands, len(roots))


def _visit(node: Node, order: dict[Node, None]) -> None:
    if node in order:
        return
    for part in parts_of(node):
        _visit(part, order)
    order.setdefault(node)


class _Desk:
    """Buffers that are free, and where every value lies."""

    def __init__(self, uses: dict[Node, int], results: dict[Node, int]) -> None:
        self.uses = uses
        self.results = results
        self.steps: list[Step] = []
        self.free: dict[str, list[int]] = {"n": [], "t": []}
        self.most = {"n": 0, "t": 0}
        self.places: dict[Node, tuple[str, int]] = {}

    def where(self, node: Node) -> tuple[str, object]:
        return (str(node[0]), node[1]) if node[0] in ("band", "const") else self.places[node]

    def take(self, node: Node) -> None:
        if node[0] in ("band", "const"):
            return
        kind = "t" if node[0] in _TRUTHS else "n"
        operands = tuple(self.where(part) for part in parts_of(node))
        # A result may not lie on what a step of two passes still reads.
        is_careful = node[0] in ("ratio", "where")
        if not is_careful:
            self._release_parts(node)
        target = ("o", self.results[node]) if node in self.results else (kind, self._new(kind))
        spare = self._new("t") if node[0] == "ratio" else None
        extra = () if spare is None else (("t", spare),)
        self.steps.append(Step(str(node[0]), target, operands + extra))
        self.places[node] = target
        if spare is not None:
            self.free["t"].append(spare)
        if is_careful:
            self._release_parts(node)

    def _release_parts(self, node: Node) -> None:
        for part in parts_of(node):
            self.release(part)

    def release(self, node: Node) -> None:
        self.uses[node] -= 1
        kind, number = self.places.get(node, ("o", 0))
        if not self.uses[node] and kind != "o":
            self.free[kind].append(number)

    def _new(self, kind: str) -> int:
        if self.free[kind]:
            return self.free[kind].pop()
        self.most[kind] += 1
        return self.most[kind] - 1


def _tile(band: NDArray[np.generic], cast: NDArray[np.float32] | None, start: int, stop: int) -> NDArray[np.float32]:
    if cast is None:
        return band[start:stop]  # type: ignore[return-value]
    np.copyto(cast[: stop - start], band[start:stop], casting="unsafe")
    return cast[: stop - start]


def _do(step: Step, places: Mapping[str, list[NDArray[Any]]], bands: Mapping[str, NDArray[np.float32]]) -> None:
    target = places[step.target[0]][step.target[1]]
    given: list[Any] = [_value(operand, places, bands) for operand in step.operands]
    if step.operation == "copy":
        np.copyto(target, given[0])
    elif step.operation == "refuse":
        _blank(target, given[0])
    elif step.operation == "ratio":
        np.divide(given[0], given[1], out=target)
        _blank(target, np.less_equal(given[1], 0, out=given[2]))
    elif step.operation == "where":
        np.copyto(target, given[2])
        np.copyto(target, given[1], where=given[0])
    else:
        getattr(np, step.operation)(*given, out=target)


def _blank(target: NDArray[Any], where: NDArray[np.bool_]) -> None:
    """Take the value away where it may not be; looking first is cheaper than writing nowhere."""
    if where.any():
        np.copyto(target, np.float32(np.nan), where=where)


def _value(
    operand: tuple[str, Any], places: Mapping[str, list[NDArray[Any]]], bands: Mapping[str, NDArray[np.float32]]
) -> object:
    kind, what = operand
    if kind == "const":
        return np.float32(what)
    return bands[what] if kind == "band" else places[kind][what]
