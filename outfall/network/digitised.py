"""Which way lines run: as they are digitised, unless a column of the file or the user says otherwise."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from outfall.vocabulary import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from outfall.network.overrides import Overrides
    from outfall.network.record import Record

__all__ = ["direct_lines"]

_MANY = 400  # lines turned by the file that have a row of their own


def direct_lines(lines: gpd.GeoDataFrame, record: Record, overrides: Overrides, about: str) -> gpd.GeoDataFrame:
    """Return lines with their forward share and its reason; those that run against their digitising are turned.

    Parameters
    ----------
    lines : GeoDataFrame, n rows
        Clean lines.
    record : Record
        Decisions are added to it.
    overrides : Overrides
        Lines the user turns.
    about : str
        ``"rivers"`` or ``"pipes"``.

    Returns
    -------
    GeoDataFrame, n rows
        With ``forward_share`` and ``forward_reason``; none is 0.
    """
    words = lines["direction"].map(plain, na_action="ignore")
    said = words.map(_directions(), na_action="ignore").astype("float64")
    unknown = sorted(set(lines["direction"][words.notna() & said.isna()]))
    if unknown:
        text = f"column direction: {', '.join(map(repr, unknown[:8]))} is not a word we know"
        record.add("assumption", ["direction"], (text, f"流向:{', '.join(unknown[:8])} 无法识别"), level="warning", about=about,
                   decision="digitised order is used")  # fmt: skip
    given = lines["forward_share"]
    tidal = lines["kind"] == "tidal"
    share = given.fillna(said).fillna(pd.Series(np.where(tidal, 0.5, 1.0), index=lines.index))
    why = pd.Series(np.where(tidal, "tidal: either way", "digitised order"), index=lines.index, dtype="str")
    why = why.mask(said.notna(), "the file says " + lines["direction"].astype("str"))
    why = lines["forward_reason"].fillna(why.mask(given.notna(), "given as forward_share"))
    by_file = (share == 0).to_numpy(dtype=bool)
    chosen = overrides.ids("turn", about)
    by_hand = lines["line_id"].isin(chosen).to_numpy() if chosen else np.zeros(len(lines), dtype=bool)
    turn = by_file ^ by_hand
    why = why.mask(by_hand, "turned by an override")
    share = share.mask(by_hand & by_file, 1.0)
    out = lines.assign(forward_share=share, forward_reason=why.astype("str"))
    if not turn.any():
        return out
    shapes = out.geometry.to_numpy().copy()
    shapes[turn] = shapely.reverse(shapes[turn])
    out = out.set_geometry(gpd.GeoSeries(shapes, index=out.index, crs=out.crs))
    for one, other in (("from_node", "to_node"), ("invert_from_m", "invert_to_m")):
        first, second = out[one].where(~turn, out[other]), out[other].where(~turn, out[one])
        out[one], out[other] = first, second
    out["forward_share"] = out["forward_share"].mask(by_file, 1.0)
    _record_turned(lines["line_id"][turn & by_file], lines["line_id"][by_hand], record, about)
    return out


def _record_turned(by_file: pd.Series, by_hand: pd.Series, record: Record, about: str) -> None:
    """Write down which lines run against their digitised order: each alone, so that each can be undone."""
    text, text_zh = "runs against its digitised order, as the file says", "按文件说明反向"
    for name in sorted(set(by_file))[:_MANY]:
        record.add("reversed", [name], (f"{name} {text}", f"{name} {text_zh}"), about=about, decision="turned")
    if by_file.nunique() > _MANY:
        more = sorted(set(by_file))[_MANY:]
        reasons = f"{len(more):,} more lines: each {text}", f"另有 {len(more):,} 条线{text_zh}"
        record.add("reversed", more, reasons, about=about, decision="turned")
    for name in sorted(set(by_hand)):
        reasons = f"{name} is turned by an override", f"{name} 由人工指定反向"
        record.add("overridden", [name], reasons, about=about, decision="turned")


@cache
def _directions() -> Mapping[str, float]:
    stream = files(__package__).joinpath("directions.csv").read_text(encoding="utf-8").splitlines()
    return {plain(row["word"]): float(row["forward_share"]) for row in csv.DictReader(stream)}
