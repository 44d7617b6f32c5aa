"""What do survey files call their columns and answers, and which columns of ours are they."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from outfall.vocabulary import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

__all__ = ["find_answer", "find_heading", "name_headings"]


def name_headings(frame: pd.DataFrame, reader: str, *, rename: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Return the frame with the headings a reader knows replaced by its columns.

    Parameters
    ----------
    frame : DataFrame, n rows
        Not changed.
    reader : {"drone", "boat", "crawler"}
        Whose synonyms are used (``headings.csv``).
    rename : mapping of str to str, optional
        The file's heading to our column; wins over everything.

    Returns
    -------
    DataFrame, n rows
        A column of ours is given once, to the first heading that means it; the others keep their names.

    Examples
    --------
    >>> import pandas as pd
    >>> list(name_headings(pd.DataFrame(columns=["管段编号", "距离（m）", "缺陷代码", "天气"]), "crawler"))
    ['pipe_id', 'distance_m', 'code', '天气']
    """
    new: dict[str, str] = {old: name for old, name in (rename or {}).items() if old in frame.columns}
    taken = set(new.values()) | {str(name) for name in frame.columns if name in set(_index(reader).values())}
    for heading in frame.columns:
        name = find_heading(heading, reader)
        if heading not in new and name is not None and name != heading and name not in taken:
            new[heading] = name
            taken.add(name)
    return frame.rename(columns=new)


def find_heading(heading: object, reader: str) -> str | None:
    """Return the column of a reader that a heading means, with or without its unit behind it, or None.

    Examples
    --------
    >>> find_heading("定位|经度", "boat"), find_heading("Distance [m]", "crawler"), find_heading("mood", "boat")
    ('lon', 'distance_m', None)
    """
    text = plain(str(heading).split("|")[-1])
    bare = text.replace("[", "(").partition("(")[0].rstrip(",;/:")
    return _index(reader).get(text) or _index(reader).get(bare)


def find_answer(name: str, text: object) -> str | None:
    """Return the value of a list of answers (``words.csv``) that a text means, or None.

    Examples
    --------
    >>> find_answer("direction", "逆流"), find_answer("discharging", "有水"), find_answer("direction", "sideways")
    ('against_flow', 'yes', None)
    """
    return _answers(name).get(plain(text))


@cache
def _index(reader: str) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for row in _rows("headings.csv"):
        if row["reader"] == reader:
            for text in (row["column"], *row["aliases"].split(";")):
                found.setdefault(plain(text), row["column"])
    return found


@cache
def _answers(name: str) -> Mapping[str, str]:
    rows = [row for row in _rows("words.csv") if row["list"] == name]
    return {plain(text): row["value"] for row in rows for text in (row["value"], *row["aliases"].split(";"))}


def _rows(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(files("outfall.survey").joinpath(name).read_text(encoding="utf-8").splitlines()))
