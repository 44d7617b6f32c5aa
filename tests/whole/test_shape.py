"""Files near 300 lines, bodies near 40: what does not fit becomes two things."""

import ast
from pathlib import Path

import pytest

import outfall

PACKAGE = Path(outfall.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))


def body_lines(node):
    """Return how many lines a function has without its docstring."""
    first = node.body[0]
    is_doc = isinstance(first, ast.Expr) and isinstance(getattr(first, "value", None), ast.Constant)
    rest = node.body[1:] if is_doc else node.body
    return rest[-1].end_lineno - rest[0].lineno + 1 if rest else 0


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_file_is_near_300_lines_and_says_what_it_answers(path):
    """A module that grows past 300 lines becomes a folder of the same name."""
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    head = ast.get_docstring(tree)
    assert head, "the first line says which question the file answers"
    assert len(text.splitlines()) <= 300 or "Longer than 300 lines because" in head
    long = [node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and body_lines(node) > 45]
    assert long == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_says_what_is_public(path):
    """``__all__`` is there, and everything in it."""
    names = {
        target.id
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, (ast.Assign, ast.AnnAssign))
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    }
    assert "__all__" in names


def test_no_drawer_for_everything():
    """No utils, helpers, common, misc, core or base."""
    assert not {path.stem for path in FILES} & {"utils", "helpers", "common", "misc", "core", "base"}
