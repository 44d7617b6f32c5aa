"""What is saved while faults happen: a script of 200 events over three tables, one save after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import pandas as pd
import shapely

from outfall.store import append_rows

if TYPE_CHECKING:
    from pathlib import Path

EVENTS = 200
_TIME = "2026-04-12T08:00Z"


class Step:
    """One save: its table, its rows, whether it replaces, and how many events it writes."""

    def __init__(self, table: str, frame: pd.DataFrame, *, events: int, replace: bool = False) -> None:
        self.table, self.frame, self.events, self.replace = table, frame, events, replace

    def save(self, store: Path | str) -> int:
        """Save the rows and return how many events that wrote."""
        return append_rows(store, self.table, self.frame, actor="script", reason="fault test", replace=self.replace)


def make_steps() -> list[Step]:
    """Return the script: single saves, saves of seven, edits, moves, and deletes by ``replace``; 200 events in all."""
    steps: list[Step] = []
    for number in range(10):
        steps += [Step("outfalls", outfalls([number * 10 + row]), events=1) for row in range(4)]
        steps.append(Step("outfalls", outfalls(range(number * 10 + 4, number * 10 + 9)), events=5))
        steps += [Step("outfalls", outfalls([number * 10 + 1], moved=0.01), events=1)]
        steps += [Step("samples", samples([number * 3 + row]), events=1) for row in range(3)]
        steps.append(Step("samples", samples([number * 3 + 1], lab="河口 lab"), events=1))
        steps.append(Step("sources", sources(range(number + 1)), events=1))
    steps += [Step("outfalls", outfalls(range(80, 131)), events=35)]
    steps += [Step("samples", samples(range(22)), events=15, replace=True)]
    return steps


def outfalls(numbers, *, moved: float = 0.0) -> gpd.GeoDataFrame:
    """Return outfalls on a small grid."""
    ids = [f"P-{number:04d}" for number in numbers]
    points = [shapely.Point(113.0 + number % 10 * 0.01 + moved, 22.0 + number // 10 * 0.01) for number in numbers]
    refs = [f"walk.xlsx#{number + 2}" for number in numbers]
    rows = {"outfall_id": ids, "status": "suspected", "sighting_count": 1, "source_ref": refs}
    return gpd.GeoDataFrame(rows, geometry=points, crs="EPSG:4490")


def samples(numbers, *, lab: str = "") -> pd.DataFrame:
    """Return water samples."""
    ids = [f"W{number}" for number in numbers]
    return pd.DataFrame({"sample_id": ids, "taken_at": _TIME, "source_ref": [f"lab.csv#{one}{lab}" for one in ids]})


def sources(numbers) -> pd.DataFrame:
    """Return enterprises that may be responsible."""
    ids = [f"E{number}" for number in numbers]
    points = [shapely.Point(113.5, 22.5 + number * 0.01) for number in numbers]
    rows = {
        "source_id": ids,
        "name": [f"企业 {one}" for one in ids],
        "source_ref": [f"permits.xlsx#{one}" for one in ids],
    }
    return gpd.GeoDataFrame(rows, geometry=points, crs="EPSG:4490")
