"""How is a town drawn: nodes and directed lines on a sheet in metres, turned onto the earth at the end."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import shapely

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

__all__ = ["BLANK", "Bank", "Line", "Mouth", "Point", "Sheet", "Sketch", "wander"]

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a river or pipe, drawn in the direction the water runs."""

    line_id: str
    kind: str
    from_node: str
    to_node: str
    points: NDArray[np.float64]
    name: str = ""
    system: str = ""
    width_m: float = np.nan
    depth_m: float = np.nan
    velocity_ms: float = 0.6
    flow_m3s: float = np.nan
    diameter_mm: float = np.nan
    split_share: float = 1.0
    is_recorded: bool = True

    @property
    def shape(self) -> shapely.LineString:
        """Return the line as a geometry of the sheet."""
        return shapely.LineString(self.points)

    @property
    def is_river(self) -> bool:
        """Whether the line belongs to the river layer; private ditches (ZY) belong to the sewer plan."""
        return self.kind in ("river", "ditch", "culvert", "tidal") and not self.line_id.startswith("ZY")


BLANK = Line("", "", "", "", np.zeros((0, 2)))


@dataclass(frozen=True, slots=True)
class Mouth:
    """One true outfall: where a pipe, ditch or hole in the bank meets open water."""

    mouth_id: str
    node: str
    point: Point
    river_id: str
    along_m: float
    side: str
    outfall_class: str
    shape: str
    diameter_mm: float
    near: str
    net_id: str = ""


Bank = tuple[Point, Line, float, str]


@dataclass(slots=True)
class Sketch:
    """A drawing in progress: nodes by name, lines in order, true outfalls."""

    rng: np.random.Generator
    nodes: dict[str, Point] = field(default_factory=dict)
    lines: dict[str, Line] = field(default_factory=dict)
    mouths: list[Mouth] = field(default_factory=list)

    def node(self, name: str, point: Point) -> str:
        """Put a node on the sheet and return its name."""
        self.nodes[name] = (float(point[0]), float(point[1]))
        return name

    def line(
        self, line_id: str, kind: str, ends: tuple[str, str], *, via: Iterable[Point] = (), like: Line | None = None
    ) -> Line:
        """Draw a line between two nodes; other attributes are those of ``like``."""
        points = np.array([self.nodes[ends[0]], *via, self.nodes[ends[1]]], dtype=float)
        base = like or BLANK
        drawn = replace(base, line_id=line_id, kind=kind, from_node=ends[0], to_node=ends[1], points=points)
        self.lines[line_id] = drawn
        return drawn

    def rivers(self) -> list[Line]:
        """Return the open waters."""
        return [line for line in self.lines.values() if line.is_river]

    def bank(self, point: Point, *, only: str = "") -> tuple[Line, float, float]:
        """Return the nearest open water, how far along it and how far off its centre line."""
        spot = shapely.Point(point)
        rivers = [line for line in self.rivers() if line.kind != "culvert" and line.line_id.startswith(only)]
        best = min(rivers, key=lambda line: (line.shape.distance(spot), line.line_id))
        return best, float(best.shape.project(spot)), float(best.shape.distance(spot))

    def clear_m(self, point: Point) -> float:
        """Return how far a point is from the edge of any open water."""
        spot = shapely.Point(point)
        return min(line.shape.distance(spot) - line.width_m / 2 for line in self.rivers())

    def put_mouth(
        self, mouth_id: str, node: str, bank: Bank, *, look: tuple[str, str, float], near: str, net_id: str = ""
    ) -> str:
        """Make a node on a bank a true outfall of some class, shape and diameter; return the node."""
        point, river, along_m, side = bank
        self.mouths.append(Mouth(mouth_id, node, point, river.line_id, along_m, side, *look, near, net_id))
        return node

    def crowd_m(self, point: Point) -> float:
        """Return how far a point is from the nearest true outfall."""
        gaps = (float(np.hypot(point[0] - m.point[0], point[1] - m.point[1])) for m in self.mouths)
        return min(gaps, default=np.inf)

    def on_bank(self, point: Point, *, back_m: float, only: str = "") -> Bank:
        """Return the point moved to ``back_m`` behind the edge of the water, on the bank it is on."""
        river, along, _ = self.bank(point, only=only)
        centre = shapely.get_coordinates(river.shape.interpolate(along))[0]
        ahead = shapely.get_coordinates(river.shape.interpolate(min(along + 5.0, river.shape.length)))[0]
        behind = shapely.get_coordinates(river.shape.interpolate(max(along - 5.0, 0.0)))[0]
        flow = (ahead - behind) / np.linalg.norm(ahead - behind)
        left = np.array([-flow[1], flow[0]])
        is_left = float(np.dot(np.array(point) - centre, left)) >= 0
        out = centre + (left if is_left else -left) * (river.width_m / 2 + back_m)
        return (float(out[0]), float(out[1])), river, along, "left" if is_left else "right"


@dataclass(frozen=True, slots=True)
class Sheet:
    """Where the sheet lies on the earth: turned, perhaps mirrored, and moved."""

    east_m: float
    north_m: float
    turn_rad: float
    is_mirrored: bool

    def place(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return east and north of points of the sheet."""
        flat = np.asarray(points, dtype=float).reshape(-1, 2)
        v = -flat[:, 1] if self.is_mirrored else flat[:, 1]
        cos, sin = np.cos(self.turn_rad), np.sin(self.turn_rad)
        return np.column_stack([self.east_m + cos * flat[:, 0] - sin * v, self.north_m + sin * flat[:, 0] + cos * v])

    def side(self, side: str) -> str:
        """Return the bank as it is after mirroring."""
        return {"left": "right", "right": "left"}[side] if self.is_mirrored else side


def wander(
    rng: np.random.Generator, start: Point, end: Point, *, swing_m: float, wave_m: float, step_m: float = 15.0
) -> NDArray[np.float64]:
    """Return a meandering course between two points, straight at both ends."""
    a, b = np.array(start, dtype=float), np.array(end, dtype=float)
    length = float(np.linalg.norm(b - a))
    count = max(int(length / step_m), 4)
    t = np.linspace(0.0, 1.0, count + 1)
    along = (b - a) / length
    across = np.array([-along[1], along[0]])
    phase = rng.uniform(0, 2 * np.pi, 3)
    wave = sum(
        weight * np.sin(2 * np.pi * t * length / (wave_m * factor) + shift)
        for weight, factor, shift in zip((1.0, 0.35, 0.18), (1.0, 0.43, 0.21), phase, strict=True)
    )
    fade = np.clip(np.minimum(t, 1 - t) * length / (0.35 * wave_m), 0, 1)
    points: NDArray[np.float64] = (
        a + np.outer(t * length, along) + np.outer(swing_m * wave * np.sin(fade * np.pi / 2), across)
    )
    return points
