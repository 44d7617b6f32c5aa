"""What matching found in many surveys, before anything is named: the groups, and the decisions at nearly even odds."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from outfall.registry.explain import Reasons, explain_groups, find_close_calls
from outfall.registry.match import Matches, match_things
from outfall.registry.piped import Piped, place_piped
from outfall.registry.review import check_shares, read_review
from outfall.registry.seen import gather, platforms
from outfall.registry.steps import is_step
from outfall.tables import issue
from outfall.vocabulary import label

if TYPE_CHECKING:
    from collections.abc import Sequence

    import geopandas as gpd
    import pandas as pd

    from outfall.network import Network

__all__ = ["Matched", "find_doubts", "match_sightings"]

Notes = list[dict[str, object]]


class Matched(NamedTuple):
    """What matching found, before anything is named."""

    piped: Piped
    things: gpd.GeoDataFrame
    steps: gpd.GeoDataFrame
    matches: Matches
    members: list[list[int]]
    reasons: Reasons
    notes: Notes


def match_sightings(
    seen: pd.DataFrame | Sequence[pd.DataFrame],
    network: Network,
    *,
    same_share: float,
    doubt_share: float,
    review: pd.DataFrame | None,
) -> Matched:
    """Return sightings in groups that are one thing; steps and finds inside pipes are set apart."""
    check_shares(same_share, doubt_share)
    every, notes = gather(seen, network.crs)
    piped = place_piped(every, network)
    step = is_step(piped.kept)
    things = piped.kept[~step].reset_index(drop=True)
    steps = piped.kept[step].reset_index(drop=True)
    same, different, found = read_review(review, things)
    least = float(np.log(same_share / (1.0 - same_share)))
    matches = match_things(things, network, least=least, same=same, different=different)
    found += _learned(matches)
    order = np.argsort(matches.state.label, kind="stable")
    cut = np.flatnonzero(np.diff(matches.state.label[order])) + 1
    members = sorted(group.tolist() for group in np.split(order, cut)) if len(order) else []
    return Matched(piped, things, steps, matches, members, explain_groups(matches), [*notes, *found])


def _learned(matches: Matches) -> Notes:
    """Return what was learned about the surveys, for people to read."""
    model, names, found = matches.state.model, matches.surveys.names, []
    for code, name in enumerate(names):
        if not model.pairs[code]:
            continue
        east_m, north_m, pairs = *map(float, model.shift_m[code]), int(model.pairs[code])
        reason = f"positions of survey {name} are moved by {-east_m:+.1f} m east, {-north_m:+.1f} m north ({pairs} sure pairs)"
        reason_zh = f"批次 {name} 整体平移 东 {-east_m:+.1f} m、北 {-north_m:+.1f} m（{pairs} 对可靠匹配）"
        moved = float(np.hypot(east_m, north_m))
        found.append(
            issue("assumption", "sightings", reason, reason_zh=reason_zh, rows=[name], level="note", distance_m=moved)
        )
    for code, platform in enumerate(platforms()):
        times = float(model.stretch[code])
        if not 0.7 < times < 1.4:
            rows = [
                name
                for at, name in enumerate(names)
                if (matches.surveys.platform[matches.surveys.survey == at] == code).any()
            ]
            reason = f"stated position errors of {platform} are taken {times:.2f} times: gaps of sure pairs show it"
            reason_zh = f"{label('platform', platform, lang='zh')}填报的定位误差按 {times:.2f} 倍计: 可靠匹配的间距如此"
            found.append(issue("assumption", "sightings", reason, reason_zh=reason_zh, rows=rows, level="note"))
    return found


def find_doubts(known: Matched, doubt_share: float) -> Notes:
    """Return the merges and refusals at nearly even odds, each as its closest pair."""
    ids = known.things["sighting_id"].to_numpy()
    notes = []
    for one, two, share, is_together in find_close_calls(known.matches, doubt_share):
        decision, decision_zh = ("put together", "已合并") if is_together else ("kept apart", "未合并")
        gap = float(np.hypot(*(known.matches.points_m[one] - known.matches.points_m[two])))
        reason = (
            f"{ids[one]} and {ids[two]} are one outfall with probability {share:.2f}, {gap:.1f} m apart: {decision}"
        )
        reason_zh = f"{ids[one]} 与 {ids[two]} 相距 {gap:.1f} m, 同一排口概率 {share:.2f}: {decision_zh}"
        rows = [ids[one], ids[two]]
        kind = "doubtful_pair"
        notes.append(
            issue(kind, "sightings", reason, reason_zh=reason_zh, rows=rows, decision=decision, distance_m=gap)
        )
    return notes
