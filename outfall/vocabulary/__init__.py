"""Which words are allowed in a column, what they are called in Chinese and English, and where each comes from.

The words are data (``words.csv``, ``parameters.csv``). A row whose ``is_verified`` is False is our default and is
never presented as a rule of the standard it names.
"""

from __future__ import annotations

import csv
import unicodedata
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Lang", "Parameter", "Word", "find_parameter", "find_word", "label", "parameters", "plain", "words"]

Lang = Literal["zh", "en"]


@dataclass(frozen=True, slots=True)
class Word:
    """One allowed value of one list, with its labels and its origin."""

    value: str
    zh: str
    en: str
    aliases: tuple[str, ...]
    standard: str
    clause: str
    evidence: str
    is_verified: bool


@dataclass(frozen=True, slots=True)
class Parameter:
    """One thing a laboratory or a meter reports, with the unit this package keeps it in."""

    name: str
    unit: str
    zh: str
    en: str
    hj212: str
    molar_mass_g: float | None
    aliases: tuple[str, ...]


def plain(text: object) -> str:
    """Return text folded for comparison: full-width to half-width, lower case, no blanks or underscores.

    Examples
    --------
    >>> plain(" ＮＨ３－Ｎ（mg/L） ")
    'nh3-n(mg/l)'
    """
    folded = unicodedata.normalize("NFKC", str(text)).casefold()
    return "".join(folded.split()).replace("_", "").replace("−", "-")


def words(name: str) -> Mapping[str, Word]:
    """Return the words of one list by their value, in the order of the file.

    Parameters
    ----------
    name : str
        Name of the list, such as ``"reach_kind"``.

    Returns
    -------
    mapping of str to Word
        Read-only.

    Raises
    ------
    KeyError
        There is no list of this name.

    Examples
    --------
    >>> words("bank_side")["left"].zh
    '左岸'
    """
    return _lists()[name]


def parameters() -> Mapping[str, Parameter]:
    """Return every parameter by its name.

    Returns
    -------
    mapping of str to Parameter
        Read-only.

    Examples
    --------
    >>> parameters()["ammonia"].zh
    '氨氮'
    """
    return _parameters()


def find_word(name: str, text: object) -> str | None:
    """Return the value of a list that a text in either language means, or None.

    Parameters
    ----------
    name : str
        Name of the list.
    text : object
        What a file says: the value, a label or a known alias, in any case and width.

    Returns
    -------
    str or None
        None where the text is not a word of the list.

    Examples
    --------
    >>> find_word("platform", "无人机"), find_word("platform", "UAV"), find_word("platform", "kite")
    ('drone', 'drone', None)
    """
    return _word_index(name).get(plain(text))


def find_parameter(text: object) -> str | None:
    """Return the name of the parameter a text means, or None.

    Examples
    --------
    >>> find_parameter("NH3-N"), find_parameter("氨氮"), find_parameter("w21003"), find_parameter("xyz")
    ('ammonia', 'ammonia', 'ammonia', None)
    """
    return _parameter_index().get(plain(text))


def label(name: str, value: object, *, lang: Lang = "en") -> str:
    """Return what people call a value of a list; the value itself where the list does not have it.

    Parameters
    ----------
    name : str
        Name of a list, or ``"parameter"``.
    value : object
        The value as stored.
    lang : {"zh", "en"}, default "en"
        Language of the label.

    Returns
    -------
    str
        The label.

    Examples
    --------
    >>> label("reach_kind", "river", lang="zh"), label("parameter", "cod", lang="zh")
    ('河流', '化学需氧量')
    """
    known: Mapping[str, Word | Parameter] = parameters() if name == "parameter" else words(name)
    found = known.get(str(value))
    if found is None:
        return str(value)
    return found.zh if lang == "zh" else found.en


@cache
def _lists() -> Mapping[str, Mapping[str, Word]]:
    lists: dict[str, dict[str, Word]] = {}
    for row in _rows("words.csv"):
        word = Word(
            value=row["value"],
            zh=row["zh"],
            en=row["en"],
            aliases=_split(row["aliases"]),
            standard=row["standard"],
            clause=row["clause"],
            evidence=row["evidence"],
            is_verified=row["verified"] == "yes",
        )
        lists.setdefault(row["list"], {})[word.value] = word
    return MappingProxyType({name: MappingProxyType(found) for name, found in lists.items()})


@cache
def _parameters() -> Mapping[str, Parameter]:
    return MappingProxyType(
        {
            row["parameter"]: Parameter(
                name=row["parameter"],
                unit=row["unit"],
                zh=row["zh"],
                en=row["en"],
                hj212=row["hj212"],
                molar_mass_g=float(row["molar_mass"]) if row["molar_mass"] else None,
                aliases=_split(row["aliases"]),
            )
            for row in _rows("parameters.csv")
        }
    )


@cache
def _word_index(name: str) -> Mapping[str, str]:
    index: dict[str, str] = {}
    for word in words(name).values():
        for text in (word.value, word.zh, word.en, *word.aliases):
            index.setdefault(plain(text), word.value)
    return index


@cache
def _parameter_index() -> Mapping[str, str]:
    index: dict[str, str] = {}
    for found in parameters().values():
        for text in (found.name, found.zh, found.en, found.hj212, *found.aliases):
            if text:
                index.setdefault(plain(text), found.name)
    return index


def _split(text: str) -> tuple[str, ...]:
    return tuple(part for part in text.split(";") if part)


def _rows(name: str) -> Iterator[dict[str, str]]:
    yield from csv.DictReader(files(__package__).joinpath(name).read_text(encoding="utf-8").splitlines())
