"""Which outfalls people put together or took apart, and how it was before: merge, split and undo over tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd

from outfall.errors import Problem, TableError
from outfall.registry.joined import is_same, joined_cells, new_id, part_cells, with_cells
from outfall.tables import check, split_ids

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Decision", "merge_outfalls", "split_outfall", "undo_decision"]


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person decided about outfalls, with the rows before and after, so that it can be taken back.

    Parameters
    ----------
    kind : str
        ``merge`` or ``split``.
    outfall_ids : tuple of str
        Every outfall it touched or made.
    actor, reason : str
        Who decided and why.
    before, after : GeoDataFrame
        The touched rows, before and after.
    """

    kind: str
    outfall_ids: tuple[str, ...]
    actor: str
    reason: str
    before: gpd.GeoDataFrame
    after: gpd.GeoDataFrame


def merge_outfalls(
    outfalls: gpd.GeoDataFrame, ids: Sequence[str], *, reason: str, actor: str, into: str | None = None
) -> tuple[gpd.GeoDataFrame, Decision]:
    """Return the table with outfalls put together: one lives on, the others point to it and keep their rows.

    The one that lives on gets all sightings, photos and platforms, the position weighted by inverse variance, and words
    of the others where it has none. The others keep their row and their own sightings, with status ``merged`` and
    ``merged_into``: an id never dies.

    Parameters
    ----------
    outfalls : GeoDataFrame
        Contract ``outfalls``. Not changed.
    ids : sequence of str
        At least two outfalls that are not merged already.
    reason, actor : str
        Why, and who says so.
    into : str, optional
        Which lives on; default is the one with a national code, then most sightings, then the smallest id.

    Returns
    -------
    tuple of GeoDataFrame and Decision
        Rows in the order given; the decision takes it back with undo_decision.

    Raises
    ------
    TableError
        An id is not there, is there twice, or is merged already; or nobody says why.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from outfall.tables import check
    >>> table = check(gpd.GeoDataFrame({"outfall_id": ["P-1", "P-2"], "status": "confirmed", "sighting_ids": ["A;B", "C"],
    ...     "source_ref": "x"}, geometry=gpd.points_from_xy([0, 3], [0, 0]), crs=32650), "outfalls")
    >>> merged, decision = merge_outfalls(table, ["P-1", "P-2"], reason="same pipe", actor="team 1")
    >>> merged[["outfall_id", "status", "sighting_ids", "merged_into"]].astype("object").fillna("").values.tolist()
    [['P-1', 'confirmed', 'A;B;C', ''], ['P-2', 'merged', 'C', 'P-1']]
    >>> undo_decision(merged, decision).equals(table)
    True
    """
    _check_said(reason, actor)
    wanted = list(dict.fromkeys(ids))
    at = _rows(outfalls, wanted, "merge_outfalls")
    if len(wanted) < 2 or (into is not None and into not in wanted):
        problem = Problem("ids", f"{wanted!r} into {into!r}", "name two or more outfalls, and one of them as into")
        msg = "merge_outfalls: nothing to put together"
        raise TableError(msg, [problem])
    kept = at[wanted.index(into)] if into is not None else min(at, key=lambda row: _rank(outfalls, row))
    order = [kept, *(row for row in at if row != kept)]
    out = outfalls.copy()
    for column, value in joined_cells(outfalls, order).items():
        out[column] = with_cells(out[column], [kept], [value])
    gone = order[1:]
    out["status"] = with_cells(out["status"], gone, ["merged"] * len(gone))
    out["merged_into"] = with_cells(out["merged_into"], gone, [out["outfall_id"].iloc[kept]] * len(gone))
    checked = gpd.GeoDataFrame(check(out, "outfalls"))
    return checked, Decision("merge", tuple(wanted), actor, reason, outfalls.iloc[at].copy(), checked.iloc[at].copy())


