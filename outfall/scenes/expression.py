"""What does a formula written as text mean: a graph of operations in which equal parts are one node, and nothing else runs."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from outfall.errors import SceneError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Node", "bands_of", "names_in", "parse_formula", "parts_of"]

Node = tuple[object, ...]


class _Known(NamedTuple):
    """What a formula may refer to beside bands."""

    centres_nm: Mapping[str, float]
    parts: Mapping[str, Node]


_BINARY: dict[type, str] = {
    ast.Add: "add",
    ast.Sub: "subtract",
    ast.Mult: "multiply",
    ast.Div: "divide",
    ast.Pow: "power",
}
_COMPARE: dict[type, str] = {
    ast.Lt: "less",
    ast.LtE: "less_equal",
    ast.Gt: "greater",
    ast.GtE: "greater_equal",
    ast.NotEq: "not_equal",
}
_LOGIC: dict[type, str] = {ast.BitAnd: "logical_and", ast.BitOr: "logical_or"}
_CALLS = {
    "ln": "log",
    "log10": "log10",
    "exp": "exp",
    "sqrt": "sqrt",
    "maximum": "maximum",
    "minimum": "minimum",
    "atan2": "arctan2",
}


def names_in(text: str) -> tuple[str, ...]:
    """Return the bands a formula reads, in the order of their first use.

    Parameters
    ----------
    text : str
        A formula.

    Returns
    -------
    tuple of str
        Names.

    Raises
    ------
    SceneError
        The text is no formula.

    Examples
    --------
    >>> names_in("nd(green, nir) + 2 * green")
    ('green', 'nir')
    """
    found: dict[str, None] = {}
    tree = _tree(text)
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    inside_nm = {id(part) for node in ast.walk(tree) if _is_call(node, "nm") for part in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and id(node) not in called | inside_nm:
            found.setdefault(node.id)
    return tuple(sorted(found, key=text.find))


def parse_formula(text: str, centres_nm: Mapping[str, float], *, let: Mapping[str, str] | None = None) -> Node:
    """Return the graph of one formula.

    Parameters
    ----------
    text : str
        A formula.
    centres_nm : mapping of str to float
        Centres of bands, for ``nm``.
    let : mapping of str to str, optional
        Names of parts of the formula, each a formula over bands and the names before it.

    Returns
    -------
    tuple
        Operation and operands, nested; equal parts are equal tuples.

    Raises
    ------
    SceneError
        The text holds something that is no formula.

    Examples
    --------
    >>> parse_formula("red / 2", {})
    ('divide', ('band', 'red'), ('const', 2.0))
    """
    known: dict[str, Node] = {}
    for name, part in (let or {}).items():
        known[name] = _node(_tree(part).body, _Known(centres_nm, known))
    return _node(_tree(text).body, _Known(centres_nm, known))


def bands_of(node: Node) -> list[str]:
    """Return the bands a graph reads."""
    if node[0] == "band":
        return [str(node[1])]
    return [name for part in parts_of(node) for name in bands_of(part)]


def parts_of(node: Node) -> list[Node]:
    """Return the operands of an operation; a band or a number has none."""
    return [] if node[0] in ("band", "const") else [part for part in node[1:] if isinstance(part, tuple)]


def _tree(text: str) -> ast.Expression:
    try:
        return ast.parse(text.strip(), mode="eval")
    except SyntaxError as error:
        msg = f"formula: {text!r} cannot be read ({error.msg})"
        raise SceneError(msg) from error


def _is_call(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name


def _node(tree: ast.AST, known: _Known) -> Node:
    if isinstance(tree, ast.Constant) and isinstance(tree.value, (int, float)) and not isinstance(tree.value, bool):
        return ("const", float(tree.value))
    if isinstance(tree, ast.Name):
        return known.parts.get(tree.id, ("band", tree.id))
    if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.USub):
        inner = _node(tree.operand, known)
        return ("const", -float(inner[1])) if inner[0] == "const" else ("negative", inner)  # type: ignore[arg-type]
    if isinstance(tree, ast.BinOp) and type(tree.op) in _BINARY | _LOGIC:
        return _folded((_BINARY | _LOGIC)[type(tree.op)], _node(tree.left, known), _node(tree.right, known))
    if isinstance(tree, ast.Compare) and len(tree.ops) == 1 and type(tree.ops[0]) in _COMPARE:
        return (_COMPARE[type(tree.ops[0])], _node(tree.left, known), _node(tree.comparators[0], known))
    if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name) and not tree.keywords:
        return _call(tree.func.id, tree.args, known)
    msg = f"formula: {ast.unparse(tree)!r} is not allowed; expected numbers, bands, + - * / **, comparisons and known functions"
    raise SceneError(msg)


def _call(name: str, given: Sequence[ast.AST], known: _Known) -> Node:
    if name == "nm" and len(given) == 1 and isinstance(given[0], ast.Name):
        if given[0].id not in known.centres_nm:
            msg = f"formula: nobody said the centre of band {given[0].id!r}; give it in nm"
            raise SceneError(msg)
        return ("const", float(known.centres_nm[given[0].id]))
    parts = [_node(part, known) for part in given]
    if name == "nd" and len(parts) == 2:
        return ("ratio", ("subtract", *parts), ("add", *parts))
    if name == "clip" and len(parts) == 3:
        return ("minimum", ("maximum", parts[0], parts[1]), parts[2])
    if (name, len(parts)) in {("ratio", 2), ("where", 3)}:
        return (name, *parts)
    if name in _CALLS and len(parts) == (2 if name in ("maximum", "minimum", "atan2") else 1):
        return (_CALLS[name], *parts)
    msg = f"formula: no function {name}() of {len(parts)} arguments; there are nd, ratio, where, clip, nm, {', '.join(_CALLS)}"
    raise SceneError(msg)


def _folded(operation: str, left: Node, right: Node) -> Node:
    """Return the number two numbers make, or the operation."""
    if left[0] == right[0] == "const" and operation in _BINARY.values():
        return ("const", float(getattr(np, operation)(left[1], right[1])))
    if operation == "power" and right == ("const", 2.0):
        return ("multiply", left, left)
    return (operation, left, right)
