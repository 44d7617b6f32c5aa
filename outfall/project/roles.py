"""What a file can be to a project, and what may be said about it."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING

from outfall.survey.headings import find_heading
from outfall.tables import contract
from outfall.vocabulary import parameters

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["COMMON_KEYS", "Cell", "Input", "Role", "is_column_of", "role_columns", "roles"]

Cell = str | int | float | bool
COMMON_KEYS = ("layer", "crs", "tz", "rename", "constants", "options")


@dataclass(frozen=True, slots=True)
class Role:
    """What a file can be.

    Parameters
    ----------
    name : str
        As ``outfall.toml`` says it.
    table : str
        Contract that its reader fills; empty for a scene.
    place : {"file", "folder", "either"}
        What its path must be.
    takes : tuple of str
        Which of the common keys its reader takes.
    options : tuple of str
        Options of its reader alone.
    zh, en : str
        Labels.
    """

    name: str
    table: str
    place: str
    takes: tuple[str, ...]
    options: tuple[str, ...]
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Input:
    """One input of a project, with the project's defaults filled in.

    Parameters
    ----------
    role : str
        What it is.
    path : Path
        Absolute.
    layer : str or None
        Layer or sheet.
    crs : str or None
        CRS of its lon/lat columns; of the file where that does not say its own (rivers, pipes).
    tz : str or None
        Zone of times that do not say theirs.
    rename : mapping of str to str
        Heading in the file to column.
    constants : mapping of str to value
        Values of columns the file lacks.
    options : mapping of str to value
        Options of its reader.
    """

    role: str
    path: Path
    layer: str | None = None
    crs: str | None = None
    tz: str | None = None
    rename: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, Cell] = field(default_factory=dict)
    options: Mapping[str, Cell | list[str]] = field(default_factory=dict)


@cache
def roles() -> Mapping[str, Role]:
    """Return every role by its name, in the order of the flow.

    Examples
    --------
    >>> roles()["boat"].table, roles()["drone"].place
    ('sightings', 'folder')
    """
    text = files(__package__).joinpath("roles.csv").read_text(encoding="utf-8")
    return MappingProxyType(
        {
            row["role"]: Role(
                name=row["role"],
                table=row["table"],
                place=row["place"],
                takes=_split(row["takes"]),
                options=_split(row["options"]),
                zh=row["zh"],
                en=row["en"],
            )
            for row in csv.DictReader(text.splitlines())
        }
    )


def role_columns(role: Role) -> list[str]:
    """Return the columns a heading may be mapped to.

    Examples
    --------
    >>> role_columns(roles()["sources"])[:2]
    ['source_id', 'name']
    """
    return [*contract(role.table).columns, "lon", "lat", "east", "north"] if role.table else []


def is_column_of(role: Role, name: str) -> bool:
    """Return whether a reader knows a column: of its contract, of its own, or a parameter.

    Examples
    --------
    >>> is_column_of(roles()["crawler"], "distance_m"), is_column_of(roles()["sources"], "distance_m")
    (True, False)
    """
    own = role.name in ("boat", "crawler") and find_heading(name, role.name) == name
    return (
        name in role_columns(role)
        or own
        or (role.table in ("results", "readings", "sightings") and name in parameters())
    )


def _split(text: str) -> tuple[str, ...]:
    return tuple(part for part in text.split(";") if part)
