"""What enters a network from beyond its file: whether a table of inflows is right, and sums that count them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from outfall.errors import NetworkError, Problem
from outfall.network.accumulate import Rule, accumulate_values, pick_values
from outfall.network.arrays import Arrays
from outfall.network.index import make_index
from outfall.tables import join_ids, split_ids

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from outfall.network.graph import Network
    from outfall.network.index import Index

__all__ = ["add_inflows", "check_inflows", "inflow_rows", "sum_column"]

_TEXT = ["node_id", "reach_ids", "column", "evidence", "reason", "reason_zh", "source_ref"]


def inflow_rows(rows: list[dict[str, object]] | None = None) -> pd.DataFrame:
    """Return rows of boundary inflows with every column they have.

    Parameters
    ----------
    rows : list of dict, optional
        ``node_id``, ``reach_ids``, ``inflow`` and the rest; none by default.

    Returns
    -------
    DataFrame
        Text columns and ``inflow`` as float.
    """
    frame = pd.DataFrame(rows or [], columns=[*_TEXT[:3], "inflow", *_TEXT[3:]])
    return frame.astype({**dict.fromkeys(_TEXT, "str"), "inflow": "float64"})


def check_inflows(network: Network, inflows: pd.DataFrame) -> pd.DataFrame:
    """Return a table of inflows with its nodes and reaches both named.

    Parameters
    ----------
    network : Network
        The network they enter.
    inflows : DataFrame, n rows
        ``node_id``, or ``reach_id`` or ``reach_ids``; ``inflow``; optionally ``column``, which is ``area_km2`` where
        it is missing, and ``reason``, ``reason_zh``.

    Returns
    -------
    DataFrame, n rows
        As `inflow_rows`.

    Raises
    ------
    NetworkError
        A place is not in the network, nothing leaves its node, or an inflow is negative.
    """
    given = pd.DataFrame(inflows).reset_index(drop=True)
    names = next((name for name in ("reach_ids", "reach_id") if name in given.columns), None)
    problems = (
        []
        if names or "node_id" in given.columns
        else [Problem("node_id", "no column says where", "add node_id or reach_id")]
    )
    amount = (
        pd.to_numeric(given["inflow"], errors="coerce") if "inflow" in given.columns else pd.Series(np.nan, given.index)
    )
    negative = tuple(str(row + 1) for row in np.flatnonzero(amount.to_numpy(float) < 0))
    if negative:
        problems.append(Problem("inflow", "is below 0", "an inflow adds water; give 0 or more", negative))
    if problems:
        raise NetworkError("inflows", problems)
    reaches, tails = network.reaches["reach_id"].to_numpy(dtype=object), network.reaches["from_node"].to_numpy(object)
    rows = []
    for at, row in enumerate(given.to_dict("records")):
        ids = split_ids(row[names]) if names and isinstance(row[names], str) else []
        here = network.position(ids) if ids else np.flatnonzero(tails == str(row.get("node_id")))
        if not len(here):
            problems.append(
                Problem(
                    "node_id",
                    "no reach leaves this node",
                    "name the node where water enters",
                    (str(row.get("node_id")),),
                )
            )
            continue
        filled = {name: row[name] for name in _TEXT[2:] if isinstance(row.get(name), str)}
        rows.append({"column": "area_km2", "evidence": "declared", "reason": "declared", "reason_zh": "用户声明",
                     "source_ref": f"inflows#{at + 1}", **filled, "node_id": str(tails[here[0]]),
                     "reach_ids": join_ids(reaches[here]), "inflow": float(amount.iloc[at])})  # fmt: skip
    if problems:
        raise NetworkError("inflows", problems)
    return inflow_rows(rows)


def add_inflows(network: Network, values: pd.Series, inflows: pd.DataFrame, *, rule: Rule, index: Index) -> pd.Series:
    """Return sums over each reach and what is upstream of it, each boundary inflow counted once.

    What enters at a node with several exits enters by a reach of its own above the node, so that every rule treats it
    as it treats water from inside.

    Parameters
    ----------
    network : Network
        Any network.
    values : Series, by reach id
        What each reach adds; its name tells which inflows are meant.
    inflows : DataFrame
        As `check_inflows` takes.
    rule : {"total", "main", "apportioned"}
        As for ``Network.accumulate``.
    index : Index
        Of the network.

    Returns
    -------
    Series of float, indexed by reach_id
        Inflows without an amount add nothing.
    """
    rows = check_inflows(network, inflows)
    rows = rows[rows["inflow"].notna() & ((rows["column"] == values.name) | (values.name is None))]
    own = np.nan_to_num(values.to_numpy(float), nan=0.0)
    entries = [
        (network.position(split_ids(ids)), much) for ids, much in zip(rows["reach_ids"], rows["inflow"], strict=True)
    ]
    single = [(at[0], much) for at, much in entries if len(at) == 1]
    if single:
        np.add.at(own, [at for at, _ in single], [much for _, much in single])
    shared = [(network.arrays.from_node[at[0]], much) for at, much in entries if len(at) > 1]
    if not shared:
        return pd.Series(accumulate_values(index, own, rule=rule), index=values.index, name=values.name)
    wider = _with_springs(network.arrays, np.asarray([node for node, _ in shared], dtype=np.int32))
    has = "fraction_share" in network.reaches.columns
    fraction = network.reaches["fraction_share"].to_numpy(float) if has else np.full(len(own), np.nan)
    whole = make_index(wider, np.append(fraction, np.full(len(shared), np.nan)))
    sums = accumulate_values(whole, np.append(own, [much for _, much in shared]), rule=rule)
    return pd.Series(sums[: len(own)], index=values.index, name=values.name)


def sum_column(
    network: Network, column: str | pd.Series, *, rule: Rule, inflows: pd.DataFrame | None, index: Index
) -> pd.Series:
    """Return the sum of a column over each reach and what is upstream of it.

    Parameters
    ----------
    network : Network
        Any network.
    column : str or Series
        Column of ``reaches``, or numbers by reach id.
    rule : {"total", "main", "apportioned"}
        As for ``Network.accumulate``.
    inflows : DataFrame or None
        What enters from beyond the file.
    index : Index
        Of the network.

    Returns
    -------
    Series of float, indexed by reach_id
        ``attrs["missing"]`` counts the reaches without a number.
    """
    values = pick_values(network.reaches, column)
    if inflows is None:
        sums = accumulate_values(index, values.to_numpy(float), rule=rule)
        found = pd.Series(sums, index=values.index, name=values.name)
    else:
        found = add_inflows(network, values, inflows, rule=rule, index=index)
    found.attrs["missing"] = int(values.isna().sum())
    return found


def _with_springs(arrays: Arrays, nodes: NDArray[np.int32]) -> Arrays:
    """Return the arrays with one more reach, of no length, that ends at each of the nodes."""
    more = len(nodes)
    springs = np.arange(arrays.node_count, arrays.node_count + more, dtype=np.int32)
    return Arrays(
        arrays.node_count + more,
        np.append(arrays.from_node, springs),
        np.append(arrays.to_node, nodes),
        np.append(arrays.length_m, np.zeros(more)),
        np.append(arrays.forward_share, np.ones(more)),
        np.append(arrays.rank, np.zeros(more, dtype=np.int32)),
    )
