"""What went wrong, said so that the person who has the file can mend it.

Every message answers four questions: where, what is wrong with which value, what was expected, what to do next.
All problems of one input are collected into one error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "CoordinateError",
    "MapError",
    "NetworkError",
    "OutfallError",
    "PlaceError",
    "Problem",
    "ProjectError",
    "ReadError",
    "SceneError",
    "StoreError",
    "TableError",
    "TraceError",
    "UnitError",
    "UnsafeInputError",
]

_EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with an input, and the way out.

    Parameters
    ----------
    where : str
        Column, file or feature, with its Chinese label where it has one.
    what : str
        What is wrong, with the value that was found and what was expected.
    fix : str
        What to do next.
    rows : tuple of str
        The rows concerned, as the user counts them (file row or id). At most three are printed.
    """

    where: str
    what: str
    fix: str = ""
    rows: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the problem as one line."""
        shown = ", ".join(self.rows[:_EXAMPLES])
        more = len(self.rows) - _EXAMPLES
        rows = f" (row {shown}{f' and {more} more' if more > 0 else ''})" if self.rows else ""
        fix = f"; {self.fix}" if self.fix else ""
        return f"{self.where}: {self.what}{rows}{fix}"


class OutfallError(Exception):
    """Base class of every error this package raises on purpose.

    Parameters
    ----------
    message : str
        The headline: which input, and how many problems.
    problems : sequence of Problem
        Each problem found; all of them, not the first.
    fix : str
        A last line with the way out for the whole input.

    Examples
    --------
    >>> print(TableError("walk.xlsx: 1 problem", [Problem("seen_at (发现时间)", "'昨天' is not a time", "write 2026-04-12", ("walk.xlsx#3",))]))
    walk.xlsx: 1 problem
      - seen_at (发现时间): '昨天' is not a time (row walk.xlsx#3); write 2026-04-12
    """

    def __init__(self, message: str, problems: Iterable[Problem] = (), *, fix: str = "") -> None:
        self.message = message
        self.problems: Sequence[Problem] = tuple(problems)
        self.fix = fix
        lines = [message, *(f"  - {problem}" for problem in self.problems)]
        super().__init__("\n".join([*lines, fix] if fix else lines))


class ReadError(OutfallError, OSError):
    """A file cannot be read: missing, empty, damaged, of another format, or unsafe."""

    def __str__(self) -> str:
        """Return the message alone; OSError would print an errno tuple."""
        return str(self.args[0])


class UnsafeInputError(ReadError):
    """A file is refused before it is opened: it would unpack to too much, open other files, or run something."""


class TableError(OutfallError, ValueError):
    """A table does not meet its contract."""


class CoordinateError(OutfallError, ValueError):
    """A coordinate system is missing, mixed or not the one the numbers speak of."""


class UnitError(OutfallError, ValueError):
    """A unit is unknown, or cannot be converted for this parameter."""


class NetworkError(OutfallError, ValueError):
    """Lines cannot be made into a network, or a network is asked for something it does not have."""


class PlaceError(OutfallError, ValueError):
    """A point has no place on the network."""


class TraceError(OutfallError, ValueError):
    """A trace cannot be made from these tables."""


class MapError(OutfallError, ValueError):
    """A table or raster cannot be drawn."""


class SceneError(OutfallError, ValueError):
    """A raster cannot answer: wrong quantity or band, no CRS, no offset, a sensor or year nobody calibrated."""


class StoreError(OutfallError, RuntimeError):
    """The store refuses: damaged, locked, of another version, or opened in an unsafe way."""


class ProjectError(OutfallError, ValueError):
    """A project folder is missing something, or its outfall.toml says something impossible."""
