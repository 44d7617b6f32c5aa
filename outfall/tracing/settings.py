"""What is assumed where nobody measured: the numbers behind every trace, as data, with where they come from."""

from __future__ import annotations

import copy
import difflib
import tomllib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from outfall.errors import Problem, TraceError
from outfall.network import default_weights

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Settings", "default_settings", "merge_settings"]

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


def merge_settings(overrides: Mapping[str, Mapping[str, float]] | None) -> Settings:
    """Return the default settings with some numbers replaced.

    Parameters
    ----------
    overrides : mapping of str to mapping, or None
        Section, then name, then number; what is not named keeps its default.

    Returns
    -------
    dict of str to dict
        Every setting of a trace.

    Raises
    ------
    TraceError
        A section or name is not a setting, or a share is not between 0 and 1; all of them are listed.

    Examples
    --------
    >>> merge_settings({"run": {"unregistered_share": 0.3}})["run"]
    {'unregistered_share': 0.3, 'seed': 0.0}
    """
    settings, problems = default_settings(), []
    for section, part in (overrides or {}).items():
        for name, value in part.items():
            problem = _refuse(settings, section, name, value)
            if problem is None:
                settings[section][name] = float(value)
            else:
                problems.append(problem)
    if problems:
        msg = f"trace: {len(problems)} setting{'s' if len(problems) > 1 else ''} cannot be used"
        raise TraceError(msg, problems, fix="default_settings() shows every section and name.")
    return settings


def _refuse(settings: Settings, section: str, name: str, value: object) -> Problem | None:
    where, known = f"[{section}] {name}", settings.get(section, {})
    if name not in known and section != "source_sigma_m":
        names = [f"[{part}] {key}" for part, keys in settings.items() for key in keys]
        near = difflib.get_close_matches(where, names, n=1)
        return Problem(where, "is no setting", f"did you mean {near[0]}?" if near else "")
    if isinstance(value, bool) or not isinstance(value, int | float):
        return Problem(where, f"{value!r} is not a number", "give a number")
    if section == "run" and name == "unregistered_share" and not 0.0 < value < 1.0:
        return Problem(where, f"{value:g} was given; a share between 0 and 1 was expected", "give 0.1 to 0.3")
    return None


@cache
def _settings() -> Settings:
    with files(__package__).joinpath("settings.toml").open("rb") as stream:
        tables = {name: part for name, part in tomllib.load(stream).items() if isinstance(part, dict)}
    numbers = {name: {key: float(value) for key, value in part.items()} for name, part in tables.items()}
    return {**numbers, "direction": default_weights()}
