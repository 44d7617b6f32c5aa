"""How do several towns become one region: side by side on their rivers, under ids that stay their own."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd

from outfall.errors import TableError
from outfall.simulate._draw import CRS, Inflow, Scenery, build_scenery, draw_sheet
from outfall.simulate._sketch import Sheet

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from outfall.simulate.town import Town

__all__ = ["TOWNS", "check_width", "count_towns", "draw_sceneries", "join_towns"]

TOWNS = {"small": 1, "medium": 4, "large": 16}
_OUTFALLS_EACH = 65  # a town has 62 to 70
_ON_ONE_RIVER = 5
_ROW_M, _WEST_M = 7000.0, 45_000.0
_NARROWEST_M, _WIDEST_M = 40.0, 150.0
_IDS = {
    "reach_id", "source_id", "mouth_id", "river_line_id", "node", "enters_node", "sighting_id", "pipe_id", "from_node",
    "to_node", "sample_id", "result_id", "meter_id", "truth_id", "code", "file", "outfall_id",
}  # fmt: skip
_LISTS = {"source_ids", "true_source_ids", "sample_ids"}
_KEPT = {"unregistered", ""}


def count_towns(size: str | int) -> int | None:
    """Return how many towns make a region of a size, or None where the size is not known."""
    if isinstance(size, str):
        return TOWNS.get(size)
    return -(-size // _OUTFALLS_EACH) if isinstance(size, int) and not isinstance(size, bool) and size > 0 else None


def check_width(river_width_m: float | None) -> None:
    """Refuse a width a town cannot be drawn on."""
    if river_width_m is not None and not _NARROWEST_M <= river_width_m <= _WIDEST_M:
        msg = f"river_width_m: {river_width_m!r} was given; expected {_NARROWEST_M:g} to {_WIDEST_M:g} m, or None"
        raise TableError(msg)


def draw_sceneries(seed: int, towns: int, *, river_width_m: float | None = None) -> Iterator[Scenery]:
    """Draw the towns of a region one after another: five on a river, each in the water of those above it."""
    if towns == 1:
        yield build_scenery(seed, river_width_m=river_width_m)
        return
    rng = np.random.default_rng([seed, 991])
    base, inflow = draw_sheet(rng), None
    for number in range(towns):
        row, place = divmod(number, _ON_ONE_RIVER)
        turn = float(rng.uniform(-0.06, 0.06))
        sheet = Sheet(base.east_m - _WEST_M, base.north_m + row * _ROW_M, turn, bool(rng.random() < 0.5))
        own = int(np.random.SeedSequence([seed, number]).generate_state(1)[0])
        scenery = build_scenery(own, sheet=sheet, inflow=inflow if place else None, river_width_m=river_width_m)
        inflow = _leave(scenery)
        yield scenery


def _leave(scenery: Scenery) -> Inflow:
    end = scenery.sheet.place(np.array(scenery.sketch.nodes["M7"]))
    concentration = np.nan_to_num(scenery.water.concentration("M7"))
    return Inflow(end, scenery.water.flow_m3s["M7"], concentration)


def join_towns(towns: Sequence[Town], *, seed: int, size: str | int) -> Town:
    """Return several towns as one; every id says which town it is of."""
    first, width = towns[0], len(str(len(towns)))
    tables: dict[str, pd.DataFrame] = {}
    for field in fields(first):
        if isinstance(getattr(first, field.name), pd.DataFrame):
            parts = [
                _named(getattr(town, field.name), f"{number:0{width}d}-") for number, town in enumerate(towns, start=1)
            ]
            joined = pd.concat(parts, ignore_index=True)
            tables[field.name] = gpd.GeoDataFrame(joined, crs=CRS) if "geometry" in joined else joined
    rivers = tables["rivers"]
    # where another town follows, the last stretch is a river like any other
    ends = [at for at in range(len(towns)) if at % _ON_ONE_RIVER != _ON_ONE_RIVER - 1 and at + 1 < len(towns)]
    inner = rivers["reach_id"].isin([f"{at + 1:0{width}d}-HC-07" for at in ends])
    tables["rivers"] = rivers.assign(kind=rivers["kind"].mask(inner, "river"))
    whole = replace(first, seed=seed, size=size, scene=None)
    for name, table in tables.items():
        object.__setattr__(whole, name, table)  # a new town, nobody has seen it yet
    return whole


def _named(frame: pd.DataFrame, prefix: str) -> pd.DataFrame:
    """Return the table with a prefix before every id of its own."""
    new: dict[str, object] = {}
    for name in frame.columns:
        if name in _IDS:
            text = frame[name]
            new[name] = text.where(text.isin(_KEPT) | text.isna(), prefix + text.astype("str"))
        elif name in _LISTS:
            new[name] = [
                ";".join(part if part in _KEPT else prefix + part for part in str(cell).split(";"))
                for cell in frame[name]
            ]
        elif name == "point_name":
            new[name] = frame[name].where(frame["outfall_id"] == "", prefix + frame[name].astype("str"))
    return frame.assign(**new)
