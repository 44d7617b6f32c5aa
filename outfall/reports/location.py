"""Where is an outfall, drawn small: the water, the pipes, the traced path and the suspects, as points of an SVG."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import shapely
from shapely.ops import substring

from outfall.reports.reasons import UNREGISTERED
from outfall.tables import split_ids

if TYPE_CHECKING:
    from collections.abc import Sequence

    import geopandas as gpd
    from numpy.typing import NDArray

    from outfall.network import Network

__all__ = ["Row", "Sketch", "Spot", "sketch"]

Row: TypeAlias = dict[Any, Any]
_WIDTH_PX, _HEIGHT_PX = 560, 400
_LEAST_M = 240.0
_MARGIN = 1.25
_LABELS = 4
_SOURCES = 3
_WATERS = ("river", "ditch", "tidal", "lake", "coast")


@dataclass(frozen=True, slots=True)
class Spot:
    """A mark or a text on a sketch, in pixels from its upper left corner."""

    left: float
    top: float
    text: str


@dataclass(frozen=True, slots=True)
class Sketch:
    """A location map as SVG numbers; texts are plain and are escaped where they are printed."""

    width_px: int
    height_px: int
    waters: tuple[str, ...]
    pipes: tuple[str, ...]
    path: tuple[str, ...]
    labels: tuple[Spot, ...]
    sources: tuple[Spot, ...]
    outfall: Spot
    bar: Spot
    bar_px: float


def sketch(
    point: shapely.Point,
    network: Network,
    *,
    candidates: Sequence[Row] = (),
    sources: gpd.GeoDataFrame | None = None,
) -> Sketch | None:
    """Return the location map of one outfall, or None where it has no position.

    Parameters
    ----------
    point : Point, CRS of the network
        The outfall.
    network : Network
        Its reaches inside the frame are drawn.
    candidates : sequence of dict
        Candidates of this outfall by rank; the path of the first that has one is drawn.
    sources : GeoDataFrame, optional, CRS of the network
        Indexed by source_id; the first three candidates are marked with their rank.
    """
    if point is None or point.is_empty:
        return None
    path = _path(network, candidates, point)
    suspects = _suspects(candidates, sources)
    view = _View.around([point, *path, *(place for _, place in suspects)])
    reaches = network.reaches.iloc[np.sort(network.reaches.sindex.query(view.box()))]
    is_water = reaches["kind"].isin(_WATERS).to_numpy()
    lines = reaches.geometry.to_numpy()
    waters = shapely.clip_by_rect(lines[is_water], *view.bounds)
    names = reaches["name"].to_numpy(dtype=object)[is_water]
    bar_m = _round_down((view.bounds[2] - view.bounds[0]) / 4)
    return Sketch(
        width_px=_WIDTH_PX,
        height_px=_HEIGHT_PX,
        waters=view.draw(waters),
        pipes=view.draw(shapely.clip_by_rect(lines[~is_water], *view.bounds)),
        path=view.draw(np.array(path, dtype=object)),
        labels=_labels(waters, names, view),
        sources=tuple(view.spot(place, str(rank)) for rank, place in suspects),
        outfall=view.spot(point, ""),
        bar=Spot(14.0, _HEIGHT_PX - 14.0, f"{bar_m / 1000:g} km" if bar_m >= 1000 else f"{bar_m:g} m"),
        bar_px=round(bar_m * view.scale, 1),
    )


@dataclass(frozen=True, slots=True)
class _View:
    bounds: tuple[float, float, float, float]
    scale: float

    @classmethod
    def around(cls, shapes: list[shapely.Geometry]) -> _View:
        west, south, east, north = shapely.total_bounds(np.array(shapes, dtype=object))
        ratio = _WIDTH_PX / _HEIGHT_PX
        wide = max((east - west) * _MARGIN, (north - south) * _MARGIN * ratio, _LEAST_M * ratio)
        middle_east, middle_north = (west + east) / 2, (south + north) / 2
        half_east, half_north = wide / 2, wide / ratio / 2
        bounds = (
            middle_east - half_east,
            middle_north - half_north,
            middle_east + half_east,
            middle_north + half_north,
        )
        return cls(tuple(map(float, bounds)), _WIDTH_PX / wide)  # type: ignore[arg-type]

    def box(self) -> shapely.Polygon:
        return shapely.box(*self.bounds)

    def spot(self, place: shapely.Point, text: str) -> Spot:
        left, top = self._pixels(np.array([[place.x, place.y]]))[0]
        return Spot(float(left), float(top), text)

    def draw(self, lines: NDArray[np.object_]) -> tuple[str, ...]:
        parts = shapely.get_parts(lines[~shapely.is_missing(lines)]) if len(lines) else lines
        parts = shapely.simplify(parts, 0.7 / self.scale) if len(parts) else parts
        drawn = []
        for part in parts:
            corners = self._pixels(shapely.get_coordinates(part))
            if len(corners) > 1:
                drawn.append(" ".join(f"{left:g},{top:g}" for left, top in corners))
        return tuple(drawn)

    def _pixels(self, corners: NDArray[np.float64]) -> NDArray[np.float64]:
        west, _, _, north = self.bounds
        return np.round(np.column_stack([corners[:, 0] - west, north - corners[:, 1]]) * self.scale, 1)


def _path(network: Network, candidates: Sequence[Row], point: shapely.Point) -> list[shapely.Geometry]:
    """Return the way of the first registered candidate: from the source to the network, and along it to the outfall."""
    row = next((row for row in candidates if row["source_id"] != UNREGISTERED), None)
    if row is None:
        return []
    leg = row.get("geometry")
    is_leg = leg is not None and not leg.is_empty
    reaches = (
        network.reaches[network.reaches["reach_id"].isin(split_ids(row["path_ids"]))].set_index("reach_id").geometry
    )
    lines = [reaches[name] for name in split_ids(row["path_ids"]) if name in reaches.index]
    if lines:
        begin = lines[0].project(shapely.get_point(leg, -1)) if is_leg else 0.0
        end = lines[-1].project(point)
        if len(lines) == 1:
            lines = [substring(lines[0], begin, end)]
        else:
            lines = [substring(lines[0], begin, lines[0].length), *lines[1:-1], substring(lines[-1], 0.0, end)]
    return [*([leg] if is_leg else []), *(line for line in lines if line.length > 0)]


def _suspects(candidates: Sequence[Row], sources: gpd.GeoDataFrame | None) -> list[tuple[int, shapely.Point]]:
    marks: list[tuple[int, shapely.Point]] = []
    if sources is None:
        return marks
    for row in candidates:
        place = sources.geometry.get(row["source_id"])
        if place is not None and not place.is_empty and len(marks) < _SOURCES and int(row["rank"]) <= _SOURCES + 1:
            marks.append((int(row["rank"]), place))
    return marks


def _labels(waters: NDArray[np.object_], names: NDArray[np.object_], view: _View) -> tuple[Spot, ...]:
    longest: dict[str, shapely.Geometry] = {}
    for line, name in zip(waters, names, strict=True):
        known = isinstance(name, str) and name and not line.is_empty
        if known and line.length > getattr(longest.get(name), "length", 0.0):
            longest[name] = max(shapely.get_parts(line), key=lambda part: float(part.length))
    chosen = sorted(longest, key=lambda name: (-longest[name].length, name))[:_LABELS]
    spots = [view.spot(longest[name].interpolate(0.5, normalized=True), name) for name in chosen]
    return tuple(
        Spot(min(max(spot.left, 40.0), _WIDTH_PX - 40.0), min(max(spot.top - 8, 16.0), _HEIGHT_PX - 30.0), spot.text)
        for spot in spots
    )


def _round_down(length_m: float) -> float:
    power = 10.0 ** math.floor(math.log10(length_m))
    return float(next(step * power for step in (5.0, 2.0, 1.0) if step * power <= length_m))
