"""What is wrong with what was saved: the log, the contracts, ids that lead nowhere, and what waits for a person."""

from __future__ import annotations

import csv
from importlib.resources import files
from typing import TYPE_CHECKING

from outfall.errors import Problem, StoreError
from outfall.store import list_conflicts, list_quarantine, list_tables, read_rows, verify_chain
from outfall.tables import contract, find_problems, split_ids

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from outfall.store.backend import Store

__all__ = ["table_problems"]

_NOT_ROWS = {"unregistered"}


def table_problems(store: Store) -> list[Problem]:
    """Return every problem of the tables in a store, in the order of the flow, and what waits for a person.

    Parameters
    ----------
    store : path, URL or open store
        The live store.

    Returns
    -------
    list of Problem
        Where is ``table.column``.
    """
    try:
        verify_chain(store)
        frames = {name: read_rows(store, name) for name in list_tables(store)}
        waiting = _waiting(store)
    except StoreError as error:
        return [Problem("store", str(error))]
    found = []
    for name, frame in frames.items():
        found += [
            Problem(f"{name}.{item.where}", item.what, item.fix, item.rows) for item in find_problems(frame, name)
        ]
    for row in csv.DictReader(files(__package__).joinpath("references.csv").read_text(encoding="utf-8").splitlines()):
        found += _lost(frames, row)
    return found + waiting


def _waiting(store: Store) -> list[Problem]:
    """Return the rows in quarantine, by reason, and the cells two teams filled differently."""
    found = []
    for (table, reason), rows in list_quarantine(store).groupby(["table", "reason"], sort=False):
        fix = "correct them and let them in with release_quarantine"
        found.append(Problem(f"{table}: quarantine", str(reason), fix, tuple(rows["row"])))
    for (table, key, column), sides in list_conflicts(store).groupby(["table", "key", "column"], sort=False):
        said = ", ".join(f"{value!r} ({actor})" for value, actor in zip(sides["value"], sides["actor"], strict=True))
        where = f"{table}.{column}" if column else str(table)
        found.append(Problem(where, f"written differently: {said}", "decide with resolve_conflict", (str(key),)))
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
