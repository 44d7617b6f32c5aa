"""How a trace says what it found, in English and Chinese."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["say"]


def say(what: str, case: str, figures: Mapping[str, object]) -> tuple[str, str]:
    """Return one sentence in English and in Chinese.

    Parameters
    ----------
    what, case : str
        Section of ``texts.toml``.
    figures : mapping of str to object
        What the sentence names; text is put in as it is, never read as a pattern.

    Returns
    -------
    tuple of str
        English, Chinese.

    Examples
    --------
    >>> say("explain", "nobody", {"outfall": "P1", "share": 0.5})[0]
    'P1: most probably a source nobody registered (0.50).'
    """
    english, chinese = _sentences()[what, case]
    return english.format_map(figures), chinese.format_map(figures)


@cache
def _sentences() -> dict[tuple[str, str], tuple[str, str]]:
    with files(__package__).joinpath("texts.toml").open("rb") as stream:
        sections = tomllib.load(stream)
    return {(what, case): (pair["en"], pair["zh"]) for what, cases in sections.items() for case, pair in cases.items()}
