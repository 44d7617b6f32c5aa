"""What the columns of a file say about water that enters from beyond it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from outfall.network.accumulate import pick_values
from outfall.network.inflows import inflow_rows
from outfall.tables import join_ids, split_ids

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from outfall.network.graph import Network

__all__ = ["find_column", "find_excess", "find_flags", "find_total_column", "inflow_column"]

_TOTALS = ("totdasqkm", "upland_skm", "uparea", "up_area", "total_area_km2")
_ROUNDS = 500


def inflow_column(column: str) -> str:
    """Return the name of the column of nodes, or reaches, that holds declared inflows of a column."""
    return f"inflow_{column}"


def find_column(frame: pd.DataFrame, *names: str) -> str | None:
    """Return the first column with one of some names, whatever its case.

    Parameters
    ----------
    frame : DataFrame
        Any table.
    *names : str
        In lower case, best first.

    Returns
    -------
    str or None
        As the table spells it.
    """
    spelled = {str(name).casefold(): str(name) for name in reversed(list(frame.columns))}
    return next((spelled[name] for name in names if name in spelled), None)


def find_total_column(reaches: pd.DataFrame) -> str | None:
    """Return the column with the published area upstream of each reach, if there is one.

    Parameters
    ----------
    reaches : DataFrame
        Reaches of a network.

    Returns
    -------
    str or None
        NHDPlus, HydroRIVERS and MERIT names are known.
    """
    return find_column(reaches, *_TOTALS)


def find_excess(network: Network, total: str, own: str, least_excess: float) -> tuple[pd.DataFrame, int]:
    """Return where a published total is larger than what is in the file above, and how often it is smaller.

    Parameters
    ----------
    network : Network
        Any network.
    total, own : str
        Column with the published total, and with what each reach adds.
    least_excess : float
        In their unit.

    Returns
    -------
    rows : DataFrame
        As `inflow_rows`; each place once, upstream before downstream, so that what enters above explains what is below.
    smaller : int
        Reaches whose total is smaller than what the file holds by more than the least_excess.
    """
    reaches, arrays = network.reaches, network.arrays
    published = pd.to_numeric(reaches[total], errors="coerce").to_numpy(float)
    published = np.where(_is_end_of_line(reaches) & (published >= 0), published, np.nan)
    values = pick_values(reaches, own).fillna(0.0)
    ids, number = reaches["reach_id"].to_numpy(dtype=object), pd.factorize(reaches["reach_id"], sort=True)[0]
    rows: list[dict[str, object]] = []
    gap = published
    for _ in range(_ROUNDS):
        sums = network.accumulate(values, inflows=inflow_rows(rows) if rows else None).to_numpy(float)
        gap = published - sums
        bad = gap > least_excess
        if not bad.any():
            break
        count = network.accumulate(pd.Series(bad.astype(float), index=values.index)).to_numpy(float)
        first = np.flatnonzero(bad & (count < 1.5))
        if not len(first):  # on a loop every reach is upstream of every other
            first = np.flatnonzero(bad & (count == count[bad].min()))
            first = first[[np.argmin(number[first])]]
        for node, group in pd.Series(first).groupby(arrays.from_node[first]):
            at = group.to_numpy()
            rows.append(_excess(network, int(node), at[np.argsort(number[at])], gap, ids, total, own))
    return inflow_rows(rows), int((gap < -least_excess).sum())


def find_flags(network: Network, column: str = "area_km2") -> pd.DataFrame:
    """Return the places a flag, an id of a reach that is not in the file, or an earlier declaration calls a boundary.

    Parameters
    ----------
    network : Network
        Any network.
    column : str, default "area_km2"
        Whose declared inflows are read.

    Returns
    -------
    DataFrame
        As `inflow_rows`, each node once; only declared inflows have an amount.
    """
    reaches = network.reaches
    ids, tails = reaches["reach_id"].to_numpy(dtype=object), reaches["from_node"].to_numpy(dtype=object)
    found: dict[str, dict[str, object]] = {}
    for evidence, at, reason, reason_zh, much in _flags(network, column):
        group: dict[str, list[int]] = {}
        for row in at.tolist():
            group.setdefault(str(tails[row]), []).append(row)
        for node, rows in group.items():
            said = {"node_id": node, "reach_ids": join_ids(sorted(ids[rows])), "column": column, "evidence": evidence,
                    "reason": reason, "reason_zh": reason_zh, "inflow": float(much[rows[0]]),
                    "source_ref": f"boundary_inflows({join_ids(sorted(ids[rows]))})"}  # fmt: skip
            found.setdefault(node, said)
    return inflow_rows(list(found.values()))


def _flags(network: Network, column: str) -> list[tuple[str, NDArray[np.int64], str, str, NDArray[np.float64]]]:
    """Return kind, rows, reason and amounts of every sort of flag, strongest first."""
    reaches, nodes, name = network.reaches, network.nodes, inflow_column(column)
    nothing = np.full(len(reaches), np.nan)
    tail = network.arrays.from_node
    heads = np.diff(network.arrays.ends_at[0])[tail] == 0
    found = []
    if name in nodes.columns:
        much = nodes[name].to_numpy(float)[tail]
        found.append(("declared", np.flatnonzero(np.isfinite(much)), "declared", "用户声明", much))
    if name in reaches.columns:
        much = reaches[name].to_numpy(float)
        found.append(("declared", np.flatnonzero(np.isfinite(much)), "declared", "用户声明", much))
    start = find_column(reaches, "startflag")
    if start is not None:
        no = pd.to_numeric(reaches[start], errors="coerce").to_numpy(float) == 0
        found.append(
            (
                "start_flag",
                np.flatnonzero(no & heads),
                f"{start} says it is no headwater, and nothing is above it in the file",
                f"{start} 标明并非源头,而文件中其上游为空",
                nothing,
            )
        )
    above, own = find_column(reaches, "uphydroseq"), find_column(reaches, "hydroseq")
    if above is not None and own is not None:
        named = pd.to_numeric(reaches[above], errors="coerce").fillna(0.0)
        lost = (named != 0) & ~named.isin(set(pd.to_numeric(reaches[own], errors="coerce")))
        found.append(
            (
                "upstream_id",
                np.flatnonzero(lost.to_numpy()),
                f"{above} names a reach that is not in the file",
                f"{above} 所指河段不在文件中",
                nothing,
            )
        )
    cut = (nodes["kind"] == "boundary").to_numpy()[tail] & heads if len(nodes) else heads
    cut = cut | reaches["reach_id"].isin(_issued(network)).to_numpy()
    found.append(("cut_off", np.flatnonzero(cut), "reaches above it were left out", "其上游河段未被取入", nothing))
    return found


def _issued(network: Network) -> set[str]:
    issues = network.issues
    if issues is None or not len(issues):
        return set()
    return {name for ids in issues.loc[issues["kind"] == "boundary_inflow", "row_ids"] for name in split_ids(ids)}


def _is_end_of_line(reaches: pd.DataFrame) -> NDArray[np.bool_]:
    """Return whether a reach is the last piece of its line: a published total is that of the end of the line."""
    if "line_id" not in reaches.columns or "start_m" not in reaches.columns:
        return np.ones(len(reaches), dtype=bool)
    start = reaches["start_m"].fillna(0.0)
    last = start.groupby(reaches["line_id"].fillna(reaches["reach_id"]).to_numpy()).transform("max")
    return np.asarray(start >= last, dtype=bool)


def _excess(
    network: Network,
    node: int,
    at: NDArray[np.int64],
    gap: NDArray[np.float64],
    ids: NDArray[np.object_],
    total: str,
    own: str,
) -> dict[str, object]:
    names, much = join_ids(ids[at]), float(gap[at].min())
    return {
        "node_id": str(network.nodes["node_id"].iloc[node]),
        "reach_ids": names,
        "column": own,
        "inflow": much,
        "evidence": "total",
        "reason": f"{total} is larger by {much:,.6g} than the sum of {own} in the file",
        "reason_zh": f"{total} 比文件中 {own} 之和大 {much:,.6g}",
        "source_ref": f"boundary_inflows({names})",
    }
