"""What people decided about pairs of sightings, and whether it can be followed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from outfall.errors import Problem, TableError
from outfall.tables import issue

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

__all__ = ["check_shares", "read_review"]

Notes = list[dict[str, object]]
Pairs = list[tuple[int, int]]


def check_shares(same_share: float, doubt_share: float) -> None:
    """Refuse probabilities that cannot be thresholds."""
    problems = []
    if not 0.0 < same_share < 1.0:
        problems.append(Problem("same_share", f"{same_share!r} is not between 0 and 1", "0.5 is even odds"))
    if not 0.0 <= doubt_share <= 0.5:
        problems.append(Problem("doubt_share", f"{doubt_share!r} is not between 0 and 0.5", "0 lists nothing"))
    if problems:
        msg = f"register: {len(problems)} option{'s' if len(problems) > 1 else ''} cannot be used"
        raise TableError(msg, problems)


def read_review(review: pd.DataFrame | None, things: gpd.GeoDataFrame) -> tuple[Pairs, Pairs, Notes]:
    """Return the pairs people decided, as rows; a decision about a sighting that is not there is written down."""
    if review is None or not len(review):
        return [], [], []
    missing = [name for name in ("sighting_a", "sighting_b", "same") if name not in review.columns]
    if missing:
        problems = [Problem(name, "missing", "a review has sighting_a, sighting_b and same") for name in missing]
        msg = "review: columns are missing"
        raise TableError(msg, problems)
    row_of = {sighting: row for row, sighting in enumerate(things["sighting_id"])}
    same: Pairs = []
    different: Pairs = []
    gone: list[str] = []
    for one, two, is_same in zip(review["sighting_a"], review["sighting_b"], review["same"], strict=True):
        if str(one) in row_of and str(two) in row_of:
            (same if bool(is_same) else different).append((row_of[str(one)], row_of[str(two)]))
        else:
            gone += [str(name) for name in (one, two) if str(name) not in row_of]
    notes = []
    if gone:
        reason, reason_zh = f"{len(gone)} sightings of the review are not there", f"复核表中 {len(gone)} 个疑似点不存在"
        notes.append(issue("skipped_row", "review", reason, reason_zh=reason_zh, rows=gone, decision="ignored"))
    _refuse_contradiction(same, different, things)
    return sorted(same), sorted(different), notes


def _refuse_contradiction(same: Pairs, different: Pairs, things: gpd.GeoDataFrame) -> None:
    root = list(range(len(things)))

    def find(row: int) -> int:
        while root[row] != row:
            row = root[row]
        return row

    for one, two in same:
        root[find(one)] = find(two)
    ids = things["sighting_id"].to_numpy()
    bad = [(str(ids[one]), str(ids[two])) for one, two in different if find(one) == find(two)]
    if bad:
        what = "the review says both that they are one thing and that they are not"
        problems = [Problem(f"{one}, {two}", what, "delete one of the decisions") for one, two in bad]
        msg = "review: decisions contradict each other"
        raise TableError(msg, problems)