def split_outfall(
    outfalls: gpd.GeoDataFrame,
    outfall_id: str,
    groups: Sequence[Sequence[str]],
    *,
    reason: str,
    actor: str,
    sightings: gpd.GeoDataFrame | None = None,
) -> tuple[gpd.GeoDataFrame, Decision]:
    """Return the table with one outfall taken apart: the first group keeps its id, the others get ids never used before.

    Parameters
    ----------
    outfalls : GeoDataFrame
        Contract ``outfalls``. Not changed.
    outfall_id : str
        The outfall that is really several.
    groups : sequence of sequences of str
        Its sightings, each in exactly one group.
    reason, actor : str
        Why, and who says so.
    sightings : GeoDataFrame, optional
        Contract ``sightings``; where given, position and words of each part come from its own sightings. Else all parts
        keep the position until they are seen again.

    Returns
    -------
    tuple of GeoDataFrame and Decision
        New outfalls stand at the end.

    Raises
    ------
    TableError
        The groups are not exactly the sightings of the outfall, or a sighting is not in the table of sightings.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from outfall.tables import check
    >>> table = check(gpd.GeoDataFrame({"outfall_id": ["P-1"], "status": "confirmed", "sighting_ids": ["A;B"],
    ...     "source_ref": "x"}, geometry=gpd.points_from_xy([0], [0]), crs=32650), "outfalls")
    >>> parts, decision = split_outfall(table, "P-1", [["A"], ["B"]], reason="two pipes", actor="team 1")
    >>> parts["sighting_ids"].tolist(), undo_decision(parts, decision).equals(table)
    (['A', 'B'], True)
    """
    _check_said(reason, actor)
    [at] = _rows(outfalls, [outfall_id], "split_outfall")
    parts = [sorted(group) for group in groups]
    listed = sorted(one for group in parts for one in group)
    if len(parts) < 2 or not all(parts) or listed != sorted(split_ids(outfalls["sighting_ids"].iloc[at])):
        what = f"{parts!r} are not its sightings {outfalls['sighting_ids'].iloc[at]!r}, each in one group"
        msg = "split_outfall: the groups do not fit"
        raise TableError(msg, [Problem(outfall_id, what, "put every sighting into exactly one of two or more groups")])
    used = set(outfalls["outfall_id"].astype(str))
    names = [outfall_id]
    for group in parts[1:]:
        names.append(new_id(group, used))
        used.add(names[-1])
    made = []
    for name, group in zip(names, parts, strict=True):
        row = outfalls.iloc[[at]].copy()
        cells = part_cells(group, sightings, outfalls.crs) | {"outfall_id": name}
        if name != outfall_id:
            cells |= {"code_national": None, "code_local": None, "name": None}
        for column, value in cells.items():
            row[column] = with_cells(row[column], [0], [value])
        made.append(row)
    frame = pd.concat([outfalls.iloc[:at], made[0], outfalls.iloc[at + 1 :], *made[1:]])
    checked = gpd.GeoDataFrame(check(frame.set_axis(range(len(frame)), axis=0), "outfalls"), crs=outfalls.crs)
    after = checked[checked["outfall_id"].isin(names)].copy()
    return checked, Decision("split", tuple(names), actor, reason, outfalls.iloc[[at]].copy(), after)


def undo_decision(outfalls: gpd.GeoDataFrame, decision: Decision) -> gpd.GeoDataFrame:
    """Return the table as it was before a merge or split; rows it did not touch stay as they are now.

    Parameters
    ----------
    outfalls : GeoDataFrame
        Contract ``outfalls``. Not changed.
    decision : Decision
        From merge_outfalls or split_outfall.

    Returns
    -------
    GeoDataFrame
        Outfalls a split made are gone; the same split would give them the same ids again.

    Raises
    ------
    TableError
        A touched row changed since; take back what changed it first.

    Examples
    --------
    See merge_outfalls and split_outfall.
    """
    now = outfalls.set_index("outfall_id")
    changed = [
        str(name)
        for name, row in decision.after.set_index("outfall_id").iterrows()
        if name not in now.index or not is_same(now.loc[name], row)
    ]
    if changed:
        what = "changed since the decision"
        problems = [Problem(name, what, "take back the later change first") for name in changed]
        msg = f"undo_decision: {len(changed)} outfalls are not as the {decision.kind} left them"
        raise TableError(msg, problems)
    before = decision.before.set_index("outfall_id")
    made = set(decision.after["outfall_id"]) - set(before.index)
    out = outfalls[~outfalls["outfall_id"].isin(made)].copy()
    ats = np.flatnonzero(out["outfall_id"].isin(before.index).to_numpy()).tolist()
    names = out["outfall_id"].iloc[ats].tolist()
    for column in before.columns:
        out[column] = with_cells(out[column], ats, before[column].loc[names].tolist())
    return gpd.GeoDataFrame(out)


def _check_said(reason: str, actor: str) -> None:
    problems = [
        Problem(name, "empty", "say who decides and why: it is kept for ever")
        for name, text in (("reason", reason), ("actor", actor))
        if not text.strip()
    ]
    if problems:
        msg = "a decision needs a reason and an actor"
        raise TableError(msg, problems)


def _rows(outfalls: gpd.GeoDataFrame, ids: Sequence[str], where: str) -> list[int]:
    names = outfalls["outfall_id"].astype(str).tolist()
    problems, found = [], []
    for name in ids:
        at = [row for row, other in enumerate(names) if other == name]
        if len(at) != 1:
            problems.append(
                Problem(str(name), f"stands {len(at)} times in the table", "name outfalls that are there once")
            )
        elif pd.notna(outfalls["merged_into"].iloc[at[0]]):
            what = f"is merged into {outfalls['merged_into'].iloc[at[0]]} already"
            problems.append(Problem(str(name), what, "name the outfall it became, or undo that merge first"))
        found += at
    if problems:
        msg = f"{where}: {len(problems)} of {len(ids)} ids cannot be used"
        raise TableError(msg, problems)
    return found


def _rank(outfalls: gpd.GeoDataFrame, row: int) -> tuple[bool, int, str]:
    sightings = split_ids(outfalls["sighting_ids"].iloc[row])
    return pd.isna(outfalls["code_national"].iloc[row]), -len(sightings), str(outfalls["outfall_id"].iloc[row])
