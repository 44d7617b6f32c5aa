"""As which substance a concentration is counted: nitrate as N or as NO3, phosphate as P or as PO4."""

from __future__ import annotations

import csv
import re
import unicodedata
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Basis", "basis_factor", "split_basis"]

_WORDS = re.compile(r"^(?P<unit>.*?)\s*(?:\bas\s*|以|按)\s*(?P<basis>[A-Za-z0-9()+\-]+?)\s*(?:计|记)?$", re.IGNORECASE)
_BARE = re.compile(r"^(?P<unit>\S+/\S+)\s+(?P<basis>[A-Za-z][A-Za-z0-9()+\-]*)$")


class Basis(NamedTuple):
    """A unit and the substance it is counted as, empty where the text names none."""

    unit: str
    basis: str


def split_basis(text: object) -> Basis:
    """Return the unit of a text and the substance behind it.

    Parameters
    ----------
    text : object
        A unit as a laboratory writes it.

    Returns
    -------
    Basis
        The text itself and no basis where there is none.

    Examples
    --------
    >>> split_basis("mg/L as NO3"), split_basis("mg/l CaCO3"), split_basis("以N计"), split_basis("mg/L")
    (Basis(unit='mg/L', basis='NO3'), Basis(unit='mg/l', basis='CaCO3'), Basis(unit='', basis='N'), Basis(unit='mg/L', basis=''))
    """
    plain = " ".join(unicodedata.normalize("NFKC", str(text)).split())
    found = _WORDS.match(plain)
    if found is None:
        found = _BARE.match(plain)
        if found is None or not any(_fold(found["basis"]) in names for names in _bases().values()):
            return Basis(plain, "")
    return Basis(found["unit"].strip("( ,"), found["basis"].strip("()"))


def basis_factor(parameter: str, basis: str) -> float | None:
    """Return what turns a concentration counted as a substance into the way we keep the parameter.

    Parameters
    ----------
    parameter : str
        A name of vocabulary.parameters().
    basis : str
        Such as ``"NO3"``; empty means the way we keep it.

    Returns
    -------
    float or None
        None where this parameter is never counted so.

    Examples
    --------
    >>> round(basis_factor("nitrate", "NO3"), 4), basis_factor("nitrate", "N"), basis_factor("nitrate", "P")
    (0.2259, 1.0, None)
    """
    if basis == "":
        return 1.0
    return _bases().get(parameter, {}).get(_fold(basis))


@cache
def _bases() -> Mapping[str, Mapping[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for row in csv.DictReader(files(__package__).joinpath("bases.csv").read_text(encoding="utf-8").splitlines()):
        for name in (row["basis"], *filter(None, row["aliases"].split(";"))):
            found.setdefault(row["parameter"], {})[_fold(name)] = float(row["factor"])
    return found


def _fold(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).casefold().split()).strip("()")
