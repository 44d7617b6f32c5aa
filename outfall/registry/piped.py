"""Where sightings known along a pipe or reach are, and which of them are no river outfalls."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from outfall.registry.mouths import WATERS, mouth_nodes
from outfall.tables import issue

if TYPE_CHECKING:
    from collections.abc import Mapping

    from outfall.network import Network

__all__ = ["Piped", "place_piped"]

# Our defaults: how near its mouth a find in a pipe is the mouth, and what a tape may be wrong before we say so.
_AT_MOUTH_M = 10.0
_BEYOND_M = 5.0


class Piped(NamedTuple):
    """Sightings with a point, those that are no outfalls with the reason, and the doubts."""

    kept: gpd.GeoDataFrame
    unused: list[dict[str, str]]
    notes: list[dict[str, object]]


def place_piped(every: gpd.GeoDataFrame, network: Network) -> Piped:
    """Give sightings known along a reach their point, and set those inside pipes apart.

    Parameters
    ----------
    every : GeoDataFrame, n rows
        From seen.gather. Not changed.
    network : Network
        Its ``line_id`` (the user's own pipe id) or ``reach_id`` is what a crawler names.

    Returns
    -------
    Piped
        A find inside a pipe is no river outfall: only one within ten metres (or three sigma) of the pipe's mouth is.
    """
    asked = (every.geometry.isna() | (every["platform"] == "crawler")).to_numpy() & every["reach_id"].notna().to_numpy()
    left_out = _LeftOut([], [], [])
    pieces = _pieces(network) if asked.any() else {}
    mouths = mouth_nodes(network) if asked.any() else set()
    geometry = every.geometry.to_numpy().copy()
    ids, names = every["sighting_id"].astype(str).tolist(), every["reach_id"].astype("object").tolist()
    along, sigma = np.nan_to_num(every["along_m"].to_numpy(dtype=float)), every["sigma_m"].to_numpy(dtype=float)
    keep = ~(every.geometry.isna().to_numpy() & ~asked)
    for at in np.flatnonzero(~keep).tolist():
        left_out.add(ids[at], "has neither a point nor a reach_id", "既无坐标也无管段编号")
    for at in np.flatnonzero(asked).tolist():
        name = str(names[at])
        if name not in pieces:
            keep[at] = geometry[at] is not None
            if not keep[at]:
                left_out.add(ids[at], f"names pipe {name!r}, which is not in the network", f"管段 {name!r} 不在管网中")
            continue
        row, on_m, left_m = _on_piece(network, pieces[name], float(along[at]))
        if left_m < -max(_BEYOND_M, 0.02 * along[at]):
            left_out.beyond(ids[at], name, float(along[at]), -left_m)
        geometry[at] = shapely.line_interpolate_point(network.reaches.geometry.iloc[row], on_m)
        is_mouth = str(network.reaches["to_node"].iloc[pieces[name][-1][1]]) in mouths
        if network.reaches["kind"].iloc[row] in WATERS or (is_mouth and left_m <= max(_AT_MOUTH_M, 3.0 * sigma[at])):
            continue
        keep[at] = False
        left_out.inside.append(ids[at])
        what, what_zh = f"lies inside pipe {name}, {left_m:.0f} m from its end", f"位于管道 {name} 内"
        left_out.unused.append({"sighting_id": ids[at], "reason": what, "reason_zh": what_zh})
    kept = every.set_geometry(gpd.GeoSeries(geometry, index=every.index, crs=every.crs))
    return Piped(kept[keep].reset_index(drop=True), left_out.unused, left_out.all_notes())


class _LeftOut(NamedTuple):
    """Sightings that become no outfall while they are being placed, with the doubts about all of them."""

    unused: list[dict[str, str]]
    notes: list[dict[str, object]]
    inside: list[str]

    def add(self, sighting: str, what: str, what_zh: str) -> None:
        """Leave a sighting out and say why."""
        self.unused.append({"sighting_id": sighting, "reason": what, "reason_zh": what_zh})
        reason, reason_zh = f"{sighting} {what}", f"{sighting}: {what_zh}"
        decision, level = "not made an outfall; it may still serve as a link", "error"
        self.notes.append(
            issue("no_place", "sightings", reason, reason_zh=reason_zh, rows=[sighting], decision=decision, level=level)
        )

    def beyond(self, sighting: str, name: str, along_m: float, beyond_m: float) -> None:
        """Write down a sighting beyond the end of its line."""
        reason = f"{sighting}: {along_m:g} m is {beyond_m:.1f} m beyond the end of {name}; placed at its end"
        reason_zh = f"{sighting}: 桩号 {along_m:g} m 超出 {name} 末端 {beyond_m:.1f} m, 按末端计"
        self.notes.append(
            issue("assumption", "sightings", reason, reason_zh=reason_zh, rows=[sighting], distance_m=beyond_m)
        )

    def all_notes(self) -> list[dict[str, object]]:
        """Return the doubts; finds inside pipes are one."""
        if not self.inside:
            return self.notes
        reason = f"{len(self.inside)} finds inside pipes are no river outfalls; they may serve as links"
        reason_zh = f"{len(self.inside)} 处管内发现不是入河排污口, 可作连接关系依据"
        rows, decision = self.inside, "not made outfalls"
        one = issue("skipped_row", "sightings", reason, reason_zh=reason_zh, rows=rows, level="note", decision=decision)
        return [*self.notes, one]


def _pieces(network: Network) -> Mapping[str, list[tuple[float, int]]]:
    """Return by the user's id of a line, or by reach_id, its pieces from the upstream end: start and row."""
    reaches = network.reaches
    start = pd.to_numeric(reaches.get("start_m", pd.Series(0.0, index=reaches.index))).fillna(0.0).to_numpy(dtype=float)
    found: dict[str, list[tuple[float, int]]] = {}
    lines = reaches["line_id"] if "line_id" in reaches.columns else reaches["reach_id"]
    for row, (line, begin) in enumerate(zip(lines.fillna(reaches["reach_id"]), start, strict=True)):
        found.setdefault(str(line), []).append((float(begin), row))
    for row, name in enumerate(reaches["reach_id"]):
        found.setdefault(str(name), [(0.0, row)])
    return {name: sorted(pieces) for name, pieces in found.items()}


def _on_piece(network: Network, pieces: list[tuple[float, int]], along_m: float) -> tuple[int, float, float]:
    """Return the row of the piece, the distance on its drawn line, and how far the end of the user's line is."""
    at = max(0, int(np.searchsorted([begin for begin, _ in pieces], along_m, side="right")) - 1)
    begin, row = pieces[at]
    length = float(network.reaches["length_m"].iloc[row])
    drawn = network.reaches.geometry.iloc[row].length
    last_begin, last_row = pieces[-1]
    end_m = last_begin + float(network.reaches["length_m"].iloc[last_row])
    share = min(max((along_m - begin) / length, 0.0), 1.0) if length > 0 else 0.0
    return row, share * drawn, end_m - along_m
