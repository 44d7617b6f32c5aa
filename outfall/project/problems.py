"""What is wrong with what was saved: the log, the contracts, and ids that lead nowhere."""

from __future__ import annotations

import csv
from importlib.resources import files
from typing import TYPE_CHECKING

from outfall.errors import Problem, StoreError
from outfall.store import list_tables, read_rows, verify_chain
from outfall.tables import contract, find_problems, split_ids

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pandas as pd

__all__ = ["table_problems"]

_NOT_ROWS = {"unregistered"}


def table_problems(store: Path) -> list[Problem]:
    """Return every problem of the tables in a store, in the order of the flow.

    Parameters
    ----------
    store : Path
        The live store.

    Returns
    -------
    list of Problem
        Where is ``table.column``.
    """
    try:
        verify_chain(store)
        frames = {name: read_rows(store, name) for name in list_tables(store)}
    except StoreError as error:
        return [Problem("store", str(error))]
    found = []
    for name, frame in frames.items():
        found += [
            Problem(f"{name}.{item.where}", item.what, item.fix, item.rows) for item in find_problems(frame, name)
        ]
    for row in csv.DictReader(files(__package__).joinpath("references.csv").read_text(encoding="utf-8").splitlines()):
        found += _lost(frames, row)
    return found


def _lost(frames: Mapping[str, pd.DataFrame], row: Mapping[str, str]) -> list[Problem]:
    """Return the ids of one column that its target table does not have; nothing where either table was not saved."""
    frame, target = frames.get(row["table"]), frames.get(row["target"])
    if frame is None or target is None:
        return []
    column, key = contract(row["table"]).columns[row["column"]], contract(row["target"]).key
    known = {*target[key].dropna(), *_NOT_ROWS}
    if row["or_column"]:
        known |= set(target[row["or_column"]].dropna())
    lost: dict[str, str] = {}
    for ids, ref in zip(frame[column.name], frame["source_ref"], strict=True):
        for one in split_ids(ids) if column.dtype == "ids" else [ids] if isinstance(ids, str) else []:
            if one not in known:
                lost.setdefault(one, str(ref))
    if not lost:
        return []
    shown = ", ".join(repr(one) for one in list(lost)[:3]) + (" …" if len(lost) > 3 else "")
    where = f"{row['table']}.{column.name} ({column.zh})"
    return [
        Problem(
            where,
            f"{shown} is not among the {row['target']}",
            "correct the id, or add the row it names",
            tuple(lost.values()),
        )
    ]
