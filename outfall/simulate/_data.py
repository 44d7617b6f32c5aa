"""What does the simulator know by heart: profiles, kinds, daily patterns, syllables and the sizes of its errors."""

from __future__ import annotations

import csv
import tomllib
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["errors", "kinds", "patterns", "profiles", "rows", "syllables", "town_rules", "tracers"]

_HERE = "outfall.simulate"


@cache
def profiles() -> Mapping[str, Mapping[str, float]]:
    """Return the mean of every parameter in the water of every kind, in canonical units. Ours and invented."""
    found = {}
    for row in rows("profiles.csv"):
        found[row["kind"]] = MappingProxyType(
            {name: float(value) for name, value in row.items() if name not in ("kind", "is_verified")}
        )
    return MappingProxyType(found)


@cache
def tracers() -> tuple[Mapping[str, str], ...]:
    """Return what the laboratory determines, in the order of its sheet: one row per parameter."""
    return rows("parameters.csv")


@cache
def kinds() -> tuple[Mapping[str, str], ...]:
    """Return the kinds of sources: where they stand, how many, how much they discharge."""
    return rows("kinds.csv")


@cache
def patterns() -> Mapping[str, tuple[float, ...]]:
    """Return 24 hourly factors of every daily pattern."""
    return MappingProxyType(
        {row["pattern"]: tuple(float(row[f"h{hour:02d}"]) for hour in range(24)) for row in rows("patterns.csv")}
    )


@cache
def syllables() -> Mapping[str, tuple[str, ...]]:
    """Return the lists that invented names are composed from."""
    return MappingProxyType({row["list"]: tuple(row["words"].split(";")) for row in rows("syllables.csv")})


def errors() -> Mapping[str, float]:
    """Return the sizes of the errors made on purpose."""
    return _settings()["error"]


def town_rules() -> Mapping[str, float]:
    """Return the shares a town is drawn with."""
    return _settings()["town"]


@cache
def rows(name: str) -> tuple[Mapping[str, str], ...]:
    """Return the rows of one data file of this package."""
    text = files(_HERE).joinpath(name).read_text(encoding="utf-8")
    return tuple(MappingProxyType(row) for row in csv.DictReader(text.splitlines()))


@cache
def _settings() -> Mapping[str, Mapping[str, float]]:
    text = files(_HERE).joinpath("settings.toml").read_text(encoding="utf-8")
    return {name: MappingProxyType(part) for name, part in tomllib.loads(text).items()}
