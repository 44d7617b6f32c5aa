"""Which unit a text means, and what a value is in another one.

A small table of this trade's spellings (``µg/L``, ``万m³/年``, ``个/L``, ``℃``): a general unit library knows the
physics but none of these texts, and none of the traps (mg/m3 is µg/L; 度 is turbidity here, not an angle).
"""

from __future__ import annotations

import csv
import unicodedata
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from outfall.errors import UnitError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["convert", "find_unit", "transform"]


@dataclass(frozen=True, slots=True)
class _Unit:
    name: str
    dimension: str
    factor: float
    offset: float


def find_unit(text: object) -> str | None:
    """Return the canonical spelling of a unit, or None where the text is not a unit we know.

    Parameters
    ----------
    text : object
        A unit as a laboratory writes it.

    Returns
    -------
    str or None
        Canonical spelling.

    Examples
    --------
    >>> find_unit("μg/L"), find_unit("毫克/升"), find_unit("furlong")
    ('ug/L', 'mg/L', None)
    """
    return _index().get(_fold(text))


def convert(value: float, from_unit: str, to_unit: str, *, molar_mass_g: float | None = None) -> float:
    """Return a value in another unit.

    Parameters
    ----------
    value : float
        In from_unit.
    from_unit, to_unit : str
        Any spelling find_unit knows.
    molar_mass_g : float, grams per mole, optional
        Needed between amount and mass (mmol/L to mg/L).

    Returns
    -------
    float
        In to_unit.

    Raises
    ------
    UnitError
        A unit is unknown, or the two do not measure the same thing.

    Examples
    --------
    >>> convert(50.0, "ug/L", "mg/L")
    0.05
    >>> convert(1.0, "mmol/L", "mg/L", molar_mass_g=14.007)
    14.007
    """
    factor, offset = transform(from_unit, to_unit, molar_mass_g=molar_mass_g)
    return value * factor + offset


def transform(from_unit: str, to_unit: str, *, molar_mass_g: float | None = None) -> tuple[float, float]:
    """Return factor and offset between two units: ``value * factor + offset`` is in to_unit.

    Parameters
    ----------
    from_unit, to_unit : str
        Any spelling find_unit knows.
    molar_mass_g : float, grams per mole, optional
        Needed between amount and mass.

    Returns
    -------
    tuple of float
        Factor and offset.

    Raises
    ------
    UnitError
        A unit is unknown, or the two do not measure the same thing.

    Examples
    --------
    >>> transform("µg/L", "mg/L")
    (0.001, 0.0)
    """
    source, target = _known(from_unit), _known(to_unit)
    factor = source.factor / target.factor
    if source.dimension == target.dimension:
        return factor, (source.offset - target.offset) / target.factor
    pair = (source.dimension, target.dimension)
    if molar_mass_g and pair == ("amount concentration", "mass concentration"):
        return factor * molar_mass_g, 0.0
    if molar_mass_g and pair == ("mass concentration", "amount concentration"):
        return factor / molar_mass_g, 0.0
    msg = (
        f"{from_unit!r} is a {source.dimension} and {to_unit!r} a {target.dimension}: "
        "no conversion; correct the unit in the file"
    )
    raise UnitError(msg)


def _known(text: str) -> _Unit:
    name = find_unit(text)
    if name is None:
        msg = f"unit {text!r} is not known; write one of {', '.join(_units())}"
        raise UnitError(msg)
    return _units()[name]


def _fold(text: object) -> str:
    folded = "".join(unicodedata.normalize("NFKC", str(text)).casefold().split())
    return folded.replace("μ", "u").replace("µ", "u").replace("³", "3")


@cache
def _units() -> Mapping[str, _Unit]:
    return {
        row["unit"]: _Unit(row["unit"], row["dimension"], float(row["factor"]), float(row["offset"])) for row in _rows()
    }


@cache
def _index() -> Mapping[str, str]:
    return {
        _fold(text): row["unit"] for row in _rows() for text in (row["unit"], *filter(None, row["aliases"].split(";")))
    }


@cache
def _rows() -> tuple[dict[str, str], ...]:
    return tuple(csv.DictReader(files("outfall").joinpath("units.csv").read_text(encoding="utf-8").splitlines()))
