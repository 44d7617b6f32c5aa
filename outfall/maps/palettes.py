"""Which colours a row of numbers may get: palettes by name, each a few stops in a shipped table."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np

from outfall.errors import MapError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["has_middle", "list_palettes", "parse_colour", "ramp", "ramp_rgb"]


def list_palettes() -> tuple[str, ...]:
    """Return the names of all palettes; each also exists reversed, with ``_r`` behind its name.

    Returns
    -------
    tuple of str
        In the order of the shipped table.

    Examples
    --------
    >>> list_palettes()[:3]
    ('viridis', 'cividis', 'blue_orange')
    """
    return tuple(_table())


def ramp(palette: str, count: int) -> list[str]:
    """Return colours evenly spaced along a palette.

    Parameters
    ----------
    palette : str
        One of `list_palettes`, or with ``_r`` behind it.
    count : int
        How many.

    Returns
    -------
    list of str
        Such as ``#440154``.

    Raises
    ------
    MapError
        The palette is not known.

    Examples
    --------
    >>> ramp("viridis", 3)
    ['#440154', '#21918c', '#fde725']
    """
    return [f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in ramp_rgb(palette, count)]


def ramp_rgb(palette: str, count: int) -> NDArray[np.uint8]:
    """Return colours evenly spaced along a palette, as numbers.

    Parameters
    ----------
    palette : str
        One of `list_palettes`, or with ``_r`` behind it.
    count : int
        How many.

    Returns
    -------
    array, count x 3
        Red, green and blue.

    Raises
    ------
    MapError
        The palette is not known.
    """
    stops = np.array([parse_colour(colour, "palette") for colour in _row(palette)[1]], float)
    at = np.linspace(0, len(stops) - 1, count)
    return np.rint(np.column_stack([np.interp(at, np.arange(len(stops)), stops[:, k]) for k in range(3)])).astype(
        np.uint8
    )


def has_middle(palette: str) -> bool:
    """Return whether a palette has a neutral middle, as for numbers on both sides of zero.

    Parameters
    ----------
    palette : str
        One of `list_palettes`, or with ``_r`` behind it.

    Returns
    -------
    bool
        Whether it has.

    Raises
    ------
    MapError
        The palette is not known.
    """
    return _row(palette)[0]


def parse_colour(colour: str, name: str) -> tuple[int, int, int]:
    """Return red, green and blue of a colour in words.

    Parameters
    ----------
    colour : str
        Such as ``#0072B2``.
    name : str
        How messages call what it belongs to.

    Returns
    -------
    tuple of int
        Each 0 to 255.

    Raises
    ------
    MapError
        It is no colour.
    """
    from PIL import ImageColor

    try:
        red, green, blue = ImageColor.getrgb(colour)[:3]
    except ValueError as error:
        msg = f"{name}: {colour!r} is no colour; expected one such as '#0072B2'"
        raise MapError(msg) from error
    return red, green, blue


def _row(palette: str) -> tuple[bool, list[str]]:
    name = palette.removesuffix("_r")
    if name not in _table():
        msg = f"palette: {palette!r} is not one of {', '.join(_table())}"
        raise MapError(msg)
    is_diverging, colours = _table()[name]
    return is_diverging, colours[::-1] if palette.endswith("_r") else colours


@cache
def _table() -> dict[str, tuple[bool, list[str]]]:
    text = files("outfall.maps").joinpath("palettes.csv").read_text(encoding="utf-8")
    return {
        row["palette"]: (row["is_diverging"] == "yes", row["colours"].split())
        for row in csv.DictReader(text.splitlines())
    }
