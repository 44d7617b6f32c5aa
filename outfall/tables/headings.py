"""What people call the columns of a table, and ours: headings in and out, ids in a cell."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from outfall.errors import Problem
from outfall.tables.contract import contract
from outfall.vocabulary import parameters, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["join_ids", "label_columns", "name_columns", "rename_problems", "split_ids"]


def name_columns(frame: pd.DataFrame, table: str, *, rename: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Return the frame with every recognised heading replaced by the name of its column.

    A heading that is a column name wins over one that is only a label or an alias of the same column.

    Parameters
    ----------
    frame : DataFrame, n rows
        Not changed.
    table : str
        Name of the contract.
    rename : mapping of str to str, optional
        The file's heading to our column; wins over everything.

    Returns
    -------
    DataFrame, n rows
        Renamed columns; no other change.

    Examples
    --------
    >>> import pandas as pd
    >>> list(name_columns(pd.DataFrame(columns=["样品编号", "采样时间", "天气"]), "samples"))
    ['sample_id', 'taken_at', '天气']
    """
    declared, given = contract(table), dict(rename or {})
    new: dict[str, str] = {old: name for old, name in given.items() if old in frame.columns}
    taken = set(new.values()) | {str(name) for name in frame.columns if name in declared.columns and name not in new}
    for heading in frame.columns:
        if heading in new or heading in declared.columns or heading == "geometry":
            continue
        name = declared.find_column(str(heading).split("|")[-1])
        if name is not None and name not in taken:
            new[heading] = name
            taken.add(name)
    return frame.rename(columns=new)


def rename_problems(frame: pd.DataFrame, table: str, rename: Mapping[str, str] | None) -> list[Problem]:
    """Return a problem for each entry of a rename that names no heading of the frame or no column of the contract.

    Parameters
    ----------
    frame : DataFrame
        As the file calls its columns.
    table : str
        Name of the contract.
    rename : mapping of str to str or None
        The file's heading to our column; ``lon``, ``lat``, ``east`` and ``north`` are columns too.

    Returns
    -------
    list of Problem
        Empty where the rename can be followed.

    Examples
    --------
    >>> import pandas as pd
    >>> print(rename_problems(pd.DataFrame(columns=["时间"]), "samples", {"时问": "taken_at"})[0])
    rename: no column '时问' in the table; did you mean '时间'?
    """
    problems, ours = [], [*contract(table).columns, "lon", "lat", "east", "north"]
    theirs = [str(name) for name in frame.columns]
    for old, name in (rename or {}).items():
        if old not in theirs:
            near = difflib.get_close_matches(old, theirs, n=1, cutoff=0.5)
            fix = f"did you mean {near[0]!r}?" if near else f"the headings are {', '.join(theirs[:12])}"
            problems.append(Problem("rename", f"no column {old!r} in the table", fix))
        elif name not in ours:
            near = difflib.get_close_matches(name, ours, n=1)
            fix = f"did you mean {near[0]!r}?" if near else f"the columns are {', '.join(ours)}"
            problems.append(Problem("rename", f"{name!r} is not a column of {table}", fix))
    return problems


def label_columns(frame: pd.DataFrame, table: str, *, lang: str = "zh") -> pd.DataFrame:
    """Return the frame as people read it: headings and vocabulary values in one language.

    Parameters
    ----------
    frame : DataFrame, n rows
        A table that meets its contract. Not changed.
    table : str
        Name of the contract.
    lang : {"zh", "en"}, default "zh"
        Language.

    Returns
    -------
    DataFrame, n rows
        Only the columns of the contract that the frame has; times and numbers stay what they are.

    Examples
    --------
    >>> import pandas as pd
    >>> list(label_columns(pd.DataFrame({"reach_id": ["a"], "kind": ["river"]}), "reaches"))
    ['河段编号', '类型']
    """
    declared = contract(table)
    shown: dict[str, pd.Series] = {}
    for name, column in declared.columns.items():
        if name not in frame.columns:
            continue
        values = frame[name]
        if column.allowed:
            known = parameters() if column.allowed == "parameter" else words(column.allowed)
            labels = {value: (word.zh if lang == "zh" else word.en) for value, word in known.items()}
            values = values.map(lambda value, labels=labels: labels.get(value, value), na_action="ignore")
        shown[column.heading("zh" if lang == "zh" else "en")] = values
    return pd.DataFrame(shown, index=frame.index)


def join_ids(ids: Iterable[object]) -> str:
    """Return ids as one text for a column of dtype ``ids``.

    Examples
    --------
    >>> join_ids(["a", "b"]), join_ids([])
    ('a;b', '')
    """
    return ";".join(str(item) for item in ids)


def split_ids(text: object) -> list[str]:
    """Return the ids in one cell of a column of dtype ``ids``; missing gives an empty list.

    Examples
    --------
    >>> split_ids("a;b"), split_ids(None)
    (['a', 'b'], [])
    """
    if text is None or (isinstance(text, float) and np.isnan(text)) or text is pd.NA:
        return []
    return [part for part in str(text).replace("；", ";").split(";") if part]
