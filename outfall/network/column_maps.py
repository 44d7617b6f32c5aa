"""Which heading of a known data set means which of our columns: the named maps, as data."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING

from outfall.errors import NetworkError, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["column_map", "column_maps"]


def column_map(name: str) -> Mapping[str, str]:
    """Return what the headings of one data set mean.

    The maps are applied by `read_network` and `build_network` without being asked for; this is to look at them, or to
    begin a ``rename`` of one's own.

    Parameters
    ----------
    name : str
        Name of a map, one of `column_maps`.

    Returns
    -------
    mapping of heading to column
        Read-only. Headings are compared without case, blanks and underscores.

    Raises
    ------
    NetworkError
        There is no such map.

    Examples
    --------
    >>> column_map("hydrorivers")["next_down"]
    'to_reach'
    """
    if name not in column_maps():
        problem = Problem("name", f"{name!r} is no column map", f"choose from {', '.join(column_maps())}")
        msg = "column_map"
        raise NetworkError(msg, [problem])
    return MappingProxyType({row["heading"]: row["column"] for row in _rows() if row["schema"] == name})


def column_maps() -> tuple[str, ...]:
    """Return the names of the maps.

    Returns
    -------
    tuple of str
        In the order of the file.

    Examples
    --------
    >>> "grit" in column_maps(), "shuixi" in column_maps()
    (True, True)
    """
    return tuple(dict.fromkeys(row["schema"] for row in _rows()))


@cache
def _rows() -> tuple[dict[str, str], ...]:
    stream = files(__package__).joinpath("column_maps.csv").read_text(encoding="utf-8").splitlines()
    return tuple(csv.DictReader(stream))
