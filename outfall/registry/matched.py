"""What matching found in many surveys, before anything is named: the groups, and the decisions at nearly even odds."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from outfall.registry.cluster import Groups, group_sightings
from outfall.registry.match import Matches, match_pairs
from outfall.registry.piped import Piped, place_piped
from outfall.registry.review import check_shares, read_review
from outfall.registry.seen import gather
from outfall.registry.steps import is_step
from outfall.tables import issue

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
    groups: Groups
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
    matches = match_pairs(things)
    same, different, found = read_review(review, things)
    survey = np.unique(things["survey_id"].astype(str).to_numpy(), return_inverse=True)[1]
    least = float(np.log(same_share / (1.0 - same_share)))
    groups = group_sightings(
        survey, matches.left, matches.right, matches.log_odds, least=least, same=same, different=different
    )
    for name, east_m, north_m, pairs in matches.bias:
        reason = f"positions of survey {name} are moved by {-east_m:+.1f} m east, {-north_m:+.1f} m north ({pairs} sure pairs)"
        reason_zh = f"批次 {name} 整体平移 东 {-east_m:+.1f} m、北 {-north_m:+.1f} m（{pairs} 对可靠匹配）"
        moved = float(np.hypot(east_m, north_m))
        found.append(
            issue("assumption", "sightings", reason, reason_zh=reason_zh, rows=[name], level="note", distance_m=moved)
        )
    return Matched(piped, things, steps, matches, groups, [*notes, *found])


def find_doubts(known: Matched, doubt_share: float) -> Notes:
    """Return the merges and refusals at nearly even odds, each as its closest pair."""
    ids = known.things["sighting_id"].to_numpy()
    at_pair = {
        pair: at for at, pair in enumerate(zip(known.matches.left.tolist(), known.matches.right.tolist(), strict=True))
    }
    notes = []
    for merges, decision, decision_zh in (
        (known.groups.merges, "put together", "已合并"),
        (known.groups.refused, "kept apart", "未合并"),
    ):
        for merge in merges:
            share = float(1.0 / (1.0 + np.exp(-merge.log_odds)))
            if not doubt_share < share < 1.0 - doubt_share:
                continue
            pairs = [(min(a, b), max(a, b)) for a in merge.left for b in merge.right]
            one, two = max(
                (pair for pair in pairs if pair in at_pair), key=lambda pair: known.matches.log_odds[at_pair[pair]]
            )
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
