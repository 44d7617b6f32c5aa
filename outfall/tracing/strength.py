"""How strong a verdict is, in words: our own scale, which no standard prescribes."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from outfall.vocabulary import Lang

__all__ = ["DECIBANS", "say_strength", "strength_scale"]

DECIBANS = 10.0 / np.log(10.0)  # decibans in one unit of the natural logarithm


def strength_scale() -> list[tuple[float, str, str]]:
    """Return the scale: from how many decibans, English, Chinese.

    Returns
    -------
    list of tuple
        Our default, after the manner of scales used in forensic reports; no rule of a standard. It says how strongly a
        finding supports one source against another, and never that somebody is guilty.

    Examples
    --------
    >>> strength_scale()[1]
    (3.0, 'slight support', '略微支持')
    """
    return list(_scale())


def say_strength(decibans: float, *, lang: Lang = "en") -> str:
    """Return in words of our scale how strongly a finding supports, or speaks against, a source.

    Parameters
    ----------
    decibans : float
        10 log10 of the likelihood ratio.
    lang : {"zh", "en"}, default "en"
        Language.

    Returns
    -------
    str
        "against" where it is negative.

    Examples
    --------
    >>> say_strength(12.0), say_strength(-25.0)
    ('moderate support', 'strong support against')
    >>> say_strength(-25.0, lang="zh")
    '较强支持（反向）'
    """
    place = 1 if lang == "en" else 2
    word = [row[place] for row in _scale() if abs(decibans) >= row[0]][-1]
    least = _scale()[1][0]
    if decibans > -least:
        return str(word)
    return f"{word} against" if lang == "en" else f"{word}（反向）"


@cache
def _scale() -> tuple[tuple[float, str, str], ...]:
    text = files("outfall.tracing").joinpath("strength.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines())
    return tuple((float(row["at_least_decibans"]), row["en"], row["zh"]) for row in rows)
