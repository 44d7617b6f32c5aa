"""What was changed by hand in a network, as a table that can be read and replayed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pandas as pd

from outfall.errors import NetworkError, Problem
from outfall.tables import join_ids, split_ids

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from outfall.network.graph import Network

__all__ = ["add_edit", "no_edits", "used_ids"]

_COLUMNS = ["edit_id", "kind", "row_ids", "new_ids", "parameters", "actor", "reason", "source_ref"]


def no_edits() -> pd.DataFrame:
    """Return the log of a network nobody changed.

    Returns
    -------
    DataFrame
        ``edit_id``, ``kind``, ``row_ids`` (what was there and is touched), ``new_ids`` (what came), ``parameters``
        (JSON), ``actor``, ``at`` (UTC), ``reason``, ``source_ref``.
    """
    frame = pd.DataFrame({name: pd.Series(dtype="str") for name in _COLUMNS})
    frame.insert(6, "at", pd.Series(dtype="datetime64[us, UTC]"))
    return frame


def add_edit(
    log: pd.DataFrame | None,
    kind: str,
    *,
    row_ids: Iterable[object],
    new_ids: Iterable[object],
    parameters: Mapping[str, object],
    by: tuple[str, str, pd.Timestamp | str | None],
) -> pd.DataFrame:
    """Return a log with one more row.

    Parameters
    ----------
    log : DataFrame or None
        The log so far.
    kind : {"split", "add", "reverse", "remove", "interface"}
        What was done.
    row_ids, new_ids : iterable
        Ids of reaches and nodes that were touched, and that came.
    parameters : mapping
        What the edit needs to be done again; written as JSON.
    by : (actor, reason, at)
        Who, why, and when; now by default.

    Returns
    -------
    DataFrame
        The argument is not changed.

    Raises
    ------
    NetworkError
        The time has no zone.
    """
    actor, reason, at = by
    when = pd.Timestamp.now("UTC") if at is None else pd.Timestamp(at)
    if when.tz is None:
        problem = Problem("at", f"{at!r} has no time zone", "give pd.Timestamp(..., tz='Asia/Shanghai')")
        raise NetworkError("edits", [problem])
    old = no_edits() if log is None else log
    row = {
        "edit_id": f"edit-{len(old) + 1}",
        "kind": kind,
        "row_ids": join_ids(row_ids),
        "new_ids": join_ids(new_ids),
        "parameters": json.dumps(dict(parameters), ensure_ascii=False, sort_keys=True),
        "actor": actor,
        "at": when.tz_convert("UTC").as_unit("us"),
        "reason": reason,
        "source_ref": f"{kind}_reach({join_ids(row_ids)})",
    }
    new = pd.DataFrame([row]).astype(no_edits().dtypes.to_dict())[no_edits().columns]
    return pd.concat([old, new], ignore_index=True) if len(old) else new


def used_ids(network: Network) -> set[str]:
    """Return every id that is or was that of a reach, a line or a node of a network.

    Parameters
    ----------
    network : Network
        Any network, with its log.

    Returns
    -------
    set of str
        None of them is given to anything new.
    """
    used = set(network.reaches["reach_id"]) | set(network.nodes["node_id"])
    if "line_id" in network.reaches.columns:
        used |= set(network.reaches["line_id"].dropna())
    if network.edits is not None:
        for column in ("row_ids", "new_ids"):
            used |= {name for ids in network.edits[column] for name in split_ids(ids)}
    return used
