"""One row per outfall, with the steps it explains; steps nobody explains are suspected outfalls of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from outfall.registry.merge import Member, as_members, describe_group, merge_rows
from outfall.registry.seen import positions
from outfall.registry.steps import explain_steps
from outfall.tables import issue

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from outfall.network import Network
    from outfall.registry.matched import Matched

__all__ = ["outfall_rows"]

Notes = list[dict[str, object]]
Row = dict[str, object]

# A towed sensor sees no thing: what the thing is like stays as the others saw it.
_THING_WORDS = ("name", "outfall_class", "outfall_shape", "diameter_mm", "side", "note", "is_discharging")


def outfall_rows(
    known: Matched, network: Network, *, same_share: float
) -> tuple[list[Row], Notes, list[dict[str, str]]]:
    """Return the outfalls as rows before they are named and placed, with doubts and sightings that became none."""
    things = as_members(known.things)
    points, sigma, fixed = known.matches.points_m, known.matches.sigma_m, known.matches.fixed.tolist()
    rows: list[Row] = []
    places = _mean_places(points, sigma, known.members)
    shares = known.reasons.group_share[known.matches.state.label]
    for members, place in zip(known.members, places, strict=True):
        mine = {row: things[row] for row in members}
        reason, reason_zh = describe_group(mine, known.reasons, decided=all(fixed[row] for row in members))
        why = {"reason": reason, "reason_zh": reason_zh, "match_share": float(shares[members[0]])}
        rows.append(merge_rows(list(mine.values())) | place | why)
    return _with_steps(rows, known, network, same_share=same_share)


def _with_steps(
    rows: list[Row], known: Matched, network: Network, *, same_share: float
) -> tuple[list[Row], Notes, list[dict[str, str]]]:
    columns = ["geometry", "sigma_m", "is_discharging", "side"]
    frame = pd.DataFrame([{name: row[name] for name in columns} for row in rows], columns=columns)
    table = gpd.GeoDataFrame(frame, geometry="geometry", crs=network.crs)
    steps, members = as_members(known.steps), known.members
    explained = explain_steps(known.steps, table, network, same_share=same_share)
    things = as_members(known.things) if steps else []
    for at in sorted(set(explained.outfall[explained.outfall >= 0].tolist())):
        mine = np.flatnonzero(explained.outfall == at).tolist()
        seen = [things[row] for row in members[at]]
        rows[at] = _add_steps(rows[at], seen, [steps[row] for row in mine], float(explained.share[mine].min()))
    unused, notes = list(known.piped.unused), []
    for at in np.flatnonzero(explained.outfall == -2).tolist():
        sighting = str(steps[at]["sighting_id"])
        what, what_zh = "may come from any of several outfalls beside it", "可能来自附近多个排口之一"
        unused.append({"sighting_id": sighting, "reason": what, "reason_zh": what_zh})
        reason, reason_zh = f"step {sighting} {what}", f"走航突变 {sighting} {what_zh}"
        notes.append(
            issue("assumption", "sightings", reason, reason_zh=reason_zh, rows=[sighting], decision="counted for none")
        )
    points = positions(known.steps)
    sigma = known.steps["sigma_m"].to_numpy(dtype=float)
    places = _mean_places(points, sigma, explained.groups)
    found = [
        _from_steps([steps[at] for at in group]) | place for group, place in zip(explained.groups, places, strict=True)
    ]
    return [*rows, *found], notes, unused


def _mean_places(points: NDArray[np.float64], sigma: NDArray[np.float64], groups: list[list[int]]) -> list[Row]:
    """Return the mean position of each group weighted by inverse variance, and its sigma."""
    member = np.array([row for group in groups for row in group], dtype=np.int64)
    group = np.repeat(np.arange(len(groups)), [len(rows) for rows in groups])
    weight = 1.0 / sigma[member] ** 2
    whole = np.bincount(group, weight, len(groups))
    east, north = (np.bincount(group, points[member, axis] * weight, len(groups)) / whole for axis in (0, 1))
    places = zip(shapely.points(east, north).tolist(), (whole**-0.5).tolist(), strict=True)
    return [{"geometry": point, "sigma_m": sigma_m} for point, sigma_m in places]


def _add_steps(row: Row, seen: list[Member], steps: list[Member], share: float) -> Row:
    both = merge_rows([*seen, *steps])
    words = {name: row[name] for name in _THING_WORDS}
    ids = ", ".join(sorted(str(step["sighting_id"]) for step in steps))
    what = ", ".join(sorted({str(step["step_parameter"]) for step in steps}))
    reason = f"{row['reason']} It explains what a towed sensor saw: {ids} ({what}; {share:.2f})."
    reason_zh = f"{row['reason_zh']}走航突变 {ids} 由该排口解释, 概率 {share:.2f}。"
    return row | both | words | {"reason": reason, "reason_zh": reason_zh}


def _from_steps(steps: list[Member]) -> Row:
    ids = ", ".join(sorted(str(step["sighting_id"]) for step in steps))
    what = ", ".join(sorted({str(step["step_parameter"]) for step in steps}))
    note = f"Seen only as a step of a towed sensor ({what}); no known outfall explains it. 仅走航突变, 无已知排口可解释"
    return merge_rows(steps) | {
        "status": "suspected",
        "note": note,
        "reason": f"A towed sensor saw the water change ({what}: {ids}) where no outfall is known.",
        "reason_zh": f"走航水质突变（{ids}）附近无已知排口, 列为疑似。",
        "match_share": 1.0,
    }
