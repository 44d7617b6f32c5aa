"""What is assumed where nobody measured: the numbers behind every trace, as data, with where they come from."""

from __future__ import annotations

import copy
import tomllib
from functools import cache
from importlib.resources import files

from outfall.network import default_weights

__all__ = ["Settings", "default_settings"]

Settings = dict[str, dict[str, float]]


def default_settings() -> Settings:
    """Return the settings a trace uses, free to be changed: a new copy each time.

    Returns
    -------
    dict of str to dict
        Section, then name, then number. Every one is our default, none a rule of a standard.

    Examples
    --------
    >>> default_settings()["combine"]["temperature"] > 0
    True
    """
    return copy.deepcopy(_settings())


@cache
def _settings() -> Settings:
    with files(__package__).joinpath("settings.toml").open("rb") as stream:
        tables = {name: part for name, part in tomllib.load(stream).items() if isinstance(part, dict)}
    numbers = {name: {key: float(value) for key, value in part.items()} for name, part in tables.items()}
    return {**numbers, "direction": default_weights()}
