"""How outfall.toml is read and written: readable, with its comments kept when something is added."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

import tomlkit

from outfall.errors import ProjectError
from outfall.project.settings import FILE_NAME

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["append_input", "read_text", "write_text"]


def write_text(
    settings: Mapping[str, str],
    inputs: Iterable[tuple[Mapping[str, object], Iterable[str]]],
    *,
    notes: Iterable[str] = (),
) -> str:
    """Return the text of a new outfall.toml.

    Parameters
    ----------
    settings : mapping of str to str
        The table ``[project]``.
    inputs : iterable of (mapping, iterable of str)
        Each ``[[input]]`` with the comments above it.
    notes : iterable of str
        Comments at the end.

    Returns
    -------
    str
        TOML.

    Examples
    --------
    >>> print(write_text({"name": "county"}, [({"role": "rivers", "path": "a.shp"}, ["because it says so"])]))
    [project]
    name = "county"
    <BLANKLINE>
    # because it says so
    [[input]]
    role = "rivers"
    path = "a.shp"
    <BLANKLINE>
    """
    blocks = [tomlkit.dumps({"project": dict(settings)})]
    blocks += [
        "".join([*map(_comment, comments), tomlkit.dumps({"input": _listed(entry)})]) for entry, comments in inputs
    ]
    last = "".join(map(_comment, notes))
    return "\n".join([*blocks, last] if last else blocks)


def append_input(text: str, entry: Mapping[str, object]) -> str:
    """Return the text with one more input at its end; everything before stays as it was written.

    Examples
    --------
    >>> print(append_input("[project] # ours", {"role": "rivers", "path": "a.shp"}))
    [project] # ours
    <BLANKLINE>
    [[input]]
    role = "rivers"
    path = "a.shp"
    <BLANKLINE>
    """
    return f"{text.rstrip()}\n\n{tomlkit.dumps({'input': _listed(entry)})}"


def _listed(entry: Mapping[str, object]) -> tomlkit.items.AoT:
    item = tomlkit.table()
    for key, value in entry.items():
        inside = tomlkit.inline_table()
        if isinstance(value, Mapping):
            inside.update(dict(value))
        item.add(key, inside if isinstance(value, Mapping) else value)
    listed = tomlkit.aot()
    listed.append(item)
    return listed


def _comment(text: str) -> str:
    plain = re.sub(r"[\x00-\x1f\x7f]+", " ", text)
    return f"# {plain}\n"


def read_text(folder: Path) -> str:
    """Return what the ``outfall.toml`` of a folder says, in either encoding that editors write."""
    file = folder / FILE_NAME
    if not file.is_file():
        msg = f"{folder}: no {FILE_NAME} in this folder; write one with: outfall init {folder}"
        raise ProjectError(msg)
    raw = file.read_bytes()
    for encoding in ("utf-8-sig", "gb18030"):  # Windows editors write both
        try:
            return raw.decode(encoding).replace("\r\n", "\n")
        except UnicodeDecodeError:
            continue
    msg = f"{file}: the text is neither UTF-8 nor GB 18030; save it as UTF-8"
    raise ProjectError(msg)
