"""Whether one value of outfall.toml is possible, and what was probably meant."""

from __future__ import annotations

import difflib
import unicodedata
import zoneinfo
from typing import TYPE_CHECKING

import pyproj

from outfall.errors import Problem
from outfall.vocabulary import plain

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["SHIFTED", "crs_problems", "find_existing", "list_neighbours", "name_problem", "near_miss", "zone_problems"]

SHIFTED = ("gcj02", "bd09")
_BAD_IN_NAME = set('/\\:*?"<>|')
_RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10))}
_NEIGHBOURS = 400


def name_problem(name: str) -> str:
    """Return why a name cannot be that of a file, empty where it can."""
    if _BAD_IN_NAME & set(name) or any(ord(sign) < 32 for sign in name):
        return "holds a sign that file names must not have"
    if (
        name.split(".", maxsplit=1)[0].strip().casefold() in _RESERVED
        or name[:1] in (".", "-")
        or name[-1:] in (".", " ")
    ):
        return "is no file name on every computer"
    return "is longer than 80 signs" if len(name) > 80 else ""


def crs_problems(text: str, where: str, *, words: tuple[str, ...], is_metric: bool = False) -> list[Problem]:
    """Return what is wrong with the text of a CRS."""
    if plain(text).replace("-", "") in words:
        return []
    try:
        crs = pyproj.CRS.from_user_input(text)
    except pyproj.exceptions.CRSError:
        return [
            Problem(
                where, f"{text!r} is not a coordinate system", f"write EPSG:4490, EPSG:4547 or {' or '.join(words)}"
            )
        ]
    if is_metric and not crs.is_projected:
        return [
            Problem(
                where,
                f"{text!r} is in degrees; the network needs metres",
                'write "auto" or a projected one such as EPSG:4547',
            )
        ]
    return []


def zone_problems(text: str, where: str) -> list[Problem]:
    """Return what is wrong with the name of a time zone."""
    known = zoneinfo.available_timezones()
    return (
        []
        if text in known
        else [
            Problem(where, f"{text!r} is not a time zone", near_miss(text, sorted(known), "for example Asia/Shanghai;"))
        ]
    )


def near_miss(text: str, names: Iterable[str], listing: str) -> str:
    """Return the name that was probably meant, or all there are."""
    choices = list(names)
    folded = {name.casefold(): name for name in choices}
    near = difflib.get_close_matches(text.casefold(), list(folded), n=1, cutoff=0.6)
    if near:
        return f"did you mean {folded[near[0]]!r}?"
    return f"{listing} {', '.join(choices[:15])}{' …' if len(choices) > 15 else ''}" if choices else f"{listing} none"


def find_existing(path: Path) -> Path | None:
    """Return the path as the disk spells it; one name can be written with accents apart or joined."""
    if path.exists():
        return path
    parent = find_existing(path.parent) if path.parent != path else None
    if parent is None or not parent.is_dir():
        return None
    name = unicodedata.normalize("NFC", path.name)
    return next((item for item in parent.iterdir() if unicodedata.normalize("NFC", item.name) == name), None)


def list_neighbours(folder: Path) -> list[Path]:
    """Return what lies in a folder and one level below, without hidden files."""
    found = [item for item in sorted(folder.iterdir()) if not item.name.startswith(".")] if folder.is_dir() else []
    below = [part for item in found if item.is_dir() for part in sorted(item.iterdir())]
    return [item for item in found + below if item.name != "outfall.toml"][:_NEIGHBOURS]
